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

/* ---- forms of keys in texts ---- */

void
policy_forms_add(struct policy_forms *pf, const char *form, size_t len,
    const struct policy_key *keys, size_t nkeys)
{
	struct policy_form *v, *f;

	/* what stands between the quotes: a comment may repeat it without */
	if (len >= 2 && form[0] == '"' && form[len - 1] == '"') {
		form++;
		len -= 2;
	}
	for (size_t i = 0; i < pf->pf_n; i++) {
		if (pf->pf_v[i].pf_len == len &&
		    memcmp(pf->pf_v[i].pf_form, form, len) == 0)
			return;
	}
	v = reallocarray(pf->pf_v, pf->pf_n + 1, sizeof(*v));
	if (v == NULL) {
		pf->pf_memory = true;
		return;
	}
	pf->pf_v = v;
	f = &v[pf->pf_n];
	memset(f, 0, sizeof(*f));
	if ((f->pf_form = malloc(len + 1)) == NULL) {
		pf->pf_memory = true;
		return;
	}
	memcpy(f->pf_form, form, len);
	f->pf_form[len] = '\0';
	f->pf_len = len;
	for (; f->pf_nkeys < nkeys && f->pf_nkeys < 2; f->pf_nkeys++)
		policy_key_copy(&f->pf_key[f->pf_nkeys], &keys[f->pf_nkeys]);
	pf->pf_n++;
}

void
policy_forms_free(struct policy_forms *pf)
{
	for (size_t i = 0; i < pf->pf_n; i++) {
		struct policy_form *f = &pf->pf_v[i];

		explicit_bzero(f->pf_form, f->pf_len);
		free(f->pf_form);
		policy_key_wipe(&f->pf_key[0]);
		policy_key_wipe(&f->pf_key[1]);
	}
	free(pf->pf_v);
	memset(pf, 0, sizeof(*pf));
}

/* ---- secrets ---- */

static bool
secret_find(struct policy_store *st, const uint8_t *finger, uint64_t *id)
{
	sqlite3_stmt *stmt = store_prepare(st, "SELECT id FROM secret "
	    "WHERE finger = ?");
	bool ok;

	if (stmt == NULL)
		return false;
	(void)sqlite3_bind_blob(stmt, 1, finger, SEAL_FINGER, SQLITE_STATIC);
	ok = sqlite3_step(stmt) == SQLITE_ROW;
	if (ok)
		*id = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return ok;
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
	stmt = store_prepare(st, "INSERT INTO secret (id, finger, nonce, "
	    "sealed) VALUES (?, ?, ?, ?)");
	if (stmt == NULL)
		return false;
	(void)sqlite3_bind_int64(stmt, 1, next);
	(void)sqlite3_bind_blob(stmt, 2, finger, SEAL_FINGER, SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 3, nonce, SEAL_NONCE, SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 4, sealed,
	    (int)(key->pk_len + SEAL_TAG), SQLITE_STATIC);
	ok = sqlite3_step(stmt) == SQLITE_DONE;
	(void)sqlite3_finalize(stmt);
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
	if (!secret_find(st, finger, &key->pk_id) &&
	    !secret_insert(st, finger, key, &key->pk_id))
		return false;
	stmt = store_prepare(st, "INSERT OR IGNORE INTO secret_use (revision, "
	    "secret) VALUES (?, ?)");
	if (stmt == NULL)
		return false;
	(void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)rev);
	(void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)key->pk_id);
	ok = sqlite3_step(stmt) == SQLITE_DONE;
	(void)sqlite3_finalize(stmt);
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

static void
rule_begin(struct rule_writer *rw)
{
	rw->rw_out = rw->rw_ok ? open_memstream(&rw->rw_text, &rw->rw_len) :
	    NULL;
	rw->rw_ok = rw->rw_out != NULL;
}

static void
rule_end(struct rule_writer *rw, const char *kind, const struct policy_ike *ik)
{
	sqlite3_stmt *s = rw->rw_stmt;

	if (!rw->rw_ok)
		return;
	rw->rw_ok = fclose(rw->rw_out) == 0;
	br_sha256_update(&rw->rw_hash, rw->rw_text, rw->rw_len);
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rw->rw_rev);
	(void)sqlite3_bind_int(s, 2, rw->rw_ord++);
	(void)sqlite3_bind_text(s, 3, kind, -1, SQLITE_STATIC);
	if (ik != NULL) {
		(void)sqlite3_bind_text(s, 4, ik->ik_name, -1, SQLITE_STATIC);
		(void)sqlite3_bind_int64(s, 5, ik->ik_reqid);
	}
	(void)sqlite3_bind_text(s, 6, rw->rw_text, (int)rw->rw_len,
	    SQLITE_STATIC);
	rw->rw_ok = rw->rw_ok && sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_reset(s);
	free(rw->rw_text);
	rw->rw_text = NULL;
}

