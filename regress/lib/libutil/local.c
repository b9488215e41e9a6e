/* SPDX-License-Identifier: ISC */
/*
 * A daemon's lock and its socket: one at a time, and whoever comes second
 * leaves the first one's alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "libutil/local.h"
#include "test.h"

static char dir[64], sock[100];

static void
begin(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/local.XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	(void)snprintf(sock, sizeof(sock), "%s/a.sock", dir);
}

static void
end(void)
{
	static const char *const names[] = { "a.sock", "a.lock", "b.lock" };
	char path[100];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* What another process gets: a lock is the process's own. */
static bool
another_locks(const char *name)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		int fd = open("/dev/null", O_WRONLY);

		(void)dup2(fd, STDERR_FILENO);
		_exit(local_lock(dir, name) ? 0 : 1);
	}
	CU_ASSERT(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return status == 0;
}

static void
one_at_a_time(void)
{
	int to[2];
	pid_t pid;
	char c;

	begin();
	CU_ASSERT_FATAL(pipe(to) == 0);
	if ((pid = fork()) == 0) {
		c = local_lock(dir, "a") ? 'y' : 'n';
		_exit(write(to[1], &c, 1) == 1 ? pause() : 1);
	}
	CU_ASSERT(read(to[0], &c, 1) == 1 && c == 'y');
	CU_ASSERT_FALSE(another_locks("a"));
	CU_ASSERT(another_locks("b"));
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	CU_ASSERT(another_locks("a"));
	close(to[0]);
	close(to[1]);
	end();
}

static bool
connects(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	bool yes;

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	yes = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
	close(fd);
	return yes;
}

static void
listens(void)
{
	const struct group *gr = getgrgid(getegid());
	struct stat sb;
	int fd, again;

	begin();
	fd = local_listen(sock, gr != NULL ? gr->gr_name : NULL);
	CU_ASSERT_FATAL(fd != -1);
	CU_ASSERT(connects(sock));
	CU_ASSERT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CU_ASSERT((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	CU_ASSERT(stat(sock, &sb) == 0 && S_ISSOCK(sb.st_mode));
	CU_ASSERT_EQUAL(sb.st_mode & 0777, gr != NULL ? 0660U : 0600U);
	again = local_listen(sock, "no-such-group");
	CU_ASSERT(again != -1);
	close(fd);			/* the old one's is gone already */
	CU_ASSERT(connects(sock));
	CU_ASSERT(stat(sock, &sb) == 0 && (sb.st_mode & 0777) == 0600);
	close(again);
	CU_ASSERT_FALSE(connects(sock));
	end();
}

static void
cannot(void)
{
	char longer[200];

	begin();
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	CU_ASSERT_EQUAL(local_listen(longer, NULL), -1);
	CU_ASSERT_EQUAL(local_listen("/no/such/folder/a.sock", NULL), -1);
	CU_ASSERT_FALSE(local_lock("/no/such/folder", "a"));
	/* a link is not followed: whose file would it make? */
	(void)snprintf(longer, sizeof(longer), "%s/a.lock", dir);
	CU_ASSERT_EQUAL(symlink("elsewhere", longer), 0);
	CU_ASSERT_FALSE(local_lock(dir, "a"));
	end();
}

TEST_MAIN(
	TEST("one at a time", one_at_a_time),
	TEST("a socket, for a group or for nobody else", listens),
	TEST("what cannot be had", cannot))
