/* SPDX-License-Identifier: ISC */
/*
 * What the IKE core wants done: the half of the ike process that needs no socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ikeproc.h"
#include "libike/ike_auth.h"
#include "libutil/log.h"

static void
ask_auth(struct ikeproc *ip, const struct ike_action *a)
{
	static struct iked_auth_req rq;
	const struct ike_auth_req *ar = &a->ac_auth;
	bool sign = a->ac_type == IKE_ACT_AUTH_SIGN;

	memset(&rq, 0, sizeof(rq));
	memcpy(rq.ia_policy, ar->ar_policy, sizeof(rq.ia_policy));
	rq.ia_prf = ar->ar_prf;
	rq.ia_method = ar->ar_method;
	rq.ia_octets_len = (uint16_t)ar->ar_octets_len;
	memcpy(rq.ia_octets, ar->ar_octets, ar->ar_octets_len);
	if (!sign && ar->ar_auth_len != 0) {
		rq.ia_auth_len = (uint16_t)ar->ar_auth_len;
		memcpy(rq.ia_auth, ar->ar_auth, ar->ar_auth_len);
	}
	if (!ip->ip_io->io_auth(ip->ip_io->io_arg, sign ? IMSG_SIGN :
	    IMSG_VERIFY, a->ac_id, &rq))
		ip->ip_ending = true;	/* without auth nothing can be made */
	explicit_bzero(&rq, sizeof(rq));
}

static void
log_event(const struct ike_event *ev)
{
	bool bad = ev->ev_type == IKE_EV_FAILED ||
	    ev->ev_type == IKE_EV_CHILD_DOWN || ev->ev_type == IKE_EV_IKE_DOWN;
	char from[ADDR_STRLEN + 16] = "", a[ADDR_STRLEN];

	if (ev->ev_stranger)
		(void)snprintf(from, sizeof(from), " (from %s:%u)",
		    addr_print(&ev->ev_peer, a), ev->ev_peer_port);
	log_at(bad ? LOG_WARNING : ev->ev_type == IKE_EV_CONNECTING ?
	    LOG_DEBUG : LOG_INFO, "%s%s%s: %s%s%s %s%s",
	    ev->ev_policy[0] != '\0' ? ev->ev_policy : "(no policy)",
	    ev->ev_child[0] != '\0' ? "/" : "", ev->ev_child,
	    ike_event_name(ev->ev_type), ev->ev_reason != IKE_R_NONE ? " " : "",
	    ike_reason_id(ev->ev_reason), ev->ev_text, from);
}

static void
tell_event(struct ikeproc *ip, const struct ike_event *ev)
{
	uint64_t now = ikeproc_now(ip);
	bool keep = ev->ev_stranger ? stranger_told(&ip->ip_strangers, now, ev) :
	    told_take(&ip->ip_told, now, ev);

	if (keep)
		log_event(ev);
	if (keep || !ev->ev_stranger)
		ip->ip_io->io_event(ip->ip_io->io_arg, ev, keep);
}

/* How many events of a rule were not told. */
static void
tell_count(void *arg, const struct ike_event *ev)
{
	struct ikeproc *ip = arg;

	log_event(ev);
	ip->ip_io->io_event(ip->ip_io->io_arg, ev, true);
}

static void
act(struct ikeproc *ip, const struct ike_action *a)
{
	switch (a->ac_type) {
	case IKE_ACT_SEND:
		udp_datagram(ip, &a->ac_send);
		break;
	case IKE_ACT_GETSPI:
		kernel_getspi(ip, a->ac_id, &a->ac_getspi);
		break;
	case IKE_ACT_SA_ADD:
		kernel_sa_add(ip, a->ac_id, &a->ac_sa);
		break;
	case IKE_ACT_SA_MOVE:
		kernel_sa_move(ip, &a->ac_sa);
		break;
	case IKE_ACT_SA_DELETE:
		kernel_sa_delete(ip, &a->ac_del);
		break;
	case IKE_ACT_SEEN:
		kernel_seen(ip, &a->ac_seen);
		break;
	case IKE_ACT_AUTH_SIGN:
	case IKE_ACT_AUTH_VERIFY:
		ask_auth(ip, a);
		break;
	case IKE_ACT_EVENT:
		tell_event(ip, &a->ac_event);
		break;
	}
}

void
ikeproc_act(struct ikeproc *ip)
{
	static struct ike_action a;	/* large; wiped by libike */

	while (ike_next(ip->ip_ike, &a))
		act(ip, &a);
}

bool
ikeproc_auth(struct ikeproc *ip, const struct imsg *im)
{
	const struct iked_signed *ig;
	const uint32_t *result;

	switch (im->im_type) {
	case IMSG_SIGNED:
		ig = imsg_body(im, sizeof(*ig));
		if (ig == NULL || ig->ig_len > sizeof(ig->ig_auth))
			return false;
		ike_sign_reply(ip->ip_ike, ikeproc_now(ip), im->im_id,
		    ig->ig_ok == 1, ig->ig_auth, ig->ig_len);
		return true;
	case IMSG_VERIFIED:
		if ((result = imsg_body(im, sizeof(*result))) == NULL)
			return false;
		ike_verify_reply(ip->ip_ike, ikeproc_now(ip), im->im_id,
		    *result == IKE_VERIFY_OK ? IKE_VERIFY_OK :
		    *result == IKE_VERIFY_NOKEY ? IKE_VERIFY_NOKEY :
		    IKE_VERIFY_BAD);
		return true;
	}
	return false;
}

void
ikeproc_timer(struct ikeproc *ip)
{
	uint64_t now = ikeproc_now(ip);

	ike_timer(ip->ip_ike, now);
	kernel_timer(ip, now);
	stranger_timer(&ip->ip_strangers, now);
	told_timer(&ip->ip_told, now, tell_count, ip);
}

uint64_t
ikeproc_deadline(const struct ikeproc *ip)
{
	uint64_t when = ip->ip_ike == NULL ? UINT64_MAX :
	    ike_deadline(ip->ip_ike);

	if (told_deadline(&ip->ip_told) < when)
		when = told_deadline(&ip->ip_told);
	return kernel_deadline(ip) < when ? kernel_deadline(ip) : when;
}

void
ikeproc_fini(struct ikeproc *ip)
{
	ike_edit_abort(ip->ip_next.in_edit);
	ike_free(ip->ip_ike);
	kernel_fini(ip);
	told_fini(&ip->ip_told);
	blocked_clear(&ip->ip_blocked);
	blocked_clear(&ip->ip_next.in_blocked);
}
