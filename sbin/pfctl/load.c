/* SPDX-License-Identifier: ISC */
/*
 * Reading a pf.conf and sending it: one transaction, whole or nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pfctl.h"

#define FILE_MAX	(64u << 20)

/* A whole file, "-" standard input, to malloc(); false with a reason in err. */
static bool
read_file(const char *path, char **text, size_t *len, char *err, size_t errlen)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t cap = 0, n = 0;
	char *buf = NULL, *p;

	if (f == NULL) {
		(void)snprintf(err, errlen, "%s", strerror(errno));
		return false;
	}
	do {
		if (n == cap) {
			cap = cap == 0 ? 65536 : cap * 2;
			p = cap > FILE_MAX ? NULL : realloc(buf, cap);
			if (p == NULL) {
				(void)snprintf(err, errlen, "too large");
				break;
			}
			buf = p;
		}
		n += fread(buf + n, 1, cap - n, f);
	} while (!feof(f) && !ferror(f));
	if (ferror(f))
		(void)snprintf(err, errlen, "%s", strerror(errno));
	*text = buf;
	*len = n;
	if (feof(f) && !ferror(f)) {
		if (f != stdin)
			(void)fclose(f);
		return true;
	}
	if (f != stdin)
		(void)fclose(f);
	free(buf);
	return false;
}

static bool
load_included(void *arg, const char *path, char **text, size_t *len, char *err, size_t errlen)
{
	(void)arg;
	if (strcmp(path, "-") == 0) {
		(void)snprintf(err, errlen, "not a file");
		return false;
	}
	return read_file(path, text, len, err, errlen);
}

/* ---- sending ---- */

static void
send_table(struct ctl_client *cl, const struct pf_table_def *td)
{
	struct pf_table_msg *pm = calloc(1, sizeof(*pm) + PF_MSG_ENTRIES * sizeof(*td->td_entry));
	size_t at = 0;

	if (pm == NULL)
		return;
	do {
		size_t n = td->td_n - at < PF_MSG_ENTRIES ? td->td_n - at : PF_MSG_ENTRIES;

		memset(pm, 0, sizeof(*pm));
		memcpy(pm->pm_name, td->td_name, sizeof(pm->pm_name));
		pm->pm_flags = td->td_flags;
		pm->pm_n = (uint32_t)n;
		if (n != 0)
			memcpy(pm + 1, td->td_entry + at, n * sizeof(*td->td_entry));
		ctl_must(cl, CTL_PF_TABLE, pm, sizeof(*pm) + n * sizeof(*td->td_entry), NULL, NULL);
		at += n;
	} while (at < td->td_n);
	free(pm);
}

/* An error ends the program, and with its connection the transaction. */
static void
send_conf(const struct options *op, const struct pf_conf *pc)
{
	struct ctl_client *cl = ctl_must_open(op->op_rundir);

	ctl_must(cl, CTL_PF_BEGIN, NULL, 0, NULL, NULL);
	ctl_must(cl, CTL_PF_OPTIONS, &pc->pc_options, sizeof(pc->pc_options), NULL, NULL);
	for (size_t i = 0; i < pc->pc_nskip; i++) {
		struct pf_name pn = { "" };

		memcpy(pn.pn_name, pc->pc_skip[i], sizeof(pc->pc_skip[i]));
		ctl_must(cl, CTL_PF_SKIP, &pn, sizeof(pn), NULL, NULL);
	}
	for (size_t i = 0; i < pc->pc_ntables; i++)
		send_table(cl, &pc->pc_table[i]);
	for (size_t i = 0; i < pc->pc_nrules; i++)
		ctl_must(cl, CTL_PF_RULE, &pc->pc_rule[i], sizeof(pc->pc_rule[i]), NULL, NULL);
	ctl_must(cl, CTL_PF_COMMIT, NULL, 0, NULL, NULL);
	ctl_close(cl);
}

bool
load_file(const struct options *op, const char *path)
{
	struct pf_env env = { .pe_load = load_included, .pe_defines = op->op_defines };
	struct pf_conf pc;
	char err[200] = "", *text;
	size_t len;
	bool ok;

	if (!read_file(path, &text, &len, err, sizeof(err))) {
		fprintf(stderr, "pfctl: %s: %s\n", path, err);
		return false;
	}
	ok = pf_parse(&pc, strcmp(path, "-") == 0 ? "stdin" : path, text, len, &env);
	free(text);
	if (ok && op->op_verbose != 0)
		pf_conf_print(&pc, stdout);
	if (ok && !op->op_noaction)
		send_conf(op, &pc);
	if (!ok) {
		fputs(pc.pc_errors, stderr);
		fprintf(stderr, "pfctl: %u error%s: rules not loaded\n", pc.pc_nerrors,
		    pc.pc_nerrors == 1 ? "" : "s");
	}
	pf_conf_free(&pc);
	return ok;
}
