/* SPDX-License-Identifier: ISC */
/*
 * ESP, outbound (RFC 4303 section 3.3; tunnel headers RFC 4301 section
 * 5.1.2, ECN RFC 6040; UDP encapsulation RFC 3948).
 *
 * A vector of packets goes through three steps:
 *
 *	esp_prepare()	the SA's state, limits and path; headers, padding,
 *			sequence number; a job for the engine
 *	esp_seal()	all jobs of one transform at a time
 *	esp_finish()	what was sealed goes to ip_output_vec()
 *
 * Super-packets are cut into ordinary ones first; with ESP in UDP, into the
 * places of one super-packet of datagrams, where the device takes such
 * (esp_super()).  A packet that would not
 * fit its path is answered (DF) or fragmented before it is sealed; in transport
 * mode after that, by ip_output().  Only the SA's anchor worker comes past the first
 * lines of ipsec_output(), so nothing here is locked.
 */
#include "net/capture.h"
#include "netinet/ip.h"
#include "netinet/meta.h"
#include "netinet/wire.h"
#include "netipsec/ipsec_var.h"
#include "pf/flow.h"
#include "pf/pfvar.h"

#define ICMP_MTU_MIN	68	/* RFC 791 section 3.2 */

struct esp_batch {
	unsigned		 eb_n;
	bool			 eb_capture;	/* somebody watches enc0 */
	const struct xform	*eb_xform;	/* of all; NULL: they differ */
	struct pkt		*eb_pkt[PKT_VEC_MAX];
	struct xform_job	 eb_job[PKT_VEC_MAX];
};

