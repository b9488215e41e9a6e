/* SPDX-License-Identifier: ISC */
/*
 * Contexts: which engine does which transform, and the way to it.  See
 * xform.h; engines are in bear.c and ipsecmb.c, listed in engines.c; known
 * answers in kat.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/engine.h"

struct pick {
	const struct xform_ops	*pk_ops;	/* NULL: no engine */
	void			*pk_ec;
	uint8_t			 pk_engine;
};

struct xform_ctx {
	struct pick	 c_pick[XFORM_MAX];	/* by place in xform_table[] */
	const struct xform_engine *const *c_engines;
	unsigned	 c_n;
	void		*c_ec[XFORM_ENGINES_MAX];	/* NULL: not used */
	uint64_t	 c_failed[XFORM_ENGINES_MAX];	/* a bit per transform */
	bool		 c_tried[XFORM_ENGINES_MAX];	/* false: another was asked for */
};

_Static_assert(XFORM_MAX <= 64, "c_failed has a bit per transform");

static unsigned
xform_id(const struct xform *x)
{
	return (unsigned)(x - xform_table);
}

const char *
xform_engine_name(unsigned i)
{
	return i < xform_nengines ? xform_engines[i]->en_name : NULL;
}

const struct xform_ops *
xform_sets_choose(const struct xform_sets *sets, const struct xform *x)
{
	if (x->x_integ != NULL)
		return sets->xs_pair;
	switch ((enum alg_row)(x->x_encr - alg_table)) {
	case ALG_CHACHA20_POLY1305:
		return sets->xs_chacha;
	case ALG_AES_128_GMAC:
	case ALG_AES_192_GMAC:
	case ALG_AES_256_GMAC:
		return sets->xs_gmac;
	default:
		return sets->xs_gcm;
	}
}

/* Give the engine each transform that has none yet and that it does right. */
static void
ctx_try_engine(struct xform_ctx *c, unsigned e)
{
	const struct xform_engine *en = c->c_engines[e];
	const struct xform_ops *ops;

	c->c_tried[e] = true;
	if ((c->c_ec[e] = en->en_new()) == NULL)
		return;
	for (unsigned i = 0; i < xform_count; i++) {
		if (c->c_pick[i].pk_ops != NULL ||
		    (ops = en->en_ops(&xform_table[i])) == NULL)
			continue;
		if (!xform_selftest(&xform_table[i], ops, c->c_ec[e])) {
			c->c_failed[e] |= (uint64_t)1 << i;
			continue;
		}
		c->c_pick[i] = (struct pick){ ops, c->c_ec[e], (uint8_t)e };
	}
}

static bool
ctx_choose(struct xform_ctx *c, const char *engine)
{
	bool any = false;

	for (unsigned e = 0; e < c->c_n; e++)
		if (engine == NULL ||
		    strcmp(engine, c->c_engines[e]->en_name) == 0)
			ctx_try_engine(c, e);
	for (unsigned i = 0; i < xform_count; i++)
		any |= c->c_pick[i].pk_ops != NULL;
	return any;
}

/* The same choices with contexts of its own. */
static bool
ctx_copy(struct xform_ctx *c, const struct xform_ctx *like)
{
	*c = *like;
	memset(c->c_ec, 0, sizeof(c->c_ec));
	for (unsigned e = 0; e < c->c_n; e++)
		if (like->c_ec[e] != NULL &&
		    (c->c_ec[e] = c->c_engines[e]->en_new()) == NULL)
			return false;
	for (unsigned i = 0; i < xform_count; i++)
		c->c_pick[i].pk_ec = c->c_ec[c->c_pick[i].pk_engine];
	return true;
}

struct xform_ctx *
xform_ctx_of(const struct xform_engine *const *list, unsigned n,
    const char *engine)
{
	struct xform_ctx *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->c_engines = list;
	c->c_n = n < XFORM_ENGINES_MAX ? n : XFORM_ENGINES_MAX;
	if (ctx_choose(c, engine))
		return c;
	xform_ctx_free(c);
	return NULL;
}

struct xform_ctx *
xform_ctx_new(const char *engine, const struct xform_ctx *like)
{
	struct xform_ctx *c;

	if (like == NULL)
		return xform_ctx_of(xform_engines, xform_nengines, engine);
	if ((c = calloc(1, sizeof(*c))) == NULL || ctx_copy(c, like))
		return c;
	xform_ctx_free(c);
	return NULL;
}

void
xform_ctx_free(struct xform_ctx *c)
{
	if (c == NULL)
		return;
	for (unsigned e = 0; e < c->c_n; e++)
		if (c->c_ec[e] != NULL)
			c->c_engines[e]->en_free(c->c_ec[e]);
	free(c);
}

const char *
xform_engine(const struct xform_ctx *c, const struct xform *x)
{
	const struct pick *p = &c->c_pick[xform_id(x)];

	return p->pk_ops != NULL ? c->c_engines[p->pk_engine]->en_name : NULL;
}

