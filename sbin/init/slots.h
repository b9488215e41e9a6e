/* SPDX-License-Identifier: ISC */
/*
 * The two slots and the loader's state: /boot/grubenv, GRUB's block of 1024
 * bytes, which begins with a line of its own, holds key=value lines, and is
 * filled with '#'.
 *
 *	slot=a	the good one
 *	boot=b	what is booted next; the loader writes slot's value here before
 *		it boots, so that another slot is tried once
 *
 * The block is written in place, by one write.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include <stdbool.h>
#include <stddef.h>

enum { SLOTS_BLOCK = 1024, SLOTS_VALUE = 64 };

/* A value of the block; false: there is none. */
bool	slots_get(const char block[SLOTS_BLOCK], const char *key,
	    char out[SLOTS_VALUE]);
/* Sets it; false: no room, or what is there is no such block. */
bool	slots_set(char block[SLOTS_BLOCK], const char *key, const char *value);
/* An empty block. */
void	slots_empty(char block[SLOTS_BLOCK]);

/*
 * The file dir/grubenv: reads it, and sets slot and boot (NULL: as it is) by
 * one write. False with *why.
 */
bool	slots_read(const char *dir, char block[SLOTS_BLOCK], const char **why);
bool	slots_write(const char *dir, const char *slot, const char *boot,
	    const char **why);

/* "a" of "ravelin.slot=a" on the kernel's command line; false: not there. */
bool	slots_running(const char *key, char out[SLOTS_VALUE]);

/*
 * One process at a time makes the slots writable and changes them: a
 * descriptor that holds the lock until it is closed; -1: another one does.
 */
int	slots_lock(const char *dir);
/* The partition of the slots, writable or not; true also if it is no mount. */
bool	slots_writable(const char *dir, bool on, const char **why);

#endif
