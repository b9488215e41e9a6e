/* SPDX-License-Identifier: ISC */
/*
 * The status of very many tunnels through iked.sock: all of them come, however
 * slowly the client reads; a policy that takes effect meanwhile is told; and who
 * does not read holds nobody up.
 */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../sbin/iked/control.h"
#include "idle.h"
#include "libctl/ikectl.h"
#include "test.h"

#define MANY	3000

struct rig {
	struct ikeproc	 rg_ip;
	struct ikeio	 rg_io;
	struct events	 rg_events;
	struct control	*rg_control;
	char		 rg_path[80];
	uint64_t	 rg_number;
};

static struct rig rig;
static struct iked_rule rule;

static void
make_rule(unsigned n, uint32_t lifetime)
{
	struct ike_child_conf *ch = &rule.ir_child;
	char text[32];

	memset(&rule, 0, sizeof(rule));
	(void)snprintf(rule.ir_policy.po_name, IKE_NAME_MAX, "t%u", n);
	(void)snprintf(text, sizeof(text), "198.18.%u.%u", n / 256, n % 256);
	(void)addr_parse(text, &rule.ir_policy.po_peer.pr_addr);
	rule.ir_policy.po_peer.pr_len = 32;
	rule.ir_policy.po_lifetime_s = lifetime;
	rule.ir_policy.po_nchildren = 1;
	(void)snprintf(ch->ch_name, sizeof(ch->ch_name), "t%u", n);
	ch->ch_reqid = n + 1;
}

/* MANY rules and two that are blocked; or all but the first as before. */
static void
set_policy(bool whole)
{
	struct iked_begin begin = { .ib_base = whole ? 0 : rig.rg_number };
	struct iked_end end = { .ie_number = ++rig.rg_number,
	    .ie_revision = rig.rg_number, .ie_rules = MANY, .ie_blocked = 2 };
	struct iked_same same = { 1, MANY - 1, 0, { 0 } },
	    blocked = { 0, 2, 1, { 0 } };
	struct iked_blocked ib = { .ib_why = "because" };

	CU_ASSERT(ikeproc_policy_begin(&rig.rg_ip, &begin));
	for (unsigned i = 0; i < (whole ? MANY : 1); i++) {
		make_rule(i, 1000 + (uint32_t)rig.rg_number);
		CU_ASSERT(ikeproc_policy_rule(&rig.rg_ip, &rule));
	}
	if (whole) {
		for (unsigned i = 0; i < 2; i++) {
			(void)snprintf(ib.ib_name, sizeof(ib.ib_name), "b%u", i);
			CU_ASSERT(ikeproc_policy_blocked(&rig.rg_ip, &ib));
		}
	} else {
		CU_ASSERT(ikeproc_policy_same(&rig.rg_ip, &same));
		CU_ASSERT(ikeproc_policy_same(&rig.rg_ip, &blocked));
	}
	CU_ASSERT(ikeproc_policy_end(&rig.rg_ip, &end));
	CU_ASSERT_EQUAL(rig.rg_ip.ip_revision, rig.rg_number);
}

static void
rig_up(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	memset(&rig, 0, sizeof(rig));
	idle_io(&rig.rg_io);
	rig.rg_ip.ip_io = &rig.rg_io;
	set_policy(true);
	events_init(&rig.rg_events, -1);
	(void)snprintf(rig.rg_path, sizeof(rig.rg_path), "/tmp/control.%d",
	    (int)getpid());
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", rig.rg_path);
	CU_ASSERT_FATAL(bind(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)) == 0 && listen(fd, 8) == 0);
	(void)chmod(rig.rg_path, 0666);
	rig.rg_control = control_new(fd, &(struct peer_members){ .pm_there = true,
	    .pm_gid = 64081, .pm_user = { 64082 }, .pm_n = 1 });
}

static void
rig_down(void)
{
	control_free(rig.rg_control);
	(void)unlink(rig.rg_path);
	ikeproc_fini(&rig.rg_ip);
}

/* The ike process's loop goes round once. */
static void
turn(void)
{
	struct pollfd p[CONTROL_CLIENTS + 1];
	size_t n = control_poll(rig.rg_control, p, CONTROL_CLIENTS + 1);

	if (poll(p, n, 0) > 0)
		control_ready(rig.rg_control, &rig.rg_ip, &rig.rg_events, true,
		    p, n);
}

static int
client(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", rig.rg_path);
	CU_ASSERT_FATAL(connect(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)) == 0);
	turn();
	return fd;
}

static void
ask(int fd, enum ikectl_op op, const char *name)
{
	struct ikectl_hdr h;

	memset(&h, 0, sizeof(h));
	h.ik_version = IKECTL_VERSION;
	h.ik_op = (uint16_t)op;
	(void)snprintf(h.ik_name, sizeof(h.ik_name), "%s", name);
	CU_ASSERT_EQUAL(send(fd, &h, sizeof(h), MSG_NOSIGNAL), sizeof(h));
	turn();
}

union answer {
	struct ikectl_hdr	hdr;
	struct ikectl_status	status;
	struct ikectl_stats	stats;
};

/* A record, for which the loop goes round; false: none comes. */
static bool
take(int fd, union answer *an)
{
	for (int i = 0; i < 10; i++) {
		if (recv(fd, an, sizeof(*an), MSG_DONTWAIT) > 0)
			return true;
		turn();
	}
	return false;
}

