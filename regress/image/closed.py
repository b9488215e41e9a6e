#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Nothing leaves in clear that policy protects, and nothing passes that it
does not allow: from power-on until policy is in force, and with iked killed,
netkern killed, the database destroyed.  And Linux, which has the router's addresses
too (host0), answers nobody on a card that netkern has taken: by a program on
the card since Linux 6.6, here (6.1) by what it is told not to do.

    host 10.1.0.2 --- lan0 10.1.0.1   box   192.0.2.1 wan0 --- 192.0.2.2

Both ends send from power-on to the end of the test, ten times a second: the
host to 10.2.0.2, which a tunnel protects whose peer does not answer, to
198.51.100.9, which the filter lets through, and to 198.51.100.13, which it
does not; the outer end to the host, which is not allowed either.
"""

import re
import sys
import time

sys.dont_write_bytecode = True
import machine  # noqa: E402
from machine import Failed, Machine  # noqa: E402
from stub import Stub, echo, syn, udp  # noqa: E402

LAN, WAN = "52:54:00:00:01:02", "52:54:00:00:01:01"
SEED = """nic wan0 mac 52:54:00:00:01:01
nic lan0 mac 52:54:00:00:01:02
### network.conf
interface wan0 create packet wan0 inet 192.0.2.1/24
interface lan0 create packet lan0 inet 10.1.0.1/24
interface host0 create tap rvl0,host
interface host0 up
route add default 192.0.2.2
### pf.conf
block all
pass in on lan0 inet proto udp from 10.1.0.0/24 to { 10.2.0.0/24 198.51.100.9 }
pass out on wan0 inet proto udp from 10.1.0.0/24 to 198.51.100.9
pass on enc0 inet
pass on wan0 inet proto udp from any to any port { 500 4500 }
pass on wan0 inet proto esp
### iked.conf
ikev2 "other" active esp from 10.1.0.0/24 to 10.2.0.0/24 local 192.0.2.1 peer 192.0.2.2 \\
	srcid a.example dstid b.example psk "a-key-of-decent-length"
"""
ALLOWED = ("udp", "10.1.0.2", "198.51.100.9")
READY = r"ravelin: ready"
PROMPT = r"# $"


def own(frame, addresses):
    """Is it the box's own, or nobody's: ARP, IKE, ESP, an ICMP error from its address?"""
    kind, source, _ = frame
    return kind == "arp" or (kind in ("ike", "esp", "icmp") and source in addresses)


class Box:
    def __init__(self, cases):
        self.cases = cases
        self.lan = Stub("lan", LAN, ["10.1.0.2"], [udp("10.1.0.2", to, 9999) for to in
                                                  ("10.2.0.2", "198.51.100.9", "198.51.100.13")])
        self.wan = Stub("wan", WAN, ["192.0.2.2"], [udp(source, "10.1.0.2", 9999) for source in
                                                   ("10.2.0.2", "198.51.100.13")])
        self.machine = Machine("box", machine.disk_copy("box.img"), seed=SEED,
                               cards=((self.wan.netdev(), WAN), (self.lan.netdev(), LAN)))

    def clean(self, name, since, may=()):
        """Nothing but the box's own frames on both wires since then, and what may pass."""
        out = [f for f in self.wan.since(since) if not own(f, ["192.0.2.1"]) and f not in may]
        back = [f for f in self.lan.since(since) if not own(f, ["10.1.0.1"])]
        self.cases.check(f"{name}: nothing on the wires that policy forbids", not out and not back,
                         f"outside {out}, inside {back}")

    def passes(self, since):
        return ALLOWED in self.wan.since(since)

    def end(self):
        self.machine.kill()
        self.lan.end()
        self.wan.end()


def power_on(box):
    begin = time.monotonic()
    box.machine.start().expect(READY)
    ready = time.monotonic()
    time.sleep(3)
    box.clean("power-on to ready", begin, may=[ALLOWED])
    box.cases.check("what policy allows passes when it is in force", box.passes(ready), box.wan.since(begin))


