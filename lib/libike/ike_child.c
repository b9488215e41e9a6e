/* SPDX-License-Identifier: ISC */
/*
 * A child SA pair: from larval to the kernel and out again.
 *
 * The order of actions is what loses no packet in a rekey (RFC 7296 section
 * 2.8).  The initiator of the rekey installs the new inbound half, then the
 * new outbound half, and deletes the old pair.  The responder installs the new
 * inbound half before it answers, and goes on sending on the old pair until
 * the initiator has shown that it can receive on the new one: by deleting the
 * old pair, or by sending on the new (ike_seen()); or until the old pair ends
 * for any other reason.  Both keep the old inbound half for cf_linger_ms, for
 * packets that are still under way.
 */
#include <stdio.h>
#include <stdlib.h>

#include "libike/ike_var.h"

#define CHILD_LIFETIME_S	10800
#define REPLAY_DEFAULT		1024

struct child *
child_new(struct ike *ike, struct ikesa *sa, struct conn *cn)
{
	struct child *c = ike_calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->c_ike = ike;
	c->c_sa = sa;
	c->c_conn = cn;
	c->c_state = CHILD_LARVAL;
	c->c_reqid = cn->cn_conf.ch_reqid;
	memcpy(c->c_name, cn->cn_conf.ch_name, sizeof(c->c_name));
	tmo_init(&c->c_tmo_rekey, TMO_CHILD_REKEY, c);
	tmo_init(&c->c_tmo_end, TMO_CHILD_END, c);
	ike->i_objects.oc_children++;
	return c;
}

struct child *
child_find(struct ike *ike, uint32_t spi_in)
{
	struct child *c;

	if (spi_in == 0)
		return NULL;
	LIST_FOREACH(c, &ike->i_children[spi_in % IKE_HASH_SLOTS], c_hash)
		if (c->c_spi_in == spi_in)
			return c;
	return NULL;
}

struct child *
child_by_out(struct ikesa *sa, uint32_t spi_out)
{
	struct child *c;

	TAILQ_FOREACH(c, &sa->sa_children, c_entry)
		if (c->c_spi_out == spi_out)
			return c;
	return NULL;
}

void
child_spi(struct child *c, uint32_t spi_in)
{
	c->c_spi_in = spi_in;
}

static void
child_ref(const struct child *c, bool inbound, struct ike_sa_ref *ref)
{
	const struct ikesa *sa = c->c_sa;

	*ref = (struct ike_sa_ref){
		.sr_spi = inbound ? c->c_spi_in : c->c_spi_out,
		.sr_src = inbound ? sa->sa_remote : sa->sa_local,
		.sr_dst = inbound ? sa->sa_local : sa->sa_remote,
		.sr_proto = IKE_PROTO_ESP, .sr_inbound = inbound,
		.sr_reqid = c->c_reqid,
	};
}

/* One that was never installed gives its reserved SPI back. */
void
child_free(struct child *c)
{
	struct ike *ike = c->c_ike;
	struct ike_sa_ref ref;

	if (c->c_spi_in != 0 && c->c_sa_id_in == 0) {
		child_ref(c, true, &ref);
		act_delete_ref(ike, &ref);
	}
	tmo_clear(&ike->i_tmos, &c->c_tmo_rekey);
	tmo_clear(&ike->i_tmos, &c->c_tmo_end);
	if (c->c_hashed) {
		LIST_REMOVE(c, c_hash);
		TAILQ_REMOVE(&c->c_sa->sa_children, c, c_entry);
		c->c_sa->sa_nchildren--;
	}
	ike->i_objects.oc_children--;
	explicit_bzero(c, sizeof(*c));
	free(c);
}

void
child_adopt(struct child *c, struct ikesa *sa)
{
	c->c_sa = sa;
	c->c_state = CHILD_UP;
	c->c_hashed = true;
	c->c_since = c->c_ike->i_now;
	LIST_INSERT_HEAD(&c->c_ike->i_children[c->c_spi_in % IKE_HASH_SLOTS], c,
	    c_hash);
	TAILQ_INSERT_TAIL(&sa->sa_children, c, c_entry);
	sa->sa_nchildren++;
}

