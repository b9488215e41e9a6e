/* SPDX-License-Identifier: ISC */
/*
 * What a client may read that has no access to the store's file: texts of a
 * revision without their keys, the list of revisions, and events of tunnels
 * (libpolicy/readwire.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include "libpolicy/readwire.h"
#include "revise.h"

static void
begin(struct wcur *w, unsigned op, uint32_t seq)
{
	wcur_u16(w, POLICYW_VERSION);
	wcur_u16(w, (uint16_t)op);
	wcur_u32(w, seq);
}

static void
answer(struct client *cl, const uint8_t *buf, const struct wcur *w)
{
	if (!wcur_ok(w) || send(cl->cl_fd, buf, wcur_len(w), MSG_NOSIGNAL |
	    MSG_DONTWAIT) == -1)
		client_close(cl);
}

/* ---- texts ---- */

static bool
print_filter(struct policy_texts *tx, FILE *out)
{
	struct pf_conf pc = { 0 };
	bool ok = filter_parse(tx, &pc);

	if (ok)
		pf_conf_print(&pc, out);
	pf_conf_free(&pc);
	return ok;
}

/* The one text that makes the part, if it stands alone. */
static const struct policy_text_item *
alone(const struct policy_texts *tx)
{
	return tx->tx_n == 1 && tx->tx_v[0].ti_kind == POLICY_TEXT_MAIN ?
	    &tx->tx_v[0] : NULL;
}

/* As it was written if that is one text, else in normal form; malloc'd. */
static char *
part_text(struct policy_store *st, uint64_t rev, enum policy_part part,
    const char **why)
{
	struct policy_texts tx = { 0 };
	const struct policy_text_item *ti;
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	*why = "the text cannot be read";
	if (rev == 0)
		return strdup("");
	if (!policy_store_texts(st, rev, part, &tx, why)) {
		policy_texts_free(&tx);
		return NULL;
	}
	if ((ti = alone(&tx)) != NULL) {
		text = strdup(ti->ti_body);
	} else if (part <= POLICY_PART_IKED) {
		text = policy_store_rules(st, rev, part, why);
	} else if (tx.tx_n == 0) {
		text = strdup("");
	} else if ((out = open_memstream(&text, &len)) != NULL) {
		if (part != POLICY_PART_PF || !print_filter(&tx, out))
			len = 0;
		if (fclose(out) != 0 || len == 0) {
			free(text);
			text = NULL;
		}
	}
	policy_texts_free(&tx);
	return text;
}

/* A revision never changes: the text asked for last serves the next records. */
static const char *
kept_text(struct policyd *pd, uint64_t rev, enum policy_part part,
    const char **why)
{
	struct read_kept *rk = &pd->pd_kept;

	if (rk->rk_text != NULL && rk->rk_revision == rev &&
	    rk->rk_part == (unsigned)part)
		return rk->rk_text;
	free(rk->rk_text);
	*rk = (struct read_kept){ .rk_revision = rev, .rk_part = part };
	rk->rk_text = part_text(pd->pd_store, rev, part, why);
	return rk->rk_text;
}

static bool
take_show(struct policyd *pd, struct client *cl, uint32_t seq, struct cur *c)
{
	uint64_t rev = cur_u64(c);
	unsigned part = cur_u8(c);
	uint32_t off = cur_u32(c);
	uint8_t buf[POLICYW_RECORD_MAX];
	struct wcur w = wcur_init(buf, sizeof(buf));
	const char *why = "", *text;
	size_t len, n;

	if (!cur_end(c) || part >= POLICY_PARTS)
		return false;
	text = kept_text(pd, rev, (enum policy_part)part, &why);
	len = text != NULL ? strlen(text) : strlen(why);
	if (text == NULL)
		off = 0;
	n = off < len ? len - off : 0;
	if (n > READW_PIECE)
		n = READW_PIECE;
	begin(&w, READW_SHOWN, seq);
	wcur_u8(&w, text != NULL);
	wcur_u32(&w, (uint32_t)len);
	wcur_put(&w, (text != NULL ? text : why) + (n != 0 ? off : 0), n);
	answer(cl, buf, &w);
	return true;
}

/* ---- revisions ---- */

struct list {
	struct wcur	*li_w;
	uint64_t	 li_before;
	unsigned	 li_n, li_max;
};

