/* SPDX-License-Identifier: ISC */
/*
 * ESP in UDP as super-packets: what leaves is byte for byte what leaves one by
 * one, and of what comes each datagram is judged alone.
 */
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

#include "gateways.h"
#include "net/capture.h"
#include "netinet/ip.h"
#include "netipsec/ipsec_var.h"

#define OUTER	28		/* IPv4 and UDP */

static struct gateways gw;

/* What went over the wire from A to B: frames, and the datagrams' payload behind each other. */
static uint8_t sent[2 * WIRE_FRAME_MAX], frame[WIRE_FRAME_MAX];
static size_t sent_len, frame_len;
static unsigned frames;

static void
tap(void *arg, struct ifnet *from, const uint8_t *f, size_t len)
{
	(void)arg;
	if (from != gw.gw_a_out || f[12] != 8 || f[13] != 0)
		return;
	frames++;
	if (tp_get16(f + 20) & 0x1fff)
		return;			/* more of a fragment */
	CU_ASSERT_FATAL(sent_len + len <= sizeof(sent));
	memcpy(sent + sent_len, f + 14 + OUTER, len - 14 - OUTER);
	sent_len += len - 14 - OUTER;
	memcpy(frame, f, frame_len = len);
}

static void
begin(const char *suite, const char *engine, bool takes_many, unsigned workers, unsigned loss)
{
	struct gateways_conf gc = { .gc_suite = suite_by_name(suite), .gc_engine = engine,
	    .gc_mode = SA_TUNNEL, .gc_flags = SA_F_NATT, .gc_workers = workers,
	    .gc_wire = { .wi_loss = loss } };

	gateways_open(&gw, &gc);
	world_tap(gw.gw_world, tap, NULL);
	if (takes_many)
		gw.gw_a_out->if_caps |= IF_CAP_USO;
	sent_len = frame_len = frames = 0;
}

/* A packet as a driver hands it up. */
static struct pkt *
packet(struct worker *w, struct ifnet *ifp, const uint8_t *ip, size_t len, enum pkt_gso kind,
    unsigned size)
{
	struct pkt *p = pkt_alloc(w, (uint32_t)len);

	memcpy(p->pkt_data, ip, len);
	p->pkt_len = (uint32_t)len;
	p->pkt_ifp = ifp;
	p->pkt_gso = (uint8_t)kind;
	p->pkt_gso_size = (uint16_t)size;
	p->pkt_flags |= PKT_F_CSUM_OK | (kind != PKT_GSO_NONE ? PKT_F_CSUM_PARTIAL : 0);
	p->pkt_csum_base = p->pkt_data;
	p->pkt_csum_start = 20;
	p->pkt_csum_off = ip[9] == 6 ? 16 : 6;
	return p;
}

static void
arrives(struct nk *nk, struct ifnet *ifp, const uint8_t *ip, size_t len, enum pkt_gso kind,
    unsigned size)
{
	struct worker *w = nk->nk_worker[0];
	struct pktvec v = { .pv_n = 1, .pv_pkt = { packet(w, ifp, ip, len, kind, size) } };

	w->w_now = world_clock(gw.gw_world);
	ip_input(w, &v);
	world_settle(gw.gw_world);
}

static const struct tp_spec tcp_ab = { .tp_src = "10.1.0.1", .tp_dst = "10.2.0.1", .tp_proto = 6,
    .tp_sport = 1000, .tp_dport = 2000, .tp_id = 77, .tp_flags = 0x10, .tp_seq = 0xfffff000 };

/* A's host sends len bytes of TCP, or datagrams, in segments of size. */
static void
host_sends(uint8_t proto, size_t len, unsigned size)
{
	static uint8_t f[WIRE_FRAME_MAX];
	struct tp_spec s = tcp_ab;

	s.tp_proto = proto;
	s.tp_len = len;
	len = tp_build(f, &s) - TP_ETHER;
	arrives(gw.gw_a, gw.gw_a_in, f + TP_ETHER, len,
	    size == 0 ? PKT_GSO_NONE : proto == 6 ? PKT_GSO_TCP4 : PKT_GSO_UDP, size);
}

