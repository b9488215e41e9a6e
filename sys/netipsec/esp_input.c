/* SPDX-License-Identifier: ISC */
/*
 * ESP, inbound (RFC 4303 section 3.4; UDP encapsulation RFC 3948).
 *
 * A vector of packets goes through four steps:
 *
 *	esp_find()	the SA, all of them prefetched before one is used
 *	esp_check()	state, lengths, a first look at the replay window; a
 *			job for the engine
 *	esp_open()	all jobs of one transform at a time
 *	esp_finish()	with the proof: replay window, padding, counters; then
 *			the inner packet goes to ip_input(), which asks policy
 *
 * Nothing of an SA changes before its packet's ICV has been verified, except
 * the counters of drops.
 */
#include "net/capture.h"
#include "netinet/ip.h"
#include "netinet/wire.h"
#include "netipsec/ipsec_var.h"
#include "netkey/key.h"

#define ESP_NEXT_DUMMY	59	/* RFC 4303 section 2.6 */

struct esp_open {
	unsigned		 eo_n;
	const struct xform	*eo_xform;	/* of all; NULL: they differ */
	bool			 eo_capture;	/* somebody watches enc0 */
	uint64_t		 eo_bytes;	/* opened */
	struct pkt		*eo_pkt[PKT_VEC_MAX];
	struct xform_job	 eo_job[PKT_VEC_MAX];
};

/* A packet ends, counted in its SA as well. */
static void
esp_drop(struct worker *w, struct pkt *p, enum sa_drop class, enum drop_reason why)
{
	sa_drop_count(p->pkt_sa, class);
	pkt_drop(w, p, why);
}

/* ---- what pf decided about the outer packets ---- */

void
esp_keep(struct worker *w, const struct pkt *p)
{
	uint32_t off = (uint32_t)(p->pkt_l4 - p->pkt_data);
	struct sa *sa;

	if (p->pkt_len < off + XFORM_HDR || off != IP_HLEN || p->pkt_frag_max != 0)
		return;
	sa = sad_lookup4(w->w_nk, raw32(p->pkt_l4), raw32(p->pkt_data + IPH_DST));
	if (sa == NULL || sa->sa_worker != w->w_id || w->w_nk->nk_explain != NULL)
		return;
	pf_flow_keep(w, p, &sa->sa_way);
	sa->sa_way_src4 = raw32(p->pkt_data + IPH_SRC);
}

/* The header is plain, whole and right, and that of ESP. */
static inline bool
plain_esp(const struct pkt *p, uint32_t *len)
{
	const uint8_t *ip = p->pkt_data;

	if (p->pkt_len < IP_HLEN + XFORM_HDR || ip[0] != 0x45 || ip[IPH_PROTO] != IPPROTO_ESP)
		return false;
	*len = be16(ip + IPH_LEN);
	return *len >= IP_HLEN + XFORM_HDR && *len <= p->pkt_len &&
	    (be16(ip + IPH_OFF) & (IPOFF_MF | IPOFF_MASK)) == 0 && ip_plain_csum_ok(ip);
}

bool
esp_again(struct worker *w, struct pkt *p)
{
	const uint8_t *ip = p->pkt_data;
	uint32_t len, had = p->pkt_len;
	struct sa *sa;

	if (p->pkt_came_sa != NULL || (p->pkt_flags & PKT_F_BCAST) || p->pkt_gso_size != 0 ||
	    !plain_esp(p, &len))
		return false;
	sa = sad_lookup4(w->w_nk, raw32(ip + IP_HLEN), raw32(ip + IPH_DST));
	if (sa == NULL || sa->sa_worker != w->w_id || sa->sa_way_src4 != raw32(ip + IPH_SRC))
		return false;
	p->pkt_len = len;
	p->pkt_proto = IPPROTO_ESP;
	if (!pf_flow_again(w, &sa->sa_way, p)) {
		p->pkt_len = had;
		return false;
	}
	p->pkt_af = AF_INET;
	p->pkt_l4 = p->pkt_data + IP_HLEN;
	p->pkt_sa = sa;
	return true;
}

/* ---- before the proof ---- */

