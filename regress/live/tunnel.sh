#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The life of a tunnel between two Ravelins: made by the first packet, which is
# delivered; rekeyed from both ends under traffic; taken down and up by hand;
# changed by a new revision without touching what did not change.
#
#	hostA ------- gwA ============= gwB ------- hostB

set -u
. "$TOP/regress/live/two.sh"
two_up passive passive

one_ping() { ns hostA ping -q -c 1 -W 5 10.2.0.2; }
back() { ns hostB ping -q -c 3 -i 0.1 -W 2 10.1.0.2; }
case_ 'no tunnel without traffic' down
case_ 'the first packet makes it and arrives' one_ping
case_ 'it is up' up
case_ 'the other way' back
first=$(spi)
case_ 'rekey by the initiator loses nothing' through 100 gw A ikectl rekey paris
case_ 'rekey by the responder loses nothing' through 100 gw B ikectl rekey lyon
case_ 'rekey of the IKE SA loses nothing' through 100 gw A ikectl rekey-ike paris
case_ 'the keys are new' not test "$(spi)" = "$first"

both() { gw A ikectl -n rekey paris; gw B ikectl -n rekey lyon; sleep 1.5; }
case_ 'rekeys that collide lose nothing' through 150 both
one_pair() { sleep 7; [ "$(gw A ipsecctl -s sa | grep -c '^esp')" -eq 2 ]; }
case_ 'one pair is left' one_pair

same=$(spi)
reload() { gw A ipsecctl -f "$W/A/iked.conf"; sleep 0.5; }
case_ 'loading the same again loses nothing' through 60 reload
case_ 'and changes no key' test "$(spi)" = "$same"
cat >>"$W/A/iked.conf" <<'END'
ikev2 "oslo" passive esp from 10.1.0.0/24 to 10.9.0.0/24 local 192.0.2.1 peer 192.0.2.9 psk "another-key-of-decent-length"
END
case_ 'adding a rule loses nothing' through 60 reload
case_ 'and touches no other' test "$(spi)" = "$same"
case_ 'the new one is shown' gw A ikectl -v status
oslo_down() { gw A ikectl status | grep -q 'oslo.*on demand'; }
case_ 'as on demand' oslo_down

case_ 'down by hand' gw A ikectl down paris
case_ 'is down' down
case_ 'up by hand' gw A ikectl up paris
case_ 'is up' up
case_ 'carries traffic' one_ping
unknown() { gw A ikectl status nowhere; [ $? -eq 4 ]; }
case_ 'an unknown name is said with 4' unknown
case_ 'a flush commits' gw A ipsecctl -F
no_flow() { ! gw A ipsecctl -s flow | grep '^flow'; }
case_ 'and no flow is left' wait_for 5 no_flow

# ---- flows without iked: what each type does without an SA

for t in use:3 acquire:4 require:5 dontacq:6; do
	echo "flow esp tunnel out from 10.1.0.0/24 to 10.${t#*:}.0.0/24 peer 192.0.2.2 type ${t%:*}"
done >"$W/A/flows.conf"
types() { gw A ipsecctl -f "$W/A/flows.conf" && gw A ipsecctl -s flow | sort >"$W/types" &&
    sort "$W/A/flows.conf" | diff - "$W/types"; }
case_ 'flows come back as they were loaded' types
case_ 'and again' types
unchanged() { tail -n 3 "$W/A/policyd.log" | grep ': 0 changes'; }
case_ 'which changed nothing' unchanged
gw A route add default 192.0.2.2
fate() { gw A ipsecctl explain in on lan0 proto udp from 10.1.0.2 to "10.$1.0.2" | grep "$2"; }
# what policy passes in clear the rules still block on wan0
case_ 'use passes in clear' fate 3 'rule out.*wan0'
case_ 'acquire passes in clear' fate 4 'rule out.*wan0'
case_ 'require waits' fate 5 'waits for an SA'
case_ 'dontacq drops' fate 6 'SPD_NO_SA'
summary
