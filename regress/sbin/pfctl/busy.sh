#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Rulesets, states and tables change while two workers forward as fast as
# they can: netkern lives, every answer is of one whole ruleset, and the
# numbers of states agree in the end.  Needs no privilege.

set -u
. "$TOP/regress/sbin/netkern.sh"

trap 'kill $pid 2>/dev/null' EXIT
netkern_run -w 2 -c 0,1

{ echo 'table <t> persist'; for i in $(seq 300); do
	echo "pass in on em0 proto udp to 10.1.0.0/16 port $i"; done
  echo 'pass all'; } >"$TMPDIR/a.conf"
{ echo 'table <t> persist'; echo 'block in from <t>'; for i in $(seq 50); do
	echo "pass out on em1 proto udp to 10.1.0.0/16 port $i no state"; done
  echo 'pass no state'; } >"$TMPDIR/b.conf"

case_ 'rules' pfctl -f "$TMPDIR/a.conf"
ifconfig em1 create pktgen sink
ifconfig em1 10.1.0.1/16 up
ifconfig em0 create pktgen src=10.0.0.2,srcs=50,dst=10.1.0.9,dsts=50,flows=3000,random
case_ 'traffic' ifconfig em0 10.0.0.1/24 up

whole=0 rounds=0
end=$(($(date +%s) + 8))
while [ "$(date +%s)" -lt $end ]; do
	rounds=$((rounds + 1))
	pfctl -f "$TMPDIR/a.conf" || break
	n=$(pfctl -sr | wc -l)
	pfctl -qt t -T add 10.0.0.5 10.0.0.6
	pfctl -ss | head -n 1000 >/dev/null
	pfctl -q -k 10.0.0.7
	pfctl -f "$TMPDIR/b.conf" || break
	m=$(pfctl -vsr | grep -c '^[pb]')
	pfctl -qt t -T flush
	pfctl -q -F states
	pfctl -sl >/dev/null; pfctl -q -d; pfctl -q -e; pfctl -z -q
	[ "$n" -eq 301 ] && [ "$m" -eq 52 ] && whole=$((whole + 1))
done
printf '%d rounds\n' $rounds
case_ 'netkern lives' kill -0 $pid
case_ 'rounds' test $rounds -gt 3
case_ 'each ruleset was whole' test $whole -eq $rounds
pfctl -f "$TMPDIR/a.conf"
sleep 1
case_ 'states' test "$(pfctl -ss | wc -l)" -gt 1000
ifconfig em0 down
sleep 1
case_ 'as many as counted' test "$(pfctl -ss | wc -l)" -eq \
    "$(pfctl -si | awk '/current entries/ { print $3 }')"
case_ 'flush' pfctl -F states
case_ 'none is left' test "$(pfctl -ss | wc -l)" -eq 0
case_ 'rules have none either' sh -c 'pfctl -vsr | grep -q "States: 0 *]" &&
    ! pfctl -vsr | grep -q "States: [1-9]"'
kill $pid
wait $pid
case_ 'and ends in order' test $? -le 1
case_ 'without a complaint' sh -c "! grep -q 'ERROR\|runtime error' '$TMPDIR/log'"
summary
