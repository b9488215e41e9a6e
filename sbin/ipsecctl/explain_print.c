/* SPDX-License-Identifier: ISC */
/*
 * What netkern says of a described packet, as JSON.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "libassert/verdict.h"
#include "libctl/json.h"
#include "libpf/names.h"
#include "libpf/pf.h"
#include "explain.h"

static const char *const verdicts[] = { "dropped", "delivered", "forwarded", "protected", "held",
    "fragment" };
static const char *const states[] = { "none", "new", "known", "remembered" };
static const char *const hops[] = { "none", "resolved", "ask", "asking", "failed" };

static const char *
pick(const char *const *names, size_t n, unsigned i)
{
	return i < n ? names[i] : "?";
}
#define PICK(names, i)	pick(names, sizeof(names) / sizeof((names)[0]), i)

static void
json_policy(const char *name, const struct explain_policy *ep)
{
	json_object(name);
	json_string("action", verdict_action(ep));
	if (ep->ep_protects)
		json_string("type", verdict_type(ep));
	if (ep->ep_action < EXPLAIN_SP_NONE) {
		json_number("id", ep->ep_id);
		json_string("name", ep->ep_name);
	}
	json_object_end();
}

static void
json_sa(const char *name, const struct explain_sa *es)
{
	char spi[16], a[ADDR_STRLEN];

	if (es->es_spi == 0)
		return;
	(void)snprintf(spi, sizeof(spi), "0x%08x", es->es_spi);
	json_object(name);
	json_string("spi", spi);
	json_string("name", es->es_name);
	json_string("source", addr_print(&es->es_src, a));
	json_string("destination", addr_print(&es->es_dst, a));
	json_object_end();
}

static void
json_rules(const struct explain_info *ei)
{
	char buf[PF_RULE_STRLEN];

	json_array("rules");
	for (unsigned i = 0; i < ei->ei_nrules && i < EXPLAIN_RULES; i++) {
		const struct explain_rule *r = &ei->ei_rule[i];

		json_object(NULL);
		json_string("direction", r->ex_dir == 1 ? "in" : "out");
		json_string("interface", r->ex_ifname);
		json_bool("pass", r->ex_pass != 0);
		json_bool("outer", r->ex_outer != 0);
		json_bool("matched", r->ex_nr != 0);
		if (r->ex_nr != 0) {
			json_number("number", r->ex_nr - 1);
			json_string("rule", pf_rule_print(&r->ex_rule, buf));
		}
		json_object_end();
	}
	json_array_end();
}

static void
json_way(const struct explain_info *ei)
{
	char p[PREFIX_STRLEN], a[ADDR_STRLEN];

	if (ei->ei_routed) {
		json_object("route");
		json_string("destination", prefix_print(&ei->ei_route.cr_dst, p));
		json_string("gateway", ei->ei_route.cr_gw.ad_af != 0 ?
		    addr_print(&ei->ei_route.cr_gw, a) : "");
		json_string("interface", ei->ei_route.cr_ifname);
		json_object_end();
	}
	json_object("next_hop");
	json_string("state", PICK(hops, ei->ei_hop));
	if (ei->ei_hop != EXPLAIN_HOP_NONE)
		json_string("address", addr_print(&ei->ei_neigh.cn_addr, a));
	json_object_end();
	json_number("mtu", ei->ei_mtu);
	json_string("interface", ei->ei_oif);
	json_number("packets", ei->ei_packets);
	json_number("longest", ei->ei_longest);
}

static void
json_answers(const struct explain_info *ei)
{
	json_array("answers");
	for (unsigned i = 0; i < ei->ei_nanswers && i < EXPLAIN_ANSWERS; i++) {
		const struct explain_answer *ea = &ei->ei_answer[i];

		json_object(NULL);
		json_string("protocol", ea->ea_proto == IPPROTO_ICMP ? "icmp" : "tcp");
		json_number("type", ea->ea_type);
		json_number("code", ea->ea_code);
		json_number("mtu", ea->ea_mtu);
		json_object_end();
	}
	json_array_end();
}

void
explain_json(const struct explain_req *er, const struct explain_info *ei)
{
	char p[16], a[ADDR_STRLEN];

	json_begin();
	json_string("direction", er->er_dir == EXPLAIN_IN ? "in" : "out");
	json_string("arrived_on", er->er_ifname);
	json_string("protocol", pf_protocol_name(er->er_proto, p));
	json_string("source", addr_print(&er->er_src, a));
	json_number("source_port", er->er_sport);
	json_string("destination", addr_print(&er->er_dst, a));
	json_number("destination_port", er->er_dport);
	json_number("size", ei->ei_len);
	json_sa("came_through", &ei->ei_came);
	json_string("state", PICK(states, ei->ei_state));
	json_policy("policy_in", &ei->ei_in);
	json_rules(ei);
	json_policy("policy_out", &ei->ei_out);
	json_bool("local", ei->ei_local != 0);
	json_sa("sa", &ei->ei_sa_out);
	json_way(ei);
	json_answers(ei);
	json_string("verdict", PICK(verdicts, ei->ei_verdict));
	json_string("drop", ei->ei_drop_name);
	json_string("drop_text", ei->ei_drop_text);
	if (ei->ei_verdict == EXPLAIN_HELD)
		json_bool("acquire", ei->ei_acquire != 0);
	json_end();
}
