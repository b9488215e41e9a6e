#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What peers say over IKE, before and after they have shown who they are, by a peer
# of one's own making (ike2.py): nothing of it breaks the log, ikectl, the console or
# a page, and strangers fill neither log nor history (wire.py).
#
#	hostA ------- gwA ============= gwB
#	               |                 192.0.2.3 a peer that is called
#	         lighttpd, webadmin	.11 and on: peers with the key
#					.100 and on: strangers

set -u
. "$TOP/regress/live/two.sh"
. "$TOP/regress/web/server.sh"
[ -x "$LIGHTTPD" ] || { echo "no lighttpd: make -f mk/deps.mk lighttpd"; exit 77; }
[ "$(id -u)" = 0 ] || { echo 'needs root for network namespaces'; exit 77; }
STRINGS=${WIRE_STRINGS:-140} EACH=70	# through identities; of one peer, whose history holds so many
web_names A; web_names B
NETKERN_OPTIONS='-g _ravelin' GATEWAYS='A B'
trap two_end EXIT
trap 'exit 130' INT TERM
topo_up || { echo 'no network namespaces here'; exit 77; }
two_conf passive passive
rule() {		# rule NAME NETWORK PEER [more]
	echo "ikev2 \"$1\" passive esp from 10.1.0.0/24 to $2 local 192.0.2.1 peer $3 ikesa enc chacha20-poly1305 prf hmac-sha2-256 group curve25519 ${4:-} srcid a.example psk \"a-key-of-decent-length\""
}
{
	rule call 10.6.0.0/24 192.0.2.3 'dstid callee.example'
	for n in $(seq $(((STRINGS + EACH - 1) / EACH))); do
		rule "open$n" "10.7.$n.0/24" "192.0.2.$((10 + n))"
	done
	rule road 10.8.0.0/24 any 'dstid known.example'
} >"$W/A/iked.conf"
chmod 600 "$W/A/iked.conf"
gateway_start A || { echo 'the gateway did not start'; logs 40; exit 1; }
for n in 3 $(seq 11 50) $(seq 100 220); do
	echo "addr add 192.0.2.$n/24 dev wan0"
done | ip -n "$NET-gwB" -batch - || exit 1
web_up
web_python wire.py "$NET-gwB" "$STRINGS" "$EACH"
