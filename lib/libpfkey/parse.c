/* SPDX-License-Identifier: ISC */
/*
 * PF_KEYv2 messages: from bytes to struct pfkey_msg (RFC 2367 section 2).
 *
 * Each extension has a function that reads its contents from a cursor over
 * exactly these and fills in fields; lengths are checked by the cursor, values
 * that no receiver could use are refused here, legality at the end.
 */
#include <errno.h>

#include "libpfkey/legal.h"
#include "libpfkey/wire.h"
#include "libutil/cur.h"

/* A value that is out of range fails the cursor, like bytes that are missing. */
static void
get_sa(struct cur *c, struct pfkey_msg *m)
{
	m->pm_sa.ps_spi = cur_u32(c);
	m->pm_sa.ps_replay = cur_u8(c);
	m->pm_sa.ps_state = cur_u8(c);
	m->pm_sa.ps_auth = cur_u8(c);
	m->pm_sa.ps_encrypt = cur_u8(c);
	m->pm_sa.ps_flags = cur_u32_host(c);
}

static void
get_lifetime(struct cur *c, struct pfkey_lifetime *lt)
{
	lt->pl_allocations = cur_u32_host(c);
	lt->pl_bytes = cur_u64_host(c);
	lt->pl_addtime = cur_u64_host(c);
	lt->pl_usetime = cur_u64_host(c);
}

static void
get_current(struct cur *c, struct pfkey_msg *m)
{
	get_lifetime(c, &m->pm_current);
}

static void
get_hard(struct cur *c, struct pfkey_msg *m)
{
	get_lifetime(c, &m->pm_hard);
}

static void
get_soft(struct cur *c, struct pfkey_msg *m)
{
	get_lifetime(c, &m->pm_soft);
}

/* A sockaddr_in or sockaddr_in6 without padding behind. */
static void
get_sockaddr(struct cur *c, struct addr *a, uint16_t *port)
{
	unsigned family = cur_u16_host(c);

	*port = cur_u16(c);
	if (family == AF_INET) {
		cur_copy(c, &a->ad_v4, sizeof(a->ad_v4));
		cur_skip(c, 8);
	} else if (family == AF_INET6) {
		cur_skip(c, 4);
		cur_copy(c, &a->ad_v6, sizeof(a->ad_v6));
		cur_skip(c, 4);
	} else
		cur_fail(c);
	a->ad_af = (uint8_t)family;
}

static void
get_address(struct cur *c, struct pfkey_address *pa)
{
	pa->pa_proto = cur_u8(c);
	if (pa->pa_proto == PROTO_ANY)
		pa->pa_proto = 0;
	pa->pa_plen = cur_u8(c);
	cur_skip(c, 2);
	get_sockaddr(c, &pa->pa_addr, &pa->pa_port);
	if (cur_ok(c) && pa->pa_plen > addr_bits(&pa->pa_addr))
		cur_fail(c);
}

static void
get_src(struct cur *c, struct pfkey_msg *m)
{
	get_address(c, &m->pm_src);
}

static void
get_dst(struct cur *c, struct pfkey_msg *m)
{
	get_address(c, &m->pm_dst);
}

static void
get_proxy(struct cur *c, struct pfkey_msg *m)
{
	get_address(c, &m->pm_proxy);
}

static void
get_natt_oa(struct cur *c, struct pfkey_msg *m)
{
	get_address(c, &m->pm_natt_oa);
}

static void
get_key(struct cur *c, struct pfkey_key *k)
{
	k->pk_bits = cur_u16_host(c);
	cur_skip(c, 2);
	if (k->pk_bits == 0 || k->pk_bits % 8 != 0)
		cur_fail(c);
	k->pk_data = cur_bytes(c, k->pk_bits / 8);
}

static void
get_akey(struct cur *c, struct pfkey_msg *m)
{
	get_key(c, &m->pm_akey);
}

static void
get_ekey(struct cur *c, struct pfkey_msg *m)
{
	get_key(c, &m->pm_ekey);
}

/* The text is terminated within its extension. */
static void
get_ident(struct cur *c, struct pfkey_ident *id)
{
	size_t left;

	id->pi_type = cur_u16_host(c);
	cur_skip(c, 2);
	id->pi_id = cur_u64_host(c);
	left = cur_left(c);
	if (left == 0) {
		id->pi_text = "";
		return;
	}
	id->pi_text = (const char *)cur_bytes(c, left);
	if (id->pi_text != NULL && memchr(id->pi_text, '\0', left) == NULL)
		cur_fail(c);
}

static void
get_ident_src(struct cur *c, struct pfkey_msg *m)
{
	get_ident(c, &m->pm_ident_src);
}

