/* SPDX-License-Identifier: ISC */
/*
 * The ike process and the key socket (RFC 2367): what the IKE core wants
 * of the SAD goes out as messages, whose answers and the kernel's own
 * ACQUIRE and EXPIRE come back to the core.  Nothing here waits.
 *
 * The sequence number of a message is the core's ac_id; answers that carry
 * another process's number, or an id that the core has forgotten, change
 * nothing.
 *
 * A former iked may have left SAs behind, which still carry traffic: they
 * are listed when the socket is attached, and those of a reqid are removed
 * some time after this iked has made new ones for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include "ikeproc.h"
#include "libalg/alg.h"
#include "libutil/log.h"

#define SPI_MIN		0x100		/* RFC 4303 section 2.1 */
#define SPI_MAX		0xffffffff
#define STALE_WAIT_MS	10000
#define STALE_MAX	200000
#define REFUSAL_MS	10000		/* how often one is logged ... */
#define REFUSAL_BURST	20		/* ... but for so many */
#define SEEN_SEQ	UINT32_MAX	/* of a SADB_GET; ids of the core are random */

struct stale_sa {
	uint32_t	ss_spi;
	uint32_t	ss_reqid;
	struct addr	ss_src, ss_dst;
	uint64_t	ss_end;		/* remove then; 0: not replaced yet */
};

/* An SA of a peer without SPD entries of its own, without the keys. */
struct dynamic {
	struct ike_esp_sa	 dy_sa;
	struct dynamic		*dy_next;
};

void
kernel_stale(struct ikeproc *ip, const struct pfkey_msg *m)
{
	struct stale_sa *list;

	if (m->pm_reqid == 0 || ip->ip_nstale >= STALE_MAX)
		return;		/* manual, or not ours */
	if ((ip->ip_nstale & (ip->ip_nstale - 1)) == 0) {
		size_t room = ip->ip_nstale == 0 ? 1 : 2 * ip->ip_nstale;

		if ((list = reallocarray(ip->ip_stale, room,
		    sizeof(*list))) == NULL)
			return;
		ip->ip_stale = list;
	}
	ip->ip_stale[ip->ip_nstale++] = (struct stale_sa){
		.ss_spi = m->pm_sa.ps_spi, .ss_reqid = m->pm_reqid,
		.ss_src = m->pm_src.pa_addr, .ss_dst = m->pm_dst.pa_addr,
	};
}

/* ---- from the core ------------------------------------------------ */

void
kernel_getspi(struct ikeproc *ip, uint32_t id, const struct ike_getspi *gs)
{
	struct pfkey_msg m;

	pfkey_init(&m, SADB_GETSPI, SADB_SATYPE_ESP);
	pfkey_set_ends(&m, &gs->gs_src, &gs->gs_dst);
	m.pm_spi_min = SPI_MIN;
	m.pm_spi_max = SPI_MAX;
	m.pm_mode = gs->gs_mode == IKE_MODE_TUNNEL ? IPSEC_MODE_TUNNEL :
	    IPSEC_MODE_TRANSPORT;
	m.pm_reqid = gs->gs_reqid;
	pfkey_set(&m, SADB_EXT_SPIRANGE);
	pfkey_set(&m, SADB_X_EXT_SA2);
	m.pm_seq = id;
	if (ip->ip_io->io_key_send(ip->ip_io->io_arg, &m) != 0)
		ike_getspi_reply(ip->ip_ike, ikeproc_now(ip), id, 0);
}

static void
set_lifetime(struct pfkey_msg *m, const struct ike_esp_sa *sa)
{
	m->pm_hard.pl_addtime = sa->sa_hard_s;
	m->pm_hard.pl_bytes = sa->sa_hard_bytes;
	m->pm_soft.pl_addtime = sa->sa_soft_s;
	m->pm_soft.pl_bytes = sa->sa_soft_bytes;
	pfkey_set(m, SADB_EXT_LIFETIME_HARD);
	pfkey_set(m, SADB_EXT_LIFETIME_SOFT);
}

