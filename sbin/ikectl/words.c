/* SPDX-License-Identifier: ISC */
/*
 * The words for the state of a tunnel: what every output says comes from here.
 *
 * iked(8) tells what it has made; whether the SAs are installed is the network
 * kernel's to say.  "up" is said only if both agree.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ikectl.h"

#define SILENT_S	120	/* nothing received for so long while sending */
#define SENT_MANY	3	/* so often sent, and no answer: 6 s */

bool
tunnel_up(const struct tunnel *tu)
{
	return tu->tu_st.st_state == IKE_ST_UP &&
	    (!tu->tu_asked || tu->tu_counted);
}

/* RAVELIN_SILENT in the environment says another. */
static uint64_t
silent_s(void)
{
	const char *text = getenv("RAVELIN_SILENT");
	unsigned long s = text != NULL ? strtoul(text, NULL, 10) : 0;

	return s != 0 && s <= 86400 ? s : SILENT_S;
}

/* Seconds without a packet of the peer, since the SA was made at the longest. */
static uint64_t
quiet_s(const struct tunnel *tu)
{
	int64_t now = time(NULL);

	if (tu->tu_in_last == 0)
		return (tu->tu_now - tu->tu_st.st_child_since) / 1000;
	return now > tu->tu_in_last ? (uint64_t)(now - tu->tu_in_last) : 0;
}

static bool
silent(const struct tunnel *tu)
{
	return tu->tu_counted && tu->tu_out_last != 0 &&
	    time(NULL) - tu->tu_out_last < (int64_t)silent_s() &&
	    quiet_s(tu) > silent_s();
}

const char *
tunnel_duration(uint64_t s, char buf[24])
{
	if (s < 60)
		(void)snprintf(buf, 24, "%" PRIu64 "s", s);
	else if (s < 3600)
		(void)snprintf(buf, 24, "%" PRIu64 "m", s / 60);
	else if (s < 100 * 3600)
		(void)snprintf(buf, 24, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
		    s / 60 % 60);
	else
		(void)snprintf(buf, 24, "%" PRIu64 "d", s / 86400);
	return buf;
}

/* An attempt that goes on, but nobody answers; or somebody says why. */
static bool
unanswered(const struct tunnel *tu)
{
	return tu->tu_st.st_state == IKE_ST_CONNECTING &&
	    (tu->tu_st.st_sent >= SENT_MANY ||
	    tu->tu_st.st_hint != IKE_HINT_NOTHING);
}

static bool
first_stage(const struct tunnel *tu)
{
	return strcmp(tu->tu_st.st_note, "IKE_SA_INIT") == 0;
}

enum ike_reason
tunnel_reason(const struct tunnel *tu)
{
	if (tunnel_word(tu) == WORD_SILENT)
		return IKE_R_ONE_WAY;
	if (unanswered(tu))
		return first_stage(tu) ? ike_hint_reason(tu->tu_st.st_hint) :
		    tu->tu_st.st_natt ? IKE_R_NAT : IKE_R_NO_AUTH_ANSWER;
	return tu->tu_st.st_reason;
}

bool
tunnel_trouble(const struct tunnel *tu)
{
	enum ike_reason r = tunnel_reason(tu);

	return r != IKE_R_NONE && (!tunnel_up(tu) || r == IKE_R_ONE_WAY ||
	    r == IKE_R_MTU || r == IKE_R_NAT || r == IKE_R_REPLAY ||
	    r == IKE_R_REKEY || r == IKE_R_PROP_PFS);
}

const char *
tunnel_note(const struct tunnel *tu, char *buf, size_t len)
{
	char since[24];

	if (tunnel_word(tu) != WORD_SILENT)
		(void)snprintf(buf, len, "%s", tu->tu_st.st_note);
	else
		(void)snprintf(buf, len, "nothing received for %s: ikectl why "
		    "%s", tunnel_duration(quiet_s(tu), since),
		    tu->tu_st.st_policy);
	return buf;
}

