/* SPDX-License-Identifier: ISC */
/*
 * Whole instances: made and unmade, several side by side, interfaces and
 * their addresses, turns, jobs, handover, and control requests to them.
 */
#include "test.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "dev/dev.h"
#include "kern/counters.h"
#include "kern/ctl_conn.h"
#include "kern/nk.h"
#include "kern/pool.h"
#include "net/fib.h"
#include "net/if_ctl.h"

static struct clock_now now = { NSEC_PER_SEC, 1700000000 };

static void
fake_random(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;

	(void)arg;
	while (n-- != 0)
		*p++ = (uint8_t)rand();
}

static struct nk *
make(unsigned workers)
{
	struct nk_conf nc = { .nc_workers = workers, .nc_small = 512, .nc_large = 8,
	    .nc_flows = 1000, .nc_rand = fake_random };
	struct nk *nk = nk_new(&nc, now);

	CU_ASSERT_PTR_NOT_NULL_FATAL(nk);
	return nk;
}

static void
life(void)
{
	struct nk_conf bad = { .nc_workers = 0, .nc_rand = fake_random };
	struct nk *a, *b;

	test_row("two instances with one and three workers");
	a = make(1);
	b = make(3);
	CU_ASSERT_PTR_NOT_NULL(if_find(a, "lo0"));
	CU_ASSERT_PTR_NOT_NULL(if_find(b, "enc0"));
	for (unsigned i = 0; i < 3; i++)
		worker_turn(b->nk_worker[i], now);
	nk_free(a);
	nk_free(b);
	nk_free(NULL);

	test_row("no worker");
	CU_ASSERT_PTR_NULL(nk_new(&bad, now));
	CU_ASSERT_EQUAL(errno, EINVAL);
	test_row("too many workers");
	bad.nc_workers = NK_WORKERS_MAX + 1;
	CU_ASSERT_PTR_NULL(nk_new(&bad, now));
	test_row("an engine that does not exist");
	bad.nc_workers = 2;
	bad.nc_engine = "abacus";
	CU_ASSERT_PTR_NULL(nk_new(&bad, now));
}

/* ---- interfaces ---- */

static struct addr
addr(const char *text)
{
	struct addr a = { 0 };

	CU_ASSERT_TRUE_FATAL(addr_parse(text, &a));
	return a;
}

static void
names(void)
{
	static const struct { const char *name; bool ok; } cases[] = {
		{ "em0", true }, { "wan12", true }, { "em0", false }, { "em", false },
		{ "0em", false }, { "", false }, { "em 1", false }, { "em1x", false },
		{ "abcdefghijklmn1", true }, { "abcdefghijklmno1", false },
		{ "lo0", false }, { "em/1", false }, { "EM1", false },
	};
	struct nk *nk = make(2);
	char err[200];

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("'%s'", cases[i].name);
		err[0] = '\0';
		CU_ASSERT_EQUAL(if_create(nk, cases[i].name, &pktgen_ops, "sink", err,
		    sizeof(err)) != NULL, cases[i].ok);
		CU_ASSERT_EQUAL(err[0] != '\0', !cases[i].ok);
	}
	test_row("groups");
	TEST_STRING(if_find(nk, "wan12")->if_group, "wan");
	nk_free(nk);
}

