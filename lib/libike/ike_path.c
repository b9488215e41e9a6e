/* SPDX-License-Identifier: ISC */
/*
 * How large a packet reaches the peer?  A router may drop what is too large and
 * tell nobody, or its ICMP may be filtered; then small packets pass a tunnel and
 * large ones vanish.  Nothing in the tunnel shows it, so sizes are tried.
 *
 *	us                                     the peer
 *	SK { N(private status, of so many bytes) }, not to be fragmented  -->
 *				<--  SK { }		it has arrived
 *	the same in a form that arrives  -->		else
 *				<--  SK { }
 *
 * An INFORMATIONAL request with a notification that no one knows is answered as
 * one without (RFC 7296 sections 1.4 and 3.10.1), so the peer needs nothing
 * for it.  A request must be answered before the next one (section 2.3), so one
 * that did not arrive must be repeated in a form that does: the same bytes in
 * fragments of IP, or if these are filtered the same message in fragments of RFC
 * 7383 (section 2.5.2).  Some peers take no INFORMATIONAL in the latter, and some
 * filters drop the former; so a small message comes first, in fragments, and
 * whole if that is not answered: it tells which form arrives.  If neither does,
 * nothing else is tried.
 *
 * The first size is what our own way out takes.  If it arrives, that is all.
 * If not, sizes between are halved until one byte (or block of the cipher) is
 * left; what was found too large is tried once more, for packets get lost
 * anyway; and at most PATH_PROBES are sent in all.  The result holds for the
 * network kernel's outbound SAs, which refuse or fragment larger packets
 * before sealing, and for the pieces of our own messages.
 *
 * Tried are sizes soon after an IKE SA has a child, each hour, when the peer has moved,
 * and by command.  Another exchange that waits cuts a probe short.
 */
#include <stdio.h>

#include "libike/ike_var.h"

#define PATH_FIRST_MS	1000	/* after the first child is up ... */
#define PATH_SPREAD_MS	4000	/* ... and up to so much later */
#define PATH_AGAIN_MS	3600000
#define PATH_LATER_MS	60000	/* when too many exchanges wait */
#define PATH_TRIES	2	/* transmissions in the first form */
#define PATH_WAIT_MS	400	/* at least, between them */
#define PATH_WAIT_MAX_MS 3000
#define PATH_PROBES	24	/* of one measurement */
#define PATH_MIN	576	/* taken to arrive: RFC 791 section 3.2 */
#define PATH_TEST	400	/* the small message ... */
#define PATH_TEST_PIECE	232	/* ... and its fragments */
#define PATH_LINK	1500	/* of our way out, if nobody knows */
#define PATH_LINK_MAX	9000
#define PATH_NOTIFY	40973	/* private use (RFC 7296 section 3.10.1) */
#define BLOCK		16	/* the largest of a cipher */
#define NOTIFY_LEN	8	/* headers of a notify payload */

enum path_stage {
	PATH_TEST_IP,	/* do fragments of IP arrive? */
	PATH_TEST_IKE,	/* those of RFC 7383? */
	PATH_SIZES,
};

/* ---------------------------------------------------------------- sizes */

/* IP, UDP and the marker of port 4500 in front of a message. */
static unsigned
path_front(const struct ikesa *sa)
{
	return (sa->sa_remote.ad_af == AF_INET6 ? 40 : 20) + 8 +
	    (sa->sa_natt ? 4 : 0);
}

/*
 * The largest packet of at most size bytes that a probe can be, for the cipher's
 * blocks; *pad is what its notification holds.
 */
static unsigned
path_actual(const struct ikesa *sa, unsigned size, size_t *pad)
{
	const struct sk *sk = sa->sa_initiator ? &sa->sa_keys.k_i :
	    &sa->sa_keys.k_r;
	size_t over = path_front(sa) + IKE_HDR_LEN + IKE_PAYLOAD_HDR_LEN +
	    sk_iv_len(sk) + sk_icv_len(sk);
	size_t n = size - over;

	while (over + sk_padded(sk, n) > size)
		n--;
	*pad = n - NOTIFY_LEN;
	return (unsigned)(over + sk_padded(sk, n));
}

