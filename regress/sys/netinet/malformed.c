/* SPDX-License-Identifier: ISC */
/*
 * Golden packets, cut short at every byte, with every bit and every length
 * changed, sums repaired and not: the router drops or forwards, never reads
 * beyond, loses no buffer, and answers an honest ping after every hundred.
 */
#include "router.h"
#include "netinet/udp.h"

static unsigned sent;

static void
honest(void)
{
	static uint16_t seq;
	struct tp_spec s = { .tp_src = A, .tp_dst = "10.0.0.1", .tp_proto = 1, .tp_flags = 8,
	    .tp_sport = 4242, .tp_dport = ++seq, .tp_len = 32 };
	uint8_t keep[2048];
	bool answered = false;
	size_t n;

	wire_flush(em0);
	wire_flush(em1);
	memcpy(keep, out, sizeof(keep));
	from_a(s);
	while ((n = take(em0)) != 0)
		answered |= n == 60 && GOT_L4[0] == 0 && tp_get16(GOT_L4 + 6) == seq;
	CU_ASSERT_TRUE(answered);
	memcpy(out, keep, sizeof(keep));
}

static void
throw(const uint8_t *f, size_t n)
{
	wire_put(em0, f, n);
	world_settle(wo);
	if (++sent % 100 == 0)
		honest();
	wire_flush(em0);
	wire_flush(em1);
}

/* As it is, and with the header's sum repaired, so that deeper checks are reached. */
static void
throw_both(uint8_t *f, size_t n)
{
	uint8_t repaired[2048];
	size_t hlen = (f[TP_ETHER] & 15u) * 4;

	throw(f, n);
	if (n < TP_IP || hlen < 20 || TP_ETHER + hlen > n)
		return;
	memcpy(repaired, f, n);
	tp_put16(repaired + TP_ETHER + 10, 0);
	tp_put16(repaired + TP_ETHER + 10,
	    (uint16_t)~tp_sum(repaired + TP_ETHER, hlen, 0));
	throw(repaired, n);
}

static void
all_edits(const uint8_t *good, size_t len)
{
	static const uint16_t lengths[] = { 0, 1, 7, 8, 19, 20, 21, 27, 28, 0x7fff, 0x8000,
	    0xfffe, 0xffff };
	uint8_t f[2048];

	for (size_t n = 0; n <= len; n++) {
		memcpy(f, good, len);
		if (n >= TP_IP)
			tp_put16(f + TP_ETHER + 2, (unsigned)(n - TP_ETHER));
		throw_both(f, n);
	}
	for (size_t at = 12; at < len && at < 120; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(f, good, len);
			f[at] ^= (uint8_t)(1u << bit);
			throw_both(f, len);
		}
	for (size_t at = TP_ETHER; at + 2 <= len && at < 100; at += 2)
		for (size_t i = 0; i < TEST_COUNT(lengths); i++) {
			memcpy(f, good, len);
			tp_put16(f + at, lengths[i]);
			throw_both(f, len);
		}
}

static void
golden(struct tp_spec s)
{
	uint8_t good[2048];

	setup();
	sent = 0;
	s.tp_dmac = em0->if_mac;
	s.tp_smac = mac_a;
	all_edits(good, tp_build(good, &s));
	honest();
	CU_ASSERT_TRUE(sent > 1000);
	teardown();
}

static void
set(void)
{
	uint8_t inner[200];
	struct tp_spec udp = { .tp_src = A, .tp_dst = B, .tp_proto = 17, .tp_sport = 1000,
	    .tp_dport = 2000, .tp_len = 30 }, s = udp, e;

	test_row("UDP through");
	golden(s);
	test_row("UDP to us");
	s.tp_dst = "10.0.0.1";
	golden(s);
	test_row("TCP through");
	s = udp;
	s.tp_proto = 6;
	s.tp_flags = 2;
	golden(s);
	test_row("echo to us");
	s = udp;
	s.tp_proto = 1;
	s.tp_flags = 8;
	s.tp_dst = "10.0.0.1";
	golden(s);
	test_row("ESP to us");
	s.tp_proto = 50;
	golden(s);
	test_row("ICMP error");
	e = udp;
	e.tp_src = "10.0.1.9";
	e.tp_dst = A;
	s = (struct tp_spec){ .tp_src = A, .tp_dst = "10.0.1.9", .tp_proto = 1,
	    .tp_flags = 3, .tp_code = 4, .tp_data = inner + TP_ETHER };
	s.tp_len = tp_build(inner, &e) - TP_ETHER;
	golden(s);
	test_row("fragment");
	s = udp;
	s.tp_off = 0x2000;
	s.tp_len = 40;
	golden(s);
}

TEST_MAIN(TEST("golden packets, edited", set))
