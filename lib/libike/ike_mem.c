/* SPDX-License-Identifier: ISC */
/*
 * The one place where libike asks for memory.  It stands alone in its file so
 * that a test can put its own in front, which fails when told to.
 */
#include <stdlib.h>

#include "libike/ike_var.h"

/* Zeroed; NULL if there is none. */
void *
ike_calloc(size_t n, size_t size)
{
	return calloc(n, size);
}
