/* SPDX-License-Identifier: ISC */
/*
 * What the stack tells key management daemons: REGISTER's tables of
 * algorithms, ACQUIRE, EXPIRE, NAT_T_NEW_MAPPING (RFC 2367 sections 3.1.6 to
 * 3.1.8), all to the sockets that registered for ESP.
 */
#include <errno.h>
#include <string.h>

#include "crypto/xform.h"
#include "libalg/alg.h"
#include "netipsec/ipsec_var.h"
#include "netkey/key_var.h"

#define COMB_REPLAY	64	/* window that a proposal names */

/* ---- tables of algorithms ---- */

/* The engines run it, alone (AEAD) or with some partner. */
static bool
usable(const struct nk *nk, const struct alg *encr, const struct alg *integ)
{
	const struct xform *x = xform_find(encr, integ);

	return x != NULL && xform_key_size(nk->nk_worker[0]->w_xform, x) != 0;
}

/* One row for each PF_KEY number, with the sizes of all rows that have it. */
static void
table_add(struct sadb_alg *t, unsigned *n, const struct alg *al)
{
	uint16_t bits = (uint16_t)(al->al_key * 8);
	unsigned i;

	for (i = 0; i < *n && t[i].sadb_alg_id != al->al_sadb; i++)
		continue;
	if (i == KEY_ALGS)
		return;
	if (i == *n) {
		t[(*n)++] = (struct sadb_alg){ .sadb_alg_id = (uint8_t)al->al_sadb,
		    .sadb_alg_ivlen = (uint8_t)al->al_iv,
		    .sadb_alg_minbits = bits, .sadb_alg_maxbits = bits };
		return;
	}
	if (bits < t[i].sadb_alg_minbits)
		t[i].sadb_alg_minbits = bits;
	if (bits > t[i].sadb_alg_maxbits)
		t[i].sadb_alg_maxbits = bits;
}

static void
comb_add(struct key *k, const struct alg *encr, const struct alg *integ)
{
	struct sadb_comb *co = &k->k_combs[k->k_ncombs];

	if (k->k_ncombs == KEY_COMBS || ((encr->al_flags | (integ != NULL ? integ->al_flags : 0)) &
	    ALG_WEAK) || encr == &alg_table[ALG_NULL])
		return;
	memset(co, 0, sizeof(*co));
	co->sadb_comb_encrypt = (uint8_t)encr->al_sadb;
	co->sadb_comb_encrypt_minbits = co->sadb_comb_encrypt_maxbits = (uint16_t)(encr->al_key * 8);
	if (integ != NULL) {
		co->sadb_comb_auth = (uint8_t)integ->al_sadb;
		co->sadb_comb_auth_minbits = co->sadb_comb_auth_maxbits =
		    (uint16_t)(integ->al_key * 8);
	}
	k->k_ncombs++;
}

static void
pair_add(struct nk *nk, struct key *k, const struct alg *encr, const struct alg *integ)
{
	if (!usable(nk, encr, integ))
		return;
	table_add(k->k_encrypt, &k->k_nencrypt, encr);
	if (integ != NULL)
		table_add(k->k_auth, &k->k_nauth, integ);
	comb_add(k, encr, integ);
}

void
key_tables(struct nk *nk, struct key *k)
{
	const struct alg *e = NULL, *a;

	if (nk->nk_worker[0]->w_xform == NULL)
		return;
	while ((e = alg_next(ALG_ENCR, e)) != NULL) {
		if (e->al_sadb == 0)
			continue;
		if (e->al_flags & ALG_AEAD) {
			pair_add(nk, k, e, NULL);
			continue;
		}
		for (a = NULL; (a = alg_next(ALG_INTEG, a)) != NULL;) {
			if (a->al_sadb != 0)
				pair_add(nk, k, e, a);
		}
	}
}

