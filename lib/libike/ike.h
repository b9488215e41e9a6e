/* SPDX-License-Identifier: ISC */
/*
 * libike: the IKEv2 core (RFC 7296) without input or output.
 *
 * An instance (struct ike) is one IKE endpoint.  It makes no system call, reads
 * no clock and draws no random number but through the callbacks of struct
 * ike_conf; it holds no long-term secret and has no global state, so that any
 * number of instances live in one process.  Around it stands a shell:
 *
 *	for (;;) {
 *		wait for a datagram, a message or ike_deadline()
 *		ike_input() / ike_acquire() / ike_..._reply() / ... / ike_timer()
 *		while (ike_next(ike, &a))
 *			do what a.ac_type says
 *	}
 *
 * Every entry point takes `now': milliseconds of a clock that never steps back
 * (CLOCK_MONOTONIC; not 0).  No entry point blocks.  What the core wants done
 * is queued, and ike_next() hands it out in the order in which it must be done:
 * that order is what lets a rekey lose no packet.
 *
 * Requests of the core that need an answer carry ac_id, which the matching
 * ike_..._reply() returns.  Answers may come in any order and at any time; one
 * for an SA that has gone meanwhile is ignored.  An id is never 0.  A shell
 * that cannot answer must say so (spi 0, ok false), or the exchange waits until
 * its time limit.
 *
 * Byte order: SPIs of ESP, ports and all other integers are in host order; an
 * IKE SPI is a uint64_t in host order; addresses are struct addr.  Lengths are
 * bytes unless the name says bits.  Times in configuration are seconds where
 * the name ends in _s and milliseconds where it ends in _ms.
 *
 * Memory: what an entry point is given is copied if it is kept.  What
 * ike_next() hands out is valid until the next call of ike_next() or
 * ike_free() on that instance and is then wiped.
 *
 * The separate authentication process alone knows the pre-shared keys: it
 * answers IKE_ACT_AUTH_SIGN and IKE_ACT_AUTH_VERIFY with the pure functions of
 * libike/ike_auth.h, which need no instance.
 */
#ifndef LIBIKE_IKE_H
#define LIBIKE_IKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libutil/addr.h"

struct ike;

/* ------------------------------------------------------------- limits */

#define IKE_NAME_MAX		64	/* with the final NUL */
#define IKE_ID_MAX		256	/* bytes of an identity */
#define IKE_TRANSFORMS_MAX	32	/* in one proposal */
#define IKE_PROPOSALS_MAX	8	/* in one list */
#define IKE_TS_MAX		16	/* traffic selectors of one side */
#define IKE_CHILDREN_MAX	64	/* child configurations of a policy */
#define IKE_MSG_MAX		16384	/* a message, reassembled */
#define IKE_INIT_MAX		4096	/* an IKE_SA_INIT message */
#define IKE_NONCE_MAX		256	/* RFC 7296 section 2.10 */
#define IKE_HASH_MAX		64	/* output of the largest PRF */
/* Octets that an AUTH payload signs: message | nonce | prf(SK_p, ID'). */
#define IKE_OCTETS_MAX		(IKE_INIT_MAX + IKE_NONCE_MAX + IKE_HASH_MAX)
#define IKE_AUTH_MAX		2048	/* data of an AUTH payload */
#define IKE_KEY_MAX		68	/* AEAD salt or HMAC key included */
#define IKE_TEXT_MAX		512	/* an event's text, with the NUL */

/* ---------------------------------------------------------- negotiation */

/* Protocol of a proposal (RFC 7296 section 3.3.1). */
enum ike_proto {
	IKE_PROTO_IKE	= 1,
	IKE_PROTO_AH	= 2,	/* refused by name: no policy may hold it */
	IKE_PROTO_ESP	= 3,
};

/* Type of a transform (RFC 7296 section 3.3.2). */
enum ike_transform_type {
	IKE_T_ENCR	= 1,
	IKE_T_PRF	= 2,
	IKE_T_INTEG	= 3,
	IKE_T_DH	= 4,
	IKE_T_ESN	= 5,
};

/* Transform ids that libike knows; the numbers are IANA's for IKEv2. */
enum ike_transform_id {
	IKE_ENCR_AES_CBC		= 12,	/* keybits 128, 192, 256 */
	IKE_ENCR_NULL			= 11,	/* ESP only */
	IKE_ENCR_AES_GCM_16		= 20,	/* keybits 128, 192, 256 */
	IKE_ENCR_CHACHA20_POLY1305	= 28,	/* keybits 0 (RFC 7634) */

	IKE_PRF_HMAC_SHA1		= 2,	/* by name, not by default */
	IKE_PRF_HMAC_SHA2_256		= 5,
	IKE_PRF_HMAC_SHA2_384		= 6,
	IKE_PRF_HMAC_SHA2_512		= 7,

	IKE_INTEG_NONE			= 0,
	IKE_INTEG_HMAC_SHA1_96		= 2,	/* by name, not by default */
	IKE_INTEG_HMAC_SHA2_256_128	= 12,
	IKE_INTEG_HMAC_SHA2_384_192	= 13,
	IKE_INTEG_HMAC_SHA2_512_256	= 14,

