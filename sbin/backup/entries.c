/* SPDX-License-Identifier: ISC */
/*
 * What the files in a backup may hold.
 *
 * Each is read by programs of root's later, at the next start at the latest,
 * and what they make of a wrong one may be a router that nobody can log in to.
 * So all are looked at before the first thing changes, each as who reads it
 * will.  The policy is policyd's to judge.
 */
#include <stdio.h>
#include <string.h>

#include "../init/settings.h"
#include "backup.h"
#include "libauth/auth.h"
#include "libutil/cur.h"

enum { FILE_MAX = 65536, LINE = 2048 };

/* A text, as statements of a seed.conf(5). */
static bool
as_seed(const char *text, size_t n)
{
	static struct seed sd;
	struct policy_errors errs = { 0 };
	struct policy_text tx = { "backup", text, n };
	bool ok = seed_parse(&sd, &tx, &errs) && !seed_has_policy(&sd);

	policy_errors_free(&errs);
	return ok;
}

static bool
hostname(const char *line)
{
	char text[LINE + 16];

	return as_seed(text, (size_t)snprintf(text, sizeof(text),
	    "hostname %s\n", line));
}

/* "NAME:HASH"; a damaged hash lets nobody in. */
static bool
user(const char *line)
{
	size_t n = strcspn(line, ":");

	return line[0] == '#' || (n >= 1 && n <= AUTH_NAME_MAX &&
	    line[n] == ':' && auth_hash_valid(line + n + 1));
}

static bool
ssh_key(const char *line)
{
	const char *why = "";
	struct sshkey key;

	return sshkey_parse(&key, line, &why);
}

static bool
time_server(const char *line)
{
	struct addr addr;

	return addr_parse(line, &addr) && addr.ad_af == AF_INET;
}

static const struct form {
	const char	*fo_entry;
	size_t		 fo_lines;	/* at most */
	bool		(*fo_line)(const char *);	/* NULL: any text */
	bool		(*fo_whole)(const char *, size_t);
} forms[] = {
	{ "etc/hostname", 1, hostname, NULL },
	{ "etc/passwd", FILE_MAX, user, NULL },
	{ "etc/nics", FILE_MAX, NULL, as_seed },
	{ "etc/ssh.on", 1, NULL, NULL },
	{ "etc/ssh.keys", SEED_SSH_KEYS_MAX, ssh_key, NULL },
	{ "etc/ntp", SEED_NTP_MAX, time_server, NULL },
	{ "tls/web.pem", FILE_MAX, NULL, NULL },
};

static bool
lines_good(const struct form *fo, struct cur c)
{
	size_t lines = 0;

	while (cur_left(&c) != 0) {
		char line[LINE];
		size_t n = 0;
		uint8_t b = 0;

		while (cur_left(&c) != 0 && (b = cur_u8(&c)) != '\n') {
			if (n == LINE - 1 || b < 0x20 || b == 0x7f)
				return false;
			line[n++] = (char)b;
		}
		line[n] = '\0';
		if (n != 0 && (++lines > fo->fo_lines ||
		    (fo->fo_line != NULL && !fo->fo_line(line))))
			return false;
	}
	return true;
}

bool
backup_entry_good(const struct backup_entry *be)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *fo = &forms[i];

		if (strcmp(fo->fo_entry, be->be_name) != 0)
			continue;
		return be->be_len <= FILE_MAX &&
		    lines_good(fo, cur_init(be->be_body, be->be_len)) &&
		    (fo->fo_whole == NULL || fo->fo_whole((const char *)
		    be->be_body, be->be_len));
	}
	return true;
}