/* What the SA's algorithms leave for the inner packet, as sa_set_mtu(). */
static unsigned
path_inner(const struct child *c, unsigned mtu)
{
	const struct ike_transform *t = ike_proposal_get(&c->c_algs,
	    IKE_T_ENCR);
	const struct alg *encr = alg_by_ike(ALG_ENCR, t->tr_id, t->tr_keybits);
	const struct alg *integ;
	unsigned icv, align, rest, front = 20 + (c->c_sa->sa_natt ? 8 : 0) + 8;

	t = ike_proposal_get(&c->c_algs, IKE_T_INTEG);
	integ = t != NULL ? alg_by_ike(ALG_INTEG, t->tr_id, 0) : NULL;
	if (encr == NULL)
		return 0;
	icv = (encr->al_flags & ALG_AEAD) != 0 || integ == NULL ?
	    encr->al_icv : integ->al_icv;
	align = encr->al_block > 4 ? encr->al_block : 4;
	front += encr->al_iv + icv;
	rest = mtu > front + align ? mtu - front : align;
	return rest - rest % align - 2;
}

/* The largest packet within the tunnel, of what was found; 0. */
static unsigned
inner_mtu(const struct ikesa *sa)
{
	const struct child *c;

	TAILQ_FOREACH(c, &sa->sa_children, c_entry)
		if (c->c_state == CHILD_UP && c->c_mode == IKE_MODE_TUNNEL)
			return path_inner(c, sa->sa_path.pa_mtu);
	return 0;
}

void
path_text(const struct ikesa *sa, char *buf, size_t len)
{
	const struct path *pa = &sa->sa_path;
	unsigned inner = inner_mtu(sa);
	char in[48] = "";

	if (inner != 0)
		(void)snprintf(in, sizeof(in), " (%u within the tunnel)", inner);
	(void)snprintf(buf, len, "packets of more than %u bytes do not reach "
	    "the peer, though our way out takes %u: something between drops "
	    "them and tells nobody. The tunnel keeps to %u%s now, and tells "
	    "senders", pa->pa_mtu, pa->pa_link, pa->pa_mtu, in);
}

/* ------------------------------------------------------------ the search */

static void
path_stop(struct ikesa *sa)
{
	struct path *pa = &sa->sa_path;

	pa->pa_left = 0;
	pa->pa_asked = false;
	if (sa->sa_state == SA_UP && sa->sa_ike->i_conf.cf_path)
		tmo_set(&sa->sa_ike->i_tmos, &sa->sa_tmo_path,
		    sa->sa_ike->i_now + ike_jitter(sa->sa_ike, PATH_AGAIN_MS));
}

static void
path_event(struct ikesa *sa, enum ike_event_type type, enum ike_reason r,
    const char *text)
{
	act_event(sa->sa_ike, type, r, sa, "", 0, "%s", text);
}

/* Is that what a router has told, but for a block of the cipher? */
static bool
path_told(const struct path *pa, unsigned size)
{
	return pa->pa_told >= size && pa->pa_told - size < BLOCK;
}

/* What was found holds from now on; what is told of it. */
static void
path_found(struct ikesa *sa, unsigned mtu)
{
	struct path *pa = &sa->sa_path;
	bool changed = mtu != pa->pa_mtu, asked = pa->pa_asked;
	enum ike_reason r = IKE_R_NONE;
	char text[IKE_TEXT_MAX];
	struct child *c;

	pa->pa_mtu = (uint16_t)mtu;
	pa->pa_hole = mtu != 0 && !path_told(pa, mtu);
	pa->pa_at = sa->sa_ike->i_now;
	path_stop(sa);
	if (changed)
		TAILQ_FOREACH(c, &sa->sa_children, c_entry)
			child_relocate(c);
	if (pa->pa_hole) {
		r = IKE_R_MTU;
		path_text(sa, text, sizeof(text));
	} else if (mtu != 0) {
		(void)snprintf(text, sizeof(text), "packets of up to %u bytes "
		    "reach the peer, as the way there says; the tunnel keeps "
		    "to it", mtu);
	} else {
		(void)snprintf(text, sizeof(text), "packets of %u bytes, all "
		    "that our way out takes, reach the peer; it answers in %u "
		    "ms", pa->pa_link, pa->pa_rtt);
	}
	if (asked)
		path_event(sa, IKE_EV_CHECKED, r, text);
	else if (changed)
		path_event(sa, IKE_EV_NOTE, r, text);
}

