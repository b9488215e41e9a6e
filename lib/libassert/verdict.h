/* SPDX-License-Identifier: ISC */
/*
 * What became of a described packet, as text: what ipsecctl(8) explain
 * prints, and the part of it that an assertion that fails prints.
 */
#ifndef LIBASSERT_VERDICT_H
#define LIBASSERT_VERDICT_H

#include <stdio.h>

#include "pf/explain_msg.h"

/* enum sp_action of an entry: "protect", "none" ... */
const char *verdict_action(const struct explain_policy *);
/* Of an entry that protects: "require", "use" ... */
const char *verdict_type(const struct explain_policy *);
/* The packet, each stage that it came to, and the verdict; a line each. */
void	verdict_explain(const struct explain_req *, const struct explain_info *, FILE *out);
/* The stages that ask somebody: rules and policy; a line each. */
void	verdict_stages(const struct explain_info *, FILE *out);
/* The verdict alone, one line. */
void	verdict_print(const struct explain_info *, FILE *out);

#endif
