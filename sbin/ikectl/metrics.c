/* SPDX-License-Identifier: ISC */
/*
 * Numbers as the Prometheus text format has them (version 0.0.4): every
 * configured tunnel, up or not; what its SAs have carried, those that have
 * ended included, so that counters grow over rekeys; iked's counters and the
 * network kernel's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ikectl.h"
#include "libctl/client.h"

struct metrics {
	const struct tunnel	*me_list;
	size_t			 me_n;
	struct ctl_ipsec_total	*me_total;
	size_t			 me_ntotals;
	struct ctl_counter	*me_counter;
	size_t			 me_ncounters;
	bool			 me_kernel;
};

/* ---- the network kernel --------------------------------------------- */

static void *
grow(void *list, size_t n, size_t size)
{
	if (n % 64 == 0 && (list = reallocarray(list, n + 64, size)) == NULL)
		abort();
	return list;
}

static void
take_total(void *arg, const void *body, size_t len)
{
	struct metrics *me = arg;

	if (len != sizeof(*me->me_total))
		return;
	me->me_total = grow(me->me_total, me->me_ntotals, len);
	memcpy(&me->me_total[me->me_ntotals++], body, len);
}

static void
take_counter(void *arg, const void *body, size_t len)
{
	struct metrics *me = arg;

	if (len != sizeof(*me->me_counter))
		return;
	me->me_counter = grow(me->me_counter, me->me_ncounters, len);
	memcpy(&me->me_counter[me->me_ncounters++], body, len);
}

static int
by_reqid(const void *a, const void *b)
{
	uint32_t x = ((const struct ctl_ipsec_total *)a)->ct_reqid;
	uint32_t y = ((const struct ctl_ipsec_total *)b)->ct_reqid;

	return x < y ? -1 : x > y;
}

static void
ask_kernel(struct metrics *me, const char *rundir)
{
	char err[256];
	struct ctl_client *cl = ctl_open(rundir, err, sizeof(err));

	if (cl == NULL)
		return;
	me->me_kernel = ctl_call(cl, CTL_IPSEC_TOTALS, NULL, 0, -1, take_total,
	    me) == 0 && ctl_call(cl, CTL_COUNTERS, NULL, 0, -1, take_counter,
	    me) == 0;
	ctl_close(cl);
	if (me->me_ntotals != 0)
		qsort(me->me_total, me->me_ntotals, sizeof(*me->me_total),
		    by_reqid);
}

static struct ctl_ipsec_total
total_of(const struct metrics *me, uint32_t reqid)
{
	const struct ctl_ipsec_total key = { .ct_reqid = reqid }, *found = NULL;

	if (me->me_ntotals != 0)
		found = bsearch(&key, me->me_total, me->me_ntotals,
		    sizeof(key), by_reqid);
	return found != NULL ? *found : key;
}

/* ---- text ----------------------------------------------------------- */

/* A label's value: backslash, quote and line end are escaped. */
static void
label(const char *name, const char *value)
{
	printf("%s=\"", name);
	for (; *value != '\0'; value++)
		if (*value == '\n')
			printf("\\n");
		else if (*value == '\\' || *value == '"')
			printf("\\%c", *value);
		else
			putchar(*value);
	putchar('"');
}

