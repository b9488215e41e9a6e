/* SPDX-License-Identifier: ISC */
/*
 * assert.conf(5): from lines to assertions and back, and whether one holds
 * (see assert.h).
 */
#include <stdlib.h>
#include <string.h>

#include "libassert/assert.h"
#include "libassert/expand.h"
#include "libassert/packet.h"
#include "libassert/verdict.h"

static const char *const verdict_names[ASSERT_VERDICTS + 1] = {
	"pass", "block", "clear", "protect", "deliver", NULL
};

static const char *const drop_names[] = {
#define X(name, area, text) #name,
	DROP_REASONS(X)
#undef X
	NULL
};

struct reader {
	struct pool		 rd_tmp;
	struct lexer		 rd_lx;
	struct assertions	*rd_to;
	const struct tok	*rd_end;	/* of the statement */
	/* of the present combination */
	char			*rd_words[EXPAND_PLACES_MAX + 1];
	const struct tok	*rd_toks[EXPAND_PLACES_MAX + 1];
	size_t			 rd_at;
};

/* ---- one assertion ---- */

static const struct tok *
place(const struct reader *rd, size_t at)
{
	return rd->rd_toks[at] != NULL ? rd->rd_toks[at] : rd->rd_end;
}

static bool
take(struct reader *rd, const char *word)
{
	const char *w = rd->rd_words[rd->rd_at];

	if (w == NULL || rd->rd_toks[rd->rd_at]->tk_type != TOK_WORD || strcmp(w, word) != 0)
		return false;
	rd->rd_at++;
	return true;
}

/* A word that fits; NULL after telling. */
static const char *
need(struct reader *rd, const char *what, size_t cap)
{
	const char *w = rd->rd_words[rd->rd_at];

	if (w == NULL) {
		lex_error(&rd->rd_lx, rd->rd_end, "%s expected, but the line ends", what);
		return NULL;
	}
	if (*w == '\0' || strlen(w) >= cap || strpbrk(w, "\"\\") != NULL) {
		lex_error(&rd->rd_lx, place(rd, rd->rd_at), "this is not %s", what);
		return NULL;
	}
	rd->rd_at++;
	return w;
}

static bool
need_copy(struct reader *rd, const char *what, char *to, size_t cap)
{
	const char *w = need(rd, what, cap);

	if (w != NULL)
		memcpy(to, w, strlen(w) + 1);
	return w != NULL;
}

/* -1 after telling, with the nearest word. */
static int
need_of(struct reader *rd, const char *what, const char *const *list)
{
	size_t at = rd->rd_at;
	const char *w = need(rd, what, 64), *near;

	if (w == NULL)
		return -1;
	for (int i = 0; list[i] != NULL; i++)
		if (strcmp(list[i], w) == 0)
			return i;
	near = nearest_word(w, list);
	if (near != NULL)
		lex_error(&rd->rd_lx, place(rd, at), "'%s' is not %s: did you mean '%s'?", w,
		    what, near);
	else
		lex_error(&rd->rd_lx, place(rd, at), "'%s' is not %s", w, what);
	return -1;
}

/* Is there a name, or what follows one? */
static bool
named(const struct tok *tk)
{
	static const char *const follow[] = { "in", "out", "rule", "label", "via", "reason" };

	if (tk == NULL || tk->tk_type == TOK_STRING)
		return tk != NULL;
	for (size_t i = 0; i < sizeof(follow) / sizeof(follow[0]); i++)
		if (strcmp(tk->tk_text, follow[i]) == 0)
			return false;
	return true;
}

static bool
verdict(struct reader *rd, struct assertion *as)
{
	int n = need_of(rd, "an expectation: pass, block, clear, protect or deliver",
	    verdict_names);

	if (n < 0)
		return false;
	as->as_verdict = (enum assert_verdict)n;
	if (n != ASSERT_PROTECT || !named(rd->rd_toks[rd->rd_at]))
		return true;
	return need_copy(rd, "the name of a policy", as->as_entry, sizeof(as->as_entry));
}

static bool
rule(struct reader *rd, struct assertion *as)
{
	const char *w = need(rd, "the number of a rule", 16);
	unsigned long n;
	char *end;

	if (w == NULL)
		return false;
	n = strtoul(w, &end, 10);
	if (*w < '0' || *w > '9' || *end != '\0' || n >= UINT32_MAX) {
		lex_error(&rd->rd_lx, place(rd, rd->rd_at - 1), "'%s' is not the number of a rule",
		    w);
		return false;
	}
	as->as_rule = (uint32_t)n + 1;
	return true;
}

static bool
misplaced(struct reader *rd, size_t at, const char *only)
{
	lex_error(&rd->rd_lx, place(rd, at), "'%s' can stand behind %s only", rd->rd_words[at],
	    only);
	return false;
}

