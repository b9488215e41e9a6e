/* SPDX-License-Identifier: ISC */
/*
 * Two whole gateways in virtual time, and a wire on which what is longer than so
 * many bytes vanishes without a word: the size is found, the tunnel keeps to it,
 * senders are told, and MTU-01 says so.
 *
 *	path [part of a name]
 */
#include "../../sbin/ikectl/ikectl.h"
#include "gateway.h"
#include "libutil/log.h"
#include "netinet/ip.h"
#include "test.h"

#define GCM	"ikesa enc aes-128-gcm prf hmac-sha2-256 group curve25519"
#define CBC	"ikesa enc aes-256 auth hmac-sha2-256 prf hmac-sha2-256 group curve25519"
#define UDP_INNER 28

static struct sim *sim;
static unsigned told;		/* what a router says on each turn; 0: none does */

static void
run(unsigned ms, unsigned step)
{
	struct gateway *a = &sim->s_gw[0], *b = &sim->s_gw[1];
	struct addr to;

	(void)addr_parse("192.0.2.2", &to);
	for (unsigned at = 0; at < ms; at += step) {
		world_run(sim->s_wo, step * NSEC_PER_MSEC);
		gateway_turn(a);
		gateway_turn(b);
		if (told != 0) {
			ike_path_told(a->g_ip.ip_ike, gateway_ms(a), &to, told);
			ikeproc_act(&a->g_ip);
		}
	}
}

static void
begin(uint64_t seed, struct wire wire, const char *more)
{
	sim = sim_new(seed);
	log_init("path", true, -1);
	told = 0;
	wire.wi_delay_ns = 3 * NSEC_PER_MSEC;
	for (unsigned i = 0; i < 2; i++)
		sim->s_gw[i].g_set.is_pathmtu = 1;
	world_link(sim->s_wo, sim->s_gw[0].g_wan, sim->s_gw[1].g_wan, wire);
	gateway_rule(&sim->s_gw[0], "active", more, 1);
	gateway_rule(&sim->s_gw[1], "passive", more, 1);
	for (unsigned i = 0; i < 2; i++)
		gateway_start(&sim->s_gw[i]);
}

static void
end(void)
{
	CU_ASSERT_EQUAL(sim->s_bad, 0);
	sim_free(sim);
}

static void
wire(struct wire w)
{
	w.wi_delay_ns = 3 * NSEC_PER_MSEC;
	world_wire(sim->s_wo, sim->s_gw[0].g_wan, w);
}

static void
take_line(void *arg, const struct ike_status *st)
{
	*(struct ike_status *)arg = *st;
}

static struct ike_status
status(unsigned i)
{
	struct ike_status st = { .st_state = IKE_ST_DOWN };

	ikeproc_status(&sim->s_gw[i].g_ip, take_line, &st);
	return st;
}

static uint64_t
probes(unsigned i)
{
	struct ike_stats is;

	ike_stats(sim->s_gw[i].g_ip.ip_ike, &is);
	return is.is_probes;
}

/* ---- what the tunnel does -------------------------------------------- */

/* A packet of n bytes from the station behind gateway 0 to that behind 1. */
static void
send_packet(unsigned n, bool df)
{
	struct gateway *g = &sim->s_gw[0];
	static uint8_t f[2000];
	uint8_t *ip = f + 14, *udp = ip + 20;
	uint16_t sum;

	memset(f, 0, sizeof(f));
	memcpy(f, g->g_lan->if_mac, 6);
	memcpy(f + 6, station_mac, 6);
	f[12] = 8;
	ip[0] = 0x45;
	ip[2] = (uint8_t)(n >> 8);
	ip[3] = (uint8_t)n;
	ip[6] = df ? 0x40 : 0;
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	ip[12] = ip[16] = 10;
	ip[13] = 1;
	ip[17] = 2;
	ip[15] = ip[19] = 2;
	sum = in_fold(in_sum(ip, 20, 0));
	memcpy(ip + 10, &sum, 2);
	udp[4] = (uint8_t)((n - 20) >> 8);
	udp[5] = (uint8_t)(n - 20);
	wire_put(g->g_lan, f, n + 14);
}

/* Bytes of the packets that wait at a LAN, and what ICMP there says. */
static unsigned
waiting(unsigned i, unsigned *mtu)
{
	static uint8_t f[WIRE_FRAME_MAX];
	unsigned sum = 0;
	size_t len;

	*mtu = 0;
	while ((len = wire_take(sim->s_gw[i].g_lan, f, sizeof(f))) != 0) {
		if (f[12] != 8 || f[13] != 0)
			continue;
		if (f[23] == IPPROTO_ICMP && f[34] == 3 && f[35] == 4)
			*mtu = (unsigned)f[40] << 8 | f[41];
		else
			sum += (unsigned)len - 14;
	}
	return sum;
}

