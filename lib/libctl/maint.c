/* SPDX-License-Identifier: ISC */
/*
 * A program's side of maint.sock (see maint.h).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "libctl/maint.h"

enum {
	ANSWER_MS	= 180 * 1000,
	STATE_MAX	= 32 << 20,	/* two results of maintd's OUT_MAX, escaped */
};

struct maint {
	int		ma_fd;
	uint32_t	ma_seq;
	char		ma_text[MAINT_TEXT + 1];
	uint8_t		ma_buf[MAINT_RECORD];
};

static char open_why[300];

struct maint *
maint_open(const char *rundir, const char **why)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct maint *ma = calloc(1, sizeof(*ma));
	int n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" MAINT_SOCKET,
	    rundir);

	*why = "out of memory";
	if (ma == NULL)
		return NULL;
	ma->ma_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (n > 0 && (size_t)n < sizeof(sun.sun_path) && ma->ma_fd != -1 &&
	    connect(ma->ma_fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return ma;
	(void)snprintf(open_why, sizeof(open_why), errno == ENOENT ||
	    errno == ECONNREFUSED ? "maintd does not run: start it (%s: %s)." :
	    "maintd cannot be asked (%s: %s).", sun.sun_path, strerror(errno));
	*why = open_why;
	maint_close(ma);
	return NULL;
}

void
maint_close(struct maint *ma)
{
	if (ma == NULL)
		return;
	if (ma->ma_fd != -1)
		close(ma->ma_fd);
	explicit_bzero(ma, sizeof(*ma));
	free(ma);
}

static bool
send_record(struct maint *ma, struct maint_request *mq)
{
	size_t n;
	ssize_t sent;

	mq->mq_seq = ++ma->ma_seq;
	if ((n = maint_build(mq, ma->ma_buf, sizeof(ma->ma_buf))) == 0)
		return false;
	do
		sent = send(ma->ma_fd, ma->ma_buf, n, MSG_NOSIGNAL);
	while (sent == -1 && errno == EINTR);
	explicit_bzero(ma->ma_buf, n);
	return sent == (ssize_t)n;
}

/* One record, and what descriptor came with it. */
static ssize_t
receive(struct maint *ma, int *fd)
{
	union { struct cmsghdr h; char buf[CMSG_SPACE(sizeof(int))]; } u;
	struct iovec iov = { ma->ma_buf, sizeof(ma->ma_buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = u.buf, .msg_controllen = sizeof(u.buf) };
	struct pollfd pfd = { .fd = ma->ma_fd, .events = POLLIN };
	struct cmsghdr *h;
	ssize_t n;

	*fd = -1;
	if (poll(&pfd, 1, ANSWER_MS) != 1)
		return -1;
	do
		n = recvmsg(ma->ma_fd, &m, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (h != NULL && h->cmsg_level == SOL_SOCKET &&
	    h->cmsg_type == SCM_RIGHTS && h->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(h), sizeof(*fd));
	return n;
}

static bool
take_answer(struct maint *ma, size_t len, enum maint_status *status)
{
	struct cur c = cur_init(ma->ma_buf, len);
	uint16_t version = cur_u16(&c), op = cur_u16(&c);
	uint32_t seq = cur_u32(&c);
	size_t n;

	*status = (enum maint_status)cur_u8(&c);
	n = cur_u16(&c);
	if (version != MAINT_VERSION || op != MAINT_ANSWER ||
	    seq != ma->ma_seq || n > MAINT_TEXT || !cur_copy(&c, ma->ma_text, n))
		return false;
	ma->ma_text[n] = '\0';
	return cur_end(&c);
}

enum maint_status
maint_ask(struct maint *ma, struct maint_request *mq, const char **text, int *fd)
{
	enum maint_status status = MAINT_REFUSED;
	ssize_t n;
	int got = -1;

	*text = "maintd has ended meanwhile: try again.";
	if (fd != NULL)
		*fd = -1;
	if (!send_record(ma, mq))
		return MAINT_REFUSED;
	n = receive(ma, &got);
	if (n > 0 && take_answer(ma, (size_t)n, &status))
		*text = ma->ma_text;
	else
		status = MAINT_REFUSED;
	if (fd != NULL)
		*fd = got;
	else if (got != -1)
		close(got);
	return status;
}

bool
maint_data(struct maint *ma, const void *p, size_t n)
{
	struct maint_request mq = { .mq_op = MAINT_DATA };
	struct cur c = cur_init(p, n);

	while (cur_left(&c) != 0) {
		size_t piece = cur_left(&c);

		mq.mq_data = cur_sub(&c, piece < MAINT_PIECE ? piece :
		    MAINT_PIECE);
		if (!send_record(ma, &mq))
			return false;
	}
	return true;
}

static char *
read_all(int fd)
{
	char *text = malloc(STATE_MAX + 1);
	size_t n = 0;
	ssize_t got = 0;

	while (text != NULL && n < STATE_MAX &&
	    (got = read(fd, text + n, STATE_MAX - n)) > 0)
		n += (size_t)got;
	if (text != NULL)
		text[got == 0 ? n : 0] = '\0';
	return text;
}

char *
maint_state(struct maint *ma, enum maint_kind kind, const char **why)
{
	struct maint_request mq = { .mq_op = MAINT_STATUS, .mq_kind = kind };
	char *text = NULL;
	int fd;

	if (maint_ask(ma, &mq, why, &fd) == MAINT_OK && fd != -1)
		text = read_all(fd);
	if (fd != -1)
		close(fd);
	return text;
}
