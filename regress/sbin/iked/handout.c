/* SPDX-License-Identifier: ISC */
/*
 * A revision goes from iked's parent to the ike and auth processes by difference.
 * The parent's half speaks to the ike process's half without a socket; that what
 * is in force there is the revision, is seen by a second ike process that gets
 * every revision whole.
 *
 *	handout [part of a name]
 */
#include "../../../sbin/iked/handout.h"
#include "idle.h"
#include "libutil/log.h"
#include "test.h"

#define POOL	20

/* ---- the processes --------------------------------------------------- */

struct rig {
	struct handout	 rg_handout;
	struct ikeproc	 rg_ip;
	struct ikeio	 rg_io;
	/* What the auth process has, as its messages say. */
	struct iked_secret rg_secret[POOL], rg_next[POOL];
	size_t		 rg_n, rg_nnext;
	bool		 rg_keep;
	/* Messages of a kind since they were cleared. */
	unsigned	 rg_rules, rg_same, rg_blocked, rg_secrets, rg_gone,
			 rg_begins;
	unsigned	 rg_nonsense;
};

static struct iked_secret *
secret_of(struct rig *rg, const char *name)
{
	for (size_t i = 0; i < rg->rg_nnext; i++)
		if (strcmp(rg->rg_next[i].ix_policy, name) == 0)
			return &rg->rg_next[i];
	return NULL;
}

static bool
put_secret(struct rig *rg, const struct iked_secret *x)
{
	struct iked_secret *at = secret_of(rg, x->ix_policy);

	rg->rg_secrets++;
	if (at == NULL && rg->rg_nnext == POOL)
		return false;
	*(at != NULL ? at : &rg->rg_next[rg->rg_nnext++]) = *x;
	return true;
}

static bool
drop_secret(struct rig *rg, const char *name)
{
	struct iked_secret *at = secret_of(rg, name);

	rg->rg_gone++;
	if (at == NULL)
		return false;
	*at = rg->rg_next[--rg->rg_nnext];
	return true;
}

static bool
to_auth(struct rig *rg, uint32_t type, const void *data)
{
	switch (type) {
	case IMSG_SECRET_BEGIN:
		memcpy(rg->rg_next, rg->rg_secret, sizeof(rg->rg_next));
		rg->rg_nnext = *(const uint32_t *)data == 1 ? rg->rg_n : 0;
		return true;
	case IMSG_SECRET:
		return put_secret(rg, data);
	case IMSG_SECRET_GONE:
		return drop_secret(rg, data);
	case IMSG_SECRET_END:
		memcpy(rg->rg_secret, rg->rg_next, sizeof(rg->rg_next));
		rg->rg_n = rg->rg_nnext;
		return true;
	}
	return false;
}

static bool
to_ike(struct rig *rg, uint32_t type, const void *data)
{
	static struct iked_rule rule;

	switch (type) {
	case IMSG_POLICY_BEGIN:
		rg->rg_begins++;
		return ikeproc_policy_begin(&rg->rg_ip, data);
	case IMSG_POLICY_SAME:
		rg->rg_same++;
		return ikeproc_policy_same(&rg->rg_ip, data);
	case IMSG_POLICY_RULE:
		rg->rg_rules++;
		memcpy(&rule, data, sizeof(rule));
		return ikeproc_policy_rule(&rg->rg_ip, &rule);
	case IMSG_POLICY_BLOCKED:
		rg->rg_blocked++;
		return ikeproc_policy_blocked(&rg->rg_ip, data);
	case IMSG_POLICY_END:
		return ikeproc_policy_end(&rg->rg_ip, data);
	}
	return false;
}

static bool
hand_on(void *arg, enum handout_to to, uint32_t type, const void *data,
    size_t len)
{
	struct rig *rg = arg;

	(void)len;
	if (!(to == TO_AUTH ? to_auth : to_ike)(rg, type, data))
		rg->rg_nonsense++;
	return true;
}

static void
rig_init(struct rig *rg)
{
	memset(rg, 0, sizeof(*rg));
	idle_io(&rg->rg_io);
	rg->rg_ip.ip_io = &rg->rg_io;
	handout_init(&rg->rg_handout, hand_on, rg);
}

static void
rig_fini(struct rig *rg)
{
	CU_ASSERT_EQUAL(rg->rg_nonsense, 0);
	ikeproc_fini(&rg->rg_ip);
	handout_free(&rg->rg_handout);
}

