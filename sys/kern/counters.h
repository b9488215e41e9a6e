/* SPDX-License-Identifier: ISC */
/*
 * Sums of all workers' counters and drops, and their control operations.
 */
#ifndef KERN_COUNTERS_H
#define KERN_COUNTERS_H

#include "kern/nk.h"

int		counters_init(struct nk *);
uint64_t	nk_count(const struct nk *, enum counter);
uint64_t	nk_drops(const struct nk *, enum drop_reason);

#endif
