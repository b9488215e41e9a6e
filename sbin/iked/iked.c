/* SPDX-License-Identifier: ISC */
/*
 * iked(8), and its parent process: reads the revision in force from the
 * policy store, opens what the others may not open, and hands both on.
 *
 *	policyd --- revision ---> parent --- rules ------> ike
 *	policy.db -- policy ----^    |  `--- secrets ----> auth
 *	netkern's sockets, iked.sock `-- descriptors ----> ike
 *
 * If a child ends, all end; the SAs stay in the network kernel and go on
 * carrying traffic, and a new iked takes over.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "event.h"
#include "iked.h"
#include "libctl/ikectl.h"
#include "libpolicy/store.h"
#include "libutil/imsg.h"
#include "libutil/log.h"
#include "libutil/sandbox.h"
#include "netinet/udp_msg.h"

#define RETRY_MS	500
#define CONTROL_GROUP	"_ravelin"	/* its members may use iked.sock */

struct parent {
	const char	*pa_run;
	const char	*pa_db;
	int		 pa_ike;
	int		 pa_auth;
	pid_t		 pa_pid_ike;
	pid_t		 pa_pid_auth;
	struct policy_store *pa_store;
	struct policyctl *pa_policyctl;
	uint64_t	 pa_revision;
	bool		 pa_ending;
	bool		 pa_begun;		/* the ike process takes descriptors */
	bool		 pa_loaded;		/* a first policy has gone out */
	bool		 pa_kernel;		/* the ike process has its sockets */
	bool		 pa_kernel_lost;	/* it had, once */
	bool		 pa_told_policyd;	/* its absence is in the log */
	bool		 pa_told_kernel;
	struct history_client *pa_history;
	uint64_t	 pa_lost;		/* of it, as told */
	struct imsg	 pa_msg;
};

static volatile sig_atomic_t got_term, got_hup, got_chld;

static void
on_signal(int sig)
{
	if (sig == SIGHUP)
		got_hup = 1;
	else if (sig == SIGCHLD)
		got_chld = 1;
	else
		got_term = 1;
}

/* Signals come in ppoll(2) only. */
static void
catch_signals(sigset_t *waiting)
{
	static const int sigs[] = { SIGHUP, SIGINT, SIGTERM, SIGCHLD };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block;

	(void)sigemptyset(&block);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		(void)sigaddset(&block, sigs[i]);
		(void)sigaction(sigs[i], &sa, NULL);
	}
	(void)sigprocmask(SIG_BLOCK, &block, waiting);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		(void)sigdelset(waiting, sigs[i]);
}

/* ---- sockets ------------------------------------------------------ */

static bool
socket_name(struct sockaddr_un *sun, const char *run, const char *name)
{
	int n;

	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/%s", run, name);
	return n > 0 && (size_t)n < sizeof(sun->sun_path);
}

static int
connect_to(const char *run, const char *name)
{
	struct sockaddr_un sun;
	int fd, size = 4 << 20;

	if (!socket_name(&sun, run, name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd;
}

static int
listen_at(const char *run, const char *name)
{
	const struct group *gr = getgrnam(CONTROL_GROUP);
	struct sockaddr_un sun;
	int fd = connect_to(run, name);
	mode_t mask;

	if (fd != -1)
		log_fatal("another iked runs with %s/%s", run, name);
	if (!socket_name(&sun, run, name) ||
	    (fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0)) == -1)
		log_fatal("socket %s/%s", run, name);
	(void)unlink(sun.sun_path);
	mask = umask(0177);
	if (bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, 8) == -1)
		log_fatal("socket %s", sun.sun_path);
	(void)umask(mask);
	if (gr != NULL && (chown(sun.sun_path, (uid_t)-1, gr->gr_gid) == -1 ||
	    chmod(sun.sun_path, 0660) == -1))
		log_fatal("socket %s", sun.sun_path);
	return fd;
}

static bool
pass_fd(struct parent *pa, uint32_t type, const char *name)
{
	int fd = connect_to(pa->pa_run, name);
	bool sent;

	if (fd == -1)
		return false;
	sent = imsg_send(pa->pa_ike, type, 0, NULL, 0, fd);
	close(fd);
	return sent;
}

