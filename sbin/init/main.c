/* SPDX-License-Identifier: ISC */
/*
 * init(8): process 1.
 *
 * All that can go wrong is done by its child, the supervisor; this process
 * waits for children, its own and those that lost their parent, and starts
 * the supervisor again if it should die: with everything else killed before,
 * so that nothing is forwarded in between and the start is a whole one.  It
 * allocates nothing and reads nothing.  It never returns, and ends only by
 * reboot(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>

#include "boot.h"
#include "super.h"

enum { KILL_WAIT = 500 };	/* looks, 10 ms apart: no process waits longer */

static volatile pid_t child;

/* Ctrl-Alt-Del, power failure: the supervisor knows what to do. */
static void
pass_on(int sig)
{
	if (child > 0)
		(void)kill(child, sig);
}

static void
say(const char *text)
{
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK);

	if (fd == -1)
		return;
	if (write(fd, text, strlen(text)) == -1) {
		close(fd);
		return;
	}
	close(fd);
}

static void
signals(void)
{
	struct sigaction sa = { .sa_handler = pass_on };

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGPWR, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGHUP, &sa, NULL);
	(void)sigaction(SIGPIPE, &sa, NULL);
	(void)reboot(RB_DISABLE_CAD);
}

/* The supervisor's exit status; SUPER_RUN if it has died. */
static int
run_supervisor(void)
{
	int status = 0;
	pid_t pid = fork(), ended;

	if (pid == 0)
		_exit(supervisor());
	if (pid == -1)
		return SUPER_RUN;
	child = pid;
	while ((ended = wait(&status)) != pid) {
		if (ended == -1 && errno == ECHILD)
			break;
	}
	child = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : SUPER_RUN;
}

static void
kill_all(void)
{
	(void)kill(-1, SIGTERM);
	(void)usleep(300 * 1000);
	(void)kill(-1, SIGKILL);
	/* one that still ends holds its files: /data could not be unmounted */
	for (unsigned i = 0; i < KILL_WAIT; i++) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid == -1 && errno == ECHILD)
			break;
		if (pid <= 0)
			(void)usleep(10 * 1000);
	}
}

static _Noreturn void
leave(int how)
{
	kill_all();
	sync();
	(void)umount2(BOOT_DATA, 0);
	(void)umount2(BOOT_SLOTS, 0);
	(void)mount(NULL, BOOT_DATA, NULL, MS_REMOUNT | MS_RDONLY, NULL);
	sync();
	for (;;) {
		(void)reboot(how == SUPER_POWEROFF ? RB_POWER_OFF :
		    how == SUPER_HALT ? RB_HALT_SYSTEM : RB_AUTOBOOT);
		(void)sleep(1);
	}
}

int
main(int argc, char **argv)
{
	int how;

	if (getpid() != 1)
		return client(argc, argv);
	signals();
	for (;;) {
		how = run_supervisor();
		if (how == SUPER_REBOOT || how == SUPER_POWEROFF ||
		    how == SUPER_HALT)
			leave(how);
		say("\r\nravelin: the supervisor has died: "
		    "everything starts again\r\n");
		kill_all();
		(void)sleep(1);
	}
}
