/* SPDX-License-Identifier: ISC */
/*
 * One instance of the network kernel, and its workers.
 *
 * Everything that the protocol code knows hangs off a struct nk: there are
 * no globals, so that a simulation holds many routers in one process.
 *
 * Threads.  The control thread owns configuration; each worker owns its
 * pools, flows, wheel, counters and the SAs anchored to it.  nk_lock
 * serialises every slow path: configuration, flow misses, neighbours, ICMP
 * errors, reassembly, the UDP service and the key socket.  The fast path
 * (a packet of a known flow) takes no lock: what it reads is either its
 * worker's own, or published (kern/epoch.h) and stamped with nk_gen.
 *
 * nk_gen is bumped, under nk_lock, by whatever could change a decision that
 * a flow holds: rules' effect on routes, routes, addresses, policies,
 * interfaces.  SAs have their own stamp in the policy (sp_sagen), so that a
 * rekey of one tunnel touches no other's flows.
 */
#ifndef KERN_NK_H
#define KERN_NK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/clock.h"
#include "kern/counter.h"
#include "kern/drop.h"
#include "kern/epoch.h"
#include "kern/pkt.h"
#include "kern/ring.h"
#include "kern/timer.h"

#define NK_WORKERS_MAX	EPOCH_WORKERS

struct worker_job;

struct arp;		/* net/arp.h */
struct capture;		/* net/capture.h */
struct ctl;		/* kern/ctl.h */
struct explain;		/* pf/explain.h */
struct fib;		/* net/fib.h */
struct flow_table;	/* pf/flow.h */
struct frag_table;	/* netinet/frag.h */
struct frames;		/* kern/frames.h */
struct if_table;	/* net/if.h */
struct key;		/* netkey/key.h */
struct pf;		/* pf/pfvar.h */
struct sad;		/* netipsec/sad.h */
struct spd;		/* netipsec/spd.h */
struct sysctl;		/* kern/sysctl.h */
struct udp_service;	/* netinet/udp.h */
struct xform_ctx;	/* crypto/xform.h */

struct nk_conf {
	unsigned	nc_workers;	/* 1..NK_WORKERS_MAX */
	unsigned	nc_small;	/* small packet buffers a worker; 0: default */
	unsigned	nc_large;	/* super-packet buffers a worker; 0: default */
	unsigned	nc_flows;	/* states a worker can hold; 0: default */
	void		(*nc_rand)(void *arg, void *buf, size_t n);
	void		*nc_rand_arg;
	void		(*nc_log)(void *arg, int pri, const char *msg);	/* NULL: none */
	void		*nc_log_arg;
	const char	*nc_engine;	/* crypto engine by name; NULL: the best */
};

/* Per-worker state of one interface's counters, see net/if.h. */
struct worker {
	struct nk		*w_nk;
	unsigned		 w_id;
	struct clock_now	 w_now;		/* set at the top of the loop */
	struct wheel		 w_wheel;
	struct flow_table	*w_flows;
	struct frag_table	*w_frags;
	struct xform_ctx	*w_xform;
	struct pkt_pool		*w_pool;
	uint64_t		 w_drop[DROP_MAX];
	uint64_t		 w_count[CNT_MAX];
	struct ring		*w_in[NK_WORKERS_MAX];	/* from each other worker */
	pthread_t		 w_thread;
	int			 w_wakefd;	/* eventfd of the shell; -1: none (tests) */
	_Atomic unsigned	 w_asleep;	/* wants a write to w_wakefd */
	uint32_t		 w_wake;	/* workers to wake at the end of the turn, bit per worker */
	uint64_t		 w_slow_tick;	/* worker 0: tick of nk_wheel last served */
	uint64_t		 w_turns, w_busy, w_sleeps;	/* statistics of the shell's loop */
	int			 w_cpu;		/* bound to; -1 */
	uint64_t		 w_txdirty;	/* interfaces with frames to flush, bit if_index - 1 */
	struct worker_job	*_Atomic w_jobs;
	uint64_t		 w_icmp_tat;	/* rate limit of ICMP errors, netinet/icmp.c */
	unsigned		 w_depth;	/* of ip_input() in itself: nested tunnels */
};

