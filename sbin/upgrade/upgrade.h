/* SPDX-License-Identifier: ISC */
/*
 * The upgrade file: one file with kernel and root of a version, signed.
 *
 *	  0  16	"RAVELIN UPGRADE\n"
 *	 16   2	format, 1
 *	 18   2	zero
 *	 20   4	length of the header, 512
 *	 24   8	serial: grows with each version
 *	 32  64	version, padded by zeros
 *	 96  16	machine ("x86_64"), padded by zeros
 *	112  48	kernel: offset (8), length (8), SHA-256 (32)
 *	160  48	initrd: the same
 *	208   8	length of the whole file
 *	216 224	zero
 *	440   8	the key: first bytes of SHA-256 of the public key
 *	448  64	Ed25519 signature (RFC 8032) of the 448 bytes above
 *	512	kernel, initrd, without gaps
 *
 * Numbers are big-endian.  The signature is checked before anything else of
 * the header is looked at, but for magic, format and key.
 */
#ifndef UPGRADE_H
#define UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	UPGRADE_HEADER	= 512,
	UPGRADE_SIGNED	= 448,
	UPGRADE_VERSION	= 64,
	UPGRADE_MACHINE	= 16,
	UPGRADE_PARTS	= 2,
	UPGRADE_KEYID	= 8,
	UPGRADE_PUBLIC	= 32,		/* Ed25519 */
	UPGRADE_SECRET	= 64,
	UPGRADE_DIGEST	= 32,
	UPGRADE_PART_MAX = 512 << 20,	/* bytes of kernel or initrd */
};

struct upgrade_part {
	uint64_t	up_off, up_len;
	uint8_t		up_digest[UPGRADE_DIGEST];
};

struct upgrade {
	uint64_t		ug_serial;
	char			ug_version[UPGRADE_VERSION + 1];
	char			ug_machine[UPGRADE_MACHINE + 1];
	struct upgrade_part	ug_part[UPGRADE_PARTS];	/* kernel, initrd */
	uint64_t		ug_len;
};

/* ---- format.c: no files ---- */

/* Names of the parts in a slot: "vmlinuz", "initrd". */
extern const char *const upgrade_part_names[UPGRADE_PARTS];

/* Checks signature and header; false with *why, and ug is not touched. */
bool	upgrade_parse(const uint8_t header[UPGRADE_HEADER],
	    const uint8_t key[UPGRADE_PUBLIC], struct upgrade *ug,
	    const char **why);
/* The header, signed. */
void	upgrade_build(const struct upgrade *ug,
	    const uint8_t secret[UPGRADE_SECRET],
	    uint8_t header[UPGRADE_HEADER]);
/* NULL, or why it cannot follow on what runs here. */
const char *upgrade_unfit(const struct upgrade *ug, const char *machine,
	    uint64_t serial, bool allow_older);

/* ---- create.c: where versions are made ---- */

/* Secret key to path (mode 0600), public key to path.pub. Exit statuses. */
int	upgrade_keygen(const char *path);
struct upgrade_inputs {
	const char	*ui_version, *ui_machine, *ui_key, *ui_out;
	const char	*ui_part[UPGRADE_PARTS];
	uint64_t	 ui_serial;
};
int	upgrade_create(const struct upgrade_inputs *ui);

/* ---- install.c: on the appliance ---- */

struct upgrade_place {
	const char	*pl_boot;	/* folder of the slots */
	const char	*pl_key;	/* file of the public key */
	const char	*pl_release;	/* what runs: file with serial= */
	const char	*pl_slot;	/* NULL: by the kernel's command line */
	bool		 pl_older;	/* an older version is taken too */
	bool		 pl_json;	/* check, status: a document */
};

/* All of the file: header and parts. Prints what it is. */
int	upgrade_check(const struct upgrade_place *pl, const char *path);
int	upgrade_install(const struct upgrade_place *pl, const char *path);
int	upgrade_status(const struct upgrade_place *pl);

/* "upgrade: ..." to standard error; returns 1. */
int	upgrade_fail(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));

#endif
