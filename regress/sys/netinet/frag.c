/* SPDX-License-Identifier: ISC */
/*
 * Fragments: all orders, repetitions, losses, overlaps, floods.
 */
#include "netinet/frag.h"
#include "netipsec/ipsec.h"
#include "router.h"

#define PIECE	64		/* bytes of data in each piece but the last */
#define PIECES	5
#define DATA	(PIECE * (PIECES - 1) + 41)

static uint8_t whole[70000];	/* the frame of the whole packet */
static size_t whole_len;	/* behind the IP header */

static void
make_whole(const char *src, uint16_t id, size_t payload)
{
	struct tp_spec s = { .tp_dmac = em0->if_mac, .tp_smac = mac_a, .tp_src = src,
	    .tp_dst = B, .tp_proto = 17, .tp_id = id, .tp_sport = 1000,
	    .tp_dport = 2000, .tp_len = payload };

	whole_len = tp_build(whole, &s) - TP_IP;
}

/* Sends bytes [off, off + n) of what is behind the IP header. */
static void
send_part(size_t off, size_t n, bool more)
{
	memcpy(out, whole, TP_IP);
	memcpy(out + TP_IP, whole + TP_IP + off, n);
	tp_put16(out + TP_ETHER + 2, (unsigned)(20 + n));
	tp_put16(out + TP_ETHER + 6, (unsigned)(off / 8 | (more ? 0x2000 : 0)));
	tp_put16(out + TP_ETHER + 10, 0);
	tp_put16(out + TP_ETHER + 10, (uint16_t)~tp_sum(out + TP_ETHER, 20, 0));
	wire_put(em0, out, TP_IP + n);
	world_settle(wo);
}

static void
send_piece(unsigned i)
{
	size_t off = (size_t)i * PIECE;
	size_t n = whole_len - off < PIECE ? whole_len - off : PIECE;

	send_part(off, n, off + n < whole_len);
}

/* The whole packet came to B, in one piece or several; nothing else did. */
static bool
arrived(void)
{
	static uint8_t back[70000];
	size_t n, sum = 0;

	while ((n = take(em1)) != 0) {
		size_t at = (tp_get16(GOT_IP + 6) & 0x1fff) * 8;

		if (!tp_valid(GOT_IP, n))
			return false;
		memcpy(back + at, GOT_IP + 20, n - 20);
		sum += n - 20;
	}
	return sum == whole_len && memcmp(back, whole + TP_IP, sum) == 0;
}

/* A piece that another interface brought is of another packet, whatever it says. */
static void
other_interface(void)
{
	setup();
	make_whole(A, 77, DATA - 8);
	for (unsigned i = 0; i + 1 < PIECES; i++)
		send_piece(i);
	memcpy(out, whole, TP_IP);
	memset(out + TP_IP, 0x66, 41);
	memcpy(out, em1->if_mac, 6);
	tp_put16(out + TP_ETHER + 2, 20 + 41);
	tp_put16(out + TP_ETHER + 6, (PIECES - 1) * PIECE / 8);
	tp_put16(out + TP_ETHER + 10, 0);
	tp_put16(out + TP_ETHER + 10, (uint16_t)~tp_sum(out + TP_ETHER, 20, 0));
	wire_put_now(wo, em1, out, TP_IP + 41);
	CU_ASSERT_EQUAL(wire_waiting(em1), 0);
	CU_ASSERT_EQUAL(frag_pending(nk->nk_worker[0]), 2);
	send_piece(PIECES - 1);
	CU_ASSERT_TRUE(arrived());
	world_run(wo, 20 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	teardown();
}

/* RFC 3168 section 5.3: a mark on any piece is one on the whole. */
static void
congestion(void)
{
	static const struct {
		const char	*name;
		uint8_t		 tos[3];
		int		 want;		/* -1: dropped */
	} cases[] = {
		{ "no marks", { 0xb8, 0xb8, 0xb8 }, 0xb8 },
		{ "ECT(0)", { 0x02, 0x02, 0x02 }, 0x02 },
		{ "the first piece was marked", { 0x03, 0x02, 0x02 }, 0x03 },
		{ "the second", { 0x02, 0x03, 0x02 }, 0x03 },
		{ "the last", { 0xba, 0xba, 0xbb }, 0xbb },
		{ "a mark on ECT(1)", { 0x01, 0x03, 0x01 }, 0x03 },
		{ "a mark among pieces that cannot carry one", { 0x00, 0x03, 0x00 }, -1 },
	};

	setup();
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		size_t n;

		test_row("%s", cases[i].name);
		make_whole(A, (uint16_t)(900 + i), 3 * PIECE - 8);
		for (unsigned j = 0; j < 3; j++) {
			whole[TP_ETHER + 1] = cases[i].tos[j];
			send_piece(j);
		}
		n = take(em1);
		CU_ASSERT_EQUAL(n == 0, cases[i].want == -1);
		for (; n != 0; n = take(em1)) {
			CU_ASSERT_EQUAL(GOT_IP[1], cases[i].want);
			CU_ASSERT_TRUE(tp_valid(GOT_IP, n));
		}
	}
	CU_ASSERT_EQUAL(world_drops(nk, DROP_FRAG_BAD), 3);
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	teardown();
}

