/* SPDX-License-Identifier: ISC */
/*
 * iked.sock (SOCK_SEQPACKET): what ikectl(8) asks of iked(8).
 *
 * A request is one struct ikectl_hdr.  Each answer is one record: a header
 * with the request's ik_seq and a body that ik_op names; the last answer is
 * IKECTL_END, with ik_count objects concerned and ik_errno.  After
 * IKECTL_MONITOR, which is answered as IKECTL_STATS, IKECTL_EVENT records
 * follow until the client closes: with those up to it_event in the history
 * (libhistory/history.h), nothing is missing.  IKECTL_STATUS that ends with EAGAIN
 * is of two policies, for one took effect meanwhile: to be asked again.
 * The superuser and the group _ravelin may connect; who has that group besides
 * its own only (libutil/peer.h) may look, and is answered EPERM if it asks for a
 * change.  Integers in host byte order.
 */
#ifndef LIBCTL_IKECTL_H
#define LIBCTL_IKECTL_H

#include <stdint.h>

#include "libike/ike.h"

#define IKECTL_SOCKET	"iked.sock"
#define IKECTL_VERSION	4

enum ikectl_op {
	IKECTL_STATUS = 1,	/* answers: struct ikectl_status */
	IKECTL_UP,
	IKECTL_DOWN,
	IKECTL_REKEY,		/* children */
	IKECTL_REKEY_IKE,
	IKECTL_RESET,		/* the IKE SA with its children */
	IKECTL_STATS,		/* answer: struct ikectl_stats */
	IKECTL_MONITOR,		/* answer: struct ikectl_stats; then struct ikectl_event */
	IKECTL_CHECK,		/* size of packets; ik_count IKE SAs, an event each */
	/* answers only */
	IKECTL_EVENT,
	IKECTL_END
};

struct ikectl_hdr {
	uint16_t	ik_version;
	uint16_t	ik_op;
	uint32_t	ik_seq;
	int32_t		ik_errno;
	uint32_t	ik_count;
	char		ik_name[2 * IKE_NAME_MAX];	/* "POLICY[/CHILD]"; "" all */
};

struct ikectl_status {
	struct ikectl_hdr	is_hdr;
	uint64_t		is_now;		/* milliseconds, the clock of is_status */
	struct ike_status	is_status;
};

struct ikectl_event {
	struct ikectl_hdr	ie_hdr;
	uint64_t		ie_id;		/* of the history; 0: shown live only */
	int64_t			ie_time;	/* milliseconds since 1970-01-01 */
	struct ike_event	ie_event;
};

struct ikectl_stats {
	struct ikectl_hdr	it_hdr;
	uint64_t		it_revision;	/* of the policy in force; 0 none */
	uint64_t		it_failed;	/* newest revision that could not be taken; 0 none */
	uint8_t			it_kernel;	/* netkern's sockets are connected */
	uint8_t			it_pad[7];
	uint64_t		it_event;	/* number of the newest event */
	uint64_t		it_events_lost;	/* events that the history does not have */
	struct ike_stats	it_stats;
	char			it_text[256];	/* why it_failed failed */
	char			it_notice[160];	/* what of its `set' lines is not in force */
};

#endif
