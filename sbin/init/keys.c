/* SPDX-License-Identifier: ISC */
/*
 * Keys that every router has of its own, made at the first start: the
 * machine key of the policy store (libpolicy/seal.h), and, if the image has
 * the web pages, the web server's key and certificate.  The file of users is
 * made too, empty, so that the web pages may read what comes into it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "boot.h"
#include "libpolicy/seal.h"

#define PASSWD	BOOT_ETC "/passwd"

static void
users_file(void)
{
	const struct group *gr = getgrnam("_ravelin");
	int fd = open(PASSWD, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd == -1 || (gr != NULL && (fchown(fd, 0, gr->gr_gid) == -1 ||
	    fchmod(fd, 0640) == -1)))
		loud(PASSWD ": %s", strerror(errno));
	if (fd != -1)
		close(fd);
	/* the way to it */
	if (gr != NULL && (chown(BOOT_ETC, 0, gr->gr_gid) == -1 ||
	    chmod(BOOT_ETC, 0750) == -1))
		loud(BOOT_ETC ": %s", strerror(errno));
}

static void
web_state(void)
{
	const struct passwd *pw = getpwnam("_web");

	(void)mkdir(BOOT_WEB, 0700);
	if (pw != NULL && chown(BOOT_WEB, pw->pw_uid, pw->pw_gid) == -1)
		loud(BOOT_WEB ": %s", strerror(errno));
}

int
task_web_key(void)
{
	static const char *const make[] = { "webadmin", "-k",
	    BOOT_DATA "/tls/web.pem.new", NULL };

	web_state();
	if (access(BOOT_DATA "/tls/web.pem", F_OK) == 0)
		return 0;
	(void)unlink(make[2]);
	if (run_program(make) != 0 || rename(make[2],
	    BOOT_DATA "/tls/web.pem") == -1) {
		loud("no key for the web pages");
		return 1;
	}
	sync();
	return 0;
}

int
task_keys(void)
{
	const char *why = "";
	struct seal se;

	users_file();
	if (!seal_init(&se, BOOT_DB, true, &why)) {
		loud("no machine key: %s", why);
		return 1;
	}
	seal_wipe(&se);
	return 0;
}
