/* SPDX-License-Identifier: ISC */
/*
 * Public keys of SSH.  The keys and their fingerprints are those of
 * ssh-keygen (OpenSSH 9.2), but for those of a token, which were put together
 * by hand and whose fingerprints are SHA-256 by another implementation.
 */
#include "libseed/sshkey.h"
#include "test.h"

static const struct {
	const char *name, *line, *kind, *comment, *finger;
} good[] = {
	{ "Ed25519",
		    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILiERnFOiuXcmKKeo30oHO57GKng"
		    "ixfG8+jYfoWpkDCO anna@office",
		    "ssh-ed25519", "anna@office",
		    "SHA256:wzxJtQjBlDasnN1rYx3xsYG+bKuzyS+HsaVqy314YY4" },
	{ "RSA of 2,048 bits, no comment",
		    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDGDT2flFn+DOOqae8DogEKq0Fs"
		    "K9CRbbs4yieX9P+kQ1mUUkY1bGdRBEFKkTMraneoTFQ3q3LuoIUasl5N4fdudL9F"
		    "NIr9TVDx1SEyW+rcghiMQkZIdf8YomdiXX1nvHMAw4oVya0JIBIRpk6sVJ9tSlkF"
		    "S9YXAy458RCRZoUl0Md6UhEuVcHeniKm4UYEtan0WEkSQez14WH6c98ufA2FJxhx"
		    "9eHFVTsdPVSC6hrY7v4RSkuDMG9GbsvXFObguGpdszrpsYVV+jo4xKH/cTUidzYH"
		    "KMz/21pdBeXakRrsUSPzvJSx/cjTTmvxZfklKiAxhuCpzlx3tMffnKa4AEjp ",
		    "ssh-rsa", "",
		    "SHA256:ZpS2S75eEBXB1dLgJAxCUpXcoVqqgIqXdnnPEHsUUas" },
	{ "P-256",
		    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAy"
		    "NTYAAABBBDuG1irhnoAKsldJ4U+XF+58U5D7CZqJNk2/223chRj3VAzlAEAs9Pe5"
		    "Nx0fJcqk0tcTsMDYOeYdY1I6JgVrM4I= ec 256",
		    "ecdsa-sha2-nistp256", "ec 256",
		    "SHA256:BpVkwW68AO6302zFWFQ+MZlQMDv418ApffSThgeK7Xg" },
	{ "P-384",
		    "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAz"
		    "ODQAAABhBAAJN70jbtzd9IVasRdTSEH2AxYJ1U50/BBZHlCTxn/gInuPIgfYItzu"
		    "kgxzu/OFUssw3DKXkKDw8t7lc7NadjvXh6A3w3943MsY+Lz5aHjhjPYMVBXZCpcl"
		    "WvYfEMbPkQ== ec 384",
		    "ecdsa-sha2-nistp384", "ec 384",
		    "SHA256:VmOFv84Hy6Bq5GMdqs7MOR/bwcyzd4IvsKK0rdylIdM" },
	{ "P-521",
		    "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1"
		    "MjEAAACFBAHWLfaQRmthNzOQKLdLS2lobq2pnmNE3x0LlTaLPdy5ccRqW4dFTVO3"
		    "1CYc1B0cAetGv0PMpQ5I23Aslz1NfHjH9QBIi9pDnKLwZGLfgTXEWuIfB0qQ2jc7"
		    "6z9Z1Ks2IcTZPBYt3/a+2yWVb0Y7YpE8hOT3EI2s8Rj/8uF6jZI2fn8s0g== ec "
		    "521",
		    "ecdsa-sha2-nistp521", "ec 521",
		    "SHA256:Pw8dmQ2y6IK43utXYyMfkOIDq9Lsw8YYEaNqd07PnaM" },
	{ "Ed25519 of a token",
		    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY"
		    "29tAAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fAAAABHNzaDo=",
		    "sk-ssh-ed25519@openssh.com", "",
		    "SHA256:/p0CbeE3dk2SyW1OXXsThGc12ezDVD8eGw2/vtztDfk" },
	{ "P-256 of a token",
		    "sk-ecdsa-sha2-nistp256@openssh.com AAAAInNrLWVjZHNhLXNoYTItbmlzd"
		    "HAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBAABAgMEBQYHCAkKCwwND"
		    "g8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9P"
		    "j8AAAAEc3NoOg==",
		    "sk-ecdsa-sha2-nistp256@openssh.com", "",
		    "SHA256:Gkr7/6f0ZaLNSeBuBwJhmfd+tDCxEYyeeuJBopGJewU" },
};

