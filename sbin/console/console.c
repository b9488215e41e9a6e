/* SPDX-License-Identifier: ISC */
/*
 * console(8): the menu of the appliance on one terminal.
 *
 * init(8) starts one for each console.  All that it does, commands do: they
 * are run without a shell, and what they say is shown.  Once a password is
 * set it is asked for, and again after a quarter of an hour without a key.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <sys/wait.h>

#include "../init/boot.h"
#include "console.h"
#include "libauth/auth.h"
#include "libpolicy/store.h"

#define PASSWD	BOOT_ETC "/passwd"
#define TRIES	BOOT_RUN "/console.tries"
#define USER	"admin"

/* ---- the terminal ---- */

/* As a login program would set it: lines, echo, no flow control to hang on. */
static void
set_terminal(void)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &t) == -1)
		return;
	t.c_iflag = ICRNL | IXANY | BRKINT;
	t.c_oflag = OPOST | ONLCR;
	t.c_lflag = ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ISIG | IEXTEN;
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

static void
signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGQUIT, &sa, NULL);
	(void)sigaction(SIGTSTP, &sa, NULL);
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool
good(int status)
{
	return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- 1: interfaces ---- */

static bool
commit_network(const struct network *ne)
{
	static const char path[] = BOOT_RUN "/network.conf";
	static const char *const argv[] = { "ipsecctl", "commit", "-m",
	    "by the console", "-f", path, NULL };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool ok = out != NULL;

	if (ok)
		network_print(ne, out);
	ok = ok && fclose(out) == 0 && file_replace(path, text, len, 0600) &&
	    good(run_program(argv));
	(void)unlink(path);
	free(text);
	return ok;
}

static bool
edit_network(struct network *ne)
{
	char name[32], now[64], text[CONSOLE_LINE];
	const char *why = "";

	if (!ask("which interface", "lan0", name, sizeof(name)))
		return false;
	if (network_interface(ne, name) == NULL) {
		say("there is no interface %s", name);
		return false;
	}
	netedit_show_address(ne, name, now, sizeof(now));
	if (!ask("its address and bits, or none", now, text, sizeof(text)))
		return false;
	if (!netedit_address(ne, name, text, &why)) {
		say("%s", why);
		return false;
	}
	netedit_show_gateway(ne, now, sizeof(now));
	if (!ask("default route by way of, or none", now, text, sizeof(text)))
		return false;
	if (!netedit_gateway(ne, text, &why)) {
		say("%s", why);
		return false;
	}
	return true;
}

static void
do_interfaces(void)
{
	struct network ne;
	const char *why = "";

	if (!netedit_read(&ne, &why))
		say("%s", why);
	else if (edit_network(&ne) && ask_word("make it so? (yes)", "yes"))
		(void)commit_network(&ne);
	else
		say("nothing has changed");
	network_free(&ne);
}

/* ---- 2: password, and the login ---- */

static void
do_password(void)
{
	char one[AUTH_PASSWORD_MAX + 2], two[AUTH_PASSWORD_MAX + 2];
	const char *why = "";

	if (!ask_secret("new password", one, sizeof(one)) ||
	    !ask_secret("once more", two, sizeof(two)))
		say("nothing has changed");
	else if (strcmp(one, two) != 0)
		say("these are not the same: nothing has changed");
	else if (!auth_set(PASSWD, USER, one, &why))
		say("%s", why);
	else
		say("the password is set");
	explicit_bzero(one, sizeof(one));
	explicit_bzero(two, sizeof(two));
}

enum answer {
	ANSWER_RIGHT,
	ANSWER_WRONG,
	ANSWER_SOON,		/* too many: it was not compared */
	ANSWER_NONE,		/* no password is set (any more) */
};

static enum answer
try_password(int tries)
{
	char word[AUTH_PASSWORD_MAX + 2];
	enum auth_result res = AUTH_WRONG;
	int64_t wait;

	if (!ask_secret("password", word, sizeof(word)))
		return ANSWER_WRONG;
	if ((wait = tries_try(tries, now_ms())) > 0)
		say("too many wrong passwords: again in %lld s",
		    (long long)(wait + 999) / 1000);
	else
		res = auth_verify(PASSWD, USER, word);
	explicit_bzero(word, sizeof(word));
	if (wait > 0)
		return ANSWER_SOON;
	if (res == AUTH_NONE)
		return ANSWER_NONE;
	if (res == AUTH_OK)
		tries_passed(tries);
	else
		say("wrong");
	return res == AUTH_OK ? ANSWER_RIGHT : ANSWER_WRONG;
}

/* Over SSH: the right password, or the end. */
static void
login_remote(int tries, int log)
{
	for (unsigned i = 0; i < CONSOLE_TRIES; i++) {
		enum answer an;

		if (!auth_any(PASSWD)) {
			say("no password is set");
			exit(1);
		}
		an = try_password(tries);
		if (an == ANSWER_SOON)
			exit(1);
		dprintf(log, an == ANSWER_RIGHT ? "the menu is open\n" :
		    "a wrong password\n");
		if (an == ANSWER_RIGHT)
			return;
	}
	exit(1);
}

static void
login(void)
{
	char host[70] = "ravelin", line[CONSOLE_LINE];
	enum answer an = ANSWER_WRONG;
	int tries = tries_open(TRIES);

	(void)gethostname(host, sizeof(host) - 1);
	while (an != ANSWER_RIGHT && auth_any(PASSWD)) {
		say("\n%s: press Enter for the menu", host);
		if (!ask(">", NULL, line, sizeof(line)))
			exit(0);	/* a new one begins */
		an = try_password(tries);
	}
	(void)close(tries);
}

/* ---- 4: undo ---- */

static void
do_undo(void)
{
	static const char *const diff[] = { "ipsecctl", "diff", NULL };
	static const char *const back[] = { "ipsecctl", "rollback", "-m",
	    "undone at the console", NULL };

	say("the last change was:");
	(void)run_program(diff);
	if (ask_word("undo it? (yes)", "yes"))
		(void)run_program(back);
	else
		say("nothing has changed");
}

/* ---- 5: log ---- */

static void
do_log(void)
{
	static const char *const argv[] = { "init", "log", NULL };
	size_t len, lines = 0;
	int status;
	char *text = run_capture(argv, 4 << 20, &len, &status), *p;

	if (text == NULL) {
		say("no log");
		return;
	}
	for (p = text + len; p > text; p--) {
		if (p[-1] == '\n' && ++lines > 20)
			break;
	}
	(void)fputs(p, stdout);
	free(text);
}

/* ---- 6: backup ---- */

static void
do_backup(void)
{
	say("A backup is one encrypted file with policy, keys and settings:\n"
	    "    backup create FILE     asks for a passphrase\n"
	    "    backup show FILE       what it holds, and what would change\n"
	    "    backup restore FILE    shows the difference, then asks\n"
	    "Use them in the shell (0), with a stick mounted on /tmp/stick:\n"
	    "    mkdir /tmp/stick; mount /dev/sda1 /tmp/stick");
}

/* ---- 7: factory reset ---- */

static void
do_reset(void)
{
	static const char *const reboot[] = { "init", "reboot", NULL };

	if (access(BOOT_RUN "/no-disk", F_OK) == 0) {
		say("The data partition is not in use: it has to be formatted "
		    "first (8).");
		return;
	}
	say("Policy, keys, passwords and names of cards will be removed. There "
	    "is no way\nback but a backup.");
	if (!ask_word("type 'factory reset' to do it", "factory reset")) {
		say("nothing has changed");
		return;
	}
	if (!file_replace(BOOT_DATA "/reset", "1\n", 2, 0600))
		say("%s", strerror(errno));
	else
		(void)run_program(reboot);
}

/* ---- 8: damage ---- */

/* The store goes aside, and the next start takes the export's policy. */
static void
move_store(void)
{
	static const char *const again[] = { "init", "restart", "policyd",
	    NULL };
	static const char *const ends[] = { "", "-wal", "-shm" };
	char from[128], to[160];
	size_t len;
	char *body;

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(from, sizeof(from), BOOT_DB "%s", ends[i]);
		(void)snprintf(to, sizeof(to), BOOT_DB ".damaged%s", ends[i]);
		if (rename(from, to) == -1 && errno != ENOENT)
			say("%s: %s", from, strerror(errno));
	}
	body = access(BOOT_DB ".export", F_OK) == 0 ? NULL :
	    file_read(BOOT_SLOTS "/saved/policy.db.export", 64 << 20, &len);
	if (body != NULL && file_replace(BOOT_DB ".export", body, len, 0600))
		say("the export of " BOOT_SLOTS " is used");
	free(body);
	(void)run_program(again);
}

