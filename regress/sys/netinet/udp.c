/* SPDX-License-Identifier: ISC */
/*
 * The UDP service: what programs ask, what they get, and ESP's ports.
 */
#include <arpa/inet.h>
#include <errno.h>

#include "router.h"
#include "netinet/udp.h"

struct program {
	struct udp_client	pr_client;
	struct udp_msg		pr_msg;		/* the last one */
	uint8_t			pr_data[66000];
	size_t			pr_len;
	unsigned		pr_n;
	bool			pr_full;
};

static struct program one, two;

static bool
program_send(void *arg, const struct udp_msg *m, const void *data, size_t len)
{
	struct program *pr = arg;

	if (pr->pr_full)
		return false;
	pr->pr_msg = *m;
	pr->pr_len = len;
	if (len != 0)
		memcpy(pr->pr_data, data, len);
	pr->pr_n++;
	return true;
}

static void
program_start(struct program *pr)
{
	memset(pr, 0, sizeof(*pr));
	pr->pr_client.uc_send = program_send;
	pr->pr_client.uc_arg = pr;
	udp_client_add(nk, &pr->pr_client);
}

static void
begin(void)
{
	setup();
	program_start(&one);
	program_start(&two);
}

static void
end(void)
{
	udp_client_remove(nk, &one.pr_client);
	udp_client_remove(nk, &two.pr_client);
	teardown();
}

static void
tell(struct program *pr, struct udp_msg m, const void *data, size_t len)
{
	static uint8_t rec[70000];

	memcpy(rec, &m, sizeof(m));
	if (len != 0)
		memcpy(rec + sizeof(m), data, len);
	nk_lock(nk);
	nk->nk_worker[0]->w_now = world_clock(wo);
	udp_client_message(nk->nk_worker[0], &pr->pr_client, rec, sizeof(m) + len);
	nk_unlock(nk);
	world_settle(wo);
}

static int
bind_port(struct program *pr, unsigned port, uint16_t flags)
{
	tell(pr, (struct udp_msg){ .um_op = UDP_BIND, .um_flags = flags,
	    .um_lport = htons((uint16_t)port) }, NULL, 0);
	return pr->pr_msg.um_op == UDP_BOUND ? 0 : pr->pr_msg.um_errno;
}

static struct udp_msg
to(const char *raddr, unsigned rport, unsigned lport, const char *laddr)
{
	struct udp_msg m = { .um_op = UDP_DATA, .um_lport = htons((uint16_t)lport),
	    .um_rport = htons((uint16_t)rport) };

	if (raddr != NULL)
		(void)addr_parse(raddr, &m.um_raddr);
	if (laddr != NULL)
		(void)addr_parse(laddr, &m.um_laddr);
	return m;
}

static struct tp_spec
datagram(unsigned dport, const void *data, size_t len)
{
	return (struct tp_spec){ .tp_src = A, .tp_dst = "10.0.0.1", .tp_proto = 17,
	    .tp_sport = 7000, .tp_dport = (uint16_t)dport, .tp_data = data, .tp_len = len };
}

static void
binding(void)
{
	begin();
	CU_ASSERT_EQUAL(bind_port(&one, 500, UDP_M_BYPASS), 0);
	CU_ASSERT_EQUAL(bind_port(&two, 500, 0), EADDRINUSE);
	CU_ASSERT_EQUAL(bind_port(&one, 500, 0), EADDRINUSE);
	CU_ASSERT_EQUAL(bind_port(&one, 0, 0), EINVAL);
	CU_ASSERT_EQUAL(bind_port(&one, 501, 0x8000), EINVAL);
	CU_ASSERT_FALSE(udp_is_natt(nk, htons(4500)));
	CU_ASSERT_EQUAL(bind_port(&one, 4500, UDP_M_NATT | UDP_M_BYPASS), 0);
	CU_ASSERT_TRUE(udp_is_natt(nk, htons(4500)));
	CU_ASSERT_FALSE(udp_is_natt(nk, htons(500)));
	CU_ASSERT_TRUE(udp_port_bypass(nk, htons(500)));
	CU_ASSERT_FALSE(udp_port_bypass(nk, htons(53)));
	for (unsigned port = 6000; port < 6006; port++)
		CU_ASSERT_EQUAL(bind_port(&one, port, 0), 0);
	CU_ASSERT_EQUAL(bind_port(&one, 6006, 0), ENOSPC);
	test_row("free again when the program ends");
	udp_client_remove(nk, &one.pr_client);
	CU_ASSERT_FALSE(udp_is_natt(nk, htons(4500)));
	CU_ASSERT_EQUAL(bind_port(&two, 500, 0), 0);
	end();
}

