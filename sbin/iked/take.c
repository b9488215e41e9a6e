/* SPDX-License-Identifier: ISC */
/*
 * A policy comes from the parent (iked.h): as a difference to the one in force, or
 * whole.  It is in force when its last message has been taken, or nothing of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ikeproc.h"
#include "libutil/log.h"

#define FRAGMENT	1280	/* largest IP packet (RFC 7383 section 2.5.1) */

static void
log_line(void *arg, int level, const char *line)
{
	(void)arg;
	log_at(level, "%s", line);
}

static bool
make_ike(struct ikeproc *ip, const struct iked_set *set)
{
	struct ike_conf cf;

	ike_conf_default(&cf);
	cf.cf_arg = ip->ip_io->io_arg;
	cf.cf_random = ip->ip_io->io_random;
	cf.cf_log = log_line;
	cf.cf_source = ip->ip_io->io_source;
	cf.cf_mtu = ip->ip_io->io_mtu;
	cf.cf_path = set->is_pathmtu;
	cf.cf_port_natt = ip->ip_natt_port = udp_natt_port(set);
	cf.cf_liveness_ms = set->is_dpd * 1000;
	cf.cf_fragment = set->is_fragmentation ? FRAGMENT : 0;
	ip->ip_set = *set;
	return (ip->ip_ike = ike_new(&cf, ikeproc_now(ip))) != NULL;
}

bool
ikeproc_policy_begin(struct ikeproc *ip, const struct iked_begin *ib)
{
	struct incoming *in = &ip->ip_next;

	if (ib == NULL)
		return false;
	if (ip->ip_ike == NULL && !make_ike(ip, &ib->ib_set))
		return false;
	blocked_clear(&in->in_blocked);
	ike_edit_abort(in->in_edit);
	*in = (struct incoming){ .in_set = ib->ib_set, .in_base = ib->ib_base,
	    .in_edit = ike_edit_begin(ip->ip_ike),
	    .in_bad = ib->ib_base != 0 && ib->ib_base != ip->ip_number };
	return true;
}

bool
ikeproc_policy_same(struct ikeproc *ip, const struct iked_same *is)
{
	struct incoming *in = &ip->ip_next;

	if (is == NULL)
		return false;
	if (in->in_base == 0)
		in->in_bad = true;
	if (in->in_bad)
		return true;
	if (is->is_blocked) {
		in->in_bad = !blocked_same(ip, is->is_from, is->is_n);
	} else {
		in->in_bad = !ike_edit_keep(in->in_edit, is->is_from, is->is_n);
		in->in_rules += is->is_n;
	}
	return true;
}

bool
ikeproc_policy_rule(struct ikeproc *ip, struct iked_rule *rule)
{
	struct incoming *in = &ip->ip_next;

	if (rule == NULL)
		return false;
	rule->ir_policy.po_children = &rule->ir_child;
	(void)ike_edit_put(in->in_edit, &rule->ir_policy);	/* END tells */
	in->in_rules++;
	in->in_new++;
	return true;
}

void
ikeproc_tune(struct ikeproc *ip)
{
	const struct iked_set *set = &ip->ip_set;

	ike_tune(ip->ip_ike, ikeproc_now(ip), set->is_dpd * 1000,
	    set->is_fragmentation ? FRAGMENT : 0, ip->ip_natt_port);
	ike_path_tune(ip->ip_ike, ikeproc_now(ip), set->is_pathmtu);
}

/*
 * The `set' lines.  Another port for NAT traversal is used as soon as the network
 * kernel has bound it (udp.c).
 */
static void
take_set(struct ikeproc *ip, const struct iked_set *set)
{
	const struct iked_set was = ip->ip_set;

	if (memcmp(&was, set, sizeof(was)) == 0)
		return;
	ip->ip_set = *set;
	if (was.is_dpd != set->is_dpd)
		log_info("a silent peer is asked after %u s", set->is_dpd);
	if (was.is_fragmentation != set->is_fragmentation)
		log_info("IKE SAs made from now on %s fragments",
		    set->is_fragmentation ? "may send" : "send no");
	ip->ip_notice[0] = '\0';
	if (udp_natt_port(set) != ip->ip_natt_port)
		udp_bind_natt(ip);
	ikeproc_tune(ip);
}

static void
in_force(struct ikeproc *ip, const struct iked_end *ie)
{
	struct incoming *in = &ip->ip_next;

	take_set(ip, &in->in_set);
	blocked_take(ip);
	ip->ip_number = ie->ie_number;
	ip->ip_revision = ie->ie_revision;
	ip->ip_failed = 0;
	ip->ip_failed_text[0] = '\0';
	log_info("revision %llu: %zu rules, %zu of them new or other",
	    (unsigned long long)ie->ie_revision, in->in_rules, in->in_new);
}

static void
refused(struct ikeproc *ip, const struct iked_end *ie)
{
	ip->ip_failed = ie->ie_revision;
	(void)snprintf(ip->ip_failed_text, sizeof(ip->ip_failed_text),
	    "the IKE core refused the policy; revision %llu stays",
	    (unsigned long long)ip->ip_revision);
	log_err("revision %llu: %s", (unsigned long long)ie->ie_revision,
	    ip->ip_failed_text);
}

bool
ikeproc_policy_end(struct ikeproc *ip, const struct iked_end *ie)
{
	struct incoming *in = &ip->ip_next;
	bool ok;

	if (ie == NULL || ip->ip_ike == NULL)
		return false;
	if (in->in_bad || in->in_rules != ie->ie_rules ||
	    in->in_blocked.bl_n != ie->ie_blocked) {
		ike_edit_abort(in->in_edit);
		ok = false;
	} else {
		ok = ike_edit_commit(in->in_edit, ikeproc_now(ip));
	}
	in->in_edit = NULL;
	if (ok)
		in_force(ip, ie);
	else if (in->in_base != 0)
		ip->ip_want = true;
	else
		refused(ip, ie);
	return true;
}
