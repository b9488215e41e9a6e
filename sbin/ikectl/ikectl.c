/* SPDX-License-Identifier: ISC */
/*
 * ikectl(8): asks iked(8) through its socket (libctl/ikectl.h), and the
 * network kernel for the counters of SAs.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ikectl.h"
#include "libpfkey/pfkey.h"
#include "libpolicy/store.h"
#include "libutil/wrap.h"

struct session {
	const char	*ss_run;
	const char	*ss_command;	/* its whole name */
	int		 ss_fd;
	uint32_t	 ss_seq;
	bool		 ss_json;
	int		 ss_verbose;
	bool		 ss_nowait;
	unsigned	 ss_timeout;	/* seconds */
	unsigned	 ss_number;	/* of events; 0: not given */
	bool		 ss_resume;	/* after ss_since */
	uint64_t	 ss_since;
};

union answer {
	struct ikectl_hdr	an_hdr;
	struct ikectl_status	an_status;
	struct ikectl_event	an_event;
	struct ikectl_stats	an_stats;
};

_Noreturn static void
fail(int code, const char *text, const char *more)
{
	(void)fprintf(stderr, "ikectl: %s%s%s\n", text,
	    more != NULL ? ": " : "", more != NULL ? more : "");
	exit(code);
}

static void
session_open(struct session *ss)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s",
	    ss->ss_run, IKECTL_SOCKET);

	if (n < 0 || (size_t)n >= sizeof(sun.sun_path))
		fail(EX_USAGE_, "the run directory's name is too long", NULL);
	ss->ss_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (ss->ss_fd != -1 && connect(ss->ss_fd,
	    (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return;
	if (errno == EACCES || errno == EPERM)
		fail(EX_DENIED, sun.sun_path, "only root may ask iked");
	(void)fprintf(stderr, "ikectl: %s: %s: is iked running? "
	    "Start it, or name its run directory with -r\n", sun.sun_path,
	    strerror(errno));
	exit(EX_NODAEMON);
}

static void
ask(struct session *ss, enum ikectl_op op, const char *name)
{
	struct ikectl_hdr h;

	memset(&h, 0, sizeof(h));
	h.ik_version = IKECTL_VERSION;
	h.ik_op = (uint16_t)op;
	h.ik_seq = ++ss->ss_seq;
	if (name != NULL && snprintf(h.ik_name, sizeof(h.ik_name), "%s",
	    name) >= (int)sizeof(h.ik_name))
		fail(EX_NONAME, "no tunnel of that name", name);
	if (send(ss->ss_fd, &h, sizeof(h), MSG_NOSIGNAL) != sizeof(h))
		fail(EX_NODAEMON, "iked has gone", NULL);
}

/* One record; false after ms milliseconds without one. */
static bool
answer(struct session *ss, union answer *an, int ms)
{
	struct pollfd p = { .fd = ss->ss_fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, ms) != 1)
		return false;
	n = recv(ss->ss_fd, an, sizeof(*an), 0);
	if (n < (ssize_t)sizeof(an->an_hdr))
		fail(EX_NODAEMON, "iked has gone", NULL);
	return true;
}

/* The end of the present request. */
static uint32_t
wait_end(struct session *ss, const char *name)
{
	static union answer an;

	do {
		if (!answer(ss, &an, 5000))
			fail(EX_TIMEOUT, "iked does not answer", NULL);
	} while (an.an_hdr.ik_op != IKECTL_END ||
	    an.an_hdr.ik_seq != ss->ss_seq);
	if (an.an_hdr.ik_errno == ENOENT)
		fail(EX_NONAME, "no tunnel of that name", name);
	if (an.an_hdr.ik_errno == EPERM)
		fail(EX_DENIED, "this user may look, and change nothing", name);
	if (an.an_hdr.ik_errno != 0)
		fail(EX_ASKED_NO, name != NULL ? name : "all tunnels", strerror(an.an_hdr.ik_errno));
	return an.an_hdr.ik_count;
}

/* ---- status ------------------------------------------------------- */

static bool
sa_counters(struct pfkey *pk, uint32_t spi, const struct addr *src,
    const struct addr *dst, uint64_t *bytes, int64_t *last)
{
	struct pfkey_msg m, reply;

	pfkey_init(&m, SADB_GET, SADB_SATYPE_ESP);
	pfkey_set_ends(&m, src, dst);
	m.pm_sa.ps_spi = spi;
	pfkey_set(&m, SADB_EXT_SA);
	if (pfkey_call(pk, &m, &reply) != 0 ||
	    !PFKEY_HAS(&reply, PFKEY_EXT_STATS))
		return false;
	*bytes = reply.pm_stats.st_bytes;
	*last = (int64_t)reply.pm_stats.st_last;
	explicit_bzero(&reply, sizeof(reply));
	return true;
}

static void
count_traffic(const struct session *ss, struct tunnel *list, size_t n)
{
	char path[256];
	struct pfkey *pk;

	(void)snprintf(path, sizeof(path), "%s/key.sock", ss->ss_run);
	if ((pk = pfkey_open(path, PFKEY_O_PRIVATE)) == NULL)
		return;		/* shown as "-" */
	for (size_t i = 0; i < n; i++) {
		struct tunnel *tu = &list[i];
		const struct ike_status *st = &tu->tu_st;

		if (st->st_state != IKE_ST_UP)
			continue;
		tu->tu_asked = true;
		tu->tu_counted = sa_counters(pk, st->st_spi_in, &st->st_peer,
		    &st->st_local, &tu->tu_in, &tu->tu_in_last) &&
		    sa_counters(pk, st->st_spi_out, &st->st_local,
		    &st->st_peer, &tu->tu_out, &tu->tu_out_last);
	}
	pfkey_close(pk);
}

/* The lines of one answer; its errno. */
static int
read_status(struct session *ss, const char *name, struct tunnel **list,
    size_t *n)
{
	static union answer an;

	*n = 0;
	ask(ss, IKECTL_STATUS, name);
	for (;;) {
		if (!answer(ss, &an, 5000))
			fail(EX_TIMEOUT, "iked does not answer", NULL);
		if (an.an_hdr.ik_op == IKECTL_END)
			return an.an_hdr.ik_errno;
		if (an.an_hdr.ik_op != IKECTL_STATUS)
			continue;
		if ((*n & (*n - 1)) == 0)
			*list = reallocarray(*list, *n == 0 ? 1 : 2 * *n,
			    sizeof(**list));
		if (*list == NULL)
			fail(EX_ASKED_NO, strerror(errno), NULL);
		(*list)[*n] = (struct tunnel){
		    .tu_st = an.an_status.is_status,
		    .tu_now = an.an_status.is_now };
		(*n)++;
	}
}

/* Asked again if the policy changed while it was told. */
static struct tunnel *
get_status(struct session *ss, const char *name, size_t *n)
{
	struct tunnel *list = NULL;
	int e = EAGAIN;

	for (unsigned i = 0; i < 10 && e == EAGAIN; i++) {
		free(list);
		list = NULL;
		e = read_status(ss, name, &list, n);
	}
	if (e == ENOENT)
		fail(EX_NONAME, "no tunnel of that name", name);
	if (e != 0)
		fail(EX_TEMPORARY, "the policy changes all the time: try again",
		    NULL);
	count_traffic(ss, list, *n);
	return list;
}

static int
all_up(const struct tunnel *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!tunnel_up(&list[i]))
			return EX_ASKED_NO;
	return 0;
}

