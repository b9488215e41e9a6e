/* SPDX-License-Identifier: ISC */
/*
 * The client against a server that the test plays: answers, answers to
 * others, what arrives meanwhile, a socket that is full or goes away.
 */
#include "test.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpfkey/pfkey.h"

static int server;
static struct pfkey *pk;
static struct pfkey_msg m, r;

static void
open_pair(unsigned flags)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == -1)
		abort();
	server = fd[1];
	pk = pfkey_attach(fd[0], flags);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pk);
}

static void
serve(const struct pfkey_msg *msg)
{
	uint8_t buf[PFKEY_MSG_MAX];
	size_t n = pfkey_build(msg, buf, sizeof(buf));

	CU_ASSERT_EQUAL(send(server, buf, n, 0), (ssize_t)n);
}

static void
answer(uint8_t type, uint32_t seq, uint32_t pid, uint8_t error)
{
	struct pfkey_msg a;

	pfkey_init(&a, type, SADB_SATYPE_ESP);
	a.pm_seq = seq;
	a.pm_pid = pid;
	a.pm_errno = error;
	serve(&a);
}

static void
calls(void)
{
	open_pair(0);
	test_row("the answer among others");
	pfkey_init(&m, SADB_FLUSH, SADB_SATYPE_ESP);
	m.pm_seq = 10;
	answer(SADB_FLUSH, 10, pfkey_pid(pk) + 1, 0);	/* somebody else's */
	answer(SADB_FLUSH, 9, pfkey_pid(pk), 0);	/* another of ours */
	answer(SADB_X_SPDFLUSH, 10, pfkey_pid(pk), 0);	/* another type */
	answer(SADB_FLUSH, 10, pfkey_pid(pk), ENOENT);
	CU_ASSERT_EQUAL(pfkey_call(pk, &m, &r), ENOENT);
	test_row("the others were kept, in order");
	CU_ASSERT_TRUE(pfkey_pending(pk));
	CU_ASSERT_EQUAL(pfkey_recv(pk, &r), 0);
	CU_ASSERT_EQUAL(r.pm_pid, pfkey_pid(pk) + 1);
	CU_ASSERT_EQUAL(pfkey_recv(pk, &r), 0);
	CU_ASSERT_EQUAL(r.pm_seq, 9);
	CU_ASSERT_EQUAL(pfkey_recv(pk, &r), 0);
	CU_ASSERT_EQUAL(r.pm_type, SADB_X_SPDFLUSH);
	CU_ASSERT_FALSE(pfkey_pending(pk));
	test_row("garbage is skipped");
	CU_ASSERT_EQUAL(send(server, "garbage", 7, 0), 7);
	answer(SADB_FLUSH, 11, pfkey_pid(pk), 0);
	m.pm_seq = 11;
	CU_ASSERT_EQUAL(pfkey_call(pk, &m, NULL), 0);
	test_row("more others than can be kept");
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned k = 0; k < 100; k++)
			answer(SADB_FLUSH, 1000 + i * 100 + k, 1, 0);
		answer(SADB_FLUSH, 20 + i, pfkey_pid(pk), 0);
		m.pm_seq = 20 + i;
		CU_ASSERT_EQUAL(pfkey_call(pk, &m, NULL), 0);
	}
	CU_ASSERT_EQUAL(pfkey_recv(pk, &r), 0);
	CU_ASSERT_EQUAL(r.pm_seq, 1000 + 500 - 256);
	test_row("netkern has gone");
	close(server);
	m.pm_seq = 30;
	CU_ASSERT_EQUAL(pfkey_call(pk, &m, NULL), ECONNRESET);
	pfkey_close(pk);
}

static int
count(void *arg, const struct pfkey_msg *e)
{
	unsigned *n = arg;

	CU_ASSERT_EQUAL(e->pm_type, SADB_X_SPDDUMP);
	return ++*n == 1000 ? EINTR : 0;
}

