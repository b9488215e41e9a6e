#!/bin/sh
# SPDX-License-Identifier: ISC
#
# libalg(3) lists the rows of the table that can be used, and no others.

"$O/rows" >"$TMPDIR/table"
grep '^\.It [a-z].* Ta ' "$TOP/lib/libalg/libalg.3" >"$TMPDIR/manual"
sort "$TMPDIR/table" >"$TMPDIR/a"
sort "$TMPDIR/manual" >"$TMPDIR/b"
[ -s "$TMPDIR/a" ] && diff "$TMPDIR/a" "$TMPDIR/b"
