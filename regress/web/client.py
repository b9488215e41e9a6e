# SPDX-License-Identifier: ISC
#
# A browser without a face, for the tests of the web pages: one connection, one
# cookie, forms that are found in pages and sent as a browser sends them.
import html.parser
import http.client
import json
import ssl
import urllib.parse

VOID = {'meta', 'link', 'input', 'br', 'line', 'polyline'}


class Page(html.parser.HTMLParser):
    """What a test wants of a page: text, forms, links, well-formedness."""

    def __init__(self, body):
        super().__init__(convert_charrefs=True)
        self.text, self.forms, self.links, self.stack = [], [], [], []
        self.tags, self.broken, self.scripts = [], [], []
        self.area = self.option = None
        self.feed(body)
        self.close()
        if self.stack:
            self.broken.append('left open: %s' % self.stack)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.tags.append((tag, a))
        for name in a:
            if name.startswith('on') or name == 'style':
                self.scripts.append((tag, name))
        if tag == 'script' and 'src' not in a:
            self.scripts.append((tag, 'inline'))
        if tag not in VOID:
            self.stack.append(tag)
        if tag == 'form':
            self.forms.append({'action': a.get('action', ''), 'method': a.get('method', 'get'),
                               'fields': [], 'buttons': []})
        elif tag == 'a' and 'href' in a:
            self.links.append(a['href'])
        elif tag == 'input' and self.forms and 'name' in a:
            if a.get('type') != 'checkbox' or 'checked' in a:
                self.forms[-1]['fields'].append((a['name'], a.get('value', '')))
        elif tag == 'button' and self.forms:
            self.forms[-1]['buttons'].append((a.get('name'), a.get('value')))
        elif tag == 'textarea':
            self.area = [a['name'], '']
        elif tag == 'option' and 'selected' in a:
            self.option = a.get('value', '')
        elif tag == 'select':
            self.select = a.get('name')

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.stack or self.stack[-1] != tag:
            self.broken.append('</%s> in %s' % (tag, self.stack[-3:]))
        if tag in self.stack:
            while self.stack.pop() != tag:
                pass
        if tag == 'textarea' and self.area:
            self.forms[-1]['fields'].append((self.area[0], self.area[1].removeprefix('\n')))
            self.area = None
        if tag == 'select' and self.option is not None and self.forms:
            self.forms[-1]['fields'].append((self.select, self.option))
            self.option = None

    def handle_data(self, data):
        if self.area:
            self.area[1] += data
        self.text.append(data)

    def words(self):
        return ' '.join(' '.join(self.text).split())


class Answer:
    def __init__(self, r, body):
        self.status, self.headers = r.status, r.headers
        self.raw = body or b''
        binary = (r.headers.get('Content-Type') or '').startswith('application/octet-stream')
        self.body = '' if binary else self.raw.decode('utf-8', 'strict')
        self.to = r.headers.get('Location')

    def page(self):
        return Page(self.body)

    def json(self):
        return json.loads(self.body)


class Client:
    def __init__(self, port=8443, host='127.0.0.1'):
        self.where, self.cookie, self.conn = (host, port), None, None
        self.host = '%s:%d' % self.where
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    def ask(self, method, path, body=None, headers=None, close=False):
        h = dict(headers or {})
        if close and self.conn is not None:
            self.conn.close()
            self.conn = None
        if self.cookie:
            h.setdefault('Cookie', self.cookie)
        for again in (True, False):
            if self.conn is None:
                self.conn = http.client.HTTPSConnection(*self.where, context=self.tls, timeout=60)
            try:
                self.conn.request(method, path, body, h)
                r = self.conn.getresponse()
                a = Answer(r, r.read())
                break
            except (http.client.HTTPException, OSError):
                self.conn.close()
                self.conn = None
                if not again:
                    raise
        c = a.headers.get('Set-Cookie')
        if c:
            self.cookie = c.split(';')[0]
        return a

    def get(self, path, **headers):
        return self.ask('GET', path, headers=headers)

    def post(self, path, fields, origin=True, **headers):
        h = {'Content-Type': 'application/x-www-form-urlencoded'}
        if origin:
            h['Origin'] = 'https://' + self.host if origin is True else origin
        h.update(headers)
        return self.ask('POST', path, urllib.parse.urlencode(fields), h)

    def upload(self, path, fields, body, origin=True, after=()):
        """A form with a file, as a browser sends it."""
        def part(name, value):
            return (b'--xyzzy\r\nContent-Disposition: form-data; name="%s"\r\n\r\n' % name.encode() +
                    value.encode() + b'\r\n')
        form = b''.join(part(*f) for f in fields)
        form += (b'--xyzzy\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n'
                 b'Content-Type: application/octet-stream\r\n\r\n') + body + b'\r\n'
        form += b''.join(part(*f) for f in after) + b'--xyzzy--\r\n'
        return self.ask('POST', path, form, {
            'Content-Type': 'multipart/form-data; boundary=xyzzy',
            'Origin': 'https://' + self.host if origin is True else origin})

    def follow(self, a):
        while a.status == 303:
            a = self.get(a.to.split('#')[0])
        return a

    def login(self, user, password):
        return self.post('/login', {'user': user, 'password': password})

    def send(self, page, action, button=None, **fields):
        """The page's first form with that action (and button), with fields changed."""
        for f in page.forms:
            if f['action'] != action or f['method'] != 'post':
                continue
            if button is not None and not any(b[1] == button for b in f['buttons']):
                continue
            if any((k, str(v)) not in f['fields'] and k not in dict(f['fields']) and k != 'base'
                   for k, v in fields.items()):
                continue
            send, names = [], set(fields)
            for k, v in f['fields']:
                send.append((k, fields[k] if k in names else v))
            if button is not None:
                send.append(('action', button))
            return self.post(action, send)
        raise KeyError('no form %s %s' % (action, button))


class Cases:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, ok, more=''):
        if ok:
            self.passed += 1
            print('ok      %s' % name, flush=True)
        else:
            self.failed += 1
            print('FAILED  %s %s' % (name, str(more)[:1500]), flush=True)
        return ok

    def end(self):
        print('%d passed, %d failed' % (self.passed, self.failed))
        raise SystemExit(self.failed != 0)
