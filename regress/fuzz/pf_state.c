/* SPDX-License-Identifier: ISC */
/*
 * Packets of two stations through a router whose rules keep state: a few
 * bytes of input make each, so that sequence numbers, flags and answers meet
 * in the same few flows; and time passes in between.  Whatever comes, no
 * packet is lost track of, and states end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libutil/cur.h"
#include "net/arp.h"
#include "pf/flow.h"
#include "sys/pf/load.h"
#include "sys/testpkt.h"
#include "sys/testwire.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define A	"10.0.0.2"
#define B	"10.0.1.2"

static const char *const rulesets[] = {
	"block all\npass in on em0\npass out on em1\n",
	"block return all\npass in on em0 flags any\npass out flags any\npass in proto icmp\n",
	"pass all no state\nblock in on em1 proto tcp flags S/SA\n",
	("set timeout { tcp.first 2, tcp.opening 2, udp.first 1 }\nset limit states 4\n"
	    "pass log (all) tag x\nblock return-icmp in on em1 ! tagged x\n"),
};

static uint8_t last[20 + 28];		/* head of the last packet, for ICMP errors */

static size_t
build(uint8_t *f, struct cur *c, bool from_a, const struct ifnet *ifp)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 1, 1, 47, 50 };
	uint8_t kind = cur_u8(c), ports = cur_u8(c);
	struct tp_spec s = { .tp_src = from_a ? A : B, .tp_dst = from_a ? B : A,
	    .tp_dmac = ifp->if_mac, .tp_proto = protos[kind & 7], .tp_len = kind >> 3 };
	size_t n;

	s.tp_sport = (uint16_t)(1000 + (from_a ? ports & 3 : ports >> 2 & 3));
	s.tp_dport = (uint16_t)(1000 + (from_a ? ports >> 2 & 3 : ports & 3));
	if (s.tp_proto == 6) {
		s.tp_flags = cur_u8(c);
		s.tp_seq = cur_u16(c) * 97u;
		s.tp_ack = cur_u16(c) * 97u;
	} else if (s.tp_proto == 1) {
		s.tp_flags = cur_u8(c);
		if (s.tp_flags != 8 && s.tp_flags != 0) {
			s.tp_data = last;
			s.tp_len = 28;
		}
		s.tp_sport = s.tp_dport = 7;
	}
	n = tp_build(f, &s);
	if (ports & 0x80) {		/* bend a byte, and make the sums right again */
		f[TP_ETHER + 20 + cur_u8(c) % (n - TP_ETHER - 20 + 1)] = cur_u8(c);
		tp_finish(f + TP_ETHER, n - TP_ETHER);
	}
	memcpy(last, f + TP_ETHER, n - TP_ETHER < 28 ? n - TP_ETHER : 28);
	return n;
}

static void
know(struct nk *nk, const char *text, uint8_t x)
{
	uint8_t mac[6] = { 2, x, x, x, x, x };
	struct addr a;

	if (!addr_parse(text, &a) || arp_set(nk, &a, mac) != 0)
		abort();
}

static void
play(struct world *wo, struct ifnet *const end[2], struct cur *c)
{
	uint8_t frame[2048] = { 0 };

	for (unsigned i = 0; i < 200 && cur_left(c) > 2; i++) {
		uint8_t what = cur_u8(c);
		unsigned side = what & 1;

		if ((what & 0xf0) == 0xf0)
			world_run(wo, (uint64_t)(what & 0xe) * NSEC_PER_SEC / 2);
		else
			wire_put_now(wo, end[side], frame,
			    build(frame, c, side == 0, end[side]));
		wire_flush(end[0]);
		wire_flush(end[1]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct world *wo;
	static struct nk *nk;
	static struct ifnet *end[2];
	struct cur c = cur_init(data, len);

	if (wo == NULL) {
		wo = world_new(1);
		nk = world_router(wo, "r", 1);
		end[0] = world_if(wo, nk, "em0", "10.0.0.1/24", 1500);
		end[1] = world_if(wo, nk, "em1", "10.0.1.1/24", 1500);
		know(nk, A, 0xa);
		know(nk, B, 0xb);
	}
	load(nk, rulesets[cur_u8(&c) & 3]);
	play(wo, end, &c);
	/* the rest of the states lasts for minutes or a day */
	world_run(wo, 2 * NSEC_PER_SEC);
	flow_flush(nk->nk_worker[0]);
	if (flow_count(nk->nk_worker[0]) != 0 || world_busy(nk) != 0) {
		fprintf(stderr, "%llu states, %u packets left\n",
		    (unsigned long long)flow_count(nk->nk_worker[0]), world_busy(nk));
		abort();
	}
	return 0;
}
