/* SPDX-License-Identifier: ISC */
/*
 * webadmin(8): one request from the web server (CGI, RFC 3875), one page.
 *
 *	read the request -> find its route -> who asks? -> the page's function
 *	-> template or JSON -> headers and body
 *
 * A GET goes to functions that only read.  A POST passes session_allows()
 * before any of them.  Nothing is executed, and no file is named by a request.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "libpolicy/store.h"
#include "libutil/sandbox.h"
#include "page.h"

#define SCHEMA	1
#define KEPT_MAX 60000		/* bytes; lighttpd.conf has 64 KiB for a login */

/* ro_open, ro_upload, ro_keep */
#define PAGE	false, false, NULL
#define UPLOAD	false, true, NULL
#define OPEN	true, false, NULL

static const struct route routes[] = {
	{ "/", "overview", "Overview", "/", overview_get, NULL, PAGE },
	{ "/tunnels", "tunnels", "Tunnels", "/tunnels", tunnels_get, NULL, PAGE },
	{ "/tunnel", "tunnel", "Tunnel", "/tunnels", tunnel_get, tunnel_post, PAGE },
	{ "/policy", "policy", "Policy", "/policy", policy_get, policy_post, PAGE },
	{ "/policy/edit", "edit", "Edit policy", "/policy", edit_get, edit_post, false, false,
	    edit_keep },
	{ "/policy/revision", "revision", "Revision", "/policy", revision_get, NULL, PAGE },
	{ "/firewall", "firewall", "Firewall rules", "/firewall", rules_get, NULL, PAGE },
	{ "/firewall/states", "states", "Firewall states", "/firewall", states_get, NULL, PAGE },
	{ "/firewall/tables", "tables", "Firewall tables", "/firewall", tables_get, NULL, PAGE },
	{ "/interfaces", "interfaces", "Interfaces", "/interfaces", interfaces_get, NULL, PAGE },
	{ "/log", "log", "Log", "/log", log_get, NULL, PAGE },
	{ "/explain", "explain", "Explain a packet", "/explain", explain_get, NULL, PAGE },
	{ "/backup", "backup", "Backup and restore", "/backup", backup_get, backup_post, PAGE },
	{ "/upgrade", "upgrade", "Upgrade", "/upgrade", upgrade_get, upgrade_post, PAGE },
	{ "/import", "import", "Import a policy", "/policy", import_get, import_post, PAGE },
	{ "/upload/restore", "backup", "Backup and restore", "/backup", NULL,
	    upload_restore_post, UPLOAD },
	{ "/upload/upgrade", "upgrade", "Upgrade", "/upgrade", NULL,
	    upload_upgrade_post, UPLOAD },
	{ "/upload/import", "import", "Import a policy", "/policy", NULL,
	    upload_import_post, UPLOAD },
	{ "/login", "login", "Log in", NULL, login_get, login_post, OPEN },
	{ "/logout", "login", "Log out", NULL, login_get, logout_post, PAGE },
};
#define ROUTES	(sizeof(routes) / sizeof(routes[0]))

static const struct { const char *path, *label; } menu[] = {
	{ "/", "Overview" }, { "/tunnels", "Tunnels" }, { "/policy", "Policy" },
	{ "/firewall", "Firewall" }, { "/interfaces", "Interfaces" },
	{ "/log", "Log" }, { "/explain", "Explain" },
	{ "/backup", "Backup" }, { "/upgrade", "Upgrade" },
};

/* ---- what pages use ---- */

void
put_text(cJSON *o, const char *name, const char *value)
{
	char *text = web_utf8(value);	/* JSON holds nothing else, RFC 8259 section 8.1 */

	if (text != NULL)
		(void)cJSON_AddStringToObject(o, name, text);
	free(text);
}

void
put_string(cJSON *array, const char *value)
{
	char *text = web_utf8(value);
	cJSON *s = text != NULL ? cJSON_CreateString(text) : NULL;

	if (s != NULL)
		(void)cJSON_AddItemToArray(array, s);
	free(text);
}

void
put_number(cJSON *o, const char *name, double value)
{
	(void)cJSON_AddNumberToObject(o, name, value);
}

void
put_bool(cJSON *o, const char *name, bool value)
{
	(void)cJSON_AddBoolToObject(o, name, value);
}

cJSON *
put_object(cJSON *o, const char *name)
{
	return cJSON_AddObjectToObject(o, name);
}

