/* SPDX-License-Identifier: ISC */
/*
 * The control socket netkern.sock (SOCK_SEQPACKET): what ifconfig, route,
 * netstat, pfctl and sysctl ask.  One request record, then answer records:
 * any number with a body each, and a last one with CTL_F_END and no body but
 * the text of an error.  Integers in host byte order,
 * addresses as in libutil/addr.h; bodies are fixed structures of this
 * header, so that both ends are built from it.
 *
 * Operations stand in dispatch tables, one a module: the number, the least
 * and the most body length, whether it needs privilege (effective user 0 or
 * the owner of the socket, by peer credentials).  A request that does not
 * fit gets an errno and the connection lives on.
 */
#ifndef KERN_CTL_H
#define KERN_CTL_H

#include <stdint.h>

#include "kern/counter.h"
#include "kern/drop.h"
#include "libutil/addr.h"
#include "libutil/cur.h"

#define CTL_VERSION	1
#define CTL_MSG_MAX	65536
#define CTL_F_END	0x0001

struct ctl_hdr {
	uint16_t	ch_version;	/* CTL_VERSION */
	uint16_t	ch_op;
	uint16_t	ch_flags;
	uint16_t	ch_errno;	/* last answer: 0 or errno; then the body is a text for the user */
	uint32_t	ch_seq;		/* echoed */
	uint32_t	ch_pad;
};

enum ctl_op {
	/* interfaces: 0x100 */
	CTL_IF_CREATE = 0x100, CTL_IF_DESTROY, CTL_IF_LIST, CTL_IF_ADDR_ADD, CTL_IF_ADDR_DEL,
	CTL_IF_FLAGS, CTL_IF_MTU, CTL_IF_DESCR, CTL_CAPTURE,
	/* routes and neighbours: 0x200 */
	CTL_RT_ADD = 0x200, CTL_RT_DELETE, CTL_RT_GET, CTL_RT_LIST, CTL_RT_FLUSH,
	CTL_ARP_LIST, CTL_ARP_SET, CTL_ARP_DELETE,
	/* numbers: 0x300 */
	CTL_COUNTERS = 0x300, CTL_SYSCTL_GET, CTL_SYSCTL_SET, CTL_SYSCTL_LIST, CTL_WORKERS,
	/* packet filter: 0x400, bodies in libpf/pfrule.h */
	CTL_PF_BEGIN = 0x400, CTL_PF_RULE, CTL_PF_TABLE, CTL_PF_SKIP, CTL_PF_COMMIT, CTL_PF_ABORT,
	CTL_PF_RULES, CTL_PF_STATES, CTL_PF_TABLES, CTL_PF_INFO, CTL_PF_LABELS,
	CTL_PF_FLUSH_STATES, CTL_PF_FLUSH_RULES, CTL_PF_CLEAR_COUNTERS, CTL_PF_KILL, CTL_PF_ENABLE,
	CTL_PF_TABLE_ADD, CTL_PF_TABLE_DEL, CTL_PF_TABLE_SHOW, CTL_PF_TABLE_TEST, CTL_PF_OPTIONS,
	/* what the data plane says of one packet: 0x500, bodies in pf/explain_msg.h */
	CTL_EXPLAIN = 0x500,
	/* what tunnels have carried: 0x600; SAs without their keys */
	CTL_IPSEC_TOTALS = 0x600, CTL_IPSEC_SAS
};

/* ---- the netkern side ---- */

struct nk;
struct clock_now;

/* Answers of one request are collected here and sent by the shell. */
struct ctl_reply {
	/* One record: a body for the request's op. 0, ENOBUFS when the client is gone, EMSGSIZE. */
	int	(*cr_put)(struct ctl_reply *, const void *body, size_t len);
	void	*cr_arg;
	char	 cr_err[256];		/* text for a non-zero return */
};

struct ctl_request {
	const struct ctl_hdr	*cq_hdr;
	struct cur		 cq_body;
	uint64_t		 cq_client;	/* identity of the connection, for transactions */
	int			 cq_fd;		/* came along; -1: none. Who keeps it dup()s it */
};

