/* SPDX-License-Identifier: ISC */
/*
 * webadmin(8): what its pages share.
 *
 *	webadmin.c	a request from CGI to its page and back
 *	session.c	who asks: login, logout, may this request change anything?
 *	gather.c	what iked and netkern say of tunnels
 *	overview.c tunnels.c policy.c edit.c firewall.c states.c
 *	interfaces.c log.c explain.c
 *	backup.c upgrade.c import.c	the pages
 *	maint.c		what maintd says and is told; upload.c files for it
 *	chart.c		rates over time, from what collect.c has written down
 *
 * A page's function fills pg_data, which its template and its JSON twin print.
 * What only HTML needs (menu, token) stands in pg_outer.
 */
#ifndef WEBADMIN_PAGE_H
#define WEBADMIN_PAGE_H

#include "libctl/client.h"
#include "libctl/maint.h"
#include "libweb/web.h"

struct settings {
	const char	*se_run;	/* sockets of the daemons */
	const char	*se_state;	/* sessions, rates: ours to write */
	const char	*se_www;	/* templates */
	const char	*se_passwd;
	const char	*se_data;	/* what to tell the free space of */
	const char	*se_backup;	/* written when a backup is made; NULL: not told */
	const char	*se_log;	/* NULL: no log file is shown */
	bool		 se_plain;	/* HTTP without TLS is allowed (behind another server) */
};

struct page {
	struct web_request	 pg_rq;
	const struct settings	*pg_se;
	struct web_sessions	*pg_sessions;
	struct web_session	 pg_session;
	bool			 pg_in;		/* pg_session is alive */
	bool			 pg_twin;	/* JSON is asked for */
	int64_t			 pg_now;
	int64_t			 pg_up;		/* ms; only goes forward */
	uint64_t		 pg_disk_free, pg_disk_size;
	int64_t			 pg_backup;	/* date of the last one; 0 none */
	cJSON			*pg_data;
	cJSON			*pg_outer;
	const char		*pg_template;
	const char		*pg_title;
	int			 pg_status;	/* 0: 200 */
	char			 pg_to[512];	/* "": a page; else where to go on (303) */
	char			 pg_cookie[200];	/* "" none */
	const char		*pg_allow;	/* of a 405 */
	int64_t			 pg_wait;	/* seconds, of a 429; 0 none */
	int			 pg_file;	/* instead of a page; -1 none */
	char			 pg_filename[100];
};

struct route {
	const char	*ro_path;
	const char	*ro_template;
	const char	*ro_title;
	const char	*ro_menu;	/* path of the menu's entry; NULL none */
	void		(*ro_get)(struct page *);
	void		(*ro_post)(struct page *);	/* NULL: GET only */
	bool		 ro_open;	/* without a session */
	bool		 ro_upload;	/* ro_post reads the body by itself (upload.c) */
	/* the form is of no session, or another: shows it again; NULL: it is refused */
	void		(*ro_keep)(struct page *);
};

/* ---- webadmin.c ---- */

/* Shorthands that keep going when memory ends: a page lacks something then. */
void	put_text(cJSON *o, const char *name, const char *value);
void	put_string(cJSON *array, const char *value);	/* a text at its end */
void	put_number(cJSON *o, const char *name, double value);
void	put_bool(cJSON *o, const char *name, bool value);
cJSON	*put_object(cJSON *o, const char *name);
cJSON	*put_array(cJSON *o, const char *name);
cJSON	*put_item(cJSON *array);		/* a new object at its end */

