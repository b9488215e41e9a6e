/* SPDX-License-Identifier: ISC */
/*
 * Proposals: the structure of an SA payload (RFC 7296 section 3.3), reading the
 * peer's offers, defaults and printing.  Choosing stands in ike_choose.c.
 */
#include <stdio.h>

#include "libalg/alg.h"
#include "libike/ike_msg.h"

static enum ike_parse
attrs_check(struct cur c)
{
	while (cur_left(&c) != 0) {
		uint16_t type = cur_u16(&c), v = cur_u16(&c);

		if ((type & IKE_ATTR_TV) == 0)
			cur_skip(&c, v);
		if (!cur_ok(&c))
			return IKE_PARSE_SHORT;
	}
	return IKE_PARSE_OK;
}

static enum ike_parse
transform_check(struct cur *c, bool last)
{
	uint8_t more = cur_u8(c);
	uint16_t len;
	struct cur attrs;

	cur_skip(c, 1);
	len = cur_u16(c);
	cur_skip(c, 4);
	if (!cur_ok(c) || len < IKE_TRANSFORM_HDR_LEN)
		return IKE_PARSE_SHORT;
	if (more != (last ? 0 : IKE_TRANSFORM_MORE))
		return IKE_PARSE_SYNTAX;
	attrs = cur_sub(c, len - IKE_TRANSFORM_HDR_LEN);
	return cur_ok(c) ? attrs_check(attrs) : IKE_PARSE_SHORT;
}

static enum ike_parse
proposal_check(struct cur *c, uint8_t expected)
{
	uint8_t more = cur_u8(c), number, spi_len, n;
	struct cur body;
	uint16_t len;
	enum ike_parse e;

	cur_skip(c, 1);
	len = cur_u16(c);
	if (!cur_ok(c) || len < IKE_PROPOSAL_HDR_LEN)
		return IKE_PARSE_SHORT;
	body = cur_sub(c, len - 4U);
	number = cur_u8(&body);
	cur_skip(&body, 1);
	spi_len = cur_u8(&body);
	n = cur_u8(&body);
	cur_skip(&body, spi_len);
	if (!cur_ok(c) || !cur_ok(&body))
		return IKE_PARSE_SHORT;
	/* An answer repeats the number of the one chosen: expected 0. */
	if (more != (cur_left(c) != 0 ? IKE_PROPOSAL_MORE : 0) || n == 0 ||
	    (expected > 1 && number != expected))
		return IKE_PARSE_SYNTAX;
	for (; n > 0; n--) {
		e = transform_check(&body, n == 1);
		if (e != IKE_PARSE_OK)
			return e;
	}
	return cur_end(&body) ? IKE_PARSE_OK : IKE_PARSE_SHORT;
}

enum ike_parse
ike_sa_check(const void *p, size_t n)
{
	struct cur c = cur_init(p, n);
	uint8_t number = 0;
	enum ike_parse e;

	do {
		if (number == UINT8_MAX)
			return IKE_PARSE_LIMIT;
		e = proposal_check(&c, ++number);
		if (e != IKE_PARSE_OK)
			return e;
	} while (cur_left(&c) != 0);
	return IKE_PARSE_OK;
}

/*
 * Adds one transform of the peer if we could ever choose it: an attribute that
 * we do not know makes it another algorithm (section 3.3.6).
 */
static void
offer_transform(struct cur *c, struct ike_offer *of)
{
	struct ike_transform t = { .tr_type = 0 };
	bool known = true;
	struct cur attrs;
	uint16_t len;

	cur_skip(c, 2);
	len = cur_u16(c);
	t.tr_type = cur_u8(c);
	cur_skip(c, 1);
	t.tr_id = cur_u16(c);
	attrs = cur_sub(c, len - IKE_TRANSFORM_HDR_LEN);
	while (cur_left(&attrs) != 0) {
		uint16_t type = cur_u16(&attrs), v = cur_u16(&attrs);

		if (type == (IKE_ATTR_TV | IKE_ATTR_KEY_LENGTH) &&
		    t.tr_keybits == 0 && v != 0)
			t.tr_keybits = v;
		else
			known = false;
		if ((type & IKE_ATTR_TV) == 0)
			cur_skip(&attrs, v);
	}
	if (t.tr_type < IKE_T_ENCR || t.tr_type > IKE_T_ESN) {
		of->of_odd = true;
		return;
	}
	of->of_types |= (uint8_t)(1U << t.tr_type);
	if (known && of->of_pr.pr_n < IKE_TRANSFORMS_MAX)
		of->of_pr.pr_t[of->of_pr.pr_n++] = t;
}

