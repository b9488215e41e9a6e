/* SPDX-License-Identifier: ISC */
/*
 * ipsecctl history, show, diff: revisions, read from the store itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "libassert/assert.h"
#include "libctl/json.h"
#include "libpf/pf.h"
#include "libpolicy/network.h"
#include "libutil/udiff.h"
#include "libutil/wrap.h"

/* ---- normal form of a part ---- */

struct unseal {
	struct policy_store	*un_st;
	const char		*un_why;
};

static bool
unseal(void *arg, uint64_t id, uint8_t buf[POLICY_KEY_MAX], size_t *len)
{
	struct unseal *un = arg;

	return policy_secret(un->un_st, id, buf, len, &un->un_why);
}

/* Rules with their keys in clear. */
static bool
print_keys(struct policy_store *st, const char *rules, FILE *out,
    const char **why)
{
	static struct policy_errors errs;
	struct unseal un = { st, "the rules cannot be read" };
	struct policy_env env = { .env_unseal = unseal, .env_arg = &un };
	struct policy_text text = { "store", rules, strlen(rules) };
	struct policy pol;
	bool ok;

	policy_init(&pol);
	ok = policy_parse(&pol, &text, &env, NULL, 0, &errs) &&
	    policy_finish(&pol, &errs);
	if (ok)
		policy_print(&pol, out, POLICY_PRINT_KEYS);
	else
		*why = un.un_why;
	policy_errors_free(&errs);
	policy_free(&pol);
	return ok;
}

static bool
load_stored(void *arg, const char *path, char **text, size_t *len, char *err,
    size_t errlen)
{
	struct policy_text_item *ti = policy_texts_find(arg,
	    POLICY_TEXT_INCLUDE, path);

	if (ti == NULL || (*text = malloc(ti->ti_len + 1)) == NULL) {
		(void)snprintf(err, errlen, "it is not in the store");
		return false;
	}
	memcpy(*text, ti->ti_body, ti->ti_len + 1);
	*len = ti->ti_len;
	return true;
}

static bool
print_filter(struct policy_texts *tx, const struct policy_text_item *ti,
    FILE *out)
{
	struct pf_env env = { .pe_load = load_stored, .pe_arg = tx };
	struct pf_conf pc;
	bool ok = pf_parse(&pc, ti->ti_name, ti->ti_body, ti->ti_len, &env);

	if (ok)
		pf_conf_print(&pc, out);
	pf_conf_free(&pc);
	return ok;
}

static bool
print_network(const struct policy_text_item *ti, FILE *out)
{
	static struct policy_errors errs;
	struct policy_text text = { ti->ti_name, ti->ti_body, ti->ti_len };
	struct network ne = { 0 };
	bool ok = network_parse(&ne, &text, &errs);

	if (ok)
		network_print(&ne, out);
	policy_errors_free(&errs);
	network_free(&ne);
	return ok;
}

static bool
print_assertions(const struct policy_text_item *ti, FILE *out)
{
	static struct policy_errors errs;
	struct policy_text text = { ti->ti_name, ti->ti_body, ti->ti_len };
	struct assertions av = { 0 };
	bool ok = assert_parse(&av, &text, &errs);

	if (ok)
		assert_print(&av, out);
	policy_errors_free(&errs);
	assert_free(&av);
	return ok;
}

static bool
print_texts(struct policy_store *st, uint64_t rev, enum policy_part part,
    FILE *out, const char **why)
{
	struct policy_texts tx = { 0 };
	bool ok = policy_store_texts(st, rev, part, &tx, why);

	for (size_t i = 0; ok && i < tx.tx_n; i++) {
		if (tx.tx_v[i].ti_kind != POLICY_TEXT_MAIN)
			continue;
		ok = part == POLICY_PART_PF ?
		    print_filter(&tx, &tx.tx_v[i], out) :
		    part == POLICY_PART_ASSERT ?
		    print_assertions(&tx.tx_v[i], out) :
		    print_network(&tx.tx_v[i], out);
		if (!ok)
			*why = "a stored text cannot be read";
	}
	policy_texts_free(&tx);
	return ok;
}

