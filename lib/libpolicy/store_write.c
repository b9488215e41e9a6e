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
	sqlite3_stmt *stmt = store_keep(st, KEPT_FINGER, "SELECT id FROM "
	    "secret WHERE finger = ?");
	bool ok;

	if (stmt == NULL)
		return false;
	(void)sqlite3_bind_blob(stmt, 1, finger, SEAL_FINGER, SQLITE_STATIC);
	ok = sqlite3_step(stmt) == SQLITE_ROW;
	if (ok)
		*id = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
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

/*
 * Forms by their first bytes, the longer ones first, so that a key that
 * begins like another is found whole.  A form is never shorter than that:
 * keys are not.
 */
enum { FORM_HEAD = 16, FORM_BUCKETS = 1 << 14 };

struct form_index {
	const struct policy_forms	*fi_forms;
	size_t				*fi_order;	/* of forms, sorted */
	size_t				*fi_first;	/* of a bucket */
	bool				*fi_used;	/* of forms */
};

static unsigned
form_hash(const char *p)
{
	uint64_t h[2];

	memcpy(h, p, sizeof(h));
	h[0] = (h[0] ^ h[1] * 0xc2b2ae3d27d4eb4full) * 0x9e3779b97f4a7c15ull;
	return (unsigned)(h[0] >> 50);
}

static int
form_cmp(const void *a, const void *b, void *forms)
{
	const struct policy_forms *pf = forms;
	const struct policy_form *x = &pf->pf_v[*(const size_t *)a];
	const struct policy_form *y = &pf->pf_v[*(const size_t *)b];
	unsigned hx = form_hash(x->pf_form), hy = form_hash(y->pf_form);

	if (hx != hy)
		return hx < hy ? -1 : 1;
	if (x->pf_len != y->pf_len)
		return x->pf_len > y->pf_len ? -1 : 1;
	return memcmp(x->pf_form, y->pf_form, x->pf_len);
}

static void
forms_free(struct form_index *fi)
{
	free(fi->fi_order);
	free(fi->fi_first);
	free(fi->fi_used);
}

static bool
forms_index(struct form_index *fi, struct policy_forms *pf)
{
	size_t n = 0;

	fi->fi_forms = pf;
	fi->fi_order = calloc(pf->pf_n + 1, sizeof(*fi->fi_order));
	fi->fi_first = calloc(FORM_BUCKETS + 1, sizeof(*fi->fi_first));
	fi->fi_used = calloc(pf->pf_n + 1, sizeof(*fi->fi_used));
	if (fi->fi_order == NULL || fi->fi_first == NULL ||
	    fi->fi_used == NULL)
		return false;
	for (size_t i = 0; i < pf->pf_n; i++) {
		if (pf->pf_v[i].pf_len < FORM_HEAD)
			continue;	/* not used: will be refused */
		fi->fi_order[n++] = i;
		fi->fi_first[form_hash(pf->pf_v[i].pf_form) + 1]++;
	}
	for (size_t i = 0; i < FORM_BUCKETS; i++)
		fi->fi_first[i + 1] += fi->fi_first[i];
	qsort_r(fi->fi_order, n, sizeof(*fi->fi_order), form_cmp, pf);
	return true;
}

static bool
same_form(const struct policy_form *a, const struct policy_form *b)
{
	return a->pf_len == b->pf_len &&
	    memcmp(a->pf_form, b->pf_form, a->pf_len) == 0;
}

/* The longest form that stands at p. */
static const struct policy_form *
form_at(const struct form_index *fi, const char *p, size_t left)
{
	unsigned h;

	if (left < FORM_HEAD)
		return NULL;
	h = form_hash(p);
	for (size_t i = fi->fi_first[h]; i < fi->fi_first[h + 1]; i++) {
		const struct policy_form *f =
		    &fi->fi_forms->pf_v[fi->fi_order[i]];

		if (f->pf_len > left || memcmp(p, f->pf_form, f->pf_len) != 0)
			continue;
		for (size_t j = i; j < fi->fi_first[h + 1] && same_form(f,
		    &fi->fi_forms->pf_v[fi->fi_order[j]]); j++)
			fi->fi_used[fi->fi_order[j]] = true;
		return f;
	}
	return NULL;
}

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
	static const char *const parts[] = { "ipsec", "iked", "pf", "network" };
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
	bool ok = forms_index(&fi, co->co_forms);
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
	forms_free(&fi);
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