bool
ike_offer_next(struct cur *c, struct ike_offer *of)
{
	struct cur body;
	uint8_t n;

	memset(of, 0, sizeof(*of));
	if (cur_left(c) == 0)
		return false;
	cur_skip(c, 2);
	body = cur_sub(c, cur_u16(c) - 4U);
	of->of_number = cur_u8(&body);
	of->of_pr.pr_proto = cur_u8(&body);
	of->of_spi_len = cur_u8(&body);
	n = cur_u8(&body);
	if (of->of_spi_len <= sizeof(of->of_spi))
		(void)cur_copy(&body, of->of_spi, of->of_spi_len);
	else
		cur_skip(&body, of->of_spi_len);
	of->of_spi_ok = of->of_pr.pr_proto == IKE_PROTO_IKE ?
	    of->of_spi_len == 0 || of->of_spi_len == IKE_SPI_LEN :
	    of->of_spi_len == IKE_ESP_SPI_LEN;
	while (n-- > 0 && cur_ok(&body))
		offer_transform(&body, of);
	return cur_ok(c);
}

const struct ike_transform *
ike_proposal_get(const struct ike_proposal *pr, uint8_t type)
{
	for (unsigned i = 0; i < pr->pr_n; i++)
		if (pr->pr_t[i].tr_type == type)
			return &pr->pr_t[i];
	return NULL;
}

uint16_t
ike_proposals_group(const struct ike_proposals *ps)
{
	for (unsigned i = 0; i < ps->ps_n; i++) {
		const struct ike_proposal *pr = &ps->ps_p[i];

		for (unsigned j = 0; j < pr->pr_n; j++)
			if (pr->pr_t[j].tr_type == IKE_T_DH &&
			    pr->pr_t[j].tr_id != IKE_DH_NONE)
				return pr->pr_t[j].tr_id;
	}
	return IKE_DH_NONE;
}

bool
ike_proposals_has_group(const struct ike_proposals *ps, uint16_t group)
{
	for (unsigned i = 0; i < ps->ps_n; i++) {
		const struct ike_proposal *pr = &ps->ps_p[i];

		for (unsigned j = 0; j < pr->pr_n; j++)
			if (pr->pr_t[j].tr_type == IKE_T_DH &&
			    pr->pr_t[j].tr_id == group)
				return true;
	}
	return false;
}

void
ike_proposals_strip_dh(const struct ike_proposals *in,
    struct ike_proposals *out)
{
	memset(out, 0, sizeof(*out));
	out->ps_n = in->ps_n;
	for (unsigned i = 0; i < in->ps_n; i++) {
		const struct ike_proposal *pr = &in->ps_p[i];
		struct ike_proposal *to = &out->ps_p[i];

		to->pr_proto = pr->pr_proto;
		for (unsigned j = 0; j < pr->pr_n; j++)
			if (pr->pr_t[j].tr_type != IKE_T_DH)
				to->pr_t[to->pr_n++] = pr->pr_t[j];
	}
}

static bool
proposal_equal(const struct ike_proposal *a, const struct ike_proposal *b)
{
	if (a->pr_proto != b->pr_proto || a->pr_n != b->pr_n)
		return false;
	for (unsigned i = 0; i < a->pr_n; i++)
		if (a->pr_t[i].tr_type != b->pr_t[i].tr_type ||
		    a->pr_t[i].tr_id != b->pr_t[i].tr_id ||
		    a->pr_t[i].tr_keybits != b->pr_t[i].tr_keybits)
			return false;
	return true;
}

bool
ike_proposals_equal(const struct ike_proposals *a,
    const struct ike_proposals *b)
{
	if (a->ps_n != b->ps_n)
		return false;
	for (unsigned i = 0; i < a->ps_n; i++)
		if (!proposal_equal(&a->ps_p[i], &b->ps_p[i]))
			return false;
	return true;
}

/* ------------------------------------------------------------- defaults */

static const struct ike_transform default_aead[] = {
	{ IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 256 },
	{ IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 128 },
	{ IKE_T_ENCR, IKE_ENCR_CHACHA20_POLY1305, 0 },
};

static const struct ike_transform default_cbc[] = {
	{ IKE_T_ENCR, IKE_ENCR_AES_CBC, 256 },
	{ IKE_T_ENCR, IKE_ENCR_AES_CBC, 128 },
	{ IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0 },
	{ IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_384_192, 0 },
	{ IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_512_256, 0 },
};