static void
addresses(void)
{
	static const struct { const char *addr; unsigned plen; int error; } cases[] = {
		{ "192.0.2.1", 24, 0 }, { "192.0.2.1", 24, EEXIST },
		{ "192.0.2.2", 24, 0 }, { "198.51.100.1", 31, 0 },
		{ "198.51.100.9", 32, 0 }, { "192.0.2.0", 24, EINVAL },
		{ "192.0.2.255", 24, EINVAL }, { "224.0.0.1", 24, EINVAL },
		{ "0.0.0.0", 8, EINVAL }, { "127.0.0.5", 8, EINVAL },
		{ "10.0.0.1", 0, EINVAL }, { "10.0.0.1", 33, EINVAL },
		{ "255.255.255.255", 32, EINVAL },
	};
	struct nk *nk = make(1);
	struct ifnet *ifp;
	struct addr a, src;
	char err[200];
	uint32_t gen;

	ifp = if_create(nk, "em0", &pktgen_ops, "sink", err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(ifp);
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s/%u", cases[i].addr, cases[i].plen);
		a = addr(cases[i].addr);
		gen = nk_generation(nk);
		CU_ASSERT_EQUAL(if_addr_add(nk, ifp, &a, cases[i].plen), cases[i].error);
		CU_ASSERT_EQUAL(nk_generation(nk) != gen, cases[i].error == 0);
	}
	test_row("routes and sources");
	a = addr("192.0.2.77");
	CU_ASSERT_PTR_EQUAL(fib_lookup(nk, &a)->rt_if, ifp);
	CU_ASSERT_TRUE(if_source_for(nk, ifp, &a, &src));
	a = addr("192.0.2.1");
	CU_ASSERT_TRUE(addr_equal(&a, &src));
	CU_ASSERT_TRUE((fib_lookup(nk, &a)->rt_flags & RT_F_LOCAL) != 0);
	CU_ASSERT_TRUE(if_is_local(nk, &a));
	test_row("broadcast");
	a = addr("192.0.2.255");
	CU_ASSERT_TRUE(if_is_broadcast(nk, &a));
	a = addr("198.51.100.1");
	CU_ASSERT_FALSE(if_is_broadcast(nk, &a));

	test_row("the network's route stays with its last address");
	a = addr("192.0.2.1");
	CU_ASSERT_EQUAL(if_addr_del(nk, ifp, &a), 0);
	CU_ASSERT_EQUAL(if_addr_del(nk, ifp, &a), ENOENT);
	CU_ASSERT_FALSE(if_is_local(nk, &a));
	a = addr("192.0.2.77");
	CU_ASSERT_PTR_NOT_NULL(fib_lookup(nk, &a));
	a = addr("192.0.2.2");
	CU_ASSERT_EQUAL(if_addr_del(nk, ifp, &a), 0);
	CU_ASSERT_PTR_NULL(fib_lookup(nk, &a));

	test_row("destroyed");
	CU_ASSERT_EQUAL(if_destroy(nk, ifp), 0);
	CU_ASSERT_PTR_NULL(if_find(nk, "em0"));
	a = addr("198.51.100.9");
	CU_ASSERT_PTR_NULL(fib_lookup(nk, &a));
	CU_ASSERT_EQUAL(if_destroy(nk, if_find(nk, "lo0")), EPERM);
	nk_free(nk);
}

/* ---- output ---- */

