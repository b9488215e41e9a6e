/* SPDX-License-Identifier: ISC */
/*
 * Messages about SAs (RFC 2367 section 3.1): GETSPI, ADD, UPDATE, DELETE,
 * GET, FLUSH.  What an SA may be is judged by netipsec/sa.c; here its
 * description is taken from the message, and put into answers.
 */
#include <errno.h>
#include <string.h>

#include "netkey/key_var.h"

#define SPI_MIN_DEFAULT	0x100u
#define SPI_MAX_DEFAULT	0xffffffffu

/* ---- from messages ---- */

static int
esp_only(struct key_req *kr)
{
	if (kr->kr_m.pm_satype == SADB_SATYPE_ESP)
		return 0;
	kr->kr_why = "only SAs of type ESP";
	return kr->kr_m.pm_satype == SADB_SATYPE_UNSPEC ? EINVAL : EOPNOTSUPP;
}

/* KAME: any mode is transport. */
static uint8_t
mode_of(const struct pfkey_msg *m)
{
	return m->pm_mode == IPSEC_MODE_ANY ? SA_TRANSPORT : m->pm_mode;
}

static void
lifetime_of(struct sa_lifetime *lt, const struct pfkey_lifetime *pl)
{
	lt->lt_packets = pl->pl_allocations;
	lt->lt_bytes = pl->pl_bytes;
	lt->lt_add_s = pl->pl_addtime;
	lt->lt_use_s = pl->pl_usetime;
}

static void
selector_of(struct selector *sel, const struct pfkey_selector *from)
{
	sel->sel_src = from->sel_src;
	sel->sel_dst = from->sel_dst;
	sel->sel_sport = from->sel_sport;
	sel->sel_dport = from->sel_dport;
	sel->sel_proto = from->sel_proto;
}

static int
natt_of(struct key_req *kr, struct sa_params *pp)
{
	const struct pfkey_msg *m = &kr->kr_m;

	if (!PFKEY_HAS(m, SADB_X_EXT_NAT_T_TYPE) || m->pm_natt_type == 0)
		return 0;
	if (m->pm_natt_type != PFKEY_UDP_ENCAP_ESPINUDP) {
		kr->kr_why = "only UDP encapsulation of RFC 3948 (type 2)";
		return EOPNOTSUPP;
	}
	pp->spp_flags |= SA_F_NATT;
	pp->spp_natt_sport = htons(m->pm_natt_sport);
	pp->spp_natt_dport = htons(m->pm_natt_dport);
	return 0;
}

/* The larger of what the old and the private extension can say. */
static void
window_of(const struct pfkey_msg *m, struct sa_params *pp)
{
	pp->spp_window = PFKEY_HAS(m, PFKEY_EXT_REPLAY) ? m->pm_window : m->pm_sa.ps_replay;
	if (pp->spp_window == 0)
		pp->spp_flags |= SA_F_NOREPLAY;
}

static int
params_of(struct key_req *kr, struct sa_params *pp)
{
	const struct pfkey_msg *m = &kr->kr_m;

	memset(pp, 0, sizeof(*pp));
	if (m->pm_sa.ps_state > SADB_SASTATE_MATURE) {
		kr->kr_why = "an SA starts mature";
		return EINVAL;
	}
	pp->spp_spi = htonl(m->pm_sa.ps_spi);
	pp->spp_proto = IPPROTO_ESP;
	pp->spp_mode = mode_of(m);
	pp->spp_reqid = m->pm_reqid;
	pp->spp_src = m->pm_src.pa_addr;
	pp->spp_dst = m->pm_dst.pa_addr;
	if (m->pm_sa.ps_flags & SADB_X_SAFLAGS_ESN)
		pp->spp_flags |= SA_F_ESN;
	window_of(m, pp);
	pp->spp_ealg = m->pm_sa.ps_encrypt;
	pp->spp_aalg = m->pm_sa.ps_auth;
	pp->spp_ekey = m->pm_ekey.pk_data;
	pp->spp_ekeylen = m->pm_ekey.pk_bits / 8;
	pp->spp_akey = m->pm_akey.pk_data;
	pp->spp_akeylen = m->pm_akey.pk_bits / 8;
	lifetime_of(&pp->spp_hard, &m->pm_hard);
	lifetime_of(&pp->spp_soft, &m->pm_soft);
	if (PFKEY_HAS(m, PFKEY_EXT_SELECTOR))
		selector_of(&pp->spp_sel, &m->pm_sel);
	pp->spp_pid = m->pm_pid;
	pp->spp_seqno = m->pm_seq;
	if (PFKEY_HAS(m, PFKEY_EXT_NAME))
		pp->spp_name = m->pm_name;
	return natt_of(kr, pp);
}

