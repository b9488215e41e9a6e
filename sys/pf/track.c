/* SPDX-License-Identifier: ISC */
/*
 * Following connections: TCP by sequence numbers and windows, everything
 * else by who has been heard.
 *
 * For each end, fp_seqlo is the end of the data that it has sent, fp_seqhi
 * the end of what the other end has said it would take, and fp_maxwin the
 * largest window that it has advertised.  A segment belongs to the
 * connection if
 *
 *	its end is not beyond fp_seqhi of its sender,
 *	its start is not more than the receiver's largest window before
 *	    fp_seqlo of its sender (a retransmission), and
 *	what it acknowledges is near the end of what the receiver has sent.
 *
 * An RST must stand exactly where the next byte would: a blind attacker has
 * to guess one number in 2^32, not one in a window (RFC 5961 section 3).
 * Window scaling (RFC 7323) counts only if both SYNs offer it.
 */
#include <netinet/in.h>

#include "libutil/cur.h"
#include "pf/track.h"

#define TH_FIN	0x01
#define TH_SYN	0x02
#define TH_RST	0x04
#define TH_ACK	0x10

#define TCP_HLEN	20
#define WSCALE_MAX	14	/* RFC 7323 section 2.3 */
#define WSCALE_NONE	0xff	/* the SYN had no window scale option */
#define ACK_SLACK	(0xffff + 1500)
#define SYN_DATA_MAX	1500u

#define SEQ_GT(a, b)	((int32_t)((a) - (b)) > 0)
#define SEQ_GEQ(a, b)	((int32_t)((a) - (b)) >= 0)

struct segment {
	uint32_t	sg_seq, sg_end;		/* SYN and FIN count one each */
	uint32_t	sg_ack;
	uint16_t	sg_win;			/* as it stands, unscaled */
	uint8_t		sg_flags;
	uint8_t		sg_wscale;		/* of a SYN; WSCALE_NONE */
};

/* ---- the states of one end ---- */

enum tcp_event {
	EV_SYN,		/* this end sent SYN */
	EV_FIN,		/* this end sent FIN */
	EV_ACKED,	/* the other end acknowledged all of it */
	EV_RST,		/* either end reset the connection */
	EV_MAX
};

#define C	TCP_PEER_CLOSED
#define S	TCP_PEER_SYN
#define O	TCP_PEER_OPEN
#define F	TCP_PEER_FIN
#define A	TCP_PEER_FIN_ACKED
#define R	TCP_PEER_RESET

static const uint8_t tcp_next[TCP_PEER_MAX][EV_MAX] = {
	/*		 SYN	FIN	ACKED	RST */
	[C] =		{ S,	F,	C,	R },	/* a FIN without SYN: picked up late */
	[S] =		{ S,	F,	O,	R },
	[O] =		{ O,	F,	O,	R },	/* a repeated SYN changes nothing */
	[F] =		{ F,	F,	A,	R },
	[A] =		{ A,	A,	A,	R },
	[R] =		{ R,	R,	R,	R },
};

#undef C
#undef S
#undef O
#undef F
#undef A
#undef R

static inline void
peer_event(struct flow_peer *fp, enum tcp_event ev)
{
	fp->fp_state = tcp_next[fp->fp_state][ev];
}

/* ---- segments ---- */

/* The window scale option of a SYN (RFC 7323 section 2.2). */
static uint8_t
tcp_wscale(struct cur opts)
{
	while (cur_left(&opts) != 0) {
		uint8_t kind = cur_u8(&opts), len;
		struct cur body;

		if (kind == 0)
			break;
		if (kind == 1)
			continue;
		len = cur_u8(&opts);
		if (len < 2)
			break;
		body = cur_sub(&opts, len - 2u);
		if (kind == 3 && len == 3 && cur_ok(&body)) {
			uint8_t shift = cur_u8(&body);

			return shift > WSCALE_MAX ? WSCALE_MAX : shift;
		}
	}
	return WSCALE_NONE;
}

