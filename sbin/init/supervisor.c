/* SPDX-License-Identifier: ISC */
/*
 * The process that starts, watches and stops everything: the shell around
 * super.h.
 *
 * Each unit is a process of its own whose standard output and error come
 * back through a pipe, line by line, into the log (logring.h).  Who is
 * allowed to asks over init.sock: one record with words, answered by
 * records of text.  Nothing here waits for anybody but in poll(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "boot.h"
#include "clock.h"
#include "kmsg.h"
#include "libutil/utf8.h"
#include "logring.h"
#include "super.h"
#include "watchdog.h"

enum {
	CONSOLES_MAX	= 4,
	ASKERS_MAX	= 8,
	UNIT_NETKERN	= 7,		/* in defs[] and programs[] */
	UNITS_FIXED	= 13,
	RING_BYTES	= 512 << 10,
	FILE_BYTES	= 1 << 20,
	FILE_KEEP	= 4,
	REQUEST_MAX	= 1024,
	WORKERS_MAX	= 4,
	WORKER_MB	= 200,		/* all of its packets and states in use */
	OTHERS_MB	= 128,
};

struct program {
	int		(*pr_task)(void);
	const char	*pr_argv[8];	/* of a daemon */
	const char	*pr_socket;	/* it answers here, in the run directory */
	const char	*pr_tty;	/* it has this terminal and no pipe */
	const char	*pr_user;	/* becomes this user, group _ravelin */
	bool		 pr_password;	/* not before a password is set */
};

struct child {
	pid_t	ch_pid;			/* 0 none */
	int	ch_fd;			/* its output; -1 */
	size_t	ch_n;
	char	ch_line[LOGRING_LINE];
};

struct supervisor {
	struct super	 sv_super;
	struct unit_def	 sv_def[SUPER_UNITS_MAX];
	struct program	 sv_program[SUPER_UNITS_MAX];
	struct child	 sv_child[SUPER_UNITS_MAX];
	size_t		 sv_n;
	char		 sv_tty[CONSOLES_MAX][40];
	char		 sv_ttyname[CONSOLES_MAX][48];
	size_t		 sv_ttys;
	char		 sv_workers[8];
	struct logring	 sv_log;
	struct kmsg	 sv_kmsg;
	int		 sv_kernel;		/* /dev/kmsg; -1 */
	struct watchdog	 sv_watchdog;
	int		 sv_sigfd, sv_listen;
	int		 sv_asker[ASKERS_MAX];	/* -1 */
	bool		 sv_ended;
};

/*
 * The order of the start; rc(8) tells it.  A daemon's argument vector is its
 * own; with RAVELIN_RUN and RAVELIN_DB in the environment all find each other.
 */
static const struct unit_def defs[UNITS_FIXED] = {
	{ .ud_name = "modules", .ud_patience = 60000 },
	{ .ud_name = "data", .ud_patience = 900000, .ud_after = "modules" },
	{ .ud_name = "clock", .ud_after = "data", .ud_patience = 60000 },
	{ .ud_name = "entropy", .ud_after = "data" },
	{ .ud_name = "keys", .ud_after = "clock entropy", .ud_patience = 60000 },
	{ .ud_name = "seed", .ud_after = "data", .ud_patience = 60000 },
	{ .ud_name = "nics", .ud_after = "seed", .ud_patience = 60000 },
	{ .ud_name = "netkern", .ud_kind = UNIT_DAEMON,
	    .ud_after = "entropy nics", .ud_patience = 60000 },
	{ .ud_name = "policyd", .ud_kind = UNIT_DAEMON,
	    .ud_after = "keys netkern", .ud_patience = 120000 },
	{ .ud_name = "policy", .ud_after = "policyd", .ud_patience = 120000 },
	{ .ud_name = "iked", .ud_kind = UNIT_DAEMON, .ud_after = "policy",
	    .ud_patience = 120000 },
	{ .ud_name = "ready", .ud_after = "iked" },
	{ .ud_name = "keep", .ud_kind = UNIT_DAEMON, .ud_after = "data",
	    .ud_flags = UNIT_APART },
};