static void
write_rules(struct rule_writer *rw, const struct policy *pol)
{
	rule_begin(rw);
	if (rw->rw_ok)
		policy_print_set(&pol->pol_set, rw->rw_out);
	rule_end(rw, "set", NULL);
	for (size_t i = 0; rw->rw_ok && i < pol->pol_nflows; i++) {
		rule_begin(rw);
		if (rw->rw_ok)
			policy_print_flow(&pol->pol_flows[i], rw->rw_out);
		rule_end(rw, "flow", NULL);
	}
	for (size_t i = 0; rw->rw_ok && i < pol->pol_nsas; i++) {
		rule_begin(rw);
		if (rw->rw_ok)
			policy_print_sa(&pol->pol_sas[i], rw->rw_out, 0);
		rule_end(rw, "sa", NULL);
	}
	for (size_t i = 0; rw->rw_ok && i < pol->pol_nikes; i++) {
		rule_begin(rw);
		if (rw->rw_ok)
			policy_print_ike(&pol->pol_ikes[i], rw->rw_out, 0);
		rule_end(rw, "ikev2", &pol->pol_ikes[i]);
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
	    "name, reqid, body) VALUES (?, ?, ?, ?, ?, ?)");
	rw.rw_ok = rw.rw_stmt != NULL;
	write_rules(&rw, pol);
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

/* Length of the form at p if it stands there, its quotes included. */
static size_t
form_at(const struct policy_form *f, const char *body, size_t off, size_t len,
    size_t *skip)
{
	if (len - off < f->pf_len ||
	    memcmp(body + off, f->pf_form, f->pf_len) != 0)
		return 0;
	*skip = f->pf_len;
	if (off > 0 && body[off - 1] == '"' &&
	    off + f->pf_len < len && body[off + f->pf_len] == '"')
		return 2;	/* the opening quote was written already */
	return 1;
}

/* The text with each key replaced by its number; counts replacements. */
static char *
seal_text(const struct policy_text_item *ti, const struct policy_forms *pf,
    bool *used, size_t *newlen)
{
	size_t len = 0, skip = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	for (size_t off = 0; off < ti->ti_len;) {
		const struct policy_form *f = NULL;
		size_t how = 0, i;

		for (i = 0; i < pf->pf_n && how == 0; i++) {
			f = &pf->pf_v[i];
			how = form_at(f, ti->ti_body, off, ti->ti_len, &skip);
		}
		if (how == 0) {
			fputc(ti->ti_body[off++], out);
			continue;
		}
		used[i - 1] = true;
		if (how == 2) {
			(void)fseek(out, -1, SEEK_CUR);
			skip++;
		}
		fprintf(out, "sealed \"%llu",
		    (unsigned long long)f->pf_key[0].pk_id);
		if (f->pf_nkeys == 2)
			fprintf(out, ":%llu",
			    (unsigned long long)f->pf_key[1].pk_id);
		fputc('"', out);
		off += skip;
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	*newlen = len;
	return text;
}

static bool
put_text(struct policy_store *st, uint64_t rev, int ord,
    const struct policy_text_item *ti, const char *body, size_t len)
{
	static const char *const kinds[] = { [POLICY_TEXT_MAIN] = "main",
	    [POLICY_TEXT_INCLUDE] = "include", [POLICY_TEXT_MACRO] = "macro" };
	sqlite3_stmt *s = store_prepare(st, "INSERT INTO text (revision, ord, "
	    "kind, name, body) VALUES (?, ?, ?, ?, ?)");
	bool ok;

	if (s == NULL)
		return false;
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rev);
	(void)sqlite3_bind_int(s, 2, ord);
	(void)sqlite3_bind_text(s, 3, kinds[ti->ti_kind], -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 4, ti->ti_name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob64(s, 5, body, len, SQLITE_STATIC);
	ok = sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_finalize(s);
	return ok;
}

/* A policy that came without a text is its own, in normal form. */
static bool
put_normal_form(struct policy_store *st, uint64_t rev, const struct policy *pol)
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
	ok = fclose(out) == 0 && put_text(st, rev, 0, &ti, body, len);
	free(body);
	return ok;
}

static bool
commit_texts(struct policy_store *st, uint64_t rev, struct policy_commit *co,
    const char **why)
{
	size_t nforms = co->co_forms->pf_n;
	bool *used = calloc(nforms + 1, sizeof(*used)), ok = used != NULL;
	int ord = 0;

	if (ok && co->co_texts->tx_n == 0)
		ok = put_normal_form(st, rev, co->co_policy);
	for (size_t i = 0; ok && i < co->co_texts->tx_n; i++) {
		const struct policy_text_item *ti = &co->co_texts->tx_v[i];
		size_t len = 0;
		char *body;

		if (ti->ti_kind == POLICY_TEXT_KEY)
			continue;
		body = seal_text(ti, co->co_forms, used, &len);
		ok = body != NULL && put_text(st, rev, ord++, ti, body, len);
		free(body);
	}
	if (!ok)
		(void)store_fail_sql(st, why, "cannot write the texts");
	for (size_t i = 0; ok && i < nforms; i++) {
		ok = used[i];
		if (!ok)
			(void)store_fail(st, why, "a key is put together from "
			    "several macros or lines: write it in one piece");
	}
	free(used);
	return ok;
}

/* ---- the transaction ---- */

static bool
commit_revision(struct policy_store *st, const struct policy_commit *co,
    uint64_t *rev)
{
	static const uint8_t nothing[STORE_DIGEST];
	sqlite3_stmt *s;
	int64_t next = 0;
	bool ok;

	if (!store_int(st, "SELECT ifnull(max(number), 0) + 1 FROM revision",
	    &next))
		return false;
	s = store_prepare(st, "INSERT INTO revision (number, author, time, "
	    "reason, digest) VALUES (?, ?, ?, ?, ?)");
	if (s == NULL)
		return false;
	*rev = (uint64_t)next > co->co_after ? (uint64_t)next :
	    co->co_after + 1;
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)*rev);
	(void)sqlite3_bind_text(s, 2, co->co_author, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 3, (sqlite3_int64)time(NULL));
	(void)sqlite3_bind_text(s, 4, co->co_reason, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob(s, 5, nothing, sizeof(nothing), SQLITE_STATIC);
	ok = sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_finalize(s);
	return ok;
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
