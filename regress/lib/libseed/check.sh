#!/bin/sh
# SPDX-License-Identifier: ISC
#
# NAME.in is a seed.  With NAME.ok beside it that is what `seed check` says
# of it, with 1; else it is right, and NAME.said all that is said.

. "$TOP/regress/cases.sh"
for in in *.in; do
	name=${in%.in}
	cp "$in" "$TMPDIR/seed.conf"
	chmod 600 "$TMPDIR/seed.conf"
	"$BIN/seed" check "$TMPDIR/seed.conf" >"$TMPDIR/out" 2>&1
	status=$?
	ok=/dev/null want=0
	[ -f "$name.said" ] && ok=$name.said
	[ -f "$name.ok" ] && ok=$name.ok want=1
	[ $status -eq $want ] && diff -u "$ok" "$TMPDIR/out"
	verdict $? "$name: status $status"
done
summary
