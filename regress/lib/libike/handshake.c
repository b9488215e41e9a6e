/* SPDX-License-Identifier: ISC */
/*
 * Exchanges of two endpoints over a good wire, one behaviour a test
 * (libike/ike.h; the endpoints' surroundings are in world.h).
 */
#include "libike/ike_msg.h"
#include "test.h"
#include "world.h"

static struct world w;
static struct world_policy left, right;

static void
begin(const struct ike_conf *cf)
{
	world_init(&w, 1, cf);
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
}

static void
begin_nat(void)
{
	world_init(&w, 1, NULL);
	w.w_nat = true;
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
}

static void
end(void)
{
	TEST_STRING(world_end(&w), NULL);
	world_free(&w);
}

static bool
meet(void)
{
	CU_ASSERT_TRUE(world_policy_set(&w, 1, &right));
	CU_ASSERT_TRUE(world_policy_set(&w, 0, &left));
	return world_run_up(&w, 60000);
}

static void
command(int i, enum ike_command cmd, const char *name)
{
	CU_ASSERT_NOT_EQUAL(ike_command(w.w_end[i].we_ike, w.w_now, cmd, name),
	    0);
	world_drain(&w, i);
}

static struct ike_stats
stats(int i)
{
	struct ike_stats st;

	ike_stats(w.w_end[i].we_ike, &st);
	return st;
}

static const struct ike_esp_sa *
sa_of(int i, bool inbound)
{
	for (unsigned k = 0; k < WORLD_SAS; k++)
		if (w.w_end[i].we_sas[k].ws_used &&
		    w.w_end[i].we_sas[k].ws_sa.sa_inbound == inbound)
			return &w.w_end[i].we_sas[k].ws_sa;
	return NULL;
}

struct found {
	unsigned		n;
	struct ike_status	st;
};

static void
found(void *arg, const struct ike_status *st)
{
	struct found *f = arg;

	f->n++;
	f->st = *st;
}

static struct ike_status
status(int i)
{
	struct found f = { .n = 0 };

	ike_status(w.w_end[i].we_ike, w.w_now, found, &f);
	return f.st;
}

/* ------------------------------------------------------------ handshake */

static void
honest(void)
{
	begin(NULL);
	CU_ASSERT_TRUE(meet());
	world_run(&w, 1000);
	TEST_STRING(world_check(&w, 1), NULL);
	CU_ASSERT_EQUAL(w.w_end[0].we_sent, 2);
	CU_ASSERT_EQUAL(w.w_end[1].we_sent, 2);
	CU_ASSERT_EQUAL(status(0).st_state, IKE_ST_UP);
	CU_ASSERT_TRUE(status(0).st_ike_up && status(0).st_ike_initiator);
	CU_ASSERT_FALSE(status(1).st_ike_initiator);
	CU_ASSERT_EQUAL(status(0).st_spi_in, status(1).st_spi_out);
	CU_ASSERT_EQUAL(sa_of(0, true)->sa_encr, IKE_ENCR_AES_GCM_16);
	CU_ASSERT_EQUAL(sa_of(0, true)->sa_encr_len, 36);
	CU_ASSERT_TRUE(sa_of(0, true)->sa_esn);
	end();
}

static void
set_proposal(struct ike_proposals *ps, enum ike_proto proto,
    const struct ike_transform *t, unsigned n)
{
	memset(ps, 0, sizeof(*ps));
	ps->ps_n = 1;
	ps->ps_p[0].pr_proto = (uint8_t)proto;
	ps->ps_p[0].pr_n = (uint8_t)n;
	memcpy(ps->ps_p[0].pr_t, t, n * sizeof(*t));
}

