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
#include "handout.h"
#include "iked.h"
#include "libctl/ikectl.h"
#include "libpolicy/store.h"
#include "libutil/imsg.h"
#include "libutil/log.h"
#include "libutil/peer.h"
#include "libutil/sandbox.h"
#include "netinet/udp_msg.h"

#define RETRY_MS	500
#define CONTROL_GROUP	"_ravelin"	/* its members may ask by iked.sock */

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
	struct handout	 pa_handout;		/* what the others have of it */
	bool		 pa_ending;
	bool		 pa_begun;		/* the ike process takes descriptors */
	bool		 pa_loaded;		/* a first policy has gone out */
	bool		 pa_doubt;		/* its number may mean another now */
	bool		 pa_looked;		/* the newest of pa_file has been read */
	struct stat	 pa_file;		/* the store */
	bool		 pa_kernel;		/* the ike process has its sockets */
	bool		 pa_kernel_lost;	/* it had, once */
	bool		 pa_told_policyd;	/* its absence is in the log */
	bool		 pa_told_store;
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

/* The core is there with BEGIN; before it has rules it gets its sockets. */
static bool
hand_on(void *arg, enum handout_to to, uint32_t type, const void *data,
    size_t len)
{
	struct parent *pa = arg;

	if (!imsg_send(to == TO_AUTH ? pa->pa_auth : pa->pa_ike, type, 0, data,
	    len, -1))
		return false;
	if (type == IMSG_POLICY_BEGIN) {
		pa->pa_begun = true;
		connect_kernel(pa);
	}
	return true;
}

static uint64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* All rules of a revision (0: none, an empty policy). */
static bool
read_whole(struct parent *pa, uint64_t revision, struct policy *pol)
{
	const char *why = NULL;

	policy_init(pol);
	if (revision == 0)
		return true;
	if (pa->pa_store == NULL)
		pa->pa_store = policy_store_open_ro(pa->pa_db, &why);
	if (pa->pa_store != NULL && policy_store_load(pa->pa_store, revision,
	    POLICY_LOAD_SECRETS, pol, &why))
		return true;
	log_err("revision %llu cannot be read: %s; the rules before it stay "
	    "in force", (unsigned long long)revision, why);
	return false;
}

static bool
load_whole(struct parent *pa, uint64_t revision, uint64_t told)
{
	struct policy pol;
	struct handout_revision hr = { .hr_revision = revision,
	    .hr_told = told, .hr_policy = &pol,
	    .hr_old = pa->pa_handout.ha_n };

	if (!read_whole(pa, revision, &pol))
		return false;
	if (!handout(&pa->pa_handout, &hr))
		log_fatal("cannot hand on revision %llu",
		    (unsigned long long)revision);
	policy_free(&pol);
	return true;
}

/*
 * What differs from the revision that the others have.  False: it must be read
 * whole, as also if `set active' changes what every rule means.
 */
static bool
load_delta(struct parent *pa, uint64_t revision, uint64_t told)
{
	struct handout *ha = &pa->pa_handout;
	struct handout_revision hr = { .hr_revision = revision,
	    .hr_told = told };
	struct policy_delta de;
	const char *why;
	bool ok;

	if (!pa->pa_loaded || pa->pa_doubt || ha->ha_number == 0 ||
	    pa->pa_store == NULL || revision == 0)
		return false;
	if (!policy_store_delta(pa->pa_store, pa->pa_revision, revision,
	    POLICY_LOAD_SECRETS, &de, &why)) {
		log_info("revision %llu is read whole: %s",
		    (unsigned long long)revision, why);
		return false;
	}
	hr.hr_policy = &de.de_new;
	hr.hr_at = de.de_at;
	hr.hr_old = de.de_old;
	ok = de.de_new.pol_set.set_active == ha->ha_active && handout(ha, &hr);
	policy_free(&de.de_new);
	return ok;
}

/* Reads a revision and hands it on. */
static void
load_policy(struct parent *pa, uint64_t revision)
{
	uint64_t told = now_us();

	if (!load_delta(pa, revision, told) && !load_whole(pa, revision, told))
		return;
	pa->pa_revision = revision;
	pa->pa_loaded = true;
	pa->pa_doubt = false;
}

/* Another store may stand in the place of the one that was read. */
static void
doubt_store(struct parent *pa)
{
	policy_store_close(pa->pa_store);
	pa->pa_store = NULL;
	pa->pa_doubt = true;
	pa->pa_looked = false;
}

