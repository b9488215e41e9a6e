/* SPDX-License-Identifier: ISC */
/*
 * Chunks of rules to the store and back (chunk.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/chunk.h"

static const char *const kind_columns[RULE_KINDS] = {
	"set", "flow", "sa", "ikev2",
};
static const char *const part_columns[] = { "ipsec", "iked" };

static bool
chunks_add(struct chunks *cs, const struct chunk *ch)
{
	struct chunk *v = cs->cs_v;

	if ((cs->cs_n & (cs->cs_n - 1)) == 0) {		/* 0, 1, 2, 4, ... */
		v = reallocarray(v, cs->cs_n == 0 ? 1 : 2 * cs->cs_n,
		    sizeof(*v));
		if (v == NULL)
			return false;
		cs->cs_v = v;
	}
	v[cs->cs_n++] = *ch;
	return true;
}

void
chunks_free(struct chunks *cs)
{
	free(cs->cs_v);
	*cs = (struct chunks){ NULL, 0 };
}

/* Of the revision that has these chunks. */
static void
chunks_digest(const struct chunks *cs, uint8_t digest[STORE_DIGEST])
{
	br_sha256_context hash;

	br_sha256_init(&hash);
	for (size_t i = 0; i < cs->cs_n; i++)
		br_sha256_update(&hash, cs->cs_v[i].ch_digest, STORE_DIGEST);
	br_sha256_out(&hash, digest);
}

/* All that a row says, but its number. */
static void
chunk_digest(const struct chunk *ch, const void *reqids, const char *body,
    uint8_t digest[STORE_DIGEST])
{
	size_t n = ch->ch_kind == RULE_IKE ? 4 * ch->ch_rules : 0;
	br_sha256_context hash;
	char head[64];
	int len = snprintf(head, sizeof(head), "%s %s %zu\n",
	    part_columns[ch->ch_part], kind_columns[ch->ch_kind], ch->ch_rules);

	br_sha256_init(&hash);
	br_sha256_update(&hash, head, (size_t)len);
	if (n != 0)
		br_sha256_update(&hash, reqids, n);
	br_sha256_update(&hash, body, ch->ch_len);
	br_sha256_out(&hash, digest);
}

/* ---- writing ---- */

void
chunk_writer_begin(struct chunk_writer *cw, struct policy_store *st,
    uint64_t rev)
{
	*cw = (struct chunk_writer){ .cw_st = st, .cw_rev = rev };
	cw->cw_find = store_prepare(st, "SELECT id FROM chunk WHERE "
	    "digest = ?");
	cw->cw_insert = store_prepare(st, "INSERT INTO chunk (digest, part, "
	    "kind, rules, bytes, reqids, body) VALUES (?, ?, ?, ?, ?, ?, ?)");
	cw->cw_member = store_prepare(st, "INSERT INTO revision_chunk "
	    "(revision, ord, chunk) VALUES (?, ?, ?)");
	cw->cw_secret = store_prepare(st, "INSERT OR IGNORE INTO chunk_secret "
	    "(chunk, secret) VALUES (?, ?)");
	cw->cw_ok = cw->cw_find != NULL && cw->cw_insert != NULL &&
	    cw->cw_member != NULL && cw->cw_secret != NULL;
}

static bool
step_done(sqlite3_stmt *s)
{
	bool ok = sqlite3_step(s) == SQLITE_DONE;

	(void)sqlite3_reset(s);
	return ok;
}

static bool
add_member(struct chunk_writer *cw, const struct chunk *ch)
{
	sqlite3_stmt *s = cw->cw_member;

	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)cw->cw_rev);
	(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)cw->cw_chunks.cs_n);
	(void)sqlite3_bind_int64(s, 3, ch->ch_id);
	return step_done(s) && chunks_add(&cw->cw_chunks, ch);
}

