# SPDX-License-Identifier: ISC
#
# Its three archives as one.
make -j"$JOBS" -C library CC="$CC" CFLAGS="$CFLAGS" static
mkdir all
for a in crypto x509 tls; do
	(cd all && ar x ../library/libmbed$a.a)
done
ar rcs libmbedtls.a all/*.o
include_dir=mbedtls
done_with libmbedtls.a include/mbedtls/*.h
mkdir -p "$out/include/psa"
cp include/psa/*.h "$out/include/psa"
