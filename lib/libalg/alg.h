/* SPDX-License-Identifier: ISC */
/*
 * The algorithm table: every algorithm that Ravelin knows, one row each,
 * read alike by the IKE core, the key socket, the data plane, the grammars
 * and the commands.
 *
 * A row holds all names of the algorithm (the word of OpenBSD's ipsec.conf
 * and iked.conf, which is also the word that Ravelin prints; the name in
 * IANA's IKEv2 registry; the word of a strongSwan proposal), its numbers
 * (IKEv2 transform ID and key-length attribute; SADB number as in
 * linux/pfkeyv2.h) and its sizes.
 *
 * Rows exist for algorithms that Ravelin cannot run, so that a program
 * refuses them by name instead of calling them unknown: look at al_flags.
 *	ALG_IKE		libalg can run it: usable for an IKE SA
 *	ALG_ESP		sys/crypto can run it: usable for a child SA.  Only
 *			xform_find() (crypto/xform.h) knows the combinations.
 *	ALG_WEAK	never in a default proposal; al_better names the row
 *			to use instead, to be said in the warning
 * Null encryption is not WEAK (it is what its name says) but is in no
 * default proposal either.
 *
 * All rows are constant, live for ever and can be compared by address.
 * All sizes are bytes unless the name ends in _bits.
 */
#ifndef LIBALG_ALG_H
#define LIBALG_ALG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values are IKEv2's transform types (RFC 7296 section 3.3.2). */
enum alg_kind {
	ALG_ENCR = 1,
	ALG_PRF = 2,
	ALG_INTEG = 3,
	ALG_DH = 4,
};

/* al_flags */
#define ALG_AEAD	0x01	/* ENCR: brings its own integrity */
#define ALG_WEAK	0x02
#define ALG_IKE		0x04
#define ALG_ESP		0x08
#define ALG_COUNTER	0x10	/* ENCR: an IV must never repeat, may be
				 * predictable (else: must be unpredictable) */

#define ALG_NO_IKE_ID	0xffff	/* al_ike_id: the registry has no number */

struct alg {
	enum alg_kind	 al_kind;
	const char	*al_name;	/* BSD word, unique within the kind */
	const char	*al_iana;	/* e.g. ENCR_AES_GCM_16 */
	const char	*al_swan;	/* strongSwan's word, or NULL */
	const char	*al_alias[2];	/* other words accepted, or NULL */
	const char	*al_better;	/* WEAK: al_name of what to use instead */
	uint16_t	 al_ike_id;	/* IKEv2 transform ID, ALG_NO_IKE_ID */
	uint16_t	 al_ike_bits;	/* Key Length attribute; 0: none is sent */
	uint16_t	 al_sadb;	/* SADB_EALG_ or SADB_AALG_; 0: none */
	/*
	 * ENCR: key without salt.  INTEG: key.  PRF: preferred key (RFC 7296
	 * section 2.13).  DH: public value, the length of the KE payload's data.
	 */
	uint16_t	 al_key;
	uint16_t	 al_salt;	/* ENCR: salt or nonce, follows the key */
	uint16_t	 al_iv;		/* ENCR: IV on the wire */
	uint16_t	 al_icv;	/* AEAD and INTEG: ICV on the wire */
	uint16_t	 al_block;	/* ENCR: text is padded to this, 1: not */
	uint16_t	 al_out;	/* PRF: output.  DH: shared secret */
	uint16_t	 al_flags;
};

/*
 * Index into alg_table[], for code that means one certain row, as in
 * &alg_table[ALG_AES_128_GCM].  Never a wire value and never stored.
 */
enum alg_row {
	ALG_AES_128_GCM, ALG_AES_192_GCM, ALG_AES_256_GCM,
	ALG_CHACHA20_POLY1305,
	ALG_AES_128_CBC, ALG_AES_192_CBC, ALG_AES_256_CBC,
	ALG_AES_128_CTR, ALG_AES_192_CTR, ALG_AES_256_CTR,
	ALG_AES_128_GCM_12, ALG_AES_192_GCM_12, ALG_AES_256_GCM_12,
	ALG_AES_128_GCM_8, ALG_AES_192_GCM_8, ALG_AES_256_GCM_8,
	ALG_AES_128_CCM, ALG_AES_192_CCM, ALG_AES_256_CCM,
	ALG_AES_128_CCM_12, ALG_AES_192_CCM_12, ALG_AES_256_CCM_12,
	ALG_AES_128_CCM_8, ALG_AES_192_CCM_8, ALG_AES_256_CCM_8,
	ALG_AES_128_GMAC, ALG_AES_192_GMAC, ALG_AES_256_GMAC,
	ALG_NULL,
	ALG_CAMELLIA_128, ALG_CAMELLIA_192, ALG_CAMELLIA_256,
	ALG_3DES, ALG_DES, ALG_BLOWFISH, ALG_CAST,

