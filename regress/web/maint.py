# SPDX-License-Identifier: ISC
#
# Backups, imports and upgrades by the forms of the web pages, without JavaScript;
# run inside of gateway A's namespace by maint.sh.
import concurrent.futures
import glob
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import Cases, Client  # noqa: E402

W, PASSWORD = sys.argv[1], sys.argv[2]
BIN = os.environ['BIN']
ENV = dict(os.environ, RAVELIN_RUN=W + '/A/run', RAVELIN_DB=W + '/A/policy.db', PATH=BIN + ':' + os.environ['PATH'])
PHRASE = 'a passphrase of a backup'
t = Cases()
c = Client()


def run(*args):
    return subprocess.run(args, env=ENV, capture_output=True, text=True, timeout=60)


def newest():
    return c.get('/json/policy').json()['newest']


def state(kind):
    return c.get('/json/' + kind).json()


def authors():
    """Of the revisions, as the CLI tells them, newest first."""
    return [r['author'] for r in json.loads(run('ipsecctl', 'history', '-j').stdout)['revisions']]


def until(fn, seconds=15):
    end = time.time() + seconds
    while not fn() and time.time() < end:
        time.sleep(0.1)
    return fn()


def send(page, path, button=None, pick=None, **fields):
    """The form with that action and button; as a browser sends it."""
    form = [f for f in c.get(page).page().forms if f['action'] == path and
            (button is None or (('action', button) in f['buttons']))][pick or 0]
    names = dict(form['fields'])
    missing = set(fields) - set(names)
    if missing:
        raise KeyError('%s has no %s' % (path, missing))
    names.update(fields)
    if button:
        names['action'] = button
    return c.post(path, names)


def upload(kind, body, **fields):
    token = dict(c.get('/backup').page().forms[0]['fields'])['csrf']
    return c.upload('/upload/' + kind, [('csrf', fields.pop('csrf', token))] + list(fields.items()), body)


def tree(*folders):
    h = hashlib.sha256()
    for folder in folders:
        for path in sorted(glob.glob(W + '/A/' + folder + '/**', recursive=True)):
            if os.path.isfile(path):
                with open(path, 'rb') as f:
                    h.update(path.encode() + b'\0' + f.read())
    return h.hexdigest()


def left():
    return [os.path.basename(x) for x in glob.glob(W + '/A/maint/*')]


# ---- who may ----
for path in ('/backup', '/upgrade', '/import'):
    t.check('without a session: ' + path, c.get(path).status == 303 and c.get('/json' + path).status == 401)
t.check('without a session no upload', c.upload('/upload/restore', [('csrf', 'x')], b'x' * 200000).status == 401)
t.check('login', c.login('admin', PASSWORD).status == 303)
for path in ('/backup', '/upgrade', '/import'):
    a = c.get(path)
    p = a.page()
    t.check('page ' + path, a.status == 200 and not p.broken and not p.scripts and len(a.body) < 200 * 1024,
            (a.status, p.broken, p.words()[:300]))
    j = state(path[1:])
    t.check('its twin', j['schema_version'] == 1 and j['ready'] and 'problems' not in j, j)
t.check('no file is fetched where files are sent', c.get('/upload/restore').status == 405)
a = upload('restore', b'y' * 1000, csrf='0' * 64)
t.check('an upload with a wrong token', a.status == 403 and left() == [], (a.status, left()))
t.check('an upload from elsewhere', c.upload('/upload/restore', [], b'x', origin='https://evil.example').status == 403)
token = dict(c.get('/backup').page().forms[0]['fields'])['csrf']
a = c.upload('/upload/restore', [], b'y' * 1000, after=[('csrf', token)])
t.check('the token behind the file comes too late', a.status == 403 and left() == [], a.status)
a = upload('restore', b'')
t.check('no file chosen', a.status == 400 and 'choose one' in a.body, a.status)
t.check('a POST without token', c.post('/backup', {'action': 'create'}).status == 403)

# ---- a backup ----
for name, words, status, fields in (
        ('too short', 'too short', 409, {'passphrase': 'short', 'again': 'short', 'password': PASSWORD}),
        ('not the same', 'not the same', 409, {'passphrase': PHRASE, 'again': PHRASE + 'x', 'password': PASSWORD}),
        ('with a wrong password', 'password is wrong', 403, {'passphrase': PHRASE, 'again': PHRASE, 'password': 'no'}),
        ('without a password', 'password is wrong', 403, {'passphrase': PHRASE, 'again': PHRASE, 'password': ''})):
    a = send('/backup', '/backup', 'create', **fields)
    t.check('a backup ' + name, a.status == status and words in a.page().words(), (a.status, a.page().words()[:500]))
