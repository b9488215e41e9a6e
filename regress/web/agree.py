# SPDX-License-Identifier: ISC
#
# In 500 random states of tunnels (up, half up, down by command, by the peer, for a
# wrong key, proposal, identity or network, nobody there, waiting; counters moving)
# the page, its JSON twin, ikectl, ipsecctl and the data plane say the same.  Each is
# asked between two questions to ikectl that have the same answer.  WEB_STATES, SEED.
import html
import json
import os
import random
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../sbin/policyd'))
from beside import Pages  # noqa: E402
from client import Cases, Client  # noqa: E402
import keysock  # noqa: E402

W, PASSWORD, HOST = sys.argv[1:4]
BIN = os.environ['BIN']
STATES = int(os.environ.get('WEB_STATES', '500'))
ENV = dict(os.environ, RAVELIN_RUN=W + '/A/run', RAVELIN_DB=W + '/A/policy.db')
rnd = random.Random(int(os.environ.get('SEED', '7')))
t = Cases()
c = Client()
t.check('login', c.login('admin', PASSWORD).status == 303)
ask = Pages(W + '/A', c.cookie).ask


def run(*args, of='A'):
    env = dict(ENV, RAVELIN_RUN='%s/%s/run' % (W, of))
    return subprocess.run([BIN + '/' + args[0], *args[1:]], env=env, capture_output=True, text=True,
                          timeout=30).stdout


# What may differ between two moments although nothing happened.
MOVES = ('for_s', 'rekey_in_s', 'path_for_s')
MORE = ('attention', 'child_differs', 'reason_title', 'retry_in_s', 'in_last', 'out_last', 'detail', 'trouble',
        'advice')


def still(tunnel, less=()):
    return {k: v for k, v in tunnel.items() if k not in MOVES + MORE + tuple(less)}


def ikectl():
    return {x['name']: x for x in json.loads(run('ikectl', '-j', 'status'))['tunnels']}


def of_page(body):
    """Name to state, traffic and reason, as the table of the page has them."""
    rows = {}
    for row in re.findall(r'<tr class="[^"]*">(.*?)</tr>', body, re.S):
        name = re.search(r'/tunnel\?name=([^"]+)">', row).group(1)
        cells = {k: ' '.join(html.unescape(re.sub(r'<[^>]*>', ' ', v)).split())
                 for k, v in re.findall(r'<td data-label="(\w+)"[^>]*>(.*?)</td>', row, re.S)}
        rows[name] = cells
    return rows


def size(n):
    """The filter |bytes, said again."""
    v, unit = float(n), 0
    while v >= 999.5:
        v, unit = v / 1000, unit + 1
    return '%.0f B' % v if unit == 0 else ('%.1f %sB' if v < 9.95 else '%.0f %sB') % (v, ' KMGTP'[unit])


def differ(ike, page, twin, sas):
    """What does not agree, or None."""
    if set(ike) != set(page) or set(ike) != set(twin):
        return 'names', sorted(ike), sorted(page), sorted(twin)
    for name, x in ike.items():
        if still(x) != still(twin[name]):
            return name, 'twin', still(x), still(twin[name])
        row = page[name]
        if (x['state'] == 'disabled') != (x['reason'] == 'ADMIN-01' and not x['state'].startswith('down, retry')):
            return name, 'the reason is another', x['state'], x['reason']
        if row['State'] != x['state']:
            return name, 'page', x['state'], row
        if x['up'] and (row['In'] != size(x['bytes_in']) or row['Out'] != size(x['bytes_out'])):
            return name, 'page', x['bytes_in'], x['bytes_out'], row
        if x['status'] != 'up' and x['reason'] and not row['Note'].startswith(x['reason']):
            return name, 'page', x['reason'], row
        # the data plane: up means that both SAs are there, with these counters
        if x['up']:
            a, b = sas.get(x['spi_in']), sas.get(x['spi_out'])
            if not a or not b or a['bytes'] != x['bytes_in'] or b['bytes'] != x['bytes_out'] or \
                    a['name'] != name or b['name'] != name:
                return name, 'ipsecctl', x, a, b
        else:
            mature = [s for s in sas.values() if s['name'] == name and s['state'] == 'mature']
            if len({s['source'] for s in mature}) > 1:
                return name, 'ipsecctl', x, mature
    return None


def piece(m, kind):
    at = keysock.exts(m)[kind]
    return bytes(m[at:at + 8 * int.from_bytes(m[at:at + 2], 'little')])


def half(tunnel):
    """One of its two SAs goes, behind iked's back."""
    sas = KEYS.dump(keysock.DUMP, 3)
    spi = int(tunnel.get(rnd.choice(['spi_in', 'spi_out']), '0'), 16)
    if spi in sas:
        KEYS.call(keysock.DELETE, 3, b''.join(piece(sas[spi], k) for k in
                                             (keysock.EXT_SA, keysock.EXT_SRC, keysock.EXT_DST)))


KEYS = keysock.Key(W + '/A/run/key.sock')
NAMES = sorted(ikectl())
seen, compared, bad, retries = {}, 0, [], 0
began = time.time()
for state in range(STATES):
    name = rnd.choice(NAMES)
    what = rnd.choice(['up', 'down', 'rekey', 'up', 'traffic', 'wait', 'rekey-ike', 'half', 'reset', 'peer'])
    if what == 'half':
        name = rnd.choice([n for n, x in ikectl().items() if x['up']] or NAMES)
        half(ikectl()[name])
    elif what == 'peer':
        run('ikectl', '-n', rnd.choice(['down', 'up']), rnd.choice(['lyon', 'vienna']), of='B')
    elif what == 'traffic':
        subprocess.run(['ip', 'netns', 'exec', HOST, 'ping', '-q', '-c', '3', '-i', '0.002', '-s',
                        str(rnd.randrange(40, 1200)), '-W', '1', '10.2.0.2'], capture_output=True)
    elif what != 'wait':
        run('ikectl', '-n', what, name)
    time.sleep(rnd.choice([0, 0, 0.01, 0.05]))
    for attempt in range(25):
        one = ikectl()
        page = of_page(ask('/tunnels'))
        twin = {x['name']: x for x in json.loads(ask('/json/tunnels'))['tunnels']}
        sas = {x['spi']: x for x in json.loads(run('ipsecctl', '-j', '-s', 'sa'))['sas']}
        two = ikectl()
        if {k: still(v) for k, v in one.items()} == {k: still(v) for k, v in two.items()}:
            break
        retries += 1
    else:
        continue
    compared += 1
    for x in one.values():
        key = re.sub(r'\d+', 'N', x['state']) + (' ' + x['reason'] if x['reason'] and not x['up'] else '')
        seen[key] = seen.get(key, 0) + 1
    d = differ(one, page, twin, sas)
    if d:
        bad.append((state, what, d))
print('        %d states in %.1f s, %d asked again' % (compared, time.time() - began, retries))
for key in sorted(seen):
    print('        %5d %s' % (seen[key], key))
t.check('page, twin, ikectl, ipsecctl and the data plane agree', not bad, bad[:3])
t.check('in nearly as many states as were made', compared > STATES * 0.95, compared)
t.check('among which up and down for several reasons', len(seen) >= 6, seen)
t.end()
