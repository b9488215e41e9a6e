/* SPDX-License-Identifier: ISC */
/*
 * The virtio header both ways, receive slots, and drivers' arguments.
 */
#include "test.h"

#include "dev/options.h"
#include "dev/vnet.h"
#include "kern/pool.h"

static struct nk nk;
static struct worker w;

static void
setup(void)
{
	memset(&nk, 0, sizeof(nk));
	memset(&w, 0, sizeof(w));
	nk.nk_nworkers = 1;
	nk.nk_worker[0] = &w;
	w.w_nk = &nk;
	w.w_pool = pkt_pool_new(0, 8, 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w.w_pool);
}

/* What readv() would do with n bytes that count up. */
static void
fill(struct vnet_slot *vs, const struct virtio_net_hdr *h, size_t n)
{
	size_t at = 0;

	memcpy(vs->vs_iov[0].iov_base, h, sizeof(*h));
	for (int i = 0; i < 2; i++)
		for (size_t j = i == 0 ? sizeof(*h) : 0; j < vs->vs_iov[i].iov_len && at < n; j++)
			((uint8_t *)vs->vs_iov[i].iov_base)[j] = (uint8_t)(at++ * 7);
}

static bool
intact(const struct pkt *p)
{
	for (size_t i = 0; i < p->pkt_len; i++)
		if (p->pkt_data[i] != (uint8_t)(i * 7))
			return false;
	return true;
}

static void
slots(void)
{
	static const struct { size_t len; bool taken, large; } cases[] = {
		{ 0, false, false }, { 13, false, false }, { 14, true, false },
		{ 1514, true, false }, { VNET_FIRST, true, false },
		{ VNET_FIRST + 1, true, true }, { 65549, true, true },
		{ VNET_FIRST + VNET_REST + 1, false, false },
	};
	struct vnet_slot vs = { .vs_small = NULL };
	struct virtio_net_hdr h = { 0 };
	struct pkt_usage u;
	struct pkt *p;

	setup();
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%zu bytes", cases[i].len);
		CU_ASSERT_TRUE_FATAL(vnet_slot_fill(&w, &vs));
		fill(&vs, &h, cases[i].len);
		p = vnet_slot_take(&vs, sizeof(h) + cases[i].len);
		CU_ASSERT_EQUAL(p != NULL, cases[i].taken);
		if (p == NULL)
			continue;
		CU_ASSERT_EQUAL(p->pkt_len, cases[i].len);
		CU_ASSERT_EQUAL(p->pkt_bufsize > PKT_SMALL, cases[i].large);
		CU_ASSERT_TRUE(pkt_headroom(p) >= PKT_HEADROOM);
		CU_ASSERT_TRUE(pkt_tailroom(p) >= PKT_TAILROOM);
		CU_ASSERT_TRUE(intact(p));
		pkt_free(&w, p);
	}
	test_row("no header at all");
	CU_ASSERT_PTR_NULL(vnet_slot_take(&vs, 3));
	test_row("all buffers are back");
	vnet_slot_free(&w, &vs);
	pkt_pool_usage(w.w_pool, &u);
	CU_ASSERT_EQUAL(u.pu_small_free, 8);
	CU_ASSERT_EQUAL(u.pu_large_free, 4);
	test_row("pool empty");
	for (int i = 0; i < 4; i++)
		CU_ASSERT_PTR_NOT_NULL(pkt_alloc(&w, 60000));
	CU_ASSERT_FALSE(vnet_slot_fill(&w, &vs));
	pkt_pool_free(w.w_pool);
}

