#!/bin/sh
# SPDX-License-Identifier: ISC
#
# IKEv2 and ESP with strongSwan, both roles, PSK, rekeys from both sides, under
# several proposals.
#
#	hostA ------- gwA (Ravelin) ------- gwB (charon) ------- hostB
#	10.1.0.2      192.0.2.1           192.0.2.2            10.2.0.2

set -u
. "$TOP/regress/live/gateway.sh"
. "$TOP/regress/interop/charon.sh"
W=$TMPDIR

[ -x /usr/lib/ipsec/charon ] && command -v swanctl >/dev/null || {
	echo 'strongswan-charon and strongswan-swanctl are not installed'
	exit 77
}

. "$TOP/regress/cases.sh"
case_failed() {
	logs 15
	tail -n 25 "$W/charon/charon.log" 2>/dev/null
}

end() {
	charon_stop
	topo_down
}
trap end EXIT
trap 'exit 130' INT TERM

PSK=a-shared-secret-of-decent-length
ENCAP=			# or the word, of our rule

ravelin_conf() {	# ravelin_conf active|passive IKESA CHILDSA
	(umask 077; cat >"$W/A/iked.conf" <<END
ikev2 "swan" $1 esp $ENCAP from 10.1.0.0/24 to 10.2.0.0/24 \\
	local 192.0.2.1 peer 192.0.2.2 \\
	ikesa $2 childsa $3 \\
	srcid ravelin.example dstid swan.example \\
	psk "$PSK"
END
	)
	gw A ipsecctl -f "$W/A/iked.conf"
}

ping_both() {
	ns hostA ping -q -c 3 -i 0.05 -W 2 10.2.0.2 &&
	ns hostB ping -q -c 3 -i 0.05 -W 2 10.1.0.2
}

# Packets of 20 ms through a rekey: every one must be answered.
ping_through() {
	ns hostA ping -q -c 100 -i 0.02 -W 2 10.2.0.2 >"$W/ping" &
	_ping=$!
	sleep 0.5
	"$@" || { wait $_ping; return 1; }
	wait $_ping
	cat "$W/ping"
	grep -q ' 0% packet loss' "$W/ping"
}

up_there() { swan --list-sas | grep -q INSTALLED; }
up_here() { gw A ikectl status swan; }
children_there() { [ "$(swan --list-sas | grep -c INSTALLED)" -eq 1 ]; }
is_down_here() { ! gw A ikectl status swan; }

rekey_there() { swan --rekey --child net; }
rekey_ike_there() { swan --rekey --ike ravelin; }

scenario() {		# scenario NAME IKESA CHILDSA SWAN-IKE SWAN-ESP
	_s=$1
	charon_start "$4" "$5" none "$PSK" || { cat "$W/charon/stderr" "$W/charon/load"; }
	ravelin_conf passive "$2" "$3"
	case_ "$_s: charon initiates" swan --initiate --child net --timeout 20
	case_ "$_s: up at both ends" wait_for 5 up_here
	case_ "$_s: pings both ways" ping_both
	case_ "$_s: charon rekeys the child under traffic" ping_through rekey_there
	case_ "$_s: Ravelin rekeys the child under traffic" ping_through gw A ikectl rekey swan
	case_ "$_s: charon rekeys the IKE SA under traffic" ping_through rekey_ike_there
	case_ "$_s: Ravelin rekeys the IKE SA under traffic" ping_through gw A ikectl rekey-ike swan
	case_ "$_s: one child is left" wait_for 10 children_there
	case_ "$_s: charon deletes" swan --terminate --ike ravelin
	case_ "$_s: Ravelin knows" wait_for 5 is_down_here
	case_ "$_s: Ravelin initiates" gw A ikectl -t 20 up swan
	case_ "$_s: charon agrees" wait_for 5 up_there
	case_ "$_s: pings both ways again" ping_both
	case_ "$_s: Ravelin deletes" gw A ikectl down swan
	charon_stop
}

topo_up || { echo 'no network namespaces here'; exit 77; }
gateway_start A || { logs; exit 1; }

scenario gcm-x25519 \
    "enc aes-128-gcm prf hmac-sha2-256 group curve25519" "enc aes-128-gcm" \
    aes128gcm16-prfsha256-x25519 aes128gcm16
scenario gcm256-ecp384-pfs \
    "enc aes-256-gcm prf hmac-sha2-384 group ecp384" "enc aes-256-gcm group ecp384" \
    aes256gcm16-prfsha384-ecp384 aes256gcm16-ecp384
ENCAP=encap
scenario chacha-ecp256-pfs-encap \
    "enc chacha20-poly1305 prf hmac-sha2-256 group ecp256" "enc chacha20-poly1305 group ecp256" \
    chacha20poly1305-prfsha256-ecp256 chacha20poly1305-ecp256
ENCAP=
scenario cbc-modp2048-pfs \
    "enc aes-256 prf hmac-sha2-256 auth hmac-sha2-256 group modp2048" "enc aes-256 auth hmac-sha2-256 group modp2048" \
    aes256-sha256-modp2048 aes256-sha256-modp2048

# Sizes of packets: charon is asked with notifications that it does not know.
charon_start aes128gcm16-prfsha256-x25519 aes128gcm16 none "$PSK"
ravelin_conf passive "enc aes-128-gcm prf hmac-sha2-256 group curve25519" "enc aes-128-gcm"
case_ 'sizes: up' gw A ikectl -t 20 up swan
sizes() {		# sizes WORDS: what ikectl check says
	gw A ikectl check swan >"$W/check"
	cat "$W/check"
	grep -q "$1" "$W/check"
}
case_ 'sizes: charon answers the largest' sizes 'packets of 1500 bytes'
ip -n "$NET-gwB" link set wan0 mtu 1372		# 4 more still pass
case_ 'sizes: a black hole is found' sizes 'MTU-01'
says_size() { gw A ikectl why swan | grep -q 'more than 1376 bytes'; }
case_ 'sizes: its size' says_size
case_ 'sizes: the IKE SA goes on' ping_both
case_ 'sizes: and can be rekeyed' gw A ikectl rekey swan
ip -n "$NET-gwB" link set wan0 mtu 1500
case_ 'sizes: it is mended' sizes 'packets of 1500 bytes'
case_ 'sizes: Ravelin deletes' gw A ikectl down swan
no_complaint() { ! grep -i 'notify.*error\|invalid\|malformed' "$W/charon/charon.log"; }
case_ 'sizes: charon has nothing to complain of' no_complaint
charon_stop

charon_start aes128gcm16-prfsha256-x25519 aes128gcm16 none another-secret-which-is-not-it
ravelin_conf passive "enc aes-128-gcm prf hmac-sha2-256 group curve25519" "enc aes-128-gcm"
fails_to_connect() { ! gw A ikectl -t 15 up swan && gw A ikectl why swan; }
case_ 'wrong key: refused' fails_to_connect
says_auth() { gw A ikectl why swan | grep -q 'AUTH-0'; }
case_ 'wrong key: the reason has its id' says_auth

summary
