/* SPDX-License-Identifier: ISC */
/*
 * Forged messages (see forge.h).
 */
#include "forge.h"

struct ikesa *
forge_sa(struct world *w, int i)
{
	struct ikesa *sa, *best = NULL;

	TAILQ_FOREACH(sa, &w->w_end[i].we_ike->i_sas, sa_entry)
		if (sa->sa_keyed && sa->sa_state != SA_DELETING)
			best = sa;
	return best;
}

/* The same SA as the other end sees it. */
static struct ikesa *
forge_twin(struct world *w, int i, const struct ikesa *of)
{
	struct ikesa *sa;

	TAILQ_FOREACH(sa, &w->w_end[i].we_ike->i_sas, sa_entry)
		if (sa->sa_keyed && sa->sa_spi_i == of->sa_spi_i &&
		    sa->sa_spi_r == of->sa_spi_r)
			return sa;
	return NULL;
}

bool
forge_send(struct world *w, int to, uint8_t exchange, bool response,
    uint8_t first, const void *p, size_t n)
{
	struct ikesa *victim = forge_sa(w, to);
	struct ikesa *sa = victim != NULL ? forge_twin(w, 1 - to, victim) :
	    NULL;
	struct ike_writer wr;
	struct outmsg *om;
	uint32_t msgid;
	size_t at = 0;

	if (sa == NULL || n > IKE_MSG_MAX)
		return false;
	msgid = victim->sa_next_rsp;
	if (response) {
		if (victim->sa_req == NULL || !victim->sa_req->x_sent)
			return false;
		msgid = victim->sa_req->x_msgid;
	}
	seal_begin(sa->sa_ike, &wr);
	wcur_put(&wr.w_out, p, n);
	wr.w_first = first;
	om = seal_message(sa, exchange, response, msgid, &wr);
	if (om == NULL)
		return false;
	for (unsigned i = 0; i < om->om_n; i++) {
		world_inject(w, to, om->om_bytes + at, om->om_len[i],
		    victim->sa_natt);
		at += om->om_len[i];
	}
	outmsg_free(om);
	return true;
}

size_t
forge_open(struct world *w, int from, const struct ike_datagram *dg,
    uint8_t *first, uint8_t *out, size_t cap)
{
	struct inmsg im = { .im_dg = dg };
	struct ikesa *sa;
	unsigned frag, total;

	if (!ike_hdr_parse(dg->dg_data, dg->dg_len, &im.im_hdr))
		return 0;
	TAILQ_FOREACH(sa, &w->w_end[1 - from].we_ike->i_sas, sa_entry) {
		if (!sa->sa_keyed || sa->sa_spi_i != im.im_hdr.h_spi_i ||
		    sa->sa_spi_r != im.im_hdr.h_spi_r)
			continue;
		if (seal_open(sa, &im, &frag, &total) != OPEN_OK ||
		    im.im_n > cap)
			return 0;
		*first = im.im_first;
		memcpy(out, im.im_p, im.im_n);
		return im.im_n;
	}
	return 0;
}
