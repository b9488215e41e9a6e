/* SPDX-License-Identifier: ISC */
/*
 * What an engine offers to xform.c.  Private to sys/crypto, but for who brings
 * a list of engines of its own (engines.c).
 *
 * An engine has a context of its own per worker, and for each transform
 * that it knows a table of functions.  Those may rely on what xform.c has
 * checked: lengths are valid (xform.h), keys have the transform's length
 * and their memory is zeroed.
 */
#ifndef CRYPTO_ENGINE_H
#define CRYPTO_ENGINE_H

#include <string.h>

#include "crypto/xform.h"

#define XFORM_MAX	64	/* more than rows of xform_table[] */
#define XFORM_TEXT_MAX	65408	/* engines count packets' bytes in 16 bits */
#define XFORM_ICV_MAX	32
#define XFORM_NONCE	12	/* salt and IV of the counter modes */

struct xform_ops {
	size_t	xo_keysize;	/* bytes of a key schedule */
	void	(*xo_key)(const void *ec, const struct xform *x,
		    struct xform_key *key, const uint8_t *enc,
		    const uint8_t *integ);
	void	(*xo_seal)(void *ec, const struct xform *x,
		    struct xform_job *jobs, unsigned n);
	void	(*xo_open)(void *ec, const struct xform *x,
		    struct xform_job *jobs, unsigned n);
	bool	xo_apart;	/* xo_open looks at xj_from; else it is always NULL */
	void	(*xo_raw)(void *ec, const struct xform *x,
		    struct xform_raw *raw, unsigned n);	/* or NULL */
};

struct xform_engine {
	const char		*en_name;
	/* A context, or NULL: does not run on this processor, or no memory. */
	void			*(*en_new)(void);
	void			(*en_free)(void *ec);
	/* Functions of a transform; NULL: not offered. */
	const struct xform_ops	*(*en_ops)(const struct xform *x);
};

/* An engine's functions by kind of transform, and those of one. */
struct xform_sets {
	const struct xform_ops	*xs_gcm, *xs_gmac, *xs_chacha;
	const struct xform_ops	*xs_pair;	/* a cipher, or none, and a MAC beside it */
};
const struct xform_ops	*xform_sets_choose(const struct xform_sets *, const struct xform *);

extern const struct xform_engine bear_engine;
#ifdef HAVE_IPSECMB
extern const struct xform_engine ipsecmb_engine;
#endif

/* engines.c: fastest first; at most XFORM_ENGINES_MAX count. */
#define XFORM_ENGINES_MAX	4
extern const struct xform_engine *const xform_engines[];
extern const unsigned xform_nengines;

/*
 * xform.c: xform_ctx_new() with another list of engines, best first, that
 * outlives the context: for tests of the choice.
 */
struct xform_ctx *xform_ctx_of(const struct xform_engine *const *list,
    unsigned n, const char *engine);

/* kat.c: true if the functions give the right answers. */
bool xform_selftest(const struct xform *x, const struct xform_ops *ops,
    void *ec);

static inline uint8_t *
job_iv(const struct xform_job *j)
{
	return &j->xj_esp[XFORM_HDR];
}

static inline uint8_t *
job_text(const struct xform_job *j, const struct xform *x)
{
	return &j->xj_esp[XFORM_HDR + x->x_iv];
}

static inline uint8_t *
job_icv(const struct xform_job *j, const struct xform *x)
{
	return &j->xj_esp[XFORM_HDR + x->x_iv + j->xj_len];
}

/* Where what is to be opened is. */
static inline const uint8_t *
job_from(const struct xform_job *j)
{
	return j->xj_from != NULL ? j->xj_from : j->xj_esp;
}

static inline void
put_be64(uint8_t *p, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	memcpy(p, &v, sizeof(v));
}

static inline void
put_be32(uint8_t *p, uint32_t v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	memcpy(p, &v, sizeof(v));
}

/*
 * Additional data of an AEAD (RFC 4106 section 5): SPI and sequence number
 * where they lie, or with the high half between them, in buf.
 */
static inline const uint8_t *
job_aad(const struct xform_job *j, uint8_t buf[12], size_t *len)
{
	if (!j->xj_esn) {
		*len = 8;
		return j->xj_esp;
	}
	memcpy(buf, j->xj_esp, 4);
	put_be32(&buf[4], j->xj_esn_hi);
	memcpy(&buf[8], &j->xj_esp[4], 4);
	*len = 12;
	return buf;
}

/*
 * The IV of a seal: the counter, or for CBC the block whose encryption is to
 * be the IV: it is enciphered as the first block, with a chain of zeroes.
 */
static inline void
job_put_iv(const struct xform_job *j, const struct xform *x)
{
	if (x->x_iv == 16) {
		memset(job_iv(j), 0, 8);
		put_be64(job_iv(j) + 8, j->xj_iv);
	} else if (x->x_iv == 8)
		put_be64(job_iv(j), j->xj_iv);
}

/* Constant time; n is a multiple of 4. */
static inline bool
icv_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint32_t differ = 0, x, y;

	for (size_t i = 0; i < n; i += 4) {
		memcpy(&x, &a[i], 4);
		memcpy(&y, &b[i], 4);
		differ |= x ^ y;
	}
	__asm__ ("" : "+r" (differ));	/* no early end of the loop */
	return differ == 0;
}

#endif
