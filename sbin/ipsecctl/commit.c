/* SPDX-License-Identifier: ISC */
/*
 * ipsecctl commit, confirm, rollback: texts are handed to policyd(8), and
 * parsed here where errors are to be told with their place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "command.h"
#include "libassert/assert.h"
#include "libctl/json.h"
#include "libpolicy/ifaddr.h"
#include "libpf/pf.h"
#include "libpolicy/network.h"

/* ---- parsing ---- */

bool
command_load_pf(void *arg, const char *path, char **text, size_t *len, char *err,
    size_t errlen)
{
	struct policy_texts *tx = arg;
	struct policy_text_item *ti;
	const char *why = "";

	if (!policy_texts_read(tx, POLICY_PART_PF, POLICY_TEXT_INCLUDE, path,
	    &why)) {
		(void)snprintf(err, errlen, "%s", why);
		return false;
	}
	ti = &tx->tx_v[tx->tx_n - 1];
	if ((*text = malloc(ti->ti_len + 1)) == NULL)
		return false;
	memcpy(*text, ti->ti_body, ti->ti_len + 1);
	*len = ti->ti_len;
	return true;
}

/* pf.conf, and what it includes is added. */
static bool
parse_filter(struct policy_texts *tx, size_t i)
{
	struct pf_env env = { .pe_load = command_load_pf, .pe_arg = tx };
	struct policy_text_item ti = tx->tx_v[i];	/* the array may move */
	struct pf_conf pc;
	bool ok = pf_parse(&pc, ti.ti_name, ti.ti_body, ti.ti_len, &env);

	if (!ok)
		fputs(pc.pc_errors != NULL ? pc.pc_errors : "out of memory\n",
		    stderr);
	pf_conf_free(&pc);
	return ok;
}

/* A key that stands sealed is known to policyd; here any will do. */
static bool
pretend_unseal(void *arg, uint64_t id, uint8_t buf[POLICY_KEY_MAX],
    size_t *len)
{
	(void)arg;
	(void)id;
	(void)buf;
	*len = 0;
	return true;
}

static char *
read_named(void *arg, const char *name, bool secret, size_t *len,
    const char **why)
{
	struct command *co = arg;

	return policy_texts_env_disk(&co->co_texts, name, secret, len, why);
}

static size_t
ask_iface(void *arg, const char *name, struct policy_ifaddr *out, size_t max,
    const char **why)
{
	const struct command *co = arg;

	return policy_ifaddrs(co->co_rundir, name, out, max, why);
}

/* The texts that make no policy, but for pf.conf. */
static bool
parse_others(const struct policy_texts *tx, struct policy_errors *errs)
{
	struct assertions av = { 0 };
	struct network ne = { 0 };
	bool ok = true;

	for (size_t i = 0; i < tx->tx_n; i++) {
		const struct policy_text_item *ti = &tx->tx_v[i];
		struct policy_text text = { ti->ti_name, ti->ti_body,
		    ti->ti_len };

		if (ti->ti_part == POLICY_PART_NETWORK)
			ok = network_parse(&ne, &text, errs) && ok;
		else if (ti->ti_part == POLICY_PART_ASSERT)
			ok = assert_parse(&av, &text, errs) && ok;
	}
	network_free(&ne);
	assert_free(&av);
	return ok;
}

static bool
parse_all(struct command *co)
{
	static struct policy_errors errs;
	struct policy_texts *tx = &co->co_texts;
	struct policy_env env = { .env_read = read_named,
	    .env_iface = ask_iface, .env_unseal = pretend_unseal,
	    .env_arg = co };
	struct policy pol;
	size_t given = tx->tx_n;
	bool ok = policy_texts_parse(tx, &pol, &env, &errs);

	policy_free(&pol);
	ok = parse_others(tx, &errs) && ok;
	policy_errors_print(&errs, stderr);
	policy_errors_free(&errs);
	for (size_t i = 0; i < given; i++) {
		if (tx->tx_v[i].ti_part == POLICY_PART_PF)
			ok = parse_filter(tx, i) && ok;
	}
	return ok;
}

/* ---- results ---- */

void
command_json(const struct policyctl_result *res)
{
	json_begin();
	json_bool("committed", res->re_ok);
	json_bool("in_force", res->re_applied);
	json_bool("later", res->re_later);
	json_number("revision", res->re_revision);
	json_string("text", res->re_text);
	json_end();
}

static int
tell(const struct command *co, const struct policyctl_result *res)
{
	bool good = res->re_ok && res->re_applied;

	if (co->co_json) {
		command_json(res);
	} else {
		fprintf(good ? stdout : stderr, "%s%s\n", good ? "" :
		    "ipsecctl: ", res->re_text);
	}
	if (good && co->co_confirm != 0 && !co->co_json)
		printf("it goes back by itself in %u s, unless 'ipsecctl "
		    "confirm' comes\n", co->co_confirm / 1000);
	return good ? 0 : res->re_later ? EX_TEMPFAIL : 1;
}