static const struct program programs[UNITS_FIXED] = {
	{ .pr_task = task_modules },
	{ .pr_task = task_data },
	{ .pr_task = task_clock },
	{ .pr_task = task_entropy },
	{ .pr_task = task_keys },
	{ .pr_task = task_seed },
	{ .pr_task = task_nics },
	{ .pr_argv = { "netkern", "-d", "-P" }, .pr_socket = "netkern.sock" },
	{ .pr_argv = { "policyd", "-d" }, .pr_socket = "policy.sock" },
	{ .pr_task = task_policy },
	{ .pr_argv = { "iked", "-d" }, .pr_socket = "iked.sock" },
	{ .pr_task = task_ready },
	{ .pr_task = task_keep },
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + 1;
}

/* ---- the log ---- */

/* On every console, without waiting for one that does not take it. */
static void
on_consoles(struct supervisor *sv, const char *text, size_t len)
{
	char line[LOGRING_LINE + 16];
	int n = snprintf(line, sizeof(line), "\rravelin: %.*s\r\n", (int)len,
	    text);

	for (size_t i = 0; i < sv->sv_ttys; i++) {
		int fd = open(sv->sv_tty[i],
		    O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

		if (fd == -1)
			continue;
		if (write(fd, line, (size_t)n) == -1)
			sv->sv_log.lr_lost++;
		close(fd);
	}
}

static void
log_line(struct supervisor *sv, const char *name, const char *text, size_t len)
{
	bool on = len > 2 && memcmp(text, "! ", 2) == 0;

	if (on) {
		text += 2;
		len -= 2;
	}
	text = logring_body(text, &len, name);
	(void)logring_add(&sv->sv_log, time(NULL), name, text, len);
	if (on)
		on_consoles(sv, text, len);
}

static void
log_text(struct supervisor *sv, bool on, const char *text)
{
	(void)logring_add(&sv->sv_log, time(NULL), "init", text, strlen(text));
	if (on)
		on_consoles(sv, text, strlen(text));
}

/* The log's file, once there is a disk to have it on. */
static void
log_open(struct supervisor *sv)
{
	const struct group *gr = getgrnam("_ravelin");

	/* the web pages show its end */
	sv->sv_log.lr_readers = gr != NULL ? gr->gr_gid : 0;
	if (gr != NULL && (chown(BOOT_DATA "/log", 0, gr->gr_gid) == -1 ||
	    chmod(BOOT_DATA "/log", 0750) == -1))
		log_text(sv, false, "members of _ravelin cannot read the log");
	if (!logring_open(&sv->sv_log, BOOT_LOG, FILE_BYTES, FILE_KEEP))
		log_text(sv, true, "the log has no file: it is in memory only");
}

static void
kernel_line(void *arg, const char *text, size_t len)
{
	struct supervisor *sv = arg;

	(void)logring_add(&sv->sv_log, time(NULL), "kernel", text, len);
}

/* What the kernel has said; not more than a turn's worth. */
static void
kernel_read(struct supervisor *sv)
{
	char buf[KMSG_RECORD];
	ssize_t n;

	for (unsigned turn = 0; turn < 64; turn++) {
		n = read(sv->sv_kernel, buf, sizeof(buf));
		if (n > 0) {
			kmsg_take(&sv->sv_kmsg, buf, (size_t)n, now_ms(),
			    kernel_line, sv);
		} else if (n == -1 && errno == EPIPE) {
			sv->sv_kmsg.km_omitted++;	/* overtaken by others */
		} else {
			if (n == 0) {
				close(sv->sv_kernel);
				sv->sv_kernel = -1;
			}
			return;
		}
	}
}

static void
kernel_open(struct supervisor *sv)
{
	struct timespec up = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &up);
	kmsg_init(&sv->sv_kmsg, (int64_t)up.tv_sec * 1000000, now_ms());
	sv->sv_kernel = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/* All drivers are there now. */
static void
watchdog_begin(struct supervisor *sv)
{
	char text[WATCHDOG_TEXT];

	watchdog_open(&sv->sv_watchdog, text);
	log_text(sv, false, text);
}

/* What it tells of may be a stranger's, such as a seed.conf on a stick. */
static void
make_plain(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\t')
			text[i] = ' ';
	utf8_line(text, n);
}

/* What a child writes, cut into lines. */
static void
child_output(struct supervisor *sv, size_t i, const char *p, size_t n)
{
	struct child *ch = &sv->sv_child[i];

	for (size_t k = 0; k < n; k++) {
		if (p[k] != '\n' && ch->ch_n < sizeof(ch->ch_line)) {
			ch->ch_line[ch->ch_n++] = p[k];
			if (ch->ch_n < sizeof(ch->ch_line))
				continue;
		}
		make_plain(ch->ch_line, ch->ch_n);
		if (ch->ch_n != 0)
			log_line(sv, sv->sv_def[i].ud_name, ch->ch_line,
			    ch->ch_n);
		ch->ch_n = 0;
	}
}

static void
child_read(struct supervisor *sv, size_t i)
{
	struct child *ch = &sv->sv_child[i];
	char buf[4096];
	ssize_t n;

	/* a child that never stops writing gets no more than its turn */
	for (unsigned turn = 0; turn < 16; turn++) {
		n = read(ch->ch_fd, buf, sizeof(buf));
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close(ch->ch_fd);
			ch->ch_fd = -1;
			child_output(sv, i, "\n", 1);
			return;
		}
		child_output(sv, i, buf, (size_t)n);
	}
}