static void
get_ident_dst(struct cur *c, struct pfkey_msg *m)
{
	get_ident(c, &m->pm_ident_dst);
}

/* n structures of the given size fill the rest; all are packed. */
static const void *
get_array(struct cur *c, size_t size, unsigned *n)
{
	size_t left = cur_left(c);

	*n = (unsigned)(left / size);
	if (left % size != 0)
		cur_fail(c);
	return cur_bytes(c, left);
}

static void
get_proposal(struct cur *c, struct pfkey_msg *m)
{
	m->pm_prop_replay = cur_u8(c);
	cur_skip(c, 3);
	m->pm_combs = get_array(c, sizeof(struct sadb_comb), &m->pm_ncombs);
}

static void
get_supported_auth(struct cur *c, struct pfkey_msg *m)
{
	cur_skip(c, 4);
	m->pm_auth = get_array(c, sizeof(struct sadb_alg), &m->pm_nauth);
}

static void
get_supported_encrypt(struct cur *c, struct pfkey_msg *m)
{
	cur_skip(c, 4);
	m->pm_encrypt = get_array(c, sizeof(struct sadb_alg), &m->pm_nencrypt);
}

static void
get_spirange(struct cur *c, struct pfkey_msg *m)
{
	m->pm_spi_min = cur_u32_host(c);
	m->pm_spi_max = cur_u32_host(c);
	cur_skip(c, 4);
}

/* Its length is in bytes, and holds two addresses without padding, or none. */
static void
get_request(struct cur *c, struct pfkey_request *pr)
{
	unsigned len = cur_u16_host(c), proto;
	struct cur body;
	uint16_t port;

	if (len < sizeof(struct sadb_x_ipsecrequest)) {
		cur_fail(c);
		return;
	}
	body = cur_sub(c, len - 2);
	proto = cur_u16_host(&body);
	pr->pr_proto = (uint8_t)proto;
	pr->pr_mode = cur_u8(&body);
	pr->pr_level = cur_u8(&body);
	cur_skip(&body, 2);
	pr->pr_reqid = cur_u32_host(&body);
	cur_skip(&body, 4);
	if (cur_left(&body) != 0) {
		get_sockaddr(&body, &pr->pr_src, &port);
		get_sockaddr(&body, &pr->pr_dst, &port);
	}
	if (!cur_ok(&body) || cur_left(&body) >= 8 || proto > UINT8_MAX ||
	    pr->pr_src.ad_af != pr->pr_dst.ad_af)
		cur_fail(c);
}

static void
get_policy(struct cur *c, struct pfkey_msg *m)
{
	struct pfkey_policy *pp = &m->pm_policy;

	pp->pp_type = cur_u16_host(c);
	pp->pp_dir = cur_u8(c);
	cur_skip(c, 1);
	pp->pp_id = cur_u32_host(c);
	pp->pp_priority = cur_u32_host(c);
	while (cur_left(c) != 0) {
		if (pp->pp_nreq == PFKEY_REQUESTS_MAX) {
			cur_fail(c);
			return;
		}
		get_request(c, &pp->pp_req[pp->pp_nreq++]);
	}
}

static void
get_sa2(struct cur *c, struct pfkey_msg *m)
{
	m->pm_mode = cur_u8(c);
	cur_skip(c, 3);
	m->pm_sa2_seq = cur_u32_host(c);
	m->pm_reqid = cur_u32_host(c);
}

static void
get_natt_type(struct cur *c, struct pfkey_msg *m)
{
	m->pm_natt_type = cur_u8(c);
	cur_skip(c, 3);
}

static void
get_natt_sport(struct cur *c, struct pfkey_msg *m)
{
	m->pm_natt_sport = cur_u16(c);
	cur_skip(c, 2);
}

static void
get_natt_dport(struct cur *c, struct pfkey_msg *m)
{
	m->pm_natt_dport = cur_u16(c);
	cur_skip(c, 2);
}

/* Addresses, families and prefix lengths that follow later in the bytes. */
static bool
prefix_set(struct prefix *pr, unsigned family, const uint8_t bytes[16], unsigned plen)
{
	if (family != AF_INET && family != AF_INET6)
		return false;
	pr->pr_addr.ad_af = (uint8_t)family;
	memcpy(pr->pr_addr.ad_bytes, bytes, family == AF_INET ? 4 : 16);
	pr->pr_len = (uint8_t)plen;
	if (plen > addr_bits(&pr->pr_addr))
		return false;
	addr_mask(&pr->pr_addr, plen);
	return true;
}