/* Gives the ike process the network kernel's sockets, as soon as they are there. */
static void
connect_kernel(struct parent *pa)
{
	if (pa->pa_kernel || !pa->pa_begun)
		return;
	if (!pass_fd(pa, IMSG_SOURCE_FD, UDP_SOCKET) ||
	    !pass_fd(pa, IMSG_UDP_FD, UDP_SOCKET) ||
	    !pass_fd(pa, IMSG_KEY_FD, "key.sock")) {
		if (!pa->pa_told_kernel)
			log_warn("no network kernel at %s (%s): waiting for it",
			    pa->pa_run, strerror(errno));
		pa->pa_told_kernel = true;
		return;
	}
	if (pa->pa_kernel_lost)
		(void)imsg_send(pa->pa_ike, IMSG_KERNEL_GONE, 0, NULL, 0, -1);
	pa->pa_kernel = true;
	pa->pa_told_kernel = pa->pa_kernel_lost = false;
}

/* ---- policy ------------------------------------------------------- */

static bool
send_secret(struct parent *pa, const struct policy_ike *ik)
{
	struct iked_secret x = { .ix_len = (uint16_t)ik->ik_psk.pk_len };
	bool ok;

	(void)snprintf(x.ix_policy, sizeof(x.ix_policy), "%s", ik->ik_name);
	memcpy(x.ix_key, ik->ik_psk.pk_bytes, ik->ik_psk.pk_len);
	ok = imsg_send(pa->pa_auth, IMSG_SECRET, 0, &x, sizeof(x), -1);
	explicit_bzero(&x, sizeof(x));
	return ok;
}

/* Secrets first: a rule in force has its key. */
static bool
send_secrets(struct parent *pa, const struct policy *pol)
{
	bool ok = imsg_send(pa->pa_auth, IMSG_SECRET_BEGIN, 0, NULL, 0, -1);

	for (size_t i = 0; ok && i < pol->pol_nikes; i++)
		if (pol->pol_ikes[i].ik_psk.pk_len != 0)
			ok = send_secret(pa, &pol->pol_ikes[i]);
	return ok && imsg_send(pa->pa_auth, IMSG_SECRET_END, 0, NULL, 0, -1);
}

/* A rule that is left out is shown with the reason. */
static bool
send_blocked(struct parent *pa, const struct policy_ike *ik, const char *why)
{
	struct iked_blocked ib = { .ib_local = ik->ik_local,
	    .ib_peer = ik->ik_peer.pr_addr };

	(void)snprintf(ib.ib_name, sizeof(ib.ib_name), "%s", ik->ik_name);
	(void)snprintf(ib.ib_why, sizeof(ib.ib_why), "%s", why);
	return imsg_send(pa->pa_ike, IMSG_POLICY_BLOCKED, 0, &ib, sizeof(ib),
	    -1);
}

static bool
send_rules(struct parent *pa, const struct policy *pol, uint64_t revision)
{
	struct iked_set set = {
		.is_dpd = pol->pol_set.set_dpd,
		.is_nattport = pol->pol_set.set_nattport,
		.is_fragmentation = pol->pol_set.set_fragmentation,
	};
	struct iked_rule *rule = calloc(1, sizeof(*rule));
	bool ok = rule != NULL &&
	    imsg_send(pa->pa_ike, IMSG_POLICY_BEGIN, 0, &set, sizeof(set), -1);
	const char *why;

	/* The core is there now; before it has rules it gets its sockets. */
	pa->pa_begun = true;
	connect_kernel(pa);
	for (size_t i = 0; ok && i < pol->pol_nikes; i++) {
		why = iked_rule_make(pol, &pol->pol_ikes[i], rule);
		if (why != NULL) {
			log_err("revision %llu: rule \"%s\" left out: %s",
			    (unsigned long long)revision,
			    pol->pol_ikes[i].ik_name, why);
			ok = send_blocked(pa, &pol->pol_ikes[i], why);
		} else {
			ok = imsg_send(pa->pa_ike, IMSG_POLICY_RULE, 0, rule,
			    sizeof(*rule), -1);
		}
	}
	free(rule);
	return ok && imsg_send(pa->pa_ike, IMSG_POLICY_END, 0, &revision,
	    sizeof(revision), -1);
}

/* Reads a revision (0: none, an empty policy) and sends it on. */
static void
load_policy(struct parent *pa, uint64_t revision)
{
	struct policy pol;
	const char *why = NULL;

	policy_init(&pol);
	if (revision != 0) {
		if (pa->pa_store == NULL)
			pa->pa_store = policy_store_open_ro(pa->pa_db, &why);
		if (pa->pa_store == NULL || !policy_store_load(pa->pa_store,
		    revision, POLICY_LOAD_SECRETS, &pol, &why)) {
			log_err("revision %llu cannot be read: %s; the rules "
			    "before it stay in force",
			    (unsigned long long)revision, why);
			return;
		}
	}
	if (!send_secrets(pa, &pol) || !send_rules(pa, &pol, revision))
		log_fatal("cannot hand on revision %llu",
		    (unsigned long long)revision);
	policy_free(&pol);
	pa->pa_revision = revision;
	pa->pa_loaded = true;
}

