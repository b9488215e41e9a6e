/* SPDX-License-Identifier: ISC */
/*
 * Revisions among themselves: who made them, what texts they hold, going
 * back to one, and the one that waits for its confirm.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libpolicy/store_int.h"

static const char *const part_columns[POLICY_PARTS] = {
	"ipsec", "iked", "pf", "network", "assert",
};

uint64_t
store_next(struct policy_store *st, uint64_t after)
{
	int64_t next = 0;

	if (!store_int(st, "SELECT ifnull(max(number), 0) + 1 FROM revision",
	    &next))
		return 0;
	return (uint64_t)next > after ? (uint64_t)next : after + 1;
}

/* ---- texts ---- */

static sqlite3_stmt *
select_part(struct policy_store *st, const char *sql, uint64_t rev,
    enum policy_part part)
{
	sqlite3_stmt *s = store_prepare(st, sql);

	if (s == NULL)
		return NULL;
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rev);
	(void)sqlite3_bind_text(s, 2, part_columns[part], -1, SQLITE_STATIC);
	return s;
}

char *
policy_store_rules(struct policy_store *st, uint64_t rev,
    enum policy_part part, const char **why)
{
	sqlite3_stmt *s;
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int rc;

	if (st->st_db == NULL) {
		/* an export does not tell them apart */
		return strdup(part == POLICY_PART_IPSEC ? st->st_xtext : "");
	}
	s = select_part(st, "SELECT body FROM revision_chunk JOIN chunk "
	    "ON id = chunk WHERE revision = ? AND part = ? ORDER BY ord", rev, part);
	out = open_memstream(&text, &len);
	if (s == NULL || out == NULL) {
		(void)store_fail_sql(st, why, "cannot read the store");
		(void)sqlite3_finalize(s);
		return NULL;
	}
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		(void)fwrite(sqlite3_column_text(s, 0), 1,
		    (size_t)sqlite3_column_bytes(s, 0), out);
	(void)sqlite3_finalize(s);
	if (fclose(out) == 0 && rc == SQLITE_DONE)
		return text;
	(void)store_fail_sql(st, why, "cannot read the store");
	free(text);
	return NULL;
}

static enum policy_text_kind
text_kind(const char *word)
{
	if (strcmp(word, "include") == 0)
		return POLICY_TEXT_INCLUDE;
	return strcmp(word, "macro") == 0 ? POLICY_TEXT_MACRO :
	    POLICY_TEXT_MAIN;
}

static bool
export_texts(struct policy_store *st, enum policy_part part,
    struct policy_texts *tx, const char **why)
{
	for (size_t i = 0; i < st->st_xtexts.tx_n; i++) {
		const struct policy_text_item *ti = &st->st_xtexts.tx_v[i];

		if (ti->ti_part == part && !policy_texts_add_part(tx, part,
		    ti->ti_kind, ti->ti_name, ti->ti_body, ti->ti_len))
			return store_fail(st, why, "out of memory");
	}
	return true;
}

bool
policy_store_texts(struct policy_store *st, uint64_t rev,
    enum policy_part part, struct policy_texts *tx, const char **why)
{
	sqlite3_stmt *s;
	bool ok = true;
	int rc = SQLITE_DONE;

	if (st->st_db == NULL)
		return export_texts(st, part, tx, why);
	s = select_part(st, "SELECT kind, name, body FROM text WHERE "
	    "revision = ? AND part = ? ORDER BY ord", rev, part);
	if (s == NULL)
		return store_fail_sql(st, why, "cannot read the store");
	while (ok && (rc = sqlite3_step(s)) == SQLITE_ROW)
		ok = policy_texts_add_part(tx, part,
		    text_kind((const char *)sqlite3_column_text(s, 0)),
		    (const char *)sqlite3_column_text(s, 1),
		    sqlite3_column_blob(s, 2),
		    (size_t)sqlite3_column_bytes(s, 2));
	(void)sqlite3_finalize(s);
	if (!ok)
		return store_fail(st, why, "too many or too large texts");
	return rc == SQLITE_DONE ||
	    store_fail_sql(st, why, "cannot read the store");
}

