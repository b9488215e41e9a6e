/* SPDX-License-Identifier: ISC */
/*
 * Templates over a cJSON tree (see web.h).  A template is walked, not compiled:
 * a section is walked once for each value, and once without printing if there
 * is none, so that its end is found by the same code.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libweb/web.h"

enum { NEST_MAX = 24, TAG_MAX = 64, FILE_MAX_ = 256 << 10, FILES = 48 };

struct file {
	char	 fi_name[TAG_MAX];
	char	*fi_text;
	size_t	 fi_len;
};

struct web_templates {
	int		 wt_dir;
	struct file	 wt_file[FILES];
	size_t		 wt_n;
};

struct run {
	struct web_templates	*ru_files;	/* NULL: no other templates */
	const cJSON		*ru_stack[NEST_MAX];
	size_t			 ru_depth;
	unsigned		 ru_nest;	/* templates and sections under way */
	FILE			*ru_out;
	const char		*ru_why;
};

static char why_text[160];

static bool
wrong(struct run *ru, const char *what, const char *tag)
{
	(void)snprintf(why_text, sizeof(why_text), "template: %s: %s", what, tag);
	ru->ru_why = why_text;
	return false;
}

/* ---- files ---- */

struct web_templates *
web_templates_open(const char *folder)
{
	struct web_templates *wt = calloc(1, sizeof(*wt));

	if (wt == NULL)
		return NULL;
	wt->wt_dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (wt->wt_dir == -1) {
		free(wt);
		return NULL;
	}
	return wt;
}

void
web_templates_close(struct web_templates *wt)
{
	if (wt == NULL)
		return;
	for (size_t i = 0; i < wt->wt_n; i++)
		free(wt->wt_file[i].fi_text);
	(void)close(wt->wt_dir);
	free(wt);
}

static bool
read_whole(int fd, char *buf, size_t len)
{
	size_t n = 0;
	ssize_t got;

	while (n < len && (got = read(fd, buf + n, len - n)) > 0)
		n += (size_t)got;
	return n == len;
}

static bool
load(struct web_templates *wt, const char *name, struct file *fi)
{
	char path[TAG_MAX + 8];
	struct stat sb;
	int fd;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s.html", name);
	if (strchr(name, '/') != NULL || (fd = openat(wt->wt_dir, path,
	    O_RDONLY | O_CLOEXEC)) == -1)
		return false;
	ok = fstat(fd, &sb) == 0 && sb.st_size < FILE_MAX_ &&
	    (fi->fi_text = malloc((size_t)sb.st_size + 1)) != NULL;
	if (ok) {
		fi->fi_len = (size_t)sb.st_size;
		ok = read_whole(fd, fi->fi_text, fi->fi_len);
	}
	(void)close(fd);
	(void)snprintf(fi->fi_name, sizeof(fi->fi_name), "%s", name);
	return ok;
}

static const struct file *
find_file(struct web_templates *wt, const char *name)
{
	if (wt == NULL)
		return NULL;
	for (size_t i = 0; i < wt->wt_n; i++)
		if (strcmp(wt->wt_file[i].fi_name, name) == 0)
			return &wt->wt_file[i];
	if (wt->wt_n == FILES || !load(wt, name, &wt->wt_file[wt->wt_n])) {
		if (wt->wt_n < FILES) {
			free(wt->wt_file[wt->wt_n].fi_text);
			wt->wt_file[wt->wt_n].fi_text = NULL;
		}
		return NULL;
	}
	return &wt->wt_file[wt->wt_n++];
}

/* ---- values ---- */

static const cJSON *
lookup(const struct run *ru, const char *name)
{
	if (strcmp(name, ".") == 0)
		return ru->ru_stack[ru->ru_depth - 1];
	for (size_t i = ru->ru_depth; i-- > 0;) {
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(ru->ru_stack[i],
		    name);

		if (v != NULL)
			return v;
	}
	return NULL;
}

