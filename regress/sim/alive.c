/* SPDX-License-Identifier: ISC */
/*
 * Two whole gateways in virtual time: packets show that a peer lives; a tunnel on
 * which nothing comes back is said to be silent; and a full key socket leaves no
 * SA behind.
 *
 *	alive [part of a name]
 */
#include <errno.h>

#include "../../sbin/ikectl/ikectl.h"
#include "gateway.h"
#include "libutil/log.h"
#include "station.h"
#include "test.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HASTY		5
#endif
#endif
#ifndef HASTY
#define HASTY		20	/* histories */
#endif

static struct sim *sim;

/* A tunnel that is up, on a wire that loses nothing. */
static void
begin(void)
{
	sim = sim_new(1);
	log_init("alive", true, -1);
	world_link(sim->s_wo, sim->s_gw[0].g_wan, sim->s_gw[1].g_wan,
	    (struct wire){ .wi_delay_ns = 3 * NSEC_PER_MSEC });
	gateway_rule(&sim->s_gw[0], "active", "", 1);
	gateway_rule(&sim->s_gw[1], "passive", "", 1);
	for (unsigned i = 0; i < 2; i++)
		gateway_start(&sim->s_gw[i]);
	stations_run(sim, 2000, 0);
	CU_ASSERT_EQUAL(sad_count(sim->s_gw[0].g_nk), 2);
	CU_ASSERT_EQUAL(sad_count(sim->s_gw[1].g_nk), 2);
}

static void
end(void)
{
	CU_ASSERT_EQUAL(sim->s_bad, 0);
	sim_free(sim);
}

/* Liveness checks that this gateway has sent. */
static uint64_t
checks(unsigned i)
{
	struct ike_stats is;

	ike_stats(sim->s_gw[i].g_ip.ip_ike, &is);
	return is.is_liveness;
}

/* ---- liveness --------------------------------------------------------- */

static void
packets_spare_the_question(void)
{
	uint64_t was;

	begin();
	test_row("packets both ways: no liveness check in 200 s");
	stations_run(sim, 200000, 3);
	CU_ASSERT_TRUE(sim->s_gw[0].g_got > 1000);
	CU_ASSERT_EQUAL(checks(0) + checks(1), 0);
	test_row("one way: only the one that hears nothing asks");
	stations_run(sim, 200000, 1);
	CU_ASSERT_TRUE(checks(0) > 3);
	CU_ASSERT_EQUAL(checks(1), 0);
	test_row("no packets: asked as often as the rule says");
	was = checks(0) + checks(1);
	stations_run(sim, 200000, 0);
	CU_ASSERT_TRUE(checks(0) + checks(1) > was + 3);
	end();
}

/* The peer dies while packets went both ways: found as soon as without them. */
static void
dies_under_traffic(void)
{
	begin();
	stations_run(sim, 100000, 3);
	world_wire(sim->s_wo, sim->s_gw[0].g_wan, (struct wire){ .wi_loss = 1000 });
	stations_run(sim, 400000, 3);
	CU_ASSERT_EQUAL(sad_count(sim->s_gw[0].g_nk), 0);
	CU_ASSERT_EQUAL(sad_count(sim->s_gw[1].g_nk), 0);
	end();
}

/* ---- set lines ---------------------------------------------------------- */