const char *
tunnel_detail(const struct tunnel *tu, char *buf, size_t len)
{
	const struct ike_status *st = &tu->tu_st;
	char since[24];

	if (unanswered(tu) && st->st_hint != IKE_HINT_NOTHING) {
		(void)snprintf(buf, len, "no answer to %s: %s", st->st_note,
		    ike_hint_text(st->st_hint));
		return buf;
	}
	if (unanswered(tu)) {
		(void)snprintf(buf, len, first_stage(tu) ? "%s was sent %u times "
		    "so far, and nothing came back: the way, the peer's "
		    "address, its daemon or a filter" : "%s was sent %u times so "
		    "far, and nothing came back, though IKE_SA_INIT was "
		    "answered: UDP port 4500 or fragments are filtered, or the "
		    "peer dropped it", st->st_note, st->st_sent);
		return buf;
	}
	if (tunnel_word(tu) != WORD_SILENT)
		return st->st_state == IKE_ST_CONNECTING ? "" :
		    tunnel_note(tu, buf, len);
	(void)snprintf(buf, len, "we send, and for %s nothing has come out of "
	    "the tunnel, though the peer answers IKE: a filter on the way to "
	    "us stops %s, or the peer has no rule, no route or no pass rule of "
	    "its filter for what comes back",
	    tunnel_duration(quiet_s(tu), since),
	    st->st_natt ? "ESP in UDP port 4500" : "ESP (IP protocol 50)");
	return buf;
}

/* The stage that iked names after an exchange, short. */
static const char *
stage(const struct tunnel *tu)
{
	const char *note = tu->tu_st.st_note;

	if (tu->tu_st.st_state == IKE_ST_UP)
		return "SA";		/* on its way to the network kernel */
	return strcmp(note, "IKE_SA_INIT") == 0 ? "INIT" :
	    strcmp(note, "IKE_AUTH") == 0 ? "AUTH" : "CHILD";
}

enum tunnel_word
tunnel_word(const struct tunnel *tu)
{
	switch (tu->tu_st.st_state) {
	case IKE_ST_UP:
		return !tunnel_up(tu) ? WORD_CONNECTING :
		    silent(tu) ? WORD_SILENT : WORD_UP;
	case IKE_ST_CONNECTING:
		return WORD_CONNECTING;
	case IKE_ST_RETRY:
		return WORD_RETRY;
	case IKE_ST_WAITING:
		return WORD_WAITING;
	case IKE_ST_DEMAND:
		return WORD_DEMAND;
	case IKE_ST_BLOCKED:
		return WORD_BLOCKED;
	case IKE_ST_DOWN:
	case IKE_ST_DISABLED:
		break;
	}
	return WORD_DISABLED;
}

const char *
tunnel_word_id(enum tunnel_word w)
{
	static const char *const ids[] = {
		[WORD_UP] = "up", [WORD_SILENT] = "silent",
		[WORD_CONNECTING] = "connecting", [WORD_RETRY] = "retry",
		[WORD_WAITING] = "waiting", [WORD_DEMAND] = "demand",
		[WORD_DISABLED] = "disabled", [WORD_BLOCKED] = "blocked",
	};

	return ids[w];
}

const char *
tunnel_state(const struct tunnel *tu, char buf[32])
{
	static const char *const words[] = {
		[WORD_UP] = "up", [WORD_SILENT] = "up, silent",
		[WORD_WAITING] = "down, waiting for peer",
		[WORD_DEMAND] = "on demand", [WORD_DISABLED] = "disabled",
		[WORD_BLOCKED] = "blocked by config",
	};
	enum tunnel_word w = tunnel_word(tu);

	if (w == WORD_CONNECTING)
		(void)snprintf(buf, 32, "connecting (%s)", stage(tu));
	else if (w == WORD_RETRY)
		(void)snprintf(buf, 32, "down, retry %u", tu->tu_st.st_retry);
	else
		(void)snprintf(buf, 32, "%s", words[w]);
	return buf;
}