__attribute__((format(printf, 3, 4))) static void
report_line(void (*say)(void *, const char *), void *arg, const char *fmt,
    ...)
{
	char line[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	say(arg, line);
}

void
xform_report(const struct xform_ctx *c,
    void (*say)(void *arg, const char *line), void *arg)
{
	for (unsigned e = 0; e < c->c_n; e++) {
		const char *name = c->c_engines[e]->en_name;
		unsigned n = 0;

		if (!c->c_tried[e])
			continue;
		if (c->c_ec[e] == NULL) {
			report_line(say, arg, "engine %s: not for this "
			    "processor", name);
			continue;
		}
		for (unsigned i = 0; i < xform_count; i++) {
			n += c->c_pick[i].pk_ops != NULL &&
			    c->c_pick[i].pk_engine == e;
			if (c->c_failed[e] >> i & 1)
				report_line(say, arg, "engine %s: %s: known "
				    "answer test failed, disabled", name,
				    xform_table[i].x_name);
		}
		report_line(say, arg, "engine %s: %u of %u transforms", name,
		    n, xform_count);
	}
}

size_t
xform_key_size(const struct xform_ctx *c, const struct xform *x)
{
	const struct pick *p = &c->c_pick[xform_id(x)];

	if (p->pk_ops == NULL)
		return 0;
	return (p->pk_ops->xo_keysize + XFORM_KEY_ALIGN - 1) /
	    XFORM_KEY_ALIGN * XFORM_KEY_ALIGN;
}

bool
xform_key_init(const struct xform_ctx *c, const struct xform *x,
    struct xform_key *key, const void *enckey, size_t enclen,
    const void *intkey, size_t intlen)
{
	const struct pick *p = &c->c_pick[xform_id(x)];

	if (p->pk_ops == NULL)
		return false;
	memset(key, 0, xform_key_size(c, x));
	if (enclen != x->x_key || intlen != x->x_akey)
		return false;
	p->pk_ops->xo_key(p->pk_ec, x, key, enckey, intkey);
	return true;
}

void
xform_key_wipe(const struct xform_ctx *c, const struct xform *x,
    struct xform_key *key)
{
	explicit_bzero(key, xform_key_size(c, x));
}

static inline bool
job_valid(const struct xform *x, const struct xform_job *j)
{
	return j->xj_len - 1 < XFORM_TEXT_MAX &&
	    (j->xj_len & (x->x_align - 1u)) == 0;
}

/* Jobs from the first on whose lengths are valid. */
static inline unsigned
jobs_valid(const struct xform *x, const struct xform_job *jobs, unsigned n)
{
	unsigned i = 0;

	while (i < n && job_valid(x, &jobs[i]))
		i++;
	return i;
}

typedef void batch_fn(void *, const struct xform *, struct xform_job *,
    unsigned);

/* Hand runs of valid jobs to the engine: in general, all at once. */
static void
xform_run(batch_fn *fn, void *ec, const struct xform *x,
    struct xform_job *jobs, unsigned n)
{
	unsigned run;

	for (; n > 0; jobs += run, n -= run) {
		run = jobs_valid(x, jobs, n);
		if (run > 0 && fn != NULL)
			fn(ec, x, jobs, run);
		else {
			run = run > 0 ? run : 1;
			for (unsigned i = 0; i < run; i++)
				jobs[i].xj_ok = false;
		}
	}
}

void
xform_seal(struct xform_ctx *c, const struct xform *x,
    struct xform_job *jobs, unsigned n)
{
	const struct pick *p = &c->c_pick[xform_id(x)];

	xform_run(p->pk_ops != NULL ? p->pk_ops->xo_seal : NULL, p->pk_ec, x,
	    jobs, n);
}

/* For an engine that opens in place: to the place. */
static void
jobs_bring(const struct xform *x, struct xform_job *jobs, unsigned n)
{
	for (struct xform_job *j = jobs; j < jobs + n; j++)
		if (j->xj_from != NULL && job_valid(x, j)) {
			memcpy(j->xj_esp, j->xj_from,
			    (size_t)XFORM_HDR + x->x_iv + j->xj_len + x->x_icv);
			j->xj_from = NULL;
		}
}

void
xform_open(struct xform_ctx *c, const struct xform *x,
    struct xform_job *jobs, unsigned n)
{
	const struct pick *p = &c->c_pick[xform_id(x)];

	if (p->pk_ops != NULL && !p->pk_ops->xo_apart)
		jobs_bring(x, jobs, n);
	xform_run(p->pk_ops != NULL ? p->pk_ops->xo_open : NULL, p->pk_ec, x,
	    jobs, n);
}

bool
xform_raw_seal(struct xform_ctx *c, const struct xform *x,
    struct xform_raw *raw, unsigned n)
{
	const struct pick *p = &c->c_pick[xform_id(x)];

	if (p->pk_ops == NULL || p->pk_ops->xo_raw == NULL)
		return false;
	p->pk_ops->xo_raw(p->pk_ec, x, raw, n);
	return true;
}
