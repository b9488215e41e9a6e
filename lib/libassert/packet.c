/* SPDX-License-Identifier: ISC */
/*
 * The words that describe a packet (packet.h), and the packet as words.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "libassert/packet.h"
#include "libpf/names.h"

static const char tcp_letters[] = "FSRPAUEW";	/* RFC 9293 section 3.1, from bit 0 up */

struct words {
	char			**wo_at;	/* the next one */
	char			**wo_bad;	/* the one that a complaint is about */
	struct explain_req	*wo_req;
	bool			*wo_json;
	bool			 wo_proto, wo_type;
	char			*wo_err;
	size_t			 wo_errlen;
};

static bool
wrong(struct words *wo, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(wo->wo_err, wo->wo_errlen, fmt, ap);
	va_end(ap);
	return false;
}

/* The next word if it is this one. */
static bool
take(struct words *wo, const char *word)
{
	if (*wo->wo_at == NULL || strcmp(*wo->wo_at, word) != 0)
		return false;
	wo->wo_at++;
	return true;
}

/* What must follow a word; NULL: nothing does. */
static const char *
need(struct words *wo, const char *what)
{
	wo->wo_bad = wo->wo_at;
	if (*wo->wo_at == NULL) {
		(void)wrong(wo, "%s expected at the end", what);
		return NULL;
	}
	return *wo->wo_at++;
}

static bool
number(struct words *wo, const char *what, unsigned long max, unsigned long *out)
{
	const char *s = need(wo, what);
	char *end;

	if (s == NULL)
		return false;
	errno = 0;
	*out = strtoul(s, &end, 0);
	if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || *out > max)
		return wrong(wo, "%s must be a number up to %lu, not '%s'", what, max, s);
	return true;
}

/* A number, or a name of the table. */
static bool
named(struct words *wo, const char *what, const struct pf_word *names, unsigned long max,
    unsigned long *out)
{
	int n = *wo->wo_at == NULL ? -1 : pf_word_number(names, *wo->wo_at);

	if (n < 0)
		return number(wo, what, max, out);
	wo->wo_at++;
	*out = (unsigned long)n;
	return true;
}

static bool
byte(struct words *wo, const char *what, uint8_t *out)
{
	unsigned long n;

	if (!number(wo, what, 255, &n))
		return false;
	*out = (uint8_t)n;
	return true;
}

static bool
word(struct words *wo, const char *what, uint16_t *out)
{
	unsigned long n;

	if (!number(wo, what, 65535, &n))
		return false;
	*out = (uint16_t)n;
	return true;
}

static bool
name_copy(struct words *wo, const char *what, const char *never, char *to, size_t size)
{
	const char *s = need(wo, what);

	if (s == NULL)
		return false;
	if (s[0] == '\0' || strlen(s) >= size)
		return wrong(wo, "%s is not %s", s, what);
	for (const char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || strchr(never, *p) != NULL)
			return wrong(wo, "%s has no such character", what);
	(void)snprintf(to, size, "%s", s);
	return true;
}

