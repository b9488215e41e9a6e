/* SPDX-License-Identifier: ISC */
/*
 * Making and unmaking workers; what others need of them is in kern/nk.h.
 */
#ifndef KERN_WORKER_H
#define KERN_WORKER_H

#include "kern/nk.h"

/* Makes nk_worker[id] with pool, wheel and rings. 0 or ENOMEM; worker_fini() cleans up either way. */
int	worker_init(struct nk *, unsigned id, struct clock_now);
void	worker_fini(struct worker *);

#endif
