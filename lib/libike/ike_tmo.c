/* SPDX-License-Identifier: ISC */
/*
 * A pairing heap of timers (see ike_tmo.h).  Every tree's root is not later
 * than its children; siblings hang in a list whose first element points back to
 * the parent.
 */
#include <stddef.h>

#include "libike/ike_tmo.h"

static struct tmo *
tmo_meld(struct tmo *a, struct tmo *b)
{
	struct tmo *t;

	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	if (b->tm_at < a->tm_at) {
		t = a;
		a = b;
		b = t;
	}
	b->tm_prev = a;
	b->tm_next = a->tm_child;
	if (b->tm_next != NULL)
		b->tm_next->tm_prev = b;
	a->tm_child = b;
	a->tm_next = a->tm_prev = NULL;
	return a;
}

/* Two passes: meld pairs from the left, then all pairs from the right. */
static struct tmo *
tmo_pair(struct tmo *list)
{
	struct tmo *pairs = NULL, *root = NULL;

	while (list != NULL) {
		struct tmo *a = list, *b = a->tm_next, *m;

		list = b != NULL ? b->tm_next : NULL;
		a->tm_next = a->tm_prev = NULL;
		if (b != NULL)
			b->tm_next = b->tm_prev = NULL;
		m = tmo_meld(a, b);
		m->tm_next = pairs;
		pairs = m;
	}
	while (pairs != NULL) {
		struct tmo *m = pairs;

		pairs = m->tm_next;
		m->tm_next = NULL;
		root = tmo_meld(root, m);
	}
	return root;
}

void
tmo_clear(struct tmo_heap *h, struct tmo *t)
{
	struct tmo *rest;

	if (!t->tm_on)
		return;
	rest = tmo_pair(t->tm_child);
	if (h->th_root == t) {
		h->th_root = rest;
	} else {
		if (t->tm_prev->tm_child == t)
			t->tm_prev->tm_child = t->tm_next;
		else
			t->tm_prev->tm_next = t->tm_next;
		if (t->tm_next != NULL)
			t->tm_next->tm_prev = t->tm_prev;
		h->th_root = tmo_meld(h->th_root, rest);
	}
	t->tm_child = t->tm_next = t->tm_prev = NULL;
	t->tm_on = false;
}

void
tmo_set(struct tmo_heap *h, struct tmo *t, uint64_t at)
{
	tmo_clear(h, t);
	t->tm_at = at;
	t->tm_child = t->tm_next = t->tm_prev = NULL;
	t->tm_on = true;
	h->th_root = tmo_meld(h->th_root, t);
}

struct tmo *
tmo_due(struct tmo_heap *h, uint64_t now)
{
	struct tmo *t = h->th_root;

	if (t == NULL || t->tm_at > now)
		return NULL;
	tmo_clear(h, t);
	return t;
}
