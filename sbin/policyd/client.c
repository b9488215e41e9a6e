/* SPDX-License-Identifier: ISC */
/*
 * The control socket (libpolicy/policywire.h): who may ask, and the
 * messages.  A client that sends what does not fit loses its connection and
 * nothing else.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "judge.h"
#include "libutil/local.h"
#include "libutil/log.h"
#include "libutil/peer.h"
#include "libutil/utf8.h"

#define CONTROL_GROUP	"_ravelin"
#define WEB_USER	"_web"

bool
control_open(struct policyd *pd)
{
	if (snprintf(pd->pd_sock, sizeof(pd->pd_sock), "%s/" POLICY_SOCKET,
	    pd->pd_rundir) >= (int)sizeof(pd->pd_sock) ||
	    snprintf(pd->pd_keysock, sizeof(pd->pd_keysock), "%s/key.sock",
	    pd->pd_rundir) >= (int)sizeof(pd->pd_keysock)) {
		log_err("the run directory's name is too long");
		return false;
	}
	pd->pd_listen = local_listen(pd->pd_sock, CONTROL_GROUP);
	return pd->pd_listen != -1;
}

void
control_close(struct policyd *pd)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (pd->pd_client[i].cl_fd != -1)
			client_close(&pd->pd_client[i]);
	}
	(void)unlink(pd->pd_sock);
	(void)close(pd->pd_listen);
}

void
client_close(struct client *cl)
{
	(void)close(cl->cl_fd);
	policy_texts_free(&cl->cl_texts);
	memset(cl, 0, sizeof(*cl));
	cl->cl_fd = -1;
}

/* Names the peer as author, if it may ask at all. */
static bool
authorise(int fd, char author[64], bool *web)
{
	struct passwd *pw;
	uid_t uid;
	gid_t gid;

	if (!peer_of(fd, &uid, &gid))
		return false;
	pw = getpwuid(uid);
	if (pw != NULL)
		(void)snprintf(author, 64, "%s", pw->pw_name);
	else
		(void)snprintf(author, 64, "uid=%u", (unsigned)uid);
	/* root: maintd(8), and who is root could write to the store by itself */
	*web = uid == 0 || (pw != NULL && strcmp(pw->pw_name, WEB_USER) == 0);
	return peer_is_member(uid, gid, CONTROL_GROUP);
}

void
control_accept(struct policyd *pd)
{
	int fd = accept4(pd->pd_listen, NULL, NULL, SOCK_CLOEXEC |
	    SOCK_NONBLOCK);
	char author[64] = "somebody";
	bool web = false;

	if (fd == -1)
		return;
	if (!authorise(fd, author, &web)) {
		log_warn("refused: %s is neither root nor in group "
		    CONTROL_GROUP, author);
		(void)close(fd);
		return;
	}
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = &pd->pd_client[i];

		if (cl->cl_fd != -1)
			continue;
		cl->cl_fd = fd;
		cl->cl_web = web;
		(void)snprintf(cl->cl_author, sizeof(cl->cl_author), "%s",
		    author);
		return;
	}
	log_warn("refused: %d clients already", CLIENTS_MAX);
	(void)close(fd);
}

/* A client that does not read its answers loses them and its connection. */
static void
reply(struct client *cl, const uint8_t *buf, const struct wcur *w)
{
	if (!wcur_ok(w) || send(cl->cl_fd, buf, wcur_len(w), MSG_NOSIGNAL |
	    MSG_DONTWAIT) == -1)
		client_close(cl);
}

static void
send_revision(struct policyd *pd, struct client *cl, uint32_t seq)
{
	uint8_t buf[POLICYW_HEADER + 8];
	struct wcur w = wcur_init(buf, sizeof(buf));

	policyw_header(&w, POLICYW_REVISION, seq);
	wcur_u64(&w, revise_target(pd));
	reply(cl, buf, &w);
}

void
control_announce(struct policyd *pd)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = &pd->pd_client[i];

		if (cl->cl_fd != -1 && cl->cl_subscribed)
			send_revision(pd, cl, 0);
	}
}

