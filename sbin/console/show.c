/* SPDX-License-Identifier: ISC */
/*
 * What console(8) shows: the head of the menu, and why there is no traffic.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/wait.h>

#include "../init/boot.h"
#include "../init/settings.h"
#include "console.h"
#include "libauth/auth.h"
#include "libctl/client.h"
#include "libpolicy/store.h"
#include "net/if.h"

enum { TEXT_MAX = 1 << 20 };

/* ---- interfaces ---- */

struct list {
	struct ctl_if	li_if[64];
	size_t		li_n;
};

static void
take_if(void *arg, const void *body, size_t len)
{
	struct list *li = arg;

	if (len == sizeof(struct ctl_if) && li->li_n < 64)
		memcpy(&li->li_if[li->li_n++], body, len);
}

static bool
list_interfaces(struct list *li)
{
	char err[200];
	struct ctl_client *cc = ctl_open(NULL, err, sizeof(err));

	li->li_n = 0;
	if (cc == NULL) {
		say("netkern    %.60s", err);
		return false;
	}
	(void)ctl_call(cc, CTL_IF_LIST, NULL, 0, -1, take_if, li);
	ctl_close(cc);
	return true;
}

static bool
driver_is(const struct ctl_if *ci, const char *const names[])
{
	for (; *names != NULL; names++)
		if (strcmp(ci->ci_driver, *names) == 0)
			return true;
	return false;
}

/* What drives a NIC; what makes an interface that is not always there. */
static const char *const nics[] = { "nic", "packet", "xdp", NULL };
static const char *const made[] = { "nic", "packet", "xdp", "tap", NULL };

/* Does Linux see a cable? 1 yes, 0 no, -1 it does not say. */
static int
carrier(const struct ctl_if *ci)
{
	char path[128], line[16];

	if (!driver_is(ci, nics))
		return -1;
	(void)snprintf(path, sizeof(path), "/sys/class/net/%.*s/carrier",
	    (int)strcspn(ci->ci_arg, ","), ci->ci_arg);
	return file_line(path, line, sizeof(line)) ? line[0] == '1' : -1;
}

static bool
builtin(const struct ctl_if *ci)
{
	return !driver_is(ci, made);
}

static void
show_interface(const struct ctl_if *ci)
{
	char ip[ADDR_STRLEN], addr[80] = "no address";
	const uint8_t *m = ci->ci_mac;

	if (ci->ci_naddrs != 0)
		(void)snprintf(addr, sizeof(addr), "%s/%u%s",
		    addr_print(&ci->ci_addr[0], ip), ci->ci_plen[0],
		    ci->ci_naddrs > 1 ? " ..." : "");
	say("%-10.10s %-9s %-24.24s %02x:%02x:%02x:%02x:%02x:%02x %.15s",
	    ci->ci_name, (ci->ci_flags & IF_F_UP) == 0 ? "down" :
	    carrier(ci) == 0 ? "no cable" : "up", addr, m[0], m[1], m[2], m[3],
	    m[4], m[5], ci->ci_descr);
}

static void
show_interfaces(void)
{
	static struct list li;

	if (!list_interfaces(&li))
		return;
	for (size_t i = 0; i < li.li_n; i++) {
		if (!builtin(&li.li_if[i]))
			show_interface(&li.li_if[i]);
	}
}

/* ---- policy ---- */

static bool
policy_status(struct policyctl_status *ps, const char **why)
{
	struct policyctl *pc = policyctl_connect(policy_run_dir(NULL), why);
	bool ok = pc != NULL && policyctl_status(pc, ps, why);

	policyctl_close(pc);
	return ok;
}

static void
show_policy(void)
{
	struct policyctl_status ps;
	const char *why = "";

	if (!policy_status(&ps, &why)) {
		say("policy     %.66s", why);
		return;
	}
	if (ps.ps_committed == ps.ps_applied)
		say("policy     revision %llu is in force",
		    (unsigned long long)ps.ps_applied);
	else
		say("policy     REVISION %llu IS NOT IN FORCE",
		    (unsigned long long)ps.ps_committed);
	if (ps.ps_text[0] != '\0')
		say("           %.66s", ps.ps_text);
}

