/* SPDX-License-Identifier: ISC */
/*
 * What must change for one set of SPD entries or manual SAs to become
 * another: what is in both is not touched.
 */
#ifndef LIBPOLICY_DIFF_H
#define LIBPOLICY_DIFF_H

#include "libpolicy/policy.h"

/*
 * Marks of what policyd(8) has put into the network kernel, by which it
 * knows its own after a restart of either: the priority of its SPD entries
 * (those of others are asked first if theirs is lower), and the reqid of
 * its manual SAs.
 */
enum {
	POLICY_PRIORITY		= 0x10000,
	POLICY_MANUAL_REQID	= 0x3f00,
};

enum policy_change_type {
	POLICY_ADD	= 1,	/* ch_new */
	POLICY_CHANGE,		/* ch_old to ch_new: same key */
	POLICY_DELETE,		/* ch_old */
};

struct policy_change {
	enum policy_change_type	 ch_type;
	size_t			 ch_old;	/* index */
	size_t			 ch_new;
};

/*
 * The changes from a to b, in a safe order: additions and changes before
 * deletions.  Entries are the same if selector and direction are, and equal
 * if what the key socket tells of them is.  malloc'd array of *n; NULL with
 * *n 0 if nothing differs, NULL with *n 1 if memory is short.
 */
struct policy_change	*policy_diff_flows(const struct policy_flow *a,
			    size_t na, const struct policy_flow *b, size_t nb,
			    size_t *n);
/* The same for SAs, which are the same if SPI and destination are. */
struct policy_change	*policy_diff_sas(const struct policy_sa *a, size_t na,
			    const struct policy_sa *b, size_t nb, size_t *n);

#endif
