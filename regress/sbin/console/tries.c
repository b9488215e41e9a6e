/* SPDX-License-Identifier: ISC */
/*
 * Wrong passwords at several menus at once, at one that begins anew, and at
 * one that is killed while it counts.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../sbin/console/console.h"
#include "test.h"

static unsigned
at_once(int fd, unsigned n)
{
	unsigned allowed = 0;
	int status;

	for (unsigned i = 0; i < n; i++)
		if (fork() == 0)
			_exit(tries_try(fd, 1000 + i * 7 % 20 * 40) == 0 ? 0 : 1);
	while (wait(&status) != -1)
		allowed += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return allowed;
}

static void
together(void)
{
	int fd = tries_open(NULL);

	CU_ASSERT_EQUAL(at_once(fd, 20), AUTH_FREE);
	CU_ASSERT(tries_try(fd, 1000) >= AUTH_WAIT_MIN);
	tries_passed(fd);
	CU_ASSERT_EQUAL(at_once(fd, 20), AUTH_FREE);
	close(fd);
}

static void
anew(void)
{
	char path[300];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/tries", getenv("TMPDIR"));
	for (unsigned i = 0; i <= AUTH_FREE; i++) {
		fd = tries_open(path);
		CU_ASSERT_EQUAL(tries_try(fd, 1000), i < AUTH_FREE ? 0 :
		    AUTH_WAIT_MIN);
		close(fd);
	}
	(void)unlink(path);
	/* a place that is not to be had counts, too */
	fd = tries_open("/nonexistent/tries");
	CU_ASSERT_EQUAL(at_once(fd, 10), AUTH_FREE);
	close(fd);
	CU_ASSERT_EQUAL(tries_try(-1, 1000), AUTH_WAIT_MAX);
}

static void
killed(void)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = tries_open(NULL), fds[2];
	pid_t pid;
	char c;

	CU_ASSERT_FATAL(pipe(fds) == 0);
	if ((pid = fork()) == 0) {
		if (fcntl(fd, F_SETLKW, &fl) == 0)
			(void)!write(fds[1], "x", 1);
		for (;;)
			(void)pause();
	}
	CU_ASSERT_EQUAL(read(fds[0], &c, 1), 1);
	(void)kill(pid, SIGKILL);
	CU_ASSERT_EQUAL(tries_try(fd, 1000), 0);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
	close(fds[0]);
	close(fds[1]);
	close(fd);
}

TEST_MAIN(
	TEST("many at once", together),
	TEST("one that begins anew", anew),
	TEST("one that is killed", killed))
