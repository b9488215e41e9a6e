# SPDX-License-Identifier: ISC
#
# Strings that would be code somewhere, in every field of an IKE message that holds
# bytes of the peer's choice: identities of each type, notify data, vendor IDs,
# certificates, configuration, cookies; before the peer has shown who it is, after
# that, and in answers to us.  Then: each line of the log is iked's own, every JSON
# document is one, no output holds a control character or more than 80 columns, and
# no page has an element that its template does not have.
import html
import json
import os
import re
import select
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ike2  # noqa: E402
from beside import console  # noqa: E402
from client import Cases, Client  # noqa: E402
from crawl import Shape  # noqa: E402
from ike2 import AUTH, CERT, CERTREQ, CP, DELETE, EAP, IDI, IDR, INFORMATIONAL, NOTIFY, SA, VENDOR  # noqa: E402
from ike2 import Peer, identity, notify, notified, selectors  # noqa: E402
from inject import KNOWN, STRINGS  # noqa: E402

W, PASSWORD, NETNS = sys.argv[1:4]
COUNT, EACH = int(sys.argv[4]), int(sys.argv[5])
BIN = os.environ['BIN']
ENV = dict(os.environ, RAVELIN_RUN=W + '/A/run', RAVELIN_DB=W + '/A/policy.db', PATH=BIN + ':' + os.environ['PATH'])
GW, PSK = ('192.0.2.1', 500), b'a-key-of-decent-length'
LOG = W + '/A/iked.log'
FQDN, MAIL, DN, KEY_ID = 2, 3, 9, 11
AUTHENTICATION_FAILED, NO_PROPOSAL = 24, 14
t, c = Cases(), Client()


def sock(*last):
    return ike2.sockets(NETNS, ['192.0.2.%d' % x for x in last])


# ---- what is said ----
def ids():
    """(type, bytes) without end: a string as a name, without what is no text, as bytes."""
    i = 0
    while True:
        s = STRINGS[i % len(STRINGS)]
        if i % 2 == 0:
            s = re.sub(rb'[^!-~]', b'/', s)         # stands there as it is
        yield (FQDN, MAIL, FQDN, KEY_ID, FQDN, DN)[i % 6], (s or b'x')[:256]
        i += 7 if COUNT < len(STRINGS) else 1


def shown(kind, s, room=127):
    """ike_id_print(), of an event."""
    if kind not in (FQDN, MAIL) or re.search(rb'[^!-~]', s):
        text = '0x' + s.hex()
        return text if len(text) <= room else text[:room - 1 - room % 2 - 2]
    text, mail = s.decode(), b'@' in s
    if mail != (kind == MAIL) or text == 'any' or re.match('0x|fqdn:|mail:', text) or \
            re.fullmatch(r'(\d+\.){3}\d+', text):
        text = ('fqdn:' if kind == FQDN else 'mail:') + text
    return text if len(text) <= room else text[:room - 3]


def everywhere(s):
    """Payloads that may stand beside others, with the string in each."""
    return [(VENDOR, s or b'x'), notify(40000, s), notify(8192 + 40, s), (CERTREQ, b'\4' + s), (CERT, b'\4' + s),
            notify(16388, s[:20]), notify(16391 + 300, s, 3, s[:4].ljust(4, b'x'))]


def some(s):
    """The same, where certificates are not allowed."""
    return [p for p in everywhere(s) if p[0] not in (CERT, CERTREQ)]


# ---- what is seen ----
def run(*args):
    r = subprocess.run([BIN + '/' + args[0], *args[1:]], env=ENV, capture_output=True, timeout=40)
    return r.stdout + r.stderr


def control(raw):
    """Control characters, of eight bits too, and what is not UTF-8; but line ends."""
    return re.findall('[\x00-\x09\x0b-\x1f\x7f-\x9f\ufffd\u2028\u2029\u202a-\u202e\u2066-\u2069]',
                      raw.decode('utf-8', 'replace'))


def wide(raw):
    return [x for x in raw.decode('utf-8', 'replace').split('\n') if len(x) > 80]