static void
send_state(struct policyd *pd, struct client *cl, uint32_t seq)
{
	static const char foreign[] = "filter: another program has loaded "
	    "rules since: the next commit loads those of the revision";
	const char *damage = policy_store_damage(pd->pd_store);
	uint8_t buf[POLICYW_HEADER + 16 + POLICYW_TEXT_MAX];
	struct wcur w = wcur_init(buf, sizeof(buf));

	policyw_header(&w, POLICYW_STATE, seq);
	wcur_u64(&w, pd->pd_committed);
	wcur_u64(&w, pd->pd_in_force ? pd->pd_applied : 0);
	if (damage == NULL && pd->pd_readonly[0] != '\0')
		damage = pd->pd_readonly;
	if (damage != NULL) {
		wcur_put(&w, damage, strlen(damage));
		wcur_put(&w, "; ", pd->pd_problem[0] != '\0' ? 2 : 0);
	}
	if (pd->pd_problem[0] == '\0' && filter_foreign(pd))
		wcur_put(&w, foreign, strlen(foreign));
	wcur_put(&w, pd->pd_problem, strlen(pd->pd_problem));
	reply(cl, buf, &w);
}

static void
send_result(struct policyd *pd, struct client *cl, uint32_t seq,
    uint8_t committed, bool applied, const char *text)
{
	uint8_t buf[POLICYW_HEADER + 10 + POLICYW_TEXT_MAX];
	struct wcur w = wcur_init(buf, sizeof(buf));
	size_t n = strlen(text);

	policyw_header(&w, POLICYW_RESULT, seq);
	if (committed == 0 && (policy_store_disk_failed(pd->pd_store) ||
	    pd->pd_readonly[0] != '\0'))
		committed = POLICYW_LATER;
	wcur_u8(&w, committed);
	wcur_u8(&w, applied);
	wcur_u64(&w, committed == POLICYW_COMMITTED ? pd->pd_committed : 0);
	wcur_put(&w, text, n < POLICYW_TEXT_MAX ? n : POLICYW_TEXT_MAX);
	reply(cl, buf, &w);
}

/* ---- what clients ask ---- */

static void
forget_texts(struct client *cl)
{
	policy_texts_free(&cl->cl_texts);
	cl->cl_total = 0;
}

static bool
take_text(struct client *cl, struct cur *c)
{
	uint8_t kind = cur_u8(c), flags = cur_u8(c);
	size_t nlen = cur_u16(c), n;
	enum policy_part part;
	const uint8_t *name = cur_bytes(c, nlen);
	const uint8_t *p;
	char text[1024];

	part = (enum policy_part)(flags >> POLICYW_PART_SHIFT & 7);
	n = cur_left(c);
	p = cur_bytes(c, n);
	if (!cur_ok(c) || nlen >= sizeof(text) || part >= POLICY_PARTS ||
	    kind < POLICY_TEXT_MAIN ||
	    kind > POLICY_TEXT_MACRO || n > POLICYW_TOTAL_MAX - cl->cl_total)
		return false;
	cl->cl_total += n;
	if ((flags & POLICYW_MORE) != 0)
		return n == 0 || policy_texts_more(&cl->cl_texts,
		    (const char *)p, n);
	if (nlen != 0)
		memcpy(text, name, nlen);
	text[nlen] = '\0';
	return policy_texts_add_part(&cl->cl_texts, part,
	    (enum policy_text_kind)kind, text, (const char *)p, n);
}

/*
 * The newest revision takes effect.  If the network kernel refuses a part of
 * it, the one that was in force before comes back.
 */
static bool
take_effect(struct policyd *pd, uint64_t before, bool was_in_force,
    char *text, size_t cap)
{
	uint64_t rev = pd->pd_committed;
	char why[PROBLEM_MAX], reason[PROBLEM_MAX + 64];
	bool back;

	if (apply_revision(pd)) {
		(void)snprintf(text, cap, "revision %llu is in force",
		    (unsigned long long)rev);
		return true;
	}
	if (!pd->pd_refused || !was_in_force) {
		(void)snprintf(text, cap, "revision %llu is committed, but "
		    "not in force: %s", (unsigned long long)rev,
		    pd->pd_problem);
		return false;
	}
	(void)snprintf(why, sizeof(why), "%s", pd->pd_problem);
	(void)snprintf(reason, sizeof(reason), "revision %llu was refused: %s",
	    (unsigned long long)rev, why);
	back = revise_back(pd, before, reason);
	(void)snprintf(text, cap, "%.1900s; nothing of it stays, it is not in "
	    "force: revision %llu is as %llu was%s%.1900s", reason,
	    (unsigned long long)pd->pd_committed, (unsigned long long)before,
	    back ? "" : ", but not in force: ", back ? "" : pd->pd_problem);
	return false;
}

