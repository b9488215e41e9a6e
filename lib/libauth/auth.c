/* SPDX-License-Identifier: ISC */
/*
 * Passwords and passphrases (see auth.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "libauth/auth.h"

enum { FILE_MAX = 65536 };

_Static_assert(AUTH_HASH_LEN == crypto_pwhash_STRBYTES, "libsodium's");
_Static_assert(AUTH_SALT == crypto_pwhash_SALTBYTES, "libsodium's");

/* ---- hashes ---- */

const char *
auth_password_bad(const char *password)
{
	size_t n = strlen(password);

	if (n < AUTH_PASSWORD_MIN)
		return "a password has at least 8 characters";
	if (n > AUTH_PASSWORD_MAX)
		return "a password has at most 256 characters";
	return NULL;
}

bool
auth_hash(const char *password, char out[AUTH_HASH_LEN])
{
	return sodium_init() != -1 && crypto_pwhash_str_alg(out, password,
	    strlen(password), AUTH_OPS, AUTH_MEM,
	    crypto_pwhash_ALG_ARGON2ID13) == 0;
}

/* "m=19456,t=3,p=1" */
static bool
cost_allowed(const char *p)
{
	unsigned long m, t;
	char *end;

	if (strncmp(p, "m=", 2) != 0 || p[2] < '0' || p[2] > '9')
		return false;
	m = strtoul(p + 2, &end, 10);
	if (strncmp(end, ",t=", 3) != 0 || end[3] < '0' || end[3] > '9')
		return false;
	t = strtoul(end + 3, &end, 10);
	return strncmp(end, ",p=1$", 5) == 0 && m >= 8 &&
	    m <= AUTH_MEM_MAX / 1024 && t >= 1 && t <= AUTH_OPS_MAX;
}

