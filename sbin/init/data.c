/* SPDX-License-Identifier: ISC */
/*
 * The disk: /boot (FAT, read-only) and /data (ext4), found by the names of
 * their partitions.
 *
 *	ravelin-data	checked by e2fsck(8) and mounted; never formatted
 *	ravelin-new	is being formatted: whatever is there goes
 *	neither		ravelin-new is made in the free space of the disk that
 *			holds ravelin-boot, formatted, and renamed
 *
 * So a power cut at any moment of the first start leaves a disk that the
 * next start finishes; a table of partitions that it has torn is repaired from
 * its copy.  A partition ravelin-data that cannot be repaired is
 * left alone: /data is then in memory, begins with the copy of the policy
 * store's last export that /boot holds, and the consoles say so.  The same,
 * without the copy, if there is no disk.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/blkpg.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "boot.h"
#include "gpt.h"
#include "libpolicy/store.h"
#include "slots.h"

#define CLASS	"/sys/class/block"

enum {
	DEVICE_WAIT	= 50,			/* tenths of a second */
	DATA_LEAST	= 32 << 20 >> 9,	/* sectors */
	SAVED_MAX	= 64 << 20,
};

struct part {
	char	pa_dev[64];		/* "/dev/vda2" */
	char	pa_disk[64];		/* "vda" */
	int	pa_number;
};

/* ---- finding ---- */

/* The disk that a partition is on: the folder above it in /sys. */
static void
find_disk(const char *name, struct part *pa)
{
	char path[300], real[4096], *slash;

	(void)snprintf(path, sizeof(path), CLASS "/%s", name);
	pa->pa_disk[0] = '\0';
	if (realpath(path, real) == NULL || (slash = strrchr(real, '/')) == NULL)
		return;
	*slash = '\0';
	if ((slash = strrchr(real, '/')) != NULL)
		(void)snprintf(pa->pa_disk, sizeof(pa->pa_disk), "%.60s",
		    slash + 1);
}

