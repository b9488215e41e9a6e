/* SPDX-License-Identifier: ISC */
/*
 * The commands: a fixed table.  Each is a program with a fixed list of words,
 * started without a shell, in a session of its own, with a time after which
 * it is killed.  What it says is kept; a passphrase goes over a pipe.  If
 * maintd dies, one that changes something goes on to its end, and any other
 * ends with it.
 *
 * Where the table says so the child compares the user's password first, by
 * argon2id, and does not even start the program if it is wrong.  Such a try
 * counts as one that has failed until the child has ended in a way that only
 * the right password leads to.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../init/boot.h"
#include "libutil/log.h"
#include "maintd.h"

enum {
	NO_FILE		= MAINT_KINDS,
	EXIT_PASSWORD	= 90,		/* no program of ours ends so */
	EXIT_NOBODY	= 91,
	EXIT_BEFORE	= 92,		/* before the password was looked at */
	WORDS		= 24,
};

static const struct row {
	const char	*ro_name;
	unsigned	 ro_kind;	/* of its file; NO_FILE none */
	bool		 ro_password;	/* of the user, once more */
	bool		 ro_detached;
	bool		 ro_changes;	/* not only looks */
	unsigned	 ro_seconds;
} table[MAINT_COMMANDS] = {
	[MAINT_CREATE]	= { "a backup", NO_FILE, true, false, false, 120 },
	[MAINT_SHOW]	= { "opening a backup", MAINT_RESTORE, false, false, false, 120 },
	[MAINT_BRING]	= { "a restore", MAINT_RESTORE, true, false, true, 170 },
	[MAINT_CHECK]	= { "checking an upgrade", MAINT_UPGRADE, false, false, false, 120 },
	[MAINT_INSTALL]	= { "installing an upgrade", MAINT_UPGRADE, false, true, true, 900 },
	[MAINT_RESTART]	= { "a restart", NO_FILE, false, true, true, 60 },
	[MAINT_TRY]	= { "trying an import", MAINT_IMPORT, false, false, false, 120 },
	[MAINT_TAKE]	= { "an import", MAINT_IMPORT, false, false, true, 170 },
};

int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const char *
job_name(enum maint_command command)
{
	return table[command].ro_name;
}

bool
job_detached(enum maint_command command)
{
	return table[command].ro_detached;
}

bool
job_can_restart(void)
{
	return access(INIT_SOCKET, F_OK) == 0;
}

/* ---- words ---- */

struct words {
	const char	*wo_v[WORDS + 1];
	size_t		 wo_n;
	char		 wo_confirm[24], wo_base[24];
};

static void
word(struct words *wo, const char *text)
{
	if (wo->wo_n < WORDS)
		wo->wo_v[wo->wo_n++] = text;
}

/* An option, if it has a value. */
static void
option(struct words *wo, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	word(wo, name);
	word(wo, value);
}

static void
backup_words(struct words *wo, const struct settings *se, const char *verb)
{
	word(wo, "backup");
	word(wo, verb);
	option(wo, "-e", se->se_etc);
	option(wo, "-t", se->se_tls);
	option(wo, "-P", "-");
}

static void
upgrade_words(struct words *wo, const struct settings *se, const char *verb)
{
	word(wo, "upgrade");
	word(wo, verb);
	word(wo, "-j");
	option(wo, "-b", se->se_boot);
	option(wo, "-p", se->se_key);
	option(wo, "-R", se->se_release);
	option(wo, "-s", se->se_slot);
}

static void
import_words(struct words *wo, const struct maint_request *mq)
{
	word(wo, "ipsecctl");
	word(wo, "import");
	word(wo, "-j");
	if (mq->mq_command == MAINT_TRY) {
		word(wo, "-n");
		return;
	}
	(void)snprintf(wo->wo_base, sizeof(wo->wo_base), "%llu",
	    (unsigned long long)mq->mq_base);
	option(wo, "--base", wo->wo_base);
	option(wo, "--confirm", wo->wo_confirm);
	option(wo, "-m", mq->mq_reason);
}

