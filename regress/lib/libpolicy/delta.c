/* SPDX-License-Identifier: ISC */
/*
 * Revisions that share chunks: a history of random policies, each made from
 * the one before by a few changes.  Whatever was committed comes back; what
 * differs between any two revisions, as the store tells it without reading
 * the rest, is what differs; and a small change writes little.
 */
#include <sqlite3.h>
#include <unistd.h>

#include <sys/stat.h>

#include "libpolicy/storew.h"
#include "test.h"

enum { RULES_MAX = 500, REVISIONS = 40 };

/* A rule by the numbers that it is made of. */
struct rule {
	unsigned	ru_kind;	/* 0 flow, 1 SA, 2 ikev2 */
	unsigned	ru_name;	/* unique in its kind */
	unsigned	ru_key;
	unsigned	ru_peer;
};

static struct rule rule[RULES_MAX];
static size_t nrules;
static unsigned names;
static uint64_t seed = 1;
static char path[300];

static unsigned
rnd(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

/* ---- the model ---- */

static struct rule
random_rule(void)
{
	return (struct rule){ rnd(8) < 3 ? rnd(2) : 2, names++, rnd(50),
	    rnd(200) };
}

static void
insert(size_t at, struct rule ru)
{
	if (nrules == RULES_MAX)
		return;
	memmove(rule + at + 1, rule + at, (nrules - at) * sizeof(*rule));
	rule[at] = ru;
	nrules++;
}

static void
cut(size_t at, size_t n)
{
	if (n > nrules - at)
		n = nrules - at;
	memmove(rule + at, rule + at + n, (nrules - at - n) * sizeof(*rule));
	nrules -= n;
}

static void
change(void)
{
	size_t at = nrules != 0 ? rnd((unsigned)nrules) : 0;

	switch (nrules < 200 ? 1 : rnd(8)) {
	case 0:
		cut(at, 1 + rnd(3));
		break;
	case 1:
		for (unsigned i = nrules < 200 ? 150 : 1 + rnd(40); i != 0; i--)
			insert(at, random_rule());
		break;
	case 2:
		cut(at, rnd(60));
		break;
	case 3:
		insert(nrules, random_rule());
		break;
	case 4: {	/* one goes to another place */
		struct rule ru = rule[at];

		cut(at, 1);
		insert(rnd((unsigned)nrules + 1), ru);
		break;
	}
	case 5:
		rule[at].ru_key = rnd(50);
		break;
	default:
		rule[at].ru_peer = rnd(200);
		break;
	}
}

static void
print_rule(const struct rule *ru, FILE *out)
{
	unsigned a = ru->ru_name >> 8, b = ru->ru_name & 255;

	if (ru->ru_kind == 0)
		fprintf(out, "flow esp out from 10.%u.%u.0/24 to 172.16.0.0/12 "
		    "peer 192.0.2.%u\n", a, b, ru->ru_peer);
	else if (ru->ru_kind == 1)
		fprintf(out, "esp from 192.0.2.1 to 192.0.2.%u spi 0x%x "
		    "auth hmac-sha2-256 enc aes-256 authkey 0x%064x enckey "
		    "0x%064x\n", ru->ru_peer + 2, 0x1000 + ru->ru_name,
		    ru->ru_key, ru->ru_key + 77);
	else
		fprintf(out, "ikev2 \"t%u\" passive esp from 10.%u.%u.0/24 to "
		    "172.20.0.0/16 peer 198.51.100.%u psk \"the secret no %u "
		    "of all\"\n", ru->ru_name, a, b, ru->ru_peer, ru->ru_key);
}

/* Flows and SAs in one file, the others in the other. */
static char *
print_rules(bool iked)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (iked)
		fprintf(out, "set dpd_check_interval %u\n", 100 + names % 7);
	for (size_t i = 0; i < nrules; i++) {
		if ((rule[i].ru_name % 3 == 0) == iked)
			print_rule(&rule[i], out);
	}
	(void)fclose(out);
	return text;
}

/* ---- the store ---- */

static void
form_add(void *arg, const char *form, size_t len, const struct policy_key *keys,
    size_t nkeys)
{
	policy_forms_add(arg, form, len, keys, nkeys);
}

