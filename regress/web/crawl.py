# SPDX-License-Identifier: ISC
#
# The pages as they stand: every link followed, every form with all its fields,
# the names that the programs look for, and the shape of a page.  So tests do not
# forget what is added.
import glob
import html.parser
import os
import re
import urllib.parse

TOP = os.environ.get('TOP') or os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
VOID = {'meta', 'link', 'input', 'br', 'hr', 'img', 'line', 'polyline', 'path', 'rect', 'circle', 'col', 'wbr'}
# Query fields that no link or form shows: where a POST or the login leads to.
AFTER = {'/login': ['next'], '/policy': ['did'], '/tunnel': ['asked'], '/upgrade': ['since']}


class Shape(html.parser.HTMLParser):
    """Elements with the names of their attributes, each under those around it; texts; forms."""

    def __init__(self, body):
        super().__init__(convert_charrefs=True)
        self.at, self.paths, self.ones, self.texts = (), set(), {}, []
        self.forms, self.links, self.bad = [], [], []
        self.feed(body)
        self.close()
        if self.at:
            self.bad.append('left open: %r' % (self.at[-1],))

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        here = self.at + ((tag, tuple(sorted(set(a) - {'checked', 'selected', 'aria-current'}))),)
        self.paths.add(here)
        self.ones[tag] = self.ones.get(tag, 0) + 1
        self.texts += [v for v in a.values() if v]
        if len(a) != len(attrs) or any(n.startswith('on') or n == 'style' for n in a) or \
                re.match(r'\s*javascript:', a.get('href', '') + a.get('action', ''), re.I):
            self.bad.append((tag, attrs))
        if tag not in VOID:
            self.at = here
        if tag == 'form':
            self.forms.append({'action': a.get('action', ''), 'method': a.get('method', 'get').lower(),
                               'fields': {}, 'kinds': {}, 'buttons': [], 'type': a.get('enctype', '')})
        elif tag == 'a' and 'href' in a:
            self.links.append(a['href'])
        elif tag == 'button' and a.get('name') and self.forms:
            self.forms[-1]['buttons'].append((a['name'], a.get('value', '')))
        elif tag in ('input', 'select', 'textarea') and a.get('name') and self.forms:
            self.forms[-1]['fields'].setdefault(a['name'], a.get('value', ''))
            self.forms[-1]['kinds'][a['name']] = a.get('type', tag)
            self.area = a['name']

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.at or self.at[-1][0] != tag:
            self.bad.append('</%s> in %r' % (tag, self.at[-2:]))
        while any(x[0] == tag for x in self.at):
            last, self.at = self.at[-1][0], self.at[:-1]
            if last == tag:
                break

    def handle_data(self, data):
        if self.at and self.at[-1][0] == 'textarea' and self.forms:
            self.forms[-1]['fields'][self.area] += data
        if data.strip():
            self.texts.append(data)

    def handle_comment(self, data):
        self.bad.append('a comment: ' + data[:40])

    def strange(self, known):
        """What no template has: an element, or an attribute of one."""
        for path in self.paths:
            tags = tuple(tag for tag, _ in path)
            if tags not in known or set(path[-1][1]) - known[tags]:
                return [x[0] for x in path], path[-1][1]
        ones = {k: self.ones.get(k, 0) for k in ('html', 'head', 'title', 'body', 'main', 'h1', 'script')}
        return ones if set(ones.values()) != {1} else self.bad


def templates():
    """All elements of all pages by the elements around them, and their attributes."""
    known, folder = {}, os.path.join(TOP, 'etc/www')

    def whole(name):
        text = open('%s/%s.html' % (folder, name)).read()
        return re.sub(r'\{\{>(\w+)\}\}', lambda m: whole(m[1]), text)
    for name in (os.path.basename(p)[:-5] for p in glob.glob(folder + '/*.html')):
        text = re.sub(r'\{\{[^}]*\}\}', 'x', re.sub(r'\{\{[#^/][^}]*\}\}', '', whole(name)))
        if '<html' in text:
            for path in Shape(text).paths:
                known.setdefault(tuple(tag for tag, _ in path), set()).update(path[-1][1])
    return known


class Site:
    """What a crawl finds: pages by path and query, and the forms on them."""

    def __init__(self, client):
        self.c, self.pages, self.forms = client, {}, []
        self.fields = {p: set(n) for p, n in AFTER.items()}    # of a GET, by path

    def kind(self, link):
        """Links that differ only in what their fields hold are alike, but for parts of the policy."""
        path, _, query = link.partition('?')
        q = urllib.parse.parse_qsl(query, keep_blank_values=True)
        return path, tuple((k, v if k == 'part' else '') for k, v in q)

    def crawl(self, start=('/', '/login')):
        todo, seen = list(start), {}
        while todo:
            link = todo.pop(0)
            kind = self.kind(link)
            if seen.get(kind, 0) >= 3 or link in self.pages or link.startswith('/static/'):
                continue
            seen[kind] = seen.get(kind, 0) + 1
            a = self.pages[link] = self.c.get(link)
            self.fields.setdefault(kind[0], set()).update(k for k, _ in kind[1])
            if a.status == 303:
                todo.append(a.to)
            if 'text/html' in a.headers.get('Content-Type', ''):
                self.take(link, Shape(a.body), todo)
        self.forms += [f for f in self.left() if f not in self.forms]
        return self

    def again(self, *paths):
        """These look otherwise now."""
        for path in paths:
            self.pages.pop(path, None)
        return self.crawl(paths)

    def take(self, link, shape, todo):
        path = link.split('?')[0]
        for f in shape.forms:
            f['action'] = (f['action'] or path).split('?')[0]
            if f['method'] == 'get':
                self.fields.setdefault(f['action'], set()).update(f['fields'])
            key = (f['action'], f['method'], sorted(f['fields']), f['buttons'], f['fields'].get('part'))
            if not any(key == (g['action'], g['method'], sorted(g['fields']), g['buttons'], g['fields'].get('part'))
                       for g in self.forms):
                self.forms.append(dict(f, page=link))
        todo += [x if x[0] == '/' else path + x for x in shape.links if x[:1] in '/?' and x[:2] != '//']

    def left(self):
        """The login's form is only there for who is not in."""
        return [{'action': '/login', 'method': 'post', 'fields': {'user': '', 'password': '', 'next': ''},
                'kinds': {},
                 'buttons': [], 'type': '', 'page': '/login'}]

    def actions(self):
        """Every button of every form that changes something: path and fields, without the token."""
        for f in self.forms:
            if f['method'] != 'post':
                continue
            for name, value in f['buttons'] or [(None, None)]:
                fields = {k: v for k, v in f['fields'].items() if k != 'csrf'}
                if name:
                    fields[name] = value
                yield f['action'], fields, f


def names_looked_for():
    """Every field that the sources of webadmin(8) ask a request for."""
    names = set()
    for path in glob.glob(os.path.join(TOP, 'sbin/webadmin/*.c')):
        text = open(path).read()
        names |= set(re.findall(r'web_(?:text|posted|field|number)\(\s*&?[\w>.-]+,\s*"(\w+)"', text))
    return names
