/* SPDX-License-Identifier: ISC */
/*
 * The codec: bytes as linux/pfkeyv2.h lays them out, every message there and
 * back, what is malformed or not legal, and the text form.
 */
#include "test.h"

#include <errno.h>

#include "libpfkey/pfkey.h"

static uint8_t buf[PFKEY_MSG_MAX], again[PFKEY_MSG_MAX];
static struct pfkey_msg m, r;

static struct addr
address(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a))
		abort();
	return a;
}

/* ---- bytes: what a program built for Linux sends ---- */

/* An ADD as its structures lie in memory. */
struct linux_add {
	struct sadb_msg		base;
	struct sadb_sa		sa;
	struct sadb_lifetime	hard;
	struct sadb_address	src;
	struct sockaddr_in	src_in;
	struct sadb_address	dst;
	struct sockaddr_in	dst_in;
	struct sadb_key		ekey;
	uint8_t			ekey_bytes[24];
	struct sadb_x_sa2	sa2;
	struct sadb_x_nat_t_type type;
	struct sadb_x_nat_t_port sport, dport;
} __attribute__((packed));

static const uint8_t key20[24] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 };

static void
linux_add(struct linux_add *a)
{
	memset(a, 0, sizeof(*a));
	a->base = (struct sadb_msg){ .sadb_msg_version = PF_KEY_V2, .sadb_msg_type = SADB_ADD,
	    .sadb_msg_satype = SADB_SATYPE_ESP, .sadb_msg_len = sizeof(*a) / 8,
	    .sadb_msg_seq = 77, .sadb_msg_pid = 4711 };
	a->sa = (struct sadb_sa){ .sadb_sa_len = 2, .sadb_sa_exttype = SADB_EXT_SA,
	    .sadb_sa_spi = htonl(0x12345678), .sadb_sa_replay = 32,
	    .sadb_sa_state = SADB_SASTATE_MATURE, .sadb_sa_encrypt = SADB_X_EALG_AES_GCM_ICV16 };
	a->hard = (struct sadb_lifetime){ .sadb_lifetime_len = 4,
	    .sadb_lifetime_exttype = SADB_EXT_LIFETIME_HARD, .sadb_lifetime_allocations = 9,
	    .sadb_lifetime_bytes = 1ull << 40, .sadb_lifetime_addtime = 3600 };
	a->src = (struct sadb_address){ .sadb_address_len = 3,
	    .sadb_address_exttype = SADB_EXT_ADDRESS_SRC, .sadb_address_prefixlen = 32 };
	a->src_in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(0xc0000201) } };
	a->dst = a->src;
	a->dst.sadb_address_exttype = SADB_EXT_ADDRESS_DST;
	a->dst_in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(0xc0000202) } };
	a->ekey = (struct sadb_key){ .sadb_key_len = 4, .sadb_key_exttype = SADB_EXT_KEY_ENCRYPT,
	    .sadb_key_bits = 160 };
	memcpy(a->ekey_bytes, key20, 24);
	a->sa2 = (struct sadb_x_sa2){ .sadb_x_sa2_len = 2, .sadb_x_sa2_exttype = SADB_X_EXT_SA2,
	    .sadb_x_sa2_mode = IPSEC_MODE_TUNNEL, .sadb_x_sa2_reqid = 99 };
	a->type = (struct sadb_x_nat_t_type){ .sadb_x_nat_t_type_len = 1,
	    .sadb_x_nat_t_type_exttype = SADB_X_EXT_NAT_T_TYPE, .sadb_x_nat_t_type_type = 2 };
	a->sport = (struct sadb_x_nat_t_port){ .sadb_x_nat_t_port_len = 1,
	    .sadb_x_nat_t_port_exttype = SADB_X_EXT_NAT_T_SPORT,
	    .sadb_x_nat_t_port_port = htons(4500) };
	a->dport = a->sport;
	a->dport.sadb_x_nat_t_port_exttype = SADB_X_EXT_NAT_T_DPORT;
	a->dport.sadb_x_nat_t_port_port = htons(61000);
}

