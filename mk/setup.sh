#!/bin/sh
# SPDX-License-Identifier: ISC
#
# setup.sh KIND... : the Debian packages that mk/packages lists for these
# kinds are installed; root installs what is missing, anybody else is told.

set -eu
here=$(dirname "$0")
machine=$(uname -m)

wanted() {
	for kind; do
		awk -v kind="$kind" -v machine="$machine" '
		    $1 == kind && (NF == 2 || $3 == machine) { print $2 }' \
		    "$here/packages"
	done | sort -u
}

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
for p in $(wanted "$@"); do
	installed "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "These packages are missing; as root:" >&2
	echo "	apt-get install$missing" >&2
	exit 1
fi

echo "SETUP apt-get install$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
install() {
	apt-get -q -y --no-install-recommends \
	    -o DPkg::Lock::Timeout=300 install $missing >"$log" 2>&1
}
# A fresh machine has no package lists, an old one stale ones; one source of
# the machine that does not answer need not stop us.
install || { apt-get -q update >"$log" 2>&1 || true; install; } || {
	cat "$log" >&2
	exit 1
}