/*
 * Rows of `ikectl status` behind its head, but for notes, which are indented;
 * each is handed to fn.
 */
static size_t
each_tunnel(void (*fn)(const char *name, bool up, void *arg), void *arg)
{
	static const char *const argv[] = { "ikectl", "status", NULL };
	size_t len, n = 0;
	int status;
	char *text = run_capture(argv, TEXT_MAX, &len, &status), *next = text;
	char *line, *name;
	bool behind = false;

	while ((line = strsep(&next, "\n")) != NULL) {
		if (!behind || line[0] == '\0' || line[0] == ' ' ||
		    strncmp(line, "no tunnel ", 10) == 0) {
			behind = behind || strncmp(line, "NAME ", 5) == 0;
			continue;
		}
		name = strsep(&line, " ");
		if (line == NULL)
			continue;
		line += strspn(line, " ");
		fn(name, strncmp(line, "up", 2) == 0, arg);
		n++;
	}
	free(text);
	return n;
}

static void
count_up(const char *name, bool up, void *arg)
{
	size_t *n = arg;

	(void)name;
	*n += up;
}

static void
show_tunnels(void)
{
	size_t up = 0, all = each_tunnel(count_up, &up);

	if (all != 0)
		say("tunnels    %zu, %zu of them up", all, up);
}

void
show_head(void)
{
	char host[70] = "ravelin", version[64] = "";
	struct timespec ts = { 0 };

	(void)gethostname(host, sizeof(host) - 1);
	(void)file_value("/etc/release", "version", version, sizeof(version));
	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	say("%s", "");
	say("%-30.30s Ravelin %.20s, up %lld h %02lld m", host, version,
	    (long long)ts.tv_sec / 3600, (long long)ts.tv_sec % 3600 / 60);
	show_interfaces();
	show_policy();
	show_tunnels();
	if (!auth_any(BOOT_ETC "/passwd"))
		say("password   NOT SET: anyone at this console may do anything");
	if (ssh_is_on(BOOT_ETC))
		say("ssh        on (menu, s)");
	if (access(BOOT_RUN "/no-disk", F_OK) == 0)
		say("data       IN MEMORY ONLY: nothing is kept over a restart");
}

/* ---- why offline ---- */

static void
why_interface(const struct ctl_if *ci, bool *any)
{
	if (!driver_is(ci, nics))
		return;
	if ((ci->ci_flags & IF_F_UP) == 0)
		say("%s: down%s", ci->ci_name, ci->ci_naddrs == 0 ?
		    ", and without an address: menu, 1" : "");
	else if (carrier(ci) == 0)
		say("%s: no cable, or the other end is off", ci->ci_name);
	else if (ci->ci_naddrs == 0)
		say("%s: up, but it has no address", ci->ci_name);
	else if (ci->ci_ipackets == 0)
		say("%s: nothing has been received: wrong card or cable?",
		    ci->ci_name);
	else
		*any = true;
}

static void
why_gateway(void)
{
	struct network ne;
	const char *why = "";
	char gw[64];

	if (!netedit_read(&ne, &why)) {
		say("the policy store cannot be read: %s", why);
		return;
	}
	netedit_show_gateway(&ne, gw, sizeof(gw));
	network_free(&ne);
	if (strcmp(gw, "none") == 0)
		say("there is no default route: menu, 1");
	else
		say("the default route is by way of %s", gw);
}

void
show_why(void)
{
	static const char *const status[] = { "ikectl", "status", NULL };
	static const char *const why[] = { "ikectl", "why", NULL };
	static const char *const units[] = { "init", "status", NULL };
	static struct list li;
	bool any = false;

	show_policy();
	if (list_interfaces(&li)) {
		for (size_t i = 0; i < li.li_n; i++) {
			if (!builtin(&li.li_if[i]))
				why_interface(&li.li_if[i], &any);
		}
		if (!any)
			say("no interface has received anything");
	}
	why_gateway();
	(void)run_program(status);
	(void)run_program(why);
	say("%s", "");
	(void)run_program(units);
}
