/* SPDX-License-Identifier: ISC */
/*
 * The world of the tests of libike (see world.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libike/ike_auth.h"
#include "world.h"

enum event_type { EV_DATAGRAM, EV_SPI, EV_SIGN, EV_VERIFY, EV_PACKET };

struct world_event {
	struct world_event	*ev_next;
	uint64_t		 ev_at, ev_order;
	enum event_type		 ev_type;
	int			 ev_to;
	struct ike_datagram	 ev_dg;
	uint32_t		 ev_id, ev_spi;
	enum ike_verify		 ev_verify;
	struct ike_esp_sa	 ev_sa;		/* EV_PACKET: sealed with */
	size_t			 ev_len;
	uint8_t			 ev_bytes[];
};

static uint64_t
splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t
world_random(struct world *w)
{
	return splitmix(&w->w_rand);
}

static bool
chance(struct world *w, unsigned percent)
{
	return percent != 0 && world_random(w) % 100 < percent;
}

static uint64_t
up_to(struct world *w, unsigned ms)
{
	return ms == 0 ? 0 : world_random(w) % ms;
}

static void
end_random(void *arg, void *buf, size_t n)
{
	struct world_end *we = arg;
	uint8_t *p = buf;

	while (n-- > 0)
		*p++ = (uint8_t)splitmix(&we->we_rand);
}

static void
end_log(void *arg, int level, const char *line)
{
	struct world_end *we = arg;

	if (we->we_world->w_verbose)
		printf("%8llu %d: <%d> %s\n",
		    (unsigned long long)we->we_world->w_now, we->we_index,
		    level, line);
}

void
world_conf(struct world *w, int i, struct ike_conf *cf)
{
	cf->cf_arg = &w->w_end[i];
	cf->cf_random = end_random;
	cf->cf_log = end_log;
}

void
world_init(struct world *w, uint64_t seed, const struct ike_conf *conf)
{
	struct ike_conf cf;

	memset(w, 0, sizeof(*w));
	w->w_seed = w->w_rand = seed;
	w->w_now = 1000;
	w->w_wire.wi_delay_ms = 10;
	(void)addr_parse("203.0.113.9", &w->w_nat_addr);
	w->w_nat_port = 20000;
	for (int i = 0; i < 2; i++) {
		struct world_end *we = &w->w_end[i];

		we->we_world = w;
		we->we_index = i;
		we->we_rand = world_random(w);
		we->we_next_spi = (uint32_t)(i + 1) << 24;
		we->we_psk = "correct horse battery staple";
		(void)addr_parse(i == 0 ? "192.0.2.1" : "198.51.100.1",
		    &we->we_addr);
		if (conf != NULL)
			cf = *conf;
		else
			ike_conf_default(&cf);
		world_conf(w, i, &cf);
		we->we_ike = ike_new(&cf, w->w_now);
		if (we->we_ike == NULL)
			abort();
	}
}

void
world_free(struct world *w)
{
	struct world_event *ev;

	for (int i = 0; i < 2; i++)
		ike_free(w->w_end[i].we_ike);
	while ((ev = w->w_events) != NULL) {
		w->w_events = ev->ev_next;
		free(ev);
	}
}

/* ------------------------------------------------------------- policies */

void
world_policy_default(const struct world *w, int i, struct world_policy *wp)
{
	struct ike_policy *po = &wp->wp_policy;
	struct ike_child_conf *ch = &wp->wp_children[0];
	struct prefix p;

	memset(wp, 0, sizeof(*wp));
	(void)snprintf(po->po_name, sizeof(po->po_name), "site");
	po->po_local = w->w_end[i].we_addr;
	po->po_peer.pr_addr = w->w_end[1 - i].we_addr;
	po->po_peer.pr_len = 32;
	if (w->w_nat && i == 1)
		po->po_peer.pr_addr = w->w_nat_addr;
	(void)ike_id_parse(i == 0 ? "left.example" : "right.example",
	    &po->po_srcid);
	(void)ike_id_parse(i == 0 ? "right.example" : "left.example",
	    &po->po_dstid);
	po->po_nchildren = 1;
	(void)snprintf(ch->ch_name, sizeof(ch->ch_name), "net");
	ch->ch_reqid = 1;
	ch->ch_start = i == 0 ? IKE_START_ACTIVE : IKE_START_PASSIVE;
	ch->ch_local.tl_n = ch->ch_remote.tl_n = 1;
	(void)prefix_parse(i == 0 ? "10.0.0.0/24" : "10.0.1.0/24", &p);
	ike_ts_from_prefix(&p, &ch->ch_local.tl_ts[0]);
	(void)prefix_parse(i == 0 ? "10.0.1.0/24" : "10.0.0.0/24", &p);
	ike_ts_from_prefix(&p, &ch->ch_remote.tl_ts[0]);
}