int
key_register(struct key_req *kr)
{
	struct key *k = kr->kr_nk->nk_key;
	uint8_t satype = kr->kr_m.pm_satype;
	struct pfkey_msg m;

	if (satype != SADB_SATYPE_UNSPEC && satype != SADB_SATYPE_ESP &&
	    satype != SADB_SATYPE_AH && satype != SADB_X_SATYPE_IPCOMP) {
		kr->kr_why = "type of SA";
		return EINVAL;
	}
	/* Of AH and IPcomp nothing will ever come, and no algorithm is told. */
	kr->kr_ks->ks_registered |= 1u << satype;
	if (satype == SADB_SATYPE_UNSPEC)
		kr->kr_ks->ks_registered |= 1u << SADB_SATYPE_ESP;
	key_reply_init(kr, &m);
	if (satype == SADB_SATYPE_UNSPEC || satype == SADB_SATYPE_ESP) {
		m.pm_auth = k->k_auth;
		m.pm_nauth = k->k_nauth;
		m.pm_encrypt = k->k_encrypt;
		m.pm_nencrypt = k->k_nencrypt;
		pfkey_set(&m, SADB_EXT_SUPPORTED_AUTH);
		pfkey_set(&m, SADB_EXT_SUPPORTED_ENCRYPT);
	}
	key_send(kr->kr_nk, KEY_TO_ONE, kr->kr_ks, &m);
	return 0;
}

/* ---- ACQUIRE ---- */

static bool
somebody_registered(const struct key *k)
{
	const struct key_socket *ks;

	for (ks = k->k_sockets; ks != NULL; ks = ks->ks_next) {
		if (ks->ks_registered & 1u << SADB_SATYPE_ESP)
			return true;
	}
	return false;
}

bool
key_registered(const struct nk *nk)
{
	return somebody_registered(nk->nk_key);
}

/* The ends that the SA must have: of the tunnel, or of the packet. */
static void
acquire_ends(struct nk *nk, const struct sp *sp, const struct flow_key *key, struct addr *src,
    struct addr *dst)
{
	struct nexthop nh;

	*src = (struct addr){ .ad_af = key->fk_af };
	*dst = *src;
	memcpy(src->ad_bytes, key->fk_srcb, 16);
	memcpy(dst->ad_bytes, key->fk_dstb, 16);
	if (sp->sp_mode != SA_TUNNEL)
		return;
	if (sp->sp_peer.ad_af != 0)
		*dst = sp->sp_peer;
	if (sp->sp_local.ad_af != 0)
		*src = sp->sp_local;
	else if (nexthop_find(nk, dst, &nh) == DROP_NONE)
		(void)if_source_for(nk, nh.nh_if, dst, src);
}

static void
put_packet(struct pfkey_selector *sel, const struct flow_key *key)
{
	sel->sel_src.pr_addr.ad_af = sel->sel_dst.pr_addr.ad_af = key->fk_af;
	memcpy(sel->sel_src.pr_addr.ad_bytes, key->fk_srcb, 16);
	memcpy(sel->sel_dst.pr_addr.ad_bytes, key->fk_dstb, 16);
	sel->sel_src.pr_len = (uint8_t)addr_bits(&sel->sel_src.pr_addr);
	sel->sel_dst.pr_len = (uint8_t)addr_bits(&sel->sel_dst.pr_addr);
	sel->sel_sport.po_lo = sel->sel_sport.po_hi = ntohs(key->fk_sport);
	sel->sel_dport.po_lo = sel->sel_dport.po_hi = ntohs(key->fk_dport);
	sel->sel_proto = key->fk_proto;
}

bool
key_acquire(struct nk *nk, struct clock_now now, struct sp *sp, const struct flow_key *key)
{
	struct key *k = nk->nk_key;
	struct pfkey_msg m, of_sp;
	struct addr src, dst;

	(void)now;
	if (!somebody_registered(k))
		return false;
	if (++k->k_acq_seq == 0)
		k->k_acq_seq = 1;
	sp->sp_acq_seq = k->k_acq_seq;
	pfkey_init(&m, SADB_ACQUIRE, SADB_SATYPE_ESP);
	m.pm_seq = sp->sp_acq_seq;
	acquire_ends(nk, sp, key, &src, &dst);
	pfkey_set_ends(&m, &src, &dst);
	m.pm_prop_replay = COMB_REPLAY;
	m.pm_combs = k->k_combs;
	m.pm_ncombs = k->k_ncombs;
	pfkey_set(&m, SADB_EXT_PROPOSAL);
	pfkey_init(&of_sp, SADB_ACQUIRE, 0);
	key_fill_sp(&of_sp, sp);
	m.pm_policy = of_sp.pm_policy;
	pfkey_set(&m, SADB_X_EXT_POLICY);
	m.pm_mode = sp->sp_mode;
	m.pm_reqid = sp->sp_reqid;
	pfkey_set(&m, SADB_X_EXT_SA2);
	pfkey_set_name(&m, sp->sp_name);
	put_packet(&m.pm_packet, key);
	pfkey_set(&m, PFKEY_EXT_PACKET);
	key_send(nk, KEY_TO_REGISTERED, NULL, &m);
	return true;
}

