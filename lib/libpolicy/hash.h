/* SPDX-License-Identifier: ISC */
/*
 * A fast hash for tables in memory.  Who can choose what is hashed can make
 * many of one value: what the tables answer must not depend on it.
 */
#ifndef LIBPOLICY_HASH_H
#define LIBPOLICY_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
hash_word(uint64_t h, uint64_t w)
{
	h = (h ^ w) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32;
}

static inline uint64_t
hash_bytes(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t w;

	for (; n >= sizeof(w); n -= sizeof(w), b += sizeof(w)) {
		memcpy(&w, b, sizeof(w));
		h = hash_word(h, w);
	}
	for (w = n; n != 0; n--)
		w = w << 8 | *b++;
	return hash_word(h, w);
}

#endif
