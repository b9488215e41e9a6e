#!/bin/sh
# SPDX-License-Identifier: ISC
#
# TCP, one stream, host to host through two gateways, in one run:
#	plain Linux forwarding, Ravelin in clear, Ravelin with a tunnel,
#	with one whose ESP goes in UDP (`encap')
#
#	hostA ------- gwA ------------- gwB ------- hostB
#
# SECONDS_EACH (5) says how long each is measured, RUNS (3) how often; the
# median counts.

set -u
. "$TOP/regress/live/two.sh"
[ "$(id -u)" = 0 ] || { echo 'needs root for network namespaces'; exit 77; }
trap two_end EXIT
trap 'exit 130' INT TERM
topo_up || exit 77

for g in $GATEWAYS; do		# let each measurement start alike
	ns host$g sysctl -qw net.ipv4.tcp_no_metrics_save=1
done

gbit() {		# gbit LABEL: prints the median of some runs
	for _run in $(seq "${RUNS:-3}"); do
		ns hostB iperf3 -s -1 >/dev/null 2>&1 &
		wait_for 5 ns hostB sh -c 'ss -ltn | grep -q :5201'
		_cpu0=$(gateway_cpu)
		ns hostA timeout 60 iperf3 -c 10.2.0.2 -t "${SECONDS_EACH:-5}" -J >"$W/run.json"
		_cpu1=$(gateway_cpu)
		wait $! 2>/dev/null
		/usr/bin/python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))["end"]["sum_received"]
print("%.3f %.3f" % (r["bits_per_second"] / 1e9, (int(sys.argv[3]) - int(sys.argv[2])) / 100 / (r["bytes"] / 1e9)))
' "$W/run.json" "$_cpu0" "$_cpu1"
	done | sort -n | sed -n "$(((${RUNS:-3} + 1) / 2))p"
}

gateway_cpu() {		# hundredths of a second that netkern has used, both gateways
	for _g in $GATEWAYS; do
		[ -f "$W/$_g/netkern.pid" ] && cat "/proc/$(cat "$W/$_g/netkern.pid")/stat"
	done | awk '{ t += $14 + $15 } END { print t + 0 }'
}

show() {		# show LABEL "GBIT CPU" [BASE-GBIT]
	echo "$2" | awk -v l="$1" -v base="${3:-}" '{
		printf "%-36s %7.2f Gbit/s", l, $1
		if ($2 > 0) printf "   %5.2f CPU s/GB", $2
		if (base != "") printf "   %.2f of plain Linux", $1 / base
		printf "\n" }'
}

# ---- plain Linux forwarding ---------------------------------------------
for g in $GATEWAYS; do
	ip -n "$NET-gw$g" addr add "$(lan_of $g).1/24" dev lan0
	ip -n "$NET-gw$g" addr add "$(wan_of $g)/24" dev wan0
	ns gw$g sysctl -qw net.ipv4.ip_forward=1
done
ip -n "$NET-gwA" route add 10.2.0.0/24 via 192.0.2.2
ip -n "$NET-gwB" route add 10.1.0.0/24 via 192.0.2.1
plain=$(gbit)
show 'plain Linux forwarding' "$plain"
base=${plain% *}
for g in $GATEWAYS; do
	ns gw$g sysctl -qw net.ipv4.ip_forward=0
	ip -n "$NET-gw$g" addr flush dev lan0
	ip -n "$NET-gw$g" addr flush dev wan0
done

# ---- Ravelin, in clear ---------------------------------------------------
for g in $GATEWAYS; do
	netkern_start $g || { logs; exit 1; }
done
gw A route add 10.2.0.0/24 192.0.2.2
gw B route add 10.1.0.0/24 192.0.2.1
clear=$(gbit)
show 'Ravelin, filter and forwarding' "$clear" "$base"
for g in $GATEWAYS; do
	stop_program $g netkern
done

# ---- Ravelin, AES-128-GCM ------------------------------------------------
two_conf active passive "childsa enc aes-128-gcm"
for g in $GATEWAYS; do
	gateway_start $g || { logs; exit 1; }
done
wait_for 20 up || { logs; exit 1; }
tunnel=$(gbit)
show 'Ravelin, tunnel, AES-128-GCM' "$tunnel" "$base"
echo "$tunnel" | awk '{ exit !($1 >= 2) }' || echo 'below the first target of 2 Gbit/s'

# ---- the same in UDP, which goes in super-packets --------------------------
two_conf active passive "encap childsa enc aes-128-gcm"
in_udp() { up && gw A ikectl status paris | grep -q natt; }
for g in $GATEWAYS; do
	gw $g ipsecctl -f "$W/$g/iked.conf" || { logs; exit 1; }
done
wait_for 20 in_udp || { logs; exit 1; }
encap=$(gbit)
show 'Ravelin, tunnel, AES-128-GCM, encap' "$encap" "$base"
