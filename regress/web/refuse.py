# SPDX-License-Identifier: ISC
#
# What must not happen: a GET, a HEAD or a twin that changes anything, an action
# without session, token or origin, a session that outlives its logout, one that was
# there before the login, a login without end of tries.  Pages and actions are those
# that a crawl finds.
import hashlib
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import Cases, Client  # noqa: E402
from crawl import Site  # noqa: E402

W, PASSWORD = sys.argv[1], sys.argv[2]
BIN = os.environ['BIN']
t = Cases()


def run(*args, of='A'):
    env = dict(os.environ, RAVELIN_RUN='%s/%s/run' % (W, of), RAVELIN_DB='%s/%s/policy.db' % (W, of))
    return subprocess.run([BIN + '/' + args[0], *args[1:]], env=env, capture_output=True, text=True,
            timeout=60).stdout


def tables(path, leave=()):
    """Every row of every table, as one digest; leave: columns that may move."""
    db = sqlite3.connect('file:%s?mode=ro' % path, uri=True)
    h, rows = hashlib.sha256(), 0
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall():
        columns = [r[1] for r in db.execute('PRAGMA table_info("%s")' % name) if (name, r[1]) not in leave]
        got = sorted(map(repr, db.execute('SELECT %s FROM "%s"' % (', '.join('"%s"' % x for x in columns), name))))
        h.update(repr((name, got)).encode())
        rows += len(got)
    db.close()
    return h.hexdigest(), rows


def everything():
    """The store with its events, sessions but for when they were seen, users, rules, tunnels, SAs, files."""
    users = open(W + '/A/passwd').read()
    files = sorted(f for d in ('', '/web', '/run') for f in os.listdir(W + '/A' + d)
                   if not f.endswith(('-wal', '-shm', '-journal', '.log')))
    sas = re.findall(r'"spi":"(\w+)"', run('ipsecctl', '-j', '-s', 'sa').replace(' ', ''))
    return {'store': tables(W + '/A/policy.db'),
            'sessions': tables(W + '/A/web/sessions.db', {('seen', 'time')}),
            'users': users, 'files': files, 'rules': run('pfctl', '-s', 'rules'), 'sas': sorted(sas),
            'states': sorted(re.findall(r'"state":"([^"]*)"', run('ikectl', '-j', 'status').replace('": "', '":"')))}


def differ(a, b):
    return [k for k in a if a[k] != b[k]]


def tunnels(command):
    for g in 'BA':
        for name in re.findall(r'"name":\s*"([^"]*)"', run('ikectl', '-j', 'status', of=g)):
            run('ikectl', '-n', command, name, of=g)


def quiet():
    """Nothing is left that writes by itself: all tunnels down at both ends, all events on the disk."""
    tunnels('down')
    end, last, since = time.time() + 30, None, time.time()
    while time.time() < end and time.time() - since < 2.5:
        now = everything()
        if now != last:
            last, since = now, time.time()
        time.sleep(0.3)
    return time.time() - since >= 2.5


c = Client()
t.check('login', c.login('admin', PASSWORD).status == 303)
t.check('the tunnels are down and nothing moves', quiet())

# ---- a GET changes nothing ----
before = everything()
site = Site(c).crawl()
bad = [(p, a.status) for p, a in site.pages.items() if a.status not in (200, 303, 404)]
asked = len(site.pages)
for path in [p for p in site.pages if not p.startswith('/json')]:
    for a in (c.get('/json' + path), c.ask('HEAD', path), c.ask('HEAD', '/json' + path)):
        if a.status not in (200, 303, 404):
            bad.append((path, a.status))
        asked += 1
t.check('%d pages, twins and heads of them answer' % asked, not bad and asked > 100, bad[:5])
now = everything()
t.check('and change nothing: store with its events (%d rows), sessions, users, rules, SAs' % before['store'][1],
        now == before, differ(before, now))
actions = list(site.actions())
for path, fields, form in actions:
    q = '?' + urllib.parse.urlencode(dict(form['fields'], **fields))
    for a in (c.get(path + q), c.get('/json' + path + q), c.ask('HEAD', path + q)):
        if a.status >= 500:
            bad.append((path, a.status))
now = everything()
t.check('nor does a GET with the fields of each of %d actions' % len(actions), now == before and not bad
        and len(actions) > 15,
        (differ(before, now), bad[:3]))

# ---- each action needs session, token and origin ----
second, dead, late = Client(), Client(), Client()
t.check('others log in', all(x.login('admin', PASSWORD).status == 303 for x in (second, dead, late)))
token = {x: re.search(r'name="csrf" value="(\w+)"', x.get('/').body)[1] for x in (c, second, dead, late)}
stolen = dead.cookie
dead.post('/logout', {'csrf': token[dead]})
dead.cookie = stolen
db = sqlite3.connect(W + '/A/web/sessions.db', timeout=10)
db.execute('UPDATE seen SET time = time - 901 WHERE digest = (SELECT digest FROM session WHERE csrf = ?)',
        (token[late],))
