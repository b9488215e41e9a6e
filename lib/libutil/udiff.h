/* SPDX-License-Identifier: ISC */
/*
 * The difference of two texts, line by line, in the unified form.
 */
#ifndef LIBUTIL_UDIFF_H
#define LIBUTIL_UDIFF_H

#include <stdbool.h>
#include <stdio.h>

/* Prints nothing if they are equal. False without memory. */
bool	udiff(const char *a, const char *b, const char *aname,
	    const char *bname, FILE *out, bool *differ);

#endif
