/* SPDX-License-Identifier: ISC */
/*
 * The IPsec part of a revision to the network kernel, by difference.  What is
 * there is read, so a second load of the same policy touches nothing, and a
 * network kernel that has just started gets everything.
 *
 * It is not read again as long as it must be what we put there: the network
 * kernel counts the changes of policies and of manual SAs, and if none came
 * but ours since, the revision in force and the new one are compared, chunk
 * by chunk of the store.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/diff.h"
#include "libpolicy/keymsg.h"
#include "libutil/log.h"
#include "revise.h"

enum {
	BACKOFF_MIN	= 100,		/* ms */
	BACKOFF_MAX	= 5000,
	PROBLEMS_TOLD	= 3,
};

/* What is to be done, one message each. */
struct step {
	uint8_t				 st_type;	/* SADB_* */
	const struct policy_flow	*st_flow;
	const struct policy_sa		*st_sa;
};

struct apply {
	struct policyd		*ap_pd;
	struct policy_held	*ap_held;
	struct policy_held	*ap_base;	/* what is in force; NULL: it was read */
	struct policy_flow	*ap_want;	/* of the policy, without what is in base too */
	size_t			 ap_nwant;
	struct policy_sa	*ap_wantsas;
	size_t			 ap_nwantsas;
	struct policy_flow	*ap_flows;	/* in force, the same */
	size_t			 ap_nflows;
	struct policy_sa	*ap_sas;
	size_t			 ap_nsas;
	bool			 ap_counted;	/* ap_count is known */
	struct force_count	 ap_count;	/* with what we have changed so far */
	bool			 ap_complete;
	struct policy_change	*ap_fch, *ap_sch;
	size_t			 ap_nfch, ap_nsch;
	struct step		*ap_step;
	size_t			 ap_nsteps;
	size_t			 ap_early;	/* of them: they protect more */
	size_t			 ap_from;	/* of the batch under way */
	size_t			 ap_until;
	uint64_t		 ap_number;	/* of the revision */
	size_t			 ap_failed;
	bool			 ap_memory;	/* was short */
};

