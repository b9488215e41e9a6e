/* SPDX-License-Identifier: ISC */
/*
 * The client of policyd's socket (see store.h and policywire.h).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "libpolicy/policywire.h"
#include "libpolicy/store.h"

enum {
	ANSWER_MS	= 120000,	/* a large load takes its time */
	EVENTS_MAX	= 16,
};

struct policyctl {
	int			 pc_fd;
	uint32_t		 pc_seq;
	bool			 pc_gone;
	bool			 pc_told;	/* CLOSED was given out */
	uint64_t		 pc_events[EVENTS_MAX];	/* came while we waited */
	unsigned		 pc_nevents;
	char			 pc_why[256];
	uint8_t			 pc_buf[POLICYW_RECORD_MAX];
};

static char connect_why[256];

struct policyctl *
policyctl_connect(const char *rundir, const char **why)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct policyctl *pc;
	int fd, n;

	*why = connect_why;
	n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" POLICY_SOCKET,
	    rundir);
	if (n < 0 || (size_t)n >= sizeof(sun.sun_path)) {
		*why = "the path of policyd's socket is too long";
		return NULL;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, (struct sockaddr *)&sun,
	    sizeof(sun)) == -1) {
		int error = errno;

		(void)snprintf(connect_why, sizeof(connect_why),
		    error == ENOENT || error == ECONNREFUSED ?
		    "policyd does not run (%s): start it with 'policyd -r %s'" :
		    "cannot talk to policyd (%s/" POLICY_SOCKET "): %s",
		    error == ENOENT || error == ECONNREFUSED ?
		    sun.sun_path : rundir,
		    error == ENOENT || error == ECONNREFUSED ?
		    rundir : strerror(error));
		if (fd != -1)
			(void)close(fd);
		return NULL;
	}
	if ((pc = calloc(1, sizeof(*pc))) == NULL) {
		(void)close(fd);
		*why = "out of memory";
		return NULL;
	}
	pc->pc_fd = fd;
	return pc;
}

void
policyctl_close(struct policyctl *pc)
{
	if (pc == NULL)
		return;
	(void)close(pc->pc_fd);
	explicit_bzero(pc->pc_buf, sizeof(pc->pc_buf));
	free(pc);
}

int
policyctl_fd(const struct policyctl *pc)
{
	return pc->pc_fd;
}