bool
world_policy_set(struct world *w, int i, struct world_policy *wp)
{
	bool ok;

	wp->wp_policy.po_children = wp->wp_children;
	ok = ike_policy_set(w->w_end[i].we_ike, w->w_now, &wp->wp_policy, 1);
	world_drain(w, i);
	return ok;
}

/* --------------------------------------------------------------- events */

static struct world_event *
event_new(struct world *w, enum event_type type, int to, const void *p,
    size_t n)
{
	struct world_event *ev = calloc(1, sizeof(*ev) + n);

	if (ev == NULL)
		abort();
	ev->ev_type = type;
	ev->ev_to = to;
	ev->ev_order = ++w->w_order;
	ev->ev_len = n;
	if (n != 0)
		memcpy(ev->ev_bytes, p, n);
	return ev;
}

static void
event_at(struct world *w, struct world_event *ev, uint64_t at)
{
	struct world_event **where = &w->w_events;

	ev->ev_at = at;
	while (*where != NULL && (*where)->ev_at <= at)
		where = &(*where)->ev_next;
	ev->ev_next = *where;
	*where = ev;
}

static uint64_t
wire_delay(struct world *w)
{
	return w->w_wire.wi_delay_ms + up_to(w, w->w_wire.wi_jitter_ms);
}

/* The NAT rewrites end 0's source on the way out, and undoes it inwards. */
static bool
wire_nat(const struct world *w, int from, struct ike_datagram *dg)
{
	if (!w->w_nat)
		return true;
	if (from == 0) {
		dg->dg_remote = w->w_nat_addr;
		dg->dg_rport = (uint16_t)(dg->dg_rport + w->w_nat_port);
		return true;
	}
	/* Only what goes to the mapping of now gets through. */
	if (!addr_equal(&dg->dg_local, &w->w_nat_addr) ||
	    (dg->dg_lport != (uint16_t)(500 + w->w_nat_port) &&
	    dg->dg_lport != (uint16_t)(4500 + w->w_nat_port)))
		return false;
	dg->dg_local = w->w_end[0].we_addr;
	dg->dg_lport = (uint16_t)(dg->dg_lport - w->w_nat_port);
	return true;
}

static void
wire_send(struct world *w, int from, const struct ike_datagram *sent)
{
	struct ike_datagram dg = *sent;
	unsigned copies = 1;

	if (w->w_verbose && sent->dg_len > 24)
		printf("%8llu %d: send exchange %u id %u flags %02x, %zu "
		    "bytes\n", (unsigned long long)w->w_now, from,
		    sent->dg_data[18], sent->dg_data[23], sent->dg_data[19],
		    sent->dg_len);
	w->w_end[from].we_sent++;
	w->w_end[from].we_sent_bytes += (unsigned)sent->dg_len;
	if (w->w_tap != NULL && !w->w_tap(w, from, sent))
		return;
	dg.dg_local = sent->dg_remote;
	dg.dg_remote = sent->dg_local;
	dg.dg_lport = sent->dg_rport;
	dg.dg_rport = sent->dg_lport;
	if (sent->dg_keepalive || !wire_nat(w, from, &dg) ||
	    !addr_equal(&dg.dg_local, &w->w_end[1 - from].we_addr))
		return;
	if (chance(w, w->w_wire.wi_dup))
		copies++;
	while (copies-- > 0) {
		struct world_event *ev;

		if (chance(w, w->w_wire.wi_loss))
			continue;
		ev = event_new(w, EV_DATAGRAM, 1 - from, sent->dg_data,
		    sent->dg_len);
		ev->ev_dg = dg;
		event_at(w, ev, w->w_now + wire_delay(w));
	}
}

