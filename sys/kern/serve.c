/* SPDX-License-Identifier: ISC */
/*
 * The control thread: three sockets, their clients, and what must be done
 * now and then.
 *
 *	netkern.sock	ctl_message()		kern/ctl.h
 *	key.sock	key_message()		PF_KEYv2
 *	udp.sock	udp_client_message()	on worker 0's thread, as it may send
 *
 * A record is sent at once, or queued if the socket is full; a queue has a
 * bound, and a client that lets its queue reach the bound loses records or,
 * of netkern.sock, the connection, but nothing of anybody else.  Queues are
 * touched under nk_lock, because workers send to key and udp clients too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "kern/ctl_conn.h"
#include "kern/shell.h"
#include "libutil/imsg.h"
#include "libutil/log.h"
#include "net/capture.h"
#include "netinet/udp.h"
#include "netkey/key.h"

#define RECORD_MAX	(sizeof(struct ctl_hdr) + CTL_MSG_MAX + sizeof(struct udp_msg))
#define CLIENTS_MAX	256
#define JOBS_MAX	256		/* datagrams of a client under way to worker 0 */
#define TICK_MS		100
#define TICK_CAPTURE_MS	20

enum kind { KIND_CTL, KIND_KEY, KIND_UDP, KINDS };

static const struct {
	const char	*se_name;
	mode_t		 se_mode;
	size_t		 se_bound;	/* bytes that wait for a client */
} services[KINDS] = {
	[KIND_CTL] = { "netkern.sock", 0660, 64u << 20 },
	[KIND_KEY] = { "key.sock", 0600, 4u << 20 },
	[KIND_UDP] = { "udp.sock", 0600, 4u << 20 },
};

struct record {
	STAILQ_ENTRY(record)	 rc_next;
	size_t			 rc_len;
	uint8_t			 rc_data[];
};

struct client {
	LIST_ENTRY(client)	 cl_next;
	struct server		*cl_server;
	enum kind		 cl_kind;
	int			 cl_fd;
	uint64_t		 cl_id;
	bool			 cl_dead;
	uint32_t		 cl_events;	/* epoll events asked for */
	STAILQ_HEAD(, record)	 cl_queue;
	size_t			 cl_queued;
	unsigned		 cl_jobs;
	union {
		struct ctl_conn		cl_ctl;
		struct key_socket	cl_key;
		struct udp_client	cl_udp;
	};
};

struct server {
	struct shell		*sv_shell;
	int			 sv_epoll;
	int			 sv_wake;	/* eventfd: look at the clients again */
	int			 sv_listen[KINDS];
	uid_t			 sv_owner;
	uint64_t		 sv_ids;
	unsigned		 sv_clients;
	LIST_HEAD(, client)	 sv_list;
	uint8_t			 sv_buf[RECORD_MAX];
};

/* ---- sending (nk_lock held) ---- */

static void
client_watch(struct client *cl, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = cl };

	if (cl->cl_events == events)
		return;
	cl->cl_events = events;
	(void)epoll_ctl(cl->cl_server->sv_epoll, EPOLL_CTL_MOD, cl->cl_fd, &ev);
}

/* What is to be waited for, after anything has changed. */
static void
client_rewatch(struct client *cl)
{
	bool busy = cl->cl_jobs >= JOBS_MAX ||
	    (cl->cl_kind == KIND_KEY && key_socket_waits(&cl->cl_key));
	bool out = !STAILQ_EMPTY(&cl->cl_queue) ||
	    (cl->cl_kind == KIND_KEY && key_socket_waits(&cl->cl_key));

	client_watch(cl, (busy ? 0 : EPOLLIN) | (out ? EPOLLOUT : 0));
}

static bool
client_queue(struct client *cl, const struct iovec *iov, int n)
{
	struct record *rc;
	size_t len = 0;
	int i;

	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (cl->cl_queued + len > services[cl->cl_kind].se_bound)
		return false;
	rc = malloc(sizeof(*rc) + len);
	if (rc == NULL)
		return false;
	rc->rc_len = 0;
	for (i = 0; i < n; i++) {
		memcpy(rc->rc_data + rc->rc_len, iov[i].iov_base, iov[i].iov_len);
		rc->rc_len += iov[i].iov_len;
	}
	STAILQ_INSERT_TAIL(&cl->cl_queue, rc, rc_next);
	cl->cl_queued += len;
	client_rewatch(cl);
	return true;
}

/* One record, of at most two parts. */
static bool
client_send(struct client *cl, struct iovec *iov, int n)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };

	if (cl->cl_dead)
		return false;
	if (!STAILQ_EMPTY(&cl->cl_queue))
		return client_queue(cl, iov, n);
	if (sendmsg(cl->cl_fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS)
		return client_queue(cl, iov, n);
	cl->cl_dead = true;
	return false;
}