static void
words_of(struct words *wo, const struct maintd *md, const struct maint_request *mq)
{
	const struct settings *se = &md->md_se;
	unsigned kind = table[mq->mq_command].ro_kind;

	if (mq->mq_confirm != 0)
		(void)snprintf(wo->wo_confirm, sizeof(wo->wo_confirm), "%us",
		    mq->mq_confirm);
	switch (mq->mq_command) {
	case MAINT_CREATE:
		backup_words(wo, se, "create");
		word(wo, CREATED);
		break;
	case MAINT_SHOW:
		backup_words(wo, se, "show");
		word(wo, "-j");
		break;
	case MAINT_BRING:
		backup_words(wo, se, "restore");
		word(wo, "-qy");
		option(wo, "-c", wo->wo_confirm);
		option(wo, "-m", mq->mq_reason);
		break;
	case MAINT_CHECK:
		upgrade_words(wo, se, "check");
		break;
	case MAINT_INSTALL:
		upgrade_words(wo, se, "install");
		break;
	case MAINT_RESTART:
		word(wo, "init");
		word(wo, "reboot");
		break;
	default:
		import_words(wo, mq);
	}
	if (kind != NO_FILE)
		word(wo, kind_files[kind]);
	wo->wo_v[wo->wo_n] = NULL;
}

/* ---- the child ---- */

static void
check_password(const struct maintd *md, const struct maint_request *mq)
{
	switch (auth_verify(md->md_se.se_passwd, mq->mq_user, mq->mq_password)) {
	case AUTH_OK:
		return;
	case AUTH_WRONG:
		_exit(EXIT_PASSWORD);
	default:
		_exit(EXIT_NOBODY);
	}
}

static void
streams(int in, const int out[2], bool changes)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	const struct rlimit none = { 0, 0 };
	sigset_t empty;

	(void)setsid();
	for (int sig = 1; sig < 32; sig++)
		(void)sigaction(sig, &sa, NULL);
	(void)sigemptyset(&empty);
	(void)sigprocmask(SIG_SETMASK, &empty, NULL);
	(void)setrlimit(RLIMIT_CORE, &none);
	/* nobody may be there to hear it: no reason to stop half-way */
	if (changes)
		(void)signal(SIGPIPE, SIG_IGN);
	else
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (dup2(in, STDIN_FILENO) == -1 || dup2(out[0], STDOUT_FILENO) == -1 ||
	    dup2(out[1], STDERR_FILENO) == -1)
		_exit(EXIT_BEFORE);
}

