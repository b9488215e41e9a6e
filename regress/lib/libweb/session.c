/* SPDX-License-Identifier: ISC */
/*
 * Sessions: their beginning, their several ends, and what a thief of the file
 * or of an old cookie has; failed logins.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libauth/auth.h"
#include "libweb/web.h"
#include "test.h"

static char dir[64], path[96];
static struct web_sessions *wss;

#define T0	1000000

static void
begin(void)
{
	const char *why = "";

	(void)snprintf(dir, sizeof(dir), "/tmp/session.XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	(void)snprintf(path, sizeof(path), "%s/s.db", dir);
	wss = web_sessions_open(path, &why);
	if (wss == NULL)
		abort();
}

static void
end(void)
{
	static const char *const more[] = { "", "-wal", "-shm" };
	char name[128];

	web_sessions_close(wss);
	for (size_t i = 0; i < TEST_COUNT(more); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, more[i]);
		(void)unlink(name);
	}
	(void)rmdir(dir);
}

static void
life(void)
{
	char token[WEB_TOKEN + 1], other[WEB_TOKEN + 1];
	struct web_session ws, copy;

	begin();
	CU_ASSERT(web_session_new(wss, "anna", "m1", T0, token));
	CU_ASSERT(web_session_new(wss, "bert", "m2", T0, other));
	CU_ASSERT_STRING_NOT_EQUAL(token, other);
	CU_ASSERT(web_session_find(wss, token, T0 + 1, true, &ws));
	TEST_STRING(ws.ws_user, "anna");
	TEST_STRING(ws.ws_mark, "m1");
	CU_ASSERT_EQUAL(strlen(ws.ws_csrf), WEB_TOKEN);
	CU_ASSERT_STRING_NOT_EQUAL(ws.ws_csrf, token);
	CU_ASSERT(web_session_find(wss, other, T0 + 1, true, &copy));
	CU_ASSERT_STRING_NOT_EQUAL(ws.ws_csrf, copy.ws_csrf);
	/* the stolen cookie of who has logged out is dead */
	CU_ASSERT(web_session_end(wss, &ws));
	CU_ASSERT(!web_session_find(wss, token, T0 + 2, true, &ws));
	CU_ASSERT(web_session_find(wss, other, T0 + 2, true, &ws));
	/* what the file holds is no cookie */
	CU_ASSERT(!web_session_find(wss, ws.ws_digest, T0 + 2, true, &copy));
	CU_ASSERT(!web_session_find(wss, "", T0, true, &copy));
	end();
}

static void
ends(void)
{
	static const struct { const char *name; int64_t seen, asked; bool lives; } cases[] = {
		{ "at once", 0, 0, true },
		{ "just not idle", 0, WEB_IDLE_S, true },
		{ "idle", 0, WEB_IDLE_S + 1, false },
		{ "seen in between", WEB_IDLE_S - 1, 2 * WEB_IDLE_S - 2, true },
		{ "before it began", 0, -1, false },
	};
	char token[WEB_TOKEN + 1];
	struct web_session ws;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		begin();
		CU_ASSERT(web_session_new(wss, "anna", "m1", T0, token));
		if (cases[i].seen != 0)
			CU_ASSERT(web_session_find(wss, token, T0 + cases[i].seen,
			    true, &ws));
		CU_ASSERT_EQUAL(web_session_find(wss, token, T0 + cases[i].asked,
		    true, &ws), cases[i].lives);
		end();
	}
}

/* However busy, a session ends; and a script that refreshes keeps none alive. */
static void
limits(void)
{
	char token[WEB_TOKEN + 1];
	struct web_session ws;
	int64_t t = 0;

	begin();
	CU_ASSERT(web_session_new(wss, "anna", "m1", T0, token));
	while (web_session_find(wss, token, T0 + t, true, &ws))
		t += 600;
	CU_ASSERT(t > WEB_LIFE_S && t <= WEB_LIFE_S + 600);
	CU_ASSERT(web_session_new(wss, "anna", "m1", T0, token));
	for (t = 0; web_session_find(wss, token, T0 + t, false, &ws); )
		t += 5;
	CU_ASSERT(t > WEB_IDLE_S && t <= WEB_IDLE_S + 5);
	end();
}

static int
count(const char *sql)
{
	sqlite3_stmt *s;
	sqlite3 *db;
	int n;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK ||
	    sqlite3_step(s) != SQLITE_ROW)
		abort();
	n = sqlite3_column_int(s, 0);
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
	return n;
}