/* Without policyd(8): the newest revision of the store, if there is one. */
static void
load_latest(struct parent *pa)
{
	uint64_t revision = 0;
	const char *why;

	if (pa->pa_store == NULL)
		pa->pa_store = policy_store_open_ro(pa->pa_db, &why);
	if (pa->pa_store != NULL &&
	    !policy_store_latest(pa->pa_store, &revision, &why))
		log_err("policy store: %s", why);
	if (revision != pa->pa_revision || !pa->pa_loaded)
		load_policy(pa, revision);
}

static void
connect_policyd(struct parent *pa)
{
	const char *why;

	if (pa->pa_policyctl != NULL)
		return;
	pa->pa_policyctl = policyctl_connect(pa->pa_run, &why);
	if (pa->pa_policyctl != NULL &&
	    policyctl_subscribe(pa->pa_policyctl, &why)) {
		pa->pa_told_policyd = false;
		return;
	}
	if (pa->pa_policyctl != NULL)
		policyctl_close(pa->pa_policyctl);
	pa->pa_policyctl = NULL;
	if (!pa->pa_told_policyd)
		log_warn("policyd does not answer (%s): running with the "
		    "newest revision of the store", why);
	pa->pa_told_policyd = true;
	load_latest(pa);
}

static void
policy_events(struct parent *pa)
{
	struct policyctl_event ev;

	while (pa->pa_policyctl != NULL &&
	    policyctl_next(pa->pa_policyctl, &ev)) {
		if (ev.ev_type == POLICYCTL_CLOSED) {
			policyctl_close(pa->pa_policyctl);
			pa->pa_policyctl = NULL;
		} else if (ev.ev_revision != pa->pa_revision ||
		    !pa->pa_loaded) {
			load_policy(pa, ev.ev_revision);
		}
	}
}

/* ---- processes ---------------------------------------------------- */

static pid_t
start(struct parent *pa, int (*fn)(int, int, const char *), int mine,
    int theirs, int pair, int pairother)
{
	pid_t pid = fork();

	if (pid == -1)
		log_fatal("fork");
	if (pid != 0)
		return pid;
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);	/* the parent ends the children */
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	close(mine);
	close(pairother);
	exit(fn(theirs, pair, pa->pa_run));
}

static void
start_all(struct parent *pa)
{
	int ike[2], auth[2], pair[2];

	if (imsg_pair(ike) == -1 || imsg_pair(auth) == -1 ||
	    imsg_pair(pair) == -1)
		log_fatal("socketpair");
	pa->pa_pid_auth = start(pa, iked_auth, auth[0], auth[1], pair[1],
	    pair[0]);
	close(auth[1]);
	pa->pa_auth = auth[0];
	pa->pa_pid_ike = start(pa, iked_ike, ike[0], ike[1], pair[0], pair[1]);
	close(ike[1]);
	close(pair[0]);
	close(pair[1]);
	pa->pa_ike = ike[0];
}

/* ---- history ------------------------------------------------------ */

/* New numbers begin behind those of the history, if there is one. */
static void
history_start(struct parent *pa)
{
	const char *why;
	struct history *hi = history_open_ro(pa->pa_db, &why);
	uint64_t last = 0;

	pa->pa_history = history_client_new(pa->pa_run);
	if (pa->pa_history == NULL)
		log_fatal("history");
	if (hi != NULL)
		(void)history_last(hi, &last, &why);
	history_close(hi);
	(void)imsg_send(pa->pa_ike, IMSG_EVENT_LAST, 0, &last, sizeof(last),
	    -1);
}

static void
keep_event(struct parent *pa, const struct imsg *im)
{
	const struct iked_event *ie = imsg_body(im, sizeof(*ie));
	struct history_event he;

	if (ie == NULL || ie->ie_id == 0)
		return;
	event_for_history(ie, &he);
	history_client_add(pa->pa_history, &he);
}

static void
history_turn(struct parent *pa)
{
	struct timespec ts;
	uint64_t lost;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	history_client_turn(pa->pa_history, (int64_t)ts.tv_sec * 1000 +
	    ts.tv_nsec / 1000000);
	lost = history_client_lost(pa->pa_history);
	if (lost != pa->pa_lost)
		(void)imsg_send(pa->pa_ike, IMSG_EVENT_LOST, 0, &lost,
		    sizeof(lost), -1);
	pa->pa_lost = lost;
}

