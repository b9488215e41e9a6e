/* SPDX-License-Identifier: ISC */
/*
 * Loading: parse here, so that errors are told with their place before
 * anything is sent, then hand the texts to policyd(8).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "libassert/assert.h"
#include "libpolicy/ifaddr.h"
#include "libpolicy/store.h"
#include "ipsecctl.h"

static void
print_errors(const struct policy_errors *errs)
{
	unsigned n = errs->per_n + errs->per_more;

	policy_errors_print(errs, stderr);
	fprintf(stderr, "ipsecctl: %u error%s, nothing loaded\n", n,
	    n == 1 ? "" : "s");
}

static int
send_texts(const struct options *op, unsigned flags)
{
	const char *why = "";
	struct policyctl *pc = policyctl_connect(op->op_rundir, &why);
	struct policyctl_result res;

	if (pc == NULL) {
		fprintf(stderr, "ipsecctl: %s\n", why);
		return 1;
	}
	policyctl_load(pc, &op->op_texts, flags, op->op_reason, &res);
	policyctl_close(pc);
	if (res.re_text[0] != '\0')
		fprintf(res.re_ok && res.re_applied ? stdout : stderr,
		    "%s%s\n", res.re_ok && res.re_applied ? "" : "ipsecctl: ",
		    res.re_text);
	return res.re_ok && res.re_applied ? 0 : res.re_later ? EX_TEMPFAIL : 1;
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
parse_assertions(const struct options *op, struct policy_errors *errs)
{
	struct assertions av = { 0 };
	bool ok = true;

	for (size_t i = 0; i < op->op_texts.tx_n; i++) {
		const struct policy_text_item *ti = &op->op_texts.tx_v[i];
		struct policy_text text = { ti->ti_name, ti->ti_body, ti->ti_len };

		if (ti->ti_part == POLICY_PART_ASSERT)
			ok = assert_parse(&av, &text, errs) && ok;
	}
	if (ok && op->op_verbose != 0)
		assert_print(&av, stdout);
	assert_free(&av);
	return ok;
}

int
ipsecctl_load(struct options *op)
{
	static struct policy_errors errs;
	struct policy_env env = {
		.env_read = load_read,
		.env_iface = load_iface,
		.env_arg = op,
	};
	struct policy pol;
	bool ok = policy_texts_parse(&op->op_texts, &pol, &env, &errs);
	unsigned flags = op->op_delete ? POLICYCTL_DELETE : 0;
	int rc = 1;

	ok = parse_assertions(op, &errs) && ok;
	if (!ok) {
		print_errors(&errs);
	} else if (!op->op_check && policy_texts_has(&op->op_texts, POLICY_PART_ASSERT)) {
		fputs("ipsecctl: assertions are a part of a revision: ipsecctl commit "
		    "--assert file\n", stderr);
	} else {
		if (op->op_verbose != 0)
			policy_print(&pol, stdout,
			    op->op_keys ? POLICY_PRINT_KEYS : 0);
		rc = op->op_check ? 0 : send_texts(op, flags);
	}
	policy_errors_free(&errs);
	policy_free(&pol);
	return rc;
}

int
ipsecctl_flush(const struct options *op)
{
	return op->op_check ? 0 : send_texts(op, POLICYCTL_FLUSH);
}
