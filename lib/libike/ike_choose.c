/* SPDX-License-Identifier: ISC */
/*
 * Choosing one proposal out of the peer's (RFC 7296 sections 2.7 and 3.3).
 *
 * Each side's proposal is, for each type of transform, a set.  The choice is
 * one element out of each intersection.  A type that a side does not name is
 * the set { NONE } for integrity and group and { NO } for ESN; so a side that
 * says NONE aloud and one that says nothing agree.  A transform goes into the
 * answer only if the offer named its type.
 */
#include "libike/ike_msg.h"

/* Does pr hold t, with silence taken as NONE or NO? */
static bool
proposal_holds(const struct ike_proposal *pr, uint8_t types,
    const struct ike_transform *t)
{
	if ((types & 1U << t->tr_type) == 0)
		return t->tr_id == 0 && t->tr_type >= IKE_T_INTEG;
	for (unsigned i = 0; i < pr->pr_n; i++)
		if (pr->pr_t[i].tr_type == t->tr_type &&
		    pr->pr_t[i].tr_id == t->tr_id &&
		    pr->pr_t[i].tr_keybits == t->tr_keybits)
			return true;
	return false;
}

static uint8_t
proposal_types(const struct ike_proposal *pr)
{
	uint8_t types = 0;

	for (unsigned i = 0; i < pr->pr_n; i++)
		types |= (uint8_t)(1U << pr->pr_t[i].tr_type);
	return types;
}

bool
ike_proposal_holds(const struct ike_proposal *pr, const struct ike_transform *t)
{
	return proposal_holds(pr, proposal_types(pr), t);
}

/* The first of ours of this type that the peer holds. */
static bool
meet_type(const struct ike_proposal *our, const struct ike_offer *of,
    uint8_t type, uint16_t prefer, struct ike_transform *out)
{
	const struct ike_transform silent = { .tr_type = type };
	bool found = false;

	if ((proposal_types(our) & 1U << type) == 0) {
		*out = silent;
		return type >= IKE_T_INTEG &&
		    proposal_holds(&of->of_pr, of->of_types, &silent);
	}
	for (unsigned i = 0; i < our->pr_n; i++) {
		const struct ike_transform *t = &our->pr_t[i];

		if (t->tr_type != type ||
		    !proposal_holds(&of->of_pr, of->of_types, t))
			continue;
		if (type == IKE_T_DH && prefer != IKE_DH_NONE &&
		    t->tr_id == prefer) {
			*out = *t;
			return true;
		}
		if (!found)
			*out = *t;
		found = true;
	}
	return found;
}

/* Types that a protocol uses (section 3.3.3); PRF is IKE's alone. */
static bool
type_used(uint8_t proto, uint8_t type, bool no_dh)
{
	switch (type) {
	case IKE_T_PRF:
		return proto == IKE_PROTO_IKE;
	case IKE_T_ESN:
		return proto != IKE_PROTO_IKE;
	case IKE_T_DH:
		return !no_dh;
	default:
		return true;
	}
}

/* => On false, *failed is the type without a common transform. */
static bool
meet(const struct ike_proposal *our, const struct ike_offer *of,
    uint16_t prefer, bool no_dh, struct ike_proposal *out, uint8_t *failed)
{
	struct ike_transform t;

	memset(out, 0, sizeof(*out));
	out->pr_proto = our->pr_proto;
	for (uint8_t type = IKE_T_ENCR; type <= IKE_T_ESN; type++) {
		*failed = type;
		if (!type_used(our->pr_proto, type, no_dh))
			continue;
		if (!meet_type(our, of, type, prefer, &t))
			return false;
		if (of->of_types & 1U << type)
			out->pr_t[out->pr_n++] = t;
	}
	return true;
}

bool
ike_choose(struct ike_blob sa, const struct ike_proposals *ours,
    uint16_t prefer_group, bool no_dh, struct ike_choice *out)
{
	uint8_t failed, worst = 0;
	struct ike_offer of;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < ours->ps_n; i++) {
		struct cur c = cur_init(sa.b_p, sa.b_n);

		while (ike_offer_next(&c, &of)) {
			if (of.of_pr.pr_proto != ours->ps_p[i].pr_proto ||
			    of.of_odd || !of.of_spi_ok)
				continue;
			if (meet(&ours->ps_p[i], &of, prefer_group, no_dh,
			    &out->pc_pr, &failed)) {
				out->pc_number = of.of_number;
				out->pc_spi_len = of.of_spi_len;
				memcpy(out->pc_spi, of.of_spi,
				    sizeof(out->pc_spi));
				return true;
			}
			if (failed > worst)
				worst = failed;
		}
	}
	out->pc_failed = worst;
	return false;
}

bool
ike_choice_check(struct ike_blob sa, const struct ike_proposals *ours,
    bool no_dh, struct ike_choice *out)
{
	struct cur c = cur_init(sa.b_p, sa.b_n);
	struct ike_proposals one = { .ps_n = 1 };
	struct ike_offer of, more;
	unsigned number;

	if (!ike_offer_next(&c, &of) || ike_offer_next(&c, &more))
		return false;
	for (uint8_t type = IKE_T_ENCR; type <= IKE_T_ESN; type++) {
		unsigned n = 0;

		for (unsigned i = 0; i < of.of_pr.pr_n; i++)
			n += of.of_pr.pr_t[i].tr_type == type;
		if (n > 1 || (n == 0 && (of.of_types & 1U << type) != 0))
			return false;
	}
	number = of.of_number;
	if (number == 0 || number > ours->ps_n)
		return false;
	one.ps_p[0] = ours->ps_p[number - 1];
	return ike_choose(sa, &one, IKE_DH_NONE, no_dh, out);
}