static bool
put_revision(void *arg, const struct policy_revision *pr)
{
	struct list *li = arg;

	if (li->li_before != 0 && pr->pr_number >= li->li_before)
		return true;
	if (li->li_n == li->li_max)
		return false;
	wcur_u64(li->li_w, pr->pr_number);
	wcur_u64(li->li_w, (uint64_t)pr->pr_time);
	wcur_text(li->li_w, pr->pr_author, POLICYW_REASON_MAX);
	wcur_text(li->li_w, pr->pr_reason, POLICYW_REASON_MAX);
	li->li_n++;
	return true;
}

static bool
take_list(struct policyd *pd, struct client *cl, uint32_t seq, struct cur *c)
{
	uint8_t buf[POLICYW_RECORD_MAX];
	struct wcur w = wcur_init(buf, sizeof(buf));
	struct list li = { .li_w = &w };
	struct policy_pending pe = pd->pd_pending;
	int64_t left = pe.pe_revision != 0 ? policy_pending_left(&pe) : 0;
	const char *why = "";
	size_t at;

	li.li_before = cur_u64(c);
	li.li_max = cur_u16(c);
	if (!cur_end(c) || li.li_max > READW_LIST_MAX)
		return false;
	begin(&w, READW_LISTED, seq);
	wcur_u64(&w, pe.pe_revision);
	wcur_u64(&w, pe.pe_back);
	wcur_u64(&w, left > 0 ? (uint64_t)left : 0);
	at = wcur_len(&w);
	wcur_u16(&w, 0);
	(void)policy_store_history(pd->pd_store, put_revision, &li, &why);
	wcur_u16_at(&w, at, (uint16_t)li.li_n);
	answer(cl, buf, &w);
	return true;
}

/* ---- events of tunnels ---- */

struct events {
	struct history_event	*ev_v;
	size_t			 ev_n, ev_cap;
	uint64_t		 ev_before;
};

/* They come oldest first; the newest ones are wanted. */
static void
keep_event(void *arg, const struct history_event *he)
{
	struct events *ev = arg;

	if (ev->ev_before != 0 && he->he_id >= ev->ev_before)
		return;
	if (ev->ev_n == ev->ev_cap)
		memmove(ev->ev_v, ev->ev_v + 1,
		    --ev->ev_n * sizeof(*ev->ev_v));
	ev->ev_v[ev->ev_n++] = *he;
}

static bool
read_events(struct policyd *pd, struct events *ev,
    const struct history_query *hq)
{
	const char *why = "";

	if (pd->pd_history == NULL && policy_store_damage(pd->pd_store) == NULL)
		pd->pd_history = history_open_rw(pd->pd_db, &why);
	return pd->pd_history != NULL &&
	    history_read(pd->pd_history, hq, keep_event, ev, &why);
}

static bool
take_events(struct policyd *pd, struct client *cl, uint32_t seq, struct cur *c)
{
	static struct history_event list[READW_EVENTS_MAX];
	uint8_t buf[POLICYW_RECORD_MAX];
	struct wcur w = wcur_init(buf, sizeof(buf));
	struct events ev = { .ev_v = list, .ev_before = cur_u64(c) };
	struct history_query hq = { .hq_failures = cur_u8(c) != 0 };
	char name[2 * 64];
	size_t n;

	ev.ev_cap = cur_u16(c);
	n = cur_u16(c);
	if (n >= sizeof(name) || ev.ev_cap == 0 ||
	    ev.ev_cap > READW_EVENTS_MAX || !cur_copy(c, name, n) || !cur_end(c))
		return false;
	name[n] = '\0';
	hq.hq_tunnel = n != 0 ? name : NULL;
	hq.hq_newest = ev.ev_before == 0 ? (unsigned)ev.ev_cap : 0;
	if (!read_events(pd, &ev, &hq))
		ev.ev_n = 0;
	begin(&w, READW_EVENTS_ARE, seq);
	wcur_u16(&w, (uint16_t)ev.ev_n);
	for (size_t i = ev.ev_n; i-- > 0;)
		history_event_put(&w, &list[i]);
	answer(cl, buf, &w);
	return true;
}

bool
read_message(struct policyd *pd, struct client *cl, unsigned op, uint32_t seq,
    struct cur *c)
{
	switch (op) {
	case READW_SHOW:
		return take_show(pd, cl, seq, c);
	case READW_LIST:
		return take_list(pd, cl, seq, c);
	case READW_EVENTS:
		return take_events(pd, cl, seq, c);
	default:
		return false;
	}
}