static _Noreturn void
child(const struct maintd *md, const struct maint_request *mq, int in,
    const int out[2])
{
	struct words wo = { .wo_n = 0 };
	char *argv[WORDS + 1];

	streams(in, out, table[mq->mq_command].ro_changes);
	if (table[mq->mq_command].ro_password)
		check_password(md, mq);
	words_of(&wo, md, mq);
	if (chdir(md->md_se.se_dir) == -1 ||
	    setenv("RAVELIN_AUTHOR", mq->mq_user, 1) == -1)
		_exit(126);
	for (size_t i = 0; i <= wo.wo_n; i++)
		argv[i] = wo.wo_v[i] == NULL ? NULL : strdup(wo.wo_v[i]);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* ---- beginning ---- */

/* The passphrase as one line of its standard input. */
static int
passphrase_pipe(const char *passphrase)
{
	char line[MAINT_SECRET + 2];
	size_t n = (size_t)snprintf(line, sizeof(line), "%s\n", passphrase);
	int fds[2];
	bool ok;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	ok = write(fds[1], line, n) == (ssize_t)n;	/* less than a pipe holds */
	explicit_bzero(line, sizeof(line));
	close(fds[1]);
	if (ok)
		return fds[0];
	close(fds[0]);
	return -1;
}

static const char *
may_start(struct maintd *md, const struct maint_request *mq,
    enum maint_status *status)
{
	const struct row *ro = &table[mq->mq_command];
	struct stock *st = ro->ro_kind != NO_FILE ? &md->md_stock[ro->ro_kind] :
	    NULL;
	static char text[120];

	*status = MAINT_LATER;
	if (md->md_job.jo_pid != 0) {
		(void)snprintf(text, sizeof(text), "Something else is under way: "
		    "%s. Try again when it is done.",
		    job_name(md->md_job.jo_command));
		return text;
	}
	*status = MAINT_GONE;
	if (st != NULL && (st->st_id[0] == '\0' ||
	    strcmp(st->st_id, mq->mq_id) != 0))
		return "This file is not here any more: upload it again.";
	if (mq->mq_command == MAINT_BRING && st->st_pass[0] == '\0')
		return "The file has not been opened, or too long ago: give its "
		    "passphrase again.";
	*status = MAINT_REFUSED;
	if (mq->mq_command == MAINT_INSTALL && (!st->st_checked.rs_set ||
	    st->st_checked.rs_status != 0))
		return "This file has not been found good.";
	if (mq->mq_command == MAINT_RESTART && !job_can_restart())
		return "This machine is not one that init(8) could restart.";
	*status = MAINT_LATER;
	if (ro->ro_password && auth_lock_try(&md->md_lock, now_ms()) > 0)
		return "Too many wrong passwords: try again in a while.";
	if (st != NULL)
		st->st_used = now_ms();
	return NULL;
}

static void
begin(struct maintd *md, const struct maint_request *mq, pid_t pid,
    const int out[2])
{
	struct job *jo = &md->md_job;

	*jo = (struct job){ .jo_pid = pid, .jo_command = mq->mq_command,
	    .jo_fd = { out[0], out[1] }, .jo_began = now_ms(), .jo_seq = mq->mq_seq };
	jo->jo_until = jo->jo_began +
	    (int64_t)table[mq->mq_command].ro_seconds * 1000;
	memcpy(jo->jo_user, mq->mq_user, sizeof(jo->jo_user));
	if (mq->mq_command == MAINT_SHOW)
		memcpy(jo->jo_pass, mq->mq_passphrase, sizeof(jo->jo_pass));
	for (int i = 0; i < 2; i++)
		(void)fcntl(jo->jo_fd[i], F_SETFL, O_NONBLOCK);
	log_info("%s, for %s", job_name(mq->mq_command), mq->mq_user);
}

const char *
job_start(struct maintd *md, const struct maint_request *mq,
    enum maint_status *status)
{
	const char *why = may_start(md, mq, status);
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, in = -1;
	pid_t pid = -1;

	if (why != NULL)
		return why;
	*status = MAINT_LATER;
	if (pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0)
		in = passphrase_pipe(mq->mq_command == MAINT_BRING ?
		    md->md_stock[MAINT_RESTORE].st_pass : mq->mq_passphrase);
	if (in != -1 && (pid = fork()) == 0)
		child(md, mq, in, (int[]){ out[1], err[1] });
	close(in);
	close(out[1]);
	close(err[1]);
	if (pid > 0) {
		begin(md, mq, pid, (int[]){ out[0], err[0] });
		return NULL;
	}
	close(out[0]);
	close(err[0]);
	return "There is no memory for it now: try again.";
}

/* ---- end ---- */

static void
append(struct job *jo, int which, const char *p, size_t n)
{
	size_t max = which == 0 ? OUT_MAX : ERR_MAX;
	char *more;

	if (n > max - jo->jo_n[which]) {
		n = max - jo->jo_n[which];
		jo->jo_cut = jo->jo_cut || which == 0;
	}
	if (n == 0 || (more = realloc(jo->jo_text[which],
	    jo->jo_n[which] + n + 1)) == NULL)
		return;
	memcpy(more + jo->jo_n[which], p, n);
	jo->jo_n[which] += n;
	more[jo->jo_n[which]] = '\0';
	jo->jo_text[which] = more;
}

void
job_read(struct maintd *md, int which)
{
	struct job *jo = &md->md_job;
	char buf[16384];
	ssize_t n = read(jo->jo_fd[which], buf, sizeof(buf));

	if (n > 0) {
		append(jo, which, buf, (size_t)n);
		return;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	close(jo->jo_fd[which]);
	jo->jo_fd[which] = -1;
}

/* Has it ended in a way that only the right password leads to? */
static bool
proved(int status)
{
	return status >= 0 && status != EXIT_PASSWORD &&
	    status != EXIT_NOBODY && status != EXIT_BEFORE;
}

/* Instead of what the program has said itself. */
static void
say_instead(struct job *jo, const char *text)
{
	for (int i = 0; i < 2; i++) {
		free(jo->jo_text[i]);
		jo->jo_text[i] = NULL;
	}
	jo->jo_text[1] = strdup(text);
}

/* The status, and what is said if the program could not say it. */
static int
judge(struct job *jo, int wstatus)
{
	int status = WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : -1;

	if (status == -1)
		say_instead(jo, "It took too long and was ended; what it had "
		    "done by then stays.");
	if (status == EXIT_PASSWORD)
		say_instead(jo, "Your password is wrong.");
	if (status == EXIT_NOBODY)
		say_instead(jo, "The passwords of this machine cannot be read.");
	if (status == EXIT_BEFORE)
		say_instead(jo, "It could not be started: try again.");
	/* nobody agrees to what is not shown whole */
	if (status == 0 && jo->jo_cut && !table[jo->jo_command].ro_changes) {
		say_instead(jo, "This changes more than the pages can show: use "
		    "the console's shell, backup restore or ipsecctl import.");
		status = 1;
	}
	return status;
}

/* What the waiting client is told, and where the result is kept. */
static void
tell(struct maintd *md, struct client *cl, enum maint_command command,
    int status, const char *err)
{
	enum maint_status say = status == 0 ? MAINT_OK : MAINT_REFUSED;
	char path[600];
	int fd = -1;

	if (command == MAINT_CREATE) {
		(void)snprintf(path, sizeof(path), "%s/" CREATED,
		    md->md_se.se_dir);
		if (status == 0 && (fd = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
			say = MAINT_REFUSED;
			err = "The backup cannot be read: make it once more.";
		}
		stock_sweep(md);
	}
	if (status == EXIT_PASSWORD)
		say = MAINT_PASSWORD;
	if (cl != NULL)
		client_answer(md, cl, md->md_job.jo_seq, say, err, fd);
	if (fd != -1)
		close(fd);
}

static void
keep(struct maintd *md, struct job *jo, int status)
{
	unsigned kind = table[jo->jo_command].ro_kind;
	struct stock *st = kind != NO_FILE ? &md->md_stock[kind] : NULL;
	bool look = !table[jo->jo_command].ro_changes;
	struct result *rs;

	if (st == NULL || (status != -1 && !proved(status)))
		return;
	if (jo->jo_command == MAINT_SHOW && status == 0) {
		memcpy(st->st_pass, jo->jo_pass, sizeof(st->st_pass));
		st->st_pass_time = now_ms();
	}
	rs = look ? &st->st_checked : &st->st_done;
	result_free(rs);
	*rs = (struct result){ .rs_set = true, .rs_command = jo->jo_command,
	    .rs_status = status, .rs_out = jo->jo_text[0],
	    .rs_err = jo->jo_text[1], .rs_time = (int64_t)time(NULL) };
	memcpy(rs->rs_user, jo->jo_user, sizeof(rs->rs_user));
	jo->jo_text[0] = jo->jo_text[1] = NULL;
	if (!look && status == 0)
		stock_drop(md, (enum maint_kind)kind);
}

static void
ended(struct maintd *md, int wstatus)
{
	struct job *jo = &md->md_job, done;
	int status = judge(jo, wstatus);
	struct client *cl = jo->jo_client;

	log_info("%s: %s", job_name(jo->jo_command), status == 0 ? "done" :
	    status == EXIT_PASSWORD ? "the password is wrong" : "refused");
	if (table[jo->jo_command].ro_password && proved(status))
		auth_lock_passed(&md->md_lock);
	jo->jo_pid = 0;
	tell(md, cl, jo->jo_command, status, jo->jo_text[1] != NULL ?
	    jo->jo_text[1] : "");
	keep(md, jo, status);
	done = *jo;
	explicit_bzero(jo, sizeof(*jo));
	free(done.jo_text[0]);
	free(done.jo_text[1]);
	explicit_bzero(&done, sizeof(done));
}

void
job_tick(struct maintd *md)
{
	struct job *jo = &md->md_job;
	int wstatus;

	if (jo->jo_pid == 0)
		return;
	if (now_ms() > jo->jo_until)
		(void)kill(-jo->jo_pid, SIGKILL);
	if (jo->jo_fd[0] != -1 || jo->jo_fd[1] != -1)
		return;
	if (waitpid(jo->jo_pid, &wstatus, WNOHANG) == jo->jo_pid)
		ended(md, wstatus);
}

/* ---- slots ---- */

char *
job_slots(const struct maintd *md)
{
	struct words wo = { .wo_n = 0 };
	char path[600];
	size_t n;
	int status;
	char *text;

	(void)snprintf(path, sizeof(path), "%s/grubenv", md->md_se.se_boot !=
	    NULL ? md->md_se.se_boot : BOOT_SLOTS);
	if (access(path, F_OK) == -1)
		return NULL;		/* not an appliance's */
	upgrade_words(&wo, &md->md_se, "status");
	wo.wo_v[wo.wo_n] = NULL;
	text = run_capture(wo.wo_v, OUT_MAX, &n, &status);
	return text;
}
