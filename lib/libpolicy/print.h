/* SPDX-License-Identifier: ISC */
/*
 * Normal form into memory: as the policy_print functions of policy.h.
 */
#ifndef LIBPOLICY_PRINT_H
#define LIBPOLICY_PRINT_H

#include "libpolicy/policy.h"
#include "libpolicy/textbuf.h"

void	text_set(const struct policy_set *set, struct textbuf *out);
void	text_flow(const struct policy_flow *fl, struct textbuf *out);
void	text_sa(const struct policy_sa *sa, struct textbuf *out,
	    unsigned flags);
void	text_ike(const struct policy_ike *ik, struct textbuf *out,
	    unsigned flags);

#endif
