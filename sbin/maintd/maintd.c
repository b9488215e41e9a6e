/* SPDX-License-Identifier: ISC */
/*
 * maintd(8): the loop.  It waits for nobody but in poll(2): what takes long is
 * a child (job.c), what does not answer is closed.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/stat.h>

#include "libutil/local.h"
#include "libutil/log.h"
#include "maintd.h"

static volatile sig_atomic_t ended;

static void
on_signal(int sig)
{
	ended = sig;
}

static void
drop_silent(struct maintd *md)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *cl = &md->md_client[i];

		if (cl->cl_fd != -1 && md->md_job.jo_client != cl &&
		    now_ms() - cl->cl_seen > IDLE_MS)
			client_close(md, cl);
	}
}

/* ---- the loop ---- */

static void
loop_once(struct maintd *md)
{
	struct pollfd pfd[3 + CLIENTS];
	const struct job *jo = &md->md_job;
	bool reap = jo->jo_pid != 0 && jo->jo_fd[0] == -1 && jo->jo_fd[1] == -1;

	pfd[0] = (struct pollfd){ .fd = md->md_listen, .events = POLLIN };
	for (int i = 0; i < 2; i++)
		pfd[1 + i] = (struct pollfd){ .fd = jo->jo_pid != 0 ?
		    jo->jo_fd[i] : -1, .events = POLLIN };
	for (size_t i = 0; i < CLIENTS; i++)
		pfd[3 + i] = (struct pollfd){ .fd = md->md_client[i].cl_fd,
		    .events = POLLIN };
	if (poll(pfd, 3 + CLIENTS, reap ? 10 : 1000) > 0) {
		for (int i = 0; i < 2; i++)
			if (pfd[1 + i].revents != 0)
				job_read(md, i);
		for (size_t i = 0; i < CLIENTS; i++)
			if (pfd[3 + i].revents != 0 &&
			    md->md_client[i].cl_fd == pfd[3 + i].fd)
				client_read(md, &md->md_client[i]);
		if (pfd[0].revents != 0)
			client_accept(md);
	}
	job_tick(md);
	stock_tick(md);
	drop_silent(md);
}

/* ---- begin ---- */

static const char *
setting(const char *name, const char *other)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0' ? v : other;
}

static int
usage(void)
{
	fputs("usage: maintd [-b boot] [-D folder] [-e etc] [-p key] [-R release] "
	    "[-r rundir]\n              [-s slot] [-t tls] [-w passwords]\n", stderr);
	return 2;
}

static const char **
option(struct settings *se, int c)
{
	switch (c) {
	case 'b': return &se->se_boot;
	case 'D': return &se->se_dir;
	case 'e': return &se->se_etc;
	case 'p': return &se->se_key;
	case 'R': return &se->se_release;
	case 'r': return &se->se_run;
	case 's': return &se->se_slot;
	case 't': return &se->se_tls;
	case 'w': return &se->se_passwd;
	default: return NULL;
	}
}

static void
signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
	/* it holds passphrases: no core, and nobody looks in */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)umask(077);
}

static bool
begin(struct maintd *md)
{
	md->md_job.jo_fd[0] = md->md_job.jo_fd[1] = -1;
	for (size_t i = 0; i < CLIENTS; i++)
		md->md_client[i] = (struct client){ .cl_fd = -1, .cl_file = -1 };
	if (snprintf(md->md_sock, sizeof(md->md_sock), "%s/" MAINT_SOCKET,
	    md->md_se.se_run) >= (int)sizeof(md->md_sock)) {
		log_err("the run directory's name is too long");
		return false;
	}
	if (!local_lock(md->md_se.se_run, "maintd"))
		return false;
	if (!stock_open(md)) {
		log_err("%s: %s", md->md_se.se_dir, strerror(errno));
		return false;
	}
	md->md_listen = local_listen(md->md_sock, CONTROL_GROUP);
	return md->md_listen != -1;
}

int
main(int argc, char **argv)
{
	static struct maintd md;
	const char **place;
	int c;

	md.md_se = (struct settings){
		.se_run = setting("RAVELIN_RUN", "/var/run/ravelin"),
		.se_dir = "/var/db/ravelin/maint",
		.se_passwd = setting("RAVELIN_PASSWD", "/etc/ravelin.passwd"),
	};
	while ((c = getopt(argc, argv, "b:D:e:p:R:r:s:t:w:")) != -1) {
		if ((place = option(&md.md_se, c)) == NULL)
			return usage();
		*place = optarg;
	}
	if (optind != argc)
		return usage();
	if (setenv("RAVELIN_RUN", md.md_se.se_run, 1) == -1)
		return 1;
	log_init("maintd", true, 0);
	signals();
	if (!begin(&md))
		return 1;
	while (ended == 0)
		loop_once(&md);
	(void)unlink(md.md_sock);
	return 0;
}
