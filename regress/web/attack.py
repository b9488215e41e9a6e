# SPDX-License-Identifier: ISC
#
# Hostile requests: malformed ones to the program itself and over TLS, slow and
# oversized bodies, and strings that would be code somewhere, through every field
# and in what a peer says.  An honest page works after each thousand.
import os
import random
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import Cases, Client, Page  # noqa: E402

W, PASSWORD = sys.argv[1], sys.argv[2]
BIN = os.environ['BIN']
rnd = random.Random(1)
t = Cases()
base = dict(RAVELIN_RUN=W + '/A/run', RAVELIN_WEB_STATE=W + '/A/web', RAVELIN_WEB_ROOT=W + '/A/www',
            RAVELIN_PASSWD=W + '/A/passwd', HTTPS='on', HTTP_HOST='127.0.0.1:8443', REMOTE_ADDR='192.0.2.66')
c = Client()
t.check('login', c.login('admin', PASSWORD).status == 303)


def honest():
    a = c.get('/tunnels')
    return a.status == 200 and 'paris' in a.body


# ---- malformed, to the program ----
METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'get', '', 'POST ', 'X' * 3000, 'GE\tT', 'OPTIONS']
PATHS = ['/', '/tunnels', '/policy/edit', '/login', '/json/tunnels', '/../../etc/passwd', '/%00', '//x', '/%',
         '', '*', 'http://x/', '/' + 'a' * 5000, '/tunnel?name=' + '%ff' * 300,
         '/?' + '&' * 3000, '/?a=1' + '&a=1' * 70]
TYPES = ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'multipart/form-data',
         'text/plain', '', 'multipart/form-data; boundary=' + 'y' * 200, 'application/x-www-form-urlencoded\0x']
COOKIES = ['', '__Host-ravelin=' + 'f' * 64, '__Host-ravelin=' + "';--" * 16, 'x' * 4000, '__Host-ravelin=', ';;;=;']
LENGTHS = [None, '', '-1', '0', '5', '99999999999999999999', '8388609', '8388608', '1e3', ' 4']


def noise(n):
    return bytes(rnd.choice(b'ab=&%+;\r\n-"\x00\xff<>./0123456789') for _ in range(n))


def malformed():
    env = dict(base, REQUEST_METHOD=rnd.choice(METHODS), REQUEST_URI=rnd.choice(PATHS),
               CONTENT_TYPE=rnd.choice(TYPES).replace('\0', ''), HTTP_COOKIE=rnd.choice(COOKIES),
               HTTP_ORIGIN=rnd.choice(['', 'null', 'https://127.0.0.1:8443', 'x' * 500]))
    body = noise(rnd.randrange(200)) if rnd.random() < .7 else b'--x\r\n' + noise(100) + b'\r\n--x--'
    length = rnd.choice(LENGTHS)
    env['CONTENT_LENGTH'] = str(len(body)) if length is None else length
    if rnd.random() < .3:       # bits of a good request, flipped
        uri = bytearray(b'/policy/edit?part=pf.conf&x=%41')
        for _ in range(rnd.randrange(1, 4)):
            uri[rnd.randrange(len(uri))] = rnd.randrange(1, 256)
        env['REQUEST_URI'] = bytes(uri).decode('latin-1').encode('utf-8', 'surrogateescape').decode('latin-1')
    return env, body


COUNT = int(os.environ.get('WEB_MALFORMED', '2000'))
codes, wrong, worked = {}, [], True
began = time.time()
for i in range(COUNT):
    env, body = malformed()
    try:
        r = subprocess.run([BIN + '/webadmin'], env=env, input=body, capture_output=True, timeout=20)
    except (OSError, ValueError):       # what no environment can hold
        continue
    m = re.match(rb'Status: (\d+) ', r.stdout)
    code = int(m.group(1)) if m else r.returncode
    codes[code] = codes.get(code, 0) + 1
    if r.returncode != 0 or not m or code >= 500 or (code == 200 and env['REQUEST_METHOD'] == 'POST'):
        wrong.append((r.returncode, code, env['REQUEST_METHOD'], env['REQUEST_URI'][:60], r.stderr[-200:]))
    if i % 1000 == 999:
        worked = worked and honest()
print('        %d malformed to the program in %.1f s: %s' % (COUNT, time.time() - began, codes))
t.check('malformed requests are refused', not wrong, wrong[:5])
t.check('honest ones work in between', worked)