t.check('none was recorded', 'none recorded' in c.get('/').body)
with open(W + '/A/passwd', 'rb') as f, open(W + '/A/etc/passwd', 'wb') as g:
    g.write(f.read())
os.chown(W + '/A/etc/passwd', 0, 64081)
os.chmod(W + '/A/etc/passwd', 0o640)
before = time.time()
a = send('/backup', '/backup', 'create', passphrase=PHRASE, again=PHRASE, password=PASSWORD)
backup = a.raw
t.check('a backup', a.status == 200 and backup.startswith(b'RAVELIN BACKUP\n') and
        re.search(r'attachment; filename="ravelin-127.0.0.1-\d{8}-\d{4}\.backup"',
                  a.headers['Content-Disposition'] or ''), (a.status, a.headers, backup[:200]))
t.check('is recorded on the overview', abs(state('')['last_backup'] - before) < 60 and
        'none recorded' not in c.get('/').body)
t.check('nothing stays of it', left() == [], left())
with open(W + '/made.backup', 'wb') as f:
    f.write(backup)
with open(W + '/phrase', 'w') as f:
    f.write(PHRASE + '\n')
r = run('backup', 'show', '-P', W + '/phrase', W + '/made.backup')
t.check('and the program opens it', r.returncode == 0 and 'the same as here' in r.stdout, r)

# ---- restore ----
n0 = newest()
with open(W + '/A/pf.conf') as f:
    pf = f.read()
with open(W + '/changed.conf', 'w') as f:
    f.write(pf + 'pass on wan0 inet proto icmp label "changed"\n')
run('ipsecctl', 'commit', '--pf', W + '/changed.conf', '-m', 'changed since')
n1 = newest()
was = tree('etc', 'tls')
for name, body, words in (
        ('what is no backup', b'no backup at all' * 100, 'this is no backup'),
        ('a damaged one', backup[:200] + bytes([backup[200] ^ 1]) + backup[201:], 'truncated or damaged'),
        ('a truncated one', backup[:-10], 'truncated or damaged')):
    a = upload('restore', body)
    t.check(name + ' is taken', a.status == 303, (a.status, a.body[-500:]))
    a = send('/backup', '/backup', 'show', passphrase=PHRASE)
    t.check('and refused when it is opened', words in a.page().words() and a.status == 409, a.page().words()[:900])
    send('/backup', '/backup', 'drop')
a = upload('restore', backup)
a = c.follow(a)
t.check('a good one asks for its passphrase', 'passphrase' in a.body and 'Open and compare' in a.body)
a = send('/backup', '/backup', 'show', passphrase='a wrong passphrase')
t.check('a wrong one', a.status == 409 and 'the passphrase is wrong' in a.page().words(), a.page().words()[:900])
a = c.follow(send('/backup', '/backup', 'show', passphrase=PHRASE))
t.check('the difference is shown', 'd-del' in a.body and 'label &quot;changed&quot;' in a.body,
        a.page().words()[:1500])
t.check('without keys', 'decent' not in a.body)
t.check('what is in it', 'policy' in a.page().words() and 'generation' in a.body.lower())
t.check('so far nothing has changed', newest() == n1 and tree('etc', 'tls') == was)
a = send('/backup', '/backup', 'bring', password='wrong')
t.check('restored only with the own password', a.status == 403 and newest() == n1, a.status)
a = c.follow(send('/backup', '/backup', 'bring', password=PASSWORD, confirm='30'))
t.check('restored', 'Restored.' in a.page().words() and newest() == n1 + 1, a.page().words()[:900])
t.check('the same generation, and little else is said', 'the same as in the backup' in a.page().words() and
        'label "changed"' not in a.page().words(), a.page().words()[:900])
t.check('is in force', 'changed' not in run('pfctl', '-s', 'rules').stdout)
st = os.stat(W + '/A/etc/passwd')
t.check('the web pages can still read the passwords', (st.st_gid, st.st_mode & 0o777) == (64081, 0o640), st)
t.check('with a timer', c.get('/json/policy').json().get('pending', {}).get('revision') == n1 + 1)
a = c.get('/policy')
t.check('who did it', 'restored from a backup, on the web pages' in a.body and authors()[0] == 'admin (web)',
        authors())
c.send(a.page(), '/policy', 'confirm')
t.check('nothing stays of it, either', left() == [], left())

