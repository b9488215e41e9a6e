/* SPDX-License-Identifier: ISC */
/*
 * Which of BearSSL's implementations to use on this processor: the
 * instructions of x86-64 or POWER where there are some, else constant-time
 * code for its word size.  Never tables: their time tells the key.
 *
 * Each call asks the processor, which is slow under a hypervisor: call once
 * and keep the answer where speed matters.
 */
#ifndef LIBALG_AES_H
#define LIBALG_AES_H

#include <bearssl.h>

const br_block_cbcenc_class *aes_cbcenc(void);
const br_block_cbcdec_class *aes_cbcdec(void);
const br_block_ctr_class *aes_ctr(void);
br_ghash aes_ghash(void);
br_chacha20_run chacha20_impl(void);
br_poly1305_run poly1305_impl(void);

#endif
