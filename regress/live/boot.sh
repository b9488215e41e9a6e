#!/bin/sh
# SPDX-License-Identifier: ISC
#
# A start from nothing: netkern -P forwards nothing until policyd has put the
# newest revision in force, filter, interfaces and routes with it; the same
# from the export if the store is damaged.
#
#	hostA ------- gwA ------------- gwB ------- hostB

set -u
. "$TOP/regress/live/two.sh"

[ "$(id -u)" = 0 ] || { echo 'needs root for network namespaces'; exit 77; }
trap two_end EXIT
trap 'exit 130' INT TERM
topo_up || { echo 'no network namespaces here'; exit 77; }

probe() { ns hostA ping -q -c 1 -W 0.3 10.2.0.2; }
setting() { [ "$(gw A sysctl -n net.policy.wait)" = "$1" ]; }
waits() { gw A netstat -s | grep -q 'policy is not in force yet'; }
policyd_start() { run_in_background A policyd -d; wait_for 5 test -S "$W/A/run/policy.sock"; }
netkern_alone() {	# waits for its policy, knows no interface
	run_in_background A netkern -d -P
	wait_for 10 test -S "$W/A/run/netkern.sock" && wait_for 10 gw A ifconfig
}
all_stop() {
	stop_program A policyd KILL
	stop_program A netkern KILL
	rm -f "$W"/A/run/*.sock
}

netkern_start A -P && gw A route add default 192.0.2.2 &&
    netkern_start B && gw B route add 10.1.0.0/24 192.0.2.1 &&
    gw B pfctl -f - <<'END' || { echo 'the gateways did not start'; logs 20; exit 1; }
pass
END
case_ 'netkern -P waits' setting 1
case_ 'and forwards nothing' not probe
case_ 'which is counted' waits
case_ 'the router itself answers' ns hostA ping -q -c 1 -W 1 10.1.0.1
case_ 'the setting cannot be set back' not gw A sysctl net.policy.wait=1
case_ 'policyd starts' policyd_start
case_ 'without a revision nothing is protected' wait_for 3 setting 0
case_ 'the way is open' wait_for 3 probe

cd "$W" || exit 1
cat >network.conf <<'END'
interface lan0 create packet lan0 inet 10.1.0.1/24
interface wan0 create packet wan0 description "to B" inet 192.0.2.1/24
route add default 192.0.2.2
END
printf '%s\n' 'block all' 'pass proto icmp label "stored"' >pf.conf
chmod 600 *.conf
case_ 'a revision with all parts' gw A ipsecctl commit -f network.conf -f pf.conf
all_there() {
	gw A pfctl -s rules | grep -q stored && gw A route show | grep -q default &&
	gw A ifconfig wan0 | grep -q 'to B' && probe
}
case_ 'is in force' wait_for 3 all_there

all_stop
case_ 'netkern starts again' netkern_alone
case_ 'with nothing' not gw A ifconfig wan0
case_ 'policyd brings all back' policyd_start
case_ 'filter, interfaces, routes' wait_for 5 all_there
case_ 'and netkern waits no more' setting 0
case_ 'the last good export follows' wait_for 10 grep -q '^# revision 2' "$W/A/policy.db.export"

all_stop
dd if=/dev/urandom of="$W/A/policy.db" bs=4096 count=4 conv=notrunc 2>/dev/null
rm -f "$W"/A/policy.db-*
: >"$W/A/policyd.log"
case_ 'the store is damaged; netkern starts' netkern_alone
case_ 'policyd starts' policyd_start
case_ 'all comes back from the export' wait_for 5 all_there
case_ 'loudly' grep -q 'damaged: going on with its last export' "$W/A/policyd.log"
case_ 'nothing can be committed' not gw A ipsecctl commit -f pf.conf

all_stop
rm -f "$W/A/policy.db.export"
case_ 'no export either; netkern starts' netkern_alone
gw A ifconfig lan0 create packet lan0 && gw A ifconfig lan0 inet 10.1.0.1/24 up
gw A ifconfig wan0 create packet wan0 && gw A ifconfig wan0 inet 192.0.2.1/24 up
gw A route add default 192.0.2.2
case_ 'policyd refuses to start' not policyd_start
case_ 'and nothing is forwarded' not probe
summary
