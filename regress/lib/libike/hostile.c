/* SPDX-License-Identifier: ISC */
/*
 * Hostile messages: every truncation and many edits of a golden transcript,
 * every payload of every exchange dropped, doubled or moved, under the keys of
 * the SA or without.  After each thousand an honest handshake works, and at the
 * end no object is left over.
 */
#include "forge.h"
#include "test.h"

#define GOLDEN_MAX	24
#define LENGTH_MAX	2048

/* Datagrams of a handshake, a child rekey, an IKE rekey and a delete. */
static struct golden {
	int	g_from;
	size_t	g_n;
	uint8_t	g_p[LENGTH_MAX];
} golden[GOLDEN_MAX];
static unsigned ngolden;

/* Their payloads in the clear (but IKE_SA_INIT). */
static struct plain {
	int	p_from;
	uint8_t	p_exchange, p_first;
	bool	p_response;
	size_t	p_n;
	uint8_t	p_p[LENGTH_MAX];
} plains[GOLDEN_MAX];
static unsigned nplains;

static struct world w;
static struct world_policy left, right;
static unsigned tried;

static bool
record(struct world *world, int from, const struct ike_datagram *dg)
{
	struct plain *p = &plains[nplains];

	if (ngolden == GOLDEN_MAX || dg->dg_len > LENGTH_MAX)
		return true;
	golden[ngolden].g_from = from;
	golden[ngolden].g_n = dg->dg_len;
	memcpy(golden[ngolden].g_p, dg->dg_data, dg->dg_len);
	ngolden++;
	if (dg->dg_data[18] == IKE_X_SA_INIT)
		return true;
	p->p_n = forge_open(world, from, dg, &p->p_first, p->p_p,
	    sizeof(p->p_p));
	p->p_from = from;
	p->p_exchange = dg->dg_data[18];
	p->p_response = (dg->dg_data[19] & IKE_F_RESPONSE) != 0;
	nplains++;
	return true;
}

static void
begin(uint64_t seed)
{
	world_init(&w, seed, NULL);
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
	w.w_wire.wi_delay_ms = 1;
}

static bool
meet(void)
{
	return world_meet(&w, &left, &right);
}

static void
end(void)
{
	TEST_STRING(world_end(&w), NULL);
	world_free(&w);
}

static void
transcript(void)
{
	begin(1);
	w.w_tap = record;
	CU_ASSERT_TRUE(meet());
	(void)ike_command(w.w_end[0].we_ike, w.w_now, IKE_CMD_REKEY, NULL);
	world_drain(&w, 0);
	world_run(&w, 1000);
	(void)ike_command(w.w_end[1].we_ike, w.w_now, IKE_CMD_REKEY_IKE, NULL);
	world_drain(&w, 1);
	world_run(&w, 1000);
	w.w_tap = NULL;
	CU_ASSERT_EQUAL(ngolden, 12);
	CU_ASSERT_EQUAL(nplains, 10);
	end();
}

/* An honest handshake in the same world as the hostile messages. */
static void
honest(void)
{
	(void)ike_command(w.w_end[0].we_ike, w.w_now, IKE_CMD_DOWN, NULL);
	world_drain(&w, 0);
	world_run(&w, 100000);
	(void)ike_command(w.w_end[0].we_ike, w.w_now, IKE_CMD_UP, NULL);
	world_drain(&w, 0);
	CU_ASSERT_TRUE(world_run_up(&w, 300000));
}

static void
inject(int to, const uint8_t *p, size_t n)
{
	/* Its own allocation, so that the sanitizer sees a read beyond. */
	uint8_t *copy = malloc(n + (n == 0));

	memcpy(copy, p, n);
	world_inject(&w, to, copy, n, false);
	free(copy);
	if (++tried % 1000 == 0)
		honest();
}

static uint32_t rnd_state = 12345;

static uint32_t
rnd(void)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return rnd_state >> 8;
}

