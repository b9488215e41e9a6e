/* SPDX-License-Identifier: ISC */
/*
 * Driver "pktgen": makes UDP packets as fast as they are taken, and counts
 * and forgets what is sent to it.  For benchmarks.
 *
 *	size=N		bytes of the IPv4 packet (28..9000), default 60
 *	imix		sizes 40, 576 and 1420 as 7:4:1 instead
 *	src=A srcs=N	source addresses A, A+1, ... N of them
 *	dst=A dsts=N	destination addresses, likewise
 *	flows=N		so many flows over these addresses, told apart by port
 *	random		flows in random order instead of one after the other
 *	dmac=M		destination station; default: this interface's own
 *	count=N		end after so many packets; default: never
 *	sink		make nothing
 *
 * To cost little beside what is measured, only headers are written: 42
 * bytes from a template with four fields changed, the IPv4 checksum adjusted
 * by their sum.  Payload is whatever the buffer held.  Buffers come from the
 * pool's stack, so that the same few stay in the cache.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/dev.h"
#include "dev/options.h"
#include "net/ether.h"

#define IPV4_HLEN	20
#define UDP_HLEN	8
#define HEADERS		(ETHER_HLEN + IPV4_HLEN + UDP_HLEN)
#define PORT_FIRST	1024u
#define PORTS		60000u
#define SIZES		12

struct pktgen_template {
	uint8_t		gt_hdr[64];	/* HEADERS used; copied whole */
	uint32_t	gt_len;		/* frame */
	uint32_t	gt_sum;		/* one's complement sum without what changes */
};

struct pktgen_queue {
	_Alignas(64) uint64_t gq_next;		/* flow; or state of the random order */
	uint64_t	gq_count;		/* made */
	unsigned	gq_size;		/* next template */
};

struct pktgen {
	struct pktgen_template	pg_template[SIZES];
	unsigned		pg_sizes;
	uint32_t		pg_src, pg_dst;	/* host order */
	uint32_t		pg_srcs, pg_dsts, pg_flows;
	uint64_t		pg_limit;	/* of each queue */
	bool			pg_random, pg_sink;
	uint8_t			pg_dmac[6];
	bool			pg_dmac_set;
	uint32_t		pg_size;	/* 0: imix */
	struct pktgen_queue	pg_q[NK_WORKERS_MAX];
};

/* ---- templates ---- */

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
template_make(struct pktgen_template *gt, const struct ifnet *ifp, uint32_t size)
{
	const struct pktgen *pg = ifp->if_priv;
	uint8_t *h = gt->gt_hdr, *ip = h + ETHER_HLEN;
	unsigned i;

	gt->gt_len = ETHER_HLEN + size;
	memcpy(h, pg->pg_dmac_set ? pg->pg_dmac : ifp->if_mac, 6);
	memcpy(h + 6, "\x02\x70\x67\x00\x00\x01", 6);
	put16(h + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, size);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	put16(ip + IPV4_HLEN + 2, 9);		/* discard */
	put16(ip + IPV4_HLEN + 4, size - IPV4_HLEN);
	gt->gt_sum = 0;
	for (i = 0; i < IPV4_HLEN; i += 2)
		gt->gt_sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
}

static void
templates_make(struct ifnet *ifp)
{
	static const uint16_t imix[SIZES] = { 40, 576, 40, 40, 1420, 40, 576, 40, 40,
	    576, 40, 576 };
	struct pktgen *pg = ifp->if_priv;
	unsigned i;

	pg->pg_sizes = pg->pg_size == 0 ? SIZES : 1;
	for (i = 0; i < pg->pg_sizes; i++)
		template_make(&pg->pg_template[i], ifp,
		    pg->pg_size == 0 ? imix[i] : pg->pg_size);
}

/* ---- the argument ---- */

static bool
set_mac(struct pktgen *pg, const char *text)
{
	unsigned m[6], i;
	char end;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &m[0], &m[1], &m[2], &m[3],
	    &m[4], &m[5], &end) != 6)
		return false;
	for (i = 0; i < 6; i++)
		pg->pg_dmac[i] = (uint8_t)m[i];
	pg->pg_dmac_set = true;
	return true;
}

static bool
set_address(uint32_t *out, const char *text)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*out = ntohl(in.s_addr);
	return true;
}

