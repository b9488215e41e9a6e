/* SPDX-License-Identifier: ISC */
/*
 * The filter of a revision: pf.conf(5) from the store's texts, into one
 * transaction of the network kernel that ends when all else is ready.  Rules
 * that are in force already are not loaded again: their counters go on.
 */
#include <bearssl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libutil/log.h"
#include "revise.h"

/* ---- text to rules ---- */

static bool
load_included(void *arg, const char *path, char **text, size_t *len, char *err,
    size_t errlen)
{
	struct policy_texts *tx = arg;

	for (size_t i = 0; i < tx->tx_n; i++) {
		const struct policy_text_item *ti = &tx->tx_v[i];

		if (ti->ti_part != POLICY_PART_PF ||
		    ti->ti_kind != POLICY_TEXT_INCLUDE ||
		    strcmp(ti->ti_name, path) != 0)
			continue;
		if ((*text = malloc(ti->ti_len + 1)) == NULL)
			break;
		memcpy(*text, ti->ti_body, ti->ti_len + 1);
		*len = ti->ti_len;
		return true;
	}
	(void)snprintf(err, errlen, "it was not sent along");
	return false;
}

/* All texts of the part, one after the other, as one; malloc'd. */
static char *
joined(const struct policy_texts *tx, const char **name, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < tx->tx_n; i++) {
		const struct policy_text_item *ti = &tx->tx_v[i];

		if (ti->ti_part != POLICY_PART_PF ||
		    ti->ti_kind != POLICY_TEXT_MAIN)
			continue;
		*name = ti->ti_name;
		(void)fwrite(ti->ti_body, 1, ti->ti_len, out);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

bool
filter_parse(struct policy_texts *tx, struct pf_conf *pc)
{
	const char *defines[POLICY_TEXTS_MAX + 1];
	struct pf_env env = { load_included, tx, defines };
	const char *name = "pf.conf";
	char *text, *macros = NULL, *next;
	size_t len = 0, mlen = 0, n = 0;
	FILE *out;
	bool ok;

	memset(pc, 0, sizeof(*pc));
	if ((out = open_memstream(&macros, &mlen)) == NULL)
		return false;
	for (size_t i = 0; i < tx->tx_n; i++) {
		const struct policy_text_item *ti = &tx->tx_v[i];

		if (ti->ti_part == POLICY_PART_PF &&
		    ti->ti_kind == POLICY_TEXT_MACRO) {
			fprintf(out, "%s=%s", ti->ti_name, ti->ti_body);
			fputc('\0', out);
			n++;
		}
	}
	text = fclose(out) == 0 ? joined(tx, &name, &len) : NULL;
	next = macros;
	for (size_t i = 0; i < n; i++, next += strlen(next) + 1)
		defines[i] = next;
	defines[n] = NULL;
	ok = text != NULL && pf_parse(pc, name, text, len, &env);
	free(text);
	free(macros);
	return ok;
}

/* ---- what is in force ---- */

struct rules_seen {
	const struct pf_conf	*rs_want;
	size_t			 rs_n;
	bool			 rs_same;
};

static void
see_rule(void *arg, const void *body, size_t len)
{
	struct rules_seen *rs = arg;
	const struct pf_conf *pc = rs->rs_want;
	struct pf_rule_info ri;

	if (len != sizeof(ri))
		return;
	memcpy(&ri, body, sizeof(ri));
	rs->rs_same = rs->rs_same && rs->rs_n < pc->pc_nrules &&
	    memcmp(&ri.ri_rule, &pc->pc_rule[rs->rs_n],
	    sizeof(ri.ri_rule)) == 0;
	rs->rs_n++;
}

static uint64_t
serial(struct ctl_client *cl)
{
	struct pf_info in;

	return ctl_get(cl, CTL_PF_INFO, NULL, 0, &in, sizeof(in)) == 0 ?
	    in.in_serial : 0;
}

static void
digest(const struct policy_texts *tx, uint8_t out[32])
{
	br_sha256_context hash;

	br_sha256_init(&hash);
	for (size_t i = 0; i < tx->tx_n; i++) {
		const struct policy_text_item *ti = &tx->tx_v[i];

		if (ti->ti_part != POLICY_PART_PF)
			continue;
		br_sha256_update(&hash, &ti->ti_kind, sizeof(ti->ti_kind));
		br_sha256_update(&hash, ti->ti_name, strlen(ti->ti_name) + 1);
		br_sha256_update(&hash, ti->ti_body, ti->ti_len + 1);
	}
	br_sha256_out(&hash, out);
}

/*
 * In force already?  We loaded the same texts and nobody loaded anything
 * since; or, after our own restart, simple rules are the same one by one.
 */
static bool
in_force(struct policyd *pd, struct ctl_client *cl, struct revision *re)
{
	struct rules_seen rs = { &re->re_filter, 0, true };
	uint64_t now = serial(cl);
	uint8_t is[32];

	digest(&re->re_texts, is);
	if (now != 0 && now == pd->pd_pf_serial)
		return memcmp(is, pd->pd_pf_digest, sizeof(is)) == 0;
	return re->re_filter.pc_ntables == 0 && re->re_filter.pc_nskip == 0 &&
	    !re->re_filter.pc_options_set && ctl_call(cl, CTL_PF_RULES, NULL,
	    0, -1, see_rule, &rs) == 0 && rs.rs_same &&
	    rs.rs_n == re->re_filter.pc_nrules;
}

bool
filter_foreign(const struct policyd *pd)
{
	struct ctl_client *cl;
	char err[400];
	uint64_t now;

	if (pd->pd_pf_serial == 0 || !pd->pd_in_force ||
	    (cl = ctl_open(pd->pd_rundir, err, sizeof(err))) == NULL)
		return false;
	now = serial(cl);
	ctl_close(cl);
	return now != 0 && now != pd->pd_pf_serial;
}

/* ---- the transaction ---- */

static int
send_table(struct ctl_client *cl, const struct pf_table_def *td)
{
	struct pf_table_msg *pm = calloc(1, sizeof(*pm) + PF_MSG_ENTRIES *
	    sizeof(*td->td_entry));
	size_t at = 0;
	int error = pm == NULL ? ENOMEM : 0;

	while (error == 0) {
		size_t n = td->td_n - at < PF_MSG_ENTRIES ? td->td_n - at :
		    PF_MSG_ENTRIES;

		memset(pm, 0, sizeof(*pm));
		memcpy(pm->pm_name, td->td_name, sizeof(pm->pm_name));
		pm->pm_flags = td->td_flags;
		pm->pm_n = (uint32_t)n;
		if (n != 0)
			memcpy(pm + 1, td->td_entry + at,
			    n * sizeof(*td->td_entry));
		error = ctl_call(cl, CTL_PF_TABLE, pm, sizeof(*pm) +
		    n * sizeof(*td->td_entry), -1, NULL, NULL);
		at += n;
		if (at >= td->td_n)
			break;
	}
	free(pm);
	return error;
}

int
filter_send(struct ctl_client *cl, const struct pf_conf *pc)
{
	int error = ctl_call(cl, CTL_PF_BEGIN, NULL, 0, -1, NULL, NULL);

	if (error == 0)
		error = ctl_call(cl, CTL_PF_OPTIONS, &pc->pc_options,
		    sizeof(pc->pc_options), -1, NULL, NULL);
	for (size_t i = 0; error == 0 && i < pc->pc_nskip; i++) {
		struct pf_name pn = { "" };

		memcpy(pn.pn_name, pc->pc_skip[i], sizeof(pc->pc_skip[i]));
		error = ctl_call(cl, CTL_PF_SKIP, &pn, sizeof(pn), -1, NULL,
		    NULL);
	}
	for (size_t i = 0; error == 0 && i < pc->pc_ntables; i++)
		error = send_table(cl, &pc->pc_table[i]);
	for (size_t i = 0; error == 0 && i < pc->pc_nrules; i++)
		error = ctl_call(cl, CTL_PF_RULE, &pc->pc_rule[i],
		    sizeof(pc->pc_rule[i]), -1, NULL, NULL);
	return error;
}

bool
filter_prepare(struct policyd *pd, struct revision *re)
{
	struct ctl_client *cl = re->re_ctl;

	re->re_filter_new = false;
	if (!re->re_has_filter || in_force(pd, cl, re))
		return true;
	if (filter_send(cl, &re->re_filter) != 0)
		return revise_problem(pd, "filter: %s", ctl_error(cl));
	re->re_filter_new = true;
	return true;
}

bool
filter_commit(struct policyd *pd, struct revision *re)
{
	struct ctl_client *cl = re->re_ctl;

	if (!re->re_filter_new)
		return true;
	re->re_filter_new = false;
	if (ctl_call(cl, CTL_PF_COMMIT, NULL, 0, -1, NULL, NULL) != 0)
		return revise_problem(pd, "filter: %s", ctl_error(cl));
	pd->pd_pf_serial = serial(cl);
	digest(&re->re_texts, pd->pd_pf_digest);
	log_info("filter: %zu rules", re->re_filter.pc_nrules);
	return true;
}

/* ---- what runs, as a text ---- */

struct tables_seen {
	struct pf_table_info	*ts_v;
	size_t			 ts_n;
};

static void
see_table(void *arg, const void *body, size_t len)
{
	struct tables_seen *ts = arg;
	struct pf_table_info *v;

	if (len != sizeof(*v) || (v = reallocarray(ts->ts_v, ts->ts_n + 1,
	    sizeof(*v))) == NULL)
		return;
	ts->ts_v = v;
	memcpy(&v[ts->ts_n++], body, sizeof(*v));
}

static void
print_entry(void *arg, const void *body, size_t len)
{
	struct pf_table_entry pe;
	char text[PREFIX_STRLEN + 2];

	if (len < sizeof(pe))
		return;
	for (size_t at = 0; at + sizeof(pe) <= len; at += sizeof(pe)) {
		memcpy(&pe, (const uint8_t *)body + at, sizeof(pe));
		fprintf(arg, " %s", pf_entry_print(&pe, text));
	}
}

static void
print_tables(struct ctl_client *cl, FILE *out)
{
	struct tables_seen ts = { NULL, 0 };
	char text[PF_TABLE_MAX + 64];

	(void)ctl_call(cl, CTL_PF_TABLES, NULL, 0, -1, see_table, &ts);
	for (size_t i = 0; i < ts.ts_n; i++) {
		struct pf_name pn = { "" };

		memcpy(pn.pn_name, ts.ts_v[i].ti_name, sizeof(pn.pn_name));
		fprintf(out, "%s {", pf_table_print(pn.pn_name,
		    ts.ts_v[i].ti_flags & (PF_TABLE_PERSIST | PF_TABLE_CONST),
		    text));
		(void)ctl_call(cl, CTL_PF_TABLE_SHOW, &pn, sizeof(pn), -1,
		    print_entry, out);
		fputs(" }\n", out);
	}
	free(ts.ts_v);
}

bool
filter_found(struct ctl_client *cl, struct policy_texts *tx)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool ok;

	if (out == NULL)
		return false;
	fputs("# as it was found running\n", out);
	print_tables(cl, out);
	ok = ctl_call(cl, CTL_PF_RULES, NULL, 0, -1, pf_rule_info_print, out) == 0;
	ok = fclose(out) == 0 && ok;
	ok = ok && policy_texts_add_part(tx, POLICY_PART_PF, POLICY_TEXT_MAIN,
	    "pf.conf", text, len);
	free(text);
	return ok;
}
