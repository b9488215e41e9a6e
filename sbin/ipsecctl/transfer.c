/* SPDX-License-Identifier: ISC */
/*
 * ipsecctl export, import: a revision as one file.
 *
 *	### ravelin export 1
 *	### revision 12
 *	### secret 3 NONCE SEALED	hexadecimal; only this machine opens it
 *	### ipsec.conf
 *	...				normal form, keys as `sealed "3"`
 *	### pf.conf
 *	...
 *	### end 8a1f...			SHA-256 of all that stands above
 *
 * With -k keys stand in clear and there are no secrets apart.  A file that
 * does not match its last line is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "libctl/json.h"
#include "libpolicy/seal.h"
#include "libutil/hex.h"
#include "libutil/sha256.h"

#define MAGIC	"### ravelin export 1\n"

enum { DIGEST = 32, SECRETS_MAX = 1 << 18 };

/* ---- export ---- */

struct out {
	struct policy_store	*ou_st;
	struct seal		 ou_seal;
	FILE			*ou_file;
	const char		*ou_why;
	uint64_t		*ou_seen;
	size_t			 ou_n;
};

/* Seals a key once more, for the file; as an env_unseal it meets each. */
static bool
put_secret(void *arg, uint64_t id, uint8_t buf[POLICY_KEY_MAX], size_t *len)
{
	uint8_t nonce[SEAL_NONCE], sealed[SEAL_MAX];
	struct out *ou = arg;
	uint64_t *v;

	if (!policy_secret(ou->ou_st, id, buf, len, &ou->ou_why))
		return false;
	for (size_t i = 0; i < ou->ou_n; i++) {
		if (ou->ou_seen[i] == id)
			return true;
	}
	v = reallocarray(ou->ou_seen, ou->ou_n + 1, sizeof(*v));
	if (v == NULL || !seal_random(nonce, sizeof(nonce)))
		return false;
	ou->ou_seen = v;
	v[ou->ou_n++] = id;
	seal_close(&ou->ou_seal, id, nonce, buf, *len, sealed);
	fprintf(ou->ou_file, "### secret %llu ", (unsigned long long)id);
	hex_print(ou->ou_file, nonce, sizeof(nonce));
	fputc(' ', ou->ou_file);
	hex_print(ou->ou_file, sealed, *len + SEAL_TAG);
	fputc('\n', ou->ou_file);
	return true;
}

static bool
put_secrets(struct out *ou, uint64_t rev)
{
	static struct policy_errors errs;
	struct policy_env env = { .env_unseal = put_secret, .env_arg = ou };
	bool ok = seal_init(&ou->ou_seal, policy_db_path(NULL), false,
	    &ou->ou_why);

	for (unsigned i = 0; ok && rev != 0 && i <= POLICY_PART_IKED; i++) {
		char *rules = policy_store_rules(ou->ou_st, rev,
		    (enum policy_part)i, &ou->ou_why);
		struct policy_text text = { "store", rules, 0 };
		struct policy pol;

		if (rules == NULL)
			return false;
		text.tx_len = strlen(rules);
		policy_init(&pol);
		ok = policy_parse(&pol, &text, &env, NULL, 0, &errs);
		policy_free(&pol);
		free(rules);
	}
	policy_errors_free(&errs);
	free(ou->ou_seen);
	seal_wipe(&ou->ou_seal);
	return ok;
}

static bool
put_parts(struct out *ou, uint64_t rev, bool keys)
{
	for (unsigned i = 0; i < POLICY_PARTS; i++) {
		enum policy_part part = (enum policy_part)i;
		char *text = command_part(ou->ou_st, rev, part, keys,
		    &ou->ou_why);

		if (text == NULL)
			return false;
		if (text[0] != '\0')
			fprintf(ou->ou_file, "### %s\n%s",
			    policy_part_name(part), text);
		explicit_bzero(text, strlen(text));
		free(text);
	}
	return true;
}

static void
hex_text(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", p[i]);
}

