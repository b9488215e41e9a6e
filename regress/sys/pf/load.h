/* SPDX-License-Identifier: ISC */
/*
 * Rules from text into a router, without a socket.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpf/pf.h"
#include "pf/flow.h"
#include "pf/pf.h"

/* A set of the text's rules; ends the program if it does not parse. */
static inline void
set_from(struct pf_set *ps, const char *text)
{
	struct pf_conf pc;
	const char *why;
	size_t n;

	pf_set_init(ps);
	if (!pf_parse(&pc, "rules", text, strlen(text), NULL)) {
		printf("%s", pc.pc_errors);
		exit(2);
	}
	ps->ps_options = pc.pc_options;
	for (size_t i = 0; i < pc.pc_ntables; i++) {
		struct pf_table *t = pf_set_table_make(ps, pc.pc_table[i].td_name,
		    pc.pc_table[i].td_flags);

		if (pf_table_add(t, pc.pc_table[i].td_entry, pc.pc_table[i].td_n, &n) != 0)
			abort();
	}
	for (size_t i = 0; i < pc.pc_nrules; i++)
		if (pf_set_rule(ps, &pc.pc_rule[i], &why) != 0) {
			printf("rule %zu: %s\n", i, why);
			exit(2);
		}
	ps->ps_nskip = pc.pc_nskip;
	memcpy(ps->ps_skip, pc.pc_skip, sizeof(ps->ps_skip));
	pf_conf_free(&pc);
}

static inline void
load(struct nk *n, const char *text)
{
	struct pf_set ps;

	set_from(&ps, text);
	if (pf_commit(n, &ps) != 0)
		abort();
}

#endif
