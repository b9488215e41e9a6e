# SPDX-License-Identifier: ISC
#
# Two gateways and a host behind each, in network namespaces: what the
# demonstration and the live tests stand on.  Source it.
#
#	hostA ------- gwA ------------- gwB ------- hostB
#	 eth0     lan0   wan0       wan0   lan0      eth0
#	10.1.0.2  10.1.0.1 192.0.2.1   192.0.2.2 10.2.0.1  10.2.0.2
#
# A namespace is named $NET-hostA and so on.  The gateways' namespaces hold
# only devices without addresses: every packet is netkern's.  Everything of a
# gateway lies in $W/A or $W/B: sockets in run, the policy store, logs.
#
# Set before: BIN (the programs), W (an empty folder); NET may be set, and DRIVER (packet).

NET=${NET:-rv$$}
GATEWAYS='A B'

ns() {			# ns hostA command...: runs it there
	_n=$1; shift
	ip netns exec "$NET-$_n" "$@"
}

gw() {			# gw A program...: one of ours, speaking to gateway A
	_g=$1; shift
	_p=$1; shift
	RAVELIN_RUN="$W/$_g/run" RAVELIN_DB="$W/$_g/policy.db" \
	    ip netns exec "$NET-gw$_g" "$BIN/$_p" "$@"
}

lan_of() { if [ "$1" = A ]; then echo 10.1.0; else echo 10.2.0; fi; }
wan_of() { if [ "$1" = A ]; then echo 192.0.2.1; else echo 192.0.2.2; fi; }

topo_up() {
	for _n in hostA gwA gwB hostB; do
		ip netns add "$NET-$_n" || return 1
		# A router's namespace must not answer for itself.
		ns $_n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null
		ip -n "$NET-$_n" link set lo up
	done
	ip link add eth0 netns "$NET-hostA" type veth peer name lan0 netns "$NET-gwA" &&
	ip link add eth0 netns "$NET-hostB" type veth peer name lan0 netns "$NET-gwB" &&
	ip link add wan0 netns "$NET-gwA" type veth peer name wan0 netns "$NET-gwB" ||
	    return 1
	for _g in $GATEWAYS; do
		mkdir -p "$W/$_g/run"
		ip -n "$NET-gw$_g" link set lan0 up
		ip -n "$NET-gw$_g" link set wan0 up
		ip -n "$NET-host$_g" addr add "$(lan_of $_g).2/24" dev eth0
		ip -n "$NET-host$_g" link set eth0 up
		ip -n "$NET-host$_g" route add default via "$(lan_of $_g).1"
	done
}

topo_down() {
	for _n in hostA gwA gwB hostB; do
		ip netns pids "$NET-$_n" 2>/dev/null | xargs -r kill 2>/dev/null
	done
	for _try in 1 2 3 4 5 6 7 8 9 10; do
		_left=
		for _n in hostA gwA gwB hostB; do
			_left="$_left$(ip netns pids "$NET-$_n" 2>/dev/null)"
		done
		[ -z "$_left" ] && break
		sleep 0.2
	done
	for _n in hostA gwA gwB hostB; do
		ip netns pids "$NET-$_n" 2>/dev/null | xargs -r kill -9 2>/dev/null
		ip netns del "$NET-$_n" 2>/dev/null
	done
	return 0
}

wait_for() {		# wait_for SECONDS command...: until it succeeds
	_end=$(($(date +%s) + $1)); shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$_end" ] || return 1
		sleep 0.1
	done
}

run_in_background() {	# run_in_background A program option...
	_g=$1; _p=$2; shift 2
	RAVELIN_RUN="$W/$_g/run" RAVELIN_DB="$W/$_g/policy.db" \
	    ip netns exec "$NET-gw$_g" "$BIN/$_p" "$@" \
	    >>"$W/$_g/$_p.log" 2>&1 &
	echo $! >"$W/$_g/$_p.pid"
}

netkern_start() {	# netkern_start A [option...]: and its interfaces
	_g=$1; shift
	run_in_background "$_g" netkern -d "$@"
	wait_for 10 test -S "$W/$_g/run/netkern.sock" &&
	wait_for 10 gw "$_g" ifconfig &&
	gw "$_g" ifconfig lan0 create ${DRIVER:-packet} lan0 &&
	gw "$_g" ifconfig wan0 create ${DRIVER:-packet} wan0 &&
	gw "$_g" ifconfig lan0 inet "$(lan_of $_g).1/24" up &&
	gw "$_g" ifconfig wan0 inet "$(wan_of $_g)/24" up
}

gateway_start() {	# gateway_start A: with $W/A/pf.conf and $W/A/iked.conf
	_g=$1
	netkern_start "$_g" ${NETKERN_OPTIONS:-} &&
	if [ -f "$W/$_g/pf.conf" ]; then
		gw "$_g" pfctl -f "$W/$_g/pf.conf" || return 1
	fi
	run_in_background "$_g" policyd -d
	wait_for 10 test -S "$W/$_g/run/policy.sock" || return 1
	run_in_background "$_g" iked -d -v
	wait_for 10 test -S "$W/$_g/run/iked.sock" || return 1
	if [ -f "$W/$_g/iked.conf" ]; then
		gw "$_g" ipsecctl -f "$W/$_g/iked.conf" || return 1
	fi
}

stop_program() {	# stop_program A program [signal]
	_pid=$(cat "$W/$1/$2.pid" 2>/dev/null) || return 0
	kill "-${3:-TERM}" "$_pid" 2>/dev/null
	while kill -0 "$_pid" 2>/dev/null; do sleep 0.05; done
	rm -f "$W/$1/$2.pid"
}

logs() {		# what the gateways said, when something went wrong
	for _g in $GATEWAYS; do
		for _f in "$W/$_g"/*.log; do
			[ -s "$_f" ] && { echo "--- gateway $_g: ${_f##*/}"; tail -n "${1:-30}" "$_f"; }
		done
	done
	return 0
}
