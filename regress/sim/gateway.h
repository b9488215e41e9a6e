/* SPDX-License-Identifier: ISC */
/*
 * Two whole gateways in one process, for tests of many histories: network kernel,
 * key socket, UDP service, ike process and IKE core of each are the objects that
 * run in the router.  Virtual time, and a wire between them, come from one seed.
 *
 *	station A -- [lan0 A wan0] ==== wire ==== [wan0 B lan0] -- station B
 */
#ifndef REGRESS_SIM_GATEWAY_H
#define REGRESS_SIM_GATEWAY_H

#include <sys/queue.h>

#include "../../sbin/iked/ikeproc.h"
#include "../sys/testwire.h"
#include "netinet/udp.h"
#include "netipsec/ipsec.h"
#include "netkey/key.h"

#define STEP_NS		(2 * NSEC_PER_MSEC)
#define PSK		"a-key-of-decent-length"
#define PACKETS_MAX	20000

struct note {			/* what waits for the ike process */
	STAILQ_ENTRY(note)	 no_link;
	enum { NOTE_KEY, NOTE_UDP, NOTE_AUTH } no_type;
	struct udp_msg		 no_um;
	uint32_t		 no_imsg, no_id;
	size_t			 no_len;
	uint8_t			 no_data[];
};
STAILQ_HEAD(notes, note);

struct gateway {
	const char		*g_name;
	struct sim		*g_sim;
	struct gateway		*g_peer;
	struct nk		*g_nk;
	struct ifnet		*g_lan, *g_wan;
	struct key_socket	 g_ks;
	struct udp_client	 g_uc;
	struct ikeproc		 g_ip;
	struct ikeio		 g_io;
	struct notes		 g_notes;
	const char		*g_psk;		/* NULL: PSK */
	unsigned		 g_key_lost;	/* of 1000 messages to the key socket */
	bool			 g_key_full;	/* it takes none */
	uint8_t			 g_net;		/* 10.g_net.0.0/24 */
	uint32_t		 g_reqid;	/* of rule "t" */
	struct iked_set		 g_set;		/* of the next policy */
	unsigned		 g_sent;
	unsigned		 g_first;	/* packets before it may be lost */
	unsigned		 g_got;
	uint8_t			 g_seen[PACKETS_MAX];
	unsigned		 g_ups, g_downs;
	unsigned		 g_events[16];	/* by type */
	struct ike_event	 g_event;	/* the last one */
	bool			 g_last_up;	/* the last event of a child: up, not down */
};

struct sim {
	uint64_t		 s_seed;
	struct world		*s_wo;
	struct gateway		 s_gw[2];
	bool			 s_lossy;
	unsigned		 s_clear;	/* frames in clear on the wire */
	unsigned		 s_bad;		/* what must not be: printed when found */
	bool			 s_verbose;
};

extern const uint8_t station_mac[6];

/* Prints what must not be, and counts it. */
void	bad(struct sim *s, const char *what, const char *who, unsigned long n);
/* Both gateways, in a world from this seed; the wire is for the test to link. */
struct sim *sim_new(uint64_t seed);
void	sim_free(struct sim *s);
/* Its policy: rules of iked.conf.  What iked cannot do is shown as blocked. */
void	gateway_policy(struct gateway *g, const char *text, uint64_t revision);
/* The one rule "t" between both LANs, active or passive, and more words. */
void	gateway_rule(struct gateway *g, const char *how, const char *more, uint64_t revision);
/* SPD entries of rule "t" between both LANs, sockets, and go. */
void	gateway_start(struct gateway *g);
/* What waits for the ike process, and its timers. */
void	gateway_turn(struct gateway *g);
uint64_t gateway_ms(const struct gateway *g);
void	gateway_command(struct gateway *g, enum ike_command cmd);
/* A message to the key socket as another program would send it. */
void	gateway_key_message(struct gateway *g, struct pfkey_msg *m, uint32_t pid);

#endif
