/* SPDX-License-Identifier: ISC */
/*
 * Writing JSON (RFC 8259) to standard output, one value after the other; the
 * commas come by themselves.  Every document of ours is an object that
 * begins with schema_version.
 */
#ifndef LIBCTL_JSON_H
#define LIBCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>

#define JSON_SCHEMA	1

/* name NULL inside an array or at the top. */
void	json_begin(void);			/* { "schema_version": 1 */
void	json_end(void);				/* } and a newline */
void	json_object(const char *name);
void	json_object_end(void);
void	json_array(const char *name);
void	json_array_end(void);
void	json_string(const char *name, const char *value);
void	json_lines(const char *name, const char *text);	/* an array, a string a line */
void	json_number(const char *name, uint64_t value);
void	json_bool(const char *name, bool value);

#endif
