/* SPDX-License-Identifier: ISC */
/*
 * Messages of the kernel: what is taken of them, and how many.
 */
#include "../../../sbin/init/kmsg.h"
#include "test.h"

static char got[4096];
static unsigned lines;

static void
take(void *arg, const char *text, size_t len)
{
	size_t n = strlen(got);

	(void)arg;
	lines++;
	if (n + len + 2 < sizeof(got))
		(void)snprintf(got + n, sizeof(got) - n, "%.*s\n", (int)len,
		    text);
}

static void
give(struct kmsg *km, const char *text, int64_t now)
{
	got[0] = '\0';
	lines = 0;
	kmsg_take(km, text, strlen(text), now, take, NULL);
}

static void
records(void)
{
	static const struct {
		const char *name, *in, *out;
	} cases[] = {
		{ "one", "6,339,5140900,-;NET: registered\n",
		    "NET: registered\n" },
		{ "more flags", "6,339,5140900,c,caller=T1;NET\n", "NET\n" },
		{ "lines about the device are passed over",
		    "4,9,5140900,-;eth0: up\n SUBSYSTEM=net\n DEVICE=n2\n",
		    "eth0: up\n" },
		{ "two", "4,1,5000000,-;a\n4,2,5000000,-;b\n", "a\nb\n" },
		{ "for debugging", "7,339,5140900,-;x\n", "" },
		{ "of a program", "14,339,5140900,-;x\n", "" },
		{ "before init, for information", "6,339,140900,-;x\n", "" },
		{ "before init, a warning", "4,339,140900,-;x\n", "x\n" },
		{ "no text", "4,339,5140900,-;\n", "" },
		{ "no newline", "4,339,5140900,-;cut", "cut\n" },
		{ "no time", "4,339,;x\n", "" },
		{ "no priority", ",339,5140900,-;x\n", "" },
		{ "a priority that is no number", "4x,339,5140900,-;x\n", "" },
		{ "a number without end", "4,339,9999999999999999999999,-;x\n",
		    "" },
		{ "no text at all", "4,339,5140900,-", "" },
		{ "nothing", "\n\n", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kmsg km;

		test_row("%s", cases[i].name);
		kmsg_init(&km, 5000000, 1000);
		give(&km, cases[i].in, 1000);
		TEST_STRING(got, cases[i].out);
	}
}

/* n lines, each other than the one before; how many are taken. */
static unsigned
chatter(struct kmsg *km, unsigned n, int64_t now)
{
	unsigned taken = 0;
	char line[64];

	while (n-- > 0) {
		(void)snprintf(line, sizeof(line), "6,1,9000000,-;line %u\n",
		    n % 2);
		give(km, line, now);
		taken += lines;
	}
	return taken;
}

static void
limits(void)
{
	struct kmsg km;

	kmsg_init(&km, 0, 0);
	CU_ASSERT_EQUAL(chatter(&km, 1000, 0), KMSG_BURST);
	CU_ASSERT_EQUAL(chatter(&km, 1000, KMSG_EACH - 1), 0);
	/* errors are counted apart, and tell what was left out */
	give(&km, "3,1,9000000,-;fire\n", KMSG_EACH - 1);
	TEST_STRING(got, "1900 messages left out\nfire\n");
	give(&km, "2,1,9000000,-;flood\n", KMSG_EACH - 1);
	TEST_STRING(got, "flood\n");
	CU_ASSERT_EQUAL(chatter(&km, 1000, 3 * KMSG_EACH), 3);
	/* a rest saves up no more than a burst */
	give(&km, "6,1,9000000,-;line\n", INT64_C(1000000000));
	TEST_STRING(got, "997 messages left out\nline\n");
	CU_ASSERT_EQUAL(chatter(&km, 1000, INT64_C(1000000000)),
	    KMSG_BURST - 1);
}

static void
again(void)
{
	struct kmsg km;

	kmsg_init(&km, 0, 0);
	give(&km, "6,1,9000000,-;the same\n6,2,9000001,-;the same\n", 0);
	TEST_STRING(got, "the same\n");
	give(&km, "4,3,9000002,-;the same\n SUBSYSTEM=net\n", 0);
	TEST_STRING(got, "");
	give(&km, "6,4,9000003,-;the same one\n", 0);
	TEST_STRING(got, "2 messages left out\nthe same one\n");
	give(&km, "6,5,9000004,-;the same\n", 0);
	TEST_STRING(got, "the same\n");
}

TEST_MAIN(TEST("records", records), TEST("limits", limits),
    TEST("the same again", again))
