/* SPDX-License-Identifier: ISC */
/*
 * PF_KEYv2 messages (RFC 2367), with the KAME policy messages, in the
 * numbering and the structure sizes of linux/pfkeyv2.h: parse, build, print;
 * and a client of the key socket.
 *
 * The codec (pfkey_parse, pfkey_build) makes no system call: netkern, its
 * clients, the dump tool, the tests and the fuzzer use the same object.
 * One struct pfkey_msg holds a message with every extension as fields.
 * pm_has says which of them are there: test and set it with PFKEY_HAS() and
 * pfkey_set(); fields of absent extensions are zero after pfkey_parse() and
 * ignored by pfkey_build().
 *
 * Byte order: everything in host order, ports and SPIs included (the codec
 * converts); addresses as in libutil/addr.h.
 *
 * Ownership: pointers in a parsed message point into the bytes it was parsed
 * from; those of a message to be built point to what the caller owns.
 *
 * Differences from Linux that a program may notice: HMAC-SHA2-256 has the
 * 128-bit ICV of RFC 4868 (Linux cuts it to 96 bits when set by PF_KEY);
 * SADB_X_SAFLAGS_ESN asks for 64-bit sequence numbers (the BSDs' flag; Linux
 * has none here); a policy with IPSEC_DIR_FWD is taken, and consulted for
 * what arrives when no IPSEC_DIR_INBOUND policy matches.
 *
 * Extensions that Linux does not have are numbered from 64.  netkern sends
 * them only on a socket that has asked (pfkey_open() with PFKEY_O_PRIVATE, or
 * by hand: any message with PFKEY_EXT_ASK); it takes them from anyone.
 */
#ifndef LIBPFKEY_PFKEY_H
#define LIBPFKEY_PFKEY_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/ipsec.h>
#include <linux/pfkeyv2.h>

#include "libutil/addr.h"

#define PFKEY_SOCKET		"/var/run/ravelin/key.sock"
#define PFKEY_MSG_MAX		8192	/* bytes of a message, either way */
#define PFKEY_REQUESTS_MAX	4	/* ipsecrequests in a policy */
#define PFKEY_NAME_MAX		64	/* with the NUL */

#ifndef SADB_X_SAFLAGS_ESN
#define SADB_X_SAFLAGS_ESN	0x0400	/* sadb_sa_flags; as on FreeBSD and OpenBSD */
#endif
#define PFKEY_UDP_ENCAP_ESPINUDP 2	/* sadb_x_nat_t_type: RFC 3948 */

/* Private extensions. */
#define PFKEY_EXT_MIN		64
#define PFKEY_EXT_ASK		64	/* "send me private extensions"; no content */
#define PFKEY_EXT_REPLAY	65	/* window in packets: when over 255, and always from netkern */
#define PFKEY_EXT_SELECTOR	66	/* of an SA, or of a policy with port ranges */
#define PFKEY_EXT_NAME		67	/* of the rule or child that made it; text */
#define PFKEY_EXT_STATS		68	/* 64-bit counters of an SA; netkern only */
#define PFKEY_EXT_PACKET	69	/* addresses and ports of the packet behind an ACQUIRE; netkern only */
#define PFKEY_EXT_ACQUIRE	70	/* of a policy: asks for an SA or not, where its level says otherwise */
#define PFKEY_EXT_PMTU		71	/* of an outbound SA: what its path lets through */
#define PFKEY_EXT_MAX		71

/* Extension number to bit in pm_has: 1..26 and 64..71. */
#define PFKEY_BIT(ext)		(1ull << ((ext) < PFKEY_EXT_MIN ? (ext) : (ext) - 32))
#define PFKEY_HAS(m, ext)	(((m)->pm_has & PFKEY_BIT(ext)) != 0)
#define PFKEY_PRIVATE_BITS	(~0ull << 32)

