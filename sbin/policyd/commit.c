/* SPDX-License-Identifier: ISC */
/*
 * From the texts of a client to a revision.  The texts are parsed again
 * here: what a client says about them is not believed, and no file is
 * opened that it names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/ifaddr.h"
#include "libpolicy/parse.h"
#include "judge.h"
#include "libutil/log.h"
#include "revise.h"

struct commit {
	struct policyd		*cm_pd;
	struct policy_texts	*cm_texts;
	struct policy_forms	 cm_forms;
	struct policy		 cm_policy;
	const char		*cm_why;	/* of commit_kept(); NULL: nothing */
};

static char *
commit_read(void *arg, const char *name, bool secret, size_t *len,
    const char **why)
{
	struct commit *cm = arg;

	return policy_texts_env_memory(cm->cm_texts, name, secret, len, why);
}

static bool
commit_unseal(void *arg, uint64_t id, uint8_t buf[POLICY_KEY_MAX],
    size_t *len)
{
	struct commit *cm = arg;
	const char *why;

	return policy_secret(cm->cm_pd->pd_store, id, buf, len, &why);
}

static void
commit_form(void *arg, const char *form, size_t len,
    const struct policy_key *keys, size_t nkeys)
{
	struct commit *cm = arg;

	policy_forms_add(&cm->cm_forms, form, len, keys, nkeys);
}

/* The texts that make no struct policy: complaints go to the text. */
static bool
parse_others(struct commit *cm, struct policy_errors *errs, char *text,
    size_t cap)
{
	struct network ne = { 0 };
	struct pf_conf pc = { 0 };
	bool ok = true;

	if (policy_texts_has(cm->cm_texts, POLICY_PART_PF) &&
	    !filter_parse(cm->cm_texts, &pc)) {
		(void)snprintf(text, cap, "%s", pc.pc_errors != NULL ?
		    pc.pc_errors : "out of memory");
		ok = false;
	}
	pf_conf_free(&pc);
	ok = netconf_parse(cm->cm_texts, &ne, errs) && ok;
	network_free(&ne);
	return ok;
}

static size_t
commit_iface(void *arg, const char *name, struct policy_ifaddr *out,
    size_t max, const char **why)
{
	struct commit *cm = arg;

	return policy_ifaddrs(cm->cm_pd->pd_rundir, name, out, max, why);
}

/* The rules of a part that no text is given for. */
static bool
commit_kept(void *arg, unsigned part, struct policy *pol)
{
	struct commit *cm = arg;
	struct policyd *pd = cm->cm_pd;
	struct policy_held *ph = policy_store_hold(pd->pd_store,
	    pd->pd_committed, pd->pd_force, &cm->cm_why);
	bool ok = ph != NULL && policy_store_keep_part(pd->pd_store, ph,
	    (enum policy_part)part, pol, &cm->cm_why);

	policy_held_release(ph);
	if (ok)
		cm->cm_why = NULL;
	return ok;
}

static bool
commit_parse(struct commit *cm, char *text, size_t cap)
{
	struct policy_env env = { .env_read = commit_read,
	    .env_unseal = commit_unseal, .env_secret = commit_form,
	    .env_iface = commit_iface, .env_kept = commit_kept,
	    .env_arg = cm };
	struct policy_errors *errs = calloc(1, sizeof(*errs));
	FILE *out;
	bool ok;

	policy_init(&cm->cm_policy);
	if (errs == NULL)
		return false;
	ok = policy_texts_parse(cm->cm_texts, &cm->cm_policy, &env, errs);
	ok = parse_others(cm, errs, text, cap) && ok;
	if (errs->per_n != 0 && (out = fmemopen(text, cap, "w")) != NULL) {
		policy_errors_print(errs, out);
		(void)fclose(out);
		text[cap - 1] = '\0';
	}
	if (cm->cm_why != NULL)
		(void)snprintf(text, cap, "%s", cm->cm_why);
	policy_errors_free(errs);
	free(errs);
	return ok;
}

/* ---- what the texts leave out ---- */

/* Those of ipsec.conf and iked.conf. */
static void
texts_drop(struct policy_texts *tx)
{
	size_t n = 0;

	for (size_t i = 0; i < tx->tx_n; i++) {
		struct policy_text_item *ti = &tx->tx_v[i];

		if (ti->ti_part > POLICY_PART_IKED) {
			tx->tx_v[n++] = *ti;
			continue;
		}
		explicit_bzero(ti->ti_body, ti->ti_len);
		free(ti->ti_body);
		free(ti->ti_name);
	}
	tx->tx_n = n;
}

/*
 * A part stays as it is in revision base.  The rules of ipsec.conf and
 * iked.conf are those of that revision (commit_kept()): its texts name files
 * that are not here any more.
 */
