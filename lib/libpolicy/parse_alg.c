/* SPDX-License-Identifier: ISC */
/*
 * Algorithms by name, and the proposals of ikev2 rules.
 *
 * A name may be OpenBSD's word, IANA's or strongSwan's: libalg's table
 * knows all.  A proposal is a row of transforms in words (`enc aes-128-gcm
 * group curve25519`), or one string in strongSwan's form
 * ("aes128gcm16-prfsha256-x25519"), or a list of such strings, each a
 * proposal of its own.
 *
 * A weak algorithm needs `weak` before its name, or before the string that
 * holds it: nobody gets one unawares, and the word can be searched for.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "libalg/alg.h"
#include "libpolicy/parse.h"

enum { WORDS_MAX = 128 };

/*
 * The row of a word.  IANA's names of ciphers say nothing of the key: its
 * bits may follow, as in ENCR_AES_CBC_256.
 */
static const struct alg *
find_alg(enum alg_kind kind, const char *word)
{
	const struct alg *a = alg_by_name(kind, word);
	size_t len = strlen(word), n;

	if (a != NULL || len < 5 || strncasecmp(word, "ENCR_", 5) != 0)
		return a;
	n = len - 4;		/* _256 or -256 */
	if (word[n] != '_' && word[n] != '-')
		return NULL;
	while ((a = alg_next(kind, a)) != NULL) {
		char bits[8];

		(void)snprintf(bits, sizeof(bits), "%u", a->al_ike_bits);
		if (strlen(a->al_iana) == n &&
		    strncasecmp(a->al_iana, word, n) == 0 &&
		    strcmp(bits, word + n + 1) == 0)
			return a;
	}
	return NULL;
}

static const char *
nearest_alg(const char *word, unsigned kind)
{
	const char *words[WORDS_MAX + 1];
	size_t n = 0;

	for (const struct alg *a = alg_next(kind, NULL); a != NULL;
	    a = alg_next(kind, a)) {
		if (n < WORDS_MAX && (a->al_flags & ALG_WEAK) == 0 &&
		    (a->al_flags & (ALG_IKE | ALG_ESP)) != 0)
			words[n++] = a->al_name;
	}
	words[n] = NULL;
	return nearest_word(word, words);
}

static const struct alg *
unknown_alg(struct parse *ps, const struct tok *tk, const char *word,
    unsigned kind)
{
	const char *near = nearest_alg(word, kind);

	if (near != NULL)
		(void)parse_error(ps, tk, "unknown %s algorithm '%s': did you "
		    "mean '%s'?", alg_kind_name(kind), word, near);
	else
		(void)parse_error(ps, tk, "unknown %s algorithm '%s': try '%s'",
		    alg_kind_name(kind), word, alg_better(kind, NULL)->al_name);
	return NULL;
}

/* What to use instead; counter modes are nothing for manual keys. */
static const char *
instead(const struct parse *ps, const struct alg *a)
{
	if (ps->ps_d.dr_manual && a->al_kind == ALG_ENCR)
		return alg_table[ALG_AES_256_CBC].al_name;
	return alg_better(a->al_kind, a)->al_name;
}

/* Known, strong (or said to be weak) and runnable? */
static const struct alg *
check_alg(struct parse *ps, const struct tok *tk, const struct alg *a,
    bool ike, bool weak)
{
	unsigned want = ike || a->al_kind == ALG_DH || a->al_kind == ALG_PRF ?
	    ALG_IKE : ALG_ESP;
	bool runs = (a->al_flags & want) != 0;

	if ((a->al_flags & ALG_WEAK) != 0 && !weak && runs)
		(void)parse_error(ps, tk, "%s '%s' is too weak: use '%s', or "
		    "'weak %s' if the other side has nothing better",
		    alg_kind_name(a->al_kind), a->al_name, instead(ps, a),
		    tk->tk_text);
	else if ((a->al_flags & ALG_WEAK) != 0 && !weak)
		(void)parse_error(ps, tk, "%s '%s' is too weak: use '%s'",
		    alg_kind_name(a->al_kind), a->al_name, instead(ps, a));
	else if (!runs)
		(void)parse_error(ps, tk, "%s '%s' is known, but cannot be "
		    "used here by this version: use '%s'",
		    alg_kind_name(a->al_kind), a->al_name, instead(ps, a));
	else
		return a;
	return NULL;
}

