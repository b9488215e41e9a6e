/* SPDX-License-Identifier: ISC */
/*
 * The Internet checksum (RFC 1071, 1624).
 *
 * Sums are of 16-bit words as they lie in memory; because the sum of
 * swapped words is the swapped sum, the result may be stored as it is on
 * either byte order.  Eight bytes are added at a time, with the carries
 * kept: sums of 32-bit halves in lanes of 64 bits, so that the loop has no
 * carries to follow.
 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "netinet/ip.h"
#include "netinet/wire.h"

static inline uint64_t
load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Sum of 64-bit words with end-around carry. */
static inline uint64_t
add64(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

/* Two 32-bit halves at a time into two sums: no carries to follow in the loop. */
static const uint8_t *
sum_blocks(const uint8_t *p, size_t blocks, uint64_t *sum)
{
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (; blocks > 0; blocks--, p += 32) {
		uint64_t v0 = load64(p), v1 = load64(p + 8);
		uint64_t v2 = load64(p + 16), v3 = load64(p + 24);

		a += (v0 & 0xffffffff) + (v1 & 0xffffffff);
		b += (v0 >> 32) + (v1 >> 32);
		c += (v2 & 0xffffffff) + (v3 & 0xffffffff);
		d += (v2 >> 32) + (v3 >> 32);
	}
	*sum = add64(add64(*sum, a), add64(b, add64(c, d)));
	return p;
}

#if defined(__x86_64__)
/* The same with four words at a time, where the processor has AVX2. */
__attribute__((target("avx2"))) static const uint8_t *
sum_blocks_avx2(const uint8_t *p, size_t blocks, uint64_t *sum)
{
	const __m256i low = _mm256_set1_epi64x(0xffffffff);
	__m256i a = _mm256_setzero_si256(), b = a;
	uint64_t lane[4];

	for (; blocks > 0; blocks--, p += 32) {
		__m256i v = _mm256_loadu_si256((const __m256i_u *)(const void *)p);

		a = _mm256_add_epi64(a, _mm256_and_si256(v, low));
		b = _mm256_add_epi64(b, _mm256_srli_epi64(v, 32));
	}
	_mm256_storeu_si256((__m256i_u *)(void *)lane, _mm256_add_epi64(a, b));
	for (unsigned i = 0; i < 4; i++)
		*sum = add64(*sum, lane[i]);
	return p;
}

#define VECTOR_MIN	256	/* bytes from which it pays */

static inline const uint8_t *
sum_bulk(const uint8_t *p, size_t len, uint64_t *sum)
{
	if (len >= VECTOR_MIN && __builtin_cpu_supports("avx2"))
		return sum_blocks_avx2(p, len / 32, sum);
	return sum_blocks(p, len / 32, sum);
}
#else
static inline const uint8_t *
sum_bulk(const uint8_t *p, size_t len, uint64_t *sum)
{
	return sum_blocks(p, len / 32, sum);
}
#endif

uint32_t
in_sum(const void *data, size_t len, uint32_t start)
{
	const uint8_t *p = data;
	uint64_t sum = start;
	uint32_t w4 = 0;
	uint16_t w2 = 0;

	if (len >= 32) {
		p = sum_bulk(p, len, &sum);
		len %= 32;
	}
	for (; len >= 8; len -= 8, p += 8)
		sum = add64(sum, load64(p));
	if (len & 4) {
		memcpy(&w4, p, 4);
		sum = add64(sum, w4);
		p += 4;
	}
	if (len & 2) {
		memcpy(&w2, p, 2);
		sum = add64(sum, w2);
		p += 2;
	}
	if (len & 1) {
		/* the last byte is the first of a word whose second is zero */
		w2 = 0;
		memcpy(&w2, p, 1);
		sum = add64(sum, w2);
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

uint16_t
in_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t
in_pseudo(const struct flow_key *k, uint16_t len)
{
	const uint8_t tail[4] = { 0, k->fk_proto, (uint8_t)(len >> 8), (uint8_t)len };

	return in_sum(tail, sizeof(tail), in_sum(k->fk_dstb, 4, in_sum(k->fk_srcb, 4, 0)));
}

uint16_t
in_adjust(uint16_t csum, uint16_t from, uint16_t to)
{
	/* RFC 1624 equation 3: HC' = ~(~HC + ~m + m') */
	uint32_t sum = (uint16_t)~csum + (uint32_t)(uint16_t)~from + to;

	return in_fold(sum);
}

/* Where the unfinished checksum's own two bytes are; NULL if they are not in the packet. */
static uint8_t *
csum_field(const struct pkt *p, size_t *at)
{
	size_t base = (size_t)(p->pkt_csum_base - p->pkt_buf);
	size_t data = (size_t)(p->pkt_data - p->pkt_buf);
	size_t start = base + p->pkt_csum_start;

	if (start < data || start + p->pkt_csum_off + 2 > data + p->pkt_len)
		return NULL;
	*at = start - data;
	return p->pkt_data + *at + p->pkt_csum_off;
}

void
csum_finish(struct pkt *p)
{
	size_t at;
	uint8_t *field;
	uint16_t sum;

	if ((p->pkt_flags & PKT_F_CSUM_PARTIAL) == 0)
		return;
	p->pkt_flags &= (uint16_t)~PKT_F_CSUM_PARTIAL;
	if ((field = csum_field(p, &at)) == NULL)
		return;
	sum = in_fold(in_sum(p->pkt_data + at, p->pkt_len - at, 0));
	/* RFC 768: a sum of zero is sent as all ones; TCP may do the same. */
	set16(field, sum == 0 ? 0xffff : sum);
}
