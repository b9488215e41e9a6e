/* SPDX-License-Identifier: ISC */
/*
 * Addresses of interfaces for a parse (env_iface), as the network kernel
 * has them at this moment: one request over its control socket.
 */
#include <string.h>

#include "libctl/client.h"
#include "libpolicy/ifaddr.h"

struct asked {
	const char		*as_name;
	struct policy_ifaddr	*as_out;
	size_t			 as_max;
	size_t			 as_n;
	bool			 as_found;
};

bool
policy_ifname_matches(const char *ifname, const char *name)
{
	size_t letters = strspn(ifname, "abcdefghijklmnopqrstuvwxyz");

	return strcmp(ifname, name) == 0 ||
	    (strlen(name) == letters && memcmp(ifname, name, letters) == 0);
}

static void
answer(void *arg, const void *body, size_t len)
{
	struct asked *as = arg;
	struct ctl_if ci;

	if (len != sizeof(ci))
		return;
	memcpy(&ci, body, sizeof(ci));
	ci.ci_name[sizeof(ci.ci_name) - 1] = '\0';
	if (!policy_ifname_matches(ci.ci_name, as->as_name))
		return;
	as->as_found = true;
	for (unsigned i = 0; i < ci.ci_naddrs && i < 16; i++) {
		if (as->as_n < as->as_max)
			as->as_out[as->as_n++] = (struct policy_ifaddr){
				ci.ci_addr[i], ci.ci_plen[i] };
	}
}

size_t
policy_ifaddrs(const char *rundir, const char *name,
    struct policy_ifaddr *out, size_t max, const char **why)
{
	struct asked as = { name, out, max, 0, false };
	struct ctl_client *cl;
	char err[400];
	int error;

	if ((cl = ctl_open(rundir, err, sizeof(err))) == NULL) {
		*why = "netkern, which knows the interfaces, cannot be asked: "
		    "start it (or be root), or write the address";
		return 0;
	}
	error = ctl_call(cl, CTL_IF_LIST, NULL, 0, -1, answer, &as);
	ctl_close(cl);
	if (error != 0)
		*why = "netkern did not answer: try again, or write the address";
	else if (!as.as_found)
		*why = "netkern has none of that name (ifconfig shows which)";
	else
		*why = "it has no address";
	return error != 0 ? 0 : as.as_n;
}