def events(name=None, reason=None, least=0):
    """Of the history, oldest first; waits until there are so many."""
    end = time.time() + 10
    while True:
        out = json.loads(run('ikectl', '-j', 'history', *([name] if name else ['-n', '10000'])))['events']
        out = [e for e in out if reason is None or e['reason'] == reason]
        if len(out) >= least or time.time() > end:
            return out
        time.sleep(0.1)


def lines():
    return open(LOG, 'rb').read().split(b'\n')


def honest(where, *args):
    """An output of ikectl, as text and as JSON."""
    text, doc = run('ikectl', *args), run('ikectl', '-j', *args)
    t.check('%s: ikectl %s: no control character' % (where, ' '.join(args)), not control(text) and
            not control(doc.replace(b'\t', b'')), (control(text), control(doc.replace(b'\t', b''))[:9]))
    t.check('%s: of 80 columns' % where, not wide(text), wide(text)[:3])
    return text.decode(), json.loads(doc)


def look(where, *paths):
    """Pages and their twins; the texts of all."""
    out = ''
    for path in paths:
        a = c.get(path)
        s = Shape(a.body)
        t.check('%s: the page %s has the elements of its template' % (where, path),
                a.status == 200 and not s.strange(KNOWN), (a.status, s.strange(KNOWN)))
        out += '\n'.join(s.texts) + '\n'
        bad = control(re.sub(r'[\t\r]', '', a.body).encode())
        t.check('%s: and no control character' % where, not bad, bad)
        a = c.get('/json' + path)
        t.check('%s: its twin is JSON' % where, a.status == 200 and a.json()['schema_version'] == 1 and
                not control(a.body.replace('\t', '').encode()), a.body[-300:])
    return out


# ---- before it is known who it is ----
def strangers():
    say, said, odd = ids(), [], []
    for i, s in enumerate(sock(*range(100, 160))):
        kind, data = next(say)
        p = Peer(s, GW, b'another key')
        raw = STRINGS[i * 31 % len(STRINGS)]
        p.init(more=[(VENDOR, raw + b'x'), (VENDOR, bytes(200)), notify(40001, raw)])
        a = p.auth(kind, data, more=everywhere(raw) + [(CP, b'\1\0\0\0' + raw), (SA, ike2.esp_suite(7)),
                   selectors(ike2.TSI, '10.8.0.0', '10.8.0.9'), selectors(ike2.TSR, '10.1.0.0', '10.1.0.9')])
        if not a or notified(a) != [AUTHENTICATION_FAILED]:
            odd.append((kind, data, a))
        said.append(shown(kind, data))
        s.close()
    t.check('%d strangers are refused' % len(said), not odd, odd[:2])
    seen = [e['text'] for e in events(None, 'ID-01', len(said))]
    lost = [x for x in said if not any('peer identity ' + x in y for y in seen)]
    t.check('the history has what they called themselves', not lost, (lost[:3], seen[:3]))
    log = b'\n'.join(lines()).decode('latin-1')
    lost = [x for x in said if 'peer identity ' + x not in log]
    t.check('so has the log, and where each came from', not lost and '(from 192.0.2.159:500)' in log, lost[:3])
    text = look('strangers', '/', '/log')
    lost = [x for x in said[-5:] if x not in text]
    t.check('so have the pages', not lost, lost[:3])
    honest('strangers', 'history')


def malformed():
    """Messages that break off, that are too long, that have what is not allowed."""
    socks, n, alive = sock(*range(170, 190)), 0, []
    raw = b''.join(STRINGS)
    for i, more in enumerate((
            [identity(IDI, FQDN, raw[:257])], [identity(IDI, FQDN, raw[:9000])], [identity(IDI, FQDN, raw[:60000])],
            [identity(IDI, FQDN, b'')], [identity(IDI, 0, b'x')], [identity(IDI, 1, b'12345')],
            [identity(IDI, 5, raw[:300])], [(IDI, b'')], [(AUTH, b'\2\0\0\0' + raw[:3000])],
            [identity(IDI, FQDN, b'a'), identity(IDI, FQDN, b'b')], [(240, raw[:99], 0x80)],
            [identity(IDI, FQDN, b'a'), (NOTIFY, b'\0\xff\0\1')], [(VENDOR, b'x')] * 80,
            [identity(IDI, FQDN, b'a'), (DELETE, b'\7\4\1\0')])):
        p = Peer(socks[i], GW, PSK)
        p.init(more=[(VENDOR, bytes(300))])
        p.request(ike2.IKE_AUTH, more, 0.3)
        n += 1
    for x in (b'', raw[:27], raw[:65000], bytes(28), struct.pack('>QQBBBBII', 1, 0, 33, 0x20, 34, 8, 0, 28)):
        socks[19].sendto(x, GW)
    alive = json.loads(run('ikectl', '-j', 'stats'))
    t.check('%d malformed messages are counted' % n, alive['in_malformed'] + alive['in_illegal'] >= n,
            (alive['in_malformed'], alive['in_illegal']))
    seen = events(None, 'PROTO-01', 10)
    t.check('and told, with the address', len(seen) >= 10 and all('malformed: ' in e['text'] and
            e['peer'].startswith('192.0.2.1') for e in seen), (len(seen), seen[:2]))


