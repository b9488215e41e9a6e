/* SPDX-License-Identifier: ISC */
/*
 * The codec: headers, chains, legality, proposals and traffic selectors
 * (libike/ike_msg.h); the timers' heap; the key schedule against published
 * numbers.
 */
#include "libike/ike_auth.h"
#include "libike/ike_key.h"
#include "libike/ike_tmo.h"
#include "test.h"

static uint8_t buf[4096];

/* ---------------------------------------------------------------- header */

static void
header(void)
{
	struct ike_hdr h = { .h_spi_i = 0x0102030405060708,
	    .h_spi_r = 0x1112131415161718, .h_next = IKE_P_SA,
	    .h_version = IKE_VERSION, .h_exchange = IKE_X_AUTH,
	    .h_flags = IKE_F_INITIATOR, .h_msgid = 7, .h_len = 28 }, g;
	struct wcur w = wcur_init(buf, sizeof(buf));
	static const char text[] = "0102030405060708 1112131415161718 21 20 23"
	    " 08 00000007 0000001c";
	uint8_t want[28];

	ike_hdr_build(&w, &h);
	CU_ASSERT_EQUAL(test_hex(text, want, sizeof(want)), 28);
	TEST_BYTES(buf, want, 28);
	CU_ASSERT_TRUE(ike_hdr_parse(buf, 28, &g));
	w = wcur_init(buf + 100, 100);
	ike_hdr_build(&w, &g);
	TEST_BYTES(buf + 100, want, 28);
	for (size_t n = 0; n < 60; n++)
		CU_ASSERT_TRUE(n == 28 || !ike_hdr_parse(buf, n, &g));
}

/* ---------------------------------------------------------------- chains */

