/* SPDX-License-Identifier: ISC */
/*
 * How ikectl shows tunnels, events and numbers: as a table of 80 columns, as
 * a list, and as JSON (schema_version 1).
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ikectl.h"
#include "libutil/wrap.h"

enum { COLUMNS = 80, INDENT = 10, LIST_INDENT = 12 };

void
json_out(cJSON *o, bool line)
{
	char *text = line ? cJSON_PrintUnformatted(o) : cJSON_Print(o);

	if (text == NULL)
		abort();
	(void)puts(text);
	cJSON_free(text);
	cJSON_Delete(o);
}

static const char *
amount(uint64_t bytes, char buf[24])
{
	static const char units[] = " KMGTPE";
	double v = (double)bytes;
	unsigned u = 0;

	while (v >= 1000 && units[u + 1] != '\0') {
		v /= 1000;
		u++;
	}
	if (u == 0)
		(void)snprintf(buf, 24, "%" PRIu64, bytes);
	else
		(void)snprintf(buf, 24, v < 10 ? "%.1f%c" : "%.0f%c", v,
		    units[u]);
	return buf;
}

static void
traffic(const struct tunnel *tu, char buf[80])
{
	char in[24], out[24], last[24];
	int64_t at = tu->tu_in_last > tu->tu_out_last ? tu->tu_in_last :
	    tu->tu_out_last, now = time(NULL);

	if (!tu->tu_counted)
		(void)snprintf(buf, 80, "-");
	else
		(void)snprintf(buf, 80, "%s / %s (%s)",
		    amount(tu->tu_in, in), amount(tu->tu_out, out),
		    at == 0 ? "never" : tunnel_duration((uint64_t)(now > at ?
		    now - at : 0), last));
}

/* What is wrong, below the tunnel's line. */
static void
note(const struct tunnel *tu)
{
	const struct ike_status *st = &tu->tu_st;
	const char *id = ike_reason_id(tunnel_reason(tu));
	char whole[IKE_TEXT_MAX + 16], text[IKE_TEXT_MAX];
	int n;

	if (tunnel_up(tu) && !tunnel_trouble(tu))
		return;
	if (tunnel_word(tu) == WORD_SILENT) {
		(void)snprintf(whole, sizeof(whole), "%s %s", id,
		    tunnel_note(tu, text, sizeof(text)));
		wrap_print(stdout, "", whole, INDENT, COLUMNS);
		return;
	}
	if (tunnel_reason(tu) == IKE_R_NONE)
		return;
	n = snprintf(whole, sizeof(whole), "%s %s", id, st->st_note[0] != '\0' &&
	    st->st_state != IKE_ST_CONNECTING ? st->st_note :
	    ike_reason_title(tunnel_reason(tu)));
	printf("%*s%.*s\n", INDENT, "", COLUMNS - INDENT, whole);
	if (n > COLUMNS - INDENT)
		printf("          the whole of it:%sikectl why %s\n",
		    strlen(st->st_policy) > 42 ? "\n    " : " ", st->st_policy);
}

static const char *
peer_name(const struct ike_status *st, char buf[ADDR_STRLEN + 8])
{
	char a[ADDR_STRLEN];

	if (st->st_peer.ad_af == 0)
		(void)snprintf(buf, ADDR_STRLEN + 8, "any");
	else
		(void)snprintf(buf, ADDR_STRLEN + 8, "%s%s",
		    addr_print(&st->st_peer, a), st->st_natt ? " natt" : "");
	return buf;
}

/* A name or a peer that is too long for the columns has a line of its own. */
static void
print_row(const char *name, const char *front, const char *back)
{
	size_t all = strlen(front) + 1 + strlen(back);
	bool own = (strlen(name) < INDENT ? INDENT : strlen(name) + 1) + all >
	    COLUMNS;

	if (own && strlen(name) >= INDENT) {
		printf("%s\n", name);
		name = "";
	}
	printf("%-9s %s%s%s\n", name, front, INDENT + all > COLUMNS ?
	    "\n          " : " ", back);
}

/*
 * A long word for a state takes its room from the traffic, which there is
 * none of then.
 */