static void
set_lines(void)
{
	struct gateway *a;
	struct sa *sa;
	struct sad_cursor c;
	uint32_t spi;
	uint64_t was;
	char text[160];

	begin();
	a = &sim->s_gw[0];
	sad_cursor_start(a->g_nk, &c);
	sa = sad_cursor_next(a->g_nk, &c);
	spi = sa->sa_spi;
	sad_cursor_end(a->g_nk, &c);
	test_row("dpd off: never asked");
	a->g_set.is_dpd = sim->s_gw[1].g_set.is_dpd = 0;
	gateway_rule(a, "active", "", 2);
	gateway_rule(&sim->s_gw[1], "passive", "", 2);
	stations_run(sim, 200000, 0);
	CU_ASSERT_EQUAL(checks(0) + checks(1), 0);
	test_row("dpd 5 s: asked at once, and so often");
	a->g_set.is_dpd = 5;
	gateway_rule(a, "active", "", 3);
	stations_run(sim, 60000, 0);
	CU_ASSERT_TRUE(checks(0) >= 9 && checks(0) <= 13);
	test_row("dpd 30 s");
	was = checks(0);
	a->g_set.is_dpd = 30;
	gateway_rule(a, "active", "", 4);
	stations_run(sim, 60000, 0);
	CU_ASSERT_TRUE(checks(0) - was >= 1 && checks(0) - was <= 3);

	test_row("another port for NAT traversal");
	CU_ASSERT_TRUE(udp_is_natt(a->g_nk, htons(4500)));
	a->g_set.is_nattport = 4600;
	gateway_rule(a, "active", "", 5);
	CU_ASSERT_EQUAL(a->g_ip.ip_natt_port, 4500);
	stations_run(sim, 100, 0);
	CU_ASSERT_EQUAL(a->g_ip.ip_natt_port, 4600);
	CU_ASSERT_TRUE(udp_is_natt(a->g_nk, htons(4600)));
	CU_ASSERT_TRUE(udp_is_natt(a->g_nk, htons(4500)));
	TEST_STRING(a->g_ip.ip_notice, "");
	test_row("one that is not to be had");
	a->g_set.is_nattport = 500;
	gateway_rule(a, "active", "", 6);
	stations_run(sim, 100, 0);
	CU_ASSERT_EQUAL(a->g_ip.ip_natt_port, 4600);
	(void)snprintf(text, sizeof(text), "set nattport 500 is not in force "
	    "(%s): NAT traversal stays on UDP port 4600", strerror(EADDRINUSE));
	TEST_STRING(a->g_ip.ip_notice, text);
	test_row("and back");
	a->g_set.is_nattport = 4500;
	gateway_rule(a, "active", "", 7);
	stations_run(sim, 100, 0);
	CU_ASSERT_EQUAL(a->g_ip.ip_natt_port, 4500);
	TEST_STRING(a->g_ip.ip_notice, "");

	test_row("none of this touches the tunnel");
	sad_cursor_start(a->g_nk, &c);
	sa = sad_cursor_next(a->g_nk, &c);
	CU_ASSERT_EQUAL(sa->sa_spi, spi);
	sad_cursor_end(a->g_nk, &c);
	end();
}

/* ---- up, silent --------------------------------------------------------- */

struct counted {
	struct tunnel	*co_tu;
	struct gateway	*co_gw;
};

static void
count_sa(void *arg, struct sa *sa)
{
	struct counted *co = arg;
	struct tunnel *tu = co->co_tu;
	int64_t last = sa->sa_last_ns == 0 ? 0 : time(NULL) - (int64_t)
	    ((world_now(sim->s_wo) - sa->sa_last_ns) / NSEC_PER_SEC);

	if (ntohl(sa->sa_spi) == tu->tu_st.st_spi_in)
		tu->tu_in_last = last;
	else if (ntohl(sa->sa_spi) == tu->tu_st.st_spi_out)
		tu->tu_out_last = last;
	else
		return;
	tu->tu_asked = tu->tu_counted = true;
}

static void
take_line(void *arg, const struct ike_status *st)
{
	*(struct ike_status *)arg = *st;
}

/* What ikectl sees: iked's line and the network kernel's counters. */
static struct tunnel
look(unsigned i)
{
	struct gateway *g = &sim->s_gw[i];
	struct tunnel tu = { .tu_now = gateway_ms(g) };
	struct counted co = { &tu, g };

	ikeproc_status(&g->g_ip, take_line, &tu.tu_st);
	sad_walk(g->g_nk, count_sa, &co);
	return tu;
}

