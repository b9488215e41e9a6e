# SPDX-License-Identifier: ISC
#
# Only the core: the loop, timers and signals.
CC="$CC" CFLAGS="$CFLAGS" ./configure --disable-shared --enable-static \
    --disable-openssl --disable-samples --disable-libevent-regress \
    --disable-debug-mode
for goal in include/event2/event-config.h libevent_core.la; do
	make -j"$JOBS" ACLOCAL=: AUTOMAKE=: AUTOCONF=: AUTOHEADER=: $goal
done
include_dir=event2
done_with .libs/libevent_core.a include/event2/*.h
