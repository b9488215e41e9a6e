# SPDX-License-Identifier: ISC
#
# Every page and every action, as a browser without JavaScript has them; and what
# must be refused.  Run inside of gateway A's namespace by pages.sh.
import hashlib
import html
import os
import re
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import Cases, Client, Page  # noqa: E402

W, PASSWORD = sys.argv[1], sys.argv[2]
BIN = os.environ['BIN']
ENV = dict(os.environ, RAVELIN_RUN=W + '/A/run', RAVELIN_DB=W + '/A/policy.db')
t = Cases()


def run(*args):
    return subprocess.run([BIN + '/' + args[0], *args[1:]], env=ENV, capture_output=True,
                          text=True, timeout=60)


def until(fn, seconds=15):
    end = time.time() + seconds
    while not fn() and time.time() < end:
        time.sleep(0.1)
    return fn()


def up():
    return run('ikectl', 'status', 'paris').returncode == 0


def store():
    """Everything in the store but the events of tunnels, which come by themselves."""
    db = sqlite3.connect('file:%s/A/policy.db?mode=ro' % W, uri=True)
    h = hashlib.sha256()
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall():
        if name != 'event':
            h.update(repr(sorted(map(repr, db.execute('SELECT * FROM "%s"' % name)))).encode())
    db.close()
    return h.hexdigest()


def sessions():
    db = sqlite3.connect('file:%s/A/web/sessions.db?mode=ro' % W, uri=True)
    rows = [db.execute('SELECT * FROM %s ORDER BY 1' % name).fetchall() for name in ('session', 'failed')]
    db.close()
    return rows


PAGES = ['/', '/tunnels', '/tunnel?name=paris', '/policy', '/policy/edit?part=iked.conf',
         '/policy/edit?part=pf.conf', '/policy/edit?part=network.conf', '/policy/edit?part=ipsec.conf',
         '/policy/revision?n=1', '/firewall', '/firewall/states', '/firewall/tables',
         '/interfaces', '/log', '/explain?in=lan0&proto=icmp&from=10.1.0.2&to=10.2.0.2']

# ---- who may come in ----
c = Client()
for path in PAGES:
    a = c.get(path)
    if a.status != 303 or not a.to.startswith('/login'):
        t.check('without a session: ' + path, False, a.status)
t.check('without a session every page leads to the login', True)
t.check('nor does a twin answer', all(c.get('/json' + p).status == 401 for p in PAGES))
a = c.get('/login')
t.check('the login page', a.status == 200 and 'Password' in a.body)
t.check('without Origin no login', c.post('/login', {'user': 'admin', 'password': PASSWORD}, origin=None).status == 403)
t.check('from another site no login',
        c.post('/login', {'user': 'admin', 'password': PASSWORD}, origin='https://evil.example').status == 403)
t.check('a wrong password', c.login('admin', 'wrong').status == 403)
t.check('an unknown name says the same', c.login('nobody', 'wrong').body.count('name or the password is wrong') == 1)
a = c.login('admin', PASSWORD)
t.check('the right one', a.status == 303 and a.to == '/')
cookie = a.headers['Set-Cookie']
t.check('its cookie', all(w in cookie for w in ('__Host-', 'Secure', 'HttpOnly', 'SameSite=Strict', 'Path=/')))
t.check('a way on that leaves the host is not taken',
        all(Client().post('/login', {'user': 'admin', 'password': PASSWORD, 'next': n}).to == '/'
            for n in ('//evil.example/', 'https://evil.example/', '/\\evil.example', '/<b>')))

# ---- pages ----
for path in PAGES:
    a = c.get(path)
    p = a.page()
    t.check('page ' + path, a.status == 200 and not p.broken and not p.scripts and len(a.body) < 200 * 1024,
            (a.status, p.broken, p.scripts, len(a.body)))
    j = c.get('/json' + path)
    t.check('twin of ' + path, j.status == 200 and j.json()['schema_version'] == 1)
a = c.get('/')
csp = a.headers['Content-Security-Policy']
t.check('headers', "default-src 'none'" in csp and 'unsafe' not in csp and "frame-ancestors 'none'" in csp and
        a.headers['X-Content-Type-Options'] == 'nosniff' and a.headers['Cache-Control'] == 'no-store' and
        'max-age' in a.headers['Strict-Transport-Security'])
t.check('no address of others', not re.findall(r'(?:src|href|action)="(?:https?:)?//', a.body))
t.check('static files', all(c.get('/static/' + f).status == 200 for f in ('style.css', 'script.js', 'icon.svg')))
t.check('and no others', all(c.get('/static/' + f).status in (400, 403, 404) for f in
                             ('', '../head.html', '%2e%2e/head.html', '..%2fhead.html', 'x')))
