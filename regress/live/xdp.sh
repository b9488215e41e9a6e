#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Interfaces by AF_XDP: two routers in clear, then with a tunnel; what Linux
# sees, what is left behind by a router that is killed, and what is done about
# devices that cannot.  veth devices have native XDP and no zero copy.
#
#	hostA ------- gwA ------------- gwB ------- hostB
#
# Frames that a veth's peer hands over with an unfinished checksum would stay
# so: the hosts finish theirs (ethtool -K eth0 tx off).

set -u
DRIVER=xdp
. "$TOP/regress/live/two.sh"
[ "$(id -u)" = 0 ] || { echo 'needs root for network namespaces'; exit 77; }
trap two_end EXIT
trap 'exit 130' INT TERM
topo_up || { echo 'no network namespaces here'; exit 77; }
# The two workers of A share the one queue by which its lan0 sends; the one of B
# serves four.
lan() {			# lan A QUEUES-TO-RECEIVE TO-SEND
	ip -n "$NET-gw$1" link del lan0
	ip link add eth0 netns "$NET-host$1" numtxqueues $2 numrxqueues $3 type veth \
	    peer name lan0 netns "$NET-gw$1" numtxqueues $3 numrxqueues $2
	ns host$1 ethtool -L eth0 rx $3 tx $2 2>/dev/null
	ns gw$1 ethtool -L lan0 rx $2 tx $3 2>/dev/null
	ns host$1 ethtool -K eth0 tx off txvlan off >/dev/null
	ip -n "$NET-gw$1" link set lan0 up
	ip -n "$NET-host$1" addr add "$(lan_of $1).2/24" dev eth0
	ip -n "$NET-host$1" link set eth0 up
	ip -n "$NET-host$1" route add default via "$(lan_of $1).1"
}
lan A 2 1
lan B 4 4