	IKE_DH_NONE			= 0,
	IKE_DH_MODP_2048		= 14,
	IKE_DH_MODP_3072		= 15,
	IKE_DH_MODP_4096		= 16,
	IKE_DH_MODP_6144		= 17,
	IKE_DH_MODP_8192		= 18,
	IKE_DH_ECP_256			= 19,
	IKE_DH_ECP_384			= 20,
	IKE_DH_ECP_521			= 21,
	IKE_DH_CURVE25519		= 31,

	IKE_ESN_NO			= 0,
	IKE_ESN_YES			= 1,
};

struct ike_transform {
	uint8_t		tr_type;	/* enum ike_transform_type */
	uint16_t	tr_id;
	uint16_t	tr_keybits;	/* Key Length attribute; 0: none */
};

/*
 * One proposal: for each type, any one of its transforms, in order of
 * preference.  An AEAD cipher and a classic one never stand in the same
 * proposal (RFC 5282 section 8).  Perfect forward secrecy of a child is a
 * transform IKE_T_DH in its ESP proposal; IKE_DH_NONE beside it makes PFS
 * optional.  An ESP proposal without IKE_T_ESN means IKE_ESN_NO.
 */
struct ike_proposal {
	uint8_t			pr_proto;	/* enum ike_proto */
	uint8_t			pr_n;
	struct ike_transform	pr_t[IKE_TRANSFORMS_MAX];
};

struct ike_proposals {
	uint8_t			ps_n;
	struct ike_proposal	ps_p[IKE_PROPOSALS_MAX];
};

/*
 * The modern defaults.  IKE: AES-GCM-16 256/128 and ChaCha20-Poly1305, PRF
 * SHA2-256/384/512, Curve25519, ECP 256/384, MODP 2048/3072/4096; then AES-CBC
 * with SHA2.  ESP: the same ciphers, ESN and no ESN, PFS optional.
 */
void	ike_proposals_default(enum ike_proto proto, struct ike_proposals *out);

/*
 * "aes-256-gcm+sha2-256+curve25519" and the like, '/' between alternatives of
 * one type, ", " between proposals; always terminated, cut if it does not fit.
 */
char	*ike_proposals_print(const struct ike_proposals *ps, char *buf,
	    size_t len);

/* A range of addresses and ports (RFC 7296 section 3.13.1). */
struct ike_ts {
	struct addr		ts_lo, ts_hi;	/* one family, both included */
	struct port_range	ts_port;	/* ICMP: type << 8 | code */
	uint8_t			ts_proto;	/* 0: any */
};

struct ike_ts_list {
	uint8_t		tl_n;
	struct ike_ts	tl_ts[IKE_TS_MAX];
};

void	ike_ts_from_prefix(const struct prefix *p, struct ike_ts *out);
char	*ike_ts_list_print(const struct ike_ts_list *tl, char *buf, size_t len);

/* Identification payload types (RFC 7296 section 3.5). */
enum ike_id_type {
	IKE_ID_NONE		= 0,	/* ours: not set */
	IKE_ID_IPV4_ADDR	= 1,
	IKE_ID_FQDN		= 2,
	IKE_ID_RFC822_ADDR	= 3,
	IKE_ID_IPV6_ADDR	= 5,
	IKE_ID_DER_ASN1_DN	= 9,
	IKE_ID_KEY_ID		= 11,
};

struct ike_id {
	uint8_t		id_type;
	uint16_t	id_len;
	uint8_t		id_data[IKE_ID_MAX];	/* the rest is zero */
};

/* An address, user@host, or a name; false if it is empty or too long. */
bool	ike_id_parse(const char *text, struct ike_id *out);
/*
 * As above, "0x..." for what is not text, and with "fqdn:" or "mail:" before a text
 * that would be read as another kind; printable ASCII without spaces, terminated,
 * with "..." at the end if it was cut to fit.
 */
char	*ike_id_print(const struct ike_id *id, char *buf, size_t len);
bool	ike_id_equal(const struct ike_id *a, const struct ike_id *b);

/* -------------------------------------------------------- configuration */

/* Fills n bytes with randomness fit for keys. Never fails. */
typedef void ike_random_fn(void *arg, void *buf, size_t n);
/* A line for the operator's log; never holds key bytes or raw peer text. */
typedef void ike_log_fn(void *arg, int level, const char *line);
/* Our address towards dst (no packet is sent); false if there is no route. */
typedef bool ike_source_fn(void *arg, const struct addr *dst, struct addr *src);
/* The largest IP packet that our way out to dst takes; 0: not known. */
typedef unsigned ike_mtu_fn(void *arg, const struct addr *dst);

enum ike_log_level { IKE_LOG_ERR = 3, IKE_LOG_WARN = 4, IKE_LOG_INFO = 6,
    IKE_LOG_DEBUG = 7 };		/* as syslog(3) numbers them */

struct ike_conf {
	void		*cf_arg;		/* handed to each callback */
	ike_random_fn	*cf_random;		/* must be set */
	ike_log_fn	*cf_log;		/* NULL: silent */
	ike_source_fn	*cf_source;		/* NULL: policies name it */
	ike_mtu_fn	*cf_mtu;		/* NULL: 1500 */