static bool
set_keys(struct pfkey_msg *m, const struct ike_esp_sa *sa)
{
	const struct alg *encr = alg_by_ike(ALG_ENCR, sa->sa_encr,
	    sa->sa_encr_bits);
	const struct alg *integ = sa->sa_integ == IKE_INTEG_NONE ? NULL :
	    alg_by_ike(ALG_INTEG, sa->sa_integ, 0);

	if (encr == NULL || encr->al_sadb == 0 ||
	    (sa->sa_integ != IKE_INTEG_NONE &&
	    (integ == NULL || integ->al_sadb == 0)))
		return false;
	m->pm_sa.ps_encrypt = (uint8_t)encr->al_sadb;
	if (sa->sa_encr_len != 0) {
		m->pm_ekey.pk_bits = (uint16_t)(sa->sa_encr_len * 8);
		m->pm_ekey.pk_data = sa->sa_encr_key;
		pfkey_set(m, SADB_EXT_KEY_ENCRYPT);
	}
	if (integ != NULL) {
		m->pm_sa.ps_auth = (uint8_t)integ->al_sadb;
		m->pm_akey.pk_bits = (uint16_t)(sa->sa_integ_len * 8);
		m->pm_akey.pk_data = sa->sa_integ_key;
		pfkey_set(m, SADB_EXT_KEY_AUTH);
	}
	return true;
}

static void
set_sa(struct pfkey_msg *m, const struct ike_esp_sa *sa)
{
	pfkey_set_ends(m, &sa->sa_src, &sa->sa_dst);
	m->pm_sa.ps_spi = sa->sa_spi;
	m->pm_sa.ps_state = SADB_SASTATE_MATURE;
	if (sa->sa_esn)
		m->pm_sa.ps_flags |= SADB_X_SAFLAGS_ESN;
	pfkey_set(m, SADB_EXT_SA);
	pfkey_set_window(m, sa->sa_replay);
	m->pm_mode = sa->sa_mode == IKE_MODE_TUNNEL ? IPSEC_MODE_TUNNEL :
	    IPSEC_MODE_TRANSPORT;
	m->pm_reqid = sa->sa_reqid;
	pfkey_set(m, SADB_X_EXT_SA2);
	if (sa->sa_natt)
		pfkey_set_natt(m, sa->sa_sport, sa->sa_dport);
	if (!sa->sa_inbound) {
		m->pm_pmtu = sa->sa_pmtu;
		pfkey_set(m, PFKEY_EXT_PMTU);
	}
	pfkey_set_name(m, sa->sa_child);
}

/* ---- the SPD entries of peers whose address is not known beforehand --- */

/* A range as a prefix; false if it is none. */
static bool
ts_prefix(const struct ike_ts *ts, struct prefix *out)
{
	struct prefix p = { .pr_addr = ts->ts_lo };
	unsigned bits = addr_bits(&ts->ts_lo);

	for (unsigned len = 0; len <= bits; len++) {
		struct addr lo = ts->ts_lo, hi = ts->ts_hi, last = ts->ts_lo;

		addr_mask(&lo, len);
		addr_mask(&hi, len);
		for (unsigned b = len; b < bits; b++)
			last.ad_bytes[b / 8] |= (uint8_t)(0x80u >> b % 8);
		if (addr_equal(&lo, &hi) && addr_equal(&lo, &ts->ts_lo) &&
		    addr_equal(&last, &ts->ts_hi)) {
			p.pr_len = (uint8_t)len;
			*out = p;
			return true;
		}
	}
	return false;
}

