/* SPDX-License-Identifier: ISC */
/*
 * Packet pools.
 *
 * Each worker has one pool with two classes: small buffers for ordinary
 * packets, large ones for super-packets.  A class is two mappings made at
 * start: its struct pkt side by side, and its buffers, an odd number of cache
 * lines apart, so that the headers of packets do not fight for the same cache
 * sets.  A free list is a stack: the packet freed last, still in the cache, is
 * the next one used.
 *
 * Memory is taken when it is first written.  That is why struct pkt stands
 * apart from its buffer: a receive slot that waits for a super-packet costs
 * its struct pkt and nothing of 64 KB.  What was used once stays.
 *
 * A packet that another worker frees is pushed on the pool's return stack
 * with one compare-and-swap; the owner takes the whole stack at once when
 * its own list is empty, so no packet is ever popped from it singly.
 *
 * Frames (kern/frames.h) are a third class, with memory of their own.
 */
#include "kern/pkt.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kern/nk.h"
#include "kern/pool.h"
#include "pf/explain.h"

#define LINE		64u
#define HUGE		(2u << 20)

struct pkt_class {
	struct pkt	**pc_free;	/* stack */
	unsigned	  pc_nfree;
	unsigned	  pc_fresh;	/* buffers from here on were never used */
	unsigned	  pc_n;
	uint32_t	  pc_bufsize;
	uint8_t		  pc_owner, pc_id;
	size_t		  pc_stride;	/* of buffers */
	struct pkt	 *pc_pkt;	/* of each buffer; a mapping */
	uint8_t		 *pc_mem;	/* pc_map, aligned */
	uint8_t		 *pc_map;
	size_t		  pc_maplen;
	_Alignas(LINE) struct pkt *_Atomic pc_back;
};

struct pkt_pool {
	struct pkt_class pp_class[PKT_CLASSES];
};

static size_t
class_stride(uint32_t bufsize)
{
	return ((bufsize + LINE - 1) / LINE | 1) * LINE;
}

/* Zero pages that are there once they are written; NULL: none. */
static void *
map_new(size_t len)
{
	void *m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return m == MAP_FAILED ? NULL : m;
}

static void
class_fini(struct pkt_class *pc)
{
	if (pc->pc_map != NULL)
		munmap(pc->pc_map, pc->pc_maplen);
	if (pc->pc_pkt != NULL)
		munmap(pc->pc_pkt, pc->pc_n * sizeof(*pc->pc_pkt));
	free(pc->pc_free);
	pc->pc_map = NULL;
	pc->pc_pkt = NULL;
	pc->pc_free = NULL;
}

static bool
class_init(struct pkt_class *pc, enum pkt_class_id id, unsigned n, uint32_t bufsize,
    unsigned owner)
{
	uintptr_t at;

	atomic_init(&pc->pc_back, NULL);
	pc->pc_id = (uint8_t)id;
	pc->pc_n = n;
	pc->pc_bufsize = bufsize;
	pc->pc_owner = (uint8_t)owner;
	pc->pc_stride = class_stride(bufsize);
	pc->pc_free = calloc(n, sizeof(*pc->pc_free));
	pc->pc_pkt = map_new(n * sizeof(*pc->pc_pkt));
	pc->pc_maplen = n * pc->pc_stride + HUGE;
	pc->pc_map = map_new(pc->pc_maplen);
	if (pc->pc_free == NULL || pc->pc_pkt == NULL || pc->pc_map == NULL)
		return false;
	at = (uintptr_t)pc->pc_map;
	pc->pc_mem = pc->pc_map + (HUGE - at % HUGE) % HUGE;
	(void)madvise(pc->pc_mem, n * pc->pc_stride, MADV_HUGEPAGE);
	return true;
}

