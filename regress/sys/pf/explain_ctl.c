/* SPDX-License-Identifier: ISC */
/*
 * CTL_EXPLAIN: descriptions become the packets that they describe, what
 * cannot be is refused by name, and no request, however malformed, does more
 * than fail.
 */
#include <errno.h>

#include "kern/ctl_conn.h"
#include "load.h"
#include "netinet/ip.h"
#include "pf/explain.h"
#include "sys/netipsec/gateways.h"
#include "test.h"

static struct gateways gw;
static struct explain_info got;
static bool answered;
static int said;
static char text[300];

static bool
client_send(struct ctl_conn *cc, const void *rec, size_t len)
{
	struct ctl_hdr h;
	const uint8_t *body = (const uint8_t *)rec + sizeof(h);

	(void)cc;
	memcpy(&h, rec, sizeof(h));
	if ((h.ch_flags & CTL_F_END) == 0 && len == sizeof(h) + sizeof(got)) {
		memcpy(&got, body, sizeof(got));
		answered = true;
	} else if (h.ch_flags & CTL_F_END) {
		said = h.ch_errno;
		snprintf(text, sizeof(text), "%.*s", (int)(len - sizeof(h)), (const char *)body);
	}
	return true;
}

static int
ask_bytes(const void *body, size_t len)
{
	static struct ctl_conn anyone = { .cc_id = 1, .cc_fd = -1, .cc_send = client_send };
	static uint8_t rec[2000];
	struct ctl_hdr h = { .ch_version = CTL_VERSION, .ch_op = CTL_EXPLAIN, .ch_seq = 5 };

	answered = false;
	memcpy(rec, &h, sizeof(h));
	memcpy(rec + sizeof(h), body, len);
	nk_lock(gw.gw_a);
	ctl_message(gw.gw_a, world_clock(gw.gw_world), &anyone, rec, sizeof(h) + len);
	nk_unlock(gw.gw_a);
	return said;
}

static struct explain_req
described(uint8_t proto, const char *src, const char *dst)
{
	struct explain_req er = { .er_dir = EXPLAIN_IN, .er_proto = proto };

	snprintf(er.er_ifname, sizeof(er.er_ifname), "in0");
	if (!addr_parse(src, &er.er_src) || !addr_parse(dst, &er.er_dst))
		abort();
	return er;
}

static void
ask(const struct explain_req *er)
{
	CU_ASSERT_EQUAL(ask_bytes(er, sizeof(*er)), 0);
	CU_ASSERT_TRUE(answered);
}

static void
open_gateways(bool sas)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL,
	    .gc_suite = sas ? suite_by_name("aes-128-gcm") : NULL };

	gateways_open(&gw, &gc);
	load(gw.gw_a, "block\npass in on in0 proto { tcp udp icmp }\npass out on enc0\n"
	    "pass out on em0 proto esp\n");
}

