/* SPDX-License-Identifier: ISC */
/*
 * ikectl's side of the ike process (libctl/ikectl.h).  A client that sends
 * what is no request, or does not read its answers, loses its connection and
 * nothing else is touched.
 *
 * The status of very many tunnels is more than a socket holds: it goes out as
 * the client reads, some tunnels at a time between the other work.  If the policy
 * changes meanwhile, the lines would be of two policies; the client is told to
 * ask again.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "libctl/ikectl.h"
#include "libutil/log.h"

#define STATUS_TURN	200	/* tunnels told before other work */

struct record {
	STAILQ_ENTRY(record)	rc_entry;
	size_t			rc_len;
	uint8_t			rc_bytes[];
};

/* A status that is being told. */
struct telling {
	bool			te_on;
	struct ikectl_hdr	te_request;
	uint64_t		te_version;	/* of the policy */
	size_t			te_place;	/* of the next tunnel */
	uint32_t		te_count;
	STAILQ_HEAD(, record)	te_records;	/* made, not sent yet */
};

struct client {
	int		cl_fd;		/* -1: free */
	bool		cl_monitor;
	bool		cl_may;		/* change anything */
	struct telling	cl_telling;
};

struct control {
	int		ct_listen;
	struct peer_members ct_may;
	struct client	ct_client[CONTROL_CLIENTS];
};

/* Whom a request is about. */
struct asked {
	struct ikeproc		*as_ip;
	const struct events	*as_events;
	bool			 as_kernel;
};

struct control *
control_new(int listenfd, const struct peer_members *may)
{
	struct control *ct = calloc(1, sizeof(*ct));

	if (ct == NULL)
		log_fatal("control socket");
	ct->ct_listen = listenfd;
	ct->ct_may = *may;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		ct->ct_client[i].cl_fd = -1;
	return ct;
}

static void
telling_end(struct telling *te)
{
	struct record *rc;

	while (te->te_on && (rc = STAILQ_FIRST(&te->te_records)) != NULL) {
		STAILQ_REMOVE_HEAD(&te->te_records, rc_entry);
		free(rc);
	}
	te->te_on = false;
}

