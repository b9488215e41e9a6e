/* SPDX-License-Identifier: ISC */
/*
 * A line of the log is one line, whatever is in it, and does nothing to a terminal.
 */
#include <string.h>
#include <unistd.h>

#include "libutil/log.h"
#include "test.h"

static const struct {
	const char	*name, *text, *want;
} cases[] = {
	{ "plain", "up, 40% of it %s", "up, 40% of it %s" },
	{ "a forged line", "x\n12:00:00.000 iked: all is well", "x?12:00:00.000 iked: all is well" },
	{ "a carriage return", "x\r12:00", "x?12:00" },
	{ "escapes", "\033[2J\033]0;x\a\177", "?[2J?]0;x??" },
	{ "the same of eight bits, in UTF-8", "a\xc2\x9b" "2Jb", "a??2Jb" },
	{ "alone", "a\x9b" "2J", "a?2J" },
	{ "other UTF-8", "\xc3\xbc \xe2\x82\xac \xf0\x9f\x92\xa5 \xc2\xa0",
	    "\xc3\xbc \xe2\x82\xac \xf0\x9f\x92\xa5 \xc2\xa0" },
	{ "too long for what it is", "\xc0\xbc\xe0\x80\xbc", "?????" },
	{ "cut", "x\xe2\x82", "x??" },
};

/* What stands on standard error, behind time and name. */
static const char *
logged(const char *text)
{
	static char buf[4096];
	int fd[2], was = dup(STDERR_FILENO);
	ssize_t n;

	CU_ASSERT_FATAL(was != -1 && pipe(fd) == 0 &&
	    dup2(fd[1], STDERR_FILENO) != -1);
	log_warn("%s", text);
	(void)dup2(was, STDERR_FILENO);
	(void)close(fd[1]);
	n = read(fd[0], buf, sizeof(buf) - 1);
	(void)close(fd[0]);
	(void)close(was);
	buf[n > 0 ? n : 0] = '\0';
	return strstr(buf, "regress: ") == NULL ? buf : strstr(buf, "regress: ") + 9;
}

static void
lines(void)
{
	char want[256];

	log_init("regress", true, 0);
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		(void)snprintf(want, sizeof(want), "%s\n", cases[i].want);
		TEST_STRING(logged(cases[i].text), want);
	}
}

static void
long_line(void)
{
	char text[3000];
	const char *got;

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	got = logged(text);
	CU_ASSERT_PTR_EQUAL(strchr(got, '\n'), got + strlen(got) - 1);
}

TEST_MAIN(
	TEST("lines", lines),
	TEST("a long line", long_line))