struct pkt_pool *
pkt_pool_new(unsigned owner, unsigned nsmall, unsigned nlarge)
{
	struct pkt_pool *pp = aligned_alloc(LINE, sizeof(*pp));

	if (pp == NULL)
		return NULL;
	memset(pp, 0, sizeof(*pp));
	if (!class_init(&pp->pp_class[PKT_CLASS_SMALL], PKT_CLASS_SMALL, nsmall, PKT_SMALL,
	    owner) || !class_init(&pp->pp_class[PKT_CLASS_LARGE], PKT_CLASS_LARGE, nlarge,
	    PKT_LARGE, owner)) {
		pkt_pool_free(pp);
		return NULL;
	}
	return pp;
}

void
pkt_pool_free(struct pkt_pool *pp)
{
	if (pp == NULL)
		return;
	class_fini(&pp->pp_class[PKT_CLASS_SMALL]);
	class_fini(&pp->pp_class[PKT_CLASS_LARGE]);
	free(pp);
}

/* A buffer that was never used. */
static struct pkt *
class_fresh(struct pkt_class *pc)
{
	struct pkt *p = &pc->pc_pkt[pc->pc_fresh];

	p->pkt_buf = pc->pc_mem + pc->pc_fresh++ * pc->pc_stride;
	p->pkt_bufsize = pc->pc_bufsize;
	p->pkt_owner = pc->pc_owner;
	p->pkt_class = pc->pc_id;
	return p;
}

/* What other workers gave back. */
static void
class_collect(struct pkt_class *pc)
{
	struct pkt *p, *next;

	for (p = atomic_exchange(&pc->pc_back, NULL); p != NULL; p = next) {
		next = p->pkt_link;
		pc->pc_free[pc->pc_nfree++] = p;
	}
}

/* The stack is empty: from elsewhere, or NULL. */
static struct pkt *
class_refill(struct pkt_class *pc)
{
	class_collect(pc);
	if (pc->pc_nfree != 0)
		return pc->pc_free[--pc->pc_nfree];
	return pc->pc_fresh < pc->pc_n ? class_fresh(pc) : NULL;
}

static unsigned
class_nfree(const struct pkt_class *pc)
{
	return pc->pc_nfree + pc->pc_n - pc->pc_fresh;
}

void
pkt_pool_usage(struct pkt_pool *pp, struct pkt_usage *u)
{
	for (unsigned i = 0; i < PKT_CLASSES; i++)
		class_collect(&pp->pp_class[i]);
	u->pu_small = pp->pp_class[PKT_CLASS_SMALL].pc_n;
	u->pu_small_free = class_nfree(&pp->pp_class[PKT_CLASS_SMALL]);
	u->pu_large = pp->pp_class[PKT_CLASS_LARGE].pc_n;
	u->pu_large_free = class_nfree(&pp->pp_class[PKT_CLASS_LARGE]);
	u->pu_frames = pp->pp_class[PKT_CLASS_FRAME].pc_n;
	u->pu_frames_free = class_nfree(&pp->pp_class[PKT_CLASS_FRAME]);
}

bool
pkt_waits_room(const struct nk *nk, const struct pkt_waits *pw, const struct pkt *p)
{
	const struct pkt_pool *pp = nk->nk_worker[p->pkt_owner]->w_pool;

	if (nk->nk_explain != NULL)
		return explain_room(nk, pw, p);
	return pw->pw_n[p->pkt_owner][p->pkt_class] < (pp->pp_class[p->pkt_class].pc_n + 7) / 8;
}

/*
 * Zeroes all metadata in front of pkt_buf, by words of 16 bytes: a call of
 * memset() would cost more than the stores.
 */
static inline void
pkt_zero(struct pkt *p)
{
	uint8_t *at = (uint8_t *)p;

	_Static_assert(offsetof(struct pkt, pkt_buf) == 11 * 16, "all of it");
	memset(at, 0, 16);
	memset(at + 16, 0, 16);
	memset(at + 32, 0, 16);
	memset(at + 48, 0, 16);
	memset(at + 64, 0, 16);
	memset(at + 80, 0, 16);
	memset(at + 96, 0, 16);
	memset(at + 112, 0, 16);
	memset(at + 128, 0, 16);
	memset(at + 144, 0, 16);
	memset(at + 160, 0, 16);
}