static bool
ctl_send(struct policyctl *pc, const struct wcur *w)
{
	ssize_t n;

	do
		n = send(pc->pc_fd, pc->pc_buf, wcur_len(w), MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		pc->pc_gone = true;
	return n != -1;
}

static struct wcur
ctl_begin(struct policyctl *pc, enum policyw_op op)
{
	struct wcur w = wcur_init(pc->pc_buf, sizeof(pc->pc_buf));

	policyw_header(&w, op, ++pc->pc_seq);
	return w;
}

/* One record, its operation; 0 if there is none within ms. */
static unsigned
ctl_receive(struct policyctl *pc, int ms, struct cur *body)
{
	struct pollfd pfd = { .fd = pc->pc_fd, .events = POLLIN };
	ssize_t n;
	unsigned op;

	if (pc->pc_gone || poll(&pfd, 1, ms) <= 0)
		return 0;
	n = recv(pc->pc_fd, pc->pc_buf, sizeof(pc->pc_buf), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		pc->pc_gone = true;
		return 0;
	}
	*body = cur_init(pc->pc_buf, (size_t)n);
	if (cur_u16(body) != POLICYW_VERSION)
		cur_fail(body);
	op = cur_u16(body);
	cur_skip(body, 4);
	if (!cur_ok(body)) {
		pc->pc_gone = true;
		return 0;
	}
	return op;
}

static void
ctl_event(struct policyctl *pc, struct cur *body)
{
	uint64_t rev = cur_u64(body);

	if (!cur_ok(body))
		return;
	if (pc->pc_nevents == EVENTS_MAX)	/* only the newest matters */
		memmove(pc->pc_events, pc->pc_events + 1,
		    sizeof(pc->pc_events[0]) * --pc->pc_nevents);
	pc->pc_events[pc->pc_nevents++] = rev;
}

/* Waits for the answer `op`; events on the way are kept. */
static bool
ctl_wait(struct policyctl *pc, enum policyw_op want, struct cur *body)
{
	for (;;) {
		unsigned op = ctl_receive(pc, ANSWER_MS, body);

		if (op == (unsigned)want)
			return true;
		if (op != POLICYW_REVISION)
			return false;
		ctl_event(pc, body);
	}
}

/* What is left of a record, as a text for the user. */
static void
ctl_text(struct cur *body, char *out, size_t cap)
{
	size_t n = cur_left(body);

	if (n >= cap)
		n = cap - 1;
	(void)cur_copy(body, out, n);
	out[n] = '\0';
}

bool
policyctl_author(struct policyctl *pc, const char *name, const char **why)
{
	struct wcur w = ctl_begin(pc, POLICYW_AUTHOR);

	wcur_put(&w, name, strlen(name));
	if (wcur_ok(&w) && ctl_send(pc, &w))
		return true;
	*why = "policyd has gone";
	return false;
}

bool
policyctl_subscribe(struct policyctl *pc, const char **why)
{
	struct wcur w = ctl_begin(pc, POLICYW_SUBSCRIBE);

	if (ctl_send(pc, &w))
		return true;
	*why = "policyd has gone";
	return false;
}

bool
policyctl_next(struct policyctl *pc, struct policyctl_event *ev)
{
	struct cur body;
	unsigned op;

	while (pc->pc_nevents == 0 && (op = ctl_receive(pc, 0, &body)) != 0) {
		if (op == POLICYW_REVISION)
			ctl_event(pc, &body);
	}
	if (pc->pc_nevents != 0) {
		ev->ev_type = POLICYCTL_REVISION;
		ev->ev_revision = pc->pc_events[0];
		memmove(pc->pc_events, pc->pc_events + 1,
		    sizeof(pc->pc_events[0]) * --pc->pc_nevents);
		return true;
	}
	if (pc->pc_gone && !pc->pc_told) {
		pc->pc_told = true;
		*ev = (struct policyctl_event){ .ev_type = POLICYCTL_CLOSED };
		return true;
	}
	return false;
}

/* One text, in as many records as it takes. */
static bool
send_text(struct policyctl *pc, const struct policy_text_item *ti)
{
	size_t off = 0, name = strlen(ti->ti_name);

	if (name > UINT16_MAX / 2)
		return false;
	do {
		struct wcur w = ctl_begin(pc, POLICYW_TEXT);
		size_t n = ti->ti_len - off;

		wcur_u8(&w, (uint8_t)ti->ti_kind);
		wcur_u8(&w, (uint8_t)((off != 0 ? POLICYW_MORE : 0) |
		    ti->ti_part << POLICYW_PART_SHIFT));
		wcur_u16(&w, (uint16_t)(off == 0 ? name : 0));
		if (off == 0)
			wcur_put(&w, ti->ti_name, name);
		if (n > sizeof(pc->pc_buf) - wcur_len(&w))
			n = sizeof(pc->pc_buf) - wcur_len(&w);
		wcur_put(&w, ti->ti_body + off, n);
		if (!wcur_ok(&w) || !ctl_send(pc, &w))
			return false;
		off += n;
	} while (off < ti->ti_len);
	return true;
}

static bool
send_texts(struct policyctl *pc, const struct policy_texts *tx, unsigned flags)
{
	struct wcur w = ctl_begin(pc, POLICYW_RESET);

	if (!ctl_send(pc, &w))
		return false;
	for (size_t i = 0; (flags & POLICYCTL_FLUSH) == 0 && i < tx->tx_n; i++) {
		if (!send_text(pc, &tx->tx_v[i]))
			return false;
	}
	return true;
}

static void
put_reason(struct wcur *w, const char *reason)
{
	wcur_text(w, reason != NULL ? reason : "", POLICYW_REASON_MAX);
}

/* Sends the request, unless ok is false already, and waits for its result. */
static void
ask_result(struct policyctl *pc, bool ok, const struct wcur *w,
    struct policyctl_result *res)
{
	struct cur body;
	uint8_t committed;

	memset(res, 0, sizeof(*res));
	if (!ok || !ctl_send(pc, w) || !ctl_wait(pc, POLICYW_RESULT, &body)) {
		(void)snprintf(res->re_text, sizeof(res->re_text),
		    "policyd has gone before it answered: look at "
		    "'ipsecctl history' for what is in force");
		return;
	}
	committed = cur_u8(&body);
	res->re_ok = committed == POLICYW_COMMITTED;
	res->re_later = committed == POLICYW_LATER;
	res->re_checked = committed == POLICYW_CHECKED;
	res->re_applied = cur_u8(&body) == 1;
	res->re_revision = cur_u64(&body);
	ctl_text(&body, res->re_text, sizeof(res->re_text));
}

void
policyctl_load(struct policyctl *pc, const struct policy_texts *tx,
    unsigned flags, const char *reason, struct policyctl_result *res)
{
	bool ok = send_texts(pc, tx, flags);
	struct wcur w = ctl_begin(pc, POLICYW_LOAD);

	wcur_u32(&w, flags);
	put_reason(&w, reason);
	ask_result(pc, ok, &w, res);
}

void
policyctl_commit(struct policyctl *pc, const struct policy_texts *tx,
    unsigned flags, uint64_t base, uint32_t confirm, const char *reason,
    struct policyctl_result *res)
{
	bool ok = send_texts(pc, tx, flags);
	struct wcur w = ctl_begin(pc, POLICYW_COMMIT);

	wcur_u32(&w, flags);
	wcur_u64(&w, base);
	wcur_u32(&w, confirm);
	put_reason(&w, reason);
	ask_result(pc, ok, &w, res);
}

void
policyctl_confirm(struct policyctl *pc, uint64_t revision,
    struct policyctl_result *res)
{
	struct wcur w = ctl_begin(pc, POLICYW_CONFIRM);

	wcur_u64(&w, revision);
	ask_result(pc, true, &w, res);
}

void
policyctl_rollback(struct policyctl *pc, uint64_t to, uint32_t confirm,
    const char *reason, struct policyctl_result *res)
{
	struct wcur w = ctl_begin(pc, POLICYW_ROLLBACK);

	wcur_u64(&w, to);
	wcur_u32(&w, confirm);
	put_reason(&w, reason);
	ask_result(pc, true, &w, res);
}

bool
policyctl_status(struct policyctl *pc, struct policyctl_status *out,
    const char **why)
{
	struct wcur w = ctl_begin(pc, POLICYW_STATUS);
	struct cur body;

	memset(out, 0, sizeof(*out));
	if (!ctl_send(pc, &w) || !ctl_wait(pc, POLICYW_STATE, &body)) {
		*why = "policyd has gone";
		return false;
	}
	out->ps_committed = cur_u64(&body);
	out->ps_applied = cur_u64(&body);
	ctl_text(&body, out->ps_text, sizeof(out->ps_text));
	return true;
}
