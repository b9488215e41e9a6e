/* SPDX-License-Identifier: ISC */
/*
 * Rates over time as the points of an SVG drawing: two lines, what came in and
 * what went out, in bits a second, on a scale with round numbers.
 *
 *	0,0 +--------------------------------------+
 *	    |  label                               |
 *	    |        /\      __/\                  |  HIGH units
 *	    |_______/  \____/    \_________________|
 *	    +--------------------------------------+ WIDE units: span seconds
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

enum { WIDE = 600, HIGH = 120, POINTS_MAX = 720, LINES = 2, SPAN_LEAST = 180 };

struct point {
	int64_t	po_time;
	double	po_rate[LINES];		/* bits a second */
};

struct chart {
	struct point	ch_v[POINTS_MAX];
	size_t		ch_n;
	double		ch_top;		/* of the scale */
	double		ch_max[LINES];
};

static sqlite3_stmt *
select_samples(sqlite3 *db, const char *series, int64_t from)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db, "SELECT time, input, output FROM sample "
	    "WHERE series = ?1 AND time >= ?2 ORDER BY time", -1, &s, NULL) !=
	    SQLITE_OK)
		return NULL;
	(void)sqlite3_bind_text(s, 1, series, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 2, from);
	return s;
}

/* Rates between one sample and the next; a counter that began anew is 0. */
static void
read_rates(struct chart *ch, sqlite3_stmt *s)
{
	int64_t last[1 + LINES] = { 0 };

	while (ch->ch_n < POINTS_MAX && sqlite3_step(s) == SQLITE_ROW) {
		int64_t now[1 + LINES] = { sqlite3_column_int64(s, 0),
		    sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2) };
		int64_t span = now[0] - last[0];
		struct point *po = &ch->ch_v[ch->ch_n];

		for (int i = 0; last[0] != 0 && span > 0 && i < LINES; i++) {
			int64_t more = now[1 + i] - last[1 + i];

			po->po_rate[i] = more > 0 ? (double)more * 8 / (double)span : 0;
			if (po->po_rate[i] > ch->ch_max[i])
				ch->ch_max[i] = po->po_rate[i];
		}
		if (last[0] != 0 && span > 0) {
			po->po_time = now[0];
			ch->ch_n++;
		}
		memcpy(last, now, sizeof(last));
	}
}

/* 1, 2 or 5 times a power of ten, not below v. */
static double
round_up(double v)
{
	double unit = 1000;

	while (unit * 10 <= v)
		unit *= 10;
	return v <= unit ? unit : v <= 2 * unit ? 2 * unit : v <= 5 * unit ?
	    5 * unit : 10 * unit;
}

static void
put_line(cJSON *list, const struct chart *ch, int which, int64_t from,
    int64_t span)
{
	static const char *const names[] = { "in", "out" };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	cJSON *o = put_item(list);

	for (size_t i = 0; out != NULL && i < ch->ch_n; i++)
		(void)fprintf(out, "%s%.1f,%.1f", i == 0 ? "" : " ",
		    (double)(ch->ch_v[i].po_time - from) * WIDE / (double)span,
		    HIGH - ch->ch_v[i].po_rate[which] * HIGH / ch->ch_top);
	put_text(o, "name", names[which]);
	put_number(o, "now", ch->ch_n == 0 ? 0 : ch->ch_v[ch->ch_n - 1].po_rate[which]);
	put_number(o, "max", ch->ch_max[which]);
	if (out != NULL && fclose(out) == 0)
		put_text(o, "points", text);
	free(text);
}

static void
put_scale(cJSON *o, const struct chart *ch, int64_t span)
{
	cJSON *a = put_array(o, "grid"), *e;

	for (int i = 0; i < 3; i++) {
		e = put_item(a);
		put_number(e, "y", HIGH * i / 2);
		put_number(e, "rate", ch->ch_top * (2 - i) / 2);
	}
	put_number(o, "wide", WIDE);
	put_number(o, "high", HIGH);
	put_number(o, "span_s", (double)span);
}

/* The box, or the collector, may be young: whole minutes since the first sample. */
static int64_t
fitting(const struct chart *ch, int64_t now, int64_t span)
{
	int64_t age = ch->ch_n != 0 ? now - ch->ch_v[0].po_time : 0;

	age = (age + 59) / 60 * 60;
	if (age < SPAN_LEAST)
		age = SPAN_LEAST;
	return age < span ? age : span;
}

void
chart_put(struct page *pg, cJSON *o, const char *series, int64_t span)
{
	static struct chart ch;
	int64_t from = pg->pg_now - span;
	sqlite3_stmt *s = NULL;
	sqlite3 *db = NULL;
	char path[512];
	cJSON *a;

	memset(&ch, 0, sizeof(ch));
	(void)snprintf(path, sizeof(path), "%s/" COLLECT_FILE, pg->pg_se->se_state);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
	    sqlite3_busy_handler(db, web_busy, NULL) == SQLITE_OK &&
	    (s = select_samples(db, series, from)) != NULL)
		read_rates(&ch, s);
	(void)sqlite3_finalize(s);
	(void)sqlite3_close_v2(db);
	span = fitting(&ch, pg->pg_now, span);
	from = pg->pg_now - span;
	ch.ch_top = round_up(ch.ch_max[0] > ch.ch_max[1] ? ch.ch_max[0] : ch.ch_max[1]);
	put_text(o, "series", series);
	put_bool(o, "drawn", ch.ch_n > 1);
	put_scale(o, &ch, span);
	a = put_array(o, "lines");
	for (int i = 0; i < LINES; i++)
		put_line(a, &ch, i, from, span);
}