static struct policyctl *
connect_policyd(const struct command *co)
{
	const char *why = "";
	struct policyctl *pc = policyctl_connect(co->co_rundir, &why);

	if (pc == NULL)
		(void)command_fail("%s", why);
	return pc;
}

/* A base that has been overtaken: what changed since? */
static void
show_stale(struct command *co)
{
	struct policyctl_status ps;
	struct command diff = *co;
	const char *why = "";
	struct policyctl *pc = policyctl_connect(co->co_rundir, &why);
	char number[2][24];
	char *argv[] = { number[0], number[1], NULL };

	if (pc == NULL)
		return;
	if (policyctl_status(pc, &ps, &why) && co->co_base != POLICYCTL_ANY &&
	    ps.ps_committed != co->co_base) {
		(void)snprintf(number[0], sizeof(number[0]), "%llu",
		    (unsigned long long)co->co_base);
		(void)snprintf(number[1], sizeof(number[1]), "%llu",
		    (unsigned long long)ps.ps_committed);
		diff.co_argc = 2;
		diff.co_argv = argv;
		(void)command_diff(&diff);
	}
	policyctl_close(pc);
}

static void
ask(const struct command *co, struct policyctl *pc,
    struct policyctl_result *res)
{
	policyctl_commit(pc, &co->co_texts, co->co_whole ? 0 : POLICYCTL_KEEP,
	    co->co_base, co->co_confirm, co->co_reason, res);
}

/*
 * policyd parses the texts; here that is done first if they name other files,
 * which are sent along then, and afterwards if they are refused, so that
 * errors are told with their place.  False: they have been.
 */
static bool
commit(struct command *co, struct policyctl *pc, struct policyctl_result *res)
{
	size_t given = co->co_texts.tx_n;
	bool whole = policy_texts_whole(&co->co_texts);

	if (whole)
		ask(co, pc, res);
	if (whole && (res->re_ok || res->re_later))
		return true;
	if (!parse_all(co))
		return false;
	if (!whole || co->co_texts.tx_n != given)
		ask(co, pc, res);
	return true;
}

int
command_commit(struct command *co)
{
	struct policyctl_result res;
	struct policyctl_status ps;
	struct policyctl *pc;
	const char *why = "";
	bool parsed;
	int rc;

	if (co->co_texts.tx_n == 0 && !co->co_whole)
		return command_fail("commit what? name files: -f file, or "
		    "--pf, --ipsec, --iked, --network, --assert");
	if (co->co_dry)
		return parse_all(co) ? 0 : 1;
	if ((pc = connect_policyd(co)) == NULL)
		return 1;
	/* the base is what was newest when this command began */
	if (co->co_base == POLICYCTL_ANY && policyctl_status(pc, &ps, &why))
		co->co_base = ps.ps_committed;
	parsed = commit(co, pc, &res);
	policyctl_close(pc);
	if (!parsed)
		return command_fail("nothing committed");
	rc = tell(co, &res);
	if (!res.re_ok && res.re_text[0] != '\0' && !co->co_json &&
	    strstr(res.re_text, "since you began") != NULL)
		show_stale(co);
	return rc;
}

int
command_confirm(struct command *co)
{
	struct policyctl_result res;
	struct policyctl *pc;
	uint64_t rev = 0;

	if (co->co_argc == 1 && !command_number(co->co_argv[0], &rev))
		return 1;
	if ((pc = connect_policyd(co)) == NULL)
		return 1;
	policyctl_confirm(pc, rev, &res);
	policyctl_close(pc);
	return tell(co, &res);
}

/* Without a number: what waits goes back, else the newest but one. */
static bool
default_target(uint64_t *rev)
{
	struct policy_store *st = command_store();
	struct policy_pending pe;
	const char *why = "";
	bool ok;

	if (st == NULL)
		return false;
	ok = policy_store_pending(st, &pe, &why) &&
	    policy_store_latest(st, rev, &why);
	if (!ok)
		(void)command_fail("%s", why);
	else if (pe.pe_revision != 0)
		*rev = pe.pe_back;
	else if (*rev > 1)
		--*rev;
	else {
		(void)command_fail(*rev == 0 ? "there is no revision yet" :
		    "revision 1 is the first: 'ipsecctl rollback 0' goes back "
		    "to nothing");
		ok = false;
	}
	policy_store_close(st);
	return ok;
}

int
command_rollback(struct command *co)
{
	struct policyctl_result res;
	struct policyctl *pc;
	char reason[64];
	uint64_t to;

	if (co->co_argc == 1 ? !command_number(co->co_argv[0], &to) :
	    !default_target(&to))
		return 1;
	(void)snprintf(reason, sizeof(reason), "back to revision %llu",
	    (unsigned long long)to);
	if ((pc = connect_policyd(co)) == NULL)
		return 1;
	policyctl_rollback(pc, to, co->co_confirm, co->co_reason != NULL ?
	    co->co_reason : reason, &res);
	policyctl_close(pc);
	return tell(co, &res);
}
