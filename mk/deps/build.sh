#!/bin/sh
# SPDX-License-Identifier: ISC
#
# build.sh DEPS NAME N/M PACKAGE LEAST-VERSION : builds one library by its
# recipe, which runs in a copy of the sources with
#	$CC $CFLAGS	musl-gcc and its flags
#	$PIE $PIE_END	what a static PIE is linked with, before and behind its objects
#	$JOBS		how many processes it may run
#	done_with A H...  installs archive A as libNAME.a, and headers H; if the
#			  recipe says "A program", A as the program NAME
# The output of a build is shown only if it fails.

set -eu
deps=$1 name=$2 step=$3 package=$4 least=$5
here=$(cd "$(dirname "$0")" && pwd)
out=$deps/release
archive=$out/lib/lib$name.a
grep -q '^# A program' "$here/$name.sh" && archive=$out/bin/$name
[ "$archive" -nt "$here/$name.sh" ] && exit 0

version=$(cat "$deps/src/$package.version")
if ! dpkg --compare-versions "$version" ge "$least"; then
	echo "$package: version $version is older than $least" >&2
	exit 1
fi
printf '%-5s %s\n' DEP "$name $version ($step)"

done_with() {
	mkdir -p "$out/lib" "$out/bin" "$out/include/$include_dir"
	a=$1; shift
	[ $# -eq 0 ] || cp "$@" "$out/include/$include_dir"
	cp "$a" "$archive.new"
	mv "$archive.new" "$archive"
}

work=$deps/build/$name
log=$deps/build/$name.log
rm -rf "$work"
mkdir -p "$deps/build"
cp -a "$deps/src/$package" "$work"
CC=musl-gcc
CFLAGS="-O2 -fPIE -g0 -w -fstack-protector-strong -ffunction-sections -fdata-sections"
CFLAGS="$CFLAGS -idirafter $out/kernel"
crt=$(sed -n 's/.*-specs "\([^"]*\)".*/\1/p' "$(command -v musl-gcc)")
crt=${crt%/*} gcc=$(dirname "$(gcc -print-file-name=crtbeginS.o)")
PIE="-nostartfiles -static -Wl,-pie -Wl,--no-dynamic-linker -Wl,-z,relro -Wl,-z,now"
PIE="$PIE -Wl,-z,noexecstack -Wl,--gc-sections $crt/rcrt1.o $crt/crti.o $gcc/crtbeginS.o"
PIE_END="$gcc/crtendS.o $crt/crtn.o"
JOBS=$(nproc)
include_dir=.
# The caller's make must not reach the library's own.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CHECK V || true
# A sign of life for the long ones.
(
	n=0 s=
	trap 'kill $s; exit' TERM
	while :; do
		sleep 30 & s=$!
		wait $s
		n=$((n + 30))
		printf '%-5s %s\n' DEP "$name: $n s"
	done
) 2>/dev/null &
alive=$!
trap 'kill $alive 2>/dev/null' EXIT
if ! (set -e; cd "$work"; . "$here/$name.sh") >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	echo "$name: build failed; all of it is in $log" >&2
	exit 1
fi
[ -f "$archive" ] || { echo "$name: recipe made nothing" >&2; exit 1; }
rm -rf "$work"
{
	grep -v "^$package " "$deps/versions" 2>/dev/null || true
	echo "$package $version"
} | sort >"$deps/versions.new"
mv "$deps/versions.new" "$deps/versions"
