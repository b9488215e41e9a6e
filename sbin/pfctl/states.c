/* SPDX-License-Identifier: ISC */
/*
 * pfctl -s states.
 */
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>

#include "libctl/json.h"
#include "libpf/names.h"
#include "pfctl.h"

static const char *
peer_name(uint8_t proto, uint8_t peer, char buf[8])
{
	static const char *const tcp[] = { "CLOSED", "SYN_SENT", "ESTABLISHED", "CLOSING",
	    "FIN_WAIT_2", "TIME_WAIT" };
	static const char *const others[] = { "NO_TRAFFIC", "SINGLE", "MULTIPLE" };

	if (proto == IPPROTO_TCP && peer < 6)
		return tcp[peer];
	if (proto != IPPROTO_TCP && peer < 3)
		return others[peer];
	(void)snprintf(buf, 8, "%u", peer);
	return buf;
}

static char *
end_print(const struct addr *a, uint16_t port, uint8_t proto, char buf[ADDR_STRLEN + 8])
{
	char text[ADDR_STRLEN];

	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP)
		(void)snprintf(buf, ADDR_STRLEN + 8, "%s:%u", addr_print(a, text), port);
	else
		(void)snprintf(buf, ADDR_STRLEN + 8, "%s", addr_print(a, text));
	return buf;
}

static void
state_json(const struct pf_state_info *si)
{
	char a[ADDR_STRLEN], n[8], id[20];

	(void)snprintf(id, sizeof(id), "%016llx", (unsigned long long)si->si_id);
	json_object(NULL);
	json_string("id", id);
	json_string("protocol", pf_protocol_name(si->si_proto, n));
	json_string("source", addr_print(&si->si_src, a));
	json_number("source_port", si->si_sport);
	json_string("destination", addr_print(&si->si_dst, a));
	json_number("destination_port", si->si_dport);
	json_string("source_state", peer_name(si->si_proto, si->si_peer[0], n));
	json_string("destination_state", peer_name(si->si_proto, si->si_peer[1], n));
	json_string("interface", si->si_ifname);
	json_number("age", si->si_age_s);
	json_number("expires", si->si_expires_s);
	json_number("packets_forth", si->si_packets[0]);
	json_number("packets_back", si->si_packets[1]);
	json_number("bytes_forth", si->si_bytes[0]);
	json_number("bytes_back", si->si_bytes[1]);
	json_bool("protected_forth", si->si_protected[0] || si->si_came[0]);
	json_bool("protected_back", si->si_protected[1] || si->si_came[1]);
	json_string("tag", si->si_tag);
	json_object_end();
}

static void
state_verbose(const struct pf_state_info *si, bool more)
{
	if (si->si_proto == IPPROTO_TCP)
		printf("   [%u + %u] wscale %u  [%u + %u] wscale %u\n", si->si_seqlo[0],
		    si->si_seqhi[0] - si->si_seqlo[0], si->si_wscale[0], si->si_seqlo[1],
		    si->si_seqhi[1] - si->si_seqlo[1], si->si_wscale[1]);
	printf("   age %02u:%02u:%02u, expires in %02u:%02u:%02u, %llu:%llu pkts, %llu:%llu bytes",
	    si->si_age_s / 3600, si->si_age_s / 60 % 60, si->si_age_s % 60,
	    si->si_expires_s / 3600, si->si_expires_s / 60 % 60, si->si_expires_s % 60,
	    (unsigned long long)si->si_packets[0], (unsigned long long)si->si_packets[1],
	    (unsigned long long)si->si_bytes[0], (unsigned long long)si->si_bytes[1]);
	if (si->si_rule_in != 0)
		printf(", rule %u", si->si_rule_in - 1);
	if (si->si_rule_out != 0)
		printf(", rule out %u", si->si_rule_out - 1);
	printf("\n");
	if (more)
		printf("   id: %016llx  worker %u%s%s%s%s\n", (unsigned long long)si->si_id,
		    si->si_worker, si->si_protected[0] || si->si_came[0] ? "  ipsec forth" : "",
		    si->si_protected[1] || si->si_came[1] ? "  ipsec back" : "",
		    si->si_tag[0] != '\0' ? "  tag " : "", si->si_tag);
}

static void
state_one(void *arg, const void *body, size_t len)
{
	const struct options *op = arg;
	struct pf_state_info si;
	char src[ADDR_STRLEN + 8], dst[ADDR_STRLEN + 8], n[8], a[8], b[8];

	if (len != sizeof(si))
		return;
	memcpy(&si, body, sizeof(si));
	if (op->op_json) {
		state_json(&si);
		return;
	}
	(void)end_print(&si.si_src, si.si_sport, si.si_proto, src);
	(void)end_print(&si.si_dst, si.si_dport, si.si_proto, dst);
	/* the local end stands on the left, as on OpenBSD */
	printf("all %s %s %s %s       %s:%s\n", pf_protocol_name(si.si_proto, n),
	    si.si_local == 2 ? dst : src, si.si_local == 2 ? "<-" : "->",
	    si.si_local == 2 ? src : dst,
	    peer_name(si.si_proto, si.si_peer[si.si_local == 2], a),
	    peer_name(si.si_proto, si.si_peer[si.si_local != 2], b));
	if (op->op_verbose != 0)
		state_verbose(&si, op->op_verbose > 1);
}

void
show_states(struct ctl_client *cl, const struct options *op)
{
	struct options copy = *op;

	if (op->op_json)
		json_array("states");
	ctl_must(cl, CTL_PF_STATES, NULL, 0, state_one, &copy);
	if (op->op_json)
		json_array_end();
}
