/* SPDX-License-Identifier: ISC */
/*
 * netstat(1): what netkern counts and knows, as tables or JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libctl/json.h"
#include "netstat.h"

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: netstat [-Aaijmnrs] [-I interface] [-p area] [-R rundir]\n"
	    "       netstat -w seconds [-c count] [-I interface] [-R rundir]\n");
	exit(1);
}

static unsigned
number(const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || v > 86400) {
		fprintf(stderr, "netstat: %s: not a number up to 86400\n", text);
		exit(1);
	}
	return (unsigned)v;
}

struct tables {
	bool	interfaces, routes, neighbours, stats, workers;
};

static void
show(struct ctl_client *cl, const struct options *op, const struct tables *t)
{
	if (op->op_json)
		json_begin();
	if (t->interfaces)
		show_interfaces(cl, op);
	if (t->routes)
		show_routes(cl, op);
	if (t->neighbours)
		show_neighbours(cl, op);
	if (t->workers)
		show_workers(cl, op);
	if (t->stats)
		show_stats(cl, op);
	if (op->op_json)
		json_end();
}

int
main(int argc, char **argv)
{
	struct options op = { .op_json = false };
	struct tables t = { .stats = false };
	const char *rundir = NULL;
	unsigned seconds = 0, count = 0;
	struct ctl_client *cl;
	int c;

	while ((c = getopt(argc, argv, "Aac:I:ijmnp:R:rsw:")) != -1)
		switch (c) {
		case 'A':
			t.neighbours = true;
			break;
		case 'a':
			op.op_all = true;
			break;
		case 'c':
			count = number(optarg);
			break;
		case 'I':
			op.op_iface = optarg;
			t.interfaces = true;
			break;
		case 'i':
			t.interfaces = true;
			break;
		case 'j':
			op.op_json = true;
			break;
		case 'm':
			t.workers = true;
			break;
		case 'n':
			break;		/* always numeric */
		case 'p':
			op.op_area = optarg;
			t.stats = true;
			break;
		case 'R':
			rundir = optarg;
			break;
		case 'r':
			t.routes = true;
			break;
		case 's':
			t.stats = true;
			break;
		case 'w':
			seconds = number(optarg);
			break;
		default:
			usage();
		}
	if (optind != argc)
		usage();
	if (!t.interfaces && !t.routes && !t.neighbours && !t.stats && !t.workers)
		t.interfaces = true;
	cl = ctl_must_open(rundir);
	if (seconds != 0)
		show_rates(cl, &op, seconds, count);
	else
		show(cl, &op, &t);
	ctl_close(cl);
	return 0;
}
