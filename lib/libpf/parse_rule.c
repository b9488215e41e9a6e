/* SPDX-License-Identifier: ISC */
/*
 * pass and block rules.
 *
 *	action [in|out] [log] [quick] [on if] [inet] [proto p]
 *	    [all | from h [port p] to h [port p]] [option ...]
 */
#include <stdlib.h>
#include <string.h>

#include "libpf/names.h"
#include "libpf/parse.h"

/* What pf.conf(5) has and netkern cannot do yet. */
static const char *const later[] = {
	"nat-to", "rdr-to", "binat-to", "af-to", "route-to", "reply-to", "dup-to",
	"divert-to", "divert-packet", "divert-reply", "received-on", "scrub", "queue",
	"user", "group", "rtable", "rdomain", "once", "set", "max-pkt-rate", "fragment",
	"allow-opts", "os", "inet6", "modulate", "synproxy", "match", "anchor", "antispoof",
	"load", "altq", "nat", "rdr", "binat", "static-port", "bitmask", "random",
	"round-robin", "source-hash", "sticky-address", "icmp6-type", "return-icmp6",
	"prio", "delay", "pflow", NULL
};

static const char *const rule_words[] = {
	"pass", "block", "in", "out", "log", "quick", "on", "inet", "proto", "from", "to",
	"all", "any", "port", "flags", "icmp-type", "keep", "state", "no", "label", "tag",
	"tagged", "probability", "tos", "drop", "return", "return-rst", "return-icmp", NULL
};

bool
pfc_refused(struct parser *pr, const struct tok *t)
{
	if (t->tk_type != TOK_WORD)
		return false;
	for (const char *const *w = later; *w != NULL; w++)
		if (strcmp(t->tk_text, *w) == 0) {
			pfc_complain(pr, t, "%s is not supported yet", *w);
			return true;
		}
	return false;
}

/* ---- action ---- */

static bool
return_icmp(struct parser *pr, struct pf_rule *r)
{
	const struct tok *t;
	unsigned long n;
	int code;

	r->pr_return = PF_RETURN_ICMP;
	r->pr_ret_code = 3;	/* port unreachable */
	if (!pfc_take(pr, "("))
		return true;
	t = pfc_next_tok(pr);
	code = t->tk_type == TOK_WORD ? pf_code_number(3, t->tk_text) : -1;
	if (code < 0) {
		if (!pfc_parse_number(pr, t, 15, &n))
			return false;
		code = (int)n;
	}
	r->pr_ret_code = (uint8_t)code;
	return pfc_expect(pr, ")");
}

static bool
return_rst(struct parser *pr, struct pf_rule *r)
{
	unsigned long n;

	r->pr_return = PF_RETURN_RST;
	if (!pfc_take(pr, "("))
		return true;
	if (!pfc_expect(pr, "ttl") || !pfc_parse_number(pr, pfc_next_tok(pr), 255, &n))
		return false;
	r->pr_ret_ttl = (uint8_t)n;
	return pfc_expect(pr, ")");
}

static bool
rule_action(struct parser *pr, struct pf_rule *r)
{
	if (pfc_take(pr, "pass")) {
		r->pr_action = PF_PASS;
		return true;
	}
	if (!pfc_expect(pr, "block"))
		return false;
	r->pr_action = PF_BLOCK;
	r->pr_return = pr->pr_conf->pc_block_return;
	if (pfc_take(pr, "drop"))
		r->pr_return = PF_RETURN_DROP;
	else if (pfc_take(pr, "return"))
		r->pr_return = PF_RETURN_BOTH;
	else if (pfc_take(pr, "return-rst"))
		return return_rst(pr, r);
	else if (pfc_take(pr, "return-icmp"))
		return return_icmp(pr, r);
	return true;
}

/* ---- what stands in order ---- */

static bool
rule_log(struct parser *pr, struct pf_rule *r)
{
	r->pr_log = PF_LOG_FIRST;
	if (!pfc_take(pr, "("))
		return true;
	while (!pfc_take(pr, ")")) {
		const struct tok *t = pfc_next_tok(pr);

		if (pfc_tok_is(t, "all"))
			r->pr_log = PF_LOG_ALL;
		else if (pfc_tok_is(t, "to")) {
			t = pfc_next_tok(pr);
			if (!pfc_tok_is(t, "pflog0")) {
				pfc_complain(pr, t, "log goes to pflog0; other interfaces are not supported yet");
				return false;
			}
		} else {
			static const char *const words[] = { "all", "to", NULL };

			if (pfc_tok_is(t, "user") || pfc_tok_is(t, "matches"))
				pfc_complain(pr, t, "log (%s) is not supported yet", t->tk_text);
			else
				pfc_complain_word(pr, t, "unknown option of log", words);
			return false;
		}
	}
	return true;
}