cJSON *
put_array(cJSON *o, const char *name)
{
	return cJSON_AddArrayToObject(o, name);
}

cJSON *
put_item(cJSON *array)
{
	cJSON *o = cJSON_CreateObject();

	if (!cJSON_AddItemToArray(array, o))
		cJSON_Delete(o);
	return o;
}

const char *
page_plain(const char *why)
{
#define BACK	" If it does not come back within a minute, look at the console."
#define POLICYD	"policyd does not run: what is in force stays so, but cannot be " \
		"shown or changed." BACK
	static const struct { const char *begins, *says; } list[] = {
		{ "netkern is not running", "netkern does not run: no packet is "
		    "forwarded, and nothing is known of its counters." BACK },
		{ "policyd does not run", POLICYD },
		{ "iked does not run", "iked does not run: tunnels cannot be made "
		    "or changed." BACK },
		{ "maintd does not run", "maintd does not run: nothing can be backed "
		    "up, restored, imported or upgraded." BACK },
	};

	/* "... before it answered" says more */
	if (strcmp(why, "policyd has gone") == 0)
		return POLICYD;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (strncmp(why, list[i].begins, strlen(list[i].begins)) == 0)
			return list[i].says;
	return why;
#undef POLICYD
#undef BACK
}

void
page_fail(struct page *pg, int status, const char *text)
{
	cJSON_Delete(pg->pg_data);
	pg->pg_data = cJSON_CreateObject();
	put_number(pg->pg_data, "schema_version", SCHEMA);
	put_number(pg->pg_data, "status", status);
	put_text(pg->pg_data, "error", page_plain(text));
	pg->pg_template = "error";
	pg->pg_title = "This did not work";
	pg->pg_status = status;
	pg->pg_to[0] = '\0';
}

void
page_go(struct page *pg, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(pg->pg_to, sizeof(pg->pg_to), fmt, ap);
	va_end(ap);
}

void
page_problem(struct page *pg, const char *text)
{
	cJSON *a = cJSON_GetObjectItem(pg->pg_data, "problems"), *e;

	if (a == NULL)
		a = put_array(pg->pg_data, "problems");
	text = page_plain(text);
	cJSON_ArrayForEach(e, a)
		if (strcmp(e->valuestring, text) == 0)
			return;
	put_string(a, text);
}

/* The query without its page, to go on with. */
static void
query_rest(struct page *pg, cJSON *o)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; out != NULL && i < pg->pg_rq.wr_nfields; i++) {
		const struct web_field *wf = &pg->pg_rq.wr_field[i];

		if (wf->wf_body || strcmp(wf->wf_name, "page") == 0 ||
		    wf->wf_value[0] == '\0')
			continue;
		web_encode(wf->wf_name, out);
		(void)fputc('=', out);
		web_encode(wf->wf_value, out);
		(void)fputc('&', out);
	}
	if (out != NULL && fclose(out) == 0)
		put_text(o, "query", text);
	free(text);
}

struct span
page_span(struct page *pg, size_t n, size_t each)
{
	size_t pages = n == 0 ? 1 : (n + each - 1) / each;
	size_t page = web_number(&pg->pg_rq, "page", 1000000, 1);
	struct span sp;
	cJSON *o = put_object(pg->pg_data, "pager");

	page = page == 0 ? 1 : page > pages ? pages : page;
	sp.from = (page - 1) * each;
	sp.to = sp.from + each < n ? sp.from + each : n;
	put_number(o, "total", (double)n);
	put_number(o, "page", (double)page);
	put_number(o, "pages", (double)pages);
	put_number(o, "first", n == 0 ? 0 : (double)sp.from + 1);
	put_number(o, "last", (double)sp.to);
	if (page > 1)
		put_number(o, "previous", (double)page - 1);
	if (page < pages)
		put_number(o, "next", (double)page + 1);
	query_rest(pg, o);
	return sp;
}

/* ---- answers ---- */

static const char *
reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 303: return "See Other";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 409: return "Conflict";
	case 411: return "Length Required";
	case 413: return "Content Too Large";
	case 429: return "Too Many Requests";
	case 503: return "Service Unavailable";
	default: return "Internal Server Error";
	}
}

