/* SPDX-License-Identifier: ISC */
/*
 * Routes: longest prefix match for a million routes of either family.
 *
 * Written under nk_lock, read by slow paths under nk_lock too; flows keep
 * what they found, stamped with nk_gen.
 */
#ifndef NET_FIB_H
#define NET_FIB_H

#include "net/if.h"

#define RT_F_CONNECTED	0x01
#define RT_F_STATIC	0x02
#define RT_F_GATEWAY	0x04
#define RT_F_REJECT	0x08		/* unreachable, told by ICMP */
#define RT_F_BLACKHOLE	0x10		/* silently dropped, counted */
#define RT_F_LOCAL	0x20		/* an address of this host */

struct route {
	struct prefix	 rt_dst;
	struct addr	 rt_gw;		/* ad_af 0: on the link */
	struct ifnet	*rt_if;
	uint16_t	 rt_flags;
	uint16_t	 rt_mtu;	/* 0: the interface's */
	uint8_t		 rt_prio;	/* lower is better */
};

int			 fib_init(struct nk *);
void			 fib_fini(struct nk *);
/*
 * 0, EEXIST, ENOMEM, EINVAL (host bits set, families differ), ENETUNREACH
 * (gateway not on a link).  rt_if may be NULL where a gateway tells it.
 * Several routes to a prefix differ in gateway or interface; the lowest
 * rt_prio is used.  Bumps nk_gen.
 */
int			 fib_add(struct nk *, const struct route *);
/* gw NULL or of no family: the best one. 0, ENOENT, EINVAL. */
int			 fib_delete(struct nk *, const struct prefix *, const struct addr *gw);
/* NULL: no route. Valid while nk_lock is held. */
const struct route	*fib_lookup(struct nk *, const struct addr *dst);
const struct route	*fib_exact(struct nk *, const struct prefix *);
void			 fib_delete_if(struct nk *, struct ifnet *);
void			 fib_walk(struct nk *, void (*fn)(void *, const struct route *), void *);
uint64_t		 fib_count(struct nk *);
/* Memory of the whole table. */
uint64_t		 fib_bytes(struct nk *);
/* Removes all that the operator added (RT_F_STATIC). */
void			 fib_flush(struct nk *);

/*
 * Route and neighbour for dst: what a flow or an SA keeps.
 * DROP_NONE, or why not (IP_NOROUTE, IF_DOWN, ...). nk_lock held.
 */
struct nexthop {
	struct ifnet	*nh_if;
	struct neigh	*nh_neigh;	/* NULL: nh_local */
	uint16_t	 nh_mtu;
	bool		 nh_local;	/* dst is this host */
};
enum drop_reason	 nexthop_find(struct nk *, const struct addr *dst, struct nexthop *);

#endif
