/* SPDX-License-Identifier: ISC */
/*
 * What the pages of backups, upgrades and imports have in common: maintd(8) has
 * done it, and says what came of it.
 */
#include <stdlib.h>
#include <string.h>

#include "page.h"

enum { LINES_MAX = 60 };

/* ---- what a program said, for people ---- */

static void
cut(char *text, const char *what)
{
	char *at = strstr(text, what);

	if (at != NULL)
		memmove(at, at + strlen(what), strlen(at + strlen(what)) + 1);
}

/* "backup: uploaded.backup is refused: ..." is about "The file". */
static void
put_said(cJSON *list, const char *line)
{
	static const char *const names[] = { "backup: ", "upgrade: ",
	    "ipsecctl: ", "init: " };
	char text[1000];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			line += strlen(names[i]);
	if (strncmp(line, "uploaded.", 9) == 0)
		(void)snprintf(text, sizeof(text), "The file%s",
		    line + strcspn(line, " :"));
	else
		(void)snprintf(text, sizeof(text), "%s", line);
	cut(text, "; nothing has changed");
	cut(text, "; --allow-older takes it");
	if (text[0] >= 'a' && text[0] <= 'z')
		text[0] = (char)(text[0] - 'a' + 'A');
	put_string(list, text);
}

static void
put_lines(cJSON *o, const char *name, const char *text)
{
	cJSON *list = cJSON_GetObjectItem(o, name);
	char *copy = web_utf8(text), *rest = copy, *line;

	if (list == NULL)
		list = put_array(o, name);
	while (copy != NULL && (line = strsep(&rest, "\n")) != NULL &&
	    cJSON_GetArraySize(list) < LINES_MAX)
		if (line[0] != '\0')
			put_said(list, line);
	free(copy);
}

static const char *
text_of(const cJSON *o, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(o, name));

	return text != NULL ? text : "";
}

/* Members of one object that the other does not have yet. */
static void
merge(cJSON *to, cJSON *from)
{
	cJSON *e = from != NULL ? from->child : NULL, *next;

	for (; e != NULL; e = next) {
		next = e->next;
		if (!cJSON_HasObjectItem(to, e->string))
			(void)cJSON_AddItemToObject(to, e->string,
			    cJSON_DetachItemViaPointer(from, e));
	}
}