static void
output(void)
{
	struct nk *nk = make(1);
	struct worker *w = nk->nk_worker[0];
	struct ifnet *ifp;
	struct pkt *p;
	char err[200];

	ifp = if_create(nk, "em0", &pktgen_ops, "sink", err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(ifp);
	test_row("down: dropped and counted");
	p = pkt_alloc(w, 100);
	p->pkt_len = 100;
	if_output(w, ifp, p);
	CU_ASSERT_EQUAL(nk_drops(nk, DROP_IF_DOWN), 1);
	CU_ASSERT_EQUAL(ifp->if_count[0].ic_odrops, 1);

	test_row("more than a vector");
	CU_ASSERT_EQUAL(if_set_flags(nk, ifp, IF_F_UP), 0);
	worker_turn(w, now);
	ifp->if_count[0] = (struct if_counters){ 0 };
	for (int i = 0; i < PKT_VEC_MAX + 10; i++) {
		p = pkt_alloc(w, 100);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		p->pkt_len = 100;
		if_output(w, ifp, p);
	}
	CU_ASSERT_EQUAL(ifp->if_count[0].ic_opackets, PKT_VEC_MAX);
	worker_turn(w, now);
	CU_ASSERT_EQUAL(ifp->if_count[0].ic_opackets, PKT_VEC_MAX + 10);
	CU_ASSERT_EQUAL(ifp->if_count[0].ic_obytes, (PKT_VEC_MAX + 10) * 100);
	CU_ASSERT_EQUAL(w->w_txdirty, 0);

	test_row("larger than the MTU");
	CU_ASSERT_EQUAL(if_set_mtu(nk, ifp, 1400), 0);
	p = pkt_alloc(w, 1500);
	p->pkt_len = 1415;
	if_output(w, ifp, p);
	CU_ASSERT_EQUAL(nk_drops(nk, DROP_IF_OVERSIZE), 1);

	test_row("destroyed with frames that wait");
	p = pkt_alloc(w, 100);
	p->pkt_len = 100;
	if_output(w, ifp, p);
	CU_ASSERT_EQUAL(if_destroy(nk, ifp), 0);
	CU_ASSERT_EQUAL(w->w_txdirty, 0);
	CU_ASSERT_EQUAL(nk_drops(nk, DROP_IF_DOWN), 2);
	nk_free(nk);
}

/* ---- threads ---- */

static void
job(struct worker *w, void *arg)
{
	unsigned **log = arg;

	*(*log)++ = w->w_id;
}

static void
jobs(void)
{
	struct nk *nk = make(2);
	unsigned log[4] = { 9, 9, 9, 9 }, *at = log;

	CU_ASSERT_EQUAL(worker_post(nk->nk_worker[1], job, &at), 0);
	CU_ASSERT_EQUAL(worker_post(nk->nk_worker[0], job, &at), 0);
	CU_ASSERT_EQUAL(worker_deadline(nk->nk_worker[0]), 0);
	worker_turn(nk->nk_worker[0], now);
	CU_ASSERT_EQUAL(log[0], 0);
	CU_ASSERT_EQUAL(log[1], 9);
	worker_turn(nk->nk_worker[1], now);
	CU_ASSERT_EQUAL(log[1], 1);
	CU_ASSERT_TRUE(worker_deadline(nk->nk_worker[1]) > now.now_ns);
	CU_ASSERT_EQUAL(worker_post(nk->nk_worker[1], job, &at), 0);	/* never run */
	nk_free(nk);
}

static unsigned
small_free(struct worker *w)
{
	struct pkt_usage u;

	pkt_pool_usage(w->w_pool, &u);
	return u.pu_small_free;
}

static void
handover(void)
{
	struct nk *nk = make(2);
	struct worker *a = nk->nk_worker[0], *b = nk->nk_worker[1];

	test_row("back to its pool");
	for (int i = 0; i < 300; i++)
		worker_handover(a, 1, pkt_alloc(a, 64), HANDOVER_FREE);
	CU_ASSERT_EQUAL(small_free(a), 212);
	CU_ASSERT_EQUAL(worker_deadline(b), 0);
	worker_turn(b, now);
	CU_ASSERT_EQUAL(small_free(a), 512);
	CU_ASSERT_EQUAL(nk_count(nk, CNT_HANDOVER), 300);

	test_row("freed with packets in the ring");
	worker_handover(b, 0, pkt_alloc(b, 64), HANDOVER_FREE);
	nk_free(nk);
}

struct stander {
	struct worker	*st_worker;
	_Atomic bool	 st_stop;
	_Atomic unsigned st_turns;
};

static void *
stand(void *arg)
{
	struct stander *st = arg;

	worker_thread_begin(st->st_worker);
	while (!atomic_load(&st->st_stop)) {
		worker_park(st->st_worker);
		worker_turn(st->st_worker, now);
		atomic_fetch_add(&st->st_turns, 1);
		sched_yield();
	}
	worker_thread_end(st->st_worker);
	return NULL;
}

static void
standing_still(void)
{
	struct nk *nk = make(2);
	struct stander st[2] = { 0 };
	pthread_t t[2];
	bool still = true;

	for (int i = 0; i < 2; i++) {
		st[i].st_worker = nk->nk_worker[i];
		CU_ASSERT_EQUAL_FATAL(pthread_create(&t[i], NULL, stand, &st[i]), 0);
		while (atomic_load(&st[i].st_turns) == 0)
			sched_yield();
	}
	for (int round = 0; round < 200; round++) {
		unsigned turns;

		nk_lock(nk);
		nk_stop_workers(nk);
		turns = atomic_load(&st[0].st_turns) + atomic_load(&st[1].st_turns);
		for (int i = 0; i < 5; i++)
			sched_yield();
		still = still && turns ==
		    atomic_load(&st[0].st_turns) + atomic_load(&st[1].st_turns);
		nk_start_workers(nk);
		nk_unlock(nk);
	}
	CU_ASSERT_TRUE(still);
	for (int i = 0; i < 2; i++) {
		atomic_store(&st[i].st_stop, true);
		pthread_join(t[i], NULL);
	}
	nk_free(nk);
}

/* ---- slow timers and freeing ---- */

static unsigned fired, freed;

static void
on_timer(void *arg, uint64_t t)
{
	(void)t;
	CU_ASSERT_PTR_NOT_NULL(arg);
	fired++;
}

static void
on_free(void *arg)
{
	(void)arg;
	freed++;
}

static void
slow(void)
{
	struct nk *nk = make(1);
	struct clock_now t = now;
	struct timer tm;

	fired = freed = 0;
	worker_turn(nk->nk_worker[0], t);
	timer_init(&tm, on_timer, nk);
	nk_lock(nk);
	timer_set(&nk->nk_wheel, &tm, t.now_ns + 50 * NSEC_PER_MSEC);
	epoch_retire(&nk->nk_epoch, on_free, NULL);
	nk_unlock(nk);
	CU_ASSERT_TRUE(worker_deadline(nk->nk_worker[0]) <= t.now_ns + 60 * NSEC_PER_MSEC);
	t.now_ns += 40 * NSEC_PER_MSEC;
	worker_turn(nk->nk_worker[0], t);
	CU_ASSERT_EQUAL(fired, 0);
	t.now_ns += 30 * NSEC_PER_MSEC;
	worker_turn(nk->nk_worker[0], t);
	CU_ASSERT_EQUAL(fired, 1);
	CU_ASSERT_EQUAL(freed, 1);
	nk_free(nk);
}

/* ---- control ---- */

static struct ctl_hdr last;
static unsigned records;
static struct ctl_if last_if;

static bool
sent(struct ctl_conn *cc, const void *rec, size_t len)
{
	(void)cc;
	memcpy(&last, rec, sizeof(last));
	if (len == sizeof(last) + sizeof(last_if))
		memcpy(&last_if, (const uint8_t *)rec + sizeof(last), sizeof(last_if));
	records++;
	return true;
}

static int
ask(struct nk *nk, uint16_t op, const struct ctl_if *ci)
{
	struct ctl_conn cc = { .cc_id = 1, .cc_privileged = true, .cc_fd = -1,
	    .cc_send = sent };
	struct { struct ctl_hdr h; struct ctl_if ci; } rec = { .h = {
	    .ch_version = CTL_VERSION, .ch_op = op } };

	if (ci != NULL)
		rec.ci = *ci;
	records = 0;
	nk_lock(nk);
	ctl_message(nk, now, &cc, &rec, sizeof(rec.h) + (ci != NULL ? sizeof(*ci) : 0));
	nk_unlock(nk);
	return last.ch_errno;
}

static void
control(void)
{
	struct ctl_if ci = { .ci_name = "em0", .ci_driver = "pktgen", .ci_arg = "sink" };
	struct nk *nk = make(2);

	CU_ASSERT_EQUAL(ask(nk, CTL_IF_CREATE, &ci), ENODEV);
	CU_ASSERT_EQUAL(if_driver_register(nk, &pktgen_ops), 0);
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_CREATE, &ci), 0);
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_CREATE, &ci), EINVAL);
	ci.ci_addr[0] = addr("192.0.2.1");
	ci.ci_plen[0] = 24;
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_ADDR_ADD, &ci), 0);
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_ADDR_ADD, &ci), EEXIST);
	ci.ci_flags = IF_F_UP;
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_FLAGS, &ci), 0);
	ci.ci_mtu = 20;
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_MTU, &ci), EINVAL);
	ci.ci_mtu = 1300;
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_MTU, &ci), 0);
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_LIST, NULL), 0);
	CU_ASSERT_EQUAL(records, 4);		/* lo0, enc0, em0, the end */
	TEST_STRING(last_if.ci_name, "em0");
	CU_ASSERT_EQUAL(last_if.ci_mtu, 1300);
	CU_ASSERT_EQUAL(last_if.ci_naddrs, 1);
	CU_ASSERT_EQUAL(last_if.ci_flags, IF_F_UP | IF_F_RUNNING);
	CU_ASSERT_EQUAL(ask(nk, CTL_COUNTERS, NULL), 0);
	CU_ASSERT_EQUAL(records, CNT_MAX + DROP_MAX);	/* DROP_NONE's place is the end's */
	CU_ASSERT_EQUAL(ask(nk, CTL_WORKERS, NULL), 0);
	CU_ASSERT_EQUAL(records, 3);
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_ADDR_DEL, &ci), 0);
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_DESTROY, &ci), 0);
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_DESTROY, &ci), ENOENT);
	nk_free(nk);
}

