# SPDX-License-Identifier: ISC
#
# nasm's passes over jumps (-Ox, its default) take most of the time of this
# build and gain nothing measurable: -O1.
sed -i 's/-Xgnu -gdwarf/-Xgnu -O1/' lib/Makefile
make -j"$JOBS" -C lib SHARED=n CC="$CC" EXTRA_CFLAGS="-U_FORTIFY_SOURCE $CFLAGS"
done_with lib/libIPSec_MB.a lib/intel-ipsec-mb.h
