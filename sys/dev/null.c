/* SPDX-License-Identifier: ISC */
/*
 * The device that is not there (see null.h).
 */
#include "dev/null.h"

#include <string.h>

int
null_open(struct ifnet *ifp, const char *arg, unsigned nq, char *err, size_t errlen)
{
	const char *option = strchr(arg, ',');

	(void)nq;
	(void)err;
	(void)errlen;
	if (option != NULL && strcmp(option, ",host") == 0)
		ifp->if_flags |= IF_F_HOST;
	ifp->if_mac[0] = 2;
	ifp->if_mac[5] = (uint8_t)ifp->if_index;
	return 0;
}

void
null_close(struct ifnet *ifp)
{
	(void)ifp;
}

unsigned
null_rx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	(void)ifp;
	(void)q;
	(void)w;
	(void)v;
	return 0;
}

void
null_tx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	(void)ifp;
	(void)q;
	for (unsigned i = 0; i < v->pv_n; i++)
		pkt_free(w, v->pv_pkt[i]);
	v->pv_n = 0;
}

int
null_fd(struct ifnet *ifp, unsigned q)
{
	(void)ifp;
	(void)q;
	return -1;
}