/* Each suite is negotiated, and a child and the IKE SA are rekeyed with it. */
static void
suites(void)
{
	static const struct {
		const char		*name;
		struct ike_transform	 ike[4], esp[4];
		unsigned		 nike, nesp;
	} cases[] = {
		{ "aes-128-gcm, sha2-256, curve25519", {
		    { IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 128 },
		    { IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
		    { IKE_T_DH, IKE_DH_CURVE25519, 0 } }, {
		    { IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 128 },
		    { IKE_T_DH, IKE_DH_CURVE25519, 0 } }, 3, 2 },
		{ "chacha20-poly1305, sha2-512, ecp384", {
		    { IKE_T_ENCR, IKE_ENCR_CHACHA20_POLY1305, 0 },
		    { IKE_T_PRF, IKE_PRF_HMAC_SHA2_512, 0 },
		    { IKE_T_DH, IKE_DH_ECP_384, 0 } }, {
		    { IKE_T_ENCR, IKE_ENCR_CHACHA20_POLY1305, 0 },
		    { IKE_T_DH, IKE_DH_ECP_256, 0 },
		    { IKE_T_ESN, IKE_ESN_YES, 0 } }, 3, 3 },
		{ "aes-256-cbc, sha2-384, modp2048", {
		    { IKE_T_ENCR, IKE_ENCR_AES_CBC, 256 },
		    { IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_384_192, 0 },
		    { IKE_T_PRF, IKE_PRF_HMAC_SHA2_384, 0 },
		    { IKE_T_DH, IKE_DH_MODP_2048, 0 } }, {
		    { IKE_T_ENCR, IKE_ENCR_AES_CBC, 256 },
		    { IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_512_256, 0 } }, 4, 2 },
		{ "null encryption with integrity", {
		    { IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 256 },
		    { IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
		    { IKE_T_DH, IKE_DH_ECP_256, 0 } }, {
		    { IKE_T_ENCR, IKE_ENCR_NULL, 0 },
		    { IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0 } }, 3, 2 },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		begin(NULL);
		for (int e = 0; e < 2; e++) {
			struct world_policy *wp = e ? &right : &left;

			set_proposal(&wp->wp_policy.po_ike, IKE_PROTO_IKE,
			    cases[i].ike, cases[i].nike);
			set_proposal(&wp->wp_children[0].ch_esp, IKE_PROTO_ESP,
			    cases[i].esp, cases[i].nesp);
		}
		CU_ASSERT_TRUE(meet());
		command(0, IKE_CMD_REKEY, "site/net");
		world_run(&w, 20000);
		command(1, IKE_CMD_REKEY_IKE, "site");
		world_run(&w, 100000);
		TEST_STRING(world_check(&w, 1), NULL);
		CU_ASSERT_EQUAL(stats(0).is_child_rekeyed, 1);
		CU_ASSERT_EQUAL(stats(0).is_ike_rekeyed, 1);
		CU_ASSERT_EQUAL(w.w_end[0].we_events[IKE_EV_CHILD_DOWN], 0);
		end();
	}
}

/* The responder has no Curve25519: one more round trip, with its group. */
static void
other_group(void)
{
	static const struct ike_transform t[] = {
		{ IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 256 },
		{ IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
		{ IKE_T_DH, IKE_DH_ECP_384, 0 },
	};
	static const struct ike_transform esp[] = {
		{ IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 256 },
		{ IKE_T_DH, IKE_DH_MODP_2048, 0 },
	};

	begin(NULL);
	set_proposal(&right.wp_policy.po_ike, IKE_PROTO_IKE, t, 3);
	set_proposal(&right.wp_children[0].ch_esp, IKE_PROTO_ESP, esp, 2);
	CU_ASSERT_TRUE(meet());
	CU_ASSERT_EQUAL(w.w_end[0].we_sent, 3);
	CU_ASSERT_EQUAL(stats(1).is_invalid_ke, 1);
	command(0, IKE_CMD_REKEY, NULL);
	world_run(&w, 10000);
	CU_ASSERT_EQUAL(stats(1).is_invalid_ke, 2);
	CU_ASSERT_EQUAL(stats(0).is_child_rekeyed, 1);
	TEST_STRING(world_check(&w, 1), NULL);
	end();
}

/* Who begins and fails before it is known may be anybody; who is asked is not. */
static void
of_strangers(void)
{
	CU_ASSERT_EQUAL(w.w_end[0].we_strangers, 0);
	CU_ASSERT_TRUE(w.w_end[1].we_strangers > 0);
	CU_ASSERT_EQUAL(w.w_end[1].we_strangers,
	    w.w_end[1].we_events[IKE_EV_FAILED]);
}

static void
no_proposal(void)
{
	static const struct ike_transform t[] = {
		{ IKE_T_ENCR, IKE_ENCR_AES_CBC, 192 },
		{ IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0 },
		{ IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
		{ IKE_T_DH, IKE_DH_CURVE25519, 0 },
	};

	begin(NULL);
	set_proposal(&right.wp_policy.po_ike, IKE_PROTO_IKE, t, 4);
	CU_ASSERT_FALSE(meet());
	CU_ASSERT_EQUAL(w.w_end[0].we_reason, IKE_R_PROP_IKE);
	CU_ASSERT_EQUAL(w.w_end[1].we_reason, IKE_R_PROP_IKE);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.w_end[1].we_text, "aes-192"));
	CU_ASSERT_EQUAL(status(0).st_state, IKE_ST_RETRY);
	CU_ASSERT_TRUE(status(0).st_retry >= 3);
	of_strangers();
	end();
}

static void
no_esp_proposal(void)
{
	static const struct ike_transform esp[] = {
		{ IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 192 },
	};

	begin(NULL);
	set_proposal(&right.wp_children[0].ch_esp, IKE_PROTO_ESP, esp, 1);
	CU_ASSERT_FALSE(meet());
	CU_ASSERT_EQUAL(w.w_end[0].we_reason, IKE_R_PROP_ESP);
	CU_ASSERT_EQUAL(w.w_end[1].we_reason, IKE_R_PROP_ESP);
	CU_ASSERT_EQUAL(w.w_end[1].we_strangers, 0);
	CU_ASSERT_TRUE(status(0).st_ike_up);
	end();
}

/* -------------------------------------------------------- authentication */

static void
wrong_key(void)
{
	begin(NULL);
	w.w_end[1].we_psk = "another key";
	CU_ASSERT_FALSE(meet());
	CU_ASSERT_EQUAL(w.w_end[0].we_reason, IKE_R_AUTH_PEER);
	CU_ASSERT_EQUAL(w.w_end[1].we_reason, IKE_R_AUTH_KEY);
	CU_ASSERT_EQUAL(w.w_end[0].we_events[IKE_EV_IKE_UP], 0);
	CU_ASSERT_EQUAL(w.w_end[1].we_events[IKE_EV_IKE_UP], 0);
	of_strangers();
	end();
}

/* What goes over the wire is the same as for a wrong key. */
static void
unknown_identity(void)
{
	static const char *const said[] = { "stranger.test",
	    "lfet.example at this address; the nearest is left.example, of site" };

	for (unsigned i = 0; i < TEST_COUNT(said); i++) {
		begin(NULL);
		(void)ike_id_parse(i == 0 ? "stranger.test" : "lfet.example",
		    &left.wp_policy.po_srcid);
		CU_ASSERT_FALSE(meet());
		CU_ASSERT_EQUAL(w.w_end[0].we_reason, IKE_R_AUTH_PEER);
		CU_ASSERT_EQUAL(w.w_end[1].we_reason, IKE_R_ID_UNKNOWN);
		CU_ASSERT_PTR_NOT_NULL(strstr(w.w_end[1].we_text, said[i]));
		CU_ASSERT_EQUAL(strstr(w.w_end[1].we_text, "nearest") != NULL, i);
		of_strangers();
		end();
	}
}

/* The responder is somebody else than we want, though it has the key. */
static void
other_responder(void)
{
	begin(NULL);
	(void)ike_id_parse("other.example", &right.wp_policy.po_srcid);
	memset(&left.wp_policy.po_dstid, 0, sizeof(left.wp_policy.po_dstid));
	CU_ASSERT_TRUE(meet());
	end();
	begin(NULL);
	(void)ike_id_parse("other.example", &right.wp_policy.po_srcid);
	CU_ASSERT_FALSE(meet());
	end();
}

static void
mute_auth(void)
{
	begin(NULL);
	w.w_end[0].we_mute = true;
	CU_ASSERT_FALSE(meet());
	CU_ASSERT_EQUAL(w.w_end[0].we_reason, IKE_R_AUTH_NOKEY);
	end();
	begin(NULL);
	w.w_end[1].we_mute = true;
	CU_ASSERT_FALSE(meet());
	end();
}

static void
no_spi(void)
{
	begin(NULL);
	w.w_end[0].we_no_spi = true;
	CU_ASSERT_FALSE(meet());
	CU_ASSERT_EQUAL(w.w_end[0].we_reason, IKE_R_KERNEL);
	w.w_end[0].we_no_spi = false;
	w.w_end[1].we_no_spi = true;
	world_run(&w, 100000);
	CU_ASSERT_EQUAL(world_sas(&w.w_end[0], true), 0);
	w.w_end[1].we_no_spi = false;
	CU_ASSERT_TRUE(world_run_up(&w, 400000));
	end();
}

/* ---------------------------------------------- selectors and modes */

static void
narrowed(void)
{
	struct prefix p;

	begin(NULL);
	(void)prefix_parse("10.0.0.0/8", &p);
	ike_ts_from_prefix(&p, &left.wp_children[0].ch_remote.tl_ts[0]);
	CU_ASSERT_TRUE(meet());
	CU_ASSERT_TRUE(ike_ts_list_equal(&sa_of(0, true)->sa_remote,
	    &right.wp_children[0].ch_local));
	CU_ASSERT_TRUE(ike_ts_list_equal(&sa_of(0, true)->sa_remote,
	    &sa_of(1, true)->sa_local));
	CU_ASSERT_EQUAL(w.w_end[0].we_events[IKE_EV_NOTE], 1);
	end();
}

static void
selectors_differ(void)
{
	struct prefix p;

	begin(NULL);
	(void)prefix_parse("10.9.0.0/16", &p);
	ike_ts_from_prefix(&p, &left.wp_children[0].ch_remote.tl_ts[0]);
	CU_ASSERT_FALSE(meet());
	CU_ASSERT_EQUAL(w.w_end[0].we_reason, IKE_R_TS_NONE);
	CU_ASSERT_EQUAL(w.w_end[1].we_reason, IKE_R_TS_NONE);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.w_end[1].we_text, "10.9.0.0/16"));
	end();
}

