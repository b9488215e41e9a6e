/* SPDX-License-Identifier: ISC */
/*
 * Protection of IKE messages.  See sk.h.
 *
 * AES-CBC encrypts, then the integrity algorithm covers all before the ICV
 * (RFC 7296 section 3.14).  AES-GCM (RFC 5282 section 8.1, nonce salt | IV)
 * and ChaCha20-Poly1305 (RFC 7634 section 2) take all before the IV as
 * additional data.
 */
#include "libalg/sk.h"

#include <string.h>

#include "libalg/aes.h"
#include "libalg/prf.h"

bool
sk_init(struct sk *sk, const struct alg *encr, const struct alg *integ,
    const void *key, const void *ikey)
{
	bool aead = (encr->al_flags & ALG_AEAD) != 0;

	memset(sk, 0, sizeof(*sk));
	if (encr->al_kind != ALG_ENCR || (encr->al_flags & ALG_IKE) == 0 ||
	    alg_keymat(encr) > SK_KEY_MAX || aead != (integ == NULL))
		return false;
	if (integ != NULL && (integ->al_kind != ALG_INTEG || ikey == NULL ||
	    (integ->al_flags & ALG_IKE) == 0 || integ->al_key > SK_IKEY_MAX))
		return false;

	sk->sk_encr = encr;
	sk->sk_integ = integ;
	sk->sk_iv = 1;
	memcpy(sk->sk_key, key, alg_keymat(encr));
	if (integ != NULL)
		memcpy(sk->sk_ikey, ikey, integ->al_key);
	return true;
}

void
sk_wipe(struct sk *sk)
{
	explicit_bzero(sk, sizeof(*sk));
}

size_t
sk_iv_len(const struct sk *sk)
{
	return sk->sk_encr->al_iv;
}

size_t
sk_icv_len(const struct sk *sk)
{
	return sk->sk_integ != NULL ? sk->sk_integ->al_icv :
	    sk->sk_encr->al_icv;
}

size_t
sk_padded(const struct sk *sk, size_t n)
{
	size_t block = sk->sk_encr->al_block;

	return (n + 1 + block - 1) / block * block;
}

void
sk_pad(const struct sk *sk, uint8_t *text, size_t n)
{
	size_t pad = sk_padded(sk, n) - n - 1;

	memset(&text[n], 0, pad);
	text[n + pad] = (uint8_t)pad;
}

/* The nonce of an AEAD: the salt, which ends the key, then the IV. */
static void
sk_nonce(const struct sk *sk, const uint8_t *iv, uint8_t nonce[12])
{
	memcpy(nonce, &sk->sk_key[sk->sk_encr->al_key], 4);
	memcpy(&nonce[4], iv, 8);
}

static void
sk_gcm(const struct sk *sk, int encrypt, const uint8_t *nonce,
    const uint8_t *aad, size_t aadlen, uint8_t *text, size_t len,
    uint8_t *tag)
{
	br_aes_gen_ctr_keys keys;
	br_gcm_context gcm;

	aes_ctr()->init(&keys.vtable, sk->sk_key, sk->sk_encr->al_key);
	br_gcm_init(&gcm, &keys.vtable, aes_ghash());
	br_gcm_reset(&gcm, nonce, 12);
	br_gcm_aad_inject(&gcm, aad, aadlen);
	br_gcm_flip(&gcm);
	br_gcm_run(&gcm, encrypt, text, len);
	br_gcm_get_tag(&gcm, tag);
	explicit_bzero(&keys, sizeof(keys));
	explicit_bzero(&gcm, sizeof(gcm));
}

static void
sk_aead(const struct sk *sk, int encrypt, uint8_t *msg, size_t hdr,
    size_t text, uint8_t tag[16])
{
	uint8_t nonce[12], *p = &msg[hdr + sk->sk_encr->al_iv];

	sk_nonce(sk, &msg[hdr], nonce);
	if (sk->sk_encr == &alg_table[ALG_CHACHA20_POLY1305])
		poly1305_impl()(sk->sk_key, nonce, p, text, msg, hdr, tag,
		    chacha20_impl(), encrypt);
	else
		sk_gcm(sk, encrypt, nonce, msg, hdr, p, text, tag);
}

