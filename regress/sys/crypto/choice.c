/* SPDX-License-Identifier: ISC */
/*
 * The choice of engines: one that gives a wrong answer, in whatever way,
 * loses the transform by name, and the next engine gets it.
 *
 * The faulty engine is the portable one with something done to its results.
 */
#include "crypto/engine.h"

#include "test.h"

static enum fault {
	NONE, LAST_ICV, ICV_WITH_ESN, ICV_WITHOUT_ESN, SEAL_NOT_OK,
	OPENS_ALL, OPENS_NOTHING, WRONG_TEXT, CLEAR_TEXT, KEY_IGNORED,
} fault;

static const struct fault_case {
	const char	*name;
	enum fault	 fault;
} faults[] = {
	{ "one lane's ICV", LAST_ICV },
	{ "ICV with extended sequence numbers", ICV_WITH_ESN },
	{ "ICV without extended sequence numbers", ICV_WITHOUT_ESN },
	{ "sealing reports failure", SEAL_NOT_OK },
	{ "opens what is damaged", OPENS_ALL },
	{ "opens nothing", OPENS_NOTHING },
	{ "opens to a wrong text", WRONG_TEXT },
	{ "sends the text in clear", CLEAR_TEXT },
	{ "ignores the key", KEY_IGNORED },
};

static const struct xform_ops *
sound(const struct xform *x)
{
	return bear_engine.en_ops(x);
}

static void
bad_key(const void *ec, const struct xform *x, struct xform_key *key,
    const uint8_t *enc, const uint8_t *integ)
{
	static const uint8_t zero[64];

	sound(x)->xo_key(ec, x, key, fault == KEY_IGNORED ? zero : enc, integ);
}

static void
bad_seal(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	struct xform_job *last = &jobs[n - 1];
	uint8_t text[2048];

	memcpy(text, job_text(last, x), last->xj_len);
	sound(x)->xo_seal(ec, x, jobs, n);
	if (fault == CLEAR_TEXT)
		memcpy(job_text(last, x), text, last->xj_len);
	if (fault == LAST_ICV || (fault == ICV_WITH_ESN && last->xj_esn) ||
	    (fault == ICV_WITHOUT_ESN && !last->xj_esn))
		job_icv(last, x)[x->x_icv - 1] ^= 1;
	if (fault == SEAL_NOT_OK)
		last->xj_ok = false;
}

static void
bad_open(void *ec, const struct xform *x, struct xform_job *jobs, unsigned n)
{
	sound(x)->xo_open(ec, x, jobs, n);
	for (unsigned i = 0; i < n; i++)
		if (fault == OPENS_ALL || fault == OPENS_NOTHING)
			jobs[i].xj_ok = fault == OPENS_ALL;
	if (fault == WRONG_TEXT)
		job_text(&jobs[n - 1], x)[jobs[n - 1].xj_len / 2] ^= 4;
}

static struct xform_ops bad_table;
static const struct xform *bad_at;	/* NULL: all of them */

static const struct xform_ops *
bad_ops(const struct xform *x)
{
	if (bad_at != NULL && x != bad_at)
		return sound(x);
	bad_table = (struct xform_ops){ .xo_keysize = sound(x)->xo_keysize,
	    .xo_key = bad_key, .xo_seal = bad_seal, .xo_open = bad_open };
	return &bad_table;
}

static void *
no_engine(void)
{
	return NULL;
}

static void *
some_engine(void)
{
	return bear_engine.en_new();
}

static void
free_engine(void *ec)
{
	bear_engine.en_free(ec);
}

static const struct xform_engine bad_engine = { "bad", some_engine,
    free_engine, bad_ops };
static const struct xform_engine absent_engine = { "absent", no_engine,
    free_engine, bad_ops };

static bool
passes(const struct xform *x)
{
	void *ec = some_engine();
	bool ok;

	CU_ASSERT_FATAL(ec != NULL);
	ok = xform_selftest(x, bad_ops(x), ec);
	free_engine(ec);
	return ok;
}

