#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The main job of Ravelin, shown: two gateways negotiate a tunnel and carry
# real traffic through filter and ESP.
#
#	hostA ------- gwA ============= gwB ------- hostB
#	10.1.0.2      192.0.2.1  ESP  192.0.2.2     10.2.0.2
#
# `make demo` runs it, cleans up behind itself and exits 0 if all was so.
# `make demo KEEP=1` leaves the gateways running and says how to reach them.

set -u
: "${BIN:?run this by make demo}"
HERE=$(dirname "$0")
if [ "${DEMO_ALONE:-}" = '' ]; then	# its names are fixed: one at a time
	DEMO_ALONE=1 flock -n -o -E 75 /tmp/ravelin-demo.lock "$0" "$@"
	code=$?
	[ $code -eq 75 ] && echo 'another demonstration runs at this moment'
	exit $code
fi
NET=rvdemo
STATE=/tmp/ravelin-demo
W=$STATE
TOP=${TOP:-$(cd "$HERE/../.." && pwd)}
. "$HERE/../live/gateway.sh"
. "$HERE/../web/server.sh"

if [ -t 1 ]; then
	BOLD=$(printf '\033[1m') RED=$(printf '\033[31m') OFF=$(printf '\033[0m')
else
	BOLD='' RED='' OFF=''
fi
step=0
say() { step=$((step + 1)); printf '\n%s%d. %s%s\n' "$BOLD" "$step" "$*" "$OFF"; }
ok() { printf '   ok: %s\n' "$*"; }
bad() {
	printf '%s   FAILED: %s%s\n' "$RED" "$*" "$OFF"
	logs 20
	exit 1
}

stop() {
	web_stop A
	topo_down
	web_names_gone A
	web_names_gone B
	rm -rf "$STATE"
}

if [ "${1:-}" = stop ]; then
	stop
	exit 0
fi

finish() {
	_code=$?
	trap - EXIT INT TERM
	if [ "${KEEP:-}" = "" ] || [ "$_code" -ne 0 ]; then
		stop
	fi
	exit "$_code"
}

[ "$(id -u)" = 0 ] || { echo 'make demo needs root: it makes network namespaces'; exit 1; }
stop 2>/dev/null
mkdir -p "$W/A" "$W/B"
trap finish EXIT
trap 'exit 130' INT TERM

# ---- configuration: what an administrator writes ------------------------

psk=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
umask 077
cat >"$W/A/iked.conf" <<END
ikev2 "paris" active esp from 10.1.0.0/24 to 10.2.0.0/24 \\
	local 192.0.2.1 peer 192.0.2.2 \\
	srcid gwa.example dstid gwb.example \\
	psk "$psk"
END
cat >"$W/B/iked.conf" <<END
ikev2 "lyon" passive esp from 10.2.0.0/24 to 10.1.0.0/24 \\
	local 192.0.2.2 peer 192.0.2.1 \\
	srcid gwb.example dstid gwa.example \\
	psk "$psk"
END
umask 022
cat >"$W/A/pf.conf" <<'END'
block all
pass on lan0 inet
pass on enc0 inet
pass on wan0 inet proto udp from any to any port { 500, 4500 }
pass on wan0 inet proto esp
END
# Telnet from the other side ends inside the tunnel, at enc0.
cat >"$W/B/pf.conf" <<'END'
block all
pass on lan0 inet
pass on enc0 inet
block in log quick on enc0 inet proto tcp from any to any port 23 label "no-telnet"
pass on wan0 inet proto udp from any to any port { 500, 4500 }
pass on wan0 inet proto esp
END

# Who is left running can be looked at in a browser, which an unprivileged user serves.
if [ "${KEEP:-}" != "" ]; then
	web_names A
	web_names B
	NETKERN_OPTIONS='-g _ravelin'
fi

say 'Two gateways: netkern, policyd and iked in each'
topo_up || bad 'network namespaces could not be made'
# Everything that crosses the outer wire, headers only.
ip netns exec "$NET-gwB" tcpdump -i wan0 -p -n -s 64 -B 262144 -w "$W/outer.pcap" \
    >"$W/tcpdump.log" 2>&1 &
dump=$!
wait_for 10 grep -q listening "$W/tcpdump.log" || bad 'tcpdump did not start'
for g in A B; do
	gateway_start $g || bad "gateway $g did not start"
done
sed "s/psk \".*\"/psk \"...\"/; s/^/   /" "$W/A/iked.conf"

say 'The tunnel'
gw A ikectl status paris >/dev/null 2>&1 ||
    wait_for 20 gw A ikectl status paris || bad 'the tunnel did not come up'
gw A ikectl status | sed 's/^/   /'
echo
gw A ipsecctl -s all | cut -c 1-110 | sed 's/^/   /'
ns hostA ping -q -c 5 -i 0.05 -W 2 10.2.0.2 >"$W/ping" || bad 'no ping from host A to host B'
ok "$(grep transmitted "$W/ping")"

