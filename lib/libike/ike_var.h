/* SPDX-License-Identifier: ISC */
/*
 * libike from the inside: objects, their owners and life cycles.
 *
 *	ike ──┬─ pol (policy) ──── conn (configured child)
 *	      ├─ ikesa ──┬─ child (SA pair)
 *	      │          ├─ xchg: the one outstanding request of ours (sa_req),
 *	      │          │  those that wait (sa_queue), and the peer's request
 *	      │          │  under work (sa_rsp)
 *	      │          └─ reassembly buffers, cached response
 *	      ├─ ask: a question to the shell, by id
 *	      ├─ linger: an inbound SA of a rekeyed pair, still receiving
 *	      ├─ act: queue of actions for ike_next()
 *	      └─ timers
 *
 * An ikesa or xchg that ends is marked dead, taken from every index and freed
 * when the entry point returns (ike_leave()), so that no function up the stack
 * holds a freed pointer.  A child is named across time by its inbound SPI
 * (x_old_spi), never by pointer; what is created but not installed belongs to
 * its exchange (x_new).  A conn may vanish by a change of policy: then
 * conn_forget() clears c_conn and x_conn everywhere.
 *
 * Window size is one in both directions (RFC 7296 section 2.3).
 */
#ifndef LIBIKE_IKE_VAR_H
#define LIBIKE_IKE_VAR_H

#include <sys/queue.h>

#include "libike/ike.h"
#include "libike/ike_key.h"
#include "libike/ike_msg.h"
#include "libike/ike_table.h"
#include "libike/ike_tmo.h"

#define IKE_HASH_SLOTS		1024	/* power of two */
#define IKE_ASK_SLOTS		64
#define IKE_NONCE_LEN		32	/* ours */
#define IKE_FRAGS_MAX		64	/* in one message */

enum tmo_kind {
	TMO_RETRANS = 1,	/* ikesa: sa_req again */
	TMO_LIFE,		/* ikesa: half-open limit, rekey, end */
	TMO_LIVE,		/* ikesa: liveness check */
	TMO_KEEPALIVE,		/* ikesa: NAT keepalive */
	TMO_QUEUE,		/* ikesa: a postponed exchange */
	TMO_CHILD_REKEY,	/* child */
	TMO_CHILD_END,		/* child: hard lifetime */
	TMO_CONN,		/* conn: try again */
	TMO_ASK,		/* ask: no answer from the shell */
	TMO_LINGER,		/* linger */
	TMO_PATH,		/* ikesa: try sizes */
	TMO_CONTACT,		/* ikesa: the peer has forgotten it */
};

/*
 * Configuration as it is kept: defaults filled in; proposals, selectors and
 * identities are blobs, which policies share.
 */
struct conn_conf {
	char			 ch_name[IKE_NAME_MAX];
	uint32_t		 ch_reqid;
	enum ike_mode		 ch_mode;
	enum ike_start		 ch_start;
	const struct ike_ts_list *ch_local, *ch_remote;	/* cut: ts_list_copy() */
	const struct ike_proposals *ch_esp;		/* cut behind the last */
	uint32_t		 ch_lifetime_s;
	uint64_t		 ch_lifetime_bytes;
	uint32_t		 ch_replay;
};

struct pol_conf {
	char			 po_name[IKE_NAME_MAX];
	struct addr		 po_local;
	struct prefix		 po_peer;
	uint16_t		 po_peer_port;
	const struct ike_id	*po_srcid, *po_dstid;	/* cut: id_copy() */
	enum ike_auth_kind	 po_auth;
	enum ike_dpd		 po_dpd;
	bool			 po_encap;
	const struct ike_proposals *po_ike;		/* cut behind the last */
	uint32_t		 po_lifetime_s;
};

struct conn {
	TAILQ_ENTRY(conn)	 cn_entry;
	struct pol		*cn_pol;
	struct conn_conf	 cn_conf;
	bool			 cn_want;	/* to be kept up */
	bool			 cn_down;	/* taken down by command */
	uint32_t		 cn_retry;
	uint32_t		 cn_seq;	/* of the last acquire */
	uint64_t		 cn_since;
	enum ike_reason		 cn_reason;
	char			*cn_note;	/* of the last failure; NULL none */
	uint32_t		 cn_rekeys;
	struct tmo		 cn_tmo;
	struct ilink		 cn_by_reqid;	/* of i_reqids; not with 0 */
};

struct pol {
	size_t			 pl_place;	/* in i_order */
	struct ilink		 pl_by_name;	/* of i_names */
	struct ike		*pl_ike;
	struct pol_conf		 pl_conf;
	TAILQ_HEAD(conn_list, conn) pl_conns;
	LIST_HEAD(, ikesa)	 pl_sas;
	uint32_t		 pl_rekeys;
	uint64_t		 pl_since;
};