static void
every_fault_is_found(void)
{
	bad_at = NULL;
	for (unsigned i = 0; i < xform_count; i++) {
		const struct xform *x = &xform_table[i];
		enum alg_row row = (enum alg_row)(x->x_encr - alg_table);
		bool clear = row == ALG_NULL || row == ALG_AES_128_GMAC ||
		    row == ALG_AES_192_GMAC || row == ALG_AES_256_GMAC;

		test_row("%s", x->x_name);
		fault = NONE;
		CU_ASSERT(passes(x));
		for (size_t f = 0; f < TEST_COUNT(faults); f++) {
			fault = faults[f].fault;
			if ((fault == CLEAR_TEXT && clear) ||
			    (fault == KEY_IGNORED && row == ALG_NULL))
				continue;
			if (passes(x)) {
				printf("    %s: passes\n", faults[f].name);
				CU_FAIL("a fault is not found");
			}
		}
	}
}

struct heard {
	unsigned	lines, failed, absent;
	char		text[160];
};

static void
hear(void *arg, const char *line)
{
	struct heard *h = arg;

	h->lines++;
	h->absent += strcmp(line, "engine absent: not for this processor") == 0;
	if (strstr(line, "failed") != NULL) {
		h->failed++;
		snprintf(h->text, sizeof(h->text), "%s", line);
	}
}

static void
next_engine_takes_over(void)
{
	static const struct xform_engine *const list[] = { &absent_engine,
	    &bad_engine, &bear_engine };
	const struct xform *x = xform_find(&alg_table[ALG_AES_256_GCM], NULL);
	const struct xform *y = xform_find(&alg_table[ALG_NULL],
	    &alg_table[ALG_HMAC_SHA1]);
	struct heard h = { 0 };
	struct xform_ctx *c, *copy;

	bad_at = x;
	fault = LAST_ICV;
	c = xform_ctx_of(list, 3, NULL);
	CU_ASSERT_FATAL(c != NULL);
	TEST_STRING(xform_engine(c, x), "bearssl");
	TEST_STRING(xform_engine(c, y), "bad");
	xform_report(c, hear, &h);
	CU_ASSERT_EQUAL(h.failed, 1);
	CU_ASSERT_EQUAL(h.absent, 1);
	TEST_STRING(h.text, "engine bad: aes-256-gcm: known answer test "
	    "failed, disabled");

	copy = xform_ctx_new(NULL, c);
	CU_ASSERT_FATAL(copy != NULL);
	TEST_STRING(xform_engine(copy, x), "bearssl");
	TEST_STRING(xform_engine(copy, y), "bad");
	xform_ctx_free(copy);
	xform_ctx_free(c);
}

/* Without another engine the transform is gone, and nothing can use it. */
static void
no_engine_left(void)
{
	static const struct xform_engine *const list[] = { &bad_engine };
	const struct xform *x = xform_find(&alg_table[ALG_AES_128_GCM], NULL);
	uint8_t packet[100] = { 0 }, key[20] = { 0 };
	struct xform_job j = { .xj_esp = packet, .xj_len = 16, .xj_ok = true };
	struct xform_ctx *c;

	bad_at = x;
	fault = OPENS_ALL;
	c = xform_ctx_of(list, 1, NULL);
	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT_PTR_NULL(xform_engine(c, x));
	CU_ASSERT_EQUAL(xform_key_size(c, x), 0);
	CU_ASSERT(!xform_key_init(c, x, NULL, key, sizeof(key), NULL, 0));
	xform_seal(c, x, &j, 1);
	CU_ASSERT(!j.xj_ok);
	j.xj_ok = true;
	xform_open(c, x, &j, 1);
	CU_ASSERT(!j.xj_ok);
	CU_ASSERT(!xform_raw_seal(c, x, NULL, 0));
	xform_ctx_free(c);

	bad_at = NULL;
	CU_ASSERT_PTR_NULL(xform_ctx_of(list, 1, NULL));
	CU_ASSERT_PTR_NULL(xform_ctx_of(list, 1, "bearssl"));
}

TEST_MAIN(
	TEST("every fault is found", every_fault_is_found),
	TEST("the next engine takes over", next_engine_takes_over),
	TEST("no engine left", no_engine_left))
