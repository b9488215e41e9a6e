/* SPDX-License-Identifier: ISC */
/*
 * Why nobody answers, where somebody says so: our own network kernel, which has no
 * route or not the address, or an ICMP error.  It is said at once and when the
 * attempt ends, and changes nothing else.
 */
#include <string.h>

#include "../../sbin/ikectl/ikectl.h"
#include "../sys/pf/load.h"
#include "gateway.h"
#include "libutil/cur.h"
#include "libutil/log.h"
#include "net/if.h"
#include "test.h"

static struct sim *sim;
static struct gateway *a, *b;
static struct tunnel tunnel;
static const struct wire whole = { .wi_delay_ns = NSEC_PER_MSEC };

static void
run(unsigned ms)
{
	for (unsigned at = 0; at < ms; at += 10) {
		world_run(sim->s_wo, 10 * NSEC_PER_MSEC);
		gateway_turn(a);
		gateway_turn(b);
	}
}

static void
begin(uint64_t seed, struct wire wire)
{
	sim = sim_new(seed);
	log_init("hint", true, -1);
	a = &sim->s_gw[0];
	b = &sim->s_gw[1];
	world_link(sim->s_wo, a->g_wan, b->g_wan, wire);
}

static void
end(void)
{
	CU_ASSERT_EQUAL(sim->s_bad, 0);
	sim_free(sim);
}

static void
keep(void *arg, const struct ike_status *st)
{
	(void)arg;
	tunnel = (struct tunnel){ .tu_st = *st, .tu_now = gateway_ms(a) };
}

/* What ikectl says of the rule. */
static bool
says(enum ike_reason reason, const char *what)
{
	char text[400];

	ike_status(a->g_ip.ip_ike, gateway_ms(a), keep, NULL);
	if (tunnel_reason(&tunnel) == reason &&
	    strstr(tunnel_detail(&tunnel, text, sizeof(text)), what) != NULL)
		return true;
	printf("%s: %s\n", ike_reason_id(tunnel_reason(&tunnel)),
	    tunnel_detail(&tunnel, text, sizeof(text)));
	return false;
}

/* Until the attempt has ended; its last words. */
static bool
ends(enum ike_reason reason, const char *what)
{
	for (unsigned s = 0; s < 300 && a->g_events[IKE_EV_FAILED] == 0; s++)
		run(1000);
	return a->g_event.ev_type == IKE_EV_FAILED && a->g_event.ev_reason == reason &&
	    strstr(a->g_event.ev_text, what) != NULL;
}

/* Nothing at the peer has bound a port: its network kernel answers. */
static void
no_daemon(void)
{
	begin(1, whole);
	gateway_rule(a, "active", "", 1);
	gateway_rule(b, "passive", "", 1);
	gateway_start(a);
	run(200);
	CU_ASSERT_TRUE(says(IKE_R_NO_ANSWER, "nothing listens there"));
	CU_ASSERT_TRUE(ends(IKE_R_NO_ANSWER, "nothing listens there"));
	test_row("and with a daemon it comes up");
	gateway_start(b);
	run(120000);
	CU_ASSERT_EQUAL(a->g_ups, 1);
	CU_ASSERT_TRUE(says(IKE_R_NONE, ""));
	end();
}

static void
no_route(void)
{
	begin(2, whole);
	gateway_policy(a, "ikev2 \"t\" active esp from 10.1.0.0/24 to 10.2.0.0/24 "
	    "local 192.0.2.1 peer 198.51.100.9 psk \"" PSK "\"\n", 1);
	gateway_rule(b, "passive", "", 1);
	gateway_start(a);
	run(200);
	CU_ASSERT_TRUE(says(IKE_R_NO_ROUTE, "no route to the peer"));
	CU_ASSERT_TRUE(ends(IKE_R_NO_ROUTE, "no route to the peer"));
	end();
}

