/* SPDX-License-Identifier: ISC */
/*
 * /explain: what would become of a packet, in the words of ipsecctl(8) explain.
 * A GET: netkern is asked and nothing changes.
 */
#include <stdlib.h>
#include <string.h>

#include "libassert/packet.h"
#include "libassert/verdict.h"
#include "page.h"

enum { WORDS_MAX = 32, STAGE = 10 };

static const char *const fields[] = { "in", "proto", "from", "sport", "to",
    "dport", "size", "flags", "icmp", "through" };

struct words {
	char	*wo_v[WORDS_MAX + 1];
	size_t	 wo_n;
};

/* The word, and the field's value behind it, if it has one. */
static void
add(struct words *wo, const struct page *pg, const char *word, const char *field)
{
	const char *v = web_text(&pg->pg_rq, field);

	if (v[0] == '\0' || wo->wo_n + 2 > WORDS_MAX)
		return;
	wo->wo_v[wo->wo_n++] = strdup(word);
	wo->wo_v[wo->wo_n++] = strdup(v);
}

static struct words
words_of(const struct page *pg)
{
	struct words wo = { 0 };

	if (web_text(&pg->pg_rq, "in")[0] == '\0') {
		wo.wo_v[wo.wo_n++] = strdup("out");
	} else {
		wo.wo_v[wo.wo_n++] = strdup("in");
		add(&wo, pg, "on", "in");
	}
	add(&wo, pg, "proto", "proto");
	add(&wo, pg, "from", "from");
	add(&wo, pg, "port", "sport");
	add(&wo, pg, "to", "to");
	add(&wo, pg, "port", "dport");
	add(&wo, pg, "size", "size");
	add(&wo, pg, "flags", "flags");
	add(&wo, pg, "icmp-type", "icmp");
	add(&wo, pg, "came-through", "through");
	return wo;
}

/* "stage      what it says", a line each: the first STAGE columns are the stage. */
static void
put_stages(struct page *pg, const struct explain_req *er,
    const struct explain_info *ei)
{
	char *text = NULL, *rest, *line;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	cJSON *a = put_array(pg->pg_data, "stages"), *o;

	if (out == NULL)
		return;
	verdict_explain(er, ei, out);
	(void)fclose(out);
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		size_t n = strlen(line) < STAGE ? strlen(line) : STAGE;

		if (line[0] == '\0')
			continue;
		o = put_item(a);
		put_text(o, "says", line + n + strspn(line + n, " "));
		while (n != 0 && line[n - 1] == ' ')
			n--;
		line[n] = '\0';
		put_text(o, "stage", line);
		put_bool(o, "verdict", strcmp(line, "verdict") == 0);
	}
	free(text);
}

static void
ask(struct page *pg, const struct explain_req *er)
{
	struct ctl_client *cl = netkern_open(pg);
	struct explain_info ei;

	if (cl == NULL)
		return;
	if (ctl_get(cl, CTL_EXPLAIN, er, sizeof(*er), &ei, sizeof(ei)) != 0) {
		put_text(pg->pg_data, "wrong", ctl_error(cl));
	} else {
		put_bool(pg->pg_data, "dropped", ei.ei_verdict == EXPLAIN_DROPPED);
		put_bool(pg->pg_data, "answered", true);
		put_stages(pg, er, &ei);
	}
	ctl_close(cl);
}

static void
one_interface(void *arg, const void *body, size_t len)
{
	struct page *pg = arg;
	cJSON *a = cJSON_GetObjectItem(pg->pg_data, "interfaces"), *o;
	struct ctl_if ci;

	if (len != sizeof(ci))
		return;
	memcpy(&ci, body, sizeof(ci));
	o = put_item(a);
	put_text(o, "name", ci.ci_name);
	put_bool(o, "selected", strcmp(ci.ci_name, web_text(&pg->pg_rq, "in")) == 0);
}

static void
put_choices(struct page *pg)
{
	static const char *const protos[] = { "tcp", "udp", "icmp", "esp" };
	struct ctl_client *cl = netkern_open(pg);
	cJSON *a = put_array(pg->pg_data, "protocols"), *o;

	for (size_t i = 0; i < 4; i++) {
		o = put_item(a);
		put_text(o, "name", protos[i]);
		put_bool(o, "selected", strcmp(protos[i],
		    web_text(&pg->pg_rq, "proto")) == 0);
	}
	(void)put_array(pg->pg_data, "interfaces");
	if (cl != NULL)
		(void)ctl_call(cl, CTL_IF_LIST, NULL, 0, -1, one_interface, pg);
	ctl_close(cl);
}

void
explain_get(struct page *pg)
{
	cJSON *asked = put_object(pg->pg_data, "asked");
	struct explain_req er;
	struct words wo;
	char err[200];

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		put_text(asked, fields[i], web_text(&pg->pg_rq, fields[i]));
	put_choices(pg);
	if (web_text(&pg->pg_rq, "from")[0] == '\0' &&
	    web_text(&pg->pg_rq, "to")[0] == '\0')
		return;
	wo = words_of(pg);
	if (packet_parse(wo.wo_v, &er, NULL, NULL, err, sizeof(err)))
		ask(pg, &er);
	else
		put_text(pg->pg_data, "wrong", err);
	for (size_t i = 0; i < wo.wo_n; i++)
		free(wo.wo_v[i]);
}