static unsigned
takes_1460(struct ifnet *ifp)
{
	(void)ifp;
	return 1460;
}

/* An MTU that the device does not take is refused, with what it does take. */
static void
device_mtu(void)
{
	static struct if_ops ops;
	struct ctl_if ci = { .ci_name = "em0", .ci_driver = "pktgen", .ci_arg = "sink" };
	struct nk *nk = make(1);

	ops = pktgen_ops;
	ops.io_mtu = takes_1460;
	CU_ASSERT_EQUAL(if_driver_register(nk, &ops), 0);
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_CREATE, &ci), 0);
	ci.ci_mtu = 1461;
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_MTU, &ci), EINVAL);
	ci.ci_mtu = 1400;
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_MTU, &ci), 0);
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_LIST, NULL), 0);
	CU_ASSERT_EQUAL(last_if.ci_most, 0);
	ci.ci_mtu = 1500;
	ci.ci_most = 1;
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_MTU, &ci), 0);
	CU_ASSERT_EQUAL(ask(nk, CTL_IF_LIST, NULL), 0);
	CU_ASSERT_EQUAL(last_if.ci_mtu, 1460);
	CU_ASSERT_EQUAL(last_if.ci_most, 1);
	nk_free(nk);
}

/* MB of the process that are there. */
static unsigned long
resident(void)
{
	unsigned long all, there = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fscanf(f, "%lu %lu", &all, &there), 2);
	fclose(f);
	return (there * (unsigned long)sysconf(_SC_PAGESIZE)) >> 20;
}