/*
 * The policies in force, the preferred ones first.  Beside each a hash of its
 * peer's address, so that one is found among very many by looking at few.
 */
struct order {
	struct pol		**or_pol;
	uint32_t		*or_peer;	/* 0: not of one address */
	size_t			 or_n;
};

/* The datagrams of one message, kept for retransmission. */
struct outmsg {
	unsigned	 om_n;
	size_t		 om_len[IKE_FRAGS_MAX];
	size_t		 om_size;
	uint8_t		 om_bytes[];	/* one behind the other */
};

struct act {
	TAILQ_ENTRY(act)	 a_entry;
	struct ike_action	 a_action;
	size_t			 a_size;
	uint8_t			 a_bytes[];
};

enum ask_kind { ASK_SPI, ASK_SIGN, ASK_VERIFY };
#define IKE_ASKS_MAX		2	/* of one exchange at a time */

struct ask {
	LIST_ENTRY(ask)	 k_entry;
	uint32_t	 k_id;
	enum ask_kind	 k_kind;
	struct xchg	*k_x;		/* NULL: nobody waits any more */
	struct ike	*k_ike;
	struct ike_sa_ref k_ref;	/* ASK_SPI: to give an SPI back */
	struct tmo	 k_tmo;
};

struct lingering {
	LIST_ENTRY(lingering) l_entry;
	struct ike	  *l_ike;
	struct ike_sa_ref  l_ref;
	struct tmo	   l_tmo;
};

/* Packets dropped as repeated or too old (ike_replay.c). */
struct replayed {
	uint64_t		 rp_at;		/* when it was counted; 0: never */
	uint64_t		 rp_passed, rp_dropped;	/* by then, of the SA */
	/* since the time before: */
	uint64_t		 rp_many;	/* dropped, if they are many; else 0 */
	uint64_t		 rp_of;		/* in all */
	uint64_t		 rp_ms;
};

enum child_state {
	CHILD_LARVAL,		/* belongs to its exchange */
	CHILD_UP,
	CHILD_REPLACED,		/* a newer pair is up; waits for Delete */
	CHILD_DELETING,		/* our Delete is on its way */
};

struct child {
	TAILQ_ENTRY(child)	 c_entry;	/* of c_sa, unless larval */
	LIST_ENTRY(child)	 c_hash;	/* by c_spi_in */
	struct ike		*c_ike;
	struct ikesa		*c_sa;
	struct conn		*c_conn;	/* NULL: configuration gone */
	enum child_state	 c_state;
	char			 c_name[IKE_NAME_MAX];
	uint32_t		 c_spi_in, c_spi_out;
	bool			 c_in_on, c_out_on;	/* in the kernel */
	bool			 c_hashed;
	bool			 c_initiator;
	bool			 c_busy;	/* our rekey or delete of it is
						   queued or under way */
	uint32_t		 c_sa_id_in, c_sa_id_out; /* of SA_ADD */
	uint32_t		 c_old_in, c_old_out;	/* replaces */
	struct ike_proposal	 c_algs;
	struct ike_child_keys	 c_keys;	/* until both halves are on */
	bool			 c_esn;
	enum ike_mode		 c_mode;
	struct ike_ts_list	 c_local, c_remote;
	uint32_t		 c_reqid;
	uint64_t		 c_since, c_rekey_at, c_end_at;
	struct replayed		 c_replayed;
	struct tmo		 c_tmo_rekey, c_tmo_end;
};
TAILQ_HEAD(child_list, child);

enum xchg_type {
	X_INIT,			/* IKE_SA_INIT */
	X_AUTH,			/* IKE_AUTH */
	X_CHILD_NEW,
	X_CHILD_REKEY,
	X_CHILD_DELETE,
	X_IKE_REKEY,
	X_IKE_DELETE,
	X_LIVENESS,
	X_PROBE,		/* a packet of some size */
	X_PEER_CHILD,		/* the peer's CREATE_CHILD_SA for a child */
	X_PEER_AUTH,		/* the peer's IKE_AUTH */
};

