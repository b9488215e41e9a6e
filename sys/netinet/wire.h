/* SPDX-License-Identifier: ISC */
/*
 * Fields of IPv4, TCP, UDP and ICMP headers in packets: where they are, and
 * their reading and writing at any alignment.  Whoever uses these has
 * checked that the header is there (ip_parse()).
 */
#ifndef NETINET_WIRE_H
#define NETINET_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define IP_HLEN		20	/* without options (RFC 791 section 3.1) */
#define IPH_TOS		1
#define IPH_LEN		2
#define IPH_ID		4
#define IPH_OFF		6
#define IPH_TTL		8
#define IPH_PROTO	9
#define IPH_SUM		10
#define IPH_SRC		12
#define IPH_DST		16
#define IPOFF_DF	0x4000
#define IPOFF_MF	0x2000
#define IPOFF_MASK	0x1fff	/* units of 8 bytes */

#define TCP_HLEN	20	/* RFC 9293 section 3.1 */
#define TCP_SEQ		4
#define TCP_ACK		8
#define TCP_OFF		12	/* high four bits: words */
#define TCP_FLAGS	13
#define TCP_WIN		14
#define TCP_SUM		16
#define TCPF_FIN	0x01
#define TCPF_SYN	0x02
#define TCPF_RST	0x04
#define TCPF_PSH	0x08
#define TCPF_ACK	0x10
#define TCPF_URG	0x20
#define TCPF_CWR	0x80

#define UDP_HLEN	8	/* RFC 768 */
#define UDP_LEN		4
#define UDP_SUM		6

#define ICMP_HLEN	8	/* RFC 792 */
#define ICMP_SUM	2
#define ICMP_ID		4
#define ICMP_MTU	6	/* RFC 1191 section 4 */

/* RFC 792, RFC 1812 section 5.2.7.1 */
#define ICMPT_ECHOREPLY	0
#define ICMPT_UNREACH	3
#define ICMPT_QUENCH	4
#define ICMPT_REDIRECT	5
#define ICMPT_ECHO	8
#define ICMPT_TIMXCEED	11
#define ICMPT_PARAM	12
#define ICMPT_TSTAMP	13
#define ICMPT_TSREPLY	14
#define ICMPC_NET	0
#define ICMPC_HOST	1
#define ICMPC_PROTO	2
#define ICMPC_PORT	3
#define ICMPC_NEEDFRAG	4
#define ICMPC_NETPROHIBIT 9
#define ICMPC_HOSTPROHIBIT 10
#define ICMPC_PROHIBIT	13
#define ICMPC_TTL	0
#define ICMPC_REASS	1

static inline uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

/* As they lie, in network order. */
static inline uint16_t
raw16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t
raw32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
set16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline unsigned
ip_hlen(const uint8_t *ip)
{
	return (ip[0] & 15u) * 4;
}

/* The checksum of a header without options is right. */
static inline bool
ip_plain_csum_ok(const uint8_t *ip)
{
	uint64_t a, b;
	uint32_t c;

	memcpy(&a, ip, 8);
	memcpy(&b, ip + 8, 8);
	memcpy(&c, ip + 16, 4);
	a = (a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32) + c;
	a = (a & 0xffff) + (a >> 16 & 0xffff) + (a >> 32);
	a = (a & 0xffff) + (a >> 16);
	return (a & 0xffff) + (a >> 16) == 0xffff;
}

#endif