void
child_move(struct child *c, struct ikesa *to)
{
	TAILQ_REMOVE(&c->c_sa->sa_children, c, c_entry);
	c->c_sa->sa_nchildren--;
	c->c_sa = to;
	TAILQ_INSERT_TAIL(&to->sa_children, c, c_entry);
	to->sa_nchildren++;
}

/* ------------------------------------------------------------ the kernel */

static void
child_sa_algs(const struct child *c, struct ike_esp_sa *s)
{
	const struct ike_transform *t;

	t = ike_proposal_get(&c->c_algs, IKE_T_ENCR);
	s->sa_encr = t->tr_id;
	s->sa_encr_bits = t->tr_keybits;
	t = ike_proposal_get(&c->c_algs, IKE_T_INTEG);
	s->sa_integ = t != NULL ? t->tr_id : IKE_INTEG_NONE;
	s->sa_esn = c->c_esn;
}

static void
child_sa_keys(const struct child *c, struct ike_esp_sa *s)
{
	const struct ike_child_keys *ck = &c->c_keys;
	bool from_initiator = s->sa_inbound != c->c_initiator;

	memcpy(s->sa_encr_key, from_initiator ? ck->ck_encr_i : ck->ck_encr_r,
	    IKE_KEY_MAX);
	memcpy(s->sa_integ_key, from_initiator ? ck->ck_integ_i :
	    ck->ck_integ_r, IKE_KEY_MAX);
	s->sa_encr_len = ck->ck_encr_len;
	s->sa_integ_len = ck->ck_integ_len;
}

static void
child_sa_limits(const struct child *c, struct ike_esp_sa *s)
{
	uint64_t now = c->c_ike->i_now, bytes;

	s->sa_soft_s = c->c_rekey_at > now ?
	    (uint32_t)((c->c_rekey_at - now) / 1000) : 0;
	s->sa_hard_s = c->c_end_at > now ?
	    (uint32_t)((c->c_end_at - now) / 1000) : 1;
	if (c->c_conn == NULL || c->c_conn->cn_conf.ch_lifetime_bytes == 0)
		return;
	bytes = c->c_conn->cn_conf.ch_lifetime_bytes;
	s->sa_hard_bytes = bytes;
	s->sa_soft_bytes = bytes / 100 * (c->c_initiator ? 80 : 90);
}

uint32_t
child_window(const struct child *c)
{
	uint32_t n = c->c_conn != NULL ? c->c_conn->cn_conf.ch_replay : 0;

	return n != 0 ? n : REPLAY_DEFAULT;
}

static void
child_sa_fill(const struct child *c, bool inbound, struct ike_esp_sa *s)
{
	const struct ikesa *sa = c->c_sa;
	const struct conn *cn = c->c_conn;

	s->sa_spi = inbound ? c->c_spi_in : c->c_spi_out;
	s->sa_inbound = inbound;
	s->sa_initiator = c->c_initiator;
	s->sa_proto = IKE_PROTO_ESP;
	s->sa_mode = c->c_mode;
	s->sa_src = inbound ? sa->sa_remote : sa->sa_local;
	s->sa_dst = inbound ? sa->sa_local : sa->sa_remote;
	s->sa_natt = sa->sa_natt;
	s->sa_sport = inbound ? sa->sa_rport : sa->sa_lport;
	s->sa_dport = inbound ? sa->sa_lport : sa->sa_rport;
	s->sa_reqid = c->c_reqid;
	s->sa_pmtu = inbound ? 0 : sa->sa_path.pa_mtu;
	s->sa_replaces = inbound ? c->c_old_in : c->c_old_out;
	s->sa_replay = child_window(c);
	s->sa_local = c->c_local;
	s->sa_remote = c->c_remote;
	s->sa_dynamic = cn != NULL && !peer_is_host(&cn->cn_pol->pl_conf.po_peer);
	memcpy(s->sa_policy, sa->sa_name, sizeof(s->sa_policy));
	memcpy(s->sa_child, c->c_name, sizeof(s->sa_child));
	s->sa_peer_id = sa->sa_id_remote;
	child_sa_algs(c, s);
	child_sa_limits(c, s);
}

