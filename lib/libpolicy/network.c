/* SPDX-License-Identifier: ISC */
/*
 * network.conf(5): from lines with the arguments of ifconfig(8) and route(8)
 * to interfaces and routes, and back.  What must change stands in
 * network_plan.c.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/lex.h"
#include "libpolicy/network.h"
#include "net/fib.h"
#include "net/if.h"

enum { WORDS_MAX = 64, WORD_MAX = 128 };

struct line {
	const struct policy_text *ln_text;
	struct policy_errors	*ln_errs;
	struct network		*ln_net;
	unsigned		 ln_nr;
	size_t			 ln_off;		/* where it begins */
	char			 ln_word[WORDS_MAX][WORD_MAX];
	size_t			 ln_col[WORDS_MAX + 1];
	unsigned		 ln_n;
	unsigned		 ln_at;		/* the next word */
	bool			 ln_failed;
};

static bool complain(struct line *, unsigned, const char *, ...)
    __attribute__((format(printf, 3, 4)));

static bool
complain(struct line *ln, unsigned word, const char *fmt, ...)
{
	struct tok tk = { .tk_file = ln->ln_text->tx_name,
	    .tk_body = ln->ln_text->tx_body, .tk_bodylen = ln->ln_text->tx_len,
	    .tk_line = ln->ln_nr };
	char msg[300];
	va_list ap;

	if (word > ln->ln_n)
		word = ln->ln_n;
	tk.tk_off = ln->ln_off + ln->ln_col[word];
	tk.tk_col = (unsigned)ln->ln_col[word] + 1;
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	policy_errors_add(ln->ln_errs, &tk, msg);
	ln->ln_failed = true;
	return false;
}

void
network_free(struct network *ne)
{
	free(ne->ne_if);
	free(ne->ne_route);
	*ne = (struct network){ 0 };
}

/* ---- words of a line ---- */

static bool
add_word(struct line *ln, const char *p, size_t n, size_t col)
{
	ln->ln_col[ln->ln_n] = col;
	if (ln->ln_n == WORDS_MAX)
		return complain(ln, ln->ln_n, "too many words");
	if (n >= WORD_MAX || memchr(p, '\0', n) != NULL)
		return complain(ln, ln->ln_n, "this word is too long");
	if (n != 0)
		memcpy(ln->ln_word[ln->ln_n], p, n);
	ln->ln_word[ln->ln_n++][n] = '\0';
	ln->ln_col[ln->ln_n] = col + n;
	return true;
}

static bool
split(struct line *ln, const char *p, size_t len)
{
	size_t i = 0, from;

	ln->ln_n = ln->ln_at = 0;
	ln->ln_col[0] = 0;
	ln->ln_failed = false;
	while (i < len) {
		if (strchr(" \t\r", p[i]) != NULL && p[i] != '\0') {
			i++;
			continue;
		}
		if (p[i] == '#')
			break;
		from = i;
		if (p[i] == '"') {
			const char *end = memchr(p + i + 1, '"', len - i - 1);

			if (end == NULL) {
				ln->ln_col[ln->ln_n] = i;
				return complain(ln, ln->ln_n,
				    "a quote without its end");
			}
			i = (size_t)(end - p) + 1;
			if (!add_word(ln, p + from + 1, i - from - 2, from))
				return false;
			continue;
		}
		while (i < len && (p[i] == '\0' || strchr(" \t\r#\"", p[i]) == NULL))
			i++;
		if (i < len && p[i] == '"') {
			ln->ln_col[ln->ln_n] = i;
			return complain(ln, ln->ln_n, "a quote within a word: "
			    "quote the whole word");
		}
		if (!add_word(ln, p + from, i - from, from))
			return false;
	}
	return true;
}

/* The next word; NULL with a complaint if there is none. */
static const char *
take(struct line *ln, const char *what)
{
	if (ln->ln_at < ln->ln_n)
		return ln->ln_word[ln->ln_at++];
	(void)complain(ln, ln->ln_n, "%s expected", what);
	return NULL;
}

static bool
take_is(struct line *ln, const char *word)
{
	if (ln->ln_at == ln->ln_n || strcmp(ln->ln_word[ln->ln_at], word) != 0)
		return false;
	ln->ln_at++;
	return true;
}

