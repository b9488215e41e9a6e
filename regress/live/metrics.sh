#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The numbers of a gateway, scraped while its tunnel carries traffic and is
# rekeyed from both ends: the text is well formed, and no counter goes down.  A
# tunnel that is down or cannot be made is there with 0.
#
#	hostA ------- gwA ============= gwB ------- hostB

set -u
. "$TOP/regress/live/two.sh"
two_up active passive
cat >>"$W/A/iked.conf" <<'END'
ikev2 "oslo" passive esp from 10.1.0.0/24 to 10.9.0.0/24 local 192.0.2.1 peer 192.0.2.9 psk "another-key-of-decent-length"
ikev2 "riga" passive esp from 10.1.0.0/24 to 10.8.0.0/24 local 192.0.2.1 peer 192.0.2.8 dstid "/C=LV/CN=riga" psk "another-key-of-decent-length"
END
case_ 'two more rules' gw A ipsecctl -f "$W/A/iked.conf"
case_ 'comes up' wait_for 15 up
ns hostA ping -q -i 0.01 -s 400 10.2.0.2 >/dev/null 2>&1 &
ping=$!
sleep 1
for n in 01 02 03 04 05 06 07 08 09 10 11 12; do
	case $n in
	02 | 05 | 08) gw A ikectl -n rekey paris ;;
	03 | 09) gw B ikectl -n rekey lyon ;;
	06) gw A ikectl -n rekey-ike paris ;;
	esac
	gw A ikectl metrics >"$W/scrape.$n"
	sleep 0.7
done
sleep 7				# the last old SA goes
gw A ikectl metrics >"$W/scrape.13"
kill $ping
first=$(gw A ikectl metrics | sed -n 's/^ravelin_tunnel_received_bytes_total{name="paris".* //p')
case_ 'well formed, and monotonic over rekeys' python3 "$TOP/regress/live/metrics.py" "$W"/scrape.*
value() { sed -n "s/^ravelin_tunnel_up{name=\"$1\",.*} //p" "$W/scrape.13"; }
case_ 'the tunnel is up' test "$(value paris)" = 1
case_ 'the one without traffic is not' test "$(value oslo)" = 0
case_ 'nor the one that cannot be made' test "$(value riga)" = 0
case_ 'all is in the sum' test "$first" -gt 300000

# Going down takes nothing away either.
gw A ikectl down paris
sleep 1
gw A ikectl metrics >"$W/scrape.14"
case_ 'nor when it goes down' python3 "$TOP/regress/live/metrics.py" "$W"/scrape.*
case_ 'and then it is 0' test "$(sed -n 's/^ravelin_tunnel_up{name="paris",.*} //p' "$W/scrape.14")" = 0
summary
