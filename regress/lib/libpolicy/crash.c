/* SPDX-License-Identifier: ISC */
/*
 * The store on a disk that crashes, fails and fills up (memfs.h).
 *
 * Each scene works with the store while the disk keeps a log.  Then, for
 * every operation of that log, the power goes in the middle of it: what is
 * left is opened again, and must be one of the revisions that were being
 * made, whole, with its keys, and not older than what had been acknowledged;
 * so must the export.  And a new commit must work.
 *
 * Then every operation fails instead, once or from then on.
 */
#include <errno.h>
#include <sqlite3.h>
#include <time.h>

#include "libpolicy/storew.h"
#include "memfs.h"
#include "test.h"

#define DB	"/db/policy.db"

#if defined(__SANITIZE_ADDRESS__)
#define CHECKED	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECKED	1
#endif
#endif
#ifndef CHECKED
#define CHECKED	0
#endif

enum { MARKS_MAX = 64 };

/* A state of the store that a crash may leave. */
struct mark {
	uint64_t	ma_rev;
	uint64_t	ma_rows;	/* hash of all tables */
	uint64_t	ma_policy;	/* hash of the policy, keys in clear */
	unsigned	ma_acked;	/* operations until the commit was acknowledged */
	unsigned	ma_exported;	/* and its export */
};

struct scene {
	struct policy_store	*sc_st;
	unsigned		 sc_from;	/* operations before it */
	struct mark		 sc_mark[MARKS_MAX];
	unsigned		 sc_marks;
};

static unsigned long points, distinct;

/* ---- texts ---- */

static char *
text_flows(unsigned from, unsigned n)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (unsigned i = from; i < from + n; i++)
		fprintf(out, "flow esp out from 10.%u.%u.0/24 to 172.16.0.0/12 "
		    "peer 192.0.2.2\n", i >> 8 & 255, i & 255);
	(void)fclose(out);
	return text;
}

static char *
text_keys(unsigned from, unsigned n)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (unsigned i = from; i < from + n; i++)
		fprintf(out, "ikev2 \"t%u\" from 10.%u.%u.0/24 to 172.16.%u.0/24 "
		    "peer 192.0.2.%u psk \"a secret of %u, quite long\"\n", i,
		    i >> 8 & 255, i & 255, i & 255, i % 250 + 1, i);
	(void)fclose(out);
	return text;
}

/* Few rules, many pages. */
static char *
text_long(unsigned seed, unsigned kilobytes)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (unsigned i = 0; i < kilobytes * 16; i++)
		fprintf(out, "# %061u\n", seed * 100000 + i);
	fprintf(out, "flow esp out from 10.9.%u.0/24 to 172.16.0.0/12 peer "
	    "192.0.2.2\n", seed & 255);
	(void)fclose(out);
	return text;
}

/* ---- the store ---- */

static void
form_add(void *arg, const char *form, size_t len,
    const struct policy_key *keys, size_t nkeys)
{
	policy_forms_add(arg, form, len, keys, nkeys);
}

static bool
commit(struct policy_store *st, const char *text, uint64_t *rev,
    const char **why)
{
	struct policy_forms forms = { 0 };
	struct policy_texts tx = { 0 };
	struct policy_env env = { .env_secret = form_add, .env_arg = &forms };
	struct policy_errors *errs = calloc(1, sizeof(*errs));
	struct policy pol;
	struct policy_commit co = { .co_author = "tester",
	    .co_reason = "because", .co_texts = &tx, .co_forms = &forms,
	    .co_policy = &pol };
	bool ok;

	policy_init(&pol);
	ok = policy_texts_add(&tx, POLICY_TEXT_MAIN, "test", text,
	    strlen(text)) && policy_texts_parse(&tx, &pol, &env, errs);
	CU_ASSERT_TRUE(ok);
	ok = ok && policy_store_commit(st, &co, rev, why);
	if (ok)
		policy_store_keep(st, *rev, &pol);	/* as policyd does */
	policy_texts_free(&tx);
	policy_forms_free(&forms);
	policy_errors_free(errs);
	free(errs);
	policy_free(&pol);
	return ok;
}

