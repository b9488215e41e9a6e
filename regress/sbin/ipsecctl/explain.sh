#!/bin/sh
# SPDX-License-Identifier: ISC
#
# ipsecctl explain: its words, refusals and exit codes, against a netkern
# whose only interfaces are generators.  Needs no privilege.

set -u
. "$TOP/regress/sbin/netkern.sh"
# says RC WHAT words...
says() {
	_rc=$1 _what=$2; shift 2
	ipsecctl explain "$@" >"$TMPDIR/out" 2>&1
	_got=$?
	cat "$TMPDIR/out"
	[ $_got -eq "$_rc" ] && grep -qF -- "$_what" "$TMPDIR/out"
}
json() {
	_expr=$1; shift
	ipsecctl explain "$@" -j | python3 -c "
import json, sys
d = json.load(sys.stdin)
sys.exit(not (d['schema_version'] == 1 and ($_expr)))"
}

case_ 'without netkern' says 1 'netkern is not running' out proto tcp from 10.0.0.1 to 10.0.0.2
case_ 'no direction' says 1 'in or out is expected' on em0
case_ 'no interface' says 1 'on and an interface' in em0
case_ 'no addresses' says 1 'from and to are needed' out proto tcp
case_ 'no protocol' says 1 'proto is needed' out from 10.0.0.1 to 10.0.0.2
case_ 'unknown word' says 1 "unknown word 'form'" out form 10.0.0.1
case_ 'bad address' says 1 "'10.0.0' is not an IPv4 address" out from 10.0.0
case_ 'bad port' says 1 'the port must be a number' out from 10.0.0.1 port x
case_ 'port too large' says 1 'up to 65535' out from 10.0.0.1 port 65536
case_ 'ports of icmp' says 1 'only tcp and udp' out proto icmp from 10.0.0.1 port 5 to 10.0.0.2
case_ 'bad flag' says 1 "'X' is no TCP flag" out flags SX
case_ 'end of words' says 1 'an address expected at the end' out proto tcp from
case_ 'fragment' says 1 'fragment 0 more' out fragment 0

trap 'kill $pid 2>/dev/null' EXIT
netkern_run -w 2 -c 0,0
ifconfig em0 create pktgen sink && ifconfig em0 192.0.2.1/24 mtu 1400 up
ifconfig em1 create pktgen sink && ifconfig em1 10.1.0.1/24 mtu 1500 up
route add 10.2.0.0/16 192.0.2.2
route add 10.3.0.0/16 192.0.2.2 -reject
printf 'block return\npass in on em1 proto { tcp icmp }\npass out on em0\n' | pfctl -f -
# both interfaces have told their addresses
for _ in $(seq 50); do
	netstat -s | grep -q '2 requests sent' && break
	sleep 0.1
done
netstat -s >"$TMPDIR/before"

case_ 'forwarded' says 0 'leaves on em0 in clear' in on em1 proto tcp from 10.1.0.2 port 1000 \
    to 10.2.0.2 port ssh
case_ 'the rule is told' says 0 'rule in    em1: @1 pass in on em1' in on em1 proto tcp \
    from 10.1.0.2 to 10.2.0.2 port 22
case_ 'the route is told' says 0 'route      10.2.0.0/16 via 192.0.2.2 on em0' in on em1 \
    proto tcp from 10.1.0.2 to 10.2.0.2 port 22
case_ 'blocked, and answered' says 2 'ICMP type 3 code 3' in on em1 proto udp from 10.1.0.2 \
    to 10.2.0.2 port 53
case_ 'the reason is named' says 2 'pf: blocked by rule (PF_BLOCK)' in on em1 proto udp \
    from 10.1.0.2 to 10.2.0.2 port 53
case_ 'reject route' says 2 'IP_REJECT' in on em1 proto tcp from 10.1.0.2 to 10.3.0.2 port 22
case_ 'no route' says 2 'IP_NOROUTE' in on em1 proto tcp from 10.1.0.2 to 10.9.0.2 port 22
case_ 'too big' says 2 'code 4, mtu 1400' in on em1 proto tcp from 10.1.0.2 to 10.2.0.2 size 1500 df
case_ 'fragmented' says 0 'in 2 packets of at most' in on em1 proto tcp from 10.1.0.2 \
    to 10.2.0.2 size 1500
case_ 'time to live' says 2 'IP_TTL' in on em1 proto tcp from 10.1.0.2 to 10.2.0.2 ttl 1
case_ 'echo to us' says 0 'delivered to this host' in on em1 proto icmp icmp-type echoreq \
    from 10.1.0.2 to 10.1.0.1
case_ 'a fragment' says 0 'waits for the other fragments' in on em1 proto udp from 10.1.0.2 \
    to 10.2.0.2 fragment 0 more
case_ 'made here' says 0 'packet     out proto tcp' out proto tcp from 192.0.2.1 to 10.2.0.2
case_ 'no such interface' says 1 'no such interface' in on em9 proto tcp from 10.1.0.2 to 10.2.0.2
case_ 'no such SA' says 1 'no SA of that SPI or name' in on em0 proto tcp from 10.2.0.2 \
    to 10.1.0.2 came-through 0x1234
case_ 'json' json "d['verdict'] == 'forwarded' and d['rules'][0]['interface'] == 'em1'" \
    in on em1 proto tcp from 10.1.0.2 to 10.2.0.2 port 22
case_ 'json of a drop' json "d['drop'] == 'PF_BLOCK' and d['answers'][0]['type'] == 3" \
    in on em1 proto udp from 10.1.0.2 to 10.2.0.2 port 53
netstat -s >"$TMPDIR/after"
case_ 'nothing was counted' diff "$TMPDIR/before" "$TMPDIR/after"
case_ 'no state was made' test -z "$(pfctl -s states)"
case_ 'no neighbour was made' test -z "$(netstat -n 2>/dev/null | grep 192.0.2.2.*incomplete)"

summary
