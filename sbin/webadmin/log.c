/* SPDX-License-Identifier: ISC */
/*
 * /log: what happened to tunnels, from the store, and the end of the log file,
 * if there is one that may be read.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpolicy/readwire.h"
#include "page.h"

enum { TAIL = 128 << 10, LINES_MAX = 200, EVENTS = READW_EVENTS_MAX };

/* The last lines of a file, malloc'd; NULL: it cannot be read.  *cut: not all. */
static char *
tail_of(const char *path, bool *cut)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat sb;
	char *text = NULL, *line;
	ssize_t n = -1;

	if (fd == -1)
		return NULL;
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) &&
	    (text = malloc(TAIL + 1)) != NULL)
		n = pread(fd, text, TAIL, sb.st_size > TAIL ? sb.st_size - TAIL : 0);
	(void)close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	*cut = sb.st_size > TAIL;
	if (!*cut || (line = strchr(text, '\n')) == NULL)
		return text;
	memmove(text, line + 1, strlen(line + 1) + 1);	/* of the first, only the end */
	return text;
}

/* The lines that hold the filter's text, the newest first. */
static void
put_lines(struct page *pg, char *text, const char *q, bool cut)
{
	cJSON *a = put_array(pg->pg_data, "lines");
	char *nl, *line;

	for (unsigned n = 0; n < LINES_MAX && text[0] != '\0';) {
		nl = strrchr(text, '\n');
		line = nl != NULL ? nl + 1 : text;
		if (line[0] != '\0' && (q[0] == '\0' || strcasestr(line, q) != NULL)) {
			put_text(put_item(a), "line", line);
			n++;
		}
		*(nl != NULL ? nl : text) = '\0';
	}
	put_bool(pg->pg_data, "lines_cut", cut || text[0] != '\0');
	put_text(pg->pg_data, "file", pg->pg_se->se_log);
}

void
log_get(struct page *pg)
{
	const char *name = web_text(&pg->pg_rq, "name"), *why = "";
	const char *q = web_text(&pg->pg_rq, "q");
	bool failures = web_field(&pg->pg_rq, "failures") != NULL;
	struct policyread *pr = policyread_open(pg->pg_se->se_run, &why);
	bool cut = false;
	char *text;

	put_text(pg->pg_data, "name", name);
	put_text(pg->pg_data, "q", q);
	put_bool(pg->pg_data, "failures", failures);
	if (pr == NULL)
		page_problem(pg, why);
	events_put(pg, pr, name, web_number(&pg->pg_rq, "before",
	    UINT64_MAX / 16, 0), failures, EVENTS);
	policyread_close(pr);
	text = pg->pg_se->se_log != NULL ? tail_of(pg->pg_se->se_log, &cut) :
	    NULL;
	put_bool(pg->pg_data, "has_file", text != NULL);
	if (text != NULL)
		put_lines(pg, text, q, cut);
	free(text);
}