static void
transport(void)
{
	begin(NULL);
	for (int i = 0; i < 2; i++) {
		struct ike_child_conf *ch = i ? &right.wp_children[0] :
		    &left.wp_children[0];

		ch->ch_mode = IKE_MODE_TRANSPORT;
		ch->ch_local.tl_n = ch->ch_remote.tl_n = 0;
	}
	CU_ASSERT_TRUE(meet());
	CU_ASSERT_EQUAL(sa_of(0, true)->sa_mode, IKE_MODE_TRANSPORT);
	CU_ASSERT_EQUAL(sa_of(1, false)->sa_mode, IKE_MODE_TRANSPORT);
	CU_ASSERT_TRUE(addr_equal(&sa_of(0, true)->sa_local.tl_ts[0].ts_lo,
	    &w.w_end[0].we_addr));
	end();
	test_row("the other end wants a tunnel");
	begin(NULL);
	left.wp_children[0].ch_mode = IKE_MODE_TRANSPORT;
	CU_ASSERT_FALSE(meet());
	CU_ASSERT_EQUAL(w.w_end[0].we_reason, IKE_R_MODE);
	end();
}

/* Two children of one policy: the second by CREATE_CHILD_SA. */
static void
two_children(void)
{
	struct prefix p;

	begin(NULL);
	for (int i = 0; i < 2; i++) {
		struct world_policy *wp = i ? &right : &left;
		struct ike_child_conf *ch = &wp->wp_children[1];

		*ch = wp->wp_children[0];
		(void)snprintf(ch->ch_name, sizeof(ch->ch_name), "voice");
		ch->ch_reqid = 2;
		(void)prefix_parse("172.16.0.0/24", &p);
		ike_ts_from_prefix(&p, i ? &ch->ch_remote.tl_ts[0] :
		    &ch->ch_local.tl_ts[0]);
		wp->wp_policy.po_nchildren = 2;
	}
	CU_ASSERT_TRUE(meet());
	world_run(&w, 5000);
	TEST_STRING(world_check(&w, 2), NULL);
	test_row("rekey of the IKE SA keeps both");
	command(0, IKE_CMD_REKEY_IKE, NULL);
	world_run(&w, 20000);
	command(1, IKE_CMD_REKEY, NULL);
	world_run(&w, 20000);
	TEST_STRING(world_check(&w, 2), NULL);
	CU_ASSERT_EQUAL(stats(1).is_child_rekeyed, 2);
	test_row("one goes by a change of policy, the other stays");
	{
		uint32_t spi = status(0).st_spi_in;

		left.wp_children[0] = left.wp_children[1];
		left.wp_policy.po_nchildren = 1;
		CU_ASSERT_TRUE(world_policy_set(&w, 0, &left));
		world_run(&w, 10000);
		TEST_STRING(world_check(&w, 1), NULL);
		CU_ASSERT_EQUAL(status(0).st_spi_in, spi);
	}
	end();
}

