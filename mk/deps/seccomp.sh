# SPDX-License-Identifier: ISC
CC="$CC" CFLAGS="$CFLAGS" ./configure --disable-shared --enable-static
make -j"$JOBS" ACLOCAL=: AUTOMAKE=: AUTOCONF=: AUTOHEADER=: -C include
make -j"$JOBS" ACLOCAL=: AUTOMAKE=: AUTOCONF=: AUTOHEADER=: -C src libseccomp.la
done_with src/.libs/libseccomp.a include/seccomp.h include/seccomp-syscalls.h