# ---- when it is known ----
def known():
    """Peers that prove the key: what they call themselves stands in status and pages."""
    say, rules, left = ids(), (COUNT + EACH - 1) // EACH, COUNT
    for n in range(1, rules + 1):
        s, said, odd = sock(10 + n)[0], [], []
        many, left = min(EACH, left), left - EACH
        if n > 6:
            time.sleep(0.7)         # the history takes 100 events a second
        for i in range(many):
            kind, data = next(say)
            raw = STRINGS[(n * 997 + i * 13) % len(STRINGS)]
            p = Peer(s, GW, PSK)
            p.init(more=[(VENDOR, bytes(200) + raw)])
            a = p.auth(kind, data, more=everywhere(raw) + ([] if i + 1 < many else child(n)))
            if not a or ike2.find(a, IDR) is None:
                odd.append((kind, data, a and notified(a)))
                continue
            said.append(shown(kind, data))
            p.request(INFORMATIONAL, [*some(raw), (CP, b'\1\0\0\0' + raw)])
            if i + 1 < many:
                p.bye()
        name = 'open%d' % n
        t.check('%s: %d identities that prove the key' % (name, many), not odd, odd[:2])
        seen = [e['text'] for e in events(name, None, 2 * many) if e['event'] == 'ike-up']
        lost = [x for x, y in zip(said, seen) if not y.startswith('established with ' + x)]
        t.check('%s: the history has them' % name, len(seen) == many and not lost, (len(seen), lost[:2]))
        text, doc = honest(name, 'status', name)
        whole = shown(kind, data, 1023)
        t.check('%s: ikectl status has the last' % name, doc['tunnels'][0]['up'] and
                doc['tunnels'][0]['peer_id'] == whole, (doc['tunnels'][0], whole))
        raw = run('ikectl', '-v', 'status', name)
        # in lines of 80 columns
        t.check('%s: so has -v' % name, b''.join(whole.encode().split()) in b''.join(raw.split()) and
                not control(raw), raw[-600:])
        text = look(name, '/tunnel?name=' + name)
        t.check('%s: so has its page' % name, whole in text, text[-600:])
        honest(name, 'history', name)
    log = b'\n'.join(lines()).decode('latin-1')
    t.check('the log has them', all('established with ' + x in log for x in said))


def child(n, spi=0x1000):
    return [(SA, ike2.esp_suite(spi + n)), selectors(ike2.TSI, '10.7.%d.0' % n, '10.7.%d.255' % n),
            selectors(ike2.TSR, '10.1.0.0', '10.1.0.255')]


