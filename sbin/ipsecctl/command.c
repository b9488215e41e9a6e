/* SPDX-License-Identifier: ISC */
/*
 * Commands by name, or any beginning of a name that only one has.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const struct {
	const char	*name;
	int		(*fn)(struct command *);
	const char	*usage;
	int		 args;		/* at most */
} commands[] = {
	{ "commit", command_commit, "commit [-jn] [-m why] [--confirm time] "
	    "[--base N]\n                [-f file ...] [--ipsec file] "
	    "[--iked file] [--pf file]\n"
	    "                [--network file] [--assert file]", 0 },
	{ "check", command_check, "check [-j] [-f file ...] [--ipsec file]\n"
	    "                [--iked file] [--pf file] [--network file] "
	    "[--assert file]", 0 },
	{ "confirm", command_confirm, "confirm [-j] [N]", 1 },
	{ "rollback", command_rollback, "rollback [-j] [-m why] [--confirm time] "
	    "[N]", 1 },
	{ "diff", command_diff, "diff [-jk] [N [M]]", 2 },
	{ "export", command_export, "export [-jk] [N]", 1 },
	{ "import", command_import, "import [-jn] [-m why] [--confirm time] [--base N]\n"
	    "                file", 1 },
	{ "history", command_history, "history [-j]", 0 },
	{ "show", command_show, "show [-jk] [N]", 1 },
};

enum { NCOMMANDS = sizeof(commands) / sizeof(commands[0]) };

enum { OPT_CONFIRM = 256, OPT_BASE, OPT_PART };

static const struct option longs[] = {
	{ "confirm", required_argument, NULL, OPT_CONFIRM },
	{ "base", required_argument, NULL, OPT_BASE },
	{ "ipsec", required_argument, NULL, OPT_PART + POLICY_PART_IPSEC },
	{ "iked", required_argument, NULL, OPT_PART + POLICY_PART_IKED },
	{ "pf", required_argument, NULL, OPT_PART + POLICY_PART_PF },
	{ "network", required_argument, NULL, OPT_PART + POLICY_PART_NETWORK },
	{ "assert", required_argument, NULL, OPT_PART + POLICY_PART_ASSERT },
	{ NULL, 0, NULL, 0 }
};

void
command_names(void)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		printf("%s\n", commands[i].name);
}

int
command_fail(const char *fmt, ...)
{
	va_list ap;

	fputs("ipsecctl: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

struct policy_store *
command_store(void)
{
	const char *why = "";
	struct policy_store *st = policy_store_open_ro(policy_db_path(NULL),
	    &why);

	if (st == NULL)
		(void)command_fail("%s", why);
	return st;
}

bool
command_number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 &&
	    *out <= INT64_MAX)
		return true;
	(void)command_fail("'%s' is not the number of a revision", text);
	return false;
}

/* 90, 90s, 2m, 1h: to milliseconds. */
static bool
read_time(const char *text, uint32_t *ms)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	unsigned long unit = *end == 'm' ? 60 : *end == 'h' ? 3600 : 1;

	if (*end == 's' || *end == 'm' || *end == 'h')
		end++;
	if (*text < '0' || *text > '9' || *end != '\0' || v == 0 ||
	    v > 86400 / unit) {
		(void)command_fail("--confirm %s: a time such as 90s, 2m or "
		    "1h, at most a day", text);
		return false;
	}
	*ms = (uint32_t)(v * unit * 1000);
	return true;
}

/* ---- files ---- */

static bool
add_text(struct command *co, enum policy_part part, const char *name,
    const char *body, size_t len)
{
	if (policy_texts_add_part(&co->co_texts, part, POLICY_TEXT_MAIN, name,
	    body, len))
		return true;
	(void)command_fail("too many or too large texts");
	return false;
}

/*
 * What `show` prints: "### revision N", then each part behind a line with
 * its name.  The parts that are there are committed, on base N.
 */
