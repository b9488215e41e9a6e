/* SPDX-License-Identifier: ISC */
/*
 * Messages about policies: KAME's SPDADD, SPDUPDATE, SPDDELETE, SPDDELETE2,
 * SPDGET, SPDFLUSH, in Linux' numbering and structures.
 *
 * A policy protects with one ESP SA; bundles and other protocols are refused.
 * Its selector is told by ADDRESS_SRC and ADDRESS_DST, or by
 * PFKEY_EXT_SELECTOR where it has ranges of ports.
 */
#include <errno.h>
#include <string.h>

#include "netkey/key_var.h"

/* ---- from messages ---- */

static int
refuse(struct key_req *kr, int error, const char *why)
{
	kr->kr_why = why;
	return error;
}

static int
dir_of(struct key_req *kr, uint8_t *dir)
{
	switch (kr->kr_m.pm_policy.pp_dir) {
	case IPSEC_DIR_INBOUND:
		*dir = SP_IN;
		return 0;
	case IPSEC_DIR_OUTBOUND:
		*dir = SP_OUT;
		return 0;
	case IPSEC_DIR_FWD:
		*dir = SP_FWD;
		return 0;
	default:
		return refuse(kr, EINVAL, "direction of the policy");
	}
}

/* What the level alone says: who lets packets pass in clear asks nobody. */
static bool
asks_by_level(unsigned level)
{
	return level != SP_LEVEL_USE;
}

static int
level_of(struct key_req *kr, const struct pfkey_request *pr, struct sp *sp)
{
	sp->sp_reqid = pr->pr_reqid;
	switch (pr->pr_level) {
	case IPSEC_LEVEL_DEFAULT:
	case IPSEC_LEVEL_REQUIRE:
		sp->sp_level = SP_LEVEL_REQUIRE;
		return 0;
	case IPSEC_LEVEL_USE:
		sp->sp_level = SP_LEVEL_USE;
		return 0;
	case IPSEC_LEVEL_UNIQUE:
		sp->sp_level = SP_LEVEL_UNIQUE;
		return 0;
	default:
		return refuse(kr, EINVAL, "level of a request");
	}
}

static int
request_of(struct key_req *kr, struct sp *sp)
{
	const struct pfkey_policy *pp = &kr->kr_m.pm_policy;
	const struct pfkey_request *pr = &pp->pp_req[0];
	int error;

	if (pp->pp_nreq == 0)
		return refuse(kr, EINVAL, "a protecting policy without a request");
	if (pp->pp_nreq > 1)
		return refuse(kr, EOPNOTSUPP, "bundles of several SAs");
	if (pr->pr_proto != IPPROTO_ESP)
		return refuse(kr, EOPNOTSUPP, "only ESP in policies");
	if (pr->pr_mode != IPSEC_MODE_TRANSPORT && pr->pr_mode != IPSEC_MODE_TUNNEL)
		return refuse(kr, EINVAL, "mode of a request");
	sp->sp_proto = pr->pr_proto;
	sp->sp_mode = pr->pr_mode;
	if (pr->pr_mode == IPSEC_MODE_TUNNEL) {
		sp->sp_local = sp->sp_dir == SP_OUT ? pr->pr_src : pr->pr_dst;
		sp->sp_peer = sp->sp_dir == SP_OUT ? pr->pr_dst : pr->pr_src;
		/* 0.0.0.0 is "none": the packet's own end */
		if (sp->sp_local.ad_u64[0] == 0 && sp->sp_local.ad_u64[1] == 0)
			sp->sp_local.ad_af = 0;
		if (sp->sp_peer.ad_u64[0] == 0 && sp->sp_peer.ad_u64[1] == 0)
			sp->sp_peer.ad_af = 0;
	}
	if ((error = level_of(kr, pr, sp)) != 0)
		return error;
	sp->sp_asks = PFKEY_HAS(&kr->kr_m, PFKEY_EXT_ACQUIRE) ? kr->kr_m.pm_asks :
	    asks_by_level(sp->sp_level);
	return 0;
}

