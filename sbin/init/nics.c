/* SPDX-License-Identifier: ISC */
/*
 * Which network card has which name (see nics.h).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "boot.h"
#include "nics.h"

#define CLASS	"/sys/class/net"
#define SAVED	BOOT_ETC "/nics"

/* ---- the plan ---- */

static int
by_bus(const void *a, const void *b)
{
	const struct nic *x = a, *y = b;
	int order = strcmp(x->ni_bus, y->ni_bus);

	return order != 0 ? order : strcmp(x->ni_linux, y->ni_linux);
}

void
nics_sort(struct nics *ns)
{
	qsort(ns->ns_nic, ns->ns_n, sizeof(ns->ns_nic[0]), by_bus);
}

static bool
is_it(const struct nic *ni, size_t place, const struct seed_nic *want)
{
	switch (want->sn_how) {
	case SEED_NIC_MAC:
		return memcmp(ni->ni_mac, want->sn_mac, 6) == 0;
	case SEED_NIC_PCI:
		return place + 1 == want->sn_place;
	case SEED_NIC_NAME:
		return strcmp(ni->ni_linux, want->sn_linux) == 0;
	}
	return false;
}

size_t
nics_assign(struct nics *ns, const struct seed_nic *want, size_t n,
    void (*missing)(const struct seed_nic *))
{
	size_t lost = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < ns->ns_n && (ns->ns_nic[k].ni_name[0] != '\0' ||
		    !is_it(&ns->ns_nic[k], k, &want[i])))
			k++;
		if (k < ns->ns_n) {
			memcpy(ns->ns_nic[k].ni_name, want[i].sn_name,
			    sizeof(want[i].sn_name));
			continue;
		}
		lost++;
		if (missing != NULL)
			missing(&want[i]);
	}
	return lost;
}

static bool
taken(const struct nics *ns, const char *name)
{
	for (size_t i = 0; i < ns->ns_n; i++) {
		if (strcmp(ns->ns_nic[i].ni_name, name) == 0)
			return true;
	}
	return false;
}

void
nics_default(struct nics *ns)
{
	unsigned lan = 0;
	bool wan = ns->ns_n > 1 && !taken(ns, "wan0");

	for (size_t i = 0; i < ns->ns_n; i++) {
		struct nic *ni = &ns->ns_nic[i];
		char name[16] = "wan0";

		if (ni->ni_name[0] != '\0')
			continue;
		while (!wan) {
			(void)snprintf(name, sizeof(name), "lan%u", lan++);
			if (!taken(ns, name))
				break;
		}
		wan = false;
		memcpy(ni->ni_name, name, sizeof(name));
	}
}

char *
nics_print(const struct nics *ns, const struct seed_nic *want, size_t n)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < ns->ns_n; i++) {
		const struct nic *ni = &ns->ns_nic[i];
		const uint8_t *m = ni->ni_mac;

		fprintf(out, "nic %s mac %02x:%02x:%02x:%02x:%02x:%02x\n",
		    ni->ni_name, m[0], m[1], m[2], m[3], m[4], m[5]);
	}
	for (size_t i = 0; i < n; i++) {
		if (!taken(ns, want[i].sn_name))
			fprintf(out, "nic %s %s\n", want[i].sn_name,
			    want[i].sn_text);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- the machine ---- */

static bool
read_mac(const char *text, uint8_t mac[6])
{
	unsigned v[6];

	if (sscanf(text, "%x:%x:%x:%x:%x:%x", &v[0], &v[1], &v[2], &v[3],
	    &v[4], &v[5]) != 6)
		return false;
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)v[i];
	return true;
}

/* Ethernet, and neither made by a program nor by joining others. */
static bool
is_card(const char *name)
{
	static const char *const not[] = { "tun_flags", "bridge", "bonding" };
	char path[300], text[32];

	(void)snprintf(path, sizeof(path), CLASS "/%s/type", name);
	if (!file_line(path, text, sizeof(text)) || strcmp(text, "1") != 0)
		return false;
	for (size_t i = 0; i < sizeof(not) / sizeof(not[0]); i++) {
		(void)snprintf(path, sizeof(path), CLASS "/%s/%s", name,
		    not[i]);
		if (access(path, F_OK) == 0)
			return false;
	}
	return true;
}

static void
add_card(struct nics *ns, const char *name)
{
	struct nic *ni = &ns->ns_nic[ns->ns_n];
	char path[300], text[64], real[4096];

	if (ns->ns_n == NICS_MAX || strlen(name) >= sizeof(ni->ni_linux))
		return;
	*ni = (struct nic){ 0 };
	(void)snprintf(path, sizeof(path), CLASS "/%s/address", name);
	if (!file_line(path, text, sizeof(text)) ||
	    !read_mac(text, ni->ni_mac))
		return;
	(void)snprintf(path, sizeof(path), CLASS "/%s", name);
	if (realpath(path, real) == NULL)
		return;
	/* the folder of the device, without the name that may change */
	if (strrchr(real, '/') != NULL)
		*strrchr(real, '/') = '\0';
	(void)snprintf(ni->ni_bus, sizeof(ni->ni_bus), "%.199s", real);
	memcpy(ni->ni_linux, name, strlen(name) + 1);
	ns->ns_n++;
}

