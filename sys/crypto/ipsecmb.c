/* SPDX-License-Identifier: ISC */
/*
 * The vector engine: Intel's multi-buffer library, x86-64 with AES
 * instructions only.  The RFCs are those of bear.c.
 *
 * AES-GCM and AES-GMAC call the library's functions for one packet, which
 * are the fastest for them.  ChaCha20-Poly1305 and the pairs go through its
 * job manager: all packets of a batch are submitted, then the manager is
 * flushed, so that several packets share the vector registers.  Jobs come
 * back in the order in which they were submitted.
 *
 * The _nocheck form of submitting is safe here, because xform.c has checked
 * the lengths, and key memory and offsets are of our own making.
 */
#ifdef HAVE_IPSECMB
#include <intel-ipsec-mb.h>
#include <stdlib.h>

#include "crypto/engine.h"

#define BATCH	64		/* jobs in the manager at once */

/* What a job needs until it is done. */
struct slot {
	_Alignas(16) uint8_t	s_iv[16];
	uint8_t			s_aad[16];
	uint8_t			s_icv[XFORM_ICV_MAX];	/* received */
	uint8_t			s_mine[XFORM_ICV_MAX];	/* computed */
	struct xform_job	*s_job;
};

struct mb {
	_Alignas(64) struct gcm_context_data m_gcm;
	_Alignas(64) uint8_t	 m_nonce[BATCH][16];
	IMB_MGR			*m_mgr;
	struct slot		 m_slot[BATCH];
};

/* The salt shares a line with the low powers of the hash key. */
struct mb_gcm {
	_Alignas(64) struct gcm_key_data g_data;
	uint8_t			 g_salt[4];
};

struct mb_chacha {
	uint8_t			k_key[32];
	uint8_t			k_salt[4];
};

struct mb_pair {
	_Alignas(16) uint32_t	p_enc[60];	/* expanded keys */
	_Alignas(16) uint32_t	p_dec[60];
	_Alignas(16) uint8_t	p_ipad[64];	/* hash state after key ^ pad */
	_Alignas(16) uint8_t	p_opad[64];
	uint8_t			p_salt[4];
};

static void
mb_free(void *ec)
{
	struct mb *m = ec;

	if (m->m_mgr != NULL)
		free_mb_mgr(m->m_mgr);
	free(m);
}

static void *
mb_new(void)
{
	struct mb *m = aligned_alloc(64, (sizeof(*m) + 63) / 64 * 64);

	if (m == NULL)
		return NULL;
	memset(m, 0, sizeof(*m));
	if ((m->m_mgr = alloc_mb_mgr(0)) != NULL) {
		init_mb_mgr_auto(m->m_mgr, NULL);
		if (imb_get_errno(m->m_mgr) == 0 &&
		    (m->m_mgr->features & IMB_FEATURE_AESNI) != 0)
			return m;
	}
	mb_free(m);
	return NULL;
}

/* AES-GCM and AES-GMAC, by bytes of key and salt. */

static aes_gcm_enc_dec_t
gcm_enc_of(const IMB_MGR *m, const struct xform *x)
{
	return x->x_key == 20 ? m->gcm128_enc :
	    x->x_key == 28 ? m->gcm192_enc : m->gcm256_enc;
}

static aes_gcm_enc_dec_t
gcm_dec_of(const IMB_MGR *m, const struct xform *x)
{
	return x->x_key == 20 ? m->gcm128_dec :
	    x->x_key == 28 ? m->gcm192_dec : m->gcm256_dec;
}

static void
gcm_key(const void *ec, const struct xform *x, struct xform_key *key,
    const uint8_t *enc, const uint8_t *integ)
{
	const IMB_MGR *m = ((const struct mb *)ec)->m_mgr;
	struct mb_gcm *g = (struct mb_gcm *)key;
	aes_gcm_pre_t pre = x->x_key == 20 ? m->gcm128_pre :
	    x->x_key == 28 ? m->gcm192_pre : m->gcm256_pre;

	(void)integ;
	memcpy(g->g_salt, &enc[x->x_key - 4], 4);
	pre(enc, &g->g_data);
}