	ALG_PRF_HMAC_SHA2_256, ALG_PRF_HMAC_SHA2_384, ALG_PRF_HMAC_SHA2_512,
	ALG_PRF_HMAC_SHA1, ALG_PRF_AES_XCBC, ALG_PRF_AES_CMAC,
	ALG_PRF_HMAC_MD5,

	ALG_HMAC_SHA2_256, ALG_HMAC_SHA2_384, ALG_HMAC_SHA2_512,
	ALG_HMAC_SHA1, ALG_AES_XCBC, ALG_AES_CMAC,
	ALG_HMAC_MD5,

	ALG_CURVE25519, ALG_ECP256, ALG_ECP384, ALG_ECP521,
	ALG_MODP2048, ALG_MODP3072, ALG_MODP4096, ALG_MODP6144, ALG_MODP8192,
	ALG_CURVE448, ALG_BRAINPOOL256, ALG_BRAINPOOL384, ALG_BRAINPOOL512,
	ALG_MLKEM512, ALG_MLKEM768, ALG_MLKEM1024, ALG_SNTRUP761X25519,
	ALG_MODP1536, ALG_MODP1024, ALG_MODP768,
	ALG_MODP1024S160, ALG_MODP2048S224, ALG_MODP2048S256,
	ALG_ECP192, ALG_ECP224, ALG_BRAINPOOL224,

	ALG_ROWS
};

extern const struct alg alg_table[ALG_ROWS];

/*
 * The row of a word: any of its names, letter case ignored.  NULL: unknown.
 * The same word may name rows of several kinds (sha256), hence the kind.
 */
const struct alg *alg_by_name(enum alg_kind kind, const char *word);

/*
 * The row of a proposed IKEv2 transform; bits is the Key Length attribute,
 * 0 when the transform carries none.  An AES transform without the
 * attribute, or ChaCha20 with one, has no row.
 */
const struct alg *alg_by_ike(enum alg_kind kind, unsigned ike_id,
    unsigned bits);

/*
 * The row of a PF_KEY algorithm (ALG_ENCR: sadb_sa_encrypt, ALG_INTEG:
 * sadb_sa_auth).  bits is sadb_key_bits of the matching key extension, in
 * which the salt counts: 160 for AES-128-GCM.  bits 0 gives the first row
 * with that number, for SADB_REGISTER and the proposal of an ACQUIRE.
 */
const struct alg *alg_by_sadb(enum alg_kind kind, unsigned sadb,
    unsigned bits);

/*
 * Walk a kind in order of preference: prev NULL gives the first row, then
 * pass the last one; NULL at the end.
 */
const struct alg *alg_next(enum alg_kind kind, const struct alg *prev);

/*
 * The row to name when a user asked for something weak or unknown: never
 * NULL, never WEAK, and usable both for IKE and for ESP where the kind is.
 */
const struct alg *alg_better(enum alg_kind kind, const struct alg *weak);

/* "encryption", "prf", "integrity", "group": for messages. */
const char *alg_kind_name(enum alg_kind kind);

/* Bytes of key material of an SA: key and salt. */
static inline size_t
alg_keymat(const struct alg *a)
{
	return (size_t)a->al_key + a->al_salt;
}

/*
 * Randomness is passed in, so that a test can decide it.  fill() always
 * succeeds: a source that can fail must end its process instead.
 */
struct alg_rand {
	void	(*fill)(void *arg, void *buf, size_t n);
	void	*arg;
};

/* A piece of input; a list of them is hashed as if they were contiguous. */
struct alg_chunk {
	const void	*p;
	size_t		 n;
};

/* memcmp() == 0 in time that depends on n alone. */
bool alg_equal(const void *a, const void *b, size_t n);

#endif
