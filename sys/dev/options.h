/* SPDX-License-Identifier: ISC */
/*
 * A driver's argument: words and name=value pairs between commas.
 */
#ifndef DEV_OPTIONS_H
#define DEV_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTION_MAX	64

struct option_iter {
	const char	*oi_rest;
	char		 oi_name[OPTION_MAX];
	char		 oi_value[OPTION_MAX];	/* "" for a word */
};

static inline void
option_start(struct option_iter *oi, const char *arg)
{
	oi->oi_rest = arg;
}

/* The next one; false at the end. Longer than OPTION_MAX is cut. */
bool	option_next(struct option_iter *);
/* Decimal number within bounds. */
bool	option_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);

#endif
