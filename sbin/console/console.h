/* SPDX-License-Identifier: ISC */
/*
 * What the files of console(8) share.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "libauth/auth.h"
#include "libpolicy/network.h"

enum {
	CONSOLE_LINE	= 300,
	CONSOLE_TRIES	= 5,		/* wrong passwords over SSH: hangs up */
	CONSOLE_IDLE	= 15 * 60,	/* seconds without a key: logs out */
};

/* ---- ask.c ---- */

/* Lines of at most 79 columns. */
void	say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * A line without its newline; empty takes what `suggest` says, if it is not
 * NULL.  False: the end of input, or nobody has typed for CONSOLE_IDLE.
 */
bool	ask(const char *question, const char *suggest, char *out, size_t cap);
/* As ask(), but what is typed is not shown. */
bool	ask_secret(const char *question, char *out, size_t cap);
/* Is exactly this word typed? */
bool	ask_word(const char *question, const char *word);

/* ---- show.c ---- */

/* The head of the menu: name, interfaces, policy, tunnels, password. */
void	show_head(void);
/* What stands in the way of traffic, from the cable up. */
void	show_why(void);

/* ---- netedit.c ---- */

/*
 * Gives the interface this address ("10.1.0.1/24") and no other, or none
 * ("none").  False with *why.
 */
bool	netedit_address(struct network *ne, const char *ifname,
	    const char *text, const char **why);
/* The default route, or none ("none"). */
bool	netedit_gateway(struct network *ne, const char *text,
	    const char **why);
/* As they are now: "10.1.0.1/24", "none". */
void	netedit_show_address(const struct network *ne, const char *ifname,
	    char *out, size_t cap);
void	netedit_show_gateway(const struct network *ne, char *out, size_t cap);
/* network.conf of the newest revision. False with *why. */
bool	netedit_read(struct network *ne, const char **why);

/* ---- manage.c ---- */

/* Menus of SSH and of the clock. */
void	do_ssh(void);
void	do_clock(void);

/* ---- tries.c ---- */

/*
 * A descriptor of the file that counts wrong passwords: path, or, if that is
 * NULL or cannot be had, one in memory for this process and those forked from
 * it.  -1: none.
 */
int	tries_open(const char *path);
/* As auth_lock_try() and auth_lock_passed(); what cannot be counted waits. */
int64_t	tries_try(int fd, int64_t now);
void	tries_passed(int fd);

/* ---- remote.c ---- */

/*
 * console -l: listens, and returns in a new process for each terminal that
 * comes over SSH, which is then standard input, output and error; *log is a
 * descriptor of what was standard error.  The tries of all are counted in
 * what it returns (tries_open()).
 */
int	remote_listen(int *log);
/* As admin: the menu on this terminal, or a command. The exit status. */
int	remote_menu(void);
int	remote_command(const char *command);

#endif
