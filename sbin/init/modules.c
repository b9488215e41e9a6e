/* SPDX-License-Identifier: ISC */
/*
 * Kernel modules (see modules.h): the plan, and its execution.
 *
 * Devices appear when the driver of their bus is loaded, so that /sys is
 * walked again until nothing new comes: a virtio card has no modalias of
 * its own before virtio_pci has found it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "boot.h"
#include "modules.h"

#define FOLDER	"/lib/modules"

/* ---- the plan ---- */

static bool
same_name(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char x = a[i] == '-' ? '_' : a[i];
		char y = b[i] == '-' ? '_' : b[i];

		if (x != y)
			return false;
	}
	return b[n] == '\0';
}

/* The next line of a text, cut into two words; false at the end. */
static bool
next_line(const char **text, const char **word, size_t *len,
    const char **rest, size_t *restlen)
{
	const char *p = *text;
	size_t n;

	if (p == NULL || *p == '\0')
		return false;
	n = strcspn(p, "\n");
	*text = p + n + (p[n] == '\n');
	*word = p;
	*len = strcspn(p, " \n");
	*rest = p + *len + (p[*len] == ' ');
	*restlen = n - (size_t)(*rest - p);
	return true;
}

static bool
plan_add(struct modules *mo, const char *name, size_t len)
{
	if (len == 0 || len >= MODULE_NAME)
		return true;
	for (size_t i = 0; i < mo->mo_n; i++) {
		if (same_name(name, mo->mo_plan[i], len))
			return true;
	}
	if (mo->mo_n == MODULES_MAX)
		return false;
	memcpy(mo->mo_plan[mo->mo_n], name, len);
	mo->mo_plan[mo->mo_n++][len] = '\0';
	return true;
}

bool
modules_want(struct modules *mo, const char *name)
{
	const char *text = mo->mo_list, *word, *rest;
	size_t len, left;

	while (next_line(&text, &word, &len, &rest, &left)) {
		if (!same_name(word, name, len))
			continue;
		while (left != 0) {
			size_t n = 0;

			while (n < left && rest[n] != ' ')
				n++;
			if (!plan_add(mo, rest, n))
				return false;
			n += n < left;
			rest += n;
			left -= n;
		}
		return plan_add(mo, word, len);
	}
	return true;		/* part of the kernel */
}

size_t
modules_match(struct modules *mo, const char *modalias)
{
	const char *text = mo->mo_alias, *word, *rest;
	char pattern[512], name[MODULE_NAME];
	size_t len, left, n = 0;

	while (next_line(&text, &word, &len, &rest, &left)) {
		if (len >= sizeof(pattern) || left >= sizeof(name))
			continue;
		memcpy(pattern, word, len);
		pattern[len] = '\0';
		if (fnmatch(pattern, modalias, 0) != 0)
			continue;
		memcpy(name, rest, left);
		name[left] = '\0';
		n++;
		(void)modules_want(mo, name);
	}
	return n;
}

void
modules_boot(struct modules *mo)
{
	const char *text = mo->mo_boot, *word, *rest;
	char name[MODULE_NAME];
	size_t len, left;

	while (next_line(&text, &word, &len, &rest, &left)) {
		if (len >= sizeof(name))
			continue;
		memcpy(name, word, len);
		name[len] = '\0';
		(void)modules_want(mo, name);
	}
}

/* ---- loading ---- */

static char *
read_text(const char *name)
{
	char path[64];
	size_t len;

	(void)snprintf(path, sizeof(path), FOLDER "/%s", name);
	return file_read(path, 16 << 20, &len);
}

static void
load(const char *name)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), FOLDER "/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || (syscall(SYS_finit_module, fd, "", 0) == -1 &&
	    errno != EEXIST))
		quiet("module %s: %s", name, strerror(errno));
	if (fd != -1)
		close(fd);
}

/* Loads what is planned behind `done`; the new end. */
static size_t
load_from(const struct modules *mo, size_t done)
{
	for (; done < mo->mo_n; done++)
		load(mo->mo_plan[done]);
	return done;
}

static void
walk(struct modules *mo, const char *path, unsigned depth)
{
	char below[512], alias[512];
	struct dirent *de;
	DIR *dir = depth > 12 ? NULL : opendir(path);

	while (dir != NULL && (de = readdir(dir)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		(void)snprintf(below, sizeof(below), "%s/%s", path, de->d_name);
		if (de->d_type == DT_DIR)
			walk(mo, below, depth + 1);
		else if (strcmp(de->d_name, "modalias") == 0 &&
		    file_line(below, alias, sizeof(alias)))
			(void)modules_match(mo, alias);
	}
	if (dir != NULL)
		closedir(dir);
}

int
task_modules(void)
{
	static struct modules mo;
	size_t done, before;

	mo.mo_list = read_text("list");
	mo.mo_alias = read_text("alias");
	mo.mo_boot = read_text("boot");
	if (mo.mo_list == NULL) {
		quiet("no modules: the kernel has all it needs");
		return 0;
	}
	modules_boot(&mo);
	done = load_from(&mo, 0);
	for (unsigned round = 0; round < 5; round++) {
		before = done;
		walk(&mo, "/sys/devices", 0);
		done = load_from(&mo, done);
		if (done == before)
			break;
	}
	if (access("/dev/watchdog", F_OK) == -1) {
		(void)modules_want(&mo, "softdog");	/* better than none */
		done = load_from(&mo, done);
	}
	quiet("%zu modules", done);
	return 0;
}
