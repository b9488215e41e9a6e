/* SPDX-License-Identifier: ISC */
/*
 * Messages between processes (see imsg.h): an eight-byte header and the
 * body are one record of the socket; the descriptor travels beside it
 * (unix(7), SCM_RIGHTS).
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "libutil/imsg.h"

struct imsg_hdr {
	uint32_t	ih_type;
	uint32_t	ih_id;
};

union fd_control {
	struct cmsghdr	hdr;
	char		room[CMSG_SPACE(sizeof(int))];
};

int
imsg_pair(int sv[2])
{
	int size = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0, sv) == -1)
		return -1;
	for (int i = 0; i < 2; i++)
		(void)setsockopt(sv[i], SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof(size));
	return 0;
}

static bool
wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 10000) == 1 || errno == EINTR;
}

bool
imsg_send(int fd, uint32_t type, uint32_t id, const void *data, size_t len,
    int passfd)
{
	struct imsg_hdr h = { type, id };
	uint8_t none = 0;
	struct iovec iov[2];
	union fd_control control;
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	if (len > IMSG_DATA_MAX) {
		errno = EMSGSIZE;
		return false;
	}
	iov[0] = (struct iovec){ &h, sizeof(h) };
	memcpy(&iov[1].iov_base, len != 0 ? &data : &(const void *){ &none },
	    sizeof(void *));
	iov[1].iov_len = len;
	if (passfd != -1) {
		memset(&control, 0, sizeof(control));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		control.hdr.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.hdr), &passfd, sizeof(int));
	}
	while (sendmsg(fd, &m, MSG_NOSIGNAL) == -1) {
		if (errno == EINTR)
			continue;
		if ((errno != EAGAIN && errno != ENOBUFS) || !wait_writable(fd))
			return false;
	}
	return true;
}

int
imsg_passed_fd(struct msghdr *m)
{
	int fd = -1, one;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	    c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n == 1 && fd == -1)
				fd = one;
			else
				close(one);
		}
	}
	return fd;
}

int
imsg_recv(int fd, struct imsg *im)
{
	struct imsg_hdr h;
	struct iovec iov[2] = {
		{ &h, sizeof(h) }, { im->im_data, sizeof(im->im_data) }
	};
	union fd_control control;
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2,
	    .msg_control = &control, .msg_controllen = sizeof(control.room) };
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == EAGAIN ? 0 : -1;
	im->im_fd = imsg_passed_fd(&m);
	if ((size_t)n < sizeof(h) || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		if (im->im_fd != -1)
			close(im->im_fd);
		return -1;
	}
	im->im_type = h.ih_type;
	im->im_id = h.ih_id;
	im->im_len = (size_t)n - sizeof(h);
	return 1;
}

const void *
imsg_body(const struct imsg *im, size_t len)
{
	return im->im_len == len ? im->im_data : NULL;
}

void
imsg_wipe(struct imsg *im)
{
	explicit_bzero(im->im_data, im->im_len);
	im->im_len = 0;
}