static bool
take_number(struct line *ln, const char *what, unsigned least, unsigned most,
    unsigned *out)
{
	const char *word = take(ln, what);
	unsigned long v;
	char *end;

	if (word == NULL)
		return false;
	v = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end != '\0' || v < least || v > most)
		return complain(ln, ln->ln_at - 1, "%s is a number from %u to %u",
		    what, least, most);
	*out = (unsigned)v;
	return true;
}

static bool
take_text(struct line *ln, const char *what, char *out, size_t cap)
{
	const char *word = take(ln, what);

	if (word == NULL)
		return false;
	if (strlen(word) >= cap)
		return complain(ln, ln->ln_at - 1, "%s is longer than %zu "
		    "characters", what, cap - 1);
	memset(out, 0, cap);
	memcpy(out, word, strlen(word));
	return true;
}

/* ---- interface ---- */

struct ctl_if *
network_interface(struct network *ne, const char *name)
{
	for (size_t i = 0; i < ne->ne_nifs; i++) {
		if (strcmp(ne->ne_if[i].ci_name, name) == 0)
			return &ne->ne_if[i];
	}
	return NULL;
}

static bool
builtin(const char *name)
{
	return strcmp(name, "lo0") == 0 || strcmp(name, "enc0") == 0;
}

static struct ctl_if *
interface_add(struct network *ne, const char *name)
{
	struct ctl_if *v, *ci;

	if (ne->ne_nifs == NETWORK_IFS_MAX)
		return NULL;
	v = reallocarray(ne->ne_if, ne->ne_nifs + 1, sizeof(*v));
	if (v == NULL)
		return NULL;
	ne->ne_if = v;
	ci = &v[ne->ne_nifs++];
	memset(ci, 0, sizeof(*ci));
	memcpy(ci->ci_name, name, strlen(name));
	ci->ci_mtu = builtin(name) ? 0 : NETWORK_MTU;
	ci->ci_flags = builtin(name) ? IF_F_UP : 0;
	return ci;
}

static bool
take_mask(struct line *ln, unsigned *bits)
{
	const char *word = take(ln, "a netmask"), *why;

	if (word == NULL)
		return false;
	why = netmask_parse(word, bits);
	return why == NULL || complain(ln, ln->ln_at - 1, "%s", why);
}

/* address[/bits] */
static bool
take_address(struct line *ln, struct addr *a, unsigned *bits)
{
	const char *word = take(ln, "an address such as 192.0.2.1/24");
	struct prefix whole;
	char buf[WORD_MAX], *slash;

	if (word == NULL)
		return false;
	memcpy(buf, word, strlen(word) + 1);
	if ((slash = strchr(buf, '/')) != NULL)
		*slash++ = '\0';
	if (!addr_parse(buf, a) || a->ad_af != AF_INET)
		return complain(ln, ln->ln_at - 1, "not an IPv4 address such "
		    "as 192.0.2.1/24");
	*bits = 0;
	if (slash == NULL)
		return true;
	*bits = (unsigned)strtoul(slash, &slash, 10);
	whole.pr_len = (uint8_t)*bits;
	if (*slash != '\0' || *bits < 1 || *bits > 32 || whole.pr_len != *bits)
		return complain(ln, ln->ln_at - 1, "a prefix length is a "
		    "number from 1 to 32");
	return true;
}

static bool
verb_inet(struct line *ln, struct ctl_if *ci)
{
	bool alias = false, ok = true;
	unsigned at = ln->ln_at, bits;
	struct addr a;

	if (!take_address(ln, &a, &bits))
		return false;
	while (ok && ln->ln_at < ln->ln_n) {
		if (take_is(ln, "netmask"))
			ok = take_mask(ln, &bits);
		else if (take_is(ln, "prefixlen"))
			ok = take_number(ln, "a prefix length", 1, 32, &bits);
		else if (take_is(ln, "alias"))
			alias = true;
		else
			break;
	}
	if (!ok)
		return false;
	if (bits == 0)
		return complain(ln, at, "say how long the prefix is, such as "
		    "/24 or netmask 255.255.255.0");
	if (!alias) {
		ci->ci_naddrs = 0;
		ci->ci_flags |= IF_F_UP;
	}
	for (unsigned i = 0; i < ci->ci_naddrs; i++) {
		if (addr_equal(&ci->ci_addr[i], &a))
			return complain(ln, at, "the interface has this "
			    "address already");
	}
	if (ci->ci_naddrs == 16)
		return complain(ln, at, "an interface has 16 addresses at most");
	ci->ci_addr[ci->ci_naddrs] = a;
	ci->ci_plen[ci->ci_naddrs++] = (uint8_t)bits;
	return true;
}

