#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Policies at scale, against a real netkern:
#
#	POLICIES (100,000) policies are committed and take effect
#	one of TUNNELS (10,000) ikev2 rules changes
#
# For each: wall time until ipsecctl(8) returns (the revision is in force), the
# processor time of policyd and netkern meanwhile (hundredths of a second are
# as fine as it gets), their memory, how many messages changed something, and
# how long policyd parsed, stored and applied.  The export, which policyd
# writes half a second later, is waited for.  regress/sbin/policyd/one.py
# proves that nothing else is touched.

set -u
W=$TMPDIR
cleanup() {
	# shellcheck disable=SC2046
	kill $(cat "$W"/*.pid 2>/dev/null) 2>/dev/null
	wait
}
trap cleanup EXIT
trap 'exit 130' INT TERM
[ "$(id -u)" = 0 ] || { echo 'needs root for netkern'; exit 77; }

"$BIN/netkern" -d -r "$W" 2>"$W/netkern.log" & echo $! >"$W/netkern.pid"
"$BIN/policyd" -dv -r "$W" -D "$W/db/policy.db" 2>"$W/policyd.log" & echo $! >"$W/policyd.pid"
for _i in $(seq 100); do
	[ -S "$W/key.sock" ] && [ -S "$W/policy.sock" ] && break
	sleep 0.05
done

loads=0
now() {
	date +%s%N
}

cpu() {		# ms of processor time since PROGRAM began
	awk '{ print ($14 + $15) * 10 }' "/proc/$(cat "$W/$1.pid")/stat"
}

load() {	# load LABEL FILE CHANGES
	_p=$(cpu policyd) _n=$(cpu netkern) _t=$(now)
	"$BIN/ipsecctl" -r "$W" -f "$2" >"$W/out" 2>&1 || {
		cat "$W/out"
		tail -5 "$W/policyd.log"
		exit 1
	}
	_t=$(($(now) - _t))
	_c=$(sed -n 's/.*: \([0-9]*\) changes, 0 failed$/\1/p' "$W/policyd.log" | tail -1)
	_s=$(sed -n 's/.*policyd: parsed in/parsed in/p' "$W/policyd.log" | tail -1)
	printf '%-24s %6d ms  policyd %5d ms %4d MB  netkern %5d ms %4d MB  %d changes; %s' \
	    "$1" $((_t / 1000000)) $(($(cpu policyd) - _p)) "$(rss policyd)" \
	    $(($(cpu netkern) - _n)) "$(rss netkern)" "$_c" "$_s"
	loads=$((loads + 1))
	for _i in $(seq 200); do
		grep -q "revision $loads: exported" "$W/policyd.log" && break
		sleep 0.1
	done
	sed -n "s/.*revision $loads: exported in/, exported in/p" "$W/policyd.log"
	[ "$_c" = "$3" ] || { echo "$3 changes were to be made"; exit 1; }
}

rss() {
	awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$(cat "$W/$1.pid")/status"
}

flows() {	# flows N
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++)
		printf "flow esp out from 10.%d.%d.0/24 to 172.%d.0.0/16 peer 192.0.2.2\n",
		    int(i / 256) % 256, i % 256, 16 + int(i / 65536) }'
}

tunnels() {	# tunnels N
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++)
		printf "ikev2 \"t%d\" passive esp from 10.%d.%d.0/24 to 172.16.0.0/16 " \
		    "peer 198.18.%d.%d psk \"the secret of tunnel %d\"\n", i, int(i / 256) % 256, i % 256, int(i / 250), i % 250 + 1, i }'
}

p=${POLICIES:-100000}
flows "$p" >"$W/flows.conf"
load "$p policies" "$W/flows.conf" "$p"
load "the same again" "$W/flows.conf" 0
sed '777s/192.0.2.2/192.0.2.3/' "$W/flows.conf" >"$W/flows1.conf"
load "one of them changes" "$W/flows1.conf" 1
n=${TUNNELS:-10000}
tunnels "$n" >"$W/tunnels.conf"
# their flows out are there already, and change
load "$n tunnels instead" "$W/tunnels.conf" $((p + n))
# another network on our side: its flow out and its flow in go, two come
sed '777s/10.3.8.0/10.200.8.0/' "$W/tunnels.conf" >"$W/tunnels1.conf"
load "one tunnel changes" "$W/tunnels1.conf" 4
load "and back" "$W/tunnels.conf" 4
