/* SPDX-License-Identifier: ISC */
/*
 * route(8): routes of netkern.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libctl/client.h"
#include "net/fib.h"

static struct ctl_client *client;

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: route [-n] [-r rundir] show\n"
	    "       route [-r rundir] add [-net | -host] [-blackhole | -reject] [-iface]\n"
	    "             [-mtu n] [-priority n] destination[/bits] gateway [netmask]\n"
	    "       route [-r rundir] change | delete destination[/bits] [gateway]\n"
	    "       route [-r rundir] get address\n"
	    "       route [-r rundir] flush\n");
	exit(1);
}

static _Noreturn void
fail(const char *what, const char *why)
{
	fprintf(stderr, "route: %s: %s\n", what, why);
	exit(1);
}

static unsigned
number(const char *what, const char *text, unsigned most)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || v > most) {
		fprintf(stderr, "route: %s %s: not a number up to %u\n", what, text, most);
		exit(1);
	}
	return (unsigned)v;
}

/* ---- printing ---- */

static const char *
flags_print(uint16_t f, uint8_t plen, unsigned bits, char buf[12])
{
	char *p = buf;

	*p++ = 'U';
	if ((f & RT_F_GATEWAY) != 0)
		*p++ = 'G';
	if (plen == bits)
		*p++ = 'H';
	if ((f & RT_F_STATIC) != 0)
		*p++ = 'S';
	if ((f & RT_F_CONNECTED) != 0)
		*p++ = 'C';
	if ((f & RT_F_LOCAL) != 0)
		*p++ = 'l';
	if ((f & RT_F_REJECT) != 0)
		*p++ = 'R';
	if ((f & RT_F_BLACKHOLE) != 0)
		*p++ = 'B';
	*p = '\0';
	return buf;
}

static void
print_route(void *arg, const void *body, size_t len)
{
	char dst[PREFIX_STRLEN], gw[ADDR_STRLEN] = "link", flags[12];
	struct ctl_route m;

	(void)arg;
	if (len != sizeof(m))
		return;
	memcpy(&m, body, sizeof(m));
	if (m.cr_gw.ad_af != 0)
		addr_print(&m.cr_gw, gw);
	prefix_print(&m.cr_dst, dst);
	if (m.cr_dst.pr_len == 0)
		snprintf(dst, sizeof(dst), "default");
	printf("%-24s %-20s %-7s %5u %5u  %s\n", dst, gw,
	    flags_print(m.cr_flags, m.cr_dst.pr_len, addr_bits(&m.cr_dst.pr_addr), flags),
	    m.cr_prio, m.cr_mtu, m.cr_ifname);
}

static void
print_got(void *arg, const void *body, size_t len)
{
	char text[PREFIX_STRLEN];
	struct ctl_route m;

	if (len != sizeof(m))
		return;
	memcpy(&m, body, sizeof(m));
	printf("   route to: %s\n", (const char *)arg);
	printf("destination: %s\n", prefix_print(&m.cr_dst, text));
	if (m.cr_gw.ad_af != 0)
		printf("    gateway: %s\n", addr_print(&m.cr_gw, text));
	printf("  interface: %s\n", m.cr_ifname[0] != '\0' ? m.cr_ifname : "none");
	printf("      flags: %s\n", flags_print(m.cr_flags, m.cr_dst.pr_len,
	    addr_bits(&m.cr_dst.pr_addr), text));
}

/* ---- reading ---- */

static void
read_gateway(const char *text, struct ctl_route *m)
{
	if (addr_parse(text, &m->cr_gw))
		return;
	if (strlen(text) >= sizeof(m->cr_ifname))
		fail(text, "neither an address nor an interface");
	memcpy(m->cr_ifname, text, strlen(text) + 1);
}

/* A destination: default, address, address/bits. Host bits must be zero. */
static void
read_destination(const char *text, const char *mask, struct prefix *out)
{
	struct prefix p;
	const char *why;
	unsigned len;

	if (strcmp(text, "default") == 0)
		text = "0.0.0.0/0";
	if (!prefix_parse(text, out))
		fail(text, "not a destination such as 10.2.0.0/16 or default");
	if (mask == NULL)
		return;
	if ((why = netmask_parse(mask, &len)) != NULL)
		fail(mask, why);
	out->pr_len = (uint8_t)len;
	p = *out;
	addr_mask(&p.pr_addr, p.pr_len);
	if (!addr_equal(&p.pr_addr, &out->pr_addr))
		fail(text, "has bits set that the netmask excludes");
}

/* ---- verbs ---- */

struct add {
	struct ctl_route	 ad_route;
	char			*ad_word[3];
	unsigned		 ad_words;
};

static const char *
option_value(char ***argv)
{
	if ((*argv)[1] == NULL)
		fail(**argv, "wants a number");
	return *++*argv;
}

