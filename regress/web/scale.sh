#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The pages of a gateway with WEB_TUNNELS (10,000) configured tunnels and
# WEB_FLOWS (100,000) states, by scale.py.

set -u
. "$TOP/regress/live/two.sh"
. "$TOP/regress/web/server.sh"
N=${WEB_TUNNELS:-10000} FLOWS=${WEB_FLOWS:-100000}
web_two passive passive
echo 'pass all' >"$W/A/pf.conf"
awk -v n="$N" 'BEGIN { for (i = 1; i <= n; i++)
	printf "ikev2 \"t%d\" passive esp from 10.1.0.0/24 to 10.%d.%d.0/24 local 192.0.2.1 peer 198.%d.%d.9 psk \"a-key-of-decent-length\"\n", i, 64 + i / 250, i % 250, 18 + i / 25000, i % 250 }' >"$W/A/many.conf"
chmod 600 "$W/A/many.conf"
gw A ipsecctl commit --iked "$W/A/many.conf" --pf "$W/A/pf.conf" -m 'many' || exit 1
web_up
ns hostA python3 - "$FLOWS" <<'END'
import socket, sys, time
s, n = [], 0
for i in range(100):
    x = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    x.bind(('10.1.0.2', 20000 + i))
    s.append(x)
for port in range(1, int(sys.argv[1]) // 100 + 1):
    for x in s:
        try:
            x.sendto(b'x', ('192.0.2.2', 1000 + port))
        except OSError:
            pass
        n += 1
        if n % 200 == 0:
            time.sleep(0.005)
END
ip netns exec "$NET-gwA" python3 scale.py "$WEB_PASSWORD" "${WEB_ROUNDS:-20}" "${WEB_MOST_MS:-300}"
