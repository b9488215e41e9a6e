/* SPDX-License-Identifier: ISC */
/*
 * Super-packets: cut into what a plain second implementation would send, and
 * joined only where cutting gives back the same.
 */
#include "router.h"

#define SUPER	60000

static struct worker *w;

static struct pkt *
packet_of(struct tp_spec s)
{
	size_t n = tp_build(out, &s) - TP_ETHER;
	struct pkt *p = pkt_alloc(w, (uint32_t)n);

	memcpy(p->pkt_data, out + TP_ETHER, n);
	p->pkt_len = (uint32_t)n;
	p->pkt_oif = em1;
	p->pkt_flags |= PKT_F_LOCAL_OUT;
	CU_ASSERT_EQUAL(ip_parse(p), DROP_NONE);
	return p;
}

static struct pkt *
super_of(struct tp_spec s, unsigned size)
{
	struct pkt *p = packet_of(s);
	size_t l4 = 20;

	p->pkt_gso_size = (uint16_t)size;
	p->pkt_gso = s.tp_proto == 6 ? PKT_GSO_TCP4 : PKT_GSO_UDP;
	p->pkt_flags |= PKT_F_CSUM_PARTIAL;
	p->pkt_csum_base = p->pkt_data;
	p->pkt_csum_start = (uint16_t)l4;
	p->pkt_csum_off = s.tp_proto == 6 ? 16 : 6;
	return p;
}

/* All segments of p, one after another; checks each and its payload. */
static unsigned
cut(struct pkt *p, unsigned room, size_t head, const uint8_t *payload, size_t len)
{
	struct gso_state gs = { 0 };
	struct pktvec v;
	unsigned n = 0, at = 0;
	bool done;

	do {
		v.pv_n = PKT_VEC_MAX - room;
		done = gso_segment(w, p, &gs, &v);
		for (unsigned i = PKT_VEC_MAX - room; i < v.pv_n; i++, n++) {
			struct pkt *s = v.pv_pkt[i];
			const uint8_t *ip = s->pkt_data, *t = ip + 20;
			size_t part = s->pkt_len - head;

			CU_ASSERT_TRUE(tp_valid(ip, s->pkt_len));
			CU_ASSERT_EQUAL(tp_get16(ip + 4), (0x1234 + n) & 0xffff);
			CU_ASSERT_EQUAL(s->pkt_gso_size, 0);
			CU_ASSERT_EQUAL(s->pkt_flags & PKT_F_CSUM_PARTIAL, 0);
			if (at + part <= len)
				TEST_BYTES(ip + head, payload + at, part);
			if (ip[9] == 6) {
				bool first = at == 0, last = at + part == len;

				CU_ASSERT_EQUAL(tp_get32(t + 4), 0xfffff000u + at);
				CU_ASSERT_EQUAL(t[13], 0x10 | (first ? 0x80 : 0) |
				    (last ? 0x09 : 0));
			} else {
				CU_ASSERT_EQUAL(tp_get16(t + 4), 8 + part);
			}
			at += (unsigned)part;
			pkt_free(w, s);
		}
	} while (!done);
	CU_ASSERT_EQUAL(at, len);
	return n;
}

static void
segments(void)
{
	static const struct { size_t len; unsigned size, room, n; } cases[] = {
		{ 1, 1448, 64, 1 }, { 1448, 1448, 64, 1 }, { 1449, 1448, 64, 2 },
		{ SUPER, 1448, 64, 42 }, { SUPER, 1448, 1, 42 }, { SUPER, 536, 7, 112 },
		{ 100, 1, 64, 100 }, { SUPER, 9000, 64, 7 },
	};

	setup();
	w = nk->nk_worker[0];
	for (unsigned proto = 6; proto <= 17; proto += 11)
		for (size_t i = 0; i < TEST_COUNT(cases); i++) {
			struct tp_spec s = { .tp_src = A, .tp_dst = B,
			    .tp_proto = (uint8_t)proto, .tp_id = 0x1234, .tp_sport = 1,
			    .tp_dport = 2, .tp_seq = 0xfffff000u, .tp_ack = 5,
			    .tp_flags = 0x99, .tp_len = cases[i].len };
			struct pkt *p = super_of(s, cases[i].size);
			size_t head = proto == 6 ? 40 : 28;

			test_row("%s, %zu bytes in segments of %u, %u at a time",
			    proto == 6 ? "TCP" : "UDP", cases[i].len, cases[i].size,
			    cases[i].room);
			CU_ASSERT_EQUAL(cut(p, cases[i].room, head, out + TP_ETHER + head,
			    cases[i].len), cases[i].n);
			pkt_free(w, p);
			CU_ASSERT_EQUAL(world_busy(nk), 0);
		}
	teardown();
}