static void
path_unclear(struct ikesa *sa, const char *text)
{
	bool asked = sa->sa_path.pa_asked;

	path_stop(sa);
	if (asked)
		path_event(sa, IKE_EV_CHECKED, IKE_R_NONE, text);
}

/* Those that wait go first; then all is tried anew. */
void
path_given_up(struct ikesa *sa)
{
	path_unclear(sa, "what size reaches the peer is not tried now: too many "
	    "exchanges wait");
	if (sa->sa_state == SA_UP && sa->sa_ike->i_conf.cf_path)
		tmo_set(&sa->sa_ike->i_tmos, &sa->sa_tmo_path,
		    sa->sa_ike->i_now + ike_jitter(sa->sa_ike, PATH_LATER_MS));
}

static void
path_probe(struct ikesa *sa, unsigned size)
{
	struct path *pa = &sa->sa_path;
	struct xchg *x;

	if (pa->pa_left <= 1 || (x = xchg_new(sa, X_PROBE)) == NULL) {
		path_unclear(sa, "what size reaches the peer could not be "
		    "found out: its answers come and go");
		return;
	}
	pa->pa_left--;
	pa->pa_size = (uint16_t)size;
	xchg_queue(x);
}

/* The next size between what arrives and what does not; 0: none is left. */
static unsigned
path_between(struct path *pa, const struct ikesa *sa)
{
	size_t pad;
	unsigned hint = pa->pa_hint, size;

	pa->pa_hint = 0;
	if (hint > pa->pa_good && hint < pa->pa_bad) {
		size = path_actual(sa, hint, &pad);
		if (size <= pa->pa_good)
			size = path_actual(sa, hint + BLOCK - 1, &pad);
		if (size > pa->pa_good && size < pa->pa_bad)
			return size;
	}
	size = path_actual(sa, (pa->pa_good + pa->pa_bad) / 2U, &pad);
	if (size <= pa->pa_good)
		size = path_actual(sa, pa->pa_bad - 1U, &pad);
	return size > pa->pa_good ? size : 0;
}

static void
path_next(struct ikesa *sa)
{
	struct path *pa = &sa->sa_path;
	unsigned size;

	if (pa->pa_good == pa->pa_link) {
		path_found(sa, 0);
		return;
	}
	size = path_between(pa, sa);
	if (size == 0 && pa->pa_sure) {
		path_found(sa, pa->pa_good);
		return;
	}
	pa->pa_sure = size == 0;
	path_probe(sa, size != 0 ? size : pa->pa_bad);
}

static void
path_arrived(struct ikesa *sa)
{
	struct path *pa = &sa->sa_path;

	pa->pa_good = pa->pa_size;
	/* It was only lost before: between it and the whole all is open. */
	if (pa->pa_sure)
		pa->pa_bad = pa->pa_link;
	/* The size that a router told, or that was found before, is met. */
	if (pa->pa_size == pa->pa_mtu || path_told(pa, pa->pa_size))
		pa->pa_hint = pa->pa_size + 1;
	pa->pa_sure = false;
	path_next(sa);
}

static void
path_vanished(struct ikesa *sa)
{
	struct path *pa = &sa->sa_path;

	if (pa->pa_bad == 0 && pa->pa_hint == 0 && pa->pa_mtu != 0)
		pa->pa_hint = pa->pa_mtu;
	pa->pa_bad = pa->pa_size;
	path_next(sa);
}

static unsigned
path_link(const struct ikesa *sa)
{
	const struct ike_conf *cf = &sa->sa_ike->i_conf;
	unsigned mtu = cf->cf_mtu != NULL ? cf->cf_mtu(cf->cf_arg,
	    &sa->sa_remote) : 0;
	size_t pad;

	if (mtu == 0)
		mtu = PATH_LINK;
	if (mtu > PATH_LINK_MAX)
		mtu = PATH_LINK_MAX;
	return mtu <= PATH_MIN ? 0 : path_actual(sa, mtu, &pad);
}

static void
path_start(struct ikesa *sa)
{
	struct path *pa = &sa->sa_path;
	unsigned link;

	if (sa->sa_state != SA_UP || pa->pa_left != 0)
		return;
	if (sa->sa_limbo) {
		path_unclear(sa, "what size reaches the peer is not tried while "
		    "new keys are made");
		return;
	}
	link = path_link(sa);
	if (link <= PATH_MIN) {
		path_unclear(sa, "what size reaches the peer is not tried: our "
		    "way out takes 576 bytes or fewer");
		return;
	}
	pa->pa_link = (uint16_t)link;
	pa->pa_good = PATH_MIN;
	pa->pa_bad = pa->pa_hint = pa->pa_told = 0;
	pa->pa_sure = false;
	pa->pa_left = PATH_PROBES;
	pa->pa_stage = PATH_TEST_IP;
	path_probe(sa, PATH_TEST);
}