static bool
reason(struct reader *rd, struct assertion *as)
{
	int n;

	if (as->as_verdict != ASSERT_BLOCK)
		return misplaced(rd, rd->rd_at - 1, "block");
	if ((n = need_of(rd, "a reason that netstat -s counts, such as PF_BLOCK",
	    drop_names)) < 0)
		return false;
	(void)snprintf(as->as_reason, sizeof(as->as_reason), "%s", drop_names[n]);
	return true;
}

/* What may stand between the expectation and the packet. */
static bool
conditions(struct reader *rd, struct assertion *as)
{
	for (;;) {
		bool ok = true;

		if (take(rd, "reason"))
			ok = reason(rd, as);
		else if (take(rd, "via"))
			ok = as->as_verdict == ASSERT_PASS || as->as_verdict == ASSERT_CLEAR ?
			    need_copy(rd, "an interface", as->as_via, sizeof(as->as_via)) :
			    misplaced(rd, rd->rd_at - 1, "pass and clear");
		else if (take(rd, "rule"))
			ok = rule(rd, as);
		else if (take(rd, "label"))
			ok = need_copy(rd, "a label", as->as_label, sizeof(as->as_label));
		else
			return true;
		if (!ok)
			return false;
	}
}

/* The described packet, the rest of the words. */
static bool
packet(struct reader *rd, struct assertion *as)
{
	static const char *const words[] = { "in", "out", "reason", "via", "rule", "label", NULL };
	const char *w = rd->rd_words[rd->rd_at];
	char err[200];
	size_t bad;

	if (w == NULL || (strcmp(w, "in") != 0 && strcmp(w, "out") != 0)) {
		const char *near = w == NULL ? NULL : nearest_word(w, words);

		lex_error(&rd->rd_lx, place(rd, rd->rd_at), near != NULL ? "unknown word: did you "
		    "mean '%s'?" : "the packet expected: in on interface, or out", near);
		return false;
	}
	if (!packet_parse(rd->rd_words + rd->rd_at, &as->as_req, NULL, &bad, err, sizeof(err))) {
		lex_error(&rd->rd_lx, place(rd, rd->rd_at + bad), "%s", err);
		return false;
	}
	if (as->as_req.er_off == 0 && (as->as_req.er_flags & EXPLAIN_F_MORE) == 0)
		return true;
	lex_error(&rd->rd_lx, place(rd, rd->rd_at), "a fragment waits for the others, and has no "
	    "verdict of its own");
	return false;
}

static bool
add(struct reader *rd, const struct assertion *as)
{
	struct assertions *av = rd->rd_to;
	struct assertion *v;

	if (av->av_n == ASSERT_MAX) {
		lex_error(&rd->rd_lx, rd->rd_lx.lx_tok, "more than %d assertions", ASSERT_MAX);
		return false;
	}
	if (av->av_n == av->av_cap) {
		size_t cap = av->av_cap == 0 ? 16 : av->av_cap * 2;

		if ((v = reallocarray(av->av_v, cap, sizeof(*v))) == NULL)
			return false;
		av->av_v = v;
		av->av_cap = cap;
	}
	v = &av->av_v[av->av_n];
	*v = *as;
	v->as_line = rd->rd_lx.lx_tok->tk_line;
	if ((v->as_file = strdup(rd->rd_lx.lx_tok->tk_file)) == NULL)
		return false;
	av->av_n++;
	return true;
}

/* ---- statements ---- */

static void
statement_expect(struct reader *rd)
{
	const struct tok *end = rd->rd_lx.lx_tok + rd->rd_lx.lx_n - 1;
	struct expand ex;

	if (!expand_begin(&ex, &rd->rd_lx, ASSERT_LIST_MAX))
		return;
	rd->rd_end = end;
	do {
		struct assertion as = { 0 };

		expand_words(&ex, rd->rd_words, rd->rd_toks);
		rd->rd_at = 0;
		/* one complaint a line */
		if (!verdict(rd, &as) || !conditions(rd, &as) || !packet(rd, &as) ||
		    !add(rd, &as))
			return;
	} while (expand_next(&ex));
}

static void
statement(struct reader *rd)
{
	static const char *const words[] = { "expect", NULL };
	struct lexer *lx = &rd->rd_lx;
	const struct tok *tk = lx->lx_tok;

	if (tk->tk_type == TOK_WORD && tk[1].tk_type == TOK_CHAR && tk[1].tk_char == '=')
		lex_macro_statement(lx);
	else if (tk->tk_type == TOK_WORD && strcmp(tk->tk_text, "expect") == 0)
		statement_expect(rd);
	else if (tk->tk_type == TOK_WORD && strcmp(tk->tk_text, "include") == 0)
		lex_error(lx, tk, "'include' is known to the other files, not to this one");
	else if (tk->tk_type == TOK_WORD && nearest_word(tk->tk_text, words) != NULL)
		lex_error(lx, tk, "unknown statement '%s': did you mean 'expect'?", tk->tk_text);
	else
		lex_error(lx, tk, "'%s': a line begins with expect, or sets a macro",
		    tk->tk_text);
}

