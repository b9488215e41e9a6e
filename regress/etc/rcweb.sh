# SPDX-License-Identifier: ISC
#
# The web pages of rc.sh's router; sourced by it.

running() {	# PIDFILE : a process of that number
	[ -f "$RAVELIN_RUN/$1.pid" ] && kill -0 "$(cat "$RAVELIN_RUN/$1.pid")" 2>/dev/null
}

# Logs in, and sees a page that netkern, iked and policyd are asked for.
works() {
	ip netns exec $router python3 - "$TOP/regress/web" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from client import Client
c = Client()
ok = c.login('admin', 'correct horse battery').status == 303
pages = [c.get(p) for p in ('/', '/policy', '/backup', '/interfaces', '/static/style.css')]
print([p.page().words() for p in pages if 'does not run' in p.body])
sys.exit(not ok or any(p.status != 200 or 'does not run' in p.body for p in pages))
END
}

cp "$lighttpd" "$BIN/lighttpd"
cp -r "$TOP/etc/www" "$TMPDIR/www" && chmod -R a+rX "$TMPDIR/www"
sed -e 's|^server.port = .*|server.port = 8443|' -e 's|^server.groupname.*|&\nserver.bind = "127.0.0.1"|' \
    -e "s|/var/run/ravelin-web|$RAVELIN_WEB_STATE|; s|/var/run/ravelin|$RAVELIN_RUN|" \
    -e "s|/var/log/ravelin-web.log|$TMPDIR/web.log|; s|/usr/local/share/ravelin|$TMPDIR|" \
    -e "s|/usr/local/sbin|$BIN|; s|/etc/ravelin|$RAVELIN_ETC/ravelin|; s|/var/db/ravelin|$TMPDIR/db|" \
    -e "s|/var/empty|$RAVELIN_WEB_STATE|" "$TOP/etc/lighttpd.conf" >"$RAVELIN_ETC/lighttpd.conf"
: >"$TMPDIR/web.log" && chmod 666 "$TMPDIR/web.log"
ip -n $router link set lo up

rc restart
verdict $? 'restart with a web server that has neither key nor user'
! running lighttpd && ! running webadmin && ! rc status | grep -q lighttpd
verdict $? 'no web pages unless they are configured'
"$BIN/webadmin" -k "$RAVELIN_ETC/ravelin-web.pem" &&
    echo 'correct horse battery' | "$BIN/webadmin" -p admin
verdict $? 'a key and a user'
netkern=$(cat "$RAVELIN_RUN/netkern.pid")
rc start
verdict $? 'start with web pages'
rc status | grep -q '^lighttpd: running' && rc status | grep -q '^webadmin: running' &&
    rc status | grep -q '^maintd: running' &&
    [ "$(cat "$RAVELIN_RUN/netkern.pid")" = "$netkern" ]
verdict $? 'they run, and the rest went on'
works
verdict $? 'they can be used'
[ "$(ps -o euser:20= -p "$(cat "$RAVELIN_RUN/lighttpd.pid")" | tr -d ' ')" = 64080 ] &&
    [ "$(ps -o euser:20= -p "$(cat "$RAVELIN_RUN/webadmin.pid")" | tr -d ' ')" = 64080 ]
verdict $? 'by the user _web'
before=$(cat "$RAVELIN_RUN/lighttpd.pid")
rc restart && works && [ "$(cat "$RAVELIN_RUN/lighttpd.pid")" != "$before" ]
verdict $? 'restart'
kill -9 "$(cat "$RAVELIN_RUN/lighttpd.pid")"
sleep 0.2
rc status >/dev/null
[ $? -eq 3 ]
verdict $? 'one that has died is told'
rc start && works
verdict $? 'and comes back'
echo 'nonsense' >>"$RAVELIN_ETC/lighttpd.conf"
rc stop && ! rc start
verdict $? 'a configuration that is wrong is told'
running netkern && running iked && ! running lighttpd
verdict $? 'and the router runs without'
sed -i '$d' "$RAVELIN_ETC/lighttpd.conf"
web=$(cat "$RAVELIN_RUN/iked.pid")
rc start && works && [ "$(cat "$RAVELIN_RUN/iked.pid")" = "$web" ]
verdict $? 'until it is mended'
all=$(cat "$RAVELIN_RUN/lighttpd.pid" "$RAVELIN_RUN/webadmin.pid" "$RAVELIN_RUN/maintd.pid")
rc stop
verdict $? 'stop'
left=
for pid in $all; do	# who has ended and waits for its parent has no program
	left=$left$(readlink "/proc/$pid/exe")
done
[ -z "$left" ]
verdict $? 'ends the pages, too'