	uint16_t	 cf_port;		/* 500 */
	uint16_t	 cf_port_natt;		/* 4500 */
	bool		 cf_natt_off;		/* send no NAT_DETECTION */

	/* Fragmentation (RFC 7383): largest IP packet sent; 0 turns it off. */
	uint16_t	 cf_fragment;		/* 1280 */

	/*
	 * Retransmission: the first after cf_retrans_ms, each wait 1.8 times
	 * the one before and spread by a quarter, cf_tries transmissions in
	 * all.  The defaults give up after about 195 seconds.
	 */
	uint32_t	 cf_retrans_ms;		/* 2000 */
	uint32_t	 cf_retrans_max_ms;	/* 30000: longest wait */
	uint8_t		 cf_tries;		/* 10 */

	/* After a failed attempt: first wait and the longest, doubling. */
	uint32_t	 cf_retry_ms;		/* 5000 */
	uint32_t	 cf_retry_max_ms;	/* 300000 */

	/* A silent peer is asked whether it lives after this time; 0: never. */
	uint32_t	 cf_liveness_ms;	/* 30000 */
	/* Behind a NAT, after silence on our side; 0: never (RFC 3948 s. 4) */
	uint32_t	 cf_keepalive_ms;	/* 20000 */
	/* What size of packet reaches the peer is tried (ike_path.c). */
	bool		 cf_path;		/* false */
	/* A half-open SA as responder lives at most this ... */
	uint32_t	 cf_halfopen_ms;	/* 60000 */
	/* ... and an answer of the shell is awaited so long. */
	uint32_t	 cf_ask_ms;		/* 20000 */
	/* Old inbound SA of a rekey is kept this long for packets under way. */
	uint32_t	 cf_linger_ms;		/* 5000 */

	/* Cookies (RFC 7296 section 2.6) above so many half-open SAs ... */
	uint32_t	 cf_cookie_all;		/* 100: ... of all peers */
	uint32_t	 cf_cookie_peer;	/* 3: ... of one address */
	/* ... and beyond these an IKE_SA_INIT is dropped. */
	uint32_t	 cf_halfopen_max;	/* 4096 */
	uint32_t	 cf_halfopen_peer_max;	/* 32 */
	uint32_t	 cf_ikesas_max;		/* 20000: of all states */
	/* Of one rule and address, in all and with the same identity: beyond these
	   the peer's oldest goes, so that who has a key does not fill all. */
	uint32_t	 cf_ikesas_address;	/* 256 */
	uint32_t	 cf_ikesas_peer;	/* 8 */
	uint32_t	 cf_children_max;	/* 64: per IKE SA */
	uint32_t	 cf_queue_max;		/* 256: exchanges that wait on one */
};

/* Fills in the defaults named above; the callbacks are left NULL. */
void	ike_conf_default(struct ike_conf *cf);

/* NULL if out of memory or cf_random is not set. */
struct ike *ike_new(const struct ike_conf *cf, uint64_t now);
/* Sends nothing; wipes every key.  NULL is allowed. */
void	ike_free(struct ike *ike);
/*
 * Queues a Delete for every established SA (to be drained with ike_next()) and
 * starts nothing more.  iked calls it before it exits for good, and does not
 * call it when it is to be restarted.
 */
void	ike_shutdown(struct ike *ike, uint64_t now);

/*
 * What of the configuration may change while the instance runs: liveness at once
 * and for all SAs; cf_fragment 0 at once (messages go whole), and otherwise as well
 * as the port for IKE SAs that are made from now on.
 */
void	ike_tune(struct ike *ike, uint64_t now, uint32_t liveness_ms,
	    uint16_t fragment, uint16_t port_natt);

/* Whether sizes are tried from now on, but by command. */
void	ike_path_tune(struct ike *ike, uint64_t now, bool on);

enum ike_mode { IKE_MODE_TUNNEL, IKE_MODE_TRANSPORT };

enum ike_start {
	IKE_START_PASSIVE,	/* wait for the peer */
	IKE_START_ACTIVE,	/* connect now, and again whenever it fails */
	IKE_START_DEMAND,	/* connect on ike_acquire() */
	IKE_START_DISABLED,	/* configured, answered to nobody */
};

enum ike_auth_kind {
	IKE_AUTH_KIND_PSK,
	IKE_AUTH_KIND_SIGNATURE,	/* refused by ike_policy_check() */
	IKE_AUTH_KIND_EAP,		/* refused by ike_policy_check() */
};

enum ike_dpd { IKE_DPD_RESTART, IKE_DPD_CLEAR, IKE_DPD_HOLD };

