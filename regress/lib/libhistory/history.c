/* SPDX-License-Identifier: ISC */
/*
 * The history of tunnels: bytes, the table and its bounds, and the client that
 * loses nothing while policyd is away for a moment.
 */
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libhistory/history.h"
#include "libpolicy/policywire.h"
#include "test.h"

static char dir[64], db[96];

static void
begin(void)
{
	sqlite3 *sq;

	(void)snprintf(dir, sizeof(dir), "/tmp/history.XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	(void)snprintf(db, sizeof(db), "%s/p.db", dir);
	if (sqlite3_open(db, &sq) != SQLITE_OK ||
	    sqlite3_exec(sq, "PRAGMA journal_mode = WAL; CREATE TABLE other "
	    "(x)", NULL, NULL, NULL) != SQLITE_OK)
		abort();
	sqlite3_close(sq);
}

static void
end(void)
{
	static const char *const files[] = { "p.db", "p.db-wal", "p.db-shm",
	    "policy.sock" };
	char path[160];

	for (size_t i = 0; i < TEST_COUNT(files); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void)unlink(path);
	}
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static struct history_event
event(uint64_t id, const char *tunnel, const char *reason)
{
	struct history_event ev = { .he_id = id, .he_time = 1000 + (int64_t)id };

	(void)snprintf(ev.he_tunnel, sizeof(ev.he_tunnel), "%s", tunnel);
	(void)snprintf(ev.he_child, sizeof(ev.he_child), "c%u",
	    (unsigned)(id % 2));
	(void)snprintf(ev.he_event, sizeof(ev.he_event), "failed");
	(void)snprintf(ev.he_reason, sizeof(ev.he_reason), "%s", reason);
	(void)snprintf(ev.he_peer, sizeof(ev.he_peer), "192.0.2.1:500");
	(void)snprintf(ev.he_text, sizeof(ev.he_text), "text %u",
	    (unsigned)id);
	return ev;
}

/* ---- bytes -------------------------------------------------------- */

static void
bytes(void)
{
	struct history_event ev = event(7, "paris", "AUTH-02"), got;
	uint8_t buf[1024];
	struct wcur w = wcur_init(buf, sizeof(buf));
	struct cur c;
	size_t n;

	history_event_put(&w, &ev);
	n = wcur_len(&w);
	c = cur_init(buf, n);
	test_row("round trip");
	CU_ASSERT(history_event_get(&c, &got) && cur_end(&c));
	CU_ASSERT_EQUAL(memcmp(&ev, &got, sizeof(ev)), 0);
	for (size_t i = 0; i < n; i++) {
		test_row("cut after %zu", i);
		c = cur_init(buf, i);
		CU_ASSERT(!history_event_get(&c, &got));
	}
	test_row("what is not printable");
	buf[n - 1] = 0x1b;
	buf[n - 2] = 0xff;
	buf[n - 3] = 0x7f;
	c = cur_init(buf, n);
	CU_ASSERT(history_event_get(&c, &got));
	TEST_STRING(got.he_text, "tex???");
	test_row("number 0");
	memset(buf, 0, 8);
	c = cur_init(buf, n);
	CU_ASSERT(!history_event_get(&c, &got));
	test_row("a name that is too long");
	buf[7] = 1;
	buf[16] = 0;
	buf[17] = 64;
	c = cur_init(buf, sizeof(buf));
	CU_ASSERT(!history_event_get(&c, &got));
}

/* ---- table -------------------------------------------------------- */

struct seen {
	unsigned	se_n;
	uint64_t	se_first, se_last;
	bool		se_disorder;
};

static void
see(void *arg, const struct history_event *ev)
{
	struct seen *se = arg;

	if (se->se_n++ == 0)
		se->se_first = ev->he_id;
	else if (ev->he_id <= se->se_last)
		se->se_disorder = true;
	se->se_last = ev->he_id;
}

static struct seen
query(struct history_query hq)
{
	struct seen se = { 0 };
	const char *why = "";
	struct history *hi = history_open_ro(db, &why);

	CU_ASSERT_PTR_NOT_NULL_FATAL(hi);
	CU_ASSERT(history_read(hi, &hq, see, &se, &why));
	CU_ASSERT(!se.se_disorder);
	history_close(hi);
	return se;
}

static void
add(struct history *hi, uint64_t first, unsigned n, const char *tunnel)
{
	struct history_event ev[HISTORY_BATCH_MAX];
	const char *why;

	for (unsigned i = 0; i < n;) {
		unsigned k = 0;
		char name[64];

		for (; k < HISTORY_BATCH_MAX && i < n; k++, i++) {
			(void)snprintf(name, sizeof(name), tunnel,
			    (unsigned)(first + i) % 100);
			ev[k] = event(first + i, name, i % 10 == 0 ?
			    "NET-01" : "");
		}
		CU_ASSERT(history_add(hi, ev, k, &why));
	}
}

/* What ikectl(8), a change of the policy and the end of iked cause. */
static void
by_command(struct history *hi, uint64_t first)
{
	struct history_event ev[3] = { event(first, "one", "ADMIN-01"),
	    event(first + 1, "one", "ADMIN-02"), event(first + 2, "one", "ADMIN-03") };
	const char *why;

	CU_ASSERT(history_add(hi, ev, 3, &why));
}

static void
bounds(void)
{
	const char *why;
	struct history *hi;
	uint64_t last = 0;
	struct seen se;

	begin();
	CU_ASSERT_PTR_NOT_NULL_FATAL((hi = history_open_rw(db, &why)));
	test_row("empty");
	CU_ASSERT(history_last(hi, &last, &why) && last == 0);
	test_row("of one tunnel");
	add(hi, 1, 1000, "one");
	se = query((struct history_query){ .hq_tunnel = "one" });
	CU_ASSERT_EQUAL(se.se_n, HISTORY_ROWS_TUNNEL);
	CU_ASSERT_EQUAL(se.se_last, 1000);
	test_row("in all");
	add(hi, 1001, 12000, "t%u");
	se = query((struct history_query){ .hq_newest = 0 });
	CU_ASSERT_EQUAL(se.se_n, HISTORY_ROWS);
	CU_ASSERT_EQUAL(se.se_last, 13000);
	test_row("a number again");
	add(hi, 13000, 1, "other");
	CU_ASSERT_EQUAL(query((struct history_query){ .hq_tunnel =
	    "other" }).se_n, 0);
	test_row("the newest");
	se = query((struct history_query){ .hq_newest = 5 });
	CU_ASSERT(se.se_n == 5 && se.se_first == 12996);
	test_row("after a number");
	se = query((struct history_query){ .hq_after = 12990 });
	CU_ASSERT(se.se_n == 10 && se.se_first == 12991);
	test_row("one child");
	se = query((struct history_query){ .hq_tunnel = "t7/c1" });
	CU_ASSERT_EQUAL(se.se_n, 100);
	CU_ASSERT_EQUAL(query((struct history_query){ .hq_tunnel =
	    "t7/c0" }).se_n, 0);
	test_row("failures");
	se = query((struct history_query){ .hq_failures = true,
	    .hq_newest = 3 });
	CU_ASSERT(se.se_n == 3 && se.se_last == 12991);
	test_row("what was asked for is no failure");
	by_command(hi, 13001);
	se = query((struct history_query){ .hq_failures = true,
	    .hq_newest = 1 });
	CU_ASSERT(se.se_n == 1 && se.se_last == 12991);
	CU_ASSERT_EQUAL(query((struct history_query){ .hq_after = 13000 }).se_n, 3);
	history_close(hi);
	test_row("opened again");
	CU_ASSERT_PTR_NOT_NULL_FATAL((hi = history_open_rw(db, &why)));
	CU_ASSERT(history_last(hi, &last, &why) && last == 13003);
	history_close(hi);
	end();
}

static void
no_table(void)
{
	const char *why = NULL;
	struct history_query hq = { .hq_newest = 0 };
	struct seen se = { 0 };
	struct history *hi;

	begin();
	test_row("no table yet");
	CU_ASSERT_PTR_NOT_NULL_FATAL((hi = history_open_ro(db, &why)));
	CU_ASSERT(history_read(hi, &hq, see, &se, &why));
	CU_ASSERT_EQUAL(se.se_n, 0);
	history_close(hi);
	test_row("no file");
	CU_ASSERT_PTR_NULL(history_open_rw("/nonexistent/p.db", &why));
	CU_ASSERT_PTR_NULL(history_open_ro("/nonexistent/p.db", &why));
	end();
}

/* ---- client ------------------------------------------------------- */

static int
server(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/policy.sock",
	    dir);
	(void)unlink(sun.sun_path);
	if (fd == -1 || bind(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)) == -1 || listen(fd, 4) == -1)
		abort();
	return fd;
}

