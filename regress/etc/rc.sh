#!/bin/sh
# SPDX-License-Identifier: ISC
#
# rc.ravelin starts a router from hostname.IF files and pf.conf, tells what
# runs, brings it back after a restart, and stops it; with the web pages, once
# they have a key and a user.
#
#	host ------- router
#	 eth0      wan0 = netkern's
#	192.0.2.2  192.0.2.1

[ "$(id -u)" -eq 0 ] || { echo 'needs root: makes network namespaces'; exit 77; }

host=rvrc$$h router=rvrc$$r
. "$TOP/regress/cases.sh"
rc() {
	ip netns exec $router sh "$TOP/etc/rc.ravelin" "$@"
}
finish() {
	trap - EXIT INT TERM
	rc stop >/dev/null 2>&1
	ip netns del $host
	ip netns del $router
	rm -rf /etc/netns/$router
	rmdir /etc/netns
} 2>/dev/null
trap finish EXIT
trap 'exit 1' INT TERM

chmod 755 "$TMPDIR"
# where the user _web may go; and its name, in the router's namespace alone
cp -r "$BIN" "$TMPDIR/bin" && BIN=$TMPDIR/bin
lighttpd=${LIGHTTPD:-$TOP/obj/deps/release/bin/lighttpd}
mkdir -p /etc/netns/$router
{ cat /etc/passwd; echo '_web:x:64080:64081::/var/empty:/bin/false'; } >/etc/netns/$router/passwd
{ cat /etc/group; echo '_ravelin:x:64081:'; } >/etc/netns/$router/group
export RAVELIN_ETC="$TMPDIR/etc" RAVELIN_RUN="$TMPDIR/run" RAVELIN_BIN="$BIN"
export RAVELIN_DB="$TMPDIR/db/policy.db" RAVELIN_LOG="$TMPDIR/log"
export RAVELIN_WEB_STATE="$TMPDIR/web" RAVELIN_PASSWD="$RAVELIN_ETC/ravelin.passwd"
mkdir "$RAVELIN_ETC"
cp "$TOP/etc/pf.conf" "$RAVELIN_ETC/"
cat >"$RAVELIN_ETC/hostname.wan0" <<'END'
# the outer side
!ip link set eth0 up

create packet eth0
inet 192.0.2.1/24 up
END

ip netns add $host && ip netns add $router &&
    ip link add eth0 netns $host type veth peer name eth0 netns $router &&
    ip -n $host address add 192.0.2.2/24 dev eth0 &&
    ip -n $host link set eth0 up || { echo 'no network namespaces'; exit 1; }

rc start
verdict $? 'rc.ravelin start'
rc status
verdict $? 'all run'
ip netns exec $host ping -q -c 3 -W 2 192.0.2.1
verdict $? 'the interface answers'
before=$(cat "$RAVELIN_RUN/netkern.pid")
rc restart
verdict $? 'rc.ravelin restart'
[ "$(cat "$RAVELIN_RUN/netkern.pid")" != "$before" ]
verdict $? 'restart made a new process'
ip netns exec $host ping -q -c 3 -W 2 192.0.2.1
verdict $? 'the interface answers again'
cat >"$TMPDIR/network.conf" <<'END'
interface wan0 create packet eth0 inet 192.0.2.1/24
interface wan0 inet 192.0.2.5/24 alias
END
chmod 600 "$TMPDIR/network.conf"
"$BIN/ipsecctl" commit --network "$TMPDIR/network.conf"
verdict $? 'interfaces are committed'
rc restart
verdict $? 'rc.ravelin restart with a revision'
ip netns exec $host ping -q -c 3 -W 2 192.0.2.5
verdict $? 'the interface comes from the revision'
if [ -x "$lighttpd" ]; then
	. ./rcweb.sh
fi
rc stop
verdict $? 'rc.ravelin stop'
rc status >/dev/null
[ $? -eq 3 ]
verdict $? 'nothing runs'
! pgrep -F "$RAVELIN_RUN/netkern.pid" 2>/dev/null
verdict $? 'no process is left'

[ "$failed" -eq 0 ] || tail -n 30 "$RAVELIN_LOG"
summary
