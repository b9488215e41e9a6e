/* SPDX-License-Identifier: ISC */
/*
 * A revision takes effect, all parts together, or goes back.
 *
 *	IPsec: what protects more	a new flow waits for its protection
 *	filter: its transaction ends	all rules at once
 *	network				interfaces come up behind both
 *	IPsec: what protects less	now nothing old relies on it
 *
 * A part that the network kernel refuses takes the whole revision with it:
 * the one before comes back, as a new one, so that the newest revision is
 * always what is in force.  So does one that is not confirmed in time.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libutil/log.h"
#include "revise.h"

enum { GO_BACK_RETRY_MS = 1000 };

bool
revise_problem(struct policyd *pd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(pd->pd_problem, sizeof(pd->pd_problem), fmt, ap);
	va_end(ap);
	log_err("%s", pd->pd_problem);
	pd->pd_refused = true;
	return false;
}

uint64_t
revise_target(const struct policyd *pd)
{
	return pd->pd_going_back ? pd->pd_back : pd->pd_committed;
}

/* ---- loading ---- */

static bool
load_texts(struct policyd *pd, struct revision *re)
{
	const char *why = "";

	if (re->re_number == 0)
		return true;
	if (policy_store_texts(pd->pd_store, re->re_number, POLICY_PART_PF,
	    &re->re_texts, &why) && policy_store_texts(pd->pd_store,
	    re->re_number, POLICY_PART_NETWORK, &re->re_texts, &why))
		return true;
	(void)revise_problem(pd, "revision %llu cannot be loaded: %s",
	    (unsigned long long)re->re_number, why);
	pd->pd_refused = false;
	return false;
}

static bool
parse_texts(struct policyd *pd, struct revision *re)
{
	struct policy_errors *errs = calloc(1, sizeof(*errs));
	bool ok = errs != NULL;

	re->re_has_filter = policy_texts_has(&re->re_texts, POLICY_PART_PF);
	re->re_has_network = policy_texts_has(&re->re_texts,
	    POLICY_PART_NETWORK);
	if (ok && re->re_has_filter &&
	    !filter_parse(&re->re_texts, &re->re_filter))
		ok = revise_problem(pd, "filter: %.1000s",
		    re->re_filter.pc_errors != NULL ?
		    re->re_filter.pc_errors : "out of memory");
	if (ok && re->re_has_network &&
	    !netconf_parse(&re->re_texts, &re->re_network, errs))
		ok = revise_problem(pd, "network: %s", errs->per_n != 0 ?
		    errs->per_list[0].pe_msg : "out of memory");
	if (errs != NULL)
		policy_errors_free(errs);
	free(errs);
	return ok;
}

static bool
open_ctl(struct policyd *pd, struct revision *re)
{
	char err[400];

	re->re_ctl = ctl_open(pd->pd_rundir, err, sizeof(err));
	if (re->re_ctl != NULL || (!re->re_has_filter && !re->re_has_network))
		return true;
	(void)revise_problem(pd, "%s", err);
	pd->pd_refused = false;		/* it will come */
	return false;
}

/* ---- taking effect ---- */

/* A network kernel that was told to wait (netkern -P) waits no more. */
static void
release(struct ctl_client *cl)
{
	struct ctl_sysctl cs = { .cs_name = "net.policy.wait",
	    .cs_value = "0" };

	if (cl != NULL && ctl_call(cl, CTL_SYSCTL_SET, &cs, sizeof(cs), -1,
	    NULL, NULL) != 0)
		log_debug("net.policy.wait: %s", ctl_error(cl));
}

static bool
revise(struct policyd *pd, uint64_t number)
{
	struct revision re = { .re_number = number };
	struct apply *ap = NULL;
	bool ok;

	pd->pd_refused = false;
	pd->pd_problem[0] = '\0';
	ok = load_texts(pd, &re) && parse_texts(pd, &re) &&
	    open_ctl(pd, &re) && filter_prepare(pd, &re) &&
	    (ap = ipsec_plan(pd, number, re.re_ctl)) != NULL &&
	    ipsec_carry_out(ap, true) && filter_commit(pd, &re) &&
	    netconf_apply(pd, &re) && ipsec_carry_out(ap, false);
	if (ok) {
		release(re.re_ctl);
		log_info("revision %llu is in force",
		    (unsigned long long)number);
	}
	ipsec_done(ap);
	ctl_close(re.re_ctl);		/* an open transaction ends with it */
	policy_texts_free(&re.re_texts);
	pf_conf_free(&re.re_filter);
	network_free(&re.re_network);
	return ok;
}