/* ------------------------------------------------------- cookies, floods */


/* Forged IKE_SA_INITs, then an honest handshake under cookies. */
static void
flood(void)
{
	uint8_t forged[IKE_INIT_MAX];
	struct ike_datagram dg;
	struct ike_objects oc;
	struct ike_conf cf;
	unsigned before;

	ike_conf_default(&cf);
	cf.cf_cookie_all = 10;
	begin(&cf);

	CU_ASSERT_TRUE(world_policy_set(&w, 1, &right));
	/* A whole, valid request to copy. */
	{
		struct ike_action a;

		left.wp_policy.po_children = left.wp_children;
		CU_ASSERT_TRUE(ike_policy_set(w.w_end[0].we_ike, w.w_now,
		    &left.wp_policy, 1));
		while (ike_next(w.w_end[0].we_ike, &a))
			if (a.ac_type == IKE_ACT_SEND) {
				dg = a.ac_send;
				memcpy(forged, dg.dg_data, dg.dg_len);
			}
	}
	dg.dg_data = forged;
	dg.dg_local = w.w_end[1].we_addr;
	dg.dg_remote = w.w_end[0].we_addr;
	dg.dg_lport = dg.dg_rport = 500;
	before = w.w_end[1].we_sent_bytes;
	for (unsigned i = 0; i < 1000; i++) {
		forged[0] = (uint8_t)(i >> 8);
		forged[1] = (uint8_t)i;
		ike_input(w.w_end[1].we_ike, w.w_now, &dg);
		world_drain(&w, 1);
	}
	ike_objects(w.w_end[1].we_ike, &oc);
	CU_ASSERT_TRUE(oc.oc_halfopen <= cf.cf_cookie_peer);
	CU_ASSERT_TRUE(w.w_end[1].we_sent_bytes - before <= 1000 * dg.dg_len);
	CU_ASSERT_TRUE(stats(1).is_cookies_sent >= 990);
	CU_ASSERT_TRUE(world_run_up(&w, 60000));
	CU_ASSERT_EQUAL(stats(1).is_cookies_bad, 0);
	world_run(&w, 100000);
	TEST_STRING(world_check(&w, 1), NULL);
	end();
}

/* A cookie is bound to address, SPI and nonce, and lives two minutes. */
static void
cookies_expire(void)
{
	struct ike_conf cf;

	ike_conf_default(&cf);
	cf.cf_cookie_all = 0;
	begin(&cf);
	CU_ASSERT_TRUE(meet());
	CU_ASSERT_EQUAL(stats(1).is_cookies_sent, 1);
	CU_ASSERT_EQUAL(stats(1).is_cookies_bad, 0);
	end();
}

/* --------------------------------------------------------- fragmentation */

