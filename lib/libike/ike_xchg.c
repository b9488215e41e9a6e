/* SPDX-License-Identifier: ISC */
/*
 * Exchanges: the queue of those that we want to begin, the one that is
 * outstanding, its retransmission (RFC 7296 sections 2.1 to 2.4).
 *
 *	xchg_new -> xchg_queue -> xchg_run -> *_begin -> [asks] -> xchg_send
 *	    -> (retransmission) -> *_response -> xchg_end
 *
 * The window is one: xchg_run() begins the next when none is outstanding.
 */
#include <stdlib.h>

#include "libike/ike_var.h"

#define POSTPONE_MS	4000	/* plus or minus a quarter */
#define DELETE_TRIES	4	/* of a Delete of the whole IKE SA */

struct xchg *
xchg_new(struct ikesa *sa, enum xchg_type type)
{
	struct xchg *x = ike_calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->x_ike = sa->sa_ike;
	x->x_sa = sa;
	x->x_type = type;
	sa->sa_ike->i_objects.oc_exchanges++;
	return x;
}

void
xchg_free(struct xchg *x)
{
	ask_drop_all(x);
	if (x->x_new != NULL)
		child_free(x->x_new);
	xchg_dh_free(x->x_dh);
	if (x->x_secret != NULL)
		explicit_bzero(x->x_secret, x->x_secret_len);
	free(x->x_secret);
	free(x->x_plain);
	outmsg_free(x->x_out);
	outmsg_free(x->x_other);
	x->x_ike->i_objects.oc_exchanges--;
	explicit_bzero(x, sizeof(*x));
	free(x);
}

/* The old pair of a rekey or delete may be worked on again. */
static void
xchg_release_child(struct xchg *x)
{
	struct child *c;

	if (x->x_type != X_CHILD_REKEY && x->x_type != X_CHILD_DELETE)
		return;
	c = child_find(x->x_ike, x->x_old_spi);
	if (c != NULL)
		c->c_busy = false;
}

void
xchg_end(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;

	if (x->x_dead)
		return;
	x->x_dead = true;
	ask_drop_all(x);
	xchg_release_child(x);
	if (x->x_probing)
		LIST_REMOVE(x, x_probe);
	if (sa->sa_req == x) {
		sa->sa_req = NULL;
		tmo_clear(&x->x_ike->i_tmos, &sa->sa_tmo_retrans);
		ikesa_kick(sa);
	} else if (sa->sa_rsp == x) {
		sa->sa_rsp = NULL;
	} else {
		TAILQ_REMOVE(&sa->sa_queue, x, x_entry);
		sa->sa_nqueue--;
	}
	TAILQ_INSERT_TAIL(&x->x_ike->i_dead_x, x, x_entry);
}

/* Too many wait: what it was for comes again by a timer of its own. */
static void
xchg_give_up(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	struct conn *cn = x->x_conn;
	struct child *c = child_find(x->x_ike, x->x_old_spi);

	xchg_end(x);
	switch (x->x_type) {
	case X_CHILD_NEW:
		if (cn != NULL)
			conn_failed(cn, IKE_R_MEMORY, "too many exchanges wait "
			    "on the IKE SA", true);
		break;
	case X_CHILD_REKEY:
		if (c != NULL)
			child_rekey_later(c);
		break;
	case X_IKE_REKEY:
		ikesa_rekey_later(sa);
		break;
	case X_PROBE:
		path_given_up(sa);
		break;
	default:
		break;		/* what goes before asks whether the peer lives */
	}
}

void
xchg_queue(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;

	TAILQ_INSERT_TAIL(&sa->sa_queue, x, x_entry);
	sa->sa_nqueue++;
	if (sa->sa_nqueue > x->x_ike->i_conf.cf_queue_max &&
	    x->x_type != X_CHILD_DELETE && x->x_type != X_IKE_DELETE) {
		xchg_give_up(x);
		return;
	}
	path_cut(sa->sa_req);
	ikesa_kick(sa);
}

