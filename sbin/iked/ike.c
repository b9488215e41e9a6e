/* SPDX-License-Identifier: ISC */
/*
 * The ike process: waits on its sockets, hands what comes to the IKE core
 * (libike), and does what the core asks for, in its order.
 *
 * It holds no long-term secret: AUTH values are made and verified by the auth
 * process.  It opens nothing: every descriptor comes from the parent.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "ikeproc.h"
#include "libike/ike_auth.h"
#include "libutil/log.h"
#include "libutil/sandbox.h"

uint64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000 + 1;
}

static void
fill_random(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;

	(void)arg;
	while (n != 0) {
		ssize_t r = getrandom(p, n, 0);

		if (r > 0) {
			p += r;
			n -= (size_t)r;
		} else if (errno != EINTR) {
			log_fatal("getrandom");
		}
	}
}

static void
log_line(void *arg, int level, const char *line)
{
	(void)arg;
	log_at(level, "%s", line);
}

static bool
source_for(void *arg, const struct addr *dst, struct addr *src)
{
	return udp_source(arg, dst, src);
}

const struct iked_rule *
ikeproc_rule(const struct ikeproc *ip, const char *policy)
{
	for (size_t i = 0; i < ip->ip_nrules; i++)
		if (strcmp(ip->ip_rules[i].ir_policy.po_name, policy) == 0)
			return &ip->ip_rules[i];
	return NULL;
}

/* The parent connects again and sends new descriptors. */
void
ikeproc_kernel_gone(struct ikeproc *ip)
{
	if (ip->ip_key == NULL && ip->ip_udp == -1 && ip->ip_source == -1)
		return;
	log_warn("the network kernel has gone");
	if (ip->ip_key != NULL)
		pfkey_close(ip->ip_key);
	if (ip->ip_udp != -1)
		close(ip->ip_udp);
	if (ip->ip_source != -1)
		close(ip->ip_source);
	ip->ip_key = NULL;
	ip->ip_udp = ip->ip_source = -1;
	(void)imsg_send(ip->ip_parent, IMSG_KERNEL_GONE, 0, NULL, 0, -1);
}

/* ---- the core's actions ------------------------------------------- */

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
	if (!imsg_send(ip->ip_auth, sign ? IMSG_SIGN : IMSG_VERIFY, a->ac_id,
	    &rq, sizeof(rq), -1))
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
	control_event(ip, ev);
}