static bool
keep_part(struct policyd *pd, struct policy_texts *tx, enum policy_part part,
    uint64_t base, const char **why)
{
	size_t from = tx->tx_n;

	if (!policy_store_texts(pd->pd_store, base, part, tx, why))
		return false;
	if (part > POLICY_PART_IKED)
		return true;
	for (size_t i = from; i < tx->tx_n; i++)
		tx->tx_v[i].ti_kept = true;
	if (policy_texts_add_part(tx, part, POLICY_TEXT_RULES,
	    policy_part_name(part), "", 0))
		return true;
	*why = "out of memory";
	return false;
}

static bool
keep_rest(struct policyd *pd, struct policy_texts *tx, bool rules,
    const char **why)
{
	uint64_t base = pd->pd_committed;
	bool ok = true;

	for (unsigned i = 0; base != 0 && ok && i < POLICY_PARTS; i++) {
		enum policy_part part = (enum policy_part)i;

		if (!policy_texts_has(tx, part) &&
		    (rules || part > POLICY_PART_IKED))
			ok = keep_part(pd, tx, part, base, why);
	}
	return ok;
}

/* ---- -d: the newest revision without the rules of the texts ---- */

static bool
deletes_flow(const struct policy *del, const struct policy_flow *fl)
{
	for (size_t i = 0; i < del->pol_nflows; i++) {
		if (policy_flow_equal(&del->pol_flows[i], fl))
			return true;
	}
	return false;
}

static bool
deletes_sa(const struct policy *del, const struct policy_sa *sa)
{
	for (size_t i = 0; i < del->pol_nsas; i++) {
		if (del->pol_sas[i].sa_spi == sa->sa_spi &&
		    addr_equal(&del->pol_sas[i].sa_dst, &sa->sa_dst))
			return true;
	}
	return false;
}

static bool
copy_rest(const struct policy *from, const struct policy *del,
    struct policy *to)
{
	bool ok = true;

	policy_init(to);
	to->pol_set = from->pol_set;
	for (size_t i = 0; ok && i < from->pol_nflows; i++) {
		if (!deletes_flow(del, &from->pol_flows[i]))
			ok = policy_add_flow(to, &from->pol_flows[i]);
	}
	for (size_t i = 0; ok && i < from->pol_nsas; i++) {
		if (!deletes_sa(del, &from->pol_sas[i]))
			ok = policy_add_sa(to, &from->pol_sas[i]);
	}
	for (size_t i = 0; ok && i < from->pol_nikes; i++) {
		if (policy_ike_by_name(del, from->pol_ikes[i].ik_name) == NULL)
			ok = policy_add_ike(to, &from->pol_ikes[i]);
	}
	return ok;
}

static bool
commit_delete(struct commit *cm, const char **why)
{
	struct policy del = cm->cm_policy, old;
	struct policy_errors *errs = calloc(1, sizeof(*errs));
	bool ok = false;

	policy_init(&cm->cm_policy);
	policy_init(&old);
	if (errs == NULL)
		*why = "out of memory";
	else if (cm->cm_pd->pd_committed == 0)
		*why = "there is no policy yet to delete from";
	else if (policy_store_load(cm->cm_pd->pd_store,
	    cm->cm_pd->pd_committed, POLICY_LOAD_SECRETS, &old, why)) {
		ok = copy_rest(&old, &del, &cm->cm_policy) &&
		    policy_finish(&cm->cm_policy, errs);
		texts_drop(cm->cm_texts);
		policy_forms_free(&cm->cm_forms);
		if (!ok)
			*why = "out of memory";
	}
	if (errs != NULL)
		policy_errors_free(errs);
	free(errs);
	policy_free(&old);
	policy_free(&del);
	return ok;
}

/* ---- the commit ---- */

static bool
commit_write(struct commit *cm, const char *author, const char *reason,
    uint64_t after, struct policy_pending *pe, const char **why)
{
	struct policyd *pd = cm->cm_pd;
	struct policy_commit co = { author, reason, cm->cm_texts,
	    &cm->cm_forms, &cm->cm_policy, after, pe };
	uint64_t rev;

	if (!policy_store_commit(pd->pd_store, &co, &rev, why))
		return false;
	pd->pd_committed = rev;
	policy_store_keep(pd->pd_store, rev, &cm->cm_policy);
	if (pe != NULL) {
		/* exported when it is confirmed: it may be gone before */
		pe->pe_revision = rev;
		pd->pd_pending = *pe;
		return true;
	}
	export_later(pd);
	return true;
}

/*
 * A part that no revision has had so far: what runs is committed first, so
 * that there is something to go back to.
 */