static void
read_options(char **argv, struct add *ad)
{
	for (; *argv != NULL; argv++)
		if (strcmp(*argv, "-net") == 0 || strcmp(*argv, "-host") == 0 ||
		    strcmp(*argv, "-inet") == 0 || strcmp(*argv, "-iface") == 0)
			continue;	/* what follows says so itself */
		else if (strcmp(*argv, "-blackhole") == 0)
			ad->ad_route.cr_flags |= RT_F_BLACKHOLE;
		else if (strcmp(*argv, "-reject") == 0)
			ad->ad_route.cr_flags |= RT_F_REJECT;
		else if (strcmp(*argv, "-mtu") == 0)
			ad->ad_route.cr_mtu = (uint16_t)number("-mtu",
			    option_value(&argv), 65535);
		else if (strcmp(*argv, "-priority") == 0)
			ad->ad_route.cr_prio = (uint8_t)number("-priority",
			    option_value(&argv), 255);
		else if (strcmp(*argv, "-netmask") == 0 && argv[1] != NULL)
			ad->ad_word[2] = *++argv;
		else if (**argv == '-' || ad->ad_words == 3)
			usage();
		else
			ad->ad_word[ad->ad_words++] = *argv;
}

static void
do_add(char **argv)
{
	struct add ad = { .ad_words = 0 };
	struct ctl_route *m = &ad.ad_route;

	read_options(argv, &ad);
	if (ad.ad_words < 1)
		usage();
	read_destination(ad.ad_word[0], ad.ad_word[2], &m->cr_dst);
	if (ad.ad_words > 1)
		read_gateway(ad.ad_word[1], m);
	else if ((m->cr_flags & (RT_F_BLACKHOLE | RT_F_REJECT)) == 0)
		fail(ad.ad_word[0], "name the gateway, or say -blackhole or -reject");
	if ((m->cr_flags & (RT_F_BLACKHOLE | RT_F_REJECT)) != 0) {
		m->cr_gw = (struct addr){ 0 };	/* BSD wants one; it means nothing */
		m->cr_ifname[0] = '\0';
	}
	ctl_must(client, CTL_RT_ADD, m, sizeof(*m), NULL, NULL);
}

static void
do_delete(char **argv)
{
	struct add ad = { .ad_words = 0 };

	read_options(argv, &ad);
	if (ad.ad_words < 1)
		usage();
	read_destination(ad.ad_word[0], ad.ad_word[2], &ad.ad_route.cr_dst);
	if (ad.ad_words > 1)
		read_gateway(ad.ad_word[1], &ad.ad_route);
	ctl_must(client, CTL_RT_DELETE, &ad.ad_route, sizeof(ad.ad_route), NULL, NULL);
}

/* Takes the old one away only if there is one. */
static void
do_change(char **argv)
{
	struct add ad = { .ad_words = 0 };
	struct ctl_route old = { 0 };

	read_options(argv, &ad);
	if (ad.ad_words < 2)
		usage();
	read_destination(ad.ad_word[0], ad.ad_word[2], &old.cr_dst);
	(void)ctl_call(client, CTL_RT_DELETE, &old, sizeof(old), -1, NULL, NULL);
	do_add(argv);
}

static void
do_get(char **argv)
{
	struct ctl_route m = { 0 };

	if (argv[0] == NULL || argv[1] != NULL)
		usage();
	if (!addr_parse(argv[0], &m.cr_dst.pr_addr))
		fail(argv[0], "not an address");
	m.cr_dst.pr_len = (uint8_t)addr_bits(&m.cr_dst.pr_addr);
	ctl_must(client, CTL_RT_GET, &m, sizeof(m), print_got, argv[0]);
}

static void
do_show(char **argv)
{
	if (argv[0] != NULL)
		usage();
	printf("%-24s %-20s %-7s %5s %5s  %s\n", "Destination", "Gateway", "Flags", "Prio",
	    "Mtu", "Iface");
	ctl_must(client, CTL_RT_LIST, NULL, 0, print_route, NULL);
}

static void
do_flush(char **argv)
{
	if (argv[0] != NULL)
		usage();
	ctl_must(client, CTL_RT_FLUSH, NULL, 0, NULL, NULL);
}

static const struct {
	const char	*name;
	void		(*fn)(char **);
} verbs[] = {
	{ "add", do_add }, { "delete", do_delete }, { "del", do_delete },
	{ "change", do_change }, { "get", do_get }, { "show", do_show },
	{ "flush", do_flush },
};

int
main(int argc, char **argv)
{
	const char *rundir = NULL;
	size_t i;
	int c;

	while ((c = getopt(argc, argv, "+nr:")) != -1)
		switch (c) {
		case 'n':
			break;		/* always numeric */
		case 'r':
			rundir = optarg;
			break;
		default:
			usage();
		}
	argv += optind;
	if (argv[0] == NULL)
		usage();
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, argv[0]) == 0)
			break;
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		usage();
	client = ctl_must_open(rundir);
	verbs[i].fn(argv + 1);
	ctl_close(client);
	return 0;
}
