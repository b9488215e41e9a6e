/* SPDX-License-Identifier: ISC */
/*
 * Any datagram to an endpoint before keys: IKE_SA_INIT as responder, answers to
 * our own as initiator.  The first byte says to which end; the rest is the
 * datagram, with the initiator's real SPI put in if bit 1 is set.
 */
#include <stdint.h>
#include <string.h>

#include "../lib/libike/forge.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
drop_all(struct world *w, int from, const struct ike_datagram *dg)
{
	(void)w;
	(void)from;
	(void)dg;
	return false;
}

static struct world *
clear_world(void)
{
	static struct world w;
	static struct world_policy left, right;
	static unsigned runs;

	if (runs++ % 5000 == 0) {
		if (runs != 1)
			world_free(&w);
		world_init(&w, 1, NULL);
		world_policy_default(&w, 0, &left);
		world_policy_default(&w, 1, &right);
		w.w_tap = drop_all;
		(void)world_policy_set(&w, 1, &right);
		(void)world_policy_set(&w, 0, &left);
	}
	return &w;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = clear_world();
	uint8_t copy[8192];
	struct ikesa *sa;
	struct wcur spi = wcur_init(copy, 8);
	int to;

	if (size < 1 || size > sizeof(copy))
		return 0;
	to = data[0] & 1;
	memcpy(copy, data + 1, size - 1);
	sa = TAILQ_FIRST(&w->w_end[0].we_ike->i_sas);
	if ((data[0] & 2) && sa != NULL && size > 9)
		wcur_u64(&spi, sa->sa_spi_i);
	world_inject(w, to, copy, size - 1, (data[0] & 4) != 0);
	world_run(w, 50);
	return 0;
}
