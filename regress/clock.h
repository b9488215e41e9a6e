/* SPDX-License-Identifier: ISC */
/*
 * Nanoseconds that only grow, for tests and benches that measure.
 */
#ifndef REGRESS_CLOCK_H
#define REGRESS_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
clock_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

#endif
