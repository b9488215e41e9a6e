/* SPDX-License-Identifier: ISC */
/*
 * The socket of policyd (policy.sock, SOCK_SEQPACKET): one record is one
 * message; integers are in network byte order.
 *
 *	header	u16 version, u16 operation, u32 sequence (echoed)
 *
 *	client to policyd
 *	TEXT	u8 kind, u8 flags (bits 4 to 6: the part, policy_part), u16 length of name, name, bytes of body.
 *		A first record makes a text; with POLICYW_MORE the bytes go to
 *		the end of the text sent last.  No answer.
 *	RESET	forgets the texts sent.  No answer.
 *	LOAD	u32 POLICYCTL_* flags, u16 length of reason, reason.
 *		Commits the texts sent and forgets them; answered by RESULT.
 *	COMMIT	u32 POLICYCTL_* flags, u64 base (all ones: any), u32 ms until it
 *		goes back unless confirmed (0: never), u16 length of reason,
 *		reason.  As LOAD; refused if base is not the newest revision.
 *		With POLICYCTL_DRY all is checked, and nothing written.
 *	CONFIRM	u64 revision that waits (0: whichever); answered by RESULT.
 *	ROLLBACK u64 revision, u32 ms as in COMMIT, u16 length of reason,
 *		reason.  A new revision as that one was; answered by RESULT.
 *	AUTHOR	a name (1 to 31 letters, digits, '-', '_', '.'): on whose behalf the
 *		web pages ask from now on.  Heeded if the peer is the user _web:
 *		its revisions are the work of "NAME (web)" then, which no user of
 *		the system can be called.  No answer.
 *	STATUS	answered by STATE.
 *	SUBSCRIBE answered by REVISION, at once and after each commit.
 *
 *	policyd to client
 *	RESULT	u8 committed (1, 0: refused, 2: the disk did not take it, try
 *		again later, 3: nothing speaks against it, POLICYCTL_DRY), u8 applied, u64 revision, text
 *	STATE	u64 committed, u64 applied, text (empty: all is well)
 *	REVISION u64 revision
 *
 * A reason is one line: control characters in it, and what is not UTF-8, are kept
 * as '?'.
 *
 * A record that does not fit its operation ends the connection.  policyd
 * takes records from root, from its own user and from members of the group
 * _ravelin, by the peer's credentials.
 */
#ifndef LIBPOLICY_POLICYWIRE_H
#define LIBPOLICY_POLICYWIRE_H

#include <stdint.h>

#include "libutil/cur.h"

enum {
	POLICYW_VERSION		= 1,
	POLICYW_HEADER		= 8,
	POLICYW_RECORD_MAX	= 32768,
	POLICYW_TEXT_MAX	= 4095,		/* bytes of a text for the user */
	POLICYW_TOTAL_MAX	= 128 << 20,	/* of all texts of one load */
	POLICYW_REASON_MAX	= 1024,
	POLICYW_NAME_MAX	= 31,		/* of who asks on the web pages */
	POLICYW_MORE		= 1,
	POLICYW_COMMITTED	= 1,
	POLICYW_LATER		= 2,
	POLICYW_CHECKED		= 3,
	POLICYW_PART_SHIFT	= 4,
};

enum policyw_op {
	POLICYW_TEXT	= 1,
	POLICYW_RESET,
	POLICYW_LOAD,
	POLICYW_STATUS,
	POLICYW_SUBSCRIBE,
	POLICYW_COMMIT,
	POLICYW_CONFIRM,
	POLICYW_ROLLBACK,
	POLICYW_AUTHOR,
	POLICYW_RESULT	= 64,
	POLICYW_STATE,
	POLICYW_REVISION,
};

static inline void
policyw_header(struct wcur *w, enum policyw_op op, uint32_t seq)
{
	wcur_u16(w, POLICYW_VERSION);
	wcur_u16(w, (uint16_t)op);
	wcur_u32(w, seq);
}

#endif