static void
headers(void)
{
	static const struct {
		const char *name; struct virtio_net_hdr h; size_t len;
		uint16_t flags; uint8_t gso; bool taken, same;
	} cases[] = {
		{ "plain", { .flags = 0 }, 100, 0, PKT_GSO_NONE, true, true },
		{ "known good", { .flags = VIRTIO_NET_HDR_F_DATA_VALID }, 100, PKT_F_CSUM_OK,
		    PKT_GSO_NONE, true, false },
		{ "unfinished", { .flags = 1, .csum_start = 34, .csum_offset = 6 }, 100,
		    PKT_F_CSUM_OK | PKT_F_CSUM_PARTIAL, PKT_GSO_NONE, true, true },
		{ "unfinished, at the very end", { .flags = 1, .csum_start = 90,
		    .csum_offset = 8 }, 100, PKT_F_CSUM_OK | PKT_F_CSUM_PARTIAL,
		    PKT_GSO_NONE, true, true },
		{ "unfinished, beyond the end", { .flags = 1, .csum_start = 90,
		    .csum_offset = 9 }, 100, 0, 0, false, false },
		{ "TCP super-packet", { .flags = 1, .gso_type = 1, .gso_size = 1448,
		    .hdr_len = 54, .csum_start = 34, .csum_offset = 16 }, 5000,
		    PKT_F_CSUM_OK | PKT_F_CSUM_PARTIAL | PKT_F_LARGE, PKT_GSO_TCP4, true, true },
		{ "UDP super-packet", { .flags = 1, .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
		    .gso_size = 1400, .hdr_len = 42, .csum_start = 34, .csum_offset = 6 }, 5000,
		    PKT_F_CSUM_OK | PKT_F_CSUM_PARTIAL | PKT_F_LARGE, PKT_GSO_UDP, true, true },
		{ "super-packet without a size", { .flags = 1, .gso_type = 1,
		    .csum_start = 34, .csum_offset = 16 }, 5000, 0, 0, false, false },
	};
	struct vnet_slot vs = { .vs_small = NULL };
	struct virtio_net_hdr out;
	struct pkt *p;

	setup();
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		CU_ASSERT_TRUE_FATAL(vnet_slot_fill(&w, &vs));
		fill(&vs, &cases[i].h, cases[i].len);
		p = vnet_slot_take(&vs, sizeof(out) + cases[i].len);
		CU_ASSERT_EQUAL(p != NULL, cases[i].taken);
		if (p == NULL)
			continue;
		CU_ASSERT_EQUAL(p->pkt_flags, cases[i].flags);
		CU_ASSERT_EQUAL(p->pkt_gso, cases[i].gso);
		CU_ASSERT_EQUAL(p->pkt_gso_size, cases[i].h.gso_size);
		p->pkt_data[34 + 12] = 0x50;		/* a TCP header of 20 bytes */
		vnet_tx(p, &out);
		if (cases[i].same)
			TEST_BYTES(&out, &cases[i].h, sizeof(out));
		pkt_free(&w, p);
	}
	test_row("a header was put in front");
	CU_ASSERT_TRUE_FATAL(vnet_slot_fill(&w, &vs));
	fill(&vs, &cases[2].h, 100);
	p = vnet_slot_take(&vs, sizeof(out) + 100);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	(void)pkt_push(p, 20);
	vnet_tx(p, &out);
	CU_ASSERT_EQUAL(out.csum_start, 54);
	pkt_pool_free(w.w_pool);
}

static void
arguments(void)
{
	struct option_iter oi;
	uint64_t v = 7;

	option_start(&oi, "eth0,promisc,,in=/tmp/a=b,loop=");
	CU_ASSERT_TRUE(option_next(&oi));
	TEST_STRING(oi.oi_name, "eth0");
	TEST_STRING(oi.oi_value, "");
	CU_ASSERT_TRUE(option_next(&oi));
	TEST_STRING(oi.oi_name, "promisc");
	CU_ASSERT_TRUE(option_next(&oi));
	TEST_STRING(oi.oi_name, "in");
	TEST_STRING(oi.oi_value, "/tmp/a=b");
	CU_ASSERT_TRUE(option_next(&oi));
	TEST_STRING(oi.oi_name, "loop");
	TEST_STRING(oi.oi_value, "");
	CU_ASSERT_FALSE(option_next(&oi));
	option_start(&oi, "");
	CU_ASSERT_FALSE(option_next(&oi));

	CU_ASSERT_TRUE(option_number("10", 1, 10, &v));
	CU_ASSERT_EQUAL(v, 10);
	CU_ASSERT_FALSE(option_number("11", 1, 10, &v));
	CU_ASSERT_FALSE(option_number("0", 1, 10, &v));
	CU_ASSERT_FALSE(option_number("", 0, 10, &v));
	CU_ASSERT_FALSE(option_number("-1", 0, 10, &v));
	CU_ASSERT_FALSE(option_number("1k", 0, 10, &v));
	CU_ASSERT_FALSE(option_number("99999999999999999999", 0, UINT64_MAX, &v));
}

TEST_MAIN(
	TEST("slots", slots),
	TEST("headers", headers),
	TEST("arguments", arguments))