static inline const struct mb_gcm *
gcm_of(const struct xform_job *j)
{
	return (const struct mb_gcm *)j->xj_key;
}

/* What a short packet needs: round keys, low powers of the hash key, salt. */
static inline void
gcm_prefetch(const struct xform_job *j)
{
	const uint8_t *p = (const uint8_t *)j->xj_key;

	for (unsigned line = 0; line < 3; line++)
		__builtin_prefetch(&p[64 * line]);
	for (unsigned line = 1; line < 3; line++)
		__builtin_prefetch(&p[sizeof(struct mb_gcm) - 64 * line]);
}

/*
 * The nonces of a batch are written before the first is used, and the IVs
 * into the packets after use: a vector load that meets a narrower store just
 * made waits until that is in the cache.
 */
static void
gcm_nonces(struct mb *m, const struct xform_job *jobs, unsigned n, bool seal)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t *nonce = m->m_nonce[i];

		gcm_prefetch(&jobs[i]);
		memcpy(nonce, gcm_of(&jobs[i])->g_salt, 4);
		if (seal)
			put_be64(&nonce[4], jobs[i].xj_iv);
		else
			memcpy(&nonce[4], &job_from(&jobs[i])[XFORM_HDR], 8);
	}
}

static void
gcm_seal_batch(struct mb *m, const struct xform *x, struct xform_job *jobs,
    unsigned n)
{
	aes_gcm_enc_dec_t enc = gcm_enc_of(m->m_mgr, x);
	uint8_t buf[12], *text;
	const uint8_t *aad;
	size_t aadlen;

	gcm_nonces(m, jobs, n, true);
	for (unsigned i = 0; i < n; i++) {
		struct xform_job *j = &jobs[i];

		aad = job_aad(j, buf, &aadlen);
		text = job_text(j, x);
		enc(&gcm_of(j)->g_data, &m->m_gcm, text, text, j->xj_len,
		    m->m_nonce[i], aad, aadlen, &text[j->xj_len], x->x_icv);
		memcpy(job_iv(j), &m->m_nonce[i][4], 8);
		j->xj_ok = true;
	}
}

static void
gcm_open_batch(struct mb *m, const struct xform *x, struct xform_job *jobs,
    unsigned n)
{
	aes_gcm_enc_dec_t dec = gcm_dec_of(m->m_mgr, x);
	_Alignas(16) uint8_t tag[16];
	const uint8_t *aad, *from;
	uint8_t buf[12];
	size_t aadlen;

	gcm_nonces(m, jobs, n, false);
	for (unsigned i = 0; i < n; i++) {
		struct xform_job *j = &jobs[i];

		aad = job_aad(j, buf, &aadlen);
		from = &job_from(j)[XFORM_HDR + x->x_iv];
		dec(&gcm_of(j)->g_data, &m->m_gcm, job_text(j, x), from, j->xj_len,
		    m->m_nonce[i], aad, aadlen, tag, x->x_icv);
		j->xj_ok = icv_equal(tag, &from[j->xj_len], x->x_icv);
	}
}

static void
gcm_seal(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	for (unsigned take; n > 0; jobs += take, n -= take) {
		take = n < BATCH ? n : BATCH;
		gcm_seal_batch(ec, x, jobs, take);
	}
}

static void
gcm_open(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	for (unsigned take; n > 0; jobs += take, n -= take) {
		take = n < BATCH ? n : BATCH;
		gcm_open_batch(ec, x, jobs, take);
	}
}

