/* SPDX-License-Identifier: ISC */
/*
 * Surroundings in which nothing happens (idle.h).
 */
#include <string.h>

#include "idle.h"

static uint64_t
io_now(void *arg)
{
	(void)arg;
	return 1000;
}

static int64_t
io_date(void *arg)
{
	(void)arg;
	return 1000000;
}

static void
io_random(void *arg, void *buf, size_t n)
{
	(void)arg;
	memset(buf, 7, n);
}

static int
io_key_send(void *arg, struct pfkey_msg *m)
{
	(void)arg;
	(void)m;
	return 0;
}

static void
io_udp_send(void *arg, const struct udp_msg *um, const uint8_t *data, size_t n)
{
	(void)arg;
	(void)um;
	(void)data;
	(void)n;
}

static bool
io_source(void *arg, const struct addr *dst, struct addr *src)
{
	(void)arg;
	(void)dst;
	return addr_parse("192.0.2.1", src);
}

static bool
io_auth(void *arg, uint32_t type, uint32_t id, const struct iked_auth_req *rq)
{
	(void)arg;
	(void)type;
	(void)id;
	(void)rq;
	return true;
}

static void
io_event(void *arg, const struct ike_event *ev, bool keep)
{
	(void)keep;
	(void)arg;
	(void)ev;
}

void
idle_io(struct ikeio *io)
{
	*io = (struct ikeio){ .io_now = io_now, .io_date = io_date,
	    .io_random = io_random, .io_key_send = io_key_send,
	    .io_udp_send = io_udp_send,
	    .io_source = io_source, .io_auth = io_auth, .io_event = io_event };
}