/* The pages, or maintd for them, have found out who asks; nobody else is believed. */
static bool
take_author(struct client *cl, struct cur *c)
{
	size_t n = cur_left(c);
	char name[POLICYW_NAME_MAX + 1];

	if (n == 0 || n > POLICYW_NAME_MAX || !cur_copy(c, name, n))
		return false;
	name[n] = '\0';
	if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_.") != n)
		return false;
	if (cl->cl_web)
		(void)snprintf(cl->cl_author, sizeof(cl->cl_author), "%s (web)",
		    name);
	return true;
}

static bool
take_load(struct policyd *pd, struct client *cl, uint32_t seq, struct cur *c,
    bool commit)
{
	struct commit_request cr = { .cr_base = POLICYCTL_ANY };
	struct stages *sg = &pd->pd_stages;
	uint64_t before = pd->pd_committed;
	bool was = pd->pd_in_force && pd->pd_applied == before;
	char reason[POLICYW_REASON_MAX + 1], text[POLICYW_TEXT_MAX];
	bool committed, applied = false, dry;
	size_t n;

	cr.cr_flags = cur_u32(c);
	if (commit) {
		cr.cr_base = cur_u64(c);
		cr.cr_confirm = cur_u32(c);
	}
	n = cur_u16(c);
	if (n > POLICYW_REASON_MAX || !cur_copy(c, reason, n) || !cur_end(c) ||
	    (cr.cr_flags & ~(unsigned)(POLICYCTL_DELETE | POLICYCTL_FLUSH |
	    POLICYCTL_KEEP | POLICYCTL_DRY)) != 0)
		return false;
	utf8_line(reason, n);
	reason[n] = '\0';
	cr.cr_author = cl->cl_author;
	cr.cr_reason = reason;
	committed = commit_texts(pd, &cl->cl_texts, &cr, text, sizeof(text));
	forget_texts(cl);
	dry = (cr.cr_flags & POLICYCTL_DRY) != 0;
	if (committed && !dry) {
		/* what was found running is in force as well */
		if (was && pd->pd_committed > before + 1)
			before = pd->pd_committed - 1;
		applied = take_effect(pd, before, was, text, sizeof(text));
		sg->sg_apply = stage_end(sg);
		log_debug("parsed in %.1f ms, stored in %.1f ms, applied in "
		    "%.1f ms", (double)sg->sg_parse / 1000,
		    (double)sg->sg_store / 1000, (double)sg->sg_apply / 1000);
		log_info("load by %s: %s", cl->cl_author, text);
	}
	send_result(pd, cl, seq, committed && dry ? POLICYW_CHECKED : committed, applied, text);
	if (committed && !dry)
		control_announce(pd);
	return true;
}

static bool
take_confirm(struct policyd *pd, struct client *cl, uint32_t seq, struct cur *c)
{
	uint64_t rev = cur_u64(c), waits = pd->pd_pending.pe_revision;
	const char *why = "";
	char text[POLICYW_TEXT_MAX];
	bool ok = false;

	if (!cur_end(c))
		return false;
	(void)readonly_over(pd);
	if (waits == 0)
		(void)snprintf(text, sizeof(text), "nothing waits for a "
		    "confirm; revision %llu is the newest",
		    (unsigned long long)pd->pd_committed);
	else if (rev != 0 && rev != waits)
		(void)snprintf(text, sizeof(text), "revision %llu waits for a "
		    "confirm, not %llu", (unsigned long long)waits,
		    (unsigned long long)rev);
	else if (!policy_store_confirm(pd->pd_store, &why))
		(void)snprintf(text, sizeof(text), "%s", why);
	else {
		ok = true;
		memset(&pd->pd_pending, 0, sizeof(pd->pd_pending));
		(void)snprintf(text, sizeof(text), "revision %llu is confirmed",
		    (unsigned long long)waits);
		export_later(pd);
	}
	log_info("confirm by %s: %s", cl->cl_author, text);
	send_result(pd, cl, seq, ok, ok && pd->pd_in_force, text);
	return true;
}

