/* SPDX-License-Identifier: ISC */
/*
 * The instance: configuration, entry points of time and command, and the frame
 * of every entry point.
 *
 * ike_enter() notes the time.  ike_leave() starts what may now start (an
 * exchange that ended has opened the window for the next one) and then frees
 * what has died meanwhile; so no function below an entry point is ever called
 * again from within itself, and none holds a pointer to freed memory.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "libike/ike_var.h"

void
ike_random(struct ike *ike, void *p, size_t n)
{
	ike->i_conf.cf_random(ike->i_conf.cf_arg, p, n);
}

uint32_t
ike_random_u32(struct ike *ike)
{
	uint32_t v;

	ike_random(ike, &v, sizeof(v));
	return v;
}

uint64_t
ike_jitter(struct ike *ike, uint64_t v)
{
	uint64_t r = ike_random_u32(ike) % 1024;

	return v - v / 4 + v / 2 * r / 1024;
}

void
ike_log(struct ike *ike, int level, const char *fmt, ...)
{
	char line[IKE_TEXT_MAX];
	va_list ap;

	if (ike->i_conf.cf_log == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ike->i_conf.cf_log(ike->i_conf.cf_arg, level, line);
}

void
tmo_init(struct tmo *t, enum tmo_kind kind, void *owner)
{
	memset(t, 0, sizeof(*t));
	t->tm_kind = (uint8_t)kind;
	t->tm_owner = owner;
}

void
ike_conf_default(struct ike_conf *cf)
{
	*cf = (struct ike_conf){
		.cf_port = 500,
		.cf_port_natt = 4500,
		.cf_fragment = 1280,
		.cf_retrans_ms = 2000,
		.cf_retrans_max_ms = 30000,
		.cf_tries = 10,
		.cf_retry_ms = 5000,
		.cf_retry_max_ms = 300000,
		.cf_liveness_ms = 30000,
		.cf_keepalive_ms = 20000,
		.cf_halfopen_ms = 60000,
		.cf_ask_ms = 20000,
		.cf_linger_ms = 5000,
		.cf_cookie_all = 100,
		.cf_cookie_peer = 3,
		.cf_halfopen_max = 4096,
		.cf_halfopen_peer_max = 32,
		.cf_ikesas_max = 20000,
		.cf_ikesas_address = 256,
		.cf_ikesas_peer = 8,
		.cf_children_max = 64,
		.cf_queue_max = 256,
	};
}

struct ike *
ike_new(const struct ike_conf *cf, uint64_t now)
{
	struct ike *ike;

	if (cf->cf_random == NULL || cf->cf_tries == 0)
		return NULL;
	ike = ike_calloc(1, sizeof(*ike));
	if (ike == NULL)
		return NULL;
	ike->i_conf = *cf;
	ike->i_rand = (struct alg_rand){ cf->cf_random, cf->cf_arg };
	ike->i_now = now;
	TAILQ_INIT(&ike->i_sas);
	TAILQ_INIT(&ike->i_dead);
	TAILQ_INIT(&ike->i_kicked);
	TAILQ_INIT(&ike->i_dead_x);
	TAILQ_INIT(&ike->i_acts);
	LIST_INIT(&ike->i_half);
	LIST_INIT(&ike->i_linger);
	ike_random(ike, &ike->i_next_id, sizeof(ike->i_next_id));
	ike_random(ike, ike->i_cookie_key, sizeof(ike->i_cookie_key));
	ike->i_cookie_since = now;
	return ike;
}

void
ike_tune(struct ike *ike, uint64_t now, uint32_t liveness_ms,
    uint16_t fragment, uint16_t port_natt)
{
	struct ikesa *sa;

	ike_enter(ike, now);
	ike->i_conf.cf_fragment = fragment;
	ike->i_conf.cf_port_natt = port_natt;
	if (liveness_ms == ike->i_conf.cf_liveness_ms)
		return;
	ike->i_conf.cf_liveness_ms = liveness_ms;
	TAILQ_FOREACH(sa, &ike->i_sas, sa_entry)
		ikesa_live_again(sa);
	ike_leave(ike);
}

void
ike_enter(struct ike *ike, uint64_t now)
{
	if (now > ike->i_now)
		ike->i_now = now;
}

static void
reap(struct ike *ike)
{
	struct ikesa *sa;
	struct xchg *x;

	while ((x = TAILQ_FIRST(&ike->i_dead_x)) != NULL) {
		TAILQ_REMOVE(&ike->i_dead_x, x, x_entry);
		xchg_free(x);
	}
	while ((sa = TAILQ_FIRST(&ike->i_dead)) != NULL) {
		TAILQ_REMOVE(&ike->i_dead, sa, sa_entry);
		ikesa_free(sa);
	}
}

void
ike_leave(struct ike *ike)
{
	struct ikesa *sa;

	while ((sa = TAILQ_FIRST(&ike->i_kicked)) != NULL) {
		TAILQ_REMOVE(&ike->i_kicked, sa, sa_kick_entry);
		sa->sa_kicked = false;
		xchg_run(sa);
	}
	reap(ike);
}

static void
asks_free(struct ike *ike)
{
	for (unsigned i = 0; i < IKE_ASK_SLOTS; i++)
		while (!LIST_EMPTY(&ike->i_asks[i]))
			ask_free(LIST_FIRST(&ike->i_asks[i]));
}

void
ike_free(struct ike *ike)
{
	struct ikesa *sa;

	if (ike == NULL)
		return;
	ike->i_stopping = true;
	while ((sa = TAILQ_FIRST(&ike->i_sas)) != NULL)
		ikesa_kill(sa, IKE_R_SHUTDOWN);
	ike->i_conf.cf_log = NULL;
	ike_leave(ike);
	while (!LIST_EMPTY(&ike->i_linger))
		linger_free(ike, LIST_FIRST(&ike->i_linger));
	asks_free(ike);
	pol_free_all(ike);
	act_drop_all(ike);
	explicit_bzero(ike, sizeof(*ike));
	free(ike);
}

void
ike_shutdown(struct ike *ike, uint64_t now)
{
	struct ikesa *sa, *next;

	ike_enter(ike, now);
	ike->i_stopping = true;
	for (sa = TAILQ_FIRST(&ike->i_sas); sa != NULL; sa = next) {
		next = TAILQ_NEXT(sa, sa_entry);
		/* The window may be shut: the last word goes out anyway. */
		if (sa->sa_state == SA_UP && sa->sa_req != NULL)
			xchg_end(sa->sa_req);
		ikesa_delete(sa, IKE_R_SHUTDOWN);
	}
	ike_leave(ike);
}

