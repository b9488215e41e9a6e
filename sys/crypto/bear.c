/* SPDX-License-Identifier: ISC */
/*
 * The portable engine: BearSSL, with the processor's AES instructions where
 * it knows them and constant-time code where not.  One packet at a time.
 *
 *	AEAD	RFC 4106 (AES-GCM), RFC 7634 (ChaCha20-Poly1305), RFC 4543
 *		(AES-GMAC without encryption)
 *	cipher	RFC 3602 (AES-CBC), RFC 3686 (AES-CTR), RFC 2410 (NULL)
 *	HMAC	RFC 2404, RFC 4868: over ESP header, IV, text and, with
 *		extended sequence numbers, the high half (RFC 4303 section
 *		2.2.1)
 */
#include <stdlib.h>

#include "crypto/engine.h"
#include "libalg/aes.h"

/* What this processor's best is: asked once. */
struct bear {
	const br_block_cbcenc_class	*b_cbcenc;
	const br_block_cbcdec_class	*b_cbcdec;
	const br_block_ctr_class	*b_ctr;
	br_ghash			 b_ghash;
	br_chacha20_run			 b_chacha20;
	br_poly1305_run			 b_poly1305;
};

struct bear_gcm {
	br_aes_gen_ctr_keys	g_keys;
	br_gcm_context		g_gcm;	/* copied for each packet */
	uint8_t			g_salt[4];
};

struct bear_chacha {
	uint8_t			k_key[32];
	uint8_t			k_salt[4];
};

struct bear_pair {
	br_hmac_key_context	 p_hmac;
	union {
		struct {
			br_aes_gen_cbcenc_keys	enc;
			br_aes_gen_cbcdec_keys	dec;
		}			 cbc;
		br_aes_gen_ctr_keys	 ctr;
	}			 p_keys;
	uint8_t			 p_salt[4];
};

static void *
bear_new(void)
{
	struct bear *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->b_cbcenc = aes_cbcenc();
	b->b_cbcdec = aes_cbcdec();
	b->b_ctr = aes_ctr();
	b->b_ghash = aes_ghash();
	b->b_chacha20 = chacha20_impl();
	b->b_poly1305 = poly1305_impl();
	return b;
}

/* Salt and IV: the nonce of AEADs, the upper part of CTR's block. */
static void
bear_nonce(uint8_t nonce[XFORM_NONCE], const uint8_t *salt,
    const uint8_t *iv)
{
	memcpy(nonce, salt, 4);
	memcpy(&nonce[4], iv, 8);
}

/* AES-GCM and AES-GMAC */

static void
gcm_key(const void *ec, const struct xform *x, struct xform_key *key,
    const uint8_t *enc, const uint8_t *integ)
{
	const struct bear *b = ec;
	struct bear_gcm *g = (struct bear_gcm *)key;

	(void)integ;
	b->b_ctr->init(&g->g_keys.vtable, enc, x->x_key - 4u);
	br_gcm_init(&g->g_gcm, &g->g_keys.vtable, b->b_ghash);
	memcpy(g->g_salt, &enc[x->x_key - 4], 4);
}

static void
gcm_start(br_gcm_context *gcm, const struct xform_job *j)
{
	const struct bear_gcm *g = (const struct bear_gcm *)j->xj_key;
	uint8_t nonce[XFORM_NONCE], buf[12];
	const uint8_t *aad;
	size_t aadlen;

	*gcm = g->g_gcm;
	bear_nonce(nonce, g->g_salt, job_iv(j));
	br_gcm_reset(gcm, nonce, sizeof(nonce));
	aad = job_aad(j, buf, &aadlen);
	br_gcm_aad_inject(gcm, aad, aadlen);
}

static void
gcm_one(const struct xform *x, const struct xform_job *j, int encrypt,
    uint8_t *tag)
{
	br_gcm_context gcm;

	gcm_start(&gcm, j);
	br_gcm_flip(&gcm);
	br_gcm_run(&gcm, encrypt, job_text(j, x), j->xj_len);
	br_gcm_get_tag_trunc(&gcm, tag, x->x_icv);
}

static void
gcm_seal(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	(void)ec;
	for (struct xform_job *j = jobs; j < jobs + n; j++) {
		job_put_iv(j, x);
		gcm_one(x, j, 1, job_icv(j, x));
		j->xj_ok = true;
	}
}

static void
gcm_open(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	uint8_t tag[16];

	(void)ec;
	for (struct xform_job *j = jobs; j < jobs + n; j++) {
		gcm_one(x, j, 0, tag);
		j->xj_ok = icv_equal(tag, job_icv(j, x), x->x_icv);
	}
}