/* `weak` where all is strong. */
static bool
needless(struct parse *ps, const struct tok *weak, const struct tok *tk)
{
	return parse_error(ps, weak, "'%s' is not weak: leave 'weak' out",
	    tk->tk_text);
}

const struct alg *
parse_alg(struct parse *ps, struct tok **tk, unsigned kind, bool ike)
{
	const struct tok *weak = tok_is(*tk, "weak") ? *tk : NULL;
	const struct alg *a;

	if (weak != NULL &&
	    (*tk = parse_text(ps, alg_kind_name(kind))) == NULL) {
		*tk = ps->ps_t;
		return NULL;
	}
	if ((a = find_alg(kind, (*tk)->tk_text)) == NULL)
		return unknown_alg(ps, *tk, (*tk)->tk_text, kind);
	a = check_alg(ps, *tk, a, ike, weak != NULL);
	if (a != NULL && weak != NULL && (a->al_flags & ALG_WEAK) == 0) {
		(void)needless(ps, weak, *tk);
		return NULL;
	}
	return a;
}

bool
parse_alg_name(struct parse *ps, unsigned kind)
{
	struct tok *tk;

	if ((tk = parse_text(ps, alg_kind_name(kind))) == NULL)
		return false;
	if (find_alg(kind, tk->tk_text) == NULL)
		(void)unknown_alg(ps, tk, tk->tk_text, kind);
	return true;
}

/* ---- proposals ---- */

static bool
proposal_add(struct parse *ps, const struct tok *tk,
    struct policy_proposal *pp, unsigned type, unsigned id, unsigned bits)
{
	for (unsigned i = 0; i < pp->pp_n; i++) {
		const struct policy_transform *t = &pp->pp_t[i];

		if (t->pt_type == type && t->pt_id == id && t->pt_bits == bits)
			return parse_error(ps, tk, "'%s' a second time in one "
			    "proposal", tk->tk_text);
	}
	if (pp->pp_n == POLICY_TRANSFORMS_MAX)
		return parse_error(ps, tk, "a proposal has at most %d "
		    "algorithms", POLICY_TRANSFORMS_MAX);
	pp->pp_t[pp->pp_n++] = (struct policy_transform){
		.pt_type = (uint8_t)type, .pt_id = (uint16_t)id,
		.pt_bits = (uint16_t)bits };
	return true;
}

static bool
proposal_add_alg(struct parse *ps, const struct tok *tk,
    struct policy_proposal *pp, const struct alg *a)
{
	return proposal_add(ps, tk, pp, a->al_kind, a->al_ike_id,
	    a->al_ike_bits);
}

struct transform_arg {
	struct policy_proposal	*ta_pp;
	unsigned		 ta_kind;
	bool			 ta_ike;
};

static bool
transform_element(struct parse *ps, struct tok *tk, void *arg)
{
	struct transform_arg *ta = arg;
	const struct alg *a;

	if (ta->ta_kind == ALG_DH && !ta->ta_ike &&
	    strcasecmp(tk->tk_text, "none") == 0)
		return proposal_add(ps, tk, ta->ta_pp, POLICY_T_KE, 0, 0);
	a = parse_alg(ps, &tk, ta->ta_kind, ta->ta_ike);
	return a != NULL && proposal_add_alg(ps, tk, ta->ta_pp, a);
}

