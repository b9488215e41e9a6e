/* SPDX-License-Identifier: ISC */
/*
 * The header checks and the key: each refusal by its name.
 */
#include <arpa/inet.h>

#include "test.h"
#include "netinet/ip.h"
#include "pf/flow.h"
#include "sys/testpkt.h"

static uint8_t frame[2048];
static struct pkt pkt;
static struct ifnet wire_if = { .if_name = "em0", .if_flags = IF_F_UP };

static const struct tp_spec plain = { .tp_src = "10.0.0.2", .tp_dst = "192.0.2.1",
    .tp_proto = 17, .tp_sport = 1234, .tp_dport = 53, .tp_len = 20 };

static size_t
build(struct tp_spec s)
{
	return tp_build(frame, &s) - TP_ETHER;
}

static enum drop_reason
parse(size_t len)
{
	pkt = (struct pkt){ .pkt_data = frame + TP_ETHER, .pkt_len = (uint32_t)len,
	    .pkt_ifp = &wire_if, .pkt_buf = frame, .pkt_bufsize = sizeof(frame) };
	return ip_parse(&pkt);
}

static void
keys(void)
{
	struct tp_spec s = plain, r = plain;
	uint32_t hash;

	test_row("UDP");
	CU_ASSERT_EQUAL(parse(build(s)), DROP_NONE);
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_sport, htons(1234));
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_dport, htons(53));
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_src4, inet_addr("10.0.0.2"));
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_dst[1], 0);
	CU_ASSERT_EQUAL(pkt.pkt_af, AF_INET);
	CU_ASSERT_PTR_EQUAL(pkt.pkt_l4, frame + TP_IP);
	hash = pkt.pkt_hash;
	test_row("the way back has the same hash");
	r.tp_src = s.tp_dst;
	r.tp_dst = s.tp_src;
	r.tp_sport = 53;
	r.tp_dport = 1234;
	CU_ASSERT_EQUAL(parse(build(r)), DROP_NONE);
	CU_ASSERT_EQUAL(pkt.pkt_hash, hash);
	test_row("TCP");
	s.tp_proto = 6;
	s.tp_flags = 0x12;
	CU_ASSERT_EQUAL(parse(build(s)), DROP_NONE);
	CU_ASSERT_EQUAL(pkt.pkt_tcpflags, 0x12);
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_proto, 6);
	test_row("ICMP echo");
	s.tp_proto = 1;
	s.tp_flags = 8;
	s.tp_sport = 77;
	CU_ASSERT_EQUAL(parse(build(s)), DROP_NONE);
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_sport, htons(77));
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_dport, htons(77));
	CU_ASSERT_EQUAL(pkt.pkt_icmp_type, 8);
	test_row("others have no ports");
	s.tp_proto = 50;
	CU_ASSERT_EQUAL(parse(build(s)), DROP_NONE);
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_sport, 0);
	test_row("link padding is trimmed");
	s = plain;
	s.tp_len = 2;
	CU_ASSERT_EQUAL(build(s), 30);
	CU_ASSERT_EQUAL(parse(46), DROP_NONE);
	CU_ASSERT_EQUAL(pkt.pkt_len, 30);
	test_row("fragments have no transport header");
	s.tp_off = 0x2000;
	s.tp_len = 24;
	CU_ASSERT_EQUAL(parse(build(s)), DROP_NONE);
	CU_ASSERT_PTR_NULL(pkt.pkt_l4);
	CU_ASSERT_TRUE(ip_is_fragment(&pkt));
}

/* ICMP error from a router about a packet that 10.0.0.2 sent. */
static size_t
quote(uint8_t type, uint8_t proto, const char *from, size_t cut)
{
	uint8_t inner[128];
	struct tp_spec in = plain, s = { .tp_src = "172.16.0.9", .tp_dst = "10.0.0.2",
	    .tp_proto = 1, .tp_flags = type };
	size_t n;

	in.tp_proto = proto;
	in.tp_src = from;
	in.tp_flags = 8;
	n = tp_build(inner, &in) - TP_ETHER;
	s.tp_data = inner + TP_ETHER;
	s.tp_len = cut < n ? cut : n;
	return build(s);
}