static void
stages(void)
{
	struct explain_req er = described(6, "10.1.0.1", "10.2.0.1");

	open_gateways(true);
	er.er_sport = 1000;
	er.er_dport = 22;
	er.er_size = 1000;
	ask(&er);
	CU_ASSERT_EQUAL(got.ei_verdict, EXPLAIN_PROTECTED);
	CU_ASSERT_EQUAL(got.ei_state, EXPLAIN_ST_NEW);
	CU_ASSERT_EQUAL(got.ei_in.ep_action, EXPLAIN_SP_NONE);
	CU_ASSERT_EQUAL(got.ei_out.ep_action, SP_PROTECT);
	CU_ASSERT_EQUAL(got.ei_sa_out.es_spi, 0xabab0001);
	CU_ASSERT_EQUAL(got.ei_nrules, 3);
	TEST_STRING(got.ei_rule[0].ex_ifname, "in0");
	CU_ASSERT_EQUAL(got.ei_rule[0].ex_nr, 2);
	TEST_STRING(got.ei_rule[1].ex_ifname, "enc0");
	TEST_STRING(got.ei_rule[2].ex_ifname, "em0");
	CU_ASSERT_TRUE(got.ei_rule[2].ex_outer);
	CU_ASSERT_TRUE(got.ei_routed);
	CU_ASSERT_EQUAL(got.ei_hop, EXPLAIN_HOP_RESOLVED);
	TEST_STRING(got.ei_oif, "em0");
	CU_ASSERT_EQUAL(got.ei_packets, 1);

	test_row("too big");
	er.er_size = 1500;
	er.er_flags = EXPLAIN_F_DF;
	ask(&er);
	TEST_STRING(got.ei_drop_name, "IP_CANTFRAG");
	CU_ASSERT_EQUAL(got.ei_nanswers, 1);
	CU_ASSERT_EQUAL(got.ei_answer[0].ea_mtu, got.ei_mtu);
	CU_ASSERT_TRUE(got.ei_mtu > 1400 && got.ei_mtu < 1500);

	test_row("came through the SA from the peer");
	er = described(17, "10.2.0.1", "10.1.0.1");
	snprintf(er.er_ifname, sizeof(er.er_ifname), "em0");
	load(gw.gw_a, "pass\n");
	ask(&er);
	TEST_STRING(got.ei_drop_name, "SPD_CLEAR");
	er.er_flags = EXPLAIN_F_SPI;
	er.er_spi = 0xbaba0001;
	ask(&er);
	CU_ASSERT_EQUAL(got.ei_verdict, EXPLAIN_FORWARDED);
	TEST_STRING(got.ei_oif, "in0");
	TEST_STRING(got.ei_rule[0].ex_ifname, "enc0");

	test_row("from a broadcast address of ours");
	er = described(17, "10.1.0.255", "10.2.0.1");
	ask(&er);
	TEST_STRING(got.ei_drop_name, "IP_ADDR");
	CU_ASSERT_EQUAL(got.ei_nanswers, 0);
	gateways_close(&gw);

	test_row("no SA, nobody to ask");
	open_gateways(false);
	er = described(6, "10.1.0.1", "10.2.0.1");
	ask(&er);
	TEST_STRING(got.ei_drop_name, "SPD_NO_SA");
	gateways_close(&gw);
}

/* The next segment of a connection is one that its state takes. */
static void
next_segment(void)
{
	struct tp_spec s = { .tp_src = "10.1.0.1", .tp_dst = "10.2.0.1", .tp_proto = 6,
	    .tp_sport = 1000, .tp_dport = 22, .tp_flags = 2, .tp_seq = 77777 };
	struct explain_req er = described(6, "10.1.0.1", "10.2.0.1");
	struct explain_req back = described(6, "10.2.0.1", "10.1.0.1");

	open_gateways(true);
	er.er_sport = back.er_dport = 1000;
	er.er_dport = back.er_sport = 22;
	snprintf(back.er_ifname, sizeof(back.er_ifname), "em0");
	back.er_flags = EXPLAIN_F_SPI;
	back.er_spi = 0xbaba0001;
	test_row("the answer before the SYN");
	ask(&back);
	TEST_STRING(got.ei_drop_name, "PF_BLOCK");
	send_a(&gw, &s);
	test_row("the SYN again");
	ask(&er);
	TEST_STRING(got.ei_drop_name, "");
	CU_ASSERT_EQUAL(got.ei_verdict, EXPLAIN_PROTECTED);
	CU_ASSERT_EQUAL(got.ei_state, EXPLAIN_ST_KNOWN);
	test_row("the answer");
	ask(&back);
	CU_ASSERT_EQUAL(got.ei_verdict, EXPLAIN_FORWARDED);
	CU_ASSERT_EQUAL(got.ei_state, EXPLAIN_ST_KNOWN);
	CU_ASSERT_EQUAL(got.ei_dir, 1);
	test_row("flags as given");
	back.er_flags |= EXPLAIN_F_FLAGS;
	back.er_tcpflags = 0x10;
	ask(&back);
	gateways_close(&gw);
}