/* One child SA pair to be: what it protects and how. */
struct ike_child_conf {
	char			ch_name[IKE_NAME_MAX];	/* unique in policy */
	uint32_t		ch_reqid;	/* ties SAs to SPD entries;
						   unique over all policies */
	enum ike_mode		ch_mode;
	enum ike_start		ch_start;
	struct ike_ts_list	ch_local;	/* none: the address itself */
	struct ike_ts_list	ch_remote;
	struct ike_proposals	ch_esp;		/* none: the default */
	/*
	 * Lifetime in seconds and bytes (0: 3 h, no limit).  The rekey
	 * starts at about 90 %, spread so that two ends rarely collide.
	 */
	uint32_t		ch_lifetime_s;
	uint64_t		ch_lifetime_bytes;
	uint32_t		ch_replay;	/* window in packets; 0: 1024 */
};

struct ike_policy {
	char			po_name[IKE_NAME_MAX];	/* unique */
	struct addr		po_local;	/* family 0: any */
	struct prefix		po_peer;	/* family 0: any */
	uint16_t		po_peer_port;	/* 0: 500 */
	struct ike_id		po_srcid;	/* none: our address */
	struct ike_id		po_dstid;	/* none: any that verifies */
	enum ike_auth_kind	po_auth;
	enum ike_dpd		po_dpd;		/* what follows a dead peer */
	bool			po_encap;	/* ESP in UDP without a NAT, too */
	struct ike_proposals	po_ike;		/* none: the default */
	uint32_t		po_lifetime_s;	/* IKE SA; 0: 24 h */
	uint8_t			po_nchildren;
	const struct ike_child_conf *po_children;	/* copied */
};

/*
 * NULL if the policy can be run, else a static sentence that names what is
 * wrong (also for what is known but not built: AH, signatures, EAP).
 */
const char *ike_policy_check(const struct ike_policy *po);

/*
 * From now on exactly these policies hold.  Policies equal to before keep their
 * SAs untouched; SAs of changed or gone ones are deleted, telling the peer; and
 * a changed one starts anew by its ch_start.  A policy with a changed child
 * alone loses (and renews) that child only.  Earlier policies in the array
 * are preferred where several fit a peer.  False if one fails
 * ike_policy_check(), a name or reqid stands twice, or memory is short:
 * nothing has changed then.
 */
bool	ike_policy_set(struct ike *ike, uint64_t now,
	    const struct ike_policy *po, size_t n);

/*
 * The same by difference: says of very many policies which stay, without
 * naming what they are, and costs little more than what changes.
 *
 *	ed = ike_edit_begin(ike);
 *	ike_edit_keep(ed, 0, 776);	the first 776 in force
 *	ike_edit_put(ed, &po);		then this one, new or changed
 *	ike_edit_keep(ed, 777, 9223);	then these, in the order in force
 *	ok = ike_edit_commit(ed, now);
 *
 * What is neither kept nor put goes.  A policy that is kept is not looked at;
 * one that is put is compared with that of its name in force, as above.  It is
 * all or nothing as well: each function returns false if what it is given
 * cannot be, and so does the commit then.  Between begin and commit the
 * instance may run, but a set that takes effect meanwhile makes the edit fail.
 * Commit and abort free the edit; NULL is allowed and fails.
 */
struct ike_edit;
struct ike_edit *ike_edit_begin(struct ike *ike);
/* n policies in force from place `from' (0: the first); each at most once. */
bool	ike_edit_keep(struct ike_edit *ed, size_t from, size_t n);
bool	ike_edit_put(struct ike_edit *ed, const struct ike_policy *po);
bool	ike_edit_commit(struct ike_edit *ed, uint64_t now);
void	ike_edit_abort(struct ike_edit *ed);

/* --------------------------------------------------------------- inputs */

struct ike_datagram {
	struct addr	 dg_local, dg_remote;
	uint16_t	 dg_lport, dg_rport;
	/*
	 * Port 4500: the non-ESP marker (RFC 3948 section 2.2) has been
	 * stripped from what comes in and must be put before what goes out.
	 */
	bool		 dg_natt;
	/* Outgoing only: a NAT keepalive, one byte 0xff without marker. */
	bool		 dg_keepalive;
	/* Outgoing only: must not be fragmented on the way. */
	bool		 dg_df;
	/* Outgoing only: in IP fragments of at most so many bytes; 0: any. */
	uint16_t	 dg_piece;
	const uint8_t	*dg_data;
	size_t		 dg_len;
};

/* A datagram of the network: anything at all. */
void	ike_input(struct ike *ike, uint64_t now, const struct ike_datagram *dg);
/* Does what is due; harmless at any time. */
void	ike_timer(struct ike *ike, uint64_t now);
/* The earliest time at which ike_timer() has work; UINT64_MAX: none. */
uint64_t ike_deadline(const struct ike *ike);

/*
 * A packet needs an SA (SADB_ACQUIRE).  The child is found by aq_reqid, or if
 * that is 0 by the addresses, which must lie in its selectors.  aq_seq returns
 * in the IKE_ACT_GETSPI that follows.  False if no child is configured for it.
 * With an SA already there or under way nothing happens (and true is returned).
 */
struct ike_acquire {
	uint32_t	aq_reqid;
	uint32_t	aq_seq;
	struct addr	aq_src, aq_dst;
	uint16_t	aq_sport, aq_dport;
	uint8_t		aq_proto;
};
bool	ike_acquire(struct ike *ike, uint64_t now, const struct ike_acquire *aq);

