/* SPDX-License-Identifier: ISC */
/*
 * /interfaces: addresses, counters, a chart of each one's rates, and routes.
 */
#include <stdlib.h>
#include <string.h>

#include "net/if.h"
#include "page.h"

enum { ROUTES_MAX = 200, CHARTS_MAX = 24 };

struct listing {
	struct page	*li_pg;
	cJSON		*li_list;
	size_t		 li_n;
};

static void
put_addresses(cJSON *o, const struct ctl_if *ci)
{
	cJSON *a = put_array(o, "addresses"), *e;
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < ci->ci_naddrs && i < 16; i++) {
		e = put_item(a);
		put_text(e, "address", addr_print(&ci->ci_addr[i], text));
		put_number(e, "prefixlen", ci->ci_plen[i]);
	}
}

static void
one_interface(void *arg, const void *body, size_t len)
{
	struct listing *li = arg;
	struct ctl_if ci;
	char series[CTL_NAME + 8];
	cJSON *o;

	if (len != sizeof(ci))
		return;
	memcpy(&ci, body, sizeof(ci));
	o = put_item(li->li_list);
	put_text(o, "name", ci.ci_name);
	put_text(o, "description", ci.ci_descr);
	put_text(o, "driver", ci.ci_driver);
	put_bool(o, "up", (ci.ci_flags & IF_F_UP) != 0);
	put_bool(o, "running", (ci.ci_flags & IF_F_RUNNING) != 0);
	put_text(o, "state", (ci.ci_flags & IF_F_UP) == 0 ? "down" :
	    (ci.ci_flags & IF_F_RUNNING) == 0 ? "up, not running" : "up");
	put_number(o, "mtu", ci.ci_mtu);
	put_addresses(o, &ci);
	put_number(o, "ipackets", (double)ci.ci_ipackets);
	put_number(o, "ibytes", (double)ci.ci_ibytes);
	put_number(o, "idrops", (double)ci.ci_idrops);
	put_number(o, "opackets", (double)ci.ci_opackets);
	put_number(o, "obytes", (double)ci.ci_obytes);
	put_number(o, "odrops", (double)ci.ci_odrops);
	(void)snprintf(series, sizeof(series), "if:%.*s", CTL_NAME, ci.ci_name);
	if (li->li_n++ < CHARTS_MAX)
		chart_put(li->li_pg, put_object(o, "rates"), series, 3600);
}

static void
one_route(void *arg, const void *body, size_t len)
{
	struct listing *li = arg;
	struct ctl_route cr;
	char text[PREFIX_STRLEN];
	cJSON *o;

	if (len != sizeof(cr) || li->li_n++ >= ROUTES_MAX)
		return;
	memcpy(&cr, body, sizeof(cr));
	o = put_item(li->li_list);
	put_text(o, "destination", prefix_print(&cr.cr_dst, text));
	if (cr.cr_gw.ad_af != 0)
		put_text(o, "gateway", addr_print(&cr.cr_gw, text));
	put_text(o, "interface", cr.cr_ifname);
}

void
interfaces_get(struct page *pg)
{
	struct listing li = { .li_pg = pg };
	struct ctl_client *cl = netkern_open(pg);

	li.li_list = put_array(pg->pg_data, "interfaces");
	if (cl != NULL && ctl_call(cl, CTL_IF_LIST, NULL, 0, -1, one_interface,
	    &li) != 0)
		page_problem(pg, ctl_error(cl));
	li.li_n = 0;
	li.li_list = put_array(pg->pg_data, "routes");
	if (cl != NULL)
		(void)ctl_call(cl, CTL_RT_LIST, NULL, 0, -1, one_route, &li);
	put_bool(pg->pg_data, "some", li.li_n != 0);
	if (li.li_n > ROUTES_MAX)
		put_number(pg->pg_data, "more_routes", (double)(li.li_n - ROUTES_MAX));
	ctl_close(cl);
}