/* What Linux or a device has joined (LRO) may have a finished checksum: a device cuts no such. */
static void
finished(void)
{
	struct tp_spec s = { .tp_src = A, .tp_dst = B, .tp_proto = 6, .tp_flags = 0x10,
	    .tp_len = 5000 };
	struct pkt *p;
	unsigned n = 0;
	size_t len;

	setup();
	w = nk->nk_worker[0];
	em1->if_caps = IF_CAP_CSUM | IF_CAP_TSO;
	for (int unfinished = 0; unfinished < 2; unfinished++) {
		test_row("%s", unfinished ? "unfinished: whole" : "finished: cut");
		p = super_of(s, 1448);
		if (!unfinished)
			p->pkt_flags &= (uint16_t)~PKT_F_CSUM_PARTIAL;
		memset(pkt_push(p, TP_ETHER), 0, TP_ETHER);
		if_output(w, em1, p);
		if_flush(w);
		for (n = 0; (len = take(em1)) != 0; n++)
			CU_ASSERT_TRUE(unfinished || tp_valid(GOT_IP, len));
		CU_ASSERT_EQUAL(n, unfinished ? 1 : 4);
	}
	teardown();
}

static void
not_super(void)
{
	struct tp_spec s = { .tp_src = A, .tp_dst = B, .tp_proto = 6, .tp_flags = 0x10,
	    .tp_len = 3000 };
	struct gso_state gs = { 0 };
	struct pktvec v = { 0 };
	struct pkt *p;

	setup();
	w = nk->nk_worker[0];
	p = super_of(s, 1448);
	test_row("header longer than the packet");
	p->pkt_data[20 + 12] = 0xf0;
	p->pkt_len = 50;
	CU_ASSERT_TRUE(gso_segment(w, p, &gs, &v));
	CU_ASSERT_EQUAL(v.pv_n, 0);
	test_row("TCP metadata on UDP");
	p->pkt_data[9] = 17;
	CU_ASSERT_TRUE(gso_segment(w, p, &gs, &v));
	CU_ASSERT_EQUAL(v.pv_n, 0);
	pkt_free(w, p);
	teardown();
}

static void
finishing(void)
{
	unsigned wrong = 0;

	setup();
	w = nk->nk_worker[0];
	for (unsigned proto = 6; proto <= 17; proto += 11)
		for (size_t len = 0; len < 300; len++) {
			struct tp_spec s = { .tp_src = A, .tp_dst = B, .tp_sport = 9,
			    .tp_proto = (uint8_t)proto, .tp_flags = 0x10, .tp_len = len };
			struct pkt *p = super_of(s, 0);
			uint8_t *field = p->pkt_data + 20 + p->pkt_csum_off;
			uint8_t pseudo[12] = { 0 };

			memcpy(pseudo, p->pkt_data + 12, 8);
			pseudo[9] = (uint8_t)proto;
			tp_put16(pseudo + 10, p->pkt_len - 20);
			tp_put16(field, tp_sum(pseudo, 12, 0));
			csum_finish(p);
			wrong += !tp_valid(p->pkt_data, p->pkt_len);
			wrong += (p->pkt_flags & PKT_F_CSUM_PARTIAL) != 0;
			pkt_free(w, p);
		}
	CU_ASSERT_EQUAL(wrong, 0);
	test_row("a field outside the packet is left alone");
	{
		struct tp_spec s = { .tp_src = A, .tp_dst = B, .tp_proto = 6, .tp_flags = 0x10 };
		struct pkt *p = super_of(s, 0);

		p->pkt_csum_start = 60000;
		csum_finish(p);
		p->pkt_flags |= PKT_F_CSUM_PARTIAL;
		p->pkt_csum_start = 39;
		csum_finish(p);
		pkt_free(w, p);
	}
	teardown();
}

/* ---- joining ---- */

#define TCP_BASE { .tp_src = A, .tp_dst = B, .tp_proto = 6, .tp_off = 0x4000,	\
	.tp_sport = 1, .tp_dport = 2, .tp_seq = 1000, .tp_ack = 5, .tp_flags = 0x10, \
	.tp_len = 1000 }

