/* SPDX-License-Identifier: ISC */
/*
 * Questions and answers on a terminal, whose own line editing serves.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "libutil/ask.h"

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	(void)fflush(stdout);
}

/* Byte by byte, so that nothing is taken that a child may want to read. */
static bool
read_line(char *out, size_t cap)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	size_t n = 0;
	char c;

	for (;;) {
		if (poll(&pfd, 1, CONSOLE_IDLE * 1000) != 1 ||
		    read(STDIN_FILENO, &c, 1) != 1)
			return false;
		if (c == '\n' || c == '\r')
			break;
		if (n < cap - 1)
			out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

bool
ask(const char *question, const char *suggest, char *out, size_t cap)
{
	if (suggest != NULL)
		(void)printf("%s [%s]: ", question, suggest);
	else
		(void)printf("%s: ", question);
	(void)fflush(stdout);
	if (!read_line(out, cap))
		return false;
	if (out[0] == '\0' && suggest != NULL)
		(void)snprintf(out, cap, "%s", suggest);
	return true;
}

bool
ask_secret(const char *question, char *out, size_t cap)
{
	struct ask_echo ae;
	bool ok;

	ask_echo_off(&ae);
	ok = ask(question, NULL, out, cap);
	ask_echo_on(&ae);
	say("%s", "");
	return ok;
}

bool
ask_word(const char *question, const char *word)
{
	char line[CONSOLE_LINE];

	return ask(question, NULL, line, sizeof(line)) &&
	    strcmp(line, word) == 0;
}