static uint64_t
hash(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t w;

	for (; n >= 8; n -= 8, b += 8) {
		memcpy(&w, b, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	for (; n != 0; n--)
		h = (h ^ *b++) * 0x100000001b3ull;
	return h ^ h >> 31;
}

static uint64_t
hash_row(uint64_t h, sqlite3_stmt *s)
{
	for (int i = 0; i < sqlite3_column_count(s); i++) {
		const void *p = sqlite3_column_blob(s, i);
		int n = sqlite3_column_bytes(s, i);

		h = hash(h, &n, sizeof(n));
		if (n != 0)
			h = hash(h, p, (size_t)n);
	}
	return h;
}

/* All rows; 0 if the store is not whole. */
static uint64_t
rows(void)
{
	static const char *const queries[] = {
		"PRAGMA integrity_check", "PRAGMA foreign_key_check",
		"SELECT * FROM revision ORDER BY 1",
		"SELECT * FROM text ORDER BY 1, 2",
		"SELECT * FROM chunk ORDER BY 1",
		"SELECT * FROM revision_chunk ORDER BY 1, 2",
		"SELECT * FROM secret ORDER BY 1",
		"SELECT * FROM chunk_secret ORDER BY 1, 2" };
	sqlite3_stmt *s;
	sqlite3 *db;
	uint64_t h = 1;
	int rc;

	if (sqlite3_open_v2(DB, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		h = 0;
	for (unsigned i = 0; h != 0 && i < TEST_COUNT(queries); i++) {
		rc = sqlite3_prepare_v2(db, queries[i], -1, &s, NULL);
		while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
			if (i == 1 || (i == 0 && strcmp((const char *)
			    sqlite3_column_text(s, 0), "ok") != 0))
				h = 0;
			h = hash_row(h, s);
			rc = SQLITE_OK;
		}
		(void)sqlite3_finalize(s);
		if (rc != SQLITE_DONE)
			h = 0;
	}
	(void)sqlite3_close(db);
	return h;
}

/* The policy with its keys in clear; 0 if it cannot be read. */
static uint64_t
policy_hash(struct policy_store *st, uint64_t rev)
{
	struct policy pol;
	const char *why = "";
	char *text = NULL;
	uint64_t h;
	size_t len;
	FILE *out;

	if (rev == 0)
		return 1;
	if (!policy_store_load(st, rev, POLICY_LOAD_SECRETS, &pol, &why)) {
		printf("revision %llu: %s\n", (unsigned long long)rev, why);
		return 0;
	}
	out = open_memstream(&text, &len);
	policy_print(&pol, out, POLICY_PRINT_KEYS);
	(void)fclose(out);
	h = hash(2, text, len);
	free(text);
	policy_free(&pol);
	return h;
}

/* ---- scenes ---- */

static void
mark(struct scene *sc, uint64_t rev, unsigned acked, unsigned exported)
{
	if (sc->sc_marks == MARKS_MAX)
		exit(2);
	sc->sc_mark[sc->sc_marks++] = (struct mark){ rev, rows(),
	    policy_hash(sc->sc_st, rev), acked, exported };
}

static void
scene_open(struct scene *sc)
{
	const char *why = "";

	sc->sc_st = policy_store_open_rw(DB, &why);
	if (sc->sc_st == NULL) {
		printf("cannot open: %s\n", why);
		exit(2);
	}
}

/* Commits and exports; frees the text. */
static void
scene_commit(struct scene *sc, char *text)
{
	const char *why = "";
	unsigned acked, exported;
	uint64_t rev = 0;

	CU_ASSERT_TRUE(commit(sc->sc_st, text, &rev, &why));
	acked = memfs_ops();
	CU_ASSERT_TRUE(policy_store_export(sc->sc_st, rev, &why));
	exported = memfs_ops();
	mark(sc, rev, acked, exported);
	free(text);
}

/* What came before this is a given. */
static void
scene_begin(struct scene *sc)
{
	sc->sc_from = memfs_ops();
}

static void
scene_first(struct scene *sc)
{
	scene_open(sc);
	mark(sc, 0, 0, 0);
	scene_commit(sc, text_keys(0, 3));
	policy_store_close(sc->sc_st);
}

static void
scene_small(struct scene *sc)
{
	scene_open(sc);
	mark(sc, 0, 0, 0);
	scene_commit(sc, text_flows(0, 3));
	scene_begin(sc);
	for (unsigned i = 1; i < 60; i++)
		scene_commit(sc, i % 2 ? text_flows(i, i % 9) :
		    text_keys(i, i % 7));
	policy_store_close(sc->sc_st);
}

static void
scene_large(struct scene *sc)
{
	scene_open(sc);
	scene_commit(sc, text_flows(0, 2));
	scene_begin(sc);
	for (unsigned i = 0; i < 6; i++)
		scene_commit(sc, text_flows(7 * i, 400));
	policy_store_close(sc->sc_st);
}

static void
scene_secrets(struct scene *sc)
{
	scene_open(sc);
	scene_commit(sc, text_keys(0, 20));
	scene_begin(sc);
	for (unsigned i = 0; i < 6; i++)
		scene_commit(sc, text_keys(40 * i, 60));
	policy_store_close(sc->sc_st);
}

/* The WAL passes its 1,000 pages, and goes into the store. */
static void
scene_checkpoint(struct scene *sc)
{
	scene_open(sc);
	for (unsigned i = 0; i < 8; i++)
		scene_commit(sc, text_long(i, 450));
	scene_begin(sc);
	for (unsigned i = 8; i < 11; i++)
		scene_commit(sc, text_long(i, 150));
	policy_store_close(sc->sc_st);
}

/* A start after a crash, with a WAL to take over; and its end. */
static void
scene_restart(struct scene *sc)
{
	struct memfs_image *im;

	scene_open(sc);
	scene_commit(sc, text_keys(0, 50));
	scene_commit(sc, text_flows(0, 50));
	im = memfs_save();
	policy_store_close(sc->sc_st);
	memfs_load(im);
	memfs_settle();
	scene_begin(sc);
	scene_open(sc);
	sc->sc_marks--;
	mark(sc, 2, 0, 0);
	scene_commit(sc, text_keys(30, 50));
	policy_store_close(sc->sc_st);
	scene_open(sc);
	scene_commit(sc, text_flows(50, 10));
	policy_store_close(sc->sc_st);
}

static const struct {
	const char	*s_name;
	void		(*s_run)(struct scene *);
	unsigned	 s_fates;	/* crashes of one operation */
	unsigned	 s_step;	/* every operation, or one of so many */
	unsigned	 s_step_checked;
} scenes[] = {
	{ "first commit",		scene_first,		16, 1, 3 },
	{ "small commits",		scene_small,		2, 1, 41 },
	{ "large commits",		scene_large,		1, 1, 61 },
	{ "many keys",			scene_secrets,		1, 1, 31 },
	{ "restart",			scene_restart,		8, 1, 19 },
	{ "the WAL is taken over",	scene_checkpoint,	1, 16, 167 },
};

/* ---- crashes ---- */

/* How many marks of the scene stand; the newest that was acknowledged. */
static unsigned
acknowledged(const struct scene *sc, unsigned before, bool exported)
{
	unsigned last = 0;

	for (unsigned i = 0; i < sc->sc_marks; i++) {
		if ((exported ? sc->sc_mark[i].ma_exported :
		    sc->sc_mark[i].ma_acked) <= before)
			last = i;
	}
	return last;
}

static bool
bad(const char *what, const char *why)
{
	printf("%s: %s: %s\n", test_state.ts_row, what, why);
	return false;
}

static bool
export_is_whole(const struct scene *sc, unsigned op)
{
	const struct mark *least = &sc->sc_mark[acknowledged(sc, op, true)];
	const char *why = "";
	struct policy_store *ex = policy_store_open_export(DB, &why);
	uint64_t rev = 0, h = 0;

	if (ex == NULL)
		return strstr(why, "there is no export") != NULL &&
		    least->ma_exported == 0 ? true : bad("export", why);
	(void)policy_store_latest(ex, &rev, &why);
	h = policy_hash(ex, rev);
	policy_store_close(ex);
	for (unsigned i = 0; i < sc->sc_marks; i++) {
		if (sc->sc_mark[i].ma_rev == rev && rev >= least->ma_rev &&
		    sc->sc_mark[i].ma_policy == h)
			return true;
	}
	return bad("export", "not one of the revisions, or too old");
}

static bool
store_goes_on(struct policy_store *st, uint64_t before)
{
	const char *why = "";
	uint64_t rev = 0;
	char *text = text_keys(7, 2);
	bool ok = commit(st, text, &rev, &why) && rev == before + 1 &&
	    policy_hash(st, rev) > 1;

	free(text);
	return ok || bad("a commit afterwards", why);
}

static bool
store_is_whole(const struct scene *sc, unsigned op, bool again)
{
	unsigned i = acknowledged(sc, op, false);
	const char *why = "";
	struct policy_store *st = policy_store_open_rw(DB, &why);
	uint64_t rev = 0, h;
	bool ok = false;

	if (st == NULL)
		return bad("cannot be opened", why);
	(void)policy_store_latest(st, &rev, &why);
	h = rows();
	for (unsigned last = i + 1; i <= last && i < sc->sc_marks && !ok; i++)
		ok = sc->sc_mark[i].ma_rev == rev &&
		    sc->sc_mark[i].ma_rows == h &&
		    sc->sc_mark[i].ma_policy == policy_hash(st, rev);
	if (!ok)
		(void)bad("store", h == 0 ? "not whole" :
		    "not one of the revisions, or too old");
	else if (again)
		ok = store_goes_on(st, rev);
	policy_store_close(st);
	return ok;
}

static bool
crash_one(const struct scene *sc, const struct memfs_replay *mr, size_t which,
    unsigned op, unsigned fate)
{
	bool ok;

	memfs_load(memfs_crash(mr, (uint64_t)op * 64 + fate));
	(void)snprintf(test_state.ts_row, sizeof(test_state.ts_row),
	    "%s, operation %u, fate %u", scenes[which].s_name, op, fate);
	points++;
	ok = export_is_whole(sc, op - 1) &&
	    store_is_whole(sc, op - 1, (op + fate) % 8 == 0) &&
	    memfs_open_files() == 0;
	CU_ASSERT_TRUE(ok);
	return ok;
}

static void
crash_scene(size_t which)
{
	struct scene sc = { 0 };
	unsigned step = CHECKED ? scenes[which].s_step_checked :
	    scenes[which].s_step;
	unsigned fates = CHECKED ? 1 : scenes[which].s_fates;
	unsigned long points0 = points, distinct0 = distinct;
	clock_t begun = clock();
	struct memfs_replay *mr;
	unsigned total;
	bool ok = true;

	memfs_reset();
	scenes[which].s_run(&sc);
	CU_ASSERT_EQUAL(memfs_open_files(), 0);
	total = memfs_ops();
	mr = memfs_replay_new();
	for (unsigned op = 1; ok && op <= total; op++) {
		memfs_replay_step(mr);
		if (op <= sc.sc_from || op % step != 0)
			continue;
		for (unsigned fate = 0; ok && fate < fates; fate++)
			ok = crash_one(&sc, mr, which, op, fate);
		distinct++;
	}
	memfs_replay_free(mr);
	memfs_reset();
	printf("%s: %lu of %u operations, %lu crashes, %.1f s\n",
	    scenes[which].s_name, distinct - distinct0, total - sc.sc_from,
	    points - points0, (double)(clock() - begun) / CLOCKS_PER_SEC);
}

static void
crashes(void)
{
	memfs_register();
	for (size_t i = 0; i < TEST_COUNT(scenes); i++) {
		test_row("%s", scenes[i].s_name);
		crash_scene(i);
	}
	printf("%lu crashes at %lu operations%s\n", points, distinct,
	    CHECKED ? " (a part of them: the checked build is slow)" : "");
	CU_ASSERT_TRUE(CHECKED || points >= 5000);
}

/* ---- faults ---- */

static const struct fault {
	const char	*fa_name;
	int		 fa_error;
	bool		 fa_on;		/* from then on */
	const char	*fa_says;	/* this, or strerror(3), is in the message */
} faults[] = {
	{ "no space, once", ENOSPC, false, "disk is full" },
	{ "no space", ENOSPC, true, "disk is full" },
	{ "I/O error, once", EIO, false, "disk" },
	{ "I/O error", EIO, true, "disk" },
	{ "read-only", EROFS, true, "disk" },
};

/* What the old revision was, as the store that did not commit sees it. */
static bool
untouched(struct policy_store *st, uint64_t rev, uint64_t h)
{
	const char *why = "";
	uint64_t is = 0;

	return policy_store_latest(st, &is, &why) && is == rev &&
	    policy_hash(st, rev) == h;
}

/*
 * A commit during which operation `at` fails: refused with a message, or
 * done; the store goes on either way.  False if the fault came too late.
 */
static bool
fault_at(const struct fault *fa, unsigned at)
{
	struct scene sc = { 0 };
	const char *why = "";
	uint64_t rev = 1;
	char *text = text_keys(3, 5);
	bool done, hit;

	memfs_reset();
	scene_open(&sc);
	scene_commit(&sc, text_keys(0, 4));
	memfs_fault(at, fa->fa_error, fa->fa_on);
	done = commit(sc.sc_st, text, &rev, &why) &&
	    policy_store_export(sc.sc_st, rev, &why);
	hit = memfs_faulted();
	memfs_fault(0, 0, false);
	if (!done) {
		CU_ASSERT_TRUE(strstr(why, fa->fa_says) != NULL ||
		    strstr(why, strerror(fa->fa_error)) != NULL || bad(why, ""));
	}
	if (rev != 2 || !done) {
		/* the commit may have succeeded, and its export not */
		(void)policy_store_latest(sc.sc_st, &rev, &why);
	}
	CU_ASSERT_TRUE(rev == 2 || untouched(sc.sc_st, 1,
	    sc.sc_mark[0].ma_policy) || bad("the old revision", why));
	CU_ASSERT_TRUE(rows() != 0);
	CU_ASSERT_TRUE(store_goes_on(sc.sc_st, rev));
	policy_store_close(sc.sc_st);
	scene_open(&sc);
	CU_ASSERT_TRUE(policy_store_latest(sc.sc_st, &rev, &why) &&
	    policy_hash(sc.sc_st, rev) > 1 && rows() != 0);
	policy_store_close(sc.sc_st);
	CU_ASSERT_EQUAL(memfs_open_files(), 0);
	free(text);
	return hit;
}

static void
failing(void)
{
	unsigned at, total = 0;

	memfs_register();
	for (size_t i = 0; i < TEST_COUNT(faults); i++) {
		test_row("%s", faults[i].fa_name);
		for (at = 1; fault_at(&faults[i], at); at++)
			(void)snprintf(test_state.ts_row,
			    sizeof(test_state.ts_row), "%s, operation %u",
			    faults[i].fa_name, at + 1);
		total += at - 1;
		CU_ASSERT_TRUE(at > 20);
	}
	printf("%u failing operations\n", total);
	memfs_reset();
}

/* The store is made on a disk that fails: refused, and made later. */
static void
failing_first(void)
{
	const char *why;
	unsigned at;

	memfs_register();
	for (size_t i = 0; i < TEST_COUNT(faults); i++) {
		test_row("%s", faults[i].fa_name);
		for (at = 1;; at++) {
			struct scene sc = { 0 };
			bool hit;

			why = "";
			memfs_reset();
			memfs_fault(at, faults[i].fa_error, faults[i].fa_on);
			sc.sc_st = policy_store_open_rw(DB, &why);
			hit = memfs_faulted();
			memfs_fault(0, 0, false);
			CU_ASSERT_TRUE(sc.sc_st != NULL || why[0] != '\0');
			policy_store_close(sc.sc_st);
			scene_open(&sc);
			CU_ASSERT_TRUE(store_goes_on(sc.sc_st, 0));
			policy_store_close(sc.sc_st);
			if (!hit)
				break;
		}
		CU_ASSERT_TRUE(at > 10);
	}
	memfs_reset();
}

/* Each sync takes 5 s: a commit takes its time, and is one. */
static void
slow(void)
{
	struct scene sc = { 0 };
	uint64_t begun;

	memfs_register();
	memfs_reset();
	scene_open(&sc);
	memfs_slow(5000);
	begun = memfs_clock_ms();
	scene_commit(&sc, text_keys(0, 4));
	CU_ASSERT_TRUE(memfs_clock_ms() - begun >= 10000);
	CU_ASSERT_TRUE(store_goes_on(sc.sc_st, 1));
	policy_store_close(sc.sc_st);
	memfs_reset();
}

TEST_MAIN(
	TEST("a crash at every operation", crashes),
	TEST("every operation of a commit fails", failing),
	TEST("every operation of the first start fails", failing_first),
	TEST("syncs of 5 seconds", slow))
