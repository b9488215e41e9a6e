/* SPDX-License-Identifier: ISC */
/*
 * Passwords: what is taken, what is refused before it costs anything, and
 * how often one may try.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "libauth/auth.h"
#include "test.h"

static char file[300];

static void
begin(void)
{
	(void)snprintf(file, sizeof(file), "%s/passwd", getenv("TMPDIR"));
	(void)unlink(file);
}

static void
users(void)
{
	char mark[AUTH_MARK_LEN], again[AUTH_MARK_LEN];
	const char *why = "";
	struct stat sb;

	begin();
	CU_ASSERT_EQUAL(auth_verify(file, "admin", "x"), AUTH_NONE);
	CU_ASSERT_FALSE(auth_mark(file, "admin", mark));
	CU_ASSERT_FALSE(auth_any(file));
	CU_ASSERT(auth_set(file, "admin", "correct horse", &why));
	CU_ASSERT(auth_set(file, "ruth", "battery staple", &why));
	CU_ASSERT(auth_any(file));
	CU_ASSERT(stat(file, &sb) == 0 && (sb.st_mode & 0777) == 0600);
	CU_ASSERT_EQUAL(auth_verify(file, "admin", "correct horse"), AUTH_OK);
	CU_ASSERT_EQUAL(auth_verify(file, "admin", "correct hors"), AUTH_WRONG);
	CU_ASSERT_EQUAL(auth_verify(file, "admin", ""), AUTH_WRONG);
	CU_ASSERT_EQUAL(auth_verify(file, "ruth", "correct horse"), AUTH_WRONG);
	CU_ASSERT_EQUAL(auth_verify(file, "adm", "correct horse"), AUTH_WRONG);
	CU_ASSERT(auth_mark(file, "admin", mark) && auth_mark(file, "admin", again));
	TEST_STRING(mark, again);
	CU_ASSERT(auth_mark(file, "ruth", again) && strcmp(mark, again) != 0);
	CU_ASSERT_FALSE(auth_mark(file, "adm", again));
	CU_ASSERT(auth_set(file, "admin", "another one", &why));
	CU_ASSERT(auth_mark(file, "admin", again) && strcmp(mark, again) != 0);
	CU_ASSERT_EQUAL(auth_verify(file, "admin", "correct horse"), AUTH_WRONG);
	CU_ASSERT_EQUAL(auth_verify(file, "admin", "another one"), AUTH_OK);
	CU_ASSERT_EQUAL(auth_verify(file, "ruth", "battery staple"), AUTH_OK);
	CU_ASSERT(chmod(file, 0666) == 0);		/* readers stay, writers do not */
	CU_ASSERT(auth_set(file, "ruth", NULL, &why));
	CU_ASSERT(stat(file, &sb) == 0 && (sb.st_mode & 0777) == 0640);
	CU_ASSERT_EQUAL(auth_verify(file, "ruth", "battery staple"), AUTH_WRONG);
}

static void
refused(void)
{
	static const char *const names[] = { "", "a:b", "a b", "../x",
	    "0123456789012345678901234567890123456789", "\n" };
	const char *why = "";

	begin();
	for (size_t i = 0; i < TEST_COUNT(names); i++) {
		test_row("name '%s'", names[i]);
		CU_ASSERT_FALSE(auth_set(file, names[i], "long enough", &why));
		CU_ASSERT_EQUAL(access(file, F_OK), -1);
	}
	test_row("short");
	CU_ASSERT_FALSE(auth_set(file, "admin", "1234567", &why));
	TEST_STRING(why, "a password has at least 8 characters");
	test_row("no folder");
	CU_ASSERT_FALSE(auth_set("/nonexistent/passwd", "admin", "long enough",
	    &why));
}

#define REST	"$lTqshEixmi8SHgu0ar9TOQ" \
		"$4ViHxBQswTcp7ewGveR5LWyUhCiS9NIxnpIgazXSh08"