/* By another connection: rows that would take long to come about. */
static void
execute(const char *sql)
{
	sqlite3 *db = NULL;

	CU_ASSERT_EQUAL(sqlite3_open(path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
}

static void
bounded(void)
{
	char token[WEB_TOKEN + 1], first[WEB_TOKEN + 1];
	struct web_session ws;

	begin();
	CU_ASSERT(web_session_new(wss, "anna", "m1", T0, first));
	execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
	    "WHERE i < 1020) INSERT INTO session SELECT 'x' || i, 'anna', '', '', "
	    "1000001 FROM n; INSERT INTO seen SELECT digest, 1000001 FROM session "
	    "WHERE digest LIKE 'x%'");
	CU_ASSERT(web_session_new(wss, "anna", "m1", T0 + 1, token));
	CU_ASSERT_EQUAL(count("SELECT count(*) FROM session"), WEB_SESSIONS_MAX);
	CU_ASSERT_EQUAL(count("SELECT count(*) FROM seen"), WEB_SESSIONS_MAX);
	CU_ASSERT(!web_session_find(wss, first, T0 + 1, true, &ws));
	CU_ASSERT(web_session_find(wss, token, T0 + 1, true, &ws));
	end();
}

/* Tables of another version are begun anew, whatever was in them; ours stay. */
static void
versions(void)
{
	char token[WEB_TOKEN + 1];
	const char *why = "";
	struct web_session ws;
	sqlite3 *db = NULL;

	begin();
	CU_ASSERT(web_session_new(wss, "anna", "m1", T0, token));
	web_sessions_close(wss);
	CU_ASSERT_FATAL((wss = web_sessions_open(path, &why)) != NULL);
	CU_ASSERT(web_session_find(wss, token, T0 + 1, true, &ws));
	web_sessions_close(wss);
	CU_ASSERT_EQUAL(sqlite3_open(path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "DROP TABLE session; CREATE TABLE session "
	    "(digest TEXT PRIMARY KEY); PRAGMA user_version = 0", NULL, NULL, NULL),
	    SQLITE_OK);
	(void)sqlite3_close(db);
	CU_ASSERT_FATAL((wss = web_sessions_open(path, &why)) != NULL);
	CU_ASSERT(!web_session_find(wss, token, T0 + 1, true, &ws));
	CU_ASSERT(web_session_new(wss, "anna", "m1", T0, token));
	CU_ASSERT(web_session_find(wss, token, T0 + 1, true, &ws));
	end();
}

static const char *const anna[] = { "u:anna", "a:192.0.2.1", NULL };
static const char *const bert[] = { "u:bert", "a:192.0.2.2", NULL };
static const char *const there[] = { "u:carl", "a:192.0.2.1", NULL };

static void
locks(void)
{
	begin();
	for (unsigned i = 0; i < AUTH_FREE; i++)
		CU_ASSERT_EQUAL(web_lock_try(wss, anna, T0), 0);
	CU_ASSERT_EQUAL(web_lock_try(wss, anna, T0), AUTH_WAIT_MIN / 1000);
	CU_ASSERT_EQUAL(web_lock_try(wss, anna, T0 + AUTH_WAIT_MIN - 1), 1);
	CU_ASSERT_EQUAL(web_lock_try(wss, bert, T0), 0);
	CU_ASSERT(web_lock_try(wss, there, T0) > 0);	/* from the same place */
	CU_ASSERT_EQUAL(count("SELECT count(*) FROM failed WHERE key = 'u:carl'"), 0);
	for (unsigned i = 1; i < 40; i++) {
		CU_ASSERT_EQUAL(web_lock_try(wss, anna, T0 + i * AUTH_WAIT_MAX), 0);
		CU_ASSERT(web_lock_try(wss, anna, T0 + i * AUTH_WAIT_MAX) > 0);
	}
	CU_ASSERT_EQUAL(web_lock_try(wss, anna, T0 + 39 * AUTH_WAIT_MAX),
	    AUTH_WAIT_MAX / 1000);
	web_lock_clear(wss, anna);
	CU_ASSERT_EQUAL(web_lock_try(wss, anna, T0), 0);
	end();
}

/* Twenty at once, each with a password that takes its time to be wrong. */
static void
at_once(void)
{
	const char *why = "";
	struct web_sessions *own;
	int fds[2], hashed = 0;
	char c;

	begin();
	CU_ASSERT_FATAL(pipe(fds) == 0);
	for (int i = 0; i < 20; i++) {
		if (fork() != 0)
			continue;
		own = web_sessions_open(path, &why);
		/* who looked at the clock first may come last */
		if (own == NULL || web_lock_try(own, anna, T0 + i * 7 % 20 * 40) != 0)
			_exit(1);
		(void)usleep(30000);
		_exit(write(fds[1], "x", 1) == 1 ? 0 : 1);
	}
	close(fds[1]);
	while (read(fds[0], &c, 1) == 1)
		hashed++;
	close(fds[0]);
	while (wait(NULL) != -1)
		continue;
	CU_ASSERT_EQUAL(hashed, AUTH_FREE);
	end();
}

/* Names that nobody has fill no disk, and push out no failures of one that is. */
static void
many_locks(void)
{
	begin();
	for (unsigned i = 0; i < AUTH_FREE; i++)
		CU_ASSERT_EQUAL(web_lock_try(wss, anna, T0), 0);
	execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
	    "WHERE i < 3000) INSERT INTO failed SELECT 'u:x' || i, 1, 1000001 FROM n");
	CU_ASSERT_EQUAL(web_lock_try(wss, bert, T0 + 1), 0);
	CU_ASSERT_EQUAL(count("SELECT count(*) FROM failed"), WEB_LOCKS_MAX);
	CU_ASSERT(web_lock_try(wss, anna, T0) > 0);
	/* they are forgotten in time, and at another start */
	CU_ASSERT_EQUAL(web_lock_try(wss, bert, T0 + AUTH_FORGET + 2), 0);
	CU_ASSERT_EQUAL(count("SELECT count(*) FROM failed"), 2);
	CU_ASSERT_EQUAL(web_lock_try(wss, anna, 10), 0);
	CU_ASSERT_EQUAL(count("SELECT count(*) FROM failed"), 2);
	end();
}