static void
table_line(const struct tunnel *tu)
{
	char state[32], since[24], io[80], peer[ADDR_STRLEN + 8], at[24];
	char front[160], back[ADDR_STRLEN + 60];
	const struct ike_status *st = &tu->tu_st;
	char rekey[32] = "-";
	int wide = (int)strlen(tunnel_state(tu, state));

	traffic(tu, io);
	if (tunnel_up(tu) && st->st_rekey_at > tu->tu_now)
		(void)snprintf(rekey, sizeof(rekey), "in %s", tunnel_duration(
		    (st->st_rekey_at - tu->tu_now) / 1000, at));
	wide = wide > 14 ? wide : 14;
	(void)snprintf(front, sizeof(front), "%-14s %-6s %-*s", state,
	    st->st_since == 0 ? "-" :
	    tunnel_duration((tu->tu_now - st->st_since) / 1000, since),
	    20 - (wide - 14), io);
	(void)snprintf(back, sizeof(back), "%-18s %s", peer_name(st, peer), rekey);
	print_row(st->st_policy, front, back);
	note(tu);
}

void
status_table(const struct tunnel *list, size_t n)
{
	printf("%-9s %-14s %-6s %-20s %-18s %s\n", "NAME", "STATE", "FOR",
	    "IN / OUT (last)", "PEER", "REKEY");
	for (size_t i = 0; i < n; i++)
		table_line(&list[i]);
	if (n == 0)
		printf("no tunnel is configured\n");
}

static void
print_one(const struct ike_proposal *pr, char *buf, size_t len)
{
	struct ike_proposals ps = { .ps_n = 1 };

	ps.ps_p[0] = *pr;
	(void)ike_proposals_print(&ps, buf, len);
}

/* A line of the list, or as many as its text needs (printf). */
static void __attribute__((format(printf, 2, 3)))
list_line(const char *label, const char *fmt, ...)
{
	char text[2400], head[LIST_INDENT + 1];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)snprintf(head, sizeof(head), "  %s", label);
	wrap_print(stdout, head, text, LIST_INDENT, COLUMNS);
}

static void
verbose_up(const struct tunnel *tu)
{
	const struct ike_status *st = &tu->tu_st;
	char text[1024], more[1024], in[24], out[24];

	print_one(&st->st_esp_algs, text, sizeof(text));
	list_line("esp", "%s, %s, spi in 0x%08x out 0x%08x", text,
	    st->st_mode == IKE_MODE_TUNNEL ? "tunnel" : "transport",
	    st->st_spi_in, st->st_spi_out);
	list_line("carries", "%s - %s",
	    ike_ts_list_print(&st->st_ts_local, text, sizeof(text)),
	    ike_ts_list_print(&st->st_ts_remote, more, sizeof(more)));
	if (tu->tu_counted)
		list_line("traffic", "in %s, out %s bytes",
		    amount(tu->tu_in, in), amount(tu->tu_out, out));
	if (st->st_path_at != 0)
		list_line("packets", "of up to %u bytes reach the peer, of %u that "
		    "leave us; tried %s ago", st->st_path_mtu,
		    st->st_path_link, tunnel_duration((tu->tu_now -
		    st->st_path_at) / 1000, in));
	list_line("rekeys", "%u of the child, %u of the IKE SA",
	    st->st_rekeys_child, st->st_rekeys_ike);
}

static void
verbose_ike(const struct ike_status *st)
{
	char text[1024], more[1024];

	list_line("identity", "%s - %s",
	    ike_id_print(&st->st_local_id, text, sizeof(text)),
	    ike_id_print(&st->st_peer_id, more, sizeof(more)));
	print_one(&st->st_ike_algs, text, sizeof(text));
	list_line("ike", "%s, %s, spi 0x%016" PRIx64 " 0x%016" PRIx64, text,
	    st->st_ike_initiator ? "initiator" : "responder",
	    st->st_ike_spi_i, st->st_ike_spi_r);
}

static void
verbose_one(const struct tunnel *tu)
{
	const struct ike_status *st = &tu->tu_st;
	char a[ADDR_STRLEN], b[ADDR_STRLEN], state[32];
	size_t names = strlen(st->st_policy) + strlen(st->st_child) + 3;

	(void)tunnel_state(tu, state);
	printf("%s/%s%s:%s%s\n", st->st_policy,
	    names + strlen(state) > COLUMNS ? "\n" : "", st->st_child,
	    strlen(st->st_child) + 2 + strlen(state) > COLUMNS ? "\n" : " ", state);
	list_line("ends", "%s:%u - %s:%u%s",
	    st->st_local.ad_af == 0 ? "any" : addr_print(&st->st_local, a),
	    st->st_lport,
	    st->st_peer.ad_af == 0 ? "any" : addr_print(&st->st_peer, b),
	    st->st_rport, st->st_natt ? ", ESP in UDP" : "");
	if (st->st_ike_up)
		verbose_ike(st);
	if (st->st_state == IKE_ST_UP)
		verbose_up(tu);
	else if (st->st_note[0] != '\0')
		list_line("reason", "%s %s", ike_reason_id(st->st_reason),
		    st->st_note);
}

