/* SPDX-License-Identifier: ISC */
/*
 * Messages that no honest endpoint sends, under the keys of one that is: what
 * an authenticated but hostile peer could do.  Looks into libike's insides.
 */
#ifndef REGRESS_FORGE_H
#define REGRESS_FORGE_H

#include "libike/ike_var.h"
#include "world.h"

/* The IKE SA of end i that is keyed (the newest); NULL. */
struct ikesa *forge_sa(struct world *w, int i);

/*
 * Hands end `to' a message with these payloads, sealed by the other end's SA
 * with the message ID that `to' expects next (of a request, or the one that it
 * waits for).  False if there is no SA to seal with.
 */
bool	forge_send(struct world *w, int to, uint8_t exchange, bool response,
	    uint8_t first, const void *p, size_t n);

/* Payloads of the message that `dg' carries from end `from': opened a copy. */
size_t	forge_open(struct world *w, int from, const struct ike_datagram *dg,
	    uint8_t *first, uint8_t *out, size_t cap);

#endif
