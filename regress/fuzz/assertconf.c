/* SPDX-License-Identifier: ISC */
/*
 * assert.conf(5) from anyone: refused or read, and then printed as what
 * reads to the same.
 */
#include <stdlib.h>
#include <string.h>

#include "libassert/assert.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool
parse(struct assertions *av, const void *body, size_t len)
{
	struct policy_text text = { "fuzz", body, len };
	struct policy_errors errs;
	bool ok;

	memset(&errs, 0, sizeof(errs));
	memset(av, 0, sizeof(*av));
	ok = assert_parse(av, &text, &errs);
	if (ok != (errs.per_n == 0))
		abort();
	policy_errors_free(&errs);
	return ok;
}

/* Assertions as text; the names of files apart, equal ones are the same. */
static char *
print(const struct assertions *av, size_t *n)
{
	struct explain_info ei = { .ei_verdict = EXPLAIN_DROPPED };
	char *text = NULL;
	FILE *out = open_memstream(&text, n);

	assert_print(av, out);
	(void)fclose(out);
	for (size_t i = 0; i < av->av_n; i++)
		(void)assert_holds(&av->av_v[i], &ei);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct assertions av, again;
	char *a, *b;
	size_t an, bn;

	if (parse(&av, data, len)) {
		a = print(&av, &an);
		if (!parse(&again, a, an) || again.av_n != av.av_n)
			abort();
		b = print(&again, &bn);
		if (an != bn || memcmp(a, b, an) != 0)
			abort();
		assert_free(&again);
		free(a);
		free(b);
	}
	assert_free(&av);
	return 0;
}