static void
gcm_raw(void *ec, const struct xform *x, struct xform_raw *raw, unsigned n)
{
	struct mb *m = ec;
	aes_gcm_enc_dec_t enc = gcm_enc_of(m->m_mgr, x);

	for (struct xform_raw *r = raw; r < raw + n; r++)
		enc(&((const struct mb_gcm *)r->xr_key)->g_data, &m->m_gcm,
		    r->xr_text, r->xr_text, r->xr_len, r->xr_nonce,
		    r->xr_aad, 8, r->xr_icv, 16);
}

static const struct xform_ops gcm_ops = {
	.xo_keysize = sizeof(struct mb_gcm),
	.xo_key = gcm_key,
	.xo_seal = gcm_seal,
	.xo_open = gcm_open,
	.xo_apart = true,
	.xo_raw = gcm_raw,
};

/*
 * GMAC is GCM without text: all before the ICV is additional data, which the
 * high half of an extended sequence number interrupts, so it is given in
 * parts.
 */
struct gmac_fns {
	aes_gmac_init_t		gf_init;
	aes_gmac_update_t	gf_update;
	aes_gmac_finalize_t	gf_final;
};

static struct gmac_fns
gmac_of(const IMB_MGR *m, const struct xform *x)
{
	if (x->x_key == 20)
		return (struct gmac_fns){ m->gmac128_init, m->gmac128_update,
		    m->gmac128_finalize };
	if (x->x_key == 28)
		return (struct gmac_fns){ m->gmac192_init, m->gmac192_update,
		    m->gmac192_finalize };
	return (struct gmac_fns){ m->gmac256_init, m->gmac256_update,
	    m->gmac256_finalize };
}

static void
gmac_one(struct mb *m, const struct gmac_fns *f, const struct xform *x,
    const struct xform_job *j, uint8_t *tag)
{
	const struct gcm_key_data *k = &gcm_of(j)->g_data;
	_Alignas(16) uint8_t nonce[16];
	uint8_t buf[12];
	const uint8_t *aad;
	size_t aadlen;

	memcpy(nonce, gcm_of(j)->g_salt, 4);
	memcpy(&nonce[4], job_iv(j), 8);
	aad = job_aad(j, buf, &aadlen);
	f->gf_init(k, &m->m_gcm, nonce, XFORM_NONCE);
	f->gf_update(k, &m->m_gcm, aad, aadlen);
	f->gf_update(k, &m->m_gcm, job_iv(j), x->x_iv + (size_t)j->xj_len);
	f->gf_final(k, &m->m_gcm, tag, x->x_icv);
}

static void
gmac_seal(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	struct mb *m = ec;
	struct gmac_fns f = gmac_of(m->m_mgr, x);

	for (struct xform_job *j = jobs; j < jobs + n; j++) {
		job_put_iv(j, x);
		gmac_one(m, &f, x, j, job_icv(j, x));
		j->xj_ok = true;
	}
}

static void
gmac_open(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	struct mb *m = ec;
	struct gmac_fns f = gmac_of(m->m_mgr, x);
	uint8_t tag[16];

	for (struct xform_job *j = jobs; j < jobs + n; j++) {
		gmac_one(m, &f, x, j, tag);
		j->xj_ok = icv_equal(tag, job_icv(j, x), x->x_icv);
	}
}

static const struct xform_ops gmac_ops = {
	.xo_keysize = sizeof(struct mb_gcm),
	.xo_key = gcm_key,
	.xo_seal = gmac_seal,
	.xo_open = gmac_open,
};

/* The job manager. */

static void
job_done(const struct xform *x, const IMB_JOB *mj)
{
	struct slot *s = mj->user_data;
	struct xform_job *j = s->s_job;
	bool seal = mj->cipher_direction == IMB_DIR_ENCRYPT;

	j->xj_ok = mj->status == IMB_STATUS_COMPLETED;
	if (!seal)
		j->xj_ok = j->xj_ok &&
		    icv_equal(s->s_mine, s->s_icv, x->x_icv);
	else if (!j->xj_ok)
		explicit_bzero(job_text(j, x), j->xj_len + x->x_icv);
}

