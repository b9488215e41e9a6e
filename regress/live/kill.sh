#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Daemons die: iked killed under traffic loses no packet, and a new one takes
# over; policyd likewise; netkern comes back with its policy and its tunnels.
#
#	hostA ------- gwA ============= gwB ------- hostB

set -u
. "$TOP/regress/live/two.sh"
two_up active passive

case_ 'the tunnel comes up' wait_for 15 up
before=$(spi)
children=$(pgrep -P "$(cat "$W/A/iked.pid")")
kill_iked() { stop_program A iked KILL; sleep 1; }
case_ 'killing iked under traffic loses nothing' through 150 kill_iked
both_gone() { [ "$(echo $children | wc -w)" -eq 2 ] && ! ps -p "$(echo $children | tr ' ' ,)" >/dev/null; }
case_ 'its children have ended with it' both_gone
case_ 'nobody answers ikectl' not up
start_iked() { run_in_background A iked -d -v && wait_for 10 up; }
case_ 'a new iked takes over and loses nothing' through 250 start_iked
case_ 'with new keys' not test "$(spi)" = "$before"
few() { [ "$(gw A ipsecctl -s sa | grep -c '^esp')" -eq 2 ]; }
case_ 'the old SAs go' wait_for 20 few

kill_policyd() { stop_program A policyd KILL; run_in_background A policyd -d; wait_for 10 test -S "$W/A/run/policy.sock"; }
same=$(spi)
case_ 'killing policyd loses nothing' through 100 kill_policyd
case_ 'and changes no key' test "$(spi)" = "$same"

flows() { gw A ipsecctl -s flow | sort; }
want=$(flows)
stop_program A netkern KILL
case_ 'netkern starts again' netkern_start A
case_ 'with its filter' gw A pfctl -f "$W/A/pf.conf"
same_flows() { [ "$(flows)" = "$want" ] && [ -n "$want" ]; }
case_ 'policy comes back by itself' wait_for 5 same_flows
carries() { ns hostA ping -q -c 1 -W 1 10.2.0.2; }
case_ 'the tunnel carries traffic again' wait_for 10 carries
summary
