/* SPDX-License-Identifier: ISC */
/*
 * The clock by time servers: ntpd(8) of OpenNTPD, as long as servers are
 * named in /data/etc/ntp.
 *
 * It sets the clock at its start, at once and as far as need be, if a
 * server answers within its time, and from then on only lets it run faster or
 * slower.  As the network may come later than this, and a virtual machine may
 * sleep, it is started anew until it has set the clock, after RETRY_MIN
 * seconds and then ever longer, and when it finds that the clock is FAR off.
 * Nothing that the router times goes by this clock (CLOCK_MONOTONIC does not
 * jump).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "boot.h"
#include "settings.h"

#define CONF	BOOT_RUN "/ntpd.conf"
#define NAMES	BOOT_ETC "/ntp"

enum {
	LOOK_MS		= 1000,
	RETRY_MIN	= 2,		/* seconds */
	RETRY_MAX	= 300,
	FAR		= 60,		/* seconds */
};

enum outcome {
	NTP_ENDED,		/* by itself */
	NTP_AGAIN,		/* no server has answered */
	NTP_FAR,		/* the clock has to be set once more */
	NTP_NAMES,		/* other servers are named */
};

/* ---- its configuration ---- */

static bool
write_conf(void)
{
	char server[SEED_NTP_MAX][ADDR_STRLEN], text[1024] = "";
	size_t n = ntp_read(BOOT_ETC, server), len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "server %s\n", server[i]);
	return n != 0 && file_replace(CONF, text, len, 0644);
}

static struct timespec
changed(void)
{
	struct stat sb;

	return stat(NAMES, &sb) == -1 ? (struct timespec){ 0 } : sb.st_mtim;
}

/* ---- one run ---- */

static pid_t
start(int *out)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	if ((pid = fork()) == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
		(void)dup2(fds[1], STDERR_FILENO);
		(void)execl("/sbin/ntpd", "ntpd", "-d", "-s", "-f", CONF,
		    (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

/* What each run says, however often it is started. */
static bool
is_usual(const char *line)
{
	static const char *const usual[] = { "frequency", "drift",
	    "engine ready", "no reply received in time" };

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (strstr(line, usual[i]) != NULL)
			return true;
	}
	return false;
}

/*
 * A line of its log; true if the run is over, for the reason *why.  Of a run
 * like others before only what is not usual is worth the log.
 */
static bool
take_line(const char *line, bool like_others, enum outcome *why)
{
	static const char adjusting[] = "adjusting local clock by ";
	const char *by = strstr(line, adjusting);
	double seconds = by == NULL ? 0 :
	    strtod(by + sizeof(adjusting) - 1, NULL);

	if (!like_others || !is_usual(line))
		quiet("%s", line);
	if (strstr(line, "set local clock to") != NULL)
		clock_save();
	*why = NTP_AGAIN;
	if (strstr(line, "no reply received in time") != NULL)
		return true;
	*why = NTP_FAR;
	return seconds > FAR || seconds < -FAR;
}

static enum outcome
watch(FILE *in, struct timespec names, bool like_others)
{
	struct pollfd pfd = { .fd = fileno(in), .events = POLLIN };
	enum outcome why;
	char line[512];

	for (;;) {
		struct timespec now = changed();

		if (now.tv_sec != names.tv_sec || now.tv_nsec != names.tv_nsec)
			return NTP_NAMES;
		if (poll(&pfd, 1, LOOK_MS) <= 0)
			continue;
		/* its lines are whole, and the stream takes what there is */
		if (fgets(line, sizeof(line), in) == NULL)
			return NTP_ENDED;
		line[strcspn(line, "\n")] = '\0';
		if (take_line(line, like_others, &why))
			return why;
	}
}

static enum outcome
run(bool like_others)
{
	struct timespec names = changed();
	enum outcome why = NTP_ENDED;
	int out = -1, status;
	pid_t pid = start(&out);
	FILE *in = pid == -1 ? NULL : fdopen(out, "r");

	if (in != NULL) {
		setvbuf(in, NULL, _IONBF, 0);
		why = watch(in, names, like_others);
		(void)fclose(in);
	}
	if (pid != -1) {
		(void)kill(pid, SIGTERM);
		(void)waitpid(pid, &status, 0);
	}
	return why;
}

/* ---- the unit ---- */

/* As long as no other servers are named. */
static void
pause_for(unsigned seconds)
{
	struct timespec was = changed(), now;

	for (unsigned i = 0; i < seconds; i++) {
		(void)poll(NULL, 0, 1000);
		now = changed();
		if (now.tv_sec != was.tv_sec || now.tv_nsec != was.tv_nsec)
			return;
	}
}

int
task_ntp(void)
{
	unsigned retry = RETRY_MIN;
	bool told = false;

	for (;;) {
		enum outcome why;

		if (!write_conf()) {
			pause_for(1);
			continue;
		}
		why = run(told);
		if (why == NTP_ENDED) {
			loud("ntpd has ended");
			return 1;
		}
		if (why != NTP_AGAIN) {
			retry = RETRY_MIN;
			told = false;
			continue;
		}
		if (!told)
			loud("CLOCK-01 no time server answers: the clock is as "
			    "it was");
		told = true;
		pause_for(retry);
		retry = retry * 2 < RETRY_MAX ? retry * 2 : RETRY_MAX;
	}
}
