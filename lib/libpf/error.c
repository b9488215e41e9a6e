/* SPDX-License-Identifier: ISC */
/*
 * Complaints: where, what, the line, a caret, and the word that may have
 * been meant.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpf/parse.h"
#include "libutil/near.h"

#define LINE_SHOWN	200

static void
append(struct pf_conf *pc, const char *text)
{
	size_t old = pc->pc_errors == NULL ? 0 : strlen(pc->pc_errors), n = strlen(text);
	char *p = realloc(pc->pc_errors, old + n + 1);

	if (p == NULL)
		return;
	memcpy(p + old, text, n + 1);
	pc->pc_errors = p;
}

/* The source line with what is not printable made so, and the caret. */
static void
append_line(struct pf_conf *pc, const struct tok *at)
{
	char line[LINE_SHOWN + 2], caret[LINE_SHOWN + 3];
	const char *s = at->tk_src->so_text + at->tk_linestart;
	unsigned n = 0;

	while (n < LINE_SHOWN && s[n] != '\0' && s[n] != '\n') {
		unsigned char c = (unsigned char)s[n];

		line[n] = (c < ' ' && c != '\t') || c == 0x7f ? '?' : (char)c;
		n++;
	}
	line[n] = '\n';
	line[n + 1] = '\0';
	append(pc, line);
	if (at->tk_col == 0 || at->tk_col > LINE_SHOWN)
		return;
	for (unsigned i = 0; i + 1 < at->tk_col; i++)
		caret[i] = i < n && line[i] == '\t' ? '\t' : ' ';
	memcpy(caret + at->tk_col - 1, "^\n", 3);
	append(pc, caret);
}

void
pfc_complain(struct parser *pr, const struct tok *at, const char *fmt, ...)
{
	struct pf_conf *pc = pr->pr_conf;
	char msg[400], head[800];
	va_list ap;

	pr->pr_failed = true;
	if (++pc->pc_nerrors > PF_ERRORS_MAX) {
		if (pc->pc_nerrors == PF_ERRORS_MAX + 1)
			append(pc, "too many errors\n");
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	(void)snprintf(head, sizeof(head), "%s:%u:%u: %s\n", at->tk_src->so_name,
	    at->tk_line, at->tk_col, msg);
	append(pc, head);
	append_line(pc, at);
}

static const char *
pfc_nearest(const char *word, const char *const *words)
{
	const char *best = NULL;
	unsigned least = strlen(word) < 4 ? 2 : 3;	/* fewer than this */

	for (; *words != NULL; words++) {
		unsigned d = near_distance(word, *words);

		if (d == 0)
			return NULL;	/* a good word in the wrong place */
		if (d < least) {
			least = d;
			best = *words;
		}
	}
	return best;
}

void
pfc_complain_word(struct parser *pr, const struct tok *at, const char *what,
    const char *const *words)
{
	const char *near = at->tk_type == TOK_END ? NULL : pfc_nearest(at->tk_text, words);

	if (at->tk_type == TOK_END)
		pfc_complain(pr, at, "%s: the line ends here", what);
	else if (near != NULL)
		pfc_complain(pr, at, "%s: `%s'; did you mean `%s'?", what, at->tk_text, near);
	else
		pfc_complain(pr, at, "%s: `%s'", what, at->tk_text);
}