static inline uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* False: the header is not all there. */
static inline bool
segment_parse(const struct pkt *p, struct segment *sg)
{
	struct cur c = cur_init(p->pkt_data, p->pkt_len);
	const uint8_t *h;
	uint32_t len;
	unsigned off;

	if (p->pkt_l4 == NULL)
		return false;
	cur_skip(&c, (size_t)(p->pkt_l4 - p->pkt_data));
	len = (uint32_t)cur_left(&c);
	h = cur_bytes(&c, TCP_HLEN);
	if (h == NULL)
		return false;
	sg->sg_seq = be32(h + 4);
	sg->sg_ack = be32(h + 8);
	off = (h[12] >> 4) * 4u;
	sg->sg_flags = h[13];
	sg->sg_win = (uint16_t)(h[14] << 8 | h[15]);
	if (off < TCP_HLEN || off > len)
		return false;
	sg->sg_end = sg->sg_seq + (len - off) + (sg->sg_flags & TH_FIN);
	sg->sg_wscale = WSCALE_NONE;
	if (__builtin_expect(sg->sg_flags & TH_SYN, 0)) {
		sg->sg_end++;
		sg->sg_wscale = tcp_wscale(cur_sub(&c, off - TCP_HLEN));
	}
	return true;
}

static inline unsigned
shift_of(const struct flow_peer *fp)
{
	return fp->fp_wscale > WSCALE_MAX ? 0 : fp->fp_wscale;
}

/* ---- the first packet ---- */

static bool
tcp_first(struct flow *fl, const struct pkt *p)
{
	struct flow_peer *src = &fl->fl_peer[0], *dst = &fl->fl_peer[1];
	struct segment sg;

	if (!segment_parse(p, &sg) || (sg.sg_flags & (TH_SYN | TH_ACK)) == 0)
		return false;
	fl->fl_flags |= FL_TCP;
	src->fp_seqlo = sg.sg_end;
	src->fp_seqhi = sg.sg_end + 1;
	src->fp_maxwin = sg.sg_win == 0 ? 1 : sg.sg_win;
	src->fp_wscale = sg.sg_wscale;
	dst->fp_maxwin = 1;
	dst->fp_wscale = WSCALE_NONE;
	if (sg.sg_flags & TH_SYN) {
		src->fp_state = TCP_PEER_SYN;
		return true;
	}
	/* picked up in the middle: scales are unknown, so allow the largest */
	src->fp_wscale = dst->fp_wscale = WSCALE_MAX;
	dst->fp_maxwin = src->fp_maxwin;
	src->fp_seqhi = sg.sg_end + ((uint32_t)src->fp_maxwin << WSCALE_MAX);
	src->fp_state = dst->fp_state = TCP_PEER_OPEN;
	dst->fp_seqlo = sg.sg_ack;
	dst->fp_seqhi = sg.sg_ack + ((uint32_t)src->fp_maxwin << WSCALE_MAX);
	if (sg.sg_flags & TH_FIN)
		peer_event(src, EV_FIN);
	return true;
}

bool
track_first(struct flow *fl, const struct pkt *p)
{
	if (p->pkt_proto == IPPROTO_TCP)
		return tcp_first(fl, p);
	fl->fl_peer[0].fp_state = PEER_SINGLE;
	if (p->pkt_proto == IPPROTO_ICMP && icmp_answer(p->pkt_icmp_type) >= 0) {
		fl->fl_flags |= FL_ICMP;
		fl->fl_icmp_type = p->pkt_icmp_type;
	}
	return true;
}

/* ---- more packets ---- */

/* The SYN of the end that is heard last begins its numbers. */
static void
peer_begin(struct flow_peer *src, const struct flow_peer *dst, const struct segment *sg)
{
	/* the window of a SYN is not scaled */
	uint32_t win = dst->fp_state == TCP_PEER_SYN ? dst->fp_maxwin :
	    (uint32_t)dst->fp_maxwin << shift_of(dst);

	src->fp_seqlo = sg->sg_end;
	src->fp_seqhi = sg->sg_end + (win == 0 ? 1 : win);
	src->fp_wscale = sg->sg_wscale;
}

static inline bool
rst_exact(const struct flow_peer *src, const struct segment *sg)
{
	return sg->sg_seq == src->fp_seqlo || sg->sg_seq == src->fp_seqlo + 1 ||
	    sg->sg_seq == src->fp_seqlo - 1;
}

