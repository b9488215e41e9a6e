/* SPDX-License-Identifier: ISC */
/*
 * Small things with files (see boot.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "boot.h"
#include "libutil/sha256.h"

enum { FILE_MOST = 64 << 20 };

static void
line(const char *before, const char *fmt, va_list ap)
{
	char text[900];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "%s%s\n", before, text);
}

void
loud(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("! ", fmt, ap);
	va_end(ap);
}

void
quiet(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("", fmt, ap);
	va_end(ap);
}

/* ---- reading ---- */

static char *
read_all(int fd, size_t max, size_t *len)
{
	size_t cap = 4096;
	char *buf = malloc(cap + 1), *more;
	ssize_t n;

	*len = 0;
	while (buf != NULL && (n = read(fd, buf + *len, cap - *len)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 || (*len += (size_t)n) > max) {
			errno = n == -1 ? errno : EFBIG;
			free(buf);
			return NULL;
		}
		if (*len < cap)
			continue;
		cap *= 2;
		if ((more = realloc(buf, cap + 1)) == NULL)
			free(buf);
		buf = more;
	}
	if (buf != NULL)
		buf[*len] = '\0';
	return buf;
}

char *
file_read(const char *path, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *buf;

	if (fd == -1)
		return NULL;
	buf = read_all(fd, max, len);
	close(fd);
	return buf;
}

bool
file_line(const char *path, char *out, size_t cap)
{
	size_t len;
	char *text = file_read(path, 65536, &len);

	out[0] = '\0';
	if (text == NULL)
		return false;
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(out, cap, "%s", text);
	free(text);
	return true;
}

bool
file_value(const char *path, const char *key, char *out, size_t cap)
{
	size_t len, n = strlen(key);
	char *text = file_read(path, 65536, &len), *next = text, *p;
	bool found = false;

	while (!found && (p = strsep(&next, "\n")) != NULL) {
		if (strncmp(p, key, n) != 0 || p[n] != '=')
			continue;
		(void)snprintf(out, cap, "%s", p + n + 1);
		found = true;
	}
	free(text);
	return found;
}

/* ---- writing ---- */

void
folders_make(const char *path, mode_t mode)
{
	char dir[512];

	for (const char *p = path + 1; *p != '\0'; p++) {
		size_t n = (size_t)(p - path);

		if (*p != '/' || n >= sizeof(dir))
			continue;
		memcpy(dir, path, n);
		dir[n] = '\0';
		(void)mkdir(dir, 0755);
	}
	(void)mkdir(path, mode);
}

static bool
write_all(int fd, const char *p, size_t len)
{
	while (len != 0) {
		ssize_t n = write(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static void
sync_folder(const char *path)
{
	char dir[512];
	const char *slash = strrchr(path, '/');
	int fd;

	(void)snprintf(dir, sizeof(dir), "%.*s",
	    slash == NULL ? 1 : (int)(slash - path) + (slash == path),
	    slash == NULL ? "." : path);
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return;
	(void)fsync(fd);
	close(fd);
}

bool
file_replace(const char *path, const void *body, size_t len, mode_t mode)
{
	char tmp[512];
	bool ok;
	int fd, e;

	(void)snprintf(tmp, sizeof(tmp), "%s.new", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    mode);
	if (fd == -1)
		return false;
	ok = write_all(fd, body, len) && fsync(fd) == 0;
	e = errno;
	if (close(fd) == -1 || !ok || rename(tmp, path) == -1) {
		e = ok ? errno : e;
		(void)unlink(tmp);
		errno = e;
		return false;
	}
	sync_folder(path);
	return true;
}

static void
forget(char *body, size_t len)
{
	if (body != NULL)
		explicit_bzero(body, len);
	free(body);
}

bool
file_same(const char *a, const char *b)
{
	size_t an = 0, bn = 0;
	char *x = file_read(a, FILE_MOST, &an);
	bool gone = x == NULL && errno == ENOENT;
	char *y = file_read(b, FILE_MOST, &bn);
	bool same = y == NULL ? gone && errno == ENOENT : x != NULL &&
	    an == bn && memcmp(x, y, an) == 0;

	forget(x, an);
	forget(y, bn);
	return same;
}

bool
file_follow(const char *from, const char *to)
{
	size_t n = 0;
	char *body;
	bool ok;

	if (file_same(from, to))
		return true;
	if ((body = file_read(from, FILE_MOST, &n)) == NULL)
		return errno == ENOENT && unlink(to) == 0;
	ok = file_replace(to, body, n, 0600);
	forget(body, n);
	return ok;
}

/* ---- other ---- */

/* Another device or another root than the folder above. */
bool
mounted(const char *path)
{
	char up[512];
	struct stat a, b;

	(void)snprintf(up, sizeof(up), "%s/..", path);
	if (stat(path, &a) == -1 || stat(up, &b) == -1)
		return false;
	return a.st_dev != b.st_dev;
}

static _Noreturn void
execute(const char *const argv[])
{
	char *args[16];
	size_t n = 0;

	for (; argv[n] != NULL && n < 15; n++)
		args[n] = strdup(argv[n]);
	args[n] = NULL;
	execvp(args[0], args);
	quiet("%s: %s", args[0], strerror(errno));
	_exit(127);
}

static int
wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR)
			return -1;
	}
	return status;
}

int
run_program(const char *const argv[])
{
	pid_t pid = fork();

	if (pid == -1)
		return -1;
	if (pid == 0) {
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		execute(argv);
	}
	return wait_for(pid);
}

char *
run_capture(const char *const argv[], size_t max, size_t *len, int *status)
{
	int fds[2];
	char *text;
	pid_t pid;

	*status = -1;
	if (pipe2(fds, O_CLOEXEC) == -1)
		return NULL;
	if ((pid = fork()) == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		execute(argv);
	}
	close(fds[1]);
	text = pid == -1 ? NULL : read_all(fds[0], max, len);
	close(fds[0]);
	if (pid != -1)
		*status = wait_for(pid);
	return text;
}

char *
revision_text(size_t *len)
{
	static const char *const show[] = { "ipsecctl", "show", NULL };
	int status;
	char *text = run_capture(show, 64 << 20, len, &status);

	if (text != NULL && status == 0)
		return text;
	free(text);
	return NULL;
}

bool
generation(char hex[GENERATION_HEX], unsigned long long *revision)
{
	static const char *const show[] = { "ipsecctl", "show", "-k", NULL };
	static const char first[] = "### revision ";
	uint8_t digest[32];
	size_t len = 0, skip;
	int status;
	char *text = run_capture(show, 64 << 20, &len, &status);
	bool ok = text != NULL && status == 0 &&
	    strncmp(text, first, sizeof(first) - 1) == 0;

	if (ok) {
		*revision = strtoull(text + sizeof(first) - 1, NULL, 10);
		skip = strcspn(text, "\n");
		sha256(text + skip, len - skip, digest);
		for (size_t i = 0; i < sizeof(digest); i++)
			(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	}
	if (text != NULL)
		explicit_bzero(text, len);
	free(text);
	return ok;
}