t.check('an unknown table', c.get('/firewall/tables?name=nothing').status == 404)
t.check('an unknown page', c.get('/nothing').status == 404)
t.check('a POST where nothing changes', c.post('/tunnels', {}).status == 405)
t.check('HEAD', c.ask('HEAD', '/tunnels').status == 200)

# ---- a GET changes nothing ----
time.sleep(1)
before, who = store(), sessions()
seen, todo = set(), ['/']
while todo and len(seen) < 150:
    path = todo.pop()
    if path in seen:
        continue
    seen.add(path)
    a = c.get(path)
    if a.status >= 500:
        t.check('crawl ' + path, False, a.status)
    if 'text/html' in a.headers.get('Content-Type', ''):
        todo += [x if x[0] == '/' else path.split('?')[0] + x for x in a.page().links
                 if x[0] in '/?' and x not in seen]
for path in ('/tunnel?name=paris&action=stop', '/policy?action=rollback&revision=1', '/logout'):
    c.get(path)
t.check('%d pages crawled: the store is as it was' % len(seen), store() == before and len(seen) > 20)
t.check('and so are sessions', sessions() == who)
t.check('and the tunnel', up())

# ---- what must be refused ----
csrf = dict(c.get('/tunnel?name=paris').page().forms[0]['fields'])['csrf']
stop = {'csrf': csrf, 'name': 'paris', 'action': 'stop'}
other = Client()
t.check('no session', other.post('/tunnel', stop).status == 401)
t.check('no token', c.post('/tunnel', dict(stop, csrf='')).status == 403)
t.check('a wrong token', c.post('/tunnel', dict(stop, csrf='0' * 64)).status == 403)
t.check('the token in the query', c.post('/tunnel?csrf=' + csrf, {'name': 'paris', 'action': 'stop'}).status == 403)
t.check('no Origin', c.post('/tunnel', stop, origin=None).status == 403)
t.check('Origin null', c.post('/tunnel', stop, origin='null').status == 403)
t.check('another Origin', c.post('/tunnel', stop, origin='https://127.0.0.1').status == 403)
second = Client()
second.login('admin', PASSWORD)
t.check('the token of another session', second.post('/tunnel', stop).status == 403)
t.check('after all that the tunnel is up', up())

# ---- tunnels ----
p = c.get('/tunnel?name=paris').page()
a = c.follow(c.send(p, '/tunnel', 'stop'))
t.check('stop', until(lambda: not up()) and 'asked' in a.body)
t.check('the page says so', until(lambda: 'disabled' in c.get('/tunnel?name=paris').page().words()))
c.follow(c.send(p, '/tunnel', 'start'))
t.check('start', until(up))
until(lambda: 'ADMIN-01' in c.get('/tunnel?name=paris').body)
j = c.get('/json/tunnel?name=paris').json()
t.check('what was asked for is no failure: page, log and ikectl', j['up'] and
        any(e['reason'] == 'ADMIN-01' for e in j['events']) and
        'ADMIN' not in j.get('last_failure', {}).get('reason', '') and
        'ADMIN' not in c.get('/log?failures=1&name=paris').body and
        'ADMIN' not in run('ikectl', 'why', 'paris').stdout, j.get('last_failure'))


def spi():
    return c.get('/json/tunnel?name=paris').json()['tunnels'][0].get('spi_out')


old = spi()
c.send(p, '/tunnel', 'rekey')
t.check('new keys', until(lambda: spi() not in (None, old)))
old = c.get('/json/tunnel?name=paris').json()['tunnels'][0]['ike_spi_i']
c.send(p, '/tunnel', 'rekey-ike')
t.check('new IKE keys', until(lambda: c.get('/json/tunnel?name=paris').json()['tunnels'][0].get('ike_spi_i')
                              not in (None, old)))
t.check('an unknown tunnel', c.post('/tunnel', dict(stop, name='nowhere', csrf=csrf)).status == 404)
t.check('an unknown wish', c.post('/tunnel', dict(stop, action='explode')).status == 400)
t.check('its history', 'child-up' in c.get('/tunnel?name=paris').body)

# ---- policy: dry run, difference, commit, timer ----
EDIT = '/policy/edit'


def newest():
    return c.get('/json/policy').json()['newest']


def text_of(part):
    return c.get('/json/policy/edit?part=' + part).json()['text']


