/* SPDX-License-Identifier: ISC */
/*
 * Configured children (conns): which are wanted up, what is done about it, and
 * when to try again.
 *
 * A conn is up when a child SA pair of it is up.  It is wanted if it is active,
 * or if a command or a packet asked for it.  What fails is tried again after
 * cf_retry_ms, doubling up to cf_retry_max_ms; a conn on demand waits for the
 * next packet instead.
 */
#include <stdio.h>
#include <stdlib.h>

#include "libike/ike_var.h"

static bool
conn_wanted(const struct conn *cn)
{
	if (cn->cn_down || cn->cn_conf.ch_start == IKE_START_DISABLED)
		return false;
	return cn->cn_want || cn->cn_conf.ch_start == IKE_START_ACTIVE;
}

struct child *
conn_other(const struct conn *cn, const struct child *not)
{
	struct ikesa *sa;
	struct child *c;

	if (cn == NULL)
		return NULL;
	LIST_FOREACH(sa, &cn->cn_pol->pl_sas, sa_pol_entry)
		TAILQ_FOREACH(c, &sa->sa_children, c_entry)
			if (c->c_conn == cn && c != not &&
			    c->c_state == CHILD_UP)
				return c;
	return NULL;
}

struct child *
conn_child(const struct conn *cn)
{
	return conn_other(cn, NULL);
}

bool
conn_is_up(const struct conn *cn)
{
	return conn_child(cn) != NULL;
}

bool
conn_is_busy(const struct conn *cn)
{
	struct ikesa *sa;

	LIST_FOREACH(sa, &cn->cn_pol->pl_sas, sa_pol_entry) {
		if ((sa->sa_state == SA_INIT_I || sa->sa_state == SA_AUTH_I) &&
		    sa->sa_hs != NULL && sa->sa_hs->hs_conn == cn)
			return true;
		if (sa->sa_state == SA_UP &&
		    xchg_queued(sa, X_CHILD_NEW, 0, cn))
			return true;
	}
	return false;
}

struct ikesa *
pol_ikesa(const struct pol *pl)
{
	struct ikesa *sa, *coming = NULL;

	LIST_FOREACH(sa, &pl->pl_sas, sa_pol_entry) {
		if (sa->sa_state == SA_UP)
			return sa;
		if (sa->sa_state == SA_INIT_I || sa->sa_state == SA_AUTH_I)
			coming = sa;
	}
	return coming;
}

void
conn_up(struct conn *cn)
{
	struct ikesa *sa;

	if (!conn_wanted(cn) || conn_is_up(cn) || conn_is_busy(cn))
		return;
	sa = pol_ikesa(cn->cn_pol);
	if (sa == NULL)
		(void)ikesa_connect(cn);
	else if (sa->sa_state == SA_UP)
		conn_create(cn, sa);
	/* else conn_established() of the first child comes back to us */
}

void
pol_up(struct pol *pl)
{
	struct conn *cn;

	TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry)
		if (!cn->cn_tmo.tm_on)
			conn_up(cn);
}

/* What went wrong last; NULL or "": nothing.  Without memory the reason must do. */
static void
conn_note(struct conn *cn, const char *note)
{
	size_t n = note == NULL ? 0 : strlen(note);
	char *copy = n == 0 ? NULL : ike_calloc(1, n + 1);

	if (copy != NULL)
		memcpy(copy, note, n);
	free(cn->cn_note);
	cn->cn_note = copy;
}

static uint32_t
conn_retry_wait(struct ike *ike, uint32_t tries)
{
	uint64_t wait = ike->i_conf.cf_retry_ms;

	while (tries-- > 1 && wait < ike->i_conf.cf_retry_max_ms)
		wait *= 2;
	if (wait > ike->i_conf.cf_retry_max_ms)
		wait = ike->i_conf.cf_retry_max_ms;
	return (uint32_t)ike_jitter(ike, wait);
}

static struct ike *
conn_ike(const struct conn *cn)
{
	return cn->cn_pol->pl_ike;
}

static void
conn_event(struct conn *cn, enum ike_reason r, const char *note, uint32_t wait)
{
	struct ikesa *sa = pol_ikesa(cn->cn_pol);
	struct ikesa none;

	if (sa == NULL) {
		memset(&none, 0, sizeof(none));
		memcpy(none.sa_name, cn->cn_pol->pl_conf.po_name,
		    sizeof(none.sa_name));
		none.sa_remote = cn->cn_pol->pl_conf.po_peer.pr_addr;
		sa = &none;
	}
	act_event(conn_ike(cn), IKE_EV_FAILED, r, sa, cn->cn_conf.ch_name,
	    wait, "%s", note);
}

void
conn_failed(struct conn *cn, enum ike_reason r, const char *note, bool retry)
{
	struct ike *ike = conn_ike(cn);
	uint32_t wait = 0;

	cn->cn_reason = r;
	conn_note(cn, note);
	if (cn->cn_retry++ == 0)
		cn->cn_since = ike->i_now;
	if (cn->cn_conf.ch_start == IKE_START_DEMAND)
		cn->cn_want = false;
	if (retry && conn_wanted(cn)) {
		wait = conn_retry_wait(ike, cn->cn_retry);
		tmo_set(&ike->i_tmos, &cn->cn_tmo, ike->i_now + wait);
	}
	conn_event(cn, r, note, wait);
}

void
conn_retry_due(struct conn *cn)
{
	conn_up(cn);
}

void
conn_established(struct conn *cn)
{
	cn->cn_since = conn_ike(cn)->i_now;
	cn->cn_retry = 0;
	cn->cn_reason = IKE_R_NONE;
	conn_note(cn, NULL);
	tmo_clear(&conn_ike(cn)->i_tmos, &cn->cn_tmo);
	pol_up(cn->cn_pol);
}

void
conn_rekey_failed(struct conn *cn, enum ike_reason r, const char *note)
{
	cn->cn_reason = r == IKE_R_PROP_PFS ? r : IKE_R_REKEY;
	conn_note(cn, note);
}

void
conn_rekeyed(struct conn *cn)
{
	cn->cn_rekeys++;
	cn->cn_reason = IKE_R_NONE;
	conn_note(cn, NULL);
}

/* How soon what was lost is made again. */
static uint64_t
conn_lost_wait(struct conn *cn, enum ike_reason why)
{
	struct ike *ike = conn_ike(cn);

	switch (why) {
	case IKE_R_PEER_DELETED:
	case IKE_R_KERNEL:
	case IKE_R_SYNTAX:
		return conn_retry_wait(ike, cn->cn_retry + 1);
	default:
		return ike_jitter(ike, 200);
	}
}

void
conn_lost(struct conn *cn, enum ike_reason why, const char *note)
{
	struct ike *ike = conn_ike(cn);

	if (conn_is_up(cn) || ike->i_stopping)
		return;
	if (why != IKE_R_DEAD && cn->cn_conf.ch_start == IKE_START_DEMAND)
		cn->cn_want = false;
	if (cn->cn_reason == IKE_R_NONE) {
		cn->cn_reason = why;
		cn->cn_since = ike->i_now;
		conn_note(cn, note);
	}
	if (conn_wanted(cn) && !cn->cn_tmo.tm_on)
		tmo_set(&ike->i_tmos, &cn->cn_tmo,
		    ike->i_now + conn_lost_wait(cn, why));
}
