/* SPDX-License-Identifier: ISC */
/*
 * Fragments of IPv4 packets (RFC 791 section 3.2, RFC 815, RFC 1858).
 *
 * The filter and IPsec decide about whole packets, so every fragment is
 * collected, also of packets that are only forwarded.  All fragments of a
 * packet go to one worker, chosen by a hash of what identifies it.
 *
 * What is refused.  A fragment that overlaps another in even one byte ends
 * its packet, with all that has come and all that may still come until the
 * time-out (RFC 5722 does so for IPv6; for IPv4 it costs honest senders
 * nothing, since who repeats a fragment repeats it whole).  An exact
 * repetition is ignored.  Fragments that are no multiple of eight bytes and
 * not the last, end behind byte 65,535, or hold no data, are malformed.
 *
 * Only fragments that came the same way make a packet: over one interface in
 * clear, or through SAs of one policy.
 *
 * Limits, per worker: FRAG_PACKETS packets at once, FRAG_SOURCE of them from
 * one source address, FRAG_PIECES fragments of one packet, FRAG_HELD buffers
 * in all.  At a limit the oldest packet of the same source (or, for the
 * whole, of anyone) makes room, so that a flood from one address displaces
 * its own fragments first.
 */
#ifndef NETINET_FRAG_H
#define NETINET_FRAG_H

#include "kern/nk.h"

#define FRAG_PACKETS	256
#define FRAG_SOURCE	32
#define FRAG_PIECES	128	/* 65,535 bytes in packets of 576 */
#define FRAG_HELD	2048	/* buffers; and never more than half of the pool */
#define FRAG_TIMEOUT_NS	(15 * NSEC_PER_SEC)	/* RFC 791's lower bound; RFC 4963 */

/* Reassemblies under way, and buffers that they hold. */
unsigned	 frag_pending(const struct worker *);
unsigned	 frag_held(const struct worker *);

#endif
