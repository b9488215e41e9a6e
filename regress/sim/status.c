/* SPDX-License-Identifier: ISC */
/*
 * What is said of a tunnel is so.  Two gateways in virtual time are brought into
 * random states: up, half up, and down for each reason that there is.  After every
 * step, at both:
 *
 *	the SAD of the network kernel	holds a child SA in both directions
 *	the IKE core's status		says up
 *	ikectl's word, and its JSON	say up
 *	the last event of the history	is that a child came up
 *
 * are all so or all not so; every rule is shown, and a word that is not "up" has
 * a reason or needs none.  A rule that iked cannot carry out is shown as blocked.
 *
 *	status [states [first seed]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../sbin/ikectl/ikectl.h"
#include "gateway.h"
#include "libutil/log.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STATES		160
#endif
#endif
#ifndef STATES
#define STATES		1600
#endif

/* ---- what the data plane has ---------------------------------------- */

struct installed {
	uint32_t	in_reqid;
	unsigned	in_in, in_out;
};

static void
count_sa(void *arg, struct sa *sa)
{
	struct installed *in = arg;

	if (sa->sa_reqid != in->in_reqid ||
	    (sa->sa_state != SA_MATURE && sa->sa_state != SA_DYING))
		return;
	if (sa->sa_flags & SA_F_IN)
		in->in_in++;
	else
		in->in_out++;
}

struct lookup {
	uint32_t	lo_spi;		/* network order */
	bool		lo_in, lo_found;
};

static void
find_sa(void *arg, struct sa *sa)
{
	struct lookup *lo = arg;

	if (sa->sa_spi == lo->lo_spi &&
	    (sa->sa_state == SA_MATURE || sa->sa_state == SA_DYING) &&
	    ((sa->sa_flags & SA_F_IN) != 0) == lo->lo_in)
		lo->lo_found = true;
}

static bool
has_sa(struct gateway *g, uint32_t spi, bool in)
{
	struct lookup lo = { htonl(spi), in, false };

	sad_walk(g->g_nk, find_sa, &lo);
	return lo.lo_found;
}

/* ---- what is said ---------------------------------------------------- */

struct say {
	struct gateway	*sy_gw;
	bool		 sy_core;	/* ike_status: up */
	bool		 sy_word;	/* ikectl's table: up */
	bool		 sy_json;
	enum tunnel_word sy_last;
	unsigned	 sy_lines, sy_blocked;
	uint32_t	 sy_reqid;
	bool		 sy_reason;
};

static const char *
json_text(const cJSON *o, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(o, name));

	return text != NULL ? text : "";
}

/* One line, as ikectl makes it from iked's and netkern's answers. */
static void
say_line(void *arg, const struct ike_status *st)
{
	struct say *sy = arg;
	struct tunnel tu = { .tu_st = *st,
	    .tu_now = gateway_ms(sy->sy_gw) };
	char word[32];
	cJSON *o;

	if (st->st_state == IKE_ST_UP) {
		tu.tu_asked = true;
		tu.tu_counted = has_sa(sy->sy_gw, st->st_spi_in, true) &&
		    has_sa(sy->sy_gw, st->st_spi_out, false);
	}
	(void)tunnel_state(&tu, word);
	o = status_json_tunnel(&tu);
	if (strcmp(json_text(o, "state"), word) != 0 ||
	    strcmp(json_text(o, "status"),
	    tunnel_word_id(tunnel_word(&tu))) != 0)
		bad(sy->sy_gw->g_sim, "JSON and table differ", word, 0);
	if (strcmp(st->st_policy, "blocked") == 0) {
		sy->sy_blocked += tunnel_word(&tu) == WORD_BLOCKED &&
		    st->st_note[0] != '\0' && st->st_reason == IKE_R_CONFIG;
		cJSON_Delete(o);
		return;
	}
	sy->sy_lines++;
	sy->sy_reqid = st->st_reqid;
	sy->sy_core |= st->st_state == IKE_ST_UP;
	sy->sy_word |= strncmp(word, "up", 2) == 0;
	sy->sy_json |= cJSON_IsTrue(cJSON_GetObjectItem(o, "up"));
	sy->sy_last = tunnel_word(&tu);
	sy->sy_reason = st->st_reason != IKE_R_NONE;
	cJSON_Delete(o);
}

static unsigned seen_word[8], seen_reason[IKE_R_COUNT], seen_half;

static void
note_reason(void *arg, const struct ike_status *st)
{
	(void)arg;
	seen_reason[st->st_reason]++;
}

