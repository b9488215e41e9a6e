/* SPDX-License-Identifier: ISC */
/*
 * Messages between the processes of one daemon, over SOCK_SEQPACKET pairs:
 * one record is one message, with a type, an id, bytes, and at most one file
 * descriptor.  Both ends are the same program, so bodies are its own structs;
 * the receiver checks their length, and a process that trusts its peer less
 * checks the content too.
 */
#ifndef LIBUTIL_IMSG_H
#define LIBUTIL_IMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMSG_DATA_MAX	65536

struct imsg {
	uint32_t	im_type;
	uint32_t	im_id;
	size_t		im_len;
	int		im_fd;			/* -1: none; the receiver's to close */
	_Alignas(16) uint8_t im_data[IMSG_DATA_MAX];	/* holds any struct */
};

/* A connected pair, non-blocking, closed on exec. 0 or -1 with errno. */
int	imsg_pair(int sv[2]);
/*
 * Sends one message and waits, if the queue is full, until it is sent.
 * passfd -1: none; else it stays the caller's.  False with errno if the
 * peer has gone or the message is too long.
 */
bool	imsg_send(int fd, uint32_t type, uint32_t id, const void *data,
	    size_t len, int passfd);
/* 1: a message; 0: none now; -1: the peer has gone, or sent what is no message. */
int	imsg_recv(int fd, struct imsg *im);
/*
 * The descriptor that recvmsg(2) brought beside a record, the caller's to close;
 * -1: none.  The room for one holds two, and who sends several must not leave
 * them open here: then there is none.
 */
struct msghdr;
int	imsg_passed_fd(struct msghdr *m);
/* The body if it has exactly len bytes, else NULL. */
const void *imsg_body(const struct imsg *im, size_t len);
/* Overwrites a message that held a secret. */
void	imsg_wipe(struct imsg *im);

#endif
