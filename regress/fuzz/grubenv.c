/* SPDX-License-Identifier: ISC */
/*
 * The loader's block: what is set can be read, and nothing else changes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../sbin/init/slots.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char block[SLOTS_BLOCK], args[SLOTS_VALUE], value[SLOTS_VALUE];
	bool had;

	slots_empty(block);
	if (size > SLOTS_BLOCK)
		return 0;
	if (size != 0)
		memcpy(block, data, size);
	had = slots_get(block, "args", args);
	if (!slots_set(block, "slot", "b"))
		return 0;
	if (!slots_get(block, "slot", value) || strcmp(value, "b") != 0)
		abort();
	if (slots_get(block, "args", value) != had ||
	    (had && strcmp(value, args) != 0))
		abort();
	return 0;
}
