/* SPDX-License-Identifier: ISC */
/*
 * Limits of what ICMP sends (the functions are in netinet/ip.h).
 */
#ifndef NETINET_ICMP_H
#define NETINET_ICMP_H

#include "kern/clock.h"

#define ICMP_ERROR_RATE		1000	/* a second and worker, on average */
#define ICMP_ERROR_BURST	200	/* at once */
/* RFC 1812 4.3.2.3: as much of the packet as fits into this many bytes of ICMP error. */
#define ICMP_ERROR_MAX		576

#endif
