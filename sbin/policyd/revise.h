/* SPDX-License-Identifier: ISC */
/*
 * A revision on its way to the network kernel: what its parts share.
 *
 *	revise.c	the order of the parts; going back
 *	apply.c		IPsec, by the key socket
 *	filter.c	pf.conf, by netkern.sock
 *	netconf.c	interfaces and routes, by netkern.sock
 */
#ifndef REVISE_H
#define REVISE_H

#include "libctl/client.h"
#include "libpf/pf.h"
#include "libpolicy/network.h"
#include "policyd.h"

struct revision {
	uint64_t		 re_number;
	struct policy_texts	 re_texts;	/* of pf.conf and network.conf */
	bool			 re_has_filter, re_has_network;
	struct pf_conf		 re_filter;
	struct network		 re_network;
	struct ctl_client	*re_ctl;	/* NULL: not needed */
	bool			 re_filter_new;	/* a transaction is open */
	size_t			 re_changes;
};

/* Sets pd_problem and pd_refused; returns false. */
bool	revise_problem(struct policyd *pd, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* apply.c: IPsec. NULL with pd_problem. */
struct apply;
struct apply	*ipsec_plan(struct policyd *pd, uint64_t rev,
		    struct ctl_client *ctl);	/* ctl may be NULL */
/* What protects more (early), then what protects less. */
bool	ipsec_carry_out(struct apply *ap, bool early);
void	ipsec_done(struct apply *ap);

/* filter.c */
bool	filter_parse(struct policy_texts *tx, struct pf_conf *pc);
bool	filter_prepare(struct policyd *pd, struct revision *re);
bool	filter_commit(struct policyd *pd, struct revision *re);
/* The rules into a transaction, which CTL_PF_COMMIT ends; an errno. */
int	filter_send(struct ctl_client *cl, const struct pf_conf *pc);
/* Adds what runs as a text. */
bool	filter_found(struct ctl_client *cl, struct policy_texts *tx);

/* netconf.c */
bool	netconf_parse(const struct policy_texts *tx, struct network *ne,
	    struct policy_errors *errs);
bool	netconf_apply(struct policyd *pd, struct revision *re);
/* Makes the interfaces and routes of cl's instance be ne; false: why, `cap' bytes. */
bool	netconf_make(struct ctl_client *cl, const struct network *ne, size_t *changes,
	    char *why, size_t cap);
bool	netconf_found(struct ctl_client *cl, struct policy_texts *tx);

#endif
