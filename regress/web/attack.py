# SPDX-License-Identifier: ISC
#
# Hostile requests to the running server: WEB_MALFORMED (20,000) malformed ones over
# TLS and as from a server in front, slow ones and oversized ones.  An honest page
# works after each thousand; no program dies of them; memory stays as it was.
import multiprocessing
import os
import random
import re
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client import Cases, Client  # noqa: E402
from crawl import Site  # noqa: E402

W, PASSWORD = sys.argv[1], sys.argv[2]
COUNT = int(os.environ.get('WEB_MALFORMED', '20000'))
SEED = int(os.environ.get('SEED', '1'))
TLS, PLAIN, WORKERS = 8443, 8080, 4

# ---- to the web server: heads that are not HTTP, or hardly ----
HOST = b'Host: 127.0.0.1:8443\r\n'
PRI = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
HEADS = [b'GET /login HTTP/1.1\r\n' + HOST + b'Cookie: __Host-ravelin=' + b'f' * 64 + b'\r\n\r\n',
         b'POST /login HTTP/1.1\r\n' + HOST + b'Origin: https://127.0.0.1:8443\r\nContent-Type: '
         b'application/x-www-form-urlencoded\r\nContent-Length: 15\r\n\r\nuser=a&password',
         b'GET /static/style.css HTTP/1.1\r\n' + HOST + b'Range: bytes=0-9\r\nIf-None-Match: "x"\r\n\r\n',
         b'GET /policy/edit?part=pf.conf&from=1 HTTP/1.0\r\n' + HOST + b'Accept: */*\r\n\r\n',
         b'POST /policy/edit HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: chunked\r\n\r\n5\r\nab=cd\r\n0\r\n\r\n']
SHAPES = [b'\r\n\r\n', b'\n\n', b'GET\r\n\r\n', b'GET /\r\n\r\n', b'GET  / HTTP/1.1\r\n\r\n',
        b'GET / HTTP/9.9\r\n\r\n',
          b'GET / HTTP/1.1\r\n\r\n', b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', b'GET / HTTP/1.1\nHost: a\n\n',
          b'GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n', b'GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n', b'G' * 9000,
          b'GET / HTTP/1.1\r\nHo st: a\r\n\r\n', b'GET / HTTP/1.1\r\n: a\r\n\r\n',
          b'GET / HTTP/1.1\r\nHost a\r\n\r\n',
          b'GET /\x00 HTTP/1.1\r\n' + HOST + b'\r\n', b'GET http://evil/ HTTP/1.1\r\n' + HOST + b'\r\n',
          b'CONNECT evil:80 HTTP/1.1\r\n' + HOST + b'\r\n', b'OPTIONS * HTTP/1.1\r\n' + HOST + b'\r\n',
          PRI, PRI + b'\0\0\0\4\0\0\0\0\0' + b'\xff' * 64, PRI + b'\xff\xff\xff\1\5\0\0\0\1',
          b'GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n' + HOST + b'\r\n',
          b'GET /static/../../../etc/passwd HTTP/1.1\r\n' + HOST + b'\r\n', b'TRACE / HTTP/1.1\r\n' + HOST + b'\r\n',
          b'GET /static/%00 HTTP/1.1\r\n' + HOST + b'\r\n', b'GET /' + b'a' * 9000 + b' HTTP/1.1\r\n' + HOST +
          b'\r\n',
          b'GET / HTTP/1.1\r\n' + HOST + b'X-A: ' + b'b' * 9000 + b'\r\n\r\n',
          b'GET / HTTP/1.1\r\n' + HOST + b'X-A: b\r\n' * 300 + b'Upgrade: websocket\r\n\r\n',
          b'POST /login HTTP/1.1\r\n' + HOST + b'Content-Length: -1\r\n\r\n',
          b'POST /login HTTP/1.1\r\n' + HOST + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef',
          b'POST /login HTTP/1.1\r\n' + HOST + b'Content-Length: 5, 6\r\n\r\nabcdef',
          b'POST /login HTTP/1.1\r\n' + HOST + b'Content-Length: 99999999\r\n\r\n',
          b'POST /login HTTP/1.1\r\n' + HOST + b'Content-Length: 99999999999999999999999\r\n\r\n',
          b'POST /login HTTP/1.1\r\n' + HOST +
          b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x',
          b'POST /login HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nab\r\n',
          b'POST /login HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: chunked\r\n\r\n-1\r\nab\r\n0\r\n\r\n',
          b'POST /login HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n',
          b'POST /login HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: gzip\r\n\r\nab\r\n0\r\n\r\n',
          b'POST /login HTTP/1.1\r\n' + HOST + b'Expect: 200-maybe\r\nContent-Length: 1\r\n\r\na',
          b'POST /login HTTP/1.1\r\n' + HOST + b'\r\n', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' +
          b'\xff' * 300]

