/* SPDX-License-Identifier: ISC */
/*
 * Bytes to struct ike_msg (see ike_msg.h).
 *
 * The chain of payloads is walked twice.  The first walk looks at the generic
 * headers alone: it checks each length, counts each type and consults the table
 * of legality.  The second reads the bodies, which are by then known to be
 * there, allowed, and few.  Both walks advance by at least the four bytes of a
 * generic header, so they end.
 */
#include "libike/ike_msg.h"

/* One payload of a chain. */
struct chain {
	struct cur	ch_in;
	uint8_t		ch_next;	/* type of the payload to come */
};

struct counts {
	uint8_t		cn_of[256];
	uint8_t		cn_all;
};

const char *
ike_parse_text(enum ike_parse e)
{
	static const char *const texts[] = {
		[IKE_PARSE_OK] = "sound",
		[IKE_PARSE_SHORT] = "a length runs past its end",
		[IKE_PARSE_SYNTAX] = "a field holds an impossible value",
		[IKE_PARSE_ILLEGAL] = "a payload is not allowed here",
		[IKE_PARSE_MISSING] = "a payload is missing",
		[IKE_PARSE_CRITICAL] = "an unknown payload is critical",
		[IKE_PARSE_LIMIT] = "too many payloads",
	};

	return texts[e];
}

bool
ike_hdr_parse(const void *p, size_t n, struct ike_hdr *h)
{
	struct cur c = cur_init(p, n);

	h->h_spi_i = cur_u64(&c);
	h->h_spi_r = cur_u64(&c);
	h->h_next = cur_u8(&c);
	h->h_version = cur_u8(&c);
	h->h_exchange = cur_u8(&c);
	h->h_flags = cur_u8(&c);
	h->h_msgid = cur_u32(&c);
	h->h_len = cur_u32(&c);
	return cur_ok(&c) && h->h_len == n;
}

/*
 * => False at the end of the chain (*e is IKE_PARSE_OK) or if a length lies.
 * => The critical bit is handed out in *critical.
 */
static bool
chain_next(struct chain *ch, uint8_t *type, bool *critical, struct cur *body,
    enum ike_parse *e)
{
	uint8_t flags;
	uint16_t len;

	*e = IKE_PARSE_OK;
	if (ch->ch_next == IKE_P_NONE) {
		if (!cur_end(&ch->ch_in))
			*e = IKE_PARSE_SHORT;
		return false;
	}
	*type = ch->ch_next;
	ch->ch_next = cur_u8(&ch->ch_in);
	flags = cur_u8(&ch->ch_in);
	len = cur_u16(&ch->ch_in);
	if (!cur_ok(&ch->ch_in) || len < IKE_PAYLOAD_HDR_LEN) {
		*e = IKE_PARSE_SHORT;
		return false;
	}
	*body = cur_sub(&ch->ch_in, len - IKE_PAYLOAD_HDR_LEN);
	if (!cur_ok(&ch->ch_in)) {
		*e = IKE_PARSE_SHORT;
		return false;
	}
	*critical = (flags & IKE_CRITICAL) != 0;
	return true;
}

/* Types of RFC 7296, which ignore the critical bit (section 2.5). */
static bool
payload_known(uint8_t type)
{
	return type >= IKE_P_SA && type <= IKE_P_EAP;
}

static enum ike_parse
chain_count(struct chain ch, struct counts *cn, uint8_t *unknown)
{
	enum ike_parse e;
	struct cur body;
	uint8_t type;
	bool critical;

	while (chain_next(&ch, &type, &critical, &body, &e)) {
		if (++cn->cn_all > IKE_PAYLOADS_MAX)
			return IKE_PARSE_LIMIT;
		if (!payload_known(type) && critical) {
			*unknown = type;
			return IKE_PARSE_CRITICAL;
		}
		cn->cn_of[type]++;
	}
	return e;
}