static bool
truth(const cJSON *v)
{
	if (v == NULL || cJSON_IsNull(v) || cJSON_IsFalse(v))
		return false;
	if (cJSON_IsString(v))
		return v->valuestring[0] != '\0';
	if (cJSON_IsNumber(v))
		return v->valuedouble < 0 || v->valuedouble > 0;
	return !cJSON_IsArray(v) || cJSON_GetArraySize(v) != 0;
}

static void
date(double seconds, char *out, size_t cap)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(out, cap, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		out[0] = '\0';
}

/* A number with a thin gap between groups of three digits. */
static void
grouped(double v, char *out, size_t cap)
{
	char digits[32];
	size_t n, o = 0;

	(void)snprintf(digits, sizeof(digits), "%.0f", v);
	n = strlen(digits);
	for (size_t i = 0; i < n && o + 4 < cap; i++) {
		if (i != 0 && (n - i) % 3 == 0 && digits[i - 1] != '-') {
			memcpy(out + o, "\xe2\x80\xaf", 3);
			o += 3;
		}
		out[o++] = digits[i];
	}
	out[o] = '\0';
}

static bool
number_text(const char *filter, double v, char *out, size_t cap)
{
	if (strcmp(filter, "bytes") == 0)
		web_bytes(v, out, cap);
	else if (strcmp(filter, "rate") == 0) {
		web_bytes(v, out, cap - 8);
		(void)strncat(out, "bit/s", cap - strlen(out) - 1);
	} else if (strcmp(filter, "duration") == 0)
		web_duration(v > 0 ? (uint64_t)v : 0, out, cap);
	else if (strcmp(filter, "time") == 0)
		date(v, out, cap);
	else if (strcmp(filter, "when") == 0)
		date(v / 1000, out, cap);
	else if (strcmp(filter, "count") == 0)
		grouped(v, out, cap);
	else if (strcmp(filter, "percent") == 0)
		(void)snprintf(out, cap, "%.0f %%", v);
	else
		return false;
	return true;
}

static bool
print_value(struct run *ru, char *tag)
{
	char *filter = strchr(tag, '|');
	const cJSON *v;
	char text[64];

	if (filter != NULL)
		*filter++ = '\0';
	v = lookup(ru, tag);
	if (v == NULL || cJSON_IsNull(v))
		return true;
	if (cJSON_IsNumber(v)) {
		if (filter == NULL)
			(void)snprintf(text, sizeof(text), "%.15g", v->valuedouble);
		else if (!number_text(filter, v->valuedouble, text, sizeof(text)))
			return wrong(ru, "no filter of that name", filter);
		web_escape(text, ru->ru_out);
		return true;
	}
	if (!cJSON_IsString(v))
		return cJSON_IsBool(v) ? (web_escape(cJSON_IsTrue(v) ? "yes" : "no",
		    ru->ru_out), true) : wrong(ru, "not a text", tag);
	if (filter != NULL && strcmp(filter, "url") == 0)
		web_encode(v->valuestring, ru->ru_out);
	else if (filter != NULL)
		return wrong(ru, "this filter is for numbers", filter);
	else
		web_escape(v->valuestring, ru->ru_out);
	return true;
}

/* ---- walking ---- */

/* Text up to the next tag is printed; the tag without its braces. */
static bool
next_tag(struct run *ru, struct cur *c, bool emit, char tag[TAG_MAX], bool *end)
{
	struct cur look = *c;
	size_t left = cur_left(c);
	const char *all = (const char *)cur_bytes(&look, left), *p, *q;
	size_t n;

	*end = false;
	p = left == 0 ? NULL : memmem(all, left, "{{", 2);
	n = p != NULL ? (size_t)(p - all) : left;
	if (emit && n != 0)
		(void)fwrite(all, 1, n, ru->ru_out);
	cur_skip(c, n);
	if (p == NULL) {
		*end = true;
		return true;
	}
	q = memmem(p, left - n, "}}", 2);
	if (q == NULL || q - p - 2 >= TAG_MAX)
		return wrong(ru, "a tag without end", "");
	cur_skip(c, 2);
	(void)cur_copy(c, tag, (size_t)(q - p - 2));
	tag[q - p - 2] = '\0';
	cur_skip(c, 2);
	return true;
}