static size_t longest;

static bool
note_longest(struct world *world, int from, const struct ike_datagram *dg)
{
	(void)world;
	(void)from;
	if (dg->dg_data[18] != IKE_X_SA_INIT && dg->dg_len > longest)
		longest = dg->dg_len;
	return true;
}

static void
fragments(void)
{
	struct ike_conf cf;

	static const char *const rows[] = { "both fragment",
	    "one end does not fragment", "one end does not any more" };

	for (unsigned off = 0; off < 3; off++) {
		test_row("%s", rows[off]);
		ike_conf_default(&cf);
		cf.cf_fragment = 576;
		begin(&cf);
		for (unsigned i = 0; i < IKE_TS_MAX; i++) {
			struct prefix p;

			(void)prefix_parse("2001:db8::/64", &p);
			p.pr_addr.ad_bytes[7] = (uint8_t)i;
			ike_ts_from_prefix(&p,
			    &left.wp_children[0].ch_remote.tl_ts[i]);
			right.wp_children[0].ch_local.tl_ts[i] =
			    left.wp_children[0].ch_remote.tl_ts[i];
		}
		left.wp_children[0].ch_remote.tl_n = IKE_TS_MAX;
		right.wp_children[0].ch_local.tl_n = IKE_TS_MAX;
		if (off == 2)
			ike_tune(w.w_end[1].we_ike, w.w_now,
			    cf.cf_liveness_ms, 0, cf.cf_port_natt);
		if (off == 1) {
			ike_free(w.w_end[1].we_ike);
			cf.cf_fragment = 0;
			world_conf(&w, 1, &cf);
			w.w_end[1].we_ike = ike_new(&cf, w.w_now);
		}
		longest = 0;
		w.w_tap = note_longest;
		w.w_wire.wi_jitter_ms = 30;
		CU_ASSERT_TRUE(meet());
		world_run(&w, 1000);
		TEST_STRING(world_check(&w, 1), NULL);
		if (off) {
			CU_ASSERT_TRUE(longest > 548);
			CU_ASSERT_EQUAL(stats(1).is_in_fragments, 0);
		} else {
			CU_ASSERT_TRUE(longest <= 548);
			CU_ASSERT_TRUE(stats(1).is_in_fragments >= 2);
			CU_ASSERT_TRUE(stats(0).is_in_fragments >= 2);
		}
		end();
	}
}

/* ------------------------------------------------------------------- NAT */

static void
nat(void)
{
	begin_nat();
	CU_ASSERT_TRUE(meet());
	world_run(&w, 1000);
	TEST_STRING(world_check(&w, 1), NULL);
	CU_ASSERT_TRUE(sa_of(0, true)->sa_natt && sa_of(1, true)->sa_natt);
	CU_ASSERT_EQUAL(sa_of(0, false)->sa_sport, 4500);
	CU_ASSERT_EQUAL(sa_of(0, false)->sa_dport, 4500);
	CU_ASSERT_EQUAL(sa_of(1, false)->sa_dport, 24500);
	CU_ASSERT_TRUE(addr_equal(&sa_of(1, false)->sa_dst, &w.w_nat_addr));
	test_row("a changed mapping is followed");
	w.w_nat_port = 21000;
	command(0, IKE_CMD_REKEY_IKE, NULL);
	world_run(&w, 20000);
	CU_ASSERT_EQUAL(w.w_end[1].we_events[IKE_EV_MOVED], 1);
	CU_ASSERT_EQUAL(sa_of(1, false)->sa_dport, 25500);
	end();
}

/* One attempt each, with the loss each way; duplication and reordering too. */
static void
lossy(void)
{
	static const struct {
		unsigned	loss, rounds, failures;
	} cases[] = { { 0, 100, 0 }, { 20, 400, 1 }, { 30, 400, 3 },
	    { 40, 400, 18 } };

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		unsigned failed = 0;

		test_row("%u%% loss", cases[i].loss);
		for (unsigned n = 0; n < cases[i].rounds; n++) {
			world_init(&w, 1000 * i + n, NULL);
			world_policy_default(&w, 0, &left);
			world_policy_default(&w, 1, &right);
			w.w_wire.wi_loss = cases[i].loss;
			w.w_wire.wi_dup = 20;
			w.w_wire.wi_jitter_ms = 50;
			(void)world_policy_set(&w, 1, &right);
			(void)world_policy_set(&w, 0, &left);
			(void)world_run_up(&w, 400000);
			failed += w.w_end[0].we_events[IKE_EV_FAILED] != 0 ||
			    w.w_end[0].we_events[IKE_EV_IKE_UP] == 0;
			world_free(&w);
		}
		CU_ASSERT_TRUE(failed <= cases[i].failures);
	}
}

static void
no_nat(void)
{
	begin(NULL);
	CU_ASSERT_TRUE(meet());
	CU_ASSERT_FALSE(sa_of(0, true)->sa_natt);
	CU_ASSERT_FALSE(sa_of(1, true)->sa_natt);
	end();
}

