/* SPDX-License-Identifier: ISC */
/*
 * The log: whole lines in the ring, files that are capped, no control
 * characters.
 */
#include <sys/stat.h>

#include "../../../sbin/init/logring.h"
#include "test.h"

static char path[300];

static char *
contents(const char *suffix)
{
	static char buf[8192];
	char name[320];
	size_t n;
	FILE *f;

	(void)snprintf(name, sizeof(name), "%s%s", path, suffix);
	if ((f = fopen(name, "r")) == NULL)
		return NULL;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

static void
add(struct logring *lr, const char *text)
{
	(void)logring_add(lr, 0, "x", text, strlen(text));
}

static void
ring(void)
{
	struct logring lr;
	size_t len;
	char *text;

	CU_ASSERT(logring_init(&lr, 100));
	add(&lr, "one");
	add(&lr, "two");
	text = logring_text(&lr, &len);
	TEST_STRING(text, "1970-01-01T00:00:00Z x: one\n"
	    "1970-01-01T00:00:00Z x: two\n");
	free(text);
	for (unsigned i = 0; i < 50; i++) {
		char n[8];

		(void)snprintf(n, sizeof(n), "%u", i);
		add(&lr, n);
	}
	text = logring_text(&lr, &len);		/* whole lines only */
	TEST_STRING(text, "1970-01-01T00:00:00Z x: 47\n"
	    "1970-01-01T00:00:00Z x: 48\n1970-01-01T00:00:00Z x: 49\n");
	free(text);
	logring_free(&lr);
}

static void
printable(void)
{
	struct logring lr;

	CU_ASSERT(logring_init(&lr, 5000));
	TEST_STRING(logring_add(&lr, 0, "x", "a\033[2Jb\177\tc", 9),
	    "1970-01-01T00:00:00Z x: a?[2Jb?\tc\n");
	logring_free(&lr);
}

static void
long_lines(void)
{
	static char big[5000];
	struct logring lr;
	const char *line;

	memset(big, 'z', sizeof(big));
	CU_ASSERT(logring_init(&lr, 5000));
	line = logring_add(&lr, 0, "x", big, sizeof(big));
	CU_ASSERT_EQUAL(strlen(line), LOGRING_LINE);
	CU_ASSERT_EQUAL(line[LOGRING_LINE - 1], '\n');
	logring_free(&lr);
}

static void
file(void)
{
	struct logring lr;
	struct stat sb;

	(void)snprintf(path, sizeof(path), "%s/log", getenv("TMPDIR"));
	CU_ASSERT(logring_init(&lr, 4096));
	add(&lr, "early");
	CU_ASSERT(logring_open(&lr, path, 100, 2));
	add(&lr, "late");
	TEST_STRING(contents(""), "1970-01-01T00:00:00Z x: early\n"
	    "1970-01-01T00:00:00Z x: late\n");
	CU_ASSERT(stat(path, &sb) == 0 && (sb.st_mode & 0777) == 0600);
	for (unsigned i = 0; i < 20; i++) {
		char n[8];

		(void)snprintf(n, sizeof(n), "%u", i);
		add(&lr, n);
	}
	TEST_STRING(contents(""), "1970-01-01T00:00:00Z x: 19\n");
	CU_ASSERT(strstr(contents(".1"), " x: 17\n") != NULL);
	CU_ASSERT(strstr(contents(".2"), " x: 14\n") != NULL);
	CU_ASSERT_PTR_NULL(contents(".3"));
	CU_ASSERT_EQUAL(lr.lr_lost, 0);
	logring_free(&lr);
	/* what a former run has left is gone on with */
	CU_ASSERT(logring_init(&lr, 4096));
	CU_ASSERT(logring_open(&lr, path, 100, 2));
	add(&lr, "20");
	TEST_STRING(contents(""), "1970-01-01T00:00:00Z x: 19\n"
	    "1970-01-01T00:00:00Z x: 20\n");
	logring_free(&lr);
}

static void
no_disk(void)
{
	struct logring lr;

	CU_ASSERT(logring_init(&lr, 4096));
	CU_ASSERT_FALSE(logring_open(&lr, "/nonexistent/log", 100, 2));
	add(&lr, "in memory");
	CU_ASSERT(logring_open(&lr, "/dev/full", 1000000, 0));
	CU_ASSERT_EQUAL(lr.lr_lost, 1);
	add(&lr, "lost");
	CU_ASSERT_EQUAL(lr.lr_lost, 2);
	logring_free(&lr);
}

static void
bodies(void)
{
	static const struct {
		const char *line, *body;
	} cases[] = {
		{ "12:34:56.789 iked: up", "up" },
		{ "12:34:56.789 iked.ike: up", "iked.ike: up" },
		{ "12:34:56.789 ", "" },
		{ "12:34:56,789 iked: up", "12:34:56,789 iked: up" },
		{ "up", "up" },
		{ "", "" },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		size_t len = strlen(cases[i].line);
		const char *body;

		test_row("'%s'", cases[i].line);
		body = logring_body(cases[i].line, &len, "iked");
		CU_ASSERT_EQUAL(len, strlen(cases[i].body));
		CU_ASSERT_EQUAL(memcmp(body, cases[i].body, len), 0);
	}
}

TEST_MAIN(
	TEST("the ring holds whole lines", ring),
	TEST("control characters", printable),
	TEST("long lines are cut", long_lines),
	TEST("files are renamed when full", file),
	TEST("a disk that fails costs lines only", no_disk),
	TEST("prefixes of our programs", bodies))
