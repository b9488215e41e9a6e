/* SPDX-License-Identifier: ISC */
/*
 * Messages between processes: what is sent arrives, with its descriptor;
 * what is too long is refused; what is no message ends the conversation.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libutil/imsg.h"
#include "test.h"

static struct imsg im;

static void
round_trip(void)
{
	static uint8_t body[IMSG_DATA_MAX];
	static const size_t lengths[] = { 0, 1, 100, 4096, IMSG_DATA_MAX };
	int sv[2];

	CU_ASSERT_EQUAL_FATAL(imsg_pair(sv), 0);
	for (size_t i = 0; i < TEST_COUNT(lengths); i++) {
		test_row("%zu bytes", lengths[i]);
		memset(body, (int)i + 1, sizeof(body));
		CU_ASSERT(imsg_send(sv[0], 7, (uint32_t)i, body, lengths[i],
		    -1));
		CU_ASSERT_EQUAL(imsg_recv(sv[1], &im), 1);
		CU_ASSERT(im.im_type == 7 && im.im_id == i && im.im_fd == -1);
		CU_ASSERT_EQUAL(im.im_len, lengths[i]);
		CU_ASSERT_EQUAL((uintptr_t)im.im_data % 16, 0);
		CU_ASSERT_PTR_NOT_NULL(imsg_body(&im, lengths[i]));
		CU_ASSERT_PTR_NULL(imsg_body(&im, lengths[i] + 1));
		TEST_BYTES(im.im_data, body, lengths[i]);
	}
	test_row("nothing there");
	CU_ASSERT_EQUAL(imsg_recv(sv[1], &im), 0);
	test_row("too long");
	CU_ASSERT_FALSE(imsg_send(sv[0], 7, 0, body, IMSG_DATA_MAX + 1, -1));
	CU_ASSERT_EQUAL(errno, EMSGSIZE);
	test_row("peer gone");
	close(sv[0]);
	CU_ASSERT_EQUAL(imsg_recv(sv[1], &im), -1);
	CU_ASSERT_FALSE(imsg_send(sv[1], 7, 0, NULL, 0, -1));
	close(sv[1]);
}

static void
descriptor(void)
{
	int sv[2], p[2];
	char c = 0;

	CU_ASSERT_EQUAL_FATAL(imsg_pair(sv), 0);
	CU_ASSERT_EQUAL_FATAL(pipe(p), 0);
	CU_ASSERT(imsg_send(sv[0], 1, 2, NULL, 0, p[1]));
	close(p[1]);
	CU_ASSERT_EQUAL(imsg_recv(sv[1], &im), 1);
	CU_ASSERT_NOT_EQUAL_FATAL(im.im_fd, -1);
	CU_ASSERT_EQUAL(write(im.im_fd, "x", 1), 1);
	CU_ASSERT_EQUAL(read(p[0], &c, 1), 1);
	CU_ASSERT_EQUAL(c, 'x');
	close(im.im_fd);
	close(p[0]);
	close(sv[0]);
	close(sv[1]);
}

/* The next number that a descriptor gets: it stays where it was if none leak. */
static int
next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* A peer that sends several with a record leaves none of them here. */
static void
several(void)
{
	static const int fds[5] = { 0, 1, 2, 0, 1 };
	int sv[2], before;

	CU_ASSERT_EQUAL_FATAL(imsg_pair(sv), 0);
	before = next_fd();
	for (size_t n = 2; n <= TEST_COUNT(fds); n++) {
		union { struct cmsghdr h; char buf[CMSG_SPACE(sizeof(fds))]; } c = { 0 };
		uint32_t rec[3] = { 7, 1, 0 };
		struct iovec iov = { rec, sizeof(rec) };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.buf,
		    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };

		test_row("%zu", n);
		c.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)),
		    .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&c.h), fds, n * sizeof(int));
		CU_ASSERT_EQUAL(sendmsg(sv[0], &m, 0), (ssize_t)sizeof(rec));
		if (imsg_recv(sv[1], &im) == 1)
			CU_ASSERT_EQUAL(im.im_fd, -1);
		CU_ASSERT_EQUAL(next_fd(), before);
	}
	close(sv[0]);
	close(sv[1]);
}

static void
no_message(void)
{
	int sv[2];

	for (size_t n = 0; n < 8; n++) {
		test_row("%zu bytes are no header", n);
		CU_ASSERT_EQUAL_FATAL(imsg_pair(sv), 0);
		CU_ASSERT_EQUAL(send(sv[0], "\0\0\0\0\0\0\0", n, 0),
		    (ssize_t)n);
		CU_ASSERT_EQUAL(imsg_recv(sv[1], &im), -1);
		close(sv[0]);
		close(sv[1]);
	}
}

TEST_MAIN(
	TEST("what is sent arrives", round_trip),
	TEST("descriptors", descriptor),
	TEST("several descriptors", several),
	TEST("what is no message", no_message))
