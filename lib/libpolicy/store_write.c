/* SPDX-License-Identifier: ISC */
/*
 * Committing a revision: keys are sealed and taken out of the texts, rules
 * are written in normal form, and all of it is one transaction.
 */
#include <bearssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libpolicy/parse.h"
#include "libpolicy/store_int.h"

/* ---- secrets ---- */

/* False if the store cannot be read; id 0 if the key is not in it. */
static bool
secret_find(struct policy_store *st, const uint8_t *finger, uint64_t *id)
{
	sqlite3_stmt *stmt = store_keep(st, KEPT_FINGER, "SELECT id FROM "
	    "secret WHERE finger = ?");
	int rc;

	*id = 0;
	if (stmt == NULL)
		return false;
	(void)sqlite3_bind_blob(stmt, 1, finger, SEAL_FINGER, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*id = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static bool
secret_insert(struct policy_store *st, const uint8_t *finger,
    const struct policy_key *key, uint64_t *id)
{
	uint8_t nonce[SEAL_NONCE], sealed[SEAL_MAX];
	sqlite3_stmt *stmt;
	int64_t next = 0;
	bool ok;

	if (!store_int(st, "SELECT ifnull(max(id), 0) + 1 FROM secret",
	    &next) || !seal_random(nonce, sizeof(nonce)))
		return false;
	*id = (uint64_t)next;
	seal_close(&st->st_seal, *id, nonce, key->pk_bytes, key->pk_len,
	    sealed);
	stmt = store_keep(st, KEPT_INSERT, "INSERT INTO secret (id, finger, "
	    "nonce, sealed) VALUES (?, ?, ?, ?)");
	if (stmt == NULL)
		return false;
	(void)sqlite3_bind_int64(stmt, 1, next);
	(void)sqlite3_bind_blob(stmt, 2, finger, SEAL_FINGER, SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 3, nonce, SEAL_NONCE, SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 4, sealed,
	    (int)(key->pk_len + SEAL_TAG), SQLITE_STATIC);
	ok = sqlite3_step(stmt) == SQLITE_DONE;
	(void)sqlite3_reset(stmt);
	return ok;
}

/* Finds or makes the row of a key and notes that the revision uses it. */
static bool
secret_put(struct policy_store *st, uint64_t rev, struct policy_key *key)
{
	uint8_t finger[SEAL_FINGER];
	sqlite3_stmt *stmt;
	bool ok;

	if (key->pk_len == 0)
		return true;
	seal_finger(&st->st_seal, key->pk_bytes, key->pk_len, finger);
	if (!secret_find(st, finger, &key->pk_id) || (key->pk_id == 0 &&
	    !secret_insert(st, finger, key, &key->pk_id)))
		return false;
	stmt = store_keep(st, KEPT_USE, "INSERT OR IGNORE INTO secret_use "
	    "(revision, secret) VALUES (?, ?)");
	if (stmt == NULL)
		return false;
	(void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)rev);
	(void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)key->pk_id);
	ok = sqlite3_step(stmt) == SQLITE_DONE;
	(void)sqlite3_reset(stmt);
	return ok;
}

static bool
commit_secrets(struct policy_store *st, uint64_t rev, struct policy_commit *co)
{
	struct policy *pol = co->co_policy;
	bool ok = true;

	for (size_t i = 0; ok && i < pol->pol_nsas; i++)
		ok = secret_put(st, rev, &pol->pol_sas[i].sa_enckey) &&
		    secret_put(st, rev, &pol->pol_sas[i].sa_authkey);
	for (size_t i = 0; ok && i < pol->pol_nikes; i++)
		ok = secret_put(st, rev, &pol->pol_ikes[i].ik_psk);
	for (size_t i = 0; ok && i < co->co_forms->pf_n; i++) {
		struct policy_form *f = &co->co_forms->pf_v[i];

		for (unsigned k = 0; ok && k < f->pf_nkeys; k++)
			ok = secret_put(st, rev, &f->pf_key[k]);
	}
	return ok;
}

/* ---- rules ---- */

struct rule_writer {
	struct policy_store	*rw_st;
	sqlite3_stmt		*rw_stmt;
	uint64_t		 rw_rev;
	int			 rw_ord;
	br_sha256_context	 rw_hash;
	bool			 rw_ok;
	char			*rw_text;	/* of open_memstream() */
	size_t			 rw_len;
	FILE			*rw_out;
};

/* The text of the rule is printed from the begin of the stream. */
static void
rule_begin(struct rule_writer *rw)
{
	rw->rw_ok = rw->rw_ok && fseek(rw->rw_out, 0, SEEK_SET) == 0;
}

