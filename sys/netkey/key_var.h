/* SPDX-License-Identifier: ISC */
/*
 * What the files of netkey share and nobody else sees.
 */
#ifndef NETKEY_KEY_VAR_H
#define NETKEY_KEY_VAR_H

#include "libpfkey/pfkey.h"
#include "netipsec/ipsec.h"
#include "netkey/key.h"

#define KEY_ALGS	64	/* rows of a SUPPORTED extension */
#define KEY_COMBS	24	/* of an ACQUIRE's proposal */

struct key {
	struct key_socket	*k_sockets;
	uint32_t		 k_acq_seq;	/* of the last ACQUIRE */
	uint32_t		 k_reqid;	/* last one made for IPSEC_LEVEL_UNIQUE */
	uint64_t		 k_lost;	/* messages that found a queue full */
	uint64_t		 k_policy_changes;	/* requests that changed the SPD */
	uint64_t		 k_manual_changes;	/* SAs of manual keying that came, changed or went */
	unsigned		 k_nauth, k_nencrypt, k_ncombs;
	struct sadb_alg		 k_auth[KEY_ALGS], k_encrypt[KEY_ALGS];
	struct sadb_comb	 k_combs[KEY_COMBS];
};

/* A request on its way through its handler. */
struct key_req {
	struct nk		*kr_nk;
	struct clock_now	 kr_now;
	struct key_socket	*kr_ks;
	struct pfkey_msg	 kr_m;
	const char		*kr_why;	/* reason of an error, for the log; may be NULL */
};

enum key_to { KEY_TO_ONE, KEY_TO_ALL, KEY_TO_REGISTERED };

/* key.c */
/* Sends m to one socket (false: its queue is full), or to many. Private extensions only to who asked. */
bool	key_send_one(struct nk *, struct key_socket *, const struct pfkey_msg *);
void	key_send(struct nk *, enum key_to, struct key_socket *, const struct pfkey_msg *);
/* An SA with that reqid came, changed or went; UINT32_MAX: any may have. */
void	key_sa_changed(struct nk *, uint32_t reqid);
/* An answer to a request: its header, no extensions. */
void	key_reply_init(const struct key_req *, struct pfkey_msg *);

/* key_sa.c, key_sp.c, key_event.c: 0 (answered) or an errno (not answered) */
int	key_getspi(struct key_req *);
int	key_add(struct key_req *);
int	key_update(struct key_req *);
int	key_delete(struct key_req *);
int	key_get(struct key_req *);
int	key_flush(struct key_req *);
int	key_spdadd(struct key_req *);
int	key_spdupdate(struct key_req *);
int	key_spddelete(struct key_req *);
int	key_spdget(struct key_req *);
int	key_spddelete2(struct key_req *);
int	key_spdflush(struct key_req *);
int	key_acquire_failed(struct key_req *);
int	key_register(struct key_req *);
int	key_promisc(struct key_req *);

/* key_dump.c */
int	key_dump(struct key_req *);
void	key_dump_end(struct nk *, struct key_socket *);

/* Fill in what an SA or a policy is. Keys point into the SA. */
#define KEY_WITH_KEYS	0x01
#define KEY_WITH_STATS	0x02
void	key_fill_sa(struct pfkey_msg *, struct sa *, unsigned flags);
void	key_fill_sp(struct pfkey_msg *, const struct sp *);
/* The tables of algorithms that REGISTER and ACQUIRE tell. */
void	key_tables(struct nk *, struct key *);

#endif
