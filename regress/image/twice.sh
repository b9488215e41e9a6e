#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The image is packed again, elsewhere, at another time of day and with
# another umask: the same bytes.

[ "$(uname -m)" = x86_64 ] || { echo 'the image is for x86_64'; exit 77; }
umask 077
sleep 2		# the FAT's smallest unit of time
again=$TMPDIR/obj
TZ=Asia/Tokyo make -s -f "$TOP/mk/image.mk" WORK="$again" IMAGE="$again/ravelin.img" >"$TMPDIR/log" 2>&1 || {
	cat "$TMPDIR/log"
	exit 1
}
cmp "$TOP/obj/ravelin.img" "$again/ravelin.img" || exit 1
echo '1 passed, 0 failed'
