/* SPDX-License-Identifier: ISC */
/*
 * ESP packets at a gateway.  The first byte says how the rest arrives:
 *
 *	bit 0	what only a keyholder can send: the rest is the text behind a
 *		right ICV (payload, padding, next header); else it is the bytes
 *		behind the outer IP header
 *	bit 1	in UDP
 *	bit 2	to the transport mode SA
 */
#include "sys/netipsec/gateways.h"

#include <CUnit/CUnit.h>
#include <linux/pfkeyv2.h>

#include "crypto/xform.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define SPI_TUNNEL	0xabab0001u
#define SPI_TRANSPORT	0xabab0002u
#define SPI_NATT	0x10u

static struct gateways gw;
static struct sa *sas[4];

static struct sa *
add(uint32_t spi, uint8_t mode, uint16_t flags)
{
	struct sa_params pp;
	const char *err = "";
	struct sa *sa;

	sa_params(&pp, suite_by_name("null+hmac-sha2-256"), "192.0.2.1", "192.0.2.2", spi, mode, 1);
	pp.spp_flags = flags | SA_F_NOREPLAY;
	pp.spp_window = 0;
	pp.spp_natt_sport = pp.spp_natt_dport = htons(4500);
	nk_lock(gw.gw_b);
	if (sad_add(gw.gw_b, world_clock(gw.gw_world), &pp, &err, &sa) != 0)
		abort();
	nk_unlock(gw.gw_b);
	return sa;
}

static void
start(void)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL, .gc_flags = SA_F_NATT,
	    .gc_wire = { .wi_loss = 1000 } };

	gateways_open(&gw, &gc);
	sas[0] = add(SPI_TUNNEL, SA_TUNNEL, 0);
	sas[1] = add(SPI_TUNNEL + SPI_NATT, SA_TUNNEL, SA_F_NATT);
	sas[2] = add(SPI_TRANSPORT, SA_TRANSPORT, 0);
	sas[3] = add(SPI_TRANSPORT + SPI_NATT, SA_TRANSPORT, SA_F_NATT);
}

/* Header, text and ICV of one ESP packet; its length. */
static size_t
seal(struct sa *sa, uint8_t *esp, const uint8_t *text, size_t n)
{
	struct xform_job job = { .xj_key = sa->sa_key, .xj_esp = esp };

	n = (n + 3) & ~(size_t)3;
	memset(esp, 0, 8 + n);
	memcpy(esp, &sa->sa_spi, 4);
	esp[7] = 1;
	memcpy(esp + 8, text, n);
	job.xj_len = (uint32_t)n;
	xform_seal(gw.gw_b->nk_worker[0]->w_xform, sa->sa_xform, &job, 1);
	return 8 + n + sa->sa_icvlen;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t frame[4096] = { 0 }, text[2048] = { 0 }, *ip = frame + 14, *at = ip + 20;
	bool natt;
	size_t n;

	if (gw.gw_world == NULL)
		start();
	if (size < 5 || size > 1800)
		return 0;
	natt = (data[0] & 2) != 0;
	memcpy(text, data + 1, size - 1);
	at += natt ? 8 : 0;
	if (data[0] & 1) {
		n = seal(sas[(natt ? 1 : 0) | (data[0] & 4) >> 1], at, text, size - 1);
	} else {
		n = size - 1;
		memcpy(at, text, n);
	}
	if (natt) {
		tp_put16(at - 8, 4500);
		tp_put16(at - 6, 4500);
		tp_put16(at - 4, (unsigned)(n + 8));
		n += 8;
	}
	ip[0] = 0x45;
	tp_put16(ip + 2, (unsigned)(20 + n));
	ip[8] = 64;
	ip[9] = natt ? 17 : 50;
	tp_put32(ip + 12, 0xc0000201);
	tp_put32(ip + 16, 0xc0000202);
	tp_put16(ip + 10, (uint16_t)~tp_sum(ip, 20, 0));
	frame[12] = 8;
	memcpy(frame, gw.gw_b_out->if_mac, 6);
	wire_put_now(gw.gw_world, gw.gw_b_out, frame, 34 + n);
	wire_flush(gw.gw_b_in);
	for (int i = 0; i < 4; i++) {
		if (sas[i]->sa_state != SA_MATURE)
			abort();
	}
	return 0;
}
