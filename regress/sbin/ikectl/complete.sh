#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The shell completes what the programs' own tables hold.

PATH=$BIN:$PATH
RAVELIN_RUN=/nonexistent
export RAVELIN_RUN
. "$TOP/etc/completion.bash"
. "$TOP/regress/cases.sh"
try() {			# try EXPECTED word...: the last word is completed
	_want=$1; shift
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_ravelin_words "$1"
	[ "${COMPREPLY[*]}" = "$_want" ]
	verdict $? "$*: ${COMPREPLY[*]}"
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
[ $passed -ge 20 ]
verdict $? 'the programs have words'
summary