/* With a name, the exit code says whether it is up. */
static int
cmd_status(struct session *ss, const char *name)
{
	size_t n;
	struct tunnel *list = get_status(ss, name, &n);
	int code = name != NULL ? all_up(list, n) : 0;

	if (ss->ss_json)
		status_json(list, n);
	else if (ss->ss_verbose != 0)
		status_verbose(list, n);
	else
		status_table(list, n);
	free(list);
	return code;
}

/* How the last attempt ended; of the one that goes on `now' is known. */
static void
why_before(const struct tunnel *tu, const char *now)
{
	struct history_event he;
	char when[32];
	time_t t;

	if (!history_last_failure(tu->tu_st.st_policy, &he) ||
	    strcmp(he.he_reason, now) == 0)
		return;
	t = (time_t)(he.he_time / 1000);
	(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", localtime(&t));
	printf("  last failure: %s, %s %s\n", when, he.he_event, he.he_reason);
	wrap_print(stdout, "", he.he_text, 2, 80);
}

static void
why_one(const struct tunnel *tu)
{
	const struct ike_status *st = &tu->tu_st;
	enum ike_reason r = tunnel_reason(tu);
	char state[32], text[IKE_TEXT_MAX];
	const char *detail;

	printf("%s: %s\n", st->st_policy, tunnel_state(tu, state));
	if (tunnel_trouble(tu)) {
		printf("  reason: %s %s\n", ike_reason_id(r),
		    ike_reason_title(r));
		detail = tunnel_detail(tu, text, sizeof(text));
		if (detail[0] != '\0')
			wrap_print(stdout, "", detail, 2, 80);
		wrap_print(stdout, "", ike_reason_advice(r), 2, 80);
		if (st->st_state == IKE_ST_CONNECTING)
			why_before(tu, ike_reason_id(r));
	} else {
		why_before(tu, "");
	}
	if (st->st_retry_at > tu->tu_now)
		printf("  next attempt in %llus\n", (unsigned long long)
		    (st->st_retry_at - tu->tu_now) / 1000);
}

static void
why_json(const struct tunnel *list, size_t n)
{
	cJSON *o = cJSON_CreateObject(), *a, *t;
	struct history_event he;

	(void)cJSON_AddNumberToObject(o, "schema_version", SCHEMA_VERSION);
	a = cJSON_AddArrayToObject(o, "tunnels");
	for (size_t i = 0; i < n; i++) {
		t = status_json_tunnel(&list[i]);
		if (history_last_failure(list[i].tu_st.st_policy, &he)) {
			cJSON *last = history_json(&he);

			cJSON_DeleteItemFromObject(last, "schema_version");
			(void)cJSON_AddItemToObject(t, "last_failure", last);
		}
		(void)cJSON_AddItemToArray(a, t);
	}
	json_out(o, false);
}

/* Without a name: of all that are not as they should be. */
static size_t
troubled(struct tunnel *list, size_t n)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (tunnel_trouble(&list[i]))
			list[m++] = list[i];
	return m;
}

