#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Only the vector engine needs x86-64: the tree builds without it, and
# nothing in that build links it.  The tests of the engines pass too.

. "$TOP/regress/cases.sh"

make -C "$TOP" all VECTOR=no >"$TMPDIR/log" 2>&1
verdict $? "make VECTOR=no: $(tail -n 20 "$TMPDIR/log")"
portable=$OBJ-portable
test -x "$portable/bin/netkern" && ! readelf -sW "$portable/bin/netkern" | grep -q imb_
verdict $? 'netkern is built, without ipsec-mb'
for dir in sys/crypto lib/libalg; do
	[ -f "$TOP/regress/$dir/Makefile" ] || continue
	make -C "$TOP/regress/$dir" run VECTOR=no >"$TMPDIR/log" 2>&1
	verdict $? "regress/$dir with VECTOR=no: $(tail -n 20 "$TMPDIR/log")"
done

summary
