/* SPDX-License-Identifier: ISC */
/*
 * PF_KEYv2 messages: from struct pfkey_msg to bytes (RFC 2367 section 2), the
 * mirror of parse.c.  Every extension starts at a multiple of eight bytes and
 * is filled up with zeroes.
 */
#include "libpfkey/pfkey.h"
#include "libpfkey/wire.h"
#include "libutil/cur.h"

static void
put_u16h(struct wcur *w, uint16_t v)
{
	wcur_put(w, &v, sizeof(v));
}

static void
put_u32h(struct wcur *w, uint32_t v)
{
	wcur_put(w, &v, sizeof(v));
}

static void
put_u64h(struct wcur *w, uint64_t v)
{
	wcur_put(w, &v, sizeof(v));
}

static void
put_sa(struct wcur *w, const struct pfkey_msg *m)
{
	wcur_u32(w, m->pm_sa.ps_spi);
	wcur_u8(w, m->pm_sa.ps_replay);
	wcur_u8(w, m->pm_sa.ps_state);
	wcur_u8(w, m->pm_sa.ps_auth);
	wcur_u8(w, m->pm_sa.ps_encrypt);
	put_u32h(w, m->pm_sa.ps_flags);
}

static void
put_lifetime(struct wcur *w, const struct pfkey_lifetime *lt)
{
	put_u32h(w, lt->pl_allocations);
	put_u64h(w, lt->pl_bytes);
	put_u64h(w, lt->pl_addtime);
	put_u64h(w, lt->pl_usetime);
}

static void
put_current(struct wcur *w, const struct pfkey_msg *m)
{
	put_lifetime(w, &m->pm_current);
}

static void
put_hard(struct wcur *w, const struct pfkey_msg *m)
{
	put_lifetime(w, &m->pm_hard);
}

static void
put_soft(struct wcur *w, const struct pfkey_msg *m)
{
	put_lifetime(w, &m->pm_soft);
}

static void
put_sockaddr(struct wcur *w, const struct addr *a, uint16_t port)
{
	put_u16h(w, a->ad_af);
	wcur_u16(w, port);
	if (a->ad_af == AF_INET) {
		wcur_put(w, &a->ad_v4, sizeof(a->ad_v4));
		wcur_zero(w, 8);
	} else if (a->ad_af == AF_INET6) {
		wcur_zero(w, 4);
		wcur_put(w, &a->ad_v6, sizeof(a->ad_v6));
		wcur_zero(w, 4);
	} else
		w->wcur_bad = true;
}

static void
put_address(struct wcur *w, const struct pfkey_address *pa)
{
	wcur_u8(w, pa->pa_proto);
	wcur_u8(w, pa->pa_plen);
	put_u16h(w, 0);
	put_sockaddr(w, &pa->pa_addr, pa->pa_port);
}

/* The selector of a policy says "any protocol" as 255, an SA's address says 0. */
static void
put_end(struct wcur *w, const struct pfkey_msg *m, const struct pfkey_address *pa)
{
	struct pfkey_address out = *pa;

	if (PFKEY_HAS(m, SADB_X_EXT_POLICY) && out.pa_proto == 0 && m->pm_type != SADB_ACQUIRE)
		out.pa_proto = PROTO_ANY;
	put_address(w, &out);
}

static void
put_src(struct wcur *w, const struct pfkey_msg *m)
{
	put_end(w, m, &m->pm_src);
}

static void
put_dst(struct wcur *w, const struct pfkey_msg *m)
{
	put_end(w, m, &m->pm_dst);
}

static void
put_proxy(struct wcur *w, const struct pfkey_msg *m)
{
	put_address(w, &m->pm_proxy);
}

static void
put_natt_oa(struct wcur *w, const struct pfkey_msg *m)
{
	put_address(w, &m->pm_natt_oa);
}

static void
put_key(struct wcur *w, const struct pfkey_key *k)
{
	put_u16h(w, k->pk_bits);
	put_u16h(w, 0);
	if (k->pk_bits == 0 || k->pk_bits % 8 != 0)
		w->wcur_bad = true;
	else
		wcur_put(w, k->pk_data, k->pk_bits / 8);
}

static void
put_akey(struct wcur *w, const struct pfkey_msg *m)
{
	put_key(w, &m->pm_akey);
}

static void
put_ekey(struct wcur *w, const struct pfkey_msg *m)
{
	put_key(w, &m->pm_ekey);
}

static void
put_ident(struct wcur *w, const struct pfkey_ident *id)
{
	const char *text = id->pi_text != NULL ? id->pi_text : "";

	put_u16h(w, id->pi_type);
	put_u16h(w, 0);
	put_u64h(w, id->pi_id);
	wcur_put(w, text, strlen(text) + 1);
}

static void
put_ident_src(struct wcur *w, const struct pfkey_msg *m)
{
	put_ident(w, &m->pm_ident_src);
}

static void
put_ident_dst(struct wcur *w, const struct pfkey_msg *m)
{
	put_ident(w, &m->pm_ident_dst);
}

