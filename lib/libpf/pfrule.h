/* SPDX-License-Identifier: ISC */
/*
 * Rules, tables and states as pfctl(8) and netkern exchange them over the
 * control socket (kern/ctl.h, operations 0x400 and up).
 *
 * Integers are in host byte order, addresses as in libutil/addr.h, names
 * are terminated and zero behind the terminator.  A program may send any
 * bytes: netkern checks every field (pf_rule_check()) before it believes
 * one, and pfctl gets its rules from lib/libpf's parser.
 *
 *	CTL_PF_BEGIN		(nothing)		opens this client's transaction
 *	CTL_PF_RULE		struct pf_rule		appends a rule
 *	CTL_PF_TABLE		struct pf_table_msg	makes a table, or adds to it
 *	CTL_PF_SKIP		struct pf_name		set skip on
 *	CTL_PF_OPTIONS		struct pf_options	timeouts and limits
 *	CTL_PF_COMMIT		(nothing)		all of it, at once
 *	CTL_PF_ABORT		(nothing)
 *
 *	CTL_PF_RULES		(nothing)	-> struct pf_rule_info ...
 *	CTL_PF_STATES		(nothing)	-> struct pf_state_info ...
 *	CTL_PF_TABLES		(nothing)	-> struct pf_table_info ...
 *	CTL_PF_INFO		(nothing)	-> struct pf_info
 *	CTL_PF_LABELS		(nothing)	-> struct pf_label_info ...
 *	CTL_PF_KILL		struct pf_kill	-> struct pf_number
 *	CTL_PF_FLUSH_STATES	(nothing)	-> struct pf_number
 *	CTL_PF_FLUSH_RULES, CTL_PF_CLEAR_COUNTERS	(nothing)
 *	CTL_PF_ENABLE		struct pf_number	1 enables, 0 disables
 *	CTL_PF_TABLE_ADD, _DEL	struct pf_table_msg	-> struct pf_number
 *	CTL_PF_TABLE_SHOW	struct pf_name	-> struct pf_table_entry ...
 *	CTL_PF_TABLE_TEST	struct pf_table_msg	-> struct pf_number
 */
#ifndef LIBPF_PFRULE_H
#define LIBPF_PFRULE_H

#include <stdint.h>

#include "libutil/addr.h"

#define PF_IFNAME_MAX	16
#define PF_TABLE_MAX	32
#define PF_TAG_MAX	64
#define PF_LABEL_MAX	64
#define PF_RULES_MAX	100000		/* in one ruleset */
#define PF_TABLES_MAX	1000
#define PF_ENTRIES_MAX	1000000		/* in one table */
#define PF_SKIP_MAX	64

enum pf_action { PF_PASS = 1, PF_BLOCK };

/* What a block rule answers. */
enum pf_return {
	PF_RETURN_DROP,		/* nothing */
	PF_RETURN_BOTH,		/* RST to TCP, ICMP unreachable to others but ICMP */
	PF_RETURN_RST,		/* RST to TCP */
	PF_RETURN_ICMP		/* ICMP unreachable with pr_ret_code */
};

enum pf_addr_type {
	PF_ADDR_ANY,
	PF_ADDR_PREFIX,		/* pa_prefix */
	PF_ADDR_TABLE,		/* <pa_name> */
	PF_ADDR_SELF,		/* any address of this host, whatever it is at the moment */
	PF_ADDR_IF,		/* (pa_name): any address of that interface */
	PF_ADDR_IFNET,		/* (pa_name:network): any network of that interface */
	PF_ADDR_TYPES
};

enum pf_port_op {
	PF_PORT_ANY,
	PF_PORT_EQ,		/* = a */
	PF_PORT_NE,		/* != a */
	PF_PORT_LT, PF_PORT_LE, PF_PORT_GT, PF_PORT_GE,
	PF_PORT_IN,		/* a >< b: a < port < b */
	PF_PORT_OUT,		/* a <> b: port < a or port > b */
	PF_PORT_RANGE,		/* a:b, both included */
	PF_PORT_OPS
};

struct pf_addr_match {
	uint8_t		pa_type;	/* enum pf_addr_type */
	uint8_t		pa_neg;		/* 1: not this address */
	uint8_t		pa_portop;	/* enum pf_port_op */
	uint8_t		pa_pad;
	uint16_t	pa_port[2];
	struct prefix	pa_prefix;
	char		pa_name[PF_TABLE_MAX];
};

#define PF_LOG_FIRST	1	/* blocked packets and the first of a state */
#define PF_LOG_ALL	2	/* every packet */

struct pf_rule {
	uint8_t		pr_action;	/* enum pf_action */
	uint8_t		pr_dir;		/* enum pf_dir; 0: both */
	uint8_t		pr_quick;
	uint8_t		pr_log;		/* PF_LOG_* */
	uint8_t		pr_af;		/* AF_INET; 0: any */
	uint8_t		pr_proto;	/* 0: any */
	uint8_t		pr_ifneg;
	uint8_t		pr_return;	/* enum pf_return */
	uint8_t		pr_ret_code;	/* ICMP code */
	uint8_t		pr_ret_ttl;	/* of the RST; 0: the default */
	uint8_t		pr_keep;	/* 1: keep state */
	uint8_t		pr_flags;	/* TCP flags: of those in pr_flagset, exactly these */
	uint8_t		pr_flagset;	/* 0: any */
	uint8_t		pr_tagged_neg;
	uint16_t	pr_icmp_type;	/* + 1; 0: any */
	uint16_t	pr_icmp_code;	/* + 1; 0: any */
	uint16_t	pr_tos;		/* + 1; 0: any */
	uint32_t	pr_prob;	/* matches if a random number is below; 0: always */
	uint32_t	pr_line;	/* where it stands in its file */
	char		pr_ifname[PF_IFNAME_MAX];	/* interface or group; "": any */
	struct pf_addr_match pr_src, pr_dst;
	char		pr_label[PF_LABEL_MAX];
	char		pr_tag[PF_TAG_MAX];
	char		pr_tagged[PF_TAG_MAX];
};

