/* SPDX-License-Identifier: ISC */
/*
 * Super-packets out of ordinary packets, for devices that cut them up again:
 * many segments leave by one write.
 *
 * TCP segments join if they follow one another and differ in nothing but
 * sequence number, length, checksum and identification, so that cutting
 * gives back what came in: same addresses, ports, type of service, time to
 * live, acknowledgment, window, flags and options, byte by byte.  Only the
 * last may be shorter or carry PSH.  UDP datagrams join if they have the
 * same ends and size; again only the last may be shorter.
 *
 * The device computes checksums afresh.  A segment therefore joins only if
 * its own was right: otherwise a damaged one would leave with a good sum.
 *
 * Packets of one flow stay in order; what does not join ends the run.
 */
#include "netinet/ip.h"
#include "netinet/meta.h"
#include "netinet/wire.h"

#define RUNS		8	/* flows followed at a time */
#define SUPER_MAX	65535u	/* an IPv4 packet */
#define TCP_FIXED	(TCP_HLEN + IP_HLEN)

/* A packet that may join others. */
struct piece {
	struct pkt	*pc_pkt;
	uint32_t	 pc_seq;
	unsigned	 pc_head;	/* bytes of headers */
	unsigned	 pc_len;	/* bytes of payload */
	bool		 pc_tcp;
	bool		 pc_push;
};

/* Packets of one flow that have joined, or may. */
struct run {
	unsigned	 rn_at;		/* its place in the vector */
	struct piece	 rn_first;
	uint32_t	 rn_next;	/* sequence number that continues it */
	unsigned	 rn_pieces;
	bool		 rn_open;
};

struct runs {
	unsigned	rs_n;
	struct run	rs_run[RUNS];
};

static bool
device_takes(const struct pkt *p, unsigned proto)
{
	if (p->pkt_oif == NULL)
		return false;
	return (p->pkt_oif->if_caps & (proto == IPPROTO_TCP ? IF_CAP_TSO : IF_CAP_USO)) != 0;
}

static bool
any_device_takes(const struct pktvec *v)
{
	for (unsigned i = 0; i < v->pv_n; i++)
		if (v->pv_pkt[i]->pkt_oif != NULL &&
		    (v->pv_pkt[i]->pkt_oif->if_caps & (IF_CAP_TSO | IF_CAP_USO)))
			return true;
	return false;
}

static bool
csum_right(const struct pkt *p, const struct piece *pc)
{
	const uint8_t *ip = p->pkt_data;
	unsigned len = p->pkt_len - IP_HLEN;
	const uint8_t tail[4] = { 0, ip[IPH_PROTO], (uint8_t)(len >> 8), (uint8_t)len };

	if (p->pkt_flags & PKT_F_CSUM_OK)
		return true;
	if (!pc->pc_tcp && raw16(ip + IP_HLEN + UDP_SUM) == 0)
		return true;
	return in_fold(in_sum(ip + IP_HLEN, len,
	    in_sum(tail, 4, in_sum(ip + IPH_SRC, 8, 0)))) == 0;
}

static bool
piece_tcp(struct piece *pc, const uint8_t *ip, unsigned len)
{
	const uint8_t *tcp = ip + IP_HLEN;
	unsigned hlen;

	if (len < TCP_FIXED || (hlen = (tcp[TCP_OFF] >> 4) * 4u) < TCP_HLEN ||
	    len <= IP_HLEN + hlen ||
	    (tcp[TCP_FLAGS] & ~TCPF_PSH) != TCPF_ACK || (tcp[TCP_OFF] & 15) != 0)
		return false;
	pc->pc_head = IP_HLEN + hlen;
	pc->pc_len = len - pc->pc_head;
	pc->pc_seq = be32(tcp + TCP_SEQ);
	pc->pc_push = (tcp[TCP_FLAGS] & TCPF_PSH) != 0;
	return true;
}

