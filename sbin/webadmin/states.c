/* SPDX-License-Identifier: ISC */
/*
 * /firewall/states: those that match a filter, sorted, a page of them.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "libpf/names.h"
#include "libpf/pfrule.h"
#include "page.h"

enum { EACH = 50 };

struct wanted {
	const char		*wa_q;
	struct pf_state_info	*wa_v;
	size_t			 wa_n, wa_cap, wa_all;
};

static const char *
proto_name(uint8_t proto, char buf[8])
{
	const char *name = pf_word_name(pf_protocols, proto);

	if (name != NULL)
		return name;
	(void)snprintf(buf, 8, "%u", proto);
	return buf;
}

static const char *
peer_name(uint8_t proto, uint8_t peer)
{
	static const char *const tcp[] = { "CLOSED", "SYN_SENT", "ESTABLISHED",
	    "CLOSING", "FIN_WAIT_2", "TIME_WAIT" };
	static const char *const others[] = { "NO_TRAFFIC", "SINGLE", "MULTIPLE" };

	if (proto == IPPROTO_TCP)
		return peer < 6 ? tcp[peer] : "?";
	return peer < 3 ? others[peer] : "?";
}

/* The filter looks at what the line shows. */
static bool
matches(const struct pf_state_info *si, const char *q)
{
	char line[300], a[ADDR_STRLEN], b[ADDR_STRLEN], n[8];

	if (q[0] == '\0')
		return true;
	(void)snprintf(line, sizeof(line), "%s %s:%u %s:%u %s %s %s",
	    proto_name(si->si_proto, n), addr_print(&si->si_src, a), si->si_sport,
	    addr_print(&si->si_dst, b), si->si_dport, si->si_ifname,
	    peer_name(si->si_proto, si->si_peer[0]), si->si_tag);
	return strcasestr(line, q) != NULL;
}

static void
keep(void *arg, const void *body, size_t len)
{
	struct wanted *wa = arg;
	struct pf_state_info si, *more;

	if (len != sizeof(si))
		return;
	memcpy(&si, body, sizeof(si));
	wa->wa_all++;
	if (!matches(&si, wa->wa_q))
		return;
	if (wa->wa_n == wa->wa_cap) {
		size_t cap = wa->wa_cap == 0 ? 256 : wa->wa_cap * 2;

		if ((more = reallocarray(wa->wa_v, cap, sizeof(*more))) == NULL)
			return;
		wa->wa_v = more;
		wa->wa_cap = cap;
	}
	wa->wa_v[wa->wa_n++] = si;
}

/* ---- orders ---- */

static int
compare(uint64_t a, uint64_t b)
{
	return a < b ? 1 : -(a > b);	/* the most first */
}

static uint64_t
bytes(const struct pf_state_info *si)
{
	return si->si_bytes[0] + si->si_bytes[1];
}

static int
by_bytes(const void *a, const void *b)
{
	return compare(bytes(a), bytes(b));
}

static int
by_age(const void *a, const void *b)
{
	return compare(((const struct pf_state_info *)a)->si_age_s,
	    ((const struct pf_state_info *)b)->si_age_s);
}

static int
by_expiry(const void *a, const void *b)
{
	return compare(((const struct pf_state_info *)b)->si_expires_s,
	    ((const struct pf_state_info *)a)->si_expires_s);
}

static int
by_source(const void *a, const void *b)
{
	return memcmp(&((const struct pf_state_info *)a)->si_src,
	    &((const struct pf_state_info *)b)->si_src, sizeof(struct addr));
}

static int
by_target(const void *a, const void *b)
{
	return memcmp(&((const struct pf_state_info *)a)->si_dst,
	    &((const struct pf_state_info *)b)->si_dst, sizeof(struct addr));
}

static const struct {
	const char	*id, *label;
	int		(*fn)(const void *, const void *);
} orders[] = {
	{ "bytes", "most bytes", by_bytes }, { "age", "oldest", by_age },
	{ "expiry", "ends first", by_expiry }, { "source", "source", by_source },
	{ "target", "destination", by_target },
};
#define ORDERS	(sizeof(orders) / sizeof(orders[0]))

static size_t
put_orders(struct page *pg)
{
	const char *sort = web_text(&pg->pg_rq, "sort");
	cJSON *a = put_array(pg->pg_data, "orders"), *o;
	size_t chosen = 0;

	for (size_t i = 0; i < ORDERS; i++)
		if (strcmp(sort, orders[i].id) == 0)
			chosen = i;
	for (size_t i = 0; i < ORDERS; i++) {
		o = put_item(a);
		put_text(o, "value", orders[i].id);
		put_text(o, "label", orders[i].label);
		put_bool(o, "selected", i == chosen);
	}
	return chosen;
}

static void
put_state(cJSON *list, const struct pf_state_info *si)
{
	cJSON *o = put_item(list);
	char a[ADDR_STRLEN], n[8], id[20];

	(void)snprintf(id, sizeof(id), "%016llx", (unsigned long long)si->si_id);
	put_text(o, "id", id);
	put_text(o, "protocol", proto_name(si->si_proto, n));
	put_text(o, "source", addr_print(&si->si_src, a));
	put_number(o, "source_port", si->si_sport);
	put_text(o, "destination", addr_print(&si->si_dst, a));
	put_number(o, "destination_port", si->si_dport);
	put_bool(o, "ports", si->si_proto == IPPROTO_TCP ||
	    si->si_proto == IPPROTO_UDP || si->si_proto == IPPROTO_ICMP);
	put_text(o, "source_state", peer_name(si->si_proto, si->si_peer[0]));
	put_text(o, "destination_state", peer_name(si->si_proto, si->si_peer[1]));
	put_text(o, "interface", si->si_ifname);
	put_number(o, "age", si->si_age_s);
	put_number(o, "expires", si->si_expires_s);
	put_number(o, "packets_forth", (double)si->si_packets[0]);
	put_number(o, "packets_back", (double)si->si_packets[1]);
	put_number(o, "bytes_forth", (double)si->si_bytes[0]);
	put_number(o, "bytes_back", (double)si->si_bytes[1]);
	put_bool(o, "protected_forth", si->si_protected[0] || si->si_came[0]);
	put_bool(o, "protected_back", si->si_protected[1] || si->si_came[1]);
	put_text(o, "tag", si->si_tag);
}

void
states_get(struct page *pg)
{
	struct wanted wa = { .wa_q = web_text(&pg->pg_rq, "q") };
	struct ctl_client *cl = netkern_open(pg);
	size_t order = put_orders(pg);
	struct span sp;
	cJSON *a;

	put_text(pg->pg_data, "q", wa.wa_q);
	if (cl != NULL && ctl_call(cl, CTL_PF_STATES, NULL, 0, -1, keep, &wa) != 0)
		page_problem(pg, ctl_error(cl));
	ctl_close(cl);
	if (wa.wa_n != 0)
		qsort(wa.wa_v, wa.wa_n, sizeof(*wa.wa_v), orders[order].fn);
	put_number(pg->pg_data, "all", (double)wa.wa_all);
	sp = page_span(pg, wa.wa_n, EACH);
	a = put_array(pg->pg_data, "states");
	for (size_t i = sp.from; i < sp.to; i++)
		put_state(a, &wa.wa_v[i]);
	free(wa.wa_v);
}