static void
why_all(const struct session *ss, const struct tunnel *list, size_t n)
{
	if (ss->ss_json)
		why_json(list, n);
	else
		for (size_t i = 0; i < n; i++)
			why_one(&list[i]);
}

static int
cmd_why(struct session *ss, const char *name)
{
	size_t n;
	struct tunnel *list = get_status(ss, name, &n);

	if (name == NULL)
		n = troubled(list, n);
	if (n == 0 && !ss->ss_json)
		printf("of no tunnel is anything known to be wrong\n");
	why_all(ss, list, n);
	free(list);
	return 0;
}

/* Needs no iked: the history is the store's. */
static int
cmd_history(struct session *ss, const char *name)
{
	return history_list(name, ss->ss_number != 0 ? ss->ss_number :
	    name != NULL ? 0 : 50, ss->ss_json);
}

/* ---- commands ----------------------------------------------------- */

static uint64_t
clock_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec;
}

static bool
event_is_of(const struct ike_event *ev, const char *name)
{
	size_t n = strlen(ev->ev_policy);

	return name == NULL || (strncmp(ev->ev_policy, name, n) == 0 &&
	    (name[n] == '\0' || name[n] == '/'));
}

/* Shows what happens until one of the two events comes. */
static int
watch(struct session *ss, const char *name, enum ike_event_type good)
{
	static union answer an;
	uint64_t end = clock_s() + ss->ss_timeout;

	while (clock_s() < end) {
		const struct ike_event *ev = &an.an_event.ie_event;

		if (!answer(ss, &an, 500) || an.an_hdr.ik_op != IKECTL_EVENT ||
		    !event_is_of(ev, name))
			continue;
		event_print(&an.an_event, ss->ss_json);
		if (ev->ev_type == good)
			return 0;
		if (ev->ev_type == IKE_EV_FAILED)
			return EX_ASKED_NO;
	}
	(void)fprintf(stderr, "ikectl: nothing final within %u seconds; "
	    "see: ikectl status\n", ss->ss_timeout);
	return EX_TIMEOUT;
}