static void
get_filter(struct cur *c, struct pfkey_msg *m)
{
	uint8_t src[16], dst[16];
	unsigned family, splen, dplen;

	cur_copy(c, src, sizeof(src));
	cur_copy(c, dst, sizeof(dst));
	family = cur_u16_host(c);
	splen = cur_u8(c);
	dplen = cur_u8(c);
	if (!prefix_set(&m->pm_filter_src, family, src, splen) ||
	    !prefix_set(&m->pm_filter_dst, family, dst, dplen))
		cur_fail(c);
}

static void
get_ask(struct cur *c, struct pfkey_msg *m)
{
	(void)m;
	cur_skip(c, 4);
}

static void
get_replay(struct cur *c, struct pfkey_msg *m)
{
	m->pm_window = cur_u32_host(c);
}

static void
get_ports(struct cur *c, struct port_range *po)
{
	po->po_lo = cur_u16_host(c);
	po->po_hi = cur_u16_host(c);
	if (po->po_lo > po->po_hi)
		cur_fail(c);
}

static void
get_selector(struct cur *c, struct pfkey_selector *sel)
{
	uint8_t src[16], dst[16];
	unsigned family, splen, dplen;

	sel->sel_proto = cur_u8(c);
	splen = cur_u8(c);
	dplen = cur_u8(c);
	cur_skip(c, 1);
	family = cur_u16_host(c);
	get_ports(c, &sel->sel_sport);
	get_ports(c, &sel->sel_dport);
	cur_skip(c, 6);
	cur_copy(c, src, sizeof(src));
	cur_copy(c, dst, sizeof(dst));
	if (!prefix_set(&sel->sel_src, family, src, splen) ||
	    !prefix_set(&sel->sel_dst, family, dst, dplen))
		cur_fail(c);
}

static void
get_sel(struct cur *c, struct pfkey_msg *m)
{
	get_selector(c, &m->pm_sel);
}

static void
get_packet(struct cur *c, struct pfkey_msg *m)
{
	get_selector(c, &m->pm_packet);
}

static void
get_name(struct cur *c, struct pfkey_msg *m)
{
	size_t left = cur_left(c);
	const uint8_t *p = cur_bytes(c, left);
	const uint8_t *end = p != NULL ? memchr(p, '\0', left) : NULL;

	if (end == NULL || (size_t)(end - p) >= sizeof(m->pm_name)) {
		cur_fail(c);
		return;
	}
	memcpy(m->pm_name, p, (size_t)(end - p));
}

static void
get_stats(struct cur *c, struct pfkey_msg *m)
{
	cur_skip(c, 4);
	m->pm_stats.st_packets = cur_u64_host(c);
	m->pm_stats.st_bytes = cur_u64_host(c);
	m->pm_stats.st_seq = cur_u64_host(c);
	m->pm_stats.st_last = cur_u64_host(c);
	for (unsigned i = 0; i < PFKEY_DROPS; i++)
		m->pm_stats.st_drops[i] = cur_u64_host(c);
}

/* Nothing but 0 and 1 is said. */
static void
get_acquire(struct cur *c, struct pfkey_msg *m)
{
	uint32_t asks = cur_u32_host(c);

	if (asks > 1)
		cur_fail(c);
	m->pm_asks = asks == 1;
}

static void
get_pmtu(struct cur *c, struct pfkey_msg *m)
{
	uint32_t both = cur_u32_host(c);

	m->pm_pmtu = (uint16_t)(both >> 16);
	m->pm_inner_mtu = (uint16_t)both;
}

/*
 * The extensions.  Without a function: known, and refused by name.  What may
 * follow the contents is padding, less than eight bytes of it.
 */
