/* SPDX-License-Identifier: ISC */
/*
 * Cursors over bytes: the only way in which Ravelin reads or writes a wire
 * format.
 *
 * A reader (struct cur) never leaves its bytes.  The first read that does
 * not fit fails the cursor for good: it and every later read yield zeroes
 * (or NULL), so that a parser may read a whole structure and ask once,
 * with cur_ok(), whether all of it was there.  A failed cursor has nothing
 * left, so a loop over cur_left() ends.
 *
 * A writer (struct wcur) never leaves its buffer.  A write that does not
 * fit fails the cursor and writes nothing; wcur_ok() tells.
 *
 * Integers are in network byte order unless the name ends in _host, which
 * is the byte order of PF_KEY (RFC 2367 section 2.1).  Lengths are bytes.
 * A cursor owns nothing: the bytes must outlive it.
 */
#ifndef LIBUTIL_CUR_H
#define LIBUTIL_CUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cur {
	const uint8_t	*cur_p;
	size_t		 cur_n;		/* bytes left */
	bool		 cur_bad;	/* a read did not fit */
};

static inline struct cur
cur_init(const void *p, size_t n)
{
	return (struct cur){ .cur_p = p, .cur_n = n };
}

static inline size_t
cur_left(const struct cur *c)
{
	return c->cur_n;
}

static inline bool
cur_ok(const struct cur *c)
{
	return !c->cur_bad;
}

/* All bytes were read and each read fitted. */
static inline bool
cur_end(const struct cur *c)
{
	return !c->cur_bad && c->cur_n == 0;
}

static inline void
cur_fail(struct cur *c)
{
	c->cur_bad = true;
	c->cur_n = 0;
}

/* The next n bytes, in place; NULL (and a failed cursor) if fewer are left. */
static inline const uint8_t *
cur_bytes(struct cur *c, size_t n)
{
	const uint8_t *p = c->cur_p;

	if (c->cur_bad || n > c->cur_n) {
		cur_fail(c);
		return NULL;
	}
	if (n != 0)
		c->cur_p += n;
	c->cur_n -= n;
	return p;
}

static inline void
cur_skip(struct cur *c, size_t n)
{
	(void)cur_bytes(c, n);
}

/* Copies the next n bytes to dst; zeroes dst if they are not there. */
static inline bool
cur_copy(struct cur *c, void *dst, size_t n)
{
	const uint8_t *p = cur_bytes(c, n);

	if (n == 0)
		return cur_ok(c);
	if (p == NULL) {
		memset(dst, 0, n);
		return false;
	}
	memcpy(dst, p, n);
	return true;
}

/* A cursor over the next n bytes, which this one passes. */
static inline struct cur
cur_sub(struct cur *c, size_t n)
{
	const uint8_t *p = cur_bytes(c, n);

	return (struct cur){ .cur_p = p, .cur_n = p == NULL ? 0 : n,
	    .cur_bad = c->cur_bad };
}

static inline uint8_t
cur_u8(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 1);

	return p == NULL ? 0 : p[0];
}

static inline uint16_t
cur_u16(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 2);

	return p == NULL ? 0 : (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
cur_u32(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 4);

	return p == NULL ? 0 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t
cur_u64(struct cur *c)
{
	uint64_t hi = cur_u32(c);

	return hi << 32 | cur_u32(c);
}

static inline uint16_t
cur_u16_host(struct cur *c)
{
	uint16_t v;

	(void)cur_copy(c, &v, sizeof(v));
	return v;
}

static inline uint32_t
cur_u32_host(struct cur *c)
{
	uint32_t v;

	(void)cur_copy(c, &v, sizeof(v));
	return v;
}

static inline uint64_t
cur_u64_host(struct cur *c)
{
	uint64_t v;

	(void)cur_copy(c, &v, sizeof(v));
	return v;
}

struct wcur {
	uint8_t		*wcur_base;
	size_t		 wcur_len;	/* bytes written */
	size_t		 wcur_cap;
	bool		 wcur_bad;	/* a write did not fit */
};

static inline struct wcur
wcur_init(void *p, size_t cap)
{
	return (struct wcur){ .wcur_base = p, .wcur_cap = cap };
}

static inline bool
wcur_ok(const struct wcur *w)
{
	return !w->wcur_bad;
}

static inline size_t
wcur_len(const struct wcur *w)
{
	return w->wcur_len;
}

/* Room for the next n bytes, to be filled by the caller; NULL if none. */
static inline uint8_t *
wcur_room(struct wcur *w, size_t n)
{
	uint8_t *p;

	if (w->wcur_bad || n > w->wcur_cap - w->wcur_len) {
		w->wcur_bad = true;
		return NULL;
	}
	p = w->wcur_base + w->wcur_len;
	w->wcur_len += n;
	return p;
}

static inline void
wcur_put(struct wcur *w, const void *src, size_t n)
{
	uint8_t *p = wcur_room(w, n);

	if (p != NULL && n != 0)
		memcpy(p, src, n);
}

static inline void
wcur_zero(struct wcur *w, size_t n)
{
	uint8_t *p = wcur_room(w, n);

	if (p != NULL && n != 0)
		memset(p, 0, n);
}

static inline void
wcur_u8(struct wcur *w, uint8_t v)
{
	wcur_put(w, &v, 1);
}

static inline void
wcur_u16(struct wcur *w, uint16_t v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	wcur_put(w, b, sizeof(b));
}

static inline void
wcur_u32(struct wcur *w, uint32_t v)
{
	uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v };

	wcur_put(w, b, sizeof(b));
}

static inline void
wcur_u64(struct wcur *w, uint64_t v)
{
	wcur_u32(w, (uint32_t)(v >> 32));
	wcur_u32(w, (uint32_t)v);
}

/* A text as its length, in two bytes, and its first most characters. */
static inline void
wcur_text(struct wcur *w, const char *text, uint16_t most)
{
	size_t n = strnlen(text, most);

	wcur_u16(w, (uint16_t)n);
	wcur_put(w, text, n);
}

/* Sets two bytes written before, such as a length known only at the end. */
static inline void
wcur_u16_at(struct wcur *w, size_t at, uint16_t v)
{
	if (w->wcur_bad || w->wcur_len < 2 || at > w->wcur_len - 2) {
		w->wcur_bad = true;
		return;
	}
	w->wcur_base[at] = (uint8_t)(v >> 8);
	w->wcur_base[at + 1] = (uint8_t)v;
}

#endif