/*
 * A lifetime of the SA (spi, dst) has passed (SADB_EXPIRE).  Soft: rekey.
 * Hard: the kernel has removed it; the pair is deleted and, if the policy
 * wants it up, made anew.  False if the SA is not ours.
 */
bool	ike_expire(struct ike *ike, uint64_t now, uint32_t spi,
	    const struct addr *dst, bool hard);

/*
 * The newest authenticated ESP packet of inbound SA spi arrived ago_ms before
 * `now': the peer lived then (no liveness check is needed for a while), and the
 * outbound half of a rekeyed pair may be used (RFC 7296 section 2.8).  This is
 * the answer to IKE_ACT_SEEN, and may be told at any time; optional.
 */
void	ike_seen(struct ike *ike, uint64_t now, uint32_t spi, uint64_t ago_ms);

/*
 * What the kernel has counted of inbound SA spi since it was made: packets that
 * passed, and those dropped as repeated or older than the replay window.  Told
 * together with ike_seen(); optional.
 */
void	ike_counted(struct ike *ike, uint64_t now, uint32_t spi, uint64_t passed,
	    uint64_t dropped);

/*
 * A router on the way to dst says that a datagram of ours is larger than mtu (the
 * IP packet).  It is no more than a hint, from anybody.
 */
void	ike_path_told(struct ike *ike, uint64_t now, const struct addr *dst,
	    unsigned mtu);

/*
 * What is said of a request that is out: by our own system, or by ICMP, which
 * anybody can send who has seen its SPIs.  It changes nothing but the words of
 * an attempt that stays without an answer.
 */
enum ike_hint {
	IKE_HINT_NOTHING,
	IKE_HINT_NO_ROUTE,	/* our own system: no route to the peer */
	IKE_HINT_NOT_OURS,	/* the policy's local address is none of ours */
	IKE_HINT_IF_DOWN,	/* the interface that it would leave by is down */
	IKE_HINT_BLOCKED,	/* our own rules block it */
	IKE_HINT_NO_NEIGHBOUR,	/* the next hop does not answer ARP */
	IKE_HINT_UNREACHABLE,	/* ICMP: network or host cannot be reached */
	IKE_HINT_NO_PORT,	/* nothing listens there */
	IKE_HINT_PROHIBITED,	/* a filter says so */
	IKE_HINT_COUNT
};
/* Of a message with these SPIs to dst. */
void	ike_hint(struct ike *ike, uint64_t now, const struct addr *dst,
	    uint64_t spi_i, uint64_t spi_r, enum ike_hint hint);
/* "we have no route to the peer"; "nothing came back" of IKE_HINT_NOTHING. */
const char *ike_hint_text(enum ike_hint hint);
/* NET-04 if it is our own system that has no way, else NET-01. */
enum ike_reason ike_hint_reason(enum ike_hint hint);

enum ike_command {
	IKE_CMD_UP,		/* connect now, whatever ch_start is */
	IKE_CMD_DOWN,		/* delete; stays down until UP, or traffic
				   if on demand, or the peer connects */
	IKE_CMD_REKEY,		/* children */
	IKE_CMD_REKEY_IKE,	/* the IKE SA itself */
	IKE_CMD_DELETE_IKE,	/* the IKE SA and its children; an active
				   policy connects again */
	IKE_CMD_CHECK,		/* try what size reaches the peer, of each
				   IKE SA that is up; IKE_EV_CHECKED follows */
};
/*
 * name: "POLICY" (all its children), or "POLICY/CHILD"; NULL: all.
 * Returns how many children (or IKE SAs) it applies to; 0: no such name.
 */
size_t	ike_command(struct ike *ike, uint64_t now, enum ike_command cmd,
	    const char *name);

/* The answer to IKE_ACT_GETSPI: an inbound SPI of our own; 0: failed. */
void	ike_getspi_reply(struct ike *ike, uint64_t now, uint32_t id,
	    uint32_t spi);
/* The answer to IKE_ACT_AUTH_SIGN: data of the AUTH payload, or !ok. */
void	ike_sign_reply(struct ike *ike, uint64_t now, uint32_t id, bool ok,
	    const uint8_t *auth, size_t len);
/*
 * The answer to IKE_ACT_AUTH_VERIFY.  Only IKE_VERIFY_OK establishes; any
 * other value, known or not, refuses.
 */
enum ike_verify {
	IKE_VERIFY_BAD		= 0,	/* the AUTH payload is wrong */
	IKE_VERIFY_OK		= 1,
	IKE_VERIFY_NOKEY	= 2,	/* no key for these identities */
};
void	ike_verify_reply(struct ike *ike, uint64_t now, uint32_t id,
	    enum ike_verify result);
/* The kernel refused IKE_ACT_SA_ADD ac_id; success need not be told. */
void	ike_sa_failed(struct ike *ike, uint64_t now, uint32_t id);

/* -------------------------------------------------------------- outputs */

