/* SPDX-License-Identifier: ISC */
/*
 * SHA-256 (FIPS 180-4) of one piece of memory.  Header only; who includes it
 * has bearssl in LIBS=.
 */
#ifndef LIBUTIL_SHA256_H
#define LIBUTIL_SHA256_H

#include <bearssl.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN	32

static inline void
sha256(const void *p, size_t n, uint8_t out[SHA256_LEN])
{
	br_sha256_context hash;

	br_sha256_init(&hash);
	br_sha256_update(&hash, p, n);
	br_sha256_out(&hash, out);
}

#endif
