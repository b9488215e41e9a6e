/* SPDX-License-Identifier: ISC */
/*
 * X25519 on five limbs of 51 bits.  See x25519.h.
 *
 * An element of the field modulo p = 2^255 - 19 is the sum of its limbs
 * times 2^0, 2^51, ... 2^204.  Bounds, on which the absence of overflow
 * rests:
 *	reduced	limbs below 2^51, only limb 1 below 2^51 + 2^17: what
 *		decoding and products give
 *	loose	limbs below 2^53: sums and differences of two reduced ones
 * Products take loose operands: five of at most 2^53 * 19 * 2^53 stay below
 * 2^113, so that a carry fits 64 bits, and 19 times the last one, shifted
 * down again, is what limb 1 may exceed 2^51 by.
 */
#include "libalg/x25519.h"

#include <string.h>

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide;

#define LIMBS	5
#define MASK	(((uint64_t)1 << 51) - 1)

struct fe {
	uint64_t	v[LIMBS];
};

static uint64_t
load(const uint8_t *p)
{
	uint64_t x = 0;

	for (unsigned i = 0; i < 8; i++)
		x |= (uint64_t)p[i] << 8 * i;
	return x;
}

static void
store(uint8_t *p, uint64_t x)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(x >> 8 * i);
}

/* Limb i begins at bit 51 i: bytes 0, 6, 12, 19 and 24, bits 0, 3, 6, 1, 12. */
static struct fe
fe_decode(const uint8_t s[32])
{
	return (struct fe){ { load(s) & MASK, load(s + 6) >> 3 & MASK,
	    load(s + 12) >> 6 & MASK, load(s + 19) >> 1 & MASK,
	    load(s + 24) >> 12 & MASK } };
}

/* Make each limb less than 2^51; returns what is left over of 2^255. */
static uint64_t
fe_carry(struct fe *a)
{
	uint64_t c = 0;

	for (unsigned i = 0; i < LIMBS; i++) {
		a->v[i] += c;
		c = a->v[i] >> 51;
		a->v[i] &= MASK;
	}
	return c;
}

/* The one representative below p, of a reduced element. */
static void
fe_encode(uint8_t out[32], struct fe a)
{
	struct fe t;

	/* 2^255 is 19; twice, since the first 19 may carry once more. */
	a.v[0] += 19 * fe_carry(&a);
	a.v[0] += 19 * fe_carry(&a);

	/* a + 19 reaches 2^255 exactly when a is not below p. */
	t = a;
	t.v[0] += 19;
	a.v[0] += 19 * fe_carry(&t);
	(void)fe_carry(&a);

	store(out, a.v[0] | a.v[1] << 51);
	store(out + 8, a.v[1] >> 13 | a.v[2] << 38);
	store(out + 16, a.v[2] >> 26 | a.v[3] << 25);
	store(out + 24, a.v[3] >> 39 | a.v[4] << 12);
}

/* Of reduced elements. */
static inline struct fe
fe_add(const struct fe *a, const struct fe *b)
{
	struct fe r;

	for (unsigned i = 0; i < LIMBS; i++)
		r.v[i] = a->v[i] + b->v[i];
	return r;
}

/* Of reduced elements; 2p is added so that no limb is negative. */
static inline struct fe
fe_sub(const struct fe *a, const struct fe *b)
{
	struct fe r;

	r.v[0] = a->v[0] + 2 * (MASK - 18) - b->v[0];
	for (unsigned i = 1; i < LIMBS; i++)
		r.v[i] = a->v[i] + 2 * MASK - b->v[i];
	return r;
}

static inline struct fe
fe_reduce(wide r0, wide r1, wide r2, wide r3, wide r4)
{
	struct fe r;
	uint64_t c;

	r1 += (uint64_t)(r0 >> 51);
	r2 += (uint64_t)(r1 >> 51);
	r3 += (uint64_t)(r2 >> 51);
	r4 += (uint64_t)(r3 >> 51);
	c = (uint64_t)(r4 >> 51);
	r.v[1] = (uint64_t)r1 & MASK;
	r.v[2] = (uint64_t)r2 & MASK;
	r.v[3] = (uint64_t)r3 & MASK;
	r.v[4] = (uint64_t)r4 & MASK;

	/* 19 c may have more than 64 bits. */
	r0 = (wide)c * 19 + ((uint64_t)r0 & MASK);
	r.v[0] = (uint64_t)r0 & MASK;
	r.v[1] += (uint64_t)(r0 >> 51);
	return r;
}

static inline struct fe
fe_mul(const struct fe *x, const struct fe *y)
{
	uint64_t a0 = x->v[0], a1 = x->v[1], a2 = x->v[2], a3 = x->v[3];
	uint64_t a4 = x->v[4], b0 = y->v[0], b1 = y->v[1], b2 = y->v[2];
	uint64_t b3 = y->v[3], b4 = y->v[4];
	uint64_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4;

	return fe_reduce(
	    (wide)a0 * b0 + (wide)a1 * c4 + (wide)a2 * c3 + (wide)a3 * c2 +
	    (wide)a4 * c1,
	    (wide)a0 * b1 + (wide)a1 * b0 + (wide)a2 * c4 + (wide)a3 * c3 +
	    (wide)a4 * c2,
	    (wide)a0 * b2 + (wide)a1 * b1 + (wide)a2 * b0 + (wide)a3 * c4 +
	    (wide)a4 * c3,
	    (wide)a0 * b3 + (wide)a1 * b2 + (wide)a2 * b1 + (wide)a3 * b0 +
	    (wide)a4 * c4,
	    (wide)a0 * b4 + (wide)a1 * b3 + (wide)a2 * b2 + (wide)a3 * b1 +
	    (wide)a4 * b0);
}

