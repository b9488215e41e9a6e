/* SPDX-License-Identifier: ISC */
/*
 * From the interfaces and routes that are there to those of a text.  Devices
 * and addresses are given free before others take them; a new route stands
 * before the one that it replaces goes.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/network.h"
#include "net/fib.h"
#include "net/if.h"

static struct network_step *
step(struct network_plan *np, uint16_t op)
{
	struct network_step *v;
	size_t n = np->np_n;

	if (n == 0 || (n >= 64 && (n & (n - 1)) == 0)) {
		v = reallocarray(np->np_step, n == 0 ? 64 : n * 2, sizeof(*v));
		if (v == NULL) {
			np->np_memory = true;
			return NULL;
		}
		np->np_step = v;
	}
	v = &np->np_step[np->np_n++];
	memset(v, 0, sizeof(*v));
	v->ns_op = op;
	return v;
}

static struct network_step *
step_if(struct network_plan *np, uint16_t op, const struct ctl_if *ci)
{
	struct network_step *ns = step(np, op);

	if (ns != NULL)
		memcpy(ns->ns_if.ci_name, ci->ci_name, sizeof(ci->ci_name));
	return ns;
}

static void
step_addr(struct network_plan *np, uint16_t op, const struct ctl_if *ci,
    unsigned i)
{
	struct network_step *ns = step_if(np, op, ci);

	if (ns == NULL)
		return;
	ns->ns_if.ci_naddrs = 1;
	ns->ns_if.ci_addr[0] = ci->ci_addr[i];
	ns->ns_if.ci_plen[0] = ci->ci_plen[i];
}

static const struct ctl_if *
named(const struct ctl_if *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(v[i].ci_name, name) == 0)
			return &v[i];
	}
	return NULL;
}

static bool
has_addr(const struct ctl_if *ci, const struct ctl_if *of, unsigned i)
{
	for (unsigned k = 0; k < ci->ci_naddrs; k++) {
		if (addr_equal(&ci->ci_addr[k], &of->ci_addr[i]) &&
		    ci->ci_plen[k] == of->ci_plen[i])
			return true;
	}
	return false;
}

static bool
same_device(const struct ctl_if *a, const struct ctl_if *b)
{
	return b->ci_driver[0] == '\0' || (strcmp(a->ci_driver,
	    b->ci_driver) == 0 && strcmp(a->ci_arg, b->ci_arg) == 0);
}

static bool
builtin(const struct ctl_if *ci)
{
	return strcmp(ci->ci_name, "lo0") == 0 ||
	    strcmp(ci->ci_name, "enc0") == 0;
}

/* What is there and must go. */
static void
plan_away(struct network_plan *np, const struct network *want,
    const struct ctl_if *have)
{
	const struct ctl_if *ci = named(want->ne_if, want->ne_nifs,
	    have->ci_name);

	if (ci == NULL && builtin(have))
		return;
	if (ci == NULL || !same_device(have, ci)) {
		(void)step_if(np, CTL_IF_DESTROY, have);
		return;
	}
	for (unsigned i = 0; i < have->ci_naddrs && i < 16; i++) {
		if (!has_addr(ci, have, i))
			step_addr(np, CTL_IF_ADDR_DEL, have, i);
	}
}

/* What no text says is as much of 1500 as the device takes. */
static void
plan_mtu(struct network_plan *np, const struct ctl_if *ci,
    const struct ctl_if *have)
{
	bool usual = ci->ci_mtu == NETWORK_MTU;
	struct network_step *ns;

	if (ci->ci_mtu == 0 || ci->ci_mtu == have->ci_mtu ||
	    (usual && have->ci_most != 0 && have->ci_mtu < NETWORK_MTU))
		return;
	if ((ns = step_if(np, CTL_IF_MTU, ci)) == NULL)
		return;
	ns->ns_if.ci_mtu = ci->ci_mtu;
	ns->ns_if.ci_most = usual;
}

