/* SPDX-License-Identifier: ISC */
#include "talk.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

struct world *wo;
struct nk *nk;
struct program alice, bob, carol;

static bool
hear(void *arg, const void *msg, size_t len)
{
	struct program *p = arg;

	if (p->pr_room == 0)
		return false;
	if (p->pr_room != UINT32_MAX)
		p->pr_room--;
	p->pr_len[p->pr_n % HEARD_MAX] = len;
	memcpy(p->pr_heard[p->pr_n++ % HEARD_MAX], msg, len);
	return true;
}

static void
program_start(struct program *p)
{
	memset(p, 0, sizeof(*p));
	p->pr_room = UINT32_MAX;
	p->pr_ks.ks_send = hear;
	p->pr_ks.ks_arg = p;
	key_socket_add(nk, &p->pr_ks);
}

void
talk_open(void)
{
	wo = world_new(3);
	nk = world_router(wo, "r", 1);
	(void)world_if(wo, nk, "em0", "192.0.2.1/24", 1500);
	world_settle(wo);
	nk_lock(nk);
	program_start(&alice);
	program_start(&bob);
	program_start(&carol);
	carol.pr_ks.ks_registered = 1u << SADB_SATYPE_ESP;
	carol.pr_ks.ks_private = true;
}

void
talk_close(void)
{
	key_socket_remove(nk, &alice.pr_ks);
	key_socket_remove(nk, &bob.pr_ks);
	key_socket_remove(nk, &carol.pr_ks);
	nk_unlock(nk);
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	world_free(wo);
}

int
say_bytes(struct program *p, const void *buf, size_t len)
{
	unsigned before = p->pr_n;

	key_message(nk, world_clock(wo), &p->pr_ks, buf, len);
	return p->pr_n == before ? -1 : heard(p, 0)->pm_errno;
}

int
say(struct program *p, struct pfkey_msg *m)
{
	static uint32_t seq = 100;
	uint8_t buf[PFKEY_MSG_MAX];
	size_t n;

	m->pm_seq = ++seq;
	m->pm_pid = 4000 + (uint32_t)(p == &bob) + 2 * (uint32_t)(p == &carol);
	n = pfkey_build(m, buf, sizeof(buf));
	CU_ASSERT_NOT_EQUAL_FATAL(n, 0);
	return say_bytes(p, buf, n);
}

const struct pfkey_msg *
heard(struct program *p, unsigned i)
{
	static struct pfkey_msg m;
	unsigned at_ = (p->pr_n - 1 - i) % HEARD_MAX;
	const char *why = NULL;

	if (pfkey_parse(p->pr_heard[at_], p->pr_len[at_], PFKEY_FROM_KERNEL, &m, &why) != 0) {
		printf("netkern sent what is not legal: %s\n", why);
		CU_FAIL("netkern's message");
	}
	return &m;
}

struct addr
at(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a))
		abort();
	return a;
}

static const uint8_t key_bytes[64] = { 9, 8, 7, 6, 5 };

void
msg_add(struct pfkey_msg *m, uint8_t type, uint32_t spi)
{
	struct addr src = at("192.0.2.1"), dst = at("192.0.2.2");

	pfkey_init(m, type, SADB_SATYPE_ESP);
	m->pm_sa = (struct pfkey_sa){ .ps_spi = spi, .ps_replay = 64,
	    .ps_state = SADB_SASTATE_MATURE, .ps_encrypt = SADB_X_EALG_AES_GCM_ICV16 };
	pfkey_set(m, SADB_EXT_SA);
	pfkey_set_ends(m, &src, &dst);
	m->pm_ekey = (struct pfkey_key){ 160, key_bytes };
	pfkey_set(m, SADB_EXT_KEY_ENCRYPT);
	m->pm_mode = IPSEC_MODE_TUNNEL;
	m->pm_reqid = 7;
	pfkey_set(m, SADB_X_EXT_SA2);
}

void
msg_spd(struct pfkey_msg *m, uint8_t type, uint8_t dir, const char *src, const char *dst)
{
	struct pfkey_selector sel = { .sel_sport = { 0, 65535 }, .sel_dport = { 0, 65535 } };

	pfkey_init(m, type, 0);
	if (!prefix_parse(src, &sel.sel_src) || !prefix_parse(dst, &sel.sel_dst))
		abort();
	pfkey_set_selector(m, &sel);
	m->pm_policy = (struct pfkey_policy){ .pp_type = IPSEC_POLICY_IPSEC, .pp_dir = dir,
	    .pp_priority = 1000, .pp_nreq = 1, .pp_req = { { .pr_proto = IPPROTO_ESP,
	    .pr_mode = IPSEC_MODE_TUNNEL, .pr_level = IPSEC_LEVEL_REQUIRE, .pr_reqid = 7,
	    .pr_src = at(dir == IPSEC_DIR_OUTBOUND ? "192.0.2.1" : "192.0.2.2"),
	    .pr_dst = at(dir == IPSEC_DIR_OUTBOUND ? "192.0.2.2" : "192.0.2.1") } } };
	pfkey_set(m, SADB_X_EXT_POLICY);
}
