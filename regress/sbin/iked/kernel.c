/* SPDX-License-Identifier: ISC */
/*
 * What the ike process says to the key socket: SPD entries of peers without one
 * address come and go with their SAs, and are told again to a network kernel that
 * was started again; what a full socket does not take follows in its order.
 */
#include <errno.h>

#include "idle.h"
#include "test.h"

#define MANY	64

static struct {
	struct ikeproc	ip;
	struct ikeio	io;
	uint64_t	now;
	unsigned	room;		/* messages that the socket takes */
	uint8_t		type[MANY];
	uint32_t	spi[MANY];
	unsigned	n;
} rig;

static uint64_t
io_now(void *arg)
{
	(void)arg;
	return rig.now;
}

static int
io_key_send(void *arg, struct pfkey_msg *m)
{
	(void)arg;
	if (rig.room == 0)
		return EAGAIN;
	rig.room--;
	if (rig.n < MANY) {
		rig.type[rig.n] = m->pm_type;
		rig.spi[rig.n] = m->pm_sa.ps_spi;
	}
	rig.n++;
	return 0;
}

static void
begin(void)
{
	const struct iked_begin none = { .ib_base = 0 };
	const struct iked_end end = { .ie_number = 1 };

	memset(&rig, 0, sizeof(rig));
	idle_io(&rig.io);
	rig.io.io_now = io_now;
	rig.io.io_key_send = io_key_send;
	rig.now = 1000;
	rig.room = UINT32_MAX;
	rig.ip.ip_io = &rig.io;
	CU_ASSERT_TRUE(ikeproc_policy_begin(&rig.ip, &none));
	CU_ASSERT_TRUE(ikeproc_policy_end(&rig.ip, &end));
}

static void
end(void)
{
	ikeproc_fini(&rig.ip);
}

static void
selector(struct ike_ts_list *tl, const char *text)
{
	struct prefix p;

	(void)prefix_parse(text, &p);
	tl->tl_n = 1;
	ike_ts_from_prefix(&p, &tl->tl_ts[0]);
}

static void
add(uint32_t spi, bool inbound, bool dynamic)
{
	static struct ike_esp_sa sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_spi = spi;
	sa.sa_inbound = inbound;
	sa.sa_dynamic = dynamic;
	sa.sa_proto = IKE_PROTO_ESP;
	sa.sa_encr = IKE_ENCR_AES_GCM_16;
	sa.sa_encr_bits = 128;
	sa.sa_encr_len = 20;
	sa.sa_reqid = 7;
	(void)addr_parse(inbound ? "198.51.100.9" : "192.0.2.1", &sa.sa_src);
	(void)addr_parse(inbound ? "192.0.2.1" : "198.51.100.9", &sa.sa_dst);
	selector(&sa.sa_local, "10.1.0.0/24");
	selector(&sa.sa_remote, "10.2.0.0/24");
	kernel_sa_add(&rig.ip, 1, &sa);
}

static void
delete(uint32_t spi, bool inbound)
{
	struct ike_sa_ref ref = { .sr_spi = spi, .sr_inbound = inbound };

	(void)addr_parse("198.51.100.9", inbound ? &ref.sr_src : &ref.sr_dst);
	(void)addr_parse("192.0.2.1", inbound ? &ref.sr_dst : &ref.sr_src);
	kernel_sa_delete(&rig.ip, &ref);
}

static unsigned
count(uint8_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rig.n; i++)
		n += rig.type[i] == type;
	return n;
}

static void
dynamic_entries(void)
{
	begin();
	test_row("an SA of a rule with one peer brings none");
	add(0x1001, true, false);
	CU_ASSERT_EQUAL(count(SADB_UPDATE), 1);
	CU_ASSERT_EQUAL(count(SADB_X_SPDUPDATE), 0);
	test_row("the SAs of a peer that is any bring one each, before them");
	rig.n = 0;
	add(0x1002, true, true);
	add(0x2002, false, true);
	CU_ASSERT_EQUAL(rig.n, 4);
	CU_ASSERT_EQUAL(rig.type[0], SADB_X_SPDUPDATE);
	CU_ASSERT_EQUAL(rig.type[1], SADB_UPDATE);
	CU_ASSERT_EQUAL(rig.type[2], SADB_X_SPDUPDATE);
	CU_ASSERT_EQUAL(rig.type[3], SADB_ADD);
	test_row("a network kernel that was started again is told them again");
	rig.n = 0;
	kernel_register(&rig.ip);
	CU_ASSERT_EQUAL(count(SADB_REGISTER), 1);
	CU_ASSERT_EQUAL(count(SADB_X_SPDUPDATE), 2);
	test_row("they go with their SAs");
	rig.n = 0;
	delete(0x1002, true);
	delete(0x2002, false);
	delete(0x1001, true);
	CU_ASSERT_EQUAL(count(SADB_X_SPDDELETE), 2);
	CU_ASSERT_EQUAL(count(SADB_DELETE), 3);
	rig.n = 0;
	kernel_register(&rig.ip);
	CU_ASSERT_EQUAL(count(SADB_X_SPDUPDATE), 0);
	end();
}

static void
full_socket(void)
{
	begin();
	rig.room = 2;
	for (uint32_t spi = 0x1000; spi < 0x1020; spi++)
		delete(spi, true);
	test_row("what it takes goes, the rest waits");
	CU_ASSERT_EQUAL(rig.n, 2);
	CU_ASSERT_TRUE(kernel_deadline(&rig.ip) > rig.now);
	CU_ASSERT_TRUE(kernel_deadline(&rig.ip) <= rig.now + 1000);
	test_row("some room, some more");
	rig.room = 5;
	rig.now = kernel_deadline(&rig.ip);
	kernel_timer(&rig.ip, rig.now);
	CU_ASSERT_EQUAL(rig.n, 7);
	test_row("nothing overtakes what waits");
	rig.room = 100;
	delete(0x1020, true);
	CU_ASSERT_EQUAL(rig.n, 7);
	rig.now = kernel_deadline(&rig.ip);
	kernel_timer(&rig.ip, rig.now);
	CU_ASSERT_EQUAL(rig.n, 33);
	for (unsigned i = 0; i < rig.n; i++)
		CU_ASSERT_EQUAL(rig.spi[i], 0x1000 + i);
	test_row("and then nothing waits");
	CU_ASSERT_EQUAL(kernel_deadline(&rig.ip), UINT64_MAX);
	delete(0x1021, true);
	CU_ASSERT_EQUAL(rig.n, 34);
	end();
}

TEST_MAIN(
	TEST("SPD entries that come with SAs", dynamic_entries),
	TEST("a full key socket", full_socket))
