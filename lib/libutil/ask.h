/* SPDX-License-Identifier: ISC */
/*
 * Asking for secrets: a line of standard input that a terminal does not show.
 */
#ifndef LIBUTIL_ASK_H
#define LIBUTIL_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* Standard input's echo, while it is off. */
struct ask_echo {
	bool		ae_tty;		/* false: no terminal, nothing was changed */
	struct termios	ae_was;
};
void	ask_echo_off(struct ask_echo *);
void	ask_echo_on(const struct ask_echo *);

/*
 * A line into out, without its newline; a terminal is asked the question on
 * standard error.  False: there is none, and out is empty.
 */
bool	ask_hidden(const char *question, char *out, size_t cap);

#endif
