/* SPDX-License-Identifier: ISC */
/*
 * UDP for local programs (RFC 768, RFC 1122 4.1): ports that programs have
 * bound, datagrams to them, and what they ask for.  How records reach a
 * program is the shell's business (struct udp_client).
 *
 * A port with UDP_M_NATT carries ESP and IKE (RFC 3948).  ESP never comes
 * here: ip_flow() and natt_input() take it.  IKE has four zero bytes in
 * front, which are stripped and put here.
 *
 * Programs and their ports change under nk_lock; the few NAT-T ports stand
 * in an array of their own, which the packet path reads without it.
 */
#include <errno.h>
#include <stdlib.h>

#include "libutil/cur.h"
#include "net/arp.h"
#include "net/fib.h"
#include "net/host.h"
#include "netinet/ip.h"
#include "netinet/udp.h"
#include "netinet/wire.h"

#define MARKER		4	/* bytes of the non-ESP marker, RFC 3948 2.2 */
#define NATT_PORTS	4
#define PIECE_MIN	68	/* bytes of a fragment, RFC 791 section 3.2 */
#define CLIENT_PORTS	(sizeof(((struct udp_client *)0)->uc_port) /	\
			    sizeof(((struct udp_client *)0)->uc_port[0]))

struct udp_service {
	struct udp_client	*us_clients;
	_Atomic uint16_t	 us_natt[NATT_PORTS];	/* 0: free */
};

int
udp_init(struct nk *nk)
{
	nk->nk_udp = calloc(1, sizeof(*nk->nk_udp));
	return nk->nk_udp == NULL ? ENOMEM : 0;
}

void
udp_fini(struct nk *nk)
{
	free(nk->nk_udp);
	nk->nk_udp = NULL;
}

/* ---- ports ---- */

static bool
natt_port(struct nk *nk, uint16_t from, uint16_t to)
{
	for (unsigned i = 0; i < NATT_PORTS; i++)
		if (atomic_load(&nk->nk_udp->us_natt[i]) == from) {
			atomic_store(&nk->nk_udp->us_natt[i], to);
			return true;
		}
	return false;
}

bool
udp_is_natt(struct nk *nk, uint16_t port)
{
	const struct udp_service *us = nk->nk_udp;

	if (us == NULL || port == 0)
		return false;
	for (unsigned i = 0; i < NATT_PORTS; i++)
		if (atomic_load_explicit(&us->us_natt[i], memory_order_relaxed) == port)
			return true;
	return false;
}

static int
port_index(const struct udp_client *uc, uint16_t port)
{
	for (unsigned i = 0; i < uc->uc_nports; i++)
		if (uc->uc_port[i].port == port)
			return (int)i;
	return -1;
}

/* Who has bound a port, and how. */
static struct udp_client *
port_owner(struct nk *nk, uint16_t port, uint16_t *flags)
{
	struct udp_client *uc;
	int i;

	for (uc = nk->nk_udp->us_clients; uc != NULL; uc = uc->uc_next)
		if ((i = port_index(uc, port)) >= 0) {
			*flags = uc->uc_port[i].flags;
			return uc;
		}
	return NULL;
}

bool
udp_port_bypass(struct nk *nk, uint16_t port)
{
	uint16_t flags;

	return nk->nk_udp != NULL && port_owner(nk, port, &flags) != NULL &&
	    (flags & UDP_M_BYPASS);
}

void
udp_client_add(struct nk *nk, struct udp_client *uc)
{
	uc->uc_nports = 0;
	uc->uc_next = nk->nk_udp->us_clients;
	nk->nk_udp->us_clients = uc;
}

void
udp_client_remove(struct nk *nk, struct udp_client *uc)
{
	struct udp_client **at = &nk->nk_udp->us_clients;

	while (*at != NULL && *at != uc)
		at = &(*at)->uc_next;
	if (*at == NULL)
		return;
	*at = uc->uc_next;
	for (unsigned i = 0; i < uc->uc_nports; i++)
		if (uc->uc_port[i].flags & UDP_M_NATT)
			(void)natt_port(nk, uc->uc_port[i].port, 0);
	uc->uc_nports = 0;
	nk_bump(nk);
}

/* ---- from the wire ---- */

enum drop_reason
udp_check(const struct pkt *p)
{
	const uint8_t *udp = p->pkt_l4;
	uint32_t room = p->pkt_len - (uint32_t)(udp - p->pkt_data);
	unsigned len = be16(udp + UDP_LEN);

	if (len < UDP_HLEN || len > room)
		return DROP_UDP_BAD;
	if ((p->pkt_flags & (PKT_F_CSUM_OK | PKT_F_CSUM_PARTIAL)) ||
	    raw16(udp + UDP_SUM) == 0)
		return DROP_NONE;
	if (in_fold(in_sum(udp, len, in_pseudo(&p->pkt_key, (uint16_t)len))) != 0)
		return DROP_UDP_CSUM;
	return DROP_NONE;
}

