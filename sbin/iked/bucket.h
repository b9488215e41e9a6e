/* SPDX-License-Identifier: ISC */
/*
 * How often something may be: a bucket that holds so many, and gets another one
 * after each so many milliseconds.  One that is zero is full.
 */
#ifndef IKED_BUCKET_H
#define IKED_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint64_t	bk_at;		/* ms: when the last one came; 0 never */
	unsigned	bk_left;
};

/* Is there one at `now' (ms, not 0)? */
static inline bool
bucket_has(struct bucket *bk, uint64_t now, unsigned every_ms, unsigned size)
{
	uint64_t more = bk->bk_at == 0 ? size : (now - bk->bk_at) / every_ms;

	if (more >= size - bk->bk_left) {
		bk->bk_left = size;
		bk->bk_at = now;
	} else {
		bk->bk_left += (unsigned)more;
		bk->bk_at += more * every_ms;
	}
	return bk->bk_left != 0;
}

/* Takes it, too. */
static inline bool
bucket_take(struct bucket *bk, uint64_t now, unsigned every_ms, unsigned size)
{
	if (!bucket_has(bk, now, every_ms, size))
		return false;
	bk->bk_left--;
	return true;
}

#endif
