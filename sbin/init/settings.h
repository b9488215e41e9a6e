/* SPDX-License-Identifier: ISC */
/*
 * What the management plane is told: SSH and time servers.  init(8) obeys it
 * within a second or two; seed(8) and console(8) write it.  etc is the folder
 * of the files, /data/etc:
 *
 *	ssh.on		is there: SSH is on
 *	ssh.keys	public keys that may log in as admin, one a line
 *	ssh.host	this machine's key, made by init(8); secret
 *	ntp		addresses of time servers, one a line
 *	clock		seconds since 1970 when the router last ran (clock.c)
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "libseed/seed.h"

struct ssh_keys {
	struct sshkey	sk_key[SEED_SSH_KEYS_MAX];
	size_t		sk_n;
};

bool	ssh_is_on(const char *etc);
/* False with errno. */
bool	ssh_switch(const char *etc, bool on);
/* Lines that are no keys are passed over; no file, no keys. */
void	ssh_keys_read(const char *etc, struct ssh_keys *keys);
/* The lines of the file: malloc'd, NULL with errno. */
char	*ssh_keys_print(const struct ssh_keys *keys, size_t *len);
/* False with errno. */
bool	ssh_keys_write(const char *etc, const struct ssh_keys *keys);
/* The public half of ssh.host, 32 bytes. False: there is none yet. */
bool	ssh_host_public(const char *etc, uint8_t key[32]);

/* The addresses; how many, at most SEED_NTP_MAX. */
size_t	ntp_read(const char *etc, char server[SEED_NTP_MAX][ADDR_STRLEN]);
/* n 0: the file goes. False with errno. */
bool	ntp_write(const char *etc,
	    const char server[SEED_NTP_MAX][ADDR_STRLEN], size_t n);

/*
 * The form of ssh.host, which is that of dropbear(8): the strings (RFC 4251
 * section 5) "ssh-ed25519" and secret and public half, 32 bytes each.
 */
enum { SSH_HOST_LEN = 4 + 11 + 4 + 64 };

#endif
