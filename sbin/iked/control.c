/* SPDX-License-Identifier: ISC */
/*
 * ikectl's side of the ike process (libctl/ikectl.h).  A client that sends
 * what is no request, or does not read its answers, loses its connection and
 * nothing else is touched.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "libctl/ikectl.h"
#include "libutil/log.h"

struct client {
	int	cl_fd;		/* -1: free */
	bool	cl_monitor;
};

struct control {
	int		ct_listen;
	struct client	ct_client[CONTROL_CLIENTS];
};

/* Whom a request is about. */
struct asked {
	struct ikeproc		*as_ip;
	const struct events	*as_events;
	bool			 as_kernel;
};

struct control *
control_new(int listenfd)
{
	struct control *ct = calloc(1, sizeof(*ct));

	if (ct == NULL)
		log_fatal("control socket");
	ct->ct_listen = listenfd;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		ct->ct_client[i].cl_fd = -1;
	return ct;
}

static void
client_close(struct client *cl)
{
	close(cl->cl_fd);
	*cl = (struct client){ .cl_fd = -1 };
}

void
control_free(struct control *ct)
{
	if (ct == NULL)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (ct->ct_client[i].cl_fd != -1)
			client_close(&ct->ct_client[i]);
	close(ct->ct_listen);
	free(ct);
}

static bool
client_put(struct client *cl, const void *record, size_t len)
{
	if (cl->cl_fd == -1)
		return false;
	if (send(cl->cl_fd, record, len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)len)
		return true;
	client_close(cl);
	return false;
}

static void
client_end(struct client *cl, const struct ikectl_hdr *rq, int error,
    uint32_t count)
{
	struct ikectl_hdr h = *rq;

	h.ik_op = IKECTL_END;
	h.ik_errno = error;
	h.ik_count = count;
	(void)client_put(cl, &h, sizeof(h));
}

struct status_arg {
	struct client		*sa_client;
	const struct ikectl_hdr	*sa_request;
	uint32_t		 sa_count;
	uint64_t		 sa_now;
};

static bool
name_matches(const char *want, const struct ike_status *st)
{
	size_t n = strlen(st->st_policy);

	if (want[0] == '\0' || strcmp(want, st->st_policy) == 0)
		return true;
	return strncmp(want, st->st_policy, n) == 0 && want[n] == '/' &&
	    strcmp(want + n + 1, st->st_child) == 0;
}

static void
status_line(void *arg, const struct ike_status *st)
{
	struct status_arg *a = arg;
	struct ikectl_status out;

	if (!name_matches(a->sa_request->ik_name, st))
		return;
	memset(&out, 0, sizeof(out));
	out.is_hdr = *a->sa_request;
	out.is_now = a->sa_now;
	out.is_status = *st;
	if (client_put(a->sa_client, &out, sizeof(out)))
		a->sa_count++;
}

static void
do_status(struct ikeproc *ip, struct client *cl, const struct ikectl_hdr *rq)
{
	struct status_arg a = { .sa_client = cl, .sa_request = rq,
	    .sa_now = ikeproc_now(ip) };

	ikeproc_status(ip, status_line, &a);
	client_end(cl, rq, a.sa_count == 0 && rq->ik_name[0] != '\0' ? ENOENT :
	    0, a.sa_count);
}

static void
put_stats(const struct asked *as, struct client *cl,
    const struct ikectl_hdr *rq)
{
	const struct ikeproc *ip = as->as_ip;
	struct ikectl_stats out;

	memset(&out, 0, sizeof(out));
	out.it_hdr = *rq;
	out.it_hdr.ik_op = IKECTL_STATS;
	out.it_revision = ip->ip_revision;
	out.it_failed = ip->ip_failed;
	out.it_kernel = as->as_kernel;
	out.it_event = as->as_events->es_last;
	out.it_events_lost = as->as_events->es_lost +
	    as->as_events->es_lost_parent;
	memcpy(out.it_text, ip->ip_failed_text, sizeof(out.it_text));
	ike_stats(ip->ip_ike, &out.it_stats);
	(void)client_put(cl, &out, sizeof(out));
}

