/* SPDX-License-Identifier: ISC */
/*
 * Which network card has which name.  Linux numbers cards as it finds them;
 * the router's policy names roles: wan0, lan0.  So each card is given its
 * name before the network kernel takes it:
 *
 *	nic wan0 mac 52:54:00:12:34:56	the card with this address
 *	nic lan0 pci 2			the second card in the order of the bus
 *	nic dmz0 name eth3		the one that Linux calls so
 *
 * in seed.conf(5), or in /data/etc/nics, where the first start writes down
 * what it found, by address, so that no card changes its name when another
 * is added.  Cards that no line names are, in the order of the bus, wan0 and
 * lan0 and then lan1, lan2 ...; a card that is alone is lan0.
 */
#ifndef NICS_H
#define NICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libseed/seed.h"

enum { NICS_MAX = SEED_NICS_MAX };

struct nic {
	char		ni_linux[16];	/* as Linux calls it */
	char		ni_bus[200];	/* where it is: cards are sorted by it */
	uint8_t		ni_mac[6];
	char		ni_name[16];	/* what it shall be called; empty: nothing yet */
};

struct nics {
	struct nic	ns_nic[NICS_MAX];
	size_t		ns_n;
};

void	nics_sort(struct nics *ns);
/*
 * Gives each line its card.  A line whose card is not there is told to
 * missing(), unless it is NULL, and passed over; how many these are.
 */
size_t	nics_assign(struct nics *ns, const struct seed_nic *want, size_t n,
	    void (*missing)(const struct seed_nic *));
/* Names for those that have none. */
void	nics_default(struct nics *ns);
/*
 * The lines of /data/etc/nics: malloc'd; NULL without memory.  Those of want
 * whose card is not there stay.
 */
char	*nics_print(const struct nics *ns, const struct seed_nic *want, size_t n);

/* Are the cards of all lines in this machine? */
bool	nics_all_here(const struct seed_nic *want, size_t n);
/* Is there a card of this name now? */
bool	nics_present(const char *name);

#endif
