/* SPDX-License-Identifier: ISC */
/*
 * The shell's side of kern/ctl.h: connections and the entry of records.
 */
#ifndef KERN_CTL_CONN_H
#define KERN_CTL_CONN_H

#include "kern/clock.h"
#include "kern/ctl.h"

struct ctl_conn {
	uint64_t	 cc_id;		/* never reused */
	bool		 cc_privileged;	/* by peer credentials */
	int		 cc_fd;		/* descriptor that came with the record; -1 */
	/* One whole record; false: the client is gone or its queue full. */
	bool		(*cc_send)(struct ctl_conn *, const void *rec, size_t len);
	void		*cc_arg;
};

int	ctl_init(struct nk *);
void	ctl_fini(struct nk *);
/* One request record. Answers through cc_send; nk_lock held once. */
void	ctl_message(struct nk *, struct clock_now, struct ctl_conn *,
	    const void *rec, size_t len);
/* The connection has ended; nk_lock held. */
void	ctl_closed(struct nk *, uint64_t client);

#endif
