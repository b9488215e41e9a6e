/* SPDX-License-Identifier: ISC */
/*
 * -j: the SPD and the SAD as JSON, each entry with the rule in the words of
 * ipsec.conf(5) and its numbers beside it; what -n found; -s stats, as text too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipsecctl.h"
#include "libctl/client.h"
#include "libctl/json.h"
#include "libpolicy/keymsg.h"
#include "libpolicy/store.h"

/* What a print function writes, without the line end, as a string. */
static void
json_rule(void (*print)(const void *what, FILE *out, unsigned flags),
    const void *what, unsigned flags)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return;
	print(what, out, flags);
	if (fclose(out) == 0) {
		while (len != 0 && text[len - 1] == '\n')
			text[--len] = '\0';
		json_string("rule", text);
		explicit_bzero(text, len);
	}
	free(text);
}

static void
print_flow(const void *what, FILE *out, unsigned flags)
{
	(void)flags;
	policy_print_flow(what, out);
}

static void
print_sa(const void *what, FILE *out, unsigned flags)
{
	policy_print_sa(what, out, flags);
}

static int
json_flow(void *arg, const struct pfkey_msg *m)
{
	struct policy_flow fl;
	bool ours;

	(void)arg;
	if (!keymsg_to_flow(m, &fl, &ours))
		return 0;
	json_object(NULL);
	json_rule(print_flow, &fl, 0);
	json_number("id", m->pm_policy.pp_id);
	json_number("priority", m->pm_policy.pp_priority);
	json_number("reqid", fl.fl_reqid);
	json_string("name", PFKEY_HAS(m, PFKEY_EXT_NAME) ? m->pm_name : "");
	json_bool("of_store", ours);
	json_object_end();
	return 0;
}

static void
json_stats(const struct pfkey_stats *st)
{
	json_number("packets", st->st_packets);
	json_number("bytes", st->st_bytes);
	json_number("last_used", st->st_last);
	json_object("drops");
	for (unsigned i = 0; i < PFKEY_DROPS; i++)
		if (pfkey_drop_name(i) != NULL)
			json_number(pfkey_drop_name(i), st->st_drops[i]);
	json_object_end();
}

static int
json_sa(void *arg, const struct pfkey_msg *m)
{
	const struct options *op = arg;
	char spi[16], a[ADDR_STRLEN];
	struct policy_sa sa;
	bool ours;

	if (keymsg_to_sa(m, &sa, &ours)) {
		(void)snprintf(spi, sizeof(spi), "0x%08x", m->pm_sa.ps_spi);
		json_object(NULL);
		json_rule(print_sa, &sa, op->op_keys ? POLICY_PRINT_KEYS :
		    POLICY_PRINT_NO_KEYS);
		json_string("spi", spi);
		json_string("source", addr_print(&m->pm_src.pa_addr, a));
		json_string("destination", addr_print(&m->pm_dst.pa_addr, a));
		json_string("state", pfkey_state_name(m->pm_sa.ps_state));
		json_number("reqid", m->pm_reqid);
		json_string("name", PFKEY_HAS(m, PFKEY_EXT_NAME) ?
		    m->pm_name : "");
		json_bool("natt", m->pm_natt_type != 0);
		json_bool("esn", (m->pm_sa.ps_flags &
		    SADB_X_SAFLAGS_ESN) != 0);
		if (PFKEY_HAS(m, PFKEY_EXT_STATS))
			json_stats(&m->pm_stats);
		json_object_end();
	}
	policy_sa_wipe(&sa);
	return 0;
}

int
ipsecctl_json(const struct options *op, struct pfkey *pk)
{
	bool all = strcmp(op->op_show, "all") == 0;
	int error = 0;

	json_begin();
	if (all || strcmp(op->op_show, "flow") == 0) {
		json_array("flows");
		error = pfkey_dump(pk, SADB_X_SPDDUMP, SADB_SATYPE_UNSPEC,
		    json_flow, NULL);
		json_array_end();
	}
	if (error == 0 && (all || strcmp(op->op_show, "sa") == 0)) {
		struct options copy = *op;

		json_array("sas");
		error = pfkey_dump(pk, SADB_DUMP, SADB_SATYPE_UNSPEC, json_sa,
		    &copy);
		json_array_end();
	}
	json_end();
	return error;
}

/* ---- -n ------------------------------------------------------------- */

/* The length of the rule at text, lines that go on after a backslash included. */
static size_t
rule_len(const char *text)
{
	size_t n = 0;

	for (;;) {
		n += strcspn(text + n, "\n");
		if (text[n] == '\0' || n == 0 || text[n - 1] != '\\')
			return n;
		n++;
	}
}

static void
json_rules(const char *text)
{
	json_array("rules");
	while (*text != '\0') {
		size_t n = rule_len(text);
		char *rule = strndup(text, n);

		if (rule != NULL) {
			json_string(NULL, rule);
			explicit_bzero(rule, n);
		}
		free(rule);
		text += n + (text[n] == '\n');
	}
	json_array_end();
}

void
ipsecctl_json_check(bool valid, const char *rules, const struct policy_errors *errs)
{
	json_begin();
	json_bool("valid", valid);
	json_rules(rules);
	json_array("errors");
	for (unsigned i = 0; i < errs->per_n; i++) {
		const struct policy_error *pe = &errs->per_list[i];

		json_object(NULL);
		json_string("file", pe->pe_file);
		json_number("line", pe->pe_line);
		json_number("column", pe->pe_col);
		json_string("text", pe->pe_msg);
		json_object_end();
	}
	json_array_end();
	json_number("more_errors", errs->per_more);
	json_end();
}

/* ---- -s stats ------------------------------------------------------- */

struct counters {
	const char	*cs_area;
	bool		 cs_json;
};

static void
one_counter(void *arg, const void *body, size_t len)
{
	const struct counters *cs = arg;
	struct ctl_counter cc;

	if (len != sizeof(cc))
		return;
	memcpy(&cc, body, len);
	if (strncmp(cc.cc_area, cs->cs_area, sizeof(cc.cc_area)) != 0)
		return;
	if (!cs->cs_json) {
		printf("\t%llu %s%s\n", (unsigned long long)cc.cc_value,
		    cc.cc_is_drop ? "dropped: " : "", cc.cc_text);
		return;
	}
	json_object(NULL);
	json_string("area", cc.cc_area);
	json_string("name", cc.cc_name);
	json_string("text", cc.cc_text);
	json_bool("drop", cc.cc_is_drop != 0);
	json_number("value", cc.cc_value);
	json_object_end();
}

int
ipsecctl_stats(const struct options *op)
{
	static const char *const areas[] = { "spd", "sad", "esp", "natt" };
	char err[256];
	struct ctl_client *cl = ctl_open(op->op_rundir, err, sizeof(err));
	struct counters cs = { .cs_json = op->op_json };
	int error = 0;

	if (cl == NULL) {
		fprintf(stderr, "ipsecctl: %s\n", err);
		return 1;
	}
	if (op->op_json) {
		json_begin();
		json_array("counters");
	}
	for (size_t i = 0; error == 0 &&
	    i < sizeof(areas) / sizeof(areas[0]); i++) {
		cs.cs_area = areas[i];
		if (!op->op_json)
			printf("%s:\n", areas[i]);
		error = ctl_call(cl, CTL_COUNTERS, NULL, 0, -1, one_counter,
		    &cs);
	}
	if (op->op_json) {
		json_array_end();
		json_end();
	}
	if (error != 0)
		fprintf(stderr, "ipsecctl: %s\n", ctl_error(cl));
	ctl_close(cl);
	return error != 0;
}
