/* SPDX-License-Identifier: ISC */
/*
 * init as a command: what it is told goes to the supervisor as one record,
 * and what comes back is printed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "boot.h"

enum { ANSWER_MAX = 65536 };

static const char *const verbs[] = { "status", "log", "reboot", "poweroff",
    "halt", "restart", "say" };

static int
usage(void)
{
	fputs("usage: init status | log | reboot | poweroff | halt |\n"
	    "            restart unit | say name text\n", stderr);
	return 2;
}

static int
connect_init(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX,
	    .sun_path = INIT_SOCKET };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd != -1 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	fprintf(stderr, "init: %s: %s\n", INIT_SOCKET, strerror(errno));
	if (fd != -1)
		close(fd);
	return -1;
}

static int
print_answers(int fd)
{
	static char buf[ANSWER_MAX];
	ssize_t n;
	int rc = 0;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (buf[0] == '?')
			rc = 1;
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			return 1;
	}
	return fflush(stdout) == 0 ? rc : 1;
}

int
client(int argc, char **argv)
{
	char line[1024] = "";
	size_t n = 0, known = sizeof(verbs) / sizeof(verbs[0]);
	int fd, rc;

	for (size_t i = 0; argc > 1 && i < known; i++)
		n += strcmp(argv[1], verbs[i]) == 0;
	if (n == 0)
		return usage();
	n = 0;
	for (int i = 1; i < argc && n < sizeof(line); i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s",
		    i == 1 ? "" : " ", argv[i]);
	if ((fd = connect_init()) == -1)
		return 1;
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) == -1) {
		fprintf(stderr, "init: %s\n", strerror(errno));
		rc = 1;
	} else {
		rc = print_answers(fd);
	}
	close(fd);
	return rc;
}
