/* SPDX-License-Identifier: ISC */
/*
 * Templates: what they print, that they escape, and what is wrong in them.
 */
#include <unistd.h>

#include "libweb/web.h"
#include "test.h"

static char *
render(const char *text, const char *json, bool *ok)
{
	cJSON *data = cJSON_Parse(json);
	const char *why = "";
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);

	CU_ASSERT_PTR_NOT_NULL(data);
	*ok = web_render_text(text, data, f, &why);
	(void)fclose(f);
	cJSON_Delete(data);
	return out;
}

static void
prints(void)
{
	static const struct { const char *name, *text, *json, *ok; } cases[] = {
		{ "text", "plain", "{}", "plain" },
		{ "a value", "<b>{{x}}</b>", "{\"x\": \"y\"}", "<b>y</b>" },
		{ "a missing one", "[{{x}}]", "{}", "[]" },
		{ "escaped", "{{x}}", "{\"x\": \"<a href='b\\\"'>&`\"}",
		    "&lt;a href=&#39;b&quot;&#39;&gt;&amp;&#96;" },
		{ "a number", "{{x}}", "{\"x\": 12}", "12" },
		{ "a large one", "{{x}}", "{\"x\": 9007199254740992}", "9.00719925474099e+15" },
		{ "yes", "{{x}}{{y}}", "{\"x\": true, \"y\": false}", "yesno" },
		{ "bytes", "{{x|bytes}}B", "{\"x\": 1250000}", "1.2 MB" },
		{ "few bytes", "{{x|bytes}}B", "{\"x\": 0}", "0 B" },
		{ "rate", "{{x|rate}}", "{\"x\": 12000}", "12 Kbit/s" },
		{ "duration", "{{x|duration}}", "{\"x\": 3725}", "1 h 02 min" },
		{ "groups", "{{x|count}}", "{\"x\": 1234567}", "1\u202f234\u202f567" },
		{ "for a query", "?q={{x|url}}", "{\"x\": \"a b&c/\"}", "?q=a%20b%26c%2F" },
		{ "a section", "{{#x}}in{{/x}}", "{\"x\": true}", "in" },
		{ "not a section", "{{#x}}in{{/x}}", "{\"x\": false}", "" },
		{ "zero is empty", "{{#x}}in{{/x}}{{^x}}no{{/x}}", "{\"x\": 0}", "no" },
		{ "an empty text too", "{{^x}}no{{/x}}", "{\"x\": \"\"}", "no" },
		{ "an empty list too", "{{^x}}no{{/x}}", "{\"x\": []}", "no" },
		{ "a list", "{{#x}}{{n}},{{/x}}", "{\"x\": [{\"n\": 1}, {\"n\": 2}]}", "1,2," },
		{ "of texts", "{{#x}}{{.}},{{/x}}", "{\"x\": [\"a\", \"<\"]}", "a,&lt;," },
		{ "from around", "{{#x}}{{y}}{{/x}}", "{\"y\": 7, \"x\": [{}]}", "7" },
		{ "the nearest", "{{#x}}{{y}}{{/x}}", "{\"y\": 7, \"x\": [{\"y\": 8}]}", "8" },
		{ "nested", "{{#x}}{{#y}}{{z}}{{/y}};{{/x}}",
		    "{\"x\": [{\"y\": [{\"z\": 1}, {\"z\": 2}]}, {\"y\": []}]}", "12;;" },
		{ "a comment", "a{{! no }}b", "{}", "ab" },
		{ "nothing is executed twice", "{{x}}", "{\"x\": \"{{y}}\", \"y\": \"bad\"}", "{{y}}" },
		{ "control characters", "{{x}}", "{\"x\": \"a\\u0007b\"}", "a\xef\xbf\xbd" "b" },
		{ "UTF-8", "{{x}}", "{\"x\": \"\xc3\xa4\xe2\x82\xac\"}", "\xc3\xa4\xe2\x82\xac" },
		{ "what is no UTF-8", "{{x}}", "{\"x\": \"a\xc3(\xff\"}", "a\xef\xbf\xbd(\xef\xbf\xbd" },
		{ "overlong", "{{x}}", "{\"x\": \"\xc0\xbc\"}", "\xef\xbf\xbd\xef\xbf\xbd" },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		bool ok;
		char *out = render(cases[i].text, cases[i].json, &ok);

		test_row("%s", cases[i].name);
		CU_ASSERT(ok);
		TEST_STRING(out, cases[i].ok);
		free(out);
	}
}

