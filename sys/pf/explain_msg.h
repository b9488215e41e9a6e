/* SPDX-License-Identifier: ISC */
/*
 * CTL_EXPLAIN: a described packet, and what would become of it.
 *
 * The request is one struct explain_req; the answer one struct explain_info.
 * Integers in host byte order.  What a field of the request leaves at zero
 * has a default: time to live 64, the smallest size that the protocol has.
 */
#ifndef PF_EXPLAIN_MSG_H
#define PF_EXPLAIN_MSG_H

#include "kern/ctl.h"
#include "libpf/pfrule.h"

#define EXPLAIN_IN	1
#define EXPLAIN_OUT	2		/* made by this host; er_ifname "" */

#define EXPLAIN_NAME	64
#define EXPLAIN_RULES	6
#define EXPLAIN_ANSWERS	2

#define EXPLAIN_F_DF	0x01		/* must not be fragmented */
#define EXPLAIN_F_BCAST	0x02		/* in a frame for all stations */
#define EXPLAIN_F_MORE	0x04		/* a fragment, and not the last */
#define EXPLAIN_F_SPI	0x08		/* came through the SA of er_spi */
#define EXPLAIN_F_NAME	0x10		/* came through the SA named er_name */
#define EXPLAIN_F_FLAGS	0x20		/* er_tcpflags is given; else SYN */
#define EXPLAIN_F_ALL	0x3f

struct explain_req {
	uint8_t		er_dir;		/* EXPLAIN_IN, EXPLAIN_OUT */
	uint8_t		er_proto;
	uint8_t		er_ttl, er_tos;
	uint8_t		er_tcpflags;
	uint8_t		er_icmp_type, er_icmp_code;
	uint8_t		er_flags;	/* EXPLAIN_F_* */
	uint16_t	er_sport, er_dport;	/* ICMP queries: er_sport is the identifier */
	uint16_t	er_size;	/* bytes from the IP header on; 0: the smallest */
	uint16_t	er_off;		/* bytes before this fragment, a multiple of 8 */
	uint32_t	er_spi;
	uint32_t	er_pad;
	struct addr	er_src, er_dst;	/* IPv4 */
	char		er_ifname[CTL_NAME];
	char		er_name[EXPLAIN_NAME];
};

enum explain_verdict {
	EXPLAIN_DROPPED,	/* ei_drop says why */
	EXPLAIN_DELIVERED,	/* to this host */
	EXPLAIN_FORWARDED,	/* leaves in clear */
	EXPLAIN_PROTECTED,	/* leaves through ei_sa_out */
	EXPLAIN_HELD,		/* waits for an SA */
	EXPLAIN_FRAGMENT,	/* waits for the other fragments */
	EXPLAIN_VERDICTS
};

/* enum sp_action, and what is none */
#define EXPLAIN_SP_NOT_ASKED	0xff
#define EXPLAIN_SP_NONE		0xfe

/* What a policy that protects does without an SA: ipsec.conf(5)'s types. */
enum explain_type { EXPLAIN_REQUIRE, EXPLAIN_DONTACQ, EXPLAIN_ACQUIRE, EXPLAIN_USE };

struct explain_policy {
	uint8_t		ep_action;	/* enum sp_action, EXPLAIN_SP_* */
	uint8_t		ep_type, ep_mode, ep_protects;	/* ep_type: enum explain_type */
	uint32_t	ep_id;
	char		ep_name[EXPLAIN_NAME];
};

struct explain_sa {
	uint32_t	es_spi;		/* 0: none */
	uint32_t	es_id;
	struct addr	es_src, es_dst;
	char		es_name[EXPLAIN_NAME];
};

struct explain_rule {
	uint8_t		ex_dir;		/* 1 in, 2 out */
	uint8_t		ex_pass;
	uint8_t		ex_state;	/* keeps state */
	uint8_t		ex_outer;	/* asked about the outer packet */
	uint32_t	ex_nr;		/* number + 1; 0: no rule matched */
	char		ex_ifname[CTL_NAME];
	struct pf_rule	ex_rule;	/* if ex_nr is not 0 */
};

struct explain_answer {
	uint8_t		ea_proto;	/* 1 ICMP, 6 an RST */
	uint8_t		ea_type, ea_code, ea_pad;
	uint16_t	ea_mtu;		/* of ICMP 3 code 4 */
	uint16_t	ea_pad2;
};

enum explain_state {
	EXPLAIN_ST_NONE,	/* none, and none would be made */
	EXPLAIN_ST_NEW,		/* would be made */
	EXPLAIN_ST_KNOWN,	/* exists, and this packet is of it */
	EXPLAIN_ST_MEMORY	/* a decision is remembered, but no state kept */
};

enum explain_hop {
	EXPLAIN_HOP_NONE,	/* no neighbour is concerned */
	EXPLAIN_HOP_RESOLVED,
	EXPLAIN_HOP_ASK,	/* would be asked for, the packet waits */
	EXPLAIN_HOP_WAIT,	/* is being asked for */
	EXPLAIN_HOP_FAILED	/* does not answer */
};

struct explain_info {
	uint8_t		ei_verdict;	/* enum explain_verdict */
	uint8_t		ei_state;	/* enum explain_state */
	uint8_t		ei_dir;		/* 0: the originator's direction of the state */
	uint8_t		ei_remembered;	/* nothing was asked: the state's decision is in force */
	uint8_t		ei_local;	/* for this host: 1 netkern's own services, 2 Linux (net/host.h) */
	uint8_t		ei_routed;	/* ei_route is filled */
	uint8_t		ei_hop;		/* enum explain_hop */
	uint8_t		ei_acquire;	/* of HELD: 1 an ACQUIRE would be raised, 0 one is under way */
	uint8_t		ei_nrules, ei_nanswers;
	uint8_t		ei_forwarding;	/* this host forwards */
	uint8_t		ei_dice;	/* rules with a probability are loaded */
	uint16_t	ei_drop;	/* enum drop_reason; if not DROPPED: of some pieces */
	uint16_t	ei_len;		/* of the packet, bytes */
	uint16_t	ei_mtu;		/* for it; 0: did not come so far */
	uint16_t	ei_wire_mtu;	/* of what leaves (sealed, if so) */
	uint16_t	ei_packets;	/* frames that would leave */
	uint16_t	ei_longest;	/* of them, from the IP header on */
	uint64_t	ei_state_id;
	char		ei_drop_name[24];	/* "SPD_CLEAR" */
	char		ei_drop_area[8];
	char		ei_drop_text[80];
	struct explain_policy ei_in, ei_out;
	struct explain_sa ei_came, ei_sa_out;
	struct ctl_route ei_route;
	struct ctl_neigh ei_neigh;
	char		ei_oif[CTL_NAME];
	struct explain_rule ei_rule[EXPLAIN_RULES];
	struct explain_answer ei_answer[EXPLAIN_ANSWERS];
};

#endif
