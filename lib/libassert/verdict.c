/* SPDX-License-Identifier: ISC */
/*
 * What netkern says of a described packet: a line a stage (verdict.h).
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "libassert/verdict.h"
#include "libpf/names.h"
#include "libpf/pf.h"

const char *
verdict_action(const struct explain_policy *ep)
{
	static const char *const names[] = { "protect", "bypass", "discard" };

	if (ep->ep_action < sizeof(names) / sizeof(names[0]))
		return names[ep->ep_action];
	return ep->ep_action == EXPLAIN_SP_NOT_ASKED ? "not asked" : "none";
}

const char *
verdict_type(const struct explain_policy *ep)
{
	static const char *const names[] = { "require", "dontacq", "acquire", "use" };

	return ep->ep_type < sizeof(names) / sizeof(names[0]) ? names[ep->ep_type] : "?";
}

static void
print_packet(const struct explain_req *er, const struct explain_info *ei, FILE *out)
{
	char a[ADDR_STRLEN], b[ADDR_STRLEN], p[16];

	fprintf(out, "packet     %s%s%s proto %s from %s", er->er_dir == EXPLAIN_IN ? "in on " : "out",
	    er->er_ifname, "", pf_protocol_name(er->er_proto, p), addr_print(&er->er_src, a));
	if (er->er_sport != 0)
		fprintf(out, " port %u", er->er_sport);
	fprintf(out, " to %s", addr_print(&er->er_dst, b));
	if (er->er_dport != 0)
		fprintf(out, " port %u", er->er_dport);
	fprintf(out, ", %u bytes\n", ei->ei_len);
	if (ei->ei_came.es_spi != 0)
		fprintf(out, "came       through SA 0x%08x%s%s\n", ei->ei_came.es_spi,
		    ei->ei_came.es_name[0] != '\0' ? " " : "", ei->ei_came.es_name);
}

static void
print_state(const struct explain_info *ei, FILE *out)
{
	switch (ei->ei_state) {
	case EXPLAIN_ST_NEW:
		fprintf(out, "state      none; one would be made\n");
		break;
	case EXPLAIN_ST_KNOWN:
		fprintf(out, "state      %016llx, %s%s\n", (unsigned long long)ei->ei_state_id,
		    ei->ei_dir == 0 ? "in the direction of its originator" : "the way back",
		    ei->ei_remembered ? "; its decision is in force" : "; decided anew");
		break;
	case EXPLAIN_ST_MEMORY:
		fprintf(out, "state      none; an earlier decision is remembered\n");
		break;
	default:
		fprintf(out, "state      none\n");
	}
}

static void
print_policy(const char *what, const struct explain_policy *ep, FILE *out)
{
	fprintf(out, "%-10s %s", what, verdict_action(ep));
	if (ep->ep_protects && ep->ep_type != EXPLAIN_REQUIRE)
		fprintf(out, ", type %s", verdict_type(ep));
	if (ep->ep_action < EXPLAIN_SP_NONE)
		fprintf(out, ", entry %u%s%s", ep->ep_id, ep->ep_name[0] != '\0' ? " " : "", ep->ep_name);
	fprintf(out, "\n");
}

static void
print_rules(const struct explain_info *ei, FILE *out)
{
	char buf[PF_RULE_STRLEN];

	for (unsigned i = 0; i < ei->ei_nrules && i < EXPLAIN_RULES; i++) {
		const struct explain_rule *r = &ei->ei_rule[i];

		fprintf(out, "rule %-5s ", r->ex_dir == 1 ? "in" : "out");
		if (r->ex_ifname[0] != '\0')
			fprintf(out, "%s: ", r->ex_ifname);
		if (r->ex_nr == 0)
			fprintf(out, "none matches, %s", r->ex_pass ? "pass" : "block");
		else
			fprintf(out, "@%u %s", r->ex_nr - 1, pf_rule_print(&r->ex_rule, buf));
		fprintf(out, "%s\n", r->ex_outer ? " (for the outer packet)" : "");
	}
	if (ei->ei_dice)
		fprintf(out, "           rules with a probability were diced for\n");
}

void
verdict_stages(const struct explain_info *ei, FILE *out)
{
	if (ei->ei_in.ep_action != EXPLAIN_SP_NOT_ASKED)
		print_policy("policy in", &ei->ei_in, out);
	print_rules(ei, out);
	if (ei->ei_out.ep_action != EXPLAIN_SP_NOT_ASKED)
		print_policy("policy out", &ei->ei_out, out);
}

static void
print_way(const struct explain_info *ei, FILE *out)
{
	char p[PREFIX_STRLEN], a[ADDR_STRLEN];

	if (ei->ei_local)
		fprintf(out, "for        this host%s\n", ei->ei_local == 2 ?
		    ": Linux, through the host interface" : "");
	if (ei->ei_sa_out.es_spi != 0)
		fprintf(out, "sa         0x%08x%s%s to %s\n", ei->ei_sa_out.es_spi,
		    ei->ei_sa_out.es_name[0] != '\0' ? " " : "", ei->ei_sa_out.es_name,
		    addr_print(&ei->ei_sa_out.es_dst, a));
	if (ei->ei_routed) {
		fprintf(out, "route      %s", prefix_print(&ei->ei_route.cr_dst, p));
		if (ei->ei_route.cr_gw.ad_af != 0)
			fprintf(out, " via %s", addr_print(&ei->ei_route.cr_gw, a));
		if (ei->ei_route.cr_ifname[0] != '\0')
			fprintf(out, " on %s", ei->ei_route.cr_ifname);
		fprintf(out, "\n");
	}
	if (ei->ei_hop != EXPLAIN_HOP_NONE)
		fprintf(out, "next hop   %s on %s, %s\n", addr_print(&ei->ei_neigh.cn_addr, a),
		    ei->ei_neigh.cn_ifname,
		    ei->ei_hop == EXPLAIN_HOP_RESOLVED ? "resolved" :
		    ei->ei_hop == EXPLAIN_HOP_FAILED ? "does not answer" :
		    ei->ei_hop == EXPLAIN_HOP_ASK ? "would be asked for" : "is being asked for");
	if (ei->ei_mtu != 0)
		fprintf(out, "mtu        %u, %s\n", ei->ei_mtu, ei->ei_len <= ei->ei_mtu ? "fits" :
		    ei->ei_packets > 1 ? "would be fragmented" : "too big");
}

static void
print_answers(const struct explain_info *ei, FILE *out)
{
	for (unsigned i = 0; i < ei->ei_nanswers && i < EXPLAIN_ANSWERS; i++) {
		const struct explain_answer *ea = &ei->ei_answer[i];

		if (ea->ea_proto != IPPROTO_ICMP)
			fprintf(out, "answer     TCP reset\n");
		else
			fprintf(out, "answer     ICMP type %u code %u", ea->ea_type, ea->ea_code);
		if (ea->ea_proto == IPPROTO_ICMP && ea->ea_mtu != 0)
			fprintf(out, ", mtu %u", ea->ea_mtu);
		if (ea->ea_proto == IPPROTO_ICMP)
			fprintf(out, "\n");
	}
}

void
verdict_print(const struct explain_info *ei, FILE *out)
{
	fprintf(out, "verdict    ");
	switch (ei->ei_verdict) {
	case EXPLAIN_DROPPED:
		fprintf(out, "dropped: %s: %s (%s)", ei->ei_drop_area, ei->ei_drop_text, ei->ei_drop_name);
		break;
	case EXPLAIN_DELIVERED:
		fprintf(out, "delivered to this host");
		break;
	case EXPLAIN_FORWARDED:
		fprintf(out, "leaves on %s in clear", ei->ei_oif);
		break;
	case EXPLAIN_PROTECTED:
		fprintf(out, "sealed with SA 0x%08x, leaves on %s", ei->ei_sa_out.es_spi, ei->ei_oif);
		break;
	case EXPLAIN_HELD:
		fprintf(out, "waits for an SA; %s", ei->ei_acquire ?
		    "it would be asked for" : "it is being asked for");
		break;
	default:
		fprintf(out, "waits for the other fragments");
	}
	if (ei->ei_packets > 1)
		fprintf(out, ", in %u packets of at most %u bytes", ei->ei_packets, ei->ei_longest);
	if (ei->ei_verdict != EXPLAIN_DROPPED && ei->ei_drop != DROP_NONE)
		fprintf(out, "; others are dropped: %s (%s)", ei->ei_drop_text, ei->ei_drop_name);
	fprintf(out, "\n");
}

void
verdict_explain(const struct explain_req *er, const struct explain_info *ei, FILE *out)
{
	print_packet(er, ei, out);
	print_state(ei, out);
	verdict_stages(ei, out);
	print_way(ei, out);
	print_answers(ei, out);
	verdict_print(ei, out);
}