static uint32_t
child_add(struct child *c, bool inbound)
{
	struct ike *ike = c->c_ike;
	struct act *a = act_new(ike, IKE_ACT_SA_ADD, 0);

	if (a == NULL) {
		/* The kernel does not have it: it ends as soon as may be. */
		tmo_set(&ike->i_tmos, &c->c_tmo_end, ike->i_now);
		return 0;
	}
	child_sa_fill(c, inbound, &a->a_action.ac_sa);
	child_sa_keys(c, &a->a_action.ac_sa);
	if (++ike->i_next_id == 0)
		ike->i_next_id = 1;
	a->a_action.ac_id = ike->i_next_id;
	act_queue(ike, a);
	return ike->i_next_id;
}

void
child_out(struct child *c)
{
	if (c->c_out_on || !c->c_in_on)
		return;
	c->c_sa_id_out = child_add(c, false);
	c->c_out_on = c->c_sa_id_out != 0;
	explicit_bzero(&c->c_keys, sizeof(c->c_keys));
	path_used(c->c_sa);
}

/* The initiator begins to rekey first, so that the two rarely collide. */
static void
schedule(struct child *c)
{
	struct ike *ike = c->c_ike;
	uint64_t life = CHILD_LIFETIME_S;
	unsigned percent = (c->c_initiator ? 80 : 88) +
	    ike_random_u32(ike) % 8;

	if (c->c_conn != NULL && c->c_conn->cn_conf.ch_lifetime_s != 0)
		life = c->c_conn->cn_conf.ch_lifetime_s;
	life *= 1000;
	c->c_rekey_at = ike->i_now + life * percent / 100;
	c->c_end_at = ike->i_now + life;
	tmo_set(&ike->i_tmos, &c->c_tmo_rekey, c->c_rekey_at);
	tmo_set(&ike->i_tmos, &c->c_tmo_end, c->c_end_at);
}

void
child_install(struct child *c, bool out)
{
	schedule(c);
	c->c_sa_id_in = child_add(c, true);
	c->c_in_on = c->c_sa_id_in != 0;
	if (out)
		child_out(c);
}

void
child_relocate(struct child *c)
{
	for (int inbound = 1; inbound >= 0; inbound--) {
		struct act *a;

		if (!(inbound ? c->c_in_on : c->c_out_on))
			continue;
		a = act_new(c->c_ike, IKE_ACT_SA_MOVE, 0);
		if (a == NULL)
			return;
		child_sa_fill(c, inbound, &a->a_action.ac_sa);
		act_queue(c->c_ike, a);
	}
}

static void
linger_new(struct ike *ike, const struct ike_sa_ref *ref)
{
	struct lingering *l = ike->i_conf.cf_linger_ms != 0 ?
	    ike_calloc(1, sizeof(*l)) : NULL;

	if (l == NULL) {
		act_delete_ref(ike, ref);
		return;
	}
	l->l_ike = ike;
	l->l_ref = *ref;
	tmo_init(&l->l_tmo, TMO_LINGER, l);
	tmo_set(&ike->i_tmos, &l->l_tmo, ike->i_now + ike->i_conf.cf_linger_ms);
	LIST_INSERT_HEAD(&ike->i_linger, l, l_entry);
	ike->i_objects.oc_children++;
}

void
linger_free(struct ike *ike, struct lingering *l)
{
	tmo_clear(&ike->i_tmos, &l->l_tmo);
	LIST_REMOVE(l, l_entry);
	ike->i_objects.oc_children--;
	free(l);
}

void
linger_due(struct lingering *l)
{
	act_delete_ref(l->l_ike, &l->l_ref);
	linger_free(l->l_ike, l);
}