static void
esp_find(struct worker *w, struct pktvec *v)
{
	struct nk *nk = w->w_nk;
	unsigned n = 0;

	for (unsigned i = 0; i < v->pv_n; i++) {
		struct pkt *p = v->pv_pkt[i];
		uint32_t off = (uint32_t)(p->pkt_l4 - p->pkt_data);

		if (__builtin_expect(p->pkt_len < off + XFORM_HDR, 0)) {
			pkt_drop(w, p, DROP_ESP_SHORT);
			continue;
		}
		sad_prefetch4(nk->nk_sad, raw32(p->pkt_l4), raw32(p->pkt_data + IPH_DST));
		v->pv_pkt[n++] = p;
	}
	v->pv_n = n;
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = v->pv_pkt[i];

		if (p->pkt_sa == NULL)		/* esp_again() has asked */
			p->pkt_sa = sad_lookup4(nk, raw32(p->pkt_l4),
			    raw32(p->pkt_data + IPH_DST));
		if (p->pkt_sa != NULL) {
			__builtin_prefetch(p->pkt_sa);
			__builtin_prefetch(&p->pkt_sa->sa_seq, 1);
		}
	}
}

static inline enum drop_reason
sa_opens(struct worker *w, struct sa *sa, const struct pkt *p)
{
	uint8_t state = atomic_load_explicit(&sa->sa_state, memory_order_acquire);

	if (__builtin_expect(state != SA_MATURE && state != SA_DYING, 0))
		return DROP_SAD_STATE;
	if (((sa->sa_flags & SA_F_NATT) != 0) != ((p->pkt_flags & PKT_F_NATT) != 0))
		return DROP_ESP_ENCAP;
	if (__builtin_expect(sa->sa_bytes >= sa->sa_lim_bytes ||
	    (sa->sa_packets >= sa->sa_lim_packets && sa->sa_lim_packets != 0), 0))
		return sa_limit(w, sa);
	return DROP_NONE;
}

static enum sa_drop
drop_class(enum drop_reason why)
{
	switch (why) {
	case DROP_SAD_LIFETIME:
		return SA_DROP_LIFETIME;
	case DROP_ESP_ENCAP:
		return SA_DROP_ENCAP;
	case DROP_ESP_REPLAY:
		return SA_DROP_REPLAY;
	default:
		return SA_DROP_OTHER;
	}
}

/* Lengths, sequence number, job. */
static enum drop_reason
esp_check(struct worker *w, struct pkt *p, struct sa *sa, struct xform_job *job)
{
	uint32_t len = p->pkt_len - (uint32_t)(p->pkt_l4 - p->pkt_data);
	uint32_t fixed = XFORM_HDR + sa->sa_ivlen + sa->sa_icvlen;
	uint32_t low = be32(p->pkt_l4 + 4);
	enum drop_reason why = sa_opens(w, sa, p);

	if (why != DROP_NONE)
		return why;
	if (len < fixed + sa->sa_align)
		return DROP_ESP_SHORT;
	if (((len - fixed) & (sa->sa_align - 1u)) != 0)
		return DROP_ESP_ALIGN;
	p->pkt_seq = (sa->sa_flags & SA_F_ESN) ? replay_esn(&sa->sa_replay, low) : low;
	if (!replay_check(&sa->sa_replay, p->pkt_seq))
		return DROP_ESP_REPLAY;
	job->xj_key = sa->sa_key;
	job->xj_esp = p->pkt_l4;
	job->xj_from = p->pkt_from;
	job->xj_iv = 0;
	job->xj_len = len - fixed;
	job->xj_esn = (sa->sa_flags & SA_F_ESN) != 0;
	job->xj_esn_hi = (uint32_t)(p->pkt_seq >> 32);
	job->xj_ok = false;
	return DROP_NONE;
}

/* What is still in the super-packet that the packet came in comes to its place. */
static void
esp_bring(struct pkt *p)
{
	if (p->pkt_from == NULL)
		return;
	memcpy(p->pkt_l4, p->pkt_from, p->pkt_len - (size_t)(p->pkt_l4 - p->pkt_data));
	p->pkt_from = NULL;
}

