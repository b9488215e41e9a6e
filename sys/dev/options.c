/* SPDX-License-Identifier: ISC */
/*
 * Arguments of drivers, read one at a time.
 */
#include "dev/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
copy(char dst[OPTION_MAX], const char *src, size_t n)
{
	if (n >= OPTION_MAX)
		n = OPTION_MAX - 1;
	memcpy(dst, src, n);
	dst[n] = '\0';
}

bool
option_next(struct option_iter *oi)
{
	size_t n, name;

	while (*oi->oi_rest == ',')
		oi->oi_rest++;
	n = strcspn(oi->oi_rest, ",");
	if (n == 0)
		return false;
	name = strcspn(oi->oi_rest, "=");
	if (name >= n) {
		copy(oi->oi_name, oi->oi_rest, n);
		oi->oi_value[0] = '\0';
	} else {
		copy(oi->oi_name, oi->oi_rest, name);
		copy(oi->oi_value, oi->oi_rest + name + 1, n - name - 1);
	}
	oi->oi_rest += n;
	return true;
}

bool
option_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *out >= least && *out <= most;
}
