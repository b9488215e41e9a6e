/* SPDX-License-Identifier: ISC */
/*
 * Reassembly (RFC 7383): fragments with any number, total and order, all with a
 * right ICV.  Three bytes make one: number, total, length in units of 16.
 * A message that is complete is of empty vendor IDs or of nothing known, and
 * whatever it is, the endpoint must live and hold one buffer at most.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/libike/forge.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ike ike;
	static struct ikesa sa;
	static uint8_t piece[256 * 16];
	struct ike_datagram dg = { .dg_data = piece };
	struct inmsg im = { .im_dg = &dg, .im_first = 43, .im_p = piece };
	unsigned whole = 0;

	memset(&ike, 0, sizeof(ike));
	memset(&sa, 0, sizeof(sa));
	sa.sa_ike = &ike;
	for (; size >= 3; data += 3, size -= 3) {
		unsigned total = data[1] % IKE_FRAGS_MAX + 1;

		im.im_p = piece;
		im.im_n = (size_t)data[2] * 16;
		im.im_hdr.h_msgid = data[0] >> 7;
		if (reasm_add(&sa, &im, data[0] % total + 1, total) ==
		    OPEN_OK) {
			whole++;
			if (im.im_n > IKE_MSG_MAX || im.im_p != ike.i_in)
				abort();
		}
		if (ike.i_objects.oc_fragments > 1 ||
		    (sa.sa_reasm[0] != NULL &&
		    sa.sa_reasm[0]->r_bytes > IKE_MSG_MAX))
			abort();
	}
	reasm_free(&sa, false);
	if (ike.i_objects.oc_fragments != 0)
		abort();
	return 0;
}
