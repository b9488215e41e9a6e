/* SPDX-License-Identifier: ISC */
/*
 * From texts of a revision, and what runs where there are none, to a case
 * for the judge (judge.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"
#include "libutil/log.h"
#include "revise.h"

struct brief {
	struct policyd		*br_pd;
	struct policy_texts	 br_found;	/* what runs, of parts that have no text */
	struct assertions	 br_assertions;
	struct network		 br_network;
	struct pf_conf		 br_filter;
	struct judge_case	 br_case;
	char			*br_text;	/* for the user */
	size_t			 br_cap;
};

static bool
complain(struct brief *br, const char *what, const char *why)
{
	(void)snprintf(br->br_text, br->br_cap, "the assertions cannot be tried: %s%s", what,
	    why);
	return false;
}

static bool
complain_errors(struct brief *br, const struct policy_errors *errs)
{
	FILE *out = fmemopen(br->br_text, br->br_cap, "w");

	if (out != NULL) {
		policy_errors_print(errs, out);
		(void)fclose(out);
		br->br_text[br->br_cap - 1] = '\0';
	}
	return false;
}

static bool
read_assertions(struct brief *br, const struct policy_texts *tx)
{
	struct policy_errors *errs = calloc(1, sizeof(*errs));
	bool ok = errs != NULL;

	for (size_t i = 0; errs != NULL && i < tx->tx_n; i++) {
		const struct policy_text_item *ti = &tx->tx_v[i];
		struct policy_text text = { ti->ti_name, ti->ti_body, ti->ti_len };

		if (ti->ti_part == POLICY_PART_ASSERT && ti->ti_kind == POLICY_TEXT_MAIN)
			ok &= assert_parse(&br->br_assertions, &text, errs);
	}
	if (!ok && errs != NULL)
		(void)complain_errors(br, errs);
	if (errs != NULL)
		policy_errors_free(errs);
	free(errs);
	return ok;
}

/* What runs stands in for what the texts leave out. */
static bool
look_around(struct brief *br, const struct policy_texts *tx)
{
	bool pf = policy_texts_has(tx, POLICY_PART_PF), ok = true;
	bool net = policy_texts_has(tx, POLICY_PART_NETWORK);
	struct ctl_sysctl cs = { .cs_name = "net.inet.ip.forwarding" };
	char err[400];
	struct ctl_client *cl = ctl_open(br->br_pd->pd_rundir, err, sizeof(err));

	if (cl == NULL)
		return (pf && net) || complain(br, net ? "the revision has no pf.conf, and " :
		    "the revision has no network.conf, and ", err);
	if (!pf)
		ok = filter_found(cl, &br->br_found);
	if (ok && !net)
		ok = netconf_found(cl, &br->br_found);
	if (!ok) {
		(void)complain(br, "what runs cannot be read: ", ctl_error(cl));
	} else if (ctl_get(cl, CTL_SYSCTL_GET, &cs, sizeof(cs), &cs, sizeof(cs)) == 0) {
		(void)snprintf(br->br_case.jc_forwarding, sizeof(br->br_case.jc_forwarding),
		    "%.15s", cs.cs_value);
		br->br_case.jc_has_forwarding = true;
	}
	ctl_close(cl);
	return ok;
}

static bool
read_rest(struct brief *br, struct policy_texts *tx)
{
	struct policy_texts *pf = policy_texts_has(tx, POLICY_PART_PF) ? tx : &br->br_found;
	struct policy_texts *net = policy_texts_has(tx, POLICY_PART_NETWORK) ? tx :
	    &br->br_found;
	struct policy_errors *errs = calloc(1, sizeof(*errs));
	bool ok = errs != NULL;

	if (ok && !filter_parse(pf, &br->br_filter))
		ok = complain(br, "", br->br_filter.pc_errors != NULL ?
		    br->br_filter.pc_errors : "out of memory");
	if (ok && !netconf_parse(net, &br->br_network, errs))
		ok = complain_errors(br, errs);
	if (errs != NULL)
		policy_errors_free(errs);
	free(errs);
	return ok;
}

static void
brief_free(struct brief *br)
{
	policy_texts_free(&br->br_found);
	assert_free(&br->br_assertions);
	network_free(&br->br_network);
	pf_conf_free(&br->br_filter);
}

static bool
ask_judge(struct brief *br, const struct policy *pol)
{
	struct judge_case *jc = &br->br_case;
	struct judge_report *jr = malloc(sizeof(*jr));
	bool ok;

	if (jr == NULL)
		return complain(br, "", "out of memory");
	jc->jc_assertions = &br->br_assertions;
	jc->jc_policy = pol;
	jc->jc_network = &br->br_network;
	jc->jc_filter = &br->br_filter;
	ok = judge(jc, jr);
	if (!ok)
		(void)complain(br, "", jr->jr_text);
	else if (jr->jr_failed != 0)
		(void)snprintf(br->br_text, br->br_cap, "%u of %zu assertions fail:\n%s",
		    jr->jr_failed, br->br_assertions.av_n, jr->jr_text);
	else
		(void)snprintf(br->br_text, br->br_cap, "%zu assertion%s",
		    br->br_assertions.av_n, br->br_assertions.av_n == 1 ? " holds" : "s hold");
	ok = ok && jr->jr_failed == 0;
	free(jr);
	return ok;
}

bool
judge_texts(struct policyd *pd, struct policy_texts *tx, const struct policy *pol, char *text,
    size_t cap)
{
	struct brief *br = calloc(1, sizeof(*br));
	bool ok;

	(void)snprintf(text, cap, "there are no assertions");
	if (!policy_texts_has(tx, POLICY_PART_ASSERT)) {
		free(br);
		return true;
	}
	if (br == NULL) {
		(void)snprintf(text, cap, "out of memory");
		return false;
	}
	br->br_pd = pd;
	br->br_text = text;
	br->br_cap = cap;
	ok = read_assertions(br, tx);
	if (ok && br->br_assertions.av_n != 0)
		ok = look_around(br, tx) && read_rest(br, tx) && ask_judge(br, pol);
	brief_free(br);
	free(br);
	return ok;
}

void
judge_warn(struct policyd *pd, uint64_t left, char *text, size_t cap)
{
	static const char head[] = "\nWARNING: what was expected before does not hold: ";
	uint64_t rev = pd->pd_committed;
	struct policy_texts tx = { 0 };
	struct policy pol;
	const char *why = "";
	size_t n = sizeof(head) - 1;

	text[0] = '\0';
	policy_init(&pol);
	if (left == 0 || cap <= n || !policy_store_texts(pd->pd_store, left,
	    POLICY_PART_ASSERT, &tx, &why) || !policy_texts_has(&tx, POLICY_PART_ASSERT)) {
		policy_texts_free(&tx);
		return;
	}
	memcpy(text, head, n);
	if (!policy_store_texts(pd->pd_store, rev, POLICY_PART_PF, &tx, &why) ||
	    !policy_store_texts(pd->pd_store, rev, POLICY_PART_NETWORK, &tx, &why) ||
	    !policy_store_load(pd->pd_store, rev, POLICY_LOAD_SECRETS, &pol, &why))
		(void)snprintf(text + n, cap - n, "they cannot be tried: %s", why);
	else if (judge_texts(pd, &tx, &pol, text + n, cap - n))
		text[0] = '\0';
	policy_free(&pol);
	policy_texts_free(&tx);
}
