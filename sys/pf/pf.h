/* SPDX-License-Identifier: ISC */
/*
 * The packet filter of one network kernel, inside its folder.
 */
#ifndef PF_PF_H
#define PF_PF_H

#include "pf/ruleset.h"

#define PF_TXNS_MAX	8

struct pf_txn {			/* what one client has sent since BEGIN */
	uint64_t	 tx_client;
	bool		 tx_open;
	struct pf_set	 tx_set;
};

struct pf {
	struct pf_ruleset	*pf_rules;	/* in force, never NULL */
	struct pf_tags		 pf_tags;
	bool			 pf_enabled;
	uint64_t		 pf_since_ns;	/* enabled or disabled at */
	uint64_t		 pf_matches;	/* times that rules were asked */
	uint32_t		 pf_serial;	/* of the last ruleset */
	/* a copy: timers read it without nk_lock, while rulesets come and go */
	struct pf_options	 pf_options;
	struct pf_txn		 pf_txn[PF_TXNS_MAX];
};

/* Publishes the set, which it takes over. 0 or ENOMEM, and then nothing has changed. */
int	pf_commit(struct nk *, struct pf_set *);
int	pf_ctl_init(struct nk *);
void	pf_ctl_fini(struct nk *);

#endif