static inline bool
segment_fits(const struct flow_peer *src, const struct flow_peer *dst,
    const struct segment *sg, uint32_t ack)
{
	uint32_t back = (uint32_t)dst->fp_maxwin << shift_of(dst);
	int32_t skew = (int32_t)(dst->fp_seqlo - ack);

	return SEQ_GEQ(src->fp_seqhi, sg->sg_end) &&
	    SEQ_GEQ(sg->sg_seq, src->fp_seqlo - back - 1) &&
	    skew >= -ACK_SLACK &&
	    skew <= (int32_t)((uint32_t)ACK_SLACK << shift_of(src)) &&
	    ((sg->sg_flags & TH_RST) == 0 || rst_exact(src, sg));
}

static inline void
segment_commit(struct flow_peer *src, struct flow_peer *dst,
    const struct segment *sg, uint32_t ack)
{
	unsigned shift = (sg->sg_flags & TH_SYN) ? 0 : shift_of(src);
	uint32_t open = (uint32_t)sg->sg_win << shift;

	/* a SYN's window is never scaled; kept in units of the scale */
	if ((sg->sg_flags & TH_SYN) && shift_of(src) != 0) {
		uint32_t unit = (open >> shift_of(src)) + 1;

		if (unit > src->fp_maxwin)
			src->fp_maxwin = (uint16_t)unit;
	} else if (sg->sg_win > src->fp_maxwin)
		src->fp_maxwin = sg->sg_win;
	if (SEQ_GT(sg->sg_end, src->fp_seqlo))
		src->fp_seqlo = sg->sg_end;
	if (open == 0)
		open = 1;
	if (dst->fp_state != TCP_PEER_CLOSED && SEQ_GEQ(ack + open, dst->fp_seqhi))
		dst->fp_seqhi = ack + open;
}

/* Both ends' states; true if the flow may now end sooner. */
static bool
tcp_advance(struct flow_peer *src, struct flow_peer *dst, const struct segment *sg)
{
	uint8_t s = src->fp_state, d = dst->fp_state;

	if (sg->sg_flags & TH_SYN)
		peer_event(src, EV_SYN);
	if (sg->sg_flags & TH_FIN)
		peer_event(src, EV_FIN);
	if ((sg->sg_flags & TH_ACK) && SEQ_GEQ(sg->sg_ack, dst->fp_seqlo))
		peer_event(dst, EV_ACKED);
	if (sg->sg_flags & TH_RST) {
		peer_event(src, EV_RST);
		peer_event(dst, EV_RST);
	}
	return (src->fp_state != s && src->fp_state >= TCP_PEER_FIN) ||
	    (dst->fp_state != d && dst->fp_state >= TCP_PEER_FIN);
}

/* When the answer to a SYN comes, both ends' scales are known: settle them. */
static void
tcp_scales(struct flow_peer *src, struct flow_peer *dst)
{
	if (src->fp_wscale == WSCALE_NONE || dst->fp_wscale == WSCALE_NONE) {
		src->fp_wscale = dst->fp_wscale = 0;
		return;
	}
	/* dst's first window was told unscaled, in its SYN */
	dst->fp_maxwin = (uint16_t)((dst->fp_maxwin >> dst->fp_wscale) + 1);
}

/*
 * Segments while one end has not been heard to open: what a host that knows
 * nothing of the connection answers (RFC 9293 section 3.5.2), which is an RST
 * for our SYN or an ACK of its own; and the RST that this ACK provokes, whose
 * number is that of an older connection: it passes and ends nothing here.
 * They teach no numbers.
 */
static enum drop_reason
tcp_half_open(struct flow *fl, bool heard, const struct segment *sg, uint32_t syn_end,
    bool *sooner)
{
	if ((sg->sg_flags & TH_RST) == 0)
		return DROP_NONE;
	if (heard && sg->sg_seq != syn_end)
		return DROP_NONE;
	if (!heard && ((sg->sg_flags & TH_ACK) == 0 || sg->sg_ack != syn_end))
		return DROP_PF_TCP_WINDOW;
	peer_event(&fl->fl_peer[0], EV_RST);
	peer_event(&fl->fl_peer[1], EV_RST);
	*sooner = true;
	return DROP_NONE;
}

