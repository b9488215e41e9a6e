/* SPDX-License-Identifier: ISC */
/*
 * Bytes of extensions that parse.c and build.c share.  Extension lengths
 * count from the start of the extension, its four-byte header included.
 *
 * Private extensions, behind that header, in host byte order but for
 * addresses:
 *
 *	ASK		u32 0
 *	REPLAY		u32 packets
 *	SELECTOR, PACKET
 *			u8 protocol (0 any), u8 source prefix length, u8 destination
 *			prefix length, u8 0, u16 family, u16 source port from, to,
 *			destination port from, to, u16 0, u32 0, 16 bytes source,
 *			16 bytes destination
 *	NAME		text, NUL, zeroes to a multiple of 8
 *	STATS		u32 0, u64 packets, bytes, sequence number, last use,
 *			8 x u64 drops
 *	PMTU		u32: path MTU << 16 | inner MTU
 */
#ifndef LIBPFKEY_WIRE_H
#define LIBPFKEY_WIRE_H

#define PFKEY_BASE		16	/* struct sadb_msg */
#define PFKEY_EXT_HDR		4
#define PFKEY_LEN_SELECTOR	56
#define PFKEY_LEN_STATS		(8 + 8 * (4 + PFKEY_DROPS))
#define PFKEY_LEN_FILTER	40

#define SOCKADDR_IN_LEN		16
#define SOCKADDR_IN6_LEN	28
#define PROTO_ANY		255	/* IPSEC_PROTO_ANY */

#endif