static const struct {
	const char	*name, *says;
	uint8_t		 dir, proto, flags, type;
	uint16_t	 size, off;
	const char	*ifname;
} refusals[] = {
	{ "direction", "in or out", 3, 6, 0, 0, 0, 0, "in0" },
	{ "interface", "no such interface", EXPLAIN_IN, 6, 0, 0, 0, 0, "in9" },
	{ "ICMP error", "cannot be described", EXPLAIN_IN, 1, 0, 3, 0, 0, "in0" },
	{ "size", "less than the headers", EXPLAIN_IN, 6, 0, 0, 30, 0, "in0" },
	{ "offset", "multiple of 8", EXPLAIN_IN, 6, 0, 0, 0, 4, "in0" },
	{ "flag", "unknown flag", EXPLAIN_IN, 6, 0x80, 0, 0, 0, "in0" },
	{ "SA", "no SA", EXPLAIN_IN, 6, EXPLAIN_F_SPI, 0, 0, 0, "em0" },
	{ "SA of what is made here", "through nothing", EXPLAIN_OUT, 6, EXPLAIN_F_SPI, 0, 0, 0, "" },
	{ "fragment made here", "not a fragment", EXPLAIN_OUT, 6, EXPLAIN_F_MORE, 0, 0, 0, "" },
};

static void
refused(void)
{
	open_gateways(true);
	for (size_t i = 0; i < TEST_COUNT(refusals); i++) {
		struct explain_req er = described(refusals[i].proto, "10.1.0.1", "10.2.0.1");

		test_row("%s", refusals[i].name);
		er.er_dir = refusals[i].dir;
		er.er_flags = refusals[i].flags;
		er.er_icmp_type = refusals[i].type;
		er.er_size = refusals[i].size;
		er.er_off = refusals[i].off;
		snprintf(er.er_ifname, sizeof(er.er_ifname), "%s", refusals[i].ifname);
		CU_ASSERT_NOT_EQUAL(ask_bytes(&er, sizeof(er)), 0);
		CU_ASSERT_FALSE(answered);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, refusals[i].says));
	}
	gateways_close(&gw);
}

/* Requests of random bytes, and good ones with some of them changed. */
static void
hostile(void)
{
	struct explain_req er;
	uint8_t *raw = (uint8_t *)&er;
	uint64_t drops = 0;
	unsigned good = 0;

	open_gateways(true);
	for (unsigned i = 0; i < 3000; i++) {
		er = described((uint8_t)(i % 3 == 0 ? 6 : i % 3 == 1 ? 17 : 1), "10.1.0.1",
		    i & 8 ? "10.1.0.254" : "10.2.0.1");
		for (unsigned n = (unsigned)(world_rand(gw.gw_world) % 6); n != 0; n--)
			raw[world_rand(gw.gw_world) % sizeof(er)] =
			    (uint8_t)world_rand(gw.gw_world);
		if (i % 10 == 0)
			for (size_t at = 0; at < sizeof(er); at++)
				raw[at] = (uint8_t)world_rand(gw.gw_world);
		good += ask_bytes(&er, sizeof(er)) == 0;
	}
	CU_ASSERT_EQUAL(ask_bytes(&er, sizeof(er) - 1), EINVAL);
	for (unsigned i = 0; i < DROP_MAX; i++)
		drops += world_drops(gw.gw_a, (enum drop_reason)i);
	CU_ASSERT_EQUAL(drops, 0);
	CU_ASSERT_EQUAL(flow_count(gw.gw_a->nk_worker[0]), 0);
	CU_ASSERT_TRUE(good > 500);
	gateways_close(&gw);
}

TEST_MAIN(
	TEST("stages", stages),
	TEST("the next segment", next_segment),
	TEST("refusals", refused),
	TEST("hostile requests", hostile))
