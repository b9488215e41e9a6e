/* SPDX-License-Identifier: ISC */
/*
 * Messages of the kernel (see kmsg.h).
 */
#include <stdio.h>
#include <string.h>

#include "kmsg.h"
#include "libutil/cur.h"

struct record {
	unsigned	re_level, re_facility;
	int64_t		re_us;
};

void
kmsg_init(struct kmsg *km, int64_t began_us, int64_t now)
{
	*km = (struct kmsg){ .km_began = began_us };
	for (unsigned i = 0; i < 2; i++)
		km->km_left[i] = (struct kmsg_left){ KMSG_BURST, now };
}

/* Digits up to a byte that is none, which is passed. */
static bool
number(struct cur *c, uint64_t *v, char *end)
{
	unsigned n = 0;
	uint8_t b;

	for (*v = 0; cur_left(c) != 0; n++) {
		b = cur_u8(c);
		*end = (char)b;
		if (b < '0' || b > '9')
			return n != 0;
		if (n == 18)
			return false;
		*v = 10 * *v + (b - '0');
	}
	return false;
}

/* What stands before the text; the cursor is at the text then. */
static bool
head(struct cur *c, struct record *re)
{
	uint64_t priority, sequence, us;
	char end = 0;

	if (!number(c, &priority, &end) || end != ',' ||
	    !number(c, &sequence, &end) || end != ',' ||
	    !number(c, &us, &end) || (end != ',' && end != ';'))
		return false;
	while (end != ';' && cur_left(c) != 0)
		end = (char)cur_u8(c);
	re->re_level = priority & 7;
	re->re_facility = (unsigned)(priority >> 3 & 0xffff);
	re->re_us = (int64_t)us;
	return end == ';';
}

static bool
wanted(const struct kmsg *km, const struct record *re)
{
	return re->re_facility == 0 && re->re_level <=
	    (re->re_us < km->km_began ? KMSG_WARNING : KMSG_INFO);
}

/* As the line before? Else it is that from now on. */
static bool
repeated(struct kmsg *km, struct cur text)
{
	size_t n = cur_left(&text) < KMSG_SAME ? cur_left(&text) : KMSG_SAME;
	const uint8_t *p = cur_bytes(&text, n);

	if (n != 0 && n == km->km_last_n && memcmp(p, km->km_last, n) == 0)
		return true;
	if (n != 0)
		memcpy(km->km_last, p, n);
	km->km_last_n = n;
	return false;
}

static bool
allowed(struct kmsg_left *kl, int64_t now)
{
	int64_t more = (now - kl->kl_since) / KMSG_EACH;

	if (more > 0) {
		kl->kl_n = more >= KMSG_BURST - (int64_t)kl->kl_n ?
		    KMSG_BURST : kl->kl_n + (unsigned)more;
		kl->kl_since += more * KMSG_EACH;
	}
	if (kl->kl_n == 0)
		return false;
	kl->kl_n--;
	return true;
}

static void
take_line(struct kmsg *km, struct cur line, int64_t now,
    void (*fn)(void *, const char *, size_t), void *arg)
{
	struct record re;
	char text[64];
	size_t n;

	if (!head(&line, &re) || !wanted(km, &re))
		return;
	if (repeated(km, line) ||
	    !allowed(&km->km_left[re.re_level <= KMSG_ERROR], now)) {
		km->km_omitted++;
		return;
	}
	if (km->km_omitted != 0) {
		(void)snprintf(text, sizeof(text), "%u messages left out",
		    km->km_omitted);
		km->km_omitted = 0;
		fn(arg, text, strlen(text));
	}
	n = cur_left(&line);
	if (n != 0)
		fn(arg, (const char *)cur_bytes(&line, n), n);
}

void
kmsg_take(struct kmsg *km, const char *buf, size_t n, int64_t now,
    void (*fn)(void *, const char *, size_t), void *arg)
{
	struct cur c = cur_init(buf, n);

	while (cur_left(&c) != 0) {
		struct cur ahead = c;
		size_t len = 0;

		while (cur_left(&ahead) != 0 && cur_u8(&ahead) != '\n')
			len++;
		take_line(km, cur_sub(&c, len), now, fn, arg);
		c = ahead;
	}
}
