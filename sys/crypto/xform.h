/* SPDX-License-Identifier: ISC */
/*
 * Transforms: ESP's cryptography for whole batches of packets.
 *
 * A transform (struct xform) is one suite of ESP: an AEAD, or a cipher with
 * an integrity algorithm.  An engine is an implementation of some of them:
 * "ipsecmb" (vector instructions, x86-64) and "bearssl" (portable).  Which
 * engine does which transform is decided once, when the first context is
 * made: engines are probed in the order of their speed, each transform of
 * each is tried on known answers, and what gives a wrong answer is left to
 * the next engine, by name (xform_report()).
 *
 * Life cycle:
 *	ctx = xform_ctx_new(engine, NULL);	worker 0
 *	c2  = xform_ctx_new(NULL, ctx);		every other worker
 *	x   = xform_find(encr, integ);		when an SA is added
 *	key = aligned_alloc(XFORM_KEY_ALIGN, xform_key_size(ctx, x));
 *	xform_key_init(ctx, x, key, ...);
 *	xform_seal(ctx, x, jobs, n);		per batch
 *	xform_key_wipe(ctx, x, key);
 *	xform_ctx_free(c2); xform_ctx_free(ctx);
 *
 * Threads: sealing and opening use the context's own memory, so each worker
 * has a context.  Functions that take a const context may be called by any
 * thread, beside a worker that seals.  A key is read only by sealing and
 * opening, and may be used with every context of its family (those made
 * from the same first one).
 */
#ifndef CRYPTO_XFORM_H
#define CRYPTO_XFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libalg/alg.h"

#define XFORM_KEY_ALIGN	64
#define XFORM_HDR	8	/* SPI and sequence number, before the IV */

struct xform {
	const char		*x_name;	/* "aes-128-gcm",
						 * "aes-256+hmac-sha2-256" */
	const struct alg	*x_encr;
	const struct alg	*x_integ;	/* NULL: an AEAD */
	uint8_t			 x_iv;		/* bytes of IV on the wire */
	uint8_t			 x_icv;		/* bytes of ICV on the wire */
	uint8_t			 x_align;	/* the text (payload and ESP
						 * trailer) is a multiple of
						 * it; at least 4 */
	uint16_t		 x_key;		/* bytes, salt included */
	uint16_t		 x_akey;	/* bytes of integrity key */
	bool			 x_counter;	/* xj_iv must never repeat for a
						 * key, over restarts as well */
};

extern const struct xform xform_table[];
extern const unsigned xform_count;

/*
 * The transform of a pair of algorithms; integ NULL with an AEAD.
 * NULL: the data plane has no such transform.
 */
const struct xform *xform_find(const struct alg *encr,
    const struct alg *integ);

struct xform_key;			/* opaque: an SA's key schedule */
struct xform_ctx;			/* opaque: a worker's context */

/*
 * engine: the name of the only engine to use, or NULL for the best of each
 * transform.  With like != NULL, the new context makes the same choices and
 * engine is ignored.
 * NULL: no memory, unknown engine, one that does not run on this processor,
 * or one that failed all its known answers.
 */
struct xform_ctx *xform_ctx_new(const char *engine,
    const struct xform_ctx *like);
void xform_ctx_free(struct xform_ctx *ctx);

/* Name of the engine that does x, NULL if none does. */
const char *xform_engine(const struct xform_ctx *ctx, const struct xform *x);

/*
 * Tell what was chosen and what was disabled, a line each, without newline:
 * "engine ipsecmb: aes-128-gcm: known answer test failed, disabled".
 */
void xform_report(const struct xform_ctx *ctx,
    void (*say)(void *arg, const char *line), void *arg);

/* Engines compiled in, best first, NULL after the last. */
const char *xform_engine_name(unsigned i);

/* Bytes of a key schedule, a multiple of XFORM_KEY_ALIGN; 0: no engine. */
size_t xform_key_size(const struct xform_ctx *ctx, const struct xform *x);

/*
 * Fill key, xform_key_size() bytes aligned to XFORM_KEY_ALIGN.
 * enckey: x_key bytes, key then salt; intkey: x_akey bytes.
 * false: a length is wrong or no engine does x; key is zeroed then.
 */
bool xform_key_init(const struct xform_ctx *ctx, const struct xform *x,
    struct xform_key *key, const void *enckey, size_t enclen,
    const void *intkey, size_t intlen);
void xform_key_wipe(const struct xform_ctx *ctx, const struct xform *x,
    struct xform_key *key);

/*
 * One packet.  All of it is contiguous, from xj_esp on:
 *
 *	0               8              8 + x_iv        8 + x_iv + xj_len
 *	| SPI, sequence | IV           | text          | ICV            |
 *	|    number     | x_iv bytes   | xj_len bytes  | x_icv bytes    |
 *
 * xj_len is 1 to 65,408 and a multiple of x_align; a job with another length
 * is given back with xj_ok false and otherwise untouched.  With extended sequence numbers
 * (RFC 4303 section 2.2.1) xj_esn is set and xj_esn_hi is the high half,
 * which is authenticated but not sent; otherwise both are ignored.
 *
 * Seal writes the IV, encrypts the text in place and writes the ICV.
 * xj_iv is a counter that the caller must never repeat for a key: the IV of
 * AEADs and of CTR is the counter itself (RFC 4106 section 3.1, RFC 7634
 * section 2, RFC 3686 section 3.1), that of CBC its encryption, which
 * nobody without the key can predict (RFC 3602 section 3).
 *
 * Open reads the IV from the packet (xj_iv is ignored), verifies the ICV in
 * constant time, decrypts, and sets xj_ok.  Without xj_ok text and ICV are
 * garbage, perhaps decrypted, and must be dropped.  With it, the ICV's bytes
 * are unspecified.
 *
 * What is opened may lie elsewhere: xj_from is where all of the packet is then,
 * which stays as it is, and xj_esp where the text is to be, with room for all
 * of the packet, and SPI and sequence number there already.  With xj_from NULL
 * it is opened in place.  Seal does not look at it.
 *
 * Seal sets xj_ok too: false (text and ICV zeroed, nothing must be sent) if
 * the engine gave the job back undone.
 */
struct xform_job {
	const struct xform_key	*xj_key;
	uint8_t			*xj_esp;
	const uint8_t		*xj_from;	/* NULL: at xj_esp */
	uint64_t		 xj_iv;		/* host order */
	uint32_t		 xj_len;
	uint32_t		 xj_esn_hi;	/* host order */
	bool			 xj_esn;
	bool			 xj_ok;
};

/*
 * All jobs are of one transform, keys may differ.  Any n; 32 and more suit
 * the engines best.  Jobs are finished on return.
 */
void xform_seal(struct xform_ctx *ctx, const struct xform *x,
    struct xform_job *jobs, unsigned n);
void xform_open(struct xform_ctx *ctx, const struct xform *x,
    struct xform_job *jobs, unsigned n);

/*
 * The engine alone, for benchmarks: encrypt each job's text with nothing of
 * ESP around it; nonce and additional data as they lie in xr_nonce (12
 * bytes) and xr_aad (8), ICV to xr_icv (16).
 * false: not offered; only AES-GCM is.
 */
struct xform_raw {
	const struct xform_key	*xr_key;
	uint8_t			*xr_text;
	const uint8_t		*xr_nonce, *xr_aad;
	uint8_t			*xr_icv;
	uint32_t		 xr_len;
};
bool xform_raw_seal(struct xform_ctx *ctx, const struct xform *x,
    struct xform_raw *raw, unsigned n);

#endif