has() { _what=$1; shift; "$@" 2>&1 | grep -q -- "$_what"; }
mode() { gw $1 ifconfig -j $2 | python3 -c '
import json, sys
print(json.load(sys.stdin)["interfaces"][0]["mode"])'; }
ping_() { ns hostA ping -q -c 3 -i 0.1 -W 2 "$@"; }
linux_saw() { ns gw$1 awk '/^Ip:/ { n = $3 } END { print n }' /proc/net/snmp; }
attached() { ip -n "$NET-gw$1" -d link show $2 | grep -q 'prog/xdp'; }

netkern_start A -w 2 && netkern_start B || { logs; exit 1; }
gw A route add 10.2.0.0/24 192.0.2.2
gw B route add 10.1.0.0/24 192.0.2.1
for i in A:lan0 A:wan0 B:lan0 B:wan0; do
	case_ "$i is driven by AF_XDP" test "$(mode ${i%:*} ${i#*:})" = 'xdp copy'
	case_ "$i has the program" attached ${i%:*} ${i#*:}
done
case_ 'ifconfig shows it' has 'driver xdp lan0 by xdp copy' gw A ifconfig lan0
case_ 'the device finishes nothing' not has options gw A ifconfig lan0
case_ 'nobody else gets it' \
    has 'lan0: somebody else has it by AF_XDP' gw A ifconfig em9 create xdp lan0
saw=$(linux_saw A)
case_ 'the router answers' ping_ 10.1.0.1
case_ 'through two routers' ping_ 10.2.0.2
case_ 'small and large' ns hostA sh -c 'for s in 0 1 17 64 511 1471 1472; do
	ping -q -c 1 -W 2 -M do -s $s 10.2.0.2 || exit 1; done'
case_ 'in fragments' ping_ -s 5000 10.2.0.2
case_ 'nothing is lost of a thousand' \
    has ' 0% packet loss' ns hostA ping -q -c 1000 -f -W 2 10.2.0.2
case_ 'Linux saw none of it' test "$(linux_saw A)" = "$saw"

stream() {		# stream option...
	ns hostB iperf3 -s -1 >/dev/null 2>&1 &
	wait_for 5 ns hostB sh -c 'ss -ltn | grep -q :5201' &&
	ns hostA timeout 20 iperf3 -c 10.2.0.2 "$@"
}
case_ 'a TCP stream' stream -n 50M
case_ 'the other way' stream -n 50M -R
case_ 'from all queues' stream -n 50M -R -P 8
# Of 20,000 datagrams at most a tenth is lost, in one of three tries: a machine
# with other work loses some in the buffers of iperf.
udp() {
	stream -u -b 100M -l 1200 -n 24M -J >"$W/udp" || return 1
	python3 -c '
import json, sys
s = json.load(open(sys.argv[1]))["end"]["sum"]
print(s)
sys.exit(not (s["packets"] >= 20000 and s["lost_percent"] < 10))' "$W/udp"
}
udp_at_last() { udp || udp || udp; }
case_ 'UDP' udp_at_last

frames() {		# frames A PART: used is at most that part of them
	gw $1 netstat -m -j | python3 -c '
import json, sys
for w in json.load(sys.stdin)["workers"]:
    used = w["frames"] - w["frames_free"]
    print("used", used, "of", w["frames"])
    if w["frames"] == 0 or used > w["frames"] * float(sys.argv[1]):
        sys.exit(1)' $2
}
for g in $GATEWAYS; do
	case_ "all frames of $g are back but those to receive into" wait_for 3 frames $g 0.75
done

# ---- a router that is killed

stop_program A netkern KILL
gone() { ! attached A lan0 && ! attached A wan0; }
case_ 'killed: its programs are gone' wait_for 3 gone
case_ 'it comes back' netkern_start A -w 2
case_ 'with AF_XDP' test "$(mode A lan0)" = 'xdp copy'
case_ 'and answers' ping_ 10.1.0.1

# ---- devices that cannot

said() { grep -q -- "$2" "$W/$1/netkern.log"; }
ip -n "$NET-gwA" link add bridge0 type bridge || exit 1
case_ 'no native XDP: by AF_PACKET' gw A ifconfig em1 create xdp bridge0
case_ 'that is shown' has 'xdp bridge0 by packet' gw A ifconfig em1
case_ 'and the reason told' said A 'em1: by AF_PACKET, not AF_XDP: bridge0: no native XDP'
case_ 'generic, if asked for' \
    sh -c "$(command -v ip) netns exec $NET-gwA env RAVELIN_RUN='$W/A/run' sh -c \
    '$BIN/ifconfig em1 destroy; $BIN/ifconfig em1 create xdp bridge0,generic; $BIN/ifconfig em1' |
    grep -q 'by xdp generic'"
ip -n "$NET-gwA" link set bridge0 mtu 9000
case_ 'an MTU larger than a frame of AF_XDP' \
    has 'em1: an MTU is 68 to [0-9]* bytes for its device, bridge0.* by xdp' not gw A ifconfig em1 mtu 9000
case_ 'one that fits' gw A ifconfig em1 mtu 1600
gw A ifconfig em1 destroy
case_ 'gone with the interface' not attached A bridge0
case_ 'an MTU that is too big for it' gw A ifconfig em1 create xdp bridge0
case_ 'the same' said A 'takes an MTU of at most'
gw A ifconfig em1 destroy
ip -n "$NET-gwA" link set bridge0 mtu 1500
ip -n "$NET-gwA" link add veth0 type veth peer name veth1
case_ 'the better one of a device without zero copy' gw A ifconfig em1 create nic veth0
case_ 'is AF_PACKET' has 'nic veth0 by packet' gw A ifconfig em1
case_ 'and why' said A 'em1: by AF_PACKET, not AF_XDP: veth0: no zero copy'
gw A ifconfig em1 destroy
gw A ifconfig em1 create xdp veth0,promisc
promiscuous() { ip -n "$NET-gwA" -d link show veth0 | grep -q 'promiscuity 1'; }
case_ 'what is for others, if asked for' promiscuous
gw A ifconfig em1 destroy
case_ 'and no longer' not promiscuous
ip -n "$NET-gwA" link add veth2 numtxqueues 4 numrxqueues 4 type veth peer name veth3
for i in veth2 veth3; do ns gwA ethtool -L $i rx 1 tx 1; ns gwA ethtool -K $i gro on; done
state() { ns gwA ethtool -l veth2; ns gwA ethtool -k veth2 | grep -E '^(rx-vlan|generic-receive)-off'; }
found() {		# found MODE: changed for it, and as it was behind it
	gw A ifconfig em1 create xdp "veth2${1:-}" || return 1
	state >"$W/set"
	gw A ifconfig em1 destroy
	state >"$W/left"
	diff "$W/was" "$W/left" && ! cmp -s "$W/was" "$W/set"
}
state >"$W/was"
case_ 'a device is left as it was found' found
case_ 'the same with generic' found ,generic
case_ 'an option that it does not have' has 'promisc, copy, generic' \
    gw A ifconfig em2 create xdp veth1,shared
case_ 'a device that does not exist' has 'no such Linux interface' gw A ifconfig em2 create nic nope0

case_ 'a device that is no Ethernet' has 'is no Ethernet' gw A ifconfig em2 create nic lo

# ---- gone and back

again() {
	for _i in 1 2 3; do
		gw A ifconfig lan0 destroy && ! attached A lan0 &&
		    gw A ifconfig lan0 create xdp lan0 && gw A ifconfig lan0 10.1.0.1/24 || return 1
	done
	ping_ 10.1.0.1
}
ns hostA ping -q -f -w 3 10.1.0.1 >/dev/null 2>&1 &
case_ 'destroyed and made under traffic' again
wait $!
case_ 'nothing is lost by that' not said A 'not used again'

# ---- devices that take nothing: set down, of which netkern is not told

blast() {		# blast HOST ADDRESS: more than a ring holds
	ns host$1 python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(5000):
    s.sendto(bytes(100), (sys.argv[1], 1000 + i % 64))
    if i % 32 == 0:
        time.sleep(0.002)' $2
}
ip link add st0 netns "$NET-gwB" type veth peer name st0 netns "$NET-hostB"
ip -n "$NET-hostB" link set st0 up
ip -n "$NET-hostB" addr add 10.9.0.2/24 dev st0
gw A route add 10.2.0.0/24 192.0.2.2
gw B ifconfig em2 create xdp st0
gw B ifconfig em2 10.9.0.1/24
gw B route add 10.8.0.0/24 10.9.0.2
case_ 'a third device of B' ns hostB ping -q -c 1 -W 2 10.9.0.1
case_ 'and its second' ns hostB ping -q -c 1 -W 2 10.1.0.1
ip -n "$NET-gwB" link set st0 down
ip -n "$NET-gwB" link set wan0 down
blast B 10.8.0.1
blast B 10.1.0.1
case_ 'two that take nothing do not stop the other' ns hostB ping -q -c 3 -i 0.1 -W 2 10.2.0.1
ip -n "$NET-gwA" link set wan0 down
blast A 10.2.0.2
none() { gw A ifconfig lan0 destroy && gw A ifconfig wan0 destroy && frames A 0; }
case_ 'all frames are back' none
case_ 'nothing is lost by that, either' not said A 'not used again'
stop_program A netkern
stop_program B netkern

# ---- a tunnel

two_conf active passive
for g in $GATEWAYS; do
	gateway_start $g || { logs 40; exit 1; }
done
case_ 'a tunnel comes up' wait_for 20 up
case_ 'and takes packets' ping_ 10.2.0.2
case_ 'a TCP stream through it' stream -n 30M
case_ 'the other way through it' stream -n 30M -R
case_ 'rekeyed without a loss' through 50 gw A ikectl rekey paris
summary
