/* SPDX-License-Identifier: ISC */
/*
 * A backup's entries, as if the passphrase were known, and its file as it
 * comes, with a digest that fits: what is found lies within the bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "../../sbin/backup/backup.h"
#include "libutil/sha256.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
entries(const uint8_t *data, size_t size)
{
	struct backup bk;

	if (!backup_parse(&bk, data, size))
		return;
	for (size_t i = 0; i < bk.bk_n; i++) {
		const struct backup_entry *be = &bk.bk_entry[i];

		if (be->be_body < data || be->be_body + be->be_len >
		    data + size || be->be_name[0] == '\0')
			abort();
	}
}

/* The bytes as each of the files that a backup holds. */
static void
files(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "etc/hostname", "etc/passwd",
	    "etc/nics", "etc/ssh.keys", "etc/ntp", "tls/web.pem" };
	struct backup_entry be = { .be_body = data, .be_len = size };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memcpy(be.be_name, names[i], strlen(names[i]) + 1);
		(void)backup_entry_good(&be);
	}
}

static void
file(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + BACKUP_DIGEST);
	struct bytes out;
	const char *why = NULL;

	memcpy(copy, data, size);
	/* what argon2 would cost is not this harness's to pay */
	if (size > 32)
		memset(copy + 20, 0, 12);
	sha256(copy, size, copy + size);
	if (backup_open(copy, size + BACKUP_DIGEST, "x", &out, &why) ||
	    why == NULL)
		abort();
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	entries(data, size);
	files(data, size);
	if (size != 0)
		file(data, size);
	return 0;
}
