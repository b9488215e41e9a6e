/* SPDX-License-Identifier: ISC */
/*
 * What the IPsec tests share: policies and SAs from text, and two gateways
 * with a network behind each:
 *
 *  host 10.1.0.1 ── in0 10.1.0.254 [A] em0 192.0.2.1 ══ 192.0.2.2 em0 [B] in0 10.2.0.254 ── host 10.2.0.1
 *
 * The inner interfaces are open ends: a test puts and takes the hosts' frames.
 */
#ifndef REGRESS_SYS_NETIPSEC_GATEWAYS_H
#define REGRESS_SYS_NETIPSEC_GATEWAYS_H

#include "netipsec/ipsec.h"
#include "sys/testpkt.h"
#include "sys/testwire.h"

/* A protecting policy; local and peer NULL: transport mode. */
void	policy(struct sp *, enum sp_dir, const char *src, const char *dst, uint8_t proto,
	    const char *local, const char *peer, uint32_t reqid);

/* A suite of algorithms with the sizes that the key socket knows. */
struct suite {
	const char	*su_name;
	uint16_t	 su_ealg, su_aalg;	/* SADB_* */
	uint16_t	 su_ekey, su_akey;	/* bytes, salt included */
	uint8_t		 su_iv, su_icv, su_align;
};
extern const struct suite suites[];
extern const unsigned suite_count;
const struct suite *suite_by_name(const char *);

/* An SA from A to B (or B to A): keys are a pattern of the seed, the window 64. */
void	sa_params(struct sa_params *, const struct suite *, const char *src, const char *dst,
	    uint32_t spi, uint8_t mode, unsigned seed);

struct gateways {
	struct world	*gw_world;
	struct nk	*gw_a, *gw_b;
	struct ifnet	*gw_a_in, *gw_a_out, *gw_b_in, *gw_b_out;
	struct sa	*gw_ab[2], *gw_ba[2];	/* of each direction: at the sender, at the receiver */
};

struct gateways_conf {
	const struct suite	*gc_suite;	/* NULL: no SAs */
	const char		*gc_engine;	/* NULL: the best */
	uint8_t			 gc_mode;	/* SA_TUNNEL, or SA_TRANSPORT between the gateways */
	uint16_t		 gc_flags;	/* SA_F_ESN | SA_F_NATT */
	unsigned		 gc_workers;	/* 0: 1 */
	uint64_t		 gc_seq;	/* sequence numbers start behind it */
	unsigned		 gc_mtu;	/* of the wire between; 0: 1500 */
	struct wire		 gc_wire;
};

void	gateways_open(struct gateways *, const struct gateways_conf *);
/* Runs out all timers, asserts that no packet buffer is lost, frees. */
void	gateways_close(struct gateways *);

/* A's host sends to B's host, or the other way; handled at once. */
void	send_a(struct gateways *, const struct tp_spec *);
void	send_b(struct gateways *, const struct tp_spec *);
/* What a host received: its length from the IP header on, or 0. */
size_t	take_a(struct gateways *, uint8_t *ip, size_t cap);
size_t	take_b(struct gateways *, uint8_t *ip, size_t cap);

#endif