/* A row of that digest; 0 if there is none; false on failure. */
static bool
find_chunk(struct chunk_writer *cw, struct chunk *ch)
{
	sqlite3_stmt *s = cw->cw_find;
	int rc;

	(void)sqlite3_bind_blob(s, 1, ch->ch_digest, STORE_DIGEST,
	    SQLITE_STATIC);
	rc = sqlite3_step(s);
	ch->ch_id = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	(void)sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/*
 * Notes the keys that rules name.  In normal form a quote inside a string
 * has a backslash before it: so this finds keys and nothing else.
 */
static bool
insert_secrets(struct chunk_writer *cw, int64_t chunk)
{
	static const char mark[] = " sealed \"";
	const char *p = cw->cw_body.tb_p, *end = p + cw->cw_body.tb_n;
	bool ok = true;

	while (ok && (p = memmem(p, (size_t)(end - p), mark,
	    sizeof(mark) - 1)) != NULL) {
		int64_t id = 0;

		for (p += sizeof(mark) - 1; p < end && *p >= '0' && *p <= '9';
		    p++)
			id = id * 10 + (*p - '0');
		(void)sqlite3_bind_int64(cw->cw_secret, 1, chunk);
		(void)sqlite3_bind_int64(cw->cw_secret, 2, id);
		ok = step_done(cw->cw_secret);
	}
	return ok;
}

static bool
insert_chunk(struct chunk_writer *cw, struct chunk *ch)
{
	sqlite3_stmt *s = cw->cw_insert;

	(void)sqlite3_bind_blob(s, 1, ch->ch_digest, STORE_DIGEST,
	    SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 2, part_columns[ch->ch_part], -1,
	    SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 3, kind_columns[ch->ch_kind], -1,
	    SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 4, (sqlite3_int64)ch->ch_rules);
	(void)sqlite3_bind_int64(s, 5, (sqlite3_int64)ch->ch_len);
	if (cw->cw_reqids.tb_n != 0)
		(void)sqlite3_bind_blob64(s, 6, cw->cw_reqids.tb_p,
		    cw->cw_reqids.tb_n, SQLITE_STATIC);
	else
		(void)sqlite3_bind_zeroblob(s, 6, 0);
	(void)sqlite3_bind_text64(s, 7, cw->cw_body.tb_p, cw->cw_body.tb_n,
	    SQLITE_STATIC, SQLITE_UTF8);
	if (!step_done(s))
		return false;
	ch->ch_id = sqlite3_last_insert_rowid(cw->cw_st->st_db);
	return (ch->ch_kind != RULE_IKE && ch->ch_kind != RULE_SA) ||
	    insert_secrets(cw, ch->ch_id);
}

static void
flush(struct chunk_writer *cw)
{
	struct chunk ch = { .ch_kind = cw->cw_kind, .ch_part = cw->cw_part,
	    .ch_rules = cw->cw_rules, .ch_len = cw->cw_body.tb_n };

	if (cw->cw_rules == 0)
		return;
	cw->cw_ok = cw->cw_ok && !cw->cw_body.tb_short &&
	    !cw->cw_reqids.tb_short;
	if (cw->cw_ok) {
		chunk_digest(&ch, cw->cw_reqids.tb_p, cw->cw_body.tb_p,
		    ch.ch_digest);
		cw->cw_ok = find_chunk(cw, &ch) && (ch.ch_id != 0 ||
		    insert_chunk(cw, &ch)) && add_member(cw, &ch);
	}
	cw->cw_rules = 0;
	cw->cw_body.tb_n = cw->cw_reqids.tb_n = 0;
}

void
chunk_writer_rule(struct chunk_writer *cw, enum rule_kind kind,
    enum policy_part part, uint32_t reqid)
{
	if (cw->cw_kind != kind || cw->cw_part != part ||
	    cw->cw_body.tb_n >= CHUNK_BYTES)
		flush(cw);
	cw->cw_kind = kind;
	cw->cw_part = part;
	cw->cw_rules++;
	if (kind == RULE_IKE) {
		uint8_t be[4] = { (uint8_t)(reqid >> 24),
		    (uint8_t)(reqid >> 16), (uint8_t)(reqid >> 8),
		    (uint8_t)reqid };

		textbuf_add(&cw->cw_reqids, be, sizeof(be));
	}
}

void
chunk_writer_take(struct chunk_writer *cw, const struct chunk *ch)
{
	flush(cw);
	cw->cw_ok = cw->cw_ok && add_member(cw, ch);
}

static bool
write_digest(struct chunk_writer *cw)
{
	uint8_t digest[STORE_DIGEST];
	sqlite3_stmt *s = store_prepare(cw->cw_st, "UPDATE revision SET "
	    "digest = ? WHERE number = ?");
	bool ok;

	if (s == NULL)
		return false;
	chunks_digest(&cw->cw_chunks, digest);
	(void)sqlite3_bind_blob(s, 1, digest, sizeof(digest), SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 2, (sqlite3_int64)cw->cw_rev);
	ok = sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_finalize(s);
	return ok;
}

bool
chunk_writer_end(struct chunk_writer *cw)
{
	flush(cw);
	cw->cw_ok = cw->cw_ok && write_digest(cw);
	(void)sqlite3_finalize(cw->cw_find);
	(void)sqlite3_finalize(cw->cw_insert);
	(void)sqlite3_finalize(cw->cw_member);
	(void)sqlite3_finalize(cw->cw_secret);
	textbuf_free(&cw->cw_body);
	textbuf_free(&cw->cw_reqids);
	return cw->cw_ok;
}

/* ---- reading ---- */

static bool
column_chunk(sqlite3_stmt *s, struct chunk *ch)
{
	const char *part = (const char *)sqlite3_column_text(s, 1);
	const char *kind = (const char *)sqlite3_column_text(s, 2);
	unsigned k = 0;

	if (part == NULL || kind == NULL ||
	    sqlite3_column_bytes(s, 5) != STORE_DIGEST)
		return false;
	while (k < RULE_KINDS && strcmp(kind_columns[k], kind) != 0)
		k++;
	*ch = (struct chunk){
		.ch_id = sqlite3_column_int64(s, 0),
		.ch_part = strcmp(part, "iked") == 0 ? POLICY_PART_IKED :
		    POLICY_PART_IPSEC,
		.ch_kind = (enum rule_kind)k,
		.ch_rules = (size_t)sqlite3_column_int64(s, 3),
		.ch_len = (size_t)sqlite3_column_int64(s, 4),
	};
	memcpy(ch->ch_digest, sqlite3_column_blob(s, 5), STORE_DIGEST);
	return k < RULE_KINDS;
}

/* Does the revision say that these are its chunks? */
static bool
digest_matches(struct policy_store *st, uint64_t rev, const struct chunks *cs,
    const char **why)
{
	sqlite3_stmt *s = store_prepare(st, "SELECT digest FROM revision "
	    "WHERE number = ?");
	uint8_t digest[STORE_DIGEST];
	bool ok = false;

	if (s == NULL)
		return store_fail_sql(st, why, "cannot read the store");
	chunks_digest(cs, digest);
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rev);
	if (sqlite3_step(s) != SQLITE_ROW)
		(void)store_fail(st, why, "there is no revision %llu",
		    (unsigned long long)rev);
	else if (sqlite3_column_bytes(s, 0) != STORE_DIGEST ||
	    memcmp(sqlite3_column_blob(s, 0), digest, STORE_DIGEST) != 0)
		(void)store_fail(st, why, "%s is damaged: the rules of "
		    "revision %llu do not match their digest", st->st_path,
		    (unsigned long long)rev);
	else
		ok = true;
	(void)sqlite3_finalize(s);
	return ok;
}

