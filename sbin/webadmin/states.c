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
peer_name(uint8_t proto, uint8_t peer)
{
	static const char *const tcp[] = { "CLOSED", "SYN_SENT", "ESTABLISHED",
	    "CLOSING", "FIN_WAIT_2", "TIME_WAIT" };
	static const char *const others[] = { "NO_TRAFFIC", "SINGLE", "MULTIPLE" };

	if (proto == IPPROTO_TCP)
		return peer < 6 ? tcp[peer] : "?";
	return peer < 3 ? others[peer] : "?";
}

/* ---- the filter: what the line shows, in small letters ---- */

struct line {
	char	li_text[200];
	size_t	li_n;
};

static void
append(struct line *li, const char *text, char behind)
{
	while (*text != '\0' && li->li_n + 2 < sizeof(li->li_text)) {
		char c = *text++;

		li->li_text[li->li_n++] = c >= 'A' && c <= 'Z' ?
		    (char)(c - 'A' + 'a') : c;
	}
	li->li_text[li->li_n++] = behind;
	li->li_text[li->li_n] = '\0';
}

static void
append_number(struct line *li, unsigned v, char behind)
{
	char digits[12];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do
		digits[--at] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	append(li, digits + at, behind);
}

/* A hundred thousand of them are printed for a page. */
static void
append_addr(struct line *li, const struct addr *a)
{
	char text[ADDR_STRLEN];

	if (a->ad_af != AF_INET) {
		append(li, addr_print(a, text), ':');
		return;
	}
	for (int i = 0; i < 4; i++)
		append_number(li, a->ad_bytes[i], i < 3 ? '.' : ':');
}

static bool
matches(const struct pf_state_info *si, const char *q)
{
	struct line li = { .li_n = 0 };
	char n[8];

	if (q[0] == '\0')
		return true;
	append(&li, pf_protocol_name(si->si_proto, n), ' ');
	append_addr(&li, &si->si_src);
	append_number(&li, si->si_sport, ' ');
	append_addr(&li, &si->si_dst);
	append_number(&li, si->si_dport, ' ');
	append(&li, si->si_ifname, ' ');
	append(&li, peer_name(si->si_proto, si->si_peer[0]), ' ');
	append(&li, si->si_tag, ' ');
	return strstr(li.li_text, q) != NULL;
}

static void
keep_one(struct wanted *wa, const struct pf_state_info *si)
{
	struct pf_state_info *more;

	wa->wa_all++;
	if (!matches(si, wa->wa_q))
		return;
	if (wa->wa_n == wa->wa_cap) {
		size_t cap = wa->wa_cap == 0 ? 256 : wa->wa_cap * 2;

		if ((more = reallocarray(wa->wa_v, cap, sizeof(*more))) == NULL)
			return;
		wa->wa_v = more;
		wa->wa_cap = cap;
	}
	wa->wa_v[wa->wa_n++] = *si;
}

/* As many as a record holds. */
static void
keep(void *arg, const void *body, size_t len)
{
	struct cur c = cur_init(body, len);
	struct pf_state_info si;

	while (cur_copy(&c, &si, sizeof(si)))
		keep_one(arg, &si);
}

/* ---- orders: a number each, the least comes first ---- */

struct rank {
	uint64_t	ra_key;
	size_t		ra_at;
};

static uint64_t
by_bytes(const struct pf_state_info *si)
{
	return ~(si->si_bytes[0] + si->si_bytes[1]);
}

static uint64_t
by_age(const struct pf_state_info *si)
{
	return ~(uint64_t)si->si_age_s;
}

static uint64_t
by_expiry(const struct pf_state_info *si)
{
	return si->si_expires_s;
}

/* The first eight bytes, in their order. */
static uint64_t
addr_key(const struct addr *a)
{
	uint64_t key = 0;

	for (int i = 0; i < 8; i++)
		key = key << 8 | a->ad_bytes[i];
	return key;
}

static uint64_t
by_source(const struct pf_state_info *si)
{
	return addr_key(&si->si_src) + si->si_sport;
}

static uint64_t
by_target(const struct pf_state_info *si)
{
	return addr_key(&si->si_dst) + si->si_dport;
}

static int
by_key(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->ra_key != y->ra_key)
		return x->ra_key < y->ra_key ? -1 : 1;
	return x->ra_at < y->ra_at ? -1 : 1;
}

static const struct {
	const char	*id, *label;
	uint64_t	(*fn)(const struct pf_state_info *);
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
	put_text(o, "protocol", pf_protocol_name(si->si_proto, n));
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

/* malloc'd; NULL if there are none. */
static struct rank *
ranked(const struct wanted *wa, size_t order)
{
	struct rank *ra = wa->wa_n != 0 ? calloc(wa->wa_n, sizeof(*ra)) : NULL;

	for (size_t i = 0; ra != NULL && i < wa->wa_n; i++)
		ra[i] = (struct rank){ orders[order].fn(&wa->wa_v[i]), i };
	if (ra != NULL)
		qsort(ra, wa->wa_n, sizeof(*ra), by_key);
	return ra;
}

void
states_get(struct page *pg)
{
	const char *asked = web_text(&pg->pg_rq, "q");
	struct line q = { .li_n = 0 };
	struct wanted wa = { .wa_q = q.li_text };
	struct ctl_client *cl = netkern_open(pg);
	size_t order = put_orders(pg);
	struct rank *ra;
	struct span sp;
	cJSON *a;

	if (asked[0] != '\0')
		append(&q, asked, '\0');
	put_text(pg->pg_data, "q", asked);
	if (cl != NULL && ctl_call(cl, CTL_PF_STATES, &(struct pf_number){ 1 },
	    sizeof(struct pf_number), -1, keep, &wa) != 0)
		page_problem(pg, ctl_error(cl));
	ctl_close(cl);
	ra = ranked(&wa, order);
	put_number(pg->pg_data, "all", (double)wa.wa_all);
	sp = page_span(pg, ra != NULL ? wa.wa_n : 0, EACH);
	put_bool(pg->pg_data, "some", sp.to > sp.from);
	a = put_array(pg->pg_data, "states");
	for (size_t i = sp.from; i < sp.to; i++)
		put_state(a, &wa.wa_v[ra[i].ra_at]);
	free(ra);
	free(wa.wa_v);
}
