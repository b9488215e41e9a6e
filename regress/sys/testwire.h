/* SPDX-License-Identifier: ISC */
/*
 * A world of routers in one process: virtual time, wires made of lists,
 * everything from one seed.  Tests and simulators link testwire.c.
 *
 *	struct world *wo = world_new(seed);
 *	struct nk *a = world_router(wo, "a", 1), *b = world_router(wo, "b", 1);
 *	struct ifnet *a0 = world_if(wo, a, "em0", "10.0.0.1/24", 1500);
 *	struct ifnet *b0 = world_if(wo, b, "em0", "10.0.0.2/24", 1500);
 *
 *	world_link(wo, a0, b0, (struct wire){ .wi_loss = 20 });
 *	... send something ...
 *	world_run(wo, 5 * NSEC_PER_SEC);
 *	world_free(wo);
 *
 * An interface that is linked to nothing is an open end: what it sends waits
 * for wire_take(), and wire_put() is what its station sends.
 *
 * Not for several threads.
 */
#ifndef REGRESS_SYS_TESTWIRE_H
#define REGRESS_SYS_TESTWIRE_H

#include "kern/nk.h"
#include "net/if.h"

#define WORLD_START	(1000 * NSEC_PER_SEC)	/* now_ns of a new world */
#define WORLD_WALL	1700000000
#define WIRE_FRAME_MAX	(65536 + 64)

/* What a wire does to frames, each way. Chances in thousandths. */
struct wire {
	unsigned	wi_loss, wi_dup, wi_corrupt;
	uint64_t	wi_delay_ns;
	unsigned	wi_mtu;		/* longer packets vanish without a word; 0: none */
	bool		wi_nofrag;	/* fragments of IPv4 do, too */
	uint64_t	wi_jitter_ns;	/* more than the gap between frames reorders them */
};

struct world;

/* The same seed gives the same world, step by step. */
struct world	*world_new(uint64_t seed);
/* Frees routers, wires and all. */
void		 world_free(struct world *);
/* Deterministic random number. */
uint64_t	 world_rand(struct world *);
uint64_t	 world_now(const struct world *);
struct clock_now world_clock(const struct world *);

/* A router with that many workers; ends the program if nk_new() fails. */
struct nk	*world_router(struct world *, const char *name, unsigned workers);
/* The same with more to say; nc_rand and nc_log are the world's. */
struct nk	*world_router_conf(struct world *, const char *name, struct nk_conf);
/* An interface that is up. cidr NULL: no address. */
struct ifnet	*world_if(struct world *, struct nk *, const char *name, const char *cidr,
    unsigned mtu);
/* A route over a gateway: "10.2.0.0/16" via "10.0.0.2". */
void		 world_route(struct nk *, const char *dst, const char *gw);
void		 world_link(struct world *, struct ifnet *, struct ifnet *, struct wire);
/* Changes what a linked interface's wire does, both ways. */
void		 world_wire(struct world *, struct ifnet *, struct wire);

/* Called for each frame that enters a wire, before loss. */
void		 world_tap(struct world *, void (*fn)(void *arg, struct ifnet *from,
		    const uint8_t *frame, size_t len), void *arg);

/* Everything that happens within the next ns nanoseconds. */
void		 world_run(struct world *, uint64_t ns);
/* Everything that happens without time passing. */
void		 world_settle(struct world *);

/* A frame from the station at an open end; wire_put_now() also lets it be handled. */
void		 wire_put(struct ifnet *, const void *frame, size_t len);
void		 wire_put_now(struct world *, struct ifnet *, const void *frame, size_t len);
/* The oldest frame that waits at an open end: its length, or 0 if none. */
size_t		 wire_take(struct ifnet *, void *frame, size_t cap);
/* How many wait. */
unsigned	 wire_waiting(const struct ifnet *);
void		 wire_flush(struct ifnet *);

/* Packet buffers of all workers that are not free. */
unsigned	 world_busy(const struct nk *);
uint64_t	 world_drops(const struct nk *, enum drop_reason);
uint64_t	 world_count(const struct nk *, enum counter);
/* Prints every counter and drop that is not zero. */
void		 world_print(const struct nk *);

#endif
