/* SPDX-License-Identifier: ISC */
/*
 * SAs: made, given keys, changed, ended (RFC 4301 section 4.4.2.1).
 *
 *	sad_getspi ──> LARVAL ──sad_update──> MATURE ──soft limit──> DYING
 *	sad_add ─────────────────────────────>  │                      │
 *	                                        └──hard, sad_delete────┴──> DEAD
 *
 * Nothing of the SAD changes before all of a description has been checked
 * and the key schedule made.  Whenever the set of usable SAs changes, the
 * policies that it serves are told (spd_sa_changed).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/ip.h>

#include "kern/counter.h"
#include "netinet/ip.h"
#include "netipsec/ipsec_var.h"

/* SPIs below are reserved (RFC 4303 section 2.1). */
#define SPI_MIN		256
#define SPI_TRIES	64

/* ---- what does not depend on keys ---- */

void
sa_template(struct sa *sa)
{
	uint8_t *h = sa->sa_outer;
	uint8_t ttl = (uint8_t)sa->sa_nk->nk_ttl;
	bool natt = (sa->sa_flags & SA_F_NATT) != 0;

	memset(h, 0, sizeof(sa->sa_outer));
	h[0] = 0x45;
	h[8] = ttl != 0 ? ttl : 64;
	h[9] = natt ? IPPROTO_UDP : IPPROTO_ESP;
	memcpy(h + 12, &sa->sa_src4, 4);
	memcpy(h + 16, &sa->sa_dst4, 4);
	memcpy(h + 20, &sa->sa_natt_sport, 2);
	memcpy(h + 22, &sa->sa_natt_dport, 2);
	sa->sa_outer_sum = (uint16_t)~in_fold(in_sum(h + 8, 12, 0));
	sa->sa_hdrlen = (uint8_t)((sa->sa_mode == SA_TUNNEL ? 20 : 0) + (natt ? 8 : 0) +
	    XFORM_HDR + sa->sa_ivlen);
}

void
sa_set_mtu(struct sa *sa, uint16_t mtu)
{
	uint32_t front = sa->sa_hdrlen + (sa->sa_mode == SA_TUNNEL ? 0u : 20u);
	uint32_t rest, text;

	if (mtu < front + sa->sa_icvlen + sa->sa_align) {
		sa->sa_inner_mtu = 0;
		return;
	}
	rest = mtu - front - sa->sa_icvlen;
	text = rest - rest % sa->sa_align - 2;
	sa->sa_inner_mtu = (uint16_t)(text + (sa->sa_mode == SA_TUNNEL ? 0 : 20));
}

/* The worker with the fewest SAs; among equals each in turn. */
static uint8_t
sa_anchor(struct nk *nk)
{
	struct sad *sd = nk->nk_sad;
	unsigned n = nk->nk_nworkers, best = sd->sd_turn % n;

	for (unsigned i = 1; i < n; i++) {
		unsigned w = (sd->sd_turn + i) % n;

		if (sd->sd_load[w] < sd->sd_load[best])
			best = w;
	}
	sd->sd_turn = best + 1;
	return (uint8_t)best;
}

static struct sa *
sa_new(struct nk *nk, struct clock_now now)
{
	struct sa *sa = aligned_alloc(_Alignof(struct sa), sizeof(*sa));

	if (sa == NULL)
		return NULL;
	memset(sa, 0, sizeof(*sa));
	sa->sa_nk = nk;
	sa->sa_proto = IPPROTO_ESP;
	sa->sa_worker = sa_anchor(nk);
	sa->sa_added = (uint64_t)now.now_wall;
	sa->sa_added_ns = now.now_ns;
	/* A key may outlive a restart (manual SAs): its IVs start anywhere. */
	nk_rand(nk, &sa->sa_iv, sizeof(sa->sa_iv));
	return sa;
}

/* Never published, or no worker can hold it any more: keys go. */
static void
sa_wipe(struct sa *sa)
{
	struct nk *nk = sa->sa_nk;

	if (sa->sa_key != NULL) {
		xform_key_wipe(nk->nk_worker[0]->w_xform, sa->sa_xform, sa->sa_key);
		free(sa->sa_key);
		sa->sa_key = NULL;
	}
	if (sa->sa_keys != NULL) {
		explicit_bzero(sa->sa_keys, (size_t)sa->sa_ekeylen + sa->sa_akeylen);
		free(sa->sa_keys);
		sa->sa_keys = NULL;
	}
	replay_fini(&sa->sa_replay);
}

static void
sa_retired(void *arg)
{
	struct sa *sa = arg;

	sa_wipe(sa);
	sad_bury(sa->sa_nk, sa);
}