static void
refuses(void)
{
	static const struct { const char *name, *text, *json; } cases[] = {
		{ "a tag without end", "{{x", "{}" },
		{ "a section without end", "{{#x}}a", "{\"x\": 1}" },
		{ "the same, not shown", "{{#x}}a", "{}" },
		{ "an end too much", "{{/x}}", "{}" },
		{ "the wrong end", "{{#x}}{{/y}}", "{\"x\": 1}" },
		{ "no such filter", "{{x|script}}", "{\"x\": 1}" },
		{ "a filter for numbers", "{{x|bytes}}", "{\"x\": \"a\"}" },
		{ "an object as text", "{{x}}", "{\"x\": {}}" },
		{ "another file", "{{>x}}", "{}" },
		{ "a long tag", "{{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaa}}", "{}" },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		bool ok;
		char *out = render(cases[i].text, cases[i].json, &ok);

		test_row("%s", cases[i].name);
		CU_ASSERT(!ok);
		free(out);
	}
}

/* Texts of JSON: the examples of RFC 3629 sections 4 and 7, and cut ones. */
static void
utf8(void)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "", "" }, { "plain <\x1b>", "plain <\x1b>" },
		{ "A\xe2\x89\xa2\xce\x91.", "A\xe2\x89\xa2\xce\x91." },
		{ "\xf0\xa3\x8e\xb4", "\xf0\xa3\x8e\xb4" },
		{ "a\xff", "a\xef\xbf\xbd" },
		{ "\xc3(", "\xef\xbf\xbd(" },
		{ "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe2\x89", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa1\x8c", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		char *out = web_utf8(cases[i].in);

		test_row("text %zu", i);
		CU_ASSERT_PTR_NOT_NULL_FATAL(out);
		TEST_STRING(out, cases[i].out);
		free(out);
	}
}

/* Templates in files, one in the other; none outside of the folder. */
static void
files(void)
{
	char dir[] = "/tmp/template.XXXXXX", path[64], *out = NULL;
	const char *why = "";
	cJSON *data = cJSON_Parse("{\"x\": \"<\"}"), *outer = cJSON_Parse("{\"y\": 2}");
	struct web_templates *wt;
	size_t len = 0;
	FILE *f;

	CU_ASSERT_PTR_NOT_NULL(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/a.html", dir);
	f = fopen(path, "w");
	fputs("[{{>a2}}]{{y}}", f);
	(void)fclose(f);
	(void)snprintf(path, sizeof(path), "%s/a2.html", dir);
	f = fopen(path, "w");
	fputs("{{x}}", f);
	(void)fclose(f);
	wt = web_templates_open(dir);
	CU_ASSERT_PTR_NOT_NULL_FATAL(wt);
	f = open_memstream(&out, &len);
	CU_ASSERT(web_render(wt, "a", outer, data, f, &why));
	CU_ASSERT(!web_render(wt, "../etc/passwd", outer, data, f, &why));
	CU_ASSERT(!web_render(wt, "none", outer, data, f, &why));
	(void)fclose(f);
	TEST_STRING(out, "[&lt;]2");
	free(out);
	web_templates_close(wt);
	cJSON_Delete(data);
	cJSON_Delete(outer);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/a.html", dir);
	(void)unlink(path);
	(void)rmdir(dir);
}

TEST_MAIN(
	TEST("prints", prints),
	TEST("utf8", utf8),
	TEST("refuses", refuses),
	TEST("files", files))
