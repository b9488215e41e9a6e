/* SPDX-License-Identifier: ISC */
/*
 * Policies are replaced by difference: what does not change is not touched, what
 * an edit makes is what a whole new set would have made, and one that cannot be
 * changes nothing.
 *
 *	edit [part of a name]
 */
#include <time.h>

#include "libike/ike_var.h"
#include "pair.h"
#include "test.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UP		100
#define ROUNDS		30
#endif
#endif
#ifndef UP
#define UP		400	/* tunnels of MANY that are up */
#define ROUNDS		100
#endif
#define MANY		1000

static struct pair pair;

/* ------------------------------------------------------------- status */

struct lines {
	struct ike_status	*li_st;
	size_t			 li_n, li_room;
};

static void
line(void *arg, const struct ike_status *st)
{
	struct lines *li = arg;

	if (li->li_n == li->li_room) {
		li->li_room = li->li_room == 0 ? 64 : 2 * li->li_room;
		li->li_st = reallocarray(li->li_st, li->li_room, sizeof(*st));
		if (li->li_st == NULL)
			abort();
	}
	li->li_st[li->li_n++] = *st;
}

static struct lines
lines(const struct pair *pa, int i)
{
	struct lines li = { .li_n = 0 };

	ike_status(pa->pa_end[i].pe_ike, pa->pa_now, line, &li);
	return li;
}

static bool
line_equal(const struct ike_status *a, const struct ike_status *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static size_t
lines_differ(const struct lines *a, const struct lines *b)
{
	size_t n = 0;

	if (a->li_n != b->li_n)
		return SIZE_MAX;
	for (size_t i = 0; i < a->li_n; i++)
		n += !line_equal(&a->li_st[i], &b->li_st[i]);
	return n;
}

/* ----------------------------------------------- one of very many changes */

/* MANY policies at both ends; of the first UP tunnels, both ends are willing. */
static void
begin_many(void)
{
	static struct pair_policy pp;
	struct ike_edit *ed;

	pair_init(&pair, 1);
	for (int i = 1; i >= 0; i--) {
		ed = ike_edit_begin(pair.pa_end[i].pe_ike);
		for (unsigned n = 1; n <= MANY; n++) {
			pair_policy(&pp, i, n);
			if (n > UP)
				pp.pp_child.ch_start = IKE_START_PASSIVE;
			CU_ASSERT_TRUE(ike_edit_put(ed, &pp.pp_policy));
		}
		CU_ASSERT_TRUE(ike_edit_commit(ed, pair.pa_now));
	}
	pair_run(&pair, 1000);
}

static size_t
count_up(const struct lines *li)
{
	size_t n = 0;

	for (size_t i = 0; i < li->li_n; i++)
		n += li->li_st[i].st_state == IKE_ST_UP;
	return n;
}

/* The rest stays, and this one is put at its place. */
static bool
change_one(struct pair *pa, const struct pair_policy *pp, size_t place)
{
	struct ike_edit *ed = ike_edit_begin(pa->pa_end[0].pe_ike);

	return ike_edit_keep(ed, 0, place) &&
	    ike_edit_put(ed, &pp->pp_policy) &&
	    ike_edit_keep(ed, place + 1, MANY - place - 1) &&
	    ike_edit_commit(ed, pa->pa_now);
}

static void
watch(unsigned peer)
{
	for (int i = 0; i < 2; i++) {
		struct pair_end *pe = &pair.pa_end[i];

		pe->pe_sent = pe->pe_added = pe->pe_deleted = 0;
		pe->pe_events = pe->pe_others = 0;
		pe->pe_peer = peer;
	}
}

static double
ms(const struct timespec *from)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from->tv_sec) * 1e3 +
	    (double)(now.tv_nsec - from->tv_nsec) / 1e6;
}

