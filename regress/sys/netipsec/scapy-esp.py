#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""ESP against an independent implementation (scapy's): what it seals we open,
what we seal it opens, for every suite that it knows, with extended sequence
numbers and in UDP.  Scapy leaves the high half of the number out of HMACs, so
there Python's own hmac makes the ICV anew (RFC 4303 section 2.2.1)."""
import hmac
import os
import struct
import subprocess
import sys

try:
    from scapy.config import conf
    conf.verb = 0
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.ipsec import ESP, SecurityAssociation, CRYPT_ALGOS, AUTH_ALGOS
    from scapy.packet import Raw
except ImportError:
    print("needs python3-scapy")
    sys.exit(77)

GCM, CBC, NULL, CHACHA = 'AES-GCM', 'AES-CBC', 'NULL', 'CHACHA20-POLY1305'
SUITES = {
    # our name: cipher, key bytes, integrity, key bytes
    'aes-128-gcm': (GCM, 20, 'NULL', 0),
    'aes-192-gcm': (GCM, 28, 'NULL', 0),
    'aes-256-gcm': (GCM, 36, 'NULL', 0),
    'chacha20-poly1305': (CHACHA, 36, 'NULL', 0),
    'aes-128-cbc+hmac-sha2-256': (CBC, 16, 'SHA2-256-128', 32),
    'aes-192-cbc+hmac-sha2-384': (CBC, 24, 'SHA2-384-192', 48),
    'aes-256-cbc+hmac-sha2-512': (CBC, 32, 'SHA2-512-256', 64),
    'aes-128-cbc+hmac-sha1': (CBC, 16, 'HMAC-SHA1-96', 20),
    'null+hmac-sha2-256': (NULL, 0, 'SHA2-256-128', 32),
    'null+hmac-sha2-512': (NULL, 0, 'SHA2-512-256', 64),
    'null+hmac-sha1': (NULL, 0, 'HMAC-SHA1-96', 20),
}
ENC = bytes((31 + 7 * i + 1) & 255 for i in range(128))
AUTH = bytes((17 + 5 * i + 2) & 255 for i in range(128))
SPI = 0xabab0001

tool = subprocess.Popen([os.environ['O'] + '/esp_tool'], stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE, text=True)
passed = failed = skipped = 0


def ask(op, suite, esn, natt, last, packet):
    tool.stdin.write('%s %s %d %d %d %s\n' % (op, suite, esn, natt, last, packet.hex()))
    tool.stdin.flush()
    line = tool.stdout.readline().strip()
    return b'' if line == '-' else bytes.fromhex(line)


def association(suite, esn, hi):
    cipher, klen, auth, alen = SUITES[suite]
    return SecurityAssociation(ESP, spi=SPI, crypt_algo=cipher, crypt_key=ENC[:klen] or None,
                               auth_algo=auth, auth_key=AUTH[:alen] or None,
                               tunnel_header=IP(src='192.0.2.1', dst='192.0.2.2'),
                               esn_en=esn, esn=hi)


def inner(size, i):
    l4 = UDP(sport=1000, dport=2000) if i % 2 else TCP(sport=1000, dport=2000)
    return IP(src='10.1.0.1', dst='10.2.0.1', ttl=60) / l4 / Raw(bytes(k & 255 for k in range(size)))


def hop(packet):
    """What a router makes of it: one off the time to live."""
    p = IP(packet)
    p.ttl -= 1
    del p.chksum
    return bytes(p)


def natt_wrap(packet):
    p = IP(packet)
    body = bytes(p.payload)
    return bytes(IP(src=p.src, dst=p.dst, proto=17, ttl=p.ttl) /
                 UDP(sport=4500, dport=4500, chksum=0) / Raw(body))


def natt_unwrap(packet):
    p = IP(packet)
    assert p.proto == 17 and p[UDP].sport == 4500 and p[UDP].dport == 4500
    assert p[UDP].len == len(packet) - 20
    return bytes(IP(src=p.src, dst=p.dst, proto=50, ttl=p.ttl) / Raw(packet[28:]))


def check(name, good):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print('failed: ' + name)


HASHES = {'SHA2-256-128': ('sha256', 16), 'SHA2-384-192': ('sha384', 24),
          'SHA2-512-256': ('sha512', 32), 'HMAC-SHA1-96': ('sha1', 12)}


def icv(suite, body, tail):
    """ICV of an ESP packet's bytes with what follows unsent."""
    _, _, auth, alen = SUITES[suite]
    name, size = HASHES[auth]
    return hmac.new(AUTH[:alen], body + tail, name).digest()[:size]


def resign(suite, packet, before, after):
    """The IP packet with its ICV, right for one unsent tail, made right for another."""
    if SUITES[suite][2] == 'NULL':
        return packet
    size = HASHES[SUITES[suite][2]][1]
    body = packet[20:-size]
    assert hmac.compare_digest(packet[-size:], icv(suite, body, before)), 'ICV'
    return packet[:-size] + icv(suite, body, after)


def theirs_to_us(suite, esn, natt, seq, packet):
    sa = association(suite, esn, seq >> 32)
    sealed = bytes(sa.encrypt(IP(packet), seq_num=seq & 0xffffffff))
    if esn:
        sealed = resign(suite, sealed, b'', struct.pack('!L', seq >> 32))
    if natt:
        sealed = natt_wrap(sealed)
    return ask('open', suite, esn, natt, seq - 1, sealed) == hop(packet)


def ours_to_them(suite, esn, natt, seq, packet):
    sa = association(suite, esn, seq >> 32)
    sealed = ask('seal', suite, esn, natt, seq - 1, packet)
    if sealed == b'':
        return False
    if natt:
        sealed = natt_unwrap(sealed)
    if esn:
        sealed = resign(suite, sealed, struct.pack('!L', seq >> 32), b'')
    opened = sa.decrypt(IP(sealed))
    return bytes(opened) == hop(packet)


for suite, (cipher, klen, auth, alen) in SUITES.items():
    if CRYPT_ALGOS.get(cipher) is None or CRYPT_ALGOS[cipher].cipher is None and cipher != NULL \
            or auth not in AUTH_ALGOS:
        skipped += 1
        print('SKIPPED %s: scapy does not have it' % suite)
        continue
    for esn, natt, seq in ((0, 0, 1), (0, 1, 7), (1, 0, 5), (1, 0, (3 << 32) + 9), (1, 1, 1 << 32)):
        for i, size in enumerate((0, 1, 2, 3, 4, 13, 14, 15, 16, 100, 1300)):
            packet = bytes(inner(size, i))
            name = '%s esn %d natt %d seq %d size %d' % (suite, esn, natt, seq, size)
            for what, fn in (('opened by us', theirs_to_us), ('opened by scapy', ours_to_them)):
                try:
                    check(name + ' ' + what, fn(suite, esn, natt, seq, packet))
                except Exception as e:      # scapy's own complaints are failures with a name
                    check('%s %s: %r' % (name, what, e), False)

tool.stdin.close()
tool.wait()
print('%d passed, %d failed%s' % (passed, failed, ', %d skipped' % skipped if skipped else ''))
sys.exit(failed != 0 or passed == 0)
