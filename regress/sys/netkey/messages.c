/* SPDX-License-Identifier: ISC */
/*
 * Every message of the key socket: what it does, who hears of it, and what is
 * refused with which errno.
 */
#include "test.h"

#include <errno.h>

#include "talk.h"

static struct pfkey_msg m;

static struct sa *
sa_of(uint32_t spi)
{
	struct addr dst = at("192.0.2.2");

	return sad_lookup(nk, htonl(spi), &dst, IPPROTO_ESP);
}

static void
adds(void)
{
	talk_open();
	test_row("all hear of it, nobody of its keys");
	msg_add(&m, SADB_ADD, 0x1001);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(bob.pr_n, 1);
	CU_ASSERT_EQUAL(carol.pr_n, 1);
	CU_ASSERT_EQUAL(heard(&bob, 0)->pm_pid, 4000);
	CU_ASSERT_EQUAL(heard(&bob, 0)->pm_seq, m.pm_seq);
	CU_ASSERT_FALSE(PFKEY_HAS(heard(&alice, 0), SADB_EXT_KEY_ENCRYPT));
	CU_ASSERT_FALSE(PFKEY_HAS(heard(&bob, 0), SADB_EXT_KEY_ENCRYPT));
	CU_ASSERT_EQUAL(heard(&bob, 0)->pm_sa.ps_state, SADB_SASTATE_MATURE);
	test_row("private extensions only to who asked");
	CU_ASSERT_TRUE(PFKEY_HAS(heard(&carol, 0), PFKEY_EXT_REPLAY));
	CU_ASSERT_EQUAL(heard(&bob, 0)->pm_has & PFKEY_PRIVATE_BITS, 0);
	test_row("the SA is as described");
	CU_ASSERT_PTR_NOT_NULL_FATAL(sa_of(0x1001));
	CU_ASSERT_EQUAL(sa_of(0x1001)->sa_mode, SA_TUNNEL);
	CU_ASSERT_EQUAL(sa_of(0x1001)->sa_reqid, 7);
	CU_ASSERT_EQUAL(sa_of(0x1001)->sa_replay.rp_window, 64);
	test_row("a second time");
	CU_ASSERT_EQUAL(say(&bob, &m), EEXIST);
	CU_ASSERT_EQUAL(alice.pr_n, 1);
	CU_ASSERT_EQUAL(heard(&bob, 0)->pm_has, 0);
	test_row("all that can be said of an SA");
	msg_add(&m, SADB_ADD, 0x1002);
	m.pm_sa.ps_flags = SADB_X_SAFLAGS_ESN;
	pfkey_set_window(&m, 2048);
	pfkey_set_natt(&m, 4500, 61000);
	pfkey_set_name(&m, "office/net1");
	m.pm_hard = (struct pfkey_lifetime){ 0, 1 << 20, 3600, 0 };
	m.pm_soft = (struct pfkey_lifetime){ 0, 1 << 19, 3000, 0 };
	pfkey_set(&m, SADB_EXT_LIFETIME_HARD);
	pfkey_set(&m, SADB_EXT_LIFETIME_SOFT);
	(void)prefix_parse("10.1.0.0/16", &m.pm_sel.sel_src);
	(void)prefix_parse("10.2.0.0/16", &m.pm_sel.sel_dst);
	m.pm_sel.sel_sport = m.pm_sel.sel_dport = (struct port_range){ 0, 65535 };
	pfkey_set(&m, PFKEY_EXT_SELECTOR);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	{
		const struct pfkey_msg *h = heard(&carol, 0);

		CU_ASSERT_EQUAL(h->pm_window, 2048);
		CU_ASSERT_EQUAL(h->pm_sa.ps_replay, 255);
		CU_ASSERT_EQUAL(h->pm_sa.ps_flags, SADB_X_SAFLAGS_ESN);
		CU_ASSERT_EQUAL(h->pm_natt_dport, 61000);
		CU_ASSERT_EQUAL(h->pm_hard.pl_addtime, 3600);
		CU_ASSERT_EQUAL(h->pm_soft.pl_bytes, 1 << 19);
		CU_ASSERT_EQUAL(h->pm_sel.sel_dst.pr_len, 16);
		TEST_STRING(h->pm_name, "office/net1");
	}
	CU_ASSERT_EQUAL(sa_of(0x1002)->sa_flags & (SA_F_ESN | SA_F_NATT), SA_F_ESN | SA_F_NATT);
	talk_close();
}