static bool
commit_found(struct policyd *pd, const struct policy_texts *given,
    const char **why)
{
	struct policy_texts tx = { 0 }, old = { 0 };
	struct commit cm = { .cm_pd = pd, .cm_texts = &tx };
	struct ctl_client *cl = NULL;
	char err[400], text[POLICYW_TEXT_MAX];
	bool ok = true, found = false;

	for (unsigned i = POLICY_PART_PF; ok && i < POLICY_PARTS; i++) {
		enum policy_part part = (enum policy_part)i;

		if (part == POLICY_PART_ASSERT || !policy_texts_has(given, part))
			continue;
		if (pd->pd_committed != 0)
			ok = policy_store_texts(pd->pd_store, pd->pd_committed,
			    part, &old, why);
		if (!ok || policy_texts_has(&old, part))
			continue;
		if (cl == NULL)
			cl = ctl_open(pd->pd_rundir, err, sizeof(err));
		found |= cl != NULL && (part == POLICY_PART_PF ?
		    filter_found(cl, &tx) : netconf_found(cl, &tx));
	}
	ctl_close(cl);
	if (ok && found && keep_rest(pd, &tx, true, why) &&
	    commit_parse(&cm, text, sizeof(text)) && commit_write(&cm,
	    "policyd", "as it was found running", 0, NULL, why))
		log_info("revision %llu: as it was found running",
		    (unsigned long long)pd->pd_committed);
	policy_texts_free(&tx);
	policy_texts_free(&old);
	policy_forms_free(&cm.cm_forms);
	policy_free(&cm.cm_policy);
	return ok;
}

/* May anything be committed now? */
static bool
commit_allowed(struct policyd *pd, const struct commit_request *cr,
    char *text, size_t cap)
{
	int64_t left;

	if (policy_store_damage(pd->pd_store) != NULL) {
		(void)snprintf(text, cap, "the policy store is damaged: move "
		    "it away and restart policyd, which then begins with the "
		    "last export");
		return false;
	}
	if (!readonly_over(pd)) {
		(void)snprintf(text, cap, "what is in force stays: %s",
		    pd->pd_readonly);
		return false;
	}
	if (pd->pd_going_back) {
		(void)snprintf(text, cap, "revision %llu is in force again, "
		    "which the store could not note yet: see the log of "
		    "policyd", (unsigned long long)pd->pd_back);
		return false;
	}
	if (pd->pd_pending.pe_revision != 0) {
		left = policy_pending_left(&pd->pd_pending);
		(void)snprintf(text, cap, "revision %llu waits for its "
		    "confirm (%lld s left): 'ipsecctl confirm' keeps it, "
		    "'ipsecctl rollback' ends it",
		    (unsigned long long)pd->pd_pending.pe_revision,
		    (long long)(left > 0 ? left / 1000 : 0));
		return false;
	}
	if (cr->cr_base != POLICYCTL_ANY && cr->cr_base != pd->pd_committed) {
		(void)snprintf(text, cap, "revision %llu has come since you "
		    "began with %llu: 'ipsecctl diff %llu %llu' shows what "
		    "changed", (unsigned long long)pd->pd_committed,
		    (unsigned long long)cr->cr_base,
		    (unsigned long long)cr->cr_base,
		    (unsigned long long)pd->pd_committed);
		return false;
	}
	return true;
}

bool
commit_texts(struct policyd *pd, struct policy_texts *tx,
    const struct commit_request *cr, char *text, size_t cap)
{
	struct commit cm = { .cm_pd = pd, .cm_texts = tx };
	bool dry = (cr->cr_flags & POLICYCTL_DRY) != 0;
	struct policy_pending pe;
	const char *why = NULL;
	bool ok;

	text[0] = '\0';
	(void)stage_end(&pd->pd_stages);
	policy_init(&cm.cm_policy);
	(void)policy_store_disk_failed(pd->pd_store);	/* an old story */
	ok = dry || commit_allowed(pd, cr, text, cap);
	if (!ok) {
		log_info("commit by %s: refused: %s", cr->cr_author, text);
		return false;
	}
	if ((cr->cr_flags & POLICYCTL_FLUSH) != 0)
		texts_drop(tx);
	ok = keep_rest(pd, tx, (cr->cr_flags & POLICYCTL_KEEP) != 0, &why) &&
	    commit_parse(&cm, text, cap);
	if (ok && (cr->cr_flags & POLICYCTL_DELETE) != 0)
		ok = commit_delete(&cm, &why);
	ok = ok && judge_texts(pd, tx, &cm.cm_policy, text, cap) &&
	    (dry || commit_found(pd, tx, &why));
	if (ok && cr->cr_confirm != 0)
		policy_pending_init(&pe, pd->pd_committed, cr->cr_confirm);
	pd->pd_stages.sg_parse = stage_end(&pd->pd_stages);
	ok = ok && (dry || commit_write(&cm, cr->cr_author, cr->cr_reason, 0,
	    cr->cr_confirm != 0 ? &pe : NULL, &why));
	pd->pd_stages.sg_store = stage_end(&pd->pd_stages);
	if (why != NULL) {
		(void)snprintf(text, cap, "%s", why);
		log_err("load by %s: %s", cr->cr_author, why);
	} else if (!ok) {
		/* the errors may quote keys: they go to the client alone */
		log_info("load by %s: refused, the text has errors or fails "
		    "its assertions", cr->cr_author);
	}
	policy_forms_free(&cm.cm_forms);
	policy_free(&cm.cm_policy);
	return ok;
}

