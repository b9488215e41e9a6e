# SPDX-License-Identifier: ISC
#
# A program: the client of time servers, a static PIE.
# what autoconf made is newer than what it was made of
touch aclocal.m4
find . -name configure -o -name '*.in' | xargs touch
./configure --host="$(uname -m)-linux-musl" CC="$CC" CFLAGS="$CFLAGS" \
    --disable-https-constraint --disable-shared --with-privsep-user=_ntp \
    --with-privsep-path=/var/empty --sysconfdir=/etc --localstatedir=/var
sed -i -e 's|^#define.DRIFTFILE.*|#define DRIFTFILE "/data/etc/ntp.drift"|' \
    -e 's|^#define.CTLSOCKET.*|#define CTLSOCKET "/run/ravelin/ntpd.sock"|' src/ntpd.h
make -j"$JOBS" -C compat
make -j"$JOBS" -C src ntpd
# libtool does not leave the start files of a static PIE where they belong
(cd src && rm ntpd && $CC $PIE -o ntpd ntpd-*.o ../compat/.libs/libcompat*.a $PIE_END)
strip src/ntpd
cp src/ntpd openntpd
done_with openntpd