static void
headers(const struct page *pg, int status, const char *type, size_t len)
{
	printf("Status: %d %s\r\nContent-Type: %s\r\n"
	    "Content-Length: %zu\r\nCache-Control: no-store\r\n"
	    "Content-Security-Policy: default-src 'none'; style-src 'self'; "
	    "script-src 'self'; img-src 'self'; connect-src 'self'; "
	    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'\r\n"
	    "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
	    "Referrer-Policy: same-origin\r\n"
	    "Cross-Origin-Opener-Policy: same-origin\r\n"
	    "Cross-Origin-Resource-Policy: same-origin\r\n"
	    "Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n",
	    status, reason(status), type, len);
	if (pg->pg_rq.wr_tls)
		printf("Strict-Transport-Security: max-age=31536000\r\n");
	if (pg->pg_cookie[0] != '\0')
		printf("Set-Cookie: %s\r\n", pg->pg_cookie);
	if (status == 405)
		printf("Allow: %s\r\n", pg->pg_allow != NULL ? pg->pg_allow :
		    "GET, HEAD, POST");
	if (pg->pg_wait > 0)
		printf("Retry-After: %lld\r\n", (long long)pg->pg_wait);
	if (status == 303)
		printf("Location: %s\r\n", pg->pg_to);
	if (pg->pg_file != -1)
		printf("Content-Disposition: attachment; filename=\"%s\"\r\n",
		    pg->pg_filename);
	printf("\r\n");
}

static void
outer(struct page *pg, const struct route *ro)
{
	cJSON *o = pg->pg_outer = cJSON_CreateObject(), *nav, *item;
	char zone[16];
	struct tm tm;

	put_text(o, "title", pg->pg_title);
	put_text(o, "host", pg->pg_rq.wr_host);
	put_text(o, "path", pg->pg_rq.wr_path);
	put_text(o, "search", pg->pg_rq.wr_query);
	put_number(o, "now", (double)pg->pg_now);
	if (localtime_r(&(time_t){ (time_t)pg->pg_now }, &tm) != NULL &&
	    strftime(zone, sizeof(zone), "%Z", &tm) != 0)
		put_text(o, "zone", zone);
	if (!pg->pg_in)
		return;
	put_text(o, "user", pg->pg_session.ws_user);
	put_text(o, "csrf", pg->pg_session.ws_csrf);
	if (ro != NULL && ro->ro_menu != NULL)
		put_text(o, "back", ro->ro_menu);
	nav = put_array(o, "nav");
	for (size_t i = 0; i < sizeof(menu) / sizeof(menu[0]); i++) {
		item = put_item(nav);
		put_text(item, "href", menu[i].path);
		put_text(item, "label", menu[i].label);
		put_bool(item, "current", ro != NULL && ro->ro_menu != NULL &&
		    strcmp(ro->ro_menu, menu[i].path) == 0);
	}
}

static void
answer_html(struct page *pg, const struct route *ro)
{
	struct web_templates *wt = web_templates_open(pg->pg_se->se_www);
	const char *why = "the templates are not there";
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool ok;

	outer(pg, ro);
	ok = wt != NULL && out != NULL && web_render(wt, pg->pg_template,
	    pg->pg_outer, pg->pg_data, out, &why);
	ok = out != NULL && fclose(out) == 0 && ok;
	if (!ok) {
		fprintf(stderr, "webadmin: %s: %s\n", pg->pg_se->se_www, why);
		headers(pg, 500, "text/plain; charset=utf-8", 0);
	} else {
		headers(pg, pg->pg_status != 0 ? pg->pg_status : 200,
		    "text/html; charset=utf-8", len);
		if (pg->pg_rq.wr_method != WEB_HEAD)
			(void)fwrite(text, 1, len, stdout);
	}
	free(text);
	web_templates_close(wt);
	cJSON_Delete(pg->pg_outer);
}

static void
answer_file(struct page *pg)
{
	char buf[16384];
	off_t len = lseek(pg->pg_file, 0, SEEK_END);
	ssize_t n;

	headers(pg, 200, "application/octet-stream", len > 0 ? (size_t)len : 0);
	if (lseek(pg->pg_file, 0, SEEK_SET) == 0)
		while ((n = read(pg->pg_file, buf, sizeof(buf))) > 0)
			(void)fwrite(buf, 1, (size_t)n, stdout);
	close(pg->pg_file);
}

