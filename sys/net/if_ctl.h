/* SPDX-License-Identifier: ISC */
/*
 * Control operations of interfaces (CTL_IF_*), and the drivers by name.
 */
#ifndef NET_IF_CTL_H
#define NET_IF_CTL_H

#include "net/if.h"

int	if_ctl_init(struct nk *);
/* Makes a driver known to CTL_IF_CREATE; the shell's matter, so that a simulation needs no devices. */
int	if_driver_register(struct nk *, const struct if_ops *);

#endif