static const char *
word(unsigned i)
{
	static char buf[32];
	struct tunnel tu = look(i);

	return tunnel_state(&tu, buf);
}

static bool
json_says(const struct tunnel *tu, const char *name, const char *want)
{
	cJSON *o = status_json_tunnel(tu);
	const char *is = cJSON_GetStringValue(cJSON_GetObjectItem(o, name));
	bool ok = is != NULL && strcmp(is, want) == 0;

	if (!ok)
		printf("%s: %s, not %s\n", name, is != NULL ? is : "none", want);
	cJSON_Delete(o);
	return ok;
}

static void
silent(void)
{
	struct tunnel tu;
	char buf[IKE_TEXT_MAX];

	begin();
	test_row("no traffic is not silence");
	stations_run(sim, 200000, 0);
	TEST_STRING(word(0), "up");
	TEST_STRING(word(1), "up");
	test_row("traffic both ways");
	stations_run(sim, 10000, 3);
	TEST_STRING(word(0), "up");
	TEST_STRING(word(1), "up");
	test_row("what is sent is not answered: not at once silent");
	stations_run(sim, 60000, 1);
	TEST_STRING(word(0), "up");
	test_row("but after a while, at the end that sends");
	stations_run(sim, 80000, 1);
	TEST_STRING(word(0), "up, silent");
	TEST_STRING(word(1), "up");
	tu = look(0);
	CU_ASSERT_TRUE(tunnel_up(&tu));
	CU_ASSERT_TRUE(json_says(&tu, "state", "up, silent"));
	CU_ASSERT_TRUE(json_says(&tu, "status", "silent"));
	CU_ASSERT_TRUE(json_says(&tu, "reason", "NET-03"));
	TEST_STRING(tunnel_note(&tu, buf, sizeof(buf)),
	    "nothing received for 2m: ikectl why t");
	CU_ASSERT_PTR_NOT_NULL(strstr(tunnel_detail(&tu, buf, sizeof(buf)),
	    "ESP (IP protocol 50)"));
	CU_ASSERT_EQUAL(tunnel_reason(&tu), IKE_R_ONE_WAY);
	test_row("one packet ends it");
	stations_run(sim, 2000, 3);
	TEST_STRING(word(0), "up");
	tu = look(0);
	CU_ASSERT_EQUAL(tunnel_reason(&tu), IKE_R_NONE);
	TEST_STRING(tunnel_note(&tu, buf, sizeof(buf)), "");
	test_row("a tunnel that never received anything");
	gateway_command(&sim->s_gw[0], IKE_CMD_REKEY);
	stations_run(sim, 140000, 1);
	TEST_STRING(word(0), "up, silent");
	end();
}

/* ---- packets that come twice -------------------------------------------- */

