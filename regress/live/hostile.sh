#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Random bytes on UDP 500 and 4500, and on the key socket, change no state, and
# honest traffic goes on meanwhile.
#
#	hostA ------- gwA ============= gwB ------- hostB

set -u
. "$TOP/regress/live/two.sh"
two_up active passive

state() {
	gw A ikectl -j status | grep -v -e '_s"' -e bytes
	gw A ipsecctl -s flow
	gw A ipsecctl -s sa
	gw A pfctl -s rules
	gw A ifconfig
	gw A route show
}
attack() {		# attack WHAT WHERE SECONDS
	PYTHONDONTWRITEBYTECODE=1 ns hostA /usr/bin/python3 "$TOP/regress/live/hostile.py" "$1" "$2" "$3" 20261121
}
case_ 'the tunnel comes up' wait_for 15 up
same() { state >"$W/after"; diff "$W/before" "$W/after"; }
alive() { ns hostA ping -q -c 5 -i 0.05 -W 2 10.2.0.2; }
measured() { gw A ikectl status -j | grep -q '"path_mtu"'; }
case_ 'what size of packet reaches the peer is known' wait_for 20 measured
sleep 0.5
state >"$W/before"
case_ 'random datagrams to IKE ports for 10 s' attack udp 10.1.0.1 10
case_ 'change nothing' same
case_ 'the tunnel carries traffic' alive
case_ 'random records to the key socket for 10 s' attack sock "$W/A/run/key.sock" 10
case_ 'change nothing' same
case_ 'random records to the control socket' attack sock "$W/A/run/netkern.sock" 3
case_ 'netkern lives on' gw A ifconfig
case_ 'random records to the UDP socket' attack sock "$W/A/run/udp.sock" 3
case_ 'random records to ikectl'\''s socket' attack sock "$W/A/run/iked.sock" 3
case_ 'iked lives' gw A ikectl stats
case_ 'random records to policyd'\''s socket' attack sock "$W/A/run/policy.sock" 3
case_ 'change nothing either' same
case_ 'and the tunnel carries traffic' alive
summary