static void
spd_entry(struct ikeproc *ip, uint8_t type, const struct ike_esp_sa *sa,
    const struct ike_ts *from, const struct ike_ts *to)
{
	struct pfkey_selector sel = {
		.sel_sport = from->ts_port, .sel_dport = to->ts_port,
		.sel_proto = from->ts_proto != 0 ? from->ts_proto : to->ts_proto,
	};
	struct pfkey_msg m;
	struct pfkey_request *pr = &m.pm_policy.pp_req[0];

	if (!ts_prefix(from, &sel.sel_src) || !ts_prefix(to, &sel.sel_dst) ||
	    sel.sel_src.pr_addr.ad_af != sel.sel_dst.pr_addr.ad_af)
		return;		/* the SA's own selectors still hold */
	pfkey_init(&m, type, SADB_SATYPE_UNSPEC);
	pfkey_set_selector(&m, &sel);
	m.pm_policy.pp_type = IPSEC_POLICY_IPSEC;
	m.pm_policy.pp_dir = sa->sa_inbound ? IPSEC_DIR_INBOUND :
	    IPSEC_DIR_OUTBOUND;
	m.pm_policy.pp_nreq = 1;
	pr->pr_proto = IPPROTO_ESP;
	pr->pr_mode = sa->sa_mode == IKE_MODE_TUNNEL ? IPSEC_MODE_TUNNEL :
	    IPSEC_MODE_TRANSPORT;
	pr->pr_level = IPSEC_LEVEL_UNIQUE;
	pr->pr_reqid = sa->sa_reqid;
	if (sa->sa_mode == IKE_MODE_TUNNEL) {
		pr->pr_src = sa->sa_src;
		pr->pr_dst = sa->sa_dst;
	}
	pfkey_set(&m, SADB_X_EXT_POLICY);
	pfkey_set_name(&m, sa->sa_child);
	kernel_tell(ip, &m);
}

static void
dynamic_entries(struct ikeproc *ip, uint8_t type, const struct ike_esp_sa *sa)
{
	const struct ike_ts_list *from = sa->sa_inbound ? &sa->sa_remote :
	    &sa->sa_local;
	const struct ike_ts_list *to = sa->sa_inbound ? &sa->sa_local :
	    &sa->sa_remote;

	for (unsigned i = 0; i < from->tl_n; i++)
		for (unsigned j = 0; j < to->tl_n; j++)
			spd_entry(ip, type, sa, &from->tl_ts[i], &to->tl_ts[j]);
}

void
kernel_register(struct ikeproc *ip)
{
	struct pfkey_msg m;

	pfkey_init(&m, SADB_REGISTER, SADB_SATYPE_ESP);
	kernel_tell(ip, &m);
	/* A network kernel that was started again has lost these. */
	for (const struct dynamic *d = ip->ip_dynamic; d != NULL; d = d->dy_next)
		dynamic_entries(ip, SADB_X_SPDUPDATE, &d->dy_sa);
}

static struct dynamic **
dynamic_find(struct ikeproc *ip, uint32_t spi, bool inbound)
{
	struct dynamic **d = &ip->ip_dynamic;

	while (*d != NULL && ((*d)->dy_sa.sa_spi != spi ||
	    (*d)->dy_sa.sa_inbound != inbound))
		d = &(*d)->dy_next;
	return d;
}

/* The successor of a rekeyed SA takes its entries over. */
static void
dynamic_add(struct ikeproc *ip, const struct ike_esp_sa *sa)
{
	struct dynamic *d;

	if (!sa->sa_dynamic)
		return;
	if (sa->sa_replaces != 0 &&
	    (d = *dynamic_find(ip, sa->sa_replaces, sa->sa_inbound)) != NULL) {
		d->dy_sa.sa_spi = sa->sa_spi;
		return;
	}
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return;		/* without its entry the SA carries nothing */
	d->dy_sa = *sa;
	explicit_bzero(d->dy_sa.sa_encr_key, sizeof(d->dy_sa.sa_encr_key));
	explicit_bzero(d->dy_sa.sa_integ_key, sizeof(d->dy_sa.sa_integ_key));
	d->dy_next = ip->ip_dynamic;
	ip->ip_dynamic = d;
	dynamic_entries(ip, SADB_X_SPDUPDATE, &d->dy_sa);
}

