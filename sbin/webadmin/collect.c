/* SPDX-License-Identifier: ISC */
/*
 * webadmin -c: what interfaces and tunnels have carried, written down every ten
 * seconds, so that a page shows rates at once.  The file is the pages' own, lies
 * in the run directory, and holds two hours.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "page.h"

struct collector {
	sqlite3		*co_db;
	sqlite3_stmt	*co_insert;
	int64_t		 co_now;
	uint64_t	 co_in, co_out;
};

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
    "CREATE TABLE IF NOT EXISTS sample ("
    "	series	TEXT NOT NULL,"
    "	time	INTEGER NOT NULL,"
    "	input	INTEGER NOT NULL,"
    "	output	INTEGER NOT NULL,"
    "	PRIMARY KEY (series, time)"
    ") STRICT, WITHOUT ROWID";

static void
insert(struct collector *co, const char *series, uint64_t in, uint64_t out)
{
	(void)sqlite3_bind_text(co->co_insert, 1, series, -1, SQLITE_TRANSIENT);
	(void)sqlite3_bind_int64(co->co_insert, 2, co->co_now);
	(void)sqlite3_bind_int64(co->co_insert, 3, (sqlite3_int64)in);
	(void)sqlite3_bind_int64(co->co_insert, 4, (sqlite3_int64)out);
	(void)sqlite3_step(co->co_insert);
	(void)sqlite3_reset(co->co_insert);
}

static void
one_interface(void *arg, const void *body, size_t len)
{
	struct collector *co = arg;
	char series[CTL_NAME + 8];
	struct ctl_if ci;

	if (len != sizeof(ci))
		return;
	memcpy(&ci, body, sizeof(ci));
	(void)snprintf(series, sizeof(series), "if:%.*s", CTL_NAME, ci.ci_name);
	insert(co, series, ci.ci_ibytes, ci.ci_obytes);
}

static void
one_total(void *arg, const void *body, size_t len)
{
	struct collector *co = arg;
	struct ctl_ipsec_total ct;

	if (len != sizeof(ct))
		return;
	memcpy(&ct, body, sizeof(ct));
	co->co_in += ct.ct_in_bytes;
	co->co_out += ct.ct_out_bytes;
}

static void
sample(struct collector *co, const struct settings *se)
{
	char err[300], sql[100];
	struct ctl_client *cl = ctl_open(se->se_run, err, sizeof(err));

	if (cl == NULL)
		return;			/* a gap in the charts */
	co->co_now = (int64_t)time(NULL);
	co->co_in = co->co_out = 0;
	(void)sqlite3_exec(co->co_db, "BEGIN", NULL, NULL, NULL);
	(void)ctl_call(cl, CTL_IF_LIST, NULL, 0, -1, one_interface, co);
	if (ctl_call(cl, CTL_IPSEC_TOTALS, NULL, 0, -1, one_total, co) == 0)
		insert(co, "ipsec", co->co_in, co->co_out);
	(void)snprintf(sql, sizeof(sql), "DELETE FROM sample WHERE time < %lld",
	    (long long)(co->co_now - COLLECT_KEEP_S));
	(void)sqlite3_exec(co->co_db, sql, NULL, NULL, NULL);
	(void)sqlite3_exec(co->co_db, "COMMIT", NULL, NULL, NULL);
	ctl_close(cl);
}

int
collect(const struct settings *se)
{
	struct collector co = { 0 };
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/" COLLECT_FILE, se->se_state);
	if (sqlite3_open(path, &co.co_db) != SQLITE_OK ||
	    sqlite3_busy_handler(co.co_db, web_busy, NULL) != SQLITE_OK ||
	    sqlite3_exec(co.co_db, schema, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(co.co_db, "INSERT OR REPLACE INTO sample "
	    "VALUES (?1, ?2, ?3, ?4)", -1, &co.co_insert, NULL) != SQLITE_OK) {
		fprintf(stderr, "webadmin: %s: %s\n", path,
		    sqlite3_errmsg(co.co_db));
		return 1;
	}
	for (;;) {
		sample(&co, se);
		sleep(COLLECT_EACH_S);
	}
}
