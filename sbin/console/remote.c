/* SPDX-License-Identifier: ISC */
/*
 * The menu over SSH: a terminal that one process has, and the menu that
 * another runs on it.
 *
 *	dropbear - console (admin) ---- console.sock ---- console -l (root)
 *	               |     a descriptor of its terminal     |
 *	               |                                  fork: the menu
 *	               `----------- /dev/pts/N ---------------'
 *
 * admin's console is a shell in name only: it has no right to anything.  It
 * hands its terminal over and waits.  The menu's process makes that its own
 * controlling terminal, so that it hangs up when the connection ends, and
 * asks for the password before anything else.  Tries are counted for all
 * terminals together.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../init/boot.h"
#include "console.h"
#include "libutil/local.h"

#define SOCKET	BOOT_RUN "/console.sock"
#define USER	"admin"

enum {
	SESSIONS_MAX	= 8,
	HELLO_WAIT	= 5000,		/* ms for the descriptor to come */
	TERM_MAX	= 40,
	PTS_MAJOR	= 136,		/* to 143: Unix98 terminals */
	PTS_MAJORS	= 8,
};

/* ---- the side that has the terminal ---- */

static int
connect_menu(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd != -1 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	fprintf(stderr, "console: %s\n", strerror(errno));
	if (fd != -1)
		close(fd);
	return -1;
}

static bool
send_terminal(int fd)
{
	union {
		struct cmsghdr	head;
		char		room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char *term = getenv("TERM");
	struct iovec iov = { .iov_base = term == NULL ? "dumb" : term };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
	int terminal = STDIN_FILENO;

	iov.iov_len = strnlen(iov.iov_base, TERM_MAX);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &terminal, sizeof(int));
	return sendmsg(fd, &msg, MSG_NOSIGNAL) > 0;
}

static void
drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)syscall(SYS_capset, &head, data);
}

int
remote_command(const char *command)
{
	drop_capabilities();
	(void)setenv("RAVELIN_RUN", BOOT_RUN, 1);
	(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	fprintf(stderr, "console: /bin/sh: %s\n", strerror(errno));
	return 127;
}

int
remote_menu(void)
{
	char c;
	int fd;

	drop_capabilities();
	if (!isatty(STDIN_FILENO)) {
		fputs("console: the menu needs a terminal: ssh -t\n", stderr);
		return 1;
	}
	for (int sig = SIGHUP; sig <= SIGQUIT; sig++)
		(void)signal(sig, SIG_IGN);
	(void)signal(SIGTSTP, SIG_IGN);
	if ((fd = connect_menu()) == -1)
		return 1;
	if (!send_terminal(fd)) {
		fprintf(stderr, "console: %s\n", strerror(errno));
		return 1;
	}
	while (recv(fd, &c, 1, 0) > 0)
		continue;
	return 0;
}

/* ---- the side that has the menu ---- */

static bool
is_admin(int fd)
{
	const struct passwd *pw = getpwnam(USER);
	struct ucred who;
	socklen_t len = sizeof(who);

	return pw != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who,
	    &len) == 0 && who.uid == pw->pw_uid;
}

/* The terminal's descriptor, and its kind; -1. */
static int
take_terminal(int fd, char term[TERM_MAX + 1])
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	union {
		struct cmsghdr	head;
		char		room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = term, .iov_len = TERM_MAX };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *cm;
	ssize_t n;
	int terminal = -1;

	if (poll(&pfd, 1, HELLO_WAIT) != 1 ||
	    (n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC)) <= 0)
		return -1;
	term[n] = '\0';
	cm = CMSG_FIRSTHDR(&msg);
	if (cm != NULL && cm->cmsg_level == SOL_SOCKET &&
	    cm->cmsg_type == SCM_RIGHTS &&
	    cm->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&terminal, CMSG_DATA(cm), sizeof(int));
	return terminal;
}

/* One of those that a server of connections makes, and nothing else. */
static bool
is_terminal(int fd)
{
	struct stat sb;

	return fstat(fd, &sb) == 0 && S_ISCHR(sb.st_mode) &&
	    major(sb.st_rdev) >= PTS_MAJOR &&
	    major(sb.st_rdev) < PTS_MAJOR + PTS_MAJORS && isatty(fd);
}

/* In the menu's process: true if its terminal is the other's from now on. */
static bool
take_over(int fd)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+.";
	char term[TERM_MAX + 1];
	int terminal = take_terminal(fd, term);

	if (terminal == -1 || !is_terminal(terminal) || setsid() == -1 ||
	    ioctl(terminal, TIOCSCTTY, 1) == -1)
		return false;
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
		if (dup2(terminal, i) == -1)
			return false;
	}
	close(terminal);
	(void)setenv("TERM", term[strspn(term, good)] == '\0' ? term : "dumb",
	    1);
	return true;
}

/* True in a new process that has a terminal; in this one, false. */
static bool
begin_session(int listener, unsigned *sessions)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	pid_t pid;

	if (fd == -1)
		return false;
	if (*sessions == SESSIONS_MAX || !is_admin(fd)) {
		close(fd);
		return false;
	}
	if ((pid = fork()) == 0) {
		close(listener);
		(void)prctl(PR_SET_PDEATHSIG, SIGHUP, 0, 0, 0);
		if (take_over(fd))
			return true;	/* fd stays open until we end */
		_exit(1);
	}
	*sessions += pid != -1;
	close(fd);
	return false;
}

int
remote_listen(int *log)
{
	int fd = -1, tries = tries_open(NULL);
	unsigned sessions = 0;
	struct pollfd pfd;

	if (local_lock(BOOT_RUN, "console"))
		fd = local_listen(SOCKET, USER);
	*log = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd == -1 || tries == -1)
		exit(1);
	pfd = (struct pollfd){ .fd = fd, .events = POLLIN };
	for (;;) {
		if (poll(&pfd, 1, 1000) == 1 && begin_session(fd, &sessions))
			return tries;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			sessions--;
	}
}
