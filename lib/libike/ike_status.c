/* SPDX-License-Identifier: ISC */
/*
 * Status for people, and what people and packets ask for.
 */
#include <stdio.h>

#include "libike/ike_var.h"

/* ------------------------------------------------------------- commands */

static bool
name_is(const struct conn *cn, const char *name)
{
	const char *policy = cn->cn_pol->pl_conf.po_name;
	size_t n = strlen(policy);

	if (name == NULL || strcmp(name, policy) == 0)
		return true;
	return strncmp(name, policy, n) == 0 && name[n] == '/' &&
	    strcmp(name + n + 1, cn->cn_conf.ch_name) == 0;
}

/* The policies that a name may mean: as a whole, and up to each '/'. */
struct named {
	const char	*na_name;
	size_t		 na_len;	/* of the next one to try */
};

static struct named
named_first(const char *name)
{
	return (struct named){ name, name == NULL ? 0 : strlen(name) };
}

static bool
named_next(const struct ike *ike, struct named *na, struct pol **pl)
{
	char part[IKE_NAME_MAX];

	while (na->na_len != 0) {
		size_t n = na->na_len;

		do
			na->na_len--;
		while (na->na_len != 0 && na->na_name[na->na_len] != '/');
		if (n >= sizeof(part))
			continue;
		memcpy(part, na->na_name, n);
		part[n] = '\0';
		if ((*pl = pol_by_name(ike, part)) != NULL)
			return true;
	}
	return false;
}

static void
conn_down(struct conn *cn)
{
	struct ikesa *sa, *next;
	struct child *c;

	cn->cn_down = true;
	cn->cn_want = false;
	cn->cn_retry = 0;
	cn->cn_reason = IKE_R_ASKED;
	cn->cn_since = cn->cn_pol->pl_ike->i_now;
	tmo_clear(&cn->cn_pol->pl_ike->i_tmos, &cn->cn_tmo);
	linger_drop(cn->cn_pol->pl_ike, cn->cn_conf.ch_reqid);
	while ((c = conn_child(cn)) != NULL)
		child_delete(c, IKE_R_ASKED);
	for (sa = LIST_FIRST(&cn->cn_pol->pl_sas); sa != NULL; sa = next) {
		next = LIST_NEXT(sa, sa_pol_entry);
		if (sa->sa_hs != NULL && sa->sa_hs->hs_conn == cn)
			ikesa_delete(sa, IKE_R_ASKED);
	}
}

static void
conn_command(struct conn *cn, enum ike_command cmd)
{
	struct child *c;

	switch (cmd) {
	case IKE_CMD_UP:
		cn->cn_down = false;
		cn->cn_want = true;
		cn->cn_retry = 0;
		if (cn->cn_reason == IKE_R_ASKED)
			cn->cn_reason = IKE_R_NONE;
		tmo_clear(&cn->cn_pol->pl_ike->i_tmos, &cn->cn_tmo);
		conn_up(cn);
		break;
	case IKE_CMD_DOWN:
		conn_down(cn);
		break;
	case IKE_CMD_REKEY:
		c = conn_child(cn);
		if (c != NULL)
			child_rekey(c);
		break;
	default:
		break;
	}
}

static size_t
pol_command(struct pol *pl, enum ike_command cmd)
{
	struct ikesa *sa, *next;
	size_t n = 0;

	for (sa = LIST_FIRST(&pl->pl_sas); sa != NULL; sa = next) {
		next = LIST_NEXT(sa, sa_pol_entry);
		if (sa->sa_state != SA_UP)
			continue;
		if (cmd == IKE_CMD_REKEY_IKE)
			ikesa_rekey(sa);
		else if (cmd == IKE_CMD_CHECK)
			path_check(sa);
		else
			ikesa_delete(sa, IKE_R_ASKED);
		n++;
	}
	return n;
}

/* Of a policy all of whose children are down, the IKE SA goes as well. */
static void
pol_down(struct pol *pl)
{
	struct conn *cn;

	TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry)
		if (!cn->cn_down)
			return;
	(void)pol_command(pl, IKE_CMD_DELETE_IKE);
}