char *
command_part(struct policy_store *st, uint64_t rev, enum policy_part part,
    bool keys, const char **why)
{
	char *text = NULL, *rules = NULL;
	size_t len = 0;
	FILE *out;
	bool ok;

	if (rev == 0)
		return strdup("");
	if (part <= POLICY_PART_IKED) {
		rules = policy_store_rules(st, rev, part, why);
		if (rules == NULL || !keys)
			return rules;
	}
	if ((out = open_memstream(&text, &len)) == NULL) {
		free(rules);
		return NULL;
	}
	ok = rules != NULL ? print_keys(st, rules, out, why) :
	    print_texts(st, rev, part, out, why);
	free(rules);
	if (fclose(out) == 0 && ok)
		return text;
	free(text);
	return NULL;
}

/* ---- history ---- */

enum {
	COLUMNS		= 80,
	REASON_AT	= 53	/* the column of the reasons */
};

struct history {
	bool			 hi_json;
	uint64_t		 hi_in_force;
	struct policy_pending	 hi_pending;
};

static void
state(const struct history *hi, uint64_t rev, char *out, size_t cap)
{
	struct policy_pending pe = hi->hi_pending;
	int64_t left;

	out[0] = '\0';
	if (rev == pe.pe_revision) {
		left = policy_pending_left(&pe);
		(void)snprintf(out, cap, "waits %llds",
		    (long long)(left > 0 ? (left + 999) / 1000 : 0));
	} else if (rev == hi->hi_in_force) {
		(void)snprintf(out, cap, "in force");
	}
}