void
status_verbose(const struct tunnel *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		verbose_one(&list[i]);
}

static void
add_number(cJSON *o, const char *name, uint64_t v)
{
	(void)cJSON_AddNumberToObject(o, name, (double)v);
}

static void
add_hex(cJSON *o, const char *name, uint64_t v, int digits)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "0x%0*" PRIx64, digits, v);
	(void)cJSON_AddStringToObject(o, name, text);
}

static void
json_up(cJSON *o, const struct tunnel *tu)
{
	const struct ike_status *st = &tu->tu_st;
	char text[1024];

	print_one(&st->st_esp_algs, text, sizeof(text));
	(void)cJSON_AddStringToObject(o, "esp", text);
	(void)cJSON_AddStringToObject(o, "mode",
	    st->st_mode == IKE_MODE_TUNNEL ? "tunnel" : "transport");
	add_hex(o, "spi_in", st->st_spi_in, 8);
	add_hex(o, "spi_out", st->st_spi_out, 8);
	(void)cJSON_AddStringToObject(o, "local_selectors",
	    ike_ts_list_print(&st->st_ts_local, text, sizeof(text)));
	(void)cJSON_AddStringToObject(o, "remote_selectors",
	    ike_ts_list_print(&st->st_ts_remote, text, sizeof(text)));
	add_number(o, "rekeys_child", st->st_rekeys_child);
	add_number(o, "rekeys_ike", st->st_rekeys_ike);
	if (st->st_rekey_at > tu->tu_now)
		add_number(o, "rekey_in_s",
		    (st->st_rekey_at - tu->tu_now) / 1000);
	if (tu->tu_counted) {
		add_number(o, "bytes_in", tu->tu_in);
		add_number(o, "bytes_out", tu->tu_out);
	}
	if (st->st_path_at == 0)
		return;
	add_number(o, "path_mtu", st->st_path_mtu);
	add_number(o, "path_link_mtu", st->st_path_link);
	add_number(o, "path_for_s", (tu->tu_now - st->st_path_at) / 1000);
}

/* Of what is wrong, or was last: what messages(7) has, and the case's detail. */
static void
json_reason(cJSON *o, const struct tunnel *tu)
{
	enum ike_reason r = tunnel_reason(tu);
	char text[IKE_TEXT_MAX];

	if (r == IKE_R_NONE)
		return;
	(void)cJSON_AddStringToObject(o, "reason_title", ike_reason_title(r));
	(void)cJSON_AddStringToObject(o, "detail",
	    tunnel_detail(tu, text, sizeof(text)));
	(void)cJSON_AddStringToObject(o, "advice", ike_reason_advice(r));
	(void)cJSON_AddBoolToObject(o, "trouble", tunnel_trouble(tu));
}

cJSON *
status_json_tunnel(const struct tunnel *tu)
{
	const struct ike_status *st = &tu->tu_st;
	cJSON *o = cJSON_CreateObject();
	char state[32], a[ADDR_STRLEN], text[1024];

	(void)cJSON_AddStringToObject(o, "name", st->st_policy);
	(void)cJSON_AddStringToObject(o, "child", st->st_child);
	(void)cJSON_AddStringToObject(o, "state", tunnel_state(tu, state));
	(void)cJSON_AddBoolToObject(o, "up", tunnel_up(tu));
	(void)cJSON_AddStringToObject(o, "status",
	    tunnel_word_id(tunnel_word(tu)));
	if (st->st_since != 0)
		add_number(o, "for_s", (tu->tu_now - st->st_since) / 1000);
	if (st->st_local.ad_af != 0)
		(void)cJSON_AddStringToObject(o, "local",
		    addr_print(&st->st_local, a));
	if (st->st_peer.ad_af != 0)
		(void)cJSON_AddStringToObject(o, "peer",
		    addr_print(&st->st_peer, a));
	(void)cJSON_AddBoolToObject(o, "natt", st->st_natt);
	if (st->st_ike_up) {
		print_one(&st->st_ike_algs, text, sizeof(text));
		(void)cJSON_AddStringToObject(o, "ike", text);
		(void)cJSON_AddStringToObject(o, "peer_id",
		    ike_id_print(&st->st_peer_id, text, sizeof(text)));
		add_hex(o, "ike_spi_i", st->st_ike_spi_i, 16);
		add_hex(o, "ike_spi_r", st->st_ike_spi_r, 16);
	}
	if (st->st_state == IKE_ST_UP)
		json_up(o, tu);
	(void)cJSON_AddStringToObject(o, "reason",
	    ike_reason_id(tunnel_reason(tu)));
	(void)cJSON_AddStringToObject(o, "note",
	    tunnel_note(tu, text, sizeof(text)));
	json_reason(o, tu);
	return o;
}

