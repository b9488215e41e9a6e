#!/bin/sh
# SPDX-License-Identifier: ISC
#
# iked at scale: TUNNELS (10,000) ikev2 rules, of which none connects.
#
#	iked starts; then one rule changes; then it changes back
#
# For each: from policyd's word (at the start: from the start) until the revision is in
# force, the processor time of iked's three processes meanwhile, and their memory.

set -u
W=$TMPDIR
cleanup() {
	# shellcheck disable=SC2046
	kill $(cat "$W"/*.pid 2>/dev/null) 2>/dev/null
	wait
}
trap cleanup EXIT
trap 'exit 130' INT TERM
[ "$(id -u)" = 0 ] || { echo 'needs root for iked'; exit 77; }

run() {		# run PROGRAM SOCKET option...
	_p=$1 _s=$2; shift 2
	"$BIN/$_p" "$@" -r "$W" 2>"$W/$_p.log" & echo $! >"$W/$_p.pid"
	for _i in $(seq 200); do
		[ -S "$W/$_s" ] && return
		sleep 0.05
	done
}

rules() {	# rules N
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++)
		printf "ikev2 \"t%d\" passive esp from 10.%d.%d.0/24 to 172.16.0.0/16 " \
		    "peer 198.18.%d.%d psk \"the secret of tunnel %d\"\n", i, int(i / 256) % 256, i % 256, int(i / 250), i % 250 + 1, i }'
}

now() {
	date +%s%N
}

# The parent, then its children in the order of their start: auth, ike.
processes() {
	_pid=$(cat "$W/iked.pid")
	echo "$_pid $(pgrep -P "$_pid" | sort -n | tr '\n' ' ')"
}

cpu() {		# us of each
	for _p in $(processes); do
		awk '{ printf "%d ", $1 / 1000 }' "/proc/$_p/schedstat"
	done
}

rss() {		# kB of each
	for _p in $(processes); do
		awk '/VmRSS/ { printf "%d ", $2 }' "/proc/$_p/status"
	done
}

revision=0
in_force() {	# in_force: waits for the next revision, however it came
	revision=$((revision + 1))
	for _i in $(seq 1200); do
		grep -q "revision $revision is in force" "$W/iked.log" && return
		sleep 0.05
	done
	tail -5 "$W/iked.log"
	exit 1
}

row() {		# row LABEL MS us us us
	# shellcheck disable=SC2046
	printf '%-28s %8s ms  processor ms: parent %6.1f auth %5.1f ike %6.1f   kB: %s\n' "$1" "$2" \
	    $(echo "$3 $4 $5" | awk '{ print $1 / 1000, $2 / 1000, $3 / 1000 }') "$(rss)"
}

load() {	# load LABEL FILE
	_c=$(cpu)
	"$BIN/ipsecctl" -r "$W" -f "$2" >"$W/out" 2>&1 || { cat "$W/out"; exit 1; }
	in_force
	_t=$(sed -n "s/.*revision $revision is in force \(.*\) ms after.*/\1/p" "$W/iked.log")
	_n=$(sed -n "s/.*revision $revision: .* rules, \(.*\) of them new or other/\1/p" "$W/iked.log")
	[ "$_n" = 1 ] || { echo "$_n rules were handed on, not 1"; exit 1; }
	# shellcheck disable=SC2046
	set -- "$1" $_c $(cpu)
	row "$1" "$_t" $(($5 - $2)) $(($6 - $3)) $(($7 - $4))
}

n=${TUNNELS:-10000}
rules "$n" >"$W/a.conf"
sed '777s/10.3.8.0/10.200.8.0/' "$W/a.conf" >"$W/b.conf"
run netkern key.sock -d
run policyd policy.sock -d -D "$W/db/policy.db"
"$BIN/ipsecctl" -r "$W" -f "$W/a.conf" >"$W/out" 2>&1 || { cat "$W/out"; exit 1; }
t=$(now)
run iked iked.sock -dv -D "$W/db/policy.db"
in_force
t=$((($(now) - t) / 1000000))
# shellcheck disable=SC2046
row "$n rules, start" $t $(cpu)
load 'one rule changes' "$W/b.conf"
load 'and back' "$W/a.conf"
t=$(now)
[ "$("$BIN/ikectl" -r "$W" -j status | grep -c '"name"')" = "$n" ] || { echo 'not all are shown'; exit 1; }
printf '%-28s %8s ms\n' 'ikectl status of all' $((($(now) - t) / 1000000))