static void
hashes(void)
{
	static const struct {
		const char	*name, *hash;
		bool		 ok;
	} cases[] = {
		{ "ours", "$argon2id$v=19$m=19456,t=3,p=1" REST, true },
		{ "dearer", "$argon2id$v=19$m=65536,t=2,p=1" REST, true },
		{ "argon2i", "$argon2i$v=19$m=19456,t=3,p=1" REST, false },
		{ "sha512", "$6$salt$abc", false },
		{ "too much memory", "$argon2id$v=19$m=1000000,t=3,p=1" REST, false },
		{ "too many passes", "$argon2id$v=19$m=19456,t=99,p=1" REST, false },
		{ "lanes", "$argon2id$v=19$m=19456,t=3,p=4" REST, false },
		{ "number beyond all", "$argon2id$v=19$m=99999999999999999999,t=3,p=1"
		    REST, false },
		{ "cut off", "$argon2id$v=19$m=19456,t=3,p=1$lTqshEixmi8", false },
		{ "only its form", "$argon2id$v=19$", false },
		{ "empty", "", false },
		{ "colon", "$argon2id$v=19$m=19456,t=3,p=1$a:b$c", false },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		CU_ASSERT_EQUAL(auth_hash_valid(cases[i].hash), cases[i].ok);
	}
}

/* A damaged file lets nobody in, and breaks nothing. */
static void
damaged(void)
{
	static const char *const texts[] = { "admin", "admin:", "admin:x",
	    ":", "admin:$argon2id$v=19$m=4000000,t=3,p=1" REST "\n",
	    "\n\n#\nadmin:$argon2id$" };

	for (size_t i = 0; i < TEST_COUNT(texts); i++) {
		FILE *f;

		test_row("%s", texts[i]);
		begin();
		f = fopen(file, "w");
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		fputs(texts[i], f);
		fclose(f);
		CU_ASSERT_EQUAL(auth_verify(file, "admin", "x"), AUTH_WRONG);
	}
}

static void
tries(void)
{
	struct auth_lock al = { 0 };
	int64_t now = 5000000, wait;

	for (unsigned i = 0; i < AUTH_FREE; i++) {
		CU_ASSERT_EQUAL(auth_lock_try(&al, now), 0);
		CU_ASSERT_EQUAL(al.al_fails, i + 1);
	}
	wait = AUTH_WAIT_MIN;
	for (unsigned i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(auth_lock_try(&al, now), wait);
		CU_ASSERT_EQUAL(auth_lock_try(&al, now + wait - 1), 1);
		now += wait;
		CU_ASSERT_EQUAL(auth_lock_try(&al, now), 0);
		wait = wait * 2 > AUTH_WAIT_MAX ? AUTH_WAIT_MAX : wait * 2;
	}
	CU_ASSERT_EQUAL(auth_lock_try(&al, now + AUTH_FORGET), 0);
	CU_ASSERT_EQUAL(al.al_fails, 1);
	al = (struct auth_lock){ .al_fails = UINT32_MAX, .al_last = now };
	CU_ASSERT_EQUAL(auth_lock_try(&al, now), AUTH_WAIT_MAX);
	/* another that looked at the clock before; another clock */
	CU_ASSERT_EQUAL(auth_lock_try(&al, now - 1), AUTH_WAIT_MAX);
	CU_ASSERT_EQUAL(auth_lock_try(&al, now - AUTH_WAIT_MAX - 1), 0);
	CU_ASSERT_EQUAL(al.al_fails, UINT32_MAX);
	auth_lock_passed(&al);
	CU_ASSERT_EQUAL(al.al_fails, 0);
}

/* RFC 9106 has no vector without secret and data: the same twice, and not with another salt. */
static void
derive(void)
{
	uint8_t salt[AUTH_SALT] = { 1 }, a[32], b[32];

	CU_ASSERT(auth_derive("passphrase", salt, 1, 8192 * 8, a, sizeof(a)));
	CU_ASSERT(auth_derive("passphrase", salt, 1, 8192 * 8, b, sizeof(b)));
	CU_ASSERT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	salt[15] = 1;
	CU_ASSERT(auth_derive("passphrase", salt, 1, 8192 * 8, b, sizeof(b)));
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	CU_ASSERT_FALSE(auth_derive("x", salt, 99, 65536, b, sizeof(b)));
	CU_ASSERT_FALSE(auth_derive("x", salt, 1, (size_t)1 << 40, b, sizeof(b)));
}

TEST_MAIN(
	TEST("users come, change and go", users),
	TEST("names and passwords that are not taken", refused),
	TEST("hashes from elsewhere", hashes),
	TEST("a damaged file", damaged),
	TEST("how often one may try", tries),
	TEST("keys of passphrases", derive))
