#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Power cuts at random moments of the first boot and of commits.

One machine is recorded (see writelog.py): its first boot, and commits that
its console acknowledges.  Then, for each of CUTS (24) random moments, a disk
as that moment leaves it is booted: it must be up again after two attempts at
most, and its policy's generation, a hash of each word, be the one that was
acknowledged last before the moment, or the next.  SEED is another run's dice.

This is the harder of two tests: when QEMU is killed (kill.py), each write that
it has taken reaches the host's disk, in order and whole; here those that no
flush has followed are lost at random, and the last one may be torn.
"""

import os
import random
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
import machine  # noqa: E402
import writelog  # noqa: E402
from machine import Failed, Machine  # noqa: E402

CUTS = int(os.environ.get("CUTS", "24"))
RUN = int(os.environ.get("SEED", "1"))
CARDS = (("hubport,hubid=1", "52:54:00:00:01:01"), ("hubport,hubid=2", "52:54:00:00:01:02"))
POLICY = """### network.conf
interface wan0 create packet wan0 inet 192.0.2.1/24
interface lan0 create packet lan0 inet 10.1.0.1/24
### pf.conf
block all
pass on lan0 inet proto tcp to any port 5000
"""
CHANGE = r"printf 'block all\npass on lan0 inet proto tcp to any port {}\n' >/tmp/pf.conf; " \
    "ipsecctl commit -f /tmp/pf.conf"
COMMITS = 8
READY = r"ready: revision \d+ ([0-9a-f]{16})\b"


def generation(box):
    """What "ready:" says of the policy that is in force, by the shell's own means."""
    text = box.shell("(echo; ipsecctl show -k | tail -n +2) | sha256sum")[1]
    found = re.search(r"\b([0-9a-f]{16})[0-9a-f]{48}\b", text)
    if not found:
        raise Failed(f"no generation: {text}")
    return found[1]


class Recording:
    """A machine's life: its writes, and which policy was acknowledged when."""

    def __init__(self):
        path, disk = os.path.join(machine.TMP, "writes"), machine.disk_copy("recorded.img")
        self.box = Machine("recorded", None, seed=POLICY, cards=CARDS, extra=writelog.options(disk, path))
        self.path, self.disk, self.acked = path, disk, []

    def acknowledged(self):
        writes = len(writelog.Log(self.path).entries)
        self.acked.append((writes, generation(self.box)))

    def run(self):
        found = self.box.start().expect(READY, 120)
        self.acknowledged()
        if self.acked[0][1] != found[1]:
            raise Failed(f"two hashes of one policy: {found[1]}, {self.acked}")
        for i in range(COMMITS):
            status, text = self.box.shell(CHANGE.format(5001 + i))
            if "is in force" not in text:
                raise Failed(f"commit {i}: {status}, {text}")
            self.acknowledged()
        self.box.kill()
        os.unlink(self.disk)
        self.log = writelog.Log(self.path)
        if len({text for _, text in self.acked}) != COMMITS + 1:
            raise Failed(f"the recording is not what it should be: {self.acked}")
        return self

    def moment(self, number, dice):
        """Every other one is in the first boot."""
        first = self.acked[0][0]
        return dice.randint(0, first) if number % 2 else dice.randint(first, len(self.log.entries))

    def good(self, k):
        """The policies that may be in force after a cut before entry k."""
        known = [text for at, text in self.acked if at <= k]
        return [text for _, text in self.acked[max(len(known) - 1, 0):len(known) + 1]]


def boots(name, disk):
    """(attempts, the generation then in force or None, the console)"""
    console = ""
    for attempt in (1, 2):
        box = Machine(name, disk, "woken", seed=POLICY, cards=CARDS)
        try:
            found = box.start().expect(READY, 120)
            return attempt, found[1], console + box.text
        except Failed as e:
            console += str(e)
        finally:
            box.kill()
    return 2, None, console


class Run:
    def __init__(self, recording):
        self.recording, self.cases, self.lock = recording, machine.Cases(), threading.Lock()

    def one(self, number):
        dice, rec = random.Random(f"{RUN} {number}"), self.recording
        k = rec.moment(number, dice)
        disk = machine.disk_copy(f"cut{number}.img")
        try:
            rec.log.cut(disk, k, dice)
            attempts, now, console = boots(f"cut{number}", disk)
        finally:
            os.unlink(disk)
        with self.lock:
            self.cases.check(f"cut {number} at write {k} of {len(rec.log.entries)}, attempt {attempts}",
                             now in rec.good(k), f"SEED={RUN}, acknowledged at {[at for at, _ in rec.acked]}; "
                             f"in force: {now}\nmay be: {rec.good(k)}\n"
                             f"{console[-4000:]}")


def main():
    machine.require()
    print(f"SEED={RUN} CUTS={CUTS}")
    run = Run(Recording())
    try:
        run.recording.run()
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(run.one, range(CUTS)))
    except Failed as e:
        run.cases.check("the recorded machine", False, e)
    finally:
        Machine.kill_all()
    run.cases.end()


if __name__ == "__main__":
    main()
