/* SPDX-License-Identifier: ISC */
/*
 * Surroundings of an ike process in which nothing happens: time stands still, and
 * what is sent goes nowhere.
 */
#ifndef REGRESS_IKED_IDLE_H
#define REGRESS_IKED_IDLE_H

#include "../../../sbin/iked/ikeproc.h"

void	idle_io(struct ikeio *io);

#endif