static void
errors(void)
{
	static const uint8_t types[] = { 3, 4, 5, 11, 12 };
	uint32_t hash;

	(void)parse(build(plain));
	hash = pkt.pkt_hash;
	for (size_t i = 0; i < TEST_COUNT(types); i++) {
		test_row("type %u finds the flow that it is about", types[i]);
		CU_ASSERT_EQUAL(parse(quote(types[i], 17, "10.0.0.2", 100)), DROP_NONE);
		CU_ASSERT_TRUE(ip_is_icmp_error(&pkt));
		CU_ASSERT_EQUAL(pkt.pkt_proto, 1);
		CU_ASSERT_EQUAL(pkt.pkt_key.fk_proto, 17);
		CU_ASSERT_EQUAL(pkt.pkt_key.fk_src4, inet_addr("192.0.2.1"));
		CU_ASSERT_EQUAL(pkt.pkt_key.fk_dst4, inet_addr("10.0.0.2"));
		CU_ASSERT_EQUAL(pkt.pkt_key.fk_sport, htons(53));
		CU_ASSERT_EQUAL(pkt.pkt_key.fk_dport, htons(1234));
		CU_ASSERT_EQUAL(pkt.pkt_hash, hash);
	}
	test_row("every length of the quotation");
	for (size_t n = 0; n < 48; n++)
		CU_ASSERT_EQUAL(parse(quote(3, 17, "10.0.0.2", n)),
		    n < 28 ? DROP_ICMP_BAD : DROP_NONE);
	test_row("sent to somebody else than the packet came from");
	CU_ASSERT_EQUAL(parse(quote(3, 17, "10.0.0.3", 100)), DROP_ICMP_BAD);
	test_row("about an echo");
	CU_ASSERT_EQUAL(parse(quote(3, 1, "10.0.0.2", 100)), DROP_NONE);
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_sport, htons(1234));
	test_row("about ESP");
	CU_ASSERT_EQUAL(parse(quote(3, 50, "10.0.0.2", 100)), DROP_NONE);
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_proto, 50);
	CU_ASSERT_EQUAL(pkt.pkt_key.fk_sport, 0);
}

static void
edit_sum(size_t at, uint8_t v)
{
	uint8_t *ip = frame + TP_ETHER;

	ip[at] = v;
	tp_put16(ip + 10, 0);
	tp_put16(ip + 10, (uint16_t)~tp_sum(ip, (ip[0] & 15u) * 4, 0));
}

