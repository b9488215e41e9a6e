# SPDX-License-Identifier: ISC
#
# How long pages take with many tunnels and states; every page is asked so many
# times, one after the other, over TLS on loopback.
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import Cases, Client  # noqa: E402

PASSWORD, ROUNDS, MOST_MS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
PAGES = ['/', '/tunnels', '/tunnels?page=150', '/tunnels?q=t77', '/tunnel?name=t5000', '/policy',
         '/firewall', '/firewall/states', '/firewall/states?q=10.1.0.2&sort=age&page=9', '/interfaces', '/log']
c = Client()
t = Cases()
t.check('login', c.login('admin', PASSWORD).status == 303)
a = c.get('/json/tunnels').json()
b = c.get('/json/firewall/states').json()
print('        %d tunnels, %d states' % (a['counts']['all'], b['all']))
for path in PAGES:
    times, size = [], 0
    for _ in range(ROUNDS):
        began = time.time()
        r = c.get(path)
        times.append((time.time() - began) * 1000)
        size = max(size, len(r.body))
        if r.status != 200:
            t.check(path, False, r.status)
    times.sort()
    p50, p95 = times[len(times) // 2], times[int(len(times) * .95)]
    t.check('%-48s p50 %5.0f ms  p95 %5.0f ms  %4.0f KB' % (path, p50, p95, size / 1000),
            p95 < MOST_MS and size < 200 * 1024)
t.end()