static void
timer_fire(struct ike *ike, struct tmo *t)
{
	switch ((enum tmo_kind)t->tm_kind) {
	case TMO_RETRANS:
		xchg_retransmit(t->tm_owner);
		break;
	case TMO_LIFE:
		ikesa_life_due(t->tm_owner);
		break;
	case TMO_LIVE:
		ikesa_live_due(t->tm_owner);
		break;
	case TMO_KEEPALIVE:
		ikesa_keepalive_due(t->tm_owner);
		break;
	case TMO_QUEUE:
		ikesa_kick(t->tm_owner);
		break;
	case TMO_CHILD_REKEY:
		child_rekey(t->tm_owner);
		break;
	case TMO_CHILD_END:
		child_delete(t->tm_owner, IKE_R_EXPIRED);
		break;
	case TMO_CONN:
		conn_retry_due(t->tm_owner);
		break;
	case TMO_ASK:
		ask_timeout(t->tm_owner);
		break;
	case TMO_LINGER:
		linger_due(t->tm_owner);
		break;
	case TMO_PATH:
		path_due(t->tm_owner);
		break;
	case TMO_CONTACT:
		ikesa_kill(t->tm_owner, IKE_R_PEER_REPLACED);
		break;
	}
	ike_leave(ike);
}

void
ike_timer(struct ike *ike, uint64_t now)
{
	struct tmo *t;

	ike_enter(ike, now);
	while ((t = tmo_due(&ike->i_tmos, ike->i_now)) != NULL)
		timer_fire(ike, t);
}

uint64_t
ike_deadline(const struct ike *ike)
{
	return tmo_next(&ike->i_tmos);
}

void
ike_stats(const struct ike *ike, struct ike_stats *out)
{
	*out = ike->i_stats;
}

void
ike_objects(const struct ike *ike, struct ike_objects *out)
{
	*out = ike->i_objects;
}
