/* SPDX-License-Identifier: ISC */
/*
 * The IPv4 header checks and the flow key of a packet (see ip.h).
 *
 * RFC 791 3.1, RFC 1122 3.2.1, RFC 1812 5.2.2 for the header; RFC 6274 for
 * addresses that cannot be; RFC 7126 for options; RFC 792 for what an ICMP
 * error quotes.
 */
#include "libutil/cur.h"
#include "netinet/ip.h"
#include "netinet/wire.h"
#include "pf/flow.h"

#define OPT_END		0
#define OPT_NOP		1
#define OPT_RR		7
#define OPT_TS		68
#define OPT_LSRR	131
#define OPT_SSRR	137
#define OPT_ALERT	148	/* RFC 2113: asks routers to look; harmless not to */

/*
 * Options (RFC 7126): those that route or record are refused, and all that
 * nobody needs; padding and the router alert pass.
 */
static enum drop_reason
options_check(const uint8_t *opt, size_t len)
{
	struct cur c = cur_init(opt, len);

	while (cur_left(&c) > 0) {
		unsigned type = cur_u8(&c), n;

		if (type == OPT_END)
			return DROP_NONE;
		if (type == OPT_NOP)
			continue;
		n = cur_u8(&c);
		if (n < 2)
			return DROP_IP_OPTIONS;
		cur_skip(&c, n - 2);
		if (!cur_ok(&c))
			return DROP_IP_OPTIONS;
		if (type == OPT_LSRR || type == OPT_SSRR)
			return DROP_IP_OPT_ROUTE;
		if (type == OPT_RR || type == OPT_TS)
			return DROP_IP_OPT_RECORD;
		if (type != OPT_ALERT || n != 4)
			return DROP_IP_OPT_OTHER;
	}
	return DROP_NONE;
}

static bool
on_loopback(const struct pkt *p)
{
	return p->pkt_ifp == NULL || (p->pkt_ifp->if_flags & IF_F_LOOPBACK);
}

/*
 * Addresses that no packet on a wire has (RFC 1122 3.2.1.3, RFC 6274 3.17):
 * "this network", loopback, multicast or broadcast as source, class E.
 * Host byte order.
 */
static bool
addresses_possible(const struct pkt *p, uint32_t src, uint32_t dst)
{
	uint32_t s = src >> 24, d = dst >> 24;

	if (s == 0 || s >= 224 || d == 0 || (d >= 240 && dst != INADDR_BROADCAST))
		return false;
	if ((s == 127 || d == 127) && !on_loopback(p))
		return false;
	return src != dst || on_loopback(p);
}

/* Everything about the header but its checksum, for one that is not plain. */
static enum drop_reason
header_check_slow(const struct pkt *p)
{
	unsigned hlen = ip_hlen(p->pkt_data);

	if (p->pkt_data[0] >> 4 != 4)
		return DROP_IP_VERSION;
	if (hlen < IP_HLEN)
		return DROP_IP_HLEN;
	if (hlen > p->pkt_len)
		return DROP_IP_SHORT;
	if (in_fold(in_sum(p->pkt_data, hlen, 0)) != 0)
		return DROP_IP_CSUM;
	return options_check(p->pkt_data + IP_HLEN, hlen - IP_HLEN);
}

/* An IPv4 address as the first eight bytes of a key's address. */
static inline uint64_t
key_word(uint32_t a)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return a;
#else
	return (uint64_t)a << 32;
#endif
}

/* Whole words: a hash that reads them then need not wait for narrower stores. */
static inline void
key_addresses(struct flow_key *k, uint32_t src, uint32_t dst)
{
	k->fk_src[0] = key_word(src);
	k->fk_dst[0] = key_word(dst);
	k->fk_src[1] = k->fk_dst[1] = 0;
	k->fk_af = AF_INET;
	k->fk_rdomain = 0;
}

/* Queries whose identifier pairs them with their replies (RFC 792). */
static bool
icmp_has_id(unsigned type)
{
	return type == ICMPT_ECHO || type == ICMPT_ECHOREPLY ||
	    (type >= ICMPT_TSTAMP && type <= 18);
}

/*
 * What an ICMP error is about (RFC 1812 4.3.2.3: at least the header and
 * eight bytes): the key of that packet, turned round.
 */
static enum drop_reason
icmp_quoted(struct pkt *p, size_t left)
{
	struct cur c = cur_init(p->pkt_l4 + ICMP_HLEN, left - ICMP_HLEN);
	const uint8_t *ip = cur_bytes(&c, IP_HLEN);
	struct flow_key *k = &p->pkt_key;
	const uint8_t *l4;

	if (ip == NULL || ip[0] >> 4 != 4 || ip_hlen(ip) < IP_HLEN)
		return DROP_ICMP_BAD;
	cur_skip(&c, ip_hlen(ip) - IP_HLEN);
	if ((l4 = cur_bytes(&c, 8)) == NULL)
		return DROP_ICMP_BAD;
	/* An error goes to whom the packet came from. */
	if (raw32(ip + IPH_SRC) != k->fk_dst4)
		return DROP_ICMP_BAD;
	key_addresses(k, raw32(ip + IPH_DST), raw32(ip + IPH_SRC));
	k->fk_proto = ip[IPH_PROTO];
	k->fk_sport = k->fk_dport = 0;
	if (be16(ip + IPH_OFF) & IPOFF_MASK)
		return DROP_NONE;
	if (k->fk_proto == IPPROTO_TCP || k->fk_proto == IPPROTO_UDP) {
		k->fk_dport = raw16(l4);
		k->fk_sport = raw16(l4 + 2);
	} else if (k->fk_proto == IPPROTO_ICMP) {
		if (!icmp_has_id(l4[0]))
			return DROP_ICMP_BAD;	/* an error about an error */
		k->fk_sport = k->fk_dport = raw16(l4 + ICMP_ID);
	}
	return DROP_NONE;
}

