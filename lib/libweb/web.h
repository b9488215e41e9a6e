/* SPDX-License-Identifier: ISC */
/*
 * What the web pages stand on: a request as CGI hands it over (RFC 3875), form
 * data, templates that escape by themselves, sessions, and answers.
 *
 *	environment, stdin -> web_request -> a page's code fills a cJSON tree
 *	                                        |-> web_render()  its template
 *	                                        `-> web_json()    its twin
 *
 * Bytes of others are parsed with a cursor and bounded before they are kept.
 * There is no way to print a text into a page unescaped.
 */
#ifndef LIBWEB_WEB_H
#define LIBWEB_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "libutil/cur.h"

enum {
	WEB_BODY_MAX	= 8 << 20,	/* bytes of a request's body */
	WEB_FIELDS_MAX	= 64,		/* of a form, query and body together */
	WEB_PATH_MAX	= 256,
	WEB_NAME_MAX	= 32,		/* of a field */
	WEB_QUERY_MAX	= 4096,
	WEB_WINDOW	= 64 << 10,	/* bytes of a file that are held at a time */
	WEB_TOKEN	= 64,		/* a token as text: 32 random bytes in hex */
};

/* ---- requests ------------------------------------------------------- */

struct web_field {
	char	 wf_name[WEB_NAME_MAX];
	char	*wf_value;		/* malloc'd; holds no NUL but the last */
	size_t	 wf_len;
	bool	 wf_body;		/* came in the body, not in the query */
};

enum web_method { WEB_GET, WEB_HEAD, WEB_POST };

struct web_request {
	enum web_method	 wr_method;
	char		 wr_path[WEB_PATH_MAX];	/* decoded, begins with '/' */
	char		 wr_query[WEB_QUERY_MAX];	/* as it came */
	char		 wr_host[128];
	char		 wr_origin[160];	/* "" none */
	char		 wr_peer[64];		/* the client's address */
	char		 wr_session[WEB_TOKEN + 1];	/* of the cookie; "" none */
	bool		 wr_tls;
	bool		 wr_refresh;		/* by the page's script, not by a person */
	char		 wr_type[200];		/* of the body */
	char		 wr_length[24];		/* as it came: no number yet */
	struct web_field wr_field[WEB_FIELDS_MAX];
	size_t		 wr_nfields;
};

/*
 * What CGI says, from get (as getenv(3)), and the body from read (as read(2) of
 * standard input).  0, or the HTTP status to refuse the request with, and a
 * sentence in *why.
 */
int	web_request_read(struct web_request *wr,
	    const char *(*get)(void *arg, const char *name),
	    ssize_t (*read)(void *arg, void *buf, size_t n), void *arg,
	    const char **why);
/*
 * The same in two steps: all but the body, so that who has no session is
 * refused before; and the body.
 */
int	web_request_head(struct web_request *wr,
	    const char *(*get)(void *arg, const char *name), void *arg,
	    const char **why);
int	web_request_body(struct web_request *wr,
	    ssize_t (*read)(void *arg, void *buf, size_t n), void *arg,
	    const char **why);

/*
 * A body that is larger than memory should hold: multipart/form-data whose
 * parts "text" and "file" go to wu_data() as they come.  The others, which
 * must stand before them, become fields.  At most max bytes in all.
 */
struct web_upload {
	ssize_t	(*wu_read)(void *arg, void *buf, size_t n);	/* as read(2) */
	/* the fields are there: go on? asked once */
	bool	(*wu_begin)(void *arg);
	/* n is not 0, and at most WEB_WINDOW */
	bool	(*wu_data)(void *arg, const void *p, size_t n);
	void	*wu_arg;
};
/*
 * 0, or a status and a sentence; a callback that returned false has its own
 * ("" in *why).  What is left is read and thrown away.
 */
int	web_upload(struct web_request *wr, const struct web_upload *wu,
	    uint64_t max, const char **why);

/* Overwrites what it held: a form may hold a password. */
void	web_request_free(struct web_request *wr);
/* The field's value, or NULL. */
const char	*web_field(const struct web_request *wr, const char *name);
/* Its value, or "". */
const char	*web_text(const struct web_request *wr, const char *name);
/* Its value if it came in the body, or "". */
const char	*web_posted(const struct web_request *wr, const char *name);
/* A number up to max; `other' if there is none or it is not one. */
uint64_t	 web_number(const struct web_request *wr, const char *name,
		    uint64_t max, uint64_t other);

/*
 * The parsers behind it, for tests: application/x-www-form-urlencoded, and
 * multipart/form-data (RFC 7578).  False: malformed, or too many fields.
 */
