/* SPDX-License-Identifier: ISC */
/*
 * Histories of two IKE endpoints from seeds: a wire that loses, repeats, delays
 * and reorders; an authentication process and a kernel that answer late; short
 * lifetimes, rekeys by command at both ends at once, NAT that changes its
 * mapping, both ends that connect; then quiet.
 *
 *	end 0  ---- [NAT] ---- wire ---- end 1		(see libike/world.h)
 *
 * After each history: one pair of child SAs is left, both ends agree on its
 * keys, no object is left over, no packet of the traffic was lost unless a peer
 * was given up; after the policies are gone nothing at all is left.
 *
 *	ike [seeds [first]]		ike 1 SEED -v shows one history
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/libike/world.h"

#define QUIET_MS	400000
#ifndef SEEDS
#define SEEDS		200
#endif

struct history {
	struct world		w;
	struct world_policy	left, right;
	unsigned		lossy;
	unsigned		dead;	/* SAs given up or expired */
	bool			moved;	/* the NAT has dropped its mapping */
};

static void
pick_wire(struct history *h)
{
	struct world *w = &h->w;
	static const unsigned losses[] = { 0, 0, 5, 10, 20, 30 };

	w->w_wire.wi_loss = losses[world_random(w) % 6];
	w->w_wire.wi_dup = (unsigned)(world_random(w) % 3) * 10;
	w->w_wire.wi_delay_ms = 1 + (unsigned)(world_random(w) % 50);
	w->w_wire.wi_jitter_ms = (unsigned)(world_random(w) % 4) * 40;
	w->w_wire.wi_answer_ms = (unsigned)(world_random(w) % 3) * 15;
	h->lossy = w->w_wire.wi_loss;
}

static void
pick_policies(struct history *h)
{
	struct world *w = &h->w;
	uint32_t child = 40 + (uint32_t)(world_random(w) % 80);
	uint32_t ike = 60 + (uint32_t)(world_random(w) % 240);

	w->w_nat = world_random(w) % 4 == 0;
	world_policy_default(w, 0, &h->left);
	world_policy_default(w, 1, &h->right);
	h->left.wp_children[0].ch_lifetime_s = child;
	h->right.wp_children[0].ch_lifetime_s = child;
	h->left.wp_policy.po_lifetime_s = ike;
	h->right.wp_policy.po_lifetime_s = ike;
	h->left.wp_policy.po_encap = world_random(w) % 4 == 0;
	h->right.wp_policy.po_encap = world_random(w) % 4 == 0;
	if (!w->w_nat && world_random(w) % 2 == 0)
		h->right.wp_children[0].ch_start = IKE_START_ACTIVE;
}

/* Something happens at one end, or at both within a few milliseconds. */
static void
disturb(struct history *h)
{
	static const enum ike_command commands[] = { IKE_CMD_REKEY,
	    IKE_CMD_REKEY, IKE_CMD_REKEY_IKE };
	struct world *w = &h->w;
	enum ike_command cmd = commands[world_random(w) % 3];
	unsigned who = (unsigned)(world_random(w) % 4);

	for (int i = 0; i < 2; i++) {
		if (who < 2 && (int)who != i)
			continue;
		(void)ike_command(w->w_end[i].we_ike, w->w_now, cmd, NULL);
		world_drain(w, i);
		world_run(w, world_random(w) % 60);
		if (world_random(w) % 4 == 0)
			cmd = commands[world_random(w) % 3];
	}
	if (w->w_nat && world_random(w) % 4 == 0)
		w->w_nat_port = (uint16_t)(20000 + world_random(w) % 1000);
	h->moved = w->w_nat_port != 20000;
}

static const char *
quiet(struct history *h)
{
	struct world *w = &h->w;
	const char *why = NULL;
	uint64_t end = w->w_now + QUIET_MS;

	w->w_wire.wi_loss = w->w_wire.wi_dup = 0;
	while (w->w_now < end) {
		world_run(w, 1000);
		why = world_check(w, 1);
		if (why == NULL)
			return NULL;
	}
	return why;
}

/* IKE SAs and child SAs that went down: none, but of two that met. */
static unsigned
downs(const struct world *w)
{
	unsigned n = 0;

	for (int i = 0; i < 2; i++)
		n += w->w_end[i].we_events[IKE_EV_IKE_DOWN] +
		    w->w_end[i].we_events[IKE_EV_CHILD_DOWN];
	return n;
}

static const char *
history(struct history *h)
{
	struct world *w = &h->w;
	unsigned unsent, lost, met, late;

	if (!world_policy_set(w, 1, &h->right) ||
	    !world_policy_set(w, 0, &h->left))
		return "a policy is refused";
	if (!world_run_up(w, 600000))
		return "no child SA within ten minutes";
	w->w_traffic_ms = 20;
	world_run(w, 20000);
	unsent = w->w_unsent;
	lost = w->w_lost;	/* before the first pair was whole */
	met = downs(w);
	for (int n = 0; n < 10; n++) {
		world_run(w, world_random(w) % 40000);
		disturb(h);
	}
	h->dead = downs(w) - met;
	/* A hard lifetime is hard, also where the wire ate the Delete. */
	late = w->w_end[0].we_reasons[IKE_R_EXPIRED] +
	    w->w_end[1].we_reasons[IKE_R_EXPIRED];
	if (h->lossy <= 5 && !h->moved)
		late = 0;
	if (h->dead + late == 0 && !h->moved && w->w_lost != lost)
		return "traffic was lost in a rekey";
	if (h->dead == 0 && w->w_unsent != unsent)
		return "there was no outbound SA for a while";
	if (h->dead != 0 && h->lossy <= 5 && !w->w_nat)
		return "an SA went down";
	return quiet(h);
}

static const char *
gone(struct history *h)
{
	h->w.w_traffic_ms = 0;
	return world_end(&h->w);
}

static bool
run_seed(uint64_t seed, bool verbose, unsigned *dead)
{
	static struct history h;
	const char *why;

	memset(&h, 0, sizeof(h));
	world_init(&h.w, seed, NULL);
	h.w.w_verbose = verbose;
	pick_wire(&h);
	pick_policies(&h);
	why = history(&h);
	if (why == NULL)
		why = gone(&h);
	if (why != NULL || verbose)
		printf("seed %llu: %s (loss %u%%, %s, delivered %u, lost %u, "
		    "unsent %u)\n    repeat: ike 1 %llu -v\n",
		    (unsigned long long)seed, why != NULL ? why : "good",
		    h.lossy, h.w.w_nat ? "NAT" : "no NAT", h.w.w_delivered,
		    h.w.w_lost, h.w.w_unsent, (unsigned long long)seed);
	*dead += h.dead != 0;
	world_free(&h.w);
	return why == NULL;
}

int
main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : SEEDS;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	bool verbose = argc > 3 && strcmp(argv[3], "-v") == 0;
	unsigned passed = 0, failed = 0, dead = 0;

	for (uint64_t seed = first; seed < first + n; seed++) {
		if (run_seed(seed, verbose, &dead))
			passed++;
		else
			failed++;
	}
	printf("in %u histories a peer was given up\n", dead);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
