/* SPDX-License-Identifier: ISC */
/*
 * Committing a revision: keys are sealed and taken out of the texts, rules
 * are written in normal form, and all of it is one transaction.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libpolicy/chunk.h"
#include "libpolicy/hash.h"
#include "libpolicy/parse.h"
#include "libpolicy/print.h"

/* ---- secrets ---- */

/* The keys of a commit: their rows, and their numbers by their bytes. */
struct keyring {
	struct policy_store	*kr_st;
	int64_t			 kr_next;	/* number of the next row; 0: not known */
	const struct policy_key	**kr_table;	/* NULL: free */
	size_t			 kr_mask;
};

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
secret_insert(struct keyring *kr, const uint8_t *finger,
    const struct policy_key *key, uint64_t *id)
{
	struct policy_store *st = kr->kr_st;
	uint8_t nonce[SEAL_NONCE], sealed[SEAL_MAX];
	sqlite3_stmt *stmt;
	bool ok;

	if ((kr->kr_next == 0 && !store_int(st, "SELECT ifnull(max(id), 0) "
	    "+ 1 FROM secret", &kr->kr_next)) ||
	    !seal_random(nonce, sizeof(nonce)))
		return false;
	*id = (uint64_t)kr->kr_next++;
	seal_close(&st->st_seal, *id, nonce, key->pk_bytes, key->pk_len,
	    sealed);
	stmt = store_keep(st, KEPT_INSERT, "INSERT INTO secret (id, finger, "
	    "nonce, sealed) VALUES (?, ?, ?, ?)");
	if (stmt == NULL)
		return false;
	(void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)*id);
	(void)sqlite3_bind_blob(stmt, 2, finger, SEAL_FINGER, SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 3, nonce, SEAL_NONCE, SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 4, sealed,
	    (int)(key->pk_len + SEAL_TAG), SQLITE_STATIC);
	ok = sqlite3_step(stmt) == SQLITE_DONE;
	(void)sqlite3_reset(stmt);
	return ok;
}

/* Finds or makes the row of a key. */
static bool
secret_put(struct keyring *kr, struct policy_key *key)
{
	uint8_t finger[SEAL_FINGER];

	if (key->pk_len == 0)
		return true;
	seal_finger(&kr->kr_st->st_seal, key->pk_bytes, key->pk_len, finger);
	return secret_find(kr->kr_st, finger, &key->pk_id) &&
	    (key->pk_id != 0 || secret_insert(kr, finger, key, &key->pk_id));
}

/* The place of a key, or the free one where it would be. */
static size_t
keyring_slot(const struct keyring *kr, const struct policy_key *key)
{
	size_t slot = hash_bytes(key->pk_len, key->pk_bytes, key->pk_len) &
	    kr->kr_mask;

	for (; kr->kr_table[slot] != NULL; slot = (slot + 1) & kr->kr_mask) {
		const struct policy_key *k = kr->kr_table[slot];

		if (k->pk_len == key->pk_len && memcmp(k->pk_bytes,
		    key->pk_bytes, key->pk_len) == 0)
			break;
	}
	return slot;
}

static void
keyring_note(struct keyring *kr, const struct policy_key *key)
{
	if (key->pk_len != 0)
		kr->kr_table[keyring_slot(kr, key)] = key;
}

/* Those of new rules; the others have their numbers. */
static bool
put_new_keys(struct keyring *kr, struct policy *pol,
    const struct chunk_plan *cp)
{
	bool ok = true;

	for (size_t i = 0; i < cp->cp_n; i++) {
		const struct plan_step *ps = &cp->cp_v[i];

		for (size_t r = ps->pl_from; ok && ps->pl_chunk == NULL &&
		    r < ps->pl_to; r++) {
			if (ps->pl_kind == RULE_SA)
				ok = secret_put(kr, &pol->pol_sas[r].sa_enckey) &&
				    secret_put(kr, &pol->pol_sas[r].sa_authkey);
			else if (ps->pl_kind == RULE_IKE)
				ok = secret_put(kr, &pol->pol_ikes[r].ik_psk);
		}
	}
	return ok;
}

/* Forms are keys of rules as texts have them; few are of no rule. */
static bool
put_forms(struct keyring *kr, const struct policy *pol,
    struct policy_forms *forms)
{
	size_t cap = 16;
	bool ok = true;

	while (cap < 2 * (2 * pol->pol_nsas + pol->pol_nikes))
		cap *= 2;
	if ((kr->kr_table = calloc(cap, sizeof(*kr->kr_table))) == NULL)
		return false;
	kr->kr_mask = cap - 1;
	for (size_t i = 0; i < pol->pol_nsas; i++) {
		keyring_note(kr, &pol->pol_sas[i].sa_enckey);
		keyring_note(kr, &pol->pol_sas[i].sa_authkey);
	}
	for (size_t i = 0; i < pol->pol_nikes; i++)
		keyring_note(kr, &pol->pol_ikes[i].ik_psk);
	for (size_t i = 0; ok && i < forms->pf_n; i++) {
		struct policy_form *f = &forms->pf_v[i];

		for (unsigned k = 0; ok && k < f->pf_nkeys; k++) {
			size_t slot = keyring_slot(kr, &f->pf_key[k]);

			if (kr->kr_table[slot] != NULL)
				f->pf_key[k].pk_id = kr->kr_table[slot]->pk_id;
			else
				ok = secret_put(kr, &f->pf_key[k]);
		}
	}
	free(kr->kr_table);
	return ok;
}

