/* SPDX-License-Identifier: ISC */
/*
 * What the router starts with: seed.conf(5), the stored revision, or the
 * first policy.
 *
 * A seed comes from QEMU's fw_cfg (opt/ravelin/seed.conf), from a FAT volume
 * with the label SEED, or from the partition of the slots, in this order.  It
 * is copied into memory and checked before the cards get their names, as it
 * may say them, and applied by seed(8) when policyd(8) runs: once for each
 * content, whose SHA-256 is kept in /data/etc/seed.applied.  A seed with an
 * error changes nothing.  One that has none, but is refused by netkern, is
 * remembered in /data/etc/seed.refused and not tried again; if it has named
 * cards, a restart gives these their former names.
 *
 * The first policy, of a store without any revision: outwards anything,
 * inwards nothing, 192.168.1.1 on the inner side.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "boot.h"
#include "libpolicy/store.h"
#include "libseed/seed.h"
#include "nics.h"
#include "slots.h"

#define FW_CFG	"/sys/firmware/qemu_fw_cfg/by_name/opt/ravelin/seed.conf/raw"
#define VOLUME	BOOT_RUN "/seed"
#define APPLIED	BOOT_ETC "/seed.applied"
#define REFUSED	BOOT_ETC "/seed.refused"

/* ---- programs whose output goes to the consoles ---- */

static char said[2048];			/* what the last one has said */

static void
prefix_lines(FILE *in)
{
	char line[900];
	size_t n = 0;

	said[0] = '\0';
	while (fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		loud("%s", line);
		if (n < sizeof(said))
			n += (size_t)snprintf(said + n, sizeof(said) - n,
			    "%s\n", line);
	}
}

/*
 * As run_program(), each line of output with "! " before it; the exit status,
 * -1 if there is none.
 */