static void
put_proposal(struct wcur *w, const struct pfkey_msg *m)
{
	wcur_u8(w, m->pm_prop_replay);
	wcur_zero(w, 3);
	wcur_put(w, m->pm_combs, m->pm_ncombs * sizeof(struct sadb_comb));
}

static void
put_supported_auth(struct wcur *w, const struct pfkey_msg *m)
{
	put_u32h(w, 0);
	wcur_put(w, m->pm_auth, m->pm_nauth * sizeof(struct sadb_alg));
}

static void
put_supported_encrypt(struct wcur *w, const struct pfkey_msg *m)
{
	put_u32h(w, 0);
	wcur_put(w, m->pm_encrypt, m->pm_nencrypt * sizeof(struct sadb_alg));
}

static void
put_spirange(struct wcur *w, const struct pfkey_msg *m)
{
	put_u32h(w, m->pm_spi_min);
	put_u32h(w, m->pm_spi_max);
	put_u32h(w, 0);
}

static void
put_request(struct wcur *w, const struct pfkey_request *pr)
{
	unsigned addrs = pr->pr_src.ad_af == AF_INET ? 2 * SOCKADDR_IN_LEN :
	    pr->pr_src.ad_af == AF_INET6 ? 2 * SOCKADDR_IN6_LEN : 0;

	put_u16h(w, (uint16_t)(sizeof(struct sadb_x_ipsecrequest) + addrs));
	put_u16h(w, pr->pr_proto);
	wcur_u8(w, pr->pr_mode);
	wcur_u8(w, pr->pr_level);
	put_u16h(w, 0);
	put_u32h(w, pr->pr_reqid);
	put_u32h(w, 0);
	if (pr->pr_src.ad_af != pr->pr_dst.ad_af)
		w->wcur_bad = true;
	if (addrs != 0) {
		put_sockaddr(w, &pr->pr_src, 0);
		put_sockaddr(w, &pr->pr_dst, 0);
	}
}

static void
put_policy(struct wcur *w, const struct pfkey_msg *m)
{
	const struct pfkey_policy *pp = &m->pm_policy;

	put_u16h(w, pp->pp_type);
	wcur_u8(w, pp->pp_dir);
	wcur_u8(w, 0);
	put_u32h(w, pp->pp_id);
	put_u32h(w, pp->pp_priority);
	if (pp->pp_nreq > PFKEY_REQUESTS_MAX) {
		w->wcur_bad = true;
		return;
	}
	for (unsigned i = 0; i < pp->pp_nreq; i++)
		put_request(w, &pp->pp_req[i]);
}

static void
put_sa2(struct wcur *w, const struct pfkey_msg *m)
{
	wcur_u8(w, m->pm_mode);
	wcur_zero(w, 3);
	put_u32h(w, m->pm_sa2_seq);
	put_u32h(w, m->pm_reqid);
}

static void
put_natt_type(struct wcur *w, const struct pfkey_msg *m)
{
	wcur_u8(w, m->pm_natt_type);
	wcur_zero(w, 3);
}

static void
put_natt_sport(struct wcur *w, const struct pfkey_msg *m)
{
	wcur_u16(w, m->pm_natt_sport);
	put_u16h(w, 0);
}

static void
put_natt_dport(struct wcur *w, const struct pfkey_msg *m)
{
	wcur_u16(w, m->pm_natt_dport);
	put_u16h(w, 0);
}

static void
put_filter(struct wcur *w, const struct pfkey_msg *m)
{
	wcur_put(w, m->pm_filter_src.pr_addr.ad_bytes, 16);
	wcur_put(w, m->pm_filter_dst.pr_addr.ad_bytes, 16);
	put_u16h(w, m->pm_filter_src.pr_addr.ad_af);
	wcur_u8(w, m->pm_filter_src.pr_len);
	wcur_u8(w, m->pm_filter_dst.pr_len);
}

static void
put_ask(struct wcur *w, const struct pfkey_msg *m)
{
	(void)m;
	put_u32h(w, 0);
}

static void
put_replay(struct wcur *w, const struct pfkey_msg *m)
{
	put_u32h(w, m->pm_window);
}

static void
put_selector(struct wcur *w, const struct pfkey_selector *sel)
{
	wcur_u8(w, sel->sel_proto);
	wcur_u8(w, sel->sel_src.pr_len);
	wcur_u8(w, sel->sel_dst.pr_len);
	wcur_u8(w, 0);
	put_u16h(w, sel->sel_src.pr_addr.ad_af);
	put_u16h(w, sel->sel_sport.po_lo);
	put_u16h(w, sel->sel_sport.po_hi);
	put_u16h(w, sel->sel_dport.po_lo);
	put_u16h(w, sel->sel_dport.po_hi);
	wcur_zero(w, 6);
	wcur_put(w, sel->sel_src.pr_addr.ad_bytes, 16);
	wcur_put(w, sel->sel_dst.pr_addr.ad_bytes, 16);
}

static void
put_sel(struct wcur *w, const struct pfkey_msg *m)
{
	put_selector(w, &m->pm_sel);
}

