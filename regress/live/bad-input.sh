#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Configurations with five errors: all five are told with file, line, column
# and caret; the exit code is 1; nothing changes.
#
#	hostA ------- gwA

set -u
. "$TOP/regress/live/two.sh"
two_up passive passive

cat >"$W/bad-pf.conf" <<'END'
pass in on lan0 inet form any
block quikc all
pass proto tpc
pass from 10.1.0.0/33 to any
pass on lan0 inet proto tcp from any to any port 99999
END
cat >"$W/bad-ipsec.conf" <<'END'
flow esp form 10.1.0.0/24 to 10.2.0.0/24 peer 192.0.2.2
flow esp from 10.1.0.0/33 to 10.2.0.0/24 peer 192.0.2.2
flow esp from 10.1.0.0/24 to 10.2.0.0/24 peer 192.0.2.2 type reqire
ikev2 "x" active esp from 10.1.0.0/24 to 10.2.0.0/24 peer 192.0.2.2 ikesa enc aes-129-gcm psk "a-key-of-decent-length"
flow esp from 10.1.0.0/24 to 10.2.0.0/24 peer 192.0.2.256
END
state() { gw A pfctl -s rules; gw A ipsecctl -s all; gw A ipsecctl -nvf "$W/A/iked.conf"; }
five() {		# five FILE program...: exit 1, five places, five carets
	_file=$1; shift
	"$@" >"$W/out" 2>&1
	[ $? -eq 1 ] || { cat "$W/out"; echo 'exit code is not 1'; return 1; }
	cat "$W/out"
	for _line in 1 2 3 4 5; do
		grep -q "${_file##*/}:$_line:[0-9][0-9]*: " "$W/out" || { echo "no error at line $_line"; return 1; }
	done
	[ "$(grep -c '^[[:space:]]*^' "$W/out")" -eq 5 ]
}
state >"$W/before"
case_ 'pf.conf' five "$W/bad-pf.conf" gw A pfctl -f "$W/bad-pf.conf"
case_ 'pf.conf, parse only' five "$W/bad-pf.conf" gw A pfctl -nf "$W/bad-pf.conf"
case_ 'ipsec.conf' five "$W/bad-ipsec.conf" gw A ipsecctl -f "$W/bad-ipsec.conf"
case_ 'ipsec.conf, parse only' five "$W/bad-ipsec.conf" gw A ipsecctl -nf "$W/bad-ipsec.conf"
same() { state >"$W/after"; diff "$W/before" "$W/after"; }
case_ 'nothing has changed' same

truncated() { /usr/bin/python3 - "$W/A/run/key.sock" <<'END'
import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
s.settimeout(5)
# SADB_GET that says it is 16 words long and is 2 (RFC 2367 2.3)
s.send(struct.pack('=BBBBHHII', 2, 5, 0, 3, 16, 0, 7, 99))
r = s.recv(4096)
print('errno', r[2])
assert r[1] == 5 and r[2] == 22
# the socket lives on: a DUMP of ESP is answered
s.send(struct.pack('=BBBBHHII', 2, 10, 0, 3, 2, 0, 8, 99))
r = s.recv(4096)
assert r[1] == 10, r
END
}
case_ 'a truncated PF_KEY message gets EINVAL, and the socket lives on' truncated
summary
