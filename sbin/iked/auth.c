/* SPDX-License-Identifier: ISC */
/*
 * The auth process: alone holds the pre-shared keys, and answers the ike
 * process's questions with them (RFC 7296 section 2.15).  It has no network,
 * no files and no way to tell a key; what it says is an AUTH value for a
 * policy, or whether one is right.
 *
 * Secrets come from the parent, BEGIN to END, as what changes of those before or
 * as a whole new set; until END the former set holds.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "iked.h"
#include "libike/ike_auth.h"
#include "libutil/imsg.h"
#include "libutil/log.h"
#include "libutil/sandbox.h"

/* Sorted by name, but while it is being received. */
struct secrets {
	struct iked_secret	*se_list;
	size_t			 se_n;
};

struct auth {
	int		au_parent;
	int		au_ike;
	struct secrets	au_now;
	struct secrets	au_next;	/* being received; without key: it goes */
	bool		au_keep;	/* the others stay */
	struct imsg	au_msg;
};

static void
secrets_free(struct secrets *s)
{
	if (s->se_list != NULL)
		explicit_bzero(s->se_list, s->se_n * sizeof(*s->se_list));
	free(s->se_list);
	*s = (struct secrets){ 0 };
}

/* Grows by copying, so that no freed memory holds a key. */
static bool
secrets_add(struct secrets *s, const struct iked_secret *x)
{
	struct iked_secret *list;

	if (x->ix_len > sizeof(x->ix_key) ||
	    memchr(x->ix_policy, '\0', sizeof(x->ix_policy)) == NULL)
		return false;
	if ((s->se_n & (s->se_n - 1)) == 0) {
		size_t room = s->se_n == 0 ? 1 : 2 * s->se_n;

		if ((list = calloc(room, sizeof(*list))) == NULL)
			return false;
		if (s->se_n != 0) {
			memcpy(list, s->se_list, s->se_n * sizeof(*list));
			explicit_bzero(s->se_list, s->se_n * sizeof(*list));
		}
		free(s->se_list);
		s->se_list = list;
	}
	s->se_list[s->se_n++] = *x;
	return true;
}

static int
secret_cmp(const void *a, const void *b)
{
	const struct iked_secret *x = a, *y = b;

	return strcmp(x->ix_policy, y->ix_policy);
}

static const struct iked_secret *
secret_find(const struct secrets *s, const char *policy)
{
	struct iked_secret key = { .ix_len = 0 };

	if (s->se_n == 0)
		return NULL;
	(void)snprintf(key.ix_policy, sizeof(key.ix_policy), "%s", policy);
	return bsearch(&key, s->se_list, s->se_n, sizeof(key), secret_cmp);
}

/* Both sorted; out has room for both.  What next says of a name counts. */
static size_t
secrets_merge(const struct secrets *now, const struct secrets *next,
    struct iked_secret *out)
{
	size_t i = 0, j = 0, n = 0;

	while (i < now->se_n || j < next->se_n) {
		int c = i == now->se_n ? 1 : j == next->se_n ? -1 :
		    secret_cmp(&now->se_list[i], &next->se_list[j]);

		if (c < 0) {
			out[n++] = now->se_list[i++];
			continue;
		}
		i += c == 0;
		if (next->se_list[j].ix_len != 0)
			out[n++] = next->se_list[j];
		j++;
	}
	return n;
}

static bool
secrets_take(struct auth *au)
{
	struct secrets *next = &au->au_next, got = { .se_n = 0 };

	if (next->se_n != 0)
		qsort(next->se_list, next->se_n, sizeof(struct iked_secret),
		    secret_cmp);
	if (!au->au_keep)
		secrets_free(&au->au_now);
	got.se_list = calloc(au->au_now.se_n + next->se_n + 1,
	    sizeof(struct iked_secret));
	if (got.se_list == NULL)
		return false;
	got.se_n = secrets_merge(&au->au_now, next, got.se_list);
	secrets_free(&au->au_now);
	secrets_free(next);
	au->au_now = got;
	return true;
}

static bool
secret_gone(struct auth *au, const char *name)
{
	struct iked_secret x = { .ix_len = 0 };

	if (name == NULL || memchr(name, '\0', IKE_NAME_MAX) == NULL)
		return false;
	(void)snprintf(x.ix_policy, sizeof(x.ix_policy), "%s", name);
	return secrets_add(&au->au_next, &x);
}

