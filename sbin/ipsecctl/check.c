/* SPDX-License-Identifier: ISC */
/*
 * ipsecctl check: what a commit would change in the running system, without
 * changing anything.  The texts, and what they leave out from the newest
 * revision, are compared with what netkern says that it has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "libctl/client.h"
#include "libctl/json.h"
#include "libpfkey/pfkey.h"
#include "libpf/pf.h"
#include "libpolicy/diff.h"
#include "libpolicy/ifaddr.h"
#include "libpolicy/keymsg.h"
#include "libpolicy/network.h"
#include "libutil/udiff.h"
#include "trial.h"

struct check {
	struct command		*ck_command;
	struct policy_store	*ck_store;
	uint64_t		 ck_base;	/* 0: none yet */
	struct policy		 ck_policy;	/* as it would be */
	struct policy		 ck_now;	/* as the newest revision is */
	struct policy_flow	*ck_flows;	/* in force, ours */
	size_t			 ck_nflows;
	struct policy_sa	*ck_sas;
	size_t			 ck_nsas;
	FILE			*ck_out;
	unsigned		 ck_added, ck_removed, ck_changed, ck_down;
	struct trial		 ck_trial;
};

/* ---- the policy as it would be ---- */

static char *
check_read(void *arg, const char *name, bool secret, size_t *len,
    const char **why)
{
	struct check *ck = arg;

	return policy_texts_env_disk(&ck->ck_command->co_texts, name, secret,
	    len, why);
}

static size_t
check_iface(void *arg, const char *name, struct policy_ifaddr *out, size_t max,
    const char **why)
{
	const struct check *ck = arg;

	return policy_ifaddrs(ck->ck_command->co_rundir, name, out, max, why);
}

static bool
check_unseal(void *arg, uint64_t id, uint8_t buf[POLICY_KEY_MAX], size_t *len)
{
	struct check *ck = arg;
	const char *why;

	return ck->ck_store != NULL && policy_secret(ck->ck_store, id, buf,
	    len, &why);
}

/* Parts without a text here stay as they are in the newest revision. */
static bool
add_rest(struct check *ck, const char **why)
{
	struct policy_texts *tx = &ck->ck_command->co_texts;

	for (unsigned i = 0; ck->ck_base != 0 && i <= POLICY_PART_IKED; i++) {
		enum policy_part part = (enum policy_part)i;
		char *rules;
		bool ok;

		if (policy_texts_has(tx, part))
			continue;
		rules = policy_store_rules(ck->ck_store, ck->ck_base, part, why);
		if (rules == NULL)
			return false;
		ok = policy_texts_add_part(tx, part, POLICY_TEXT_RULES,
		    policy_part_name(part), rules, strlen(rules));
		free(rules);
		if (!ok)
			return false;
	}
	return true;
}

static bool
parse(struct check *ck)
{
	static struct policy_errors errs;
	struct policy_env env = { .env_read = check_read,
	    .env_iface = check_iface, .env_unseal = check_unseal,
	    .env_arg = ck };
	bool ok = policy_texts_parse(&ck->ck_command->co_texts, &ck->ck_policy,
	    &env, &errs);

	policy_errors_print(&errs, stderr);
	policy_errors_free(&errs);
	return ok;
}

/* ---- IPsec ---- */

static void *
grown(void *v, size_t n, size_t size)
{
	if (n != 0 && (n < 64 || (n & (n - 1)) != 0))
		return v;
	return reallocarray(v, n == 0 ? 64 : n * 2, size);
}

static int
saw_flow(void *arg, const struct pfkey_msg *m)
{
	struct check *ck = arg;
	struct policy_flow fl, *v;
	bool ours;

	if (!keymsg_to_flow(m, &fl, &ours) || !ours)
		return 0;
	if ((v = grown(ck->ck_flows, ck->ck_nflows, sizeof(*v))) == NULL)
		return ENOMEM;
	ck->ck_flows = v;
	v[ck->ck_nflows++] = fl;
	return 0;
}

/* Negotiated SAs of rules that go away or change go down. */
static void
saw_negotiated(struct check *ck, const struct pfkey_msg *m)
{
	const struct policy_ike *ik = policy_ike_by_reqid(&ck->ck_now,
	    m->pm_reqid), *then;

	if (ik == NULL)
		return;
	then = policy_ike_by_name(&ck->ck_policy, ik->ik_name);
	if (then != NULL && policy_ike_equal(ik, then))
		return;
	fprintf(ck->ck_out, "down: SA 0x%08x of \"%s\": its rule %s\n",
	    m->pm_sa.ps_spi, ik->ik_name, then == NULL ? "goes away" : "changes");
	ck->ck_down++;
}

static int
saw_sa(void *arg, const struct pfkey_msg *m)
{
	struct check *ck = arg;
	struct policy_sa sa, *v = NULL;
	bool ours;

	if (!keymsg_to_sa(m, &sa, &ours) || !ours) {
		saw_negotiated(ck, m);
		policy_sa_wipe(&sa);
		return 0;
	}
	if ((v = grown(ck->ck_sas, ck->ck_nsas, sizeof(*v))) == NULL) {
		policy_sa_wipe(&sa);
		return ENOMEM;
	}
	ck->ck_sas = v;
	v[ck->ck_nsas++] = sa;
	return 0;
}