static void
rule_end(struct rule_writer *rw, const char *kind, bool iked,
    const struct policy_ike *ik)
{
	sqlite3_stmt *s = rw->rw_stmt;
	long len = rw->rw_ok ? ftell(rw->rw_out) : -1;

	if (len < 0 || fflush(rw->rw_out) != 0) {
		rw->rw_ok = false;
		return;
	}
	br_sha256_update(&rw->rw_hash, rw->rw_text, (size_t)len);
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rw->rw_rev);
	(void)sqlite3_bind_int(s, 2, rw->rw_ord++);
	(void)sqlite3_bind_text(s, 3, kind, -1, SQLITE_STATIC);
	if (ik != NULL) {
		(void)sqlite3_bind_text(s, 4, ik->ik_name, -1, SQLITE_STATIC);
		(void)sqlite3_bind_int64(s, 5, ik->ik_reqid);
	}
	(void)sqlite3_bind_text(s, 6, rw->rw_text, (int)len, SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 7, iked ? "iked" : "ipsec", -1,
	    SQLITE_STATIC);
	rw->rw_ok = sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_reset(s);
}

static void
write_set(struct rule_writer *rw, const struct policy_set *set, bool iked)
{
	rule_begin(rw);
	if (rw->rw_ok)
		policy_print_set(set, rw->rw_out);
	if (!iked || ftell(rw->rw_out) != 0)
		rule_end(rw, "set", iked, NULL);
}

static void
write_rules(struct rule_writer *rw, const struct policy *pol)
{
	const struct policy_split *sp = &pol->pol_split;

	if (sp->sp_flows == SIZE_MAX) {
		write_set(rw, &pol->pol_set, false);
	} else {
		write_set(rw, &sp->sp_set[0], false);
		write_set(rw, &sp->sp_set[1], true);
	}
	for (size_t i = 0; rw->rw_ok && i < pol->pol_nflows; i++) {
		rule_begin(rw);
		if (rw->rw_ok)
			policy_print_flow(&pol->pol_flows[i], rw->rw_out);
		rule_end(rw, "flow", i >= sp->sp_flows, NULL);
	}
	for (size_t i = 0; rw->rw_ok && i < pol->pol_nsas; i++) {
		rule_begin(rw);
		if (rw->rw_ok)
			policy_print_sa(&pol->pol_sas[i], rw->rw_out, 0);
		rule_end(rw, "sa", i >= sp->sp_sas, NULL);
	}
	for (size_t i = 0; rw->rw_ok && i < pol->pol_nikes; i++) {
		rule_begin(rw);
		if (rw->rw_ok)
			policy_print_ike(&pol->pol_ikes[i], rw->rw_out, 0);
		rule_end(rw, "ikev2", i >= sp->sp_ikes, &pol->pol_ikes[i]);
	}
}

static bool
commit_rules(struct policy_store *st, uint64_t rev, const struct policy *pol)
{
	struct rule_writer rw = { .rw_st = st, .rw_rev = rev, .rw_ok = true };
	uint8_t digest[STORE_DIGEST];
	sqlite3_stmt *stmt;

	br_sha256_init(&rw.rw_hash);
	rw.rw_stmt = store_prepare(st, "INSERT INTO rule (revision, ord, kind, "
	    "name, reqid, body, part) VALUES (?, ?, ?, ?, ?, ?, ?)");
	rw.rw_out = open_memstream(&rw.rw_text, &rw.rw_len);
	rw.rw_ok = rw.rw_stmt != NULL && rw.rw_out != NULL;
	write_rules(&rw, pol);
	if (rw.rw_out != NULL)
		(void)fclose(rw.rw_out);
	free(rw.rw_text);
	(void)sqlite3_finalize(rw.rw_stmt);
	if (!rw.rw_ok)
		return false;
	br_sha256_out(&rw.rw_hash, digest);
	stmt = store_prepare(st, "UPDATE revision SET digest = ? "
	    "WHERE number = ?");
	if (stmt == NULL)
		return false;
	(void)sqlite3_bind_blob(stmt, 1, digest, sizeof(digest), SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)rev);
	rw.rw_ok = sqlite3_step(stmt) == SQLITE_DONE;
	(void)sqlite3_finalize(stmt);
	return rw.rw_ok;
}

/* ---- texts ---- */

static void
print_sealed(const struct policy_form *f, FILE *out)
{
	fprintf(out, "sealed \"%llu", (unsigned long long)f->pf_key[0].pk_id);
	if (f->pf_nkeys == 2)
		fprintf(out, ":%llu", (unsigned long long)f->pf_key[1].pk_id);
	fputc('"', out);
}

