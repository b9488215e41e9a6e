/* SPDX-License-Identifier: ISC */
/*
 * The header of an upgrade file, as it comes, and signed by the right key: as
 * if the key had leaked.  What is taken lies without gaps in the file.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "../../sbin/upgrade/upgrade.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t public[UPGRADE_PUBLIC], secret[UPGRADE_SECRET];
	static const uint8_t seed[crypto_sign_SEEDBYTES] = { 1 };
	uint8_t header[UPGRADE_HEADER] = { 0 }, id[UPGRADE_HEADER];
	const char *why = NULL;
	struct upgrade ug = { 0 };

	(void)crypto_sign_seed_keypair(public, secret, seed);
	memcpy(header, data, size < sizeof(header) ? size : sizeof(header));
	if (upgrade_parse(header, public, &ug, &why))
		abort();
	upgrade_build(&ug, secret, id);		/* for the key's name */
	memcpy(header, id, 18);
	memcpy(header + 440, id + 440, UPGRADE_KEYID);
	(void)crypto_sign_detached(header + UPGRADE_SIGNED, NULL, header,
	    UPGRADE_SIGNED, secret);
	if (!upgrade_parse(header, public, &ug, &why))
		return 0;
	if (ug.ug_part[0].up_off != UPGRADE_HEADER || ug.ug_part[1].up_off !=
	    UPGRADE_HEADER + ug.ug_part[0].up_len || ug.ug_len !=
	    ug.ug_part[1].up_off + ug.ug_part[1].up_len ||
	    ug.ug_len > (uint64_t)3 * UPGRADE_PART_MAX ||
	    strlen(ug.ug_version) == 0 || strlen(ug.ug_machine) == 0)
		abort();
	return 0;
}
