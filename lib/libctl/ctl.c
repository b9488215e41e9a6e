/* SPDX-License-Identifier: ISC */
/*
 * Requests over netkern.sock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libctl/client.h"

struct ctl_client {
	int		cl_fd;
	uint32_t	cl_seq;
	char		cl_err[300];
	/* without a socket (cl_fd -1) */
	void		(*cl_message)(void *arg, const void *rec, size_t len);
	void		*cl_message_arg;
	/* of the request under way there */
	void		(*cl_fn)(void *, const void *, size_t);
	void		*cl_arg;
	int		cl_errno;
	uint8_t		cl_buf[sizeof(struct ctl_hdr) + CTL_MSG_MAX];
};

const char *
ctl_rundir(const char *arg)
{
	const char *env = getenv("RAVELIN_RUN");

	if (arg != NULL)
		return arg;
	return env != NULL && *env != '\0' ? env : CTL_RUNDIR;
}

static void
explain(int error, const char *path, char *err, size_t errlen)
{
	if (error == ENOENT || error == ECONNREFUSED)
		snprintf(err, errlen, "netkern is not running (%s: %s); start it, or name "
		    "its run directory with -r", path, strerror(error));
	else if (error == EACCES)
		snprintf(err, errlen, "%s: %s; be root", path, strerror(error));
	else
		snprintf(err, errlen, "%s: %s", path, strerror(error));
}

