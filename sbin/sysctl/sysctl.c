/* SPDX-License-Identifier: ISC */
/*
 * sysctl(8): settings of netkern, shown and changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libctl/client.h"
#include "libctl/json.h"

struct options {
	bool		 op_json, op_names_off, op_describe, op_quiet;
	const char	*op_prefix;	/* of names to show; NULL all */
	bool		 op_found;
};

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: sysctl [-adjnq] [-r rundir]\n"
	    "       sysctl [-djnq] [-r rundir] name ...\n"
	    "       sysctl [-nq] [-r rundir] name=value ...\n");
	exit(1);
}

/* The name itself, or a branch of the tree that it lies in. */
static bool
wanted(const char *prefix, const char *name)
{
	size_t n;

	if (prefix == NULL)
		return true;
	n = strlen(prefix);
	return strncmp(prefix, name, n) == 0 &&
	    (name[n] == '\0' || name[n] == '.' || (n != 0 && prefix[n - 1] == '.'));
}

static void
show(void *arg, const void *body, size_t len)
{
	struct options *op = arg;
	struct ctl_sysctl cs;

	if (len != sizeof(cs))
		return;
	memcpy(&cs, body, sizeof(cs));
	if (!wanted(op->op_prefix, cs.cs_name))
		return;
	op->op_found = true;
	if (op->op_json) {
		json_object(NULL);
		json_string("name", cs.cs_name);
		json_string("value", cs.cs_value);
		json_string("description", cs.cs_descr);
		json_bool("writable", cs.cs_writable != 0);
		json_object_end();
	} else if (op->op_names_off)
		printf("%s\n", op->op_describe ? cs.cs_descr : cs.cs_value);
	else if (op->op_describe)
		printf("%s: %s%s\n", cs.cs_name, cs.cs_descr,
		    cs.cs_writable ? "" : " (read only)");
	else
		printf("%s=%s\n", cs.cs_name, cs.cs_value);
}

static void
set(struct ctl_client *cl, const struct options *op, const char *word, const char *equals)
{
	struct ctl_sysctl cs = { .cs_name = "" };
	size_t n = (size_t)(equals - word);

	if (n >= sizeof(cs.cs_name) || strlen(equals + 1) >= sizeof(cs.cs_value)) {
		fprintf(stderr, "sysctl: %s: too long\n", word);
		exit(1);
	}
	memcpy(cs.cs_name, word, n);
	memcpy(cs.cs_value, equals + 1, strlen(equals + 1));
	ctl_must(cl, CTL_SYSCTL_SET, &cs, sizeof(cs), NULL, NULL);
	if (op->op_quiet)
		return;
	if (op->op_names_off)
		printf("%s\n", cs.cs_value);
	else
		printf("%s=%s\n", cs.cs_name, cs.cs_value);
}

/* False: there is none by that name. */
static bool
one(struct ctl_client *cl, struct options *op, const char *word)
{
	const char *equals = word == NULL ? NULL : strchr(word, '=');

	if (equals != NULL) {
		set(cl, op, word, equals);
		return true;
	}
	op->op_prefix = word;
	op->op_found = false;
	ctl_must(cl, CTL_SYSCTL_LIST, NULL, 0, show, op);
	if (!op->op_found && word != NULL)
		fprintf(stderr, "sysctl: %s: no such setting; sysctl -a lists all\n", word);
	return op->op_found || word == NULL;
}

int
main(int argc, char **argv)
{
	struct options op = { .op_json = false };
	struct ctl_client *cl;
	const char *rundir = NULL;
	bool all = false, ok = true;
	int c;

	while ((c = getopt(argc, argv, "adjnqr:w")) != -1)
		switch (c) {
		case 'a':
			all = true;
			break;
		case 'd':
			op.op_describe = true;
			break;
		case 'j':
			op.op_json = true;
			break;
		case 'n':
			op.op_names_off = true;
			break;
		case 'q':
			op.op_quiet = true;
			break;
		case 'r':
			rundir = optarg;
			break;
		case 'w':
			break;		/* of old; name=value says it */
		default:
			usage();
		}
	cl = ctl_must_open(rundir);
	if (op.op_json) {
		json_begin();
		json_array("settings");
	}
	if (all || optind == argc)
		ok = one(cl, &op, NULL);
	else
		for (; optind < argc; optind++)
			ok &= one(cl, &op, argv[optind]);
	if (op.op_json) {
		json_array_end();
		json_end();
	}
	ctl_close(cl);
	return ok ? 0 : 1;
}
