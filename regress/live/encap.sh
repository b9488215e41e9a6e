#!/bin/sh
# SPDX-License-Identifier: ISC
#
# ESP in UDP without a NAT on the way, because one gateway's rule says so:
# nothing else passes the filters between them.  TCP goes in super-packets,
# and rekeys under it lose nothing.
#
#	hostA ------- gwA ====UDP====== gwB ------- hostB

set -u
. "$TOP/regress/live/two.sh"

two_conf_without_esp() {	# one end's word, and no way for native ESP
	two_conf "$@"
	sed -i 's/ esp from/ esp encap from/' "$W/A/iked.conf"
	for _g in $GATEWAYS; do
		sed -i '/proto esp/d' "$W/$_g/pf.conf"
	done
}
[ "$(id -u)" = 0 ] || { echo 'needs root for network namespaces'; exit 77; }
trap two_end EXIT
trap 'exit 130' INT TERM
topo_up || { echo 'no network namespaces here'; exit 77; }
two_conf_without_esp passive passive
for g in $GATEWAYS; do
	gateway_start $g || { echo "gateway $g did not start"; logs 40; exit 1; }
done

in_udp() { gw "$1" ikectl status "$2" | grep -q natt; }
ping_a() { ns hostA ping -q -c 3 -i 0.1 -W 5 10.2.0.2; }
ping_b() { ns hostB ping -q -c 3 -i 0.1 -W 5 10.1.0.2; }
case_ 'the first packet makes the tunnel and arrives' ping_a
case_ 'and the other way' ping_b
case_ 'status says so here' in_udp A paris
case_ 'and there' in_udp B lyon

served() {		# served OPTION...: bytes of TCP, one stream
	ns hostB iperf3 -s -1 >/dev/null 2>&1 &
	_server=$!
	wait_for 5 ns hostB sh -c 'ss -ltn | grep -q :5201'
	ns hostA timeout 30 iperf3 -c 10.2.0.2 -J "$@" >"$W/run.json"
	wait $_server
	/usr/bin/python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["end"]["sum_received"]["bytes"])' "$W/run.json"
}
super() {		# super GATEWAY TEXT: how often, of super-packets
	gw "$1" netstat -s | sed -n "s/^[[:space:]]*\([0-9]*\) $2\$/\1/p"
}
bulk() { [ "$(served -t 1)" -gt 10000000 ]; }
case_ 'TCP from A to B' bulk
case_ 'left in super-packets' test "$(super A 'super-packets made of segments')" -gt 100
case_ 'and arrived in them' test "$(super B 'super-packets received')" -gt 100
bulk_back() { [ "$(served -t 1 -R)" -gt 10000000 ]; }
case_ 'TCP from B to A' bulk_back
small() { [ "$(served -t 1 -M 500)" -gt 1000000 ]; }
case_ 'in small segments' small

rekeys() {
	gw A ikectl rekey paris && sleep 0.3 && gw B ikectl rekey lyon && sleep 0.3 &&
	    gw A ikectl rekey-ike paris && sleep 0.3
}
case_ 'rekeys lose nothing' through 120 rekeys
bulk_rekeys() {
	served -t 2 >"$W/bytes" &
	_bulk=$!
	sleep 0.7
	rekeys || return 1
	wait $_bulk
	[ "$(cat "$W/bytes")" -gt 10000000 ]
}
bad() { gw B netstat -s | grep -E 'replayed|integrity'; }
case_ 'rekeys under TCP' bulk_rekeys
case_ 'nothing was refused' not bad
case_ 'still in UDP' in_udp A paris

sed -i 's/ encap / /' "$W/A/iked.conf"
native() { up && ! in_udp A paris; }
back() { gw A ipsecctl -f "$W/A/iked.conf" && gw A ikectl up paris && wait_for 5 native; }
case_ 'without the word it is native ESP again' back
case_ 'which does not pass' not ping_a
summary