static inline struct fe
fe_square(const struct fe *x)
{
	uint64_t a0 = x->v[0], a1 = x->v[1], a2 = x->v[2], a3 = x->v[3];
	uint64_t a4 = x->v[4], d0 = 2 * a0, d1 = 2 * a1, d2 = 2 * a2;
	uint64_t c3 = 19 * a3, c4 = 19 * a4;

	return fe_reduce(
	    (wide)a0 * a0 + (wide)d1 * c4 + (wide)d2 * c3,
	    (wide)d0 * a1 + (wide)d2 * c4 + (wide)a3 * c3,
	    (wide)d0 * a2 + (wide)a1 * a1 + (wide)(2 * a3) * c4,
	    (wide)d0 * a3 + (wide)d1 * a2 + (wide)a4 * c4,
	    (wide)d0 * a4 + (wide)d1 * a3 + (wide)a2 * a2);
}

static inline struct fe
fe_small(const struct fe *a, uint32_t n)
{
	return fe_reduce((wide)a->v[0] * n, (wide)a->v[1] * n,
	    (wide)a->v[2] * n, (wide)a->v[3] * n, (wide)a->v[4] * n);
}

static struct fe
fe_squares(struct fe a, unsigned n)
{
	while (n-- > 0)
		a = fe_square(&a);
	return a;
}

/* a^(p - 2) = a^(2^255 - 21): 1 / a, and 0 for 0. */
static struct fe
fe_invert(const struct fe *a)
{
	struct fe t, a9, a11, x5, x10, x20, x40, x50, x100, x200, x250;

	/* xN is a^(2^N - 1) */
	t = fe_squares(*a, 3);
	a9 = fe_mul(&t, a);
	t = fe_square(a);
	a11 = fe_mul(&a9, &t);
	t = fe_square(&a11);
	x5 = fe_mul(&t, &a9);			/* 22 + 9 = 31 */
	t = fe_squares(x5, 5);
	x10 = fe_mul(&t, &x5);
	t = fe_squares(x10, 10);
	x20 = fe_mul(&t, &x10);
	t = fe_squares(x20, 20);
	x40 = fe_mul(&t, &x20);
	t = fe_squares(x40, 10);
	x50 = fe_mul(&t, &x10);
	t = fe_squares(x50, 50);
	x100 = fe_mul(&t, &x50);
	t = fe_squares(x100, 100);
	x200 = fe_mul(&t, &x100);
	t = fe_squares(x200, 50);
	x250 = fe_mul(&t, &x50);
	t = fe_squares(x250, 5);
	return fe_mul(&t, &a11);		/* 2^255 - 32 + 11 */
}

/* Exchange a and b if bit is 1, without a branch. */
static inline void
fe_swap(struct fe *a, struct fe *b, uint64_t bit)
{
	uint64_t mask = 0 - bit, t;

	__asm__ ("" : "+r" (mask));	/* or the compiler finds the branch */
	for (unsigned i = 0; i < LIMBS; i++) {
		t = mask & (a->v[i] ^ b->v[i]);
		a->v[i] ^= t;
		b->v[i] ^= t;
	}
}

/* The ladder's state: n u in p, (n + 1) u in q, both as X / Z. */
struct ladder {
	struct fe	px, pz, qx, qz, u;
};

/* One step (RFC 7748 section 5, whose names these are). */
static void
ladder_step(struct ladder *l)
{
	struct fe a, b, c, d, aa, bb, e, da, cb, t;

	a = fe_add(&l->px, &l->pz);
	b = fe_sub(&l->px, &l->pz);
	c = fe_add(&l->qx, &l->qz);
	d = fe_sub(&l->qx, &l->qz);
	aa = fe_square(&a);
	bb = fe_square(&b);
	e = fe_sub(&aa, &bb);
	da = fe_mul(&d, &a);
	cb = fe_mul(&c, &b);
	t = fe_add(&da, &cb);
	l->qx = fe_square(&t);
	t = fe_sub(&da, &cb);
	t = fe_square(&t);
	l->qz = fe_mul(&l->u, &t);
	l->px = fe_mul(&aa, &bb);
	t = fe_small(&e, 121665);
	t = fe_add(&aa, &t);
	l->pz = fe_mul(&e, &t);
}

void
x25519(uint8_t out[32], const uint8_t k[32], const uint8_t u[32])
{
	struct ladder l = { .px = { { 1 } }, .qz = { { 1 } } };
	uint64_t bit, swap = 0;
	uint8_t n[32];
	struct fe t;

	memcpy(n, k, sizeof(n));
	n[0] &= 248;
	n[31] = (uint8_t)((n[31] & 127) | 64);
	l.u = fe_decode(u);
	l.qx = l.u;
	for (unsigned i = 255; i-- > 0;) {
		bit = n[i / 8] >> i % 8 & 1;
		swap ^= bit;
		fe_swap(&l.px, &l.qx, swap);
		fe_swap(&l.pz, &l.qz, swap);
		swap = bit;
		ladder_step(&l);
	}
	fe_swap(&l.px, &l.qx, swap);
	fe_swap(&l.pz, &l.qz, swap);

	t = fe_invert(&l.pz);
	t = fe_mul(&l.px, &t);
	fe_encode(out, t);
	explicit_bzero(&l, sizeof(l));
	explicit_bzero(&t, sizeof(t));
	explicit_bzero(n, sizeof(n));
}

#else	/* no integers of 128 bits */
#include <bearssl.h>

void
x25519(uint8_t out[32], const uint8_t k[32], const uint8_t u[32])
{
	memmove(out, u, 32);
	(void)br_ec_c25519_m31.mul(out, 32, k, 32, BR_EC_curve25519);
}
#endif