bool
xchg_queued(const struct ikesa *sa, enum xchg_type type, uint32_t old_spi,
    const struct conn *cn)
{
	const struct xchg *x = sa->sa_req;

	if (x != NULL && x->x_type == type && x->x_old_spi == old_spi &&
	    x->x_conn == cn)
		return true;
	TAILQ_FOREACH(x, &sa->sa_queue, x_entry)
		if (x->x_type == type && x->x_old_spi == old_spi &&
		    x->x_conn == cn)
			return true;
	return false;
}

/* May this state begin this exchange? */
static bool
xchg_allowed(const struct ikesa *sa, enum xchg_type type)
{
	switch (sa->sa_state) {
	case SA_UP:
		return true;
	case SA_AUTH_I:
		return type == X_AUTH;
	case SA_REPLACED:
	case SA_DELETING:
		return type == X_IKE_DELETE;
	default:
		return false;
	}
}

static void
xchg_begin(struct xchg *x)
{
	switch (x->x_type) {
	case X_CHILD_NEW:
	case X_CHILD_REKEY:
		create_begin(x);
		break;
	case X_IKE_REKEY:
		rekey_begin(x);
		break;
	case X_CHILD_DELETE:
	case X_IKE_DELETE:
	case X_LIVENESS:
		info_begin(x);
		break;
	case X_PROBE:
		path_begin(x);
		break;
	default:
		break;		/* IKE_SA_INIT and IKE_AUTH begin elsewhere */
	}
}

/* The first that may begin now; *later is the earliest of the others. */
static struct xchg *
xchg_pick(struct ikesa *sa, uint64_t *later)
{
	struct xchg *x, *next;

	*later = UINT64_MAX;
	for (x = TAILQ_FIRST(&sa->sa_queue); x != NULL; x = next) {
		next = TAILQ_NEXT(x, x_entry);
		if (!xchg_allowed(sa, x->x_type)) {
			if (sa->sa_state != SA_AUTH_I)
				xchg_end(x);
		} else if (x->x_not_before <= sa->sa_ike->i_now) {
			return x;
		} else if (x->x_not_before < *later) {
			*later = x->x_not_before;
		}
	}
	return NULL;
}

void
xchg_run(struct ikesa *sa)
{
	uint64_t later;
	struct xchg *x;

	while (sa->sa_state != SA_DEAD && sa->sa_req == NULL) {
		x = xchg_pick(sa, &later);
		if (x == NULL) {
			if (later != UINT64_MAX)
				tmo_set(&sa->sa_ike->i_tmos, &sa->sa_tmo_queue,
				    later);
			return;
		}
		TAILQ_REMOVE(&sa->sa_queue, x, x_entry);
		sa->sa_nqueue--;
		sa->sa_req = x;
		xchg_begin(x);
	}
}

void
xchg_postpone(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	struct xchg *y = xchg_new(sa, x->x_type);

	if (y != NULL) {
		y->x_conn = x->x_conn;
		y->x_old_spi = x->x_old_spi;
		y->x_seq = x->x_seq;
		y->x_not_before = x->x_ike->i_now +
		    ike_jitter(x->x_ike, POSTPONE_MS);
	}
	xchg_end(x);
	if (y == NULL)
		return;
	if (y->x_type == X_CHILD_REKEY) {
		struct child *c = child_find(y->x_ike, y->x_old_spi);

		if (c != NULL)
			c->c_busy = true;
	}
	xchg_queue(y);
}