/* What somebody should do whose file was refused. */
static void
put_advice(cJSON *o, const char *err)
{
	static const struct { const char *says, *advice; } list[] = {
		{ "older than", "Send a newer version. An older one is taken at the "
		    "console only, by upgrade install --allow-older." },
		{ "not ours", "This appliance takes what its own key has signed: get "
		    "the file from who made its image." },
		{ "not signed", "This appliance takes what its own key has signed: "
		    "get the file from who made its image." },
		{ "kind of machine", "Get the file for this kind of machine." },
		{ "no upgrade file", "Choose a file whose name ends in .upgrade." },
		{ "no backup", "Forget this file, and send one that a backup made." },
		{ "passphrase is wrong", "Give the passphrase that this backup was "
		    "made with." },
		{ "at least", "Give the passphrase that this backup was made with." },
		{ "truncated", "Get the file anew from where it is kept, and send it "
		    "again." },
		{ "altered", "Get the file anew from where it came, and send it "
		    "again." },
		{ "longer than", "Get the file anew from where it came, and send it "
		    "again." },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (strstr(err, list[i].says) != NULL) {
			put_text(o, "advice", list[i].advice);
			return;
		}
}

/*
 * {"ok": ..., "when": ..., "by": ..., "says": [...]}, and the document that the
 * program printed, with its difference as lines.
 */
static void
put_result(cJSON *to, const char *name, const cJSON *result)
{
	cJSON *o, *doc;
	char *diff;
	bool ok;

	if (result == NULL)
		return;
	o = put_object(to, name);
	ok = cJSON_GetNumberValue(cJSON_GetObjectItem(result, "status")) == 0;
	put_bool(o, "ok", ok);
	put_text(o, "what", text_of(result, "what"));
	put_text(o, "by", text_of(result, "user"));
	put_number(o, "when", cJSON_GetNumberValue(cJSON_GetObjectItem(result,
	    "time")));
	doc = cJSON_Parse(text_of(result, "out"));
	if (!cJSON_IsObject(doc))
		put_lines(o, "says", text_of(result, "out"));
	if (!ok)
		put_lines(o, "says", text_of(result, "err"));
	put_advice(o, text_of(result, "err"));
	if (cJSON_GetStringValue(cJSON_GetObjectItem(doc, "diff")) != NULL) {
		diff = strdup(text_of(doc, "diff"));
		cJSON_DeleteItemFromObject(doc, "diff");
		if (diff != NULL)
			diff_lines_put(put_array(o, "diff"), diff);
		put_bool(o, "has_diff", cJSON_GetArraySize(
		    cJSON_GetObjectItem(o, "diff")) != 0);
		free(diff);
	}
	cJSON_DeleteItemFromObject(doc, "schema_version");
	merge(o, doc);
	cJSON_Delete(doc);
}

static void
put_slots(cJSON *o, const char *text)
{
	cJSON *doc = cJSON_Parse(text), *list = cJSON_GetObjectItem(doc, "slots"),
	    *s;
	bool tried = false;

	cJSON_ArrayForEach(s, list) {
		bool next = cJSON_IsTrue(cJSON_GetObjectItem(s, "next"));
		bool runs = cJSON_IsTrue(cJSON_GetObjectItem(s, "runs"));
		bool good = cJSON_IsTrue(cJSON_GetObjectItem(s, "good"));

		put_bool(s, "waits", next && !runs);
		put_bool(s, "tried", runs && !good);
		tried = tried || (runs && !good);
		if (next && !runs)
			put_text(o, "waiting_version", text_of(s, "version"));
	}
	put_bool(o, "being_tried", tried);
	if (list != NULL)
		(void)cJSON_AddItemToObject(o, "slots",
		    cJSON_DetachItemViaPointer(doc, list));
	cJSON_Delete(doc);
}

static void
put_state(struct page *pg, cJSON *state)
{
	cJSON *o = pg->pg_data, *busy = cJSON_GetObjectItem(state, "busy");

	if (busy != NULL) {
		cJSON *b = put_object(o, "busy");

		put_text(b, "what", text_of(state, "busy"));
		put_number(b, "for_s", cJSON_GetNumberValue(
		    cJSON_GetObjectItem(state, "busy_s")));
	}
	put_number(o, "size_max", cJSON_GetNumberValue(
	    cJSON_GetObjectItem(state, "size_max")));
	put_bool(o, "can_restart", cJSON_IsTrue(cJSON_GetObjectItem(state,
	    "can_restart")));
	put_result(o, "found", cJSON_GetObjectItem(state, "checked"));
	put_result(o, "done", cJSON_GetObjectItem(state, "done"));
	if (cJSON_HasObjectItem(state, "file"))
		(void)cJSON_AddItemToObject(o, "file",
		    cJSON_DetachItemFromObject(state, "file"));
	if (cJSON_HasObjectItem(state, "slots"))
		put_slots(o, text_of(state, "slots"));
}

bool
maint_put(struct page *pg, enum maint_kind kind)
{
	const char *why = "";
	struct maint *ma = maint_open(pg->pg_se->se_run, &why);
	char *said = ma != NULL ? maint_state(ma, kind, &why) : NULL;
	/* what programs have said of a file may hold any bytes of it */
	char *text = said != NULL ? web_utf8(said) : NULL;
	cJSON *state = text != NULL ? cJSON_Parse(text) : NULL;

	free(said);
	maint_close(ma);
	if (text == NULL)
		page_problem(pg, why);
	if (state != NULL)
		put_state(pg, state);
	put_bool(pg->pg_data, "ready", state != NULL);
	cJSON_Delete(state);
	free(text);
	return text != NULL;
}

/* ---- asking ---- */

struct maint *
maint_connect(struct page *pg)
{
	const char *why = "";
	struct maint *ma = maint_open(pg->pg_se->se_run, &why);

	if (ma == NULL)
		page_fail(pg, 503, why);
	return ma;
}

static bool
copy(char *out, size_t cap, const char *text)
{
	size_t n = strlen(text);

	if (n >= cap)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	memcpy(out, text, n + 1);
	return true;
}

/* What forms have in common. False: nothing that maintd would take. */
static bool
fill(struct page *pg, struct maint_request *mq)
{
	return copy(mq->mq_id, sizeof(mq->mq_id), web_posted(&pg->pg_rq, "id")) &&
	    copy(mq->mq_user, sizeof(mq->mq_user), pg->pg_session.ws_user) &&
	    copy(mq->mq_password, sizeof(mq->mq_password),
	    web_posted(&pg->pg_rq, "password")) &&
	    copy(mq->mq_passphrase, sizeof(mq->mq_passphrase),
	    web_posted(&pg->pg_rq, "passphrase"));
}

static int
http_status(enum maint_status status)
{
	switch (status) {
	case MAINT_OK: return 0;
	case MAINT_PASSWORD: return 403;
	case MAINT_LATER: return 503;
	default: return 409;
	}
}

enum maint_status
maint_command(struct page *pg, enum maint_command command,
    struct maint_request *mq, int *fd)
{
	struct maint *ma = maint_connect(pg);
	enum maint_status status = MAINT_REFUSED;
	const char *text = "What was given is too long, or holds a control "
	    "character.";

	if (fd != NULL)
		*fd = -1;
	if (ma == NULL)
		return MAINT_REFUSED;
	mq->mq_op = MAINT_RUN;
	mq->mq_command = command;
	if (fill(pg, mq))
		status = maint_ask(ma, mq, &text, fd);
	explicit_bzero(mq, sizeof(*mq));
	if (status != MAINT_OK) {
		put_lines(pg->pg_data, "refused", text);
		pg->pg_status = http_status(status);
	}
	maint_close(ma);
	return status;
}

void
maint_drop(struct page *pg, enum maint_kind kind)
{
	struct maint *ma = maint_connect(pg);
	struct maint_request mq = { .mq_op = MAINT_DROP, .mq_kind = kind };
	const char *text = "";

	if (ma == NULL)
		return;
	if (fill(pg, &mq) && maint_ask(ma, &mq, &text, NULL) == MAINT_LATER)
		page_fail(pg, 503, text);
	explicit_bzero(&mq, sizeof(mq));
	maint_close(ma);
}