static size_t
command_on(struct pol *pl, enum ike_command cmd, const char *name)
{
	struct conn *cn;
	size_t n = 0;

	if (cmd == IKE_CMD_REKEY_IKE || cmd == IKE_CMD_DELETE_IKE ||
	    cmd == IKE_CMD_CHECK)
		return name == NULL || strcmp(name, pl->pl_conf.po_name) == 0 ?
		    pol_command(pl, cmd) : 0;
	TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry)
		if (name_is(cn, name)) {
			conn_command(cn, cmd);
			n++;
		}
	if (cmd == IKE_CMD_DOWN && n != 0)
		pol_down(pl);
	return n;
}

size_t
ike_command(struct ike *ike, uint64_t now, enum ike_command cmd,
    const char *name)
{
	struct pol *pl;
	size_t n = 0;

	ike_enter(ike, now);
	for (size_t i = 0; name == NULL && i < ike->i_order.or_n; i++)
		n += command_on(ike->i_order.or_pol[i], cmd, NULL);
	for (struct named na = named_first(name); named_next(ike, &na, &pl);)
		n += command_on(pl, cmd, name);
	ike_leave(ike);
	return n;
}

/* -------------------------------------------------------------- acquire */

static bool
conn_carries(const struct conn *cn, const struct ike_acquire *aq)
{
	if (cn->cn_conf.ch_start == IKE_START_DISABLED)
		return false;
	if (aq->aq_reqid != 0)
		return cn->cn_conf.ch_reqid == aq->aq_reqid;
	return ike_ts_match(cn->cn_conf.ch_local, &aq->aq_src, aq->aq_proto,
	    aq->aq_sport) && ike_ts_match(cn->cn_conf.ch_remote, &aq->aq_dst,
	    aq->aq_proto, aq->aq_dport);
}

static struct conn *
pol_carries(const struct pol *pl, const struct ike_acquire *aq)
{
	struct conn *cn;

	TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry)
		if (conn_carries(cn, aq))
			return cn;
	return NULL;
}

static struct conn *
acquire_conn(const struct ike *ike, const struct ike_acquire *aq)
{
	const struct pol *pl;
	struct conn *cn = NULL;

	if (aq->aq_reqid != 0) {
		pl = pol_by_reqid(ike, aq->aq_reqid);
		return pl != NULL ? pol_carries(pl, aq) : NULL;
	}
	for (size_t i = 0; cn == NULL && i < ike->i_order.or_n; i++)
		cn = pol_carries(ike->i_order.or_pol[i], aq);
	return cn;
}

bool
ike_acquire(struct ike *ike, uint64_t now, const struct ike_acquire *aq)
{
	struct conn *cn;

	ike_enter(ike, now);
	if ((cn = acquire_conn(ike, aq)) == NULL)
		return false;
	/* A command that took it down outlasts packets. */
	if (cn->cn_down && cn->cn_conf.ch_start != IKE_START_DEMAND)
		return true;
	cn->cn_down = false;
	cn->cn_want = true;
	cn->cn_seq = aq->aq_seq;
	if (!cn->cn_tmo.tm_on)
		conn_up(cn);
	ike_leave(ike);
	return true;
}

/* --------------------------------------------------------------- status */

static enum ike_state
conn_state(const struct conn *cn)
{
	if (cn->cn_conf.ch_start == IKE_START_DISABLED)
		return IKE_ST_DISABLED;
	if (conn_is_up(cn))
		return IKE_ST_UP;
	if (conn_is_busy(cn))
		return IKE_ST_CONNECTING;
	if (cn->cn_down)
		return IKE_ST_DOWN;
	if (cn->cn_tmo.tm_on)
		return IKE_ST_RETRY;
	return cn->cn_conf.ch_start == IKE_START_DEMAND ? IKE_ST_DEMAND :
	    IKE_ST_WAITING;
}