/* To both ends, at all stages of a handshake that goes on meanwhile. */
static void
truncations(void)
{
	begin(2);
	CU_ASSERT_TRUE(meet());
	for (unsigned i = 0; i < ngolden; i++)
		for (size_t n = 0; n < golden[i].g_n; n++) {
			inject(1 - golden[i].g_from, golden[i].g_p, n);
			/* And with a header that tells the truth. */
			if (n >= IKE_HDR_LEN) {
				uint8_t cut[LENGTH_MAX];

				memcpy(cut, golden[i].g_p, n);
				cut[26] = (uint8_t)(n >> 8);
				cut[27] = (uint8_t)n;
				inject(1 - golden[i].g_from, cut, n);
			}
		}
	honest();
	end();
}

/* Each 16-bit field of each golden message set to values that tempt. */
static void
lengths(void)
{
	static const uint16_t values[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 255,
	    256, 0x7fff, 0x8000, 0xfffe, 0xffff };
	uint8_t edited[LENGTH_MAX];

	begin(3);
	CU_ASSERT_TRUE(meet());
	for (unsigned i = 0; i < ngolden; i++)
		for (size_t at = 16; at + 1 < golden[i].g_n && at < 300; at++)
			for (size_t v = 0; v < TEST_COUNT(values); v += 3) {
				uint16_t value = values[(v + at) %
				    TEST_COUNT(values)];

				memcpy(edited, golden[i].g_p, golden[i].g_n);
				edited[at] = (uint8_t)(value >> 8);
				edited[at + 1] = (uint8_t)value;
				inject(1 - golden[i].g_from, edited,
				    golden[i].g_n);
			}
	honest();
	end();
}

/* A peer that has the keys: the victim's SA may end, and nothing more. */
static void
forge(const struct plain *p, const uint8_t *bytes, size_t n, uint8_t first)
{
	int to = 1 - p->p_from;

	if (forge_sa(&w, to) == NULL)
		(void)world_run_up(&w, 300000);
	(void)forge_send(&w, to, p->p_exchange, p->p_response, first, bytes, n);
	world_run(&w, 10);
	if (++tried % 1000 == 0)
		honest();
	CU_ASSERT_EQUAL(w.w_broken, 0);
}

static void
sealed_lengths(void)
{
	uint8_t edited[LENGTH_MAX];

	begin(4);
	CU_ASSERT_TRUE(meet());
	for (unsigned i = 0; i < nplains; i++)
		for (size_t at = 0; at < plains[i].p_n; at += 1 + rnd() % 3) {
			memcpy(edited, plains[i].p_p, plains[i].p_n);
			edited[at] ^= (uint8_t)(1 + rnd() % 255);
			forge(&plains[i], edited, plains[i].p_n,
			    plains[i].p_first);
			forge(&plains[i], plains[i].p_p, at, plains[i].p_first);
		}
	honest();
	end();
}

/* Where the payloads of a chain begin; their number. */
static unsigned
chain_of(const struct plain *p, size_t at[32], uint8_t type[32])
{
	size_t where = 0;
	unsigned n = 0;
	uint8_t next = p->p_first;

	while (next != 0 && where + 4 <= p->p_n && n < 31) {
		at[n] = where;
		type[n++] = next;
		next = p->p_p[where];
		where += (size_t)p->p_p[where + 2] << 8 | p->p_p[where + 3];
	}
	at[n] = where;
	return n;
}

/* A chain out of some payloads of another; its first type. */
static uint8_t
chain_make(const struct plain *p, const size_t at[32], const uint8_t type[32],
    const unsigned *order, unsigned n, uint8_t *out, size_t *len)
{
	size_t w_at = 0, last = SIZE_MAX;
	uint8_t first = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t bytes = at[order[i] + 1] - at[order[i]];

		if (last == SIZE_MAX)
			first = type[order[i]];
		else
			out[last] = type[order[i]];
		last = w_at;
		memcpy(out + w_at, p->p_p + at[order[i]], bytes);
		out[last] = 0;
		w_at += bytes;
	}
	*len = w_at;
	return first;
}