say '1 GB over TCP, host A to host B'
ns hostB iperf3 -s -D --logfile "$W/iperf.log" -I "$W/iperf.pid"
wait_for 5 ns hostA nc -z 10.2.0.2 5201
sleep 0.2
ns hostA timeout 120 iperf3 -c 10.2.0.2 -n 1100M -J >"$W/tcp.json" || bad 'iperf3'
/usr/bin/python3 - "$W/tcp.json" <<'END' || bad 'less than 1 GB arrived'
import json, sys
r = json.load(open(sys.argv[1]))['end']['sum_received']
print('   ok: %.2f GB arrived, %.2f Gbit/s' % (r['bytes'] / 1e9, r['bits_per_second'] / 1e9))
sys.exit(r['bytes'] < 1e9)
END

say 'Rekeys under traffic lose no packet'
spis() { gw A ikectl -j status paris | sed -n 's/.*"spi_out":[[:space:]]*"\(.*\)".*/\1/p'; }
before=$(spis)
ns hostA timeout 60 iperf3 -u -c 10.2.0.2 -b 50M -l 1200 -t 6 -J >"$W/udp.json" &
udp=$!
sleep 1.5
gw A ikectl rekey paris | sed 's/^/   /'
sleep 1
gw A ikectl rekey-ike paris | sed 's/^/   /'
sleep 1
gw B ikectl rekey lyon | sed 's/^/   /'
wait $udp || bad 'iperf3 over UDP'
after=$(spis)
[ -n "$after" ] && [ "$before" != "$after" ] || bad "no new keys: SPI $before, then $after"
/usr/bin/python3 - "$W/udp.json" "$before" "$after" <<'END' || bad 'packets were lost'
import json, sys
r = json.load(open(sys.argv[1]))['end']['sum']
print('   ok: %d packets, %d lost, SPI %s became %s' % (r['packets'], r['lost_packets'], sys.argv[2], sys.argv[3]))
sys.exit(r['lost_packets'] != 0 or r['packets'] < 20000)
END

say 'The filter inside the tunnel: telnet is blocked at enc0'
ns hostB timeout 5 nc -l 23 >/dev/null 2>&1 &
if ns hostA nc -z -w 2 10.2.0.2 23 2>/dev/null; then
	bad 'telnet came through'
fi
gw B pfctl -v -s rules | grep -A 1 no-telnet | sed 's/^/   /'
drops=$(gw B pfctl -v -s rules | grep -A 1 no-telnet | sed -n 's/.*Packets: *\([0-9]*\).*/\1/p' | head -n 1)
[ "${drops:-0}" -ge 1 ] || bad 'the rule counted nothing'
ok "the rule counted $drops packets"

say 'The outer wire: only IKE and ESP (and ARP)'
kill -TERM $dump
wait $dump
grep -E 'captured|dropped by kernel' "$W/tcpdump.log" | sed 's/^/   /'
grep -q '^0 packets dropped by kernel' "$W/tcpdump.log" || bad 'the capture has gaps: it proves nothing'
count() { tcpdump -n -r "$W/outer.pcap" --count "$@" 2>/dev/null | sed 's/ .*//'; }
esp=$(count esp)
natt=$(count udp port 4500)
ike=$(count udp port 500)
arp=$(count arp)
# IKE tries once whether fragments arrive: what follows the first has no ports, but the gateways' addresses
later='udp and ip[6:2] & 0x1fff != 0 and host 192.0.2.1 and host 192.0.2.2'
known="esp or udp port 500 or udp port 4500 or arp or ($later)"
other=$(count "not ($known)")
echo "   $ike IKE, $natt IKE or ESP in UDP, $esp ESP, $arp ARP, $other other"
[ "$other" -eq 0 ] || bad "$(tcpdump -n -r "$W/outer.pcap" -c 5 "not ($known)" 2>/dev/null)"
[ $((esp + natt)) -gt 10000 ] || bad 'hardly any ESP was seen'
ok 'nothing else crossed it'

if [ "${KEEP:-}" != "" ]; then
	rm -f "$W/outer.pcap"
	WEB_HERE=1 WEB_PASSWORD=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
	web_start A >"$W/web.start" 2>&1 ||
	    bad "the web server did not start: $(cat "$W/web.start" "$W/A/lighttpd.log")"
	cat <<END

Gateway A in a browser (its certificate is its own):
   https://127.0.0.1:$WEB_PORT/          user $WEB_USER, password $WEB_PASSWORD

Left running.  A shell on each side:
   ip netns exec $NET-hostA sh          host A, 10.1.0.2
   ip netns exec $NET-hostB sh          host B, 10.2.0.2
   RAVELIN_RUN=$W/A/run RAVELIN_DB=$W/A/policy.db PATH=$BIN:\$PATH ip netns exec $NET-gwA sh
   RAVELIN_RUN=$W/B/run RAVELIN_DB=$W/B/policy.db PATH=$BIN:\$PATH ip netns exec $NET-gwB sh
To stop it and remove everything:
   BIN=$BIN sh regress/demo/demo.sh stop
END
else
	stop
	left=$(ip netns list | grep -c "^$NET-")
	[ "$left" -eq 0 ] || bad 'namespaces are left'
	printf '\n%sAll of it was so; everything made has been removed.%s\n' "$BOLD" "$OFF"
fi
exit 0