static void
status_path(const struct ikesa *sa, struct ike_status *st)
{
	const struct path *pa = &sa->sa_path;

	st->st_path_at = pa->pa_at;
	st->st_path_link = pa->pa_link;
	st->st_path_hole = pa->pa_hole;
	st->st_path_mtu = pa->pa_at == 0 ? 0 :
	    pa->pa_mtu != 0 ? pa->pa_mtu : pa->pa_link;
}

static void
status_ikesa(const struct ikesa *sa, struct ike_status *st)
{
	st->st_local = sa->sa_local;
	st->st_peer = sa->sa_remote;
	st->st_lport = sa->sa_lport;
	st->st_rport = sa->sa_rport;
	st->st_natt = sa->sa_natt;
	st->st_local_id = sa->sa_id_local;
	st->st_peer_id = sa->sa_id_remote;
	if (sa->sa_state != SA_UP)
		return;
	st->st_ike_up = true;
	st->st_ike_initiator = sa->sa_initiator;
	st->st_ike_spi_i = sa->sa_spi_i;
	st->st_ike_spi_r = sa->sa_spi_r;
	st->st_ike_since = sa->sa_since;
	st->st_ike_rekey_at = sa->sa_rekey_at;
	st->st_ike_algs = sa->sa_algs;
	status_path(sa, st);
}

static void
status_child(const struct child *c, struct ike_status *st)
{
	st->st_state = IKE_ST_UP;
	st->st_spi_in = c->c_spi_in;
	st->st_spi_out = c->c_spi_out;
	st->st_child_since = c->c_since;
	st->st_rekey_at = c->c_rekey_at;
	st->st_esp_algs = c->c_algs;
	st->st_mode = c->c_mode;
	st->st_ts_local = c->c_local;
	st->st_ts_remote = c->c_remote;
}

static void
status_conn(const struct conn *cn, struct ike_status *st)
{
	const struct pol_conf *po = &cn->cn_pol->pl_conf;

	memset(st, 0, sizeof(*st));
	memcpy(st->st_policy, po->po_name, sizeof(st->st_policy));
	memcpy(st->st_child, cn->cn_conf.ch_name, sizeof(st->st_child));
	if (cn->cn_note != NULL)
		(void)snprintf(st->st_note, sizeof(st->st_note), "%s",
		    cn->cn_note);
	st->st_state = conn_state(cn);
	st->st_reason = cn->cn_reason;
	if (st->st_state == IKE_ST_DOWN) {
		/* whatever failed or ended before or meanwhile */
		st->st_reason = IKE_R_ASKED;
		(void)snprintf(st->st_note, sizeof(st->st_note), "%s",
		    ike_reason_title(IKE_R_ASKED));
	}
	st->st_since = cn->cn_since;
	st->st_retry = cn->cn_retry;
	st->st_retry_at = cn->cn_tmo.tm_on ? cn->cn_tmo.tm_at : 0;
	st->st_local = po->po_local;
	st->st_peer = po->po_peer.pr_addr;
	id_copy(&st->st_local_id, po->po_srcid);
	id_copy(&st->st_peer_id, po->po_dstid);
	st->st_reqid = cn->cn_conf.ch_reqid;
	st->st_mode = cn->cn_conf.ch_mode;
	ts_list_copy(&st->st_ts_local, cn->cn_conf.ch_local);
	ts_list_copy(&st->st_ts_remote, cn->cn_conf.ch_remote);
	st->st_rekeys_child = cn->cn_rekeys;
	st->st_rekeys_ike = cn->cn_pol->pl_rekeys;
}

static void
status_stage(const struct ikesa *sa, struct ike_status *st)
{
	if (st->st_state != IKE_ST_CONNECTING)
		return;
	if (sa != NULL && sa->sa_req != NULL) {
		st->st_sent = sa->sa_req->x_tries;
		st->st_hint = sa->sa_req->x_hint;
	}
	(void)snprintf(st->st_note, sizeof(st->st_note), "%s",
	    sa == NULL || sa->sa_state == SA_INIT_I ? "IKE_SA_INIT" :
	    sa->sa_state == SA_UP ? "CREATE_CHILD_SA" : "IKE_AUTH");
}

