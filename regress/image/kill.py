#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""QEMU is killed at random moments of first boots, commits and upgrades.

Each disk goes through a chain, and each boot of it judges the kill before:

    a first boot      killed; every other one the whole way, by BIOS and GRUB
    a boot            to the seed's policy; then commits, and killed in them
    a boot            to the commit that was acknowledged last, or the next;
                      then an upgrade is written, and killed in that
    a boot by BIOS    to the same policy, in a slot that is whole

Each in two attempts at most.  CUTS (6) kills are made; SEED is other dice:
the moments are those again, in seconds of QEMU's CPU time, though not to the
instruction.  What a cache may lose in a power cut a kill does not lose: that
is powercut.py's.
"""

import os
import random
import re
import select
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
import machine  # noqa: E402
from boot import environment  # noqa: E402
from machine import Failed, Machine  # noqa: E402
from powercut import CARDS, POLICY, READY, generation  # noqa: E402
from upgrade import create  # noqa: E402

CUTS = int(os.environ.get("CUTS", "6"))
RUN = int(os.environ.get("SEED", "1"))
BIOS_BOOT, WOKEN_BOOT, COMMITS, INSTALL = 9.5, 3.3, 2.5, 3.2	# seconds of CPU: what each takes, or a bit more
COMMIT = "for i in $(seq 100 199); do printf 'block all\\npass on lan0 inet proto tcp to any port 6%d\\n' $i " \
    ">/tmp/pf.conf; ipsecctl commit -f /tmp/pf.conf && echo done=$i; done"


def filter_of(number):
    """What COMMIT's number makes of the filter, or the seed's (None)."""
    return f"port = {6000 + number}" if number is not None else "port = 5000"


class Chain:
    """One disk."""

    def __init__(self, run, number):
        self.run, self.number = run, number
        self.dice = random.Random(f"{RUN} {number}")
        self.disk = machine.disk_copy(f"chain{number}.img")
        environment(self.disk, slot="a", boot="a", args="ravelin.well=2", more="ravelin.most=25")

    def box(self, how, **kw):
        return Machine(f"chain{self.number}", self.disk, how, seed=POLICY, cards=CARDS, **kw)

    def kill(self, box, least, most, until=None):
        """After so many seconds of its CPU, or when it says until."""
        at = box.cpu() + self.dice.uniform(least, most)
        while box.cpu() < at and not (until and re.search(until, box.text)):
            if not box.read(0.02):
                raise Failed(f"QEMU ended:\n{box.text[-2000:]}")
        while select.select([box.process.stdout], [], [], 0)[0] and box.read(0):
            pass			# what it has said is acknowledged
        box.kill()

    def up(self, how, **kw):
        """Boots, in two attempts at most: (the machine, what READY found, attempts)."""
        console = ""
        for attempt in (1, 2):
            box = self.box(how, **kw)
            try:
                return box, box.start().expect(READY, 120), attempt
            except Failed as e:
                console += str(e)
                box.kill()
        raise Failed(console)

    def check(self, what, good, text):
        self.run.check(f"chain {self.number}: {what}", good, f"SEED={RUN}; {text}")

    def first_boot(self):
        how, cpu = ("bios", BIOS_BOOT) if self.number % 2 else ("woken", WOKEN_BOOT)
        box = self.box(how)
        box.start()
        self.kill(box, 0, cpu, READY)
        box, found, attempts = self.up("woken")
        text = box.shell("ipsecctl show")[1]
        self.check(f"killed in the first boot ({how}), attempt {attempts}",
                   filter_of(None) in text and generation(box) == found[1], text)
        return box

    def commits(self, box):
        box.send(COMMIT + "\n")
        begin = len(box.text)
        self.kill(box, 0, COMMITS)
        acked = [int(n) for n in re.findall(r"done=(\d+)", box.text[begin:])]
        last = acked[-1] if acked else None
        may = [filter_of(last), filter_of((last or 99) + 1)]
        return last, may

    def judge_commits(self, last, may, sticks):
        box, found, attempts = self.up("woken", sticks=sticks)
        text = box.shell("ipsecctl show")[1]
        there = re.findall(r"port = [56]\d\d\d\b", text)
        self.check(f"killed in a commit, {last} acknowledged, attempt {attempts}",
                   len(there) == 1 and there[0] in may and generation(box) == found[1], f"{may}\n{text}")
        return box, found[1]

    def upgrade(self, box, size):
        disk = "$(grep -l 1 /sys/block/vd?/ro | cut -d/ -f4)"
        box.shell(f"head -c {size} /dev/{disk} >/tmp/new", 60)
        box.send("upgrade install /tmp/new\n")
        self.kill(box, 0, INSTALL)

    def judge_upgrade(self, before):
        box, found, attempts = self.up("bios")
        slot = box.expect(r"slot (\w)", 10)
        box.kill()
        self.check(f"killed in an upgrade, attempt {attempts}, slot {slot[1]}", found[1] == before,
                   box.text[-3000:])


class Run:
    def __init__(self):
        self.cases, self.lock = machine.Cases(), threading.Lock()

    def check(self, *what):
        with self.lock:
            self.cases.check(*what)

    def one(self, number):
        chain = Chain(self, number)
        stick = os.path.join(machine.TMP, "new.disk")
        try:
            last, may = chain.commits(chain.first_boot())
            box, before = chain.judge_commits(last, may, [(stick, True)])
            chain.upgrade(box, self.size)
            chain.judge_upgrade(before)
        except Failed as e:
            chain.check("a machine", False, e)
        finally:
            os.unlink(chain.disk)

    def prepare(self):
        path = create("new", 2000000001, os.path.join(machine.PARTS, "initrd"))
        self.size = os.path.getsize(path)
        os.truncate(path, (self.size + 4095) // 4096 * 4096)
        os.rename(path, os.path.join(machine.TMP, "new.disk"))


def main():
    machine.require()
    print(f"SEED={RUN} CUTS={CUTS}")
    run = Run()
    try:
        run.prepare()
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(run.one, range((CUTS + 2) // 3)))
    finally:
        Machine.kill_all()
    run.cases.end()


if __name__ == "__main__":
    main()
