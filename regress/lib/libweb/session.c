/* SPDX-License-Identifier: ISC */
/*
 * Sessions: their beginning, their several ends, and what a thief of the file
 * or of an old cookie has; failed logins.
 */
#include <sqlite3.h>
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

static void
bounded(void)
{
	char token[WEB_TOKEN + 1], first[WEB_TOKEN + 1];
	struct web_session ws;

	begin();
	CU_ASSERT(web_session_new(wss, "anna", "m1", T0, first));
	for (int i = 1; i <= WEB_SESSIONS_MAX + 20; i++)
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

static void
locks(void)
{
	begin();
	CU_ASSERT_EQUAL(web_lock_left(wss, "u:anna", T0), 0);
	for (unsigned i = 0; i < AUTH_FREE; i++)
		web_lock_failed(wss, "u:anna", T0);
	CU_ASSERT_EQUAL(web_lock_left(wss, "u:bert", T0), 0);
	for (unsigned i = 0; i < 3; i++)
		web_lock_failed(wss, "u:anna", T0);
	CU_ASSERT(web_lock_left(wss, "u:anna", T0) > 0);
	CU_ASSERT(web_lock_left(wss, "u:anna", T0) <= AUTH_WAIT_MAX / 1000);
	CU_ASSERT_EQUAL(web_lock_left(wss, "u:anna", T0 + AUTH_WAIT_MAX / 1000), 0);
	for (unsigned i = 0; i < 40; i++)
		web_lock_failed(wss, "u:anna", T0);
	CU_ASSERT_EQUAL(web_lock_left(wss, "u:anna", T0), AUTH_WAIT_MAX / 1000);
	web_lock_clear(wss, "u:anna");
	CU_ASSERT_EQUAL(web_lock_left(wss, "u:anna", T0), 0);
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

TEST_MAIN(
	TEST("a session's life", life),
	TEST("its ends", ends),
	TEST("its longest", limits),
	TEST("how many", bounded),
	TEST("a file of another version", versions),
	TEST("failed logins", locks),
	TEST("comparing", same))