static void
dynamic_delete(struct ikeproc *ip, uint32_t spi, bool inbound)
{
	struct dynamic **at = dynamic_find(ip, spi, inbound), *d = *at;

	if (d == NULL)
		return;
	*at = d->dy_next;
	dynamic_entries(ip, SADB_X_SPDDELETE, &d->dy_sa);
	free(d);
}

static void
stale_replaced(struct ikeproc *ip, uint32_t reqid)
{
	for (size_t i = 0; i < ip->ip_nstale; i++)
		if (ip->ip_stale[i].ss_reqid == reqid &&
		    ip->ip_stale[i].ss_end == 0) {
			ip->ip_stale[i].ss_end = ikeproc_now(ip) + STALE_WAIT_MS;
			if (ip->ip_stale[i].ss_end < ip->ip_stale_end)
				ip->ip_stale_end = ip->ip_stale[i].ss_end;
		}
}

void
kernel_sa_add(struct ikeproc *ip, uint32_t id, const struct ike_esp_sa *sa)
{
	struct pfkey_msg m;

	pfkey_init(&m, sa->sa_inbound ? SADB_UPDATE : SADB_ADD,
	    SADB_SATYPE_ESP);
	set_sa(&m, sa);
	set_lifetime(&m, sa);
	if (!set_keys(&m, sa)) {
		ike_sa_failed(ip->ip_ike, ikeproc_now(ip), id);
		return;
	}
	/* The entry is there before the SA can carry a packet of it. */
	dynamic_add(ip, sa);
	m.pm_seq = id;
	if (ip->ip_io->io_key_send(ip->ip_io->io_arg, &m) != 0)
		ike_sa_failed(ip->ip_ike, ikeproc_now(ip), id);
	stale_replaced(ip, sa->sa_reqid);
	explicit_bzero(&m, sizeof(m));
}

void
kernel_sa_move(struct ikeproc *ip, const struct ike_esp_sa *sa)
{
	struct pfkey_msg m;

	pfkey_init(&m, SADB_UPDATE, SADB_SATYPE_ESP);
	set_sa(&m, sa);
	kernel_tell(ip, &m);
}

static void
sa_delete(struct ikeproc *ip, uint32_t spi, const struct addr *src,
    const struct addr *dst)
{
	struct pfkey_msg m;

	pfkey_init(&m, SADB_DELETE, SADB_SATYPE_ESP);
	pfkey_set_ends(&m, src, dst);
	m.pm_sa.ps_spi = spi;
	pfkey_set(&m, SADB_EXT_SA);
	kernel_tell(ip, &m);
}

void
kernel_sa_delete(struct ikeproc *ip, const struct ike_sa_ref *sr)
{
	dynamic_delete(ip, sr->sr_spi, sr->sr_inbound);
	sa_delete(ip, sr->sr_spi, &sr->sr_src, &sr->sr_dst);
}

/* A question whose answer may be lost: then the peer is asked instead. */
void
kernel_seen(struct ikeproc *ip, const struct ike_sa_ref *sr)
{
	struct pfkey_msg m;

	pfkey_init(&m, SADB_GET, SADB_SATYPE_ESP);
	pfkey_set_ends(&m, &sr->sr_src, &sr->sr_dst);
	m.pm_sa.ps_spi = sr->sr_spi;
	pfkey_set(&m, SADB_EXT_SA);
	m.pm_seq = SEEN_SEQ;
	(void)ip->ip_io->io_key_send(ip->ip_io->io_arg, &m);
}