struct pkt *
pkt_alloc(struct worker *w, uint32_t len)
{
	bool large = len > PKT_SMALL - PKT_HEADROOM - PKT_TAILROOM;
	struct pkt_class *pc = &w->w_pool->pp_class[large];
	struct pkt *p;

	if (__builtin_expect(len > PKT_LARGE - PKT_HEADROOM - PKT_TAILROOM, 0))
		p = NULL;
	else if (__builtin_expect(pc->pc_nfree != 0, 1))
		p = pc->pc_free[--pc->pc_nfree];
	else
		p = class_refill(pc);
	if (__builtin_expect(p == NULL, 0)) {
		counter_add(&w->w_drop[DROP_NOBUF], 1);
		return NULL;
	}
	pkt_zero(p);
	p->pkt_flags = large ? PKT_F_LARGE : 0;
	p->pkt_data = p->pkt_buf + PKT_HEADROOM;
	return p;
}

void
pkt_pool_frames(struct pkt_pool *pp, struct pkt *pkts, struct pkt **stack, unsigned n)
{
	struct pkt_class *pc = &pp->pp_class[PKT_CLASS_FRAME];

	atomic_init(&pc->pc_back, NULL);
	pc->pc_free = stack;
	for (pc->pc_nfree = 0; pc->pc_nfree < n; pc->pc_nfree++)
		pc->pc_free[pc->pc_nfree] = &pkts[n - 1 - pc->pc_nfree];
	pc->pc_n = pc->pc_fresh = n;
}

struct pkt *
pkt_frame(struct worker *w)
{
	struct pkt_class *pc = &w->w_pool->pp_class[PKT_CLASS_FRAME];

	return __builtin_expect(pc->pc_nfree != 0, 1) ? pc->pc_free[--pc->pc_nfree] :
	    class_refill(pc);
}

bool
pkt_frames_scarce(struct worker *w, unsigned n)
{
	struct pkt_class *pc = &w->w_pool->pp_class[PKT_CLASS_FRAME];

	if (__builtin_expect(pc->pc_nfree >= n, 1))
		return false;
	class_collect(pc);
	return pc->pc_nfree < n;
}

void
pkt_frame_begin(struct pkt *p, uint8_t *data, uint32_t len)
{
	pkt_zero(p);
	p->pkt_data = data;
	p->pkt_len = len;
}

struct pkt *
pkt_copy(struct worker *w, const struct pkt *p)
{
	struct pkt *c = pkt_alloc(w, p->pkt_len);
	uint16_t large;

	if (c == NULL)
		return NULL;
	large = c->pkt_flags & PKT_F_LARGE;
	memcpy(c, p, offsetof(struct pkt, pkt_buf));
	c->pkt_flags = (uint16_t)((p->pkt_flags & ~PKT_F_LARGE) | large);
	c->pkt_link = NULL;
	c->pkt_data = c->pkt_buf + PKT_HEADROOM;
	if (p->pkt_l4 != NULL)
		c->pkt_l4 = c->pkt_data + (p->pkt_l4 - p->pkt_data);
	if (p->pkt_csum_base != NULL)
		c->pkt_csum_base = c->pkt_data + (p->pkt_csum_base - p->pkt_data);
	memcpy(c->pkt_data, p->pkt_data, p->pkt_len);
	return c;
}

void
pkt_free(struct worker *w, struct pkt *p)
{
	struct pkt_class *pc;

	if (__builtin_expect(p->pkt_owner == w->w_id, 1)) {
		pc = &w->w_pool->pp_class[p->pkt_class];
		pc->pc_free[pc->pc_nfree++] = p;
		return;
	}
	pc = &w->w_nk->nk_worker[p->pkt_owner]->w_pool->pp_class[p->pkt_class];
	p->pkt_link = atomic_load_explicit(&pc->pc_back, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&pc->pc_back, &p->pkt_link, p))
		continue;
}

enum pkt_next
pkt_drop(struct worker *w, struct pkt *p, enum drop_reason why)
{
	counter_add(&w->w_drop[why], 1);
	p->pkt_drop = (uint8_t)why;
	pkt_free(w, p);
	return PKT_NEXT_DONE;
}
