/* SPDX-License-Identifier: ISC */
/*
 * Blobs: pieces of configuration that very many policies have alike, kept once and
 * counted.  A blob is as long as what it holds is used: lists are cut behind their
 * last element, so that none may be copied as a whole struct.
 */
#include <stddef.h>
#include <stdlib.h>

#include "libike/ike_var.h"

struct blob {
	struct ilink		 bl_link;	/* of i_blobs */
	size_t			 bl_refs;
	size_t			 bl_len;
	_Alignas(16) uint8_t	 bl_bytes[];
};

static const void *
blob_new(struct ike *ike, const void *p, size_t n)
{
	uint32_t hash = itab_hash(p, n);
	struct ilink *ln;
	struct blob *bl;

	for (ln = itab_first(&ike->i_blobs, hash); ln != NULL;
	    ln = itab_next(ln)) {
		bl = ln->ln_owner;
		if (bl->bl_len == n && memcmp(bl->bl_bytes, p, n) == 0) {
			bl->bl_refs++;
			return bl->bl_bytes;
		}
	}
	if (!itab_room(&ike->i_blobs, ike->i_blobs.tb_n + 1) ||
	    (bl = ike_calloc(1, sizeof(*bl) + n)) == NULL)
		return NULL;
	bl->bl_refs = 1;
	bl->bl_len = n;
	memcpy(bl->bl_bytes, p, n);
	itab_in(&ike->i_blobs, &bl->bl_link, hash, bl);
	return bl->bl_bytes;
}

void
blob_free(struct ike *ike, const void *blob)
{
	const uint8_t *head;
	struct blob *bl;

	if (blob == NULL)
		return;
	head = (const uint8_t *)blob - offsetof(struct blob, bl_bytes);
	memcpy(&bl, &head, sizeof(bl));
	if (--bl->bl_refs != 0)
		return;
	itab_out(&ike->i_blobs, &bl->bl_link);
	free(bl);
}

const struct ike_proposals *
blob_proposals(struct ike *ike, const struct ike_proposals *ps)
{
	return blob_new(ike, ps, offsetof(struct ike_proposals, ps_p) +
	    ps->ps_n * sizeof(ps->ps_p[0]));
}

const struct ike_ts_list *
blob_ts_list(struct ike *ike, const struct ike_ts_list *tl)
{
	return blob_new(ike, tl, offsetof(struct ike_ts_list, tl_ts) +
	    tl->tl_n * sizeof(tl->tl_ts[0]));
}

const struct ike_id *
blob_id(struct ike *ike, const struct ike_id *id)
{
	return blob_new(ike, id, offsetof(struct ike_id, id_data) +
	    id->id_len);
}

void
ts_list_copy(struct ike_ts_list *out, const struct ike_ts_list *tl)
{
	memset(out, 0, sizeof(*out));
	out->tl_n = tl->tl_n;
	memcpy(out->tl_ts, tl->tl_ts, tl->tl_n * sizeof(tl->tl_ts[0]));
}

void
id_copy(struct ike_id *out, const struct ike_id *id)
{
	memset(out, 0, sizeof(*out));
	out->id_type = id->id_type;
	out->id_len = id->id_len;
	memcpy(out->id_data, id->id_data, id->id_len);
}
