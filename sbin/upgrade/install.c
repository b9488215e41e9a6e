/* SPDX-License-Identifier: ISC */
/*
 * Into the idle slot.
 *
 * The file is checked whole, signature, every byte of its parts, fitness, by
 * a process that can do nothing else, before the partition of the slots is even
 * made writable.  Then the loader forgets the slot, should it be waiting to be
 * tried, and the old parts go; the new ones are written aside, read back from
 * the disk and compared, and renamed; the version last.  Only then the loader
 * is told to try the slot once.  Whatever fails, the slot that runs, the good
 * one, is not touched, and no slot of old and new parts is tried.
 */
#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "../init/boot.h"
#include "../init/slots.h"
#include "libctl/json.h"
#include "libutil/sandbox.h"
#include "upgrade.h"

/* ---- what runs here ---- */

static bool
read_public(const char *path, uint8_t key[UPGRADE_PUBLIC])
{
	char line[2 * UPGRADE_PUBLIC + 4];
	size_t n = 0;

	return file_line(path, line, sizeof(line)) && sodium_hex2bin(key,
	    UPGRADE_PUBLIC, line, strlen(line), NULL, &n, NULL) == 0 &&
	    n == UPGRADE_PUBLIC;
}

static uint64_t
running_serial(const struct upgrade_place *pl)
{
	char value[32];

	return file_value(pl->pl_release, "serial", value, sizeof(value)) ?
	    strtoull(value, NULL, 10) : 0;
}

/* The slot that does not run; NULL after telling why there is none. */
static const char *
idle_slot(const struct upgrade_place *pl)
{
	char block[SLOTS_BLOCK], good[SLOTS_VALUE], now[SLOTS_VALUE];
	const char *why = "";

	if (!slots_read(pl->pl_boot, block, &why) ||
	    !slots_get(block, "slot", good)) {
		(void)upgrade_fail("%s", why);
		return NULL;
	}
	if (pl->pl_slot != NULL)
		(void)snprintf(now, sizeof(now), "%s", pl->pl_slot);
	else if (!slots_running("slot", now)) {
		(void)upgrade_fail("the kernel does not say which slot runs");
		return NULL;
	}
	if (strcmp(now, good) != 0) {
		(void)upgrade_fail("slot %s is only being tried: wait until it "
		    "is the good one", now);
		return NULL;
	}
	return strcmp(good, "a") == 0 ? "b" : "a";
}

/* ---- the file ---- */

/* Reads a part from an open file and compares its digest. */
static bool
part_sound(int fd, uint64_t off, const struct upgrade_part *up)
{
	uint8_t digest[UPGRADE_DIGEST];
	br_sha256_context hash;
	char buf[65536];
	uint64_t left = up->up_len;

	br_sha256_init(&hash);
	if (lseek(fd, (off_t)off, SEEK_SET) == -1)
		return false;
	while (left != 0) {
		size_t want = left < sizeof(buf) ? (size_t)left : sizeof(buf);
		ssize_t n = read(fd, buf, want);

		if (n <= 0)
			return false;
		br_sha256_update(&hash, buf, (size_t)n);
		left -= (uint64_t)n;
	}
	br_sha256_out(&hash, digest);
	return memcmp(digest, up->up_digest, sizeof(digest)) == 0;
}

static bool
verify(int fd, const uint8_t *key, struct upgrade *ug, const char **why)
{
	uint8_t header[UPGRADE_HEADER];
	off_t len;

	if (lseek(fd, 0, SEEK_SET) == -1 ||
	    read(fd, header, sizeof(header)) != (ssize_t)sizeof(header)) {
		*why = "the file is truncated: it has no whole header";
		return false;
	}
	if (!upgrade_parse(header, key, ug, why))
		return false;
	len = lseek(fd, 0, SEEK_END);
	if (len == -1 || (uint64_t)len != ug->ug_len) {
		*why = len == -1 || (uint64_t)len < ug->ug_len ?
		    "the file is truncated" : "the file is longer than signed";
		return false;
	}
	for (unsigned i = 0; i < UPGRADE_PARTS; i++) {
		if (part_sound(fd, ug->ug_part[i].up_off, &ug->ug_part[i]))
			continue;
		*why = i == 0 ? "the kernel in the file has been altered" :
		    "the root in the file has been altered";
		return false;
	}
	return true;
}

/* What the file is compared with. */
struct against {
	uint8_t		ag_key[UPGRADE_PUBLIC];
	struct utsname	ag_uname;
	uint64_t	ag_serial;
	bool		ag_older;
};

static const char *
judge(int fd, const struct against *ag, struct upgrade *ug)
{
	const char *why = "";

	if (!verify(fd, ag->ag_key, ug, &why))
		return why;
	return upgrade_unfit(ug, ag->ag_uname.machine, ag->ag_serial,
	    ag->ag_older);
}