static bool
limited(const struct pfkey_lifetime *pl)
{
	return pl->pl_allocations != 0 || pl->pl_bytes != 0 || pl->pl_addtime != 0 ||
	    pl->pl_usetime != 0;
}

static void
selector_of(const struct pfkey_msg *m, struct selector *sel)
{
	struct pfkey_selector ps;

	pfkey_get_selector(m, &ps);
	*sel = (struct selector){ ps.sel_src, ps.sel_dst, ps.sel_sport, ps.sel_dport, ps.sel_proto };
}

static int
policy_of(struct key_req *kr, struct sp *sp)
{
	const struct pfkey_msg *m = &kr->kr_m;
	int error;

	memset(sp, 0, sizeof(*sp));
	if ((error = dir_of(kr, &sp->sp_dir)) != 0)
		return error;
	if (limited(&m->pm_hard) || limited(&m->pm_soft))
		return refuse(kr, EOPNOTSUPP, "policies with lifetimes");
	selector_of(m, &sp->sp_sel);
	sp->sp_priority = m->pm_policy.pp_priority;
	if (PFKEY_HAS(m, PFKEY_EXT_NAME))
		memcpy(sp->sp_name, m->pm_name, sizeof(sp->sp_name));
	switch (m->pm_policy.pp_type) {
	case IPSEC_POLICY_DISCARD:
		sp->sp_action = SP_DISCARD;
		return 0;
	case IPSEC_POLICY_NONE:
		sp->sp_action = SP_BYPASS;
		return 0;
	case IPSEC_POLICY_IPSEC:
		sp->sp_action = SP_PROTECT;
		return request_of(kr, sp);
	default:
		return refuse(kr, EINVAL, "kind of policy: only discard, none, ipsec");
	}
}

/* Level unique without a reqid gets one of its own, above those of people. */
static void
unique(struct key_req *kr, struct sp *sp)
{
	struct key *k = kr->kr_nk->nk_key;

	if (sp->sp_action != SP_PROTECT || sp->sp_level != SP_LEVEL_UNIQUE || sp->sp_reqid != 0)
		return;
	if (++k->k_reqid <= IPSEC_MANUAL_REQID_MAX)
		k->k_reqid = IPSEC_MANUAL_REQID_MAX + 1;
	sp->sp_reqid = k->k_reqid;
}

/* ---- into messages ---- */

static uint8_t
level_for(unsigned level)
{
	return level == SP_LEVEL_USE ? IPSEC_LEVEL_USE :
	    level == SP_LEVEL_UNIQUE ? IPSEC_LEVEL_UNIQUE : IPSEC_LEVEL_REQUIRE;
}

/* Both ends or none: one that is not given is the family's zero address. */
static void
put_ends(struct pfkey_request *pr, const struct sp *sp)
{
	const struct addr *src = sp->sp_dir == SP_OUT ? &sp->sp_local : &sp->sp_peer;
	const struct addr *dst = sp->sp_dir == SP_OUT ? &sp->sp_peer : &sp->sp_local;

	if (src->ad_af == 0 && dst->ad_af == 0)
		return;
	pr->pr_src = *src;
	pr->pr_dst = *dst;
	pr->pr_src.ad_af = pr->pr_dst.ad_af = src->ad_af != 0 ? src->ad_af : dst->ad_af;
}

static void
put_policy(struct pfkey_policy *pp, const struct sp *sp)
{
	static const uint8_t types[] = { [SP_PROTECT] = IPSEC_POLICY_IPSEC,
	    [SP_BYPASS] = IPSEC_POLICY_NONE, [SP_DISCARD] = IPSEC_POLICY_DISCARD };
	static const uint8_t dirs[] = { [SP_IN] = IPSEC_DIR_INBOUND,
	    [SP_OUT] = IPSEC_DIR_OUTBOUND, [SP_FWD] = IPSEC_DIR_FWD };
	struct pfkey_request *pr = &pp->pp_req[0];

	pp->pp_type = types[sp->sp_action];
	pp->pp_dir = dirs[sp->sp_dir];
	pp->pp_id = sp->sp_id;
	pp->pp_priority = sp->sp_priority;
	if (sp->sp_action != SP_PROTECT)
		return;
	pp->pp_nreq = 1;
	pr->pr_proto = sp->sp_proto;
	pr->pr_mode = sp->sp_mode;
	pr->pr_level = level_for(sp->sp_level);
	pr->pr_reqid = sp->sp_reqid;
	put_ends(pr, sp);
}