static bool
verb(struct line *ln, struct ctl_if *ci)
{
	unsigned mtu;

	if (take_is(ln, "up"))
		ci->ci_flags |= IF_F_UP;
	else if (take_is(ln, "down"))
		ci->ci_flags &= (uint16_t)~IF_F_UP;
	else if (take_is(ln, "mtu")) {
		if (!take_number(ln, "an MTU", 68, 65535, &mtu))
			return false;
		ci->ci_mtu = (uint16_t)mtu;
	} else if (take_is(ln, "description") || take_is(ln, "descr"))
		return take_text(ln, "a description", ci->ci_descr,
		    sizeof(ci->ci_descr));
	else if (take_is(ln, "inet"))
		return verb_inet(ln, ci);
	else if (ln->ln_word[ln->ln_at][0] >= '0' &&
	    ln->ln_word[ln->ln_at][0] <= '9')
		return verb_inet(ln, ci);
	else
		return complain(ln, ln->ln_at, "unknown word '%.40s': create, "
		    "inet, up, down, mtu or description expected",
		    ln->ln_word[ln->ln_at]);
	return true;
}

/* create driver [argument]: the argument ends before a known word. */
static bool
verb_create(struct line *ln, const char *name, unsigned at)
{
	static const char *const words[] = { "up", "down", "mtu",
	    "description", "descr", "inet" };
	struct ctl_if *ci;

	if (builtin(name) || network_interface(ln->ln_net, name) != NULL)
		return complain(ln, at, "%s exists already", name);
	if ((ci = interface_add(ln->ln_net, name)) == NULL)
		return complain(ln, at, "there are too many interfaces");
	if (!take_text(ln, "a driver: nic, packet, xdp, tap, pcap or pktgen",
	    ci->ci_driver, sizeof(ci->ci_driver)))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (ln->ln_at < ln->ln_n &&
		    strcmp(ln->ln_word[ln->ln_at], words[i]) == 0)
			return true;
	}
	return ln->ln_at == ln->ln_n || take_text(ln, "the driver's argument",
	    ci->ci_arg, sizeof(ci->ci_arg));
}

static void
line_interface(struct line *ln)
{
	struct ctl_if *ci;
	char name[CTL_NAME];
	bool ok;

	if (!take_text(ln, "an interface", name, sizeof(name)))
		return;
	ok = !take_is(ln, "create") || verb_create(ln, name, 1);
	if (!ok)
		return;
	ci = network_interface(ln->ln_net, name);
	if (ci == NULL && builtin(name))
		ci = interface_add(ln->ln_net, name);
	if (ci == NULL) {
		(void)complain(ln, 1, "nothing above creates %s: interface %s "
		    "create nic eth0", name, name);
		return;
	}
	while (ok && ln->ln_at < ln->ln_n)
		ok = verb(ln, ci);
}

/* ---- route ---- */

static bool
route_place(struct line *ln, struct ctl_route *cr, unsigned n, unsigned *bits)
{
	const char *word = ln->ln_word[ln->ln_at];
	struct addr a;

	if (n == 0) {
		if (strcmp(word, "default") == 0)
			word = "0.0.0.0/0";
		if (!prefix_parse(word, &cr->cr_dst) ||
		    cr->cr_dst.pr_addr.ad_af != AF_INET)
			return complain(ln, ln->ln_at, "not a destination "
			    "such as 10.2.0.0/16 or default");
	} else if (n == 1) {
		if (addr_parse(word, &a))
			cr->cr_gw = a;
		else if (strlen(word) < sizeof(cr->cr_ifname))
			memcpy(cr->cr_ifname, word, strlen(word));
		else
			return complain(ln, ln->ln_at, "neither an address nor "
			    "an interface");
	} else if (n > 2 || netmask_parse(word, bits) != NULL) {
		return complain(ln, ln->ln_at, "the line should end here");
	}
	ln->ln_at++;
	return true;
}

