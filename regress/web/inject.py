# SPDX-License-Identifier: ISC
#
# 2,000 strings that would be code somewhere, through every field of every page and
# form that a crawl finds, and through what peers say.  WEB_STRINGS of them through
# each field; all 2,000 in `make soak`.  Nothing executes, a page has no element that
# it has not with plain texts, and what comes back comes back as it was.
import json
import multiprocessing
import os
import random
import re
import socket
import struct
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import Cases, Client  # noqa: E402
from crawl import Shape, Site, names_looked_for, templates  # noqa: E402

W, PASSWORD, BIN = sys.argv[1], sys.argv[2], os.environ['BIN']
EACH = int(os.environ.get('WEB_STRINGS', '40'))
MADE = W + '/executed'
ALL = 2000
SEEDS = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'><svg/onload=alert(1)>", '</title><xq>',
         '</h1><xq>', '</textarea><script>alert(1)</script>', '</option></select><xq>',
         '</form><form action=//evil>', '</main></body>', '<!--', '-->', ']]>', '<![CDATA[', '?><?php x', '<xq a="',
         "<xq a='", '" autofocus onfocus="x', "' style='x", '` onerror=x `', 'javascript:alert(1)',
         'data:text/html,<xq>', '//evil.example/', '\\\\evil', 'https://evil.example', "'; DROP TABLE session;--",
         "' OR '1'='1", '" OR 1=1 --', "');DELETE FROM revision;--", '$(touch MADE)', '`touch MADE`',
         '; touch MADE', '| touch MADE', '&& touch MADE', '\ntouch MADE\n', '!touch MADE', '%0atouch MADE',
         '{{csrf}}', '{{>head}}', '{{#tunnels}}', '{{/main}}', '{{{x}}}', '${7*7}', '#{7*7}', '<%= 7*7 %>',
         '%s%n%x%p', '%00', '%3Cscript%3E', '&lt;b&gt;', '&#60;xq&#62;', '&quot;', '&', '\\u003cscript\\u003e',
         '\\x3cxq\\x3e', '\r\nSet-Cookie: a=b', '\r\n\r\n<xq>', '\x1b[31m\x1b]0;x\x07', '\x7f\x01\x08',
         '\u202exq\u202c', '\u2028\u2029', '\ufeff', '\U0001f4a5', '\ufdfd' * 9, 'a\u0301' * 20,
         '../../../etc/passwd', '/etc/passwd', 'file:///etc/passwd', 'include "/etc/shadow"',
         'psk file "/etc/shadow"', 'x=1&csrf=2', 'a;b', '0x41', '-1', '1e309', '99999999999999999999', 'NaN',
         'true', 'null', '[]', '{}', '{"a":1}', '"', "'", '\\', '\\"', '<', '>', '=', '+', '%', '*', '.', ',']