enum ike_action_type {
	IKE_ACT_SEND = 1,	/* ac_send: put on the wire; may be lost */
	IKE_ACT_GETSPI,		/* ac_getspi -> ike_getspi_reply() */
	IKE_ACT_SA_ADD,		/* ac_sa; inbound: SADB_UPDATE of the
				   SPI reserved; outbound: SADB_ADD */
	IKE_ACT_SA_MOVE,	/* ac_sa: the peer's address or port, or
				   sa_pmtu has changed: key, SPI, sequence
				   number stay; keys are not repeated */
	IKE_ACT_SA_DELETE,	/* ac_del; also frees an SPI of GETSPI
				   that is not going to be used */
	IKE_ACT_AUTH_SIGN,	/* ac_auth -> ike_sign_reply() */
	IKE_ACT_AUTH_VERIFY,	/* ac_auth -> ike_verify_reply() */
	IKE_ACT_EVENT,		/* ac_event: for history and log */
	IKE_ACT_SEEN,		/* ac_seen: when did it last receive?  If not
				   soon ike_seen(), the peer is asked */
};

struct ike_getspi {
	struct addr	gs_src, gs_dst;		/* inbound: peer, ourselves */
	uint8_t		gs_proto;		/* enum ike_proto: ESP */
	enum ike_mode	gs_mode;
	uint32_t	gs_reqid;
	uint32_t	gs_seq;			/* of ike_acquire(); or 0 */
};

struct ike_esp_sa {
	uint32_t	sa_spi;
	bool		sa_inbound;
	bool		sa_initiator;	/* of the exchange that made it */
	uint8_t		sa_proto;	/* enum ike_proto: ESP */
	enum ike_mode	sa_mode;
	struct addr	sa_src, sa_dst;	/* outer */
	bool		sa_natt;	/* ESP in UDP (RFC 3948), with ... */
	uint16_t	sa_sport, sa_dport;	/* ... these ports */
	uint32_t	sa_reqid;
	uint16_t	sa_pmtu;	/* outbound: the largest outer packet
					   that reaches the peer; 0: no size
					   was found that does not */
	/*
	 * SPI of the SA in the same direction that this one replaces, 0 if
	 * none.  The new outbound SA is to be used from this moment; the old
	 * pair stays until IKE_ACT_SA_DELETE.
	 */
	uint32_t	sa_replaces;
	uint16_t	sa_encr;	/* enum ike_transform_id */
	uint16_t	sa_encr_bits;	/* 0 if the cipher has one size */
	uint16_t	sa_integ;	/* IKE_INTEG_NONE with an AEAD */
	bool		sa_esn;
	uint32_t	sa_replay;	/* window in packets; inbound */
	/* As KEYMAT has them: cipher key, then the salt of an AEAD. */
	uint8_t		sa_encr_key[IKE_KEY_MAX];
	uint8_t		sa_integ_key[IKE_KEY_MAX];
	uint8_t		sa_encr_len, sa_integ_len;
	uint32_t	sa_soft_s, sa_hard_s;		/* from now on */
	uint64_t	sa_soft_bytes, sa_hard_bytes;	/* 0: none */
	struct ike_ts_list sa_local, sa_remote;	/* as negotiated */
	/* The policy names no one peer: nobody knew the outer address before. */
	bool		sa_dynamic;
	char		sa_policy[IKE_NAME_MAX];
	char		sa_child[IKE_NAME_MAX];
	struct ike_id	sa_peer_id;
};

struct ike_sa_ref {
	uint32_t	sr_spi;
	struct addr	sr_src, sr_dst;
	uint8_t		sr_proto;	/* enum ike_proto */
	bool		sr_inbound;
	uint32_t	sr_reqid;
};

/* What the authentication process is asked (RFC 7296 section 2.15). */
struct ike_auth_req {
	char		ar_policy[IKE_NAME_MAX];
	/*
	 * RFC 7296 section 3.8: 2 is a shared key.  With IKE_ACT_AUTH_VERIFY
	 * it is what the peer's payload says; the authentication process must
	 * refuse any that the policy does not want.
	 */
	uint8_t		ar_method;
	uint16_t	ar_prf;		/* enum ike_transform_id */
	struct ike_id	ar_local, ar_remote;
	const uint8_t	*ar_octets;	/* to be signed, or signed by peer */
	size_t		ar_octets_len;	/* <= IKE_OCTETS_MAX */
	const uint8_t	*ar_auth;	/* AUTH_VERIFY: the peer's data */
	size_t		ar_auth_len;	/* <= IKE_AUTH_MAX */
};

/*
 * Reasons: stable ids (messages(7)), who said no, and a title.  The detail of
 * each case is the event's text.  ONE_WAY is never told by the core, but by who
 * knows the SAs' counters, and MANY by who leaves events out.
 */