struct xchg {
	TAILQ_ENTRY(xchg)	 x_entry;
	struct ike		*x_ike;
	struct ikesa		*x_sa;
	enum xchg_type		 x_type;
	bool			 x_dead;
	bool			 x_sent;
	uint8_t			 x_exchange;	/* enum ike_exchange */
	uint32_t		 x_msgid;
	uint64_t		 x_not_before;	/* while queued */
	struct outmsg		*x_out;
	unsigned		 x_tries;
	enum ike_hint		 x_hint;	/* of what went out */
	uint32_t		 x_wait;
	uint64_t		 x_when;	/* last sent */
	struct outmsg		*x_other;	/* X_PROBE in its first form: the same
						   message in one that arrives */
	bool			 x_df;		/* its first form, ... */
	uint16_t		 x_piece, x_other_piece; /* ... and both */
	bool			 x_cut;		/* X_PROBE: others wait */
	bool			 x_probing;	/* in i_probes */
	LIST_ENTRY(xchg)	 x_probe;
	struct ask		*x_ask[IKE_ASKS_MAX];	/* still awaited */
	bool			 x_ask_failed;

	struct conn		*x_conn;
	uint32_t		 x_old_spi;	/* inbound SPI of the old pair */
	struct child		*x_new;		/* larval; ours until installed */
	uint32_t		 x_seq;
	enum ike_reason		 x_reason;	/* of a delete */

	struct dh		*x_dh;
	struct ike_nonce	 x_ni, x_nr;
	uint8_t			*x_secret;	/* g^ir */
	size_t			 x_secret_len;
	struct ike_choice	 x_choice;
	uint64_t		 x_spi;		/* X_IKE_REKEY: our new SPI */
	uint16_t		 x_group;	/* 0: the first of ours */
	unsigned		 x_tries_group;	/* INVALID_KE followed */
	/*
	 * X_CHILD_REKEY that is out: the peer has rekeyed the same pair
	 * meanwhile (section 2.8.1), to this inbound SPI, and the lower nonce
	 * of its exchange.
	 */
	uint32_t		 x_peer_new;
	struct ike_nonce	 x_peer_min;

	/* A peer's message that waits for an answer of the shell. */
	uint8_t			*x_plain;
	size_t			 x_plain_len;
	uint8_t			 x_plain_first;
	unsigned		 x_stage;	/* of a peer's request */
	enum ike_verify		 x_verify;
	bool			 x_initial_contact;
	uint16_t		 x_peer_notify;	/* why it gets no child */
	uint8_t			 x_auth[IKE_AUTH_MAX];	/* ours */
	size_t			 x_auth_len;
};
TAILQ_HEAD(xchg_list, xchg);

/* RFC 7383 section 2.6: fragments of one message, each verified. */
struct reasm {
	uint32_t	 r_msgid;
	uint16_t	 r_total, r_have;
	uint8_t		 r_first;	/* type of the first payload */
	size_t		 r_bytes;
	struct {
		uint8_t	*p;
		size_t	 n;
	}		 r_frag[IKE_FRAGS_MAX];
};

enum sa_state {
	SA_INIT_I,		/* our IKE_SA_INIT is out */
	SA_AUTH_I,		/* keyed; IKE_AUTH is prepared or out */
	SA_HALF_R,		/* we answered IKE_SA_INIT */
	SA_AUTH_R,		/* the peer's IKE_AUTH is being checked */
	SA_UP,
	SA_REPLACED,		/* rekeyed: children have gone; wait for Delete */
	SA_DELETING,		/* our Delete is out */
	SA_DEAD,
	SA_STATES
};

/* What only the first two exchanges need. */
struct handshake {
	struct ike_nonce	 hs_ni, hs_nr;
	struct dh		*hs_dh;
	uint8_t			*hs_init_i, *hs_init_r;	/* messages */
	size_t			 hs_init_i_len, hs_init_r_len;
	uint16_t		 hs_group;
	uint8_t			 hs_cookie[IKE_COOKIE_MAX];
	size_t			 hs_cookie_len;
	unsigned		 hs_restarts;	/* cookies, groups followed */
	struct conn		*hs_conn;	/* initiator: first child */
	bool			 hs_auth_sent;
	bool			 hs_encap;	/* responder: the rule's po_encap */
};

/* What size reaches the peer (ike_path.c). */
struct path {
	uint16_t		 pa_link;	/* what our way out takes */
	uint16_t		 pa_good;	/* largest that arrived ... */
	uint16_t		 pa_bad;	/* ... smallest that did not; 0 */
	uint16_t		 pa_size;	/* that is tried */
	uint16_t		 pa_hint;	/* to be tried next; 0 */
	uint16_t		 pa_told;	/* by a router; 0 */
	bool			 pa_sure;	/* pa_bad is tried once more */
	bool			 pa_asked;	/* by command */
	uint8_t			 pa_left;	/* tries left; 0: none goes on */
	uint8_t			 pa_stage;	/* enum path_stage */
	bool			 pa_ip;		/* fragments of IP arrive */
	/* the result of the last time: */
	bool			 pa_hole;	/* nobody told */
	uint16_t		 pa_mtu;	/* 0: pa_link arrives */
	uint64_t		 pa_at;		/* when; 0: never */
	uint32_t		 pa_rtt;	/* ms, of some exchange */
};

