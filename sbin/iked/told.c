/* SPDX-License-Identifier: ISC */
/*
 * How much the log and the history tell of one rule.  A peer that has the key can
 * make any number of events (it connects and leaves, asks for what is refused,
 * rekeys), and so can a bad line; what happens to other rules must be found all
 * the same, and the reason why this one is down as well.
 *
 * Of each rule is told:
 *
 *	the first of each kind		a kind is what happened, and its reason:
 *					some at once, then one a minute
 *	up, down, rekeyed, moved	besides, many at once, then one in 10 s
 *	what differs from the last	besides, some at once, then one in 10 s
 *	what a command or a new policy did: always
 *
 * The rest is counted by kind, and told once a minute with its last one, which is
 * how things stood then: PEER-05.  Who follows events live sees all of them.
 *
 * A rule has a record here while something of it happened within RECORD_MS, after
 * which its buckets would be full again.  Without memory for it, all is told.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ikeproc.h"
#include "libutil/log.h"

enum {
	KIND_BURST = 5, KIND_MS = 60000,
	STATE_BURST = 150, STATE_MS = 10000,
	CHANGE_BURST = 20, CHANGE_MS = 10000,
	COUNT_MS = 60000,
	RECORD_MS = STATE_BURST * STATE_MS,
};

struct kind {
	enum ike_event_type	kd_type;
	enum ike_reason		kd_reason;
	struct bucket		kd_bucket;
	uint64_t		kd_untold;
};

struct told_rule {
	LIST_ENTRY(told_rule)	tr_entry;
	char			tr_name[IKE_NAME_MAX];
	uint64_t		tr_seen;	/* ms: the newest event */
	struct bucket		tr_state, tr_change;
	enum ike_event_type	tr_type;	/* the last one that was told ... */
	enum ike_reason		tr_reason;	/* ... and its reason */
	uint64_t		tr_untold;	/* since ... */
	uint64_t		tr_untold_at;	/* ... this time, ms */
	enum ike_event_type	tr_last;	/* the last of those ... */
	enum ike_reason		tr_last_reason;	/* ... and its reason */
	struct kind		*tr_kinds;
	size_t			tr_nkinds;
};

static struct told_rules *
head_of(struct told *td, const char *name)
{
	uint32_t h = 2166136261;		/* FNV-1a */

	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * 16777619;
	return &td->td_rules[(h ^ h >> 16) % TOLD_SLOTS];
}

/* NULL: out of memory. */
static struct told_rule *
record_of(struct told *td, const char *name)
{
	struct told_rules *head = head_of(td, name);
	struct told_rule *tr;

	LIST_FOREACH(tr, head, tr_entry)
		if (strcmp(tr->tr_name, name) == 0)
			return tr;
	if ((tr = calloc(1, sizeof(*tr))) == NULL)
		return NULL;
	(void)snprintf(tr->tr_name, sizeof(tr->tr_name), "%s", name);
	LIST_INSERT_HEAD(head, tr, tr_entry);
	td->td_n++;
	return tr;
}

static struct kind *
kind_of(struct told_rule *tr, const struct ike_event *ev)
{
	struct kind *kinds = tr->tr_kinds;
	size_t n = tr->tr_nkinds;

	for (size_t i = 0; i < n; i++)
		if (kinds[i].kd_type == ev->ev_type &&
		    kinds[i].kd_reason == ev->ev_reason)
			return &kinds[i];
	if ((n & (n - 1)) == 0) {
		kinds = reallocarray(kinds, n == 0 ? 1 : 2 * n, sizeof(*kinds));
		if (kinds == NULL)
			return NULL;
		tr->tr_kinds = kinds;
	}
	tr->tr_nkinds++;
	kinds[n] = (struct kind){ .kd_type = ev->ev_type,
	    .kd_reason = ev->ev_reason };
	return &kinds[n];
}

/* Nobody but us can make these. */
static bool
by_command(const struct ike_event *ev)
{
	return ev->ev_type == IKE_EV_CONNECTING ||
	    ev->ev_type == IKE_EV_CHECKED || ev->ev_reason == IKE_R_ASKED ||
	    ev->ev_reason == IKE_R_POLICY || ev->ev_reason == IKE_R_SHUTDOWN;
}

static bool
has_room(struct told_rule *tr, struct kind *kd, uint64_t now)
{
	bool note = kd->kd_type == IKE_EV_NOTE || kd->kd_type == IKE_EV_FAILED;

	if (bucket_take(&kd->kd_bucket, now, KIND_MS, KIND_BURST))
		return true;
	if (!note && bucket_take(&tr->tr_state, now, STATE_MS, STATE_BURST))
		return true;
	return (kd->kd_type != tr->tr_type || kd->kd_reason != tr->tr_reason) &&
	    bucket_take(&tr->tr_change, now, CHANGE_MS, CHANGE_BURST);
}

