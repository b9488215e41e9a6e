/* SPDX-License-Identifier: ISC */
/*
 * Path MTU of SAs (RFC 4301 section 8.2): ICMP "fragmentation needed" about
 * ESP that this host sealed.
 *
 * Such a message proves nothing of itself, so it is believed only if it
 * quotes addresses, SPI and a sequence number sent lately, and never below
 * PMTU_MIN.  What it says is forgotten after PMTU_S seconds, with the next
 * change of routes or rules.  Senders are told when they next send too much.
 *
 * Where what is too big vanishes without a word, IKE tries sizes with the peer
 * (libike/ike_path.c) and tells what it found: sa_measured().  The least of
 * both and of the interface's MTU holds.
 */
#include "libutil/cur.h"
#include "netinet/ip.h"
#include "netinet/wire.h"
#include "netipsec/ipsec_var.h"

#define PMTU_MIN	576
#define PMTU_S		600
#define SEQ_LATELY	65536

/* The ESP packet that an ICMP message quotes. */
struct quoted {
	uint32_t	qu_src4, qu_dst4, qu_spi;	/* network order */
	uint32_t	qu_seq;
	bool		qu_udp;
};

static bool
quoted_parse(struct cur *c, struct quoted *q)
{
	unsigned vhl = cur_u8(c), proto;

	cur_skip(c, 8);
	proto = cur_u8(c);
	cur_skip(c, 2);
	(void)cur_copy(c, &q->qu_src4, 4);
	(void)cur_copy(c, &q->qu_dst4, 4);
	if (vhl >> 4 != 4 || (vhl & 15) < 5 || (proto != IPPROTO_ESP && proto != IPPROTO_UDP))
		return false;
	cur_skip(c, ((vhl & 15) - 5) * 4);
	q->qu_udp = proto == IPPROTO_UDP;
	if (q->qu_udp)
		cur_skip(c, UDP_HLEN);
	(void)cur_copy(c, &q->qu_spi, 4);
	q->qu_seq = cur_u32(c);
	return cur_ok(c);
}

static bool
sent_lately(const struct sa *sa, const struct quoted *q)
{
	uint32_t age = (uint32_t)sa->sa_seq - q->qu_seq;

	return sa->sa_src4 == q->qu_src4 && ((sa->sa_flags & SA_F_NATT) != 0) == q->qu_udp &&
	    age < SEQ_LATELY && age < sa->sa_seq;
}

void
ipsec_icmp(struct worker *w, const struct pkt *p)
{
	struct cur c = cur_init(p->pkt_data, p->pkt_len);
	struct nk *nk = w->w_nk;
	struct quoted q;
	struct sa *sa;
	unsigned mtu;

	if (p->pkt_icmp_type != ICMPT_UNREACH || p->pkt_icmp_code != ICMPC_NEEDFRAG ||
	    nk->nk_explain != NULL)
		return;
	cur_skip(&c, (size_t)(p->pkt_l4 - p->pkt_data) + ICMP_MTU);
	mtu = cur_u16(&c);
	if (!quoted_parse(&c, &q) || mtu == 0)
		return;
	if (mtu < PMTU_MIN)
		mtu = PMTU_MIN;
	nk_lock(nk);
	sa = sad_lookup4(nk, q.qu_spi, q.qu_dst4);
	if (sa != NULL && sent_lately(sa, &q) &&
	    (sa->sa_pmtu == 0 || w->w_now.now_ns >= sa->sa_pmtu_until || mtu < sa->sa_pmtu)) {
		sa->sa_pmtu = (uint16_t)mtu;
		sa->sa_pmtu_until = w->w_now.now_ns + PMTU_S * NSEC_PER_SEC;
		__atomic_store_n(&sa->sa_nhgen, 0, __ATOMIC_RELEASE);
		counter_add(&w->w_count[CNT_ESP_PMTU], 1);
	}
	nk_unlock(nk);
}

void
sa_measured(struct sa *sa, uint16_t mtu)
{
	if (mtu != 0 && mtu < PMTU_MIN)
		mtu = PMTU_MIN;
	if (sa->sa_pmtu_found == mtu)
		return;
	sa->sa_pmtu_found = mtu;
	__atomic_store_n(&sa->sa_nhgen, 0, __ATOMIC_RELEASE);
}
