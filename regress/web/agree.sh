#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What the pages of one of two gateways say, against what ikectl and ipsecctl say,
# in many states of nine tunnels, by agree.py.
#
#	hostA ------- gwA ============= gwB ------- hostB
#	               |
#	         lighttpd, webadmin on 127.0.0.1

set -u
. "$TOP/regress/live/two.sh"
. "$TOP/regress/web/server.sh"
web_two active passive
rule() {		# rule NAME HOW NETWORK PEER ID-A ID-B [more]
	echo "ikev2 \"$1\" $2 esp from 10.1.0.0/24 to $3 local 192.0.2.1 peer $4 ${7:-} srcid $5 dstid $6 psk \"${8:-a-key-of-decent-length}\""
}
back() {
	echo "ikev2 \"$1\" passive esp from $2 to 10.1.0.0/24 local ${6:-192.0.2.2} peer 192.0.2.1 ${5:-} srcid $4 dstid $3 psk \"a-key-of-decent-length\""
}
{
	rule vienna active 10.20.0.0/24 192.0.2.2 v.example w.example
	rule riga active 10.21.0.0/24 192.0.2.2 r.example s.example '' 'quite-another-key-here'
	rule rome active 10.22.0.0/24 192.0.2.2 k.example l.example
	rule berlin active 10.23.0.0/24 192.0.2.44 c.example d.example
	rule vilnius active 10.25.0.0/24 192.0.2.2 m.example n.example 'childsa enc aes-256'
	rule tallinn active 10.26.0.0/24 192.0.2.3 o.example p.example \
	    'ikesa enc aes-256-gcm prf hmac-sha2-256 group curve25519'
	rule sofia active 10.27.0.0/24 192.0.2.2 q.example nobody.example
	rule oslo passive 10.24.0.0/24 192.0.2.45 e.example f.example
} >>"$W/A/iked.conf"
{
	back vienna 10.20.0.0/24 v.example w.example
	back riga 10.21.0.0/24 r.example s.example
	back vilnius 10.25.0.0/24 m.example n.example 'childsa enc aes-128-gcm'
	back tallinn 10.26.0.0/24 o.example p.example \
	    'ikesa enc aes-256-gcm prf hmac-sha2-512 group ecp384' 192.0.2.3
	back rome 10.99.0.0/24 k.example l.example
} >>"$W/B/iked.conf"
gw B ifconfig wan0 inet 192.0.2.3/24 alias && gw B ipsecctl -f "$W/B/iked.conf" && gw A ipsecctl -f "$W/A/iked.conf" || exit 1
web_commit
web_up
web_python agree.py "$NET-hostA"
