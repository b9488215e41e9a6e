/* SPDX-License-Identifier: ISC */
/*
 * Longest prefix match in nodes of six bits (see fib_trie.h).
 *
 * Bit numbers.  Within a node a prefix of `len` further bits (0 to 5) with
 * value `v` is bit 2^len - 1 + v of tn_prefixes: of two prefixes that match
 * the same address, the longer one has the higher bit, so that the longest
 * match is the highest bit of an AND.
 */
#include <stdlib.h>
#include <string.h>

#include "libutil/addr.h"
#include "net/fib_trie.h"

#define STRIDE	6

struct trie_key
trie_key(const struct addr *a)
{
	struct trie_key k = { 0, 0 };

	for (unsigned i = 0; i < 8; i++) {
		k.tk_hi = k.tk_hi << 8 | a->ad_bytes[i];
		k.tk_lo = k.tk_lo << 8 | a->ad_bytes[i + 8];
	}
	return k;
}

/* Six bits from bit number off on; zeroes behind the last. */
static inline unsigned
key_bits(struct trie_key k, unsigned off)
{
	if (off <= 58)
		return (unsigned)(k.tk_hi >> (58 - off)) & 63;
	if (off < 64)
		return (unsigned)(k.tk_hi << (off - 58) |
		    k.tk_lo >> (122 - off)) & 63;
	if (off <= 122)
		return (unsigned)(k.tk_lo >> (122 - off)) & 63;
	return (unsigned)(k.tk_lo << (off - 122)) & 63;
}

/* The bits of all prefixes that match the six bits x. */
static inline uint64_t
matching(unsigned x)
{
	return 1 | 1ull << (1 + (x >> 5)) | 1ull << (3 + (x >> 4)) |
	    1ull << (7 + (x >> 3)) | 1ull << (15 + (x >> 2)) |
	    1ull << (31 + (x >> 1));
}

static inline unsigned
rank(uint64_t set, unsigned bit)
{
	return (unsigned)__builtin_popcountll(set & ((1ull << bit) - 1));
}

static inline unsigned
prefix_bit(struct trie_key k, unsigned off, unsigned len)
{
	return (1u << len) - 1 + (key_bits(k, off) >> (STRIDE - len));
}

void *
trie_lookup(const struct trie_node *n, unsigned off, struct trie_key k)
{
	const struct trie_node *best = NULL;
	unsigned at = 0;

	for (;; off += STRIDE) {
		unsigned x = key_bits(k, off);
		uint64_t m = n->tn_prefixes & matching(x);

		if (m != 0) {
			best = n;
			at = 63 - (unsigned)__builtin_clzll(m);
		}
		if ((n->tn_children >> x & 1) == 0)
			break;
		n = &n->tn_child[rank(n->tn_children, x)];
	}
	return best == NULL ? NULL : best->tn_item[rank(best->tn_prefixes, at)];
}

void *
trie_exact(const struct trie_node *n, unsigned off, struct trie_key k, unsigned len)
{
	unsigned bit;

	for (; len - off >= STRIDE; off += STRIDE) {
		unsigned x = key_bits(k, off);

		if ((n->tn_children >> x & 1) == 0)
			return NULL;
		n = &n->tn_child[rank(n->tn_children, x)];
	}
	bit = prefix_bit(k, off, len - off);
	if ((n->tn_prefixes >> bit & 1) == 0)
		return NULL;
	return n->tn_item[rank(n->tn_prefixes, bit)];
}

/* ---- arrays of n elements with room for the next power of two ---- */

static bool
array_insert(void **array, unsigned n, unsigned at, size_t size, const void *element)
{
	char *a = *array;

	if ((n & (n - 1)) == 0) {
		a = realloc(a, (n == 0 ? 1 : 2 * (size_t)n) * size);
		if (a == NULL)
			return false;
		*array = a;
	}
	memmove(a + (at + 1) * size, a + at * size, (n - at) * size);
	memcpy(a + at * size, element, size);
	return true;
}

/* Of n elements, takes the one at `at` out. */
static void
array_remove(void **array, unsigned n, unsigned at, size_t size)
{
	char *a = *array, *smaller;

	memmove(a + at * size, a + (at + 1) * size, (n - at - 1) * size);
	if (n == 1) {
		free(a);
		*array = NULL;
	} else if (((n - 1) & (n - 2)) == 0) {
		smaller = realloc(a, (n - 1) * size);
		if (smaller != NULL)
			*array = smaller;
	}
}

static bool
item_insert(struct trie_node *n, unsigned bit, void *item)
{
	void *array = n->tn_item;

	if (!array_insert(&array, (unsigned)__builtin_popcountll(n->tn_prefixes),
	    rank(n->tn_prefixes, bit), sizeof(void *), &item))
		return false;
	n->tn_item = array;
	n->tn_prefixes |= 1ull << bit;
	return true;
}