/* ---- processes ---- */

static void
child_signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool
child_streams(const struct program *pr, int out)
{
	int in = open(pr->pr_tty != NULL ? pr->pr_tty : "/dev/null",
	    O_RDWR | O_NOCTTY);

	if (in == -1)
		return false;
	if (pr->pr_tty != NULL) {
		(void)ioctl(in, TIOCSCTTY, 1);
		out = in;
	}
	if (dup2(in, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1 ||
	    dup2(out, STDERR_FILENO) == -1)
		return false;
	if (in > STDERR_FILENO)
		close(in);
	return true;
}

/* Waits, if it must, until there is a user who could log in. */
static void
child_wait(const struct program *pr)
{
	struct stat sb;

	if (!pr->pr_password || (stat(BOOT_ETC "/passwd", &sb) == 0 &&
	    sb.st_size != 0))
		return;
	fprintf(stderr, "waits until a password is set\n");
	while (stat(BOOT_ETC "/passwd", &sb) == -1 || sb.st_size == 0)
		(void)poll(NULL, 0, 500);
}

static bool
child_become(const struct program *pr)
{
	const struct passwd *pw;
	const struct group *gr = getgrnam("_ravelin");
	gid_t gid;

	if (pr->pr_user == NULL)
		return true;
	if ((pw = getpwnam(pr->pr_user)) == NULL) {
		fprintf(stderr, "! there is no user %s\n", pr->pr_user);
		return false;
	}
	gid = gr != NULL ? gr->gr_gid : pw->pw_gid;
	return setgroups(1, &gid) == 0 && setresgid(gid, gid, gid) == 0 &&
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0;
}

static _Noreturn void
child_run(const struct program *pr, int out)
{
	char *argv[10] = { NULL };

	child_signals();
	(void)setsid();
	if (!child_streams(pr, out))
		_exit(126);
	/* a task is no new program: it would keep who asks, and the timer, open */
	(void)syscall(SYS_close_range, 3U, ~0U, 0U);
	child_wait(pr);
	if (!child_become(pr))
		_exit(126);
	if (pr->pr_task != NULL) {
		setvbuf(stderr, NULL, _IOLBF, 0);
		exit(pr->pr_task());
	}
	for (size_t i = 0; pr->pr_argv[i] != NULL; i++)
		argv[i] = strdup(pr->pr_argv[i]);
	execvp(argv[0], argv);
	fprintf(stderr, "! %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static bool
spawn(struct supervisor *sv, unsigned i)
{
	struct child *ch = &sv->sv_child[i];
	int fds[2];

	if (ch->ch_fd != -1) {		/* a grandchild holds the last pipe */
		close(ch->ch_fd);
		ch->ch_fd = -1;
	}
	ch->ch_n = 0;
	if (pipe2(fds, O_CLOEXEC) == -1)
		return false;
	/* who has become another user may still open its /proc/self/fd/2 */
	(void)fchmod(fds[1], 0622);
	ch->ch_pid = fork();
	if (ch->ch_pid == 0)
		child_run(&sv->sv_program[i], fds[1]);
	close(fds[1]);
	if (ch->ch_pid == -1) {
		ch->ch_pid = 0;
		close(fds[0]);
		return false;
	}
	ch->ch_fd = fds[0];
	(void)fcntl(ch->ch_fd, F_SETFL, O_NONBLOCK);
	return true;
}

static bool
answers(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	bool ok;

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", BOOT_RUN,
	    name);
	ok = fd != -1 && connect(fd, (struct sockaddr *)&sun,
	    sizeof(sun)) == 0;
	if (fd != -1)
		close(fd);
	return ok;
}

static void
signal_child(struct supervisor *sv, unsigned i, int sig)
{
	if (sv->sv_child[i].ch_pid > 0)
		(void)kill(sv->sv_child[i].ch_pid, sig);
}

/* Carries out what the state machine has decided. */
static void
act(struct supervisor *sv)
{
	struct super_action sa;

	while (super_next(&sv->sv_super, &sa)) {
		const struct program *pr = &sv->sv_program[sa.sa_unit];

		switch (sa.sa_act) {
		case ACT_SPAWN:
			super_spawned(&sv->sv_super, sa.sa_unit,
			    spawn(sv, sa.sa_unit), now_ms());
			break;
		case ACT_PROBE:
			if (pr->pr_socket == NULL || answers(pr->pr_socket))
				super_answered(&sv->sv_super, sa.sa_unit,
				    now_ms());
			break;
		case ACT_TERM:
			signal_child(sv, sa.sa_unit, SIGTERM);
			break;
		case ACT_KILL:
			signal_child(sv, sa.sa_unit, SIGKILL);
			break;
		case ACT_LOG:
			log_text(sv, sa.sa_loud, sa.sa_text);
			break;
		case ACT_END:
			sv->sv_ended = true;
			break;
		case ACT_NONE:
			break;
		}
	}
}

static void
reap(struct supervisor *sv)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < sv->sv_n; i++) {
			struct child *ch = &sv->sv_child[i];

			if (ch->ch_pid != pid)
				continue;
			ch->ch_pid = 0;
			/* what is left of it would be in its successor's way */
			(void)kill(-pid, SIGKILL);
			if (ch->ch_fd != -1)
				child_read(sv, i);
			if (strcmp(sv->sv_def[i].ud_name, "modules") == 0)
				watchdog_begin(sv);
			if (strcmp(sv->sv_def[i].ud_name, "data") == 0)
				log_open(sv);
			super_exited(&sv->sv_super, i, status, now_ms());
		}
	}
}

