/* SPDX-License-Identifier: ISC */
/*
 * The supervisor's state machine (see super.h).
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sys/wait.h>

#include "super.h"

/* ---- what is handed to the shell ---- */

static struct super_action *
push(struct super *su, enum super_act act, unsigned unit)
{
	struct super_action *sa;

	if (su->su_len == SUPER_QUEUE) {	/* nobody fetches: the oldest goes */
		su->su_head = (su->su_head + 1) % SUPER_QUEUE;
		su->su_len--;
	}
	sa = &su->su_queue[(su->su_head + su->su_len++) % SUPER_QUEUE];
	*sa = (struct super_action){ .sa_act = act, .sa_unit = unit };
	return sa;
}

static void say(struct super *, unsigned, bool, const char *, ...)
    __attribute__((format(printf, 4, 5)));

static void
say(struct super *su, unsigned unit, bool loud, const char *fmt, ...)
{
	struct super_action *sa;
	va_list ap;

	sa = push(su, ACT_LOG, unit);
	sa->sa_loud = loud;
	va_start(ap, fmt);
	(void)vsnprintf(sa->sa_text, sizeof(sa->sa_text), fmt, ap);
	va_end(ap);
}

bool
super_next(struct super *su, struct super_action *out)
{
	if (su->su_len == 0)
		return false;
	*out = su->su_queue[su->su_head];
	su->su_head = (su->su_head + 1) % SUPER_QUEUE;
	su->su_len--;
	return true;
}

/* ---- the list of units ---- */

int
super_unit(const struct super *su, const char *name)
{
	for (unsigned i = 0; i < su->su_n; i++) {
		if (strcmp(su->su_unit[i].un_def->ud_name, name) == 0)
			return (int)i;
	}
	return -1;
}

const char *
unit_state_name(enum unit_state st)
{
	static const char *const names[] = { "waits", "starts", "ready",
	    "failed, waits", "stopped" };

	return names[st];
}

static bool
after(struct super *su, struct unit *un)
{
	const char *p = un->un_def->ud_after;
	char name[32];
	size_t len;
	int other;

	while (p != NULL && *p != '\0') {
		len = strcspn(p, " ");
		if (len >= sizeof(name))
			return false;
		memcpy(name, p, len);
		name[len] = '\0';
		if ((other = super_unit(su, name)) == -1)
			return false;
		un->un_after |= UINT32_C(1) << other;
		p += len + strspn(p + len, " ");
	}
	return true;
}

bool
super_init(struct super *su, const struct unit_def *defs, size_t n)
{
	memset(su, 0, sizeof(*su));
	su->su_healthy = -1;
	if (n > SUPER_UNITS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct unit *un = &su->su_unit[i];

		un->un_def = &defs[i];
		if (!after(su, un))
			return false;
		su->su_n++;
	}
	return true;
}

/* ---- states ---- */

static void
set_state(struct unit *un, enum unit_state st, int64_t now)
{
	un->un_state = st;
	un->un_since = now;
	if (st == UNIT_READY)
		un->un_once = true;
}

static bool
apart(const struct unit *un)
{
	return (un->un_def->ud_flags & UNIT_APART) != 0;
}

/* Since when has everything been as it should be? */
static void
update_health(struct super *su, int64_t now)
{
	for (unsigned i = 0; i < su->su_n; i++) {
		const struct unit *un = &su->su_unit[i];

		if (!apart(un) && (un->un_state != UNIT_READY ||
		    un->un_failed)) {
			su->su_healthy = -1;
			return;
		}
	}
	if (su->su_healthy == -1)
		su->su_healthy = now;
}

static bool
may_start(const struct super *su, const struct unit *un, int64_t now)
{
	unsigned latest = un->un_def->ud_latest;

	if (latest != 0 && now - su->su_began >= latest)
		return true;
	for (unsigned i = 0; i < su->su_n; i++) {
		if ((un->un_after & UINT32_C(1) << i) != 0 &&
		    !su->su_unit[i].un_once)
			return false;
	}
	return true;
}

