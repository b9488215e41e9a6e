/* SPDX-License-Identifier: ISC */
/*
 * What drivers ask of a Linux interface, by ioctl(2) and ethtool's requests.
 */
#ifndef DEV_LINUXIF_H
#define DEV_LINUXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ifnet;

/* What was switched off of a device. */
struct linuxif_off {
	uint32_t	lo_flags;	/* ETH_FLAG_* */
	bool		lo_gro;
};

/* A device has queues that receive and send, or queues of either kind. */
struct linuxif_queues {
	uint32_t	lq_both, lq_rx, lq_tx;
};

/* Writes "NAME: WHAT: " and what errno says; returns errno. */
int	linuxif_refuse(const char *name, const char *what, char *err, size_t errlen);

/*
 * Takes its address and MTU over and sets it up; *ifindex is its number.  Any
 * socket does.  0, or an errno with its reason in err.
 */
int	linuxif_learn(struct ifnet *, const char *name, int fd, int *ifindex,
    char *err, size_t errlen);

/* The MTU that Linux gives it now, at most 65535; 65535 if it does not say. */
unsigned linuxif_mtu(int fd, const char *name);

/* While fd, a packet socket, is open: what is for other stations, too. 0 or -1. */
int	linuxif_promisc(int fd, int ifindex);

/*
 * VLAN tags stay in the frames, and the device joins none.  0, or an errno if
 * the device will not.  What was switched off is added to *was.
 */
int	linuxif_as_sent(int fd, const char *name, struct linuxif_off *was);
/* Linux joins no frames of it (GRO). 0, or an errno. */
int	linuxif_no_gro(int fd, const char *name, struct linuxif_off *was);
/* Switches that on again. */
void	linuxif_on_again(int fd, const char *name, const struct linuxif_off *was);

/* The queues that it has, taken for one that does both where it does not say. */
struct linuxif_queues linuxif_queues(int fd, const char *name);
/* So many to receive, and as many to send, are wanted: as far as it can have them. */
void	linuxif_queues_want(int fd, const char *name, unsigned want);
/* 0, or an errno: EINVAL while AF_XDP has a queue that is to go. */
int	linuxif_queues_set(int fd, const char *name, const struct linuxif_queues *);

#endif