/* How much of the payload reached B's host, whole and in order; *n: packets. */
static size_t
host_got(unsigned *n)
{
	static uint8_t ip[70000];
	size_t len, at = 0;

	for (*n = 0; (len = take_b(&gw, ip, sizeof(ip))) != 0; ++*n) {
		size_t head = ip[9] == 6 ? 40 : 28;

		CU_ASSERT_TRUE(tp_valid(ip, len));
		CU_ASSERT_EQUAL(ip[8], 62);
		CU_ASSERT_EQUAL(tp_get16(ip + 4), 77 + *n);
		if (ip[9] == 6) {
			CU_ASSERT_EQUAL(tp_get32(ip + 24), 0xfffff000 + (uint32_t)at);
		}
		for (size_t i = head; i < len; i++, at++)
			if (ip[i] != (uint8_t)(at * 7 + (at >> 8)))
				return 0;
	}
	return at;
}

/* ---- out ---- */

static void
same_bytes(const char *suite, const char *engine, bool all)
{
	static uint8_t want[sizeof(sent)];
	static const struct { uint8_t proto; size_t len; unsigned size, frames; } cases[] = {
		{ 6, 50000, 1000, 1 }, { 17, 30001, 600, 1 }, { 6, 64000, 1000, 2 },
		{ 6, 60160, 1360, 1 }, { 6, 2000, 1000, 1 }, { 6, 1001, 1000, 1 },
		{ 6, 1000, 1000, 1 }, { 17, 65, 1, 2 }, { 6, 65000, 999, 2 },
	};

	for (size_t i = 0; i < (all ? TEST_COUNT(cases) : 1); i++) {
		size_t n;
		unsigned got, pieces = (unsigned)((cases[i].len + cases[i].size - 1) /
		    cases[i].size);

		test_row("%s %s: %zu bytes by %u", suite, engine, cases[i].len, cases[i].size);
		begin(suite, engine, false, 1, 0);
		host_sends(cases[i].proto, cases[i].len, cases[i].size);
		CU_ASSERT_EQUAL(frames, pieces);
		CU_ASSERT_EQUAL(host_got(&got), cases[i].len);
		memcpy(want, sent, n = sent_len);
		gateways_close(&gw);

		begin(suite, engine, true, 1, 0);
		host_sends(cases[i].proto, cases[i].len, cases[i].size);
		CU_ASSERT_EQUAL(frames, cases[i].frames);
		CU_ASSERT_EQUAL(sent_len, n);
		TEST_BYTES(sent, want, n);
		CU_ASSERT_EQUAL(host_got(&got), cases[i].len);
		CU_ASSERT_EQUAL(got, pieces);
		for (int end = 0; end < 2; end++) {
			CU_ASSERT_EQUAL(gw.gw_ab[end]->sa_packets, pieces);
			CU_ASSERT_EQUAL(gw.gw_ab[end]->sa_bytes, cases[i].len + pieces *
			    (cases[i].proto == 6 ? 40 : 28));
		}
		CU_ASSERT_EQUAL(world_count(gw.gw_a, CNT_ESP_OUT), pieces);
		CU_ASSERT_EQUAL(world_count(gw.gw_b, CNT_ESP_IN), pieces);
		CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_replay.rp_top, pieces);
		gateways_close(&gw);
	}
}

static void
same(void)
{
	static const char *const some[] = { "aes-128-gcm", "aes-128-cbc+hmac-sha2-256",
	    "chacha20-poly1305" };

	for (unsigned e = 0; xform_engine_name(e) != NULL; e++)
		for (size_t i = 0; i < TEST_COUNT(some); i++)
			same_bytes(some[i], xform_engine_name(e), i + e == 0);
}

/* The headers in front of them all: as a device wants them that cuts them up. */
static void
outer(void)
{
	const uint8_t *ip = frame + 14;

	begin("aes-128-gcm", NULL, true, 1, 0);
	for (int i = 0; i < 3; i++)
		host_sends(6, 500, 0);
	host_sends(6, 20000, 1000);
	CU_ASSERT_EQUAL(frames, 4);
	CU_ASSERT_EQUAL(tp_get16(ip + 2), frame_len - 14);
	CU_ASSERT_EQUAL(tp_sum(ip, 20, 0), 0xffff);
	CU_ASSERT_EQUAL(tp_get16(ip + 4), 4);		/* the number of the first */
	CU_ASSERT_EQUAL(tp_get16(ip + 24), frame_len - 34);
	/* Over the pseudo-header alone, not complemented. */
	CU_ASSERT_EQUAL(tp_get16(ip + 26), tp_sum(ip + 12, 8, 17 + (uint32_t)frame_len - 34));
	gateways_close(&gw);
}

