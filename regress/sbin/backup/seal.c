/* SPDX-License-Identifier: ISC */
/*
 * Backups: what goes in comes out, by the right passphrase and from a file
 * that is whole; anything else is refused for what it is.  What happens to
 * the policy is the business of regress/sbin/init/boot.py.
 */
#include "../../../sbin/backup/backup.h"
#include "test.h"

enum { OPS = 1, MEM = 8192 };		/* cheap */

static struct bytes archive, file, out;
static const char *why;

static void
make(void)
{
	bytes_free(&archive);
	bytes_free(&file);
	CU_ASSERT(backup_add(&archive, "policy", "flow esp\n", 9));
	CU_ASSERT(backup_add(&archive, "etc/hostname", "paris", 5));
	CU_ASSERT(backup_add(&archive, "empty", "", 0));
	CU_ASSERT_FATAL(backup_seal(&archive, "a passphrase", OPS, MEM, &file,
	    &why));
}

static bool
open_as(const void *p, size_t n, const char *pass)
{
	bool ok;

	bytes_free(&out);
	ok = backup_open(p, n, pass, &out, &why);
	return ok;
}

static void
there_and_back(void)
{
	const struct backup_entry *be;
	struct backup bk;

	make();
	CU_ASSERT_FATAL(open_as(file.by_p, file.by_n, "a passphrase"));
	CU_ASSERT_FATAL(backup_parse(&bk, out.by_p, out.by_n));
	CU_ASSERT_EQUAL(bk.bk_n, 3);
	be = backup_find(&bk, "etc/hostname");
	CU_ASSERT_PTR_NOT_NULL_FATAL(be);
	TEST_BYTES(be->be_body, "paris", 5);
	CU_ASSERT_EQUAL(backup_find(&bk, "empty")->be_len, 0);
	CU_ASSERT_PTR_NULL(backup_find(&bk, "etc"));
}

static void
nothing_in_clear(void)
{
	struct bytes again = { 0 };

	make();
	CU_ASSERT_PTR_NULL(memmem(file.by_p, file.by_n, "paris", 5));
	CU_ASSERT_PTR_NULL(memmem(file.by_p, file.by_n, "policy", 6));
	CU_ASSERT(backup_seal(&archive, "a passphrase", OPS, MEM, &again, &why));
	/* salt and nonce are new each time */
	CU_ASSERT_NOT_EQUAL(memcmp(file.by_p + 32, again.by_p + 32, 16), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(file.by_p + 80, again.by_p + 80, 16), 0);
	bytes_free(&again);
}

static void
wrong_passphrase(void)
{
	make();
	CU_ASSERT_FALSE(open_as(file.by_p, file.by_n, "a passphras"));
	TEST_STRING(why, "the passphrase is wrong");
	CU_ASSERT_FALSE(open_as(file.by_p, file.by_n, ""));
	TEST_STRING(why, "the passphrase is wrong");
}

static void
truncated(void)
{
	make();
	for (size_t n = 0; n < file.by_n; n++) {
		uint8_t *copy = malloc(n == 0 ? 1 : n);

		memcpy(copy, file.by_p, n);
		CU_ASSERT_FALSE(open_as(copy, n, "a passphrase"));
		if (n >= BACKUP_HEADER)
			TEST_STRING(why, "the file is truncated or damaged");
		free(copy);
	}
}

static void
damaged(void)
{
	unsigned taken = 0, named = 0;

	make();
	for (size_t i = 0; i < file.by_n; i++) {
		file.by_p[i] ^= 0x10;
		taken += open_as(file.by_p, file.by_n, "a passphrase");
		named += strcmp(why, "the file is truncated or damaged") == 0;
		file.by_p[i] ^= 0x10;
	}
	CU_ASSERT_EQUAL(taken, 0);
	/* all but the magic, the format and its zeros, which say so */
	CU_ASSERT_EQUAL(named, file.by_n - 20);
}

/* Who changes the header and its digest gets no further. */
static void
costly(void)
{
	struct bytes dear = { 0 };

	make();
	CU_ASSERT_FALSE(backup_seal(&archive, "a passphrase", 99, MEM, &dear,
	    &why));
	CU_ASSERT_FALSE(backup_seal(&archive, "a passphrase", OPS,
	    (size_t)1 << 40, &dear, &why));
}

