/* SPDX-License-Identifier: ISC */
/*
 * Two gateways for a script: seals and opens packets that it names in lines.
 *
 *	seal SUITE ESN NATT SEQ HEX	an inner packet at A: prints the outer one
 *	open SUITE ESN NATT SEQ HEX	an outer packet at B: prints the inner one
 *
 * ESN and NATT are 0 or 1, SEQ is the last sequence number used before.  "-"
 * is printed if nothing came out.  Keys are those of sa_params() with seed 1:
 * bytes 31 + 7 i + 1 for encryption, 17 + 5 i + 2 for integrity.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateways.h"
#include "test.h"

static struct gateways gw;
static uint8_t out[4096];
static size_t out_len;

static void
tap(void *arg, struct ifnet *from, const uint8_t *frame, size_t len)
{
	(void)arg;
	if (from == gw.gw_a_out && frame[12] == 8 && frame[13] == 0 && len <= sizeof(out)) {
		memcpy(out, frame + 14, len - 14);
		out_len = len - 14;
	}
}

static void
run(const char *op, const struct gateways_conf *gc, const uint8_t *packet, size_t n)
{
	static const uint8_t host[6] = { 2, 0xee, 0, 0, 0, 1 };
	uint8_t frame[4096] = { 0 };
	bool seal = strcmp(op, "seal") == 0;
	struct ifnet *in;

	out_len = 0;
	gateways_open(&gw, gc);
	world_tap(gw.gw_world, tap, NULL);
	in = seal ? gw.gw_a_in : gw.gw_b_out;
	memcpy(frame, in->if_mac, 6);
	memcpy(frame + 6, host, 6);
	frame[12] = 8;
	memcpy(frame + 14, packet, n);
	wire_put_now(gw.gw_world, in, frame, n + 14);
	world_settle(gw.gw_world);
	if (!seal)
		out_len = take_b(&gw, out, sizeof(out));
	if (out_len == 0)
		putchar('-');
	for (size_t i = 0; i < out_len; i++)
		printf("%02x", out[i]);
	putchar('\n');
	fflush(stdout);
	world_free(gw.gw_world);
}

int
main(void)
{
	char op[8], suite[64];
	static char hex[8192];
	static uint8_t packet[4096];
	unsigned esn, natt;
	unsigned long long seq;

	while (scanf("%7s %63s %u %u %llu %8191s", op, suite, &esn, &natt, &seq, hex) == 6) {
		struct gateways_conf gc = { .gc_suite = suite_by_name(suite), .gc_mode = SA_TUNNEL,
		    .gc_seq = seq, .gc_wire = { .wi_loss = 1000 },
		    .gc_flags = (uint16_t)((esn ? SA_F_ESN : 0) | (natt ? SA_F_NATT : 0)) };

		run(op, &gc, packet, test_hex(hex, packet, sizeof(packet)));
	}
	return 0;
}
