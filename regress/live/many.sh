#!/bin/sh
# SPDX-License-Identifier: ISC
#
# One change among very many tunnels: of 10,000 configured some hundreds are up
# and have carried traffic; one changes.  It alone gets new SAs; SPIs and counters
# of all others are what they were, and traffic through another loses nothing.
# Printed: how long it took, and the processor time of iked's processes.
#
#	hostA ------- gwA ============= gwB ------- hostB

set -u
. "$TOP/regress/live/two.sh"
CONFIGURED=10000
UP=300
many() { /usr/bin/python3 "$TOP/regress/live/many.py" "$@"; }
two_conf_real() { two_conf passive passive; rm -f "$W"/?/iked.conf; }
trap two_end EXIT
trap 'exit 130' INT TERM
[ "$(id -u)" = 0 ] || { echo 'needs root for network namespaces'; exit 77; }
topo_up || { echo 'no network namespaces here'; exit 77; }
two_conf_real
umask 077
many conf B $UP $UP >"$W/B/iked.conf"
many conf A $CONFIGURED $UP >"$W/A/many.conf"
many conf A $CONFIGURED $UP 77 >"$W/A/changed.conf"
umask 022
for g in $GATEWAYS; do
	gateway_start $g || { echo "gateway $g did not start"; logs 40; exit 1; }
done

status() { gw A ikectl -j status >"$W/$1.json"; }
are_up() { status up && many up "$W/up.json" $((UP + 1)); }
case_ "$CONFIGURED tunnels are configured" gw A ipsecctl -f "$W/A/many.conf"
began=$(date +%s%N)
case_ "$UP of them come up" wait_for 20 are_up
echo "after $((($(date +%s%N) - began) / 1000000)) ms"
case_ 'each has carried a packet' ns hostA /usr/bin/python3 "$TOP/regress/live/many.py" send $UP

processes() { echo "$(cat "$W/A/iked.pid") $(pgrep -P "$(cat "$W/A/iked.pid")" | tr '\n' ' ')"; }
cpu() { for _p in $(processes); do awk '{ printf "%d ", $1 / 1000 }' "/proc/$_p/schedstat"; done; }
change() {
	_c=$(cpu) _t=$(date +%s%N)
	gw A ipsecctl -f "$W/A/$1.conf" || return 1
	_t=$((($(date +%s%N) - _t) / 1000000))
	sleep 1.5
	# shellcheck disable=SC2086
	set -- $_c $(cpu)
	printf 'committed in %d ms; iked: %s; us of parent, auth, ike: %d %d %d\n' $_t \
	    "$(sed -n 's/.*revision [0-9]* is \(in force .*\)/\1/p' "$W/A/iked.log" | tail -1)" \
	    $(($4 - $1)) $(($5 - $2)) $(($6 - $3)) >>"$W/figures"
}
sleep 0.5
case_ 'the status before' status before
case_ 'one of them changes: another loses nothing' through 120 change changed
case_ 'the status after' status after
cat "$W/figures"
case_ 'it alone has new SAs, all others have SPIs and counters as before' many same "$W/before.json" "$W/after.json" t77
peer_changed() { [ "$(gw B ikectl history t77 | grep -c child-up)" -eq 2 ]; }
case_ 'the peer has made that one anew' wait_for 5 peer_changed
peer_others() { [ "$(gw B ikectl history | grep -c ' child-down')" -eq 1 ]; }
case_ 'and no other' peer_others
case_ 'the same again changes nothing' through 120 change changed
case_ 'the status after that' status again
case_ 'not one SPI is new' many same "$W/after.json" "$W/again.json" none
tail -1 "$W/figures"
summary
