/* SPDX-License-Identifier: ISC */
/*
 * The export of the newest revision: a text file beside the store, written
 * whole some time after a commit.  If the store is damaged, policy is read from
 * it; if the store is gone, the next one begins with it.
 *
 *	# ravelin policy export 1
 *	# revision 12
 *	# secret 3 NONCE SEALED		hexadecimal; as in the store
 *	# text pf main NAME BODY	hexadecimal; of pf.conf, network.conf, assert.conf
 *	... the rules in normal form ...
 *	# end 8a1f...			SHA-256 of all that stands above
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpolicy/store_int.h"
#include "libpolicy/storefs.h"
#include "libutil/hex.h"
#include "libutil/sha256.h"

#define EXPORT_MAGIC	"# ravelin policy export 1\n"

/* "PATH.export"; false if too long. */
static bool
export_path(const char *dbpath, const char *suffix, char *out, size_t cap)
{
	int n = snprintf(out, cap, "%s.export%s", dbpath, suffix);

	return n > 0 && (size_t)n < cap;
}

static bool
export_secrets(struct policy_store *st, uint64_t rev, FILE *out)
{
	sqlite3_stmt *s = store_prepare(st, "SELECT DISTINCT id, nonce, sealed "
	    "FROM revision_chunk JOIN chunk_secret USING (chunk) JOIN secret "
	    "ON id = secret WHERE revision = ? ORDER BY id");
	int rc;

	if (s == NULL)
		return false;
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rev);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		fprintf(out, "# secret %lld ",
		    (long long)sqlite3_column_int64(s, 0));
		hex_print(out, sqlite3_column_blob(s, 1),
		    (size_t)sqlite3_column_bytes(s, 1));
		fputc(' ', out);
		hex_print(out, sqlite3_column_blob(s, 2),
		    (size_t)sqlite3_column_bytes(s, 2));
		fputc('\n', out);
	}
	(void)sqlite3_finalize(s);
	return rc == SQLITE_DONE;
}

/* What the rules do not hold: the texts of pf.conf, network.conf, assert.conf. */
static bool
export_put_texts(struct policy_store *st, uint64_t rev, FILE *out)
{
	sqlite3_stmt *s = store_prepare(st, "SELECT part, kind, name, body "
	    "FROM text WHERE revision = ? AND part <> 'ipsec' AND "
	    "part <> 'iked' ORDER BY ord");
	int rc;

	if (s == NULL)
		return false;
	(void)sqlite3_bind_int64(s, 1, (sqlite3_int64)rev);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		fprintf(out, "# text %s %s ", sqlite3_column_text(s, 0),
		    sqlite3_column_text(s, 1));
		for (int i = 2; i < 4; i++) {
			hex_print(out, sqlite3_column_blob(s, i),
			    (size_t)sqlite3_column_bytes(s, i));
			fputc(i == 2 ? ' ' : '\n', out);
		}
	}
	(void)sqlite3_finalize(s);
	return rc == SQLITE_DONE;
}

/* The whole text of an export; malloc'd. */
static char *
export_text(struct policy_store *st, uint64_t rev, size_t *len,
    const char **why)
{
	uint8_t digest[STORE_DIGEST];
	char *rules = store_rules(st, rev, why), *text = NULL;
	FILE *out;
	bool ok;

	if (rules == NULL)
		return NULL;
	if ((out = open_memstream(&text, len)) == NULL) {
		free(rules);
		return NULL;
	}
	fprintf(out, EXPORT_MAGIC "# revision %llu\n", (unsigned long long)rev);
	ok = export_secrets(st, rev, out) && export_put_texts(st, rev, out);
	fputs(rules, out);
	free(rules);
	(void)fflush(out);
	sha256(text, *len, digest);
	fputs("# end ", out);
	hex_print(out, digest, sizeof(digest));
	fputc('\n', out);
	if (fclose(out) != 0 || !ok) {
		free(text);
		(void)store_fail_sql(st, why, "cannot write the export");
		return NULL;
	}
	return text;
}