static void
one_of_many(void)
{
	static struct pair_policy pp;
	struct lines before[2], after[2];
	struct ike_stats was, is;
	struct timespec start;
	const unsigned place = UP / 2, peer = place + 1;

	begin_many();
	for (int i = 0; i < 2; i++)
		before[i] = lines(&pair, i);
	test_row("%u of %u are up", UP, MANY);
	CU_ASSERT_EQUAL(count_up(&before[0]), UP);
	CU_ASSERT_EQUAL(count_up(&before[1]), UP);
	ike_stats(pair.pa_end[0].pe_ike, &was);

	test_row("one changes: one is replaced, nothing is sent for others");
	watch(peer);
	pair_policy(&pp, 0, peer);
	pp.pp_child.ch_lifetime_s = 4000;
	pp.pp_policy.po_lifetime_s = 5000;
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	CU_ASSERT_TRUE(change_one(&pair, &pp, place));
	printf("one of %u changed in %.3f ms\n", MANY, ms(&start));
	pair_run(&pair, 10000);
	CU_ASSERT_EQUAL(pair.pa_end[0].pe_others, 0);
	CU_ASSERT_EQUAL(pair.pa_end[1].pe_others, 0);
	CU_ASSERT_EQUAL(pair.pa_end[0].pe_added, 2);
	CU_ASSERT_EQUAL(pair.pa_end[0].pe_deleted, 2);
	CU_ASSERT_EQUAL(pair.pa_end[1].pe_added, 2);
	CU_ASSERT_EQUAL(pair.pa_end[1].pe_deleted, 2);
	ike_stats(pair.pa_end[0].pe_ike, &is);
	CU_ASSERT_EQUAL(is.is_child_made, was.is_child_made + 1);
	CU_ASSERT_EQUAL(is.is_ike_made, was.is_ike_made + 1);
	/* Delete, IKE_SA_INIT, IKE_AUTH and three answers. */
	CU_ASSERT_EQUAL(is.is_out - was.is_out, 3);
	CU_ASSERT_EQUAL(is.is_in - was.is_in, 3);

	test_row("SPIs, times and counters of all others are as before");
	for (int i = 0; i < 2; i++) {
		after[i] = lines(&pair, i);
		CU_ASSERT_EQUAL(lines_differ(&before[i], &after[i]), 1);
		CU_ASSERT_FALSE(line_equal(&before[i].li_st[place],
		    &after[i].li_st[place]));
		CU_ASSERT_EQUAL(after[i].li_st[place].st_state, IKE_ST_UP);
		CU_ASSERT_NOT_EQUAL(after[i].li_st[place].st_spi_in,
		    before[i].li_st[place].st_spi_in);
	}

	test_row("a child alone changes: the IKE SA stays");
	watch(peer);
	pp.pp_child.ch_lifetime_s = 4400;
	CU_ASSERT_TRUE(change_one(&pair, &pp, place));
	pair_run(&pair, 10000);
	free(before[0].li_st);
	before[0] = after[0];
	after[0] = lines(&pair, 0);
	CU_ASSERT_EQUAL(lines_differ(&before[0], &after[0]), 1);
	CU_ASSERT_NOT_EQUAL(after[0].li_st[place].st_spi_in,
	    before[0].li_st[place].st_spi_in);
	CU_ASSERT_EQUAL(after[0].li_st[place].st_ike_spi_i,
	    before[0].li_st[place].st_ike_spi_i);
	CU_ASSERT_EQUAL(pair.pa_end[0].pe_others, 0);

	test_row("nothing changes: nothing is done");
	watch(0);
	CU_ASSERT_TRUE(change_one(&pair, &pp, place));
	pair_run(&pair, 1000);
	CU_ASSERT_EQUAL(pair.pa_end[0].pe_sent + pair.pa_end[0].pe_added +
	    pair.pa_end[0].pe_deleted + pair.pa_end[0].pe_events, 0);
	for (int i = 0; i < 2; i++) {
		free(before[i].li_st);
		free(after[i].li_st);
	}
	pair_free(&pair);
}

