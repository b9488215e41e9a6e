/* SPDX-License-Identifier: ISC */
/*
 * The ike process: the IKE core between three sockets.
 *
 *	ike.c		the loop, the core's actions, parent and auth
 *	kernel.c	key.sock: SPIs, SAs, ACQUIRE, EXPIRE
 *	udp.c		udp.sock: datagrams, source addresses
 *	control.c	iked.sock: ikectl's questions, events
 */
#ifndef IKEPROC_H
#define IKEPROC_H

#include <stddef.h>

#include "iked.h"
#include "libpfkey/pfkey.h"
#include "libutil/imsg.h"

struct control;
struct dynamic;
struct pollfd;
struct stale_sa;

struct ikeproc {
	struct ike		*ip_ike;
	int			 ip_parent;
	int			 ip_auth;
	struct pfkey		*ip_key;		/* NULL: no network kernel */
	int			 ip_udp;		/* -1 likewise */
	int			 ip_source;
	struct control		*ip_control;
	struct iked_set		 ip_set;		/* in force */
	struct iked_set		 ip_next_set;		/* being received */
	struct iked_rule	*ip_rules;		/* in force */
	size_t			 ip_nrules;
	struct iked_rule	*ip_next;		/* being received */
	size_t			 ip_nnext;
	uint64_t		 ip_revision;
	uint64_t		 ip_failed;
	char			 ip_failed_text[256];
	bool			 ip_attached;		/* the key socket, once */
	bool			 ip_ending;
	struct stale_sa		*ip_stale;		/* of a former iked */
	size_t			 ip_nstale;
	struct dynamic		*ip_dynamic;		/* SPD entries that live as long as an SA */
	struct imsg		 ip_msg;
};

uint64_t	 now_ms(void);		/* CLOCK_MONOTONIC */

/* ike.c */
void		 ikeproc_kernel_gone(struct ikeproc *ip);
const struct iked_rule *ikeproc_rule(const struct ikeproc *ip, const char *policy);

/* kernel.c */
void		 kernel_attach(struct ikeproc *ip, int fd);
void		 kernel_read(struct ikeproc *ip);
void		 kernel_getspi(struct ikeproc *ip, uint32_t id, const struct ike_getspi *gs);
void		 kernel_sa_add(struct ikeproc *ip, uint32_t id, const struct ike_esp_sa *sa);
void		 kernel_sa_move(struct ikeproc *ip, const struct ike_esp_sa *sa);
void		 kernel_sa_delete(struct ikeproc *ip, const struct ike_sa_ref *sr);
/* Removes a former iked's SAs whose successors have been up for a while. */
void		 kernel_timer(struct ikeproc *ip, uint64_t now);
uint64_t	 kernel_deadline(const struct ikeproc *ip);

/* udp.c */
void		 udp_attach(struct ikeproc *ip, int fd);
void		 udp_read(struct ikeproc *ip);
void		 udp_send(struct ikeproc *ip, const struct ike_datagram *dg);
bool		 udp_source(struct ikeproc *ip, const struct addr *dst, struct addr *src);

/* control.c */
struct control	*control_new(int listenfd);
void		 control_free(struct control *ct);
/* Puts what to wait for into p (at most max); returns how many. */
size_t		 control_poll(const struct control *ct, struct pollfd *p, size_t max);
void		 control_ready(struct ikeproc *ip, const struct pollfd *p, size_t n);
void		 control_event(struct ikeproc *ip, const struct ike_event *ev);

#define CONTROL_CLIENTS	16

#endif