/* Takes a batch; the events in it, and the number of the first. */
static unsigned
take(int fd, uint64_t *first, uint32_t *seq)
{
	static uint8_t buf[POLICYW_RECORD_MAX];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	struct history_event ev;
	struct cur c;
	unsigned count;

	if (n <= 0)
		return 0;
	c = cur_init(buf, (size_t)n);
	CU_ASSERT_EQUAL(cur_u16(&c), POLICYW_VERSION);
	CU_ASSERT_EQUAL(cur_u16(&c), HISTORY_OP_KEEP);
	*seq = cur_u32(&c);
	count = cur_u16(&c);
	for (unsigned i = 0; i < count; i++) {
		CU_ASSERT(history_event_get(&c, &ev));
		if (i == 0)
			*first = ev.he_id;
	}
	CU_ASSERT(cur_end(&c));
	return count;
}

static void
answer(int fd, uint32_t seq, bool kept)
{
	uint8_t buf[16];
	struct wcur w = wcur_init(buf, sizeof(buf));

	wcur_u16(&w, POLICYW_VERSION);
	wcur_u16(&w, HISTORY_OP_KEPT);
	wcur_u32(&w, seq);
	wcur_u8(&w, kept);
	CU_ASSERT_EQUAL(send(fd, buf, wcur_len(&w), 0), (ssize_t)wcur_len(&w));
}

