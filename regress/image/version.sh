#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What an image is called, and when its sources are from, by mk/image/version.sh:
# in a clone, in an unpacked archive, and by what the builder says.

unset SOURCE_DATE_EPOCH GIT_DIR GIT_WORK_TREE
script=$TOP/mk/image/version.sh
passed=0 failed=0
cd "$TMPDIR" || exit 1

# is NAME EXPECTED-PATTERN ACTUAL
is() {
	case $3 in
	$2) passed=$((passed + 1)); echo "ok      $1" ;;
	*) failed=$((failed + 1)); echo "FAILED  $1: $3, not $2" ;;
	esac
}

version() {
	"$script" "$@" 2>&1
}

commit() {
	(cd "$1" && git init -q . && git add . &&
	    GIT_COMMITTER_DATE='@1700000000 +0000' git -c user.name=a \
	    -c user.email=a@b commit -q -m one)
}

# An archive of two files, the second from 2023-11-14 22:13:20, and its two copies.
mkdir -p tree/sys tree/obj one two
echo 1 >tree/Makefile
echo 2 >tree/sys/a.c
touch -d @1600000000 tree/Makefile
touch -d @1700000000 tree/sys/a.c
tar -cf tree.tar tree
tar -xf tree.tar -C one
tar -xf tree.tar -C two
first=$(version one/tree)
is 'an archive has the time of its newest file' \
    '1700000000 20231114.221320-t??????????' "$first"
is 'one archive, one version' "$first" "$(version two/tree)"
mkdir two/tree/.cache two/tree/sys/__pycache__
echo 3 | tee two/tree/obj/a.o two/tree/.cache/x two/tree/sys/__pycache__/a.pyc >/dev/null
is 'what builds leave behind does not count' "$first" "$(version two/tree)"
echo 4 >two/tree/sys/a.c
touch -d @1700000000 two/tree/sys/a.c
is 'a changed file, another name' '1700000000 20231114.221320-t??????????' "$(version two/tree)"
[ "$(version two/tree)" != "$first" ]
is '... and not the same' 0 $?
touch -d @4000000000 two/tree/Makefile
is 'nothing is from the future' '*./Makefile is from the future*' "$(version two/tree)"
version two/tree >/dev/null
is '... and that is an error' 1 $?
is 'what the builder says counts first' "1650000000 20220415.052000-${first##*-}" \
    "$(SOURCE_DATE_EPOCH=1650000000 version one/tree)"
for bad in -1 1.5 yesterday 99999999999999999999; do
	SOURCE_DATE_EPOCH=$bad version one/tree >/dev/null
	is "SOURCE_DATE_EPOCH=$bad is an error" 1 $?
done
is 'make says why there is no image' '*seconds*the image has no version*' \
    "$(SOURCE_DATE_EPOCH=x make -f "$TOP/mk/image.mk" IMAGE="$TMPDIR/x.img" WORK="$TMPDIR/x" 2>&1)"
make -f "$TOP/mk/image.mk" SOURCE_DATE_EPOCH=1650000000 -pn nothing 2>/dev/null |
    grep -q '^SOURCED := 1650000000 20220415.052000-'
is 'make hears what the builder says' 0 $?

if command -v git >/dev/null; then
	commit one
	is "a clone above says nothing" "$first" "$(version one/tree)"
	rm -rf one/.git
	commit one/tree
	hash=$(git -C one/tree log -1 --format=%h --abbrev=10)
	touch one/tree/Makefile
	is 'a clone has the time and the name of its newest commit' \
	    "1700000000 20231114.221320-$hash" "$(version one/tree)"
	is '... or the time that the builder says' "1650000000 20220415.052000-$hash" \
	    "$(SOURCE_DATE_EPOCH=1650000000 version one/tree)"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
