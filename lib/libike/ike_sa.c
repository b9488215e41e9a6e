/* SPDX-License-Identifier: ISC */
/*
 * Life of an IKE SA: creation, states, timers, end.
 *
 *	initiator:  INIT_I -> AUTH_I -> UP
 *	responder:  HALF_R -> AUTH_R -> UP
 *	rekeyed:    (born) UP;  the old one UP -> REPLACED -> dead
 *	the end:    UP -> DELETING -> dead, or any -> dead
 *	given up:   AUTH_I -> DELETING -> dead
 *
 * UP is entered by ikesa_up() alone, which is called where an AUTH payload has
 * been verified, or for an SA that an established one has rekeyed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "libike/ike_var.h"

#define SEEN_MS		1000	/* for the kernel to say if packets came */
#define DAY_S		86400
#define REFUSED_MS	10000	/* an answer that refuses is repeated so long */

static const char *
ikesa_state_name(enum sa_state s)
{
	static const char *const names[SA_STATES] = { "init", "auth",
	    "half-open", "checking", "up", "replaced", "deleting", "dead" };

	return names[s];
}

/* Columns: from, in the order of enum sa_state; a bit for each state after. */
#define TO(s)	(1U << (s))
static const unsigned transitions[SA_STATES] = {
	[SA_INIT_I]	= TO(SA_INIT_I) | TO(SA_AUTH_I) | TO(SA_DEAD),
	[SA_AUTH_I]	= TO(SA_UP) | TO(SA_DELETING) | TO(SA_DEAD),
	[SA_HALF_R]	= TO(SA_AUTH_R) | TO(SA_DELETING) | TO(SA_DEAD),
	[SA_AUTH_R]	= TO(SA_UP) | TO(SA_DELETING) | TO(SA_DEAD),
	[SA_UP]		= TO(SA_REPLACED) | TO(SA_DELETING) | TO(SA_DEAD),
	[SA_REPLACED]	= TO(SA_DELETING) | TO(SA_DEAD),
	[SA_DELETING]	= TO(SA_DEAD),
	[SA_DEAD]	= 0,
};

void
ikesa_set_state(struct ikesa *sa, enum sa_state to)
{
	if ((transitions[sa->sa_state] & TO(to)) == 0)
		abort();	/* a defect of ours, never of the peer */
	if (sa->sa_state != to)
		ike_log(sa->sa_ike, IKE_LOG_DEBUG, "%s %016llx: %s -> %s",
		    sa->sa_name[0] ? sa->sa_name : "-",
		    (unsigned long long)(sa->sa_initiator ? sa->sa_spi_i :
		    sa->sa_spi_r), ikesa_state_name(sa->sa_state),
		    ikesa_state_name(to));
	sa->sa_state = to;
}

struct ikesa *
ikesa_new(struct ike *ike, bool initiator)
{
	struct ikesa *sa;

	if (ike->i_objects.oc_ikesas >= ike->i_conf.cf_ikesas_max)
		return NULL;
	sa = ike_calloc(1, sizeof(*sa));
	if (sa == NULL)
		return NULL;
	sa->sa_ike = ike;
	sa->sa_initiator = initiator;
	sa->sa_state = initiator ? SA_INIT_I : SA_HALF_R;
	sa->sa_created = sa->sa_heard = sa->sa_said = ike->i_now;
	TAILQ_INIT(&sa->sa_queue);
	TAILQ_INIT(&sa->sa_children);
	tmo_init(&sa->sa_tmo_retrans, TMO_RETRANS, sa);
	tmo_init(&sa->sa_tmo_life, TMO_LIFE, sa);
	tmo_init(&sa->sa_tmo_live, TMO_LIVE, sa);
	tmo_init(&sa->sa_tmo_keep, TMO_KEEPALIVE, sa);
	tmo_init(&sa->sa_tmo_queue, TMO_QUEUE, sa);
	tmo_init(&sa->sa_tmo_path, TMO_PATH, sa);
	tmo_init(&sa->sa_tmo_contact, TMO_CONTACT, sa);
	TAILQ_INSERT_TAIL(&ike->i_sas, sa, sa_entry);
	ike->i_objects.oc_ikesas++;
	return sa;
}