static bool
take_rollback(struct policyd *pd, struct client *cl, uint32_t seq,
    struct cur *c)
{
	uint64_t to = cur_u64(c), before = pd->pd_committed, rev = 0;
	uint32_t confirm = cur_u32(c);
	size_t n = cur_u16(c);
	char reason[POLICYW_REASON_MAX + 1], text[POLICYW_TEXT_MAX];
	bool was = pd->pd_in_force && pd->pd_applied == before;
	struct policy_pending pe;
	const char *why = "";
	bool ok, applied = false;
	size_t used;

	if (n > POLICYW_REASON_MAX || !cur_copy(c, reason, n) || !cur_end(c))
		return false;
	utf8_line(reason, n);
	reason[n] = '\0';
	(void)readonly_over(pd);
	if (confirm != 0)
		policy_pending_init(&pe, before, confirm);
	ok = commit_copy(pd, to, cl->cl_author, reason,
	    confirm != 0 && to != 0 ? &pe : NULL, &rev, &why);
	if (!ok)
		(void)snprintf(text, sizeof(text), "%s", why);
	else
		applied = take_effect(pd, before, was, text, sizeof(text));
	used = strlen(text);
	if (applied)
		judge_warn(pd, before, text + used, sizeof(text) - used);
	log_info("rollback to %llu by %s: %s", (unsigned long long)to,
	    cl->cl_author, text);
	send_result(pd, cl, seq, ok, applied, text);
	if (ok)
		control_announce(pd);
	return true;
}

static bool
client_message(struct policyd *pd, struct client *cl, struct cur *c)
{
	uint16_t version = cur_u16(c), op = cur_u16(c);
	uint32_t seq = cur_u32(c);

	if (!cur_ok(c) || version != POLICYW_VERSION)
		return false;
	switch (op) {
	case POLICYW_TEXT:
		return take_text(cl, c);
	case POLICYW_RESET:
		forget_texts(cl);
		return cur_end(c);
	case POLICYW_AUTHOR:
		return take_author(cl, c);
	case POLICYW_LOAD:
		return take_load(pd, cl, seq, c, false);
	case POLICYW_COMMIT:
		return take_load(pd, cl, seq, c, true);
	case POLICYW_CONFIRM:
		return take_confirm(pd, cl, seq, c);
	case POLICYW_ROLLBACK:
		return take_rollback(pd, cl, seq, c);
	case POLICYW_STATUS:
		if (cur_end(c))
			send_state(pd, cl, seq);
		return cur_end(c);
	case HISTORY_OP_KEEP:
		return history_message(pd, cl, seq, c);
	case POLICYW_SUBSCRIBE:
		if (!cur_end(c))
			return false;
		cl->cl_subscribed = true;
		send_revision(pd, cl, seq);
		return true;
	default:
		return read_message(pd, cl, op, seq, c);
	}
}

void
client_read(struct policyd *pd, struct client *cl)
{
	static uint8_t buf[POLICYW_RECORD_MAX];

	for (int i = 0; i < 64 && cl->cl_fd != -1; i++) {
		struct cur c;
		ssize_t n = recv(cl->cl_fd, buf, sizeof(buf), MSG_TRUNC);

		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			client_close(cl);
			return;
		}
		c = cur_init(buf, (size_t)n <= sizeof(buf) ? (size_t)n : 0);
		if (!client_message(pd, cl, &c) && cl->cl_fd != -1) {
			log_warn("%s sent a message that does not fit: "
			    "disconnected", cl->cl_author);
			client_close(cl);
		}
		explicit_bzero(buf, (size_t)n <= sizeof(buf) ? (size_t)n :
		    sizeof(buf));
	}
}