/* What IKE found of the path; not with an SA whose packets come here. */
static void
take_pmtu(const struct key_req *kr, struct sa *sa)
{
	if (PFKEY_HAS(&kr->kr_m, PFKEY_EXT_PMTU) && !(sa->sa_flags & SA_F_IN))
		sa_measured(sa, kr->kr_m.pm_pmtu);
}

/* The SA that SA and ADDRESS_DST name; NULL. */
static struct sa *
find(struct key_req *kr)
{
	return sad_lookup(kr->kr_nk, htonl(kr->kr_m.pm_sa.ps_spi), &kr->kr_m.pm_dst.pa_addr,
	    IPPROTO_ESP);
}

/* ---- into messages ---- */

static void
put_lifetime(struct pfkey_lifetime *pl, const struct sa_lifetime *lt)
{
	pl->pl_allocations = (uint32_t)(lt->lt_packets < UINT32_MAX ? lt->lt_packets : UINT32_MAX);
	pl->pl_bytes = lt->lt_bytes;
	pl->pl_addtime = lt->lt_add_s;
	pl->pl_usetime = lt->lt_use_s;
}

static void
put_times(struct pfkey_msg *m, const struct sa *sa)
{
	uint64_t packets = sa->sa_packets;

	m->pm_current.pl_allocations = (uint32_t)(packets < UINT32_MAX ? packets : UINT32_MAX);
	m->pm_current.pl_bytes = sa->sa_bytes;
	m->pm_current.pl_addtime = sa->sa_added;
	m->pm_current.pl_usetime = sa->sa_used;
	put_lifetime(&m->pm_hard, &sa->sa_hard);
	put_lifetime(&m->pm_soft, &sa->sa_soft);
	pfkey_set(m, SADB_EXT_LIFETIME_CURRENT);
	pfkey_set(m, SADB_EXT_LIFETIME_HARD);
	pfkey_set(m, SADB_EXT_LIFETIME_SOFT);
}

static void
put_keys(struct pfkey_msg *m, const struct sa *sa)
{
	if (sa->sa_ekeylen != 0) {
		m->pm_ekey = (struct pfkey_key){ (uint16_t)(sa->sa_ekeylen * 8), sa->sa_keys };
		pfkey_set(m, SADB_EXT_KEY_ENCRYPT);
	}
	if (sa->sa_akeylen != 0) {
		m->pm_akey = (struct pfkey_key){ (uint16_t)(sa->sa_akeylen * 8),
		    sa->sa_keys + sa->sa_ekeylen };
		pfkey_set(m, SADB_EXT_KEY_AUTH);
	}
}

static void
put_stats(struct pfkey_msg *m, const struct sa *sa)
{
	struct pfkey_stats *st = &m->pm_stats;
	uint64_t now = ipsec_clock(sa->sa_nk).now_ns;

	st->st_packets = sa->sa_packets;
	st->st_bytes = sa->sa_bytes;
	st->st_seq = sa->sa_seq > sa->sa_replay.rp_top ? sa->sa_seq : sa->sa_replay.rp_top;
	if (sa->sa_last_ns != 0)
		st->st_last = (uint64_t)ipsec_clock(sa->sa_nk).now_wall -
		    (now > sa->sa_last_ns ? (now - sa->sa_last_ns) / NSEC_PER_SEC : 0);
	for (unsigned i = 0; i < PFKEY_DROPS && i < SA_DROP_MAX; i++)
		st->st_drops[i] = sa->sa_drops[i];
	pfkey_set(m, PFKEY_EXT_STATS);
	if (sa->sa_flags & SA_F_IN)
		return;
	m->pm_pmtu = sa->sa_pmtu_found;
	m->pm_inner_mtu = sa->sa_inner_mtu;
	pfkey_set(m, PFKEY_EXT_PMTU);
}

