/* SPDX-License-Identifier: ISC */
/*
 * Handing events to policyd(8): a ring, one batch under way at a time, and
 * policyd's word before a batch is forgotten.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "libhistory/history.h"
#include "libpolicy/policywire.h"
#include "libpolicy/store.h"

#define COLLECT_MS	200	/* from the first event to its batch */
#define RETRY_MS	1000	/* policyd does not run */
#define REFUSED_MS	5000	/* it could not write */
#define ANSWER_MS	30000	/* a disk may be slow */

struct history_client {
	char			 hc_path[108];
	int			 hc_fd;		/* -1: not connected */
	struct history_event	*hc_ring;
	size_t			 hc_first, hc_n;
	size_t			 hc_sent;	/* under way, the first of the ring */
	int64_t			 hc_due;	/* of the next step */
	uint64_t		 hc_lost;
	uint32_t		 hc_seq;
	uint8_t			 hc_buf[POLICYW_RECORD_MAX];
};

struct history_client *
history_client_new(const char *rundir)
{
	struct history_client *hc = calloc(1, sizeof(*hc));

	if (hc == NULL)
		return NULL;
	hc->hc_ring = calloc(HISTORY_WAITING, sizeof(*hc->hc_ring));
	hc->hc_fd = -1;
	if (hc->hc_ring == NULL || snprintf(hc->hc_path, sizeof(hc->hc_path),
	    "%s/" POLICY_SOCKET, rundir) >= (int)sizeof(hc->hc_path)) {
		history_client_free(hc);
		return NULL;
	}
	return hc;
}

static void
disconnect(struct history_client *hc)
{
	if (hc->hc_fd != -1)
		(void)close(hc->hc_fd);
	hc->hc_fd = -1;
	hc->hc_sent = 0;
}

void
history_client_free(struct history_client *hc)
{
	if (hc == NULL)
		return;
	disconnect(hc);
	free(hc->hc_ring);
	free(hc);
}

static struct history_event *
at(const struct history_client *hc, size_t i)
{
	return &hc->hc_ring[(hc->hc_first + i) % HISTORY_WAITING];
}

static void
forget(struct history_client *hc, size_t n)
{
	hc->hc_first = (hc->hc_first + n) % HISTORY_WAITING;
	hc->hc_n -= n;
	hc->hc_sent = hc->hc_sent > n ? hc->hc_sent - n : 0;
}

static int64_t
clock_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
history_client_add(struct history_client *hc, const struct history_event *ev)
{
	if (hc->hc_n == HISTORY_WAITING) {
		hc->hc_lost++;
		forget(hc, 1);
	}
	if (hc->hc_n == 0)
		hc->hc_due = clock_ms() + COLLECT_MS;
	*at(hc, hc->hc_n) = *ev;
	hc->hc_n++;
}

static bool
reconnect(struct history_client *hc)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (hc->hc_fd != -1)
		return true;
	memcpy(sun.sun_path, hc->hc_path, sizeof(hc->hc_path));
	hc->hc_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (hc->hc_fd != -1 && connect(hc->hc_fd,
	    (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return true;
	disconnect(hc);
	return false;
}

static bool
send_batch(struct history_client *hc)
{
	struct wcur w = wcur_init(hc->hc_buf, sizeof(hc->hc_buf));
	size_t n = hc->hc_n < HISTORY_BATCH_MAX ? hc->hc_n : HISTORY_BATCH_MAX;

	wcur_u16(&w, POLICYW_VERSION);
	wcur_u16(&w, HISTORY_OP_KEEP);
	wcur_u32(&w, ++hc->hc_seq);
	wcur_u16(&w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		history_event_put(&w, at(hc, i));
	if (!wcur_ok(&w) || send(hc->hc_fd, hc->hc_buf, wcur_len(&w),
	    MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		return false;
	hc->hc_sent = n;
	return true;
}

/* True if policyd has answered what is under way. */
static bool
take_answer(struct history_client *hc, bool *kept)
{
	ssize_t n = recv(hc->hc_fd, hc->hc_buf, sizeof(hc->hc_buf),
	    MSG_DONTWAIT);
	struct cur c;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	c = cur_init(hc->hc_buf, n > 0 ? (size_t)n : 0);
	if (cur_u16(&c) != POLICYW_VERSION || cur_u16(&c) != HISTORY_OP_KEPT ||
	    cur_u32(&c) != hc->hc_seq) {
		disconnect(hc);		/* gone; or it is not policyd */
		return false;
	}
	*kept = cur_u8(&c) == 1;
	if (cur_end(&c))
		return true;
	disconnect(hc);
	return false;
}

static void
read_answer(struct history_client *hc, int64_t now)
{
	bool connected = hc->hc_fd != -1, kept;

	if (connected && take_answer(hc, &kept) && hc->hc_sent != 0) {
		if (kept)
			forget(hc, hc->hc_sent);
		hc->hc_sent = 0;
		hc->hc_due = now + (kept ? 0 : REFUSED_MS);
	} else if (connected && hc->hc_fd == -1) {
		hc->hc_due = now + RETRY_MS;
	}
}

void
history_client_turn(struct history_client *hc, int64_t now)
{
	read_answer(hc, now);
	if (hc->hc_n == 0 || now < hc->hc_due)
		return;
	if (hc->hc_sent != 0)		/* no answer in time */
		disconnect(hc);
	if (reconnect(hc) && send_batch(hc)) {
		hc->hc_due = now + ANSWER_MS;
		return;
	}
	disconnect(hc);
	hc->hc_due = now + RETRY_MS;
}

int
history_client_fd(const struct history_client *hc)
{
	return hc->hc_fd;
}

int
history_client_wait(const struct history_client *hc, int64_t now)
{
	if (hc->hc_n == 0)
		return -1;
	return hc->hc_due <= now ? 0 : (int)(hc->hc_due - now);
}

uint64_t
history_client_lost(const struct history_client *hc)
{
	return hc->hc_lost;
}

void
history_client_flush(struct history_client *hc, int ms)
{
	int64_t now = clock_ms(), end = now + ms;

	if (hc->hc_sent == 0)
		hc->hc_due = now;
	for (; hc->hc_n != 0 && now < end; now = clock_ms()) {
		struct pollfd p = { .fd = hc->hc_fd, .events = POLLIN };

		history_client_turn(hc, now);
		p.fd = hc->hc_fd;
		if (p.fd == -1)
			return;
		(void)poll(&p, 1, (int)(end - now));
	}
}
