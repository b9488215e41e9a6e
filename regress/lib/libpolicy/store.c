/* SPDX-License-Identifier: ISC */
/*
 * The store of revisions: what is committed comes back, whole and only with
 * the machine's key.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <sys/stat.h>

#include "libpolicy/seal.h"
#include "libpolicy/storew.h"
#include "test.h"

#define SECRET	"correct horse battery staple"
#define RULE	"ikev2 \"paris\" from 10.1.0.0/24 to 10.2.0.0/24 peer "	\
		"192.0.2.2 psk \"" SECRET "\"\n"

static char dir[256], path[300];
static const struct policy_pending *pending;	/* of the next commit */

static void
fresh(void)
{
	static unsigned n;
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(dir, sizeof(dir), "%s/store%u.%d",
	    tmp != NULL ? tmp : "/tmp", n++, getpid());
	(void)mkdir(dir, 0700);
	(void)snprintf(path, sizeof(path), "%s/policy.db", dir);
}

static struct policy_store *
open_rw(void)
{
	const char *why = "";
	struct policy_store *st = policy_store_open_rw(path, &why);

	if (st == NULL) {
		printf("cannot open: %s\n", why);
		exit(1);
	}
	return st;
}

static bool
commit(struct policy_store *st, const char *text, uint64_t *rev,
    const char **why)
{
	struct policy_forms forms = { 0 };
	struct policy_texts tx = { 0 };
	struct policy_env env = { .env_arg = &forms };
	struct policy_errors errs;
	struct policy pol;
	struct policy_commit co = { .co_author = "tester",
	    .co_reason = "because", .co_texts = &tx, .co_forms = &forms,
	    .co_policy = &pol, .co_pending = pending };
	bool ok;

	memset(&errs, 0, sizeof(errs));
	env.env_secret = (void (*)(void *, const char *, size_t,
	    const struct policy_key *, size_t))(void (*)(void))policy_forms_add;
	ok = policy_texts_add(&tx, POLICY_TEXT_MAIN, "test", text,
	    strlen(text)) && policy_texts_parse(&tx, &pol, &env, &errs);
	CU_ASSERT_TRUE(ok);
	ok = ok && policy_store_commit(st, &co, rev, why);
	policy_texts_free(&tx);
	policy_forms_free(&forms);
	policy_errors_free(&errs);
	policy_free(&pol);
	return ok;
}

static int
sql(const char *text)
{
	sqlite3 *db;
	int rc;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		return -1;
	rc = sqlite3_exec(db, text, NULL, NULL, NULL);
	(void)sqlite3_close(db);
	return rc;
}

static void
revisions(void)
{
	struct policy_store *st, *ro;
	struct policy pol;
	const char *why = "";
	uint64_t rev = 0;
	uint8_t buf[POLICY_KEY_MAX];
	size_t len;

	fresh();
	st = open_rw();
	CU_ASSERT_TRUE(policy_store_latest(st, &rev, &why));
	CU_ASSERT_EQUAL(rev, 0);
	CU_ASSERT_TRUE(commit(st, "set passive\n", &rev, &why));
	CU_ASSERT_EQUAL(rev, 1);
	CU_ASSERT_TRUE(commit(st, RULE, &rev, &why));
	CU_ASSERT_EQUAL(rev, 2);
	ro = policy_store_open_ro(path, &why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ro);
	CU_ASSERT_TRUE(policy_store_latest(ro, &rev, &why) && rev == 2);
	CU_ASSERT_TRUE(policy_store_load(ro, 2, POLICY_LOAD_SECRETS, &pol,
	    &why));
	CU_ASSERT_EQUAL(pol.pol_nikes, 1);
	CU_ASSERT_EQUAL(pol.pol_ikes[0].ik_psk.pk_len, strlen(SECRET));
	TEST_BYTES(pol.pol_ikes[0].ik_psk.pk_bytes, SECRET, strlen(SECRET));
	CU_ASSERT_TRUE(policy_secret(ro, pol.pol_ikes[0].ik_psk.pk_id, buf,
	    &len, &why) && len == strlen(SECRET));
	CU_ASSERT_FALSE(policy_secret(ro, 99, buf, &len, &why));
	policy_free(&pol);
	CU_ASSERT_TRUE(policy_store_load(ro, 2, 0, &pol, &why));
	CU_ASSERT_EQUAL(pol.pol_ikes[0].ik_psk.pk_len, 0);
	CU_ASSERT_NOT_EQUAL(pol.pol_ikes[0].ik_psk.pk_id, 0);
	policy_free(&pol);
	CU_ASSERT_TRUE(policy_store_load(ro, 1, 0, &pol, &why));
	CU_ASSERT_FALSE(pol.pol_set.set_active);
	policy_free(&pol);
	CU_ASSERT_FALSE(policy_store_load(ro, 3, 0, &pol, &why));
	policy_store_close(ro);
	policy_store_close(st);
}