/* It answers the other end's SYN: all of it, or not the data in it (RFC 7413). */
static bool
answers_syn(const struct flow_peer *dst, const struct segment *sg)
{
	return (sg->sg_flags & TH_ACK) != 0 && dst->fp_seqlo - sg->sg_ack <= SYN_DATA_MAX;
}

/* A segment of a connection that is opening or closing. */
static enum drop_reason
tcp_edge(struct flow *fl, unsigned dir, const struct segment *sg, bool *sooner)
{
	struct flow_peer src = fl->fl_peer[dir], dst = fl->fl_peer[!dir];
	bool begins = src.fp_state == TCP_PEER_CLOSED;
	uint32_t ack;

	if (begins && (sg->sg_flags & TH_SYN) == 0)
		return tcp_half_open(fl, false, sg, dst.fp_seqlo, sooner);
	/* both ends may open at once; what proves nothing teaches no numbers */
	if (begins && !answers_syn(&dst, sg))
		return sg->sg_flags & TH_ACK ? DROP_PF_TCP_WINDOW : DROP_NONE;
	if (dst.fp_state == TCP_PEER_CLOSED && (sg->sg_flags & TH_RST))
		return tcp_half_open(fl, true, sg, src.fp_seqlo, sooner);
	if (begins)
		peer_begin(&src, &dst, sg);
	ack = (sg->sg_flags & TH_ACK) && dst.fp_state != TCP_PEER_CLOSED ? sg->sg_ack :
	    dst.fp_seqlo;
	if (!segment_fits(&src, &dst, sg, ack))
		return DROP_PF_TCP_WINDOW;
	if (begins)
		tcp_scales(&src, &dst);

	segment_commit(&src, &dst, sg, ack);
	*sooner = tcp_advance(&src, &dst, sg);
	fl->fl_peer[dir] = src;
	fl->fl_peer[!dir] = dst;
	return DROP_NONE;
}

enum drop_reason
track_tcp(struct flow *fl, unsigned dir, const struct pkt *p, bool *sooner)
{
	struct flow_peer *src = &fl->fl_peer[dir], *dst = &fl->fl_peer[!dir];
	struct segment sg;

	if (!segment_parse(p, &sg))
		return DROP_PF_SHORT;
	if (src->fp_state != TCP_PEER_OPEN || dst->fp_state != TCP_PEER_OPEN ||
	    (sg.sg_flags & (TH_SYN | TH_FIN | TH_RST | TH_ACK)) != TH_ACK)
		return tcp_edge(fl, dir, &sg, sooner);
	/* open: nothing but numbers moves */
	if (!segment_fits(src, dst, &sg, sg.sg_ack))
		return DROP_PF_TCP_WINDOW;
	segment_commit(src, dst, &sg, sg.sg_ack);
	return DROP_NONE;
}

void
track_other(struct flow *fl, unsigned dir)
{
	struct flow_peer *src = &fl->fl_peer[dir], *dst = &fl->fl_peer[!dir];

	if (src->fp_state < PEER_SINGLE)
		src->fp_state = PEER_SINGLE;
	if (dst->fp_state == PEER_SINGLE)
		dst->fp_state = PEER_MULTIPLE;
	if (src->fp_state == PEER_MULTIPLE && dst->fp_state == PEER_MULTIPLE)
		fl->fl_flags |= FL_SETTLED;
}

bool
track_reopens(const struct flow *fl, unsigned dir, const struct pkt *p)
{
	return (fl->fl_flags & FL_TCP) && p->pkt_proto == IPPROTO_TCP &&
	    (p->pkt_tcpflags & (TH_SYN | TH_ACK | TH_RST)) == TH_SYN &&
	    fl->fl_peer[dir].fp_state >= TCP_PEER_FIN_ACKED &&
	    fl->fl_peer[!dir].fp_state >= TCP_PEER_FIN_ACKED;
}