/* The wait after transmission n (from 1) of a request. */
static void
xchg_arm(struct xchg *x)
{
	struct ike *ike = x->x_ike;

	if (x->x_other != NULL) {
		tmo_set(&ike->i_tmos, &x->x_sa->sa_tmo_retrans,
		    ike->i_now + path_wait(x->x_sa));
		return;
	}
	if (x->x_wait == 0)
		x->x_wait = ike->i_conf.cf_retrans_ms;
	tmo_set(&ike->i_tmos, &x->x_sa->sa_tmo_retrans,
	    ike->i_now + ike_jitter(ike, x->x_wait));
	x->x_wait = (uint32_t)((uint64_t)x->x_wait * 9 / 5);
	if (x->x_wait > ike->i_conf.cf_retrans_max_ms)
		x->x_wait = ike->i_conf.cf_retrans_max_ms;
}

static void
xchg_transmit(struct xchg *x)
{
	struct ike_datagram to = ikesa_to(x->x_sa);

	to.dg_df = x->x_other != NULL && x->x_df;
	to.dg_piece = x->x_piece;
	outmsg_send(x->x_ike, x->x_out, &to);
	x->x_sa->sa_said = x->x_when = x->x_ike->i_now;
	x->x_tries++;
	xchg_arm(x);
}

bool
xchg_start(struct xchg *x)
{
	if (x->x_out == NULL)
		return false;
	if (!x->x_sent)
		x->x_sa->sa_next_req++;
	x->x_sent = true;
	x->x_tries = 0;
	x->x_hint = IKE_HINT_NOTHING;
	x->x_wait = 0;
	xchg_transmit(x);
	return true;
}

bool
xchg_send(struct xchg *x, struct ike_writer *w)
{
	struct ikesa *sa = x->x_sa;

	outmsg_free(x->x_out);
	if (x->x_exchange == IKE_X_SA_INIT) {
		size_t n = ike_writer_finish(w, true);

		x->x_out = n != 0 ? outmsg_clear(x->x_ike->i_buf, n) : NULL;
	} else {
		x->x_msgid = sa->sa_next_req;
		x->x_out = seal_message(sa, x->x_exchange, false, x->x_msgid,
		    w);
		explicit_bzero(x->x_ike->i_buf, wcur_len(&w->w_out));
	}
	return xchg_start(x);
}

void
ike_hint(struct ike *ike, uint64_t now, const struct addr *dst, uint64_t spi_i,
    uint64_t spi_r, enum ike_hint hint)
{
	struct ikesa *sa;

	ike_enter(ike, now);
	if ((sa = ikesa_find(ike, spi_i)) == NULL || !sa->sa_initiator)
		sa = ikesa_find(ike, spi_r);
	if (sa != NULL && sa->sa_req != NULL && sa->sa_spi_i == spi_i &&
	    addr_equal(&sa->sa_remote, dst))
		sa->sa_req->x_hint = hint;
	ike_leave(ike);
}

/* No transmission of IKE_SA_INIT was answered. */
static void
init_expired(struct ikesa *sa)
{
	enum ike_hint hint = sa->sa_req->x_hint;

	if (hint == IKE_HINT_NOTHING)
		ikesa_fail(sa, IKE_R_NO_ANSWER, "no answer to IKE_SA_INIT: is "
		    "UDP %u to the peer open, and does it know us?",
		    sa->sa_rport);
	else
		ikesa_fail(sa, ike_hint_reason(hint), "no answer to "
		    "IKE_SA_INIT to UDP %u: %s", sa->sa_rport,
		    ike_hint_text(hint));
}

/* Port 500 was answered, and 4500 was not. */
static void
xchg_natt_expired(struct ikesa *sa)
{
	ikesa_fail(sa, IKE_R_NAT, "%s, so from IKE_AUTH on all goes to UDP port "
	    "%u, and nothing came back from there: it was sent %u times, up to "
	    "%llu s after the first message", nat_who(sa), sa->sa_rport,
	    sa->sa_req->x_tries, (unsigned long long)
	    (sa->sa_req->x_when - sa->sa_created) / 1000);
}

