#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Upgrades of an appliance, and power cuts while one is written.

One machine: an altered file is refused; a good one is written, tried and made
the good slot; one whose network kernel does not run is tried, given up by
itself, and the slot before comes back.  Policy and its revision stay the same
throughout.  The first writing is recorded (see writelog.py), and CUTS (6)
disks that a power cut in it would leave are booted, the whole way by BIOS.
"""

import os
import random
import re
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
import machine  # noqa: E402
import writelog  # noqa: E402
from boot import environment  # noqa: E402
from machine import Failed, Machine  # noqa: E402

sys.path.insert(0, os.path.join(machine.TOP, "mk", "image"))
from root import Archive  # noqa: E402

CUTS = int(os.environ.get("CUTS", "6"))
RUN = int(os.environ.get("SEED", "1"))
CARDS = (("hubport,hubid=1", "52:54:00:00:01:01"), ("hubport,hubid=2", "52:54:00:00:01:02"))
READY = r"ready: revision (\d+ \w+), slot (\w)"
WELL, MOST, BROKEN = 2, 25, 8	# seconds; BROKEN instead of MOST where nothing becomes well
ALTERED = 7000000		# a byte in the middle of the kernel


def create(name, serial, initrd):
    path = os.path.join(machine.TMP, name)
    subprocess.run([os.path.join(os.environ["BIN"], "upgrade"), "create", "-V", name, "-S", str(serial),
                    "-k", os.path.join(machine.TOP, "obj", "upgrade.key"), "-K", machine.LINUX, "-I", initrd,
                    "-o", path], check=True)
    return path


def broken_initrd():
    """As shipped, and behind it an archive that puts another netkern in its place."""
    archive = Archive()
    archive.add("sbin/netkern", stat.S_IFREG | 0o755, b"#!/bin/sh\necho broken; exit 1\n")
    path = os.path.join(machine.TMP, "broken.initrd")
    with open(os.path.join(machine.PARTS, "initrd"), "rb") as f, open(path, "wb") as out:
        body = f.read()
        out.write(body + bytes(-len(body) % 4) + archive.bytes())
    return path


def padded(path):
    """The file as a disk: the box's second one, which cannot be written."""
    disk = path + ".disk"
    subprocess.run(["cp", path, disk], check=True)
    os.truncate(disk, (os.path.getsize(path) + 4095) // 4096 * 4096)
    return disk


class Box:
    """The machine, whose disk stays from boot to boot."""

    def __init__(self, cases):
        self.cases, self.disk = cases, machine.disk_copy("box.img")
        environment(self.disk, slot="a", boot="a", args=f"ravelin.well={WELL}", more=f"ravelin.most={MOST}")
        self.start_disk = machine.disk_copy("start.img", self.disk)
        self.revision = None

    def boot(self, slot, upgrade=None, log=None):
        """Boots until it is ready in this slot, with the policy that it always had.

        Where it is recorded, kernel and initramfs of slot a are handed over; else GRUB takes the slot.
        """
        sticks = [(padded(upgrade), True)] if upgrade else []
        box = Machine("box", None if log else self.disk, "direct" if log else "bios", cards=CARDS, sticks=sticks,
                      extra=writelog.options(self.disk, log) if log else []).start()
        found = box.expect(READY, 120)
        self.revision = self.revision or found[1]
        self.cases.check(f"slot {slot} is up, revision {found[1]}", (found[1], found[2]) == (self.revision, slot),
                         box.text[-3000:])
        if upgrade:
            size = os.path.getsize(upgrade)
            disk = "$(grep -l 1 /sys/block/vd?/ro | cut -d/ -f4)"
            box.shell(f"head -c {size} /dev/{disk} >/tmp/new && ls -l /tmp/new", 60)
        return box

    def install(self, box, what):
        status, text = box.shell("upgrade install /tmp/new", 120)
        self.cases.check(f"{what}: written", status == 0, text)

    def reboot(self, box):
        box.send("init reboot\n")
        self.cases.check("it restarts", box.ended(60), box.text[-2000:])


def refused(box, cases):
    """A byte is changed, and changed back."""
    old = box.shell(f"dd if=/tmp/new bs=1 skip={ALTERED} count=1 2>/dev/null | od -An -to1")[1]
    old = int(re.findall(r"\b\d{3}\b", old)[-1], 8)
    poke = "printf '\\{:03o}' | dd of=/tmp/new bs=1 seek={} conv=notrunc 2>/dev/null"
    box.shell(poke.format(old ^ 1, ALTERED))
    status, text = box.shell("upgrade install /tmp/new", 120)
    cases.check("an altered file is refused, and says why", status == 1 and "upgrade:" in text, text)
    print("        " + " ".join(s.strip() for s in text.split("\n") if "upgrade:" in s))
    status, text = box.shell("cat /boot/grubenv | head -3; ls /boot")
    cases.check("... and nothing is written", "boot=a" in text and not re.search(r"\bb\b", text.split("@@")[-1]), text)
    box.shell(poke.format(old, ALTERED))


class Cuts:
    """Power cuts in the recorded writing."""

    def __init__(self, box, log, begin, end):
        self.box, self.log, self.begin, self.end = box, writelog.Log(log), begin, end
        self.lock = threading.Lock()

    def one(self, number):
        dice = random.Random(f"{RUN} {number}")
        k = dice.randint(self.begin, self.end)
        disk = machine.disk_copy(f"cut{number}.img", self.box.start_disk)
        found, console, attempt = None, "", 0
        try:
            self.log.cut(disk, k, dice)
            while not found and attempt < 2:
                attempt += 1
                box = Machine(f"cut{number}", disk, "bios", cards=CARDS).start()
                try:
                    found = box.expect(READY, 120)
                except Failed as e:
                    console += str(e)
                finally:
                    box.kill()
        finally:
            os.unlink(disk)
        with self.lock:
            self.box.cases.check(f"cut {number} at write {k} of {self.begin} to {self.end}, attempt {attempt}, "
                                 f"slot {found and found[2]}", found and found[1] == self.box.revision,
                                 f"SEED={RUN}; {console[-3000:]}")


def life(box):
    """All upgrades; returns what is to be cut."""
    serial = 2000000000
    good = create("good", serial + 1, os.path.join(machine.PARTS, "initrd"))
    log = os.path.join(machine.TMP, "writes")
    running = box.boot("a", good, log)
    refused(running, box.cases)
    begin = len(writelog.Log(log).entries)
    box.install(running, "a good upgrade")
    cuts = Cuts(box, log, begin, len(writelog.Log(log).entries))
    box.reboot(running)

    running = box.boot("b", create("broken", serial + 2, broken_initrd()))
    running.expect(r"slot b is good", 60, begin=0)
    box.cases.check("it is made the good one", environment(box.disk)["slot"] == "b")
    box.install(running, "an upgrade that does not work")
    box.reboot(running)
    environment(box.disk, **dict(environment(box.disk), more=f"ravelin.most={BROKEN}"))

    running = Machine("box", box.disk, "bios", cards=CARDS).start()
    running.expect(r"slot a has not become well", 120)
    box.cases.check("it is given up", running.ended(60), running.text[-2000:])
    environment(box.disk, **dict(environment(box.disk), more=f"ravelin.most={MOST}"))
    box.boot("b").kill()
    return cuts


def main():
    machine.require()
    print(f"SEED={RUN} CUTS={CUTS}")
    cases = machine.Cases()
    try:
        cuts = life(Box(cases))
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(cuts.one, range(CUTS)))
    except Failed as e:
        cases.check("the machine", False, e)
    finally:
        Machine.kill_all()
    cases.end()


if __name__ == "__main__":
    main()