static enum drop_reason
deliver(struct worker *w, struct udp_client *uc, uint16_t flags, const struct pkt *p)
{
	struct cur c = cur_init(p->pkt_l4, be16(p->pkt_l4 + UDP_LEN));
	struct udp_msg m = { .um_op = UDP_DATA, .um_lport = p->pkt_key.fk_dport,
	    .um_rport = p->pkt_key.fk_sport };

	m.um_laddr = addr_v4((struct in_addr){ p->pkt_key.fk_dst4 });
	m.um_raddr = addr_v4((struct in_addr){ p->pkt_key.fk_src4 });
	cur_skip(&c, UDP_HLEN);
	if ((flags & UDP_M_NATT) && cur_u32(&c) != 0)
		return DROP_NATT_SHORT;
	if (!cur_ok(&c))
		return DROP_NATT_SHORT;
	if (w->w_nk->nk_explain == NULL && !uc->uc_send(uc->uc_arg, &m, c.cur_p, cur_left(&c)))
		return DROP_UDP_FULL;
	counter_add(&w->w_count[CNT_UDP_IN], 1);
	return DROP_NONE;
}

void
udp_input(struct worker *w, struct pkt *p)
{
	enum drop_reason why = udp_check(p);
	struct udp_client *uc;
	bool linux_has = host_takes(w, p);
	uint16_t flags;

	if (why != DROP_NONE) {
		pkt_drop(w, p, why);
		return;
	}
	nk_lock(w->w_nk);
	uc = port_owner(w->w_nk, p->pkt_key.fk_dport, &flags);
	if (uc != NULL) {
		why = deliver(w, uc, flags, p);
	} else if (linux_has) {
		nk_unlock(w->w_nk);
		host_output(w, p);
		return;
	} else {
		why = DROP_UDP_NOPORT;
		icmp_error(w, p, ICMPT_UNREACH, ICMPC_PORT, 0);
	}
	nk_unlock(w->w_nk);
	if (why != DROP_NONE)
		pkt_drop(w, p, why);
	else
		pkt_free(w, p);
}

/* What an ICMP error (RFC 792, RFC 1191) says to a program; 0: nothing. */
static int
icmp_errno(const struct pkt *p)
{
	if (p->pkt_icmp_type != ICMPT_UNREACH)
		return 0;
	switch (p->pkt_icmp_code) {
	case ICMPC_NEEDFRAG:
		return EMSGSIZE;
	case ICMPC_NET:
	case ICMPC_HOST:
		return ENETUNREACH;
	case ICMPC_PROTO:
	case ICMPC_PORT:
		return ECONNREFUSED;
	case ICMPC_NETPROHIBIT:
	case ICMPC_HOSTPROHIBIT:
	case ICMPC_PROHIBIT:
		return EACCES;
	default:
		return 0;
	}
}

/* The datagram that it quotes: who sent it, to whom, and the MTU; *c is behind. */
static bool
quoted(const struct pkt *p, struct udp_msg *m, struct cur *c)
{
	struct in_addr src, dst;
	uint8_t vhl, proto;

	*c = cur_init(p->pkt_data, p->pkt_len);
	cur_skip(c, (size_t)(p->pkt_l4 - p->pkt_data) + ICMP_MTU);
	m->um_mtu = cur_u16(c);
	vhl = cur_u8(c);
	cur_skip(c, 8);
	proto = cur_u8(c);
	cur_skip(c, 2);
	if (!cur_copy(c, &src, 4) || !cur_copy(c, &dst, 4) || vhl >> 4 != 4 || (vhl & 15) < 5)
		return false;
	cur_skip(c, ((vhl & 15u) - 5) * 4);
	(void)cur_copy(c, &m->um_lport, 2);
	(void)cur_copy(c, &m->um_rport, 2);
	cur_skip(c, UDP_HLEN - 4);
	m->um_laddr = addr_v4(src);
	m->um_raddr = addr_v4(dst);
	return cur_ok(c) && proto == IPPROTO_UDP &&
	    (m->um_errno != EMSGSIZE || m->um_mtu != 0);
}

