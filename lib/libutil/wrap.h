/* SPDX-License-Identifier: ISC */
/*
 * Long texts in narrow columns.
 */
#ifndef LIBUTIL_WRAP_H
#define LIBUTIL_WRAP_H

#include <stdio.h>

/*
 * Prints text in lines of at most `columns` bytes, each indented; the label
 * stands in the indent of the first one.  Lines end between words, or within
 * one that is longer than a line, but never within a UTF-8 sequence.  Without
 * a text the label is a line of its own; without either nothing is printed.
 */
void	wrap_print(FILE *out, const char *label, const char *text, unsigned indent,
	    unsigned columns);

#endif