# ---- import ----
export = run('ipsecctl', 'export', str(n1)).stdout
n2 = newest()


def sealed(text):
    body = text[:text.rindex('### end ')]
    return body + '### end %s\n' % hashlib.sha256(body.encode()).hexdigest()


a = c.follow(upload('import', b'pass all\n'))
t.check('what is no export', 'This is no export' in a.page().words(), a.page().words()[:800])
send('/import', '/import', 'drop')
a = c.follow(upload('import', (export[:-3] + 'x\n').encode()))
t.check('one that was altered', 'not as it was written' in a.page().words())
send('/import', '/import', 'drop')
bad = sealed(export.replace('label "changed"', 'lable "changed"'))
a = c.follow(upload('import', bad.encode()))
w = a.page().words()
t.check('with its source under it', any('source' in e for e in state('import')['errors']), state('import')['errors'])
t.check('an error with its place', re.search(r'pf\.conf, line \d+, column \d+', w) and 'lable' in w, w[:1200])
send('/import', '/import', 'drop')
bad = export[:export.rindex('### end ')].encode().replace(b'label "changed"', b'lable "\xff\xc3("')
a = c.follow(upload('import', bad + b'### end %s\n' % hashlib.sha256(bad).hexdigest().encode()))
j = state('import')
t.check('bytes that are no text make a document, even so', 'lable' in str(j), j)
send('/import', '/import', 'drop')
bad = sealed(export.replace('ikev2', 'ikev9', 1))
w = c.follow(upload('import', bad.encode())).page().words()
t.check('one of the tunnels, too', re.search(r'iked\.conf, line \d+', w), w[:1200])
send('/import', '/import', 'drop')
secret = W + '/A/secret.of.root'
with open(secret, 'w') as f:
    f.write('# root alone reads this\n')
os.chmod(secret, 0o600)
bad = sealed(export.replace('### pf.conf\n', '### pf.conf\ninclude "%s"\n' % secret))
w = c.follow(upload('import', bad.encode())).page().words()
t.check('no file that it names is opened', 'alone reads' not in w and 'Nothing was committed' in w, w[:900])
send('/import', '/import', 'drop')
a = c.follow(upload('import', export.encode()))
t.check('a good one: the difference', 'd-add' in a.body and 'Nothing speaks against it' in a.page().words(),
        a.page().words()[:900])
t.check('nothing was committed by that', newest() == n2)
a = send('/import', '/import', 'commit', reason='by a test <b>', confirm='20')
t.check('committed', a.status == 303 and newest() == n2 + 1, (a.status, a.body[-700:]))
t.check('in force, waiting', 'changed' in run('pfctl', '-s', 'rules').stdout and
        c.get('/json/policy').json()['pending']['revision'] == n2 + 1)
t.check('who and why', 'by a test &lt;b&gt; (imported on the web pages)' in c.get('/policy').body and
        authors()[0] == 'admin (web)', authors())
c.send(c.get('/policy').page(), '/policy', 'confirm')
clear = run('ipsecctl', 'export', '-k', str(n2)).stdout
a = c.follow(upload('import', b'', text=clear.replace('\n', '\r\n')))
t.check('pasted, with keys in clear', 'd-del' in a.body and 'decent' not in a.body, a.page().words()[:900])
run('ipsecctl', 'commit', '--pf', W + '/A/pf.conf', '-m', 'overtaken')
a = send('/import', '/import', 'commit')
w = c.follow(a).page().words()
t.check('overtaken meanwhile', 'since you began' in w, (a.status, w[:900]))
send('/import', '/import', 'drop')

# ---- upgrade ----
j = state('upgrade')
t.check('no slots on this machine', j['no_slots'] and
        'This machine has no slots' in c.get('/upgrade').page().words(), j)
os.makedirs(W + '/A/boot/a')
for name, text in (('vmlinuz', 'one'), ('initrd', 'two'), ('version', '1.0\n')):
    with open(W + '/A/boot/a/' + name, 'w') as f:
        f.write(text)
with open(W + '/A/boot/grubenv', 'w') as f:
    f.write('# GRUB Environment Block\nslot=a\nboot=a\n'.ljust(1024, '#'))
for name, size in (('vmlinuz', 3 << 20), ('initrd', 17 << 20)):
    with open(W + '/' + name, 'wb') as f:
        f.write(os.urandom(size))
run('upgrade', 'keygen', '-o', W + '/key')
run('upgrade', 'keygen', '-o', W + '/other')
os.replace(W + '/key.pub', W + '/A/upgrade.pub')


