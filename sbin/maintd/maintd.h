/* SPDX-License-Identifier: ISC */
/*
 * maintd(8): what the web pages may have done by root, and nothing else.
 *
 *	maintd.c	options, the loop, the socket
 *	client.c	requests and answers (libctl/maint.h)
 *	stock.c		files that were uploaded, in a folder of root's
 *	job.c		the table of commands; one runs at a time
 *
 * A request never names a file, a program or an option: a command is a row of
 * a table, its file is the one that lies in the folder under the request's
 * kind, and what else it takes has been parsed.  What is in the files is not
 * looked at here: the programs do, each in a process that can do nothing else.
 */
#ifndef MAINTD_H
#define MAINTD_H

#include <sys/types.h>

#include "libauth/auth.h"
#include "libctl/maint.h"

#define CONTROL_GROUP	"_ravelin"	/* its members may ask */

enum {
	CLIENTS		= 16,
	IDLE_MS		= 180 * 1000,	/* a client that says nothing goes */
	UPLOAD_IDLE_MS	= 30 * 1000,	/* ... and sooner if others wait */
	STOCK_MS	= 30 * 60 * 1000,	/* files are kept, unused */
	PASS_MS		= 10 * 60 * 1000,	/* and a passphrase that was right */
	OUT_MAX		= 4 << 20,	/* bytes that a program may say */
	ERR_MAX		= 16384,
	RESERVE		= 8 << 20,	/* bytes of the disk that stay free */
};

/* Options: NULL leaves it to the programs. */
struct settings {
	const char	*se_run, *se_dir, *se_passwd;
	const char	*se_boot, *se_etc, *se_key, *se_release, *se_slot, *se_tls;
};

/* What a program said and how it ended. */
struct result {
	bool		 rs_set;
	enum maint_command rs_command;
	int		 rs_status;	/* exit status; -1: killed */
	char		*rs_out, *rs_err;	/* malloc'd */
	char		 rs_user[MAINT_USER + 1];
	int64_t		 rs_time;	/* seconds since 1970 */
};

/* The file of a kind, and what was found out about it. */
struct stock {
	char		 st_id[MAINT_ID + 1];	/* "": none */
	uint64_t	 st_size;
	int64_t		 st_time;		/* since 1970 */
	int64_t		 st_used;		/* now_ms() */
	char		 st_user[MAINT_USER + 1];
	char		 st_pass[MAINT_SECRET + 1];	/* opens it; "": not known */
	int64_t		 st_pass_time;
	struct result	 st_checked;	/* shown, checked, tried */
	struct result	 st_done;	/* restored, installed, imported */
};

struct client {
	int		 cl_fd;		/* -1: free */
	int64_t		 cl_seen;
	/* an upload that has begun */
	int		 cl_file;	/* -1: none */
	enum maint_kind	 cl_kind;
	uint64_t	 cl_size, cl_got;
	char		 cl_user[MAINT_USER + 1];
	const char	*cl_bad;	/* what DONE will say; NULL: well */
};

struct job {
	pid_t		 jo_pid;	/* 0: none runs */
	enum maint_command jo_command;
	int		 jo_fd[2];	/* its output and errors; -1: at their end */
	char		*jo_text[2];
	size_t		 jo_n[2];
	bool		 jo_cut;	/* it said more than OUT_MAX */
	int64_t		 jo_began, jo_until;	/* now_ms() */
	char		 jo_user[MAINT_USER + 1];
	char		 jo_pass[MAINT_SECRET + 1];	/* of SHOW: kept if it is right */
	struct client	*jo_client;	/* who waits; NULL: nobody (any more) */
	uint32_t	 jo_seq;
};

struct maintd {
	struct settings	 md_se;
	int		 md_listen;
	char		 md_sock[108];
	struct client	 md_client[CLIENTS];
	struct stock	 md_stock[MAINT_KINDS];
	struct job	 md_job;
	struct auth_lock md_lock;	/* passwords that were wrong */
};

/* ---- client.c ---- */

/* Who has connected, if it may ask anything. */
void	client_accept(struct maintd *md);
/* A record, or the end of it. */
void	client_read(struct maintd *md, struct client *cl);
void	client_close(struct maintd *md, struct client *cl);
/* fd -1: none. */
void	client_answer(struct maintd *md, struct client *cl, uint32_t seq,
	    enum maint_status status, const char *text, int fd);

/* ---- stock.c ---- */

extern const char *const kind_names[MAINT_KINDS];
extern const char *const kind_files[MAINT_KINDS];	/* in the folder */
extern const uint64_t kind_sizes[MAINT_KINDS];	/* bytes at most */

#define CREATED	"created.backup"	/* in the folder, on its way out */

/* The folder, empty. */
bool	stock_open(const struct maintd *md);
/* What making a backup has left: it, or a part of it. */
void	stock_sweep(const struct maintd *md);
/* An upload: NULL, or why it is refused. */
const char *stock_begin(struct maintd *md, struct client *cl,
	    const struct maint_request *mq);
void	stock_data(struct client *cl, struct cur data);
const char *stock_end(struct maintd *md, struct client *cl, uint64_t size);
void	stock_abandon(struct maintd *md, struct client *cl);
/* The file goes, and what is known of it, but for what was done with it. */
void	stock_drop(struct maintd *md, enum maint_kind kind);
/* What nobody has used for long. */
void	stock_tick(struct maintd *md);
void	result_free(struct result *rs);

/* ---- job.c ---- */

int64_t	now_ms(void);
/* NULL, or why it does not begin: *status. */
const char *job_start(struct maintd *md, const struct maint_request *mq,
	    enum maint_status *status);
/* Is it answered when it begins? */
bool	job_detached(enum maint_command command);
const char *job_name(enum maint_command command);
/* Its output, its end. */
void	job_read(struct maintd *md, int which);
void	job_tick(struct maintd *md);
/* What `upgrade status` says: malloc'd, or NULL. */
char	*job_slots(const struct maintd *md);
bool	job_can_restart(void);

#endif