void
udp_icmp(struct worker *w, const struct pkt *p)
{
	struct udp_msg m = { .um_op = UDP_ERROR, .um_errno = icmp_errno(p) };
	struct udp_client *uc;
	uint16_t flags;
	struct cur c;
	size_t n;

	if (m.um_errno == 0 || w->w_nk->nk_udp == NULL || w->w_nk->nk_explain != NULL ||
	    !quoted(p, &m, &c))
		return;
	if (m.um_errno != EMSGSIZE)
		m.um_mtu = 0;
	nk_lock(w->w_nk);
	if ((uc = port_owner(w->w_nk, m.um_lport, &flags)) != NULL) {
		if ((flags & UDP_M_NATT) && cur_left(&c) >= MARKER)
			cur_skip(&c, MARKER);
		n = cur_left(&c) < UDP_QUOTE ? cur_left(&c) : UDP_QUOTE;
		(void)uc->uc_send(uc->uc_arg, &m, cur_bytes(&c, n), n);
	}
	nk_unlock(w->w_nk);
}

/* ---- from programs ---- */

static int
client_bind(struct nk *nk, struct udp_client *uc, const struct udp_msg *m)
{
	uint16_t flags;

	if (m->um_lport == 0 || (m->um_flags & ~(UDP_M_NATT | UDP_M_BYPASS)))
		return EINVAL;
	if (port_owner(nk, m->um_lport, &flags) != NULL)
		return EADDRINUSE;
	if (uc->uc_nports == CLIENT_PORTS)
		return ENOSPC;
	if ((m->um_flags & UDP_M_NATT) && !natt_port(nk, 0, m->um_lport))
		return ENOSPC;
	uc->uc_port[uc->uc_nports].port = m->um_lport;
	uc->uc_port[uc->uc_nports].flags = m->um_flags;
	uc->uc_nports++;
	nk_bump(nk);		/* flows to the port may be judged otherwise now */
	return 0;
}

/* The address of ours that a packet to dst leaves with, and the MTU of its way. */
static int
source_for(struct nk *nk, const struct addr *dst, struct addr *out, uint32_t *mtu)
{
	struct nexthop nh;

	*mtu = 0;
	if (dst->ad_af != AF_INET)
		return EAFNOSUPPORT;
	if (if_is_local(nk, dst)) {
		*out = *dst;
		return 0;
	}
	if (nexthop_find(nk, dst, &nh) != DROP_NONE || nh.nh_if == NULL)
		return EHOSTUNREACH;
	*mtu = nh.nh_mtu;
	return if_source_for(nk, nh.nh_if, dst, out) ? 0 : EADDRNOTAVAIL;
}

/* EPERM if the rules block it; unknown, and 0, if another worker has its flow. */
static int
send_judged(struct worker *w, struct pkt *p)
{
	const uint64_t *blocked = &w->w_drop[DROP_PF_BLOCK];
	uint64_t before = counter_get(blocked);

	ip_send(w, p);
	return counter_get(blocked) != before ? EPERM : 0;
}

/* One datagram, checksum and headers made; `marker` puts four zero bytes first. */
static int
udp_send(struct worker *w, const struct udp_msg *m, const struct addr *src, bool marker,
    uint16_t flags, const void *data, size_t len)
{
	size_t front = UDP_HLEN + (marker ? MARKER : 0), total = front + len;
	struct flow_key k = { .fk_proto = IPPROTO_UDP };
	struct pkt *p;
	uint8_t *udp;
	uint16_t id, sum;

	if (total > UDP_DATA_MAX + UDP_HLEN)
		return EMSGSIZE;
	if ((p = pkt_alloc(w, (uint32_t)total)) == NULL)
		return ENOBUFS;
	udp = p->pkt_data;
	p->pkt_len = (uint32_t)total;
	set16(udp, m->um_lport);
	set16(udp + 2, m->um_rport);
	put16(udp + UDP_LEN, (uint16_t)total);
	put16(udp + UDP_SUM, 0);
	memset(udp + UDP_HLEN, 0, front - UDP_HLEN);
	if (len != 0)
		memcpy(udp + front, data, len);
	k.fk_src4 = src->ad_v4.s_addr;
	k.fk_dst4 = m->um_raddr.ad_v4.s_addr;
	sum = in_fold(in_sum(udp, total, in_pseudo(&k, (uint16_t)total)));
	set16(udp + UDP_SUM, sum == 0 ? 0xffff : sum);
	nk_rand(w->w_nk, &id, sizeof(id));
	ip_header(p, src->ad_v4, m->um_raddr.ad_v4, IPPROTO_UDP, (uint8_t)w->w_nk->nk_ttl,
	    0, (m->um_flags & UDP_M_DF) != 0, id);
	p->pkt_frag_max = (uint16_t)m->um_mtu;
	if (flags & UDP_M_BYPASS)
		p->pkt_flags |= PKT_F_BYPASS;
	counter_add(&w->w_count[CNT_UDP_OUT], 1);
	return send_judged(w, p);
}