aged = db.total_changes
db.commit()
db.close()
t.check('one has been away for 15 minutes', aged == 1 and late.get('/json/').status == 401)
before, let = everything(), []
for path, fields, form in actions:
    if path == '/login':
        continue
    whole = dict(form['fields'], **fields)
    whole['csrf'] = token[c]
    less = {k: v for k, v in whole.items() if k != 'csrf'}
    multi = 'multipart' in form['type']

    def send(x, f, **more):
        """As the form is sent; the status."""
        if not multi:
            return x.post(path, f, **more).status
        h = {'Content-Type': 'multipart/form-data; boundary=b'}
        o = more.pop('origin', True)
        if o:
            h['Origin'] = 'https://' + x.host if o is True else o
        body = ''.join('--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % kv
                       for kv in sorted(f.items(), key=lambda kv: kv[0] != 'csrf'))
        return x.ask('POST', path, (body + '--b--\r\n').encode(), h).status

    made_up = Client()
    made_up.cookie = '__Host-ravelin=' + 'ab' * 32
    tries = {'no session': (send(Client(), whole), 401), 'a dead session': (send(dead,
            dict(whole, csrf=token[dead])), 401),
             'a late session': (send(late, dict(whole, csrf=token[late])), 401),
             'a session that never was': (send(made_up, whole), 401),
             'no token': (send(c, less), 403), 'an empty token': (send(c, dict(less, csrf='')), 403),
             'a wrong token': (send(c, dict(less, csrf='0' * 64)), 403),
             'the token of another session': (send(c, dict(less, csrf=token[second])), 403),
             'a token cut short': (send(c, dict(less, csrf=token[c][:-1])), 403),
             'no Origin': (send(c, whole, origin=None), 403), 'Origin null': (send(c, whole, origin='null'), 403),
             'another site': (send(c, whole, origin='https://evil.example'), 403),
             'our name without TLS': (send(c, whole, origin='http://' + c.host), 403),
             'our host, another port': (send(c, whole, origin='https://127.0.0.1'), 403),
             'a host that begins as ours': (send(c, whole, origin='https://' + c.host + '.evil.example'), 403)}
    where = path
    path = path + '?csrf=' + token[c]
    tries['the token in the address'] = (send(c, less), 403)
    path = where
    let += [(path, fields.get('action'), what, got) for what, (got, want) in tries.items() if got != want]
now = everything()
t.check('%d actions in 16 ways without session, token or origin are refused' % len(actions), not let, let[:5])
t.check('and do nothing', now == before, differ(before, now))
twins = [c.post('/json' + p, {'csrf': token[c]}).status for p in sorted({a[0] for a in actions} - {'/login',
        '/logout'})]
t.check('a twin takes no POST', set(twins) <= {403, 404, 405}, twins)

# ---- sessions ----
t.check('a stolen cookie is dead after the logout', dead.get('/').status == 303
        and dead.get('/json/tunnels').status == 401)
t.check('one that was away is dead', late.get('/').status == 303)
mine = Client()
mine.cookie = '__Host-ravelin=' + 'ab' * 32
a = mine.login('admin', PASSWORD)
fixed = Client()
fixed.cookie = '__Host-ravelin=' + 'ab' * 32
t.check('a cookie from before the login is not taken over', a.status == 303 and mine.cookie != fixed.cookie and
        fixed.get('/').status == 303)
old = Client()
old.cookie = mine.cookie
a = mine.login('admin', PASSWORD)
t.check('a login within a session makes a new one and ends the old', a.status == 303 and mine.cookie != old.cookie and
        old.get('/').status == 303 and mine.get('/').status == 200)
flags = set(x.strip() for x in a.headers['Set-Cookie'].split(';')[1:])
t.check('the cookie is for this host, TLS and requests from here alone',
        flags == {'Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict'}
        and a.headers['Set-Cookie'].startswith('__Host-'), flags)
kept = open(W + '/A/web/sessions.db', 'rb').read()
t.check('no cookie can be read from the file of sessions', mine.cookie.split('=')[1].encode() not in kept)

# ---- a new password ----
owner = os.stat(W + '/A/passwd')
there = Client()
t.check('before a new password', there.login('admin', PASSWORD).status == 303 and there.get('/').status == 200)
r = subprocess.run([BIN + '/webadmin', '-p', 'admin'], input=PASSWORD + '\n', text=True, capture_output=True,
                   env=dict(os.environ, RAVELIN_PASSWD=W + '/A/passwd', RAVELIN_WEB_STATE=W + '/A/web'))
now = os.stat(W + '/A/passwd')
t.check('it is kept where the pages can read it', r.returncode == 0 and
        (now.st_uid, now.st_gid, now.st_mode) == (owner.st_uid, owner.st_gid, owner.st_mode), r.stderr)
t.check('and ends the sessions of its user', there.get('/').status == 303 and mine.get('/').status == 303)
t.check('who knows it comes in', mine.login('admin', PASSWORD).status == 303)

# ---- a lock-out ends ----
statuses = []
while 429 not in statuses and len(statuses) < 12:
    a = Client().login('admin', 'wrong')
    statuses.append(a.status)
t.check('after some failures who fails has to wait', 429 in statuses and statuses.count(403) >= 3, statuses)
a = Client().login('admin', PASSWORD)
wait = re.search(r'again in (\d+)', a.body)
t.check('with the right password, too, and is told how long', a.status == 429 and wait and int(wait[1]) <= 10,
        a.status)
t.check('who is in goes on', mine.get('/').status == 200)
end, status = time.time() + int(wait[1] if wait else 0) + 4, 429
while status == 429 and time.time() < end:
    time.sleep(0.5)
    status = Client().login('admin', PASSWORD).status
t.check('and it ends', status == 303, status)
tunnels('up')
t.end()
