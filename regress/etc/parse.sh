#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Each file of etc/ and each example is accepted by the program that reads it,
# and so is what a default file shows in its comments.

passed=0 failed=0
accepted() {	# FILE NAME
	case ${2##*/} in
	lighttpd.conf) return ;;	# regress/web starts it
	pf*) program='pfctl -nf' ;;
	seed*) program='seed check' ;;
	*) program='ipsecctl -nf' ;;
	esac
	if "$BIN/"$program "$1" >"$TMPDIR/log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $program $2"
		cat "$TMPDIR/log"
	fi
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

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
