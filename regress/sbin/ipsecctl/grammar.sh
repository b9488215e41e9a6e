#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Each grammar/NAME.in is read by ipsecctl -nvkf; what it prints, errors
# included, is in NAME.ok.  refuse-*.in must fail and print no rule; the
# others must load, and what was printed must load again to the same text.
# Key files are copied first: a checkout may have made them readable by all.
# No netkern runs here: interfaces.sh has names of interfaces that load.
#
# `UPDATE=1 sh grammar.sh` writes the .ok files: read the difference.

export RAVELIN_RUN="$TMPDIR/nowhere"
cp -R grammar/. "$TMPDIR" || exit 1
chmod 600 "$TMPDIR"/inc/*.key
ok=$PWD/grammar
cd "$TMPDIR" || exit 1
passed=0 failed=0

fail() {
	echo "FAILED $1: $2"
	failed=$((failed + 1))
}

for in in *.in; do
	name=${in%.in}
	"$BIN/ipsecctl" -nvkf - <"$in" >out 2>err
	rc=$?
	cat out err >all
	[ -n "$UPDATE" ] && cp all "$ok/$name.ok"
	if ! diff -u "$ok/$name.ok" all; then
		fail "$name" "not as in $name.ok"
		continue
	fi
	case $name in
	refuse-*)
		if [ $rc -ne 1 ] || [ -s out ]; then
			fail "$name" "exit $rc, or a rule was printed"
			continue
		fi;;
	*)
		if [ $rc -ne 0 ] || [ -s err ]; then
			fail "$name" "exit $rc"
			continue
		fi
		"$BIN/ipsecctl" -nvkf - <out >again 2>&1
		if ! diff -u out again; then
			fail "$name" "what was printed loads to something else"
			continue
		fi;;
	esac
	passed=$((passed + 1))
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
