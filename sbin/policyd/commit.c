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
#include "libutil/log.h"
#include "policyd.h"

struct commit {
	struct policyd		*cm_pd;
	struct policy_texts	*cm_texts;
	struct policy_forms	 cm_forms;
	struct policy		 cm_policy;
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

static size_t
commit_iface(void *arg, const char *name, struct policy_ifaddr *out,
    size_t max, const char **why)
{
	struct commit *cm = arg;

	return policy_ifaddrs(cm->cm_pd->pd_rundir, name, out, max, why);
}

static bool
commit_parse(struct commit *cm, char *text, size_t cap)
{
	struct policy_env env = { .env_read = commit_read,
	    .env_unseal = commit_unseal, .env_secret = commit_form,
	    .env_iface = commit_iface,
	    .env_arg = cm };
	struct policy_errors *errs = calloc(1, sizeof(*errs));
	FILE *out;
	bool ok;

	policy_init(&cm->cm_policy);
	if (errs == NULL)
		return false;
	ok = policy_texts_parse(cm->cm_texts, &cm->cm_policy, &env, errs);
	if (!ok && (out = fmemopen(text, cap, "w")) != NULL) {
		policy_errors_print(errs, out);
		(void)fclose(out);
		text[cap - 1] = '\0';
	}
	policy_errors_free(errs);
	free(errs);
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
		policy_texts_free(cm->cm_texts);
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
    uint64_t after, const char **why)
{
	struct policyd *pd = cm->cm_pd;
	struct policy_commit co = { author, reason, cm->cm_texts,
	    &cm->cm_forms, &cm->cm_policy, after, NULL };
	const char *ignored = "";
	uint64_t rev;

	if (!policy_store_commit(pd->pd_store, &co, &rev, why))
		return false;
	pd->pd_committed = rev;
	if (!policy_store_export(pd->pd_store, rev, &ignored))
		log_warn("revision %llu has no export: %s",
		    (unsigned long long)rev, ignored);
	return true;
}

bool
commit_texts(struct policyd *pd, struct policy_texts *tx, unsigned flags,
    const char *author, const char *reason, char *text, size_t cap)
{
	struct commit cm = { .cm_pd = pd, .cm_texts = tx };
	const char *why = NULL;
	bool ok = true;

	text[0] = '\0';
	if (policy_store_damage(pd->pd_store) != NULL) {
		why = "the policy store is damaged: move it away and restart "
		    "policyd, which then begins with the last export";
		ok = false;
	} else if ((flags & POLICYCTL_FLUSH) != 0) {
		policy_texts_free(tx);
		policy_init(&cm.cm_policy);
	} else {
		ok = commit_parse(&cm, text, cap);
	}
	if (ok && (flags & POLICYCTL_DELETE) != 0)
		ok = commit_delete(&cm, &why);
	ok = ok && commit_write(&cm, author, reason, 0, &why);
	if (why != NULL) {
		(void)snprintf(text, cap, "%s", why);
		log_err("load by %s: %s", author, why);
	} else if (!ok) {
		/* the errors may quote keys: they go to the client alone */
		log_info("load by %s: refused, the text has errors", author);
	}
	policy_forms_free(&cm.cm_forms);
	policy_free(&cm.cm_policy);
	return ok;
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
	    POLICY_LOAD_SECRETS, &cm.cm_policy, &why)) {
		(void)snprintf(reason, sizeof(reason),
		    "from the export of revision %llu",
		    (unsigned long long)rev);
		if (commit_write(&cm, "policyd", reason, rev, &why))
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