bool
command_sections(struct command *co, const char *body)
{
	enum policy_part part = POLICY_PARTS;
	const char *from = body, *p = body;
	bool ok = true;

	for (; ok && *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n') {
		if (strncmp(p, "### ", 4) != 0)
			continue;
		if (part != POLICY_PARTS)
			ok = add_text(co, part, policy_part_name(part), from,
			    (size_t)(p - from));
		part = POLICY_PARTS;
		for (unsigned i = 0; i < POLICY_PARTS; i++) {
			const char *name = policy_part_name(i);
			size_t n = strlen(name);

			if (strncmp(p + 4, name, n) == 0 && p[4 + n] == '\n')
				part = (enum policy_part)i;
		}
		from = p + strcspn(p, "\n");
		from += *from == '\n';
	}
	if (ok && part != POLICY_PARTS)
		ok = add_text(co, part, policy_part_name(part), from,
		    (size_t)(p - from));
	return ok;
}

static bool
add_file(struct command *co, enum policy_part part, const char *name)
{
	struct policy_text_item *ti;
	const char *why = "";
	char *body;
	bool ok = true;

	if (!policy_texts_read(&co->co_texts, part == POLICY_PARTS ?
	    policy_part_of_file(name) : part, POLICY_TEXT_MAIN, name, &why)) {
		(void)command_fail("cannot read %s: %s", name, why);
		return false;
	}
	ti = &co->co_texts.tx_v[co->co_texts.tx_n - 1];
	if (part == POLICY_PARTS &&
	    strncmp(ti->ti_body, "### revision ", 13) == 0) {
		body = ti->ti_body;
		free(ti->ti_name);
		co->co_texts.tx_n--;
		if (co->co_base == POLICYCTL_ANY)
			co->co_base = strtoull(body + 13, NULL, 10);
		ok = command_sections(co, body);
		explicit_bzero(body, strlen(body));
		free(body);
	}
	return ok;
}

/* ---- options ---- */

static int
usage(size_t which)
{
	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (which == NCOMMANDS || which == i)
			fprintf(stderr, "%s ipsecctl [-r rundir] %s\n",
			    i == which || i == 0 ? "usage:" : "      ",
			    commands[i].usage);
	}
	return 1;
}

static bool
one_option(struct command *co, int c)
{
	switch (c) {
	case 'f':
		return add_file(co, POLICY_PARTS, optarg);
	case 'j':
		co->co_json = true;
		return true;
	case 'k':
		co->co_keys = true;
		return true;
	case 'm':
		co->co_reason = optarg;
		return true;
	case 'n':
		co->co_dry = true;
		return true;
	case 'r':
		co->co_rundir = optarg;
		return true;
	case OPT_CONFIRM:
		return read_time(optarg, &co->co_confirm);
	case OPT_BASE:
		return command_number(optarg, &co->co_base);
	default:
		return c >= OPT_PART && c < OPT_PART + POLICY_PARTS &&
		    add_file(co, (enum policy_part)(c - OPT_PART), optarg);
	}
}

static int
run(struct command *co, size_t which, int argc, char **argv)
{
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "f:jkm:nr:", longs, NULL)) != -1) {
		if (c == '?')
			return usage(which);
		if (!one_option(co, c))
			return 1;
	}
	co->co_argc = argc - optind;
	co->co_argv = argv + optind;
	if (co->co_argc > commands[which].args)
		return usage(which);
	return commands[which].fn(co);
}

int
ipsecctl_command(const char *rundir, bool keys, int argc, char **argv)
{
	struct command co = { .co_rundir = rundir, .co_keys = keys,
	    .co_base = POLICYCTL_ANY };
	size_t found = NCOMMANDS, n = 0;
	int rc;

	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (argv[0][0] == '\0' || strncmp(commands[i].name, argv[0],
		    strlen(argv[0])) != 0)
			continue;
		found = i;
		n++;
		if (strcmp(commands[i].name, argv[0]) == 0) {
			n = 1;
			break;
		}
	}
	if (n == 1) {
		rc = run(&co, found, argc, argv);
		policy_texts_free(&co.co_texts);
		return rc;
	}
	(void)command_fail("%s: %s", argv[0], n == 0 ? "no such command" :
	    "more than one command begins so");
	return usage(NCOMMANDS);
}
