/* SPDX-License-Identifier: ISC */
/*
 * The assertions part of ipsecctl check: policyd(8) tries them, as a commit
 * would, and commits nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "libctl/json.h"
#include "trial.h"

static bool
any_assertions(const struct command *co, struct policy_store *st, uint64_t base)
{
	struct policy_texts tx = { 0 };
	const char *why;
	bool any;

	if (policy_texts_has(&co->co_texts, POLICY_PART_ASSERT))
		return true;
	any = st != NULL && base != 0 && policy_store_texts(st, base, POLICY_PART_ASSERT, &tx,
	    &why) && policy_texts_has(&tx, POLICY_PART_ASSERT);
	policy_texts_free(&tx);
	return any;
}

/* What policyd takes: rules of the store have been added to what was given. */
static bool
given_texts(const struct command *co, struct policy_texts *to)
{
	const struct policy_texts *tx = &co->co_texts;
	bool ok = true;

	for (size_t i = 0; ok && i < tx->tx_n; i++) {
		const struct policy_text_item *ti = &tx->tx_v[i];

		if (ti->ti_kind != POLICY_TEXT_RULES && !ti->ti_kept)
			ok = policy_texts_add_part(to, ti->ti_part, ti->ti_kind, ti->ti_name,
			    ti->ti_body, ti->ti_len);
	}
	return ok;
}

void
trial_ask(struct command *co, struct policy_store *st, uint64_t base, struct trial *tr)
{
	struct policy_texts tx = { 0 };
	const char *why = "";
	struct policyctl *pc;

	memset(tr, 0, sizeof(*tr));
	if (!any_assertions(co, st, base)) {
		tr->tr_hold = true;
		(void)snprintf(tr->tr_result.re_text, sizeof(tr->tr_result.re_text),
		    "there are no assertions");
		return;
	}
	if ((pc = policyctl_connect(co->co_rundir, &why)) == NULL) {
		(void)snprintf(tr->tr_result.re_text, sizeof(tr->tr_result.re_text),
		    "the assertions were not tried: %s", why);
		return;
	}
	if (given_texts(co, &tx))
		policyctl_commit(pc, &tx, POLICYCTL_DRY | POLICYCTL_KEEP, POLICYCTL_ANY, 0, NULL,
		    &tr->tr_result);
	tr->tr_hold = tr->tr_result.re_checked;
	policyctl_close(pc);
	policy_texts_free(&tx);
}

void
trial_print(const struct trial *tr)
{
	const char *text = tr->tr_result.re_text;
	size_t n = strlen(text);

	if (tr->tr_hold && strcmp(text, "there are no assertions") == 0)
		return;
	fprintf(tr->tr_hold ? stdout : stderr, "%s%s%s", tr->tr_hold ? "" : "ipsecctl: ", text,
	    n != 0 && text[n - 1] == '\n' ? "" : "\n");
}

/* "FILE:LINE: expect ...", as two members and the rest; other lines as a whole. */
static void
json_failure(char *line)
{
	char *at = strstr(line, ": expect "), *colon = at;

	while (colon != NULL && colon > line && colon[-1] >= '0' && colon[-1] <= '9')
		colon--;
	if (colon == NULL || colon == at || colon == line || colon[-1] != ':') {
		json_string("expectation", line);
		return;
	}
	colon[-1] = *at = '\0';
	json_string("file", line);
	json_number("line", strtoul(colon, NULL, 10));
	json_string("expectation", at + 2);
}

/* A line, cut off; NULL at the end. */
static char *
cut(char **text)
{
	char *line = *text;

	if (*line == '\0')
		return NULL;
	*text += strcspn(line, "\n");
	if (**text == '\n')
		*(*text)++ = '\0';
	return line;
}

/* Failures, each with the lines behind a tab that follow it. */
static void
json_failures(char *text)
{
	char *line = cut(&text);	/* which says how many there are */

	while (line != NULL && (line = cut(&text)) != NULL) {
		json_object(NULL);
		json_failure(line);
		json_array("stages");
		while (*text == '\t')
			json_string(NULL, cut(&text) + 1);
		json_array_end();
		json_object_end();
	}
}

void
trial_json(const struct trial *tr)
{
	char *text = strdup(tr->tr_result.re_text);

	json_object("assertions");
	json_bool("hold", tr->tr_hold);
	json_string("text", tr->tr_result.re_text);
	json_array("failures");
	if (!tr->tr_hold && text != NULL)
		json_failures(text);
	json_array_end();
	json_object_end();
	free(text);
}