/* Each payload of each message dropped, doubled, put first. */
static void
matrix(void)
{
	uint8_t type[32], out[2 * LENGTH_MAX];
	size_t at[32], len;

	begin(5);
	CU_ASSERT_TRUE(meet());
	for (unsigned i = 0; i < nplains; i++) {
		unsigned n = chain_of(&plains[i], at, type);

		for (unsigned k = 0; k < n; k++)
			for (unsigned how = 0; how < 3; how++) {
				unsigned order[40], m = 0;
				uint8_t first;

				if (how == 2)
					order[m++] = k;
				for (unsigned j = 0; j < n; j++) {
					if (j != k || how == 1)
						order[m++] = j;
					if (j == k && how == 1)
						order[m++] = j;
				}
				first = chain_make(&plains[i], at, type, order,
				    m, out, &len);
				forge(&plains[i], out, len, first);
			}
	}
	honest();
	end();
}

/* Every message of every exchange in every state of a handshake. */
static unsigned stage;

static bool
stop_at(struct world *world, int from, const struct ike_datagram *dg)
{
	(void)world;
	(void)from;
	(void)dg;
	return stage-- > 0;
}

static void
states(void)
{
	for (unsigned s = 0; s < 5; s++)
		for (unsigned i = 0; i < nplains; i++) {
			test_row("%u messages pass, then message %u", s, i);
			begin(6 + s);
			stage = s;
			w.w_tap = stop_at;
			(void)world_policy_set(&w, 1, &right);
			(void)world_policy_set(&w, 0, &left);
			world_run(&w, 1000);
			(void)forge_send(&w, 1 - plains[i].p_from,
			    plains[i].p_exchange, plains[i].p_response,
			    plains[i].p_first, plains[i].p_p, plains[i].p_n);
			/* Up without AUTH having been verified? */
			if (s < 2) {
				CU_ASSERT_EQUAL(w.w_end[0].we_events[
				    IKE_EV_IKE_UP], 0);
				CU_ASSERT_EQUAL(w.w_end[1].we_events[
				    IKE_EV_IKE_UP], 0);
			}
			w.w_tap = NULL;
			/* A forged Delete is believed: ask anew. */
			if (s == 4)
				honest();
			CU_ASSERT_TRUE(world_run_up(&w, 900000));
			end();
		}
}

/* Fragments in all orders, doubled, with changing totals, missing. */
static void
fragments(void)
{
	struct ike_conf cf;
	struct ikesa *sa;
	struct outmsg *om;
	struct ike_writer wr;
	uint8_t vendor[1400] = { 0 };

	ike_conf_default(&cf);
	cf.cf_fragment = 576;
	for (unsigned round = 0; round < 200; round++) {
		uint32_t before;
		struct ikesa *victim;

		if (round % 50 == 0) {
			if (round != 0)
				end();
			world_init(&w, round + 1, &cf);
			world_policy_default(&w, 0, &left);
			world_policy_default(&w, 1, &right);
			CU_ASSERT_TRUE(meet());
		}
		victim = forge_sa(&w, 1);
		sa = forge_sa(&w, 0);
		before = victim->sa_next_rsp;
		seal_begin(sa->sa_ike, &wr);
		ike_put_bytes(&wr, IKE_P_VENDOR, vendor, sizeof(vendor));
		om = seal_message(sa, IKE_X_INFORMATIONAL, false,
		    victim->sa_next_rsp, &wr);
		CU_ASSERT_TRUE(om != NULL && om->om_n == 3);
		/* All but one, in any order and several times. */
		for (unsigned k = 0; k < 12; k++) {
			unsigned i = (round + rnd() % 2) % 3;

			world_inject(&w, 1, om->om_bytes + i * om->om_len[0],
			    om->om_len[i], false);
		}
		CU_ASSERT_EQUAL(victim->sa_next_rsp, before);
		for (unsigned i = 3; i-- > 0;)
			world_inject(&w, 1, om->om_bytes + i * om->om_len[0],
			    om->om_len[i], false);
		CU_ASSERT_EQUAL(victim->sa_next_rsp, before + 1);
		sa->sa_next_req = victim->sa_next_rsp;
		outmsg_free(om);
	}
	end();
}

TEST_MAIN(
	TEST("a golden transcript", transcript),
	TEST("every truncation", truncations),
	TEST("edited lengths", lengths),
	TEST("sealed: edits and truncations", sealed_lengths),
	TEST("sealed: payloads dropped, doubled, moved", matrix),
	TEST("sealed: every message in every state", states),
	TEST("fragments", fragments))