static void
sa_ends(struct sa *sa, const struct addr *src, const struct addr *dst)
{
	sa->sa_src = *src;
	sa->sa_dst = *dst;
	sa->sa_src4 = src->ad_u32[0];
	sa->sa_dst4 = dst->ad_u32[0];
	if (if_is_local(sa->sa_nk, dst))
		sa->sa_flags |= SA_F_IN;
}

/* ---- descriptions ---- */

static int
refuse(const char **err, int error, const char *why)
{
	*err = why;
	return error;
}

static int
check_ends(const struct addr *src, const struct addr *dst, const char **err)
{
	if (src->ad_af == 0 || dst->ad_af == 0 || src->ad_af != dst->ad_af)
		return refuse(err, EINVAL, "source and destination must be of one family");
	if (src->ad_af != AF_INET)
		return refuse(err, EAFNOSUPPORT, "IPv6 ends of an SA");
	if (dst->ad_u32[0] == 0 || IN_MULTICAST(ntohl(dst->ad_u32[0])))
		return refuse(err, EINVAL, "destination of an SA must be one host");
	return 0;
}

static int
check_params(const struct sa_params *pp, const char **err)
{
	if (pp->spp_proto != IPPROTO_ESP)
		return refuse(err, EOPNOTSUPP, "only ESP");
	if (pp->spp_mode != SA_TRANSPORT && pp->spp_mode != SA_TUNNEL)
		return refuse(err, EOPNOTSUPP, "only tunnel and transport mode");
	if (ntohl(pp->spp_spi) < SPI_MIN)
		return refuse(err, EINVAL, "SPI is reserved");
	if (pp->spp_window > REPLAY_MAX)
		return refuse(err, EINVAL, "replay window larger than 4096");
	if ((pp->spp_flags & SA_F_NATT) && (pp->spp_natt_sport == 0 || pp->spp_natt_dport == 0))
		return refuse(err, EINVAL, "UDP encapsulation without ports");
	if (pp->spp_sel.sel_src.pr_addr.ad_af != 0 &&
	    pp->spp_sel.sel_src.pr_addr.ad_af != pp->spp_sel.sel_dst.pr_addr.ad_af)
		return refuse(err, EINVAL, "selector of two families");
	return check_ends(&pp->spp_src, &pp->spp_dst, err);
}

static const struct xform *
find_xform(const struct sa_params *pp, const char **err)
{
	const struct alg *e, *a = NULL;
	const struct xform *x;
	bool noauth = pp->spp_aalg == 0 || pp->spp_aalg == 251;	/* SADB_X_AALG_NULL */

	e = alg_by_sadb(ALG_ENCR, pp->spp_ealg, pp->spp_ekeylen * 8u);
	if (e == NULL) {
		*err = "unknown encryption algorithm or key length";
		return NULL;
	}
	if (!noauth && (a = alg_by_sadb(ALG_INTEG, pp->spp_aalg, pp->spp_akeylen * 8u)) == NULL) {
		*err = "unknown authentication algorithm or key length";
		return NULL;
	}
	if (a != NULL && (e->al_flags & ALG_AEAD)) {
		*err = "combined-mode cipher with an authentication algorithm";
		return NULL;
	}
	x = xform_find(e, a);
	if (x == NULL)
		*err = a == NULL ? "encryption without authentication" :
		    "algorithms that the data plane does not have";
	return x;
}

/* Key schedule, copy of the keys and window; on failure sa is as before but for what sa_wipe() frees. */
static int
sa_keys(struct sa *sa, const struct sa_params *pp, const char **err)
{
	const struct xform_ctx *ctx = sa->sa_nk->nk_worker[0]->w_xform;
	const struct xform *x = find_xform(pp, err);
	size_t size;

	if (x == NULL)
		return EINVAL;
	size = xform_key_size(ctx, x);
	if (size == 0)
		return refuse(err, EOPNOTSUPP, "no engine for these algorithms");
	sa->sa_key = aligned_alloc(XFORM_KEY_ALIGN, size);
	sa->sa_keys = malloc((size_t)pp->spp_ekeylen + pp->spp_akeylen + 1);
	if (sa->sa_key == NULL || sa->sa_keys == NULL || !replay_init(&sa->sa_replay,
	    (pp->spp_flags & SA_F_NOREPLAY) ? 0 : pp->spp_window)) {
		free(sa->sa_key);
		sa->sa_key = NULL;
		return refuse(err, ENOMEM, "no memory for keys");
	}
	sa->sa_xform = x;
	if (!xform_key_init(ctx, x, sa->sa_key, pp->spp_ekey, pp->spp_ekeylen,
	    pp->spp_akey, pp->spp_akeylen))
		return refuse(err, EINVAL, "key of the wrong length");
	if (pp->spp_ekeylen != 0)
		memcpy(sa->sa_keys, pp->spp_ekey, pp->spp_ekeylen);
	if (pp->spp_akeylen != 0)
		memcpy(sa->sa_keys + pp->spp_ekeylen, pp->spp_akey, pp->spp_akeylen);
	sa->sa_ekeylen = pp->spp_ekeylen;
	sa->sa_akeylen = pp->spp_akeylen;
	sa->sa_ealg = pp->spp_ealg;
	sa->sa_aalg = pp->spp_aalg;
	sa->sa_ivlen = x->x_iv;
	sa->sa_icvlen = x->x_icv;
	sa->sa_align = x->x_align;
	return 0;
}