/* Is a packet of n bytes delivered, or else refused with this MTU? */
static bool
delivered(unsigned n, bool df, unsigned *refused)
{
	unsigned got;

	(void)waiting(0, refused);
	(void)waiting(1, refused);
	send_packet(n, df);
	run(60, 2);
	got = waiting(1, refused);
	(void)waiting(0, refused);
	return got >= n;
}

/* ---- found -------------------------------------------------------------- */

static void
nothing_is_wrong(void)
{
	begin(1, (struct wire){ .wi_loss = 0 }, GCM);
	run(8000, 2);
	test_row("the first size arrives: nothing said");
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1500);
	CU_ASSERT_FALSE(status(0).st_path_hole);
	CU_ASSERT_EQUAL(status(0).st_reason, IKE_R_NONE);
	CU_ASSERT_EQUAL(probes(0), 2);
	CU_ASSERT_EQUAL(probes(1), 2);
	CU_ASSERT_EQUAL(sim->s_gw[0].g_events[IKE_EV_NOTE], 0);
	test_row("and again each hour");
	run(4 * 3600 * 1000, 500);
	CU_ASSERT_TRUE(probes(0) >= 8 && probes(0) <= 14);
	CU_ASSERT_EQUAL(sim->s_gw[0].g_events[IKE_EV_NOTE], 0);
	end();
}

static void
finds_the_size(void)
{
	static const unsigned mtus[] = { 1499, 1372, 1280, 576 };
	unsigned mtu;

	for (unsigned i = 0; i < TEST_COUNT(mtus); i++) {
		test_row("%u bytes", mtus[i]);
		begin(i + 1, (struct wire){ .wi_loss = 0 }, GCM);
		run(800, 2);	/* the first messages may be longer than that */
		wire((struct wire){ .wi_mtu = mtus[i] });
		run(20000, 4);
		CU_ASSERT_EQUAL(status(0).st_path_mtu, mtus[i]);
		CU_ASSERT_EQUAL(status(1).st_path_mtu, mtus[i]);
		CU_ASSERT_TRUE(status(0).st_path_hole);
		CU_ASSERT_EQUAL(status(0).st_reason, IKE_R_MTU);
		CU_ASSERT_TRUE(status(0).st_state == IKE_ST_UP);
		CU_ASSERT_EQUAL(sim->s_gw[0].g_events[IKE_EV_NOTE], 1);
		CU_ASSERT_EQUAL(sim->s_gw[0].g_event.ev_reason, IKE_R_MTU);
		TEST_STRING(sim->s_gw[0].g_event.ev_text, status(0).st_note);
		CU_ASSERT_TRUE(probes(0) <= 24);
		CU_ASSERT_EQUAL(sim->s_gw[0].g_downs, 0);
		/* Too large is refused with what fits; that fits. */
		CU_ASSERT_FALSE(delivered(1460, true, &mtu));
		if (mtu == 0) {		/* the first packet is on the old path */
			CU_ASSERT_FALSE(delivered(1460, true, &mtu));
		}
		CU_ASSERT_TRUE(mtu > mtus[i] - 60 && mtu < mtus[i] - 30);
		CU_ASSERT_TRUE(delivered(mtu, true, &mtu));
		CU_ASSERT_TRUE(delivered(1460, false, &mtu));
		end();
	}
}

/* The number that MTU-01 names is the one that the network kernel keeps to. */
static void
says_what_is_kept_to(void)
{
	char want[64];
	unsigned mtu;

	for (int natt = 0; natt < 2; natt++) {
		test_row("%s", natt ? "another cipher" : "GCM");
		begin(1, (struct wire){ .wi_mtu = 1372 },
		    natt ? GCM " childsa enc aes-256 auth hmac-sha2-256" : GCM);
		run(20000, 2);
		(void)delivered(1460, true, &mtu);
		(void)delivered(1460, true, &mtu);
		CU_ASSERT_TRUE(mtu != 0);
		(void)snprintf(want, sizeof(want), "keeps to 1372 (%u within the tunnel)",
		    mtu);
		CU_ASSERT_PTR_NOT_NULL(strstr(status(0).st_note, want));
		CU_ASSERT_PTR_NOT_NULL(strstr(status(0).st_note,
		    "packets of more than 1372 bytes do not reach the peer"));
		end();
	}
}

