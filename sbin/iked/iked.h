/* SPDX-License-Identifier: ISC */
/*
 * The three processes of iked(8) and what they tell each other.
 *
 *	parent	root: reads the policy store, opens sockets, hands both on
 *	ike	no privilege, no secret: libike, the network, ikectl's socket
 *	auth	no privilege, no network: the pre-shared keys
 *
 *	parent -> ike:	descriptors, policies without secrets
 *	parent -> auth:	secrets
 *	ike <-> auth:	octets to sign or to verify, and the answers
 *	ike -> parent:	the network kernel has gone; what happens to tunnels
 *	parent -> policyd: the same, for the history
 */
#ifndef IKED_H
#define IKED_H

#include <stdbool.h>
#include <stdint.h>

#include "libike/ike.h"
#include "libpolicy/policy.h"

enum iked_imsg {
	/* parent -> ike, with a descriptor */
	IMSG_KEY_FD = 1,	/* key.sock */
	IMSG_UDP_FD,		/* udp.sock for datagrams */
	IMSG_SOURCE_FD,		/* udp.sock for questions about source addresses */
	IMSG_CTL_FD,		/* iked.sock, listening */
	/* parent -> ike: a policy is BEGIN, RULE..., END */
	IMSG_POLICY_BEGIN,	/* struct iked_set */
	IMSG_POLICY_RULE,	/* struct iked_rule */
	IMSG_POLICY_END,	/* uint64_t revision */
	/* parent -> ike, ike -> parent */
	IMSG_SHUTDOWN,		/* delete SAs, tell peers, exit */
	IMSG_KERNEL_GONE,	/* a socket of the network kernel was closed */
	/* parent -> auth: likewise */
	IMSG_SECRET_BEGIN,
	IMSG_SECRET,		/* struct iked_secret */
	IMSG_SECRET_END,
	/* ike -> auth, im_id is libike's ac_id */
	IMSG_SIGN,		/* struct iked_auth_req */
	IMSG_VERIFY,
	/* auth -> ike */
	IMSG_SIGNED,		/* struct iked_signed */
	IMSG_VERIFIED,		/* uint32_t enum ike_verify */
	/* parent -> ike, between BEGIN and END: a rule that is left out */
	IMSG_POLICY_BLOCKED,	/* struct iked_blocked */
	/* ike -> parent */
	IMSG_EVENT,		/* struct iked_event */
	/* parent -> ike */
	IMSG_EVENT_LAST,	/* uint64_t: highest number in the history */
	IMSG_EVENT_LOST,	/* uint64_t: events that policyd could not be given */
};

/* The `set` lines that concern the ike process. */
struct iked_set {
	uint32_t	is_dpd;			/* seconds; 0 off */
	uint16_t	is_nattport;
	uint8_t		is_fragmentation;
	uint8_t		is_pad;
};

struct iked_rule {
	struct ike_policy	ir_policy;	/* po_children is not used: */
	struct ike_child_conf	ir_child;
	uint8_t			ir_dynamic;	/* the SPD entries come and go with the SAs */
};

struct iked_blocked {
	char			ib_name[IKE_NAME_MAX];	/* cut, if it is too long */
	char			ib_why[192];
	struct addr		ib_local, ib_peer;
};

struct iked_event {
	uint64_t		ie_id;		/* 0: not for the history */
	int64_t			ie_time;	/* ms since 1970 */
	struct ike_event	ie_event;
};

struct iked_secret {
	char		ix_policy[IKE_NAME_MAX];
	uint16_t	ix_len;
	uint8_t		ix_key[POLICY_KEY_MAX];
};

struct iked_auth_req {
	char		ia_policy[IKE_NAME_MAX];
	uint16_t	ia_prf;
	uint8_t		ia_method;
	uint16_t	ia_octets_len;
	uint16_t	ia_auth_len;
	uint8_t		ia_octets[IKE_OCTETS_MAX];
	uint8_t		ia_auth[IKE_AUTH_MAX];
};

struct iked_signed {
	uint8_t		ig_ok;
	uint16_t	ig_len;
	uint8_t		ig_auth[IKE_HASH_MAX];
};

/*
 * A rule of the policy as libike wants it.  NULL, or a static text that says
 * what of the rule this daemon cannot do.
 */
const char	*iked_rule_make(const struct policy *pol,
    const struct policy_ike *ik, struct iked_rule *out);

/* The processes; they return only to exit with the value. */
int	iked_ike(int parentfd, int authfd, const char *rundir);
int	iked_auth(int parentfd, int ikefd, const char *rundir);

#endif
