#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The web pages of one of two gateways: every page, every action, and what must
# be refused, by pages.py.
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
wait_for 15 up || { logs; echo 'the tunnel did not come up'; exit 1; }
gw A ipsecctl commit --pf "$W/A/pf.conf" -m 'as it began' || exit 1
web_start A || { cat "$W/A/lighttpd.log"; echo 'the web server did not start'; exit 1; }
BIN=$BIN ip netns exec "$NET-gwA" python3 pages.py "$W" "$WEB_PASSWORD"
code=$?
[ $code -eq 0 ] || { tail -n 20 "$W/A/web.log" "$W/A/lighttpd.log"; logs 15; }
exit $code
