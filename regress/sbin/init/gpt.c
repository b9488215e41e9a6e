/* SPDX-License-Identifier: ISC */
/*
 * Tables of partitions that sfdisk has made, and what sfdisk says of ours.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../sbin/init/gpt.h"
#include "test.h"

enum { MB = 2048 };		/* sectors */

static char disk[300];
static struct gpt g;

/* sh -c, with the disk's name in $D. */
static int
shell(const char *command)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)setenv("D", disk, 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
	    WEXITSTATUS(status) : -1;
}

static bool
make_disk(const char *script)
{
	char command[500];

	(void)snprintf(disk, sizeof(disk), "%s/disk", getenv("TMPDIR"));
	(void)snprintf(command, sizeof(command), "rm -f $D; truncate -s 64M $D"
	    " && printf '%s' | sfdisk -q $D", script);
	return shell(command) == 0;
}

static int
open_disk(void)
{
	return open(disk, O_RDWR | O_CLOEXEC);
}

#define TWO	"label: gpt\\n" \
		"start=2048, size=2048, name=loader\\n" \
		"size=20480, name=ravelin-boot\\n"

static void
add(void)
{
	static const uint8_t guid[16] = { 1, 2, 3 };
	const char *why = "";
	uint64_t first, count;
	int fd, place;

	if (shell("command -v sfdisk >/dev/null") != 0) {
		test_skip("no sfdisk here");
		return;
	}
	CU_ASSERT(make_disk(TWO));
	CU_ASSERT_EQUAL(shell("truncate -s 256M $D"), 0);	/* a larger disk */
	CU_ASSERT((fd = open_disk()) != -1);
	CU_ASSERT(gpt_read(&g, fd, 256 * MB, &why));
	CU_ASSERT_FALSE(g.g_copy);
	CU_ASSERT_EQUAL(gpt_find(&g, "ravelin-boot"), 1);
	CU_ASSERT_EQUAL(gpt_find(&g, "ravelin-boo"), -1);
	CU_ASSERT_EQUAL(gpt_find(&g, "ravelin-data"), -1);
	place = gpt_add(&g, "ravelin-new", guid, 32 * MB, &why);
	CU_ASSERT_EQUAL(place, 2);
	gpt_extent(&g, place, &first, &count);
	CU_ASSERT_EQUAL(first, 2048 + 2048 + 20480);
	CU_ASSERT_EQUAL(first + count, 255 * MB);
	gpt_rename(&g, place, "ravelin-data");
	CU_ASSERT(gpt_write(&g, fd, &why));
	close(fd);
	CU_ASSERT_EQUAL(shell("sfdisk -Vq $D"), 0);
	CU_ASSERT_EQUAL(shell("sfdisk -d $D | grep -q 'disk3 : start= *24576, "
	    "size= *497664, type=0FC63DAF-.*name=\"ravelin-data\"'"), 0);
	CU_ASSERT_EQUAL(shell("sfdisk -d $D | grep -q 'last-lba: 524254'"), 0);
}

static void
copy(void)
{
	const char *why = "";
	int fd;

	if (shell("command -v sfdisk >/dev/null") != 0) {
		test_skip("no sfdisk here");
		return;
	}
	CU_ASSERT(make_disk(TWO));
	CU_ASSERT_EQUAL(shell("dd if=/dev/urandom of=$D bs=512 seek=1 count=3 "
	    "conv=notrunc 2>/dev/null"), 0);
	CU_ASSERT((fd = open_disk()) != -1);
	CU_ASSERT(gpt_read(&g, fd, 64 * MB, &why));
	CU_ASSERT(g.g_copy);
	CU_ASSERT_EQUAL(gpt_find(&g, "ravelin-boot"), 1);
	CU_ASSERT(gpt_write(&g, fd, &why));
	CU_ASSERT(gpt_read(&g, fd, 64 * MB, &why));
	CU_ASSERT_FALSE(g.g_copy);
	close(fd);
	CU_ASSERT_EQUAL(shell("sfdisk -Vq $D"), 0);
}