static void
bytes_of_linux(void)
{
	struct linux_add a;
	const char *why = NULL;

	linux_add(&a);
	CU_ASSERT_EQUAL_FATAL(pfkey_parse(&a, sizeof(a), PFKEY_FROM_USER, &m, &why), 0);
	CU_ASSERT_EQUAL(m.pm_type, SADB_ADD);
	CU_ASSERT_EQUAL(m.pm_seq, 77);
	CU_ASSERT_EQUAL(m.pm_pid, 4711);
	CU_ASSERT_EQUAL(m.pm_sa.ps_spi, 0x12345678);
	CU_ASSERT_EQUAL(m.pm_sa.ps_replay, 32);
	CU_ASSERT_EQUAL(m.pm_sa.ps_encrypt, 20);
	CU_ASSERT_EQUAL(m.pm_hard.pl_allocations, 9);
	CU_ASSERT_EQUAL(m.pm_hard.pl_bytes, 1ull << 40);
	CU_ASSERT_EQUAL(m.pm_hard.pl_addtime, 3600);
	CU_ASSERT_EQUAL(m.pm_src.pa_addr.ad_u32[0], htonl(0xc0000201));
	CU_ASSERT_EQUAL(m.pm_dst.pa_addr.ad_u32[0], htonl(0xc0000202));
	CU_ASSERT_EQUAL(m.pm_ekey.pk_bits, 160);
	TEST_BYTES(m.pm_ekey.pk_data, key20, 20);
	CU_ASSERT_EQUAL(m.pm_mode, IPSEC_MODE_TUNNEL);
	CU_ASSERT_EQUAL(m.pm_reqid, 99);
	CU_ASSERT_EQUAL(m.pm_natt_type, 2);
	CU_ASSERT_EQUAL(m.pm_natt_sport, 4500);
	CU_ASSERT_EQUAL(m.pm_natt_dport, 61000);
	test_row("and back to the same bytes");
	CU_ASSERT_EQUAL(pfkey_build(&m, buf, sizeof(buf)), sizeof(a));
	TEST_BYTES(buf, &a, sizeof(a));
	test_row("at any alignment");
	memcpy(buf + 1, &a, sizeof(a));
	CU_ASSERT_EQUAL(pfkey_parse(buf + 1, sizeof(a), PFKEY_FROM_USER, &r, &why), 0);
	CU_ASSERT_EQUAL(r.pm_reqid, 99);
}

/* A policy as KAME's programs write it. */
struct linux_spdadd {
	struct sadb_msg		base;
	struct sadb_address	src;
	struct sockaddr_in	src_in;
	struct sadb_address	dst;
	struct sockaddr_in	dst_in;
	struct sadb_x_policy	policy;
	struct sadb_x_ipsecrequest req;
	struct sockaddr_in	req_src, req_dst;
} __attribute__((packed));

static void
policy_of_linux(void)
{
	struct linux_spdadd a;
	struct pfkey_selector sel;

	memset(&a, 0, sizeof(a));
	a.base = (struct sadb_msg){ .sadb_msg_version = PF_KEY_V2, .sadb_msg_type = SADB_X_SPDADD,
	    .sadb_msg_len = sizeof(a) / 8, .sadb_msg_seq = 1 };
	a.src = (struct sadb_address){ 3, SADB_EXT_ADDRESS_SRC, IPSEC_ULPROTO_ANY, 24, 0 };
	a.src_in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(0x0a010000) } };
	a.dst = (struct sadb_address){ 3, SADB_EXT_ADDRESS_DST, IPSEC_ULPROTO_ANY, 24, 0 };
	a.dst_in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(0x0a020000) } };
	a.policy = (struct sadb_x_policy){ .sadb_x_policy_len = 8,
	    .sadb_x_policy_exttype = SADB_X_EXT_POLICY, .sadb_x_policy_type = IPSEC_POLICY_IPSEC,
	    .sadb_x_policy_dir = IPSEC_DIR_OUTBOUND, .sadb_x_policy_priority = 2147483648u };
	a.req = (struct sadb_x_ipsecrequest){ .sadb_x_ipsecrequest_len = 48,
	    .sadb_x_ipsecrequest_proto = IPPROTO_ESP, .sadb_x_ipsecrequest_mode = IPSEC_MODE_TUNNEL,
	    .sadb_x_ipsecrequest_level = IPSEC_LEVEL_UNIQUE, .sadb_x_ipsecrequest_reqid = 16385 };
	a.req_src = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(0xc0000201) } };
	a.req_dst = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(0xc0000202) } };
	CU_ASSERT_EQUAL_FATAL(pfkey_parse(&a, sizeof(a), PFKEY_FROM_USER, &m, NULL), 0);
	CU_ASSERT_EQUAL(m.pm_src.pa_proto, 0);
	CU_ASSERT_EQUAL(m.pm_policy.pp_type, IPSEC_POLICY_IPSEC);
	CU_ASSERT_EQUAL(m.pm_policy.pp_priority, 2147483648u);
	CU_ASSERT_EQUAL(m.pm_policy.pp_nreq, 1);
	CU_ASSERT_EQUAL(m.pm_policy.pp_req[0].pr_proto, IPPROTO_ESP);
	CU_ASSERT_EQUAL(m.pm_policy.pp_req[0].pr_level, IPSEC_LEVEL_UNIQUE);
	CU_ASSERT_EQUAL(m.pm_policy.pp_req[0].pr_reqid, 16385);
	CU_ASSERT_EQUAL(m.pm_policy.pp_req[0].pr_dst.ad_u32[0], htonl(0xc0000202));
	pfkey_get_selector(&m, &sel);
	CU_ASSERT_EQUAL(sel.sel_src.pr_len, 24);
	CU_ASSERT_EQUAL(sel.sel_sport.po_hi, 65535);
	test_row("and back to the same bytes");
	CU_ASSERT_EQUAL(pfkey_build(&m, buf, sizeof(buf)), sizeof(a));
	TEST_BYTES(buf, &a, sizeof(a));
}

