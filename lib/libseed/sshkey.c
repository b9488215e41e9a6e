/* SPDX-License-Identifier: ISC */
/*
 * Public keys of SSH (see sshkey.h).
 */
#include <stdio.h>
#include <string.h>

#include "libseed/sshkey.h"
#include "libutil/cur.h"
#include "libutil/sha256.h"

/* ---- base64 (RFC 4648 section 4) ---- */

static const char letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* n characters without the padding; whole if they can be nothing else. */
static bool
decode(const char *text, size_t n, uint8_t *out, size_t cap, size_t *len)
{
	uint32_t bits = 0;
	unsigned have = 0;

	*len = 0;
	for (size_t i = 0; i < n; i++) {
		const char *p = memchr(letters, text[i], 64);

		if (p == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(p - letters);
		if ((have += 6) < 8)
			continue;
		have -= 8;
		if (*len == cap)
			return false;
		out[(*len)++] = (uint8_t)(bits >> have);
		bits &= (UINT32_C(1) << have) - 1;
	}
	return have < 6 && bits == 0;
}

static void
encode(const uint8_t *in, size_t n, char *out, bool pad)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | in[i];
		for (have += 8; have >= 6; have -= 6)
			out[k++] = letters[bits >> (have - 6) & 63];
	}
	if (have != 0)
		out[k++] = letters[bits << (6 - have) & 63];
	while (pad && k % 4 != 0)
		out[k++] = '=';
	out[k] = '\0';
}

/* ---- the wire form ---- */

static struct cur
string(struct cur *c)
{
	uint32_t n = cur_u32(c);

	return cur_sub(c, n);
}

static bool
is(struct cur c, const char *text)
{
	size_t n = strlen(text);

	return cur_left(&c) == n && memcmp(cur_bytes(&c, n), text, n) == 0;
}

/* The bits of a positive mpint (RFC 4251 section 5); 0 if it is none. */
static unsigned
mpint_bits(struct cur c)
{
	uint8_t first = cur_u8(&c);
	size_t rest = cur_left(&c);
	unsigned bits = 0;

	if (!cur_ok(&c) || (first & 0x80) != 0)
		return 0;
	if (first == 0) {		/* only where the next has its top bit */
		first = cur_u8(&c);
		rest--;
		if (!cur_ok(&c) || (first & 0x80) == 0)
			return 0;
	}
	while (first >> bits != 0)
		bits++;
	return bits + 8 * (unsigned)rest;
}

static bool
rsa(struct cur *c, const char *curve, size_t point, const char **why)
{
	unsigned exponent = mpint_bits(string(c)), bits = mpint_bits(string(c));

	(void)curve;
	(void)point;
	if (!cur_end(c) || exponent < 2 || exponent > 64 || bits == 0)
		return false;
	if (bits >= SSHKEY_RSA_MIN && bits <= SSHKEY_RSA_MAX)
		return true;
	*why = "an RSA key has 2048 to 4096 bits";
	return false;
}

static bool
ed25519(struct cur *c, const char *curve, size_t point, const char **why)
{
	struct cur key = string(c);

	(void)curve;
	(void)why;
	return cur_left(&key) == point && cur_end(c);
}

static bool
ecdsa(struct cur *c, const char *curve, size_t point, const char **why)
{
	struct cur name = string(c), key = string(c);

	(void)why;
	return is(name, curve) && cur_left(&key) == point &&
	    cur_u8(&key) == 4 && cur_end(c);	/* uncompressed */
}

/* Keys of a token name the application that they are for at the end. */
static bool
token(struct cur *c, const char *curve, size_t point, const char **why)
{
	struct cur key, application;

	(void)why;
	if (curve != NULL && !is(string(c), curve))
		return false;
	key = string(c);
	application = string(c);
	return cur_left(&key) == point && cur_left(&application) != 0 &&
	    cur_end(c);
}