static void
sk_cbc_encrypt(const struct sk *sk, const uint8_t *iv, uint8_t *text,
    size_t len)
{
	br_aes_gen_cbcenc_keys keys;
	uint8_t chain[16];

	memcpy(chain, iv, sizeof(chain));
	aes_cbcenc()->init(&keys.vtable, sk->sk_key, sk->sk_encr->al_key);
	keys.vtable->run(&keys.vtable, chain, text, len);
	explicit_bzero(&keys, sizeof(keys));
}

static void
sk_cbc_decrypt(const struct sk *sk, const uint8_t *iv, uint8_t *text,
    size_t len)
{
	br_aes_gen_cbcdec_keys keys;
	uint8_t chain[16];

	memcpy(chain, iv, sizeof(chain));
	aes_cbcdec()->init(&keys.vtable, sk->sk_key, sk->sk_encr->al_key);
	keys.vtable->run(&keys.vtable, chain, text, len);
	explicit_bzero(&keys, sizeof(keys));
}

static void
sk_next_iv(struct sk *sk, uint8_t *iv, const struct alg_rand *rnd)
{
	uint64_t n = sk->sk_iv++;

	if ((sk->sk_encr->al_flags & ALG_COUNTER) == 0) {
		rnd->fill(rnd->arg, iv, sk->sk_encr->al_iv);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		iv[i] = (uint8_t)(n >> (56 - 8 * i));
}

bool
sk_seal(struct sk *sk, uint8_t *msg, size_t hdr, size_t text,
    const struct alg_rand *rnd)
{
	size_t ivlen = sk_iv_len(sk), end = hdr + ivlen + text;
	struct alg_chunk all = { msg, end };

	if (text == 0 || text % sk->sk_encr->al_block != 0 ||
	    sk->sk_iv == 0) {
		explicit_bzero(&msg[hdr], ivlen + text + sk_icv_len(sk));
		return false;
	}
	sk_next_iv(sk, &msg[hdr], rnd);
	if (sk->sk_integ == NULL) {
		sk_aead(sk, 1, msg, hdr, text, &msg[end]);
		return true;
	}
	sk_cbc_encrypt(sk, &msg[hdr], &msg[hdr + ivlen], text);
	integ_compute(sk->sk_integ, sk->sk_ikey, &all, 1, &msg[end]);
	return true;
}

/* ICV and decryption: msg has hdr, IV, text bytes and ICV. */
static bool
sk_decrypt(const struct sk *sk, uint8_t *msg, size_t hdr, size_t text)
{
	size_t start = hdr + sk_iv_len(sk), end = start + text;
	struct alg_chunk all = { msg, end };
	uint8_t tag[16];

	if (sk->sk_integ == NULL) {
		sk_aead(sk, 0, msg, hdr, text, tag);
		if (alg_equal(tag, &msg[end], sizeof(tag)))
			return true;
		explicit_bzero(&msg[start], text);
		return false;
	}
	if (!integ_verify(sk->sk_integ, sk->sk_ikey, &all, 1, &msg[end]))
		return false;
	sk_cbc_decrypt(sk, &msg[hdr], &msg[start], text);
	return true;
}

bool
sk_open(const struct sk *sk, uint8_t *msg, size_t hdr, size_t len,
    size_t *text, size_t *textlen)
{
	size_t over = sk_iv_len(sk) + sk_icv_len(sk), start, n, pad;

	if (len < hdr || len - hdr <= over)
		return false;
	n = len - hdr - over;
	if (n % sk->sk_encr->al_block != 0 || !sk_decrypt(sk, msg, hdr, n))
		return false;

	start = hdr + sk_iv_len(sk);
	pad = msg[start + n - 1];
	if (pad + 1 > n)
		return false;
	*text = start;
	*textlen = n - pad - 1;
	return true;
}
