/* SPDX-License-Identifier: ISC */
/*
 * Names that pf.conf(5) uses for numbers.  The tables are built in, so that
 * a file means the same on every machine.
 */
#ifndef LIBPF_NAMES_H
#define LIBPF_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pf_word {
	const char	*pw_name;
	int		 pw_number;
};

/* Ended by a NULL name. */
extern const struct pf_word pf_protocols[];
extern const struct pf_word pf_services[];
extern const struct pf_word pf_icmp_types[];

/* -1: no such name. */
int		 pf_word_number(const struct pf_word *, const char *name);
/* NULL: no name. */
const char	*pf_word_name(const struct pf_word *, int number);
/* A protocol's name or, in buf, its number. */
const char	*pf_protocol_name(uint8_t proto, char buf[static 4]);
/* pr_prob for a share from 0 to 1; only of 1 it is 0, which means always. */
uint32_t	 pf_probability(double share);
int		 pf_code_number(uint8_t type, const char *name);
const char	*pf_code_name(uint8_t type, uint8_t code);

#endif