/* --------------------------------------------------------------- kernel */

static struct world_sa *
sa_find(struct world_end *we, uint32_t spi, bool inbound)
{
	for (unsigned i = 0; i < WORLD_SAS; i++)
		if (we->we_sas[i].ws_used && we->we_sas[i].ws_sa.sa_spi == spi &&
		    we->we_sas[i].ws_sa.sa_inbound == inbound)
			return &we->we_sas[i];
	return NULL;
}

static void
broken(struct world *w, int i, const char *what)
{
	w->w_broken++;
	printf("seed %llu, end %d, at %llu ms: %s\n",
	    (unsigned long long)w->w_seed, i, (unsigned long long)w->w_now,
	    what);
}

static void
say_sa(const struct world *w, int i, const char *what, uint32_t spi,
    bool inbound)
{
	if (w->w_verbose)
		printf("%8llu %d: kernel: %s %08x %s\n",
		    (unsigned long long)w->w_now, i, what, spi,
		    inbound ? "in" : "out");
}

static void
kernel_add(struct world *w, int i, const struct ike_esp_sa *sa)
{
	struct world_end *we = &w->w_end[i];

	say_sa(w, i, "add", sa->sa_spi, sa->sa_inbound);
	if (sa_find(we, sa->sa_spi, sa->sa_inbound) != NULL)
		broken(w, i, "an SA is added twice");
	if (sa->sa_encr_len + sa->sa_integ_len == 0 || sa->sa_spi == 0)
		broken(w, i, "an SA without key or SPI");
	if (sa->sa_inbound)
		we->we_larval--;
	for (unsigned k = 0; k < WORLD_SAS; k++)
		if (!we->we_sas[k].ws_used) {
			we->we_sas[k].ws_used = true;
			we->we_sas[k].ws_order = ++w->w_order;
			we->we_sas[k].ws_last = 0;
			we->we_sas[k].ws_sa = *sa;
			return;
		}
	broken(w, i, "too many SAs");
}

static void
kernel_move(struct world *w, int i, const struct ike_esp_sa *sa)
{
	struct world_sa *ws = sa_find(&w->w_end[i], sa->sa_spi, sa->sa_inbound);

	if (ws == NULL) {
		broken(w, i, "an unknown SA moves");
		return;
	}
	ws->ws_sa.sa_src = sa->sa_src;
	ws->ws_sa.sa_dst = sa->sa_dst;
	ws->ws_sa.sa_sport = sa->sa_sport;
	ws->ws_sa.sa_dport = sa->sa_dport;
}

static void
kernel_delete(struct world *w, int i, const struct ike_sa_ref *ref)
{
	struct world_sa *ws = sa_find(&w->w_end[i], ref->sr_spi,
	    ref->sr_inbound);

	say_sa(w, i, "delete", ref->sr_spi, ref->sr_inbound);
	if (ws != NULL)
		ws->ws_used = false;
	else if (ref->sr_inbound)
		w->w_end[i].we_larval--;
	else
		broken(w, i, "an unknown SA is deleted");
}

/* The newest outbound SA, as a kernel picks it. */
static struct world_sa *
kernel_out(struct world_end *we)
{
	struct world_sa *best = NULL;

	for (unsigned k = 0; k < WORLD_SAS; k++) {
		struct world_sa *ws = &we->we_sas[k];

		if (ws->ws_used && !ws->ws_sa.sa_inbound &&
		    (best == NULL || ws->ws_order > best->ws_order))
			best = ws;
	}
	return best;
}

static void
traffic_send(struct world *w, int from)
{
	struct world_sa *ws = kernel_out(&w->w_end[from]);
	struct world_event *ev;

	if (ws == NULL) {
		w->w_unsent++;
		return;
	}
	ev = event_new(w, EV_PACKET, 1 - from, NULL, 0);
	ev->ev_sa = ws->ws_sa;
	event_at(w, ev, w->w_now + wire_delay(w));
}

