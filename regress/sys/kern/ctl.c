/* SPDX-License-Identifier: ISC */
/*
 * Dispatch of control requests and the tree of settings, without a socket.
 */
#include "test.h"

#include <errno.h>

#include "kern/ctl_conn.h"
#include "kern/nk.h"
#include "kern/sysctl.h"

static struct nk nk;
static const struct clock_now now = { 1, 1 };

static struct {
	unsigned	records;
	struct ctl_hdr	last;
	uint8_t		body[512];
	size_t		len;
	unsigned	room;		/* records that the client's queue takes */
} got;

static bool
conn_send(struct ctl_conn *cc, const void *rec, size_t len)
{
	(void)cc;
	if (got.room == 0)
		return false;
	got.room--;
	got.records++;
	memcpy(&got.last, rec, sizeof(got.last));
	got.len = len - sizeof(got.last);
	if (got.len <= sizeof(got.body))
		memcpy(got.body, (const uint8_t *)rec + sizeof(got.last), got.len);
	return true;
}

static struct ctl_conn conn = { .cc_id = 7, .cc_fd = -1, .cc_send = conn_send };

static unsigned calls;
static uint64_t closed;

static int
op_echo(struct nk *n, struct clock_now t, struct ctl_request *rq, struct ctl_reply *cr)
{
	uint32_t v = cur_u32_host(&rq->cq_body);

	(void)n;
	(void)t;
	calls++;
	CU_ASSERT_EQUAL(rq->cq_client, 7);
	if (v == 13) {
		snprintf(cr->cr_err, sizeof(cr->cr_err), "unlucky");
		return ERANGE;
	}
	for (uint32_t i = 0; i < v; i++)
		if (cr->cr_put(cr, &v, sizeof(v)) != 0)
			return ENOBUFS;
	return 0;
}

static void
on_close(struct nk *n, uint64_t client)
{
	(void)n;
	closed = client;
}

static const struct ctl_entry ops[] = {
	{ CTL_PF_INFO, false, 4, 8, op_echo },
	{ CTL_PF_ENABLE, true, 4, 4, op_echo },
	{ 0, false, 0, 0, NULL }
};

static void
ask(uint16_t version, uint16_t op, uint32_t v, size_t bodylen)
{
	struct { struct ctl_hdr h; uint32_t body[8]; } rec = { .h = {
	    .ch_version = version, .ch_op = op, .ch_seq = 99 } };

	rec.body[0] = v;
	memset(&got, 0, sizeof(got));
	got.room = 100;
	calls = 0;
	ctl_message(&nk, now, &conn, &rec, sizeof(rec.h) + bodylen);
}

static void
setup(void)
{
	memset(&nk, 0, sizeof(nk));
	CU_ASSERT_EQUAL_FATAL(ctl_init(&nk), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_register(&nk, ops), 0);
	CU_ASSERT_EQUAL_FATAL(ctl_register_close(&nk, on_close), 0);
}

static void
dispatch(void)
{
	static const struct {
		const char *name; uint16_t version, op; uint32_t v; size_t len;
		unsigned calls, records; int error;
	} cases[] = {
		{ "three answers and the end", 1, CTL_PF_INFO, 3, 4, 1, 4, 0 },
		{ "no answer but the end", 1, CTL_PF_INFO, 0, 8, 1, 1, 0 },
		{ "a handler's errno", 1, CTL_PF_INFO, 13, 4, 1, 1, ERANGE },
		{ "body too short", 1, CTL_PF_INFO, 3, 3, 0, 1, EINVAL },
		{ "body too long", 1, CTL_PF_INFO, 3, 9, 0, 1, EINVAL },
		{ "other version", 2, CTL_PF_INFO, 3, 4, 0, 1, EINVAL },
		{ "unknown number", 1, CTL_PF_RULES, 3, 4, 0, 1, EOPNOTSUPP },
		{ "unknown group", 1, 0x0f00, 3, 4, 0, 1, EOPNOTSUPP },
		{ "number beyond the table", 1, 0x04ff, 3, 4, 0, 1, EOPNOTSUPP },
		{ "group beyond the table", 1, 0xffff, 3, 4, 0, 1, EOPNOTSUPP },
		{ "not privileged", 1, CTL_PF_ENABLE, 1, 4, 0, 1, EPERM },
	};

	setup();
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		ask(cases[i].version, cases[i].op, cases[i].v, cases[i].len);
		CU_ASSERT_EQUAL(calls, cases[i].calls);
		CU_ASSERT_EQUAL(got.records, cases[i].records);
		CU_ASSERT_EQUAL(got.last.ch_errno, cases[i].error);
		CU_ASSERT_EQUAL(got.last.ch_flags, CTL_F_END);
		CU_ASSERT_EQUAL(got.last.ch_seq, 99);
		CU_ASSERT_EQUAL(got.len != 0, cases[i].error != 0);
	}
	test_row("privileged");
	conn.cc_privileged = true;
	ask(1, CTL_PF_ENABLE, 1, 4);
	conn.cc_privileged = false;
	CU_ASSERT_EQUAL(got.last.ch_errno, 0);
	ctl_fini(&nk);
}