pf = text_of('pf.conf') or open(W + '/A/pf.conf').read()
n0 = newest()
p = c.get(EDIT + '?part=pf.conf').page()
a = c.send(p, EDIT, 'check', text=pf + 'pass on lan0 prto tcp\n')
q = a.page()
t.check('a dry run names the place', a.status == 409 and 'line %d' % (pf.count('\n') + 1) in q.words() and
        'prto' in q.words(), q.words()[:600])
t.check('with the source and a caret', '^' in a.body and 'pass on lan0 prto tcp' in a.body)
b = c.send(p, EDIT, 'check', text='blok all\n' + pf)
t.check('a caret below the first column as well', b.status == 409 and
        re.search(r'<ol class="errors"><li>.*`blok\'.*<pre tabindex="0">blok all\n\^</pre></li></ol>',
                  html.unescape(b.body), re.S), b.page().words()[:600])
t.check('the text is kept', dict(q.forms[1]['fields'])['text'].endswith('prto tcp\n'), q.forms[1:])
a = c.send(p, EDIT, 'check', text=pf + 'pass on wan0 inet proto icmp # <b>\n')
t.check('one without errors', a.status == 200 and 'Nothing speaks against it' in a.body and 'd-add' in a.body,
        a.page().words()[:500])
t.check('nothing was committed by it', newest() == n0)
a = c.send(p, EDIT, 'diff', text='block all\n')
t.check('difference', a.status == 200 and 'd-del' in a.body)
a = c.send(p, EDIT, 'commit', text=pf + 'pass on wan0 inet proto icmp # <b>\n', confirm='3', reason='try <i>it</i>')
t.check('commit with a timer', a.status == 303, a.body[-900:])
n1 = newest()
t.check('is in force', n1 > n0 and 'proto icmp' in run('pfctl', '-s', 'rules').stdout)
t.check('waits for a confirm', c.get('/json/policy').json().get('pending', {}).get('revision') == n1)
t.check('is said on the overview', 'unless it is confirmed' in c.get('/').body)
t.check('goes back by itself', until(lambda: 'proto icmp' not in run('pfctl', '-s', 'rules').stdout, 12))
p = c.get(EDIT + '?part=pf.conf').page()
a = c.send(p, EDIT, 'commit', text=pf + 'pass on wan0 inet proto icmp\n', confirm='20')
q = c.follow(a).page()
a = c.send(q, '/policy', 'confirm')
t.check('and not if it is confirmed', a.status == 303 and 'pending' not in c.get('/json/policy').json())
n2 = newest()
q = c.get('/policy').page()
a = c.send(q, '/policy', 'rollback', revision=str(n0))
t.check('back to an older one', a.status == 303 and newest() == n2 + 1 and
        'proto icmp' not in run('pfctl', '-s', 'rules').stdout)
t.check('a revision and what it changed', 'd-add' in c.get('/policy/revision?n=%d' % n2).body)
a = c.get('/policy').body
t.check('who and why', 'admin (web)' in a and 'try &lt;i&gt;it' in a)
t.check('in the CLI, too', 'admin (web)' in run('ipsecctl', 'history').stdout and
        '_web' not in run('ipsecctl', 'history').stdout)

# iked.conf: the key stays sealed, and stays the same
conf = text_of('iked.conf')
t.check('keys are not shown', 'sealed' in conf and 'decent' not in conf, conf)
p = c.get(EDIT + '?part=iked.conf').page()
a = c.send(p, EDIT, 'commit', text='# a comment of its own\n' + conf, confirm='0')
t.check('a text with a sealed key', a.status == 303, a.body[-900:])
t.check('comments stay', text_of('iked.conf').startswith('# a comment of its own'))
c.send(c.get('/tunnel?name=paris').page(), '/tunnel', 'reset')
t.check('and the key works', until(up))

# ---- overtaken ----
p1 = c.get(EDIT + '?part=pf.conf').page()
p2 = second.get(EDIT + '?part=pf.conf').page()
t.check('first come', c.send(p1, EDIT, 'commit', text=pf + '# first\n', confirm='0').status == 303)
a = second.send(p2, EDIT, 'commit', text=pf + '# second\n', confirm='0')
q = a.page()
t.check('second refused, shown what changed, text kept', a.status == 409 and '# first' in q.words() and
        any('# second' in v for f in q.forms for k, v in f['fields']), q.words()[:400])
form = [f for f in q.forms if f['action'] == EDIT][0]
a = second.post(EDIT, [('base', str(newest()))] + form['fields'] + [('action', 'commit')])
t.check('taken into account, it goes', a.status == 303 and '# second' in text_of('pf.conf'))

