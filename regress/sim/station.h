/* SPDX-License-Identifier: ISC */
/*
 * A station behind each of two gateways sends numbered packets to the other; what
 * arrives twice, changed or at the wrong place is bad().
 */
#ifndef REGRESS_SIM_STATION_H
#define REGRESS_SIM_STATION_H

#include "gateway.h"

/*
 * Virtual time goes on, for gateways and stations.  Station i sends now and then
 * if bit i of senders is set; g_sent, g_got and g_seen tell what arrived.
 */
void	stations_run(struct sim *s, unsigned ms, unsigned senders);

#endif
