/* SPDX-License-Identifier: ISC */
/*
 * Routes and neighbours over the control socket's records.
 */
#include "test.h"

#include <errno.h>

#include "kern/ctl_conn.h"
#include "net/arp.h"
#include "net/fib.h"
#include "sys/testwire.h"

static struct world *wo;
static struct nk *nk;

static struct {
	unsigned	n, room;
	struct ctl_hdr	end;
	char		text[256];
	struct ctl_route route[64];
	struct ctl_neigh neigh[64];
} got;

static bool
take(struct ctl_conn *cc, const void *rec, size_t len)
{
	struct ctl_hdr h;
	const uint8_t *body = (const uint8_t *)rec + sizeof(h);

	(void)cc;
	if (got.room == 0)
		return false;
	got.room--;
	memcpy(&h, rec, sizeof(h));
	if (h.ch_flags & CTL_F_END) {
		got.end = h;
		memcpy(got.text, body, len - sizeof(h));
		return true;
	}
	if (got.n < 64 && len - sizeof(h) == sizeof(struct ctl_route))
		memcpy(&got.route[got.n], body, sizeof(struct ctl_route));
	if (got.n < 64 && len - sizeof(h) == sizeof(struct ctl_neigh))
		memcpy(&got.neigh[got.n], body, sizeof(struct ctl_neigh));
	got.n++;
	return true;
}

static int
ask(uint16_t op, const void *body, size_t len, bool privileged)
{
	struct ctl_conn cc = { .cc_id = 1, .cc_privileged = privileged, .cc_fd = -1,
	    .cc_send = take };
	uint8_t rec[sizeof(struct ctl_hdr) + 256];
	struct ctl_hdr h = { .ch_version = CTL_VERSION, .ch_op = op };

	memset(&got, 0, sizeof(got));
	got.room = 1000;
	memcpy(rec, &h, sizeof(h));
	if (len != 0)
		memcpy(rec + sizeof(h), body, len);
	nk_lock(nk);
	ctl_message(nk, world_clock(wo), &cc, rec, sizeof(h) + len);
	nk_unlock(nk);
	world_settle(wo);
	return got.end.ch_errno;
}

static void
setup(void)
{
	wo = world_new(5);
	nk = world_router(wo, "r", 1);
	(void)world_if(wo, nk, "em0", "10.0.0.1/24", 1500);
	world_settle(wo);
}

static struct ctl_route
route(const char *dst, const char *gw)
{
	struct ctl_route m = { .cr_prio = 8 };

	if (!prefix_parse(dst, &m.cr_dst) || (gw != NULL && !addr_parse(gw, &m.cr_gw)))
		abort();
	return m;
}

static int
rt(uint16_t op, const char *dst, const char *gw)
{
	struct ctl_route m = route(dst, gw);

	return ask(op, &m, sizeof(m), true);
}