/* ------------------------------------------------------- what cannot be */

struct say {
	char	sy_text[400];
};

static void
say_line(void *arg, const struct ike_status *st)
{
	struct say *sy = arg;
	size_t n = strlen(sy->sy_text);

	(void)snprintf(sy->sy_text + n, sizeof(sy->sy_text) - n, "%s%s",
	    n == 0 ? "" : " ", st->st_policy);
}

/* The names of the policies in force, in their order. */
static const char *
names(void)
{
	static struct say sy;

	sy.sy_text[0] = '\0';
	ike_status(pair.pa_end[0].pe_ike, pair.pa_now, say_line, &sy);
	return sy.sy_text;
}

/* A script: '-' and digits keep one place, '+' and digits put tN. */
static bool
script(const char *text)
{
	struct ike_edit *ed = ike_edit_begin(pair.pa_end[0].pe_ike);
	static struct pair_policy pp;

	while (*text != '\0') {
		char what = *text++;
		unsigned n = (unsigned)strtoul(text, NULL, 10);

		text += strspn(text, "0123456789 ");
		if (what == '-') {
			(void)ike_edit_keep(ed, n, 1);
			continue;
		}
		pair_policy(&pp, 0, n);
		pp.pp_child.ch_start = IKE_START_PASSIVE;
		if (what == 'r')	/* with the reqid of t1 */
			pp.pp_child.ch_reqid = 2;
		if (what == 'n')	/* with one that nobody has */
			pp.pp_child.ch_reqid = 99;
		if (what == 'b')
			pp.pp_policy.po_auth = IKE_AUTH_KIND_EAP;
		(void)ike_edit_put(ed, &pp.pp_policy);
	}
	return ike_edit_commit(ed, pair.pa_now);
}

static const struct {
	const char	*name, *script;
	bool		 ok;
	const char	*names;
} scripts[] = {
	{ "a first set", "+1 +2 +3 +4", true, "t1 t2 t3 t4" },
	{ "all kept", "-0 -1 -2 -3", true, "t1 t2 t3 t4" },
	{ "one goes", "-0 -2 -3", true, "t1 t3 t4" },
	{ "one comes at its place", "-0 +2 -1 -2", true, "t1 t2 t3 t4" },
	{ "another order", "-3 -1 -0 -2", true, "t4 t2 t1 t3" },
	{ "kept twice", "-0 -1 -1", false, "t4 t2 t1 t3" },
	{ "a place behind the last", "-0 -4", false, "t4 t2 t1 t3" },
	{ "a name kept and put", "-0 -1 -2 -3 n2", false, "t4 t2 t1 t3" },
	{ "a name put twice", "-0 +9 +9", false, "t4 t2 t1 t3" },
	{ "a reqid kept and put", "-0 -2 r9", false, "t4 t2 t1 t3" },
	{ "a reqid put twice", "+1 r9", false, "t4 t2 t1 t3" },
	{ "a policy that cannot be", "-0 b5 -1", false, "t4 t2 t1 t3" },
	{ "the reqid of one that goes", "-0 -1 -3 r9", true, "t4 t2 t3 t9" },
	{ "names change their places", "+3 +2 +4 -3", true, "t3 t2 t4 t9" },
	{ "all go", "", true, "" },
};

