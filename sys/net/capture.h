/* SPDX-License-Identifier: ISC */
/*
 * Captures: what passes an interface, as a pcap stream that stock tcpdump
 * and Wireshark read.
 *
 *   an interface	frames in and out		DLT_EN10MB (1)
 *   enc0		packets before sealing, after	DLT_ENC (109)
 *			opening
 *   pflog0		packets that a rule logs	DLT_PFLOG (117)
 *
 * A program hands a descriptor in with CTL_CAPTURE (ifconfig IF capture
 * FILE).  Workers copy packets into the capture's buffer; the control thread
 * writes it out.  What does not fit is counted, never waited for.
 */
#ifndef NET_CAPTURE_H
#define NET_CAPTURE_H

#include "kern/nk.h"
#include "net/if.h"

#define CAPTURE_IN	1
#define CAPTURE_OUT	2

/* What DLT_PFLOG tells of a logged packet. */
struct capture_pflog {
	uint8_t			 cp_dir;	/* CAPTURE_IN, CAPTURE_OUT */
	bool			 cp_pass;
	uint8_t			 cp_reason;	/* 0: match */
	uint32_t		 cp_rule;	/* number; UINT32_MAX: none */
	const struct ifnet	*cp_ifp;
};

int	capture_init(struct nk *);
void	capture_fini(struct nk *);

/* Cheap tests, before the packet is described. */
bool	capture_enc_on(const struct nk *);
bool	capture_pflog_on(const struct nk *);

/* pkt_data at the network header, in clear. spi in network order. */
void	capture_enc(struct worker *, const struct pkt *, int dir, uint32_t spi);
/* pkt_data at the network header. */
void	capture_pflog(struct worker *, const struct pkt *, const struct capture_pflog *);
/* pkt_data at the Ethernet header. Called by if.c. */
void	capture_frame(struct worker *, struct ifnet *, const struct pkt *);

/*
 * Starts a capture of the interface (or "enc0", "pflog0") into fd, which it
 * takes over and which must not block.  0, ENOENT, EBUSY, ENOMEM.  nk_lock held.
 */
int	capture_start(struct nk *, const char *ifname, int fd, unsigned snaplen);
/* Ends it after what is buffered has been written. ENOENT. nk_lock held. */
int	capture_stop(struct nk *, const char *ifname);
/* Does any capture run, or is one not yet written out? */
bool	capture_active(const struct nk *);
/* Writes what is buffered. The control thread, every now and then, with nk_lock. */
void	capture_write(struct nk *);

#endif