/* Of the default size, each with the buffers that two devices receive into. */
static void
small(void)
{
	struct nk_conf nc = { .nc_workers = 8, .nc_rand = fake_random };
	struct pktvec v[2][8];
	unsigned long before = resident();
	struct nk *nk = nk_new(&nc, now);

	CU_ASSERT_PTR_NOT_NULL_FATAL(nk);
	for (unsigned i = 0; i < 8; i++)
		for (unsigned k = 0; k < 2; k++)
			for (v[k][i].pv_n = 0; !pktvec_full(&v[k][i]); )
				pktvec_add(&v[k][i], pkt_alloc(nk->nk_worker[i], k == 0 ? 100 : 60000));
	CU_ASSERT_TRUE(resident() - before < 8 * 4);
	for (unsigned i = 0; i < 8; i++)
		for (unsigned k = 0; k < 2; k++)
			while (v[k][i].pv_n != 0)
				pkt_free(nk->nk_worker[i], v[k][i].pv_pkt[--v[k][i].pv_n]);
	nk_free(nk);
}

TEST_MAIN(
	TEST("life", life),
	TEST("names", names),
	TEST("addresses", addresses),
	TEST("output", output),
	TEST("jobs", jobs),
	TEST("handover", handover),
	TEST("standing still", standing_still),
	TEST("slow timers", slow),
	TEST("control", control),
	TEST("an MTU that the device takes", device_mtu),
	TEST("idle workers are small", small))