# ---- to the pages: good HTTP with what no page of ours sends ----
PATHS = [b'/', b'/tunnels', b'/policy/edit', b'/login', b'/json/tunnels', b'/nothing', b'/%25', b'/x%20y', b'/json',
         b'/json/json/', b'/policy/edit/', b'/policy//edit', b'/.', b'/..%2f', b'/%c3%28', b'/' + b'a' * 300,
         b'/tunnel?name=' + b'%c3%28' * 90, b'/?' + b'&' * 3000, b'/?a=1' + b'&a=1' * 70,
         b'/tunnels?' + b'q' * 40 + b'=1', b'/tunnels?q=%3', b'/tunnels?q=%zz', b'/tunnels?=1',
         b'/tunnels?page=-1&page=99999999999999999999', b'/tunnels?q=' + b'a' * 5000, b'/tunnels?q%00=1',
         b'/policy/revision?n=18446744073709551616', b'/login?next=//evil', b'/upload/restore', b'/backup',
         b'/import', b'/upload/import']
METHODS = [b'GET', b'GET', b'POST', b'POST', b'POST', b'HEAD', b'PUT', b'DELETE', b'PATCH', b'OPTIONS', b'PROPFIND']
TYPES = [b'application/x-www-form-urlencoded', b'multipart/form-data; boundary=x', b'multipart/form-data',
         b'text/plain', b'', b'multipart/form-data; boundary=' + b'y' * 200,
         b'application/x-www-form-urlencoded; charset=\xff', b'multipart/form-data; boundary="x',
         b'multipart/form-data; boundary=', b'application/json']
COOKIES = [b'', b'__Host-ravelin=' + b'f' * 64, b'__Host-ravelin=' + b"';--" * 16, b'x' * 4000, b'__Host-ravelin=',
           b';;;=;', b'__Host-ravelin=' + b'f' * 65, b'__Host-ravelin="' + b'f' * 64 + b'"']
ORIGINS = [b'', b'null', b'https://127.0.0.1:8443', b'http://127.0.0.1:8443', b'x' * 500, b'https://evil.example']


def noise(rnd, n):
    return bytes(rnd.choice(b'ab=&%+;\r\n-"\x00\xff<>./0123456789') for _ in range(n))


def body_of(rnd):
    kind = rnd.randrange(5)
    if kind == 0:
        return noise(rnd, rnd.randrange(200))
    if kind == 1:
        return b'--x\r\n' + noise(rnd, 100) + b'\r\n--x--'
    if kind == 2:       # nearly a part of multipart/form-data
        part = bytearray(b'--x\r\nContent-Disposition: form-data; name="text"; filename="a"\r\n\r\nhello\r\n--x--\r\n')
        for _ in range(rnd.randrange(4)):
            part[rnd.randrange(len(part))] = rnd.randrange(256)
        return bytes(part[:rnd.randrange(10, len(part) + 1)])
    if kind == 3:
        return b'a=1&' * rnd.choice([1, 64, 65, 400])
    return b'user=' + b'%' * rnd.randrange(9) + b'&password=' + noise(rnd, 20)


