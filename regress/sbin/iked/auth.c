/* SPDX-License-Identifier: ISC */
/*
 * The auth process, run as it is and spoken to over its sockets: it signs
 * and verifies with the policy's key, refuses what it has no key for, and
 * ends when it is sent what is no message.
 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../sbin/iked/iked.h"
#include "libike/ike_auth.h"
#include "libutil/imsg.h"
#include "libutil/log.h"
#include "test.h"

struct rig {
	pid_t	pid;
	int	parent, ike;
	char	dir[64];
};

static void
rig_up(struct rig *r)
{
	int parent[2], ike[2];

	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/iked-auth.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(r->dir));
	CU_ASSERT_EQUAL_FATAL(imsg_pair(parent), 0);
	CU_ASSERT_EQUAL_FATAL(imsg_pair(ike), 0);
	r->pid = fork();
	if (r->pid == 0) {
		close(parent[0]);
		close(ike[0]);
		_exit(iked_auth(parent[1], ike[1], r->dir));
	}
	close(parent[1]);
	close(ike[1]);
	r->parent = parent[0];
	r->ike = ike[0];
}

/* How it ended: 0, or 128 + signal, or -1 if it runs on after 5 s. */
static int
rig_down(struct rig *r)
{
	char empty[80];
	int status = 0, n;

	close(r->parent);
	close(r->ike);
	for (n = 0; n < 500 && waitpid(r->pid, &status, WNOHANG) == 0; n++)
		usleep(10000);
	(void)snprintf(empty, sizeof(empty), "%s/empty", r->dir);
	(void)rmdir(empty);
	(void)rmdir(r->dir);
	if (n == 500) {
		(void)kill(r->pid, SIGKILL);
		(void)waitpid(r->pid, &status, 0);
		return -1;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}

/* key NULL: it goes. */
static void
give_secrets(struct rig *r, const char *policy, const char *key, uint32_t keep)
{
	struct iked_secret x = { .ix_len = 0 };

	(void)snprintf(x.ix_policy, sizeof(x.ix_policy), "%s", policy);
	CU_ASSERT(imsg_send(r->parent, IMSG_SECRET_BEGIN, 0, &keep,
	    sizeof(keep), -1));
	if (key == NULL) {
		CU_ASSERT(imsg_send(r->parent, IMSG_SECRET_GONE, 0,
		    x.ix_policy, sizeof(x.ix_policy), -1));
	} else {
		x.ix_len = (uint16_t)strlen(key);
		memcpy(x.ix_key, key, strlen(key));
		CU_ASSERT(imsg_send(r->parent, IMSG_SECRET, 0, &x, sizeof(x),
		    -1));
	}
	CU_ASSERT(imsg_send(r->parent, IMSG_SECRET_END, 0, NULL, 0, -1));
	usleep(50000);		/* the two sockets have no common order */
}

static void
give_secret(struct rig *r, const char *policy, const char *key)
{
	give_secrets(r, policy, key, 0);
}

static struct imsg reply;

static bool
ask(struct rig *r, uint32_t type, const struct iked_auth_req *rq)
{
	struct pollfd p = { .fd = r->ike, .events = POLLIN };

	return imsg_send(r->ike, type, 77, rq, sizeof(*rq), -1) &&
	    poll(&p, 1, 5000) == 1 && imsg_recv(r->ike, &reply) == 1 &&
	    reply.im_id == 77;
}

static const char key[] = "a-key-of-decent-length";

static void
signs_and_verifies(void)
{
	static struct iked_auth_req rq;
	struct rig r;
	const struct iked_signed *ig;
	uint8_t want[IKE_HASH_MAX];
	size_t n;

	rig_up(&r);
	give_secret(&r, "paris", key);
	memset(&rq, 0, sizeof(rq));
	(void)snprintf(rq.ia_policy, sizeof(rq.ia_policy), "paris");
	rq.ia_prf = IKE_PRF_HMAC_SHA2_256;
	rq.ia_method = IKE_AUTH_METHOD_PSK;
	rq.ia_octets_len = 300;
	memset(rq.ia_octets, 0xa5, 300);
	n = ike_auth_psk(rq.ia_prf, key, strlen(key), rq.ia_octets, 300, want);
	CU_ASSERT_EQUAL(n, 32);

	CU_ASSERT_FATAL(ask(&r, IMSG_SIGN, &rq));
	ig = imsg_body(&reply, sizeof(*ig));
	CU_ASSERT_PTR_NOT_NULL_FATAL(ig);
	CU_ASSERT(ig->ig_ok == 1 && ig->ig_len == n);
	TEST_BYTES(ig->ig_auth, want, n);

	memcpy(rq.ia_auth, want, n);
	rq.ia_auth_len = (uint16_t)n;
	CU_ASSERT_FATAL(ask(&r, IMSG_VERIFY, &rq));
	CU_ASSERT_EQUAL(*(const uint32_t *)(const void *)reply.im_data,
	    IKE_VERIFY_OK);

	rq.ia_auth[n - 1] ^= 1;
	CU_ASSERT_FATAL(ask(&r, IMSG_VERIFY, &rq));
	CU_ASSERT_EQUAL(*(const uint32_t *)(const void *)reply.im_data,
	    IKE_VERIFY_BAD);
	rq.ia_auth[n - 1] ^= 1;

	rq.ia_auth_len = 0;	/* RFC 7296 2.15: an empty AUTH proves nothing */
	CU_ASSERT_FATAL(ask(&r, IMSG_VERIFY, &rq));
	CU_ASSERT_EQUAL(*(const uint32_t *)(const void *)reply.im_data,
	    IKE_VERIFY_BAD);
	rq.ia_auth_len = (uint16_t)n;

	rq.ia_method = 1;	/* an RSA signature is not what the policy wants */
	CU_ASSERT_FATAL(ask(&r, IMSG_VERIFY, &rq));
	CU_ASSERT_EQUAL(*(const uint32_t *)(const void *)reply.im_data,
	    IKE_VERIFY_BAD);
	rq.ia_method = IKE_AUTH_METHOD_PSK;

	(void)snprintf(rq.ia_policy, sizeof(rq.ia_policy), "lyon");
	CU_ASSERT_FATAL(ask(&r, IMSG_VERIFY, &rq));
	CU_ASSERT_EQUAL(*(const uint32_t *)(const void *)reply.im_data,
	    IKE_VERIFY_NOKEY);
	CU_ASSERT_FATAL(ask(&r, IMSG_SIGN, &rq));
	ig = imsg_body(&reply, sizeof(*ig));
	CU_ASSERT(ig != NULL && ig->ig_ok == 0);
	CU_ASSERT_EQUAL(rig_down(&r), 0);
}

static void
new_set_replaces_the_old(void)
{
	static struct iked_auth_req rq;
	struct rig r;

	rig_up(&r);
	give_secret(&r, "paris", key);
	give_secret(&r, "lyon", key);
	memset(&rq, 0, sizeof(rq));
	(void)snprintf(rq.ia_policy, sizeof(rq.ia_policy), "paris");
	rq.ia_prf = IKE_PRF_HMAC_SHA2_256;
	rq.ia_method = IKE_AUTH_METHOD_PSK;
	CU_ASSERT_FATAL(ask(&r, IMSG_VERIFY, &rq));
	CU_ASSERT_EQUAL(*(const uint32_t *)(const void *)reply.im_data,
	    IKE_VERIFY_NOKEY);
	CU_ASSERT_EQUAL(rig_down(&r), 0);
}

static bool
has_key(struct rig *r, const char *policy, const char *secret)
{
	static struct iked_auth_req rq;

	memset(&rq, 0, sizeof(rq));
	(void)snprintf(rq.ia_policy, sizeof(rq.ia_policy), "%s", policy);
	rq.ia_prf = IKE_PRF_HMAC_SHA2_256;
	rq.ia_method = IKE_AUTH_METHOD_PSK;
	rq.ia_auth_len = (uint16_t)ike_auth_psk(rq.ia_prf, secret,
	    strlen(secret), rq.ia_octets, 0, rq.ia_auth);
	CU_ASSERT_FATAL(ask(r, IMSG_VERIFY, &rq));
	return *(const uint32_t *)(const void *)reply.im_data == IKE_VERIFY_OK;
}

static void
secrets_by_difference(void)
{
	static const char other[] = "another-key-of-decent-length";
	struct rig r;

	rig_up(&r);
	give_secret(&r, "paris", key);
	give_secrets(&r, "lyon", key, 1);
	give_secrets(&r, "berlin", key, 1);
	CU_ASSERT(has_key(&r, "paris", key));
	CU_ASSERT(has_key(&r, "lyon", key));
	CU_ASSERT(has_key(&r, "berlin", key));
	give_secrets(&r, "lyon", other, 1);
	CU_ASSERT(has_key(&r, "lyon", other));
	CU_ASSERT(!has_key(&r, "lyon", key));
	give_secrets(&r, "berlin", NULL, 1);
	CU_ASSERT(!has_key(&r, "berlin", key));
	CU_ASSERT(has_key(&r, "paris", key));
	CU_ASSERT_EQUAL(rig_down(&r), 0);
}

static const struct {
	const char	*name;
	uint32_t	 type;
	size_t		 len;
	unsigned	 octets;
} hostile[] = {
	{ "no body", IMSG_SIGN, 0, 0 },
	{ "short body", IMSG_SIGN, 10, 0 },
	{ "one byte short", IMSG_VERIFY, sizeof(struct iked_auth_req) - 1, 0 },
	{ "one byte long", IMSG_VERIFY, sizeof(struct iked_auth_req) + 1, 0 },
	{ "unknown type", 999, sizeof(struct iked_auth_req), 0 },
	{ "a secret from the ike process", IMSG_SECRET,
	  sizeof(struct iked_auth_req), 0 },
	{ "more octets than there are", IMSG_SIGN,
	  sizeof(struct iked_auth_req), IKE_OCTETS_MAX + 1 },
};

static void
hostile_ike(void)
{
	static uint8_t body[sizeof(struct iked_auth_req) + 1];

	for (size_t i = 0; i < TEST_COUNT(hostile); i++) {
		struct iked_auth_req *rq = (void *)body;
		struct pollfd p = { .events = POLLIN };
		struct rig r;

		test_row("%s", hostile[i].name);
		memset(body, 0, sizeof(body));
		rq->ia_octets_len = (uint16_t)hostile[i].octets;
		rig_up(&r);
		CU_ASSERT(imsg_send(r.ike, hostile[i].type, 1, body,
		    hostile[i].len, -1));
		p.fd = r.ike;
		CU_ASSERT(poll(&p, 1, 5000) == 1);
		CU_ASSERT_EQUAL(imsg_recv(r.ike, &reply), -1);
		CU_ASSERT_EQUAL(rig_down(&r), 0);
	}
}

TEST_MAIN(
	TEST("signs and verifies", signs_and_verifies),
	TEST("a new set of secrets replaces the old", new_set_replaces_the_old),
	TEST("what changes, alone", secrets_by_difference),
	TEST("hostile ike process", hostile_ike))