/* Either end alone brings it about, whoever begins; and rekeys keep it. */
static void
encap(void)
{
	static const struct { const char *name; bool left, right; } cases[] = {
		{ "the initiator's rule", true, false },
		{ "the responder's rule", false, true },
		{ "both rules", true, true },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		begin(NULL);
		left.wp_policy.po_encap = cases[i].left;
		right.wp_policy.po_encap = cases[i].right;
		CU_ASSERT_TRUE(meet());
		world_run(&w, 1000);
		TEST_STRING(world_check(&w, 1), NULL);
		command(0, IKE_CMD_REKEY_IKE, NULL);
		world_run(&w, 20000);
		command(1, IKE_CMD_REKEY, NULL);
		world_run(&w, 20000);
		TEST_STRING(world_check(&w, 1), NULL);
		for (int end_of = 0; end_of < 2; end_of++) {
			CU_ASSERT_TRUE(sa_of(end_of, true)->sa_natt);
			CU_ASSERT_EQUAL(sa_of(end_of, false)->sa_sport, 4500);
			CU_ASSERT_EQUAL(sa_of(end_of, false)->sa_dport, 4500);
			CU_ASSERT_EQUAL(w.w_end[end_of].we_events[IKE_EV_MOVED], 0);
		}
		end();
	}
}

/* A rule that gets or loses the word starts anew, the other way. */
static void
encap_changes(void)
{
	begin(NULL);
	CU_ASSERT_TRUE(meet());
	CU_ASSERT_FALSE(sa_of(0, true)->sa_natt);
	left.wp_policy.po_encap = true;
	CU_ASSERT_TRUE(world_policy_set(&w, 0, &left));
	world_run(&w, 20000);
	CU_ASSERT_TRUE(sa_of(0, true)->sa_natt && sa_of(1, true)->sa_natt);
	TEST_STRING(world_check(&w, 1), NULL);
	end();
}

/* A peer that knows no NAT traversal cannot be made to: plain ESP. */
static void
encap_alone(void)
{
	struct ike_conf cf;

	ike_conf_default(&cf);
	cf.cf_natt_off = true;
	begin(&cf);
	left.wp_policy.po_encap = right.wp_policy.po_encap = true;
	CU_ASSERT_TRUE(meet());
	CU_ASSERT_FALSE(sa_of(0, true)->sa_natt || sa_of(1, true)->sa_natt);
	end();
}

/* ------------------------------------------------------------ life, death */

static void
dead_peer(void)
{
	begin(NULL);
	CU_ASSERT_TRUE(meet());
	w.w_wire.wi_loss = 100;
	world_run(&w, 400000);
	CU_ASSERT_EQUAL(stats(0).is_dead, 1);
	CU_ASSERT_EQUAL(stats(1).is_dead, 1);
	CU_ASSERT_EQUAL(world_sas(&w.w_end[0], true), 0);
	CU_ASSERT_EQUAL(world_sas(&w.w_end[1], false), 0);
	test_row("it comes back");
	w.w_wire.wi_loss = 0;
	CU_ASSERT_TRUE(world_run_up(&w, 700000));
	end();
}

/* Packets that arrive make the question superfluous. */
static void
seen_lives(void)
{
	begin(NULL);
	CU_ASSERT_TRUE(meet());
	for (unsigned i = 0; i < 60; i++) {
		for (int e = 0; e < 2; e++) {
			ike_seen(w.w_end[e].we_ike, w.w_now,
			    sa_of(e, true)->sa_spi, 0);
			world_drain(&w, e);
		}
		world_run(&w, 10000);
	}
	CU_ASSERT_EQUAL(stats(0).is_liveness + stats(1).is_liveness, 0);
	world_run(&w, 100000);
	CU_ASSERT_TRUE(stats(0).is_liveness + stats(1).is_liveness > 0);
	end();
}

/* The kernel is asked before the peer, and its packets spare the question. */
static void
seen_asked(void)
{
	begin(NULL);
	CU_ASSERT_TRUE(meet());
	test_row("packets both ways: nobody is asked");
	w.w_traffic_ms = 9000;
	world_run(&w, 600000);
	CU_ASSERT_EQUAL(stats(0).is_liveness + stats(1).is_liveness, 0);
	CU_ASSERT_TRUE(w.w_end[0].we_seen_asked > 5);
	CU_ASSERT_TRUE(w.w_end[0].we_seen_asked < 30);
	test_row("packets seldomer than the limit: the peer is asked");
	w.w_traffic_ms = 97000;
	world_run(&w, 600000);
	CU_ASSERT_TRUE(stats(0).is_liveness > 3);
	TEST_STRING(world_check(&w, 1), NULL);
	test_row("what came long ago saves no dead peer");
	w.w_traffic_ms = 9000;
	world_run(&w, 100000);
	w.w_traffic_ms = 0;
	w.w_wire.wi_loss = 100;
	ike_seen(w.w_end[0].we_ike, w.w_now, sa_of(0, true)->sa_spi, UINT64_MAX);
	world_run(&w, 400000);
	CU_ASSERT_EQUAL(w.w_end[0].we_reasons[IKE_R_DEAD] != 0, true);
	w.w_wire.wi_loss = 0;
	world_run(&w, 400000);
	end();
}

