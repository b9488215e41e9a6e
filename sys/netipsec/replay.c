/* SPDX-License-Identifier: ISC */
/*
 * Anti-replay windows and extended sequence numbers (RFC 4303 sections
 * 3.4.3 and 2.2.1, appendix A).
 *
 * The window is a ring of 64-bit words with at least one word more than it
 * covers (the idea of RFC 6479): moving its top clears whole words and
 * shifts nothing.  All functions are pure in the struct replay; whoever
 * calls replay_commit() has verified the packet's ICV.
 */
#include <stdlib.h>
#include <string.h>

#include "netipsec/ipsec.h"

/* Without a window, how far back an ESN receiver still guesses. */
#define ESN_GUESS	REPLAY_MAX

bool
replay_init(struct replay *rp, uint32_t window)
{
	uint32_t words = 1;

	memset(rp, 0, sizeof(*rp));
	if (window == 0)
		return true;
	if (window > REPLAY_MAX)
		window = REPLAY_MAX;
	while (words <= (window + 63) / 64)
		words *= 2;
	rp->rp_bits = calloc(words, sizeof(*rp->rp_bits));
	if (rp->rp_bits == NULL)
		return false;
	rp->rp_window = window;
	rp->rp_words = words;
	return true;
}

void
replay_fini(struct replay *rp)
{
	free(rp->rp_bits);
	memset(rp, 0, sizeof(*rp));
}

uint64_t
replay_esn(const struct replay *rp, uint32_t low)
{
	uint32_t window = rp->rp_window != 0 ? rp->rp_window : ESN_GUESS;
	uint32_t tl = (uint32_t)rp->rp_top;
	uint64_t th = rp->rp_top >> 32;
	uint32_t bottom = tl - window + 1;	/* modulo 2^32 */

	if (tl >= window - 1) {
		/* The window lies within one subspace: below it is the next. */
		if (low < bottom)
			th++;
	} else if (low >= bottom && th > 0) {
		/* It spans two, and the number is of the lower one. */
		th--;
	}
	return th << 32 | low;
}

/* The words that the top passes are cleared, at most all of them. */
void
replay_advance(struct replay *rp, uint64_t seq)
{
	uint64_t word = seq >> 6, top = rp->rp_top >> 6;

	if (rp->rp_window == 0)
		return;
	if (word - top > rp->rp_words)
		top = word - rp->rp_words;
	while (top < word)
		rp->rp_bits[++top & (rp->rp_words - 1)] = 0;
}