/* Is there the file that was looked at last? Now it has been. */
static bool
looked_before(struct parent *pa)
{
	const struct stat was = pa->pa_file;

	if (stat(pa->pa_db, &pa->pa_file) == -1)
		memset(&pa->pa_file, 0, sizeof(pa->pa_file));
	return pa->pa_looked && pa->pa_file.st_dev == was.st_dev &&
	    pa->pa_file.st_ino == was.st_ino &&
	    pa->pa_file.st_size == was.st_size &&
	    pa->pa_file.st_mtim.tv_sec == was.st_mtim.tv_sec &&
	    pa->pa_file.st_mtim.tv_nsec == was.st_mtim.tv_nsec;
}

/*
 * Without policyd(8): the newest revision of the store.  One that cannot be
 * read takes nothing away from what is in force; it is tried again, and one
 * that could is read again when the file is another.  It is not kept open, as
 * the file may be replaced.
 */
static void
load_latest(struct parent *pa)
{
	uint64_t revision = 0;
	const char *why = NULL;
	bool ok;

	if (looked_before(pa))
		return;
	doubt_store(pa);
	pa->pa_store = policy_store_open_ro(pa->pa_db, &why);
	ok = pa->pa_store != NULL &&
	    policy_store_latest(pa->pa_store, &revision, &why);
	if (!ok && !pa->pa_told_store)
		log_warn("%s%s", why, !pa->pa_loaded ? "" :
		    "; the rules before it stay in force");
	pa->pa_told_store = !ok;
	if (ok || !pa->pa_loaded)
		load_policy(pa, revision);
	policy_store_close(pa->pa_store);
	pa->pa_store = NULL;
	pa->pa_looked = ok && !pa->pa_doubt;
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
		doubt_store(pa);
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
			doubt_store(pa);
		} else if (ev.ev_revision != pa->pa_revision ||
		    !pa->pa_loaded || pa->pa_doubt) {
			load_policy(pa, ev.ev_revision);
		}
	}
}

/* ---- processes ---------------------------------------------------- */

enum { CHANNEL_FDS = 6 };

/*
 * A child keeps its two channels and none of the others: each end that it
 * held besides would hide the end of the process at it.
 */
static pid_t
start(struct parent *pa, int (*fn)(int, int, const char *), int parent,
    int pair, const int fds[CHANNEL_FDS])
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
	for (size_t i = 0; i < CHANNEL_FDS; i++) {
		if (fds[i] != parent && fds[i] != pair)
			close(fds[i]);
	}
	exit(fn(parent, pair, pa->pa_run));
}

static void
start_all(struct parent *pa)
{
	int fds[CHANNEL_FDS], *ike = fds, *auth = fds + 2, *pair = fds + 4;

	if (imsg_pair(ike) == -1 || imsg_pair(auth) == -1 ||
	    imsg_pair(pair) == -1)
		log_fatal("socketpair");
	pa->pa_pid_auth = start(pa, iked_auth, auth[1], pair[1], fds);
	pa->pa_auth = auth[0];
	pa->pa_pid_ike = start(pa, iked_ike, ike[1], pair[0], fds);
	pa->pa_ike = ike[0];
	close(auth[1]);
	close(ike[1]);
	close(pair[0]);
	close(pair[1]);
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
		} else if (pa->pa_msg.im_type == IMSG_POLICY_WANT) {
			handout_forget(&pa->pa_handout);
			(void)load_whole(pa, pa->pa_revision, 0);
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
			doubt_store(pa);
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
	struct peer_members may;
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
	peer_members_read(&may, CONTROL_GROUP);
	if (!foreground && daemon(0, 0) == -1)
		log_fatal("daemon");
	catch_signals(&waiting);
	start_all(pa);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!sandbox_enter(SANDBOX_FILES))
		log_fatal("cannot give up privilege");
	history_start(pa);
	handout_init(&pa->pa_handout, hand_on, pa);
	/* The first policy makes the IKE core; then it takes descriptors. */
	connect_policyd(pa);
	policy_events(pa);
	if (!pa->pa_loaded)
		load_latest(pa);
	(void)imsg_send(pa->pa_ike, IMSG_CTL_FD, 0, &may, sizeof(may), fd);
	close(fd);
	serve(pa, &waiting);
	stop_all(pa);
	policyctl_close(pa->pa_policyctl);
	policy_store_close(pa->pa_store);
	handout_free(&pa->pa_handout);
	free(pa);
	return 0;
}
