/* SPDX-License-Identifier: ISC */
/*
 * What netkern says of a described packet: a line a stage, and JSON.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

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

/* enum sp_action */
static const char *
action_name(const struct explain_policy *ep)
{
	static const char *const names[] = { "protect", "bypass", "discard" };

	return ep->ep_action == EXPLAIN_SP_NOT_ASKED ? "not asked" :
	    ep->ep_action == EXPLAIN_SP_NONE ? "none" : PICK(names, ep->ep_action);
}

static const char *
proto_name(uint8_t proto, char buf[16])
{
	const char *name = pf_word_name(pf_protocols, proto);

	if (name != NULL)
		return name;
	(void)snprintf(buf, 16, "%u", proto);
	return buf;
}

/* ---- text ---- */

static void
print_packet(const struct explain_req *er, const struct explain_info *ei)
{
	char a[ADDR_STRLEN], b[ADDR_STRLEN], p[16];

	printf("packet     %s%s%s proto %s from %s", er->er_dir == EXPLAIN_IN ? "in on " : "out",
	    er->er_ifname, "", proto_name(er->er_proto, p), addr_print(&er->er_src, a));
	if (er->er_sport != 0)
		printf(" port %u", er->er_sport);
	printf(" to %s", addr_print(&er->er_dst, b));
	if (er->er_dport != 0)
		printf(" port %u", er->er_dport);
	printf(", %u bytes\n", ei->ei_len);
	if (ei->ei_came.es_spi != 0)
		printf("came       through SA 0x%08x%s%s\n", ei->ei_came.es_spi,
		    ei->ei_came.es_name[0] != '\0' ? " " : "", ei->ei_came.es_name);
}

static void
print_state(const struct explain_info *ei)
{
	switch (ei->ei_state) {
	case EXPLAIN_ST_NEW:
		printf("state      none; one would be made\n");
		break;
	case EXPLAIN_ST_KNOWN:
		printf("state      %016llx, %s%s\n", (unsigned long long)ei->ei_state_id,
		    ei->ei_dir == 0 ? "in the direction of its originator" : "the way back",
		    ei->ei_remembered ? "; its decision is in force" : "; decided anew");
		break;
	case EXPLAIN_ST_MEMORY:
		printf("state      none; an earlier decision is remembered\n");
		break;
	default:
		printf("state      none\n");
	}
}

static void
print_policy(const char *what, const struct explain_policy *ep)
{
	printf("%-10s %s", what, action_name(ep));
	if (ep->ep_action < EXPLAIN_SP_NONE)
		printf(", entry %u%s%s", ep->ep_id, ep->ep_name[0] != '\0' ? " " : "", ep->ep_name);
	printf("\n");
}

static void
print_rules(const struct explain_info *ei)
{
	char buf[PF_RULE_STRLEN];

	for (unsigned i = 0; i < ei->ei_nrules && i < EXPLAIN_RULES; i++) {
		const struct explain_rule *r = &ei->ei_rule[i];

		printf("rule %-5s ", r->ex_dir == 1 ? "in" : "out");
		if (r->ex_ifname[0] != '\0')
			printf("%s: ", r->ex_ifname);
		if (r->ex_nr == 0)
			printf("none matches, %s", r->ex_pass ? "pass" : "block");
		else
			printf("@%u %s", r->ex_nr - 1, pf_rule_print(&r->ex_rule, buf));
		printf("%s\n", r->ex_outer ? " (for the outer packet)" : "");
	}
	if (ei->ei_dice)
		printf("           rules with a probability were diced for\n");
}

