#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Assertions between real gateways: a commit that would lock out is refused by
# them, and not one packet of the traffic through the tunnel is lost; what the
# trial says of a packet that came through the tunnel's SA, explain says of
# the SA that IKE negotiated.
#
#	hostA ------- gwA ====tunnel==== gwB ------- hostB
#	commits on gwA

set -u
. "$TOP/regress/live/two.sh"
two_up active passive
export NET W

cd "$W" || exit 1
cat >network.conf <<'END'
interface lan0 create packet lan0 inet 10.1.0.1/24
interface wan0 create packet wan0 inet 192.0.2.1/24
route add default 192.0.2.2
END
cat >assert.conf <<'END'
# the branch, both ways, never in clear
expect protect "paris" in on lan0 proto { icmp udp tcp } from 10.1.0.2 to 10.2.0.2
expect pass in on wan0 proto icmp from 10.2.0.2 to 10.1.0.2 came-through paris
expect block reason SPD_CLEAR in on wan0 proto icmp from 10.2.0.2 to 10.1.0.2
# IKE, and ESP to us
expect deliver in on wan0 proto udp from 192.0.2.2 port 500 to 192.0.2.1 port 500
expect pass in on wan0 proto esp from 192.0.2.2 to 192.0.2.1
# and the way to the peer
expect pass via wan0 out proto udp from 192.0.2.1 port 500 to 192.0.2.2 port 500
# the router itself, and the provider
expect deliver in on lan0 proto icmp from 10.1.0.2 to 10.1.0.1
expect block in on wan0 proto tcp from 192.0.2.2 to 10.1.0.2 port 22
END
chmod 600 *.conf
all() { gw A ipsecctl commit -m 'all parts' --network network.conf --pf A/pf.conf --assert assert.conf; }
case_ 'the tunnel comes up' wait_for 20 up
case_ 'all parts in one commit' all
case_ 'the tunnel is still up' up

# The ways to lock oneself out.
mkdir block tunnel peer route down gateway ike
echo 'block all' >block/pf.conf
: >tunnel/iked.conf
sed 's/10.2.0.0/10.9.0.0/' A/iked.conf >peer/iked.conf
{ cat network.conf; echo 'route add -blackhole 10.1.0.2/32'; } >route/network.conf
{ cat network.conf; echo 'interface wan0 down'; } >down/network.conf
sed 's/lan0 inet 10.1.0.1/lan0 inet 10.4.0.1/' network.conf >gateway/network.conf
sed '/500/d' A/pf.conf >ike/pf.conf
chmod 600 */*.conf

newest() { gw A ipsecctl history | sed -n 2p; }
drops() { gw A netstat -j -s | tr -d ' \n'; }
state() {		# what runs: rules, interfaces, routes, flows
	gw A pfctl -s rules; gw A ifconfig | grep -v packets; gw A route show 2>/dev/null
	gw A ipsecctl -s flow
}

lockout() {		# lockout FOLDER WORDS
	_before=$(newest) _state=$(state)
	set -- "$2" "$1"/*.conf
	_words=$1; shift
	_args=
	for _f; do _args="$_args -f $_f"; done
	gw A ipsecctl commit -m 'a mistake' $_args >out 2>&1 && { echo 'was committed'; return 1; }
	cat out
	grep -q 'assertions fail:' out && grep -q "$_words" out &&
	[ "$(newest)" = "$_before" ] && [ "$(state)" = "$_state" ]
}
every_lockout() {
	lockout block 'blocked by rule (PF_BLOCK)' &&
	lockout tunnel 'assert.conf:2: expect protect "paris"' &&
	lockout peer 'no policy for a packet that came through an SA' &&
	lockout route 'blackhole route (IP_BLACKHOLE)' && lockout down 'interface down (IF_DOWN)' &&
	lockout gateway 'assert.conf:11: expect deliver' &&
	lockout ike 'expect deliver in on wan0 proto udp from 192.0.2.2 port 500'
}
case_ 'seven lock-outs are refused, and every packet is answered' through 150 every_lockout

# Of a packet that came through the SA.
real() { gw A ipsecctl explain "$@" came-through paris | grep -v '^[prncvs].*SA 0x\|^state\|^packet\|^came' >"$W/real"; }
agrees() {		# agrees words...: the trial has the stages of explain
	printf 'expect pass %s came-through paris\nexpect block %s came-through paris\n' \
	    "$*" "$*" >try.conf
	chmod 600 try.conf
	real "$@"
	gw A ipsecctl check --assert try.conf 2>&1 | sed -n 's/^	//p' |
	    sed 's/entry [0-9]*/entry/' >trial
	sed 's/entry [0-9]*/entry/' real >said
	[ -s trial ] || { echo 'the trial says nothing'; return 1; }
	while read -r _line; do
		grep -qF -- "$_line" said || { echo "not said: $_line"; cat said; return 1; }
	done <trial
}
case_ 'through the SA' agrees in on wan0 proto icmp from 10.2.0.2 to 10.1.0.2
case_ 'through the SA, to the router' agrees in on wan0 proto icmp from 10.2.0.2 to 10.1.0.1
case_ 'through the SA, a connection' agrees in on wan0 proto tcp from 10.2.0.9 to 10.1.0.2 port 22

good() {
	{ cat A/pf.conf; echo 'pass in on lan0 proto tcp label "more"'; } >good.conf
	chmod 600 good.conf
	gw A ipsecctl commit --pf good.conf && gw A pfctl -s rules | grep -q more
}
case_ 'a commit that keeps them is taken, without a packet lost' through 60 good
case_ 'the tunnel is up' up
summary