static int
done(const struct session *ss, const char *name, int code, const char *text)
{
	outcome_print(ss->ss_command, name, code, text, ss->ss_json);
	return code;
}

static int
command(struct session *ss, enum ikectl_op op, const char *name,
    enum ike_event_type good)
{
	if (!ss->ss_nowait) {
		ask(ss, IKECTL_MONITOR, NULL);
		(void)wait_end(ss, NULL);
	}
	ask(ss, op, name);
	if (ss->ss_nowait) {
		(void)wait_end(ss, name);
		return done(ss, name, 0, "");
	}
	return done(ss, name, watch(ss, name, good), "");
}

/*
 * Refuses an unknown name, and a rule that cannot be carried out; says if there is
 * nothing to do.
 */
static bool
is_up(struct session *ss, const char *name)
{
	size_t n;
	struct tunnel *list = get_status(ss, name, &n);
	bool up = all_up(list, n) == 0 && n != 0;

	for (size_t i = 0; i < n; i++)
		if (list[i].tu_st.st_state == IKE_ST_BLOCKED)
			fail(EX_CONFIG_, name, list[i].tu_st.st_note);
	free(list);
	return up;
}

static int
cmd_up(struct session *ss, const char *name)
{
	char text[160];

	if (!is_up(ss, name))
		return command(ss, IKECTL_UP, name, IKE_EV_CHILD_UP);
	(void)snprintf(text, sizeof(text), "%s is up", name);
	return done(ss, name, 0, text);
}

static int
cmd_down(struct session *ss, const char *name)
{
	bool up = is_up(ss, name);
	char text[160];

	ask(ss, IKECTL_DOWN, name);
	(void)wait_end(ss, name);
	(void)snprintf(text, sizeof(text), up ? "%s taken down" :
	    "%s was not up", name);
	return done(ss, name, 0, text);
}

static int
cmd_rekey(struct session *ss, const char *name)
{
	if (!is_up(ss, name))
		fail(EX_ASKED_NO, name, "not up: nothing to rekey");
	return command(ss, IKECTL_REKEY, name, IKE_EV_CHILD_REKEYED);
}

static int
cmd_rekey_ike(struct session *ss, const char *name)
{
	if (!is_up(ss, name))
		fail(EX_ASKED_NO, name, "not up: nothing to rekey");
	return command(ss, IKECTL_REKEY_IKE, name, IKE_EV_IKE_REKEYED);
}

static int
cmd_reset(struct session *ss, const char *name)
{
	char text[160];

	(void)is_up(ss, name);
	ask(ss, IKECTL_RESET, name);
	(void)snprintf(text, sizeof(text), "%u IKE SAs deleted",
	    wait_end(ss, name));
	return done(ss, name, 0, text);
}

/* Waits for what iked finds out about each of so many IKE SAs. */
static void
checked(struct session *ss, const char *name, uint32_t left)
{
	static union answer an;
	uint64_t end = clock_s() + ss->ss_timeout;

	while (left != 0 && clock_s() < end) {
		const struct ike_event *ev = &an.an_event.ie_event;

		if (!answer(ss, &an, 500) || an.an_hdr.ik_op != IKECTL_EVENT ||
		    !event_is_of(ev, name) || ev->ev_type != IKE_EV_CHECKED)
			continue;
		left--;
		if (ev->ev_reason == IKE_R_NONE && !ss->ss_json)
			wrap_print(stdout, "", ev->ev_text, 2, 80);
	}
	if (left != 0)
		fail(EX_TIMEOUT, name, "the size of packets that reach the peer "
		    "was not found out in time");
}

