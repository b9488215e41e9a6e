/* SPDX-License-Identifier: ISC */
/*
 * The ike process's shell: waits on its sockets, hands what comes to the half
 * without I/O (ikeproc.h), and carries out what that asks for.
 *
 * It holds no long-term secret: AUTH values are made and verified by the auth
 * process.  It opens nothing: every descriptor comes from the parent.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "event.h"
#include "libutil/log.h"
#include "libutil/sandbox.h"

#define SOURCE_WAIT_MS	500

struct shell {
	struct ikeproc	 sh_ip;
	struct ikeio	 sh_io;
	int		 sh_parent;
	int		 sh_auth;
	struct pfkey	*sh_key;	/* NULL: no network kernel */
	bool		 sh_key_once;	/* there was one */
	int		 sh_udp;	/* -1 likewise */
	int		 sh_source;
	struct control	*sh_control;
	struct events	 sh_events;
	struct imsg	 sh_msg;
};

/* ---- what the other half asks for --------------------------------- */

static uint64_t
shell_now(void *arg)
{
	struct timespec ts;

	(void)arg;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000 + 1;
}

static int64_t
shell_date(void *arg)
{
	(void)arg;
	return time(NULL);
}

static void
shell_random(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;

	(void)arg;
	while (n != 0) {
		ssize_t r = getrandom(p, n, 0);

		if (r > 0) {
			p += r;
			n -= (size_t)r;
		} else if (errno != EINTR) {
			log_fatal("getrandom");
		}
	}
}

/* The parent connects again and sends new descriptors. */
static void
kernel_gone(struct shell *sh)
{
	if (sh->sh_key == NULL && sh->sh_udp == -1 && sh->sh_source == -1)
		return;
	log_warn("the network kernel has gone");
	if (sh->sh_key != NULL)
		pfkey_close(sh->sh_key);
	if (sh->sh_udp != -1)
		close(sh->sh_udp);
	if (sh->sh_source != -1)
		close(sh->sh_source);
	sh->sh_key = NULL;
	sh->sh_udp = sh->sh_source = -1;
	(void)imsg_send(sh->sh_parent, IMSG_KERNEL_GONE, 0, NULL, 0, -1);
}

static int
shell_key_send(void *arg, struct pfkey_msg *m)
{
	struct shell *sh = arg;
	int e = sh->sh_key == NULL ? ENOTCONN : pfkey_send(sh->sh_key, m);

	if (e != 0 && e != ENOTCONN && e != EAGAIN && e != EMSGSIZE)
		kernel_gone(sh);
	return e;
}