static const struct chain_case {
	const char	*name;
	uint8_t		 exchange;
	bool		 response;
	uint8_t		 first;
	const char	*bytes;
	enum ike_parse	 want;
} chains[] = {
	{ "nothing at all", IKE_X_INFORMATIONAL, false, 0, "", IKE_PARSE_OK },
	{ "bytes behind the last payload", IKE_X_INFORMATIONAL, false, 0, "00",
	    IKE_PARSE_SHORT },
	{ "a payload without its header", IKE_X_INFORMATIONAL, false, 41,
	    "000000", IKE_PARSE_SHORT },
	{ "length 0 does not loop", IKE_X_INFORMATIONAL, false, 41,
	    "29000000 29000000", IKE_PARSE_SHORT },
	{ "length 3", IKE_X_INFORMATIONAL, false, 43, "00000003",
	    IKE_PARSE_SHORT },
	{ "length 4: an empty vendor ID", IKE_X_INFORMATIONAL, false, 43,
	    "00000004", IKE_PARSE_OK },
	{ "length beyond the end", IKE_X_INFORMATIONAL, false, 43, "00000005",
	    IKE_PARSE_SHORT },
	{ "length 65535", IKE_X_INFORMATIONAL, false, 43, "0000ffff 00",
	    IKE_PARSE_SHORT },
	{ "a chain that names one more", IKE_X_INFORMATIONAL, false, 43,
	    "2b000004", IKE_PARSE_SHORT },
	{ "unknown, not critical", IKE_X_INFORMATIONAL, false, 200,
	    "00000005 aa", IKE_PARSE_OK },
	{ "unknown and critical", IKE_X_INFORMATIONAL, false, 200,
	    "00800005 aa", IKE_PARSE_CRITICAL },
	{ "known: the critical bit is ignored", IKE_X_INFORMATIONAL, false, 43,
	    "00800004", IKE_PARSE_OK },
	{ "a KE payload in INFORMATIONAL", IKE_X_INFORMATIONAL, false, 34,
	    "00000009 00130000 aa", IKE_PARSE_ILLEGAL },
	{ "IKE_SA_INIT without anything", IKE_X_SA_INIT, false, 0, "",
	    IKE_PARSE_MISSING },
	{ "two AUTH payloads", IKE_X_AUTH, true, 39,
	    "27000009 02000000 aa 00000009 02000000 aa", IKE_PARSE_ILLEGAL },
	{ "IKE_SA_INIT answer of a notify", IKE_X_SA_INIT, true, 41,
	    "00000008 0000000e", IKE_PARSE_OK },
	{ "an unknown exchange may carry nothing", 99, false, 41,
	    "00000008 0000000e", IKE_PARSE_ILLEGAL },
	{ "notify with an SPI longer than itself", IKE_X_INFORMATIONAL, false,
	    41, "00000008 03ff0001", IKE_PARSE_SHORT },
	{ "delete with more SPIs than bytes", IKE_X_INFORMATIONAL, false, 42,
	    "0000000c 03040002 11111111", IKE_PARSE_SHORT },
	{ "delete with fewer SPIs than bytes", IKE_X_INFORMATIONAL, false, 42,
	    "00000010 03040001 11111111 22222222", IKE_PARSE_SHORT },
	{ "delete of ESP", IKE_X_INFORMATIONAL, false, 42,
	    "0000000c 03040001 11111111", IKE_PARSE_OK },
	{ "delete of ESP with SPIs of eight bytes", IKE_X_INFORMATIONAL, false,
	    42, "00000010 03080001 1111111122222222", IKE_PARSE_SYNTAX },
	{ "delete of IKE with an SPI", IKE_X_INFORMATIONAL, false, 42,
	    "00000010 01080001 1111111122222222", IKE_PARSE_SYNTAX },
	{ "delete of nothing known", IKE_X_INFORMATIONAL, false, 42,
	    "00000008 09000000", IKE_PARSE_SYNTAX },
	{ "an ID of no bytes", IKE_X_AUTH, true, 36, "00000008 02000000",
	    IKE_PARSE_SHORT },
	{ "an ID of less than its header", IKE_X_AUTH, true, 36, "00000006 0200",
	    IKE_PARSE_SHORT },
	{ "an IPv4 ID of three bytes", IKE_X_AUTH, true, 36,
	    "0000000b 01000000 c00002", IKE_PARSE_SYNTAX },
	{ "an IPv4 ID", IKE_X_AUTH, true, 36, "0000000c 01000000 c0000201",
	    IKE_PARSE_OK },
	{ "an AUTH of no bytes", IKE_X_AUTH, true, 39, "00000008 02000000",
	    IKE_PARSE_SHORT },
	{ "selectors: none", IKE_X_AUTH, true, 44, "00000008 00000000",
	    IKE_PARSE_SYNTAX },
	{ "selectors: more than there are", IKE_X_AUTH, true, 44,
	    "00000018 02000000 07000010 0000ffff 0a000000 0a0000ff",
	    IKE_PARSE_SHORT },
	{ "selectors: one", IKE_X_AUTH, true, 44,
	    "00000018 01000000 07000010 0000ffff 0a000000 0a0000ff",
	    IKE_PARSE_OK },
	{ "selectors: end before start", IKE_X_AUTH, true, 44,
	    "00000018 01000000 07000010 0000ffff 0a0000ff 0a000000",
	    IKE_PARSE_SYNTAX },
	{ "selectors: wrong length for the family", IKE_X_AUTH, true, 44,
	    "00000018 01000000 08000010 0000ffff 0a000000 0a0000ff",
	    IKE_PARSE_SHORT },
	{ "selectors: length 0 does not loop", IKE_X_AUTH, true, 44,
	    "00000018 ff000000 07000000 0000ffff 0a000000 0a0000ff",
	    IKE_PARSE_SHORT },
	{ "SA: a proposal of length 0", IKE_X_AUTH, true, 33,
	    "0000000c 00000000 01030000", IKE_PARSE_SHORT },
	{ "SA: a proposal of no transforms", IKE_X_AUTH, true, 33,
	    "0000000c 00000008 01030000", IKE_PARSE_SYNTAX },
	{ "SA: a transform of length 0", IKE_X_AUTH, true, 33,
	    "00000014 00000010 01030001 00000000 01000014", IKE_PARSE_SHORT },
	{ "SA: an attribute longer than its transform", IKE_X_AUTH, true, 33,
	    "00000018 00000014 01030001 0000000c 01000014 000effff",
	    IKE_PARSE_SHORT },
	{ "SA: one transform", IKE_X_AUTH, true, 33,
	    "00000018 00000014 01030001 0000000c 01000014 800e0080",
	    IKE_PARSE_OK },
	{ "SA: the last proposal says more", IKE_X_AUTH, true, 33,
	    "00000018 02000014 01030001 0000000c 01000014 800e0080",
	    IKE_PARSE_SYNTAX },
	{ "SA: fewer transforms than counted", IKE_X_AUTH, true, 33,
	    "00000018 00000014 01030002 0300000c 01000014 800e0080",
	    IKE_PARSE_SHORT },
};