/* ---- every extension there and back ---- */

static const struct sadb_comb combs[3] = { { .sadb_comb_encrypt = 20, .sadb_comb_encrypt_minbits = 128 } };
static const struct sadb_alg algs[5] = { { .sadb_alg_id = 12, .sadb_alg_minbits = 128, .sadb_alg_maxbits = 256 } };

static void
everything(uint8_t type, uint64_t has)
{
	struct addr v4 = address("192.0.2.1"), v6 = address("2001:db8::7");

	pfkey_init(&m, type, SADB_SATYPE_ESP);
	m.pm_seq = 5;
	m.pm_pid = 6;
	m.pm_has = has;
	m.pm_sa = (struct pfkey_sa){ 0x1001, SADB_X_SAFLAGS_ESN, 64, SADB_SASTATE_MATURE, 5, 12 };
	m.pm_current = (struct pfkey_lifetime){ 1, 2, 3, 4 };
	m.pm_hard = (struct pfkey_lifetime){ 5, 6, 7, 8 };
	m.pm_soft = (struct pfkey_lifetime){ 9, 10, 11, 12 };
	m.pm_src = (struct pfkey_address){ v4, 500, 17, 32 };
	m.pm_dst = (struct pfkey_address){ v6, 501, 6, 128 };
	m.pm_proxy = m.pm_src;
	m.pm_natt_oa = m.pm_dst;
	m.pm_akey = (struct pfkey_key){ 256, (const uint8_t *)algs };
	m.pm_ekey = (struct pfkey_key){ 160, key20 };
	m.pm_ident_src = (struct pfkey_ident){ SADB_IDENTTYPE_FQDN, 7, "gw.example" };
	m.pm_ident_dst = (struct pfkey_ident){ SADB_IDENTTYPE_USERFQDN, 8, "" };
	m.pm_prop_replay = 32;
	m.pm_combs = combs;
	m.pm_ncombs = 3;
	m.pm_auth = algs;
	m.pm_nauth = 2;
	m.pm_encrypt = algs;
	m.pm_nencrypt = 5;
	m.pm_spi_min = 0x100;
	m.pm_spi_max = 0xffffffff;
	m.pm_policy = (struct pfkey_policy){ IPSEC_POLICY_IPSEC, IPSEC_DIR_INBOUND, 12, 1000, 2,
	    { { IPPROTO_ESP, IPSEC_MODE_TUNNEL, IPSEC_LEVEL_REQUIRE, 4, v6, v6 },
	    { IPPROTO_ESP, IPSEC_MODE_TRANSPORT, IPSEC_LEVEL_USE, 5, { 0 }, { 0 } } } };
	m.pm_mode = IPSEC_MODE_TRANSPORT;
	m.pm_reqid = 4242;
	m.pm_sa2_seq = 9;
	m.pm_natt_type = 2;
	m.pm_natt_sport = 4500;
	m.pm_natt_dport = 4501;
	(void)prefix_parse("10.0.0.0/8", &m.pm_filter_src);
	(void)prefix_parse("0.0.0.0/0", &m.pm_filter_dst);
	m.pm_window = 4096;
	(void)prefix_parse("10.1.0.0/16", &m.pm_sel.sel_src);
	(void)prefix_parse("10.2.0.0/16", &m.pm_sel.sel_dst);
	m.pm_sel.sel_sport = (struct port_range){ 0, 65535 };
	m.pm_sel.sel_dport = (struct port_range){ 1024, 2048 };
	m.pm_sel.sel_proto = 6;
	m.pm_packet = m.pm_sel;
	memcpy(m.pm_name, "office", 7);
	m.pm_stats = (struct pfkey_stats){ 1, 2, 3, 4, { 5, 6, 7, 8, 9, 10, 11, 12 } };
	m.pm_pmtu = 1372;
	m.pm_inner_mtu = 1318;
}