/* SADB_EXT_SA */
struct pfkey_sa {
	uint32_t	ps_spi;
	uint32_t	ps_flags;	/* SADB_SAFLAGS_*, SADB_X_SAFLAGS_ESN */
	uint8_t		ps_replay;	/* window in packets; 0 none */
	uint8_t		ps_state;	/* SADB_SASTATE_* */
	uint8_t		ps_auth;	/* SADB_*AALG_* */
	uint8_t		ps_encrypt;	/* SADB_*EALG_* */
};

/* SADB_EXT_LIFETIME_*: 0 is no limit.  CURRENT: addtime and usetime are dates. */
struct pfkey_lifetime {
	uint32_t	pl_allocations;	/* packets, as netkern and Linux count */
	uint64_t	pl_bytes;
	uint64_t	pl_addtime;	/* seconds since it was added */
	uint64_t	pl_usetime;	/* seconds since its first use */
};

/* SADB_EXT_ADDRESS_*, SADB_X_EXT_NAT_T_OA */
struct pfkey_address {
	struct addr	pa_addr;
	uint16_t	pa_port;	/* 0: any */
	uint8_t		pa_proto;	/* 0: any (255 on the wire) */
	uint8_t		pa_plen;	/* prefix length; full length for an SA */
};

/* SADB_EXT_KEY_*: the cipher's key is followed by its salt. */
struct pfkey_key {
	uint16_t	 pk_bits;	/* salt included; a multiple of 8 */
	const uint8_t	*pk_data;	/* pk_bits / 8 bytes */
};

/* SADB_EXT_IDENTITY_* */
struct pfkey_ident {
	uint16_t	 pi_type;	/* SADB_IDENTTYPE_* */
	uint64_t	 pi_id;
	const char	*pi_text;	/* terminated */
};

/* One ipsecrequest of SADB_X_EXT_POLICY. */
struct pfkey_request {
	uint8_t		pr_proto;	/* IPPROTO_ESP */
	uint8_t		pr_mode;	/* IPSEC_MODE_* */
	uint8_t		pr_level;	/* IPSEC_LEVEL_* */
	uint32_t	pr_reqid;	/* 0: any SA between the ends */
	struct addr	pr_src, pr_dst;	/* tunnel ends; ad_af 0: none */
};

/* SADB_X_EXT_POLICY */
struct pfkey_policy {
	uint16_t	pp_type;	/* IPSEC_POLICY_* */
	uint8_t		pp_dir;		/* IPSEC_DIR_* */
	uint32_t	pp_id;		/* netkern's; SPDGET and SPDDELETE2 name it */
	uint32_t	pp_priority;	/* lower is asked first */
	unsigned	pp_nreq;
	struct pfkey_request pp_req[PFKEY_REQUESTS_MAX];
};

/* PFKEY_EXT_SELECTOR, PFKEY_EXT_PACKET: src is the sender of the traffic. */
struct pfkey_selector {
	struct prefix		sel_src, sel_dst;
	struct port_range	sel_sport, sel_dport;	/* 0..65535: any */
	uint8_t			sel_proto;		/* 0: any */
};

/* PFKEY_EXT_STATS.  An SA's drops by reason: pfkey_drop_name(). */
#define PFKEY_DROPS	8
struct pfkey_stats {
	uint64_t	st_packets, st_bytes;
	uint64_t	st_seq;		/* last sent, or highest verified */
	uint64_t	st_last;	/* date of last use, 0 never */
	uint64_t	st_drops[PFKEY_DROPS];
};
const char	*pfkey_drop_name(unsigned i);	/* "replay" ...; NULL beyond the last */