/* How long to wait, ms; -1: for ever. */
static int
serve_wait(const struct parent *pa)
{
	struct timespec ts;
	int ms;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	ms = history_client_wait(pa->pa_history, (int64_t)ts.tv_sec * 1000 +
	    ts.tv_nsec / 1000000);
	if (pa->pa_kernel && pa->pa_policyctl != NULL)
		return ms;
	return ms == -1 || ms > RETRY_MS ? RETRY_MS : ms;
}

static void
from_ike(struct parent *pa)
{
	int r;

	while ((r = imsg_recv(pa->pa_ike, &pa->pa_msg)) == 1)
		if (pa->pa_msg.im_type == IMSG_KERNEL_GONE) {
			pa->pa_kernel = false;
			pa->pa_kernel_lost = true;
		} else if (pa->pa_msg.im_type == IMSG_EVENT) {
			keep_event(pa, &pa->pa_msg);
		} else if (pa->pa_msg.im_fd != -1) {
			close(pa->pa_msg.im_fd);
		}
	if (r == -1 && !pa->pa_ending)
		log_fatal("the ike process has ended");
}

/* Ends the children: the ike process first, which needs time for its Deletes. */
static void
stop_all(struct parent *pa)
{
	(void)imsg_send(pa->pa_ike, IMSG_SHUTDOWN, 0, NULL, 0, -1);
	(void)waitpid(pa->pa_pid_ike, NULL, 0);
	close(pa->pa_auth);
	(void)waitpid(pa->pa_pid_auth, NULL, 0);
	/* Its last words. */
	pa->pa_ending = true;
	from_ike(pa);
	history_client_flush(pa->pa_history, 2000);
	history_client_free(pa->pa_history);
}

static void
serve(struct parent *pa, const sigset_t *waiting)
{
	while (!got_term) {
		struct pollfd p[4] = {
			{ .fd = pa->pa_ike, .events = POLLIN },
			{ .fd = pa->pa_auth, .events = POLLIN },
			{ .fd = pa->pa_policyctl == NULL ? -1 :
			    policyctl_fd(pa->pa_policyctl), .events = POLLIN },
			{ .fd = history_client_fd(pa->pa_history),
			    .events = POLLIN },
		};
		int ms = serve_wait(pa);
		struct timespec ts = { .tv_sec = ms / 1000,
		    .tv_nsec = ms % 1000 * 1000000L };

		if (ppoll(p, 4, ms == -1 ? NULL : &ts, waiting) == -1 &&
		    errno != EINTR)
			log_fatal("poll");
		errno = 0;
		if (got_chld || p[1].revents != 0)
			log_fatal("a process of iked has ended: SAs stay, "
			    "start iked again");
		if (p[0].revents != 0)
			from_ike(pa);
		if (got_hup) {
			got_hup = 0;
			load_latest(pa);
		}
		connect_policyd(pa);
		policy_events(pa);
		connect_kernel(pa);
		history_turn(pa);
	}
}

_Noreturn static void
usage(void)
{
	(void)fputs("usage: iked [-dv] [-D database] [-r rundir]\n", stderr);
	exit(2);
}

int
main(int argc, char **argv)
{
	struct parent *pa = calloc(1, sizeof(*pa));
	const char *run = NULL, *db = NULL;
	bool foreground = false;
	int ch, verbose = 0, fd;
	sigset_t waiting;

	while ((ch = getopt(argc, argv, "dD:r:v")) != -1)
		switch (ch) {
		case 'd':
			foreground = true;
			break;
		case 'D':
			db = optarg;
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
	if (argc != optind)
		usage();
	if (pa == NULL)
		log_fatal("start");
	errno = 0;
	if (geteuid() != 0)
		log_fatal("iked must be started as root");
	log_init("iked", foreground, verbose);
	pa->pa_run = policy_run_dir(run);
	pa->pa_db = policy_db_path(db);
	if (mkdir(pa->pa_run, 0755) == -1 && errno != EEXIST)
		log_fatal("%s", pa->pa_run);
	fd = listen_at(pa->pa_run, IKECTL_SOCKET);
	if (!foreground && daemon(0, 0) == -1)
		log_fatal("daemon");
	catch_signals(&waiting);
	start_all(pa);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!sandbox_enter(SANDBOX_FILES))
		log_fatal("cannot give up privilege");
	history_start(pa);
	/* The first policy makes the IKE core; then it takes descriptors. */
	connect_policyd(pa);
	policy_events(pa);
	if (!pa->pa_loaded)
		load_latest(pa);
	(void)imsg_send(pa->pa_ike, IMSG_CTL_FD, 0, NULL, 0, fd);
	close(fd);
	serve(pa, &waiting);
	stop_all(pa);
	policyctl_close(pa->pa_policyctl);
	policy_store_close(pa->pa_store);
	free(pa);
	return 0;
}