def create(key, serial, out):
    run('upgrade', 'create', '-V', '1.%d' % serial, '-S', str(serial), '-k', W + '/' + key, '-K', W + '/vmlinuz',
        '-I', W + '/initrd', '-o', W + '/' + out)
    with open(W + '/' + out, 'rb') as f:
        return f.read()


good = create('key', 101, 'good')
j = state('upgrade')
t.check('slots', [s['version'] for s in j['slots']] == ['1.0', ''] and j['slots'][0]['runs'], j)
before = tree('boot')
for name, body, words in (
        ('truncated', good[:len(good) - 5], 'truncated'),
        ('altered', good[:4 << 20] + bytes([good[4 << 20] ^ 1]) + good[(4 << 20) + 1:], 'has been altered'),
        ('unsigned', good[:440] + bytes(72) + good[512:], 'not signed'),
        ('of a stranger', create('other', 102, 'x'), 'key that is not ours'),
        ('older', create('key', 99, 'x'), 'older than what runs'),
        ('no upgrade', b'x' * 5000, 'no upgrade file')):
    a = upload('upgrade', body)
    p = c.follow(a).page()
    t.check('an upgrade that is ' + name, words in p.words(), (a.status, p.words()[:700]))
    t.check('what to do about it', state('upgrade')['found'].get('advice'), p.words()[:700])
    t.check('cannot be installed', not any(b == ('action', 'install') for f in p.forms for b in f['buttons']) and
            c.post('/upgrade', {'csrf': token, 'action': 'install',
                                'id': state('upgrade')['file']['id']}).status == 409)
    send('/upgrade', '/upgrade', 'drop')
t.check('after all that the slots are as they were', tree('boot') == before)
began = time.time()
a = upload('upgrade', good)
print('        an upload of %d MB, checked, in %.1f s' % (len(good) >> 20, time.time() - began))
p = c.follow(a).page()
t.check('a good one: its version', 'Signed by' in p.words() and '1.101' in p.words(), p.words()[:700])
first = state('upgrade')['file']['id']
second = Client()
second.login('admin', PASSWORD)
t.check('with another\'s id nothing is installed', c.post('/upgrade', {
    'csrf': token, 'action': 'install', 'id': '0' * 32}).status == 409 and tree('boot') == before)
a = send('/upgrade', '/upgrade', 'install')
t.check('install', a.status == 303, a.status)
t.check('is done in the background', until(lambda: 'busy' not in state('upgrade')) and
        state('upgrade')['done']['ok'], state('upgrade'))
j = state('upgrade')
t.check('the next start tries it', j['slots'][1]['waits'] and j['waiting_version'] == '1.101', j)
with open(W + '/A/boot/b/initrd', 'rb') as f, open(W + '/initrd', 'rb') as g:
    t.check('byte by byte', f.read() == g.read())
w = c.get('/upgrade').page().words()
t.check('what a restart would do is said', 'comes back by itself' in w and 'not one that could be restarted' in w)
up = int(time.clock_gettime(time.CLOCK_BOOTTIME))
said = [c.get('/upgrade?' + q).page().words().count('The machine restarts') for q in (
    'since=%d' % up, 'since=%d' % (up - 100), 'since=%d' % (up - 130), 'since=%d' % (up + 1000),
    'did=restart', 'since=-1')]
t.check('that the machine restarts is said for as long as it may be so', said == [1, 1, 0, 0, 0, 0], said)
t.check('restarting is refused where init does not run', c.post('/upgrade', {
    'csrf': token, 'action': 'restart'}).status == 409)
a = c.ask('POST', '/upload/upgrade', b'x' * 1000, {
    'Content-Length': str(200 << 20), 'Origin': 'https://' + c.host,
    'Content-Type': 'multipart/form-data; boundary=x'}, close=True)
t.check('an upload of 200 MB is refused at once', a.status == 413, a.status)
for path, code in (('/login', 413), ('/backup', 413), ('/nothing', 413),
                   ('/policy/edit', 401), ('/upload/import', 401)):
    a = Client().ask('POST', path, b'x' * 1000, {
        'Content-Length': str(5 << 20), 'Origin': 'https://' + c.host,
        'Content-Type': 'application/x-www-form-urlencoded'}, close=True)
    t.check('5 MB of nobody\'s to %s are not waited for' % path, a.status == code, a.status)