/* The peer restarts without a word: INITIAL_CONTACT clears the old pair. */
static void
restart(void)
{
	struct ike_conf cf;

	begin(NULL);
	CU_ASSERT_TRUE(meet());
	ike_free(w.w_end[0].we_ike);
	memset(w.w_end[0].we_sas, 0, sizeof(w.w_end[0].we_sas));
	ike_conf_default(&cf);
	world_conf(&w, 0, &cf);
	w.w_end[0].we_ike = ike_new(&cf, w.w_now);
	CU_ASSERT_TRUE(world_policy_set(&w, 0, &left));
	/* packets of the old pair may be under way, and its kernel may have kept it */
	world_run(&w, 400);
	CU_ASSERT_EQUAL(world_sas(&w.w_end[0], true), 1);
	CU_ASSERT_EQUAL(world_sas(&w.w_end[1], true), 2);
	world_run(&w, 10000);
	TEST_STRING(world_check(&w, 1), NULL);
	CU_ASSERT_EQUAL(world_sas(&w.w_end[1], true), 1);
	CU_ASSERT_EQUAL(w.w_end[1].we_reason, IKE_R_PEER_REPLACED);
	end();
}

static void
shutdown_says_goodbye(void)
{
	begin(NULL);
	CU_ASSERT_TRUE(meet());
	ike_shutdown(w.w_end[0].we_ike, w.w_now);
	world_drain(&w, 0);
	world_run(&w, 1000);
	CU_ASSERT_EQUAL(world_sas(&w.w_end[0], true), 0);
	CU_ASSERT_EQUAL(world_sas(&w.w_end[1], true), 0);
	CU_ASSERT_EQUAL(w.w_end[1].we_reason, IKE_R_PEER_DELETED);
	end();
}

/* --------------------------------------------------- commands and traffic */

static void
down_and_up(void)
{
	begin(NULL);
	CU_ASSERT_TRUE(meet());
	CU_ASSERT_EQUAL(ike_command(w.w_end[0].we_ike, w.w_now, IKE_CMD_DOWN,
	    "nobody"), 0);
	command(0, IKE_CMD_DOWN, "site");
	world_run(&w, 60000);
	CU_ASSERT_EQUAL(world_sas(&w.w_end[1], true), 0);
	CU_ASSERT_EQUAL(status(0).st_state, IKE_ST_DOWN);
	CU_ASSERT_EQUAL(status(0).st_reason, IKE_R_ASKED);
	TEST_STRING(status(0).st_note, ike_reason_title(IKE_R_ASKED));
	CU_ASSERT_EQUAL(status(1).st_state, IKE_ST_WAITING);
	command(0, IKE_CMD_UP, "site/net");
	CU_ASSERT_EQUAL(status(0).st_state, IKE_ST_CONNECTING);
	CU_ASSERT_EQUAL(status(0).st_reason, IKE_R_NONE);
	CU_ASSERT_TRUE(world_run_up(&w, 10000));
	CU_ASSERT_EQUAL(status(0).st_state, IKE_ST_UP);
	end();
}

static void
on_demand(void)
{
	struct ike_acquire aq = { .aq_seq = 77, .aq_proto = 6 };

	begin(NULL);
	left.wp_children[0].ch_start = IKE_START_DEMAND;
	CU_ASSERT_FALSE(meet());
	CU_ASSERT_EQUAL(status(0).st_state, IKE_ST_DEMAND);
	(void)addr_parse("10.0.0.5", &aq.aq_src);
	(void)addr_parse("10.7.7.7", &aq.aq_dst);
	CU_ASSERT_FALSE(ike_acquire(w.w_end[0].we_ike, w.w_now, &aq));
	(void)addr_parse("10.0.1.5", &aq.aq_dst);
	CU_ASSERT_TRUE(ike_acquire(w.w_end[0].we_ike, w.w_now, &aq));
	world_drain(&w, 0);
	CU_ASSERT_TRUE(world_run_up(&w, 10000));
	end();
}

static void
expires(void)
{
	const struct ike_esp_sa *sa;

	begin(NULL);
	CU_ASSERT_TRUE(meet());
	test_row("soft: rekeyed");
	sa = sa_of(1, false);
	CU_ASSERT_TRUE(ike_expire(w.w_end[1].we_ike, w.w_now, sa->sa_spi,
	    &sa->sa_dst, false));
	world_drain(&w, 1);
	world_run(&w, 20000);
	CU_ASSERT_EQUAL(stats(0).is_child_rekeyed, 1);
	TEST_STRING(world_check(&w, 1), NULL);
	test_row("hard: made anew");
	sa = sa_of(0, true);
	CU_ASSERT_TRUE(ike_expire(w.w_end[0].we_ike, w.w_now, sa->sa_spi,
	    &sa->sa_dst, true));
	CU_ASSERT_FALSE(ike_expire(w.w_end[0].we_ike, w.w_now, 12345,
	    &sa->sa_dst, true));
	world_drain(&w, 0);
	world_run(&w, 20000);
	CU_ASSERT_EQUAL(w.w_end[0].we_reason, IKE_R_EXPIRED);
	CU_ASSERT_EQUAL(stats(0).is_child_made, 2);
	TEST_STRING(world_check(&w, 1), NULL);
	end();
}

