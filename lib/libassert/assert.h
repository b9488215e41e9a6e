/* SPDX-License-Identifier: ISC */
/*
 * assert.conf(5): described packets, and what is expected of them.
 *
 *	expect pass in on lan0 proto tcp from 10.1.0.5 to 192.0.2.80 port 443
 *	expect protect "branch" in on lan0 proto icmp from 10.1.0.5 to 10.2.0.9
 *
 * The language has macros, continued lines, comments and lists as
 * ipsec.conf(5) has; a list stands for one assertion for each of its words.
 * An assertion is judged by what netkern's code says of the packet
 * (pf/explain_msg.h): assert_holds() asks nobody and changes nothing.
 */
#ifndef LIBASSERT_ASSERT_H
#define LIBASSERT_ASSERT_H

#include "libpolicy/policy.h"
#include "pf/explain_msg.h"

enum {
	ASSERT_MAX	= 65536,	/* of all texts, lists expanded */
	ASSERT_LIST_MAX	= 4096,		/* of one line */
	ASSERT_REASON	= 24,
};

enum assert_verdict {
	ASSERT_PASS,		/* not dropped */
	ASSERT_BLOCK,		/* dropped */
	ASSERT_CLEAR,		/* leaves, unencrypted */
	ASSERT_PROTECT,		/* leaves through an SA, or waits for one */
	ASSERT_DELIVER,		/* to this host */
	ASSERT_VERDICTS
};

struct assertion {
	enum assert_verdict	 as_verdict;
	char			 as_entry[EXPLAIN_NAME];	/* of policy; "": any */
	char			 as_reason[ASSERT_REASON];	/* of a drop; "": any */
	char			 as_via[CTL_NAME];		/* leaves on; "": any */
	char			 as_label[PF_LABEL_MAX];	/* of a rule; "": any */
	uint32_t		 as_rule;	/* number + 1 of a rule; 0: any */
	struct explain_req	 as_req;
	char			*as_file;	/* where it stands */
	unsigned		 as_line;
};

struct assertions {
	struct assertion	*av_v;
	size_t			 av_n, av_cap;
};

/* Adds those of a text to av, zero at first. False: errs has grown. */
bool	assert_parse(struct assertions *av, const struct policy_text *text,
	    struct policy_errors *errs);
void	assert_free(struct assertions *av);
/* Normal form: one line each; it parses to the same. */
void	assert_print(const struct assertions *av, FILE *out);

/* Is what became of the packet what is expected? */
bool	assert_holds(const struct assertion *as, const struct explain_info *ei);
/*
 * Why not: "FILE:LINE: expect ...", and behind a tab each the verdict and
 * the stages that decided.
 */
void	assert_print_failure(const struct assertion *as, const struct explain_info *ei,
	    FILE *out);
/* The same for a packet that could not be tried at all. */
void	assert_print_untried(const struct assertion *as, const char *why, FILE *out);

#endif
