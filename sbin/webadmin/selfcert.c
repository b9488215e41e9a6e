/* SPDX-License-Identifier: ISC */
/*
 * webadmin -k FILE: a key and a certificate for the web server, signed by
 * itself, so that the pages can be shown over TLS before there is a better one.
 *
 *	Certificate (RFC 5280 section 4.1) =
 *	  SEQUENCE { tbs, ecdsa-with-SHA256 (RFC 5758), BIT STRING signature }
 *	key: P-256, ECPrivateKey (RFC 5915)
 *
 * Nested values are written innermost first, each into a buffer of its own.
 */
#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "libutil/cur.h"
#include "libutil/sha256.h"
#include "page.h"

enum { DER_MAX = 1024, YEARS = 10 };

struct der {
	uint8_t		de_buf[DER_MAX];
	struct wcur	de_w;
};

/* Object identifiers, encoded. */
static const uint8_t oid_sign[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 };
static const uint8_t oid_ec[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };
static const uint8_t oid_p256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
static const uint8_t oid_cn[] = { 0x55, 4, 3 };
static const uint8_t oid_san[] = { 0x55, 0x1d, 0x11 };

static struct der *
der_new(struct der *de)
{
	de->de_w = wcur_init(de->de_buf, sizeof(de->de_buf));
	return de;
}

static void
put(struct der *de, uint8_t tag, const void *body, size_t len)
{
	wcur_u8(&de->de_w, tag);
	if (len >= 256) {
		wcur_u8(&de->de_w, 0x82);
		wcur_u16(&de->de_w, (uint16_t)len);
	} else {
		if (len >= 128)
			wcur_u8(&de->de_w, 0x81);
		wcur_u8(&de->de_w, (uint8_t)len);
	}
	wcur_put(&de->de_w, body, len);
}

static void
put_in(struct der *de, uint8_t tag, const struct der *inner)
{
	put(de, tag, inner->de_buf, wcur_len(&inner->de_w));
}

static void
put_sign_alg(struct der *de)
{
	struct der in;

	put(der_new(&in), 6, oid_sign, sizeof(oid_sign));
	put_in(de, 0x30, &in);
}

static void
put_name(struct der *de, const char *cn)
{
	struct der pair, set, seq;

	put(der_new(&pair), 6, oid_cn, sizeof(oid_cn));
	put(&pair, 0x0c, cn, strlen(cn));
	put_in(der_new(&set), 0x30, &pair);
	put_in(der_new(&seq), 0x31, &set);
	put_in(de, 0x30, &seq);
}

/* GeneralizedTime, as RFC 5280 wants it from 2050 on; UTCTime before. */
static void
put_time(struct der *de, time_t t)
{
	char text[20];
	struct tm tm;
	bool far = gmtime_r(&t, &tm) != NULL && tm.tm_year >= 150;

	(void)strftime(text, sizeof(text), far ? "%Y%m%d%H%M%SZ" : "%y%m%d%H%M%SZ",
	    &tm);
	put(de, far ? 0x18 : 0x17, text, strlen(text));
}

static void
put_validity(struct der *de)
{
	time_t now = time(NULL);
	struct der in;

	put_time(der_new(&in), now - 86400);
	put_time(&in, now + YEARS * 365 * 86400L);
	put_in(de, 0x30, &in);
}

static void
put_public_key(struct der *de, const br_ec_public_key *pk)
{
	struct der alg, in;
	uint8_t bits[1 + 133] = { 0 };

	put(der_new(&alg), 6, oid_ec, sizeof(oid_ec));
	put(&alg, 6, oid_p256, sizeof(oid_p256));
	put_in(der_new(&in), 0x30, &alg);
	memcpy(bits + 1, pk->q, pk->qlen);
	put(&in, 3, bits, 1 + pk->qlen);
	put_in(de, 0x30, &in);
}

/* subjectAltName: the name, which browsers look at alone. */
static void
put_extensions(struct der *de, const char *cn)
{
	struct der names, value, ext, list, all;

	put(der_new(&names), 0x82, cn, strlen(cn));
	put_in(der_new(&value), 0x30, &names);
	put(der_new(&ext), 6, oid_san, sizeof(oid_san));
	put_in(&ext, 4, &value);
	put_in(der_new(&list), 0x30, &ext);
	put_in(der_new(&all), 0x30, &list);
	put_in(de, 0xa3, &all);
}