static void
delivery(void)
{
	struct addr a;

	begin();
	CU_ASSERT_EQUAL(bind_port(&one, 500, 0), 0);
	CU_ASSERT_EQUAL(bind_port(&two, 501, 0), 0);
	from_a(datagram(500, "hello", 5));
	CU_ASSERT_EQUAL(one.pr_msg.um_op, UDP_DATA);
	CU_ASSERT_EQUAL(one.pr_len, 5);
	TEST_BYTES(one.pr_data, "hello", 5);
	CU_ASSERT_EQUAL(one.pr_msg.um_rport, htons(7000));
	CU_ASSERT_EQUAL(one.pr_msg.um_lport, htons(500));
	(void)addr_parse(A, &a);
	CU_ASSERT_TRUE(addr_equal(&one.pr_msg.um_raddr, &a));
	(void)addr_parse("10.0.0.1", &a);
	CU_ASSERT_TRUE(addr_equal(&one.pr_msg.um_laddr, &a));
	CU_ASSERT_EQUAL(two.pr_n, 1);
	test_row("an empty datagram");
	from_a(datagram(501, NULL, 0));
	CU_ASSERT_EQUAL(two.pr_n, 2);
	CU_ASSERT_EQUAL(two.pr_len, 0);
	test_row("no checksum");
	{
		struct tp_spec s = datagram(500, "x", 1);
		size_t n;

		s.tp_dmac = em0->if_mac;
		n = tp_build(out, &s);
		tp_put16(out + TP_IP + 6, 0);
		wire_put_now(wo, em0, out, n);
		CU_ASSERT_EQUAL(one.pr_n, 3);
		test_row("a wrong checksum");
		tp_put16(out + TP_IP + 6, 1);
		wire_put_now(wo, em0, out, n);
		CU_ASSERT_EQUAL(one.pr_n, 3);
		CU_ASSERT_EQUAL(world_drops(nk, DROP_UDP_CSUM), 1);
	}
	test_row("every length in the header");
	for (unsigned len = 0; len < 40; len++) {
		struct tp_spec s = datagram(500, "0123456789", 10);
		unsigned before = one.pr_n;
		size_t n;

		s.tp_dmac = em0->if_mac;
		n = tp_build(out, &s);
		tp_put16(out + TP_IP + 4, len);
		tp_put16(out + TP_IP + 6, 0);
		wire_put_now(wo, em0, out, n);
		CU_ASSERT_EQUAL(one.pr_n - before, len >= 8 && len <= 18);
		if (one.pr_n != before)
			CU_ASSERT_EQUAL(one.pr_len, len - 8);
	}
	test_row("a program that does not read");
	one.pr_full = true;
	from_a(datagram(500, "x", 1));
	CU_ASSERT_EQUAL(world_drops(nk, DROP_UDP_FULL), 1);
	end();
}

static void
sending(void)
{
	static uint8_t big[UDP_DATA_MAX + 1];
	size_t n;

	begin();
	CU_ASSERT_EQUAL(bind_port(&one, 500, 0), 0);
	tell(&one, to(A, 7000, 500, NULL), "hello", 5);
	n = take(em0);
	CU_ASSERT_EQUAL(n, 33);
	CU_ASSERT_TRUE(tp_valid(GOT_IP, n));
	CU_ASSERT_EQUAL(tp_get16(GOT_L4), 500);
	CU_ASSERT_EQUAL(tp_get16(GOT_L4 + 2), 7000);
	CU_ASSERT_NOT_EQUAL(tp_get16(GOT_L4 + 6), 0);
	TEST_BYTES(GOT_L4 + 8, "hello", 5);
	TEST_BYTES(GOT_IP + 12, "\x0a\x00\x00\x01", 4);
	test_row("from a chosen address");
	tell(&one, to(A, 7000, 500, "10.0.1.1"), "hello", 5);
	CU_ASSERT_EQUAL(take(em0), 33);
	TEST_BYTES(GOT_IP + 12, "\x0a\x00\x01\x01", 4);
	test_row("the other way");
	tell(&one, to(B, 7000, 500, NULL), "hello", 5);
	CU_ASSERT_EQUAL(take(em1), 33);
	TEST_BYTES(GOT_IP + 12, "\x0a\x00\x01\x01", 4);
	test_row("in fragments");
	tell(&one, to(A, 7000, 500, NULL), big, 4000);
	CU_ASSERT_EQUAL(wire_waiting(em0), 3);
	wire_flush(em0);
	test_row("the largest");
	tell(&one, to(A, 7000, 500, NULL), big, UDP_DATA_MAX);
	CU_ASSERT_EQUAL(wire_waiting(em0), 45);
	wire_flush(em0);
	test_row("too large");
	tell(&one, to(A, 7000, 500, NULL), big, UDP_DATA_MAX + 1);
	CU_ASSERT_EQUAL(one.pr_msg.um_errno, EMSGSIZE);
	CU_ASSERT_EQUAL(wire_waiting(em0), 0);
	test_row("between two programs of this host");
	CU_ASSERT_EQUAL(bind_port(&two, 600, 0), 0);
	tell(&one, to("10.0.0.1", 600, 500, NULL), "local", 5);
	CU_ASSERT_EQUAL(two.pr_len, 5);
	CU_ASSERT_EQUAL(two.pr_msg.um_op, UDP_DATA);
	end();
}

