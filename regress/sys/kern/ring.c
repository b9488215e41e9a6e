/* SPDX-License-Identifier: ISC */
/*
 * The ring with both ends in one thread, and with two.
 */
#include "test.h"

#include <pthread.h>
#include <sched.h>

#include "kern/ring.h"

#define MANY	1000000u

static struct ring ring;
static char base[MANY + 1];

static struct pkt *
token(unsigned i)
{
	return (struct pkt *)(void *)&base[i];
}

static unsigned
value(const struct pkt *p)
{
	return (unsigned)((const char *)(const void *)p - base);
}

static void
full_and_empty(void)
{
	struct pkt *out[RING_SIZE + 1];
	unsigned i, round;

	ring_init(&ring);
	CU_ASSERT_EQUAL(ring_get(&ring, out, 1), 0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < RING_SIZE; i++)
			CU_ASSERT_TRUE_FATAL(ring_put(&ring, token(i)));
		CU_ASSERT_FALSE(ring_put(&ring, token(i)));
		CU_ASSERT_EQUAL(ring_get(&ring, out, 10), 10);
		CU_ASSERT_EQUAL(value(out[9]), 9);
		CU_ASSERT_TRUE(ring_put(&ring, token(i)));
		CU_ASSERT_EQUAL(ring_get(&ring, out, RING_SIZE + 1), RING_SIZE - 9);
		CU_ASSERT_EQUAL(value(out[0]), 10);
		CU_ASSERT_EQUAL(value(out[RING_SIZE - 10]), RING_SIZE);
		CU_ASSERT_EQUAL(ring_get(&ring, out, 1), 0);
	}
}

static void *
produce(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 1; i <= MANY; i++)
		while (!ring_put(&ring, token(i)))
			sched_yield();
	return NULL;
}

static void
two_threads(void)
{
	struct pkt *out[64];
	pthread_t t;
	unsigned i, n, next = 1;
	bool order = true;

	ring_init(&ring);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, produce, NULL), 0);
	while (next <= MANY) {
		n = ring_get(&ring, out, 64);
		for (i = 0; i < n; i++)
			order = order && value(out[i]) == next++;
		if (n == 0)
			sched_yield();
	}
	pthread_join(t, NULL);
	CU_ASSERT_TRUE(order);
	CU_ASSERT_EQUAL(ring_get(&ring, out, 64), 0);
}

TEST_MAIN(
	TEST("full and empty", full_and_empty),
	TEST("two threads keep order", two_threads))