static int64_t
delay(const struct unit *un)
{
	int64_t d = SUPER_DELAY_MIN;

	for (unsigned i = 1; i < un->un_ends && d < SUPER_DELAY_MAX; i++)
		d *= 2;
	return d < SUPER_DELAY_MAX ? d : SUPER_DELAY_MAX;
}

static void
spawn(struct super *su, unsigned i, int64_t now)
{
	struct unit *un = &su->su_unit[i];
	unsigned patience = un->un_def->ud_patience;

	set_state(un, UNIT_START, now);
	un->un_began = now;
	un->un_runs = true;
	un->un_killed = false;
	un->un_starts++;
	un->un_due = patience == 0 ? 0 : now + patience;
	un->un_probe = un->un_def->ud_kind == UNIT_DAEMON ?
	    now + SUPER_PROBE : INT64_MAX;
	push(su, ACT_SPAWN, i);
}

static void
again(struct super *su, unsigned i, int64_t now)
{
	struct unit *un = &su->su_unit[i];

	if (now - un->un_began >= SUPER_LONG)
		un->un_ends = 0;
	un->un_ends++;
	set_state(un, UNIT_AGAIN, now);
	un->un_due = now + delay(un);
	if (!apart(un))
		say(su, i, true, "%s: %s after %lld.%lld s; again in %lld.%lld s",
		    un->un_def->ud_name, un->un_last,
		    (long long)(now - un->un_began) / 1000,
		    (long long)(now - un->un_began) % 1000 / 100,
		    (long long)delay(un) / 1000,
		    (long long)delay(un) % 1000 / 100);
}

static void
task_ended(struct super *su, unsigned i, bool good, int64_t now)
{
	struct unit *un = &su->su_unit[i];

	un->un_failed = !good;
	if (!good && (un->un_def->ud_flags & UNIT_MUST) != 0) {
		again(su, i, now);
		return;
	}
	if (!good && !apart(un))
		say(su, i, true, "%s: %s", un->un_def->ud_name, un->un_last);
	un->un_ends = 0;
	set_state(un, UNIT_READY, now);
}

/* ---- the stop ---- */

/* The last unit that runs is asked to end; those before it wait. */
static void
stop_next(struct super *su, int64_t now)
{
	for (unsigned i = su->su_n; i-- > 0;) {
		struct unit *un = &su->su_unit[i];

		if (un->un_state == UNIT_DOWN)
			continue;
		if (un->un_runs) {
			if (un->un_due == 0) {
				un->un_due = now + SUPER_GRACE;
				push(su, ACT_TERM, i);
			}
			return;
		}
		set_state(un, UNIT_DOWN, now);
	}
	if (!su->su_ended) {
		su->su_ended = true;
		push(su, ACT_END, 0);
	}
}

void
super_stop(struct super *su, enum super_how how, int64_t now)
{
	if (su->su_how == SUPER_RUN) {
		for (unsigned i = 0; i < su->su_n; i++)
			su->su_unit[i].un_due = 0;
		say(su, 0, true, "stopping");
	}
	if (how > su->su_how)
		su->su_how = how;
	su->su_healthy = -1;
	stop_next(su, now);
}

/* ---- events ---- */

/* "exited with 3", "killed by signal 11 (Segmentation fault)". */
static void
super_reason(int wstatus, char *out, size_t cap)
{
	if (WIFSIGNALED(wstatus))
		(void)snprintf(out, cap, "killed by signal %d (%s)%s",
		    WTERMSIG(wstatus), strsignal(WTERMSIG(wstatus)),
		    WCOREDUMP(wstatus) ? ", core dumped" : "");
	else
		(void)snprintf(out, cap, "exited with %d",
		    WEXITSTATUS(wstatus));
}

void
super_spawned(struct super *su, unsigned i, bool ok, int64_t now)
{
	struct unit *un = &su->su_unit[i];

	if (ok)
		return;
	un->un_runs = false;
	(void)snprintf(un->un_last, sizeof(un->un_last), "cannot be started");
	if (su->su_how == SUPER_RUN)
		again(su, i, now);
	else
		stop_next(su, now);
}

