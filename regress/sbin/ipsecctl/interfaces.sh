#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Interface names as addresses, asked from a netkern whose only interfaces
# are generators: ipsecctl resolves them, and policyd again for itself.
# Needs no privilege.

set -u
. "$TOP/regress/sbin/netkern.sh"
RAVELIN_DB=$TMPDIR/db/policy.db
export RAVELIN_DB
# prints RULE LINE...: the rule's normal form is exactly these lines.
prints() {
	printf '%s\n' "$1" >"$TMPDIR/rule"; shift
	printf '%s\n' "$@" >"$TMPDIR/want"
	ipsecctl -nvf "$TMPDIR/rule" >"$TMPDIR/got" && diff -u "$TMPDIR/want" "$TMPDIR/got"
}
# refuses RULE TEXT: with exit 1 and the text.
refuses() {
	printf '%s\n' "$1" >"$TMPDIR/rule"
	ipsecctl -nvf "$TMPDIR/rule" >"$TMPDIR/got" 2>&1
	_rc=$?
	cat "$TMPDIR/got"
	[ $_rc -eq 1 ] && grep -qF -- "$2" "$TMPDIR/got"
}

case_ 'without netkern' refuses 'flow out from em0 to 10.2.0.0/16 peer 198.51.100.1' \
    "rule:1:15: 'em0' is not an address, and as an interface: netkern, which knows the interfaces, cannot be asked"

dpid=
trap 'kill $pid $dpid 2>/dev/null; wait' EXIT
trap 'exit 1' TERM INT
netkern_run -w 1 -c 0
ifconfig em0 create pktgen sink && ifconfig em0 192.0.2.1/24 up
ifconfig em0 10.1.0.9/16 alias
ifconfig em1 create pktgen sink && ifconfig em1 10.9.0.1/24 up
ifconfig em2 create pktgen sink

tail=' to 10.2.0.0/16 peer 198.51.100.1 type require'
case_ 'all its addresses' prints 'flow out from em0 to 10.2.0.0/16 peer 198.51.100.1' \
    "flow esp tunnel out from 192.0.2.1$tail" \
    "flow esp tunnel out from 10.1.0.9$tail"
case_ 'its networks' prints 'flow out from em0:network to 10.2.0.0/16 peer 198.51.100.1' \
    "flow esp tunnel out from 192.0.2.0/24$tail" \
    "flow esp tunnel out from 10.1.0.0/16$tail"
case_ 'a length' prints 'flow out from em1/25 to 10.2.0.0/16 peer 198.51.100.1' \
    "flow esp tunnel out from 10.9.0.0/25$tail"
case_ 'a group' prints 'flow out from em to 10.2.0.0/16 peer 198.51.100.1' \
    "flow esp tunnel out from 192.0.2.1$tail" \
    "flow esp tunnel out from 10.1.0.9$tail" \
    "flow esp tunnel out from 10.9.0.1$tail"
case_ 'in a list and a macro' prints 'lan = "{ em1:network 10.7.0.0/16 }"
flow out from $lan to 10.2.0.0/16 peer 198.51.100.1' \
    "flow esp tunnel out from 10.9.0.0/24$tail" \
    "flow esp tunnel out from 10.7.0.0/16$tail"
case_ 'the local end' prints 'flow out from 10.1.0.0/16 to 10.2.0.0/16 local em0 peer 198.51.100.1' \
    'flow esp tunnel out from 10.1.0.0/16 to 10.2.0.0/16 local 192.0.2.1 peer 198.51.100.1 type require'
case_ 'no such interface' refuses 'flow out from em7 to 10.2.0.0/16 peer 198.51.100.1' \
    'netkern has none of that name'
case_ 'no address' refuses 'flow out from em2 to 10.2.0.0/16 peer 198.51.100.1' \
    'it has no address'
case_ 'too many bits' refuses 'flow out from em0/40 to 10.2.0.0/16 peer 198.51.100.1' \
    "no address of 'em0' has that many bits"
case_ 'an end is one address' refuses 'flow out from 10.1.0.0/16 to 10.2.0.0/16 local em0:network peer 198.51.100.1' \
    "'em0:network' is not one address"
case_ 'a host' refuses 'flow out from em0.example.com to 10.2.0.0/16 peer 198.51.100.1' \
    'names of hosts are not looked up'

policyd -d >"$TMPDIR/policyd.log" 2>&1 &
dpid=$!
for _ in $(seq 100); do
	[ -S "$RAVELIN_RUN/policy.sock" ] && break
	sleep 0.1
done
commits() {
	echo 'flow out from em1:network to 10.2.0.0/16 local em0 peer 198.51.100.1' >"$TMPDIR/rule"
	ipsecctl -f "$TMPDIR/rule" && ipsecctl -s flow >"$TMPDIR/got" &&
	    cat "$TMPDIR/got" "$TMPDIR/policyd.log" &&
	    grep -q '^flow esp tunnel out from 10.9.0.0/24 to 10.2.0.0/16 local 192.0.2.1 peer 198.51.100.1' "$TMPDIR/got"
}
case_ 'policyd asks too' commits
summary
