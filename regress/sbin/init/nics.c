/* SPDX-License-Identifier: ISC */
/*
 * Which card gets which name.
 */
#include "../../../sbin/init/nics.h"
#include "test.h"

static struct nics ns;
static char lost[100];

static void
missing(const struct seed_nic *want)
{
	size_t n = strlen(lost);

	(void)snprintf(lost + n, sizeof(lost) - n, "%s ", want->sn_name);
}

static void
cards(unsigned n)
{
	memset(&ns, 0, sizeof(ns));
	lost[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		struct nic *ni = &ns.ns_nic[i];

		/* Linux finds them backwards */
		(void)snprintf(ni->ni_linux, sizeof(ni->ni_linux), "eth%zu",
		    (n - 1 - i) & 7);
		(void)snprintf(ni->ni_bus, sizeof(ni->ni_bus),
		    "/sys/devices/pci0000:00/0000:00:%02zx.0/net", i + 3);
		ni->ni_mac[5] = (uint8_t)(i + 1);
	}
	ns.ns_n = n;
	nics_sort(&ns);
}

static const char *
names(void)
{
	static char text[200];

	text[0] = '\0';
	for (size_t i = 0; i < ns.ns_n; i++) {
		size_t n = strlen(text);

		(void)snprintf(text + n, sizeof(text) - n, "%s%s",
		    i == 0 ? "" : " ", ns.ns_nic[i].ni_name);
	}
	return text;
}

static void
by_themselves(void)
{
	static const struct { size_t n; const char *names; } cases[] = {
		{ 0, "" },
		{ 1, "lan0" },
		{ 2, "wan0 lan0" },
		{ 4, "wan0 lan0 lan1 lan2" },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%zu cards", cases[i].n);
		cards(cases[i].n);
		nics_default(&ns);
		TEST_STRING(names(), cases[i].names);
	}
}

static void
by_lines(void)
{
	static const struct seed_nic want[] = {
		{ .sn_name = "lan0", .sn_how = SEED_NIC_PCI, .sn_place = 1,
		    .sn_text = "pci 1" },
		{ .sn_name = "wan0", .sn_how = SEED_NIC_MAC,
		    .sn_mac = { 0, 0, 0, 0, 0, 3 },
		    .sn_text = "mac 00:00:00:00:00:03" },
		{ .sn_name = "dmz0", .sn_how = SEED_NIC_NAME,
		    .sn_linux = "eth0", .sn_text = "name eth0" },
		{ .sn_name = "gone0", .sn_how = SEED_NIC_MAC,
		    .sn_mac = { 9 }, .sn_text = "mac 09:00:00:00:00:00" },
		{ .sn_name = "far0", .sn_how = SEED_NIC_PCI, .sn_place = 5,
		    .sn_text = "pci 5" },
	};
	char *text;

	cards(4);
	CU_ASSERT_EQUAL(nics_assign(&ns, want, TEST_COUNT(want), missing), 2);
	TEST_STRING(lost, "gone0 far0 ");
	nics_default(&ns);
	TEST_STRING(names(), "lan0 lan1 wan0 dmz0");
	text = nics_print(&ns, want, TEST_COUNT(want));
	TEST_STRING(text, "nic lan0 mac 00:00:00:00:00:01\n"
	    "nic lan1 mac 00:00:00:00:00:02\n"
	    "nic wan0 mac 00:00:00:00:00:03\n"
	    "nic dmz0 mac 00:00:00:00:00:04\n"
	    "nic gone0 mac 09:00:00:00:00:00\n"
	    "nic far0 pci 5\n");
	free(text);
}

/* A card that comes between two others does not take a name away. */
static void
kept(void)
{
	struct seed_nic want[2] = {
		{ .sn_name = "wan0", .sn_mac = { 0, 0, 0, 0, 0, 2 } },
		{ .sn_name = "lan0", .sn_mac = { 0, 0, 0, 0, 0, 3 } },
	};

	cards(3);
	CU_ASSERT_EQUAL(nics_assign(&ns, want, 2, missing), 0);
	nics_default(&ns);
	TEST_STRING(names(), "lan1 wan0 lan0");
	TEST_STRING(lost, "");
}

TEST_MAIN(
	TEST("in the order of the bus", by_themselves),
	TEST("by lines of a seed", by_lines),
	TEST("a new card changes no names", kept))
