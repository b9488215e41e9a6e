/* SPDX-License-Identifier: ISC */
/*
 * Where versions are made: keys, and files that are signed by them.
 */
#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "../init/boot.h"
#include "upgrade.h"

static bool
write_key(const char *path, const uint8_t *key, size_t n, mode_t mode)
{
	char hex[2 * UPGRADE_SECRET + 2];

	(void)sodium_bin2hex(hex, sizeof(hex) - 1, key, n);
	hex[2 * n] = '\n';
	return file_replace(path, hex, 2 * n + 1, mode);
}

int
upgrade_keygen(const char *path)
{
	uint8_t public[UPGRADE_PUBLIC], secret[UPGRADE_SECRET];
	char pub[512];
	bool ok;

	if (access(path, F_OK) == 0)
		return upgrade_fail("%s is there already", path);
	if (sodium_init() == -1)
		return upgrade_fail("no randomness");
	(void)crypto_sign_keypair(public, secret);
	(void)snprintf(pub, sizeof(pub), "%s.pub", path);
	ok = write_key(path, secret, sizeof(secret), 0600) &&
	    write_key(pub, public, sizeof(public), 0644);
	sodium_memzero(secret, sizeof(secret));
	return ok ? 0 : upgrade_fail("%s: %s", path, strerror(errno));
}

static bool
read_secret(const char *path, uint8_t secret[UPGRADE_SECRET])
{
	char line[2 * UPGRADE_SECRET + 4];
	size_t n = 0;
	bool ok = file_line(path, line, sizeof(line)) && sodium_hex2bin(secret,
	    UPGRADE_SECRET, line, strlen(line), NULL, &n, NULL) == 0 &&
	    n == UPGRADE_SECRET;

	sodium_memzero(line, sizeof(line));
	return ok;
}

/* Copies one input behind what out has, and says what it was. */
static bool
add_part(FILE *out, const char *path, uint64_t at, struct upgrade_part *up)
{
	FILE *in = fopen(path, "re");
	br_sha256_context hash;
	char buf[65536];
	size_t n;
	bool ok = in != NULL;

	br_sha256_init(&hash);
	*up = (struct upgrade_part){ .up_off = at };
	while (ok && (n = fread(buf, 1, sizeof(buf), in)) != 0) {
		br_sha256_update(&hash, buf, n);
		up->up_len += n;
		ok = fwrite(buf, 1, n, out) == n;
	}
	br_sha256_out(&hash, up->up_digest);
	if (in != NULL) {
		ok = ok && !ferror(in);
		(void)fclose(in);
	}
	if (ok && (up->up_len == 0 || up->up_len > UPGRADE_PART_MAX)) {
		errno = EFBIG;
		ok = false;
	}
	if (!ok)
		(void)upgrade_fail("%s: %s", path, strerror(errno));
	return ok;
}

static bool
write_parts(FILE *out, const struct upgrade_inputs *ui, struct upgrade *ug)
{
	uint8_t header[UPGRADE_HEADER] = { 0 };

	ug->ug_len = UPGRADE_HEADER;
	if (fwrite(header, 1, sizeof(header), out) != sizeof(header))
		return false;
	for (unsigned i = 0; i < UPGRADE_PARTS; i++) {
		if (!add_part(out, ui->ui_part[i], ug->ug_len,
		    &ug->ug_part[i]))
			return false;
		ug->ug_len += ug->ug_part[i].up_len;
	}
	return true;
}

int
upgrade_create(const struct upgrade_inputs *ui)
{
	uint8_t secret[UPGRADE_SECRET], header[UPGRADE_HEADER];
	struct upgrade ug = { .ug_serial = ui->ui_serial };
	FILE *out;
	bool ok;

	if (strlen(ui->ui_version) > UPGRADE_VERSION ||
	    strlen(ui->ui_machine) > UPGRADE_MACHINE ||
	    ui->ui_version[0] == '\0' || ui->ui_machine[0] == '\0')
		return upgrade_fail("a version has 1 to 64 characters");
	memcpy(ug.ug_version, ui->ui_version, strlen(ui->ui_version));
	memcpy(ug.ug_machine, ui->ui_machine, strlen(ui->ui_machine));
	if (sodium_init() == -1 || !read_secret(ui->ui_key, secret))
		return upgrade_fail("%s holds no secret key; 'upgrade keygen' "
		    "makes one", ui->ui_key);
	if ((out = fopen(ui->ui_out, "we")) == NULL)
		return upgrade_fail("%s: %s", ui->ui_out, strerror(errno));
	ok = write_parts(out, ui, &ug);
	upgrade_build(&ug, secret, header);
	sodium_memzero(secret, sizeof(secret));
	ok = ok && fseek(out, 0, SEEK_SET) == 0 &&
	    fwrite(header, 1, sizeof(header), out) == sizeof(header);
	ok = fclose(out) == 0 && ok;
	if (ok)
		return 0;
	(void)unlink(ui->ui_out);
	return upgrade_fail("%s is not written", ui->ui_out);
}