static void
other_machine(void)
{
	struct policy_store *st;
	struct policy pol;
	const char *why = "";
	char key[400];
	uint64_t rev;
	int fd;

	fresh();
	st = open_rw();
	CU_ASSERT_TRUE(commit(st, RULE, &rev, &why));
	policy_store_close(st);
	(void)snprintf(key, sizeof(key), "%s/machine.key", dir);
	fd = open(key, O_WRONLY);
	CU_ASSERT_EQUAL(write(fd, "another machine has another key.", 32), 32);
	(void)close(fd);
	st = policy_store_open_ro(path, &why);
	CU_ASSERT_FALSE(policy_store_load(st, 1, POLICY_LOAD_SECRETS, &pol,
	    &why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "machine's key"));
	CU_ASSERT_TRUE(policy_store_load(st, 1, 0, &pol, &why));
	policy_free(&pol);
	policy_store_close(st);
	(void)chmod(key, 0644);
	CU_ASSERT_PTR_NULL(policy_store_open_rw(path, &why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "others may read"));
	(void)unlink(key);
	st = policy_store_open_ro(path, &why);
	CU_ASSERT_FALSE(policy_store_load(st, 1, POLICY_LOAD_SECRETS, &pol,
	    &why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "missing"));
	policy_store_close(st);
}

static void
foreign_files(void)
{
	const char *why = "";

	fresh();
	CU_ASSERT_PTR_NULL(policy_store_open_ro(path, &why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "start policyd"));
	CU_ASSERT_EQUAL(sql("CREATE TABLE other (x)"), SQLITE_OK);
	CU_ASSERT_PTR_NULL(policy_store_open_rw(path, &why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "not a policy store"));
	CU_ASSERT_PTR_NULL(policy_store_open_ro(path, &why));
	CU_ASSERT_EQUAL(sql("SELECT x FROM other"), SQLITE_OK);
}

static void
constraints(void)
{
	static const char *const refused[] = {
		"INSERT INTO revision VALUES (0, 'a', 1, '', zeroblob(32))",
		"INSERT INTO revision VALUES ('x', 'a', 1, '', zeroblob(32))",
		"INSERT INTO revision VALUES (9, 'a', 1, '', zeroblob(31))",
		"INSERT INTO chunk VALUES (99, randomblob(32), 'ipsec', "
		"'other', 1, 0, x'', '')",
		"INSERT INTO chunk VALUES (99, randomblob(32), 'ipsec', "
		"'flow', 0, 0, x'', '')",
		"INSERT INTO chunk VALUES (99, randomblob(32), 'iked', "
		"'ikev2', 2, 0, x'00004001', '')",
		"INSERT INTO chunk SELECT 99, digest, part, kind, rules, bytes, "
		"reqids, body FROM chunk WHERE id = 1",
		"INSERT INTO text VALUES (1, 99, 'key', 'x', x'00')",
		"PRAGMA foreign_keys = ON; INSERT INTO revision_chunk VALUES "
		"(77, 1, 1)",
		"PRAGMA foreign_keys = ON; INSERT INTO revision_chunk VALUES "
		"(1, 99, 77)",
		"PRAGMA foreign_keys = ON; DELETE FROM chunk",
		"PRAGMA foreign_keys = ON; DELETE FROM secret",
		"INSERT INTO secret VALUES (5, zeroblob(32), zeroblob(12), "
		"zeroblob(16))",
	};
	struct policy_store *st;
	const char *why = "";
	uint64_t rev;

	fresh();
	st = open_rw();
	CU_ASSERT_TRUE(commit(st, RULE, &rev, &why));
	for (size_t i = 0; i < TEST_COUNT(refused); i++) {
		test_row("%.60s", refused[i]);
		CU_ASSERT_NOT_EQUAL(sql(refused[i]), SQLITE_OK);
	}
	policy_store_close(st);
}