/* Fill what only the transform decides. */
typedef void fill_fn(IMB_JOB *mj, const struct xform *x,
    const struct xform_job *j, struct slot *s);

static void
job_fill(IMB_JOB *mj, const struct xform *x, struct xform_job *j,
    struct slot *s, bool seal, fill_fn *fill)
{
	s->s_job = j;
	mj->user_data = s;
	mj->src = j->xj_esp;
	mj->auth_tag_output_len_in_bytes = x->x_icv;
	if (seal) {
		job_put_iv(j, x);
		mj->cipher_direction = IMB_DIR_ENCRYPT;
		mj->chain_order = IMB_ORDER_CIPHER_HASH;
		mj->auth_tag_output = job_icv(j, x);
	} else {
		memcpy(s->s_icv, job_icv(j, x), x->x_icv);
		mj->cipher_direction = IMB_DIR_DECRYPT;
		mj->chain_order = IMB_ORDER_HASH_CIPHER;
		mj->auth_tag_output = s->s_mine;
	}
	fill(mj, x, j, s);
}

static void
jobs_batch(struct mb *m, const struct xform *x, struct xform_job *jobs,
    unsigned n, bool seal, fill_fn *fill)
{
	IMB_JOB *mj;

	for (unsigned i = 0; i < n; i++) {
		job_fill(IMB_GET_NEXT_JOB(m->m_mgr), x, &jobs[i],
		    &m->m_slot[i], seal, fill);
		for (mj = IMB_SUBMIT_JOB_NOCHECK(m->m_mgr); mj != NULL;
		    mj = IMB_GET_COMPLETED_JOB(m->m_mgr))
			job_done(x, mj);
	}
	while ((mj = IMB_FLUSH_JOB(m->m_mgr)) != NULL)
		job_done(x, mj);
}

static void
jobs_run(struct mb *m, const struct xform *x, struct xform_job *jobs,
    unsigned n, bool seal, fill_fn *fill)
{
	unsigned take;

	for (; n > 0; jobs += take, n -= take) {
		take = n < BATCH ? n : BATCH;
		jobs_batch(m, x, jobs, take, seal, fill);
	}
}

/* ChaCha20-Poly1305 */

static void
chacha_key(const void *ec, const struct xform *x, struct xform_key *key,
    const uint8_t *enc, const uint8_t *integ)
{
	struct mb_chacha *k = (struct mb_chacha *)key;

	(void)ec;
	(void)x;
	(void)integ;
	memcpy(k->k_key, enc, 32);
	memcpy(k->k_salt, &enc[32], 4);
}

static void
chacha_fill(IMB_JOB *mj, const struct xform *x, const struct xform_job *j,
    struct slot *s)
{
	const struct mb_chacha *k = (const struct mb_chacha *)j->xj_key;
	size_t aadlen;

	memcpy(s->s_iv, k->k_salt, 4);
	memcpy(&s->s_iv[4], job_iv(j), 8);
	mj->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	mj->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	mj->enc_keys = mj->dec_keys = k->k_key;
	mj->key_len_in_bytes = sizeof(k->k_key);
	mj->iv = s->s_iv;
	mj->iv_len_in_bytes = XFORM_NONCE;
	mj->u.CHACHA20_POLY1305.aad = job_aad(j, s->s_aad, &aadlen);
	mj->u.CHACHA20_POLY1305.aad_len_in_bytes = aadlen;
	mj->cipher_start_src_offset_in_bytes = XFORM_HDR + x->x_iv;
	mj->hash_start_src_offset_in_bytes = XFORM_HDR + x->x_iv;
	mj->dst = job_text(j, x);
	mj->msg_len_to_cipher_in_bytes = j->xj_len;
	mj->msg_len_to_hash_in_bytes = j->xj_len;
}

