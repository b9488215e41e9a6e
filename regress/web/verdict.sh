#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What is wrong with a tunnel is said alike by ikectl, the console's menu, the
# pages and their JSON twins: one tunnel for each fault, between two gateways,
# read by verdict.py.  Certificates there are none yet.
#
#	hostA ------- gwA ============= gwB ------- hostB
#	                 from gwA to gwB more than 1376 bytes vanish
#
#	paris	 large packets vanish	  MTU-01
#	vienna	 gwB has no way to its network	 NET-03
#	riga	 another key at gwB	  AUTH-02, and at gwB AUTH-01
#	vilnius	 another childsa at gwB	  PROP-02, likewise
#	tallinn	 another ikesa at gwB	  PROP-01, likewise
#	rome	 other networks at gwB	  TS-01, likewise
#	berlin	 nobody is there	  NET-01

set -u
. "$TOP/regress/live/two.sh"
. "$TOP/regress/web/server.sh"
web_two active passive
rule() {		# rule NAME NETWORK PEER ID-A ID-B [more [key]]
	echo "ikev2 \"$1\" active esp from 10.1.0.0/24 to $2 local 192.0.2.1 peer $3 ${6:-} srcid $4 dstid $5 psk \"${7:-a-key-of-decent-length}\""
}
back() {		# back NAME NETWORK LOCAL ID-A ID-B [more [key]]
	echo "ikev2 \"$1\" passive esp from $2 to 10.1.0.0/24 local $3 peer 192.0.2.1 ${6:-} srcid $5 dstid $4 psk \"${7:-a-key-of-decent-length}\""
}
{
	rule vienna 10.20.0.0/24 192.0.2.2 v.example w.example
	rule riga 10.21.0.0/24 192.0.2.2 r.example s.example '' 'quite-another-key-here'
	rule rome 10.22.0.0/24 192.0.2.2 k.example l.example
	rule vilnius 10.25.0.0/24 192.0.2.2 m.example n.example 'childsa enc aes-256'
	rule tallinn 10.26.0.0/24 192.0.2.3 o.example p.example \
	    'ikesa enc aes-256-gcm prf hmac-sha2-256 group curve25519'
	rule berlin 10.23.0.0/24 192.0.2.44 c.example d.example
} >>"$W/A/iked.conf"
{
	back vienna 10.20.0.0/24 192.0.2.2 v.example w.example
	back riga 10.21.0.0/24 192.0.2.2 r.example s.example
	back rome 10.99.0.0/24 192.0.2.2 k.example l.example
	back vilnius 10.25.0.0/24 192.0.2.2 m.example n.example 'childsa enc aes-128-gcm'
	back tallinn 10.26.0.0/24 192.0.2.3 o.example p.example \
	    'ikesa enc aes-256-gcm prf hmac-sha2-512 group ecp384'
} >>"$W/B/iked.conf"
# A frame for a device that takes less is dropped, and nobody is told.
ip -n "$NET-gwB" link set wan0 mtu 1372
gw B ifconfig wan0 inet 192.0.2.3/24 alias &&
gw B ipsecctl -f "$W/B/iked.conf" && gw A ipsecctl -f "$W/A/iked.conf" || exit 1
wait_for 15 up || { logs; echo 'the tunnel did not come up'; exit 1; }
web_up
ns hostA ping -q -i 0.5 -c 60 10.20.0.2 >/dev/null 2>&1 &
export RAVELIN_SILENT=4
web_python verdict.py "$NET-gwB" "$NET-hostA"
