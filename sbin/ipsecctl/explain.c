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

struct answer {
	struct explain_info	an_info;
	bool			an_got;
};

static void
keep(void *arg, const void *body, size_t len)
{
	struct answer *an = arg;

	if (len != sizeof(an->an_info))
		return;
	memcpy(&an->an_info, body, len);
	an->an_got = true;
}

int
ipsecctl_explain(const char *rundir, char **words)
{
	struct answer an = { .an_got = false };
	struct explain_req er;
	struct ctl_client *cl;
	char err[200];
	bool json;

	if (!packet_parse(words, &er, &json, NULL, err, sizeof(err))) {
		fprintf(stderr, "ipsecctl: explain: %s\n", err);
		return 1;
	}
	cl = ctl_must_open(rundir);
	ctl_must(cl, CTL_EXPLAIN, &er, sizeof(er), keep, &an);
	ctl_close(cl);
	if (!an.an_got) {
		fputs("ipsecctl: netkern is of another version\n", stderr);
		return 1;
	}
	if (json)
		explain_json(&er, &an.an_info);
	else
		verdict_explain(&er, &an.an_info, stdout);
	return an.an_info.ei_verdict == EXPLAIN_DROPPED ? 2 : 0;
}
