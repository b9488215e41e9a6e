/* SPDX-License-Identifier: ISC */
/*
 * What the parsers of requests share.
 */
#ifndef LIBWEB_WEB_INT_H
#define LIBWEB_WEB_INT_H

#include "libweb/web.h"

/* A field with room for a value of len bytes; NULL: too many, or no memory. */
struct web_field	*field_new(struct web_request *wr, size_t len, bool body);
bool			 field_name_ok(const char *name);
/* What stands before the byte `end', which is passed; all if it does not come. */
struct cur		 cur_until(struct cur *c, uint8_t end);

/* The Content-Length: 0, or a status. */
int	length_of(const char *text, uint64_t max, uint64_t *len);

#define BOUNDARY_MAX	70	/* RFC 2046 section 5.1.1 */
/* CR LF "--" and the boundary of a multipart type; false: there is none. */
bool	boundary_of(const char *type, char out[BOUNDARY_MAX + 8]);
/* The name of a part by its header lines; false: malformed. */
bool	part_name(struct cur head, char out[WEB_NAME_MAX]);

#endif