static void
chain(void)
{
	struct ike_msg m;

	for (size_t i = 0; i < TEST_COUNT(chains); i++) {
		const struct chain_case *c = &chains[i];
		size_t n = test_hex(c->bytes, buf, sizeof(buf));

		test_row("%s", c->name);
		CU_ASSERT_EQUAL(ike_msg_parse(c->exchange, c->response,
		    c->first, buf, n, &m), c->want);
	}
}

static void
many_payloads(void)
{
	struct ike_msg m;

	memset(buf, 0, sizeof(buf));
	for (unsigned n = 1; n < 100; n++) {
		for (unsigned i = 0; i < n; i++) {
			buf[4 * i] = i + 1 < n ? IKE_P_VENDOR : 0;
			buf[4 * i + 3] = 4;
		}
		CU_ASSERT_EQUAL(ike_msg_parse(IKE_X_INFORMATIONAL, false,
		    IKE_P_VENDOR, buf, 4 * n, &m), n <= IKE_PAYLOADS_MAX ?
		    IKE_PARSE_OK : IKE_PARSE_LIMIT);
	}
}

/* A text of 100 bytes or more is its first byte, so often. */
static const struct {
	const char	*name;
	uint8_t		 type;
	const char	*data;
	size_t		 n;
	size_t		 room;
	const char	*want;
} ids[] = {
	{ "a name", IKE_ID_FQDN, "gw.example", 10, 128, "gw.example" },
	{ "a mail address", IKE_ID_RFC822_ADDR, "a@b.example", 11, 128, "a@b.example" },
	{ "an address", IKE_ID_IPV4_ADDR, "\xc0\0\2\1", 4, 128, "192.0.2.1" },
	{ "a name like an address", IKE_ID_FQDN, "192.0.2.1", 9, 128, "fqdn:192.0.2.1" },
	{ "a mail address like one", IKE_ID_RFC822_ADDR, "2001:db8::1", 11, 128,
	    "mail:2001:db8::1" },
	{ "a name like a mail address", IKE_ID_FQDN, "a@b.example", 11, 128, "fqdn:a@b.example" },
	{ "a name like a key's number", IKE_ID_FQDN, "0x41", 4, 128, "fqdn:0x41" },
	{ "a key's number", IKE_ID_KEY_ID, "A", 1, 128, "0x41" },
	{ "a name like none", IKE_ID_FQDN, "any", 3, 128, "fqdn:any" },
	{ "a name like one of those", IKE_ID_FQDN, "fqdn:any", 8, 128, "fqdn:fqdn:any" },
	{ "a space", IKE_ID_FQDN, "a b", 3, 128, "0x612062" },
	{ "a line end", IKE_ID_FQDN, "a\nb", 3, 128, "0x610a62" },
	{ "a NUL", IKE_ID_FQDN, "a\0b", 3, 128, "0x610062" },
	{ "an escape", IKE_ID_RFC822_ADDR, "\033[2J@", 5, 128, "0x1b5b324a40" },
	{ "UTF-8", IKE_ID_FQDN, "\xe2\x80\xae", 3, 128, "0xe280ae" },
	{ "a name, cut", IKE_ID_FQDN, "gw.example", 10, 10, "gw.exa..." },
	{ "a name that fits", IKE_ID_FQDN, "gw.example", 10, 11, "gw.example" },
	{ "bytes, cut", IKE_ID_KEY_ID, "ABCDEFGH", 8, 14, "0x4142434..." },
	{ "bytes that fit", IKE_ID_KEY_ID, "ABCDEFGH", 8, 19, "0x4142434445464748" },
	{ "the longest", IKE_ID_FQDN, "a", IKE_ID_MAX, 9, "aaaaa..." },
	{ "the longest, as bytes", IKE_ID_DER_ASN1_DN, "a", IKE_ID_MAX, 13, "0x6161616..." },
};