static void
getspi_update(void)
{
	uint32_t spi;
	struct addr src = at("192.0.2.2"), dst = at("192.0.2.1");

	talk_open();
	test_row("GETSPI answers its sender alone");
	pfkey_init(&m, SADB_GETSPI, SADB_SATYPE_ESP);
	pfkey_set_ends(&m, &src, &dst);
	m.pm_spi_min = 0xc0000000;
	m.pm_spi_max = 0xcfffffff;
	pfkey_set(&m, SADB_EXT_SPIRANGE);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(bob.pr_n, 0);
	spi = heard(&alice, 0)->pm_sa.ps_spi;
	CU_ASSERT_EQUAL(spi >> 28, 0xc);
	CU_ASSERT_EQUAL(heard(&alice, 0)->pm_sa.ps_state, SADB_SASTATE_LARVAL);
	test_row("a range of one that is taken");
	m.pm_spi_min = m.pm_spi_max = spi;
	CU_ASSERT_EQUAL(say(&alice, &m), ENOSPC);
	test_row("UPDATE of an SA that is not there");
	msg_add(&m, SADB_UPDATE, spi);
	CU_ASSERT_EQUAL(say(&alice, &m), ESRCH);
	test_row("UPDATE with a bad key leaves it larval");
	msg_add(&m, SADB_UPDATE, spi);
	pfkey_set_ends(&m, &src, &dst);
	m.pm_ekey.pk_bits = 152;
	CU_ASSERT_EQUAL(say(&alice, &m), EINVAL);
	CU_ASSERT_EQUAL(sad_lookup(nk, htonl(spi), &dst, IPPROTO_ESP)->sa_state, SA_LARVAL);
	test_row("UPDATE makes it mature");
	m.pm_ekey.pk_bits = 160;
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(sad_lookup(nk, htonl(spi), &dst, IPPROTO_ESP)->sa_state, SA_MATURE);
	CU_ASSERT_EQUAL(bob.pr_n, 1);
	test_row("a mature SA keeps its keys");
	m.pm_ekey.pk_data = (const uint8_t *)"another key of 20 by";
	CU_ASSERT_EQUAL(say(&alice, &m), EINVAL);
	test_row("its lifetimes and ports may change");
	m.pm_has &= ~PFKEY_BIT(SADB_EXT_KEY_ENCRYPT);
	m.pm_hard.pl_addtime = 77;
	pfkey_set(&m, SADB_EXT_LIFETIME_HARD);
	pfkey_set_natt(&m, 4500, 5555);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(sad_lookup(nk, htonl(spi), &dst, IPPROTO_ESP)->sa_hard.lt_add_s, 77);
	CU_ASSERT_EQUAL(sad_lookup(nk, htonl(spi), &dst, IPPROTO_ESP)->sa_natt_dport, htons(5555));
	talk_close();
}