static void
repeated(void)
{
	const struct wire clean = { .wi_delay_ns = 3 * NSEC_PER_MSEC };
	struct wire twice = clean;
	struct tunnel tu;
	char buf[IKE_TEXT_MAX], end_of[64];
	unsigned of, s, many;

	begin();
	test_row("a few are no trouble");
	twice.wi_dup = 5;
	world_wire(sim->s_wo, sim->s_gw[0].g_wan, twice);
	stations_run(sim, 65000, 3);
	world_wire(sim->s_wo, sim->s_gw[0].g_wan, clean);
	CU_ASSERT_EQUAL(sim->s_gw[1].g_events[IKE_EV_NOTE], 0);
	test_row("many are told, with the number of them");
	twice.wi_dup = 200;
	world_wire(sim->s_wo, sim->s_gw[0].g_wan, twice);
	stations_run(sim, 90000, 3);
	world_wire(sim->s_wo, sim->s_gw[0].g_wan, clean);
	CU_ASSERT_EQUAL(sim->s_gw[1].g_events[IKE_EV_NOTE], 1);
	CU_ASSERT_EQUAL(sim->s_gw[1].g_event.ev_reason, IKE_R_REPLAY);
	CU_ASSERT_EQUAL(sscanf(sim->s_gw[1].g_event.ev_text, "of %u packets that "
	    "came within %u s %u were dropped%63[^.]", &of, &s, &many, end_of), 4);
	CU_ASSERT_TRUE(s >= 10 && s <= 60 && many >= 16 && many < of / 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(sim->s_gw[1].g_event.ev_text,
	    "window of 1024 packets"));
	test_row("ikectl, the page and JSON say it");
	tu = look(1);
	TEST_STRING(word(1), "up");
	CU_ASSERT_EQUAL(tunnel_reason(&tu), IKE_R_REPLAY);
	CU_ASSERT_TRUE(tunnel_trouble(&tu));
	CU_ASSERT_TRUE(json_says(&tu, "reason", "REPLAY-01"));
	CU_ASSERT_PTR_NOT_NULL(strstr(tunnel_detail(&tu, buf, sizeof(buf)),
	    "were dropped"));
	test_row("until they are few again");
	stations_run(sim, 90000, 3);
	tu = look(1);
	CU_ASSERT_EQUAL(tunnel_reason(&tu), IKE_R_NONE);
	CU_ASSERT_EQUAL(sim->s_gw[1].g_events[IKE_EV_NOTE], 1);
	end();
}

/* ---- a full key socket -------------------------------------------------- */

static void
key_socket_full(void)
{
	struct gateway *a, *b;

	begin();
	a = &sim->s_gw[0];
	b = &sim->s_gw[1];
	test_row("SAs that are deleted while it is full go afterwards");
	a->g_key_full = true;
	gateway_command(&sim->s_gw[0], IKE_CMD_DOWN);
	stations_run(sim, 3000, 0);
	CU_ASSERT_EQUAL(sad_count(a->g_nk), 2);
	CU_ASSERT_EQUAL(sad_count(b->g_nk), 0);
	CU_ASSERT_TRUE(ikeproc_deadline(&a->g_ip) <= gateway_ms(a) + 1000);
	a->g_key_full = false;
	stations_run(sim, 100, 0);
	CU_ASSERT_EQUAL(sad_count(a->g_nk), 0);
	CU_ASSERT_PTR_NULL(a->g_ip.ip_waiting.wa_first);

	test_row("rekeys meanwhile leave one pair");
	gateway_command(&sim->s_gw[0], IKE_CMD_UP);
	stations_run(sim, 3000, 0);
	CU_ASSERT_EQUAL(sad_count(a->g_nk), 2);
	for (unsigned i = 0; i < 20; i++) {
		struct gateway *g = &sim->s_gw[i % 2];

		gateway_command(&sim->s_gw[1 - i % 2], i % 3 == 0 ?
		    IKE_CMD_REKEY_IKE : IKE_CMD_REKEY);
		g->g_key_full = true;
		stations_run(sim, 10 + 17 * i, 3);
		g->g_key_full = false;
		stations_run(sim, 5000, 3);
	}
	stations_run(sim, 400000, 0);
	CU_ASSERT_EQUAL(sad_count(a->g_nk), 2);
	CU_ASSERT_EQUAL(sad_count(b->g_nk), 2);
	test_row("and it carries traffic");
	a->g_first = a->g_sent;
	stations_run(sim, 2000, 3);
	CU_ASSERT_TRUE(a->g_sent > a->g_first);
	stations_run(sim, 200, 0);
	for (unsigned n = a->g_first; n < a->g_sent; n++)
		CU_ASSERT_TRUE(b->g_seen[n]);
	test_row("nothing is left in the end");
	a->g_key_full = b->g_key_full = true;
	gateway_command(&sim->s_gw[0], IKE_CMD_DOWN);
	gateway_command(&sim->s_gw[1], IKE_CMD_DOWN);
	stations_run(sim, 40000, 0);
	a->g_key_full = b->g_key_full = false;
	stations_run(sim, 1000, 0);
	CU_ASSERT_EQUAL(sad_count(a->g_nk), 0);
	CU_ASSERT_EQUAL(sad_count(b->g_nk), 0);
	end();
}