static void
count(struct told *td, struct told_rule *tr, struct kind *kd, uint64_t now,
    const struct ike_event *ev)
{
	if (tr->tr_untold++ == 0) {
		tr->tr_untold_at = now;
		if (now + COUNT_MS < td->td_due)
			td->td_due = now + COUNT_MS;
	}
	tr->tr_last = ev->ev_type;
	tr->tr_last_reason = ev->ev_reason;
	kd->kd_untold++;
	td->td_lost++;
}

bool
told_take(struct told *td, uint64_t now, const struct ike_event *ev)
{
	struct told_rule *tr;
	struct kind *kd;

	if (by_command(ev) || (tr = record_of(td, ev->ev_policy)) == NULL ||
	    (kd = kind_of(tr, ev)) == NULL)
		return true;
	tr->tr_seen = now;
	if (td->td_due == 0 || td->td_due > now + RECORD_MS)
		td->td_due = now + RECORD_MS;
	if (!has_room(tr, kd, now)) {
		count(td, tr, kd, now, ev);
		return false;
	}
	tr->tr_type = ev->ev_type;
	tr->tr_reason = ev->ev_reason;
	return true;
}

/* ---- what was not told ------------------------------------------------ */

static size_t
kind_print(const struct kind *kd, char *buf, size_t len)
{
	const char *id = ike_reason_id(kd->kd_reason);
	int n = snprintf(buf, len, ", %" PRIu64 " %s%s%s", kd->kd_untold,
	    ike_event_name(kd->kd_type), *id != '\0' ? " " : "", id);

	return (size_t)n < len ? (size_t)n : 0;
}

/* An event that says how many there were; those that do not fit stand as "...". */
static void
sum_up(struct told_rule *tr, uint64_t now, struct ike_event *out)
{
	char kinds[320] = "";
	size_t n = 0, room = sizeof(kinds) - sizeof(", ...");

	for (size_t i = 0; i < tr->tr_nkinds; i++) {
		struct kind *kd = &tr->tr_kinds[i];
		size_t more = kd->kd_untold == 0 ? SIZE_MAX :
		    kind_print(kd, kinds + n, room - n);

		kd->kd_untold = 0;
		if (more == 0) {
			(void)snprintf(kinds + n, sizeof(kinds) - n, ", ...");
			room = n;
		} else if (more != SIZE_MAX) {
			n += more;
		}
	}
	*out = (struct ike_event){ .ev_type = IKE_EV_NOTE,
	    .ev_reason = IKE_R_MANY };
	(void)snprintf(out->ev_policy, sizeof(out->ev_policy), "%s",
	    tr->tr_name);
	(void)snprintf(out->ev_text, sizeof(out->ev_text), "%" PRIu64 " more "
	    "events within %" PRIu64 " s are only counted: %s; the last was "
	    "%s%s%s", tr->tr_untold, (now - tr->tr_untold_at) / 1000, kinds + 2,
	    ike_event_name(tr->tr_last),
	    tr->tr_last_reason != IKE_R_NONE ? " " : "",
	    ike_reason_id(tr->tr_last_reason));
	tr->tr_untold = 0;
}

static void
record_free(struct told *td, struct told_rule *tr)
{
	LIST_REMOVE(tr, tr_entry);
	free(tr->tr_kinds);
	free(tr);
	td->td_n--;
}

/* What of it is due; then when it is to be looked at again. */
static void
record_due(struct told *td, struct told_rule *tr, uint64_t now,
    void (*fn)(void *arg, const struct ike_event *ev), void *arg)
{
	struct ike_event ev;
	uint64_t next;

	if (tr->tr_untold != 0 && now - tr->tr_untold_at >= COUNT_MS) {
		sum_up(tr, now, &ev);
		fn(arg, &ev);
	}
	if (tr->tr_untold == 0 && now - tr->tr_seen >= RECORD_MS) {
		record_free(td, tr);
		return;
	}
	next = tr->tr_untold != 0 ? tr->tr_untold_at + COUNT_MS :
	    tr->tr_seen + RECORD_MS;
	if (next < td->td_due)
		td->td_due = next;
}

void
told_timer(struct told *td, uint64_t now,
    void (*fn)(void *arg, const struct ike_event *ev), void *arg)
{
	struct told_rule *tr, *next;

	if (td->td_n == 0 || now < td->td_due)
		return;
	td->td_due = UINT64_MAX;
	for (size_t i = 0; i < TOLD_SLOTS; i++)
		for (tr = LIST_FIRST(&td->td_rules[i]); tr != NULL; tr = next) {
			next = LIST_NEXT(tr, tr_entry);
			record_due(td, tr, now, fn, arg);
		}
}

uint64_t
told_deadline(const struct told *td)
{
	return td->td_n == 0 ? UINT64_MAX : td->td_due;
}

void
told_fini(struct told *td)
{
	struct told_rule *tr;

	for (size_t i = 0; i < TOLD_SLOTS; i++)
		while ((tr = LIST_FIRST(&td->td_rules[i])) != NULL)
			record_free(td, tr);
}