/* A message with each single extension, built, parsed and built again. */
static void
there_and_back(void)
{
	for (unsigned ext = 1; ext <= PFKEY_EXT_MAX; ext++) {
		size_t n, k;
		const char *why = NULL;

		if (strcmp(pfkey_ext_name(ext), "unknown") == 0 || ext == SADB_EXT_SENSITIVITY ||
		    ext == SADB_X_EXT_KMPRIVATE || ext == SADB_X_EXT_SEC_CTX ||
		    ext == SADB_X_EXT_KMADDRESS)
			continue;
		test_row("%s", pfkey_ext_name(ext));
		/* An error answer may carry nothing, any message at all for the parser: */
		everything(SADB_ADD, PFKEY_BIT(ext));
		n = pfkey_build(&m, buf, sizeof(buf));
		CU_ASSERT(n > 16 && n % 8 == 0);
		(void)pfkey_parse(buf, n, PFKEY_FROM_USER, &r, &why);
		CU_ASSERT_TRUE(PFKEY_HAS(&r, ext));
		r.pm_has = PFKEY_BIT(ext);
		k = pfkey_build(&r, again, sizeof(again));
		CU_ASSERT_EQUAL(n, k);
		TEST_BYTES(again, buf, n);
	}
}

/* ---- legality ---- */

static void
legality(void)
{
	static const uint8_t types[] = { SADB_GETSPI, SADB_UPDATE, SADB_ADD, SADB_DELETE, SADB_GET,
	    SADB_ACQUIRE, SADB_REGISTER, SADB_EXPIRE, SADB_FLUSH, SADB_DUMP, SADB_X_SPDADD,
	    SADB_X_SPDUPDATE, SADB_X_SPDDELETE, SADB_X_SPDDELETE2, SADB_X_SPDGET, SADB_X_SPDDUMP,
	    SADB_X_SPDFLUSH, SADB_X_NAT_T_NEW_MAPPING };
	unsigned legal = 0, agreed = 0, tried = 0;

	/* Whatever combination the table calls legal, parse takes, and nothing else. */
	for (unsigned i = 0; i < TEST_COUNT(types) * 2; i++) {
		enum pfkey_from from = i & 1 ? PFKEY_FROM_KERNEL : PFKEY_FROM_USER;
		uint64_t seed = i + 1;

		for (unsigned k = 0; k < 3000; k++) {
			uint64_t has;
			const char *why;
			size_t n;
			bool ok;

			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			has = seed >> 20 & seed >> 9;
			has &= (1ull << 24) - 2;
			has &= ~(PFKEY_BIT(SADB_EXT_SENSITIVITY) | PFKEY_BIT(SADB_X_EXT_KMPRIVATE));
			if (k % 2 == 0)
				has |= PFKEY_BIT(SADB_EXT_SA) | PFKEY_BIT(SADB_EXT_ADDRESS_SRC) |
				    PFKEY_BIT(SADB_EXT_ADDRESS_DST);
			if (k % 4 == 0)
				has &= 0x80067f | (seed >> 60 ? PFKEY_BIT(SADB_X_EXT_POLICY) : 0);
			everything(types[i / 2], has);
			n = pfkey_build(&m, buf, sizeof(buf));
			ok = pfkey_legal(&m, from) == NULL;
			tried++;
			legal += ok;
			agreed += (pfkey_parse(buf, n, from, &r, &why) == 0) == ok;
		}
	}
	CU_ASSERT_EQUAL(agreed, tried);
	CU_ASSERT(legal > 500 && legal < tried / 2);

	test_row("keys never come from netkern with an ADD");
	everything(SADB_ADD, PFKEY_BIT(SADB_EXT_SA) | PFKEY_BIT(SADB_EXT_ADDRESS_SRC) |
	    PFKEY_BIT(SADB_EXT_ADDRESS_DST) | PFKEY_BIT(SADB_EXT_KEY_ENCRYPT));
	CU_ASSERT_PTR_NULL(pfkey_legal(&m, PFKEY_FROM_USER));
	CU_ASSERT_PTR_NOT_NULL(pfkey_legal(&m, PFKEY_FROM_KERNEL));
	test_row("an error needs nothing");
	pfkey_init(&m, SADB_ADD, 3);
	m.pm_errno = EEXIST;
	CU_ASSERT_PTR_NULL(pfkey_legal(&m, PFKEY_FROM_KERNEL));
	CU_ASSERT_PTR_NOT_NULL(pfkey_legal(&m, PFKEY_FROM_USER));
}