def to_pages(rnd):
    method, body = rnd.choice(METHODS), body_of(rnd)
    path = rnd.choice(PATHS)
    if rnd.random() < .3:       # bytes of a good address, flipped
        p = bytearray(b'/policy/edit?part=pf.conf&x=%41')
        for _ in range(rnd.randrange(1, 4)):
            p[rnd.randrange(len(p))] = rnd.choice(b'%&=/?#;+.~!$()*,:@[]{}|^0aZ\xc3\xff')
        path = bytes(p)
    head = method + b' ' + path + b' HTTP/1.1\r\n' + HOST
    for name, value in ((b'Cookie', rnd.choice(COOKIES)), (b'Origin', rnd.choice(ORIGINS))):
        if value:
            head += name + b': ' + value + b'\r\n'
    if method not in (b'POST', b'PUT', b'PATCH'):
        return head + b'\r\n'
    return head + b'Content-Type: %s\r\nContent-Length: %d\r\n\r\n' % (rnd.choice(TYPES), len(body)) + body


def request(i):
    """The i-th, on what port, and whether it may break the connection off."""
    rnd = random.Random(SEED * 1000003 + i)
    if i % 10 < 3:
        d = bytearray(rnd.choice(HEADS))
        for _ in range(rnd.randrange(1, 6)):
            d[rnd.randrange(len(d))] = rnd.choice(b'\r\n\0 :/%?\x7f\xff\x80GETH10;,"\\{')
        d = bytes(d)
        if rnd.random() < .2:
            d = d[:rnd.randrange(1, len(d))]
        return d, PLAIN, True
    if i % 10 == 3:
        return rnd.choice(SHAPES), TLS if i % 50 == 3 else PLAIN, True
    return to_pages(rnd), TLS if i % 16 == 5 else PLAIN, False


class Wire:
    """One connection, kept as long as the server keeps it."""

    def __init__(self, port):
        self.port, self.s = port, None

    def open(self):
        self.s = socket.create_connection(('127.0.0.1', self.port), timeout=20)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.port == TLS:
            ctx = ssl.create_default_context()
            ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
            self.s = ctx.wrap_socket(self.s)

    def close(self):
        if self.s:
            self.s.close()
        self.s = None

    def ask(self, data, may_break):
        """The status: 0 closed or waiting for more, -1 not HTTP/1, -2 no end of it."""
        head = data.startswith(b'HEAD')
        for again in (True, False):
            if self.s is None:
                self.open()
                again = False
            # what has no end is not answered: that the server waits, it shall
            self.s.settimeout(20 if not may_break else 0.3 if re.search(rb'\n\r?\n', data) else 0.01)
            try:
                self.s.sendall(data)
                got = self.answer(head, data.startswith(b'PRI'))
            except (ConnectionError, ssl.SSLError):
                got = b''
            except TimeoutError:
                self.close()
                return 0 if may_break else -2
            if got or not again:
                break
            self.close()        # it had been closed before we asked
        if may_break or not got or b'\r\nConnection: close' in got[:2000] or b'HTTP/1.0' in got[:10]:
            self.close()
        m = re.match(rb'HTTP/1\.[01] (\d\d\d)[ \r]', got)
        return int(m[1]) if m else -1 if got else 0

    def answer(self, head, first=False):
        """What comes until it is whole, or until the end."""
        got = b''
        while True:
            top, end, body = got.partition(b'\r\n\r\n')
            m = re.search(rb'\r\nContent-Length: (\d+)', top, re.I)
            if end and (head or (m and len(body) >= int(m[1])) or re.match(rb'HTTP/1.1 (204|304)', top) or
                        (not m and body.endswith(b'0\r\n\r\n'))):
                return got
            more = self.s.recv(65536)
            got += more
            if not more or first:
                return got