static void
xchg_orphan(struct xchg *x)
{
	if (x == NULL)
		return;
	x->x_conn = NULL;
	if (x->x_new != NULL)
		x->x_new->c_conn = NULL;
}

/* Without its policy it may outlive it, so it points to none of its conns. */
static void
ikesa_orphan(struct ikesa *sa)
{
	struct child *c;
	struct xchg *x;

	xchg_orphan(sa->sa_req);
	xchg_orphan(sa->sa_rsp);
	TAILQ_FOREACH(x, &sa->sa_queue, x_entry)
		xchg_orphan(x);
	TAILQ_FOREACH(c, &sa->sa_children, c_entry)
		c->c_conn = NULL;
	if (sa->sa_hs != NULL)
		sa->sa_hs->hs_conn = NULL;
}

void
ikesa_set_pol(struct ikesa *sa, struct pol *pl)
{
	if (pl == NULL)
		ikesa_orphan(sa);
	if (sa->sa_pol != NULL)
		LIST_REMOVE(sa, sa_pol_entry);
	sa->sa_pol = pl;
	if (pl == NULL)
		return;
	LIST_INSERT_HEAD(&pl->pl_sas, sa, sa_pol_entry);
	memcpy(sa->sa_name, pl->pl_conf.po_name, sizeof(sa->sa_name));
}

void
ikesa_kick(struct ikesa *sa)
{
	if (sa->sa_kicked || sa->sa_state == SA_DEAD)
		return;
	sa->sa_kicked = true;
	TAILQ_INSERT_TAIL(&sa->sa_ike->i_kicked, sa, sa_kick_entry);
}

static uint64_t
ikesa_our_spi(const struct ikesa *sa)
{
	return sa->sa_initiator ? sa->sa_spi_i : sa->sa_spi_r;
}

struct ikesa *
ikesa_find(struct ike *ike, uint64_t our_spi)
{
	struct ikesa *sa;

	LIST_FOREACH(sa, &ike->i_hash[our_spi % IKE_HASH_SLOTS], sa_hash)
		if (ikesa_our_spi(sa) == our_spi)
			return sa;
	return NULL;
}

uint64_t
ikesa_spi_new(struct ike *ike)
{
	uint64_t spi;

	do
		ike_random(ike, &spi, sizeof(spi));
	while (spi == 0 || ikesa_find(ike, spi) != NULL);
	return spi;
}

void
ikesa_hash_in(struct ikesa *sa)
{
	sa->sa_hashed = true;
	LIST_INSERT_HEAD(&sa->sa_ike->i_hash[ikesa_our_spi(sa) %
	    IKE_HASH_SLOTS], sa, sa_hash);
}

static void
ikesa_handshake_free(struct ikesa *sa)
{
	struct handshake *hs = sa->sa_hs;

	if (hs == NULL)
		return;
	xchg_dh_free(hs->hs_dh);
	free(hs->hs_init_i);
	free(hs->hs_init_r);
	explicit_bzero(hs, sizeof(*hs));
	free(hs);
	sa->sa_hs = NULL;
}

static void
ikesa_half_done(struct ikesa *sa)
{
	if (!sa->sa_half)
		return;
	sa->sa_half = false;
	LIST_REMOVE(sa, sa_half_entry);
	LIST_REMOVE(sa, sa_half_hash);
	sa->sa_ike->i_objects.oc_halfopen--;
}

void
ikesa_free(struct ikesa *sa)
{
	ikesa_handshake_free(sa);
	ike_keys_wipe(&sa->sa_keys);
	outmsg_free(sa->sa_cached);
	reasm_free(sa, false);
	reasm_free(sa, true);
	sa->sa_ike->i_objects.oc_ikesas--;
	explicit_bzero(sa, sizeof(*sa));
	free(sa);
}

static void
ikesa_end_exchanges(struct ikesa *sa)
{
	if (sa->sa_req != NULL)
		xchg_end(sa->sa_req);
	if (sa->sa_rsp != NULL)
		xchg_end(sa->sa_rsp);
	while (!TAILQ_EMPTY(&sa->sa_queue))
		xchg_end(TAILQ_FIRST(&sa->sa_queue));
}