/* Of one vector: in the order of their numbers. */
static void
in_order(void)
{
	static uint8_t f[WIRE_FRAME_MAX];
	struct worker *w;
	struct pktvec v;
	struct tp_spec s = tcp_ab;

	begin("aes-128-gcm", NULL, true, 1, 1000);
	w = gw.gw_a->nk_worker[0];
	for (v.pv_n = 0; v.pv_n < 5;) {
		size_t n;

		s.tp_len = v.pv_n & 1 ? 20000 : 100;
		n = tp_build(f, &s) - TP_ETHER;
		pktvec_add(&v, packet(w, gw.gw_a_in, f + TP_ETHER, n,
		    v.pv_n & 1 ? PKT_GSO_TCP4 : PKT_GSO_NONE, v.pv_n & 1 ? 1000 : 0));
	}
	w->w_now = world_clock(gw.gw_world);
	ip_input(w, &v);
	world_settle(gw.gw_world);
	CU_ASSERT_EQUAL(frames, 5);
	/* An ordinary one has 8 + 8 + 144 + 16 bytes. */
	CU_ASSERT_EQUAL_FATAL(sent_len, 3 * 176 + 2 * 20 * 1076);
	CU_ASSERT_EQUAL(tp_get32(sent + 4), 1);
	CU_ASSERT_EQUAL(tp_get32(sent + 176 + 4), 2);
	CU_ASSERT_EQUAL(tp_get32(sent + 176 + 20 * 1076 + 4), 22);
	CU_ASSERT_EQUAL(tp_get32(sent + 2 * 176 + 20 * 1076 + 4), 23);
	CU_ASSERT_EQUAL(tp_get32(sent + 2 * 176 + 2 * 20 * 1076 + 4), 43);
	gateways_close(&gw);
}

/* The SA ends within a super-packet: what it may still seal leaves. */
static void
limit(void)
{
	unsigned n;

	begin("aes-128-gcm", NULL, true, 1, 0);
	nk_lock(gw.gw_a);
	gw.gw_ab[0]->sa_hard.lt_packets = 10;
	sa_life_arm(gw.gw_a, gw.gw_ab[0]);
	nk_unlock(gw.gw_a);
	host_sends(6, 40000, 1000);
	CU_ASSERT_EQUAL(host_got(&n), 10000);
	CU_ASSERT_EQUAL(n, 10);
	CU_ASSERT_EQUAL(world_drops(gw.gw_a, DROP_SAD_LIFETIME) +
	    world_drops(gw.gw_a, DROP_SAD_STATE), 30);
	gateways_close(&gw);
}

static void
too_big(void)
{
	unsigned n, mtu;

	begin("aes-128-gcm", NULL, true, 1, 0);
	host_sends(6, 500, 0);
	CU_ASSERT_EQUAL(host_got(&n), 500);
	mtu = gw.gw_ab[0]->sa_inner_mtu;
	CU_ASSERT_FATAL(mtu > 1400 && mtu < 1472);
	test_row("just not");
	sent_len = frames = 0;
	host_sends(6, 8 * (mtu - 40), mtu - 40);
	CU_ASSERT_EQUAL(frames, 1);
	CU_ASSERT_EQUAL(host_got(&n), 8 * (mtu - 40));
	test_row("one byte more: each in fragments");
	sent_len = frames = 0;
	host_sends(6, 8 * (mtu - 39), mtu - 39);
	CU_ASSERT(frames >= 16);
	CU_ASSERT_EQUAL(host_got(&n), 8 * (mtu - 39));
	gateways_close(&gw);
}

