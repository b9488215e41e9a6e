/* SPDX-License-Identifier: ISC */
/*
 * Payloads to bytes (see ike_msg.h).
 *
 * Each payload names the type of the one behind it, so the writer remembers
 * where that field stands and fills it when the next payload opens; the last
 * one keeps 0.
 */
#include "libike/ike_msg.h"

#define NOWHERE	SIZE_MAX

void
ike_hdr_build(struct wcur *w, const struct ike_hdr *h)
{
	wcur_u64(w, h->h_spi_i);
	wcur_u64(w, h->h_spi_r);
	wcur_u8(w, h->h_next);
	wcur_u8(w, h->h_version);
	wcur_u8(w, h->h_exchange);
	wcur_u8(w, h->h_flags);
	wcur_u32(w, h->h_msgid);
	wcur_u32(w, h->h_len);
}

void
ike_writer_init(struct ike_writer *w, void *buf, size_t cap)
{
	*w = (struct ike_writer){ .w_out = wcur_init(buf, cap),
	    .w_next = NOWHERE };
}

void
ike_writer_message(struct ike_writer *w, void *buf, size_t cap,
    const struct ike_hdr *h)
{
	ike_writer_init(w, buf, cap);
	ike_hdr_build(&w->w_out, h);
	w->w_next = 16;
}

size_t
ike_writer_finish(struct ike_writer *w, bool message)
{
	size_t n = wcur_len(&w->w_out);

	if (message) {
		wcur_u16_at(&w->w_out, 24, (uint16_t)(n >> 16));
		wcur_u16_at(&w->w_out, 26, (uint16_t)n);
	}
	return wcur_ok(&w->w_out) ? n : 0;
}

void
ike_put_open(struct ike_writer *w, uint8_t type)
{
	if (!w->w_any)
		w->w_first = type;
	w->w_any = true;
	if (w->w_next != NOWHERE && wcur_ok(&w->w_out))
		w->w_out.wcur_base[w->w_next] = type;
	w->w_start = wcur_len(&w->w_out);
	w->w_next = w->w_start;
	wcur_zero(&w->w_out, IKE_PAYLOAD_HDR_LEN);
	if (!wcur_ok(&w->w_out))
		w->w_next = NOWHERE;
}

void
ike_put_close(struct ike_writer *w)
{
	size_t n = wcur_len(&w->w_out) - w->w_start;

	if (n > UINT16_MAX) {
		w->w_out.wcur_bad = true;
		return;
	}
	wcur_u16_at(&w->w_out, w->w_start + 2, (uint16_t)n);
}

void
ike_put_bytes(struct ike_writer *w, uint8_t type, const void *p, size_t n)
{
	ike_put_open(w, type);
	wcur_put(&w->w_out, p, n);
	ike_put_close(w);
}

void
ike_put_ke(struct ike_writer *w, uint16_t group, const void *p, size_t n)
{
	ike_put_open(w, IKE_P_KE);
	wcur_u16(&w->w_out, group);
	wcur_u16(&w->w_out, 0);
	wcur_put(&w->w_out, p, n);
	ike_put_close(w);
}

size_t
ike_id_body(const struct ike_id *id, uint8_t out[IKE_ID_BODY_MAX])
{
	struct wcur w = wcur_init(out, IKE_ID_BODY_MAX);

	wcur_u8(&w, id->id_type);
	wcur_zero(&w, 3);
	wcur_put(&w, id->id_data, id->id_len);
	return wcur_len(&w);
}

void
ike_put_id(struct ike_writer *w, uint8_t type, const struct ike_id *id)
{
	uint8_t body[IKE_ID_BODY_MAX];

	ike_put_bytes(w, type, body, ike_id_body(id, body));
}

void
ike_put_auth(struct ike_writer *w, uint8_t method, const void *p, size_t n)
{
	ike_put_open(w, IKE_P_AUTH);
	wcur_u8(&w->w_out, method);
	wcur_zero(&w->w_out, 3);
	wcur_put(&w->w_out, p, n);
	ike_put_close(w);
}

void
ike_put_notify(struct ike_writer *w, uint16_t type, const void *p, size_t n)
{
	ike_put_open(w, IKE_P_NOTIFY);
	wcur_u8(&w->w_out, 0);
	wcur_u8(&w->w_out, 0);
	wcur_u16(&w->w_out, type);
	wcur_put(&w->w_out, p, n);
	ike_put_close(w);
}

