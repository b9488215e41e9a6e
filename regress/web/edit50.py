# SPDX-License-Identifier: ISC
#
# 50 administrators, each with a name and a session, edit one file of the policy at
# once: read, add a line, commit on the revision that was read.  Who was overtaken is
# told and does it again; nothing that was accepted is lost, and each revision is its
# administrator's.
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import Cases, Client  # noqa: E402
from crawl import Shape  # noqa: E402

W, PASSWORD = sys.argv[1], sys.argv[2]
BIN = os.environ['BIN']
MANY, EACH = 50, int(os.environ.get('WEB_EDITS', '1'))
EDIT = '/policy/edit'
t = Cases()
lock, start = threading.Lock(), threading.Barrier(MANY)
accepted, told, other, took = [], [], [], []


def users():
    """So many names with the password of the one that is there."""
    hashed = open(W + '/A/passwd').read().strip().split(':', 1)[1].split('\n')[0]
    with open(W + '/A/passwd', 'a') as f:
        for i in range(MANY):
            f.write('adm%02d:%s\n' % (i, hashed))


def form_of(c):
    return [f for f in Shape(c.get(EDIT + '?part=assert.conf').body).forms if f['action'] == EDIT][0]['fields']


def edit(i, k, c):
    """Until it is accepted; the lines that the others have added stay."""
    line = '# edit %d.%d\n' % (i, k)
    fields = form_of(c)
    for attempt in range(200):
        text = fields['text'].removeprefix('\n') + line
        began = time.time()
        a = c.post(EDIT, dict(fields, text=text, reason='edit %d.%d' % (i, k), confirm='0', action='commit'))
        with lock:
            took.append(time.time() - began)
        if a.status == 303:
            with lock:
                accepted.append((i, k))
            return
        s = Shape(a.body)
        words = ' '.join(s.texts)
        kept = [f for f in s.forms if f['action'] == EDIT]
        with lock:
            if a.status == 409 and 'since you began' in words and kept and line.strip() in kept[0]['fields']['text']:
                told.append((i, k))
            else:
                other.append((a.status, words[-300:]))
        time.sleep(0.01 * (i % 7))
        fields = form_of(c)


def administrator(i):
    c = Client()
    for _ in range(20):
        if c.login('adm%02d' % i, PASSWORD).status == 303:
            break
        time.sleep(0.5)
    start.wait(100)
    try:
        for k in range(EACH):
            edit(i, k, c)
    except Exception as e:      # noqa: B902 - whatever it is, it is told
        with lock:
            other.append((i, repr(e)))


users()
c = Client()
t.check('login', c.login('admin', PASSWORD).status == 303)
first = c.get('/json/policy').json()['newest']
threads = [threading.Thread(target=administrator, args=(i,)) for i in range(MANY)]
began = time.time()
for x in threads:
    x.start()
for x in threads:
    x.join()
db = sqlite3.connect('file:%s/A/policy.db?mode=ro' % W, uri=True)
rows = db.execute('SELECT number, author, reason FROM revision WHERE number > ? ORDER BY number', (first,)).fetchall()
db.close()
took.sort()
print('        %d sessions, %d edits accepted, %d told that they were overtaken, in %.1f s; a commit '
      'p50 %.0f, p95 %.0f ms' %
      (MANY, len(accepted), len(told), time.time() - began, took[len(took) // 2] * 1000,
      took[len(took) * 95 // 100] * 1000))
t.check('every edit is accepted in the end', len(accepted) == MANY * EACH and not other, (len(accepted), other[:3]))
t.check('losers were told, with their text kept', len(told) > MANY // 2, len(told))
text = c.get('/json/policy/edit?part=assert.conf').json()['text']
lines = re.findall(r'^# edit (\d+)\.(\d+)$', text, re.M)
t.check('nothing is lost and nothing is twice', sorted((int(a), int(b)) for a, b in lines) == sorted(accepted),
        len(lines))
t.check('each is one revision in history, by its administrator',
        sorted((r[1], r[2]) for r in rows) == sorted(('adm%02d (web)' % i, 'edit %d.%d' % (i, k)) for i,
        k in accepted), rows[:3])
t.check('in the order of the text', [tuple(map(int, r[2][5:].split('.'))) for r in rows] == [(int(a), int(b)) for a,
        b in lines])
t.check('the last one is in force', c.get('/json/policy').json()['in_force'] == rows[-1][0])
r = subprocess.run([BIN + '/ipsecctl', 'history'], env=dict(os.environ, RAVELIN_RUN=W + '/A/run', RAVELIN_DB=W +
        '/A/policy.db'),
                   capture_output=True, text=True).stdout
t.check('ipsecctl tells of them, too', r.count(' (web)') >= MANY * EACH and rows[-1][1] in r, r[:300])
t.end()