static bool
print_revision(void *arg, const struct policy_revision *pr)
{
	struct history *hi = arg;
	char when[32], what[24], head[120];
	time_t t = (time_t)pr->pr_time;
	struct tm tm;

	(void)localtime_r(&t, &tm);
	state(hi, pr->pr_number, what, sizeof(what));
	if (hi->hi_json) {
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S%z", &tm);
		json_object(NULL);
		json_number("revision", pr->pr_number);
		json_string("time", when);
		json_string("author", pr->pr_author);
		json_string("reason", pr->pr_reason);
		json_bool("in_force", pr->pr_number == hi->hi_in_force);
		json_bool("waits_for_confirm",
		    pr->pr_number == hi->hi_pending.pe_revision);
		json_object_end();
		return true;
	}
	(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	(void)snprintf(head, sizeof(head), "%5llu  %s  %-14.14s  %-10s",
	    (unsigned long long)pr->pr_number, when, pr->pr_author, what);
	wrap_print(stdout, head, pr->pr_reason, REASON_AT, COLUMNS);
	return true;
}

int
command_history(struct command *co)
{
	struct history hi = { .hi_json = co->co_json };
	struct policy_store *st = command_store();
	struct policyctl_status ps = { 0 };
	const char *why = "";
	struct policyctl *pc;
	bool ok;

	if (st == NULL)
		return 1;
	pc = policyctl_connect(co->co_rundir, &why);
	if (pc != NULL && policyctl_status(pc, &ps, &why))
		hi.hi_in_force = ps.ps_applied;
	policyctl_close(pc);
	ok = policy_store_pending(st, &hi.hi_pending, &why);
	if (co->co_json) {
		json_begin();
		json_number("in_force", hi.hi_in_force);
		json_string("problem", ps.ps_text);
		json_array("revisions");
	} else {
		printf("%5s  %-16s  %-14s  %-10s  %s\n", "Rev", "When", "Who",
		    "State", "Why");
	}
	ok = ok && policy_store_history(st, print_revision, &hi, &why);
	if (co->co_json) {
		json_array_end();
		json_end();
	}
	if (pc == NULL)
		fputs("ipsecctl: policyd does not run: nothing is known to be "
		    "in force\n", stderr);
	else if (ps.ps_text[0] != '\0')
		fprintf(stderr, "ipsecctl: %s\n", ps.ps_text);
	if (!ok)
		(void)command_fail("%s", why);	/* the store's own words */
	policy_store_close(st);
	return ok ? 0 : 1;
}

/* ---- show, diff ---- */

bool
command_revision(struct command *co, struct policy_store *st, int i,
    uint64_t less, uint64_t *rev)
{
	const char *why = "";
	struct policy pol;

	if (i < co->co_argc) {
		if (!command_number(co->co_argv[i], rev))
			return false;
	} else if (policy_store_latest(st, rev, &why)) {
		*rev -= *rev >= less ? less : *rev;
	} else {
		(void)command_fail("%s", why);
		return false;
	}
	if (*rev == 0)
		return true;
	if (!policy_store_load(st, *rev, 0, &pol, &why)) {
		(void)command_fail("%s", why);
		return false;
	}
	policy_free(&pol);
	return true;
}

static void
json_part(const char *name, const char *text)
{
	json_string(name, text);
}

static int
show_one(struct command *co, struct policy_store *st, uint64_t rev)
{
	const char *why = "";

	if (co->co_json) {
		json_begin();
		json_number("revision", rev);
	} else {
		printf("### revision %llu\n", (unsigned long long)rev);
	}
	for (unsigned i = 0; i < POLICY_PARTS; i++) {
		enum policy_part part = (enum policy_part)i;
		char *text = command_part(st, rev, part, co->co_keys, &why);

		if (text == NULL)
			return command_fail("%s", why);
		if (co->co_json)
			json_part(policy_part_name(part), text);
		else if (text[0] != '\0')
			printf("### %s\n%s", policy_part_name(part), text);
		explicit_bzero(text, strlen(text));
		free(text);
	}
	if (co->co_json)
		json_end();
	return 0;
}

int
command_show(struct command *co)
{
	struct policy_store *st = command_store();
	uint64_t rev = 0;
	int rc = 1;

	if (st == NULL)
		return 1;
	if (command_revision(co, st, 0, 0, &rev))
		rc = show_one(co, st, rev);
	policy_store_close(st);
	return rc;
}

/* A part's unified difference, a string a line. */
static void
json_diff(const char *part, bool differ, const char *text)
{
	json_object(NULL);
	json_string("part", part);
	json_bool("differs", differ);
	json_lines("lines", text);
	json_object_end();
}

static bool
diff_print(struct command *co, enum policy_part part, char *const text[2],
    char name[2][64])
{
	char *lines = NULL;
	size_t len = 0;
	bool differ = false, ok;
	FILE *out;

	if (!co->co_json)
		return udiff(text[0], text[1], name[0], name[1], stdout, &differ);
	if ((out = open_memstream(&lines, &len)) == NULL)
		return false;
	ok = udiff(text[0], text[1], name[0], name[1], out, &differ);
	if (fclose(out) != 0)
		return false;
	if (ok)
		json_diff(policy_part_name(part), differ, lines);
	explicit_bzero(lines, len);
	free(lines);
	return ok;
}

static int
diff_part(struct command *co, struct policy_store *st, enum policy_part part,
    const uint64_t rev[2])
{
	const char *why = "out of memory";
	char *text[2], name[2][64];
	bool ok;

	for (int i = 0; i < 2; i++) {
		text[i] = command_part(st, rev[i], part, co->co_keys, &why);
		(void)snprintf(name[i], sizeof(name[i]), "%s revision %llu",
		    policy_part_name(part), (unsigned long long)rev[i]);
	}
	ok = text[0] != NULL && text[1] != NULL &&
	    diff_print(co, part, text, name);
	for (int i = 0; i < 2; i++) {
		if (text[i] != NULL)
			explicit_bzero(text[i], strlen(text[i]));
		free(text[i]);
	}
	return ok ? 0 : command_fail("%s", why);
}

int
command_diff(struct command *co)
{
	struct policy_store *st = command_store();
	uint64_t rev[2];
	int rc = 1;

	if (st == NULL)
		return 1;
	/* none: the last change; one: from there to the newest */
	if (command_revision(co, st, 0, 1, &rev[0]) &&
	    command_revision(co, st, 1, 0, &rev[1])) {
		rc = 0;
		if (co->co_json) {
			json_begin();
			json_number("from", rev[0]);
			json_number("to", rev[1]);
			json_array("parts");
		}
		for (unsigned i = 0; rc == 0 && i < POLICY_PARTS; i++)
			rc = diff_part(co, st, (enum policy_part)i, rev);
		if (co->co_json) {
			json_array_end();
			json_end();
		}
	}
	policy_store_close(st);
	return rc;
}
