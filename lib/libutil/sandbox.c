/* SPDX-License-Identifier: ISC */
/*
 * Giving up privilege (see sandbox.h).  The lists of system calls are data;
 * each stands on the one before.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libutil/sandbox.h"

bool
sandbox_drop(const char *user, const char *dir)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return true;
	if ((pw = getpwnam(user)) == NULL &&
	    (pw = getpwnam("nobody")) == NULL) {
		errno = ENOENT;
		return false;
	}
	if (mkdir(dir, 0755) == -1 && errno != EEXIST)
		return false;
	if (chroot(dir) == -1 || chdir("/") == -1)
		return false;
	return setgroups(1, &pw->pw_gid) == 0 &&
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0 &&
	    setuid(0) == -1;
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED	1
#endif
#endif

#ifndef SANITIZED
static const int pure_calls[] = {
	SCMP_SYS(brk), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(fcntl), SCMP_SYS(futex), SCMP_SYS(getpid),
	SCMP_SYS(getrandom), SCMP_SYS(gettimeofday), SCMP_SYS(gettid),
	SCMP_SYS(lseek), SCMP_SYS(madvise), SCMP_SYS(mmap), SCMP_SYS(mprotect),
	SCMP_SYS(mremap), SCMP_SYS(munmap), SCMP_SYS(nanosleep), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sendmsg),
	SCMP_SYS(sendto), SCMP_SYS(shutdown), SCMP_SYS(tgkill),
	SCMP_SYS(write), SCMP_SYS(writev),
};

static const int net_calls[] = {
	SCMP_SYS(accept4), SCMP_SYS(accept), SCMP_SYS(getpeername),
	SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(recvmmsg), SCMP_SYS(sendmmsg),
};

static const int file_calls[] = {
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(bind), SCMP_SYS(chmod), SCMP_SYS(connect),
	SCMP_SYS(fchmod), SCMP_SYS(fchown), SCMP_SYS(fdatasync),
	SCMP_SYS(fstat), SCMP_SYS(fsync), SCMP_SYS(ftruncate),
	SCMP_SYS(getcwd), SCMP_SYS(geteuid), SCMP_SYS(getuid),
	SCMP_SYS(getegid), SCMP_SYS(getgid), SCMP_SYS(kill),
	SCMP_SYS(listen), SCMP_SYS(lstat), SCMP_SYS(mkdir),
	SCMP_SYS(newfstatat), SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(readlink),
	SCMP_SYS(rename), SCMP_SYS(rmdir), SCMP_SYS(socket),
	SCMP_SYS(stat), SCMP_SYS(statx), SCMP_SYS(umask), SCMP_SYS(unlink),
	SCMP_SYS(wait4),
};

static const int fork_calls[] = {
	SCMP_SYS(clone), SCMP_SYS(close_range), SCMP_SYS(dup2), SCMP_SYS(fork),
	SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(prctl), SCMP_SYS(seccomp),
	SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address),
};

static int
allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int e = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);

		/* A call that this machine does not have needs no rule. */
		if (e != 0 && e != -EDOM && e != -EINVAL)
			return e;
	}
	return 0;
}

#define ALLOW(ctx, list)	allow(ctx, list, sizeof(list) / sizeof(list[0]))

/* syslog(3) may try to connect again; that must fail, not end the process. */
static int
refuse_sockets(scmp_filter_ctx ctx)
{
	int e = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES),
	    SCMP_SYS(socket), 0);

	return e != 0 ? e : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES),
	    SCMP_SYS(connect), 0);
}

static int
filter(enum sandbox box)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int e = ctx == NULL ? -ENOMEM : ALLOW(ctx, pure_calls);

	if (e == 0 && box >= SANDBOX_NET)
		e = ALLOW(ctx, net_calls);
	if (e == 0 && box >= SANDBOX_FILES)
		e = ALLOW(ctx, file_calls);
	else if (e == 0)
		e = refuse_sockets(ctx);
	if (e == 0 && box >= SANDBOX_FORK)
		e = ALLOW(ctx, fork_calls);
	if (e == 0)
		e = seccomp_load(ctx);
	seccomp_release(ctx);
	return e;
}
#else
static int
filter(enum sandbox box)
{
	(void)box;
	return 0;
}
#endif

bool
sandbox_enter(enum sandbox box)
{
	int e;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return false;
	e = filter(box);
	errno = -e;
	return e == 0;
}
