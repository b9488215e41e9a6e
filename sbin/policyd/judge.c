/* SPDX-License-Identifier: ISC */
/*
 * Assertions, tried in a child (see judge.h).
 */
#include "judge.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "candidate.h"
#include "libutil/log.h"
#include "libutil/sandbox.h"
#include "revise.h"

enum { REPORT_FD = 3 };

/* ---- the trial ---- */

static bool
fill(struct candidate *ca, const struct judge_case *jc, char *why, size_t cap)
{
	if (jc->jc_has_forwarding)
		(void)candidate_sysctl(ca, "net.inet.ip.forwarding", jc->jc_forwarding);
	return candidate_network(ca, jc->jc_network, why, cap) &&
	    candidate_filter(ca, jc->jc_filter, why, cap) &&
	    candidate_policy(ca, jc->jc_policy, why, cap);
}

static void
try_one(struct candidate *ca, const struct assertion *as, struct judge_report *jr, FILE *out)
{
	struct explain_info ei;
	char why[400];

	if (!candidate_try(ca, &as->as_req, &ei, why, sizeof(why)))
		assert_print_untried(as, why, out);
	else if (!assert_holds(as, &ei))
		assert_print_failure(as, &ei, out);
	else
		return;
	jr->jr_failed++;
}

/* The first failures, as many as have room as a whole. */
static void
report(struct judge_report *jr, const char *text, size_t len)
{
	size_t room = sizeof(jr->jr_text) - 1, n = len;

	if (n > room) {
		n = room;
		while (n > 0 && (text[n - 1] != '\n' || text[n] == '\t'))
			n--;
		if (n == 0)
			n = room;
	}
	memcpy(jr->jr_text, text, n);
	jr->jr_text[n] = '\0';
}

/* In this process. */
static bool
judge_here(const struct judge_case *jc, struct judge_report *jr)
{
	struct candidate *ca = candidate_new();
	char *text = NULL;
	size_t len;
	FILE *out;
	bool ok;

	memset(jr, 0, sizeof(*jr));
	if (ca == NULL) {
		(void)snprintf(jr->jr_text, sizeof(jr->jr_text), "no instance: %s",
		    strerror(errno));
		return false;
	}
	ok = fill(ca, jc, jr->jr_text, sizeof(jr->jr_text)) &&
	    (out = open_memstream(&text, &len)) != NULL;
	if (ok) {
		for (size_t i = 0; i < jc->jc_assertions->av_n; i++)
			try_one(ca, &jc->jc_assertions->av_v[i], jr, out);
		ok = fclose(out) == 0;
		if (ok)
			report(jr, text, len);
		free(text);
	}
	candidate_free(ca);
	return ok;
}

/* ---- the child ---- */

struct message {
	bool			ms_ok;
	struct judge_report	ms_report;
};

static _Noreturn void
child(const struct judge_case *jc, int fd)
{
	static struct message ms;
	const uint8_t *p = (const uint8_t *)&ms;
	size_t n = sizeof(ms);
	ssize_t put;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_init("policyd", true, -1);		/* no line of another's log */
	if (dup2(fd, REPORT_FD) == -1 ||
	    syscall(SYS_close_range, REPORT_FD + 1, ~0u, 0) == -1 ||
	    !sandbox_enter(SANDBOX_PURE))
		_exit(1);
	ms.ms_ok = judge_here(jc, &ms.ms_report);
	for (; n != 0; p += put, n -= (size_t)put)
		if ((put = write(REPORT_FD, p, n)) <= 0)
			_exit(1);
	_exit(0);
}

/* All that the child has to say; false: it died, or time is up. */
static bool
listen_to(int fd, struct message *ms, int64_t until)
{
	uint8_t *p = (uint8_t *)ms;
	size_t n = sizeof(*ms);

	while (n != 0) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = until - now_ms();
		ssize_t got;

		if (left <= 0)
			return false;
		if (poll(&pfd, 1, (int)left) == -1 && errno != EINTR)
			return false;
		if ((pfd.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
			continue;
		got = read(fd, p, n);
		if (got == 0 || (got == -1 && errno != EINTR))
			return false;
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	}
	return true;
}

static bool
fate(pid_t pid, bool heard, int64_t until, struct judge_report *jr)
{
	bool late = !heard && now_ms() >= until;
	int status = 0;

	if (!heard)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (heard)
		return true;
	memset(jr, 0, sizeof(*jr));
	if (late)
		(void)snprintf(jr->jr_text, sizeof(jr->jr_text), "not ready within %d s",
		    JUDGE_SECONDS);
	else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		(void)snprintf(jr->jr_text, sizeof(jr->jr_text), "the trial died by signal %d",
		    WTERMSIG(status));
	else
		(void)snprintf(jr->jr_text, sizeof(jr->jr_text), "the trial ended early");
	log_err("assertions: %s", jr->jr_text);
	return false;
}

bool
judge(const struct judge_case *jc, struct judge_report *jr)
{
	int64_t until = now_ms() + JUDGE_SECONDS * 1000;
	struct message *ms = calloc(1, sizeof(*ms));
	bool ok = false;
	int fds[2];
	pid_t pid;

	memset(jr, 0, sizeof(*jr));
	(void)snprintf(jr->jr_text, sizeof(jr->jr_text), "no process to try them in");
	if (ms == NULL || pipe2(fds, O_CLOEXEC) == -1) {
		free(ms);
		return false;
	}
	pid = fork();
	if (pid == 0)
		child(jc, fds[1]);
	(void)close(fds[1]);
	if (pid != -1 && fate(pid, listen_to(fds[0], ms, until), until, jr)) {
		*jr = ms->ms_report;
		ok = ms->ms_ok;
	}
	(void)close(fds[0]);
	free(ms);
	return ok;
}