/* To the END, whose errno is told; so many lines, in the order of the rules. */
static size_t
take_all(int fd, int *error, bool *ordered)
{
	static union answer an;
	char name[16];
	size_t n = 0;

	*ordered = true;
	*error = -1;
	while (take(fd, &an)) {
		if (an.hdr.ik_op == IKECTL_END) {
			*error = an.hdr.ik_errno;
			break;
		}
		(void)snprintf(name, sizeof(name), n < MANY ? "t%zu" : "b%zu",
		    n < MANY ? n : n - MANY);
		*ordered &= strcmp(name, an.status.is_status.st_policy) == 0;
		n++;
	}
	return n;
}

static void
status(void)
{
	static union answer an;
	bool ordered;
	int fd, idle, error;

	rig_up();
	test_row("all of %u", MANY);
	fd = client();
	ask(fd, IKECTL_STATUS, "");
	CU_ASSERT_EQUAL(take_all(fd, &error, &ordered), MANY + 2);
	CU_ASSERT_EQUAL(error, 0);
	CU_ASSERT_TRUE(ordered);

	test_row("a client that does not read holds nobody up");
	idle = client();
	ask(idle, IKECTL_STATUS, "");
	ask(fd, IKECTL_STATUS, "");
	CU_ASSERT_EQUAL(take_all(fd, &error, &ordered), MANY + 2);
	CU_ASSERT_EQUAL(error, 0);
	close(idle);
	turn();

	test_row("the policy changes meanwhile");
	ask(fd, IKECTL_STATUS, "");
	CU_ASSERT_TRUE(take(fd, &an));
	set_policy(false);
	CU_ASSERT_TRUE(take_all(fd, &error, &ordered) < MANY);
	CU_ASSERT_EQUAL(error, EAGAIN);
	ask(fd, IKECTL_STATUS, "");
	CU_ASSERT_EQUAL(take_all(fd, &error, &ordered), MANY + 2);
	CU_ASSERT_EQUAL(error, 0);

	test_row("one by its name");
	ask(fd, IKECTL_STATUS, "t77");
	CU_ASSERT_TRUE(take(fd, &an));
	TEST_STRING(an.status.is_status.st_policy, "t77");
	CU_ASSERT_TRUE(take(fd, &an));
	CU_ASSERT_EQUAL(an.hdr.ik_op, IKECTL_END);
	CU_ASSERT_EQUAL(an.hdr.ik_count, 1);
	ask(fd, IKECTL_STATUS, "t77/t77");
	CU_ASSERT_EQUAL(take_all(fd, &error, &ordered), 1);
	CU_ASSERT_EQUAL(error, 0);
	ask(fd, IKECTL_STATUS, "b1");
	CU_ASSERT_EQUAL(take_all(fd, &error, &ordered), 1);
	ask(fd, IKECTL_STATUS, "t77/other");
	CU_ASSERT_EQUAL(take_all(fd, &error, &ordered), 0);
	CU_ASSERT_EQUAL(error, ENOENT);

	test_row("the next question is answered after the status");
	ask(fd, IKECTL_STATUS, "");
	ask(fd, IKECTL_STATS, "");
	CU_ASSERT_EQUAL(take_all(fd, &error, &ordered), MANY + 2);
	CU_ASSERT_TRUE(take(fd, &an));
	CU_ASSERT_EQUAL(an.hdr.ik_op, IKECTL_STATS);
	CU_ASSERT_EQUAL(an.stats.it_revision, rig.rg_number);
	close(fd);
	rig_down();
}

/* In a child: as that user, asks and exits with the errno of the answer. */
static void
ask_as(uid_t uid, gid_t gid, gid_t besides, enum ikectl_op op)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct ikectl_hdr h = { .ik_version = IKECTL_VERSION,
	    .ik_op = (uint16_t)op, .ik_name = "t1" };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	union answer an = { .hdr.ik_errno = 99 };

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", rig.rg_path);
	if (setgroups(1, &besides) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1 || connect(fd,
	    (const struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    send(fd, &h, sizeof(h), MSG_NOSIGNAL) == -1)
		_exit(99);
	do
		if (recv(fd, &an, sizeof(an), 0) <= 0)
			_exit(98);
	while (an.hdr.ik_op != IKECTL_END);
	_exit(an.hdr.ik_errno);
}

/* The group besides one's own is for looking. */
static void
who(void)
{
	static const struct {
		const char	*name;
		uid_t		 uid;
		gid_t		 gid, besides;
		int		 error;
	} cases[] = {
		{ "root", 0, 0, 0, 0 },
		{ "its own group", 64090, 64081, 64091, 0 },
		{ "listed", 64082, 64091, 64091, 0 },
		{ "besides its own", 64090, 64091, 64081, EPERM },
	};
	int status = 0;
	pid_t pid;

	if (getuid() != 0) {
		test_skip("only root can be others");
		return;
	}
	for (size_t i = 0; i < 2 * TEST_COUNT(cases); i++) {
		bool look = i % 2 != 0;

		test_row("%s: %s", cases[i / 2].name, look ? "looks" : "stops");
		rig_up();
		if ((pid = fork()) == 0)
			ask_as(cases[i / 2].uid, cases[i / 2].gid,
			    cases[i / 2].besides, look ? IKECTL_STATS :
			    IKECTL_DOWN);
		while (waitpid(pid, &status, WNOHANG) == 0) {
			turn();
			(void)poll(NULL, 0, 1);
		}
		CU_ASSERT_EQUAL(WEXITSTATUS(status), look ? 0 :
		    cases[i / 2].error);
		rig_down();
	}
}

TEST_MAIN(
	TEST("the status of very many", status),
	TEST("who may change anything", who))
