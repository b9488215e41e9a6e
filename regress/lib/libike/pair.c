/* SPDX-License-Identifier: ISC */
/*
 * Two endpoints joined (pair.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libike/ike_auth.h"
#include "pair.h"

#define PSK	"correct horse battery staple"

enum note_type { NOTE_DATAGRAM, NOTE_SPI, NOTE_SIGN, NOTE_VERIFY };

struct pair_note {
	struct pair_note	*no_next;
	enum note_type		 no_type;
	int			 no_to;
	struct ike_datagram	 no_dg;
	uint32_t		 no_id, no_spi;
	bool			 no_ok;
	size_t			 no_len;
	uint8_t			 no_bytes[];
};

static uint64_t
splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void
end_random(void *arg, void *buf, size_t n)
{
	struct pair_end *pe = arg;
	uint8_t *p = buf;

	while (n-- > 0)
		*p++ = (uint8_t)splitmix(&pe->pe_rand);
}

void
pair_init(struct pair *pa, uint64_t seed)
{
	struct ike_conf cf;

	memset(pa, 0, sizeof(*pa));
	pa->pa_now = 1000;
	pa->pa_last = &pa->pa_first;
	for (int i = 0; i < 2; i++) {
		struct pair_end *pe = &pa->pa_end[i];

		pe->pe_rand = splitmix(&seed);
		pe->pe_next_spi = (uint32_t)(i + 1) << 24;
		ike_conf_default(&cf);
		cf.cf_arg = pe;
		cf.cf_random = end_random;
		cf.cf_cookie_all = cf.cf_cookie_peer = UINT32_MAX;
		cf.cf_halfopen_max = cf.cf_halfopen_peer_max = UINT32_MAX;
		cf.cf_liveness_ms = 0;
		if ((pe->pe_ike = ike_new(&cf, pa->pa_now)) == NULL)
			abort();
	}
}

void
pair_free(struct pair *pa)
{
	struct pair_note *no;

	while ((no = pa->pa_first) != NULL) {
		pa->pa_first = no->no_next;
		free(no);
	}
	for (int i = 0; i < 2; i++)
		ike_free(pa->pa_end[i].pe_ike);
}

static struct pair_note *
note_new(struct pair *pa, enum note_type type, int to, uint32_t id,
    const void *p, size_t n)
{
	struct pair_note *no = calloc(1, sizeof(*no) + n);

	if (no == NULL)
		abort();
	no->no_type = type;
	no->no_to = to;
	no->no_id = id;
	no->no_len = n;
	if (n != 0)
		memcpy(no->no_bytes, p, n);
	*pa->pa_last = no;
	pa->pa_last = &no->no_next;
	return no;
}

/* ------------------------------------------------- what an end wants done */

static void
trace(struct pair_end *pe, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n-- != 0)
		pe->pe_trace = (pe->pe_trace ^ *b++) * 1099511628211u;
}

static void
trace_u64(struct pair_end *pe, uint64_t v)
{
	trace(pe, &v, sizeof(v));
}

static void
for_peer(struct pair_end *pe, const struct addr *a)
{
	uint32_t n = (uint32_t)a->ad_bytes[2] << 8 | a->ad_bytes[3];

	if (pe->pe_peer != 0 && n != pe->pe_peer)
		pe->pe_others++;
}

static void
do_send(struct pair *pa, int i, const struct ike_datagram *dg)
{
	struct pair_end *pe = &pa->pa_end[i];
	struct pair_note *no;

	pe->pe_sent++;
	trace(pe, dg->dg_data, dg->dg_len);
	trace(pe, &dg->dg_remote, sizeof(dg->dg_remote));
	for_peer(pe, i == 0 ? &dg->dg_remote : &dg->dg_local);
	if (pa->pa_cut || dg->dg_keepalive)
		return;
	no = note_new(pa, NOTE_DATAGRAM, 1 - i, 0, dg->dg_data, dg->dg_len);
	no->no_dg = (struct ike_datagram){ .dg_local = dg->dg_remote,
	    .dg_remote = dg->dg_local, .dg_lport = dg->dg_rport,
	    .dg_rport = dg->dg_lport, .dg_natt = dg->dg_natt };
}

static void
do_auth(struct pair *pa, int i, const struct ike_action *a)
{
	const struct ike_auth_req *ar = &a->ac_auth;
	uint8_t auth[64];
	size_t n;

	if (a->ac_type == IKE_ACT_AUTH_SIGN) {
		n = ike_auth_psk(ar->ar_prf, PSK, strlen(PSK), ar->ar_octets,
		    ar->ar_octets_len, auth);
		(void)note_new(pa, NOTE_SIGN, i, a->ac_id, auth, n);
		return;
	}
	note_new(pa, NOTE_VERIFY, i, a->ac_id, NULL, 0)->no_ok =
	    ike_auth_psk_verify(ar->ar_prf, PSK, strlen(PSK), ar->ar_octets,
	    ar->ar_octets_len, ar->ar_auth, ar->ar_auth_len);
}

static void
do_sa(struct pair_end *pe, const struct ike_esp_sa *sa)
{
	pe->pe_added++;
	trace_u64(pe, sa->sa_spi);
	trace_u64(pe, sa->sa_reqid);
	trace(pe, sa->sa_encr_key, sizeof(sa->sa_encr_key));
	for_peer(pe, pe->pe_next_spi >> 24 == 1 ?
	    sa->sa_inbound ? &sa->sa_src : &sa->sa_dst :
	    sa->sa_inbound ? &sa->sa_dst : &sa->sa_src);
}

