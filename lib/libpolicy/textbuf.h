/* SPDX-License-Identifier: ISC */
/*
 * A text that grows: what is printed rule by rule goes here first, at the
 * cost of a copy and no more.  May hold keys: whatever it leaves is wiped.
 * When memory was short tb_short is set, and nothing more is added.
 */
#ifndef LIBPOLICY_TEXTBUF_H
#define LIBPOLICY_TEXTBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct textbuf {
	char	*tb_p;		/* not terminated */
	size_t	 tb_n;
	size_t	 tb_cap;
	bool	 tb_short;
};

static inline void
textbuf_free(struct textbuf *tb)
{
	if (tb->tb_p != NULL)
		explicit_bzero(tb->tb_p, tb->tb_n);
	free(tb->tb_p);
	*tb = (struct textbuf){ 0 };
}

/* Room for n bytes more; false without memory. */
static inline bool
textbuf_room(struct textbuf *tb, size_t n)
{
	size_t cap = tb->tb_cap;
	char *p;

	if (n <= cap - tb->tb_n)
		return true;
	while (n > cap - tb->tb_n)
		cap = cap == 0 ? 1024 : cap * 2;
	if (tb->tb_short || (p = malloc(cap)) == NULL) {
		tb->tb_short = true;
		return false;
	}
	if (tb->tb_n != 0) {
		memcpy(p, tb->tb_p, tb->tb_n);
		explicit_bzero(tb->tb_p, tb->tb_n);
	}
	free(tb->tb_p);
	tb->tb_p = p;
	tb->tb_cap = cap;
	return true;
}

static inline void
textbuf_char(struct textbuf *tb, char c)
{
	if (textbuf_room(tb, 1))
		tb->tb_p[tb->tb_n++] = c;
}

static inline void
textbuf_add(struct textbuf *tb, const void *p, size_t n)
{
	if (n != 0 && textbuf_room(tb, n)) {
		memcpy(tb->tb_p + tb->tb_n, p, n);
		tb->tb_n += n;
	}
}

#endif
