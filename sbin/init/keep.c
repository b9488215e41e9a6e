/* SPDX-License-Identifier: ISC */
/*
 * What is looked after while the router runs.
 *
 * A slot that is tried (the kernel's command line names another good one)
 * becomes the good one once everything has been well for TRY_WELL seconds; if
 * that has not come about TRY_MOST seconds after the start, the router
 * restarts, and the loader takes the good slot again.  ravelin.well= and
 * ravelin.most= on the command line are other times.
 *
 * What a router needs to go on without its data partition, the last export
 * of the policy store with its machine key, the password, the cards' names,
 * SSH's keys and the time servers, is copied to the partition of the slots
 * when it has changed and all has been well for a while.  What is gone goes
 * there too: a key that may no longer log in must not come back with the copy.
 * The time is kept every hour.
 */
#include <bearssl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

#include "boot.h"
#include "clock.h"
#include "slots.h"

enum {
	TRY_WELL	= 60,		/* seconds */
	TRY_MOST	= 300,
	SAVE_WELL	= 10,
	LOOK		= 2,
	FILE_MOST	= 64 << 20,
};

static const struct kept {
	const char *from, *name;
} kept[] = {
	{ BOOT_DATA "/db/machine.key", "machine.key" },
	{ BOOT_DB ".export", "policy.db.export" },
	{ BOOT_ETC "/passwd", "passwd" },
	{ BOOT_ETC "/nics", "nics" },
	{ BOOT_ETC "/hostname", "hostname" },
	{ BOOT_ETC "/ssh.on", "ssh.on" },
	{ BOOT_ETC "/ssh.keys", "ssh.keys" },
	{ BOOT_ETC "/ssh.host", "ssh.host" },
	{ BOOT_ETC "/ntp", "ntp" },
};

enum { KEPT = sizeof(kept) / sizeof(kept[0]) };

/* Seconds that all has been well; -1: it is not. */
static long
healthy(void)
{
	static const char *const argv[] = { "init", "status", NULL };
	size_t len;
	int status;
	char *text = run_capture(argv, 65536, &len, &status), *p;
	long well = -1;

	if (text != NULL && (p = strstr(text, "healthy")) != NULL) {
		p += strcspn(p, "0123456789n\n");
		if (*p >= '0' && *p <= '9')
			well = strtol(p, NULL, 10);
	}
	free(text);
	return well;
}

/* ---- a slot that is tried ---- */

static bool
tried(char slot[SLOTS_VALUE])
{
	char good[SLOTS_VALUE];

	return slots_running("slot", slot) && slots_running("good", good) &&
	    strcmp(slot, good) != 0;
}

static bool
make_good(const char *slot)
{
	const char *why = "another process writes there", *ignored;
	int lock = slots_lock(BOOT_SLOTS);
	bool ok = lock != -1 && slots_writable(BOOT_SLOTS, true, &why) &&
	    slots_write(BOOT_SLOTS, slot, slot, &why);

	if (lock != -1) {
		(void)slots_writable(BOOT_SLOTS, false, &ignored);
		close(lock);
	}
	if (ok)
		loud("slot %s is good: it is booted from now on", slot);
	else
		loud("slot %s cannot be made the good one: %s", slot, why);
	return ok;
}

static long
seconds(const char *key, long normal)
{
	char value[SLOTS_VALUE];
	long v;

	if (!slots_running(key, value))
		return normal;
	v = strtol(value, NULL, 10);
	return v > 0 && v < 86400 ? v : normal;
}

static void
fall_back(const char *slot, long most)
{
	static const char *const reboot[] = { "init", "reboot", NULL };

	loud("slot %s has not become well within %ld s: back to the good one",
	    slot, most);
	(void)run_program(reboot);
}

/* ---- the copies ---- */

/* Is one of the files another than when we last looked, or gone? */
static bool
changed(struct timespec seen[KEPT])
{
	bool any = false;

	for (size_t i = 0; i < KEPT; i++) {
		struct timespec now = { 0 };
		struct stat sb;

		if (stat(kept[i].from, &sb) == 0)
			now = sb.st_mtim;
		if (now.tv_sec == seen[i].tv_sec &&
		    now.tv_nsec == seen[i].tv_nsec)
			continue;
		seen[i] = now;
		any = true;
	}
	return any;
}

/* False: not now, as an upgrade is being installed. */
static bool
save(void)
{
	const char *why = "";
	char to[128];
	bool ok = true, open = false;
	int lock = slots_lock(BOOT_SLOTS);

	if (lock == -1)
		return false;

	for (size_t i = 0; ok && i < KEPT; i++) {
		(void)snprintf(to, sizeof(to), BOOT_SLOTS "/saved/%s",
		    kept[i].name);
		if (file_same(kept[i].from, to))
			continue;
		if (!open) {
			open = slots_writable(BOOT_SLOTS, true, &why);
			(void)mkdir(BOOT_SLOTS "/saved", 0700);
		}
		ok = open && file_follow(kept[i].from, to);
	}
	if (open)
		(void)slots_writable(BOOT_SLOTS, false, &why);
	if (!ok)
		loud("no copy of the policy on " BOOT_SLOTS ": %s",
		    strerror(errno));
	close(lock);
	return true;
}

int
task_keep(void)
{
	struct timespec seen[KEPT] = { 0 };
	char slot[SLOTS_VALUE];
	bool trying = tried(slot), dirty = true;
	bool disk = mounted(BOOT_SLOTS) && mounted(BOOT_DATA);
	long enough = seconds("well", TRY_WELL), most = seconds("most", TRY_MOST);

	if (trying)
		quiet("slot %s is tried", slot);
	for (long run = 0;; run += LOOK) {
		long well = healthy();

		if (trying && well >= enough && make_good(slot))
			trying = false;
		else if (trying && well < enough && run >= most)
			fall_back(slot, most);
		dirty = changed(seen) || dirty;
		if (disk && dirty && well >= SAVE_WELL)
			dirty = !save();
		if (run % CLOCK_SAVE == CLOCK_SAVE - LOOK)
			clock_save();
		(void)poll(NULL, 0, LOOK * 1000);
	}
}
