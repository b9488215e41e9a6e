/* SPDX-License-Identifier: ISC */
/*
 * Kernel modules, by three text files of /lib/modules:
 *
 *	list	NAME DEPENDENCY...	the dependencies in the order of loading
 *	alias	PATTERN NAME		fnmatch(3) of a device's modalias
 *	boot	NAME			always loaded, in order
 *
 * The module NAME is /lib/modules/NAME.ko; '-' and '_' are the same in
 * names.  What is in none of the files is part of the kernel.
 */
#ifndef MODULES_H
#define MODULES_H

#include <stdbool.h>
#include <stddef.h>

enum {
	MODULES_MAX	= 2048,
	MODULE_NAME	= 64,
};

struct modules {
	char	*mo_list, *mo_alias, *mo_boot;	/* texts; NULL empty */
	char	 mo_plan[MODULES_MAX][MODULE_NAME];	/* to load, in order */
	size_t	 mo_n;
};

/* A module and, before it, what it needs; false: the plan is full. */
bool	modules_want(struct modules *mo, const char *name);
/* All modules whose pattern a modalias matches; how many there were. */
size_t	modules_match(struct modules *mo, const char *modalias);
/* Those of the text boot. */
void	modules_boot(struct modules *mo);

#endif
