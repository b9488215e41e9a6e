#!/bin/sh
# SPDX-License-Identifier: ISC
#
# One router without IPsec between two hosts: the tools set it up and tell the
# truth about it; packets and streams pass; routes, captures and interfaces
# change under traffic.
#
#	hostA ------------ router ------------ hostB
#	 eth0          em0 netkern em1          eth0
#	10.1.0.2     10.1.0.1   10.2.0.1      10.2.0.2
#
# The router's namespace holds two devices without addresses, lan and wan.
# NETKERN_FLAGS may hold more options, such as -w 2.

set -u
[ "$(id -u)" = 0 ] || { echo 'needs root for network namespaces'; exit 77; }
NET=rvf$$
RAVELIN_RUN=$TMPDIR/run
export RAVELIN_RUN
PATH=$BIN:$PATH
. "$TOP/regress/cases.sh"

ns() { _n=$1; shift; ip netns exec "$NET-$_n" "$@"; }

end() {
	_code=$?
	trap - EXIT
	[ -n "${netkern:-}" ] && kill "$netkern" 2>/dev/null && wait "$netkern"
	for _n in hostA router hostB; do
		ip netns pids "$NET-$_n" 2>/dev/null | xargs -r kill 2>/dev/null
		ip netns del "$NET-$_n" 2>/dev/null
	done
	exit $_code
}
trap end EXIT
trap 'exit 130' INT TERM
has() { _what=$1; shift; "$@" 2>&1 | grep -q -- "$_what"; }
pause() { sleep 0.3; }

for n in hostA router hostB; do
	ip netns add "$NET-$n" || exit 1
	ns $n sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	ip -n "$NET-$n" link set lo up
done
ip link add eth0 netns "$NET-hostA" type veth peer name lan netns "$NET-router"
ip link add eth0 netns "$NET-hostB" type veth peer name wan netns "$NET-router"
for n in A:1 B:2; do
	ip -n "$NET-host${n%:*}" addr add "10.${n#*:}.0.2/24" dev eth0
	ip -n "$NET-host${n%:*}" link set eth0 up
	ip -n "$NET-host${n%:*}" route add default via "10.${n#*:}.0.1"
done

ip netns exec "$NET-router" netkern -d ${NETKERN_FLAGS:-} -p "$TMPDIR/pid" >"$TMPDIR/netkern.log" 2>&1 &
netkern=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	grep -q '^netkern: ready' "$TMPDIR/netkern.log" && break
	sleep 0.2
done

ping_() { ns hostA ping -q -c 3 -i 0.1 -W 2 "$@"; }
stream() { ns hostA iperf3 -c 10.2.0.2 -n "$1" ${2:-}; }
answers() { has "$1" ns hostA ping -c 1 -W 1 "$2"; }

# ---- setting up

case_ 'ready, with its process id' test "$(cat "$TMPDIR/pid")" = "$netkern"
case_ 'a second one in the same place is refused' not netkern -d
case_ 'em0' ifconfig em0 create packet lan
case_ 'its address' ifconfig em0 inet 10.1.0.1/24
case_ 'em1' ifconfig em1 create packet wan
case_ 'its address, with a netmask' ifconfig em1 10.2.0.1 netmask 255.255.255.0 description 'to B'
case_ 'ifconfig shows the address' has 'inet 10.2.0.1 netmask 0xffffff00' ifconfig em1
case_ 'and the description' has 'description: to B' ifconfig em1
case_ 'JSON is JSON' sh -c 'ifconfig -j | python3 -m json.tool'
case_ 'a group' has '^em1' ifconfig em
case_ 'the same name again is refused' has 'exists already' ifconfig em1 create packet wan
case_ 'a driver that does not exist: those that do are named' has 'pktgen' ifconfig em2 create hme x
case_ 'a Linux interface that does not exist' has 'no such Linux interface' ifconfig em2 create packet nope
case_ 'a prefix must be said' has 'how long' ifconfig em1 inet 10.3.0.1
case_ 'an interface that does not exist' not ifconfig em9 up

# ---- packets

case_ 'the router answers' ping_ 10.1.0.1
case_ 'and its far address' ping_ 10.2.0.1
case_ 'through it' ping_ 10.2.0.2
case_ 'in fragments' ping_ -s 5000 10.2.0.2
case_ 'nothing is lost of a thousand' \
    has ' 0% packet loss' ns hostA ping -q -c 1000 -f -W 2 10.2.0.2
case_ 'time to live ends here' has 'Time to live exceeded' ns hostA ping -c 1 -t 1 10.2.0.2
case_ 'no route is told' answers 'Net Unreachable\|Network is unreachable\|Unreachable' 10.66.0.1
case_ 'neighbours are known' has '10.2.0.2 .*em1' netstat -A

ns hostB iperf3 -s -D >/dev/null 2>&1
pause
case_ 'a TCP stream' stream 300M
case_ 'the other way' stream 300M -R
case_ 'small segments' stream 3M '-M 200'
forwarded() { netstat -s -p ip | awk '/packets forwarded/ { exit !($1 > 1000) } '; }
case_ 'forwarded packets are counted' forwarded
case_ 'no transmit drop' not has 'transmit queue full' netstat -s
in_equals_out() {
	ifconfig -j | python3 -c '
import json, sys
i = {x["name"]: x for x in json.load(sys.stdin)["interfaces"]}
a, b = i["em0"], i["em1"]
sys.exit(not (a["ibytes"] > 3e8 and b["obytes"] > 3e8 and b["ibytes"] > 3e8 and a["obytes"] > 3e8))'
}
case_ 'bytes in and out are counted on both sides' in_equals_out
case_ 'rates' has 'pkt/s' netstat -w 1 -c 1
case_ 'workers' has '^ *0 ' netstat -m
columns() { ! { netstat -i; netstat -r; netstat -A; netstat -m; } | grep -q '.\{81\}'; }
case_ 'tables fit 80 columns' columns