bool
chunks_list(struct policy_store *st, uint64_t rev, struct chunks *cs,
    const char **why)
{
	sqlite3_stmt *s = store_prepare(st, "SELECT id, part, kind, rules, "
	    "bytes, digest FROM revision_chunk JOIN chunk ON id = chunk "
	    "WHERE revision = ? ORDER BY ord");
	struct chunk ch;
	bool ok = true;
	int rc = SQLITE_DONE;

	*cs = (struct chunks){ NULL, 0 };
	if (s == NULL)
		return store_fail_sql(st, why, "cannot read the store");
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rev);
	while (ok && (rc = sqlite3_step(s)) == SQLITE_ROW)
		ok = column_chunk(s, &ch) && chunks_add(cs, &ch);
	if (!ok)
		(void)store_fail(st, why, "the chunks of revision %llu cannot "
		    "be read", (unsigned long long)rev);
	else if (rc != SQLITE_DONE)
		ok = store_fail_sql(st, why, "cannot read the store");
	(void)sqlite3_finalize(s);
	ok = ok && digest_matches(st, rev, cs, why);
	if (!ok)
		chunks_free(cs);
	return ok;
}

bool
chunk_read(struct policy_store *st, const struct chunk *ch,
    struct textbuf *body, struct textbuf *reqids, const char **why)
{
	sqlite3_stmt *s = store_keep(st, KEPT_CHUNK, "SELECT body, reqids "
	    "FROM chunk WHERE id = ?");
	uint8_t digest[STORE_DIGEST];
	bool ok = false;

