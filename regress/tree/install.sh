#!/bin/sh
# SPDX-License-Identifier: ISC
#
# `make install` into an empty DESTDIR: each program, manual and default
# file arrives, programs are stripped, nothing lands outside PREFIX and /etc,
# and a second install does not touch a configuration that was edited.

. "$TOP/regress/cases.sh"

dest=$TMPDIR/dest
make -C "$TOP" install DESTDIR="$dest" PREFIX=/opt/ravelin >"$TMPDIR/log" 2>&1
status=$?
verdict $status "make install: exit status $status: $(grep -F "***" "$TMPDIR/log")"

for makefile in "$TOP"/sys/Makefile "$TOP"/sbin/*/Makefile; do
	program=$(sed -n 's/^PROG=[ 	]*//p' "$makefile")
	[ -n "$program" ] || continue
	file=$dest/opt/ravelin/sbin/$program
	test -x "$file"
	verdict $? "$program: not installed"
	[ -z "$(nm "$file" 2>/dev/null)" ]
	verdict $? "$program: not stripped"
done
for page in $(cd "$TOP" && find sys lib sbin etc -name '*.[1-9]' -type f 2>/dev/null); do
	test -f "$dest/opt/ravelin/share/man/man${page##*.}/${page##*/}"
	verdict $? "$page: not installed"
done

stray=$(cd "$dest" && find . -type f ! -path './opt/ravelin/*' ! -path './etc/*')
[ -z "$stray" ]
verdict $? "outside PREFIX and /etc: $stray"

for conf in $(cd "$dest" && find etc -type f -name '*.conf' 2>/dev/null); do
	echo '# edited' >>"$dest/$conf"
done
make -C "$TOP" install DESTDIR="$dest" PREFIX=/opt/ravelin >"$TMPDIR/log" 2>&1
verdict $? "second make install: $(grep -F "***" "$TMPDIR/log")"
for conf in $(cd "$dest" && find etc -type f -name '*.conf' 2>/dev/null); do
	tail -n 1 "$dest/$conf" | grep -q '^# edited$'
	verdict $? "/$conf: an edited file was overwritten"
done

summary
