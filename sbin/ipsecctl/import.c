/* SPDX-License-Identifier: ISC */
/*
 * ipsecctl import: what transfer.c wrote becomes a revision again.
 *
 *	the file, and with -n the newest revision, are read; policyd connected
 *	-> everything but reading and writing is given up
 *	-> digest, keys, parts, rules
 *	-> with -n the difference; policyd checks, or commits
 *
 * The file may come from anywhere: nothing that it says is looked at before
 * the sandbox holds, and no file that it names is opened.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "command.h"
#include "libctl/json.h"
#include "libpolicy/seal.h"
#include "libutil/hex.h"
#include "libutil/sandbox.h"
#include "libutil/sha256.h"
#include "libutil/udiff.h"
#include "mask.h"

enum { SECRETS_MAX = 1 << 18 };

struct secret {
	uint64_t	se_id;
	uint8_t		se_key[POLICY_KEY_MAX];
	size_t		se_len;
};

struct in {
	struct command	*in_co;
	struct policyctl *in_pc;
	struct policy_texts in_file;
	char		*in_have[POLICY_PARTS];	/* -n: of the newest revision */
	struct seal	 in_seal;
	bool		 in_sealed;		/* in_seal is there */
	struct secret	*in_v;
	size_t		 in_n;
	/* what is told */
	struct policyctl_result in_res;
	char		*in_diff;		/* malloc'd */
	bool		 in_same, in_keys;
};