/* policyd says that it goes on with an export, or does not run at all. */
static bool
store_damaged(void)
{
	struct policyctl_status ps;
	const char *why = "";
	struct policyctl *pc = policyctl_connect(policy_run_dir(NULL), &why);
	bool damaged;

	if (pc == NULL) {
		say("policyd does not run: %s", why);
		return access(BOOT_DB, F_OK) == 0;
	}
	damaged = policyctl_status(pc, &ps, &why) &&
	    strstr(ps.ps_text, "damaged") != NULL;
	if (damaged)
		say("%s", ps.ps_text);
	policyctl_close(pc);
	return damaged;
}

/* A disk beyond repair: the only way is an empty one. */
static void
do_format(void)
{
	static const char *const reboot[] = { "init", "reboot", NULL };
	const char *why = "";

	say("The data partition could not be used, and is as it was. It can be\n"
	    "formatted: what is on it is lost; the router then begins with the\n"
	    "last export that " BOOT_SLOTS " holds, if there is one.");
	if (!ask_word("type 'format' to do it", "format"))
		say("nothing has changed");
	else if (!data_give_up(&why))
		say("%s", why);
	else
		(void)run_program(reboot);
}

static void
do_repair(void)
{
	if (access(BOOT_RUN "/no-disk", F_OK) == 0) {
		do_format();
		return;
	}
	if (!store_damaged()) {
		say("the policy store is sound");
		return;
	}
	say("The damaged store can be put aside; the router then goes on with "
	    "its last\ngood export, and can be changed again. Its history is "
	    "lost.");
	if (ask_word("put it aside? (yes)", "yes"))
		move_store();
}

