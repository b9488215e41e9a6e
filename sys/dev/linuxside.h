/* SPDX-License-Identifier: ISC */
/*
 * The Linux side of a host interface (net/host.h): addresses and routes that
 * Linux is given on a device, by rtnetlink(7).  0, or an errno.
 *
 * Routes have metric 4096, so that others that Linux may have go before.
 * They go with the device.
 */
#ifndef DEV_LINUXSIDE_H
#define DEV_LINUXSIDE_H

#include <stdbool.h>

#include "libutil/addr.h"

#define LINUXSIDE_METRIC	4096

/* Everything that Linux knows no better way to leaves through the device. */
int	linuxside_default(int ifindex);
/*
 * An IPv4 address, as that of a host alone, and the network around it by a
 * route, so that Linux takes it as the source when it speaks to a neighbour
 * there.  One that is there already, or gone, is no error.
 */
int	linuxside_addr(int ifindex, const struct addr *, unsigned plen, bool add);

#endif
