# SPDX-License-Identifier: ISC
make -j"$JOBS" CC="$CC" LD="$CC" CFLAGS="$CFLAGS" lib
done_with build/libbearssl.a inc/*.h