static unsigned
next_permutation(unsigned *v, unsigned n)
{
	unsigned i = n - 1, j = n - 1;

	while (i > 0 && v[i - 1] >= v[i])
		i--;
	if (i == 0)
		return 0;
	while (v[j] <= v[i - 1])
		j--;
	unsigned t = v[i - 1];
	v[i - 1] = v[j];
	v[j] = t;
	for (j = n - 1; i < j; i++, j--) {
		t = v[i];
		v[i] = v[j];
		v[j] = t;
	}
	return 1;
}

static void
orders(void)
{
	unsigned v[PIECES] = { 0, 1, 2, 3, 4 }, n = 0, wrong = 0;

	setup();
	do {
		make_whole(A, (uint16_t)n, DATA - 8);
		for (unsigned i = 0; i < PIECES; i++)
			send_piece(v[i]);
		wrong += !arrived();
		n++;
	} while (next_permutation(v, PIECES));
	CU_ASSERT_EQUAL(n, 120);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(world_count(nk, CNT_IP_REASSEMBLED), 120);
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	teardown();
}

/* In each order, each piece once more, at each place: tolerated. */
static void
repetitions(void)
{
	unsigned v[PIECES] = { 0, 1, 2, 3, 4 }, id = 0, wrong = 0;

	setup();
	do {
		for (unsigned again = 0; again < PIECES; again++)
			for (unsigned at = again + 1; at < PIECES; at++) {
				make_whole(A, (uint16_t)id++, DATA - 8);
				for (unsigned i = 0; i < PIECES; i++) {
					if (i == at)
						send_piece(v[again]);
					send_piece(v[i]);
				}
				wrong += !arrived();
			}
	} while (next_permutation(v, PIECES));
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_FRAG_OVERLAP), 0);
	teardown();
}

static void
losses(void)
{
	setup();
	for (unsigned lost = 0; lost < PIECES; lost++) {
		test_row("piece %u of %u lost", lost, PIECES);
		make_whole(A, (uint16_t)lost, DATA - 8);
		for (unsigned i = 0; i < PIECES; i++)
			if (i != lost)
				send_piece(i);
		CU_ASSERT_EQUAL(wire_waiting(em1), 0);
		CU_ASSERT_EQUAL(frag_held(nk->nk_worker[0]), PIECES - 1);
		test_row("piece %u of %u late, but in time", lost, PIECES);
		world_run(wo, FRAG_TIMEOUT_NS - NSEC_PER_SEC);
		send_piece(lost);
		CU_ASSERT_TRUE(arrived());
		test_row("piece %u of %u too late", lost, PIECES);
		make_whole(A, (uint16_t)(100 + lost), DATA - 8);
		for (unsigned i = 0; i < PIECES; i++)
			if (i != lost)
				send_piece(i);
		world_run(wo, FRAG_TIMEOUT_NS + NSEC_PER_SEC);
		CU_ASSERT_EQUAL(frag_pending(nk->nk_worker[0]), 0);
		CU_ASSERT_EQUAL(frag_held(nk->nk_worker[0]), 0);
		send_piece(lost);
		CU_ASSERT_EQUAL(wire_waiting(em1), 0);
		world_run(wo, FRAG_TIMEOUT_NS + NSEC_PER_SEC);
	}
	CU_ASSERT_EQUAL(wire_waiting(em0), 0);	/* not ours: no time exceeded */
	teardown();
}