static const struct ext {
	void		(*ex_get)(struct cur *, struct pfkey_msg *);
	const char	*ex_refused;
} exts[PFKEY_EXT_MAX + 1] = {
	[SADB_EXT_SA] = { get_sa, NULL },
	[SADB_EXT_LIFETIME_CURRENT] = { get_current, NULL },
	[SADB_EXT_LIFETIME_HARD] = { get_hard, NULL },
	[SADB_EXT_LIFETIME_SOFT] = { get_soft, NULL },
	[SADB_EXT_ADDRESS_SRC] = { get_src, NULL },
	[SADB_EXT_ADDRESS_DST] = { get_dst, NULL },
	[SADB_EXT_ADDRESS_PROXY] = { get_proxy, NULL },
	[SADB_EXT_KEY_AUTH] = { get_akey, NULL },
	[SADB_EXT_KEY_ENCRYPT] = { get_ekey, NULL },
	[SADB_EXT_IDENTITY_SRC] = { get_ident_src, NULL },
	[SADB_EXT_IDENTITY_DST] = { get_ident_dst, NULL },
	[SADB_EXT_SENSITIVITY] = { NULL, "SENSITIVITY: labels are not supported" },
	[SADB_EXT_PROPOSAL] = { get_proposal, NULL },
	[SADB_EXT_SUPPORTED_AUTH] = { get_supported_auth, NULL },
	[SADB_EXT_SUPPORTED_ENCRYPT] = { get_supported_encrypt, NULL },
	[SADB_EXT_SPIRANGE] = { get_spirange, NULL },
	[SADB_X_EXT_KMPRIVATE] = { NULL, "KMPRIVATE: not supported" },
	[SADB_X_EXT_POLICY] = { get_policy, NULL },
	[SADB_X_EXT_SA2] = { get_sa2, NULL },
	[SADB_X_EXT_NAT_T_TYPE] = { get_natt_type, NULL },
	[SADB_X_EXT_NAT_T_SPORT] = { get_natt_sport, NULL },
	[SADB_X_EXT_NAT_T_DPORT] = { get_natt_dport, NULL },
	[SADB_X_EXT_NAT_T_OA] = { get_natt_oa, NULL },
	[SADB_X_EXT_SEC_CTX] = { NULL, "SEC_CTX: security contexts are not supported" },
	[SADB_X_EXT_KMADDRESS] = { NULL, "KMADDRESS: belongs to MIGRATE" },
	[SADB_X_EXT_FILTER] = { get_filter, NULL },
	[PFKEY_EXT_ASK] = { get_ask, NULL },
	[PFKEY_EXT_REPLAY] = { get_replay, NULL },
	[PFKEY_EXT_SELECTOR] = { get_sel, NULL },
	[PFKEY_EXT_NAME] = { get_name, NULL },
	[PFKEY_EXT_STATS] = { get_stats, NULL },
	[PFKEY_EXT_PACKET] = { get_packet, NULL },
	[PFKEY_EXT_ACQUIRE] = { get_acquire, NULL },
	[PFKEY_EXT_PMTU] = { get_pmtu, NULL },
};

static int
refuse(const char **why, int error, const char *text)
{
	*why = text;
	return error;
}

static int
parse_ext(struct cur *c, struct pfkey_msg *m, const char **why)
{
	unsigned len = cur_u16_host(c) * 8u, type = cur_u16_host(c);
	struct cur body;

	if (len < 8 || cur_left(c) < len - PFKEY_EXT_HDR)
		return refuse(why, EINVAL, "extension longer than the message, or shorter than itself");
	body = cur_sub(c, len - PFKEY_EXT_HDR);
	if (type == 0)
		return refuse(why, EINVAL, "extension 0 is reserved");
	if (type > PFKEY_EXT_MAX || (exts[type].ex_get == NULL && exts[type].ex_refused == NULL))
		return 0;
	if (exts[type].ex_get == NULL)
		return refuse(why, EOPNOTSUPP, exts[type].ex_refused);
	if (PFKEY_HAS(m, type))
		return refuse(why, EINVAL, "extension given twice");
	exts[type].ex_get(&body, m);
	if (!cur_ok(&body))
		return refuse(why, EINVAL, "contents of an extension are malformed");
	if (cur_left(&body) >= 8)
		return refuse(why, EINVAL, "extension longer than its contents");
	pfkey_set(m, type);
	return 0;
}

static int
parse_all(struct cur *c, size_t len, enum pfkey_from from, struct pfkey_msg *m, const char **why)
{
	unsigned version, words;
	int error;

	version = cur_u8(c);
	m->pm_type = cur_u8(c);
	m->pm_errno = cur_u8(c);
	m->pm_satype = cur_u8(c);
	words = cur_u16_host(c);
	cur_skip(c, 2);
	m->pm_seq = cur_u32_host(c);
	m->pm_pid = cur_u32_host(c);
	if (!cur_ok(c))
		return refuse(why, EINVAL, "shorter than the base header");
	if (version != PF_KEY_V2)
		return refuse(why, EINVAL, "not version 2");
	if (words * 8u != len)
		return refuse(why, EINVAL, "length of the message is not what it says");
	/* A promiscuous copy: the message inside is of no concern here. */
	if (m->pm_type == SADB_X_PROMISC && from == PFKEY_FROM_KERNEL)
		return 0;
	while (cur_left(c) != 0) {
		if ((error = parse_ext(c, m, why)) != 0)
			return error;
	}
	return legal_check(m, from, why);
}

int
pfkey_parse(const void *buf, size_t len, enum pfkey_from from, struct pfkey_msg *m,
    const char **why)
{
	struct cur c = cur_init(buf, len);
	const char *ignored;

	memset(m, 0, sizeof(*m));
	if (why == NULL)
		why = &ignored;
	*why = NULL;
	return parse_all(&c, len, from, m, why);
}
