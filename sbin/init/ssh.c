/* SPDX-License-Identifier: ISC */
/*
 * SSH: off, until it is switched on and somebody could log in.
 *
 *	init --- this process (root)
 *	            |--- dropbear, as "admin": the network, the keys of users
 *	            |        `--- console, as "admin": hands its terminal over
 *	            `--- console -l, as root: a menu on each such terminal
 *
 * The server never is root, not even before somebody has logged in: it holds
 * one capability, to listen on port 22, can gain none, and sees neither /data
 * nor /boot.  A key that it accepts leads to the menu's question for the
 * password, which a process asks that the server cannot touch; so who has
 * overcome the server, or stolen a key, may look around as any member of
 * _ravelin, and change nothing.
 *
 * What it needs lies in memory, in SSH_HOME, which is the home of admin: this
 * machine's key and the keys of users, written anew when they change.
 * Switched off, or without a password or a key any more, all sessions end.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "boot.h"
#include "libauth/auth.h"
#include "libutil/cur.h"
#include "settings.h"

#define SSH_HOME	"/run/ravelin-ssh"
#define USER		"admin"

enum { LOOK_MS = 500, PROCESSES_MAX = 64 };

/* ---- this machine's key ---- */

static bool
make_host_key(void)
{
	uint8_t seed[32], public[32], both[64], body[SSH_HOST_LEN];
	struct wcur w = wcur_init(body, sizeof(body));
	bool ok = getrandom(seed, sizeof(seed), 0) == sizeof(seed) &&
	    crypto_sign_seed_keypair(public, both, seed) == 0;

	wcur_u32(&w, 11);
	wcur_put(&w, "ssh-ed25519", 11);
	wcur_u32(&w, sizeof(both));
	wcur_put(&w, both, sizeof(both));
	ok = ok && wcur_ok(&w) && file_replace(BOOT_ETC "/ssh.host", body,
	    sizeof(body), 0600);
	explicit_bzero(seed, sizeof(seed));
	explicit_bzero(both, sizeof(both));
	explicit_bzero(body, sizeof(body));
	return ok;
}

/* ---- what the server finds ---- */

/* A file that the server may read; the body, malloc'd, goes. */
static bool
hand_over(char *body, size_t len, const char *to, gid_t gid)
{
	bool ok = body != NULL && file_replace(to, body, len, 0640) &&
	    chown(to, 0, gid) == 0;

	if (body != NULL)
		explicit_bzero(body, len);
	free(body);
	return ok;
}

static bool
folder(const char *path, gid_t gid)
{
	return (mkdir(path, 0750) == 0 || errno == EEXIST) &&
	    chown(path, 0, gid) == 0;
}

static bool
hand_over_host(const struct passwd *pw)
{
	size_t len = 0;
	char *body = file_read(BOOT_ETC "/ssh.host", SSH_HOST_LEN, &len);

	return hand_over(body, len, SSH_HOME "/host", pw->pw_gid);
}

/* What the menu shows, and no line, option or key besides. */
static bool
hand_over_keys(const struct passwd *pw, struct timespec *seen)
{
	static struct ssh_keys keys;
	struct stat sb;
	size_t len = 0;
	char *text;

	if (stat(BOOT_ETC "/ssh.keys", &sb) == -1)
		return false;
	if (sb.st_mtim.tv_sec == seen->tv_sec &&
	    sb.st_mtim.tv_nsec == seen->tv_nsec)
		return true;
	ssh_keys_read(BOOT_ETC, &keys);
	text = ssh_keys_print(&keys, &len);
	if (!hand_over(text, len, SSH_HOME "/.ssh/authorized_keys", pw->pw_gid))
		return false;
	*seen = sb.st_mtim;
	return true;
}

static bool
prepare(const struct passwd *pw, struct timespec *seen)
{
	char finger[SSHKEY_FINGER];
	uint8_t key[32], blob[SSHKEY_ED25519];

	if (!ssh_host_public(BOOT_ETC, key) && (!make_host_key() ||
	    !ssh_host_public(BOOT_ETC, key))) {
		loud("SSH: no key for this machine: %s", strerror(errno));
		return false;
	}
	*seen = (struct timespec){ 0 };
	if (!folder(SSH_HOME, pw->pw_gid) ||
	    !folder(SSH_HOME "/.ssh", pw->pw_gid) ||
	    !hand_over_host(pw) ||
	    !hand_over_keys(pw, seen)) {
		loud("SSH: " SSH_HOME ": %s", strerror(errno));
		return false;
	}
	sshkey_ed25519(key, blob);
	sshkey_finger(blob, sizeof(blob), finger);
	loud("SSH is on, key %s", finger);
	return true;
}

