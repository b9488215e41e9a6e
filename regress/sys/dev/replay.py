#!/usr/bin/python3
# SPDX-License-Identifier: ISC
#
# Driver pcap in a running netkern, without privilege: a capture file is what a
# station says, another records what the router answers.  The station asks
# for an echo (whole, in two fragments, over a router that it has not), and
# tells its Ethernet address when it is asked.
import os
import re
import struct
import subprocess
import sys
import time

TMP, BIN = os.environ["TMPDIR"], os.environ["BIN"]
ENV = dict(os.environ, RAVELIN_RUN=TMP + "/run")
ROUTER, STATION = bytes.fromhex("020000009c02"), bytes.fromhex("02aabbccddee")
US, HIM = bytes([10, 1, 0, 1]), bytes([10, 1, 0, 2])
passed = failed = 0


def case(name, ok):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAILED ", name)


def total(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    s = (s & 0xffff) + (s >> 16)
    return ((s & 0xffff) + (s >> 16)) ^ 0xffff


def ip(payload, dst, ttl=64, off=0, ident=7):
    h = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, off, ttl, 1, 0, HIM, dst)
    return ROUTER + STATION + b"\x08\x00" + h[:10] + struct.pack("!H", total(h)) + h[12:] + payload


def echo(seq, size):
    data = bytes(i & 255 for i in range(size))
    h = struct.pack("!BBHHH", 8, 0, 0, 99, seq)
    return h[:2] + struct.pack("!H", total(h + data)) + h[4:] + data


def pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for fr in frames:
            f.write(struct.pack("=IIII", 0, 0, len(fr), len(fr)) + fr)


def read(path):
    data, at, out = open(path, "rb").read(), 24, []
    while at + 16 <= len(data):
        n = struct.unpack_from("=I", data, at + 8)[0]
        if at + 16 + n > len(data):
            break
        out.append(data[at + 16:at + 16 + n])
        at += 16 + n
    return out


def run(*words):
    return subprocess.run([BIN + "/" + words[0]] + list(words[1:]), env=ENV,
                          capture_output=True, text=True)


arp = (ROUTER + STATION + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, 2) +
       STATION + HIM + ROUTER + US)
big = echo(2, 1800)
other = STATION + STATION + b"\x08\x00" + bytes(46)
pcap(TMP + "/in", [ip(echo(1, 56), US)] + 64 * [other] + [     # a vector, and what comes later
    arp,
    ip(big[:1480], US, off=0x2000), ip(big[1480:], US, off=1480 // 8),
    ip(echo(3, 10), bytes([10, 9, 0, 1]), ttl=1),
    ip(echo(4, 10), US)[:30],
])
netkern = subprocess.Popen([BIN + "/netkern", "-d", "-u", "root"], env=ENV,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
try:
    netkern.stdout.readline()
    r = run("ifconfig", "em0", "create", "pcap", "in=%s/nowhere" % TMP)
    case("a file that is not there", r.returncode == 1 and "No such file" in r.stderr)
    r = run("ifconfig", "em0", "create", "pcap", "in=%s/in,out=%s/out" % (TMP, TMP))
    case("an interface of two files", r.returncode == 0)
    case("nothing comes before it is up", read(TMP + "/out") == [])
    case("up", run("ifconfig", "em0", "inet", "10.1.0.1/24", "up").returncode == 0)
    for _ in range(100):
        got = read(TMP + "/out")
        if sum(f[12:14] == b"\x08\x00" for f in got) >= 4:
            break
        time.sleep(0.05)
    ips = [f[14:] for f in got if f[12:14] == b"\x08\x00"]
    arps = [f for f in got if f[12:14] == b"\x08\x06"]
    case("it asks for the station", any(f[20:22] == b"\0\1" and f[38:42] == HIM for f in arps))
    case("all goes to the station", all(f[:12] == STATION + ROUTER for f in got
                                        if f[12:14] == b"\x08\x00"))
    case("the echo that waited for it", any(p[20] == 0 and p[24:] == echo(1, 56)[4:] for p in ips))
    whole = [p for p in ips if p[20:21] == b"\0" and p[6] & 0x3f] + \
        [p for p in ips if p[7] and not p[6] & 0x20]
    case("fragments are joined, and the answer cut again", len(whole) == 2 and
         (whole[0][20:] + whole[1][20:])[4:] == big[4:])
    case("time exceeded, or no route, is told", any(p[20] in (3, 11) for p in ips))
    s = run("netstat", "-s").stdout
    case("the frame that was cut off is counted", re.search(r"\b1 .*shorter than its header", s, re.M))
    case("so are those of others", re.search(r"\b64 .*frame for another station", s, re.M))
    case("destroyed", run("ifconfig", "em0", "destroy").returncode == 0)
    case("netkern lives", run("ifconfig").returncode == 0)
finally:
    netkern.terminate()
    case("and ends well", netkern.wait(10) == 0)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
