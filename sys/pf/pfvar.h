/* SPDX-License-Identifier: ISC */
/*
 * Rules, tables and their evaluation.  pf_test() is pure: it reads a ruleset
 * and a described packet and says what would happen, so that the packet
 * path, pfctl and explain all ask the same code.
 *
 * Rules are made by lib/libpf from pf.conf(5), sent by pfctl(8) in one
 * transaction, checked here again, and published whole.
 */
#ifndef PF_PFVAR_H
#define PF_PFVAR_H

#include "kern/nk.h"
#include "net/if.h"

struct pf_rule;			/* libpf/pfrule.h: shared with pfctl */
struct pf_ruleset;

enum pf_dir { PF_IN = 1, PF_OUT = 2 };

/* A packet as rules see it. */
struct pf_pdesc {
	enum pf_dir		 pd_dir;
	const struct ifnet	*pd_ifp;	/* enc0 for what is about to be sealed or was opened */
	struct flow_key		 pd_key;
	uint8_t			 pd_tcpflags;
	uint8_t			 pd_icmp_type, pd_icmp_code;
	uint8_t			 pd_tos;
	uint16_t		 pd_len;	/* network packet */
	uint16_t		 pd_tag;
	uint32_t		 pd_rand;	/* for probability */
};

struct pf_verdict {
	bool		pv_pass;
	bool		pv_log;
	bool		pv_state;	/* keep state (default for pass) */
	uint8_t		pv_return;	/* block return: RST or ICMP unreachable */
	uint16_t	pv_tag;		/* tag after the rules */
	uint32_t	pv_rule;	/* number + 1 of the deciding rule; 0: default */
};

int	pf_init(struct nk *);
void	pf_fini(struct nk *);
/* nk_lock held (or on a ruleset that the caller holds). Counts nothing. */
void	pf_test(const struct pf_ruleset *, const struct pf_pdesc *, struct pf_verdict *);
/* The ruleset in force. */
const struct pf_ruleset *pf_active(struct nk *);
/* Adds the packet to the counters of the rules of a verdict. */
void	pf_count(struct nk *, struct worker *, const struct pf_verdict *, uint32_t bytes);

#endif
