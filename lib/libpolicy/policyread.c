/* SPDX-License-Identifier: ISC */
/*
 * Reading over policy.sock (see readwire.h): one request, one answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "libpolicy/readwire.h"
#include "libpolicy/store.h"

#define ANSWER_S	20
#define TEXT_MAX	(64u << 20)

struct policyread {
	int		 pr_fd;
	uint32_t	 pr_seq;
	struct wcur	 pr_w;
	char		 pr_why[256];
	uint8_t		 pr_out[512];
	uint8_t		 pr_in[POLICYW_RECORD_MAX];
};

struct policyread *
policyread_open(const char *rundir, const char **why)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct timeval tv = { .tv_sec = ANSWER_S };
	struct policyread *pr = calloc(1, sizeof(*pr));
	int n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" POLICY_SOCKET,
	    rundir);

	*why = "out of memory";
	if (pr == NULL || n < 0 || (size_t)n >= sizeof(sun.sun_path)) {
		free(pr);
		return NULL;
	}
	pr->pr_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (pr->pr_fd == -1 || setsockopt(pr->pr_fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
	    sizeof(tv)) == -1 || connect(pr->pr_fd,
	    (const struct sockaddr *)&sun, sizeof(sun)) == -1) {
		*why = errno == ENOENT || errno == ECONNREFUSED ?
		    "policyd does not run" : errno == EACCES ?
		    "policyd's socket is not for this user" : strerror(errno);
		policyread_close(pr);
		return NULL;
	}
	return pr;
}

void
policyread_close(struct policyread *pr)
{
	if (pr == NULL)
		return;
	if (pr->pr_fd != -1)
		(void)close(pr->pr_fd);
	free(pr);
}

static struct wcur *
begin(struct policyread *pr, unsigned op)
{
	pr->pr_w = wcur_init(pr->pr_out, sizeof(pr->pr_out));
	wcur_u16(&pr->pr_w, POLICYW_VERSION);
	wcur_u16(&pr->pr_w, (uint16_t)op);
	wcur_u32(&pr->pr_w, ++pr->pr_seq);
	return &pr->pr_w;
}

/* Sends what was begun; the answer's body. */
static bool
ask(struct policyread *pr, unsigned want, struct cur *body)
{
	ssize_t n;

	if (!wcur_ok(&pr->pr_w) || send(pr->pr_fd, pr->pr_out,
	    wcur_len(&pr->pr_w), MSG_NOSIGNAL) == -1)
		return false;
	do
		n = recv(pr->pr_fd, pr->pr_in, sizeof(pr->pr_in), 0);
	while (n == -1 && errno == EINTR);
	*body = cur_init(pr->pr_in, n > 0 ? (size_t)n : 0);
	return cur_u16(body) == POLICYW_VERSION && cur_u16(body) == want &&
	    cur_u32(body) == pr->pr_seq && cur_ok(body);
}

/* A piece of the text to *text, which grows; false with *why. */
static bool
piece(struct policyread *pr, uint64_t rev, enum policy_part part, char **text,
    size_t *have, size_t *total, const char **why)
{
	struct wcur *w = begin(pr, READW_SHOW);
	struct cur c;
	bool ok;
	size_t n;
	char *more;

	*why = "policyd does not answer";
	wcur_u64(w, rev);
	wcur_u8(w, (uint8_t)part);
	wcur_u32(w, (uint32_t)*have);
	if (!ask(pr, READW_SHOWN, &c))
		return false;
	ok = cur_u8(&c) == 1;
	*total = cur_u32(&c);
	n = cur_left(&c);
	if (!ok) {
		n = n < sizeof(pr->pr_why) ? n : sizeof(pr->pr_why) - 1;
		(void)cur_copy(&c, pr->pr_why, n);
		pr->pr_why[n] = '\0';
		*why = pr->pr_why;
		return false;
	}
	if (*total > TEXT_MAX || n > *total - *have || (n == 0 && *have < *total) ||
	    (more = realloc(*text, *total + 1)) == NULL)
		return false;
	(void)cur_copy(&c, more + *have, n);
	*text = more;
	*have += n;
	more[*have] = '\0';
	return true;
}

char *
policyread_text(struct policyread *pr, uint64_t rev, enum policy_part part,
    const char **why)
{
	size_t have = 0, total = 0;
	char *text = NULL;

	do {
		if (!piece(pr, rev, part, &text, &have, &total, why)) {
			free(text);
			return NULL;
		}
	} while (have < total);
	return text;
}

static bool
text_get(struct cur *c, char out[POLICYW_REASON_MAX + 1])
{
	size_t n = cur_u16(c);

	if (n > POLICYW_REASON_MAX || !cur_copy(c, out, n))
		return false;
	out[n] = '\0';
	return true;
}

static unsigned
list_some(struct policyread *pr, uint64_t before, unsigned max,
    void (*fn)(void *, const struct policy_revision *), void *arg,
    struct policyread_pending *pp, uint64_t *last)
{
	char author[POLICYW_REASON_MAX + 1], reason[POLICYW_REASON_MAX + 1];
	struct policy_revision rev = { .pr_author = author, .pr_reason = reason };
	struct wcur *w = begin(pr, READW_LIST);
	unsigned n;
	struct cur c;

	wcur_u64(w, before);
	wcur_u16(w, (uint16_t)max);
	if (!ask(pr, READW_LISTED, &c))
		return UINT32_MAX;
	pp->pp_revision = cur_u64(&c);
	pp->pp_back = cur_u64(&c);
	pp->pp_left_ms = cur_u64(&c);
	n = cur_u16(&c);
	for (unsigned i = 0; i < n; i++) {
		rev.pr_number = *last = cur_u64(&c);
		rev.pr_time = (int64_t)cur_u64(&c);
		if (!text_get(&c, author) || !text_get(&c, reason))
			return UINT32_MAX;
		fn(arg, &rev);
	}
	return n;
}

bool
policyread_list(struct policyread *pr, uint64_t before, unsigned max,
    void (*fn)(void *arg, const struct policy_revision *pr), void *arg,
    struct policyread_pending *pp)
{
	struct policyread_pending some;
	uint64_t last = before;
	bool first = true;

	do {
		unsigned want = max < READW_LIST_MAX ? max : READW_LIST_MAX;
		unsigned n = list_some(pr, last, want, fn, arg, &some, &last);

		if (n == UINT32_MAX)
			return false;
		if (first && pp != NULL)
			*pp = some;
		first = false;
		max -= n < max ? n : max;
		if (n < want)
			break;
	} while (max != 0);
	return true;
}

bool
policyread_events(struct policyread *pr, const char *tunnel, uint64_t before,
    bool failures, unsigned max, struct cur *events, unsigned *n)
{
	struct wcur *w = begin(pr, READW_EVENTS);
	size_t len = strlen(tunnel);

	wcur_u64(w, before);
	wcur_u8(w, failures);
	wcur_u16(w, (uint16_t)max);
	wcur_u16(w, (uint16_t)len);
	wcur_put(w, tunnel, len);
	if (!ask(pr, READW_EVENTS_ARE, events))
		return false;
	*n = cur_u16(events);
	return cur_ok(events);
}
