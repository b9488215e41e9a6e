/* SPDX-License-Identifier: ISC */
/*
 * Protocols (IANA protocol numbers), services (IANA port numbers), ICMP
 * types and codes (RFC 792, 1122, 1812, 950, 1256 and the IANA registry).
 */
#include <stdio.h>
#include <string.h>

#include "libpf/names.h"

const struct pf_word pf_protocols[] = {
	{ "icmp", 1 }, { "igmp", 2 }, { "ipencap", 4 }, { "tcp", 6 }, { "egp", 8 },
	{ "udp", 17 }, { "ipv6", 41 }, { "rsvp", 46 }, { "gre", 47 }, { "esp", 50 },
	{ "ah", 51 }, { "icmp6", 58 }, { "eigrp", 88 }, { "ospf", 89 }, { "etherip", 97 },
	{ "pim", 103 }, { "ipcomp", 108 }, { "carp", 112 }, { "vrrp", 112 },
	{ "l2tp", 115 }, { "sctp", 132 }, { "udplite", 136 },
	{ NULL, 0 }
};

const struct pf_word pf_services[] = {
	{ "ftp-data", 20 }, { "ftp", 21 }, { "ssh", 22 }, { "telnet", 23 }, { "smtp", 25 },
	{ "time", 37 }, { "domain", 53 }, { "bootps", 67 }, { "bootpc", 68 }, { "tftp", 69 },
	{ "finger", 79 }, { "www", 80 }, { "http", 80 }, { "kerberos", 88 }, { "pop3", 110 },
	{ "sunrpc", 111 }, { "auth", 113 }, { "nntp", 119 }, { "ntp", 123 },
	{ "netbios-ns", 137 }, { "netbios-dgm", 138 }, { "netbios-ssn", 139 },
	{ "imap", 143 }, { "snmp", 161 }, { "snmptrap", 162 }, { "bgp", 179 },
	{ "ldap", 389 }, { "https", 443 }, { "microsoft-ds", 445 }, { "submissions", 465 },
	{ "isakmp", 500 }, { "syslog", 514 }, { "printer", 515 }, { "submission", 587 },
	{ "ldaps", 636 }, { "domain-s", 853 }, { "rsync", 873 }, { "imaps", 993 },
	{ "pop3s", 995 }, { "openvpn", 1194 }, { "l2tp", 1701 }, { "pptp", 1723 },
	{ "radius", 1812 }, { "radacct", 1813 }, { "nfs", 2049 }, { "mysql", 3306 },
	{ "rdp", 3389 }, { "ipsec-nat-t", 4500 }, { "sip", 5060 }, { "sips", 5061 },
	{ "mdns", 5353 }, { "postgresql", 5432 },
	{ NULL, 0 }
};

const struct pf_word pf_icmp_types[] = {
	{ "echorep", 0 }, { "unreach", 3 }, { "squench", 4 }, { "redir", 5 },
	{ "althost", 6 }, { "echoreq", 8 }, { "routeradv", 9 }, { "routersol", 10 },
	{ "timex", 11 }, { "paramprob", 12 }, { "timereq", 13 }, { "timerep", 14 },
	{ "inforeq", 15 }, { "inforep", 16 }, { "maskreq", 17 }, { "maskrep", 18 },
	{ "trace", 30 }, { "dataconv", 31 }, { "mobredir", 32 }, { "photuris", 40 },
	{ NULL, 0 }
};

static const struct code {
	const char	*co_name;
	uint8_t		 co_type, co_code;
} icmp_codes[] = {
	{ "net-unr", 3, 0 }, { "host-unr", 3, 1 }, { "proto-unr", 3, 2 }, { "port-unr", 3, 3 },
	{ "needfrag", 3, 4 }, { "srcfail", 3, 5 }, { "net-unk", 3, 6 }, { "host-unk", 3, 7 },
	{ "isolate", 3, 8 }, { "net-prohib", 3, 9 }, { "host-prohib", 3, 10 },
	{ "net-tos", 3, 11 }, { "host-tos", 3, 12 }, { "filter-prohib", 3, 13 },
	{ "host-preced", 3, 14 }, { "cutoff-preced", 3, 15 },
	{ "redir-net", 5, 0 }, { "redir-host", 5, 1 }, { "redir-tos-net", 5, 2 },
	{ "redir-tos-host", 5, 3 },
	{ "normal-adv", 9, 0 }, { "common-adv", 9, 16 },
	{ "transit", 11, 0 }, { "reassemb", 11, 1 },
	{ "badhead", 12, 0 }, { "optmiss", 12, 1 }, { "badlen", 12, 2 },
	{ "unknown-ind", 40, 0 }, { "auth-fail", 40, 1 }, { "decrypt-fail", 40, 2 },
	{ NULL, 0, 0 }
};

int
pf_word_number(const struct pf_word *w, const char *name)
{
	for (; w->pw_name != NULL; w++)
		if (strcmp(w->pw_name, name) == 0)
			return w->pw_number;
	return -1;
}

const char *
pf_word_name(const struct pf_word *w, int number)
{
	for (; w->pw_name != NULL; w++)
		if (w->pw_number == number)
			return w->pw_name;
	return NULL;
}

const char *
pf_protocol_name(uint8_t proto, char buf[static 4])
{
	const char *name = pf_word_name(pf_protocols, proto);

	if (name != NULL)
		return name;
	(void)snprintf(buf, 4, "%u", proto);
	return buf;
}

int
pf_code_number(uint8_t type, const char *name)
{
	for (const struct code *c = icmp_codes; c->co_name != NULL; c++)
		if (c->co_type == type && strcmp(c->co_name, name) == 0)
			return c->co_code;
	return -1;
}

const char *
pf_code_name(uint8_t type, uint8_t code)
{
	for (const struct code *c = icmp_codes; c->co_name != NULL; c++)
		if (c->co_type == type && c->co_code == code)
			return c->co_name;
	return NULL;
}

uint32_t
pf_probability(double share)
{
	double n = share * UINT32_MAX + 0.5;

	if (share >= 1)
		return 0;
	return n < 1 ? 1 : n >= UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)n;
}
