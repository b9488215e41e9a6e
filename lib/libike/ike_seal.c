/* SPDX-License-Identifier: ISC */
/*
 * Messages under the keys of an IKE SA: sealing (whole, or cut into fragments
 * of RFC 7383 when the datagram would be longer than cf_fragment) and opening
 * one datagram.
 */
#include <stdlib.h>

#include "libike/ike_var.h"

#define SK_AT	(IKE_HDR_LEN + IKE_PAYLOAD_HDR_LEN)	/* IV of an SK */
#define SKF_AT	(SK_AT + IKE_SKF_HDR_LEN)		/* IV of an SKF */

static struct sk *
seal_key(struct ikesa *sa, bool outgoing)
{
	return sa->sa_initiator == outgoing ? &sa->sa_keys.k_i :
	    &sa->sa_keys.k_r;
}

void
outmsg_free(struct outmsg *om)
{
	free(om);
}

static struct outmsg *
outmsg_new(size_t size)
{
	return ike_calloc(1, sizeof(struct outmsg) + size);
}

struct outmsg *
outmsg_clear(const void *p, size_t n)
{
	struct outmsg *om = outmsg_new(n);

	if (om == NULL)
		return NULL;
	om->om_n = 1;
	om->om_len[0] = om->om_size = n;
	memcpy(om->om_bytes, p, n);
	return om;
}

struct ike_datagram
ikesa_to(const struct ikesa *sa)
{
	return (struct ike_datagram){ .dg_local = sa->sa_local,
	    .dg_remote = sa->sa_remote, .dg_lport = sa->sa_lport,
	    .dg_rport = sa->sa_rport, .dg_natt = sa->sa_natt };
}

void
outmsg_send(struct ike *ike, const struct outmsg *om,
    const struct ike_datagram *to)
{
	size_t at = 0;

	for (unsigned i = 0; i < om->om_n; i++) {
		act_send(ike, to, om->om_bytes + at, om->om_len[i]);
		at += om->om_len[i];
	}
	if (om->om_n > 1)
		ike->i_stats.is_out_fragments += om->om_n;
}

/* Longest UDP payload that keeps the IP packet within cf_fragment. */
static size_t
seal_limit(const struct ikesa *sa)
{
	size_t headers = (sa->sa_remote.ad_af == AF_INET6 ? 40 : 20) + 8 +
	    (sa->sa_natt ? 4 : 0);
	size_t limit = sa->sa_ike->i_conf.cf_fragment;

	if (!sa->sa_frag || limit == 0)
		return SIZE_MAX;
	if (sa->sa_path.pa_mtu != 0 && sa->sa_path.pa_mtu < limit)
		limit = sa->sa_path.pa_mtu;
	if (limit < 512)
		limit = 512;
	return limit - headers;
}

struct cut {
	uint8_t		 c_exchange, c_flags, c_first;
	uint32_t	 c_msgid;
	unsigned	 c_frag, c_total;	/* 0 of 0: whole */
};

/* One datagram of n bytes of payloads at p; its length, 0: failed. */
static size_t
seal_one(struct ikesa *sa, const struct cut *c, const uint8_t *p, size_t n,
    uint8_t *out, size_t cap)
{
	struct sk *sk = seal_key(sa, true);
	size_t at = c->c_total != 0 ? SKF_AT : SK_AT;
	size_t text = sk_padded(sk, n);
	size_t len = at + sk_iv_len(sk) + text + sk_icv_len(sk);
	struct ike_hdr h = { .h_spi_i = sa->sa_spi_i, .h_spi_r = sa->sa_spi_r,
	    .h_next = c->c_total != 0 ? IKE_P_SKF : IKE_P_SK,
	    .h_version = IKE_VERSION, .h_exchange = c->c_exchange,
	    .h_flags = c->c_flags, .h_msgid = c->c_msgid,
	    .h_len = (uint32_t)len };
	struct wcur w = wcur_init(out, cap);

	ike_hdr_build(&w, &h);
	wcur_u8(&w, c->c_frag > 1 ? 0 : c->c_first);
	wcur_u8(&w, 0);
	wcur_u16(&w, (uint16_t)(len - IKE_HDR_LEN));
	if (c->c_total != 0) {
		wcur_u16(&w, (uint16_t)c->c_frag);
		wcur_u16(&w, (uint16_t)c->c_total);
	}
	wcur_zero(&w, sk_iv_len(sk));
	wcur_put(&w, p, n);
	wcur_zero(&w, text - n + sk_icv_len(sk));
	if (!wcur_ok(&w) || len > UINT16_MAX)
		return 0;
	sk_pad(sk, out + at + sk_iv_len(sk), n);
	return sk_seal(sk, out, at, text, &sa->sa_ike->i_rand) ? len : 0;
}

