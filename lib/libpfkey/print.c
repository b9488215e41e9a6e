/* SPDX-License-Identifier: ISC */
/*
 * PF_KEYv2 messages as text, for `ipsecctl -m`, logs and tests.  Keys are
 * written as their length unless asked for.
 */
#include <inttypes.h>
#include <string.h>

#include "libpfkey/pfkey.h"

static const char *const type_names[] = {
	[SADB_GETSPI] = "GETSPI", [SADB_UPDATE] = "UPDATE", [SADB_ADD] = "ADD",
	[SADB_DELETE] = "DELETE", [SADB_GET] = "GET", [SADB_ACQUIRE] = "ACQUIRE",
	[SADB_REGISTER] = "REGISTER", [SADB_EXPIRE] = "EXPIRE", [SADB_FLUSH] = "FLUSH",
	[SADB_DUMP] = "DUMP", [SADB_X_PROMISC] = "PROMISC", [SADB_X_PCHANGE] = "PCHANGE",
	[SADB_X_SPDUPDATE] = "SPDUPDATE", [SADB_X_SPDADD] = "SPDADD",
	[SADB_X_SPDDELETE] = "SPDDELETE", [SADB_X_SPDGET] = "SPDGET",
	[SADB_X_SPDACQUIRE] = "SPDACQUIRE", [SADB_X_SPDDUMP] = "SPDDUMP",
	[SADB_X_SPDFLUSH] = "SPDFLUSH", [SADB_X_SPDSETIDX] = "SPDSETIDX",
	[SADB_X_SPDEXPIRE] = "SPDEXPIRE", [SADB_X_SPDDELETE2] = "SPDDELETE2",
	[SADB_X_NAT_T_NEW_MAPPING] = "NAT_T_NEW_MAPPING", [SADB_X_MIGRATE] = "MIGRATE",
};

static const char *const ext_names[PFKEY_EXT_MAX + 1] = {
	[SADB_EXT_SA] = "SA", [SADB_EXT_LIFETIME_CURRENT] = "LIFETIME_CURRENT",
	[SADB_EXT_LIFETIME_HARD] = "LIFETIME_HARD", [SADB_EXT_LIFETIME_SOFT] = "LIFETIME_SOFT",
	[SADB_EXT_ADDRESS_SRC] = "ADDRESS_SRC", [SADB_EXT_ADDRESS_DST] = "ADDRESS_DST",
	[SADB_EXT_ADDRESS_PROXY] = "ADDRESS_PROXY", [SADB_EXT_KEY_AUTH] = "KEY_AUTH",
	[SADB_EXT_KEY_ENCRYPT] = "KEY_ENCRYPT", [SADB_EXT_IDENTITY_SRC] = "IDENTITY_SRC",
	[SADB_EXT_IDENTITY_DST] = "IDENTITY_DST", [SADB_EXT_SENSITIVITY] = "SENSITIVITY",
	[SADB_EXT_PROPOSAL] = "PROPOSAL", [SADB_EXT_SUPPORTED_AUTH] = "SUPPORTED_AUTH",
	[SADB_EXT_SUPPORTED_ENCRYPT] = "SUPPORTED_ENCRYPT", [SADB_EXT_SPIRANGE] = "SPIRANGE",
	[SADB_X_EXT_KMPRIVATE] = "KMPRIVATE", [SADB_X_EXT_POLICY] = "POLICY",
	[SADB_X_EXT_SA2] = "SA2", [SADB_X_EXT_NAT_T_TYPE] = "NAT_T_TYPE",
	[SADB_X_EXT_NAT_T_SPORT] = "NAT_T_SPORT", [SADB_X_EXT_NAT_T_DPORT] = "NAT_T_DPORT",
	[SADB_X_EXT_NAT_T_OA] = "NAT_T_OA", [SADB_X_EXT_SEC_CTX] = "SEC_CTX",
	[SADB_X_EXT_KMADDRESS] = "KMADDRESS", [SADB_X_EXT_FILTER] = "FILTER",
	[PFKEY_EXT_ASK] = "ASK", [PFKEY_EXT_REPLAY] = "REPLAY",
	[PFKEY_EXT_SELECTOR] = "SELECTOR", [PFKEY_EXT_NAME] = "NAME",
	[PFKEY_EXT_STATS] = "STATS", [PFKEY_EXT_PACKET] = "PACKET",
	[PFKEY_EXT_ACQUIRE] = "ACQUIRE", [PFKEY_EXT_PMTU] = "PMTU",
};

