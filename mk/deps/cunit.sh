# SPDX-License-Identifier: ISC
for f in CUnit/Sources/Framework/*.c CUnit/Sources/Basic/*.c \
    CUnit/Sources/Automated/*.c; do
	$CC $CFLAGS -DVERSION='"2.1-3"' -ICUnit/Headers -c "$f" \
	    -o "$(basename "$f" .c).o"
done
ar rcs libcunit.a *.o
include_dir=CUnit
done_with libcunit.a CUnit/Headers/*.h