static void
ciphers_of_blocks(void)
{
	for (unsigned mtu = 1300; mtu < 1320; mtu += 7) {
		test_row("%u bytes", mtu);
		begin(mtu, (struct wire){ .wi_mtu = mtu }, CBC);
		run(30000, 2);
		CU_ASSERT_TRUE(status(0).st_path_mtu <= mtu);
		CU_ASSERT_TRUE(status(0).st_path_mtu > mtu - 16);
		CU_ASSERT_TRUE(status(0).st_path_hole);
		end();
	}
}

/* Packets that are merely lost are no black hole, and one is still found. */
static void
lossy(void)
{
	unsigned found = 0, wrong = 0;

	for (unsigned seed = 1; seed <= 12; seed++) {
		unsigned mtu = seed % 2 == 0 ? 0 : 1372;
		struct ike_status st;

		begin(seed, (struct wire){ .wi_loss = 50, .wi_mtu = mtu }, GCM);
		run(30000, 4);
		st = status(0);
		if (st.st_path_at != 0)
			found++;
		if (st.st_path_at != 0 && (st.st_path_hole != (mtu != 0) ||
		    st.st_path_mtu > (mtu != 0 ? mtu : 1500) ||
		    st.st_path_mtu + 16U < (mtu != 0 ? mtu : 1500)))
			wrong++;
		end();
	}
	CU_ASSERT_TRUE(found >= 11);
	CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- what changes --------------------------------------------------------- */

static void
comes_and_goes(void)
{
	struct gateway *a;

	begin(1, (struct wire){ .wi_loss = 0 }, GCM);
	run(8000, 2);
	a = &sim->s_gw[0];
	test_row("a hole that comes is found by command");
	wire((struct wire){ .wi_mtu = 1400 });
	gateway_command(&sim->s_gw[0], IKE_CMD_CHECK);
	run(15000, 2);
	CU_ASSERT_EQUAL(a->g_events[IKE_EV_CHECKED], 1);
	CU_ASSERT_EQUAL(a->g_event.ev_reason, IKE_R_MTU);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1400);
	test_row("of the other end each hour");
	CU_ASSERT_EQUAL(status(1).st_path_mtu, 1500);
	run(3600 * 1000 * 5 / 4 - 30000, 500);
	run(60000, 10);
	CU_ASSERT_EQUAL(status(1).st_path_mtu, 1400);
	test_row("that what was found still holds costs few packets");
	run(20000, 2);
	{
		uint64_t was = probes(0);

		gateway_command(&sim->s_gw[0], IKE_CMD_CHECK);
		run(15000, 2);
		CU_ASSERT_EQUAL(a->g_events[IKE_EV_CHECKED], 2);
		CU_ASSERT_EQUAL(status(0).st_path_mtu, 1400);
		CU_ASSERT_TRUE(probes(0) - was <= 5);
	}
	test_row("new keys keep to it");
	gateway_command(&sim->s_gw[0], IKE_CMD_REKEY);
	run(2000, 2);
	gateway_command(&sim->s_gw[0], IKE_CMD_REKEY_IKE);
	run(2000, 2);
	gateway_command(&sim->s_gw[0], IKE_CMD_REKEY);
	run(8000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1400);
	{
		unsigned mtu;

		(void)delivered(1460, true, &mtu);
		(void)delivered(1460, true, &mtu);
		CU_ASSERT_TRUE(mtu > 1330 && mtu < 1370);
	}
	test_row("it grows");
	wire((struct wire){ .wi_mtu = 1450 });
	gateway_command(&sim->s_gw[0], IKE_CMD_CHECK);
	run(15000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1450);
	test_row("it shrinks");
	wire((struct wire){ .wi_mtu = 1200 });
	gateway_command(&sim->s_gw[0], IKE_CMD_CHECK);
	run(15000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1200);
	test_row("and is mended");
	wire((struct wire){ .wi_loss = 0 });
	gateway_command(&sim->s_gw[0], IKE_CMD_CHECK);
	run(5000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1500);
	CU_ASSERT_EQUAL(status(0).st_reason, IKE_R_NONE);
	CU_ASSERT_EQUAL(a->g_event.ev_type, IKE_EV_CHECKED);
	CU_ASSERT_EQUAL(a->g_event.ev_reason, IKE_R_NONE);
	CU_ASSERT_EQUAL(a->g_downs, 0);
	end();
}

