/* SPDX-License-Identifier: ISC */
/*
 * The words that describe a packet, of ipsecctl(8) explain and assert.conf(5).
 *
 *	in on IF | out, then in any order
 *	proto P  from A [port N]  to B [port N]  size N  ttl N  tos N  df
 *	flags S|SA|A|R|F|P|U|none  icmp-type T [code N]  fragment N [more]
 *	broadcast  came-through NAME|SPI
 */
#ifndef LIBASSERT_PACKET_H
#define LIBASSERT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "pf/explain_msg.h"

/*
 * NULL ends the words.  json may be NULL: then -j is no word; else *json says
 * whether it was among them.  False: err says what is wrong, and *bad (may be
 * NULL) is the place of the word that is, or the number of words.
 */
bool	packet_parse(char **words, struct explain_req *, bool *json, size_t *bad,
	    char *err, size_t errlen);
/* The words that parse to the same, without a newline. */
void	packet_print(const struct explain_req *, FILE *out);

#endif
