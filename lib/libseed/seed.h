/* SPDX-License-Identifier: ISC */
/*
 * seed.conf(5): one text that configures an appliance: statements, one a
 * line, and then the parts of a revision, each behind a line "### pf.conf"
 * (network.conf, ipsec.conf, iked.conf ...) as `ipsecctl show` prints them.
 *
 *	seed_parse() -> seed_check() -> seed_texts()
 *
 * seed_parse() reads the statements and finds the parts; it borrows the text.
 * It may come from a DOS editor: a byte order mark (UTF-8) is passed over, and
 * lines may end with CR LF; parts are handed on with LF.
 * seed_check() parses the parts, so that all errors of a seed are told at
 * once, each with its line in the seed.
 */
#ifndef LIBSEED_SEED_H
#define LIBSEED_SEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "libpolicy/policy.h"
#include "libpolicy/texts.h"
#include "libseed/sshkey.h"
#include "libutil/addr.h"

enum {
	SEED_MAX	= 8 << 20,	/* bytes of a seed */
	SEED_NICS_MAX	= 64,
	SEED_HOST_MAX	= 63,		/* RFC 1035 section 2.3.4 */
	SEED_HASH_MAX	= 127,		/* characters of a password's hash */
	SEED_DIGEST	= 32,		/* SHA-256 of the text */
	SEED_SSH_KEYS_MAX = 16,
	SEED_NTP_MAX	= 6,
};

enum seed_nic_how {
	SEED_NIC_MAC,
	SEED_NIC_PCI,
	SEED_NIC_NAME,
};

struct seed_nic {
	char			sn_name[16];	/* what the card shall be called */
	enum seed_nic_how	sn_how;
	uint8_t			sn_mac[6];
	unsigned		sn_place;	/* SEED_NIC_PCI: from 1 */
	char			sn_linux[16];	/* SEED_NIC_NAME */
	char			sn_text[40];	/* "mac 52:54:..." as written */
};

enum seed_switch {
	SEED_AS_IT_IS,			/* nothing was said */
	SEED_ON,
	SEED_OFF,
};

struct seed_part {
	bool		 sp_there;
	const char	*sp_body;	/* in the seed's text */
	size_t		 sp_len;
	unsigned	 sp_line;	/* of its first line, from 1 */
};

struct seed {
	struct policy_text	sd_text;
	char			sd_hostname[SEED_HOST_MAX + 1];	/* empty: not given */
	char			sd_password[SEED_HASH_MAX + 1];	/* hash; empty: not given */
	unsigned		sd_password_line;
	struct seed_nic		sd_nic[SEED_NICS_MAX];
	size_t			sd_nnics;
	enum seed_switch	sd_ssh;
	char			sd_ssh_key[SEED_SSH_KEYS_MAX][SSHKEY_LINE];
	size_t			sd_nssh_keys;
	enum seed_switch	sd_ntp;
	char			sd_ntp_server[SEED_NTP_MAX][ADDR_STRLEN];
	size_t			sd_nntp;
	struct seed_part	sd_part[POLICY_PARTS];
	uint8_t			sd_digest[SEED_DIGEST];
};

/* False: errs has grown.  sd is what could be read in any case. */
bool	seed_parse(struct seed *sd, const struct policy_text *text,
	    struct policy_errors *errs);
/* Parses the parts; prints all errors, those of errs first. False: there are some. */
bool	seed_check(const struct seed *sd, struct policy_errors *errs, FILE *out);
/* Does it hold a part of a revision? */
bool	seed_has_policy(const struct seed *sd);
/*
 * A part's text, with as many empty lines before it: malloc'd and terminated,
 * each CR before an LF left out.  NULL without memory.
 */
char	*seed_part_text(const struct seed_part *sp, size_t before, size_t *len);
/* The parts for policyctl_commit(); false without memory. */
bool	seed_texts(const struct seed *sd, struct policy_texts *tx);
/*
 * Only the nic lines of a file.  True if there is no such file; false if it
 * has errors: then there are no lines.
 */
bool	seed_nics(struct seed *sd, const char *path);

#endif