def share(first, last, step):
    """Every step-th of the requests; statuses, and what is wrong."""
    wires = {TLS: Wire(TLS), PLAIN: Wire(PLAIN)}
    codes, wrong = {}, []
    for i in range(first, last, step):
        data, port, may_break = request(i)
        code = (Wire(port) if may_break else wires[port]).ask(data, may_break)
        codes[code] = codes.get(code, 0) + 1
        fine = 400 <= code < 500 or code in (501, 505)
        if not fine and may_break:
            # what was flipped may not have mattered
            fine = code in (0, 303, 417) or (code == -1 and data.startswith(b'PRI')) or \
                (code in (200, 206) and re.match(rb'(GET|HEAD|OPTIONS) ', data))
        if not fine and not may_break:
            fine = code == 303 and not data.startswith(b'POST') or code == 200 and re.match(rb'(GET|HEAD) /login',
                    data) or \
                code in (200, 204) and data.startswith(b'OPTIONS')
        if not fine:
            wrong.append((i, code, data[:120]))
    for w in wires.values():
        w.close()
    return codes, wrong


# ---- what the server is made of ----
def servers():
    return [int(open('%s/A/%s' % (W, f)).read()) for f in ('web.pid', 'plain.pid')]


def memory(pid):
    return int(re.search(r'VmRSS:\s+(\d+)', open('/proc/%d/status' % pid).read())[1])


def children():
    n = 0
    for pid in os.listdir('/proc'):
        try:
            if pid.isdigit() and int(open('/proc/%s/stat' % pid).read().rsplit(')', 1)[1].split()[1]) in servers():
                n += 1
        except (OSError, ValueError):
            pass
    return n


def until(fn, seconds):
    end = time.time() + seconds
    while not fn() and time.time() < end:
        time.sleep(0.1)
    return fn()


def log():
    return open(W + '/A/web.log', errors='replace').read()