struct ikesa {
	TAILQ_ENTRY(ikesa)	 sa_entry;	/* all, or the dead */
	LIST_ENTRY(ikesa)	 sa_hash;	/* by our SPI */
	LIST_ENTRY(ikesa)	 sa_half_entry;	/* half-open responders */
	LIST_ENTRY(ikesa)	 sa_half_hash;	/* ... by the peer's SPI */
	LIST_ENTRY(ikesa)	 sa_pol_entry;	/* of sa_pol */
	TAILQ_ENTRY(ikesa)	 sa_kick_entry;	/* to look at its queue */
	bool			 sa_kicked;
	struct ike		*sa_ike;
	struct pol		*sa_pol;	/* NULL: configuration gone */
	char			 sa_name[IKE_NAME_MAX];
	enum sa_state		 sa_state;
	bool			 sa_initiator;	/* spi_i is ours */
	bool			 sa_half;	/* counted as half-open */
	bool			 sa_unproven;	/* responder: the initiator may not
						   have our IKE_AUTH answer */
	bool			 sa_abandoned;	/* initiator: to be deleted as soon as
						   IKE_AUTH is answered */
	bool			 sa_limbo;	/* made by the peer's rekey while
						   ours is out: undecided */
	bool			 sa_hashed;
	uint64_t		 sa_spi_i, sa_spi_r;
	struct addr		 sa_local, sa_remote;
	uint16_t		 sa_lport, sa_rport;
	bool			 sa_natt;	/* on 4500 with marker */
	bool			 sa_nat_us, sa_nat_peer;
	bool			 sa_frag;	/* both support RFC 7383 */
	struct ike_proposal	 sa_algs;
	struct ike_keys		 sa_keys;
	bool			 sa_keyed;
	struct ike_id		 sa_id_local, sa_id_remote;
	struct handshake	*sa_hs;

	uint32_t		 sa_next_req;	/* ours */
	uint32_t		 sa_next_rsp;	/* the peer's next request */
	struct xchg		*sa_req;
	struct xchg_list	 sa_queue;
	unsigned		 sa_nqueue;
	struct xchg		*sa_rsp;
	struct outmsg		*sa_cached;	/* answer to sa_next_rsp - 1 */
	struct ike_datagram	 sa_reply_to;	/* whence that request came */
	struct reasm		*sa_reasm[2];	/* requests, responses */

	struct child_list	 sa_children;
	unsigned		 sa_nchildren;

	/* A rekey of this IKE SA by the peer while ours is out (2.8.2). */
	uint64_t		 sa_peer_new;	/* our SPI of the one made */
	struct ike_nonce	 sa_peer_nonce_min;

	uint64_t		 sa_created, sa_since;
	uint64_t		 sa_heard, sa_said;
	bool			 sa_seen_asked;	/* the kernel, about packets */
	uint64_t		 sa_rekey_at, sa_end_at;
	enum ike_reason		 sa_reason;
	struct tmo		 sa_tmo_retrans, sa_tmo_life, sa_tmo_live,
				 sa_tmo_keep, sa_tmo_queue, sa_tmo_path, sa_tmo_contact;
	struct path		 sa_path;
};
TAILQ_HEAD(ikesa_list, ikesa);

struct ike {
	struct ike_conf		 i_conf;
	struct alg_rand		 i_rand;
	uint64_t		 i_now;
	bool			 i_stopping;
	struct order		 i_order;
	uint64_t		 i_version;	/* of i_order */
	struct itab		 i_names, i_reqids, i_blobs;
	struct ikesa_list	 i_sas, i_dead, i_kicked;
	LIST_HEAD(, ikesa)	 i_hash[IKE_HASH_SLOTS];
	LIST_HEAD(, ikesa)	 i_half;
	LIST_HEAD(, ikesa)	 i_half_hash[IKE_HASH_SLOTS];
	LIST_HEAD(, child)	 i_children[IKE_HASH_SLOTS];
	LIST_HEAD(, ask)	 i_asks[IKE_ASK_SLOTS];
	LIST_HEAD(, lingering)	 i_linger;
	struct xchg_list	 i_dead_x;
	LIST_HEAD(, xchg)	 i_probes;	/* X_PROBE that are out */
	TAILQ_HEAD(, act)	 i_acts;
	struct act		*i_act;		/* handed out last */
	struct tmo_heap		 i_tmos;
	uint32_t		 i_next_id;
	uint8_t			 i_cookie_key[2][32];
	uint64_t		 i_cookie_since;
	unsigned		 i_cookie_version;	/* the newer: 0 or 1 */
	struct ike_stats	 i_stats;
	struct ike_objects	 i_objects;
	uint8_t			 i_buf[IKE_MSG_MAX];	/* message built */
	uint8_t			 i_in[UINT16_MAX + 1];	/* message opened */
};

