/* SPDX-License-Identifier: ISC */
/*
 * Texts of policy that are to be shown without their keys.
 */
#ifndef MASK_H
#define MASK_H

/* Puts stars where keys stand, in place. */
void	mask_keys(char *text);

#endif