static void
id_text(void)
{
	char text[600];
	struct ike_id id;

	for (size_t i = 0; i < TEST_COUNT(ids); i++) {
		test_row("%s", ids[i].name);
		memset(&id, 0, sizeof(id));
		id.id_type = ids[i].type;
		id.id_len = (uint16_t)ids[i].n;
		memset(id.id_data, ids[i].data[0], ids[i].n);
		if (ids[i].n < 100)
			memcpy(id.id_data, ids[i].data, ids[i].n);
		TEST_STRING(ike_id_print(&id, text, ids[i].room), ids[i].want);
	}
}

/* Whatever the writer writes, the parser reads. */
static void
round_trip(void)
{
	struct ike_proposals ps;
	struct ike_writer w;
	struct ike_ts_list tl = { .tl_n = 1 };
	struct ike_id id;
	struct ike_msg m;
	struct prefix p;
	uint8_t nonce[32] = { 1 }, spi[4] = { 0, 0, 0, 9 };
	uint32_t spis[2] = { 0x11111111, 0x22222222 };

	ike_proposals_default(IKE_PROTO_ESP, &ps);
	CU_ASSERT_TRUE(prefix_parse("2001:db8::/32", &p));
	ike_ts_from_prefix(&p, &tl.tl_ts[0]);
	CU_ASSERT_TRUE(ike_id_parse("someone@example.org", &id));
	ike_writer_init(&w, buf, sizeof(buf));
	ike_put_notify_spi(&w, IKE_N_REKEY_SA, IKE_PROTO_ESP, 0x12345678);
	ike_put_sa(&w, &ps, spi, sizeof(spi));
	ike_put_bytes(&w, IKE_P_NONCE, nonce, sizeof(nonce));
	ike_put_ke(&w, 31, nonce, sizeof(nonce));
	ike_put_ts(&w, IKE_P_TSI, &tl);
	ike_put_ts(&w, IKE_P_TSR, &tl);
	CU_ASSERT_EQUAL(ike_msg_parse(IKE_X_CREATE_CHILD, false, w.w_first, buf,
	    ike_writer_finish(&w, false), &m), IKE_PARSE_OK);
	CU_ASSERT_EQUAL(m.m_notify[0].n_spi, 0x12345678);
	CU_ASSERT_EQUAL(m.m_group, 31);
	CU_ASSERT_TRUE(ike_ts_list_equal(&m.m_tsi, &tl));
	TEST_BYTES(m.m_nonce.b_p, nonce, sizeof(nonce));
	ike_writer_init(&w, buf, sizeof(buf));
	ike_put_id(&w, IKE_P_IDI, &id);
	ike_put_auth(&w, 2, nonce, sizeof(nonce));
	CU_ASSERT_EQUAL(ike_msg_parse(IKE_X_AUTH, false, w.w_first, buf,
	    ike_writer_finish(&w, false), &m), IKE_PARSE_OK);
	CU_ASSERT_TRUE(ike_id_equal(&m.m_idi, &id));
	CU_ASSERT_EQUAL(m.m_auth_method, 2);
	ike_writer_init(&w, buf, sizeof(buf));
	ike_put_delete_esp(&w, spis, 2);
	ike_put_delete_ike(&w);
	CU_ASSERT_EQUAL(ike_msg_parse(IKE_X_INFORMATIONAL, false, w.w_first,
	    buf, ike_writer_finish(&w, false), &m), IKE_PARSE_OK);
	CU_ASSERT_EQUAL(m.m_ndelete, 2);
	CU_ASSERT_EQUAL(m.m_delete[0].d_n, 2);
	/* A buffer that is too small fails as a whole, wherever it ends. */
	for (size_t cap = 0; cap < 40; cap++) {
		ike_writer_init(&w, buf, cap);
		ike_put_id(&w, IKE_P_IDI, &id);
		ike_put_auth(&w, 2, nonce, sizeof(nonce));
		CU_ASSERT_EQUAL(ike_writer_finish(&w, false), 0);
	}
}