static bool
commit_secrets(struct policy_store *st, struct policy_commit *co,
    const struct chunk_plan *cp)
{
	struct keyring kr = { .kr_st = st };

	return put_new_keys(&kr, co->co_policy, cp) &&
	    put_forms(&kr, co->co_policy, co->co_forms);
}

/* ---- rules ---- */

static void
write_set(struct chunk_writer *cw, const struct policy_set *set,
    enum policy_part part)
{
	struct textbuf tb = { 0 };

	text_set(set, &tb);
	if (tb.tb_n != 0) {
		chunk_writer_rule(cw, RULE_SET, part, 0);
		textbuf_add(&cw->cw_body, tb.tb_p, tb.tb_n);
	}
	cw->cw_body.tb_short |= tb.tb_short;
	textbuf_free(&tb);
}

static void
write_new(struct chunk_writer *cw, const struct policy *pol,
    const struct plan_step *ps)
{
	for (size_t i = ps->pl_from; cw->cw_ok && i < ps->pl_to; i++) {
		chunk_writer_rule(cw, ps->pl_kind, ps->pl_part,
		    ps->pl_kind == RULE_IKE ? pol->pol_ikes[i].ik_reqid : 0);
		if (ps->pl_kind == RULE_FLOW)
			text_flow(&pol->pol_flows[i], &cw->cw_body);
		else if (ps->pl_kind == RULE_SA)
			text_sa(&pol->pol_sas[i], &cw->cw_body, 0);
		else
			text_ike(&pol->pol_ikes[i], &cw->cw_body, 0);
	}
}

/* The chunks of the revision are kept for policy_store_keep(). */
static bool
commit_rules(struct policy_store *st, uint64_t rev, const struct policy *pol,
    const struct chunk_plan *cp)
{
	const struct policy_split *sp = &pol->pol_split;
	struct chunk_writer cw;
	bool ok;

	chunk_writer_begin(&cw, st, rev);
	if (sp->sp_flows == SIZE_MAX) {
		write_set(&cw, &pol->pol_set, POLICY_PART_IPSEC);
	} else {
		write_set(&cw, &sp->sp_set[0], POLICY_PART_IPSEC);
		write_set(&cw, &sp->sp_set[1], POLICY_PART_IKED);
	}
	for (size_t i = 0; i < cp->cp_n; i++) {
		if (cp->cp_v[i].pl_chunk != NULL)
			chunk_writer_take(&cw, cp->cp_v[i].pl_chunk);
		else
			write_new(&cw, pol, &cp->cp_v[i]);
	}
	ok = chunk_writer_end(&cw);
	held_chunks(st, rev, &cw.cw_chunks);
	return ok;
}

/* ---- texts ---- */

static void
print_sealed(const struct policy_form *f, struct textbuf *out)
{
	char text[64];
	int n = snprintf(text, sizeof(text), f->pf_nkeys == 2 ?
	    "sealed \"%llu:%llu\"" : "sealed \"%llu\"",
	    (unsigned long long)f->pf_key[0].pk_id,
	    (unsigned long long)f->pf_key[1].pk_id);

	textbuf_add(out, text, (size_t)n);
}

/* The text with each key, and quotes around it, replaced by its number. */
static void
seal_text(const struct policy_text_item *ti, const struct form_index *fi,
    struct textbuf *out)
{
	const char *body = ti->ti_body;
	size_t done = 0, off = 0;

	(void)textbuf_room(out, ti->ti_len + 1);
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
		textbuf_add(out, body + done, off - done);
		print_sealed(f, out);
		done = off = end;
	}
	textbuf_add(out, body + done, ti->ti_len - done);
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
		struct textbuf body = { 0 };

		if (ti->ti_kind == POLICY_TEXT_KEY ||
		    ti->ti_kind == POLICY_TEXT_RULES)
			continue;
		if (co->co_forms->pf_n == 0) {
			ok = put_text(st, rev, ord++, ti, ti->ti_body,
			    ti->ti_len);
			continue;
		}
		seal_text(ti, &fi, &body);
		ok = !body.tb_short && put_text(st, rev, ord++, ti, body.tb_p,
		    body.tb_n);
		textbuf_free(&body);
	}
	if (!ok)
		(void)store_fail_sql(st, why, "cannot write the texts");
	if (ok && !form_index_used(&fi))
		ok = store_fail(st, why, "a key is put together from several "
		    "macros or lines: write it in one piece");
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
	struct chunk_plan cp;
	bool ok;

	if (st->st_db == NULL)
		return store_fail(st, why, "%s", st->st_damage);
	if (co->co_forms->pf_memory ||
	    !chunk_plan(&cp, st->st_held, co->co_policy))
		return store_fail(st, why, "out of memory");
	*why = NULL;
	if (!store_exec(st, "BEGIN IMMEDIATE")) {
		chunk_plan_free(&cp);
		return store_fail_sql(st, why, "cannot begin");
	}
	ok = commit_revision(st, co, rev) && commit_secrets(st, co, &cp) &&
	    commit_rules(st, *rev, co->co_policy, &cp) &&
	    commit_texts(st, *rev, co, why) && store_exec(st, "COMMIT");
	chunk_plan_free(&cp);
	if (ok)
		return true;
	if (*why == NULL)
		(void)store_fail_sql(st, why, "cannot commit");
	(void)store_exec(st, "ROLLBACK");
	return false;
}
