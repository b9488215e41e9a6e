#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Frames of 60 bytes through one router with one worker, by driver packet and
# by driver xdp (with a copy: veth devices have nothing else), in one run.
#
#	flood ----- eth0 | lan  netkern  wan | eth0 (drops)
#
# SECONDS_EACH (3) says how long each is measured, RUNS (3) how often, in
# turn; the best counts, as what else runs on the machine only takes away.  What
# a second of netkern's CPU moves is the steadier figure: flood takes the other.

set -u
. "$TOP/regress/live/two.sh"
[ "$(id -u)" = 0 ] || { echo 'needs root for network namespaces'; exit 77; }
trap two_end EXIT
trap 'exit 130' INT TERM
topo_up || exit 77
# One router is enough: B's side of A's wan0 is the far host.
ip -n "$NET-gwB" addr add 192.0.2.2/24 dev wan0
ip -n "$NET-gwB" route add 10.1.0.0/24 via 192.0.2.1
ns hostA ethtool -K eth0 tx off >/dev/null
ns gwB ethtool -K wan0 tx off >/dev/null
ns gwA ethtool -K lan0 gro on >/dev/null	# else a veth takes no frames by XDP

taken() {		# packets that lan0 received; they are all forwarded
	gw A ifconfig -j lan0 | python3 -c '
import json, sys
print(json.load(sys.stdin)["interfaces"][0]["ipackets"])'
}

cpu() {			# hundredths of a second that netkern has used
	awk '{ print $14 + $15 }' "/proc/$(cat "$W/A/netkern.pid")/stat"
}

rate() {		# rate DRIVER: million packets a second, and a second of CPU
	DRIVER=$1 netkern_start A || { logs; exit 1; }
	ns hostA ping -q -c 2 -i 0.2 -W 2 192.0.2.2 >/dev/null || { logs; exit 1; }
	_mac=$(gw A ifconfig -j lan0 | python3 -c '
import json, sys
print(json.load(sys.stdin)["interfaces"][0]["lladdr"])')
	_s=${SECONDS_EACH:-3}
	ns hostA "$O/flood" eth0 "$_mac" 10.1.0.2 192.0.2.2 $((_s + 3)) &
	_flood=$!
	sleep 1
	_t0=$(date +%s%N) _n0=$(taken) _c0=$(cpu)
	sleep "$_s"
	_t1=$(date +%s%N) _n1=$(taken) _c1=$(cpu)
	wait $_flood || { stop_program A netkern; echo 'no frames by XDP here'; exit 77; }
	stop_program A netkern
	echo "$_n0 $_n1 $_t0 $_t1 $_c0 $_c1" | awk '{
		printf "%.3f %.3f\n", ($2 - $1) / 1e4 / ($6 - $5), ($2 - $1) * 1e3 / ($4 - $3) }'
}

for _run in $(seq "${RUNS:-3}"); do
	for d in packet xdp; do
		rate $d >>"$W/$d.rates" || exit
	done
done
best() { sort -n "$W/$1.rates" | tail -n 1; }
echo "$(best packet) $(best xdp)" | awk '{
	print "Forwarding, 60 bytes, 4096 flows, one worker"
	printf "%-10s %5.2f Mpps  %5.2f million a second of CPU\n", "packet", $2, $1
	printf "%-10s %5.2f Mpps  %5.2f million a second of CPU   ratio %.2f\n", "xdp copy", $4, $3, $3 / $1 }'