a = send('/policy/edit?part=pf.conf', '/policy/edit', 'check', text=pf + '# as long as a policy may be\n' * 60000)
t.check('a policy of 1.6 MB is looked at', a.status == 200 and '(any more)' not in a.body, (a.status, a.body[-900:]))
many = ''.join('pass out quick on wan0 inet proto udp to 10.9.%d.%d\n' % (i // 250, i % 250 + 1) for i in range(2000))
a = send('/policy/edit?part=pf.conf', '/policy/edit', 'diff', text=pf + many)
t.check('a difference that is cut says so', a.status == 200 and 'more lines follow' in a.body, a.body[-900:])
t.check('nothing stays', left() == [], left())


# ---- hostile records to maintd, as the role of the pages could send ----
def maint(record, answer=True):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(5)
        s.connect(W + '/A/run/maint.sock')
        try:
            s.send(record)
            return s.recv(65536) if answer else b''
        except OSError:
            return b''


def text(s):
    return struct.pack('>H', len(s)) + s


def request(op, body=b''):
    return struct.pack('>HHI', 1, op, 7) + body


def command(n, ident=b'', user=b'admin', password=b'', phrase=b'', reason=b'', confirm=0):
    return request(6, struct.pack('>BQI', n, 0, confirm) + text(ident) + text(user) + text(password) +
                   text(phrase) + text(reason))


MALFORMED = [b'', b'\0', request(0), request(7), request(99), request(1), request(1, b'\x03'), request(1, b'\0\0'),
             request(2, b'\0'), request(2, b'\0' * 9), request(2, b'\x09' + b'\0' * 8 + text(b'x')),
             request(2, b'\0' * 9 + text(b'../x')), request(3, b'x' * 65000), request(4, b'\0' * 7),
             request(5, b'\0' + text(b'../../etc')), request(5, b'\0' + text(b'0' * 31)), command(8), command(255),
             command(0, user=b'a b'), command(0, password=b'x' * 257), command(0, phrase=b'a\nb'),
             command(7, reason=b'x' * 501), command(7, reason=b'--base\n1'), command(7, confirm=86401),
             command(2, ident=b'/etc/shadow'.ljust(32, b'0')), struct.pack('>HHI', 2, 1, 7) + b'\0',
             command(0)[:-1], command(0) + b'x']
t.check('%d malformed records end their connection' % len(MALFORMED), all(maint(r) == b'' for r in MALFORMED[1:]),
        [r[:40] for r in MALFORMED[1:] if maint(r) != b''])


def status(record):
    a = maint(record)
    return a[8] if len(a) > 8 else None


t.check('maintd lives', maint(request(1, b'\0'))[8:9] == b'\0')

# ---- who may ask: 64081 is _ravelin; as a group besides its own it is that of who only looks ----
ASK = ('import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n'
       's.connect(sys.argv[1])\ntry:\n    s.send(bytes.fromhex(sys.argv[2]))\n    print(len(s.recv(65536)))\n'
       'except OSError:\n    print(0)')


def asked(*who):
    r = subprocess.run(['setpriv', *who, sys.executable, '-c', ASK, W + '/A/run/maint.sock', request(1, b'\0').hex()],
                       capture_output=True, text=True, timeout=20)
    return r.stdout.strip() or r.stderr[-300:]


t.check('the pages\' role may ask', asked('--reuid', '64080', '--regid', '64081', '--clear-groups') == '11')
r = asked('--reuid', '64082', '--regid', '64083', '--groups', '64081')
t.check('who may only look may not', r == '0', r)
t.check('no backup without the password', status(command(0, phrase=b'a passphrase of mine')) == 2)
t.check('no restore without a file', status(command(2, ident=b'0' * 32, password=PASSWORD.encode())) == 4)
t.check('no upload that is larger than allowed',
        status(request(2, b'\0' + struct.pack('>Q', 1 << 40) + text(b'x'))) == 1)
tries = [status(command(0, phrase=b'a passphrase of mine', password=b'%d' % i)) for i in range(8)]
t.check('passwords cannot be tried for long', 3 in tries, tries)
began = time.monotonic()
with concurrent.futures.ThreadPoolExecutor(20) as pool:
    tries = list(pool.map(lambda i: Client().login('nobody', 'a guess %d' % i).status, range(20)))
took = time.monotonic() - began
# a fifth after one second, a sixth after two more ...
most = 4 + (int(took) + 1).bit_length() - 1
t.check('nor twenty at once: four are compared', tries.count(403) <= most and tries.count(403) + tries.count(429) == 20,
        (tries, took))
t.check('an honest page works', c.get('/backup').status == 200)
t.end()
