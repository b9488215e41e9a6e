/* SPDX-License-Identifier: ISC */
/*
 * The public half of an SSH key, as `ssh-keygen` writes it into a file .pub:
 *
 *	KIND BASE64 [COMMENT]
 *
 * BASE64 is the key as it goes over the wire (RFC 4253 section 6.6, RFC 5656
 * section 3.1, RFC 8709 section 4, and OpenSSH's own form for keys that a
 * security token holds); it is taken apart to its last byte, so that a line
 * that was cut or wrapped when it was copied is refused at once and not by a
 * login that fails later.
 */
#ifndef LIBSEED_SSHKEY_H
#define LIBSEED_SSHKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SSHKEY_LINE	= 1100,		/* of a buffer for a line, its NUL too */
	SSHKEY_BLOB	= 720,		/* bytes of a key: RSA of 4,096 bits */
	SSHKEY_FINGER	= 51,		/* "SHA256:", 43 characters, NUL */
	SSHKEY_RSA_MIN	= 2048,		/* bits */
	SSHKEY_RSA_MAX	= 4096,
};

struct sshkey {
	const char	*sk_kind;	/* "ssh-ed25519" */
	char		 sk_finger[SSHKEY_FINGER];	/* as ssh-keygen -l shows it */
	char		 sk_comment[64];	/* cut to fit; empty: none */
	uint8_t		 sk_blob[SSHKEY_BLOB];
	size_t		 sk_len;
};

/* False with *why. */
bool	sshkey_parse(struct sshkey *sk, const char *line, const char **why);

/*
 * The wire form of an Ed25519 key: 51 bytes; its line for authorized_keys or
 * known_hosts, and its fingerprint.
 */
enum { SSHKEY_ED25519 = 51 };
void	sshkey_ed25519(const uint8_t key[32], uint8_t blob[SSHKEY_ED25519]);
void	sshkey_print(const char *kind, const uint8_t *blob, size_t len,
	    const char *comment, char out[SSHKEY_LINE]);
void	sshkey_finger(const uint8_t *blob, size_t len,
	    char out[SSHKEY_FINGER]);

#endif