struct nk {
	struct nk_conf		 nk_conf;
	pthread_mutex_t		 nk_lock;
	_Alignas(64) _Atomic uint32_t nk_gen;	/* never 0 */
	struct epoch		 nk_epoch;
	struct if_table		*nk_ifs;
	struct arp		*nk_arp;
	struct fib		*nk_fib;
	struct pf		*nk_pf;
	struct spd		*nk_spd;
	struct sad		*nk_sad;
	struct key		*nk_key;
	struct udp_service	*nk_udp;
	struct ctl		*nk_ctl;
	struct capture		*nk_capture;
	struct sysctl		*nk_sysctl;
	struct frames		*nk_frames;	/* NULL until a device wants them */
	/*
	 * Timers of what nk_lock guards (neighbours, SAs, acquires). Set and
	 * cleared with nk_lock; worker 0 fires them in its turn, with nk_lock.
	 */
	struct wheel		 nk_wheel;
	unsigned		 nk_forwarding;	/* net.inet.ip.forwarding; default 1 */
	unsigned		 nk_policy_wait;	/* net.policy.wait: forward nothing yet */
	/* not NULL: this is a copy in which a packet is tried out */
	struct explain		*nk_explain;
	unsigned		 nk_ttl;	/* net.inet.ip.ttl of what is sent from here; default 64 */
	/* threads, see nk_stop_workers() */
	_Atomic unsigned	 nk_stop;
	unsigned		 nk_threads, nk_parked;
	pthread_cond_t		 nk_park, nk_go;
	unsigned		 nk_nworkers;
	unsigned		 nk_modules;	/* that have been initialised */
	struct worker		*nk_worker[NK_WORKERS_MAX];
};

/*
 * nk_lock is recursive, so that a slow path may send (an ICMP error, a held
 * packet) through stages that take it themselves.
 */
static inline void
nk_lock(struct nk *nk)
{
	pthread_mutex_lock(&nk->nk_lock);
}

static inline void
nk_unlock(struct nk *nk)
{
	pthread_mutex_unlock(&nk->nk_lock);
}

/*
 * For a control handler (nk_lock held once) that must touch what belongs to
 * workers, such as their flow tables: on return every worker stands still
 * outside its turn, until nk_start_workers().  nk_lock is let go meanwhile,
 * so call it before looking at anything.  Without threads both do nothing.
 */
void		 nk_stop_workers(struct nk *);
void		 nk_start_workers(struct nk *);
/* A worker's thread begins and ends; and stands still here if asked to. */
void		 worker_thread_begin(struct worker *);
void		 worker_thread_end(struct worker *);
void		 worker_park(struct worker *);

/*
 * Runs fn(w, arg) in w's next turn, without nk_lock: how another thread does
 * what only the worker may, such as sending a packet.  0, or ENOMEM.
 */
int		 worker_post(struct worker *w, void (*fn)(struct worker *, void *), void *arg);
/* Ends a worker's sleep. */
void		 worker_wake(struct worker *);

/* NULL with errno if memory is short or a self-test failed. */
struct nk	*nk_new(const struct nk_conf *, struct clock_now);
void		 nk_free(struct nk *);

/*
 * One turn of a worker: what other workers handed over, jobs, timers, and the
 * quiescent point: on return the worker holds no pointer to anything
 * published.  Receiving (if_poll()) is the shell's or a test's, before this.
 */
void		 worker_turn(struct worker *, struct clock_now);
/* Is there something for worker_turn() to take, whatever the time? */
bool		 worker_pending(const struct worker *);
/* The time (ns) at which worker_turn() must be called at the latest; 0: now. */
uint64_t	 worker_deadline(const struct worker *);

static inline void
nk_bump(struct nk *nk)
{
	if (atomic_fetch_add(&nk->nk_gen, 1) == UINT32_MAX)
		atomic_fetch_add(&nk->nk_gen, 1);	/* skip 0 */
}

static inline uint32_t
nk_generation(struct nk *nk)
{
	return atomic_load_explicit(&nk->nk_gen, memory_order_acquire);
}

static inline void
nk_rand(struct nk *nk, void *buf, size_t n)
{
	nk->nk_conf.nc_rand(nk->nk_conf.nc_rand_arg, buf, n);
}

void		 nk_log(struct nk *, int pri, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Where a packet that another worker hands over goes on. */
enum handover {
	HANDOVER_FLOW,		/* ip_flow(): its flow lives here */
	HANDOVER_SEAL,		/* ipsec_output(): its SA is anchored here */
	HANDOVER_OPEN,		/* ipsec_input(): its SA is anchored here */
	HANDOVER_FRAG,		/* ip_input(): its fragments are collected here */
	HANDOVER_FREE,		/* back to its pool */
};
/* Drops (RING_FULL) if the ring is full. */
void		 worker_handover(struct worker *from, unsigned to, struct pkt *,
    enum handover);

#endif
