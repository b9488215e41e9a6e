#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The web pages of one of two gateways under attack, by attack.py: malformed requests,
# slow ones, and strings that would be code somewhere.
#
#	hostA ------- gwA ============= gwB ------- hostB
#	               |
#	         lighttpd, webadmin on 127.0.0.1

set -u
. "$TOP/regress/live/two.sh"
. "$TOP/regress/web/server.sh"
[ -x "$LIGHTTPD" ] || { echo "no lighttpd: make -f mk/deps.mk lighttpd"; exit 77; }
web_names A; web_names B
NETKERN_OPTIONS='-g _ravelin'
two_up active passive
# a peer that calls itself what would be code in a page
cat >>"$W/B/iked.conf" <<'END'
ikev2 "evil" active esp from 10.7.0.0/24 to 10.1.0.0/24 local 192.0.2.2 peer 192.0.2.1 srcid "<script>alert(7)</script>.example" dstid a.example psk "a-key-of-decent-length"
END
wait_for 15 up || { logs; echo 'the tunnel did not come up'; exit 1; }
gw A ipsecctl commit --pf "$W/A/pf.conf" -m 'as it began' || exit 1
gw B ipsecctl -f "$W/B/iked.conf" || exit 1
web_start A || { cat "$W/A/lighttpd.log"; echo 'the web server did not start'; exit 1; }
BIN=$BIN ip netns exec "$NET-gwA" python3 attack.py "$W" "$WEB_PASSWORD"
code=$?
[ $code -eq 0 ] || { tail -n 20 "$W/A/web.log" "$W/A/lighttpd.log"; logs 15; }
exit $code
