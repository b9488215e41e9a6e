/* SPDX-License-Identifier: ISC */
/*
 * Keeping what iked(8) tells of tunnels (libhistory/history.h).  When it cannot
 * be written, the sender is told and keeps it for a while; the policy is
 * not concerned.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "libhistory/history.h"
#include "libutil/log.h"
#include "policyd.h"

/* Opened at the first event: the store has been made by then. */
static bool
keep(struct policyd *pd, const struct history_event *ev, size_t n)
{
	const char *why = "";

	if (pd->pd_history == NULL && policy_store_damage(pd->pd_store) == NULL)
		pd->pd_history = history_open_rw(pd->pd_db, &why);
	if (pd->pd_history != NULL && history_add(pd->pd_history, ev, n, &why)) {
		pd->pd_history_failed = false;
		return true;
	}
	if (!pd->pd_history_failed)
		log_warn("%s", policy_store_damage(pd->pd_store) != NULL ?
		    "events of tunnels are not kept: the store is damaged" : why);
	pd->pd_history_failed = true;
	return false;
}

bool
history_message(struct policyd *pd, struct client *cl, uint32_t seq,
    struct cur *c)
{
	static struct history_event ev[HISTORY_BATCH_MAX];
	uint8_t buf[POLICYW_HEADER + 1];
	struct wcur w = wcur_init(buf, sizeof(buf));
	size_t n = cur_u16(c);

	if (n == 0 || n > HISTORY_BATCH_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!history_event_get(c, &ev[i]))
			return false;
	if (!cur_end(c))
		return false;
	wcur_u16(&w, POLICYW_VERSION);
	wcur_u16(&w, HISTORY_OP_KEPT);
	wcur_u32(&w, seq);
	wcur_u8(&w, keep(pd, ev, n));
	if (send(cl->cl_fd, buf, wcur_len(&w), MSG_NOSIGNAL |
	    MSG_DONTWAIT) == -1)
		client_close(cl);
	return true;
}
