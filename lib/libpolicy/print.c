/* SPDX-License-Identifier: ISC */
/*
 * Normal form: one rule a line, everything said, nothing abbreviated.  It
 * parses to the policy that was printed; the store keeps it as the parsed
 * policy of a revision.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "libalg/alg.h"
#include "libpolicy/parse.h"
#include "libpolicy/print.h"

static const char *
policy_flow_type_name(enum policy_flow_type type)
{
	static const char *const names[] = { "use", "acquire", "require",
	    "dontacq", "bypass", "deny" };

	return (unsigned)type < 6 ? names[type] : "unknown";
}

const char *
policy_dir_name(enum policy_dir dir)
{
	return dir == POLICY_IN ? "in" : "out";
}

static const char *
mode_name(enum policy_mode mode)
{
	return mode == POLICY_TRANSPORT ? "transport" : "tunnel";
}

/*
 * Of a hundred thousand rules each is printed when it is committed, word by
 * word: that is done without the cost of formats.
 */
static void
put(const char *s, struct textbuf *out)
{
	textbuf_add(out, s, strlen(s));
}

/* A blank and the word. */
static void
put_word(const char *s, struct textbuf *out)
{
	textbuf_char(out, ' ');
	put(s, out);
}

static void
put_uint(uint64_t v, struct textbuf *out)
{
	char digits[20];
	unsigned n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	while (n != 0)
		textbuf_char(out, digits[--n]);
}

static void
put_hex8(uint8_t v, struct textbuf *out)
{
	static const char digits[] = "0123456789abcdef";

	textbuf_char(out, digits[v >> 4]);
	textbuf_char(out, digits[v & 15]);
}

static void
put_addr(const struct addr *a, struct textbuf *out)
{
	char buf[ADDR_STRLEN];

	if (a->ad_af != AF_INET) {
		put(addr_print(a, buf), out);
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (i != 0)
			textbuf_char(out, '.');
		put_uint(a->ad_bytes[i], out);
	}
}

static void
put_prefix(const struct prefix *p, struct textbuf *out)
{
	put_addr(&p->pr_addr, out);
	if (p->pr_len != addr_bits(&p->pr_addr)) {
		textbuf_char(out, '/');
		put_uint(p->pr_len, out);
	}
}

/* A quoted string that the lexer reads back. */
static void
print_quoted(const char *text, struct textbuf *out)
{
	textbuf_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			textbuf_char(out, '\\');
		textbuf_char(out, *text);
	}
	textbuf_char(out, '"');
}

static void
print_proto(uint8_t proto, struct textbuf *out)
{
	const char *name = proto_name(proto);

	if (name != NULL)
		put(name, out);
	else
		put_uint(proto, out);
}

static void
print_host(const struct prefix *p, const struct port_range *po, struct textbuf *out)
{
	put_prefix(p, out);
	if (po->po_lo == 0 && po->po_hi == 65535)
		return;
	put(" port ", out);
	put_uint(po->po_lo, out);
	if (po->po_hi != po->po_lo) {
		put(":", out);
		put_uint(po->po_hi, out);
	}
}

/* from A [port p] to B [port q] */
static void
print_pair(const struct policy_selector *sel, struct textbuf *out)
{
	put(" from ", out);
	print_host(&sel->ps_src, &sel->ps_sport, out);
	put(" to ", out);
	print_host(&sel->ps_dst, &sel->ps_dport, out);
}

static void
text_selector(const struct policy_selector *sel, struct textbuf *out)
{
	if (sel->ps_proto != 0) {
		put(" proto ", out);
		print_proto(sel->ps_proto, out);
	}
	print_pair(sel, out);
}

static void
print_addr(const char *word, const struct addr *a, struct textbuf *out)
{
	if (a->ad_af == 0)
		return;
	put_word(word, out);
	put(" ", out);
	put_addr(a, out);
}

static void
print_id(const char *word, const struct policy_id *id, struct textbuf *out)
{
	if (id->pi_type == POLICY_ID_NONE)
		return;
	put_word(word, out);
	put(" ", out);
	print_quoted(id->pi_text, out);
}

/* The bytes, or the number of what the store keeps, or just the word. */
static void
print_key(const char *word, const struct policy_key *key, unsigned flags,
    struct textbuf *out)
{
	put_word(word, out);
	put(" ", out);
	if ((flags & POLICY_PRINT_KEYS) != 0 && key->pk_len != 0) {
		put("0x", out);
		for (size_t i = 0; i < key->pk_len; i++)
			put_hex8(key->pk_bytes[i], out);
	} else if (key->pk_id != 0) {
		put("sealed \"", out);
		put_uint(key->pk_id, out);
		put("\"", out);
	} else {
		put("sealed", out);
	}
}

