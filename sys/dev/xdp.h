/* SPDX-License-Identifier: ISC */
/*
 * Opening an interface by AF_XDP, or saying why not.
 */
#ifndef DEV_XDP_H
#define DEV_XDP_H

#include <stdbool.h>
#include <stddef.h>

#include "net/if.h"

enum xdp_mode {
	XDP_BETTER,		/* native; zero copy if the device has it */
	XDP_ONLY_ZEROCOPY,	/* native, and zero copy or not at all */
	XDP_ONLY_COPY,		/* native */
	XDP_GENERIC,		/* without the help of the device's driver */
};

struct xdp_want {
	char		xw_name[IFNAME_MAX];	/* of the Linux interface */
	enum xdp_mode	xw_mode;
	bool		xw_promisc;
};

/* As io_open; sets if_mode. */
int	xdp_open(struct ifnet *, const struct xdp_want *, unsigned nq, char *err, size_t errlen);

/* The functions of an interface that xdp_open() opened. */
extern const struct if_ops xdp_device_ops;

#endif
