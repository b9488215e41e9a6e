/* SPDX-License-Identifier: ISC */
/*
 * Traffic selectors as sets (RFC 7296 sections 2.9 and 3.13).
 *
 * A selector is a box: addresses lo..hi, ports lo..hi, one protocol or all.
 * Narrowing is the intersection of two unions of boxes, which is the union of
 * the pairwise intersections; boxes that another box covers are left out.
 * Protocol 0 is the full set, so the meet of 0 and 6 is 6, and 6 and 17 do not
 * meet.  If the result has more boxes than fit, the last ones are left out:
 * narrower is always allowed, wider never.
 */
#include <stdio.h>

#include "libike/ike_msg.h"

void
ike_ts_from_prefix(const struct prefix *p, struct ike_ts *out)
{
	unsigned bits = addr_bits(&p->pr_addr);

	*out = (struct ike_ts){ .ts_lo = p->pr_addr, .ts_hi = p->pr_addr,
	    .ts_port = { 0, UINT16_MAX } };
	addr_mask(&out->ts_lo, p->pr_len);
	for (unsigned i = p->pr_len; i < bits; i++)
		out->ts_hi.ad_bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

/* Section 3.13.1; a selector of a kind that we do not know is passed over. */
static enum ike_parse
ts_parse_one(struct cur *c, struct ike_ts_list *out)
{
	struct ike_ts ts = { .ts_proto = 0 };
	uint8_t type = cur_u8(c);
	size_t alen = type == IKE_TS_IPV6_RANGE ? 16 : 4;
	struct cur body;
	uint16_t len;

	ts.ts_proto = cur_u8(c);
	len = cur_u16(c);
	if (!cur_ok(c) || len < 4)
		return IKE_PARSE_SHORT;
	body = cur_sub(c, len - 4U);
	if (!cur_ok(c))
		return IKE_PARSE_SHORT;
	if (type != IKE_TS_IPV4_RANGE && type != IKE_TS_IPV6_RANGE)
		return IKE_PARSE_OK;
	ts.ts_port.po_lo = cur_u16(&body);
	ts.ts_port.po_hi = cur_u16(&body);
	ts.ts_lo.ad_af = ts.ts_hi.ad_af = alen == 16 ? AF_INET6 : AF_INET;
	(void)cur_copy(&body, ts.ts_lo.ad_bytes, alen);
	(void)cur_copy(&body, ts.ts_hi.ad_bytes, alen);
	if (!cur_end(&body))
		return IKE_PARSE_SHORT;
	if (addr_cmp(&ts.ts_lo, &ts.ts_hi) > 0)
		return IKE_PARSE_SYNTAX;
	/* OPAQUE ports (65535..0) name no set of packets that we could match. */
	if (ts.ts_port.po_lo > ts.ts_port.po_hi)
		return IKE_PARSE_OK;
	if (out->tl_n < IKE_TS_MAX)
		out->tl_ts[out->tl_n++] = ts;
	return IKE_PARSE_OK;
}

enum ike_parse
ike_ts_parse(const void *p, size_t n, struct ike_ts_list *out)
{
	struct cur c = cur_init(p, n);
	unsigned count = cur_u8(&c);
	enum ike_parse e;

	memset(out, 0, sizeof(*out));
	cur_skip(&c, 3);
	if (!cur_ok(&c))
		return IKE_PARSE_SHORT;
	if (count == 0)
		return IKE_PARSE_SYNTAX;
	while (count-- > 0) {
		e = ts_parse_one(&c, out);
		if (e != IKE_PARSE_OK)
			return e;
	}
	return cur_end(&c) ? IKE_PARSE_OK : IKE_PARSE_SHORT;
}

static const struct addr *
addr_max(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) >= 0 ? a : b;
}

static const struct addr *
addr_min(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) <= 0 ? a : b;
}

/* The meet of a and b; false if it is empty. */
static bool
ike_ts_meet(const struct ike_ts *a, const struct ike_ts *b, struct ike_ts *out)
{
	struct ike_ts m = { .ts_proto = 0 };

	if (a->ts_lo.ad_af != b->ts_lo.ad_af)
		return false;
	if (a->ts_proto != 0 && b->ts_proto != 0 && a->ts_proto != b->ts_proto)
		return false;
	m.ts_proto = a->ts_proto != 0 ? a->ts_proto : b->ts_proto;
	m.ts_lo = *addr_max(&a->ts_lo, &b->ts_lo);
	m.ts_hi = *addr_min(&a->ts_hi, &b->ts_hi);
	m.ts_port.po_lo = a->ts_port.po_lo > b->ts_port.po_lo ?
	    a->ts_port.po_lo : b->ts_port.po_lo;
	m.ts_port.po_hi = a->ts_port.po_hi < b->ts_port.po_hi ?
	    a->ts_port.po_hi : b->ts_port.po_hi;
	if (addr_cmp(&m.ts_lo, &m.ts_hi) > 0 ||
	    m.ts_port.po_lo > m.ts_port.po_hi)
		return false;
	*out = m;
	return true;
}

