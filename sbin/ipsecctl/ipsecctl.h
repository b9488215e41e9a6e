/* SPDX-License-Identifier: ISC */
/*
 * What the files of ipsecctl(8) share.
 */
#ifndef IPSECCTL_H
#define IPSECCTL_H

#include <stdbool.h>

#include "libpolicy/texts.h"

struct options {
	bool		 op_check;	/* -n */
	bool		 op_delete;	/* -d */
	bool		 op_flush;	/* -F */
	bool		 op_json;	/* -j */
	bool		 op_keys;	/* -k */
	bool		 op_monitor;	/* -m */
	unsigned	 op_verbose;	/* -v */
	const char	*op_show;	/* -s: "flow", "sa", "all", "stats"; NULL */
	const char	*op_reason;	/* -M: why, for the revision */
	const char	*op_rundir;
	char		**op_explain;	/* the words behind explain; NULL */
	struct policy_texts op_texts;	/* -f and -D */
};

/* Each returns the program's exit status. */
int	ipsecctl_load(struct options *op);		/* load.c */
int	ipsecctl_flush(struct options *op);
int	ipsecctl_show(const struct options *op);	/* show.c */
int	ipsecctl_monitor(const struct options *op);
int	ipsecctl_stats(const struct options *op);	/* json.c */
/* What -s asks for as JSON; an errno of the key socket. */
struct pfkey;
int	ipsecctl_json(const struct options *op, struct pfkey *pk);
/* What -n found: rules in normal form, a line each but for lines that go on, or errors. */
void	ipsecctl_json_check(bool valid, const char *rules, const struct policy_errors *errs);

#endif
