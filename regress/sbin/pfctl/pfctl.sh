#!/bin/sh
# SPDX-License-Identifier: ISC
#
# pfctl's words, refusals and exit codes, and that a refused file changes
# nothing, against a netkern without devices.  Needs no privilege.

set -u
. "$TOP/regress/sbin/netkern.sh"
F=$TMPDIR/pf.conf
hasnt() { ! has "$@"; }
status() {		# status N command...: exits with N
	_want=$1; shift
	"$@" >"$TMPDIR/out" 2>&1
	test $? -eq "$_want"
}
conf() { printf '%s\n' "$@" >"$F"; }

# What needs no netkern.
conf 'pass in on em0 proto tcp to port { 22 80 }' 'block return log quick from <bad>'
case_ '-n without netkern' status 0 pfctl -nf "$F"
case_ '-f without netkern' refused 'netkern is not running' pfctl -f "$F"
case_ 'no such file' refused 'No such file' pfctl -nf "$TMPDIR/nosuch"
case_ 'nothing to do' refused 'usage' pfctl
case_ 'an option of another pfctl' refused 'usage' pfctl -Rf "$F"
case_ 'standard input' sh -c "pfctl -nvf - <'$F' | grep -q 'port = 80 flags S/SA'"
pfctl -nvf "$F" >"$TMPDIR/once"
pfctl -nvf "$TMPDIR/once" >"$TMPDIR/twice"
case_ 'what is printed loads again' cmp "$TMPDIR/once" "$TMPDIR/twice"
conf 'pass from $net to any'
case_ '-D' has 'from 10.0.0.0/8' pfctl -Dnet=10.0.0.0/8 -nvf "$F"
case_ 'undefined macro' refused 'not defined' pfctl -nf "$F"
case_ '-D without a value' refused 'not macro=value' pfctl -Dnet -nf "$F"
for f in "$TOP"/etc/pf.conf "$TOP"/etc/examples/pf.*.conf; do
	case_ "${f#"$TOP"/} parses" pfctl -nf "$f"