void
kernel_timer(struct ikeproc *ip, uint64_t now)
{
	size_t kept = 0;

	later_timer(ip, now);
	if (now < ip->ip_stale_end)
		return;
	ip->ip_stale_end = UINT64_MAX;
	for (size_t i = 0; i < ip->ip_nstale; i++) {
		struct stale_sa *s = &ip->ip_stale[i];

		if (s->ss_end != 0 && s->ss_end <= now) {
			sa_delete(ip, s->ss_spi, &s->ss_src, &s->ss_dst);
			continue;
		}
		if (s->ss_end != 0 && s->ss_end < ip->ip_stale_end)
			ip->ip_stale_end = s->ss_end;
		ip->ip_stale[kept++] = *s;
	}
	ip->ip_nstale = kept;
}

uint64_t
kernel_deadline(const struct ikeproc *ip)
{
	uint64_t stale = ip->ip_nstale == 0 ? UINT64_MAX : ip->ip_stale_end,
	    later = later_deadline(ip);

	return stale < later ? stale : later;
}

/* ---- from the kernel ---------------------------------------------- */

static uint32_t
acquire_reqid(const struct pfkey_msg *m)
{
	if (PFKEY_HAS(m, SADB_X_EXT_SA2) && m->pm_reqid != 0)
		return m->pm_reqid;
	if (PFKEY_HAS(m, SADB_X_EXT_POLICY) && m->pm_policy.pp_nreq != 0)
		return m->pm_policy.pp_req[0].pr_reqid;
	return 0;
}

static void
from_acquire(struct ikeproc *ip, const struct pfkey_msg *m)
{
	struct ike_acquire aq = { .aq_reqid = acquire_reqid(m),
	    .aq_seq = m->pm_seq };

	if (PFKEY_HAS(m, PFKEY_EXT_PACKET)) {
		aq.aq_src = m->pm_packet.sel_src.pr_addr;
		aq.aq_dst = m->pm_packet.sel_dst.pr_addr;
		aq.aq_sport = m->pm_packet.sel_sport.po_lo;
		aq.aq_dport = m->pm_packet.sel_dport.po_lo;
		aq.aq_proto = m->pm_packet.sel_proto;
	}
	if (!ike_acquire(ip->ip_ike, ikeproc_now(ip), &aq))
		log_debug("no rule for an ACQUIRE of reqid %u", aq.aq_reqid);
}

/* Another program has removed an SA; if it is ours, its pair is at an end. */
static void
from_other(struct ikeproc *ip, const struct pfkey_msg *m)
{
	if (m->pm_errno == 0 && m->pm_pid != ip->ip_pid)
		(void)ike_expire(ip->ip_ike, ikeproc_now(ip), m->pm_sa.ps_spi,
		    &m->pm_dst.pa_addr, true);
}

struct flushed {
	uint32_t	*fl_spi;
	struct addr	*fl_dst;
	size_t		 fl_n, fl_room;
};

static void
flushed_one(void *arg, const struct ike_status *st)
{
	struct flushed *fl = arg;

	if (st->st_state != IKE_ST_UP || fl->fl_n == fl->fl_room)
		return;
	fl->fl_spi[fl->fl_n] = st->st_spi_out;
	fl->fl_dst[fl->fl_n++] = st->st_peer;
}

static void
count_lines(void *arg, const struct ike_status *st)
{
	(void)st;
	++*(size_t *)arg;
}

/* Another program has removed all SAs. */
static void
from_flush(struct ikeproc *ip, const struct pfkey_msg *m)
{
	struct flushed fl = { .fl_n = 0 };

	if (m->pm_errno != 0 || m->pm_pid == ip->ip_pid)
		return;
	ike_status(ip->ip_ike, ikeproc_now(ip), count_lines, &fl.fl_room);
	fl.fl_spi = calloc(fl.fl_room + 1, sizeof(*fl.fl_spi));
	fl.fl_dst = calloc(fl.fl_room + 1, sizeof(*fl.fl_dst));
	if (fl.fl_spi != NULL && fl.fl_dst != NULL)
		ike_status(ip->ip_ike, ikeproc_now(ip), flushed_one, &fl);
	if (fl.fl_n != 0)
		log_warn("the SAs were flushed: %zu are made anew", fl.fl_n);
	for (size_t i = 0; i < fl.fl_n; i++)
		(void)ike_expire(ip->ip_ike, ikeproc_now(ip), fl.fl_spi[i],
		    &fl.fl_dst[i], true);
	free(fl.fl_spi);
	free(fl.fl_dst);
}