static struct trie_node *
child_insert(struct trie_node *n, unsigned x)
{
	const struct trie_node empty = { 0 };
	void *array = n->tn_child;

	if (!array_insert(&array, (unsigned)__builtin_popcountll(n->tn_children),
	    rank(n->tn_children, x), sizeof(empty), &empty))
		return NULL;
	n->tn_child = array;
	n->tn_children |= 1ull << x;
	return &n->tn_child[rank(n->tn_children, x)];
}

static bool
node_empty(const struct trie_node *n)
{
	return n->tn_prefixes == 0 && n->tn_children == 0;
}

static void
child_remove_empty(struct trie_node *n, unsigned x)
{
	unsigned at = rank(n->tn_children, x);
	void *array = n->tn_child;

	if (!node_empty(&n->tn_child[at]))
		return;
	array_remove(&array, (unsigned)__builtin_popcountll(n->tn_children), at,
	    sizeof(*n));
	n->tn_child = array;
	n->tn_children &= ~(1ull << x);
}

bool
trie_put(struct trie_node *n, unsigned off, struct trie_key k, unsigned len, void *item)
{
	unsigned bit;

	if (len - off >= STRIDE) {
		unsigned x = key_bits(k, off);
		struct trie_node *c;

		if (n->tn_children >> x & 1)
			c = &n->tn_child[rank(n->tn_children, x)];
		else if ((c = child_insert(n, x)) == NULL)
			return false;
		if (trie_put(c, off + STRIDE, k, len, item))
			return true;
		child_remove_empty(n, x);
		return false;
	}
	bit = prefix_bit(k, off, len - off);
	if ((n->tn_prefixes >> bit & 1) == 0)
		return item_insert(n, bit, item);
	n->tn_item[rank(n->tn_prefixes, bit)] = item;
	return true;
}

void
trie_remove(struct trie_node *n, unsigned off, struct trie_key k, unsigned len)
{
	void *array = n->tn_item;
	unsigned bit;

	if (len - off >= STRIDE) {
		unsigned x = key_bits(k, off);

		if ((n->tn_children >> x & 1) == 0)
			return;
		trie_remove(&n->tn_child[rank(n->tn_children, x)], off + STRIDE,
		    k, len);
		child_remove_empty(n, x);
		return;
	}
	bit = prefix_bit(k, off, len - off);
	if ((n->tn_prefixes >> bit & 1) == 0)
		return;
	array_remove(&array, (unsigned)__builtin_popcountll(n->tn_prefixes),
	    rank(n->tn_prefixes, bit), sizeof(void *));
	n->tn_item = array;
	n->tn_prefixes &= ~(1ull << bit);
}

/* The prefixes of a node in the order of their addresses, each before those within it. */
static void
walk_from(const struct trie_node *n, unsigned len, unsigned v,
    void (*fn)(void *, void *), void *arg)
{
	unsigned bit = (1u << len) - 1 + v;

	if (len == STRIDE) {
		if (n->tn_children >> v & 1)
			walk_from(&n->tn_child[rank(n->tn_children, v)], 0, 0,
			    fn, arg);
		return;
	}
	if (n->tn_prefixes >> bit & 1)
		fn(arg, n->tn_item[rank(n->tn_prefixes, bit)]);
	walk_from(n, len + 1, 2 * v, fn, arg);
	walk_from(n, len + 1, 2 * v + 1, fn, arg);
}

void
trie_walk(const struct trie_node *root, void (*fn)(void *, void *), void *arg)
{
	if (!node_empty(root))
		walk_from(root, 0, 0, fn, arg);
}

void
trie_clear(struct trie_node *n)
{
	unsigned nc = (unsigned)__builtin_popcountll(n->tn_children);

	for (unsigned i = 0; i < nc; i++)
		trie_clear(&n->tn_child[i]);
	free(n->tn_child);
	free(n->tn_item);
	*n = (struct trie_node){ 0 };
}

static uint64_t
array_room(uint64_t set)
{
	unsigned n = (unsigned)__builtin_popcountll(set), room = 1;

	if (n == 0)
		return 0;
	while (room < n)
		room *= 2;
	return room;
}

uint64_t
trie_bytes(const struct trie_node *n)
{
	unsigned nc = (unsigned)__builtin_popcountll(n->tn_children);
	uint64_t sum = array_room(n->tn_prefixes) * sizeof(void *) +
	    array_room(n->tn_children) * sizeof(*n);

	for (unsigned i = 0; i < nc; i++)
		sum += trie_bytes(&n->tn_child[i]);
	return sum;
}