struct pfkey_msg {
	/* the base header */
	uint8_t			 pm_type;	/* SADB_* */
	uint8_t			 pm_errno;
	uint8_t			 pm_satype;	/* SADB_SATYPE_* */
	uint32_t		 pm_seq;
	uint32_t		 pm_pid;
	/* the extensions */
	uint64_t		 pm_has;	/* PFKEY_BIT() of each that is there */
	struct pfkey_sa		 pm_sa;
	struct pfkey_lifetime	 pm_current, pm_hard, pm_soft;
	struct pfkey_address	 pm_src, pm_dst, pm_proxy;
	struct pfkey_key	 pm_akey, pm_ekey;
	struct pfkey_ident	 pm_ident_src, pm_ident_dst;
	/* PROPOSAL: combinations in order of preference, host order */
	uint8_t			 pm_prop_replay;
	unsigned		 pm_ncombs;
	const struct sadb_comb	*pm_combs;
	/* SUPPORTED_AUTH, SUPPORTED_ENCRYPT */
	unsigned		 pm_nauth, pm_nencrypt;
	const struct sadb_alg	*pm_auth, *pm_encrypt;
	uint32_t		 pm_spi_min, pm_spi_max;	/* SPIRANGE, inclusive */
	struct pfkey_policy	 pm_policy;
	/* X_SA2 */
	uint8_t			 pm_mode;	/* IPSEC_MODE_* */
	uint32_t		 pm_sa2_seq;
	uint32_t		 pm_reqid;
	/* X_NAT_T_* */
	uint8_t			 pm_natt_type;	/* PFKEY_UDP_ENCAP_ESPINUDP; 0: no encapsulation */
	uint16_t		 pm_natt_sport, pm_natt_dport;
	struct pfkey_address	 pm_natt_oa;
	/* X_FILTER of a DUMP */
	struct prefix		 pm_filter_src, pm_filter_dst;	/* length 0: any */
	/* private */
	uint32_t		 pm_window;	/* PFKEY_EXT_REPLAY */
	struct pfkey_selector	 pm_sel;
	struct pfkey_selector	 pm_packet;	/* full prefixes, single ports */
	char			 pm_name[PFKEY_NAME_MAX];
	bool			 pm_asks;	/* PFKEY_EXT_ACQUIRE */
	struct pfkey_stats	 pm_stats;
	/*
	 * PFKEY_EXT_PMTU.  ADD, UPDATE: the largest outer packet that was found to
	 * arrive, 0 none was found not to.  From netkern: the same, and the largest
	 * inner packet that the SA takes now (0: not known yet).
	 */
	uint16_t		 pm_pmtu, pm_inner_mtu;
};

/* ---- codec -------------------------------------------------------- */

/* Who sent it: the legality of extensions depends on it. */
enum pfkey_from { PFKEY_FROM_USER, PFKEY_FROM_KERNEL };

/*
 * Parses one whole message.  0, or an errno and *why (static text, may be
 * asked for with NULL):
 *	EINVAL		truncated, lengths that do not add up, an extension
 *			twice, one that is missing or not legal in this
 *			message, contents out of range
 *	EOPNOTSUPP	known and refused by name (SADB_X_MIGRATE, security
 *			contexts ...)
 * Extensions of unknown number are passed over, as RFC 2367 section 2.3 says.
 * With pm_errno != 0 from the kernel nothing is required.
 * => m's base header is filled as far as it was there even on error, so
 *    that the answer can name it.
 * => buf must outlive m, at any alignment.
 */
int	pfkey_parse(const void *buf, size_t len, enum pfkey_from from,
	    struct pfkey_msg *m, const char **why);

/*
 * Builds the message with the extensions that pm_has names, in numerical
 * order.  Its length, or 0 if cap is too small or a field is out of range.
 * Legality is the receiver's to judge.
 */
size_t	pfkey_build(const struct pfkey_msg *m, void *buf, size_t cap);

/* NULL if the extensions in m->pm_has are legal, else what is not. */
const char *pfkey_legal(const struct pfkey_msg *m, enum pfkey_from from);

static inline void
pfkey_set(struct pfkey_msg *m, unsigned ext)
{
	m->pm_has |= PFKEY_BIT(ext);
}

/* ---- filling in --------------------------------------------------- */

/* Zeroes *m and sets type and satype. */
void	pfkey_init(struct pfkey_msg *m, uint8_t type, uint8_t satype);
/* ADDRESS_SRC and ADDRESS_DST of an SA: whole addresses, no ports. */
void	pfkey_set_ends(struct pfkey_msg *m, const struct addr *src,
	    const struct addr *dst);
