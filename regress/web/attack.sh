#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The web pages of one of two gateways under attack: what must be refused (refuse.py),
# 50 administrators at once (edit50.py), strings that would be code somewhere
# (inject.py), malformed, slow and oversized requests (attack.py).
#
#	hostA ------- gwA ============= gwB ------- hostB
#	               |
#	         lighttpd, webadmin on 127.0.0.1

set -u
. "$TOP/regress/live/two.sh"
. "$TOP/regress/web/server.sh"

web_plain() {		# web_plain A: a second server, as it stands behind another one
	sed -e 's|^server.port = .*|server.port = 8080|' -e '/^ssl\./d' -e 's|"mod_mbedtls", ||' \
	    -e "s|$W/$1/web.pid|$W/$1/plain.pid|" \
	    -e 's|"RAVELIN_RUN" =>|"RAVELIN_WEB_PLAIN" => "1", &|' \
	    "$W/$1/lighttpd.conf" >"$W/$1/plain.conf"
	{ WEB_EXEC=exec; web_exec "$1" "$LIGHTTPD" -D -f "$W/$1/plain.conf"; } \
	    >>"$W/$1/lighttpd.log" 2>&1 &
	wait_for 10 web_exec "$1" nc -z 127.0.0.1 8080
}

web_two active passive
# peers that call themselves what would be code in a page, one of them over a tunnel
n=0
while read -r id; do
	n=$((n + 1))
	echo "ikev2 \"evil$n\" active esp from 10.7.$n.0/24 to 10.1.0.0/24 local 192.0.2.2 peer 192.0.2.1 srcid \"$id\" dstid a.example psk \"a-key-of-decent-length\""
done >"$W/B/evil.conf" <<'END'
<script>alert(9)</script>.example
<img/src=x/onerror=alert(7)>.example
';DROP/**/TABLE/**/event;--.example
$(touch${IFS}/tmp/executed).example
{{csrf}}{{>head}}.example
</main></body><!--.example
%s%n%x.example
../../../etc/passwd.example
javascript:alert(1)@evil.example
END
cat >"$W/A/evil.conf" <<'END'
ikev2 "evil@+:._-" passive esp from 10.1.0.0/24 to 10.7.1.0/24 local 192.0.2.1 peer 192.0.2.2 srcid a.example dstid "<script>alert(9)</script>.example" psk "a-key-of-decent-length"
END
cat "$W/A/evil.conf" >>"$W/A/iked.conf"
cat "$W/B/evil.conf" >>"$W/B/iked.conf"
web_commit
gw A ipsecctl -f "$W/A/iked.conf" && gw B ipsecctl -f "$W/B/iked.conf" || exit 1
web_up
web_plain A || { cat "$W/A/lighttpd.log"; echo 'no server without TLS'; exit 1; }
code=0 passed=0 failed=0
for part in ${WEB_PARTS:-refuse edit50 inject attack}; do
	BIN=$BIN ip netns exec "$NET-gwA" python3 $part.py "$W" "$WEB_PASSWORD" >"$W/part" 2>&1 || code=1
	cat "$W/part"
	counts=$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$W/part")
	passed=$((passed + ${counts% *} + 0)) failed=$((failed + ${counts#* } + 0))
	[ -n "$counts" ] || failed=$((failed + 1))
	# who failed to log in waits no longer
	python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
db.execute("DELETE FROM failed")
db.commit()' "$W/A/web/sessions.db"
done
[ $code -eq 0 ] || { tail -n 20 "$W/A/web.log" "$W/A/lighttpd.log"; logs 15; }
summary