/* Conns that waited for this IKE SA, or for an exchange on it. */
static void
ikesa_conns_lost(struct ikesa *sa, enum ike_reason why, const char *text)
{
	struct pol *pl = sa->sa_pol;
	struct conn *cn;

	ikesa_set_pol(sa, NULL);
	if (pl == NULL || sa->sa_ike->i_stopping)
		return;
	TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry)
		conn_lost(cn, why, text);
}

/* Why it ends, with what was measured; title if there is nothing more to say. */
static const char *
ikesa_why(const struct ikesa *sa, enum ike_reason why, char *buf, size_t len)
{
	const struct ike *ike = sa->sa_ike;
	char asked[80] = "";

	if (why != IKE_R_DEAD || sa->sa_req == NULL)
		return ike_reason_title(why);
	if (ike->i_conf.cf_liveness_ms != 0)
		(void)snprintf(asked, sizeof(asked), "; who is silent is asked "
		    "after %u s (dpd_check_interval)",
		    ike->i_conf.cf_liveness_ms / 1000);
	(void)snprintf(buf, len, "%s: nothing of it came for %llu s, and a "
	    "question was sent %u times%s", ike_reason_title(why),
	    (unsigned long long)(ike->i_now - sa->sa_heard) / 1000,
	    sa->sa_req->x_tries, asked);
	return buf;
}

/* What follows for a conn whose peer has died (po_dpd). */
static void
ikesa_dpd(const struct ikesa *sa, struct conn *cn)
{
	const struct pol_conf *po;

	if (cn == NULL || sa->sa_pol == NULL)
		return;
	po = &sa->sa_pol->pl_conf;
	cn->cn_want = po->po_dpd == IKE_DPD_RESTART && !cn->cn_down &&
	    peer_is_host(&po->po_peer);
}

/* If the peer has another pair of the same conn, traffic goes over to it. */
static void
ikesa_drop_child(struct ikesa *sa, struct child *c, enum ike_reason why,
    const char *text)
{
	struct child *other = conn_other(c->c_conn, c);

	if (why == IKE_R_DEAD)
		ikesa_dpd(sa, c->c_conn);
	if (other != NULL && other->c_sa != sa) {
		child_remove(c, true);
		return;
	}
	if (c->c_state == CHILD_UP)
		act_event(sa->sa_ike, IKE_EV_CHILD_DOWN, why, sa, c->c_name, 0,
		    "%s", text);
	child_remove(c, false);
}

static void
ikesa_drop_children(struct ikesa *sa, enum ike_reason why, const char *text)
{
	struct child *c;

	while ((c = TAILQ_FIRST(&sa->sa_children)) != NULL)
		ikesa_drop_child(sa, c, why, text);
}

static void
ikesa_down_event(struct ikesa *sa, enum ike_reason why, const char *text)
{
	if (sa->sa_state == SA_UP && !sa->sa_limbo)
		act_event(sa->sa_ike, IKE_EV_IKE_DOWN, why, sa, "", 0, "%s",
		    text);
}