/* ------------------------------------------------------------- proposals */

static size_t
offer(const struct ike_proposals *ps, uint8_t *out, size_t cap)
{
	uint8_t spi[4] = { 1, 2, 3, 4 };
	struct ike_writer w;

	ike_writer_init(&w, out, cap);
	ike_put_sa(&w, ps, spi, ps->ps_p[0].pr_proto == IKE_PROTO_ESP ? 4 : 0);
	return ike_writer_finish(&w, false);
}

#define E(id, bits)	{ IKE_T_ENCR, id, bits }
#define I(id)		{ IKE_T_INTEG, id, 0 }
#define D(id)		{ IKE_T_DH, id, 0 }
#define N(id)		{ IKE_T_ESN, id, 0 }
static const struct choice_case {
	const char		*name;
	struct ike_transform	 theirs[6], ours[6];
	bool			 want;
	uint8_t			 failed;	/* type, where not wanted */
	const char		*chosen;
} choices[] = {
	{ "the same", { E(20, 128) }, { E(20, 128) }, true, 0,
	    "aes-128-gcm" },
	{ "key length differs", { E(20, 128) }, { E(20, 256) }, false,
	    IKE_T_ENCR, NULL },
	{ "AES without key length", { E(20, 0) }, { E(20, 128) }, false,
	    IKE_T_ENCR, NULL },
	{ "our order decides", { E(20, 128), E(20, 256) },
	    { E(20, 256), E(20, 128) }, true, 0, "aes-256-gcm" },
	{ "integrity NONE aloud is silence", { E(20, 128), I(0) },
	    { E(20, 128) }, true, 0, "aes-128-gcm+none" },
	{ "integrity is missing", { E(12, 128) }, { E(12, 128), I(12) }, false,
	    IKE_T_INTEG, NULL },
	{ "integrity is too much", { E(20, 128), I(12) }, { E(20, 128) }, false,
	    IKE_T_INTEG, NULL },
	{ "ESN is wanted, not offered", { E(20, 128), N(0) },
	    { E(20, 128), N(1) }, false, IKE_T_ESN, NULL },
	{ "silence means no ESN", { E(20, 128) }, { E(20, 128), N(1), N(0) },
	    true, 0, "aes-128-gcm" },
	{ "PFS is wanted, not offered", { E(20, 128) }, { E(20, 128), D(31) },
	    false, IKE_T_DH, NULL },
	{ "PFS is optional", { E(20, 128) }, { E(20, 128), D(31), D(0) }, true,
	    0, "aes-128-gcm" },
	{ "the group of the KE payload is preferred",
	    { E(20, 128), D(14), D(19) }, { E(20, 128), D(14), D(19) }, true, 0,
	    "aes-128-gcm+ecp256" },
};
#undef E
#undef I
#undef D
#undef N

static void
list_of(const struct ike_transform *t, struct ike_proposals *ps)
{
	memset(ps, 0, sizeof(*ps));
	ps->ps_n = 1;
	ps->ps_p[0].pr_proto = IKE_PROTO_ESP;
	while (ps->ps_p[0].pr_n < 6 && t[ps->ps_p[0].pr_n].tr_type != 0) {
		ps->ps_p[0].pr_t[ps->ps_p[0].pr_n] = t[ps->ps_p[0].pr_n];
		ps->ps_p[0].pr_n++;
	}
}

static void
choose(void)
{
	struct ike_proposals theirs, ours, got = { .ps_n = 1 };
	struct ike_choice ch;
	struct ike_msg m;
	char text[200];

	for (size_t i = 0; i < TEST_COUNT(choices); i++) {
		const struct choice_case *c = &choices[i];
		size_t n;

		test_row("%s", c->name);
		list_of(c->theirs, &theirs);
		list_of(c->ours, &ours);
		n = offer(&theirs, buf, sizeof(buf));
		CU_ASSERT_EQUAL(ike_msg_parse(IKE_X_AUTH, true, IKE_P_SA, buf,
		    n, &m), IKE_PARSE_OK);
		CU_ASSERT_EQUAL(ike_choose(m.m_sa, &ours, 19, false, &ch),
		    c->want);
		if (!c->want) {
			CU_ASSERT_EQUAL(ch.pc_failed, c->failed);
			continue;
		}
		got.ps_p[0] = ch.pc_pr;
		TEST_STRING(ike_proposals_print(&got, text, sizeof(text)),
		    c->chosen);
		CU_ASSERT_EQUAL(ch.pc_spi_len, 4);
	}
}