/* All transmissions went unanswered. */
static void
xchg_expired(struct ikesa *sa)
{
	switch (sa->sa_state) {
	case SA_INIT_I:
		init_expired(sa);
		break;
	case SA_AUTH_I:
		if (sa->sa_natt) {
			xchg_natt_expired(sa);
			break;
		}
		ikesa_fail(sa, IKE_R_NO_AUTH_ANSWER, "IKE_SA_INIT was answered "
		    "but not IKE_AUTH: UDP %u or fragments are filtered, or "
		    "the peer dropped it", sa->sa_rport);
		break;
	case SA_UP:
		sa->sa_ike->i_stats.is_dead++;
		ikesa_kill(sa, IKE_R_DEAD);
		break;
	default:
		ikesa_kill(sa, sa->sa_reason);
		break;
	}
}

void
xchg_retransmit(struct ikesa *sa)
{
	struct xchg *x = sa->sa_req;
	unsigned tries = sa->sa_ike->i_conf.cf_tries;

	if (x == NULL || !x->x_sent)
		return;
	if (x->x_type == X_IKE_DELETE && tries > DELETE_TRIES)
		tries = DELETE_TRIES;
	if (!path_again(x) && x->x_tries >= tries) {
		xchg_expired(sa);
		return;
	}
	sa->sa_ike->i_stats.is_out_again++;
	xchg_transmit(x);
}

void
xchg_answered(struct xchg *x)
{
	switch (x->x_type) {
	case X_AUTH:
		auth_answered(x);
		break;
	case X_PEER_AUTH:
		auth_peer_answered(x);
		break;
	case X_CHILD_NEW:
	case X_CHILD_REKEY:
		create_answered(x);
		break;
	case X_PEER_CHILD:
		create_peer_answered(x);
		break;
	default:
		break;
	}
}

bool
xchg_keep_plain(struct xchg *x, const struct inmsg *im)
{
	free(x->x_plain);
	x->x_plain = ike_calloc(1, im->im_n + 1);
	if (x->x_plain == NULL)
		return false;
	memcpy(x->x_plain, im->im_p, im->im_n);
	x->x_plain_len = im->im_n;
	x->x_plain_first = im->im_first;
	return true;
}

/* ------------------------------------------ nonces and Diffie-Hellman */

struct dh *
xchg_dh_new(struct ike *ike, uint16_t group)
{
	const struct alg *a = alg_by_ike(ALG_DH, group, 0);
	struct dh *d;

	if (a == NULL)
		return NULL;
	d = ike_calloc(1, sizeof(*d));
	if (d != NULL && !dh_generate(d, a, &ike->i_rand)) {
		free(d);
		d = NULL;
	}
	return d;
}

void
xchg_dh_free(struct dh *d)
{
	if (d == NULL)
		return;
	dh_wipe(d);
	free(d);
}

bool
xchg_secret(struct xchg *x, const struct dh *d, struct ike_blob peer)
{
	size_t n = dh_secret_size(d->dh_group);

	free(x->x_secret);
	x->x_secret_len = 0;
	x->x_secret = ike_calloc(1, n);
	if (x->x_secret == NULL)
		return false;
	x->x_secret_len = n;
	return dh_shared(d, peer.b_p, peer.b_n, x->x_secret);
}

void
xchg_nonce(struct ike *ike, struct ike_nonce *no)
{
	no->no_n = IKE_NONCE_LEN;
	ike_random(ike, no->no_p, IKE_NONCE_LEN);
}

void
nonce_set(struct ike_nonce *no, struct ike_blob b)
{
	no->no_n = (uint16_t)b.b_n;
	memcpy(no->no_p, b.b_p, b.b_n);
}

int
nonce_cmp(const struct ike_nonce *a, const struct ike_nonce *b)
{
	size_t n = a->no_n < b->no_n ? a->no_n : b->no_n;
	int d = memcmp(a->no_p, b->no_p, n);

	return d != 0 ? d : (int)a->no_n - (int)b->no_n;
}

const struct ike_nonce *
nonce_min(const struct ike_nonce *a, const struct ike_nonce *b)
{
	return nonce_cmp(a, b) <= 0 ? a : b;
}