static const char *
name_of(const char *const *names, size_t n, unsigned i, const char *none)
{
	return i < n && names[i] != NULL ? names[i] : none;
}

#define NAME(table, i, none)	name_of(table, sizeof(table) / sizeof((table)[0]), i, none)

const char *
pfkey_type_name(unsigned type)
{
	return NAME(type_names, type, "unknown");
}

const char *
pfkey_ext_name(unsigned ext)
{
	return NAME(ext_names, ext, "unknown");
}

/* "esp" */
static const char *
pfkey_satype_name(unsigned satype)
{
	static const char *const names[] = { [SADB_SATYPE_UNSPEC] = "any", [SADB_SATYPE_AH] = "ah",
	    [SADB_SATYPE_ESP] = "esp", [SADB_X_SATYPE_IPCOMP] = "ipcomp" };

	return NAME(names, satype, "unknown");
}

const char *
pfkey_state_name(unsigned state)
{
	static const char *const names[] = { "larval", "mature", "dying", "dead" };

	return NAME(names, state, "unknown");
}

const char *
pfkey_drop_name(unsigned i)
{
	static const char *const names[PFKEY_DROPS] = { "replay", "auth", "padding", "selector",
	    "lifetime", "sequence", "encap", "other" };

	return NAME(names, i, NULL);
}

static const char *
mode_name(unsigned mode)
{
	static const char *const names[] = { "any", "transport", "tunnel", "beet" };

	return NAME(names, mode, "unknown");
}

static const char *
policy_name(unsigned type)
{
	static const char *const names[] = { "discard", "none", "ipsec", "entrust", "bypass" };

	return NAME(names, type, "unknown");
}

static const char *
dir_name(unsigned dir)
{
	static const char *const names[] = { "any", "in", "out", "fwd" };

	return NAME(names, dir, "unknown");
}

static const char *
level_name(unsigned level)
{
	static const char *const names[] = { "default", "use", "require", "unique" };

	return NAME(names, level, "unknown");
}

static void
print_addr(FILE *out, const struct addr *a)
{
	char buf[ADDR_STRLEN];

	fputs(a->ad_af != 0 ? addr_print(a, buf) : "none", out);
}

static void
print_address(FILE *out, const char *what, const struct pfkey_address *pa)
{
	fprintf(out, "\t%s ", what);
	print_addr(out, &pa->pa_addr);
	if (pa->pa_plen != addr_bits(&pa->pa_addr))
		fprintf(out, "/%u", pa->pa_plen);
	if (pa->pa_port != 0)
		fprintf(out, " port %u", pa->pa_port);
	if (pa->pa_proto != 0)
		fprintf(out, " proto %u", pa->pa_proto);
	putc('\n', out);
}

static void
print_lifetime(FILE *out, const char *what, const struct pfkey_lifetime *lt)
{
	fprintf(out, "\tlifetime %s: packets %" PRIu32 " bytes %" PRIu64 " added %" PRIu64
	    " used %" PRIu64 "\n", what, lt->pl_allocations, lt->pl_bytes, lt->pl_addtime,
	    lt->pl_usetime);
}

static void
print_key(FILE *out, const char *what, const struct pfkey_key *k, unsigned flags)
{
	fprintf(out, "\t%s ", what);
	if ((flags & PFKEY_PRINT_KEYS) == 0) {
		fprintf(out, "(%u bits)\n", k->pk_bits);
		return;
	}
	fputs("0x", out);
	for (unsigned i = 0; i < k->pk_bits / 8u; i++)
		fprintf(out, "%02x", k->pk_data[i]);
	putc('\n', out);
}

/* Text of another program: what does not print is written in octal. */
static void
print_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c > '~' || c == '\\' || c == '"')
			fprintf(out, "\\%03o", c);
		else
			putc(c, out);
	}
}

static void
print_ident(FILE *out, const char *what, const struct pfkey_ident *id)
{
	fprintf(out, "\t%s type %u id %" PRIu64 " \"", what, id->pi_type, id->pi_id);
	print_text(out, id->pi_text);
	fputs("\"\n", out);
}

static void
print_range(FILE *out, const struct port_range *po)
{
	if (po->po_lo == 0 && po->po_hi == 65535)
		return;
	fprintf(out, po->po_lo == po->po_hi ? " port %u" : " port %u:%u", po->po_lo, po->po_hi);
}

