/* SPDX-License-Identifier: ISC */
/*
 * Fuzz: opening of protected IKE messages.  The first byte picks the suite
 * and the offset of the IV, the second whether the message is given as it
 * is, which must not open, or sealed first and then changed where the rest
 * says, which must open only if nothing was changed.
 */
#include <stdlib.h>
#include <string.h>

#include "libalg/sk.h"
#include "libutil/cur.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
zero_fill(void *arg, void *buf, size_t n)
{
	(void)arg;
	memset(buf, 0, n);
}

static bool
suite(struct sk *sk, unsigned n, uint8_t first)
{
	static const enum alg_row encr[] = { ALG_AES_128_GCM,
	    ALG_CHACHA20_POLY1305, ALG_AES_128_CBC, ALG_AES_256_CBC };
	static const enum alg_row integ[] = { ALG_HMAC_SHA2_256,
	    ALG_HMAC_SHA1 };
	const uint8_t key[64] = { first };
	const struct alg *e = &alg_table[encr[n % 4]];
	bool aead = (e->al_flags & ALG_AEAD) != 0;

	return sk_init(sk, e, aead ? NULL : &alg_table[integ[n / 4 % 2]], key,
	    aead ? NULL : key);
}

static void
changed(struct sk *sk, struct cur *c, size_t hdr)
{
	const struct alg_rand rnd = { zero_fill, NULL };
	size_t n = cur_u8(c), len, text, textlen, at;
	uint8_t msg[600] = { 0 }, was[600];
	bool same;

	len = hdr + sk_iv_len(sk) + sk_padded(sk, n) + sk_icv_len(sk);
	sk_pad(sk, &msg[hdr + sk_iv_len(sk)], n);
	if (!sk_seal(sk, msg, hdr, sk_padded(sk, n), &rnd))
		abort();
	memcpy(was, msg, sizeof(msg));
	while (cur_left(c) >= 3) {
		at = cur_u16(c) % len;
		msg[at] ^= cur_u8(c);
	}
	same = memcmp(was, msg, len) == 0;
	if (sk_open(sk, msg, hdr, len, &text, &textlen) != same)
		abort();
	if (same && (textlen != n || text != hdr + sk_iv_len(sk)))
		abort();
}

static void
foreign(struct sk *sk, struct cur *c, size_t hdr)
{
	size_t n = cur_left(c), text, textlen;
	const uint8_t *bytes = cur_bytes(c, n);
	uint8_t *msg = malloc(n + 1);

	if (msg == NULL)
		return;
	if (n > 0)
		memcpy(msg, bytes, n);
	if (sk_open(sk, msg, hdr, n, &text, &textlen))
		abort();
	free(msg);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur c = cur_init(data, size);
	unsigned pick = cur_u8(&c), mode = cur_u8(&c);
	struct sk sk;

	/*
	 * What is sealed and what is foreign have keys of their own: the fuzzer
	 * learns sealed messages by watching comparisons, and replays them.
	 */
	if (!cur_ok(&c) || !suite(&sk, pick, mode & 1))
		return 0;
	if (mode & 1)
		changed(&sk, &c, pick / 8);
	else
		foreign(&sk, &c, pick / 8);
	sk_wipe(&sk);
	return 0;
}