static void
fill(struct history_client *hc, uint64_t first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct history_event ev = event(first + i, "t", "");

		history_client_add(hc, &ev);
	}
}

#define LATER	((int64_t)1 << 60)	/* all is due */

static void
client(void)
{
	struct history_client *hc;
	uint64_t first = 0;
	uint32_t seq = 0;
	int ls, fd;

	begin();
	hc = history_client_new(dir);
	test_row("nobody listens");
	fill(hc, 1, 40);
	history_client_turn(hc, LATER);
	CU_ASSERT_EQUAL(history_client_fd(hc), -1);
	CU_ASSERT_EQUAL(history_client_lost(hc), 0);
	ls = server();
	test_row("a batch");
	history_client_turn(hc, LATER + 2000);
	fd = accept(ls, NULL, NULL);
	CU_ASSERT_EQUAL(take(fd, &first, &seq), HISTORY_BATCH_MAX);
	CU_ASSERT_EQUAL(first, 1);
	test_row("one at a time");
	history_client_turn(hc, LATER + 3000);
	CU_ASSERT_EQUAL(take(fd, &first, &seq), 0);
	test_row("the writer goes before it answers");
	close(fd);
	history_client_turn(hc, LATER + 3000);
	CU_ASSERT_EQUAL(history_client_fd(hc), -1);
	history_client_turn(hc, LATER + 4500);
	fd = accept(ls, NULL, NULL);
	CU_ASSERT_EQUAL(take(fd, &first, &seq), HISTORY_BATCH_MAX);
	CU_ASSERT_EQUAL(first, 1);
	test_row("it cannot write: again, later");
	answer(fd, seq, false);
	history_client_turn(hc, LATER + 4500);
	CU_ASSERT_EQUAL(take(fd, &first, &seq), 0);
	history_client_turn(hc, LATER + 10000);
	CU_ASSERT_EQUAL(take(fd, &first, &seq), HISTORY_BATCH_MAX);
	test_row("kept: the rest");
	answer(fd, seq, true);
	history_client_turn(hc, LATER + 10000);
	CU_ASSERT_EQUAL(take(fd, &first, &seq), 40 - HISTORY_BATCH_MAX);
	CU_ASSERT_EQUAL(first, 1 + HISTORY_BATCH_MAX);
	answer(fd, seq, true);
	history_client_turn(hc, LATER + 10000);
	CU_ASSERT_EQUAL(history_client_wait(hc, LATER), -1);
	test_row("an answer that nobody asked for");
	answer(fd, seq, true);
	history_client_turn(hc, LATER + 10000);
	CU_ASSERT_EQUAL(history_client_wait(hc, LATER), -1);
	test_row("more than there is room for: the oldest are lost, and counted");
	fill(hc, 100, HISTORY_WAITING + 5);
	CU_ASSERT_EQUAL(history_client_lost(hc), 5);
	history_client_turn(hc, LATER + 20000);
	CU_ASSERT_EQUAL(take(fd, &first, &seq), HISTORY_BATCH_MAX);
	CU_ASSERT_EQUAL(first, 105);
	close(fd);
	close(ls);
	history_client_free(hc);
	end();
}

TEST_MAIN(
	TEST("bytes", bytes),
	TEST("bounds of the table", bounds),
	TEST("a store without a history", no_table),
	TEST("client", client))