static void
sa_name(struct sa *sa, const char *name)
{
	if (name != NULL)
		strncpy(sa->sa_name, name, sizeof(sa->sa_name) - 1);
}

/* What is told at ADD, or at the UPDATE of a larval SA. */
static void
sa_describe(struct sa *sa, const struct sa_params *pp)
{
	sa->sa_mode = pp->spp_mode;
	sa->sa_flags = (sa->sa_flags & SA_F_IN) |
	    (pp->spp_flags & (SA_F_ESN | SA_F_NATT | SA_F_NOREPLAY));
	sa->sa_reqid = pp->spp_reqid;
	sa->sa_sel = pp->spp_sel;
	sa->sa_natt_sport = pp->spp_natt_sport;
	sa->sa_natt_dport = pp->spp_natt_dport;
	sa->sa_hard = pp->spp_hard;
	sa->sa_soft = pp->spp_soft;
	sa->sa_window = pp->spp_window;
	sa->sa_pid = pp->spp_pid;
	sa->sa_seqno = pp->spp_seqno;
	sa->sa_seq = pp->spp_seq_start;
	sa->sa_replay.rp_top = pp->spp_seq_start;
	sa_name(sa, pp->spp_name);
	sa_template(sa);
}

/* From here on packets use it. */
static void
sa_mature(struct nk *nk, struct sa *sa, struct clock_now now)
{
	sa->sa_added = (uint64_t)now.now_wall;
	sa->sa_added_ns = now.now_ns;
	sa_life_start(nk, sa, now);
	atomic_store_explicit(&sa->sa_state, SA_MATURE, memory_order_release);
	sad_link_usable(nk, sa);
	spd_sa_changed(nk, sa);
}

int
sad_add(struct nk *nk, struct clock_now now, const struct sa_params *pp, const char **err,
    struct sa **out)
{
	struct sa *sa;
	int error;

	if ((error = check_params(pp, err)) != 0)
		return error;
	if (sad_lookup(nk, pp->spp_spi, &pp->spp_dst, pp->spp_proto) != NULL)
		return refuse(err, EEXIST, "SPI and destination exist");
	sa = sa_new(nk, now);
	if (sa == NULL)
		return refuse(err, ENOMEM, "no memory for an SA");
	sa->sa_spi = pp->spp_spi;
	sa_ends(sa, &pp->spp_src, &pp->spp_dst);
	error = sa_keys(sa, pp, err);
	if (error == 0) {
		sa_describe(sa, pp);
		atomic_init(&sa->sa_state, SA_LARVAL);
		error = sad_insert(nk, sa);
	}
	if (error != 0) {
		sa_wipe(sa);
		free(sa);
		return error;
	}
	sa_mature(nk, sa, now);
	*out = sa;
	return 0;
}

/* Lifetimes, and the peer's place; nothing that a peer or an attacker could not see change. */
static int
sa_amend(struct nk *nk, struct sa *sa, struct clock_now now, const struct sa_params *pp,
    const char **err)
{
	bool natt = (pp->spp_flags & SA_F_NATT) != 0;

	if (pp->spp_ealg != 0 && (pp->spp_ealg != sa->sa_ealg || pp->spp_aalg != sa->sa_aalg ||
	    pp->spp_ekeylen != sa->sa_ekeylen || pp->spp_akeylen != sa->sa_akeylen ||
	    !alg_equal(sa->sa_keys, pp->spp_ekey, pp->spp_ekeylen) ||
	    !alg_equal(sa->sa_keys + sa->sa_ekeylen, pp->spp_akey, pp->spp_akeylen)))
		return refuse(err, EINVAL, "a mature SA cannot change its keys");
	if (pp->spp_mode != sa->sa_mode)
		return refuse(err, EINVAL, "a mature SA cannot change its mode");
	sa->sa_hard = pp->spp_hard;
	sa->sa_soft = pp->spp_soft;
	sa_life_amend(nk, sa, now);
	if (!addr_equal(&sa->sa_src, &pp->spp_src) || natt != ((sa->sa_flags & SA_F_NATT) != 0) ||
	    sa->sa_natt_sport != pp->spp_natt_sport || sa->sa_natt_dport != pp->spp_natt_dport) {
		sa->sa_flags = (uint16_t)((sa->sa_flags & ~SA_F_NATT) | (natt ? SA_F_NATT : 0));
		sa->sa_src = pp->spp_src;
		sa->sa_src4 = pp->spp_src.ad_u32[0];
		sa->sa_natt_sport = pp->spp_natt_sport;
		sa->sa_natt_dport = pp->spp_natt_dport;
		/* The anchor makes the template anew before its next packet. */
		__atomic_store_n(&sa->sa_nhgen, 0, __ATOMIC_RELEASE);
		spd_sa_changed(nk, sa);
	}
	return 0;
}

