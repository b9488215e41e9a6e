#!/bin/sh
# SPDX-License-Identifier: ISC
#
# A second daemon of the same kind in one run directory: it says that there is
# one and ends; the first keeps its socket and its files, and goes on.

export RAVELIN_RUN=$TMPDIR/run
mkdir "$RAVELIN_RUN"
passed=0 failed=0 pids=
trap 'kill $pids 2>/dev/null' EXIT
trap 'exit 1' TERM INT

# is NAME COMMAND...
is() {
	case=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED  $case"
		tail -n 5 "$TMPDIR"/*.log
	fi
}

waits_for() {
	for _ in $(seq 100); do
		[ ! -e "$1" ] || return 0
		sleep 0.1
	done
	return 1
}

# twice NAME SOCKET FILE COMMAND...: FILE is one that the first has.
twice() {
	name=$1 socket=$RAVELIN_RUN/$2 file=$3
	shift 3
	"$@" >"$TMPDIR/$name.log" 2>&1 &
	first=$!
	pids="$pids $first"
	is "$name: the first comes up" waits_for "$socket"
	before=$(stat -c '%i %z' "$socket")
	[ -e "$file" ] || echo 1 >"$file"
	timeout 10 "$@" >"$TMPDIR/$name.2.log" 2>&1
	is "$name: the second ends" [ $? = 1 ]
	is "$name: it says why" grep -q "another $name runs" "$TMPDIR/$name.2.log"
	is "$name: the socket is the first's" [ "$(stat -c '%i %z' "$socket")" = "$before" ]
	is "$name: its file is there" [ -e "$file" ]
	is "$name: the first lives" kill -0 "$first"
	kill -9 "$first"
	wait "$first" 2>/dev/null
	"$@" >"$TMPDIR/$name.3.log" 2>&1 &
	pids="$pids $!"
	for _ in $(seq 100); do
		[ "$(stat -c '%i %z' "$socket" 2>/dev/null)" = "$before" ] || break
		sleep 0.1
	done
	is "$name: after a first that was killed comes another" kill -0 $!
	is "$name: ... with a socket of its own" [ "$(stat -c '%i %z' "$socket")" != "$before" ]
}

twice maintd maint.sock "$TMPDIR/stock/uploaded.backup" \
    "$BIN/maintd" -D "$TMPDIR/stock" -w "$TMPDIR/passwd"
twice policyd policy.sock "$TMPDIR/policy.db" "$BIN/policyd" -d -D "$TMPDIR/policy.db"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
