/* SPDX-License-Identifier: ISC */
/*
 * Packet pools: room around a packet, reuse, exhaustion, copies, and packets
 * that another worker frees.
 */
#include "test.h"

#include <pthread.h>
#include <sched.h>

#include "kern/frames.h"
#include "kern/nk.h"
#include "kern/pool.h"

static struct nk nk;
static struct worker w[2];

static void
setup(unsigned nsmall, unsigned nlarge)
{
	memset(&nk, 0, sizeof(nk));
	memset(w, 0, sizeof(w));
	nk.nk_nworkers = 2;
	for (unsigned i = 0; i < 2; i++) {
		nk.nk_worker[i] = &w[i];
		w[i].w_nk = &nk;
		w[i].w_id = i;
		w[i].w_pool = pkt_pool_new(i, nsmall, nlarge);
		CU_ASSERT_PTR_NOT_NULL_FATAL(w[i].w_pool);
	}
}

static void
teardown(void)
{
	for (unsigned i = 0; i < 2; i++)
		pkt_pool_free(w[i].w_pool);
}

static unsigned
nfree(unsigned i)
{
	struct pkt_usage u;

	pkt_pool_usage(w[i].w_pool, &u);
	return u.pu_small_free + u.pu_large_free;
}

static void
room(void)
{
	static const struct { const char *name; uint32_t len; bool large; } cases[] = {
		{ "empty", 0, false },
		{ "ordinary", 1514, false },
		{ "largest small", PKT_SMALL - PKT_HEADROOM - PKT_TAILROOM, false },
		{ "smallest large", PKT_SMALL - PKT_HEADROOM - PKT_TAILROOM + 1, true },
		{ "super-packet", 65535 + 14, true },
	};

	setup(4, 4);
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct pkt *p = pkt_alloc(&w[0], cases[i].len);

		test_row("%s", cases[i].name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		CU_ASSERT_EQUAL(pkt_headroom(p), PKT_HEADROOM);
		CU_ASSERT_TRUE(pkt_tailroom(p) >= cases[i].len + PKT_TAILROOM);
		CU_ASSERT_EQUAL(p->pkt_len, 0);
		CU_ASSERT_EQUAL(p->pkt_bufsize > PKT_SMALL, cases[i].large);
		CU_ASSERT_EQUAL((uintptr_t)p->pkt_buf % 64, 0);
		memset(p->pkt_data, 0xee, cases[i].len);
		p->pkt_flags = 0xffff;		/* whatever a stage did to it */
		p->pkt_gso_size = 99;
		p->pkt_sa = (struct sa *)(void *)&nk;
		pkt_free(&w[0], p);
		p = pkt_alloc(&w[0], cases[i].len);
		CU_ASSERT_PTR_NULL(p->pkt_sa);
		CU_ASSERT_EQUAL(p->pkt_gso_size, 0);
		pkt_free(&w[0], p);
		CU_ASSERT_EQUAL(nfree(0), 8);
	}
	test_row("too large for any");
	CU_ASSERT_PTR_NULL(pkt_alloc(&w[0], PKT_LARGE));
	CU_ASSERT_EQUAL(w[0].w_drop[DROP_NOBUF], 1);
	teardown();
}

static void
last_freed_is_next(void)
{
	struct pkt *a, *b;

	setup(4, 1);
	a = pkt_alloc(&w[0], 100);
	b = pkt_alloc(&w[0], 100);
	CU_ASSERT_PTR_NOT_EQUAL(a, b);
	pkt_free(&w[0], b);
	pkt_free(&w[0], a);
	CU_ASSERT_PTR_EQUAL(pkt_alloc(&w[0], 100), a);
	CU_ASSERT_PTR_EQUAL(pkt_alloc(&w[0], 100), b);
	teardown();
}

static void
exhaustion(void)
{
	struct pkt *p[5];

	setup(4, 1);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_PTR_NOT_NULL((p[i] = pkt_alloc(&w[0], 1)));
	CU_ASSERT_PTR_NULL(pkt_alloc(&w[0], 1));
	CU_ASSERT_EQUAL(w[0].w_drop[DROP_NOBUF], 1);
	CU_ASSERT_EQUAL(pkt_drop(&w[0], p[0], DROP_IP_TTL), PKT_NEXT_DONE);
	CU_ASSERT_EQUAL(w[0].w_drop[DROP_IP_TTL], 1);
	CU_ASSERT_PTR_NOT_NULL(pkt_alloc(&w[0], 1));
	teardown();
}

static void
copies(void)
{
	struct pkt *p, *c;

	setup(4, 4);
	p = pkt_alloc(&w[0], 3000);
	p->pkt_len = 1000;
	for (int i = 0; i < 1000; i++)
		p->pkt_data[i] = (uint8_t)i;
	p->pkt_l4 = p->pkt_data + 20;
	p->pkt_tag = 7;
	p->pkt_csum_base = p->pkt_data;
	c = pkt_copy(&w[1], p);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(c->pkt_len, 1000);
	TEST_BYTES(c->pkt_data, p->pkt_data, 1000);
	CU_ASSERT_PTR_EQUAL(c->pkt_l4, c->pkt_data + 20);
	CU_ASSERT_PTR_EQUAL(c->pkt_csum_base, c->pkt_data);
	CU_ASSERT_EQUAL(c->pkt_tag, 7);
	CU_ASSERT_EQUAL(c->pkt_owner, 1);
	CU_ASSERT_EQUAL(c->pkt_bufsize, PKT_SMALL);
	pkt_free(&w[0], p);
	pkt_free(&w[1], c);
	CU_ASSERT_EQUAL(nfree(0), 8);
	CU_ASSERT_EQUAL(nfree(1), 8);
	teardown();
}