/*
 * Both halves are installed.  Who answers a rekey sends on the old pair until
 * the peer deletes it, and has only the inbound half of the new one.
 */
static bool
child_carries(const struct child *c, const struct conn *cn, unsigned state)
{
	return c->c_conn == cn && (unsigned)c->c_state == state && c->c_in_on &&
	    c->c_out_on;
}

/* What is found while it is up is no failure, and stands behind one. */
static void
status_pair(const struct child *c, const struct ike_status *conn,
    ike_status_fn *fn, void *arg)
{
	const struct ikesa *sa = c->c_sa;
	struct ike_status st = *conn;

	status_ikesa(sa, &st);
	status_child(c, &st);
	if (sa->sa_path.pa_hole && st.st_reason == IKE_R_NONE) {
		st.st_reason = IKE_R_MTU;
		path_text(sa, st.st_note, sizeof(st.st_note));
	}
	if (nat_refused(sa) != NULL && st.st_reason == IKE_R_NONE) {
		st.st_reason = IKE_R_NAT;
		(void)snprintf(st.st_note, sizeof(st.st_note), "%s",
		    nat_refused(sa));
	}
	if (c->c_replayed.rp_many != 0 && st.st_reason == IKE_R_NONE) {
		st.st_reason = IKE_R_REPLAY;
		replay_text(c, st.st_note, sizeof(st.st_note));
	}
	fn(arg, &st);
}

static unsigned
status_pairs(const struct conn *cn, unsigned state, const struct ike_status *st,
    ike_status_fn *fn, void *arg)
{
	const struct ikesa *sa;
	const struct child *c;
	unsigned n = 0;

	LIST_FOREACH(sa, &cn->cn_pol->pl_sas, sa_pol_entry)
		TAILQ_FOREACH(c, &sa->sa_children, c_entry) {
			if (!child_carries(c, cn, state))
				continue;
			n++;
			status_pair(c, st, fn, arg);
		}
	return n;
}

/* One line per pair that is up, else one for the conn. */
static void
status_lines(const struct conn *cn, ike_status_fn *fn, void *arg)
{
	const struct ikesa *sa = pol_ikesa(cn->cn_pol);
	struct ike_status st;

	status_conn(cn, &st);
	if (sa != NULL)
		status_ikesa(sa, &st);
	status_stage(sa, &st);
	if (status_pairs(cn, CHILD_UP, &st, fn, arg) != 0 ||
	    status_pairs(cn, CHILD_REPLACED, &st, fn, arg) != 0)
		return;
	if (st.st_state == IKE_ST_UP)	/* one half; the other follows */
		st.st_state = IKE_ST_CONNECTING;
	fn(arg, &st);
}

bool
ike_status_at(const struct ike *ike, uint64_t now, size_t place,
    ike_status_fn *fn, void *arg)
{
	const struct conn *cn;

	(void)now;
	if (place >= ike->i_order.or_n)
		return false;
	TAILQ_FOREACH(cn, &ike->i_order.or_pol[place]->pl_conns, cn_entry)
		status_lines(cn, fn, arg);
	return true;
}

void
ike_status(const struct ike *ike, uint64_t now, ike_status_fn *fn, void *arg)
{
	for (size_t i = 0; ike_status_at(ike, now, i, fn, arg); i++)
		continue;
}

void
ike_status_of(const struct ike *ike, uint64_t now, const char *name,
    ike_status_fn *fn, void *arg)
{
	struct named na = named_first(name);
	const struct conn *cn;
	struct pol *pl;

	(void)now;
	while (named_next(ike, &na, &pl))
		TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry)
			if (name_is(cn, name))
				status_lines(cn, fn, arg);
}

size_t
ike_policy_count(const struct ike *ike)
{
	return ike->i_order.or_n;
}

uint64_t
ike_policy_version(const struct ike *ike)
{
	return ike->i_version;
}
