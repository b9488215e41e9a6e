/* SPDX-License-Identifier: ISC */
/*
 * Bytes as hexadecimal digits, two a byte, in small letters.
 */
#ifndef LIBUTIL_HEX_H
#define LIBUTIL_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Prints n bytes; the stream keeps an error. */
void	hex_print(FILE *out, const uint8_t *p, size_t n);

/* n digits as n / 2 bytes; false: n is odd, they are more than cap, or no digits. */
bool	hex_read(const char *p, size_t n, uint8_t *out, size_t cap);

#endif
