/* SPDX-License-Identifier: ISC */
/*
 * The header of an upgrade file (see upgrade.h).
 */
#include <sodium.h>
#include <string.h>

#include "libutil/cur.h"
#include "libutil/sha256.h"
#include "upgrade.h"

static const char magic[] = "RAVELIN UPGRADE\n";

enum { MAGIC = 16, FORMAT = 1, ZERO_AT = 216, KEY_AT = 440 };

const char *const upgrade_part_names[UPGRADE_PARTS] = { "vmlinuz", "initrd" };

static void
key_id(const uint8_t key[UPGRADE_PUBLIC], uint8_t id[UPGRADE_KEYID])
{
	uint8_t digest[UPGRADE_DIGEST];

	sha256(key, UPGRADE_PUBLIC, digest);
	memcpy(id, digest, UPGRADE_KEYID);
}

static bool
all_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

/* Text of at least one printable character, then zeros only. */
static bool
take_text(struct cur *c, char *out, size_t n)
{
	size_t len = 0;

	if (!cur_copy(c, out, n))
		return false;
	out[n] = '\0';
	while (out[len] > 0x20 && out[len] < 0x7f)
		len++;
	return len > 0 && all_zero((const uint8_t *)out + len, n - len);
}

static const char *
signature_bad(const uint8_t *header, const uint8_t *key)
{
	const uint8_t *sig = header + UPGRADE_SIGNED;
	uint8_t id[UPGRADE_KEYID];

	if (all_zero(sig, UPGRADE_HEADER - UPGRADE_SIGNED))
		return "the file is not signed";
	key_id(key, id);
	if (memcmp(header + KEY_AT, id, sizeof(id)) != 0)
		return "the file is signed by a key that is not ours";
	if (sodium_init() == -1 || crypto_sign_verify_detached(sig, header,
	    UPGRADE_SIGNED, key) != 0)
		return "the signature is wrong: the header has been altered";
	return NULL;
}

static bool
take_parts(struct cur *c, struct upgrade *ug)
{
	uint64_t at = UPGRADE_HEADER;

	for (unsigned i = 0; i < UPGRADE_PARTS; i++) {
		struct upgrade_part *up = &ug->ug_part[i];

		up->up_off = cur_u64(c);
		up->up_len = cur_u64(c);
		(void)cur_copy(c, up->up_digest, sizeof(up->up_digest));
		if (up->up_off != at || up->up_len == 0 ||
		    up->up_len > UPGRADE_PART_MAX)
			return false;
		at += up->up_len;
	}
	ug->ug_len = cur_u64(c);
	return ug->ug_len == at;
}

bool
upgrade_parse(const uint8_t header[UPGRADE_HEADER],
    const uint8_t key[UPGRADE_PUBLIC], struct upgrade *ug, const char **why)
{
	struct cur c = cur_init(header, UPGRADE_SIGNED);
	struct upgrade u;

	if (memcmp(cur_bytes(&c, MAGIC), magic, MAGIC) != 0) {
		*why = "this is no upgrade file";
		return false;
	}
	if (cur_u16(&c) != FORMAT) {
		*why = "the file's format is newer than this program";
		return false;
	}
	if ((*why = signature_bad(header, key)) != NULL)
		return false;
	*why = "the header makes no sense";
	if (cur_u16(&c) != 0 || cur_u32(&c) != UPGRADE_HEADER)
		return false;
	u.ug_serial = cur_u64(&c);
	if (!take_text(&c, u.ug_version, UPGRADE_VERSION) ||
	    !take_text(&c, u.ug_machine, UPGRADE_MACHINE) ||
	    !take_parts(&c, &u) ||
	    !all_zero(header + ZERO_AT, KEY_AT - ZERO_AT) || !cur_ok(&c))
		return false;
	*ug = u;
	return true;
}

void
upgrade_build(const struct upgrade *ug, const uint8_t secret[UPGRADE_SECRET],
    uint8_t header[UPGRADE_HEADER])
{
	struct wcur w = wcur_init(header, UPGRADE_HEADER);

	memset(header, 0, UPGRADE_HEADER);
	wcur_put(&w, magic, MAGIC);
	wcur_u16(&w, FORMAT);
	wcur_u16(&w, 0);
	wcur_u32(&w, UPGRADE_HEADER);
	wcur_u64(&w, ug->ug_serial);
	wcur_put(&w, ug->ug_version, UPGRADE_VERSION);
	wcur_put(&w, ug->ug_machine, UPGRADE_MACHINE);
	for (unsigned i = 0; i < UPGRADE_PARTS; i++) {
		wcur_u64(&w, ug->ug_part[i].up_off);
		wcur_u64(&w, ug->ug_part[i].up_len);
		wcur_put(&w, ug->ug_part[i].up_digest, UPGRADE_DIGEST);
	}
	wcur_u64(&w, ug->ug_len);
	/* libsodium's secret key ends in the public one */
	key_id(secret + UPGRADE_PUBLIC, header + KEY_AT);
	(void)crypto_sign_detached(header + UPGRADE_SIGNED, NULL, header,
	    UPGRADE_SIGNED, secret);
}

const char *
upgrade_unfit(const struct upgrade *ug, const char *machine, uint64_t serial,
    bool allow_older)
{
	if (strcmp(ug->ug_machine, machine) != 0)
		return "it is for another kind of machine";
	if (ug->ug_serial < serial && !allow_older)
		return "it is older than what runs; --allow-older takes it";
	return NULL;
}