/* ---- init.sock ---- */

static void
listen_open(struct supervisor *sv)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX,
	    .sun_path = INIT_SOCKET };

	(void)unlink(INIT_SOCKET);
	sv->sv_listen = socket(AF_UNIX,
	    SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sv->sv_listen == -1 || bind(sv->sv_listen,
	    (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    chmod(INIT_SOCKET, 0600) == -1 || listen(sv->sv_listen, 8) == -1)
		log_text(sv, true, "no control socket");
}

static void say(int, const char *, ...) __attribute__((format(printf, 2, 3)));

static void
say(int fd, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		return;		/* the asker has gone, or does not read */
}

static void
say_status(const struct supervisor *sv, int fd)
{
	const struct super *su = &sv->sv_super;
	int64_t now = now_ms();

	for (unsigned i = 0; i < su->su_n; i++) {
		const struct unit *un = &su->su_unit[i];

		say(fd, "%-12s %-13s %7lld s  starts %u  %s\n",
		    un->un_def->ud_name,
		    un->un_def->ud_kind == UNIT_TASK &&
		    un->un_state == UNIT_READY ? (un->un_failed ? "failed" :
		    "done") : unit_state_name(un->un_state),
		    (long long)(now - un->un_since) / 1000, un->un_starts,
		    un->un_last);
	}
	if (su->su_healthy == -1)
		say(fd, "healthy      no\n");
	else
		say(fd, "healthy      %lld s\n",
		    (long long)(now - su->su_healthy) / 1000);
}

/* In a process of its own, as the asker may read slowly. */
static void
say_log(const struct supervisor *sv, int fd)
{
	size_t len, n;
	char *text, *p;

	if (fork() != 0)
		return;
	text = p = logring_text(&sv->sv_log, &len);
	(void)fcntl(fd, F_SETFL, 0);
	for (; text != NULL && len != 0; p += n, len -= n) {
		n = len < 16384 ? len : 16384;
		if (send(fd, p, n, MSG_NOSIGNAL) == -1)
			break;
	}
	_exit(0);
}

static void
stop(struct supervisor *sv, int fd, enum super_how how)
{
	say(fd, "stopping\n");
	super_stop(&sv->sv_super, how, now_ms());
}

static void
request(struct supervisor *sv, int fd, char *line)
{
	char *verb = strsep(&line, " "), *name;
	int unit;

	if (strcmp(verb, "status") == 0) {
		say_status(sv, fd);
	} else if (strcmp(verb, "log") == 0) {
		say_log(sv, fd);
	} else if (strcmp(verb, "reboot") == 0) {
		stop(sv, fd, SUPER_REBOOT);
	} else if (strcmp(verb, "poweroff") == 0) {
		stop(sv, fd, SUPER_POWEROFF);
	} else if (strcmp(verb, "halt") == 0) {
		stop(sv, fd, SUPER_HALT);
	} else if (strcmp(verb, "say") == 0 && line != NULL) {
		name = strsep(&line, " ");
		if (line != NULL)
			log_line(sv, name, line, strlen(line));
	} else if (strcmp(verb, "restart") == 0 && line != NULL &&
	    (unit = super_unit(&sv->sv_super, line)) != -1) {
		super_again(&sv->sv_super, (unsigned)unit, now_ms());
		say(fd, "%s: starts again\n", line);
	} else {
		say(fd, "? not known\n");
	}
}

static void
asker_read(struct supervisor *sv, int *slot)
{
	char line[REQUEST_MAX + 1];
	ssize_t n = recv(*slot, line, REQUEST_MAX, MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n > 0) {
		line[n] = '\0';
		request(sv, *slot, line);
	}
	close(*slot);
	*slot = -1;
}

static void
asker_accept(struct supervisor *sv)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	int fd = accept4(sv->sv_listen, NULL, NULL,
	    SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd == -1)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	    who.uid == 0) {
		for (size_t i = 0; i < ASKERS_MAX; i++) {
			if (sv->sv_asker[i] == -1) {
				sv->sv_asker[i] = fd;
				return;
			}
		}
	}
	close(fd);
}

