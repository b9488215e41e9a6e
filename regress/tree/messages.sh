#!/bin/sh
# SPDX-License-Identifier: ISC
#
# messages(7) has every reason of the IKE core under its id and title, and no
# other.

sed -n '/define IKE_REASONS/,/^$/p' "$TOP/lib/libike/ike.h" |
    sed -n 's/.*X([A-Z_]*,[[:space:]]*"\([^"]*\)",[[:space:]]*"\([^"]*\)").*/\1, \2/p' |
    grep -v '^, $' | sort >"$TMPDIR/code"
sed -n 's/^\.It \([A-Z]*-[0-9]*, .*\)/\1/p' "$TOP/lib/libike/messages.7" |
    sort >"$TMPDIR/manual"
[ "$(wc -l <"$TMPDIR/code")" -ge 28 ] || { echo 'the list was not found'; exit 1; }
diff "$TMPDIR/code" "$TMPDIR/manual"
