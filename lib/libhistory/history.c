/* SPDX-License-Identifier: ISC */
/*
 * The table `event': made, written and bounded by policyd(8), read by all.
 */
#include <sqlite3.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libhistory/history.h"

struct history {
	sqlite3		*hi_db;
	char		 hi_why[512];
};

static char open_why[512];

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS event ("
    "	id	INTEGER PRIMARY KEY CHECK (id > 0),"
    "	time	INTEGER NOT NULL,"		/* ms since 1970 */
    "	tunnel	TEXT NOT NULL,"
    "	child	TEXT NOT NULL,"
    "	event	TEXT NOT NULL,"
    "	reason	TEXT NOT NULL,"
    "	peer	TEXT NOT NULL,"
    "	text	TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX IF NOT EXISTS event_tunnel ON event (tunnel, id)";

/* EAGAIN: the same may succeed later. */
static int
errno_of(sqlite3 *db)
{
	switch (db == NULL ? SQLITE_NOMEM : sqlite3_errcode(db)) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_NOMEM:
		return EAGAIN;
	}
	return EIO;
}

static bool
failed(struct history *hi, const char *what, const char **why)
{
	int e = errno_of(hi->hi_db);

	(void)snprintf(hi->hi_why, sizeof(hi->hi_why), "%s: %s", what,
	    sqlite3_errmsg(hi->hi_db));
	*why = hi->hi_why;
	errno = e;
	return false;
}