/* A PSK that reads well is printed as it was written. */
static void
print_psk(const struct policy_key *key, unsigned flags, struct textbuf *out)
{
	bool plain = (flags & POLICY_PRINT_KEYS) != 0 && key->pk_len != 0;

	for (size_t i = 0; i < key->pk_len && plain; i++) {
		uint8_t c = key->pk_bytes[i];

		plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
	}
	if (plain && key->pk_bytes[0] == '0' && key->pk_len > 1 &&
	    tolower(key->pk_bytes[1]) == 'x')
		plain = false;
	if (!plain) {
		print_key("psk", key, flags, out);
		return;
	}
	put(" psk \"", out);
	textbuf_add(out, key->pk_bytes, key->pk_len);
	put("\"", out);
}

void
text_flow(const struct policy_flow *fl, struct textbuf *out)
{
	bool clear = fl->fl_type == POLICY_BYPASS ||
	    fl->fl_type == POLICY_DENY;

	put("flow", out);
	if (!clear) {
		put(" esp", out);
		put_word(mode_name(fl->fl_mode), out);
	}
	put_word(policy_dir_name(fl->fl_dir), out);
	text_selector(&fl->fl_sel, out);
	if (!clear) {
		print_addr("local", &fl->fl_local, out);
		print_addr("peer", &fl->fl_peer, out);
	}
	put(" type", out);
	put_word(policy_flow_type_name(fl->fl_type), out);
	put("\n", out);
}

/* word NAME, or word weak NAME */
static void
print_transform(const char *word, const struct policy_transform *t, struct textbuf *out)
{
	const struct alg *a;

	put_word(word, out);
	put(" ", out);
	if (t->pt_type == POLICY_T_KE && t->pt_id == 0) {
		put("none", out);
		return;
	}
	a = alg_by_ike((enum alg_kind)t->pt_type, t->pt_id, t->pt_bits);
	if (a != NULL && (a->al_flags & ALG_WEAK) != 0)
		put("weak ", out);
	put(a != NULL ? a->al_name : "unknown", out);
}

void
text_sa(const struct policy_sa *sa, struct textbuf *out, unsigned flags)
{
	put("esp ", out);
	put(mode_name(sa->sa_mode), out);
	put(" from ", out);
	put_addr(&sa->sa_src, out);
	put(" to ", out);
	put_addr(&sa->sa_dst, out);
	put(" spi 0x", out);
	for (unsigned i = 32; i != 0; i -= 8)
		put_hex8((uint8_t)(sa->sa_spi >> (i - 8)), out);
	if (sa->sa_auth.pt_id != 0)
		print_transform("auth", &sa->sa_auth, out);
	print_transform("enc", &sa->sa_enc, out);
	if ((flags & POLICY_PRINT_NO_KEYS) != 0) {
		textbuf_char(out, '\n');
		return;
	}
	if (sa->sa_authkey.pk_len != 0 || sa->sa_authkey.pk_id != 0)
		print_key("authkey", &sa->sa_authkey, flags, out);
	if (sa->sa_enckey.pk_len != 0 || sa->sa_enckey.pk_id != 0)
		print_key("enckey", &sa->sa_enckey, flags, out);
	textbuf_char(out, '\n');
}

static void
print_proposals(const char *word, const struct policy_proposal *list,
    unsigned n, struct textbuf *out)
{
	static const char *const words[] = { "", "enc", "prf", "auth",
	    "group" };

	for (unsigned i = 0; i < n; i++) {
		put(" \\\n\t", out);
		put(word, out);
		for (unsigned j = 0; j < list[i].pp_n; j++) {
			const struct policy_transform *t = &list[i].pp_t[j];

			if (t->pt_type == POLICY_T_ESN)
				put(t->pt_id == 1 ? " esn" : " noesn", out);
			else if (t->pt_type < POLICY_T_ESN)
				print_transform(words[t->pt_type], t, out);
		}
	}
}

static bool
same_pair(const struct policy_selector *a, const struct policy_selector *b)
{
	struct policy_selector x = *a, y = *b;

	x.ps_proto = y.ps_proto = 0;
	return memcmp(&x, &y, sizeof(x)) == 0;
}

/* Selectors are all pairs times all protocols, protocols innermost. */
static void
print_selectors(const struct policy_ike *ik, struct textbuf *out)
{
	size_t np = 1;

	while (np < ik->ik_nsel && same_pair(&ik->ik_sel[0], &ik->ik_sel[np]))
		np++;
	if (ik->ik_nsel != 0 && ik->ik_sel[0].ps_proto != 0) {
		put(np > 1 ? " proto {" : " proto", out);
		for (size_t i = 0; i < np; i++) {
			textbuf_char(out, ' ');
			print_proto(ik->ik_sel[i].ps_proto, out);
		}
		put(np > 1 ? " }" : "", out);
	}
	for (size_t i = 0; i < ik->ik_nsel; i += np) {
		put(" \\\n\t", out);
		put("from ", out);
		print_host(&ik->ik_sel[i].ps_src, &ik->ik_sel[i].ps_sport, out);
		put(" to ", out);
		print_host(&ik->ik_sel[i].ps_dst, &ik->ik_sel[i].ps_dport, out);
	}
}

