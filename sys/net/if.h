/* SPDX-License-Identifier: ISC */
/*
 * Interfaces and the table of functions that a driver supplies.
 *
 * An interface is created by name, driver and driver argument
 * ("em0 packet eth0"), configured, and lives until destroyed; its memory
 * stays valid as long as the nk, so that a waiting packet may point at it.  enc0 always
 * exists: rules on it see packets before sealing and after opening.
 * Created, changed and destroyed under nk_lock; each change bumps nk_gen.
 */
#ifndef NET_IF_H
#define NET_IF_H

#include <stdbool.h>
#include <stdint.h>

#include "kern/nk.h"
#include "libutil/addr.h"

#define IFNAME_MAX	16		/* with the terminating NUL */
#define IF_ADDRS_MAX	16
#define IF_MAX		64

#define IF_F_UP		0x0001
#define IF_F_LOOPBACK	0x0002
#define IF_F_ENC	0x0004		/* enc0: no packets of its own */
#define IF_F_RUNNING	0x0008		/* driver open */
#define IF_F_HOST	0x0010		/* Linux is behind it: net/host.h; set by io_open */

/* What the device finishes for us on transmit. */
#define IF_CAP_CSUM	0x0001		/* PKT_F_CSUM_PARTIAL */
#define IF_CAP_TSO	0x0002		/* PKT_GSO_TCP4/6 */
#define IF_CAP_USO	0x0004		/* PKT_GSO_UDP */

struct ifnet;
struct if_addr;

struct if_ops {
	const char	*io_name;	/* "packet", "tap", "pcap", "pktgen", "xdp", "nic" */
	/*
	 * Opens the device for nq queues, one a worker; sets if_mac, if_mtu,
	 * if_caps and if_priv, and may set if_mode, and if_ops to those of
	 * another driver.  0, or an errno with its reason in err.
	 */
	int		(*io_open)(struct ifnet *, const char *arg, unsigned nq,
			    char *err, size_t errlen);
	void		(*io_close)(struct ifnet *);
	/* Adds up to the room left in v; returns how many. Never blocks. */
	unsigned	(*io_rx)(struct ifnet *, unsigned q, struct worker *,
			    struct pktvec *v);
	/*
	 * Sends all of v (pkt_data at the Ethernet header) and frees them;
	 * what the device does not take is dropped (TX_FULL).
	 */
	void		(*io_tx)(struct ifnet *, unsigned q, struct worker *,
			    struct pktvec *v);
	/* To wait on for receive; -1: none, poll it. */
	int		(*io_fd)(struct ifnet *, unsigned q);
	/* Of a host interface: Linux is to have this address too, or no more. May be NULL. */
	void		(*io_addr)(struct ifnet *, const struct if_addr *, bool add);
	/* The largest MTU that the device takes now. May be NULL: any. nk_lock held. */
	unsigned	(*io_mtu)(struct ifnet *);
	/* Frames that came and were lost before io_rx. May be NULL. nk_lock held. */
	uint64_t	(*io_drops)(struct ifnet *);
};

struct if_counters {
	uint64_t	ic_ipackets, ic_ibytes, ic_idrops;
	uint64_t	ic_opackets, ic_obytes, ic_odrops;
};

struct if_addr {
	struct addr	ia_addr;
	uint8_t		ia_plen;
};

/* Packets of one worker that wait for the end of its turn. */
struct if_txq {
	struct pktvec	tq_vec;
};

struct ifnet {
	char			 if_name[IFNAME_MAX];
	char			 if_group[IFNAME_MAX];	/* "em" of em0; rules may name it */
	char			 if_descr[64];
	uint16_t		 if_index;		/* 1.. */
	_Atomic uint16_t	 if_flags;		/* IF_F_*; workers read it any time */
	uint16_t		 if_caps;		/* IF_CAP_* */
	uint16_t		 if_mtu;		/* bytes of network packet */
	uint8_t			 if_mac[6];
	uint8_t			 if_peer[6];		/* of a host interface: Linux' station */
	uint8_t			 if_naddrs;
	struct if_addr		 if_addr[IF_ADDRS_MAX];
	bool			 if_pf_skip;		/* set skip on */
	struct ifnet		*if_next;		/* in it_dead */
	struct nk		*if_nk;
	const struct if_ops	*if_driver;		/* that was asked for */
	const struct if_ops	*if_ops;		/* that works */
	void			*if_priv;		/* driver's */
	char			 if_arg[64];
	char			 if_mode[32];		/* how: ctl_if's ci_mode */
	_Atomic bool		 if_capture;		/* see net/capture.h */
	struct if_counters	 if_count[NK_WORKERS_MAX];
	struct if_txq		*if_txq[NK_WORKERS_MAX];
};

struct if_table {
	unsigned	 it_n;
	struct ifnet	*it_if[IF_MAX];			/* by index - 1; NULL holes */
	struct ifnet	*it_enc;			/* enc0 */
	struct ifnet	*it_lo;				/* lo0 */
	struct ifnet	*it_host;			/* net/host.h; NULL */
	const struct if_ops *it_driver[8];		/* known to CTL_IF_CREATE; NULL ends */
	struct ifnet	*it_dead;			/* destroyed; the memory stays until if_fini() */
};

int		 if_init(struct nk *);			/* makes lo0 and enc0 */
void		 if_fini(struct nk *);
/* NULL with a reason in err: name taken or malformed, driver's refusal. */
struct ifnet	*if_create(struct nk *, const char *name, const struct if_ops *,
    const char *arg, char *err, size_t errlen);
int		 if_destroy(struct nk *, struct ifnet *);
struct ifnet	*if_find(struct nk *, const char *name);
/* Add and remove connected routes too. 0 or errno (EEXIST, ENOSPC, ENOENT). */
int		 if_addr_add(struct nk *, struct ifnet *, const struct addr *, unsigned plen);
int		 if_addr_del(struct nk *, struct ifnet *, const struct addr *);
int		 if_set_flags(struct nk *, struct ifnet *, uint16_t flags);
/* The largest MTU that it can have. */
unsigned	 if_mtu_most(struct ifnet *);
/* 0, or EINVAL: less than 68, or more than that. */
int		 if_set_mtu(struct nk *, struct ifnet *, unsigned mtu);
/* Is it an address of this host (any interface)? A subnet broadcast? */
bool		 if_is_local(struct nk *, const struct addr *);
bool		 if_is_broadcast(struct nk *, const struct addr *);
/* The address that a packet to dst on ifp gets as source; false: none. */
bool		 if_source_for(struct nk *, struct ifnet *, const struct addr *dst,
    struct addr *out);

/*
 * Puts a frame (pkt_data at the Ethernet header) on the interface's queue
 * of this worker; if_flush() at the end of the turn hands it to the driver.
 * Checks IF_F_UP; finishes checksums and segments what the device cannot.
 */
void		 if_output(struct worker *, struct ifnet *, struct pkt *);
void		 if_flush(struct worker *);
/*
 * Receives from ifp what the driver has, at most PKT_VEC_MAX frames, counts
 * them and gives them to ether_input(). How many there were.
 */
unsigned	 if_poll(struct worker *, struct ifnet *);

#endif
