/* SPDX-License-Identifier: ISC */
/*
 * X25519 (RFC 7748 section 5), constant in time.  Private to libalg.
 *
 * BearSSL's has 31-bit products and takes 160 microseconds where this one,
 * with products of 64 bits, takes a third of that; a compiler without
 * integers of 128 bits gets BearSSL's.
 */
#ifndef LIBALG_X25519_H
#define LIBALG_X25519_H

#include <stdbool.h>
#include <stdint.h>

/*
 * out = k * u.  k is clamped, the top bit of u is ignored.  out may be u.
 * The result may be all zeroes, which the caller must refuse.
 */
void x25519(uint8_t out[32], const uint8_t k[32], const uint8_t u[32]);

#endif