static void
family(const char *name, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
single(const char *name, const char *type, const char *help, uint64_t v)
{
	family(name, type, help);
	printf("%s %" PRIu64 "\n", name, v);
}

/* Lines of one child stand together: its pairs, or peers of one rule. */
static bool
same_child(const struct tunnel *a, const struct tunnel *b)
{
	return strcmp(a->tu_st.st_policy, b->tu_st.st_policy) == 0 &&
	    strcmp(a->tu_st.st_child, b->tu_st.st_child) == 0;
}

static size_t
next_child(const struct metrics *me, size_t i)
{
	size_t j = i + 1;

	while (j < me->me_n && same_child(&me->me_list[i], &me->me_list[j]))
		j++;
	return j;
}

enum value { V_UP, V_SINCE, V_RETRY, V_REKEYS, V_IN_BYTES, V_OUT_BYTES,
    V_IN_PACKETS, V_OUT_PACKETS, V_IN_DROPS, V_OUT_DROPS };

static const struct {
	enum value	 value;
	bool		 kernel;	/* the network kernel's */
	const char	*name, *type, *help;
} families[] = {
	{ V_UP, false, "ravelin_tunnel_up", "gauge",
	    "1 if a child SA is installed in both directions" },
	{ V_SINCE, false, "ravelin_tunnel_state_seconds", "gauge",
	    "Seconds in the present state" },
	{ V_RETRY, false, "ravelin_tunnel_failures", "gauge",
	    "Attempts failed in a row" },
	{ V_REKEYS, false, "ravelin_tunnel_rekeys_total", "counter",
	    "Rekeys of the child SA" },
	{ V_IN_BYTES, true, "ravelin_tunnel_received_bytes_total", "counter",
	    "Bytes received, all SAs of the tunnel" },
	{ V_OUT_BYTES, true, "ravelin_tunnel_sent_bytes_total", "counter",
	    "Bytes sent, all SAs of the tunnel" },
	{ V_IN_PACKETS, true, "ravelin_tunnel_received_packets_total",
	    "counter", "Packets received, all SAs of the tunnel" },
	{ V_OUT_PACKETS, true, "ravelin_tunnel_sent_packets_total", "counter",
	    "Packets sent, all SAs of the tunnel" },
	{ V_IN_DROPS, true, "ravelin_tunnel_received_dropped_total", "counter",
	    "Packets that inbound SAs of the tunnel refused" },
	{ V_OUT_DROPS, true, "ravelin_tunnel_sent_dropped_total", "counter",
	    "Packets that outbound SAs of the tunnel refused" },
};

static uint64_t
value_of(const struct metrics *me, size_t i, size_t end, enum value v)
{
	const struct tunnel *tu = &me->me_list[i];
	struct ctl_ipsec_total ct = total_of(me, tu->tu_st.st_reqid);
	uint64_t up = 0;

	for (; i < end; i++)
		up |= tunnel_up(&me->me_list[i]);
	switch (v) {
	case V_UP:
		return up;
	case V_SINCE:
		return tu->tu_st.st_since == 0 ? 0 :
		    (tu->tu_now - tu->tu_st.st_since) / 1000;
	case V_RETRY:
		return tu->tu_st.st_retry;
	case V_REKEYS:
		return tu->tu_st.st_rekeys_child;
	case V_IN_BYTES:
		return ct.ct_in_bytes;
	case V_OUT_BYTES:
		return ct.ct_out_bytes;
	case V_IN_PACKETS:
		return ct.ct_in_packets;
	case V_OUT_PACKETS:
		return ct.ct_out_packets;
	case V_IN_DROPS:
		return ct.ct_in_drops;
	case V_OUT_DROPS:
		break;
	}
	return ct.ct_out_drops;
}

static void
tunnel_labels(const struct tunnel *tu)
{
	putchar('{');
	label("name", tu->tu_st.st_policy);
	putchar(',');
	label("child", tu->tu_st.st_child);
}

static void
tunnels(const struct metrics *me)
{
	size_t end;

	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		if (families[f].kernel && !me->me_kernel)
			continue;
		family(families[f].name, families[f].type, families[f].help);
		for (size_t i = 0; i < me->me_n; i = end) {
			end = next_child(me, i);
			fputs(families[f].name, stdout);
			tunnel_labels(&me->me_list[i]);
			printf("} %" PRIu64 "\n",
			    value_of(me, i, end, families[f].value));
		}
	}
	family("ravelin_tunnel_state", "gauge",
	    "1 for the state that the tunnel is in");
	for (size_t i = 0; i < me->me_n; i = next_child(me, i)) {
		fputs("ravelin_tunnel_state", stdout);
		tunnel_labels(&me->me_list[i]);
		putchar(',');
		label("state", tunnel_word_id(tunnel_word(&me->me_list[i])));
		printf("} 1\n");
	}
}

/* ---- daemons -------------------------------------------------------- */

static void
daemon_numbers(const struct ikectl_stats *st)
{
	single("ravelin_policy_revision", "gauge",
	    "Revision of the policy that iked follows", st->it_revision);
	single("ravelin_policy_revision_failed", "gauge",
	    "Newest revision that iked could not take, or 0", st->it_failed);
	single("ravelin_history_events_lost_total", "counter",
	    "Events that the history does not have", st->it_events_lost);
#define X(f, text)							\
	single("ravelin_ike_" #f "_total", "counter", "IKE: " text,	\
	    st->it_stats.is_##f);
	IKE_STATS(X)
#undef X
}

static void
kernel_numbers(const struct metrics *me)
{
	static const char *const names[] = { "ravelin_netkern_events_total",
	    "ravelin_netkern_dropped_packets_total" };
	static const char *const helps[] = {
	    "What the network kernel counts, by area and name",
	    "Packets dropped, by area and reason" };

	single("ravelin_netkern_up", "gauge",
	    "1 if the network kernel answers", me->me_kernel);
	for (unsigned drop = 0; drop < 2 && me->me_kernel; drop++) {
		family(names[drop], "counter", helps[drop]);
		for (size_t i = 0; i < me->me_ncounters; i++) {
			const struct ctl_counter *cc = &me->me_counter[i];

			if ((cc->cc_is_drop != 0) != (drop != 0))
				continue;
			printf("%s{", names[drop]);
			label("area", cc->cc_area);
			putchar(',');
			label(drop ? "reason" : "name", cc->cc_name);
			printf("} %" PRIu64 "\n", cc->cc_value);
		}
	}
}

void
metrics_print(const struct tunnel *list, size_t n,
    const struct ikectl_stats *st, const char *rundir)
{
	struct metrics me = { .me_list = list, .me_n = n };

	ask_kernel(&me, rundir);
	tunnels(&me);
	daemon_numbers(st);
	kernel_numbers(&me);
	free(me.me_total);
	free(me.me_counter);
}
