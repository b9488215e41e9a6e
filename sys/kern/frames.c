/* SPDX-License-Identifier: ISC */
/*
 * The memory of frames, and their packets beside it.  Frames must lie at
 * multiples of their size; their struct pkt stand in an array of their own, a
 * distance apart that does not send them all to the same sets of a cache.
 */
#include "kern/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kern/pool.h"

static void
frames_carve(struct frames *fr)
{
	struct pkt *p;
	unsigned i;

	for (i = 0; i < fr->fr_n; i++) {
		p = &fr->fr_pkt[i];
		p->pkt_buf = fr->fr_mem + (size_t)i * FRAME_SIZE;
		p->pkt_bufsize = FRAME_SIZE;
		p->pkt_owner = (uint8_t)(i / FRAMES_PER_WORKER);
		p->pkt_class = PKT_CLASS_FRAME;
	}
}

static void
frames_release(struct frames *fr)
{
	if (fr->fr_mem != MAP_FAILED)
		munmap(fr->fr_mem, fr->fr_len);
	free(fr->fr_pkt);
	free(fr->fr_free);
	free(fr);
}

static struct frames *
frames_make(unsigned n)
{
	struct frames *fr = calloc(1, sizeof(*fr));

	if (fr == NULL)
		return NULL;
	fr->fr_n = n;
	fr->fr_len = (size_t)n * FRAME_SIZE;
	fr->fr_free = calloc(n, sizeof(struct pkt *));
	fr->fr_pkt = aligned_alloc(64, n * sizeof(*fr->fr_pkt));
	fr->fr_mem = mmap(NULL, fr->fr_len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fr->fr_free == NULL || fr->fr_pkt == NULL || fr->fr_mem == MAP_FAILED) {
		frames_release(fr);
		return NULL;
	}
	(void)madvise(fr->fr_mem, fr->fr_len, MADV_HUGEPAGE);
	memset(fr->fr_pkt, 0, n * sizeof(*fr->fr_pkt));
	frames_carve(fr);
	return fr;
}

int
frames_new(struct nk *nk)
{
	struct frames *fr;
	unsigned i;

	if (nk->nk_frames != NULL)
		return 0;
	fr = frames_make(nk->nk_nworkers * FRAMES_PER_WORKER);
	if (fr == NULL)
		return ENOMEM;
	for (i = 0; i < nk->nk_nworkers; i++)
		pkt_pool_frames(nk->nk_worker[i]->w_pool, fr->fr_pkt + i * FRAMES_PER_WORKER,
		    fr->fr_free + i * FRAMES_PER_WORKER, FRAMES_PER_WORKER);
	nk->nk_frames = fr;
	return 0;
}

void
frames_free(struct nk *nk)
{
	if (nk->nk_frames != NULL)
		frames_release(nk->nk_frames);
	nk->nk_frames = NULL;
}
