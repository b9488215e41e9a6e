/* SPDX-License-Identifier: ISC */
/*
 * Every drop reason and counter has an area, a name and a text that fit the
 * control socket's structures, and no two are told apart only by number.
 */
#include "test.h"

#include "kern/counter.h"
#include "kern/ctl.h"
#include "kern/drop.h"

static void
fits(const char *area, const char *name, const char *text)
{
	CU_ASSERT_TRUE(area[0] != '\0' && name[0] != '\0' && text[0] != '\0');
	CU_ASSERT_TRUE(strlen(area) < sizeof(((struct ctl_counter *)0)->cc_area));
	CU_ASSERT_TRUE(strlen(name) < sizeof(((struct ctl_counter *)0)->cc_name));
	CU_ASSERT_TRUE(strlen(text) < sizeof(((struct ctl_counter *)0)->cc_text));
}

static void
drops(void)
{
	for (unsigned i = DROP_NONE + 1; i < DROP_MAX; i++) {
		fits(drop_area(i), drop_name(i), drop_text(i));
		for (unsigned j = DROP_NONE + 1; j < i; j++)
			if (strcmp(drop_area(i), drop_area(j)) == 0 &&
			    strcmp(drop_text(i), drop_text(j)) == 0)
				CU_FAIL("two reasons with one text");
	}
	TEST_STRING(drop_area(DROP_ESP_BADAUTH), "esp");
	TEST_STRING(drop_name(DROP_ESP_BADAUTH), "ESP_BADAUTH");
	TEST_STRING(drop_text(DROP_ESP_BADAUTH), "integrity check failed");
}

static void
counters(void)
{
	for (unsigned i = 0; i < CNT_MAX; i++)
		fits(counter_area(i), counter_name(i), counter_text(i));
	TEST_STRING(counter_name(CNT_HANDOVER), "HANDOVER");
}

TEST_MAIN(
	TEST("drops", drops),
	TEST("counters", counters))
