/* SPDX-License-Identifier: ISC */
/*
 * iked.sock, as the ike process's loop sees it (libctl/ikectl.h).
 */
#ifndef IKED_CONTROL_H
#define IKED_CONTROL_H

#include "event.h"
#include "ikeproc.h"
#include "libutil/peer.h"

#define CONTROL_CLIENTS	16

struct control;
struct pollfd;

/* may: who may change anything; all others who can connect may look. */
struct control	*control_new(int listenfd, const struct peer_members *may);
void		 control_free(struct control *ct);
/* Puts what to wait for into p (at most max); returns how many. */
size_t		 control_poll(const struct control *ct, struct pollfd *p, size_t max);
/* kernel: are the network kernel's sockets connected? */
void		 control_ready(struct control *ct, struct ikeproc *ip,
    const struct events *es, bool kernel, const struct pollfd *p, size_t n);
void		 control_event(struct control *ct, const struct iked_event *ie);

#endif
