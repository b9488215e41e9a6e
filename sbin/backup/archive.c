/* SPDX-License-Identifier: ISC */
/*
 * Entries of a backup, one behind the other (see backup.h).
 */
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "libutil/cur.h"

void
bytes_free(struct bytes *by)
{
	if (by->by_p != NULL)
		explicit_bzero(by->by_p, by->by_n);
	free(by->by_p);
	*by = (struct bytes){ 0 };
}

bool
backup_add(struct bytes *by, const char *name, const void *body, size_t n)
{
	size_t len = strlen(name), total = by->by_n + 10 + len + n;
	struct bytes more = { .by_p = malloc(total), .by_n = total };
	struct wcur w = wcur_init(more.by_p, total);

	if (more.by_p == NULL || len > BACKUP_NAME_MAX) {
		free(more.by_p);
		return false;
	}
	wcur_put(&w, by->by_p, by->by_n);
	wcur_u16(&w, (uint16_t)len);
	wcur_u64(&w, n);
	wcur_put(&w, name, len);
	wcur_put(&w, body, n);
	bytes_free(by);
	*by = more;
	return wcur_ok(&w);
}

static bool
take(struct cur *c, struct backup_entry *be)
{
	size_t len = cur_u16(c);
	uint64_t n = cur_u64(c);

	if (len == 0 || len > BACKUP_NAME_MAX || n > cur_left(c))
		return false;
	(void)cur_copy(c, be->be_name, len);
	be->be_name[len] = '\0';
	be->be_len = (size_t)n;
	be->be_body = cur_bytes(c, be->be_len);
	return cur_ok(c) && strspn(be->be_name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-_") == len;
}

bool
backup_parse(struct backup *bk, const void *p, size_t n)
{
	struct cur c = cur_init(p, n);

	bk->bk_n = 0;
	while (cur_left(&c) != 0) {
		if (bk->bk_n == BACKUP_ENTRIES ||
		    !take(&c, &bk->bk_entry[bk->bk_n]))
			return false;
		bk->bk_n++;
	}
	return cur_end(&c);
}

const struct backup_entry *
backup_find(const struct backup *bk, const char *name)
{
	for (size_t i = 0; i < bk->bk_n; i++) {
		if (strcmp(bk->bk_entry[i].be_name, name) == 0)
			return &bk->bk_entry[i];
	}
	return NULL;
}