static void
print_selector(FILE *out, const char *what, const struct pfkey_selector *sel)
{
	char buf[PREFIX_STRLEN];

	fprintf(out, "\t%s", what);
	if (sel->sel_proto != 0)
		fprintf(out, " proto %u", sel->sel_proto);
	fprintf(out, " from %s", prefix_print(&sel->sel_src, buf));
	print_range(out, &sel->sel_sport);
	fprintf(out, " to %s", prefix_print(&sel->sel_dst, buf));
	print_range(out, &sel->sel_dport);
	putc('\n', out);
}

static void
print_policy(FILE *out, const struct pfkey_policy *pp)
{
	fprintf(out, "\tpolicy %s %s id %" PRIu32 " priority %" PRIu32 "\n",
	    policy_name(pp->pp_type), dir_name(pp->pp_dir), pp->pp_id, pp->pp_priority);
	for (unsigned i = 0; i < pp->pp_nreq; i++) {
		const struct pfkey_request *pr = &pp->pp_req[i];

		fprintf(out, "\t\tproto %u %s %s reqid %" PRIu32, pr->pr_proto,
		    mode_name(pr->pr_mode), level_name(pr->pr_level), pr->pr_reqid);
		if (pr->pr_src.ad_af != 0) {
			fputs(" from ", out);
			print_addr(out, &pr->pr_src);
			fputs(" to ", out);
			print_addr(out, &pr->pr_dst);
		}
		putc('\n', out);
	}
}

static void
print_combs(FILE *out, const struct pfkey_msg *m)
{
	fprintf(out, "\tproposal replay %u\n", m->pm_prop_replay);
	for (unsigned i = 0; i < m->pm_ncombs; i++) {
		const struct sadb_comb *co = &m->pm_combs[i];

		fprintf(out, "\t\tencrypt %u (%u to %u bits) auth %u (%u to %u bits)\n",
		    co->sadb_comb_encrypt, co->sadb_comb_encrypt_minbits,
		    co->sadb_comb_encrypt_maxbits, co->sadb_comb_auth,
		    co->sadb_comb_auth_minbits, co->sadb_comb_auth_maxbits);
	}
}

static void
print_algs(FILE *out, const char *what, const struct sadb_alg *al, unsigned n)
{
	fprintf(out, "\t%s", what);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, " %u(%u-%u)", al[i].sadb_alg_id, al[i].sadb_alg_minbits,
		    al[i].sadb_alg_maxbits);
	putc('\n', out);
}

static void
print_stats(FILE *out, const struct pfkey_stats *st)
{
	fprintf(out, "\tstats: packets %" PRIu64 " bytes %" PRIu64 " sequence %" PRIu64
	    " last %" PRIu64 "\n", st->st_packets, st->st_bytes, st->st_seq, st->st_last);
	for (unsigned i = 0; i < PFKEY_DROPS; i++) {
		if (st->st_drops[i] != 0)
			fprintf(out, "\t\tdropped %s %" PRIu64 "\n", pfkey_drop_name(i),
			    st->st_drops[i]);
	}
}

static void
print_sa(FILE *out, const struct pfkey_msg *m)
{
	fprintf(out, "\tspi 0x%08" PRIx32 " %s auth %u encrypt %u replay %u flags 0x%" PRIx32 "\n",
	    m->pm_sa.ps_spi, pfkey_state_name(m->pm_sa.ps_state), m->pm_sa.ps_auth,
	    m->pm_sa.ps_encrypt, m->pm_sa.ps_replay, m->pm_sa.ps_flags);
}