static bool	walk(struct run *ru, struct cur *c, const char *name, bool emit);

static bool
once(struct run *ru, struct cur *c, const char *name, const cJSON *v, bool emit)
{
	bool ok;

	if (ru->ru_depth == NEST_MAX)
		return wrong(ru, "too deep", name);
	ru->ru_stack[ru->ru_depth++] = v;
	ok = walk(ru, c, name, emit);
	ru->ru_depth--;
	return ok;
}

static bool
section(struct run *ru, struct cur *c, const char *name, bool emit)
{
	const cJSON *v = emit ? lookup(ru, name) : NULL, *e;
	struct cur from = *c;

	if (!truth(v))
		return walk(ru, c, name, false);
	if (!cJSON_IsArray(v))
		return cJSON_IsObject(v) ? once(ru, c, name, v, true) :
		    walk(ru, c, name, true);
	cJSON_ArrayForEach(e, v) {
		*c = from;
		if (!once(ru, c, name, e, true))
			return false;
	}
	return true;
}

static bool
include(struct run *ru, const char *name)
{
	const struct file *fi = find_file(ru->ru_files, name);
	struct cur c;

	if (fi == NULL)
		return wrong(ru, "no such template", name);
	c = cur_init(fi->fi_text, fi->fi_len);
	return walk(ru, &c, NULL, true);
}

static bool
one_tag(struct run *ru, struct cur *c, char *tag, bool emit)
{
	switch (tag[0]) {
	case '#':
		return section(ru, c, tag + 1, emit);
	case '^':
		return walk(ru, c, tag + 1, emit && !truth(lookup(ru, tag + 1)));
	case '>':
		return !emit || include(ru, tag + 1);
	case '!':
		return true;
	default:
		return !emit || print_value(ru, tag);
	}
}

/* Up to {{/name}}; name NULL: to the end. */
static bool
walk(struct run *ru, struct cur *c, const char *name, bool emit)
{
	char tag[TAG_MAX];
	bool end, ok = true;

	if (++ru->ru_nest > NEST_MAX)
		return wrong(ru, "too deep", name != NULL ? name : "");
	while (ok && next_tag(ru, c, emit, tag, &end)) {
		if (end) {
			ok = name == NULL || wrong(ru, "a section without end", name);
			break;
		}
		if (tag[0] == '/') {
			ok = name != NULL && strcmp(tag + 1, name) == 0 ? true :
			    wrong(ru, "an end without its section", tag);
			break;
		}
		ok = one_tag(ru, c, tag, emit);
	}
	ru->ru_nest--;
	return ok && ru->ru_why == NULL;
}

static bool
render(struct run *ru, const char *text, size_t len, const char **why)
{
	struct cur c = cur_init(text, len);
	bool ok = walk(ru, &c, NULL, true);

	*why = ok ? "" : ru->ru_why;
	return ok;
}

bool
web_render(struct web_templates *wt, const char *name, const cJSON *outer,
    const cJSON *data, FILE *out, const char **why)
{
	struct run ru = { .ru_files = wt, .ru_stack = { outer, data },
	    .ru_depth = 2, .ru_out = out };
	const struct file *fi = find_file(wt, name);

	if (fi == NULL) {
		(void)wrong(&ru, "no such template", name);
		*why = ru.ru_why;
		return false;
	}
	return render(&ru, fi->fi_text, fi->fi_len, why);
}

bool
web_render_text(const char *text, const cJSON *data, FILE *out,
    const char **why)
{
	struct run ru = { .ru_stack = { data }, .ru_depth = 1, .ru_out = out };

	return render(&ru, text, strlen(text), why);
}
