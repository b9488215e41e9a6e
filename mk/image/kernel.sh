#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kernel.sh DEPS KIND : Debian's current kernel (KIND cloud, for virtual
# machines, or generic, for all), unpacked and not installed:
#
#	DEPS/image/kernel-KIND/vmlinuz
#	DEPS/image/kernel-KIND/modules/	the package's tree of modules
#	DEPS/image/kernel-KIND/release	its name, and the package's version
#
# apt checks the signature of what it fetches.

set -eu
deps=$1/image kind=$2
case $kind in
cloud) meta=linux-image-cloud-amd64 ;;
generic) meta=linux-image-amd64 ;;
*) echo "KERNEL=$kind: cloud or generic" >&2; exit 2 ;;
esac

out=$deps/kernel-$kind
dl=$deps/dl-$kind
log=$deps/kernel-$kind.log
rm -rf "$dl" "$out" "$out.new"
mkdir -p "$dl" "$out.new"

newest() {
	apt-cache depends --important "$meta" 2>/dev/null |
	    sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p'
}

# A machine without package lists, or with stale ones, gets new ones if we may.
fetch() {
	package=$(newest)
	[ -n "$package" ] && (cd "$dl" && apt-get -q download "$package")
}
printf '%-5s %s\n' FETCH "$meta"
fetch >"$log" 2>&1 || { apt-get -q update && fetch; } >"$log" 2>&1 || {
	cat "$log" >&2
	exit 1
}

deb=$(echo "$dl"/*.deb)
dpkg-deb -x "$deb" "$dl/root"
cp "$dl"/root/boot/vmlinuz-* "$out.new/vmlinuz"
name=$(basename "$(echo "$dl"/root/lib/modules/*)")
mv "$dl/root/lib/modules/$name" "$out.new/modules"
echo "$name $(dpkg-deb -f "$deb" Version)" >"$out.new/release"
rm -rf "$dl"
mv "$out.new" "$out"
