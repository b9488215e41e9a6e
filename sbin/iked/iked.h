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
	IMSG_CTL_FD,		/* iked.sock, listening: struct peer_members */
	/*
	 * parent -> ike: a policy is BEGIN, its rules in order, END.  What did
	 * not change since the last one is a run of SAME.
	 */
	IMSG_POLICY_BEGIN,	/* struct iked_begin */
	IMSG_POLICY_RULE,	/* struct iked_rule */
	IMSG_POLICY_END,	/* struct iked_end */
	/* parent -> ike, ike -> parent */
	IMSG_SHUTDOWN,		/* delete SAs, tell peers, exit */
	IMSG_KERNEL_GONE,	/* a socket of the network kernel was closed */
	/* parent -> auth: BEGIN, what changed, END */
	IMSG_SECRET_BEGIN,	/* uint32_t: 1 the secrets before stay, 0 they go */
	IMSG_SECRET,		/* struct iked_secret: new or changed */
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
	/* parent -> ike, between BEGIN and END: rules, or blocked ones, as before */
	IMSG_POLICY_SAME,	/* struct iked_same */
	/* parent -> auth, between BEGIN and END */
	IMSG_SECRET_GONE,	/* char[IKE_NAME_MAX] */
	/* ike -> parent */
	IMSG_POLICY_WANT,	/* the policy cannot be made of the last one: all of it */
};

/* The `set` lines that concern the ike process. */
struct iked_set {
	uint32_t	is_dpd;			/* seconds; 0 off */
	uint16_t	is_nattport;
	uint8_t		is_fragmentation;
	uint8_t		is_pathmtu;
};

/* Policies that the ike process gets have numbers, so that both mean the same. */
struct iked_begin {
	struct iked_set		ib_set;
	uint64_t		ib_base;	/* what SAME is of; 0: there is none */
};

struct iked_end {
	uint64_t		ie_number;	/* not 0 */
	uint64_t		ie_revision;
	uint64_t		ie_told;	/* us, CLOCK_MONOTONIC: when policyd said so; 0 */
	uint32_t		ie_rules;	/* in all, for comparison */
	uint32_t		ie_blocked;
};

/* So many rules (or blocked ones) from this place of the policy before. */
struct iked_same {
	uint32_t		is_from, is_n;
	uint8_t			is_blocked;
	uint8_t			is_zero[3];
};

struct iked_rule {
	struct ike_policy	ir_policy;	/* po_children is not used: */
	struct ike_child_conf	ir_child;
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