done
# The examples of the manual: both, in one file, as they stand.
awk '/^\.Sh EXAMPLES/ { on = 1 } /^\.Sh SEE ALSO/ { on = 0 }
    on && /^\.Bd/ { text = 1; next } /^\.Ed/ { text = 0 } text' \
    "$TOP/sbin/pfctl/pf.conf.5" | sed 's/\\(dq/"/g; s/\\e/\\/g' >"$TMPDIR/manual.conf"
case_ 'the manual has an example' test "$(wc -l <"$TMPDIR/manual.conf")" -gt 8
case_ 'the example of the manual parses' pfctl -nf "$TMPDIR/manual.conf"

trap 'kill $pid 2>/dev/null' EXIT
netkern_run -w 2 -c 0,0

case_ 'no rules at first' test -z "$(pfctl -sr)"
conf 'table <bad> persist { 192.0.2.7 }' 'block drop log all label "all"' \
    'block in quick from <bad>' 'pass out on em0 proto tcp to any port 80:90'
case_ 'load' pfctl -f "$F"
case_ 'as loaded' has 'pass out on em0 proto tcp from any to any port 80:90 flags S/SA' pfctl -sr
case_ 'abbreviated' test "$(pfctl -s r)" = "$(pfctl -s rules)"
case_ 'counters' has 'Evaluations: 0' pfctl -vsr
case_ 'numbers' has '^@2 pass out' pfctl -vvsr
case_ 'labels' test "$(pfctl -sl)" = 'all 0 0 0 0 0 0 0 0'
case_ 'tables' test "$(pfctl -sT)" = bad
case_ 'info' has 'Status: Enabled' pfctl -si
case_ 'memory' has 'states  *hard limit' pfctl -sm
case_ 'timeouts' has 'tcp.first  *120s' pfctl -st
case_ 'states' test -z "$(pfctl -ss)"
case_ 'all' has 'LABEL COUNTERS' pfctl -sa
for what in rules states info labels Tables memory timeouts all; do
	case_ "JSON of $what" json pfctl -j -s $what
done
pfctl -sr >"$TMPDIR/before"

# Refused: all mistakes are told, and nothing changes.
conf 'pas in all' 'pass in on em0 proto tpc' 'pass in from 10.0.0.0/33' \
    'pass out on $nope' 'pass in from any prot 5' 'pass quick'
pfctl -f "$F" >"$TMPDIR/errors" 2>&1
case_ 'five mistakes' test "$(grep -c "^$F:[0-9]*:[0-9]*: " "$TMPDIR/errors")" -eq 5
case_ 'five carets' test "$(grep -c '^[ 	]*^$' "$TMPDIR/errors")" -eq 5
case_ 'exit status of a refused file' status 1 pfctl -f "$F"
case_ 'which changed nothing' test "$(pfctl -sr)" = "$(cat "$TMPDIR/before")"
conf 'pass out on em0 nat-to (em0)'
case_ 'nat-to' refused 'nat-to is not supported yet' pfctl -f "$F"
case_ 'nothing changed' test "$(pfctl -sr)" = "$(cat "$TMPDIR/before")"

# Tables.
case_ 'add' has '2/2 addresses added' pfctl -t bad -T add 10.0.0.1 10.1.0.0/16
case_ 'add again' has '0/1 addresses added' pfctl -t bad -T add 10.0.0.1
case_ 'show' test "$(pfctl -t bad -T show | wc -l)" -eq 3
case_ 'test in' status 0 pfctl -t bad -T test 10.1.2.3
case_ 'test out' status 2 pfctl -t bad -T test 10.2.2.3
case_ 'delete' has '1/2 addresses deleted' pfctl -t bad -T delete 10.0.0.1 10.0.0.2
case_ 'replace' pfctl -q -t bad -T replace 1.1.1.1
case_ 'replaced' test "$(pfctl -t bad -T show)" = '   1.1.1.1'
case_ 'flush' pfctl -q -t bad -T flush
case_ 'flushed' test -z "$(pfctl -t bad -T show)"
case_ 'not an address' refused 'not an IPv4 address' pfctl -t bad -T add 10.0.0.300
case_ 'no such table' refused 'no such table' pfctl -t nosuch -T show
case_ 'unknown command' refused 'not one of' pfctl -t bad -T destroy
case_ '-T without -t' refused usage pfctl -T show
case_ 'a table in JSON' json pfctl -j -t bad -T show

# The rest.
case_ 'disable' has 'pf disabled' pfctl -d
case_ 'twice' refused 'pf not enabled' pfctl -d
case_ 'shown' has 'Status: Disabled' pfctl -si
case_ 'enable' has 'pf enabled' pfctl -e
case_ 'quiet' test -z "$(pfctl -q -d 2>&1; pfctl -q -e 2>&1)"
case_ 'kill' has 'killed 0 states' pfctl -k 10.0.0.1 -k 0.0.0.0/0
case_ 'kill by label' has 'killed 0 states' pfctl -k label -k all
case_ 'kill a name' refused 'not looked up' pfctl -k www.example.org
case_ 'clear counters' pfctl -z
case_ 'flush rules' pfctl -q -F rules
case_ 'no rules' test -z "$(pfctl -sr)"
case_ 'tables stay' test "$(pfctl -sT)" = bad
case_ 'flush all' pfctl -q -F all
case_ 'no tables' test -z "$(pfctl -sT)"
case_ 'flush what?' refused 'not one of' pfctl -F everything
case_ 'show what?' refused 'not one of' pfctl -s nothing

# Large.
python3 -c '
print("table <big> {")
for i in range(100000):
    a = i * 40503 & 0xffffffff
    print("%d.%d.%d.%d" % (a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255))
print("}\nblock in from <big>")
for i in range(2000):
    print("pass in on em0 proto tcp from 10.%d.%d.0/24 to any port %d" % (i >> 8, i & 255, i + 1))
' >"$F"
case_ '2,000 rules, a table of 100,000' pfctl -f "$F"
case_ 'all rules' test "$(pfctl -sr | wc -l)" -eq 2001
case_ 'all addresses' test "$(pfctl -t big -T show | wc -l)" -eq 100000
case_ 'netkern lives' kill -0 "$pid"

summary
