/* SPDX-License-Identifier: ISC */
/*
 * Sessions, and how often a login has failed: a SQLite file of their own.
 *
 *	login --> web_session_new --> cookie --> web_session_find, each request
 *	   logout, WEB_IDLE_S unseen, WEB_LIFE_S old --> the row goes
 *
 * A file of another SESSIONS_VERSION, or that is none of SQLite's any more, is
 * begun anew: sessions do not last.
 *
 * When a session was seen stands in a table apart: it is all that a page that
 * only shows something writes, and not more often than every SEEN_EACH_S.
 */
#include <bearssl.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libauth/auth.h"
#include "libweb/web.h"

#define SEEN_EACH_S	20
#define SESSIONS_VERSION 2
#define TEXT(n)		TEXT_OF(n)
#define TEXT_OF(n)	#n

struct web_sessions {
	sqlite3	*wss_db;
};

static const char settings[] =
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA journal_mode = DELETE;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA foreign_keys = ON;";

static const char schema[] =
    "DROP TABLE IF EXISTS seen;"
    "DROP TABLE IF EXISTS session;"
    "DROP TABLE IF EXISTS failed;"
    "CREATE TABLE session ("
    "	digest	TEXT PRIMARY KEY,"
    "	user	TEXT NOT NULL,"
    "	csrf	TEXT NOT NULL,"
    "	mark	TEXT NOT NULL,"
    "	created	INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE seen ("
    "	digest	TEXT PRIMARY KEY REFERENCES session ON DELETE CASCADE,"
    "	time	INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE failed ("
    "	key	TEXT PRIMARY KEY,"
    "	count	INTEGER NOT NULL,"
    "	time	INTEGER NOT NULL"
    ") STRICT;"
    "PRAGMA user_version = " TEXT(SESSIONS_VERSION) ";";

static char open_why[200];

/* SQLite's own handler sleeps for whole seconds where it was built for musl. */
int
web_busy(void *arg, int times)
{
	const struct timespec ts = { .tv_nsec = 2000000 };

	(void)arg;
	(void)nanosleep(&ts, NULL);
	return times < WEB_BUSY_MAX;
}

/* 32 random bytes as hex. */
static bool
web_token(char token[WEB_TOKEN + 1])
{
	uint8_t raw[WEB_TOKEN / 2];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return false;
	for (size_t i = 0; i < sizeof(raw); i++)
		(void)snprintf(token + 2 * i, 3, "%02x", raw[i]);
	explicit_bzero(raw, sizeof(raw));
	return true;
}

bool
web_same(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned char diff = n != m;

	for (size_t i = 0; i < n; i++)
		diff |= (unsigned char)(a[i] ^ (m != 0 ? b[i % m] : 'x'));
	return diff == 0;
}

static void
digest_of(const char *token, char out[WEB_TOKEN + 1])
{
	uint8_t raw[br_sha256_SIZE];
	br_sha256_context sc;

	br_sha256_init(&sc);
	br_sha256_update(&sc, token, strlen(token));
	br_sha256_out(&sc, raw);
	for (size_t i = 0; i < sizeof(raw); i++)
		(void)snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

static bool
of_this_version(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	bool is = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL) ==
	    SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
	    sqlite3_column_int(s, 0) == SESSIONS_VERSION;

	(void)sqlite3_finalize(s);
	return is;
}