/* from A [port N] */
static bool
end(struct words *wo, struct addr *a, uint16_t *port)
{
	const char *s = need(wo, "an address");
	unsigned long n;

	if (s == NULL)
		return false;
	if (strcmp(s, "any") == 0)
		return wrong(wo, "a packet has one address, and 'any' is none: name one");
	if (!addr_parse(s, a) || a->ad_af != AF_INET)
		return wrong(wo, "'%s' is not an IPv4 address", s);
	if (!take(wo, "port"))
		return true;
	if (!named(wo, "the port", pf_services, 65535, &n))
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool
proto(struct words *wo)
{
	unsigned long n;

	if (!named(wo, "the protocol", pf_protocols, 255, &n))
		return false;
	wo->wo_req->er_proto = (uint8_t)n;
	wo->wo_proto = true;
	return true;
}

static bool
flags(struct words *wo)
{
	const char *s = need(wo, "TCP flags"), *at;

	if (s == NULL)
		return false;
	wo->wo_req->er_flags |= EXPLAIN_F_FLAGS;
	if (strcmp(s, "none") == 0)
		return true;
	for (; *s != '\0'; s++) {
		if ((at = strchr(tcp_letters, *s)) == NULL)
			return wrong(wo, "'%c' is no TCP flag: %s or none expected", *s,
			    tcp_letters);
		wo->wo_req->er_tcpflags |= (uint8_t)(1u << (at - tcp_letters));
	}
	return true;
}

static bool
icmp(struct words *wo)
{
	unsigned long n;

	if (!named(wo, "the ICMP type", pf_icmp_types, 255, &n))
		return false;
	wo->wo_req->er_icmp_type = (uint8_t)n;
	wo->wo_type = true;
	return !take(wo, "code") || byte(wo, "the code", &wo->wo_req->er_icmp_code);
}

static bool
fragment(struct words *wo)
{
	if (!word(wo, "the fragment's offset in bytes", &wo->wo_req->er_off))
		return false;
	if (take(wo, "more"))
		wo->wo_req->er_flags |= EXPLAIN_F_MORE;
	else if (wo->wo_req->er_off == 0)
		return wrong(wo, "a fragment at 0 has more behind it: fragment 0 more");
	return true;
}

static bool
came_through(struct words *wo)
{
	unsigned long n;

	if (*wo->wo_at != NULL && **wo->wo_at >= '0' && **wo->wo_at <= '9') {
		wo->wo_req->er_flags |= EXPLAIN_F_SPI;
		if (!number(wo, "the SPI", UINT32_MAX, &n))
			return false;
		wo->wo_req->er_spi = (uint32_t)n;
		return true;
	}
	wo->wo_req->er_flags |= EXPLAIN_F_NAME;
	return name_copy(wo, "the name or SPI of an SA", "\"\\", wo->wo_req->er_name,
	    sizeof(wo->wo_req->er_name));
}

static bool
one(struct words *wo)
{
	struct explain_req *er = wo->wo_req;

	wo->wo_bad = wo->wo_at;
	if (take(wo, "proto"))
		return proto(wo);
	if (take(wo, "from"))
		return end(wo, &er->er_src, &er->er_sport);
	if (take(wo, "to"))
		return end(wo, &er->er_dst, &er->er_dport);
	if (take(wo, "size"))
		return word(wo, "the size", &er->er_size);
	if (take(wo, "ttl"))
		return byte(wo, "the time to live", &er->er_ttl);
	if (take(wo, "tos"))
		return byte(wo, "the type of service", &er->er_tos);
	if (take(wo, "flags"))
		return flags(wo);
	if (take(wo, "icmp-type"))
		return icmp(wo);
	if (take(wo, "fragment"))
		return fragment(wo);
	if (take(wo, "came-through"))
		return came_through(wo);
	if (take(wo, "df"))
		er->er_flags |= EXPLAIN_F_DF;
	else if (take(wo, "broadcast"))
		er->er_flags |= EXPLAIN_F_BCAST;
	else if (wo->wo_json != NULL && take(wo, "-j"))
		*wo->wo_json = true;
	else
		return wrong(wo, "unknown word '%s'", *wo->wo_at);
	return true;
}

static bool
check(struct words *wo)
{
	struct explain_req *er = wo->wo_req;
	bool ports = er->er_sport != 0 || er->er_dport != 0;

	wo->wo_bad = wo->wo_at;
	if (er->er_src.ad_af == 0 || er->er_dst.ad_af == 0)
		return wrong(wo, "from and to are needed");
	if (!wo->wo_proto)
		return wrong(wo, "proto is needed");
	if (ports && er->er_proto != IPPROTO_TCP && er->er_proto != IPPROTO_UDP)
		return wrong(wo, "only tcp and udp have ports");
	if ((er->er_flags & EXPLAIN_F_FLAGS) && er->er_proto != IPPROTO_TCP)
		return wrong(wo, "only tcp has flags");
	if (wo->wo_type && er->er_proto != IPPROTO_ICMP)
		return wrong(wo, "icmp-type needs proto icmp");
	if (!wo->wo_type && er->er_proto == IPPROTO_ICMP)
		er->er_icmp_type = ICMP_ECHO;
	return true;
}

static bool
parse(struct words *wo)
{
	struct explain_req *er = wo->wo_req;

	if (take(wo, "in")) {
		er->er_dir = EXPLAIN_IN;
		wo->wo_bad = wo->wo_at;
		if (!take(wo, "on"))
			return wrong(wo, "on and an interface are expected after in");
		if (!name_copy(wo, "an interface", " \"\\{}(),=<>#$!;",
		    er->er_ifname, sizeof(er->er_ifname)))
			return false;
	} else if (take(wo, "out")) {
		er->er_dir = EXPLAIN_OUT;
	} else {
		return wrong(wo, "in or out is expected");
	}
	while (*wo->wo_at != NULL)
		if (!one(wo))
			return false;
	return check(wo);
}

bool
packet_parse(char **words, struct explain_req *er, bool *json, size_t *bad, char *err,
    size_t errlen)
{
	struct words wo = { .wo_at = words, .wo_bad = words, .wo_req = er, .wo_json = json,
	    .wo_err = err, .wo_errlen = errlen };
	bool ok;

	memset(er, 0, sizeof(*er));
	if (json != NULL)
		*json = false;
	ok = parse(&wo);
	if (bad != NULL)
		*bad = (size_t)(wo.wo_bad - words);
	return ok;
}

/* ---- the way back ---- */

static void
print_end(const char *word, const struct addr *a, uint16_t port, FILE *out)
{
	char buf[ADDR_STRLEN];

	fprintf(out, " %s %s", word, addr_print(a, buf));
	if (port != 0)
		fprintf(out, " port %u", port);
}

/* What a name or number of a table prints as. */
static void
print_named(const char *word, const struct pf_word *names, unsigned n, FILE *out)
{
	const char *name = pf_word_name(names, (int)n);

	if (name != NULL)
		fprintf(out, " %s %s", word, name);
	else
		fprintf(out, " %s %u", word, n);
}

static void
print_flags(uint8_t flags, FILE *out)
{
	fputs(flags == 0 ? " flags none" : " flags ", out);
	for (unsigned i = 0; tcp_letters[i] != '\0'; i++)
		if (flags >> i & 1)
			fputc(tcp_letters[i], out);
}

static void
print_ip(const struct explain_req *er, FILE *out)
{
	if (er->er_size != 0)
		fprintf(out, " size %u", er->er_size);
	if (er->er_ttl != 0)
		fprintf(out, " ttl %u", er->er_ttl);
	if (er->er_tos != 0)
		fprintf(out, " tos %u", er->er_tos);
	if (er->er_flags & EXPLAIN_F_DF)
		fputs(" df", out);
	if (er->er_off != 0 || (er->er_flags & EXPLAIN_F_MORE))
		fprintf(out, " fragment %u%s", er->er_off,
		    er->er_flags & EXPLAIN_F_MORE ? " more" : "");
	if (er->er_flags & EXPLAIN_F_BCAST)
		fputs(" broadcast", out);
}

void
packet_print(const struct explain_req *er, FILE *out)
{
	if (er->er_dir == EXPLAIN_IN)
		fprintf(out, "in on %s", er->er_ifname);
	else
		fputs("out", out);
	print_named("proto", pf_protocols, er->er_proto, out);
	print_end("from", &er->er_src, er->er_sport, out);
	print_end("to", &er->er_dst, er->er_dport, out);
	if (er->er_flags & EXPLAIN_F_FLAGS)
		print_flags(er->er_tcpflags, out);
	if (er->er_proto == IPPROTO_ICMP)
		print_named("icmp-type", pf_icmp_types, er->er_icmp_type, out);
	if (er->er_icmp_code != 0)
		fprintf(out, " code %u", er->er_icmp_code);
	print_ip(er, out);
	if (er->er_flags & EXPLAIN_F_SPI)
		fprintf(out, " came-through 0x%08x", er->er_spi);
	if (er->er_flags & EXPLAIN_F_NAME)
		fprintf(out, " came-through \"%s\"", er->er_name);
}