static void
do_command(struct ikeproc *ip, struct client *cl, const struct ikectl_hdr *rq,
    enum ike_command cmd)
{
	size_t n = ike_command(ip->ip_ike, ikeproc_now(ip), cmd,
	    rq->ik_name[0] != '\0' ? rq->ik_name : NULL);

	client_end(cl, rq, n == 0 && rq->ik_name[0] != '\0' ? ENOENT : 0,
	    (uint32_t)n);
}

static const struct {
	uint16_t		op;
	enum ike_command	cmd;
} commands[] = {
	{ IKECTL_UP,		IKE_CMD_UP },
	{ IKECTL_DOWN,		IKE_CMD_DOWN },
	{ IKECTL_REKEY,		IKE_CMD_REKEY },
	{ IKECTL_REKEY_IKE,	IKE_CMD_REKEY_IKE },
	{ IKECTL_RESET,		IKE_CMD_DELETE_IKE },
};

static void
request(const struct asked *as, struct client *cl, const struct ikectl_hdr *rq)
{
	struct ikeproc *ip = as->as_ip;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].op == rq->ik_op) {
			do_command(ip, cl, rq, commands[i].cmd);
			return;
		}
	switch (rq->ik_op) {
	case IKECTL_STATUS:
		do_status(ip, cl, rq);
		break;
	case IKECTL_STATS:
		put_stats(as, cl, rq);
		client_end(cl, rq, 0, 1);
		break;
	case IKECTL_MONITOR:
		put_stats(as, cl, rq);
		cl->cl_monitor = cl->cl_fd != -1;
		client_end(cl, rq, 0, 0);
		break;
	default:
		client_end(cl, rq, EOPNOTSUPP, 0);
	}
}

static void
client_read(const struct asked *as, struct client *cl)
{
	struct ikectl_hdr rq;
	ssize_t n = recv(cl->cl_fd, &rq, sizeof(rq), MSG_DONTWAIT | MSG_TRUNC);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(rq)) {
		client_close(cl);
		return;
	}
	if (rq.ik_version != IKECTL_VERSION ||
	    memchr(rq.ik_name, '\0', sizeof(rq.ik_name)) == NULL) {
		memset(rq.ik_name, 0, sizeof(rq.ik_name));
		client_end(cl, &rq, EINVAL, 0);
		return;
	}
	request(as, cl, &rq);
}

/* The socket's mode in the file system says who comes so far. */
static void
control_accept(struct control *ct)
{
	int fd = accept4(ct->ct_listen, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC), size = 4 << 20;

	if (fd == -1)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (ct->ct_client[i].cl_fd == -1) {
			ct->ct_client[i].cl_fd = fd;
			return;
		}
	close(fd);
}

size_t
control_poll(const struct control *ct, struct pollfd *p, size_t max)
{
	size_t n = 0;

	if (ct == NULL || max < CONTROL_CLIENTS + 1)
		return 0;
	p[n++] = (struct pollfd){ .fd = ct->ct_listen, .events = POLLIN };
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (ct->ct_client[i].cl_fd != -1)
			p[n++] = (struct pollfd){
			    .fd = ct->ct_client[i].cl_fd, .events = POLLIN };
	return n;
}

void
control_ready(struct control *ct, struct ikeproc *ip, const struct events *es,
    bool kernel, const struct pollfd *p, size_t n)
{
	const struct asked as = { ip, es, kernel };

	for (size_t i = 0; i < n; i++) {
		if (p[i].revents == 0)
			continue;
		if (p[i].fd == ct->ct_listen)
			control_accept(ct);
		for (size_t c = 0; c < CONTROL_CLIENTS; c++)
			if (ct->ct_client[c].cl_fd == p[i].fd)
				client_read(&as, &ct->ct_client[c]);
	}
}

void
control_event(struct control *ct, const struct iked_event *ie)
{
	struct ikectl_event out;

	if (ct == NULL)
		return;
	memset(&out, 0, sizeof(out));
	out.ie_hdr.ik_version = IKECTL_VERSION;
	out.ie_hdr.ik_op = IKECTL_EVENT;
	out.ie_id = ie->ie_id;
	out.ie_time = ie->ie_time;
	out.ie_event = ie->ie_event;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (ct->ct_client[i].cl_monitor)
			(void)client_put(&ct->ct_client[i], &out, sizeof(out));
}
