/* SPDX-License-Identifier: ISC */
/*
 * Which modules are loaded for which device, and in which order.
 */
#include "../../../sbin/init/modules.h"
#include "test.h"

static char list[] =
	"virtio\n"
	"virtio_ring virtio\n"
	"virtio_pci virtio virtio_ring\n"
	"failover\n"
	"net_failover failover\n"
	"virtio-net virtio virtio_ring failover net_failover\n"
	"e1000";
static char alias[] =
	"pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n"
	"virtio:d00000001v* virtio_net\n"
	"pci:v00008086d0000100Esv*sd*bc*sc*i* e1000\n"
	"pci:v00008086d0000100Esv*sd*bc*sc*i* not_listed\n";
static char boot[] = "e1000\n\nvirtio_ring\n";

static struct modules mo;

static const char *
plan(void)
{
	static char text[500];

	text[0] = '\0';
	for (size_t i = 0; i < mo.mo_n; i++) {
		size_t n = strlen(text);

		(void)snprintf(text + n, sizeof(text) - n, "%s%s",
		    i == 0 ? "" : " ", mo.mo_plan[i]);
	}
	return text;
}

static void
begin(void)
{
	mo = (struct modules){ .mo_list = list, .mo_alias = alias,
	    .mo_boot = boot };
}

static void
dependencies(void)
{
	begin();
	CU_ASSERT(modules_want(&mo, "virtio_net"));	/* '-' and '_' are the same */
	TEST_STRING(plan(), "virtio virtio_ring failover net_failover virtio-net");
	CU_ASSERT(modules_want(&mo, "virtio_pci"));
	CU_ASSERT(modules_want(&mo, "virtio_net"));
	CU_ASSERT(modules_want(&mo, "ext4"));		/* in the kernel */
	TEST_STRING(plan(), "virtio virtio_ring failover net_failover "
	    "virtio-net virtio_pci");
}

static void
devices(void)
{
	begin();
	CU_ASSERT_EQUAL(modules_match(&mo,
	    "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00"), 2);
	TEST_STRING(plan(), "e1000");
	CU_ASSERT_EQUAL(modules_match(&mo, "usb:v1d6Bp0002"), 0);
	CU_ASSERT_EQUAL(modules_match(&mo, "virtio:d00000001v00001AF4"), 1);
	TEST_STRING(plan(), "e1000 virtio virtio_ring failover net_failover "
	    "virtio-net");
}

static void
always(void)
{
	begin();
	modules_boot(&mo);
	TEST_STRING(plan(), "e1000 virtio virtio_ring");
}

static void
nothing(void)
{
	mo = (struct modules){ 0 };
	modules_boot(&mo);
	CU_ASSERT_EQUAL(modules_match(&mo, "pci:v1"), 0);
	CU_ASSERT(modules_want(&mo, "x"));
	TEST_STRING(plan(), "");
}

TEST_MAIN(
	TEST("what a module needs comes before it", dependencies),
	TEST("devices find their modules", devices),
	TEST("modules of every start", always),
	TEST("no files", nothing))