static enum ike_parse
legal_check(const struct ike_legal *rows, const struct counts *cn)
{
	unsigned seen = 0, known = 0, type;

	for (; rows->l_payload != IKE_P_NONE; rows++) {
		if (cn->cn_of[rows->l_payload] > rows->l_most)
			return IKE_PARSE_ILLEGAL;
		if (cn->cn_of[rows->l_payload] < rows->l_least)
			return IKE_PARSE_MISSING;
		seen += cn->cn_of[rows->l_payload];
	}
	for (type = 0; type < 256; type++)
		if (payload_known((uint8_t)type))
			known += cn->cn_of[type];
	return seen == known ? IKE_PARSE_OK : IKE_PARSE_ILLEGAL;
}

static struct ike_blob
blob_rest(struct cur *c)
{
	struct ike_blob b;

	b.b_n = cur_left(c);
	b.b_p = cur_bytes(c, b.b_n);
	return b;
}

static enum ike_parse
parse_ke(struct cur c, struct ike_msg *m)
{
	m->m_group = cur_u16(&c);
	cur_skip(&c, 2);
	m->m_ke = blob_rest(&c);
	if (!cur_ok(&c) || m->m_ke.b_n == 0)
		return IKE_PARSE_SHORT;
	m->m_has_ke = true;
	return IKE_PARSE_OK;
}

/* Section 3.5: type, three reserved bytes, data of at least one byte. */
static enum ike_parse
parse_id(struct cur c, struct ike_id *id, struct ike_blob *raw)
{
	struct cur whole = c;
	size_t n;

	*raw = blob_rest(&whole);
	memset(id, 0, sizeof(*id));
	id->id_type = cur_u8(&c);
	cur_skip(&c, 3);
	n = cur_left(&c);
	if (!cur_ok(&c) || n == 0)
		return IKE_PARSE_SHORT;
	if (n > IKE_ID_MAX)
		return IKE_PARSE_LIMIT;
	if (id->id_type == IKE_ID_NONE ||
	    (id->id_type == IKE_ID_IPV4_ADDR && n != 4) ||
	    (id->id_type == IKE_ID_IPV6_ADDR && n != 16))
		return IKE_PARSE_SYNTAX;
	id->id_len = (uint16_t)n;
	(void)cur_copy(&c, id->id_data, n);
	return IKE_PARSE_OK;
}

static enum ike_parse
parse_auth(struct cur c, struct ike_msg *m)
{
	m->m_auth_method = cur_u8(&c);
	cur_skip(&c, 3);
	m->m_auth = blob_rest(&c);
	if (!cur_ok(&c) || m->m_auth.b_n == 0)
		return IKE_PARSE_SHORT;
	if (m->m_auth.b_n > IKE_AUTH_MAX)
		return IKE_PARSE_LIMIT;
	m->m_has_auth = true;
	return IKE_PARSE_OK;
}

static enum ike_parse
parse_nonce(struct cur c, struct ike_msg *m)
{
	m->m_nonce = blob_rest(&c);
	if (m->m_nonce.b_n < IKE_NONCE_MIN || m->m_nonce.b_n > IKE_NONCE_MAX)
		return IKE_PARSE_SYNTAX;
	return IKE_PARSE_OK;
}

/* Section 3.10: an SPI stands only beside an AH or ESP protocol. */
static enum ike_parse
parse_notify(struct cur c, struct ike_msg *m)
{
	struct ike_notify *n = &m->m_notify[m->m_nnotify];
	uint8_t spi_len;

	memset(n, 0, sizeof(*n));
	n->n_proto = cur_u8(&c);
	spi_len = cur_u8(&c);
	n->n_type = cur_u16(&c);
	if (spi_len == IKE_ESP_SPI_LEN)
		n->n_spi = cur_u32(&c);
	else
		cur_skip(&c, spi_len);
	n->n_data = blob_rest(&c);
	if (!cur_ok(&c))
		return IKE_PARSE_SHORT;
	m->m_nnotify++;
	return IKE_PARSE_OK;
}

