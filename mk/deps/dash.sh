# SPDX-License-Identifier: ISC
#
# A program: the shell of the appliance, a static PIE.
# what autoconf made is newer than what it was made of
touch aclocal.m4
find . -name configure -o -name '*.in' | xargs touch
./configure --host="$(uname -m)-linux-musl" CC="$CC" CFLAGS="$CFLAGS" \
    --without-libedit --disable-fnmatch --disable-glob
# Debian's privileged mode is a file that the makefiles do not know yet
make -j"$JOBS" -C src CC="$CC" builtins.h nodes.h syntax.h token.h token_vars.h signames.c
(cd src && $CC $CFLAGS -include ../config.h -I. -I.. -DBSD=1 -DSHELL -c priv.c)
make -j"$JOBS" -C src LDFLAGS="$PIE" LIBS="priv.o $PIE_END" dash
strip src/dash
cp src/dash dash
done_with dash