/* By a process that can do nothing but read the file. */
static bool
judge_apart(int fd, const char *path, const struct against *ag)
{
	struct upgrade ug;
	const char *why;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (!sandbox_enter(SANDBOX_PURE))
			_exit(upgrade_fail("sandbox: %s", strerror(errno)));
		why = judge(fd, ag, &ug);
		if (why != NULL)
			(void)upgrade_fail("%s is refused: %s; nothing has "
			    "changed", path, why);
		_exit(why == NULL ? 0 : 1);
	}
	return pid != -1 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Opened and verified; -1 after telling why not. */
static int
open_verified(const struct upgrade_place *pl, const char *path,
    struct upgrade *ug)
{
	static struct against ag;
	int fd;

	ag.ag_older = pl->pl_older;
	ag.ag_serial = running_serial(pl);
	(void)uname(&ag.ag_uname);
	if (!read_public(pl->pl_key, ag.ag_key)) {
		(void)upgrade_fail("%s holds no key: no upgrade can be checked",
		    pl->pl_key);
		return -1;
	}
	if (sodium_init() == -1 ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
		(void)upgrade_fail("%s: %s", path, strerror(errno));
		return -1;
	}
	if (judge_apart(fd, path, &ag) && judge(fd, &ag, ug) == NULL)
		return fd;
	close(fd);
	return -1;
}