static uint64_t
replayed(const struct pfkey_stats *st)
{
	for (unsigned i = 0; i < PFKEY_DROPS && pfkey_drop_name(i) != NULL; i++)
		if (strcmp(pfkey_drop_name(i), "replay") == 0)
			return st->st_drops[i];
	return 0;
}

/* Dates are whole seconds: a packet may be one older than it looks. */
static void
from_seen(struct ikeproc *ip, const struct pfkey_msg *m)
{
	int64_t last = (int64_t)m->pm_stats.st_last,
	    date = ip->ip_io->io_date(ip->ip_io->io_arg);

	if (m->pm_errno != 0 || !PFKEY_HAS(m, PFKEY_EXT_STATS))
		return;
	ike_counted(ip->ip_ike, ikeproc_now(ip), m->pm_sa.ps_spi,
	    m->pm_stats.st_packets, replayed(&m->pm_stats));
	if (last == 0)
		return;
	ike_seen(ip->ip_ike, ikeproc_now(ip), m->pm_sa.ps_spi,
	    date <= last ? 0 : (uint64_t)(date - last) * 1000);
}

static void
from_answer(struct ikeproc *ip, const struct pfkey_msg *m)
{
	if (m->pm_pid != ip->ip_pid || m->pm_seq == 0)
		return;
	switch (m->pm_type) {
	case SADB_GETSPI:
		ike_getspi_reply(ip->ip_ike, ikeproc_now(ip), m->pm_seq,
		    m->pm_errno != 0 || !PFKEY_HAS(m, SADB_EXT_SA) ? 0 :
		    m->pm_sa.ps_spi);
		break;
	case SADB_GET:
		from_seen(ip, m);
		break;
	case SADB_ADD:
	case SADB_UPDATE:
		if (m->pm_errno == 0)
			break;
		/* SPIs are of the peer's choice; the event (SYS-01) says whose. */
		log_at(bucket_take(&ip->ip_refusals, ikeproc_now(ip),
		    REFUSAL_MS, REFUSAL_BURST) ? LOG_ERR : LOG_DEBUG,
		    "the network kernel refused an SA: %s",
		    strerror(m->pm_errno));
		ike_sa_failed(ip->ip_ike, ikeproc_now(ip), m->pm_seq);
		break;
	}
}

void
kernel_message(struct ikeproc *ip, const struct pfkey_msg *m)
{
	switch (m->pm_type) {
	case SADB_ACQUIRE:
		if (m->pm_errno == 0)
			from_acquire(ip, m);
		break;
	case SADB_EXPIRE:
		(void)ike_expire(ip->ip_ike, ikeproc_now(ip), m->pm_sa.ps_spi,
		    &m->pm_dst.pa_addr, PFKEY_HAS(m, SADB_EXT_LIFETIME_HARD));
		break;
	case SADB_DELETE:
		from_other(ip, m);
		break;
	case SADB_FLUSH:
		from_flush(ip, m);
		break;
	default:
		from_answer(ip, m);
	}
}

void
kernel_fini(struct ikeproc *ip)
{
	struct dynamic *d;

	while ((d = ip->ip_dynamic) != NULL) {
		ip->ip_dynamic = d->dy_next;
		free(d);
	}
	later_fini(ip);
	free(ip->ip_stale);
	ip->ip_stale = NULL;
	ip->ip_nstale = 0;
}