static bool
route_option(struct line *ln, struct ctl_route *cr)
{
	unsigned v;

	if (take_is(ln, "-net") || take_is(ln, "-host") ||
	    take_is(ln, "-inet") || take_is(ln, "-iface"))
		return true;
	if (take_is(ln, "-blackhole"))
		cr->cr_flags |= RT_F_BLACKHOLE;
	else if (take_is(ln, "-reject"))
		cr->cr_flags |= RT_F_REJECT;
	else if (take_is(ln, "-mtu")) {
		if (!take_number(ln, "an MTU", 68, 65535, &v))
			return false;
		cr->cr_mtu = (uint16_t)v;
	} else if (take_is(ln, "-priority")) {
		if (!take_number(ln, "a priority", 0, 255, &v))
			return false;
		cr->cr_prio = (uint8_t)v;
	} else {
		return complain(ln, ln->ln_at, "unknown option '%.40s'",
		    ln->ln_word[ln->ln_at]);
	}
	return true;
}

/* What network_take_route() and the plan compare is in one form. */
static void
route_clean(struct ctl_route *cr)
{
	cr->cr_flags &= RT_F_BLACKHOLE | RT_F_REJECT;
	if (cr->cr_flags != 0) {
		cr->cr_gw = (struct addr){ 0 };
		memset(cr->cr_ifname, 0, sizeof(cr->cr_ifname));
	} else if (cr->cr_gw.ad_af != 0) {
		memset(cr->cr_ifname, 0, sizeof(cr->cr_ifname));
	}
}

static bool
route_add(struct network *ne, const struct ctl_route *cr)
{
	struct ctl_route *v;
	size_t n = ne->ne_nroutes;

	if (n == NETWORK_ROUTES_MAX)
		return false;
	if (n == 0 || (n >= 64 && (n & (n - 1)) == 0)) {
		v = reallocarray(ne->ne_route, n == 0 ? 64 : n * 2, sizeof(*v));
		if (v == NULL)
			return false;
		ne->ne_route = v;
	}
	ne->ne_route[ne->ne_nroutes++] = *cr;
	return true;
}

static void
line_route(struct line *ln)
{
	struct ctl_route cr;
	unsigned n = 0, bits = 33;
	struct prefix masked;
	bool ok = true;

	memset(&cr, 0, sizeof(cr));
	if (!take_is(ln, "add")) {
		(void)complain(ln, 1, "only 'route add' can stand here: the "
		    "text says which routes there are");
		return;
	}
	while (ok && ln->ln_at < ln->ln_n) {
		if (ln->ln_word[ln->ln_at][0] == '-')
			ok = route_option(ln, &cr);
		else
			ok = route_place(ln, &cr, n++, &bits);
	}
	if (!ok)
		return;
	if (bits <= 32)
		cr.cr_dst.pr_len = (uint8_t)bits;
	masked = cr.cr_dst;
	addr_mask(&masked.pr_addr, masked.pr_len);
	if (n < 1)
		(void)complain(ln, ln->ln_n, "a destination expected");
	else if (!addr_equal(&masked.pr_addr, &cr.cr_dst.pr_addr))
		(void)complain(ln, 2, "the destination has bits set that its "
		    "prefix length excludes");
	else if (n == 1 && cr.cr_flags == 0)
		(void)complain(ln, ln->ln_n, "name the gateway, or say "
		    "-blackhole or -reject");
	else {
		route_clean(&cr);
		if (!route_add(ln->ln_net, &cr))
			(void)complain(ln, 0, "there are too many routes");
	}
}

bool
network_parse(struct network *ne, const struct policy_text *text,
    struct policy_errors *errs)
{
	struct line *ln = calloc(1, sizeof(*ln));
	bool ok = true;

	if (ln == NULL)
		return false;
	ln->ln_text = text;
	ln->ln_errs = errs;
	ln->ln_net = ne;
	while (ln->ln_off < text->tx_len) {
		const char *p = text->tx_body + ln->ln_off;
		const char *end = memchr(p, '\n', text->tx_len - ln->ln_off);
		size_t len = end != NULL ? (size_t)(end - p) :
		    text->tx_len - ln->ln_off;

		ln->ln_nr++;
		if (split(ln, p, len) && ln->ln_n != 0) {
			if (take_is(ln, "interface") || take_is(ln, "ifconfig"))
				line_interface(ln);
			else if (take_is(ln, "route"))
				line_route(ln);
			else
				(void)complain(ln, 0, "a line begins with "
				    "interface or route");
		}
		ok = ok && !ln->ln_failed;
		ln->ln_off += len + 1;
	}
	free(ln);
	return ok;
}

/* ---- print ---- */

