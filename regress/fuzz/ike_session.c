/* SPDX-License-Identifier: ISC */
/*
 * A sequence of inputs to two endpoints: each byte is one event of time, wire,
 * command, kernel or operator.  After it: quiet, and when the policies are gone
 * nothing may be left.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/libike/world.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world w;
static struct world_policy left, right;

static const struct ike_esp_sa *
some_sa(int i)
{
	for (unsigned k = 0; k < WORLD_SAS; k++)
		if (w.w_end[i].we_sas[k].ws_used)
			return &w.w_end[i].we_sas[k].ws_sa;
	return NULL;
}

static void
event(uint8_t b)
{
	struct world_policy *wp = b & 1 ? &right : &left;
	struct ike *ike = w.w_end[b & 1].we_ike;
	struct ike_acquire aq = { .aq_reqid = 1 };
	const struct ike_esp_sa *sa = some_sa(b & 1);
	int end = b & 1;

	switch (b >> 1 & 15) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		(void)ike_command(ike, w.w_now,
		    (enum ike_command)(b >> 1 & 15), NULL);
		break;
	case 5:
		if (sa != NULL)
			(void)ike_expire(ike, w.w_now, sa->sa_spi, &sa->sa_dst,
			    b & 32);
		break;
	case 6:
		(void)ike_acquire(ike, w.w_now, &aq);
		break;
	case 7:
		w.w_wire.wi_loss = b & 32 ? 50 : 0;
		break;
	case 8:
		wp->wp_policy.po_lifetime_s = 20 + (b >> 5) * 40;
		(void)world_policy_set(&w, end, wp);
		break;
	case 9:
		wp->wp_children[0].ch_lifetime_s = 10 + (b >> 5) * 20;
		(void)world_policy_set(&w, end, wp);
		break;
	case 10:
		if (sa != NULL)
			ike_seen(ike, w.w_now, sa->sa_spi, 0);
		break;
	case 11:
		w.w_end[end].we_no_spi = b & 32;
		break;
	case 12:
		w.w_wire.wi_answer_ms = b & 32 ? 200 : 0;
		break;
	case 13:
		w.w_wire.wi_jitter_ms = b & 32 ? 100 : 0;
		break;
	case 14:
		world_run(&w, 1U << (b >> 5) * 2);
		break;
	default:
		world_run(&w, 4000U << (b >> 5));
		break;
	}
	world_drain(&w, end);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why;

	if (size > 64)
		return 0;
	world_init(&w, size, NULL);
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
	(void)world_policy_set(&w, 1, &right);
	(void)world_policy_set(&w, 0, &left);
	for (size_t i = 0; i < size; i++)
		event(data[i]);
	why = world_end(&w);
	if (why != NULL) {
		printf("%s\n", why);
		abort();
	}
	world_free(&w);
	return 0;
}