struct ctl_entry {
	uint16_t	 ce_op;
	bool		 ce_privileged;
	uint32_t	 ce_min, ce_max;	/* body bytes */
	int		(*ce_fn)(struct nk *, struct clock_now, struct ctl_request *, struct ctl_reply *);
};

/* A module's table, ended by ce_fn NULL; called from its init. nk_lock is held in ce_fn. */
int	ctl_register(struct nk *, const struct ctl_entry *);
/* Told when a connection ends, to abort its transaction. */
int	ctl_register_close(struct nk *, void (*fn)(struct nk *, uint64_t client));

/* ---- bodies ---- */

#define CTL_NAME	16

struct ctl_if {			/* CREATE, ADDR_*, FLAGS, MTU, DESCR, DESTROY, and LIST's answers */
	char		ci_name[CTL_NAME];
	char		ci_driver[CTL_NAME];
	char		ci_arg[64];
	char		ci_descr[64];
	uint16_t	ci_index, ci_flags, ci_caps, ci_mtu;
	uint8_t		ci_mac[6];
	uint8_t		ci_naddrs;
	uint8_t		ci_plen[16];
	uint8_t		ci_most;	/* MTU: or less, if the device takes no more; LIST: it does not */
	struct addr	ci_addr[16];
	uint64_t	ci_ipackets, ci_ibytes, ci_idrops, ci_opackets, ci_obytes, ci_odrops;
	char		ci_mode[32];		/* how the driver works, "xdp copy"; "": no choice */
};

struct ctl_route {
	struct prefix	cr_dst;
	struct addr	cr_gw;
	char		cr_ifname[CTL_NAME];
	uint16_t	cr_flags, cr_mtu;
	uint8_t		cr_prio, cr_pad[3];
};

struct ctl_neigh {
	struct addr	cn_addr;
	char		cn_ifname[CTL_NAME];
	uint8_t		cn_mac[6];
	uint8_t		cn_state, cn_permanent;
	uint64_t	cn_expires_s;
};

struct ctl_counter {		/* CTL_COUNTERS' answers: drops and counters, summed over workers */
	char		cc_area[8];
	char		cc_name[24];
	char		cc_text[64];
	uint64_t	cc_value;
	uint8_t		cc_is_drop, cc_pad[7];
};

/*
 * CTL_IPSEC_TOTALS' answers, one a reqid: all SAs since the network kernel started,
 * so that a rekey changes nothing.  Inner packets and bytes as SAs count them.
 */
struct ctl_ipsec_total {
	uint32_t	ct_reqid;
	uint32_t	ct_in_sas, ct_out_sas;	/* installed now */
	uint32_t	ct_pad;
	uint64_t	ct_in_packets, ct_in_bytes, ct_in_drops;
	uint64_t	ct_out_packets, ct_out_bytes, ct_out_drops;
};

struct ctl_sa {			/* CTL_IPSEC_SAS' answers: mature and dying ones */
	uint32_t	cs_spi;
	uint32_t	cs_reqid;
	uint8_t		cs_in, cs_dying, cs_tunnel, cs_natt, cs_worker;
	uint8_t		cs_pad[3];
	struct addr	cs_src, cs_dst;
	uint64_t	cs_packets, cs_bytes, cs_drops;
	uint64_t	cs_added, cs_last;	/* dates; cs_last 0: no packet yet */
	char		cs_name[64];
};

struct ctl_sysctl {
	char		cs_name[64];
	char		cs_value[128];
	char		cs_descr[128];
	uint8_t		cs_writable, cs_pad[7];
};

/* CTL_CAPTURE: start with the descriptor that comes along, or stop without. */
struct ctl_capture {
	char		cx_ifname[CTL_NAME];
	uint32_t	cx_snaplen;	/* bytes; 0: all */
	uint32_t	cx_pad;
};

struct ctl_worker {		/* CTL_WORKERS' answers */
	uint32_t	cw_id;
	int32_t		cw_cpu;		/* -1: not bound */
	uint32_t	cw_small, cw_small_free;	/* packet buffers, as last seen */
	uint32_t	cw_large, cw_large_free;
	uint32_t	cw_frames, cw_frames_free;	/* of AF_XDP; those posted count as used */
	uint64_t	cw_flows;
	uint64_t	cw_turns, cw_busy_turns, cw_sleeps;
};

#endif
