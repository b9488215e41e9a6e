/* SPDX-License-Identifier: ISC */
/*
 * What interfaces have, for the env_iface of a program that can ask netkern.
 */
#ifndef LIBPOLICY_IFADDR_H
#define LIBPOLICY_IFADDR_H

#include "libpolicy/policy.h"

/* Is that its name, or its group ("em" of em0)? */
bool	policy_ifname_matches(const char *ifname, const char *name);
/*
 * Asks netkern in the run directory (NULL: the default one); as env_iface,
 * which see.
 */
size_t	policy_ifaddrs(const char *rundir, const char *name,
	    struct policy_ifaddr *out, size_t max, const char **why);

#endif
