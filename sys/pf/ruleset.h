/* SPDX-License-Identifier: ISC */
/*
 * A compiled ruleset, shared by the files of this folder.
 *
 * Skip steps.  For each rule and each of the criteria that packets differ
 * in, cr_skip says which later rule is the first with another value of it.
 * A packet that fails a rule on a criterion fails all rules before that one
 * too, so the walk continues there.
 */
#ifndef PF_RULESET_H
#define PF_RULESET_H

#include "pf/pfvar.h"

enum pf_skip {
	SKIP_IF, SKIP_DIR, SKIP_AF, SKIP_PROTO,
	SKIP_SRC, SKIP_SPORT, SKIP_DST, SKIP_DPORT,
	SKIP_MAX
};

/* An end of a rule as it is compared. */
struct pf_cmatch {
	uint8_t			 cm_type, cm_neg, cm_portop, cm_pad;
	uint16_t		 cm_port[2];
	uint32_t		 cm_addr, cm_mask;	/* PREFIX, network order */
	const struct pf_table	*cm_table;
	const char		*cm_name;		/* IF, IFNET */
};

struct pf_crule {
	uint32_t		 cr_skip[SKIP_MAX];
	uint8_t			 cr_action, cr_dir, cr_af, cr_proto;
	uint8_t			 cr_flags, cr_flagset, cr_quick, cr_ifneg;
	uint16_t		 cr_icmp_type, cr_icmp_code, cr_tos;
	uint16_t		 cr_tag, cr_tagged;
	uint8_t			 cr_tagged_neg;
	uint8_t			 cr_if;		/* number of its interface name; IF_ANY, IF_MANY */
	uint32_t		 cr_prob;
	struct pf_cmatch	 cr_src, cr_dst;
	const struct pf_rule	*cr_rule;
};

/* Interface names of a ruleset are numbered, so that a walk compares each only once. */
#define IF_NUMBERED	64
#define IF_ANY		0xff
#define IF_MANY		0xfe		/* more names than numbers: compared each time */

struct pf_rule_count {
	uint64_t	rc_packets[2], rc_bytes[2], rc_states, rc_created;
};

struct pf_ruleset {
	struct pf_set		 rs_set;	/* rules and tables, owned */
	struct pf_crule		*rs_rule;
	uint32_t		 rs_n;
	uint32_t		 rs_serial;
	uint8_t			 rs_nifs;
	uint32_t		 rs_ifrule[IF_NUMBERED];	/* the first rule with the name */
	bool			 rs_random;	/* some rule has a probability */
	struct pf_rule_count	*rs_count;	/* by rule */
	uint64_t		*rs_evals;
	const struct if_table	*rs_ifs;
};

/* The throw of a rule's own die: pd_rand is one number a packet, rules must not share it. */
static inline uint32_t
pf_dice(uint32_t pd_rand, uint32_t nr)
{
	uint64_t x = ((uint64_t)pd_rand << 32 | nr) + 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(x >> 32);
}

/* The walk itself; evals may be NULL. */
void	pf_walk(const struct pf_ruleset *, const struct pf_pdesc *, struct pf_verdict *,
    uint64_t *evals);

#endif
