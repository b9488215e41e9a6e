/* SPDX-License-Identifier: ISC */
/*
 * A revision goes to the other processes (handout.h).
 *
 * Secrets go first, so that a rule in force has its key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "handout.h"
#include "libutil/log.h"

/* A rule that the others have. */
struct known {
	char		kn_name[IKE_NAME_MAX];
	uint64_t	kn_rule;	/* of what the ike process was sent */
	uint64_t	kn_key;		/* of its secret; 0: none */
	uint32_t	kn_place;	/* among the rules, or the blocked ones */
	bool		kn_blocked;
	bool		kn_new;		/* it is to be sent */
};

/* The rules that come, those that go, and of these the order by name. */
struct change {
	const struct handout_revision	*ch_rev;
	struct known			*ch_next;	/* all that there will be */
	size_t				 ch_n;
	const struct known		**ch_gone;
	size_t				 ch_ngone;
	uint32_t			 ch_places[2];	/* rules, blocked ones */
	struct iked_rule		 ch_rule;
};

void
handout_init(struct handout *ha, handout_send_fn *send, void *arg)
{
	*ha = (struct handout){ .ha_send = send, .ha_arg = arg };
	if (getrandom(&ha->ha_salt, sizeof(ha->ha_salt), 0) !=
	    sizeof(ha->ha_salt))
		log_fatal("getrandom");
}

void
handout_forget(struct handout *ha)
{
	free(ha->ha_known);
	ha->ha_known = NULL;
	ha->ha_n = 0;
	ha->ha_number = 0;
}

void
handout_free(struct handout *ha)
{
	handout_forget(ha);
}

/*
 * No secret way to make two alike is feared here: both are the operator's.  One
 * word that differs always gives another number, for each step can be undone.
 */
static uint64_t
digest(uint64_t salt, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t h = salt ^ n, w;

	for (; n != 0; b += sizeof(w), n -= n < sizeof(w) ? n : sizeof(w)) {
		w = 0;
		memcpy(&w, b, n < sizeof(w) ? n : sizeof(w));
		h = (h ^ w) * 0x9e3779b97f4a7c15;
		h ^= h >> 29;
	}
	return h == 0 ? 1 : h;
}

/* ---- what differs -------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
	const struct known *const *x = a, *const *y = b;

	return strcmp((*x)->kn_name, (*y)->kn_name);
}

static const struct known *
gone_find(const struct change *ch, const struct known *kn)
{
	const struct known *const *at;

	if (ch->ch_ngone == 0)
		return NULL;
	at = bsearch(&kn, ch->ch_gone, ch->ch_ngone, sizeof(*ch->ch_gone),
	    by_name);
	return at != NULL ? *at : NULL;
}

/* What the ike process is told of the rule; for a blocked one, why. */
static const void *
describe(struct change *ch, const struct policy_ike *ik, size_t *len,
    struct iked_blocked *ib)
{
	const char *why = iked_rule_make(ch->ch_rev->hr_policy, ik,
	    &ch->ch_rule);

	if (why == NULL) {
		*len = sizeof(ch->ch_rule);
		return &ch->ch_rule;
	}
	memset(ib, 0, sizeof(*ib));
	ib->ib_local = ik->ik_local;
	ib->ib_peer = ik->ik_peer.pr_addr;
	(void)snprintf(ib->ib_name, sizeof(ib->ib_name), "%s", ik->ik_name);
	(void)snprintf(ib->ib_why, sizeof(ib->ib_why), "%s", why);
	*len = sizeof(*ib);
	return ib;
}

static void
know(const struct handout *ha, struct change *ch, const struct policy_ike *ik,
    struct known *kn)
{
	struct iked_blocked ib;
	const struct known *was;
	size_t len;
	const void *msg = describe(ch, ik, &len, &ib);

	*kn = (struct known){ .kn_blocked = msg != &ch->ch_rule,
	    .kn_new = true };
	(void)snprintf(kn->kn_name, sizeof(kn->kn_name), "%s", ik->ik_name);
	kn->kn_rule = digest(ha->ha_salt, msg, len);
	if (ik->ik_psk.pk_len != 0)
		kn->kn_key = digest(ha->ha_salt, ik->ik_psk.pk_bytes,
		    ik->ik_psk.pk_len);
	was = gone_find(ch, kn);
	if (was != NULL && was->kn_rule == kn->kn_rule &&
	    was->kn_blocked == kn->kn_blocked) {
		kn->kn_place = was->kn_place;
		kn->kn_new = false;
	}
}