/* ---------------------------------------------------------- when it is due */

void
path_soon(struct ikesa *sa)
{
	if (sa->sa_ike->i_conf.cf_path && sa->sa_nchildren != 0)
		tmo_set(&sa->sa_ike->i_tmos, &sa->sa_tmo_path,
		    sa->sa_ike->i_now + PATH_FIRST_MS +
		    ike_random_u32(sa->sa_ike) % PATH_SPREAD_MS);
}

void
path_used(struct ikesa *sa)
{
	if (sa->sa_path.pa_at == 0 && sa->sa_path.pa_left == 0 &&
	    !sa->sa_tmo_path.tm_on)
		path_soon(sa);
}

void
path_due(struct ikesa *sa)
{
	if (sa->sa_ike->i_conf.cf_path)
		path_start(sa);
}

void
path_check(struct ikesa *sa)
{
	sa->sa_path.pa_asked = true;
	path_start(sa);
}

/* Nothing is tried any more, but by command, and what was found does not hold. */
static void
path_forget(struct ikesa *sa)
{
	struct path *pa = &sa->sa_path;
	bool held = pa->pa_mtu != 0;
	struct child *c;

	tmo_clear(&sa->sa_ike->i_tmos, &sa->sa_tmo_path);
	if (!pa->pa_asked)
		pa->pa_left = 0;
	pa->pa_mtu = 0;
	pa->pa_hole = false;
	pa->pa_at = 0;
	if (held)
		TAILQ_FOREACH(c, &sa->sa_children, c_entry)
			child_relocate(c);
}

/* A measurement that runs begins anew on the new SA. */
void
path_inherit(struct ikesa *old, struct ikesa *to)
{
	struct tmo_heap *th = &old->sa_ike->i_tmos;
	uint64_t at = old->sa_tmo_path.tm_on ? old->sa_tmo_path.tm_at :
	    old->sa_ike->i_now + PATH_FIRST_MS;

	to->sa_path = old->sa_path;
	to->sa_path.pa_left = 0;
	tmo_clear(th, &old->sa_tmo_path);
	if (to->sa_path.pa_asked)
		path_start(to);
	else if (old->sa_ike->i_conf.cf_path)
		tmo_set(th, &to->sa_tmo_path, at);
}

/* ----------------------------------------------------------- the exchange */

static struct outmsg *
path_seal(struct xchg *x, size_t pad, size_t limit)
{
	struct ikesa *sa = x->x_sa;
	struct ike_writer w;

	seal_begin(x->x_ike, &w);
	ike_put_open(&w, IKE_P_NOTIFY);
	wcur_u16(&w.w_out, 0);
	wcur_u16(&w.w_out, PATH_NOTIFY);
	wcur_zero(&w.w_out, pad);
	ike_put_close(&w);
	return seal_within(sa, x->x_exchange, false, x->x_msgid, &w, limit);
}

/* First the form that is to be tried, then the one that arrives. */
static void
path_forms(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	struct path *pa = &sa->sa_path;
	unsigned front = path_front(sa);
	size_t pad;

	(void)path_actual(sa, pa->pa_size, &pad);
	x->x_out = path_seal(x, pad, SIZE_MAX);
	if (x->x_out == NULL)
		return;
	if (pa->pa_stage == PATH_TEST_IKE) {
		x->x_other = x->x_out;
		x->x_out = path_seal(x, pad, PATH_TEST_PIECE - front);
		return;
	}
	x->x_df = pa->pa_stage == PATH_SIZES;
	x->x_piece = x->x_df ? 0 : PATH_TEST_PIECE;
	if (x->x_df && !pa->pa_ip) {
		x->x_other = path_seal(x, pad, PATH_MIN - front);
		return;
	}
	x->x_other = outmsg_clear(x->x_out->om_bytes, x->x_out->om_size);
	x->x_other_piece = x->x_df ? PATH_MIN : 0;
}