/* The text with each key, and quotes around it, replaced by its number. */
static char *
seal_text(const struct policy_text_item *ti, const struct form_index *fi,
    size_t *newlen)
{
	const char *body = ti->ti_body;
	size_t done = 0, off = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, newlen);

	if (out == NULL)
		return NULL;
	while (off < ti->ti_len) {
		const struct policy_form *f = form_at(fi, body + off,
		    ti->ti_len - off);
		size_t end;

		if (f == NULL) {
			off++;
			continue;
		}
		end = off + f->pf_len;
		if (off > done && body[off - 1] == '"' && end < ti->ti_len &&
		    body[end] == '"') {
			off--;
			end++;
		}
		(void)fwrite(body + done, 1, off - done, out);
		print_sealed(f, out);
		done = off = end;
	}
	(void)fwrite(body + done, 1, ti->ti_len - done, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool
put_text(struct policy_store *st, uint64_t rev, int ord,
    const struct policy_text_item *ti, const char *body, size_t len)
{
	static const char *const kinds[] = { [POLICY_TEXT_MAIN] = "main",
	    [POLICY_TEXT_INCLUDE] = "include", [POLICY_TEXT_MACRO] = "macro" };
	static const char *const parts[] = { "ipsec", "iked", "pf", "network",
	    "assert" };
	sqlite3_stmt *s = store_prepare(st, "INSERT INTO text (revision, ord, "
	    "kind, name, body, part) VALUES (?, ?, ?, ?, ?, ?)");
	bool ok;

	if (s == NULL)
		return false;
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rev);
	(void)sqlite3_bind_int(s, 2, ord);
	(void)sqlite3_bind_text(s, 3, kinds[ti->ti_kind], -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 4, ti->ti_name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob64(s, 5, body, len, SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 6, parts[ti->ti_part], -1, SQLITE_STATIC);
	ok = sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_finalize(s);
	return ok;
}

/* A policy that came without a text is its own, in normal form. */
static bool
put_normal_form(struct policy_store *st, uint64_t rev, int ord,
    const struct policy *pol)
{
	struct policy_text_item ti = { .ti_kind = POLICY_TEXT_MAIN };
	char name[] = "policy", *body = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&body, &len);
	bool ok;

	if (out == NULL)
		return false;
	policy_print(pol, out, 0);
	ti.ti_name = name;
	ok = fclose(out) == 0 && put_text(st, rev, ord, &ti, body, len);
	free(body);
	return ok;
}

static bool
commit_texts(struct policy_store *st, uint64_t rev, struct policy_commit *co,
    const char **why)
{
	struct form_index fi = { 0 };
	bool ok = form_index_make(&fi, co->co_forms);
	int ord = 0;

	if (ok && !policy_texts_has(co->co_texts, POLICY_PART_IPSEC) &&
	    !policy_texts_has(co->co_texts, POLICY_PART_IKED))
		ok = put_normal_form(st, rev, ord++, co->co_policy);
	for (size_t i = 0; ok && i < co->co_texts->tx_n; i++) {
		const struct policy_text_item *ti = &co->co_texts->tx_v[i];
		size_t len = 0;
		char *body;

		if (ti->ti_kind == POLICY_TEXT_KEY ||
		    ti->ti_kind == POLICY_TEXT_RULES)
			continue;
		body = seal_text(ti, &fi, &len);
		ok = body != NULL && put_text(st, rev, ord++, ti, body, len);
		free(body);
	}
	if (!ok)
		(void)store_fail_sql(st, why, "cannot write the texts");
	for (size_t i = 0; ok && i < co->co_forms->pf_n; i++) {
		ok = fi.fi_used[i];
		if (!ok)
			(void)store_fail(st, why, "a key is put together from "
			    "several macros or lines: write it in one piece");
	}
	form_index_free(&fi);
	return ok;
}

/* ---- the transaction ---- */

static bool
commit_revision(struct policy_store *st, const struct policy_commit *co,
    uint64_t *rev)
{
	static const uint8_t nothing[STORE_DIGEST];
	sqlite3_stmt *s;
	bool ok;

	if ((*rev = store_next(st, co->co_after)) == 0)
		return false;
	s = store_prepare(st, "INSERT INTO revision (number, author, time, "
	    "reason, digest) VALUES (?, ?, ?, ?, ?)");
	if (s == NULL)
		return false;
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)*rev);
	(void)sqlite3_bind_text(s, 2, co->co_author, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 3, (sqlite3_int64)time(NULL));
	(void)sqlite3_bind_text(s, 4, co->co_reason, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob(s, 5, nothing, sizeof(nothing), SQLITE_STATIC);
	ok = sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_finalize(s);
	return ok && (co->co_pending == NULL ||
	    store_put_pending(st, *rev, co->co_pending));
}

bool
policy_store_commit(struct policy_store *st, struct policy_commit *co,
    uint64_t *rev, const char **why)
{
	if (st->st_db == NULL)
		return store_fail(st, why, "%s", st->st_damage);
	if (co->co_forms->pf_memory)
		return store_fail(st, why, "out of memory");
	if (!store_exec(st, "BEGIN IMMEDIATE"))
		return store_fail_sql(st, why, "cannot begin");
	*why = NULL;
	if (commit_revision(st, co, rev) && commit_secrets(st, *rev, co) &&
	    commit_rules(st, *rev, co->co_policy) &&
	    commit_texts(st, *rev, co, why) && store_exec(st, "COMMIT"))
		return true;
	if (*why == NULL)
		(void)store_fail_sql(st, why, "cannot commit");
	(void)store_exec(st, "ROLLBACK");
	return false;
}