static void
traffic_arrives(struct world *w, const struct world_event *ev)
{
	struct world_sa *ws = sa_find(&w->w_end[ev->ev_to], ev->ev_sa.sa_spi,
	    true);

	if (ws != NULL && memcmp(ws->ws_sa.sa_encr_key, ev->ev_sa.sa_encr_key,
	    IKE_KEY_MAX) == 0) {
		w->w_delivered++;
		ws->ws_last = w->w_now;
	} else {
		w->w_lost++;
		if (w->w_verbose)
			printf("%8llu %d: packet lost, SPI %08x\n",
			    (unsigned long long)w->w_now, ev->ev_to,
			    ev->ev_sa.sa_spi);
	}
}

/* -------------------------------------------------------------- actions */

static void
do_getspi(struct world *w, int i, const struct ike_action *a)
{
	struct world_end *we = &w->w_end[i];
	struct world_event *ev = event_new(w, EV_SPI, i, NULL, 0);

	ev->ev_id = a->ac_id;
	if (!we->we_no_spi) {
		ev->ev_spi = ++we->we_next_spi;
		we->we_larval++;
	}
	event_at(w, ev, w->w_now + up_to(w, w->w_wire.wi_answer_ms));
}

static void
do_seen(struct world *w, int i, const struct ike_sa_ref *ref)
{
	struct world_end *we = &w->w_end[i];
	const struct world_sa *ws = sa_find(we, ref->sr_spi, true);

	we->we_seen_asked++;
	if (ws == NULL)
		broken(w, i, "an unknown SA is asked for packets");
	else if (ws->ws_last != 0)
		ike_seen(we->we_ike, w->w_now, ref->sr_spi,
		    w->w_now - ws->ws_last);
}

static void
do_auth(struct world *w, int i, const struct ike_action *a)
{
	struct world_end *we = &w->w_end[i];
	const struct ike_auth_req *ar = &a->ac_auth;
	struct world_event *ev;
	uint8_t auth[64];
	size_t n;

	if (we->we_mute)
		return;
	if (a->ac_type == IKE_ACT_AUTH_SIGN) {
		n = ike_auth_psk(ar->ar_prf, we->we_psk, strlen(we->we_psk),
		    ar->ar_octets, ar->ar_octets_len, auth);
		ev = event_new(w, EV_SIGN, i, auth, n);
	} else {
		ev = event_new(w, EV_VERIFY, i, NULL, 0);
		ev->ev_verify = ar->ar_method == IKE_AUTH_METHOD_PSK &&
		    ike_auth_psk_verify(ar->ar_prf, we->we_psk,
		    strlen(we->we_psk), ar->ar_octets, ar->ar_octets_len,
		    ar->ar_auth, ar->ar_auth_len) ? IKE_VERIFY_OK :
		    IKE_VERIFY_BAD;
	}
	ev->ev_id = a->ac_id;
	event_at(w, ev, w->w_now + up_to(w, w->w_wire.wi_answer_ms));
}

static void
do_event(struct world *w, int i, const struct ike_event *e)
{
	struct world_end *we = &w->w_end[i];

	we->we_events[e->ev_type]++;
	we->we_reasons[e->ev_reason]++;
	we->we_strangers += e->ev_stranger;
	if (e->ev_type != IKE_EV_NOTE && e->ev_reason != IKE_R_NONE) {
		we->we_reason = e->ev_reason;
		memcpy(we->we_text, e->ev_text, sizeof(we->we_text));
	}
	if (w->w_verbose)
		printf("%8llu %d: %s %s/%s %s %s\n",
		    (unsigned long long)w->w_now, i, ike_event_name(e->ev_type),
		    e->ev_policy, e->ev_child, ike_reason_id(e->ev_reason),
		    e->ev_text);
}

