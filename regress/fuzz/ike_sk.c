/* SPDX-License-Identifier: ISC */
/*
 * Any payloads of an authenticated peer: byte 0 says the exchange (bits 0 and
 * 1), the receiving end (bit 2) and whether it is a response (bit 3); byte 1 is
 * the type of the first payload; the rest is what SK decrypts to.
 */
#include <stdint.h>

#include "../lib/libike/forge.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world *
sk_world(void)
{
	static struct world w;
	static struct world_policy left, right;
	static bool there;
	static unsigned runs;

	if (there && runs++ % 2000 != 0 && forge_sa(&w, 0) != NULL &&
	    forge_sa(&w, 1) != NULL)
		return &w;
	if (there)
		world_free(&w);
	there = true;
	world_init(&w, 1, NULL);
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
	(void)world_policy_set(&w, 1, &right);
	(void)world_policy_set(&w, 0, &left);
	(void)world_run_up(&w, 10000);
	return &w;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w;
	int to;

	if (size < 2 || size > 4096)
		return 0;
	w = sk_world();
	to = data[0] >> 2 & 1;
	/* A request of its own, so that there is something to answer. */
	if (data[0] & 8) {
		(void)ike_command(w->w_end[to].we_ike, w->w_now, data[0] & 16 ?
		    IKE_CMD_REKEY : IKE_CMD_REKEY_IKE, NULL);
		world_drain(w, to);
		world_run(w, 5);
	}
	(void)forge_send(w, to, (uint8_t)(IKE_X_SA_INIT + (data[0] & 3)),
	    (data[0] & 8) != 0, data[1], data + 2, size - 2);
	world_run(w, 20);
	return 0;
}
