/* SPDX-License-Identifier: ISC */
/*
 * Public keys of SSH: what is taken can be printed and read again, and is the
 * same key.
 */
#include <stdlib.h>
#include <string.h>

#include "libseed/sshkey.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[SSHKEY_LINE];
	struct sshkey one, two;
	const char *why = NULL;

	if (size >= sizeof(line))
		return 0;
	if (size != 0)
		memcpy(line, data, size);
	line[size] = '\0';
	if (!sshkey_parse(&one, line, &why)) {
		if (why == NULL)
			abort();
		return 0;
	}
	sshkey_print(one.sk_kind, one.sk_blob, one.sk_len, one.sk_comment,
	    line);
	if (!sshkey_parse(&two, line, &why) || one.sk_len != two.sk_len ||
	    memcmp(one.sk_blob, two.sk_blob, one.sk_len) != 0 ||
	    strcmp(one.sk_finger, two.sk_finger) != 0)
		abort();
	return 0;
}
