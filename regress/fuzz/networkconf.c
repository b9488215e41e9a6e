/* SPDX-License-Identifier: ISC */
/*
 * network.conf(5) from anyone: refused or read, and then printed as what
 * reads to the same; a plan from it to itself changes no address or device.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/network.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char *
print(const struct network *ne, size_t *n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, n);

	network_print(ne, out);
	(void)fclose(out);
	return text;
}

static bool
parse(struct network *ne, const void *body, size_t len)
{
	struct policy_text text = { "fuzz", body, len };
	struct policy_errors errs;
	bool ok;

	memset(&errs, 0, sizeof(errs));
	memset(ne, 0, sizeof(*ne));
	ok = network_parse(ne, &text, &errs);
	if (ok != (errs.per_n == 0))
		abort();
	policy_errors_free(&errs);
	return ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct network_plan np = { 0 };
	struct network ne, again;
	char *a, *b;
	size_t an, bn;

	if (parse(&ne, data, len)) {
		a = print(&ne, &an);
		if (!parse(&again, a, an))
			abort();
		b = print(&again, &bn);
		if (an != bn || memcmp(a, b, an) != 0)
			abort();
		network_plan_ifs(&np, &again, ne.ne_if, ne.ne_nifs);
		if (np.np_n != 0)
			abort();
		network_plan_routes(&np, &again, NULL, 0);
		network_plan_free(&np);
		network_free(&again);
		free(a);
		free(b);
	}
	network_free(&ne);
	return 0;
}
