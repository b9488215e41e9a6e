#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Backup and restore, import and upgrade by the web pages, over maintd(8): every
# form, what must be refused, and that nothing changes by it (maint.py).  The
# slots of the upgrade are plain folders.

set -u
. "$TOP/regress/live/two.sh"
. "$TOP/regress/web/server.sh"
[ -x "$LIGHTTPD" ] || { echo "no lighttpd: make -f mk/deps.mk lighttpd"; exit 77; }
web_names A; web_names B
NETKERN_OPTIONS='-g _ravelin'
two_up active passive
gw A ipsecctl commit --pf "$W/A/pf.conf" -m 'as it began' || exit 1
web_start A || { cat "$W/A/lighttpd.log"; echo 'the web server did not start'; exit 1; }
BIN=$BIN ip netns exec "$NET-gwA" python3 maint.py "$W" "$WEB_PASSWORD"
code=$?
[ $code -eq 0 ] || { tail -n 20 "$W/A/web.log" "$W/A/lighttpd.log" "$W/A/maintd.log"; logs 15; }
exit $code