void
ikesa_kill(struct ikesa *sa, enum ike_reason why)
{
	struct ike *ike = sa->sa_ike;
	bool was_up = sa->sa_state == SA_UP;
	char buf[IKE_TEXT_MAX];
	const char *text;

	if (sa->sa_state == SA_DEAD)
		return;
	text = ikesa_why(sa, why, buf, sizeof(buf));
	ikesa_down_event(sa, why, text);
	ikesa_set_state(sa, SA_DEAD);
	ikesa_drop_children(sa, why, text);
	ikesa_end_exchanges(sa);
	ikesa_half_done(sa);
	tmo_clear(&ike->i_tmos, &sa->sa_tmo_retrans);
	tmo_clear(&ike->i_tmos, &sa->sa_tmo_life);
	tmo_clear(&ike->i_tmos, &sa->sa_tmo_live);
	tmo_clear(&ike->i_tmos, &sa->sa_tmo_keep);
	tmo_clear(&ike->i_tmos, &sa->sa_tmo_queue);
	tmo_clear(&ike->i_tmos, &sa->sa_tmo_path);
	tmo_clear(&ike->i_tmos, &sa->sa_tmo_contact);
	if (sa->sa_kicked)
		TAILQ_REMOVE(&ike->i_kicked, sa, sa_kick_entry);
	sa->sa_kicked = false;
	if (sa->sa_hashed)
		LIST_REMOVE(sa, sa_hash);
	TAILQ_REMOVE(&ike->i_sas, sa, sa_entry);
	TAILQ_INSERT_TAIL(&ike->i_dead, sa, sa_entry);
	if (was_up)
		ikesa_conns_lost(sa, why, text);
	else
		ikesa_set_pol(sa, NULL);
	/* What the peer's rekey has made of it goes too. */
	sa = ikesa_find(ike, sa->sa_peer_new);
	if (sa != NULL && sa->sa_state == SA_UP)
		ikesa_kill(sa, why);
}