/* Section 3.11: SPIs of 4 bytes for AH and ESP, none for IKE. */
static enum ike_parse
parse_delete(struct cur c, struct ike_msg *m)
{
	struct ike_delete *d = &m->m_delete[m->m_ndelete];
	uint8_t spi_len;

	d->d_proto = cur_u8(&c);
	spi_len = cur_u8(&c);
	d->d_n = cur_u16(&c);
	d->d_spis = blob_rest(&c);
	if (!cur_ok(&c) || d->d_spis.b_n != (size_t)d->d_n * spi_len)
		return IKE_PARSE_SHORT;
	switch (d->d_proto) {
	case IKE_PROTO_IKE:
		if (d->d_n != 0 || spi_len != 0)
			return IKE_PARSE_SYNTAX;
		break;
	case IKE_PROTO_AH:
	case IKE_PROTO_ESP:
		if (spi_len != IKE_ESP_SPI_LEN)
			return IKE_PARSE_SYNTAX;
		break;
	default:
		return IKE_PARSE_SYNTAX;
	}
	m->m_ndelete++;
	return IKE_PARSE_OK;
}

static enum ike_parse
parse_ts(struct cur c, struct ike_ts_list *tl, bool *has)
{
	struct ike_blob b = blob_rest(&c);

	*has = true;
	return ike_ts_parse(b.b_p, b.b_n, tl);
}

static enum ike_parse
parse_body(uint8_t type, struct cur c, struct ike_msg *m)
{
	switch (type) {
	case IKE_P_SA:
		m->m_has_sa = true;
		m->m_sa = blob_rest(&c);
		return ike_sa_check(m->m_sa.b_p, m->m_sa.b_n);
	case IKE_P_KE:
		return parse_ke(c, m);
	case IKE_P_IDI:
		m->m_has_idi = true;
		return parse_id(c, &m->m_idi, &m->m_idi_raw);
	case IKE_P_IDR:
		m->m_has_idr = true;
		return parse_id(c, &m->m_idr, &m->m_idr_raw);
	case IKE_P_AUTH:
		return parse_auth(c, m);
	case IKE_P_NONCE:
		return parse_nonce(c, m);
	case IKE_P_NOTIFY:
		return parse_notify(c, m);
	case IKE_P_DELETE:
		return parse_delete(c, m);
	case IKE_P_TSI:
		return parse_ts(c, &m->m_tsi, &m->m_has_tsi);
	case IKE_P_TSR:
		return parse_ts(c, &m->m_tsr, &m->m_has_tsr);
	case IKE_P_CP:
		m->m_has_cp = true;
		return IKE_PARSE_OK;
	case IKE_P_EAP:
		m->m_has_eap = true;
		return IKE_PARSE_OK;
	default:
		return IKE_PARSE_OK;
	}
}

enum ike_parse
ike_msg_parse(uint8_t exchange, bool response, uint8_t first, const void *p,
    size_t n, struct ike_msg *m)
{
	struct chain ch = { .ch_in = cur_init(p, n), .ch_next = first };
	struct counts cn = { .cn_all = 0 };
	enum ike_parse e;
	struct cur body;
	uint8_t type;
	bool critical;

	memset(m, 0, sizeof(*m));
	e = chain_count(ch, &cn, &m->m_critical);
	if (e == IKE_PARSE_OK)
		e = legal_check(ike_legal_rows(exchange, response,
		    cn.cn_of[IKE_P_SA] != 0, cn.cn_of[IKE_P_TSI] != 0 ||
		    cn.cn_of[IKE_P_TSR] != 0), &cn);
	if (e != IKE_PARSE_OK)
		return e;
	while (chain_next(&ch, &type, &critical, &body, &e)) {
		enum ike_parse be = parse_body(type, body, m);

		if (be != IKE_PARSE_OK)
			return be;
	}
	return e;
}

const struct ike_notify *
ike_msg_notify(const struct ike_msg *m, uint16_t type)
{
	for (unsigned i = 0; i < m->m_nnotify; i++)
		if (m->m_notify[i].n_type == type)
			return &m->m_notify[i];
	return NULL;
}

const struct ike_notify *
ike_msg_error(const struct ike_msg *m)
{
	for (unsigned i = 0; i < m->m_nnotify; i++)
		if (m->m_notify[i].n_type <= IKE_N_ERROR_MAX)
			return &m->m_notify[i];
	return NULL;
}