static void
malformed(void)
{
	uint8_t rec[32] = { 0 };

	setup();
	for (size_t n = 0; n < sizeof(struct ctl_hdr); n++) {
		memset(&got, 0, sizeof(got));
		got.room = 100;
		ctl_message(&nk, now, &conn, rec, n);
		CU_ASSERT_EQUAL(got.last.ch_errno, EINVAL);
		CU_ASSERT_EQUAL(got.records, 1);
	}
	ctl_fini(&nk);
}

static void
client_goes(void)
{
	struct { struct ctl_hdr h; uint32_t v; } rec = { .h = { .ch_version = 1,
	    .ch_op = CTL_PF_INFO }, .v = 50 };

	setup();
	memset(&got, 0, sizeof(got));
	got.room = 2;
	ctl_message(&nk, now, &conn, &rec, sizeof(rec.h) + 4);
	CU_ASSERT_EQUAL(got.records, 2);
	ctl_closed(&nk, 7);
	CU_ASSERT_EQUAL(closed, 7);
	CU_ASSERT_EQUAL(ctl_register(&nk, ops), EEXIST);
	ctl_fini(&nk);
}

/* ---- sysctl ---- */

static unsigned number = 5;

static unsigned *
var_number(struct nk *n)
{
	(void)n;
	return &number;
}

static const struct sysctl_entry mine[] = {
	{ .sy_name = "test.number", .sy_descr = "a number", .sy_var = var_number,
	  .sy_min = 1, .sy_max = 10, .sy_bump = true },
	{ .sy_name = "test.constant", .sy_descr = "a number", .sy_var = var_number,
	  .sy_readonly = true },
	{ .sy_name = NULL }
};

static void
settings(void)
{
	static const struct { const char *name, *value; int error; unsigned now; } cases[] = {
		{ "test.number", "7", 0, 7 },
		{ "test.number", "0", ERANGE, 7 },
		{ "test.number", "11", ERANGE, 7 },
		{ "test.number", "99999999999999999999", EINVAL, 7 },
		{ "test.number", "-1", EINVAL, 7 },
		{ "test.number", "", EINVAL, 7 },
		{ "test.number", "8x", EINVAL, 7 },
		{ "test.number", "10", 0, 10 },
		{ "test.constant", "8", EPERM, 10 },
		{ "test.none", "8", ENOENT, 10 },
	};
	char buf[128], err[128];
	uint32_t gen;

	memset(&nk, 0, sizeof(nk));
	nk.nk_gen = 1;
	CU_ASSERT_EQUAL_FATAL(ctl_init(&nk), 0);
	CU_ASSERT_EQUAL_FATAL(sysctl_init(&nk), 0);
	CU_ASSERT_EQUAL_FATAL(sysctl_register(&nk, mine), 0);
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s=%s", cases[i].name, cases[i].value);
		gen = nk_generation(&nk);
		err[0] = '\0';
		CU_ASSERT_EQUAL(sysctl_set(&nk, cases[i].name, cases[i].value,
		    err, sizeof(err)), cases[i].error);
		CU_ASSERT_EQUAL(number, cases[i].now);
		CU_ASSERT_EQUAL(nk_generation(&nk) != gen, cases[i].error == 0);
		CU_ASSERT_EQUAL(err[0] != '\0', cases[i].error != 0);
	}
	test_row("get");
	CU_ASSERT_EQUAL(sysctl_get(&nk, "test.number", buf, sizeof(buf)), 0);
	TEST_STRING(buf, "10");
	CU_ASSERT_EQUAL(sysctl_get(&nk, "test", buf, sizeof(buf)), ENOENT);
	sysctl_fini(&nk);
	ctl_fini(&nk);
}

TEST_MAIN(
	TEST("dispatch", dispatch),
	TEST("malformed", malformed),
	TEST("client goes", client_goes),
	TEST("settings", settings))
