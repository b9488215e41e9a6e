/* SPDX-License-Identifier: ISC */
/*
 * A client of the key socket: one SOCK_SEQPACKET connection, requests paired
 * with their answers by sequence number and pid (RFC 2367 section 2.1),
 * and what arrives meanwhile set aside in order.
 *
 * A program may have several connections, and netkern tells all of them of a
 * change; so that an answer to one is not taken for that of another, each
 * starts its sequence numbers at a random place.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "libpfkey/pfkey.h"

#define ASIDE_MAX	256
#define ANSWER_MS	5000
#define BATCH_WINDOW	1024	/* requests without their answers */
#define BATCH_BURST	64	/* of them sent in one go */
#define BATCH_MANY	32	/* answers that are worth a nap */
#define BATCH_NAP_US	500
#define RCVBUF		(4 * 1024 * 1024)
#define SNDBUF		(1024 * 1024)

struct aside {
	size_t	 as_len;
	uint8_t	*as_buf;
};

struct pfkey {
	int		pk_fd;
	bool		pk_nonblock;
	uint32_t	pk_pid, pk_seq;
	unsigned	pk_head, pk_n;		/* of pk_aside, a ring */
	struct aside	pk_aside[ASIDE_MAX];
	size_t		pk_len;
	uint8_t		pk_buf[PFKEY_MSG_MAX];
	uint8_t		pk_out[PFKEY_MSG_MAX];
};

static int
poll_for(const struct pfkey *pk, short events, int ms)
{
	struct pollfd pfd = { .fd = pk->pk_fd, .events = events };
	int n;

	do
		n = poll(&pfd, 1, ms);
	while (n == -1 && errno == EINTR);
	return n == -1 ? errno : n == 0 ? ETIMEDOUT : 0;
}

/* ---- life ---- */

static int
ask_private(struct pfkey *pk)
{
	struct pfkey_msg m;

	pfkey_init(&m, SADB_X_PROMISC, 0);
	pfkey_set(&m, PFKEY_EXT_ASK);
	return pfkey_call(pk, &m, NULL);
}