static void
dumps(void)
{
	struct pfkey_msg e;
	unsigned n = 0;

	open_pair(0);
	test_row("entries, with a broadcast between");
	for (unsigned i = 0; i < 5; i++) {
		struct addr a;

		(void)addr_parse("10.0.0.0", &a);
		pfkey_init(&e, SADB_X_SPDDUMP, 0);
		e.pm_pid = pfkey_pid(pk);
		e.pm_seq = i < 4 ? i + 1 : 0;
		pfkey_set_ends(&e, &a, &a);
		pfkey_set(&e, SADB_X_EXT_POLICY);
		serve(&e);
		answer(SADB_FLUSH, 1, 1, 0);
	}
	CU_ASSERT_EQUAL(pfkey_dump(pk, SADB_X_SPDDUMP, 0, count, &n), 0);
	CU_ASSERT_EQUAL(n, 5);
	CU_ASSERT_TRUE(pfkey_pending(pk));
	test_row("nothing there");
	pfkey_init(&e, SADB_X_SPDDUMP, 0);
	e.pm_pid = pfkey_pid(pk);
	e.pm_errno = ENOENT;
	serve(&e);
	CU_ASSERT_EQUAL(pfkey_dump(pk, SADB_X_SPDDUMP, 0, count, &n), 0);
	CU_ASSERT_EQUAL(n, 5);
	close(server);
	pfkey_close(pk);
}

/* ---- a batch ---- */

struct batch {
	size_t	ba_n, ba_answers, ba_errors;
};

static bool
next(void *arg, size_t i, struct pfkey_msg *out)
{
	struct batch *ba = arg;

	if (i == ba->ba_n)
		return false;
	pfkey_init(out, SADB_FLUSH, SADB_SATYPE_ESP);
	return true;
}

static void
answered(void *arg, size_t i, int error, const struct pfkey_msg *reply)
{
	struct batch *ba = arg;

	(void)reply;
	CU_ASSERT_EQUAL(i, ba->ba_answers);
	ba->ba_answers++;
	ba->ba_errors += error == EEXIST;
}

/* The other end in a process of its own: answers all, every seventh with an error. */
static void
server_process(void)
{
	uint8_t buf[PFKEY_MSG_MAX];
	unsigned n = 0;
	ssize_t len;

	while ((len = recv(server, buf, sizeof(buf), 0)) > 0) {
		struct pfkey_msg q;

		(void)pfkey_parse(buf, (size_t)len, PFKEY_FROM_USER, &q, NULL);
		q.pm_has = 0;
		q.pm_errno = n++ % 7 == 0 ? EEXIST : 0;
		len = (ssize_t)pfkey_build(&q, buf, sizeof(buf));
		if (send(server, buf, (size_t)len, 0) != len)
			_exit(1);
		q.pm_pid = 1;
		len = (ssize_t)pfkey_build(&q, buf, sizeof(buf));
		if (send(server, buf, (size_t)len, 0) != len)
			_exit(1);
	}
	_exit(0);
}

static void
batches(void)
{
	struct batch ba = { 20000, 0, 0 };

	open_pair(0);
	if (fork() == 0) {
		close(pfkey_fd(pk));
		server_process();
	}
	close(server);
	CU_ASSERT_EQUAL(pfkey_batch(pk, next, answered, &ba), 0);
	CU_ASSERT_EQUAL(ba.ba_answers, 20000);
	CU_ASSERT_EQUAL(ba.ba_errors, (20000 + 6) / 7);
	pfkey_close(pk);
}

static void
nonblocking(void)
{
	open_pair(PFKEY_O_NONBLOCK);
	CU_ASSERT_EQUAL(pfkey_recv(pk, &r), EAGAIN);
	answer(SADB_FLUSH, 1, 1, 0);
	CU_ASSERT_EQUAL(pfkey_recv(pk, &r), 0);
	CU_ASSERT_EQUAL(send(server, "x", 1, 0), 1);
	CU_ASSERT_EQUAL(pfkey_recv(pk, &r), EBADMSG);
	CU_ASSERT_EQUAL(pfkey_recv(pk, &r), EAGAIN);
	close(server);
	CU_ASSERT_EQUAL(pfkey_recv(pk, &r), ECONNRESET);
	pfkey_close(pk);
	CU_ASSERT_PTR_NULL(pfkey_open("/nonexistent/key.sock", 0));
	CU_ASSERT_EQUAL(errno, ENOENT);
}

TEST_MAIN(
	TEST("calls", calls),
	TEST("dumps", dumps),
	TEST("batches", batches),
	TEST("without waiting", nonblocking))