void
ike_put_notify_spi(struct ike_writer *w, uint16_t type, uint8_t proto,
    uint32_t spi)
{
	ike_put_open(w, IKE_P_NOTIFY);
	wcur_u8(&w->w_out, proto);
	wcur_u8(&w->w_out, IKE_ESP_SPI_LEN);
	wcur_u16(&w->w_out, type);
	wcur_u32(&w->w_out, spi);
	ike_put_close(w);
}

void
ike_put_delete_ike(struct ike_writer *w)
{
	ike_put_open(w, IKE_P_DELETE);
	wcur_u8(&w->w_out, IKE_PROTO_IKE);
	wcur_zero(&w->w_out, 3);
	ike_put_close(w);
}

void
ike_put_delete_esp(struct ike_writer *w, const uint32_t *spis, size_t n)
{
	ike_put_open(w, IKE_P_DELETE);
	wcur_u8(&w->w_out, IKE_PROTO_ESP);
	wcur_u8(&w->w_out, IKE_ESP_SPI_LEN);
	wcur_u16(&w->w_out, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		wcur_u32(&w->w_out, spis[i]);
	ike_put_close(w);
}

static void
put_transform(struct wcur *w, const struct ike_transform *t, bool more)
{
	wcur_u8(w, more ? IKE_TRANSFORM_MORE : 0);
	wcur_u8(w, 0);
	wcur_u16(w, t->tr_keybits != 0 ? IKE_TRANSFORM_HDR_LEN + 4 :
	    IKE_TRANSFORM_HDR_LEN);
	wcur_u8(w, t->tr_type);
	wcur_u8(w, 0);
	wcur_u16(w, t->tr_id);
	if (t->tr_keybits != 0) {
		wcur_u16(w, IKE_ATTR_TV | IKE_ATTR_KEY_LENGTH);
		wcur_u16(w, t->tr_keybits);
	}
}

static void
put_proposal(struct ike_writer *w, const struct ike_proposal *pr,
    uint8_t number, bool more, const void *spi, size_t spi_len)
{
	size_t start = wcur_len(&w->w_out);

	wcur_u8(&w->w_out, more ? IKE_PROPOSAL_MORE : 0);
	wcur_zero(&w->w_out, 3);
	wcur_u8(&w->w_out, number);
	wcur_u8(&w->w_out, pr->pr_proto);
	wcur_u8(&w->w_out, (uint8_t)spi_len);
	wcur_u8(&w->w_out, pr->pr_n);
	wcur_put(&w->w_out, spi, spi_len);
	for (unsigned i = 0; i < pr->pr_n; i++)
		put_transform(&w->w_out, &pr->pr_t[i], i + 1U < pr->pr_n);
	wcur_u16_at(&w->w_out, start + 2,
	    (uint16_t)(wcur_len(&w->w_out) - start));
}

void
ike_put_sa(struct ike_writer *w, const struct ike_proposals *ps,
    const void *spi, size_t spi_len)
{
	ike_put_open(w, IKE_P_SA);
	for (unsigned i = 0; i < ps->ps_n; i++)
		put_proposal(w, &ps->ps_p[i], (uint8_t)(i + 1),
		    i + 1U < ps->ps_n, spi, spi_len);
	ike_put_close(w);
}

void
ike_put_sa_answer(struct ike_writer *w, const struct ike_proposal *pr,
    uint8_t number, const void *spi, size_t spi_len)
{
	ike_put_open(w, IKE_P_SA);
	put_proposal(w, pr, number, false, spi, spi_len);
	ike_put_close(w);
}

void
ike_put_ts(struct ike_writer *w, uint8_t type, const struct ike_ts_list *tl)
{
	ike_put_open(w, type);
	wcur_u8(&w->w_out, tl->tl_n);
	wcur_zero(&w->w_out, 3);
	for (unsigned i = 0; i < tl->tl_n; i++) {
		const struct ike_ts *ts = &tl->tl_ts[i];
		bool v6 = ts->ts_lo.ad_af == AF_INET6;
		size_t n = v6 ? 16 : 4;

		wcur_u8(&w->w_out, v6 ? IKE_TS_IPV6_RANGE : IKE_TS_IPV4_RANGE);
		wcur_u8(&w->w_out, ts->ts_proto);
		wcur_u16(&w->w_out, (uint16_t)(8 + 2 * n));
		wcur_u16(&w->w_out, ts->ts_port.po_lo);
		wcur_u16(&w->w_out, ts->ts_port.po_hi);
		wcur_put(&w->w_out, ts->ts_lo.ad_bytes, n);
		wcur_put(&w->w_out, ts->ts_hi.ad_bytes, n);
	}
	ike_put_close(w);
}
