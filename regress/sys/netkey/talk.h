/* SPDX-License-Identifier: ISC */
/*
 * Programs that talk to the key socket of one router, without sockets.
 */
#ifndef REGRESS_SYS_NETKEY_TALK_H
#define REGRESS_SYS_NETKEY_TALK_H

#include "libpfkey/pfkey.h"
#include "netipsec/ipsec.h"
#include "netkey/key.h"
#include "sys/testwire.h"

#define HEARD_MAX	64

struct program {
	struct key_socket	 pr_ks;
	unsigned		 pr_room;	/* messages that the queue takes; UINT32_MAX: any */
	unsigned		 pr_n;		/* heard */
	size_t			 pr_len[HEARD_MAX];
	uint8_t			 pr_heard[HEARD_MAX][PFKEY_MSG_MAX];	/* the last ones, by pr_n modulo */
};

extern struct world *wo;
extern struct nk *nk;
extern struct program alice, bob, carol;	/* carol registered for ESP and asked for private ones */

/* 192.0.2.1/24 on em0; three programs. */
void	talk_open(void);
void	talk_close(void);
/* Sends m from the program; the errno of the answer to it, or -1 if there was none. */
int	say(struct program *, struct pfkey_msg *);
int	say_bytes(struct program *, const void *, size_t);
/* The i-th last message that a program heard (0: the last), valid until the next call. */
const struct pfkey_msg *heard(struct program *, unsigned i);

struct addr at(const char *text);
/* Messages as a program fills them in. */
void	msg_add(struct pfkey_msg *, uint8_t type, uint32_t spi);
void	msg_spd(struct pfkey_msg *, uint8_t type, uint8_t dir, const char *src, const char *dst);

#endif
