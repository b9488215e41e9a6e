/* SPDX-License-Identifier: ISC */
/*
 * One address or the default route of network.conf(5), changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../init/boot.h"
#include "console.h"
#include "libseed/seed.h"
#include "net/if.h"

/* "10.1.0.1/24" with host bits. */
static bool
read_address(const char *text, struct addr *addr, unsigned *len)
{
	const char *slash = strchr(text, '/');
	char host[64], *end;
	unsigned long v;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(host))
		return false;
	(void)snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
	v = strtoul(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || v < 1 || v > 32)
		return false;
	*len = (unsigned)v;
	return addr_parse(host, addr) && addr->ad_af == AF_INET;
}

bool
netedit_address(struct network *ne, const char *ifname, const char *text,
    const char **why)
{
	struct ctl_if *ci = network_interface(ne, ifname);
	struct addr addr;
	unsigned len;

	if (ci == NULL) {
		*why = "there is no such interface";
		return false;
	}
	if (strcmp(text, "none") == 0) {
		ci->ci_naddrs = 0;
		return true;
	}
	if (!read_address(text, &addr, &len)) {
		*why = "an address is written like 192.168.1.1/24";
		return false;
	}
	ci->ci_naddrs = 1;
	ci->ci_addr[0] = addr;
	ci->ci_plen[0] = (uint8_t)len;
	ci->ci_flags |= IF_F_UP;
	return true;
}

static struct ctl_route *
default_route(struct network *ne)
{
	for (size_t i = 0; i < ne->ne_nroutes; i++) {
		const struct prefix *dst = &ne->ne_route[i].cr_dst;

		if (dst->pr_len == 0 && dst->pr_addr.ad_af == AF_INET)
			return &ne->ne_route[i];
	}
	return NULL;
}

static bool
add_route(struct network *ne, const struct addr *gw, const char **why)
{
	struct policy_errors errs = { 0 };
	struct policy_text text = { .tx_name = "gateway" };
	char line[128], ip[ADDR_STRLEN];
	bool ok;

	(void)snprintf(line, sizeof(line), "route add default %s\n",
	    addr_print(gw, ip));
	text.tx_body = line;
	text.tx_len = strlen(line);
	ok = network_parse(ne, &text, &errs);
	policy_errors_free(&errs);
	*why = "this route is not taken";
	return ok;
}

bool
netedit_gateway(struct network *ne, const char *text, const char **why)
{
	struct ctl_route *cr = default_route(ne);
	struct addr gw;

	if (strcmp(text, "none") != 0 && (!addr_parse(text, &gw) ||
	    gw.ad_af != AF_INET)) {
		*why = "a gateway is an address, such as 192.0.2.254";
		return false;
	}
	if (cr != NULL) {
		*cr = ne->ne_route[ne->ne_nroutes - 1];
		ne->ne_nroutes--;
	}
	return strcmp(text, "none") == 0 || add_route(ne, &gw, why);
}

void
netedit_show_address(const struct network *ne, const char *ifname, char *out,
    size_t cap)
{
	char ip[ADDR_STRLEN];

	(void)snprintf(out, cap, "none");
	for (size_t i = 0; i < ne->ne_nifs; i++) {
		const struct ctl_if *ci = &ne->ne_if[i];

		if (strcmp(ci->ci_name, ifname) == 0 && ci->ci_naddrs != 0)
			(void)snprintf(out, cap, "%s/%u",
			    addr_print(&ci->ci_addr[0], ip), ci->ci_plen[0]);
	}
}

void
netedit_show_gateway(const struct network *ne, char *out, size_t cap)
{
	char ip[ADDR_STRLEN];

	(void)snprintf(out, cap, "none");
	for (size_t i = 0; i < ne->ne_nroutes; i++) {
		const struct ctl_route *cr = &ne->ne_route[i];

		if (cr->cr_dst.pr_len == 0 && cr->cr_gw.ad_af == AF_INET)
			(void)snprintf(out, cap, "%s",
			    addr_print(&cr->cr_gw, ip));
	}
}

bool
netedit_read(struct network *ne, const char **why)
{
	static struct seed sd;
	struct policy_errors errs = { 0 };
	struct policy_text text = { .tx_name = "revision" };
	const struct seed_part *sp = &sd.sd_part[POLICY_PART_NETWORK];
	char *shown = revision_text(&text.tx_len);
	bool ok;

	*ne = (struct network){ 0 };
	*why = "the newest revision cannot be read";
	text.tx_body = shown;
	/* what show prints has the form of a seed */
	ok = shown != NULL && seed_parse(&sd, &text, &errs);
	if (ok && sp->sp_there) {
		text.tx_body = sp->sp_body;
		text.tx_len = sp->sp_len;
		ok = network_parse(ne, &text, &errs);
	}
	policy_errors_free(&errs);
	free(shown);
	return ok;
}