static void
count_anew(struct rig *rg)
{
	rg->rg_rules = rg->rg_same = rg->rg_blocked = rg->rg_begins = 0;
	rg->rg_secrets = rg->rg_gone = 0;
}

/* ---- revisions --------------------------------------------------------- */

/* Of one rule of a revision: which name, and what it says. */
struct want {
	unsigned	wa_n, wa_variant, wa_key;
};

struct revision {
	struct want	re_w[POOL];
	size_t		re_n;
	bool		re_passive;	/* `set passive' */
};

static uint64_t rnd;

static unsigned
below(unsigned n)
{
	rnd = rnd * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(rnd >> 33) % n;
}

/* What a variant adds to the rule; the last cannot be carried out. */
static const char *const variants[] = { "", "lifetime 600 ", "ikelifetime 7200 ",
    "srcid \"/C=DE/CN=gw\" " };

static char text[20000];

static void
add_rule(const struct want *wa)
{
	size_t n = strlen(text);

	(void)snprintf(text + n, sizeof(text) - n, "ikev2 \"t%u\" passive esp "
	    "from 10.%u.0.0/24 to 172.16.%u.0/24 local 192.0.2.1 peer "
	    "198.18.0.%u %spsk \"the secret number %u\"\n", wa->wa_n, wa->wa_n,
	    wa->wa_n, wa->wa_n + 1, variants[wa->wa_variant], wa->wa_key);
}

/* Rules [from, to) of a revision. */
static void
parse(const struct revision *re, size_t from, size_t to, struct policy *pol)
{
	struct policy_text tx = { "test", text, 0 };
	struct policy_errors errs = { .per_n = 0 };
	bool ok;

	(void)snprintf(text, sizeof(text), "%s",
	    re->re_passive ? "set passive\n" : "");
	for (size_t i = from; i < to; i++)
		add_rule(&re->re_w[i]);
	tx.tx_len = strlen(text);
	policy_init(pol);
	ok = policy_parse(pol, &tx, NULL, NULL, 0, &errs) &&
	    policy_finish(pol, &errs);
	policy_errors_print(&errs, stdout);
	policy_errors_free(&errs);
	CU_ASSERT_FATAL(ok);
	for (size_t i = from; i < to; i++)	/* as the store keeps it */
		pol->pol_ikes[i - from].ik_reqid = re->re_w[i].wa_n + 1;
}

static bool
same(const struct want *a, const struct want *b)
{
	return a->wa_n == b->wa_n && a->wa_variant == b->wa_variant &&
	    a->wa_key == b->wa_key;
}

/* Whole, or what lies between the rules that are alike at begin and end. */
static bool
give(struct rig *rg, uint64_t number, const struct revision *was,
    const struct revision *re, bool whole)
{
	struct policy pol;
	struct handout_revision hr = { .hr_revision = number,
	    .hr_policy = &pol, .hr_old = rg->rg_handout.ha_n };
	size_t end = 0, least = was->re_n < re->re_n ? was->re_n : re->re_n;
	bool ok;

	if (!whole) {
		while (hr.hr_at < least &&
		    same(&was->re_w[hr.hr_at], &re->re_w[hr.hr_at]))
			hr.hr_at++;
		while (end < least - hr.hr_at && same(&was->re_w[was->re_n -
		    end - 1], &re->re_w[re->re_n - end - 1]))
			end++;
		hr.hr_old = was->re_n - end - hr.hr_at;
	}
	parse(re, hr.hr_at, re->re_n - end, &pol);
	ok = handout(&rg->rg_handout, &hr);
	policy_free(&pol);
	return ok;
}

/* ---- what is in force -------------------------------------------------- */

struct lines {
	struct ike_status	li_st[2 * POOL];
	size_t			li_n;
};

static void
line(void *arg, const struct ike_status *st)
{
	struct lines *li = arg;

	if (li->li_n < 2 * POOL)
		li->li_st[li->li_n++] = *st;
}

static void
compare(struct rig *a, struct rig *b)
{
	static struct lines x, y;

	x.li_n = y.li_n = 0;
	ikeproc_status(&a->rg_ip, line, &x);
	ikeproc_status(&b->rg_ip, line, &y);
	CU_ASSERT_EQUAL_FATAL(x.li_n, y.li_n);
	for (size_t i = 0; i < x.li_n; i++)
		CU_ASSERT(memcmp(&x.li_st[i], &y.li_st[i],
		    sizeof(x.li_st[i])) == 0);
	CU_ASSERT_EQUAL(a->rg_ip.ip_revision, b->rg_ip.ip_revision);
}