struct failed {
	uint32_t	 fa_seq;
	struct sp	*fa_sp;
};

static void
failed_match(void *arg, struct sp *sp)
{
	struct failed *fa = arg;

	if (sp->sp_acq_seq == fa->fa_seq)
		fa->fa_sp = sp;
}

/* A daemon gives up (RFC 2367 section 3.1.6): what waited ends now. */
int
key_acquire_failed(struct key_req *kr)
{
	struct failed fa = { kr->kr_m.pm_seq, NULL };
	struct pfkey_msg m;

	if (kr->kr_m.pm_errno == 0) {
		kr->kr_why = "a program's ACQUIRE must tell an error";
		return EINVAL;
	}
	if (fa.fa_seq == 0)
		return ESRCH;
	spd_walk(kr->kr_nk, failed_match, &fa);
	if (fa.fa_sp == NULL)
		return ESRCH;
	fa.fa_sp->sp_acq_seq = 0;
	hold_drop(kr->kr_nk, fa.fa_sp, DROP_SPD_NO_SA);
	key_reply_init(kr, &m);
	m.pm_errno = kr->kr_m.pm_errno;
	key_send(kr->kr_nk, KEY_TO_ONE, kr->kr_ks, &m);
	return 0;
}

/* ---- EXPIRE, NEW_MAPPING ---- */

void
key_expire(struct nk *nk, struct clock_now now, struct sa *sa, bool hard)
{
	struct pfkey_msg m;
	unsigned other = hard ? SADB_EXT_LIFETIME_SOFT : SADB_EXT_LIFETIME_HARD;

	(void)now;
	if (hard)
		key_sa_changed(nk, sa->sa_reqid);
	pfkey_init(&m, SADB_EXPIRE, SADB_SATYPE_ESP);
	key_fill_sa(&m, sa, KEY_WITH_STATS);
	m.pm_sa.ps_state = hard ? SADB_SASTATE_DEAD : SADB_SASTATE_DYING;
	m.pm_has &= ~(PFKEY_BIT(other) | PFKEY_BIT(PFKEY_EXT_SELECTOR) |
	    PFKEY_BIT(SADB_X_EXT_NAT_T_TYPE) | PFKEY_BIT(SADB_X_EXT_NAT_T_SPORT) |
	    PFKEY_BIT(SADB_X_EXT_NAT_T_DPORT));
	key_send(nk, KEY_TO_REGISTERED, NULL, &m);
}

/* As Linux says it: the old place as source, the new one as destination. */
void
key_new_mapping(struct nk *nk, struct clock_now now, struct sa *sa, const struct addr *peer,
    uint16_t port)
{
	struct pfkey_msg m;

	(void)now;
	pfkey_init(&m, SADB_X_NAT_T_NEW_MAPPING, SADB_SATYPE_ESP);
	m.pm_sa.ps_spi = ntohl(sa->sa_spi);
	m.pm_sa.ps_state = sa->sa_state;
	pfkey_set(&m, SADB_EXT_SA);
	pfkey_set_ends(&m, &sa->sa_src, peer);
	m.pm_natt_sport = ntohs(sa->sa_natt_sport);
	m.pm_natt_dport = port;
	pfkey_set(&m, SADB_X_EXT_NAT_T_SPORT);
	pfkey_set(&m, SADB_X_EXT_NAT_T_DPORT);
	m.pm_mode = sa->sa_mode;
	m.pm_reqid = sa->sa_reqid;
	pfkey_set(&m, SADB_X_EXT_SA2);
	pfkey_set_name(&m, sa->sa_name);
	key_send(nk, KEY_TO_REGISTERED, NULL, &m);
}