static unsigned
transform_kind(const struct tok *tk, bool ike)
{
	if (tok_is(tk, "enc"))
		return ALG_ENCR;
	if (tok_is(tk, "auth"))
		return ALG_INTEG;
	if (tok_is(tk, "prf") && ike)
		return ALG_PRF;
	if (tok_is(tk, "group"))
		return ALG_DH;
	return 0;
}

/* enc X auth Y prf Z group G esn ...: until something else comes. */
static bool
proposal_words(struct parse *ps, struct policy_proposal *pp, bool ike)
{
	for (;;) {
		struct tok *tk = ps->ps_t;
		struct transform_arg ta = { pp, transform_kind(tk, ike), ike };

		if (ta.ta_kind != 0) {
			ps->ps_t++;
			if (!parse_list(ps, alg_kind_name(ta.ta_kind),
			    transform_element, &ta))
				return false;
		} else if (!ike && (parse_word(ps, "esn") ||
		    parse_word(ps, "noesn"))) {
			(void)proposal_add(ps, tk, pp, POLICY_T_ESN,
			    tok_is(tk, "esn"), 0);
		} else {
			return true;
		}
	}
}

/* One word of strongSwan's form, of whatever kind it is. */
static bool
proposal_part(struct parse *ps, const struct tok *tk, const char *word,
    struct policy_proposal *pp, bool ike, bool weak)
{
	static const enum alg_kind kinds[] = { ALG_ENCR, ALG_PRF, ALG_INTEG,
	    ALG_DH };

	if (!ike && strcasecmp(word, "esn") == 0)
		return proposal_add(ps, tk, pp, POLICY_T_ESN, 1, 0);
	if (!ike && strcasecmp(word, "noesn") == 0)
		return proposal_add(ps, tk, pp, POLICY_T_ESN, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		const struct alg *a;

		/* there, a hash without "prf" in front is an integrity */
		if (kinds[i] == ALG_PRF && strncasecmp(word, "prf", 3) != 0)
			continue;
		if ((a = find_alg(kinds[i], word)) != NULL) {
			a = check_alg(ps, tk, a, ike, weak);
			return a != NULL && proposal_add_alg(ps, tk, pp, a);
		}
	}
	return parse_error(ps, tk, "unknown algorithm '%s' in proposal '%s'",
	    word, tk->tk_text);
}

static bool
proposal_string(struct parse *ps, const struct tok *tk,
    struct policy_proposal *pp, bool ike, bool weak)
{
	char word[64];

	for (const char *p = tk->tk_text; *p != '\0';) {
		size_t n = strcspn(p, "-");

		if (n == 0 || n >= sizeof(word))
			return parse_error(ps, tk, "'%s' is not a proposal",
			    tk->tk_text);
		memcpy(word, p, n);
		word[n] = '\0';
		if (!proposal_part(ps, tk, word, pp, ike, weak))
			return false;
		p += n + (p[n] == '-');
	}
	return true;
}

static bool
has_type(const struct policy_proposal *pp, unsigned type)
{
	for (unsigned i = 0; i < pp->pp_n; i++) {
		if (pp->pp_t[i].pt_type == type)
			return true;
	}
	return false;
}

static bool
has_weak(const struct policy_proposal *pp)
{
	for (unsigned i = 0; i < pp->pp_n; i++) {
		const struct policy_transform *t = &pp->pp_t[i];
		const struct alg *a = t->pt_type == POLICY_T_ESN ? NULL :
		    alg_by_ike((enum alg_kind)t->pt_type, t->pt_id, t->pt_bits);

		if (a != NULL && (a->al_flags & ALG_WEAK) != 0)
			return true;
	}
	return false;
}

/* Combined-mode ciphers and others need proposals of their own
 * (RFC 7296 section 3.3). */