static void
all_or_nothing(void)
{
	struct ike_edit *one, *two;
	struct ike_objects oc;

	pair_init(&pair, 1);
	for (size_t i = 0; i < TEST_COUNT(scripts); i++) {
		test_row("%s", scripts[i].name);
		CU_ASSERT_EQUAL(script(scripts[i].script), scripts[i].ok);
		TEST_STRING(names(), scripts[i].names);
		ike_objects(pair.pa_end[0].pe_ike, &oc);
		CU_ASSERT_EQUAL(oc.oc_policies, pair.pa_end[0].pe_ike->i_names.tb_n);
	}
	test_row("pieces that policies shared are gone with the last");
	CU_ASSERT_EQUAL(pair.pa_end[0].pe_ike->i_blobs.tb_n, 0);
	CU_ASSERT_EQUAL(pair.pa_end[0].pe_ike->i_reqids.tb_n, 0);
	test_row("an edit of what is in force no longer");
	CU_ASSERT_TRUE(script("+1 +2"));
	one = ike_edit_begin(pair.pa_end[0].pe_ike);
	two = ike_edit_begin(pair.pa_end[0].pe_ike);
	CU_ASSERT_TRUE(ike_edit_keep(one, 0, 1));
	CU_ASSERT_TRUE(ike_edit_keep(two, 1, 1));
	CU_ASSERT_TRUE(ike_edit_commit(one, pair.pa_now));
	CU_ASSERT_FALSE(ike_edit_commit(two, pair.pa_now));
	TEST_STRING(names(), "t1");
	test_row("an edit that is given up");
	one = ike_edit_begin(pair.pa_end[0].pe_ike);
	CU_ASSERT_TRUE(ike_edit_keep(one, 0, 1));
	ike_edit_abort(one);
	TEST_STRING(names(), "t1");
	test_row("no memory for an edit");
	CU_ASSERT_FALSE(ike_edit_keep(NULL, 0, 1));
	CU_ASSERT_FALSE(ike_edit_commit(NULL, pair.pa_now));
	ike_edit_abort(NULL);
	pair_free(&pair);
}

/* ---------------------------------------------------- incremental = whole */

#define POOL	24		/* names that there are */

/* One policy of a random set: which name, and which of its variants. */
struct want {
	unsigned	wa_n, wa_variant;
};

struct want_list {
	struct want	wl_w[POOL];
	size_t		wl_n;
};

static uint64_t rnd;

static unsigned
below(unsigned n)
{
	rnd = rnd * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(rnd >> 33) % n;
}

/* Variants: as it is, another child, another IKE lifetime, a peer that is any. */
static void
make(struct pair_policy *pp, const struct want *wa)
{
	struct prefix any = { .pr_len = 0 };

	pair_policy(pp, 0, wa->wa_n + 1);
	switch (wa->wa_variant) {
	case 1:
		pp->pp_child.ch_lifetime_s = 7200;
		break;
	case 2:
		pp->pp_policy.po_lifetime_s = 7200;
		break;
	case 3:
		pp->pp_policy.po_peer = any;
		pp->pp_child.ch_start = IKE_START_PASSIVE;
		break;
	case 4:
		pp->pp_child.ch_start = IKE_START_DEMAND;
		break;
	case 5:
		pp->pp_child.ch_reqid = 1 + below(POOL);	/* may be another's */
		break;
	}
}

static void
swap(struct want *a, struct want *b)
{
	struct want t = *a;

	*a = *b;
	*b = t;
}

static bool
listed(const struct want_list *wl, unsigned n)
{
	for (size_t i = 0; i < wl->wl_n; i++)
		if (wl->wl_w[i].wa_n == n)
			return true;
	return false;
}

/* From one set to the next: some change, move, go, come. */
static void
mutate(struct want_list *wl)
{
	for (unsigned k = 1 + below(4); k != 0; k--) {
		unsigned n = below(POOL);
		size_t at = wl->wl_n == 0 ? 0 : below((unsigned)wl->wl_n);

		if (wl->wl_n < POOL && !listed(wl, n)) {
			wl->wl_w[wl->wl_n] = (struct want){ n, below(5) };
			if (wl->wl_n != 0)
				swap(&wl->wl_w[wl->wl_n], &wl->wl_w[at]);
			wl->wl_n++;
		} else if (wl->wl_n != 0 && below(2) == 0) {
			wl->wl_w[at].wa_variant = below(6);
		} else if (wl->wl_n != 0 && below(2) == 0) {
			memmove(&wl->wl_w[at], &wl->wl_w[at + 1],
			    (wl->wl_n - at - 1) * sizeof(struct want));
			wl->wl_n--;
		} else if (wl->wl_n != 0) {
			swap(&wl->wl_w[at], &wl->wl_w[below((unsigned)wl->wl_n)]);
		}
	}
}

