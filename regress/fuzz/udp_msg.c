/* SPDX-License-Identifier: ISC */
/*
 * Records from a program to the UDP service: every one is answered or sent,
 * no buffer is lost, and the ports are free when the program ends.
 *
 * Input: records of { u8 operation, u8 flags, u8 port, u8 how, u8 length },
 * then length bytes of data, or, if bit 7 of how is set, of raw record.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "libutil/cur.h"
#include "netinet/udp.h"
#include "sys/testpkt.h"
#include "sys/testwire.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct world *wo;
static struct nk *nk;
static struct ifnet *em0;

static bool
swallow(void *arg, const struct udp_msg *m, const void *data, size_t len)
{
	unsigned sum = 0;

	(void)arg;
	if (m->um_op == 0)
		abort();
	for (size_t i = 0; i < len; i++)
		sum += ((const uint8_t *)data)[i];
	return sum % 7 != 6;
}

static void
record(struct udp_client *uc, struct cur *c)
{
	static const char *const addrs[] = { "10.0.0.2", "10.0.0.1", "192.0.2.1",
	    "255.255.255.255", "2001:db8::1", "127.0.0.1" };
	struct udp_msg m = { .um_op = cur_u8(c), .um_flags = cur_u8(c) };
	uint8_t rec[sizeof(m) + 256];
	unsigned how;
	size_t n;

	m.um_lport = htons((uint16_t)(cur_u8(c) % 12 + 495));
	m.um_rport = m.um_lport;
	how = cur_u8(c);
	n = cur_u8(c);
	if (n > cur_left(c))
		n = cur_left(c);
	if (how & 0x80) {
		udp_client_message(nk->nk_worker[0], uc, cur_bytes(c, n), n);
		return;
	}
	(void)addr_parse(addrs[how % 6], &m.um_raddr);
	if (how & 8)
		(void)addr_parse(addrs[how >> 4 & 3], &m.um_laddr);
	memcpy(rec, &m, sizeof(m));
	(void)cur_copy(c, rec + sizeof(m), n);
	udp_client_message(nk->nk_worker[0], uc, rec, sizeof(m) + n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct udp_client uc[2] = { { .uc_send = swallow }, { .uc_send = swallow } };
	struct cur c = cur_init(data, size);

	if (wo == NULL) {
		wo = world_new(1);
		nk = world_router(wo, "r", 1);
		em0 = world_if(wo, nk, "em0", "10.0.0.1/24", 1500);
		world_settle(wo);
	}
	nk->nk_worker[0]->w_now = world_clock(wo);
	nk_lock(nk);
	udp_client_add(nk, &uc[0]);
	udp_client_add(nk, &uc[1]);
	for (unsigned i = 0; cur_left(&c) >= 5; i++)
		record(&uc[i & 1], &c);
	udp_client_remove(nk, &uc[0]);
	udp_client_remove(nk, &uc[1]);
	nk_unlock(nk);
	for (unsigned port = 490; port < 520; port++)
		if (udp_is_natt(nk, htons((uint16_t)port)) ||
		    udp_port_bypass(nk, htons((uint16_t)port)))
			abort();
	world_run(wo, 20 * NSEC_PER_SEC);
	wire_flush(em0);
	if (world_busy(nk) != 0)
		abort();
	return 0;
}
