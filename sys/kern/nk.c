/* SPDX-License-Identifier: ISC */
/*
 * Making and unmaking an instance: each module's init in order, undone in
 * reverse if one fails.  A module's init that fails leaves nothing behind.
 */
#include "kern/nk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/xform.h"
#include "kern/counters.h"
#include "kern/ctl_conn.h"
#include "kern/frames.h"
#include "kern/sysctl.h"
#include "kern/worker.h"
#include "net/arp.h"
#include "net/capture.h"
#include "net/fib.h"
#include "net/if.h"
#include "netinet/ip.h"
#include "netinet/udp.h"
#include "netipsec/ipsec.h"
#include "netkey/key.h"
#include "pf/flow.h"
#include "pf/pfvar.h"

/* ---- modules of each worker ---- */

static int
xforms_init(struct nk *nk)
{
	struct xform_ctx *first = NULL;
	unsigned i;

	for (i = 0; i < nk->nk_nworkers; i++) {
		nk->nk_worker[i]->w_xform = xform_ctx_new(nk->nk_conf.nc_engine, first);
		first = nk->nk_worker[0]->w_xform;
		if (nk->nk_worker[i]->w_xform == NULL)
			return EPROTONOSUPPORT;
	}
	return 0;
}

static void
xforms_fini(struct nk *nk)
{
	unsigned i;

	for (i = 0; i < nk->nk_nworkers; i++) {
		if (nk->nk_worker[i]->w_xform != NULL)
			xform_ctx_free(nk->nk_worker[i]->w_xform);
		nk->nk_worker[i]->w_xform = NULL;
	}
}

static int
flows_init(struct nk *nk)
{
	unsigned i;
	int error;

	for (i = 0; i < nk->nk_nworkers; i++) {
		error = flow_table_init(nk->nk_worker[i]);
		if (error != 0)
			return error;
	}
	return 0;
}

static void
flows_fini(struct nk *nk)
{
	unsigned i;

	for (i = 0; i < nk->nk_nworkers; i++)
		if (nk->nk_worker[i]->w_flows != NULL)
			flow_table_fini(nk->nk_worker[i]);
}

static int
frags_init(struct nk *nk)
{
	unsigned i;
	int error;

	for (i = 0; i < nk->nk_nworkers; i++) {
		error = frag_init(nk->nk_worker[i]);
		if (error != 0)
			return error;
	}
	return 0;
}

static void
frags_fini(struct nk *nk)
{
	unsigned i;

	for (i = 0; i < nk->nk_nworkers; i++)
		if (nk->nk_worker[i]->w_frags != NULL)
			frag_fini(nk->nk_worker[i]);
}

static const struct module {
	const char	*mo_name;
	int		(*mo_init)(struct nk *);
	void		(*mo_fini)(struct nk *);
	bool		 mo_partial;	/* fini copes with, and needs, a failed init */
} modules[] = {
	{ "control", ctl_init, ctl_fini, false },
	{ "sysctl", sysctl_init, sysctl_fini, false },
	{ "counters", counters_init, NULL, false },
	{ "crypto", xforms_init, xforms_fini, true },
	{ "routes", fib_init, fib_fini, false },
	{ "neighbours", arp_init, arp_fini, false },
	{ "captures", capture_init, capture_fini, false },
	{ "interfaces", if_init, if_fini, false },
	{ "packet filter", pf_init, pf_fini, false },
	{ "policies", spd_init, spd_fini, false },
	{ "security associations", sad_init, sad_fini, false },
	{ "key socket", key_init, key_fini, false },
	{ "udp", udp_init, udp_fini, false },
	{ "flows", flows_init, flows_fini, true },
	{ "fragments", frags_init, frags_fini, true },
};
#define NMODULES	(sizeof(modules) / sizeof(modules[0]))

/* ---- the instance ---- */

static int
locks_init(struct nk *nk)
{
	pthread_mutexattr_t ma;

	pthread_mutexattr_init(&ma);
	pthread_mutexattr_settype(&ma, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&nk->nk_lock, &ma);
	pthread_mutexattr_destroy(&ma);
	pthread_cond_init(&nk->nk_park, NULL);
	pthread_cond_init(&nk->nk_go, NULL);
	return 0;
}

static int
workers_init(struct nk *nk, struct clock_now now)
{
	unsigned i;
	int error;

	for (i = 0; i < nk->nk_nworkers; i++) {
		error = worker_init(nk, i, now);
		if (error != 0)
			return error;
	}
	return 0;
}

static int
modules_init(struct nk *nk)
{
	const struct module *mo;
	int error;

	while (nk->nk_modules < NMODULES) {
		mo = &modules[nk->nk_modules];
		error = mo->mo_init(nk);
		if (error != 0) {
			nk_log(nk, 3, "%s: %s", mo->mo_name, strerror(error));
			if (mo->mo_partial)
				mo->mo_fini(nk);
			return error;
		}
		nk->nk_modules++;
	}
	return 0;
}

struct nk *
nk_new(const struct nk_conf *nc, struct clock_now now)
{
	struct nk *nk;
	int error;

	if (nc->nc_workers == 0 || nc->nc_workers > NK_WORKERS_MAX ||
	    nc->nc_rand == NULL) {
		errno = EINVAL;
		return NULL;
	}
	nk = aligned_alloc(_Alignof(struct nk), sizeof(*nk));
	if (nk == NULL)
		return NULL;
	memset(nk, 0, sizeof(*nk));
	nk->nk_conf = *nc;
	nk->nk_nworkers = nc->nc_workers;
	nk->nk_forwarding = 1;
	nk->nk_ttl = 64;
	atomic_init(&nk->nk_gen, 1);
	locks_init(nk);
	epoch_init(&nk->nk_epoch, nk->nk_nworkers);
	wheel_init(&nk->nk_wheel, now.now_ns);
	error = workers_init(nk, now);
	if (error == 0)
		error = modules_init(nk);
	if (error != 0) {
		nk_free(nk);
		errno = error;
		return NULL;
	}
	return nk;
}

void
nk_free(struct nk *nk)
{
	unsigned i;

	if (nk == NULL)
		return;
	epoch_drain(&nk->nk_epoch);
	while (nk->nk_modules > 0)
		if (modules[--nk->nk_modules].mo_fini != NULL)
			modules[nk->nk_modules].mo_fini(nk);
	epoch_drain(&nk->nk_epoch);
	for (i = 0; i < nk->nk_nworkers; i++)
		worker_fini(nk->nk_worker[i]);
	frames_free(nk);
	pthread_cond_destroy(&nk->nk_go);
	pthread_cond_destroy(&nk->nk_park);
	pthread_mutex_destroy(&nk->nk_lock);
	free(nk);
}

void
nk_log(struct nk *nk, int pri, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	if (nk->nk_conf.nc_log == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	nk->nk_conf.nc_log(nk->nk_conf.nc_log_arg, pri, msg);
}