#define ROUNDS	200000u

static struct ring between;

static void *
free_elsewhere(void *arg)
{
	struct pkt *p[64];
	unsigned n, done = 0;

	(void)arg;
	while (done < ROUNDS) {
		n = ring_get(&between, p, 64);
		for (unsigned i = 0; i < n; i++)
			pkt_free(&w[1], p[i]);
		done += n;
		if (n == 0)
			sched_yield();
	}
	return NULL;
}

static void
goes_home(void)
{
	struct pkt *p;
	pthread_t t;
	bool owner = true;

	setup(128, 1);
	ring_init(&between);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, free_elsewhere, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		while ((p = pkt_alloc(&w[0], 64)) == NULL)
			sched_yield();
		owner = owner && p->pkt_owner == 0;
		while (!ring_put(&between, p))
			sched_yield();
	}
	pthread_join(t, NULL);
	CU_ASSERT_TRUE(owner);
	CU_ASSERT_EQUAL(nfree(0), 129);
	CU_ASSERT_EQUAL(nfree(1), 129);
	teardown();
}

/* What a device does with frames: by their addresses. */
static void
frames(void)
{
	struct pkt *p, *first = NULL;
	struct frames *fr;
	struct pkt_usage u;
	unsigned n = 0;

	setup(4, 1);
	CU_ASSERT_EQUAL_FATAL(frames_new(&nk), 0);
	fr = nk.nk_frames;
	CU_ASSERT_EQUAL(frames_new(&nk), 0);
	CU_ASSERT_PTR_EQUAL(nk.nk_frames, fr);
	CU_ASSERT_EQUAL(fr->fr_len, 2 * FRAMES_PER_WORKER * (size_t)FRAME_SIZE);

	test_row("an address is a packet's, at any byte of it");
	p = pkt_frame(&w[1]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_EQUAL(p->pkt_owner, 1);
	CU_ASSERT_EQUAL(frames_addr(fr, p->pkt_buf) % FRAME_SIZE, 0);
	CU_ASSERT_PTR_EQUAL(frames_at(fr, frames_addr(fr, p->pkt_buf)), p);
	CU_ASSERT_PTR_EQUAL(frames_at(fr, frames_addr(fr, p->pkt_buf) + FRAME_SIZE - 1), p);

	test_row("room around what was received");
	p->pkt_hash = 7;
	pkt_frame_begin(p, p->pkt_buf + FRAME_OFFSET, FRAME_MAX);
	CU_ASSERT_EQUAL(p->pkt_hash, 0);
	CU_ASSERT_EQUAL(p->pkt_flags, 0);
	CU_ASSERT_TRUE(pkt_headroom(p) >= PKT_HEADROOM);
	CU_ASSERT_EQUAL(pkt_tailroom(p), PKT_TAILROOM);

	test_row("freed by another worker, it goes home");
	pkt_free(&w[0], p);
	pkt_pool_usage(w[1].w_pool, &u);
	CU_ASSERT_EQUAL(u.pu_frames_free, FRAMES_PER_WORKER);

	test_row("all of a worker's, and no more");
	while ((p = pkt_frame(&w[0])) != NULL && ++n <= FRAMES_PER_WORKER) {
		p->pkt_link = first;
		first = p;
	}
	CU_ASSERT_EQUAL(n, FRAMES_PER_WORKER);
	CU_ASSERT_TRUE(pkt_frames_scarce(&w[0], 1));
	CU_ASSERT_FALSE(pkt_frames_scarce(&w[1], FRAMES_PER_WORKER));

	test_row("what others gave back is counted before they are called scarce");
	for (n = 0; n < 10; n++) {
		p = first;
		first = p->pkt_link;
		pkt_free(&w[1], p);
	}
	CU_ASSERT_FALSE(pkt_frames_scarce(&w[0], 10));
	CU_ASSERT_TRUE(pkt_frames_scarce(&w[0], 11));

	test_row("a copy is an ordinary packet");
	pkt_frame_begin(first, first->pkt_buf + FRAME_OFFSET, 60);
	memset(first->pkt_data, 0x5a, 60);
	p = pkt_copy(&w[0], first);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_EQUAL(p->pkt_class, PKT_CLASS_SMALL);
	TEST_BYTES(p->pkt_data, first->pkt_data, 60);
	teardown();
	frames_free(&nk);
	CU_ASSERT_PTR_NULL(nk.nk_frames);
}

TEST_MAIN(
	TEST("room", room),
	TEST("last freed is next", last_freed_is_next),
	TEST("exhaustion", exhaustion),
	TEST("copies", copies),
	TEST("freed by another worker", goes_home),
	TEST("frames", frames))
