/* SPDX-License-Identifier: ISC */
/*
 * The rings of AF_XDP, with this test in the kernel's place.
 */
#include "test.h"

#include "dev/xring.h"

#define SIZE	8

static struct {
	uint32_t	producer, consumer, flags;
	union {
		uint64_t	addr[SIZE];
		struct xdp_desc	desc[SIZE];
	};
} shared;

/* Both indices begin at start. */
static struct xring
ring(uint32_t start)
{
	memset(&shared, 0, sizeof(shared));
	shared.producer = shared.consumer = start;
	return (struct xring){ .xr_producer = &shared.producer, .xr_consumer = &shared.consumer,
	    .xr_flags = &shared.flags, .xr_entry = shared.addr, .xr_size = SIZE,
	    .xr_mine = start, .xr_theirs = start };
}

static const uint32_t starts[] = { 0, 5, UINT32_MAX - 3, UINT32_MAX };

/* We fill, the kernel takes. */
static void
producing(void)
{
	for (size_t s = 0; s < TEST_COUNT(starts); s++) {
		struct xring xr = ring(starts[s]);

		test_row("from %u: an empty ring has room for all", starts[s]);
		CU_ASSERT_EQUAL(xring_room(&xr, 100), SIZE);
		CU_ASSERT_EQUAL(xring_room(&xr, 3), 3);
		for (uint64_t i = 0; i < SIZE; i++)
			*xring_addr(&xr) = 100 + i;
		CU_ASSERT_EQUAL(xring_room(&xr, 1), 0);
		test_row("from %u: the kernel sees nothing before it is given", starts[s]);
		CU_ASSERT_EQUAL(shared.producer, starts[s]);
		CU_ASSERT_EQUAL(xring_waiting(&xr), SIZE);
		xring_give(&xr);
		CU_ASSERT_EQUAL(shared.producer - shared.consumer, SIZE);
		test_row("from %u: each entry at its place", starts[s]);
		for (uint32_t i = 0; i < SIZE; i++)
			CU_ASSERT_EQUAL(shared.addr[(starts[s] + i) % SIZE], 100 + i);
		test_row("from %u: room again as the kernel takes", starts[s]);
		shared.consumer += 3;
		CU_ASSERT_EQUAL(xring_waiting(&xr), SIZE - 3);
		CU_ASSERT_EQUAL(xring_room(&xr, 100), 3);
		*xring_addr(&xr) = 7;
		CU_ASSERT_EQUAL(shared.addr[(starts[s] + SIZE) % SIZE], 7);
		shared.consumer += 5;
		CU_ASSERT_EQUAL(xring_room(&xr, 2), 2);
		CU_ASSERT_EQUAL(xring_room(&xr, 100), SIZE - 1);
	}
}

/* The kernel fills, we take. */
static void
consuming(void)
{
	for (size_t s = 0; s < TEST_COUNT(starts); s++) {
		struct xring xr = ring(starts[s]);
		unsigned wrong = 0;

		test_row("from %u: nothing", starts[s]);
		CU_ASSERT_EQUAL(xring_ready(&xr, 100), 0);
		test_row("from %u: what is there, and no more than is wanted", starts[s]);
		for (uint32_t i = 0; i < SIZE; i++)
			shared.addr[shared.producer++ % SIZE] = 100 + i;
		CU_ASSERT_EQUAL(xring_ready(&xr, 100), SIZE);
		CU_ASSERT_EQUAL(xring_ready(&xr, 5), 5);
		for (uint32_t i = 0; i < 5; i++)
			wrong += *xring_addr(&xr) != 100 + i;
		CU_ASSERT_EQUAL(wrong, 0);
		test_row("from %u: the kernel's again when we are done", starts[s]);
		CU_ASSERT_EQUAL(shared.consumer, starts[s]);
		xring_done(&xr);
		CU_ASSERT_EQUAL(shared.consumer, starts[s] + 5);
		CU_ASSERT_EQUAL(xring_ready(&xr, 100), 3);
		test_row("from %u: what came meanwhile is seen once it is missed", starts[s]);
		shared.addr[shared.producer++ % SIZE] = 200;
		CU_ASSERT_EQUAL(xring_ready(&xr, 3), 3);
		CU_ASSERT_EQUAL(xring_ready(&xr, 4), 4);
		(void)xring_addr(&xr), (void)xring_addr(&xr), (void)xring_addr(&xr);
		CU_ASSERT_EQUAL(*xring_addr(&xr), 200);
	}
}

static void
descriptors(void)
{
	struct xring xr = ring(SIZE - 1);

	*xring_desc(&xr) = (struct xdp_desc){ .addr = 4096 + 256, .len = 60 };
	*xring_desc(&xr) = (struct xdp_desc){ .addr = 6144 + 256, .len = 61 };
	CU_ASSERT_EQUAL(shared.desc[SIZE - 1].addr, 4352);
	CU_ASSERT_EQUAL(shared.desc[SIZE - 1].len, 60);
	CU_ASSERT_EQUAL(shared.desc[0].addr, 6400);
	CU_ASSERT_EQUAL(shared.desc[0].len, 61);
}

static void
wakeup(void)
{
	struct xring xr = ring(0);

	CU_ASSERT_FALSE(xring_sleeps(&xr));
	shared.flags = XDP_RING_NEED_WAKEUP;
	CU_ASSERT_TRUE(xring_sleeps(&xr));
}

TEST_MAIN(
	TEST("producing", producing),
	TEST("consuming", consuming),
	TEST("descriptors", descriptors),
	TEST("wakeup", wakeup))