/* ---- commands in quick succession --------------------------------------- */

/* Old inbound SAs of rekeys wait for late packets, but not if it goes down. */
static void
down_after_rekeys(void)
{
	begin();
	for (unsigned i = 0; i < 3; i++) {
		gateway_command(&sim->s_gw[0], IKE_CMD_REKEY);
		stations_run(sim, 300, 0);
	}
	CU_ASSERT_EQUAL(sad_count(sim->s_gw[0].g_nk), 5);
	gateway_command(&sim->s_gw[0], IKE_CMD_DOWN);
	stations_run(sim, 300, 0);
	CU_ASSERT_EQUAL(sad_count(sim->s_gw[0].g_nk), 0);
	end();
}

/* At both ends, every few ms; then down: nothing may be left. */
static void
hasty_commands(void)
{
	static const enum ike_command cmds[] = { IKE_CMD_UP, IKE_CMD_DOWN,
	    IKE_CMD_REKEY, IKE_CMD_REKEY, IKE_CMD_REKEY_IKE };

	for (unsigned seed = 1; seed <= HASTY; seed++) {
		test_row("seed %u", seed);
		begin();
		for (unsigned i = 0; i < seed; i++)
			(void)world_rand(sim->s_wo);
		for (unsigned i = 0; i < 60; i++) {
			gateway_command(&sim->s_gw[world_rand(sim->s_wo) % 4 == 0],
			    cmds[world_rand(sim->s_wo) % TEST_COUNT(cmds)]);
			stations_run(sim, (unsigned)(world_rand(sim->s_wo) %
			    100), 0);
		}
		gateway_command(&sim->s_gw[0], IKE_CMD_DOWN);
		gateway_command(&sim->s_gw[1], IKE_CMD_DOWN);
		stations_run(sim, 60000, 0);
		CU_ASSERT_EQUAL(sad_count(sim->s_gw[0].g_nk), 0);
		CU_ASSERT_EQUAL(sad_count(sim->s_gw[1].g_nk), 0);
		end();
	}
}

/*
 * Taken down at any moment of the first exchanges: the peer, which may have its
 * pair already, is told.
 */
static void
down_on_the_way_up(void)
{
	struct gateway *a, *b;
	struct ike_objects oc;

	begin();
	a = &sim->s_gw[0];
	b = &sim->s_gw[1];
	for (unsigned ms = 2; ms <= 20; ms += 2) {
		test_row("after %u ms", ms);
		gateway_command(&sim->s_gw[0], IKE_CMD_DOWN);
		stations_run(sim, 15000, 0);
		gateway_command(&sim->s_gw[0], IKE_CMD_UP);
		stations_run(sim, ms, 0);
		gateway_command(&sim->s_gw[0], IKE_CMD_DOWN);
		stations_run(sim, 1000, 0);
		CU_ASSERT_EQUAL(sad_count(a->g_nk), 0);
		CU_ASSERT_EQUAL(sad_count(b->g_nk), 0);
		CU_ASSERT_FALSE(b->g_last_up);
	}
	test_row("nothing is left over");
	stations_run(sim, 70000, 0);
	ike_objects(a->g_ip.ip_ike, &oc);
	CU_ASSERT_EQUAL(oc.oc_ikesas + oc.oc_children + oc.oc_exchanges, 0);
	ike_objects(b->g_ip.ip_ike, &oc);
	CU_ASSERT_EQUAL(oc.oc_ikesas + oc.oc_children + oc.oc_exchanges, 0);
	test_row("up at once after it");
	for (unsigned ms = 2; ms <= 20; ms += 6) {
		gateway_command(&sim->s_gw[0], IKE_CMD_UP);
		stations_run(sim, ms, 0);
		gateway_command(&sim->s_gw[0], IKE_CMD_DOWN);
		gateway_command(&sim->s_gw[0], IKE_CMD_UP);
		stations_run(sim, 3000, 0);
		TEST_STRING(word(0), "up");
		TEST_STRING(word(1), "up");
		CU_ASSERT_EQUAL(sad_count(a->g_nk), 2);
		CU_ASSERT_EQUAL(sad_count(b->g_nk), 2);
		gateway_command(&sim->s_gw[0], IKE_CMD_DOWN);
		stations_run(sim, 1000, 0);
	}
	end();
}