/* An answer is one proposal of one transform per type, out of what we sent. */
static void
answers(void)
{
	struct ike_proposals ours, theirs;
	struct ike_choice ch;
	struct ike_msg m;
	size_t n;

	ike_proposals_default(IKE_PROTO_ESP, &ours);
	n = offer(&ours, buf, sizeof(buf));
	CU_ASSERT_EQUAL(ike_msg_parse(IKE_X_AUTH, true, IKE_P_SA, buf, n, &m),
	    IKE_PARSE_OK);
	test_row("everything we sent is no choice");
	CU_ASSERT_FALSE(ike_choice_check(m.m_sa, &ours, false, &ch));
	test_row("what we did not send is no choice");
	memset(&theirs, 0, sizeof(theirs));
	theirs.ps_n = 1;
	theirs.ps_p[0].pr_proto = IKE_PROTO_ESP;
	theirs.ps_p[0].pr_n = 1;
	theirs.ps_p[0].pr_t[0] = (struct ike_transform){ IKE_T_ENCR,
	    IKE_ENCR_AES_GCM_16, 192 };
	n = offer(&theirs, buf, sizeof(buf));
	CU_ASSERT_EQUAL(ike_msg_parse(IKE_X_AUTH, true, IKE_P_SA, buf, n, &m),
	    IKE_PARSE_OK);
	CU_ASSERT_FALSE(ike_choice_check(m.m_sa, &ours, false, &ch));
	test_row("one of each is");
	theirs.ps_p[0].pr_t[0].tr_keybits = 128;
	n = offer(&theirs, buf, sizeof(buf));
	CU_ASSERT_EQUAL(ike_msg_parse(IKE_X_AUTH, true, IKE_P_SA, buf, n, &m),
	    IKE_PARSE_OK);
	CU_ASSERT_TRUE(ike_choice_check(m.m_sa, &ours, true, &ch));
}

/* -------------------------------------------------------------- selectors */

/* A selector in a world of 16 addresses, 4 ports and protocols 1 and 2. */
static void
tiny(uint32_t r, struct ike_ts *ts)
{
	unsigned a = r & 15, b = r >> 4 & 15, p = r >> 8 & 3, q = r >> 10 & 3;

	memset(ts, 0, sizeof(*ts));
	ts->ts_lo.ad_af = ts->ts_hi.ad_af = AF_INET;
	ts->ts_lo.ad_bytes[3] = (uint8_t)(a < b ? a : b);
	ts->ts_hi.ad_bytes[3] = (uint8_t)(a < b ? b : a);
	ts->ts_port.po_lo = (uint16_t)(p < q ? p : q);
	ts->ts_port.po_hi = (uint16_t)(p < q ? q : p);
	ts->ts_proto = (uint8_t)((r >> 12) % 3);
}

static bool
holds(const struct ike_ts_list *tl, unsigned point)
{
	struct addr a = { .ad_af = AF_INET };

	a.ad_bytes[3] = point & 15;
	return ike_ts_match(tl, &a, (uint8_t)(1 + (point >> 6)),
	    (uint16_t)(point >> 4 & 3));
}