struct pfkey *
pfkey_attach(int fd, unsigned flags)
{
	struct pfkey *pk = calloc(1, sizeof(*pk));
	int error, size = RCVBUF, sndbuf = SNDBUF, fl;

	if (pk == NULL) {
		close(fd);
		return NULL;
	}
	pk->pk_fd = fd;
	pk->pk_pid = (uint32_t)getpid();
	pk->pk_nonblock = (flags & PFKEY_O_NONBLOCK) != 0;
	if (getrandom(&pk->pk_seq, sizeof(pk->pk_seq), 0) != sizeof(pk->pk_seq))
		pk->pk_seq = (uint32_t)time(NULL);
	/* As large as one gets: a broadcast that finds it full is lost. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf, sizeof(sndbuf));
	fl = fcntl(fd, F_GETFL);
	if (fl == -1 || fcntl(fd, F_SETFL, fl | O_NONBLOCK) == -1)
		error = errno;
	else
		error = flags & PFKEY_O_PRIVATE ? ask_private(pk) : 0;
	if (error != 0) {
		pfkey_close(pk);
		errno = error;
		return NULL;
	}
	return pk;
}

struct pfkey *
pfkey_open(const char *path, unsigned flags)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, error;

	if (path == NULL)
		path = PFKEY_SOCKET;
	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return NULL;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		error = errno;
		close(fd);
		errno = error;
		return NULL;
	}
	return pfkey_attach(fd, flags);
}

static void
wipe(uint8_t *buf, size_t len)
{
	explicit_bzero(buf, len);
}

void
pfkey_close(struct pfkey *pk)
{
	if (pk == NULL)
		return;
	for (unsigned i = 0; i < ASIDE_MAX; i++) {
		if (pk->pk_aside[i].as_buf != NULL)
			wipe(pk->pk_aside[i].as_buf, pk->pk_aside[i].as_len);
		free(pk->pk_aside[i].as_buf);
	}
	close(pk->pk_fd);
	wipe(pk->pk_buf, sizeof(pk->pk_buf));
	wipe(pk->pk_out, sizeof(pk->pk_out));
	free(pk);
}

int
pfkey_fd(const struct pfkey *pk)
{
	return pk->pk_fd;
}

uint32_t
pfkey_pid(const struct pfkey *pk)
{
	return pk->pk_pid;
}

/* ---- one message ---- */

static void
number(struct pfkey *pk, struct pfkey_msg *m)
{
	if (m->pm_seq == 0 && (m->pm_seq = ++pk->pk_seq) == 0)
		m->pm_seq = ++pk->pk_seq;
	m->pm_pid = pk->pk_pid;
}

static int
transmit(const struct pfkey *pk, const uint8_t *buf, size_t len)
{
	ssize_t n;

	do
		n = send(pk->pk_fd, buf, len, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n != -1)
		return 0;
	return errno == EWOULDBLOCK ? EAGAIN : errno == EPIPE ? ECONNRESET : errno;
}

int
pfkey_send(struct pfkey *pk, struct pfkey_msg *m)
{
	size_t len;
	int error;

	number(pk, m);
	len = pfkey_build(m, pk->pk_out, sizeof(pk->pk_out));
	if (len == 0)
		return EMSGSIZE;
	error = transmit(pk, pk->pk_out, len);
	wipe(pk->pk_out, len);
	return error;
}

/* From the socket into pk_buf, without waiting. */
static int
receive(struct pfkey *pk)
{
	ssize_t n;

	do
		n = recv(pk->pk_fd, pk->pk_buf, sizeof(pk->pk_buf), 0);
	while (n == -1 && errno == EINTR);
	if (n == 0)
		return ECONNRESET;
	if (n == -1)
		return errno == EWOULDBLOCK ? EAGAIN : errno;
	pk->pk_len = (size_t)n;
	return 0;
}

static int
receive_wait(struct pfkey *pk, int ms)
{
	int error;

	while ((error = receive(pk)) == EAGAIN) {
		if ((error = poll_for(pk, POLLIN, ms)) != 0)
			return error;
	}
	return error;
}

static int
parse(struct pfkey *pk, struct pfkey_msg *m)
{
	return pfkey_parse(pk->pk_buf, pk->pk_len, PFKEY_FROM_KERNEL, m, NULL) == 0 ? 0 : EBADMSG;
}

/* The message in pk_buf is kept for pfkey_recv(); the oldest gives way. */
static void
set_aside(struct pfkey *pk)
{
	struct aside *as = &pk->pk_aside[(pk->pk_head + pk->pk_n) % ASIDE_MAX];

	free(as->as_buf);
	as->as_buf = malloc(pk->pk_len);
	if (pk->pk_n == ASIDE_MAX)
		pk->pk_head = (pk->pk_head + 1) % ASIDE_MAX;
	else
		pk->pk_n++;
	as->as_len = as->as_buf != NULL ? pk->pk_len : 0;
	if (as->as_buf != NULL)
		memcpy(as->as_buf, pk->pk_buf, pk->pk_len);
}

static void
take_aside(struct pfkey *pk)
{
	struct aside *as = &pk->pk_aside[pk->pk_head];

	pk->pk_head = (pk->pk_head + 1) % ASIDE_MAX;
	pk->pk_n--;
	pk->pk_len = as->as_len;
	if (as->as_len != 0)
		memcpy(pk->pk_buf, as->as_buf, as->as_len);
	free(as->as_buf);
	as->as_buf = NULL;
	as->as_len = 0;
}

bool
pfkey_pending(const struct pfkey *pk)
{
	return pk->pk_n != 0;
}

int
pfkey_recv(struct pfkey *pk, struct pfkey_msg *m)
{
	int error = 0;

	if (pk->pk_n != 0)
		take_aside(pk);
	else
		error = pk->pk_nonblock ? receive(pk) : receive_wait(pk, -1);
	return error != 0 ? error : parse(pk, m);
}

/* ---- requests and answers ---- */

/* Waits until the socket takes it; reads what arrives meanwhile, lest both sides wait. */
static int
send_wait(struct pfkey *pk, struct pfkey_msg *m)
{
	int error;

	while ((error = pfkey_send(pk, m)) == EAGAIN) {
		if ((error = poll_for(pk, POLLIN | POLLOUT, ANSWER_MS)) != 0)
			break;
		if ((error = receive(pk)) == 0)
			set_aside(pk);
		else if (error != EAGAIN)
			break;
	}
	return error;
}

int
pfkey_call(struct pfkey *pk, struct pfkey_msg *m, struct pfkey_msg *reply)
{
	struct pfkey_msg r;
	int error;

	if ((error = send_wait(pk, m)) != 0)
		return error;
	for (;;) {
		if ((error = receive_wait(pk, ANSWER_MS)) != 0)
			return error;
		error = parse(pk, &r);
		if (error == 0 && r.pm_seq == m->pm_seq && r.pm_pid == pk->pk_pid &&
		    r.pm_type == m->pm_type)
			break;
		if (error == 0)
			set_aside(pk);
	}
	if (reply != NULL)
		*reply = r;
	return r.pm_errno;
}

struct window {
	size_t		wi_sent, wi_done;
	uint32_t	wi_seq[BATCH_WINDOW];
	uint8_t		wi_type[BATCH_WINDOW];
	bool		wi_more;	/* next() has more */
	/* built, and not all sent */
	size_t		wi_built, wi_at;	/* of wi_len */
	size_t		wi_used, wi_off;	/* bytes of wi_buf; of wi_at */
	size_t		wi_len[BATCH_BURST];
	uint8_t		wi_buf[BATCH_BURST * 512 + PFKEY_MSG_MAX];
};

/*
 * Until an answer may be there.  Who is asleep in poll() is woken for each
 * answer, and with a hundred thousand of them two processes do little but
 * wake each other: if many are to come, a nap lets them gather.
 */
static int
batch_wait(struct pfkey *pk, size_t due)
{
	struct timespec nap = { 0, BATCH_NAP_US * 1000 };
	int error;

	if (due >= BATCH_MANY) {
		(void)nanosleep(&nap, NULL);
		if ((error = receive(pk)) != EAGAIN)
			return error;
	}
	return receive_wait(pk, ANSWER_MS);
}

/* The answer in pk_buf is to the oldest request without one; netkern answers in order. */
static void
batch_answer(struct pfkey *pk, struct window *wi,
    void (*answer)(void *, size_t, int, const struct pfkey_msg *), void *arg)
{
	unsigned slot = wi->wi_done % BATCH_WINDOW;
	struct pfkey_msg r;

	if (parse(pk, &r) != 0)
		return;
	if (r.pm_seq != wi->wi_seq[slot] || r.pm_pid != pk->pk_pid || r.pm_type != wi->wi_type[slot])
		set_aside(pk);
	else
		answer(arg, wi->wi_done++, r.pm_errno, &r);
}

/*
 * Builds requests, as many as fit.  They are sent in one go then: who takes
 * them finds the next one there, and does not sleep after each.
 */
static int
batch_build(struct pfkey *pk, struct window *wi, bool (*next)(void *, size_t, struct pfkey_msg *),
    void *arg)
{
	size_t in_use = wi->wi_sent - wi->wi_done;
	struct pfkey_msg m;

	wi->wi_built = wi->wi_at = wi->wi_used = wi->wi_off = 0;
	while (wi->wi_more && wi->wi_built < BATCH_BURST && in_use + wi->wi_built < BATCH_WINDOW &&
	    sizeof(wi->wi_buf) - wi->wi_used >= PFKEY_MSG_MAX) {
		size_t i = wi->wi_sent + wi->wi_built, len;

		memset(&m, 0, sizeof(m));
		if (!(wi->wi_more = next(arg, i, &m)))
			break;
		number(pk, &m);
		if ((len = pfkey_build(&m, wi->wi_buf + wi->wi_used, PFKEY_MSG_MAX)) == 0)
			return EMSGSIZE;
		wi->wi_seq[i % BATCH_WINDOW] = m.pm_seq;
		wi->wi_type[i % BATCH_WINDOW] = m.pm_type;
		wi->wi_len[wi->wi_built++] = len;
		wi->wi_used += len;
	}
	return 0;
}

/* Requests until the window is full or the socket takes none; EAGAIN is no error. */
static int
batch_send(struct pfkey *pk, struct window *wi, bool (*next)(void *, size_t, struct pfkey_msg *),
    void *arg)
{
	int error = 0;

	while (error == 0) {
		if (wi->wi_at == wi->wi_built && (error = batch_build(pk, wi, next, arg)) != 0)
			return error;
		if (wi->wi_built == 0)
			return 0;
		error = transmit(pk, wi->wi_buf + wi->wi_off, wi->wi_len[wi->wi_at]);
		if (error == 0) {
			wi->wi_off += wi->wi_len[wi->wi_at++];
			wi->wi_sent++;
		} else if (error == EAGAIN && wi->wi_sent == wi->wi_done) {
			error = poll_for(pk, POLLOUT, ANSWER_MS);
		}
	}
	return error == EAGAIN ? 0 : error;
}

int
pfkey_batch(struct pfkey *pk, bool (*next)(void *, size_t, struct pfkey_msg *),
    void (*answer)(void *, size_t, int, const struct pfkey_msg *), void *arg)
{
	struct window *wi = calloc(1, sizeof(*wi));
	int error = wi == NULL ? ENOMEM : 0;

	if (wi != NULL)
		wi->wi_more = true;
	while (error == 0) {
		if ((error = batch_send(pk, wi, next, arg)) != 0 || wi->wi_done == wi->wi_sent)
			break;
		error = batch_wait(pk, wi->wi_sent - wi->wi_done);
		/* all that is there */
		for (; error == 0; error = wi->wi_done == wi->wi_sent ? EAGAIN : receive(pk))
			batch_answer(pk, wi, answer, arg);
		error = error == EAGAIN ? 0 : error;
	}
	if (wi != NULL)
		wipe(wi->wi_buf, sizeof(wi->wi_buf));
	free(wi);
	return error;
}

int
pfkey_dump(struct pfkey *pk, uint8_t type, uint8_t satype,
    int (*fn)(void *, const struct pfkey_msg *), void *arg)
{
	struct pfkey_msg m;
	int error, result = 0;

	pfkey_init(&m, type, satype);
	if ((error = send_wait(pk, &m)) != 0)
		return error;
	for (;;) {
		if ((error = receive_wait(pk, ANSWER_MS)) != 0)
			return error;
		if (parse(pk, &m) != 0)
			return EBADMSG;
		if (m.pm_type != type || m.pm_pid != pk->pk_pid) {
			set_aside(pk);
			continue;
		}
		if (m.pm_errno != 0)
			return m.pm_errno == ENOENT ? result : m.pm_errno;
		if (result == 0)
			result = fn(arg, &m);
		if (m.pm_seq == 0)
			return result;
	}
}