static bool
proposal_check(struct parse *ps, const struct tok *at,
    const struct policy_proposal *pp, bool ike)
{
	unsigned aead = 0, plain = 0;

	for (unsigned i = 0; i < pp->pp_n; i++) {
		const struct policy_transform *t = &pp->pp_t[i];
		const struct alg *a;

		if (t->pt_type != POLICY_T_ENCR ||
		    (a = alg_by_ike(ALG_ENCR, t->pt_id, t->pt_bits)) == NULL)
			continue;
		if ((a->al_flags & ALG_AEAD) != 0)
			aead++;
		else
			plain++;
	}
	if (pp->pp_n == 0)
		return parse_error(ps, at, "'%s' without algorithms: enc, "
		    "auth, %sgroup%s expected", at->tk_text,
		    ike ? "prf or " : "", ike ? "" : ", esn or noesn");
	if (aead != 0 && plain != 0)
		return parse_error(ps, at, "a proposal holds combined-mode "
		    "ciphers (gcm, chacha20-poly1305) or others, not both: "
		    "write '%s' twice", at->tk_text);
	if (aead != 0 && has_type(pp, POLICY_T_INTEG))
		return parse_error(ps, at, "a combined-mode cipher brings its "
		    "own integrity: leave 'auth' out%s", ike ?
		    " (and use 'prf')" : "");
	return true;
}

struct proposals_arg {
	struct policy_proposal	*pa_list;
	unsigned		*pa_n;
	bool			 pa_ike;
};

static struct policy_proposal *
proposal_new(struct parse *ps, const struct tok *at, struct proposals_arg *pa)
{
	if (*pa->pa_n == POLICY_PROPOSALS_MAX) {
		(void)parse_error(ps, at, "a rule has at most %d proposals",
		    POLICY_PROPOSALS_MAX);
		return NULL;
	}
	memset(&pa->pa_list[*pa->pa_n], 0, sizeof(*pa->pa_list));
	return &pa->pa_list[(*pa->pa_n)++];
}

static bool
proposal_element(struct parse *ps, struct tok *tk, void *arg)
{
	struct proposals_arg *pa = arg;
	struct policy_proposal *pp = proposal_new(ps, tk, pa);
	const struct tok *weak = tok_is(tk, "weak") ? tk : NULL;

	if (pp == NULL || (weak != NULL &&
	    (tk = parse_text(ps, "proposal")) == NULL) ||
	    !proposal_string(ps, tk, pp, pa->pa_ike, weak != NULL))
		return false;
	if (weak != NULL && !has_weak(pp))
		return needless(ps, weak, tk);
	return proposal_check(ps, tk, pp, pa->pa_ike);
}

static bool
parse_proposals(struct parse *ps, const struct tok *word,
    struct proposals_arg *pa)
{
	struct tok *tk = ps->ps_t;
	struct policy_proposal *pp;
	bool told = ps->ps_bad;

	if (tok_is_char(tk, '{') || tk->tk_type == TOK_STRING ||
	    tok_is(tk, "weak") ||
	    (tk->tk_type == TOK_WORD && strchr(tk->tk_text, '-') != NULL))
		return parse_list(ps, "proposal", proposal_element, pa);
	if ((pp = proposal_new(ps, word, pa)) == NULL)
		return false;
	ps->ps_bad = false;
	if (!proposal_words(ps, pp, pa->pa_ike))
		return false;
	if (!ps->ps_bad)
		(void)proposal_check(ps, word, pp, pa->pa_ike);
	ps->ps_bad |= told;
	return true;
}

bool
clause_ikesa(struct parse *ps, const struct tok *word)
{
	struct policy_ike *ik = &ps->ps_d.dr_ike;
	struct proposals_arg pa = { ps->ps_d.dr_ikesa, &ik->ik_nikesa, true };

	ik->ik_ikesa_given = true;
	return parse_proposals(ps, word, &pa);
}

bool
clause_childsa(struct parse *ps, const struct tok *word)
{
	struct policy_ike *ik = &ps->ps_d.dr_ike;
	struct proposals_arg pa = { ps->ps_d.dr_childsa, &ik->ik_nchildsa, false };

	ik->ik_childsa_given = true;
	return parse_proposals(ps, word, &pa);
}