# ---- what was typed is not lost ----
typed = pf + '# typed <b>&\n\n'
p = c.get(EDIT + '?part=pf.conf').page()
n3 = newest()
late = Client()
a = late.send(p, EDIT, 'commit', text=typed, reason='a "reason"', confirm='600')
q = a.page()
kept = dict([f for f in q.forms if f['action'] == '/login'][0]['fields'])
t.check('an edit whose session has ended: to log in again, with the text', a.status == 401 and not q.broken and
        kept.get('text') == typed and kept.get('reason') == 'a "reason"', (a.status, kept, q.broken))
a = late.send(q, '/login', user='admin', password='wrong')
q = a.page()
kept = dict([f for f in q.forms if f['action'] == '/login'][0]['fields'])
t.check('a wrong password: the text and the name stay', a.status == 403 and kept.get('text') == typed and
        kept['user'] == 'admin' and 'password is wrong' in q.words(), (a.status, kept))
a = late.send(q, '/login', password=PASSWORD)
q = a.page()
kept = dict([f for f in q.forms if f['action'] == EDIT][0]['fields'])
t.check('then the editor has it', a.status == 200 and kept['text'] == typed and kept['reason'] == 'a "reason"' and
        kept['confirm'] == '600' and 'Nothing was done' in q.words(), (a.status, kept, q.words()[:300]))
t.check('and its twin is named', late.get('/json/policy/edit?part=pf.conf').status == 200 and
        '/json/policy/edit?part=pf.conf' in q.links, q.links)
t.check('nothing was done so far', newest() == n3)
a = late.send(p, EDIT, 'commit', text=typed)
q2 = a.page()
t.check('a form of another session: shown again with the text', a.status == 403 and newest() == n3 and
        dict([f for f in q2.forms if f['action'] == EDIT][0]['fields'])['text'] == typed, a.status)
a = late.send(q, EDIT, 'commit', text=typed)
t.check('which goes on from there', a.status == 303 and newest() == n3 + 1 and text_of('pf.conf') == typed, a.status)
c.send(c.get('/policy').page(), '/policy', 'confirm')
a = Client().send(p, EDIT, 'commit', text=typed, part='passwd')
t.check('and a part that is none is none', a.status == 401 or a.status == 404, a.status)
large = dict([f for f in p.forms if f['action'] == EDIT][0]['fields'], text='# x\n' * 20000, action='commit')
a = Client().post(EDIT, large)
t.check('of who has no session a large one is not even read', a.status == 401 and '# x' not in a.body, a.status)
foreign = dict([f for f in p.forms if f['action'] == EDIT][0]['fields'], text=typed, action='commit')
a = Client().post(EDIT, foreign, origin='https://evil.example')
t.check('but for a form of our own only', a.status == 401 and '# typed' not in a.body, a.status)

# ---- where to change it ----
q = c.get('/tunnel?name=paris').page()
where = [x for x in q.links if x.startswith(EDIT)]
a = c.get(where[0]).page()
line = text_of('iked.conf')[:text_of('iked.conf').index('"paris"')].count('\n') + 1
t.check('from a tunnel to its line of the policy', 'stands in line %d' % line in a.words(), (where, a.words()[:400]))

a = c.get(EDIT + '?part=pf.conf&from=99999')
t.check('from a revision that is not there', a.status == 404 and 'no such revision' in a.page().words(), a.status)

# ---- the log file: each line of it, the first one, too ----
def lines(query=''):
    return [x['line'] for x in c.get('/json/log' + query).json()['lines']]


log = W + '/A/ravelin.log'
for text, want in (('', []), ('one', ['one']), ('first\nsecond\n', ['second', 'first']), ('\n\nx\n', ['x'])):
    with open(log, 'w') as f:
        f.write(text)
    t.check('the log file %r' % text, lines() == want and not c.get('/json/log').json()['lines_cut'], lines())
with open(log, 'w') as f:
    f.writelines('line %d of some length\n' % i for i in range(20000))
j = c.get('/json/log').json()
t.check('the end of a long one, and that it is the end', lines()[0] == 'line 19999 of some length' and
        len(lines()) == 200 and j['lines_cut'] and all(x.startswith('line ') for x in lines('?q=of+some')), lines()[:3])
t.check('none of them', lines('?q=nix') == [] and 'No line contains this' in c.get('/log?q=nix').body)
os.unlink(log)

