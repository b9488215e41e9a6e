/* SPDX-License-Identifier: ISC */
/*
 * Messages of the Linux kernel, from /dev/kmsg, for the log.
 *
 * A record is "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT" and a newline;
 * lines behind it that begin with a blank say more about the device, and are
 * passed over, as is what programs have written there (a facility other than
 * 0).  Of what the kernel said before init began, only warnings and worse
 * are taken; after that all but what is for debugging.
 *
 * A kernel that chatters must not push everything else out of the log: there
 * are KMSG_BURST lines, one more each KMSG_EACH ms, and as many apart from
 * these for errors and worse.  A line that says the same as the one before is
 * left out.  How many were left out is told with the next.
 */
#ifndef KMSG_H
#define KMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KMSG_BURST	= 100,
	KMSG_EACH	= 10000,
	KMSG_ERROR	= 3,		/* <linux/kern_levels.h> */
	KMSG_WARNING	= 4,
	KMSG_INFO	= 6,
	KMSG_RECORD	= 8192,		/* bytes of one record at most */
	KMSG_SAME	= 160,		/* that make a line the same */
};

struct kmsg {
	int64_t		km_began;	/* us of the kernel's clock: when init began */
	struct kmsg_left {
		unsigned	kl_n;	/* lines that may come */
		int64_t		kl_since;	/* ms; one more each KMSG_EACH from here */
	} km_left[2];			/* others, errors */
	unsigned	km_omitted;
	char		km_last[KMSG_SAME];	/* the line before, cut to fit */
	size_t		km_last_n;
};

void	kmsg_init(struct kmsg *km, int64_t began_us, int64_t now);
/*
 * Records as they were read; each line that is to be logged is handed to
 * fn.  now: ms of a clock that only goes forward.
 */
void	kmsg_take(struct kmsg *km, const char *buf, size_t n, int64_t now,
	    void (*fn)(void *arg, const char *text, size_t len), void *arg);

#endif
