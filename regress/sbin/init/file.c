/* SPDX-License-Identifier: ISC */
/*
 * Small things with files: what takes the place of another, and what follows
 * another, also to its end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "../../../sbin/init/boot.h"
#include "test.h"

static char dir[64], from[100], to[100];

static void
begin(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/file.XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	(void)snprintf(from, sizeof(from), "%s/from", dir);
	(void)snprintf(to, sizeof(to), "%s/to", dir);
}

static void
end(void)
{
	(void)unlink(from);
	(void)unlink(to);
	CU_ASSERT_EQUAL(rmdir(dir), 0);		/* nothing else is left */
}

static bool
holds(const char *path, const char *text)
{
	size_t len = 0;
	char *body = file_read(path, 4096, &len);
	bool yes = body != NULL && len == strlen(text) &&
	    memcmp(body, text, len) == 0;

	free(body);
	return yes;
}

static void
follows(void)
{
	struct stat a, b;

	begin();
	CU_ASSERT(file_follow(from, to));		/* neither is there */
	CU_ASSERT(file_replace(from, "key\n", 4, 0644));
	CU_ASSERT(file_follow(from, to));
	CU_ASSERT(holds(to, "key\n"));
	CU_ASSERT(stat(to, &a) == 0 && (a.st_mode & 0777) == 0600);
	CU_ASSERT(file_follow(from, to));
	CU_ASSERT(stat(to, &b) == 0 && a.st_ino == b.st_ino);	/* not written */
	CU_ASSERT(file_replace(from, "", 0, 0600));
	CU_ASSERT_FALSE(file_same(from, to));
	CU_ASSERT(file_follow(from, to));
	CU_ASSERT(holds(to, ""));
	/* a key that was taken away is not left behind in a copy */
	CU_ASSERT_EQUAL(unlink(from), 0);
	CU_ASSERT_FALSE(file_same(from, to));
	CU_ASSERT(file_follow(from, to));
	CU_ASSERT(access(to, F_OK) == -1 && errno == ENOENT);
	CU_ASSERT(file_same(from, to));
	end();
}

/* What cannot be read is not the same as what is not there. */
static void
unreadable(void)
{
	begin();
	CU_ASSERT_EQUAL(mkdir(from, 0700), 0);
	CU_ASSERT(file_replace(to, "key\n", 4, 0600));
	CU_ASSERT_FALSE(file_same(from, to));
	CU_ASSERT_FALSE(file_follow(from, to));
	CU_ASSERT(holds(to, "key\n"));
	CU_ASSERT_EQUAL(unlink(to), 0);
	CU_ASSERT_FALSE(file_same(from, to));
	CU_ASSERT_EQUAL(rmdir(from), 0);
	end();
}

static void
replaces(void)
{
	char aside[120];

	begin();
	CU_ASSERT(file_replace(to, "one\n", 4, 0600));
	CU_ASSERT(file_replace(to, "two\n", 4, 0600));
	CU_ASSERT(holds(to, "two\n"));
	/* a link in the place of the new one is not followed */
	(void)snprintf(aside, sizeof(aside), "%s.new", to);
	CU_ASSERT_EQUAL(symlink(from, aside), 0);
	CU_ASSERT_FALSE(file_replace(to, "three\n", 6, 0600));
	CU_ASSERT(access(from, F_OK) == -1);
	CU_ASSERT(holds(to, "two\n"));
	CU_ASSERT_EQUAL(unlink(aside), 0);
	end();
}

TEST_MAIN(
	TEST("a copy follows", follows),
	TEST("what cannot be read", unreadable),
	TEST("a file is replaced", replaces))