# ---- in answers to us ----
def called():
    """We begin: the answers of a peer at all stages."""
    s, say, odd, said = sock(3)[0], ids(), [], []

    def call():
        while select.select([s], [], [], 0)[0]:
            s.recv(65535)
        run('ikectl', '--no-wait', 'up', 'call')
        p = Peer(s, GW, PSK, False)
        q = p.asked()
        return p, q

    def why(what):
        end = time.time() + 5
        while time.time() < end:
            x = json.loads(run('ikectl', '-j', 'why', 'call'))['tunnels'][0]
            if what in x['note']:
                return x
            time.sleep(0.02)
        odd.append((what, x['state'], x['note']))
        return x

    for i in range(20):
        kind, data = next(say)
        p, q = call()
        raw = STRINGS[i * 53 % len(STRINGS)]
        if not q or p.accept(q, [(VENDOR, raw + b'x'), notify(40000, raw), (CERTREQ, b'\4' + raw)]) is None:
            odd.append((i, 'does not call'))
            continue
        ident = identity(IDR, kind, data)
        p.answer_auth([ident, p.mine(IDR, ident[1]), *some(raw), (CERT, b'\4' + raw), notify(NO_PROPOSAL, raw)])
        why('the peer says it is ' + shown(kind, data))
        said.append(shown(kind, data))
    t.check('what who is called says it is stands in the reason', not odd, odd[:3])
    text, doc = honest('called', 'why', 'call')
    t.check('the advice stands there, too', 'ID-01' in text and doc['tunnels'][0]['reason'] == 'ID-01', text)
    honest('called', 'status')
    seen = look('called', '/', '/tunnels', '/tunnel?name=call', '/log?name=call')
    t.check('the pages have it as it is', 'the peer says it is ' + said[-1] in seen, seen[-500:])
    raw = STRINGS[5]
    for payloads, text in (
            ([notify(NO_PROPOSAL, raw)], 'accepts none of our'), ([notify(8000, raw)], 'with an unknown error'),
            ([notify(17, raw)], 'wants a group'), ([notify(7, raw), (VENDOR, raw)], 'with INVALID_SYNTAX')):
        p, q = call()
        if q:
            p.refuse([notify(ike2.COOKIE, raw[:64]), notify(11, raw)])
            odd += [] if (NOTIFY, b'\0\0\x40\x06' + raw[:64]) in (p.asked() or []) else ['no cookie']
            p.refuse(payloads)
        why(text)
    for payloads, text in (
            ([notify(AUTHENTICATION_FAILED, raw)], 'refused our key or our identity'),
            ([notify(8001, raw), notify(40000, raw)], 'with an unknown error'), ([(EAP, raw)], 'EAP'),
            ([identity(IDR, FQDN, b'\n' * 300)], 'malformed'),
            ([identity(IDR, FQDN, b'callee.example'), (AUTH, b'\2\0\0\0' + raw)], 'does not have our key')):
        p, q = call()
        if not q or p.accept(q) is None:
            odd.append((text, 'does not call'))
            continue
        p.answer_auth(payloads)
        why(text)
    p, q = call()
    p.accept(q)
    ident = identity(IDR, FQDN, b'callee.example')
    p.answer_auth([ident, p.mine(IDR, ident[1]), notify(38, raw), notify(40000, raw)])
    why('refused (TS_UNACCEPTABLE)')
    t.check('refusals with data in them say what they are', not odd, odd[:4])
    honest('refused', 'why', 'call')
    look('refused', '/tunnel?name=call', '/log?failures=1')


# ---- a flood ----
def flood():
    """Messages that fail at once, of one address and of many: a few are told."""
    before, had = len(lines()), len(events('road'))
    ikes = json.loads(run('ikectl', '-j', 'stats'))
    began, socks = time.time(), sock(*range(190, 220))
    bad = ike2.proposal(1, [(1, 3), (2, 1), (3, 1), (4, 1)])
    first, body = ike2.chain([(SA, bad), (ike2.KE, b'\0\1\0\0' + bytes(96)), (ike2.NONCE, bytes(32))])
    for i in range(4000):
        data = struct.pack('>QQBBBBII', i + 1, 0, first, 0x20, 34, 8, 0, 28 + len(body)) + body
        socks[i % 30 if i > 1000 else 0].sendto(data, GW)
        if i % 50 == 49:
            time.sleep(0.005)
    end = time.time() + 10
    while json.loads(run('ikectl', '-j', 'stats'))['in'] < ikes['in'] + 3500 and time.time() < end:
        time.sleep(0.1)
    took = time.time() - began
    after = json.loads(run('ikectl', '-j', 'stats'))
    many = after['in'] - ikes['in']
    told = [x for x in lines()[before - 1:] if b' failed PROP-01 ' in x]
    t.check('of %d messages in %.1f s the log tells %d' % (many, took, len(told)), many >= 3500 and len(told) <= 10,
            told[:3])
    new = events('road', None, had + len(told))[had:]
    t.check('and the history, too', len(new) == len(told), (len(new), new[:2]))
    t.check('the others are counted', after['events_lost'] - ikes['events_lost'] >= many - 100,
            (ikes['events_lost'], after['events_lost']))
    p = Peer(sock(11)[0], GW, PSK)
    p.init(more=[(VENDOR, bytes(200))])
    a = p.auth(FQDN, b'after.the.flood')
    end = time.time() + 5
    while 'after.the.flood' not in events('open1')[-1]['text'] and time.time() < end:
        time.sleep(0.05)
    t.check('who has the key is told of at once', a and time.time() < end, events('open1')[-1])
    p.bye()


