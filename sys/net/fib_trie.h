/* SPDX-License-Identifier: ISC */
/*
 * A trie of prefixes for longest prefix match, six bits a node.
 *
 * A node has one bit for each of the 63 prefixes of 0 to 5 further bits
 * that may end in it, one bit for each of its 64 possible children, and two
 * dense arrays, of what the prefixes mean and of the children.  A position
 * in an array is the number of bits set below.  So a node costs 32 bytes
 * plus what it holds, an insert moves a few words, and nothing is expanded.
 *
 * Not for use by several threads at once.
 */
#ifndef NET_FIB_TRIE_H
#define NET_FIB_TRIE_H

#include <stdbool.h>
#include <stdint.h>

struct addr;

struct trie_node {
	uint64_t		 tn_prefixes;	/* bit 2^len - 1 + value: a prefix ends here */
	uint64_t		 tn_children;	/* bit value of the next six bits */
	void			**tn_item;	/* one a prefix */
	struct trie_node	*tn_child;	/* one a child */
};

/* An address of either family as 128 bits, first bit highest. */
struct trie_key { uint64_t tk_hi, tk_lo; };

struct trie_key	 trie_key(const struct addr *);

/*
 * The root node stands for the first `off` bits of every key given to it.
 * Lengths count from the first bit of the key.
 */
/* The item of the longest prefix that matches, or NULL. */
void	*trie_lookup(const struct trie_node *root, unsigned off, struct trie_key);
/* The item of this very prefix, or NULL. */
void	*trie_exact(const struct trie_node *root, unsigned off, struct trie_key, unsigned len);
/* Puts or replaces. False: no memory, and nothing has changed. */
bool	 trie_put(struct trie_node *root, unsigned off, struct trie_key, unsigned len, void *item);
/* Removes; nodes that became empty are freed. */
void	 trie_remove(struct trie_node *root, unsigned off, struct trie_key, unsigned len);
/* Calls fn for each item, the shorter prefix first. fn must not change the trie. */
void	 trie_walk(const struct trie_node *root, void (*fn)(void *arg, void *item), void *arg);
/* Frees all nodes but the root, which is empty then; items are the caller's. */
void	 trie_clear(struct trie_node *root);
/* Bytes allocated below the root. */
uint64_t trie_bytes(const struct trie_node *root);

#endif