def malformed(t, honest):
    codes, wrong, worked, times = {}, [], 0, []
    began = time.time()
    with multiprocessing.Pool(WORKERS) as pool:
        for first in range(0, COUNT, 1000):
            last = min(first + 1000, COUNT)
            for part, bad in pool.starmap(share, [(first + k, last, WORKERS) for k in range(WORKERS)]):
                for code, n in part.items():
                    codes[code] = codes.get(code, 0) + n
                wrong += bad
            at = time.time()
            worked += honest()
            times.append(time.time() - at)
    print('        %d malformed in %.1f s: %s; honest ones in between at most %.0f ms' %
          (COUNT, time.time() - began, dict(sorted(codes.items())), max(times) * 1000))
    t.check('%d malformed requests are refused' % COUNT, not wrong and sum(codes.values()) == COUNT, wrong[:5])
    t.check('of many kinds', sum(codes.get(k, 0) > COUNT // 2000 for k in (303, 400, 401, 403, 404, 405)) == 6, codes)
    t.check('an honest one works after each thousand', worked == (COUNT + 999) // 1000, worked)


# ---- slow ----
FORM = b'POST %s HTTP/1.1\r\n' + HOST + b'Origin: https://127.0.0.1:8443\r\nContent-Type: ' \
    b'application/x-www-form-urlencoded\r\n'


def slow(t, honest):
    kinds = {'heads': b'GET /login HTTP/1.1\r\n' + HOST + b'X-A: ',
             'bodies': FORM % b'/login' + b'Content-Length: 1000\r\n\r\nuser=',
             'chunks': FORM % b'/login' + b'Transfer-Encoding: chunked\r\n\r\n5\r\nus'}
    lines = []
    for kind, data in kinds.items():
        for i in range(25):
            w = Wire(TLS if i % 5 == 0 else PLAIN)
            w.open()
            w.s.sendall(data)
            lines.append(w)
    began = time.time()
    for i in range(20):
        for w in lines:
            w.s.send(b'a')
    ok = all(honest() for _ in range(10))
    t.check('75 slow heads, bodies and chunks hold nobody up', ok and time.time() - began < 5, time.time() - began)
    t.check('no program waits for them', children() <= 1, children())
    for w in lines:
        w.close()
    # a client that reads nothing of a large answer
    deaf = []
    for i in range(30):
        w = Wire(PLAIN)
        w.open()
        w.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        w.s.sendall(b'GET /static/style.css HTTP/1.1\r\n' + HOST + b'\r\n' + b'GET /login HTTP/1.1\r\n' + HOST +
                b'\r\n')
        deaf.append(w)
    t.check('30 that read nothing hold nobody up', honest())
    for w in deaf:
        w.close()


class Silent(threading.Thread):
    """Begins a request and says no more: when does the server let go (server.max-read-idle)?"""

    def run(self):
        w = Wire(PLAIN)
        w.open()
        w.s.sendall(FORM % b'/login' + b'Content-Length: 1000\r\n\r\nuser=')
        w.s.settimeout(60)
        self.began = time.time()
        try:
            while w.s.recv(4096):
                pass
            self.gone = time.time() - self.began
        except OSError:
            self.gone = 99


# ---- oversized ----
def large(t, c, honest):
    before = [memory(p) for p in servers()]
    forms = {f['action'] for f in Site(c).crawl().forms if f['method'] == 'post'}
    codes = {}
    for path in sorted(forms | {'/tunnels', '/nothing'}):
        for kind in ('told', 'untold', 'chunked'):
            codes[path, kind] = large_one(c, path.encode(), kind)
    # an upload may be that long, but this is none
    t.check('10 MB to each form', all(v in (0, 401, 403, 411, 413) or (v == 400 and k[0].startswith('/upload/'))
                                      for k, v in codes.items()), codes)
    # what comes too much may reset the connection before the answer has been read
    over = next(filter(None, (Wire(PLAIN).ask(FORM % b'/login' + b'Content-Length: 15\r\n\r\nuser=a&password=b&' +
                                              b'x' * 70000, True) for _ in range(5))), 0)
    under = Wire(PLAIN).ask(FORM % b'/login' + b'Content-Length: 500\r\n\r\nuser=a', True)
    t.check('a body longer and one shorter than was told', over in (400, 403, 429) and under in (0, 400),
            (over, under))
    t.check('nothing of them is left', until(lambda: children() == 0, 10) and
            not [f for f in os.listdir(W + '/A/web') if not f.startswith(('sessions', 'rates'))],
            os.listdir(W + '/A/web'))
    after = [memory(p) for p in servers()]
    print('        memory of the servers: %s KB, before the large ones %s KB' % (after, before))
    t.check('the servers are no larger than before', honest() and all(a < b + 16384 for a, b in zip(after, before)))


def large_one(c, path, kind):
    w = Wire(PLAIN if kind != 'untold' else TLS)
    w.open()
    head = FORM % path + b'Cookie: ' + c.cookie.encode() + b'\r\n'
    size = b'Content-Length: %d\r\n' % (10 << 20)
    try:
        if kind == 'chunked':
            w.s.sendall(head + b'Transfer-Encoding: chunked\r\n\r\n')
            for _ in range(160):
                w.s.sendall(b'10000\r\n' + b'a' * 65536 + b'\r\n')
            w.s.sendall(b'0\r\n\r\n')
        else:
            w.s.sendall(head + size + b'\r\n')
            for _ in range(160):
                w.s.sendall(b'a' * 65536)
    except OSError:
        pass                    # it is refused before its end
    try:
        got = w.answer(False)
    except OSError:
        got = b''
    w.close()
    m = re.match(rb'HTTP/1\.[01] (\d\d\d)', got)
    return int(m[1]) if m else 0


def main():
    t, c = Cases(), Client()
    t.check('login', c.login('admin', PASSWORD).status == 303)

    def honest():
        a = c.get('/tunnels')
        return a.status == 200 and 'paris' in a.body

    began = [memory(p) for p in servers()]
    silent = Silent()
    silent.start()
    malformed(t, honest)
    slow(t, honest)
    large(t, c, honest)
    silent.join()
    t.check('one that says nothing is let go', 1 < silent.gone < 50, silent.gone)
    ended = [memory(p) for p in servers()]
    t.check('memory is flat', all(b < a + 24576 for a, b in zip(began, ended)), (began, ended))
    died = [x for x in log().split('\n') if re.search(r'signal|core dumped|Sanitizer|runtime error', x)]
    t.check('no program died', not died, died[:5])
    t.end()


if __name__ == '__main__':
    main()
