/* SPDX-License-Identifier: ISC */
/*
 * What the files of init(8) share: the folders of the appliance, and the
 * tasks of its start.
 *
 * A task runs in a process of its own, logs to standard error, one line a
 * message, and returns the status that its process exits with.  A line that
 * begins with "! " goes to the consoles too.
 */
#ifndef BOOT_H
#define BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#define BOOT_RUN	"/run/ravelin"
#define BOOT_DATA	"/data"
#define BOOT_ETC	BOOT_DATA "/etc"
#define BOOT_DB		BOOT_DATA "/db/policy.db"
#define BOOT_LOG	BOOT_DATA "/log/messages"
#define BOOT_SLOTS	"/boot"
#define BOOT_SEED	BOOT_RUN "/seed.conf"	/* a seed that is to be applied */
#define BOOT_NICS	BOOT_RUN "/nics"	/* the cards' names with that seed */
#define BOOT_FIRST	BOOT_RUN "/first.conf"	/* the first policy */
#define BOOT_WEB	"/run/ravelin-web"	/* state of the web pages */
#define INIT_SOCKET	BOOT_RUN "/init.sock"

int	task_modules(void);		/* modules.c */
int	task_data(void);		/* data.c */
int	task_clock(void);		/* clock.c */
int	task_entropy(void);		/* entropy.c */
int	task_keys(void);		/* keys.c */
int	task_web_key(void);
int	task_nics(void);		/* nics.c */
int	task_seed(void);		/* policy.c: finds the seed */
int	task_policy(void);		/* ... and puts it, or the first policy, in force */
int	task_ready(void);
int	task_keep(void);		/* keep.c: a daemon */
int	task_ssh(void);			/* ssh.c: a daemon */
int	task_ntp(void);			/* ntp.c: a daemon */

/* The time is kept for the next start. */
void	clock_save(void);		/* clock.c */

/*
 * The next start formats the data partition; what is on it is lost.  False
 * with *why.
 */
bool	data_give_up(const char **why);	/* data.c */

/* ---- small things (file.c) ---- */

/* "! " + text + newline to standard error: on the consoles too. */
void	loud(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	quiet(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The whole file, at most max bytes, malloc'd and terminated; NULL with errno. */
char	*file_read(const char *path, size_t max, size_t *len);
/* A new file is written, synced and renamed over the old. False with errno. */
bool	file_replace(const char *path, const void *body, size_t len,
	    mode_t mode);
/*
 * `to` becomes as `from` is: a copy, mode 0600, or gone.  Nothing is written
 * if it is so already.  False with errno.
 */
bool	file_follow(const char *from, const char *to);
/* Are both the same, or neither there? */
bool	file_same(const char *a, const char *b);
/* The folder and those above it. */
void	folders_make(const char *path, mode_t mode);
/* The first line of a small file without its newline; false: no such file. */
bool	file_line(const char *path, char *out, size_t cap);
/* A value of "key=value" lines, such as uevent files and /etc/release. */
bool	file_value(const char *path, const char *key, char *out, size_t cap);
/* Is something mounted there? */
bool	mounted(const char *path);

/* Runs a program, its output to ours, and waits: its status of wait(2); -1. */
int	run_program(const char *const argv[]);
/*
 * Runs a program and takes its standard output, at most max bytes: malloc'd
 * and terminated; NULL if it cannot be started or says more.  *status is that
 * of wait(2).
 */
char	*run_capture(const char *const argv[], size_t max, size_t *len,
	    int *status);

/*
 * What `ipsecctl show` prints of the newest revision, malloc'd; NULL: it
 * cannot be read.
 */
char	*revision_text(size_t *len);

enum { GENERATION_HEX = 65 };

/*
 * SHA-256, in hexadecimal, of what the newest revision says, keys included,
 * without its number: equal policies have equal hashes.  *revision is its
 * number.  False: it cannot be read.
 */
bool	generation(char hex[GENERATION_HEX], unsigned long long *revision);

/* ---- the processes ---- */

/* Boots, runs and stops everything; returns a enum super_how. */
int	supervisor(void);		/* supervisor.c */
/* init as a command: talks to the supervisor. */
int	client(int argc, char **argv);	/* client.c */

#endif