/* Tries what can be tried, and says what is wrong. */
static int
cmd_check(struct session *ss, const char *name)
{
	struct tunnel *list;
	size_t n, bad;
	uint32_t count;
	bool down;

	if (is_up(ss, name)) {
		ask(ss, IKECTL_MONITOR, NULL);
		(void)wait_end(ss, NULL);
		ask(ss, IKECTL_CHECK, name);
		count = wait_end(ss, name);
		if (!ss->ss_json)
			printf("%s: up; sizes of packets are tried\n", name);
		checked(ss, name, count);
	}
	list = get_status(ss, name, &n);
	down = all_up(list, n) != 0;
	bad = down || ss->ss_json ? n : troubled(list, n);
	why_all(ss, list, bad);
	bad = troubled(list, n);
	free(list);
	return down || bad != 0 ? EX_ASKED_NO : 0;
}

static int
cmd_monitor(struct session *ss, const char *name)
{
	static union answer an;
	uint64_t last;

	ask(ss, IKECTL_MONITOR, NULL);
	do {
		if (!answer(ss, &an, 5000))
			fail(EX_TIMEOUT, "iked does not answer", NULL);
	} while (an.an_hdr.ik_op != IKECTL_STATS);
	last = an.an_stats.it_event;
	if (ss->ss_since > last)
		(void)fprintf(stderr, "ikectl: the newest event is %llu: the "
		    "history has begun anew\n", (unsigned long long)last);
	else if (ss->ss_resume)
		(void)history_catch_up(name, ss->ss_since, last, ss->ss_json);
	while (ferror(stdout) == 0)
		if (answer(ss, &an, -1) && an.an_hdr.ik_op == IKECTL_EVENT &&
		    event_is_of(&an.an_event.ie_event, name))
			event_print(&an.an_event, ss->ss_json);
	return EX_ASKED_NO;
}

static int
cmd_stats(struct session *ss, const char *name)
{
	static union answer an;

	(void)name;
	ask(ss, IKECTL_STATS, NULL);
	do {
		if (!answer(ss, &an, 5000))
			fail(EX_TIMEOUT, "iked does not answer", NULL);
	} while (an.an_hdr.ik_op != IKECTL_STATS);
	stats_print(&an.an_stats, ss->ss_json);
	return 0;
}

static int
cmd_metrics(struct session *ss, const char *name)
{
	static union answer an;
	struct tunnel *list;
	size_t n;

	(void)name;
	list = get_status(ss, NULL, &n);
	ask(ss, IKECTL_STATS, NULL);
	do {
		if (!answer(ss, &an, 5000))
			fail(EX_TIMEOUT, "iked does not answer", NULL);
	} while (an.an_hdr.ik_op != IKECTL_STATS);
	metrics_print(list, n, &an.an_stats, ss->ss_run);
	free(list);
	return 0;
}

static const struct {
	const char	*name;
	int		(*fn)(struct session *, const char *);
	int		 least, most;		/* arguments */
	const char	*args, *help;
	bool		 alone;			/* needs no iked */
} table[] = {
	{ "status", cmd_status, 0, 1, "[name]",
	    "tunnels: up or down, and since when", false },
	{ "why", cmd_why, 0, 1, "[name]",
	    "why it is down, and what to change", false },
	{ "check", cmd_check, 1, 1, "name",
	    "what size of packet passes, what is wrong", false },
	{ "up", cmd_up, 1, 1, "name", "connect now", false },
	{ "down", cmd_down, 1, 1, "name", "delete, and stay down", false },
	{ "rekey", cmd_rekey, 1, 1, "name",
	    "new keys for the child SA", false },
	{ "rekey-ike", cmd_rekey_ike, 1, 1, "name",
	    "new keys for the IKE SA", false },
	{ "reset", cmd_reset, 1, 1, "name",
	    "delete the IKE SA; active ones reconnect", false },
	{ "history", cmd_history, 0, 1, "[-n N] [name]",
	    "what happened, after restarts too", true },
	{ "monitor", cmd_monitor, 0, 1, "[--since N] [name]",
	    "events as they happen", false },
	{ "metrics", cmd_metrics, 0, 0, "",
	    "all numbers as Prometheus text", false },
	{ "stats", cmd_stats, 0, 0, "", "counters of iked", false },
};
#define NCOMMANDS	(sizeof(table) / sizeof(table[0]))

