/* SPDX-License-Identifier: ISC */
/*
 * seed(8): checks a seed.conf(5), applies one, makes the hash of a password.
 *
 * apply: all of it is parsed before anything changes; then the policy goes to
 * policyd(8) as one revision whose reason names the seed's digest, then the
 * files of /data/etc follow, and the digest last.  A crash in between leaves
 * the digest unwritten: applied again, the revision is found by its reason,
 * and only the files are written once more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <sys/stat.h>

#include "../init/boot.h"
#include "../init/settings.h"
#include "libauth/auth.h"
#include "libpolicy/store.h"
#include "libseed/seed.h"
#include "libutil/ask.h"
#include "libutil/sandbox.h"

struct job {
	const char		*jo_etc;
	const char		*jo_rundir;
	const char		*jo_base;	/* -b */
	char			 jo_reason[2 * SEED_DIGEST + 32];
	char			 jo_hex[2 * SEED_DIGEST + 2];
	struct policy_errors	 jo_errs;
	struct seed		 jo_seed;
	struct policy_texts	 jo_file;
};

static int
usage(void)
{
	fputs("usage: seed check file\n"
	    "       seed apply [-b base] [-e etc] [-r rundir] file\n"
	    "       seed hash\n", stderr);
	return 2;
}

static int fail(const char *, ...) __attribute__((format(printf, 1, 2)));

static int
fail(const char *fmt, ...)
{
	char text[500];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "seed: %s\n", text);
	return 1;
}

/* ---- reading ---- */

static bool
read_seed(struct job *jo, const char *path)
{
	struct policy_text text = { .tx_name = path };
	const char *slash = strrchr(path, '/'), *why = "";

	if (!policy_texts_read(&jo->jo_file, POLICY_PART_IPSEC,
	    POLICY_TEXT_MAIN, path, &why)) {
		(void)fail("cannot read %s: %s", path, why);
		return false;
	}
	text.tx_name = slash == NULL ? path : slash + 1;
	text.tx_body = jo->jo_file.tx_v[0].ti_body;
	text.tx_len = jo->jo_file.tx_v[0].ti_len;
	(void)seed_parse(&jo->jo_seed, &text, &jo->jo_errs);
	for (size_t i = 0; i < SEED_DIGEST; i++)
		(void)snprintf(jo->jo_hex + 2 * i, 3, "%02x",
		    jo->jo_seed.sd_digest[i]);
	(void)snprintf(jo->jo_reason, sizeof(jo->jo_reason),
	    "seed.conf %s", jo->jo_hex);
	return true;
}

/* Most editors end a last line; a copy that broke off does not. */
static bool
cut_off(const struct policy_text *text)
{
	return text->tx_len != 0 && text->tx_body[text->tx_len - 1] != '\n';
}

/* Standard error takes the complaints: nothing else is open any more. */
static bool
check_seed(struct job *jo)
{
	const char *hash = jo->jo_seed.sd_password;
	bool ok = seed_check(&jo->jo_seed, &jo->jo_errs, stderr);

	policy_errors_free(&jo->jo_errs);
	if (cut_off(&jo->jo_seed.sd_text))
		fprintf(stderr, "%s: the last line has no end: is the file "
		    "whole?\n", jo->jo_seed.sd_text.tx_name);
	if (hash[0] == '\0' || auth_hash_valid(hash))
		return ok;
	fprintf(stderr, "%s:%u: this hash of a password is damaged, or takes "
	    "more than %d MB or %d passes to check: 'seed hash' makes one\n",
	    jo->jo_seed.sd_text.tx_name, jo->jo_seed.sd_password_line,
	    AUTH_MEM_MAX >> 20, AUTH_OPS_MAX);
	return false;
}

static int
check(struct job *jo, const char *path)
{
	if (!read_seed(jo, path))
		return 1;
	if (!sandbox_enter(SANDBOX_PURE))
		return fail("sandbox: %s", strerror(errno));
	return check_seed(jo) ? 0 : 1;
}

/* ---- applying ---- */

/* Has a revision with this digest been committed? Its reason names it. */
static bool
committed_before(const struct job *jo)
{
	static const char *const history[] = { "ipsecctl", "-j", "history",
	    NULL };
	size_t len;
	int status;
	char *text = run_capture(history, 64 << 20, &len, &status);
	bool found = text != NULL && status == 0 &&
	    strstr(text, jo->jo_reason) != NULL;

	free(text);
	return found;
}

/* Does the newest revision, as `ipsecctl show` prints it, have this part? */
static bool
stored(const char *shown, enum policy_part part)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "\n### %s\n",
	    policy_part_name(part));
	return shown != NULL && strstr(shown, line) != NULL;
}

/* Parts that neither the seed nor the store has come from the base. */
static bool
add_base(const struct job *jo, struct policy_texts *tx)
{
	static struct policy_errors errs;
	static struct seed base;
	struct policy_texts file = { 0 };
	struct policy_text text = { .tx_name = jo->jo_base };
	const char *why = "";
	size_t len;
	char *shown = revision_text(&len);
	bool ok = policy_texts_read(&file, POLICY_PART_IPSEC, POLICY_TEXT_MAIN,
	    jo->jo_base, &why);

	if (ok) {
		text.tx_body = file.tx_v[0].ti_body;
		text.tx_len = file.tx_v[0].ti_len;
		ok = seed_parse(&base, &text, &errs);
	}
	for (unsigned i = 0; ok && i < POLICY_PARTS; i++) {
		if (jo->jo_seed.sd_part[i].sp_there ||
		    stored(shown, (enum policy_part)i))
			base.sd_part[i].sp_there = false;
	}
	ok = ok && seed_texts(&base, tx);
	free(shown);
	policy_errors_free(&errs);
	policy_texts_free(&file);
	if (!ok)
		(void)fail("%s cannot be read: %s", jo->jo_base, why);
	return ok;
}

