/* SPDX-License-Identifier: ISC */
/*
 * backup(8): policy, keys and settings in one file, and back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "../init/boot.h"
#include "backup.h"
#include "libutil/ask.h"

enum { PASS_MAX = 256 };

const char *const backup_files[] = { "hostname", "passwd", "nics",
    "ssh.on", "ssh.keys", "ntp", NULL };

int
backup_fail(const char *fmt, ...)
{
	char text[800];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "backup: %s\n", text);
	return 1;
}

/* ---- the passphrase ---- */

/* The first line of standard input, without a buffer that would keep it. */
static bool
read_line(char *out, size_t cap)
{
	size_t n = 0;

	while (n + 1 < cap && read(STDIN_FILENO, out + n, 1) == 1 &&
	    out[n] != '\n')
		n++;
	out[n] = '\0';
	return n + 1 < cap;
}

static bool
read_passfile(const char *path, char *out, size_t cap)
{
	if (strcmp(path, "-") == 0 ? read_line(out, cap) :
	    file_line(path, out, cap))
		return true;
	(void)backup_fail("%s: %s", path, strerror(errno));
	return false;
}

bool
backup_passphrase(const struct options *op, bool twice, char *out, size_t cap)
{
	char again[PASS_MAX + 2];
	bool same = true;

	if (op->op_passfile != NULL ? !read_passfile(op->op_passfile, out,
	    cap) : !ask_hidden("passphrase", out, cap)) {
		explicit_bzero(out, cap);
		return false;
	}
	if (strlen(out) < BACKUP_PASS_MIN) {
		explicit_bzero(out, cap);
		(void)backup_fail("a passphrase has at least %d characters",
		    BACKUP_PASS_MIN);
		return false;
	}
	if (twice && op->op_passfile == NULL) {
		same = ask_hidden("once more", again, sizeof(again)) &&
		    strcmp(out, again) == 0;
		explicit_bzero(again, sizeof(again));
		if (!same)
			(void)backup_fail("these are not the same");
	}
	return same;
}

/* ---- create ---- */

static bool
add_file(struct bytes *by, const char *entry, const char *path)
{
	size_t n = 0;
	char *body = file_read(path, BACKUP_MAX, &n);
	bool ok;

	if (body == NULL)
		return errno == ENOENT;
	ok = backup_add(by, entry, body, n);
	explicit_bzero(body, n);
	free(body);
	return ok;
}

static bool
add_policy(struct bytes *by)
{
	static const char *const export[] = { "ipsecctl", "export", "-k", NULL };
	char hex[GENERATION_HEX];
	unsigned long long revision;
	size_t n = 0;
	int status;
	char *text = run_capture(export, BACKUP_MAX, &n, &status);
	bool ok = text != NULL && status == 0 && generation(hex, &revision) &&
	    backup_add(by, "policy", text, n) &&
	    backup_add(by, "generation", hex, strlen(hex));

	if (ok)
		printf("revision %llu, generation %s\n", revision, hex);
	if (text != NULL)
		explicit_bzero(text, n);
	free(text);
	return ok;
}

static bool
collect(const struct options *op, struct bytes *by)
{
	char path[600], entry[BACKUP_NAME_MAX + 1];
	bool ok = add_policy(by);

	if (!ok)
		(void)backup_fail("the policy cannot be read");
	for (size_t i = 0; ok && backup_files[i] != NULL; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", op->op_etc,
		    backup_files[i]);
		(void)snprintf(entry, sizeof(entry), "etc/%s", backup_files[i]);
		ok = add_file(by, entry, path);
	}
	(void)snprintf(path, sizeof(path), "%s/web.pem", op->op_tls);
	return ok && add_file(by, "tls/web.pem", path);
}

/* Others see when the last one was made. */
static void
mark(const struct options *op)
{
	char path[600];

	(void)snprintf(path, sizeof(path), "%s/backup.last", op->op_etc);
	if (!file_replace(path, "", 0, 0640))
		(void)backup_fail("%s: %s", path, strerror(errno));
}

static int
create(const struct options *op)
{
	struct bytes archive = { 0 }, file = { 0 };
	char pass[PASS_MAX + 2];
	const char *why = "";
	bool ok;

	if (!backup_passphrase(op, true, pass, sizeof(pass)))
		return 1;
	ok = collect(op, &archive);
	if (ok && !backup_seal(&archive, pass, BACKUP_OPS, BACKUP_MEM, &file,
	    &why)) {
		(void)backup_fail("%s", why);
		ok = false;
	}
	explicit_bzero(pass, sizeof(pass));
	bytes_free(&archive);
	if (ok && !file_replace(op->op_file, file.by_p, file.by_n, 0600)) {
		(void)backup_fail("%s: %s", op->op_file, strerror(errno));
		ok = false;
	}
	bytes_free(&file);
	if (ok)
		mark(op);
	return ok && fflush(stdout) == 0 ? 0 : 1;
}

/* ---- main ---- */

static int
usage(void)
{
	fputs("usage: backup create [-P passfile] [-e etc] [-t tls] file\n"
	    "       backup show [-j] [-P passfile] file\n"
	    "       backup restore [-qy] [-c seconds] [-e etc] [-m why] "
	    "[-P passfile]\n               [-t tls] file\n", stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	struct options op = { .op_etc = BOOT_ETC, .op_tls = BOOT_DATA "/tls" };
	int c;

	optind = 2;
	while (argc > 1 && (c = getopt(argc, argv, "c:e:jm:P:qt:y")) != -1) {
		switch (c) {
		case 'c':
			op.op_confirm = optarg;
			break;
		case 'j':
			op.op_json = true;
			break;
		case 'm':
			op.op_reason = optarg;
			break;
		case 'e':
			op.op_etc = optarg;
			break;
		case 'P':
			op.op_passfile = optarg;
			break;
		case 'q':
			op.op_quiet = true;
			break;
		case 't':
			op.op_tls = optarg;
			break;
		case 'y':
			op.op_yes = true;
			break;
		default:
			return usage();
		}
	}
	if (argc < 2 || optind + 1 != argc)
		return usage();
	op.op_file = argv[optind];
	if (strcmp(argv[1], "create") == 0)
		return create(&op);
	if (strcmp(argv[1], "show") == 0)
		return backup_restore(&op, false);
	if (strcmp(argv[1], "restore") == 0)
		return backup_restore(&op, true);
	return usage();
}