void
key_fill_sp(struct pfkey_msg *m, const struct sp *sp)
{
	struct pfkey_selector ps = { sp->sp_sel.sel_src, sp->sp_sel.sel_dst, sp->sp_sel.sel_sport,
	    sp->sp_sel.sel_dport, sp->sp_sel.sel_proto };

	pfkey_set_selector(m, &ps);
	put_policy(&m->pm_policy, sp);
	pfkey_set(m, SADB_X_EXT_POLICY);
	m->pm_current.pl_addtime = sp->sp_added;
	pfkey_set(m, SADB_EXT_LIFETIME_CURRENT);
	pfkey_set_name(m, sp->sp_name);
	if (sp->sp_action == SP_PROTECT && sp->sp_asks != asks_by_level(sp->sp_level)) {
		m->pm_asks = sp->sp_asks;
		pfkey_set(m, PFKEY_EXT_ACQUIRE);
	}
}

static void
tell_sp(struct key_req *kr, enum key_to to, const struct sp *sp)
{
	struct pfkey_msg m;

	key_reply_init(kr, &m);
	key_fill_sp(&m, sp);
	key_send(kr->kr_nk, to, kr->kr_ks, &m);
}

/* ---- handlers ---- */

int
key_spdadd(struct key_req *kr)
{
	struct sp sp, *made;
	int error;

	if ((error = policy_of(kr, &sp)) != 0)
		return error;
	unique(kr, &sp);
	error = spd_add(kr->kr_nk, &sp, &made);
	if (error == 0)
		tell_sp(kr, KEY_TO_ALL, made);
	return error;
}

int
key_spdupdate(struct key_req *kr)
{
	struct sp sp, *made;
	int error;

	if ((error = policy_of(kr, &sp)) != 0)
		return error;
	unique(kr, &sp);
	error = spd_update(kr->kr_nk, &sp, &made);
	if (error == 0)
		tell_sp(kr, KEY_TO_ALL, made);
	return error;
}

static void
delete(struct key_req *kr, struct sp *sp)
{
	struct pfkey_msg m;

	key_reply_init(kr, &m);
	key_fill_sp(&m, sp);
	spd_delete(kr->kr_nk, sp);
	key_send(kr->kr_nk, KEY_TO_ALL, kr->kr_ks, &m);
}

int
key_spddelete(struct key_req *kr)
{
	struct selector sel;
	struct sp *sp;
	uint8_t dir;
	int error;

	if ((error = dir_of(kr, &dir)) != 0)
		return error;
	selector_of(&kr->kr_m, &sel);
	if ((sp = spd_find(kr->kr_nk, dir, &sel)) == NULL)
		return ENOENT;
	delete(kr, sp);
	return 0;
}

int
key_spddelete2(struct key_req *kr)
{
	struct sp *sp = spd_byid(kr->kr_nk, kr->kr_m.pm_policy.pp_id);

	if (sp == NULL)
		return ENOENT;
	delete(kr, sp);
	return 0;
}

int
key_spdget(struct key_req *kr)
{
	struct sp *sp = spd_byid(kr->kr_nk, kr->kr_m.pm_policy.pp_id);

	if (sp == NULL)
		return ENOENT;
	tell_sp(kr, KEY_TO_ONE, sp);
	return 0;
}

int
key_spdflush(struct key_req *kr)
{
	struct pfkey_msg m;

	spd_flush(kr->kr_nk);
	key_reply_init(kr, &m);
	key_send(kr->kr_nk, KEY_TO_ALL, kr->kr_ks, &m);
	return 0;
}
