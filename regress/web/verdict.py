# SPDX-License-Identifier: ISC
#
# For each fault that verdict.sh has made: ikectl, the console, the pages and their
# twins name the same id, say the same, and what to change on which side.
import html
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from beside import Pages, console  # noqa: E402
from client import Cases, Client  # noqa: E402

W, PASSWORD, GWB, HOST = sys.argv[1:5]
BIN = os.environ['BIN']
ENV = dict(os.environ, RAVELIN_RUN=W + '/A/run', RAVELIN_DB=W + '/A/policy.db', PATH=BIN + ':' + os.environ['PATH'])
t = Cases()
c = Client()
t.check('login', c.login('admin', PASSWORD).status == 303)
ask = Pages(W + '/A', c.cookie, RAVELIN_SILENT=os.environ['RAVELIN_SILENT']).ask

# Of each tunnel: id, state, what the text must have, and what the advice must have.
FAULTS = {
    'paris': ('MTU-01', 'up', 'more than 1376 bytes', 'At the peer: keep its side to the same size'),
    'vienna': ('NET-03', 'up, silent', 'nothing has come out of the tunnel', 'has it a route to them'),
    'riga': ('AUTH-02', 'down', 'refused our key or our identity r.example', 'Compare psk here with that at the peer'),
    'vilnius': ('PROP-02', 'down', 'aes-256', 'add to childsa'),
    'tallinn': ('PROP-01', 'down', 'aes-256-gcm+hmac-sha2-256+curve25519', 'add to ikesa'),
    'rome': ('TS-01', 'down', '10.22.0.0', 'must be to and from at the peer'),
    'berlin': ('NET-01', 'connecting', 'does not answer ARP', 'does its daemon run'),
}
# The other end of those that fail knows more: both lists, and whose key is wrong.
THERE = {
    'riga': ('AUTH-01', 'key is wrong'), 'vilnius': ('PROP-02', 'the peer offers'),
    'tallinn': ('PROP-01', 'we accept'), 'rome': ('TS-01', '10.99.0.0'),
}


def run(*args, env=ENV, before=()):
    return subprocess.run([*before, BIN + '/' + args[0], *args[1:]], env=env, capture_output=True,
                          text=True, timeout=40)


def words(text):
    return ' '.join(text.split())


def page(path):
    return words(html.unescape(re.sub(r'<[^>]*>', ' ', ask(path))))


def same(text):
    """Without numbers that go on while it is read, and line breaks."""
    return re.sub(r'\b(\d+m)?\d+s\b|\bsent \d+ times|\bretry \d+', '#', words(text))


def status():
    return {x['name']: x for x in json.loads(run('ikectl', '-j', 'status').stdout)['tunnels']}


# ---- the faults show ----
end, now = time.time() + 25, status()
while time.time() < end and any(now[n]['reason'] != f[0] for n, f in FAULTS.items()):
    time.sleep(0.3)
    now = status()
for name, f in FAULTS.items():
    x = now[name]
    t.check('%s: %s' % (name, f[0]), x['reason'] == f[0] and x['trouble'] and x['state'].startswith(f[1]), x)
    t.check('%s: says what' % name, f[2] in x.get('detail', ''), x.get('detail'))
    t.check('%s: says what to change' % name, f[3] in x.get('advice', ''), x.get('advice'))

# ---- all say the same ----
menu = console(ENV).decode(errors='replace').replace('\r', '')
t.check('the console shows the menu and the answer', menu.count('choose: ') == 2, menu[-500:])
every = same(menu)
over, over_twin = page('/'), {x['name']: x for x in json.loads(ask('/json/'))['tunnels']}
rows, rows_twin = page('/tunnels'), {x['name']: x for x in json.loads(ask('/json/tunnels'))['tunnels']}
table = same(run('ikectl', 'status').stdout)
for name, f in FAULTS.items():
    x = now[name]
    line = '%s %s' % (x['reason'], x['reason_title'])
    said = [same(line), same(x['detail']), same(x['advice'])]
    why = same(run('ikectl', 'why', name).stdout)
    t.check('%s: ikectl why' % name, all(s in why for s in said), (why, said))
    t.check('%s: the console' % name, all(s in every for s in said), said)
    t.check('%s: ikectl status' % name, x['reason'] in table, table)
    one = page('/tunnel?name=' + name)
    t.check('%s: its page' % name, all(s in same(one) for s in said), (one, said))
    twin = json.loads(ask('/json/tunnel?name=' + name))['tunnels'][0]
    for where, y in (('its twin', twin), ('the twin of all', rows_twin.get(name)),
                     ('that of the overview', over_twin.get(name))):
        t.check('%s: %s' % (name, where), y and [same(y[k]) for k in ('reason', 'reason_title', 'detail', 'advice')] ==
                [same(x[k]) for k in ('reason', 'reason_title', 'detail', 'advice')], y)
    t.check('%s: in the list' % name, line in rows, rows)
    t.check('%s: on the overview' % name, line in over, over)

# ---- the other end ----
B = dict(ENV, RAVELIN_RUN=W + '/B/run', RAVELIN_DB=W + '/B/policy.db')
for name, (reason, text) in THERE.items():
    why = words(run('ikectl', 'why', name, env=B, before=('ip', 'netns', 'exec', GWB)).stdout)
    t.check('%s: %s at the other end' % (name, reason), reason in why and text in why, why)

# ---- what is mended ----
def ping(size):
    r = subprocess.run(['ip', 'netns', 'exec', HOST, 'ping', '-c', '3', '-i', '0.2', '-W', '1', '-M', 'do', '-s',
                        str(size), '10.2.0.2'], capture_output=True, text=True)
    return r.stdout + r.stderr


told = ping(1400)
t.check('a sender is told what fits', re.search(r'mtu ?= ?1322', told), told)
small = ping(1300 - 28)
t.check('and what fits is answered', ' 0% packet loss' in small, small + ping(1322 - 28))
r = run('ikectl', 'check', 'paris')
t.check('ikectl check says it, too', r.returncode == 1 and 'MTU-01' in r.stdout, r.stdout + r.stderr)
subprocess.run(['ip', '-n', GWB, 'link', 'set', 'wan0', 'mtu', '1500'])
r = run('ikectl', 'check', 'paris')
t.check('and that it is mended', r.returncode == 0 and 'packets of 1500 bytes' in words(r.stdout) and
        'MTU-01' not in r.stdout, r.stdout + r.stderr)
t.check('which the page says as well', 'MTU-01 large' not in page('/tunnels'))
t.end()