/* A message of the peer, verified and decrypted (or in the clear). */
struct inmsg {
	struct ike_hdr		 im_hdr;
	const struct ike_datagram *im_dg;
	uint8_t			 im_first;
	const uint8_t		*im_p;
	size_t			 im_n;
};

/* ike.c */
void	*ike_calloc(size_t n, size_t size);
void	ike_random(struct ike *ike, void *p, size_t n);
uint32_t ike_random_u32(struct ike *ike);
/* v less up to a quarter or more up to a quarter */
uint64_t ike_jitter(struct ike *ike, uint64_t v);
void	ike_log(struct ike *ike, int level, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* Every entry point begins with the one and ends with the other. */
void	ike_enter(struct ike *ike, uint64_t now);
void	ike_leave(struct ike *ike);
void	tmo_init(struct tmo *t, enum tmo_kind kind, void *owner);

/* ike_act.c */
struct act *act_new(struct ike *ike, enum ike_action_type type, size_t extra);
void	act_queue(struct ike *ike, struct act *a);
void	act_drop_all(struct ike *ike);
void	act_event(struct ike *ike, enum ike_event_type type,
	    enum ike_reason reason, const struct ikesa *sa, const char *child,
	    uint32_t retry, const char *fmt, ...)
	    __attribute__((format(printf, 7, 8)));
void	act_send(struct ike *ike, const struct ike_datagram *to,
	    const void *p, size_t n);
void	act_delete_ref(struct ike *ike, const struct ike_sa_ref *ref);

/* ike_ask.c */
/* Registers a question about x; 0 if out of memory. */
uint32_t ask_new(struct xchg *x, enum ask_kind kind,
	    const struct ike_sa_ref *ref);
void	ask_drop_all(struct xchg *x);
void	ask_timeout(struct ask *k);
void	ask_free(struct ask *k);

/* ike_policy.c */
struct pol *pol_for_peer(struct ike *ike, const struct addr *local,
	    const struct addr *remote, struct pol *after);
bool	pol_ids_match(const struct pol *pl, const struct ikesa *sa,
	    const struct ike_id *peer, const struct ike_id *us);
void	pol_local_id(const struct pol *pl, const struct ikesa *sa,
	    struct ike_id *out);
struct pol *pol_new(struct ike *ike, const struct ike_policy *po);
void	conn_free(struct conn *cn);
void	pol_free(struct pol *pl);
void	pol_free_all(struct ike *ike);
/* The address of a policy that is for one peer, as or_peer has it; else 0. */
uint32_t pol_peer_hash(const struct pol *pl);
/* In force, of this name, or with a child of this reqid; NULL. */
struct pol *pol_by_name(const struct ike *ike, const char *name);
struct pol *pol_by_reqid(const struct ike *ike, uint32_t reqid);
bool	peer_is_host(const struct prefix *peer);
/* Selectors of a conn; its own and the peer's address if none are set. */
void	conn_ts(const struct conn *cn, const struct ikesa *sa,
	    struct ike_ts_list *local, struct ike_ts_list *remote);

/* ike_blob.c */
/*
 * Bytes that are kept once, however many ask for them; NULL: out of memory.  Each
 * is given back, unless NULL, to blob_free().
 */
void	blob_free(struct ike *ike, const void *blob);
const struct ike_proposals *blob_proposals(struct ike *ike,
	    const struct ike_proposals *ps);
const struct ike_ts_list *blob_ts_list(struct ike *ike,
	    const struct ike_ts_list *tl);
const struct ike_id *blob_id(struct ike *ike, const struct ike_id *id);
void	ts_list_copy(struct ike_ts_list *out, const struct ike_ts_list *tl);
void	id_copy(struct ike_id *out, const struct ike_id *id);

/* ike_conn.c */
void	conn_up(struct conn *cn);	/* make it so, now */
void	pol_up(struct pol *pl);		/* all that do not wait to retry */
void	conn_failed(struct conn *cn, enum ike_reason r, const char *note,
	    bool retry);
void	conn_retry_due(struct conn *cn);
void	conn_established(struct conn *cn);
bool	conn_is_up(const struct conn *cn);
bool	conn_is_busy(const struct conn *cn);
struct child *conn_child(const struct conn *cn);
/* A pair of it that is up could not get new keys; or it could. */
void	conn_rekey_failed(struct conn *cn, enum ike_reason r, const char *note);
void	conn_rekeyed(struct conn *cn);
/* Another pair of the conn that is up; NULL. */
struct child *conn_other(const struct conn *cn, const struct child *c);
/* The policy's IKE SA that is up, else one that is becoming so; NULL. */
struct ikesa *pol_ikesa(const struct pol *pl);
/* A child went; bring it up again if it is wanted. */
void	conn_lost(struct conn *cn, enum ike_reason why, const char *note);

/* ike_sa.c */
struct ikesa *ikesa_new(struct ike *ike, bool initiator);
void	ikesa_set_pol(struct ikesa *sa, struct pol *pl);
void	ikesa_kick(struct ikesa *sa);
void	ikesa_set_state(struct ikesa *sa, enum sa_state to);
void	ikesa_hash_in(struct ikesa *sa);
struct ikesa *ikesa_find(struct ike *ike, uint64_t our_spi);
uint64_t ikesa_spi_new(struct ike *ike);
/* Ends it at once: children leave the kernel, nothing is sent. */
void	ikesa_kill(struct ikesa *sa, enum ike_reason why);
/* Ends an attempt: its conns fail for this reason and will be retried. */
void	ikesa_fail(struct ikesa *sa, enum ike_reason why, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* An unsuccessful responder stays to repeat its answer, then goes. */
void	ikesa_refused(struct ikesa *sa);
/* The peer has deleted it: the same. */
void	ikesa_closed(struct ikesa *sa, enum ike_reason why);
/* Sends Delete, then kills it when the answer comes. */
void	ikesa_delete(struct ikesa *sa, enum ike_reason why);
/* The peer's IKE_AUTH answer has come, to an SA that was given up meanwhile. */
void	ikesa_abandoned(struct ikesa *sa);
void	ikesa_free(struct ikesa *sa);
void	ikesa_up(struct ikesa *sa);	/* keys, peer and timers are set */
void	ikesa_schedule(struct ikesa *sa);
void	ikesa_heard(struct ikesa *sa);
void	ikesa_seen(struct ikesa *sa, uint64_t when);
void	ikesa_life_due(struct ikesa *sa);
void	ikesa_live_due(struct ikesa *sa);
void	ikesa_live_again(struct ikesa *sa);
void	ikesa_keepalive_due(struct ikesa *sa);
/* quiet: ms without a message of the peer before this one */
void	ikesa_moved(struct ikesa *sa, const struct ike_datagram *dg,
	    uint64_t quiet);
void	ikesa_duplicates(struct ikesa *sa);
/* Beside this one that the peer has made: not too many others of it. */
void	ikesa_crowd(struct ikesa *sa);
/* As initiator: if there is another, show the peer that this one is up. */
void	ikesa_met(struct ikesa *sa);

/* ike_child.c */
struct child *child_new(struct ike *ike, struct ikesa *sa, struct conn *cn);
struct child *child_find(struct ike *ike, uint32_t spi_in);
/* By outbound SPI on one IKE SA, as Delete and REKEY_SA name it. */
struct child *child_by_out(struct ikesa *sa, uint32_t spi_out);
void	child_adopt(struct child *c, struct ikesa *sa); /* hash and list */
void	child_spi(struct child *c, uint32_t spi_in);
/* out: also the outbound half; false leaves it to child_out(). */
void	child_install(struct child *c, bool out);
void	child_out(struct child *c);
/* Out of the kernel; linger: inbound goes on for a while. */
void	child_unload(struct child *c, bool linger);
/* The same, and away. */
void	child_remove(struct child *c, bool linger);
void	child_move(struct child *c, struct ikesa *to);
void	child_relocate(struct child *c);	/* outer address changed */
uint32_t child_window(const struct child *c);	/* of replay, in packets */
void	child_free(struct child *c);
/* The kernel is asked when it last received; false: out of memory. */
bool	child_ask_seen(const struct child *c);
void	linger_due(struct lingering *l);
void	linger_drop(struct ike *ike, uint32_t reqid);
void	linger_free(struct ike *ike, struct lingering *l);

/* ike_xchg.c */
struct xchg *xchg_new(struct ikesa *sa, enum xchg_type type);
/*
 * Queues it; started when the window is free and x_not_before has come.  If too
 * many wait (cf_queue_max) it is given up, and begun anew later by itself; but
 * Deletes, of which each object has one, are never given up.
 */
void	xchg_queue(struct xchg *x);
void	xchg_run(struct ikesa *sa);
void	xchg_end(struct xchg *x);	/* marks dead, starts the next */
void	xchg_free(struct xchg *x);
void	xchg_retransmit(struct ikesa *sa);
/* Seals the writer's payloads as our request, sends and arms the timer. */
bool	xchg_send(struct xchg *x, struct ike_writer *w);
/* The same for one whose x_out and x_msgid are there; false: not x_out. */
bool	xchg_start(struct xchg *x);
/* TEMPORARY_FAILURE: the same again after a random while. */
void	xchg_postpone(struct xchg *x);
bool	xchg_queued(const struct ikesa *sa, enum xchg_type type,
	    uint32_t old_spi, const struct conn *cn);
void	xchg_answered(struct xchg *x);	/* all asks have been answered */
bool	xchg_keep_plain(struct xchg *x, const struct inmsg *im);
struct dh *xchg_dh_new(struct ike *ike, uint16_t group);
void	xchg_dh_free(struct dh *d);
bool	xchg_secret(struct xchg *x, const struct dh *d, struct ike_blob peer);
void	xchg_nonce(struct ike *ike, struct ike_nonce *no);
void	nonce_set(struct ike_nonce *no, struct ike_blob b);
/* memcmp order; a nonce that is a prefix of another comes first */
int	nonce_cmp(const struct ike_nonce *a, const struct ike_nonce *b);
const struct ike_nonce *nonce_min(const struct ike_nonce *a,
	    const struct ike_nonce *b);

/* ike_seal.c */
/* Payloads of w as encrypted datagrams; NULL if it cannot be. */
struct outmsg *seal_message(struct ikesa *sa, uint8_t exchange, bool response,
	    uint32_t msgid, struct ike_writer *w);
/* The same with datagrams of at most so many bytes; SIZE_MAX: one. */
struct outmsg *seal_within(struct ikesa *sa, uint8_t exchange, bool response,
	    uint32_t msgid, struct ike_writer *w, size_t limit);
void	outmsg_send(struct ike *ike, const struct outmsg *om,
	    const struct ike_datagram *to);
struct ike_datagram ikesa_to(const struct ikesa *sa);
void	outmsg_free(struct outmsg *om);
struct outmsg *outmsg_clear(const void *p, size_t n);
/* Starts a writer for payloads in i_buf. */
void	seal_begin(struct ike *ike, struct ike_writer *w);
/* Seals and sends the answer to request msgid, and keeps it. */
void	seal_respond(struct ikesa *sa, uint8_t exchange, uint32_t msgid,
	    struct ike_writer *w);
void	seal_respond_notify(struct ikesa *sa, uint8_t exchange, uint32_t msgid,
	    uint16_t notify, const void *p, size_t n);
enum open_result { OPEN_OK, OPEN_MORE, OPEN_BAD, OPEN_MALFORMED };
/*
 * Verifies and decrypts one datagram.
 * *frag is the fragment's number of *total, 0 for a whole message.
 */
enum open_result seal_open(struct ikesa *sa, struct inmsg *im, unsigned *frag,
	    unsigned *total);

/* ike_frag.c */
/* A verified fragment: OPEN_OK when im now holds the whole message. */
enum open_result reasm_add(struct ikesa *sa, struct inmsg *im, unsigned frag,
	    unsigned total);
void	reasm_free(struct ikesa *sa, bool response);

/* ike_nat.c */
/* With encap, the peer finds us behind a NAT. */
void	nat_put(struct ike *ike, struct ike_writer *w, const struct ikesa *sa,
	    uint64_t spi_r, bool encap);
/* "a NAT is in front of us", or what else wants UDP port 4500. */
const char *nat_who(const struct ikesa *sa);
/* What NAT-01 says of an SA that is up, if the rule wants what there is not. */
const char *nat_refused(const struct ikesa *sa);
/* Compares the peer's hashes with what the datagram shows. */
void	nat_check(struct ikesa *sa, const struct ike_msg *m,
	    const struct ike_datagram *dg, uint64_t spi_i, uint64_t spi_r,
	    bool *us, bool *peer, bool *supported);

/* ike_cookie.c */
size_t	cookie_make(struct ike *ike, const struct ike_hdr *h,
	    const struct addr *peer, struct ike_blob nonce, uint8_t *out);
bool	cookie_check(struct ike *ike, const struct ike_hdr *h,
	    const struct addr *peer, struct ike_blob nonce,
	    struct ike_blob cookie);
bool	cookie_wanted(const struct ike *ike, const struct addr *peer);
bool	cookie_limit(const struct ike *ike, const struct addr *peer);

/* ike_negotiate.c: what IKE_AUTH and CREATE_CHILD_SA share */
/* The notify for the peer; reason and text for us alone. */
struct refusal {
	uint16_t	rf_notify;
	enum ike_reason	rf_reason;
	char		rf_text[IKE_TEXT_MAX];
};
bool	child_ask(struct xchg *x);	/* an SPI for x_new */
/* Initiator: SA, TSi, TSr and the mode. */
void	child_offer(struct xchg *x, struct ike_writer *w, bool no_dh);
/* Initiator: the peer's answer; true if it may be installed. */
bool	child_offer_check(struct xchg *x, const struct ike_msg *m, bool no_dh,
	    struct refusal *rf);
/* Why the peer refused a child, and what we had asked for. */
enum ike_reason child_refused(const struct xchg *x, const struct ike_notify *n,
	    char text[IKE_TEXT_MAX]);
/*
 * Responder: finds conn and common ground, makes x_new; 0 or the notify to
 * send, with reason and text.
 */
uint16_t child_choose(struct xchg *x, const struct ike_msg *m, bool no_dh,
	    struct conn *only, struct refusal *rf);
/* Responder: SA, TSi, TSr and the mode. */
void	child_answer(struct xchg *x, struct ike_writer *w);
/* Either: keys out of the exchange; false: out of memory. */
bool	child_keys(struct xchg *x, bool initiator);

/*
 * One exchange per file.  Entry points: *_begin (initiator: prepare, ask),
 * *_answered (initiator: the shell has answered, send), *_response (initiator:
 * process), *_requested (responder: process, ask), *_peer_answered (responder:
 * build).
 */

/* ike_init.c */
bool	ikesa_connect(struct conn *cn);
void	init_response(struct ikesa *sa, const struct inmsg *im);
void	init_requested(struct ike *ike, const struct inmsg *im);

/* ike_iauth.c */
void	auth_begin(struct ikesa *sa);
void	auth_answered(struct xchg *x);		/* X_AUTH */
void	auth_response(struct xchg *x, const struct inmsg *im,
	    const struct ike_msg *m);
void	auth_requested(struct ikesa *sa, const struct inmsg *im,
	    const struct ike_msg *m);
void	auth_peer_answered(struct xchg *x);	/* X_PEER_AUTH */

/* ike_create.c: new child and rekey of a child, as initiator */
void	create_begin(struct xchg *x);
void	create_answered(struct xchg *x);
void	create_response(struct xchg *x, const struct ike_msg *m);
/* Queues the rekey of a child unless one is under way. */
void	child_rekey(struct child *c);
void	child_rekey_later(struct child *c);
void	conn_create(struct conn *cn, struct ikesa *sa);

/* ike_created.c: the same, as responder */
void	create_requested(struct ikesa *sa, const struct inmsg *im,
	    const struct ike_msg *m);
void	create_peer_answered(struct xchg *x);

/* ike_rekey.c */
void	rekey_begin(struct xchg *x);
void	rekey_response(struct xchg *x, const struct ike_msg *m);
void	rekey_requested(struct ikesa *sa, const struct inmsg *im,
	    const struct ike_msg *m);
void	ikesa_rekey(struct ikesa *sa);
void	ikesa_rekey_later(struct ikesa *sa);
/* What the peer's rekey has made while ours is out, if it is up; NULL. */
struct ikesa *rekey_peers(const struct ikesa *sa);
/* The peer uses for children what it made while our rekey was out. */
void	rekey_decided(struct ikesa *sa);
/* Children and what waits go from old to the SA that survives it. */
void	rekey_inherit(struct ikesa *old, struct ikesa *to);

/* ike_info.c */
void	info_begin(struct xchg *x);
void	info_response(struct xchg *x, const struct ike_msg *m);
void	info_requested(struct ikesa *sa, const struct inmsg *im,
	    const struct ike_msg *m);
/* Queues the Delete of a pair. */
void	child_delete(struct child *c, enum ike_reason why);

/* ike_path.c */
void	path_used(struct ikesa *sa);		/* it has a child now */
void	path_soon(struct ikesa *sa);
void	path_due(struct ikesa *sa);
void	path_check(struct ikesa *sa);		/* now, and an event */
void	path_inherit(struct ikesa *old, struct ikesa *to);
void	path_begin(struct xchg *x);
/* Not answered: false if it goes as any other, else x_out is to be sent. */
bool	path_again(struct xchg *x);
uint32_t path_wait(const struct ikesa *sa);	/* ms for the answer */
void	path_cut(struct xchg *x);		/* NULL allowed */
void	path_given_up(struct ikesa *sa);	/* too many exchanges wait */
void	path_response(struct xchg *x);
/* What MTU-01 says. */
void	path_text(const struct ikesa *sa, char *buf, size_t len);

/* ike_replay.c: what REPLAY-01 says */
void	replay_text(const struct child *c, char *buf, size_t len);

#endif
