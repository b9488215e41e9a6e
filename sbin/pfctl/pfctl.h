/* SPDX-License-Identifier: ISC */
/*
 * The parts of pfctl(8).
 */
#ifndef PFCTL_H
#define PFCTL_H

#include <stdbool.h>
#include <stddef.h>

#include "libctl/client.h"
#include "libpf/pf.h"

#define DEFINES_MAX	64

struct options {
	const char	*op_rundir;
	const char	*op_table;
	const char	*op_defines[DEFINES_MAX + 1];
	unsigned	 op_ndefines;
	unsigned	 op_verbose;
	bool		 op_noaction, op_quiet, op_json;
};

/* To standard error, unless -q. */
void	say(const struct options *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* load.c: parse, and unless -n load. Prints complaints; false. */
bool	load_file(const struct options *, const char *path);

/* show.c: false: no such thing to show. */
bool	show(struct ctl_client *, const struct options *, const char *what);
void	show_states(struct ctl_client *, const struct options *);

/* table.c: -T; the exit status. */
int	table_command(struct ctl_client *, const struct options *, const char *command,
	    char **argv, int argc);

#endif