/* The same of a policy, and PFKEY_EXT_SELECTOR if it has a range of ports. */
void	pfkey_set_selector(struct pfkey_msg *m, const struct pfkey_selector *sel);
/* The selector of a policy message, whichever way it was given. */
void	pfkey_get_selector(const struct pfkey_msg *m, struct pfkey_selector *sel);
/* X_NAT_T_TYPE, SPORT, DPORT. */
void	pfkey_set_natt(struct pfkey_msg *m, uint16_t sport, uint16_t dport);
/* SA's replay window: ps_replay (clipped to 255), and PFKEY_EXT_REPLAY. */
void	pfkey_set_window(struct pfkey_msg *m, uint32_t packets);
void	pfkey_set_name(struct pfkey_msg *m, const char *name);

/* ---- print -------------------------------------------------------- */

#define PFKEY_PRINT_KEYS	0x01	/* else "(256 bits)" */
/* One message as some lines of text, the first not indented. */
void	pfkey_print(FILE *out, const struct pfkey_msg *m, unsigned flags);
const char *pfkey_type_name(unsigned type);	/* "ADD"; "unknown" */
const char *pfkey_state_name(unsigned state);	/* "mature" */
const char *pfkey_ext_name(unsigned ext);	/* "SA", "ADDRESS_SRC" */

/* ---- client ------------------------------------------------------- */

struct pfkey;

#define PFKEY_O_PRIVATE		0x01	/* ask for private extensions */
#define PFKEY_O_NONBLOCK	0x02	/* pfkey_recv() does not wait */

/*
 * Connects to the key socket; path NULL is PFKEY_SOCKET.  NULL with errno.
 */
struct pfkey *pfkey_open(const char *path, unsigned flags);
/* The same over a connected socket, which is taken over (a role that may not connect by itself). */
struct pfkey *pfkey_attach(int fd, unsigned flags);
void	pfkey_close(struct pfkey *pk);
int	pfkey_fd(const struct pfkey *pk);
/* What pm_pid is on our messages; answers to others carry theirs. */
uint32_t pfkey_pid(const struct pfkey *pk);

/*
 * Sends m with our pid and, if pm_seq is 0, a fresh sequence number, which
 * is returned in m.  0 or errno (EAGAIN: the socket is full; EMSGSIZE: m
 * cannot be built).
 */
int	pfkey_send(struct pfkey *pk, struct pfkey_msg *m);
/*
 * The next message, valid until the next receive on pk.  0, or EAGAIN,
 * ECONNRESET (netkern has gone), EBADMSG (not a message; try the next).
 * Messages set aside by pfkey_call() come first.
 */
int	pfkey_recv(struct pfkey *pk, struct pfkey_msg *m);
/* A message is waiting that poll(2) would not show: call pfkey_recv() first. */
bool	pfkey_pending(const struct pfkey *pk);

/*
 * Sends m and waits for its answer (at most 5 s: ETIMEDOUT), which is put
 * in *reply unless that is NULL.  0, the errno of the answer, or of the
 * socket.  Up to 256 other messages that arrive meanwhile are set aside for
 * pfkey_recv(); beyond these the oldest are lost.
 */
int	pfkey_call(struct pfkey *pk, struct pfkey_msg *m, struct pfkey_msg *reply);
/*
 * Many requests in one go: sends them as fast as the socket takes them
 * and collects the answers.  next() fills in request i (asked for again if the
 * socket was full), or returns false at the end; answer() is told of each in order (i counts from 0).
 * 0, or the errno of the socket; errors of answers are answer()'s affair.
 */
int	pfkey_batch(struct pfkey *pk, bool (*next)(void *arg, size_t i, struct pfkey_msg *m),
	    void (*answer)(void *arg, size_t i, int error, const struct pfkey_msg *reply),
	    void *arg);
/*
 * SADB_DUMP or SADB_X_SPDDUMP: fn for each entry, until it returns non-zero
 * (which is returned after the rest has been passed over).  0 also if there is no entry.
 */
int	pfkey_dump(struct pfkey *pk, uint8_t type, uint8_t satype,
	    int (*fn)(void *arg, const struct pfkey_msg *m), void *arg);

#endif
