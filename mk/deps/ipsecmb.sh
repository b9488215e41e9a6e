# SPDX-License-Identifier: ISC
make -j"$JOBS" -C lib SHARED=n CC="$CC" \
    EXTRA_CFLAGS="-U_FORTIFY_SOURCE $CFLAGS" 
done_with $(find . -name libIPSec_MB.a) $(find . -name intel-ipsec-mb.h)
