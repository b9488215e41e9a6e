#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The host interface: Linux above gateway A serves TCP at A's addresses.  A host
# of A's LAN reaches it, one of B's LAN does so through the tunnel, and B from
# the wire outside only what the filter of A lets it.  B has a host interface
# too, so that Linux there is somebody who stands outside.
#
#	             Linux (TCP)                 Linux
#	               | rvlA                      | rvlB
#	hostA ------- gwA ========= wan ========= gwB ------- hostB
#	10.1.0.2   10.1.0.1  192.0.2.1   192.0.2.2  10.2.0.1  10.2.0.2

set -u
. "$TOP/regress/live/two.sh"
two_up passive passive

add_host() { gw $1 ifconfig host0 create tap "rvl$1,host" && gw $1 ifconfig host0 up; }
get() { ns "$1" curl -sS -m 5 -o "$W/got" "http://$2:8080/big" && cmp "$W/got" "$W/srv/big"; }
refused() { ! ns "$1" curl -sS -m 1 -o /dev/null "http://$2:8080/big" 2>"$W/err"; }
rules() { cat >"$W/A/host.conf"; gw A pfctl -f "$W/A/host.conf"; }
open_rules='pass on lan0 inet
pass on enc0 inet
pass on wan0 inet proto udp from any to any port { 500, 4500 }
pass on wan0 inet proto esp'

mkdir "$W/srv"
head -c 20000000 /dev/urandom >"$W/srv/big"
quick() { ! timeout 5 ip netns exec "$NET-hostA" curl -sS -m 3 "http://10.1.0.1:8080/" 2>"$W/err"; }
case_ 'without a host interface nobody serves TCP' quick

for g in A B; do
	case_ "host0 of $g" add_host $g
done
case_ 'a second one is refused' not gw A ifconfig host1 create tap rvlx,host
case_ 'it is shown as one' sh -c "ip netns exec $NET-gwA env RAVELIN_RUN=$W/A/run $BIN/ifconfig host0 | grep -q HOST"
case_ 'Linux has our addresses' sh -c "ip -n $NET-gwA -4 addr show dev rvlA | grep -q 10.1.0.1/32 &&
    ip -n $NET-gwA -4 addr show dev rvlA | grep -q 192.0.2.1/32"
ns gwA sh -c "cd '$W/srv' && exec python3 -m http.server 8080" >/dev/null 2>&1 &
ns gwA iperf3 -s -D >/dev/null 2>&1
sleep 1

case_ 'a host of the LAN gets 20 MB' get hostA 10.1.0.1
case_ 'at the far address too' get hostA 192.0.2.1
case_ 'a host of the other LAN, through the tunnel' get hostB 10.1.0.1
case_ 'in that tunnel' up
case_ 'nobody from the wire outside' refused gwB 192.0.2.1
case_ 'ping is still answered by netkern' ns hostA ping -q -c 2 -i 0.2 -W 2 10.1.0.1

fast() {		# fast HOST [-R]: at least 200 Mbit/s
	ns "$1" iperf3 -J -c 10.1.0.1 -t 2 ${2:-} >"$W/iperf" || return 1
	python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))["end"]["sum_received"]["bits_per_second"] / 1e6
print("%.0f Mbit/s" % r)
sys.exit(r < 200)' "$W/iperf"
}
for d in '' -R; do
	case_ "a stream from the LAN $d" fast hostA $d
	grep -o '[0-9]* Mbit/s' "$W/case.log"
	case_ "a stream through the tunnel $d" fast hostB $d
	grep -o '[0-9]* Mbit/s' "$W/case.log"
done

# ---- the filter

