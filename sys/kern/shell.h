/* SPDX-License-Identifier: ISC */
/*
 * The shell around the library: what makes of it the program netkern.
 *
 *	main.c		options, start, end
 *	loop.c		the workers' threads
 *	serve.c		the control thread: sockets and their clients
 *	confine.c	privilege
 */
#ifndef KERN_SHELL_H
#define KERN_SHELL_H

#include <signal.h>
#include <sys/types.h>

#include "kern/nk.h"

struct server;

struct shell {
	struct nk		*sh_nk;
	const char		*sh_rundir;
	const char		*sh_user;	/* to become; NULL: stay */
	gid_t			 sh_group;	/* may use netkern.sock; 0: only root */
	int			 sh_cpu[NK_WORKERS_MAX];	/* -1: any */
	int			 sh_sigfd;	/* signalfd: SIGINT, SIGTERM */
	unsigned		 sh_spin_us;	/* a worker without work stays awake so long */
	_Atomic bool		 sh_stop;
	struct server		*sh_server;
};

struct clock_now shell_now(void);

/* One thread a worker. 0 or errno; loop_end() ends those that began. */
int	loop_begin(struct shell *);
void	loop_end(struct shell *);

/* Makes the sockets in sh_rundir. 0, or -1 after a line in the log. */
int	serve_open(struct shell *);
/* The control thread: serves until a signal asks to end. */
void	serve(struct shell *);
void	serve_close(struct shell *);

/*
 * Becomes sh_user but keeps what opening devices needs (CAP_NET_ADMIN,
 * CAP_NET_RAW), for this thread and those it makes later.  0 or -1 with errno.
 */
int	confine_user(const struct shell *);
/* All threads: only the system calls that netkern uses from now on. 0 or -1 with errno. */
int	confine_calls(void);

#endif