/* The file, its last line with the digest included. */
static bool
put_export(const struct command *co, uint64_t rev, const char *text, size_t len)
{
	uint8_t sum[DIGEST];
	char hex[2 * DIGEST + 1], *all;
	size_t cap = len + sizeof(hex) + 16;

	sha256(text, len, sum);
	hex_text(sum, sizeof(sum), hex);
	if ((all = malloc(cap)) == NULL)
		return false;
	(void)snprintf(all, cap, "%s### end %s\n", text, hex);
	if (co->co_json) {
		json_begin();
		json_number("revision", rev);
		json_string("keys", co->co_keys ? "clear" : "sealed");
		json_string("file", all);
		json_end();
	} else {
		(void)fputs(all, stdout);
	}
	explicit_bzero(all, cap);
	free(all);
	return fflush(stdout) == 0;
}

static int
export_to(struct command *co, struct policy_store *st, uint64_t rev)
{
	struct out ou = { .ou_st = st, .ou_why = "out of memory" };
	char *text = NULL;
	size_t len = 0;
	bool ok;

	if ((ou.ou_file = open_memstream(&text, &len)) == NULL)
		return command_fail("out of memory");
	fprintf(ou.ou_file, MAGIC "### revision %llu\n",
	    (unsigned long long)rev);
	ok = (co->co_keys || put_secrets(&ou, rev)) &&
	    put_parts(&ou, rev, co->co_keys);
	ok = fclose(ou.ou_file) == 0 && ok;
	ok = ok && put_export(co, rev, text, len);
	explicit_bzero(text, len);
	free(text);
	if (!ok)
		return command_fail("%s", ou.ou_why);
	fputs(co->co_keys ? "ipsecctl: THIS FILE HOLDS ALL KEYS IN CLEAR\n" :
	    "ipsecctl: keys are sealed: only a router with this machine.key "
	    "can import the file; -k writes them in clear\n", stderr);
	return 0;
}

int
command_export(struct command *co)
{
	struct policy_store *st = command_store();
	const char *why = "";
	uint64_t rev;
	int rc = 1;

	if (st == NULL)
		return 1;
	if (co->co_keys && isatty(STDOUT_FILENO))
		(void)command_fail("keys in clear do not go to a terminal");
	else if (co->co_argc == 1 ? command_number(co->co_argv[0], &rev) :
	    policy_store_latest(st, &rev, &why))
		rc = export_to(co, st, rev);
	policy_store_close(st);
	return rc;
}

/* ---- import ---- */

struct secret {
	uint64_t	se_id;
	uint8_t		se_key[POLICY_KEY_MAX];
	size_t		se_len;
};

struct in {
	struct secret	*in_v;
	size_t		 in_n;
};

static bool
sound(const char *text, size_t len)
{
	const size_t line = 8 + 2 * DIGEST + 1;		/* "### end " hex "\n" */
	uint8_t said[DIGEST], is[DIGEST];

	if (strlen(text) != len || len < line ||
	    strncmp(text, MAGIC, strlen(MAGIC)) != 0 ||
	    memcmp(text + len - line, "### end ", 8) != 0 || !hex_read(text +
	    len - line + 8, (size_t)2 * DIGEST, said, sizeof(said)))
		return false;
	sha256(text, len - line, is);
	return memcmp(said, is, sizeof(is)) == 0;
}

/* "N NONCE SEALED" */
static bool
take_secret(struct in *in, const struct seal *se, const char *p)
{
	uint8_t nonce[SEAL_NONCE], sealed[SEAL_MAX];
	struct secret *v;
	char *end;
	size_t n;

	if (in->in_n == SECRETS_MAX || (v = reallocarray(in->in_v,
	    in->in_n + 1, sizeof(*v))) == NULL)
		return false;
	in->in_v = v;
	v += in->in_n;
	v->se_id = strtoull(p, &end, 10);
	p = end + (*end == ' ');
	if (strcspn(p, " \n") != (size_t)2 * SEAL_NONCE ||
	    !hex_read(p, (size_t)2 * SEAL_NONCE, nonce, sizeof(nonce)))
		return false;
	p += (size_t)2 * SEAL_NONCE;
	p += *p == ' ';
	n = strcspn(p, "\n");
	if (!hex_read(p, n, sealed, sizeof(sealed)) || !seal_reveal(se,
	    v->se_id, nonce, sealed, n / 2, v->se_key, &v->se_len))
		return false;
	in->in_n++;
	return true;
}