bool	web_form_parse(struct web_request *wr, struct cur c, bool body);
bool	web_multipart_parse(struct web_request *wr, const char *type, struct cur c);
/* Percent-decoding of n bytes; false: malformed, or a NUL. `+' is a space if plus. */
bool	web_decode(struct cur c, bool plus, char *out, size_t cap, size_t *len);

/* ---- templates ------------------------------------------------------ */

/*
 * A template is a text with
 *	{{name}}		the value, escaped
 *	{{name|filter}}		first made readable: bytes, rate, count, duration,
 *				time (seconds since 1970), when (milliseconds),
 *				percent, url (for a query)
 *	{{#name}} ... {{/name}}	once for each of an array, with an object's
 *				members in reach; once if the value is not empty
 *	{{^name}} ... {{/name}}	if it is empty, 0, false or missing
 *	{{>file}}		another template
 * Names are looked up in the objects around, the innermost first; {{.}} is the
 * value itself.  All that is printed is safe in text and in quoted attributes.
 */
struct web_templates;

/* Files NAME.html of a folder; read when they are needed. */
struct web_templates	*web_templates_open(const char *folder);
void	web_templates_close(struct web_templates *wt);
/*
 * Names are looked up in data, then in outer (may be NULL).  False: a template
 * is missing or wrong; *why says which.
 */
bool	web_render(struct web_templates *wt, const char *name, const cJSON *outer,
	    const cJSON *data, FILE *out, const char **why);
/* A template given as text, for tests. */
bool	web_render_text(const char *text, const cJSON *data, FILE *out,
	    const char **why);

/* The text with U+FFFD for what is not UTF-8; malloc'd, NULL: no memory. */
char	*web_utf8(const char *text);
/* Escaped for text and for quoted attributes. */
void	web_escape(const char *text, FILE *out);
/* The filters' texts, at most cap bytes: "1.2 G" and "0 ", for a unit behind it. */
void	web_bytes(double v, char *out, size_t cap);
void	web_duration(uint64_t s, char *out, size_t cap);
/* Percent-encoded for a query. */
void	web_encode(const char *text, FILE *out);

/* ---- sessions ------------------------------------------------------- */

/*
 * A file of its own, SQLite.  Only a digest of the token is kept, so that who
 * reads the file cannot take part in a session.  Times are seconds.
 */
struct web_sessions;

struct web_session {
	char	 ws_user[64];
	char	 ws_csrf[WEB_TOKEN + 1];	/* what a form must send back */
	char	 ws_digest[WEB_TOKEN + 1];	/* of the token */
	char	 ws_mark[WEB_TOKEN + 1];	/* of the password at the login */
	int64_t	 ws_created, ws_seen;
};

enum {
	WEB_IDLE_S	= 15 * 60,
	WEB_LIFE_S	= 8 * 3600,
	WEB_SESSIONS_MAX = 1000,	/* the least used go */
	WEB_LOCKS_MAX	= 2000,		/* keys; those that failed least go */
};

/* A busy handler of SQLite: 2 ms, WEB_BUSY_MAX times. */
int	web_busy(void *arg, int times);
enum { WEB_BUSY_MAX = 2500 };

struct web_sessions	*web_sessions_open(const char *path, const char **why);
void	web_sessions_close(struct web_sessions *wss);
/*
 * A new session: its token goes into the cookie.  mark (auth_mark() of libauth)
 * is kept with it, for the caller to compare: another password ends it.
 */
bool	web_session_new(struct web_sessions *wss, const char *user,
	    const char *mark, int64_t now, char token[WEB_TOKEN + 1]);
/* True: it lives.  touch: notes that it was seen, by a person. */
bool	web_session_find(struct web_sessions *wss, const char *token, int64_t now,
	    bool touch, struct web_session *out);
bool	web_session_end(struct web_sessions *wss, const struct web_session *ws);

/*
 * Attempts at a login that failed, by keys such as the user's name and the
 * address: a struct auth_lock (libauth/auth.h) each.  up: ms of a clock that
 * only goes forward.
 */
enum { WEB_LOCK_KEYS = 4 };

/*
 * Before the password is compared: seconds until that is allowed; or 0, and it
 * counts as a failure of each of the keys (NULL ends them, at most
 * WEB_LOCK_KEYS) until web_lock_clear(); -1: it cannot be counted.
 */
int64_t	web_lock_try(struct web_sessions *wss, const char *const keys[],
	    int64_t up);
void	web_lock_clear(struct web_sessions *wss, const char *const keys[]);

/* In time that does not depend on where they differ. */
bool	web_same(const char *a, const char *b);

#endif