static void
chacha_seal(void *ec, const struct xform *x, struct xform_job *jobs,
    unsigned n)
{
	jobs_run(ec, x, jobs, n, true, chacha_fill);
}

static void
chacha_open(void *ec, const struct xform *x, struct xform_job *jobs,
    unsigned n)
{
	jobs_run(ec, x, jobs, n, false, chacha_fill);
}

static const struct xform_ops chacha_ops = {
	.xo_keysize = sizeof(struct mb_chacha),
	.xo_key = chacha_key,
	.xo_seal = chacha_seal,
	.xo_open = chacha_open,
};

/* A cipher with HMAC */

static void
hmac_state(const IMB_MGR *m, const struct xform *x, const uint8_t *key,
    uint8_t pad, uint8_t *state)
{
	uint8_t block[128];

	memset(block, pad, sizeof(block));
	for (unsigned i = 0; i < x->x_akey; i++)
		block[i] ^= key[i];
	switch ((enum alg_row)(x->x_integ - alg_table)) {
	case ALG_HMAC_SHA1:
		IMB_SHA1_ONE_BLOCK(m, block, state);
		break;
	case ALG_HMAC_SHA2_384:
		IMB_SHA384_ONE_BLOCK(m, block, state);
		break;
	case ALG_HMAC_SHA2_512:
		IMB_SHA512_ONE_BLOCK(m, block, state);
		break;
	default:
		IMB_SHA256_ONE_BLOCK(m, block, state);
		break;
	}
	explicit_bzero(block, sizeof(block));
}

static void
pair_key(const void *ec, const struct xform *x, struct xform_key *key,
    const uint8_t *enc, const uint8_t *integ)
{
	const IMB_MGR *m = ((const struct mb *)ec)->m_mgr;
	struct mb_pair *p = (struct mb_pair *)key;
	unsigned salt = x->x_counter ? 4 : 0, bytes = x->x_key - salt;

	hmac_state(m, x, integ, 0x36, p->p_ipad);
	hmac_state(m, x, integ, 0x5c, p->p_opad);
	memcpy(p->p_salt, &enc[bytes], salt);
	if (bytes == 16)
		IMB_AES_KEYEXP_128(m, enc, p->p_enc, p->p_dec);
	else if (bytes == 24)
		IMB_AES_KEYEXP_192(m, enc, p->p_enc, p->p_dec);
	else if (bytes == 32)
		IMB_AES_KEYEXP_256(m, enc, p->p_enc, p->p_dec);
}

static IMB_HASH_ALG
pair_hash(const struct xform *x)
{
	switch ((enum alg_row)(x->x_integ - alg_table)) {
	case ALG_HMAC_SHA1:
		return IMB_AUTH_HMAC_SHA_1;
	case ALG_HMAC_SHA2_384:
		return IMB_AUTH_HMAC_SHA_384;
	case ALG_HMAC_SHA2_512:
		return IMB_AUTH_HMAC_SHA_512;
	default:
		return IMB_AUTH_HMAC_SHA_256;
	}
}

/*
 * HMAC over all before the ICV.  The high half of an extended sequence
 * number is hashed from the ICV's place, which a received ICV has left and
 * which the computed one takes at the end.
 */
static void
pair_fill_hash(IMB_JOB *mj, const struct xform *x, const struct xform_job *j)
{
	const struct mb_pair *p = (const struct mb_pair *)j->xj_key;
	size_t len = XFORM_HDR + x->x_iv + (size_t)j->xj_len;

	if (j->xj_esn) {
		put_be32(job_icv(j, x), j->xj_esn_hi);
		len += 4;
	}
	mj->hash_alg = pair_hash(x);
	mj->hash_start_src_offset_in_bytes = 0;
	mj->msg_len_to_hash_in_bytes = len;
	mj->u.HMAC._hashed_auth_key_xor_ipad = p->p_ipad;
	mj->u.HMAC._hashed_auth_key_xor_opad = p->p_opad;
}