_Noreturn static void
usage(void)
{
	(void)fprintf(stderr, "usage: ikectl [-jv] [-r rundir] [-t seconds] "
	    "[--no-wait] command [name]\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		(void)fprintf(stderr, "       %-9s %-18s %s\n", table[i].name,
		    table[i].args, table[i].help);
	exit(EX_USAGE_);
}

/* A command by its name or an unambiguous beginning of it. */
static size_t
find_command(const char *word)
{
	size_t found = NCOMMANDS, n = strlen(word);

	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (strcmp(table[i].name, word) == 0)
			return i;
		if (strncmp(table[i].name, word, n) != 0)
			continue;
		if (found != NCOMMANDS)
			fail(EX_USAGE_, "ambiguous command", word);
		found = i;
	}
	if (found == NCOMMANDS) {
		(void)fprintf(stderr, "ikectl: no command \"%s\"\n", word);
		usage();
	}
	return found;
}

/* For the shell (etc/completion.bash): what may come next. */
_Noreturn static void
complete(const char *what)
{
	struct session ss = { .ss_run = policy_run_dir(NULL), .ss_fd = -1 };
	struct tunnel *list;
	size_t n;

	if (what == NULL) {
		for (size_t i = 0; i < NCOMMANDS; i++)
			printf("%s\n", table[i].name);
		exit(0);
	}
	session_open(&ss);
	list = get_status(&ss, NULL, &n);
	for (size_t i = 0; i < n; i++)
		printf("%s\n", list[i].tu_st.st_policy);
	free(list);
	exit(0);
}

static uint64_t
number(const char *what, const char *text, uint64_t least, uint64_t most)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || v < least || v > most)
		fail(EX_USAGE_, what, text);
	return v;
}

/* Before the command -n is --no-wait; behind `history' it takes a number. */
static void
options(struct session *ss, int argc, char **argv, const char *letters,
    bool history)
{
	static const struct option longs[] = {
		{ "no-wait", no_argument, NULL, 'N' },
		{ "since", required_argument, NULL, 'S' },
		{ NULL, 0, NULL, 0 }
	};
	int ch;

	while ((ch = getopt_long(argc, argv, letters, longs, NULL)) != -1)
		switch (ch) {
		case 'j':
			ss->ss_json = true;
			break;
		case 'n':
			if (history)
				ss->ss_number = (unsigned)number("not a number "
				    "of events", optarg, 1, HISTORY_ROWS);
			else
				ss->ss_nowait = true;
			break;
		case 'N':
			ss->ss_nowait = true;
			break;
		case 'r':
			ss->ss_run = optarg;
			break;
		case 'S':
			ss->ss_resume = true;
			ss->ss_since = number("not an event's number", optarg,
			    0, INT64_MAX);
			break;
		case 't':
			ss->ss_timeout = (unsigned)number("seconds must be 1 "
			    "to 86400", optarg, 1, 86400);
			break;
		case 'v':
			ss->ss_verbose++;
			break;
		default:
			usage();
		}
}

int
main(int argc, char **argv)
{
	struct session ss = { .ss_timeout = 30, .ss_fd = -1 };
	bool history;
	size_t cmd;

	if (argc > 1 && strcmp(argv[1], "--complete") == 0)
		complete(argc > 2 ? argv[2] : NULL);
	options(&ss, argc, argv, "+jnr:t:v", false);
	argc -= optind;
	argv += optind;
	if (argc < 1)
		usage();
	cmd = find_command(argv[0]);
	history = table[cmd].fn == cmd_history;
	optind = 0;
	options(&ss, argc, argv, history ? "jn:r:v" : "jnr:t:v", history);
	argc -= optind;
	argv += optind;
	if (argc < table[cmd].least || argc > table[cmd].most)
		usage();
	ss.ss_run = policy_run_dir(ss.ss_run);
	ss.ss_command = table[cmd].name;
	if (!table[cmd].alone)
		session_open(&ss);
	return table[cmd].fn(&ss, argc > 0 ? argv[0] : NULL);
}
