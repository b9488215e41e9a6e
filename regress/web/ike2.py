# SPDX-License-Identifier: ISC
#
# An IKEv2 peer of one's own making (RFC 7296), which says whatever it is told to:
# each message is a list of payloads (type, bytes).  It knows one set of algorithms:
# ChaCha20-Poly1305 (RFC 8439, RFC 7634), HMAC-SHA2-256 and Curve25519 (RFC 7748),
# and a pre-shared key.
import ctypes
import hashlib
import hmac
import os
import select
import socket
import struct

SA, KE, IDI, IDR, CERT, CERTREQ, AUTH, NONCE, NOTIFY, DELETE, VENDOR, TSI, TSR, SK, CP, EAP = range(33, 49)
SA_INIT, IKE_AUTH, CREATE_CHILD, INFORMATIONAL = 34, 35, 36, 37
INITIATOR, RESPONSE = 8, 32
COOKIE = 16390


# ---- algorithms ----
def x25519(k, u):
    k = int.from_bytes(k, 'little') & ~7 & (1 << 255) - 1 | 1 << 254
    p, x1 = 2 ** 255 - 19, int.from_bytes(u, 'little') & (1 << 255) - 1
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % p, c * b % p, a * a % p, b * b % p
        x3, z3 = (da + cb) ** 2 % p, x1 * (da - cb) ** 2 % p
        x2, z2 = aa * bb % p, (aa - bb) * (aa + 121665 * (aa - bb)) % p
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, 'little')


def chacha_block(state):
    x = list(state)
    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            xa, xb, xc, xd = x[a], x[b], x[c], x[d]
            for r, s in ((16, 12), (8, 7)):
                xa = xa + xb & 0xffffffff
                xd ^= xa
                xd = (xd << r | xd >> 32 - r) & 0xffffffff
                xc = xc + xd & 0xffffffff
                xb ^= xc
                xb = (xb << s | xb >> 32 - s) & 0xffffffff
            x[a], x[b], x[c], x[d] = xa, xb, xc, xd
    return struct.pack('<16I', *((i + j) & 0xffffffff for i, j in zip(x, state)))


def chacha(key, nonce, data):
    """(poly key, data with the key stream)"""
    head = list(struct.unpack('<4I', b'expand 32-byte k') + struct.unpack('<8I', key))
    tail = list(struct.unpack('<3I', nonce))
    n = (len(data) + 63) // 64
    stream = b''.join(chacha_block(head + [i] + tail) for i in range(n + 1))
    plain = int.from_bytes(data, 'little') ^ int.from_bytes(stream[64:64 + len(data)], 'little')
    return stream[:32], plain.to_bytes(len(data), 'little')


def poly(key, aad, text):
    pad = lambda b: b + bytes(-len(b) % 16)
    data = pad(aad) + pad(text) + struct.pack('<QQ', len(aad), len(text))
    r = int.from_bytes(key[:16], 'little') & 0x0ffffffc0ffffffc0ffffffc0fffffff
    acc = 0
    for i in range(0, len(data), 16):
        acc = (acc + int.from_bytes(data[i:i + 16] + b'\1', 'little')) * r % (2 ** 130 - 5)
    return (acc + int.from_bytes(key[16:], 'little') & (1 << 128) - 1).to_bytes(16, 'little')