static void
put_packet(struct wcur *w, const struct pfkey_msg *m)
{
	put_selector(w, &m->pm_packet);
}

static void
put_name(struct wcur *w, const struct pfkey_msg *m)
{
	wcur_put(w, m->pm_name, strnlen(m->pm_name, sizeof(m->pm_name) - 1));
	wcur_u8(w, 0);
}

static void
put_stats(struct wcur *w, const struct pfkey_msg *m)
{
	put_u32h(w, 0);
	put_u64h(w, m->pm_stats.st_packets);
	put_u64h(w, m->pm_stats.st_bytes);
	put_u64h(w, m->pm_stats.st_seq);
	put_u64h(w, m->pm_stats.st_last);
	for (unsigned i = 0; i < PFKEY_DROPS; i++)
		put_u64h(w, m->pm_stats.st_drops[i]);
}

static void
put_acquire(struct wcur *w, const struct pfkey_msg *m)
{
	put_u32h(w, m->pm_asks);
}

static void
put_pmtu(struct wcur *w, const struct pfkey_msg *m)
{
	put_u32h(w, (uint32_t)m->pm_pmtu << 16 | m->pm_inner_mtu);
}

static void (*const writers[PFKEY_EXT_MAX + 1])(struct wcur *, const struct pfkey_msg *) = {
	[SADB_EXT_SA] = put_sa,
	[SADB_EXT_LIFETIME_CURRENT] = put_current,
	[SADB_EXT_LIFETIME_HARD] = put_hard,
	[SADB_EXT_LIFETIME_SOFT] = put_soft,
	[SADB_EXT_ADDRESS_SRC] = put_src,
	[SADB_EXT_ADDRESS_DST] = put_dst,
	[SADB_EXT_ADDRESS_PROXY] = put_proxy,
	[SADB_EXT_KEY_AUTH] = put_akey,
	[SADB_EXT_KEY_ENCRYPT] = put_ekey,
	[SADB_EXT_IDENTITY_SRC] = put_ident_src,
	[SADB_EXT_IDENTITY_DST] = put_ident_dst,
	[SADB_EXT_PROPOSAL] = put_proposal,
	[SADB_EXT_SUPPORTED_AUTH] = put_supported_auth,
	[SADB_EXT_SUPPORTED_ENCRYPT] = put_supported_encrypt,
	[SADB_EXT_SPIRANGE] = put_spirange,
	[SADB_X_EXT_POLICY] = put_policy,
	[SADB_X_EXT_SA2] = put_sa2,
	[SADB_X_EXT_NAT_T_TYPE] = put_natt_type,
	[SADB_X_EXT_NAT_T_SPORT] = put_natt_sport,
	[SADB_X_EXT_NAT_T_DPORT] = put_natt_dport,
	[SADB_X_EXT_NAT_T_OA] = put_natt_oa,
	[SADB_X_EXT_FILTER] = put_filter,
	[PFKEY_EXT_ASK] = put_ask,
	[PFKEY_EXT_REPLAY] = put_replay,
	[PFKEY_EXT_SELECTOR] = put_sel,
	[PFKEY_EXT_NAME] = put_name,
	[PFKEY_EXT_STATS] = put_stats,
	[PFKEY_EXT_PACKET] = put_packet,
	[PFKEY_EXT_ACQUIRE] = put_acquire,
	[PFKEY_EXT_PMTU] = put_pmtu,
};

/* A length in units of eight bytes, known only now, at a place written before. */
static void
set_words(struct wcur *w, size_t at, size_t len)
{
	uint16_t words = (uint16_t)(len / 8);

	if (wcur_ok(w))
		memcpy(w->wcur_base + at, &words, sizeof(words));
}

static void
put_ext(struct wcur *w, const struct pfkey_msg *m, unsigned type)
{
	size_t start = wcur_len(w);

	if (writers[type] == NULL) {
		w->wcur_bad = true;
		return;
	}
	put_u16h(w, 0);
	put_u16h(w, (uint16_t)type);
	writers[type](w, m);
	wcur_zero(w, -wcur_len(w) & 7);
	set_words(w, start, wcur_len(w) - start);
}

size_t
pfkey_build(const struct pfkey_msg *m, void *buf, size_t cap)
{
	struct wcur w = wcur_init(buf, cap < PFKEY_MSG_MAX ? cap : PFKEY_MSG_MAX);

	wcur_u8(&w, PF_KEY_V2);
	wcur_u8(&w, m->pm_type);
	wcur_u8(&w, m->pm_errno);
	wcur_u8(&w, m->pm_satype);
	put_u16h(&w, 0);
	put_u16h(&w, 0);
	put_u32h(&w, m->pm_seq);
	put_u32h(&w, m->pm_pid);
	for (unsigned type = 1; type <= PFKEY_EXT_MAX; type++) {
		if ((type < 32 || type >= PFKEY_EXT_MIN) && PFKEY_HAS(m, type))
			put_ext(&w, m, type);
	}
	set_words(&w, 4, wcur_len(&w));
	return wcur_ok(&w) ? wcur_len(&w) : 0;
}