static void
esp_add(struct worker *w, struct esp_open *o, struct pkt *p)
{
	struct sa *sa = p->pkt_sa;
	enum drop_reason why;

	if (__builtin_expect(sa == NULL, 0)) {
		pkt_drop(w, p, DROP_SAD_NOSPI);
		return;
	}
	if (__builtin_expect(sa->sa_worker != w->w_id, 0)) {
		esp_bring(p);
		p->pkt_sa = NULL;	/* it may end meanwhile */
		worker_handover(w, sa->sa_worker, p, HANDOVER_OPEN);
		return;
	}
	why = esp_check(w, p, sa, &o->eo_job[o->eo_n]);
	if (__builtin_expect(why != DROP_NONE, 0)) {
		esp_drop(w, p, drop_class(why), why);
		return;
	}
	o->eo_pkt[o->eo_n] = p;
	o->eo_xform = o->eo_n == 0 || o->eo_xform == sa->sa_xform ? sa->sa_xform : NULL;
	o->eo_n++;
}

/* ---- the proof ---- */

static void
esp_open_mixed(struct worker *w, struct esp_open *o)
{
	struct xform_job job[PKT_VEC_MAX];
	uint8_t from[PKT_VEC_MAX];
	uint64_t left = o->eo_n == 64 ? ~0ull : (1ull << o->eo_n) - 1;
	const struct xform *x;
	unsigned n, i;

	while (left != 0) {
		x = o->eo_pkt[__builtin_ctzll(left)]->pkt_sa->sa_xform;
		n = 0;
		for (uint64_t m = left; m != 0; m &= m - 1) {
			i = (unsigned)__builtin_ctzll(m);
			if (o->eo_pkt[i]->pkt_sa->sa_xform != x)
				continue;
			from[n] = (uint8_t)i;
			job[n++] = o->eo_job[i];
			left &= ~(1ull << i);
		}
		xform_open(w->w_xform, x, job, n);
		for (i = 0; i < n; i++)
			o->eo_job[from[i]].xj_ok = job[i].xj_ok;
	}
}

/* ---- after it ---- */

/* What stands behind the payload (RFC 4303 sections 2.4 to 2.6). */
struct esp_trailer {
	uint32_t	et_payload;	/* bytes */
	uint8_t		et_next;
};

/* Every byte of the padding must be 1, 2, 3 ... */
static inline bool
esp_trailer_parse(const uint8_t *text, uint32_t len, struct esp_trailer *t)
{
	uint32_t pad = text[len - 2];
	const uint8_t *p;

	if (pad + 2 > len)
		return false;
	p = text + len - 2 - pad;
	for (uint32_t i = 0; i < pad; i++) {
		if (p[i] != i + 1)
			return false;
	}
	t->et_payload = len - 2 - pad;
	t->et_next = text[len - 1];
	return true;
}

/* An authenticated packet came from elsewhere: told once for each place. */
static void
natt_float(struct worker *w, struct sa *sa, const struct pkt *p)
{
	struct addr peer = addr_v4((struct in_addr){ p->pkt_peer4 });

	if (sa->sa_map4 == p->pkt_peer4 && sa->sa_map_port == p->pkt_natt_port)
		return;
	sa->sa_map4 = p->pkt_peer4;
	sa->sa_map_port = p->pkt_natt_port;
	nk_lock(w->w_nk);
	key_new_mapping(w->w_nk, w->w_now, sa, &peer, ntohs(p->pkt_natt_port));
	nk_unlock(w->w_nk);
	counter_add(&w->w_count[CNT_NATT_FLOAT], 1);
}

static void
sa_first_use(struct worker *w, struct sa *sa)
{
	if (__builtin_expect((sa->sa_flags & SA_F_USED) == 0, 0))
		(void)sa_limit(w, sa);
}

/*
 * ECN of a tunnel's end (RFC 6040 section 4.2).  False: the outer header says
 * congestion and the inner one cannot carry it.
 */
