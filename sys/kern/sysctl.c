/* SPDX-License-Identifier: ISC */
/*
 * The tree of settings: tables of entries in the order of registration, and
 * the operations that sysctl(8) uses.
 */
#include "kern/sysctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/xform.h"
#include "kern/ctl.h"
#include "net/if.h"

#define SYSCTL_TABLES	32

struct sysctl {
	const struct sysctl_entry	*st_table[SYSCTL_TABLES];
	unsigned			 st_n;
};

int
sysctl_register(struct nk *nk, const struct sysctl_entry *table)
{
	struct sysctl *st = nk->nk_sysctl;

	if (st->st_n == SYSCTL_TABLES)
		return ENOMEM;
	st->st_table[st->st_n++] = table;
	return 0;
}

static const struct sysctl_entry *
sysctl_find(const struct sysctl *st, const char *name)
{
	const struct sysctl_entry *sy;
	unsigned i;

	for (i = 0; i < st->st_n; i++)
		for (sy = st->st_table[i]; sy->sy_name != NULL; sy++)
			if (strcmp(sy->sy_name, name) == 0)
				return sy;
	return NULL;
}

static void
entry_get(struct nk *nk, const struct sysctl_entry *sy, char *buf, size_t len)
{
	if (sy->sy_get != NULL)
		sy->sy_get(nk, buf, len);
	else
		snprintf(buf, len, "%u", *sy->sy_var(nk));
}

static int
entry_set_number(struct nk *nk, const struct sysctl_entry *sy, const char *value,
    char *err, size_t errlen)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end != '\0' || errno != 0) {
		snprintf(err, errlen, "%s: '%.32s' is not a number", sy->sy_name, value);
		return EINVAL;
	}
	if (v < sy->sy_min || v > sy->sy_max) {
		snprintf(err, errlen, "%s: %lu is not within %u and %u",
		    sy->sy_name, v, sy->sy_min, sy->sy_max);
		return ERANGE;
	}
	*sy->sy_var(nk) = (unsigned)v;
	return 0;
}

int
sysctl_get(struct nk *nk, const char *name, char *buf, size_t len)
{
	const struct sysctl_entry *sy = sysctl_find(nk->nk_sysctl, name);

	if (sy == NULL)
		return ENOENT;
	entry_get(nk, sy, buf, len);
	return 0;
}

int
sysctl_set(struct nk *nk, const char *name, const char *value, char *err,
    size_t errlen)
{
	const struct sysctl_entry *sy = sysctl_find(nk->nk_sysctl, name);
	int error;

	if (sy == NULL) {
		snprintf(err, errlen, "%s: no such setting; sysctl -a lists all", name);
		return ENOENT;
	}
	if (sy->sy_readonly || (sy->sy_set == NULL && sy->sy_var == NULL)) {
		snprintf(err, errlen, "%s: can only be read", name);
		return EPERM;
	}
	if (sy->sy_set != NULL)
		error = sy->sy_set(nk, value, err, errlen);
	else
		error = entry_set_number(nk, sy, value, err, errlen);
	if (error == 0 && sy->sy_bump)
		nk_bump(nk);
	return error;
}

/* ---- control operations ---- */

static void
entry_describe(struct nk *nk, const struct sysctl_entry *sy, struct ctl_sysctl *cs)
{
	*cs = (struct ctl_sysctl){ .cs_writable = !sy->sy_readonly &&
	    (sy->sy_set != NULL || sy->sy_var != NULL) };
	snprintf(cs->cs_name, sizeof(cs->cs_name), "%s", sy->sy_name);
	snprintf(cs->cs_descr, sizeof(cs->cs_descr), "%s", sy->sy_descr);
	entry_get(nk, sy, cs->cs_value, sizeof(cs->cs_value));
}

static bool
request_read(struct ctl_request *rq, struct ctl_sysctl *cs)
{
	if (!cur_copy(&rq->cq_body, cs, sizeof(*cs)))
		return false;
	cs->cs_name[sizeof(cs->cs_name) - 1] = '\0';
	cs->cs_value[sizeof(cs->cs_value) - 1] = '\0';
	return true;
}

static int
op_get(struct nk *nk, struct clock_now now, struct ctl_request *rq,
    struct ctl_reply *cr)
{
	const struct sysctl_entry *sy;
	struct ctl_sysctl cs;

	(void)now;
	if (!request_read(rq, &cs))
		return EINVAL;
	sy = sysctl_find(nk->nk_sysctl, cs.cs_name);
	if (sy == NULL) {
		snprintf(cr->cr_err, sizeof(cr->cr_err),
		    "%s: no such setting; sysctl -a lists all", cs.cs_name);
		return ENOENT;
	}
	entry_describe(nk, sy, &cs);
	return cr->cr_put(cr, &cs, sizeof(cs));
}

