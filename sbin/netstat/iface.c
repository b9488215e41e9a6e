/* SPDX-License-Identifier: ISC */
/*
 * Interfaces with their counters, and rates.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libctl/json.h"
#include "net/if.h"
#include "netstat.h"

struct iface_list {
	const struct options	*il_op;
	struct ctl_if		 il_if[IF_MAX];
	unsigned		 il_n;
};

static void
collect(void *arg, const void *body, size_t len)
{
	struct iface_list *il = arg;
	struct ctl_if *ci = &il->il_if[il->il_n];

	if (len != sizeof(*ci) || il->il_n == IF_MAX)
		return;
	memcpy(ci, body, sizeof(*ci));
	if (il->il_op->op_iface == NULL || strcmp(il->il_op->op_iface, ci->ci_name) == 0)
		il->il_n++;
}

static void
fetch(struct ctl_client *cl, const struct options *op, struct iface_list *il)
{
	il->il_op = op;
	il->il_n = 0;
	ctl_must(cl, CTL_IF_LIST, NULL, 0, collect, il);
	if (il->il_n == 0) {
		fprintf(stderr, "netstat: %s: no such interface\n",
		    op->op_iface != NULL ? op->op_iface : "netkern");
		exit(1);
	}
}

/* 1234567 as "1.23M": at most six letters. */
static const char *
short_number(uint64_t v, char buf[8])
{
	static const char unit[] = " KMGTPE";
	unsigned u = 0;
	double d = (double)v;

	if (v < 100000) {
		snprintf(buf, 8, "%" PRIu64, v);
		return buf;
	}
	for (; d >= 1000 && unit[u + 1] != '\0'; u++)
		d /= 1000;
	snprintf(buf, 8, "%.*f%c", d < 10 ? 2 : d < 100 ? 1 : 0, d, unit[u]);
	return buf;
}

static void
json_one(const struct ctl_if *ci)
{
	json_object(NULL);
	json_string("name", ci->ci_name);
	json_number("mtu", ci->ci_mtu);
	json_bool("up", (ci->ci_flags & IF_F_UP) != 0);
	json_number("ipackets", ci->ci_ipackets);
	json_number("ibytes", ci->ci_ibytes);
	json_number("idrops", ci->ci_idrops);
	json_number("opackets", ci->ci_opackets);
	json_number("obytes", ci->ci_obytes);
	json_number("odrops", ci->ci_odrops);
	json_object_end();
}

static void
text_one(const struct ctl_if *ci)
{
	char b[6][8], addr[PREFIX_STRLEN] = "-";

	if (ci->ci_naddrs != 0) {
		addr_print(&ci->ci_addr[0], addr);
		snprintf(addr + strlen(addr), 5, "/%u", ci->ci_plen[0]);
	}
	printf("%-8s %5u %-18s %6s %7s %5s %6s %7s %5s\n", ci->ci_name, ci->ci_mtu,
	    (ci->ci_flags & IF_F_UP) != 0 ? addr : "down",
	    short_number(ci->ci_ipackets, b[0]), short_number(ci->ci_ibytes, b[1]),
	    short_number(ci->ci_idrops, b[2]), short_number(ci->ci_opackets, b[3]),
	    short_number(ci->ci_obytes, b[4]), short_number(ci->ci_odrops, b[5]));
}

void
show_interfaces(struct ctl_client *cl, const struct options *op)
{
	static struct iface_list il;
	unsigned i;

	fetch(cl, op, &il);
	if (op->op_json)
		json_array("interfaces");
	else
		printf("%-8s %5s %-18s %6s %7s %5s %6s %7s %5s\n", "Name", "Mtu", "Address",
		    "Ipkts", "Ibytes", "Idrop", "Opkts", "Obytes", "Odrop");
	for (i = 0; i < il.il_n; i++)
		if (op->op_json)
			json_one(&il.il_if[i]);
		else
			text_one(&il.il_if[i]);
	if (op->op_json)
		json_array_end();
}

/* ---- rates ---- */

static struct ctl_if
sum(const struct iface_list *il)
{
	struct ctl_if s = { .ci_naddrs = 0 };
	unsigned i;

	for (i = 0; i < il->il_n; i++) {
		/* what enc0 counts crosses another one as well */
		if (il->il_n > 1 && (il->il_if[i].ci_flags & IF_F_ENC))
			continue;
		s.ci_ipackets += il->il_if[i].ci_ipackets;
		s.ci_ibytes += il->il_if[i].ci_ibytes;
		s.ci_idrops += il->il_if[i].ci_idrops;
		s.ci_opackets += il->il_if[i].ci_opackets;
		s.ci_obytes += il->il_if[i].ci_obytes;
		s.ci_odrops += il->il_if[i].ci_odrops;
	}
	return s;
}

static void
rate_line(const struct ctl_if *a, const struct ctl_if *b, unsigned seconds)
{
	char t[6][8];

	printf("%10s %10s %8s   %10s %10s %8s\n",
	    short_number((b->ci_ipackets - a->ci_ipackets) / seconds, t[0]),
	    short_number((b->ci_ibytes - a->ci_ibytes) / seconds * 8, t[1]),
	    short_number((b->ci_idrops - a->ci_idrops) / seconds, t[2]),
	    short_number((b->ci_opackets - a->ci_opackets) / seconds, t[3]),
	    short_number((b->ci_obytes - a->ci_obytes) / seconds * 8, t[4]),
	    short_number((b->ci_odrops - a->ci_odrops) / seconds, t[5]));
	fflush(stdout);
}

void
show_rates(struct ctl_client *cl, const struct options *op, unsigned seconds, unsigned count)
{
	static struct iface_list il;
	struct ctl_if last, now;
	unsigned line;

	fetch(cl, op, &il);
	last = sum(&il);
	for (line = 0; count == 0 || line < count; line++) {
		if (line % 20 == 0)
			printf("%10s %10s %8s   %10s %10s %8s\n", "in pkt/s", "bit/s",
			    "drop/s", "out pkt/s", "bit/s", "drop/s");
		sleep(seconds);
		fetch(cl, op, &il);
		now = sum(&il);
		rate_line(&last, &now, seconds);
		last = now;
	}
}
