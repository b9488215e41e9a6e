/* SPDX-License-Identifier: ISC */
/*
 * Interfaces as text, a block each, and as JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ifconfig.h"
#include "libctl/json.h"
#include "net/if.h"

struct showing {
	const char	*sh_name;	/* NULL: all */
	bool		 sh_json;
	bool		 sh_found;
};

struct bit {
	uint16_t	 bit;
	const char	*name;
};

static const struct bit flags[] = {
	{ IF_F_UP, "UP" }, { IF_F_LOOPBACK, "LOOPBACK" }, { IF_F_ENC, "ENC" },
	{ IF_F_HOST, "HOST" },
	{ IF_F_RUNNING, "RUNNING" },
};

static const struct bit caps[] = {
	{ IF_CAP_CSUM, "CSUM" }, { IF_CAP_TSO, "TSO" }, { IF_CAP_USO, "USO" },
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static void
bits(const char *label, uint16_t value, const struct bit *t, size_t n)
{
	const char *comma = "";
	size_t i;

	printf("%s%x<", label, value);
	for (i = 0; i < n; i++)
		if ((value & t[i].bit) != 0) {
			printf("%s%s", comma, t[i].name);
			comma = ",";
		}
	printf(">");
}

static bool
has_mac(const struct ctl_if *ci)
{
	static const uint8_t none[6];

	return memcmp(ci->ci_mac, none, sizeof(none)) != 0;
}

static char *
mac_print(const uint8_t m[6], char buf[18])
{
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
	    m[4], m[5]);
	return buf;
}

static void
text_addresses(const struct ctl_if *ci)
{
	char text[ADDR_STRLEN];
	uint32_t mask;
	unsigned i;

	for (i = 0; i < ci->ci_naddrs && i < COUNT(ci->ci_addr); i++) {
		addr_print(&ci->ci_addr[i], text);
		if (ci->ci_addr[i].ad_af != AF_INET) {
			printf("\tinet6 %s prefixlen %u\n", text, ci->ci_plen[i]);
			continue;
		}
		mask = ci->ci_plen[i] == 0 ? 0 : 0xffffffffu << (32 - ci->ci_plen[i]);
		printf("\tinet %s netmask 0x%08" PRIx32 "  (/%u)\n", text, mask,
		    ci->ci_plen[i]);
	}
}

static void
text_one(const struct ctl_if *ci)
{
	char mac[18];

	printf("%s: ", ci->ci_name);
	bits("flags=", ci->ci_flags, flags, COUNT(flags));
	printf(" mtu %u\n", ci->ci_mtu);
	if (ci->ci_descr[0] != '\0')
		printf("\tdescription: %s\n", ci->ci_descr);
	if (has_mac(ci))
		printf("\tlladdr %s\n", mac_print(ci->ci_mac, mac));
	printf("\tindex %u driver %s%s%s", ci->ci_index, ci->ci_driver,
	    ci->ci_arg[0] != '\0' ? " " : "", ci->ci_arg);
	if (ci->ci_mode[0] != '\0')
		printf(" by %s", ci->ci_mode);
	if (ci->ci_caps != 0)
		bits(" options=", ci->ci_caps, caps, COUNT(caps));
	printf("\n");
	text_addresses(ci);
}

static void
json_one(const struct ctl_if *ci)
{
	char text[ADDR_STRLEN];
	unsigned i;

	json_object(NULL);
	json_string("name", ci->ci_name);
	json_number("index", ci->ci_index);
	json_bool("up", (ci->ci_flags & IF_F_UP) != 0);
	json_bool("running", (ci->ci_flags & IF_F_RUNNING) != 0);
	json_number("mtu", ci->ci_mtu);
	json_string("driver", ci->ci_driver);
	json_string("argument", ci->ci_arg);
	json_string("mode", ci->ci_mode);
	json_string("description", ci->ci_descr);
	json_string("lladdr", mac_print(ci->ci_mac, text));
	json_array("addresses");
	for (i = 0; i < ci->ci_naddrs && i < COUNT(ci->ci_addr); i++) {
		json_object(NULL);
		json_string("address", addr_print(&ci->ci_addr[i], text));
		json_number("prefixlen", ci->ci_plen[i]);
		json_object_end();
	}
	json_array_end();
	json_number("ipackets", ci->ci_ipackets);
	json_number("ibytes", ci->ci_ibytes);
	json_number("idrops", ci->ci_idrops);
	json_number("opackets", ci->ci_opackets);
	json_number("obytes", ci->ci_obytes);
	json_number("odrops", ci->ci_odrops);
	json_object_end();
}

/* A name, or a group of interfaces ("em"). */
static bool
wanted(const char *want, const char *name)
{
	size_t n = strlen(want);

	return strcmp(want, name) == 0 || (strncmp(want, name, n) == 0 &&
	    strspn(name + n, "0123456789") == strlen(name + n) &&
	    strpbrk(want, "0123456789") == NULL);
}

static void
one(void *arg, const void *body, size_t len)
{
	struct showing *sh = arg;
	struct ctl_if ci;

	if (len != sizeof(ci))
		return;
	memcpy(&ci, body, sizeof(ci));
	if (sh->sh_name != NULL && !wanted(sh->sh_name, ci.ci_name))
		return;
	sh->sh_found = true;
	if (sh->sh_json)
		json_one(&ci);
	else
		text_one(&ci);
}

bool
show(struct ctl_client *cl, const char *name, bool json)
{
	struct showing sh = { .sh_name = name, .sh_json = json };

	if (json) {
		json_begin();
		json_array("interfaces");
	}
	ctl_must(cl, CTL_IF_LIST, NULL, 0, one, &sh);
	if (json) {
		json_array_end();
		json_end();
	}
	return sh.sh_found || name == NULL;
}