static size_t
place_of(const struct want_list *wl, const struct want *wa)
{
	for (size_t i = 0; i < wl->wl_n; i++)
		if (wl->wl_w[i].wa_n == wa->wa_n &&
		    wl->wl_w[i].wa_variant == wa->wa_variant)
			return i;
	return SIZE_MAX;
}

/* As from scratch: pp are the policies of wl. */
static bool
set_whole(struct pair *pa, const struct pair_policy *pp, size_t n)
{
	struct ike_policy po[POOL];

	for (size_t i = 0; i < n; i++)
		po[i] = pp[i].pp_policy;
	return ike_policy_set(pa->pa_end[0].pe_ike, pa->pa_now, po, n);
}

/* Kept is what did not change, in runs, but for some that are put all the same. */
static bool
set_edit(struct pair *pa, const struct pair_policy *pp,
    const struct want_list *was, const struct want_list *wl)
{
	struct ike_edit *ed = ike_edit_begin(pa->pa_end[0].pe_ike);

	for (size_t i = 0; i < wl->wl_n; i++) {
		size_t from = place_of(was, &wl->wl_w[i]), n = 1;

		/* What variant 5 is, chance says: it may have changed. */
		if (from == SIZE_MAX || wl->wl_w[i].wa_variant == 5 ||
		    below(8) == 0) {
			(void)ike_edit_put(ed, &pp[i].pp_policy);
			continue;
		}
		while (i + n < wl->wl_n && wl->wl_w[i + n].wa_variant != 5 &&
		    place_of(was, &wl->wl_w[i + n]) == from + n)
			n++;
		(void)ike_edit_keep(ed, from, n);
		i += n - 1;
	}
	return ike_edit_commit(ed, pa->pa_now);
}

/* Who is found for a peer, by name and by reqid, is the same in both. */
static void
compare_found(struct pair *a, struct pair *b)
{
	struct ike *x = a->pa_end[0].pe_ike, *y = b->pa_end[0].pe_ike;
	struct pol *p = NULL, *q = NULL;
	struct addr us, peer;

	(void)addr_parse("192.0.2.1", &us);
	pair_peer(1 + below(POOL), &peer);
	do {
		p = pol_for_peer(x, &us, &peer, p);
		q = pol_for_peer(y, &us, &peer, q);
		CU_ASSERT_EQUAL_FATAL(p != NULL, q != NULL);
		if (p != NULL)
			TEST_STRING(p->pl_conf.po_name, q->pl_conf.po_name);
	} while (p != NULL);
	for (uint32_t r = 1; r <= POOL + 1; r++) {
		p = pol_by_reqid(x, r);
		q = pol_by_reqid(y, r);
		CU_ASSERT_EQUAL_FATAL(p != NULL, q != NULL);
		if (p != NULL)
			TEST_STRING(p->pl_conf.po_name, q->pl_conf.po_name);
	}
	for (size_t i = 0; i < x->i_order.or_n; i++) {
		p = x->i_order.or_pol[i];
		CU_ASSERT_EQUAL(p->pl_place, i);
		CU_ASSERT_PTR_EQUAL(pol_by_name(x, p->pl_conf.po_name), p);
	}
	CU_ASSERT_EQUAL(x->i_names.tb_n, x->i_order.or_n);
}

static void
compare(struct pair *a, struct pair *b)
{
	for (int i = 0; i < 2; i++) {
		struct lines x = lines(a, i), y = lines(b, i);

		CU_ASSERT_EQUAL(lines_differ(&x, &y), 0);
		CU_ASSERT_EQUAL(a->pa_end[i].pe_trace, b->pa_end[i].pe_trace);
		free(x.li_st);
		free(y.li_st);
	}
	compare_found(a, b);
}

