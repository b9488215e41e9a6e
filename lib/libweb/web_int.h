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

#endif
