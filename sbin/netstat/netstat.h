/* SPDX-License-Identifier: ISC */
/*
 * netstat(1): one function a table.
 */
#ifndef NETSTAT_H
#define NETSTAT_H

#include "libctl/client.h"

struct options {
	bool		 op_json;
	bool		 op_all;	/* -a: also what is zero */
	const char	*op_iface;	/* -I */
	const char	*op_area;	/* -p */
};

void	show_interfaces(struct ctl_client *, const struct options *);
/* A line of rates every seconds, until killed; count 0: for ever. */
void	show_rates(struct ctl_client *, const struct options *, unsigned seconds, unsigned count);
void	show_routes(struct ctl_client *, const struct options *);
void	show_neighbours(struct ctl_client *, const struct options *);
void	show_stats(struct ctl_client *, const struct options *);
void	show_workers(struct ctl_client *, const struct options *);

#endif