# ---- routes

case_ 'a route' route add -net 10.9.0.0/16 10.2.0.2
case_ 'the same again is refused' has 'exists' route add 10.9.0.0/16 10.2.0.2
case_ 'route get' has 'gateway: 10.2.0.2' route get 10.9.8.7
case_ 'route show' has '^10.9.0.0/16 *10.2.0.2 *UGS' route show
case_ 'netstat -r says the same' has '^10.9.0.0/16 *10.2.0.2 *UGS' netstat -r
ip -n "$NET-hostB" addr add 10.9.0.5/32 dev lo
case_ 'and packets go there' ping_ 10.9.0.5
case_ 'a gateway on no network is refused' has 'no connected network' route add 10.8.0.0/16 172.16.0.1
case_ 'blackhole instead' route change 10.9.0.0/16 -blackhole x
case_ 'is silent' not has 'Unreachable\|bytes from' ns hostA ping -c 1 -W 1 10.9.0.5
case_ 'and counted' has 'blackhole' netstat -s
case_ 'delete' route delete 10.9.0.0/16
case_ 'twice is refused' not route delete 10.9.0.0/16

# ---- settings

case_ 'forwarding off' sysctl net.inet.ip.forwarding=0
case_ 'nothing passes' not ping_ -c 1 10.2.0.2
case_ 'counted by name' has 'forwarding disabled' netstat -s
case_ 'forwarding on' sysctl net.inet.ip.forwarding=1
case_ 'passes again' ping_ 10.2.0.2
case_ 'out of range is refused' has 'not within' sysctl net.inet.ip.ttl=256
case_ 'unknown is refused' has 'no such setting' sysctl net.inet.ip.speed
case_ 'read only is refused' has 'only be read' sysctl kern.workers=2

# ---- captures

case_ 'capture into a file' ifconfig em0 capture "$TMPDIR/em0.pcap"
ping_ 10.2.0.2 >/dev/null
case_ 'end of it' ifconfig em0 -capture
pause
case_ 'tcpdump reads both directions' \
    has '10.2.0.2 > 10.1.0.2: ICMP echo reply' tcpdump -n -r "$TMPDIR/em0.pcap"
case_ 'six packets' test "$(tcpdump -n -r "$TMPDIR/em0.pcap" icmp 2>/dev/null | grep -c ICMP)" -eq 6
(ifconfig em1 capture - snaplen 96 | tcpdump -l -n -c 2 -r - icmp >"$TMPDIR/live" 2>&1) &
pause
ping_ 10.2.0.2 >/dev/null
pause
case_ 'capture into a pipe' has 'ICMP echo request' cat "$TMPDIR/live"
ping_ 10.2.0.2 >/dev/null
pause
case_ 'ends with its reader' has 'no capture runs' ifconfig em1 -capture

# ---- change under traffic

under_traffic() {	# under_traffic command...: a stream survives it
	ns hostA iperf3 -c 10.2.0.2 -t 3 >"$TMPDIR/iperf" 2>&1 &
	_p=$!
	sleep 1
	"$@" || return 1
	wait $_p && grep receiver "$TMPDIR/iperf"
}
downup() { ifconfig em1 down; sleep 0.2; ifconfig em1 up; }
more() {
	for _i in 1 2 3 4 5; do
		ifconfig em2 create pktgen sink && ifconfig em2 10.7.0.1/24 &&
		    route add 10.99.0.0/16 10.7.0.2 && ifconfig em2 destroy || return 1
	done
}
case_ 'down and up under traffic' under_traffic downup
case_ 'interfaces come and go under traffic' under_traffic more
case_ 'and take their routes along' not has '10.99' route show
case_ 'an MTU is no larger than its device has it' \
    has 'em1: an MTU is 68 to 1500 bytes for its device, wan' not ifconfig em1 mtu 1501
case_ 'as large is well' ifconfig em1 mtu 1500
case_ 'smaller MTU: too big is told' ifconfig em1 mtu 1300
case_ 'fragments of what may be cut' ping_ -s 1400 -M dont 10.2.0.2
case_ 'path MTU is learnt' has 'mtu *= *1300\|Frag needed\|frag needed' \
    ns hostA ping -c 2 -s 1400 -M do 10.2.0.2
case_ 'and a stream adapts' stream 50M
case_ 'destroy' ifconfig em1 destroy
case_ 'nothing of it is left' not has 'em1' sh -c 'ifconfig; route show; netstat -A'
buffers() { netstat -m -j | python3 -c '
import json, sys
w = json.load(sys.stdin)["workers"][0]
sys.exit(not (w["small"] - w["small_free"] <= 64 and w["large"] - w["large_free"] <= 64))'; }
case_ 'all buffers are back but those that wait in em0' buffers

# ---- end

case_ 'ends on a signal' kill "$netkern"
wait "$netkern"
case_ 'with 0' test $? -eq 0
netkern=
case_ 'then the tools say so' has 'not running' ifconfig
summary
