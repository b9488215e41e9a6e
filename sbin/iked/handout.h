/* SPDX-License-Identifier: ISC */
/*
 * What the parent has handed on to the ike and auth processes, and how a revision
 * goes to them by difference: rules that stand as they stood are named in runs,
 * the others go whole, and a secret goes only if it is new or another.
 *
 * Of each rule the parent keeps its name and two numbers that tell whether it or
 * its secret has changed, nothing else.
 */
#ifndef IKED_HANDOUT_H
#define IKED_HANDOUT_H

#include <stddef.h>

#include "iked.h"

enum handout_to { TO_IKE, TO_AUTH };

/* Sends one message; false: that process has gone. */
typedef bool handout_send_fn(void *arg, enum handout_to to, uint32_t type,
    const void *data, size_t len);

struct known;

struct handout {
	handout_send_fn	*ha_send;
	void		*ha_arg;
	uint64_t	 ha_salt;	/* random, of this process */
	struct known	*ha_known;	/* the rules of the revision handed on */
	size_t		 ha_n;
	bool		 ha_active;	/* its `set active' */
	uint64_t	 ha_number;	/* of the policy; 0: none yet, or in doubt */
	uint64_t	 ha_count;	/* numbers given */
};

/* A revision, by difference to the one handed on. */
struct handout_revision {
	uint64_t		 hr_revision;
	uint64_t		 hr_told;	/* as ie_told */
	const struct policy	*hr_policy;	/* with secrets: its rules stand ... */
	size_t			 hr_at, hr_old;	/* ... here, for so many of before */
};

void	handout_init(struct handout *ha, handout_send_fn *send, void *arg);
void	handout_free(struct handout *ha);
/*
 * False if a process has gone, memory is short, or hr_at and hr_old are no part
 * of what was handed on: then what the others have is in doubt.
 */
bool	handout(struct handout *ha, const struct handout_revision *hr);
/* The next one goes whole. */
void	handout_forget(struct handout *ha);

#endif