/* ---- the server's process ---- */

/* Nothing that is kept can be seen; what is mounted here ends with it. */
static bool
hide(void)
{
	static const char *const paths[] = { BOOT_DATA, BOOT_SLOTS };

	if (unshare(CLONE_NEWNS) == -1)
		return false;
	/* as all is that the kernel has mounted; no root of mounts, no sharing */
	(void)mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	for (size_t i = 0; i < 2; i++) {
		if (mount("none", paths[i], "tmpfs", MS_RDONLY | MS_NODEV |
		    MS_NOSUID | MS_NOEXEC, "size=4k,mode=0555") == -1)
			return false;
	}
	return true;
}

/* One capability is left, across execve(2) too. */
static bool
keep_one(unsigned cap)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	data[0].effective = data[0].permitted = data[0].inheritable =
	    UINT32_C(1) << cap;
	return syscall(SYS_capset, &head, data) == 0 &&
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) == 0;
}

static bool
become(const struct passwd *pw)
{
	const struct rlimit processes = { PROCESSES_MAX, PROCESSES_MAX };
	const struct group *gr = getgrnam("_ravelin");
	gid_t look = gr != NULL ? gr->gr_gid : pw->pw_gid;

	for (unsigned cap = 0; cap < 64; cap++) {
		if (cap != CAP_NET_BIND_SERVICE)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 &&
	    setrlimit(RLIMIT_NPROC, &processes) == 0 &&
	    setgroups(1, &look) == 0 &&
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0 &&
	    keep_one(CAP_NET_BIND_SERVICE) &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0;
}

static pid_t
start_server(const struct passwd *pw)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (!hide() || !become(pw))
		loud("SSH: %s", strerror(errno));
	else
		(void)execl("/sbin/dropbear", "dropbear", "-F", "-w", "-r",
		    SSH_HOME "/host", "-P", SSH_HOME "/pid", "-p", "22",
		    (char *)NULL);
	_exit(127);
}

static pid_t
start_menus(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	(void)execl("/sbin/console", "console", "-l", (char *)NULL);
	_exit(127);
}

/* ---- while it is on ---- */

/* Why SSH may not run; NULL: it may.  Empty: it is off. */
static const char *
hindrance(void)
{
	static struct ssh_keys keys;

	if (!ssh_is_on(BOOT_ETC))
		return "";
	if (!auth_any(BOOT_ETC "/passwd"))
		return "SSH waits until a password is set";
	ssh_keys_read(BOOT_ETC, &keys);
	if (keys.sk_n == 0)
		return "SSH waits for a public key: nobody could log in";
	return NULL;
}

static void
end(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGTERM);
	(void)waitpid(pid, NULL, 0);
}

/* Everything that runs as admin; menus on its terminals hang up by that. */
static void
end_sessions(const struct passwd *pw)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0)
			(void)kill(-1, SIGKILL);
		_exit(0);
	}
	if (pid != -1)
		(void)waitpid(pid, NULL, 0);
}

/* Until it may run no more: 0; or one of the two has ended by itself: 1. */
static int
serve(const struct passwd *pw, struct timespec *seen)
{
	pid_t server = start_server(pw), menus = start_menus(), ended = 0;
	int status = 0;

	while (server != -1 && menus != -1 && hindrance() == NULL &&
	    (ended = waitpid(-1, &status, WNOHANG)) == 0) {
		if (!hand_over_keys(pw, seen)) {
			/* those of before might be the ones that were removed */
			loud("SSH: the keys cannot be handed over: %s",
			    strerror(errno));
			break;
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
	if (ended > 0)
		loud("SSH: %s has ended: status %d", ended == server ?
		    "the server" : "the menu", status);
	end(ended == server ? 0 : server);
	end(ended == menus ? 0 : menus);
	end_sessions(pw);
	return ended == 0 && server != -1 && menus != -1 ? 0 : 1;
}

int
task_ssh(void)
{
	const char *before = "", *why;
	const struct passwd *pw = getpwnam(USER);
	struct timespec seen;

	if (pw == NULL || pw->pw_uid == 0) {
		loud("SSH: there is no user " USER);
		return 1;
	}
	for (;; before = why) {
		while ((why = hindrance()) != NULL && why == before)
			(void)poll(NULL, 0, LOOK_MS);
		if (why != NULL && why[0] == '\0')
			loud("SSH is off");
		else if (why != NULL)
			loud("%s", why);
		else if (!prepare(pw, &seen) || serve(pw, &seen) != 0)
			return 1;
	}
}