static inline bool
ecn_decapsulate(uint8_t outer_tos, uint8_t *inner)
{
	uint8_t mark = outer_tos & 3, had = inner[IPH_TOS] & 3;
	uint16_t from;

	/* CE, and ECT(1) on what was ECT(0), were set on the way */
	if (__builtin_expect((mark & 1) == 0, 1) || had == 3 || had == mark)
		return true;
	if (had == 0)
		return mark != 3;
	from = raw16(inner);
	inner[IPH_TOS] = (uint8_t)((inner[IPH_TOS] & ~3) | mark);
	set16(inner + IPH_SUM, in_adjust(raw16(inner + IPH_SUM), from, raw16(inner)));
	return true;
}

static inline enum drop_reason
decapsulate_tunnel(struct pkt *p, uint8_t *text, const struct esp_trailer *t)
{
	uint8_t tos = p->pkt_data[IPH_TOS];

	if (t->et_next == ESP_NEXT_DUMMY)
		return DROP_ESP_DUMMY;
	if (t->et_next != IPPROTO_IPIP)
		return DROP_ESP_NEXT;
	if (t->et_payload < IP_HLEN)
		return DROP_IP_SHORT;
	p->pkt_data = text;
	p->pkt_len = t->et_payload;
	return ecn_decapsulate(tos, text) ? DROP_NONE : DROP_ESP_ECN;
}

/*
 * Behind a NAT the transport checksum is over addresses that have changed;
 * the ICV has proved the bytes, so it is made anew (RFC 3948 section 3.1.2).
 */
static void
natt_checksum(uint8_t *ip, unsigned hlen, uint32_t payload, uint8_t proto)
{
	struct flow_key key = { .fk_src4 = raw32(ip + IPH_SRC), .fk_dst4 = raw32(ip + IPH_DST),
	    .fk_proto = proto, .fk_af = AF_INET };
	uint8_t *l4 = ip + hlen;
	uint16_t sum;

	if (proto == IPPROTO_UDP && payload >= UDP_HLEN)
		put16(l4 + UDP_SUM, 0);
	if (proto != IPPROTO_TCP || payload < TCP_HLEN)
		return;
	put16(l4 + TCP_SUM, 0);
	sum = in_fold(in_sum(l4, payload, in_pseudo(&key, (uint16_t)payload)));
	set16(l4 + TCP_SUM, sum);
}

/* The IP header moves back to the payload. */
static enum drop_reason
decapsulate_transport(struct pkt *p, uint8_t *text, const struct esp_trailer *t)
{
	unsigned hlen = ip_hlen(p->pkt_data);
	uint8_t *ip = text - hlen;

	if (t->et_next == ESP_NEXT_DUMMY)
		return DROP_ESP_DUMMY;
	memmove(ip, p->pkt_data, hlen);
	p->pkt_data = ip;
	p->pkt_len = hlen + t->et_payload;
	ip[IPH_PROTO] = t->et_next;
	put16(ip + IPH_LEN, (uint16_t)p->pkt_len);
	put16(ip + IPH_SUM, 0);
	set16(ip + IPH_SUM, in_fold(in_sum(ip, hlen, 0)));
	if (p->pkt_flags & PKT_F_NATT)
		natt_checksum(ip, hlen, t->et_payload, t->et_next);
	return DROP_NONE;
}

/*
 * One inbound ESP packet whose ICV was right.
 * => The packet starts at the outer header.
 * => On DROP_NONE it starts at the inner header and pkt_came_sa is set.
 */
