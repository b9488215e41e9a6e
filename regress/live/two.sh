# SPDX-License-Identifier: ISC
#
# What the live tests of two gateways share: their configuration, and counting
# cases.  Source it after setting TOP, BIN and TMPDIR (mk/regress.mk does).

. "$TOP/regress/live/gateway.sh"
W=$TMPDIR

. "$TOP/regress/cases.sh"
case_failed() { logs 15; }

two_end() {
	_code=$?
	trap - EXIT
	topo_down
	exit $_code
}

two_conf() {		# two_conf HOW-A HOW-B [more words of the rule]
	umask 077
	cat >"$W/A/iked.conf" <<END
ikev2 "paris" $1 esp from 10.1.0.0/24 to 10.2.0.0/24 local 192.0.2.1 peer 192.0.2.2 ${3:-} srcid a.example dstid b.example psk "a-key-of-decent-length"
END
	cat >"$W/B/iked.conf" <<END
ikev2 "lyon" $2 esp from 10.2.0.0/24 to 10.1.0.0/24 local 192.0.2.2 peer 192.0.2.1 ${3:-} srcid b.example dstid a.example psk "a-key-of-decent-length"
END
	umask 022
	for _g in $GATEWAYS; do
		cat >"$W/$_g/pf.conf" <<'END'
block all
pass on lan0 inet
pass on enc0 inet
pass on wan0 inet proto udp from any to any port { 500, 4500 }
pass on wan0 inet proto esp
END
	done
}

two_up() {		# two_up: topology and both gateways
	[ "$(id -u)" = 0 ] || { echo 'needs root for network namespaces'; exit 77; }
	trap two_end EXIT
	trap 'exit 130' INT TERM
	topo_up || { echo 'no network namespaces here'; exit 77; }
	two_conf "$@"
	for _g in $GATEWAYS; do
		gateway_start $_g || { echo "gateway $_g did not start"; logs 40; exit 1; }
	done
}

up() { gw A ikectl status paris; }
down() { ! gw A ikectl status paris; }
spi() { gw "${1:-A}" ikectl -j status | sed -n 's/.*"spi_out":[[:space:]]*"\(.*\)".*/\1/p'; }

# Every one of so many packets, 20 ms apart, is answered while a command runs.
through() {		# through COUNT command...
	_count=$1; shift
	ns hostA ping -q -c "$_count" -i 0.02 -W 2 10.2.0.2 >"$W/ping.out" &
	_ping=$!
	sleep 0.5
	"$@" || { wait $_ping; return 1; }
	wait $_ping
	cat "$W/ping.out"
	grep -q ' 0% packet loss' "$W/ping.out"
}
