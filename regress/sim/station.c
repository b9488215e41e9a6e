/* SPDX-License-Identifier: ISC */
/*
 * The stations behind two gateways (station.h).
 */
#include <string.h>

#include "gateway.h"
#include "netinet/ip.h"
#include "pf/flow.h"
#include "station.h"

#define FRAME		200

static void
station_send(struct gateway *g)
{
	uint8_t f[FRAME] = { 0 };
	uint8_t *ip = f + 14, *udp = ip + 20;
	uint32_t n = g->g_sent++;
	uint16_t sum;

	memcpy(f, g->g_lan->if_mac, 6);
	memcpy(f + 6, station_mac, 6);
	f[12] = 8;
	ip[0] = 0x45;
	ip[3] = FRAME - 14;
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	ip[12] = ip[16] = 10;
	ip[13] = g->g_net;
	ip[17] = g->g_peer->g_net;
	ip[15] = ip[19] = 2;
	sum = in_fold(in_sum(ip, 20, 0));
	memcpy(ip + 10, &sum, 2);
	udp[0] = 0x10;
	udp[2] = 0x20;
	udp[5] = FRAME - 34;
	memcpy(udp + 8, &n, 4);
	for (unsigned i = 46; i < FRAME; i++)
		f[i] = (uint8_t)(n + i);
	wire_put(g->g_lan, f, sizeof(f));
}

static void
station_receive(struct gateway *g)
{
	uint8_t f[WIRE_FRAME_MAX];
	size_t len;

	while ((len = wire_take(g->g_lan, f, sizeof(f))) != 0) {
		uint32_t n;

		if (len != FRAME || f[23] != IPPROTO_UDP ||
		    f[27] != g->g_peer->g_net) {
			if (f[12] == 8 && f[13] == 6)
				continue;	/* ARP */
			bad(g->g_sim, "a packet that nobody sent", g->g_name,
			    len);
			continue;
		}
		memcpy(&n, f + 42, 4);
		for (unsigned i = 46; i < FRAME; i++)
			if (f[i] != (uint8_t)(n + i)) {
				bad(g->g_sim, "a changed packet", g->g_name, n);
				break;
			}
		if (n >= g->g_peer->g_sent || g->g_seen[n])
			bad(g->g_sim, "a packet twice", g->g_name, n);
		else
			g->g_seen[n] = 1;
		g->g_got++;
	}
}

static void
step(struct sim *s, unsigned senders)
{
	for (unsigned i = 0; i < 2; i++)
		if ((senders >> i & 1) != 0 && world_rand(s->s_wo) % 16 == 0 &&
		    s->s_gw[i].g_sent < PACKETS_MAX)
			station_send(&s->s_gw[i]);
	world_run(s->s_wo, STEP_NS);
	for (unsigned i = 0; i < 2; i++) {
		gateway_turn(&s->s_gw[i]);
		station_receive(&s->s_gw[i]);
	}
}

void
stations_run(struct sim *s, unsigned ms, unsigned senders)
{
	for (uint64_t n = ms * NSEC_PER_MSEC / STEP_NS; n != 0; n--)
		step(s, senders);
}
