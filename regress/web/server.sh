# SPDX-License-Identifier: ISC
#
# The web pages of a gateway of regress/live/gateway.sh, as an unprivileged
# user would run them: lighttpd with etc/lighttpd.conf, its paths changed, as
# user _web of group _ravelin.  The names exist only in the gateway's namespace
# (ip-netns(8) lays /etc/netns/NAME/FILE over /etc/FILE there).  With WEB_HERE set
# the server itself runs in the caller's network namespace, so that a browser
# there reaches it.  Source it.

LIGHTTPD=${LIGHTTPD:-$TOP/obj/deps/release/bin/lighttpd}
WEB_PORT=${WEB_PORT:-8443}
WEB_USER=admin
WEB_PASSWORD='correct horse battery'

web_names() {		# web_names A: before the gateway starts
	mkdir -p "/etc/netns/$NET-gw$1"
	{ cat /etc/passwd; echo '_web:x:64080:64081:web pages:/var/empty:/bin/false'; } \
	    >"/etc/netns/$NET-gw$1/passwd"
	{ cat /etc/group; echo '_ravelin:x:64081:'; } >"/etc/netns/$NET-gw$1/group"
}

web_names_gone() {
	rm -rf "/etc/netns/$NET-gw$1"
	rmdir /etc/netns 2>/dev/null
	return 0
}

# Instead of that of two.sh, which a test has sourced before: names go, too.
two_end() {
	_code=$?
	trap - EXIT
	web_names_gone A
	web_names_gone B
	topo_down
	exit $_code
}

web_conf() {		# web_conf A: lighttpd.conf on standard output
	sed -e "s|^server.port = .*|server.port = $WEB_PORT\nserver.bind = \"127.0.0.1\"|" \
	    -e "s|/var/run/ravelin-web|$W/$1/web|" \
	    -e "s|/var/run/ravelin/lighttpd.pid|$W/$1/web.pid|" \
	    -e "s|/var/run/ravelin|$W/$1/run|" \
	    -e "s|/var/log/ravelin-web.log|$W/$1/web.log|" \
	    -e "s|/var/log/ravelin.log|$W/$1/ravelin.log|" \
	    -e "s|/usr/local/share/ravelin/www|$WEB_ROOT|" \
	    -e "s|/usr/local/sbin/webadmin|$WEB_CGI|" \
	    -e "s|/etc/ravelin-web.pem|$W/$1/web.pem|" \
	    -e "s|/etc/ravelin.passwd|$W/$1/passwd|" \
	    -e "s|/var/db/ravelin|$W/$1|" \
	    -e "s|/var/empty|$W/$1/web|" "$TOP/etc/lighttpd.conf"
}

web_exec() {		# web_exec A command...: where the server is; with WEB_EXEC=exec, for good
	_at=$1; shift
	if [ -z "${WEB_HERE:-}" ]; then
		${WEB_EXEC:-} ip netns exec "$NET-gw$_at" "$@"
	else
		${WEB_EXEC:-} unshare -m sh -c 'mount --bind "$1/passwd" /etc/passwd &&
		    mount --bind "$1/group" /etc/group && shift && exec "$@"' sh \
		    "/etc/netns/$NET-gw$_at" "$@"
	fi
}

web_stop() {		# web_stop A: what topo_down does not see
	[ -f "$W/$1/web.pid" ] && kill "$(cat "$W/$1/web.pid")" 2>/dev/null
	return 0
}

# Backups, imports and upgrades, by root; the slots are plain folders.
web_maint() {		# web_maint A
	mkdir -p "$W/$1/etc" "$W/$1/tls"
	echo "serial=100" >"$W/$1/release"
	PATH=$BIN:$PATH RAVELIN_PASSWD="$W/$1/passwd" run_in_background "$1" maintd \
	    -D "$W/$1/maint" -e "$W/$1/etc" -t "$W/$1/tls" -b "$W/$1/boot" \
	    -p "$W/$1/upgrade.pub" -R "$W/$1/release" -s a
	wait_for 10 test -S "$W/$1/run/maint.sock"
}

web_start() {		# web_start A
	_g=$1
	# what the user _web reads lies where it may go
	chmod 755 "$W" "$W/$_g"
	WEB_ROOT=${WEB_ROOT:-$W/$_g/www} WEB_CGI=$W/$_g/webadmin
	rm -rf "$W/$_g/www"
	cp -r "$TOP/etc/www" "$W/$_g/www" && chmod -R a+rX "$W/$_g/www"
	cp "$BIN/webadmin" "$WEB_CGI" && chmod 755 "$WEB_CGI"
	mkdir -p "$W/$_g/web" && chown 64080:64081 "$W/$_g/web" && chmod 700 "$W/$_g/web"
	"$BIN/webadmin" -k "$W/$_g/web.pem" || return 1
	echo "$WEB_PASSWORD" | RAVELIN_PASSWD="$W/$_g/passwd" "$BIN/webadmin" -p $WEB_USER || return 1
	chown 64080 "$W/$_g/passwd"
	: >>"$W/$_g/web.log"; chown 64080 "$W/$_g/web.log"
	web_maint "$_g" || return 1
	web_conf "$_g" >"$W/$_g/lighttpd.conf"
	{ WEB_EXEC=exec; web_exec "$_g" "$LIGHTTPD" -D -f "$W/$_g/lighttpd.conf"; } \
	    >>"$W/$_g/lighttpd.log" 2>&1 &
	echo $! >"$W/$_g/lighttpd.pid"
	RAVELIN_RUN="$W/$_g/run" RAVELIN_WEB_STATE="$W/$_g/web" \
	    ip netns exec "$NET-gw$_g" setpriv --reuid 64080 --regid 64081 --clear-groups \
	    "$WEB_CGI" -c >>"$W/$_g/lighttpd.log" 2>&1 &
	echo $! >"$W/$_g/collect.pid"
	wait_for 10 web_exec "$_g" nc -z 127.0.0.1 "$WEB_PORT"
}

# ---- what the tests here share

web_two() {		# web_two HOW-A HOW-B: two.sh's gateways, with the names for the pages
	[ -x "$LIGHTTPD" ] || { echo 'no lighttpd: make -f mk/deps.mk lighttpd'; exit 77; }
	web_names A; web_names B
	NETKERN_OPTIONS='-g _ravelin'
	two_up "$@"
}

web_commit() {		# the first revision, once the tunnel is up
	wait_for 15 up || { logs; echo 'the tunnel did not come up'; exit 1; }
	gw A ipsecctl commit --pf "$W/A/pf.conf" -m 'as it began' || exit 1
}

web_up() {		# A's pages
	web_start A || { cat "$W/A/lighttpd.log"; echo 'the web server did not start'; exit 1; }
}

web_python() {		# web_python SCRIPT [more words]: in gwA; what it finds is the test's end
	_script=$1; shift
	BIN=$BIN ip netns exec "$NET-gwA" python3 "$_script" "$W" "$WEB_PASSWORD" "$@"
	_code=$?
	[ $_code -eq 0 ] || { tail -n 20 "$W/A/web.log" "$W/A/lighttpd.log" "$W/A/maintd.log"; logs 15; }
	exit $_code
}