bool
auth_hash_valid(const char *hash)
{
	static const char form[] = "$argon2id$v=19$";
	size_t n = strlen(hash);

	/* libsodium parses the rest, and says what it would take to make it */
	return sodium_init() != -1 && n < AUTH_HASH_LEN &&
	    strncmp(hash, form, sizeof(form) - 1) == 0 &&
	    strspn(hash, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789+/$=,") == n && cost_allowed(hash + sizeof(form) - 1) &&
	    crypto_pwhash_str_needs_rehash(hash, AUTH_OPS, AUTH_MEM) != -1;
}

static bool
hash_matches(const char *hash, const char *password)
{
	char padded[AUTH_HASH_LEN] = { 0 };

	if (!auth_hash_valid(hash))
		return false;
	memcpy(padded, hash, strlen(hash));
	return crypto_pwhash_str_verify(padded, password,
	    strlen(password)) == 0;
}

bool
auth_derive(const char *passphrase, const uint8_t salt[AUTH_SALT],
    unsigned ops, size_t mem, uint8_t *key, size_t n)
{
	return sodium_init() != -1 && ops >= 1 && ops <= AUTH_OPS_MAX &&
	    mem >= crypto_pwhash_MEMLIMIT_MIN && mem <= AUTH_MEM_MAX &&
	    crypto_pwhash(key, n, passphrase, strlen(passphrase), salt, ops,
	    mem, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

/* ---- the file ---- */

/* malloc'd; NULL with errno; a file that is not there is an empty one. */
static char *
read_users(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);	/* the image's is a link */
	char *text = calloc(1, FILE_MAX + 1);
	ssize_t n = 0;

	if (fd == -1 && errno == ENOENT)
		return text;
	if (fd != -1 && text != NULL)
		n = read(fd, text, FILE_MAX);
	if (fd == -1 || n == -1) {
		free(text);
		text = NULL;
	}
	if (fd != -1)
		close(fd);
	return text;
}

/* The next line, cut at its colon; the hash is empty if there is none. */
static bool
next_user(char **text, char **name, char **hash)
{
	static char none[] = "";
	char *line;

	while ((line = strsep(text, "\n")) != NULL) {
		if (line[0] == '\0' || line[0] == '#')
			continue;
		*name = strsep(&line, ":");
		*hash = line != NULL ? line : none;
		return true;
	}
	return false;
}

bool
auth_any(const char *file)
{
	char *text = read_users(file), *next = text, *name, *hash;
	bool any = text != NULL && next_user(&next, &name, &hash);

	free(text);
	return any;
}

bool
auth_mark(const char *file, const char *user, char out[AUTH_MARK_LEN])
{
	char *text = read_users(file), *next = text, *name, *hash;
	uint8_t digest[crypto_hash_sha256_BYTES];
	bool found = false;

	while (text != NULL && next_user(&next, &name, &hash)) {
		if (strcmp(name, user) != 0 || hash[0] == '\0')
			continue;
		found = true;
		(void)crypto_hash_sha256(digest, (const uint8_t *)hash,
		    strlen(hash));
		(void)sodium_bin2hex(out, AUTH_MARK_LEN, digest, sizeof(digest));
	}
	if (text != NULL)
		sodium_memzero(text, FILE_MAX);
	free(text);
	return found;
}

enum auth_result
auth_verify(const char *file, const char *user, const char *password)
{
	char *text = read_users(file), *next = text, *name, *hash;
	char found[AUTH_HASH_LEN] = "", dummy[AUTH_HASH_LEN];
	bool any = false, good;

	if (text == NULL || strlen(password) > AUTH_PASSWORD_MAX) {
		free(text);
		return text == NULL ? AUTH_FAILED : AUTH_WRONG;
	}
	while (next_user(&next, &name, &hash)) {
		any = true;
		if (strcmp(name, user) == 0)
			(void)snprintf(found, sizeof(found), "%s", hash);
	}
	sodium_memzero(text, FILE_MAX);		/* it has been cut at each end */
	free(text);
	if (!any)
		return AUTH_NONE;
	if (found[0] == '\0') {		/* nobody: it takes as long */
		(void)auth_hash(password, dummy);
		return AUTH_WRONG;
	}
	good = hash_matches(found, password);
	sodium_memzero(found, sizeof(found));
	return good ? AUTH_OK : AUTH_WRONG;
}

static bool
name_valid(const char *user)
{
	size_t n = strlen(user);

	return n >= 1 && n <= AUTH_NAME_MAX && strspn(user,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_.") == n;
}

/* Who could read the old file reads the new one. */
static bool
same_readers(const char *file, int fd)
{
	struct stat sb;

	if (stat(file, &sb) == -1)
		return fchmod(fd, 0600) == 0;
	return fchown(fd, sb.st_uid, sb.st_gid) == 0 &&
	    fchmod(fd, sb.st_mode & 0640) == 0;
}

/* Aside, synced, renamed. */
static bool
write_users(const char *file, const char *text, size_t len)
{
	char aside[512];
	int fd, n = snprintf(aside, sizeof(aside), "%s.new", file);
	bool ok;

	if (n < 0 || (size_t)n >= sizeof(aside)) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd == -1)
		return false;
	ok = same_readers(file, fd) && write(fd, text, len) == (ssize_t)len &&
	    fsync(fd) == 0;
	ok = close(fd) == 0 && ok && rename(aside, file) == 0;
	if (!ok)
		(void)unlink(aside);
	return ok;
}

/* All others as they are, then this one. */
static bool
replace(char *text, const char *file, const char *user, const char *hash)
{
	char *out = NULL, *name, *old;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);
	bool ok;

	if (f == NULL)
		return false;
	while (next_user(&text, &name, &old)) {
		if (strcmp(name, user) != 0)
			fprintf(f, "%s:%s\n", name, old);
	}
	if (hash != NULL)
		fprintf(f, "%s:%s\n", user, hash);
	ok = fclose(f) == 0 && len <= FILE_MAX && write_users(file, out, len);
	free(out);
	return ok;
}

static bool
set(const char *file, const char *user, const char *hash, const char **why)
{
	char *text;
	bool ok;

	if (!name_valid(user)) {
		*why = "a user's name is 1 to 31 letters, digits, '-', '_' and '.'";
		return false;
	}
	text = read_users(file);
	ok = text != NULL && replace(text, file, user, hash);
	if (!ok)
		*why = strerror(errno);
	if (text != NULL)
		sodium_memzero(text, FILE_MAX);
	free(text);
	return ok;
}

bool
auth_set_hash(const char *file, const char *user, const char *hash,
    const char **why)
{
	if (auth_hash_valid(hash))
		return set(file, user, hash, why);
	*why = "this is no hash by argon2id, or one that takes too much to check";
	return false;
}

bool
auth_set(const char *file, const char *user, const char *password,
    const char **why)
{
	char hash[AUTH_HASH_LEN];
	bool ok;

	if (password == NULL)
		return set(file, user, NULL, why);
	if ((*why = auth_password_bad(password)) != NULL)
		return false;
	if (!auth_hash(password, hash)) {
		*why = "memory is short";
		return false;
	}
	ok = set(file, user, hash, why);
	sodium_memzero(hash, sizeof(hash));
	return ok;
}

/* ---- tries ---- */

static int64_t
wait_of(const struct auth_lock *al, int64_t now)
{
	int64_t wait = AUTH_WAIT_MIN;

	if (al->al_fails < AUTH_FREE || now - al->al_last >= AUTH_FORGET ||
	    now < al->al_last)
		return 0;
	for (unsigned i = AUTH_FREE; i < al->al_fails &&
	    wait < AUTH_WAIT_MAX; i++)
		wait *= 2;
	if (wait > AUTH_WAIT_MAX)
		wait = AUTH_WAIT_MAX;
	wait -= now - al->al_last;
	return wait > 0 ? wait : 0;
}

int64_t
auth_lock_try(struct auth_lock *al, int64_t now)
{
	int64_t wait;

	if (now < al->al_last && al->al_last - now <= AUTH_WAIT_MAX)
		now = al->al_last;
	wait = wait_of(al, now);
	if (wait > 0)
		return wait;
	if (now - al->al_last >= AUTH_FORGET)
		al->al_fails = 0;
	if (al->al_fails < UINT32_MAX)
		al->al_fails++;
	al->al_last = now;
	return 0;
}

void
auth_lock_passed(struct auth_lock *al)
{
	*al = (struct auth_lock){ 0 };
}