static bool
set_number(uint32_t *out, const char *text, uint64_t least, uint64_t most)
{
	uint64_t v;

	if (!option_number(text, least, most, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool
set_option(struct pktgen *pg, const char *name, const char *value)
{
	if (strcmp(name, "size") == 0)
		return set_number(&pg->pg_size, value, IPV4_HLEN + UDP_HLEN, 9000);
	if (strcmp(name, "imix") == 0)
		return pg->pg_size = 0, true;
	if (strcmp(name, "src") == 0)
		return set_address(&pg->pg_src, value);
	if (strcmp(name, "srcs") == 0)
		return set_number(&pg->pg_srcs, value, 1, 1u << 24);
	if (strcmp(name, "dst") == 0)
		return set_address(&pg->pg_dst, value);
	if (strcmp(name, "dsts") == 0)
		return set_number(&pg->pg_dsts, value, 1, 1u << 24);
	if (strcmp(name, "flows") == 0)
		return set_number(&pg->pg_flows, value, 1, 1u << 24);
	if (strcmp(name, "random") == 0)
		return pg->pg_random = true;
	if (strcmp(name, "sink") == 0)
		return pg->pg_sink = true;
	if (strcmp(name, "dmac") == 0)
		return set_mac(pg, value);
	if (strcmp(name, "count") == 0)
		return option_number(value, 1, UINT64_MAX, &pg->pg_limit);
	return false;
}

static int
pktgen_open(struct ifnet *ifp, const char *arg, unsigned nq, char *err, size_t errlen)
{
	struct pktgen *pg = aligned_alloc(64, sizeof(*pg));
	struct option_iter oi;

	(void)nq;
	if (pg == NULL)
		return ENOMEM;
	*pg = (struct pktgen){ .pg_size = 60, .pg_src = 0x0a010002, .pg_dst = 0x0a020002,
	    .pg_srcs = 1, .pg_dsts = 1, .pg_flows = 1, .pg_limit = UINT64_MAX };
	option_start(&oi, arg);
	while (option_next(&oi))
		if (!set_option(pg, oi.oi_name, oi.oi_value)) {
			snprintf(err, errlen, "driver pktgen: '%s%s%s' is wrong; netkern(8) lists the options",
			    oi.oi_name, oi.oi_value[0] != '\0' ? "=" : "", oi.oi_value);
			free(pg);
			return EINVAL;
		}
	ifp->if_priv = pg;
	ifp->if_mtu = 9000;
	ifp->if_caps = IF_CAP_CSUM;
	memcpy(ifp->if_mac, "\x02\x70\x67\x00\x01", 5);
	ifp->if_mac[5] = (uint8_t)ifp->if_nk->nk_ifs->it_n;
	templates_make(ifp);
	return 0;
}

static void
pktgen_close(struct ifnet *ifp)
{
	free(ifp->if_priv);
	ifp->if_priv = NULL;
}

/* ---- packets ---- */

static inline uint32_t
next_flow(const struct pktgen *pg, struct pktgen_queue *gq)
{
	uint64_t r;

	if (pg->pg_flows == 1)
		return 0;
	if (pg->pg_random) {
		gq->gq_next = gq->gq_next * 6364136223846793005ull + 1442695040888963407ull;
		r = gq->gq_next >> 32;
		return (uint32_t)(r * pg->pg_flows >> 32);
	}
	if (++gq->gq_next >= pg->pg_flows)
		gq->gq_next = 0;
	return (uint32_t)gq->gq_next;
}

static inline uint32_t
split(uint32_t v)
{
	return (v >> 16) + (v & 0xffff);
}

static inline void
make(const struct pktgen *pg, struct pktgen_queue *gq, struct pkt *p)
{
	const struct pktgen_template *gt = &pg->pg_template[gq->gq_size];
	uint32_t flow = next_flow(pg, gq);
	uint32_t src = pg->pg_src + (pg->pg_srcs == 1 ? 0 : flow % pg->pg_srcs);
	uint32_t dst = pg->pg_dst + (pg->pg_dsts == 1 ? 0 : flow % pg->pg_dsts);
	uint32_t sum = gt->gt_sum + split(src) + split(dst);
	uint16_t port = htons((uint16_t)(PORT_FIRST + flow % PORTS));
	uint8_t *ip = p->pkt_data + ETHER_HLEN;

	if (++gq->gq_size == pg->pg_sizes)
		gq->gq_size = 0;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = ~((sum >> 16) + sum);
	src = htonl(src);
	dst = htonl(dst);
	memcpy(p->pkt_data, gt->gt_hdr, sizeof(gt->gt_hdr));
	put16(ip + 10, sum);
	memcpy(ip + 12, &src, 4);
	memcpy(ip + 16, &dst, 4);
	memcpy(ip + IPV4_HLEN, &port, 2);
	p->pkt_len = gt->gt_len;
}

static unsigned
pktgen_rx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	const struct pktgen *pg = ifp->if_priv;
	struct pktgen_queue *gq = &((struct pktgen *)ifp->if_priv)->pg_q[q];
	unsigned n = 0, room = PKT_VEC_MAX - v->pv_n;
	struct pkt *p;

	if (pg->pg_sink || (ifp->if_flags & IF_F_UP) == 0)
		return 0;
	if (room > pg->pg_limit - gq->gq_count)
		room = (unsigned)(pg->pg_limit - gq->gq_count);
	for (n = 0; n < room; n++) {
		p = pkt_alloc(w, pg->pg_template[gq->gq_size].gt_len);
		if (p == NULL)
			break;
		make(pg, gq, p);
		pktvec_add(v, p);
	}
	gq->gq_count += n;
	return n;
}

static void
pktgen_tx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	unsigned i;

	(void)ifp;
	(void)q;
	for (i = 0; i < v->pv_n; i++)
		pkt_free(w, v->pv_pkt[i]);
	v->pv_n = 0;
}

static int
pktgen_fd(struct ifnet *ifp, unsigned q)
{
	(void)ifp;
	(void)q;
	return -1;
}

const struct if_ops pktgen_ops = {
	.io_name = "pktgen",
	.io_open = pktgen_open,
	.io_close = pktgen_close,
	.io_rx = pktgen_rx,
	.io_tx = pktgen_tx,
	.io_fd = pktgen_fd,
};
