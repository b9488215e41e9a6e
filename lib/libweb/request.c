/* SPDX-License-Identifier: ISC */
/*
 * A request from the variables and the standard input of a CGI program (RFC
 * 3875 section 4).  What is too long or malformed is refused as a whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libweb/web.h"
#include "libweb/web_int.h"

#define COOKIE		"__Host-ravelin="

struct cgi {
	const char	*(*cg_get)(void *, const char *);
	void		*cg_arg;
};

static const char *
variable(const struct cgi *cg, const char *name)
{
	const char *v = cg->cg_get(cg->cg_arg, name);

	return v != NULL ? v : "";
}

static bool
copy(char *out, size_t cap, const char *text)
{
	size_t n = strlen(text);

	if (n >= cap)
		return false;
	memcpy(out, text, n + 1);
	return true;
}

static bool
method(struct web_request *wr, const char *text)
{
	static const char *const names[] = { "GET", "HEAD", "POST" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0) {
			wr->wr_method = (enum web_method)i;
			return true;
		}
	return false;
}

/* "/path?query": the path decoded, without "//", "." or ".." in it. */
static bool
target(struct web_request *wr, const char *uri)
{
	struct cur c = cur_init(uri, strlen(uri)), path = cur_until(&c, '?');
	size_t n = cur_left(&c);

	if (n >= sizeof(wr->wr_query) || !web_decode(path, false, wr->wr_path,
	    sizeof(wr->wr_path), &(size_t){ 0 }) || wr->wr_path[0] != '/')
		return false;
	for (const char *p = wr->wr_path; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~' ||
		    (p[0] == '/' && (p[1] == '/' || p[1] == '.')))
			return false;
	(void)cur_copy(&c, wr->wr_query, n);
	wr->wr_query[n] = '\0';
	return web_form_parse(wr, cur_init(wr->wr_query, n), false);
}

/* The session's token, if the cookie holds one that looks like ours. */
static void
cookie(struct web_request *wr, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, ";");

		if (strncmp(text, COOKIE, strlen(COOKIE)) == 0 &&
		    n == strlen(COOKIE) + WEB_TOKEN &&
		    strspn(text + strlen(COOKIE), "0123456789abcdef") >= WEB_TOKEN) {
			memcpy(wr->wr_session, text + strlen(COOKIE), WEB_TOKEN);
			wr->wr_session[WEB_TOKEN] = '\0';
			return;
		}
		text += n;
		text += strspn(text, "; ");
	}
}

int
length_of(const char *text, uint64_t max, uint64_t *len)
{
	char *end;
	unsigned long n;

	*len = 0;
	if (text[0] == '\0')
		return 411;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
		return 400;
	if (n > max)
		return 413;
	*len = n;
	return 0;
}

static bool
is_type(const char *text, const char *type)
{
	size_t n = strlen(type);

	return strncasecmp(text, type, n) == 0 &&
	    (text[n] == '\0' || text[n] == ';' || text[n] == ' ');
}

static bool
parse_body(struct web_request *wr, const char *type, const char *buf, size_t len)
{
	struct cur c = cur_init(buf, len);

	if (is_type(type, "application/x-www-form-urlencoded"))
		return web_form_parse(wr, c, true);
	return is_type(type, "multipart/form-data") &&
	    web_multipart_parse(wr, type, c);
}

int
web_request_body(struct web_request *wr,
    ssize_t (*rd)(void *arg, void *buf, size_t n), void *arg, const char **why)
{
	uint64_t len;
	size_t n = 0;
	int status = length_of(wr->wr_length, WEB_BODY_MAX, &len);
	char *buf;
	ssize_t got = 1;
	bool ok;

	*why = status == 413 ? "The request is too large." :
	    "The request's length is missing or wrong.";
	if (status != 0)
		return status;
	if ((buf = malloc(len + 1)) == NULL) {
		*why = "Out of memory.";
		return 503;
	}
	while (n < len && (got = rd(arg, buf + n, len - n)) > 0)
		n += (size_t)got;
	ok = n == len && parse_body(wr, wr->wr_type, buf, len);
	explicit_bzero(buf, len);
	free(buf);
	*why = "The form cannot be read.";
	return ok ? 0 : 400;
}

int
web_request_head(struct web_request *wr,
    const char *(*get)(void *arg, const char *name), void *arg, const char **why)
{
	const struct cgi cg = { get, arg };

	memset(wr, 0, sizeof(*wr));
	*why = "This method is not known here.";
	if (!method(wr, variable(&cg, "REQUEST_METHOD")))
		return 405;
	*why = "The address is malformed.";
	if (!target(wr, variable(&cg, "REQUEST_URI")) ||
	    !copy(wr->wr_host, sizeof(wr->wr_host), variable(&cg, "HTTP_HOST")) ||
	    !copy(wr->wr_origin, sizeof(wr->wr_origin), variable(&cg, "HTTP_ORIGIN")) ||
	    !copy(wr->wr_peer, sizeof(wr->wr_peer), variable(&cg, "REMOTE_ADDR")))
		return 400;
	*why = "The form cannot be read.";
	if (!copy(wr->wr_type, sizeof(wr->wr_type), variable(&cg, "CONTENT_TYPE")) ||
	    !copy(wr->wr_length, sizeof(wr->wr_length),
	    variable(&cg, "CONTENT_LENGTH")))
		return 400;
	wr->wr_tls = strcmp(variable(&cg, "HTTPS"), "on") == 0;
	wr->wr_refresh = variable(&cg, "HTTP_X_REFRESH")[0] != '\0';
	cookie(wr, variable(&cg, "HTTP_COOKIE"));
	return 0;
}

int
web_request_read(struct web_request *wr,
    const char *(*get)(void *arg, const char *name),
    ssize_t (*rd)(void *arg, void *buf, size_t n), void *arg,
    const char **why)
{
	int status = web_request_head(wr, get, arg, why);

	return status == 0 && wr->wr_method == WEB_POST ?
	    web_request_body(wr, rd, arg, why) : status;
}

void
web_request_free(struct web_request *wr)
{
	for (size_t i = 0; i < wr->wr_nfields; i++) {
		struct web_field *wf = &wr->wr_field[i];

		if (wf->wf_value != NULL)
			explicit_bzero(wf->wf_value, wf->wf_len);
		free(wf->wf_value);
	}
	explicit_bzero(wr, sizeof(*wr));
}

const char *
web_field(const struct web_request *wr, const char *name)
{
	for (size_t i = 0; i < wr->wr_nfields; i++)
		if (strcmp(wr->wr_field[i].wf_name, name) == 0)
			return wr->wr_field[i].wf_value;
	return NULL;
}

const char *
web_text(const struct web_request *wr, const char *name)
{
	const char *v = web_field(wr, name);

	return v != NULL ? v : "";
}

const char *
web_posted(const struct web_request *wr, const char *name)
{
	for (size_t i = 0; i < wr->wr_nfields; i++)
		if (wr->wr_field[i].wf_body &&
		    strcmp(wr->wr_field[i].wf_name, name) == 0)
			return wr->wr_field[i].wf_value;
	return "";
}

uint64_t
web_number(const struct web_request *wr, const char *name, uint64_t max,
    uint64_t other)
{
	const char *text = web_text(wr, name);
	uint64_t v = 0;

	if (text[0] == '\0')
		return other;
	for (; *text != '\0'; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (*text < '0' || *text > '9' || v > (max - digit) / 10 ||
		    digit > max)
			return other;
		v = v * 10 + digit;
	}
	return v;
}
