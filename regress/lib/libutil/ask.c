/* SPDX-License-Identifier: ISC */
/*
 * Lines that a terminal does not show.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libutil/ask.h"
#include "test.h"

static bool
echo(void)
{
	struct termios t;

	return tcgetattr(STDIN_FILENO, &t) == 0 && (t.c_lflag & ECHO) != 0;
}

static void
become_stdin(int fd)
{
	CU_ASSERT_TRUE_FATAL(fd != -1 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	(void)close(fd);
	clearerr(stdin);
}

static void
pipes(void)
{
	char out[8];
	int fd[2];

	CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
	become_stdin(fd[0]);
	CU_ASSERT_EQUAL(write(fd[1], "secret\n\nlonger than it\nend", 26), 26);
	(void)close(fd[1]);
	CU_ASSERT_TRUE(ask_hidden("password", out, sizeof(out)));
	TEST_STRING(out, "secret");
	CU_ASSERT_TRUE(ask_hidden("password", out, sizeof(out)));
	TEST_STRING(out, "");
	CU_ASSERT_TRUE(ask_hidden("password", out, sizeof(out)));
	TEST_STRING(out, "longer ");
	while (strcmp(out, "end") != 0)
		CU_ASSERT_TRUE_FATAL(ask_hidden("password", out, sizeof(out)));
	CU_ASSERT_FALSE(ask_hidden("password", out, sizeof(out)));
	TEST_STRING(out, "");
}

static void *
answer(void *arg)
{
	const int *fd = arg;

	while (echo())
		(void)usleep(1000);
	(void)!write(*fd, "secret\n", 7);
	return NULL;
}

static void
terminal(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);
	pthread_t th;
	char out[32], shown[64];
	ssize_t n;

	CU_ASSERT_TRUE_FATAL(fd != -1 && grantpt(fd) == 0 && unlockpt(fd) == 0);
	become_stdin(open(ptsname(fd), O_RDWR | O_NOCTTY));
	CU_ASSERT_TRUE_FATAL(echo());
	CU_ASSERT_EQUAL(pthread_create(&th, NULL, answer, &fd), 0);
	CU_ASSERT_TRUE(ask_hidden("password", out, sizeof(out)));
	CU_ASSERT_EQUAL(pthread_join(th, NULL), 0);
	TEST_STRING(out, "secret");
	CU_ASSERT_TRUE(echo());

	/* what the terminal showed: of the second line only */
	CU_ASSERT_EQUAL(write(fd, "seen\n", 5), 5);
	n = read(fd, shown, sizeof(shown) - 1);
	CU_ASSERT_TRUE_FATAL(n > 0);
	shown[n] = '\0';
	TEST_STRING(shown, "seen\r\n");
	(void)close(fd);
}

TEST_MAIN(TEST("from a pipe", pipes), TEST("from a terminal", terminal))