static bool
change_begin(const struct handout *ha, struct change *ch)
{
	const struct handout_revision *hr = ch->ch_rev;
	const struct policy *pol = hr->hr_policy;
	size_t after = hr->hr_at + hr->hr_old;

	if (hr->hr_at > ha->ha_n || hr->hr_old > ha->ha_n - hr->hr_at)
		return false;
	ch->ch_n = ha->ha_n - hr->hr_old + pol->pol_nikes;
	ch->ch_ngone = hr->hr_old;
	ch->ch_next = calloc(ch->ch_n + 1, sizeof(*ch->ch_next));
	ch->ch_gone = calloc(ch->ch_ngone + 1, sizeof(*ch->ch_gone));
	if (ch->ch_next == NULL || ch->ch_gone == NULL)
		return false;
	for (size_t i = 0; i < ch->ch_ngone; i++)
		ch->ch_gone[i] = &ha->ha_known[hr->hr_at + i];
	qsort(ch->ch_gone, ch->ch_ngone, sizeof(*ch->ch_gone), by_name);
	if (hr->hr_at != 0)
		memcpy(ch->ch_next, ha->ha_known,
		    hr->hr_at * sizeof(*ch->ch_next));
	for (size_t i = 0; i < pol->pol_nikes; i++)
		know(ha, ch, &pol->pol_ikes[i], &ch->ch_next[hr->hr_at + i]);
	if (after < ha->ha_n)
		memcpy(ch->ch_next + hr->hr_at + pol->pol_nikes,
		    ha->ha_known + after,
		    (ha->ha_n - after) * sizeof(*ch->ch_next));
	return true;
}

static void
change_end(struct change *ch)
{
	free(ch->ch_next);
	free(ch->ch_gone);
	free(ch);
}

/* ---- secrets ------------------------------------------------------- */

static bool
send_secret(const struct handout *ha, const struct policy_ike *ik)
{
	struct iked_secret x = { .ix_len = (uint16_t)ik->ik_psk.pk_len };
	bool ok;

	(void)snprintf(x.ix_policy, sizeof(x.ix_policy), "%s", ik->ik_name);
	memcpy(x.ix_key, ik->ik_psk.pk_bytes, ik->ik_psk.pk_len);
	ok = ha->ha_send(ha->ha_arg, TO_AUTH, IMSG_SECRET, &x, sizeof(x));
	explicit_bzero(&x, sizeof(x));
	return ok;
}

/* BEGIN goes out with the first secret that changes, if there is one. */
static bool
secrets_begin(const struct handout *ha, bool *begun)
{
	uint32_t keep = ha->ha_number != 0;

	if (*begun)
		return true;
	*begun = true;
	return ha->ha_send(ha->ha_arg, TO_AUTH, IMSG_SECRET_BEGIN, &keep,
	    sizeof(keep));
}

static bool
secret_new(const struct handout *ha, const struct change *ch, size_t i,
    bool *begun)
{
	const struct known *kn = &ch->ch_next[ch->ch_rev->hr_at + i];
	const struct known *was = gone_find(ch, kn);

	if (kn->kn_key == 0 || (was != NULL && was->kn_key == kn->kn_key))
		return true;
	return secrets_begin(ha, begun) &&
	    send_secret(ha, &ch->ch_rev->hr_policy->pol_ikes[i]);
}

static bool
secret_gone(const struct handout *ha, const struct known *kn, bool *begun)
{
	return secrets_begin(ha, begun) && ha->ha_send(ha->ha_arg, TO_AUTH,
	    IMSG_SECRET_GONE, kn->kn_name, sizeof(kn->kn_name));
}

static bool
send_secrets(const struct handout *ha, const struct change *ch)
{
	const struct handout_revision *hr = ch->ch_rev;
	size_t n = hr->hr_policy->pol_nikes;
	const struct known **come = calloc(n + 1, sizeof(*come));
	bool ok = come != NULL, begun = false;

	if (ok && ha->ha_number == 0)
		ok = secrets_begin(ha, &begun);
	for (size_t i = 0; ok && i < n; i++) {
		come[i] = &ch->ch_next[hr->hr_at + i];
		ok = secret_new(ha, ch, i, &begun);
	}
	if (ok)
		qsort(come, n, sizeof(*come), by_name);
	for (size_t i = 0; ok && i < ch->ch_ngone; i++) {
		const struct known *const *same = n == 0 ? NULL :
		    bsearch(&ch->ch_gone[i], come, n, sizeof(*come), by_name);

		if (ch->ch_gone[i]->kn_key != 0 &&
		    (same == NULL || (*same)->kn_key == 0))
			ok = secret_gone(ha, ch->ch_gone[i], &begun);
	}
	free(come);
	return ok && (!begun || ha->ha_send(ha->ha_arg, TO_AUTH,
	    IMSG_SECRET_END, NULL, 0));
}