/* What every message about an SA says. */
static void
put_id(struct pfkey_msg *m, const struct sa *sa)
{
	m->pm_sa.ps_spi = ntohl(sa->sa_spi);
	m->pm_sa.ps_state = sa->sa_state;
	m->pm_sa.ps_auth = (uint8_t)sa->sa_aalg;
	m->pm_sa.ps_encrypt = (uint8_t)sa->sa_ealg;
	m->pm_sa.ps_flags = (sa->sa_flags & SA_F_ESN) ? SADB_X_SAFLAGS_ESN : 0;
	pfkey_set_window(m, sa->sa_replay.rp_window);
	pfkey_set(m, SADB_EXT_SA);
	pfkey_set_ends(m, &sa->sa_src, &sa->sa_dst);
	m->pm_mode = sa->sa_mode;
	m->pm_reqid = sa->sa_reqid;
	pfkey_set(m, SADB_X_EXT_SA2);
}

void
key_fill_sa(struct pfkey_msg *m, struct sa *sa, unsigned flags)
{
	put_id(m, sa);
	put_times(m, sa);
	if (sa->sa_flags & SA_F_NATT)
		pfkey_set_natt(m, ntohs(sa->sa_natt_sport), ntohs(sa->sa_natt_dport));
	if (sa->sa_sel.sel_src.pr_addr.ad_af != 0) {
		m->pm_sel = (struct pfkey_selector){ sa->sa_sel.sel_src, sa->sa_sel.sel_dst,
		    sa->sa_sel.sel_sport, sa->sa_sel.sel_dport, sa->sa_sel.sel_proto };
		pfkey_set(m, PFKEY_EXT_SELECTOR);
	}
	pfkey_set_name(m, sa->sa_name);
	if (flags & KEY_WITH_KEYS)
		put_keys(m, sa);
	if (flags & KEY_WITH_STATS)
		put_stats(m, sa);
}

static void
tell_sa(struct key_req *kr, enum key_to to, struct sa *sa, unsigned flags)
{
	struct pfkey_msg m;

	key_reply_init(kr, &m);
	key_fill_sa(&m, sa, flags);
	key_send(kr->kr_nk, to, kr->kr_ks, &m);
}

/* ---- handlers ---- */

int
key_getspi(struct key_req *kr)
{
	const struct pfkey_msg *m = &kr->kr_m;
	uint32_t lo = SPI_MIN_DEFAULT, hi = SPI_MAX_DEFAULT;
	struct pfkey_msg r;
	struct sa *sa;
	int error;

	if ((error = esp_only(kr)) != 0)
		return error;
	if (PFKEY_HAS(m, SADB_EXT_SPIRANGE)) {
		lo = m->pm_spi_min;
		hi = m->pm_spi_max;
	}
	error = sad_getspi(kr->kr_nk, kr->kr_now, &m->pm_src.pa_addr, &m->pm_dst.pa_addr, lo, hi,
	    m->pm_reqid, mode_of(m), &sa);
	if (error != 0)
		return error;
	sa->sa_pid = m->pm_pid;
	sa->sa_seqno = m->pm_seq;
	if (PFKEY_HAS(m, PFKEY_EXT_NAME))
		memcpy(sa->sa_name, m->pm_name, sizeof(sa->sa_name));
	key_reply_init(kr, &r);
	put_id(&r, sa);
	key_send(kr->kr_nk, KEY_TO_ONE, kr->kr_ks, &r);
	return 0;
}