/* ---- begin ---- */

static void
mount_kernel(void)
{
	static const struct {
		const char *type, *path, *options;
		unsigned long flags;
	} list[] = {
		{ "proc", "/proc", NULL, MS_NODEV | MS_NOSUID | MS_NOEXEC },
		{ "sysfs", "/sys", NULL, MS_NODEV | MS_NOSUID | MS_NOEXEC },
		{ "devtmpfs", "/dev", "mode=0755", MS_NOSUID | MS_NOEXEC },
		{ "devpts", "/dev/pts", "mode=0620,ptmxmode=0666",
		    MS_NOSUID | MS_NOEXEC },
		{ "tmpfs", "/run", "mode=0755,size=32m",
		    MS_NODEV | MS_NOSUID | MS_NOEXEC },
		{ "tmpfs", "/tmp", "mode=1777,size=32m",
		    MS_NODEV | MS_NOSUID | MS_NOEXEC },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		(void)mkdir(list[i].path, 0755);
		if (!mounted(list[i].path))
			(void)mount(list[i].type, list[i].path, list[i].type,
			    list[i].flags, list[i].options);
	}
	folders_make(BOOT_RUN, 0755);
	(void)mkdir(BOOT_DATA, 0755);
	(void)mkdir(BOOT_SLOTS, 0755);
	/* what is not on another file system stays as it was shipped */
	(void)mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

/* Each terminal that the kernel has for a console gets a menu. */
static void
find_consoles(struct supervisor *sv)
{
	char names[256], *next = names, *name;
	const char *given = getenv("consoles");

	if (given != NULL)
		(void)snprintf(names, sizeof(names), "%s", given);
	else if (!file_line("/sys/class/tty/console/active", names,
	    sizeof(names)))
		return;
	while ((name = strsep(&next, " ,")) != NULL &&
	    sv->sv_ttys < CONSOLES_MAX) {
		/* tty0 is whichever screen is shown: the menu has the first */
		(void)snprintf(sv->sv_tty[sv->sv_ttys], sizeof(sv->sv_tty[0]),
		    "/dev/%.30s", strcmp(name, "tty0") == 0 ? "tty1" : name);
		if (name[0] != '\0' &&
		    access(sv->sv_tty[sv->sv_ttys], R_OK | W_OK) == 0)
			sv->sv_ttys++;
	}
}

static void
add_consoles(struct supervisor *sv)
{
	for (size_t i = 0; i < sv->sv_ttys; i++) {
		struct unit_def *ud = &sv->sv_def[sv->sv_n];
		struct program *pr = &sv->sv_program[sv->sv_n++];

		(void)snprintf(sv->sv_ttyname[i], sizeof(sv->sv_ttyname[i]),
		    "console-%s", sv->sv_tty[i] + strlen("/dev/"));
		*ud = (struct unit_def){ .ud_name = sv->sv_ttyname[i],
		    .ud_kind = UNIT_DAEMON, .ud_flags = UNIT_APART,
		    .ud_after = "ready", .ud_latest = 45000 };
		*pr = (struct program){ .pr_argv = { "console" },
		    .pr_tty = sv->sv_tty[i] };
	}
}

/* The web pages, if the image has them. */
static void
add_web(struct supervisor *sv)
{
	static const struct unit_def more[] = {
		{ .ud_name = "web-key", .ud_after = "keys policy",
		    .ud_patience = 60000, .ud_flags = UNIT_MUST },
		{ .ud_name = "web-collect", .ud_kind = UNIT_DAEMON,
		    .ud_after = "web-key" },
		{ .ud_name = "web-maint", .ud_kind = UNIT_DAEMON,
		    .ud_after = "web-key", .ud_patience = 60000 },
		{ .ud_name = "web", .ud_kind = UNIT_DAEMON,
		    .ud_after = "web-key" },
	};
	static const struct program what[] = {
		{ .pr_task = task_web_key },
		{ .pr_argv = { "webadmin", "-c" }, .pr_user = "_web" },
		{ .pr_argv = { "maintd" }, .pr_socket = "maint.sock" },
		{ .pr_argv = { "lighttpd", "-D", "-f", "/etc/lighttpd.conf" },
		    .pr_password = true },
	};

	if (access("/sbin/webadmin", X_OK) == -1 ||
	    access("/sbin/lighttpd", X_OK) == -1)
		return;
	(void)setenv("RAVELIN_WEB_STATE", BOOT_WEB, 1);
	(void)setenv("RAVELIN_PASSWD", BOOT_ETC "/passwd", 1);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		sv->sv_def[sv->sv_n] = more[i];
		sv->sv_program[sv->sv_n++] = what[i];
	}
}

