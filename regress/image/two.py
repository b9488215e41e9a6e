# SPDX-License-Identifier: ISC
"""Two appliances and a host behind each.

    hostA ------- A --------------- B ------- hostB
    10.1.0.2   lan0  wan0       wan0  lan0   10.2.0.2
         10.1.0.1    192.0.2.1  192.0.2.2    10.2.0.1

All that an appliance is given is its seed.
"""

import os
import re
import subprocess
import time

import machine

SIDES = {
    "A": ("1", "2", "a", "b"),
    "B": ("2", "1", "b", "a"),
}

SEED = """hostname gateway-{name}
nic wan0 mac 52:54:00:00:0{me}:01
nic lan0 mac 52:54:00:00:0{me}:02
### network.conf
interface wan0 create packet wan0 inet 192.0.2.{me}/24
interface lan0 create packet lan0 inet 10.{me}.0.1/24
### pf.conf
block all
pass on {{ lan0 enc0 }} inet
pass on wan0 inet proto udp from any to any port {{ 500 4500 }}
pass on wan0 inet proto esp
### iked.conf
ikev2 "other" active esp from 10.{me}.0.0/24 to 10.{peer}.0.0/24 \\
	local 192.0.2.{me} peer 192.0.2.{peer} srcid {my}.example dstid {its}.example \\
	psk "a-key-of-decent-length"
"""


class Two:
    """Both, and their hosts; a context, so that nothing is left behind."""

    def __init__(self, how=None, cpus=1):
        machine.require()
        machine.require_namespaces()
        self.hosts, self.boxes = {}, {}
        wires = dict(zip("AB", machine.wire("A", "B")))
        try:
            for name, (me, peer, my, its) in SIDES.items():
                host = machine.Host(name, f"10.{me}.0.2", f"10.{me}.0.1")
                self.hosts[name] = host
                disk = machine.disk_copy(f"{name}.img")
                seed = SEED.format(name=name, me=me, peer=peer, my=my, its=its)
                cards = ((wires[name], f"52:54:00:00:0{me}:01"), (host.netdev(), f"52:54:00:00:0{me}:02"))
                self.boxes[name] = machine.Machine(name, disk, (how or {}).get(name, "direct"), seed, cards=cards,
                                                   cpus=cpus)
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.end()

    def end(self):
        machine.Machine.kill_all()
        for host in self.hosts.values():
            host.remove()

    def start(self, name):
        return self.boxes[name].start(self.hosts[name].prefix)

    def first_answer(self, seconds=60):
        """Seconds from A's power-on to the first answer from behind B; None: none came."""
        box = self.boxes["A"]
        while box.age() < seconds:
            ping = self.hosts["A"].run("ping", "-n", "-q", "-c", "1", "-W", "0.3", "10.2.0.2")
            if " 1 received" in ping.stdout:
                return box.age()
            box.read(0)
            time.sleep(0.05)
        return None

    def ping(self, count=10):
        """The answers to so many pings from behind A."""
        text = self.hosts["A"].run("ping", "-n", "-q", "-i", "0.2", "-c", str(count), "-W", "3", "10.2.0.2").stdout
        return int(re.search(r"(\d+) received", text)[1])

    def tcp(self, size):
        """Sends size bytes over TCP from behind A to behind B; do they come whole?"""
        path = os.path.join(machine.TMP, "received")
        body = os.urandom(size)
        with open(path, "wb") as out:
            server = self.hosts["B"].spawn("nc", "-l", "-N", "10.2.0.2", "5000", stdout=out, stdin=subprocess.DEVNULL)
            time.sleep(0.5)
            client = self.hosts["A"].spawn("nc", "-N", "-w", "20", "10.2.0.2", "5000", stdin=subprocess.PIPE)
            client.stdin.buffer.write(body)
            client.stdin.close()
            client.wait(60)
            server.wait(60)
        with open(path, "rb") as got:
            return got.read() == body

    def wan(self):
        """What A's wire carried: {kind: frames}, and the frames in clear that policy protects."""
        kinds, bare = {}, []
        for frame in machine.packets("A0.pcap"):
            kind, source, destination = machine.describe(frame)
            kinds[kind] = kinds.get(kind, 0) + 1
            if source.startswith("10.") or destination.startswith("10."):
                bare.append(f"{kind} {source} > {destination}")
        return kinds, bare