static void
refusals(void)
{
	static const struct {
		const char	*name;
		size_t		 at;
		uint8_t		 v;
		enum drop_reason why;
	} edits[] = {
		{ "version 6", 0, 0x65, DROP_IP_VERSION },
		{ "version 0", 0, 0x05, DROP_IP_VERSION },
		{ "header of 16 bytes", 0, 0x44, DROP_IP_HLEN },
		{ "header of none", 0, 0x40, DROP_IP_HLEN },
		{ "header longer than the packet", 0, 0x4f, DROP_IP_SHORT },
		{ "total length of 19", 3, 19, DROP_IP_LEN },
		{ "total length beyond the frame", 3, 49, DROP_IP_LEN },
		{ "total length far beyond", 2, 0xff, DROP_IP_LEN },
		{ "this network as source", 12, 0, DROP_IP_ADDR },
		{ "loopback as source", 12, 127, DROP_IP_ADDR },
		{ "multicast as source", 12, 224, DROP_IP_ADDR },
		{ "class E as source", 12, 255, DROP_IP_ADDR },
		{ "this network as destination", 16, 0, DROP_IP_ADDR },
		{ "loopback as destination", 16, 127, DROP_IP_ADDR },
		{ "class E as destination", 16, 240, DROP_IP_ADDR },
		{ "multicast as destination", 16, 224, DROP_NONE },
	};

	for (size_t i = 0; i < TEST_COUNT(edits); i++) {
		test_row("%s", edits[i].name);
		size_t n = build(plain);

		edit_sum(edits[i].at, edits[i].v);
		CU_ASSERT_EQUAL(parse(n), edits[i].why);
	}
	test_row("source is destination");
	{
		struct tp_spec s = plain;

		s.tp_dst = s.tp_src;
		CU_ASSERT_EQUAL(parse(build(s)), DROP_IP_ADDR);
	}
	test_row("every bit of the header is under the checksum");
	for (size_t bit = 0; bit < 160; bit++) {
		size_t n = build(plain);

		frame[TP_ETHER + bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_NOT_EQUAL(parse(n), DROP_NONE);
	}
	test_row("every truncation");
	for (size_t n = 0; n < 48; n++) {
		(void)build(plain);
		CU_ASSERT_EQUAL(parse(n), n < 20 ? DROP_IP_SHORT : DROP_IP_LEN);
	}
}

static void
transport(void)
{
	struct tp_spec s = plain;

	for (unsigned n = 0; n < 20; n++) {
		test_row("TCP header of %u bytes", n);
		s.tp_proto = 6;
		s.tp_len = 0;
		(void)build(s);
		tp_put16(frame + TP_ETHER + 2, 20 + n);
		edit_sum(1, 0);
		CU_ASSERT_EQUAL(parse(20 + n), DROP_PF_SHORT);
	}
	for (unsigned off = 0; off < 16; off++) {
		test_row("TCP data offset of %u words", off);
		(void)build(s);
		frame[TP_IP + 12] = (uint8_t)(off << 4);
		CU_ASSERT_EQUAL(parse(40), off == 5 ? DROP_NONE : DROP_PF_SHORT);
	}
	for (unsigned n = 0; n < 8; n++) {
		test_row("UDP and ICMP headers of %u bytes", n);
		s.tp_proto = 17;
		(void)build(s);
		tp_put16(frame + TP_ETHER + 2, 20 + n);
		edit_sum(1, 0);
		CU_ASSERT_EQUAL(parse(20 + n), DROP_PF_SHORT);
		edit_sum(9, 1);
		CU_ASSERT_EQUAL(parse(20 + n), DROP_ICMP_BAD);
	}
}

static void
options(void)
{
	static const struct {
		const char	*name, *hex;
		enum drop_reason why;
	} cases[] = {
		{ "no operation", "01010101", DROP_NONE },
		{ "end of list, then anything", "00ffffff", DROP_NONE },
		{ "router alert (RFC 2113)", "94040000", DROP_NONE },
		{ "router alert of the wrong length", "94030000", DROP_IP_OPT_OTHER },
		{ "loose source route", "83070400000000 00", DROP_IP_OPT_ROUTE },
		{ "strict source route", "89070400000000 00", DROP_IP_OPT_ROUTE },
		{ "record route", "0707040000000000", DROP_IP_OPT_RECORD },
		{ "timestamp", "4408050000000000", DROP_IP_OPT_RECORD },
		{ "security", "820b0000000000000000 0000", DROP_IP_OPT_OTHER },
		{ "stream identifier", "88040000", DROP_IP_OPT_OTHER },
		{ "length 0", "94000000", DROP_IP_OPTIONS },
		{ "length 1", "94010000", DROP_IP_OPTIONS },
		{ "longer than the header", "94050000", DROP_IP_OPTIONS },
		{ "length missing", "01010194", DROP_IP_OPTIONS },
		{ "source route behind harmless ones", "0101940400008303 00000000", DROP_IP_OPT_ROUTE },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		uint8_t opt[40] = { 0 }, *ip = frame + TP_ETHER;
		size_t n = test_hex(cases[i].hex, opt, sizeof(opt)), len;

		test_row("%s", cases[i].name);
		n = (n + 3) / 4 * 4;
		len = build(plain);
		memmove(ip + 20 + n, ip + 20, len - 20);
		memcpy(ip + 20, opt, n);
		tp_put16(ip + 2, (unsigned)(len + n));
		edit_sum(0, (uint8_t)(0x45 + n / 4));
		CU_ASSERT_EQUAL(parse(len + n), cases[i].why);
		if (cases[i].why == DROP_NONE) {
			CU_ASSERT_PTR_EQUAL(pkt.pkt_l4, ip + 20 + n);
			CU_ASSERT_EQUAL(pkt.pkt_key.fk_dport, htons(53));
		}
	}
}

TEST_MAIN(
	TEST("keys", keys),
	TEST("ICMP errors", errors),
	TEST("headers that are refused", refusals),
	TEST("transport headers that are too short", transport),
	TEST("options", options))
