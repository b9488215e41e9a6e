/* SPDX-License-Identifier: ISC */
/*
 * SPD entries and manual SAs as messages of the key socket, and back.
 * What policyd has put there carries its marks (libpolicy/diff.h).
 */
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "libalg/alg.h"
#include "libpolicy/diff.h"
#include "libpolicy/keymsg.h"
#include "libpolicy/parse.h"

static const struct addr no_addr;

/* An end that is not known is the zero address of the other's family. */
static struct addr
end_or_zero(const struct addr *a, const struct addr *other)
{
	struct addr zero = { .ad_af = other->ad_af };

	return a->ad_af != 0 ? *a : zero;
}

static bool
is_zero(const struct addr *a)
{
	return a->ad_u64[0] == 0 && a->ad_u64[1] == 0;
}

static void
set_request(struct pfkey_request *pr, const struct policy_flow *fl)
{
	struct addr local = end_or_zero(&fl->fl_local, &fl->fl_peer);
	bool out = fl->fl_dir == POLICY_OUT;

	pr->pr_proto = IPPROTO_ESP;
	pr->pr_mode = (uint8_t)fl->fl_mode;
	pr->pr_reqid = fl->fl_reqid;
	if (fl->fl_type == POLICY_USE || fl->fl_type == POLICY_ACQUIRE)
		pr->pr_level = IPSEC_LEVEL_USE;
	else
		pr->pr_level = fl->fl_reqid != 0 ? IPSEC_LEVEL_UNIQUE :
		    IPSEC_LEVEL_REQUIRE;
	if (fl->fl_mode == POLICY_TUNNEL) {
		pr->pr_src = out ? local : fl->fl_peer;
		pr->pr_dst = out ? fl->fl_peer : local;
	}
}

void
keymsg_from_flow(struct pfkey_msg *m, uint8_t type,
    const struct policy_flow *fl)
{
	struct pfkey_selector sel = {
		.sel_src = fl->fl_sel.ps_src, .sel_dst = fl->fl_sel.ps_dst,
		.sel_sport = fl->fl_sel.ps_sport,
		.sel_dport = fl->fl_sel.ps_dport,
		.sel_proto = fl->fl_sel.ps_proto,
	};

	pfkey_init(m, type, SADB_SATYPE_UNSPEC);
	pfkey_set_selector(m, &sel);
	pfkey_set(m, SADB_X_EXT_POLICY);
	m->pm_policy.pp_dir = (uint8_t)fl->fl_dir;
	m->pm_policy.pp_priority = POLICY_PRIORITY;
	if (fl->fl_name != NULL)
		pfkey_set_name(m, fl->fl_name);
	switch (fl->fl_type) {
	case POLICY_BYPASS:
		m->pm_policy.pp_type = IPSEC_POLICY_NONE;
		break;
	case POLICY_DENY:
		m->pm_policy.pp_type = IPSEC_POLICY_DISCARD;
		break;
	default:
		m->pm_policy.pp_type = IPSEC_POLICY_IPSEC;
		m->pm_policy.pp_nreq = 1;
		set_request(&m->pm_policy.pp_req[0], fl);
		if (fl->fl_type == POLICY_ACQUIRE || fl->fl_type == POLICY_DONTACQ) {
			m->pm_asks = fl->fl_type == POLICY_ACQUIRE;
			pfkey_set(m, PFKEY_EXT_ACQUIRE);
		}
		break;
	}
}

/* The level, and whether an SA is asked for where that differs. */
static enum policy_flow_type
get_type(const struct pfkey_msg *m)
{
	bool clear = m->pm_policy.pp_req[0].pr_level == IPSEC_LEVEL_USE;
	bool asks = PFKEY_HAS(m, PFKEY_EXT_ACQUIRE) ? m->pm_asks : !clear;

	if (clear)
		return asks ? POLICY_ACQUIRE : POLICY_USE;
	return asks ? POLICY_REQUIRE : POLICY_DONTACQ;
}

static void
get_request(const struct pfkey_msg *m, struct policy_flow *fl)
{
	const struct pfkey_request *pr = &m->pm_policy.pp_req[0];
	bool out = fl->fl_dir == POLICY_OUT;

	fl->fl_type = get_type(m);
	fl->fl_mode = pr->pr_mode == IPSEC_MODE_TRANSPORT ? POLICY_TRANSPORT :
	    POLICY_TUNNEL;
	fl->fl_reqid = pr->pr_reqid;
	fl->fl_local = out ? pr->pr_src : pr->pr_dst;
	fl->fl_peer = out ? pr->pr_dst : pr->pr_src;
	if (is_zero(&fl->fl_local))
		fl->fl_local = no_addr;
}

