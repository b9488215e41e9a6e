#!/bin/sh
# SPDX-License-Identifier: ISC
#
# e2fsprogs.sh DEPS : mke2fs, e2fsck and resize2fs for the image, static with
# musl, from Debian's source package, in DEPS/image/e2fsprogs.  Built once,
# and again when this recipe changes.

set -eu
deps=$1/image
here=$(cd "$(dirname "$0")" && pwd)
out=$deps/e2fsprogs
mkdir -p "$deps"
"$here/../deps/fetch.sh" "$deps" e2fsprogs
touch "$deps/sources"
version=$(cat "$deps/src/e2fsprogs.version")
printf '%-5s %s\n' DEP "e2fsprogs $version"

unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CHECK V || true
work=$deps/build/e2fsprogs log=$deps/build/e2fsprogs.log
rm -rf "$work" "$out"
mkdir -p "$deps/build"
cp -a "$deps/src/e2fsprogs" "$work"

build() {
	cd "$work" || return 1
	./configure CC=musl-gcc LDFLAGS=-static \
	    CFLAGS="-O2 -g0 -w -fstack-protector-strong -idirafter $1/release/kernel" \
	    --disable-nls --disable-elf-shlibs --disable-fuse2fs --disable-uuidd \
	    --disable-debugfs --disable-imager --disable-defrag --disable-tdb \
	    --disable-e2initrd-helper --enable-libuuid --enable-libblkid &&
	    make -j"$(nproc)" libs &&
	    make -C misc -j"$(nproc)" mke2fs &&
	    make -C e2fsck -j"$(nproc)" e2fsck &&
	    make -C resize -j"$(nproc)" resize2fs
}

if ! build "$1" >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	echo "e2fsprogs: build failed; all of it is in $log" >&2
	exit 1
fi
mkdir -p "$out.new"
cp "$work/misc/mke2fs" "$work/e2fsck/e2fsck" "$work/resize/resize2fs" "$out.new"
strip "$out.new"/*
rm -rf "$work"
mv "$out.new" "$out"