/* Is there a way to dst, as far as we know? */
static int
way_to(struct nk *nk, const struct addr *dst)
{
	struct nexthop nh;
	enum drop_reason why = nexthop_find(nk, dst, &nh);

	if (why != DROP_NONE)
		return why == DROP_IF_DOWN ? ENETDOWN : EHOSTUNREACH;
	return nh.nh_neigh != NULL && nh.nh_neigh->ne_state == NEIGH_FAILED ? EHOSTDOWN : 0;
}

/* Checks what DATA and KEEPALIVE name; the port's flags and the source. */
static int
client_ends(struct nk *nk, const struct udp_client *uc, const struct udp_msg *m,
    uint16_t *flags, struct addr *src)
{
	int i = port_index(uc, m->um_lport);
	uint32_t mtu;

	if (i < 0)
		return EBADF;
	if (m->um_raddr.ad_af != AF_INET || m->um_rport == 0 ||
	    (m->um_flags & ~UDP_M_DF) != 0 || m->um_mtu > UINT16_MAX ||
	    (m->um_mtu != 0 && m->um_mtu < PIECE_MIN))
		return EINVAL;
	*flags = uc->uc_port[i].flags;
	if (m->um_laddr.ad_af == 0)
		return source_for(nk, &m->um_raddr, src, &mtu);
	*src = m->um_laddr;
	return src->ad_af == AF_INET && if_is_local(nk, src) ? 0 : EADDRNOTAVAIL;
}

static int
client_data(struct worker *w, struct udp_client *uc, const struct udp_msg *m, struct cur *c)
{
	size_t len = cur_left(c);
	struct cur data = *c;
	struct addr src;
	uint16_t flags;
	int error = client_ends(w->w_nk, uc, m, &flags, &src), way;

	if (error != 0)
		return error;
	/* It is tried all the same: policy may have a way for it. */
	way = way_to(w->w_nk, &m->um_raddr);
	error = udp_send(w, m, &src, flags & UDP_M_NATT, flags, cur_bytes(&data, len), len);
	return error != 0 ? error : way;
}

static int
client_keepalive(struct worker *w, struct udp_client *uc, const struct udp_msg *m)
{
	static const uint8_t keepalive = 0xff;	/* RFC 3948 section 2.3 */
	struct addr src;
	uint16_t flags;
	int error = client_ends(w->w_nk, uc, m, &flags, &src);

	if (error != 0)
		return error;
	if ((flags & UDP_M_NATT) == 0)
		return EINVAL;
	return udp_send(w, m, &src, false, flags, &keepalive, 1);
}

static void
answer(struct udp_client *uc, const struct udp_msg *m, uint16_t op, const struct addr *src)
{
	struct udp_msg a = *m;

	a.um_op = op;
	a.um_errno = 0;
	if (src != NULL)
		a.um_laddr = *src;
	(void)uc->uc_send(uc->uc_arg, &a, NULL, 0);
}

/* c: the datagram, or nothing. */
static void
refuse(struct udp_client *uc, const struct udp_msg *m, int error, struct cur c)
{
	size_t n = cur_left(&c) < UDP_QUOTE ? cur_left(&c) : UDP_QUOTE;
	struct udp_msg a = *m;

	a.um_op = UDP_ERROR;
	a.um_errno = error;
	(void)uc->uc_send(uc->uc_arg, &a, cur_bytes(&c, n), n);
}

void
udp_client_message(struct worker *w, struct udp_client *uc, const void *rec, size_t len)
{
	struct cur c = cur_init(rec, len);
	struct udp_msg m;
	struct addr src;
	int error = EINVAL;

	if (!cur_copy(&c, &m, sizeof(m)) || (m.um_op != UDP_DATA && cur_left(&c) != 0)) {
		refuse(uc, &m, EINVAL, cur_init(NULL, 0));
		return;
	}
	switch (m.um_op) {
	case UDP_BIND:
		if ((error = client_bind(w->w_nk, uc, &m)) == 0)
			answer(uc, &m, UDP_BOUND, NULL);
		break;
	case UDP_DATA:
		error = client_data(w, uc, &m, &c);
		break;
	case UDP_SOURCE:
		if ((error = source_for(w->w_nk, &m.um_raddr, &src, &m.um_mtu)) == 0)
			answer(uc, &m, UDP_SOURCE, &src);
		break;
	case UDP_KEEPALIVE:
		error = client_keepalive(w, uc, &m);
		break;
	default:
		break;
	}
	if (error != 0)
		refuse(uc, &m, error, c);
}