bool
commit_copy(struct policyd *pd, uint64_t from, const char *author,
    const char *reason, const struct policy_pending *pe, uint64_t *rev,
    const char **why)
{
	struct policy_texts tx = { 0 };
	struct commit cm = { .cm_pd = pd, .cm_texts = &tx };
	bool ok;

	policy_init(&cm.cm_policy);
	if (from == 0) {
		ok = policy_store_confirm(pd->pd_store, why) &&
		    commit_write(&cm, author, reason, 0, NULL, why);
		*rev = pd->pd_committed;
		return ok;
	}
	if (!policy_store_copy(pd->pd_store, from, author, reason, pe, rev,
	    why))
		return false;
	pd->pd_committed = *rev;
	memset(&pd->pd_pending, 0, sizeof(pd->pd_pending));
	if (pe != NULL) {
		pd->pd_pending = *pe;
		pd->pd_pending.pe_revision = *rev;
	} else {
		export_later(pd);
	}
	return true;
}

/* ---- the export ---- */

enum {
	EXPORT_IDLE_MS	= 500,		/* after the last commit */
	EXPORT_MAX_MS	= 5000,		/* after the first */
};

void
export_later(struct policyd *pd)
{
	int64_t now = now_ms();

	if (pd->pd_export_due == 0)
		pd->pd_export_last = now + EXPORT_MAX_MS;
	pd->pd_export_due = now + EXPORT_IDLE_MS;
	if (pd->pd_export_due > pd->pd_export_last)
		pd->pd_export_due = pd->pd_export_last;
}

int
export_timeout(const struct policyd *pd)
{
	int64_t left = pd->pd_export_due - now_ms();

	return pd->pd_export_due == 0 ? -1 : left < 0 ? 0 : (int)left;
}

/* What waits for its confirm is exported when that comes: it may go. */
static uint64_t
export_target(const struct policyd *pd)
{
	if (pd->pd_going_back)
		return pd->pd_back;
	return pd->pd_pending.pe_revision != 0 ? pd->pd_pending.pe_back :
	    pd->pd_committed;
}

void
export_tick(struct policyd *pd, bool now)
{
	uint64_t rev = export_target(pd);
	int64_t begun = now_ms();
	const char *why = "";

	if (pd->pd_export_due == 0 || (!now && begun < pd->pd_export_due))
		return;
	pd->pd_export_due = 0;
	if (rev == 0 || policy_store_damage(pd->pd_store) != NULL ||
	    policy_store_exported(pd->pd_store, rev))
		return;
	if (!policy_store_export(pd->pd_store, rev, &why))
		log_warn("revision %llu has no export: %s",
		    (unsigned long long)rev, why);
	else
		log_debug("revision %llu: exported in %lld ms",
		    (unsigned long long)rev, (long long)(now_ms() - begun));
}

void
commit_from_export(struct policyd *pd)
{
	struct policy_texts tx = { 0 };
	struct commit cm = { .cm_pd = pd, .cm_texts = &tx };
	struct policy_store *ex;
	const char *why = "";
	uint64_t rev = 0;
	char reason[64];

	if (!policy_store_latest(pd->pd_store, &rev, &why) || rev != 0)
		return;
	if ((ex = policy_store_open_export(pd->pd_db, &why)) == NULL)
		return;				/* the first start */
	policy_init(&cm.cm_policy);
	if (policy_store_latest(ex, &rev, &why) && policy_store_load(ex, rev,
	    POLICY_LOAD_SECRETS, &cm.cm_policy, &why) &&
	    policy_store_texts(ex, rev, POLICY_PART_PF, &tx, &why) &&
	    policy_store_texts(ex, rev, POLICY_PART_NETWORK, &tx, &why)) {
		(void)snprintf(reason, sizeof(reason),
		    "from the export of revision %llu",
		    (unsigned long long)rev);
		if (commit_write(&cm, "policyd", reason, rev, NULL, &why))
			log_warn("the store was empty: begun %s", reason);
		else
			log_err("the export cannot be taken over: %s", why);
	} else {
		log_err("the export cannot be read: %s", why);
	}
	policy_store_close(ex);
	policy_free(&cm.cm_policy);
	policy_texts_free(&tx);
}
