/* SPDX-License-Identifier: ISC */
/*
 * How near two words are: for who asks "did you mean ...?".
 */
#ifndef LIBUTIL_NEAR_H
#define LIBUTIL_NEAR_H

#define NEAR_MAX	64	/* bytes of the longest word that is compared */
#define NEAR_FAR	1000	/* of words that are longer */

/*
 * How many letters must be changed, added, left out or exchanged with their
 * neighbour to make one of the other; capitals count as their small letters.
 */
unsigned near_distance(const char *a, const char *b);

#endif
