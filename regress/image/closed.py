#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Nothing leaves in clear that policy protects, and nothing passes that it
does not allow: from power-on until policy is in force, and with iked killed,
netkern killed, the database destroyed.

    host 10.1.0.2 --- lan0 10.1.0.1   box   192.0.2.1 wan0 --- 192.0.2.2

Both ends send from power-on to the end of the test, ten times a second: the
host to 10.2.0.2, which a tunnel protects whose peer does not answer, to
198.51.100.9, which the filter lets through, and to 198.51.100.13, which it
does not; the outer end to the host, which is not allowed either.
"""

import sys
import time

sys.dont_write_bytecode = True
import machine  # noqa: E402
from machine import Failed, Machine  # noqa: E402
from stub import Stub, udp  # noqa: E402

LAN, WAN = "52:54:00:00:01:02", "52:54:00:00:01:01"
SEED = """nic wan0 mac 52:54:00:00:01:01
nic lan0 mac 52:54:00:00:01:02
### network.conf
interface wan0 create packet wan0 inet 192.0.2.1/24
interface lan0 create packet lan0 inet 10.1.0.1/24
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


def main():
    machine.require()
    cases = machine.Cases()
    box = Box(cases)
    try:
        begin = time.monotonic()
        box.machine.start().expect(READY)
        ready = time.monotonic()
        time.sleep(3)
        box.clean("power-on to ready", begin, may=[ALLOWED])
        cases.check("what policy allows passes when it is in force", box.passes(ready), box.wan.since(begin))
    except Failed as e:
        cases.check("the box", False, e)
    finally:
        box.end()
    cases.end()


if __name__ == "__main__":
    main()
