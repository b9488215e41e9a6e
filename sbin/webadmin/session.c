/* SPDX-License-Identifier: ISC */
/*
 * Who asks.  A login compares a password, which takes its time on purpose, and
 * begins a session; who fails too often has to wait.  A request that changes
 * something must come from one of our own pages: its Origin is ours (RFC 6454),
 * and it sends the token that only a page of the session holds.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libauth/auth.h"
#include "page.h"

#define USER_MAX	AUTH_NAME_MAX
#define COOKIE_SET	"__Host-ravelin=%s; Path=/; Secure; HttpOnly; SameSite=Strict"
#define COOKIE_END	"__Host-ravelin=; Path=/; Secure; HttpOnly; " \
			"SameSite=Strict; Max-Age=0"

bool
session_ours(const struct page *pg)
{
	const char *o = pg->pg_rq.wr_origin;

	if (pg->pg_rq.wr_host[0] == '\0')
		return false;
	if (strncmp(o, "https://", 8) == 0)
		return strcmp(o + 8, pg->pg_rq.wr_host) == 0;
	return pg->pg_se->se_plain && strncmp(o, "http://", 7) == 0 &&
	    strcmp(o + 7, pg->pg_rq.wr_host) == 0;
}

bool
session_origin(struct page *pg)
{
	if (session_ours(pg))
		return true;
	page_fail(pg, 403, "This request did not come from these pages.");
	return false;
}

/* Whoever has changed the password, and by which program, ends its sessions. */
bool
session_find(struct page *pg)
{
	struct web_session *ws = &pg->pg_session;
	char mark[AUTH_MARK_LEN];

	if (!web_session_find(pg->pg_sessions, pg->pg_rq.wr_session, pg->pg_now,
	    !pg->pg_rq.wr_refresh, ws))
		return false;
	if (auth_mark(pg->pg_se->se_passwd, ws->ws_user, mark) &&
	    web_same(mark, ws->ws_mark))
		return true;
	(void)web_session_end(pg->pg_sessions, ws);
	return false;
}

bool
session_allows(struct page *pg, bool needs_session)
{
	if (!session_origin(pg))
		return false;
	if (needs_session && (!pg->pg_in || !web_same(pg->pg_session.ws_csrf,
	    web_posted(&pg->pg_rq, "csrf")))) {
		page_fail(pg, 403, "This form is of another session: load the page "
		    "again and repeat.");
		return false;
	}
	return true;
}

/* A path of ours, not another server's ("//host") and no trick ("/\"). */
static const char *
next_path(const struct page *pg)
{
	const char *next = web_text(&pg->pg_rq, "next");
	size_t n = strlen(next);

	if (next[0] != '/' || next[1] == '/' || n > 400)
		return "/";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)next[i] <= ' ' || (unsigned char)next[i] > '~' ||
		    strchr("\\\"<>", next[i]) != NULL)
			return "/";
	return next;
}

void
login_get(struct page *pg)
{
	if (pg->pg_in) {
		page_go(pg, "%s", next_path(pg));
		return;
	}
	put_text(pg->pg_data, "next", next_path(pg));
	put_bool(pg->pg_data, "no_password", !auth_any(pg->pg_se->se_passwd));
}

static void
refuse(struct page *pg, int status, const char *text)
{
	/* the text of an editor whose session had ended */
	if (web_posted(&pg->pg_rq, "part")[0] != '\0')
		edit_keep(pg);
	put_text(pg->pg_data, "next", next_path(pg));
	put_text(pg->pg_data, "typed", web_posted(&pg->pg_rq, "user"));
	put_text(pg->pg_data, "error", text);
	pg->pg_status = status;
}

/* False: no further try of this name or address is allowed now. */
static bool
may_try(struct page *pg, const char *const keys[])
{
	int64_t left = web_lock_try(pg->pg_sessions, keys, pg->pg_up);
	char text[80];

	if (left == 0)
		return true;
	(void)snprintf(text, sizeof(text), "Too many attempts: try again in "
	    "%lld seconds.", (long long)left);
	pg->pg_wait = left > 0 ? left : 0;
	if (left > 0)
		refuse(pg, 429, text);
	else
		refuse(pg, 503, "The attempt cannot be counted: is the disk full?");
	return false;
}

static void
begin(struct page *pg, const char *user, const char *mark)
{
	char token[WEB_TOKEN + 1];

	if (pg->pg_in)
		(void)web_session_end(pg->pg_sessions, &pg->pg_session);
	if (!web_session_new(pg->pg_sessions, user, mark, pg->pg_now, token)) {
		refuse(pg, 503, "The session cannot be kept: is the disk full?");
		return;
	}
	(void)snprintf(pg->pg_cookie, sizeof(pg->pg_cookie), COOKIE_SET, token);
	pg->pg_in = web_session_find(pg->pg_sessions, token, pg->pg_now, false,
	    &pg->pg_session);
	explicit_bzero(token, sizeof(token));
	if (web_posted(&pg->pg_rq, "part")[0] != '\0' && pg->pg_in)
		edit_keep(pg);
	else
		page_go(pg, "%s", next_path(pg));
}

void
login_post(struct page *pg)
{
	const char *user = web_posted(&pg->pg_rq, "user");
	const char *password = web_posted(&pg->pg_rq, "password");
	char name[USER_MAX + 3], peer[sizeof(pg->pg_rq.wr_peer) + 2];
	const char *const keys[] = { name, peer, NULL };
	char mark[AUTH_MARK_LEN] = "";

	(void)snprintf(name, sizeof(name), "u:%.*s", USER_MAX, user);	/* none is longer */
	(void)snprintf(peer, sizeof(peer), "a:%s", pg->pg_rq.wr_peer);
	if (!may_try(pg, keys))
		return;
	/* before: who changes the password meanwhile ends this session, too */
	(void)auth_mark(pg->pg_se->se_passwd, user, mark);
	if (auth_verify(pg->pg_se->se_passwd, user, password) != AUTH_OK) {
		fprintf(stderr, "webadmin: login failed from %s\n",
		    pg->pg_rq.wr_peer);
		refuse(pg, 403, "The name or the password is wrong.");
		return;
	}
	web_lock_clear(pg->pg_sessions, keys);
	begin(pg, user, mark);
}

void
logout_post(struct page *pg)
{
	(void)web_session_end(pg->pg_sessions, &pg->pg_session);
	(void)snprintf(pg->pg_cookie, sizeof(pg->pg_cookie), COOKIE_END);
	page_go(pg, "/login");
}

int
password_command(const struct settings *se, const char *user)
{
	char line[AUTH_PASSWORD_MAX + 2];
	const char *why = "no password came on standard input";
	bool ok = fgets(line, sizeof(line), stdin) != NULL;

	if (ok) {
		line[strcspn(line, "\n")] = '\0';
		why = auth_password_bad(line);
		ok = why == NULL && auth_set(se->se_passwd, user, line, &why);
	}
	explicit_bzero(line, sizeof(line));
	if (!ok)
		fprintf(stderr, "webadmin: %s: %s\n", user, why);
	return ok ? 0 : 1;
}