/* Ends as an error page: status and a sentence. */
void	page_fail(struct page *pg, int status, const char *text);
/* After a POST that did something: go and look there (printf). */
void	page_go(struct page *pg, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/*
 * For who does not sit at a shell: what is meant by one of the libraries'
 * sentences, of which daemon does not run.  page_fail() and page_problem() do it.
 */
const char *page_plain(const char *why);
/* A sentence that something could not be asked; the page shows the rest. */
void	page_problem(struct page *pg, const char *text);

/*
 * Pages of a list: which entries [from, to) of n are shown by ?page=, and the
 * numbers that the template "pager" shows.  The rest of the query stays.
 */
struct span { size_t from, to; };
struct span page_span(struct page *pg, size_t n, size_t each);

/* The body of a request, as read(2). */
ssize_t	page_read(void *arg, void *buf, size_t n);

/* ---- session.c ---- */

/* Whose request is it?  False: nobody's who is logged in. */
bool	session_find(struct page *pg);
/* Does it come from our own pages? */
bool	session_ours(const struct page *pg);
/* ... and if not, the answer says so. */
bool	session_origin(struct page *pg);
/* May this request change anything?  If not, the answer says why. */
bool	session_allows(struct page *pg, bool needs_session);
void	login_get(struct page *pg);
void	login_post(struct page *pg);
void	logout_post(struct page *pg);
/* webadmin -p USER: reads a password and keeps it; an exit status. */
int	password_command(const struct settings *se, const char *user);

/* ---- selfcert.c ---- */

/* webadmin -k FILE: a key and its certificate for the web server; an exit status. */
int	certificate_command(const char *file);

/* ---- gather.c ---- */

struct tunnel;		/* sbin/ikectl/ikectl.h */
/* All, or those of one name; free() it.  NULL with n 0 and a problem told. */
struct tunnel	*gather_tunnels(struct page *pg, const char *name, size_t *n);
/* How bad is it?  0 worst; what is up comes last. */
int	tunnel_rank(const struct tunnel *tu);
/* Sorted by name, or by rank and then by name. */
void	tunnels_sort(const struct tunnel **list, size_t n, bool by_name);
/* "counts": {"up": 3, "retry": 1 ...}, unless they could not be asked for. */
void	tunnels_count(struct page *pg, const struct tunnel *list, size_t n);
/* The object that ikectl -j status prints, and what only a page wants. */
void	tunnel_put(cJSON *array, const struct tunnel *tu);
/* A request to iked that changes something: 0 or errno; count may be NULL. */
int	iked_command(const struct settings *se, unsigned op, const char *name,
	    uint32_t *count);
/* netkern.sock, or NULL with a problem told. */
struct ctl_client *netkern_open(struct page *pg);
/* Events of tunnels to pg_data "events", newest first. */
struct policyread;
void	events_put(struct page *pg, struct policyread *pr, const char *tunnel,
	    uint64_t before, bool failures, unsigned max);

/* ---- chart.c ---- */

/* A chart object for the template "chart": the rates of a series kept by collect.c. */
void	chart_put(struct page *pg, cJSON *o, const char *series, int64_t span);

/* ---- collect.c ---- */

/* webadmin -c: writes down counters every ten seconds, for ever. */
int	collect(const struct settings *se);
#define COLLECT_EACH_S	10
#define COLLECT_KEEP_S	(2 * 3600)
#define COLLECT_FILE	"rates.db"

/* ---- the pages ---- */

void	overview_get(struct page *pg);
void	tunnels_get(struct page *pg);
void	tunnel_get(struct page *pg);
void	tunnel_post(struct page *pg);
void	policy_get(struct page *pg);
void	policy_post(struct page *pg);
void	revision_get(struct page *pg);
void	edit_get(struct page *pg);
void	edit_post(struct page *pg);
/* What was typed, to be sent again: behind a login, if nobody is logged in. */
void	edit_keep(struct page *pg);
void	rules_get(struct page *pg);
void	states_get(struct page *pg);
void	tables_get(struct page *pg);
void	interfaces_get(struct page *pg);
void	log_get(struct page *pg);
void	explain_get(struct page *pg);
void	backup_get(struct page *pg);
void	backup_post(struct page *pg);
void	upgrade_get(struct page *pg);
void	upgrade_post(struct page *pg);
void	import_get(struct page *pg);
void	import_post(struct page *pg);

/* ---- policy.c ---- */

struct policyctl;
/* The list of revisions came empty: a problem is told unless there is none. */
struct policyread;
void	revisions_check(struct page *pg, struct policyread *pr, uint64_t newest);
/* policyd, to change something on behalf of who is logged in; NULL with *why. */
struct policyctl *policy_open(struct page *pg, const char **why);

/* Lines of a difference to an array: {"kind": "add", "text": "..."}. */
void	diff_put(cJSON *array, const char *a, const char *b, const char *aname,
	    const char *bname);

/* The lines of one that has been made; wipes it. */
void	diff_lines_put(cJSON *array, char *text);

/* ---- edit.c ---- */

/* "FILE:LINE:COLUMN: message" and source lines to an array "errors". */
void	errors_put(struct page *pg, const char *text);
/* The choices of a confirm timer. */
void	spans_put(struct page *pg, uint64_t chosen);

/* ---- maint.c ---- */

/*
 * What maintd knows of a kind: what is under way, the file, what was found out
 * about it, what was done.  False with a problem told: it does not run.
 */
bool	maint_put(struct page *pg, enum maint_kind kind);
/* maintd, or NULL with page_fail(). */
struct maint *maint_connect(struct page *pg);
/* Asks it to run a command with the posted id; false with *why told in "refused". */
enum maint_status maint_command(struct page *pg, enum maint_command command,
	    struct maint_request *mq, int *fd);
/* The posted file goes. */
void	maint_drop(struct page *pg, enum maint_kind kind);

/* ---- upload.c ---- */

void	upload_restore_post(struct page *pg);
void	upload_upgrade_post(struct page *pg);
void	upload_import_post(struct page *pg);

#endif
