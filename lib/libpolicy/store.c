/* SPDX-License-Identifier: ISC */
/*
 * The store of revisions: opening, checking, reading.  Writing stands in
 * store_write.c, what is left when the store is damaged in store_export.c.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "libpolicy/chunk.h"
#include "libpolicy/storefs.h"
#include "schema2_sql.h"
#include "schema3_sql.h"
#include "schema4_sql.h"
#include "schema_sql.h"

/* From version i to i + 1, each in one transaction. */
static const struct {
	const char	*mi_sql;
	bool		 (*mi_step)(struct policy_store *st, const char **why);
} migrations[STORE_VERSION] = {
	{ schema_sql,	NULL },
	{ schema2_sql,	NULL },
	{ schema3_sql,	NULL },
	{ schema4_sql,	chunks_migrate },
};

static char open_why[512];	/* texts about a store that is not there */

const char *
policy_run_dir(const char *option)
{
	const char *env = getenv("RAVELIN_RUN");

	if (option != NULL)
		return option;
	return env != NULL && *env != '\0' ? env : POLICY_RUN_DEFAULT;
}

const char *
policy_db_path(const char *option)
{
	const char *env = getenv("RAVELIN_DB");

	if (option != NULL)
		return option;
	return env != NULL && *env != '\0' ? env : POLICY_DB_DEFAULT;
}

bool
store_fail(struct policy_store *st, const char **why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(st->st_why, sizeof(st->st_why), fmt, ap);
	va_end(ap);
	*why = st->st_why;
	return false;
}

#define HINT_FULL	": the disk is full; make room and load again"
#define HINT_READONLY	": the store cannot be written; see whether its " \
			"file system is mounted read-only, and load again"

static const char *
hint_io(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return HINT_FULL;
	case EROFS:
		return HINT_READONLY;
	default:
		return ": the disk is full or fails; look at 'df' and "
		    "'dmesg', and load again";
	}
}

static const char *
hint_sql(sqlite3 *db)
{
	switch (sqlite3_errcode(db)) {
	case SQLITE_FULL:
		return HINT_FULL;
	case SQLITE_IOERR:
		return hint_io(sqlite3_system_errno(db));
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return HINT_READONLY;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ": another process holds the store; try again";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ": the store is damaged; move it away and restart "
		    "policyd, which then begins with the last export";
	default:
		return "";
	}
}

bool
store_fail_sql(struct policy_store *st, const char **why, const char *what)
{
	switch (sqlite3_errcode(st->st_db)) {
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		st->st_disk = true;
		break;
	default:
		break;
	}
	return store_fail(st, why, "%s: %s%s", what, sqlite3_errmsg(st->st_db),
	    hint_sql(st->st_db));
}

bool
policy_store_disk_failed(struct policy_store *st)
{
	bool failed = st->st_disk;

	st->st_disk = false;
	return failed;
}

