/* SPDX-License-Identifier: ISC */
/*
 * Events on their way to the history (libhistory/history.h).
 *
 * The ike process gives each event that is to be kept a number and tells the
 * parent; what comes faster than the bound below, and what the parent does
 * not read in time, is not kept, and that is counted.  Strangers are bounded
 * before (stranger.c), and so is each rule (told.c).  Stages of a connection
 * that is being made are shown live only.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "event.h"
#include "libutil/imsg.h"

enum { EVENT_MS = 10, EVENT_BURST = 1000 };	/* 100 a second */

void
events_init(struct events *es, int parentfd)
{
	*es = (struct events){ .es_fd = parentfd };
}

/* To the parent if that does not have to wait. */
static bool
tell_parent(const struct events *es, const struct iked_event *ie)
{
	struct pollfd p = { .fd = es->es_fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0 &&
	    imsg_send(es->es_fd, IMSG_EVENT, 0, ie, sizeof(*ie), -1);
}

void
events_add(struct events *es, uint64_t now, const struct ike_event *ev,
    bool keep, struct iked_event *out)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	memset(out, 0, sizeof(*out));
	out->ie_time = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	out->ie_event = *ev;
	if (!keep || ev->ev_type == IKE_EV_CONNECTING)
		return;
	if (!bucket_take(&es->es_bucket, now, EVENT_MS, EVENT_BURST)) {
		es->es_lost++;
		return;
	}
	out->ie_id = ++es->es_last;
	if (!tell_parent(es, out))
		es->es_lost++;
}

void
event_for_history(const struct iked_event *ie, struct history_event *out)
{
	const struct ike_event *ev = &ie->ie_event;
	char a[ADDR_STRLEN];

	memset(out, 0, sizeof(*out));
	out->he_id = ie->ie_id;
	out->he_time = ie->ie_time;
	(void)snprintf(out->he_tunnel, sizeof(out->he_tunnel), "%s",
	    ev->ev_policy);
	(void)snprintf(out->he_child, sizeof(out->he_child), "%s",
	    ev->ev_child);
	(void)snprintf(out->he_event, sizeof(out->he_event), "%s",
	    ike_event_name(ev->ev_type));
	(void)snprintf(out->he_reason, sizeof(out->he_reason), "%s",
	    ike_reason_id(ev->ev_reason));
	(void)snprintf(out->he_text, sizeof(out->he_text), "%s", ev->ev_text);
	if (ev->ev_peer.ad_af != 0)
		(void)snprintf(out->he_peer, sizeof(out->he_peer), "%s:%u",
		    addr_print(&ev->ev_peer, a), ev->ev_peer_port);
}