static void
senseless(void)
{
	static const struct {
		const char	*name;
		const char	*bytes;
		size_t		 n;
	} cases[] = {
		{ "a cut name", "\0\5\0\0\0\0\0\0\0\0abc", 13 },
		{ "a cut body", "\0\1\0\0\0\0\0\0\0\5aabc", 14 },
		{ "a body without end", "\0\1\xff\xff\xff\xff\xff\xff\xff\xff" "a", 11 },
		{ "no name", "\0\0\0\0\0\0\0\0\0\0", 10 },
		{ "a name with a zero", "\0\3\0\0\0\0\0\0\0\0a\0b", 13 },
		{ "a name that steers a terminal", "\0\3\0\0\0\0\0\0\0\0a\033c", 13 },
		{ "one byte", "\0", 1 },
	};
	struct backup bk;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		CU_ASSERT_FALSE(backup_parse(&bk, cases[i].bytes, cases[i].n));
	}
}

#define HASH	"$argon2id$v=19$m=19456,t=3,p=1$lTqshEixmi8SHgu0ar9TOQ" \
		"$4ViHxBQswTcp7ewGveR5LWyUhCiS9NIxnpIgazXSh08"
#define KEY	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERI" \
		"TFBUWFxgZGhscHR4f"

/* What init(8) and others will read, from whoever made the backup. */
static void
entries(void)
{
	static const struct {
		const char	*name, *body;
		bool		 good;
	} cases[] = {
		{ "etc/hostname", "paris.example\n", true },
		{ "etc/hostname", "paris\033[2J\n", false },
		{ "etc/hostname", "paris\nhostname rome\n", false },
		{ "etc/hostname", "-rf", false },
		{ "etc/passwd", "", true },
		{ "etc/passwd", "admin:" HASH "\nruth:" HASH "\n", true },
		{ "etc/passwd", "admin:" HASH "\nruth:x\n", false },
		{ "etc/passwd", "admin:$argon2id$v=19$m=4000000,t=3,p=1$aaaa$bbbb", false },
		{ "etc/passwd", ":" HASH "\n", false },
		{ "etc/nics", "nic lan0 mac 52:54:00:00:00:01\n", true },
		{ "etc/nics", "nic ../lan0 mac 52:54:00:00:00:01\n", false },
		{ "etc/nics", "nic lan0 mac 52:54:00:00:00:01\n### pf.conf\npass\n", false },
		{ "etc/ssh.on", "on\n", true },
		{ "etc/ssh.keys", KEY " anna\n" KEY " bert\n", true },
		{ "etc/ssh.keys", "command=\"x\" " KEY "\n", false },
		{ "etc/ssh.keys", "ssh-ed25519 AAAA\n", false },
		{ "etc/ntp", "192.0.2.1\n192.0.2.2\n", true },
		{ "etc/ntp", "192.0.2.1 weight 9\n", false },
		{ "etc/ntp", "1.1.1.1\n2.2.2.2\n3.3.3.3\n4.4.4.4\n5.5.5.5\n6.6.6.6\n7.7.7.7\n",
		    false },
		{ "tls/web.pem", "-----BEGIN CERTIFICATE-----\n", true },
		{ "tls/web.pem", "a\001b", false },
		{ "of/tomorrow", "\001", true },
	};
	static char large[70000];
	struct backup_entry be = { .be_name = "tls/web.pem" };

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s: %.30s", cases[i].name, cases[i].body);
		(void)snprintf(be.be_name, sizeof(be.be_name), "%s", cases[i].name);
		be.be_body = (const uint8_t *)cases[i].body;
		be.be_len = strlen(cases[i].body);
		CU_ASSERT_EQUAL(backup_entry_good(&be), cases[i].good);
	}
	test_row("too large");
	memset(large, '\n', sizeof(large));
	(void)snprintf(be.be_name, sizeof(be.be_name), "tls/web.pem");
	be.be_body = (const uint8_t *)large;
	be.be_len = sizeof(large);
	CU_ASSERT_FALSE(backup_entry_good(&be));
}

static void
end(void)
{
	bytes_free(&archive);
	bytes_free(&file);
	bytes_free(&out);
}

TEST_MAIN(
	TEST("there and back", there_and_back),
	TEST("nothing in clear", nothing_in_clear),
	TEST("a wrong passphrase", wrong_passphrase),
	TEST("truncated at each byte", truncated),
	TEST("each byte damaged", damaged),
	TEST("costs that we do not pay", costly),
	TEST("archives that make no sense", senseless),
	TEST("what files in it may hold", entries),
	TEST("memory is given back", end))