static bool
put_tbs(struct der *de, const br_ec_public_key *pk, const char *cn)
{
	static const uint8_t v3[] = { 2, 1, 2 };
	uint8_t serial[16];

	if (getrandom(serial, sizeof(serial), 0) != (ssize_t)sizeof(serial))
		return false;
	serial[0] = (serial[0] & 0x3f) | 0x40;	/* positive, and 16 bytes long */
	put(de, 0xa0, v3, sizeof(v3));
	put(de, 2, serial, sizeof(serial));
	put_sign_alg(de);
	put_name(de, cn);
	put_validity(de);
	put_name(de, cn);
	put_public_key(de, pk);
	put_extensions(de, cn);
	return wcur_ok(&de->de_w);
}

static bool
certificate(struct der *out, const br_ec_private_key *sk,
    const br_ec_public_key *pk, const char *cn)
{
	uint8_t hash[br_sha256_SIZE], sig[1 + 80] = { 0 };
	struct der fields, tbs, cert;
	size_t n;

	if (!put_tbs(der_new(&fields), pk, cn))
		return false;
	put_in(der_new(&tbs), 0x30, &fields);
	sha256(tbs.de_buf, wcur_len(&tbs.de_w), hash);
	n = br_ecdsa_i31_sign_asn1(&br_ec_p256_m31, &br_sha256_vtable, hash, sk,
	    sig + 1);
	der_new(&cert);
	wcur_put(&cert.de_w, tbs.de_buf, wcur_len(&tbs.de_w));
	put_sign_alg(&cert);
	put(&cert, 3, sig, 1 + n);
	put_in(der_new(out), 0x30, &cert);
	return n != 0 && wcur_ok(&out->de_w);
}

static void
private_key(struct der *out, const br_ec_private_key *sk)
{
	static const uint8_t one = 1;
	struct der oid, in;

	put(der_new(&oid), 6, oid_p256, sizeof(oid_p256));
	put(der_new(&in), 2, &one, 1);
	put(&in, 4, sk->x, sk->xlen);
	put_in(&in, 0xa0, &oid);
	put_in(der_new(out), 0x30, &in);
	explicit_bzero(&in, sizeof(in));
}

static bool
write_pem(int fd, const struct der *de, const char *banner)
{
	char text[2 * DER_MAX];
	size_t n = br_pem_encode(text, de->de_buf, wcur_len(&de->de_w), banner,
	    BR_PEM_LINE64);
	bool ok = write(fd, text, n) == (ssize_t)n;

	explicit_bzero(text, sizeof(text));
	return ok;
}

static bool
make(int fd, const char *cn)
{
	uint8_t seed[32], kbuf[BR_EC_KBUF_PRIV_MAX_SIZE];
	uint8_t pbuf[BR_EC_KBUF_PUB_MAX_SIZE];
	br_hmac_drbg_context rng;
	br_ec_private_key sk;
	br_ec_public_key pk;
	struct der cert, key;
	bool ok;

	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return false;
	br_hmac_drbg_init(&rng, &br_sha256_vtable, seed, sizeof(seed));
	ok = br_ec_keygen(&rng.vtable, &br_ec_p256_m31, &sk, kbuf,
	    BR_EC_secp256r1) != 0 &&
	    br_ec_compute_pub(&br_ec_p256_m31, &pk, pbuf, &sk) != 0 &&
	    certificate(&cert, &sk, &pk, cn);
	if (ok) {
		private_key(&key, &sk);
		ok = write_pem(fd, &key, "EC PRIVATE KEY") &&
		    write_pem(fd, &cert, "CERTIFICATE");
		explicit_bzero(&key, sizeof(key));
	}
	explicit_bzero(seed, sizeof(seed));
	explicit_bzero(kbuf, sizeof(kbuf));
	explicit_bzero(&rng, sizeof(rng));
	return ok;
}

int
certificate_command(const char *file)
{
	char cn[64] = "ravelin";
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok;

	if (fd == -1) {
		fprintf(stderr, "webadmin: %s: %s\n", file, strerror(errno));
		return 1;
	}
	if (gethostname(cn, sizeof(cn) - 1) == -1 || cn[0] == '\0')
		(void)snprintf(cn, sizeof(cn), "ravelin");
	ok = make(fd, cn) && fsync(fd) == 0;
	(void)close(fd);
	if (!ok) {
		(void)unlink(file);
		fprintf(stderr, "webadmin: %s: no certificate could be made\n", file);
	}
	return ok ? 0 : 1;
}
