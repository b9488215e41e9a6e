/* SPDX-License-Identifier: ISC */
/*
 * Who may ask for changes: a group that a process was only given in addition
 * does not make it a member.
 */
#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libutil/peer.h"
#include "test.h"

static void
members(void)
{
	const struct group *gr = getgrnam("daemon");
	gid_t daemon;

	if (gr == NULL) {
		test_skip("there is no group daemon");
		return;
	}
	daemon = gr->gr_gid;
	CU_ASSERT(peer_is_member(0, 0, "daemon"));
	CU_ASSERT(peer_is_member(0, 0, "no-such-group"));
	CU_ASSERT(peer_is_member(geteuid(), 64999, "daemon"));
	CU_ASSERT(peer_is_member(64998, daemon, "daemon"));
	CU_ASSERT_FALSE(peer_is_member(64998, 64999, "daemon"));
	CU_ASSERT_FALSE(peer_is_member(64998, 0, "daemon"));
	CU_ASSERT_FALSE(peer_is_member(64998, 64999, "no-such-group"));
}

static void
other_end(void)
{
	uid_t uid = 1;
	gid_t gid = 1;
	int fds[2];

	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0);
	CU_ASSERT(peer_of(fds[0], &uid, &gid));
	CU_ASSERT_EQUAL(uid, geteuid());
	CU_ASSERT_EQUAL(gid, getegid());
	close(fds[0]);
	close(fds[1]);
	CU_ASSERT_FALSE(peer_of(fds[0], &uid, &gid));
}

TEST_MAIN(
	TEST("members of a group", members),
	TEST("the other end of a socket", other_end))