static bool
rule_head(struct parser *pr, struct lists *li)
{
	struct pf_rule *r = &li->li_rule;

	if (!rule_action(pr, r))
		return false;
	if (pfc_take(pr, "in"))
		r->pr_dir = 1;
	else if (pfc_take(pr, "out"))
		r->pr_dir = 2;
	if (pfc_take(pr, "log") && !rule_log(pr, r))
		return false;
	if (pfc_take(pr, "quick"))
		r->pr_quick = 1;
	if (pfc_take(pr, "on") && (pfc_tok_is(pfc_peek(pr), "rdomain") ? pfc_refused(pr, pfc_peek(pr)) ||
	    true : !pfc_parse_interfaces(pr, li)))
		return false;
	if (pfc_take(pr, "inet"))
		r->pr_af = AF_INET;
	if (pfc_take(pr, "proto") && !pfc_parse_protocols(pr, li))
		return false;
	return true;
}

static bool
rule_end(struct parser *pr, struct lists *li, unsigned side)
{
	if (!pfc_tok_is(pfc_peek(pr), "port")) {
		if (!pfc_parse_hosts(pr, li, side))
			return false;
	}
	if (pfc_tok_is(pfc_peek(pr), "port")) {
		li->li_ports_at = pfc_next_tok(pr);
		return pfc_parse_ports(pr, li, side);
	}
	return true;
}

static bool
rule_ends(struct parser *pr, struct lists *li)
{
	if (pfc_take(pr, "all"))
		return true;
	if (pfc_take(pr, "from") && !rule_end(pr, li, 0))
		return false;
	if (pfc_tok_is(pfc_peek(pr), "os"))
		return !pfc_refused(pr, pfc_peek(pr));
	if (pfc_take(pr, "to") && !rule_end(pr, li, 1))
		return false;
	return true;
}

/* ---- options, in any order ---- */

static bool
flag_set(struct parser *pr, const struct tok *t, const char *s, size_t n, uint8_t *out)
{
	static const char letters[] = "FSRPAUEW";

	*out = 0;
	for (size_t i = 0; i < n; i++) {
		const char *p = strchr(letters, s[i]);

		if (p == NULL || s[i] == '\0') {
			pfc_complain(pr, t, "`%c' is not a TCP flag; they are %s", s[i], letters);
			return false;
		}
		*out |= (uint8_t)(1u << (p - letters));
	}
	return true;
}

static bool
option_flags(struct parser *pr, struct lists *li)
{
	const struct tok *t = pfc_next_tok(pr);
	const char *slash;

	li->li_flags = true;
	li->li_flags_at = t;
	if (pfc_tok_is(t, "any"))
		return true;
	slash = t->tk_type == TOK_WORD ? strchr(t->tk_text, '/') : NULL;
	if (slash == NULL || slash[1] == '\0') {
		pfc_complain(pr, t, "expected flags such as S/SA, or any");
		return false;
	}
	if (!flag_set(pr, t, t->tk_text, (size_t)(slash - t->tk_text), &li->li_rule.pr_flags) ||
	    !flag_set(pr, t, slash + 1, strlen(slash + 1), &li->li_rule.pr_flagset))
		return false;
	if (li->li_rule.pr_flags & ~li->li_rule.pr_flagset) {
		pfc_complain(pr, t, "flags that are not among those looked at can never be set");
		return false;
	}
	return true;
}

static bool
option_state(struct parser *pr, struct lists *li, const struct tok *t)
{
	if (pfc_tok_is(t, "no"))
		li->li_nostate = true;
	else
		li->li_keep = true;
	if (!pfc_expect(pr, "state"))
		return false;
	if (li->li_rule.pr_action != PF_PASS && li->li_keep) {
		pfc_complain(pr, t, "a block rule keeps no state");
		return false;
	}
	if (li->li_keep && li->li_nostate) {
		pfc_complain(pr, t, "keep state and no state exclude each other");
		return false;
	}
	if (pfc_tok_is(pfc_peek(pr), "(")) {
		const struct tok *what = pfc_peek_at(pr, 1);

		pfc_complain(pr, what, "state option %s is not supported yet", what->tk_text);
		return false;
	}
	return true;
}