static bool
execute(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Of several at once one makes the tables. */
static bool
prepare_file(sqlite3 *db)
{
	bool ok;

	if (!execute(db, settings))
		return false;
	if (of_this_version(db))
		return execute(db, "SELECT 1 FROM session, seen, failed LIMIT 0");
	if (!execute(db, "BEGIN IMMEDIATE"))
		return false;
	ok = of_this_version(db) || execute(db, schema);
	return execute(db, ok ? "COMMIT" : "ROLLBACK") && ok;
}

static bool
open_file(struct web_sessions *wss, const char *path)
{
	return sqlite3_open_v2(path, &wss->wss_db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
	    sqlite3_busy_handler(wss->wss_db, web_busy, NULL) == SQLITE_OK &&
	    prepare_file(wss->wss_db);
}

/* Nobody could log in until it is gone: who was logged in does so again. */
static bool
begin_anew(struct web_sessions *wss, const char *path)
{
	int error = sqlite3_errcode(wss->wss_db);
	char journal[600];

	if (error != SQLITE_NOTADB && error != SQLITE_CORRUPT)
		return false;
	(void)sqlite3_close_v2(wss->wss_db);
	wss->wss_db = NULL;
	(void)snprintf(journal, sizeof(journal), "%s-journal", path);
	(void)unlink(journal);
	/* another may have done it meanwhile */
	return (unlink(path) == 0 || errno == ENOENT) && open_file(wss, path);
}

struct web_sessions *
web_sessions_open(const char *path, const char **why)
{
	struct web_sessions *wss = calloc(1, sizeof(*wss));
	mode_t mask = umask(077);
	bool ok;

	*why = "out of memory";
	ok = wss != NULL && (open_file(wss, path) || begin_anew(wss, path));
	(void)umask(mask);
	if (ok)
		return wss;
	if (wss != NULL) {
		(void)snprintf(open_why, sizeof(open_why), "%s: %s", path,
		    sqlite3_errmsg(wss->wss_db));
		*why = open_why;
	}
	web_sessions_close(wss);
	return NULL;
}

void
web_sessions_close(struct web_sessions *wss)
{
	if (wss == NULL)
		return;
	(void)sqlite3_close_v2(wss->wss_db);
	free(wss);
}

/* A statement with its parameters: 's' a text, 'i' a number. */
static sqlite3_stmt *
prepare(struct web_sessions *wss, const char *sql, const char *texts[],
    const int64_t *numbers)
{
	sqlite3_stmt *s = NULL;
	int at = 1;

	if (sqlite3_prepare_v2(wss->wss_db, sql, -1, &s, NULL) != SQLITE_OK)
		return NULL;
	for (; texts != NULL && *texts != NULL; texts++)
		(void)sqlite3_bind_text(s, at++, *texts, -1, SQLITE_TRANSIENT);
	while (at <= sqlite3_bind_parameter_count(s))
		(void)sqlite3_bind_int64(s, at++, *numbers++);
	return s;
}

/* Runs it; true if it went through. */
static bool
run(struct web_sessions *wss, const char *sql, const char *texts[],
    const int64_t *numbers)
{
	sqlite3_stmt *s = prepare(wss, sql, texts, numbers);
	int rc = s != NULL ? sqlite3_step(s) : SQLITE_ERROR;

	(void)sqlite3_finalize(s);
	return rc == SQLITE_DONE || rc == SQLITE_ROW;
}

/* Sessions that have ended, and the least used of too many. */
static void
expire(struct web_sessions *wss, int64_t now)
{
	const int64_t limits[] = { now - WEB_LIFE_S, now - WEB_IDLE_S };
	const int64_t most[] = { WEB_SESSIONS_MAX - 1 };

	(void)run(wss, "DELETE FROM session WHERE created < ?1 OR digest IN "
	    "(SELECT digest FROM seen WHERE time < ?2)", NULL, limits);
	(void)run(wss, "DELETE FROM session WHERE digest IN (SELECT digest FROM "
	    "seen ORDER BY time DESC LIMIT -1 OFFSET ?1)", NULL, most);
}

bool
web_session_new(struct web_sessions *wss, const char *user, const char *mark,
    int64_t now, char token[WEB_TOKEN + 1])
{
	char digest[WEB_TOKEN + 1], csrf[WEB_TOKEN + 1];
	const char *row[] = { digest, user, csrf, mark, NULL };
	const char *key[] = { digest, NULL };
	bool ok;

	if (!web_token(token) || !web_token(csrf))
		return false;
	digest_of(token, digest);
	expire(wss, now);
	ok = run(wss, "BEGIN IMMEDIATE", NULL, NULL) &&
	    run(wss, "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5)",
	    row, &now) &&
	    run(wss, "INSERT INTO seen VALUES (?1, ?2)", key, &now);
	return run(wss, ok ? "COMMIT" : "ROLLBACK", NULL, NULL) && ok;
}

static void
column(sqlite3_stmt *s, int at, char *out, size_t cap)
{
	const unsigned char *text = sqlite3_column_text(s, at);

	(void)snprintf(out, cap, "%s", text != NULL ? (const char *)text : "");
}

bool
web_session_find(struct web_sessions *wss, const char *token, int64_t now,
    bool touch, struct web_session *out)
{
	const char *key[] = { out->ws_digest, NULL };
	sqlite3_stmt *s;
	bool found;

	memset(out, 0, sizeof(*out));
	if (token[0] == '\0')
		return false;
	digest_of(token, out->ws_digest);
	s = prepare(wss, "SELECT user, csrf, mark, created, time FROM session "
	    "JOIN seen USING (digest) WHERE digest = ?1", key, NULL);
	found = s != NULL && sqlite3_step(s) == SQLITE_ROW;
	if (found) {
		column(s, 0, out->ws_user, sizeof(out->ws_user));
		column(s, 1, out->ws_csrf, sizeof(out->ws_csrf));
		column(s, 2, out->ws_mark, sizeof(out->ws_mark));
		out->ws_created = sqlite3_column_int64(s, 3);
		out->ws_seen = sqlite3_column_int64(s, 4);
	}
	(void)sqlite3_finalize(s);
	if (!found || now < out->ws_created || now - out->ws_created > WEB_LIFE_S ||
	    now - out->ws_seen > WEB_IDLE_S)
		return false;
	if (touch && now - out->ws_seen >= SEEN_EACH_S)
		(void)run(wss, "UPDATE seen SET time = ?2 WHERE digest = ?1", key,
		    &now);
	return true;
}

bool
web_session_end(struct web_sessions *wss, const struct web_session *ws)
{
	const char *key[] = { ws->ws_digest, NULL };

	return run(wss, "DELETE FROM session WHERE digest = ?1", key, NULL);
}

/* ---- failed logins ---- */

static struct auth_lock
lock_of(struct web_sessions *wss, const char *key)
{
	const char *keys[] = { key, NULL };
	sqlite3_stmt *s = prepare(wss, "SELECT count, time FROM failed "
	    "WHERE key = ?1", keys, NULL);
	struct auth_lock al = { 0 };

	if (s != NULL && sqlite3_step(s) == SQLITE_ROW) {
		al.al_fails = (unsigned)sqlite3_column_int64(s, 0);
		al.al_last = sqlite3_column_int64(s, 1);
	}
	(void)sqlite3_finalize(s);
	return al;
}

static bool
lock_put(struct web_sessions *wss, const char *key, const struct auth_lock *al)
{
	const char *keys[] = { key, NULL };
	const int64_t row[2] = { al->al_fails, al->al_last };

	return run(wss, "INSERT OR REPLACE INTO failed VALUES (?1, ?2, ?3)", keys,
	    row);
}

/* What counts no more, is of another start, or is one too many. */
static bool
locks_expire(struct web_sessions *wss, int64_t up)
{
	const int64_t limits[] = { up - AUTH_FORGET, up + AUTH_WAIT_MAX };
	const int64_t most[] = { WEB_LOCKS_MAX };

	return run(wss, "DELETE FROM failed WHERE time < ?1 OR time > ?2", NULL,
	    limits) && run(wss, "DELETE FROM failed WHERE key IN (SELECT key FROM "
	    "failed ORDER BY count DESC, time DESC LIMIT -1 OFFSET ?1)", NULL,
	    most);
}

int64_t
web_lock_try(struct web_sessions *wss, const char *const keys[], int64_t up)
{
	struct auth_lock al[WEB_LOCK_KEYS];
	int64_t wait, longest = 0;
	size_t n;
	bool ok;

	/* one after the other, however many log in at once */
	if (!run(wss, "BEGIN IMMEDIATE", NULL, NULL))
		return -1;
	for (n = 0; n < WEB_LOCK_KEYS && keys[n] != NULL; n++) {
		al[n] = lock_of(wss, keys[n]);
		wait = auth_lock_try(&al[n], up);
		longest = wait > longest ? wait : longest;
	}
	ok = longest == 0;
	for (size_t i = 0; ok && i < n; i++)
		ok = lock_put(wss, keys[i], &al[i]);
	ok = ok && locks_expire(wss, up);
	ok = run(wss, ok ? "COMMIT" : "ROLLBACK", NULL, NULL) && ok;
	if (longest > 0)
		return (longest + 999) / 1000;
	return ok ? 0 : -1;
}

void
web_lock_clear(struct web_sessions *wss, const char *const keys[])
{
	for (size_t i = 0; i < WEB_LOCK_KEYS && keys[i] != NULL; i++) {
		const char *key[] = { keys[i], NULL };

		(void)run(wss, "DELETE FROM failed WHERE key = ?1", key, NULL);
	}
}
