/* SPDX-License-Identifier: ISC */
/*
 * The files that say what the management plane does (see settings.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "libutil/cur.h"
#include "settings.h"

static const char *
name(const char *etc, const char *file, char path[512])
{
	(void)snprintf(path, 512, "%.480s/%s", etc, file);
	return path;
}

static bool
gone(const char *path)
{
	return unlink(path) == 0 || errno == ENOENT;
}

/* ---- ssh ---- */

bool
ssh_is_on(const char *etc)
{
	char path[512];

	return access(name(etc, "ssh.on", path), F_OK) == 0;
}

bool
ssh_switch(const char *etc, bool on)
{
	char path[512];

	(void)name(etc, "ssh.on", path);
	return on ? file_replace(path, "on\n", 3, 0600) : gone(path);
}

void
ssh_keys_read(const char *etc, struct ssh_keys *keys)
{
	char path[512], *text, *next, *line;
	const char *why;
	size_t len;

	keys->sk_n = 0;
	text = next = file_read(name(etc, "ssh.keys", path), 65536, &len);
	while ((line = strsep(&next, "\n")) != NULL &&
	    keys->sk_n < SEED_SSH_KEYS_MAX)
		keys->sk_n += sshkey_parse(&keys->sk_key[keys->sk_n], line,
		    &why);
	free(text);
}

char *
ssh_keys_print(const struct ssh_keys *keys, size_t *len)
{
	char line[SSHKEY_LINE], *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < keys->sk_n; i++) {
		const struct sshkey *sk = &keys->sk_key[i];

		sshkey_print(sk->sk_kind, sk->sk_blob, sk->sk_len,
		    sk->sk_comment, line);
		fprintf(out, "%s\n", line);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

bool
ssh_keys_write(const char *etc, const struct ssh_keys *keys)
{
	char path[512], *text;
	size_t len = 0;
	bool ok;

	(void)name(etc, "ssh.keys", path);
	if (keys->sk_n == 0)
		return gone(path);
	text = ssh_keys_print(keys, &len);
	ok = text != NULL && file_replace(path, text, len, 0600);
	free(text);
	return ok;
}

bool
ssh_host_public(const char *etc, uint8_t key[32])
{
	static const char kind[] = "ssh-ed25519";
	char path[512], *body;
	size_t len = 0;
	struct cur c;
	bool ok;

	body = file_read(name(etc, "ssh.host", path), SSH_HOST_LEN, &len);
	if (body == NULL)
		return false;
	c = cur_init(body, len);
	ok = len == SSH_HOST_LEN && cur_u32(&c) == 11 &&
	    memcmp(cur_bytes(&c, 11), kind, 11) == 0 && cur_u32(&c) == 64;
	cur_skip(&c, 32);
	ok = ok && cur_copy(&c, key, 32) && cur_end(&c);
	explicit_bzero(body, len);
	free(body);
	return ok;
}

/* ---- ntp ---- */

size_t
ntp_read(const char *etc, char server[SEED_NTP_MAX][ADDR_STRLEN])
{
	char path[512], *text, *next, *line;
	struct addr addr;
	size_t len, n = 0;

	text = next = file_read(name(etc, "ntp", path), 4096, &len);
	while ((line = strsep(&next, "\n")) != NULL && n < SEED_NTP_MAX) {
		if (addr_parse(line, &addr) && addr.ad_af == AF_INET)
			(void)addr_print(&addr, server[n++]);
	}
	free(text);
	return n;
}

bool
ntp_write(const char *etc, const char server[SEED_NTP_MAX][ADDR_STRLEN],
    size_t n)
{
	char path[512], text[SEED_NTP_MAX * (ADDR_STRLEN + 1) + 1] = "";
	size_t len = 0;

	(void)name(etc, "ntp", path);
	if (n == 0)
		return gone(path);
	for (size_t i = 0; i < n && i < SEED_NTP_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n",
		    server[i]);
	return file_replace(path, text, len, 0600);
}