void
super_answered(struct super *su, unsigned i, int64_t now)
{
	struct unit *un = &su->su_unit[i];

	if (un->un_state != UNIT_START || !un->un_runs || su->su_how != SUPER_RUN)
		return;
	un->un_due = 0;
	set_state(un, UNIT_READY, now);
	if (!apart(un))
		say(su, i, false, "%s: ready after %lld ms",
		    un->un_def->ud_name, (long long)(now - un->un_began));
	super_tick(su, now);
}

void
super_exited(struct super *su, unsigned i, int wstatus, int64_t now)
{
	struct unit *un = &su->su_unit[i];
	bool good = WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == 0;

	un->un_runs = false;
	super_reason(wstatus, un->un_last, sizeof(un->un_last));
	if (su->su_how != SUPER_RUN) {
		if (un->un_killed)
			say(su, i, false, "%s: did not end by itself",
			    un->un_def->ud_name);
		set_state(un, UNIT_DOWN, now);
		stop_next(su, now);
		return;
	}
	if (un->un_killed && un->un_def->ud_patience != 0)
		(void)snprintf(un->un_last, sizeof(un->un_last),
		    "not ready within %u s: killed",
		    un->un_def->ud_patience / 1000);
	un->un_due = 0;
	if (un->un_def->ud_kind == UNIT_TASK)
		task_ended(su, i, good, now);
	else
		again(su, i, now);
	super_tick(su, now);
}

void
super_again(struct super *su, unsigned i, int64_t now)
{
	struct unit *un = &su->su_unit[i];

	if (su->su_how != SUPER_RUN)
		return;
	if (un->un_runs) {
		push(su, ACT_TERM, i);
		return;
	}
	un->un_ends = 0;
	set_state(un, UNIT_WAIT, now);
	super_tick(su, now);
}

/* ---- time ---- */

static void
tick_unit(struct super *su, unsigned i, int64_t now)
{
	struct unit *un = &su->su_unit[i];

	if (un->un_state == UNIT_AGAIN && now >= un->un_due)
		set_state(un, UNIT_WAIT, now);
	if (un->un_state == UNIT_WAIT && may_start(su, un, now))
		spawn(su, i, now);
	if (un->un_state != UNIT_START)
		return;
	if (un->un_due != 0 && now >= un->un_due && !un->un_killed) {
		un->un_killed = true;
		push(su, ACT_KILL, i);
	} else if (!un->un_killed && now >= un->un_probe) {
		un->un_probe = now + SUPER_PROBE;
		push(su, ACT_PROBE, i);
	}
}

static void
tick_stop(struct super *su, int64_t now)
{
	for (unsigned i = 0; i < su->su_n; i++) {
		struct unit *un = &su->su_unit[i];

		if (un->un_runs && un->un_due != 0 && now >= un->un_due &&
		    !un->un_killed) {
			un->un_killed = true;
			push(su, ACT_KILL, i);
		}
	}
	stop_next(su, now);
}

void
super_tick(struct super *su, int64_t now)
{
	if (su->su_how != SUPER_RUN) {
		tick_stop(su, now);
		return;
	}
	if (su->su_began == 0) {
		su->su_began = now;
		for (unsigned i = 0; i < su->su_n; i++)
			su->su_unit[i].un_since = now;
	}
	for (unsigned i = 0; i < su->su_n; i++)
		tick_unit(su, i, now);
	update_health(su, now);
}

static int64_t
unit_deadline(const struct super *su, const struct unit *un)
{
	int64_t due = INT64_MAX;

	if (un->un_due != 0 && !un->un_killed && (un->un_runs ||
	    (un->un_state == UNIT_AGAIN && su->su_how == SUPER_RUN)))
		due = un->un_due;
	if (su->su_how == SUPER_RUN && un->un_state == UNIT_WAIT &&
	    un->un_def->ud_latest != 0)
		due = su->su_began + un->un_def->ud_latest;
	if (su->su_how == SUPER_RUN && un->un_state == UNIT_START &&
	    !un->un_killed && un->un_probe < due)
		due = un->un_probe;
	return due;
}

int64_t
super_deadline(const struct super *su)
{
	int64_t least = INT64_MAX;

	for (unsigned i = 0; i < su->su_n; i++) {
		int64_t due = unit_deadline(su, &su->su_unit[i]);

		if (due < least)
			least = due;
	}
	return least;
}
