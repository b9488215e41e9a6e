/* SPDX-License-Identifier: ISC */
/*
 * An instance with one interface of a driver.
 */
#ifndef REGRESS_DEVTEST_H
#define REGRESS_DEVTEST_H

#include "test.h"

#include "dev/dev.h"
#include "kern/nk.h"

static inline void
devtest_random(void *arg, void *buf, size_t n)
{
	(void)arg;
	memset(buf, 0x5a, n);
}

static inline struct nk *
devtest_nk(void)
{
	struct nk_conf nc = { .nc_workers = 1, .nc_small = 512, .nc_large = 8,
	    .nc_flows = 100, .nc_rand = devtest_random };
	struct nk *nk = nk_new(&nc, (struct clock_now){ NSEC_PER_SEC, 1700000000 });

	CU_ASSERT_PTR_NOT_NULL_FATAL(nk);
	return nk;
}

/* NULL: refused, with a reason. */
static inline struct ifnet *
devtest_if(struct nk *nk, const struct if_ops *ops, const char *arg)
{
	char err[256] = "";
	struct ifnet *ifp = if_create(nk, "em0", ops, arg, err, sizeof(err));

	CU_ASSERT_EQUAL(ifp == NULL, err[0] != '\0');
	if (ifp != NULL)
		(void)if_set_flags(nk, ifp, IF_F_UP);
	return ifp;
}

static inline unsigned
devtest_rx(struct ifnet *ifp, struct pktvec *v)
{
	v->pv_n = 0;
	return ifp->if_ops->io_rx(ifp, 0, ifp->if_nk->nk_worker[0], v);
}

static inline void
devtest_free(struct ifnet *ifp, struct pktvec *v)
{
	for (unsigned i = 0; i < v->pv_n; i++)
		pkt_free(ifp->if_nk->nk_worker[0], v->pv_pkt[i]);
	v->pv_n = 0;
}

#endif