/* Every statement of a commit fails once: the store stays as it was. */
static void
commit_is_whole(void)
{
	static const char *const traps[] = { "revision", "chunk",
	    "revision_chunk", "secret", "chunk_secret", "text" };
	struct policy_store *st;
	char trap[200];
	const char *why;
	uint64_t rev = 0;

	fresh();
	st = open_rw();
	CU_ASSERT_TRUE(commit(st, "set passive\n", &rev, &why));
	for (size_t i = 0; i < TEST_COUNT(traps); i++) {
		test_row("%s", traps[i]);
		(void)snprintf(trap, sizeof(trap), "CREATE TRIGGER trap BEFORE "
		    "INSERT ON %s BEGIN SELECT raise(ABORT, 'trap'); END",
		    traps[i]);
		CU_ASSERT_EQUAL(sql(trap), SQLITE_OK);
		why = "";
		CU_ASSERT_FALSE(commit(st, RULE, &rev, &why));
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "trap"));
		CU_ASSERT_EQUAL(sql("DROP TRIGGER trap"), SQLITE_OK);
		CU_ASSERT_TRUE(policy_store_latest(st, &rev, &why) && rev == 1);
		CU_ASSERT_NOT_EQUAL(sql("INSERT INTO revision SELECT 1, 'a', "
		    "1, '', zeroblob(32) WHERE (SELECT count(*) FROM secret) "
		    "= 0"), SQLITE_OK);
	}
	test_row("without a trap");
	CU_ASSERT_TRUE(commit(st, RULE, &rev, &why) && rev == 2);
	policy_store_close(st);
}

static void
exports(void)
{
	struct policy_store *st;
	struct policy pol;
	const char *why = "";
	char file[400], byte;
	uint64_t rev;
	int fd;

	fresh();
	st = open_rw();
	CU_ASSERT_TRUE(commit(st, RULE, &rev, &why));
	CU_ASSERT_TRUE(policy_store_export(st, rev, &why));
	policy_store_close(st);
	fd = open(path, O_WRONLY | O_TRUNC);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(write(fd, "this is no database any more....",
		    32), 32);
	(void)close(fd);
	CU_ASSERT_PTR_NULL(policy_store_open_rw(path, &why));
	st = policy_store_open_ro(path, &why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(st);
	CU_ASSERT_PTR_NOT_NULL(policy_store_damage(st));
	CU_ASSERT_TRUE(policy_store_latest(st, &rev, &why) && rev == 1);
	CU_ASSERT_TRUE(policy_store_load(st, 1, POLICY_LOAD_SECRETS, &pol,
	    &why));
	TEST_BYTES(pol.pol_ikes[0].ik_psk.pk_bytes, SECRET, strlen(SECRET));
	policy_free(&pol);
	policy_store_close(st);
	/* one byte of the export differs: it is not used */
	(void)snprintf(file, sizeof(file), "%s.export", path);
	fd = open(file, O_RDWR);
	CU_ASSERT_EQUAL(pread(fd, &byte, 1, 120), 1);
	byte ^= 1;
	CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, 120), 1);
	(void)close(fd);
	CU_ASSERT_PTR_NULL(policy_store_open_ro(path, &why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "export is damaged too"));
}