static void
print_sa_parts(FILE *out, const struct pfkey_msg *m, unsigned flags)
{
	if (PFKEY_HAS(m, SADB_EXT_SA))
		print_sa(out, m);
	if (PFKEY_HAS(m, PFKEY_EXT_REPLAY))
		fprintf(out, "\twindow %" PRIu32 "\n", m->pm_window);
	if (PFKEY_HAS(m, SADB_X_EXT_SA2))
		fprintf(out, "\tmode %s reqid %" PRIu32 "\n", mode_name(m->pm_mode), m->pm_reqid);
	if (PFKEY_HAS(m, SADB_EXT_LIFETIME_CURRENT))
		print_lifetime(out, "current", &m->pm_current);
	if (PFKEY_HAS(m, SADB_EXT_LIFETIME_HARD))
		print_lifetime(out, "hard", &m->pm_hard);
	if (PFKEY_HAS(m, SADB_EXT_LIFETIME_SOFT))
		print_lifetime(out, "soft", &m->pm_soft);
	if (PFKEY_HAS(m, SADB_EXT_KEY_ENCRYPT))
		print_key(out, "enckey", &m->pm_ekey, flags);
	if (PFKEY_HAS(m, SADB_EXT_KEY_AUTH))
		print_key(out, "authkey", &m->pm_akey, flags);
	if (PFKEY_HAS(m, SADB_X_EXT_NAT_T_TYPE))
		fprintf(out, "\tudpencap type %u\n", m->pm_natt_type);
	if (PFKEY_HAS(m, SADB_X_EXT_NAT_T_SPORT))
		fprintf(out, "\tudpencap source port %u\n", m->pm_natt_sport);
	if (PFKEY_HAS(m, SADB_X_EXT_NAT_T_DPORT))
		fprintf(out, "\tudpencap destination port %u\n", m->pm_natt_dport);
	if (PFKEY_HAS(m, SADB_X_EXT_NAT_T_OA))
		print_address(out, "original address", &m->pm_natt_oa);
}

static void
print_others(FILE *out, const struct pfkey_msg *m)
{
	if (PFKEY_HAS(m, SADB_EXT_IDENTITY_SRC))
		print_ident(out, "srcid", &m->pm_ident_src);
	if (PFKEY_HAS(m, SADB_EXT_IDENTITY_DST))
		print_ident(out, "dstid", &m->pm_ident_dst);
	if (PFKEY_HAS(m, SADB_EXT_SPIRANGE))
		fprintf(out, "\tspi from 0x%08" PRIx32 " to 0x%08" PRIx32 "\n", m->pm_spi_min,
		    m->pm_spi_max);
	if (PFKEY_HAS(m, SADB_X_EXT_POLICY))
		print_policy(out, &m->pm_policy);
	if (PFKEY_HAS(m, PFKEY_EXT_ACQUIRE))
		fprintf(out, "\t\tasks for %s SA\n", m->pm_asks ? "an" : "no");
	if (PFKEY_HAS(m, SADB_EXT_PROPOSAL))
		print_combs(out, m);
	if (PFKEY_HAS(m, SADB_EXT_SUPPORTED_AUTH))
		print_algs(out, "supported auth", m->pm_auth, m->pm_nauth);
	if (PFKEY_HAS(m, SADB_EXT_SUPPORTED_ENCRYPT))
		print_algs(out, "supported encrypt", m->pm_encrypt, m->pm_nencrypt);
	if (PFKEY_HAS(m, PFKEY_EXT_SELECTOR))
		print_selector(out, "selector", &m->pm_sel);
	if (PFKEY_HAS(m, PFKEY_EXT_PACKET))
		print_selector(out, "packet", &m->pm_packet);
	if (PFKEY_HAS(m, PFKEY_EXT_PMTU))
		fprintf(out, "\tpath mtu %u inner mtu %u\n", m->pm_pmtu, m->pm_inner_mtu);
	if (PFKEY_HAS(m, PFKEY_EXT_STATS))
		print_stats(out, &m->pm_stats);
}

void
pfkey_print(FILE *out, const struct pfkey_msg *m, unsigned flags)
{
	fprintf(out, "%s %s seq %" PRIu32 " pid %" PRIu32, pfkey_type_name(m->pm_type),
	    pfkey_satype_name(m->pm_satype), m->pm_seq, m->pm_pid);
	if (m->pm_errno != 0)
		fprintf(out, " error %u (%s)", m->pm_errno, strerror(m->pm_errno));
	putc('\n', out);
	if (PFKEY_HAS(m, PFKEY_EXT_NAME)) {
		fputs("\tname \"", out);
		print_text(out, m->pm_name);
		fputs("\"\n", out);
	}
	if (PFKEY_HAS(m, SADB_EXT_ADDRESS_SRC))
		print_address(out, "from", &m->pm_src);
	if (PFKEY_HAS(m, SADB_EXT_ADDRESS_DST))
		print_address(out, "to", &m->pm_dst);
	if (PFKEY_HAS(m, SADB_EXT_ADDRESS_PROXY))
		print_address(out, "proxy", &m->pm_proxy);
	print_sa_parts(out, m, flags);
	print_others(out, m);
}