static void
refusals(void)
{
	static const struct {
		const char	*name, *raddr, *laddr;
		unsigned	 rport, lport;
		int		 error;
	} cases[] = {
		{ "a port that is not bound", A, NULL, 7000, 501, EBADF },
		{ "no remote port", A, NULL, 0, 500, EINVAL },
		{ "no remote address", NULL, NULL, 7000, 500, EINVAL },
		{ "IPv6", "2001:db8::1", NULL, 7000, 500, EINVAL },
		{ "no route", "192.0.2.1", NULL, 7000, 500, EHOSTUNREACH },
		{ "no route from an address of ours", "192.0.2.1", "10.0.0.1", 7000, 500,
		    EHOSTUNREACH },
		{ "an address that is not ours", A, "10.0.0.9", 7000, 500, EADDRNOTAVAIL },
		{ "an IPv6 address of ours", A, "2001:db8::1", 7000, 500, EADDRNOTAVAIL },
	};
	struct udp_msg m;

	begin();
	CU_ASSERT_EQUAL(bind_port(&one, 500, 0), 0);
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		tell(&one, to(cases[i].raddr, cases[i].rport, cases[i].lport,
		    cases[i].laddr), "x", 1);
		CU_ASSERT_EQUAL(one.pr_msg.um_op, UDP_ERROR);
		CU_ASSERT_EQUAL(one.pr_msg.um_errno, cases[i].error);
		CU_ASSERT_EQUAL(one.pr_len, 1);		/* the datagram, quoted */
		CU_ASSERT_EQUAL(wire_waiting(em0), 0);
	}
	test_row("every length of a record");
	m = to(A, 7000, 500, NULL);
	m.um_op = UDP_BIND;
	m.um_lport = htons(900);
	for (size_t n = 0; n < sizeof(m) + 8; n++) {
		uint8_t rec[sizeof(m) + 8] = { 0 };

		if (n == sizeof(m))
			continue;
		memcpy(rec, &m, sizeof(m));
		nk_lock(nk);
		udp_client_message(nk->nk_worker[0], &one.pr_client, rec, n);
		nk_unlock(nk);
		CU_ASSERT_EQUAL(one.pr_msg.um_op, UDP_ERROR);
		CU_ASSERT_EQUAL(one.pr_msg.um_errno, EINVAL);
	}
	test_row("unknown operations");
	for (unsigned op = 0; op < 300; op++) {
		if (op >= UDP_BIND && op <= UDP_KEEPALIVE)
			continue;
		m.um_op = (uint16_t)op;
		tell(&one, m, NULL, 0);
		CU_ASSERT_EQUAL(one.pr_msg.um_op, UDP_ERROR);
	}
	test_row("and the socket lives on");
	tell(&one, to(A, 7000, 500, NULL), "x", 1);
	CU_ASSERT_EQUAL(take(em0), 29);
	end();
}

static void
sources(void)
{
	struct udp_msg m = to(B, 0, 0, NULL);
	char text[ADDR_STRLEN];

	begin();
	m.um_op = UDP_SOURCE;
	tell(&one, m, NULL, 0);
	CU_ASSERT_EQUAL(one.pr_msg.um_op, UDP_SOURCE);
	TEST_STRING(addr_print(&one.pr_msg.um_laddr, text), "10.0.1.1");
	m = to("192.0.2.1", 0, 0, NULL);
	m.um_op = UDP_SOURCE;
	tell(&one, m, NULL, 0);
	CU_ASSERT_EQUAL(one.pr_msg.um_op, UDP_ERROR);
	CU_ASSERT_EQUAL(one.pr_msg.um_errno, EHOSTUNREACH);
	world_route(nk, "0.0.0.0/0", A);
	tell(&one, m, NULL, 0);
	TEST_STRING(addr_print(&one.pr_msg.um_laddr, text), "10.0.0.1");
	end();
}

