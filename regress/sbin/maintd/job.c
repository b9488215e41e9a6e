/* SPDX-License-Identifier: ISC */
/*
 * How jobs end, and what that proves: a child that is killed, or never came to
 * compare the password, takes no try back.  What the pages' role can ask for is
 * the business of regress/web/maint.py.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../sbin/maintd/maintd.h"
#include "test.h"

static struct maintd md;
static char dir[300];

static void
begin(void)
{
	memset(&md, 0, sizeof(md));
	(void)snprintf(dir, sizeof(dir), "%s/maint", getenv("TMPDIR"));
	md.md_se.se_dir = dir;
	md.md_se.se_run = dir;
	md.md_job.jo_fd[0] = md.md_job.jo_fd[1] = -1;
	for (size_t i = 0; i < CLIENTS; i++)
		md.md_client[i] = (struct client){ .cl_fd = -1, .cl_file = -1 };
	CU_ASSERT_FATAL(stock_open(&md));
}

static void
end(void)
{
	for (size_t i = 0; i < MAINT_KINDS; i++) {
		stock_drop(&md, (enum maint_kind)i);
		result_free(&md.md_stock[i].st_done);
	}
	(void)rmdir(dir);
}

/* A child of the job that ends so; 0 or more: by exit, less: by the signal. */
static void
run_child(enum maint_command command, int how)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (how < 0)
			(void)raise(-how);
		_exit(how);
	}
	md.md_job.jo_pid = pid;
	md.md_job.jo_command = command;
	md.md_job.jo_until = now_ms() + 60000;
	for (int i = 0; i < 1000 && md.md_job.jo_pid != 0; i++) {
		job_tick(&md);
		(void)usleep(1000);
	}
	CU_ASSERT_EQUAL(md.md_job.jo_pid, 0);
	md.md_job.jo_fd[0] = md.md_job.jo_fd[1] = -1;
}

static void
ends(void)
{
	static const struct {
		const char	*name;
		int		 how;
		bool		 proved;
	} cases[] = {
		{ "done", 0, true },
		{ "refused by the program", 1, true },
		{ "no such program", 127, true },
		{ "its folder is gone", 126, true },
		{ "the password is wrong", 90, false },
		{ "there are no passwords", 91, false },
		{ "before it was compared", 92, false },
		{ "killed", -SIGKILL, false },
		{ "failed, while comparing", -SIGABRT, false },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		begin();
		md.md_lock.al_fails = 3;
		run_child(MAINT_CREATE, cases[i].how);
		CU_ASSERT_EQUAL(md.md_lock.al_fails, cases[i].proved ? 0 : 3);
		end();
	}
	test_row("one that needs no password");
	begin();
	md.md_lock.al_fails = 3;
	run_child(MAINT_CHECK, 0);
	CU_ASSERT_EQUAL(md.md_lock.al_fails, 3);
	end();
}

/* It counts before it is known to be wrong: ten that are killed are ten tries. */
static void
counted_first(void)
{
	struct maint_request mq = { .mq_op = MAINT_RUN,
	    .mq_command = MAINT_CREATE, .mq_user = "admin", .mq_password = "x" };
	enum maint_status status = MAINT_OK;
	unsigned begun = 0;

	begin();
	md.md_se.se_passwd = "/nonexistent";
	for (int i = 0; i < 10 && job_start(&md, &mq, &status) == NULL; i++) {
		begun++;
		(void)kill(md.md_job.jo_pid, SIGKILL);
		for (int k = 0; k < 1000 && md.md_job.jo_pid != 0; k++) {
			for (int n = 0; n < 2; n++)
				if (md.md_job.jo_fd[n] != -1)
					job_read(&md, n);
			job_tick(&md);
			(void)usleep(1000);
		}
		CU_ASSERT_EQUAL_FATAL(md.md_job.jo_pid, 0);
	}
	CU_ASSERT_EQUAL(begun, AUTH_FREE);
	CU_ASSERT_EQUAL(status, MAINT_LATER);
	end();
}

/* Of a difference that is cut off nothing is shown as if it were all of it. */
static void
cut_off(void)
{
	struct stock *st = &md.md_stock[MAINT_IMPORT];

	begin();
	md.md_job.jo_cut = true;
	run_child(MAINT_TRY, 0);
	CU_ASSERT(st->st_checked.rs_set && st->st_checked.rs_status == 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(st->st_checked.rs_err);
	CU_ASSERT_PTR_NOT_NULL(strstr(st->st_checked.rs_err, "ipsecctl import"));
	CU_ASSERT_PTR_NULL(st->st_checked.rs_out);
	run_child(MAINT_BRING, -SIGKILL);
	st = &md.md_stock[MAINT_RESTORE];
	CU_ASSERT(st->st_done.rs_set && st->st_done.rs_status == -1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(st->st_done.rs_err);
	CU_ASSERT_PTR_NOT_NULL(strstr(st->st_done.rs_err, "took too long"));
	end();
}

/* A backup that maintd was killed over holds all keys. */
static void
left_over(void)
{
	static const char *const names[] = { "created.backup",
	    "created.backup.new", "uploaded.backup", "uploaded.export.part" };
	char path[400];
	int fd;

	begin();
	for (size_t i = 0; i < TEST_COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		CU_ASSERT(fd != -1 && close(fd) == 0);
	}
	CU_ASSERT_EQUAL(rmdir(dir), -1);
	CU_ASSERT(stock_open(&md));
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	end();
}

TEST_MAIN(
	TEST("what an end proves", ends),
	TEST("a try counts from its beginning", counted_first),
	TEST("more than can be shown, and longer than allowed", cut_off),
	TEST("what a dead one has left", left_over))