def keyed():
    """A flood of who has the key: of its rule some is told, of others everything."""
    before, had, ours = len(lines()), events('open2'), events('open1')
    lost = json.loads(run('ikectl', '-j', 'stats'))['events_lost']
    flooder, other = sock(12)[0], sock(11)[0]
    bad = [(SA, ike2.proposal(3, [(1, 3), (3, 1), (5, 0)], b'evil')), (ike2.NONCE, bytes(32)), *child(2)[1:]]
    refused, made = 0, 0
    for i in range(3):
        p = Peer(flooder, GW, PSK)
        p.init(more=[(VENDOR, bytes(200))])
        p.auth(FQDN, b'flooder', more=child(2, 0x2000 + 16 * i))
        for _ in range(120):
            refused += notified(p.request(ike2.CREATE_CHILD, bad)) == [NO_PROPOSAL]
            p.request(INFORMATIONAL, [notify(40000, b'x')])
        q = Peer(other, GW, PSK)
        q.init(more=[(VENDOR, bytes(200))])
        made += q.auth(FQDN, b'other%d' % i, more=child(1, 0x2000 + 16 * i)) is not None
        q.bye()
        p.bye()
    t.check('who has the key is refused %d times, another one comes and goes' % refused, refused == 360 and made == 3)
    new = [e['event'] + e['text'][16:23] for e in events('open1', None, len(ours) + 9)[len(ours):]]
    t.check("the history has all of the other's", sum(e.startswith('ike-down') for e in new) >= 3 and
            all('ike-up other%d' % i in new for i in range(3)) and sum(e.startswith('child-up') for e in new) == 3, new)
    told = [x for x in lines()[before - 1:] if b' open2: ' in x or b' open2/' in x]
    new = events('open2', None, len(had))[len(had):]
    t.check('of the flood the log has %d, the history %d' % (len(told), len(new)), len(told) <= 40 and
            len(new) <= 40 and any(b' PROP-02 ' in x for x in told), told[:3])
    after = json.loads(run('ikectl', '-j', 'stats'))['events_lost']
    t.check('the others are counted', after - lost >= 300, (lost, after))


def main():
    t.check('login', c.login('admin', PASSWORD).status == 303)
    follow = subprocess.Popen([BIN + '/ikectl', '-j', 'monitor'], env=ENV, stdout=open(W + '/monitor', 'wb'))
    for part in (strangers, malformed, known, called, flood, keyed):
        began = time.time()
        part()
        print('        %s: %.1f s' % (part.__name__, time.time() - began), flush=True)
    menu = console(ENV)
    t.check('the console shows the menu and the answer', menu.count(b'choose: ') == 2, menu[-500:])
    menu = menu.replace(b'\r\n', b'\n')
    t.check('no control character on the console', not control(menu), control(menu))
    t.check('which has 80 columns', not wide(menu), wide(menu)[:3])
    bad = [x for x in lines() if x and not re.fullmatch(
        rb'\d\d:\d\d:\d\d\.\d{3} iked(\.ike|\.auth)?: [ -~]*', x)]
    t.check('each line of the log is one of iked', not bad, bad[:3])
    t.check('a follower has seen it all', follow.poll() is None, follow.returncode)
    follow.terminate()
    follow.wait()
    seen = [json.loads(x) for x in open(W + '/monitor').read().splitlines()]
    t.check('each line of it is an event', len(seen) > COUNT and all(x['schema_version'] == 1 for x in seen), len(seen))
    look('at the end', '/', '/tunnels', '/log')
    t.check('nothing was executed', not os.path.exists(W + '/executed') and not os.path.exists(W + '/A/web/executed'))
    t.end()


main()
