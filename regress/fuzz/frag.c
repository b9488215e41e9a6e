/* SPDX-License-Identifier: ISC */
/*
 * Fragments of up to four packets in any order, beside a model that knows
 * only the rule: a packet comes out exactly when its bytes are all there and
 * no two different pieces ever met; and then with the right bytes.
 *
 * Input: records of { u8: packet (2 bits), last (1), time passes (1),
 * other bytes (1); u8 offset / 8; u8 length }.
 */
#include <stdlib.h>

#include "libutil/cur.h"
#include "netinet/frag.h"
#include "netinet/ip.h"
#include "sys/testpkt.h"
#include "sys/testwire.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define SPACE	(256 * 8 + 256)

struct piece {
	unsigned	off, len;
	bool		last, other;
};

/* What the model knows of one packet. */
struct model {
	struct piece	mo_piece[FRAG_PIECES];
	unsigned	mo_n;
	bool		mo_known, mo_dead;
	uint64_t	mo_since;
};

static struct world *wo;
static struct nk *nk;
static struct ifnet *em0;
static struct model model[4];

static uint8_t
byte_at(unsigned id, unsigned off, bool other)
{
	return (uint8_t)(id * 31 + off * 7 + (off >> 8) + other);
}

/* What the model says of a piece: 1 the packet is whole now, 0 not, -1 malformed. */
static int
model_add(struct model *mo, struct piece p)
{
	unsigned end = 0, sum = 0;
	bool again = false, clash = false;

	if (p.len == 0 || (!p.last && p.len % 8 != 0))
		return -1;
	if (mo->mo_known && world_now(wo) >= mo->mo_since + FRAG_TIMEOUT_NS)
		*mo = (struct model){ 0 };
	if (!mo->mo_known)
		*mo = (struct model){ .mo_known = true, .mo_since = world_now(wo) };
	if (mo->mo_dead)
		return 0;
	for (unsigned i = 0; i < mo->mo_n; i++) {
		struct piece q = mo->mo_piece[i];

		if (q.off == p.off && q.len == p.len && q.last == p.last && q.other == p.other)
			again = true;
		else if (p.off < q.off + q.len && q.off < p.off + p.len)
			clash = true;
		if (p.last && (q.last || q.off >= p.off + p.len))
			clash |= !(q.off == p.off && q.len == p.len && q.last &&
			    q.other == p.other);
		if (q.last && !p.last && p.off + p.len > q.off + q.len)
			clash = true;
	}
	if (again && !clash)
		return 0;
	if (clash) {
		mo->mo_dead = true;
		return 0;
	}
	if (mo->mo_n == FRAG_PIECES)
		return 0;
	mo->mo_piece[mo->mo_n++] = p;
	for (unsigned i = 0; i < mo->mo_n; i++) {
		sum += mo->mo_piece[i].len;
		if (mo->mo_piece[i].last)
			end = mo->mo_piece[i].off + mo->mo_piece[i].len;
	}
	return end != 0 && sum == end;
}

/* The piece as a packet, to the table; what comes out. */
static struct pkt *
table_add(unsigned id, struct piece p)
{
	struct worker *w = nk->nk_worker[0];
	uint8_t data[256], f[512];
	struct tp_spec s = { .tp_src = "10.0.0.2", .tp_dst = "10.9.0.1", .tp_proto = 253,
	    .tp_id = (uint16_t)id, .tp_off = (uint16_t)(p.off / 8 | (p.last ? 0 : 0x2000)),
	    .tp_data = data, .tp_len = p.len };
	size_t n;
	struct pkt *pk;

	for (unsigned i = 0; i < p.len; i++)
		data[i] = byte_at(id, p.off + i, p.other);
	n = tp_build(f, &s) - TP_ETHER;
	if ((pk = pkt_alloc(w, (uint32_t)n)) == NULL)
		abort();
	memcpy(pk->pkt_data, f + TP_ETHER, n);
	pk->pkt_len = (uint32_t)n;
	pk->pkt_ifp = em0;
	w->w_now = world_clock(wo);
	if (ip_parse(pk) != DROP_NONE)
		abort();
	if (!ip_is_fragment(pk)) {
		pkt_free(w, pk);
		return NULL;
	}
	return frag_input(w, pk);
}

static void
check_whole(unsigned id, const struct model *mo, struct pkt *pk)
{
	const uint8_t *d = pk->pkt_data + 20;

	if (!tp_valid(pk->pkt_data, pk->pkt_len))
		abort();
	for (unsigned i = 0; i < mo->mo_n; i++)
		for (unsigned k = 0; k < mo->mo_piece[i].len; k++)
			if (d[mo->mo_piece[i].off + k] != byte_at(id,
			    mo->mo_piece[i].off + k, mo->mo_piece[i].other))
				abort();
}

static void
step(unsigned b, unsigned off, unsigned len)
{
	unsigned id = b & 3;
	struct piece p = { off * 8, len, (b & 4) != 0, (b & 16) != 0 };
	struct pkt *pk;
	int whole;

	if (b & 8)
		world_run(wo, 5 * NSEC_PER_SEC + (uint64_t)b * NSEC_PER_MSEC);
	if (p.off == 0 && p.last)
		return;			/* no fragment at all */
	whole = model_add(&model[id], p);
	pk = table_add(id, p);
	if ((pk != NULL) != (whole == 1))
		abort();
	if (pk != NULL) {
		check_whole(id, &model[id], pk);
		pkt_free(nk->nk_worker[0], pk);
		model[id] = (struct model){ 0 };
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur c = cur_init(data, size);

	if (wo == NULL) {
		wo = world_new(1);
		nk = world_router(wo, "r", 1);
		em0 = world_if(wo, nk, "em0", "10.0.0.1/24", 1500);
		world_settle(wo);
	}
	memset(model, 0, sizeof(model));
	while (cur_left(&c) >= 3) {
		unsigned b = cur_u8(&c), off = cur_u8(&c), len = cur_u8(&c);

		step(b, off, len);
	}
	world_run(wo, FRAG_TIMEOUT_NS + NSEC_PER_SEC);
	wire_flush(em0);
	if (world_busy(nk) != 0 || frag_pending(nk->nk_worker[0]) != 0)
		abort();
	return 0;
}
