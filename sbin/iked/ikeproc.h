/* SPDX-License-Identifier: ISC */
/*
 * The ike process, in two halves.
 *
 * Without I/O, so that the simulator runs the same objects:
 *	act.c		the IKE core's actions, auth's answers
 *	take.c		the policy, as it comes from the parent
 *	blocked.c	rules that are left out, and the status of all
 *	stranger.c	how much is told of strangers
 *	told.c		... and of each rule
 *	kernel.c	what the key socket carries: SPIs, SAs, ACQUIRE, EXPIRE
 *	later.c		what waits while the key socket is full
 *	udp.c		what the UDP service carries: datagrams
 * The shell:
 *	ike.c		the loop, the sockets
 *	control.c	iked.sock: ikectl's questions, events
 */
#ifndef IKEPROC_H
#define IKEPROC_H

#include <stddef.h>
#include <sys/queue.h>

#include "bucket.h"
#include "iked.h"
#include "libpfkey/pfkey.h"
#include "libutil/imsg.h"
#include "netinet/udp_msg.h"

#define NATT_PORTS_MAX	8
#define STRANGER_SLOTS	256
#define TOLD_SLOTS	4096

struct dynamic;
struct later;
struct stale_sa;

/* What the half without I/O asks of its shell; io_arg is handed to each. */
struct ikeio {
	void		*io_arg;
	uint64_t	(*io_now)(void *arg);		/* ms, not 0 */
	int64_t		(*io_date)(void *arg);		/* seconds since 1970 */
	ike_random_fn	*io_random;
	/* Towards the network kernel; may be lost, 0 or errno. */
	int		(*io_key_send)(void *arg, struct pfkey_msg *m);
	void		(*io_udp_send)(void *arg, const struct udp_msg *um,
			    const uint8_t *data, size_t len);
	bool		(*io_source)(void *arg, const struct addr *dst,
			    struct addr *src);
	/* Largest IP packet that the way to dst takes; 0: not known. */
	unsigned	(*io_mtu)(void *arg, const struct addr *dst);
	/* IMSG_SIGN or IMSG_VERIFY; the answer comes by ikeproc_auth(). */
	bool		(*io_auth)(void *arg, uint32_t type, uint32_t id,
			    const struct iked_auth_req *rq);
	/* keep: for the history, too; else only for who follows events live. */
	void		(*io_event)(void *arg, const struct ike_event *ev, bool keep);
};

struct blocked {
	struct iked_blocked	*bl_list;
	size_t			 bl_n;
};

/* What the network kernel is still to be told (later.c). */
struct waiting {
	struct later		*wa_first, *wa_last;
	size_t			 wa_n;		/* that have waited */
	uint64_t		 wa_again;	/* when it is tried again */
};

/* Events of peers that have not shown who they are. */
struct strangers {
	struct bucket	sr_each[STRANGER_SLOTS];
	struct bucket	sr_all;
	uint64_t	sr_untold;	/* since ... */
	uint64_t	sr_untold_at;	/* ... this time, ms */
	uint64_t	sr_lost;	/* in all */
};

/* Events of each rule of which something happens. */
LIST_HEAD(told_rules, told_rule);
struct told {
	struct told_rules td_rules[TOLD_SLOTS];	/* by name */
	size_t		td_n;
	uint64_t	td_due;		/* when something is to be done, ms */
	uint64_t	td_lost;	/* events not told, in all */
};

/* A policy between BEGIN and END. */
struct incoming {
	struct iked_set		 in_set;
	struct ike_edit		*in_edit;	/* its rules */
	struct blocked		 in_blocked;
	uint64_t		 in_base;
	size_t			 in_rules;	/* in all ... */
	size_t			 in_new;	/* ... and those that came whole */
	bool			 in_bad;	/* SAME is of what we do not have */
};

struct ikeproc {
	const struct ikeio	*ip_io;
	struct ike		*ip_ike;		/* NULL before the first policy */
	uint32_t		 ip_pid;		/* of our messages to the key socket */
	struct iked_set		 ip_set;		/* in force */
	uint16_t		 ip_natt_port;		/* likewise; of new IKE SAs */
	uint16_t		 ip_bound[NATT_PORTS_MAX];
	unsigned		 ip_nbound;
	char			 ip_notice[160];	/* what of the set is not in force */
	struct blocked		 ip_blocked;		/* likewise */
	struct incoming		 ip_next;		/* being received */
	uint64_t		 ip_number;		/* of the policy in force */
	bool			 ip_want;		/* the parent is to send all of it */
	uint64_t		 ip_revision;
	uint64_t		 ip_failed;
	char			 ip_failed_text[256];
	bool			 ip_ending;
	struct stale_sa		*ip_stale;		/* of a former iked */
	size_t			 ip_nstale;
	uint64_t		 ip_stale_end;		/* when one of them goes */
	struct waiting		 ip_waiting;
	struct strangers	 ip_strangers;
	struct told		 ip_told;
	struct bucket		 ip_refusals;		/* of SAs, that are logged */
	struct dynamic		*ip_dynamic;		/* SPD entries that live as long as an SA */
};

/* ---- take.c ------------------------------------------------------- */

/*
 * A policy: begin, its rules in order, end.  False: what was sent makes no sense.
 * If it is a difference to what is not in force here, nothing changes and ip_want
 * is set.
 */
