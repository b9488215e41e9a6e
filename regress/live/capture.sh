#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Captures of a gateway: enc0 shows packets in clear, pflog0 what a rule logs,
# the outer wire nothing but ESP; all of it as stock tcpdump reads it.
#
#	hostA ------- gwA ============= gwB ------- hostB

set -u
. "$TOP/regress/live/two.sh"
two_up passive passive

has() { _what=$1; shift; "$@" 2>&1 | grep -q -- "$_what"; }
one_ping() { ns hostA ping -q -c 1 -W 5 10.2.0.2; }
case_ 'the first packet makes the tunnel' one_ping

cat >>"$W/A/pf.conf" <<'END'
block log on lan0 inet proto tcp from any to any port 23
END
case_ 'a rule that logs' gw A pfctl -f "$W/A/pf.conf"
for i in enc0 pflog0 wan0; do
	case_ "capture of $i" gw A ifconfig $i capture "$W/$i.pcap"
done
ns hostA ping -q -c 3 -i 0.1 10.2.0.2 >/dev/null
ns hostA nc -w 1 10.2.0.2 23 </dev/null >/dev/null 2>&1
for i in enc0 pflog0 wan0; do
	gw A ifconfig $i -capture
done
sleep 0.3
dump() { tcpdump -n -e -r "$W/$1.pcap"; }
case_ 'enc0: requests in clear' has '10.1.0.2 > 10.2.0.2: ICMP echo request' dump enc0
case_ 'enc0: replies in clear' has '10.2.0.2 > 10.1.0.2: ICMP echo reply' dump enc0
case_ 'enc0: the SPI' has 'SPI 0x' dump enc0
case_ 'pflog0: the rule and the verdict' has 'rule [0-9]*.*block in on lan0.*10.2.0.2.23' dump pflog0
case_ 'pflog0: nothing else' not has 'ICMP' dump pflog0
case_ 'wan0: ESP' has 'ESP(spi=' dump wan0
case_ 'wan0: nothing in clear' not has '10.1.0.2' dump wan0

# four pings, sealed and opened, and nothing else
case_ 'enc0 counts them' has '^enc0 .* - *4 *336 *0 *4 *336 *0$' gw A netstat -I enc0
summary