def counters(box, *names):
    """Linux's own, by their names in /proc/net/snmp and /proc/net/netstat."""
    words = box.machine.shell("cat /proc/net/snmp /proc/net/netstat")[1]
    lines = [s.split() for s in words.replace("\r", "").split("\n") if re.match(r"\w+: ", s)]
    known = {k: v for keys, values in zip(lines[::2], lines[1::2]) for k, v in zip(keys[1:], values[1:])}
    return [int(known[n]) for n in names]


def linux_silent(box):
    """To the router's own address outside: three SYNs, one to a port that is open to the LAN, and a ping."""
    has = box.machine.shell("cat /proc/net/fib_trie")[1]
    box.cases.check("Linux has the router's address outside, too", "192.0.2.1\r" in has, has)
    before = counters(box, "OutRsts", "OutEchoReps", "IPReversePathFilter")
    begin = time.monotonic()
    for port in (22, 443, 9):
        box.wan.say(WAN, syn("192.0.2.2", "192.0.2.1", port))
    box.wan.say(WAN, echo("192.0.2.2", "192.0.2.1"))
    time.sleep(1)
    after = counters(box, "OutRsts", "OutEchoReps", "IPReversePathFilter")
    said = [f for f in box.wan.since(begin) if f[1] == "192.0.2.1" and f[0] in ("tcp", "icmp")]
    box.cases.check("... and answers nothing that comes by the card", after[:2] == before[:2] and not said,
                    f"RSTs, echo replies: {before[:2]}, then {after[:2]}; outside: {said}")
    box.cases.check("... as it drops all that does", after[2] - before[2] >= 4, f"{before}, then {after}")


def killed(box, name):
    """The program dies, and comes back."""
    begin, said = time.monotonic(), len(box.machine.text)
    box.machine.shell(f"kill -9 $(pidof {name})")
    box.machine.expect(rf"ravelin: {name}: ", 30, said)
    until = time.monotonic() + 30
    time.sleep(3)
    back = time.monotonic()
    while not box.passes(back) and time.monotonic() < until:
        box.machine.read(0.2)
    box.clean(f"{name} killed", begin, may=[ALLOWED])
    box.cases.check(f"{name} killed: what policy allows passes again", box.passes(back), box.machine.text[-3000:])


def destroyed(box):
    """The policy store is noise at the next boot."""
    text = box.machine.shell("cd /data/db && ls && for f in policy.db policy.db-wal; do "
                             "dd if=/dev/urandom of=$f bs=4k count=40; done; sync; sleep 1")[1]
    box.machine.kill()
    begin = time.monotonic()
    box.machine.start()
    try:
        said = box.machine.expect(r"ravelin: .*policy\.db.*|ravelin: .*damaged.*", 90)[0]
    except Failed as e:
        box.cases.check("database destroyed: the console says so", False, f"{text}\n{e}")
        return
    box.cases.check("database destroyed: the console says so", True)
    print(f"        {said.strip()}")
    box.machine.expect(r"choose:", 90)
    ready = time.monotonic()
    time.sleep(3)
    box.clean("database destroyed", begin, may=[ALLOWED])
    box.cases.check("database destroyed: the last good export is in force", box.passes(ready), box.machine.text[-3000:])
    repaired(box)


def repaired(box):
    """The console offers to go on with the export."""
    begin = time.monotonic()
    box.machine.send("8\n")
    box.machine.expect(r"put it aside\?", 30)
    box.machine.send("yes\n")
    said, until = "", time.monotonic() + 30
    while "is in force" not in said and time.monotonic() < until:
        said = box.machine.shell("ipsecctl history")[1].replace("in force ", "is in force ")
    back = time.monotonic()
    time.sleep(3)
    box.clean("store put aside", begin, may=[ALLOWED])
    box.cases.check("store put aside: a revision of the export is in force", "is in force" in said and box.passes(back),
                    box.machine.text[-3000:])


def main():
    machine.require()
    cases = machine.Cases()
    box = Box(cases)
    try:
        power_on(box)
        linux_silent(box)
        killed(box, "iked")
        killed(box, "netkern")
        destroyed(box)
    except Failed as e:
        cases.check("the box", False, e)
    finally:
        box.end()
    cases.end()


if __name__ == "__main__":
    main()