static void
sealing(void)
{
	uint8_t nonce[SEAL_NONCE] = { 1 }, sealed[SEAL_MAX], out[POLICY_KEY_MAX];
	uint8_t in[POLICY_KEY_MAX], a[SEAL_FINGER], b[SEAL_FINGER];
	struct seal se, other;
	size_t len;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	memset(&se, 7, sizeof(se));
	memset(&other, 8, sizeof(other));
	for (size_t n = 1; n <= POLICY_KEY_MAX; n += 17) {
		seal_close(&se, 5, nonce, in, n, sealed);
		CU_ASSERT_TRUE(seal_reveal(&se, 5, nonce, sealed, n + SEAL_TAG,
		    out, &len) && len == n && memcmp(in, out, n) == 0);
		CU_ASSERT_FALSE(seal_reveal(&se, 6, nonce, sealed, n + SEAL_TAG,
		    out, &len));
		CU_ASSERT_FALSE(seal_reveal(&other, 5, nonce, sealed,
		    n + SEAL_TAG, out, &len));
		for (size_t i = 0; i < n + SEAL_TAG; i++) {
			sealed[i] ^= 0x10;
			CU_ASSERT_FALSE(seal_reveal(&se, 5, nonce, sealed,
			    n + SEAL_TAG, out, &len));
			sealed[i] ^= 0x10;
		}
	}
	CU_ASSERT_FALSE(seal_reveal(&se, 5, nonce, sealed, SEAL_TAG - 1, out,
	    &len));
	seal_finger(&se, in, 20, a);
	seal_finger(&other, in, 20, b);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
}

/* The stored file of version 1 becomes one of today, and nothing is lost. */
static void
from_version_1(void)
{
	static const uint8_t machine[32] = {
		0xfb, 0x14, 0x72, 0xb7, 0x67, 0x70, 0x8d, 0xae, 0x64, 0x2c,
		0x2e, 0xcf, 0x3c, 0x0b, 0xf1, 0x3f, 0x9d, 0x5f, 0xf4, 0x68,
		0xc0, 0xe0, 0xfb, 0xcd, 0x1f, 0x66, 0x71, 0xfc, 0x78, 0x9f,
		0xdd, 0x8a
	};
	static char text[32768];
	struct policy_texts tx = { 0 };
	struct policy_store *st, *ex;
	struct policy_pending pe;
	struct policy pol;
	const char *why = "";
	char key[400], *rules;
	FILE *in = fopen("store-v1.sql", "re");
	uint64_t rev;
	int fd;

	fresh();
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	(void)fread(text, 1, sizeof(text) - 1, in);
	(void)fclose(in);
	CU_ASSERT_EQUAL_FATAL(sql(text), SQLITE_OK);
	CU_ASSERT_PTR_NULL(policy_store_open_ro(path, &why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "brings it forward"));
	(void)snprintf(key, sizeof(key), "%s/machine.key", dir);
	fd = open(key, O_WRONLY | O_CREAT, 0600);
	CU_ASSERT_EQUAL(write(fd, machine, 32), 32);
	(void)close(fd);
	st = open_rw();
	CU_ASSERT_TRUE(policy_store_latest(st, &rev, &why) && rev == 2);
	CU_ASSERT_TRUE(policy_store_load(st, 1, 0, &pol, &why));
	CU_ASSERT_TRUE(pol.pol_nflows == 2 && !pol.pol_set.set_active);
	policy_free(&pol);
	CU_ASSERT_TRUE(policy_store_load(st, 2, POLICY_LOAD_SECRETS, &pol,
	    &why));
	CU_ASSERT_EQUAL_FATAL(pol.pol_nikes, 1);
	TEST_BYTES(pol.pol_ikes[0].ik_psk.pk_bytes, SECRET, strlen(SECRET));
	policy_free(&pol);
	/* a file called iked.conf is known as such */
	rules = policy_store_rules(st, 2, POLICY_PART_IKED, &why);
	CU_ASSERT_TRUE(rules != NULL &&
	    strstr(rules, "ikev2 \"paris\"") != NULL);
	free(rules);
	rules = policy_store_rules(st, 1, POLICY_PART_IPSEC, &why);
	CU_ASSERT_TRUE(rules != NULL && strstr(rules, "set passive") != NULL);
	free(rules);
	CU_ASSERT_TRUE(policy_store_texts(st, 2, POLICY_PART_IKED, &tx, &why) &&
	    tx.tx_n == 1 && policy_texts_has(&tx, POLICY_PART_IKED));
	policy_texts_free(&tx);
	CU_ASSERT_TRUE(policy_store_pending(st, &pe, &why) &&
	    pe.pe_revision == 0);
	CU_ASSERT_TRUE(commit(st, RULE, &rev, &why) && rev == 3);
	/* the keys of the rules are noted */
	CU_ASSERT_TRUE(policy_store_export(st, 2, &why));
	ex = policy_store_open_export(path, &why);
	CU_ASSERT_TRUE(ex != NULL && policy_store_load(ex, 2,
	    POLICY_LOAD_SECRETS, &pol, &why) && pol.pol_nikes == 1);
	TEST_BYTES(pol.pol_ikes[0].ik_psk.pk_bytes, SECRET, strlen(SECRET));
	policy_free(&pol);
	policy_store_close(ex);
	policy_store_close(st);
	st = open_rw();		/* a second time there is nothing to do */
	CU_ASSERT_TRUE(policy_store_latest(st, &rev, &why) && rev == 3);
	policy_store_close(st);
}

