/* SPDX-License-Identifier: ISC */
/*
 * Why a packet was dropped: one list that yields the enum, the counter's
 * name in netstat(1) ("esp: integrity check failed") and the man page.
 * Every dropped packet is counted under exactly one of these.
 *
 * X(NAME, area, text)
 */
#ifndef KERN_DROP_H
#define KERN_DROP_H

#define DROP_REASONS(X)								\
	/* frame and devices */							\
	X(NOBUF,	"kern",	"no packet buffer")				\
	X(RING_FULL,	"kern",	"ring to another worker full")			\
	X(TX_FULL,	"if",	"device transmit queue full")			\
	X(IF_DOWN,	"if",	"interface down")				\
	X(IF_OVERSIZE,	"if",	"packet larger than the interface allows")	\
	X(ETH_SHORT,	"ether", "frame shorter than its header")		\
	X(ETH_NOTOURS,	"ether", "frame for another station")			\
	X(ETH_PROTO,	"ether", "unknown protocol")				\
	X(ARP_BAD,	"arp",	"malformed ARP packet")				\
	X(ARP_HOLD,	"arp",	"too many packets wait for an address")		\
	X(ARP_TIMEOUT,	"arp",	"address did not resolve")			\
	/* IPv4 */								\
	X(IP_SHORT,	"ip",	"shorter than its header")			\
	X(IP_VERSION,	"ip",	"wrong version")				\
	X(IP_HLEN,	"ip",	"bad header length")				\
	X(IP_LEN,	"ip",	"bad total length")				\
	X(IP_CSUM,	"ip",	"bad header checksum")				\
	X(IP_OPTIONS,	"ip",	"malformed IP options")				\
	X(IP_OPT_ROUTE,	"ip",	"source route option refused")			\
	X(IP_OPT_RECORD, "ip",	"record route or timestamp option refused")	\
	X(IP_OPT_OTHER,	"ip",	"unknown or obsolete option refused")		\
	X(IP_NESTED,	"ip",	"too many tunnels in one another")		\
	X(IP_BLACKHOLE,	"ip",	"blackhole route")				\
	X(IP_REJECT,	"ip",	"reject route")					\
	X(IP_ADDR,	"ip",	"impossible source or destination address")	\
	X(IP_TTL,	"ip",	"time to live exceeded")			\
	X(IP_NOROUTE,	"ip",	"no route")					\
	X(IP_FORWARD,	"ip",	"forwarding disabled")				\
	X(POLICY_WAIT,	"ip",	"policy is not in force yet")			\
	X(IP_CANTFRAG,	"ip",	"too big and must not be fragmented")		\
	X(IP_PROTO,	"ip",	"no service for this protocol")			\
	X(IP_BROADCAST,	"ip",	"broadcast or multicast not forwarded")		\
	X(FRAG_BAD,	"frag",	"malformed fragment")				\
	X(FRAG_OVERLAP,	"frag",	"overlapping fragment")				\
	X(FRAG_LIMIT,	"frag",	"too many fragments")				\
	X(FRAG_TIMEOUT,	"frag",	"reassembly timed out")				\
	X(ICMP_BAD,	"icmp",	"malformed ICMP")				\
	X(ICMP_CSUM,	"icmp",	"bad ICMP checksum")				\
	X(ICMP_TYPE,	"icmp",	"ICMP type not served")				\
	X(ICMP_BCAST,	"icmp",	"ICMP echo to a broadcast address")		\
	X(UDP_BAD,	"udp",	"malformed UDP")				\
	X(UDP_CSUM,	"udp",	"bad UDP checksum")				\
	X(UDP_NOPORT,	"udp",	"no program listens on the port")		\
	X(UDP_FULL,	"udp",	"program's queue full")				\
	X(HOST_SOURCE,	"host",	"Linux sent from an address that is not ours")	\
	/* packet filter */							\
	X(PF_BLOCK,	"pf",	"blocked by rule")				\
	X(PF_STATE_LIMIT, "pf",	"no memory for a state")			\
	X(PF_SHORT,	"pf",	"transport header too short")			\
	X(PF_TCP_FLAGS,	"pf",	"TCP flags that no host sends")			\
	X(PF_TCP_WINDOW, "pf",	"TCP segment outside its state's window")	\
	X(PF_ICMP_STATE, "pf",	"ICMP error matches no state")			\
	X(PF_NOSTATE,	"pf",	"would create a state but is not a first packet") \
	/* policy */								\
	X(SPD_DISCARD,	"spd",	"policy says discard")				\
	X(SPD_NO_SA,	"spd",	"policy requires protection and no SA exists")	\
	X(SPD_HOLD,	"spd",	"too many packets wait for an SA")		\
	X(SPD_CLEAR,	"spd",	"arrived in clear but policy demands protection") \
	X(SPD_WRONG_SA,	"spd",	"came through an SA that policy does not accept") \
	X(SPD_UNAUTH,	"spd",	"no policy for a packet that came through an SA") \
	/* SAs, ESP */								\
	X(SAD_NOSPI,	"esp",	"no SA for the SPI")				\
	X(SAD_STATE,	"esp",	"SA not usable: larval, dying out or dead")	\
	X(SAD_LIFETIME,	"esp",	"hard lifetime reached")			\
	X(SAD_SELECTOR,	"esp",	"inner packet outside the SA's selectors")	\
	X(ESP_SHORT,	"esp",	"shorter than its header and ICV")		\
	X(ESP_ALIGN,	"esp",	"length not a multiple of the block size")	\
	X(ESP_BADAUTH,	"esp",	"integrity check failed")			\
	X(ESP_REPLAY,	"esp",	"sequence number replayed or too old")		\
	X(ESP_PADDING,	"esp",	"bad padding")					\
	X(ESP_NEXT,	"esp",	"unacceptable next header")			\
	X(ESP_SEQ,	"esp",	"sequence numbers exhausted")			\
	X(ESP_ENCAP,	"esp",	"UDP encapsulation missing or unexpected")	\
	X(ESP_DUMMY,	"esp",	"dummy packet (next header 59)")		\
	X(ESP_ECN,	"esp",	"congestion mark for a packet that cannot carry it (RFC 6040)") \
	X(ESP_CRYPTO,	"esp",	"no engine for the transform")			\
	X(NATT_KEEPALIVE, "natt", "NAT keepalive")				\
	X(NATT_SHORT,	"natt",	"UDP encapsulation too short")

enum drop_reason {
	DROP_NONE,
#define X(name, area, text) DROP_##name,
	DROP_REASONS(X)
#undef X
	DROP_MAX
};

/* Area and text of a reason, for netstat(1); never NULL for a valid reason. */
const char	*drop_area(enum drop_reason);
const char	*drop_text(enum drop_reason);
const char	*drop_name(enum drop_reason);	/* "ESP_BADAUTH" */

#endif