/* Commits the rules; the policy's normal form, keys in clear. */
static char *
commit(struct policy_store *st, bool hold)
{
	struct policy_forms forms = { 0 };
	struct policy_texts tx = { 0 };
	struct policy_env env = { .env_secret = form_add, .env_arg = &forms };
	struct policy_errors errs;
	struct policy pol;
	struct policy_commit co = { .co_author = "tester", .co_reason = "",
	    .co_texts = &tx, .co_forms = &forms, .co_policy = &pol };
	const char *why = "";
	char *text = NULL, *conf[2] = { print_rules(false), print_rules(true) };
	uint64_t rev;
	size_t len;
	FILE *out;

	memset(&errs, 0, sizeof(errs));
	(void)policy_texts_add_part(&tx, POLICY_PART_IPSEC, POLICY_TEXT_MAIN,
	    "ipsec.conf", conf[0], strlen(conf[0]));
	(void)policy_texts_add_part(&tx, POLICY_PART_IKED, POLICY_TEXT_MAIN,
	    "iked.conf", conf[1], strlen(conf[1]));
	if (!policy_texts_parse(&tx, &pol, &env, &errs)) {
		policy_errors_print(&errs, stdout);
		exit(1);
	}
	out = open_memstream(&text, &len);
	policy_print(&pol, out, POLICY_PRINT_KEYS);
	(void)fclose(out);
	CU_ASSERT_TRUE_FATAL(policy_store_commit(st, &co, &rev, &why));
	if (hold)
		policy_store_keep(st, rev, &pol);
	policy_free(&pol);
	policy_texts_free(&tx);
	policy_forms_free(&forms);
	free(conf[0]);
	free(conf[1]);
	return text;
}

static int
count(const char *query)
{
	sqlite3_stmt *s;
	sqlite3 *db;
	int n = -1;

	if (sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, query, -1, &s, NULL) == SQLITE_OK) {
		if (sqlite3_step(s) == SQLITE_ROW)
			n = sqlite3_column_int(s, 0);
		(void)sqlite3_finalize(s);
	}
	(void)sqlite3_close(db);
	return n;
}

static bool
same_as(const struct policy *pol, const char *text)
{
	char *is = NULL;
	size_t len;
	FILE *out = open_memstream(&is, &len);
	bool ok;

	policy_print(pol, out, POLICY_PRINT_KEYS);
	(void)fclose(out);
	ok = strcmp(is, text) == 0;
	free(is);
	return ok;
}

/* a with the difference is b; how many rules the difference has. */
static bool
splice_is(const struct policy *a, const struct policy_delta *de,
    const struct policy *b)
{
	const struct policy *new = &de->de_new;
	size_t rest = de->de_at + de->de_old;

	if (rest > a->pol_nikes ||
	    b->pol_nikes != a->pol_nikes - de->de_old + new->pol_nikes ||
	    new->pol_set.set_dpd != b->pol_set.set_dpd ||
	    new->pol_nflows + new->pol_nsas != 0)
		return false;
	for (size_t i = 0; i < b->pol_nikes; i++) {
		const struct policy_ike *ik = i < de->de_at ?
		    &a->pol_ikes[i] : i < de->de_at + new->pol_nikes ?
		    &new->pol_ikes[i - de->de_at] :
		    &a->pol_ikes[i - new->pol_nikes + de->de_old];

		if (!policy_ike_equal(ik, &b->pol_ikes[i]))
			return false;
	}
	return true;
}

static void
deltas(struct policy_store *st, char **text)
{
	struct policy a, b, nothing;
	const char *why = "";

	policy_init(&nothing);
	for (unsigned i = 0; i < 40; i++) {
		uint64_t from = rnd(REVISIONS + 1), to = 1 + rnd(REVISIONS);
		struct policy_delta de;

		if (i % 2 == 0)
			to = from + (from != REVISIONS);
		if (to == 0)
			to = 1;
		test_row("from %u to %u", (unsigned)from, (unsigned)to);
		CU_ASSERT_TRUE_FATAL(policy_store_load(st, to,
		    POLICY_LOAD_SECRETS, &b, &why));
		CU_ASSERT_TRUE(same_as(&b, text[to]));
		if (from == 0)
			a = nothing;
		else
			CU_ASSERT_TRUE_FATAL(policy_store_load(st, from,
			    POLICY_LOAD_SECRETS, &a, &why));
		CU_ASSERT_TRUE_FATAL(policy_store_delta(st, from, to,
		    POLICY_LOAD_SECRETS, &de, &why));
		CU_ASSERT_TRUE(splice_is(&a, &de, &b));
		CU_ASSERT_TRUE(from != to || de.de_old + de.de_new.pol_nikes == 0);
		policy_free(&de.de_new);
		if (from != 0)
			policy_free(&a);
		policy_free(&b);
	}
	{
		struct policy_delta de;

		CU_ASSERT_FALSE(policy_store_delta(st, 1, REVISIONS + 9, 0, &de,
		    &why));
		CU_ASSERT_FALSE(policy_store_delta(st, REVISIONS + 9, 1, 0, &de,
		    &why));
	}
}

