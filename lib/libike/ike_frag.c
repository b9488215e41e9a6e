/* SPDX-License-Identifier: ISC */
/*
 * Reassembly of fragmented messages (RFC 7383 section 2.6).
 *
 * Only a fragment whose ICV has been verified gets here, so only the peer can
 * fill a buffer.  Each IKE SA has one buffer for a request and one for a
 * response, each of one message ID; the sum of bytes and the number of
 * fragments are capped.  A larger total than before is the peer's second try
 * with smaller fragments and starts anew; a smaller one is a late packet of the
 * first try and is dropped; so is a repeated number.
 */
#include <stdlib.h>

#include "libike/ike_var.h"

void
reasm_free(struct ikesa *sa, bool response)
{
	struct reasm *r = sa->sa_reasm[response];

	if (r == NULL)
		return;
	for (unsigned i = 0; i < IKE_FRAGS_MAX; i++) {
		if (r->r_frag[i].p == NULL)
			continue;
		explicit_bzero(r->r_frag[i].p, r->r_frag[i].n);
		free(r->r_frag[i].p);
	}
	free(r);
	sa->sa_reasm[response] = NULL;
	sa->sa_ike->i_objects.oc_fragments--;
}

static struct reasm *
reasm_get(struct ikesa *sa, const struct inmsg *im, unsigned total)
{
	bool response = (im->im_hdr.h_flags & IKE_F_RESPONSE) != 0;
	struct reasm *r = sa->sa_reasm[response];

	if (r != NULL && (r->r_msgid != im->im_hdr.h_msgid ||
	    total > r->r_total)) {
		reasm_free(sa, response);
		r = NULL;
	}
	if (r != NULL)
		return total == r->r_total ? r : NULL;
	r = ike_calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->r_msgid = im->im_hdr.h_msgid;
	r->r_total = (uint16_t)total;
	sa->sa_reasm[response] = r;
	sa->sa_ike->i_objects.oc_fragments++;
	return r;
}

static bool
reasm_store(struct reasm *r, const struct inmsg *im, unsigned frag)
{
	uint8_t *p;

	if (r->r_frag[frag - 1].p != NULL ||
	    r->r_bytes + im->im_n > IKE_MSG_MAX)
		return false;
	p = ike_calloc(1, im->im_n + 1);
	if (p == NULL)
		return false;
	memcpy(p, im->im_p, im->im_n);
	r->r_frag[frag - 1].p = p;
	r->r_frag[frag - 1].n = im->im_n;
	r->r_bytes += im->im_n;
	r->r_have++;
	if (frag == 1)
		r->r_first = im->im_first;
	return true;
}

enum open_result
reasm_add(struct ikesa *sa, struct inmsg *im, unsigned frag, unsigned total)
{
	struct ike *ike = sa->sa_ike;
	struct reasm *r = reasm_get(sa, im, total);
	struct wcur w;

	ike->i_stats.is_in_fragments++;
	if (r == NULL || !reasm_store(r, im, frag)) {
		ike->i_stats.is_in_fragment_bad++;
		return OPEN_MORE;
	}
	if (r->r_have < r->r_total)
		return OPEN_MORE;
	w = wcur_init(ike->i_in, sizeof(ike->i_in));
	for (unsigned i = 0; i < r->r_total; i++)
		wcur_put(&w, r->r_frag[i].p, r->r_frag[i].n);
	im->im_p = ike->i_in;
	im->im_n = wcur_len(&w);
	im->im_first = r->r_first;
	reasm_free(sa, (im->im_hdr.h_flags & IKE_F_RESPONSE) != 0);
	return OPEN_OK;
}