static bool
from_parent(struct auth *au, const struct imsg *im)
{
	const struct iked_secret *x;
	const uint32_t *keep;

	switch (im->im_type) {
	case IMSG_SECRET_BEGIN:
		secrets_free(&au->au_next);
		if ((keep = imsg_body(im, sizeof(*keep))) == NULL)
			return false;
		au->au_keep = *keep == 1;
		return true;
	case IMSG_SECRET:
		return (x = imsg_body(im, sizeof(*x))) != NULL &&
		    x->ix_len != 0 && secrets_add(&au->au_next, x);
	case IMSG_SECRET_GONE:
		return secret_gone(au, imsg_body(im, IKE_NAME_MAX));
	case IMSG_SECRET_END:
		return secrets_take(au);
	}
	return false;
}

static bool
request_ok(const struct iked_auth_req *rq)
{
	return rq != NULL && rq->ia_octets_len <= sizeof(rq->ia_octets) &&
	    rq->ia_auth_len <= sizeof(rq->ia_auth) &&
	    memchr(rq->ia_policy, '\0', sizeof(rq->ia_policy)) != NULL;
}

static bool
sign(struct auth *au, uint32_t id, const struct iked_auth_req *rq)
{
	const struct iked_secret *x = secret_find(&au->au_now, rq->ia_policy);
	struct iked_signed out = { 0 };
	bool sent;

	if (x != NULL && rq->ia_method == IKE_AUTH_METHOD_PSK)
		out.ig_len = (uint16_t)ike_auth_psk(rq->ia_prf, x->ix_key,
		    x->ix_len, rq->ia_octets, rq->ia_octets_len, out.ig_auth);
	out.ig_ok = out.ig_len != 0;
	sent = imsg_send(au->au_ike, IMSG_SIGNED, id, &out, sizeof(out), -1);
	explicit_bzero(&out, sizeof(out));
	return sent;
}

static bool
verify(struct auth *au, uint32_t id, const struct iked_auth_req *rq)
{
	const struct iked_secret *x = secret_find(&au->au_now, rq->ia_policy);
	uint32_t result = IKE_VERIFY_BAD;

	if (x == NULL)
		result = IKE_VERIFY_NOKEY;
	else if (rq->ia_method == IKE_AUTH_METHOD_PSK &&
	    ike_auth_psk_verify(rq->ia_prf, x->ix_key, x->ix_len,
	    rq->ia_octets, rq->ia_octets_len, rq->ia_auth, rq->ia_auth_len))
		result = IKE_VERIFY_OK;
	return imsg_send(au->au_ike, IMSG_VERIFIED, id, &result,
	    sizeof(result), -1);
}

static bool
from_ike(struct auth *au, const struct imsg *im)
{
	const struct iked_auth_req *rq = imsg_body(im, sizeof(*rq));

	if (!request_ok(rq))
		return false;
	switch (im->im_type) {
	case IMSG_SIGN:
		return sign(au, im->im_id, rq);
	case IMSG_VERIFY:
		return verify(au, im->im_id, rq);
	}
	return false;
}

/* All messages that wait on fd; false if the process must end. */
static bool
drain(struct auth *au, int fd, bool (*fn)(struct auth *, const struct imsg *))
{
	int r;

	while ((r = imsg_recv(fd, &au->au_msg)) == 1) {
		bool ok = au->au_msg.im_fd == -1 && fn(au, &au->au_msg);

		imsg_wipe(&au->au_msg);
		if (!ok)
			return false;
	}
	return r == 0;
}

static void
serve(struct auth *au)
{
	struct pollfd p[2] = {
		{ .fd = au->au_parent, .events = POLLIN },
		{ .fd = au->au_ike, .events = POLLIN },
	};

	for (;;) {
		if (poll(p, 2, -1) == -1 && errno != EINTR)
			return;
		if (p[0].revents != 0 && !drain(au, au->au_parent, from_parent))
			return;
		if (p[1].revents != 0 && !drain(au, au->au_ike, from_ike))
			return;
	}
}

int
iked_auth(int parentfd, int ikefd, const char *rundir)
{
	struct auth *au = calloc(1, sizeof(*au));
	char empty[256];

	log_setname("iked.auth");
	(void)snprintf(empty, sizeof(empty), "%s/empty", rundir);
	if (au == NULL || !sandbox_drop("_iked", empty) ||
	    !sandbox_enter(SANDBOX_PURE))
		log_fatal("cannot give up privilege");
	au->au_parent = parentfd;
	au->au_ike = ikefd;
	serve(au);
	secrets_free(&au->au_now);
	secrets_free(&au->au_next);
	explicit_bzero(au, sizeof(*au));
	free(au);
	return 0;
}
