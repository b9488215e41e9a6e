/* SPDX-License-Identifier: ISC */
/*
 * policyd(8): takes policies from ipsecctl(8), keeps them as revisions, and
 * makes the newest one be in force in the network kernel.
 *
 * The store is opened before the socket, and the socket before the key
 * socket: a client that can connect finds a writer, and a network kernel
 * that starts later gets its policy when it comes.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

#include "libutil/local.h"
#include "libutil/log.h"
#include "libutil/sandbox.h"
#include "policyd.h"

static volatile sig_atomic_t ended;

static void
on_signal(int sig)
{
	ended = sig;
}

int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
stage_end(struct stages *sg)
{
	struct timespec ts;
	int64_t before = sg->sg_mark;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	sg->sg_mark = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
	return sg->sg_mark - before;
}

static _Noreturn void
usage(void)
{
	fputs("usage: policyd [-dv] [-D database] [-r rundir]\n", stderr);
	exit(1);
}

/* Each folder on the way to a file, if it is not there. */
static void
make_folders(const char *path)
{
	char dir[4096];

	for (const char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
		size_t n = (size_t)(p - path);

		if (n >= sizeof(dir))
			return;
		memcpy(dir, path, n);
		dir[n] = '\0';
		(void)mkdir(dir, 0755);
	}
}

static void
open_store(struct policyd *pd)
{
	const char *why = "";

	make_folders(pd->pd_db);
	pd->pd_store = policy_store_open_rw(pd->pd_db, &why);
	if (pd->pd_store == NULL) {
		log_err("%s", why);
		if (!readonly_open(pd, why))
			exit(1);
	} else {
		commit_from_export(pd);
	}
	if (!policy_store_latest(pd->pd_store, &pd->pd_committed, &why))
		log_fatal("%s", why);
	log_info("%s: revision %llu", pd->pd_db,
	    (unsigned long long)pd->pd_committed);
}

/* What should be in force is. */
static bool
settled(const struct policyd *pd)
{
	return pd->pd_key != NULL && pd->pd_in_force &&
	    pd->pd_applied == revise_target(pd);
}

static void
retry_apply(struct policyd *pd)
{
	if (now_ms() < pd->pd_retry || settled(pd))
		return;
	(void)apply_revision(pd);
}

/* The earlier of two, -1: never. */
static int
earlier(int a, int b)
{
	return a == -1 || (b != -1 && b < a) ? b : a;
}

static int
loop_timeout(struct policyd *pd)
{
	int due = earlier(revise_timeout(pd), export_timeout(pd));
	int64_t left;

	if (settled(pd))
		return due;
	left = pd->pd_retry - now_ms();
	if (left < 0)
		left = 0;
	return due != -1 && due < left ? due : (int)left;
}

static void
loop_once(struct policyd *pd)
{
	struct pollfd pfd[CLIENTS_MAX + 2];
	struct client *who[CLIENTS_MAX];
	nfds_t n = 2;

	pfd[0] = (struct pollfd){ .fd = pd->pd_listen, .events = POLLIN };
	pfd[1] = (struct pollfd){ .fd = pd->pd_key != NULL ?
	    pfkey_fd(pd->pd_key) : -1, .events = POLLIN };
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (pd->pd_client[i].cl_fd == -1)
			continue;
		who[n - 2] = &pd->pd_client[i];
		pfd[n++] = (struct pollfd){ .fd = pd->pd_client[i].cl_fd,
		    .events = POLLIN };
	}
	if (poll(pfd, n, loop_timeout(pd)) == -1)
		return;
	if (pfd[1].revents != 0)
		apply_read(pd);
	for (nfds_t i = 2; i < n; i++) {
		if (pfd[i].revents != 0)
			client_read(pd, who[i - 2]);
	}
	if (pfd[0].revents != 0)
		control_accept(pd);
	revise_tick(pd);
	retry_apply(pd);
	export_tick(pd, false);
}

/* Into the background once clients can connect; the parent then returns. */
static void
go_background(void)
{
	pid_t pid = fork();

	if (pid == -1)
		log_fatal("fork");
	if (pid > 0)
		_exit(0);
	(void)setsid();
	if (chdir("/") == -1)
		log_fatal("chdir");
	if (freopen("/dev/null", "r", stdin) == NULL ||
	    freopen("/dev/null", "w", stdout) == NULL ||
	    freopen("/dev/null", "w", stderr) == NULL)
		exit(1);
}

static void
catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
}

int
main(int argc, char **argv)
{
	static struct policyd pd;
	const char *db = NULL, *run = NULL;
	bool foreground = false;
	int c, verbose = 0;

	while ((c = getopt(argc, argv, "D:dr:v")) != -1) {
		switch (c) {
		case 'D':
			db = optarg;
			break;
		case 'd':
			foreground = true;
			break;
		case 'r':
			run = optarg;
			break;
		case 'v':
			verbose++;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
	log_init("policyd", true, verbose);
	pd.pd_rundir = policy_run_dir(run);
	pd.pd_db = policy_db_path(db);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		pd.pd_client[i].cl_fd = -1;
	catch_signals();
	if (!local_lock(pd.pd_rundir, "policyd"))
		return 1;
	open_store(&pd);
	if (!control_open(&pd))
		return 1;
	if (!foreground) {
		go_background();
		log_init("policyd", false, verbose);
	}
	if (!sandbox_enter(SANDBOX_FORK))
		log_fatal("sandbox");
	revise_pending_load(&pd);
	export_later(&pd);		/* if the last run did not come to it */
	revise_tick(&pd);		/* overdue: before anything else */
	retry_apply(&pd);
	while (ended == 0)
		loop_once(&pd);
	export_tick(&pd, true);
	control_close(&pd);
	apply_disconnect(&pd, NULL);
	history_close(pd.pd_history);
	policy_store_close(pd.pd_store);
	return 0;
}
