/* SPDX-License-Identifier: ISC */
/*
 * Numbers that look random and are the same each time, for tests that try many
 * cases: xorshift64 (Marsaglia, 2003).
 */
#ifndef REGRESS_DICE_H
#define REGRESS_DICE_H

#include <stdint.h>

/* 0 to n - 1; *seed is not 0, and goes on. */
static inline uint32_t
dice(uint64_t *seed, uint32_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 33) % n;
}

#endif