static void
refused_by_name(void)
{
	static const struct {
		uint8_t type, ext;
	} cases[] = { { SADB_X_SPDSETIDX, 0 }, { SADB_X_MIGRATE, 0 }, { SADB_X_PCHANGE, 0 },
	    { SADB_X_SPDACQUIRE, 0 }, { SADB_X_SPDEXPIRE, 0 }, { SADB_ADD, SADB_EXT_SENSITIVITY },
	    { SADB_ADD, SADB_X_EXT_SEC_CTX }, { SADB_ADD, SADB_X_EXT_KMADDRESS } };

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		const char *why = NULL;
		size_t n;

		pfkey_init(&m, cases[i].type, SADB_SATYPE_ESP);
		n = pfkey_build(&m, buf, sizeof(buf));
		if (cases[i].ext != 0) {
			memcpy(buf + n, (uint8_t[]){ 1, 0, cases[i].ext, 0, 0, 0, 0, 0 }, 8);
			n += 8;
			buf[4] = (uint8_t)(n / 8);
		}
		test_row("%s %s", pfkey_type_name(cases[i].type),
		    cases[i].ext != 0 ? pfkey_ext_name(cases[i].ext) : "");
		CU_ASSERT_EQUAL(pfkey_parse(buf, n, PFKEY_FROM_USER, &r, &why), EOPNOTSUPP);
		CU_ASSERT_PTR_NOT_NULL(why);
	}
}

/* ---- malformed ---- */

static void
malformed(void)
{
	static const struct {
		const char	*name;
		unsigned	 at, value, width;
	} cases[] = {
		{ "version 1", 0, 1, 1 },
		{ "length too small", 4, 10, 2 },
		{ "length too large", 4, 500, 2 },
		{ "extension of length 0", 16, 0, 2 },
		{ "extension longer than the message", 16, 1000, 2 },
		{ "extension shorter than its contents", 16, 1, 2 },
		{ "extension longer than its contents", 16, 3, 2 },
		{ "extension 0", 18, 0, 2 },
		{ "extension twice", 32 + 2, SADB_EXT_SA, 2 },
		{ "address family 3", 64 + 8, 3, 2 },
		{ "prefix length 33", 64 + 5, 33, 1 },
		{ "key of 0 bits", 112 + 4, 0, 2 },
		{ "key of 161 bits", 112 + 4, 161, 2 },
		{ "key longer than its extension", 112 + 4, 200, 2 },
	};
	struct linux_add a;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		const char *why = NULL;
		uint8_t *p = (uint8_t *)&a;

		test_row("%s", cases[i].name);
		linux_add(&a);
		p[cases[i].at] = (uint8_t)cases[i].value;
		if (cases[i].width == 2)
			p[cases[i].at + 1] = (uint8_t)(cases[i].value >> 8);
		CU_ASSERT_EQUAL(pfkey_parse(&a, sizeof(a), PFKEY_FROM_USER, &r, &why), EINVAL);
		CU_ASSERT_PTR_NOT_NULL(why);
	}
	test_row("every truncation");
	linux_add(&a);
	for (size_t n = 0; n < sizeof(a); n++)
		CU_ASSERT_EQUAL(pfkey_parse(&a, n, PFKEY_FROM_USER, &r, NULL), EINVAL);
	test_row("the header survives for the answer");
	(void)pfkey_parse(&a, 24, PFKEY_FROM_USER, &r, NULL);
	CU_ASSERT_EQUAL(r.pm_seq, 77);
	CU_ASSERT_EQUAL(r.pm_type, SADB_ADD);
	test_row("unknown extensions are passed over");
	memcpy(buf, &a, sizeof(a));
	memcpy(buf + sizeof(a), (uint8_t[]){ 1, 0, 50, 0, 1, 2, 3, 4 }, 8);
	buf[4] = (uint8_t)((sizeof(a) + 8) / 8);
	CU_ASSERT_EQUAL(pfkey_parse(buf, sizeof(a) + 8, PFKEY_FROM_USER, &r, NULL), 0);
}