static void
get_delete_flush(void)
{
	talk_open();
	msg_add(&m, SADB_ADD, 0x1001);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	test_row("GET with keys, to its sender alone");
	pfkey_init(&m, SADB_GET, SADB_SATYPE_ESP);
	m.pm_sa.ps_spi = 0x1001;
	pfkey_set(&m, SADB_EXT_SA);
	{
		struct addr src = at("192.0.2.1"), dst = at("192.0.2.2");

		pfkey_set_ends(&m, &src, &dst);
	}
	CU_ASSERT_EQUAL(say(&carol, &m), 0);
	CU_ASSERT_EQUAL(bob.pr_n, 1);
	CU_ASSERT_EQUAL(heard(&carol, 0)->pm_ekey.pk_bits, 160);
	CU_ASSERT_EQUAL(heard(&carol, 0)->pm_ekey.pk_data[0], 9);
	CU_ASSERT_TRUE(PFKEY_HAS(heard(&carol, 0), PFKEY_EXT_STATS));
	test_row("GET of another destination");
	m.pm_dst.pa_addr = at("192.0.2.3");
	CU_ASSERT_EQUAL(say(&carol, &m), ESRCH);
	test_row("DELETE");
	m.pm_type = SADB_DELETE;
	CU_ASSERT_EQUAL(say(&bob, &m), ESRCH);
	m.pm_dst.pa_addr = at("192.0.2.2");
	CU_ASSERT_EQUAL(say(&bob, &m), 0);
	CU_ASSERT_EQUAL(heard(&alice, 0)->pm_type, SADB_DELETE);
	CU_ASSERT_EQUAL(heard(&alice, 0)->pm_sa.ps_spi, 0x1001);
	CU_ASSERT_EQUAL(sad_count(nk), 0);
	test_row("FLUSH");
	for (uint32_t i = 0; i < 50; i++) {
		msg_add(&m, SADB_ADD, 0x2000 + i);
		CU_ASSERT_EQUAL(say(&alice, &m), 0);
	}
	pfkey_init(&m, SADB_FLUSH, SADB_SATYPE_AH);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(sad_count(nk), 50);
	pfkey_init(&m, SADB_FLUSH, 0);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(sad_count(nk), 0);
	CU_ASSERT_EQUAL(heard(&bob, 0)->pm_type, SADB_FLUSH);
	talk_close();
}

static void
registers(void)
{
	bool gcm = false;

	talk_open();
	pfkey_init(&m, SADB_REGISTER, SADB_SATYPE_ESP);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT(heard(&alice, 0)->pm_nauth >= 3);
	for (unsigned i = 0; i < heard(&alice, 0)->pm_nencrypt; i++) {
		const struct sadb_alg *al = &heard(&alice, 0)->pm_encrypt[i];

		if (al->sadb_alg_id == SADB_X_EALG_AES_GCM_ICV16)
			gcm = al->sadb_alg_minbits == 128 && al->sadb_alg_maxbits == 256 &&
			    al->sadb_alg_ivlen == 8;
	}
	CU_ASSERT_TRUE(gcm);
	test_row("AH has no algorithms");
	m.pm_satype = SADB_SATYPE_AH;
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(heard(&alice, 0)->pm_nauth, 0);
	test_row("unknown type of SA");
	m.pm_satype = 99;
	CU_ASSERT_EQUAL(say(&alice, &m), EINVAL);
	test_row("asking for private extensions, as a client does");
	pfkey_init(&m, SADB_X_PROMISC, 0);
	pfkey_set(&m, PFKEY_EXT_ASK);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_TRUE(alice.pr_ks.ks_private);
	CU_ASSERT_FALSE(alice.pr_ks.ks_promisc);
	test_row("promiscuous: answers to others too, without keys");
	pfkey_init(&m, SADB_X_PROMISC, 1);
	CU_ASSERT_EQUAL(say(&bob, &m), 0);
	{
		unsigned n = bob.pr_n;

		pfkey_init(&m, SADB_REGISTER, SADB_SATYPE_ESP);
		CU_ASSERT_EQUAL(say(&alice, &m), 0);
		CU_ASSERT_EQUAL(bob.pr_n, n + 1);
		CU_ASSERT_EQUAL(heard(&bob, 0)->pm_type, SADB_X_PROMISC);
		msg_add(&m, SADB_ADD, 0x1001);
		CU_ASSERT_EQUAL(say(&alice, &m), 0);
		n = bob.pr_n;
		m.pm_type = SADB_GET;
		m.pm_has &= PFKEY_BIT(SADB_EXT_SA) | PFKEY_BIT(SADB_EXT_ADDRESS_SRC) |
		    PFKEY_BIT(SADB_EXT_ADDRESS_DST);
		CU_ASSERT_EQUAL(say(&alice, &m), 0);
		CU_ASSERT_EQUAL(bob.pr_n, n);
	}
	talk_close();
}