static void
timeout_told(void)
{
	struct tp_spec s = { .tp_src = A, .tp_dst = "10.0.0.1", .tp_proto = 17,
	    .tp_sport = 1000, .tp_dport = 2000, .tp_len = 56, .tp_off = 0x2000 };

	setup();
	test_row("for us, the first piece came");
	from_a(s);
	world_run(wo, FRAG_TIMEOUT_NS + NSEC_PER_SEC);
	CU_ASSERT_NOT_EQUAL(take(em0), 0);
	CU_ASSERT_EQUAL(GOT_L4[0], 11);
	CU_ASSERT_EQUAL(GOT_L4[1], 1);
	test_row("for us, the first piece did not");
	s.tp_off = 0x2000 | 8;
	from_a(s);
	world_run(wo, FRAG_TIMEOUT_NS + NSEC_PER_SEC);
	CU_ASSERT_EQUAL(take(em0), 0);
	teardown();
}

/*
 * Three honest pieces of 64 bytes; before the one that would complete them, a
 * fourth at every offset and length.  Unless it repeats one of them exactly,
 * or is beside them all, the packet never arrives, and what follows of it is
 * swallowed; the next packet arrives.
 */
static void
overlaps(void)
{
	unsigned refused = 0, id = 0, wrong = 0;

	setup();
	for (size_t off = 0; off < 256; off += 8)
		for (size_t n = 8; off + n <= 256; n += 8) {
			bool exact = off % 64 == 0 && n == 64 && off != 64;
			bool fills = off >= 64 && off + n <= 128;

			make_whole(A, (uint16_t)id++, 256 + 24 - 8);
			send_part(0, 64, true);
			send_part(128, 64, true);
			send_part(192, 64, true);
			send_part(off, n, true);
			if (exact || (fills && n == 64)) {
				send_part(64, 64, true);
				send_part(256, 24, false);
				wrong += !arrived();
				continue;
			}
			send_part(64, 64, true);
			send_part(256, 24, false);
			wrong += wire_waiting(em1) != 0;
			refused++;
		}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(refused > 400);
	CU_ASSERT_TRUE(world_drops(nk, DROP_FRAG_OVERLAP) >= refused);
	test_row("the same place with other bytes");
	make_whole(A, 60000, DATA - 8);
	send_piece(0);
	whole[TP_IP + 10] ^= 1;
	send_piece(0);
	for (unsigned i = 1; i < PIECES; i++)
		send_piece(i);
	CU_ASSERT_EQUAL(wire_waiting(em1), 0);
	test_row("all of it once more: still refused");
	for (unsigned i = 0; i < PIECES; i++)
		send_piece(i);
	CU_ASSERT_EQUAL(wire_waiting(em1), 0);
	test_row("two ends");
	make_whole(A, 60001, DATA - 8);
	send_part(128, 64, false);
	send_part(192, 64, false);
	send_part(0, 64, true);
	send_part(64, 64, true);
	CU_ASSERT_EQUAL(wire_waiting(em1), 0);
	test_row("bytes behind the end");
	make_whole(A, 60002, DATA - 8);
	send_part(64, 64, false);
	send_part(128, 64, true);
	send_part(0, 64, true);
	CU_ASSERT_EQUAL(wire_waiting(em1), 0);
	test_row("the end before what has come");
	make_whole(A, 60003, DATA - 8);
	send_part(128, 64, true);
	send_part(64, 64, false);
	send_part(0, 64, true);
	CU_ASSERT_EQUAL(wire_waiting(em1), 0);
	test_row("honest ones pass at the same time");
	make_whole(A, 60004, DATA - 8);
	for (unsigned i = PIECES; i-- > 0;)
		send_piece(i);
	CU_ASSERT_TRUE(arrived());
	test_row("the identification may be used again after the time-out");
	world_run(wo, FRAG_TIMEOUT_NS + NSEC_PER_SEC);
	make_whole(A, 60003, DATA - 8);
	for (unsigned i = 0; i < PIECES; i++)
		send_piece(i);
	CU_ASSERT_TRUE(arrived());
	teardown();
}