/* ---- rules --------------------------------------------------------- */

static bool
send_run(const struct handout *ha, struct iked_same *run)
{
	bool ok = run->is_n == 0 || ha->ha_send(ha->ha_arg, TO_IKE,
	    IMSG_POLICY_SAME, run, sizeof(*run));

	run->is_n = 0;
	return ok;
}

/* A rule as before lengthens its run, or begins another. */
static bool
send_same(const struct handout *ha, const struct known *kn,
    struct iked_same *run)
{
	if (run->is_n == 0 || kn->kn_place != run->is_from + run->is_n) {
		if (!send_run(ha, run))
			return false;
		run->is_from = kn->kn_place;
	}
	run->is_n++;
	return true;
}

static bool
send_new(const struct handout *ha, struct change *ch,
    const struct policy_ike *ik)
{
	struct iked_blocked ib;
	size_t len;
	const void *msg = describe(ch, ik, &len, &ib);

	if (msg == &ib)
		log_err("revision %llu: rule \"%s\" left out: %s",
		    (unsigned long long)ch->ch_rev->hr_revision, ik->ik_name,
		    ib.ib_why);
	return ha->ha_send(ha->ha_arg, TO_IKE, msg == &ib ?
	    IMSG_POLICY_BLOCKED : IMSG_POLICY_RULE, msg, len);
}

/* The rules in their order; then the places are those of the new policy. */
static bool
send_rules(const struct handout *ha, struct change *ch)
{
	const struct handout_revision *hr = ch->ch_rev;
	struct iked_same run[2] = { { .is_n = 0 }, { .is_blocked = 1 } };
	bool ok = true;

	for (size_t i = 0; ok && i < ch->ch_n; i++) {
		struct known *kn = &ch->ch_next[i];

		ok = kn->kn_new ? send_run(ha, &run[kn->kn_blocked]) &&
		    send_new(ha, ch, &hr->hr_policy->pol_ikes[i - hr->hr_at]) :
		    send_same(ha, kn, &run[kn->kn_blocked]);
		kn->kn_new = false;
		kn->kn_place = ch->ch_places[kn->kn_blocked]++;
	}
	return ok && send_run(ha, &run[0]) && send_run(ha, &run[1]);
}

static bool
send_all(struct handout *ha, struct change *ch)
{
	const struct policy_set *set = &ch->ch_rev->hr_policy->pol_set;
	const struct iked_begin begin = {
		.ib_set = { .is_dpd = set->set_dpd,
		    .is_nattport = set->set_nattport,
		    .is_fragmentation = set->set_fragmentation,
		    .is_pathmtu = set->set_pathmtu },
		.ib_base = ha->ha_number,
	};
	struct iked_end end = { .ie_number = ++ha->ha_count,
	    .ie_revision = ch->ch_rev->hr_revision,
	    .ie_told = ch->ch_rev->hr_told };

	if (!change_begin(ha, ch) || !send_secrets(ha, ch) ||
	    !ha->ha_send(ha->ha_arg, TO_IKE, IMSG_POLICY_BEGIN, &begin,
	    sizeof(begin)) || !send_rules(ha, ch))
		return false;
	end.ie_rules = ch->ch_places[0];
	end.ie_blocked = ch->ch_places[1];
	if (!ha->ha_send(ha->ha_arg, TO_IKE, IMSG_POLICY_END, &end,
	    sizeof(end)))
		return false;
	free(ha->ha_known);
	ha->ha_known = ch->ch_next;
	ha->ha_n = ch->ch_n;
	ha->ha_number = end.ie_number;
	ha->ha_active = set->set_active;
	ch->ch_next = NULL;
	return true;
}

bool
handout(struct handout *ha, const struct handout_revision *hr)
{
	struct change *ch = calloc(1, sizeof(*ch));
	bool ok;

	if (ch == NULL)
		return false;
	ch->ch_rev = hr;
	if (!(ok = send_all(ha, ch)))
		handout_forget(ha);
	change_end(ch);
	return ok;
}
