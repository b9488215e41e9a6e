/* SPDX-License-Identifier: ISC */
/*
 * Hexadecimal digits (see hex.h).
 */
#include "libutil/hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

void
hex_print(FILE *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)putc(digits[p[i] >> 4], out);
		(void)putc(digits[p[i] & 15], out);
	}
}

bool
hex_read(const char *p, size_t n, uint8_t *out, size_t cap)
{
	if (n % 2 != 0 || n / 2 > cap)
		return false;
	for (size_t i = 0; i < n / 2; i++) {
		const char *hi = memchr(digits, p[2 * i], 16);
		const char *lo = memchr(digits, p[2 * i + 1], 16);

		if (hi == NULL || lo == NULL)
			return false;
		out[i] = (uint8_t)((hi - digits) << 4 | (lo - digits));
	}
	return true;
}
