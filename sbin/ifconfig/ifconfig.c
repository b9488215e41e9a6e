/* SPDX-License-Identifier: ISC */
/*
 * ifconfig(8): interfaces of netkern.
 *
 * The words behind the interface's name are read from left to right, and
 * each is one request; the first that is refused ends the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ifconfig.h"
#include "net/if.h"

struct words {
	char		**wo_v;
	struct ctl_client *wo_client;
	struct ctl_if	 wo_if;		/* name set */
};

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: ifconfig [-aj] [-r rundir] [interface]\n"
	    "       ifconfig [-r rundir] interface create driver [argument]\n"
	    "       ifconfig [-r rundir] interface destroy\n"
	    "       ifconfig [-r rundir] interface [inet] address[/bits] [netmask mask]\n"
	    "                [alias | delete] [up | down] [mtu n] [description text]\n"
	    "       ifconfig [-r rundir] interface capture file [snaplen n] | -capture\n");
	exit(1);
}

static _Noreturn void
fail(const char *what, const char *why)
{
	fprintf(stderr, "ifconfig: %s: %s\n", what, why);
	exit(1);
}

static const char *
next(struct words *wo, const char *what)
{
	if (*wo->wo_v == NULL) {
		fprintf(stderr, "ifconfig: a word is missing: %s\n", what);
		exit(1);
	}
	return *wo->wo_v++;
}

static bool
next_is(struct words *wo, const char *word)
{
	if (*wo->wo_v == NULL || strcmp(*wo->wo_v, word) != 0)
		return false;
	wo->wo_v++;
	return true;
}

static unsigned
number(const char *what, const char *text, unsigned least, unsigned most)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || v < least || v > most) {
		fprintf(stderr, "ifconfig: %s %s: not a number from %u to %u\n", what, text,
		    least, most);
		exit(1);
	}
	return (unsigned)v;
}

static void
ask(struct words *wo, uint16_t op, const struct ctl_if *ci)
{
	ctl_must(wo->wo_client, op, ci, sizeof(*ci), NULL, NULL);
}

static void
copy_text(char *dst, size_t size, const char *what, const char *text)
{
	if (strlen(text) >= size) {
		fprintf(stderr, "ifconfig: %s: longer than %zu letters\n", what, size - 1);
		exit(1);
	}
	memset(dst, 0, size);
	memcpy(dst, text, strlen(text));
}

/* ---- what is there now ---- */

static void
remember(void *arg, const void *body, size_t len)
{
	struct ctl_if *now = arg, ci;

	if (len != sizeof(ci))
		return;
	memcpy(&ci, body, sizeof(ci));
	if (strncmp(ci.ci_name, now->ci_name, sizeof(ci.ci_name)) == 0)
		*now = ci;
}

static struct ctl_if
current(struct words *wo)
{
	struct ctl_if now = wo->wo_if;

	ctl_must(wo->wo_client, CTL_IF_LIST, NULL, 0, remember, &now);
	if (now.ci_index == 0)
		fail(now.ci_name, "no such interface");
	return now;
}

/* ---- words ---- */

static void
do_create(struct words *wo)
{
	struct ctl_if ci = wo->wo_if;

	copy_text(ci.ci_driver, sizeof(ci.ci_driver), "driver",
	    next(wo, "the driver: nic, packet, xdp, tap, pcap or pktgen"));
	if (*wo->wo_v != NULL)
		copy_text(ci.ci_arg, sizeof(ci.ci_arg), "argument", *wo->wo_v++);
	ask(wo, CTL_IF_CREATE, &ci);
}

static void
do_destroy(struct words *wo)
{
	ask(wo, CTL_IF_DESTROY, &wo->wo_if);
}

static void
set_up(struct words *wo, bool up)
{
	struct ctl_if ci = wo->wo_if;

	ci.ci_flags = up ? IF_F_UP : 0;
	ask(wo, CTL_IF_FLAGS, &ci);
}

static void
do_up(struct words *wo)
{
	set_up(wo, true);
}

static void
do_down(struct words *wo)
{
	set_up(wo, false);
}

static void
do_mtu(struct words *wo)
{
	struct ctl_if ci = wo->wo_if;

	ci.ci_mtu = (uint16_t)number("mtu", next(wo, "the MTU in bytes"), 68, 65535);
	ask(wo, CTL_IF_MTU, &ci);
}

static void
do_description(struct words *wo)
{
	struct ctl_if ci = wo->wo_if;

	copy_text(ci.ci_descr, sizeof(ci.ci_descr), "description", next(wo, "the description"));
	ask(wo, CTL_IF_DESCR, &ci);
}

static void
do_no_description(struct words *wo)
{
	ask(wo, CTL_IF_DESCR, &wo->wo_if);
}

static uint8_t
mask_bits(const char *text)
{
	unsigned bits;
	const char *why = netmask_parse(text, &bits);

	if (why != NULL || bits == 0)
		fail(text, why != NULL ? why : "no host has this netmask");
	return (uint8_t)bits;
}

/* address[/bits] */
static void
read_address(const char *text, struct ctl_if *ci)
{
	char buf[ADDR_STRLEN + 4];
	char *slash;

	copy_text(buf, sizeof(buf), "address", text);
	slash = strchr(buf, '/');
	if (slash != NULL)
		*slash = '\0';
	if (!addr_parse(buf, &ci->ci_addr[0]))
		fail(text, "not an address such as 192.0.2.1/24");
	if (ci->ci_addr[0].ad_af != AF_INET)
		fail(text, "IPv6 is not supported by this netkern");
	if (slash != NULL)
		ci->ci_plen[0] = (uint8_t)number("prefix length", slash + 1, 1, 32);
}

