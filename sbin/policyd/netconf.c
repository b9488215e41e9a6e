/* SPDX-License-Identifier: ISC */
/*
 * Interfaces and routes of a revision, by difference to those that the
 * network kernel has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libutil/log.h"
#include "revise.h"

struct list {
	uint8_t	*li_v;
	size_t	 li_n, li_size;
	bool	 li_memory;
};

static void
see(void *arg, const void *body, size_t len)
{
	struct list *li = arg;
	size_t n = li->li_n;
	uint8_t *v;

	if (len != li->li_size)
		return;
	if (n == 0 || (n >= 64 && (n & (n - 1)) == 0)) {
		v = reallocarray(li->li_v, n == 0 ? 64 : n * 2, len);
		if (v == NULL) {
			li->li_memory = true;
			return;
		}
		li->li_v = v;
	}
	if (!li->li_memory)
		memcpy(li->li_v + li->li_n++ * len, body, len);
}

static bool
ask(struct ctl_client *cl, uint16_t op, size_t size, struct list *li)
{
	*li = (struct list){ .li_size = size };
	if (ctl_call(cl, op, NULL, 0, -1, see, li) == 0 && !li->li_memory)
		return true;
	free(li->li_v);
	return false;
}

bool
netconf_parse(const struct policy_texts *tx, struct network *ne,
    struct policy_errors *errs)
{
	bool ok = true;

	memset(ne, 0, sizeof(*ne));
	for (size_t i = 0; i < tx->tx_n; i++) {
		const struct policy_text_item *ti = &tx->tx_v[i];
		struct policy_text text = { ti->ti_name, ti->ti_body,
		    ti->ti_len };

		if (ti->ti_part == POLICY_PART_NETWORK &&
		    ti->ti_kind == POLICY_TEXT_MAIN)
			ok &= network_parse(ne, &text, errs);
	}
	return ok;
}

static bool
carry_out(struct ctl_client *cl, const struct network_plan *np, char *why, size_t cap)
{
	char what[200] = "";
	int error = 0;
	FILE *out;

	for (size_t i = 0; i < np->np_n && error == 0; i++) {
		const struct network_step *ns = &np->np_step[i];

		if (ns->ns_op < CTL_RT_ADD)
			error = ctl_call(cl, ns->ns_op, &ns->ns_if,
			    sizeof(ns->ns_if), -1, NULL, NULL);
		else
			error = ctl_call(cl, ns->ns_op, &ns->ns_route,
			    sizeof(ns->ns_route), -1, NULL, NULL);
		/* what went with an interface or an address is gone, too */
		if (error == ENOENT && (ns->ns_op == CTL_RT_DELETE ||
		    ns->ns_op == CTL_IF_ADDR_DEL || ns->ns_op == CTL_IF_DESTROY))
			error = 0;
		if (error != 0 && (out = fmemopen(what, sizeof(what),
		    "w")) != NULL) {
			network_step_print(ns, out);
			(void)fclose(out);
			what[sizeof(what) - 1] = '\0';
			what[strcspn(what, "\n")] = '\0';
		}
	}
	if (error != 0)
		(void)snprintf(why, cap, "%s: %s", what, ctl_error(cl));
	return error == 0;
}

bool
netconf_make(struct ctl_client *cl, const struct network *ne, size_t *changes, char *why,
    size_t cap)
{
	struct network_plan np = { 0 };
	struct list li;
	bool ok = false;

	(void)snprintf(why, cap, "out of memory");
	if (ask(cl, CTL_IF_LIST, sizeof(struct ctl_if), &li)) {
		network_plan_ifs(&np, ne, (struct ctl_if *)(void *)li.li_v, li.li_n);
		free(li.li_v);
		ok = !np.np_memory && carry_out(cl, &np, why, cap);
		*changes += np.np_n;
		network_plan_free(&np);
	} else {
		(void)snprintf(why, cap, "%s", ctl_error(cl));
	}
	if (!ok)
		return false;
	if (!ask(cl, CTL_RT_LIST, sizeof(struct ctl_route), &li)) {
		(void)snprintf(why, cap, "%s", ctl_error(cl));
		return false;
	}
	network_plan_routes(&np, ne, (struct ctl_route *)(void *)li.li_v, li.li_n);
	free(li.li_v);
	ok = !np.np_memory && carry_out(cl, &np, why, cap);
	*changes += np.np_n;
	network_plan_free(&np);
	return ok;
}

bool
netconf_apply(struct policyd *pd, struct revision *re)
{
	char why[700];

	return !re->re_has_network || netconf_make(re->re_ctl, &re->re_network,
	    &re->re_changes, why, sizeof(why)) || revise_problem(pd, "network: %s", why);
}

bool
netconf_found(struct ctl_client *cl, struct policy_texts *tx)
{
	struct network ne = { 0 };
	struct list ifs = { 0 }, routes = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	bool ok = ask(cl, CTL_IF_LIST, sizeof(struct ctl_if), &ifs);

	ok = ok && ask(cl, CTL_RT_LIST, sizeof(struct ctl_route), &routes);
	for (size_t i = 0; ok && i < ifs.li_n; i++)
		ok = network_take_if(&ne, (struct ctl_if *)(void *)ifs.li_v + i);
	for (size_t i = 0; ok && i < routes.li_n; i++)
		ok = network_take_route(&ne,
		    (struct ctl_route *)(void *)routes.li_v + i);
	free(ifs.li_v);
	free(routes.li_v);
	if (ok && (out = open_memstream(&text, &len)) != NULL) {
		fputs("# as it was found running\n", out);
		network_print(&ne, out);
		ok = fclose(out) == 0 && policy_texts_add_part(tx,
		    POLICY_PART_NETWORK, POLICY_TEXT_MAIN, "network.conf",
		    text, len);
		free(text);
	} else {
		ok = false;
	}
	network_free(&ne);
	return ok;
}