bool
track_icmp_error(const struct flow *fl, unsigned dir, const struct pkt *p)
{
	struct cur c = cur_init(p->pkt_data, p->pkt_len);
	const struct flow_peer *src = &fl->fl_peer[!dir], *dst = &fl->fl_peer[dir];
	uint8_t hlen;
	uint32_t seq;

	if ((fl->fl_flags & FL_TCP) == 0)
		return true;
	/* the embedded packet went the other way; RFC 792 gives 8 bytes of it */
	if (p->pkt_l4 == NULL)
		return false;
	cur_skip(&c, (size_t)(p->pkt_l4 - p->pkt_data) + 8);
	hlen = cur_u8(&c);
	if ((hlen & 0xf) < 5)
		return false;
	cur_skip(&c, (hlen & 0xfu) * 4 - 1 + 4);
	seq = cur_u32(&c);
	return cur_ok(&c) && SEQ_GEQ(src->fp_seqhi, seq) &&
	    SEQ_GEQ(seq, src->fp_seqlo -
	    ((uint32_t)dst->fp_maxwin << shift_of(dst)) - 1);
}

/* ---- when flows end ---- */

static enum pf_timeout
tcp_timeout(const struct flow *fl)
{
	uint8_t a = fl->fl_peer[0].fp_state, b = fl->fl_peer[1].fp_state;

	if (a == TCP_PEER_RESET || b == TCP_PEER_RESET)
		return PF_TM_TCP_CLOSED;
	if (a >= TCP_PEER_FIN_ACKED && b >= TCP_PEER_FIN_ACKED)
		return PF_TM_TCP_CLOSED;
	if (a >= TCP_PEER_FIN && b >= TCP_PEER_FIN)
		return PF_TM_TCP_FINWAIT;
	if (b == TCP_PEER_CLOSED)
		return PF_TM_TCP_FIRST;
	if (a < TCP_PEER_OPEN || b < TCP_PEER_OPEN)
		return PF_TM_TCP_OPENING;
	if (a >= TCP_PEER_FIN || b >= TCP_PEER_FIN)
		return PF_TM_TCP_CLOSING;
	return PF_TM_TCP_ESTABLISHED;
}

static enum pf_timeout
flow_timeout(const struct flow *fl)
{
	uint8_t a = fl->fl_peer[0].fp_state, b = fl->fl_peer[1].fp_state;

	if ((fl->fl_flags & FL_KEEP) == 0)
		return PF_TM_OTHER_MULTIPLE;
	if (fl->fl_flags & FL_TCP)
		return tcp_timeout(fl);
	if (fl->fl_key[0].fk_proto == IPPROTO_ICMP)
		return b == PEER_SILENT ? PF_TM_ICMP_FIRST : PF_TM_ICMP_ERROR;
	if (fl->fl_key[0].fk_proto == IPPROTO_UDP)
		return b == PEER_SILENT ? PF_TM_UDP_FIRST :
		    a == PEER_MULTIPLE && b == PEER_MULTIPLE ?
		    PF_TM_UDP_MULTIPLE : PF_TM_UDP_SINGLE;
	return b == PEER_SILENT ? PF_TM_OTHER_FIRST :
	    a == PEER_MULTIPLE && b == PEER_MULTIPLE ?
	    PF_TM_OTHER_MULTIPLE : PF_TM_OTHER_SINGLE;
}

uint32_t
track_timeout(const struct flow *fl, const struct pf_options *po)
{
	return po->po_timeout[flow_timeout(fl)];
}

/* ---- small questions ---- */

unsigned
track_segments(const struct pkt *p)
{
	uint32_t head = p->pkt_l4 == NULL ? 0 : (uint32_t)(p->pkt_l4 - p->pkt_data);
	uint32_t left = p->pkt_len > head ? p->pkt_len - head : 0;

	if (p->pkt_gso_size == 0)
		return 1;
	if (p->pkt_gso == PKT_GSO_UDP)
		left = left > 8 ? left - 8 : 0;
	else if (left > 12) {
		uint32_t off = (p->pkt_l4[12] >> 4) * 4u;

		left = left > off ? left - off : 0;
	}
	return left == 0 ? 1 : (left + p->pkt_gso_size - 1) / p->pkt_gso_size;
}

int
icmp_answer(uint8_t type)
{
	switch (type) {
	case 8:		/* echo (RFC 792) */
		return 0;
	case 13:	/* timestamp */
		return 14;
	case 15:	/* information */
		return 16;
	case 17:	/* address mask (RFC 950) */
		return 18;
	default:
		return -1;
	}
}

