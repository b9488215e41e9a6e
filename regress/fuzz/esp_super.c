/* SPDX-License-Identifier: ISC */
/*
 * Super-packets of ESP in UDP at a gateway, as a device hands them up.  The
 * input: flags, kind and segment size of the virtio header (size 0: that of
 * the first piece), how much of the end is cut, then pieces, each an
 * operation and a length, and bytes:
 *
 *	0	the bytes as they are
 *	1	what only a keyholder can send: the bytes are the text behind a right ICV
 *	2	the same, filled up to the size of the first such piece
 *	3	IKE: the non-ESP marker and the bytes
 */
#include "sys/netipsec/gateways.h"

#include <CUnit/CUnit.h>

#include "crypto/xform.h"
#include "dev/vnet.h"
#include "libutil/cur.h"
#include "net/ether.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define SPI		0xabab0011u
#define OUTER		(14 + 20 + 8)
#define FRAME_MAX	60000u

static struct gateways gw;
static struct sa *sa;
static uint8_t frame[FRAME_MAX + 1024];
static size_t len;		/* of it */

static void
start(void)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL, .gc_flags = SA_F_NATT,
	    .gc_wire = { .wi_loss = 1000 } };
	struct sa_params pp;
	const char *err = "";

	gateways_open(&gw, &gc);
	sa_params(&pp, suite_by_name("aes-128-gcm"), "192.0.2.1", "192.0.2.2", SPI, SA_TUNNEL, 1);
	pp.spp_flags = SA_F_NATT;
	pp.spp_natt_sport = pp.spp_natt_dport = htons(4500);
	nk_lock(gw.gw_b);
	if (sad_add(gw.gw_b, world_clock(gw.gw_world), &pp, &err, &sa) != 0)
		abort();
	nk_unlock(gw.gw_b);
}

static void
seal(const uint8_t *text, size_t n, size_t whole)
{
	static uint32_t seq;
	struct xform_job job = { .xj_key = sa->sa_key, .xj_esp = frame + len, .xj_iv = ++seq };

	if (n < whole)
		n = whole;
	n = (n + 3) & ~(size_t)3;
	memset(job.xj_esp, 0, 16 + n);
	memcpy(job.xj_esp, &sa->sa_spi, 4);
	tp_put32(job.xj_esp + 4, seq);
	memcpy(job.xj_esp + 16, text, n < 256 ? n : 256);
	job.xj_len = (uint32_t)n;
	xform_seal(gw.gw_b->nk_worker[0]->w_xform, sa->sa_xform, &job, 1);
	len += 16 + n + 16;
}

static void
pieces(struct cur *c)
{
	uint8_t text[256];
	size_t first = 0, n, was;
	unsigned op;

	while (cur_left(c) >= 2 && len < FRAME_MAX) {
		op = cur_u8(c) & 3;
		n = cur_u8(c);
		n = n < cur_left(c) ? n : cur_left(c);
		memset(text, 0, sizeof(text));
		(void)cur_copy(c, text, n);
		was = len;
		if (op == 1 || op == 2) {
			seal(text, n == 0 ? 1 : n, op == 2 && first > 32 ? first - 32 : 0);
			first = first == 0 ? len - was : first;
			continue;
		}
		if (op == 3) {
			memset(frame + len, 0, 4);
			len += 4;
		}
		memcpy(frame + len, text, n);
		len += n;
	}
}

static void
headers(void)
{
	uint8_t *ip = frame + 14;

	memset(frame, 0, OUTER);
	memcpy(frame, gw.gw_b_out->if_mac, 6);
	frame[12] = 8;
	ip[0] = 0x45;
	tp_put16(ip + 2, (unsigned)(len - 14));
	ip[8] = 64;
	ip[9] = 17;
	tp_put32(ip + 12, 0xc0000201);
	tp_put32(ip + 16, 0xc0000202);
	tp_put16(ip + 10, (uint16_t)~tp_sum(ip, 20, 0));
	tp_put16(ip + 20, 4500);
	tp_put16(ip + 22, 4500);
	tp_put16(ip + 24, (unsigned)(len - 34));
}

/* The size of the first piece, as its operation makes it. */
static uint16_t
first_size(struct cur c)
{
	unsigned op = cur_u8(&c) & 3, n = cur_u8(&c);

	if (op == 1 || op == 2)
		return (uint16_t)(32 + ((n == 0 ? 1 : n) + 3) / 4 * 4);
	return (uint16_t)(n + (op == 3 ? 4 : 0));
}

static void
hand_up(struct virtio_net_hdr *h)
{
	struct worker *w = gw.gw_b->nk_worker[0];
	struct vnet_slot vs = { .vs_small = NULL };
	struct pktvec v = { .pv_n = 0 };
	struct pkt *p;

	if (!vnet_slot_fill(w, &vs))
		abort();
	memcpy(vs.vs_iov[0].iov_base, h, VNET_HLEN);
	memcpy((uint8_t *)vs.vs_iov[0].iov_base + VNET_HLEN, frame,
	    len < VNET_FIRST ? len : VNET_FIRST);
	if (len > VNET_FIRST)
		memcpy(vs.vs_iov[1].iov_base, frame + VNET_FIRST, len - VNET_FIRST);
	if ((p = vnet_slot_take(&vs, VNET_HLEN + len)) != NULL) {
		pktvec_add(&v, p);
		ether_input(w, gw.gw_b_out, &v);
	}
	vnet_slot_free(w, &vs);
	world_settle(gw.gw_world);
	wire_flush(gw.gw_b_in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur c = cur_init(data, size);
	struct virtio_net_hdr h = { .csum_start = 34, .csum_offset = 6 };
	static unsigned runs;
	size_t cut;

	if (gw.gw_world == NULL)
		start();
	if (size < 7)
		return 0;
	h.flags = cur_u8(&c);
	h.gso_type = cur_u8(&c);
	h.gso_size = cur_u16(&c);
	cut = cur_u8(&c);
	if (h.gso_size == 0)
		h.gso_size = first_size(c);
	len = OUTER;
	pieces(&c);
	len -= cut < len - OUTER ? cut : 0;
	headers();
	hand_up(&h);
	if (sa->sa_state != SA_MATURE)
		abort();
	if (++runs % 1024 != 0)
		return 0;
	world_run(gw.gw_world, 90 * NSEC_PER_SEC);	/* fragments that wait for others go */
	if (world_busy(gw.gw_b) != 0)
		abort();
	return 0;
}