static void
natt(void)
{
	struct udp_msg m;

	begin();
	CU_ASSERT_EQUAL(bind_port(&one, 4500, UDP_M_NATT | UDP_M_BYPASS), 0);
	test_row("IKE: the marker is stripped");
	from_a(datagram(4500, "\0\0\0\0IKE message", 15));
	CU_ASSERT_EQUAL(one.pr_msg.um_op, UDP_DATA);
	CU_ASSERT_EQUAL(one.pr_len, 11);
	TEST_BYTES(one.pr_data, "IKE message", 11);
	test_row("IKE: the marker is put");
	tell(&one, to(A, 4500, 4500, NULL), "IKE answer", 10);
	CU_ASSERT_EQUAL(take(em0), 42);
	CU_ASSERT_TRUE(tp_valid(GOT_IP, 42));
	TEST_BYTES(GOT_L4 + 8, "\0\0\0\0IKE answer", 14);
	test_row("keepalives stay here");
	one.pr_n = 0;
	from_a(datagram(4500, "\xff", 1));
	CU_ASSERT_EQUAL(one.pr_n, 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_NATT_KEEPALIVE), 1);
	test_row("keepalives leave");
	m = to(A, 4500, 4500, NULL);
	m.um_op = UDP_KEEPALIVE;
	tell(&one, m, NULL, 0);
	CU_ASSERT_EQUAL(take(em0), 29);
	CU_ASSERT_EQUAL(GOT_L4[8], 0xff);
	test_row("ESP without an SA never reaches the program");
	from_a(datagram(4500, "\0\0\1\2 and more than thirty-two bytes of it", 40));
	CU_ASSERT_EQUAL(one.pr_n, 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_SAD_NOSPI), 1);
	test_row("every short one");
	for (size_t n = 0; n < 8; n++)
		from_a(datagram(4500, "\0\0\1\2\0\0\0\0", n));
	CU_ASSERT_EQUAL(one.pr_n, 0);
	test_row("on an ordinary port the marker is data");
	CU_ASSERT_EQUAL(bind_port(&two, 4501, 0), 0);
	from_a(datagram(4501, "\0\0\0\0IKE message", 15));
	CU_ASSERT_EQUAL(two.pr_len, 15);
	end();
}

/* ---- sizes ---- */

/* A router says of the first n bytes of the packet `got' that it takes mtu at most. */
static void
router_says(unsigned mtu, size_t n, uint8_t code)
{
	uint8_t quoted[64];

	memcpy(quoted, GOT_IP, n);
	from_a((struct tp_spec){ .tp_src = "10.0.0.77", .tp_dst = "10.0.0.1", .tp_proto = 1,
	    .tp_flags = 3, .tp_code = code, .tp_dport = (uint16_t)mtu, .tp_data = quoted,
	    .tp_len = n });
}

static void
sizes(void)
{
	struct udp_msg m = to(A, 7000, 500, NULL);
	static uint8_t big[1472];
	unsigned n;

	begin();
	CU_ASSERT_EQUAL(bind_port(&one, 500, 0), 0);
	test_row("what may be fragmented on the way, and what may not");
	tell(&one, m, big, 100);
	CU_ASSERT_EQUAL(take(em0), 128);
	CU_ASSERT_EQUAL(GOT_IP[6] & 0x40, 0);
	m.um_flags = UDP_M_DF;
	tell(&one, m, big, sizeof(big));
	CU_ASSERT_EQUAL(take(em0), 1500);
	CU_ASSERT_EQUAL(GOT_IP[6], 0x40);
	n = one.pr_n;
	test_row("a router says that it is too large");
	router_says(1400, 28, 4);
	CU_ASSERT_EQUAL(one.pr_n, n + 1);
	CU_ASSERT_EQUAL(one.pr_msg.um_op, UDP_ERROR);
	CU_ASSERT_EQUAL(one.pr_msg.um_errno, EMSGSIZE);
	CU_ASSERT_EQUAL(one.pr_msg.um_mtu, 1400);
	CU_ASSERT_EQUAL(one.pr_msg.um_lport, htons(500));
	CU_ASSERT_EQUAL(one.pr_msg.um_rport, htons(7000));
	CU_ASSERT_TRUE(addr_equal(&one.pr_msg.um_raddr, &m.um_raddr));
	test_row("another error, none of a size, one cut short, one of another port");
	tell(&one, m, big, 100);
	CU_ASSERT_EQUAL(take(em0), 128);
	n = one.pr_n;
	router_says(1400, 28, 5);
	router_says(0, 28, 4);
	router_says(1400, 23, 4);
	GOT_IP[20] ^= 1;
	router_says(1400, 28, 4);
	CU_ASSERT_EQUAL(one.pr_n, n);
	test_row("in fragments as small as is asked");
	m.um_flags = 0;
	m.um_mtu = 232;
	tell(&one, m, big, 372);
	CU_ASSERT_EQUAL(wire_waiting(em0), 2);
	CU_ASSERT_TRUE(take(em0) <= 232);
	CU_ASSERT_EQUAL(GOT_IP[6] & 0x20, 0x20);
	wire_flush(em0);
	test_row("smaller than a fragment may be");
	m.um_mtu = 67;
	tell(&one, m, big, 372);
	CU_ASSERT_EQUAL(one.pr_msg.um_errno, EINVAL);
	CU_ASSERT_EQUAL(wire_waiting(em0), 0);
	test_row("a flag that DATA does not have");
	m.um_mtu = 0;
	m.um_flags = UDP_M_BYPASS;
	tell(&one, m, big, 372);
	CU_ASSERT_EQUAL(one.pr_msg.um_errno, EINVAL);
	CU_ASSERT_EQUAL(wire_waiting(em0), 0);
	test_row("what the way takes");
	m = to(A, 0, 0, NULL);
	m.um_op = UDP_SOURCE;
	tell(&one, m, NULL, 0);
	CU_ASSERT_EQUAL(one.pr_msg.um_mtu, 1500);
	end();
}