void
world_drain(struct world *w, int i)
{
	struct ike_action a;

	while (ike_next(w->w_end[i].we_ike, &a))
		switch (a.ac_type) {
		case IKE_ACT_SEND:
			wire_send(w, i, &a.ac_send);
			break;
		case IKE_ACT_GETSPI:
			do_getspi(w, i, &a);
			break;
		case IKE_ACT_SA_ADD:
			kernel_add(w, i, &a.ac_sa);
			break;
		case IKE_ACT_SA_MOVE:
			kernel_move(w, i, &a.ac_sa);
			break;
		case IKE_ACT_SA_DELETE:
			kernel_delete(w, i, &a.ac_del);
			break;
		case IKE_ACT_AUTH_SIGN:
		case IKE_ACT_AUTH_VERIFY:
			do_auth(w, i, &a);
			break;
		case IKE_ACT_EVENT:
			do_event(w, i, &a.ac_event);
			break;
		case IKE_ACT_SEEN:
			do_seen(w, i, &a.ac_seen);
			break;
		}
}

/* ----------------------------------------------------------------- time */

static void
event_run(struct world *w, struct world_event *ev)
{
	struct ike *ike = w->w_end[ev->ev_to].we_ike;

	switch (ev->ev_type) {
	case EV_DATAGRAM:
		ev->ev_dg.dg_data = ev->ev_bytes;
		ev->ev_dg.dg_len = ev->ev_len;
		w->w_end[ev->ev_to].we_received_bytes += (unsigned)ev->ev_len;
		ike_input(ike, w->w_now, &ev->ev_dg);
		break;
	case EV_SPI:
		ike_getspi_reply(ike, w->w_now, ev->ev_id, ev->ev_spi);
		break;
	case EV_SIGN:
		ike_sign_reply(ike, w->w_now, ev->ev_id, ev->ev_len != 0,
		    ev->ev_bytes, ev->ev_len);
		break;
	case EV_VERIFY:
		ike_verify_reply(ike, w->w_now, ev->ev_id, ev->ev_verify);
		break;
	case EV_PACKET:
		traffic_arrives(w, ev);
		break;
	}
	world_drain(w, ev->ev_to);
}

static uint64_t
world_next(const struct world *w)
{
	uint64_t at = w->w_events != NULL ? w->w_events->ev_at : UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		uint64_t due = ike_deadline(w->w_end[i].we_ike);

		if (due < at)
			at = due;
	}
	if (w->w_traffic_ms != 0) {
		uint64_t t = w->w_now - w->w_now % w->w_traffic_ms +
		    w->w_traffic_ms;

		if (t < at)
			at = t;
	}
	return at;
}

static void
world_moment(struct world *w)
{
	struct world_event *ev;

	while ((ev = w->w_events) != NULL && ev->ev_at <= w->w_now) {
		w->w_events = ev->ev_next;
		event_run(w, ev);
		free(ev);
	}
	for (int i = 0; i < 2; i++) {
		ike_timer(w->w_end[i].we_ike, w->w_now);
		world_drain(w, i);
	}
	if (w->w_traffic_ms != 0 && w->w_now % w->w_traffic_ms == 0)
		for (int i = 0; i < 2; i++)
			traffic_send(w, i);
}

void
world_run_until(struct world *w, uint64_t until)
{
	uint64_t at;

	while ((at = world_next(w)) <= until) {
		if (at > w->w_now)
			w->w_now = at;
		world_moment(w);
	}
	w->w_now = until;
}

void
world_run(struct world *w, uint64_t ms)
{
	world_run_until(w, w->w_now + ms);
}

bool
world_run_up(struct world *w, uint64_t ms)
{
	uint64_t end = w->w_now + ms;

	while (w->w_now < end) {
		if (world_sas(&w->w_end[0], true) != 0 &&
		    world_sas(&w->w_end[0], false) != 0 &&
		    world_sas(&w->w_end[1], true) != 0 &&
		    world_sas(&w->w_end[1], false) != 0)
			return true;
		world_run(w, 10);
	}
	return false;
}

bool
world_meet(struct world *w, struct world_policy *left,
    struct world_policy *right)
{
	return world_policy_set(w, 1, right) && world_policy_set(w, 0, left) &&
	    world_run_up(w, 300000);
}