/* ---- what one has and another has not ---- */

static int
cmp_flow(const void *a, const void *b)
{
	const struct policy_flow *x = a, *y = b;
	int c = memcmp(&x->fl_sel, &y->fl_sel, sizeof(x->fl_sel));

	if (c == 0)
		c = (int)x->fl_dir - (int)y->fl_dir;
	return c != 0 ? c : memcmp(&x->fl_peer, &y->fl_peer,
	    sizeof(x->fl_peer));
}

/* The flows of a without what only a has and with what only b has: b's. */
static void
held_pair(struct policy_store *st, uint64_t from, uint64_t to)
{
	const char *why = "";
	struct policy_held *a = policy_store_hold(st, from, NULL, &why);
	struct policy_held *b = policy_store_hold(st, to, a, &why);
	struct policy_flow *all[2], *only[2], *left;
	size_t nall[2], nonly[2], n = 0;

	CU_ASSERT_TRUE_FATAL(a != NULL && b != NULL);
	CU_ASSERT_TRUE_FATAL(policy_held_flows(a, NULL, &all[0], &nall[0]) &&
	    policy_held_flows(b, NULL, &all[1], &nall[1]) &&
	    policy_held_flows(a, b, &only[0], &nonly[0]) &&
	    policy_held_flows(b, a, &only[1], &nonly[1]));
	for (unsigned i = 0; i < 2; i++) {
		qsort(all[i], nall[i], sizeof(**all), cmp_flow);
		qsort(only[i], nonly[i], sizeof(**only), cmp_flow);
	}
	left = calloc(nall[0] + nonly[1] + 1, sizeof(*left));
	for (size_t i = 0; i < nall[0]; i++) {
		if (bsearch(&all[0][i], only[0], nonly[0], sizeof(**only),
		    cmp_flow) == NULL)
			left[n++] = all[0][i];
	}
	if (nonly[1] != 0)
		memcpy(left + n, only[1], nonly[1] * sizeof(*left));
	n += nonly[1];
	qsort(left, n, sizeof(*left), cmp_flow);
	CU_ASSERT_EQUAL_FATAL(n, nall[1]);
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_TRUE(policy_flow_equal(&left[i], &all[1][i]));
	for (unsigned i = 0; i < 2; i++) {
		free(all[i]);
		free(only[i]);
	}
	free(left);
	policy_held_release(a);
	policy_held_release(b);
}

static void
history(void)
{
	const char *tmp = getenv("TMPDIR"), *why = "";
	char dir[256], *text[REVISIONS + 1] = { NULL };
	struct policy_store *st;
	int most = 0, all;

	(void)snprintf(dir, sizeof(dir), "%s/delta.%d", tmp != NULL ? tmp :
	    "/tmp", getpid());
	(void)mkdir(dir, 0700);
	(void)snprintf(path, sizeof(path), "%s/policy.db", dir);
	CU_ASSERT_PTR_NOT_NULL_FATAL(st = policy_store_open_rw(path, &why));
	for (unsigned rev = 1; rev <= REVISIONS; rev++) {
		int before = count("SELECT count(*) FROM chunk"), more;

		for (unsigned i = rev < 4 ? 5 : 1 + rnd(2); i != 0; i--)
			change();
		/* now and then nothing is held: digests alone find chunks */
		text[rev] = commit(st, rev % 10 != 0);
		more = count("SELECT count(*) FROM chunk") - before;
		if (rev >= 4 && more > most)
			most = more;
	}
	all = count("SELECT count(*) FROM revision_chunk");
	printf("%d chunks for %d places in %d revisions, at most %d new\n",
	    count("SELECT count(*) FROM chunk"), all, REVISIONS, most);
	CU_ASSERT_TRUE(count("SELECT count(*) FROM chunk") < all / 3);
	/* keys that rules name are noted with their chunk, and no others */
	CU_ASSERT_EQUAL(count("SELECT count(*) FROM chunk WHERE (kind = 'flow' "
	    "OR kind = 'set') = (id IN (SELECT chunk FROM chunk_secret))"), 0);
	deltas(st, text);
	test_row("what one has");
	for (unsigned i = 0; i < 20; i++)
		held_pair(st, rnd(REVISIONS + 1), rnd(REVISIONS + 1));
	policy_store_close(st);
	for (unsigned rev = 1; rev <= REVISIONS; rev++)
		free(text[rev]);
}

TEST_MAIN(TEST("a history of random policies", history))
