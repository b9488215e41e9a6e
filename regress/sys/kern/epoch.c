/* SPDX-License-Identifier: ISC */
/*
 * Epochs: nothing is freed while a worker may hold it, everything is freed
 * in the end, and threads that read a published pointer never see it freed.
 */
#include "test.h"

#include <pthread.h>
#include <sched.h>

#include "kern/epoch.h"

static unsigned freed;

static void
count_free(void *arg)
{
	(void)arg;
	freed++;
}

static void
one_worker(void)
{
	struct epoch ep;
	uint64_t s;

	epoch_init(&ep, 1);
	freed = 0;
	test_row("idle worker holds nothing");
	epoch_retire(&ep, count_free, NULL);
	CU_ASSERT_EQUAL(freed, 0);
	epoch_reclaim(&ep);
	CU_ASSERT_EQUAL(freed, 1);

	test_row("a turn that began before keeps it");
	s = epoch_sample(&ep, 0);
	epoch_retire(&ep, count_free, NULL);
	epoch_reclaim(&ep);
	CU_ASSERT_EQUAL(freed, 1);
	epoch_quiescent(&ep, 0, s);
	epoch_reclaim(&ep);
	CU_ASSERT_EQUAL(freed, 1);

	test_row("a turn that began after frees it");
	s = epoch_sample(&ep, 0);
	epoch_quiescent(&ep, 0, s);
	epoch_reclaim(&ep);
	CU_ASSERT_EQUAL(freed, 2);
	CU_ASSERT_EQUAL(ep.ep_pending, 0);

	test_row("drain frees the rest");
	s = epoch_sample(&ep, 0);
	epoch_retire(&ep, count_free, NULL);
	epoch_retire(&ep, count_free, NULL);
	epoch_drain(&ep);
	CU_ASSERT_EQUAL(freed, 4);
}

static void
turn(struct epoch *ep, unsigned worker)
{
	epoch_quiescent(ep, worker, epoch_sample(ep, worker));
}

/*
 * Worker 0 puts a packet that points at the thing into worker 1's ring, then
 * its turn ends; worker 1 samples only before it takes the packet.
 */
static void
ring_between_workers(void)
{
	struct epoch ep;
	uint64_t s0, s1;

	epoch_init(&ep, 2);
	turn(&ep, 0);
	turn(&ep, 1);
	freed = 0;
	s0 = epoch_sample(&ep, 0);		/* 0 reads the pointer */
	epoch_retire(&ep, count_free, NULL);
	turn(&ep, 1);				/* 1: ring still empty */
	epoch_quiescent(&ep, 0, s0);		/* 0: packet is in the ring */
	turn(&ep, 0);
	epoch_reclaim(&ep);			/* all have passed once */
	CU_ASSERT_EQUAL(freed, 0);
	s1 = epoch_sample(&ep, 1);
	epoch_reclaim(&ep);
	CU_ASSERT_EQUAL(freed, 0);		/* 1 is using the packet */
	epoch_quiescent(&ep, 1, s1);
	turn(&ep, 0);
	epoch_reclaim(&ep);
	CU_ASSERT_EQUAL(freed, 1);
}

/* ---- readers in threads ---- */

struct thing {
	_Atomic unsigned th_alive;
};

static struct epoch tep;
static struct thing *published;
static _Atomic bool stop, dead_seen;

static void
thing_free(void *arg)
{
	struct thing *t = arg;

	atomic_store(&t->th_alive, 0);
	free(t);
}

static struct thing *
thing_new(void)
{
	struct thing *t = malloc(sizeof(*t));

	if (t == NULL)
		abort();
	atomic_init(&t->th_alive, 0x600d);
	return t;
}

static void *
reader(void *arg)
{
	unsigned id = *(unsigned *)arg, i = 0;

	while (!atomic_load(&stop)) {
		uint64_t s = epoch_sample(&tep, id);
		struct thing *t = EPOCH_READ(published);

		if (atomic_load(&t->th_alive) != 0x600d)
			atomic_store(&dead_seen, true);
		epoch_quiescent(&tep, id, s);
		if (++i % 64 == 0)
			sched_yield();
	}
	epoch_idle(&tep, id);
	return NULL;
}

static void
threads(void)
{
	pthread_t t[2];
	unsigned id[2] = { 0, 1 };
	struct thing *old;

	epoch_init(&tep, 2);
	atomic_store(&stop, false);
	published = thing_new();
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&t[i], NULL, reader, &id[i]), 0);
	for (int i = 0; i < 20000; i++) {
		old = published;
		EPOCH_PUBLISH(published, thing_new());
		epoch_retire(&tep, thing_free, old);
		epoch_reclaim(&tep);
		if (i % 100 == 0)
			sched_yield();
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	epoch_reclaim(&tep);
	epoch_reclaim(&tep);
	CU_ASSERT_EQUAL(tep.ep_pending, 0);
	CU_ASSERT_FALSE(dead_seen);
	free(published);
}

TEST_MAIN(
	TEST("one worker", one_worker),
	TEST("a ring between workers", ring_between_workers),
	TEST("threads", threads))