static bool problem(struct policyd *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static bool
problem(struct policyd *pd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(pd->pd_problem, sizeof(pd->pd_problem), fmt, ap);
	va_end(ap);
	return false;
}

void
apply_later(struct policyd *pd)
{
	pd->pd_backoff = pd->pd_backoff == 0 ? BACKOFF_MIN :
	    pd->pd_backoff * 2;
	if (pd->pd_backoff > BACKOFF_MAX)
		pd->pd_backoff = BACKOFF_MAX;
	pd->pd_retry = now_ms() + pd->pd_backoff;
}

bool
apply_connect(struct policyd *pd)
{
	if (pd->pd_key != NULL)
		return true;
	pd->pd_key = pfkey_open(pd->pd_keysock, PFKEY_O_PRIVATE |
	    PFKEY_O_NONBLOCK);
	if (pd->pd_key == NULL) {
		int error = errno;

		apply_later(pd);
		return problem(pd, error == ENOENT || error == ECONNREFUSED ?
		    "the network kernel does not run (%s): it gets the policy "
		    "when it starts" : "cannot use the key socket (%s): %s",
		    pd->pd_keysock, strerror(error));
	}
	log_info("connected to %s", pd->pd_keysock);
	return true;
}

void
apply_disconnect(struct policyd *pd, const char *why)
{
	if (pd->pd_key == NULL)
		return;
	if (why != NULL) {
		log_warn("%s: %s", pd->pd_keysock, why);
		(void)problem(pd, "the network kernel has gone: it gets the "
		    "policy when it is back");
	}
	pfkey_close(pd->pd_key);
	pd->pd_key = NULL;
	policy_held_release(pd->pd_force);
	pd->pd_force = NULL;
	pd->pd_in_force = false;
	pd->pd_backoff = 0;
	pd->pd_retry = now_ms() + BACKOFF_MIN;
}

void
apply_read(struct policyd *pd)
{
	struct pfkey_msg m;
	int error;

	do
		error = pfkey_recv(pd->pd_key, &m);
	while (error == 0 || error == EBADMSG);
	if (error != EAGAIN && error != EINTR)
		apply_disconnect(pd, strerror(error));
}

/* ---- what is in force ---- */

static bool
read_count(struct ctl_client *ctl, const char *name, uint64_t *v)
{
	struct ctl_sysctl cs = { .cs_name = "" };

	(void)snprintf(cs.cs_name, sizeof(cs.cs_name), "%s", name);
	if (ctl_get(ctl, CTL_SYSCTL_GET, &cs, sizeof(cs), &cs, sizeof(cs)) != 0)
		return false;
	cs.cs_value[sizeof(cs.cs_value) - 1] = '\0';
	*v = strtoull(cs.cs_value, NULL, 10);
	return true;
}

/*
 * Takes the revision that we know to be in force as the base: if nobody but
 * us has changed anything since.
 */
static void
find_base(struct apply *ap, struct ctl_client *ctl)
{
	struct policyd *pd = ap->ap_pd;

	ap->ap_counted = ctl != NULL &&
	    read_count(ctl, "net.key.policy_changes", &ap->ap_count.fc_flows) &&
	    read_count(ctl, "net.key.manual_changes", &ap->ap_count.fc_sas);
	if (ap->ap_counted && pd->pd_force != NULL &&
	    ap->ap_count.fc_flows == pd->pd_force_count.fc_flows &&
	    ap->ap_count.fc_sas == pd->pd_force_count.fc_sas)
		ap->ap_base = pd->pd_force;
	else
		policy_held_release(pd->pd_force);
	pd->pd_force = NULL;
}

static void *
grown(struct apply *ap, void *v, size_t n, size_t size)
{
	void *w;

	if (n != 0 && (n < 64 || (n & (n - 1)) != 0))
		return v;
	w = reallocarray(v, n == 0 ? 64 : n * 2, size);
	if (w == NULL)
		ap->ap_memory = true;
	return w;
}

static int
saw_flow(void *arg, const struct pfkey_msg *m)
{
	struct apply *ap = arg;
	struct policy_flow fl, *v;
	bool ours;

	if (!keymsg_to_flow(m, &fl, &ours) || !ours)
		return 0;
	if ((v = grown(ap, ap->ap_flows, ap->ap_nflows, sizeof(*v))) == NULL)
		return ENOMEM;
	ap->ap_flows = v;
	v[ap->ap_nflows++] = fl;
	return 0;
}

static int
saw_sa(void *arg, const struct pfkey_msg *m)
{
	struct apply *ap = arg;
	struct policy_sa sa, *v = NULL;
	bool ours;

	if (keymsg_to_sa(m, &sa, &ours) && ours)
		v = grown(ap, ap->ap_sas, ap->ap_nsas, sizeof(*v));
	if (v == NULL) {
		policy_sa_wipe(&sa);
		return ap->ap_memory ? ENOMEM : 0;
	}
	ap->ap_sas = v;
	v[ap->ap_nsas++] = sa;
	return 0;
}

static bool
read_kernel(struct apply *ap)
{
	struct policyd *pd = ap->ap_pd;
	int error;

	error = pfkey_dump(pd->pd_key, SADB_X_SPDDUMP, SADB_SATYPE_UNSPEC,
	    saw_flow, ap);
	if (error == 0)
		error = pfkey_dump(pd->pd_key, SADB_DUMP, SADB_SATYPE_ESP,
		    saw_sa, ap);
	if (error == 0)
		return true;
	apply_disconnect(pd, strerror(error));
	return problem(pd, "cannot read what the network kernel holds: %s",
	    strerror(error));
}

/* Into ap_want, ap_flows and so on; only what may differ. */
static bool
compare(struct apply *ap)
{
	if (!policy_held_flows(ap->ap_held, ap->ap_base, &ap->ap_want,
	    &ap->ap_nwant) || !policy_held_sas(ap->ap_held, ap->ap_base,
	    &ap->ap_wantsas, &ap->ap_nwantsas))
		return problem(ap->ap_pd, "out of memory");
	if (ap->ap_base == NULL)
		return read_kernel(ap);
	return (policy_held_flows(ap->ap_base, ap->ap_held, &ap->ap_flows,
	    &ap->ap_nflows) && policy_held_sas(ap->ap_base, ap->ap_held,
	    &ap->ap_sas, &ap->ap_nsas)) || problem(ap->ap_pd, "out of memory");
}

/* ---- what to do ---- */

static void
add_step(struct apply *ap, uint8_t type, const struct policy_flow *fl,
    const struct policy_sa *sa)
{
	ap->ap_step[ap->ap_nsteps++] = (struct step){ type, fl, sa };
}

/* Traffic that matches it passes in clear, or may. */
static bool
is_loose(const struct policy_flow *fl)
{
	return fl->fl_type == POLICY_BYPASS || fl->fl_type == POLICY_USE ||
	    fl->fl_type == POLICY_ACQUIRE;
}

static void
plan_flows(struct apply *ap, bool loose)
{
	for (size_t i = 0; i < ap->ap_nfch; i++) {
		const struct policy_change *ch = &ap->ap_fch[i];
		const struct policy_flow *fl;

		if (ch->ch_type == POLICY_DELETE)
			continue;	/* nothing may be wanted at all */
		fl = &ap->ap_want[ch->ch_new];
		if (is_loose(fl) != loose)
			continue;
		add_step(ap, ch->ch_type == POLICY_ADD ? SADB_X_SPDADD :
		    SADB_X_SPDUPDATE, fl, NULL);
	}
}

/*
 * SAs before the flows that use them, and gone after these; what protects
 * more before what protects less.
 */
static bool
plan(struct apply *ap)
{
	ap->ap_fch = policy_diff_flows(ap->ap_flows, ap->ap_nflows,
	    ap->ap_want, ap->ap_nwant, &ap->ap_nfch);
	ap->ap_sch = policy_diff_sas(ap->ap_sas, ap->ap_nsas,
	    ap->ap_wantsas, ap->ap_nwantsas, &ap->ap_nsch);
	if ((ap->ap_fch == NULL && ap->ap_nfch != 0) ||
	    (ap->ap_sch == NULL && ap->ap_nsch != 0))
		return false;
	ap->ap_step = calloc(ap->ap_nfch + 2 * ap->ap_nsch + 1,
	    sizeof(*ap->ap_step));
	if (ap->ap_step == NULL)
		return false;
	for (size_t i = 0; i < ap->ap_nsch; i++) {
		const struct policy_change *ch = &ap->ap_sch[i];

		if (ch->ch_type == POLICY_CHANGE)
			add_step(ap, SADB_DELETE, NULL, &ap->ap_sas[ch->ch_old]);
		if (ch->ch_type != POLICY_DELETE)
			add_step(ap, SADB_ADD, NULL,
			    &ap->ap_wantsas[ch->ch_new]);
	}
	plan_flows(ap, false);
	ap->ap_early = ap->ap_nsteps;
	plan_flows(ap, true);
	for (size_t i = 0; i < ap->ap_nfch; i++) {
		if (ap->ap_fch[i].ch_type == POLICY_DELETE)
			add_step(ap, SADB_X_SPDDELETE,
			    &ap->ap_flows[ap->ap_fch[i].ch_old], NULL);
	}
	for (size_t i = 0; i < ap->ap_nsch; i++) {
		if (ap->ap_sch[i].ch_type == POLICY_DELETE)
			add_step(ap, SADB_DELETE, NULL,
			    &ap->ap_sas[ap->ap_sch[i].ch_old]);
	}
	return true;
}

static bool
next_step(void *arg, size_t i, struct pfkey_msg *m)
{
	struct apply *ap = arg;
	const struct step *st;

	i += ap->ap_from;
	if (i >= ap->ap_until)
		return false;
	st = &ap->ap_step[i];
	if (st->st_flow != NULL)
		keymsg_from_flow(m, st->st_type, st->st_flow);
	else
		keymsg_from_sa(m, st->st_type, st->st_sa);
	return true;
}

/* The rule that a step stands for, in one line without keys. */
static void
describe(const struct step *st, char *out, size_t cap)
{
	FILE *f = fmemopen(out, cap, "w");

	out[0] = '\0';
	if (f == NULL)
		return;
	if (st->st_flow != NULL)
		policy_print_flow(st->st_flow, f);
	else
		policy_print_sa(st->st_sa, f, 0);
	(void)fclose(f);
	out[cap - 1] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static void
step_done(void *arg, size_t i, int error, const struct pfkey_msg *reply)
{
	struct apply *ap = arg;
	struct policyd *pd = ap->ap_pd;
	const struct step *st = &ap->ap_step[ap->ap_from + i];
	size_t used = strlen(pd->pd_problem);
	char what[400];

	(void)reply;
	if (error == ENOENT || error == ESRCH) {
		/* gone already is as good as deleted */
		if (st->st_type == SADB_X_SPDDELETE ||
		    st->st_type == SADB_DELETE)
			return;
	}
	if (error == 0) {
		if (st->st_flow != NULL)
			ap->ap_count.fc_flows++;
		else
			ap->ap_count.fc_sas++;
		return;
	}
	describe(st, what, sizeof(what));
	log_err("%s %s: %s", pfkey_type_name(st->st_type), what,
	    strerror(error));
	if (ap->ap_failed++ < PROBLEMS_TOLD)
		(void)snprintf(pd->pd_problem + used,
		    sizeof(pd->pd_problem) - used, "%s%s: %s",
		    used != 0 ? "; " : "IPsec: ", what, error == EEXIST ?
		    "another program has put that there" : strerror(error));
}

bool
ipsec_carry_out(struct apply *ap, bool early)
{
	struct policyd *pd = ap->ap_pd;
	int error = 0;

	ap->ap_from = early ? 0 : ap->ap_early;
	ap->ap_until = early ? ap->ap_early : ap->ap_nsteps;
	if (ap->ap_from != ap->ap_until)
		error = pfkey_batch(pd->pd_key, next_step, step_done, ap);
	if (error != 0) {
		apply_disconnect(pd, strerror(error));
		return false;
	}
	if (ap->ap_failed != 0)
		pd->pd_refused = true;
	if (!early || ap->ap_failed != 0)
		log_info("revision %llu: %zu changes, %zu failed",
		    (unsigned long long)ap->ap_number, ap->ap_nsteps,
		    ap->ap_failed);
	ap->ap_complete = !early && ap->ap_failed == 0;
	return ap->ap_failed == 0;
}

void
ipsec_done(struct apply *ap)
{
	struct policyd *pd;

	if (ap == NULL)
		return;
	pd = ap->ap_pd;
	if (ap->ap_complete && ap->ap_counted) {
		pd->pd_force = ap->ap_held;
		pd->pd_force_count = ap->ap_count;
		ap->ap_held = NULL;
	}
	for (size_t i = 0; ap->ap_base == NULL && i < ap->ap_nsas; i++)
		policy_sa_wipe(&ap->ap_sas[i]);
	free(ap->ap_sas);
	free(ap->ap_flows);
	free(ap->ap_want);
	free(ap->ap_wantsas);
	free(ap->ap_fch);
	free(ap->ap_sch);
	free(ap->ap_step);
	policy_held_release(ap->ap_base);
	policy_held_release(ap->ap_held);
	free(ap);
}

/* An empty policy before the first revision: nothing of ours is in force. */
static bool
load(struct apply *ap)
{
	struct policyd *pd = ap->ap_pd;
	const char *why = "";

	ap->ap_held = policy_store_hold(pd->pd_store, ap->ap_number,
	    ap->ap_base, &why);
	if (ap->ap_held != NULL)
		return true;
	log_err("revision %llu: %s", (unsigned long long)ap->ap_number, why);
	return problem(pd, "revision %llu cannot be loaded: %s",
	    (unsigned long long)ap->ap_number, why);
}

struct apply *
ipsec_plan(struct policyd *pd, uint64_t rev, struct ctl_client *ctl)
{
	struct apply *ap = calloc(1, sizeof(*ap));
	bool ok = ap != NULL;

	if (!ok) {
		(void)problem(pd, "out of memory");
		return NULL;
	}
	ap->ap_pd = pd;
	ap->ap_number = rev;
	find_base(ap, ctl);
	ok = load(ap) && compare(ap);
	if (ok && !plan(ap))
		ok = problem(pd, "out of memory");
	if (ok)
		return ap;
	ipsec_done(ap);
	return NULL;
}