static const struct kind {
	const char	*ki_name;
	bool		(*ki_rest)(struct cur *, const char *, size_t, const char **);
	const char	*ki_curve;
	size_t		 ki_point;	/* bytes of the key itself */
} kinds[] = {
	{ "ssh-ed25519", ed25519, NULL, 32 },
	{ "ssh-rsa", rsa, NULL, 0 },
	{ "ecdsa-sha2-nistp256", ecdsa, "nistp256", 65 },
	{ "ecdsa-sha2-nistp384", ecdsa, "nistp384", 97 },
	{ "ecdsa-sha2-nistp521", ecdsa, "nistp521", 133 },
	{ "sk-ssh-ed25519@openssh.com", token, NULL, 32 },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", token, "nistp256", 65 },
};

static const struct kind *
kind_of(const char *line, size_t n, const char **why)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].ki_name) == n &&
		    memcmp(kinds[i].ki_name, line, n) == 0)
			return &kinds[i];
	}
	if (strncmp(line, "-----BEGIN", 10) == 0)
		*why = "this is a private key: what is wanted is the line of "
		    "its file .pub";
	else if (n == 7 && memcmp(line, "ssh-dss", 7) == 0)
		*why = "DSA keys are too weak: ssh-keygen -t ed25519 makes a "
		    "better one";
	else
		*why = "a public key begins with its kind, such as ssh-ed25519";
	return NULL;
}

static void
take_comment(struct sshkey *sk, const char *text)
{
	size_t n = 0;

	text += strspn(text, " \t");
	while (n < sizeof(sk->sk_comment) - 1 && text[n] != '\0') {
		sk->sk_comment[n] = text[n] < 0x20 || text[n] == 0x7f ? '?' :
		    text[n];
		n++;
	}
	sk->sk_comment[n] = '\0';
}

bool
sshkey_parse(struct sshkey *sk, const char *line, const char **why)
{
	size_t n = strcspn(line, " \t"), pad = 0;
	const struct kind *ki = kind_of(line, n, why);
	const char *text = line + n;
	struct cur c;

	memset(sk, 0, sizeof(*sk));
	if (ki == NULL)
		return false;
	text += strspn(text, " \t");
	n = strcspn(text, " \t");
	take_comment(sk, text + n);
	*why = "this key is damaged: it was cut or wrapped when it was copied";
	while (pad < 2 && n > pad && text[n - pad - 1] == '=')
		pad++;
	if (n == 0 || n % 4 != 0 || strlen(line) >= SSHKEY_LINE ||
	    !decode(text, n - pad, sk->sk_blob, sizeof(sk->sk_blob),
	    &sk->sk_len))
		return false;
	c = cur_init(sk->sk_blob, sk->sk_len);
	if (!is(string(&c), ki->ki_name)) {
		*why = "the key is not of the kind that stands before it";
		return false;
	}
	if (!ki->ki_rest(&c, ki->ki_curve, ki->ki_point, why))
		return false;
	sk->sk_kind = ki->ki_name;
	sshkey_finger(sk->sk_blob, sk->sk_len, sk->sk_finger);
	return true;
}

/* ---- printing ---- */

void
sshkey_ed25519(const uint8_t key[32], uint8_t blob[SSHKEY_ED25519])
{
	struct wcur w = wcur_init(blob, SSHKEY_ED25519);

	wcur_u32(&w, 11);
	wcur_put(&w, "ssh-ed25519", 11);
	wcur_u32(&w, 32);
	wcur_put(&w, key, 32);
}

void
sshkey_print(const char *kind, const uint8_t *blob, size_t len,
    const char *comment, char out[SSHKEY_LINE])
{
	char text[4 * (SSHKEY_BLOB + 2) / 3 + 1];

	encode(blob, len < SSHKEY_BLOB ? len : SSHKEY_BLOB, text, true);
	/* no kind and no comment is longer than 40 and 63 */
	(void)snprintf(out, SSHKEY_LINE, "%.40s %s%s%.63s", kind, text,
	    comment[0] == '\0' ? "" : " ", comment);
}

void
sshkey_finger(const uint8_t *blob, size_t len, char out[SSHKEY_FINGER])
{
	uint8_t digest[SHA256_LEN];

	sha256(blob, len, digest);
	memcpy(out, "SHA256:", 7);
	encode(digest, sizeof(digest), out + 7, false);
}
