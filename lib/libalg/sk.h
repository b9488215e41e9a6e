/* SPDX-License-Identifier: ISC */
/*
 * Protection of IKE messages: the SK and SKF payloads (RFC 7296 section
 * 3.14, RFC 5282, RFC 7634 section 2, RFC 7383 section 2.5).
 *
 * One struct sk protects one direction of one IKE SA.  It works in place on
 * a whole message:
 *
 *	msg                 hdr         +iv           +text          +icv
 *	| IKE header, clear | IV        | text        | ICV          |
 *	| payloads, generic |           | payloads,   |              |
 *	| header of SK, and |           | padding,    |              |
 *	| fragment numbers  |           | pad length  |              |
 *
 * hdr is the offset of the IV: all before it is authenticated as it stands,
 * so lengths in the IKE header and in the payload header must be final.
 * text is what sk_padded() says: payloads plus padding plus one byte.
 */
#ifndef LIBALG_SK_H
#define LIBALG_SK_H

#include "libalg/alg.h"

#define SK_KEY_MAX	36	/* encryption key with salt */
#define SK_IKEY_MAX	64	/* integrity key */

struct sk {
	const struct alg	*sk_encr;
	const struct alg	*sk_integ;	/* NULL with an AEAD */
	uint64_t		 sk_iv;		/* next IV of a counter mode */
	uint8_t			 sk_key[SK_KEY_MAX];
	uint8_t			 sk_ikey[SK_IKEY_MAX];
};

/*
 * key: SK_e, alg_keymat(encr) bytes; ikey: SK_a, integ->al_key bytes, NULL
 * with an AEAD.  The keys are copied.
 * false: a row is not usable for IKE, or the pair is not (an AEAD with
 * integrity, or neither).
 */
bool sk_init(struct sk *sk, const struct alg *encr, const struct alg *integ,
    const void *key, const void *ikey);
void sk_wipe(struct sk *sk);

/* Sizes of the IV and of the ICV, with an AEAD or with a pair. */
size_t sk_iv_len(const struct sk *sk);
size_t sk_icv_len(const struct sk *sk);

/* Bytes of text for n bytes of payloads: with padding and pad length. */
size_t sk_padded(const struct sk *sk, size_t n);

/*
 * Write the padding: text has payloads in its first n bytes and
 * sk_padded(sk, n) bytes in all.
 */
void sk_pad(const struct sk *sk, uint8_t *text, size_t n);

/*
 * Choose and write the IV, encrypt text in place, write the ICV.  msg has
 * room for hdr + sk_iv_len() + text + sk_icv_len() bytes, which is the
 * length of the message.  rnd supplies the IV of a CBC mode.
 * false, and msg zeroed after hdr: text is no multiple of the block, or the
 * 2^64 IVs are used up.
 */
bool sk_seal(struct sk *sk, uint8_t *msg, size_t hdr, size_t text,
    const struct alg_rand *rnd);

/*
 * Verify, then decrypt in place.  len is the whole message.  On true, *text
 * has the offset and *textlen the length of the payloads, without padding.
 * false: too short, not a multiple of the block, wrong ICV, or a pad length
 * beyond the text; msg is as it came if the ICV was wrong with a CBC mode,
 * and not to be used in any case.
 */
bool sk_open(const struct sk *sk, uint8_t *msg, size_t hdr, size_t len,
    size_t *text, size_t *textlen);

#endif