static bool
gather(const struct job *jo, struct policy_texts *tx)
{
	if (seed_texts(&jo->jo_seed, tx))
		return jo->jo_base == NULL || add_base(jo, tx);
	(void)fail("memory is short");
	return false;
}

static int
commit(struct job *jo)
{
	struct policyctl_result res = { 0 };
	struct policy_texts tx = { 0 };
	const char *why = "";
	struct policyctl *pc;

	if (!seed_has_policy(&jo->jo_seed) || committed_before(jo))
		return 0;
	if ((pc = policyctl_connect(policy_run_dir(jo->jo_rundir), &why)) ==
	    NULL)
		return fail("%s", why);
	if (!gather(jo, &tx)) {
		policy_texts_free(&tx);
		policyctl_close(pc);
		return 1;
	}
	policyctl_commit(pc, &tx, 0, POLICYCTL_ANY, 0, jo->jo_reason, &res);
	policy_texts_free(&tx);
	policyctl_close(pc);
	if (res.re_ok && res.re_applied)
		return 0;
	(void)fail("%s", res.re_text);
	return res.re_later ? EX_TEMPFAIL : 1;
}

static bool
write_file(const struct job *jo, const char *name, const char *text)
{
	char path[512], line[512];

	(void)snprintf(path, sizeof(path), "%s/%s", jo->jo_etc, name);
	(void)snprintf(line, sizeof(line), "%s\n", text);
	if (file_replace(path, line, strlen(line), 0600))
		return true;
	(void)fail("%s: %s", path, strerror(errno));
	return false;
}

/* SSH and time servers, as far as the seed says anything about them. */
static bool
write_management(const struct job *jo)
{
	static struct ssh_keys keys;
	const struct seed *sd = &jo->jo_seed;
	const char *why;
	bool ok = true;

	for (keys.sk_n = 0; keys.sk_n < sd->sd_nssh_keys; keys.sk_n++)
		(void)sshkey_parse(&keys.sk_key[keys.sk_n],
		    sd->sd_ssh_key[keys.sk_n], &why);
	if (keys.sk_n != 0)
		ok = ssh_keys_write(jo->jo_etc, &keys);
	if (sd->sd_ssh != SEED_AS_IT_IS)
		ok = ok && ssh_switch(jo->jo_etc, sd->sd_ssh == SEED_ON);
	if (sd->sd_ntp != SEED_AS_IT_IS)
		ok = ok && ntp_write(jo->jo_etc, sd->sd_ntp_server, sd->sd_nntp);
	return ok;
}

static bool
write_files(const struct job *jo)
{
	const struct seed *sd = &jo->jo_seed;
	const char *why = "";
	char path[512];

	(void)mkdir(jo->jo_etc, 0700);
	if (sd->sd_hostname[0] != '\0' &&
	    !write_file(jo, "hostname", sd->sd_hostname))
		return false;
	(void)snprintf(path, sizeof(path), "%s/passwd", jo->jo_etc);
	if (sd->sd_password[0] != '\0' && !auth_set_hash(path, "admin",
	    sd->sd_password, &why)) {
		(void)fail("%s: %s", path, why);
		return false;
	}
	if (!write_management(jo))
		return fail("%s: %s", jo->jo_etc, strerror(errno)) == 0;
	return write_file(jo, "seed.applied", jo->jo_hex);
}

static int
apply(struct job *jo, const char *path)
{
	int rc;

	if (!read_seed(jo, path) || !check_seed(jo))
		return 1;
	if ((rc = commit(jo)) != 0)
		return rc;
	return write_files(jo) ? 0 : 1;
}

/* ---- hash ---- */

static int
hash(void)
{
	char password[AUTH_PASSWORD_MAX + 2], out[AUTH_HASH_LEN];
	const char *bad;
	bool ok;

	if (!ask_hidden("password", password, sizeof(password)))
		return fail("no password");
	if ((bad = auth_password_bad(password)) != NULL)
		return fail("%s", bad);
	ok = auth_hash(password, out);
	explicit_bzero(password, sizeof(password));
	if (!ok)
		return fail("memory is short");
	printf("password-hash \"%s\"\n", out);
	return fflush(stdout) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	static struct job jo = { .jo_etc = "/data/etc" };
	const char *verb = argc > 1 ? argv[1] : "";
	int c;

	if (strcmp(verb, "hash") == 0 && argc == 2)
		return hash();
	argc -= argc > 1;
	argv += argc > 0 && verb[0] != '\0';
	while ((c = getopt(argc, argv, "b:e:r:")) != -1) {
		if (c == 'e' && strcmp(verb, "apply") == 0)
			jo.jo_etc = optarg;
		else if (c == 'b' && strcmp(verb, "apply") == 0)
			jo.jo_base = optarg;
		else if (c == 'r' && strcmp(verb, "apply") == 0)
			jo.jo_rundir = optarg;
		else
			return usage();
	}
	if (optind + 1 != argc)
		return usage();
	if (strcmp(verb, "check") == 0)
		return check(&jo, argv[optind]);
	if (strcmp(verb, "apply") == 0)
		return apply(&jo, argv[optind]);
	return usage();
}