static void
routes(void)
{
	struct ctl_route m;
	char text[ADDR_STRLEN];
	unsigned before;

	setup();
	CU_ASSERT_EQUAL(ask(CTL_RT_LIST, NULL, 0, false), 0);
	before = got.n;
	CU_ASSERT_EQUAL(rt(CTL_RT_ADD, "192.0.2.0/24", "10.0.0.2"), 0);
	CU_ASSERT_EQUAL(rt(CTL_RT_ADD, "192.0.2.0/24", "10.0.0.2"), EEXIST);
	CU_ASSERT_TRUE(got.text[0] != '\0');
	CU_ASSERT_EQUAL(rt(CTL_RT_ADD, "192.0.3.0/24", "172.16.0.1"), ENETUNREACH);
	CU_ASSERT_EQUAL(ask(CTL_RT_LIST, NULL, 0, false), 0);
	CU_ASSERT_EQUAL(got.n, before + 1);
	CU_ASSERT_EQUAL(rt(CTL_RT_GET, "192.0.2.77", NULL), 0);
	CU_ASSERT_EQUAL(got.n, 1);
	TEST_STRING(addr_print(&got.route[0].cr_gw, text), "10.0.0.2");
	TEST_STRING(got.route[0].cr_ifname, "em0");
	CU_ASSERT_TRUE((got.route[0].cr_flags & (RT_F_GATEWAY | RT_F_STATIC)) ==
	    (RT_F_GATEWAY | RT_F_STATIC));
	CU_ASSERT_EQUAL(rt(CTL_RT_GET, "198.51.100.1", NULL), ESRCH);
	test_row("what belongs to an address stays");
	CU_ASSERT_EQUAL(rt(CTL_RT_DELETE, "10.0.0.0/24", NULL), EPERM);
	CU_ASSERT_EQUAL(ask(CTL_RT_FLUSH, NULL, 0, true), 0);
	CU_ASSERT_EQUAL(ask(CTL_RT_LIST, NULL, 0, false), 0);
	CU_ASSERT_EQUAL(got.n, before);
	test_row("malformed");
	m = route("192.0.2.0/24", "10.0.0.2");
	m.cr_dst.pr_len = 200;
	CU_ASSERT_EQUAL(ask(CTL_RT_ADD, &m, sizeof(m), true), EINVAL);
	m.cr_dst.pr_len = 24;
	m.cr_dst.pr_addr.ad_bytes[3] = 1;
	CU_ASSERT_EQUAL(ask(CTL_RT_ADD, &m, sizeof(m), true), EINVAL);
	m = route("192.0.2.0/24", "10.0.0.2");
	m.cr_gw.ad_bytes[9] = 1;
	CU_ASSERT_EQUAL(ask(CTL_RT_ADD, &m, sizeof(m), true), EINVAL);
	m = route("192.0.2.0/24", "10.0.0.2");
	memset(m.cr_ifname, 'x', sizeof(m.cr_ifname));
	CU_ASSERT_EQUAL(ask(CTL_RT_ADD, &m, sizeof(m), true), EINVAL);
	snprintf(m.cr_ifname, sizeof(m.cr_ifname), "em7");
	CU_ASSERT_EQUAL(ask(CTL_RT_ADD, &m, sizeof(m), true), ENXIO);
	for (size_t n = 0; n < sizeof(m); n++)
		CU_ASSERT_NOT_EQUAL(ask(CTL_RT_ADD, &m, n, true), 0);
	test_row("privilege");
	m = route("192.0.2.0/24", "10.0.0.2");
	CU_ASSERT_NOT_EQUAL(ask(CTL_RT_ADD, &m, sizeof(m), false), 0);
	CU_ASSERT_NOT_EQUAL(ask(CTL_RT_DELETE, &m, sizeof(m), false), 0);
	CU_ASSERT_NOT_EQUAL(ask(CTL_RT_FLUSH, NULL, 0, false), 0);
	world_free(wo);
}

static void
neighbours(void)
{
	static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };
	struct ctl_neigh m = { 0 };

	setup();
	(void)addr_parse("10.0.0.2", &m.cn_addr);
	memcpy(m.cn_mac, mac, 6);
	CU_ASSERT_EQUAL(ask(CTL_ARP_SET, &m, sizeof(m), true), 0);
	CU_ASSERT_EQUAL(ask(CTL_ARP_LIST, NULL, 0, false), 0);
	CU_ASSERT_EQUAL(got.n, 1);
	TEST_BYTES(got.neigh[0].cn_mac, mac, 6);
	TEST_STRING(got.neigh[0].cn_ifname, "em0");
	CU_ASSERT_EQUAL(got.neigh[0].cn_permanent, 1);
	CU_ASSERT_EQUAL(got.neigh[0].cn_expires_s, 0);
	CU_ASSERT_EQUAL(ask(CTL_ARP_DELETE, &m, sizeof(m), true), 0);
	CU_ASSERT_EQUAL(ask(CTL_ARP_DELETE, &m, sizeof(m), true), ENOENT);
	CU_ASSERT_EQUAL(ask(CTL_ARP_LIST, NULL, 0, false), 0);
	CU_ASSERT_EQUAL(got.n, 0);
	test_row("refused");
	m.cn_mac[0] = 1;
	CU_ASSERT_EQUAL(ask(CTL_ARP_SET, &m, sizeof(m), true), EINVAL);
	memset(m.cn_mac, 0, 6);
	CU_ASSERT_EQUAL(ask(CTL_ARP_SET, &m, sizeof(m), true), EINVAL);
	memcpy(m.cn_mac, mac, 6);
	CU_ASSERT_NOT_EQUAL(ask(CTL_ARP_SET, &m, sizeof(m), false), 0);
	m.cn_addr.ad_bytes[8] = 1;
	CU_ASSERT_EQUAL(ask(CTL_ARP_SET, &m, sizeof(m), true), EINVAL);
	(void)addr_parse("172.16.0.1", &m.cn_addr);
	CU_ASSERT_EQUAL(ask(CTL_ARP_SET, &m, sizeof(m), true), ENETUNREACH);
	world_free(wo);
}

TEST_MAIN(
	TEST("routes", routes),
	TEST("neighbours", neighbours))
