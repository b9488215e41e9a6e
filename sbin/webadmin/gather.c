/* SPDX-License-Identifier: ISC */
/*
 * Tunnels, as iked and netkern tell of them: with the words of ikectl(8), whose
 * objects the pages show.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ikectl.h"
#include "libpolicy/readwire.h"
#include "page.h"

#define ANSWER_MS	5000
#define ASK_AGAIN	10

union answer {
	struct ikectl_hdr	an_hdr;
	struct ikectl_status	an_status;
	struct ikectl_event	an_event;
	struct ikectl_stats	an_stats;
};

/* ---- iked ---- */

static int
iked_open(const struct settings *se)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" IKECTL_SOCKET,
	    se->se_run), fd, error;

	if (n < 0 || (size_t)n >= sizeof(sun.sun_path))
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

static bool
iked_ask(int fd, unsigned op, const char *name)
{
	struct ikectl_hdr h;

	memset(&h, 0, sizeof(h));
	h.ik_version = IKECTL_VERSION;
	h.ik_op = (uint16_t)op;
	h.ik_seq = 1;
	if (name != NULL && snprintf(h.ik_name, sizeof(h.ik_name), "%s",
	    name) >= (int)sizeof(h.ik_name)) {
		errno = ENOENT;
		return false;
	}
	return send(fd, &h, sizeof(h), MSG_NOSIGNAL) == (ssize_t)sizeof(h);
}

static bool
iked_answer(int fd, union answer *an)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	memset(&an->an_hdr, 0, sizeof(an->an_hdr));
	errno = ETIMEDOUT;
	if (poll(&p, 1, ANSWER_MS) != 1)
		return false;
	if ((n = recv(fd, an, sizeof(*an), 0)) == 0)
		errno = ECONNRESET;	/* it has ended */
	return n >= (ssize_t)sizeof(an->an_hdr);
}

int
iked_command(const struct settings *se, unsigned op, const char *name,
    uint32_t *count)
{
	static union answer an;
	int fd = iked_open(se), error = 0;

	if (fd == -1)
		return errno;
	if (!iked_ask(fd, op, name))
		error = errno;
	while (error == 0 && an.an_hdr.ik_op != IKECTL_END)
		if (!iked_answer(fd, &an))
			error = errno != 0 ? errno : ECONNRESET;
	(void)close(fd);
	if (count != NULL)
		*count = an.an_hdr.ik_count;
	return error != 0 ? error : an.an_hdr.ik_errno;
}

struct listing {
	struct tunnel	*li_v;
	size_t		 li_n, li_cap;
};

static bool
keep_status(struct listing *li, const struct ikectl_status *is)
{
	struct tunnel *more;

	if (li->li_n == li->li_cap) {
		li->li_cap = li->li_cap == 0 ? 64 : li->li_cap * 2;
		more = reallocarray(li->li_v, li->li_cap, sizeof(*more));
		if (more == NULL)
			return false;
		li->li_v = more;
	}
	li->li_v[li->li_n++] = (struct tunnel){ .tu_st = is->is_status,
	    .tu_now = is->is_now };
	return true;
}

/* The lines of one answer; its errno. */
static int
ask_status(int fd, const char *name, struct listing *li)
{
	static union answer an;

	li->li_n = 0;
	if (!iked_ask(fd, IKECTL_STATUS, name))
		return errno;
	for (;;) {
		if (!iked_answer(fd, &an))
			return errno != 0 ? errno : ECONNRESET;
		if (an.an_hdr.ik_op == IKECTL_END)
			return an.an_hdr.ik_errno;
		if (an.an_hdr.ik_op == IKECTL_STATUS &&
		    !keep_status(li, &an.an_status))
			return ENOMEM;
	}
}

/* ---- netkern: SAs without their keys ---- */

struct sas {
	struct ctl_sa	*sl_v;
	size_t		 sl_n, sl_cap;
};