static int
op_set(struct nk *nk, struct clock_now now, struct ctl_request *rq,
    struct ctl_reply *cr)
{
	struct ctl_sysctl cs;

	(void)now;
	if (!request_read(rq, &cs))
		return EINVAL;
	return sysctl_set(nk, cs.cs_name, cs.cs_value, cr->cr_err, sizeof(cr->cr_err));
}

static int
op_list(struct nk *nk, struct clock_now now, struct ctl_request *rq,
    struct ctl_reply *cr)
{
	const struct sysctl *st = nk->nk_sysctl;
	const struct sysctl_entry *sy;
	struct ctl_sysctl cs;
	unsigned i;
	int error;

	(void)now;
	(void)rq;
	for (i = 0; i < st->st_n; i++)
		for (sy = st->st_table[i]; sy->sy_name != NULL; sy++) {
			entry_describe(nk, sy, &cs);
			error = cr->cr_put(cr, &cs, sizeof(cs));
			if (error != 0)
				return error;
		}
	return 0;
}

static const struct ctl_entry sysctl_ops[] = {
	{ CTL_SYSCTL_GET, false, sizeof(struct ctl_sysctl), sizeof(struct ctl_sysctl), op_get },
	{ CTL_SYSCTL_SET, true, sizeof(struct ctl_sysctl), sizeof(struct ctl_sysctl), op_set },
	{ CTL_SYSCTL_LIST, false, 0, 0, op_list },
	{ 0, false, 0, 0, NULL }
};

/* ---- the frame's own settings ---- */

static unsigned *
var_forwarding(struct nk *nk)
{
	return &nk->nk_forwarding;
}

static unsigned *
var_ttl(struct nk *nk)
{
	return &nk->nk_ttl;
}

static unsigned *
var_workers(struct nk *nk)
{
	return &nk->nk_nworkers;
}

static void
get_engine(struct nk *nk, char *buf, size_t len)
{
	const char *name = NULL;

	if (nk->nk_worker[0] != NULL && nk->nk_worker[0]->w_xform != NULL)
		name = xform_engine(nk->nk_worker[0]->w_xform, &xform_table[0]);
	snprintf(buf, len, "%s", name != NULL ? name : "none");
}

static void
get_generation(struct nk *nk, char *buf, size_t len)
{
	snprintf(buf, len, "%u", nk_generation(nk));
}

static void
get_policy_wait(struct nk *nk, char *buf, size_t len)
{
	snprintf(buf, len, "%u", nk->nk_policy_wait);
}

/* Once policy is in force nothing waits for it any more. */
static int
set_policy_wait(struct nk *nk, const char *value, char *err, size_t errlen)
{
	if (strcmp(value, "0") != 0) {
		snprintf(err, errlen, "net.policy.wait: can only be set to 0 (policy is in force); "
		    "netkern -P begins with 1");
		return EPERM;
	}
	nk->nk_policy_wait = 0;
	return 0;
}

static const struct sysctl_entry sysctl_kern[] = {
	{ .sy_name = "kern.workers", .sy_descr = "threads that move packets",
	  .sy_var = var_workers, .sy_readonly = true },
	{ .sy_name = "kern.engine", .sy_descr = "crypto engine of the first transform (netkern -v logs all)",
	  .sy_get = get_engine, .sy_readonly = true },
	{ .sy_name = "kern.generation", .sy_descr = "how often decisions of flows were made void",
	  .sy_get = get_generation, .sy_readonly = true },
	{ .sy_name = "net.inet.ip.forwarding", .sy_descr = "1: forward packets between interfaces",
	  .sy_var = var_forwarding, .sy_min = 0, .sy_max = 1, .sy_bump = true },
	{ .sy_name = "net.policy.wait", .sy_descr = "1: nothing is forwarded until policyd has put policy in force",
	  .sy_get = get_policy_wait, .sy_set = set_policy_wait, .sy_bump = true },
	{ .sy_name = "net.inet.ip.ttl", .sy_descr = "time to live of packets sent from here",
	  .sy_var = var_ttl, .sy_min = 1, .sy_max = 255 },
	{ .sy_name = NULL }
};

int
sysctl_init(struct nk *nk)
{
	int error;

	nk->nk_sysctl = calloc(1, sizeof(*nk->nk_sysctl));
	if (nk->nk_sysctl == NULL)
		return ENOMEM;
	error = ctl_register(nk, sysctl_ops);
	if (error == 0)
		error = sysctl_register(nk, sysctl_kern);
	if (error != 0)
		sysctl_fini(nk);
	return error;
}

void
sysctl_fini(struct nk *nk)
{
	free(nk->nk_sysctl);
	nk->nk_sysctl = NULL;
}