static bool
ike_ts_covers(const struct ike_ts *a, const struct ike_ts *b)
{
	return a->ts_lo.ad_af == b->ts_lo.ad_af &&
	    (a->ts_proto == 0 || a->ts_proto == b->ts_proto) &&
	    addr_cmp(&a->ts_lo, &b->ts_lo) <= 0 &&
	    addr_cmp(&a->ts_hi, &b->ts_hi) >= 0 &&
	    a->ts_port.po_lo <= b->ts_port.po_lo &&
	    a->ts_port.po_hi >= b->ts_port.po_hi;
}

static void
ts_list_add(struct ike_ts_list *tl, const struct ike_ts *ts)
{
	unsigned i, n = 0;

	for (i = 0; i < tl->tl_n; i++)
		if (ike_ts_covers(&tl->tl_ts[i], ts))
			return;
	for (i = 0; i < tl->tl_n; i++)
		if (!ike_ts_covers(ts, &tl->tl_ts[i]))
			tl->tl_ts[n++] = tl->tl_ts[i];
	tl->tl_n = (uint8_t)n;
	if (n < IKE_TS_MAX)
		tl->tl_ts[tl->tl_n++] = *ts;
}

bool
ike_ts_narrow(const struct ike_ts_list *a, const struct ike_ts_list *b,
    struct ike_ts_list *out)
{
	struct ike_ts_list r;
	struct ike_ts m;

	memset(&r, 0, sizeof(r));
	for (unsigned i = 0; i < a->tl_n; i++)
		for (unsigned j = 0; j < b->tl_n; j++)
			if (ike_ts_meet(&a->tl_ts[i], &b->tl_ts[j], &m))
				ts_list_add(&r, &m);
	*out = r;
	return r.tl_n != 0;
}

bool
ike_ts_list_covers(const struct ike_ts_list *a, const struct ike_ts_list *b)
{
	for (unsigned j = 0; j < b->tl_n; j++) {
		bool covered = false;

		for (unsigned i = 0; i < a->tl_n && !covered; i++)
			covered = ike_ts_covers(&a->tl_ts[i], &b->tl_ts[j]);
		if (!covered)
			return false;
	}
	return true;
}

static bool
ts_equal(const struct ike_ts *a, const struct ike_ts *b)
{
	return ike_ts_covers(a, b) && ike_ts_covers(b, a);
}

bool
ike_ts_list_equal(const struct ike_ts_list *a, const struct ike_ts_list *b)
{
	if (a->tl_n != b->tl_n)
		return false;
	for (unsigned i = 0; i < a->tl_n; i++)
		if (!ts_equal(&a->tl_ts[i], &b->tl_ts[i]))
			return false;
	return true;
}

bool
ike_ts_match(const struct ike_ts_list *tl, const struct addr *a, uint8_t proto,
    uint16_t port)
{
	struct ike_ts one = { .ts_lo = *a, .ts_hi = *a,
	    .ts_port = { port, port }, .ts_proto = proto };

	for (unsigned i = 0; i < tl->tl_n; i++)
		if (ike_ts_covers(&tl->tl_ts[i], &one))
			return true;
	return false;
}

/* The prefix length if lo..hi is a prefix, -1 if it is not. */
static int
range_prefix(const struct addr *lo, const struct addr *hi)
{
	for (unsigned len = 0; len <= addr_bits(lo); len++) {
		struct prefix p = { .pr_addr = *lo, .pr_len = (uint8_t)len };
		struct ike_ts ts;

		ike_ts_from_prefix(&p, &ts);
		if (addr_equal(&ts.ts_lo, lo) && addr_equal(&ts.ts_hi, hi))
			return (int)len;
	}
	return -1;
}

static void
ts_print(const struct ike_ts *ts, char *buf, size_t len)
{
	char lo[ADDR_STRLEN], hi[ADDR_STRLEN], addrs[2 * ADDR_STRLEN + 8];
	char proto[16] = "", ports[20] = "";
	int plen = range_prefix(&ts->ts_lo, &ts->ts_hi);

	(void)addr_print(&ts->ts_lo, lo);
	(void)addr_print(&ts->ts_hi, hi);
	if (plen >= 0)
		(void)snprintf(addrs, sizeof(addrs), "%s/%d", lo, plen);
	else
		(void)snprintf(addrs, sizeof(addrs), "%s-%s", lo, hi);
	if (ts->ts_proto != 0)
		(void)snprintf(proto, sizeof(proto), " proto %u", ts->ts_proto);
	if (ts->ts_port.po_lo != 0 || ts->ts_port.po_hi != UINT16_MAX)
		(void)snprintf(ports, sizeof(ports), " port %u:%u",
		    ts->ts_port.po_lo, ts->ts_port.po_hi);
	(void)snprintf(buf, len, "%s%s%s", addrs, proto, ports);
}

char *
ike_ts_list_print(const struct ike_ts_list *tl, char *buf, size_t len)
{
	size_t used = 0;

	if (len == 0)
		return buf;
	buf[0] = '\0';
	for (unsigned i = 0; i < tl->tl_n && used + 1 < len; i++) {
		char one[160];
		int n;

		ts_print(&tl->tl_ts[i], one, sizeof(one));
		n = snprintf(buf + used, len - used, "%s%s", i ? ", " : "", one);
		if (n < 0)
			break;
		used += (size_t)n < len - used ? (size_t)n : len - used - 1;
	}
	return buf;
}
