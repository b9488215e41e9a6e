/* SPDX-License-Identifier: ISC */
/*
 * Helpers for those who fill in messages, and for the two ways in which a
 * selector can be given: KAME's addresses with one port each, or the private
 * extension with ranges.
 */
#include "libpfkey/pfkey.h"

void
pfkey_init(struct pfkey_msg *m, uint8_t type, uint8_t satype)
{
	memset(m, 0, sizeof(*m));
	m->pm_type = type;
	m->pm_satype = satype;
}

static void
whole(struct pfkey_address *pa, const struct addr *a)
{
	memset(pa, 0, sizeof(*pa));
	pa->pa_addr = *a;
	pa->pa_plen = (uint8_t)addr_bits(a);
}

void
pfkey_set_ends(struct pfkey_msg *m, const struct addr *src, const struct addr *dst)
{
	whole(&m->pm_src, src);
	whole(&m->pm_dst, dst);
	pfkey_set(m, SADB_EXT_ADDRESS_SRC);
	pfkey_set(m, SADB_EXT_ADDRESS_DST);
}

static bool
port_any(const struct port_range *po)
{
	return po->po_lo == 0 && po->po_hi == 65535;
}

/* KAME's form can say it: any, or one port that is not 0. */
static bool
port_plain(const struct port_range *po)
{
	return port_any(po) || (po->po_lo == po->po_hi && po->po_lo != 0);
}

static void
end_of(struct pfkey_address *pa, const struct prefix *pr, const struct port_range *po,
    uint8_t proto)
{
	memset(pa, 0, sizeof(*pa));
	pa->pa_addr = pr->pr_addr;
	pa->pa_plen = pr->pr_len;
	pa->pa_proto = proto;
	pa->pa_port = port_any(po) || po->po_lo != po->po_hi ? 0 : po->po_lo;
}

void
pfkey_set_selector(struct pfkey_msg *m, const struct pfkey_selector *sel)
{
	end_of(&m->pm_src, &sel->sel_src, &sel->sel_sport, sel->sel_proto);
	end_of(&m->pm_dst, &sel->sel_dst, &sel->sel_dport, sel->sel_proto);
	pfkey_set(m, SADB_EXT_ADDRESS_SRC);
	pfkey_set(m, SADB_EXT_ADDRESS_DST);
	if (!port_plain(&sel->sel_sport) || !port_plain(&sel->sel_dport)) {
		m->pm_sel = *sel;
		pfkey_set(m, PFKEY_EXT_SELECTOR);
	}
}

static void
range_of(struct port_range *po, uint16_t port)
{
	po->po_lo = port;
	po->po_hi = port != 0 ? port : 65535;
}

void
pfkey_get_selector(const struct pfkey_msg *m, struct pfkey_selector *sel)
{
	if (PFKEY_HAS(m, PFKEY_EXT_SELECTOR)) {
		*sel = m->pm_sel;
		return;
	}
	memset(sel, 0, sizeof(*sel));
	sel->sel_src.pr_addr = m->pm_src.pa_addr;
	sel->sel_src.pr_len = m->pm_src.pa_plen;
	sel->sel_dst.pr_addr = m->pm_dst.pa_addr;
	sel->sel_dst.pr_len = m->pm_dst.pa_plen;
	addr_mask(&sel->sel_src.pr_addr, sel->sel_src.pr_len);
	addr_mask(&sel->sel_dst.pr_addr, sel->sel_dst.pr_len);
	range_of(&sel->sel_sport, m->pm_src.pa_port);
	range_of(&sel->sel_dport, m->pm_dst.pa_port);
	sel->sel_proto = m->pm_src.pa_proto != 0 ? m->pm_src.pa_proto : m->pm_dst.pa_proto;
}

void
pfkey_set_natt(struct pfkey_msg *m, uint16_t sport, uint16_t dport)
{
	m->pm_natt_type = PFKEY_UDP_ENCAP_ESPINUDP;
	m->pm_natt_sport = sport;
	m->pm_natt_dport = dport;
	pfkey_set(m, SADB_X_EXT_NAT_T_TYPE);
	pfkey_set(m, SADB_X_EXT_NAT_T_SPORT);
	pfkey_set(m, SADB_X_EXT_NAT_T_DPORT);
}

void
pfkey_set_window(struct pfkey_msg *m, uint32_t packets)
{
	m->pm_sa.ps_replay = (uint8_t)(packets < 255 ? packets : 255);
	m->pm_window = packets;
	pfkey_set(m, PFKEY_EXT_REPLAY);
}

void
pfkey_set_name(struct pfkey_msg *m, const char *name)
{
	if (name == NULL || name[0] == '\0')
		return;
	memset(m->pm_name, 0, sizeof(m->pm_name));
	strncpy(m->pm_name, name, sizeof(m->pm_name) - 1);
	pfkey_set(m, PFKEY_EXT_NAME);
}