static bool
write_whole(const char *tmp, const char *path, const char *text, size_t len)
{
	int fd = storefs_open(tmp, O_WRONLY | O_CREAT | O_TRUNC);
	bool ok = fd != -1;

	while (ok && len != 0) {
		ssize_t n = storefs_write(fd, text, len);

		if (n == -1 && errno == EINTR)
			continue;
		ok = n > 0;
		if (ok) {
			text += n;
			len -= (size_t)n;
		}
	}
	ok = ok && storefs_sync(fd) == 0;
	if (fd != -1)
		ok = storefs_close(fd) == 0 && ok;
	return ok && storefs_rename(tmp, path) == 0 &&
	    storefs_sync_folder(path) == 0;
}

bool
policy_store_export(struct policy_store *st, uint64_t rev, const char **why)
{
	char path[4096], tmp[4096];
	size_t len = 0;
	char *text;
	bool ok;

	if (!export_path(st->st_path, "", path, sizeof(path)) ||
	    !export_path(st->st_path, ".new", tmp, sizeof(tmp)))
		return store_fail(st, why, "the path of the store is too long");
	if ((text = export_text(st, rev, &len, why)) == NULL)
		return false;
	ok = write_whole(tmp, path, text, len);
	free(text);
	/* a checkpoint here, so that a commit does not wait for one */
	(void)sqlite3_wal_checkpoint_v2(st->st_db, NULL,
	    SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	/* the pages of a large commit are not needed again */
	(void)sqlite3_db_release_memory(st->st_db);
	if (!ok)
		return store_fail(st, why, "cannot write %s: %s", path,
		    strerror(errno));
	return true;
}

bool
policy_store_exported(struct policy_store *st, uint64_t rev)
{
	char path[4096], head[80], line[40];
	int fd = export_path(st->st_path, "", path, sizeof(path)) ?
	    storefs_open(path, O_RDONLY) : -1;
	ssize_t n;

	if (fd == -1)
		return rev == 0;
	n = storefs_read(fd, head, sizeof(head) - 1);
	(void)storefs_close(fd);
	head[n > 0 ? n : 0] = '\0';
	(void)snprintf(line, sizeof(line), "# revision %llu\n",
	    (unsigned long long)rev);
	return strncmp(head, EXPORT_MAGIC, strlen(EXPORT_MAGIC)) == 0 &&
	    strncmp(head + strlen(EXPORT_MAGIC), line, strlen(line)) == 0;
}

/* ---- reading ---- */

static char *
read_text(const char *path, size_t *len)
{
	int fd = storefs_open(path, O_RDONLY);
	struct stat sb;
	char *text = NULL;
	ssize_t n = -1;

	if (fd == -1)
		return NULL;
	*len = 0;
	if (storefs_stat(fd, &sb) == 0 &&
	    (text = malloc((size_t)sb.st_size + 1)) != NULL) {
		while (*len < (size_t)sb.st_size && (n = storefs_read(fd,
		    text + *len, (size_t)sb.st_size - *len)) > 0)
			*len += (size_t)n;
		text[*len] = '\0';
	}
	(void)storefs_close(fd);
	if (n <= 0) {
		free(text);
		text = NULL;
	}
	return text;
}

/* The last line holds the digest of what stands above it. */
static bool
export_sound(char *text, size_t len)
{
	const size_t line = 6 + 2 * STORE_DIGEST + 1;	/* "# end " hex "\n" */
	uint8_t said[STORE_DIGEST], is[STORE_DIGEST];

	if (strlen(text) != len || len < line ||
	    strncmp(text, EXPORT_MAGIC, strlen(EXPORT_MAGIC)) != 0 ||
	    memcmp(text + len - line, "# end ", 6) != 0 ||
	    !hex_read(text + len - line + 6, 2 * STORE_DIGEST, said,
	    sizeof(said)))
		return false;
	sha256(text, len - line, is);
	return memcmp(said, is, sizeof(is)) == 0;
}

static bool
secret_line(struct policy_store *st, const char *line)
{
	struct export_secret *v, *es;
	const char *nonce, *sealed;
	char *end;
	size_t n;

	v = reallocarray(st->st_xsecret, st->st_nxsecret + 1, sizeof(*v));
	if (v == NULL)
		return false;
	st->st_xsecret = v;
	es = &v[st->st_nxsecret];
	es->es_id = strtoull(line, &end, 10);
	nonce = end + (*end == ' ');
	n = strcspn(nonce, " \n");
	sealed = nonce + n + (nonce[n] == ' ');
	if (n != 2 * SEAL_NONCE ||
	    !hex_read(nonce, n, es->es_nonce, sizeof(es->es_nonce)))
		return false;
	n = strcspn(sealed, "\n");
	if (!hex_read(sealed, n, es->es_sealed, sizeof(es->es_sealed)))
		return false;
	es->es_len = n / 2;
	st->st_nxsecret++;
	return true;
}

/* Hexadecimal up to a blank or the end of the line, as a terminated text. */
static char *
hex_word(const char **p, size_t *len)
{
	size_t n = strcspn(*p, " \n");
	char *out = malloc(n / 2 + 1);

	if (out == NULL || !hex_read(*p, n, (uint8_t *)out, n / 2)) {
		free(out);
		return NULL;
	}
	*len = n / 2;
	out[*len] = '\0';
	*p += n + ((*p)[n] == ' ');
	return out;
}

static bool
text_line(struct policy_store *st, const char *p)
{
	enum policy_part part = strncmp(p, "pf ", 3) == 0 ? POLICY_PART_PF :
	    strncmp(p, "assert ", 7) == 0 ? POLICY_PART_ASSERT :
	    POLICY_PART_NETWORK;
	enum policy_text_kind kind = POLICY_TEXT_MAIN;
	size_t nlen = 0, blen = 0;
	char *name, *body = NULL;
	bool ok;

	p += strcspn(p, " \n");
	p += *p == ' ';
	if (strncmp(p, "include ", 8) == 0)
		kind = POLICY_TEXT_INCLUDE;
	else if (strncmp(p, "macro ", 6) == 0)
		kind = POLICY_TEXT_MACRO;
	p += strcspn(p, " \n");
	p += *p == ' ';
	name = hex_word(&p, &nlen);
	if (name != NULL)
		body = hex_word(&p, &blen);
	ok = body != NULL && policy_texts_add_part(&st->st_xtexts, part, kind,
	    name, body, blen);
	free(name);
	free(body);
	return ok;
}

bool
export_load(struct policy_store *st, const char **why)
{
	char path[4096];
	size_t len = 0;
	const char *p;
	bool ok = true;

	if (!export_path(st->st_path, "", path, sizeof(path)))
		return false;
	if ((st->st_xtext = read_text(path, &len)) == NULL)
		return store_fail(st, why, "%.200s; and there is no export",
		    st->st_damage);
	if (!export_sound(st->st_xtext, len))
		return store_fail(st, why, "%.200s; and its export is damaged "
		    "too", st->st_damage);
	for (p = st->st_xtext; *p == '#' && ok; p = strchr(p, '\n') + 1) {
		if (strncmp(p, "# revision ", 11) == 0)
			st->st_xrev = strtoull(p + 11, NULL, 10);
		else if (strncmp(p, "# secret ", 9) == 0)
			ok = secret_line(st, p + 9);
		else if (strncmp(p, "# text ", 7) == 0)
			ok = text_line(st, p + 7);
	}
	if (!ok || st->st_xrev == 0)
		return store_fail(st, why, "%s cannot be read", path);
	return true;
}
