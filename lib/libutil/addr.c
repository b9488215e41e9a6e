/* SPDX-License-Identifier: ISC */
/*
 * Addresses and prefixes: parse, print, compare (see addr.h).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "libutil/addr.h"

bool
addr_parse(const char *text, struct addr *out)
{
	struct addr a = { 0 };

	if (inet_pton(AF_INET, text, &a.ad_v4) == 1)
		a.ad_af = AF_INET;
	else if (inet_pton(AF_INET6, text, &a.ad_v6) == 1)
		a.ad_af = AF_INET6;
	else
		return false;
	*out = a;
	return true;
}

static bool
prefix_length(const char *text, unsigned max, unsigned *len)
{
	unsigned v = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (unsigned)(*text - '0');
		if (v > max)
			return false;
	}
	*len = v;
	return true;
}

bool
prefix_parse(const char *text, struct prefix *out)
{
	struct prefix p = { 0 };
	char host[ADDR_STRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned len;

	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (!addr_parse(host, &p.pr_addr))
		return false;
	len = addr_bits(&p.pr_addr);
	if (slash != NULL && !prefix_length(slash + 1, len, &len))
		return false;
	p.pr_len = (uint8_t)len;
	addr_mask(&p.pr_addr, len);
	*out = p;
	return true;
}

const char *
netmask_parse(const char *text, unsigned *len)
{
	struct in_addr in;
	unsigned long v;
	uint32_t m, rest;
	char *end;

	if (inet_pton(AF_INET, text, &in) == 1) {
		m = ntohl(in.s_addr);
	} else {
		v = strtoul(text, &end, 16);
		if (strncmp(text, "0x", 2) != 0 || *end != '\0' || v > UINT32_MAX)
			return "not a netmask such as 255.255.255.0";
		m = (uint32_t)v;
	}
	rest = ~m;
	if ((rest & (rest + 1)) != 0)
		return "not a netmask: ones must stand in front of zeroes";
	*len = (unsigned)__builtin_popcount(m);
	return NULL;
}

char *
addr_print(const struct addr *a, char buf[ADDR_STRLEN])
{
	if ((a->ad_af != AF_INET && a->ad_af != AF_INET6) ||
	    inet_ntop(a->ad_af, a->ad_bytes, buf, ADDR_STRLEN) == NULL)
		(void)snprintf(buf, ADDR_STRLEN, "none");
	return buf;
}

char *
prefix_print(const struct prefix *p, char buf[PREFIX_STRLEN])
{
	char host[ADDR_STRLEN];

	(void)addr_print(&p->pr_addr, host);
	if (p->pr_len == addr_bits(&p->pr_addr))
		(void)snprintf(buf, PREFIX_STRLEN, "%s", host);
	else
		(void)snprintf(buf, PREFIX_STRLEN, "%s/%u", host, p->pr_len);
	return buf;
}

void
addr_mask(struct addr *a, unsigned len)
{
	for (unsigned i = 0; i < sizeof(a->ad_bytes); i++) {
		unsigned keep = len > i * 8 ? len - i * 8 : 0;

		if (keep < 8)
			a->ad_bytes[i] &= (uint8_t)(0xff00u >> keep);
	}
}

bool
prefix_match(const struct prefix *p, const struct addr *a)
{
	struct addr masked = *a;

	if (p->pr_addr.ad_af != a->ad_af)
		return false;
	addr_mask(&masked, p->pr_len);
	return addr_equal(&masked, &p->pr_addr);
}

bool
prefix_covers(const struct prefix *a, const struct prefix *b)
{
	return a->pr_len <= b->pr_len && prefix_match(a, &b->pr_addr);
}

int
addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->ad_af != b->ad_af)
		return a->ad_af < b->ad_af ? -1 : 1;
	return memcmp(a->ad_bytes, b->ad_bytes, sizeof(a->ad_bytes));
}