/* SSH and the client of time servers, if the image has them. */
static void
add_management(struct supervisor *sv)
{
	static const struct {
		const char *path;
		struct unit_def def;
		struct program what;
	} list[] = {
		{ "/sbin/dropbear", { .ud_name = "ssh", .ud_kind = UNIT_DAEMON,
		    .ud_flags = UNIT_APART, .ud_after = "keys policy" },
		    { .pr_task = task_ssh } },
		{ "/sbin/ntpd", { .ud_name = "ntp", .ud_kind = UNIT_DAEMON,
		    .ud_flags = UNIT_APART, .ud_after = "policy" },
		    { .pr_task = task_ntp } },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (access(list[i].path, X_OK) == -1)
			continue;
		sv->sv_def[sv->sv_n] = list[i].def;
		sv->sv_program[sv->sv_n++] = list[i].what;
	}
}

/*
 * One worker for each processor, up to WORKERS_MAX, where there is memory for
 * all that they can hold; members of _ravelin may look.
 */
static void
netkern_options(struct supervisor *sv)
{
	struct program *pr = &sv->sv_program[UNIT_NETKERN];
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	long mb = sysconf(_SC_PHYS_PAGES) / 256;
	size_t i = 3;

	if (getgrnam("_ravelin") != NULL) {
		pr->pr_argv[i++] = "-g";
		pr->pr_argv[i++] = "_ravelin";
	}
	if (n > WORKERS_MAX)
		n = WORKERS_MAX;
	if (n > (mb - OTHERS_MB) / WORKER_MB)
		n = (mb - OTHERS_MB) / WORKER_MB;
	if (n < 2)
		return;
	(void)snprintf(sv->sv_workers, sizeof(sv->sv_workers), "%ld", n);
	pr->pr_argv[i++] = "-w";
	pr->pr_argv[i] = sv->sv_workers;
}

