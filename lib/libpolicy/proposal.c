/* SPDX-License-Identifier: ISC */
/*
 * The algorithms that a rule does not name.  A rule without proposals gets
 * ours, strongest mix of speed and margin first; a proposal that leaves a
 * type out gets all that we would offer of it.  Perfect forward secrecy of
 * rekeyed child SAs is asked for where the rule asks (`childsa ... group`).
 */
#include "libalg/alg.h"
#include "libpolicy/parse.h"

static const enum alg_row aeads[] = { ALG_AES_128_GCM, ALG_AES_256_GCM,
    ALG_CHACHA20_POLY1305 };
static const enum alg_row ciphers[] = { ALG_AES_128_CBC, ALG_AES_256_CBC };
static const enum alg_row prfs[] = { ALG_PRF_HMAC_SHA2_256,
    ALG_PRF_HMAC_SHA2_384, ALG_PRF_HMAC_SHA2_512 };
static const enum alg_row integs[] = { ALG_HMAC_SHA2_256, ALG_HMAC_SHA2_384,
    ALG_HMAC_SHA2_512 };
/* The same, and what only a rule that names it gets. */
static const struct { enum alg_row integ, prf; } hashes[] = {
	{ ALG_HMAC_SHA2_256, ALG_PRF_HMAC_SHA2_256 },
	{ ALG_HMAC_SHA2_384, ALG_PRF_HMAC_SHA2_384 },
	{ ALG_HMAC_SHA2_512, ALG_PRF_HMAC_SHA2_512 },
	{ ALG_HMAC_SHA1, ALG_PRF_HMAC_SHA1 },
};
static const enum alg_row groups[] = { ALG_CURVE25519, ALG_ECP256, ALG_ECP384,
    ALG_MODP2048, ALG_MODP3072, ALG_MODP4096 };

#define COUNT(v)	(sizeof(v) / sizeof((v)[0]))

static void
add(struct policy_proposal *pp, unsigned type, unsigned id, unsigned bits)
{
	if (pp->pp_n < POLICY_TRANSFORMS_MAX)
		pp->pp_t[pp->pp_n++] = (struct policy_transform){
			(uint8_t)type, (uint16_t)id, (uint16_t)bits };
}

static void
add_rows(struct policy_proposal *pp, const enum alg_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct alg *a = &alg_table[rows[i]];

		add(pp, a->al_kind, a->al_ike_id, a->al_ike_bits);
	}
}

static bool
has(const struct policy_proposal *pp, unsigned type)
{
	for (unsigned i = 0; i < pp->pp_n; i++) {
		if (pp->pp_t[i].pt_type == type)
			return true;
	}
	return false;
}

static bool
is_aead(const struct policy_proposal *pp)
{
	for (unsigned i = 0; i < pp->pp_n; i++) {
		const struct policy_transform *t = &pp->pp_t[i];
		const struct alg *a;

		if (t->pt_type == POLICY_T_ENCR &&
		    (a = alg_by_ike(ALG_ENCR, t->pt_id, t->pt_bits)) != NULL)
			return (a->al_flags & ALG_AEAD) != 0;
	}
	return false;
}

/* A cipher is named: one proposal.  None: ciphers that go with the rest. */
static void
complete_cipher(struct policy_proposal *pp)
{
	if (has(pp, POLICY_T_ENCR))
		return;
	if (has(pp, POLICY_T_INTEG))
		add_rows(pp, ciphers, COUNT(ciphers));
	else
		add_rows(pp, aeads, COUNT(aeads));
}

/* With `auth` given the PRFs of the same hashes, else all. */
static void
complete_prf(struct policy_proposal *pp)
{
	for (size_t i = 0; i < COUNT(hashes); i++) {
		const struct alg *a = &alg_table[hashes[i].integ];
		bool same = false;

		for (unsigned j = 0; j < pp->pp_n; j++)
			same |= pp->pp_t[j].pt_type == POLICY_T_INTEG &&
			    pp->pp_t[j].pt_id == a->al_ike_id;
		if (same)
			add_rows(pp, &hashes[i].prf, 1);
	}
	if (!has(pp, POLICY_T_PRF))
		add_rows(pp, prfs, COUNT(prfs));
}

static void
complete_ike(struct policy_proposal *pp)
{
	complete_cipher(pp);
	if (!has(pp, POLICY_T_PRF))
		complete_prf(pp);
	if (!has(pp, POLICY_T_INTEG) && !is_aead(pp))
		add_rows(pp, integs, COUNT(integs));
	if (!has(pp, POLICY_T_KE))
		add_rows(pp, groups, COUNT(groups));
}

static void
complete_child(struct policy_proposal *pp)
{
	complete_cipher(pp);
	if (!has(pp, POLICY_T_INTEG) && !is_aead(pp))
		add_rows(pp, integs, COUNT(integs));
	if (!has(pp, POLICY_T_ESN)) {
		add(pp, POLICY_T_ESN, 1, 0);
		add(pp, POLICY_T_ESN, 0, 0);
	}
}

/* Two proposals: combined-mode ciphers, and the others. */
void
policy_defaults_init(struct policy_defaults *de)
{
	*de = (struct policy_defaults){ 0 };
	for (unsigned i = 0; i < 2; i++) {
		struct policy_proposal *pp = i == 0 ? de->de_ikesa :
		    de->de_childsa;

		add_rows(&pp[0], aeads, COUNT(aeads));
		add_rows(&pp[1], ciphers, COUNT(ciphers));
	}
	for (unsigned i = 0; i < POLICY_DEFAULTS; i++) {
		complete_ike(&de->de_ikesa[i]);
		complete_child(&de->de_childsa[i]);
	}
}

void
policy_proposals_complete(struct policy_ike *ik, struct policy_defaults *de)
{
	for (unsigned i = 0; i < ik->ik_nikesa; i++)
		complete_ike(&ik->ik_ikesa[i]);
	for (unsigned i = 0; i < ik->ik_nchildsa; i++)
		complete_child(&ik->ik_childsa[i]);
	if (ik->ik_nikesa == 0) {
		ik->ik_ikesa = de->de_ikesa;
		ik->ik_nikesa = POLICY_DEFAULTS;
	}
	if (ik->ik_nchildsa == 0) {
		ik->ik_childsa = de->de_childsa;
		ik->ik_nchildsa = POLICY_DEFAULTS;
	}
}