# ---- malformed, over TLS ----
def tls():
    ctx = ssl.create_default_context()
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    s = socket.create_connection(('127.0.0.1', 8443), timeout=10)
    return ctx.wrap_socket(s)


def raw(data, shut=True):
    try:
        with tls() as s:
            s.sendall(data)
            s.settimeout(0.3)
            return s.recv(200)
    except (OSError, ssl.SSLError):
        return b''


good = b'GET /login HTTP/1.1\r\nHost: 127.0.0.1:8443\r\nConnection: close\r\n\r\n'
bad = 0
for i in range(100):
    d = bytearray(good)
    for _ in range(rnd.randrange(1, 6)):
        d[rnd.randrange(len(d))] = rnd.randrange(256)
    if b'\r\n\r\n' not in d:
        d += b'\r\n\r\n'
    got = raw(bytes(d))[:12]
    if got.startswith(b'HTTP/1.1 5') and got[9:] not in (b'501', b'505'):     # not such a method or version
        bad += 1
t.check('100 malformed over TLS', bad == 0 and honest(), bad)
big = [b'GET /' + b'a' * 20000 + b' HTTP/1.1\r\nHost: x\r\n\r\n',
       b'GET / HTTP/1.1\r\nHost: x\r\n' + b'X-A: b\r\n' * 4000 + b'\r\n',
       b'POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n',
       b'POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'
       b'0\r\n\r\nGET /x HTTP/1.1\r\n\r\n',
       b'POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef']
t.check('oversized and ambiguous ones', all(b' 4' in raw(d)[:14] for d in big) and honest(), [raw(d)[:20] for d in big])
slow = []
for i in range(40):
    s = tls()
    s.sendall(b'POST /login HTTP/1.1\r\nHost: 127.0.0.1:8443\r\nContent-Length: 1000\r\n'
              b'Content-Type: application/x-www-form-urlencoded\r\n\r\nuser=')
    slow.append(s)
began = time.time()
t.check('40 slow bodies hold nobody up', honest() and time.time() - began < 2)
for s in slow:
    s.close()
a = c.post('/policy/edit', {'part': 'pf.conf', 'text': '#' * (9 << 20), 'action': 'check'})
t.check('a body that is too large', a.status == 413, a.status)

# ---- strings that would be code somewhere ----
SEEDS = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'; DROP TABLE session;--", '$(reboot)', '`id`',
         '| cat /etc/passwd', '%s%n%x', '{{csrf}}', '{{>head}}', '{{#tunnels}}', '</textarea><script>x</script>',
         '\r\nSet-Cookie: a=b', '../../../etc/passwd', '\\u003cscript\\u003e', 'javascript:alert(1)', '<svg/onload=x>',
         '&lt;b&gt;', '\x1b[31m', '\xff\xfe', '\u202e\u0000'[:1], '<!--', ']]>', '?><?php x', '${7*7}', "' OR 1=1 --",
         '<a href="x" style="y">', 'a' * 3000, '\U0001f4a5', 'x=1&csrf=2', '<iframe src=//evil>']
FIELDS = [('/tunnels', ['q', 'state', 'sort', 'page']), ('/tunnel', ['name', 'before', 'asked']),
          ('/policy', ['before', 'did']), ('/policy/edit', ['part', 'from']), ('/policy/revision', ['n', 'with']),
          ('/firewall', ['q', 'page']), ('/firewall/states', ['q', 'sort', 'page']),
          ('/firewall/tables', ['name', 'page']), ('/log', ['name', 'q', 'failures', 'before']),
          ('/explain', ['in', 'proto', 'from', 'sport', 'to', 'dport', 'size', 'through']), ('/login', ['next'])]


def string():
    s = rnd.choice(SEEDS)
    if rnd.random() < .6:
        s = rnd.choice(SEEDS)[:40] + s
    if rnd.random() < .3:
        s = s[:rnd.randrange(1, len(s) + 1)] + rnd.choice('<>"\'&{}`') + s[:20]
    return s