static bool
find_part(const char *label, struct part *pa)
{
	DIR *dir = opendir(CLASS);
	struct dirent *de;
	bool found = false;

	while (!found && dir != NULL && (de = readdir(dir)) != NULL) {
		char path[300], value[64];

		(void)snprintf(path, sizeof(path), CLASS "/%s/uevent",
		    de->d_name);
		if (de->d_name[0] == '.' || !file_value(path, "PARTNAME", value,
		    sizeof(value)) || strcmp(value, label) != 0)
			continue;
		(void)snprintf(pa->pa_dev, sizeof(pa->pa_dev), "/dev/%.50s",
		    de->d_name);
		find_disk(de->d_name, pa);
		pa->pa_number = file_value(path, "PARTN", value,
		    sizeof(value)) ? atoi(value) : 0;
		found = true;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* ---- a table that a power cut has torn ---- */

static int
open_table(const char *disk, struct gpt *g, const char **why)
{
	char path[128];
	uint64_t bytes = 0;
	int fd, sector = 0;

	(void)snprintf(path, sizeof(path), "/dev/%s", disk);
	if ((fd = open(path, O_RDWR | O_CLOEXEC)) == -1 ||
	    ioctl(fd, BLKGETSIZE64, &bytes) == -1 ||
	    ioctl(fd, BLKSSZGET, &sector) == -1) {
		*why = strerror(errno);
	} else if (sector != GPT_SECTOR) {
		*why = "its sectors are not of 512 bytes";
	} else if (gpt_read(g, fd, bytes / GPT_SECTOR, why)) {
		return fd;
	}
	if (fd != -1)
		close(fd);
	return -1;
}

static bool
is_disk(const char *name)
{
	char path[300];

	(void)snprintf(path, sizeof(path), CLASS "/%s/partition", name);
	return name[0] != '.' && strncmp(name, "loop", 4) != 0 &&
	    strncmp(name, "ram", 3) != 0 && access(path, F_OK) == -1;
}

/*
 * If the begin of a disk has no sound table, but its copy is ours: the kernel
 * has taken neither, so it is written anew and read again.
 */
static bool
repair_table(const char *name)
{
	const char *why = "";
	struct gpt *g = malloc(sizeof(*g));
	int fd = g == NULL ? -1 : open_table(name, g, &why);
	bool ok = fd != -1 && g->g_copy && gpt_find(g, "ravelin-boot") != -1;

	if (ok) {
		loud("%s: the table of partitions is damaged: its copy is used",
		    name);
		ok = gpt_write(g, fd, &why) && ioctl(fd, BLKRRPART) == 0;
		if (!ok)
			loud("%s: it cannot be repaired: %s", name, why);
	}
	if (fd != -1)
		close(fd);
	free(g);
	return ok;
}

static bool
repair_tables(void)
{
	DIR *dir = opendir(CLASS);
	struct dirent *de;
	bool any = false;

	while (dir != NULL && (de = readdir(dir)) != NULL)
		any = (is_disk(de->d_name) && repair_table(de->d_name)) || any;
	if (dir != NULL)
		closedir(dir);
	return any;
}

/* Drivers find disks in their own time. */
static bool
wait_part(const char *label, struct part *pa)
{
	for (unsigned i = 0; i < DEVICE_WAIT; i++) {
		if (find_part(label, pa))
			return true;
		(void)usleep(100 * 1000);
	}
	return false;
}

/* ---- a new partition ---- */

static bool
tell_kernel(int fd, int number, uint64_t first, uint64_t count)
{
	struct blkpg_partition bp = { .start = (long long)(first * GPT_SECTOR),
	    .length = (long long)(count * GPT_SECTOR), .pno = number };
	struct blkpg_ioctl_arg arg = { .op = BLKPG_ADD_PARTITION,
	    .datalen = sizeof(bp), .data = &bp };

	return ioctl(fd, BLKPG, &arg) == 0 || errno == EBUSY;
}

static void
part_device(const char *disk, int number, char *out, size_t cap)
{
	size_t n = strlen(disk);
	bool digit = n != 0 && disk[n - 1] >= '0' && disk[n - 1] <= '9';

	(void)snprintf(out, cap, "/dev/%.40s%s%d", disk, digit ? "p" : "",
	    number);
}

static bool
make_part(const char *disk, struct part *pa, const char **why)
{
	uint64_t first, count;
	uint8_t guid[16];
	struct gpt *g = malloc(sizeof(*g));
	int fd = g == NULL ? -1 : open_table(disk, g, why), place = -1;

	if (fd != -1 && getrandom(guid, sizeof(guid), GRND_INSECURE) ==
	    (ssize_t)sizeof(guid))
		place = gpt_add(g, "ravelin-new", guid, DATA_LEAST, why);
	if (place != -1 && !gpt_write(g, fd, why))
		place = -1;
	if (place != -1) {
		gpt_extent(g, place, &first, &count);
		*why = "the kernel does not take the new partition";
		if (!tell_kernel(fd, place + 1, first, count))
			place = -1;
	}
	if (place != -1) {
		quiet("%s: partition %d of %llu MB is new", disk, place + 1,
		    (unsigned long long)(count >> 11));
		part_device(disk, place + 1, pa->pa_dev, sizeof(pa->pa_dev));
		(void)snprintf(pa->pa_disk, sizeof(pa->pa_disk), "%.60s", disk);
		pa->pa_number = place + 1;
	}
	if (fd != -1)
		close(fd);
	free(g);
	return place != -1;
}

static bool
rename_part(const struct part *pa, const char *name, const char **why)
{
	struct gpt *g = malloc(sizeof(*g));
	int fd = g == NULL ? -1 : open_table(pa->pa_disk, g, why);
	bool ok = fd != -1;

	if (ok) {
		gpt_rename(g, pa->pa_number - 1, name);
		ok = gpt_write(g, fd, why);
	}
	if (fd != -1)
		close(fd);
	free(g);
	return ok;
}

static bool
format(const struct part *pa)
{
	const char *const argv[] = { "mke2fs", "-q", "-t", "ext4", "-F", "-L",
	    "ravelin-data", "-E", "lazy_itable_init=1", pa->pa_dev, NULL };
	int status = run_program(argv);

	if (status != 0)
		loud("mke2fs failed on %s", pa->pa_dev);
	return status == 0;
}

/* ---- mounting ---- */

static bool
check(const struct part *pa)
{
	static const char *const how[] = { "-p", "-y" };
	int status, code;

	for (unsigned i = 0; i < 2; i++) {
		const char *const argv[] = { "e2fsck", how[i], pa->pa_dev,
		    NULL };

		status = run_program(argv);
		code = status == -1 || !WIFEXITED(status) ? 255 :
		    WEXITSTATUS(status);
		if (code == 127) {
			loud("there is no e2fsck: %s is not checked", pa->pa_dev);
			return true;
		}
		if (code < 4)
			return true;
		loud("%s is damaged%s", pa->pa_dev, i == 0 ?
		    ": trying to repair it" : " beyond repair");
	}
	return false;
}

static bool
mount_data(const struct part *pa)
{
	if (!check(pa))
		return false;
	if (mount(pa->pa_dev, BOOT_DATA, "ext4", MS_NOATIME | MS_NODEV |
	    MS_NOSUID | MS_NOEXEC, "errors=remount-ro") == 0)
		return true;
	loud("%s: %s", pa->pa_dev, strerror(errno));
	return false;
}

/* In memory: the router runs, and keeps nothing. */
static void
mount_memory(void)
{
	if (mount("tmpfs", BOOT_DATA, "tmpfs", MS_NODEV | MS_NOSUID |
	    MS_NOEXEC, "size=64m,mode=0755") == -1)
		loud(BOOT_DATA ": %s", strerror(errno));
	if (!file_replace(BOOT_RUN "/no-disk", "", 0, 0644))	/* for the menu */
		quiet(BOOT_RUN "/no-disk: %s", strerror(errno));
}

static void
take_saved(const char *name, const char *to)
{
	char from[128];
	size_t len;
	char *body;

	(void)snprintf(from, sizeof(from), BOOT_SLOTS "/saved/%s", name);
	body = file_read(from, SAVED_MAX, &len);
	if (body == NULL)
		return;
	if (!file_replace(to, body, len, 0600))
		loud("%s: %s", to, strerror(errno));
	explicit_bzero(body, len);
	free(body);
}

/* What keep.c has put on /boot after each commit. */
static void
use_saved(void)
{
	take_saved("machine.key", BOOT_DATA "/db/machine.key");
	take_saved("policy.db.export", BOOT_DB ".export");
	take_saved("passwd", BOOT_ETC "/passwd");
	take_saved("nics", BOOT_ETC "/nics");
	take_saved("hostname", BOOT_ETC "/hostname");
	take_saved("ssh.on", BOOT_ETC "/ssh.on");
	take_saved("ssh.keys", BOOT_ETC "/ssh.keys");
	take_saved("ssh.host", BOOT_ETC "/ssh.host");
	take_saved("ntp", BOOT_ETC "/ntp");
	if (access(BOOT_DB ".export", F_OK) == 0)
		loud("going on with the last good export; changes are "
		    "possible, and lost at the next start");
	else
		loud("there is no export on " BOOT_SLOTS ": the router begins "
		    "with its first policy");
}

/* The store's last way out, if what was beside it is lost. */
static void
complete_from_saved(void)
{
	if (access(BOOT_DATA "/db/machine.key", F_OK) == -1)
		take_saved("machine.key", BOOT_DATA "/db/machine.key");
	if (access(BOOT_DB ".export", F_OK) == -1)
		take_saved("policy.db.export", BOOT_DB ".export");
}

static void
folders(void)
{
	static const char *const names[] = { "etc", "db", "log", "tls" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), BOOT_DATA "/%s", names[i]);
		(void)mkdir(path, 0700);
	}
	(void)chmod(BOOT_DATA "/db", 0755);
}