struct ctl_client *
ctl_open(const char *rundir, char *err, size_t errlen)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct ctl_client *cl;
	int n;

	n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", ctl_rundir(rundir),
	    CTL_SOCKET);
	if (n < 0 || (size_t)n >= sizeof(sun.sun_path)) {
		snprintf(err, errlen, "the run directory's name is too long");
		return NULL;
	}
	cl = calloc(1, sizeof(*cl));
	if (cl == NULL) {
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	cl->cl_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (cl->cl_fd == -1 ||
	    connect(cl->cl_fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		explain(errno, sun.sun_path, err, errlen);
		ctl_close(cl);
		return NULL;
	}
	return cl;
}

void
ctl_close(struct ctl_client *cl)
{
	if (cl == NULL)
		return;
	if (cl->cl_fd != -1)
		close(cl->cl_fd);
	free(cl);
}

struct ctl_client *
ctl_open_direct(void (*message)(void *, const void *, size_t), void *arg)
{
	struct ctl_client *cl = calloc(1, sizeof(*cl));

	if (cl == NULL)
		return NULL;
	cl->cl_fd = -1;
	cl->cl_message = message;
	cl->cl_message_arg = arg;
	return cl;
}

const char *
ctl_error(const struct ctl_client *cl)
{
	return cl->cl_err;
}

static int
fail(struct ctl_client *cl, int error, const char *what)
{
	snprintf(cl->cl_err, sizeof(cl->cl_err), "%s: %s", what, strerror(error));
	return error;
}

static int
request_send(struct ctl_client *cl, const struct ctl_hdr *h, const void *body,
    size_t len, int fd)
{
	union { struct cmsghdr h; char buf[CMSG_SPACE(sizeof(int))]; } c;
	struct iovec iov[2] = { { NULL, sizeof(*h) }, { NULL, len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = len != 0 ? 2 : 1 };
	uint8_t copy[sizeof(*h)];

	memcpy(copy, h, sizeof(copy));
	iov[0].iov_base = copy;
	if (len != 0) {
		memcpy(cl->cl_buf, body, len);
		iov[1].iov_base = cl->cl_buf;
	}
	if (fd != -1) {
		memset(&c, 0, sizeof(c));
		c.h.cmsg_len = CMSG_LEN(sizeof(int));
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
		m.msg_control = c.buf;
		m.msg_controllen = sizeof(c.buf);
	}
	while (sendmsg(cl->cl_fd, &m, MSG_NOSIGNAL) == -1)
		if (errno != EINTR)
			return fail(cl, errno, "netkern does not take the request");
	return 0;
}

/* The last answer: its errno, with the text kept. */
static int
request_end(struct ctl_client *cl, const struct ctl_hdr *h, size_t len)
{
	if (len >= sizeof(cl->cl_err))
		len = sizeof(cl->cl_err) - 1;
	memcpy(cl->cl_err, cl->cl_buf + sizeof(*h), len);
	cl->cl_err[len] = '\0';
	return h->ch_errno;
}

void
ctl_answer(struct ctl_client *cl, const void *rec, size_t len)
{
	struct ctl_hdr h;

	if (len < sizeof(h) || len > sizeof(cl->cl_buf))
		return;
	memcpy(cl->cl_buf, rec, len);
	memcpy(&h, rec, sizeof(h));
	if ((h.ch_flags & CTL_F_END) != 0)
		cl->cl_errno = request_end(cl, &h, len - sizeof(h));
	else if (cl->cl_fn != NULL)
		cl->cl_fn(cl->cl_arg, cl->cl_buf + sizeof(h), len - sizeof(h));
}

static int
call_direct(struct ctl_client *cl, const struct ctl_hdr *h, const void *body, size_t len,
    void (*fn)(void *, const void *, size_t), void *arg)
{
	uint8_t *rec = malloc(sizeof(*h) + len);

	if (rec == NULL)
		return fail(cl, ENOMEM, "request");
	memcpy(rec, h, sizeof(*h));
	if (len != 0)
		memcpy(rec + sizeof(*h), body, len);
	cl->cl_fn = fn;
	cl->cl_arg = arg;
	cl->cl_errno = ECONNRESET;
	cl->cl_message(cl->cl_message_arg, rec, sizeof(*h) + len);
	free(rec);
	return cl->cl_errno;
}

int
ctl_call(struct ctl_client *cl, uint16_t op, const void *body, size_t len, int fd,
    void (*fn)(void *, const void *, size_t), void *arg)
{
	struct ctl_hdr h = { .ch_version = CTL_VERSION, .ch_op = op, .ch_seq = ++cl->cl_seq };
	ssize_t n;
	int error;

	cl->cl_err[0] = '\0';
	if (len > CTL_MSG_MAX)
		return fail(cl, EMSGSIZE, "request");
	if (cl->cl_message != NULL)
		return call_direct(cl, &h, body, len, fn, arg);
	error = request_send(cl, &h, body, len, fd);
	if (error != 0)
		return error;
	for (;;) {
		n = recv(cl->cl_fd, cl->cl_buf, sizeof(cl->cl_buf), 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n < (ssize_t)sizeof(h))
			return fail(cl, n == -1 ? errno : ECONNRESET, "netkern went away");
		memcpy(&h, cl->cl_buf, sizeof(h));
		if (h.ch_seq != cl->cl_seq)
			continue;
		if ((h.ch_flags & CTL_F_END) != 0)
			return request_end(cl, &h, (size_t)n - sizeof(h));
		if (fn != NULL)
			fn(arg, cl->cl_buf + sizeof(h), (size_t)n - sizeof(h));
	}
}

struct one {
	void	*on_out;
	size_t	 on_size;
	bool	 on_got;
};

static void
take_one(void *arg, const void *body, size_t len)
{
	struct one *on = arg;

	if (len != on->on_size)
		return;
	memcpy(on->on_out, body, len);
	on->on_got = true;
}

int
ctl_get(struct ctl_client *cl, uint16_t op, const void *body, size_t len, void *out,
    size_t size)
{
	struct one on = { out, size, false };
	int error = ctl_call(cl, op, body, len, -1, take_one, &on);

	return error != 0 || on.on_got ? error :
	    fail(cl, EPROTO, "netkern is of another version");
}

struct ctl_client *
ctl_must_open(const char *rundir)
{
	char err[400];
	struct ctl_client *cl = ctl_open(rundir, err, sizeof(err));

	if (cl == NULL) {
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, err);
		exit(1);
	}
	return cl;
}

static void
must(const struct ctl_client *cl, int error)
{
	if (error == 0)
		return;
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, ctl_error(cl));
	exit(1);
}

void
ctl_must(struct ctl_client *cl, uint16_t op, const void *body, size_t len,
    void (*fn)(void *, const void *, size_t), void *arg)
{
	must(cl, ctl_call(cl, op, body, len, -1, fn, arg));
}

void
ctl_must_get(struct ctl_client *cl, uint16_t op, const void *body, size_t len, void *out,
    size_t size)
{
	must(cl, ctl_get(cl, op, body, len, out, size));
}
