/* SPDX-License-Identifier: ISC */
/*
 * ifconfig(8): interfaces of netkern.
 *
 * The words behind the interface's name are read from left to right into
 * steps, and nothing is done before all of them were understood.  Then each
 * step is one request; the first that netkern refuses ends the program.
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

struct step {
	void		(*st_do)(struct ctl_client *, const struct step *);
	uint16_t	 st_op;		/* CTL_IF_*; 0: st_do knows */
	struct ctl_if	 st_if;		/* name set */
	bool		 st_alias;	/* other addresses stay */
	const char	*st_file;	/* of a capture */
	uint32_t	 st_snaplen;
};

struct words {
	char		**wo_v;		/* what is not read yet */
	struct step	*wo_step;	/* as many as there are words, at most */
	size_t		 wo_n;
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
current(struct ctl_client *cl, const struct step *st)
{
	struct ctl_if now = st->st_if;

	ctl_must(cl, CTL_IF_LIST, NULL, 0, remember, &now);
	if (now.ci_index == 0)
		fail(now.ci_name, "no such interface");
	return now;
}

/* ---- what a step does ---- */

static void
request(struct ctl_client *cl, const struct step *st)
{
	ctl_must(cl, st->st_op, &st->st_if, sizeof(st->st_if), NULL, NULL);
}

static _Noreturn void
refused(struct ctl_client *cl)
{
	fprintf(stderr, "ifconfig: %s\n", ctl_error(cl));
	exit(1);
}

static void
remove_others(struct ctl_client *cl, const struct step *st, const struct ctl_if *was)
{
	struct ctl_if ci = st->st_if;
	unsigned i;

	for (i = 0; i < was->ci_naddrs; i++) {
		if (addr_equal(&was->ci_addr[i], &st->st_if.ci_addr[0]))
			continue;
		ci.ci_addr[0] = was->ci_addr[i];
		ci.ci_plen[0] = was->ci_plen[i];
		ctl_must(cl, CTL_IF_ADDR_DEL, &ci, sizeof(ci), NULL, NULL);
	}
}

/* The interface has the address, but with another prefix length. */
static void
change_prefix(struct ctl_client *cl, const struct step *st, uint8_t was)
{
	struct ctl_if old = st->st_if;

	old.ci_plen[0] = was;
	ctl_must(cl, CTL_IF_ADDR_DEL, &old, sizeof(old), NULL, NULL);
	if (ctl_call(cl, CTL_IF_ADDR_ADD, &st->st_if, sizeof(st->st_if), -1, NULL, NULL) == 0)
		return;
	fprintf(stderr, "ifconfig: %s\n", ctl_error(cl));
	ctl_must(cl, CTL_IF_ADDR_ADD, &old, sizeof(old), NULL, NULL);
	exit(1);
}

/* As on BSD: an address replaces the others unless alias is said; and sets up.
 * The others go last: an address that is refused takes none of them away. */
static void
add_address(struct ctl_client *cl, const struct step *st)
{
	struct ctl_if was = current(cl, st), up = st->st_if;
	const struct ctl_if *ci = &st->st_if;
	unsigned i;

	for (i = 0; i < was.ci_naddrs; i++)
		if (addr_equal(&was.ci_addr[i], &ci->ci_addr[0]))
			break;
	if (i == was.ci_naddrs)
		ctl_must(cl, CTL_IF_ADDR_ADD, ci, sizeof(*ci), NULL, NULL);
	else if (was.ci_plen[i] != ci->ci_plen[0])
		change_prefix(cl, st, was.ci_plen[i]);
	if (st->st_alias)
		return;
	remove_others(cl, st, &was);
	up.ci_flags = IF_F_UP;
	ctl_must(cl, CTL_IF_FLAGS, &up, sizeof(up), NULL, NULL);
}

static void
capture(struct ctl_client *cl, const struct step *st)
{
	struct ctl_capture cx = { .cx_snaplen = st->st_snaplen };
	struct stat sb;
	int fd = STDOUT_FILENO;

	memcpy(cx.cx_ifname, st->st_if.ci_name, sizeof(cx.cx_ifname));
	if (strcmp(st->st_file, "-") != 0)
		fd = open(st->st_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0600);
	else if (isatty(fd))
		fail("standard output", "is a terminal; write into a file or a pipe to tcpdump -r -");
	if (fd == -1)
		fail(st->st_file, strerror(errno));
	if (fstat(fd, &sb) == 0 && !S_ISREG(sb.st_mode))
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (ctl_call(cl, CTL_CAPTURE, &cx, sizeof(cx), fd, NULL, NULL) != 0)
		refused(cl);
}

static void
no_capture(struct ctl_client *cl, const struct step *st)
{
	struct ctl_capture cx = { 0 };

	memcpy(cx.cx_ifname, st->st_if.ci_name, sizeof(cx.cx_ifname));
	ctl_must(cl, CTL_CAPTURE, &cx, sizeof(cx), NULL, NULL);
}

/* ---- words ---- */

static void
read_create(struct words *wo, struct step *st)
{
	struct ctl_if *ci = &st->st_if;

	copy_text(ci->ci_driver, sizeof(ci->ci_driver), "driver",
	    next(wo, "the driver: nic, packet, xdp, tap, pcap or pktgen"));
	if (*wo->wo_v != NULL)
		copy_text(ci->ci_arg, sizeof(ci->ci_arg), "argument", *wo->wo_v++);
}

static void
read_up(struct words *wo, struct step *st)
{
	(void)wo;
	st->st_if.ci_flags = IF_F_UP;
}

static void
read_mtu(struct words *wo, struct step *st)
{
	st->st_if.ci_mtu = (uint16_t)number("mtu", next(wo, "the MTU in bytes"), 68, 65535);
}

static void
read_description(struct words *wo, struct step *st)
{
	copy_text(st->st_if.ci_descr, sizeof(st->st_if.ci_descr), "description",
	    next(wo, "the description"));
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
read_inet(struct words *wo, struct step *st)
{
	struct ctl_if *ci = &st->st_if;

	st->st_do = add_address;
	read_address(next(wo, "an address"), ci);
	for (;;) {
		if (next_is(wo, "netmask"))
			ci->ci_plen[0] = mask_bits(next(wo, "the netmask"));
		else if (next_is(wo, "prefixlen"))
			ci->ci_plen[0] = (uint8_t)number("prefixlen",
			    next(wo, "the prefix length"), 1, 32);
		else if (next_is(wo, "alias"))
			st->st_alias = true;
		else if (next_is(wo, "delete") || next_is(wo, "-alias"))
			st->st_do = request;
		else
			break;
	}
	st->st_op = CTL_IF_ADDR_DEL;
	if (st->st_do == add_address && ci->ci_plen[0] == 0)
		fail(ci->ci_name, "say how long the prefix is, such as /24 or netmask 255.255.255.0");
}

static void
read_capture(struct words *wo, struct step *st)
{
	st->st_file = next(wo, "a file, or - for standard output");
	if (next_is(wo, "snaplen"))
		st->st_snaplen = number("snaplen", next(wo, "bytes"), 64, 262144);
}

static const struct {
	const char	*name;
	void		(*read)(struct words *, struct step *);	/* what follows; NULL: nothing */
	void		(*act)(struct ctl_client *, const struct step *);
	uint16_t	 op;
} verbs[] = {
	{ "create", read_create, request, CTL_IF_CREATE },
	{ "destroy", NULL, request, CTL_IF_DESTROY },
	{ "up", read_up, request, CTL_IF_FLAGS },
	{ "down", NULL, request, CTL_IF_FLAGS },
	{ "mtu", read_mtu, request, CTL_IF_MTU },
	{ "description", read_description, request, CTL_IF_DESCR },
	{ "descr", read_description, request, CTL_IF_DESCR },
	{ "-description", NULL, request, CTL_IF_DESCR },
	{ "-descr", NULL, request, CTL_IF_DESCR },
	{ "inet", read_inet, NULL, 0 },		/* knows itself */
	{ "capture", read_capture, capture, 0 },
	{ "-capture", NULL, no_capture, 0 },
};

enum { NVERBS = sizeof(verbs) / sizeof(verbs[0]) };

static void
read_step(struct words *wo, const char *ifname)
{
	struct step *st = &wo->wo_step[wo->wo_n++];
	const char *word = *wo->wo_v;
	size_t i;

	copy_text(st->st_if.ci_name, sizeof(st->st_if.ci_name), "interface", ifname);
	for (i = 0; i < NVERBS && strcmp(verbs[i].name, word) != 0; i++)
		;
	if (i == NVERBS) {
		if (word[0] < '0' || word[0] > '9') {
			fprintf(stderr, "ifconfig: %s: no such word\n", word);
			usage();
		}
		read_inet(wo, st);
		return;
	}
	wo->wo_v++;
	st->st_do = verbs[i].act;
	st->st_op = verbs[i].op;
	if (verbs[i].read != NULL)
		verbs[i].read(wo, st);
}

/* Reads all words, and only then does what they say. */
static void
configure(struct ctl_client *cl, char **argv, size_t argc)
{
	struct words wo = { .wo_v = argv + 1,
	    .wo_step = calloc(argc, sizeof(struct step)) };
	size_t i;

	if (wo.wo_step == NULL)
		fail(argv[0], strerror(errno));
	while (*wo.wo_v != NULL)
		read_step(&wo, argv[0]);
	for (i = 0; i < wo.wo_n; i++)
		wo.wo_step[i].st_do(cl, &wo.wo_step[i]);
	free(wo.wo_step);
}

int
main(int argc, char **argv)
{
	struct ctl_client *cl;
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
	argc -= optind;
	argv += optind;
	cl = ctl_must_open(rundir);
	if (argc > 1)
		configure(cl, argv, (size_t)argc);
	else if (!show(cl, argv[0], json))
		fail(argv[0], "no such interface");
	ctl_close(cl);
	return 0;
}