/* ---- factory reset ---- */

static void
empty_folder(const char *path, unsigned depth)
{
	DIR *dir = depth > 8 ? NULL : opendir(path);
	struct dirent *de;
	char below[512];

	while (dir != NULL && (de = readdir(dir)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		(void)snprintf(below, sizeof(below), "%s/%s", path, de->d_name);
		if (de->d_type == DT_DIR)
			empty_folder(below, depth + 1);
		if (remove(below) == -1)
			loud("%s: %s", below, strerror(errno));
	}
	if (dir != NULL)
		closedir(dir);
}

/* The mark goes last, so that a reset that was interrupted is finished. */
static bool
reset(void)
{
	static const char *const names[] = { "etc", "db", "tls" };
	char path[64];

	const char *why = "";

	if (access(BOOT_DATA "/reset", F_OK) == -1)
		return false;
	loud("factory reset: policy, keys and password are removed");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), BOOT_DATA "/%s", names[i]);
		empty_folder(path, 0);
	}
	if (slots_writable(BOOT_SLOTS, true, &why)) {
		empty_folder(BOOT_SLOTS "/saved", 0);
		(void)slots_writable(BOOT_SLOTS, false, &why);
	} else {
		loud("the copies on " BOOT_SLOTS " are still there: %s", why);
	}
	sync();
	if (unlink(BOOT_DATA "/reset") == -1)
		loud(BOOT_DATA "/reset: %s", strerror(errno));
	sync();
	return true;
}