static bool
exec(struct history *hi, const char *sql)
{
	return sqlite3_exec(hi->hi_db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* It was not opened; errno as with failed(). */
static struct history *
open_failed(struct history *hi, const char *path, const char **why)
{
	int e = errno_of(hi->hi_db);

	(void)snprintf(open_why, sizeof(open_why), "%s: %s", path,
	    sqlite3_errmsg(hi->hi_db));
	*why = open_why;
	history_close(hi);
	errno = e;
	return NULL;
}

static struct history *
open_with(const char *path, int flags, const char *sql, const char **why)
{
	struct history *hi = calloc(1, sizeof(*hi));

	if (hi == NULL) {
		*why = "out of memory";
		errno = EAGAIN;
		return NULL;
	}
	if (sqlite3_open_v2(path, &hi->hi_db, flags | SQLITE_OPEN_NOMUTEX,
	    NULL) == SQLITE_OK &&
	    sqlite3_busy_timeout(hi->hi_db, 2000) == SQLITE_OK &&
	    exec(hi, "PRAGMA trusted_schema = OFF") && exec(hi, sql))
		return hi;
	return open_failed(hi, path, why);
}

struct history *
history_open_rw(const char *path, const char **why)
{
	struct history *hi = open_with(path, SQLITE_OPEN_READWRITE,
	    "PRAGMA synchronous = FULL", why);

	if (hi == NULL || exec(hi, schema))
		return hi;
	return open_failed(hi, path, why);
}

struct history *
history_open_ro(const char *path, const char **why)
{
	return open_with(path, SQLITE_OPEN_READONLY, "PRAGMA query_only = ON",
	    why);
}

void
history_close(struct history *hi)
{
	if (hi == NULL)
		return;
	(void)sqlite3_close_v2(hi->hi_db);
	free(hi);
}

static sqlite3_stmt *
prepare(struct history *hi, const char *sql)
{
	sqlite3_stmt *s = NULL;

	return sqlite3_prepare_v2(hi->hi_db, sql, -1, &s, NULL) == SQLITE_OK ?
	    s : NULL;
}

static void
bind(sqlite3_stmt *s, int at, const char *text)
{
	(void)sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

/* ---- writing ------------------------------------------------------ */

static bool
insert(struct history *hi, const struct history_event *ev, size_t n)
{
	sqlite3_stmt *s = prepare(hi, "INSERT OR IGNORE INTO event (id, time, "
	    "tunnel, child, event, reason, peer, text) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	bool ok = s != NULL;

	for (size_t i = 0; ok && i < n; i++) {
		(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)ev[i].he_id);
		(void)sqlite3_bind_int64(s, 2, ev[i].he_time);
		bind(s, 3, ev[i].he_tunnel);
		bind(s, 4, ev[i].he_child);
		bind(s, 5, ev[i].he_event);
		bind(s, 6, ev[i].he_reason);
		bind(s, 7, ev[i].he_peer);
		bind(s, 8, ev[i].he_text);
		ok = sqlite3_step(s) == SQLITE_DONE;
		(void)sqlite3_reset(s);
	}
	(void)sqlite3_finalize(s);
	return ok;
}

/* The rows of one tunnel beyond the newest ones. */
static bool
prune_tunnel(struct history *hi, const char *tunnel)
{
	sqlite3_stmt *s = prepare(hi, "DELETE FROM event WHERE tunnel = ?1 AND "
	    "id <= (SELECT id FROM event WHERE tunnel = ?1 "
	    "ORDER BY id DESC LIMIT 1 OFFSET ?2)");
	bool ok;

	if (s == NULL)
		return false;
	bind(s, 1, tunnel);
	(void)sqlite3_bind_int(s, 2, HISTORY_ROWS_TUNNEL);
	ok = sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_finalize(s);
	return ok;
}

static bool
prune(struct history *hi, const struct history_event *ev, size_t n)
{
	char sql[160];

	for (size_t i = 0; i < n; i++) {
		size_t j = 0;

		while (strcmp(ev[j].he_tunnel, ev[i].he_tunnel) != 0)
			j++;
		if (j == i && !prune_tunnel(hi, ev[i].he_tunnel))
			return false;
	}
	(void)snprintf(sql, sizeof(sql), "DELETE FROM event WHERE id <= "
	    "(SELECT id FROM event ORDER BY id DESC LIMIT 1 OFFSET %d)",
	    HISTORY_ROWS);
	return exec(hi, sql);
}

bool
history_add(struct history *hi, const struct history_event *ev, size_t n,
    const char **why)
{
	if (!exec(hi, "BEGIN IMMEDIATE"))
		return failed(hi, "events cannot be kept", why);
	if (insert(hi, ev, n) && prune(hi, ev, n) && exec(hi, "COMMIT"))
		return true;
	(void)failed(hi, "events cannot be kept", why);
	(void)exec(hi, "ROLLBACK");
	return false;
}

/* ---- reading ------------------------------------------------------ */

bool
history_last(struct history *hi, uint64_t *id, const char **why)
{
	sqlite3_stmt *s = prepare(hi, "SELECT ifnull(max(id), 0) FROM event");
	bool ok = s != NULL && sqlite3_step(s) == SQLITE_ROW;

	*id = ok ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	(void)sqlite3_finalize(s);
	return ok || failed(hi, "the history cannot be read", why);
}

/* The table is made with the first event. */
static bool
nothing_yet(struct history *hi)
{
	sqlite3_stmt *s = prepare(hi, "SELECT 1 FROM sqlite_schema "
	    "WHERE name = 'event'");
	bool none = s != NULL && sqlite3_step(s) == SQLITE_DONE;

	(void)sqlite3_finalize(s);
	return none;
}

static void
column(sqlite3_stmt *s, int at, char *out, size_t cap)
{
	const unsigned char *text = sqlite3_column_text(s, at);

	(void)snprintf(out, cap, "%s", text == NULL ? "" : (const char *)text);
}

static void
row(sqlite3_stmt *s, struct history_event *ev)
{
	ev->he_id = (uint64_t)sqlite3_column_int64(s, 0);
	ev->he_time = sqlite3_column_int64(s, 1);
	column(s, 2, ev->he_tunnel, sizeof(ev->he_tunnel));
	column(s, 3, ev->he_child, sizeof(ev->he_child));
	column(s, 4, ev->he_event, sizeof(ev->he_event));
	column(s, 5, ev->he_reason, sizeof(ev->he_reason));
	column(s, 6, ev->he_peer, sizeof(ev->he_peer));
	column(s, 7, ev->he_text, sizeof(ev->he_text));
}

/* The parameters by number; */
#define ROWS_SQL(where)	"SELECT * FROM (SELECT id, time, tunnel, child, "	\
	"event, reason, peer, text FROM event WHERE id > ?1 AND (?2 = 0 OR ("	\
	"reason <> '' AND reason NOT LIKE 'ADMIN-%'))" where " ORDER BY id DESC LIMIT ?3) ORDER BY id"

static sqlite3_stmt *
select_rows(struct history *hi, const struct history_query *hq,
    char name[static 2 * 64])
{
	sqlite3_stmt *s;
	char *child;

	if (hq->hq_tunnel == NULL)
		return prepare(hi, ROWS_SQL(""));
	(void)snprintf(name, 2 * 64, "%s", hq->hq_tunnel);
	if ((child = strchr(name, '/')) == NULL) {
		s = prepare(hi, ROWS_SQL(" AND tunnel = ?4"));
	} else {
		s = prepare(hi, ROWS_SQL(" AND tunnel = ?4 AND child = ?5"));
		*child++ = '\0';
	}
	if (s != NULL)
		bind(s, 4, name);
	if (s != NULL && child != NULL)
		bind(s, 5, child);
	return s;
}

bool
history_read(struct history *hi, const struct history_query *hq,
    void (*fn)(void *arg, const struct history_event *ev), void *arg,
    const char **why)
{
	char name[2 * 64];
	sqlite3_stmt *s = select_rows(hi, hq, name);
	struct history_event ev;
	int rc;

	if (s == NULL)
		return nothing_yet(hi) ||
		    failed(hi, "the history cannot be read", why);
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)hq->hq_after);
	(void)sqlite3_bind_int(s, 2, hq->hq_failures);
	(void)sqlite3_bind_int(s, 3, hq->hq_newest == 0 ? -1 :
	    (int)hq->hq_newest);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		row(s, &ev);
		fn(arg, &ev);
	}
	(void)sqlite3_finalize(s);
	return rc == SQLITE_DONE ||
	    failed(hi, "the history cannot be read", why);
}