void
world_inject(struct world *w, int i, const void *p, size_t n, bool natt)
{
	struct ike_datagram dg = { .dg_local = w->w_end[i].we_addr,
	    .dg_remote = w->w_end[1 - i].we_addr, .dg_lport = natt ? 4500 : 500,
	    .dg_rport = natt ? 4500 : 500, .dg_natt = natt, .dg_data = p,
	    .dg_len = n };

	ike_input(w->w_end[i].we_ike, w->w_now, &dg);
	world_drain(w, i);
}

/* --------------------------------------------------------------- checks */

unsigned
world_sas(const struct world_end *we, bool inbound)
{
	unsigned n = 0;

	for (unsigned k = 0; k < WORLD_SAS; k++)
		n += we->we_sas[k].ws_used &&
		    we->we_sas[k].ws_sa.sa_inbound == inbound;
	return n;
}

static bool
sa_agrees(const struct ike_esp_sa *a, const struct ike_esp_sa *b)
{
	return a->sa_encr == b->sa_encr && a->sa_integ == b->sa_integ &&
	    a->sa_encr_bits == b->sa_encr_bits && a->sa_esn == b->sa_esn &&
	    a->sa_mode == b->sa_mode && a->sa_encr_len == b->sa_encr_len &&
	    a->sa_integ_len == b->sa_integ_len &&
	    memcmp(a->sa_encr_key, b->sa_encr_key, IKE_KEY_MAX) == 0 &&
	    memcmp(a->sa_integ_key, b->sa_integ_key, IKE_KEY_MAX) == 0;
}

/* Each outbound SA of one end is an inbound SA of the other. */
static const char *
check_pairs(const struct world *w, int from)
{
	const struct world_end *we = &w->w_end[from];
	struct world_end *other;

	for (unsigned k = 0; k < WORLD_SAS; k++) {
		const struct world_sa *ws = &we->we_sas[k], *in;

		if (!ws->ws_used || ws->ws_sa.sa_inbound)
			continue;
		other = w->w_end[0].we_world->w_end + (1 - from);
		in = sa_find(other, ws->ws_sa.sa_spi, true);
		if (in == NULL)
			return "an outbound SA has no inbound one";
		if (!sa_agrees(&ws->ws_sa, &in->ws_sa))
			return "the two ends do not agree on keys";
	}
	return NULL;
}

const char *
world_check(const struct world *w, unsigned n)
{
	struct ike_objects oc;
	const char *why;

	if (w->w_broken)
		return "a model was broken";
	for (int i = 0; i < 2; i++) {
		if (world_sas(&w->w_end[i], true) != n)
			return i ? "wrong number of inbound SAs at end 1" :
			    "wrong number of inbound SAs at end 0";
		if (world_sas(&w->w_end[i], false) != n)
			return i ? "wrong number of outbound SAs at end 1" :
			    "wrong number of outbound SAs at end 0";
		why = check_pairs(w, i);
		if (why != NULL)
			return why;
		if (w->w_end[i].we_larval != 0)
			return "an SPI was reserved and forgotten";
		ike_objects(w->w_end[i].we_ike, &oc);
		if (oc.oc_ikesas != 1)
			return "not exactly one IKE SA";
		if (oc.oc_children != n)
			return "wrong number of children";
		if (oc.oc_halfopen || oc.oc_exchanges || oc.oc_fragments ||
		    oc.oc_actions)
			return "objects are left over";
	}
	return NULL;
}

static const char *
check_empty(const struct world *w)
{
	struct ike_objects oc;

	if (w->w_broken)
		return "a model was broken";
	for (int i = 0; i < 2; i++) {
		ike_objects(w->w_end[i].we_ike, &oc);
		if (oc.oc_policies || oc.oc_ikesas || oc.oc_halfopen ||
		    oc.oc_children || oc.oc_exchanges || oc.oc_fragments ||
		    oc.oc_actions)
			return "objects are left";
		if (world_sas(&w->w_end[i], true) ||
		    world_sas(&w->w_end[i], false))
			return "SAs are left in the kernel";
		if (w->w_end[i].we_larval != 0)
			return "a reserved SPI is left";
	}
	return NULL;
}

const char *
world_end(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		(void)ike_policy_set(w->w_end[i].we_ike, w->w_now, NULL, 0);
		world_drain(w, i);
	}
	world_run(w, 600000);
	return check_empty(w);
}
