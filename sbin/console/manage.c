/* SPDX-License-Identifier: ISC */
/*
 * Menus of what serves the administrator: SSH, and the clock.  init(8) sees
 * what they write within a second or two.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../init/boot.h"
#include "../init/settings.h"
#include "console.h"

/* ---- SSH ---- */

static void
show_host_key(void)
{
	char finger[SSHKEY_FINGER];
	uint8_t key[32], blob[SSHKEY_ED25519];

	if (!ssh_host_public(BOOT_ETC, key))
		return;
	sshkey_ed25519(key, blob);
	sshkey_finger(blob, sizeof(blob), finger);
	say("  this router's key  %s", finger);
}

static void
show_keys(const struct ssh_keys *keys)
{
	for (size_t i = 0; i < keys->sk_n; i++) {
		const struct sshkey *sk = &keys->sk_key[i];

		say("  %2zu %s %.24s", i + 1, sk->sk_finger,
		    sk->sk_comment[0] != '\0' ? sk->sk_comment : sk->sk_kind);
	}
}

static bool
known(const struct ssh_keys *keys, const struct sshkey *key)
{
	for (size_t i = 0; i < keys->sk_n; i++) {
		if (strcmp(keys->sk_key[i].sk_finger, key->sk_finger) == 0)
			return true;
	}
	return false;
}

static void
add_key(struct ssh_keys *keys)
{
	struct sshkey *key = &keys->sk_key[keys->sk_n];
	char line[SSHKEY_LINE];
	const char *why = "";

	if (keys->sk_n == SEED_SSH_KEYS_MAX)
		say("there are %d keys already", SEED_SSH_KEYS_MAX);
	else if (!ask("the line of a file .pub", NULL, line, sizeof(line)))
		return;
	else if (!sshkey_parse(key, line, &why))
		say("%s", why);
	else if (known(keys, key))
		say("this key is here already");
	else if (keys->sk_n++, !ssh_keys_write(BOOT_ETC, keys))
		say("%s", strerror(errno));
	else
		say("added: %s", key->sk_finger);
}

static void
remove_key(struct ssh_keys *keys)
{
	char line[CONSOLE_LINE];
	unsigned long n;
	size_t left;

	if (!ask("the number of the key", NULL, line, sizeof(line)))
		return;
	n = strtoul(line, NULL, 10);
	if (n < 1 || n > keys->sk_n) {
		say("there is no such key");
		return;
	}
	left = keys->sk_n - n;
	memmove(&keys->sk_key[n - 1], &keys->sk_key[n],
	    left * sizeof(keys->sk_key[0]));
	keys->sk_n--;
	if (ssh_keys_write(BOOT_ETC, keys))
		say("removed");
	else
		say("%s", strerror(errno));
}

static void
switch_ssh(const struct ssh_keys *keys, bool on)
{
	if (on && !auth_any(BOOT_ETC "/passwd"))
		say("refused: no password is set (menu, 2)");
	else if (on && keys->sk_n == 0)
		say("refused: there is no key that could log in: add one first");
	else if (!ssh_switch(BOOT_ETC, on))
		say("%s", strerror(errno));
	else
		say("SSH is %s", on ? "on: ssh admin@the router's address" :
		    "off; who was logged in is not any more");
}

void
do_ssh(void)
{
	static struct ssh_keys keys;
	char line[CONSOLE_LINE];

	ssh_keys_read(BOOT_ETC, &keys);
	say("SSH is %s; these keys may log in as admin:",
	    ssh_is_on(BOOT_ETC) ? "on" : "off");
	show_keys(&keys);
	show_host_key();
	if (!ask("on, off, add or remove", NULL, line, sizeof(line)))
		return;
	if (strcmp(line, "on") == 0 || strcmp(line, "off") == 0)
		switch_ssh(&keys, line[1] == 'n');
	else if (strcmp(line, "add") == 0)
		add_key(&keys);
	else if (strcmp(line, "remove") == 0)
		remove_key(&keys);
	else
		say("nothing has changed");
}

/* ---- the clock ---- */

static void
set_clock(void)
{
	char line[CONSOLE_LINE];
	struct timespec now = { 0 };
	struct tm tm = { 0 };
	const char *end;

	if (!ask("date and time in UTC, such as 2026-11-22 13:05", NULL, line,
	    sizeof(line)))
		return;
	end = strptime(line, "%Y-%m-%d %H:%M", &tm);
	if (end != NULL && *end == ':')
		end = strptime(end, ":%S", &tm);
	if (end == NULL || *end != '\0') {
		say("nothing has changed");
		return;
	}
	now.tv_sec = timegm(&tm);
	if (clock_settime(CLOCK_REALTIME, &now) == -1) {
		say("the clock cannot be set: %s", strerror(errno));
		return;
	}
	clock_save();
	say("the clock is set");
}

static void
set_servers(void)
{
	char server[SEED_NTP_MAX][ADDR_STRLEN], line[CONSOLE_LINE];
	char *next = line, *word;
	struct addr addr;
	size_t n = 0;

	if (!ask("addresses of time servers, or none", NULL, line,
	    sizeof(line)) || line[0] == '\0')
		return;
	while (strcmp(line, "none") != 0 &&
	    (word = strsep(&next, " ,")) != NULL) {
		if (word[0] == '\0')
			continue;
		if (n == SEED_NTP_MAX || !addr_parse(word, &addr) ||
		    addr.ad_af != AF_INET) {
			say("at most %d IPv4 addresses: the router looks up no "
			    "names", SEED_NTP_MAX);
			return;
		}
		(void)addr_print(&addr, server[n++]);
	}
	if (!ntp_write(BOOT_ETC, server, n))
		say("%s", strerror(errno));
	else if (n == 0)
		say("no time server is asked");
	else
		say("asked from now on");
}

void
do_clock(void)
{
	char server[SEED_NTP_MAX][ADDR_STRLEN], line[CONSOLE_LINE];
	time_t now = time(NULL);
	struct tm tm;
	size_t n = ntp_read(BOOT_ETC, server);

	(void)gmtime_r(&now, &tm);
	(void)strftime(line, sizeof(line), "%Y-%m-%d %H:%M:%S", &tm);
	say("It is %s UTC; time servers:%s", line, n == 0 ? " none" : "");
	for (size_t i = 0; i < n; i++)
		say("    %s", server[i]);
	if (!ask("set or servers", NULL, line, sizeof(line)))
		return;
	if (strcmp(line, "set") == 0)
		set_clock();
	else if (strcmp(line, "servers") == 0)
		set_servers();
	else
		say("nothing has changed");
}