/* ---- the task ---- */

static void
mount_boot(const struct part *pa)
{
	if (mounted(BOOT_SLOTS))
		return;
	if (mount(pa->pa_dev, BOOT_SLOTS, "vfat", MS_RDONLY | MS_NOATIME |
	    MS_NODEV | MS_NOSUID | MS_NOEXEC, "umask=077,errors=remount-ro") == -1)
		loud("%s: %s", pa->pa_dev, strerror(errno));
}

static bool
new_data(const struct part *boot)
{
	const char *why = "out of memory";
	struct part pa;

	if (!find_part("ravelin-new", &pa) &&
	    !make_part(boot->pa_disk, &pa, &why)) {
		loud("no partition for data: %s", why);
		return false;
	}
	if (!format(&pa) || !mount_data(&pa))
		return false;
	if (!rename_part(&pa, "ravelin-data", &why)) {
		loud("%s: %s", pa.pa_disk, why);
		(void)umount(BOOT_DATA);
		return false;
	}
	return true;
}

int
task_data(void)
{
	struct part boot = { 0 }, data;
	bool disk = mounted(BOOT_DATA) ? find_part("ravelin-boot", &boot) :
	    wait_part("ravelin-boot", &boot), fresh;

	if (!disk && repair_tables())
		disk = wait_part("ravelin-boot", &boot);
	if (disk)
		mount_boot(&boot);
	if (mounted(BOOT_DATA)) {
		quiet(BOOT_DATA " is mounted already");
	} else if (find_part("ravelin-data", &data)) {
		if (!mount_data(&data)) {
			loud("the data partition %s is left as it is",
			    data.pa_dev);
			mount_memory();
			folders();
			use_saved();
		}
	} else if (!disk || !new_data(&boot)) {
		loud("%s: the configuration is kept in memory only and lost at "
		    "the next start", disk ? "no data partition" : "no disk");
		mount_memory();
	}
	fresh = reset();
	folders();
	if (!fresh)
		complete_from_saved();
	return 0;
}

bool
data_give_up(const char **why)
{
	struct part pa;

	*why = "there is no data partition";
	return find_part("ravelin-data", &pa) && rename_part(&pa,
	    "ravelin-new", why);
}
