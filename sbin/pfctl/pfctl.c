/* SPDX-License-Identifier: ISC */
/*
 * pfctl(8): loads rules, shows and flushes what pf has.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libctl/json.h"
#include "pfctl.h"

#define ACTIONS_MAX	16

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: pfctl [-dejnqvz] [-D macro=value] [-F modifier] [-f file]\n"
	    "             [-k host|network|label|id] [-r rundir] [-s modifier]\n"
	    "             [-t table -T command [address ...]]\n");
	exit(1);
}

void
say(const struct options *op, const char *fmt, ...)
{
	va_list ap;

	if (op->op_quiet)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* The number that an operation answers. */
static uint64_t
call_number(struct ctl_client *cl, uint16_t op, const void *body, size_t len)
{
	struct pf_number n;

	ctl_must_get(cl, op, body, len, &n, sizeof(n));
	return n.pn_value;
}

/* An abbreviation of a word, or the word. */
static bool
means(const char *text, const char *word)
{
	return text[0] != '\0' && strncmp(text, word, strlen(text)) == 0;
}

/* ---- -e -d ---- */

static int
enable(struct ctl_client *cl, const struct options *op, bool on)
{
	struct pf_number n = { .pn_value = on };
	int error = ctl_call(cl, CTL_PF_ENABLE, &n, sizeof(n), -1, NULL, NULL);

	if (error == 0) {
		say(op, on ? "pf enabled" : "pf disabled");
		return 0;
	}
	fprintf(stderr, "pfctl: %s\n", ctl_error(cl));
	return 1;
}

/* ---- -F ---- */

static void
flush_states(struct ctl_client *cl, const struct options *op)
{
	say(op, "%llu states cleared",
	    (unsigned long long)call_number(cl, CTL_PF_FLUSH_STATES, NULL, 0));
}

static void
flush_rules(struct ctl_client *cl, const struct options *op)
{
	ctl_must(cl, CTL_PF_FLUSH_RULES, NULL, 0, NULL, NULL);
	say(op, "rules cleared");
}

struct table_names {
	struct pf_table_msg	 tn_msg[PF_TABLES_MAX];
	unsigned		 tn_n;
};

static void
keep_table(void *arg, const void *body, size_t len)
{
	struct table_names *tn = arg;
	struct pf_table_info ti;

	if (len != sizeof(ti) || tn->tn_n == PF_TABLES_MAX)
		return;
	memcpy(&ti, body, sizeof(ti));
	memcpy(tn->tn_msg[tn->tn_n++].pm_name, ti.ti_name, sizeof(ti.ti_name));
}

/*
 * An empty ruleset: no rules, skips, and the default timeouts; and the tables
 * empty and not persistent, so that they go too.
 */
static void
flush_all(struct ctl_client *cl, const struct options *op)
{
	struct table_names *tn = calloc(1, sizeof(*tn));

	if (tn == NULL)
		exit(1);
	ctl_must(cl, CTL_PF_TABLES, NULL, 0, keep_table, tn);
	ctl_must(cl, CTL_PF_BEGIN, NULL, 0, NULL, NULL);
	for (unsigned i = 0; i < tn->tn_n; i++)
		ctl_must(cl, CTL_PF_TABLE, &tn->tn_msg[i], sizeof(tn->tn_msg[i]), NULL, NULL);
	ctl_must(cl, CTL_PF_COMMIT, NULL, 0, NULL, NULL);
	free(tn);
	say(op, "rules cleared");
	flush_states(cl, op);
}

static bool
flush(struct ctl_client *cl, const struct options *op, const char *what)
{
	if (means(what, "states") || means(what, "Sources"))
		flush_states(cl, op);
	else if (means(what, "rules"))
		flush_rules(cl, op);
	else if (means(what, "info"))
		ctl_must(cl, CTL_PF_CLEAR_COUNTERS, NULL, 0, NULL, NULL);
	else if (means(what, "all"))
		flush_all(cl, op);
	else
		return false;
	return true;
}

/* ---- -k ---- */

static bool
kill_prefix(const char *text, struct prefix *p)
{
	if (prefix_parse(text, p))
		return true;
	fprintf(stderr, "pfctl: %s: not an address; host names are not looked up\n", text);
	return false;
}

/* -k source [-k destination], -k label -k text, -k id -k number */
static int
kill_states(struct ctl_client *cl, const struct options *op, const char *const *what, unsigned n)
{
	struct pf_kill pk = { 0 };
	char *end;

	if (n == 2 && strcmp(what[0], "label") == 0) {
		if (strlen(what[1]) >= sizeof(pk.pk_label) || what[1][0] == '\0')
			usage();
		memcpy(pk.pk_label, what[1], strlen(what[1]));
	} else if (n == 2 && strcmp(what[0], "id") == 0) {
		pk.pk_id = strtoull(what[1], &end, 16);
		if (*end != '\0' || pk.pk_id == 0)
			usage();
	} else if (!kill_prefix(what[0], &pk.pk_src) ||
	    (n == 2 && !kill_prefix(what[1], &pk.pk_dst)))
		return 1;
	say(op, "killed %llu states",
	    (unsigned long long)call_number(cl, CTL_PF_KILL, &pk, sizeof(pk)));
	return 0;
}