	if (s == NULL)
		return store_fail_sql(st, why, "cannot read the store");
	(void)sqlite3_bind_int64(s, 1, ch->ch_id);
	if (sqlite3_step(s) != SQLITE_ROW) {
		(void)store_fail_sql(st, why, "cannot read the store");
	} else if (sqlite3_column_text(s, 0) != NULL &&
	    (size_t)sqlite3_column_bytes(s, 0) == ch->ch_len &&
	    (size_t)sqlite3_column_bytes(s, 1) == (ch->ch_kind == RULE_IKE ?
	    4 * ch->ch_rules : 0)) {
		chunk_digest(ch, sqlite3_column_blob(s, 1),
		    (const char *)sqlite3_column_text(s, 0), digest);
		ok = memcmp(digest, ch->ch_digest, sizeof(digest)) == 0;
		textbuf_add(body, sqlite3_column_text(s, 0), ch->ch_len);
		if (reqids != NULL)
			textbuf_add(reqids, sqlite3_column_blob(s, 1),
			    (size_t)sqlite3_column_bytes(s, 1));
		if (!ok)
			(void)store_fail(st, why, "%s is damaged: the rules "
			    "of chunk %lld do not match their digest", st->st_path,
			    (long long)ch->ch_id);
	} else {
		(void)store_fail(st, why, "%s is damaged: chunk %lld is not "
		    "whole", st->st_path, (long long)ch->ch_id);
	}
	(void)sqlite3_reset(s);
	if (ok && (body->tb_short || (reqids != NULL && reqids->tb_short)))
		ok = store_fail(st, why, "out of memory");
	return ok;
}

/* ---- from version 3 ---- */

/* The rows of one revision, which its old digest covers. */
static bool
migrate_revision(struct policy_store *st, uint64_t rev,
    const uint8_t *olddigest, sqlite3_stmt *s, const char **why)
{
	struct chunk_writer cw;
	br_sha256_context hash;
	uint8_t digest[STORE_DIGEST];
	int rc;

	br_sha256_init(&hash);
	chunk_writer_begin(&cw, st, rev);
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rev);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && cw.cw_ok) {
		const char *kind = (const char *)sqlite3_column_text(s, 0);
		const char *part = (const char *)sqlite3_column_text(s, 1);
		const char *body = (const char *)sqlite3_column_text(s, 3);
		size_t len = (size_t)sqlite3_column_bytes(s, 3);
		unsigned k = 0;

		while (k < RULE_SA && strcmp(kind_columns[k], kind) != 0)
			k++;
		if (strcmp(kind, "ikev2") == 0)
			k = RULE_IKE;
		br_sha256_update(&hash, body, len);
		if (len == 0)
			continue;		/* no `set` lines */
		chunk_writer_rule(&cw, (enum rule_kind)k,
		    strcmp(part, "iked") == 0 ? POLICY_PART_IKED :
		    POLICY_PART_IPSEC, (uint32_t)sqlite3_column_int64(s, 2));
		textbuf_add(&cw.cw_body, body, len);
	}
	(void)sqlite3_reset(s);
	if (rc != SQLITE_DONE)
		cw.cw_ok = false;
	br_sha256_out(&hash, digest);
	rc = chunk_writer_end(&cw);
	chunks_free(&cw.cw_chunks);
	if (!rc)
		return store_fail_sql(st, why, st->st_path);
	return memcmp(digest, olddigest, STORE_DIGEST) == 0 ||
	    store_fail(st, why, "%s is damaged: the rules of revision %llu do "
	    "not match their digest", st->st_path, (unsigned long long)rev);
}

bool
chunks_migrate(struct policy_store *st, const char **why)
{
	sqlite3_stmt *revs = store_prepare(st, "SELECT number, digest FROM "
	    "revision ORDER BY number");
	sqlite3_stmt *rules = store_prepare(st, "SELECT kind, part, reqid, "
	    "body FROM rule WHERE revision = ? ORDER BY ord");
	uint8_t digest[STORE_DIGEST];
	uint64_t rev = 0;
	bool ok = revs != NULL && rules != NULL;

	*why = NULL;
	while (ok && sqlite3_step(revs) == SQLITE_ROW) {
		rev = (uint64_t)sqlite3_column_int64(revs, 0);
		memcpy(digest, sqlite3_column_blob(revs, 1), STORE_DIGEST);
		ok = migrate_revision(st, rev, digest, rules, why);
	}
	(void)sqlite3_finalize(revs);
	(void)sqlite3_finalize(rules);
	if (ok && !store_exec(st, "DROP TABLE rule"))
		ok = false;
	return ok || (*why == NULL ? store_fail_sql(st, why, st->st_path) :
	    false);
}