static int
run_loud(const char *const argv[])
{
	int fds[2], status = -1;
	pid_t pid;
	FILE *in;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	if ((pid = fork()) == 0) {
		(void)dup2(fds[1], STDERR_FILENO);
		status = run_program(argv);
		_exit(status != -1 && WIFEXITED(status) ?
		    WEXITSTATUS(status) : 1);
	}
	close(fds[1]);
	if ((in = fdopen(fds[0], "r")) != NULL) {
		prefix_lines(in);
		(void)fclose(in);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid ||
	    !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* ---- where a seed is ---- */

/* A FAT file system with this label (its boot sector says both). */
static bool
is_seed_volume(const char *dev)
{
	static const struct { size_t type, label; } at[] = {
		{ 54, 43 },	/* FAT12, FAT16 */
		{ 82, 71 },	/* FAT32 */
	};
	char sector[512];
	int fd = open(dev, O_RDONLY | O_CLOEXEC);
	bool ok = fd != -1 && read(fd, sector, sizeof(sector)) ==
	    (ssize_t)sizeof(sector), found = false;

	if (fd != -1)
		close(fd);
	for (size_t i = 0; ok && i < 2; i++)
		found = found || (memcmp(sector + at[i].type, "FAT", 3) == 0 &&
		    memcmp(sector + at[i].label, "SEED       ", 11) == 0);
	return found;
}

static char *
from_volume(size_t *len)
{
	DIR *dir = opendir("/sys/class/block");
	struct dirent *de;
	char *body = NULL, dev[300];

	while (body == NULL && dir != NULL && (de = readdir(dir)) != NULL) {
		(void)snprintf(dev, sizeof(dev), "/dev/%s", de->d_name);
		if (de->d_name[0] == '.' || !is_seed_volume(dev))
			continue;
		(void)mkdir(VOLUME, 0700);
		if (mount(dev, VOLUME, "vfat", MS_RDONLY | MS_NODEV |
		    MS_NOSUID | MS_NOEXEC, "umask=077") == -1) {
			loud("the volume SEED on %s: %s", dev, strerror(errno));
			continue;
		}
		body = file_read(VOLUME "/seed.conf", SEED_MAX, len);
		if (body == NULL)
			loud("the volume SEED holds no seed.conf");
		(void)umount(VOLUME);
	}
	if (dir != NULL)
		closedir(dir);
	return body;
}

static char *
find_seed(size_t *len, const char **where)
{
	char *body;

	*where = "fw_cfg";
	if ((body = file_read(FW_CFG, SEED_MAX, len)) != NULL)
		return body;
	*where = "the volume SEED";
	if ((body = from_volume(len)) != NULL)
		return body;
	*where = BOOT_SLOTS;
	return file_read(BOOT_SLOTS "/seed.conf", SEED_MAX, len);
}

static void
digest_text(const struct seed *sd, char hex[2 * SEED_DIGEST + 1])
{
	for (size_t i = 0; i < SEED_DIGEST; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", sd->sd_digest[i]);
}

/* The digest, and behind it what was said. */
static bool
note_refused(const char *hex)
{
	char text[sizeof(said) + 2 * SEED_DIGEST + 2];
	int n = snprintf(text, sizeof(text), "%s\n%s", hex, said);

	return file_replace(REFUSED, text, (size_t)n, 0600);
}

/* Why: the start at which that was seen may be long ago. */
static void
tell_refused(const char *where)
{
	size_t len;
	char *text = file_read(REFUSED, 65536, &len), *next = text, *line;

	loud("seed.conf from %s was refused before: it is not tried again until "
	    "it changes", where);
	(void)strsep(&next, "\n");		/* the digest */
	while ((line = strsep(&next, "\n")) != NULL) {
		if (line[0] != '\0')
			loud("%s", line);
	}
	free(text);
}

/* Does a file hold the digest of this seed? */
static bool
noted(const char *path, const struct seed *sd)
{
	char line[2 * SEED_DIGEST + 2], hex[2 * SEED_DIGEST + 1];

	digest_text(sd, hex);
	return file_line(path, line, sizeof(line)) && strcmp(line, hex) == 0;
}

int
task_seed(void)
{
	static const char *const check[] = { "seed", "check", BOOT_SEED, NULL };
	static struct policy_errors errs;
	static struct seed sd;
	struct policy_text text = { .tx_name = BOOT_SEED };
	const char *where;
	size_t len = 0;
	char *body = find_seed(&len, &where);
	bool ok;

	(void)unlink(BOOT_SEED);
	if (body == NULL)
		return 0;
	text.tx_body = body;
	text.tx_len = len;
	(void)seed_parse(&sd, &text, &errs);	/* for its digest */
	policy_errors_free(&errs);
	if (noted(APPLIED, &sd) || noted(REFUSED, &sd)) {
		if (noted(APPLIED, &sd))
			quiet("seed.conf from %s has been applied before",
			    where);
		else
			tell_refused(where);
		explicit_bzero(body, len);
		free(body);
		return 0;
	}
	ok = file_replace(BOOT_SEED, body, len, 0600);
	explicit_bzero(body, len);
	free(body);
	if (ok && run_loud(check) == 0) {
		quiet("seed.conf from %s is new", where);
		return 0;
	}
	(void)unlink(BOOT_SEED);
	loud("seed.conf from %s is refused: nothing of it is applied", where);
	return 0;
}

/* ---- the first policy ---- */

static const char first_filter[] =
	"# The first policy: outwards anything, inwards nothing.\n"
	"block log all\n"
	"pass on { enc0 %s} inet\n"
	"pass out on wan0 inet\n";

/* BOOT_FIRST: network.conf and pf.conf for the cards that are there. */
static bool
first_write(bool host, uint64_t base)
{
	static struct seed sd;
	char *text = NULL, inner[1024] = "";
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool ok;

	if (out == NULL)
		return false;
	(void)seed_nics(&sd, access(BOOT_NICS, F_OK) == 0 ? BOOT_NICS :
	    BOOT_ETC "/nics");
	fprintf(out, "### revision %llu\n### network.conf\n",
	    (unsigned long long)base);
	for (size_t i = 0; i < sd.sd_nnics; i++) {
		const char *name = sd.sd_nic[i].sn_name;
		size_t n = strlen(inner);

		if (!nics_present(name))
			continue;
		fprintf(out, "interface %s create nic %s\n", name, name);
		if (strcmp(name, "lan0") == 0)
			fprintf(out, "interface lan0 inet 192.168.1.1/24\n");
		if (strcmp(name, "wan0") != 0)
			(void)snprintf(inner + n, sizeof(inner) - n, "%s ",
			    name);
	}
	if (host)
		fputs("interface host0 create tap rvl0,host\n"
		    "interface host0 up\n", out);
	fputs("### pf.conf\n", out);
	fprintf(out, first_filter, inner);
	ok = fclose(out) == 0 && file_replace(BOOT_FIRST, text, len, 0600);
	free(text);
	return ok;
}

/* ---- what is in force ---- */

static bool
ask_status(struct policyctl_status *ps)
{
	const char *why = "";
	struct policyctl *pc = policyctl_connect(policy_run_dir(NULL), &why);
	bool ok = pc != NULL && policyctl_status(pc, ps, &why);

	policyctl_close(pc);
	return ok;
}

/* With an interface to Linux; without it, if there can be none. */
static bool
first_policy(bool host)
{
	static const char *const commit[] = { "ipsecctl", "commit", "-m",
	    "first policy", "-f", BOOT_FIRST, NULL };
	struct policyctl_status ps;

	if (ask_status(&ps) && first_write(host, ps.ps_committed) &&
	    run_loud(commit) == 0)
		return true;
	return host && first_policy(false);
}

/* Does the newest revision have interfaces? One that cannot be read may. */
static bool
has_network(void)
{
	struct policyctl_status ps;
	size_t len;
	char *text;
	bool has;

	if (ask_status(&ps) && ps.ps_committed == 0)
		return false;
	text = revision_text(&len);
	has = text == NULL || strstr(text, "\n### network.conf\n") != NULL;
	free(text);
	return has;
}

static void
take_hostname(void)
{
	char name[80];

	if (!file_line(BOOT_ETC "/hostname", name, sizeof(name)))
		(void)snprintf(name, sizeof(name), "ravelin");
	if (sethostname(name, strlen(name)) == -1)
		quiet("host name: %s", strerror(errno));
}

/* Not again; and the cards get the names of before. */
static void
refuse_seed(void)
{
	static const char *const reboot[] = { "init", "reboot", NULL };
	static struct policy_errors errs;
	static struct seed sd;
	char hex[2 * SEED_DIGEST + 1];
	struct policy_text text = { .tx_name = BOOT_SEED };
	char *body = file_read(BOOT_SEED, SEED_MAX, &text.tx_len);

	if (body == NULL)
		return;
	text.tx_body = body;
	(void)seed_parse(&sd, &text, &errs);
	policy_errors_free(&errs);
	digest_text(&sd, hex);
	if (!note_refused(hex)) {
		loud(REFUSED ": %s", strerror(errno));
	} else if (sd.sd_nnics != 0) {
		loud("once more, with the names that cards had before");
		(void)run_program(reboot);
	}
	explicit_bzero(body, text.tx_len);
	free(body);
}

static bool
apply_seed(void)
{
	static const char *const apply[] = { "seed", "apply", "-e", BOOT_ETC,
	    "-b", BOOT_FIRST, BOOT_SEED, NULL };
	int status = run_loud(apply);
	size_t len;
	char *cards;

	if (status != 0) {
		loud("seed.conf is refused: nothing of it is in force");
		if (status == 1)
			refuse_seed();
		return false;
	}
	cards = file_read(BOOT_NICS, 65536, &len);
	if (cards != NULL && !file_replace(BOOT_ETC "/nics", cards, len, 0600))
		loud(BOOT_ETC "/nics: %s", strerror(errno));
	free(cards);
	return true;
}

int
task_policy(void)
{
	bool host = access("/dev/net/tun", F_OK) == 0, ok = true;

	if (!first_write(host, 0))
		loud("the first policy cannot be written: %s", strerror(errno));
	if (access(BOOT_SEED, F_OK) == 0)
		ok = apply_seed();
	take_hostname();
	if (!has_network() && !first_policy(host)) {
		loud("the first policy cannot be put in force");
		return 1;
	}
	return ok ? 0 : 1;
}

/* Does the network kernel still wait for its policy? */
static bool
in_force(char *text, size_t cap)
{
	struct policyctl_status ps;

	if (!ask_status(&ps)) {
		(void)snprintf(text, cap, "policyd does not answer");
		return false;
	}
	(void)snprintf(text, cap, "%s", ps.ps_text);
	return ps.ps_committed == ps.ps_applied;
}

/* MB of memory that are not available. */
static unsigned long
memory_used(void)
{
	size_t len;
	char *text = file_read("/proc/meminfo", 65536, &len), *p, *q;
	unsigned long used = 0;

	if (text != NULL && (p = strstr(text, "MemTotal:")) != NULL &&
	    (q = strstr(text, "MemAvailable:")) != NULL)
		used = (strtoul(p + 9, NULL, 10) - strtoul(q + 13, NULL, 10)) /
		    1024;
	free(text);
	return used;
}

/* One line for people, and for tests that wait for it. */
static void
tell_ready(void)
{
	char hex[GENERATION_HEX] = "", name[SLOTS_VALUE], slot[80] = "";
	unsigned long long revision = 0;

	if (slots_running("slot", name))
		(void)snprintf(slot, sizeof(slot), ", slot %s", name);
	if (generation(hex, &revision))
		loud("ready: revision %llu %.16s%s, memory used %lu MB",
		    revision, hex, slot, memory_used());
	else
		loud("ready: no revision%s, memory used %lu MB", slot,
		    memory_used());
}

int
task_ready(void)
{
	char text[4096], before[4096] = "";

	for (unsigned tenths = 0; !in_force(text, sizeof(text)); tenths++) {
		if (tenths >= 20 && strcmp(text, before) != 0) {
			loud("nothing is forwarded: policy is not in force%s%s",
			    text[0] == '\0' ? "" : ": ", text);
			memcpy(before, text, sizeof(before));
		}
		(void)poll(NULL, 0, 100);
	}
	if (text[0] != '\0')
		loud("policy is in force, but: %s", text);
	tell_ready();
	return 0;
}