static bool
read_kernel(struct check *ck)
{
	char path[256];
	struct pfkey *pk;
	int error;

	(void)snprintf(path, sizeof(path), "%s/key.sock",
	    ck->ck_command->co_rundir);
	pk = pfkey_open(path, PFKEY_O_PRIVATE);
	if (pk == NULL) {
		(void)command_fail("cannot use the key socket (%s): %s", path,
		    strerror(errno));
		return false;
	}
	error = pfkey_dump(pk, SADB_X_SPDDUMP, SADB_SATYPE_UNSPEC, saw_flow,
	    ck);
	if (error == 0)
		error = pfkey_dump(pk, SADB_DUMP, SADB_SATYPE_ESP, saw_sa, ck);
	pfkey_close(pk);
	if (error != 0)
		(void)command_fail("%s: %s", path, strerror(error));
	return error == 0;
}

static void
count(struct check *ck, enum policy_change_type type)
{
	static const char *const signs[] = { [POLICY_ADD] = "+ ",
	    [POLICY_CHANGE] = "! ", [POLICY_DELETE] = "- " };

	ck->ck_added += type == POLICY_ADD;
	ck->ck_changed += type == POLICY_CHANGE;
	ck->ck_removed += type == POLICY_DELETE;
	fputs(signs[type], ck->ck_out);
}

static bool
check_flows(struct check *ck)
{
	struct policy_change *ch;
	struct policy_flow *want;
	size_t n, nwant;

	want = policy_flows(&ck->ck_policy, &nwant);
	if (want == NULL && nwant != 0)
		return false;
	ch = policy_diff_flows(ck->ck_flows, ck->ck_nflows, want, nwant, &n);
	for (size_t i = 0; ch != NULL && i < n; i++) {
		count(ck, ch[i].ch_type);
		policy_print_flow(ch[i].ch_type == POLICY_DELETE ?
		    &ck->ck_flows[ch[i].ch_old] : &want[ch[i].ch_new], ck->ck_out);
	}
	free(want);
	free(ch);
	return ch != NULL || n == 0;
}

static bool
check_sas(struct check *ck)
{
	struct policy_change *ch;
	size_t n;

	ch = policy_diff_sas(ck->ck_sas, ck->ck_nsas, ck->ck_policy.pol_sas,
	    ck->ck_policy.pol_nsas, &n);
	for (size_t i = 0; ch != NULL && i < n; i++) {
		count(ck, ch[i].ch_type);
		policy_print_sa(ch[i].ch_type == POLICY_DELETE ?
		    &ck->ck_sas[ch[i].ch_old] :
		    &ck->ck_policy.pol_sas[ch[i].ch_new], ck->ck_out,
		    POLICY_PRINT_NO_KEYS);
		ck->ck_down += ch[i].ch_type != POLICY_ADD;
	}
	free(ch);
	return ch != NULL || n == 0;
}

/* ---- filter ---- */

static bool
check_filter(struct check *ck, struct ctl_client *cl,
    const struct policy_text_item *ti)
{
	struct pf_env env = { .pe_load = command_load_pf,
	    .pe_arg = &ck->ck_command->co_texts };
	char *now = NULL, *then = NULL;
	size_t n;
	FILE *a = open_memstream(&now, &n), *b = open_memstream(&then, &n);
	struct pf_conf pc = { 0 };
	bool ok = a != NULL && b != NULL && pf_parse(&pc, ti->ti_name,
	    ti->ti_body, ti->ti_len, &env), differ = false;

	if (!ok) {
		(void)command_fail("%s", pc.pc_errors != NULL ? pc.pc_errors :
		    "out of memory");
	} else {
		pf_rules_print(&pc, b);
		ok = ctl_call(cl, CTL_PF_RULES, NULL, 0, -1, pf_rule_info_print,
		    a) == 0;
	}
	pf_conf_free(&pc);
	if (a != NULL)
		(void)fclose(a);
	if (b != NULL)
		(void)fclose(b);
	ok = ok && udiff(now, then, "rules in force", "rules of the text",
	    ck->ck_out, &differ);
	ck->ck_changed += differ;
	free(now);
	free(then);
	return ok;
}

/* ---- network ---- */

struct listed {
	struct ctl_if		*li_if;
	size_t			 li_nifs;
	struct ctl_route	*li_route;
	size_t			 li_nroutes;
};

static void
saw_if(void *arg, const void *body, size_t len)
{
	struct listed *li = arg;
	struct ctl_if *v;

	if (len != sizeof(*v) || (v = grown(li->li_if, li->li_nifs,
	    sizeof(*v))) == NULL)
		return;
	li->li_if = v;
	memcpy(&v[li->li_nifs++], body, len);
}

static void
saw_route(void *arg, const void *body, size_t len)
{
	struct listed *li = arg;
	struct ctl_route *v;

	if (len != sizeof(*v) || (v = grown(li->li_route, li->li_nroutes,
	    sizeof(*v))) == NULL)
		return;
	li->li_route = v;
	memcpy(&v[li->li_nroutes++], body, len);
}

