/* SPDX-License-Identifier: ISC */
/*
 * Records of maint.sock, as the role of the web pages could send them to root:
 * what is taken is bounded, plain, and builds the same record again.
 */
#include <stdlib.h>
#include <string.h>

#include "libctl/maint.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
plain(const char *text, size_t cap)
{
	size_t n = strnlen(text, cap);

	if (n == cap)
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct maint_request mq;
	static uint8_t again[MAINT_RECORD];
	size_t n;

	if (!maint_parse(&mq, data, size))
		return 0;
	if (mq.mq_kind >= MAINT_KINDS || mq.mq_command >= MAINT_COMMANDS ||
	    mq.mq_confirm > MAINT_CONFIRM)
		abort();
	plain(mq.mq_id, sizeof(mq.mq_id));
	plain(mq.mq_user, sizeof(mq.mq_user));
	plain(mq.mq_password, sizeof(mq.mq_password));
	plain(mq.mq_passphrase, sizeof(mq.mq_passphrase));
	plain(mq.mq_reason, sizeof(mq.mq_reason));
	if (strchr(mq.mq_user, '/') != NULL || strchr(mq.mq_id, '/') != NULL)
		abort();
	n = maint_build(&mq, again, sizeof(again));
	if (n != size || memcmp(again, data, n) != 0)
		abort();
	return 0;
}