slow_get() {		# 20 MB in about 3 s, while a command runs
	ns hostA curl -sS --limit-rate 7M -m 20 -o "$W/slow" http://10.1.0.1:8080/big &
	_curl=$!
	sleep 0.7
	"$@" || return 1
	wait $_curl && cmp "$W/slow" "$W/srv/big"
}
same() { echo "block all
$open_rules" | rules; sleep 0.5; echo "block all
$open_rules" | rules; }
case_ 'a reload of the rules does not touch the connection' slow_get same
open_wan() { echo "block all
$open_rules
pass in on wan0 proto tcp to 192.0.2.1 port 8080" | rules; }
b_out() { echo "block all
$open_rules
pass out on wan0 proto tcp to 192.0.2.1 port 8080" >"$W/B/host.conf"; gw B pfctl -f "$W/B/host.conf"; }
case_ 'B lets its Linux out' b_out
case_ 'A does not let it in' refused gwB 192.0.2.1
case_ 'a rule lets it in' open_wan
case_ 'it gets 20 MB' get gwB 192.0.2.1
lan_closed() { echo "pass
block in quick on lan0 proto tcp to self port 8080" | rules && refused hostA 10.1.0.1 &&
    refused hostA 192.0.2.1; }
case_ 'a rule about self closes it to the LAN' lan_closed
reset() {		# reset NAMESPACE ADDRESS PORT: the connection is refused at once
	ns "$1" python3 -c '
import socket, sys
s = socket.socket()
s.settimeout(3)
try:
    s.connect((sys.argv[1], int(sys.argv[2])))
except ConnectionRefusedError:
    sys.exit(0)
sys.exit(1)' "$2" "$3"
}
returned() { echo "pass
block return in quick on lan0 proto tcp to self port 8080" | rules && reset hostA 10.1.0.1 8080; }
case_ 'a blocked one is answered' returned
out_blocked() { echo "pass
block return out quick on lan0 proto tcp to 10.1.0.2 port 9" | rules && reset gwA 10.1.0.2 9; }
case_ 'rules out apply to Linux, and their reset reaches it' out_blocked
logged() { gw A netstat -s | grep -v '^ *0 ' | grep 'blocked by rule'; }
case_ 'it is counted' logged
pass_all() { echo pass | rules; }
case_ 'all may pass again' pass_all

# ---- what Linux may not, and what it is told

spoof() {		# Linux sends from an address that is not ours
	ip -n "$NET-gwA" addr add 10.1.0.77/32 dev lo
	ns gwA ping -q -c 3 -i 0.2 -W 1 -I 10.1.0.77 10.1.0.2
	gw A netstat -s | grep 'not ours' || return 1
	! gw A netstat -s | grep -q '^ *0 .*not ours'
}
case_ 'Linux cannot send from another address' spoof
case_ 'Linux reaches the LAN' ns gwA ping -q -c 3 -i 0.2 -W 2 10.1.0.2
case_ 'Linux reaches the other LAN through the tunnel' ns gwA ping -q -c 3 -i 0.2 -W 2 -I 10.1.0.1 10.2.0.2
pmtu() { ns gwA ping -c 2 -i 0.3 -W 1 -M do -s 1460 -I 10.1.0.1 10.2.0.2; ns gwA ip route get 10.2.0.2 from 10.1.0.1 | grep -q mtu; }
case_ 'Linux is told the MTU of the tunnel' pmtu
noroute() { ns gwA ping -c 1 -W 2 203.0.113.9 2>&1 | grep -i unreachable; }
case_ 'and what has no route' noroute
udp() { ns gwA timeout 4 nc -u -l -W 1 5353 >"$W/udp" & sleep 0.5; echo hello | ns hostA nc -u -w 1 10.1.0.1 5353; wait $!; grep -q hello "$W/udp"; }
case_ 'a datagram for a port of Linux' udp

# ---- addresses come and go

alias() { gw A ifconfig lan0 inet 10.1.0.9/24 alias && get hostA 10.1.0.9; }
case_ 'a new address is served' alias
unalias() { gw A ifconfig lan0 inet 10.1.0.9 delete && ! ip -n "$NET-gwA" -4 addr show dev rvlA | grep 10.1.0.9; }
case_ 'one that goes is taken from Linux' unalias
gone() { gw A ifconfig host0 destroy && ! ip -n "$NET-gwA" link show rvlA && refused hostA 10.1.0.1; }
case_ 'destroyed: nobody serves TCP' gone
case_ 'and netkern lives' ns hostA ping -q -c 2 -i 0.2 -W 2 10.1.0.1
summary
