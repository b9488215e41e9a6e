/* SPDX-License-Identifier: ISC */
/*
 * Assertions (assert.conf(5)) of a revision, tried before it takes effect.
 *
 * A child of policyd builds a router on trial (candidate.h) of the parsed
 * revision, tries each packet, writes its report into a pipe and ends.  It
 * closes every other descriptor first and keeps no system call but memory,
 * time and that pipe: whatever goes wrong in it, nothing can take effect, no
 * store is written, and its memory is gone with it.  A child that dies, or
 * is not ready in JUDGE_SECONDS, is an assertion that fails.
 *
 * Interfaces, routes and rules that the revision has no text of are those
 * that run, as they are at that time; so are the settings of sysctl(8).
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "libassert/assert.h"
#include "policyd.h"

enum { JUDGE_SECONDS = 20 };

/* What a revision is made of. */
struct judge_case {
	const struct assertions	*jc_assertions;
	const struct policy	*jc_policy;
	const struct network	*jc_network;
	const struct pf_conf	*jc_filter;
	bool			 jc_has_forwarding;
	char			 jc_forwarding[16];	/* net.inet.ip.forwarding */
};

struct judge_report {
	uint32_t	jr_failed;	/* assertions */
	char		jr_text[POLICYW_TEXT_MAX - 200];	/* of the first ones */
};

/* In a child.  False: they could not be tried, and jr_text says why. */
bool	judge(const struct judge_case *jc, struct judge_report *jr);

/*
 * Are the assertions among the texts true of the revision that the texts and
 * pol are?  Yes if there are none.  Text says how many hold, or which fail.
 */
bool	judge_texts(struct policyd *pd, struct policy_texts *tx, const struct policy *pol,
	    char *text, size_t cap);
/*
 * The newest revision came by going back, and `left' was in force: a warning
 * if assertions of that one fail, else "".
 */
void	judge_warn(struct policyd *pd, uint64_t left, char *text, size_t cap);

#endif