def prf(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def prf_plus(key, seed, n):
    out = t = b''
    i = 0
    while len(out) < n:
        i += 1
        t = prf(key, t + seed + bytes([i]))
        out += t
    return out[:n]


# ---- payloads ----
def transform(kind, number, bits=0, last=False):
    attr = struct.pack('>HH', 0x800e, bits) if bits else b''
    return struct.pack('>BBHBBH', 0 if last else 3, 0, 8 + len(attr), kind, 0, number) + attr


def proposal(protocol, transforms, spi=b'', number=1):
    body = b''.join(transform(*t, last=i + 1 == len(transforms)) for i, t in enumerate(transforms))
    return struct.pack('>BBHBBBB', 0, 0, 8 + len(spi) + len(body), number, protocol, len(spi),
                       len(transforms)) + spi + body


IKE_SUITE = proposal(1, [(1, 28), (2, 5), (4, 31)])


def esp_suite(spi, number=1):
    return proposal(3, [(1, 20, 256), (5, 0)], struct.pack('>I', spi), number)


def notify(kind, data=b'', protocol=0, spi=b''):
    return NOTIFY, struct.pack('>BBH', protocol, len(spi), kind) + spi + data


def identity(which, kind, data):
    return which, bytes([kind, 0, 0, 0]) + data


def selectors(which, first, last):
    return which, bytes([1, 0, 0, 0]) + struct.pack('>BBHHH', 7, 0, 16, 0, 65535) + \
        socket.inet_aton(first) + socket.inet_aton(last)


def chain(payloads):
    """(type of the first, bytes); a third element is the critical bit."""
    out = b''
    for i, p in enumerate(payloads):
        after = payloads[i + 1][0] if i + 1 < len(payloads) else 0
        out += struct.pack('>BBH', after, p[2] if len(p) > 2 else 0, 4 + len(p[1])) + p[1]
    return (payloads[0][0] if payloads else 0), out


def unchain(first, data):
    out = []
    while first:
        after, _, n = struct.unpack('>BBH', data[:4])
        out.append((first, data[4:n]))
        first, data = after, data[n:]
    return out


def find(payloads, kind):
    return next((b for k, b in payloads if k == kind), None)


def notified(payloads):
    """Types of the notifies of an answer."""
    return [struct.unpack('>H', b[2:4])[0] for k, b in payloads if k == NOTIFY]


# ---- the peer ----
def sockets(netns, addresses, port=500):
    """UDP sockets of another network namespace."""
    libc, home = ctypes.CDLL(None, use_errno=True), os.open('/proc/self/ns/net', os.O_RDONLY)
    there = os.open('/run/netns/' + netns, os.O_RDONLY)
    assert libc.setns(there, 0x40000000) == 0, os.strerror(ctypes.get_errno())
    out = []
    for a in addresses:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((a, port))
        out.append(s)
    assert libc.setns(home, 0x40000000) == 0
    os.close(home)
    os.close(there)
    return out


class Peer:
    """One IKE SA, of which this is the initiator (or the responder, of a first message)."""

    def __init__(self, sock, to, psk, initiator=True):
        self.s, self.to, self.psk, self.initiator = sock, to, psk, initiator
        self.spi_i, self.spi_r = os.urandom(8) if initiator else b'', bytes(8) if initiator else os.urandom(8)
        self.secret, self.nonce = os.urandom(32), os.urandom(32)
        self.next_id = 0

    # -- messages --
    def pack(self, exchange, first, body, msgid, response):
        flags = (INITIATOR if self.initiator else 0) | (RESPONSE if response else 0)
        return struct.pack('>8s8sBBBBII', self.spi_i, self.spi_r, first, 0x20, exchange, flags, msgid,
                           28 + len(body)) + body

    def seal(self, exchange, payloads, msgid, response=False):
        first, body = payloads if isinstance(payloads[0], int) else chain(payloads)
        key = self.keys['ei' if self.initiator else 'er']
        iv, plain = os.urandom(8), body + b'\0'
        n = 4 + 8 + len(plain) + 16
        aad = self.pack(exchange, SK, struct.pack('>BBH', first, 0, n) + bytes(n - 4), msgid, response)[:32]
        one, text = chacha(key[:32], key[32:] + iv, plain)
        return aad + iv + text + poly(one, aad, text)

    def open(self, data):
        key = self.keys['er' if self.initiator else 'ei']
        aad, iv, text, icv = data[:32], data[32:40], data[40:-16], data[-16:]
        one, plain = chacha(key[:32], key[32:] + iv, text)
        assert hmac.compare_digest(icv, poly(one, aad, text)), 'the ICV is wrong'
        return unchain(aad[28], plain[:len(plain) - 1 - plain[-1]])

    def receive(self, wait=2.0):
        """(exchange, flags, message ID, datagram) of this SA; None: nothing came."""
        while select.select([self.s], [], [], wait)[0]:
            data = self.s.recv(65535)
            if len(data) >= 28 and data[:8] == self.spi_i:
                return data[18], data[19], struct.unpack('>I', data[20:24])[0], data
        return None

    def derive(self, theirs, ni, nr):
        seed = prf(ni + nr, x25519(self.secret, theirs))
        m = prf_plus(seed, ni + nr + self.spi_i + self.spi_r, 3 * 32 + 2 * 36)
        self.keys = {'d': m[:32], 'ei': m[32:68], 'er': m[68:104], 'pi': m[104:136], 'pr': m[136:168]}

    def mine(self, which, body):
        """The AUTH payload over our identity (RFC 7296 section 2.15)."""
        key, other = ('pi', self.nr) if self.initiator else ('pr', self.ni)
        octets = self.first + other + prf(self.keys[key], body)
        return AUTH, b'\2\0\0\0' + prf(prf(self.psk, b'Key Pad for IKEv2'), octets)

    # -- as initiator --
    def init(self, more=(), suite=IKE_SUITE):
        """IKE_SA_INIT; the payloads of the answer, or of a refusal."""
        self.ni = self.nonce
        self.next_id = 1
        head = []
        for _ in range(3):
            first, body = chain(head + [(SA, suite), (KE, struct.pack('>HH', 31, 0) +
                                x25519(self.secret, bytes([9]) + bytes(31))), (NONCE, self.ni), *more])
            self.first = self.pack(SA_INIT, first, body, 0, False)
            self.s.sendto(self.first, self.to)
            got = self.receive()
            assert got is not None, 'no answer to IKE_SA_INIT'
            data = got[3]
            answer = unchain(data[16], data[28:])
            if notified(answer) != [COOKIE]:
                break
            head = [(NOTIFY, find(answer, NOTIFY))]
        if find(answer, SA) is None:
            return answer
        self.spi_r, self.nr = data[8:16], find(answer, NONCE)
        self.derive(find(answer, KE)[4:], self.ni, self.nr)
        return answer

    def auth(self, kind, data, more=(), before=()):
        """IKE_AUTH; the payloads of the answer."""
        ident = identity(IDI, kind, data)
        return self.request(IKE_AUTH, [*before, ident, self.mine(IDI, ident[1]), *more])

    def request(self, exchange, payloads, wait=2.0):
        """The payloads of the answer; None: none came."""
        msgid = self.next_id
        self.next_id += 1
        self.s.sendto(self.seal(exchange, payloads, msgid), self.to)
        while True:
            got = self.receive(wait)
            if got is None:
                return None
            if got[1] & RESPONSE and got[2] == msgid:
                return self.open(got[3])
            if not got[1] & RESPONSE:           # the other's own question: yes
                self.s.sendto(self.seal(got[0], (0, b''), got[2], True), self.to)

    def bye(self):
        return self.request(INFORMATIONAL, [(DELETE, b'\1\0\0\0')])

    # -- as responder --
    def asked(self, wait=2.0):
        """Waits for an IKE_SA_INIT; its payloads, or None."""
        while select.select([self.s], [], [], wait)[0]:
            data = self.s.recv(65535)
            if len(data) > 28 and data[18] == SA_INIT and not data[19] & RESPONSE:
                self.spi_i = data[:8]
                return unchain(data[16], data[28:])
        return None

    def refuse(self, payloads):
        """An answer to IKE_SA_INIT without keys."""
        first, body = chain(payloads)
        spi, self.spi_r = self.spi_r, bytes(8)
        self.s.sendto(self.pack(SA_INIT, first, body, 0, True), self.to)
        self.spi_r = spi

    def accept(self, question, more=()):
        """Answers IKE_SA_INIT; the payloads of the IKE_AUTH that follows, or None."""
        self.ni, self.nr = find(question, NONCE), self.nonce
        first, body = chain([(SA, IKE_SUITE), (KE, struct.pack('>HH', 31, 0) +
                            x25519(self.secret, bytes([9]) + bytes(31))), (NONCE, self.nr), *more])
        self.first = self.pack(SA_INIT, first, body, 0, True)
        self.derive(find(question, KE)[4:], self.ni, self.nr)
        self.s.sendto(self.first, self.to)
        while True:
            got = self.receive()
            if got is None:
                return None
            if got[0] == IKE_AUTH:
                return self.open(got[3])

    def answer_auth(self, payloads):
        self.s.sendto(self.seal(IKE_AUTH, payloads, 1, True), self.to)