static void
pair_fill_cipher(IMB_JOB *mj, const struct xform_job *j, unsigned from,
    size_t len, const void *iv)
{
	const struct mb_pair *p = (const struct mb_pair *)j->xj_key;

	mj->enc_keys = p->p_enc;
	mj->dec_keys = p->p_dec;
	mj->dst = &j->xj_esp[from];
	mj->cipher_start_src_offset_in_bytes = from;
	mj->msg_len_to_cipher_in_bytes = len;
	mj->iv = iv;
	mj->iv_len_in_bytes = 16;
}

static void
cbc_fill_seal(IMB_JOB *mj, const struct xform *x, const struct xform_job *j,
    struct slot *s)
{
	memset(s->s_iv, 0, sizeof(s->s_iv));
	mj->cipher_mode = IMB_CIPHER_CBC;
	mj->key_len_in_bytes = x->x_key;
	pair_fill_cipher(mj, j, XFORM_HDR, 16 + (size_t)j->xj_len, s->s_iv);
	pair_fill_hash(mj, x, j);
}

static void
cbc_fill_open(IMB_JOB *mj, const struct xform *x, const struct xform_job *j,
    struct slot *s)
{
	(void)s;
	mj->cipher_mode = IMB_CIPHER_CBC;
	mj->key_len_in_bytes = x->x_key;
	pair_fill_cipher(mj, j, XFORM_HDR + 16, j->xj_len, job_iv(j));
	pair_fill_hash(mj, x, j);
}

static void
ctr_fill(IMB_JOB *mj, const struct xform *x, const struct xform_job *j,
    struct slot *s)
{
	const struct mb_pair *p = (const struct mb_pair *)j->xj_key;

	memcpy(s->s_iv, p->p_salt, 4);
	memcpy(&s->s_iv[4], job_iv(j), 8);
	put_be32(&s->s_iv[12], 1);
	mj->cipher_mode = IMB_CIPHER_CNTR;
	mj->key_len_in_bytes = x->x_key - 4u;
	pair_fill_cipher(mj, j, XFORM_HDR + 8, j->xj_len, s->s_iv);
	pair_fill_hash(mj, x, j);
}

static void
null_fill(IMB_JOB *mj, const struct xform *x, const struct xform_job *j,
    struct slot *s)
{
	mj->cipher_mode = IMB_CIPHER_NULL;
	mj->key_len_in_bytes = 0;
	pair_fill_cipher(mj, j, XFORM_HDR, j->xj_len, s->s_iv);
	pair_fill_hash(mj, x, j);
}

static void
pair_seal(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	jobs_run(ec, x, jobs, n, true, x->x_iv == 16 ? cbc_fill_seal :
	    x->x_iv == 8 ? ctr_fill : null_fill);
}

static void
pair_open(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	jobs_run(ec, x, jobs, n, false, x->x_iv == 16 ? cbc_fill_open :
	    x->x_iv == 8 ? ctr_fill : null_fill);
}

static const struct xform_ops pair_ops = {
	.xo_keysize = sizeof(struct mb_pair),
	.xo_key = pair_key,
	.xo_seal = pair_seal,
	.xo_open = pair_open,
};

static const struct xform_ops *
mb_ops(const struct xform *x)
{
	static const struct xform_sets sets = { .xs_gcm = &gcm_ops, .xs_gmac = &gmac_ops,
	    .xs_chacha = &chacha_ops, .xs_pair = &pair_ops };

	return xform_sets_choose(&sets, x);
}

const struct xform_engine ipsecmb_engine = {
	.en_name = "ipsecmb",
	.en_new = mb_new,
	.en_free = mb_free,
	.en_ops = mb_ops,
};
#else
/* Without the library the engine is not there, nor is its name. */
typedef int ipsecmb_absent;
#endif