static void
answer(struct page *pg, const struct route *ro)
{
	char *text;

	if (pg->pg_file != -1) {
		answer_file(pg);
	} else if (pg->pg_to[0] != '\0') {
		headers(pg, 303, "text/plain; charset=utf-8", 0);
	} else if (!pg->pg_twin) {
		answer_html(pg, ro);
	} else if ((text = cJSON_PrintUnformatted(pg->pg_data)) != NULL) {
		headers(pg, pg->pg_status != 0 ? pg->pg_status : 200,
		    "application/json; charset=utf-8", strlen(text));
		if (pg->pg_rq.wr_method != WEB_HEAD)
			(void)fputs(text, stdout);
		free(text);
	} else {
		headers(pg, 500, "text/plain; charset=utf-8", 0);
	}
	(void)fflush(stdout);
}

/* ---- routes ---- */

/* "/json/tunnels" is the twin of "/tunnels". */
static const struct route *
find_route(struct page *pg)
{
	const char *path = pg->pg_rq.wr_path;

	if (strcmp(path, "/json") == 0 || strncmp(path, "/json/", 6) == 0) {
		pg->pg_twin = true;
		path += 5;
		if (path[0] == '\0')
			path = "/";
	}
	for (size_t i = 0; i < ROUTES; i++)
		if (strcmp(routes[i].ro_path, path) == 0)
			return &routes[i];
	return NULL;
}

/* Where to go on after the login. */
static void
go_login(struct page *pg)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return;
	web_encode(pg->pg_rq.wr_path, out);
	if (pg->pg_rq.wr_query[0] != '\0') {
		web_encode("?", out);
		web_encode(pg->pg_rq.wr_query, out);
	}
	if (fclose(out) == 0)
		page_go(pg, "/login%s%s", strcmp(text, "%2F") == 0 || len > 300 ?
		    "" : "?next=", strcmp(text, "%2F") == 0 || len > 300 ? "" : text);
	free(text);
}

/*
 * A form that would be refused, but holds a text that somebody has typed.  Of
 * who has no session no more is read than the login, which sends it on, takes.
 */
static bool
keeps(const struct page *pg, const struct route *ro)
{
	return pg->pg_rq.wr_method == WEB_POST && ro != NULL &&
	    ro->ro_keep != NULL && !pg->pg_twin && session_ours(pg) &&
	    (pg->pg_in || strtoull(pg->pg_rq.wr_length, NULL, 10) <= KEPT_MAX);
}

static void
refuse_method(struct page *pg, const char *allow, const char *text)
{
	page_fail(pg, 405, text);
	pg->pg_allow = allow;
}

static void
post_form(struct page *pg, const struct route *ro)
{
	if (session_allows(pg, !ro->ro_open)) {
		ro->ro_post(pg);
	} else if (keeps(pg, ro)) {
		ro->ro_keep(pg);
		pg->pg_status = 403;
	}
}

static void
dispatch(struct page *pg, const struct route *ro)
{
	bool post = pg->pg_rq.wr_method == WEB_POST;

	if (!pg->pg_rq.wr_tls && !pg->pg_se->se_plain)
		page_fail(pg, 403, "These pages are shown over TLS only.");
	else if (ro == NULL)
		page_fail(pg, 404, "There is no such page.");
	else if (!pg->pg_in && keeps(pg, ro)) {
		ro->ro_keep(pg);
		pg->pg_status = pg->pg_status != 0 ? pg->pg_status : 401;
	} else if (!pg->pg_in && !ro->ro_open && (post || pg->pg_twin))
		page_fail(pg, 401, "Nobody is logged in here (any more): log in, and "
		    "do it again.");
	else if (!pg->pg_in && !ro->ro_open)
		go_login(pg);
	else if (post && (ro->ro_post == NULL || pg->pg_twin))
		refuse_method(pg, "GET, HEAD", "This page changes nothing.");
	else if (post && ro->ro_upload && session_origin(pg))
		ro->ro_post(pg);	/* looks at the token when it has come */
	else if (post && !ro->ro_upload)
		post_form(pg, ro);
	else if (!post && ro->ro_get == NULL)
		refuse_method(pg, "POST", "Files are sent here, by the form of the "
		    "page that is about them.");
	else if (!post)
		ro->ro_get(pg);
}

/*
 * The body of a POST, unless its page reads it by itself, or nobody is logged in
 * who could send one.
 */
