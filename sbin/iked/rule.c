/* SPDX-License-Identifier: ISC */
/*
 * From an `ikev2' rule of the policy (libpolicy) to a policy of the IKE core
 * (libike).  Pure: what does not fit is refused with a text, nothing is cut.
 */
#include <stdio.h>
#include <string.h>

#include "iked.h"

static const char *
make_proposals(const struct policy_proposal *pp, unsigned n,
    enum ike_proto proto, struct ike_proposals *out)
{
	if (n > IKE_PROPOSALS_MAX)
		return "too many proposals";
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < n; i++) {
		struct ike_proposal *pr = &out->ps_p[i];

		if (pp[i].pp_n > IKE_TRANSFORMS_MAX)
			return "too many transforms in one proposal";
		pr->pr_proto = (uint8_t)proto;
		pr->pr_n = (uint8_t)pp[i].pp_n;
		for (unsigned t = 0; t < pp[i].pp_n; t++) {
			pr->pr_t[t].tr_type = pp[i].pp_t[t].pt_type;
			pr->pr_t[t].tr_id = pp[i].pp_t[t].pt_id;
			pr->pr_t[t].tr_keybits = pp[i].pp_t[t].pt_bits;
		}
	}
	out->ps_n = (uint8_t)n;
	return NULL;
}

static const char *
make_id(const struct policy_id *pi, struct ike_id *out)
{
	memset(out, 0, sizeof(*out));
	if (pi->pi_type == POLICY_ID_NONE)
		return NULL;
	if (pi->pi_type == POLICY_ID_ASN1_DN)
		return "a distinguished name as identity needs certificates, "
		    "which are not supported yet";
	return ike_id_parse(pi->pi_text, out) ? NULL : "bad identity";
}

static bool
ts_equal(const struct ike_ts *a, const struct ike_ts *b)
{
	return addr_equal(&a->ts_lo, &b->ts_lo) &&
	    addr_equal(&a->ts_hi, &b->ts_hi) && a->ts_proto == b->ts_proto &&
	    a->ts_port.po_lo == b->ts_port.po_lo &&
	    a->ts_port.po_hi == b->ts_port.po_hi;
}

static bool
add_ts(struct ike_ts_list *tl, const struct prefix *p,
    const struct port_range *port, uint8_t proto)
{
	struct ike_ts ts;

	ike_ts_from_prefix(p, &ts);
	ts.ts_port = *port;
	ts.ts_proto = proto;
	for (unsigned i = 0; i < tl->tl_n; i++)
		if (ts_equal(&tl->tl_ts[i], &ts))
			return true;
	if (tl->tl_n == IKE_TS_MAX)
		return false;
	tl->tl_ts[tl->tl_n++] = ts;
	return true;
}

static const char *
make_selectors(const struct policy_ike *ik, struct ike_child_conf *ch)
{
	for (size_t i = 0; i < ik->ik_nsel; i++) {
		const struct policy_selector *s = &ik->ik_sel[i];

		if (!add_ts(&ch->ch_local, &s->ps_src, &s->ps_sport,
		    s->ps_proto) || !add_ts(&ch->ch_remote, &s->ps_dst,
		    &s->ps_dport, s->ps_proto))
			return "more than 16 different networks on one side";
	}
	return NULL;
}

static bool
one_host(const struct prefix *p)
{
	return p->pr_addr.ad_af != 0 && p->pr_len == addr_bits(&p->pr_addr);
}

static enum ike_start
start_mode(const struct policy *pol, const struct policy_ike *ik)
{
	if (!one_host(&ik->ik_peer) || !pol->pol_set.set_active)
		return IKE_START_PASSIVE;
	return ik->ik_active ? IKE_START_ACTIVE : IKE_START_DEMAND;
}

const char *
iked_rule_make(const struct policy *pol, const struct policy_ike *ik,
    struct iked_rule *out)
{
	struct ike_policy *po = &out->ir_policy;
	struct ike_child_conf *ch = &out->ir_child;
	const char *why;

	memset(out, 0, sizeof(*out));
	if (strlen(ik->ik_name) >= sizeof(po->po_name))
		return "the rule's name is too long";
	(void)snprintf(po->po_name, sizeof(po->po_name), "%s", ik->ik_name);
	po->po_local = ik->ik_local;
	po->po_peer = ik->ik_peer;
	po->po_auth = IKE_AUTH_KIND_PSK;
	po->po_dpd = ik->ik_active ? IKE_DPD_RESTART : IKE_DPD_HOLD;
	po->po_encap = ik->ik_encap;
	po->po_lifetime_s = ik->ik_ikelifetime;
	po->po_nchildren = 1;
	if ((why = make_id(&ik->ik_srcid, &po->po_srcid)) != NULL ||
	    (why = make_id(&ik->ik_dstid, &po->po_dstid)) != NULL ||
	    (why = make_proposals(ik->ik_ikesa, ik->ik_nikesa, IKE_PROTO_IKE,
	    &po->po_ike)) != NULL)
		return why;

	(void)snprintf(ch->ch_name, sizeof(ch->ch_name), "%s", ik->ik_name);
	ch->ch_reqid = ik->ik_reqid;
	ch->ch_mode = ik->ik_mode == POLICY_TRANSPORT ? IKE_MODE_TRANSPORT :
	    IKE_MODE_TUNNEL;
	ch->ch_start = start_mode(pol, ik);
	ch->ch_lifetime_s = ik->ik_lifetime;
	ch->ch_lifetime_bytes = ik->ik_lifebytes;
	if ((why = make_proposals(ik->ik_childsa, ik->ik_nchildsa,
	    IKE_PROTO_ESP, &ch->ch_esp)) != NULL ||
	    (why = make_selectors(ik, ch)) != NULL)
		return why;
	po->po_children = ch;
	why = ike_policy_check(po);
	po->po_children = NULL;
	return why;
}
