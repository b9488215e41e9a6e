/* SPDX-License-Identifier: ISC */
/*
 * Forms with a file that is streamed: whole, whatever the size of the pieces
 * that it comes in; and what is refused.
 */
#include "libweb/web.h"
#include "test.h"

enum { FILE_LEN = 3 * WEB_WINDOW + 17 };

#define PART(name)	"--x\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART	"--x\r\nContent-Disposition: form-data; name=\"file\"; " \
			"filename=\"a\"\r\nContent-Type: application/octet-stream\r\n\r\n"

struct sink {
	const char	*si_body;
	size_t		 si_len, si_at, si_piece;
	uint8_t		*si_got;
	size_t		 si_n;
	bool		 si_begun, si_no;
};

static ssize_t
feed(void *arg, void *buf, size_t n)
{
	struct sink *si = arg;
	size_t left = si->si_len - si->si_at;

	n = n < left ? n : left;
	n = n < si->si_piece ? n : si->si_piece;
	memcpy(buf, si->si_body + si->si_at, n);
	si->si_at += n;
	return (ssize_t)n;
}

static bool
begin(void *arg)
{
	struct sink *si = arg;

	si->si_begun = true;
	return !si->si_no;
}

static bool
take(void *arg, const void *p, size_t n)
{
	struct sink *si = arg;

	if (si->si_n + n > FILE_LEN)
		return false;
	memcpy(si->si_got + si->si_n, p, n);
	si->si_n += n;
	return true;
}

static int
run(struct sink *si, struct web_request *wr, uint64_t max)
{
	const struct web_upload wu = { feed, begin, take, si };
	const char *why;

	memset(wr, 0, sizeof(*wr));
	si->si_at = si->si_n = 0;
	(void)snprintf(wr->wr_type, sizeof(wr->wr_type),
	    "multipart/form-data; boundary=x");
	(void)snprintf(wr->wr_length, sizeof(wr->wr_length), "%zu", si->si_len);
	return web_upload(wr, &wu, max, &why);
}

/* A file full of what almost ends it. */
static void
pieces(void)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 64, 1000, WEB_WINDOW, 1 << 20 };
	static char body[FILE_LEN + 1000];
	static uint8_t file[FILE_LEN], got[FILE_LEN];
	static const char near[] = "\r\n--\r\n-\r\n\r\n--y\r\n\0";
	static struct web_request wr;
	size_t n;

	for (size_t i = 0; i < FILE_LEN; i++)
		file[i] = (uint8_t)near[i % (sizeof(near) - 1)];
	n = (size_t)snprintf(body, sizeof(body), "%s%s", PART("csrf") "abc\r\n",
	    FILE_PART);
	memcpy(body + n, file, FILE_LEN);
	n += FILE_LEN;
	memcpy(body + n, "\r\n--x--\r\n", 9);
	for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
		struct sink si = { body, n + 9, 0, sizes[i], got, 0, false, false };
		char name[40];

		(void)snprintf(name, sizeof(name), "in pieces of %zu", sizes[i]);
		test_row("%s", name);
		CU_ASSERT_EQUAL(run(&si, &wr, 1 << 20), 0);
		TEST_STRING(web_posted(&wr, "csrf"), "abc");
		TEST_BYTES(si.si_got, file, FILE_LEN);
		CU_ASSERT_EQUAL(si.si_n, FILE_LEN);
		web_request_free(&wr);
	}
}

static void
cases(void)
{
	static const struct {
		const char *name, *body;
		size_t file;
		int status;
		bool begun;
	} list[] = {
		{ "a file", PART("csrf") "t\r\n" FILE_PART "12345\r\n--x--\r\n", 5, 0, true },
		{ "a text", PART("csrf") "t\r\n" PART("text") "12\r\n--x--", 2, 0, true },
		{ "text and file", PART("text") "12\r\n" FILE_PART "345\r\n--x--", 5, 0, true },
		{ "empty", PART("csrf") "t\r\n" FILE_PART "\r\n--x--\r\n", 0, 0, true },
		{ "no file", PART("csrf") "t\r\n--x--\r\n", 0, 0, false },
		{ "a field behind the file", FILE_PART "1\r\n" PART("csrf") "t\r\n--x--", 1, 400, true },
		{ "no end", PART("csrf") "t\r\n" FILE_PART "12345", 0, 400, true },
		{ "no end of the head", "--x\r\nContent-Disposition: form-data; name=\"file\"", 0, 400, false },
		{ "no name", "--x\r\nContent-Type: x\r\n\r\n1\r\n--x--", 0, 400, false },
		{ "no boundary", "12345", 0, 400, false },
		{ "another boundary", "--y\r\n\r\n12345\r\n--y--", 0, 400, false },
		{ "nothing", "", 0, 400, false },
		{ "junk behind a mark", "--xyz", 0, 400, false },
	};
	static uint8_t got[FILE_LEN];
	static struct web_request wr;

	for (size_t i = 0; i < TEST_COUNT(list); i++)
		for (size_t piece = 1; piece < 100; piece += 98) {
			struct sink si = { list[i].body, strlen(list[i].body), 0,
			    piece, got, 0, false, false };

			test_row("%s", list[i].name);
			CU_ASSERT_EQUAL(run(&si, &wr, 1000), list[i].status);
			CU_ASSERT_EQUAL(si.si_begun, list[i].begun);
			if (list[i].status == 0)
				CU_ASSERT_EQUAL(si.si_n, list[i].file);
			CU_ASSERT_EQUAL(si.si_at, si.si_len);
			web_request_free(&wr);
		}
}

static void
limits(void)
{
	static const char body[] = PART("csrf") "t\r\n" FILE_PART "12345\r\n--x--";
	static uint8_t got[FILE_LEN];
	static struct web_request wr;
	struct sink si = { body, sizeof(body) - 1, 0, 50, got, 0, false, false };

	test_row("too large: not a byte is read");
	CU_ASSERT_EQUAL(run(&si, &wr, 20), 413);
	CU_ASSERT_EQUAL(si.si_at, 0);
	test_row("refused before the file");
	si.si_no = true;
	CU_ASSERT_EQUAL(run(&si, &wr, 1000), 400);
	CU_ASSERT_EQUAL(si.si_n, 0);
	CU_ASSERT_EQUAL(si.si_at, si.si_len);
	web_request_free(&wr);
}

TEST_MAIN(TEST("pieces", pieces), TEST("cases", cases), TEST("limits", limits))
