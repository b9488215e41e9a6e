/* SPDX-License-Identifier: ISC */
#ifndef LIBPFKEY_LEGAL_H
#define LIBPFKEY_LEGAL_H

#include "libpfkey/pfkey.h"

/* 0, EINVAL or EOPNOTSUPP with the reason in *why. */
int	legal_check(const struct pfkey_msg *m, enum pfkey_from from, const char **why);

#endif