static void
gcm_raw(void *ec, const struct xform *x, struct xform_raw *raw, unsigned n)
{
	br_gcm_context gcm;

	(void)ec;
	(void)x;
	for (struct xform_raw *r = raw; r < raw + n; r++) {
		gcm = ((const struct bear_gcm *)r->xr_key)->g_gcm;
		br_gcm_reset(&gcm, r->xr_nonce, XFORM_NONCE);
		br_gcm_aad_inject(&gcm, r->xr_aad, 8);
		br_gcm_flip(&gcm);
		br_gcm_run(&gcm, 1, r->xr_text, r->xr_len);
		br_gcm_get_tag(&gcm, r->xr_icv);
	}
}

static const struct xform_ops gcm_ops = {
	.xo_keysize = sizeof(struct bear_gcm),
	.xo_key = gcm_key,
	.xo_seal = gcm_seal,
	.xo_open = gcm_open,
	.xo_raw = gcm_raw,
};

/* IV and text are additional data after the header; nothing is encrypted. */
static void
gmac_one(const struct xform *x, const struct xform_job *j, uint8_t *tag)
{
	br_gcm_context gcm;

	gcm_start(&gcm, j);
	br_gcm_aad_inject(&gcm, job_iv(j), x->x_iv + (size_t)j->xj_len);
	br_gcm_flip(&gcm);
	br_gcm_get_tag(&gcm, tag);
}

static void
gmac_seal(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	(void)ec;
	for (struct xform_job *j = jobs; j < jobs + n; j++) {
		job_put_iv(j, x);
		gmac_one(x, j, job_icv(j, x));
		j->xj_ok = true;
	}
}

static void
gmac_open(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	uint8_t tag[16];

	(void)ec;
	for (struct xform_job *j = jobs; j < jobs + n; j++) {
		gmac_one(x, j, tag);
		j->xj_ok = icv_equal(tag, job_icv(j, x), x->x_icv);
	}
}

static const struct xform_ops gmac_ops = {
	.xo_keysize = sizeof(struct bear_gcm),
	.xo_key = gcm_key,
	.xo_seal = gmac_seal,
	.xo_open = gmac_open,
};

/* ChaCha20-Poly1305 */

static void
chacha_key(const void *ec, const struct xform *x, struct xform_key *key,
    const uint8_t *enc, const uint8_t *integ)
{
	struct bear_chacha *k = (struct bear_chacha *)key;

	(void)ec;
	(void)x;
	(void)integ;
	memcpy(k->k_key, enc, 32);
	memcpy(k->k_salt, &enc[32], 4);
}

static void
chacha_one(const struct bear *b, const struct xform *x,
    const struct xform_job *j, int encrypt, uint8_t *tag)
{
	const struct bear_chacha *k = (const struct bear_chacha *)j->xj_key;
	uint8_t nonce[XFORM_NONCE], buf[12];
	const uint8_t *aad;
	size_t aadlen;

	bear_nonce(nonce, k->k_salt, job_iv(j));
	aad = job_aad(j, buf, &aadlen);
	b->b_poly1305(k->k_key, nonce, job_text(j, x), j->xj_len, aad, aadlen,
	    tag, b->b_chacha20, encrypt);
}

static void
chacha_seal(void *ec, const struct xform *x, struct xform_job *jobs,
    unsigned n)
{
	for (struct xform_job *j = jobs; j < jobs + n; j++) {
		job_put_iv(j, x);
		chacha_one(ec, x, j, 1, job_icv(j, x));
		j->xj_ok = true;
	}
}

static void
chacha_open(void *ec, const struct xform *x, struct xform_job *jobs,
    unsigned n)
{
	uint8_t tag[16];

	for (struct xform_job *j = jobs; j < jobs + n; j++) {
		chacha_one(ec, x, j, 0, tag);
		j->xj_ok = icv_equal(tag, job_icv(j, x), x->x_icv);
	}
}

static const struct xform_ops chacha_ops = {
	.xo_keysize = sizeof(struct bear_chacha),
	.xo_key = chacha_key,
	.xo_seal = chacha_seal,
	.xo_open = chacha_open,
};

/* A cipher with HMAC */

static const br_hash_class *
pair_hash(const struct xform *x)
{
	switch ((enum alg_row)(x->x_integ - alg_table)) {
	case ALG_HMAC_SHA1:
		return &br_sha1_vtable;
	case ALG_HMAC_SHA2_384:
		return &br_sha384_vtable;
	case ALG_HMAC_SHA2_512:
		return &br_sha512_vtable;
	default:
		return &br_sha256_vtable;
	}
}

