/* SPDX-License-Identifier: ISC */
/*
 * Questions to the shell and their answers, by id.
 *
 * A question outlives the exchange that put it: an SPI that arrives for an
 * exchange that has died meanwhile is given back to the key socket.
 */
#include <stdlib.h>

#include "libike/ike_var.h"

static uint32_t
ask_id(struct ike *ike)
{
	if (++ike->i_next_id == 0)
		ike->i_next_id = 1;
	return ike->i_next_id;
}

static struct ask *
ask_find(struct ike *ike, uint32_t id, enum ask_kind kind)
{
	struct ask *k;

	LIST_FOREACH(k, &ike->i_asks[id % IKE_ASK_SLOTS], k_entry)
		if (k->k_id == id && k->k_kind == kind)
			return k;
	return NULL;
}

uint32_t
ask_new(struct xchg *x, enum ask_kind kind, const struct ike_sa_ref *ref)
{
	struct ike *ike = x->x_ike;
	unsigned slot = x->x_ask[0] != NULL;
	struct ask *k;

	if (x->x_ask[slot] != NULL)
		return 0;
	k = ike_calloc(1, sizeof(*k));
	if (k == NULL)
		return 0;
	k->k_id = ask_id(ike);
	k->k_kind = kind;
	k->k_x = x;
	k->k_ike = ike;
	if (ref != NULL)
		k->k_ref = *ref;
	x->x_ask[slot] = k;
	LIST_INSERT_HEAD(&ike->i_asks[k->k_id % IKE_ASK_SLOTS], k, k_entry);
	tmo_init(&k->k_tmo, TMO_ASK, k);
	tmo_set(&ike->i_tmos, &k->k_tmo, ike->i_now + ike->i_conf.cf_ask_ms);
	return k->k_id;
}

static bool
ask_pending(const struct xchg *x)
{
	for (unsigned i = 0; i < IKE_ASKS_MAX; i++)
		if (x->x_ask[i] != NULL)
			return true;
	return false;
}

/* Takes the question from its exchange, which is returned; NULL: gone. */
static struct xchg *
ask_detach(struct ask *k)
{
	struct xchg *x = k->k_x;

	if (x == NULL)
		return NULL;
	for (unsigned i = 0; i < IKE_ASKS_MAX; i++)
		if (x->x_ask[i] == k)
			x->x_ask[i] = NULL;
	k->k_x = NULL;
	return x;
}

void
ask_drop_all(struct xchg *x)
{
	for (unsigned i = 0; i < IKE_ASKS_MAX; i++)
		if (x->x_ask[i] != NULL)
			(void)ask_detach(x->x_ask[i]);
}

void
ask_free(struct ask *k)
{
	(void)ask_detach(k);
	tmo_clear(&k->k_ike->i_tmos, &k->k_tmo);
	LIST_REMOVE(k, k_entry);
	free(k);
}

static void
ask_done(struct ask *k, bool ok)
{
	struct xchg *x = ask_detach(k);

	ask_free(k);
	if (x == NULL)
		return;
	if (!ok)
		x->x_ask_failed = true;
	if (!ask_pending(x))
		xchg_answered(x);
}

void
ask_timeout(struct ask *k)
{
	ask_done(k, false);
}

void
ike_getspi_reply(struct ike *ike, uint64_t now, uint32_t id, uint32_t spi)
{
	struct ask *k = ask_find(ike, id, ASK_SPI);

	ike_enter(ike, now);
	if (k != NULL) {
		if (k->k_x != NULL && k->k_x->x_new != NULL && spi != 0) {
			child_spi(k->k_x->x_new, spi);
		} else if (spi != 0) {
			k->k_ref.sr_spi = spi;
			act_delete_ref(ike, &k->k_ref);
		}
		ask_done(k, spi != 0);
	}
	ike_leave(ike);
}

void
ike_sign_reply(struct ike *ike, uint64_t now, uint32_t id, bool ok,
    const uint8_t *auth, size_t len)
{
	struct ask *k = ask_find(ike, id, ASK_SIGN);

	ike_enter(ike, now);
	if (k != NULL) {
		ok = ok && len != 0 && len <= IKE_AUTH_MAX;
		if (ok && k->k_x != NULL) {
			memcpy(k->k_x->x_auth, auth, len);
			k->k_x->x_auth_len = len;
		}
		ask_done(k, ok);
	}
	ike_leave(ike);
}

void
ike_verify_reply(struct ike *ike, uint64_t now, uint32_t id,
    enum ike_verify result)
{
	struct ask *k = ask_find(ike, id, ASK_VERIFY);

	ike_enter(ike, now);
	if (k != NULL) {
		if (k->k_x != NULL)
			k->k_x->x_verify = result;
		ask_done(k, result == IKE_VERIFY_OK);
	}
	ike_leave(ike);
}
