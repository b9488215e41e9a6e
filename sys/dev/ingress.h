/* SPDX-License-Identifier: ISC */
/*
 * Keeping a Linux interface's frames from Linux' own stack.
 *
 * A packet socket gets copies; the frames themselves go on to Linux, which
 * would spend time on them and might answer or forward what our filter
 * refuses.  A two-instruction program on the interface's ingress hook, which
 * lies behind packet sockets, drops them.  It is held by a descriptor, so
 * that it goes away with the interface or with the process.
 *
 * Linux has this hook (TCX) since 6.6.  On older ones Linux is told not to
 * believe what comes in there: with a host interface (net/host.h) it has
 * addresses of ours, and would serve them past our filter.
 */
#ifndef DEV_INGRESS_H
#define DEV_INGRESS_H

/*
 * Loads the program; once, while the process may (CAP_BPF).  Without it
 * ingress_hold() fails.
 */
void	ingress_prepare(void);
/* From now on the interface's frames stay from Linux: a descriptor, or -1. */
int	ingress_hold(int ifindex);
/*
 * Linux answers no ARP there, forwards nothing, and drops what comes from
 * somewhere that it has a better way to (strict reverse path), which is
 * everything: the default route leads into the host interface.  0, or an errno.
 */
int	ingress_quiet(const char *ifname);

#endif