static void
shell_udp_send(void *arg, const struct udp_msg *um, const uint8_t *data,
    size_t len)
{
	struct shell *sh = arg;
	struct udp_msg head = *um;
	struct iovec iov[2] = { { &head, sizeof(head) }, { .iov_len = len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = len != 0 ? 2 : 1 };

	if (sh->sh_udp == -1)
		return;		/* may be lost; libike sends it again */
	memcpy(&iov[1].iov_base, &data, sizeof(data));
	if (sendmsg(sh->sh_udp, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		log_debug("datagram not sent: %s", strerror(errno));
}

/* Asked on a socket of its own, so that no datagram comes in between. */
static bool
ask_way(struct shell *sh, const struct addr *dst, struct addr *src,
    unsigned *mtu)
{
	struct udp_msg um = { .um_op = UDP_SOURCE, .um_raddr = *dst };
	struct pollfd p = { .fd = sh->sh_source, .events = POLLIN };

	if (sh->sh_source == -1 ||
	    send(sh->sh_source, &um, sizeof(um), MSG_NOSIGNAL) == -1)
		return false;
	while (poll(&p, 1, SOURCE_WAIT_MS) == 1) {
		if (recv(sh->sh_source, &um, sizeof(um), MSG_DONTWAIT) !=
		    (ssize_t)sizeof(um))
			return false;
		if (!addr_equal(&um.um_raddr, dst))
			continue;	/* a late answer to another question */
		*src = um.um_laddr;
		*mtu = um.um_mtu;
		return um.um_op == UDP_SOURCE && src->ad_af != 0;
	}
	return false;
}

static bool
shell_source(void *arg, const struct addr *dst, struct addr *src)
{
	unsigned mtu;

	return ask_way(arg, dst, src, &mtu);
}

static unsigned
shell_mtu(void *arg, const struct addr *dst)
{
	struct addr src;
	unsigned mtu;

	return ask_way(arg, dst, &src, &mtu) ? mtu : 0;
}

static bool
shell_auth(void *arg, uint32_t type, uint32_t id,
    const struct iked_auth_req *rq)
{
	struct shell *sh = arg;

	return imsg_send(sh->sh_auth, type, id, rq, sizeof(*rq), -1);
}

static void
shell_event(void *arg, const struct ike_event *ev, bool keep)
{
	struct shell *sh = arg;
	struct iked_event ie;

	events_add(&sh->sh_events, shell_now(NULL), ev, keep, &ie);
	control_event(sh->sh_control, &ie);
}

/* ---- sockets of the network kernel -------------------------------- */

static int
stale_one(void *arg, const struct pfkey_msg *m)
{
	kernel_stale(arg, m);
	return 0;
}

static void
key_attach(struct shell *sh, int fd)
{
	if (sh->sh_key != NULL)
		pfkey_close(sh->sh_key);
	sh->sh_key = pfkey_attach(fd, PFKEY_O_PRIVATE | PFKEY_O_NONBLOCK);
	if (sh->sh_key == NULL) {
		log_err("key socket: %s", strerror(errno));
		kernel_gone(sh);
		return;
	}
	sh->sh_ip.ip_pid = pfkey_pid(sh->sh_key);
	if (!sh->sh_key_once)
		(void)pfkey_dump(sh->sh_key, SADB_DUMP, SADB_SATYPE_ESP,
		    stale_one, &sh->sh_ip);
	sh->sh_key_once = true;
	kernel_register(&sh->sh_ip);
}

static void
key_read(struct shell *sh)
{
	struct pfkey_msg m;

	while (sh->sh_key != NULL) {
		int e = pfkey_recv(sh->sh_key, &m);

		if (e == EBADMSG || e == EINTR)
			continue;
		if (e == EAGAIN)
			return;
		if (e != 0) {
			kernel_gone(sh);
			return;
		}
		kernel_message(&sh->sh_ip, &m);
		ikeproc_act(&sh->sh_ip);
	}
}

static void
udp_attach(struct shell *sh, int fd)
{
	if (sh->sh_udp != -1)
		close(sh->sh_udp);
	sh->sh_udp = fd;
	udp_bind_ports(&sh->sh_ip);
}

/* Some records at a time, so that a flood leaves room for other sockets. */
static void
udp_read(struct shell *sh)
{
	static uint8_t data[UDP_DATA_MAX];
	struct udp_msg um;
	struct iovec iov[2] = { { &um, sizeof(um) }, { data, sizeof(data) } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	for (int i = 0; i < 64 && sh->sh_udp != -1; i++) {
		ssize_t n = recvmsg(sh->sh_udp, &m, MSG_DONTWAIT);

		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < (ssize_t)sizeof(um)) {
			kernel_gone(sh);
			return;
		}
		udp_message(&sh->sh_ip, &um, data, (size_t)n - sizeof(um));
		ikeproc_act(&sh->sh_ip);
	}
}

/* ---- parent and auth ---------------------------------------------- */

/* True if the descriptor has been taken. */
static bool
take_fd(struct shell *sh, const struct imsg *im)
{
	const struct peer_members *may = imsg_body(im, sizeof(*may));

	if (im->im_fd == -1 || sh->sh_ip.ip_ike == NULL)
		return false;
	switch (im->im_type) {
	case IMSG_KEY_FD:
		key_attach(sh, im->im_fd);
		return true;
	case IMSG_UDP_FD:
		udp_attach(sh, im->im_fd);
		return true;
	case IMSG_SOURCE_FD:
		if (sh->sh_source != -1)
			close(sh->sh_source);
		sh->sh_source = im->im_fd;
		return true;
	case IMSG_CTL_FD:
		if (may == NULL)
			return false;
		control_free(sh->sh_control);
		sh->sh_control = control_new(im->im_fd, may);
		return true;
	}
	return false;
}

/* False: not about events. */
static bool
from_parent_event(struct shell *sh, const struct imsg *im)
{
	const uint64_t *v = imsg_body(im, sizeof(*v));

	if (v == NULL || im->im_fd != -1)
		return false;
	if (im->im_type == IMSG_EVENT_LAST)
		sh->sh_events.es_last = *v;
	else if (im->im_type == IMSG_EVENT_LOST)
		sh->sh_events.es_lost_parent = *v;
	else
		return false;
	return true;
}

/* The message is ours until it is wiped. */
static struct iked_rule *
take_rule(const struct imsg *im)
{
	static struct iked_rule rule;
	const struct iked_rule *sent = imsg_body(im, sizeof(rule));

	if (sent == NULL)
		return NULL;
	rule = *sent;
	return &rule;
}

static uint64_t
shell_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static bool
take_policy(struct shell *sh, const struct iked_end *ie)
{
	struct ikeproc *ip = &sh->sh_ip;
	bool ok = ikeproc_policy_end(ip, ie);

	if (ok && ip->ip_number == ie->ie_number && ie->ie_told != 0)
		log_info("revision %llu is in force %.1f ms after it was told",
		    (unsigned long long)ip->ip_revision,
		    (double)(shell_us() - ie->ie_told) / 1e3);
	return ok;
}

/* Never waits for the parent, which may wait for us. */
static void
ask_for_policy(struct shell *sh)
{
	struct pollfd p = { .fd = sh->sh_parent, .events = POLLOUT };

	if (!sh->sh_ip.ip_want || poll(&p, 1, 0) != 1 ||
	    (p.revents & POLLOUT) == 0)
		return;
	sh->sh_ip.ip_want = false;
	log_info("the policy is asked for whole");
	(void)imsg_send(sh->sh_parent, IMSG_POLICY_WANT, 0, NULL, 0, -1);
}

static bool
from_parent(struct shell *sh, const struct imsg *im)
{
	struct ikeproc *ip = &sh->sh_ip;

	switch (im->im_type) {
	case IMSG_POLICY_BEGIN:
		return ikeproc_policy_begin(ip,
		    imsg_body(im, sizeof(struct iked_begin)));
	case IMSG_POLICY_SAME:
		return ikeproc_policy_same(ip,
		    imsg_body(im, sizeof(struct iked_same)));
	case IMSG_POLICY_RULE:
		return ikeproc_policy_rule(ip, take_rule(im));
	case IMSG_POLICY_BLOCKED:
		return ikeproc_policy_blocked(ip,
		    imsg_body(im, sizeof(struct iked_blocked)));
	case IMSG_EVENT_LAST:
	case IMSG_EVENT_LOST:
		return from_parent_event(sh, im);
	case IMSG_POLICY_END:
		return take_policy(sh, imsg_body(im, sizeof(struct iked_end)));
	case IMSG_KERNEL_GONE:
		/* A new network kernel has none of our SAs. */
		log_info("the network kernel is back: SAs are made anew");
		(void)ike_command(ip->ip_ike, shell_now(NULL), IKE_CMD_REKEY,
		    NULL);
		return true;
	case IMSG_SHUTDOWN:
		if (ip->ip_ike != NULL)
			ike_shutdown(ip->ip_ike, shell_now(NULL));
		ip->ip_ending = true;
		return true;
	}
	return take_fd(sh, im);
}

static bool
from_auth(struct shell *sh, const struct imsg *im)
{
	return im->im_fd == -1 && sh->sh_ip.ip_ike != NULL &&
	    ikeproc_auth(&sh->sh_ip, im);
}

static bool
drain(struct shell *sh, int fd,
    bool (*fn)(struct shell *, const struct imsg *))
{
	int r = 0;

	while (!sh->sh_ip.ip_ending && (r = imsg_recv(fd, &sh->sh_msg)) == 1) {
		bool ok = fn(sh, &sh->sh_msg);

		imsg_wipe(&sh->sh_msg);
		if (!ok) {
			log_err("a message of type %u makes no sense",
			    sh->sh_msg.im_type);
			return false;
		}
		if (sh->sh_ip.ip_ike != NULL)
			ikeproc_act(&sh->sh_ip);
	}
	return r != -1;
}

/* ---- the loop ----------------------------------------------------- */

static int
wait_ms(const struct shell *sh)
{
	uint64_t now = shell_now(NULL), when = ikeproc_deadline(&sh->sh_ip);

	if (sh->sh_key != NULL && pfkey_pending(sh->sh_key))
		return 0;
	if (when <= now)
		return 0;
	return when - now > 60000 ? 60000 : (int)(when - now);
}

enum { P_PARENT, P_AUTH, P_KEY, P_UDP, P_FIXED };

static bool
turn(struct shell *sh)
{
	struct pollfd p[P_FIXED + CONTROL_CLIENTS + 1] = {
		[P_PARENT] = { .fd = sh->sh_parent, .events = POLLIN },
		[P_AUTH] = { .fd = sh->sh_auth, .events = POLLIN },
		[P_KEY] = { .fd = sh->sh_key == NULL ? -1 :
		    pfkey_fd(sh->sh_key), .events = POLLIN },
		[P_UDP] = { .fd = sh->sh_udp, .events = POLLIN },
	};
	size_t n = control_poll(sh->sh_control, p + P_FIXED,
	    CONTROL_CLIENTS + 1);

	if (poll(p, P_FIXED + n, wait_ms(sh)) == -1)
		return errno == EINTR;
	if (p[P_PARENT].revents != 0 && !drain(sh, sh->sh_parent, from_parent))
		return false;
	if (sh->sh_ip.ip_ike == NULL)
		return true;
	if (p[P_AUTH].revents != 0 && !drain(sh, sh->sh_auth, from_auth))
		return false;
	key_read(sh);
	if (p[P_UDP].revents != 0)
		udp_read(sh);
	if (n != 0)
		control_ready(sh->sh_control, &sh->sh_ip,
		    &sh->sh_events, sh->sh_key != NULL && sh->sh_udp != -1,
		    p + P_FIXED, n);
	ask_for_policy(sh);
	ikeproc_timer(&sh->sh_ip);
	ikeproc_act(&sh->sh_ip);
	return !sh->sh_ip.ip_ending;
}

int
iked_ike(int parentfd, int authfd, const char *rundir)
{
	struct shell *sh = calloc(1, sizeof(*sh));
	char empty[256];

	log_setname("iked.ike");
	(void)snprintf(empty, sizeof(empty), "%s/empty", rundir);
	if (sh == NULL || !sandbox_drop("_iked", empty) ||
	    !sandbox_enter(SANDBOX_NET))
		log_fatal("cannot give up privilege");
	sh->sh_parent = parentfd;
	events_init(&sh->sh_events, parentfd);
	sh->sh_auth = authfd;
	sh->sh_udp = sh->sh_source = -1;
	sh->sh_io = (struct ikeio){ .io_arg = sh, .io_now = shell_now,
	    .io_date = shell_date, .io_random = shell_random, .io_key_send = shell_key_send,
	    .io_udp_send = shell_udp_send, .io_source = shell_source,
	    .io_mtu = shell_mtu,
	    .io_auth = shell_auth, .io_event = shell_event };
	sh->sh_ip.ip_io = &sh->sh_io;
	while (turn(sh))
		continue;
	if (sh->sh_ip.ip_ike != NULL)
		ikeproc_act(&sh->sh_ip);	/* the last Deletes */
	ikeproc_fini(&sh->sh_ip);
	if (sh->sh_key != NULL)
		pfkey_close(sh->sh_key);
	control_free(sh->sh_control);
	free(sh);
	return 0;
}
