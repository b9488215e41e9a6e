/* SPDX-License-Identifier: ISC */
/*
 * What the network kernel must be told in the end: that an SA goes, that it moves,
 * that SPD entries come or go.  While the key socket is full or gone such messages
 * wait in their order and are sent again; what was lost would leave SAs behind
 * that nobody knows.
 *
 * They carry no keys.  There are never more of them than there are SAs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ikeproc.h"
#include "libutil/log.h"

#define LATER_MS	20	/* between attempts */

struct later {
	struct pfkey_msg	 la_msg;
	struct later		*la_next;
};

static int
send_now(struct ikeproc *ip, struct pfkey_msg *m)
{
	int e = ip->ip_io->io_key_send(ip->ip_io->io_arg, m);

	if (e != EMSGSIZE)
		return e;
	log_err("key socket: %s: %s", pfkey_type_name(m->pm_type),
	    strerror(e));
	return 0;		/* it will never go */
}

void
kernel_tell(struct ikeproc *ip, struct pfkey_msg *m)
{
	struct waiting *wa = &ip->ip_waiting;
	struct later *la;
	int e = 0;

	m->pm_seq = 0;		/* nobody waits for the answer */
	if (wa->wa_first == NULL && (e = send_now(ip, m)) == 0)
		return;
	if ((la = malloc(sizeof(*la))) == NULL) {
		log_err("key socket: %s is lost: out of memory",
		    pfkey_type_name(m->pm_type));
		return;
	}
	*la = (struct later){ .la_msg = *m };
	if (wa->wa_first == NULL) {
		log_warn("key socket: %s: %s: what is to be said waits",
		    pfkey_type_name(m->pm_type), strerror(e));
		wa->wa_first = la;
		wa->wa_again = ikeproc_now(ip) + LATER_MS;
	} else {
		wa->wa_last->la_next = la;
	}
	wa->wa_last = la;
	wa->wa_n++;
}

void
later_timer(struct ikeproc *ip, uint64_t now)
{
	struct waiting *wa = &ip->ip_waiting;
	struct later *la;

	if (wa->wa_first == NULL || now < wa->wa_again)
		return;
	while ((la = wa->wa_first) != NULL && send_now(ip, &la->la_msg) == 0) {
		wa->wa_first = la->la_next;
		free(la);
	}
	wa->wa_again = now + LATER_MS;
	if (wa->wa_first != NULL)
		return;
	log_info("key socket: %zu messages that waited have been sent",
	    wa->wa_n);
	wa->wa_n = 0;
}

uint64_t
later_deadline(const struct ikeproc *ip)
{
	return ip->ip_waiting.wa_first == NULL ? UINT64_MAX :
	    ip->ip_waiting.wa_again;
}

void
later_fini(struct ikeproc *ip)
{
	struct later *la;

	while ((la = ip->ip_waiting.wa_first) != NULL) {
		ip->ip_waiting.wa_first = la->la_next;
		free(la);
	}
}
