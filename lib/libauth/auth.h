/* SPDX-License-Identifier: ISC */
/*
 * Passwords and passphrases: argon2id (RFC 9106) by libsodium.
 *
 * A file of users has one line each, NAME:HASH, the hash in argon2's own
 * form ("$argon2id$v=19$m=19456,t=3,p=1$SALT$HASH"); it is written aside and
 * renamed, mode 0600, or with the owner, the group and at most the mode 0640 of
 * the old file.  A hash that asks for more than AUTH_MEM_MAX or
 * AUTH_OPS_MAX is refused before it is computed.
 *
 * How often somebody may try is the caller's to keep, by name or address, in
 * a struct auth_lock: after AUTH_FREE failures each further one doubles the
 * time until the next try, from AUTH_WAIT_MIN to AUTH_WAIT_MAX ms; a success,
 * or AUTH_FORGET ms without a try, starts over.  A try counts as a failure
 * from the moment that it is allowed: as comparing takes its time, many at once
 * would else all be allowed before the first has failed.
 */
#ifndef LIBAUTH_AUTH_H
#define LIBAUTH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AUTH_NAME_MAX	= 31,		/* letters, digits, '-', '_', '.' */
	AUTH_HASH_LEN	= 128,		/* of a buffer for a hash, its NUL too */
	AUTH_MARK_LEN	= 65,		/* of a buffer for a mark, its NUL too */
	AUTH_PASSWORD_MIN = 8,		/* characters */
	AUTH_PASSWORD_MAX = 256,
	AUTH_MEM	= 19 << 20,	/* bytes that a new hash takes */
	AUTH_OPS	= 3,
	AUTH_MEM_MAX	= 128 << 20,
	AUTH_OPS_MAX	= 16,
	AUTH_SALT	= 16,
	AUTH_FREE	= 4,
	AUTH_WAIT_MIN	= 1000,
	AUTH_WAIT_MAX	= 300 * 1000,
	AUTH_FORGET	= 900 * 1000,
};

enum auth_result {
	AUTH_OK,
	AUTH_WRONG,		/* no such user, or not the password: takes as long */
	AUTH_NONE,		/* the file holds no user at all */
	AUTH_FAILED,		/* the file cannot be read, or memory is short */
};

/* NULL, or why a new password is not taken. */
const char	*auth_password_bad(const char *password);
/* False: memory is short. */
bool		 auth_hash(const char *password, char out[AUTH_HASH_LEN]);
/* Of the right form, and not dearer than we allow? */
bool		 auth_hash_valid(const char *hash);

enum auth_result auth_verify(const char *file, const char *user,
		    const char *password);
/* A new user, or a new password of one; password NULL: the user goes. False with *why. */
bool		 auth_set(const char *file, const char *user,
		    const char *password, const char **why);
/* As auth_set() with a hash that somebody else has made. */
bool		 auth_set_hash(const char *file, const char *user,
		    const char *hash, const char **why);
/*
 * What stands for a user's password as it is now: another after each change,
 * wherever it was made.  Nothing can be learned from it.  False: no such user.
 */
bool		 auth_mark(const char *file, const char *user,
		    char out[AUTH_MARK_LEN]);
/* Does the file hold any user? */
bool		 auth_any(const char *file);

/* A key of n bytes (16 to 64) from a passphrase; ops and mem as above. */
bool		 auth_derive(const char *passphrase,
		    const uint8_t salt[AUTH_SALT], unsigned ops, size_t mem,
		    uint8_t *key, size_t n);

/* ---- tries ---- */

struct auth_lock {
	unsigned	al_fails;	/* in a row */
	int64_t		al_last;	/* ms of a clock that only goes forward */
};

/*
 * Before the password is compared: ms until that is allowed, and nothing is
 * counted; or 0, and the try counts as one that has failed.  Of two at once
 * the one that looked at the clock first may come last: it is as late as the
 * other.  If it is AUTH_WAIT_MAX before that, it goes by another clock, and
 * nobody waits.
 */
int64_t	auth_lock_try(struct auth_lock *al, int64_t now);
/* It was the right one.  Not for a try that ended before that was known. */
void	auth_lock_passed(struct auth_lock *al);

#endif
