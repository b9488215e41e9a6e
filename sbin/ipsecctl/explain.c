/* SPDX-License-Identifier: ISC */
/*
 * ipsecctl explain: the words that describe a packet (libassert/packet.h) as a
 * question to netkern (pf/explain_msg.h).
 */
#include <stdio.h>
#include <string.h>

#include "libctl/client.h"
#include "explain.h"
#include "libassert/packet.h"
#include "libassert/verdict.h"

/* ---- the question ---- */

int
ipsecctl_explain(const char *rundir, char **words)
{
	struct explain_info ei;
	struct explain_req er;
	struct ctl_client *cl;
	char err[200];
	bool json;

	if (!packet_parse(words, &er, &json, NULL, err, sizeof(err))) {
		fprintf(stderr, "ipsecctl: explain: %s\n", err);
		return 1;
	}
	cl = ctl_must_open(rundir);
	ctl_must_get(cl, CTL_EXPLAIN, &er, sizeof(er), &ei, sizeof(ei));
	ctl_close(cl);
	if (json)
		explain_json(&er, &ei);
	else
		verdict_explain(&er, &ei, stdout);
	return ei.ei_verdict == EXPLAIN_DROPPED ? 2 : 0;
}