/* A router that says so is no black hole; one that lies finds no belief. */
static void
a_router_tells(void)
{
	test_row("so much");
	begin(1, (struct wire){ .wi_mtu = 1400 }, GCM);
	told = 1400;
	run(8000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1400);
	CU_ASSERT_FALSE(status(0).st_path_hole);
	CU_ASSERT_EQUAL(status(0).st_reason, IKE_R_NONE);
	CU_ASSERT_TRUE(probes(0) <= 6);
	end();
	test_row("less than is so");
	begin(1, (struct wire){ .wi_loss = 0 }, GCM);
	told = 600;
	run(8000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1500);
	CU_ASSERT_EQUAL(sim->s_gw[0].g_events[IKE_EV_NOTE], 0);
	end();
	test_row("less than is so, and there is a hole");
	begin(1, (struct wire){ .wi_mtu = 1400 }, GCM);
	told = 600;
	run(20000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1400);
	CU_ASSERT_TRUE(status(0).st_path_hole);
	end();
}

static void
not_tried(void)
{
	unsigned mtu;

	begin(1, (struct wire){ .wi_mtu = 1400 }, GCM);
	test_row("set nopathmtu");
	sim->s_gw[0].g_set.is_pathmtu = 0;
	gateway_rule(&sim->s_gw[0], "active", GCM, 2);
	run(20000, 2);
	CU_ASSERT_EQUAL(probes(0), 0);
	test_row("but by command");
	gateway_command(&sim->s_gw[0], IKE_CMD_CHECK);
	run(15000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1400);
	end();
	test_row("what was found before does not hold any more");
	begin(1, (struct wire){ .wi_mtu = 1400 }, GCM);
	run(15000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1400);
	sim->s_gw[0].g_set.is_pathmtu = 0;
	gateway_rule(&sim->s_gw[0], "active", GCM, 2);
	wire((struct wire){ .wi_loss = 0 });
	run(1000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_at, 0);
	CU_ASSERT_FALSE(status(0).st_path_hole);
	CU_ASSERT_TRUE(delivered(1440, true, &mtu));
	end();
	test_row("where no fragments arrive");
	begin(1, (struct wire){ .wi_nofrag = true }, GCM);
	sim->s_gw[0].g_set.is_fragmentation = 0;
	gateway_rule(&sim->s_gw[0], "active", GCM, 2);
	run(3000, 2);
	gateway_command(&sim->s_gw[0], IKE_CMD_CHECK);
	run(8000, 2);
	CU_ASSERT_TRUE(probes(0) <= 2);
	CU_ASSERT_EQUAL(sim->s_gw[0].g_events[IKE_EV_CHECKED], 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(sim->s_gw[0].g_event.ev_text, "RFC 7383"));
	CU_ASSERT_TRUE(status(0).st_state == IKE_ST_UP);
	test_row("not even those of IKE");
	wire((struct wire){ .wi_mtu = 1400 });
	gateway_command(&sim->s_gw[0], IKE_CMD_CHECK);
	run(15000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1400);
	end();
	test_row("fragments of IKE do");
	begin(1, (struct wire){ .wi_nofrag = true, .wi_mtu = 1400 }, GCM);
	run(20000, 2);
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 1400);
	CU_ASSERT_TRUE(status(0).st_path_hole);
	end();
}

/* Exchanges do not wait for sizes that vanish. */
static void
in_between(void)
{
	begin(1, (struct wire){ .wi_mtu = 700 }, GCM);
	wire((struct wire){ .wi_loss = 0 });
	run(800, 2);
	wire((struct wire){ .wi_mtu = 700 });
	for (unsigned i = 0; i < 12; i++) {
		unsigned was = sim->s_gw[0].g_events[IKE_EV_CHILD_REKEYED];

		test_row("new keys, %u", i);
		gateway_command(&sim->s_gw[0], IKE_CMD_CHECK);
		run(150 + 50 * i, 2);
		gateway_command(&sim->s_gw[0], IKE_CMD_REKEY);
		run(300, 2);
		CU_ASSERT_TRUE(sim->s_gw[0].g_events[IKE_EV_CHILD_REKEYED] > was);
	}
	run(20000, 2);
	test_row("the size is found all the same");
	CU_ASSERT_EQUAL(status(0).st_path_mtu, 700);
	test_row("down");
	gateway_command(&sim->s_gw[0], IKE_CMD_CHECK);
	run(150, 2);
	gateway_command(&sim->s_gw[0], IKE_CMD_DOWN);
	run(500, 2);
	CU_ASSERT_EQUAL(sad_count(sim->s_gw[1].g_nk), 0);
	end();
}

TEST_MAIN(
    TEST("nothing is wrong", nothing_is_wrong),
    TEST("the size is found, and kept to", finds_the_size),
    TEST("what is said", says_what_is_kept_to),
    TEST("ciphers of blocks", ciphers_of_blocks),
    TEST("a lossy wire", lossy),
    TEST("what changes", comes_and_goes),
    TEST("a router tells", a_router_tells),
    TEST("not tried", not_tried),
    TEST("exchanges in between", in_between))