static void
remove_others(struct words *wo, const struct ctl_if *keep)
{
	struct ctl_if now = current(wo), ci = wo->wo_if;
	unsigned i;

	for (i = 0; i < now.ci_naddrs && i < 16; i++) {
		if (addr_equal(&now.ci_addr[i], &keep->ci_addr[0]))
			continue;
		ci.ci_addr[0] = now.ci_addr[i];
		ci.ci_plen[0] = now.ci_plen[i];
		ask(wo, CTL_IF_ADDR_DEL, &ci);
	}
}

/* As on BSD: an address replaces the others unless alias is said; and sets up. */
static void
do_inet(struct words *wo)
{
	struct ctl_if ci = wo->wo_if;
	bool alias = false, del = false;
	struct ctl_if now;
	unsigned i;

	read_address(next(wo, "an address"), &ci);
	for (;;) {
		if (next_is(wo, "netmask"))
			ci.ci_plen[0] = mask_bits(next(wo, "the netmask"));
		else if (next_is(wo, "prefixlen"))
			ci.ci_plen[0] = (uint8_t)number("prefixlen",
			    next(wo, "the prefix length"), 1, 32);
		else if (next_is(wo, "alias"))
			alias = true;
		else if (next_is(wo, "delete") || next_is(wo, "-alias"))
			del = true;
		else
			break;
	}
	if (del) {
		ask(wo, CTL_IF_ADDR_DEL, &ci);
		return;
	}
	if (ci.ci_plen[0] == 0)
		fail(wo->wo_if.ci_name, "say how long the prefix is, such as /24 or netmask 255.255.255.0");
	if (!alias)
		remove_others(wo, &ci);
	now = current(wo);
	for (i = 0; i < now.ci_naddrs && i < 16; i++)
		if (addr_equal(&now.ci_addr[i], &ci.ci_addr[0]) &&
		    now.ci_plen[i] == ci.ci_plen[0])
			return;		/* is there already */
	ask(wo, CTL_IF_ADDR_ADD, &ci);
	if (!alias)
		set_up(wo, true);
}

static void
do_capture(struct words *wo)
{
	const char *file = next(wo, "a file, or - for standard output");
	struct ctl_capture cx = { 0 };
	struct stat st;
	int fd = STDOUT_FILENO;

	memcpy(cx.cx_ifname, wo->wo_if.ci_name, sizeof(cx.cx_ifname));
	if (next_is(wo, "snaplen"))
		cx.cx_snaplen = number("snaplen", next(wo, "bytes"), 64, 262144);
	if (strcmp(file, "-") != 0)
		fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0600);
	else if (isatty(fd))
		fail("standard output", "is a terminal; write into a file or a pipe to tcpdump -r -");
	if (fd == -1)
		fail(file, strerror(errno));
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (ctl_call(wo->wo_client, CTL_CAPTURE, &cx, sizeof(cx), fd, NULL, NULL) != 0) {
		fprintf(stderr, "ifconfig: %s\n", ctl_error(wo->wo_client));
		exit(1);
	}
}

static void
do_no_capture(struct words *wo)
{
	struct ctl_capture cx = { 0 };

	memcpy(cx.cx_ifname, wo->wo_if.ci_name, sizeof(cx.cx_ifname));
	ctl_must(wo->wo_client, CTL_CAPTURE, &cx, sizeof(cx), NULL, NULL);
}

static const struct {
	const char	*name;
	void		(*fn)(struct words *);
} verbs[] = {
	{ "create", do_create }, { "destroy", do_destroy }, { "up", do_up },
	{ "down", do_down }, { "mtu", do_mtu }, { "description", do_description },
	{ "descr", do_description }, { "-description", do_no_description },
	{ "-descr", do_no_description }, { "inet", do_inet }, { "capture", do_capture },
	{ "-capture", do_no_capture },
};

static void
run(struct words *wo)
{
	const char *word = *wo->wo_v;
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, word) == 0) {
			wo->wo_v++;
			verbs[i].fn(wo);
			return;
		}
	if (word[0] < '0' || word[0] > '9') {
		fprintf(stderr, "ifconfig: %s: no such word\n", word);
		usage();
	}
	do_inet(wo);
}

int
main(int argc, char **argv)
{
	struct words wo = { 0 };
	const char *rundir = NULL;
	bool json = false;
	int c;

	while ((c = getopt(argc, argv, "+ajr:")) != -1)
		switch (c) {
		case 'a':
			break;
		case 'j':
			json = true;
			break;
		case 'r':
			rundir = optarg;
			break;
		default:
			usage();
		}
	argv += optind;
	wo.wo_client = ctl_must_open(rundir);
	if (argv[0] == NULL || argv[1] == NULL) {
		if (!show(wo.wo_client, argv[0], json))
			fail(argv[0], "no such interface");
		ctl_close(wo.wo_client);
		return 0;
	}
	copy_text(wo.wo_if.ci_name, sizeof(wo.wo_if.ci_name), "interface", argv[0]);
	wo.wo_v = argv + 1;
	while (*wo.wo_v != NULL)
		run(&wo);
	ctl_close(wo.wo_client);
	return 0;
}
