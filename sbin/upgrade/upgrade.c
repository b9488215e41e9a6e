/* SPDX-License-Identifier: ISC */
/*
 * upgrade(8): makes upgrade files, checks them, and installs them.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "upgrade.h"

static struct upgrade_place place = {
	.pl_boot = "/boot", .pl_key = "/etc/upgrade.pub",
	.pl_release = "/etc/release",
};
static struct upgrade_inputs inputs;

int
upgrade_fail(const char *fmt, ...)
{
	char text[800];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "upgrade: %s\n", text);
	return 1;
}

static int
usage(void)
{
	fputs("usage: upgrade check [-j] [-p key] [-R release] [--allow-older] file\n"
	    "       upgrade install [-b boot] [-p key] [-R release] [-s slot]\n"
	    "               [--allow-older] file\n"
	    "       upgrade status [-j] [-b boot] [-s slot]\n"
	    "       upgrade keygen -o file\n"
	    "       upgrade create -V version -S serial -k key -K kernel\n"
	    "               -I initrd [-m machine] -o file\n", stderr);
	return 2;
}

static bool
option(int c)
{
	char *end;

	switch (c) {
	case 'b': place.pl_boot = optarg; break;
	case 'p': place.pl_key = optarg; break;
	case 'R': place.pl_release = optarg; break;
	case 's': place.pl_slot = optarg; break;
	case 'O': place.pl_older = true; break;
	case 'j': place.pl_json = true; break;
	case 'V': inputs.ui_version = optarg; break;
	case 'k': inputs.ui_key = optarg; break;
	case 'K': inputs.ui_part[0] = optarg; break;
	case 'I': inputs.ui_part[1] = optarg; break;
	case 'm': inputs.ui_machine = optarg; break;
	case 'o': inputs.ui_out = optarg; break;
	case 'S':
		inputs.ui_serial = strtoull(optarg, &end, 10);
		return optarg[0] >= '0' && optarg[0] <= '9' && *end == '\0';
	default:
		return false;
	}
	return true;
}

static int
create(void)
{
	static struct utsname un;

	if (inputs.ui_version == NULL || inputs.ui_key == NULL ||
	    inputs.ui_out == NULL || inputs.ui_part[0] == NULL ||
	    inputs.ui_part[1] == NULL)
		return usage();
	if (inputs.ui_machine == NULL && uname(&un) == 0)
		inputs.ui_machine = un.machine;
	return upgrade_create(&inputs);
}

static int
run(const char *verb, int argc, char **argv)
{
	if (strcmp(verb, "check") == 0 && argc == 1)
		return upgrade_check(&place, argv[0]);
	if (strcmp(verb, "install") == 0 && argc == 1)
		return upgrade_install(&place, argv[0]);
	if (strcmp(verb, "status") == 0 && argc == 0)
		return upgrade_status(&place);
	if (strcmp(verb, "keygen") == 0 && argc == 0 && inputs.ui_out != NULL)
		return upgrade_keygen(inputs.ui_out);
	if (strcmp(verb, "create") == 0 && argc == 0)
		return create();
	return usage();
}

int
main(int argc, char **argv)
{
	static const struct option longer[] = {
		{ "allow-older", no_argument, NULL, 'O' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	if (argc < 2)
		return usage();
	optind = 2;
	while ((c = getopt_long(argc, argv, "b:jp:R:s:V:S:k:K:I:m:o:", longer,
	    NULL)) != -1) {
		if (!option(c))
			return usage();
	}
	return run(argv[1], argc - optind, argv + optind);
}
