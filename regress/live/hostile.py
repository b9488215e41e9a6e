#!/usr/bin/python3
# SPDX-License-Identifier: ISC
#
# hostile.py udp HOST SECONDS SEED: random datagrams to ports 500 and 4500
# hostile.py sock PATH SECONDS SEED: random records to a SEQPACKET socket
#
# Half of the bytes are random whole, half are something near a real message.
# Bounded: at most 2,000 records a second.

import random, socket, struct, sys, time

what, where, seconds, seed = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
rnd = random.Random(seed)


def near_ike():
    head = struct.pack('!QQBBBBII', rnd.getrandbits(64), rnd.choice([0, rnd.getrandbits(64)]),
                       rnd.choice([33, 34, 40, 46, 53, 41, rnd.randrange(256)]), 0x20,
                       rnd.choice([34, 35, 36, 37, rnd.randrange(256)]), rnd.choice([0, 8, 0x20, 0x28]),
                       rnd.choice([0, 1, 2, rnd.getrandbits(32)]), 0)
    body = rnd.randbytes(rnd.randrange(400))
    msg = head + body
    size = rnd.choice([len(msg), len(msg), len(msg) + 1, 28, 0, 0xffffffff])
    return msg[:24] + struct.pack('!I', size) + msg[28:]


def near_esp():
    return struct.pack('!II', rnd.getrandbits(32) | 0x100, rnd.getrandbits(32)) + rnd.randbytes(rnd.randrange(600))


# All but FLUSH and SPDFLUSH, which a bare header orders lawfully.
KEY_TYPES = [t for t in range(26) if t not in (9, 19)]


def near_key():
    body = b''
    while rnd.random() < 0.7:
        ext = rnd.randbytes(8 * rnd.randrange(1, 6))
        body += struct.pack('=HH', rnd.choice([len(ext) // 8, 0, 1, 0xffff]), rnd.randrange(30)) + ext[4:]
    size = (16 + len(body)) // 8
    return struct.pack('=BBBBHHII', 2, rnd.choice(KEY_TYPES), 0, rnd.choice([0, 2, 3, 9]),
                       rnd.choice([size, size, size, 0, size + 1]), 0, rnd.getrandbits(32), rnd.getrandbits(32)) + body


def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send():
        port = rnd.choice([500, 4500])
        data = rnd.choice([lambda: rnd.randbytes(rnd.randrange(1400)), near_ike, near_esp])()
        if port == 4500 and rnd.random() < 0.5:
            data = b'\0\0\0\0' + data
        s.sendto(data, (where, port))
    return send


def sock():
    state = {'s': None}

    def send():
        if state['s'] is None:
            state['s'] = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            state['s'].connect(where)
            state['s'].setblocking(False)
        try:
            state['s'].send(rnd.choice([lambda: rnd.randbytes(rnd.randrange(1, 500)), near_key])())
        except BlockingIOError:
            pass
        except OSError:
            state['s'].close()
            state['s'] = None
            return
        try:
            while state['s'].recv(65536):
                pass
        except BlockingIOError:
            pass
        except OSError:
            state['s'] = None
    return send


send = {'udp': udp, 'sock': sock}[what]()
end, n = time.time() + seconds, 0
while time.time() < end:
    for _ in range(20):
        send()
        n += 1
    time.sleep(0.01)
print(n, 'records sent, seed', seed)
sys.exit(n == 0)