static void
act(struct ikeproc *ip, const struct ike_action *a)
{
	switch (a->ac_type) {
	case IKE_ACT_SEND:
		udp_send(ip, &a->ac_send);
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

static void
act_all(struct ikeproc *ip)
{
	static struct ike_action a;	/* large; wiped by libike */

	while (ike_next(ip->ip_ike, &a))
		act(ip, &a);
}

/* ---- auth --------------------------------------------------------- */

static bool
from_auth(struct ikeproc *ip, const struct imsg *im)
{
	const struct iked_signed *ig;
	const uint32_t *result;

	switch (im->im_type) {
	case IMSG_SIGNED:
		ig = imsg_body(im, sizeof(*ig));
		if (ig == NULL || ig->ig_len > sizeof(ig->ig_auth))
			return false;
		ike_sign_reply(ip->ip_ike, now_ms(), im->im_id,
		    ig->ig_ok == 1, ig->ig_auth, ig->ig_len);
		return true;
	case IMSG_VERIFIED:
		if ((result = imsg_body(im, sizeof(*result))) == NULL)
			return false;
		ike_verify_reply(ip->ip_ike, now_ms(), im->im_id,
		    *result == IKE_VERIFY_OK ? IKE_VERIFY_OK :
		    *result == IKE_VERIFY_NOKEY ? IKE_VERIFY_NOKEY :
		    IKE_VERIFY_BAD);
		return true;
	}
	return false;
}

/* ---- parent ------------------------------------------------------- */

static bool
rule_add(struct ikeproc *ip, const struct iked_rule *rule)
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

static bool
policy_end(struct ikeproc *ip, uint64_t revision)
{
	struct ike_policy *po = calloc(ip->ip_nnext + 1, sizeof(*po));
	bool ok;

	if (po == NULL)
		return false;
	for (size_t i = 0; i < ip->ip_nnext; i++) {
		po[i] = ip->ip_next[i].ir_policy;
		po[i].po_children = &ip->ip_next[i].ir_child;
	}
	ok = ike_policy_set(ip->ip_ike, now_ms(), po, ip->ip_nnext);
	free(po);
	if (ok) {
		free(ip->ip_rules);
		ip->ip_rules = ip->ip_next;
		ip->ip_nrules = ip->ip_nnext;
		ip->ip_next = NULL;
		ip->ip_set = ip->ip_next_set;
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

/*
 * The options of an instance are fixed when it is made, so the first policy
 * makes it; a later change of a `set' line needs a restart, which is said.
 */
static bool
make_ike(struct ikeproc *ip, const struct iked_set *set)
{
	struct ike_conf cf;

	ike_conf_default(&cf);
	cf.cf_arg = ip;
	cf.cf_random = fill_random;
	cf.cf_log = log_line;
	cf.cf_source = source_for;
	if (set->is_nattport != 0)
		cf.cf_port_natt = set->is_nattport;
	cf.cf_liveness_ms = set->is_dpd * 1000;
	if (!set->is_fragmentation)
		cf.cf_fragment = 0;
	ip->ip_set = *set;
	return (ip->ip_ike = ike_new(&cf, now_ms())) != NULL;
}

static bool
policy_begin(struct ikeproc *ip, const struct iked_set *set)
{
	if (set == NULL)
		return false;
	if (ip->ip_ike != NULL && memcmp(&ip->ip_set, set, sizeof(*set)) != 0)
		log_warn("`set' lines for dpd, nattport and fragmentation "
		    "take effect when iked is started again");
	ip->ip_next_set = *set;
	ip->ip_nnext = 0;
	return ip->ip_ike != NULL || make_ike(ip, set);
}

/* True if the descriptor has been taken. */
static bool
take_fd(struct ikeproc *ip, const struct imsg *im)
{
	if (im->im_fd == -1 || ip->ip_ike == NULL)
		return false;
	switch (im->im_type) {
	case IMSG_KEY_FD:
		kernel_attach(ip, im->im_fd);
		return true;
	case IMSG_UDP_FD:
		udp_attach(ip, im->im_fd);
		return true;
	case IMSG_SOURCE_FD:
		if (ip->ip_source != -1)
			close(ip->ip_source);
		ip->ip_source = im->im_fd;
		return true;
	case IMSG_CTL_FD:
		control_free(ip->ip_control);
		ip->ip_control = control_new(im->im_fd);
		return true;
	}
	return false;
}

static bool
from_parent(struct ikeproc *ip, const struct imsg *im)
{
	const uint64_t *revision;

	switch (im->im_type) {
	case IMSG_POLICY_BEGIN:
		return policy_begin(ip, imsg_body(im, sizeof(struct iked_set)));
	case IMSG_POLICY_RULE:
		return rule_add(ip, imsg_body(im, sizeof(struct iked_rule)));
	case IMSG_POLICY_END:
		revision = imsg_body(im, sizeof(*revision));
		return revision != NULL && policy_end(ip, *revision);
	case IMSG_KERNEL_GONE:
		/* A new network kernel has none of our SAs. */
		log_info("the network kernel is back: SAs are made anew");
		(void)ike_command(ip->ip_ike, now_ms(), IKE_CMD_REKEY, NULL);
		return true;
	case IMSG_SHUTDOWN:
		ike_shutdown(ip->ip_ike, now_ms());
		ip->ip_ending = true;
		return true;
	}
	return take_fd(ip, im);
}

/* ---- the loop ----------------------------------------------------- */

static bool
drain(struct ikeproc *ip, int fd,
    bool (*fn)(struct ikeproc *, const struct imsg *))
{
	int r = 0;

	while (!ip->ip_ending && (r = imsg_recv(fd, &ip->ip_msg)) == 1) {
		bool ok = fn(ip, &ip->ip_msg);

		imsg_wipe(&ip->ip_msg);
		if (!ok) {
			log_err("a message of type %u makes no sense",
			    ip->ip_msg.im_type);
			return false;
		}
		if (ip->ip_ike != NULL)
			act_all(ip);
	}
	return r != -1;
}

static int
wait_ms(const struct ikeproc *ip)
{
	uint64_t now = now_ms(), when;

	if (ip->ip_ike == NULL)
		return -1;
	when = ike_deadline(ip->ip_ike);
	if (kernel_deadline(ip) < when)
		when = kernel_deadline(ip);
	if (when <= now)
		return 0;
	return when - now > 60000 ? 60000 : (int)(when - now);
}

#define P_PARENT	0
#define P_AUTH		1
#define P_KEY		2
#define P_UDP		3
#define P_FIXED		4

static bool
turn(struct ikeproc *ip)
{
	struct pollfd p[P_FIXED + CONTROL_CLIENTS + 1] = {
		[P_PARENT] = { .fd = ip->ip_parent, .events = POLLIN },
		[P_AUTH] = { .fd = ip->ip_auth, .events = POLLIN },
		[P_KEY] = { .fd = -1, .events = POLLIN },
		[P_UDP] = { .fd = ip->ip_udp, .events = POLLIN },
	};
	size_t n = control_poll(ip->ip_control, p + P_FIXED,
	    CONTROL_CLIENTS + 1);
	int ms = wait_ms(ip);

	if (ip->ip_key != NULL) {
		p[P_KEY].fd = pfkey_fd(ip->ip_key);
		if (pfkey_pending(ip->ip_key))
			ms = 0;
	}
	if (poll(p, P_FIXED + n, ms) == -1)
		return errno == EINTR;
	if (p[P_PARENT].revents != 0 && !drain(ip, ip->ip_parent, from_parent))
		return false;
	if (ip->ip_ike == NULL)
		return true;
	if (p[P_AUTH].revents != 0 && !drain(ip, ip->ip_auth, from_auth))
		return false;
	kernel_read(ip);
	if (p[P_UDP].revents != 0)
		udp_read(ip);
	control_ready(ip, p + P_FIXED, n);
	ike_timer(ip->ip_ike, now_ms());
	kernel_timer(ip, now_ms());
	act_all(ip);
	return !ip->ip_ending;
}

int
iked_ike(int parentfd, int authfd, const char *rundir)
{
	struct ikeproc *ip = calloc(1, sizeof(*ip));
	char empty[256];

	log_setname("iked.ike");
	(void)snprintf(empty, sizeof(empty), "%s/empty", rundir);
	if (ip == NULL || !sandbox_drop("_iked", empty) ||
	    !sandbox_enter(SANDBOX_NET))
		log_fatal("cannot give up privilege");
	ip->ip_parent = parentfd;
	ip->ip_auth = authfd;
	ip->ip_udp = ip->ip_source = -1;
	while (turn(ip))
		continue;
	if (ip->ip_ike != NULL) {
		act_all(ip);		/* the last Deletes */
		ike_free(ip->ip_ike);
	}
	if (ip->ip_key != NULL)
		pfkey_close(ip->ip_key);
	control_free(ip->ip_control);
	free(ip->ip_rules);
	free(ip->ip_next);
	free(ip->ip_stale);
	free(ip);
	return 0;
}