/* ---- rekeys that the peer refuses --------------------------------------- */

/* The first pair is made without a group: that these differ shows later. */
static void
groups_differ(void)
{
	struct tunnel tu;
	char buf[IKE_TEXT_MAX];
	unsigned left = 0, wait = 0, which = 0;

	begin();
	gateway_rule(&sim->s_gw[0], "active", "childsa enc aes-128-gcm group ecp384", 2);
	gateway_rule(&sim->s_gw[1], "passive", "childsa enc aes-128-gcm", 2);
	gateway_command(&sim->s_gw[0], IKE_CMD_DELETE_IKE);
	stations_run(sim, 5000, 0);
	test_row("the first keys are made");
	TEST_STRING(word(0), "up");
	CU_ASSERT_EQUAL(look(0).tu_st.st_reason, IKE_R_NONE);
	test_row("new ones are refused");
	gateway_command(&sim->s_gw[0], IKE_CMD_REKEY);
	stations_run(sim, 3000, 0);
	tu = look(0);
	TEST_STRING(word(0), "up");
	CU_ASSERT_EQUAL(tunnel_reason(&tu), IKE_R_PROP_PFS);
	CU_ASSERT_TRUE(tunnel_trouble(&tu));
	CU_ASSERT_PTR_NOT_NULL(strstr(tunnel_detail(&tu, buf, sizeof(buf)),
	    "ecp384"));
	test_row("the event has how long the old ones hold");
	CU_ASSERT_EQUAL(sim->s_gw[0].g_event.ev_reason, IKE_R_REKEY);
	CU_ASSERT_EQUAL(sscanf(sim->s_gw[0].g_event.ev_text, "rekey failed; the "
	    "old keys end in %u s, and it is tried again in %u s: PROP-0%u: ",
	    &left, &wait, &which), 3);
	CU_ASSERT_TRUE(left > 10000 && left <= 10800 && wait > left / 5 &&
	    wait < left / 3 && which == 3);
	test_row("until both sides agree");
	gateway_rule(&sim->s_gw[1], "passive", "childsa enc aes-128-gcm group ecp384", 3);
	stations_run(sim, 20000, 0);
	gateway_command(&sim->s_gw[0], IKE_CMD_REKEY);
	stations_run(sim, 3000, 0);
	tu = look(0);
	TEST_STRING(word(0), "up");
	CU_ASSERT_EQUAL(tunnel_reason(&tu), IKE_R_NONE);
	end();
}

TEST_MAIN(
	TEST("packets spare the question if the peer lives",
	    packets_spare_the_question),
	TEST("a peer dies under traffic", dies_under_traffic),
	TEST("set lines take effect at once", set_lines),
	TEST("up, silent", silent),
	TEST("packets that come twice", repeated),
	TEST("a full key socket leaves no SA behind", key_socket_full),
	TEST("down ends what lingers after rekeys", down_after_rekeys),
	TEST("down on the way up is told to the peer", down_on_the_way_up),
	TEST("groups differ", groups_differ),
	TEST("commands in quick succession leave no SA behind",
	    hasty_commands))
