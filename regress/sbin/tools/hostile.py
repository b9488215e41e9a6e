#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Bad clients of netkern's sockets lose only their own session.

Random records, every length, every operation with bodies of every kind,
clients that do not read, and many connections; after each kind an honest
client is served.
"""
import array
import os
import random
import socket
import struct
import subprocess
import sys
import time

RUN = os.path.join(os.environ["TMPDIR"], "run")
BIN = os.environ["BIN"]
HDR = struct.Struct("HHHHII")
passed = failed = 0
rnd = random.Random(1)


def case(name, ok):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED ", name)


def connect(name):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(5)
    s.connect(os.path.join(RUN, name))
    return s


def ask(s, op, body=b"", version=1):
    """All answers to a request; the errno of the last."""
    s.send(HDR.pack(version, op, 0, 0, 7, 0) + body)
    while True:
        r = s.recv(1 << 17)
        if len(r) < HDR.size:
            return None
        _, _, flags, errno, _, _ = HDR.unpack_from(r)
        if flags & 1:
            return errno


def honest():
    try:
        return ask(connect("netkern.sock"), 0x102) == 0
    except OSError:
        return False


def lengths():
    s = connect("netkern.sock")
    for n in range(0, 900):
        body = rnd.randbytes(n)
        s.send(body if n else b"\0")
        s.recv(1 << 17)
    return honest()


def operations():
    s = connect("netkern.sock")
    for op in list(range(0x100, 0x120)) + list(range(0x200, 0x210)) + \
            list(range(0x300, 0x310)) + list(range(0x400, 0x420)) + [0, 0x500, 0xffff]:
        for n in (0, 1, 16, 64, 88, 328, 600, 5000, 65536):
            for kind in (bytes(n), b"\xff" * n, rnd.randbytes(n)):
                try:
                    if ask(s, op, kind) is None:
                        s = connect("netkern.sock")
                except (BrokenPipeError, ConnectionResetError):
                    s = connect("netkern.sock")
    return honest()


def descriptors(records, each):
    s = connect("netkern.sock")
    for _ in range(records):
        fds = array.array("i", [0] * each)
        s.sendmsg([HDR.pack(1, 0x102, 0, 0, 1, 0)],
                  [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        while True:
            r = s.recv(1 << 17)
            if HDR.unpack_from(r)[2] & 1:
                break
    return len(os.listdir("/proc/%d/fd" % netkern.pid)) < 100 and honest()


def deaf():
    """Asks and asks and never reads."""
    s = connect("netkern.sock")
    s.setblocking(False)
    try:
        for _ in range(20000):
            s.send(HDR.pack(1, 0x300, 0, 0, 1, 0))
    except OSError:
        pass
    ok = honest()
    s.close()
    return ok and honest()


def many():
    held = []
    try:
        for _ in range(400):
            held.append(connect("netkern.sock"))
    except OSError:
        pass
    for s in held:
        s.close()
    time.sleep(0.3)
    return honest()


def random_bytes(name):
    s = connect(name)
    s.setblocking(False)
    for _ in range(3000):
        try:
            s.send(rnd.randbytes(rnd.choice((1, 8, 15, 16, 17, 40, 64, 200, 4000))))
            s.recv(1 << 17)
        except BlockingIOError:
            continue
        except OSError:
            s = connect(name)
            s.setblocking(False)
    return honest()


def leaves_halfway():
    for name in ("netkern.sock", "key.sock", "udp.sock"):
        for _ in range(50):
            s = connect(name)
            s.send(rnd.randbytes(64))
            s.close()
    return honest()


log = open(os.path.join(os.environ["TMPDIR"], "log"), "w")
netkern = subprocess.Popen([BIN + "/netkern", "-d", "-u", "root", "-r", RUN],
                           stdout=subprocess.PIPE, stderr=log)
try:
    case("ready", netkern.stdout.readline() == b"netkern: ready\n")
    case("an honest client", honest())
    case("every length", lengths())
    case("every operation", operations())
    case("descriptors that nobody asked for", descriptors(2000, 1))
    case("two with each record", descriptors(200, 2))
    case("many with each record", descriptors(200, 50))
    case("a client that does not read", deaf())
    case("more clients than there is room for", many())
    case("random bytes on the key socket", random_bytes("key.sock"))
    case("random bytes on the UDP socket", random_bytes("udp.sock"))
    case("clients that leave at once", leaves_halfway())
    case("still the same process", netkern.poll() is None)
finally:
    netkern.terminate()
    case("ends with 0", netkern.wait(20) == 0)
text = open(log.name).read()
case("no sanitizer report", "ERROR" not in text and "runtime error" not in text)
if failed:
    print(text[-2000:])
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