static void
not_ours(void)
{
	struct addr ours;

	begin(3, whole);
	(void)addr_parse("192.0.2.1", &ours);
	gateway_rule(a, "active", "", 1);
	gateway_rule(b, "passive", "", 1);
	gateway_start(b);
	gateway_start(a);
	nk_lock(a->g_nk);
	CU_ASSERT_EQUAL(if_addr_del(a->g_nk, a->g_wan, &ours), 0);
	nk_unlock(a->g_nk);
	run(4000);
	CU_ASSERT_TRUE(says(IKE_R_NO_ROUTE, "none of this router"));
	test_row("the interface is down");
	nk_lock(a->g_nk);
	CU_ASSERT_EQUAL(if_addr_add(a->g_nk, a->g_wan, &ours, 24), 0);
	CU_ASSERT_EQUAL(if_set_flags(a->g_nk, a->g_wan, 0), 0);
	nk_unlock(a->g_nk);
	run(4000);
	CU_ASSERT_TRUE(says(IKE_R_NO_ROUTE, "interface towards the peer is down"));
	test_row("and up again");
	nk_lock(a->g_nk);
	CU_ASSERT_EQUAL(if_set_flags(a->g_nk, a->g_wan, IF_F_UP), 0);
	nk_unlock(a->g_nk);
	run(20000);
	CU_ASSERT_EQUAL(a->g_ups, 1);
	end();
}

/* An address of our own network that nobody has. */
static void
nobody_there(void)
{
	begin(5, whole);
	gateway_policy(a, "ikev2 \"t\" active esp from 10.1.0.0/24 to 10.2.0.0/24 "
	    "local 192.0.2.1 peer 192.0.2.77 psk \"" PSK "\"\n", 1);
	gateway_rule(b, "passive", "", 1);
	gateway_start(a);
	run(500);
	CU_ASSERT_TRUE(says(IKE_R_NONE, ""));
	run(10000);
	CU_ASSERT_TRUE(says(IKE_R_NO_ANSWER, "does not answer ARP"));
	end();
}

/* Our own filter, and that it is asked again when it has changed. */
static void
own_rules(void)
{
	begin(6, whole);
	gateway_rule(a, "active", "", 1);
	gateway_rule(b, "passive", "", 1);
	nk_lock(a->g_nk);
	load(a->g_nk, "block all\n");
	nk_unlock(a->g_nk);
	gateway_start(b);
	gateway_start(a);
	run(100);
	CU_ASSERT_TRUE(says(IKE_R_NO_ROUTE, "pf.conf) block"));
	nk_lock(a->g_nk);
	load(a->g_nk, "block all\npass proto udp to port 500\n");
	nk_unlock(a->g_nk);
	run(20000);
	CU_ASSERT_EQUAL(a->g_ups, 1);
	end();
}

static uint64_t spi;		/* of the last message that was sent */

static void
see_spi(void *arg, const struct udp_msg *um, const uint8_t *data, size_t len)
{
	struct cur c = cur_init(data, len);

	(void)arg;
	if (um->um_op == UDP_DATA)
		spi = cur_u64(&c);
}

/* What does not name an exchange that is out says nothing. */
static void
of_others(void)
{
	struct addr peer, other;
	struct ike *ike;

	begin(4, whole);
	a->g_io.io_udp_send = see_spi;
	(void)addr_parse("192.0.2.2", &peer);
	(void)addr_parse("192.0.2.9", &other);
	gateway_rule(a, "active", "", 1);
	gateway_rule(b, "passive", "", 1);
	gateway_start(a);
	run(100);
	ike = a->g_ip.ip_ike;
	ike_hint(ike, gateway_ms(a), &peer, spi + 1, 0, IKE_HINT_NO_PORT);
	ike_hint(ike, gateway_ms(a), &peer, 0, spi, IKE_HINT_NO_PORT);
	ike_hint(ike, gateway_ms(a), &other, spi, 0, IKE_HINT_NO_PORT);
	CU_ASSERT_TRUE(says(IKE_R_NONE, ""));
	ike_hint(ike, gateway_ms(a), &peer, spi, 0, IKE_HINT_PROHIBITED);
	CU_ASSERT_TRUE(says(IKE_R_NO_ANSWER, "a filter on the way"));
	end();
}

TEST_MAIN(
	TEST("no daemon at the peer", no_daemon),
	TEST("no route", no_route),
	TEST("an address that is not ours", not_ours),
	TEST("nobody has the address", nobody_there),
	TEST("our own rules", own_rules),
	TEST("of other messages", of_others))