static inline enum drop_reason
esp_finish(struct worker *w, struct esp_open *o, struct pkt *p, const struct xform_job *job)
{
	struct sa *sa = p->pkt_sa;
	uint8_t *text = job->xj_esp + XFORM_HDR + sa->sa_ivlen;
	struct esp_trailer t;
	enum drop_reason why;
	bool newest = p->pkt_seq > sa->sa_replay.rp_top;

	/* Again: another packet of this vector may have had the same number. */
	if (!replay_check(&sa->sa_replay, p->pkt_seq))
		return DROP_ESP_REPLAY;
	if (!esp_trailer_parse(text, job->xj_len, &t))
		return DROP_ESP_PADDING;

	replay_commit(&sa->sa_replay, p->pkt_seq);
	sa_first_use(w, sa);
	sa->sa_packets++;
	sa->sa_bytes += t.et_payload;
	sa->sa_last_ns = w->w_now.now_ns;
	o->eo_bytes += t.et_payload;
	if (__builtin_expect((p->pkt_flags & PKT_F_NATT) && newest &&
	    (p->pkt_peer4 != sa->sa_src4 || p->pkt_natt_port != sa->sa_natt_sport), 0))
		natt_float(w, sa, p);

	why = sa->sa_mode == SA_TUNNEL ? decapsulate_tunnel(p, text, &t) :
	    decapsulate_transport(p, text, &t);
	if (why != DROP_NONE)
		return why;
	p->pkt_came_sa = sa;
	p->pkt_from = NULL;
	p->pkt_flags &= PKT_F_LARGE;
	p->pkt_flow = NULL;
	p->pkt_l4 = NULL;
	p->pkt_tag = 0;
	p->pkt_frag_max = 0;
	if (__builtin_expect(o->eo_capture, 0))
		capture_enc(w, p, CAPTURE_IN, sa->sa_spi);
	return DROP_NONE;
}

static enum sa_drop
finish_class(enum drop_reason why)
{
	switch (why) {
	case DROP_ESP_REPLAY:
		return SA_DROP_REPLAY;
	case DROP_ESP_PADDING:
		return SA_DROP_PADDING;
	default:
		return SA_DROP_OTHER;
	}
}

/*
 * The engine has been through all bytes of all packets since: of long ones,
 * metadata, the inner header and the trailer are not in the nearest cache.
 */
#define FINISH_AHEAD	6

static inline void
finish_prefetch(const struct esp_open *o, unsigned i)
{
	const struct xform_job *job = &o->eo_job[i];
	const char *p = (const char *)o->eo_pkt[i];
	const uint8_t *text = job->xj_esp + XFORM_HDR;

	__builtin_prefetch(p, 1);
	__builtin_prefetch(p + 64, 1);
	__builtin_prefetch(p + 128, 1);
	__builtin_prefetch(text, 1);
	__builtin_prefetch(text + job->xj_len);
}

void
ipsec_input(struct worker *w, struct pktvec *v)
{
	struct esp_open o;
	struct pktvec inner;
	enum drop_reason why;
	unsigned opened = 0;

	esp_find(w, v);
	o.eo_n = 0;
	o.eo_xform = NULL;
	o.eo_capture = capture_enc_on(w->w_nk);
	o.eo_bytes = 0;
	for (unsigned i = 0; i < v->pv_n; i++)
		esp_add(w, &o, v->pv_pkt[i]);
	v->pv_n = 0;
	if (o.eo_n == 0)
		return;
	if (o.eo_xform != NULL)
		xform_open(w->w_xform, o.eo_xform, o.eo_job, o.eo_n);
	else
		esp_open_mixed(w, &o);

	inner.pv_n = 0;
	for (unsigned i = 0; i < o.eo_n && i < FINISH_AHEAD; i++)
		finish_prefetch(&o, i);
	for (unsigned i = 0; i < o.eo_n; i++) {
		struct pkt *p = o.eo_pkt[i];

		if (i + FINISH_AHEAD < o.eo_n)
			finish_prefetch(&o, i + FINISH_AHEAD);

		if (__builtin_expect(!o.eo_job[i].xj_ok, 0)) {
			esp_drop(w, p, SA_DROP_AUTH, DROP_ESP_BADAUTH);
			continue;
		}
		why = esp_finish(w, &o, p, &o.eo_job[i]);
		opened += why != DROP_ESP_REPLAY && why != DROP_ESP_PADDING;
		if (__builtin_expect(why != DROP_NONE, 0))
			esp_drop(w, p, finish_class(why), why);
		else
			pktvec_add(&inner, p);
	}
	counter_add(&w->w_count[CNT_ESP_IN], opened);
	counter_add(&w->w_count[CNT_ESP_IN_BYTES], o.eo_bytes);
	if (inner.pv_n != 0)
		ip_input(w, &inner);
}