static void
keep_sa(void *arg, const void *body, size_t len)
{
	struct sas *sl = arg;
	struct ctl_sa *more;

	if (len != sizeof(*sl->sl_v))
		return;
	if (sl->sl_n == sl->sl_cap) {
		sl->sl_cap = sl->sl_cap == 0 ? 64 : sl->sl_cap * 2;
		more = reallocarray(sl->sl_v, sl->sl_cap, sizeof(*more));
		if (more == NULL) {
			sl->sl_cap = sl->sl_n;
			return;
		}
		sl->sl_v = more;
	}
	memcpy(&sl->sl_v[sl->sl_n++], body, len);
}

static int
by_spi(const void *a, const void *b)
{
	uint32_t x = ((const struct ctl_sa *)a)->cs_spi;
	uint32_t y = ((const struct ctl_sa *)b)->cs_spi;

	return x < y ? -1 : x > y;
}

static const struct ctl_sa *
find_sa(const struct sas *sl, uint32_t spi, const struct addr *dst)
{
	size_t lo = 0, hi = sl->sl_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (sl->sl_v[mid].cs_spi < spi)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < sl->sl_n && sl->sl_v[lo].cs_spi == spi; lo++)
		if (addr_equal(&sl->sl_v[lo].cs_dst, dst))
			return &sl->sl_v[lo];
	return NULL;
}

static void
count_one(const struct sas *sl, struct tunnel *tu)
{
	const struct ike_status *st = &tu->tu_st;
	const struct ctl_sa *in, *out;

	if (st->st_state != IKE_ST_UP)
		return;
	in = find_sa(sl, st->st_spi_in, &st->st_local);
	out = find_sa(sl, st->st_spi_out, &st->st_peer);
	tu->tu_asked = true;
	tu->tu_counted = in != NULL && out != NULL;
	if (!tu->tu_counted)
		return;
	tu->tu_in = in->cs_bytes;
	tu->tu_out = out->cs_bytes;
	tu->tu_in_last = (int64_t)in->cs_last;
	tu->tu_out_last = (int64_t)out->cs_last;
}

struct ctl_client *
netkern_open(struct page *pg)
{
	char err[300];
	struct ctl_client *cl = ctl_open(pg->pg_se->se_run, err, sizeof(err));

	if (cl == NULL)
		page_problem(pg, err);
	return cl;
}

static void
count_traffic(struct page *pg, struct tunnel *list, size_t n)
{
	struct ctl_client *cl = netkern_open(pg);
	struct sas sl = { 0 };

	if (cl == NULL)
		return;
	if (ctl_call(cl, CTL_IPSEC_SAS, NULL, 0, -1, keep_sa, &sl) == 0) {
		if (sl.sl_n != 0)
			qsort(sl.sl_v, sl.sl_n, sizeof(*sl.sl_v), by_spi);
		for (size_t i = 0; i < n; i++)
			count_one(&sl, &list[i]);
	} else {
		page_problem(pg, ctl_error(cl));
	}
	ctl_close(cl);
	free(sl.sl_v);
}

struct tunnel *
gather_tunnels(struct page *pg, const char *name, size_t *n)
{
	struct listing li = { 0 };
	int fd = iked_open(pg->pg_se), error = EAGAIN;

	*n = 0;
	if (fd == -1) {
		page_problem(pg, errno == EACCES ? "iked's socket is not for this "
		    "user: is it a member of the group _ravelin?" :
		    "iked does not run");
		return NULL;
	}
	/* EAGAIN: the policy changed while it was told */
	for (int i = 0; i < ASK_AGAIN && error == EAGAIN; i++)
		error = ask_status(fd, name, &li);
	(void)close(fd);
	if (error == EINVAL)
		page_problem(pg, "iked is of another version than these pages.");
	else if (error == ECONNRESET || error == EPIPE)
		page_problem(pg, "iked does not run");
	else if (error != 0 && error != ENOENT)
		page_problem(pg, "iked does not tell of its tunnels: try again.");
	*n = error == 0 ? li.li_n : 0;
	if (*n != 0)
		count_traffic(pg, li.li_v, *n);
	return li.li_v;
}

/* ---- order and objects ---- */

