/* SPDX-License-Identifier: ISC */
/*
 * The queue of actions: what the shell is to do, in order.
 *
 * => An action's bytes live behind it in the same allocation and are wiped when
 *    the next action is taken.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "libike/ike_var.h"

struct act *
act_new(struct ike *ike, enum ike_action_type type, size_t extra)
{
	struct act *a = ike_calloc(1, sizeof(*a) + extra);

	if (a == NULL) {
		ike_log(ike, IKE_LOG_ERR, "out of memory");
		return NULL;
	}
	a->a_action.ac_type = type;
	a->a_size = extra;
	return a;
}

void
act_queue(struct ike *ike, struct act *a)
{
	ike->i_objects.oc_actions++;
	TAILQ_INSERT_TAIL(&ike->i_acts, a, a_entry);
}

static void
act_free(struct ike *ike, struct act *a)
{
	if (a == NULL)
		return;
	ike->i_objects.oc_actions--;
	explicit_bzero(a, sizeof(*a) + a->a_size);
	free(a);
}

void
act_drop_all(struct ike *ike)
{
	struct act *a;

	while ((a = TAILQ_FIRST(&ike->i_acts)) != NULL) {
		TAILQ_REMOVE(&ike->i_acts, a, a_entry);
		act_free(ike, a);
	}
	act_free(ike, ike->i_act);
	ike->i_act = NULL;
}

bool
ike_next(struct ike *ike, struct ike_action *out)
{
	struct act *a = TAILQ_FIRST(&ike->i_acts);

	act_free(ike, ike->i_act);
	ike->i_act = a;
	if (a == NULL)
		return false;
	TAILQ_REMOVE(&ike->i_acts, a, a_entry);
	*out = a->a_action;
	return true;
}

static bool
is_stranger(const struct ikesa *sa)
{
	return sa->sa_state == SA_HALF_R || (sa->sa_state == SA_AUTH_R &&
	    (sa->sa_rsp == NULL || sa->sa_rsp->x_verify != IKE_VERIFY_OK));
}

void
act_event(struct ike *ike, enum ike_event_type type, enum ike_reason reason,
    const struct ikesa *sa, const char *child, uint32_t retry, const char *fmt,
    ...)
{
	struct act *a = act_new(ike, IKE_ACT_EVENT, 0);
	struct ike_event *ev;
	va_list ap;

	if (a == NULL)
		return;
	ev = &a->a_action.ac_event;
	ev->ev_type = type;
	ev->ev_reason = reason;
	ev->ev_retry_ms = retry;
	if (sa != NULL) {
		(void)snprintf(ev->ev_policy, sizeof(ev->ev_policy), "%s",
		    sa->sa_name);
		ev->ev_peer = sa->sa_remote;
		ev->ev_peer_port = sa->sa_rport;
		ev->ev_stranger = is_stranger(sa);
	}
	(void)snprintf(ev->ev_child, sizeof(ev->ev_child), "%s", child);
	va_start(ap, fmt);
	(void)vsnprintf(ev->ev_text, sizeof(ev->ev_text), fmt, ap);
	va_end(ap);
	act_queue(ike, a);
}

void
act_send(struct ike *ike, const struct ike_datagram *to, const void *p,
    size_t n)
{
	struct act *a = act_new(ike, IKE_ACT_SEND, n);

	if (a == NULL)
		return;
	if (n != 0)
		memcpy(a->a_bytes, p, n);
	a->a_action.ac_send = *to;
	a->a_action.ac_send.dg_data = a->a_bytes;
	a->a_action.ac_send.dg_len = n;
	ike->i_stats.is_out++;
	act_queue(ike, a);
}

void
act_delete_ref(struct ike *ike, const struct ike_sa_ref *ref)
{
	struct act *a = act_new(ike, IKE_ACT_SA_DELETE, 0);

	if (a == NULL)
		return;
	a->a_action.ac_del = *ref;
	act_queue(ike, a);
}