static void
compare_secrets(struct rig *rg, const struct revision *re)
{
	char key[40];

	CU_ASSERT_EQUAL(rg->rg_n, re->re_n);
	memcpy(rg->rg_next, rg->rg_secret, sizeof(rg->rg_next));
	rg->rg_nnext = rg->rg_n;
	for (size_t i = 0; i < re->re_n; i++) {
		char name[16];
		const struct iked_secret *x;

		(void)snprintf(name, sizeof(name), "t%u", re->re_w[i].wa_n);
		(void)snprintf(key, sizeof(key), "the secret number %u",
		    re->re_w[i].wa_key);
		x = secret_of(rg, name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(x);
		CU_ASSERT(x->ix_len == strlen(key) &&
		    memcmp(x->ix_key, key, x->ix_len) == 0);
	}
}

/* ---- tests ------------------------------------------------------------- */

static struct rig a, b;

static void
begin(struct revision *re)
{
	*re = (struct revision){ .re_n = 10 };
	for (unsigned i = 0; i < 10; i++)
		re->re_w[i] = (struct want){ i, 0, i };
	rig_init(&a);
	CU_ASSERT_TRUE(give(&a, 1, re, re, true));
	CU_ASSERT_EQUAL(a.rg_ip.ip_revision, 1);
}

/* What one change sends: two runs and the rule; the secret only if it is new. */
static void
few_messages(void)
{
	struct revision was, re;

	begin(&was);
	test_row("a first policy goes whole");
	CU_ASSERT_EQUAL(a.rg_rules, 10);
	CU_ASSERT_EQUAL(a.rg_same, 0);
	CU_ASSERT_EQUAL(a.rg_secrets, 10);

	test_row("one rule changes");
	count_anew(&a);
	re = was;
	re.re_w[4].wa_variant = 1;
	CU_ASSERT_TRUE(give(&a, 2, &was, &re, false));
	CU_ASSERT_EQUAL(a.rg_ip.ip_revision, 2);
	CU_ASSERT_EQUAL(a.rg_rules, 1);
	CU_ASSERT_EQUAL(a.rg_same, 2);
	CU_ASSERT_EQUAL(a.rg_secrets + a.rg_gone, 0);

	test_row("its secret changes");
	count_anew(&a);
	was = re;
	re.re_w[4].wa_key = 99;
	CU_ASSERT_TRUE(give(&a, 3, &was, &re, false));
	CU_ASSERT_EQUAL(a.rg_rules, 0);
	CU_ASSERT_EQUAL(a.rg_same, 1);
	CU_ASSERT_EQUAL(a.rg_secrets, 1);
	compare_secrets(&a, &re);

	test_row("read whole, and nothing has changed");
	count_anew(&a);
	CU_ASSERT_TRUE(give(&a, 4, &re, &re, true));
	CU_ASSERT_EQUAL(a.rg_rules + a.rg_secrets + a.rg_gone, 0);
	CU_ASSERT_EQUAL(a.rg_same, 1);
	CU_ASSERT_EQUAL(a.rg_ip.ip_revision, 4);

	test_row("a rule that cannot be carried out is said once");
	count_anew(&a);
	was = re;
	re.re_w[7].wa_variant = 3;
	CU_ASSERT_TRUE(give(&a, 5, &was, &re, false));
	CU_ASSERT_EQUAL(a.rg_blocked, 1);
	CU_ASSERT_EQUAL(a.rg_ip.ip_blocked.bl_n, 1);
	was = re;
	re.re_w[1].wa_variant = 2;
	CU_ASSERT_TRUE(give(&a, 6, &was, &re, false));
	CU_ASSERT_EQUAL(a.rg_blocked, 1);
	CU_ASSERT_EQUAL(a.rg_ip.ip_blocked.bl_n, 1);
	CU_ASSERT_FALSE(a.rg_ip.ip_want);
	rig_fini(&a);
}

/* The ike process has not what the parent thinks: it asks, and nothing changes. */
static void
in_doubt(void)
{
	struct revision was, re;
	struct handout_revision hr = { .hr_revision = 9, .hr_old = 11 };
	struct policy pol;

	begin(&was);
	test_row("a difference to what is not in force");
	a.rg_ip.ip_number = 77;
	re = was;
	re.re_w[4].wa_variant = 1;
	CU_ASSERT_TRUE(give(&a, 2, &was, &re, false));
	CU_ASSERT_TRUE(a.rg_ip.ip_want);
	CU_ASSERT_EQUAL(a.rg_ip.ip_revision, 1);
	CU_ASSERT_EQUAL(ike_policy_count(a.rg_ip.ip_ike), 10);
	CU_ASSERT_EQUAL(a.rg_ip.ip_failed, 0);

	test_row("all of it follows");
	a.rg_ip.ip_want = false;
	handout_forget(&a.rg_handout);
	CU_ASSERT_TRUE(give(&a, 2, &was, &re, true));
	CU_ASSERT_FALSE(a.rg_ip.ip_want);
	CU_ASSERT_EQUAL(a.rg_ip.ip_revision, 2);
	compare_secrets(&a, &re);

	test_row("another number of rules than the parent says");
	a.rg_ip.ip_blocked.bl_n = 0;
	was = re;
	re.re_w[3].wa_variant = 3;
	CU_ASSERT_TRUE(give(&a, 3, &was, &re, false));
	CU_ASSERT_EQUAL(a.rg_ip.ip_revision, 3);
	blocked_clear(&a.rg_ip.ip_blocked);
	was = re;
	re.re_w[4].wa_variant = 2;
	CU_ASSERT_TRUE(give(&a, 4, &was, &re, false));
	CU_ASSERT_TRUE(a.rg_ip.ip_want);
	CU_ASSERT_EQUAL(a.rg_ip.ip_revision, 3);

	test_row("a place that is none is refused before anything is sent");
	count_anew(&a);
	parse(&re, 0, re.re_n, &pol);
	hr.hr_policy = &pol;
	CU_ASSERT_FALSE(handout(&a.rg_handout, &hr));
	CU_ASSERT_EQUAL(a.rg_begins, 0);
	CU_ASSERT_EQUAL(a.rg_handout.ha_number, 0);
	policy_free(&pol);
	rig_fini(&a);
}

static bool
listed(const struct revision *re, unsigned n)
{
	for (size_t i = 0; i < re->re_n; i++)
		if (re->re_w[i].wa_n == n)
			return true;
	return false;
}

static void
swap(struct want *x, struct want *y)
{
	struct want t = *x;

	*x = *y;
	*y = t;
}

static void
mutate(struct revision *re)
{
	unsigned n = below(POOL);
	size_t at = re->re_n == 0 ? 0 : below((unsigned)re->re_n);

	if (re->re_n < POOL && !listed(re, n)) {
		re->re_w[re->re_n] = (struct want){ n, below(4), below(3) };
		swap(&re->re_w[re->re_n], &re->re_w[at]);
		re->re_n++;
	} else if (re->re_n != 0 && below(3) == 0) {
		re->re_w[at].wa_variant = below(4);
	} else if (re->re_n != 0 && below(3) == 0) {
		re->re_w[at].wa_key = below(3);
	} else if (re->re_n != 0 && below(2) == 0) {
		memmove(&re->re_w[at], &re->re_w[at + 1],
		    (re->re_n - at - 1) * sizeof(struct want));
		re->re_n--;
	} else if (re->re_n != 0) {
		swap(&re->re_w[at], &re->re_w[below((unsigned)re->re_n)]);
	}
}

static void
history(uint64_t seed)
{
	struct revision was = { .re_n = 0 }, re = { .re_n = 0 };

	rnd = seed;
	rig_init(&a);
	rig_init(&b);
	for (uint64_t number = 1; number <= 30; number++) {
		bool whole = number == 1 || below(8) == 0;

		for (unsigned k = below(4); k != 0; k--)
			mutate(&re);
		if (below(10) == 0) {
			re.re_passive = !re.re_passive;
			whole = true;
		}
		CU_ASSERT_TRUE(give(&a, number, &was, &re, whole));
		handout_forget(&b.rg_handout);
		CU_ASSERT_TRUE(give(&b, number, &was, &re, true));
		CU_ASSERT_FALSE(a.rg_ip.ip_want);
		CU_ASSERT_EQUAL(a.rg_ip.ip_failed, 0);
		compare(&a, &b);
		compare_secrets(&a, &re);
		compare_secrets(&b, &re);
		was = re;
	}
	rig_fini(&a);
	rig_fini(&b);
}

static void
difference_is_whole(void)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		test_row("seed %llu", (unsigned long long)seed);
		history(seed);
	}
}

TEST_MAIN(
	TEST("what changes is sent, and nothing else", few_messages),
	TEST("in doubt all of it is asked for", in_doubt),
	TEST("a difference makes what the whole makes", difference_is_whole))