def whole(a):
    """No tag, attribute or layout of the string's making; or the web server's own refusal."""
    if a.status == 400 and a.body.startswith('<?xml') and len(a.body) < 400:
        return True
    p = Page(a.body)
    ids = [x.get('id') for _, x in p.tags if x.get('id')]
    return not p.broken and not p.scripts and len(ids) == len(set(ids)) and \
        not any(tag in ('img', 'iframe', 'object', 'b0') or 'onload' in x for tag, x in p.tags) and \
        sum(tag == 'script' for tag, _ in p.tags) == 1 and sum(tag == 'main' for tag, _ in p.tags) == 1 and \
        'Set-Cookie' not in a.headers


N = int(os.environ.get('WEB_STRINGS', '1400'))
broken, n, began = [], 0, time.time()
while n < N:
    path, fields = rnd.choice(FIELDS)
    q = {f: string() for f in rnd.sample(fields, rnd.randrange(1, len(fields) + 1))}
    if path == '/policy/edit' and rnd.random() < .7:
        q['part'] = 'pf.conf'
    a = c.get(path + '?' + urllib.parse.urlencode(q, errors='replace'))
    n += len(q)
    if a.status == 303 and path == '/login':
        if not a.to.startswith('/') or a.to.startswith('//') or '\n' in a.to:
            broken.append((path, q, a.to))
    elif a.status >= 500 or not whole(a):
        broken.append((path, q, a.status))
print('        %d strings in queries in %.1f s' % (n, time.time() - began))
t.check('strings in every query', not broken, broken[:2])
csrf = dict(c.get('/tunnel?name=paris').page().forms[0]['fields'])['csrf']
newest = c.get('/json/policy').json()['newest']
FORMS = [('/policy/edit', {'part': 'pf.conf', 'action': 'check', 'base': str(newest)},
          ['text', 'reason', 'confirm', 'base']),
         ('/policy/edit', {'part': 'iked.conf', 'action': 'check', 'base': str(newest)}, ['text', 'reason']),
         ('/policy/edit', {'part': 'network.conf', 'action': 'diff', 'base': str(newest)}, ['text', 'reason', 'part']),
         ('/policy', {}, ['action', 'revision']), ('/tunnel', {'action': 'stop'}, ['name', 'action']),
         ('/tunnel', {}, ['name', 'action'])]
broken, m = [], 0
while m < N // 2:
    path, fixed, fields = rnd.choice(FORMS)
    f = dict(fixed, csrf=csrf)
    for name in fields:
        f[name] = string()
        m += 1
    a = c.post(path, {k: v.encode('utf-8', 'replace') for k, v in f.items()})
    if a.status >= 500 or a.status == 303 or not whole(a):
        broken.append((path, f, a.status, a.to))
t.check('strings in every form', not broken, broken[:2])
t.check('nothing was committed by them', c.get('/json/policy').json()['newest'] == newest)
broken = []
for s in SEEDS:
    a = Client().post('/login', {'user': s.encode('utf-8', 'replace')[:200], 'password': s.encode('utf-8', 'replace')},
                      **{'X-Forwarded-For': s.encode('ascii', 'replace').decode().replace('\r\n', '')[:50]})
    if a.status not in (400, 403, 429) or not whole(a):
        broken.append((s, a.status))
t.check('strings at the login', not broken, broken)

# ---- committed: a reason; and what a peer calls itself, in the log ----
page = c.get('/policy/edit?part=iked.conf').page()
form = dict([f for f in page.forms if f['action'] == '/policy/edit'][0]['fields'])
form.update(text=form['text'] + '# <script>comment</script> {{csrf}}\n', confirm='0', action='commit',
            reason='<script>why</script> "\'&')
a = c.post('/policy/edit', form)
t.check('a comment and a reason', a.status == 303, a.page().words()[:500])
pages = [c.get(p) for p in ('/', '/policy', '/policy/edit?part=iked.conf',
                            '/policy/revision?n=%d' % c.get('/json/policy').json()['newest'])]
t.check('are shown as they are', all(whole(a) for a in pages) and
        '<script>why</script>' in ' '.join(pages[1].page().text) and
        '{{csrf}}' in ' '.join(pages[2].page().text))
end = time.time() + 20
while 'alert(7)' not in c.get('/log').body and time.time() < end:
    time.sleep(0.3)
a = c.get('/log')
t.check("a peer's identity is shown in the log as it is", whole(a) and '<script>alert(7)' in ' '.join(a.page().text),
        a.page().words()[-600:])
a = c.get('/json/log')
t.check('and in its twin', '<script>alert(7)' in str(a.json()))
t.check('an honest page at the end', honest())
t.end()
