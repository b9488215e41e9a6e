#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What happened to a tunnel is known after a restart of everything, and a client
# that goes away and comes back misses no event, though the writer of the history
# was killed meanwhile.
#
#	hostA ------- gwA ============= gwB ------- hostB

set -u
. "$TOP/regress/live/two.sh"
two_up active passive

ids() { sed -n 's/^{.*"id":\([0-9]*\),.*/\1/p' "$1"; }
rows() { gw A ikectl -j history "$@" | sed -n 's/^[[:space:]]*"id":[[:space:]]*\([0-9]*\).*/\1/p'; }
logged() { gw A ikectl history paris | grep -q "$1"; }
case_ 'comes up' wait_for 15 up
case_ 'the history has it' wait_for 5 logged child-up
case_ 'each line has 80 columns at most' test -z "$(gw A ikectl history | grep '.\{81\}')"

case_ 'a new key at the other end' sed -i 's/a-key-of-decent-length/another-key-of-some-length/' "$W/B/iked.conf"
case_ 'is loaded' gw B ipsecctl -f "$W/B/iked.conf"
case_ 'reset' gw A ikectl reset paris
says() { gw A ikectl why paris | grep -q "$1"; }
case_ 'why says that the peer refused' wait_for 20 says AUTH-02
case_ 'the history has it too' wait_for 5 logged AUTH-02
json_why() { gw A ikectl -j why paris | python3 -c '
import json, sys
t = json.load(sys.stdin)["tunnels"][0]
sys.exit(not (t["up"] is False and t["last_failure"]["reason"] == "AUTH-02"))'; }
case_ 'and as JSON' json_why

# Everything of A ends; the peer does not answer any more.
stop_program B iked
for _p in iked policyd netkern; do stop_program A $_p; done
before=$(gw A ikectl -j history | grep -c '"event"')
case_ 'the history is read without a daemon' test "$before" -gt 3
case_ 'everything starts again' gateway_start A
case_ 'why knows the failure from before' says AUTH-02
last_id() { rows | tail -n 1; }
case_ 'numbers go on' test "$(rows | sort -n | uniq -d | wc -l)" -eq 0

# A follower that goes away and comes back; the writer is killed between.
gw A ikectl -j monitor --since 0 >"$W/one.json" 2>"$W/one.err" &
follower=$!
sleep 1
kill "$(ip netns pids "$NET-gwA" | while read -r p; do grep -qz monitor "/proc/$p/cmdline" && echo "$p"; done)" 2>/dev/null
wait $follower
seen=$(ids "$W/one.json" | grep -v '^0$' | tail -n 1)
case_ 'a follower sees the history from its begin' test "$(ids "$W/one.json" | head -n 1)" = "$(rows | head -n 1)"
run_in_background B iked -d -v
wait_for 10 test -S "$W/B/run/iked.sock"
stop_program A policyd KILL
fails() { gw A ikectl -t 20 up paris; [ $? -eq 1 ]; }
case_ 'a failure without a writer' fails
case_ 'another' fails
known=$(rows | wc -l)
run_in_background A policyd -d
more() { [ "$(rows | wc -l)" -ge $((known + 2)) ]; }
case_ 'a new writer gets what happened meanwhile' wait_for 15 more
gw A ikectl -j monitor --since "$seen" >"$W/two.json" 2>"$W/two.err" &
follower=$!
sleep 2
case_ 'a failure while it follows' fails
sleep 1
kill "$(ip netns pids "$NET-gwA" | while read -r p; do grep -qz monitor "/proc/$p/cmdline" && echo "$p"; done)" 2>/dev/null
wait $follower
gap_free() {
	{ ids "$W/one.json"; ids "$W/two.json"; } | grep -v '^0$' >"$W/all"
	cat "$W/one.err" "$W/two.err"
	awk 'NR > 1 && $1 != last + 1 { print "gap:", last, $1; bad = 1 } { last = $1 } END { exit bad || NR < 5 }' "$W/all"
}
case_ 'it goes on where it was' test "$(ids "$W/two.json" | head -n 1)" -eq $((seen + 1))
case_ 'and sees three failures' test "$(grep -c AUTH-02 "$W/two.json")" -ge 3
case_ 'both parts together have every number once' gap_free

# A rule that cannot be carried out is shown, with the reason.
cat >>"$W/A/iked.conf" <<'END'
ikev2 "riga" passive esp from 10.1.0.0/24 to 10.8.0.0/24 local 192.0.2.1 peer 192.0.2.8 dstid "/C=LV/CN=riga" psk "another-key-of-decent-length"
END
case_ 'a rule that iked cannot carry out' gw A ipsecctl -f "$W/A/iked.conf"
blocked() { gw A ikectl status riga | grep -q 'riga .*blocked by config'; }
case_ 'is shown as blocked' wait_for 5 blocked
reason() { gw A ikectl status riga | grep -q 'CONF-01 .*certificates'; }
case_ 'with the reason' reason
case_ 'the other rule is not concerned' gw A ikectl status
summary