int
sad_update(struct nk *nk, struct clock_now now, const struct sa_params *pp, const char **err,
    struct sa **out)
{
	struct sa *sa;
	int error;

	if ((error = check_params(pp, err)) != 0)
		return error;
	sa = sad_lookup(nk, pp->spp_spi, &pp->spp_dst, pp->spp_proto);
	if (sa == NULL)
		return refuse(err, ESRCH, "no such SA");
	*out = sa;
	if (sa->sa_state != SA_LARVAL)
		return sa_amend(nk, sa, now, pp, err);
	error = sa_keys(sa, pp, err);
	if (error != 0) {
		sa_wipe(sa);
		sa->sa_xform = NULL;
		sa->sa_ekeylen = sa->sa_akeylen = 0;
		return error;
	}
	sa_ends(sa, &pp->spp_src, &pp->spp_dst);
	sa_describe(sa, pp);
	sa_mature(nk, sa, now);
	return 0;
}

/* ---- larval SAs ---- */

static bool
spi_free(struct nk *nk, uint32_t spi, const struct addr *dst)
{
	return sad_lookup(nk, htonl(spi), dst, IPPROTO_ESP) == NULL;
}

/* A free SPI in [lo, hi], random as long as that is quick; 0: none. */
static uint32_t
spi_choose(struct nk *nk, uint32_t lo, uint32_t hi, const struct addr *dst)
{
	uint64_t span = (uint64_t)hi - lo + 1, r, i;

	for (i = 0; i < SPI_TRIES; i++) {
		nk_rand(nk, &r, sizeof(r));
		if (spi_free(nk, lo + (uint32_t)(r % span), dst))
			return lo + (uint32_t)(r % span);
	}
	for (i = 0; i < span && i <= nk->nk_sad->sd_count; i++) {
		if (spi_free(nk, lo + (uint32_t)i, dst))
			return lo + (uint32_t)i;
	}
	return 0;
}

static void
larval_timer(void *arg, uint64_t now_ns)
{
	(void)now_ns;
	sad_delete(((struct sa *)arg)->sa_nk, arg);
}

int
sad_getspi(struct nk *nk, struct clock_now now, const struct addr *src, const struct addr *dst,
    uint32_t lo, uint32_t hi, uint32_t reqid, uint8_t mode, struct sa **out)
{
	const char *err;
	struct sa *sa;
	uint32_t spi;
	int error;

	if ((error = check_ends(src, dst, &err)) != 0)
		return error;
	if (lo < SPI_MIN || lo > hi)
		return EINVAL;
	spi = spi_choose(nk, lo, hi, dst);
	if (spi == 0)
		return ENOSPC;
	sa = sa_new(nk, now);
	if (sa == NULL)
		return ENOMEM;
	sa->sa_spi = htonl(spi);
	sa->sa_reqid = reqid;
	sa->sa_mode = mode;
	sa_ends(sa, src, dst);
	atomic_init(&sa->sa_state, SA_LARVAL);
	if (sad_insert(nk, sa) != 0) {
		free(sa);
		return ENOMEM;
	}
	timer_init(&sa->sa_timer, larval_timer, sa);
	timer_set(&nk->nk_wheel, &sa->sa_timer, now.now_ns +
	    nk->nk_sad->sd_larval_s * NSEC_PER_SEC);
	*out = sa;
	return 0;
}

/* ---- the end ---- */

int
sad_delete(struct nk *nk, struct sa *sa)
{
	bool usable = sa->sa_state == SA_MATURE || sa->sa_state == SA_DYING;

	if (sa->sa_state == SA_DEAD)
		return ESRCH;
	atomic_store_explicit(&sa->sa_state, SA_DEAD, memory_order_release);
	timer_clear(&nk->nk_wheel, &sa->sa_timer);
	sad_remove(nk, sa);
	if (usable)
		spd_sa_changed(nk, sa);
	epoch_retire(&nk->nk_epoch, sa_retired, sa);
	return 0;
}

void
sad_flush(struct nk *nk, uint8_t proto)
{
	struct sad_cursor c;
	struct sa *sa;

	sad_cursor_start(nk, &c);
	while ((sa = sad_cursor_next(nk, &c)) != NULL) {
		if (proto == 0 || sa->sa_proto == proto)
			sad_delete(nk, sa);
	}
	sad_cursor_end(nk, &c);
}