#define IKE_REASONS(X)							\
	X(NONE,		"",		"")				\
	X(ASKED,	"ADMIN-01",	"taken down by command")	\
	X(POLICY,	"ADMIN-02",	"policy changed or removed")	\
	X(SHUTDOWN,	"ADMIN-03",	"the daemon stops")		\
	X(PROP_IKE,	"PROP-01",	"no common IKE proposal")	\
	X(PROP_ESP,	"PROP-02",	"no common ESP proposal")	\
	X(PROP_PFS,	"PROP-03",	"PFS groups differ")		\
	X(KE_GROUP,	"KE-01",	"peer wants another group")	\
	X(AUTH_KEY,	"AUTH-01",	"peer's key is wrong")		\
	X(AUTH_PEER,	"AUTH-02",	"peer rejected our key or identity") \
	X(AUTH_NOKEY,	"AUTH-03",	"we have no key for this peer")	\
	X(ID_UNKNOWN,	"ID-01",	"no policy for this identity")	\
	X(TS_NONE,	"TS-01",	"traffic selectors do not meet") \
	X(TS_NARROWED,	"TS-02",	"traffic selectors narrowed")	\
	X(MODE,		"TS-03",	"tunnel and transport mode differ") \
	X(NO_ANSWER,	"NET-01",	"peer does not answer")		\
	X(NO_AUTH_ANSWER, "NET-02",	"answered on INIT but not on AUTH") \
	X(ONE_WAY,	"NET-03",	"nothing comes back")		\
	X(NO_ROUTE,	"NET-04",	"no way to the peer")		\
	X(MTU,		"MTU-01",	"large packets do not reach the peer") \
	X(NAT,		"NAT-01",	"NAT on the way")		\
	X(REPLAY,	"REPLAY-01",	"packets come twice or too late") \
	X(DEAD,		"DPD-01",	"peer stopped answering")	\
	X(REKEY,	"REKEY-01",	"rekey failed")			\
	X(EXPIRED,	"REKEY-02",	"lifetime ended")		\
	X(PEER_DELETED,	"PEER-01",	"deleted by the peer")		\
	X(PEER_REPLACED, "PEER-02",	"peer connected anew")		\
	X(PEER_BUSY,	"PEER-03",	"peer refused for now")		\
	X(PEER_ERROR,	"PEER-04",	"peer answered with an error")	\
	X(MANY,		"PEER-05",	"more happens than is told")	\
	X(SYNTAX,	"PROTO-01",	"peer's message is malformed")	\
	X(KERNEL,	"SYS-01",	"the kernel refused the SA")	\
	X(MEMORY,	"SYS-02",	"a limit of memory or number")	\
	X(TIMEOUT,	"SYS-03",	"an answer of this system is missing")	\
	X(CONFIG,	"CONF-01",	"the rule cannot be carried out")

enum ike_reason {
#define X(n, id, title)	IKE_R_##n,
	IKE_REASONS(X)
#undef X
	IKE_R_COUNT
};

const char *ike_reason_id(enum ike_reason r);		/* "AUTH-02" */
const char *ike_reason_title(enum ike_reason r);
/* What to change, and on which side; sentences. */
const char *ike_reason_advice(enum ike_reason r);

enum ike_event_type {
	IKE_EV_CONNECTING,	/* ev_text: stage */
	IKE_EV_IKE_UP,
	IKE_EV_IKE_REKEYED,
	IKE_EV_IKE_DOWN,	/* ev_reason */
	IKE_EV_CHILD_UP,
	IKE_EV_CHILD_REKEYED,
	IKE_EV_CHILD_DOWN,	/* ev_reason */
	IKE_EV_FAILED,		/* attempt failed: ev_reason; ev_retry_ms */
	IKE_EV_MOVED,		/* the peer's address or port changed */
	IKE_EV_NOTE,		/* ev_reason: information only (KE-01, TS-02) */
	IKE_EV_CHECKED,		/* after IKE_CMD_CHECK: MTU-01, or no reason */
};
const char *ike_event_name(enum ike_event_type t);	/* "child-up" ... */

struct ike_event {
	enum ike_event_type	ev_type;
	enum ike_reason		ev_reason;
	char			ev_policy[IKE_NAME_MAX];	/* "": unknown */
	char			ev_child[IKE_NAME_MAX];		/* "": IKE SA */
	struct addr		ev_peer;
	uint16_t		ev_peer_port;
	/*
	 * The peer began, and has not shown who it is: anybody can cause any number
	 * of these.
	 */
	bool			ev_stranger;
	uint32_t		ev_retry_ms;	/* 0: no retry by itself */
	/* Who refused, what differs, what to change; printable ASCII. */
	char			ev_text[IKE_TEXT_MAX];
};

struct ike_action {
	enum ike_action_type	ac_type;
	uint32_t		ac_id;
	union {
		struct ike_datagram	ac_send;
		struct ike_getspi	ac_getspi;
		struct ike_esp_sa	ac_sa;
		struct ike_sa_ref	ac_del;
		struct ike_sa_ref	ac_seen;	/* inbound */
		struct ike_auth_req	ac_auth;
		struct ike_event	ac_event;
	};
};

/* The next thing to do; false if there is none. */
bool	ike_next(struct ike *ike, struct ike_action *out);

/* --------------------------------------------------------------- status */

enum ike_state {
	IKE_ST_UP,		/* both halves of a child SA installed */
	IKE_ST_CONNECTING,	/* stage in st_note */
	IKE_ST_RETRY,		/* "down, retry N" */
	IKE_ST_WAITING,		/* "down, waiting for peer" */
	IKE_ST_DEMAND,		/* "on demand" */
	IKE_ST_DOWN,		/* taken down by command */
	IKE_ST_DISABLED,
	IKE_ST_BLOCKED,		/* "blocked by config": never of ike_status() */
};

