/* SPDX-License-Identifier: ISC */
/*
 * The engines that there are, fastest first.  A file of its own, so that a
 * program that links the library can bring another list instead, and what
 * that does not name is not linked.
 */
#include "crypto/engine.h"

const struct xform_engine *const xform_engines[] = {
#ifdef HAVE_IPSECMB
	&ipsecmb_engine,
#endif
	&bear_engine,
};

const unsigned xform_nengines = sizeof(xform_engines) / sizeof(xform_engines[0]);
