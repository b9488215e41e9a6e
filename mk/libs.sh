#!/bin/sh
# SPDX-License-Identifier: ISC
#
# libs.sh TOP NAME... : the named libraries and all that those name in the
# LIBS= of their Makefiles, each once, users before what they use.

top=$1; shift
seen=' ' todo=$*
while :; do
	set -- $todo; [ $# -gt 0 ] || break; name=$1; shift; todo=$*
	case $seen in *" $name "*) continue;; esac
	seen="$seen$name "
	mk=$top/lib/lib$name/Makefile
	[ "$name" = netkern ] && mk=$top/sys/Makefile
	[ -f "$mk" ] || mk=$top/sbin/$name/Makefile
	[ -f "$mk" ] || continue
	todo="$todo $(sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' "$mk" |
	    sed -n 's/^LIBS[ 	]*[+?:]*=//p' | tr '\n\t' '  ')"
done
echo $seen