/* ---- 9: restart, power off ---- */

static void
do_stop(void)
{
	static const char *const reboot[] = { "init", "reboot", NULL };
	static const char *const off[] = { "init", "poweroff", NULL };
	char line[CONSOLE_LINE];

	if (!ask("restart or poweroff", NULL, line, sizeof(line)))
		return;
	if (strcmp(line, "restart") == 0)
		(void)run_program(reboot);
	else if (strcmp(line, "poweroff") == 0)
		(void)run_program(off);
	else
		say("nothing was done");
}

/* ---- 0: shell ---- */

static void
do_shell(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)signal(SIGQUIT, SIG_DFL);
		(void)signal(SIGTSTP, SIG_DFL);
		(void)signal(SIGINT, SIG_DFL);
		if (chdir("/") == -1)
			_exit(1);
		execl("/bin/sh", "-sh", (char *)NULL);
		say("there is no shell: %s", strerror(errno));
		_exit(127);
	}
	(void)signal(SIGINT, SIG_IGN);
	while (pid != -1 && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	(void)signal(SIGINT, SIG_DFL);
	set_terminal();
}

/* ---- the menu ---- */

static const struct item {
	char		it_key;
	const char	*it_text;
	void		(*it_do)(void);
} items[] = {
	{ '1', "addresses of an interface", do_interfaces },
	{ '2', "set the password", do_password },
	{ '3', "why offline?", show_why },
	{ '4', "undo the last change", do_undo },
	{ '5', "log", do_log },
	{ '6', "backup and restore", do_backup },
	{ '7', "factory reset", do_reset },
	{ '8', "a damaged disk or policy store", do_repair },
	{ '9', "restart, power off", do_stop },
	{ 's', "SSH: on, off, keys", do_ssh },
	{ 't', "time and time servers", do_clock },
	{ '0', "shell", do_shell },
};

enum { ITEMS = sizeof(items) / sizeof(items[0]) };

static void
show_menu(void)
{
	for (size_t i = 0; i < ITEMS / 2; i++)
		say("  %c  %-34s %c  %s", items[i].it_key, items[i].it_text,
		    items[i + ITEMS / 2].it_key, items[i + ITEMS / 2].it_text);
}

static void
choose(void)
{
	char line[CONSOLE_LINE];

	if (!ask("choose", NULL, line, sizeof(line)))
		exit(0);
	for (size_t i = 0; i < ITEMS; i++) {
		if (line[0] == items[i].it_key && line[1] == '\0') {
			items[i].it_do();
			return;
		}
	}
	if (line[0] != '\0')
		say("there is no '%s': a digit or letter of the menu", line);
}

int
main(int argc, char **argv)
{
	int log = -1, tries = -1;

	if (geteuid() != 0 && argc == 1)
		return remote_menu();
	if (geteuid() != 0 && argc == 3 && strcmp(argv[1], "-c") == 0)
		return remote_command(argv[2]);
	if (argc == 2 && strcmp(argv[1], "-l") == 0) {
		tries = remote_listen(&log);
	} else if (argc != 1) {
		fputs("usage: console [-l]\n", stderr);
		return 2;
	}
	set_terminal();
	signals();
	if (tries != -1)
		login_remote(tries, log);
	else
		login();
	for (;;) {
		show_head();
		show_menu();
		choose();
	}
}