bool
keymsg_to_flow(const struct pfkey_msg *m, struct policy_flow *fl, bool *ours)
{
	struct pfkey_selector sel;

	memset(fl, 0, sizeof(*fl));
	if (!PFKEY_HAS(m, SADB_X_EXT_POLICY) ||
	    (m->pm_policy.pp_dir != POLICY_IN &&
	    m->pm_policy.pp_dir != POLICY_OUT))
		return false;
	pfkey_get_selector(m, &sel);
	fl->fl_sel.ps_src = sel.sel_src;
	fl->fl_sel.ps_dst = sel.sel_dst;
	fl->fl_sel.ps_sport = sel.sel_sport;
	fl->fl_sel.ps_dport = sel.sel_dport;
	fl->fl_sel.ps_proto = sel.sel_proto;
	fl->fl_dir = (enum policy_dir)m->pm_policy.pp_dir;
	fl->fl_satype = IPPROTO_ESP;
	fl->fl_mode = POLICY_TUNNEL;
	if (m->pm_policy.pp_type == IPSEC_POLICY_DISCARD)
		fl->fl_type = POLICY_DENY;
	else if (m->pm_policy.pp_type != IPSEC_POLICY_IPSEC ||
	    m->pm_policy.pp_nreq == 0)
		fl->fl_type = POLICY_BYPASS;
	else
		get_request(m, fl);
	*ours = m->pm_policy.pp_priority == POLICY_PRIORITY;
	return true;
}

void
keymsg_from_sa(struct pfkey_msg *m, uint8_t type, const struct policy_sa *sa)
{
	const struct alg *enc = alg_by_ike(ALG_ENCR, sa->sa_enc.pt_id,
	    sa->sa_enc.pt_bits);
	const struct alg *auth = alg_by_ike(ALG_INTEG, sa->sa_auth.pt_id,
	    sa->sa_auth.pt_bits);

	pfkey_init(m, type, SADB_SATYPE_ESP);
	pfkey_set_ends(m, &sa->sa_src, &sa->sa_dst);
	pfkey_set(m, SADB_EXT_SA);
	m->pm_sa.ps_spi = sa->sa_spi;
	if (type == SADB_DELETE)
		return;
	m->pm_sa.ps_state = SADB_SASTATE_MATURE;
	m->pm_sa.ps_encrypt = enc != NULL ? (uint8_t)enc->al_sadb : 0;
	m->pm_sa.ps_auth = auth != NULL ? (uint8_t)auth->al_sadb : 0;
	pfkey_set(m, SADB_X_EXT_SA2);
	m->pm_mode = (uint8_t)sa->sa_mode;
	m->pm_reqid = POLICY_MANUAL_REQID;
	if (sa->sa_enckey.pk_len != 0) {
		pfkey_set(m, SADB_EXT_KEY_ENCRYPT);
		m->pm_ekey.pk_bits = (uint16_t)(sa->sa_enckey.pk_len * 8);
		m->pm_ekey.pk_data = sa->sa_enckey.pk_bytes;
	}
	if (sa->sa_authkey.pk_len != 0) {
		pfkey_set(m, SADB_EXT_KEY_AUTH);
		m->pm_akey.pk_bits = (uint16_t)(sa->sa_authkey.pk_len * 8);
		m->pm_akey.pk_data = sa->sa_authkey.pk_bytes;
	}
}

static struct policy_transform
transform_of(unsigned kind, unsigned sadb, unsigned bits)
{
	const struct alg *a = sadb == 0 ? NULL :
	    alg_by_sadb((enum alg_kind)kind, sadb, bits);

	if (a == NULL)
		return (struct policy_transform){ 0 };
	return (struct policy_transform){ (uint8_t)kind, a->al_ike_id,
	    a->al_ike_bits };
}

/* The key's bytes are copied: the message does not last. */
static bool
copy_key(const struct pfkey_key *from, struct policy_key *to)
{
	size_t n = from->pk_bits / 8;

	*to = (struct policy_key){ 0 };
	if (n == 0)
		return true;
	if ((to->pk_bytes = malloc(n)) == NULL)
		return false;
	memcpy(to->pk_bytes, from->pk_data, n);
	to->pk_len = n;
	return true;
}

bool
keymsg_to_sa(const struct pfkey_msg *m, struct policy_sa *sa, bool *ours)
{
	memset(sa, 0, sizeof(*sa));
	if (!PFKEY_HAS(m, SADB_EXT_SA) || m->pm_satype != SADB_SATYPE_ESP)
		return false;
	sa->sa_satype = IPPROTO_ESP;
	sa->sa_mode = m->pm_mode == IPSEC_MODE_TRANSPORT ? POLICY_TRANSPORT :
	    POLICY_TUNNEL;
	sa->sa_spi = m->pm_sa.ps_spi;
	sa->sa_src = m->pm_src.pa_addr;
	sa->sa_dst = m->pm_dst.pa_addr;
	sa->sa_enc = transform_of(ALG_ENCR, m->pm_sa.ps_encrypt,
	    PFKEY_HAS(m, SADB_EXT_KEY_ENCRYPT) ? m->pm_ekey.pk_bits : 0);
	sa->sa_auth = transform_of(ALG_INTEG, m->pm_sa.ps_auth, 0);
	if (PFKEY_HAS(m, SADB_EXT_KEY_ENCRYPT) &&
	    !copy_key(&m->pm_ekey, &sa->sa_enckey))
		return false;
	if (PFKEY_HAS(m, SADB_EXT_KEY_AUTH) &&
	    !copy_key(&m->pm_akey, &sa->sa_authkey))
		return false;
	*ours = m->pm_reqid == POLICY_MANUAL_REQID;
	return true;
}

void
policy_sa_wipe(struct policy_sa *sa)
{
	policy_key_wipe(&sa->sa_enckey);
	policy_key_wipe(&sa->sa_authkey);
}
