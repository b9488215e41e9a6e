/* SPDX-License-Identifier: ISC */
/*
 * Each NAME.in parses to NAME.ok: the rules as printed, or the complaints.
 * What is printed parses again, to the same rules and the same text.
 */
#include <dirent.h>

#include "libpf/pf.h"
#include "test.h"

static char *
slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *buf = calloc(1, 1 << 20);

	if (f == NULL)
		return NULL;
	if (fread(buf, 1, (1 << 20) - 1, f) == 0)
		buf[0] = '\0';
	fclose(f);
	return buf;
}

static bool
load(void *arg, const char *path, char **text, size_t *len, char *err, size_t errlen)
{
	(void)arg;
	*text = slurp(path);
	if (*text == NULL) {
		snprintf(err, errlen, "no such file");
		return false;
	}
	*len = strlen(*text);
	return true;
}

static const char *const defines[] = { "defined=10.99.0.0/16", NULL };
static const struct pf_env env = { .pe_load = load, .pe_defines = defines };

static char *
print_all(const struct pf_conf *pc)
{
	char *out = calloc(1, 1 << 20), rule[PF_RULE_STRLEN], entry[PREFIX_STRLEN + 2];
	char table[PF_TABLE_MAX + 64];
	size_t n = 0;

	for (size_t i = 0; i < pc->pc_nskip; i++)
		n += (size_t)sprintf(out + n, "set skip on %s\n", pc->pc_skip[i]);
	for (size_t i = 0; i < pc->pc_ntables; i++) {
		n += (size_t)sprintf(out + n, "%s", pf_table_print(pc->pc_table[i].td_name,
		    pc->pc_table[i].td_flags, table));
		if ((pc->pc_table[i].td_flags & PF_TABLE_KEEP) == 0) {
			n += (size_t)sprintf(out + n, " {");
			for (size_t j = 0; j < pc->pc_table[i].td_n; j++)
				n += (size_t)sprintf(out + n, " %s",
				    pf_entry_print(&pc->pc_table[i].td_entry[j], entry));
			n += (size_t)sprintf(out + n, " }");
		}
		n += (size_t)sprintf(out + n, "\n");
	}
	for (size_t i = 0; i < pc->pc_nrules; i++)
		n += (size_t)sprintf(out + n, "%s\n", pf_rule_print(&pc->pc_rule[i], rule));
	return out;
}

static void
again(const struct pf_conf *first, const char *text)
{
	struct pf_conf pc;
	char *printed;

	CU_ASSERT_TRUE(pf_parse(&pc, "printed", text, strlen(text), NULL));
	if (pc.pc_errors != NULL)
		printf("%s", pc.pc_errors);
	printed = print_all(&pc);
	TEST_STRING(printed, text);
	free(printed);
	CU_ASSERT_EQUAL(pc.pc_nrules, first->pc_nrules);
	for (size_t i = 0; i < pc.pc_nrules && i < first->pc_nrules; i++) {
		struct pf_rule a = first->pc_rule[i], b = pc.pc_rule[i];

		a.pr_line = b.pr_line = 0;
		CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
	}
	pf_conf_free(&pc);
}

static void
one(const char *name)
{
	char path[300], *in, *ok, *printed;
	struct pf_conf pc;
	bool good;

	test_row("%s", name);
	in = slurp(name);
	snprintf(path, sizeof(path), "%.*s.ok", (int)(strlen(name) - 3), name);
	ok = slurp(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ok);
	good = pf_parse(&pc, name, in, strlen(in), &env);
	printed = good ? print_all(&pc) : strdup(pc.pc_errors);
	TEST_STRING(printed, ok);
	if (getenv("PF_PRINT") != NULL)
		printf("%s", printed);
	if (good)
		again(&pc, printed);
	else
		CU_ASSERT_EQUAL(pc.pc_nrules, 0);
	free(printed);
	free(in);
	free(ok);
	pf_conf_free(&pc);
}

static void
files(void)
{
	struct dirent **list;
	int n = scandir(".", &list, NULL, alphasort), seen = 0;

	for (int i = 0; i < n; i++) {
		size_t len = strlen(list[i]->d_name);

		if (len > 3 && strcmp(list[i]->d_name + len - 3, ".in") == 0) {
			one(list[i]->d_name);
			seen++;
		}
		free(list[i]);
	}
	free(list);
	CU_ASSERT_TRUE(seen >= 10);
}

TEST_MAIN(
	TEST("files", files))