/* The image was not made in the future. */
static void
early_clock(struct supervisor *sv)
{
	char text[CLOCK_TEXT];

	if (clock_raise(time(NULL), clock_built(), "the image was made",
	    clock_set, text))
		log_text(sv, true, text);
}

static void
begin(struct supervisor *sv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGPWR);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	sv->sv_sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	mount_kernel();
	(void)setenv("PATH", "/sbin:/bin", 1);
	(void)setenv("RAVELIN_RUN", BOOT_RUN, 1);
	(void)setenv("RAVELIN_DB", BOOT_DB, 1);
	memcpy(sv->sv_def, defs, sizeof(defs));
	memcpy(sv->sv_program, programs, sizeof(programs));
	sv->sv_n = UNITS_FIXED;
	netkern_options(sv);
	add_web(sv);
	add_management(sv);
	find_consoles(sv);
	add_consoles(sv);
	for (size_t i = 0; i < SUPER_UNITS_MAX; i++)
		sv->sv_child[i].ch_fd = -1;
	for (size_t i = 0; i < ASKERS_MAX; i++)
		sv->sv_asker[i] = -1;
	kernel_open(sv);
	early_clock(sv);
	listen_open(sv);
	if (!super_init(&sv->sv_super, sv->sv_def, sv->sv_n))
		log_text(sv, true, "the order of the start makes no sense");
}

/* ---- the loop ---- */

static void
take_signals(struct supervisor *sv)
{
	struct signalfd_siginfo si;

	while (read(sv->sv_sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(sv);
		else
			super_stop(&sv->sv_super, si.ssi_signo == SIGINT ?
			    SUPER_REBOOT : SUPER_POWEROFF, now_ms());
	}
}

static int
timeout(const struct supervisor *sv)
{
	int64_t due = super_deadline(&sv->sv_super), now = now_ms();

	if (due > sv->sv_watchdog.wd_due)
		due = sv->sv_watchdog.wd_due;
	/* SIGCHLDs merge: look now and then in any case */
	if (due > now + 5000)
		return 5000;
	return due <= now ? 0 : (int)(due - now);
}

static void
loop_once(struct supervisor *sv)
{
	struct pollfd pfd[3 + ASKERS_MAX + SUPER_UNITS_MAX];
	size_t n = 3;

	pfd[0] = (struct pollfd){ .fd = sv->sv_sigfd, .events = POLLIN };
	pfd[1] = (struct pollfd){ .fd = sv->sv_listen, .events = POLLIN };
	pfd[2] = (struct pollfd){ .fd = sv->sv_kernel, .events = POLLIN };
	for (size_t i = 0; i < ASKERS_MAX; i++)
		pfd[n++] = (struct pollfd){ .fd = sv->sv_asker[i],
		    .events = POLLIN };
	for (size_t i = 0; i < sv->sv_n; i++)
		pfd[n++] = (struct pollfd){ .fd = sv->sv_child[i].ch_fd,
		    .events = POLLIN };
	if (poll(pfd, n, timeout(sv)) > 0) {
		for (size_t i = 0; i < sv->sv_n; i++) {
			if (pfd[3 + ASKERS_MAX + i].revents != 0)
				child_read(sv, i);
		}
		for (size_t i = 0; i < ASKERS_MAX; i++) {
			if (pfd[3 + i].revents != 0)
				asker_read(sv, &sv->sv_asker[i]);
		}
		if (pfd[1].revents != 0)
			asker_accept(sv);
		if (pfd[2].revents != 0)
			kernel_read(sv);
	}
	take_signals(sv);
	reap(sv);
	super_tick(&sv->sv_super, now_ms());
	act(sv);
	watchdog_feed(&sv->sv_watchdog, now_ms());
}

int
supervisor(void)
{
	static struct supervisor sv = { .sv_watchdog = WATCHDOG_NONE };

	if (!logring_init(&sv.sv_log, RING_BYTES))
		return SUPER_RUN;
	begin(&sv);
	super_tick(&sv.sv_super, now_ms());	/* what needs nothing starts now */
	act(&sv);
	while (!sv.sv_ended)
		loop_once(&sv);
	clock_save();
	if (sv.sv_super.su_how != SUPER_REBOOT)
		watchdog_stop(&sv.sv_watchdog);
	logring_close(&sv.sv_log);
	return (int)sv.sv_super.su_how;
}