static void
find_cards(struct nics *ns)
{
	DIR *dir = opendir(CLASS);
	struct dirent *de;

	while (dir != NULL && (de = readdir(dir)) != NULL) {
		if (de->d_name[0] != '.' && is_card(de->d_name))
			add_card(ns, de->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	nics_sort(ns);
}

static bool
rename_card(int fd, const char *from, const char *to)
{
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, from, strlen(from) + 1);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP) != 0) {
		ifr.ifr_flags &= (short)~IFF_UP;
		(void)ioctl(fd, SIOCSIFFLAGS, &ifr);
	}
	memcpy(ifr.ifr_newname, to, strlen(to) + 1);
	return ioctl(fd, SIOCSIFNAME, &ifr) == 0;
}

/* By way of names that nobody has, as two cards may change theirs. */
static bool
rename_all(const struct nics *ns)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char between[16];
	bool ok = fd != -1;

	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < ns->ns_n; i++) {
			const struct nic *ni = &ns->ns_nic[i];
			bool good;

			if (strcmp(ni->ni_linux, ni->ni_name) == 0)
				continue;
			(void)snprintf(between, sizeof(between), "nic-%u",
			    (unsigned)(i & 0xff));
			good = pass == 0 ?
			    rename_card(fd, ni->ni_linux, between) :
			    rename_card(fd, between, ni->ni_name);
			if (good)
				continue;
			loud("card %s cannot be called %s: %s", ni->ni_linux,
			    ni->ni_name, strerror(errno));
			ok = false;
		}
	}
	if (fd != -1)
		close(fd);
	return ok;
}

static void
tell_missing(const struct seed_nic *want)
{
	loud("no network card for %s: %s", want->sn_name, want->sn_text);
}

static void
tell_all(const struct nics *ns)
{
	for (size_t i = 0; i < ns->ns_n; i++) {
		const struct nic *ni = &ns->ns_nic[i];
		const uint8_t *m = ni->ni_mac;

		quiet("%s is the card %02x:%02x:%02x:%02x:%02x:%02x%s%s%s",
		    ni->ni_name, m[0], m[1], m[2], m[3], m[4], m[5],
		    strcmp(ni->ni_linux, ni->ni_name) == 0 ? "" : " (",
		    strcmp(ni->ni_linux, ni->ni_name) == 0 ? "" : ni->ni_linux,
		    strcmp(ni->ni_linux, ni->ni_name) == 0 ? "" : ")");
	}
}

/* Nothing of Linux speaks or listens on the cards. */
static void
silence(void)
{
	static const char *const settings[] = {
		"/proc/sys/net/ipv6/conf/all/disable_ipv6",
		"/proc/sys/net/ipv6/conf/default/disable_ipv6",
	};

	for (size_t i = 0; i < 2; i++) {
		int fd = open(settings[i], O_WRONLY | O_CLOEXEC);

		if (fd == -1)
			continue;
		if (write(fd, "1", 1) != 1)
			quiet("%s: %s", settings[i], strerror(errno));
		close(fd);
	}
}

bool
nics_all_here(const struct seed_nic *want, size_t n)
{
	static struct nics ns;

	ns.ns_n = 0;
	find_cards(&ns);
	return nics_assign(&ns, want, n, NULL) == 0;
}

bool
nics_present(const char *name)
{
	char path[300];

	(void)snprintf(path, sizeof(path), CLASS "/%s", name);
	return access(path, F_OK) == 0;
}

/* What the cards are called: by a new seed if it says so, else as before. */
static void
read_lines(struct seed *seed)
{
	if (access(BOOT_SEED, F_OK) == 0 && seed_nics(seed, BOOT_SEED) &&
	    seed->sd_nnics != 0)
		return;
	if (!seed_nics(seed, SAVED))
		loud(SAVED " is not used: it has errors");
}

int
task_nics(void)
{
	static struct nics ns;
	static struct seed seed;
	bool fresh = access(BOOT_SEED, F_OK) == 0;
	char *lines;

	silence();
	/* netkern is nobody when it makes an interface to Linux */
	(void)chmod("/dev/net/tun", 0666);
	find_cards(&ns);
	if (ns.ns_n == 0) {
		loud("no network card was found");
		return 1;
	}
	read_lines(&seed);
	(void)nics_assign(&ns, seed.sd_nic, seed.sd_nnics, tell_missing);
	nics_default(&ns);
	if (!rename_all(&ns))
		return 1;
	tell_all(&ns);
	lines = nics_print(&ns, seed.sd_nic, seed.sd_nnics);
	if (lines != NULL && !file_replace(fresh ? BOOT_NICS : SAVED, lines,
	    strlen(lines), 0600))
		quiet("%s: %s", fresh ? BOOT_NICS : SAVED, strerror(errno));
	free(lines);
	return 0;
}
