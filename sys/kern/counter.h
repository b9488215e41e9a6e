/* SPDX-License-Identifier: ISC */
/*
 * What is counted besides drops: one list that yields enum, name and text.
 * Counters are uint64_t in the worker, written only by it with counter_add(),
 * read by anyone with counter_get(): each whole, but no two of one moment.
 *
 * X(NAME, area, text)
 */
#ifndef KERN_COUNTER_H
#define KERN_COUNTER_H

#include <stdint.h>

#define COUNTERS(X)								\
	X(IP_RECEIVED,	"ip",	"packets received")				\
	X(IP_FORWARDED,	"ip",	"packets forwarded")				\
	X(IP_DELIVERED,	"ip",	"packets for this host")			\
	X(IP_SENT,	"ip",	"packets sent from here")			\
	X(IP_FRAG_IN,	"ip",	"fragments received")				\
	X(IP_REASSEMBLED, "ip",	"packets reassembled")				\
	X(IP_FRAG_OUT,	"ip",	"fragments sent")				\
	X(GSO_IN,	"ip",	"super-packets received")			\
	X(GSO_SEGS,	"ip",	"segments made of super-packets")		\
	X(GRO_OUT,	"ip",	"super-packets made of segments")		\
	X(GRO_SEGS,	"ip",	"segments joined into super-packets")		\
	X(ICMP_LIMITED,	"icmp",	"errors not sent: rate limit")			\
	X(ICMP_MUTED,	"icmp",	"errors not sent: forbidden by RFC 1122 3.2.2")	\
	X(ICMP_ERROR_IN, "icmp", "errors received for this host")		\
	X(ICMP_SENT,	"icmp",	"messages sent")				\
	X(ICMP_ECHO,	"icmp",	"echo requests answered")			\
	X(ARP_REQUEST,	"arp",	"requests sent")				\
	X(ARP_REPLY,	"arp",	"replies sent")					\
	X(ARP_RECEIVED,	"arp",	"packets received")				\
	X(ARP_CONFLICT,	"arp",	"stations that claim an address of ours")	\
	X(ARP_CHANGED,	"arp",	"neighbours that changed their Ethernet address") \
	X(UDP_IN,	"udp",	"datagrams delivered to programs")		\
	X(UDP_OUT,	"udp",	"datagrams from programs")			\
	X(FLOW_HIT,	"pf",	"flow lookups that hit")			\
	X(FLOW_MISS,	"pf",	"flow lookups that missed")			\
	X(FLOW_REFILL,	"pf",	"flow entries filled again")			\
	X(PF_DEFAULT,	"pf",	"packets asked about that no rule matched")	\
	X(PF_ANSWER,	"pf",	"blocked packets answered")			\
	X(STATE_NEW,	"pf",	"states created")				\
	X(STATE_END,	"pf",	"states removed")				\
	X(SPD_ACQUIRE,	"spd",	"acquires raised")				\
	X(ESP_OUT,	"esp",	"packets sealed")				\
	X(ESP_OUT_BYTES, "esp",	"bytes sealed")					\
	X(ESP_IN,	"esp",	"packets opened")				\
	X(ESP_IN_BYTES,	"esp",	"bytes opened")					\
	X(ESP_PMTU,	"esp",	"path MTUs lowered by ICMP")			\
	X(NATT_FLOAT,	"natt",	"peer addresses followed")			\
	X(HANDOVER,	"kern",	"packets handed to another worker")

enum counter {
#define X(name, area, text) CNT_##name,
	COUNTERS(X)
#undef X
	CNT_MAX
};

const char	*counter_area(enum counter);
const char	*counter_text(enum counter);
const char	*counter_name(enum counter);	/* "ESP_OUT" */

static inline void
counter_add(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

static inline uint64_t
counter_get(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

#endif
