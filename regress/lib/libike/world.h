/* SPDX-License-Identifier: ISC */
/*
 * A small world for tests of libike: two IKE endpoints, a model of each one's
 * kernel and authentication process, virtual time, and a wire that loses,
 * repeats, delays and reorders, all from one seed.
 *
 *	end 0 (192.0.2.1)  ---- [NAT] ---- wire ---- end 1 (198.51.100.1)
 *
 * Traffic: each end sends a marked packet at w_traffic_ms on the newest
 * outbound SA that its kernel has.  A packet that arrives after a delay for an
 * SA that the other kernel does not have, or has with other keys, is lost and
 * counted: in a rekey there must be none.
 */
#ifndef REGRESS_WORLD_H
#define REGRESS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libike/ike.h"

#define WORLD_SAS	64

struct world;

struct world_sa {
	bool		ws_used;
	uint64_t	ws_order;
	uint64_t	ws_last;	/* of its last packet; 0: none */
	struct ike_esp_sa ws_sa;
};

struct world_end {
	struct world	*we_world;
	int		 we_index;
	struct ike	*we_ike;
	uint64_t	 we_rand;	/* state of its randomness */
	struct addr	 we_addr;
	const char	*we_psk;
	uint32_t	 we_next_spi;
	struct world_sa	 we_sas[WORLD_SAS];
	unsigned	 we_events[16];	/* by type */
	unsigned	 we_reasons[IKE_R_COUNT];	/* of any event */
	unsigned	 we_strangers;	/* events of strangers */
	enum ike_reason	 we_reason;	/* of the last failure or end */
	char		 we_text[IKE_TEXT_MAX];
	unsigned	 we_larval;	/* SPIs given and not yet used */
	unsigned	 we_seen_asked;	/* IKE_ACT_SEEN */
	bool		 we_no_spi;	/* the kernel gives none */
	bool		 we_mute;	/* authentication does not answer */
	unsigned	 we_sent, we_sent_bytes, we_received_bytes;
};

struct world_event;

/* A wire without accidents has all zeroes but delay. */
struct world_wire {
	unsigned	wi_loss;	/* percent, each way */
	unsigned	wi_dup;		/* percent */
	unsigned	wi_delay_ms;	/* at least */
	unsigned	wi_jitter_ms;	/* and up to so much more */
	unsigned	wi_answer_ms;	/* kernel and authentication: up to */
};

struct world {
	uint64_t	w_now;
	uint64_t	w_seed, w_rand;
	struct world_wire w_wire;
	struct world_end w_end[2];
	struct world_event *w_events;	/* sorted by time */
	uint64_t	w_order;
	/* NAT in front of end 0: its address outside, and a port offset. */
	bool		w_nat;
	struct addr	w_nat_addr;
	uint16_t	w_nat_port;	/* added to end 0's ports */
	uint64_t	w_traffic_ms;	/* 0: none */
	unsigned	w_delivered, w_lost, w_unsent;
	/* Sees each datagram; false drops it.  May be NULL. */
	bool		(*w_tap)(struct world *w, int from,
			    const struct ike_datagram *dg);
	void		*w_arg;
	bool		w_verbose;
	unsigned	w_broken;	/* checks of the models that failed */
};

/* Policies are set by world_policy(). */
void	world_init(struct world *w, uint64_t seed, const struct ike_conf *cf);
void	world_free(struct world *w);
uint64_t world_random(struct world *w);
/* A default configuration of the core, with the callbacks of end i. */
void	world_conf(struct world *w, int i, struct ike_conf *cf);

/* "site": a tunnel between 10.0.i.0/24; children as given by n. */
struct world_policy {
	struct ike_policy	wp_policy;
	struct ike_child_conf	wp_children[4];
};
void	world_policy_default(const struct world *w, int i,
	    struct world_policy *wp);
bool	world_policy_set(struct world *w, int i, struct world_policy *wp);

/* Until nothing is due up to `until', or for ms from now. */
void	world_run_until(struct world *w, uint64_t until);
void	world_run(struct world *w, uint64_t ms);
/* Until both ends have a pair up; false after ms. */
bool	world_run_up(struct world *w, uint64_t ms);
/* Policies for both, the second end first, and a pair up within five minutes. */
bool	world_meet(struct world *w, struct world_policy *left,
	    struct world_policy *right);
/* Does what the core of this end wants done. */
void	world_drain(struct world *w, int i);
/* Hands a datagram to end i at once, as if from the other end. */
void	world_inject(struct world *w, int i, const void *p, size_t n,
	    bool natt);

unsigned world_sas(const struct world_end *we, bool inbound);
/*
 * The state that must be left when all is quiet: n pairs, keys agreed, objects
 * as few as can be.  Returns NULL or what is wrong.
 */
const char *world_check(const struct world *w, unsigned n);
/* All policies go, and with them every object: NULL, or what is left. */
const char *world_end(struct world *w);

#endif