static bool
check_network(struct check *ck, struct ctl_client *cl,
    const struct policy_text_item *ti)
{
	static struct policy_errors errs;
	struct policy_text text = { ti->ti_name, ti->ti_body, ti->ti_len };
	struct network_plan np = { 0 };
	struct network ne = { 0 };
	struct listed li = { 0 };
	bool ok = network_parse(&ne, &text, &errs);

	policy_errors_print(&errs, stderr);
	policy_errors_free(&errs);
	ok = ok && ctl_call(cl, CTL_IF_LIST, NULL, 0, -1, saw_if, &li) == 0 &&
	    ctl_call(cl, CTL_RT_LIST, NULL, 0, -1, saw_route, &li) == 0;
	if (ok) {
		network_plan_ifs(&np, &ne, li.li_if, li.li_nifs);
		network_plan_routes(&np, &ne, li.li_route, li.li_nroutes);
	}
	for (size_t i = 0; i < np.np_n; i++) {
		fputs("! ", ck->ck_out);
		network_step_print(&np.np_step[i], ck->ck_out);
		ck->ck_changed++;
	}
	network_plan_free(&np);
	network_free(&ne);
	free(li.li_if);
	free(li.li_route);
	return ok;
}

/* The texts of the other parts, if there are any. */
static bool
check_others(struct check *ck)
{
	const struct policy_texts *tx = &ck->ck_command->co_texts;
	size_t given = tx->tx_n;
	struct ctl_client *cl = NULL;
	char err[400];
	bool ok = true;

	for (size_t i = 0; ok && i < given; i++) {
		struct policy_text_item ti = tx->tx_v[i];

		if (ti.ti_part <= POLICY_PART_IKED ||
		    ti.ti_part == POLICY_PART_ASSERT || ti.ti_kind != POLICY_TEXT_MAIN)
			continue;
		if (cl == NULL && (cl = ctl_open(ck->ck_command->co_rundir, err,
		    sizeof(err))) == NULL) {
			(void)command_fail("%s", err);
			return false;
		}
		ok = ti.ti_part == POLICY_PART_PF ? check_filter(ck, cl, &ti) :
		    check_network(ck, cl, &ti);
	}
	ctl_close(cl);
	return ok;
}

static bool
check_all(struct check *ck)
{
	const char *why = "out of memory";

	if (ck->ck_store != NULL && (!policy_store_latest(ck->ck_store,
	    &ck->ck_base, &why) || (ck->ck_base != 0 && !policy_store_load(
	    ck->ck_store, ck->ck_base, POLICY_LOAD_SECRETS, &ck->ck_now,
	    &why)))) {
		(void)command_fail("%s", why);
		return false;
	}
	if (!add_rest(ck, &why)) {
		(void)command_fail("%s", why);
		return false;
	}
	return parse(ck) && read_kernel(ck) && check_flows(ck) &&
	    check_sas(ck) && check_others(ck);
}

/* The lines that were printed to text, and the numbers. */
static void
print_json(const struct check *ck, const char *text)
{
	json_begin();
	json_number("added", ck->ck_added);
	json_number("removed", ck->ck_removed);
	json_number("changed", ck->ck_changed);
	json_number("sas_down", ck->ck_down);
	json_lines("lines", text);
	trial_json(&ck->ck_trial);
	json_end();
}

static void
check_free(struct check *ck)
{
	for (size_t i = 0; i < ck->ck_nsas; i++)
		policy_sa_wipe(&ck->ck_sas[i]);
	free(ck->ck_sas);
	free(ck->ck_flows);
	policy_free(&ck->ck_policy);
	policy_free(&ck->ck_now);
	policy_store_close(ck->ck_store);
}

int
command_check(struct command *co)
{
	struct check ck = { .ck_command = co };
	const char *why = "";
	char *text = NULL;
	size_t len;
	bool ok;

	if (co->co_texts.tx_n == 0)
		return command_fail("check what? name files: -f file, or "
		    "--pf, --ipsec, --iked, --network, --assert");
	if ((ck.ck_out = open_memstream(&text, &len)) == NULL)
		return command_fail("out of memory");
	policy_init(&ck.ck_policy);
	policy_init(&ck.ck_now);
	ck.ck_store = policy_store_open_ro(policy_db_path(NULL), &why);
	ok = check_all(&ck);
	(void)fclose(ck.ck_out);
	if (ok)
		trial_ask(co, ck.ck_store, ck.ck_base, &ck.ck_trial);
	if (ok && co->co_json)
		print_json(&ck, text);
	else if (ok)
		printf("%s%u added, %u removed, %u changed; %u SA%s would go "
		    "down; nothing was changed\n", text, ck.ck_added,
		    ck.ck_removed, ck.ck_changed, ck.ck_down,
		    ck.ck_down == 1 ? "" : "s");
	if (ok && !co->co_json)
		trial_print(&ck.ck_trial);
	ok = ok && ck.ck_trial.tr_hold;
	free(text);
	check_free(&ck);
	return ok ? 0 : 1;
}