static void
check(struct gateway *g, bool count)
{
	struct say sy = { .sy_gw = g };
	struct installed in = { 0 };
	bool up;

	ikeproc_status(&g->g_ip, say_line, &sy);
	in.in_reqid = sy.sy_reqid;
	sad_walk(g->g_nk, count_sa, &in);
	up = in.in_in != 0 && in.in_out != 0;
	if (sy.sy_lines == 0 || sy.sy_blocked != 1)
		bad(g->g_sim, "a rule is hidden", g->g_name, sy.sy_lines);
	if (sy.sy_core != up)
		bad(g->g_sim, up ? "installed, and iked says down" :
		    "iked says up, and it is not installed", g->g_name,
		    in.in_in * 100 + in.in_out);
	if (sy.sy_word != up || sy.sy_json != up)
		bad(g->g_sim, "ikectl is wrong", g->g_name, up);
	if (g->g_last_up != up)
		bad(g->g_sim, "the history is wrong", g->g_name, up);
	if (sy.sy_last == WORD_RETRY && !sy.sy_reason)
		bad(g->g_sim, "down without a reason", g->g_name, 0);
	if (!count)
		return;
	seen_word[sy.sy_last]++;
	seen_half += !up && (in.in_in != 0 || in.in_out != 0);
	ikeproc_status(&g->g_ip, note_reason, NULL);
}

/* ---- states ---------------------------------------------------------- */

static void
run(struct sim *s, uint64_t ms)
{
	for (uint64_t n = ms * NSEC_PER_MSEC / STEP_NS; n != 0 &&
	    s->s_bad == 0; n--) {
		world_run(s->s_wo, STEP_NS);
		for (unsigned i = 0; i < 2; i++) {
			gateway_turn(&s->s_gw[i]);
			if (n % 4 == 0)
				check(&s->s_gw[i], false);
		}
	}
}

static const char *const ways[] = { "active", "active", "passive" };
static const char *const sets[] = { "", "", "", "set passive\n" };
static const char *const ikes[] = { "", "", "",
    "ikesa enc aes-128-gcm prf hmac-sha2-256 group curve25519 ",
    "ikesa enc aes-256-gcm prf hmac-sha2-512 group ecp384 " };
static const char *const esps[] = { "", "", "", "childsa enc aes-128-gcm ",
    "childsa enc chacha20-poly1305 ", "childsa enc aes-256-gcm group ecp384 " };

#define PICK(s, a)	(a)[world_rand((s)->s_wo) % (sizeof(a) / sizeof((a)[0]))]

/* A rule that may or may not fit the peer's, and one that cannot be used. */
static void
configure(struct gateway *g, uint64_t revision)
{
	struct sim *s = g->g_sim;
	char text[1200], mine[32], theirs[32];

	(void)snprintf(mine, sizeof(mine), "10.%u.0.0/24", g->g_net);
	(void)snprintf(theirs, sizeof(theirs), world_rand(s->s_wo) % 8 != 0 ?
	    "10.%u.0.0/24" : "10.%u.7.0/24", g->g_peer->g_net);
	(void)snprintf(text, sizeof(text), "%sikev2 \"t\" %s esp from %s to %s "
	    "local 192.0.2.%u peer 192.0.2.%u %s%ssrcid %s.example "
	    "dstid %s.example ikelifetime %u lifetime %u psk \"" PSK "\"\n"
	    "ikev2 \"blocked\" active esp from %s to 10.9.0.0/24 "
	    "local 192.0.2.%u peer 192.0.2.77 dstid \"/C=XX/CN=x\" "
	    "psk \"" PSK "\"\n", PICK(s, sets), PICK(s, ways), mine, theirs,
	    g->g_net, g->g_peer->g_net, PICK(s, ikes), PICK(s, esps),
	    world_rand(s->s_wo) % 8 != 0 ? g->g_name : "somebody",
	    g->g_peer->g_name, 60 + (unsigned)(world_rand(s->s_wo) % 200),
	    25 + (unsigned)(world_rand(s->s_wo) % 100), mine, g->g_net);
	gateway_policy(g, text, revision);
	ikeproc_act(&g->g_ip);
}

/* Somebody else takes an SA away, or all of them. */
static void
meddle(struct gateway *g, bool all)
{
	struct sa *sa;
	struct sad_cursor c;
	struct pfkey_msg m;
	uint64_t n = world_rand(g->g_sim->s_wo) % 2;

	pfkey_init(&m, all ? SADB_FLUSH : SADB_DELETE, SADB_SATYPE_ESP);
	if (!all) {
		sad_cursor_start(g->g_nk, &c);
		while ((sa = sad_cursor_next(g->g_nk, &c)) != NULL && n != 0)
			n--;
		sad_cursor_end(g->g_nk, &c);
		if (sa == NULL)
			return;
		pfkey_set_ends(&m, &sa->sa_src, &sa->sa_dst);
		m.pm_sa.ps_spi = ntohl(sa->sa_spi);
		pfkey_set(&m, SADB_EXT_SA);
	}
	gateway_key_message(g, &m, 999);
	gateway_turn(g);
}

