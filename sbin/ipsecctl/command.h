/* SPDX-License-Identifier: ISC */
/*
 * The commands of ipsecctl(8) about revisions: commit, confirm, history ...
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "libpolicy/store.h"

struct command {
	const char	*co_rundir;
	bool		 co_json;	/* -j */
	bool		 co_keys;	/* -k */
	bool		 co_dry;	/* -n */
	bool		 co_whole;	/* ipsec.conf and iked.conf do not stay */
	const char	*co_reason;	/* -m */
	uint64_t	 co_base;	/* --base; POLICYCTL_ANY not given */
	uint32_t	 co_confirm;	/* --confirm, ms; 0 none */
	struct policy_texts co_texts;	/* -f, --pf ... */
	int		 co_argc;	/* what follows */
	char		**co_argv;
};

/* "ipsecctl: ..." to standard error; returns 1. */
int	command_fail(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));

/* What became of a commit: a document. */
void	command_json(const struct policyctl_result *res);

/* Each returns the exit status. */
int	command_commit(struct command *co);	/* commit.c */
int	command_confirm(struct command *co);
int	command_rollback(struct command *co);
int	command_check(struct command *co);	/* check.c */
int	command_history(struct command *co);	/* history.c */
int	command_show(struct command *co);
int	command_diff(struct command *co);

int	command_export(struct command *co);	/* transfer.c */
int	command_import(struct command *co);	/* import.c */

/* The first line of an export. */
#define TRANSFER_MAGIC	"### ravelin export 1\n"

/* Cuts what show or export wrote into texts of its parts. */
bool	command_sections(struct command *co, const char *body);
/* The names of all, a line each. */
void	command_names(void);

/* The store, read-only; NULL after telling why. */
struct policy_store	*command_store(void);
/* A number of a revision; false after telling. */
bool	command_number(const char *text, uint64_t *out);
/*
 * The revision in argument i, or else the newest but `less`: it exists and is
 * whole, or is 0, which is nothing.  False after telling.
 */
bool	command_revision(struct command *co, struct policy_store *st, int i,
	    uint64_t less, uint64_t *rev);
/* Normal form of a part; keys as in the store, or in clear. malloc'd. */
char	*command_part(struct policy_store *st, uint64_t rev,
	    enum policy_part part, bool keys, const char **why);

/* A pe_load of libpf: a file on disk, kept among the texts that are arg. */
bool	command_load_pf(void *arg, const char *path, char **text, size_t *len,
	    char *err, size_t errlen);

/* The program's main, behind its options: runs a command. */
int	ipsecctl_command(const char *rundir, bool keys, int argc, char **argv);

#endif
