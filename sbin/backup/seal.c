/* SPDX-License-Identifier: ISC */
/*
 * The sealed file of a backup (see backup.h).
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "libauth/auth.h"
#include "libutil/cur.h"
#include "libutil/sha256.h"

#define MAGIC	"RAVELIN BACKUP\n"

enum {
	FORMAT	= 1,
	KEY	= crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	NONCE	= crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG	= crypto_aead_xchacha20poly1305_ietf_ABYTES,
};

struct header {
	unsigned	h_ops;
	uint64_t	h_mem, h_len;
	uint8_t		h_salt[AUTH_SALT], h_nonce[NONCE];
};

static void
put_header(struct wcur *w, const struct header *h)
{
	wcur_put(w, MAGIC, sizeof(MAGIC));	/* its zero too */
	wcur_u16(w, FORMAT);
	wcur_u16(w, 0);
	wcur_u32(w, h->h_ops);
	wcur_u64(w, h->h_mem);
	wcur_put(w, h->h_salt, sizeof(h->h_salt));
	wcur_put(w, h->h_nonce, sizeof(h->h_nonce));
	wcur_u64(w, h->h_len);
}

static const char *
take_header(struct cur *c, struct header *h)
{
	const uint8_t *magic = cur_bytes(c, sizeof(MAGIC));
	uint16_t format = cur_u16(c), zero = cur_u16(c);

	h->h_ops = cur_u32(c);
	h->h_mem = cur_u64(c);
	(void)cur_copy(c, h->h_salt, sizeof(h->h_salt));
	(void)cur_copy(c, h->h_nonce, sizeof(h->h_nonce));
	h->h_len = cur_u64(c);
	if (!cur_ok(c) || memcmp(magic, MAGIC, sizeof(MAGIC)) != 0)
		return "this is no backup";
	if (format != FORMAT || zero != 0)
		return "its format is newer than this program";
	return NULL;
}

bool
backup_seal(const struct bytes *archive, const char *passphrase,
    unsigned ops, size_t mem, struct bytes *file, const char **why)
{
	struct header h = { .h_ops = ops, .h_mem = mem,
	    .h_len = archive->by_n + TAG };
	size_t n = BACKUP_HEADER + archive->by_n + TAG + BACKUP_DIGEST;
	uint8_t key[KEY];
	struct wcur w;
	bool ok;

	*why = "memory is short";
	if (n > BACKUP_MAX || sodium_init() == -1 ||
	    (file->by_p = malloc(n)) == NULL)
		return false;
	file->by_n = n;
	randombytes_buf(h.h_salt, sizeof(h.h_salt));
	randombytes_buf(h.h_nonce, sizeof(h.h_nonce));
	w = wcur_init(file->by_p, n);
	put_header(&w, &h);
	ok = auth_derive(passphrase, h.h_salt, ops, mem, key, sizeof(key)) &&
	    crypto_aead_xchacha20poly1305_ietf_encrypt(wcur_room(&w,
	    archive->by_n + TAG), NULL, archive->by_p, archive->by_n,
	    file->by_p, BACKUP_HEADER, NULL, h.h_nonce, key) == 0;
	sodium_memzero(key, sizeof(key));
	sha256(file->by_p, n - BACKUP_DIGEST, file->by_p + n - BACKUP_DIGEST);
	if (!ok)
		bytes_free(file);
	return ok;
}

static bool
reveal(const struct header *h, const uint8_t *file, const uint8_t *sealed,
    const char *passphrase, struct bytes *archive, const char **why)
{
	uint8_t key[KEY];
	bool ok;

	archive->by_n = (size_t)h->h_len - TAG;
	archive->by_p = malloc(archive->by_n + 1);
	*why = "memory is short";
	ok = archive->by_p != NULL && auth_derive(passphrase, h->h_salt,
	    h->h_ops, h->h_mem, key, sizeof(key));
	if (ok) {
		*why = "the passphrase is wrong";
		ok = crypto_aead_xchacha20poly1305_ietf_decrypt(archive->by_p,
		    NULL, NULL, sealed, h->h_len, file, BACKUP_HEADER,
		    h->h_nonce, key) == 0;
	}
	sodium_memzero(key, sizeof(key));
	if (!ok)
		bytes_free(archive);
	return ok;
}

bool
backup_open(const void *p, size_t n, const char *passphrase,
    struct bytes *archive, const char **why)
{
	struct cur c = cur_init(p, n);
	uint8_t is[BACKUP_DIGEST];
	const uint8_t *sealed, *said;
	struct header h;

	*archive = (struct bytes){ 0 };
	if ((*why = take_header(&c, &h)) != NULL)
		return false;
	*why = "the file is truncated or damaged";
	if (h.h_len < TAG || h.h_len > BACKUP_MAX ||
	    cur_left(&c) != h.h_len + BACKUP_DIGEST)
		return false;
	sealed = cur_bytes(&c, (size_t)h.h_len);
	said = cur_bytes(&c, BACKUP_DIGEST);
	sha256(p, n - BACKUP_DIGEST, is);
	if (memcmp(said, is, sizeof(is)) != 0)
		return false;
	*why = "it asks for more time or memory than we give";
	if (h.h_ops < 1 || h.h_ops > AUTH_OPS_MAX || h.h_mem > AUTH_MEM_MAX ||
	    sodium_init() == -1)
		return false;
	return reveal(&h, p, sealed, passphrase, archive, why);
}