static bool
unseal(void *arg, uint64_t id, uint8_t buf[POLICY_KEY_MAX], size_t *len)
{
	const struct in *in = arg;

	for (size_t i = 0; i < in->in_n; i++) {
		if (in->in_v[i].se_id != id)
			continue;
		memcpy(buf, in->in_v[i].se_key, in->in_v[i].se_len);
		*len = in->in_v[i].se_len;
		return true;
	}
	return false;
}

/* Puts the keys of one text in clear: policyd seals them anew. */
static bool
clear_text(struct in *in, struct policy_text_item *ti)
{
	static struct policy_errors errs;
	struct policy_env env = { .env_unseal = unseal, .env_arg = in };
	struct policy_text text = { ti->ti_name, ti->ti_body, ti->ti_len };
	struct policy pol;
	char *clear = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&clear, &len);
	bool ok;

	policy_init(&pol);
	ok = out != NULL && policy_parse(&pol, &text, &env, NULL, 0, &errs) &&
	    policy_finish(&pol, &errs);
	if (ok)
		policy_print(&pol, out, POLICY_PRINT_KEYS);
	policy_free(&pol);
	policy_errors_print(&errs, stderr);
	policy_errors_free(&errs);
	if (out == NULL || fclose(out) != 0 || !ok) {
		free(clear);
		return false;
	}
	explicit_bzero(ti->ti_body, ti->ti_len);
	free(ti->ti_body);
	ti->ti_body = clear;
	ti->ti_len = len;
	ti->ti_cap = len + 1;
	return true;
}

static bool
take_secrets(struct in *in, const char *body)
{
	const char *why = "";
	struct seal se;
	bool ok = true;

	if (strstr(body, "\n### secret ") == NULL)
		return true;
	if (!seal_init(&se, policy_db_path(NULL), false, &why)) {
		(void)command_fail("%s", why);
		return false;
	}
	for (const char *p = body; ok && (p = strstr(p, "\n### secret ")) !=
	    NULL; p++)
		ok = take_secret(in, &se, p + 12);
	seal_wipe(&se);
	if (!ok)
		(void)command_fail("the keys are sealed by another machine: "
		    "export there with -k");
	return ok;
}

static bool
import_from(struct command *co, struct in *in, const char *name)
{
	struct policy_texts file = { 0 };
	const char *why = "";
	bool ok;

	if (!policy_texts_read(&file, POLICY_PART_IPSEC, POLICY_TEXT_MAIN,
	    name, &why)) {
		(void)command_fail("cannot read %s: %s", name, why);
		return false;
	}
	ok = sound(file.tx_v[0].ti_body, file.tx_v[0].ti_len);
	if (!ok)
		(void)command_fail("%s is no export, or not as it was "
		    "written; a text that was edited goes by 'commit -f'",
		    name);
	ok = ok && take_secrets(in, file.tx_v[0].ti_body) &&
	    command_sections(co, file.tx_v[0].ti_body);
	policy_texts_free(&file);
	for (size_t i = 0; ok && i < co->co_texts.tx_n; i++) {
		if (co->co_texts.tx_v[i].ti_part <= POLICY_PART_IKED)
			ok = clear_text(in, &co->co_texts.tx_v[i]);
	}
	return ok;
}

int
command_import(struct command *co)
{
	struct in in = { 0 };
	int rc = 1;

	if (co->co_argc != 1)
		return command_fail("import which file?");
	if (import_from(co, &in, co->co_argv[0])) {
		if (co->co_reason == NULL)
			co->co_reason = "imported";
		co->co_base = POLICYCTL_ANY;
		co->co_whole = true;
		rc = command_commit(co);
	}
	if (in.in_v != NULL)
		explicit_bzero(in.in_v, in.in_n * sizeof(*in.in_v));
	free(in.in_v);
	return rc;
}
