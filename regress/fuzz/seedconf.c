/* SPDX-License-Identifier: ISC */
/*
 * seed.conf(5): statements and parts; what its parts parse to is the business
 * of other harnesses.  What is found lies within the text.
 */
#include <stdlib.h>

#include "libseed/seed.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seed sd;
	struct policy_errors errs = { 0 };
	struct policy_texts tx = { 0 };
	struct policy_text text = { "seed.conf", (const char *)data, size };
	bool ok = seed_parse(&sd, &text, &errs);

	must(ok == (errs.per_n == 0));
	must(sd.sd_nnics <= SEED_NICS_MAX);
	for (unsigned i = 0; i < POLICY_PARTS; i++) {
		const struct seed_part *sp = &sd.sd_part[i];

		must(!sp->sp_there || sp->sp_len == 0 ||
		    (sp->sp_body >= text.tx_body && sp->sp_body + sp->sp_len <=
		    text.tx_body + size));
	}
	must(seed_texts(&sd, &tx));
	policy_texts_free(&tx);
	policy_errors_free(&errs);
	return 0;
}