struct outmsg *
seal_message(struct ikesa *sa, uint8_t exchange, bool response, uint32_t msgid,
    struct ike_writer *w)
{
	return seal_within(sa, exchange, response, msgid, w, seal_limit(sa));
}

struct outmsg *
seal_within(struct ikesa *sa, uint8_t exchange, bool response, uint32_t msgid,
    struct ike_writer *w, size_t limit)
{
	struct sk *sk = seal_key(sa, true);
	const uint8_t *p = sa->sa_ike->i_buf;
	size_t n = ike_writer_finish(w, false);
	size_t chunk = n, room, done = 0;
	size_t over = SKF_AT + sk_iv_len(sk) + sk_icv_len(sk);
	struct cut c = { .c_exchange = exchange, .c_msgid = msgid,
	    .c_first = w->w_first,
	    .c_flags = (uint8_t)((sa->sa_initiator ? IKE_F_INITIATOR : 0) |
	    (response ? IKE_F_RESPONSE : 0)) };
	unsigned total = 1;
	struct outmsg *om;

	if (!wcur_ok(&w->w_out))
		return NULL;
	if (over + sk_padded(sk, n) - IKE_SKF_HDR_LEN > limit) {
		chunk = limit - over - sk_padded(sk, 0);
		total = (unsigned)((n + chunk - 1) / chunk);
		if (total > IKE_FRAGS_MAX)
			return NULL;
	}
	room = total * (over + sk_padded(sk, chunk));
	om = outmsg_new(room);
	if (om == NULL)
		return NULL;
	for (unsigned i = 0; i < total; i++) {
		size_t part = n - done < chunk ? n - done : chunk;

		c.c_frag = total > 1 ? i + 1 : 0;
		c.c_total = total > 1 ? total : 0;
		om->om_len[i] = seal_one(sa, &c, p + done, part,
		    om->om_bytes + om->om_size, room - om->om_size);
		if (om->om_len[i] == 0) {
			outmsg_free(om);
			return NULL;
		}
		om->om_size += om->om_len[i];
		om->om_n++;
		done += part;
	}
	return om;
}

void
seal_begin(struct ike *ike, struct ike_writer *w)
{
	ike_writer_init(w, ike->i_buf, sizeof(ike->i_buf));
}

void
seal_respond(struct ikesa *sa, uint8_t exchange, uint32_t msgid,
    struct ike_writer *w)
{
	outmsg_free(sa->sa_cached);
	sa->sa_cached = seal_message(sa, exchange, true, msgid, w);
	explicit_bzero(sa->sa_ike->i_buf, wcur_len(&w->w_out));
	if (sa->sa_cached == NULL) {
		ike_log(sa->sa_ike, IKE_LOG_ERR, "%s: an answer could not be "
		    "built", sa->sa_name);
		return;
	}
	outmsg_send(sa->sa_ike, sa->sa_cached, &sa->sa_reply_to);
	sa->sa_said = sa->sa_ike->i_now;
}

void
seal_respond_notify(struct ikesa *sa, uint8_t exchange, uint32_t msgid,
    uint16_t notify, const void *p, size_t n)
{
	struct ike_writer w;

	seal_begin(sa->sa_ike, &w);
	if (notify != 0)
		ike_put_notify(&w, notify, p, n);
	seal_respond(sa, exchange, msgid, &w);
}

/*
 * The SK or SKF payload must be the only one of the message and fill it.
 */
static bool
open_header(const struct inmsg *im, uint8_t *first, unsigned *frag,
    unsigned *total)
{
	struct cur c = cur_init(im->im_dg->dg_data, im->im_dg->dg_len);
	uint16_t len;

	*frag = *total = 0;
	cur_skip(&c, IKE_HDR_LEN);
	*first = cur_u8(&c);
	cur_skip(&c, 1);
	len = cur_u16(&c);
	if (im->im_hdr.h_next == IKE_P_SKF) {
		*frag = cur_u16(&c);
		*total = cur_u16(&c);
		if (*frag == 0 || *frag > *total || *total > IKE_FRAGS_MAX)
			return false;
	} else if (im->im_hdr.h_next != IKE_P_SK) {
		return false;
	}
	return cur_ok(&c) && len == im->im_dg->dg_len - IKE_HDR_LEN;
}

enum open_result
seal_open(struct ikesa *sa, struct inmsg *im, unsigned *frag, unsigned *total)
{
	struct ike *ike = sa->sa_ike;
	size_t n = im->im_dg->dg_len, text, textlen;

	if (!open_header(im, &im->im_first, frag, total) ||
	    n > sizeof(ike->i_in))
		return OPEN_MALFORMED;
	memcpy(ike->i_in, im->im_dg->dg_data, n);
	if (!sk_open(seal_key(sa, false), ike->i_in,
	    *total != 0 ? SKF_AT : SK_AT, n, &text, &textlen))
		return OPEN_BAD;
	im->im_p = ike->i_in + text;
	im->im_n = textlen;
	return OPEN_OK;
}