static bool
option_text(struct parser *pr, const char *what, char *out, size_t size)
{
	const struct tok *t = pfc_next_tok(pr);

	if (!pfc_parse_name(pr, t, what, out, size))
		return false;
	for (const char *s = out; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f) {
			pfc_complain(pr, t, "%s has a control character", what);
			return false;
		}
	return true;
}

static bool
option_probability(struct parser *pr, struct pf_rule *r)
{
	const struct tok *t = pfc_next_tok(pr);
	char *end = NULL;
	double p;

	p = t->tk_type == TOK_WORD ? strtod(t->tk_text, &end) : -1;
	if (end != NULL && strcmp(end, "%") == 0)
		p /= 100;
	else if (end == NULL || *end != '\0')
		p = -1;
	if (!(p >= 0 && p <= 1)) {
		pfc_complain(pr, t, "expected a probability such as 20%%");
		return false;
	}
	r->pr_prob = pf_probability(p);
	return true;
}

static bool
option_tos(struct parser *pr, struct pf_rule *r)
{
	static const struct pf_word words[] = { { "lowdelay", 0x10 }, { "throughput", 0x08 },
	    { "reliability", 0x04 }, { "critical", 0xa0 }, { "ef", 0xb8 }, { "af11", 0x28 },
	    { "af21", 0x48 }, { "af31", 0x68 }, { "af41", 0x88 }, { NULL, 0 } };
	const struct tok *t = pfc_next_tok(pr);
	int n = t->tk_type == TOK_WORD ? pf_word_number(words, t->tk_text) : -1;
	char *end;

	if (n < 0 && t->tk_type == TOK_WORD) {
		unsigned long v = strtoul(t->tk_text, &end, 0);

		if (t->tk_text[0] >= '0' && t->tk_text[0] <= '9' && *end == '\0' && v <= 255)
			n = (int)v;
	}
	if (n < 0) {
		pfc_complain(pr, t, "expected a type of service: a number or lowdelay, throughput, ef ...");
		return false;
	}
	r->pr_tos = (uint16_t)(n + 1);
	return true;
}

static bool
rule_option(struct parser *pr, struct lists *li)
{
	struct pf_rule *r = &li->li_rule;
	bool not = pfc_tok_is(pfc_peek(pr), "!") && pfc_tok_is(pfc_peek_at(pr, 1), "tagged") && pfc_take(pr, "!");
	const struct tok *t = pfc_next_tok(pr);

	if (pfc_tok_is(t, "flags"))
		return option_flags(pr, li);
	if (pfc_tok_is(t, "icmp-type")) {
		li->li_icmp_at = t;
		return pfc_parse_icmp_types(pr, li);
	}
	if (pfc_tok_is(t, "keep") || pfc_tok_is(t, "no"))
		return option_state(pr, li, t);
	if (pfc_tok_is(t, "label"))
		return option_text(pr, "a label", r->pr_label, sizeof(r->pr_label));
	if (pfc_tok_is(t, "tag"))
		return option_text(pr, "a tag", r->pr_tag, sizeof(r->pr_tag));
	if (pfc_tok_is(t, "tagged")) {
		r->pr_tagged_neg = not;
		return option_text(pr, "a tag", r->pr_tagged, sizeof(r->pr_tagged));
	}
	if (pfc_tok_is(t, "probability"))
		return option_probability(pr, r);
	if (pfc_tok_is(t, "tos"))
		return option_tos(pr, r);
	if (!pfc_refused(pr, t))
		pfc_complain_word(pr, t, "unexpected here", rule_words);
	return false;
}

bool
pfc_parse_rule(struct parser *pr)
{
	struct lists *li = calloc(1, sizeof(*li));
	bool ok;

	if (li == NULL)
		return false;
	li->li_at = pfc_peek(pr);
	li->li_rule.pr_line = li->li_at->tk_line;
	ok = rule_head(pr, li) && rule_ends(pr, li);
	while (ok && pfc_peek(pr)->tk_type != TOK_END)
		ok = rule_option(pr, li);
	if (ok)
		ok = pfc_expand_rule(pr, li);
	free(li);
	return ok;
}
