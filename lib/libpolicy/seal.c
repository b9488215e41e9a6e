/* SPDX-License-Identifier: ISC */
/*
 * Sealing of keys under the machine key (see seal.h).
 */
#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/random.h>
#include <sys/stat.h>

#include "libalg/alg.h"
#include "libpolicy/seal.h"
#include "libpolicy/storefs.h"

enum { MACHINE_KEY = 32 };

bool
seal_random(void *buf, size_t n)
{
	uint8_t *p = buf;

	while (n != 0) {
		ssize_t r = getrandom(p, n, 0);

		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		p += r;
		n -= (size_t)r;
	}
	return true;
}

static void
hmac(const void *key, size_t keylen, const void *in, size_t n, uint8_t out[32])
{
	br_hmac_key_context kc;
	br_hmac_context hc;

	br_hmac_key_init(&kc, &br_sha256_vtable, key, keylen);
	br_hmac_init(&hc, &kc, 0);
	br_hmac_update(&hc, in, n);
	(void)br_hmac_out(&hc, out);
	explicit_bzero(&kc, sizeof(kc));
	explicit_bzero(&hc, sizeof(hc));
}

/* "machine.key" beside dbpath; false if that is too long. */
static bool
key_path(const char *dbpath, char *path, size_t cap)
{
	const char *slash = strrchr(dbpath, '/');
	int dir = slash != NULL ? (int)(slash - dbpath + 1) : 0;
	int n = snprintf(path, cap, "%.*smachine.key", dir, dbpath);

	return n > 0 && (size_t)n < cap;
}

/*
 * A new key, whole or not there at all: written aside, then linked.  No key
 * is sealed under it before its name is on the disk too.
 */
static bool
key_create(const char *path, const char **why)
{
	char tmp[4096];
	uint8_t key[MACHINE_KEY];
	bool ok = false, linked = false;
	int fd;

	if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp))
		return false;
	(void)storefs_unlink(tmp);
	fd = storefs_open(tmp, O_WRONLY | O_CREAT | O_EXCL);
	if (fd != -1) {
		ok = seal_random(key, sizeof(key)) &&
		    storefs_write(fd, key, sizeof(key)) == sizeof(key) &&
		    storefs_sync(fd) == 0;
		linked = ok && storefs_link(tmp, path) == 0;
		ok = linked && storefs_sync_folder(path) == 0;
		if (!ok)
			*why = strerror(errno);
		(void)storefs_close(fd);
	} else {
		*why = strerror(errno);
	}
	if (linked && !ok)
		(void)storefs_unlink(path);
	(void)storefs_unlink(tmp);
	explicit_bzero(key, sizeof(key));
	return ok;
}

static bool
key_read(const char *path, uint8_t key[MACHINE_KEY], const char **why)
{
	int fd = storefs_open(path, O_RDONLY | O_NOFOLLOW);
	struct stat sb;
	bool ok = false;

	if (fd == -1) {
		*why = errno == ENOENT ? "the machine key (machine.key) is "
		    "missing" : strerror(errno);
		return false;
	}
	if (storefs_stat(fd, &sb) == -1)
		*why = strerror(errno);
	else if (!S_ISREG(sb.st_mode) || (sb.st_mode & 077) != 0)
		*why = "others may read the machine key: chmod 600 machine.key";
	else if (sb.st_size != MACHINE_KEY ||
	    storefs_read(fd, key, MACHINE_KEY) != MACHINE_KEY)
		*why = "the machine key is damaged: it has not 32 bytes";
	else
		ok = true;
	(void)storefs_close(fd);
	return ok;
}

bool
seal_init(struct seal *se, const char *dbpath, bool create, const char **why)
{
	uint8_t key[MACHINE_KEY];
	char path[4096];
	bool ok;

	if (!key_path(dbpath, path, sizeof(path))) {
		*why = "the path of the store is too long";
		return false;
	}
	if (create && storefs_exists(path) == -1 && errno == ENOENT &&
	    !key_create(path, why))
		return false;
	ok = key_read(path, key, why);
	if (ok) {
		hmac(key, sizeof(key), "policy seal", 11, se->se_enc);
		hmac(key, sizeof(key), "policy fingerprint", 18, se->se_mac);
	}
	explicit_bzero(key, sizeof(key));
	return ok;
}

void
seal_wipe(struct seal *se)
{
	explicit_bzero(se, sizeof(*se));
}

static void
seal_aad(uint64_t id, uint8_t aad[8])
{
	for (unsigned i = 0; i < 8; i++)
		aad[i] = (uint8_t)(id >> (56 - 8 * i));
}

void
seal_close(const struct seal *se, uint64_t id, const uint8_t nonce[SEAL_NONCE],
    const uint8_t *in, size_t n, uint8_t *out)
{
	uint8_t aad[8];

	seal_aad(id, aad);
	memcpy(out, in, n);
	br_poly1305_ctmul_run(se->se_enc, nonce, out, n, aad, sizeof(aad),
	    out + n, br_chacha20_ct_run, 1);
}

bool
seal_reveal(const struct seal *se, uint64_t id, const uint8_t nonce[SEAL_NONCE],
    const uint8_t *in, size_t n, uint8_t buf[POLICY_KEY_MAX], size_t *len)
{
	uint8_t aad[8], tag[SEAL_TAG];

	if (n < SEAL_TAG || n - SEAL_TAG > POLICY_KEY_MAX)
		return false;
	*len = n - SEAL_TAG;
	seal_aad(id, aad);
	memcpy(buf, in, *len);
	br_poly1305_ctmul_run(se->se_enc, nonce, buf, *len, aad, sizeof(aad),
	    tag, br_chacha20_ct_run, 0);
	if (alg_equal(tag, in + *len, SEAL_TAG))
		return true;
	explicit_bzero(buf, *len);
	return false;
}

void
seal_finger(const struct seal *se, const uint8_t *in, size_t n,
    uint8_t finger[SEAL_FINGER])
{
	hmac(se->se_mac, sizeof(se->se_mac), in, n, finger);
}
