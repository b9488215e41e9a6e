/* SPDX-License-Identifier: ISC */
/*
 * DUMP and SPDDUMP: one message an entry, to the socket that asked.
 *
 * A dump pauses when the socket's queue is full and goes on when the shell
 * says that there is room (key_socket_ready), so that 100,000 entries pass
 * through a queue of any size.  Between, the world may change: what was
 * there all the time is told once.  As on Linux the sequence number of the last
 * message is 0; a dump of nothing is answered ENOENT.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netkey/key_var.h"

struct key_dump {
	struct pfkey_msg	 kd_m;		/* the request */
	uint32_t		 kd_count;	/* entries told */
	bool			 kd_policies;
	struct sad_cursor	 kd_sad;
	struct spd_cursor	 kd_spd;
};

static bool
wanted(const struct key_dump *kd, const struct sa *sa)
{
	const struct pfkey_msg *m = &kd->kd_m;

	if (!PFKEY_HAS(m, SADB_X_EXT_FILTER))
		return true;
	return (m->pm_filter_src.pr_len == 0 || prefix_match(&m->pm_filter_src, &sa->sa_src)) &&
	    (m->pm_filter_dst.pr_len == 0 || prefix_match(&m->pm_filter_dst, &sa->sa_dst));
}

/* The next entry to tell, passing over what is not wanted; it stays next. */
static struct sa *
peek_sa(struct nk *nk, struct key_dump *kd)
{
	struct sad_cursor *c = &kd->kd_sad;

	while (c->sc_next != NULL && c->sc_next->sa_id <= c->sc_last_id) {
		if (wanted(kd, c->sc_next))
			return c->sc_next;
		(void)sad_cursor_next(nk, c);
	}
	return NULL;
}

static struct sp *
peek_sp(struct key_dump *kd)
{
	struct spd_cursor *c = &kd->kd_spd;

	return c->sc_next != NULL && c->sc_next->sp_id <= c->sc_last_id ? c->sc_next : NULL;
}

static bool
more(struct nk *nk, struct key_dump *kd)
{
	return kd->kd_policies ? peek_sp(kd) != NULL : peek_sa(nk, kd) != NULL;
}

static void
header(const struct key_dump *kd, struct pfkey_msg *m)
{
	pfkey_init(m, kd->kd_m.pm_type, kd->kd_m.pm_satype);
	m->pm_seq = kd->kd_m.pm_seq;
	m->pm_pid = kd->kd_m.pm_pid;
}

/* The entry at the cursor, which moves on. */
static void
take(struct nk *nk, struct key_dump *kd, struct pfkey_msg *m)
{
	struct sa *sa;

	header(kd, m);
	if (kd->kd_policies) {
		key_fill_sp(m, spd_cursor_next(nk, &kd->kd_spd));
		return;
	}
	sa = peek_sa(nk, kd);
	(void)sad_cursor_next(nk, &kd->kd_sad);
	m->pm_satype = SADB_SATYPE_ESP;
	key_fill_sa(m, sa, KEY_WITH_KEYS | KEY_WITH_STATS);
}

/* Undoes take() for an entry that the socket did not take. */
static void
put_back(struct key_dump *kd, struct sad_cursor sad, struct spd_cursor spd)
{
	kd->kd_sad.sc_next = sad.sc_next;
	kd->kd_spd.sc_next = spd.sc_next;
}

static void
run(struct nk *nk, struct key_socket *ks)
{
	struct key_dump *kd = ks->ks_dump;
	struct pfkey_msg m;

	while (more(nk, kd)) {
		struct sad_cursor sad = kd->kd_sad;
		struct spd_cursor spd = kd->kd_spd;

		take(nk, kd, &m);
		m.pm_seq = more(nk, kd) ? kd->kd_count + 1 : 0;
		if (!key_send_one(nk, ks, &m)) {
			put_back(kd, sad, spd);
			return;
		}
		kd->kd_count++;
		if (m.pm_seq == 0) {
			key_dump_end(nk, ks);
			return;
		}
	}
	/* Nothing (more) to tell, and the last message did not say so. */
	header(kd, &m);
	m.pm_errno = ENOENT;
	if (key_send_one(nk, ks, &m))
		key_dump_end(nk, ks);
}

int
key_dump(struct key_req *kr)
{
	struct nk *nk = kr->kr_nk;
	struct key_dump *kd;
	uint8_t satype = kr->kr_m.pm_satype;

	kd = calloc(1, sizeof(*kd));
	if (kd == NULL)
		return ENOMEM;
	kd->kd_m = kr->kr_m;
	kd->kd_policies = kr->kr_m.pm_type == SADB_X_SPDDUMP;
	if (!kd->kd_policies && satype != SADB_SATYPE_UNSPEC && satype != SADB_SATYPE_ESP) {
		free(kd);
		return ENOENT;
	}
	sad_cursor_start(nk, &kd->kd_sad);
	spd_cursor_start(nk, &kd->kd_spd);
	kr->kr_ks->ks_dump = kd;
	run(nk, kr->kr_ks);
	return 0;
}

void
key_dump_end(struct nk *nk, struct key_socket *ks)
{
	struct key_dump *kd = ks->ks_dump;

	if (kd == NULL)
		return;
	sad_cursor_end(nk, &kd->kd_sad);
	spd_cursor_end(nk, &kd->kd_spd);
	ks->ks_dump = NULL;
	free(kd);
}

void
key_socket_ready(struct nk *nk, struct clock_now now, struct key_socket *ks)
{
	(void)now;
	if (ks->ks_dump != NULL)
		run(nk, ks);
}