/* What carries this reqid is wanted no more: packets under way neither. */
void
linger_drop(struct ike *ike, uint32_t reqid)
{
	struct lingering *l, *next;

	for (l = LIST_FIRST(&ike->i_linger); l != NULL; l = next) {
		next = LIST_NEXT(l, l_entry);
		if (reqid != 0 && l->l_ref.sr_reqid == reqid)
			linger_due(l);
	}
}

/*
 * Traffic goes over before the pair that it used goes away: if no other pair
 * of the conn sends yet, the newest that may does from now on.
 */
static void
child_successor(const struct child *c)
{
	struct child *newest = NULL, *other;
	struct ikesa *sa;

	if (c->c_conn == NULL)
		return;
	LIST_FOREACH(sa, &c->c_conn->cn_pol->pl_sas, sa_pol_entry)
		TAILQ_FOREACH(other, &sa->sa_children, c_entry) {
			if (other == c || other->c_conn != c->c_conn ||
			    other->c_state == CHILD_DELETING)
				continue;
			if (other->c_out_on)
				return;
			if (other->c_state == CHILD_UP)
				newest = other;
		}
	if (newest != NULL)
		child_out(newest);
}

void
child_unload(struct child *c, bool linger)
{
	struct ike_sa_ref ref;

	if (c->c_out_on) {
		child_successor(c);
		child_ref(c, false, &ref);
		act_delete_ref(c->c_ike, &ref);
	}
	if (c->c_in_on) {
		child_ref(c, true, &ref);
		if (linger)
			linger_new(c->c_ike, &ref);
		else
			act_delete_ref(c->c_ike, &ref);
	}
	c->c_in_on = c->c_out_on = false;
	explicit_bzero(&c->c_keys, sizeof(c->c_keys));
}

void
child_remove(struct child *c, bool linger)
{
	child_unload(c, linger);
	child_free(c);
}

/* --------------------------------------------------- told by the kernel */

bool
child_ask_seen(const struct child *c)
{
	struct act *a = act_new(c->c_ike, IKE_ACT_SEEN, 0);

	if (a == NULL)
		return false;
	child_ref(c, true, &a->a_action.ac_seen);
	act_queue(c->c_ike, a);
	return true;
}

void
ike_seen(struct ike *ike, uint64_t now, uint32_t spi, uint64_t ago_ms)
{
	struct child *c = child_find(ike, spi);

	ike_enter(ike, now);
	if (c != NULL) {
		ikesa_seen(c->c_sa, ago_ms < ike->i_now ? ike->i_now - ago_ms :
		    0);
		if (c->c_state == CHILD_UP)
			child_out(c);
	}
	ike_leave(ike);
}

static struct child *
child_by_spi_dst(struct ike *ike, uint32_t spi, const struct addr *dst)
{
	struct child *c = child_find(ike, spi);
	struct ikesa *sa;

	if (c != NULL && addr_equal(&c->c_sa->sa_local, dst))
		return c;
	TAILQ_FOREACH(sa, &ike->i_sas, sa_entry) {
		if (!addr_equal(&sa->sa_remote, dst))
			continue;
		c = child_by_out(sa, spi);
		if (c != NULL)
			return c;
	}
	return NULL;
}

bool
ike_expire(struct ike *ike, uint64_t now, uint32_t spi, const struct addr *dst,
    bool hard)
{
	struct child *c = child_by_spi_dst(ike, spi, dst);

	ike_enter(ike, now);
	if (c == NULL)
		return false;
	if (hard)
		child_delete(c, IKE_R_EXPIRED);
	else
		child_rekey(c);
	ike_leave(ike);
	return true;
}

void
ike_sa_failed(struct ike *ike, uint64_t now, uint32_t id)
{
	struct ikesa *sa;
	struct child *c;

	ike_enter(ike, now);
	TAILQ_FOREACH(sa, &ike->i_sas, sa_entry)
		TAILQ_FOREACH(c, &sa->sa_children, c_entry)
			if (id != 0 &&
			    (c->c_sa_id_in == id || c->c_sa_id_out == id)) {
				child_delete(c, IKE_R_KERNEL);
				ike_leave(ike);
				return;
			}
	ike_leave(ike);
}