static void
joins_tcp(void)
{
	const struct tp_spec base = TCP_BASE;
	struct pktvec v = { 0 };
	struct pkt *p;
	uint8_t *want = malloc(SUPER);

	setup();
	w = nk->nk_worker[0];
	em1->if_caps = IF_CAP_CSUM | IF_CAP_TSO;
	for (unsigned i = 0; i < 45; i++) {
		struct tp_spec s = base;

		s.tp_seq += i * 1000;
		s.tp_data = memset(want + i * 1000, (int)i + 1, 1000);
		pktvec_add(&v, packet_of(s));
	}
	gro_merge(w, &v);
	CU_ASSERT_EQUAL(v.pv_n, 1);
	p = v.pv_pkt[0];
	CU_ASSERT_EQUAL(p->pkt_len, 45040);
	CU_ASSERT_EQUAL(p->pkt_gso_size, 1000);
	CU_ASSERT_EQUAL(p->pkt_gso, PKT_GSO_TCP4);
	CU_ASSERT_TRUE((p->pkt_flags & PKT_F_CSUM_PARTIAL) != 0);
	CU_ASSERT_EQUAL(tp_get16(p->pkt_data + 2), 45040);
	TEST_BYTES(p->pkt_data + 40, want, 45000);
	csum_finish(p);
	CU_ASSERT_TRUE(tp_valid(p->pkt_data, p->pkt_len));
	CU_ASSERT_EQUAL(world_busy(nk), 1);
	pkt_free(w, p);
	free(want);
	teardown();
}

/* The second of two segments, changed: do they still join? */
struct change {
	const char	*name;
	struct tp_spec	 s;
	bool		 joins;
};

static void
what_joins(void)
{
#define WITH(...) { .tp_src = A, .tp_dst = B, .tp_proto = 6, .tp_off = 0x4000,	\
	.tp_sport = 1, .tp_dport = 2, .tp_seq = 2000, .tp_ack = 5, .tp_flags = 0x10, \
	.tp_len = 1000, __VA_ARGS__ }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif
	static const struct change cases[] = {
		{ "the next segment", WITH(.tp_id = 9), true },
		{ "a shorter one", WITH(.tp_len = 10), true },
		{ "with PSH", WITH(.tp_flags = 0x18), true },
		{ "a longer one", WITH(.tp_len = 1001), false },
		{ "without data", WITH(.tp_len = 0), false },
		{ "a gap", WITH(.tp_seq = 2001), false },
		{ "the same again", WITH(.tp_seq = 1000), false },
		{ "another acknowledgment", WITH(.tp_ack = 6), false },
		{ "FIN", WITH(.tp_flags = 0x11), false },
		{ "SYN", WITH(.tp_flags = 0x12), false },
		{ "RST", WITH(.tp_flags = 0x14), false },
		{ "URG", WITH(.tp_flags = 0x30), false },
		{ "ECE", WITH(.tp_flags = 0x50), false },
		{ "CWR", WITH(.tp_flags = 0x90), false },
		{ "another port", WITH(.tp_dport = 3), false },
		{ "another address", WITH(.tp_dst = "10.0.1.3"), false },
		{ "another time to live", WITH(.tp_ttl = 63), false },
		{ "may be fragmented", WITH(.tp_off = 0), false },
		{ "UDP", WITH(.tp_proto = 17), false },
	};
#pragma GCC diagnostic pop

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct tp_spec first = TCP_BASE;
		struct pktvec v = { 0 };

		test_row("%s", cases[i].name);
		setup();
		w = nk->nk_worker[0];
		em1->if_caps = IF_CAP_CSUM | IF_CAP_TSO | IF_CAP_USO;
		pktvec_add(&v, packet_of(first));
		pktvec_add(&v, packet_of(cases[i].s));
		gro_merge(w, &v);
		CU_ASSERT_EQUAL(v.pv_n, cases[i].joins ? 1 : 2);
		for (unsigned k = 0; k < v.pv_n; k++) {
			csum_finish(v.pv_pkt[k]);
			CU_ASSERT_TRUE(tp_valid(v.pv_pkt[k]->pkt_data, v.pv_pkt[k]->pkt_len));
			pkt_free(w, v.pv_pkt[k]);
		}
		teardown();
	}
}

static void
damaged(void)
{
	struct tp_spec s = TCP_BASE;
	struct pktvec v = { 0 };

	setup();
	w = nk->nk_worker[0];
	em1->if_caps = IF_CAP_CSUM | IF_CAP_TSO;
	pktvec_add(&v, packet_of(s));
	s.tp_seq = 2000;
	pktvec_add(&v, packet_of(s));
	v.pv_pkt[1]->pkt_data[500] ^= 4;
	s.tp_seq = 3000;
	pktvec_add(&v, packet_of(s));
	gro_merge(w, &v);
	test_row("a damaged segment joins nothing and stays damaged");
	CU_ASSERT_EQUAL(v.pv_n, 3);
	CU_ASSERT_FALSE(tp_valid(v.pv_pkt[1]->pkt_data, v.pv_pkt[1]->pkt_len));
	for (unsigned i = 0; i < v.pv_n; i++)
		pkt_free(w, v.pv_pkt[i]);
	test_row("nothing joins for a device that cannot cut");
	em1->if_caps = IF_CAP_CSUM;
	v.pv_n = 0;
	for (unsigned i = 0; i < 4; i++) {
		s.tp_seq = 1000 + i * 1000;
		pktvec_add(&v, packet_of(s));
	}
	gro_merge(w, &v);
	CU_ASSERT_EQUAL(v.pv_n, 4);
	for (unsigned i = 0; i < v.pv_n; i++)
		pkt_free(w, v.pv_pkt[i]);
	teardown();
}

