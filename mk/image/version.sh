#!/bin/sh
# SPDX-License-Identifier: ISC
#
# version.sh TREE : "EPOCH VERSION", when a tree's sources were made and what
# an image of them is called.  EPOCH, in seconds, is the first of
#
#	SOURCE_DATE_EPOCH in the environment
#	the newest commit, if TREE itself is a clone
#	the newest change of a file in TREE
#
# and VERSION its date, and the commit, or the letter t and ten digits of a
# SHA-256 over the names and contents of all files.  What builds leave behind
# is no source: obj/, Python's caches, and what begins with a dot.

set -eu
export LC_ALL=C
tree=$1
cd "$tree"

fail() {
	echo "version.sh: $1" >&2
	exit 1
}

# Only the tree's own: that of a folder above says nothing about it.
git_log() {
	[ -e .git ] && git -c safe.directory='*' log -1 "$@" 2>/dev/null
}

sources() {
	find . \( -name '.?*' -o -name __pycache__ -o -path ./obj \) -prune -o -type f "$@"
}

newest() {
	sources -printf '%T@ %p\n' | sort -n | tail -n 1
}

content() {
	sources -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c -10
}

epoch=${SOURCE_DATE_EPOCH:-}
[ -n "$epoch" ] || epoch=$(git_log --format=%ct) || {
	file=$(newest)
	epoch=${file%%.*}
	[ "$epoch" -le "$(date +%s)" ] || fail "${file#* } is from the future,\
 $(date -u -d "@$epoch"), and so no later upgrade would be taken:\
 touch it, or set SOURCE_DATE_EPOCH"
}
case $epoch in
*[!0-9]*|'') fail "SOURCE_DATE_EPOCH='$epoch': it is a number of seconds" ;;
esac
name=$(git_log --format=%h --abbrev=10) || name=t$(content)
date=$(date -u -d "@$epoch" +%Y%m%d.%H%M%S)
echo "$epoch $date-$name"
