# SPDX-License-Identifier: ISC
#
# Debian's source package holds no configure script, and making one needs
# autoconf: its portable C files are compiled as they are.
S=src/libsodium
sed -e 's/@VERSION@/1.0.18/' -e 's/@SODIUM_LIBRARY_VERSION_MAJOR@/10/' \
    -e 's/@SODIUM_LIBRARY_VERSION_MINOR@/3/' \
    -e 's/@SODIUM_LIBRARY_MINIMAL_DEF@//' \
    $S/include/sodium/version.h.in >$S/include/sodium/version.h
little=
case $(uname -m) in x86_64 | aarch64) little="-DNATIVE_LITTLE_ENDIAN -DHAVE_TI_MODE" ;; esac
cat >each.mk <<END
O:=	$(find $S -name '*.c' | sed 's/\.c$/.o/' | tr '\n' ' ')
libsodium.a: \$(O)
	ar rcs \$@ \$(O)
%.o: %.c
	$CC $CFLAGS -DCONFIGURED=1 -D_GNU_SOURCE -DHAVE_SYS_MMAN_H -DHAVE_MMAP \\
	    -DHAVE_MPROTECT -DHAVE_MLOCK -DHAVE_MADVISE -DHAVE_POSIX_MEMALIGN \\
	    -DHAVE_NANOSLEEP -DHAVE_SYS_RANDOM_H -DHAVE_GETRANDOM \\
	    -DHAVE_EXPLICIT_BZERO -DHAVE_PTHREAD -DHAVE_WEAK_SYMBOLS $little \\
	    -I$S/include -I$S/include/sodium -c \$< -o \$@
END
make -f each.mk -j"$JOBS"
mkdir -p "$out/include/sodium"
cp $S/include/sodium/*.h "$out/include/sodium"
done_with libsodium.a $S/include/sodium.h