/*
 * Random mixes of flows, sizes, flags, options and gaps: joined, then cut
 * again, each flow's packets are the same as before and in the same order.
 */
static size_t
random_packet(struct pktvec *v, uint32_t seq[4])
{
	unsigned flow = (unsigned)(world_rand(wo) % 4);
	struct tp_spec s = TCP_BASE;

	s.tp_sport = (uint16_t)(100 + flow);
	s.tp_seq = seq[flow];
	s.tp_len = world_rand(wo) % 4 != 0 ? 500 : world_rand(wo) % 600;
	s.tp_flags = world_rand(wo) % 8 == 0 ? 0x18 : world_rand(wo) % 16 == 0 ? 0x11 : 0x10;
	s.tp_ack = world_rand(wo) % 8 == 0 ? 6 : 5;
	if (flow == 3) {
		s.tp_proto = 17;
		s.tp_off = 0x4000;
	}
	if (world_rand(wo) % 16 == 0)
		s.tp_seq += 7;
	seq[flow] = s.tp_seq + (uint32_t)s.tp_len;
	pktvec_add(v, packet_of(s));
	return s.tp_len;
}

struct log {
	size_t		lg_n[4];
	uint8_t		lg_bytes[4][80000];
};

/* Appends the packet, without what cutting may change, to its flow's log. */
static void
log_packet(struct log *lg, const struct pkt *p)
{
	const uint8_t *ip = p->pkt_data;
	unsigned flow = tp_get16(ip + 20) - 100;
	uint8_t *at = lg->lg_bytes[flow] + lg->lg_n[flow];

	memcpy(at, ip, p->pkt_len);
	memset(at + 4, 0, 2);
	memset(at + 10, 0, 2);
	lg->lg_n[flow] += p->pkt_len;
	CU_ASSERT_TRUE(tp_valid(ip, p->pkt_len));
}

static void
log_cut(struct log *lg, struct pkt *p)
{
	struct gso_state gs = { 0 };
	struct pktvec v;
	bool done;

	if (p->pkt_gso_size == 0) {
		log_packet(lg, p);
		return;
	}
	do {
		v.pv_n = 0;
		done = gso_segment(w, p, &gs, &v);
		for (unsigned i = 0; i < v.pv_n; i++) {
			log_packet(lg, v.pv_pkt[i]);
			pkt_free(w, v.pv_pkt[i]);
		}
	} while (!done);
}

static void
there_and_back(void)
{
	static struct log before, after;
	unsigned joined = 0, wrong = 0;

	setup();
	w = nk->nk_worker[0];
	em1->if_caps = IF_CAP_CSUM | IF_CAP_TSO | IF_CAP_USO;
	for (unsigned round = 0; round < 400; round++) {
		struct pktvec v = { 0 };
		uint32_t seq[4] = { 0, 0xfffffff0u, 77, 0 };

		memset(before.lg_n, 0, sizeof(before.lg_n));
		memset(after.lg_n, 0, sizeof(after.lg_n));
		while (!pktvec_full(&v))
			(void)random_packet(&v, seq);
		for (unsigned i = 0; i < v.pv_n; i++)
			log_packet(&before, v.pv_pkt[i]);
		gro_merge(w, &v);
		joined += PKT_VEC_MAX - v.pv_n;
		for (unsigned i = 0; i < v.pv_n; i++) {
			log_cut(&after, v.pv_pkt[i]);
			pkt_free(w, v.pv_pkt[i]);
		}
		for (unsigned f = 0; f < 4; f++)
			wrong += before.lg_n[f] != after.lg_n[f] ||
			    memcmp(before.lg_bytes[f], after.lg_bytes[f], before.lg_n[f]);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(joined > 4000);
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	teardown();
}

TEST_MAIN(
	TEST("segments of super-packets", segments),
	TEST("finished checksums", finished),
	TEST("not a super-packet", not_super),
	TEST("unfinished checksums", finishing),
	TEST("45 segments become one", joins_tcp),
	TEST("what joins", what_joins),
	TEST("damage, and devices that cannot", damaged),
	TEST("joined and cut again is the same", there_and_back))