static void
command(struct gateway *g)
{
	static const enum ike_command cmds[] = { IKE_CMD_UP, IKE_CMD_DOWN,
	    IKE_CMD_UP, IKE_CMD_REKEY, IKE_CMD_REKEY_IKE, IKE_CMD_DELETE_IKE };

	gateway_command(g, PICK(g->g_sim, cmds));
}

static void
new_wire(struct sim *s)
{
	static const unsigned loss[] = { 0, 0, 50, 300, 1000 };
	struct wire wi = { .wi_delay_ns = world_rand(s->s_wo) % 30 *
	    NSEC_PER_MSEC, .wi_loss = PICK(s, loss) };

	world_wire(s->s_wo, s->s_gw[0].g_wan, wi);
}

static void
perturb(struct sim *s, uint64_t revision)
{
	static const char *const psks[] = { NULL, NULL, "another-key-entirely" };
	struct gateway *g = &s->s_gw[world_rand(s->s_wo) % 2];
	struct ike_acquire aq = { .aq_reqid = 0 };

	switch (world_rand(s->s_wo) % 8) {
	case 0:
		configure(g, revision);
		break;
	case 1:
	case 2:
		command(g);
		break;
	case 3:
		new_wire(s);
		break;
	case 4:
		g->g_psk = PICK(s, psks);
		break;
	case 5:
		meddle(g, world_rand(s->s_wo) % 2);
		break;
	case 6:
		g->g_key_lost = world_rand(s->s_wo) % 3 == 0 ? 300 : 0;
		break;
	case 7:
		aq.aq_reqid = g->g_reqid;
		(void)ike_acquire(g->g_ip.ip_ike, gateway_ms(g), &aq);
		ikeproc_act(&g->g_ip);
		break;
	}
}

/* Eight states of one pair of gateways. */
static unsigned
history(uint64_t seed, bool verbose)
{
	struct sim *s = sim_new(seed);
	unsigned found;

	s->s_verbose = verbose;
	world_link(s->s_wo, s->s_gw[0].g_wan, s->s_gw[1].g_wan,
	    (struct wire){ .wi_delay_ns = 3 * NSEC_PER_MSEC });
	for (unsigned i = 0; i < 2; i++) {
		configure(&s->s_gw[i], 1);
		gateway_start(&s->s_gw[i]);
	}
	run(s, 500);
	for (unsigned n = 0; n < 8 && s->s_bad == 0; n++) {
		perturb(s, n + 2);
		run(s, world_rand(s->s_wo) % 4 != 0 ?
		    world_rand(s->s_wo) % 3000 : world_rand(s->s_wo) % 12000);
		for (unsigned i = 0; i < 2; i++)
			check(&s->s_gw[i], true);
	}
	found = s->s_bad;
	sim_free(s);
	return found;
}

static unsigned
coverage(void)
{
	static const enum tunnel_word must[] = { WORD_UP, WORD_CONNECTING,
	    WORD_RETRY, WORD_WAITING, WORD_DEMAND, WORD_DISABLED };
	unsigned missing = 0;

	printf("half up: %u;", seen_half);
	for (unsigned i = 0; i < 8; i++)
		printf(" %s: %u", tunnel_word_id(i), seen_word[i]);
	printf("\nreasons:");
	for (unsigned i = 1; i < IKE_R_COUNT; i++)
		if (seen_reason[i] != 0)
			printf(" %s: %u", ike_reason_id(i), seen_reason[i]);
	printf("\n");
	for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++)
		if (seen_word[must[i]] == 0) {
			printf("never seen: %s\n", tunnel_word_id(must[i]));
			missing++;
		}
	return missing;
}

int
main(int argc, char **argv)
{
	unsigned states = argc > 1 ? (unsigned)atoi(argv[1]) : STATES;
	unsigned long long seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	unsigned seeds = (states + 15) / 16, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_init("status", true, seeds == 1 ? 1 : -1);
	for (unsigned i = 0; i < seeds; i++)
		if (history(seed + i, seeds == 1) != 0) {
			printf("repeat it: %s 1 %llu\n", argv[0], seed + i);
			failed++;
		}
	if (seeds > 20)
		failed += coverage();
	else
		(void)coverage();
	printf("%u passed, %u failed\n", 16 * seeds - failed, failed);
	return failed != 0;
}
