/* SPDX-License-Identifier: ISC */
/*
 * maint.sock (SOCK_SEQPACKET): what the web pages ask of maintd(8), which
 * makes backups, brings them back, imports policies and installs upgrades.
 *
 * One record is one message.  Integers are in network byte order; a text is
 * its length (u16) and its bytes.
 *
 *	header	u16 version, u16 operation, u32 sequence (echoed)
 *
 *	STATUS	u8 kind.  The answer brings a descriptor: a JSON document.
 *	UPLOAD	u8 kind, u64 size, text user.  A file of that kind begins; the
 *		one before it goes.  size is what will come at most.
 *	DATA	bytes to its end.  No answer: DONE tells what was wrong.
 *	DONE	u64 size that came.  The answer's text is the file's id.
 *	DROP	u8 kind, text id.  The file goes.
 *	RUN	u8 command, u64 base, u32 seconds until the policy goes back
 *		unless confirmed (0: never), text id, user, password,
 *		passphrase, reason.
 *	ANSWER	u8 status, text.  CREATE's brings the descriptor of the backup.
 *
 * Commands that hand out keys or replace passwords want the password of the
 * user once more, so that who has taken over the web pages' role alone cannot
 * have them.  A record that does not fit ends the connection.
 */
#ifndef LIBCTL_MAINT_H
#define LIBCTL_MAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libutil/cur.h"

#define MAINT_SOCKET	"maint.sock"

enum {
	MAINT_VERSION	= 1,
	MAINT_RECORD	= 65536,	/* bytes of a record at most */
	MAINT_PIECE	= 61440,	/* of DATA */
	MAINT_ID	= 32,		/* hexadecimal digits of a file's id */
	MAINT_USER	= 31,		/* characters of texts, at most */
	MAINT_SECRET	= 256,
	MAINT_REASON	= 500,
	MAINT_TEXT	= 2000,		/* of an answer */
	MAINT_CONFIRM	= 86400,
};

enum maint_op {
	MAINT_STATUS = 1,
	MAINT_UPLOAD,
	MAINT_DATA,
	MAINT_DONE,
	MAINT_DROP,
	MAINT_RUN,
	MAINT_ANSWER = 64,
};

enum maint_kind {
	MAINT_RESTORE,
	MAINT_UPGRADE,
	MAINT_IMPORT,
	MAINT_KINDS
};

enum maint_command {
	MAINT_CREATE,		/* password, passphrase: a backup */
	MAINT_SHOW,		/* id, passphrase: what is in it, and the difference */
	MAINT_BRING,		/* id, password, confirm: what was shown is restored */
	MAINT_CHECK,		/* id: an upgrade's signature, version ... */
	MAINT_INSTALL,		/* id: into the idle slot; answered when it begins */
	MAINT_RESTART,		/* answered when it begins */
	MAINT_TRY,		/* id: an import's difference, and a dry run */
	MAINT_TAKE,		/* id, base, confirm, reason: imported */
	MAINT_COMMANDS
};

enum maint_status {
	MAINT_OK,
	MAINT_REFUSED,		/* the text says why */
	MAINT_PASSWORD,		/* it is wrong */
	MAINT_LATER,		/* too many wrong ones, or something else is under way */
	MAINT_GONE,		/* there is no such file (any more) */
};

struct maint_request {
	enum maint_op		 mq_op;
	uint32_t		 mq_seq;
	enum maint_kind		 mq_kind;
	enum maint_command	 mq_command;
	uint64_t		 mq_size, mq_base;
	uint32_t		 mq_confirm;
	char			 mq_id[MAINT_ID + 1];
	char			 mq_user[MAINT_USER + 1];
	char			 mq_password[MAINT_SECRET + 1];
	char			 mq_passphrase[MAINT_SECRET + 1];
	char			 mq_reason[MAINT_REASON + 1];
	struct cur		 mq_data;	/* DATA: within the record */
};

/* ---- maintwire.c ---- */

/* False: malformed, too long, a control character, not a kind, not an id ... */
bool	maint_parse(struct maint_request *mq, const void *record, size_t n);
/* The record of a request; 0: it does not fit. */
size_t	maint_build(const struct maint_request *mq, void *record, size_t cap);
size_t	maint_build_answer(uint32_t seq, enum maint_status status,
	    const char *text, void *record, size_t cap);

/* ---- maint.c: a program's side ---- */

struct maint;

/* NULL with a sentence in *why: maintd does not run. */
struct maint	*maint_open(const char *rundir, const char **why);
void		 maint_close(struct maint *ma);
/*
 * Sends the request (its op and fields filled in; not DATA) and waits for the
 * answer.  The text lasts until the next call; *fd is the caller's, -1 none;
 * fd may be NULL.
 */
enum maint_status maint_ask(struct maint *ma, struct maint_request *mq,
		    const char **text, int *fd);
/* Bytes of an upload; false: maintd has gone. */
bool		 maint_data(struct maint *ma, const void *p, size_t n);
/* What STATUS answers, malloc'd; NULL with *why. */
char		*maint_state(struct maint *ma, enum maint_kind kind,
		    const char **why);

#endif
