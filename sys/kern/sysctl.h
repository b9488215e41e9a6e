/* SPDX-License-Identifier: ISC */
/*
 * The tree of named settings that sysctl(8) reads and writes.  A module
 * registers a table in its init; nk_lock is held in all functions of it.
 *
 * Most settings are an unsigned number in some structure that hangs off the
 * nk: sy_var finds it, sy_min and sy_max bound it.  Others bring their own
 * sy_get and sy_set.
 */
#ifndef KERN_SYSCTL_H
#define KERN_SYSCTL_H

#include "kern/nk.h"

struct sysctl_entry {
	const char	*sy_name;	/* "net.inet.ip.forwarding"; NULL ends a table */
	const char	*sy_descr;
	unsigned	*(*sy_var)(struct nk *);
	unsigned	 sy_min, sy_max;
	bool		 sy_readonly;
	bool		 sy_bump;	/* a change makes flows decide again */
	/* Text of the value; snprintf-like buffer of 128 bytes. */
	void		(*sy_get)(struct nk *, char *buf, size_t len);
	/* 0, or an errno with its reason in err. */
	int		(*sy_set)(struct nk *, const char *value, char *err, size_t errlen);
};

int	sysctl_init(struct nk *);
void	sysctl_fini(struct nk *);
/* The table must outlive the nk. 0 or ENOMEM. */
int	sysctl_register(struct nk *, const struct sysctl_entry *);
/* 0, ENOENT. */
int	sysctl_get(struct nk *, const char *name, char *buf, size_t len);
/* 0, ENOENT, EPERM (read only), EINVAL, ERANGE; reason in err. */
int	sysctl_set(struct nk *, const char *name, const char *value, char *err, size_t errlen);

#endif
