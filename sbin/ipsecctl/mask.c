/* SPDX-License-Identifier: ISC */
/*
 * Stars instead of keys (see mask.h).
 */
#include <stddef.h>
#include <string.h>

#include "mask.h"

/* Replaces what stands behind a keyword for a key, up to its end. */
static void
mask_after(char *text, const char *word)
{
	size_t n = strlen(word);

	for (char *p = text; (p = strstr(p, word)) != NULL;) {
		size_t len;

		p += n;
		len = *p == '"' ? strcspn(p + 1, "\"\n") + 1 :
		    strcspn(p, " \n");
		len += p[0] == '"' && p[len] == '"';
		memset(p, '*', len > 8 ? 8 : len);
		if (len > 8)
			memmove(p + 8, p + len, strlen(p + len) + 1);
	}
}

void
mask_keys(char *text)
{
	static const char *const words[] = { " psk ", " authkey ", " enckey ",
	    " authkey file ", " enckey file " };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		mask_after(text, words[i]);
}
