/* SPDX-License-Identifier: ISC */
/*
 * The key socket's logic: PF_KEYv2 (RFC 2367) with the KAME policy messages
 * in the numbering of linux/pfkeyv2.h.  No I/O here: a shell or a test
 * supplies how messages reach a socket.
 */
#ifndef NETKEY_KEY_H
#define NETKEY_KEY_H

#include "kern/nk.h"

struct addr;
struct flow_key;
struct sa;
struct sp;

struct key_dump;

/* One connection. The shell sets ks_send and ks_arg, the rest is netkey's; it must be zero. */
struct key_socket {
	/*
	 * One whole message; false: the socket's queue is full.  A reply or a
	 * broadcast is then lost and counted (RFC 2367 section 2.2); a dump waits
	 * for key_socket_ready().
	 */
	bool			(*ks_send)(void *arg, const void *msg, size_t len);
	void			*ks_arg;
	struct key_socket	*ks_next;
	uint32_t		 ks_registered;		/* bit per SADB_SATYPE_* */
	bool			 ks_promisc;
	bool			 ks_private;		/* wants private extensions */
	struct key_dump		*ks_dump;		/* under way; NULL none */
	uint64_t		 ks_lost;		/* messages that found the queue full */
};

int	key_init(struct nk *);
void	key_fini(struct nk *);
void	key_socket_add(struct nk *, struct key_socket *);
void	key_socket_remove(struct nk *, struct key_socket *);
/* One record from a program. Answers through ks_send; malformed: EINVAL, and the socket lives on. nk_lock held. */
void	key_message(struct nk *, struct clock_now, struct key_socket *, const void *, size_t);
/*
 * The socket takes messages again.  While key_socket_waits() the shell asks for
 * writability and calls it; nk_lock held.  Until the dump is over, read nothing
 * more from that socket.
 */
void	key_socket_ready(struct nk *, struct clock_now, struct key_socket *);
static inline bool
key_socket_waits(const struct key_socket *ks)
{
	return ks->ks_dump != NULL;
}

/* From the stack, nk_lock held. */
/* Sets sp_acq_seq. False: no program is registered that could answer. */
bool	key_acquire(struct nk *, struct clock_now, struct sp *, const struct flow_key *);
/* Is one registered? */
bool	key_registered(const struct nk *);
void	key_expire(struct nk *, struct clock_now, struct sa *, bool hard);
/* SADB_X_NAT_T_NEW_MAPPING: an authenticated packet came from elsewhere. */
void	key_new_mapping(struct nk *, struct clock_now, struct sa *, const struct addr *, uint16_t port);

#endif
