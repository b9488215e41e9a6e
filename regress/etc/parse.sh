#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Each file of etc/ and each example is accepted by the program that reads it,
# and so is what a default file shows in its comments.

. "$TOP/regress/cases.sh"
case_failed() { cat "$TMPDIR/log"; }
accepted() {	# FILE NAME
	case ${2##*/} in
	lighttpd.conf) return ;;	# regress/web starts it
	pf*) program='pfctl -nf' ;;
	seed*) program='seed check' ;;
	*) program='ipsecctl -nf' ;;
	esac
	"$BIN/"$program "$1" >"$TMPDIR/log" 2>&1
	verdict $? "$program $2"
}

for file in "$TOP"/etc/*.conf "$TOP"/etc/examples/*.conf; do
	[ -f "$file" ] || continue
	accepted "$file" "${file#"$TOP"/}"
done
umask 077
head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$TMPDIR/branch.key"
for name in iked.conf ipsec.conf; do
	sed -n '/^# ikev2/,/^[^#]*$/s/^#[ 	]*//p' "$TOP/etc/$name" |
	    sed "s|/etc/branch.key|$TMPDIR/branch.key|" >"$TMPDIR/$name"
	grep -q '^ikev2.* esp' "$TMPDIR/$name" || echo 'no rule' >"$TMPDIR/$name"
	accepted "$TMPDIR/$name" "the comment in $name"
done

summary
