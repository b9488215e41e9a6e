/* SPDX-License-Identifier: ISC */
/*
 * netkern(8): options, start and end.
 *
 * Start: sockets, the network kernel, one thread a worker, then privilege is
 * given up and the control thread serves.  With -d all stays in the
 * foreground; otherwise the parent leaves when the child is ready.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "crypto/xform.h"
#include "kern/shell.h"
#include "libctl/client.h"
#include "libutil/log.h"
#include "net/if_ctl.h"
#include "dev/dev.h"
#include "dev/ingress.h"
#include "dev/xdpprog.h"

#define SPIN_US		20

struct options {
	bool		 op_foreground;
	bool		 op_policy_wait;
	int		 op_verbose;
	const char	*op_pidfile;
	struct nk_conf	 op_conf;
};

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: netkern [-dPv] [-c cpu,...] [-e engine] [-g group] [-p pidfile]\n"
	    "               [-r rundir] [-s microseconds] [-u user] [-w workers]\n");
	exit(1);
}

static void
random_bytes(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;
	ssize_t got;

	(void)arg;
	while (n != 0) {
		got = getrandom(p, n, 0);
		if (got <= 0)
			continue;
		p += got;
		n -= (size_t)got;
	}
}

static void
log_line(void *arg, int pri, const char *msg)
{
	(void)arg;
	log_at(pri, "%s", msg);
}

/* ---- options ---- */

static unsigned
number(const char *opt, const char *text, unsigned least, unsigned most)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || v < least || v > most) {
		fprintf(stderr, "netkern: -%s %s: not a number from %u to %u\n", opt, text,
		    least, most);
		exit(1);
	}
	return (unsigned)v;
}

static void
cpus(struct shell *sh, char *list)
{
	unsigned n = 0;
	char *word;

	for (word = strsep(&list, ","); word != NULL; word = strsep(&list, ",")) {
		if (n == NK_WORKERS_MAX)
			usage();
		sh->sh_cpu[n++] = (int)number("c", word, 0, 1023);
	}
}

static gid_t
group(const char *name)
{
	struct group *gr = getgrnam(name);

	if (gr == NULL) {
		fprintf(stderr, "netkern: -g %s: no such group\n", name);
		exit(1);
	}
	return gr->gr_gid;
}

static void
options(int argc, char **argv, struct shell *sh, struct options *op)
{
	int c;

	while ((c = getopt(argc, argv, "c:de:g:Pp:r:s:u:vw:")) != -1)
		switch (c) {
		case 'c':
			cpus(sh, optarg);
			break;
		case 'd':
			op->op_foreground = true;
			break;
		case 'e':
			op->op_conf.nc_engine = optarg;
			break;
		case 'g':
			sh->sh_group = group(optarg);
			break;
		case 'P':
			op->op_policy_wait = true;
			break;
		case 'p':
			op->op_pidfile = optarg;
			break;
		case 'r':
			sh->sh_rundir = optarg;
			break;
		case 's':
			sh->sh_spin_us = number("s", optarg, 0, 1000000);
			break;
		case 'u':
			sh->sh_user = strcmp(optarg, "root") == 0 ? NULL : optarg;
			break;
		case 'v':
			op->op_verbose++;
			break;
		case 'w':
			op->op_conf.nc_workers = number("w", optarg, 1, NK_WORKERS_MAX);
			break;
		default:
			usage();
		}
	if (optind != argc)
		usage();
}

/* ---- start ---- */

/* The parent leaves with 0 when a byte comes, with 1 when none will. */
static int
detach(void)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe(fds) == -1 || (pid = fork()) == -1)
		log_fatal("cannot go into the background");
	if (pid != 0) {
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) == 1 ? 0 : 1);
	}
	close(fds[0]);
	(void)setsid();
	return fds[1];
}

static void
pidfile_write(const char *path)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		log_fatal("%s", path);
	fprintf(f, "%d\n", (int)getpid());
	fclose(f);
}

static int
signals(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd == -1)
		log_fatal("signalfd");
	return fd;
}

static void
drivers(struct nk *nk)
{
	static const struct if_ops *const ops[] = { &packet_ops, &xdp_ops, &nic_ops, &tap_ops,
	    &pcap_ops, &pktgen_ops };
	unsigned i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		(void)if_driver_register(nk, ops[i]);
}

static void
say(void *arg, const char *line)
{
	(void)arg;
	log_debug("%s", line);
}

/* Up to the point where packets could flow. */
static void
start(struct shell *sh, const struct options *op)
{
	int error;

	sh->sh_sigfd = signals();
	if (serve_open(sh) == -1)
		exit(1);
	sh->sh_nk = nk_new(&op->op_conf, shell_now());
	if (sh->sh_nk == NULL)
		log_fatal("cannot start");
	sh->sh_nk->nk_policy_wait = op->op_policy_wait;
	drivers(sh->sh_nk);
	xform_report(sh->sh_nk->nk_worker[0]->w_xform, say, NULL);
	if (op->op_pidfile != NULL)
		pidfile_write(op->op_pidfile);
	ingress_prepare();
	xdpprog_prepare();
	if (confine_user(sh) == -1)
		log_fatal("cannot become %s", sh->sh_user != NULL ? sh->sh_user : "less than root");
	error = loop_begin(sh);
	if (error != 0) {
		errno = error;
		log_fatal("cannot start the workers");
	}
	if (confine_calls() == -1)
		log_fatal("seccomp");
}

static void
ready(const struct options *op, int tell)
{
	if (op->op_foreground) {
		printf("netkern: ready\n");
		fflush(stdout);
		return;
	}
	if (write(tell, "", 1) == -1)
		log_warn("nobody waits for us");
	close(tell);
}

int
main(int argc, char **argv)
{
	struct options op = { .op_conf = { .nc_workers = 1, .nc_rand = random_bytes,
	    .nc_log = log_line } };
	struct shell sh = { .sh_rundir = ctl_rundir(NULL), .sh_user = "nobody",
	    .sh_spin_us = SPIN_US };
	unsigned i;
	int tell = -1;

	for (i = 0; i < NK_WORKERS_MAX; i++)
		sh.sh_cpu[i] = -1;
	options(argc, argv, &sh, &op);
	log_init("netkern", op.op_foreground, op.op_verbose);
	if (!op.op_foreground)
		tell = detach();
	start(&sh, &op);
	ready(&op, tell);
	serve(&sh);
	loop_end(&sh);
	serve_close(&sh);
	nk_free(sh.sh_nk);
	close(sh.sh_sigfd);
	if (op.op_pidfile != NULL)
		(void)unlink(op.op_pidfile);
	return 0;
}
