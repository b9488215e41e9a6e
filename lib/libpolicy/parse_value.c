/* SPDX-License-Identifier: ISC */
/*
 * Values: numbers, times, sizes, protocols, identities, keys.
 */
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "libpolicy/parse.h"

bool
parse_number(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		unsigned digit = (unsigned char)*text - '0';

		if (digit > 9 || v > (max - digit) / 10 ||
		    v * 10 + digit > max)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

/* A number with one letter behind it that multiplies. */
static bool
parse_scaled(const char *text, const char *letters, const uint64_t *factors,
    uint64_t max, uint64_t *out)
{
	size_t len = strlen(text);
	uint64_t factor = 1;
	char digits[24];
	const char *p;

	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len + 1);
	if ((p = strchr(letters, digits[len - 1])) != NULL) {
		factor = factors[p - letters];
		digits[len - 1] = '\0';
	}
	if (!parse_number(digits, max / factor, out))
		return false;
	*out *= factor;
	return true;
}

bool
parse_seconds(struct parse *ps, const struct tok *tk, uint32_t *out)
{
	static const uint64_t factors[] = { 1, 60, 3600, 86400 };
	uint64_t v;

	if (!parse_scaled(tk->tk_text, "smhd", factors, UINT32_MAX, &v))
		return parse_error(ps, tk, "'%s' is not a time: seconds, or "
		    "a number with s, m, h or d, such as 20m, expected",
		    tk->tk_text);
	*out = (uint32_t)v;
	return true;
}

bool
parse_bytes(struct parse *ps, const struct tok *tk, uint64_t *out)
{
	static const uint64_t factors[] = { 1u << 10, 1u << 20, 1u << 30,
	    1ull << 40, 1u << 10, 1u << 20, 1u << 30, 1ull << 40 };

	if (!parse_scaled(tk->tk_text, "KMGTkmgt", factors, UINT64_MAX, out))
		return parse_error(ps, tk, "'%s' is not a size: bytes, or a "
		    "number with K, M, G or T, such as 512M, expected",
		    tk->tk_text);
	return true;
}

static const struct proto {
	const char	*pr_name;
	uint8_t		 pr_number;
} protos[] = {
	{ "icmp", 1 }, { "igmp", 2 }, { "ipencap", 4 }, { "tcp", 6 },
	{ "egp", 8 }, { "udp", 17 }, { "ipv6", 41 }, { "gre", 47 },
	{ "esp", 50 }, { "ah", 51 }, { "ipv6-icmp", 58 }, { "icmp6", 58 },
	{ "ospf", 89 }, { "etherip", 97 }, { "pim", 103 }, { "ipcomp", 108 },
	{ "carp", 112 }, { "l2tp", 115 }, { "sctp", 132 }, { "udplite", 136 },
};

bool
parse_proto_name(const char *text, uint8_t *proto)
{
	uint64_t v;

	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (strcmp(protos[i].pr_name, text) == 0) {
			*proto = protos[i].pr_number;
			return true;
		}
	}
	if (!parse_number(text, 255, &v) || v == 0)
		return false;
	*proto = (uint8_t)v;
	return true;
}

const char *
proto_name(uint8_t proto)
{
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (protos[i].pr_number == proto)
			return protos[i].pr_name;
	}
	return NULL;
}

static uint8_t
policy_id_type(const char *text)
{
	struct addr a;

	if (addr_parse(text, &a))
		return a.ad_af == AF_INET ? POLICY_ID_IPV4 : POLICY_ID_IPV6;
	if (text[0] == '/' && strchr(text, '=') != NULL)
		return POLICY_ID_ASN1_DN;
	if (strchr(text, '@') != NULL)
		return POLICY_ID_UFQDN;
	return POLICY_ID_FQDN;
}

static bool
parse_id(struct parse *ps, struct policy_id *id)
{
	struct tok *tk;

	if ((tk = parse_text(ps, "identity")) == NULL)
		return false;
	if (tk->tk_len == 0 || tk->tk_len > 255)
		(void)parse_error(ps, tk, "an identity has 1 to 255 bytes");
	for (size_t i = 0; i < tk->tk_len; i++) {
		unsigned char c = (unsigned char)tk->tk_text[i];

		if (c < 0x20 || c == 0x7f)
			return parse_error(ps, tk, "a control character "
			    "cannot stand in an identity");
	}
	id->pi_type = policy_id_type(tk->tk_text);
	id->pi_text = pool_copy(&ps->ps_pool, tk->tk_text, tk->tk_len);
	return true;
}

bool
clause_srcid(struct parse *ps, const struct tok *word)
{
	(void)word;
	return parse_id(ps, &ps->ps_d.dr_srcid);
}

