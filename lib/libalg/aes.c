/* SPDX-License-Identifier: ISC */
/*
 * The choice of BearSSL's implementations.  See aes.h.
 */
#include "libalg/aes.h"

#include <stdint.h>

#define WIDE	(UINTPTR_MAX > 0xffffffff)

const br_block_cbcenc_class *
aes_cbcenc(void)
{
	const br_block_cbcenc_class *c;

	if ((c = br_aes_x86ni_cbcenc_get_vtable()) != NULL ||
	    (c = br_aes_pwr8_cbcenc_get_vtable()) != NULL)
		return c;
	return WIDE ? &br_aes_ct64_cbcenc_vtable : &br_aes_ct_cbcenc_vtable;
}

const br_block_cbcdec_class *
aes_cbcdec(void)
{
	const br_block_cbcdec_class *c;

	if ((c = br_aes_x86ni_cbcdec_get_vtable()) != NULL ||
	    (c = br_aes_pwr8_cbcdec_get_vtable()) != NULL)
		return c;
	return WIDE ? &br_aes_ct64_cbcdec_vtable : &br_aes_ct_cbcdec_vtable;
}

const br_block_ctr_class *
aes_ctr(void)
{
	const br_block_ctr_class *c;

	if ((c = br_aes_x86ni_ctr_get_vtable()) != NULL ||
	    (c = br_aes_pwr8_ctr_get_vtable()) != NULL)
		return c;
	return WIDE ? &br_aes_ct64_ctr_vtable : &br_aes_ct_ctr_vtable;
}

br_ghash
aes_ghash(void)
{
	br_ghash g;

	if ((g = br_ghash_pclmul_get()) != NULL ||
	    (g = br_ghash_pwr8_get()) != NULL)
		return g;
	return WIDE ? &br_ghash_ctmul64 : &br_ghash_ctmul;
}

br_chacha20_run
chacha20_impl(void)
{
	br_chacha20_run c = br_chacha20_sse2_get();

	return c != NULL ? c : &br_chacha20_ct_run;
}

br_poly1305_run
poly1305_impl(void)
{
	br_poly1305_run p = br_poly1305_ctmulq_get();

	return p != NULL ? p : &br_poly1305_ctmul_run;
}