#define PF_TABLE_PERSIST	1	/* stays without rules that name it */
#define PF_TABLE_CONST		2	/* only a new ruleset changes it */
#define PF_TABLE_REPLACE	4	/* TABLE_ADD: empty it first */
#define PF_TABLE_KEEP		8	/* in a transaction: has what the table of that name had before */

struct pf_table_entry {
	struct prefix	pe_prefix;
	uint8_t		pe_neg;
	uint8_t		pe_pad[7];
};

/* Followed by pm_n entries, which must be exactly the rest of the record. */
struct pf_table_msg {
	char		pm_name[PF_TABLE_MAX];
	uint32_t	pm_flags;
	uint32_t	pm_n;
};
#define PF_MSG_ENTRIES	1000		/* at most in one message */

struct pf_name {
	char		pn_name[PF_TABLE_MAX];
};

struct pf_number {
	uint64_t	pn_value;
};

/* X(NAME, text, default seconds); the two ADAPTIVE ones are states */
#define PF_TIMEOUTS(X)						\
	X(TCP_FIRST,	"tcp.first",		120)		\
	X(TCP_OPENING,	"tcp.opening",		30)		\
	X(TCP_ESTABLISHED, "tcp.established",	86400)		\
	X(TCP_CLOSING,	"tcp.closing",		900)		\
	X(TCP_FINWAIT,	"tcp.finwait",		45)		\
	X(TCP_CLOSED,	"tcp.closed",		90)		\
	X(UDP_FIRST,	"udp.first",		60)		\
	X(UDP_SINGLE,	"udp.single",		30)		\
	X(UDP_MULTIPLE,	"udp.multiple",		60)		\
	X(ICMP_FIRST,	"icmp.first",		20)		\
	X(ICMP_ERROR,	"icmp.error",		10)		\
	X(OTHER_FIRST,	"other.first",		60)		\
	X(OTHER_SINGLE,	"other.single",		30)		\
	X(OTHER_MULTIPLE, "other.multiple",	60)		\
	X(ADAPTIVE_START, "adaptive.start",	0)		\
	X(ADAPTIVE_END,	"adaptive.end",		0)

enum pf_timeout {
#define X(name, text, def) PF_TM_##name,
	PF_TIMEOUTS(X)
#undef X
	PF_TM_MAX
};
#define PF_TIMEOUT_MAX	(30u * 86400)	/* seconds */

struct pf_options {
	uint32_t	po_timeout[PF_TM_MAX];	/* seconds */
	uint32_t	po_limit_states;	/* 0: what the flow tables hold */
	uint32_t	po_pad;
};

struct pf_counts {
	uint64_t	pc_evals;
	uint64_t	pc_packets[2];		/* in, out, as seen from the rule's interface */
	uint64_t	pc_bytes[2];
	uint64_t	pc_states;		/* at the moment */
	uint64_t	pc_created;
};

struct pf_rule_info {
	struct pf_rule	 ri_rule;
	uint32_t	 ri_nr;
	uint32_t	 ri_pad;
	struct pf_counts ri_counts;
};

struct pf_label_info {
	char		 li_label[PF_LABEL_MAX];
	struct pf_counts li_counts;
};

struct pf_state_info {
	struct addr	si_src, si_dst;		/* of the originator's packets */
	uint16_t	si_sport, si_dport;	/* host order; ICMP: the identifier */
	uint8_t		si_proto;
	uint8_t		si_local;		/* 1: this host opened it, 2: it ends here */
	uint8_t		si_peer[2];		/* state of each end: TCP enum, or traffic seen */
	uint8_t		si_protected[2];	/* packets of the direction are sealed (out) */
	uint8_t		si_came[2];		/* they came through an SA */
	uint16_t	si_worker;
	uint32_t	si_rule_in, si_rule_out;	/* number + 1; 0: none */
	uint32_t	si_age_s, si_expires_s;
	uint32_t	si_seqlo[2], si_seqhi[2];
	uint8_t		si_wscale[2];
	uint8_t		si_pad[6];
	uint64_t	si_id;
	uint64_t	si_packets[2], si_bytes[2];
	char		si_ifname[PF_IFNAME_MAX];
	char		si_tag[PF_TAG_MAX];
};

/*
 * CTL_PF_STATES answers one state a record, or, if the request has a body (a
 * struct pf_number), up to so many.
 */
#define PF_MSG_STATES	250

struct pf_table_info {
	char		ti_name[PF_TABLE_MAX];
	uint32_t	ti_flags;
	uint32_t	ti_rules;		/* that name it */
	uint64_t	ti_entries;
};

struct pf_info {
	uint64_t	in_enabled;
	uint64_t	in_since_s;		/* of the status */
	uint64_t	in_states, in_limit, in_capacity;
	uint64_t	in_searches, in_inserts, in_removals;
	uint64_t	in_match, in_default, in_short, in_state_limit, in_window, in_icmp_state;
	uint64_t	in_rules, in_tables, in_serial;
	struct pf_options in_options;
};

/* Prefixes with pr_addr.ad_af 0 match all; pk_label "" too. */
struct pf_kill {
	struct prefix	pk_src, pk_dst;
	char		pk_label[PF_LABEL_MAX];
	uint64_t	pk_id;			/* 0: any */
};

#endif