static void
malformed(void)
{
	struct tp_spec s = { .tp_src = A, .tp_dst = B, .tp_proto = 253, .tp_off = 0x2000 };
	unsigned bad = 0;

	setup();
	test_row("no data, or no multiple of eight and not the last");
	for (size_t n = 0; n < 64; n++) {
		s.tp_len = n;
		s.tp_id = (uint16_t)n;
		from_a(s);
		bad += n % 8 != 0 || n == 0;
		CU_ASSERT_EQUAL(world_drops(nk, DROP_FRAG_BAD), bad);
	}
	test_row("behind the largest packet");
	for (unsigned off = 8180; off < 8192; off++) {
		s.tp_off = (uint16_t)off;
		s.tp_len = 40;
		from_a(s);
		bad += 20 + off * 8 + 40 > 65535;
		CU_ASSERT_EQUAL(world_drops(nk, DROP_FRAG_BAD), bad);
	}
	teardown();
}

static void
floods(void)
{
	struct worker *w;
	unsigned wrong = 0;

	setup();
	w = nk->nk_worker[0];
	test_row("one source");
	for (unsigned id = 0; id < 5000; id++) {
		make_whole("10.0.0.66", (uint16_t)id, DATA - 8);
		send_piece(id % (PIECES - 1));
		if (id % 50 == 0) {
			/* an honest sender, all the while */
			make_whole(A, (uint16_t)id, DATA - 8);
			for (unsigned i = 0; i < PIECES; i++)
				send_piece(i);
			wrong += !arrived();
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(frag_pending(w) <= FRAG_SOURCE);
	test_row("many sources");
	for (unsigned id = 0; id < 5000; id++) {
		char src[20];

		snprintf(src, sizeof(src), "172.16.%u.%u", id / 250, id % 250 + 1);
		make_whole(src, 1, DATA - 8);
		send_piece(0);
		send_piece(2);
	}
	CU_ASSERT_TRUE(frag_pending(w) <= FRAG_PACKETS);
	CU_ASSERT_TRUE(frag_held(w) <= FRAG_HELD);
	test_row("many pieces");
	make_whole("10.0.0.67", 2, 4000);
	for (unsigned i = 0; i < 400; i++)
		send_part((size_t)i * 8, 8, true);
	CU_ASSERT_TRUE(world_drops(nk, DROP_FRAG_LIMIT) >= 400 - FRAG_PIECES);
	test_row("and an honest one");
	make_whole(A, 7, DATA - 8);
	for (unsigned i = PIECES; i-- > 0;)
		send_piece(i);
	CU_ASSERT_TRUE(arrived());
	test_row("nothing is left after the time-out");
	world_run(wo, FRAG_TIMEOUT_NS + NSEC_PER_SEC);
	CU_ASSERT_EQUAL(frag_pending(w), 0);
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	teardown();
}

static void
largest(void)
{
	setup();
	make_whole(A, 9, 65507);
	CU_ASSERT_EQUAL(whole_len, 65515);
	for (size_t off = 0; off < whole_len; off += 1480)
		send_part(off, whole_len - off < 1480 ? whole_len - off : 1480,
		    off + 1480 < whole_len);
	CU_ASSERT_TRUE(arrived());
	teardown();
}

/* The pieces come to whichever worker; one collects them. */
static void
workers(void)
{
	unsigned wrong = 0;

	setup_workers(3);
	for (unsigned id = 0; id < 200; id++) {
		make_whole(A, (uint16_t)id, DATA - 8);
		for (unsigned i = 0; i < PIECES; i++)
			send_piece((i + id) % PIECES);
		world_settle(wo);
		wrong += !arrived();
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(world_count(nk, CNT_HANDOVER) > 100);
	teardown();
}

/* A fragment as it comes out of an SA, or in clear. */
static struct pkt *
piece_through(struct sa *sa, unsigned off, bool more)
{
	struct worker *w = nk->nk_worker[0];
	struct tp_spec s = { .tp_src = A, .tp_dst = B, .tp_proto = 253, .tp_id = 77,
	    .tp_off = (uint16_t)(off / 8 | (more ? 0x2000 : 0)), .tp_len = 64 };
	size_t n = tp_build(out, &s) - TP_ETHER;
	struct pkt *p = pkt_alloc(w, (uint32_t)n);

	memcpy(p->pkt_data, out + TP_ETHER, n);
	p->pkt_len = (uint32_t)n;
	p->pkt_came_sa = sa;
	p->pkt_ifp = em0;
	CU_ASSERT_EQUAL(ip_parse(p), DROP_NONE);
	return frag_input(w, p);
}

static void
origins(void)
{
	static struct sa one = { .sa_id = 1, .sa_reqid = 5 }, two = { .sa_id = 2, .sa_reqid = 5 };
	static struct sa other = { .sa_id = 3, .sa_reqid = 6 };
	static struct sa manual = { .sa_id = 4 }, manual2 = { .sa_id = 5 };
	static const struct {
		const char	*name;
		struct sa	*first, *second;
		bool		 joins;
	} cases[] = {
		{ "both in clear", NULL, NULL, true },
		{ "one in clear, one protected", NULL, &one, false },
		{ "one protected, one in clear", &one, NULL, false },
		{ "both through one SA", &one, &one, true },
		{ "through the SA and the one that replaced it", &one, &two, true },
		{ "through SAs of two policies", &one, &other, false },
		{ "through two manual SAs", &manual, &manual2, false },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct pkt *p;

		test_row("%s", cases[i].name);
		setup();
		nk->nk_worker[0]->w_now = world_clock(wo);
		CU_ASSERT_PTR_NULL(piece_through(cases[i].first, 0, true));
		p = piece_through(cases[i].second, 64, false);
		CU_ASSERT_EQUAL(p != NULL, cases[i].joins);
		if (p != NULL) {
			CU_ASSERT_PTR_EQUAL(p->pkt_came_sa, cases[i].first);
			CU_ASSERT_TRUE((p->pkt_flags & PKT_F_FRAG) != 0);
			CU_ASSERT_EQUAL(p->pkt_frag_max, 84);
			pkt_free(nk->nk_worker[0], p);
		}
		world_run(wo, 2 * FRAG_TIMEOUT_NS);
		CU_ASSERT_EQUAL(world_busy(nk), 0);
		teardown();
	}
}

/* Splitting, then joining, for every MTU. */
static void
splitting(void)
{
	unsigned wrong = 0;

	setup();
	for (unsigned mtu = 68; mtu < 1500; mtu += 13) {
		if_set_mtu(nk, em1, mtu);
		make_whole(A, (uint16_t)mtu, 1400);
		wire_put_now(wo, em0, whole, TP_IP + whole_len);
		wrong += !arrived();
	}
	CU_ASSERT_EQUAL(wrong, 0);
	teardown();
}

TEST_MAIN(
	TEST("another interface", other_interface),
	TEST("congestion marks", congestion),
	TEST("all orders of five pieces", orders),
	TEST("repeated pieces", repetitions),
	TEST("lost and late pieces", losses),
	TEST("who is told", timeout_told),
	TEST("overlaps", overlaps),
	TEST("malformed", malformed),
	TEST("floods", floods),
	TEST("largest packet", largest),
	TEST("three workers", workers),
	TEST("where pieces came from", origins),
	TEST("splitting for every MTU", splitting))