/* The responder has no conn of its own to blame: an event alone. */
void
ikesa_fail(struct ikesa *sa, enum ike_reason why, const char *fmt, ...)
{
	struct conn *cn = sa->sa_hs != NULL ? sa->sa_hs->hs_conn : NULL;
	char text[IKE_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (cn != NULL)
		conn_failed(cn, why, text, true);
	else if (!sa->sa_abandoned)
		act_event(sa->sa_ike, IKE_EV_FAILED, why, sa, "", 0, "%s",
		    text);
	if (sa->sa_initiator)
		ikesa_kill(sa, why);
	else
		ikesa_refused(sa);
}

void
ikesa_refused(struct ikesa *sa)
{
	ikesa_half_done(sa);
	ikesa_set_pol(sa, NULL);
	if (sa->sa_state != SA_DELETING)
		ikesa_set_state(sa, SA_DELETING);
	ikesa_handshake_free(sa);
	tmo_clear(&sa->sa_ike->i_tmos, &sa->sa_tmo_live);
	tmo_clear(&sa->sa_ike->i_tmos, &sa->sa_tmo_keep);
	tmo_set(&sa->sa_ike->i_tmos, &sa->sa_tmo_life,
	    sa->sa_ike->i_now + REFUSED_MS);
}

void
ikesa_closed(struct ikesa *sa, enum ike_reason why)
{
	bool was_up = sa->sa_state == SA_UP;

	ikesa_down_event(sa, why, ike_reason_title(why));
	sa->sa_reason = why;
	ikesa_drop_children(sa, why, ike_reason_title(why));
	ikesa_end_exchanges(sa);
	if (was_up)
		ikesa_conns_lost(sa, why, ike_reason_title(why));
	ikesa_refused(sa);
}

/*
 * The peer may have our IKE_AUTH and hold the SA for established: its answer is
 * waited for, and answered with Delete.  Nobody else here knows of the SA any
 * more.
 */
static bool
ikesa_abandon(struct ikesa *sa, enum ike_reason why)
{
	if (sa->sa_state != SA_AUTH_I || sa->sa_req == NULL ||
	    !sa->sa_req->x_sent || sa->sa_ike->i_stopping)
		return false;
	sa->sa_abandoned = true;
	sa->sa_reason = why;
	ikesa_set_pol(sa, NULL);
	return true;
}

void
ikesa_abandoned(struct ikesa *sa)
{
	struct xchg *x = xchg_new(sa, X_IKE_DELETE);

	xchg_end(sa->sa_req);
	if (x == NULL) {
		ikesa_kill(sa, sa->sa_reason);
		return;
	}
	ikesa_handshake_free(sa);
	ikesa_set_state(sa, SA_DELETING);
	xchg_queue(x);
}

void
ikesa_delete(struct ikesa *sa, enum ike_reason why)
{
	bool was_up = sa->sa_state == SA_UP;
	struct xchg *x;

	if (sa->sa_abandoned || ikesa_abandon(sa, why))
		return;
	switch (sa->sa_state) {
	case SA_UP:
		ikesa_down_event(sa, why, ike_reason_title(why));
		/* FALLTHROUGH */
	case SA_REPLACED:
		break;
	case SA_DELETING:
		return;
	default:
		ikesa_kill(sa, why);
		return;
	}
	x = xchg_new(sa, X_IKE_DELETE);
	if (x == NULL) {
		ikesa_kill(sa, why);
		return;
	}
	x->x_reason = why;
	sa->sa_reason = why;
	ikesa_set_state(sa, SA_DELETING);
	ikesa_drop_children(sa, why, ike_reason_title(why));
	xchg_queue(x);
	tmo_clear(&sa->sa_ike->i_tmos, &sa->sa_tmo_live);
	if (was_up)
		ikesa_conns_lost(sa, why, ike_reason_title(why));
	else
		ikesa_set_pol(sa, NULL);
}

/* --------------------------------------------------------------- timers */

void
ikesa_heard(struct ikesa *sa)
{
	sa->sa_heard = sa->sa_ike->i_now;
}

/* Packets of its children prove that the peer lived then. */
void
ikesa_seen(struct ikesa *sa, uint64_t when)
{
	struct ike *ike = sa->sa_ike;
	uint64_t due;

	if (when > sa->sa_heard)
		sa->sa_heard = when;
	due = sa->sa_heard + ike->i_conf.cf_liveness_ms;
	if (!sa->sa_seen_asked || sa->sa_state != SA_UP || due <= ike->i_now)
		return;
	sa->sa_seen_asked = false;
	tmo_set(&ike->i_tmos, &sa->sa_tmo_live, due);
}

/* The time after which a silent peer is asked has changed. */
void
ikesa_live_again(struct ikesa *sa)
{
	struct ike *ike = sa->sa_ike;
	uint64_t due = sa->sa_heard + ike->i_conf.cf_liveness_ms;

	if (sa->sa_state != SA_UP)
		return;
	sa->sa_seen_asked = false;
	if (ike->i_conf.cf_liveness_ms == 0)
		tmo_clear(&ike->i_tmos, &sa->sa_tmo_live);
	else
		tmo_set(&ike->i_tmos, &sa->sa_tmo_live,
		    due > ike->i_now ? due : ike->i_now);
}

/* The initiator begins to rekey first, so that the two rarely collide. */
void
ikesa_schedule(struct ikesa *sa)
{
	struct ike *ike = sa->sa_ike;
	uint64_t life = DAY_S;
	unsigned percent = (sa->sa_initiator ? 80 : 88) +
	    ike_random_u32(ike) % 8;

	if (sa->sa_pol != NULL && sa->sa_pol->pl_conf.po_lifetime_s != 0)
		life = sa->sa_pol->pl_conf.po_lifetime_s;
	life *= 1000;
	sa->sa_rekey_at = ike->i_now + life * percent / 100;
	sa->sa_end_at = ike->i_now + life;
	tmo_set(&ike->i_tmos, &sa->sa_tmo_life, sa->sa_rekey_at);
	if (ike->i_conf.cf_liveness_ms != 0)
		tmo_set(&ike->i_tmos, &sa->sa_tmo_live,
		    ike->i_now + ike->i_conf.cf_liveness_ms);
	if (sa->sa_natt && sa->sa_nat_us && ike->i_conf.cf_keepalive_ms != 0)
		tmo_set(&ike->i_tmos, &sa->sa_tmo_keep,
		    ike->i_now + ike->i_conf.cf_keepalive_ms);
}

void
ikesa_life_due(struct ikesa *sa)
{
	struct ike *ike = sa->sa_ike;

	switch (sa->sa_state) {
	case SA_UP:
		if (ike->i_now >= sa->sa_end_at) {
			ikesa_delete(sa, IKE_R_EXPIRED);
			return;
		}
		tmo_set(&ike->i_tmos, &sa->sa_tmo_life, sa->sa_end_at);
		ikesa_rekey(sa);
		break;
	case SA_HALF_R:
	case SA_AUTH_R:
		ikesa_kill(sa, IKE_R_NO_AUTH_ANSWER);
		break;
	default:
		ikesa_kill(sa, sa->sa_reason);
		break;
	}
}

static void
ikesa_ask(struct ikesa *sa)
{
	struct xchg *x;

	/* A request that is out asks the same question. */
	if (sa->sa_req != NULL || xchg_queued(sa, X_LIVENESS, 0, NULL))
		return;
	x = xchg_new(sa, X_LIVENESS);
	if (x != NULL)
		xchg_queue(x);
}

/* Have packets come meanwhile?  False if nobody can know. */
static bool
ikesa_ask_seen(struct ikesa *sa)
{
	const struct child *c;
	bool asked = false;

	TAILQ_FOREACH(c, &sa->sa_children, c_entry)
		asked |= c->c_in_on && child_ask_seen(c);
	return asked;
}

/* The kernel is asked first, the peer if that does not help. */
void
ikesa_live_due(struct ikesa *sa)
{
	struct ike *ike = sa->sa_ike;
	uint64_t due = sa->sa_heard + ike->i_conf.cf_liveness_ms;

	ikesa_duplicates(sa);
	if (sa->sa_state != SA_UP)
		return;
	if (due > ike->i_now) {
		tmo_set(&ike->i_tmos, &sa->sa_tmo_live, due);
		return;
	}
	if (!sa->sa_seen_asked && ikesa_ask_seen(sa)) {
		sa->sa_seen_asked = true;
		tmo_set(&ike->i_tmos, &sa->sa_tmo_live, ike->i_now + SEEN_MS);
		return;
	}
	sa->sa_seen_asked = false;
	tmo_set(&ike->i_tmos, &sa->sa_tmo_live,
	    ike->i_now + ike->i_conf.cf_liveness_ms);
	ikesa_ask(sa);
}

void
ikesa_keepalive_due(struct ikesa *sa)
{
	static const uint8_t octet = 0xff;	/* RFC 3948 section 2.3 */
	struct ike *ike = sa->sa_ike;
	struct ike_datagram to = ikesa_to(sa);
	uint64_t due = sa->sa_said + ike->i_conf.cf_keepalive_ms;

	if (sa->sa_state != SA_UP)
		return;
	if (due <= ike->i_now) {
		to.dg_keepalive = true;
		act_send(ike, &to, &octet, 1);
		sa->sa_said = ike->i_now;
		due = ike->i_now + ike->i_conf.cf_keepalive_ms;
	}
	tmo_set(&ike->i_tmos, &sa->sa_tmo_keep, due);
}

/* ------------------------------------------------------------------- up */

void
ikesa_up(struct ikesa *sa)
{
	struct ike *ike = sa->sa_ike;
	char peer[ADDR_STRLEN], id[128];

	ikesa_set_state(sa, SA_UP);
	ikesa_half_done(sa);
	ikesa_handshake_free(sa);
	sa->sa_since = ike->i_now;
	ikesa_heard(sa);
	ikesa_schedule(sa);
	ike->i_stats.is_ike_made++;
	act_event(ike, IKE_EV_IKE_UP, IKE_R_NONE, sa, "", 0,
	    "established with %s at %s%s%s",
	    ike_id_print(&sa->sa_id_remote, id, sizeof(id)),
	    addr_print(&sa->sa_remote, peer), sa->sa_natt ? ", ESP in UDP: " : "",
	    sa->sa_natt ? nat_who(sa) : "");
	if (nat_refused(sa) != NULL)
		act_event(ike, IKE_EV_NOTE, IKE_R_NAT, sa, "", 0, "%s",
		    nat_refused(sa));
	ikesa_kick(sa);
}

/*
 * The same peer twice, as when both ends connect at once: the initiator of the
 * SA with the lower initiator's SPI deletes it.  Both ends see the same two
 * numbers, so exactly one survives.  An SA that the other end may not have yet
 * does not count: this is called again when it has shown that it has, for which
 * the initiator gives it an occasion.
 */
void
ikesa_duplicates(struct ikesa *sa)
{
	struct ikesa *other, *next, *loser;

	if (sa->sa_pol == NULL || sa->sa_state != SA_UP || sa->sa_unproven ||
	    sa->sa_limbo)
		return;
	for (other = LIST_FIRST(&sa->sa_pol->pl_sas); other != NULL;
	    other = next) {
		next = LIST_NEXT(other, sa_pol_entry);
		if (other == sa || other->sa_state != SA_UP ||
		    other->sa_unproven || other->sa_limbo ||
		    !ike_id_equal(&other->sa_id_remote, &sa->sa_id_remote) ||
		    !addr_equal(&other->sa_remote, &sa->sa_remote))
			continue;
		loser = other->sa_spi_i < sa->sa_spi_i ? other : sa;
		sa->sa_ike->i_stats.is_collisions++;
		if (loser->sa_initiator) {
			ikesa_delete(loser, IKE_R_PEER_REPLACED);
			if (loser == sa)
				return;
			continue;
		}
		ikesa_ask(other);
		ikesa_ask(sa);
	}
}

/* The oldest of the others from there, if they are so many; NULL. */
static struct ikesa *
crowd_oldest(const struct ikesa *sa, bool same_id, uint32_t most)
{
	struct ikesa *other, *oldest = NULL;
	uint32_t n = 0;

	LIST_FOREACH(other, &sa->sa_pol->pl_sas, sa_pol_entry) {
		if (other == sa || other->sa_state < SA_UP ||
		    !addr_equal(&other->sa_remote, &sa->sa_remote) ||
		    (same_id && !ike_id_equal(&other->sa_id_remote,
		    &sa->sa_id_remote)))
			continue;
		n++;
		if (oldest == NULL || other->sa_created <= oldest->sa_created)
			oldest = other;
	}
	return n >= most ? oldest : NULL;
}

/* A peer needs one, and two or three for a while: nothing is said to it. */
void
ikesa_crowd(struct ikesa *sa)
{
	const struct ike_conf *cf = &sa->sa_ike->i_conf;
	struct ikesa *other;

	while (sa->sa_state == SA_UP && sa->sa_pol != NULL &&
	    ((other = crowd_oldest(sa, true, cf->cf_ikesas_peer)) != NULL ||
	    (other = crowd_oldest(sa, false, cf->cf_ikesas_address)) != NULL))
		ikesa_kill(other, IKE_R_PEER_REPLACED);
}

void
ikesa_met(struct ikesa *sa)
{
	struct ikesa *other;

	if (sa->sa_state != SA_UP || sa->sa_pol == NULL)
		return;
	LIST_FOREACH(other, &sa->sa_pol->pl_sas, sa_pol_entry)
		if (other != sa && (other->sa_state == SA_UP ||
		    other->sa_state == SA_AUTH_R))
			ikesa_ask(sa);
}

static void
ikesa_move_one(struct ikesa *sa, const struct ike_datagram *dg)
{
	struct child *c;

	sa->sa_remote = dg->dg_remote;
	sa->sa_rport = dg->dg_rport;
	path_soon(sa);
	TAILQ_FOREACH(c, &sa->sa_children, c_entry)
		child_relocate(c);
}

/* All IKE SAs that lead to the same place move, as during a rekey. */
void
ikesa_moved(struct ikesa *sa, const struct ike_datagram *dg, uint64_t quiet)
{
	struct addr was = sa->sa_remote;
	uint16_t port = sa->sa_rport;
	char from[ADDR_STRLEN], to[ADDR_STRLEN];
	struct ikesa *other;

	act_event(sa->sa_ike, IKE_EV_MOVED, IKE_R_NAT, sa, "", 0,
	    "peer moved from %s:%u to %s:%u: the NAT in front of it has another "
	    "mapping, %llu s after the last message", addr_print(&was, from),
	    port, addr_print(&dg->dg_remote, to), dg->dg_rport,
	    (unsigned long long)quiet / 1000);
	ikesa_move_one(sa, dg);
	if (sa->sa_pol == NULL)
		return;
	LIST_FOREACH(other, &sa->sa_pol->pl_sas, sa_pol_entry)
		if (addr_equal(&other->sa_remote, &was) &&
		    other->sa_rport == port && other->sa_nat_peer &&
		    ike_id_equal(&other->sa_id_remote, &sa->sa_id_remote))
			ikesa_move_one(other, dg);
}
