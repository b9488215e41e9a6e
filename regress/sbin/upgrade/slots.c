/* SPDX-License-Identifier: ISC */
/*
 * The loader's block.
 */
#include "../../../sbin/init/slots.h"
#include "test.h"

static char block[SLOTS_BLOCK], value[SLOTS_VALUE];

static void
set_and_get(void)
{
	slots_empty(block);
	CU_ASSERT_FALSE(slots_get(block, "slot", value));
	CU_ASSERT(slots_set(block, "slot", "a"));
	CU_ASSERT(slots_set(block, "boot", "b"));
	CU_ASSERT(slots_set(block, "slot", "b"));
	CU_ASSERT(slots_get(block, "slot", value));
	TEST_STRING(value, "b");
	CU_ASSERT(slots_get(block, "boot", value));
	TEST_STRING(value, "b");
	CU_ASSERT_FALSE(slots_get(block, "slo", value));
	CU_ASSERT_FALSE(slots_get(block, "slots", value));
	CU_ASSERT_EQUAL(memcmp(block, "# GRUB Environment Block\nboot=b\nslot=b\n"
	    "####", 43), 0);
	CU_ASSERT_EQUAL(block[SLOTS_BLOCK - 1], '#');
}

static void
full(void)
{
	char key[16], before[SLOTS_BLOCK];
	unsigned n = 0;

	slots_empty(block);
	do {
		memcpy(before, block, sizeof(before));
		(void)snprintf(key, sizeof(key), "key%u", n++);
	} while (n < 1000 && slots_set(block, key, "value"));
	CU_ASSERT(n > 50 && n < 1000);
	CU_ASSERT_EQUAL(memcmp(block, before, sizeof(block)), 0);
	CU_ASSERT(slots_set(block, "key1", "v"));	/* shorter than before */
}

static void
garbage(void)
{
	memset(block, 'x', sizeof(block));
	CU_ASSERT_FALSE(slots_get(block, "slot", value));
	CU_ASSERT_FALSE(slots_set(block, "slot", "a"));
	slots_empty(block);
	memset(block + 25, 'x', sizeof(block) - 25);	/* a line without end */
	CU_ASSERT_FALSE(slots_get(block, "x", value));
	CU_ASSERT(slots_set(block, "slot", "a"));
	CU_ASSERT(slots_get(block, "slot", value));
}

TEST_MAIN(
	TEST("set and get", set_and_get),
	TEST("a full block", full),
	TEST("what is no block", garbage))