static bool
piece_udp(struct piece *pc, const uint8_t *ip, unsigned len)
{
	if (len <= IP_HLEN + UDP_HLEN || be16(ip + IP_HLEN + UDP_LEN) != len - IP_HLEN)
		return false;
	pc->pc_head = IP_HLEN + UDP_HLEN;
	pc->pc_len = len - pc->pc_head;
	return true;
}

/* Reads what matters; false: this packet joins nothing. */
static bool
piece_of(struct pkt *p, struct piece *pc)
{
	const uint8_t *ip = p->pkt_data;

	*pc = (struct piece){ .pc_pkt = p };
	if (p->pkt_len < IP_HLEN || ip[0] != 0x45 || p->pkt_gso_size != 0 ||
	    p->pkt_frag_max != 0 || (p->pkt_flags & PKT_F_CSUM_PARTIAL) ||
	    (be16(ip + IPH_OFF) & ~IPOFF_DF) != 0 || be16(ip + IPH_LEN) != p->pkt_len ||
	    !device_takes(p, ip[IPH_PROTO]))
		return false;
	pc->pc_tcp = ip[IPH_PROTO] == IPPROTO_TCP;
	if (pc->pc_tcp)
		return piece_tcp(pc, ip, p->pkt_len);
	return ip[IPH_PROTO] == IPPROTO_UDP && piece_udp(pc, ip, p->pkt_len);
}

/* Same ends and protocol: the flow whose order counts. */
static bool
same_flow(const uint8_t *a, const uint8_t *b)
{
	return a[IPH_PROTO] == b[IPH_PROTO] && memcmp(a + IPH_SRC, b + IPH_SRC, 12) == 0;
}

/* The identification that the cutter will give to the next piece. */
static bool
id_continues(const struct run *rn, const uint8_t *ip)
{
	const uint8_t *first = rn->rn_first.pc_pkt->pkt_data;

	if (be16(ip + IPH_OFF) & IPOFF_DF)
		return true;		/* RFC 6864: it means nothing */
	return rn->rn_first.pc_tcp == false ||
	    be16(ip + IPH_ID) == (uint16_t)(be16(first + IPH_ID) + rn->rn_pieces);
}

static bool
headers_equal(const struct run *rn, const struct piece *pc)
{
	const uint8_t *a = rn->rn_first.pc_pkt->pkt_data, *b = pc->pc_pkt->pkt_data;
	const uint8_t *ta = a + IP_HLEN, *tb = b + IP_HLEN;

	if (a[IPH_TOS] != b[IPH_TOS] || a[IPH_TTL] != b[IPH_TTL] ||
	    raw16(a + IPH_OFF) != raw16(b + IPH_OFF))
		return false;
	if (!pc->pc_tcp)
		return (raw16(ta + UDP_SUM) == 0) == (raw16(tb + UDP_SUM) == 0);
	return raw32(ta + TCP_ACK) == raw32(tb + TCP_ACK) &&
	    raw16(ta + TCP_WIN) == raw16(tb + TCP_WIN) &&
	    memcmp(ta + TCP_HLEN, tb + TCP_HLEN, pc->pc_head - TCP_FIXED) == 0;
}

static bool
run_takes(const struct run *rn, const struct piece *pc)
{
	const struct pkt *a = rn->rn_first.pc_pkt, *b = pc->pc_pkt;

	return rn->rn_open && pc->pc_head == rn->rn_first.pc_head &&
	    pc->pc_len <= rn->rn_first.pc_len && a->pkt_oif == b->pkt_oif &&
	    a->pkt_neigh == b->pkt_neigh && a->pkt_flow == b->pkt_flow &&
	    (a->pkt_flags & (PKT_F_LOCAL_OUT | PKT_F_TTL_DONE)) ==
	    (b->pkt_flags & (PKT_F_LOCAL_OUT | PKT_F_TTL_DONE)) &&
	    (!pc->pc_tcp || pc->pc_seq == rn->rn_next) &&
	    a->pkt_len + pc->pc_len <= SUPER_MAX &&
	    headers_equal(rn, pc) && id_continues(rn, b->pkt_data);
}