int
upgrade_check(const struct upgrade_place *pl, const char *path)
{
	struct upgrade ug;
	int fd = open_verified(pl, path, &ug);

	if (fd == -1)
		return 1;
	close(fd);
	if (pl->pl_json) {
		json_begin();
		json_string("version", ug.ug_version);
		json_number("serial", ug.ug_serial);
		json_number("running_serial", running_serial(pl));
		json_string("machine", ug.ug_machine);
		json_end();
	} else {
		printf("%s: version %s, serial %llu, for %s, signed and whole\n",
		    path, ug.ug_version, (unsigned long long)ug.ug_serial,
		    ug.ug_machine);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- the slot ---- */

static bool
copy_part(int fd, const struct upgrade_part *up, int out)
{
	char buf[65536];
	uint64_t off = up->up_off, left = up->up_len;

	while (left != 0) {
		size_t want = left < sizeof(buf) ? (size_t)left : sizeof(buf);
		ssize_t n = pread(fd, buf, want, (off_t)off);

		if (n <= 0 || write(out, buf, (size_t)n) != n)
			return false;
		off += (uint64_t)n;
		left -= (uint64_t)n;
	}
	return fsync(out) == 0;
}

/* Aside, read back, renamed. */
static bool
write_part(int fd, const struct upgrade_part *up, const char *path)
{
	char aside[620];
	int out;
	bool ok;

	(void)snprintf(aside, sizeof(aside), "%s.new", path);
	out = open(aside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (out == -1)
		return false;
	ok = copy_part(fd, up, out);
	/* from the disk, not from memory */
	(void)posix_fadvise(out, 0, 0, POSIX_FADV_DONTNEED);
	errno = ok ? EIO : errno;
	ok = ok && part_sound(out, 0, up);
	if (close(out) == -1 || !ok || rename(aside, path) == -1) {
		int e = errno;

		(void)unlink(aside);
		errno = e;
		return false;
	}
	return true;
}

static void
part_path(char *path, size_t cap, const char *dir, const char *slot, unsigned i)
{
	(void)snprintf(path, cap, "%s/%s/%s", dir, slot, upgrade_part_names[i]);
}

/* What a power cut has left of an earlier one would be in the way. */
static bool
remove_aside(const char *dir, const char *slot)
{
	char path[600], aside[620];

	for (unsigned i = 0; i < UPGRADE_PARTS; i++) {
		part_path(path, sizeof(path), dir, slot, i);
		(void)snprintf(aside, sizeof(aside), "%s.new", path);
		if (unlink(aside) == -1 && errno != ENOENT)
			return false;
	}
	return true;
}

static bool
room(const char *dir, const char *slot, const struct upgrade *ug)
{
	struct statvfs vfs;
	char path[600];
	struct stat sb;
	uint64_t have;

	if (statvfs(dir, &vfs) == -1)
		return false;
	have = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	for (unsigned i = 0; i < UPGRADE_PARTS; i++) {
		part_path(path, sizeof(path), dir, slot, i);
		if (stat(path, &sb) == 0)
			have += (uint64_t)sb.st_size;
	}
	errno = ENOSPC;
	return have > ug->ug_len + 65536;
}

/* The version first: without one a slot is not whole. */
static bool
empty_slot(const char *dir, const char *slot)
{
	char path[600];

	(void)snprintf(path, sizeof(path), "%s/%s/version", dir, slot);
	if (unlink(path) == -1 && errno != ENOENT)
		return false;
	for (unsigned i = 0; i < UPGRADE_PARTS; i++) {
		part_path(path, sizeof(path), dir, slot, i);
		if (unlink(path) == -1 && errno != ENOENT)
			return false;
	}
	return true;
}

static bool
write_slot(const struct upgrade_place *pl, const char *slot, int fd,
    const struct upgrade *ug)
{
	char path[600], line[UPGRADE_VERSION + 2];

	(void)snprintf(path, sizeof(path), "%s/%s", pl->pl_boot, slot);
	(void)mkdir(path, 0700);
	if (!remove_aside(pl->pl_boot, slot) || !room(pl->pl_boot, slot, ug) ||
	    !empty_slot(pl->pl_boot, slot))
		return false;
	for (unsigned i = 0; i < UPGRADE_PARTS; i++) {
		part_path(path, sizeof(path), pl->pl_boot, slot, i);
		if (!write_part(fd, &ug->ug_part[i], path))
			return false;
	}
	(void)snprintf(path, sizeof(path), "%s/%s/version", pl->pl_boot, slot);
	(void)snprintf(line, sizeof(line), "%s\n", ug->ug_version);
	return file_replace(path, line, strlen(line), 0600);
}

static bool
install(const struct upgrade_place *pl, const char *slot, int fd,
    const struct upgrade *ug)
{
	const char *why = NULL, *ignored;
	bool ok = slots_writable(pl->pl_boot, true, &why) &&
	    slots_write(pl->pl_boot, NULL, slot[0] == 'a' ? "b" : "a", &why);

	if (ok && !write_slot(pl, slot, fd, ug)) {
		why = strerror(errno);
		ok = false;
	}
	ok = ok && slots_write(pl->pl_boot, NULL, slot, &why);
	(void)slots_writable(pl->pl_boot, false, &ignored);
	if (!ok)
		(void)upgrade_fail("slot %s could not be written: %s; what "
		    "runs is not touched", slot, why);
	return ok;
}

int
upgrade_install(const struct upgrade_place *pl, const char *path)
{
	struct upgrade ug;
	const char *slot;
	int lock = slots_lock(pl->pl_boot), fd;
	bool ok;

	if (lock == -1)
		return upgrade_fail("%s is not there, or another process writes "
		    "there: try again in a while", pl->pl_boot);
	slot = idle_slot(pl);
	fd = slot == NULL ? -1 : open_verified(pl, path, &ug);
	ok = fd != -1 && install(pl, slot, fd, &ug);
	if (fd != -1)
		close(fd);
	close(lock);
	if (!ok)
		return 1;
	printf("version %s is in slot %s; the next start tries it, and keeps it "
	    "if all\nis well for a minute. 'init reboot' starts it now.\n",
	    ug.ug_version, slot);
	return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- status ---- */

struct slot_state {
	char	ss_version[UPGRADE_VERSION + 2];	/* "": empty */
	bool	ss_runs, ss_good, ss_next;
};

static bool
read_state(const struct upgrade_place *pl, struct slot_state ss[2])
{
	static const char *const slots[] = { "a", "b" };
	char block[SLOTS_BLOCK], good[SLOTS_VALUE] = "", next[SLOTS_VALUE] = "";
	char now[SLOTS_VALUE] = "", path[600];
	const char *why = "";

	(void)snprintf(path, sizeof(path), "%s/grubenv", pl->pl_boot);
	if (access(path, F_OK) == -1 && errno == ENOENT) {
		(void)upgrade_fail("this machine has no slots: it was not "
		    "started from an image of the appliance");
		return false;
	}
	if (!slots_read(pl->pl_boot, block, &why)) {
		(void)upgrade_fail("%s", why);
		return false;
	}
	(void)slots_get(block, "slot", good);
	(void)slots_get(block, "boot", next);
	if (pl->pl_slot != NULL)
		(void)snprintf(now, sizeof(now), "%s", pl->pl_slot);
	else
		(void)slots_running("slot", now);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/version",
		    pl->pl_boot, slots[i]);
		(void)file_line(path, ss[i].ss_version,
		    sizeof(ss[i].ss_version));
		ss[i].ss_runs = strcmp(slots[i], now) == 0;
		ss[i].ss_good = strcmp(slots[i], good) == 0;
		ss[i].ss_next = strcmp(slots[i], next) == 0;
	}
	return true;
}

static void
state_json(const struct slot_state ss[2])
{
	json_begin();
	json_array("slots");
	for (size_t i = 0; i < 2; i++) {
		json_object(NULL);
		json_string("slot", i == 0 ? "a" : "b");
		json_string("version", ss[i].ss_version);
		json_bool("runs", ss[i].ss_runs);
		json_bool("good", ss[i].ss_good);
		json_bool("next", ss[i].ss_next);
		json_object_end();
	}
	json_array_end();
	json_end();
}

int
upgrade_status(const struct upgrade_place *pl)
{
	struct slot_state ss[2] = { 0 };

	if (!read_state(pl, ss))
		return 1;
	if (pl->pl_json)
		state_json(ss);
	for (size_t i = 0; i < 2 && !pl->pl_json; i++)
		printf("slot %c: %s%s%s%s\n", i == 0 ? 'a' : 'b',
		    ss[i].ss_version[0] != '\0' ? ss[i].ss_version : "empty",
		    ss[i].ss_runs ? ", runs" : "", ss[i].ss_good ? ", good" : "",
		    ss[i].ss_next ? ", next" : "");
	return fflush(stdout) == 0 ? 0 : 1;
}
