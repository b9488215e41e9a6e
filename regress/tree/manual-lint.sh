#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Every manual is clean mdoc, names itself as its file does, and every
# installed program has one.

cd "$TOP" || exit 1
. "$TOP/regress/cases.sh"

pages=$(find sys lib sbin etc -name '*.[1-9]' -type f 2>/dev/null | sort)
for page in $pages; do
	base=${page##*/}
	mandoc -T lint -W warning "$page"
	verdict $? "$page: mandoc -T lint"
	want=$(echo "${base%.*} ${base##*.}" | tr '[:lower:]' '[:upper:]')
	[ "$(sed -n 's/^\.Dt //p' "$page" | tr '[:lower:]' '[:upper:]')" = "$want" ]
	verdict $? "$page: .Dt is not $want"
	grep -qx '\.Os Ravelin' "$page"
	verdict $? "$page: .Os is not Ravelin"
	grep -q '^\.Sh EXAMPLES' "$page" || [ "${base##*.}" = 4 ]
	verdict $? "$page: no EXAMPLES section"
done
for program in $(sed -n 's/^PROG=[ 	]*//p' sys/Makefile sbin/*/Makefile); do
	echo "$pages" | grep -q "/$program\.[18]$"
	verdict $? "$program: no manual"
done
summary
