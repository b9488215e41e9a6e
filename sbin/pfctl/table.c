/* SPDX-License-Identifier: ISC */
/*
 * pfctl -t table -T command: tables of the ruleset in force.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libctl/json.h"
#include "pfctl.h"

struct entries {
	struct pf_table_entry	*en_e;
	size_t			 en_n, en_cap;
};

static void
entries_add(struct entries *en, const char *text)
{
	struct pf_table_entry *p;

	if (en->en_n == en->en_cap) {
		en->en_cap = en->en_cap == 0 ? 64 : en->en_cap * 2;
		p = realloc(en->en_e, en->en_cap * sizeof(*p));
		if (p == NULL) {
			fprintf(stderr, "pfctl: out of memory\n");
			exit(1);
		}
		en->en_e = p;
	}
	if (!pf_entry_parse(text, &en->en_e[en->en_n++])) {
		fprintf(stderr, "pfctl: %s: not an IPv4 address or network\n", text);
		exit(1);
	}
}

/* Addresses of the command line. */
static struct entries
entries_of(char **argv, int argc)
{
	struct entries en = { 0 };

	for (int i = 0; i < argc; i++)
		entries_add(&en, argv[i]);
	return en;
}

/* All entries, in as many records as it takes; the sum of the answers. */
static uint64_t
table_send(struct ctl_client *cl, const struct options *op, uint16_t what, uint32_t flags,
    const struct entries *en)
{
	struct pf_table_msg *pm = calloc(1, sizeof(*pm) + PF_MSG_ENTRIES * sizeof(*en->en_e));
	uint64_t sum = 0;
	size_t at = 0;

	if (pm == NULL || strlen(op->op_table) >= sizeof(pm->pm_name)) {
		fprintf(stderr, "pfctl: %s: not a table name\n", op->op_table);
		exit(1);
	}
	do {
		size_t n = en->en_n - at < PF_MSG_ENTRIES ? en->en_n - at : PF_MSG_ENTRIES;
		struct pf_number pn;

		memset(pm, 0, sizeof(*pm));
		memcpy(pm->pm_name, op->op_table, strlen(op->op_table));
		pm->pm_flags = at == 0 ? flags : 0;
		pm->pm_n = (uint32_t)n;
		if (n != 0)
			memcpy(pm + 1, en->en_e + at, n * sizeof(*en->en_e));
		ctl_must_get(cl, what, pm, sizeof(*pm) + n * sizeof(*en->en_e), &pn, sizeof(pn));
		sum += pn.pn_value;
		at += n;
	} while (at < en->en_n);
	free(pm);
	return sum;
}

static void
entry_one(void *arg, const void *body, size_t len)
{
	const struct options *op = arg;
	struct pf_table_entry e;
	char text[PREFIX_STRLEN + 2];

	if (len != sizeof(e))
		return;
	memcpy(&e, body, sizeof(e));
	(void)pf_entry_print(&e, text);
	if (op->op_json)
		json_string(NULL, text);
	else
		printf("   %s\n", text);
}

static void
table_show(struct ctl_client *cl, const struct options *op)
{
	struct options copy = *op;
	struct pf_name pn = { "" };

	if (strlen(op->op_table) >= sizeof(pn.pn_name)) {
		fprintf(stderr, "pfctl: %s: not a table name\n", op->op_table);
		exit(1);
	}
	memcpy(pn.pn_name, op->op_table, strlen(op->op_table));
	if (op->op_json) {
		json_begin();
		json_array("addresses");
	}
	ctl_must(cl, CTL_PF_TABLE_SHOW, &pn, sizeof(pn), entry_one, &copy);
	if (op->op_json) {
		json_array_end();
		json_end();
	}
}

int
table_command(struct ctl_client *cl, const struct options *op, const char *command,
    char **argv, int argc)
{
	struct entries en = entries_of(argv, argc);
	unsigned long long total = en.en_n, n;
	int status = 0;

	if (strcmp(command, "show") == 0)
		table_show(cl, op);
	else if (strcmp(command, "add") == 0) {
		n = table_send(cl, op, CTL_PF_TABLE_ADD, 0, &en);
		say(op, "%llu/%llu addresses added.", n, total);
	} else if (strcmp(command, "delete") == 0) {
		n = table_send(cl, op, CTL_PF_TABLE_DEL, 0, &en);
		say(op, "%llu/%llu addresses deleted.", n, total);
	} else if (strcmp(command, "replace") == 0) {
		(void)table_send(cl, op, CTL_PF_TABLE_ADD, PF_TABLE_REPLACE, &en);
		say(op, "%llu addresses in the table.", total);
	} else if (strcmp(command, "flush") == 0) {
		(void)table_send(cl, op, CTL_PF_TABLE_ADD, PF_TABLE_REPLACE, &(struct entries){ 0 });
		say(op, "table emptied.");
	} else if (strcmp(command, "test") == 0) {
		n = table_send(cl, op, CTL_PF_TABLE_TEST, 0, &en);
		say(op, "%llu/%llu addresses match.", n, total);
		status = n == total ? 0 : 2;
	} else {
		fprintf(stderr, "pfctl: -T %s: not one of add, delete, flush, replace, show, test\n",
		    command);
		status = 1;
	}
	free(en.en_e);
	return status;
}
