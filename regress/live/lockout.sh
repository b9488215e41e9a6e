#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Twenty lock-outs: an operator commits what cuts off his own way to the
# router, cannot confirm it, and the router comes back by itself on time; also
# if the client is killed, or policyd, or policyd stays away too long.
#
#	hostA ------- gwA ------------- gwB ------- hostB
#	operator

set -u
. "$TOP/regress/live/two.sh"
GATEWAYS='A B'
SPAN=2			# seconds until it goes back

[ "$(id -u)" = 0 ] || { echo 'needs root for network namespaces'; exit 77; }
trap two_end EXIT
trap 'exit 130' INT TERM
topo_up || { echo 'no network namespaces here'; exit 77; }

ms() { date +%s%3N; }
probe() { ns hostA ping -q -c 1 -W 0.3 10.2.0.2; }
policyd_start() { run_in_background A policyd -d; wait_for 5 test -S "$W/A/run/policy.sock"; }
policyd_kill() { stop_program A policyd KILL; rm -f "$W/A/run/policy.sock"; }

netkern_start A && netkern_start B && gw B route add 10.1.0.0/24 192.0.2.1 &&
    gw B pfctl -f - <<'END' || { echo 'the gateways did not start'; logs 20; exit 1; }
pass
END
policyd_start || { echo 'policyd did not start'; logs 20; exit 1; }

cd "$W" || exit 1
cat >network.conf <<'END'
interface lan0 create packet lan0 inet 10.1.0.1/24
interface wan0 create packet wan0 inet 192.0.2.1/24
route add default 192.0.2.2
END
echo 'pass' >pf.conf
: >ipsec.conf
chmod 600 *.conf
case_ 'all parts in one commit' gw A ipsecctl commit -m 'all parts' \
    -f network.conf -f pf.conf -f ipsec.conf
case_ 'the operator gets through' wait_for 5 probe
case_ 'what was found running is a revision' sh -c \
    "$(command -v ip) netns exec $NET-gwA env RAVELIN_RUN=$W/A/run RAVELIN_DB=$W/A/policy.db $BIN/ipsecctl history | grep -q 'as it was found running'"

checked() {		# says what would change, and changes nothing
	echo 'block all' >c.conf
	sed 's/^route.*//' network.conf >cn.conf
	chmod 600 c.conf cn.conf
	gw A ipsecctl check --pf c.conf --network cn.conf >out || return 1
	cat out
	grep -q '^-pass' out && grep -q '^+block' out &&
	grep -q '^! without route add default 192.0.2.2' out && probe
}
case_ 'check changes nothing' checked

# The ways to lock oneself out.
mkdir block tunnel route down gateway all
echo 'block all' >block/pf.conf
echo 'flow from 10.1.0.0/24 to 10.2.0.0/24 local 192.0.2.1 peer 192.0.2.9' >tunnel/ipsec.conf
sed 's/^route.*/route add -blackhole 10.2.0.0\/24/' network.conf >route/network.conf
{ cat network.conf; echo 'interface lan0 down'; } >down/network.conf
sed 's/192.0.2.2$/192.0.2.200/' network.conf >gateway/network.conf
cp block/* tunnel/* route/* all
chmod 600 */*.conf

newest() { gw A ipsecctl history | sed -n 2p; }
in_force() { newest | grep -q ' policyd  *in force'; }

commit() {		# commit FOLDER
	set -- "$1"/*.conf
	_args=
	for _f; do _args="$_args -f $_f"; done
	gw A ipsecctl commit -m 'a mistake' --confirm ${SPAN}s $_args
}

lockout() {		# lockout FOLDER HOW
	probe >/dev/null || { echo 'no way through before'; return 1; }
	_begin=$(ms)
	case $2 in
	client)		# the operator's program dies with his session
		commit "$1" & _client=$!
		wait_for 1 sh -c "! ip netns exec $NET-hostA ping -q -c 1 -W 0.2 10.2.0.2"
		kill -9 $_client 2>/dev/null
		wait $_client 2>/dev/null ;;
	*)	commit "$1" || return 1 ;;
	esac
	wait_for 1 not probe || { echo 'was not cut off'; return 1; }
	case $2 in
	policyd) policyd_kill; policyd_start || return 1 ;;
	absent)	policyd_kill
		while [ $(($(ms) - _begin)) -lt $((SPAN * 1000 + 400)) ]; do sleep 0.1; done
		probe && { echo 'came back without policyd?'; return 1; }
		policyd_start || return 1 ;;
	esac
	wait_for 4 probe || { echo 'did not come back'; return 1; }
	_took=$(($(ms) - _begin))
	echo "back after $_took ms"
	[ $_took -ge $((SPAN * 1000 - 200)) ] && [ $_took -le $((SPAN * 1000 + 1500)) ] &&
	wait_for 2 in_force
}

begin=$(ms)
for way in block tunnel route down gateway; do
	for how in patient client policyd absent; do
		case_ "locked out: $way, $how" lockout $way $how
	done
done
took=$(($(ms) - begin))
echo "twenty lock-outs in $took ms"
case_ 'within 90 seconds' test $took -lt 90000

case_ 'all parts at once' lockout all patient
confirmed() {
	echo 'pass quick' >good.conf
	chmod 600 good.conf
	gw A ipsecctl commit --confirm ${SPAN}s --pf good.conf &&
	gw A ipsecctl confirm && sleep $((SPAN + 1)) &&
	gw A pfctl -s rules | grep -q quick
}
case_ 'what is confirmed stays' confirmed
foreign() {		# rules that pfctl loaded by hand
	echo 'pass' | gw A pfctl -f - && gw A ipsecctl history >/dev/null 2>out
	grep -q 'another program has loaded rules' out || return 1
	gw A ipsecctl commit --pf good.conf && gw A pfctl -s rules | grep -q quick &&
	! gw A ipsecctl history 2>&1 | grep 'another program'
}
case_ 'rules loaded by others are told, and go with the next commit' foreign
refused() {
	sed 's/^route.*/route add default 203.0.113.1/' network.conf >bad.conf
	echo 'pass quick label "half"' >half.conf
	chmod 600 bad.conf half.conf
	! gw A ipsecctl commit --network bad.conf --pf half.conf >out 2>&1 || return 1
	cat out
	grep -q 'network: ' out && grep -q 'nothing of it stays' out &&
	! gw A pfctl -s rules | grep -q half && wait_for 2 probe
}
case_ 'a part that is refused takes the whole with it' refused
summary