static void
print_ends(const struct policy_ike *ik, struct textbuf *out)
{
	put(" \\\n\t", out);
	if (ik->ik_local.ad_af != 0) {
		put("local ", out);
		put_addr(&ik->ik_local, out);
		put(" ", out);
	}
	put("peer ", out);
	if (ik->ik_peer.pr_addr.ad_af != 0)
		put_prefix(&ik->ik_peer, out);
	else
		put("any", out);
}

static void
print_lifetimes(const struct policy_ike *ik, struct textbuf *out)
{
	put(" \\\n\tikelifetime ", out);
	put_uint(ik->ik_ikelifetime, out);
	put(" lifetime ", out);
	put_uint(ik->ik_lifetime, out);
	if (ik->ik_lifebytes != 0) {
		put(" bytes ", out);
		put_uint(ik->ik_lifebytes, out);
	}
}

void
text_ike(const struct policy_ike *ik, struct textbuf *out, unsigned flags)
{
	put("ikev2 ", out);
	print_quoted(ik->ik_name, out);
	put(ik->ik_quick ? " quick" : "", out);
	put(ik->ik_default ? " default" : "", out);
	put(ik->ik_active ? " active esp " : " passive esp ", out);
	put(mode_name(ik->ik_mode), out);
	put(ik->ik_encap ? " encap" : "", out);
	if (ik->ik_af != 0)
		put(ik->ik_af == AF_INET ? " inet" : " inet6", out);
	print_selectors(ik, out);
	print_ends(ik, out);
	print_proposals("ikesa", ik->ik_ikesa, ik->ik_nikesa, out);
	print_proposals("childsa", ik->ik_childsa, ik->ik_nchildsa, out);
	if (ik->ik_srcid.pi_type != 0 || ik->ik_dstid.pi_type != 0)
		put(" \\\n\t", out);
	if (ik->ik_srcid.pi_type != 0) {
		put("srcid ", out);
		print_quoted(ik->ik_srcid.pi_text, out);
		print_id("dstid", &ik->ik_dstid, out);
	} else if (ik->ik_dstid.pi_type != 0) {
		put("dstid ", out);
		print_quoted(ik->ik_dstid.pi_text, out);
	}
	print_lifetimes(ik, out);
	print_psk(&ik->ik_psk, flags, out);
	if (ik->ik_tag != NULL) {
		put(" tag ", out);
		print_quoted(ik->ik_tag, out);
	}
	textbuf_char(out, '\n');
}

/* Only what differs from the default. */
void
text_set(const struct policy_set *set, struct textbuf *out)
{
	struct policy pol;

	policy_init(&pol);
	if (!set->set_active)
		put("set passive\n", out);
	if (!set->set_fragmentation)
		put("set nofragmentation\n", out);
	if (!set->set_pathmtu)
		put("set nopathmtu\n", out);
	if (set->set_dpd != pol.pol_set.set_dpd) {
		put("set dpd_check_interval ", out);
		put_uint(set->set_dpd, out);
		put("\n", out);
	}
}

/* ---- to a file ---- */

static void
flush(struct textbuf *tb, FILE *out)
{
	(void)fwrite(tb->tb_p, 1, tb->tb_n, out);
	textbuf_free(tb);
}

void
policy_print_flow(const struct policy_flow *fl, FILE *out)
{
	struct textbuf tb = { 0 };

	text_flow(fl, &tb);
	flush(&tb, out);
}

void
policy_print_sa(const struct policy_sa *sa, FILE *out, unsigned flags)
{
	struct textbuf tb = { 0 };

	text_sa(sa, &tb, flags);
	flush(&tb, out);
}

void
policy_print(const struct policy *pol, FILE *out, unsigned flags)
{
	struct textbuf tb = { 0 };

	text_set(&pol->pol_set, &tb);
	for (size_t i = 0; i < pol->pol_nflows; i++)
		text_flow(&pol->pol_flows[i], &tb);
	for (size_t i = 0; i < pol->pol_nsas; i++)
		text_sa(&pol->pol_sas[i], &tb, flags);
	for (size_t i = 0; i < pol->pol_nikes; i++)
		text_ike(&pol->pol_ikes[i], &tb, flags);
	flush(&tb, out);
}
