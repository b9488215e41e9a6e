# SPDX-License-Identifier: ISC
#
# strongSwan's charon as the peer of gateway A, in gateway B's place: Debian's
# packages, with kernel-libipsec (ESP in user space, always in UDP).  Source it
# after live/gateway.sh.

charon_start() {	# charon_start PROPOSAL ESP_PROPOSAL START_ACTION PSK
	C=$W/charon
	mkdir -p "$C/swanctl"
	cat >"$C/strongswan.conf" <<END
charon {
	load = random nonce aes gcm chapoly sha1 sha2 hmac kdf curve25519 gmp openssl pem pkcs1 pubkey x509 kernel-libipsec kernel-netlink socket-default vici updown
	install_virtual_ip = no
	retransmit_timeout = 1
	retransmit_tries = 4
	make_before_break = yes
	plugins {
		kernel-libipsec { allow_peer_ts = yes }
		kernel-netlink { fwmark = !0x42 }
		socket-default { fwmark = 0x42 }
	}
	filelog {
		log {
			path = $C/charon.log
			default = 1
			flush_line = yes
		}
	}
}
END
	cat >"$C/swanctl/swanctl.conf" <<END
connections {
	ravelin {
		version = 2
		local_addrs = 192.0.2.2
		remote_addrs = 192.0.2.1
		proposals = $1
		local { auth = psk
			id = swan.example }
		remote { auth = psk
			id = ravelin.example }
		children {
			net {
				local_ts = 10.2.0.0/24
				remote_ts = 10.1.0.0/24
				esp_proposals = $2
				start_action = $3
			}
		}
	}
}
secrets { ike-1 { secret = "$4" } }
END
	ip -n "$NET-gwB" addr add 192.0.2.2/24 dev wan0 2>/dev/null
	ip -n "$NET-gwB" addr add 10.2.0.1/24 dev lan0 2>/dev/null
	ns gwB sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
	    net.ipv4.conf.default.rp_filter=0
	ns gwB ethtool -K wan0 tx off gso off tso off >/dev/null 2>&1
	STRONGSWAN_CONF="$C/strongswan.conf" \
	    ip netns exec "$NET-gwB" unshare -m sh -c \
	    'mount -t tmpfs none /run && exec /usr/lib/ipsec/charon' \
	    >"$C/stderr" 2>&1 &
	echo $! >"$C/pid"
	wait_for 10 swan --stats && swan --load-all >"$C/load" 2>&1
}

swan() {		# swan option...: swanctl there
	SWANCTL_DIR="$W/charon/swanctl" nsenter -t "$(cat "$W/charon/pid")" \
	    -n -m swanctl "$@"
}

charon_stop() {
	_pid=$(cat "$W/charon/pid" 2>/dev/null) || return 0
	kill "$_pid" 2>/dev/null
	wait "$_pid" 2>/dev/null
	rm -rf "$W/charon/pid"
	ip -n "$NET-gwB" addr flush dev wan0
	ip -n "$NET-gwB" addr flush dev lan0
}