/* One line per child SA pair, or per configured child that has none. */
struct ike_status {
	char			st_policy[IKE_NAME_MAX];
	char			st_child[IKE_NAME_MAX];
	enum ike_state		st_state;
	enum ike_reason		st_reason;	/* of the last failure */
	uint64_t		st_since;	/* `now' when it became so */
	uint32_t		st_retry;	/* attempts failed in a row */
	uint32_t		st_sent;	/* CONNECTING: how often the request
						   that is out went out */
	enum ike_hint		st_hint;	/* and what is said of it */
	uint64_t		st_retry_at;	/* 0: none planned */
	struct addr		st_local, st_peer;	/* family 0: any */
	uint16_t		st_lport, st_rport;
	bool			st_natt;
	bool			st_ike_up;	/* what follows is set */
	bool			st_ike_initiator;
	uint64_t		st_ike_spi_i, st_ike_spi_r;
	uint64_t		st_ike_since, st_ike_rekey_at;
	struct ike_proposal	st_ike_algs;	/* one transform per type */
	struct ike_id		st_local_id, st_peer_id;
	/* Valid in IKE_ST_UP. */
	uint32_t		st_spi_in, st_spi_out;
	uint64_t		st_child_since, st_rekey_at;
	struct ike_proposal	st_esp_algs;
	enum ike_mode		st_mode;
	uint32_t		st_reqid;
	struct ike_ts_list	st_ts_local, st_ts_remote;
	uint32_t		st_rekeys_child, st_rekeys_ike;
	/* What size reaches the peer: tried at st_path_at; 0: not yet. */
	uint64_t		st_path_at;
	uint16_t		st_path_mtu;	/* largest IP packet */
	uint16_t		st_path_link;	/* that our way out takes */
	bool			st_path_hole;	/* and nobody told: MTU-01 */
	char			st_note[IKE_TEXT_MAX];	/* last failure's text */
};

typedef void ike_status_fn(void *arg, const struct ike_status *st);
/* Calls fn for each line, in the order of the policies. */
void	ike_status(const struct ike *ike, uint64_t now, ike_status_fn *fn,
	    void *arg);
/* The lines of the policy at this place (0: the first); false if none is. */
bool	ike_status_at(const struct ike *ike, uint64_t now, size_t place,
	    ike_status_fn *fn, void *arg);
/* Of "POLICY" or "POLICY/CHILD". */
void	ike_status_of(const struct ike *ike, uint64_t now, const char *name,
	    ike_status_fn *fn, void *arg);
/* How many policies are in force, and a number that each set has of its own. */
size_t	ike_policy_count(const struct ike *ike);
uint64_t ike_policy_version(const struct ike *ike);

/* Counters since ike_new(): one list makes the fields and their names. */
#define IKE_STATS(X)							\
	X(in,			"datagrams received")			\
	X(out,			"datagrams sent")			\
	X(out_again,		"requests retransmitted")		\
	X(in_again,		"requests received again and answered from memory") \
	X(in_malformed,		"dropped: malformed")			\
	X(in_illegal,		"dropped: payloads not allowed here")	\
	X(in_unknown_sa,	"dropped: no such IKE SA")		\
	X(in_bad_icv,		"dropped: integrity check failed")	\
	X(in_bad_id,		"dropped: message ID outside the window") \
	X(in_version,		"dropped: major version")		\
	X(in_no_policy,		"dropped: no policy for the peer")	\
	X(in_limit,		"dropped: half-open or SA limit")	\
	X(in_state,		"dropped: not expected in this state")	\
	X(in_fragments,		"fragments received")			\
	X(in_fragment_bad,	"fragments dropped")			\
	X(out_fragments,	"fragments sent")			\
	X(cookies_sent,		"cookies demanded")			\
	X(cookies_bad,		"cookies that were wrong")		\
	X(invalid_ke,		"INVALID_KE_PAYLOAD sent or followed")	\
	X(auth_failed,		"authentications failed")		\
	X(ike_made,		"IKE SAs established")			\
	X(ike_rekeyed,		"IKE SAs rekeyed")			\
	X(child_made,		"child SAs made")			\
	X(child_rekeyed,	"child SAs rekeyed")			\
	X(collisions,		"simultaneous exchanges resolved")	\
	X(liveness,		"liveness checks sent")			\
	X(probes,		"packets sent to try a size")		\
	X(dead,			"peers found dead")

struct ike_stats {
#define X(f, text)	uint64_t is_##f;
	IKE_STATS(X)
#undef X
};
void	ike_stats(const struct ike *ike, struct ike_stats *out);

/* Live objects, for tests: all but oc_policies return to 0. */
struct ike_objects {
	size_t	oc_policies, oc_ikesas, oc_halfopen, oc_children,
		oc_exchanges, oc_fragments, oc_actions;
};
void	ike_objects(const struct ike *ike, struct ike_objects *out);

#endif