/* Ends it: the reason, for people or in the document. */
static bool __attribute__((format(printf, 2, 3)))
refuse(struct in *in, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(in->in_res.re_text, sizeof(in->in_res.re_text), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- before the sandbox ---- */

static bool
read_here(struct in *in)
{
	struct policy_store *st = command_store();
	const char *why = "";
	uint64_t rev;
	bool ok = st != NULL && policy_store_latest(st, &rev, &why);

	for (unsigned i = 0; ok && i < POLICY_PARTS; i++) {
		in->in_have[i] = command_part(st, rev, (enum policy_part)i,
		    true, &why);
		ok = in->in_have[i] != NULL;
	}
	if (!ok)
		(void)refuse(in, "%s", why);	/* the store's own words */
	policy_store_close(st);
	return ok;
}

static bool
prepare(struct in *in, const char *name)
{
	static char buffer[65536];
	struct command *co = in->in_co;
	const char *why = "", *author = getenv("RAVELIN_AUTHOR");

	if (!policy_texts_read(&in->in_file, POLICY_PART_IPSEC,
	    POLICY_TEXT_MAIN, name, &why))
		return refuse(in, "cannot read %s: %s", name, why);
	in->in_sealed = seal_init(&in->in_seal, policy_db_path(NULL), false,
	    &why);
	if (co->co_dry && !read_here(in))
		return false;
	if ((in->in_pc = policyctl_connect(co->co_rundir, &why)) == NULL)
		return refuse(in, "%s", why);
	if (author != NULL && author[0] != '\0' && !policyctl_author(in->in_pc, author, &why))
		return refuse(in, "%s", why);
	/* or else stdio asks whether it writes to a terminal */
	(void)setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	return sandbox_enter(SANDBOX_PURE) || refuse(in, "no sandbox");
}

/* ---- the file ---- */

/* Its last line is the digest of all before it; blank lines may follow. */
static bool
sound(const char *text, size_t len)
{
	const size_t line = 8 + 2 * SHA256_LEN;		/* "### end " hex */
	uint8_t said[SHA256_LEN], is[SHA256_LEN];

	if (strlen(text) != len)
		return false;
	while (len != 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	if (len < line || strncmp(text, TRANSFER_MAGIC,
	    strlen(TRANSFER_MAGIC)) != 0 ||
	    memcmp(text + len - line, "### end ", 8) != 0 || !hex_read(text +
	    len - line + 8, (size_t)2 * SHA256_LEN, said, sizeof(said)))
		return false;
	sha256(text, len - line, is);
	return memcmp(said, is, sizeof(is)) == 0;
}

/* "N NONCE SEALED" */
static bool
take_secret(struct in *in, const char *p)
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
	if (!hex_read(p, n, sealed, sizeof(sealed)) || !seal_reveal(&in->in_seal,
	    v->se_id, nonce, sealed, n / 2, v->se_key, &v->se_len))
		return false;
	in->in_n++;
	return true;
}

static bool
take_secrets(struct in *in, const char *body)
{
	bool ok = true;

	for (const char *p = body; ok && (p = strstr(p, "\n### secret ")) !=
	    NULL; p++)
		ok = in->in_sealed && take_secret(in, p + 12);
	return ok || refuse(in, "the keys are sealed by another machine: "
	    "export there with -k");
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

static void
keep_errors(struct in *in, struct policy_errors *errs)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out != NULL) {
		policy_errors_print(errs, out);
		if (fclose(out) == 0)
			(void)refuse(in, "%.*s", (int)(len > 1 ? len - 1 : 0),
			    text);
	}
	free(text);
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
	else
		keep_errors(in, &errs);
	policy_free(&pol);
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
take_file(struct in *in, const char *name)
{
	const struct policy_text_item *file = &in->in_file.tx_v[0];
	struct policy_texts *tx = &in->in_co->co_texts;
	bool ok;

	if (!sound(file->ti_body, file->ti_len))
		return refuse(in, "%s is no export, or not as it was written; "
		    "a text that was edited goes by 'commit -f'", name);
	if (!take_secrets(in, file->ti_body))
		return false;
	ok = command_sections(in->in_co, file->ti_body) ||
	    refuse(in, "too many or too large texts");
	for (size_t i = 0; ok && i < tx->tx_n; i++)
		if (tx->tx_v[i].ti_part <= POLICY_PART_IKED)
			ok = clear_text(in, &tx->tx_v[i]);
	return ok;
}

/* ---- the difference ---- */

static const char *
part_given(const struct policy_texts *tx, enum policy_part part)
{
	for (size_t i = 0; i < tx->tx_n; i++)
		if (tx->tx_v[i].ti_part == part)
			return tx->tx_v[i].ti_body;
	return "";
}

static bool
part_differs(struct in *in, enum policy_part part, FILE *out)
{
	const char *given = part_given(&in->in_co->co_texts, part);
	char *a = in->in_have[part], *b = strdup(given), label[64];
	bool differ = false, ok = b != NULL;

	if (ok && strcmp(a, b) != 0)
		in->in_same = false;
	if (ok) {
		mask_keys(a);
		mask_keys(b);
		(void)snprintf(label, sizeof(label), "%s in the file",
		    policy_part_name(part));
		ok = udiff(a, b, policy_part_name(part), label, out, &differ);
	}
	if (differ)
		in->in_keys = false;
	free(b);
	return ok;
}

static bool
difference(struct in *in)
{
	size_t len = 0;
	FILE *out = open_memstream(&in->in_diff, &len);
	bool ok = out != NULL;

	in->in_same = in->in_keys = true;
	for (unsigned i = 0; ok && i < POLICY_PARTS; i++)
		ok = part_differs(in, (enum policy_part)i, out);
	if (out != NULL && fclose(out) != 0)
		ok = false;
	if (in->in_same)
		in->in_keys = false;
	return ok || refuse(in, "out of memory");
}

/* ---- policyd, and what is told ---- */

static void
ask(struct in *in)
{
	struct command *co = in->in_co;
	struct policyctl_status ps;
	const char *why = "";

	if (co->co_base == POLICYCTL_ANY && policyctl_status(in->in_pc, &ps, &why))
		co->co_base = ps.ps_committed;
	policyctl_commit(in->in_pc, &co->co_texts, co->co_dry ? POLICYCTL_DRY :
	    0, co->co_base, co->co_dry ? 0 : co->co_confirm,
	    co->co_reason != NULL ? co->co_reason : "imported", &in->in_res);
}

static void
tell_json(const struct in *in)
{
	const struct policyctl_result *res = &in->in_res;
	const struct command *co = in->in_co;

	json_begin();
	json_bool("committed", res->re_ok);
	json_bool("checked", res->re_checked);
	json_bool("in_force", res->re_applied);
	json_bool("later", res->re_later);
	json_number("revision", res->re_revision);
	json_number("base", co->co_base != POLICYCTL_ANY ? co->co_base : 0);
	json_string("text", res->re_text);
	if (in->in_diff != NULL) {
		json_bool("same", in->in_same);
		json_bool("only_keys", in->in_keys);
		json_string("diff", in->in_diff);
	}
	json_end();
}

static void
tell(const struct in *in, bool good)
{
	const struct command *co = in->in_co;

	if (in->in_diff != NULL)
		(void)fputs(in->in_diff, stdout);
	if (in->in_same)
		printf("the policy is the same as here\n");
	else if (in->in_keys)
		printf("only keys differ\n");
	if (good)
		printf("%s\n", in->in_res.re_text);
	else
		(void)command_fail("%s%s", in->in_res.re_text, co->co_dry ? "" :
		    "\nipsecctl: nothing committed");
	if (good && !co->co_dry && co->co_confirm != 0)
		printf("it goes back by itself in %u s, unless 'ipsecctl "
		    "confirm' comes\n", co->co_confirm / 1000);
}

static void
finish(struct in *in)
{
	policyctl_close(in->in_pc);
	policy_texts_free(&in->in_file);
	for (unsigned i = 0; i < POLICY_PARTS; i++) {
		if (in->in_have[i] != NULL)
			explicit_bzero(in->in_have[i], strlen(in->in_have[i]));
		free(in->in_have[i]);
	}
	if (in->in_v != NULL)
		explicit_bzero(in->in_v, in->in_n * sizeof(*in->in_v));
	free(in->in_v);
	free(in->in_diff);
	seal_wipe(&in->in_seal);
}

int
command_import(struct command *co)
{
	static struct in in;
	const struct policyctl_result *res = &in.in_res;
	bool good;

	if (co->co_argc != 1)
		return command_fail("import which file?");
	in = (struct in){ .in_co = co };
	if (prepare(&in, co->co_argv[0]) && take_file(&in, co->co_argv[0]) &&
	    (!co->co_dry || difference(&in)))
		ask(&in);
	good = co->co_dry ? res->re_checked : res->re_ok && res->re_applied;
	if (co->co_json)
		tell_json(&in);
	else
		tell(&in, good);
	finish(&in);
	if (fflush(stdout) != 0)
		return 1;
	return good ? 0 : res->re_later ? EX_TEMPFAIL : 1;
}
