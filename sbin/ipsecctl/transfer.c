/* SPDX-License-Identifier: ISC */
/*
 * ipsecctl export: a revision as one file, which import.c reads.
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
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "libctl/json.h"
#include "libpolicy/seal.h"
#include "libutil/hex.h"
#include "libutil/sha256.h"

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
	uint8_t sum[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1], *all;
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
	struct stat sb;
	bool ok;

	if ((ou.ou_file = open_memstream(&text, &len)) == NULL)
		return command_fail("out of memory");
	fprintf(ou.ou_file, TRANSFER_MAGIC "### revision %llu\n",
	    (unsigned long long)rev);
	ok = (co->co_keys || put_secrets(&ou, rev)) &&
	    put_parts(&ou, rev, co->co_keys);
	ok = fclose(ou.ou_file) == 0 && ok;
	ok = ok && put_export(co, rev, text, len);
	explicit_bzero(text, len);
	free(text);
	if (!ok)
		return command_fail("%s", ou.ou_why);
	if (!co->co_keys)
		fputs("ipsecctl: keys are sealed: only a router with this "
		    "machine.key can import the file; -k writes them in clear\n",
		    stderr);
	else if (fstat(STDOUT_FILENO, &sb) == -1 || !S_ISFIFO(sb.st_mode))
		fputs("ipsecctl: THIS FILE HOLDS ALL KEYS IN CLEAR\n", stderr);
	return 0;
}

int
command_export(struct command *co)
{
	struct policy_store *st = command_store();
	uint64_t rev;
	int rc = 1;

	if (st == NULL)
		return 1;
	if (co->co_keys && isatty(STDOUT_FILENO))
		(void)command_fail("keys in clear do not go to a terminal");
	else if (command_revision(co, st, 0, 0, &rev))
		rc = export_to(co, st, rev);
	policy_store_close(st);
	return rc;
}
