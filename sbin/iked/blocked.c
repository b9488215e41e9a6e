/* SPDX-License-Identifier: ISC */
/*
 * Rules of the policy that this daemon cannot carry out: the parent leaves
 * them out and tells why, and they are shown beside the others, so that no
 * configured tunnel is hidden.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ikeproc.h"

static bool
blocked_add(struct blocked *b, const struct iked_blocked *ib)
{
	struct iked_blocked *list;

	if ((b->bl_n & (b->bl_n - 1)) == 0) {
		list = reallocarray(b->bl_list, b->bl_n == 0 ? 1 : 2 * b->bl_n,
		    sizeof(*list));
		if (list == NULL)
			return false;
		b->bl_list = list;
	}
	b->bl_list[b->bl_n++] = *ib;
	return true;
}

bool
ikeproc_policy_blocked(struct ikeproc *ip, const struct iked_blocked *ib)
{
	return ib != NULL &&
	    memchr(ib->ib_name, '\0', sizeof(ib->ib_name)) != NULL &&
	    memchr(ib->ib_why, '\0', sizeof(ib->ib_why)) != NULL &&
	    blocked_add(&ip->ip_next.in_blocked, ib);
}

bool
blocked_same(struct ikeproc *ip, size_t from, size_t n)
{
	const struct blocked *b = &ip->ip_blocked;

	if (from > b->bl_n || n > b->bl_n - from)
		return false;
	for (size_t i = from; i < from + n; i++)
		if (!blocked_add(&ip->ip_next.in_blocked, &b->bl_list[i]))
			return false;
	return true;
}

void
blocked_clear(struct blocked *b)
{
	free(b->bl_list);
	*b = (struct blocked){ .bl_n = 0 };
}

void
blocked_take(struct ikeproc *ip)
{
	blocked_clear(&ip->ip_blocked);
	ip->ip_blocked = ip->ip_next.in_blocked;
	ip->ip_next.in_blocked = (struct blocked){ .bl_n = 0 };
}

static void
line(const struct iked_blocked *ib, struct ike_status *st)
{
	memset(st, 0, sizeof(*st));
	(void)snprintf(st->st_policy, sizeof(st->st_policy), "%s", ib->ib_name);
	(void)snprintf(st->st_child, sizeof(st->st_child), "%s", ib->ib_name);
	(void)snprintf(st->st_note, sizeof(st->st_note), "%s", ib->ib_why);
	st->st_state = IKE_ST_BLOCKED;
	st->st_reason = IKE_R_CONFIG;
	st->st_local = ib->ib_local;
	st->st_peer = ib->ib_peer;
}

bool
ikeproc_status_at(const struct ikeproc *ip, size_t place, ike_status_fn *fn,
    void *arg)
{
	size_t rules = ike_policy_count(ip->ip_ike);
	struct ike_status st;

	if (ike_status_at(ip->ip_ike, ikeproc_now(ip), place, fn, arg))
		return true;
	if (place < rules || place - rules >= ip->ip_blocked.bl_n)
		return false;
	line(&ip->ip_blocked.bl_list[place - rules], &st);
	fn(arg, &st);
	return true;
}

void
ikeproc_status(const struct ikeproc *ip, ike_status_fn *fn, void *arg)
{
	for (size_t i = 0; ikeproc_status_at(ip, i, fn, arg); i++)
		continue;
}

/* A blocked rule's child has the rule's name. */
static bool
blocked_is(const struct iked_blocked *ib, const char *name)
{
	size_t n = strlen(ib->ib_name);

	return strncmp(name, ib->ib_name, n) == 0 && (name[n] == '\0' ||
	    (name[n] == '/' && strcmp(name + n + 1, ib->ib_name) == 0));
}

void
ikeproc_status_of(const struct ikeproc *ip, const char *name,
    ike_status_fn *fn, void *arg)
{
	struct ike_status st;

	ike_status_of(ip->ip_ike, ikeproc_now(ip), name, fn, arg);
	for (size_t i = 0; i < ip->ip_blocked.bl_n; i++)
		if (blocked_is(&ip->ip_blocked.bl_list[i], name)) {
			line(&ip->ip_blocked.bl_list[i], &st);
			fn(arg, &st);
		}
}