static void
changed(struct key_req *kr, struct sa *sa)
{
	take_pmtu(kr, sa);
	key_sa_changed(kr->kr_nk, sa->sa_reqid);
	tell_sa(kr, KEY_TO_ALL, sa, 0);
}

int
key_add(struct key_req *kr)
{
	struct sa_params pp;
	struct sa *sa;
	int error;

	if ((error = esp_only(kr)) != 0 || (error = params_of(kr, &pp)) != 0)
		return error;
	error = sad_add(kr->kr_nk, kr->kr_now, &pp, &kr->kr_why, &sa);
	if (error == 0)
		changed(kr, sa);
	return error;
}

/* Without a mode, that of the SA stays; a mature SA keeps what is not given. */
static void
keep(struct key_req *kr, struct sa_params *pp)
{
	const struct pfkey_msg *m = &kr->kr_m;
	const struct sa *sa = find(kr);

	if (sa == NULL)
		return;
	if (!PFKEY_HAS(m, SADB_X_EXT_SA2)) {
		pp->spp_mode = sa->sa_mode;
		pp->spp_reqid = sa->sa_reqid;
	}
	if (sa->sa_state == SA_LARVAL)
		return;
	if (!PFKEY_HAS(m, SADB_EXT_KEY_AUTH) && !PFKEY_HAS(m, SADB_EXT_KEY_ENCRYPT))
		pp->spp_ealg = 0;
	if (!PFKEY_HAS(m, SADB_EXT_LIFETIME_HARD))
		pp->spp_hard = sa->sa_hard;
	if (!PFKEY_HAS(m, SADB_EXT_LIFETIME_SOFT))
		pp->spp_soft = sa->sa_soft;
	if (!PFKEY_HAS(m, SADB_X_EXT_NAT_T_TYPE) && (sa->sa_flags & SA_F_NATT)) {
		pp->spp_flags |= SA_F_NATT;
		pp->spp_natt_sport = sa->sa_natt_sport;
		pp->spp_natt_dport = sa->sa_natt_dport;
	}
}

int
key_update(struct key_req *kr)
{
	struct sa_params pp;
	struct sa *sa;
	int error;

	if ((error = esp_only(kr)) != 0 || (error = params_of(kr, &pp)) != 0)
		return error;
	keep(kr, &pp);
	error = sad_update(kr->kr_nk, kr->kr_now, &pp, &kr->kr_why, &sa);
	if (error == 0)
		changed(kr, sa);
	return error;
}

int
key_delete(struct key_req *kr)
{
	struct pfkey_msg m;
	struct sa *sa;
	int error;

	if ((error = esp_only(kr)) != 0)
		return error;
	if ((sa = find(kr)) == NULL)
		return ESRCH;
	key_reply_init(kr, &m);
	put_id(&m, sa);
	key_sa_changed(kr->kr_nk, sa->sa_reqid);
	sad_delete(kr->kr_nk, sa);
	key_send(kr->kr_nk, KEY_TO_ALL, kr->kr_ks, &m);
	return 0;
}

int
key_get(struct key_req *kr)
{
	struct sa *sa;
	int error;

	if ((error = esp_only(kr)) != 0)
		return error;
	if ((sa = find(kr)) == NULL)
		return ESRCH;
	tell_sa(kr, KEY_TO_ONE, sa, KEY_WITH_KEYS | KEY_WITH_STATS);
	return 0;
}

int
key_flush(struct key_req *kr)
{
	struct pfkey_msg m;

	if (kr->kr_m.pm_satype == SADB_SATYPE_UNSPEC || kr->kr_m.pm_satype == SADB_SATYPE_ESP)
		sad_flush(kr->kr_nk, 0);
	key_sa_changed(kr->kr_nk, UINT32_MAX);
	key_reply_init(kr, &m);
	key_send(kr->kr_nk, KEY_TO_ALL, kr->kr_ks, &m);
	return 0;
}
