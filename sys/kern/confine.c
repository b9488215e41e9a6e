/* SPDX-License-Identifier: ISC */
/*
 * Giving up what netkern does not need: every capability but the two that
 * open packet sockets and TAP devices (and one that pins memory, if need be), the identity of root, and all system
 * calls but those listed here.
 */
#include <errno.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kern/shell.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED	1
#endif
#endif

static int
capabilities_set(uint32_t bits)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 }, { 0 } };

	d[0].permitted = d[0].effective = bits;
	return (int)syscall(SYS_capset, &h, d);
}

/* Where the limit of pinned memory could not be lifted, AF_XDP needs one more. */
static int
capabilities_keep(void)
{
	const uint32_t bits = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW;
	struct rlimit rl;

	if (getrlimit(RLIMIT_MEMLOCK, &rl) == 0 && rl.rlim_cur != RLIM_INFINITY &&
	    capabilities_set(bits | 1u << CAP_IPC_LOCK) == 0)
		return 0;
	return capabilities_set(bits);
}

int
confine_user(const struct shell *sh)
{
	const struct passwd *pw;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	if (geteuid() != 0)
		return 0;
	if (sh->sh_user == NULL)
		return capabilities_keep();
	pw = getpwnam(sh->sh_user);
	if (pw == NULL) {
		errno = ENOENT;
		return -1;
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 ||
	    setgroups(0, NULL) == -1 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
		return -1;
	return capabilities_keep();
}

#ifndef SANITIZED
static const int calls[] = {
	/* packets, and waiting for them */
	SCMP_SYS(recvmmsg), SCMP_SYS(sendmmsg), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(clock_gettime), SCMP_SYS(read),
	SCMP_SYS(write), SCMP_SYS(futex), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_setaffinity),
	/* control sockets and the log */
	SCMP_SYS(accept4), SCMP_SYS(accept), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(recvmsg), SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(getsockopt), SCMP_SYS(close),
	SCMP_SYS(shutdown), SCMP_SYS(connect),
	/* devices that are created later; captures */
	SCMP_SYS(socket), SCMP_SYS(bind), SCMP_SYS(setsockopt), SCMP_SYS(ioctl),
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(uname), SCMP_SYS(lseek),
	SCMP_SYS(statx),
	/* memory, randomness, end */
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(getrandom),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(tgkill), SCMP_SYS(membarrier), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(gettimeofday),
};

int
confine_calls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	size_t i;
	int e = ctx == NULL ? -ENOMEM : 0;

	if (e == 0)
		e = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	for (i = 0; e == 0 && i < sizeof(calls) / sizeof(calls[0]); i++) {
		e = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
		if (e == -EDOM || e == -EINVAL)
			e = 0;		/* not a call of this machine */
	}
	if (e == 0)		/* dev/xdpprog.h */
		e = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
		    SCMP_A0(SCMP_CMP_EQ, BPF_MAP_UPDATE_ELEM));
	if (e == 0)		/* that, and dev/ingress.h */
		e = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
		    SCMP_A0(SCMP_CMP_EQ, BPF_LINK_CREATE));
	if (e == 0)
		e = seccomp_load(ctx);
	if (ctx != NULL)
		seccomp_release(ctx);
	errno = -e;
	return e == 0 ? 0 : -1;
}
#else
/* The sanitizers' run-time makes calls of its own. */
int
confine_calls(void)
{
	return 0;
}
#endif