static bool
read_body(struct page *pg, const struct route *ro)
{
	const char *why = "";
	int status = 0;

	if (pg->pg_rq.wr_method == WEB_POST && ro != NULL && !ro->ro_upload &&
	    (pg->pg_in || ro->ro_open || keeps(pg, ro)))
		status = web_request_body(&pg->pg_rq, page_read, NULL, &why);
	if (status != 0)
		page_fail(pg, status, why);
	return status == 0;
}

/* ---- start and end ---- */

static const char *
from_environment(void *arg, const char *name)
{
	(void)arg;
	return getenv(name);
}

ssize_t
page_read(void *arg, void *buf, size_t n)
{
	ssize_t got;

	(void)arg;
	do
		got = read(STDIN_FILENO, buf, n);
	while (got == -1 && errno == EINTR);
	return got;
}

static const char *
setting(const char *name, const char *other)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0' ? v : other;
}

/* What is asked of the file system before that is forbidden. */
static void
disk(struct page *pg)
{
	struct statvfs vf;
	struct stat sb;

	if (pg->pg_se->se_backup != NULL &&
	    stat(pg->pg_se->se_backup, &sb) == 0)
		pg->pg_backup = (int64_t)sb.st_mtime;
	if (statvfs(pg->pg_se->se_data, &vf) == -1)
		return;
	pg->pg_disk_free = (uint64_t)vf.f_bavail * vf.f_frsize;
	pg->pg_disk_size = (uint64_t)vf.f_blocks * vf.f_frsize;
}

static void
serve(const struct settings *se)
{
	static struct page pg;
	static char buffer[65536];
	const struct route *ro = NULL;
	const char *why = "";
	struct timespec up = { 0 };
	char path[512];
	int status;

	pg.pg_se = se;
	pg.pg_file = -1;
	pg.pg_now = (int64_t)time(NULL);
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	pg.pg_up = (int64_t)up.tv_sec * 1000 + up.tv_nsec / 1000000;
	pg.pg_data = cJSON_CreateObject();
	put_number(pg.pg_data, "schema_version", SCHEMA);
	disk(&pg);
	/* or else stdio asks whether it writes to a terminal, which is forbidden then */
	(void)setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	(void)snprintf(path, sizeof(path), "%s/sessions.db", se->se_state);
	if (!sandbox_enter(SANDBOX_FILES))
		page_fail(&pg, 500, "Privilege cannot be given up.");
	else if ((status = web_request_head(&pg.pg_rq, from_environment, NULL,
	    &why)) != 0)
		page_fail(&pg, status, why);
	else if ((pg.pg_sessions = web_sessions_open(path, &why)) == NULL) {
		fprintf(stderr, "webadmin: %s\n", why);
		page_fail(&pg, 503, "The file of sessions cannot be used.");
	} else {
		pg.pg_in = session_find(&pg);
		if ((ro = find_route(&pg)) != NULL) {
			pg.pg_template = ro->ro_template;
			pg.pg_title = ro->ro_title;
		}
		if (read_body(&pg, ro))
			dispatch(&pg, ro);
	}
	answer(&pg, ro);
	web_sessions_close(pg.pg_sessions);
	cJSON_Delete(pg.pg_data);
	web_request_free(&pg.pg_rq);
}

static _Noreturn void
usage(void)
{
	fputs("usage: webadmin [-c | -k file | -p user]\n"
	    "without options it is for a web server, as a CGI program\n", stderr);
	exit(2);
}

int
main(int argc, char **argv)
{
	const struct settings se = {
		.se_run = policy_run_dir(NULL),
		.se_state = setting("RAVELIN_WEB_STATE", "/var/run/ravelin-web"),
		.se_www = setting("RAVELIN_WEB_ROOT", "/usr/local/share/ravelin/www"),
		.se_passwd = setting("RAVELIN_PASSWD", "/etc/ravelin.passwd"),
		.se_data = setting("RAVELIN_DATA", "/"),
		.se_backup = getenv("RAVELIN_BACKUP"),
		.se_log = getenv("RAVELIN_LOG"),
		.se_plain = getenv("RAVELIN_WEB_PLAIN") != NULL,
	};
	int c;

	while ((c = getopt(argc, argv, "ck:p:")) != -1)
		switch (c) {
		case 'c':
			return collect(&se);
		case 'k':
			return certificate_command(optarg);
		case 'p':
			return password_command(&se, optarg);
		default:
			usage();
		}
	if (argc != optind || getenv("REQUEST_METHOD") == NULL)
		usage();
	serve(&se);
	return 0;
}
