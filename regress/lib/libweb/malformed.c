/* SPDX-License-Identifier: ISC */
/*
 * 20,000 requests made of the pieces of good and bad ones, from one seed: each
 * is taken whole and bounded, or refused; and an honest one is taken after
 * every thousand.
 */
#include "libweb/web.h"
#include "test.h"

enum { REQUESTS = 20000, PIECES_MAX = 12 };

struct fake {
	char	fk_uri[6000], fk_type[300], fk_cookie[300], fk_length[32];
	const char *fk_method;
	char	fk_body[4000];
	size_t	fk_len, fk_at;
};

static uint64_t state = 88172645463325252ull;

static uint32_t
dice(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % n;
}

static const char *
get(void *arg, const char *name)
{
	struct fake *fk = arg;

	if (strcmp(name, "REQUEST_METHOD") == 0)
		return fk->fk_method;
	if (strcmp(name, "REQUEST_URI") == 0)
		return fk->fk_uri;
	if (strcmp(name, "CONTENT_TYPE") == 0)
		return fk->fk_type;
	if (strcmp(name, "CONTENT_LENGTH") == 0)
		return fk->fk_length;
	return strcmp(name, "HTTP_COOKIE") == 0 ? fk->fk_cookie : NULL;
}

static ssize_t
feed(void *arg, void *buf, size_t n)
{
	struct fake *fk = arg;
	size_t left = fk->fk_len - fk->fk_at;

	n = n < left ? n : left;
	memcpy(buf, fk->fk_body + fk->fk_at, n);
	fk->fk_at += n;
	return (ssize_t)n;
}

static const char *const pieces[] = {
	"/", "tunnels", "?", "&", "=", "a", "%41", "%", "%0", "%00", "%ff", "..", ".",
	"//", "csrf", "+", ";", "\r\n", "--x", "--x--", "\r\n--x", "\r\n\r\n", "<b>",
	"Content-Disposition: form-data; name=\"f\"", "name=\"", "\"", "filename",
	"boundary=x", "boundary=\"", "__Host-ravelin=", "0123456789abcdef0123456789abcdef",
	"multipart/form-data; ", "application/x-www-form-urlencoded", "\x80", "\xff",
};

static size_t
compose(char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (uint32_t i = dice(PIECES_MAX); i > 0; i--) {
		const char *p = pieces[dice(TEST_COUNT(pieces))];

		if (n + strlen(p) + 1 > cap)
			break;
		n += (size_t)snprintf(out + n, cap - n, "%s", p);
	}
	if (n != 0 && dice(4) == 0)
		out[dice((uint32_t)n)] = (char)(1 + dice(255));
	return n;
}

static void
make(struct fake *fk)
{
	static const char *const methods[] = { "GET", "POST", "POST", "POST", "HEAD",
	    "PUT", "", "POST\r\n" };
	static const char *const types[] = { "application/x-www-form-urlencoded",
	    "multipart/form-data; boundary=x" };

	fk->fk_method = methods[dice(TEST_COUNT(methods))];
	fk->fk_uri[0] = '/';
	(void)compose(fk->fk_uri + dice(2), 4000);
	if (dice(2) == 0)
		(void)snprintf(fk->fk_type, sizeof(fk->fk_type), "%s", types[dice(2)]);
	else
		(void)compose(fk->fk_type, sizeof(fk->fk_type));
	(void)compose(fk->fk_cookie, sizeof(fk->fk_cookie));
	fk->fk_len = compose(fk->fk_body, sizeof(fk->fk_body));
	fk->fk_at = 0;
	if (fk->fk_len != 0 && dice(8) == 0)
		fk->fk_body[dice((uint32_t)fk->fk_len)] = '\0';
	(void)snprintf(fk->fk_length, sizeof(fk->fk_length), "%zu",
	    dice(5) != 0 ? fk->fk_len : fk->fk_len + dice(9000));
}

static bool
sound(const struct web_request *wr)
{
	if (wr->wr_path[0] != '/' || strstr(wr->wr_path, "/.") != NULL ||
	    strstr(wr->wr_path, "//") != NULL || wr->wr_nfields > WEB_FIELDS_MAX)
		return false;
	for (size_t i = 0; i < wr->wr_nfields; i++)
		if (strlen(wr->wr_field[i].wf_value) != wr->wr_field[i].wf_len ||
		    wr->wr_field[i].wf_name[0] == '\0')
			return false;
	return wr->wr_session[0] == '\0' || strlen(wr->wr_session) == WEB_TOKEN;
}

static bool
honest(void)
{
	struct fake fk = { .fk_uri = "/policy/edit", .fk_method = "POST",
	    .fk_type = "application/x-www-form-urlencoded",
	    .fk_body = "part=pf.conf&text=block+all%0A", .fk_len = 30,
	    .fk_length = "30" };
	struct web_request wr;
	const char *why;
	bool ok = web_request_read(&wr, get, feed, &fk, &why) == 0 &&
	    strcmp(web_posted(&wr, "text"), "block all\n") == 0;

	web_request_free(&wr);
	return ok;
}

static void
malformed(void)
{
	static struct web_request wr;
	static struct fake fk;
	unsigned taken = 0, refused = 0;
	const char *why = "";
	int status;

	for (unsigned i = 1; i <= REQUESTS; i++) {
		make(&fk);
		status = web_request_read(&wr, get, feed, &fk, &why);
		if (status == 0) {
			taken++;
			CU_ASSERT(sound(&wr));
		} else {
			refused++;
			CU_ASSERT(status >= 400 && status < 500 && why[0] != '\0');
		}
		web_request_free(&wr);
		if (i % 1000 == 0) {
			test_row("%u", i);
			CU_ASSERT(honest());
		}
	}
	printf("%u taken, %u refused\n", taken, refused);
	CU_ASSERT(taken > 500 && refused > 5000);
}

TEST_MAIN(
	TEST("malformed requests", malformed))
