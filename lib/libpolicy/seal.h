/* SPDX-License-Identifier: ISC */
/*
 * Keys at rest: sealed by ChaCha20-Poly1305 (RFC 8439) under the machine
 * key, 32 random bytes in a file of its own beside the store, mode 0600.
 */
#ifndef LIBPOLICY_SEAL_H
#define LIBPOLICY_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libpolicy/policy.h"

enum {
	SEAL_NONCE	= 12,
	SEAL_TAG	= 16,
	SEAL_FINGER	= 32,
	SEAL_MAX	= POLICY_KEY_MAX + SEAL_TAG,
};

struct seal {
	uint8_t	se_enc[32];	/* seals */
	uint8_t	se_mac[32];	/* fingerprints */
};

/*
 * Reads the machine key of the store at dbpath ("machine.key" in the same
 * folder).  With create it is made if it is not there.  False with *why.
 */
bool	seal_init(struct seal *se, const char *dbpath, bool create,
	    const char **why);
void	seal_wipe(struct seal *se);

/* out gets n + SEAL_TAG bytes. n is at most POLICY_KEY_MAX. */
void	seal_close(const struct seal *se, uint64_t id,
	    const uint8_t nonce[SEAL_NONCE], const uint8_t *in, size_t n,
	    uint8_t *out);
/* False if it was not sealed by this machine under this id. */
bool	seal_reveal(const struct seal *se, uint64_t id,
	    const uint8_t nonce[SEAL_NONCE], const uint8_t *in, size_t n,
	    uint8_t buf[POLICY_KEY_MAX], size_t *len);
void	seal_finger(const struct seal *se, const uint8_t *in, size_t n,
	    uint8_t finger[SEAL_FINGER]);
/* Random bytes of the system; false with errno. */
bool	seal_random(void *buf, size_t n);

#endif
