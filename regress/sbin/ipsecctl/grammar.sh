#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Each grammar/NAME.in is read by ipsecctl -nvkf, each assert/NAME.in as an
# assert.conf(5); what is printed, errors included, is in NAME.ok.
# refuse-*.in must fail and print no rule; the others must load, and what was
# printed must load again to the same text.
# Key files are copied first: a checkout may have made them readable by all.
# No netkern runs here: interfaces.sh has names of interfaces that load.
#
# `UPDATE=1 sh grammar.sh` writes the .ok files: read the difference.

export RAVELIN_RUN="$TMPDIR/nowhere"
here=$PWD
cp -R grammar assert "$TMPDIR" || exit 1
chmod 600 "$TMPDIR"/grammar/inc/*.key
passed=0 failed=0

fail() {
	echo "FAILED $1: $2"
	failed=$((failed + 1))
}
# read_it FOLDER FILE
read_it() {
	case $1 in
	grammar)
		"$BIN/ipsecctl" -nvkf - <"$2";;
	assert)
		cp "$2" assert.conf
		"$BIN/ipsecctl" -nvf assert.conf;;
	esac
}
# golden FOLDER NAME
golden() {
	read_it "$1" "$2.in" >out 2>err
	rc=$?
	cat out err >all
	[ -n "$UPDATE" ] && cp all "$here/$1/$2.ok"
	if ! diff -u "$here/$1/$2.ok" all; then
		fail "$2" "not as in $2.ok"
		return
	fi
	case $2 in
	refuse-*)
		if [ $rc -ne 1 ] || [ -s out ]; then
			fail "$2" "exit $rc, or a rule was printed"
			return
		fi;;
	*)
		if [ $rc -ne 0 ] || [ -s err ]; then
			fail "$2" "exit $rc"
			return
		fi
		read_it "$1" out >again 2>&1
		if ! diff -u out again; then
			fail "$2" "what was printed loads to something else"
			return
		fi;;
	esac
	passed=$((passed + 1))
}

for folder in grammar assert; do
	cd "$TMPDIR/$folder" || exit 1
	for in in *.in; do
		golden "$folder" "${in%.in}"
	done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