/* ---- history ---- */

bool
policy_store_history(struct policy_store *st,
    bool (*fn)(void *arg, const struct policy_revision *pr), void *arg,
    const char **why)
{
	sqlite3_stmt *s;
	bool more = true;
	int rc = SQLITE_DONE;

	if (st->st_db == NULL)
		return store_fail(st, why, "%s: there is no history",
		    st->st_damage);
	s = store_prepare(st, "SELECT number, time, author, reason FROM "
	    "revision ORDER BY number DESC");
	if (s == NULL)
		return store_fail_sql(st, why, "cannot read the store");
	while (more && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct policy_revision pr = {
			.pr_number = (uint64_t)sqlite3_column_int64(s, 0),
			.pr_time = sqlite3_column_int64(s, 1),
			.pr_author = (const char *)sqlite3_column_text(s, 2),
			.pr_reason = (const char *)sqlite3_column_text(s, 3),
		};

		more = fn(arg, &pr);
	}
	(void)sqlite3_finalize(s);
	return !more || rc == SQLITE_DONE ||
	    store_fail_sql(st, why, "cannot read the store");
}

/* ---- waiting for a confirm ---- */

static int64_t
clock_ms(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The kernel's name for this boot; empty if it has none. */
static void
boot_id(char *out, size_t cap)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? 0 : read(fd, out, cap - 1);

	if (fd != -1)
		(void)close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

void
policy_pending_init(struct policy_pending *pe, uint64_t back, int64_t span)
{
	*pe = (struct policy_pending){ .pe_back = back, .pe_span = span };
	pe->pe_time = clock_ms(CLOCK_REALTIME) + span;
	pe->pe_uptime = clock_ms(CLOCK_BOOTTIME) + span;
	boot_id(pe->pe_boot, sizeof(pe->pe_boot));
}

int64_t
policy_pending_left(struct policy_pending *pe)
{
	int64_t left, up = clock_ms(CLOCK_BOOTTIME);
	char boot[sizeof(pe->pe_boot)];

	boot_id(boot, sizeof(boot));
	if (strcmp(boot, pe->pe_boot) == 0)
		return pe->pe_uptime - up;
	/* more left than there ever was: the clock went back; take no risk */
	left = pe->pe_time - clock_ms(CLOCK_REALTIME);
	if (left > pe->pe_span)
		left = 0;
	memcpy(pe->pe_boot, boot, sizeof(boot));
	pe->pe_uptime = up + left;
	return left;
}

bool
policy_store_pending(struct policy_store *st, struct policy_pending *pe,
    const char **why)
{
	sqlite3_stmt *s;
	int rc;

	memset(pe, 0, sizeof(*pe));
	if (st->st_db == NULL)
		return true;
	s = store_prepare(st, "SELECT revision, back, span, time, boot, "
	    "uptime FROM pending");
	if (s == NULL)
		return store_fail_sql(st, why, "cannot read the store");
	if ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		pe->pe_revision = (uint64_t)sqlite3_column_int64(s, 0);
		pe->pe_back = (uint64_t)sqlite3_column_int64(s, 1);
		pe->pe_span = sqlite3_column_int64(s, 2);
		pe->pe_time = sqlite3_column_int64(s, 3);
		(void)snprintf(pe->pe_boot, sizeof(pe->pe_boot), "%s",
		    (const char *)sqlite3_column_text(s, 4));
		pe->pe_uptime = sqlite3_column_int64(s, 5);
	}
	(void)sqlite3_finalize(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ||
	    store_fail_sql(st, why, "cannot read the store");
}

bool
store_put_pending(struct policy_store *st, uint64_t rev,
    const struct policy_pending *pe)
{
	sqlite3_stmt *s = store_prepare(st, "INSERT OR REPLACE INTO pending "
	    "(one, revision, back, span, time, boot, uptime) "
	    "VALUES (1, ?, ?, ?, ?, ?, ?)");
	bool ok;

	if (s == NULL)
		return false;
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rev);
	(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)pe->pe_back);
	(void)sqlite3_bind_int64(s, 3, pe->pe_span);
	(void)sqlite3_bind_int64(s, 4, pe->pe_time);
	(void)sqlite3_bind_text(s, 5, pe->pe_boot, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 6, pe->pe_uptime);
	ok = sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_finalize(s);
	return ok;
}