static const uint8_t padding[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

/* ---- the path of an SA ---- */

static bool
outer_allowed(struct nk *nk, const struct sa *sa)
{
	struct flow_key key;

	memset(&key, 0, sizeof(key));	/* all of the unions: keys are compared whole */
	key.fk_src4 = sa->sa_src4;
	key.fk_dst4 = sa->sa_dst4;
	key.fk_proto = IPPROTO_ESP;
	key.fk_af = AF_INET;
	if (sa->sa_flags & SA_F_NATT) {
		key.fk_proto = IPPROTO_UDP;
		key.fk_sport = sa->sa_natt_sport;
		key.fk_dport = sa->sa_natt_dport;
	}
	return pf_outer_allowed(nk, PF_OUT, sa->sa_nh.nh_if, &key);
}

/*
 * Template, route, neighbour and rules for the outer packet, whenever nk_gen
 * has moved or the SA's ends have.
 */
static enum drop_reason
sa_path(struct worker *w, struct sa *sa)
{
	struct nk *nk = w->w_nk;
	uint32_t gen = nk_generation(nk);
	enum drop_reason why;
	uint16_t mtu;

	nk_lock(nk);
	why = nexthop_find(nk, &sa->sa_dst, &sa->sa_nh);
	if (why == DROP_NONE && sa->sa_nh.nh_neigh == NULL)
		why = DROP_IP_NOROUTE;		/* the peer is this host */
	if (why == DROP_NONE) {
		mtu = sa->sa_nh.nh_mtu;
		if (sa->sa_pmtu != 0 && sa->sa_pmtu < mtu && w->w_now.now_ns < sa->sa_pmtu_until)
			mtu = sa->sa_pmtu;
		if (sa->sa_pmtu_found != 0 && sa->sa_pmtu_found < mtu)
			mtu = sa->sa_pmtu_found;
		sa_template(sa);
		sa_set_mtu(sa, mtu);
		sa->sa_outer_ok = outer_allowed(nk, sa);
		sa->sa_nhgen = gen;
	}
	nk_unlock(nk);
	return why;
}

/* State, limits, path: may this SA seal one more packet? */
static inline enum drop_reason
sa_ready(struct worker *w, struct sa *sa, uint32_t gen)
{
	enum drop_reason why;
	uint8_t state = atomic_load_explicit(&sa->sa_state, memory_order_acquire);

	if (__builtin_expect(state != SA_MATURE && state != SA_DYING, 0))
		return DROP_SAD_STATE;
	if (__builtin_expect(sa->sa_packets >= sa->sa_lim_packets ||
	    sa->sa_bytes >= sa->sa_lim_bytes, 0)) {
		if ((why = sa_limit(w, sa)) != DROP_NONE)
			return why;
	}
	if (__builtin_expect(sa->sa_nhgen != gen, 0)) {
		if ((why = sa_path(w, sa)) != DROP_NONE)
			return why;
	}
	return sa->sa_outer_ok ? DROP_NONE : DROP_PF_BLOCK;
}

static enum sa_drop
drop_class(enum drop_reason why)
{
	switch (why) {
	case DROP_SAD_LIFETIME:
		return SA_DROP_LIFETIME;
	case DROP_ESP_SEQ:
		return SA_DROP_SEQUENCE;
	default:
		return SA_DROP_OTHER;
	}
}

/* ---- headers ---- */

/* A 16-bit word as it lies in a packet; htons() is a call in musl. */
static inline uint16_t
net16(uint16_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}

/*
 * What differs from packet to packet is in the first four words.  They are
 * summed before they are stored: reading them back would wait for the stores.
 */
static inline void
outer_header(const struct sa *sa, uint8_t *h, uint16_t len, uint8_t tos, uint16_t off, uint16_t id)
{
	uint16_t w0 = net16((uint16_t)(0x4500 | tos)), w1 = net16(len);
	uint16_t w2 = net16(id), w3 = net16(off);
	uint32_t sum = sa->sa_outer_sum + w0 + w1 + w2 + w3;

	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	set16(h, w0);
	set16(h + IPH_LEN, w1);
	set16(h + IPH_ID, w2);
	set16(h + IPH_OFF, w3);
	memcpy(h + IPH_TTL, sa->sa_outer + IPH_TTL, 12);
	set16(h + IPH_SUM, (uint16_t)~sum);
}

static inline void
natt_header(const struct sa *sa, uint8_t *udp, uint16_t len)
{
	memcpy(udp, sa->sa_outer + 20, 4);
	put16(udp + UDP_LEN, len);
	put16(udp + UDP_SUM, 0);		/* RFC 3948 section 2.1 */
}

/*
 * Padding, pad length and next header behind the packet; the bytes of text
 * with them.
 */
static inline uint32_t
esp_trailer(const struct sa *sa, uint8_t *end, uint32_t payload, uint8_t next)
{
	uint32_t align = sa->sa_align;		/* a power of two */
	uint32_t text = (payload + 2 + align - 1) & ~(align - 1);
	uint32_t pad = text - payload - 2;

	memcpy(end, padding, sizeof(padding));	/* a constant size, for speed; there is room */
	end[pad] = (uint8_t)pad;
	end[pad + 1] = next;
	return text;
}

static inline void
esp_job(struct sa *sa, struct xform_job *job, uint8_t *esp, uint32_t text)
{
	uint64_t seq = ++sa->sa_seq;

	memcpy(esp, &sa->sa_spi, 4);
	put32(esp + 4, (uint32_t)seq);
	job->xj_key = sa->sa_key;
	job->xj_esp = esp;
	job->xj_iv = sa->sa_iv++;
	job->xj_len = text;
	job->xj_esn = (sa->sa_flags & SA_F_ESN) != 0;
	job->xj_esn_hi = (uint32_t)(seq >> 32);
	job->xj_ok = false;
}

/* Tunnel mode: the packet whole, behind the SA's header. */
static inline void
esp_tunnel(struct sa *sa, struct pkt *p, struct xform_job *job)
{
	const uint8_t *inner = p->pkt_data;
	uint8_t tos = inner[IPH_TOS];
	uint16_t df = be16(inner + IPH_OFF) & IPOFF_DF;
	uint32_t front = sa->sa_hdrlen;
	uint32_t text = esp_trailer(sa, p->pkt_data + p->pkt_len, p->pkt_len, IPPROTO_IPIP);
	uint32_t esp = front - sa->sa_ivlen - XFORM_HDR;
	uint8_t *h;

	p->pkt_len = text;
	h = pkt_push(p, front);
	p->pkt_len += sa->sa_icvlen;
	esp_job(sa, job, h + esp, text);
	outer_header(sa, h, (uint16_t)p->pkt_len, tos, df, (uint16_t)sa->sa_seq);
	if (sa->sa_outer[IPH_PROTO] == IPPROTO_UDP)
		natt_header(sa, h + 20, (uint16_t)(p->pkt_len - 20));
	p->pkt_l4 = h + 20;
}

/* Transport mode: ESP between the packet's own IP header and its payload. */
static void
esp_transport(struct sa *sa, struct pkt *p, struct xform_job *job)
{
	unsigned hlen = ip_hlen(p->pkt_data);
	uint32_t payload = p->pkt_len - hlen, text, front = sa->sa_hdrlen;
	uint8_t next = p->pkt_data[IPH_PROTO];
	uint8_t *h;

	text = esp_trailer(sa, p->pkt_data + p->pkt_len, payload, next);
	p->pkt_len = hlen + text;
	h = pkt_push(p, front);
	memmove(h, h + front, hlen);
	p->pkt_len += sa->sa_icvlen;
	h[IPH_PROTO] = sa->sa_outer[IPH_PROTO];
	put16(h + IPH_LEN, (uint16_t)p->pkt_len);
	put16(h + IPH_SUM, 0);
	set16(h + IPH_SUM, in_fold(in_sum(h, hlen, 0)));
	esp_job(sa, job, h + hlen + front - sa->sa_ivlen - XFORM_HDR, text);
	if (sa->sa_outer[IPH_PROTO] == IPPROTO_UDP)
		natt_header(sa, h + hlen, (uint16_t)(p->pkt_len - hlen));
	p->pkt_l4 = h + hlen;
}

/* ---- steps ---- */

/* Bytes of the packet, or of each packet of a super-packet. */
static uint32_t
piece_len(const struct pkt *p)
{
	if (p->pkt_gso_size == 0 || p->pkt_l4 == NULL)
		return p->pkt_len;
	return (uint32_t)(p->pkt_l4 - p->pkt_data) + p->pkt_gso_size +
	    (p->pkt_gso == PKT_GSO_UDP ? UDP_HLEN : (p->pkt_l4[TCP_OFF] >> 4) * 4u);
}

/* That is larger than the path lets through. */
static bool
too_big(struct worker *w, struct sa *sa, struct pkt *p)
{
	uint16_t mtu = sa->sa_inner_mtu;
	bool df = (be16(p->pkt_data + IPH_OFF) & IPOFF_DF) != 0;

	if (piece_len(p) <= mtu)
		return false;
	/* or came in fragments that fitted; where not even the smallest has room, it ends */
	if ((sa->sa_mode != SA_TUNNEL || mtu >= ip_hlen(p->pkt_data) + 8u) &&
	    (!df || (p->pkt_frag_max != 0 && p->pkt_frag_max <= mtu)))
		return false;
	if (df)
		icmp_error(w, p, ICMPT_UNREACH, ICMPC_NEEDFRAG,
		    mtu < ICMP_MTU_MIN ? ICMP_MTU_MIN : mtu);
	pkt_drop(w, p, DROP_IP_CANTFRAG);
	return true;
}

/* One more packet of so many bytes, in clear. */
static inline void
esp_count(struct worker *w, struct sa *sa, uint32_t bytes)
{
	sa->sa_packets++;
	sa->sa_bytes += bytes;
	sa->sa_last_ns = w->w_now.now_ns;
	counter_add(&w->w_count[CNT_ESP_OUT_BYTES], bytes);
}

/* The packet is the SA's now, on its way out. */
static inline void
esp_outer(const struct sa *sa, struct pkt *p)
{
	p->pkt_flags = (uint16_t)((p->pkt_flags & PKT_F_LARGE) | PKT_F_LOCAL_OUT | PKT_F_TTL_DONE);
	p->pkt_proto = sa->sa_outer[IPH_PROTO];
	p->pkt_oif = sa->sa_nh.nh_if;
	p->pkt_neigh = sa->sa_nh.nh_neigh;
	p->pkt_flow = NULL;
	p->pkt_frag_max = 0;
}

/* One ordinary packet, for which sa_ready() has been asked. */
static void
esp_prepare(struct worker *w, struct esp_batch *b, struct pkt *p, struct sa *sa)
{
	struct xform_job *job = &b->eb_job[b->eb_n];
	uint32_t bytes = p->pkt_len;

	if (p->pkt_flags & PKT_F_CSUM_PARTIAL)
		csum_finish(p);
	if (__builtin_expect(pkt_headroom(p) < sa->sa_hdrlen ||
	    pkt_tailroom(p) < sizeof(padding) + 2 + sa->sa_icvlen ||
	    bytes + sa->sa_hdrlen + sizeof(padding) + 2 + sa->sa_icvlen > 65535, 0)) {
		pkt_drop(w, p, DROP_NOBUF);
		return;
	}
	if (__builtin_expect(b->eb_capture, 0))
		capture_enc(w, p, CAPTURE_OUT, sa->sa_spi);
	if (sa->sa_mode == SA_TUNNEL)
		esp_tunnel(sa, p, job);
	else
		esp_transport(sa, p, job);
	esp_count(w, sa, bytes);
	esp_outer(sa, p);
	b->eb_pkt[b->eb_n] = p;
	b->eb_xform = b->eb_n == 0 || b->eb_xform == sa->sa_xform ? sa->sa_xform : NULL;
	b->eb_n++;
}

/* Jobs of several transforms: gathers those of each, in turn. */
static void
esp_seal_mixed(struct worker *w, struct esp_batch *b)
{
	struct xform_job job[PKT_VEC_MAX];
	uint8_t from[PKT_VEC_MAX];
	uint64_t left = b->eb_n == 64 ? ~0ull : (1ull << b->eb_n) - 1;
	const struct xform *x;
	unsigned n, i;

	while (left != 0) {
		x = b->eb_pkt[__builtin_ctzll(left)]->pkt_sa->sa_xform;
		n = 0;
		for (uint64_t m = left; m != 0; m &= m - 1) {
			i = (unsigned)__builtin_ctzll(m);
			if (b->eb_pkt[i]->pkt_sa->sa_xform != x)
				continue;
			from[n] = (uint8_t)i;
			job[n++] = b->eb_job[i];
			left &= ~(1ull << i);
		}
		xform_seal(w->w_xform, x, job, n);
		for (i = 0; i < n; i++)
			b->eb_job[from[i]].xj_ok = job[i].xj_ok;
	}
}

/* Seals what the batch holds and sends it on; the batch is empty then. */
static void
esp_flush(struct worker *w, struct esp_batch *b)
{
	struct pktvec out;
	unsigned n = b->eb_n;

	if (n == 0)
		return;
	if (b->eb_xform != NULL)
		xform_seal(w->w_xform, b->eb_xform, b->eb_job, n);
	else
		esp_seal_mixed(w, b);
	b->eb_n = 0;
	out.pv_n = 0;
	for (unsigned i = 0; i < n; i++) {
		if (__builtin_expect(!b->eb_job[i].xj_ok, 0)) {
			sa_drop_count(b->eb_pkt[i]->pkt_sa, SA_DROP_OTHER);
			pkt_drop(w, b->eb_pkt[i], DROP_ESP_CRYPTO);
		} else
			pktvec_add(&out, b->eb_pkt[i]);
	}
	counter_add(&w->w_count[CNT_ESP_OUT], out.pv_n);
	if (out.pv_n != 0)
		ip_output_vec(w, &out);
}

static void
esp_add(struct worker *w, struct esp_batch *b, struct pkt *p, struct sa *sa, uint32_t gen)
{
	enum drop_reason why = sa_ready(w, sa, gen);

	if (__builtin_expect(why != DROP_NONE, 0)) {
		sa_drop_count(sa, drop_class(why));
		pkt_drop(w, p, why);
		return;
	}
	esp_prepare(w, b, p, sa);
	if (b->eb_n == PKT_VEC_MAX)
		esp_flush(w, b);
}

/* ---- datagrams of one size, as one ---- */

#define SUPER_MAX	65535u	/* an IPv4 packet */

/* Each segment fits the path, and becomes a datagram of a device that takes many at once. */
static bool
super_suits(const struct esp_batch *b, const struct sa *sa, const struct pkt *p)
{
	return sa->sa_outer[IPH_PROTO] == IPPROTO_UDP && sa->sa_mode == SA_TUNNEL &&
	    !b->eb_capture && (sa->sa_nh.nh_if->if_caps & IF_CAP_USO) != 0 &&
	    piece_len(p) <= sa->sa_inner_mtu;
}

/*
 * Segments of p one behind the other in big, as datagrams' payload, with a
 * job each; how many.  *size: bytes of each but the last, which may have less.
 */
static unsigned
super_fill(struct worker *w, struct esp_batch *b, struct pkt *big, const struct pkt *p,
    struct gso_state *gs, uint32_t gen, uint16_t *size)
{
	struct sa *sa = p->pkt_sa;
	uint32_t hdr = XFORM_HDR + sa->sa_ivlen, bytes, text;
	uint8_t *esp = big->pkt_data + IP_HLEN + UDP_HLEN;
	unsigned n = 0;

	big->pkt_len = IP_HLEN + UDP_HLEN;
	*size = 0;
	while (n < PKT_VEC_MAX && big->pkt_len + *size <= SUPER_MAX &&
	    sa_ready(w, sa, gen) == DROP_NONE &&
	    (bytes = gso_write(w, p, gs, esp + hdr)) != 0) {
		text = esp_trailer(sa, esp + hdr + bytes, bytes, IPPROTO_IPIP);
		esp_job(sa, &b->eb_job[n++], esp, text);
		esp_count(w, sa, bytes);
		text += hdr + sa->sa_icvlen;
		esp += text;
		big->pkt_len += text;
		*size = *size == 0 ? (uint16_t)text : *size;
		if (text < *size)
			break;
	}
	return n;
}

/*
 * One super-packet of datagrams out of as many segments of p as it takes.
 * False: none were taken; they go one by one, and what is wrong is said there.
 */
static bool
esp_super(struct worker *w, struct esp_batch *b, const struct pkt *p, struct gso_state *gs,
    uint32_t gen)
{
	struct sa *sa = p->pkt_sa;
	uint16_t id = (uint16_t)(sa->sa_seq + 1), size;
	struct pkt *big = pkt_alloc(w, SUPER_MAX);
	unsigned n, sealed = 0;

	if (big == NULL)
		return false;
	pkt_inherit(big, p);
	if ((n = super_fill(w, b, big, p, gs, gen, &size)) == 0) {
		pkt_free(w, big);
		return false;
	}
	xform_seal(w->w_xform, sa->sa_xform, b->eb_job, n);
	for (unsigned i = 0; i < n; i++)
		sealed += b->eb_job[i].xj_ok;
	if (__builtin_expect(sealed != n, 0)) {		/* no gap is possible */
		sa->sa_drops[SA_DROP_OTHER] += n;
		counter_add(&w->w_drop[DROP_ESP_CRYPTO], n - 1);
		pkt_drop(w, big, DROP_ESP_CRYPTO);
		return true;
	}
	outer_header(sa, big->pkt_data, (uint16_t)big->pkt_len, p->pkt_data[IPH_TOS],
	    be16(p->pkt_data + IPH_OFF) & IPOFF_DF, id);
	natt_header(sa, big->pkt_data + IP_HLEN, (uint16_t)(big->pkt_len - IP_HLEN));
	big->pkt_l4 = big->pkt_data + IP_HLEN;
	esp_outer(sa, big);
	if (n > 1) {
		gso_mark(big, PKT_GSO_UDP, size);
		counter_add(&w->w_count[CNT_GRO_OUT], 1);
		counter_add(&w->w_count[CNT_GRO_SEGS], n);
	}
	counter_add(&w->w_count[CNT_ESP_OUT], n);
	ip_output(w, big);
	return true;
}

/*
 * A super-packet, or (mtu != 0) one that is too big for a tunnel and may be
 * fragmented: its pieces are made in fresh packets with headroom.
 */
static void
esp_add_pieces(struct worker *w, struct esp_batch *b, struct pkt *p, struct sa *sa, uint32_t gen,
    uint16_t mtu)
{
	struct gso_state gs = { 0 };
	struct pktvec cut;
	bool done;

	if (mtu != 0 && (p->pkt_flags & PKT_F_CSUM_PARTIAL))
		csum_finish(p);
	if (mtu == 0 && super_suits(b, sa, p)) {
		esp_flush(w, b);		/* sequence numbers leave in order */
		while (gso_left(p, &gs) > 1 && esp_super(w, b, p, &gs, gen))
			continue;
	}
	do {
		cut.pv_n = 0;
		done = mtu != 0 ? frag_split(w, p, mtu, &gs, &cut) : gso_segment(w, p, &gs, &cut);
		for (unsigned i = 0; i < cut.pv_n; i++)
			esp_add(w, b, cut.pv_pkt[i], sa, gen);
	} while (!done);
	pkt_free(w, p);
}

static void
esp_output_one(struct worker *w, struct esp_batch *b, struct pkt *p, uint32_t gen)
{
	struct sa *sa = p->pkt_sa;
	enum drop_reason why;

	if (__builtin_expect(sa->sa_worker != w->w_id, 0)) {
		worker_handover(w, sa->sa_worker, p, HANDOVER_SEAL);
		return;
	}
	/* The path is asked for first, because it says what is too big. */
	if (__builtin_expect(sa->sa_nhgen != gen, 0) &&
	    (why = sa_ready(w, sa, gen)) != DROP_NONE) {
		sa_drop_count(sa, drop_class(why));
		pkt_drop(w, p, why);
		return;
	}
	if (__builtin_expect(p->pkt_len > sa->sa_inner_mtu, 0) && too_big(w, sa, p))
		return;
	if (p->pkt_gso_size != 0)
		esp_add_pieces(w, b, p, sa, gen, 0);
	else if (__builtin_expect(p->pkt_len > sa->sa_inner_mtu, 0) && sa->sa_mode == SA_TUNNEL)
		esp_add_pieces(w, b, p, sa, gen, sa->sa_inner_mtu);
	else
		esp_add(w, b, p, sa, gen);
}

void
ipsec_output(struct worker *w, struct pktvec *v)
{
	uint32_t gen = nk_generation(w->w_nk);
	struct esp_batch b;

	b.eb_n = 0;
	b.eb_xform = NULL;
	b.eb_capture = capture_enc_on(w->w_nk);
	for (unsigned i = 0; i < v->pv_n; i++) {
		__builtin_prefetch(v->pv_pkt[i]->pkt_sa);
		__builtin_prefetch(&v->pv_pkt[i]->pkt_sa->sa_seq, 1);
		__builtin_prefetch(&v->pv_pkt[i]->pkt_sa->sa_nh);
	}
	for (unsigned i = 0; i < v->pv_n; i++)
		esp_output_one(w, &b, v->pv_pkt[i], gen);
	v->pv_n = 0;
	esp_flush(w, &b);
}