bool
store_exec(struct policy_store *st, const char *sql)
{
	return sqlite3_exec(st->st_db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

sqlite3_stmt *
store_prepare(struct policy_store *st, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(st->st_db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return NULL;
	return stmt;
}

sqlite3_stmt *
store_keep(struct policy_store *st, enum store_kept which, const char *sql)
{
	if (st->st_kept[which] == NULL)
		st->st_kept[which] = store_prepare(st, sql);
	return st->st_kept[which];
}

/* All statements and the connection. */
static void
store_disconnect(struct policy_store *st)
{
	for (unsigned i = 0; i < KEPT_STATEMENTS; i++) {
		(void)sqlite3_finalize(st->st_kept[i]);
		st->st_kept[i] = NULL;
	}
	(void)sqlite3_close_v2(st->st_db);
	st->st_db = NULL;
}

bool
store_int(struct policy_store *st, const char *sql, int64_t *out)
{
	sqlite3_stmt *stmt = store_prepare(st, sql);
	bool ok = stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW;

	if (ok)
		*out = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return ok;
}

static bool
store_seal(struct policy_store *st, bool create, const char **why)
{
	if (!st->st_sealed)
		st->st_sealed = seal_init(&st->st_seal, st->st_path, create,
		    why);
	return st->st_sealed;
}

static struct policy_store *
store_new(const char *path, const char **why)
{
	struct policy_store *st = calloc(1, sizeof(*st));

	if (st == NULL || (st->st_path = strdup(path)) == NULL) {
		free(st);
		*why = "out of memory";
		return NULL;
	}
	return st;
}

void
policy_store_close(struct policy_store *st)
{
	if (st == NULL)
		return;
	store_disconnect(st);
	held_forget(st);
	seal_wipe(&st->st_seal);
	free(st->st_xtext);
	policy_texts_free(&st->st_xtexts);
	free(st->st_xsecret);
	free(st->st_path);
	free(st);
}

/* Keeps the text of a store that cannot be opened. */
static struct policy_store *
open_failed(struct policy_store *st, const char **why)
{
	if (*why == st->st_why) {
		(void)snprintf(open_why, sizeof(open_why), "%s", st->st_why);
		*why = open_why;
	}
	policy_store_close(st);
	return NULL;
}

/* Sound through and through? */
static bool
store_check(struct policy_store *st, const char **why)
{
	sqlite3_stmt *stmt;
	const char *text = NULL;
	int64_t app = 0, version = 0;
	bool ok;

	if (!store_int(st, "PRAGMA application_id", &app) ||
	    !store_int(st, "PRAGMA user_version", &version))
		return store_fail_sql(st, why, st->st_path);
	if (app != STORE_APPLICATION)
		return store_fail(st, why, "%s is not a policy store",
		    st->st_path);
	if (version > STORE_VERSION)
		return store_fail(st, why, "%s was written by a newer version "
		    "(format %lld, this program knows %d)", st->st_path,
		    (long long)version, STORE_VERSION);
	if (version < STORE_VERSION)
		return store_fail(st, why, "%s has format %lld: policyd brings "
		    "it forward to %d when it starts and can write it",
		    st->st_path, (long long)version, STORE_VERSION);
	if ((stmt = store_prepare(st, "PRAGMA quick_check(1)")) == NULL)
		return store_fail_sql(st, why, st->st_path);
	ok = sqlite3_step(stmt) == SQLITE_ROW &&
	    (text = (const char *)sqlite3_column_text(stmt, 0)) != NULL &&
	    strcmp(text, "ok") == 0;
	if (!ok)
		(void)store_fail(st, why, "%s is damaged: %s", st->st_path,
		    text != NULL ? text : sqlite3_errmsg(st->st_db));
	(void)sqlite3_finalize(stmt);
	return ok;
}

static bool
is_damage(struct policy_store *st)
{
	int code = sqlite3_errcode(st->st_db);

	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
	    strstr(st->st_why, "damaged") != NULL;
}

/* Turns to the export, and remembers what is wrong with the store. */
static bool
use_export(struct policy_store *st, const char **why)
{
	(void)snprintf(st->st_damage, sizeof(st->st_damage), "%.255s",
	    st->st_why);
	store_disconnect(st);
	return export_load(st, why);
}

/*
 * On a file system that cannot be written SQLite has no place for the index of
 * its log, and refuses.  If there is no log, nothing can change: it may read
 * the file alone.  NULL if that is not so; malloc'd.
 */
static char *
immutable_name(const char *path)
{
	char wal[4096], *name = NULL;
	struct stat sb;
	size_t len;
	FILE *out;

	if (access(path, W_OK) == 0 || errno != EROFS ||
	    (size_t)snprintf(wal, sizeof(wal), "%s-wal", path) >= sizeof(wal) ||
	    (stat(wal, &sb) == 0 && sb.st_size != 0) ||
	    (out = open_memstream(&name, &len)) == NULL)
		return NULL;
	fputs("file:", out);
	for (const char *p = path; *p != '\0'; p++) {
		if (isalnum((unsigned char)*p) || strchr("/._-", *p) != NULL)
			fputc(*p, out);
		else
			fprintf(out, "%%%02x", (unsigned char)*p);
	}
	fputs("?immutable=1", out);
	if (fclose(out) == 0)
		return name;
	free(name);
	return NULL;
}

/* Opens it for reading, and reads something. */
static bool
connect_ro(struct policy_store *st, const char *uri, const char **why)
{
	if (sqlite3_open_v2(uri != NULL ? uri : st->st_path, &st->st_db,
	    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
	    (uri != NULL ? SQLITE_OPEN_URI : 0), NULL) != SQLITE_OK)
		return store_fail_sql(st, why, st->st_path);
	(void)sqlite3_busy_timeout(st->st_db, 5000);
	if (store_exec(st, "PRAGMA query_only = ON; PRAGMA trusted_schema = "
	    "OFF") && store_check(st, why))
		return true;
	if (st->st_why[0] == '\0')
		(void)store_fail_sql(st, why, st->st_path);
	return false;
}

struct policy_store *
policy_store_open_ro(const char *path, const char **why)
{
	struct policy_store *st = store_new(path, why);
	char *uri;
	bool ok;

	if (st == NULL)
		return NULL;
	if (storefs_exists(path) == -1) {
		(void)store_fail(st, why, "%s: %s", path, errno == ENOENT ?
		    "no policy store there yet: start policyd" :
		    strerror(errno));
		return open_failed(st, why);
	}
	uri = immutable_name(path);
	ok = connect_ro(st, uri, why);
	free(uri);
	if (ok)
		return st;
	if (is_damage(st) && use_export(st, why))
		return st;
	return open_failed(st, why);
}

struct policy_store *
policy_store_open_export(const char *path, const char **why)
{
	struct policy_store *st = store_new(path, why);

	if (st == NULL)
		return NULL;
	if (!use_export(st, why))
		return open_failed(st, why);
	return st;
}

static bool
store_migrate(struct policy_store *st, const char **why)
{
	int64_t version = 0, app = 0, tables = 0;
	const char *told = NULL;
	char sql[160];

	if (!store_int(st, "PRAGMA user_version", &version) ||
	    !store_int(st, "PRAGMA application_id", &app) ||
	    !store_int(st, "SELECT count(*) FROM sqlite_schema", &tables))
		return store_fail_sql(st, why, st->st_path);
	if (tables != 0 && app != STORE_APPLICATION)
		return store_fail(st, why, "%s is not a policy store",
		    st->st_path);
	for (; version < STORE_VERSION; version++) {
		(void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; "
		    "PRAGMA user_version = %lld; COMMIT", STORE_APPLICATION,
		    (long long)version + 1);
		if (!store_exec(st, "BEGIN IMMEDIATE") ||
		    !store_exec(st, migrations[version].mi_sql) ||
		    (migrations[version].mi_step != NULL &&
		    !migrations[version].mi_step(st, &told)) ||
		    !store_exec(st, sql)) {
			if (told == NULL)
				(void)store_fail_sql(st, why, st->st_path);
			else
				*why = told;
			(void)store_exec(st, "ROLLBACK");
			return false;
		}
	}
	return true;
}

/* SQLite takes what it can only read, if its log is there, without a word. */
static bool
store_writable(struct policy_store *st, const char **why)
{
	return sqlite3_db_readonly(st->st_db, "main") == 0 ||
	    store_fail(st, why, "%s" HINT_READONLY, st->st_path);
}

struct policy_store *
policy_store_open_rw(const char *path, const char **why)
{
	struct policy_store *st = store_new(path, why);
	mode_t mask;
	int rc;

	if (st == NULL)
		return NULL;
	mask = umask(077);
	rc = sqlite3_open_v2(path, &st->st_db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		(void)store_fail_sql(st, why, path);
	} else {
		(void)sqlite3_busy_timeout(st->st_db, 5000);
		if (!store_exec(st, "PRAGMA foreign_keys = ON; PRAGMA "
		    "trusted_schema = OFF; PRAGMA journal_mode = WAL; "
		    "PRAGMA synchronous = FULL; "
		    /* pages; it is done after the export */
		    "PRAGMA wal_autocheckpoint = 16384; "
		    /* KiB: the pages of a large commit wait for its end */
		    "PRAGMA cache_size = -65536"))
			(void)store_fail_sql(st, why, path);
		else if (store_writable(st, why) && store_migrate(st, why) && store_check(st, why) &&
		    store_seal(st, true, why)) {
			(void)umask(mask);
			return st;
		}
	}
	(void)umask(mask);
	return open_failed(st, why);
}

const char *
policy_store_damage(const struct policy_store *st)
{
	return st->st_db == NULL ? st->st_damage : NULL;
}

bool
policy_store_latest(struct policy_store *st, uint64_t *rev, const char **why)
{
	int64_t v = 0;

	if (st->st_db == NULL) {
		*rev = st->st_xrev;
		return true;
	}
	if (!store_int(st, "SELECT ifnull(max(number), 0) FROM revision", &v))
		return store_fail_sql(st, why, "cannot read the store");
	*rev = (uint64_t)v;
	return true;
}

/* ---- loading a revision ---- */

/* The bodies of chunks, one after the other, and a NUL; NULL on failure. */
static char *
chunks_text(struct policy_store *st, const struct chunks *cs, const char **why)
{
	struct textbuf tb = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < cs->cs_n; i++)
		ok = chunk_read(st, &cs->cs_v[i], &tb, NULL, why);
	textbuf_char(&tb, '\0');
	if (ok && tb.tb_short)
		ok = store_fail(st, why, "out of memory");
	if (!ok)
		textbuf_free(&tb);
	return tb.tb_p;
}

char *
store_rules(struct policy_store *st, uint64_t rev, const char **why)
{
	struct chunks cs;
	char *text;

	if (!chunks_list(st, rev, &cs, why))
		return NULL;
	text = chunks_text(st, &cs, why);
	chunks_free(&cs);
	return text;
}

struct load_env {
	struct policy_store	*le_st;
	bool			 le_secrets;
	char			 le_why[256];
};

static bool
load_unseal(void *arg, uint64_t id, uint8_t buf[POLICY_KEY_MAX], size_t *len)
{
	struct load_env *le = arg;
	const char *why = "";

	*len = 0;
	if (!le->le_secrets || policy_secret(le->le_st, id, buf, len, &why))
		return true;
	(void)snprintf(le->le_why, sizeof(le->le_why), "%s", why);
	return false;
}

bool
store_load_text(struct policy_store *st, const char *body, unsigned flags,
    struct policy *pol, const char **why)
{
	struct load_env le = { st, (flags & POLICY_LOAD_SECRETS) != 0, "" };
	struct policy_env env = { .env_unseal = load_unseal, .env_arg = &le };
	struct policy_text text = { "store", body, strlen(body) };
	struct policy_errors *errs = calloc(1, sizeof(*errs));
	bool ok;

	policy_init(pol);
	if (errs == NULL)
		return store_fail(st, why, "out of memory");
	ok = policy_parse(pol, &text, &env, NULL, 0, errs) &&
	    policy_finish(pol, errs);
	if (!ok && le.le_why[0] != '\0')
		(void)store_fail(st, why, "%s", le.le_why);
	else if (!ok)
		(void)store_fail(st, why, "the stored policy cannot be read: "
		    "%s", errs->per_n != 0 ? errs->per_list[0].pe_msg : "");
	policy_errors_free(errs);
	free(errs);
	return ok;
}

bool
store_load_chunks(struct policy_store *st, const struct chunks *cs,
    unsigned flags, struct policy *pol, const char **why)
{
	char *text = chunks_text(st, cs, why);
	bool ok = text != NULL && store_load_text(st, text, flags, pol, why);

	if (text == NULL)
		policy_init(pol);
	free(text);
	if (!ok) {
		policy_free(pol);
		policy_init(pol);
	}
	return ok;
}

bool
policy_store_load(struct policy_store *st, uint64_t rev, unsigned flags,
    struct policy *pol, const char **why)
{
	char *text;
	bool ok;

	policy_init(pol);
	if (st->st_db == NULL) {
		if (rev != st->st_xrev)
			return store_fail(st, why, "the store is damaged, and "
			    "its export holds revision %llu only",
			    (unsigned long long)st->st_xrev);
		ok = store_load_text(st, st->st_xtext, flags, pol, why);
	} else {
		/* one read transaction: the rules and their digest belong
		 * together */
		(void)store_exec(st, "BEGIN");
		text = store_rules(st, rev, why);
		ok = text != NULL && store_load_text(st, text, flags, pol, why);
		free(text);
		(void)store_exec(st, "COMMIT");
	}
	if (!ok) {
		policy_free(pol);
		policy_init(pol);
	}
	return ok;
}

static bool
export_secret(struct policy_store *st, uint64_t id,
    uint8_t buf[POLICY_KEY_MAX], size_t *len, const char **why)
{
	for (size_t i = 0; i < st->st_nxsecret; i++) {
		const struct export_secret *es = &st->st_xsecret[i];

		if (es->es_id == id && seal_reveal(&st->st_seal, id,
		    es->es_nonce, es->es_sealed, es->es_len, buf, len))
			return true;
	}
	return store_fail(st, why, "the export has no key %llu",
	    (unsigned long long)id);
}

bool
policy_secret(struct policy_store *st, uint64_t id,
    uint8_t buf[POLICY_KEY_MAX], size_t *len, const char **why)
{
	sqlite3_stmt *stmt;
	bool ok = false;

	if (!store_seal(st, false, why))
		return false;
	if (st->st_db == NULL)
		return export_secret(st, id, buf, len, why);
	stmt = store_keep(st, KEPT_SECRET, "SELECT nonce, sealed FROM secret "
	    "WHERE id = ?");
	if (stmt == NULL)
		return store_fail_sql(st, why, "cannot read the store");
	(void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)id);
	if (sqlite3_step(stmt) == SQLITE_ROW &&
	    sqlite3_column_bytes(stmt, 0) == SEAL_NONCE)
		ok = seal_reveal(&st->st_seal, id, sqlite3_column_blob(stmt, 0),
		    sqlite3_column_blob(stmt, 1),
		    (size_t)sqlite3_column_bytes(stmt, 1), buf, len);
	(void)sqlite3_reset(stmt);
	if (!ok)
		return store_fail(st, why, "key %llu of the store cannot be "
		    "opened by this machine's key", (unsigned long long)id);
	return true;
}