/* A capture of enc0 sees each packet. */
static void
captured(void)
{
	uint8_t block[4096];
	int fd[2];
	ssize_t n, all = 0;

	CU_ASSERT_EQUAL_FATAL(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	begin("aes-128-gcm", NULL, true, 1, 0);
	nk_lock(gw.gw_a);
	CU_ASSERT_EQUAL(capture_start(gw.gw_a, "enc0", fd[1], 96), 0);
	nk_unlock(gw.gw_a);
	host_sends(6, 20000, 1000);
	world_run(gw.gw_world, NSEC_PER_SEC);
	nk_lock(gw.gw_a);
	CU_ASSERT_EQUAL(capture_stop(gw.gw_a, "enc0"), 0);
	nk_unlock(gw.gw_a);
	while ((n = read(fd[0], block, sizeof(block))) > 0)
		all += n;
	CU_ASSERT(all >= 24 + 20 * (16 + 96));
	CU_ASSERT_EQUAL(gw.gw_ab[0]->sa_packets, 20);
	gateways_close(&gw);
	close(fd[0]);
}

static void
workers(void)
{
	unsigned n, all = 0;

	for (unsigned many = 2; many <= 4; many++) {
		test_row("%u workers", many);
		begin("aes-256-gcm", NULL, true, many, 0);
		for (all = 0; all < 400; all += n) {
			sent_len = 0;
			host_sends(6, 40000, 1000);
			CU_ASSERT_EQUAL(host_got(&n), 40000);
			CU_ASSERT_EQUAL_FATAL(n, 40);
		}
		gateways_close(&gw);
	}
}

/* ---- in ---- */

/*
 * The last super-packet that A sent, none of which B got: 20 datagrams, which
 * a case changes.
 */
struct damage {
	const char	*name;
	unsigned	 size;		/* of gso_size; 0: the right one */
	int		 by;		/* and as much more */
	enum pkt_gso	 kind;
	size_t		 at;		/* piece * PIECE + offset: zeroes from there on ... */
	unsigned	 zero;		/* ... so many bytes, or one bit */
	int		 more;		/* bytes of 0xff at the end; < 0: fewer */
	unsigned	 got;		/* packets that are right after all */
	enum drop_reason why;		/* of others ... */
	unsigned	 drops;		/* ... so many */
	unsigned	 ike;		/* to the program */
	unsigned	 replays;	/* the second time, beside those that were right */
};

#define PIECE	1076u		/* 8 + 8 + 1040, padded, + 16 */
#define N	20u

static const struct damage damages[] = {
	{ .name = "none", .got = N },
	{ .name = "one bit", .at = 7 * PIECE + 100, .got = N - 1, .why = DROP_ESP_BADAUTH, .drops = 1 },
	{ .name = "an unknown SA", .at = 3 * PIECE + 3, .got = N - 1, .why = DROP_SAD_NOSPI, .drops = 1 },
	{ .name = "the sequence number before", .at = 1 * PIECE + 7, .zero = 1, .got = N - 1,
	    .why = DROP_ESP_BADAUTH, .drops = 1, .replays = 1 },
	{ .name = "IKE between", .at = 5 * PIECE, .zero = 4, .got = N - 1, .ike = 1 },
	{ .name = "IKE first", .at = 0, .zero = 4, .got = N - 1, .ike = 1 },
	{ .name = "a keepalive at the end", .more = 1, .got = N, .why = DROP_NATT_KEEPALIVE, .drops = 1 },
	{ .name = "three bytes at the end", .more = 3, .got = N, .why = DROP_NATT_SHORT, .drops = 1 },
	{ .name = "five bytes at the end", .more = 5, .got = N, .why = DROP_ESP_SHORT, .drops = 1 },
	{ .name = "nine bytes at the end", .more = 9, .got = N, .why = DROP_SAD_NOSPI, .drops = 1 },
	{ .name = "the last is cut", .more = -4, .got = N - 1, .why = DROP_ESP_BADAUTH, .drops = 1 },
	{ .name = "the last is cut at an odd place", .more = -1, .got = N - 1, .why = DROP_ESP_ALIGN, .drops = 1 },
	{ .name = "the last is its SPI", .more = -(int)PIECE + 4, .got = N - 1, .why = DROP_ESP_SHORT, .drops = 1 },
	{ .name = "another size", .by = 4, .why = DROP_SAD_NOSPI, .drops = N - 1 },
	{ .name = "half the size", .size = PIECE / 2, .why = DROP_SAD_NOSPI, .drops = N },
	{ .name = "twice the size", .size = 2 * PIECE, .why = DROP_ESP_BADAUTH, .drops = N / 2 },
	{ .name = "a size of one", .size = 1 },
	{ .name = "a size of eight", .size = 8 },
	{ .name = "a huge size", .size = 65535, .why = DROP_ESP_BADAUTH, .drops = 1 },
	{ .name = "said to be TCP", .kind = PKT_GSO_TCP4, .why = DROP_UDP_BAD, .drops = 1 },
	{ .name = "said to be TCP over IPv6", .kind = PKT_GSO_TCP6, .got = N },
};

/* Changes the frame as the case says; its length from the IP header on. */
static size_t
change(const struct damage *d)
{
	uint8_t *ip = frame + 14, *at = ip + OUTER + d->at;
	size_t len = frame_len - 14;

	if (d->zero != 0)
		memset(at, d->zero == 1 ? 1 : 0, d->zero);
	else if (d->at != 0)
		*at ^= 0x10;
	if (d->more > 0)
		memset(ip + len, 0xff, (size_t)d->more);
	len = (size_t)((int)len + d->more);
	tp_put16(ip + 2, (unsigned)len);
	tp_put16(ip + 24, (unsigned)len - 20);
	tp_put16(ip + 10, 0);
	tp_put16(ip + 10, (uint16_t)~tp_sum(ip, 20, 0));
	return len;
}

static void
damaged(const char *suite, const char *engine, size_t cases)
{
	for (size_t i = 0; i < cases; i++) {
		const struct damage *d = &damages[i];
		unsigned size = (unsigned)((int)(d->size != 0 ? d->size : PIECE) + d->by), n = 0;
		static uint8_t ip[2000];
		size_t len;

		test_row("%s %s: %s", suite, engine, d->name);
		begin(suite, engine, true, 1, 1000);
		host_sends(6, N * 1000, 1000);
		CU_ASSERT_EQUAL_FATAL(frame_len, 14 + OUTER + N * PIECE);
		len = change(d);
		for (int again = 0; again < 2; again++) {
			arrives(gw.gw_b, gw.gw_b_out, frame + 14, len,
			    d->kind != PKT_GSO_NONE ? d->kind : PKT_GSO_UDP, size);
			for (; take_b(&gw, ip, sizeof(ip)) == 1040; n++)
				CU_ASSERT_TRUE(tp_valid(ip, 1040));
			CU_ASSERT_EQUAL(n, d->got);	/* all that was right is a replay now */
			if (again == 0 && d->why != DROP_NONE) {
				CU_ASSERT_EQUAL(world_drops(gw.gw_b, d->why), d->drops);
			}
			CU_ASSERT_EQUAL(world_count(gw.gw_b, CNT_UDP_IN),
			    d->ike * (1u + (unsigned)again));
		}
		CU_ASSERT_EQUAL(world_count(gw.gw_b, CNT_ESP_IN), d->got);
		CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_packets, d->got);
		CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_drops[SA_DROP_REPLAY],
		    d->got + d->replays);
		gateways_close(&gw);
	}
}