enum { GOOD = sizeof(good) / sizeof(good[0]) };

static struct sshkey sk;

static void
keys(void)
{
	char line[SSHKEY_LINE];
	const char *why = "";

	for (size_t i = 0; i < GOOD; i++) {
		test_row("%s", good[i].name);
		CU_ASSERT(sshkey_parse(&sk, good[i].line, &why));
		TEST_STRING(sk.sk_kind, good[i].kind);
		TEST_STRING(sk.sk_comment, good[i].comment);
		TEST_STRING(sk.sk_finger, good[i].finger);
		sshkey_print(sk.sk_kind, sk.sk_blob, sk.sk_len, sk.sk_comment,
		    line);
		CU_ASSERT_EQUAL(strncmp(line, good[i].line, strlen(line)), 0);
	}
}

/* Cut anywhere, with a byte more, or with one other: never the same key. */
static void
damage(void)
{
	char line[SSHKEY_LINE], first[SSHKEY_FINGER];
	const char *why;

	for (size_t i = 0; i < GOOD; i++) {
		size_t end = strcspn(good[i].line, " ") + 1;
		size_t n = end + strcspn(good[i].line + end, " ");
		unsigned taken = 0;

		test_row("%s", good[i].name);
		CU_ASSERT(sshkey_parse(&sk, good[i].line, &why));
		memcpy(first, sk.sk_finger, sizeof(first));
		for (size_t k = 0; k < n; k++) {
			(void)snprintf(line, sizeof(line), "%.*s", (int)k,
			    good[i].line);
			taken += sshkey_parse(&sk, line, &why);
			(void)snprintf(line, sizeof(line), "%.*s%c%s", (int)k,
			    good[i].line, good[i].line[k] == 'A' ? 'B' : 'A',
			    good[i].line + k + 1);
			taken += sshkey_parse(&sk, line, &why) &&
			    strcmp(sk.sk_finger, first) == 0;
		}
		(void)snprintf(line, sizeof(line), "%.*sAAAA", (int)n,
		    good[i].line);
		taken += sshkey_parse(&sk, line, &why);
		CU_ASSERT_EQUAL(taken, 0);
	}
}

static void
refusals(void)
{
	static const struct {
		const char *name, *line, *why;
	} cases[] = {
		{ "nothing", "",
		    "a public key begins with its kind, such as ssh-ed25519" },
		{ "options before it", "no-pty ssh-ed25519 AAAA",
		    "a public key begins with its kind, such as ssh-ed25519" },
		{ "a private key", "-----BEGIN OPENSSH PRIVATE KEY-----",
		    "this is a private key: what is wanted is the line of its "
		    "file .pub" },
		{ "DSA", "ssh-dss AAAAB3NzaC1kc3MAAACBAP==",
		    "DSA keys are too weak: ssh-keygen -t ed25519 makes a "
		    "better one" },
		{ "RSA of 1,024 bits",
		    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCwIdmGxOoKI6vjjFLI5qBbQPjn"
		    "4B8tdGKvzI8li5gSbf2dpiljZBukb8sbnzju4WfVaYlZjV7Z2nS/SSp6lqqwGjZh"
		    "9wx8V4+Gj0u2tRwsEHMoLVQ/2tZcJ9FjI6q1PzpEeWkARW0dQF9H1098aQRjX/qH"
		    "IaYVDh0RtYZWH7HPEw== old",
		    "an RSA key has 2048 to 4096 bits" },
		{ "another kind than it says",
		    "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAILiERnFOiuXcmKKeo30oHO57GKngixfG"
		    "8+jYfoWpkDCO",
		    "the key is not of the kind that stands before it" },
		{ "no base64", "ssh-ed25519 *AAAC3Nza",
		    "this key is damaged: it was cut or wrapped when it was "
		    "copied" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = "";

		test_row("%s", cases[i].name);
		CU_ASSERT(!sshkey_parse(&sk, cases[i].line, &why));
		TEST_STRING(why, cases[i].why);
	}
}

TEST_MAIN(TEST("keys", keys), TEST("damage", damage),
    TEST("refusals", refusals))
