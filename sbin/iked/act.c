/* SPDX-License-Identifier: ISC */
/*
 * What the IKE core wants done, and the policy that it runs: the half of the
 * ike process that needs no socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ikeproc.h"
#include "libike/ike_auth.h"
#include "libutil/log.h"

const struct iked_rule *
ikeproc_rule(const struct ikeproc *ip, const char *policy)
{
	for (size_t i = 0; i < ip->ip_nrules; i++)
		if (strcmp(ip->ip_rules[i].ir_policy.po_name, policy) == 0)
			return &ip->ip_rules[i];
	return NULL;
}

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
tell_event(struct ikeproc *ip, const struct ike_event *ev)
{
	bool bad = ev->ev_type == IKE_EV_FAILED ||
	    ev->ev_type == IKE_EV_CHILD_DOWN || ev->ev_type == IKE_EV_IKE_DOWN;

	log_at(bad ? LOG_WARNING : ev->ev_type == IKE_EV_CONNECTING ?
	    LOG_DEBUG : LOG_INFO, "%s%s%s: %s%s%s %s",
	    ev->ev_policy[0] != '\0' ? ev->ev_policy : "(no policy)",
	    ev->ev_child[0] != '\0' ? "/" : "", ev->ev_child,
	    ike_event_name(ev->ev_type), ev->ev_reason != IKE_R_NONE ? " " : "",
	    ike_reason_id(ev->ev_reason), ev->ev_text);
	ip->ip_io->io_event(ip->ip_io->io_arg, ev);
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
ikeproc_policy_rule(struct ikeproc *ip, const struct iked_rule *rule)
{
	struct iked_rule *list;

	if (rule == NULL)
		return false;
	if ((ip->ip_nnext & (ip->ip_nnext - 1)) == 0) {
		list = reallocarray(ip->ip_next,
		    ip->ip_nnext == 0 ? 1 : 2 * ip->ip_nnext, sizeof(*list));
		if (list == NULL)
			return false;
		ip->ip_next = list;
	}
	ip->ip_next[ip->ip_nnext++] = *rule;
	return true;
}

bool
ikeproc_policy_end(struct ikeproc *ip, uint64_t revision)
{
	struct ike_policy *po = calloc(ip->ip_nnext + 1, sizeof(*po));
	bool ok;

	if (po == NULL)
		return false;
	for (size_t i = 0; i < ip->ip_nnext; i++) {
		po[i] = ip->ip_next[i].ir_policy;
		po[i].po_children = &ip->ip_next[i].ir_child;
	}
	ok = ike_policy_set(ip->ip_ike, ikeproc_now(ip), po, ip->ip_nnext);
	free(po);
	if (ok) {
		free(ip->ip_rules);
		ip->ip_rules = ip->ip_next;
		ip->ip_nrules = ip->ip_nnext;
		ip->ip_next = NULL;
		ip->ip_set = ip->ip_next_set;
		blocked_take(ip);
		ip->ip_revision = revision;
		ip->ip_failed = 0;
		ip->ip_failed_text[0] = '\0';
		log_info("revision %llu: %zu rules",
		    (unsigned long long)revision, ip->ip_nrules);
	} else {
		ip->ip_failed = revision;
		(void)snprintf(ip->ip_failed_text, sizeof(ip->ip_failed_text),
		    "the IKE core refused the policy; revision %llu stays",
		    (unsigned long long)ip->ip_revision);
		log_err("revision %llu: %s", (unsigned long long)revision,
		    ip->ip_failed_text);
	}
	ip->ip_nnext = 0;
	return true;
}

static void
log_line(void *arg, int level, const char *line)
{
	(void)arg;
	log_at(level, "%s", line);
}

/*
 * The options of an instance are fixed when it is made, so the first policy
 * makes it; a later change of a `set' line needs a restart, which is said.
 */
static bool
make_ike(struct ikeproc *ip, const struct iked_set *set)
{
	struct ike_conf cf;

	ike_conf_default(&cf);
	cf.cf_arg = ip->ip_io->io_arg;
	cf.cf_random = ip->ip_io->io_random;
	cf.cf_log = log_line;
	cf.cf_source = ip->ip_io->io_source;
	if (set->is_nattport != 0)
		cf.cf_port_natt = set->is_nattport;
	cf.cf_liveness_ms = set->is_dpd * 1000;
	if (!set->is_fragmentation)
		cf.cf_fragment = 0;
	ip->ip_set = *set;
	return (ip->ip_ike = ike_new(&cf, ikeproc_now(ip))) != NULL;
}

bool
ikeproc_policy_begin(struct ikeproc *ip, const struct iked_set *set)
{
	if (set == NULL)
		return false;
	if (ip->ip_ike != NULL && memcmp(&ip->ip_set, set, sizeof(*set)) != 0)
		log_warn("`set' lines for dpd, nattport and fragmentation "
		    "take effect when iked is started again");
	ip->ip_next_set = *set;
	ip->ip_nnext = 0;
	blocked_clear(&ip->ip_next_blocked);
	return ip->ip_ike != NULL || make_ike(ip, set);
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
}

uint64_t
ikeproc_deadline(const struct ikeproc *ip)
{
	uint64_t when = ip->ip_ike == NULL ? UINT64_MAX :
	    ike_deadline(ip->ip_ike);

	return kernel_deadline(ip) < when ? kernel_deadline(ip) : when;
}

void
ikeproc_fini(struct ikeproc *ip)
{
	ike_free(ip->ip_ike);
	kernel_fini(ip);
	blocked_clear(&ip->ip_blocked);
	blocked_clear(&ip->ip_next_blocked);
	free(ip->ip_rules);
	free(ip->ip_next);
}