bool
apply_revision(struct policyd *pd)
{
	uint64_t target = revise_target(pd);

	if (!apply_connect(pd))
		return false;
	if (!revise(pd, target)) {
		apply_later(pd);
		return false;
	}
	pd->pd_applied = target;
	pd->pd_in_force = true;
	pd->pd_problem[0] = '\0';
	pd->pd_backoff = 0;
	return true;
}

/* ---- going back ---- */

/* Makes the revision to which we go back the newest one. */
static void
back_in_store(struct policyd *pd)
{
	const char *why = "";
	uint64_t rev;

	pd->pd_back_retry = now_ms() + GO_BACK_RETRY_MS;
	if (!commit_copy(pd, pd->pd_back, "policyd", pd->pd_back_reason, NULL,
	    &rev, &why)) {
		log_err("going back to revision %llu: %s: tried again",
		    (unsigned long long)pd->pd_back, why);
		return;
	}
	log_warn("revision %llu is as revision %llu was: %s",
	    (unsigned long long)rev, (unsigned long long)pd->pd_back,
	    pd->pd_back_reason);
	/* what is in force has a new number, and nothing else changes */
	if (pd->pd_applied == pd->pd_back && pd->pd_in_force)
		pd->pd_applied = rev;
	pd->pd_going_back = false;
}

bool
revise_back(struct policyd *pd, uint64_t back, const char *reason)
{
	bool ok;

	pd->pd_going_back = true;
	pd->pd_back = back;
	(void)snprintf(pd->pd_back_reason, sizeof(pd->pd_back_reason), "%s",
	    reason);
	memset(&pd->pd_pending, 0, sizeof(pd->pd_pending));
	/* the data plane first: it does not wait for a disk */
	ok = apply_revision(pd);
	back_in_store(pd);
	control_announce(pd);
	return ok;
}

/* ---- the deadline ---- */

void
revise_pending_load(struct policyd *pd)
{
	const char *why = "";
	int64_t left;

	if (!policy_store_pending(pd->pd_store, &pd->pd_pending, &why)) {
		log_err("%s", why);
		return;
	}
	if (pd->pd_pending.pe_revision == 0)
		return;
	left = policy_pending_left(&pd->pd_pending);
	log_warn("revision %llu waits for its confirm: %lld s left",
	    (unsigned long long)pd->pd_pending.pe_revision,
	    (long long)(left > 0 ? (left + 999) / 1000 : 0));
	/* from now on this boot's clock counts */
	if (left > 0 && !policy_store_pending_move(pd->pd_store,
	    &pd->pd_pending, &why))
		log_err("%s", why);
}

int
revise_timeout(struct policyd *pd)
{
	int64_t left = INT32_MAX, wait;

	if (pd->pd_pending.pe_revision != 0)
		left = policy_pending_left(&pd->pd_pending);
	if (pd->pd_going_back) {
		wait = pd->pd_back_retry - now_ms();
		if (wait < left)
			left = wait;
	}
	return left == INT32_MAX ? -1 : left < 0 ? 0 : (int)left;
}

void
revise_tick(struct policyd *pd)
{
	char reason[100];

	if (pd->pd_going_back && now_ms() >= pd->pd_back_retry) {
		back_in_store(pd);
		control_announce(pd);
	}
	if (pd->pd_pending.pe_revision == 0 ||
	    policy_pending_left(&pd->pd_pending) > 0)
		return;
	(void)snprintf(reason, sizeof(reason),
	    "revision %llu was not confirmed in time",
	    (unsigned long long)pd->pd_pending.pe_revision);
	log_warn("%s: going back to %llu", reason,
	    (unsigned long long)pd->pd_pending.pe_back);
	(void)revise_back(pd, pd->pd_pending.pe_back, reason);
}