static void
same(void)
{
	CU_ASSERT(web_same("", ""));
	CU_ASSERT(web_same("abc", "abc"));
	CU_ASSERT(!web_same("abc", "abd"));
	CU_ASSERT(!web_same("abc", "abcabc"));
	CU_ASSERT(!web_same("abcabc", "abc"));
	CU_ASSERT(!web_same("abc", ""));
	CU_ASSERT(!web_same("", "abc"));
}

/* A file that is damaged is begun anew, or nobody could log in; others are not touched. */
static void
damaged(void)
{
	static const struct { const char *name; off_t at, len; bool anew; } cases[] = {
		{ "its first page", 0, 4096, true },
		{ "what it is", 0, 16, true },
		{ "its tables", 100, 3900, true },
		{ "nothing", 0, 0, false },
	};
	char token[WEB_TOKEN + 1], junk[4096];
	struct web_session ws;
	const char *why = "";
	int fd;

	memset(junk, 0xa5, sizeof(junk));
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		begin();
		CU_ASSERT(web_session_new(wss, "anna", "m1", T0, token));
		web_sessions_close(wss);
		fd = open(path, O_WRONLY);
		CU_ASSERT_FATAL(fd != -1);
		CU_ASSERT_EQUAL(pwrite(fd, junk, (size_t)cases[i].len, cases[i].at),
		    cases[i].len);
		(void)close(fd);
		wss = web_sessions_open(path, &why);
		CU_ASSERT_PTR_NOT_NULL_FATAL(wss);
		CU_ASSERT_EQUAL(web_session_find(wss, token, T0 + 1, true, &ws),
		    !cases[i].anew);
		CU_ASSERT(web_session_new(wss, "anna", "m1", T0, token));
		CU_ASSERT(web_session_find(wss, token, T0 + 1, true, &ws));
		end();
	}
	/* what is no file of ours to make anew */
	CU_ASSERT_PTR_NULL(web_sessions_open("/nonexistent/s.db", &why));
}

TEST_MAIN(
	TEST("a session's life", life),
	TEST("a damaged file", damaged),
	TEST("its ends", ends),
	TEST("its longest", limits),
	TEST("how many", bounded),
	TEST("a file of another version", versions),
	TEST("failed logins", locks),
	TEST("twenty logins at once", at_once),
	TEST("how many names and addresses", many_locks),
	TEST("comparing", same))