void
path_begin(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;

	if (sa->sa_path.pa_left == 0) {
		xchg_end(x);
		return;
	}
	x->x_exchange = IKE_X_INFORMATIONAL;
	x->x_msgid = sa->sa_next_req;
	path_forms(x);
	if (x->x_other == NULL || !xchg_start(x)) {
		xchg_end(x);
		path_unclear(sa, "out of memory");
		return;
	}
	x->x_ike->i_stats.is_probes++;
	x->x_probing = true;
	LIST_INSERT_HEAD(&x->x_ike->i_probes, x, x_probe);
}

uint32_t
path_wait(const struct ikesa *sa)
{
	uint32_t wait = 2 * sa->sa_path.pa_rtt + 100;

	return wait < PATH_WAIT_MS ? PATH_WAIT_MS : wait > PATH_WAIT_MAX_MS ?
	    PATH_WAIT_MAX_MS : wait;
}

bool
path_again(struct xchg *x)
{
	if (x->x_other == NULL)
		return false;
	if (x->x_tries < PATH_TRIES && !x->x_cut)
		return true;
	outmsg_free(x->x_out);
	x->x_out = x->x_other;
	x->x_other = NULL;
	x->x_piece = x->x_other_piece;
	x->x_tries = 0;
	x->x_wait = 0;
	return true;
}

void
path_cut(struct xchg *x)
{
	if (x == NULL || x->x_type != X_PROBE || x->x_other == NULL)
		return;
	x->x_cut = true;
	tmo_set(&x->x_ike->i_tmos, &x->x_sa->sa_tmo_retrans, x->x_ike->i_now);
}

static void
path_sizes(struct ikesa *sa, bool ip)
{
	sa->sa_path.pa_ip = ip;
	sa->sa_path.pa_stage = PATH_SIZES;
	path_probe(sa, sa->sa_path.pa_link);
}

/* first: it was answered in its first form. */
static void
path_answered(struct ikesa *sa, bool first)
{
	struct path *pa = &sa->sa_path;

	if (pa->pa_stage == PATH_SIZES && first) {
		path_arrived(sa);
	} else if (pa->pa_stage == PATH_SIZES) {
		path_vanished(sa);
	} else if (first) {
		path_sizes(sa, pa->pa_stage == PATH_TEST_IP);
	} else if (pa->pa_stage == PATH_TEST_IP && sa->sa_frag) {
		pa->pa_stage = PATH_TEST_IKE;
		path_probe(sa, PATH_TEST);
	} else {
		path_unclear(sa, "what size reaches the peer is not tried: "
		    "neither fragments of IP nor of IKE (RFC 7383) reach it, and "
		    "a packet that is too large could not be repeated");
	}
}

void
path_response(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	bool first = x->x_other != NULL, cut = x->x_cut;

	xchg_end(x);
	if (sa->sa_state != SA_UP || sa->sa_path.pa_left == 0)
		return;
	if (first || !cut) {
		path_answered(sa, first);
		return;
	}
	sa->sa_path.pa_left++;		/* another exchange paid for it */
	path_probe(sa, sa->sa_path.pa_size);
}

/*
 * A router says so, or somebody who wants us to believe it: that size is tried
 * next.  The one that is out may arrive all the same, and is waited for.
 */
void
ike_path_told(struct ike *ike, uint64_t now, const struct addr *dst,
    unsigned mtu)
{
	struct xchg *x;

	ike_enter(ike, now);
	LIST_FOREACH(x, &ike->i_probes, x_probe) {
		struct path *pa = &x->x_sa->sa_path;

		if (x->x_other == NULL || !x->x_df ||
		    !addr_equal(&x->x_sa->sa_remote, dst) ||
		    mtu >= pa->pa_size || mtu < PATH_MIN)
			continue;
		pa->pa_told = pa->pa_hint = (uint16_t)mtu;
		x->x_tries = PATH_TRIES;
	}
	ike_leave(ike);
}

void
ike_path_tune(struct ike *ike, uint64_t now, bool on)
{
	struct ikesa *sa;

	ike_enter(ike, now);
	if (ike->i_conf.cf_path == on)
		return;
	ike->i_conf.cf_path = on;
	TAILQ_FOREACH(sa, &ike->i_sas, sa_entry) {
		if (!on)
			path_forget(sa);
		else if (sa->sa_state == SA_UP)
			path_soon(sa);
	}
	ike_leave(ike);
}