/* ---- the command line ---- */

struct actions {
	const char	*ac_file, *ac_command;
	const char	*ac_show[ACTIONS_MAX], *ac_flush[ACTIONS_MAX], *ac_kill[2];
	unsigned	 ac_nshow, ac_nflush, ac_nkill;
	bool		 ac_enable, ac_disable, ac_zero;
};

static const char **
slot(const char **list, unsigned *n, unsigned max)
{
	if (*n == max)
		usage();
	return &list[(*n)++];
}

static void
options_parse(int argc, char **argv, struct options *op, struct actions *ac)
{
	int c;

	while ((c = getopt(argc, argv, "D:deF:f:jk:nqr:s:T:t:vz")) != -1)
		switch (c) {
		case 'D':
			if (strchr(optarg, '=') == NULL || optarg[0] == '=') {
				fprintf(stderr, "pfctl: -D %s: not macro=value\n", optarg);
				exit(1);
			}
			*slot(op->op_defines, &op->op_ndefines, DEFINES_MAX) = optarg;
			break;
		case 'd':
			ac->ac_disable = true;
			break;
		case 'e':
			ac->ac_enable = true;
			break;
		case 'F':
			*slot(ac->ac_flush, &ac->ac_nflush, ACTIONS_MAX) = optarg;
			break;
		case 'f':
			ac->ac_file = optarg;
			break;
		case 'j':
			op->op_json = true;
			break;
		case 'k':
			*slot(ac->ac_kill, &ac->ac_nkill, 2) = optarg;
			break;
		case 'n':
			op->op_noaction = true;
			break;
		case 'q':
			op->op_quiet = true;
			break;
		case 'r':
			op->op_rundir = optarg;
			break;
		case 's':
			*slot(ac->ac_show, &ac->ac_nshow, ACTIONS_MAX) = optarg;
			break;
		case 'T':
			ac->ac_command = optarg;
			break;
		case 't':
			op->op_table = optarg;
			break;
		case 'v':
			op->op_verbose++;
			break;
		case 'z':
			ac->ac_zero = true;
			break;
		default:
			usage();
		}
	if ((ac->ac_enable && ac->ac_disable) || (ac->ac_command != NULL && op->op_table == NULL) ||
	    (op->op_json && ac->ac_nshow > 1))
		usage();
}

static int
act(struct ctl_client *cl, const struct options *op, const struct actions *ac)
{
	for (unsigned i = 0; i < ac->ac_nflush; i++)
		if (!flush(cl, op, ac->ac_flush[i])) {
			fprintf(stderr, "pfctl: -F %s: not one of states, rules, info, all\n",
			    ac->ac_flush[i]);
			return 1;
		}
	if (ac->ac_nkill != 0 && kill_states(cl, op, ac->ac_kill, ac->ac_nkill) != 0)
		return 1;
	for (unsigned i = 0; i < ac->ac_nshow; i++)
		if (!show(cl, op, ac->ac_show[i])) {
			fprintf(stderr, "pfctl: -s %s: not one of rules, states, info, labels, "
			    "Tables, memory, timeouts, all\n", ac->ac_show[i]);
			return 1;
		}
	if (ac->ac_zero) {
		ctl_must(cl, CTL_PF_CLEAR_COUNTERS, NULL, 0, NULL, NULL);
		say(op, "pf: statistics cleared");
	}
	if (ac->ac_enable || ac->ac_disable)
		return enable(cl, op, ac->ac_enable);
	return 0;
}

int
main(int argc, char **argv)
{
	struct options op = { 0 };
	struct actions ac = { 0 };
	struct ctl_client *cl;
	bool asks;
	int status;

	options_parse(argc, argv, &op, &ac);
	asks = ac.ac_nflush != 0 || ac.ac_nkill != 0 || ac.ac_nshow != 0 || ac.ac_zero ||
	    ac.ac_enable || ac.ac_disable || ac.ac_command != NULL;
	if ((!asks && ac.ac_file == NULL) || (optind != argc && ac.ac_command == NULL))
		usage();
	if (ac.ac_file != NULL && !load_file(&op, ac.ac_file))
		return 1;
	if (!asks || op.op_noaction)
		return 0;
	cl = ctl_must_open(op.op_rundir);
	status = ac.ac_command != NULL ?
	    table_command(cl, &op, ac.ac_command, argv + optind, argc - optind) :
	    act(cl, &op, &ac);
	ctl_close(cl);
	return status;
}