static void
small_buffer(void)
{
	everything(SADB_GET, ((1ull << 24) - 2) & ~(PFKEY_BIT(SADB_EXT_SENSITIVITY) |
	    PFKEY_BIT(SADB_X_EXT_KMPRIVATE)));
	size_t n = pfkey_build(&m, buf, sizeof(buf));

	CU_ASSERT(n > 500);
	for (size_t cap = 0; cap < n; cap++)
		CU_ASSERT_EQUAL(pfkey_build(&m, again, cap), 0);
	CU_ASSERT_EQUAL(pfkey_build(&m, again, n), n);
}

/* ---- helpers, text ---- */

static void
selectors(void)
{
	static const struct {
		const char *name, *src, *dst;
		uint8_t proto;
		struct port_range sport, dport;
		bool private;
	} cases[] = {
		{ "any", "10.0.0.0/8", "0.0.0.0/0", 0, { 0, 65535 }, { 0, 65535 }, false },
		{ "one port", "10.0.0.0/8", "10.2.0.0/16", 6, { 0, 65535 }, { 80, 80 }, false },
		{ "range", "10.0.0.0/8", "10.2.0.0/16", 6, { 1, 1023 }, { 80, 80 }, true },
		{ "port 0", "10.0.0.0/8", "10.2.0.0/16", 17, { 0, 0 }, { 0, 65535 }, true },
		{ "IPv6", "2001:db8::/32", "::/0", 17, { 53, 53 }, { 0, 65535 }, false },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct pfkey_selector in = { .sel_sport = cases[i].sport, .sel_dport = cases[i].dport,
		    .sel_proto = cases[i].proto }, out;
		size_t n;

		test_row("%s", cases[i].name);
		(void)prefix_parse(cases[i].src, &in.sel_src);
		(void)prefix_parse(cases[i].dst, &in.sel_dst);
		pfkey_init(&m, SADB_X_SPDADD, 0);
		pfkey_set_selector(&m, &in);
		m.pm_policy.pp_dir = IPSEC_DIR_OUTBOUND;
		pfkey_set(&m, SADB_X_EXT_POLICY);
		CU_ASSERT_EQUAL(PFKEY_HAS(&m, PFKEY_EXT_SELECTOR), cases[i].private);
		n = pfkey_build(&m, buf, sizeof(buf));
		CU_ASSERT_EQUAL(pfkey_parse(buf, n, PFKEY_FROM_USER, &r, NULL), 0);
		pfkey_get_selector(&r, &out);
		TEST_BYTES(&out, &in, sizeof(in));
	}
}

static void
text(void)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);
	struct linux_add a;

	linux_add(&a);
	CU_ASSERT_EQUAL(pfkey_parse(&a, sizeof(a), PFKEY_FROM_USER, &m, NULL), 0);
	pfkey_print(f, &m, 0);
	fclose(f);
	TEST_STRING(out,
	    "ADD esp seq 77 pid 4711\n"
	    "\tfrom 192.0.2.1\n"
	    "\tto 192.0.2.2\n"
	    "\tspi 0x12345678 mature auth 0 encrypt 20 replay 32 flags 0x0\n"
	    "\tmode tunnel reqid 99\n"
	    "\tlifetime hard: packets 9 bytes 1099511627776 added 3600 used 0\n"
	    "\tenckey (160 bits)\n"
	    "\tudpencap type 2\n"
	    "\tudpencap source port 4500\n"
	    "\tudpencap destination port 61000\n");
	free(out);
}

/* What another program wrote does not reach a terminal as it is. */
static void
hostile_text(void)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);

	pfkey_init(&m, SADB_ADD, SADB_SATYPE_ESP);
	pfkey_set_name(&m, "a\033[2J\"\n");
	pfkey_print(f, &m, 0);
	fclose(f);
	CU_ASSERT_PTR_NULL(strchr(out, '\033'));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "name \"a\\033[2J\\042\\012\""));
	free(out);
}

TEST_MAIN(
	TEST("bytes of a Linux program's ADD", bytes_of_linux),
	TEST("bytes of a Linux program's SPDADD", policy_of_linux),
	TEST("there and back", there_and_back),
	TEST("legality", legality),
	TEST("refused by name", refused_by_name),
	TEST("malformed", malformed),
	TEST("buffer too small", small_buffer),
	TEST("selectors", selectors),
	TEST("text", text),
	TEST("hostile text", hostile_text))
