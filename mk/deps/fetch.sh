#!/bin/sh
# SPDX-License-Identifier: ISC
#
# fetch.sh DEPS PACKAGE... : the current Debian source packages, fetched by
# apt with a configuration of our own and unpacked into DEPS/src/PACKAGE.
# What is there already is not fetched again.

set -eu
deps=$1; shift
top=$(cd "$(dirname "$0")/../.." && pwd)
apt=$deps/apt
missing=
for p; do
	[ -f "$deps/src/$p.version" ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
set -- $missing

. /etc/os-release
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/dl" "$deps/src"
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
    /etc/apt/sources.list.d/*.sources; do
	[ -f "$f" ] && awk -v suite="$VERSION_CODENAME" \
	    -f "$top/mk/apt-sources.awk" "$f"
done | sort -u >"$apt/sources.list"
[ -s "$apt/sources.list" ] || {
	echo "no source of suite $VERSION_CODENAME in /etc/apt" >&2
	exit 1
}

run() {
	apt-get -q -o Dir::Etc::sourcelist="$apt/sources.list" \
	    -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$apt/lists" \
	    -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
	    -o Debug::NoLocking=1 -o Acquire::Retries=3 "$@"
}

printf '%-5s %s\n' FETCH "$*"
if ! { run update && cd "$apt/dl" && run source --download-only "$@"; } \
    >"$apt/log" 2>&1; then
	cat "$apt/log" >&2
	exit 1
fi
for p; do
	dsc=$(ls -t "$apt/dl/$p"_*.dsc | head -n 1)
	rm -rf "$deps/src/$p"
	dpkg-source --no-check -x "$dsc" "$deps/src/$p" >>"$apt/log" 2>&1 || {
		tail "$apt/log" >&2
		exit 1
	}
	sed -n 's/^Version: *//p' "$dsc" | head -n 1 >"$deps/src/$p.version"
done
rm -rf "$apt/lists" "$apt/cache"