/* The peers: each of the pool is there, and answers. */
static void
peers(struct pair *pa)
{
	static struct pair_policy pp[POOL];
	struct ike_policy po[POOL];

	for (unsigned n = 0; n < POOL; n++) {
		pair_policy(&pp[n], 1, n + 1);
		po[n] = pp[n].pp_policy;
	}
	CU_ASSERT_TRUE(ike_policy_set(pa->pa_end[1].pe_ike, pa->pa_now, po,
	    POOL));
}

static unsigned refused, taken;

static void
history(uint64_t seed)
{
	static struct pair a, b;
	static struct pair_policy pp[POOL];
	struct want_list was = { .wl_n = 0 }, wl;

	rnd = seed;
	pair_init(&a, seed);
	pair_init(&b, seed);
	peers(&a);
	peers(&b);
	for (unsigned step = 0; step < 12; step++) {
		bool x, y;
		uint64_t wait = below(3) == 0 ? below(40000) : below(300);

		wl = was;
		mutate(&wl);
		for (size_t i = 0; i < wl.wl_n; i++)
			make(&pp[i], &wl.wl_w[i]);
		a.pa_cut = b.pa_cut = below(6) == 0;
		x = set_whole(&a, pp, wl.wl_n);
		y = set_edit(&b, pp, &was, &wl);
		CU_ASSERT_EQUAL(x, y);
		*(x ? &taken : &refused) += 1;
		if (x)
			was = wl;
		pair_run(&a, wait);
		pair_run(&b, wait);
		compare(&a, &b);
	}
	test_row("seed %llu: all go", (unsigned long long)seed);
	CU_ASSERT_TRUE(set_whole(&a, pp, 0));
	CU_ASSERT_EQUAL(a.pa_end[0].pe_ike->i_blobs.tb_n, 0);
	pair_free(&a);
	pair_free(&b);
}

static void
incremental_is_whole(void)
{
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		test_row("seed %llu", (unsigned long long)seed);
		history(seed);
	}
	test_row("sets of both kinds: %u taken, %u refused", taken, refused);
	CU_ASSERT_TRUE(taken > 4 * ROUNDS);
	CU_ASSERT_TRUE(refused > ROUNDS / 4);
}

/* ------------------------------------------------------- at 10,000 rules */

static void
figures(void)
{
	static struct pair_policy pp;
	struct ike *ike;
	struct ike_edit *ed;
	struct timespec start;
	const size_t n = 10000;
	double built, changed;

	pair_init(&pair, 1);
	ike = pair.pa_end[0].pe_ike;
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	ed = ike_edit_begin(ike);
	for (unsigned i = 1; i <= n; i++) {
		pair_policy(&pp, 0, i);
		pp.pp_child.ch_start = IKE_START_PASSIVE;
		(void)ike_edit_put(ed, &pp.pp_policy);
	}
	CU_ASSERT_TRUE(ike_edit_commit(ed, pair.pa_now));
	built = ms(&start);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	pair_policy(&pp, 0, 777);
	ed = ike_edit_begin(ike);
	(void)ike_edit_keep(ed, 0, 776);
	(void)ike_edit_put(ed, &pp.pp_policy);
	(void)ike_edit_keep(ed, 777, n - 777);
	CU_ASSERT_TRUE(ike_edit_commit(ed, pair.pa_now));
	changed = ms(&start);
	printf("%zu policies: built in %.1f ms, one changed in %.3f ms\n", n,
	    built, changed);
	CU_ASSERT_TRUE(changed < built);
	/* Two selectors each; the rest is what all have. */
	CU_ASSERT_TRUE(ike->i_blobs.tb_n <= 2 * n + 3);
	pair_free(&pair);
}

TEST_MAIN(
	TEST("one of very many changes", one_of_many),
	TEST("all or nothing", all_or_nothing),
	TEST("what an edit makes is what a whole set makes", incremental_is_whole),
	TEST("figures", figures))
