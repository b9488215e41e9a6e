/* SPDX-License-Identifier: ISC */
/*
 * ipsecctl explain: the question about a described packet, and the answer to text.
 */
#ifndef IPSECCTL_EXPLAIN_H
#define IPSECCTL_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "pf/explain_msg.h"

void	explain_json(const struct explain_req *, const struct explain_info *);
/* The program's exit status: 0 if the packet gets through, 2 if it is dropped, 1 for an error. */
int	ipsecctl_explain(const char *rundir, char **words);

#endif