void
status_json(const struct tunnel *list, size_t n)
{
	cJSON *o = cJSON_CreateObject(), *a;

	add_number(o, "schema_version", SCHEMA_VERSION);
	a = cJSON_AddArrayToObject(o, "tunnels");
	for (size_t i = 0; i < n; i++)
		(void)cJSON_AddItemToArray(a, status_json_tunnel(&list[i]));
	json_out(o, false);
}

void
event_print(const struct ikectl_event *ie, bool json)
{
	const struct ike_event *ev = &ie->ie_event;
	struct history_event he = { .he_id = ie->ie_id,
	    .he_time = ie->ie_time };
	char a[ADDR_STRLEN];

	(void)snprintf(he.he_tunnel, sizeof(he.he_tunnel), "%s",
	    ev->ev_policy);
	(void)snprintf(he.he_child, sizeof(he.he_child), "%s", ev->ev_child);
	(void)snprintf(he.he_event, sizeof(he.he_event), "%s",
	    ike_event_name(ev->ev_type));
	(void)snprintf(he.he_reason, sizeof(he.he_reason), "%s",
	    ike_reason_id(ev->ev_reason));
	(void)snprintf(he.he_text, sizeof(he.he_text), "%s", ev->ev_text);
	if (ev->ev_peer.ad_af != 0)
		(void)snprintf(he.he_peer, sizeof(he.he_peer), "%s:%u",
		    addr_print(&ev->ev_peer, a), ev->ev_peer_port);
	history_print(&he, json);
}

void
outcome_print(const char *command, const char *name, int code,
    const char *text, bool json)
{
	cJSON *o;

	if (!json) {
		if (text[0] != '\0')
			printf("%s\n", text);
		return;
	}
	o = cJSON_CreateObject();
	add_number(o, "schema_version", SCHEMA_VERSION);
	(void)cJSON_AddStringToObject(o, "command", command);
	(void)cJSON_AddStringToObject(o, "name", name);
	add_number(o, "exit", (uint64_t)code);
	(void)cJSON_AddStringToObject(o, "text", text);
	json_out(o, true);
}

static const struct {
	const char	*name;
	const char	*text;
	size_t		 off;
} stat_rows[] = {
#define X(f, t)	{ #f, t, offsetof(struct ike_stats, is_##f) },
	IKE_STATS(X)
#undef X
};

#define STAT(st, i)	(*(const uint64_t *)(const void *) \
	((const char *)&(st)->it_stats + stat_rows[i].off))

void
stats_print(const struct ikectl_stats *st, bool json)
{
	size_t n = sizeof(stat_rows) / sizeof(stat_rows[0]);
	cJSON *o;

	if (!json) {
		printf("ike:\n\trevision %" PRIu64 "%s\n", st->it_revision,
		    st->it_kernel ? "" : ", no network kernel");
		if (st->it_failed != 0)
			printf("\trevision %" PRIu64 " not taken: %s\n",
			    st->it_failed, st->it_text);
		if (st->it_notice[0] != '\0')
			printf("\t%s\n", st->it_notice);
		printf("\t%" PRIu64 " events, %" PRIu64 " of them lost\n",
		    st->it_event, st->it_events_lost);
		for (size_t i = 0; i < n; i++)
			printf("\t%" PRIu64 " %s\n", STAT(st, i),
			    stat_rows[i].text);
		return;
	}
	o = cJSON_CreateObject();
	add_number(o, "schema_version", SCHEMA_VERSION);
	add_number(o, "revision", st->it_revision);
	add_number(o, "revision_failed", st->it_failed);
	(void)cJSON_AddStringToObject(o, "failed_text", st->it_text);
	(void)cJSON_AddStringToObject(o, "notice", st->it_notice);
	add_number(o, "last_event", st->it_event);
	add_number(o, "events_lost", st->it_events_lost);
	(void)cJSON_AddBoolToObject(o, "kernel", st->it_kernel);
	for (size_t i = 0; i < n; i++)
		add_number(o, stat_rows[i].name, STAT(st, i));
	json_out(o, false);
}
