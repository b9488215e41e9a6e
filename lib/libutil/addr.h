/* SPDX-License-Identifier: ISC */
/*
 * One address of either family, an address with a prefix length, and a
 * range of ports: what rules, policies, selectors, SAs and flows are made of.
 *
 * Bytes are in network order.  An IPv4 address stands in the first four
 * bytes and the other twelve are zero, so that two addresses of one family
 * are equal exactly if their sixteen bytes are.
 */
#ifndef LIBUTIL_ADDR_H
#define LIBUTIL_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>

struct addr {
	uint8_t		ad_af;		/* AF_INET, AF_INET6; 0 none */
	uint8_t		ad_pad[7];	/* zero */
	union {
		uint8_t		ad_bytes[16];
		struct in_addr	ad_v4;
		struct in6_addr	ad_v6;
		uint32_t	ad_u32[4];
		uint64_t	ad_u64[2];
	};
};

struct prefix {
	struct addr	pr_addr;	/* host bits are zero */
	uint8_t		pr_len;		/* 0..32 or 0..128 */
	uint8_t		pr_pad[7];
};

/* Host byte order, both ends included; 0..65535 is any. */
struct port_range {
	uint16_t	po_lo;
	uint16_t	po_hi;
};

#define ADDR_STRLEN	46		/* INET6_ADDRSTRLEN */
#define PREFIX_STRLEN	(ADDR_STRLEN + 4)

static inline struct addr
addr_v4(struct in_addr in)
{
	struct addr a = { .ad_af = AF_INET };

	a.ad_v4 = in;
	return a;
}

static inline bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return a->ad_af == b->ad_af && a->ad_u64[0] == b->ad_u64[0] &&
	    a->ad_u64[1] == b->ad_u64[1];
}

static inline unsigned
addr_bits(const struct addr *a)
{
	return a->ad_af == AF_INET6 ? 128 : 32;
}

/* Parse "192.0.2.1" or "2001:db8::1"; false if it is neither. */
bool	addr_parse(const char *text, struct addr *out);
/* Parse "192.0.2.0/24", a bare address (full length) or "any" is NOT known here. Host bits are cleared. */
bool	prefix_parse(const char *text, struct prefix *out);
/* "255.255.255.0" or "0xffffff00" as a prefix length: NULL, or what is wrong. */
const char *netmask_parse(const char *text, unsigned *len);
/* Both write a terminated string to buf of at least the named length and return buf. */
char	*addr_print(const struct addr *a, char buf[ADDR_STRLEN]);
char	*prefix_print(const struct prefix *p, char buf[PREFIX_STRLEN]);
bool	prefix_match(const struct prefix *p, const struct addr *a);
/* b lies wholly within a */
bool	prefix_covers(const struct prefix *a, const struct prefix *b);
/* Clears the bits behind the first len. */
void	addr_mask(struct addr *a, unsigned len);
/* memcmp order; families first */
int	addr_cmp(const struct addr *a, const struct addr *b);

#endif
