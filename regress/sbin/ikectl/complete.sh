#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The shell completes what the programs' own tables hold.

PATH=$BIN:$PATH
RAVELIN_RUN=/nonexistent
export RAVELIN_RUN
. "$TOP/etc/completion.bash"
passed=0 failed=0
try() {			# try EXPECTED word...: the last word is completed
	_want=$1; shift
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_ravelin_words "$1"
	if [ "${COMPREPLY[*]}" = "$_want" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED  %s: %s\n' "$*" "${COMPREPLY[*]}"
	fi
}
try 'status stats' ikectl sta
try 'history' ikectl hi
try 'metrics' ikectl met
try 'rekey rekey-ike' ikectl rek
try '' ikectl nosuch
try '' ikectl why p		# no iked here: no name, and no message
try 'rollback' ipsecctl roll
try 'commit confirm' ipsecctl co
try 'explain export' ipsecctl exp
try 'sa stats' ipsecctl -s s
try 'flow' ipsecctl -s f
try "$TOP/README" ipsecctl -f "$TOP/READ"

# Every command of the usage text is there.
for word in $(ikectl 2>&1 | awk '/^       [a-z]/ { print $1 }'); do
	try "$(ikectl --complete | grep "^$word" | tr '\n' ' ' | sed 's/ $//')" ikectl "$word"
done
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ] && [ $passed -ge 20 ]