static void *
unconst(const void *p)
{
	union { const void *c; void *v; } u = { .c = p };

	return u.v;
}

static bool
ctl_send(struct ctl_conn *cc, const void *rec, size_t len)
{
	struct client *cl = cc->cc_arg;
	struct iovec iov = { unconst(rec), len };
	bool ok = client_send(cl, &iov, 1);

	if (!ok)
		cl->cl_dead = true;	/* an answer with a hole would be a lie */
	return ok;
}

static bool
key_send(void *arg, const void *msg, size_t len)
{
	struct iovec iov = { unconst(msg), len };

	return client_send(arg, &iov, 1);
}

static bool
udp_send(void *arg, const struct udp_msg *um, const void *data, size_t len)
{
	struct iovec iov[2] = { { unconst(um), sizeof(*um) }, { unconst(data), len } };

	return client_send(arg, iov, len != 0 ? 2 : 1);
}

/* ---- clients' life ---- */

static void
client_attach(struct nk *nk, struct client *cl, bool privileged)
{
	switch (cl->cl_kind) {
	case KIND_CTL:
		cl->cl_ctl = (struct ctl_conn){ .cc_id = cl->cl_id, .cc_fd = -1,
		    .cc_privileged = privileged, .cc_send = ctl_send, .cc_arg = cl };
		break;
	case KIND_KEY:
		cl->cl_key.ks_send = key_send;
		cl->cl_key.ks_arg = cl;
		key_socket_add(nk, &cl->cl_key);
		break;
	case KIND_UDP:
		cl->cl_udp.uc_send = udp_send;
		cl->cl_udp.uc_arg = cl;
		udp_client_add(nk, &cl->cl_udp);
		break;
	case KINDS:
		break;
	}
}

static void
client_detach(struct nk *nk, struct client *cl)
{
	switch (cl->cl_kind) {
	case KIND_CTL:
		ctl_closed(nk, cl->cl_id);
		break;
	case KIND_KEY:
		key_socket_remove(nk, &cl->cl_key);
		break;
	case KIND_UDP:
		udp_client_remove(nk, &cl->cl_udp);
		break;
	case KINDS:
		break;
	}
}