/* Narrowing is the intersection, point by point. */
static void
narrow(void)
{
	uint32_t x = 1;
	unsigned wrong = 0;

	for (unsigned round = 0; round < 20000; round++) {
		struct ike_ts_list a = { 0 }, b = { 0 }, c;
		bool any;

		for (unsigned i = 0; i < 3; i++) {
			x = x * 1664525 + 1013904223;
			tiny(x >> 8, &a.tl_ts[a.tl_n++]);
			x = x * 1664525 + 1013904223;
			tiny(x >> 8, &b.tl_ts[b.tl_n++]);
		}
		any = ike_ts_narrow(&a, &b, &c);
		wrong += any != (c.tl_n != 0);
		for (unsigned point = 0; point < 128; point++)
			wrong += (holds(&a, point) && holds(&b, point)) !=
			    holds(&c, point);
		wrong += !ike_ts_list_covers(&a, &c) ||
		    !ike_ts_list_covers(&b, &c);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void
ts_text(void)
{
	struct ike_ts_list tl = { .tl_n = 2 };
	struct prefix p;
	char text[200];

	(void)prefix_parse("10.0.0.0/8", &p);
	ike_ts_from_prefix(&p, &tl.tl_ts[0]);
	(void)prefix_parse("2001:db8::1", &p);
	ike_ts_from_prefix(&p, &tl.tl_ts[1]);
	tl.tl_ts[1].ts_proto = 6;
	tl.tl_ts[1].ts_port = (struct port_range){ 22, 22 };
	TEST_STRING(ike_ts_list_print(&tl, text, sizeof(text)),
	    "10.0.0.0/8, 2001:db8::1/128 proto 6 port 22:22");
	TEST_STRING(ike_ts_list_print(&tl, text, 8), "10.0.0.");
}

/* ------------------------------------------------------------------ keys */

/*
 * AUTH of a shared key is prf(prf(key, pad), octets) with HMAC-SHA2-256:
 * the inner key computed apart, by HMAC of RFC 4231's construction.
 */
static void
psk(void)
{
	static const char pad[] = "Key Pad for IKEv2", key[] = "secret";
	struct alg_chunk c = { pad, sizeof(pad) - 1 };
	const struct alg *prf = alg_by_ike(ALG_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	uint8_t inner[64], want[64], got[64];

	prf_iov(prf, key, 6, &c, 1, inner);
	c = (struct alg_chunk){ "octets", 6 };
	prf_iov(prf, inner, 32, &c, 1, want);
	CU_ASSERT_EQUAL(ike_auth_psk(IKE_PRF_HMAC_SHA2_256, key, 6, "octets", 6,
	    got), 32);
	TEST_BYTES(got, want, 32);
	CU_ASSERT_TRUE(ike_auth_psk_verify(IKE_PRF_HMAC_SHA2_256, key, 6,
	    "octets", 6, want, 32));
	for (unsigned i = 0; i < 256; i++) {
		want[i / 8] ^= (uint8_t)(1 << i % 8);
		CU_ASSERT_FALSE(ike_auth_psk_verify(IKE_PRF_HMAC_SHA2_256, key,
		    6, "octets", 6, want, 32));
		want[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < 32; n++)
		CU_ASSERT_FALSE(ike_auth_psk_verify(IKE_PRF_HMAC_SHA2_256, key,
		    6, "octets", 6, want, n));
	CU_ASSERT_EQUAL(ike_auth_psk(IKE_PRF_HMAC_SHA2_256, key, 0, "x", 1,
	    got), 0);
	CU_ASSERT_EQUAL(ike_auth_psk(999, key, 6, "x", 1, got), 0);
}

/*
 * The schedule against its formulas, computed step by step: KEYMAT and SK_*
 * come in the order of RFC 7296 sections 2.14 and 2.17.
 */
static void
schedule(void)
{
	struct ike_proposal pr = { .pr_proto = IKE_PROTO_IKE, .pr_n = 4,
	    .pr_t = { { IKE_T_ENCR, IKE_ENCR_AES_CBC, 128 },
	    { IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0 },
	    { IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
	    { IKE_T_DH, IKE_DH_CURVE25519, 0 } } };
	struct ike_nonce ni = { .no_n = 16 }, nr = { .no_n = 20 };
	uint8_t secret[32] = { 9 }, key[64], both[36], seed[52], mat[256];
	struct ike_seed se = { &ni, &nr, 0x1122334455667788, 0x99, { secret,
	    32 } };
	const struct alg *prf = alg_by_ike(ALG_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	struct alg_chunk c = { secret, 32 };
	struct ike_child_keys ck;
	struct ike_keys k, l;
	struct wcur w;

	memset(ni.no_p, 0xaa, 16);
	memset(nr.no_p, 0xbb, 20);
	CU_ASSERT_TRUE(ike_keys_derive(&k, &pr, &se, NULL));
	memset(both, 0xaa, 16);
	memset(both + 16, 0xbb, 20);
	prf_iov(prf, both, 36, &c, 1, key);
	w = wcur_init(seed, sizeof(seed));
	wcur_put(&w, both, 36);
	wcur_u64(&w, se.se_spi_i);
	wcur_u64(&w, se.se_spi_r);
	c = (struct alg_chunk){ seed, 52 };
	CU_ASSERT_TRUE(prf_plus(prf, key, 32, &c, 1, mat, 3 * 32 + 2 * 32 +
	    2 * 16));
	TEST_BYTES(k.k_d, mat, 32);
	TEST_BYTES(k.k_i.sk_ikey, mat + 32, 32);
	TEST_BYTES(k.k_r.sk_ikey, mat + 64, 32);
	TEST_BYTES(k.k_i.sk_key, mat + 96, 16);
	TEST_BYTES(k.k_r.sk_key, mat + 112, 16);
	TEST_BYTES(k.k_pi, mat + 128, 32);
	TEST_BYTES(k.k_pr, mat + 160, 32);
	test_row("a rekeyed IKE SA starts from the old SK_d");
	CU_ASSERT_TRUE(ike_keys_derive(&l, &pr, &se, &k));
	{
		struct alg_chunk in[2] = { { secret, 32 }, { both, 36 } };

		prf_iov(prf, k.k_d, 32, in, 2, key);
	}
	CU_ASSERT_TRUE(prf_plus(prf, key, 32, &c, 1, mat, 192));
	TEST_BYTES(l.k_d, mat, 32);
	TEST_BYTES(l.k_pr, mat + 160, 32);
	test_row("KEYMAT of a child without a group");
	se.se_secret.b_n = 0;
	CU_ASSERT_TRUE(ike_child_keys_derive(&ck, &k, &pr, &se));
	c = (struct alg_chunk){ both, 36 };
	CU_ASSERT_TRUE(prf_plus(prf, k.k_d, 32, &c, 1, mat, 96));
	TEST_BYTES(ck.ck_encr_i, mat, 16);
	TEST_BYTES(ck.ck_integ_i, mat + 16, 32);
	TEST_BYTES(ck.ck_encr_r, mat + 48, 16);
	TEST_BYTES(ck.ck_integ_r, mat + 64, 32);
}

/* ---------------------------------------------------------------- timers */

static void
timers(void)
{
	static struct tmo t[500];
	struct tmo_heap h = { NULL };
	uint32_t x = 7;
	uint64_t last = 0;
	unsigned fired = 0, set = 0;
	struct tmo *d;

	for (unsigned i = 0; i < 20000; i++) {
		struct tmo *one;

		x = x * 1664525 + 1013904223;
		one = &t[(x >> 8) % TEST_COUNT(t)];
		if (x >> 30 == 0)
			tmo_clear(&h, one);
		else
			tmo_set(&h, one, x >> 12 & 0xffff);
	}
	for (size_t i = 0; i < TEST_COUNT(t); i++)
		set += t[i].tm_on;
	while ((d = tmo_due(&h, UINT64_MAX)) != NULL) {
		CU_ASSERT_TRUE(d->tm_at >= last);
		last = d->tm_at;
		fired++;
	}
	CU_ASSERT_EQUAL(fired, set);
	CU_ASSERT_EQUAL(tmo_next(&h), UINT64_MAX);
}

TEST_MAIN(
	TEST("header", header),
	TEST("chain", chain),
	TEST("64 payloads and no more", many_payloads),
	TEST("identities as text", id_text),
	TEST("what is written is read", round_trip),
	TEST("choice", choose),
	TEST("answers to our offer", answers),
	TEST("narrowing is an intersection", narrow),
	TEST("selectors as text", ts_text),
	TEST("AUTH from a shared key", psk),
	TEST("key schedule", schedule),
	TEST("timers fire in order", timers))
