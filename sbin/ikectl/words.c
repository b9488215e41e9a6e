/* SPDX-License-Identifier: ISC */
/*
 * The words for the state of a tunnel: what every output says comes from here.
 *
 * iked(8) tells what it has made; whether the SAs are installed is the network
 * kernel's to say.  "up" is said only if both agree.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ikectl.h"

#define SILENT_S	120	/* nothing received for so long while sending */

bool
tunnel_up(const struct tunnel *tu)
{
	return tu->tu_st.st_state == IKE_ST_UP &&
	    (!tu->tu_asked || tu->tu_counted);
}

static bool
silent(const struct tunnel *tu)
{
	int64_t now = time(NULL);
	uint64_t up = (tu->tu_now - tu->tu_st.st_since) / 1000;

	return tu->tu_counted && up > SILENT_S && tu->tu_out_last != 0 &&
	    now - tu->tu_out_last < SILENT_S &&
	    now - tu->tu_in_last > SILENT_S;
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
