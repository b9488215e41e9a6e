/* SPDX-License-Identifier: ISC */
/*
 * The appliance's log (see logring.h).
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "logring.h"

bool
logring_init(struct logring *lr, size_t cap)
{
	*lr = (struct logring){ .lr_cap = cap, .lr_fd = -1 };
	lr->lr_buf = malloc(cap);
	return lr->lr_buf != NULL;
}

void
logring_free(struct logring *lr)
{
	logring_close(lr);
	free(lr->lr_buf);
	lr->lr_buf = NULL;
}

/* ---- the ring ---- */

static void
drop_line(struct logring *lr)
{
	while (lr->lr_len != 0) {
		char c = lr->lr_buf[lr->lr_head];

		lr->lr_head = (lr->lr_head + 1) % lr->lr_cap;
		lr->lr_len--;
		if (c == '\n')
			break;
	}
	if (lr->lr_unsaved > lr->lr_len)
		lr->lr_unsaved = lr->lr_len;
}

static void
ring_put(struct logring *lr, const char *line, size_t len)
{
	if (len > lr->lr_cap)
		return;
	while (lr->lr_cap - lr->lr_len < len)
		drop_line(lr);
	for (size_t i = 0; i < len; i++)
		lr->lr_buf[(lr->lr_head + lr->lr_len++) % lr->lr_cap] = line[i];
}

char *
logring_text(const struct logring *lr, size_t *len)
{
	char *text = malloc(lr->lr_len + 1);

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < lr->lr_len; i++)
		text[i] = lr->lr_buf[(lr->lr_head + i) % lr->lr_cap];
	text[lr->lr_len] = '\0';
	*len = lr->lr_len;
	return text;
}

/* ---- the file ---- */

static void
rotate(struct logring *lr)
{
	char from[300], to[300];

	for (unsigned i = lr->lr_keep; i > 0; i--) {
		(void)snprintf(to, sizeof(to), "%s.%u", lr->lr_path, i);
		if (i == 1)
			(void)snprintf(from, sizeof(from), "%s", lr->lr_path);
		else
			(void)snprintf(from, sizeof(from), "%s.%u",
			    lr->lr_path, i - 1);
		(void)rename(from, to);
	}
	if (lr->lr_keep == 0)
		(void)unlink(lr->lr_path);
}

static bool
file_begin(struct logring *lr)
{
	struct stat sb;

	lr->lr_fd = open(lr->lr_path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lr->lr_fd == -1)
		return false;
	if (lr->lr_readers != 0 && fchown(lr->lr_fd, 0, lr->lr_readers) == 0)
		(void)fchmod(lr->lr_fd, 0640);
	lr->lr_size = fstat(lr->lr_fd, &sb) == 0 && sb.st_size > 0 ?
	    (size_t)sb.st_size : 0;
	return true;
}

static void
file_put(struct logring *lr, const char *line, size_t len)
{
	ssize_t n;

	if (lr->lr_fd == -1)
		return;
	if (lr->lr_size + len > lr->lr_max) {
		close(lr->lr_fd);
		rotate(lr);
		if (!file_begin(lr)) {
			lr->lr_lost++;
			return;
		}
	}
	n = write(lr->lr_fd, line, len);
	if (n > 0)
		lr->lr_size += (size_t)n;
	if (n != (ssize_t)len)
		lr->lr_lost++;
}

bool
logring_open(struct logring *lr, const char *path, size_t max, unsigned keep)
{
	size_t len = 0;
	char *text;

	logring_close(lr);
	if (strlen(path) >= sizeof(lr->lr_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(lr->lr_path, path, strlen(path) + 1);
	lr->lr_max = max;
	lr->lr_keep = keep;
	if (!file_begin(lr))
		return false;
	text = logring_text(lr, &len);
	for (char *p = text == NULL ? NULL : text + len - lr->lr_unsaved, *e;
	    p != NULL && *p != '\0'; p = e + 1) {
		if ((e = strchr(p, '\n')) == NULL)
			break;
		file_put(lr, p, (size_t)(e - p) + 1);
	}
	free(text);
	lr->lr_unsaved = 0;
	return true;
}

void
logring_close(struct logring *lr)
{
	if (lr->lr_fd != -1)
		close(lr->lr_fd);
	lr->lr_fd = -1;
}

/* ---- lines ---- */

const char *
logring_add(struct logring *lr, time_t now, const char *name,
    const char *text, size_t len)
{
	char *line = lr->lr_line;
	struct tm tm;
	size_t n;

	(void)gmtime_r(&now, &tm);
	n = strftime(line, 64, "%Y-%m-%dT%H:%M:%SZ ", &tm);
	n += (size_t)snprintf(line + n, 64, "%.40s: ", name);
	for (size_t i = 0; i < len && n < LOGRING_LINE - 1; i++) {
		unsigned char c = (unsigned char)text[i];

		line[n++] = c == '\t' || (c >= 0x20 && c != 0x7f) ?
		    (char)c : '?';
	}
	line[n++] = '\n';
	line[n] = '\0';
	ring_put(lr, line, n);
	if (lr->lr_fd == -1) {
		lr->lr_unsaved += n;
		if (lr->lr_unsaved > lr->lr_len)
			lr->lr_unsaved = lr->lr_len;
	}
	file_put(lr, line, n);
	return line;
}

const char *
logring_body(const char *line, size_t *len, const char *name)
{
	static const char form[] = "dd:dd:dd.ddd ";
	size_t i, n = sizeof(form) - 1, have = strlen(name);

	if (*len < n)
		return line;
	for (i = 0; i < n; i++) {
		if (form[i] == 'd' ? !isdigit((unsigned char)line[i]) :
		    line[i] != form[i])
			return line;
	}
	if (*len >= n + have + 2 && memcmp(line + n, name, have) == 0 &&
	    memcmp(line + n + have, ": ", 2) == 0)
		n += have + 2;
	*len -= n;
	return line + n;
}