/* The first packet moves into a large buffer. False: there is none. */
static bool
run_grow(struct worker *w, struct pktvec *v, struct run *rn)
{
	struct pkt *p = rn->rn_first.pc_pkt, *big = pkt_alloc(w, SUPER_MAX);

	if (big == NULL)
		return false;
	big->pkt_len = p->pkt_len;
	pkt_inherit(big, p);
	memcpy(big->pkt_data, p->pkt_data, p->pkt_len);
	big->pkt_l4 = big->pkt_data + IP_HLEN;
	v->pv_pkt[rn->rn_at] = rn->rn_first.pc_pkt = big;
	pkt_free(w, p);
	return true;
}

static bool
run_join(struct worker *w, struct pktvec *v, struct run *rn, const struct piece *pc)
{
	struct pkt *big;

	if (rn->rn_pieces == 1 && !run_grow(w, v, rn))
		return false;
	big = rn->rn_first.pc_pkt;
	memcpy(big->pkt_data + big->pkt_len, pc->pc_pkt->pkt_data + pc->pc_head, pc->pc_len);
	big->pkt_len += pc->pc_len;
	rn->rn_next += pc->pc_len;
	rn->rn_pieces++;
	if (pc->pc_push)
		big->pkt_data[IP_HLEN + TCP_FLAGS] |= TCPF_PSH;
	rn->rn_open = !pc->pc_push && pc->pc_len == rn->rn_first.pc_len;
	counter_add(&w->w_count[CNT_GRO_SEGS], rn->rn_pieces == 2 ? 2 : 1);
	pkt_free(w, pc->pc_pkt);
	return true;
}

static void
run_finish(struct worker *w, const struct run *rn)
{
	const struct piece *first = &rn->rn_first;

	if (rn->rn_pieces < 2)
		return;
	gso_mark(first->pc_pkt, first->pc_tcp ? PKT_GSO_TCP4 : PKT_GSO_UDP,
	    (uint16_t)first->pc_len);
	counter_add(&w->w_count[CNT_GRO_OUT], 1);
}

static struct run *
run_find(struct runs *rs, const uint8_t *ip)
{
	for (unsigned i = 0; i < rs->rs_n; i++)
		if (same_flow(rs->rs_run[i].rn_first.pc_pkt->pkt_data, ip))
			return &rs->rs_run[i];
	return NULL;
}

/* A new run takes the place of an older one of its flow, or of the first. */
static void
run_start(struct worker *w, struct runs *rs, struct run *rn, const struct piece *pc,
    unsigned at)
{
	if (rn == NULL && rs->rs_n < RUNS) {
		rn = &rs->rs_run[rs->rs_n++];
	} else {
		if (rn == NULL)
			rn = &rs->rs_run[0];
		run_finish(w, rn);
	}
	*rn = (struct run){ .rn_at = at, .rn_first = *pc, .rn_pieces = 1,
	    .rn_next = pc->pc_seq + pc->pc_len, .rn_open = !pc->pc_push };
}

void
gro_merge(struct worker *w, struct pktvec *v)
{
	struct runs rs;
	unsigned n = 0;

	if (v->pv_n < 2 || !any_device_takes(v))
		return;
	rs.rs_n = 0;
	for (unsigned i = 0; i < v->pv_n; i++) {
		struct pkt *p = v->pv_pkt[i];
		struct run *rn = rs.rs_n == 0 || p->pkt_len < IP_HLEN + 4 ? NULL :
		    run_find(&rs, p->pkt_data);
		struct piece pc;

		if (!piece_of(p, &pc) || !csum_right(p, &pc)) {
			if (rn != NULL)
				rn->rn_open = false;
			v->pv_pkt[n++] = p;
			continue;
		}
		if (rn != NULL && run_takes(rn, &pc) && run_join(w, v, rn, &pc))
			continue;
		v->pv_pkt[n] = p;
		run_start(w, &rs, rn, &pc, n);
		n++;
	}
	v->pv_n = n;
	for (unsigned i = 0; i < rs.rs_n; i++)
		run_finish(w, &rs.rs_run[i]);
}