bool
policy_store_pending_move(struct policy_store *st,
    const struct policy_pending *pe, const char **why)
{
	return store_put_pending(st, pe->pe_revision, pe) ||
	    store_fail_sql(st, why, "cannot note the deadline");
}

bool
policy_store_confirm(struct policy_store *st, const char **why)
{
	return store_exec(st, "DELETE FROM pending") ||
	    store_fail_sql(st, why, "cannot confirm");
}

/* ---- going back ---- */

static bool
copy_rows(struct policy_store *st, const char *sql, uint64_t from, uint64_t to)
{
	sqlite3_stmt *s = store_prepare(st, sql);
	bool ok;

	if (s == NULL)
		return false;
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)to);
	(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)from);
	ok = sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_finalize(s);
	return ok;
}

static bool
copy_revision(struct policy_store *st, uint64_t from, const char *author,
    const char *reason, uint64_t to)
{
	sqlite3_stmt *s = store_prepare(st, "INSERT INTO revision (number, "
	    "author, time, reason, digest) SELECT ?, ?, ?, ?, digest FROM "
	    "revision WHERE number = ?");
	bool ok;

	if (s == NULL)
		return false;
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)to);
	(void)sqlite3_bind_text(s, 2, author, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 3, (sqlite3_int64)time(NULL));
	(void)sqlite3_bind_text(s, 4, reason, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 5, (sqlite3_int64)from);
	ok = sqlite3_step(s) == SQLITE_DONE && sqlite3_changes(st->st_db) == 1;
	(void)sqlite3_finalize(s);
	return ok && copy_rows(st, "INSERT INTO text (revision, ord, kind, "
	    "name, body, part) SELECT ?, ord, kind, name, body, part FROM "
	    "text WHERE revision = ?", from, to) &&
	    copy_rows(st, "INSERT INTO revision_chunk (revision, ord, chunk) "
	    "SELECT ?, ord, chunk FROM revision_chunk WHERE revision = ?",
	    from, to);
}

/* False with *why: it is not there, or cannot be read. */
static bool
find_revision(struct policy_store *st, uint64_t rev, const char **why)
{
	sqlite3_stmt *s = store_prepare(st, "SELECT 1 FROM revision "
	    "WHERE number = ?");
	int rc;

	if (s == NULL)
		return store_fail_sql(st, why, "cannot read the store");
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rev);
	rc = sqlite3_step(s);
	(void)sqlite3_finalize(s);
	if (rc == SQLITE_DONE)
		return store_fail(st, why, "there is no revision %llu",
		    (unsigned long long)rev);
	return rc == SQLITE_ROW ||
	    store_fail_sql(st, why, "cannot read the store");
}

bool
policy_store_copy(struct policy_store *st, uint64_t from, const char *author,
    const char *reason, const struct policy_pending *pe, uint64_t *rev,
    const char **why)
{
	if (st->st_db == NULL)
		return store_fail(st, why, "%s", st->st_damage);
	if (!find_revision(st, from, why))
		return false;
	if (!store_exec(st, "BEGIN IMMEDIATE"))
		return store_fail_sql(st, why, "cannot begin");
	*rev = store_next(st, 0);
	if (*rev != 0 && store_exec(st, "DELETE FROM pending") &&
	    copy_revision(st, from, author, reason, *rev) &&
	    (pe == NULL || store_put_pending(st, *rev, pe)) &&
	    store_exec(st, "COMMIT"))
		return true;
	(void)store_fail_sql(st, why, "cannot go back");
	(void)store_exec(st, "ROLLBACK");
	return false;
}
