/* SPDX-License-Identifier: ISC */
/*
 * ipsecctl(8): checks and loads policies, shows what is in force.
 *
 * Files are read and parsed here, for errors; policyd(8) commits them as a
 * revision and applies it.  What is in force is asked from the network
 * kernel's key socket itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpolicy/store.h"
#include "command.h"
#include "explain.h"
#include "ipsecctl.h"

static _Noreturn void
usage(void)
{
	fputs("usage: ipsecctl [-dFjkmnv] [-D macro=value] [-f file] "
	    "[-M reason]\n"
	    "                [-r rundir] [-s flow | sa | all | stats]\n"
	    "       ipsecctl [-r rundir] explain in on interface | out proto "
	    "protocol\n"
	    "                from address [port number] to address "
	    "[port number] ...\n", stderr);
	exit(1);
}

static const char *const words[] = { "flow", "sa", "all", "stats" };

/* For the shell (etc/completion.bash): what may come next. */
static int
print_words(bool show)
{
	for (size_t i = 0; show && i < sizeof(words) / sizeof(words[0]); i++)
		printf("%s\n", words[i]);
	if (!show) {
		printf("explain\n");
		command_names();
	}
	return 0;
}

/* -s takes any beginning of a word, as on the BSDs. */
static const char *
show_word(const char *arg)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (*arg != '\0' && strncmp(words[i], arg, strlen(arg)) == 0)
			return words[i];
	}
	fprintf(stderr, "ipsecctl: unknown -s word '%s': flow, sa, all or "
	    "stats expected\n", arg);
	usage();
}

static void
add_macro(struct options *op, const char *arg)
{
	const char *eq = strchr(arg, '=');
	char name[64];

	if (eq == NULL || eq == arg || (size_t)(eq - arg) >= sizeof(name)) {
		fprintf(stderr, "ipsecctl: -D takes macro=value, not '%s'\n",
		    arg);
		usage();
	}
	memcpy(name, arg, (size_t)(eq - arg));
	name[eq - arg] = '\0';
	if (!policy_texts_add(&op->op_texts, POLICY_TEXT_MACRO, name, eq + 1,
	    strlen(eq + 1))) {
		fputs("ipsecctl: too many macros\n", stderr);
		exit(1);
	}
}

static void
add_file(struct options *op, const char *name)
{
	const char *why = "";

	enum policy_part part = policy_part_of_file(name);

	if (part == POLICY_PART_PF || part == POLICY_PART_NETWORK)
		part = POLICY_PART_IPSEC;
	if (!policy_texts_read(&op->op_texts, part, POLICY_TEXT_MAIN, name,
	    &why)) {
		fprintf(stderr, "ipsecctl: cannot read %s: %s\n", name, why);
		exit(1);
	}
}

static bool
has_file(const struct options *op)
{
	for (size_t i = 0; i < op->op_texts.tx_n; i++) {
		if (op->op_texts.tx_v[i].ti_kind == POLICY_TEXT_MAIN)
			return true;
	}
	return false;
}

static void
parse_options(struct options *op, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+D:dFf:jkM:mnr:s:v")) != -1) {
		switch (c) {
		case 'D':
			add_macro(op, optarg);
			break;
		case 'd':
			op->op_delete = true;
			break;
		case 'F':
			op->op_flush = true;
			break;
		case 'f':
			add_file(op, optarg);
			break;
		case 'j':
			op->op_json = true;
			break;
		case 'k':
			op->op_keys = true;
			break;
		case 'M':
			op->op_reason = optarg;
			break;
		case 'm':
			op->op_monitor = true;
			break;
		case 'n':
			op->op_check = true;
			break;
		case 'r':
			op->op_rundir = optarg;
			break;
		case 's':
			op->op_show = show_word(optarg);
			break;
		case 'v':
			op->op_verbose++;
			break;
		default:
			usage();
		}
	}
	if (optind != argc && strcmp(argv[optind], "explain") == 0)
		op->op_explain = argv + optind + 1;
	else if (optind != argc)
		exit(ipsecctl_command(policy_run_dir(op->op_rundir),
		    op->op_keys, argc - optind, argv + optind));
}

int
main(int argc, char **argv)
{
	struct options op = { 0 };
	bool load;
	int rc = 0;

	if (argc > 1 && strcmp(argv[1], "--complete") == 0)
		return print_words(argc > 2);
	parse_options(&op, argc, argv);
	if (op.op_explain != NULL)
		return ipsecctl_explain(op.op_rundir, op.op_explain);
	op.op_rundir = policy_run_dir(op.op_rundir);
	load = has_file(&op);
	if (!load && !op.op_flush && op.op_show == NULL && !op.op_monitor)
		usage();
	if (op.op_delete && !load) {
		fputs("ipsecctl: -d needs -f\n", stderr);
		usage();
	}
	/* a load replaces the whole policy: -F before it says the same */
	if (op.op_flush && !load)
		rc = ipsecctl_flush(&op);
	if (rc == 0 && load)
		rc = ipsecctl_load(&op);
	if (rc == 0 && op.op_show != NULL)
		rc = strcmp(op.op_show, "stats") == 0 ? ipsecctl_stats(&op) :
		    ipsecctl_show(&op);
	if (rc == 0 && op.op_monitor)
		rc = ipsecctl_monitor(&op);
	policy_texts_free(&op.op_texts);
	return rc;
}
