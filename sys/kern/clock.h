/* SPDX-License-Identifier: ISC */
/*
 * Time as the network kernel sees it: handed in, never asked for.
 */
#ifndef KERN_CLOCK_H
#define KERN_CLOCK_H

#include <stdint.h>

#define NSEC_PER_SEC	1000000000ull
#define NSEC_PER_MSEC	1000000ull

struct clock_now {
	uint64_t	now_ns;		/* monotonic, nanoseconds since some start; never 0 */
	int64_t		now_wall;	/* seconds since 1970-01-01, for lifetimes and logs */
};

#endif
