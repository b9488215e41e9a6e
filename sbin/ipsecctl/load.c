/* SPDX-License-Identifier: ISC */
/*
 * Loading: the texts go to policyd(8), which parses them and refuses what has
 * errors.  They are parsed here if they name other files, which have to be
 * sent along, and if policyd refuses them: errors are told with their place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "libassert/assert.h"
#include "libpolicy/ifaddr.h"
#include "libpolicy/store.h"
#include "command.h"
#include "ipsecctl.h"

/* And tells their number. */
static void
print_errors(const struct policy_errors *errs, struct policyctl_result *res)
{
	unsigned n = errs->per_n + errs->per_more;

	policy_errors_print(errs, stderr);
	*res = (struct policyctl_result){ 0 };
	(void)snprintf(res->re_text, sizeof(res->re_text), "%u error%s, nothing loaded",
	    n, n == 1 ? "" : "s");
}

/* False with a text in res if policyd cannot be asked. */
static bool
ask(const struct options *op, unsigned flags, struct policyctl_result *res)
{
	const char *why = "";
	struct policyctl *pc = policyctl_connect(op->op_rundir, &why);

	if (pc == NULL) {
		*res = (struct policyctl_result){ 0 };
		(void)snprintf(res->re_text, sizeof(res->re_text), "%s", why);
		return false;
	}
	policyctl_load(pc, &op->op_texts, flags, op->op_reason, res);
	policyctl_close(pc);
	return true;
}

static int
tell(const struct options *op, const struct policyctl_result *res)
{
	bool good = res->re_ok && res->re_applied;

	if (op->op_json)
		command_json(res);
	else if (res->re_text[0] != '\0')
		fprintf(good ? stdout : stderr, "%s%s\n", good ? "" :
		    "ipsecctl: ", res->re_text);
	return good ? 0 : res->re_later ? EX_TEMPFAIL : 1;
}

static int
send_texts(const struct options *op, unsigned flags)
{
	struct policyctl_result res;

	(void)ask(op, flags, &res);
	return tell(op, &res);
}

static char *
load_read(void *arg, const char *name, bool secret, size_t *len,
    const char **why)
{
	struct options *op = arg;

	return policy_texts_env_disk(&op->op_texts, name, secret, len, why);
}

static size_t
load_iface(void *arg, const char *name, struct policy_ifaddr *out, size_t max,
    const char **why)
{
	const struct options *op = arg;

	return policy_ifaddrs(op->op_rundir, name, out, max, why);
}

/* Those of assert.conf are read, and printed; nothing is tried here. */
static bool
parse_assertions(const struct options *op, FILE *out, struct policy_errors *errs)
{
	struct assertions av = { 0 };
	bool ok = true;

	for (size_t i = 0; i < op->op_texts.tx_n; i++) {
		const struct policy_text_item *ti = &op->op_texts.tx_v[i];
		struct policy_text text = { ti->ti_name, ti->ti_body, ti->ti_len };

		if (ti->ti_part == POLICY_PART_ASSERT)
			ok = assert_parse(&av, &text, errs) && ok;
	}
	if (ok && out != NULL)
		assert_print(&av, out);
	assert_free(&av);
	return ok;
}

/* What was understood goes to out in normal form; NULL: it does not. */
static bool
parse(struct options *op, FILE *out, struct policy_errors *errs)
{
	struct policy_env env = {
		.env_read = load_read,
		.env_iface = load_iface,
		.env_arg = op,
	};
	struct policy pol;
	bool ok = policy_texts_parse(&op->op_texts, &pol, &env, errs);

	ok = parse_assertions(op, out, errs) && ok;
	if (ok && out != NULL)
		policy_print(&pol, out, op->op_keys ? POLICY_PRINT_KEYS : 0);
	policy_free(&pol);
	return ok;
}

static int
check_json(struct options *op)
{
	static struct policy_errors errs;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool ok = out != NULL && parse(op, out, &errs);

	ok = out != NULL && fclose(out) == 0 && ok;
	ipsecctl_json_check(ok, ok ? text : "", &errs);
	if (text != NULL)
		explicit_bzero(text, len);
	free(text);
	policy_errors_free(&errs);
	return ok ? 0 : 1;
}

/* Errors are printed. */
static bool
read_through(struct options *op)
{
	static struct policy_errors errs;
	struct policyctl_result res;
	bool ok = parse(op, op->op_verbose != 0 && !op->op_json ? stdout : NULL, &errs);

	if (!ok) {
		print_errors(&errs, &res);
		(void)tell(op, &res);
	}
	policy_errors_free(&errs);
	return ok;
}

int
ipsecctl_load(struct options *op)
{
	bool asserts = policy_texts_has(&op->op_texts, POLICY_PART_ASSERT);
	unsigned flags = op->op_delete ? POLICYCTL_DELETE : 0;
	size_t given = op->op_texts.tx_n;
	struct policyctl_result res;
	bool asked = false;

	if (op->op_check && op->op_json)
		return check_json(op);
	if (!op->op_check && op->op_verbose == 0 && !asserts &&
	    policy_texts_whole(&op->op_texts)) {
		asked = ask(op, flags, &res);
		if (res.re_ok || res.re_later)
			return tell(op, &res);
	}
	if (!read_through(op))
		return 1;
	if (op->op_check)
		return 0;
	if (asserts) {
		fputs("ipsecctl: assertions are a part of a revision: ipsecctl commit "
		    "--assert file\n", stderr);
		return 1;
	}
	/* refused for another reason, unless files have been added now */
	return asked && op->op_texts.tx_n == given ? tell(op, &res) :
	    send_texts(op, flags);
}

int
ipsecctl_flush(struct options *op)
{
	if (!op->op_check)
		return send_texts(op, POLICYCTL_FLUSH);
	return op->op_json ? check_json(op) : 0;
}
