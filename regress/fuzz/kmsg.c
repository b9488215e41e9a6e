/* SPDX-License-Identifier: ISC */
/*
 * Messages of the kernel: what is taken of them lies within what was read,
 * and is no more than is allowed.
 */
#include <stdlib.h>

#include "../../sbin/init/kmsg.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct span {
	const char	*sp_from, *sp_to;
	unsigned	 sp_lines;
};

static void
take(void *arg, const char *text, size_t len)
{
	struct span *sp = arg;

	if (len == 0 || (sp->sp_from <= text && text < sp->sp_to &&
	    len > (size_t)(sp->sp_to - text)))
		abort();
	sp->sp_lines++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span sp = { (const char *)data, (const char *)data + size, 0 };
	struct kmsg km;

	kmsg_init(&km, 1000000, 0);
	kmsg_take(&km, sp.sp_from, size, 0, take, &sp);
	/* and one line may tell how many were left out */
	if (sp.sp_lines > 2 * KMSG_BURST + KMSG_BURST)
		abort();
	return 0;
}