static void
do_event(struct pair_end *pe, const struct ike_event *ev)
{
	pe->pe_events++;
	trace_u64(pe, ev->ev_type);
	trace_u64(pe, ev->ev_reason);
	trace(pe, ev->ev_policy, strlen(ev->ev_policy));
	trace(pe, ev->ev_child, strlen(ev->ev_child));
	trace(pe, ev->ev_text, strlen(ev->ev_text));
}

static void
act(struct pair *pa, int i, const struct ike_action *a)
{
	struct pair_end *pe = &pa->pa_end[i];

	trace_u64(pe, a->ac_type);
	switch (a->ac_type) {
	case IKE_ACT_SEND:
		do_send(pa, i, &a->ac_send);
		break;
	case IKE_ACT_GETSPI:
		note_new(pa, NOTE_SPI, i, a->ac_id, NULL, 0)->no_spi =
		    ++pe->pe_next_spi;
		break;
	case IKE_ACT_SA_ADD:
		do_sa(pe, &a->ac_sa);
		break;
	case IKE_ACT_SA_DELETE:
		pe->pe_deleted++;
		trace_u64(pe, a->ac_del.sr_spi);
		break;
	case IKE_ACT_AUTH_SIGN:
	case IKE_ACT_AUTH_VERIFY:
		do_auth(pa, i, a);
		break;
	case IKE_ACT_EVENT:
		do_event(pe, &a->ac_event);
		break;
	case IKE_ACT_SA_MOVE:
	case IKE_ACT_SEEN:
		break;
	}
}

static void
drain(struct pair *pa, int i)
{
	struct ike_action a;

	while (ike_next(pa->pa_end[i].pe_ike, &a))
		act(pa, i, &a);
}

/* ------------------------------------------------------------------ time */

static void
note_take(struct pair *pa, struct pair_note *no)
{
	struct ike *ike = pa->pa_end[no->no_to].pe_ike;

	switch (no->no_type) {
	case NOTE_DATAGRAM:
		no->no_dg.dg_data = no->no_bytes;
		no->no_dg.dg_len = no->no_len;
		ike_input(ike, pa->pa_now, &no->no_dg);
		break;
	case NOTE_SPI:
		ike_getspi_reply(ike, pa->pa_now, no->no_id, no->no_spi);
		break;
	case NOTE_SIGN:
		ike_sign_reply(ike, pa->pa_now, no->no_id, no->no_len != 0,
		    no->no_bytes, no->no_len);
		break;
	case NOTE_VERIFY:
		ike_verify_reply(ike, pa->pa_now, no->no_id, no->no_ok ?
		    IKE_VERIFY_OK : IKE_VERIFY_BAD);
		break;
	}
	drain(pa, no->no_to);
}

void
pair_settle(struct pair *pa)
{
	struct pair_note *no;

	for (int i = 0; i < 2; i++) {
		ike_timer(pa->pa_end[i].pe_ike, pa->pa_now);
		drain(pa, i);
	}
	while ((no = pa->pa_first) != NULL) {
		if ((pa->pa_first = no->no_next) == NULL)
			pa->pa_last = &pa->pa_first;
		note_take(pa, no);
		free(no);
	}
}

void
pair_run(struct pair *pa, uint64_t ms)
{
	uint64_t until = pa->pa_now + ms;

	for (;;) {
		uint64_t next = until;

		pair_settle(pa);
		for (int i = 0; i < 2; i++)
			if (ike_deadline(pa->pa_end[i].pe_ike) < next)
				next = ike_deadline(pa->pa_end[i].pe_ike);
		if (pa->pa_now >= until)
			return;
		pa->pa_now = next > pa->pa_now ? next : pa->pa_now + 1;
	}
}

/* -------------------------------------------------------------- policies */

void
pair_peer(unsigned n, struct addr *out)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "198.18.%u.%u", n / 256 % 256,
	    n % 256);
	if (!addr_parse(text, out))
		abort();
}

static void
selector(struct ike_ts_list *tl, const char *fmt, unsigned n)
{
	char text[40];
	struct prefix p;

	(void)snprintf(text, sizeof(text), fmt, n / 256 % 256, n % 256);
	if (!prefix_parse(text, &p))
		abort();
	tl->tl_n = 1;
	ike_ts_from_prefix(&p, &tl->tl_ts[0]);
}

void
pair_policy(struct pair_policy *pp, int i, unsigned n)
{
	struct ike_policy *po = &pp->pp_policy;
	struct ike_child_conf *ch = &pp->pp_child;
	struct addr us, peer;

	memset(pp, 0, sizeof(*pp));
	(void)addr_parse("192.0.2.1", &us);
	pair_peer(n, &peer);
	(void)snprintf(po->po_name, sizeof(po->po_name), "t%u", n);
	po->po_local = i == 0 ? us : peer;
	po->po_peer.pr_addr = i == 0 ? peer : us;
	po->po_peer.pr_len = 32;
	po->po_nchildren = 1;
	po->po_children = ch;
	(void)snprintf(ch->ch_name, sizeof(ch->ch_name), "net");
	ch->ch_reqid = n + 1;
	ch->ch_start = i == 0 ? IKE_START_ACTIVE : IKE_START_PASSIVE;
	selector(i == 0 ? &ch->ch_local : &ch->ch_remote, "10.%u.%u.0/24", n);
	selector(i == 0 ? &ch->ch_remote : &ch->ch_local, "172.%u.%u.0/24",
	    n + 16 * 256);
}
