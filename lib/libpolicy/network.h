/* SPDX-License-Identifier: ISC */
/*
 * Interfaces and routes as a text, network.conf(5): what the router has, not
 * what is to be done; that is a difference to what netkern says it has.
 *
 *	network_parse() -> network_plan_ifs(), carried out
 *	                -> network_plan_routes(), carried out
 *
 * The text is the whole truth: interfaces and routes that it does not name
 * go away.  lo0 and enc0 always exist; their addresses are the text's only
 * if it names them.  Routes that come with addresses are not touched.
 */
#ifndef LIBPOLICY_NETWORK_H
#define LIBPOLICY_NETWORK_H

#include "kern/ctl.h"
#include "libpolicy/policy.h"

enum {
	NETWORK_IFS_MAX		= 256,
	NETWORK_ROUTES_MAX	= 1 << 17,
	NETWORK_MTU		= 1500,	/* of interfaces whose text has none */
};

struct network {
	struct ctl_if		*ne_if;		/* ci_flags: IF_F_UP or 0; ci_mtu 0: as it is */
	size_t			 ne_nifs;
	struct ctl_route	*ne_route;
	size_t			 ne_nroutes;
};

void	network_free(struct network *ne);
/* Adds the lines of a text to ne, zero at first. False: errs has grown. */
bool	network_parse(struct network *ne, const struct policy_text *text,
	    struct policy_errors *errs);
/* NULL: there is none of that name. */
struct ctl_if *network_interface(struct network *ne, const char *name);
/* Normal form; it parses to the same. */
void	network_print(const struct network *ne, FILE *out);
/* What netkern has (answers of CTL_IF_LIST, CTL_RT_LIST) as such a text. */
bool	network_take_if(struct network *ne, const struct ctl_if *ci);
bool	network_take_route(struct network *ne, const struct ctl_route *cr);

/* One request of the control socket. */
struct network_step {
	uint16_t		 ns_op;		/* CTL_IF_* or CTL_RT_* */
	struct ctl_if		 ns_if;
	struct ctl_route	 ns_route;
};

struct network_plan {
	struct network_step	*np_step;
	size_t			 np_n;
	bool			 np_memory;	/* was short */
};

/* From what is there (all that netkern lists) to the text. Zero np first. */
void	network_plan_ifs(struct network_plan *np, const struct network *want,
	    const struct ctl_if *have, size_t nhave);
void	network_plan_routes(struct network_plan *np, const struct network *want,
	    const struct ctl_route *have, size_t nhave);
void	network_plan_free(struct network_plan *np);
/* "interface em0 mtu 1400" */
void	network_step_print(const struct network_step *ns, FILE *out);

#endif