/* Its deadline in this boot and after another. */
static void
deadlines(const struct policy_pending *pe)
{
	static const struct {
		const char	*name;
		bool		 another;	/* boot */
		int64_t		 shift;		/* of its end in the time of day */
		int64_t		 least, most;	/* left */
	} cases[] = {
		{ "in time", false, 0, 50000, 60000 },
		{ "the clock jumps back", false, 3600000, 50000, 60000 },
		{ "the clock jumps ahead", false, -3600000, 50000, 60000 },
		{ "another boot, in time", true, 0, 50000, 60000 },
		{ "another boot, later", true, -40000, 10000, 20000 },
		{ "another boot, too late", true, -61000, INT64_MIN, 0 },
		{ "another boot, the clock jumped back", true, 3600000,
		    INT64_MIN, 0 },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct policy_pending got = *pe;
		int64_t left;

		test_row("%s", cases[i].name);
		if (cases[i].another) {
			(void)snprintf(got.pe_boot, sizeof(got.pe_boot), "b");
			got.pe_uptime = 1;
		}
		got.pe_time += cases[i].shift;
		left = policy_pending_left(&got);
		CU_ASSERT_TRUE(left >= cases[i].least && left <= cases[i].most);
		/* and the time of day matters no more in this boot */
		got.pe_time += 1000000;
		CU_ASSERT_TRUE(policy_pending_left(&got) <= left);
	}
}

static void
waiting(void)
{
	struct policy_store *st;
	struct policy_pending pe, got;
	const char *why = "";
	uint64_t rev;

	fresh();
	st = open_rw();
	CU_ASSERT_TRUE(commit(st, "set passive\n", &rev, &why));
	policy_pending_init(&pe, 1, 60000);
	pending = &pe;
	CU_ASSERT_TRUE(commit(st, RULE, &rev, &why) && rev == 2);
	pending = NULL;
	CU_ASSERT_TRUE(policy_store_pending(st, &got, &why));
	CU_ASSERT_TRUE(got.pe_revision == 2 && got.pe_back == 1 &&
	    got.pe_span == 60000);
	deadlines(&got);
	test_row("going back");
	CU_ASSERT_TRUE(policy_store_copy(st, 1, "policyd", "not confirmed",
	    NULL, &rev, &why) && rev == 3);
	CU_ASSERT_TRUE(policy_store_pending(st, &got, &why) &&
	    got.pe_revision == 0);
	CU_ASSERT_FALSE(policy_store_copy(st, 77, "a", "b", NULL, &rev, &why));
	CU_ASSERT_TRUE(policy_store_latest(st, &rev, &why) && rev == 3);
	policy_store_close(st);
}

TEST_MAIN(
	TEST("a store of version 1", from_version_1),
	TEST("a revision that waits for its confirm", waiting),
	TEST("revisions come back", revisions),
	TEST("keys need the machine's key", other_machine),
	TEST("files of others are refused", foreign_files),
	TEST("the schema refuses what is not whole", constraints),
	TEST("a commit is whole or nothing", commit_is_whole),
	TEST("the export stands in for a damaged store", exports),
	TEST("sealing", sealing))
