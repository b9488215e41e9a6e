/* SPDX-License-Identifier: ISC */
/*
 * Generated packets are what was asked for: sizes, addresses, ports, correct
 * checksums.
 */
#include "devtest.h"

#include "netinet/ip.h"

static void
options(void)
{
	static const struct { const char *arg; bool ok; } cases[] = {
		{ "", true }, { "size=28", true }, { "size=27", false }, { "size=9001", false },
		{ "imix", true }, { "src=10.0.0.1,dst=10.0.0.2", true }, { "src=10.0.0", false },
		{ "flows=0", false }, { "flows=100000,random", true },
		{ "dmac=02:00:00:00:00:01", true }, { "dmac=02:00:00:00:00", false },
		{ "dmac=02:00:00:00:00:01:02", false }, { "sink", true }, { "speed=3", false },
	};
	struct nk *nk = devtest_nk();
	struct ifnet *ifp;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("'%s'", cases[i].arg);
		ifp = devtest_if(nk, &pktgen_ops, cases[i].arg);
		CU_ASSERT_EQUAL(ifp != NULL, cases[i].ok);
		if (ifp != NULL)
			CU_ASSERT_EQUAL(if_destroy(nk, ifp), 0);
	}
	nk_free(nk);
}

static void
packets(void)
{
	static const struct {
		const char *arg; unsigned srcs, dsts, ports; uint32_t bytes;
	} cases[] = {
		{ "size=64", 1, 1, 1, 64 * 640 },
		{ "size=1420,flows=10", 1, 1, 10, 1420 * 640 },
		{ "size=28,flows=40,srcs=4,dsts=10", 4, 10, 40, 28 * 640 },
		{ "size=64,flows=16,srcs=16,dsts=16,random", 16, 16, 16, 64 * 640 },
		{ "imix", 1, 1, 1, 0 },
	};
	struct nk *nk = devtest_nk();
	struct pktvec v;
	bool good;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct ifnet *ifp = devtest_if(nk, &pktgen_ops, cases[i].arg);
		bool src[64] = { false }, dst[64] = { false }, port[64] = { false };
		unsigned nsrc = 0, ndst = 0, nport = 0;
		uint32_t bytes = 0;

		test_row("%s", cases[i].arg);
		CU_ASSERT_PTR_NOT_NULL_FATAL(ifp);
		good = true;
		for (int round = 0; round < 10; round++) {
			CU_ASSERT_EQUAL(devtest_rx(ifp, &v), PKT_VEC_MAX);
			for (unsigned j = 0; j < v.pv_n; j++) {
				struct pkt *p = v.pv_pkt[j];

				good = good && memcmp(p->pkt_data, ifp->if_mac, 6) == 0;
				pkt_pull(p, 14);
				bytes += p->pkt_len;
				good = good && ip_parse(p) == DROP_NONE;
				src[ntohl(p->pkt_key.fk_src4) - 0x0a010002] = true;
				dst[ntohl(p->pkt_key.fk_dst4) - 0x0a020002] = true;
				port[ntohs(p->pkt_key.fk_sport) - 1024] = true;
			}
			devtest_free(ifp, &v);
		}
		for (int j = 0; j < 64; j++) {
			nsrc += src[j];
			ndst += dst[j];
			nport += port[j];
		}
		CU_ASSERT_TRUE(good);
		CU_ASSERT_EQUAL(nsrc, cases[i].srcs);
		CU_ASSERT_EQUAL(ndst, cases[i].dsts);
		CU_ASSERT_EQUAL(nport, cases[i].ports);
		if (cases[i].bytes != 0)
			CU_ASSERT_EQUAL(bytes, cases[i].bytes);
		CU_ASSERT_EQUAL(if_destroy(nk, ifp), 0);
	}
	nk_free(nk);
}

static void
limits(void)
{
	struct nk *nk = devtest_nk();
	struct ifnet *ifp;
	struct pktvec v;

	test_row("count");
	ifp = devtest_if(nk, &pktgen_ops, "count=70");
	CU_ASSERT_EQUAL(devtest_rx(ifp, &v), 64);
	devtest_free(ifp, &v);
	CU_ASSERT_EQUAL(devtest_rx(ifp, &v), 6);
	devtest_free(ifp, &v);
	CU_ASSERT_EQUAL(devtest_rx(ifp, &v), 0);
	test_row("down");
	CU_ASSERT_EQUAL(if_destroy(nk, ifp), 0);
	ifp = devtest_if(nk, &pktgen_ops, "");
	CU_ASSERT_EQUAL(if_set_flags(nk, ifp, 0), 0);
	CU_ASSERT_EQUAL(devtest_rx(ifp, &v), 0);
	test_row("sink");
	CU_ASSERT_EQUAL(if_destroy(nk, ifp), 0);
	ifp = devtest_if(nk, &pktgen_ops, "sink");
	CU_ASSERT_EQUAL(devtest_rx(ifp, &v), 0);
	nk_free(nk);
}

TEST_MAIN(
	TEST("options", options),
	TEST("packets", packets),
	TEST("limits", limits))