static enum drop_reason
icmp_parse(struct pkt *p, size_t left)
{
	struct flow_key *k = &p->pkt_key;

	if (left < ICMP_HLEN)
		return DROP_ICMP_BAD;
	p->pkt_icmp_type = p->pkt_l4[0];
	p->pkt_icmp_code = p->pkt_l4[1];
	if (ip_is_icmp_error(p))
		return icmp_quoted(p, left);
	if (icmp_has_id(p->pkt_icmp_type))
		k->fk_sport = k->fk_dport = raw16(p->pkt_l4 + ICMP_ID);
	return DROP_NONE;
}

/* Of TCP and UDP: whether the header is there. */
static inline enum drop_reason
ports_check(struct pkt *p, size_t left)
{
	unsigned hlen;

	if (p->pkt_proto == IPPROTO_UDP)
		return left < UDP_HLEN ? DROP_PF_SHORT : DROP_NONE;
	if (left < TCP_HLEN)
		return DROP_PF_SHORT;
	hlen = (p->pkt_l4[TCP_OFF] >> 4) * 4u;
	if (hlen < TCP_HLEN || hlen > left)
		return DROP_PF_SHORT;
	p->pkt_tcpflags = p->pkt_l4[TCP_FLAGS];
	return DROP_NONE;
}

/*
 * The transport header, of which left bytes are there.  The key is made in a
 * local, for its hash, and stored once.
 */
static inline enum drop_reason
transport_parse(struct pkt *p, size_t left)
{
	const uint8_t *ip = p->pkt_data;
	struct flow_key k = { .fk_proto = p->pkt_proto };
	enum drop_reason why = DROP_NONE;

	key_addresses(&k, raw32(ip + IPH_SRC), raw32(ip + IPH_DST));
	p->pkt_tcpflags = 0;
	p->pkt_icmp_type = p->pkt_icmp_code = 0;
	if (k.fk_proto == IPPROTO_TCP || k.fk_proto == IPPROTO_UDP) {
		if ((why = ports_check(p, left)) != DROP_NONE)
			return why;
		k.fk_sport = raw16(p->pkt_l4);
		k.fk_dport = raw16(p->pkt_l4 + 2);
	} else if (k.fk_proto == IPPROTO_ICMP) {
		p->pkt_key = k;
		why = icmp_parse(p, left);
		k = p->pkt_key;
	}
	p->pkt_key = k;
	p->pkt_hash = flow_hash(&k);
	return why;
}

static void
fragment_parse(struct pkt *p)
{
	const uint8_t *ip = p->pkt_data;
	struct flow_key *k = &p->pkt_key;

	key_addresses(k, raw32(ip + IPH_SRC), raw32(ip + IPH_DST));
	k->fk_proto = p->pkt_proto;
	k->fk_sport = k->fk_dport = 0;
	p->pkt_l4 = NULL;
	p->pkt_hash = flow_hash(k);
}

bool
ip_is_fragment(const struct pkt *p)
{
	return (be16(p->pkt_data + IPH_OFF) & (IPOFF_MF | IPOFF_MASK)) != 0;
}

enum drop_reason
ip_parse(struct pkt *p)
{
	const uint8_t *ip = p->pkt_data;
	enum drop_reason why;
	unsigned hlen = IP_HLEN, len;

	if (p->pkt_len < IP_HLEN)
		return DROP_IP_SHORT;
	if (ip[0] == 0x45) {
		if (!ip_plain_csum_ok(ip))
			return DROP_IP_CSUM;
	} else if ((why = header_check_slow(p)) != DROP_NONE) {
		return why;
	} else {
		hlen = ip_hlen(ip);
	}
	len = be16(ip + IPH_LEN);
	if (len < hlen || len > p->pkt_len)
		return DROP_IP_LEN;
	if (!addresses_possible(p, be32(ip + IPH_SRC), be32(ip + IPH_DST)))
		return DROP_IP_ADDR;

	p->pkt_len = len;
	p->pkt_af = AF_INET;
	p->pkt_proto = ip[IPH_PROTO];
	if (__builtin_expect(ip_is_fragment(p), 0)) {
		fragment_parse(p);
		return DROP_NONE;
	}
	p->pkt_l4 = p->pkt_data + hlen;
	return transport_parse(p, len - hlen);
}
