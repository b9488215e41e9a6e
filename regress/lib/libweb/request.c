/* SPDX-License-Identifier: ISC */
/*
 * Requests as a web server hands them over: what is taken, and what is refused
 * as a whole.
 */
#include "libweb/web.h"
#include "test.h"

struct fake {
	const char	*fk_env[24];	/* name, value, ... */
	const char	*fk_body;
	size_t		 fk_len, fk_at;
};

static const char *
get(void *arg, const char *name)
{
	struct fake *fk = arg;

	for (size_t i = 0; fk->fk_env[i] != NULL; i += 2)
		if (strcmp(fk->fk_env[i], name) == 0)
			return fk->fk_env[i + 1];
	return NULL;
}

/* In pieces of at most seven bytes. */
static ssize_t
feed(void *arg, void *buf, size_t n)
{
	struct fake *fk = arg;
	size_t left = fk->fk_len - fk->fk_at;

	n = n < left ? n : left;
	n = n < 7 ? n : 7;
	memcpy(buf, fk->fk_body + fk->fk_at, n);
	fk->fk_at += n;
	return (ssize_t)n;
}

static int
take(struct web_request *wr, struct fake *fk)
{
	const char *why = "";

	return web_request_read(wr, get, feed, fk, &why);
}

static void
addresses(void)
{
	static const struct { const char *name, *uri; int status; const char *path; } cases[] = {
		{ "a path", "/tunnels", 0, "/tunnels" },
		{ "with a query", "/tunnels?q=a%20b&state=up", 0, "/tunnels" },
		{ "encoded letters", "/%74unnels", 0, "/tunnels" },
		{ "nothing", "", 400, NULL },
		{ "not from the root", "tunnels", 400, NULL },
		{ "up", "/../etc/passwd", 400, NULL },
		{ "up, encoded", "/%2e%2e/etc", 400, NULL },
		{ "hidden", "/.git", 400, NULL },
		{ "two slashes", "//host/x", 400, NULL },
		{ "a NUL", "/a%00b", 400, NULL },
		{ "half an escape", "/a%4", 400, NULL },
		{ "no hexadecimal", "/a%zz", 400, NULL },
		{ "a control character", "/a%0ab", 400, NULL },
		{ "not ASCII", "/\xc3\xa4", 400, NULL },
		{ "a query with a NUL", "/a?x=%00", 400, NULL },
		{ "a name that is none", "/a?x%3C=1", 400, NULL },
		{ "a name too long", "/a?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1", 400, NULL },
	};
	struct web_request wr;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct fake fk = { .fk_env = { "REQUEST_METHOD", "GET",
		    "REQUEST_URI", cases[i].uri } };

		test_row("%s", cases[i].name);
		CU_ASSERT_EQUAL(take(&wr, &fk), cases[i].status);
		if (cases[i].path != NULL)
			CU_ASSERT_STRING_EQUAL(wr.wr_path, cases[i].path);
		web_request_free(&wr);
	}
}

static void
methods(void)
{
	static const struct { const char *name; int status; } cases[] = {
		{ "GET", 0 }, { "HEAD", 0 }, { "PUT", 405 }, { "DELETE", 405 },
		{ "get", 405 }, { "TRACE", 405 }, { "", 405 },
	};
	struct web_request wr;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct fake fk = { .fk_env = { "REQUEST_METHOD", cases[i].name,
		    "REQUEST_URI", "/" } };

		test_row("%s", cases[i].name);
		CU_ASSERT_EQUAL(take(&wr, &fk), cases[i].status);
		web_request_free(&wr);
	}
}

#define FORM	"application/x-www-form-urlencoded"
#define PARTS	"multipart/form-data; boundary=XyZ"