BYTES = [b'\xff\xfe', b'\xc3(', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xc0\xbc', b'<\xc2', b'\xe2\x80']
VALID = {'name': 'paris', 'part': 'pf.conf', 'n': '2', 'with': '1', 'in': 'lan0', 'proto': 'tcp', 'to': '10.2.0.2',
         'sport': '1000', 'dport': '80', 'size': '100', 'through': '', 'q': '', 'state': '', 'sort': '',
         'page': '1', 'before': '', 'failures': '1', 'next': '/tunnels', 'did': 'commit', 'asked': 'stop',
         'from': '1', 'find': 'paris', 'since': '1'}
PLAIN = ['plain', '7', '', '1', 'two words', 'line\nand line\n', 'a' * 60, '10.1.0.2', 'lan0', 'tcp', 'paris',
         'commit', 'name', 'udp', 'attention', 'pass\n', 'pass out\nblk\n', 'ikev2 x\nesp\nset\n', '\u00fc', '#',
         'block "x"', "it's", 'x: y', 'a' * 900]


def strings():
    """All, each with a name of its own in it."""
    rnd, out = random.Random(3), []
    for i in range(ALL):
        s = SEEDS[i % len(SEEDS)]
        if i >= len(SEEDS):
            s = rnd.choice([s + rnd.choice(SEEDS), s + rnd.choice('<>"\'&{}`\\'), s.upper(), s * 2,
                            rnd.choice(SEEDS)[:rnd.randrange(1, 9)] + s])
        s, mark = s.replace('MADE', MADE), 'Zq%04d' % i
        s = (mark + s if i % 2 else s + mark).encode()
        out.append(s + BYTES[i % len(BYTES)] if i % 25 == 7 else s)
    return out


STRINGS = strings()
KNOWN = templates()
# Headers of every answer of webadmin, and of one that leads elsewhere.
HEADS = {'Location', 'Content-Type', 'Content-Length', 'Cache-Control', 'Content-Security-Policy',
         'X-Content-Type-Options', 'X-Frame-Options', 'Referrer-Policy', 'Cross-Origin-Opener-Policy',
         'Cross-Origin-Resource-Policy', 'Permissions-Policy', 'Strict-Transport-Security', 'Date', 'Connection',
         'Content-Disposition'}


def run(gateway, program, *args):
    """What it prints."""
    run_dir = '%s/%s/run' % (W, gateway)
    return subprocess.run([BIN + '/' + program, *args], capture_output=True, check=True,
                          env=dict(os.environ, RAVELIN_RUN=run_dir, RAVELIN_DB='%s/%s/policy.db' % (W, gateway))).stdout


def shown(s):
    """What a page shows of a string, as a parser reads it."""
    t = s.decode('utf-8', 'replace') if isinstance(s, bytes) else s
    return re.sub('[\x00-\x08\x0b-\x1f\x7f]', '\ufffd', t.replace('\r\n', '\n'))


def plainly(t):
    return re.sub('[\ufffd\\s]+', ' ', t).strip()


class Target:
    """A page with its query, or a form with one of its buttons."""

    def __init__(self, method, path, fields, kinds, multipart, cookie):
        self.method, self.path, self.fields, self.cookie = method, path, fields, cookie
        self.kinds, self.multipart = kinds, multipart
        self.names = [n for n in fields if kinds.get(n) != 'hidden' or n not in ('csrf',)]
        self.heads, self.echoed = set(), set()

    def label(self):
        return '%s %s %s' % (self.method, self.path, ','.join('%s=%s' % (k, v[:12]) for k, v in self.fields.items()
                                                             if k in ('action', 'part')))

    def ask(self, c, fields, twin=False):
        if self.method == 'get':
            q = urllib.parse.urlencode([(k, v) for k, v in fields.items()])
            return c.get(('/json' if twin else '') + self.path + '?' + q)
        if not self.multipart:
            return c.post(self.path, fields)
        parts = b''
        for k in sorted(fields, key=lambda n: n != 'csrf'):
            v = fields[k] if isinstance(fields[k], bytes) else fields[k].encode()
            name = b'; filename="' + re.sub(rb'[\r\n"]', b'_', v[:80]) + b'"' if self.kinds.get(k) == 'file' else b''
            parts += b'--bOuNd\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (k.encode(), name, v)
        a = c.ask('POST', self.path, parts + b'--bOuNd--\r\n', {
            'Content-Type': 'multipart/form-data; boundary=bOuNd', 'Origin': 'https://' + c.host})
        return c.get(a.to) if a.status == 303 else a    # which shows what was sent

    def learn(self, c):
        """Its headers, and which of its fields a page shows again."""
        for f in [dict(self.fields, **{n: v for n in self.names}) for v in PLAIN[:4]] + \
                [dict(self.fields, **{n: v}) for n in self.names for v in PLAIN[:2]] + [dict(self.fields)]:
            if f.get('action') in ('commit', 'rollback', 'confirm', 'drop', 'restart', 'bring', 'install'):
                continue                # what would be done is of no use here
            f = {k: v.replace('plain', 'Plainly%dx' % i) for i, (k, v) in enumerate(f.items())}
            a = self.ask(c, f)
            self.heads |= set(a.headers.keys())
            if a.status == 200 and 'text/html' in a.headers.get('Content-Type', ''):
                text = ' '.join(Shape(a.body).texts)
                self.echoed |= {k for i, k in enumerate(f) if 'Plainly%dx' % i in text and f[k].startswith('Plainly')}

    def wrong(self, a, sent):
        """What is wrong with an answer, or None."""
        if a.status >= 500 and a.status != 503:      # 503: another is at it
            return 'status %d' % a.status
        if set(a.headers.keys()) - self.heads - HEADS:
            return 'headers %s' % (set(a.headers.keys()) - self.heads)
        if a.to is not None and (not a.to.startswith('/') or a.to.startswith('//') or re.search(r'[\s<>"\\]', a.to)):
            return 'leads to %r' % a.to
        if a.status == 400 and a.body.startswith('<?xml') and len(a.body) < 400:
            return None         # the web server itself
        if 'text/html' not in a.headers.get('Content-Type', ''):
            return None
        s = Shape(a.body)
        if s.strange(KNOWN):
            return s.strange(KNOWN)
        text = '\n'.join(s.texts)
        whole = plainly(shown(text)) + plainly(shown(urllib.parse.unquote_plus(text)))
        for name, v in sent.items():
            t = v.decode('utf-8', 'replace')
            if re.search('[<>"\']', t) and t in a.body:
                return 'not escaped: %r' % t
            if name in self.echoed and a.status == 200 and plainly(shown(v)) not in whole and len(sent) == 1:
                return '%s does not come back: %r' % (name, t)
        return None


def gates(t, rnd, at):
    """All fields at once, or one, the others being right."""
    names = t.names
    if at % 2 and len(names) > 1:
        names = [n for n in names if n not in ('name', 'part', 'n', 'action') or rnd.random() < .3] or names
        return {n: STRINGS[(at * 7 + k * 131) % ALL] for k, n in enumerate(names)}
    return {names[at // 2 % len(names)]: STRINGS[at * 7 % ALL]}


def attack(job):
    """A share of the strings through one target; how many, and what is wrong."""
    t, offset = job
    c, rnd, wrong, seen, i = Client(), random.Random(offset), [], {}, -1
    n = dict.fromkeys(t.names, 0)
    c.cookie = t.cookie
    t.learn(c)
    while min(n.values()) < EACH:
        i += 1
        sent = gates(t, rnd, offset + i)
        twin = t.method == 'get' and i % 6 == 5
        try:
            a = t.ask(c, dict(t.fields, **sent), twin)
            seen[a.status] = seen.get(a.status, 0) + 1
            if twin and a.status == 200:
                json.loads(a.body)
            bad = t.wrong(a, sent)
        except (ValueError, OSError) as e:
            bad = repr(e)
        for name in sent:
            n[name] += 1
        if bad:
            wrong.append((t.label(), sent, bad))
        c.cookie = t.cookie
    return t.label(), n, wrong[:5], len(wrong), seen


# ---- what a peer says ----
def keep(events):
    """Events as iked(8) hands them to policyd(8): KEEP of libhistory/history.h."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(W + '/A/run/policy.sock')
    s.settimeout(10)
    for at in range(0, len(events), 8):
        some = events[at:at + 8]
        rec = struct.pack('>HHIH', 1, 32, at, len(some))
        for number, texts in some:
            rec += struct.pack('>QQ', number, 1700000000000 + number)
            for text in texts:
                rec += struct.pack('>H', len(text)) + text
        s.send(rec)
        a = s.recv(100)
        assert a[2:4] == b'\0\x60' and a[8] == 1, a
    s.close()


def peers(t, c):
    first, sizes = 1 << 40, (63, 63, 23, 15, 63, 511)
    keep([(first + i, [(STRINGS[(i + k * 401) % ALL] if k else s)[:size] for k, size in enumerate(sizes)])
          for i, s in enumerate(STRINGS)])
    before, seen, bad, n = first + ALL, '', [], 0
    while before > first and n < 400:
        a = c.get('/log?before=%d' % before)
        s = Shape(a.body)
        if a.status != 200 or s.strange(KNOWN):
            bad.append((before, a.status, s.strange(KNOWN)))
        seen += '\n'.join(s.texts) + '\n'
        j = c.get('/json/log?before=%d' % before).json()
        n += 1
        if not j['events']:
            break
        before = min(e['id'] for e in j['events'])
    t.check('%d events of peers on %d pages: no layout breaks' % (ALL, n), not bad, bad[:3])
    words = set(re.findall(r'Zq\d{4}', seen))
    lost = [s for i, s in enumerate(STRINGS) if 'Zq%04d' % i in words and i % 10 == 0 and
            re.sub(rb'[^ -~]', b'?', s[:511]).decode() not in seen]
    t.check('all of them come back as they were', len(words) > ALL * .97 and not lost, (len(words), lost[:3]))
    a = c.get('/json/log')
    t.check('in the twin as well', len(a.json()['events']) > 5)


def log_pages(c):
    """Texts of the whole log, and what no template has."""
    link, texts, strange = '/log', '', []
    while link:
        s = Shape(c.get(link).body)
        texts += '\n'.join(s.texts)
        strange += [s.strange(KNOWN)] if s.strange(KNOWN) else []
        link = next((x for x in s.links if x.startswith('/log') and 'before=' in x), None)
    return texts, strange


def wire(t, c):
    """The peers of attack.sh, over IKE: identities, and a tunnel that is up."""
    run('A', 'ipsecctl', '-f', W + '/A/iked.conf')      # a form may have gone back behind them
    run('B', 'ikectl', '--no-wait', 'up', 'evil1')
    end = time.time() + 20
    want = re.findall(r'srcid "([^"]*)"', open(W + '/B/evil.conf').read())
    text, strange = log_pages(c)
    while time.time() < end and sum(w in text for w in want) < 5:
        time.sleep(0.3)
        text, strange = log_pages(c)
    t.check("peers' identities over the wire are shown as they are", not strange and sum(w in text for w in want) >= 5,
            (strange, text[-800:]))
    name = re.search(r'ikev2 "([^"]*)"', open(W + '/A/evil.conf').read())[1]
    path = '/tunnel?' + urllib.parse.urlencode({'name': name})
    while time.time() < end and not c.get('/json' + path).json().get('up'):
        time.sleep(0.3)
    a = c.get(path)
    s = Shape(a.body)
    t.check('a tunnel with such a peer', a.status == 200 and not s.strange(KNOWN) and
            name in ' '.join(s.texts) and '<script>alert(9)' in ' '.join(s.texts), (a.status, s.strange(KNOWN)))
    t.check('every page with it', all(not Shape(c.get(x).body).strange(KNOWN)
            for x in ('/', '/tunnels', '/log', '/policy/edit?part=iked.conf')))


# ---- all ----
def targets(site, cookie):
    out = []
    for path, names in sorted(site.fields.items()):
        if not path.startswith('/json') and names | {'before', 'page'}:
            fields = {n: VALID.get(n, '') for n in sorted(names | {'before', 'page'})}
            if path == '/explain':
                fields['from'] = '10.1.0.2'
            out.append(Target('get', path, fields, {}, False, cookie))
    for path, fields, form in site.actions():
        if path == '/logout':
            continue            # it has no field but the token
        full = dict(form['fields'], **fields)
        if path != '/login':
            full['csrf'] = form['fields']['csrf']
        out.append(Target('post', path, full, dict(form['kinds'], csrf='hidden'), 'multipart' in form['type'],
                          None if path == '/login' else cookie))
    return out


def reasons(t, c):
    """Committed for good: they stand on the page of revisions."""
    s = Shape(c.get('/policy').body)
    for f in s.forms:           # one of the strings has begun a timer
        if ('action', 'confirm') in f['buttons']:
            c.post('/policy', dict(f['fields'], action='confirm'))
    page = c.get('/policy/edit?part=assert.conf')
    form = [f for f in Shape(page.body).forms if f['action'] == '/policy/edit'][0]
    base, made = int(form['fields']['base']), []
    for i in range(0, ALL, 50):
        group = b' '.join(s for s in STRINGS[i:i + 50] if b'\x00' not in s)[:400].decode('utf-8', 'ignore')
        a = c.post('/policy/edit', dict(form['fields'], text='# %d\n' % i, reason=group, base=base, confirm='0',
                action='commit'))
        if a.status == 303:
            made.append(group)
            base = c.get('/json/policy').json()['newest']
    before, seen, bad = '', '', []
    for _ in range(10):
        a = c.get('/policy' + before)
        s = Shape(a.body)
        bad += [s.strange(KNOWN)] if s.strange(KNOWN) else []
        seen += '\n'.join(s.texts)
        more = re.search(r'/policy(\?before=\d+)"', a.body)
        if not more:
            break
        before = more[1]
    lost = [m for m in made if plainly(re.sub('[\x00-\x1f\x7f]', '?', m)) not in plainly(seen)]
    t.check('%d reasons of revisions come back as they were' % len(made), len(made) == ALL // 50 and not lost
            and not bad,
            (len(made), lost[:2], bad[:2]))


def main():
    t, c = Cases(), Client()
    t.check('login', c.login('admin', PASSWORD).status == 303)
    site = Site(c).crawl()
    t.check('every page has the elements of its templates', not [p for p, a in site.pages.items()
            if a.status == 200 and
            not p.startswith('/json') and Shape(a.body).strange(KNOWN)])
    export = run('A', 'ipsecctl', 'export')
    sent = [f for f in site.forms if f['action'] == '/upload/import'][0]
    a = Target('post', '/upload/import', dict(sent['fields'], file='', text=export.decode()), sent['kinds'], True,
            c.cookie).ask(
        c, dict(sent['fields'], file='', text=export.decode()))
    site.again('/import')
    t.check('an import waits', a.status == 200 and ('action', 'commit') in sum((f['buttons'] for f in site.forms if
            f['action'] == '/import'), []), a.page().words()[-500:])
    todo = targets(site, c.cookie)
    names = set().union(*[set(x.fields) for x in todo])
    t.check('no field that webadmin looks for is left out', not names_looked_for() - names,
            names_looked_for() - names)
    began = time.time()
    newest = c.get('/json/policy').json()['newest']
    jobs = [(x, k * EACH * 17) for k, x in enumerate(todo)]
    counts, bad, pairs = {}, [], 0
    with multiprocessing.Pool(3) as pool:
        for label, n, wrong, many, seen in pool.imap_unordered(attack, jobs):
            bad += wrong
            for name, k in n.items():
                counts[label, name] = k
                pairs += k
    print('        %d pages and forms, %d fields, %d strings into them (%d to %d each) in %.1f s' %
          (len(todo), len(counts), pairs, min(counts.values()), max(counts.values()), time.time() - began))
    t.check('strings through every field: nothing breaks, all come back escaped', not bad, bad[:4])
    t.check('through each as many as were asked for', min(counts.values()) >= EACH,
            sorted(counts.items(), key=lambda x: x[1])[:3])
    t.check('what was committed by them was as it should be',
            0 <= c.get('/json/policy').json()['newest'] - newest < EACH * 60)
    t.check('the tunnel is there as before', c.get('/json/tunnel?name=paris').status == 200)
    reasons(t, c)
    wire(t, c)
    peers(t, c)
    t.check('nothing was executed', not os.path.exists(MADE) and not os.path.exists(W + '/A/web/executed'))
    t.check('an honest page at the end', 'paris' in c.get('/tunnels').body)
    t.end()


if __name__ == '__main__':
    main()
