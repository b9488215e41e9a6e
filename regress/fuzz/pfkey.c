/* SPDX-License-Identifier: ISC */
/*
 * PF_KEYv2 messages: the codec in both directions, there and back, the text,
 * and the key socket of a router that takes whatever it is sent.
 */
#include <stdlib.h>

#include "netkey/key.h"
#include "netipsec/ipsec.h"
#include "libpfkey/pfkey.h"
#include "sys/testwire.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct world *wo;
static struct nk *nk;
static struct key_socket ks[2];
static FILE *null;

/* What netkern sends is always legal. */
static bool
hear(void *arg, const void *msg, size_t len)
{
	struct pfkey_msg m;

	(void)arg;
	if (pfkey_parse(msg, len, PFKEY_FROM_KERNEL, &m, NULL) != 0)
		abort();
	return true;
}

static void
start(void)
{
	null = fopen("/dev/null", "w");
	wo = world_new(1);
	nk = world_router(wo, "r", 1);
	(void)world_if(wo, nk, "em0", "192.0.2.1/24", 1500);
	nk_lock(nk);
	for (int i = 0; i < 2; i++) {
		ks[i].ks_send = hear;
		key_socket_add(nk, &ks[i]);
	}
	ks[1].ks_private = true;
	ks[1].ks_registered = ~0u;
}

/* Parsed, built, parsed, built: the same bytes the second time. */
static void
there_and_back(const uint8_t *data, size_t size, enum pfkey_from from)
{
	static uint8_t one[PFKEY_MSG_MAX], two[PFKEY_MSG_MAX];
	struct pfkey_msg m, again;
	size_t n, k;

	if (pfkey_parse(data, size, from, &m, NULL) != 0)
		return;
	pfkey_print(null, &m, PFKEY_PRINT_KEYS);
	if ((n = pfkey_build(&m, one, sizeof(one))) == 0)
		return;
	if (pfkey_parse(one, n, from, &again, NULL) != 0)
		abort();
	k = pfkey_build(&again, two, sizeof(two));
	if (k != n || memcmp(one, two, n) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned runs;
	size_t n;

	if (nk == NULL)
		start();
	if (size > PFKEY_MSG_MAX)
		return 0;
	there_and_back(data, size, PFKEY_FROM_USER);
	there_and_back(data, size, PFKEY_FROM_KERNEL);
	/* Messages one behind the other, each as long as it says. */
	for (; size >= 16; data += n, size -= n) {
		n = (data[4] + data[5] * 256u) * 8;
		if (n < 16 || n > size)
			n = size;
		key_message(nk, world_clock(wo), &ks[0], data, n);
	}
	if (++runs % 64 == 0) {
		sad_flush(nk, 0);
		spd_flush(nk);
		nk_unlock(nk);
		world_run(wo, NSEC_PER_SEC);
		nk_lock(nk);
	}
	return 0;
}