static void
bodies(void)
{
	static const struct {
		const char *name, *type, *length, *body;
		int status;
		const char *field, *value;
	} cases[] = {
		{ "a form", FORM, "11", "a=1&b=x+%2B", 0, "b", "x +" },
		{ "another case", "Application/X-WWW-Form-URLencoded; charset=UTF-8", "3", "a=1", 0, "a", "1" },
		{ "empty", FORM, "0", "", 0, NULL, NULL },
		{ "lines", FORM, "15", "t=a%0D%0Ab%0D%0A", 400, NULL, NULL },
		{ "lines, whole", FORM, "16", "t=a%0D%0Ab%0D%0A", 0, "t", "a\r\nb\r\n" },
		{ "no length", FORM, "", "a=1", 411, NULL, NULL },
		{ "negative", FORM, "-3", "a=1", 400, NULL, NULL },
		{ "not a number", FORM, "3x", "a=1", 400, NULL, NULL },
		{ "too large", FORM, "99999999", "a=1", 413, NULL, NULL },
		{ "beyond all numbers", FORM, "99999999999999999999999", "a=1", 400, NULL, NULL },
		{ "shorter than said", FORM, "9", "a=1", 400, NULL, NULL },
		{ "another type", "application/json", "3", "a=1", 400, NULL, NULL },
		{ "no type", "", "3", "a=1", 400, NULL, NULL },
		{ "a NUL", FORM, "5", "a=%00", 400, NULL, NULL },
		{ "parts", PARTS, NULL,
		    "--XyZ\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nv\r\nw\r\n--XyZ--\r\n", 0,
		    "f", "v\r\nw" },
		{ "parts that do not end", PARTS, NULL,
		    "--XyZ\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nv\r\nwww", 400, NULL, NULL },
		{ "parts without a name", PARTS, NULL,
		    "--XyZ\r\nContent-Disposition: x\r\n\r\nvalu\r\n--XyZ--\r\n", 400, NULL, NULL },
		{ "no boundary", "multipart/form-data", "3", "a=1", 400, NULL, NULL },
	};
	struct web_request wr;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		char whole[24];
		struct fake fk = { .fk_env = { "REQUEST_METHOD", "POST",
		    "REQUEST_URI", "/x", "CONTENT_TYPE", cases[i].type,
		    "CONTENT_LENGTH", cases[i].length != NULL ? cases[i].length :
		    whole }, .fk_body = cases[i].body,
		    .fk_len = strlen(cases[i].body) };

		(void)snprintf(whole, sizeof(whole), "%zu", fk.fk_len);

		test_row("%s", cases[i].name);
		CU_ASSERT_EQUAL(take(&wr, &fk), cases[i].status);
		if (cases[i].field != NULL)
			TEST_STRING(web_posted(&wr, cases[i].field), cases[i].value);
		web_request_free(&wr);
	}
}

#define TOKEN	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
cookies(void)
{
	static const struct { const char *name, *cookie, *token; } cases[] = {
		{ "ours", "__Host-ravelin=" TOKEN, TOKEN },
		{ "among others", "a=b; __Host-ravelin=" TOKEN "; c=d", TOKEN },
		{ "too short", "__Host-ravelin=0011", "" },
		{ "too long", "__Host-ravelin=" TOKEN "00", "" },
		{ "no hexadecimal", "__Host-ravelin=zz112233445566778899aabbccddeeff"
		    "00112233445566778899aabbccddeeff", "" },
		{ "another name", "ravelin=" TOKEN, "" },
		{ "none", "", "" },
	};
	struct web_request wr;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct fake fk = { .fk_env = { "REQUEST_METHOD", "GET",
		    "REQUEST_URI", "/", "HTTP_COOKIE", cases[i].cookie } };

		test_row("%s", cases[i].name);
		CU_ASSERT_EQUAL(take(&wr, &fk), 0);
		TEST_STRING(wr.wr_session, cases[i].token);
		web_request_free(&wr);
	}
}

static void
numbers(void)
{
	static const struct { const char *uri; uint64_t value; } cases[] = {
		{ "/?n=7", 7 }, { "/?n=0", 0 }, { "/?n=100", 100 },
		{ "/?n=101", 9 }, { "/?n=", 9 }, { "/", 9 }, { "/?n=-1", 9 },
		{ "/?n=1x", 9 }, { "/?n=18446744073709551617", 9 },
	};
	struct web_request wr;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct fake fk = { .fk_env = { "REQUEST_METHOD", "GET",
		    "REQUEST_URI", cases[i].uri } };

		test_row("%s", cases[i].uri);
		CU_ASSERT_EQUAL(take(&wr, &fk), 0);
		CU_ASSERT_EQUAL(web_number(&wr, "n", 100, 9), cases[i].value);
		web_request_free(&wr);
	}
}

static void
too_many_fields(void)
{
	char uri[WEB_QUERY_MAX], *p = uri;
	struct fake fk = { .fk_env = { "REQUEST_METHOD", "GET", "REQUEST_URI", uri } };
	struct web_request wr;

	p += snprintf(uri, sizeof(uri), "/?");
	for (int i = 0; i <= WEB_FIELDS_MAX; i++)
		p += snprintf(p, 16, "a%d=1&", i);
	CU_ASSERT_EQUAL(take(&wr, &fk), 400);
	web_request_free(&wr);
}

/* A value that came in the query is not one that was posted. */
static void
posted(void)
{
	struct fake fk = { .fk_env = { "REQUEST_METHOD", "POST", "REQUEST_URI",
	    "/?csrf=query", "CONTENT_TYPE", FORM, "CONTENT_LENGTH", "3" },
	    .fk_body = "a=1", .fk_len = 3 };
	struct web_request wr;

	CU_ASSERT_EQUAL(take(&wr, &fk), 0);
	TEST_STRING(web_posted(&wr, "csrf"), "");
	TEST_STRING(web_text(&wr, "csrf"), "query");
	web_request_free(&wr);
}

TEST_MAIN(
	TEST("addresses", addresses),
	TEST("methods", methods),
	TEST("bodies", bodies),
	TEST("cookies", cookies),
	TEST("numbers", numbers),
	TEST("too many fields", too_many_fields),
	TEST("posted is not asked", posted))