bool
clause_dstid(struct parse *ps, const struct tok *word)
{
	(void)word;
	return parse_id(ps, &ps->ps_d.dr_dstid);
}

static bool
set_mode(struct parse *ps, const struct tok *word, enum policy_mode mode)
{
	if (ps->ps_d.dr_mode != 0 && ps->ps_d.dr_mode != mode)
		(void)parse_error(ps, word, "both tunnel and transport");
	ps->ps_d.dr_mode = mode;
	return true;
}

bool
clause_tunnel(struct parse *ps, const struct tok *word)
{
	return set_mode(ps, word, POLICY_TUNNEL);
}

bool
clause_transport(struct parse *ps, const struct tok *word)
{
	return set_mode(ps, word, POLICY_TRANSPORT);
}

/* ---- what is only looked at ---- */

bool
clause_nothing(struct parse *ps, const struct tok *word)
{
	(void)ps;
	(void)word;
	return true;
}

bool
clause_text(struct parse *ps, const struct tok *word)
{
	(void)word;
	return parse_text(ps, "name") != NULL;
}

bool
clause_rdomain(struct parse *ps, const struct tok *word)
{
	struct tok *tk;
	uint64_t v;

	(void)word;
	if ((tk = parse_text(ps, "number")) == NULL)
		return false;
	if (!parse_number(tk->tk_text, 255, &v))
		(void)parse_error(ps, tk, "'%s' is not a routing domain: a "
		    "number up to 255 expected", tk->tk_text);
	return true;
}

/* Letters, then a number: em0. */
bool
clause_ifname(struct parse *ps, const struct tok *word)
{
	struct tok *tk;
	size_t n;

	(void)word;
	if ((tk = parse_text(ps, "interface")) == NULL)
		return false;
	n = strspn(tk->tk_text, "abcdefghijklmnopqrstuvwxyz");
	if (n == 0 || n == tk->tk_len || tk->tk_len > 15 ||
	    strspn(tk->tk_text + n, "0123456789") != tk->tk_len - n)
		(void)parse_error(ps, tk, "'%s' is not an interface: a name "
		    "such as sec0 expected", tk->tk_text);
	return true;
}

bool
parse_one_of(struct parse *ps, const char *what, const char *const *words)
{
	const char *near;
	struct tok *tk;

	if ((tk = parse_text(ps, what)) == NULL)
		return false;
	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], tk->tk_text) == 0)
			return true;
	}
	near = nearest_word(tk->tk_text, words);
	if (near == NULL)
		near = words[0];
	(void)parse_error(ps, tk, "'%s' is not %s: did you mean '%s'?",
	    tk->tk_text, what, near);
	return true;
}

bool
clause_auth_method(struct parse *ps, const struct tok *word)
{
	if (ps->ps_d.dr_auth_given)
		(void)parse_error(ps, word, "'%s' is a second way to "
		    "authenticate: a rule has one", word->tk_text);
	ps->ps_d.dr_auth_given = true;
	return true;
}

/* ---- keys ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
hex_key(struct parse *ps, const struct tok *at, const char *p, size_t n,
    struct policy_key *key)
{
	if (n % 2 != 0 || n == 0)
		return parse_error(ps, at, "a key has an even number of hex "
		    "digits, not %zu", n);
	if (n / 2 > POLICY_KEY_MAX)
		return parse_error(ps, at, "a key has at most %d bytes",
		    POLICY_KEY_MAX);
	key->pk_bytes = pool_alloc(&ps->ps_pool, n / 2);
	for (size_t i = 0; i < n / 2; i++) {
		int hi = hex_digit(p[2 * i]), lo = hex_digit(p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return parse_error(ps, at, "a key is 0x and hex "
			    "digits, or file \"NAME\"");
		key->pk_bytes[i] = (uint8_t)(hi << 4 | lo);
	}
	key->pk_len = n / 2;
	return true;
}

/* 0xAA or 0xAA:0xBB */
static bool
hex_keys(struct parse *ps, const struct tok *at, const char *text,
    struct keyspec *out)
{
	const char *p = text;

	for (out->kp_n = 0; out->kp_n < 2;) {
		size_t n;

		if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
			p += 2;
		else if (p == text)
			return parse_error(ps, at, "a key is 0x and hex "
			    "digits, or file \"NAME\"");
		n = strcspn(p, ":");
		if (!hex_key(ps, at, p, n, &out->kp_key[out->kp_n++]))
			return false;
		if (p[n] == '\0')
			return true;
		p += n + 1;
	}
	return parse_error(ps, at, "at most two keys, separated by a colon");
}