int
tunnel_rank(const struct tunnel *tu)
{
	static const int ranks[] = { [WORD_RETRY] = 0, [WORD_BLOCKED] = 1,
	    [WORD_SILENT] = 2, [WORD_WAITING] = 3, [WORD_CONNECTING] = 4,
	    [WORD_DISABLED] = 5, [WORD_DEMAND] = 6, [WORD_UP] = 7 };
	enum ike_reason why = tunnel_reason(tu);

	if (tunnel_word(tu) == WORD_CONNECTING &&
	    (why == IKE_R_NO_ANSWER || why == IKE_R_NO_AUTH_ANSWER ||
	    why == IKE_R_NO_ROUTE || why == IKE_R_NAT))
		return 3;
	return ranks[tunnel_word(tu)];
}

static int
by_name(const void *a, const void *b)
{
	const struct ike_status *x = &(*(const struct tunnel *const *)a)->tu_st;
	const struct ike_status *y = &(*(const struct tunnel *const *)b)->tu_st;
	int d = strcmp(x->st_policy, y->st_policy);

	return d != 0 ? d : strcmp(x->st_child, y->st_child);
}

static int
by_rank(const void *a, const void *b)
{
	int x = tunnel_rank(*(const struct tunnel *const *)a);
	int y = tunnel_rank(*(const struct tunnel *const *)b);

	return x != y ? x - y : by_name(a, b);
}

void
tunnels_sort(const struct tunnel **list, size_t n, bool name)
{
	if (n != 0)
		qsort(list, n, sizeof(*list), name ? by_name : by_rank);
}

void
tunnels_count(struct page *pg, const struct tunnel *list, size_t n)
{
	size_t count[WORD_BLOCKED + 1] = { 0 }, attention = 0;
	cJSON *o;

	if (n == 0 && cJSON_GetObjectItem(pg->pg_data, "problems") != NULL)
		return;
	o = put_object(pg->pg_data, "counts");
	for (size_t i = 0; i < n; i++) {
		count[tunnel_word(&list[i])]++;
		attention += tunnel_rank(&list[i]) <= 3;
	}
	put_number(o, "all", (double)n);
	put_number(o, "attention", (double)attention);
	for (int w = 0; w <= WORD_BLOCKED; w++)
		put_number(o, tunnel_word_id((enum tunnel_word)w),
		    (double)count[w]);
}

void
tunnel_put(cJSON *array, const struct tunnel *tu)
{
	const struct ike_status *st = &tu->tu_st;
	cJSON *o = status_json_tunnel(tu);

	if (!cJSON_AddItemToArray(array, o))
		return;
	put_bool(o, "attention", tunnel_rank(tu) <= 3);
	if (strcmp(st->st_policy, st->st_child) != 0)
		put_bool(o, "child_differs", true);
	if (st->st_retry_at > tu->tu_now)
		put_number(o, "retry_in_s",
		    (double)((st->st_retry_at - tu->tu_now) / 1000));
	if (tu->tu_in_last != 0)
		put_number(o, "in_last", (double)tu->tu_in_last);
	if (tu->tu_out_last != 0)
		put_number(o, "out_last", (double)tu->tu_out_last);
}

/* ---- events ---- */

void
events_put(struct page *pg, struct policyread *pr, const char *tunnel,
    uint64_t before, bool failures, unsigned max)
{
	cJSON *a = put_array(pg->pg_data, "events"), *o;
	struct history_event he;
	struct cur c;
	unsigned n;

	if (pr == NULL || !policyread_events(pr, tunnel, before, failures, max,
	    &c, &n))
		return;
	put_bool(pg->pg_data, "events_told", true);
	for (unsigned i = 0; i < n && history_event_get(&c, &he); i++) {
		if ((o = history_json(&he)) == NULL)
			return;
		cJSON_DeleteItemFromObject(o, "schema_version");
		(void)cJSON_AddItemToArray(a, o);
		if (i + 1 == n && n == max)
			put_number(pg->pg_data, "older", (double)he.he_id);
	}
}