static void
print_if(const struct ctl_if *ci, FILE *out)
{
	char addr[ADDR_STRLEN];

	if (!builtin(ci->ci_name))
		fprintf(out, "interface %s create %s%s%s%s\n", ci->ci_name,
		    ci->ci_driver, ci->ci_arg[0] != '\0' ? " \"" : "",
		    ci->ci_arg, ci->ci_arg[0] != '\0' ? "\"" : "");
	if (ci->ci_descr[0] != '\0')
		fprintf(out, "interface %s description \"%s\"\n", ci->ci_name,
		    ci->ci_descr);
	if (ci->ci_mtu != 0 && ci->ci_mtu != NETWORK_MTU)
		fprintf(out, "interface %s mtu %u\n", ci->ci_name, ci->ci_mtu);
	for (unsigned i = 0; i < ci->ci_naddrs; i++)
		fprintf(out, "interface %s inet %s/%u alias\n", ci->ci_name,
		    addr_print(&ci->ci_addr[i], addr), ci->ci_plen[i]);
	fprintf(out, "interface %s %s\n", ci->ci_name,
	    (ci->ci_flags & IF_F_UP) != 0 ? "up" : "down");
}

static void
print_route(const struct ctl_route *cr, FILE *out)
{
	char dst[PREFIX_STRLEN], gw[ADDR_STRLEN];

	fputs("route add", out);
	if ((cr->cr_flags & RT_F_BLACKHOLE) != 0)
		fputs(" -blackhole", out);
	if ((cr->cr_flags & RT_F_REJECT) != 0)
		fputs(" -reject", out);
	if (cr->cr_mtu != 0)
		fprintf(out, " -mtu %u", cr->cr_mtu);
	if (cr->cr_prio != 0)
		fprintf(out, " -priority %u", cr->cr_prio);
	fprintf(out, " %s", cr->cr_dst.pr_len == 0 ? "default" :
	    prefix_print(&cr->cr_dst, dst));
	if (cr->cr_gw.ad_af != 0)
		fprintf(out, " %s", addr_print(&cr->cr_gw, gw));
	else if (cr->cr_ifname[0] != '\0')
		fprintf(out, " -iface %s", cr->cr_ifname);
	fputc('\n', out);
}

void
network_print(const struct network *ne, FILE *out)
{
	for (size_t i = 0; i < ne->ne_nifs; i++)
		print_if(&ne->ne_if[i], out);
	for (size_t i = 0; i < ne->ne_nroutes; i++)
		print_route(&ne->ne_route[i], out);
}

/* ---- what is there ---- */

bool
network_take_if(struct network *ne, const struct ctl_if *have)
{
	struct ctl_if *ci;

	if (builtin(have->ci_name))
		return true;
	if ((ci = interface_add(ne, have->ci_name)) == NULL)
		return false;
	*ci = *have;
	ci->ci_flags &= IF_F_UP;
	return true;
}

bool
network_take_route(struct network *ne, const struct ctl_route *have)
{
	struct ctl_route cr = *have;

	if ((have->cr_flags & RT_F_STATIC) == 0)
		return true;
	route_clean(&cr);
	return route_add(ne, &cr);
}

void
network_step_print(const struct network_step *ns, FILE *out)
{
	const struct ctl_if *ci = &ns->ns_if;
	char addr[ADDR_STRLEN] = "";

	if (ns->ns_op >= CTL_RT_ADD) {
		if (ns->ns_op == CTL_RT_DELETE)
			fputs("without ", out);
		print_route(&ns->ns_route, out);
		return;
	}
	if (ci->ci_naddrs != 0)
		(void)addr_print(&ci->ci_addr[0], addr);
	fprintf(out, "interface %s ", ci->ci_name);
	switch (ns->ns_op) {
	case CTL_IF_CREATE:
		fprintf(out, "create %s %s\n", ci->ci_driver, ci->ci_arg);
		break;
	case CTL_IF_DESTROY:
		fputs("destroy\n", out);
		break;
	case CTL_IF_ADDR_ADD:
		fprintf(out, "inet %s/%u alias\n", addr, ci->ci_plen[0]);
		break;
	case CTL_IF_ADDR_DEL:
		fprintf(out, "without inet %s/%u\n", addr, ci->ci_plen[0]);
		break;
	case CTL_IF_MTU:
		fprintf(out, "mtu %u\n", ci->ci_mtu);
		break;
	case CTL_IF_DESCR:
		fprintf(out, "description \"%s\"\n", ci->ci_descr);
		break;
	default:
		fprintf(out, "%s\n", (ci->ci_flags & IF_F_UP) != 0 ? "up" :
		    "down");
	}
}
