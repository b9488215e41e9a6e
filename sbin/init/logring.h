/* SPDX-License-Identifier: ISC */
/*
 * The appliance's log: the newest lines in memory, and all of them in a file
 * that is capped.
 *
 * The ring holds whole lines; a new one pushes the oldest out.  The file
 * NAME is renamed to NAME.1 when it has grown to its cap, NAME.1 to NAME.2,
 * and so on; the oldest goes.  What comes before the file can be opened is
 * written when it is.  A disk that is full or fails costs lines of the file
 * and nothing else.
 *
 * A line is made printable: a byte below a blank, but for TAB, becomes '?',
 * and so does DEL, so that no line can move a terminal's cursor.
 */
#ifndef LOGRING_H
#define LOGRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <sys/types.h>

enum {
	LOGRING_LINE	= 1024,		/* longest line, its newline too */
};

struct logring {
	char		*lr_buf;
	size_t		 lr_cap;
	size_t		 lr_head;	/* of the oldest line */
	size_t		 lr_len;
	char		 lr_line[LOGRING_LINE + 1];	/* the last one */
	size_t		 lr_unsaved;	/* newest bytes that are not in the file */
	/* the file */
	int		 lr_fd;		/* -1 */
	gid_t		 lr_readers;	/* group that may read it; 0: nobody */
	char		 lr_path[256];
	size_t		 lr_max;	/* bytes of one file */
	unsigned	 lr_keep;	/* older files */
	size_t		 lr_size;
	uint64_t	 lr_lost;	/* lines that the file does not have */
};

/* False without memory. */
bool	logring_init(struct logring *lr, size_t cap);
void	logring_free(struct logring *lr);
/* "2026-11-22T01:02:03Z NAME: TEXT"; returns it, terminated, until the next call. */
const char *logring_add(struct logring *lr, time_t now, const char *name,
	    const char *text, size_t len);
/*
 * From now on into a file too, with what the ring holds; members of lr_readers
 * may read it. False with errno.
 */
bool	logring_open(struct logring *lr, const char *path, size_t max,
	    unsigned keep);
void	logring_close(struct logring *lr);
/* All lines, the oldest first: malloc'd and terminated; NULL without memory. */
char	*logring_text(const struct logring *lr, size_t *len);

/*
 * What log.h's programs put before a line ("01:02:03.456 name: ") is cut off,
 * as the log writes time and name itself.
 */
const char *logring_body(const char *line, size_t *len, const char *name);

#endif
