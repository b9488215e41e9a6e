/* SPDX-License-Identifier: ISC */
/*
 * The XDP program, which gives each frame to the AF_XDP socket of the receive
 * queue that it came in on, and drops it if there is none: of an interface
 * that is ours, Linux sees nothing.
 *
 * A program has a map of its own that names the sockets.  Loading them needs
 * CAP_BPF, which netkern gives up; so XDPPROG_MAX are loaded at its start, and
 * that many interfaces can have one.  Attached, a program is held by a
 * descriptor: it goes away with the interface or with the process.
 */
#ifndef DEV_XDPPROG_H
#define DEV_XDPPROG_H

#include <stdbool.h>

#define XDPPROG_MAX	16
#define XDPPROG_QUEUES	64

/* Loads them, and lifts the limit of memory that is pinned; once, while it may. */
void	xdpprog_prepare(void);
/* A program for one interface: its number; or -1 with errno. */
int	xdpprog_take(void);
/* No interface has it any more, and no socket is in its map. */
void	xdpprog_give_back(int prog);
/* Frames of that queue go to that socket, while it is open. 0 or -1 with errno. */
int	xdpprog_queue(int prog, unsigned queue, int fd);
/*
 * Attaches it to the interface, in its driver or, generic, before Linux' own
 * stack: a descriptor, or -1 with errno.
 */
int	xdpprog_attach(int prog, int ifindex, bool generic);

#endif