# ---- what other programs are told ----
t.check('405 says what is allowed', c.post('/tunnels', {}).headers['Allow'] == 'GET, HEAD' and
        c.get('/upload/import').headers['Allow'] == 'POST' and
        c.ask('PUT', '/').headers['Allow'] == 'GET, HEAD, POST')
q = c.get('/policy/revision?n=%d' % n0).page()
t.check('back from the page of a revision, with a timer', any(f['action'] == '/policy' and
        ('confirm', '120') in f['fields'] and ('action', 'rollback') in f['buttons'] for f in q.forms), q.forms)
q = c.get('/policy/revision?n=%d&with=99999' % n0).page()
t.check('compared with one that is not there', 'no such revision to compare with' in q.words(), q.words()[:300])

# ---- the end of a session ----
stolen = Client()
stolen.cookie = c.cookie
t.check('a stolen cookie is a session', stolen.get('/').status == 200)
a = c.send(c.get('/').page(), '/logout')
t.check('logout', a.status == 303 and 'Max-Age=0' in a.headers['Set-Cookie'])
t.check('and dead after the logout', stolen.get('/').status == 303 and stolen.get('/json/').status == 401)
t.check('for changes too', stolen.post('/tunnel', stop).status == 401)
t.check('another session lives on', second.get('/').status == 200)

# ---- lock-out ----
bad, end = [], time.time() + 20
while bad.count(403) < 7 and time.time() < end:
    bad.append(Client().login('admin', 'wrong %d' % len(bad)).status)
    if bad[-1] == 429:
        time.sleep(0.2)
t.check('lock-out after some failures, longer each time', bad[:3] == [403] * 3 and bad.count(429) > 5, bad)
a = Client().login('admin', PASSWORD)
t.check('for the right password too', a.status == 429 and 0 < int(a.headers['Retry-After']) <= 900, a.headers)
t.check('who is in stays in', second.get('/').status == 200)

# ---- a store that is damaged while policyd runs ----
p = second.get(EDIT + '?part=pf.conf').page()
path = W + '/A/policy.db'
size = os.path.getsize(path)
good = open(path, 'rb').read(), open(path + '-wal', 'rb').read()
with open(path, 'r+b') as f:
    f.seek(4096)
    f.write(b'\xa5' * (size - 4096))
os.truncate(path + '-wal', 0)
# what policyd has read before it still knows
for path, whole in (('/policy', 'Go back to 1'), ('/policy/revision?n=1', 'Whole text'),
                    (EDIT + '?part=pf.conf', typed[:9]), ('/', 'in force')):
    a = second.get(path)
    text = a.page().words()
    t.check('%s is whole, or says that the store is damaged' % path,
            whole in text if 'the store is damaged' not in text else 'Nothing has been' not in text, text[:600])
for path, content in zip(('', '-wal'), good):
    with open(W + '/A/policy.db' + path, 'r+b') as f:
        f.write(content)

# ---- nobody answers ----
for name in ('iked', 'policyd', 'netkern'):
    pid = int(open('%s/A/%s.pid' % (W, name)).read())
    os.kill(pid, 9)
    until(lambda: not os.path.exists('/proc/%d' % pid) or ') Z ' in open('/proc/%d/stat' % pid).read())
for path in ('/', '/tunnels', '/tunnel?name=paris', '/policy', '/firewall', '/firewall/states', '/firewall/tables',
             '/interfaces', '/log'):
    a = second.get(path)
    text = a.page().words()
    t.check('%s says who does not run' % path, a.status == 200 and re.search('does not run|is not running', text), text)
    t.check('%s claims nothing that it does not know' % path, not re.search(
        'everything passes|Nothing has|No (?:revision|tunnel|rule|state) |no (?:revision|table)|There is no|'
        '0 (?:in|states)', text), text)
    t.check('%s: its twin' % path, second.get('/json' + path).status == 200)
problems = second.get('/json/').json()['problems']
text = second.get('/').page().words()
t.check('the overview says each once', len(problems) > 1 and all(text.count(x) == 1 for x in problems), text[:600])
for action in ('check', 'diff', 'commit'):
    a = second.send(p, EDIT, action, text=typed)
    t.check('%s: what was typed stays, policyd or not' % action, a.status == 503 and any(
        dict(f['fields']).get('text') == typed for f in a.page().forms) and 'policyd' in a.page().words(),
        a.page().words()[:300])
with open(W + '/A/web/sessions.db', 'r+b') as f:
    f.write(b'\xa5' * 4096)
t.check('the file of sessions is damaged: one logs in again', second.get('/').status == 303 and
        Client().login('admin', PASSWORD).status == 303)
t.end()
