/* SPDX-License-Identifier: ISC */
/*
 * ifconfig(8): asking and showing.
 */
#ifndef IFCONFIG_H
#define IFCONFIG_H

#include "libctl/client.h"

/* Prints all interfaces, or the one named; false: no such interface. */
bool	show(struct ctl_client *, const char *name, bool json);

#endif
