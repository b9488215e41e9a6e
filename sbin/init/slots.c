/* SPDX-License-Identifier: ISC */
/*
 * The two slots and the loader's state (see slots.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/mount.h>

#include "boot.h"
#include "libutil/cur.h"
#include "slots.h"

static const char head[] = "# GRUB Environment Block\n";

enum { HEAD = sizeof(head) - 1 };

void
slots_empty(char block[SLOTS_BLOCK])
{
	memset(block, '#', SLOTS_BLOCK);
	memcpy(block, head, HEAD);
}

/* The next line; false at the filling or the end. */
static bool
next_line(struct cur *c, const char **line, size_t *len)
{
	const uint8_t *p = c->cur_p, *end;

	if (cur_left(c) == 0 || *p == '#')
		return false;
	end = memchr(p, '\n', cur_left(c));
	if (end == NULL)
		return false;
	*len = (size_t)(end - p);
	*line = (const char *)cur_bytes(c, *len);
	cur_skip(c, 1);
	return true;
}

static bool
begin(const char block[SLOTS_BLOCK], struct cur *c)
{
	*c = cur_init(block, SLOTS_BLOCK);
	return memcmp(cur_bytes(c, HEAD), head, HEAD) == 0;
}

static bool
is_key(const char *line, size_t len, const char *key)
{
	size_t n = strlen(key);

	return len > n && memcmp(line, key, n) == 0 && line[n] == '=';
}

bool
slots_get(const char block[SLOTS_BLOCK], const char *key,
    char out[SLOTS_VALUE])
{
	size_t n = strlen(key) + 1, len;
	const char *line;
	struct cur c;

	out[0] = '\0';
	if (!begin(block, &c))
		return false;
	while (next_line(&c, &line, &len)) {
		if (!is_key(line, len, key) || len - n >= SLOTS_VALUE)
			continue;
		memcpy(out, line + n, len - n);
		out[len - n] = '\0';
		return true;
	}
	return false;
}

bool
slots_set(char block[SLOTS_BLOCK], const char *key, const char *value)
{
	char copy[SLOTS_BLOCK], text[SLOTS_VALUE * 2];
	struct wcur w = wcur_init(copy, sizeof(copy));
	size_t len, n;
	const char *line;
	struct cur c;

	if (!begin(block, &c) || strlen(key) + strlen(value) + 3 > sizeof(text))
		return false;
	wcur_put(&w, head, HEAD);
	while (next_line(&c, &line, &len)) {
		if (is_key(line, len, key))
			continue;
		wcur_put(&w, line, len);
		wcur_u8(&w, '\n');
	}
	n = (size_t)snprintf(text, sizeof(text), "%s=%s\n", key, value);
	wcur_put(&w, text, n);
	if (!wcur_ok(&w))
		return false;
	memset(copy + wcur_len(&w), '#', SLOTS_BLOCK - wcur_len(&w));
	memcpy(block, copy, SLOTS_BLOCK);
	return true;
}

/* ---- the file ---- */

static int
open_block(const char *dir, int flags)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/grubenv", dir);
	return open(path, flags | O_CLOEXEC);
}

bool
slots_read(const char *dir, char block[SLOTS_BLOCK], const char **why)
{
	int fd = open_block(dir, O_RDONLY);
	char one[SLOTS_VALUE];
	bool ok = fd != -1 && read(fd, block, SLOTS_BLOCK) == SLOTS_BLOCK;

	if (fd != -1)
		close(fd);
	if (ok && slots_get(block, "slot", one))
		return true;
	*why = "the loader's state, grubenv, cannot be read";
	return false;
}

bool
slots_write(const char *dir, const char *slot, const char *boot,
    const char **why)
{
	char block[SLOTS_BLOCK];
	bool ok;
	int fd;

	if (!slots_read(dir, block, why))
		return false;
	if ((slot != NULL && !slots_set(block, "slot", slot)) ||
	    (boot != NULL && !slots_set(block, "boot", boot))) {
		*why = "the loader's state, grubenv, is full";
		return false;
	}
	fd = open_block(dir, O_WRONLY);
	ok = fd != -1 && pwrite(fd, block, SLOTS_BLOCK, 0) == SLOTS_BLOCK &&
	    fsync(fd) == 0;
	if (!ok)
		*why = strerror(errno);
	if (fd != -1)
		close(fd);
	return ok;
}

bool
slots_running(const char *key, char out[SLOTS_VALUE])
{
	char line[4096], want[80], *next = line, *word;
	size_t n = (size_t)snprintf(want, sizeof(want), "ravelin.%s=", key);

	if (!file_line("/proc/cmdline", line, sizeof(line)))
		return false;
	while ((word = strsep(&next, " ")) != NULL) {
		if (strncmp(word, want, n) != 0)
			continue;
		(void)snprintf(out, SLOTS_VALUE, "%s", word + n);
		return true;
	}
	return false;
}

int
slots_lock(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return -1;
}

bool
slots_writable(const char *dir, bool on, const char **why)
{
	if (!mounted(dir))
		return true;
	if (!on)
		sync();
	if (mount(NULL, dir, NULL, MS_REMOUNT | MS_NOATIME | MS_NODEV |
	    MS_NOSUID | MS_NOEXEC | (on ? 0 : MS_RDONLY), NULL) == 0)
		return true;
	*why = strerror(errno);
	return false;
}
