/* SPDX-License-Identifier: ISC */
/*
 * Secrets from a terminal (see ask.h).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libutil/ask.h"

void
ask_echo_off(struct ask_echo *ae)
{
	struct termios hidden;

	ae->ae_tty = tcgetattr(STDIN_FILENO, &ae->ae_was) == 0;
	if (!ae->ae_tty)
		return;
	hidden = ae->ae_was;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden);
}

void
ask_echo_on(const struct ask_echo *ae)
{
	if (ae->ae_tty)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &ae->ae_was);
}

bool
ask_hidden(const char *question, char *out, size_t cap)
{
	struct ask_echo ae;
	bool ok;

	ask_echo_off(&ae);
	if (ae.ae_tty)
		fprintf(stderr, "%s: ", question);
	ok = fgets(out, (int)cap, stdin) != NULL;
	ask_echo_on(&ae);
	if (ae.ae_tty)
		fputc('\n', stderr);
	out[ok ? strcspn(out, "\n") : 0] = '\0';
	return ok;
}