static void
refused(void)
{
	static const uint8_t guid[16] = { 9 };
	const char *why = "";
	int fd;

	if (shell("command -v sfdisk >/dev/null") != 0) {
		test_skip("no sfdisk here");
		return;
	}
	CU_ASSERT(make_disk(TWO "name=rest\\n"));
	CU_ASSERT((fd = open_disk()) != -1);
	test_row("no room");
	CU_ASSERT(gpt_read(&g, fd, 64 * MB, &why));
	CU_ASSERT_EQUAL(gpt_add(&g, "x", guid, 1, &why), -1);
	TEST_STRING(why, "there is not enough free space on the disk");
	test_row("neither table is right");
	CU_ASSERT_EQUAL(shell("dd if=/dev/zero of=$D bs=512 seek=1 count=1 "
	    "conv=notrunc 2>/dev/null"), 0);
	CU_ASSERT_FALSE(gpt_read(&g, fd, 63 * MB, &why));
	test_row("an empty disk");
	CU_ASSERT_EQUAL(shell("rm $D; truncate -s 64M $D"), 0);
	close(fd);
	CU_ASSERT((fd = open_disk()) != -1);
	CU_ASSERT_FALSE(gpt_read(&g, fd, 64 * MB, &why));
	CU_ASSERT_FALSE(gpt_read(&g, fd, 10, &why));
	close(fd);
}

/* The largest of several gaps is taken. */
static void
gaps(void)
{
	static const uint8_t guid[16] = { 7 };
	const char *why = "";
	uint64_t first, count;
	int fd;

	if (shell("command -v sfdisk >/dev/null") != 0) {
		test_skip("no sfdisk here");
		return;
	}
	CU_ASSERT(make_disk("label: gpt\\n"
	    "start=120000, size=2048, name=b\\nstart=10240, size=2048, name=a\\n"));
	CU_ASSERT((fd = open_disk()) != -1);
	CU_ASSERT(gpt_read(&g, fd, 64 * MB, &why));
	CU_ASSERT_EQUAL(gpt_add(&g, "x", guid, 1, &why), 2);
	gpt_extent(&g, 2, &first, &count);
	CU_ASSERT_EQUAL(first, 6 * MB);		/* the first whole MB behind a */
	CU_ASSERT_EQUAL(first + count, 118784);	/* the last one before b */
	CU_ASSERT(gpt_write(&g, fd, &why));
	close(fd);
	CU_ASSERT_EQUAL(shell("sfdisk -Vq $D"), 0);
}

/*
 * A write that is cut after each sector: there is always a table, the old or
 * the new one.
 */
static void
torn(void)
{
	static const uint8_t guid[16] = { 5 };
	static uint8_t old[17408], new[17408], both[17408];
	const char *why = "";
	int fd;

	if (shell("command -v sfdisk >/dev/null") != 0) {
		test_skip("no sfdisk here");
		return;
	}
	CU_ASSERT(make_disk(TWO));
	CU_ASSERT((fd = open_disk()) != -1);
	CU_ASSERT_EQUAL(pread(fd, old, sizeof(old), 0), sizeof(old));
	CU_ASSERT(gpt_read(&g, fd, 64 * MB, &why));
	CU_ASSERT_EQUAL(gpt_add(&g, "ravelin-new", guid, MB, &why), 2);
	CU_ASSERT(gpt_write(&g, fd, &why));
	CU_ASSERT_EQUAL(pread(fd, new, sizeof(new), 0), sizeof(new));
	for (size_t n = 0; n <= sizeof(new); n += GPT_SECTOR) {
		memcpy(both, new, n);
		memcpy(both + n, old + n, sizeof(old) - n);
		CU_ASSERT_EQUAL(pwrite(fd, both, sizeof(both), 0), sizeof(both));
		CU_ASSERT(gpt_read(&g, fd, 64 * MB, &why));
		CU_ASSERT_EQUAL(gpt_find(&g, "ravelin-boot"), 1);
		CU_ASSERT_EQUAL(gpt_find(&g, "ravelin-new"), n <= GPT_SECTOR ? -1 : 2);
	}
	close(fd);
}

TEST_MAIN(
	TEST("a write that is cut", torn),
	TEST("a partition in the free space of a disk that has grown", add),
	TEST("the copy at the end serves", copy),
	TEST("what cannot be done is refused", refused),
	TEST("the largest gap", gaps))