static void
print_way(const struct explain_info *ei)
{
	char p[PREFIX_STRLEN], a[ADDR_STRLEN];

	if (ei->ei_local)
		printf("for        this host\n");
	if (ei->ei_sa_out.es_spi != 0)
		printf("sa         0x%08x%s%s to %s\n", ei->ei_sa_out.es_spi,
		    ei->ei_sa_out.es_name[0] != '\0' ? " " : "", ei->ei_sa_out.es_name,
		    addr_print(&ei->ei_sa_out.es_dst, a));
	if (ei->ei_routed) {
		printf("route      %s", prefix_print(&ei->ei_route.cr_dst, p));
		if (ei->ei_route.cr_gw.ad_af != 0)
			printf(" via %s", addr_print(&ei->ei_route.cr_gw, a));
		if (ei->ei_route.cr_ifname[0] != '\0')
			printf(" on %s", ei->ei_route.cr_ifname);
		printf("\n");
	}
	if (ei->ei_hop != EXPLAIN_HOP_NONE)
		printf("next hop   %s on %s, %s\n", addr_print(&ei->ei_neigh.cn_addr, a),
		    ei->ei_neigh.cn_ifname,
		    ei->ei_hop == EXPLAIN_HOP_RESOLVED ? "resolved" :
		    ei->ei_hop == EXPLAIN_HOP_FAILED ? "does not answer" :
		    ei->ei_hop == EXPLAIN_HOP_ASK ? "would be asked for" : "is being asked for");
	if (ei->ei_mtu != 0)
		printf("mtu        %u, %s\n", ei->ei_mtu, ei->ei_len <= ei->ei_mtu ? "fits" :
		    ei->ei_packets > 1 ? "would be fragmented" : "too big");
}

static void
print_answers(const struct explain_info *ei)
{
	for (unsigned i = 0; i < ei->ei_nanswers && i < EXPLAIN_ANSWERS; i++) {
		const struct explain_answer *ea = &ei->ei_answer[i];

		if (ea->ea_proto != IPPROTO_ICMP)
			printf("answer     TCP reset\n");
		else
			printf("answer     ICMP type %u code %u", ea->ea_type, ea->ea_code);
		if (ea->ea_proto == IPPROTO_ICMP && ea->ea_mtu != 0)
			printf(", mtu %u", ea->ea_mtu);
		if (ea->ea_proto == IPPROTO_ICMP)
			printf("\n");
	}
}

static void
print_verdict(const struct explain_info *ei)
{
	printf("verdict    ");
	switch (ei->ei_verdict) {
	case EXPLAIN_DROPPED:
		printf("dropped: %s: %s (%s)", ei->ei_drop_area, ei->ei_drop_text, ei->ei_drop_name);
		break;
	case EXPLAIN_DELIVERED:
		printf("delivered to this host");
		break;
	case EXPLAIN_FORWARDED:
		printf("leaves on %s in clear", ei->ei_oif);
		break;
	case EXPLAIN_PROTECTED:
		printf("sealed with SA 0x%08x, leaves on %s", ei->ei_sa_out.es_spi, ei->ei_oif);
		break;
	case EXPLAIN_HELD:
		printf("waits for an SA; %s", ei->ei_acquire ?
		    "it would be asked for" : "it is being asked for");
		break;
	default:
		printf("waits for the other fragments");
	}
	if (ei->ei_packets > 1)
		printf(", in %u packets of at most %u bytes", ei->ei_packets, ei->ei_longest);
	if (ei->ei_verdict != EXPLAIN_DROPPED && ei->ei_drop != DROP_NONE)
		printf("; others are dropped: %s (%s)", ei->ei_drop_text, ei->ei_drop_name);
	printf("\n");
}

void
explain_print(const struct explain_req *er, const struct explain_info *ei)
{
	print_packet(er, ei);
	print_state(ei);
	if (ei->ei_in.ep_action != EXPLAIN_SP_NOT_ASKED)
		print_policy("policy in", &ei->ei_in);
	print_rules(ei);
	if (ei->ei_out.ep_action != EXPLAIN_SP_NOT_ASKED)
		print_policy("policy out", &ei->ei_out);
	print_way(ei);
	print_answers(ei);
	print_verdict(ei);
}

/* ---- JSON ---- */

static void
json_policy(const char *name, const struct explain_policy *ep)
{
	json_object(name);
	json_string("action", action_name(ep));
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
	json_string("protocol", proto_name(er->er_proto, p));
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
