/* SPDX-License-Identifier: ISC */
/*
 * A backup is opened, compared with what is here, and brought back.
 *
 * The file is opened by a process that can do nothing but read it and hand
 * over what it holds.  The difference is shown before anything changes, with
 * keys left out.  The policy is committed as a revision like any other; if
 * that is refused, nothing else is touched either.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "../init/boot.h"
#include "../init/nics.h"
#include "../ipsecctl/mask.h"
#include "backup.h"
#include "libctl/json.h"
#include "libseed/seed.h"
#include "libutil/sandbox.h"
#include "libutil/udiff.h"
#include "libutil/utf8.h"

enum { PASS_MAX = 256 };

/* ---- opening ---- */

static bool
write_all(int fd, const uint8_t *p, size_t n)
{
	while (n != 0) {
		ssize_t done = write(fd, p, n);

		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static _Noreturn void
open_apart(const struct options *op, const char *file, size_t n,
    const char *pass, int out)
{
	struct bytes archive;
	const char *why = "";

	if (!sandbox_enter(SANDBOX_PURE))
		why = "sandbox";
	else if (backup_open(file, n, pass, &archive, &why))
		_exit(write_all(out, archive.by_p, archive.by_n) ? 0 : 1);
	_exit(backup_fail("%s is refused: %s; nothing has changed",
	    op->op_file, why));
}

static bool
read_pipe(int fd, struct bytes *by)
{
	size_t cap = BACKUP_MAX;
	ssize_t n = 0;

	by->by_p = malloc(cap);
	while (by->by_p != NULL && by->by_n < cap &&
	    (n = read(fd, by->by_p + by->by_n, cap - by->by_n)) > 0)
		by->by_n += (size_t)n;
	return by->by_p != NULL && n == 0;
}

static bool
open_file(const struct options *op, const char *pass, struct bytes *archive)
{
	int fds[2], status = -1;
	size_t n = 0;
	char *file = file_read(op->op_file, BACKUP_MAX, &n);
	bool ok;
	pid_t pid;

	if (file == NULL || pipe2(fds, O_CLOEXEC) == -1) {
		(void)backup_fail("%s: %s", op->op_file, strerror(errno));
		free(file);
		return false;
	}
	if ((pid = fork()) == 0)
		open_apart(op, file, n, pass, fds[1]);
	close(fds[1]);
	ok = pid != -1 && read_pipe(fds[0], archive);
	close(fds[0]);
	ok = pid != -1 && waitpid(pid, &status, 0) == pid && status == 0 && ok;
	free(file);
	if (!ok)
		bytes_free(archive);
	return ok;
}

/* ---- comparing ---- */

/* The parts alone: without the lines of a file that are about the file. */
static char *
parts(const char *text, size_t n)
{
	char *copy = strndup(text, n), *out = copy, *next = copy, *line;

	while (copy != NULL && (line = strsep(&next, "\n")) != NULL) {
		size_t len = strlen(line);

		if (strncmp(line, "### revision ", 13) == 0 ||
		    strncmp(line, "### ravelin ", 12) == 0 ||
		    strncmp(line, "### end ", 8) == 0 || (next == NULL &&
		    len == 0))
			continue;
		memmove(out, line, len);
		out += len;
		*out++ = '\n';
	}
	if (copy != NULL)
		*out = '\0';
	return copy;
}

/* What restoring would change. */
struct difference {
	char	*df_text;	/* as diff -u, keys left out; malloc'd */
	bool	 df_same;	/* nothing at all */
	bool	 df_keys;	/* keys alone */
};

static void
difference_free(struct difference *df)
{
	free(df->df_text);
	df->df_text = NULL;
}

static bool
compare(struct difference *df, char *have, char *back)
{
	size_t len = 0;
	FILE *out = open_memstream(&df->df_text, &len);
	bool differ = false, ok;

	df->df_same = strcmp(have, back) == 0;
	mask_keys(have);
	mask_keys(back);
	ok = out != NULL && udiff(have, back, "here", "backup", out, &differ);
	df->df_keys = !df->df_same && !differ;
	return out != NULL && fclose(out) == 0 && ok;
}

static bool
difference(struct difference *df, const struct backup_entry *policy)
{
	static const char *const show[] = { "ipsecctl", "show", "-k", NULL };
	size_t n = 0;
	int status;
	char *have = run_capture(show, BACKUP_MAX, &n, &status);
	char *a = parts(have != NULL && status == 0 ? have : "",
	    have != NULL && status == 0 ? n : 0);
	char *b = parts((const char *)policy->be_body, policy->be_len);
	bool ok = a != NULL && b != NULL;

	*df = (struct difference){ 0 };
	ok = ok && compare(df, a, b);
	if (have != NULL)
		explicit_bzero(have, n);
	free(have);
	free(a);
	free(b);
	return ok;
}

/* ---- telling ---- */

/* What comes out of a file does not steer the terminal. */
static void
put_plain(const char *p, size_t n)
{
	struct cur c = cur_init(p, n);

	while (cur_left(&c) != 0) {
		size_t k = utf8_sequence(c);
		bool bad = k == 0 || utf8_control(c);
		const uint8_t *at = cur_bytes(&c, k == 0 ? 1 : k);

		if (bad && *at != '\n' && *at != '\t')
			(void)putchar('?');
		else
			(void)fwrite(at, 1, k, stdout);
	}
}

static void
show_text(const struct backup *bk, const struct difference *df)
{
	const struct backup_entry *gen = backup_find(bk, "generation");

	for (size_t i = 0; i < bk->bk_n; i++)
		printf("%-14s %zu bytes\n", bk->bk_entry[i].be_name,
		    bk->bk_entry[i].be_len);
	if (gen != NULL && gen->be_len < GENERATION_HEX) {
		(void)fputs("generation ", stdout);
		put_plain((const char *)gen->be_body, gen->be_len);
		(void)putchar('\n');
	}
	put_plain(df->df_text, strlen(df->df_text));
	if (df->df_same)
		printf("the policy is the same as here\n");
	else if (df->df_keys)
		printf("only keys differ\n");
}

static void
show_json(const struct backup *bk, const struct difference *df)
{
	const struct backup_entry *gen = backup_find(bk, "generation");
	char hex[GENERATION_HEX] = "";

	if (gen != NULL && gen->be_len < sizeof(hex))
		memcpy(hex, gen->be_body, gen->be_len);
	json_begin();
	json_array("entries");
	for (size_t i = 0; i < bk->bk_n; i++) {
		if (&bk->bk_entry[i] == gen)
			continue;
		json_object(NULL);
		json_string("name", bk->bk_entry[i].be_name);
		json_number("bytes", bk->bk_entry[i].be_len);
		json_object_end();
	}
	json_array_end();
	json_string("generation", hex);
	json_bool("same", df->df_same);
	json_bool("only_keys", df->df_keys);
	json_string("diff", df->df_text);
	json_end();
}

static bool
show(const struct options *op, const struct backup *bk,
    const struct backup_entry *policy)
{
	struct difference df;
	bool ok = difference(&df, policy);

	if (ok && op->op_json)
		show_json(bk, &df);
	else if (ok)
		show_text(bk, &df);
	difference_free(&df);
	return ok;
}

/* ---- bringing back ---- */

/* A text as standard input, of memory alone: it holds keys in clear. */
static bool
as_input(const struct backup_entry *be)
{
	int fd = memfd_create("policy", MFD_CLOEXEC);
	bool ok = fd != -1 && write_all(fd, be->be_body, be->be_len) &&
	    lseek(fd, 0, SEEK_SET) == 0 && dup2(fd, STDIN_FILENO) != -1;

	if (fd != -1)
		close(fd);
	return ok;
}

static bool
import(const struct options *op, const struct backup_entry *policy)
{
	const char *argv[10] = { "ipsecctl", "import", "-m",
	    op->op_reason != NULL ? op->op_reason : "restored from a backup" };
	size_t n = 4;

	if (op->op_confirm != NULL) {
		argv[n++] = "--confirm";
		argv[n++] = op->op_confirm;
	}
	argv[n] = "-";
	return as_input(policy) && run_program(argv) == 0;
}

/* Do the names of cards in a backup belong to cards of this machine? */
static bool
cards_fit(const struct backup_entry *be)
{
	static struct seed sd;
	struct policy_errors errs = { 0 };
	struct policy_text text = { "nics", (const char *)be->be_body,
	    be->be_len };
	bool ok = seed_parse(&sd, &text, &errs);

	policy_errors_free(&errs);
	return ok && nics_all_here(sd.sd_nic, sd.sd_nnics);
}

/* Who could read the old one can read the new one: the web pages' role is one. */
static bool
put_file(const char *dir, const char *name, const struct backup_entry *be)
{
	mode_t mode = strncmp(name, "ssh.", 4) == 0 ? 0600 : 0640;
	char path[600];
	struct stat old;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	ok = stat(path, &old) == 0;
	if (file_replace(path, be->be_body, be->be_len, mode) && (!ok ||
	    (chown(path, old.st_uid, old.st_gid) == 0 &&
	    chmod(path, old.st_mode & 0660) == 0)))
		return true;
	(void)backup_fail("%s: %s", path, strerror(errno));
	return false;
}

static bool
put_files(const struct options *op, const struct backup *bk)
{
	const struct backup_entry *be;
	char entry[BACKUP_NAME_MAX + 1];
	bool ok = true;

	for (size_t i = 0; backup_files[i] != NULL; i++) {
		(void)snprintf(entry, sizeof(entry), "etc/%s", backup_files[i]);
		if ((be = backup_find(bk, entry)) == NULL)
			continue;
		if (strcmp(backup_files[i], "nics") == 0 && !cards_fit(be)) {
			printf("the cards keep their names: those of the "
			    "backup are in another machine\n");
			continue;
		}
		ok = put_file(op->op_etc, backup_files[i], be) && ok;
	}
	if ((be = backup_find(bk, "tls/web.pem")) != NULL)
		ok = put_file(op->op_tls, "web.pem", be) && ok;
	return ok;
}

/* Is what is in force now what the backup says? */
static bool
same_generation(const struct backup *bk)
{
	const struct backup_entry *want = backup_find(bk, "generation");
	char hex[GENERATION_HEX];
	unsigned long long revision;
	bool same;

	if (!generation(hex, &revision) || want == NULL) {
		(void)backup_fail("what is in force now cannot be read");
		return false;
	}
	same = want->be_len == strlen(hex) &&
	    memcmp(want->be_body, hex, want->be_len) == 0;
	printf("revision %llu, generation %s: %s\n", revision, hex, same ?
	    "the same as in the backup" : "NOT THE ONE OF THE BACKUP");
	return same;
}

/* False after telling: something is in it that its reader could not read. */
static bool
entries_good(const struct options *op, const struct backup *bk)
{
	for (size_t i = 0; i < bk->bk_n; i++) {
		const struct backup_entry *be = &bk->bk_entry[i];

		if (backup_entry_good(be))
			continue;
		(void)backup_fail("%s is refused: %s in it makes no sense; "
		    "nothing has changed", op->op_file, be->be_name);
		return false;
	}
	return true;
}

/* For the settings, which follow when the policy has been taken. */
static bool
room(const struct options *op, const struct backup *bk)
{
	uint64_t want = 65536;
	struct statvfs vf;

	for (size_t i = 0; i < bk->bk_n; i++)
		if (strncmp(bk->bk_entry[i].be_name, "etc/", 4) == 0)
			want += bk->bk_entry[i].be_len;
	if (want == 65536 || (statvfs(op->op_etc, &vf) == 0 &&
	    (uint64_t)vf.f_bavail * vf.f_frsize >= want))
		return true;
	(void)backup_fail("%s is not there or has no room: nothing has changed",
	    op->op_etc);
	return false;
}

static bool
wanted(const struct options *op)
{
	char line[32];

	if (op->op_yes)
		return true;
	fputs("restore it? (yes) ", stderr);
	return fgets(line, sizeof(line), stdin) != NULL &&
	    strcmp(line, "yes\n") == 0;
}

static int
restore(const struct options *op, const struct backup *bk, bool change)
{
	const struct backup_entry *policy = backup_find(bk, "policy");

	if (policy == NULL)
		return backup_fail("%s holds no policy", op->op_file);
	if (!entries_good(op, bk))
		return 1;
	if (!op->op_quiet && !show(op, bk, policy))
		return backup_fail("the difference cannot be told");
	if (!change)
		return fflush(stdout) == 0 ? 0 : 1;
	(void)fflush(stdout);
	if (!wanted(op))
		return backup_fail("nothing has changed");
	if (!room(op, bk))
		return 1;
	if (!import(op, policy))
		return backup_fail("the policy was not taken: nothing has "
		    "changed");
	if (!put_files(op, bk))
		return backup_fail("the policy is restored, but not all of the "
		    "settings: mend what is said above, and restore once more");
	if (!same_generation(bk))
		return 1;
	printf("passwords count at once, names from the next start on\n");
	return fflush(stdout) == 0 ? 0 : 1;
}

int
backup_restore(const struct options *op, bool change)
{
	struct bytes archive = { 0 };
	char pass[PASS_MAX + 2];
	struct backup bk;
	int rc = 1;

	if (!backup_passphrase(op, false, pass, sizeof(pass)))
		return 1;
	if (open_file(op, pass, &archive)) {
		if (backup_parse(&bk, archive.by_p, archive.by_n))
			rc = restore(op, &bk, change);
		else
			rc = backup_fail("%s makes no sense", op->op_file);
	}
	explicit_bzero(pass, sizeof(pass));
	bytes_free(&archive);
	return rc;
}
