/* SPDX-License-Identifier: ISC */
/*
 * Frames for tests: built from the link up with right lengths and sums, by a
 * second implementation that is slow and plain.
 */
#ifndef REGRESS_SYS_TESTPKT_H
#define REGRESS_SYS_TESTPKT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libutil/addr.h"

#define TP_ETHER	14
#define TP_IP		(TP_ETHER + 20)
#define TP_L4		(TP_IP + 8)

struct tp_spec {
	const uint8_t	*tp_dmac, *tp_smac;	/* NULL: zeroes */
	const char	*tp_src, *tp_dst;	/* IPv4 */
	uint8_t		 tp_proto;
	uint8_t		 tp_ttl;		/* 0: 64 */
	uint16_t	 tp_id, tp_off;		/* tp_off with flags */
	uint16_t	 tp_sport, tp_dport;	/* host order; ICMP echo: identifier and sequence */
	uint8_t		 tp_flags;		/* TCP; ICMP: type */
	uint8_t		 tp_code;		/* ICMP */
	uint32_t	 tp_seq, tp_ack;	/* TCP */
	const void	*tp_data;		/* NULL: a pattern */
	size_t		 tp_len;		/* of the payload */
};

static inline uint16_t
tp_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static inline void
tp_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
tp_put32(uint8_t *p, uint32_t v)
{
	tp_put16(p, v >> 16);
	tp_put16(p + 2, v & 0xffff);
}

static inline unsigned
tp_get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline uint32_t
tp_get32(const uint8_t *p)
{
	return (uint32_t)tp_get16(p) << 16 | tp_get16(p + 2);
}

/* The sum over pseudo-header and transport part of an IPv4 packet; 0xffff is right. */
static inline uint16_t
tp_transport_sum(const uint8_t *ip, size_t len)
{
	size_t n = len - (ip[0] & 15u) * 4;
	uint8_t pseudo[12];

	memcpy(pseudo, ip + 12, 8);
	pseudo[8] = 0;
	pseudo[9] = ip[9];
	tp_put16(pseudo + 10, (unsigned)n);
	return tp_sum(ip + len - n, n, ip[9] == 1 ? 0 : tp_sum(pseudo, 12, 0));
}

/* Is the packet whole and are both sums right? */
static inline bool
tp_valid(const uint8_t *ip, size_t len)
{
	size_t hlen = (ip[0] & 15u) * 4;

	if (len < 20 || tp_get16(ip + 2) != len || tp_sum(ip, hlen, 0) != 0xffff)
		return false;
	if (tp_get16(ip + 6) & 0x3fff)
		return true;
	if (ip[9] == 17 && tp_get16(ip + hlen + 6) == 0)
		return true;
	if (ip[9] == 1 || ip[9] == 6 || ip[9] == 17)
		return tp_transport_sum(ip, len) == 0xffff;
	return true;
}

/* Sums of the IPv4 header at ip and what is behind it. */
static inline void
tp_finish(uint8_t *ip, size_t len)
{
	size_t hlen = (ip[0] & 15u) * 4, at;

	tp_put16(ip + 10, 0);
	tp_put16(ip + 10, (uint16_t)~tp_sum(ip, hlen, 0));
	at = ip[9] == 1 ? 2 : ip[9] == 6 ? 16 : ip[9] == 17 ? 6 : 0;
	if (at == 0 || (tp_get16(ip + 6) & 0x1fff))
		return;
	tp_put16(ip + hlen + at, 0);
	tp_put16(ip + hlen + at, (uint16_t)~tp_transport_sum(ip, len));
}

/* A frame; its length. The buffer holds TP_ETHER + 20 + 20 + tp_len bytes. */
static inline size_t
tp_build(uint8_t *f, const struct tp_spec *s)
{
	size_t l4 = s->tp_proto == 6 ? 20 : s->tp_proto == 17 || s->tp_proto == 1 ? 8 : 0;
	size_t len = 20 + l4 + s->tp_len;
	uint8_t *ip = f + TP_ETHER, *t = ip + 20;
	struct addr a;

	memset(f, 0, TP_ETHER + 20 + l4);
	if (s->tp_dmac != NULL)
		memcpy(f, s->tp_dmac, 6);
	if (s->tp_smac != NULL)
		memcpy(f + 6, s->tp_smac, 6);
	f[12] = 8;
	ip[0] = 0x45;
	tp_put16(ip + 2, (unsigned)len);
	tp_put16(ip + 4, s->tp_id);
	tp_put16(ip + 6, s->tp_off);
	ip[8] = s->tp_ttl == 0 ? 64 : s->tp_ttl;
	ip[9] = s->tp_proto;
	if (!addr_parse(s->tp_src, &a))
		abort();
	memcpy(ip + 12, a.ad_bytes, 4);
	if (!addr_parse(s->tp_dst, &a))
		abort();
	memcpy(ip + 16, a.ad_bytes, 4);
	if (s->tp_proto == 6) {
		tp_put16(t, s->tp_sport);
		tp_put16(t + 2, s->tp_dport);
		tp_put32(t + 4, s->tp_seq);
		tp_put32(t + 8, s->tp_ack);
		t[12] = 0x50;
		t[13] = s->tp_flags;
		tp_put16(t + 14, 65535);
	} else if (s->tp_proto == 17) {
		tp_put16(t, s->tp_sport);
		tp_put16(t + 2, s->tp_dport);
		tp_put16(t + 4, (unsigned)(8 + s->tp_len));
	} else if (s->tp_proto == 1) {
		t[0] = s->tp_flags;
		t[1] = s->tp_code;
		tp_put16(t + 4, s->tp_sport);
		tp_put16(t + 6, s->tp_dport);
	}
	for (size_t i = 0; i < s->tp_len; i++)
		t[l4 + i] = s->tp_data != NULL ? ((const uint8_t *)s->tp_data)[i] :
		    (uint8_t)(i * 7 + (i >> 8));
	tp_finish(ip, len);
	return TP_ETHER + len;
}

#endif
