/* SPDX-License-Identifier: ISC */
/*
 * SPD entries and SAs as messages of the key socket (libpfkey), and back.
 */
#ifndef LIBPOLICY_KEYMSG_H
#define LIBPOLICY_KEYMSG_H

#include "libpfkey/pfkey.h"
#include "libpolicy/policy.h"

/*
 * What a message of SPDDUMP or DUMP describes; false if it is nothing that
 * a struct can say.  *ours: it carries the marks of policyd (diff.h).
 * Keys are copied: policy_sa_wipe() afterwards, also on false.
 */
bool	keymsg_to_flow(const struct pfkey_msg *m, struct policy_flow *fl,
	    bool *ours);
bool	keymsg_to_sa(const struct pfkey_msg *m, struct policy_sa *sa,
	    bool *ours);
void	policy_sa_wipe(struct policy_sa *sa);

/* type: SADB_X_SPDADD, SPDUPDATE or SPDDELETE. */
void	keymsg_from_flow(struct pfkey_msg *m, uint8_t type,
	    const struct policy_flow *fl);
/* type: SADB_ADD or SADB_DELETE.  The message borrows the keys. */
void	keymsg_from_sa(struct pfkey_msg *m, uint8_t type,
	    const struct policy_sa *sa);

#endif