static void
pair_key(const void *ec, const struct xform *x, struct xform_key *key,
    const uint8_t *enc, const uint8_t *integ)
{
	const struct bear *b = ec;
	struct bear_pair *p = (struct bear_pair *)key;

	br_hmac_key_init(&p->p_hmac, pair_hash(x), integ, x->x_akey);
	if (x->x_iv == 16) {
		b->b_cbcenc->init(&p->p_keys.cbc.enc.vtable, enc, x->x_key);
		b->b_cbcdec->init(&p->p_keys.cbc.dec.vtable, enc, x->x_key);
	} else if (x->x_iv == 8) {
		b->b_ctr->init(&p->p_keys.ctr.vtable, enc, x->x_key - 4u);
		memcpy(p->p_salt, &enc[x->x_key - 4], 4);
	}
}

/* The block counter of the first block is 1 (RFC 3686 section 4). */
static void
pair_ctr(const struct bear_pair *p, const struct xform *x,
    const struct xform_job *j)
{
	uint8_t nonce[XFORM_NONCE];

	bear_nonce(nonce, p->p_salt, job_iv(j));
	p->p_keys.ctr.vtable->run(&p->p_keys.ctr.vtable, nonce, 1,
	    job_text(j, x), j->xj_len);
}

static void
pair_encrypt(const struct bear_pair *p, const struct xform *x,
    const struct xform_job *j)
{
	uint8_t chain[16] = { 0 };

	if (x->x_iv == 16)	/* the IV is the first block */
		p->p_keys.cbc.enc.vtable->run(&p->p_keys.cbc.enc.vtable,
		    chain, job_iv(j), sizeof(chain) + j->xj_len);
	else if (x->x_iv == 8)
		pair_ctr(p, x, j);
}

static void
pair_decrypt(const struct bear_pair *p, const struct xform *x,
    const struct xform_job *j)
{
	uint8_t chain[16];

	if (x->x_iv == 16) {
		memcpy(chain, job_iv(j), sizeof(chain));
		p->p_keys.cbc.dec.vtable->run(&p->p_keys.cbc.dec.vtable,
		    chain, job_text(j, x), j->xj_len);
	} else if (x->x_iv == 8)
		pair_ctr(p, x, j);
}

static void
pair_mac(const struct bear_pair *p, const struct xform *x,
    const struct xform_job *j, uint8_t *icv)
{
	br_hmac_context h;
	uint8_t hi[4];

	br_hmac_init(&h, &p->p_hmac, x->x_icv);
	br_hmac_update(&h, j->xj_esp, XFORM_HDR + x->x_iv + j->xj_len);
	if (j->xj_esn) {
		put_be32(hi, j->xj_esn_hi);
		br_hmac_update(&h, hi, sizeof(hi));
	}
	br_hmac_out(&h, icv);
}

static void
pair_seal(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	(void)ec;
	for (struct xform_job *j = jobs; j < jobs + n; j++) {
		const struct bear_pair *p =
		    (const struct bear_pair *)j->xj_key;

		job_put_iv(j, x);
		pair_encrypt(p, x, j);
		pair_mac(p, x, j, job_icv(j, x));
		j->xj_ok = true;
	}
}

static void
pair_open(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	uint8_t icv[XFORM_ICV_MAX];

	(void)ec;
	for (struct xform_job *j = jobs; j < jobs + n; j++) {
		const struct bear_pair *p =
		    (const struct bear_pair *)j->xj_key;

		pair_mac(p, x, j, icv);
		j->xj_ok = icv_equal(icv, job_icv(j, x), x->x_icv);
		if (j->xj_ok)
			pair_decrypt(p, x, j);
	}
}

static const struct xform_ops pair_ops = {
	.xo_keysize = sizeof(struct bear_pair),
	.xo_key = pair_key,
	.xo_seal = pair_seal,
	.xo_open = pair_open,
};

static const struct xform_ops *
bear_ops(const struct xform *x)
{
	static const struct xform_sets sets = { .xs_gcm = &gcm_ops, .xs_gmac = &gmac_ops,
	    .xs_chacha = &chacha_ops, .xs_pair = &pair_ops };

	return xform_sets_choose(&sets, x);
}

const struct xform_engine bear_engine = {
	.en_name = "bearssl",
	.en_new = bear_new,
	.en_free = free,
	.en_ops = bear_ops,
};
