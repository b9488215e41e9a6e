/* SPDX-License-Identifier: ISC */
/*
 * Two IKE endpoints joined without a wire, for tests of very many policies: what
 * one sends the other has at once, kernel and authentication answer at once.
 * Virtual time and randomness are the test's own, so that two pairs with one
 * seed that are told the same do the same, to the byte.
 *
 * End 0 is 192.0.2.1.  End 1 has every other address: peer n is 198.18.n/256.n%256.
 */
#ifndef REGRESS_PAIR_H
#define REGRESS_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libike/ike.h"

struct pair_note;

struct pair_end {
	struct ike	*pe_ike;
	uint64_t	 pe_rand;
	uint32_t	 pe_next_spi;
	uint64_t	 pe_trace;	/* hash of all that it wanted done */
	unsigned	 pe_sent, pe_added, pe_deleted, pe_events;
	/* Of what it wanted done for another peer than this one; 0: any. */
	uint32_t	 pe_peer;	/* last 16 bits of its address */
	unsigned	 pe_others;
};

struct pair {
	struct pair_end	 pa_end[2];
	uint64_t	 pa_now;
	struct pair_note *pa_first, **pa_last;
	bool		 pa_cut;	/* what is sent is lost */
};

void	pair_init(struct pair *pa, uint64_t seed);
void	pair_free(struct pair *pa);
/* Does all that is to be done now. */
void	pair_settle(struct pair *pa);
/* So many ms pass, with all that is due. */
void	pair_run(struct pair *pa, uint64_t ms);
void	pair_peer(unsigned n, struct addr *out);

/*
 * A policy of end i with peer n (n < 65536), called "tN", reqid n + 1, with one
 * child "net"; active at end 0, passive at end 1.
 */
struct pair_policy {
	struct ike_policy	pp_policy;
	struct ike_child_conf	pp_child;
};
void	pair_policy(struct pair_policy *pp, int i, unsigned n);

#endif
