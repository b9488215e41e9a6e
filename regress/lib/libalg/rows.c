/* SPDX-License-Identifier: ISC */
/*
 * Prints the rows of the algorithm table that can be used, as libalg(3)
 * lists them: word, name or number, what for.
 */
#include <stdio.h>

#include "libalg/alg.h"

int
main(void)
{
	for (size_t i = 0; i < ALG_ROWS; i++) {
		const struct alg *a = &alg_table[i];
		unsigned use = a->al_flags & (ALG_IKE | ALG_ESP);

		if (use == 0)
			continue;
		printf(".It %s Ta ", a->al_name);
		if (a->al_kind == ALG_DH)
			printf("%u", a->al_ike_id);
		else
			printf("%s", a->al_iana);
		printf(" Ta %s%s\n", use == ALG_IKE ? "IKE" :
		    use == ALG_ESP ? "ESP" : "IKE ESP",
		    a->al_flags & ALG_WEAK ? ", weak" : "");
	}
	return 0;
}