/* Whether an SA is asked for: by the level, and by extension 70 where that says otherwise. */
static void
asking(void)
{
	static const struct {
		const char	*name;
		uint8_t		 level, told;	/* told: 0, 1, 2 nothing */
		bool		 clear, asks, private;
	} cases[] = {
		{ "require", IPSEC_LEVEL_REQUIRE, 2, false, true, false },
		{ "require that asks", IPSEC_LEVEL_REQUIRE, 1, false, true, false },
		{ "dontacq", IPSEC_LEVEL_REQUIRE, 0, false, false, true },
		{ "dontacq with an SA of its own", IPSEC_LEVEL_UNIQUE, 0, false, false, true },
		{ "use", IPSEC_LEVEL_USE, 2, true, false, false },
		{ "use that asks nobody", IPSEC_LEVEL_USE, 0, true, false, false },
		{ "acquire", IPSEC_LEVEL_USE, 1, true, true, true },
	};

	talk_open();
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		const struct pfkey_msg *h;
		struct sp *sp;

		test_row("%s", cases[i].name);
		msg_spd(&m, SADB_X_SPDUPDATE, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.2.0.0/16");
		m.pm_policy.pp_req[0].pr_level = cases[i].level;
		m.pm_asks = cases[i].told == 1;
		if (cases[i].told != 2)
			pfkey_set(&m, PFKEY_EXT_ACQUIRE);
		CU_ASSERT_EQUAL(say(&alice, &m), 0);
		h = heard(&carol, 0);
		CU_ASSERT_EQUAL(PFKEY_HAS(h, PFKEY_EXT_ACQUIRE), cases[i].private);
		CU_ASSERT_EQUAL(h->pm_asks, cases[i].private && cases[i].asks);
		sp = spd_byid(nk, h->pm_policy.pp_id);
		CU_ASSERT_PTR_NOT_NULL_FATAL(sp);
		CU_ASSERT_EQUAL(sp->sp_asks, cases[i].asks);
		CU_ASSERT_EQUAL(sp->sp_level == SP_LEVEL_USE, cases[i].clear);
		/* who did not ask for private extensions sees a level of KAME's */
		h = heard(&bob, 0);
		CU_ASSERT_EQUAL(h->pm_has & PFKEY_PRIVATE_BITS, 0);
		CU_ASSERT_EQUAL(h->pm_policy.pp_req[0].pr_level, cases[i].level);
	}
	talk_close();
}

