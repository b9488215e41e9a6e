#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The tools' words, refusals and exit codes, against a netkern whose only
# interfaces are generators.  Needs no privilege.

set -u
. "$TOP/regress/sbin/netkern.sh"

for tool in ifconfig 'route show' 'netstat -s' 'sysctl -a'; do
	# shellcheck disable=SC2086
	case_ "$tool without netkern" refused 'netkern is not running' $tool
done

trap 'kill $pid 2>/dev/null' EXIT
netkern_run -w 2 -c 0,0

case_ 'lo0 and enc0 are there' test "$(ifconfig | grep -c '^[a-z0-9]*:')" -eq 2
case_ 'create' ifconfig em0 create pktgen sink
case_ 'create with a longer argument' ifconfig em1 create pktgen size=100,flows=10,count=1000
case_ 'several words in a row' ifconfig em0 192.0.2.1/24 mtu 1400 description one up
case_ 'all are obeyed' has 'mtu 1400' ifconfig em0
case_ 'alias' ifconfig em0 inet 192.0.2.9/32 alias
case_ 'two addresses' test "$(ifconfig em0 | grep -c inet)" -eq 2
case_ 'a new address replaces all' ifconfig em0 inet 198.51.100.1 netmask 0xffffff00
case_ 'one address' test "$(ifconfig em0 | grep -c inet)" -eq 1
case_ 'the same again changes nothing' ifconfig em0 inet 198.51.100.1/24
ifconfig em0 198.51.100.3/24
case_ 'another prefix length' ifconfig em0 198.51.100.3/28
case_ 'is taken' has '198.51.100.3 .*/28' ifconfig em0
case_ 'its route, too' has '^198.51.100.0/28 ' route -n show
case_ 'a prefix that is refused' refused 'cannot be a host' ifconfig em0 198.51.100.3/30
case_ 'leaves the other' has '198.51.100.3 .*/28' ifconfig em0
ifconfig em1 10.6.0.1/32 alias
case_ "another interface's address" refused 'of this router already' ifconfig em0 10.6.0.1/24
case_ 'takes none away' has '198.51.100.3 .*/28' ifconfig em0
for words in '203.0.113.1/24 mtu 1 up' '203.0.113.1/24 upp' 'destroy now' 'down 203.0.113.1' \
    'mtu 1200 description'; do
	# shellcheck disable=SC2086
	case_ "refused: $words" not ifconfig em0 $words
	case_ 'and none of it is done' has 'UP.*mtu 1400' ifconfig em0
	case_ 'none of it' has '198.51.100.3 .*/28' ifconfig em0
done
ifconfig em1 10.6.0.1/32 delete
case_ 'delete' ifconfig em0 inet 198.51.100.3/28 delete
case_ 'no address' test "$(ifconfig em0 | grep -c inet)" -eq 0
case_ 'a name too long' refused 'longer than' ifconfig abcdefghijklmnop0 create pktgen
case_ 'no name' refused 'no interface name' ifconfig 0em create pktgen
case_ 'no such word' refused 'no such word' ifconfig em0 upp
case_ 'a word is missing' refused 'word is missing' ifconfig em0 mtu
case_ 'MTU out of range' refused '68 to 65535' ifconfig em0 mtu 20
case_ 'a netmask with holes' refused 'ones must stand' ifconfig em0 192.0.2.1 netmask 255.0.255.0
case_ 'no address at all' refused 'not an address' ifconfig em0 192.0.2/24
case_ 'IPv6' refused 'IPv6' ifconfig em0 inet 2001:db8::1/64
case_ 'a broadcast address' refused 'cannot be a host' ifconfig em0 192.0.2.255/24
case_ 'an address that is not there' refused 'not an address of this' ifconfig em0 192.0.2.7/24 delete
case_ 'unknown option' refused usage ifconfig -z
case_ 'unknown interface' refused 'no such interface' ifconfig em5
case_ 'capture of nothing' refused 'no such interface' ifconfig em5 capture "$TMPDIR/x"
case_ 'capture into nowhere' refused 'No such file' ifconfig em0 capture /nonexistent/x

case_ 'ifconfig of a network' ifconfig em0 192.0.2.1/24
case_ 'default route' route add default 192.0.2.254
case_ 'is shown so' has '^default  *192.0.2.254  *UGS' route -n show
case_ 'get' has 'interface: em0' route get 203.0.113.1
case_ 'change' route change default 192.0.2.253
case_ 'only one is left' test "$(route show | grep -c ^default)" -eq 1
case_ 'reject' route add 10.0.0.0/8 -reject
case_ 'BSD netmask' route add -net 172.16.0.0 192.0.2.2 -netmask 255.240.0.0
case_ 'as prefix' has '^172.16.0.0/12' route show
case_ 'with MTU and priority' route add -mtu 1300 -priority 5 10.1.0.0/16 192.0.2.3
case_ 'no destination' refused usage route add
case_ 'no gateway' refused 'name the gateway' route add 10.2.0.0/16
case_ 'nonsense' refused 'not a destination' route add 10.2.0.0/33 192.0.2.2
case_ 'a gateway that is neither' refused 'no such interface' route add 10.2.0.0/16 em9
case_ 'connected routes stay' refused 'goes with' route delete 192.0.2.0/24
case_ 'flush' route flush
case_ 'only connected ones are left' test "$(route show | grep -c '[GRS]')" -le 1
case_ 'no such verb' refused usage route frob

case_ 'interfaces' has '^em0  *1400' netstat -i
case_ 'one interface' test "$(netstat -I em0 | wc -l)" -eq 2
case_ 'no such interface' refused 'no such interface' netstat -I em5
case_ 'counters, also those that are zero' has '0 dropped: integrity check failed' netstat -sa
case_ 'of one area' not has 'ip:' netstat -sa -p esp
case_ 'no such area' refused 'no such area' netstat -p warp
case_ 'two workers' test "$(netstat -m | wc -l)" -eq 3
case_ "bound to a CPU" has "^ *1 *0 " netstat -m
case_ 'all at once' netstat -i -r -A -m -s
for flags in -i -r -A -m -s '-irAms'; do
	case_ "netstat $flags as JSON" json netstat -j $flags
done
case_ 'ifconfig as JSON' json ifconfig -j
case_ 'sysctl as JSON' json sysctl -j
case_ 'packets of the generator' ifconfig em1 10.5.0.1/24
sleep 0.5
made() { [ "$(netstat -I em1 | awk 'NR == 2 { print $4 }')" -ge 1000 ]; }
case_ 'are counted' made

case_ 'one setting' test "$(sysctl -n net.inet.ip.ttl)" = 64
case_ 'a branch' test "$(sysctl net.inet.ip | wc -l)" -ge 2
case_ 'not half a word' refused 'no such setting' sysctl net.in
case_ 'set' test "$(sysctl net.inet.ip.ttl=32)" = net.inet.ip.ttl=32
case_ 'quietly' test -z "$(sysctl -q net.inet.ip.ttl=33)"
case_ 'described' has 'read only' sysctl -d kern.workers
case_ 'not a number' refused 'not a number' sysctl net.inet.ip.ttl=many

case_ 'destroy' ifconfig em0 destroy
case_ 'takes its routes along' not has 192.0.2 route show
kill $pid
wait $pid
case_ 'ends with 0' test $? -eq 0
case_ 'takes its sockets along' test ! -e "$RAVELIN_RUN/netkern.sock"
case_ 'nothing unusual in the log' not grep -q 'ERROR\|runtime error' "$TMPDIR/log"
trap - EXIT
summary