static void
client_close(struct client *cl)
{
	telling_end(&cl->cl_telling);
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

/* ---- status ------------------------------------------------------- */

struct status_arg {
	struct client	*sa_client;
	uint64_t	 sa_now;
};

static void
status_line(void *arg, const struct ike_status *st)
{
	struct status_arg *a = arg;
	struct telling *te = &a->sa_client->cl_telling;
	struct record *rc = calloc(1, sizeof(*rc) + sizeof(struct ikectl_status));
	struct ikectl_status *out;

	if (rc == NULL) {
		te->te_version = UINT64_MAX;	/* a line is missing: EAGAIN */
		return;
	}
	out = (struct ikectl_status *)(void *)rc->rc_bytes;
	out->is_hdr = te->te_request;
	out->is_now = a->sa_now;
	out->is_status = *st;
	rc->rc_len = sizeof(*out);
	STAILQ_INSERT_TAIL(&te->te_records, rc, rc_entry);
	te->te_count++;
}

/* What is made goes out; false: the rest must wait, or the client has gone. */
static bool
telling_flush(struct client *cl)
{
	struct telling *te = &cl->cl_telling;
	struct record *rc;

	while ((rc = STAILQ_FIRST(&te->te_records)) != NULL) {
		ssize_t n = send(cl->cl_fd, rc->rc_bytes, rc->rc_len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n != (ssize_t)rc->rc_len) {
			client_close(cl);
			return false;
		}
		STAILQ_REMOVE_HEAD(&te->te_records, rc_entry);
		free(rc);
	}
	return true;
}

static void
telling_done(struct client *cl, int error)
{
	const struct ikectl_hdr rq = cl->cl_telling.te_request;
	uint32_t count = cl->cl_telling.te_count;

	telling_end(&cl->cl_telling);
	client_end(cl, &rq, error, count);
}

/* A turn: true if something was told and there may be more. */
static bool
tell_next(const struct ikeproc *ip, struct client *cl)
{
	struct telling *te = &cl->cl_telling;
	struct status_arg a = { cl, ikeproc_now(ip) };

	if (!telling_flush(cl))
		return false;
	if (te->te_version != ike_policy_version(ip->ip_ike)) {
		telling_done(cl, EAGAIN);
		return false;
	}
	if (ikeproc_status_at(ip, te->te_place++, status_line, &a))
		return true;
	telling_done(cl, 0);
	return false;
}

static void
tell_status(const struct ikeproc *ip, struct client *cl)
{
	for (unsigned i = 0; i < STATUS_TURN && tell_next(ip, cl); i++)
		continue;
}

/* Of one name all is told at once; it is little. */
static void
do_status(struct ikeproc *ip, struct client *cl, const struct ikectl_hdr *rq)
{
	struct telling *te = &cl->cl_telling;
	struct status_arg a = { cl, ikeproc_now(ip) };

	*te = (struct telling){ .te_on = true, .te_request = *rq,
	    .te_version = ike_policy_version(ip->ip_ike) };
	STAILQ_INIT(&te->te_records);
	if (rq->ik_name[0] == '\0') {
		tell_status(ip, cl);
		return;
	}
	ikeproc_status_of(ip, rq->ik_name, status_line, &a);
	if (te->te_count == 0)
		telling_done(cl, ENOENT);
	else
		te->te_place = SIZE_MAX;	/* nothing more than these */
	if (te->te_on)
		tell_status(ip, cl);
}

/* ---- requests ----------------------------------------------------- */

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
	    as->as_events->es_lost_parent + ip->ip_strangers.sr_lost +
	    ip->ip_told.td_lost;
	memcpy(out.it_text, ip->ip_failed_text, sizeof(out.it_text));
	memcpy(out.it_notice, ip->ip_notice, sizeof(out.it_notice));
	ike_stats(ip->ip_ike, &out.it_stats);
	(void)client_put(cl, &out, sizeof(out));
}

static void
count_line(void *arg, const struct ike_status *st)
{
	(void)st;
	++*(size_t *)arg;
}

static bool
name_known(const struct ikeproc *ip, const char *name)
{
	size_t lines = 0;

	ikeproc_status_of(ip, name, count_line, &lines);
	return name[0] == '\0' || lines != 0;
}

/* Of a name that is known there may be nothing to do it to. */
static void
do_command(struct ikeproc *ip, struct client *cl, const struct ikectl_hdr *rq,
    enum ike_command cmd)
{
	size_t n;

	if (!cl->cl_may) {
		client_end(cl, rq, EPERM, 0);
		return;
	}
	n = ike_command(ip->ip_ike, ikeproc_now(ip), cmd,
	    rq->ik_name[0] != '\0' ? rq->ik_name : NULL);
	client_end(cl, rq, n == 0 && !name_known(ip, rq->ik_name) ? ENOENT : 0,
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
	{ IKECTL_CHECK,		IKE_CMD_CHECK },
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

/* What has been asked is told before the next question is read. */
static void
client_turn(const struct asked *as, struct client *cl)
{
	if (cl->cl_telling.te_on)
		tell_status(as->as_ip, cl);
	else
		client_read(as, cl);
}

/* The socket's mode in the file system says who comes so far, and may look. */
static void
control_accept(struct control *ct)
{
	int fd = accept4(ct->ct_listen, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC), size = 4 << 20;
	uid_t uid;
	gid_t gid;
	bool may;

	if (fd == -1)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	may = peer_of(fd, &uid, &gid) && peer_is_one_of(&ct->ct_may, uid, gid);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (ct->ct_client[i].cl_fd == -1) {
			ct->ct_client[i].cl_fd = fd;
			ct->ct_client[i].cl_may = may;
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
			    .fd = ct->ct_client[i].cl_fd, .events =
			    ct->ct_client[i].cl_telling.te_on ? POLLOUT :
			    POLLIN };
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
				client_turn(&as, &ct->ct_client[c]);
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