static void
policies(void)
{
	struct ike_policy two[2];
	uint32_t spi;

	begin(NULL);
	CU_ASSERT_TRUE(meet());
	spi = status(0).st_spi_in;
	test_row("an equal policy leaves its SAs alone");
	CU_ASSERT_TRUE(world_policy_set(&w, 0, &left));
	world_run(&w, 5000);
	CU_ASSERT_EQUAL(status(0).st_spi_in, spi);
	CU_ASSERT_EQUAL(w.w_end[0].we_events[IKE_EV_IKE_DOWN], 0);
	test_row("a bad set changes nothing");
	two[0] = left.wp_policy;
	two[1] = left.wp_policy;
	CU_ASSERT_FALSE(ike_policy_set(w.w_end[0].we_ike, w.w_now, two, 2));
	left.wp_policy.po_auth = IKE_AUTH_KIND_EAP;
	CU_ASSERT_FALSE(world_policy_set(&w, 0, &left));
	CU_ASSERT_PTR_NOT_NULL(ike_policy_check(&left.wp_policy));
	CU_ASSERT_EQUAL(status(0).st_spi_in, spi);
	test_row("a changed policy connects anew");
	left.wp_policy.po_auth = IKE_AUTH_KIND_PSK;
	left.wp_policy.po_lifetime_s = 4000;
	CU_ASSERT_TRUE(world_policy_set(&w, 0, &left));
	world_run(&w, 15000);
	TEST_STRING(world_check(&w, 1), NULL);
	CU_ASSERT_NOT_EQUAL(status(0).st_spi_in, spi);
	end();
}

/* A peer that the policy does not name: who makes SPD entries learns it by the SA. */
static void
any_peer(void)
{
	world_init(&w, 1, NULL);
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
	memset(&right.wp_policy.po_peer, 0, sizeof(right.wp_policy.po_peer));
	CU_ASSERT_TRUE(world_policy_set(&w, 1, &right));
	CU_ASSERT_TRUE(world_policy_set(&w, 0, &left));
	CU_ASSERT_TRUE(meet());
	CU_ASSERT_FALSE(sa_of(0, true)->sa_dynamic);
	CU_ASSERT_FALSE(sa_of(0, false)->sa_dynamic);
	CU_ASSERT_TRUE(sa_of(1, true)->sa_dynamic);
	CU_ASSERT_TRUE(sa_of(1, false)->sa_dynamic);
	end();
}

/* The kernel's answer comes when the child it is for is configured no more. */
static void
policy_gone_meanwhile(void)
{
	const struct ike_esp_sa *sa;

	begin(NULL);
	CU_ASSERT_TRUE(meet());
	world_run(&w, 1000);
	sa = sa_of(0, true);
	CU_ASSERT_TRUE(ike_expire(w.w_end[0].we_ike, w.w_now, sa->sa_spi,
	    &sa->sa_dst, true));
	w.w_wire.wi_answer_ms = 1000;
	world_run(&w, 300);
	end();
}

TEST_MAIN(
	TEST("an honest handshake takes four messages", honest),
	TEST("suites", suites),
	TEST("the responder wants another group", other_group),
	TEST("no common IKE proposal", no_proposal),
	TEST("no common ESP proposal", no_esp_proposal),
	TEST("a wrong key", wrong_key),
	TEST("an unknown identity", unknown_identity),
	TEST("another responder than wanted", other_responder),
	TEST("the authentication process is silent", mute_auth),
	TEST("the kernel gives no SPI", no_spi),
	TEST("selectors are narrowed", narrowed),
	TEST("selectors do not meet", selectors_differ),
	TEST("transport mode", transport),
	TEST("two children", two_children),
	TEST("a flood of IKE_SA_INIT meets cookies", flood),
	TEST("every peer must return a cookie", cookies_expire),
	TEST("fragments", fragments),
	TEST("handshakes under loss", lossy),
	TEST("NAT", nat),
	TEST("no NAT", no_nat),
	TEST("encap", encap),
	TEST("encap comes with a change", encap_changes),
	TEST("encap without NAT traversal", encap_alone),
	TEST("a dead peer", dead_peer),
	TEST("packets show that a peer lives", seen_lives),
	TEST("the kernel is asked for packets", seen_asked),
	TEST("a peer that has restarted", restart),
	TEST("shutdown says goodbye", shutdown_says_goodbye),
	TEST("down and up", down_and_up),
	TEST("on demand", on_demand),
	TEST("expiry", expires),
	TEST("policies", policies),
	TEST("a peer that is any", any_peer),
	TEST("a policy goes while an exchange waits", policy_gone_meanwhile))