static void
judged_alone(void)
{
	for (unsigned e = 0; xform_engine_name(e) != NULL; e++)
		damaged("aes-128-gcm", xform_engine_name(e), e == 0 ? TEST_COUNT(damages) : 3);
}

/* ESP of the protocol of its own has no such form, whatever a device says. */
static void
native(void)
{
	struct gateways_conf gc = { .gc_suite = suite_by_name("aes-128-gcm"),
	    .gc_mode = SA_TUNNEL, .gc_wire = { .wi_loss = 1000 } };
	static uint8_t ip[2000];

	for (unsigned kind = PKT_GSO_NONE; kind <= PKT_GSO_UDP; kind++) {
		test_row("kind %u", kind);
		gateways_open(&gw, &gc);
		world_tap(gw.gw_world, tap, NULL);
		for (unsigned i = 0; i < 3; i++) {
			sent_len = 0;
			host_sends(6, 500, 0);
			arrives(gw.gw_b, gw.gw_b_out, frame + 14, frame_len - 14,
			    (enum pkt_gso)kind, 100);
			CU_ASSERT_EQUAL(take_b(&gw, ip, sizeof(ip)), 540);
		}
		gateways_close(&gw);
	}
}

TEST_MAIN(
	TEST("the same bytes as one by one", same),
	TEST("outer headers", outer),
	TEST("in order", in_order),
	TEST("a limit within", limit),
	TEST("too big for the path", too_big),
	TEST("a capture", captured),
	TEST("several workers", workers),
	TEST("each is judged alone", judged_alone),
	TEST("not in UDP", native))