bool
assert_parse(struct assertions *av, const struct policy_text *text, struct policy_errors *errs)
{
	struct pool texts = { 0 };
	struct reader *rd = calloc(1, sizeof(*rd));
	bool ok;

	if (rd == NULL)
		return false;
	rd->rd_to = av;
	rd->rd_lx.lx_pool = &texts;
	rd->rd_lx.lx_tmp = &rd->rd_tmp;
	rd->rd_lx.lx_errs = errs;
	lex_open(&rd->rd_lx, text);
	while (lex_statement(&rd->rd_lx))
		statement(rd);
	ok = !rd->rd_lx.lx_bad;
	pool_free(&rd->rd_tmp);
	pool_free(&texts);
	free(rd);
	return ok;
}

void
assert_free(struct assertions *av)
{
	for (size_t i = 0; i < av->av_n; i++)
		free(av->av_v[i].as_file);
	free(av->av_v);
	*av = (struct assertions){ 0 };
}

/* ---- print ---- */

/* without a newline */
static void
assert_print_one(const struct assertion *as, FILE *out)
{
	fprintf(out, "expect %s ", verdict_names[as->as_verdict]);
	if (as->as_entry[0] != '\0')
		fprintf(out, "\"%s\" ", as->as_entry);
	if (as->as_reason[0] != '\0')
		fprintf(out, "reason %s ", as->as_reason);
	if (as->as_via[0] != '\0')
		fprintf(out, "via %s ", as->as_via);
	if (as->as_rule != 0)
		fprintf(out, "rule %u ", as->as_rule - 1);
	if (as->as_label[0] != '\0')
		fprintf(out, "label \"%s\" ", as->as_label);
	packet_print(&as->as_req, out);
}

void
assert_print(const struct assertions *av, FILE *out)
{
	for (size_t i = 0; i < av->av_n; i++) {
		assert_print_one(&av->av_v[i], out);
		fputc('\n', out);
	}
}

/* ---- judgement ---- */

static bool
verdict_holds(const struct assertion *as, const struct explain_info *ei)
{
	switch (as->as_verdict) {
	case ASSERT_PASS:
		return ei->ei_verdict != EXPLAIN_DROPPED;
	case ASSERT_BLOCK:
		return ei->ei_verdict == EXPLAIN_DROPPED && (as->as_reason[0] == '\0' ||
		    strcmp(as->as_reason, ei->ei_drop_name) == 0);
	case ASSERT_CLEAR:
		return ei->ei_verdict == EXPLAIN_FORWARDED;
	case ASSERT_PROTECT:
		return (ei->ei_verdict == EXPLAIN_PROTECTED || ei->ei_verdict == EXPLAIN_HELD) &&
		    (as->as_entry[0] == '\0' || strcmp(as->as_entry, ei->ei_out.ep_name) == 0);
	default:
		return ei->ei_verdict == EXPLAIN_DELIVERED;
	}
}

/* A rule that was asked about the packet itself, and matched, is the one that is named. */
static bool
rule_holds(const struct assertion *as, const struct explain_info *ei)
{
	if (as->as_rule == 0 && as->as_label[0] == '\0')
		return true;
	for (unsigned i = 0; i < ei->ei_nrules && i < EXPLAIN_RULES; i++) {
		const struct explain_rule *r = &ei->ei_rule[i];

		if (r->ex_nr != 0 && !r->ex_outer &&
		    (as->as_rule == 0 || r->ex_nr == as->as_rule) &&
		    (as->as_label[0] == '\0' || strcmp(as->as_label, r->ex_rule.pr_label) == 0))
			return true;
	}
	return false;
}

bool
assert_holds(const struct assertion *as, const struct explain_info *ei)
{
	return verdict_holds(as, ei) && rule_holds(as, ei) &&
	    (as->as_via[0] == '\0' || strcmp(as->as_via, ei->ei_oif) == 0);
}

static void
print_head(const struct assertion *as, FILE *out)
{
	fprintf(out, "%s:%u: ", as->as_file, as->as_line);
	assert_print_one(as, out);
	fputc('\n', out);
}

/* Each line of a text behind a tab. */
static void
print_indented(const char *text, FILE *out)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		fprintf(out, "\t%.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

void
assert_print_failure(const struct assertion *as, const struct explain_info *ei, FILE *out)
{
	char *text = NULL;
	size_t len;
	FILE *stages = open_memstream(&text, &len);

	print_head(as, out);
	if (stages == NULL)
		return;
	verdict_stages(ei, stages);
	verdict_print(ei, stages);
	if (fclose(stages) == 0)
		print_indented(text, out);
	free(text);
}

void
assert_print_untried(const struct assertion *as, const char *why, FILE *out)
{
	print_head(as, out);
	fprintf(out, "\tverdict    none: %s\n", why);
}
