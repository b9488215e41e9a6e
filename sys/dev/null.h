/* SPDX-License-Identifier: ISC */
/*
 * A device that is not there: nothing comes in, what goes out is freed.  For
 * routers on trial (policyd) and for tests.  With ",host" behind the argument
 * it stands for the way to Linux, as the driver tap's does.
 *
 *	static const struct if_ops ops = NULL_DRIVER("packet");
 */
#ifndef DEV_NULL_H
#define DEV_NULL_H

#include "net/if.h"

#define NULL_DRIVER(name) { .io_name = (name), .io_open = null_open,	\
	.io_close = null_close, .io_rx = null_rx, .io_tx = null_tx, .io_fd = null_fd }

int		null_open(struct ifnet *, const char *arg, unsigned nq, char *err,
		    size_t errlen);
void		null_close(struct ifnet *);
unsigned	null_rx(struct ifnet *, unsigned q, struct worker *, struct pktvec *);
void		null_tx(struct ifnet *, unsigned q, struct worker *, struct pktvec *);
int		null_fd(struct ifnet *, unsigned q);

#endif
