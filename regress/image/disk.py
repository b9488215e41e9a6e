#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A data partition that cannot be used: it is left as it is, the router goes
on in memory with the last export of /boot, and the menu offers to format it.
Before that, a table of partitions that is torn.
"""

import re
import subprocess
import sys

sys.dont_write_bytecode = True
import machine  # noqa: E402
from machine import Failed, Machine  # noqa: E402

CARDS = (("hubport,hubid=1", "52:54:00:00:01:01"), ("hubport,hubid=2", "52:54:00:00:01:02"))
READY = r"ravelin: ready: revision (\d+) ([0-9a-f]{16})"
SEED = """hostname paris
### network.conf
interface wan0 create packet wan0 inet 192.0.2.1/24
interface lan0 create packet lan0 inet 10.1.0.1/24
"""


def data_partition(disk):
    """First sector and count."""
    out = subprocess.run(["sfdisk", "-d", disk], capture_output=True, text=True, check=True).stdout
    found = re.search(r"start= *(\d+), size= *(\d+),.*ravelin-data", out)
    return int(found[1]), int(found[2])


def destroy(disk):
    first, count = data_partition(disk)
    with open(disk, "r+b") as f:
        f.seek(first * 512)
        for _ in range(count // 2048):
            f.write(b"\xa5" * (1 << 20))


def torn(cases, disk, generation):
    """What a power cut may leave of the first sectors while they are written."""
    with open(disk, "r+b") as f:
        f.seek(1024)
        f.write(b"\0" * 512)
    box = Machine("box", disk, "woken", cards=CARDS).start()
    cases.check("a torn table of partitions: its copy", box.expect(r"its copy is used", 60))
    found = box.expect(READY, 90)
    cases.check("and the same generation", found[2] == generation, found[0])
    box.send("0\ninit poweroff\n")
    box.ended(60)
    box.kill()


def damaged(cases, disk, generation):
    destroy(disk)
    before = open(disk, "rb").read()[-64 << 20:]
    box = Machine("box", disk, "woken", cards=CARDS).start()
    cases.check("the damage is told", box.expect(r"is damaged beyond repair|left as it is", 60))
    cases.check("the last good export", box.expect(r"going on with the last good export", 30))
    found = box.expect(READY, 60)
    cases.check("the same generation is in force", found[2] == generation, found[0])
    _, out = box.shell("ifconfig lan0; mount")
    cases.check("its addresses", "10.1.0.1" in out, out)
    after = open(disk, "rb").read()[-64 << 20:]
    cases.check("the partition is left as it was", before[:60 << 20] == after[:60 << 20])
    return box


def formatted(cases, disk, generation, box):
    box.send("exit\n")
    box.expect(r"choose: ?", 90)
    box.send("8\n")
    box.expect(r"type 'format'")
    box.send("format\n")
    box.ended(60)
    box.kill()
    box = Machine("box", disk, "woken", cards=CARDS).start()
    found = box.expect(READY, 90)
    cases.check("formatted: the export is there again", found[2] == generation, found[0])
    _, out = box.shell("mount | grep /data; ipsecctl history")
    cases.check("on the disk", "ext4" in out, out)
    box.kill()
    box = Machine("box", disk, "woken", cards=CARDS).start()
    found = box.expect(READY, 90)
    cases.check("and at the next start", found[2] == generation, found[0])
    box.kill()


def main():
    machine.require()
    cases = machine.Cases()
    disk = machine.disk_copy("disk.img", machine.IMAGE, mib=320)
    box = Machine("box", disk, "woken", seed=SEED, cards=CARDS).start()
    try:
        found = box.expect(READY, 90)
        generation = found[2]
        _, out = box.shell("until [ -f /boot/saved/hostname ]; do sleep 1; done; ls /boot/saved", 60)
        cases.check("a copy of the export is on /boot", "policy.db.export" in out, out)
        box.send("init poweroff\n")
        box.ended(60)
        box.kill()
        torn(cases, disk, generation)
        formatted(cases, disk, generation, damaged(cases, disk, generation))
    except Failed as e:
        cases.check(str(e)[:200], False, str(e))
    finally:
        for m in Machine.all:
            m.kill()
    cases.end()


if __name__ == "__main__":
    main()