static void
plan_new(struct network_plan *np, const struct ctl_if *ci,
    const struct ctl_if *have)
{
	static const struct ctl_if none;
	struct network_step *ns;

	if (have != NULL && !same_device(have, ci))
		have = NULL;
	if (have == NULL) {
		if ((ns = step_if(np, CTL_IF_CREATE, ci)) != NULL) {
			memcpy(ns->ns_if.ci_driver, ci->ci_driver,
			    sizeof(ci->ci_driver));
			memcpy(ns->ns_if.ci_arg, ci->ci_arg,
			    sizeof(ci->ci_arg));
		}
		have = &none;
	}
	plan_mtu(np, ci, have);
	if (strcmp(ci->ci_descr, have->ci_descr) != 0 &&
	    (ns = step_if(np, CTL_IF_DESCR, ci)) != NULL)
		memcpy(ns->ns_if.ci_descr, ci->ci_descr, sizeof(ci->ci_descr));
	for (unsigned i = 0; i < ci->ci_naddrs; i++) {
		if (!has_addr(have, ci, i))
			step_addr(np, CTL_IF_ADDR_ADD, ci, i);
	}
	if (((ci->ci_flags ^ have->ci_flags) & IF_F_UP) != 0 &&
	    (ns = step_if(np, CTL_IF_FLAGS, ci)) != NULL)
		ns->ns_if.ci_flags = ci->ci_flags & IF_F_UP;
}

void
network_plan_ifs(struct network_plan *np, const struct network *want,
    const struct ctl_if *have, size_t nhave)
{
	for (size_t i = 0; i < nhave; i++)
		plan_away(np, want, &have[i]);
	for (size_t i = 0; i < want->ne_nifs; i++)
		plan_new(np, &want->ne_if[i], named(have, nhave,
		    want->ne_if[i].ci_name));
}

/* ---- routes ---- */

/* What tells two routes apart: of one place netkern holds one. */
static int
place_cmp(const void *va, const void *vb)
{
	const struct ctl_route *a = va, *b = vb;
	int c = addr_cmp(&a->cr_dst.pr_addr, &b->cr_dst.pr_addr);

	if (c == 0)
		c = (int)a->cr_dst.pr_len - (int)b->cr_dst.pr_len;
	if (c == 0)
		c = (int)a->cr_gw.ad_af - (int)b->cr_gw.ad_af;
	if (c == 0 && a->cr_gw.ad_af != 0)
		c = addr_cmp(&a->cr_gw, &b->cr_gw);
	return c != 0 ? c : memcmp(a->cr_ifname, b->cr_ifname,
	    sizeof(a->cr_ifname));
}

static const struct ctl_route *
at_place(const struct network *ne, const struct ctl_route *cr)
{
	return ne->ne_nroutes == 0 ? NULL : bsearch(cr, ne->ne_route,
	    ne->ne_nroutes, sizeof(*cr), place_cmp);
}

static void
step_route(struct network_plan *np, uint16_t op, const struct ctl_route *cr)
{
	struct network_step *ns = step(np, op);

	if (ns != NULL)
		ns->ns_route = *cr;
}

static void
change_routes(struct network_plan *np, const struct network *now,
    const struct network *then)
{
	for (size_t i = 0; i < then->ne_nroutes; i++) {
		const struct ctl_route *cr = &then->ne_route[i];
		const struct ctl_route *old = at_place(now, cr);

		if (old != NULL && old->cr_flags == cr->cr_flags &&
		    old->cr_mtu == cr->cr_mtu && old->cr_prio == cr->cr_prio)
			continue;
		if (old != NULL)
			step_route(np, CTL_RT_DELETE, old);
		step_route(np, CTL_RT_ADD, cr);
	}
	for (size_t i = 0; i < now->ne_nroutes; i++) {
		if (at_place(then, &now->ne_route[i]) == NULL)
			step_route(np, CTL_RT_DELETE, &now->ne_route[i]);
	}
}

void
network_plan_routes(struct network_plan *np, const struct network *want,
    const struct ctl_route *have, size_t nhave)
{
	struct network now = { 0 }, then = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < nhave; i++)
		ok = network_take_route(&now, &have[i]);
	for (size_t i = 0; ok && i < want->ne_nroutes; i++) {
		struct ctl_route cr = want->ne_route[i];

		cr.cr_flags |= RT_F_STATIC;
		ok = network_take_route(&then, &cr);
	}
	if (ok && now.ne_nroutes != 0)
		qsort(now.ne_route, now.ne_nroutes, sizeof(*now.ne_route),
		    place_cmp);
	if (ok && then.ne_nroutes != 0)
		qsort(then.ne_route, then.ne_nroutes, sizeof(*then.ne_route),
		    place_cmp);
	if (ok)
		change_routes(np, &now, &then);
	else
		np->np_memory = true;
	network_free(&now);
	network_free(&then);
}

void
network_plan_free(struct network_plan *np)
{
	free(np->np_step);
	*np = (struct network_plan){ 0 };
}
