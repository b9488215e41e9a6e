/* SPDX-License-Identifier: ISC */
/*
 * The assertions of a revision that has not been committed (assert.conf(5)).
 */
#ifndef TRIAL_H
#define TRIAL_H

#include "command.h"

struct trial {
	bool			tr_hold;	/* all; or there are none */
	struct policyctl_result	tr_result;
};

/* base is the newest revision of the store; st may be NULL. */
void	trial_ask(struct command *co, struct policy_store *st, uint64_t base,
	    struct trial *tr);
void	trial_print(const struct trial *tr);
void	trial_json(const struct trial *tr);		/* the member "assertions" */

#endif
