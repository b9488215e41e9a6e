/* SPDX-License-Identifier: ISC */
/*
 * Complaints about a text: kept with their source line, printed with a
 * caret under the place, and with the nearest keyword where a word is
 * unknown.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/lex.h"
#include "libutil/near.h"

/* The source line at a token, as printable text; NULL without memory. */
static char *
source_line(const struct tok *at)
{
	size_t from = at->tk_off, to = at->tk_off;
	char *line;

	if (at->tk_body == NULL)
		return NULL;
	if (from > at->tk_bodylen)
		from = to = at->tk_bodylen;
	while (from > 0 && at->tk_body[from - 1] != '\n')
		from--;
	while (to < at->tk_bodylen && at->tk_body[to] != '\n')
		to++;
	if (to > from && at->tk_body[to - 1] == '\r')
		to--;
	if ((line = malloc(to - from + 1)) == NULL)
		return NULL;
	for (size_t i = from; i < to; i++) {
		unsigned char c = (unsigned char)at->tk_body[i];

		line[i - from] = c == '\t' || (c >= 0x20 && c != 0x7f) ?
		    (char)c : '?';
	}
	line[to - from] = '\0';
	return line;
}

void
policy_errors_add(struct policy_errors *e, const struct tok *at,
    const char *msg)
{
	struct policy_error *pe;

	if (e->per_n == POLICY_ERRORS_MAX) {
		e->per_more++;
		return;
	}
	pe = &e->per_list[e->per_n++];
	pe->pe_file = strdup(at->tk_file != NULL ? at->tk_file : "policy");
	pe->pe_line = at->tk_line;
	pe->pe_col = at->tk_col;
	pe->pe_msg = strdup(msg);
	pe->pe_source = source_line(at);
}

static void
print_caret(const struct policy_error *pe, FILE *out)
{
	size_t len = strlen(pe->pe_source);

	fprintf(out, "\t%s\n\t", pe->pe_source);
	for (size_t i = 0; i + 1 < pe->pe_col && i < len; i++)
		fputc(pe->pe_source[i] == '\t' ? '\t' : ' ', out);
	fputs("^\n", out);
}

void
policy_errors_print(const struct policy_errors *e, FILE *out)
{
	for (unsigned i = 0; i < e->per_n; i++) {
		const struct policy_error *pe = &e->per_list[i];

		if (pe->pe_line != 0)
			fprintf(out, "%s:%u:%u: %s\n", pe->pe_file,
			    pe->pe_line, pe->pe_col, pe->pe_msg);
		else
			fprintf(out, "%s: %s\n", pe->pe_file, pe->pe_msg);
		if (pe->pe_source != NULL && pe->pe_line != 0)
			print_caret(pe, out);
	}
	if (e->per_more != 0)
		fprintf(out, "%u more errors\n", e->per_more);
}

void
policy_errors_free(struct policy_errors *e)
{
	for (unsigned i = 0; i < e->per_n; i++) {
		struct policy_error *pe = &e->per_list[i];

		free(pe->pe_file);
		free(pe->pe_msg);
		if (pe->pe_source != NULL)
			explicit_bzero(pe->pe_source, strlen(pe->pe_source));
		free(pe->pe_source);
	}
	memset(e, 0, sizeof(*e));
}

const char *
nearest_word(const char *word, const char *const *list)
{
	const char *best = NULL;
	size_t len = strlen(word);
	unsigned least = len <= 3 ? 2 : 3;	/* one more than allowed */

	if (len == 0)
		return NULL;
	for (; *list != NULL; list++) {
		unsigned d = near_distance(word, *list);

		if (d < least && d < strlen(*list)) {
			least = d;
			best = *list;
		}
	}
	return best;
}