/* What ICMP says of a datagram comes with the beginning of its data. */
static void
unreachable(void)
{
	static const struct {
		uint8_t	code;
		int	error;
	} codes[] = {
		{ 0, ENETUNREACH }, { 1, ENETUNREACH }, { 2, ECONNREFUSED }, { 3, ECONNREFUSED },
		{ 9, EACCES }, { 10, EACCES }, { 13, EACCES },
		{ 5, 0 }, { 6, 0 }, { 11, 0 }, { 14, 0 }, { 255, 0 }
	};
	static const char data[] = "sixteen bytes of it, and more";
	struct udp_msg m = to(A, 7000, 500, NULL);

	begin();
	CU_ASSERT_EQUAL(bind_port(&one, 500, 0), 0);
	CU_ASSERT_EQUAL(bind_port(&one, 4500, UDP_M_NATT), 0);
	for (size_t i = 0; i < TEST_COUNT(codes); i++) {
		unsigned n = one.pr_n;

		test_row("code %u", codes[i].code);
		tell(&one, m, data, sizeof(data));
		CU_ASSERT_EQUAL(take(em0), 28 + sizeof(data));
		router_says(1400, 28 + sizeof(data), codes[i].code);
		CU_ASSERT_EQUAL(one.pr_n - n, codes[i].error != 0);
		if (codes[i].error == 0)
			continue;
		CU_ASSERT_EQUAL(one.pr_msg.um_op, UDP_ERROR);
		CU_ASSERT_EQUAL(one.pr_msg.um_errno, codes[i].error);
		CU_ASSERT_EQUAL(one.pr_msg.um_mtu, 0);
		CU_ASSERT_EQUAL(one.pr_msg.um_lport, htons(500));
		CU_ASSERT_TRUE(addr_equal(&one.pr_msg.um_raddr, &m.um_raddr));
		CU_ASSERT_EQUAL_FATAL(one.pr_len, UDP_QUOTE);
		CU_ASSERT_EQUAL(memcmp(one.pr_data, data, UDP_QUOTE), 0);
	}
	test_row("every shorter quotation");
	for (size_t k = 0; k < 28 + UDP_QUOTE; k++) {
		unsigned n = one.pr_n;

		router_says(0, k, 3);
		CU_ASSERT_EQUAL(one.pr_n - n, k >= 28);
		CU_ASSERT_TRUE(k < 28 || one.pr_len == k - 28);
	}
	test_row("behind the non-ESP marker");
	m.um_lport = htons(4500);
	tell(&one, m, data, sizeof(data));
	CU_ASSERT_EQUAL(take(em0), 32 + sizeof(data));
	router_says(0, 32 + UDP_QUOTE, 3);
	CU_ASSERT_EQUAL_FATAL(one.pr_len, UDP_QUOTE);
	CU_ASSERT_EQUAL(memcmp(one.pr_data, data, UDP_QUOTE), 0);
	end();
}

TEST_MAIN(
	TEST("binding", binding),
	TEST("datagrams to programs", delivery),
	TEST("datagrams from programs", sending),
	TEST("refusals", refusals),
	TEST("which address reaches a peer", sources),
	TEST("sizes", sizes),
	TEST("what ICMP says", unreachable),
	TEST("ESP's port", natt))
