/* SPDX-License-Identifier: ISC */
/*
 * Keys that every router has of its own, made at the first start: the
 * machine key of the policy store (libpolicy/seal.h).
 */
#include "boot.h"
#include "libpolicy/seal.h"

int
task_keys(void)
{
	const char *why = "";
	struct seal se;

	if (!seal_init(&se, BOOT_DB, true, &why)) {
		loud("no machine key: %s", why);
		return 1;
	}
	seal_wipe(&se);
	return 0;
}