static const struct ike_transform default_prf[] = {
	{ IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
	{ IKE_T_PRF, IKE_PRF_HMAC_SHA2_384, 0 },
	{ IKE_T_PRF, IKE_PRF_HMAC_SHA2_512, 0 },
};

static const struct ike_transform default_dh[] = {
	{ IKE_T_DH, IKE_DH_CURVE25519, 0 },
	{ IKE_T_DH, IKE_DH_ECP_256, 0 },
	{ IKE_T_DH, IKE_DH_ECP_384, 0 },
	{ IKE_T_DH, IKE_DH_MODP_2048, 0 },
	{ IKE_T_DH, IKE_DH_MODP_3072, 0 },
	{ IKE_T_DH, IKE_DH_MODP_4096, 0 },
};

static const struct ike_transform default_esp[] = {
	{ IKE_T_DH, IKE_DH_NONE, 0 },
	{ IKE_T_ESN, IKE_ESN_YES, 0 },
	{ IKE_T_ESN, IKE_ESN_NO, 0 },
};

static void
default_add(struct ike_proposal *pr, const struct ike_transform *t, size_t n)
{
	memcpy(&pr->pr_t[pr->pr_n], t, n * sizeof(*t));
	pr->pr_n = (uint8_t)(pr->pr_n + n);
}

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

void
ike_proposals_default(enum ike_proto proto, struct ike_proposals *out)
{
	memset(out, 0, sizeof(*out));
	out->ps_n = 2;
	default_add(&out->ps_p[0], default_aead, COUNT(default_aead));
	default_add(&out->ps_p[1], default_cbc, COUNT(default_cbc));
	for (unsigned i = 0; i < 2; i++) {
		struct ike_proposal *pr = &out->ps_p[i];

		pr->pr_proto = (uint8_t)proto;
		if (proto == IKE_PROTO_IKE)
			default_add(pr, default_prf, COUNT(default_prf));
		default_add(pr, default_dh, COUNT(default_dh));
		if (proto != IKE_PROTO_IKE)
			default_add(pr, default_esp, COUNT(default_esp));
	}
}

/* --------------------------------------------------------------- print */

const char *
ike_transform_type_name(uint8_t type)
{
	static const char *const names[] = { "proposal", "encryption", "prf",
	    "integrity", "group", "esn" };

	return type < COUNT(names) ? names[type] : "transform";
}

const char *
ike_transform_name(const struct ike_transform *t)
{
	const struct alg *a;

	if (t->tr_type == IKE_T_ESN)
		return t->tr_id == IKE_ESN_YES ? "esn" : "noesn";
	if (t->tr_id == 0)
		return "none";
	if (t->tr_type < IKE_T_ENCR || t->tr_type > IKE_T_DH)
		return "unknown";
	a = alg_by_ike((enum alg_kind)t->tr_type, t->tr_id, t->tr_keybits);
	return a != NULL ? a->al_name : "unknown";
}

static void
append(char *buf, size_t len, size_t *used, const char *sep, const char *word)
{
	int n;

	if (*used + 1 >= len)
		return;
	n = snprintf(buf + *used, len - *used, "%s%s", sep, word);
	if (n > 0)
		*used += (size_t)n < len - *used ? (size_t)n : len - *used - 1;
}

static void
proposal_print(const struct ike_proposal *pr, char *buf, size_t len,
    size_t *used, const char *sep)
{
	for (uint8_t type = IKE_T_ENCR; type <= IKE_T_ESN; type++)
		for (unsigned i = 0; i < pr->pr_n; i++) {
			if (pr->pr_t[i].tr_type != type)
				continue;
			append(buf, len, used, sep,
			    ike_transform_name(&pr->pr_t[i]));
			sep = "/";
			if (i + 1U == pr->pr_n ||
			    pr->pr_t[i + 1].tr_type != type)
				sep = "+";
		}
}

char *
ike_proposals_print(const struct ike_proposals *ps, char *buf, size_t len)
{
	size_t used = 0;

	if (len != 0)
		buf[0] = '\0';
	for (unsigned i = 0; i < ps->ps_n; i++)
		proposal_print(&ps->ps_p[i], buf, len, &used, i ? ", " : "");
	return buf;
}

char *
ike_offers_print(struct ike_blob sa, char *buf, size_t len)
{
	struct cur c = cur_init(sa.b_p, sa.b_n);
	struct ike_offer of;
	size_t used = 0;

	if (len != 0)
		buf[0] = '\0';
	while (ike_offer_next(&c, &of))
		proposal_print(&of.of_pr, buf, len, &used, used ? ", " : "");
	return buf;
}