static bool
psk_text(struct parse *ps, const struct tok *at, const char *text,
    size_t len, struct keyspec *out)
{
	if (len == 0 || len > POLICY_KEY_MAX)
		return parse_error(ps, at, "a pre-shared key has %d to %d "
		    "bytes", POLICY_PSK_MIN, POLICY_KEY_MAX);
	out->kp_n = 1;
	out->kp_key[0].pk_len = len;
	out->kp_key[0].pk_bytes = (uint8_t *)pool_copy(&ps->ps_pool, text, len);
	return true;
}

static bool
is_hex(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/* sealed "N" or sealed "N:M": numbers of the store's secrets. */
static bool
sealed_keys(struct parse *ps, struct keyspec *out)
{
	uint8_t buf[POLICY_KEY_MAX];
	char number[24];
	struct tok *tk;
	const char *p;

	if (ps->ps_t->tk_type == TOK_END || (tk = ps->ps_t) == NULL ||
	    tk->tk_text[0] < '0' || tk->tk_text[0] > '9')
		return parse_error(ps, ps->ps_t - 1, "a sealed key: print "
		    "with -k to see keys, or write the key itself");
	ps->ps_t++;
	for (p = tk->tk_text, out->kp_n = 0; out->kp_n < 2; p++) {
		struct policy_key *key = &out->kp_key[out->kp_n++];
		size_t n = strcspn(p, ":"), len;

		if (n >= sizeof(number))
			break;
		memcpy(number, p, n);
		number[n] = '\0';
		if (!parse_number(number, INT64_MAX, &key->pk_id) ||
		    key->pk_id == 0)
			break;
		if (ps->ps_env == NULL || ps->ps_env->env_unseal == NULL ||
		    !ps->ps_env->env_unseal(ps->ps_env->env_arg, key->pk_id,
		    buf, &len))
			return parse_error(ps, tk, "no sealed key %s is known "
			    "here", number);
		if (len != 0)
			key->pk_bytes = (uint8_t *)pool_copy(&ps->ps_pool,
			    (const char *)buf, len);
		key->pk_len = len;
		explicit_bzero(buf, sizeof(buf));
		p += n;
		if (*p == '\0')
			return true;
	}
	return parse_error(ps, tk, "'%s' is not the number of a sealed key",
	    tk->tk_text);
}

/* file "NAME": the first line. */
static bool
file_keys(struct parse *ps, bool psk, struct keyspec *out)
{
	const char *why = "no file can be read here";
	struct tok *tk;
	char *body = NULL, *text;
	size_t len = 0, n;
	bool ok;

	if ((tk = parse_text(ps, "file name")) == NULL)
		return false;
	if (ps->ps_env != NULL && ps->ps_env->env_read != NULL)
		body = ps->ps_env->env_read(ps->ps_env->env_arg, tk->tk_text,
		    true, &len, &why);
	if (body == NULL)
		return parse_error(ps, tk, "cannot read key file \"%s\": %s",
		    tk->tk_text, why);
	for (n = 0; n < len && body[n] != '\n' && body[n] != '\0'; n++)
		;
	while (n > 0 && (body[n - 1] == '\r' || body[n - 1] == ' '))
		n--;
	text = pool_copy(&ps->ps_pool, body, n);
	ok = psk && !is_hex(text) ? psk_text(ps, tk, text, n, out) :
	    hex_keys(ps, tk, text, out);
	explicit_bzero(body, len);
	free(body);
	out->kp_at = tk;
	return ok;
}

static void
tell_secret(struct parse *ps, const struct tok *tk, const struct keyspec *kp)
{
	const struct policy_env *env = ps->ps_env;

	if (env == NULL || env->env_secret == NULL)
		return;
	if (tk->tk_srclen != 0)
		env->env_secret(env->env_arg, tk->tk_body + tk->tk_off,
		    tk->tk_srclen, kp->kp_key, kp->kp_n);
	else
		env->env_secret(env->env_arg, tk->tk_text, tk->tk_len,
		    kp->kp_key, kp->kp_n);
}

bool
parse_keyspec(struct parse *ps, bool psk, struct keyspec *out)
{
	struct tok *tk;
	bool ok;

	out->kp_at = ps->ps_t;
	if (parse_word(ps, "file"))
		return file_keys(ps, psk, out);
	if (parse_word(ps, "sealed"))
		return sealed_keys(ps, out);
	if ((tk = parse_text(ps, psk ? "pre-shared key" : "key")) == NULL)
		return false;
	ok = psk && !is_hex(tk->tk_text) ?
	    psk_text(ps, tk, tk->tk_text, tk->tk_len, out) :
	    hex_keys(ps, tk, tk->tk_text, out);
	if (ok)
		tell_secret(ps, tk, out);
	return ok;
}
