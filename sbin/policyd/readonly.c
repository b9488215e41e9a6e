/* SPDX-License-Identifier: ISC */
/*
 * A store that can be read and not written: its file system is mounted
 * read-only, its disk is full or fails, or it is damaged and its export
 * stands in.  What it holds is put in force all the same; commits are told
 * to come again (exit status 75), and each tries to open the store anew, so that
 * nothing is to be done but to make it writable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "libutil/log.h"
#include "policyd.h"

bool
readonly_open(struct policyd *pd, const char *why)
{
	(void)snprintf(pd->pd_readonly, sizeof(pd->pd_readonly), "%.200s", why);
	pd->pd_store = policy_store_open_ro(pd->pd_db, &why);
	if (pd->pd_store == NULL) {
		log_err("no policy can be read: %s", why);
		return false;
	}
	if (policy_store_damage(pd->pd_store) != NULL) {
		pd->pd_readonly[0] = '\0';
		log_err("the policy store is damaged: going on with its last "
		    "export; nothing can be committed until %s is moved away "
		    "and policyd restarted", pd->pd_db);
	} else {
		log_err("THE POLICY STORE CANNOT BE WRITTEN: what it holds is "
		    "put in force, and nothing can be committed until it can: "
		    "mount its file system read-write, or make room");
	}
	return true;
}

bool
readonly_over(struct policyd *pd)
{
	const char *why = "";

	if (pd->pd_readonly[0] == '\0')
		return true;
	if (access(pd->pd_db, W_OK) == -1)
		return false;
	/* SQLite shares what connections of a process know of a log: none may stay */
	history_close(pd->pd_history);
	pd->pd_history = NULL;
	policy_store_close(pd->pd_store);
	pd->pd_store = policy_store_open_rw(pd->pd_db, &why);
	if (pd->pd_store == NULL) {
		if (!readonly_open(pd, why))
			exit(1);
		return false;
	}
	pd->pd_readonly[0] = '\0';
	log_warn("the policy store can be written again");
	return true;
}