static void
client_end(struct client *cl)
{
	struct server *sv = cl->cl_server;
	struct record *rc;

	cl->cl_dead = true;
	client_detach(sv->sv_shell->sh_nk, cl);
	while ((rc = STAILQ_FIRST(&cl->cl_queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&cl->cl_queue, rc_next);
		free(rc);
	}
	LIST_REMOVE(cl, cl_next);
	sv->sv_clients--;
	close(cl->cl_fd);
	free(cl);
}

/* Root, whoever started netkern, and of netkern.sock the group of option -g. */
static bool
peer_allowed(const struct server *sv, enum kind kind, const struct ucred *uc)
{
	if (uc->uid == 0 || uc->uid == sv->sv_owner)
		return true;
	return kind == KIND_CTL && sv->sv_shell->sh_group != 0;
}

static void
client_begin(struct server *sv, enum kind kind)
{
	struct nk *nk = sv->sv_shell->sh_nk;
	struct epoll_event ev = { .events = EPOLLIN };
	struct ucred uc;
	socklen_t len = sizeof(uc);
	struct client *cl;
	int fd = accept4(sv->sv_listen[kind], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd == -1)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &uc, &len) == -1 ||
	    !peer_allowed(sv, kind, &uc) || sv->sv_clients >= CLIENTS_MAX ||
	    (cl = calloc(1, sizeof(*cl))) == NULL) {
		close(fd);
		return;
	}
	cl->cl_server = sv;
	cl->cl_kind = kind;
	cl->cl_fd = fd;
	cl->cl_id = ++sv->sv_ids;
	cl->cl_events = ev.events;
	STAILQ_INIT(&cl->cl_queue);
	ev.data.ptr = cl;
	nk_lock(nk);
	LIST_INSERT_HEAD(&sv->sv_list, cl, cl_next);
	sv->sv_clients++;
	client_attach(nk, cl, uc.uid == 0 || uc.uid == sv->sv_owner);
	if (epoll_ctl(sv->sv_epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		client_end(cl);
	nk_unlock(nk);
}

/* ---- datagrams for worker 0 ---- */

struct udp_job {
	struct server	*uj_server;
	uint64_t	 uj_client;
	size_t		 uj_len;
	uint8_t		 uj_data[];
};

static struct client *
client_find(struct server *sv, uint64_t id)
{
	struct client *cl;

	LIST_FOREACH(cl, &sv->sv_list, cl_next)
		if (cl->cl_id == id && !cl->cl_dead)
			return cl;
	return NULL;
}

static void
udp_job_run(struct worker *w, void *arg)
{
	static const uint64_t one = 1;
	struct udp_job *uj = arg;
	struct client *cl;

	nk_lock(w->w_nk);
	cl = client_find(uj->uj_server, uj->uj_client);
	if (cl != NULL) {
		udp_client_message(w, &cl->cl_udp, uj->uj_data, uj->uj_len);
		if (cl->cl_jobs-- == JOBS_MAX &&
		    write(uj->uj_server->sv_wake, &one, sizeof(one)) == -1)
			cl->cl_dead = true;	/* never: the counter cannot overflow */
	}
	nk_unlock(w->w_nk);
	free(uj);
}

static void
udp_job_post(struct client *cl, const void *data, size_t len)
{
	struct udp_job *uj = malloc(sizeof(*uj) + len);

	if (uj == NULL)
		return;
	uj->uj_server = cl->cl_server;
	uj->uj_client = cl->cl_id;
	uj->uj_len = len;
	memcpy(uj->uj_data, data, len);
	cl->cl_jobs++;
	if (worker_post(cl->cl_server->sv_shell->sh_nk->nk_worker[0], udp_job_run, uj) != 0) {
		cl->cl_jobs--;
		free(uj);
	}
}

/* ---- receiving ---- */

/* A record and the descriptor that came along; < 0: none, 0: the end. */
static ssize_t
record_read(struct client *cl, uint8_t *buf, size_t cap, int *fd)
{
	union { struct cmsghdr h; char buf[CMSG_SPACE(sizeof(int))]; } c;
	struct iovec iov = { buf, cap };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = c.buf, .msg_controllen = sizeof(c.buf) };
	ssize_t n = recvmsg(cl->cl_fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*fd = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -1 : 0;
	*fd = imsg_passed_fd(&m);
	return n;
}

static void
record_handle(struct client *cl, const uint8_t *buf, size_t len, int fd)
{
	struct nk *nk = cl->cl_server->sv_shell->sh_nk;

	switch (cl->cl_kind) {
	case KIND_CTL:
		cl->cl_ctl.cc_fd = fd;
		ctl_message(nk, shell_now(), &cl->cl_ctl, buf, len);
		break;
	case KIND_KEY:
		key_message(nk, shell_now(), &cl->cl_key, buf, len);
		break;
	case KIND_UDP:
		udp_job_post(cl, buf, len);
		break;
	case KINDS:
		break;
	}
}

static void
client_readable(struct client *cl)
{
	struct server *sv = cl->cl_server;
	struct nk *nk = sv->sv_shell->sh_nk;
	ssize_t n;
	int fd;

	n = record_read(cl, sv->sv_buf, sizeof(sv->sv_buf), &fd);
	nk_lock(nk);
	if (n == 0)
		client_end(cl);
	else if (n > 0) {
		record_handle(cl, sv->sv_buf, (size_t)n, fd);
		if (cl->cl_dead)
			client_end(cl);
		else
			client_rewatch(cl);
	}
	nk_unlock(nk);
	if (fd != -1)
		close(fd);
}

static void
client_writable(struct client *cl)
{
	struct nk *nk = cl->cl_server->sv_shell->sh_nk;
	struct record *rc;

	nk_lock(nk);
	while ((rc = STAILQ_FIRST(&cl->cl_queue)) != NULL &&
	    send(cl->cl_fd, rc->rc_data, rc->rc_len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
		STAILQ_REMOVE_HEAD(&cl->cl_queue, rc_next);
		cl->cl_queued -= rc->rc_len;
		free(rc);
	}
	if (rc == NULL && cl->cl_kind == KIND_KEY && key_socket_waits(&cl->cl_key))
		key_socket_ready(nk, shell_now(), &cl->cl_key);
	client_rewatch(cl);
	nk_unlock(nk);
}

/* ---- sockets ---- */

static int
listen_at(struct shell *sh, enum kind kind)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	int n, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", sh->sh_rundir,
	    services[kind].se_name);
	if (fd == -1 || n < 0 || (size_t)n >= sizeof(sun.sun_path)) {
		log_err("%s/%s: no socket", sh->sh_rundir, services[kind].se_name);
		return -1;
	}
	(void)unlink(sun.sun_path);
	mask = umask(0777 & ~services[kind].se_mode);
	n = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	(void)umask(mask);
	if (n == -1 || listen(fd, 64) == -1 || (kind == KIND_CTL && sh->sh_group != 0 &&
	    chown(sun.sun_path, (uid_t)-1, sh->sh_group) == -1)) {
		log_err("%s: %s", sun.sun_path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static int
watch(struct server *sv, int fd, void *ptr)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = ptr };

	return epoll_ctl(sv->sv_epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* Does a netkern answer in this directory? */
static bool
running(const struct shell *sh)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool yes;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", sh->sh_rundir,
	    services[KIND_CTL].se_name);
	yes = fd != -1 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
	if (fd != -1)
		close(fd);
	return yes;
}

int
serve_open(struct shell *sh)
{
	struct server *sv = calloc(1, sizeof(*sv));
	unsigned i;

	if (sv == NULL)
		return -1;
	sh->sh_server = sv;
	sv->sv_shell = sh;
	sv->sv_owner = geteuid();
	LIST_INIT(&sv->sv_list);
	sv->sv_listen[0] = sv->sv_listen[1] = sv->sv_listen[2] = -1;
	sv->sv_epoll = epoll_create1(EPOLL_CLOEXEC);
	sv->sv_wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (mkdir(sh->sh_rundir, 0755) == -1 && errno != EEXIST) {
		log_err("%s: %s", sh->sh_rundir, strerror(errno));
		return -1;
	}
	if (running(sh)) {
		log_err("%s: another netkern runs there; choose another directory with -r",
		    sh->sh_rundir);
		return -1;
	}
	for (i = 0; i < KINDS; i++) {
		sv->sv_listen[i] = listen_at(sh, i);
		if (sv->sv_listen[i] == -1 ||
		    watch(sv, sv->sv_listen[i], &sv->sv_listen[i]) == -1)
			return -1;
	}
	if (watch(sv, sv->sv_wake, &sv->sv_wake) == -1 ||
	    watch(sv, sh->sh_sigfd, &sh->sh_sigfd) == -1) {
		log_err("epoll: %s", strerror(errno));
		return -1;
	}
	return 0;
}

void
serve_close(struct shell *sh)
{
	struct server *sv = sh->sh_server;
	struct client *cl, *next;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	unsigned i;

	if (sv == NULL)
		return;
	for (cl = LIST_FIRST(&sv->sv_list); cl != NULL; cl = next) {
		next = LIST_NEXT(cl, cl_next);
		client_end(cl);
	}
	for (i = 0; i < KINDS; i++)
		if (sv->sv_listen[i] != -1) {
			snprintf(path, sizeof(path), "%s/%s", sh->sh_rundir, services[i].se_name);
			(void)unlink(path);
			close(sv->sv_listen[i]);
		}
	close(sv->sv_epoll);
	close(sv->sv_wake);
	free(sv);
	sh->sh_server = NULL;
}

/* ---- the thread ---- */

static void
wake_all(struct server *sv)
{
	struct nk *nk = sv->sv_shell->sh_nk;
	struct client *cl;
	uint64_t n;

	if (read(sv->sv_wake, &n, sizeof(n)) == -1)
		return;
	nk_lock(nk);
	LIST_FOREACH(cl, &sv->sv_list, cl_next)
		client_rewatch(cl);
	nk_unlock(nk);
}

/* A client that is no longer there although an earlier event of this round named it? */
static bool
client_alive(const struct server *sv, const void *ptr)
{
	const struct client *cl;

	LIST_FOREACH(cl, &sv->sv_list, cl_next)
		if (cl == ptr)
			return true;
	return false;
}

static void
event(struct server *sv, const struct epoll_event *ev)
{
	struct client *cl = ev->data.ptr;
	unsigned i;

	for (i = 0; i < KINDS; i++)
		if (ev->data.ptr == &sv->sv_listen[i]) {
			client_begin(sv, i);
			return;
		}
	if (ev->data.ptr == &sv->sv_wake) {
		wake_all(sv);
		return;
	}
	if (!client_alive(sv, ev->data.ptr))
		return;
	if ((ev->events & EPOLLOUT) != 0)
		client_writable(cl);
	if ((ev->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		client_readable(cl);
}

void
serve(struct shell *sh)
{
	struct server *sv = sh->sh_server;
	struct nk *nk = sh->sh_nk;
	struct epoll_event ev[16];
	int i, n;

	for (;;) {
		n = epoll_wait(sv->sv_epoll, ev, 16,
		    capture_active(nk) ? TICK_CAPTURE_MS : TICK_MS);
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr == &sh->sh_sigfd)
				return;
			event(sv, &ev[i]);
		}
		nk_lock(nk);
		capture_write(nk);
		epoch_reclaim(&nk->nk_epoch);
		nk_unlock(nk);
		if (n > 0)
			worker_wake(nk->nk_worker[0]);	/* a slow timer may be new */
	}
}
