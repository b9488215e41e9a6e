# SPDX-License-Identifier: ISC
#
# What scripts of tests share: counting cases, and a few words for them.  Source
# it, and let the script end with summary.

passed=0 failed=0
case_failed() { :; }	# what to show besides; a script may have its own

case_() {		# case_ NAME command...: succeeds
	_name=$1; shift
	if "$@" >"$TMPDIR/case.log" 2>&1; then
		passed=$((passed + 1))
		printf 'ok      %s\n' "$_name"
	else
		failed=$((failed + 1))
		printf 'FAILED  %s\n' "$_name"
		tail -n 20 "$TMPDIR/case.log"
		case_failed
	fi
}

verdict() {		# verdict STATUS TEXT: of what has been tried
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED  %s\n' "$2"
		case_failed
	fi
}

summary() {		# the last line, and the exit status
	printf '%d passed, %d failed\n' $passed $failed
	[ $failed -eq 0 ]
}

not() { ! "$@"; }
has() { _what=$1; shift; "$@" 2>&1 | grep -q -- "$_what"; }
refused() {		# refused WHAT command...: says so, and exits with 1
	_what=$1; shift
	"$@" >"$TMPDIR/out" 2>&1
	[ $? -eq 1 ] && grep -q -- "$_what" "$TMPDIR/out"
}
json() {		# json command...: prints a document of ours
	"$@" | python3 -c '
import json, sys
sys.exit(json.load(sys.stdin)["schema_version"] != 1)'
}