bool		 ikeproc_policy_begin(struct ikeproc *ip, const struct iked_begin *ib);
bool		 ikeproc_policy_same(struct ikeproc *ip, const struct iked_same *is);
bool		 ikeproc_policy_rule(struct ikeproc *ip, struct iked_rule *rule);
bool		 ikeproc_policy_end(struct ikeproc *ip, const struct iked_end *ie);

/* Tells the core what of ip_set concerns it. */
void		 ikeproc_tune(struct ikeproc *ip);

/* ---- act.c -------------------------------------------------------- */

/* Frees what the policy and the core hold; ip itself is the caller's. */
void		 ikeproc_fini(struct ikeproc *ip);
/* An answer of the auth process. */
bool		 ikeproc_auth(struct ikeproc *ip, const struct imsg *im);
/* Does all that the core wants done; after every input. */
void		 ikeproc_act(struct ikeproc *ip);
void		 ikeproc_timer(struct ikeproc *ip);
/* When to call it at the latest, ms; UINT64_MAX never. */
uint64_t	 ikeproc_deadline(const struct ikeproc *ip);

static inline uint64_t
ikeproc_now(const struct ikeproc *ip)
{
	return ip->ip_io->io_now(ip->ip_io->io_arg);
}

/* ---- blocked.c ---------------------------------------------------- */

/* A rule that is left out of the policy being received. */
bool		 ikeproc_policy_blocked(struct ikeproc *ip, const struct iked_blocked *ib);
/* Those from before; false if there are not so many, or no memory. */
bool		 blocked_same(struct ikeproc *ip, size_t from, size_t n);
/* What was received is in force. */
void		 blocked_take(struct ikeproc *ip);
void		 blocked_clear(struct blocked *b);
/* A line for each configured tunnel, in force or not. */
void		 ikeproc_status(const struct ikeproc *ip, ike_status_fn *fn, void *arg);
/* Of one tunnel by its place, as ike_status_at(); or by its name. */
bool		 ikeproc_status_at(const struct ikeproc *ip, size_t place,
    ike_status_fn *fn, void *arg);
void		 ikeproc_status_of(const struct ikeproc *ip, const char *name,
    ike_status_fn *fn, void *arg);

/* ---- stranger.c --------------------------------------------------- */

/* Is this event of a stranger to be told? */
bool		 stranger_told(struct strangers *sr, uint64_t now, const struct ike_event *ev);
/* Tells how many were not, now and then. */
void		 stranger_timer(struct strangers *sr, uint64_t now);

/* ---- told.c ------------------------------------------------------- */

/* Is this event of a rule for log and history?  Else it is counted. */
bool		 told_take(struct told *td, uint64_t now, const struct ike_event *ev);
/* Hands out events (PEER-05) that tell how many were not, when it is time. */
void		 told_timer(struct told *td, uint64_t now,
    void (*fn)(void *arg, const struct ike_event *ev), void *arg);
uint64_t	 told_deadline(const struct told *td);
void		 told_fini(struct told *td);

/* ---- kernel.c ----------------------------------------------------- */

/* A new socket: asks for ACQUIREs. */
void		 kernel_register(struct ikeproc *ip);
/* One SA that was there before us (SADB_DUMP). */
void		 kernel_stale(struct ikeproc *ip, const struct pfkey_msg *m);
/* A message of the network kernel. */
void		 kernel_message(struct ikeproc *ip, const struct pfkey_msg *m);
void		 kernel_getspi(struct ikeproc *ip, uint32_t id, const struct ike_getspi *gs);
void		 kernel_sa_add(struct ikeproc *ip, uint32_t id, const struct ike_esp_sa *sa);
void		 kernel_sa_move(struct ikeproc *ip, const struct ike_esp_sa *sa);
void		 kernel_sa_delete(struct ikeproc *ip, const struct ike_sa_ref *sr);
/* Asks when the SA last received. */
void		 kernel_seen(struct ikeproc *ip, const struct ike_sa_ref *sr);
/* Removes a former iked's SAs whose successors have been up for a while. */
void		 kernel_timer(struct ikeproc *ip, uint64_t now);
uint64_t	 kernel_deadline(const struct ikeproc *ip);
void		 kernel_fini(struct ikeproc *ip);

/* ---- later.c ------------------------------------------------------ */

/* Says it now, or as soon as the key socket takes it; not for keys. */
void		 kernel_tell(struct ikeproc *ip, struct pfkey_msg *m);
void		 later_timer(struct ikeproc *ip, uint64_t now);
uint64_t	 later_deadline(const struct ikeproc *ip);
void		 later_fini(struct ikeproc *ip);

/* ---- udp.c -------------------------------------------------------- */

/* A new socket: binds the ports. */
void		 udp_bind_ports(struct ikeproc *ip);
/* The port of the set, for NAT traversal: host byte order. */
uint16_t	 udp_natt_port(const struct iked_set *set);
void		 udp_bind_natt(struct ikeproc *ip);
/* A record of the UDP service. */
void		 udp_message(struct ikeproc *ip, const struct udp_msg *um,
    const uint8_t *data, size_t len);
void		 udp_datagram(struct ikeproc *ip, const struct ike_datagram *dg);

#endif
