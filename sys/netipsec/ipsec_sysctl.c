/* SPDX-License-Identifier: ISC */
/*
 * Settings and numbers of IPsec in the tree of sysctl(8): net.inet.esp.
 */
#include <inttypes.h>
#include <stdio.h>

#include "netipsec/ipsec_var.h"

static unsigned *
larval(struct nk *nk)
{
	return &nk->nk_sad->sd_larval_s;
}

static unsigned *
hold(struct nk *nk)
{
	return &nk->nk_sad->sd_hold_s;
}

static unsigned *
acquire(struct nk *nk)
{
	return &nk->nk_sad->sd_acquire_s;
}

static void
sas(struct nk *nk, char *buf, size_t len)
{
	snprintf(buf, len, "%" PRIu64, sad_count(nk));
}

static void
policies(struct nk *nk, char *buf, size_t len)
{
	snprintf(buf, len, "%" PRIu64, spd_count(nk));
}

const struct sysctl_entry ipsec_sysctl[] = {
	{ .sy_name = "net.inet.esp.larval", .sy_descr = "seconds that a reserved SPI waits for its keys",
	    .sy_var = larval, .sy_min = 10, .sy_max = 3600 },
	{ .sy_name = "net.inet.esp.hold", .sy_descr = "seconds that a packet waits for an SA",
	    .sy_var = hold, .sy_min = 1, .sy_max = 600 },
	{ .sy_name = "net.inet.esp.acquire", .sy_descr = "seconds between two ACQUIREs of a policy",
	    .sy_var = acquire, .sy_min = 1, .sy_max = 600 },
	{ .sy_name = "net.inet.esp.sas", .sy_descr = "security associations",
	    .sy_get = sas, .sy_readonly = true },
	{ .sy_name = "net.inet.esp.policies", .sy_descr = "policies",
	    .sy_get = policies, .sy_readonly = true },
	{ .sy_name = NULL }
};