static void
policies(void)
{
	uint32_t id;

	talk_open();
	test_row("SPDADD");
	msg_spd(&m, SADB_X_SPDADD, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.2.0.0/16");
	pfkey_set_name(&m, "office");
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	id = heard(&bob, 0)->pm_policy.pp_id;
	CU_ASSERT_NOT_EQUAL(id, 0);
	CU_ASSERT_EQUAL(heard(&bob, 0)->pm_policy.pp_priority, 1000);
	TEST_STRING(heard(&carol, 0)->pm_name, "office");
	CU_ASSERT_PTR_NOT_NULL_FATAL(spd_byid(nk, id));
	CU_ASSERT_EQUAL(spd_byid(nk, id)->sp_peer.ad_u32[0], htonl(0xc0000202));
	test_row("SPDADD again");
	CU_ASSERT_EQUAL(say(&alice, &m), EEXIST);
	test_row("SPDUPDATE replaces");
	m.pm_type = SADB_X_SPDUPDATE;
	m.pm_policy.pp_type = IPSEC_POLICY_DISCARD;
	m.pm_policy.pp_nreq = 0;
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(spd_byid(nk, id)->sp_action, SP_DISCARD);
	CU_ASSERT_EQUAL(spd_count(nk), 1);
	test_row("inbound: the peer is the source of the request");
	msg_spd(&m, SADB_X_SPDADD, IPSEC_DIR_INBOUND, "10.2.0.0/16", "10.1.0.0/16");
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(spd_byid(nk, id + 1)->sp_peer.ad_u32[0], htonl(0xc0000202));
	CU_ASSERT_EQUAL(heard(&bob, 0)->pm_policy.pp_req[0].pr_src.ad_u32[0], htonl(0xc0000202));
	test_row("SPDGET");
	pfkey_init(&m, SADB_X_SPDGET, 0);
	m.pm_policy.pp_id = id;
	pfkey_set(&m, SADB_X_EXT_POLICY);
	CU_ASSERT_EQUAL(say(&bob, &m), 0);
	CU_ASSERT_EQUAL(heard(&bob, 0)->pm_policy.pp_type, IPSEC_POLICY_DISCARD);
	test_row("SPDGET of none");
	m.pm_policy.pp_id = 4711;
	CU_ASSERT_EQUAL(say(&bob, &m), ENOENT);
	test_row("SPDDELETE2 by number");
	m.pm_type = SADB_X_SPDDELETE2;
	m.pm_policy.pp_id = id;
	CU_ASSERT_EQUAL(say(&bob, &m), 0);
	CU_ASSERT_EQUAL(heard(&alice, 0)->pm_policy.pp_id, id);
	CU_ASSERT_EQUAL(say(&bob, &m), ENOENT);
	test_row("SPDDELETE by selector");
	msg_spd(&m, SADB_X_SPDDELETE, IPSEC_DIR_INBOUND, "10.2.0.0/16", "10.1.0.0/16");
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(say(&alice, &m), ENOENT);
	CU_ASSERT_EQUAL(spd_count(nk), 0);
	test_row("level unique without a reqid gets one");
	msg_spd(&m, SADB_X_SPDADD, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.2.0.0/16");
	m.pm_policy.pp_req[0].pr_level = IPSEC_LEVEL_UNIQUE;
	m.pm_policy.pp_req[0].pr_reqid = 0;
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT(heard(&alice, 0)->pm_policy.pp_req[0].pr_reqid > IPSEC_MANUAL_REQID_MAX);
	test_row("ranges of ports");
	msg_spd(&m, SADB_X_SPDADD, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.3.0.0/16");
	{
		struct pfkey_selector sel;

		pfkey_get_selector(&m, &sel);
		sel.sel_proto = 6;
		sel.sel_dport = (struct port_range){ 8000, 8999 };
		pfkey_set_selector(&m, &sel);
	}
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(heard(&carol, 0)->pm_sel.sel_dport.po_hi, 8999);
	test_row("SPDFLUSH");
	pfkey_init(&m, SADB_X_SPDFLUSH, 0);
	CU_ASSERT_EQUAL(say(&bob, &m), 0);
	CU_ASSERT_EQUAL(spd_count(nk), 0);
	talk_close();
}

static void
refusals(void)
{
	static const struct {
		const char	*name;
		int		 change, error;
	} cases[] = {
		{ "direction 0", 0, EINVAL },
		{ "policy of a socket (entrust)", 1, EINVAL },
		{ "no request", 2, EINVAL },
		{ "AH", 3, EOPNOTSUPP },
		{ "a bundle", 4, EOPNOTSUPP },
		{ "mode BEET", 5, EINVAL },
		{ "level 9", 6, EINVAL },
		{ "policy lifetime", 7, EOPNOTSUPP },
		{ "ports without protocol", 8, EINVAL },
		{ "SA of type AH", 9, EOPNOTSUPP },
		{ "draft UDP encapsulation", 10, EOPNOTSUPP },
		{ "an SA that starts dead", 11, EINVAL },
		{ "two families", 12, EINVAL },
		{ "a program's ACQUIRE without error", 13, EINVAL },
		{ "a program's EXPIRE", 14, EINVAL },
		{ "SPDSETIDX", 15, EOPNOTSUPP },
		{ "an SPI range the wrong way round", 16, EINVAL },
	};

	talk_open();
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		msg_spd(&m, SADB_X_SPDADD, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.2.0.0/16");
		if (cases[i].change >= 9)
			msg_add(&m, SADB_ADD, 0x1001);
		switch (cases[i].change) {
		case 0: m.pm_policy.pp_dir = 0; break;
		case 1: m.pm_policy.pp_type = IPSEC_POLICY_ENTRUST; break;
		case 2: m.pm_policy.pp_nreq = 0; break;
		case 3: m.pm_policy.pp_req[0].pr_proto = IPPROTO_AH; break;
		case 4: m.pm_policy.pp_req[1] = m.pm_policy.pp_req[0]; m.pm_policy.pp_nreq = 2; break;
		case 5: m.pm_policy.pp_req[0].pr_mode = 3; break;
		case 6: m.pm_policy.pp_req[0].pr_level = 9; break;
		case 7: m.pm_hard.pl_addtime = 1; pfkey_set(&m, SADB_EXT_LIFETIME_HARD); break;
		case 8: m.pm_src.pa_port = 80; break;
		case 9: m.pm_satype = SADB_SATYPE_AH; break;
		case 10: pfkey_set_natt(&m, 4500, 4500); m.pm_natt_type = 1; break;
		case 11: m.pm_sa.ps_state = SADB_SASTATE_DEAD; break;
		case 12: m.pm_src.pa_addr = at("2001:db8::1"); m.pm_src.pa_plen = 128; break;
		case 13: m.pm_type = SADB_ACQUIRE; m.pm_has = 0; break;
		case 14: m.pm_type = SADB_EXPIRE; m.pm_has = 0; break;
		case 15: m.pm_type = SADB_X_SPDSETIDX; m.pm_has = 0; break;
		case 16: m.pm_type = SADB_GETSPI; m.pm_has &= PFKEY_BIT(SADB_EXT_ADDRESS_SRC) |
			    PFKEY_BIT(SADB_EXT_ADDRESS_DST); m.pm_spi_min = 0x200; m.pm_spi_max = 0x100;
			pfkey_set(&m, SADB_EXT_SPIRANGE); break;
		}
		CU_ASSERT_EQUAL(say(&alice, &m), cases[i].error);
		CU_ASSERT_EQUAL(bob.pr_n, 0);
		CU_ASSERT_EQUAL(spd_count(nk) + sad_count(nk), 0);
	}
	talk_close();
}

/* A socket that is full loses broadcasts, and nobody else does. */
static void
full_socket(void)
{
	talk_open();
	bob.pr_room = 3;
	for (uint32_t i = 0; i < 10; i++) {
		msg_add(&m, SADB_ADD, 0x2000 + i);
		CU_ASSERT_EQUAL(say(&alice, &m), 0);
	}
	CU_ASSERT_EQUAL(bob.pr_n, 3);
	CU_ASSERT_EQUAL(bob.pr_ks.ks_lost, 7);
	CU_ASSERT_EQUAL(carol.pr_n, 10);
	talk_close();
}

TEST_MAIN(
	TEST("ADD", adds),
	TEST("GETSPI and UPDATE", getspi_update),
	TEST("GET, DELETE, FLUSH", get_delete_flush),
	TEST("REGISTER and PROMISC", registers),
	TEST("policies", policies),
	TEST("who asks for an SA", asking),
	TEST("refused", refusals),
	TEST("a full socket", full_socket))
